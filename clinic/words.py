"""What a text says to who reads it. Characters that show nothing are no words: a reason of them is
none, however long it is."""

import unicodedata

# Beside the characters of the categories below: what Unicode has shown as nothing
# (Default_Ignorable_Code_Point) and the blank pattern of Braille. All of them are marks or letters
# to Python.
UNSEEN = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
# Control, format, private, unassigned and half characters.
NO_LETTERS = frozenset({"Cc", "Cf", "Co", "Cn", "Cs"})
FEWEST_LETTERS = 3  # different ones: a key that is held down says nothing


def shown(text: str | None) -> str:
    """What of a text is seen, each gap as one blank. To count by: what is kept stays as it was
    written, because some of these characters join the letters of other scripts."""
    kept = (
        char
        for char in " ".join((text or "").split())
        if char not in UNSEEN and unicodedata.category(char) not in NO_LETTERS
    )
    return " ".join("".join(kept).split())


def says(text: str | None, *, least: int) -> bool:
    """Whether a reason has at least so many characters, and letters of three kinds among them."""
    seen = shown(text)
    letters = {char for char in seen.casefold() if char.isalnum()}
    return len(seen) >= least and len(letters) >= FEWEST_LETTERS
