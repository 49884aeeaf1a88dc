"""Makes text that came out of a document fit to be stored, searched and shown."""

from __future__ import annotations

import re
import unicodedata

NEWLINES = re.compile(r"\r\n?|[\x85\u2028\u2029\x0b\x0c]")
# Controls (NUL cannot be stored at all), lone surrogates, what turns the direction of writing
# around unseen, invisible joiners, and code points that stand for nothing.
UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\uffff]"
)
# The micro sign and the Greek letter look alike; units are written with the micro sign here, so
# that a search for one finds both.
MICRO = re.compile("\u03bc(?=[A-Za-z])")
LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufffe": "-",
        "\u00a0": " ",
        "\u202f": " ",
    }
)


def tidy(text: str) -> str:
    """Return `text` in normal form C with plain newlines, and nothing invisible but tabs."""
    text = NEWLINES.sub("\n", text).translate(LIGATURES)
    text = MICRO.sub("\u00b5", UNWANTED.sub("", text))
    return unicodedata.normalize("NFC", text)
