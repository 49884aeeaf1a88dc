"""Where sealed files lie. A store keeps bytes under a name; it never sees them open."""

import os
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class NotStored(Exception):
    """The store has nothing under that name."""


class Store(Protocol):
    def put(self, name: str, data: bytes) -> None: ...

    def get(self, name: str) -> bytes: ...

    def delete(self, name: str) -> None: ...


class FolderStore:
    """Files in a folder, two levels deep, written whole or not at all."""

    def __init__(self, root: Path):
        self.root = root

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name

    def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{uuid4().hex}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def get(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise NotStored(name) from error

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)


def store() -> Store:
    """The store that `DOCUMENT_STORAGE_URL` names."""
    url = urlsplit(settings.DOCUMENT_STORAGE_URL)
    if url.scheme != "file":
        raise ImproperlyConfigured("DOCUMENT_STORAGE_URL must read file:///folder.")
    return FolderStore(Path(unquote(url.path)))
