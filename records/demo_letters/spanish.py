"""One Spanish letter: a cardiologist's report after a first episode of atrial fibrillation."""

from __future__ import annotations

from records.demo_letters.letter import Fact, Heading, Letter, Paragraph, Person, Table

FOOTER = "Carta ficticia, hecha para demostración. No describe a ninguna persona real."


def cardiology_report(person: Person) -> Letter:
    """An outpatient report with a short table of measurements."""
    born = f"{person.date_of_birth:%d/%m/%Y}"
    return Letter(
        key="cardiology_report",
        language="es",
        document_type="imaging_report",
        title="Informe de consulta de cardiología",
        sender=("Centro Médico Los Almendros", "Calle del Olmo, 12, Zaragoza"),
        heading=(
            "8 de abril de 2025",
            f"Paciente: {person.name}, nacimiento {born}, historia {person.record_number}",
        ),
        blocks=(
            Heading("Motivo de consulta"),
            Paragraph(
                "Palpitaciones de tres días de evolución en febrero. El electrocardiograma del "
                "21/02/2025 mostró fibrilación auricular a 132 latidos por minuto, que revirtió "
                "sola a ritmo sinusal a las 36 horas. ¿Antecedentes? Hipertensión desde 2014 y "
                "asma en la niñez."
            ),
            Table(
                header=("Medida", "Valor", "Referencia"),
                rows=(
                    ("Fracción de eyección", "61 %", "55 - 70 %"),
                    ("Aurícula izquierda", "38 mm", "27 - 40 mm"),
                    ("Potasio", "4,3 mmol/L", "3,5 - 5,1 mmol/L"),
                    ("Creatinina", "0,94 mg/dL", "0,60 - 1,20 mg/dL"),
                ),
                widths=(0.4, 0.3, 0.3),
            ),
            Heading("Juicio clínico"),
            Paragraph(
                "Primer episodio de fibrilación auricular paroxística, sin cardiopatía estructural."
            ),
            Heading("Tratamiento"),
            Paragraph(
                "Apixabán 5 mg cada 12 horas. Bisoprolol 2,5 mg por la mañana. Se suspende el "
                "diltiazem. Próxima revisión con Holter de 48 horas en octubre de 2025."
            ),
        ),
        signature=("Dra. Inés Muñoz Ibáñez", "Cardiología"),
        footer=FOOTER,
        facts=(
            Fact("¿Qué dosis de apixabán toma?", "Apixabán 5 mg cada 12 horas"),
            Fact("¿Cuál es la fracción de eyección?", "61 %"),
        ),
    )


LETTERS = (cardiology_report,)
