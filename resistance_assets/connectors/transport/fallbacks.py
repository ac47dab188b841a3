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


def fetch_with_fallbacks(
    transport: Transport,
    resource: Resource,
    fallbacks: Sequence[str],
    *,
    progress: Progress | None = None,
    only: Collection[FailureKind] | None = None,
) -> Fetched:
    """Fetch a resource, or the same bytes from another address.

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
        if only is not None and kind_of(fault) not in only:
            raise
        for url in fallbacks:
            try:
                return transport.fetch(replace(resource, url=url), progress=progress)
            except (SourceUnavailable, TransportFault):
                continue
        raise
