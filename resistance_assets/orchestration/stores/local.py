"""A lake in a folder: each object is a file, and what is read is the file itself."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from resistance_assets.files import ASIDE, file_lock, is_being_written, replace_file, storage_fault
from resistance_assets.integrity import CHECKSUM_SUFFIX, checksum_path, find_damage, write_checksum
from resistance_assets.orchestration.stores.store import Entry, Stored, Waiting

LOCK = ".lock"
SWAP_LOCK = ".swap.lock"
IN_USE_LOCK = ".in_use.lock"


class LocalStore:
    """Files below ``root``, which is made by the first write; see `store.Store`.

    Processes that share the folder take turns by locks of the kernel, which lets go of them when a process dies.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def get(self, key: str) -> Stored | None:
        try:
            data = (self.root / key).read_bytes()
        except OSError:
            return None
        return Stored(data, _etag(data))

    def exists(self, key: str) -> bool:
        return (self.root / key).exists()

    def create(self, key: str, data: bytes) -> str | None:
        return self.swap(key, data, None)

    def swap(self, key: str, data: bytes, etag: str | None) -> str | None:
        path = self.root / key
        try:
            with file_lock(path.parent / SWAP_LOCK):
                stored = self.get(key)
                if (None if stored is None else stored.etag) != etag:
                    return None
                return self.replace(key, data)
        except OSError as error:
            raise storage_fault(error, path) from error

    def replace(self, key: str, data: bytes) -> str:
        with replace_file(self.root / key) as aside:
            aside.write_bytes(data)
        return _etag(data)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        for path in sorted((self.root / prefix).rglob("*")):
            if path.name.startswith(".") or path.suffix == CHECKSUM_SUFFIX:
                continue
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                # A folder that stands in the place of a file is told, not passed over.
                if path.is_file() or path.suffix in (".json", ".parquet"):
                    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                    etag = f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"
                    yield Entry(path.relative_to(self.root).as_posix(), stat.st_size, modified, etag)

    def find(self, name: str) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(f"*/*/{name}"))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.root / key
            path.unlink(missing_ok=True)
            checksum_path(path).unlink(missing_ok=True)

    def place(self, key: str) -> Path:
        return self.root / key

    def local(self, key: str) -> Path:
        return self.root / key

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        path = self.root / key
        with replace_file(path) as aside:
            yield aside
        write_checksum(path)

    def find_damage(
        self, key: str, content_version: Callable[[Path], str] | None = None, *, read_all: bool = False
    ) -> str | None:
        return find_damage(self.root / key, content_version, read_all=read_all)

    def name(self, key: str) -> str:
        return str(self.root / key)

    @contextlib.contextmanager
    def held(self, folder: str, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        with file_lock(self.root / folder / LOCK, waiting=waiting):
            yield

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        with file_lock(self.root / IN_USE_LOCK, shared=True):
            yield

    @contextlib.contextmanager
    def quiet(self, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        with file_lock(self.root / IN_USE_LOCK, waiting=waiting):
            yield

    def remove_orphans(self) -> int:
        orphans = [path for path in self.root.rglob(f"*{ASIDE}") if not is_being_written(path)]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
