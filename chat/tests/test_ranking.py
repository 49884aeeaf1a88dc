"""Lexemes, BM25 and the fused order."""

from collections import Counter

import numpy as np
import pytest

from chat.lexemes import language_of, lexemes, of_query
from chat.ranking import bm25, fuse, lexical_weight, rarity


def test_numbers_and_codes_stay_whole():
    found = lexemes("E11.9, BP 120/80, HbA1c 7,2 %, seen 12/03/2024 for COVID-19", "en")
    assert {"e11.9", "120/80", "hba1c", "7.2", "12/03/2024", "covid-19", "covid"} <= set(found)


def test_a_dose_is_the_same_with_and_without_its_space():
    assert lexemes("10mg", "en") == lexemes("10 mg", "en") == Counter({"10": 1, "mg": 1})


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "allergies to the medications", "allergy medication"),
        ("pt", "Alérgica: infecções, PRESSÕES", "alergico infeccao pressao"),
        ("es", "las infecciones crónicas", "infeccion cronica"),
    ],
)
def test_forms_accents_and_function_words_make_no_difference(language, one, other):
    assert set(lexemes(one, language)) == set(lexemes(other, language))


def test_abbreviations_meet_what_they_stand_for():
    assert set(lexemes("blood pressure", "en")) <= set(lexemes("BP", "en"))
    assert set(lexemes("hipertensão arterial", "pt")) <= set(lexemes("HAS", "pt"))
    assert "hypertens" not in lexemes("she has a cough", "en")


def test_the_language_of_a_question_is_told_from_its_function_words():
    assert language_of("Is she allergic to penicillin?") == "en"
    assert language_of("Ela é alérgica a penicilina?") == "pt"
    assert language_of("¿Es alérgica a la penicilina?") == "es"
    assert language_of("ferritina?", default="pt") == "pt"


def test_bm25_follows_its_formula():
    query = Counter({"ferritin": 1})
    passages = [Counter({"ferritin": 2, "iron": 2}), Counter({"iron": 4})]
    found = bm25(query, passages, {"ferritin": 1}, 10, average_length=4)
    assert found == [pytest.approx(rarity(1, 10) * 2 * 2.2 / (2 + 1.2)), 0.0]


def test_bm25_prefers_rare_words_repeated_words_and_short_passages():
    query = Counter({"ferritin": 1, "value": 1})
    rare, common = Counter({"ferritin": 1, "x": 9}), Counter({"value": 1, "x": 9})
    short, often = Counter({"ferritin": 1, "x": 2}), Counter({"ferritin": 5, "x": 5})
    scores = bm25(query, [rare, common, short, often], {"ferritin": 3, "value": 90}, 100)
    assert scores[0] > scores[1]
    assert scores[2] > scores[0]
    assert scores[3] > scores[0]


def test_bm25_works_on_hashes_and_on_nothing():
    assert bm25({b"\x01": 1}, [{b"\x01": 1}], {b"\x01": 1}, 1)[0] > 0
    assert bm25({}, [{}], {}, 0) == [0.0]
    assert bm25({"a": 1}, [], {}, 0) == []


def test_a_frequency_that_lags_behind_never_makes_a_word_count_against_a_passage():
    assert rarity(12, 10) >= 0


def test_who_asks_for_a_code_gets_the_passage_that_holds_it():
    weight = lexical_weight(lexemes("E11.9", "en"))
    order = fuse([0.0, 0.0, 5.0], [0.84, 0.83, 0.82], weight=weight)
    assert order.index(max(order)) == 2


def test_words_weigh_more_the_more_of_the_query_is_codes_and_figures():
    plain, mixed, exact = (
        lexical_weight(lexemes(query, "en"))
        for query in ("is she allergic to penicillin", "visits planned in 2024", "I21.4")
    )
    assert plain < mixed < exact
    assert lexical_weight([]) == plain


def test_a_footnote_that_ran_into_a_word_does_not_hide_it():
    assert "hernia" in lexemes("the hernia.2", "en")


def test_a_query_is_counted_for_passages_of_every_language():
    asked = of_query("alergias")
    assert set(lexemes("alergia", "pt")) | set(lexemes("alergia", "es")) <= set(asked)


def test_meaning_decides_where_words_do_not():
    order = fuse([0.0, 0.0, 0.0], [0.80, 0.91, 0.82])
    assert order.index(max(order)) == 1
    assert fuse([], []) == []
    assert fuse([3.0], [0.9]) == [0.0]


def test_numbers_of_an_array_are_fused_as_well():
    order = fuse(np.array([0, 0, 4]), np.array([0.8, 0.8, 0.8], dtype=np.float32))
    assert order.index(max(order)) == 2
