"""Three English letters to a family clinic, which tell one story: iron deficiency after polyps.

The reference ranges are those that laboratories print for adults. The indices follow from one
another (mean cell volume = hematocrit / red cells, saturation = iron / binding capacity), and three
small adenomas in 2024 lead to the next colonoscopy in 2029 (US Multi-Society Task Force, 2020:
three to five years).
"""

from __future__ import annotations

from records.demo_letters.letter import Fact, Heading, Letter, Paragraph, Person, Table

FOOTER = "Fictional letter, made for demonstration. No real person is described."
CLINIC = ("Harbor Family Clinic", "218 Wharf Street, Portsmouth, NH 03801 - Tel. 603 555 0142")


def _about(person: Person, date: str, *recipient: str) -> tuple[str, ...]:
    born = f"{person.date_of_birth:%B} {person.date_of_birth.day}, {person.date_of_birth.year}"
    return (
        date,
        *recipient,
        f"Patient: {person.name}, born {born}, record number {person.record_number}",
    )


def lab_results(person: Person) -> Letter:
    """A blood count with iron studies, as a table."""
    return Letter(
        key="lab_results",
        language="en",
        document_type="lab_result",
        title="Laboratory report",
        sender=("Bayside Diagnostic Laboratory", "40 Mill Road, Dover, NH 03820"),
        heading=_about(person, "March 4, 2025", "Requested by Dr. Sarah Smith"),
        blocks=(
            Paragraph("Venous blood, collected on March 3, 2025 at 8:10 after an overnight fast."),
            Table(
                header=("Test", "Result", "Unit", "Reference", "Note"),
                rows=(
                    ("Hemoglobin", "10.9", "g/dL", "12.0 - 16.0", "Low"),
                    ("Hematocrit", "33.8", "%", "36.0 - 48.0", "Low"),
                    ("Red cells", "4.57", "million/µL", "4.10 - 5.60", "Normal"),
                    ("Mean cell volume", "74", "fL", "80 - 100", "Low"),
                    ("Mean cell hemoglobin", "23.9", "pg", "27.0 - 33.0", "Low"),
                    ("White cells", "6.4", "thousand/µL", "4.0 - 11.0", "Normal"),
                    ("Platelets", "412", "thousand/µL", "150 - 400", "High"),
                    ("Ferritin", "18", "ng/mL", "30 - 300", "Low"),
                    ("Serum iron", "34", "µg/dL", "50 - 170", "Low"),
                    ("Iron binding capacity", "438", "µg/dL", "250 - 420", "High"),
                    ("Transferrin saturation", "8", "%", "20 - 50", "Low"),
                    ("C-reactive protein", "1.2", "mg/L", "below 5.0", "Normal"),
                    ("TSH", "2.31", "mIU/L", "0.40 - 4.50", "Normal"),
                    ("Creatinine", "0.82", "mg/dL", "0.60 - 1.20", "Normal"),
                    ("Hemoglobin A1c", "5.4", "%", "4.0 - 5.6", "Normal"),
                ),
                widths=(0.32, 0.12, 0.2, 0.22, 0.14),
            ),
            Heading("Comment"),
            Paragraph(
                "Microcytic anemia with ferritin 18 ng/mL and low transferrin saturation: the "
                "pattern of iron deficiency. Platelets are slightly raised, which is common in "
                "iron deficiency. Vitamin B12 and folate were not measured."
            ),
            Paragraph(
                "We suggest repeating the blood count and ferritin after three months of treatment."
            ),
        ),
        signature=("Dr. Peter Lindqvist", "Clinical pathology"),
        footer=FOOTER,
        facts=(
            Fact("What was the ferritin?", "ferritin 18 ng/mL"),
            Fact("Which vitamins were not measured?", "Vitamin B12 and folate were not measured"),
            Fact("When should the blood count be repeated?", "after three months of treatment"),
        ),
    )


def referral_letter(person: Person) -> Letter:
    """The family physician refers to gastroenterology."""
    return Letter(
        key="referral_letter",
        language="en",
        document_type="referral",
        title="Referral to gastroenterology",
        sender=CLINIC,
        heading=_about(person, "March 10, 2025", "To Dr. Helen Marsh, Seacoast Digestive Health"),
        blocks=(
            Paragraph("Dear Dr. Marsh,"),
            Paragraph(
                "Thank you for seeing this patient, who has been tired and short of breath on "
                "stairs for four months. There is no visible bleeding, no weight loss and no "
                "change of bowel habit. On March 3, 2025 hemoglobin was 10.9 g/dL, ferritin "
                "18 ng/mL and transferrin saturation 8 %."
            ),
            Heading("History"),
            Paragraph(
                "Colonoscopy in May 2024 removed three tubular adenomas, the largest of 6 mm, from "
                "the sigmoid colon. The bowel preparation was good. The next colonoscopy is due in "
                "2029. Reflux disease since 2017. The patient's father had cancer of the colon at "
                "the age of 68."
            ),
            Heading("Medication"),
            Paragraph(
                "Ferrous sulfate 325 mg every other day since March 5, 2025. Omeprazole 20 mg "
                "before breakfast. Ibuprofen 400 mg for back pain was stopped on March 5, 2025."
            ),
            Heading("Allergies"),
            Paragraph("Penicillin: rash in 2009. No known allergy to latex or to contrast media."),
            Heading("Examination"),
            Paragraph(
                "Blood pressure 118/74 mmHg, pulse 84 per minute, weight 71 kg. Pale conjunctivae. "
                "The abdomen is soft, without masses."
            ),
            Heading("Request"),
            Paragraph(
                "Please consider an upper endoscopy with biopsies of the duodenum. The test for "
                "celiac disease (tissue transglutaminase IgA) was sent on March 10, 2025; the "
                "result is not back yet."
            ),
        ),
        signature=("Dr. Sarah Smith", "Family medicine, Harbor Family Clinic"),
        footer=FOOTER,
        facts=(
            Fact("When is the next colonoscopy due?", "The next colonoscopy is due in 2029"),
            Fact("What did the colonoscopy of 2024 find?", "three tubular adenomas"),
            Fact("Which painkiller was stopped?", "Ibuprofen 400 mg for back pain was stopped"),
        ),
    )


def allergy_letter(person: Person) -> Letter:
    """An allergist's opinion on a reaction to penicillin."""
    return Letter(
        key="allergy_letter",
        language="en",
        document_type="allergy_record",
        title="Penicillin allergy: result of the assessment",
        sender=("Granite State Allergy Center", "9 Orchard Lane, Concord, NH 03301"),
        heading=_about(person, "January 16, 2025", "To Dr. Sarah Smith, Harbor Family Clinic"),
        blocks=(
            Paragraph("Dear Dr. Smith,"),
            Paragraph(
                "I saw this patient on January 14, 2025. In 2009, on the sixth day of amoxicillin "
                "for sinusitis, an itching rash spread over trunk and arms. There was no swelling "
                "of the face, no wheezing and no fall of blood pressure. The rash faded in five "
                "days with cetirizine."
            ),
            Heading("Tests"),
            Paragraph(
                "Skin prick tests to penicillin and amoxicillin were negative after 15 minutes. "
                "The intradermal test to amoxicillin was positive after 24 hours (8 mm). Tests to "
                "cefazolin and to latex were negative."
            ),
            Heading("Conclusion"),
            Paragraph(
                "Penicillin: rash in 2009, a delayed allergy of moderate severity, confirmed. "
                "House dust mite: allergic rhinitis, mild."
            ),
            Heading("Advice"),
            Paragraph(
                "1. Avoid all penicillins, amoxicillin with clavulanate included.\n"
                "2. Cefazolin was tolerated in 2018 and may be given before surgery.\n"
                "3. For sinusitis doxycycline 100 mg twice a day is a good choice.\n"
                "4. Cetirizine 10 mg in the evening for rhinitis, from March to June.\n"
                "5. An adrenaline pen is not needed."
            ),
            Paragraph(
                "We have not planned another visit. Please write to us if a reaction recurs."
            ),
        ),
        signature=("Dr. Anil Rao", "Allergy and immunology"),
        footer=FOOTER,
        facts=(
            Fact("Which reaction to penicillin was there?", "Penicillin: rash in 2009"),
            Fact("May cefazolin be given?", "Cefazolin was tolerated in 2018"),
            Fact("Is an adrenaline pen needed?", "An adrenaline pen is not needed"),
        ),
    )


LETTERS = (lab_results, referral_letter, allergy_letter)
