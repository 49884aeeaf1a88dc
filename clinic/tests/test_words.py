"""What a text says: only what is seen counts."""

import pytest

from clinic import words

NOTHING = {
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "direction": "\u200e\u202e\u2066\u2069",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "variation": "\ufe00\ufe0f\U000e0100\u180b\u180e",
    "joined to nothing": "\u034f\u17b4\u17b5",
    "tags": "\U000e0001\U000e0041",
    "controls": "\x01\x1f\x7f\x85",
    "private": "\ue000",
    "unassigned": "\u2065\U000e0fff",
    "half": "\ud800",
    "blanks": " \t\n\u00a0\u2003\u3000\u2800",
    "nothing": "",
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_not_seen_does_not_count(name):
    unseen = NOTHING[name] * 10
    assert words.shown(unseen) == "" and not words.says(unseen, least=1)
    assert words.shown(f"{unseen}a{unseen}b ") == words.shown(f"a{unseen}b").strip()
    assert not words.says(f"abc{unseen}", least=4)


def test_nothing_at_all_says_nothing():
    assert words.shown(None) == "" and not words.says(None, least=1)


@pytest.mark.parametrize(
    "text",
    [
        "She fainted.", "Não respira.", "มะเร็งลำไส้ใหญ่", "क्षयरोग का संदेह", "می‌خواهد بداند",
        "緊急の手術が必要です", "가슴이 아프다고 합니다",
    ],
)  # fmt: skip
def test_words_of_any_script_do(text):
    assert words.says(text, least=8)


def test_gaps_count_once_and_letters_of_three_kinds_are_needed():
    assert words.shown(" a \n\n b\u200b \u200b c ") == "a b c"
    assert words.says("a b c", least=5) and not words.says("a  b  c", least=6)
    assert not words.says("aAaAaA bbbb", least=5) and not words.says("!?… ;,.", least=5)
