"""Fetching a resource from the first of several addresses that has it.

Here belongs the order of trying alone. Which addresses a source has is the catalog's affair, how one is fetched that of
the transports.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from resistance_assets.connectors.transport.git_lfs import files_of_pointer
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

    Where GitHub's raw host answers with a git-lfs pointer, the file itself is asked for before the further addresses
    (`git_lfs`).

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
        if kind_of(fault) is FailureKind.GIT_LFS_POINTER:
            found = files_of_pointer(transport, resource, fault)
            while True:
                try:
                    return transport.fetch(next(found), progress=progress)
                except StopIteration:
                    break
                except (SourceUnavailable, TransportFault):
                    continue
        for url in fallbacks if only is None or kind_of(fault) in only else ():
            try:
                return transport.fetch(replace(resource, url=url), progress=progress)
            except (SourceUnavailable, TransportFault):
                continue
        raise
