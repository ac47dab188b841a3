"""Which release of a source a file is, as its host tells it: in the address, in a header, in the name of a member.

Here belongs reading the version alone. Noticing a change does not rest on it: that is done by checksums and ETags.
"""

from __future__ import annotations

import re
from pathlib import Path

from resistance_assets.connectors.biogrid import biogrid_release
from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip

_HEADER_BYTES = 16_384
_IN_ADDRESS = (
    re.compile(r"\.v(\d+(?:\.\d+)+)\."),  # STRING, and MSigDB's file names
    re.compile(r"gencode\.v(\d+[a-z]?)\."),
    re.compile(r"allOnco_([A-Za-z]+\d{4})", re.IGNORECASE),
    re.compile(r"libraryName=\w*?_(\d{4})(?:&|$)"),  # the year in a library's name is Enrichr's only version
    re.compile(r"/PTHR(\d+\.\d+)_"),
)
_IN_HEADER = (
    re.compile(rb"^data-version:\s*(?:releases/)?(\S+)", re.MULTILINE),  # OBO
    re.compile(rb"^!date-generated:\s*(\S+)", re.MULTILINE),  # GAF 2.2
)


def published_version(url: str, path: Path) -> str | None:
    """The version that the host publishes with a file, or None where it publishes none.

    Args:
        url: where the file is asked for.
        path: the file, already verified.
    """
    for pattern in _IN_ADDRESS:
        if found := pattern.search(url):
            return found[1]
    if "BIOGRID" in url:
        return biogrid_release(path)
    if url.endswith((".obo", ".gaf", ".gaf.gz")):
        head = _head(path)
        for pattern in _IN_HEADER:
            if told := pattern.search(head):
                return told[1].decode("utf-8", "replace")
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        head = handle.read(_HEADER_BYTES)
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        with open_gzip(path) as unpacked:
            return unpacked.read(_HEADER_BYTES)
    except (OSError, *DAMAGE):
        return b""
