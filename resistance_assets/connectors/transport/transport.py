"""How bytes get here: a URL in, a verified file out, from a live host or from an offline mirror.

This is the door to the transports: callers import from here. The vocabulary is in `resource`, the two ways in `mirror`
and `http`, what is verified in `verification`. What a particular source offers does not belong here.

The ways in which public hosts hand over something other than the file asked for are listed in `FailureKind`; the
message of every fault raised by a transport starts with its kind. Bytes that are wrong raise `TransportFault`; a host
that refuses, is gone, is overloaded or cannot be reached raises `SourceUnavailable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from resistance_assets.connectors.transport import absent_hosts
from resistance_assets.connectors.transport.connection import re_point, retry_after_seconds
from resistance_assets.connectors.transport.http import LiveTransport
from resistance_assets.connectors.transport.mirror import MirrorTransport, write_mirror
from resistance_assets.connectors.transport.resource import (
    Content,
    FailureKind,
    Fetched,
    Probe,
    ProbeBasis,
    Progress,
    Resource,
    Transport,
    failure_kind,
    require_all_pages,
)
from resistance_assets.connectors.transport.verification import check_content, sha256_of

__all__ = [
    "Content",
    "FailureKind",
    "Fetched",
    "LiveTransport",
    "MirrorTransport",
    "Probe",
    "ProbeBasis",
    "Progress",
    "Resource",
    "Transport",
    "check_content",
    "failure_kind",
    "open_transport",
    "re_point",
    "require_all_pages",
    "retry_after_seconds",
    "sha256_of",
    "write_mirror",
]


def open_transport(
    *,
    mirror: Path | None,
    cache_dir: Path,
    host_map: Mapping[str, str] = {},
    contact: str | None = None,
    offline: bool = False,
) -> Transport:
    """The transport for a run: the mirror if one is given, else live hosts (or, offline, the cache alone)."""
    if mirror is not None:
        return MirrorTransport(mirror)
    return LiveTransport(
        cache_dir, host_map=host_map, contact=contact, offline=offline, absent=absent_hosts.OF_THIS_PROCESS
    )
