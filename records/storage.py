"""Where sealed files lie. A store keeps bytes under a name; it never sees them open."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
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

    def put_before(self, moment: datetime, *, folder: str) -> Iterator[str]: ...


class FolderStore:
    """Files in folders, written whole or not at all. A name may begin with a folder's."""

    def __init__(self, root: Path):
        self.root = root

    def _path(self, name: str) -> Path:
        folder, _slash, file = name.rpartition("/")
        return self.root / folder / file[:2] / file

    def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{uuid4().hex}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        for folder in path.relative_to(self.root).parents:
            _keep_names(self.root / folder)

    def get(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise NotStored(name) from error

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def put_before(self, moment: datetime, *, folder: str) -> Iterator[str]:
        """The names in a folder of what was put there before the moment, and of what never became
        whole."""
        for path in (self.root / folder).glob("*/*"):
            with suppress(FileNotFoundError):  # deleted since it was listed
                if path.stat().st_mtime < moment.timestamp():
                    yield f"{folder}/{path.name}"


def _keep_names(folder: Path) -> None:
    """A file's name is written to the disk by its folder; without it a power cut loses the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store() -> Store:
    """The store that `DOCUMENT_STORAGE_URL` names."""
    url = urlsplit(settings.DOCUMENT_STORAGE_URL)
    if url.scheme != "file":
        raise ImproperlyConfigured("DOCUMENT_STORAGE_URL must read file:///folder.")
    return FolderStore(Path(unquote(url.path)))
