"""The file behind a git-lfs pointer: GitHub's media host, then the server that the repository's `.lfsconfig` names.

The pointer says checksum and size, and both are verified. The server is asked by the batch API of git-lfs
(https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from resistance_assets.connectors.transport.connection import is_private_host
from resistance_assets.connectors.transport.resource import FailureKind, Resource, Transport, transfer_fault
from resistance_assets.connectors.transport.verification import pointed_to
from resistance_assets.errors import Fault

_RAW_HOST = "https://raw.githubusercontent.com/"
_MEDIA_HOST = "https://media.githubusercontent.com/media/"
_MEDIA_TYPE = "application/vnd.git-lfs+json"
_URL_OF_CONFIG = re.compile(r"^\[lfs\][^\[]*?^\s*url\s*=\s*\"?(https://\S+?)\"?\s*$", re.MULTILINE | re.IGNORECASE)


def files_of_pointer(transport: Transport, resource: Resource, fault: Fault) -> Iterator[Resource]:
    """Where the file of a pointer may be, to be tried in order; nowhere where the pointer is not of GitHub's raw host.

    Args:
        transport: to ask the repository and its server.
        resource: whose bytes were a pointer.
        fault: of the pointer, which tells checksum and size.

    Raises:
        Fault: while the server is asked, where it does not answer or has no such file.
    """
    if not resource.url.startswith(_RAW_HOST):
        return
    told = pointed_to(fault)
    sha256, size = told or (resource.sha256, resource.size_bytes)
    declared = {"sha256": resource.sha256 or sha256, "size_bytes": resource.size_bytes or size}
    yield replace(resource, url=f"{_MEDIA_HOST}{resource.url.removeprefix(_RAW_HOST)}", **declared)
    if told is not None:
        yield replace(_ask_server(transport, resource, *told), **declared)


def _ask_server(transport: Transport, resource: Resource, sha256: str, size: int) -> Resource:
    """The address that the repository's server gives for an object."""
    owner, repository, reference, *_ = resource.url.removeprefix(_RAW_HOST).split("/")
    server = f"https://github.com/{owner}/{repository}.git/info/lfs"
    try:
        config = transport.fetch(Resource(f"{_RAW_HOST}{owner}/{repository}/{reference}/.lfsconfig", content="text"))
        if found := _URL_OF_CONFIG.search(config.path.read_text("utf-8", "replace")):
            server = found[1].rstrip("/")
    except Fault:
        pass  # without one, GitHub itself holds the objects
    _require_public(server, resource)
    asked = {"operation": "download", "transfers": ["basic"], "objects": [{"oid": sha256, "size": size}]}
    answer = transport.fetch(
        Resource(
            f"{server}/objects/batch",
            method="POST",
            body=json.dumps(asked).encode(),
            content="json",
            name=resource.name,
            headers=(("Accept", _MEDIA_TYPE), ("Content-Type", _MEDIA_TYPE)),
        )
    )
    action = _download_of(json.loads(answer.path.read_bytes()), sha256)
    if action is None:
        raise transfer_fault(
            FailureKind.REFUSED_OR_GONE,
            f"the git-lfs server {server} has no file of sha256 {sha256}",
            subject=resource.label,
            remedy="Look up where the repository keeps its files now, and correct the catalog",
        )
    _require_public(action["href"], resource)
    headers = action.get("header")
    pairs = tuple((str(k), str(v)) for k, v in headers.items()) if isinstance(headers, dict) else ()
    return replace(resource, url=action["href"], headers=pairs)


def _download_of(answer: Any, sha256: str) -> dict[str, Any] | None:
    """The action of a batch answer that downloads the object; None where there is none."""
    objects = answer.get("objects") if isinstance(answer, dict) else None
    for entry in objects if isinstance(objects, list) else ():
        actions = entry.get("actions") if isinstance(entry, dict) and entry.get("oid") == sha256 else None
        action = actions.get("download") if isinstance(actions, dict) else None
        if isinstance(action, dict) and isinstance(action.get("href"), str):
            return action
    return None


def _require_public(url: str, resource: Resource) -> None:
    """Refuse a server or an object of a private network, or without TLS: both are named by somebody else's file."""
    parts = urlsplit(url)
    if parts.scheme != "https" or is_private_host(parts.hostname or ""):
        raise transfer_fault(
            FailureKind.REDIRECT_REFUSED,
            f"the repository keeps its git-lfs files at {url[:200]}, which is no public https address",
            subject=resource.label,
            remedy="Fetch the file with `git lfs pull`, and give it in a mirror",
        )
