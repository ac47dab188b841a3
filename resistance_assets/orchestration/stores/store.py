"""What a lake needs of the place where its objects are: the protocol that a folder and an object store both keep.

Here belongs what callers may rely on. How a folder does it is in `local`. A **key** is a relative path with slashes,
such as `core/deg__results/current.json`; the same keys name the same objects in every store, so a lake can be copied
from one to another with the usual tools.

Two kinds of objects are kept. **Tables** never change under their key, which holds a hash of their content; `writing`
makes them and `local` gives a file of them. **Records** are small and are replaced: `swap` does so only where nobody
else did since they were read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

Waiting = Callable[[str], None]
"""Told who holds a right (`process 1234`) before a wait for it begins."""


@dataclass(frozen=True)
class Stored:
    """The bytes of an object and their entity tag: two reads with equal tags found equal bytes."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class Entry:
    """One object of a listing; `modified_at` is UTC and by the clock of the store."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str


class Store(Protocol):
    """Objects under keys. Every method raises a `Fault` where the disk or the host refuses."""

    def get(self, key: str) -> Stored | None:
        """A record; None where there is none, or where what stands there is no file."""
        ...

    def exists(self, key: str) -> bool:
        """Whether anything stands under a key."""
        ...

    def create(self, key: str, data: bytes) -> str | None:
        """Write a record where there is none; its entity tag, or None where there is one already."""
        ...

    def swap(self, key: str, data: bytes, etag: str | None) -> str | None:
        """Replace a record if its entity tag is still ``etag`` (None: if there is none).

        Returns:
            The new entity tag; None where somebody else was faster, and nothing was written.
        """
        ...

    def replace(self, key: str, data: bytes) -> str:
        """Write a record whatever stands there; its entity tag."""
        ...

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Objects whose key begins with ``prefix`` (whole parts of a path), without locks and half-written files."""
        ...

    def find(self, name: str) -> Sequence[str]:
        """Keys of the form `<folder>/<folder>/<name>`, sorted."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        ...

    def place(self, key: str) -> Path:
        """Where `local` has the file of a table, whether or not it is there."""
        ...

    def local(self, key: str, content_version: Callable[[Path], str] | None = None) -> Path:
        """A file with the bytes of a table.

        Args:
            key: of the table.
            content_version: hash of a file's content, asked where the bytes came without a checksum.
        """
        ...

    def footer(self, key: str) -> Path:
        """A file that ends as a table does, which is enough to read its columns; its rows need not be there."""
        ...

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """A path to write a table to, which is in the store, whole, at the end of the block, or not at all."""
        ...

    def find_damage(
        self, key: str, content_version: Callable[[Path], str] | None = None, *, read_all: bool = False
    ) -> str | None:
        """What is wrong with a table, in a few words; None where it is whole. Arguments as of `integrity`."""
        ...

    def name(self, key: str) -> str:
        """What stands under a key, for people."""
        ...

    def held(self, folder: str, *, waiting: Waiting = lambda holder: None) -> AbstractContextManager[None]:
        """Exclusive right to write what is under a folder of keys, across processes; a second writer waits."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """Right to find whatever a record names, for as long as the block lasts; shared among readers."""
        ...

    def quiet(self, *, waiting: Waiting = lambda holder: None) -> AbstractContextManager[None]:
        """Right to remove objects: nobody is within `in_use` meanwhile. Waits for whoever is."""
        ...

    @property
    def grace(self) -> timedelta:
        """Age below which a pruning leaves what nothing names: somebody may be about to."""
        ...

    def forget_copies(self, is_named: Callable[[str], bool]) -> int:
        """Remove local copies of tables that nothing names any more; the bytes that this freed."""
        ...

    def require_conditions(self) -> None:
        """Make sure that conditional writes are refused where they must be.

        Raises:
            DataFault: the host takes no notice of conditions: two writers would overwrite each other.
        """
        ...

    def remove_orphans(self) -> int:
        """Remove files that killed processes left half-written; how many there were."""
        ...
