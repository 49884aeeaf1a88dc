"""How the tests say what a refusal is: its kind, and what it names."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clinic.errors import Refused
from clinic.security.permissions import Denied, Permission


@contextmanager
def refused(kind: type[Refused], *fields: str) -> Iterator[None]:
    """The block is refused with exactly this kind, and says of exactly these fields what is wrong
    with them."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.type is kind
    assert set(caught.value.fields) == set(fields)
    assert all(str(words[0]) for words in caught.value.fields.values())


@contextmanager
def denied(permission: Permission | None) -> Iterator[None]:
    """The block is denied for lack of this permission."""
    with pytest.raises(Denied) as caught:
        yield
    assert caught.value.permission == permission
