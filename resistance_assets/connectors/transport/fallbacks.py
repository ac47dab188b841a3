"""Fetching a resource from the first of several addresses that has it.

Here belongs the order of trying alone. Which addresses a source has is the catalog's affair, how one is fetched that of
the transports.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from resistance_assets.connectors.transport.resource import FailureKind, Fetched, Progress, Resource, Transport
from resistance_assets.connectors.transport.resource import failure_kind as kind_of
from resistance_assets.errors import SourceUnavailable, TransportFault

_RAW_HOST = "https://raw.githubusercontent.com/"
_MEDIA_HOST = "https://media.githubusercontent.com/media/"


def media_address(url: str) -> str | None:
    """Where GitHub keeps the file of a git-lfs pointer that its raw host answers with; None of another host."""
    return f"{_MEDIA_HOST}{url.removeprefix(_RAW_HOST)}" if url.startswith(_RAW_HOST) else None


def fetch_with_fallbacks(
    transport: Transport,
    resource: Resource,
    fallbacks: Sequence[str],
    *,
    progress: Progress | None = None,
    only: Collection[FailureKind] | None = None,
) -> Fetched:
    """Fetch a resource, or the same bytes from another address.

    Where GitHub's raw host answers with a git-lfs pointer, its media host is asked for the file itself before the
    further addresses.

    Args:
        transport: where to get it.
        resource: with the address that is asked first.
        fallbacks: further addresses, in order.
        progress: called with bytes as they come.
        only: failures of the first address after which others are asked; any where None.

    Raises:
        SourceUnavailable, TransportFault: of the first address, where none has it.
    """
    try:
        return transport.fetch(resource, progress=progress)
    except (SourceUnavailable, TransportFault) as fault:
        media = media_address(resource.url) if kind_of(fault) is FailureKind.GIT_LFS_POINTER else None
        asked = only is None or kind_of(fault) in only
        for url in (*((media,) if media else ()), *(fallbacks if asked else ())):
            try:
                return transport.fetch(replace(resource, url=url), progress=progress)
            except (SourceUnavailable, TransportFault):
                continue
        raise
