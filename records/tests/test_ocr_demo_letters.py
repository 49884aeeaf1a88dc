"""The demo letters say what they promise, in every form, the same each time."""

import datetime as dt

import pypdfium2
import pytest

from records import demo_letters
from records.demo_letters import MIME_TYPES, Form, Person
from records.ocr import recognise

SOMEONE = Person("Íris d'Ávila & Söhne <Test>", dt.date(1990, 2, 1), "X-9")
LANGUAGES = {"en": 3, "pt": 3, "es": 1}


@pytest.mark.parametrize(("language", "count"), LANGUAGES.items())
def test_each_letter_names_its_patient_and_holds_its_facts(language: str, count: int) -> None:
    letters = demo_letters.write(SOMEONE, language=language)
    assert len({letter.key for letter in letters}) == count
    for letter in letters:
        assert SOMEONE.name in letter.text and SOMEONE.record_number in letter.text
        assert "1990" in letter.text
        assert len(letter.facts) >= 2
        for fact in letter.facts:
            assert fact.answer in letter.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_letter_fits_on_one_page_with_all_its_letters(language: str) -> None:
    letters = demo_letters.write(SOMEONE, language=language)
    document = pypdfium2.PdfDocument(demo_letters.render(letters, Form.PDF))
    assert len(document) == len(letters)
    for page, letter in zip(document, letters, strict=True):
        printed = "".join(page.get_textpage().get_text_range().split())
        assert sorted(printed) == sorted("".join(letter.text.split()))


@pytest.mark.parametrize("form", Form)
def test_a_rendering_is_of_its_kind_and_the_same_each_time(form: Form) -> None:
    letters = demo_letters.write(SOMEONE, language="pt")[:1]
    data = demo_letters.render(letters, form, seed=3)
    assert recognise(data) == MIME_TYPES[form]
    assert data == demo_letters.render(letters, form, seed=3)


def test_another_seed_is_another_scan() -> None:
    letters = demo_letters.write(SOMEONE, language="pt")[:1]
    assert demo_letters.render(letters, Form.SCAN, seed=3) != (
        demo_letters.render(letters, Form.SCAN, seed=4)
    )


def test_a_filename_is_what_a_person_would_choose() -> None:
    letter = demo_letters.write(SOMEONE, language="en")[2]
    assert demo_letters.filename(letter, Form.PHOTO) == (
        "penicillin-allergy-result-of-the-assessment.jpg"
    )
