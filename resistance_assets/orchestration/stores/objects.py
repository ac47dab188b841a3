"""A lake in an object store (S3, or what speaks its protocol), with a folder of copies of the tables that were read.

Here belongs everything that knows `obstore`, which is imported when the first request is made. Endpoint and credentials
come from the usual variables (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, ...); neither is ever part of a message, so
what `obstore` says of an error, which names the endpoint, is not passed on.

A table is uploaded whole, with the SHA-256 of its bytes in its metadata, and is compared with it when it is fetched.
Conditional writes are sent once by the client: a repetition whose first answer was lost would refuse itself. Here they
are repeated, and found done where the bytes are there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.files import ASIDE, is_being_written, replace_file
from resistance_assets.integrity import checksum_path, find_damage, note_checksum, sha256_of
from resistance_assets.orchestration.stores.leases import FOLDER as LEASES
from resistance_assets.orchestration.stores.leases import Leases
from resistance_assets.orchestration.stores.store import Entry, Stored, Waiting

if TYPE_CHECKING:
    from obstore.store import S3Store

FOOTER_BYTES = 64 * 1024
RUN_AGAIN = "Run `resistance run`: it is built again."
FOOTER_SUFFIX = ".footer"
LISTED_AT_ONCE = 1000
GRACE = timedelta(hours=1)
MOST_TRIES, RETRIES = 4, 3
LARGE_BYTES, PART_BYTES = 16 * 2**20, 8 * 2**20
UNUSED_SECONDS = 3600.0
"""A copy that was used less long ago is not removed to make room."""

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", re.IGNORECASE)
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.()/-]*))?")


def parse_address(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`.

    Raises:
        UsageFault: it is none. What was given is not repeated: it may hold a password.
    """
    found = _ADDRESS.fullmatch(url)
    prefix = (found[2] or "").strip("/") if found else ""
    if found is None or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise UsageFault(
            "is no address of a lake in an object store",
            subject="RESISTANCE_LAKE",
            expected="s3://bucket or s3://bucket/prefix",
            remedy="Correct it; endpoint and credentials stand in AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY.",
        )
    return found[1], prefix


class _DifferentError(Exception):
    """What came is not what was written."""


class ObjectStore:
    """Objects below `s3://bucket/prefix`; see `store.Store`. Nothing is asked of the host before it is needed.

    Args:
        url: `s3://bucket/prefix`.
        cache: folder for copies of tables; whatever is in it can be removed at any time.
        largest_cache_bytes: above which the copies that were not used longest are removed.
    """

    def __init__(self, url: str, cache: Path, *, largest_cache_bytes: int | None = None) -> None:
        self._bucket, self._prefix = parse_address(url)
        self._url = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._cache = cache
        self._largest_cache_bytes = largest_cache_bytes
        self._fetched_bytes = 0
        # Tables that were found in the store since this process is one of its users: they stay as long as it is one.
        self._present: set[str] = set()
        self.leases = Leases(self)
        self.grace = GRACE

    def __str__(self) -> str:
        return self._url

    # ---- records -------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Stored | None:
        with self._faults(key):
            try:
                found = self._client.get(key)
                return Stored(bytes(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError as error:
                self._require_bucket(error)
                return None

    def exists(self, key: str) -> bool:
        with self._faults(key):
            try:
                self._client.head(key)
            except FileNotFoundError:
                return False
            return True

    def create(self, key: str, data: bytes) -> str | None:
        return self._put_if(key, data, "create")

    def swap(self, key: str, data: bytes, etag: str | None) -> str | None:
        return self._put_if(key, data, "create" if etag is None else {"e_tag": etag})

    def _put_if(self, key: str, data: bytes, mode: Any) -> str | None:
        """A conditional write: the entity tag, or None where the condition did not hold."""
        client = self._client_without_retries
        from obstore.exceptions import AlreadyExistsError, GenericError, PreconditionError

        is_repeated = False
        with self._faults(key):
            for attempt in range(MOST_TRIES):
                try:
                    return client.put(key, data, mode=mode, use_multipart=False)["e_tag"]
                except (AlreadyExistsError, PreconditionError):
                    # Ours, if an earlier request came through and its answer did not.
                    stored = self.get(key) if is_repeated else None
                    return stored.etag if stored is not None and stored.data == data else None
                except GenericError:
                    if attempt + 1 == MOST_TRIES:
                        raise
                    is_repeated = True
                    time.sleep(0.1 * 3**attempt)
        raise AssertionError("unreachable")

    def replace(self, key: str, data: bytes) -> str:
        with self._faults(key):
            return self._client.put(key, data, mode="overwrite", use_multipart=False)["e_tag"] or ""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with self._faults(prefix):
            for entries in self._client.list(prefix or None, chunk_size=LISTED_AT_ONCE):
                for entry in entries:
                    if entry["path"].startswith(f"{LEASES}/") and not prefix.startswith(LEASES):
                        continue
                    yield Entry(entry["path"], entry["size"], entry["last_modified"], entry["e_tag"] or "")

    def find(self, name: str) -> Sequence[str]:
        keys = (entry.key for entry in self.list())
        return sorted(key for key in keys if key.endswith(f"/{name}") and key.count("/") == 2)

    def delete(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        for start in range(0, len(wanted), LISTED_AT_ONCE):
            with self._faults(wanted[start]):
                self._client.delete(wanted[start : start + LISTED_AT_ONCE])
        self._present.difference_update(wanted)
        for key in wanted:
            self._drop_copy(key)

    # ---- tables --------------------------------------------------------------------------------------------------

    def place(self, key: str) -> Path:
        return self._cache / key

    def local(self, key: str, content_version: Callable[[Path], str] | None = None) -> Path:
        path = self.place(key)
        if path.is_file() and find_damage(path, content_version) is None:
            with contextlib.suppress(OSError):
                os.utime(path, (time.time(), path.stat().st_mtime))
            return path
        for attempt in range(2):
            damage = self._fetch(key, path, content_version)
            if damage is None:
                self._make_room()
                return path
            if attempt:
                # What is there is not what was written, and would be in everybody's way: the next run builds it again.
                self.delete([key])
                raise DataFault(
                    f"the lake's file is damaged: {damage}; it was removed",
                    subject=self.name(key),
                    remedy=RUN_AGAIN,
                )
        raise AssertionError("unreachable")

    def _fetch(self, key: str, path: Path, content_version: Callable[[Path], str] | None) -> str | None:
        """Copy an object into the cache; what is wrong with its bytes, None where nothing is."""
        with self._faults(key):
            found = self._found(key)
            if found is None:
                raise DataFault("the file is gone", subject=self.name(key), remedy=RUN_AGAIN)
            expected = found.attributes.get("sha256")
            try:
                with replace_file(path) as aside:
                    with aside.open("wb") as file:
                        for piece in found.stream():
                            file.write(piece)
                    self._fetched_bytes += aside.stat().st_size
                    sha256 = sha256_of(aside)
                    if expected not in (None, sha256):
                        raise _DifferentError
            except _DifferentError:
                return "its bytes are not those that were written"
        if expected is not None:
            note_checksum(path, sha256)
            return None
        # Copied into the store by another tool, which left the checksum behind: the content says whether it is right.
        damage = find_damage(path, content_version)
        if damage is not None:
            self._drop_copy(key)
        return damage

    def footer(self, key: str) -> Path:
        path = self.place(key)
        if path.is_file():
            return path
        footer = path.with_suffix(FOOTER_SUFFIX)
        if not footer.is_file():
            self._fetch_footer(key, footer)
        return footer

    def _fetch_footer(self, key: str, footer: Path) -> None:
        """A file with a hole for the rows and the last bytes of the table, which say what its columns are."""
        with self._faults(key), replace_file(footer) as aside:
            try:
                found = self._client.get(key, options={"range": {"suffix": FOOTER_BYTES}})
            except FileNotFoundError as error:
                self._require_bucket(error)
                raise DataFault("the file is gone", subject=self.name(key), remedy=RUN_AGAIN) from None
            tail, size = bytes(found.bytes()), found.meta["size"]
            length = int.from_bytes(tail[-8:-4], "little") + 8
            if length > len(tail):
                tail = bytes(self._client.get_range(key, start=max(0, size - length), end=size))
            with aside.open("wb") as file:
                file.write(b"PAR1")
                file.truncate(size)
                file.seek(size - len(tail))
                file.write(tail)

    def download(self, key: str, aside: Path, *, sha256: str) -> None:
        """Copy an object into a file outside the cache.

        Raises:
            DataFault: it is gone, or its bytes are not those of the checksum.
        """
        with self._faults(key):
            found = self._found(key)
            if found is None:
                raise DataFault("the file is gone", subject=self.name(key), remedy=RUN_AGAIN)
            with aside.open("wb") as file:
                for piece in found.stream():
                    file.write(piece)
        if sha256_of(aside) != sha256:
            raise DataFault("its bytes are not those that were written", subject=self.name(key), remedy=RUN_AGAIN)

    def upload_once(self, key: str, file: Path, sha256: str) -> str:
        """Upload a file under a key that is free, or under the same with a part of its checksum; which one it was."""
        from obstore.exceptions import AlreadyExistsError

        for name in (key, f"{key.rpartition('.')[0]}.{sha256[:12]}.{key.rpartition('.')[2]}"):
            with self._faults(name), contextlib.suppress(AlreadyExistsError):
                self._client.put(name, file, attributes={"sha256": sha256}, mode="create")
                return name
        return name  # of the same bytes, since its name holds their checksum

    def keep_file(self, key: str, file: Path, sha256: str) -> None:
        """Upload a file under a key that holds its checksum, unless it is there; a cut one is replaced.

        Of two who upload it at the same time the second finds it there. A large file goes in parts, whose completion
        takes no condition: the second then puts the same bytes in the place of the first's.
        """
        size = file.stat().st_size
        with self.in_use():
            if key in self._present:
                return
            found = self._size_of(key)
            if found != size:
                self._upload(key, file, size, sha256, is_free=found is None)
            self._present.add(key)

    def _upload(self, key: str, file: Path, size: int, sha256: str, *, is_free: bool) -> None:
        from obstore.exceptions import AlreadyExistsError

        attributes = {"sha256": sha256}
        with self._faults(key), contextlib.suppress(AlreadyExistsError):
            if size > LARGE_BYTES:
                self._client.put(
                    key, file, attributes=attributes, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=2
                )
            else:
                mode = "create" if is_free else "overwrite"
                self._client.put(key, file, attributes=attributes, use_multipart=False, mode=mode)

    def _size_of(self, key: str) -> int | None:
        with self._faults(key):
            try:
                return self._client.head(key)["size"]
            except FileNotFoundError as error:
                self._require_bucket(error)
                return None

    def _found(self, key: str) -> Any:
        """An object, whose bytes come by its `stream`; None where there is none."""
        try:
            return self._client.get(key)
        except FileNotFoundError as error:
            self._require_bucket(error)
            return None

    def digest_of(self, key: str) -> str | None:
        """SHA-256 of an object's bytes, of which none is kept here; None where there is none."""
        digest = hashlib.sha256()
        with self._faults(key):
            found = self._found(key)
            if found is None:
                return None
            for piece in found.stream():
                digest.update(piece)
        return digest.hexdigest()

    def copy_file(self, key: str, path: Path, sha256: str) -> Literal["gone", "damaged"] | None:
        """Copy an object whose key holds its checksum; what is wrong with it. One of other bytes is removed."""
        digest = hashlib.sha256()
        with self._faults(key):
            found = self._found(key)
            if found is None:
                return "gone"
            try:
                with replace_file(path) as aside:
                    with aside.open("wb") as file:
                        for piece in found.stream():
                            digest.update(piece)
                            file.write(piece)
                    if digest.hexdigest() != sha256:
                        raise _DifferentError
            except _DifferentError:
                self.delete([key])
                return "damaged"
        return None

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        path = self.place(key)
        with replace_file(path) as aside:
            yield aside
            sha256 = sha256_of(aside)
            with self._faults(key):
                self._client.put(key, aside, attributes={"sha256": sha256})
        note_checksum(path, sha256)
        path.with_suffix(FOOTER_SUFFIX).unlink(missing_ok=True)
        self._present.add(key)

    def find_damage(
        self, key: str, content_version: Callable[[Path], str] | None = None, *, read_all: bool = False
    ) -> str | None:
        if key not in self._present:
            if not self.exists(key):
                self._drop_copy(key)
                return "the file is gone"
            self._present.add(key)
        path = self.place(key)
        if path.exists() and find_damage(path, content_version, read_all=read_all) is not None:
            # A copy is of no interest: it is fetched again.
            self._drop_copy(key)
        if read_all:
            self._drop_copy(key)
            try:
                self.local(key, content_version)
            except DataFault as fault:
                return fault.problem
        return None

    def name(self, key: str) -> str:
        return f"{self._url}/{key}"

    # ---- rights --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self, folder: str, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        with self.leases.held(folder, waiting=waiting):
            yield

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        if not self.leases.is_user:
            self._present.clear()
        with self.leases.in_use():
            yield

    @contextlib.contextmanager
    def quiet(self, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        with self.leases.alone(waiting=waiting):
            self._present.clear()
            yield

    # ---- copies --------------------------------------------------------------------------------------------------

    def remove_orphans(self) -> int:
        orphans = [path for path in self._cache.rglob(f"*{ASIDE}") if not is_being_written(path)]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def require_conditions(self) -> None:
        key = f"{LEASES}/probe-{uuid.uuid4().hex}.json"
        etag = self.create(key, b"1")
        try:
            if etag is None or self.create(key, b"2") is not None or self.swap(key, b"3", '"0"') is not None:
                raise self._fault(
                    "the object store takes no notice of conditions (If-None-Match, If-Match): of two runs, one would "
                    "overwrite the records of the other",
                    "Use one that does, such as Amazon S3, MinIO, Ceph or SeaweedFS in a present version.",
                )
        finally:
            self.delete([key])

    def forget_copies(self, is_named: Callable[[str], bool]) -> int:
        freed = 0
        for path in [path for path in self._cache.rglob("*") if path.is_file() and not path.name.startswith(".")]:
            key = path.with_suffix(".parquet").relative_to(self._cache).as_posix()
            if path.suffix in (".parquet", ".sha256", FOOTER_SUFFIX) and not is_named(key):
                with contextlib.suppress(FileNotFoundError):
                    freed += path.stat().st_size if path.suffix == ".parquet" else 0
                    path.unlink()
        return freed

    def _make_room(self) -> None:
        """Keep the copies within their bounds, looked at whenever a twentieth of that was fetched."""
        largest = self._largest_cache_bytes
        if largest is None or self._fetched_bytes < largest / 20:
            return
        self._fetched_bytes = 0
        stats = [(path, path.stat()) for path in self._cache.rglob("*.parquet")]
        size = sum(stat.st_size for _, stat in stats)
        for path, stat in sorted(stats, key=lambda one: one[1].st_atime):
            if size <= largest or time.time() - stat.st_atime < UNUSED_SECONDS:
                return
            size -= stat.st_size
            self._drop_copy(path.relative_to(self._cache).as_posix())

    def _drop_copy(self, key: str) -> None:
        path = self.place(key)
        for one in (path, checksum_path(path), path.with_suffix(FOOTER_SUFFIX)):
            if one.is_dir():
                shutil.rmtree(one, ignore_errors=True)
            else:
                one.unlink(missing_ok=True)

    # ---- the host ------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _client(self) -> S3Store:
        return self._open(max_retries=RETRIES)

    @functools.cached_property
    def _client_without_retries(self) -> S3Store:
        return self._open(max_retries=0)

    def _open(self, *, max_retries: int) -> S3Store:
        try:
            from obstore.store import S3Store
        except ImportError:
            raise UsageFault(
                "names an object store, and the package that reads one is not installed",
                subject="RESISTANCE_LAKE",
                remedy='Install it: `pip install "resistance-warehouse[object-store]"`.',
            ) from None
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            client_options={"allow_http": _may_use_http(os.environ), "connect_timeout": "5s", "timeout": "300s"},
            retry_config={"max_retries": max_retries, "retry_timeout": timedelta(seconds=60)},
        )

    def _require_bucket(self, error: FileNotFoundError) -> None:
        if "NoSuchBucket" in str(error):
            raise self._fault("there is no such bucket", "Make it, or correct RESISTANCE_LAKE.") from None

    def _fault(self, problem: str, remedy: str) -> DataFault:
        return DataFault(problem, subject=self._url, remedy=remedy)

    @contextlib.contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        """What goes wrong between here and the host, in words that hold neither endpoint nor credentials."""
        self._client  # noqa: B018  says so where the package is not installed
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except BaseError as error:
            told = str(error)
            answered = re.search(r"status code: (\d{3})", told)
            refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
            if refused or (answered and answered[1] in ("401", "403")):
                raise self._fault(
                    "the object store refuses these credentials",
                    "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: they must be allowed to "
                    "list, read, write and delete there.",
                ) from None
            if "NoSuchBucket" in told:
                raise self._fault("there is no such bucket", "Make it, or correct RESISTANCE_LAKE.") from None
            if "URL scheme is not allowed" in told or "BadScheme" in told:
                raise self._fault(
                    "the endpoint is not encrypted (http)",
                    "Name one that begins with https, or set AWS_ALLOW_HTTP=true where the network is your own.",
                ) from None
            if answered:
                raise self._fault(
                    f"the object store answered with status {answered[1]}",
                    "Run again in a while; if it stays so, ask whoever runs the object store.",
                ) from None
            raise self._fault("the object store cannot be reached", _unreachable_remedy(os.environ)) from None


def _may_use_http(environment: Mapping[str, str]) -> bool:
    """Without encryption on this machine alone, unless it is asked for."""
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    asked = environment.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes")
    return asked or _LOOPBACK.match(endpoint) is not None


_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI")  # fmt: skip


def _unreachable_remedy(environment: Mapping[str, str]) -> str:
    if not any(environment.get(name) for name in _CREDENTIALS):
        return (
            "No credentials are set: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL if needed."
        )
    return "Check AWS_ENDPOINT_URL, the network, and that the object store runs."
