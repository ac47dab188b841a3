"""Resources from their hosts, over HTTP, through a cache that several processes may share.

Here belongs the order of work: look into the cache, ask the host, take in what it sends. What a particular host offers,
how its URLs are made and what its files mean does not belong here: this module knows no source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from resistance_assets.connectors.transport.absent_hosts import AbsentHosts
from resistance_assets.connectors.transport.cache import DownloadCache
from resistance_assets.connectors.transport.connection import Connection, TransientError, re_point
from resistance_assets.connectors.transport.download import Download, require_same_file
from resistance_assets.connectors.transport.limits import TransferLimits
from resistance_assets.connectors.transport.probe import probe_headers
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Fetched,
    Probe,
    Progress,
    Resource,
    transfer_fault,
    without_secrets,
)
from resistance_assets.errors import DataFault, Fault


class LiveTransport:
    """Resources from their hosts, through a content-addressed cache (see `cache`).

    A file enters the cache by rename, after verification; a file of the cache is verified again before it is used.

    Args:
        cache_dir: folder of the cache; several processes may share it.
        host_map: URL prefixes to replace, redirect targets included.
        contact: e-mail or URL for the User-Agent.
        offline: serve what the cache holds and never open a connection.
        attempts: tries per request, the first included.
        requests_per_second, host_requests_per_second: pace, by default and by host name as in the URL asked for.
        concurrency: requests that may run at once per host.
        connect_timeout, read_timeout, answer_timeout: seconds; the last one until the headers of an answer are there.
        longest_wait: seconds; a host that asks (Retry-After) for more is reported as unavailable at once.
        limits: bytes, time and least rate of a transfer.
        sleep, clock: replaceable, so that a test does not wait.
        absent: memory of hosts that do not answer, where several transports share one.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        host_map: Mapping[str, str] = {},
        contact: str | None = None,
        offline: bool = False,
        attempts: int = 5,
        requests_per_second: float = 3.0,
        host_requests_per_second: Mapping[str, float] = {},
        concurrency: int = 4,
        connect_timeout: float = 15.0,
        read_timeout: float = 60.0,
        answer_timeout: float = 180.0,
        longest_wait: float = 120.0,
        limits: TransferLimits = TransferLimits(),  # noqa: B008 - frozen
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        absent: AbsentHosts | None = None,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self.offline = offline
        self._cache = DownloadCache(self.cache_dir)
        self._limits = limits
        self._clock = clock
        self._connection = Connection(
            host_map=host_map,
            contact=contact,
            attempts=attempts,
            requests_per_second=requests_per_second,
            host_requests_per_second=host_requests_per_second,
            concurrency=concurrency,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            answer_timeout=answer_timeout,
            longest_wait=longest_wait,
            sleep=sleep,
            clock=clock,
            absent=absent,
        )

    def describe(self) -> str:
        """One line: live or cache only, where the cache is, which prefixes are re-pointed."""
        mode = "cache only, offline" if self.offline else "live hosts"
        mapped = "".join(f", {old} -> {new}" for old, new in self._connection.host_map.items())
        return without_secrets(f"{mode}, cache {self.cache_dir}{mapped}")

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def __enter__(self) -> LiveTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """The file, from the cache if the host confirms it unchanged (or its declared checksum is there), else anew.

        `progress(bytes_so_far, bytes_in_all or None)` is called as bytes arrive. Raises as `Transport.fetch`.
        """
        if re_point(resource.url, self._connection.host_map) != resource.url:
            # What a host of one's own serves may be smaller than what the public one does.
            resource = replace(resource, least_bytes=None)
        try:
            with self._cache.locked(resource):
                cached = self._cache.lookup(resource)
                # A file that bears its published checksum is the one asked for, whatever the host would say.
                if cached is not None and (self.offline or resource.sha256 == cached.sha256 or resource.md5):
                    return cached
                if self.offline:
                    raise transfer_fault(
                        FailureKind.OFFLINE,
                        "the network is not to be used and the cache does not hold it",
                        subject=resource.label,
                        remedy="Run once with network access, or give a mirror with --mirror",
                    )
                started = self._clock()
                return self._connection.retry(resource, lambda: self._attempt(resource, cached, started, progress))
        except OSError as error:
            raise self._unusable_cache(resource, error.strerror or str(error)) from error
        except DataFault as fault:
            if isinstance(fault.__cause__, OSError):
                raise self._unusable_cache(resource, fault.__cause__.strerror or fault.problem) from fault
            raise

    def _unusable_cache(self, resource: Resource, why: str) -> Fault:
        return transfer_fault(
            FailureKind.CACHE_UNUSABLE,
            f"the download cache {self.cache_dir} cannot be written ({why})",
            subject=resource.label,
            remedy="Free some space or correct its permissions, or set RESISTANCE_DATA_DIR to another place",
        )

    def _attempt(
        self, resource: Resource, cached: Fetched | None, started: float, progress: Progress | None
    ) -> Fetched:
        part = self._cache.part(resource)
        offset, notes = part.resumable()
        headers = dict(resource.headers)
        if offset and notes.validator:
            headers |= {"Range": f"bytes={offset}-", "If-Range": notes.validator}
        elif cached is not None and resource.method == "GET":
            if cached.etag:
                headers["If-None-Match"] = cached.etag
            if cached.last_modified:
                headers["If-Modified-Since"] = cached.last_modified
        with self._connection.open(resource, resource.method, headers) as response:
            if response.status_code == 304 and cached is not None and "Range" not in headers:
                return cached
            if response.status_code == 416 or (response.status_code == 206 and "Range" not in headers):
                part.discard()
                told = (
                    "cannot resume the transfer" if offset else "sent a part of the file, and all of it was asked for"
                )
                raise TransientError(
                    transfer_fault(
                        FailureKind.TRUNCATED, f"the host {told}", subject=resource.label, remedy="Fetch it again"
                    )
                )
            self._connection.require_answer(response, resource)
            total = None
            if response.status_code == 206:
                try:
                    total = require_same_file(response, offset, notes, resource).total or notes.total
                except TransientError:
                    part.discard()
                    raise
            else:
                offset = 0
            download = Download(resource, part, self._limits, started=started, clock=self._clock, progress=progress)
            download.save(response, offset, total)
            sha256 = download.verify(response, attempts=self._connection.attempts)
            return self._cache.store(
                part,
                resource,
                sha256=sha256,
                content_type=response.headers.get("content-type"),
                etag=response.headers.get("etag"),
                last_modified=response.headers.get("last-modified"),
                resolved_url=str(response.url),
            )

    def probe(self, resource: Resource) -> Probe:
        """A change token as `probe_headers` finds it, else the SHA-256 of the bytes, which are then downloaded.

        Raises as `Transport.probe`.
        """
        if self.offline:
            raise transfer_fault(
                FailureKind.OFFLINE,
                "the network is not to be used, so whether it changed cannot be told",
                subject=resource.label,
                remedy="Probe with network access",
            )
        found = probe_headers(self._connection, resource) if resource.method == "GET" else None
        if found is not None:
            return found
        fetched = self.fetch(resource)
        return Probe(resource.public_url, fetched.sha256, "sha256_of_body", {"bytes": str(fetched.size_bytes)})
