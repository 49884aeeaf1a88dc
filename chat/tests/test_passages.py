"""Splitting pages into passages, and text into sentences."""

import pytest

from chat.passages import MOST, split
from chat.sentences import sentences

LETTER = """Dear Dr. Hale,

Thank you for referring Mrs. J. R. Ellison (born 12.03.1961), seen on 4 Jan. 2024. Her ferritin
was 12.5 ng/mL. She takes metformin 500 mg b.i.d. with meals, e.g. at breakfast. She was given 2 mg
i.v. yesterday. Pressure 120/80 mmHg. No. 3 tooth is fine! Is she well?

Ferritin      12 ng/mL     15 - 150
Hemoglobin    11.2 g/dL    12 - 16
Plan:
- Iron 100 mg daily
- Colonoscopy in 3 years
1. Come back on 3.5.2024.
2. Bring the results.
Allergies: penicillin (rash)
Sincerely,
Dr. A. Reyes
"""


def told(text):
    return [" ".join(text[start:end].split()) for start, end in sentences(text)]


def test_a_letter_falls_into_its_sentences_rows_and_entries():
    assert told(LETTER) == [
        "Dear Dr. Hale,",
        "Thank you for referring Mrs. J. R. Ellison (born 12.03.1961), seen on 4 Jan. 2024.",
        "Her ferritin was 12.5 ng/mL.",
        "She takes metformin 500 mg b.i.d. with meals, e.g. at breakfast.",
        "She was given 2 mg i.v. yesterday.",
        "Pressure 120/80 mmHg.",
        "No. 3 tooth is fine!",
        "Is she well?",
        "Ferritin 12 ng/mL 15 - 150",
        "Hemoglobin 11.2 g/dL 12 - 16",
        "Plan:",
        "- Iron 100 mg daily",
        "- Colonoscopy in 3 years",
        "1. Come back on 3.5.2024.",
        "2. Bring the results.",
        "Allergies: penicillin (rash)",
        "Sincerely,",
        "Dr. A. Reyes",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A Sra. Souza toma losartana 50 mg. Retorno em 30 dias! O Dr. Paulo concorda.",
            ["A Sra. Souza toma losartana 50 mg.", "Retorno em 30 dias!", "O Dr. Paulo concorda."],
        ),
        (
            "Hemoglobina glicada de 8,7 %. Usar 1 comp. por dia, p.ex. pela manhã. Nega febre.",
            [
                "Hemoglobina glicada de 8,7 %.",
                "Usar 1 comp. por dia, p.ex. pela manhã.",
                "Nega febre.",
            ],
        ),
        (
            "¿Tiene fiebre? Sí. La Dra. Salazar indicó 30 mg i.v. cada 8 h. Vio al Sr. Rojas.",
            [
                "¿Tiene fiebre?",
                "Sí.",
                "La Dra. Salazar indicó 30 mg i.v. cada 8 h.",
                "Vio al Sr. Rojas.",
            ],
        ),
        ("She weighs 71 kg. She sleeps well.", ["She weighs 71 kg.", "She sleeps well."]),
    ],
)
def test_abbreviations_decimals_and_units_end_no_sentence(text, expected):
    assert told(text) == expected


def test_sentences_lose_no_visible_character():
    kept = "".join(LETTER[start:end] for start, end in sentences(LETTER))
    assert "".join(kept.split()) == "".join(LETTER.split())


def test_passages_stand_exactly_where_they_say_and_keep_to_their_page():
    pages = [
        "First page. " * 3,
        "",
        LETTER,
        "One sentence of ten words stands here for us all. " * 90,
    ]
    passages = split(pages)
    assert all(pages[each.page - 1][each.start : each.end] == each.text for each in passages)
    assert [each.page for each in passages][:2] == [1, 3]
    assert {each.page for each in passages} == {1, 3, 4}


def test_a_long_page_becomes_passages_of_about_120_to_200_words():
    page = "\n\n".join("One sentence of ten words stands here for us all. " * 7 for _ in range(12))
    counts = [len(each.text.split()) for each in split([page])]
    assert len(counts) > 3
    assert all(100 <= count <= MOST for count in counts)


def test_every_sentence_is_in_a_passage_and_none_is_torn():
    page = LETTER * 12
    whole = {page[start:end] for start, end in sentences(page)}
    torn = [
        piece
        for each in split([page])
        for piece in (each.text[start:end] for start, end in sentences(each.text))
        if piece not in whole
    ]
    assert torn == []
    kept = "".join("".join(each.text.split()) for each in split([page]))
    assert kept == "".join(page.split())


def test_a_short_page_is_one_passage_and_an_empty_one_is_none():
    assert [each.text for each in split(["  Only this.  ", " \n\t ", ""])] == ["Only this."]


@pytest.mark.parametrize(
    "page",
    ["." * 200_000, "a" + " " * 200_000 + "b", "- " * 100_000, "a|" * 100_000, "\n " * 99_999],
)
@pytest.mark.timeout(20)
def test_rubbish_is_split_in_bearable_time_and_length(page):
    assert all(len(each.text) < 3_000 for each in split([page]))


def test_text_without_spaces_is_cut_to_a_bearable_length():
    khmer = "អ្នកជំងឺមានជំងឺទឹកនោមផ្អែម" * 400
    passages = split([khmer, "x" * 100_000])
    assert max(len(each.text) for each in passages) < 3_000
    assert "".join(each.text for each in passages if each.page == 1) == khmer
