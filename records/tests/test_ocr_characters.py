"""What comes out of documents is fit to be stored, searched and shown."""

import pytest
from django.conf import settings
from django.utils.functional import Promise

from records.ocr.characters import tidy
from records.ocr.errors import MESSAGES, Reason, Unreadable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b\x07c\x7f", "abc"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("cell\tcell", "cell\tcell"),
        ("pa\u0303o", "p\u00e3o"),
        ("\ufb01brilla\u00e7\u00e3o", "fibrilla\u00e7\u00e3o"),
        ("12\u00a0mg", "12 mg"),
        ("exami\ufffe", "exami-"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("hy\u00adphen\u200bated", "hyphenated"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("75 \u03bcg", "75 \u00b5g"),
        ("\u03bc\u03b7\u03bd\u03b1\u03c2", "\u03bc\u03b7\u03bd\u03b1\u03c2"),
        ("m\u00b2, \u00bd, \u00b0C", "m\u00b2, \u00bd, \u00b0C"),
    ],
)
def test_letters_are_kept_and_the_rest_is_made_plain(given: str, kept: str) -> None:
    assert tidy(given) == kept


def test_every_reason_has_words_for_a_person() -> None:
    assert set(MESSAGES) == set(Reason)
    refusal = Unreadable(Reason.ENCRYPTED, "page 3")
    assert str(refusal) == "encrypted: page 3"
    assert isinstance(refusal.message, Promise)
    if not settings.configured:
        settings.configure(USE_I18N=False)
    assert all(str(message).endswith(".") for message in MESSAGES.values())
