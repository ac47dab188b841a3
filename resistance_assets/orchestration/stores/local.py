"""A lake in a folder: each object is a file, and what is read is the file itself."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from resistance_assets.files import ASIDE, file_lock, is_being_written, replace_file, storage_fault
from resistance_assets.integrity import CHECKSUM_SUFFIX, checksum_path, find_damage, write_checksum
from resistance_assets.orchestration.stores.store import Entry, Stored, Waiting
from resistance_assets.processes import Process, parse_process, this_process

LOCK = ".lock"
WRITERS = ".writers"
SWAP_LOCK = ".swap.lock"
IN_USE_LOCK = ".in_use.lock"


class LocalStore:
    """Files below ``root``, which is made by the first write; see `store.Store`.

    Processes that share the folder take turns by locks of the kernel, which lets go of them when a process dies. By
    such a lock, on a file of its own in `.writers/`, a process of another container or host shows that it lives.
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
        _show_presence(self.root)
        with replace_file(self.root / key) as aside:
            aside.write_bytes(data)
        return _etag(data)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        for path in sorted((self.root / prefix).rglob("*")):
            if path.name.startswith(".") or path.suffix in (CHECKSUM_SUFFIX, LOCK):
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

    def local(self, key: str, content_version: Callable[[Path], str] | None = None) -> Path:
        return self.root / key

    def footer(self, key: str) -> Path:
        return self.root / key

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        path = self.root / key
        _show_presence(self.root)
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

    @property
    def grace(self) -> timedelta:
        return timedelta(0)

    def forget_copies(self, is_named: Callable[[str], bool]) -> int:
        return 0

    def require_conditions(self) -> None:
        """Nothing to do: the lock is the kernel's."""

    def remove_orphans(self) -> int:
        asides = list(self.root.rglob(f"*{ASIDE}"))
        orphans = [path for path in asides if not is_being_written(path, self._is_present)]
        for path in orphans:
            path.unlink(missing_ok=True)
        for path in (self.root / WRITERS).glob(f"*{LOCK}"):
            writer = parse_process(path.name.removesuffix(LOCK))
            if writer is not None and not (writer.is_running if writer.is_here else self._is_present(writer)):
                path.unlink(missing_ok=True)
        return len(orphans)

    def _is_present(self, writer: Process) -> bool:
        """Whether a process of another container or host holds the lock by which it shows that it lives."""
        try:
            with _presence_file(self.root, writer).open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # held; or the file system knows no locks, and then nobody's file is taken away
        return False


MOST_SHOWN = 8
_shown: dict[Path, IO[bytes]] = {}


def _presence_file(root: Path, process: Process) -> Path:
    return root / WRITERS / f"{process}{LOCK}"


def _show_presence(root: Path) -> None:
    """Hold the lock of this process in a lake, from its first write there until it ends, however it ends."""
    path = _presence_file(root, this_process())
    if path in _shown:
        return
    # A disk that refuses is told by the write that follows.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
        fcntl.flock(handle, fcntl.LOCK_EX)
        _shown[path] = handle
        # A process that writes to many lakes, one after the other, does not keep a file open for each.
        while len(_shown) > MOST_SHOWN:
            _leave(next(iter(_shown)))


def _leave(path: Path) -> None:
    handle = _shown.pop(path)
    # After a fork, what the parent shows is the parent's.
    if str(this_process()) in path.name:
        path.unlink(missing_ok=True)
    handle.close()


@atexit.register
def _leave_all() -> None:
    for path in list(_shown):
        with contextlib.suppress(OSError):
            _leave(path)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
