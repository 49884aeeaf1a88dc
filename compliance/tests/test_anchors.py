"""The file of anchors: read from its end, cut off while it was written, altered, written by two."""

import logging
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from compliance import anchors

FACILITY = UUID(int=7)
DIGEST = bytes(range(32))


@pytest.fixture(autouse=True)
def path(settings, tmp_path):
    settings.AUDIT_ANCHOR_URL = tmp_path.as_uri()
    return anchors.path_for(FACILITY)


def keep(*sequences: int) -> None:
    for sequence in sequences:
        assert anchors.keep(FACILITY, sequence, DIGEST)


def kept() -> list[int]:
    return [anchor.sequence for anchor in anchors.kept(FACILITY)]


def test_heads_are_kept_in_order_and_once():
    keep(3, 5, 100_000)
    for no_news in (0, 3, 100_000):
        assert anchors.keep(FACILITY, no_news, DIGEST) is None
    assert kept() == [3, 5, 100_000]


def test_keeping_reads_the_end_only_and_verification_all(path):
    keep(*range(1, 101))
    whole = path.read_bytes()
    path.write_bytes(b"x" + whole[1:])
    keep(101)
    assert path.read_bytes()[: len(whole)] == b"x" + whole[1:]
    with pytest.raises(anchors.Forged, match=r"line 1 of .* cannot be read"):
        anchors.kept(FACILITY)


@pytest.mark.parametrize("left", [1, 20, 100, 200])
def test_a_line_that_was_cut_off_is_written_anew(path, caplog, left):
    keep(3, 5)
    whole = path.read_bytes()
    keep(8)
    path.write_bytes(path.read_bytes()[: len(whole) + left])
    assert kept() == [3, 5], "what was not written to its end is no anchor"
    with caplog.at_level(logging.WARNING):
        keep(8)
    assert "not written to its end" in caplog.text and path.name in caplog.text
    assert kept() == [3, 5, 8] and path.read_bytes().startswith(whole)


def test_the_very_first_line_can_be_the_one(path):
    keep(3)
    path.write_bytes(path.read_bytes()[:-1])
    keep(3)
    assert kept() == [3]


def test_what_was_cut_off_stays_no_longer_where_nothing_is_new(path):
    keep(3)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"sequence": 99999, "dig')
    assert anchors.keep(FACILITY, 3, DIGEST) is None
    assert path.read_bytes() == whole


ALTERED = {
    "no line of ours": lambda line: b"anything\n",
    "an empty line": lambda line: line + b"\n",
    "another sequence": lambda line: line.replace(b": 3,", b": 4,"),
    "a sequence of another type": lambda line: line.replace(b": 3,", b': "3",'),
    "a sequence written otherwise": lambda line: line.replace(b": 3,", b": 03,"),
    "another digest": lambda line: line.replace(b"0001", b"0002"),
    "another time": lambda line: line.replace(b'"20', b'"30'),
    "no signature": lambda line: line[: line.index(b', "mac"')] + b"}\n",
    "a signature that is none": lambda line: line[: line.index(b'"mac"')] + b'"mac": 1}\n',
    "no text": lambda line: b"\xff\xfe\x00\n",
    "a line that begins before ours": lambda line: b"x" * 5000 + line,
    "more than a line that was cut off": lambda line: line + b"x" * 5000,
    "half a line that was ended": lambda line: line + b'{"sequence": 99999, "dig\n',
}


@pytest.mark.parametrize("how", ALTERED)
def test_whatever_else_was_altered_is_forged(path, how):
    keep(3)
    altered = ALTERED[how](path.read_bytes())
    path.write_bytes(altered)
    for ask in (lambda: anchors.kept(FACILITY), lambda: anchors.keep(FACILITY, 9, DIGEST)):
        with pytest.raises(anchors.Forged):
            ask()
    assert path.read_bytes() == altered, "the evidence stays"


def test_an_anchor_of_another_facility_is_none_of_ours(path):
    other = UUID(int=8)
    anchors.keep(other, 3, DIGEST)
    path.write_bytes(anchors.path_for(other).read_bytes())
    with pytest.raises(anchors.Forged, match="signature"):
        anchors.kept(FACILITY)


def test_an_anchor_under_an_older_master_key_counts(settings):
    keep(3)
    settings.MASTER_KEYS = [bytes(32), *settings.MASTER_KEYS]
    keep(5)
    assert kept() == [3, 5]


def test_of_two_that_write_at_once_each_sees_the_others_line():
    with ThreadPoolExecutor(8) as rivals:
        heads = list(range(1, 101)) * 2
        written = list(rivals.map(lambda n: anchors.keep(FACILITY, n, DIGEST), heads))
    sequences = kept()
    assert sequences == sorted(set(sequences)) and sequences[-1] == 100
    assert len(sequences) == sum(one is not None for one in written)
