"""A walk over documents, kept and made again."""

from __future__ import annotations

import pytest

from resistance_assets.connectors.transport.replay import record, replay
from resistance_assets.connectors.transport.transport import FailureKind, Resource, failure_kind
from resistance_assets.errors import SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import Reply

FIRST, SECOND, LOST = (
    Resource(f"https://www.ebi.ac.uk/{name}", content="text", name=name) for name in ("first", "second", "lost")
)


def crawl(transport) -> list[str]:
    """Asks for what the first document names, and puts up with one that is lost."""
    found = [transport.fetch(FIRST).path.read_text()]
    if found[0] == "second":
        found.append(transport.fetch(SECOND).path.read_text())
    try:
        transport.fetch(LOST)
    except SourceUnavailable as fault:
        found.append(str(failure_kind(fault)))
    return found


@pytest.fixture
def host(loopback):
    loopback.script("/www.ebi.ac.uk/first", Reply(b"second"))
    loopback.script("/www.ebi.ac.uk/second", Reply(b"more"))
    return loopback


def test_what_was_read_is_read_again_without_asking(public_hosts, host):
    kept = record(public_hosts, crawl)
    assert (len(kept.fetched), len(kept.refused), kept.size_bytes) == (2, 1, 10)
    asked = len(host.requests)
    assert replay(kept, crawl) == ["second", "more", "FailureKind.REFUSED_OR_GONE"]
    assert len(host.requests) == asked
    with pytest.raises(SourceUnavailable) as caught:
        replay(kept, lambda transport: transport.fetch(Resource("https://www.ebi.ac.uk/other")))
    assert failure_kind(caught.value) is FailureKind.NOT_LISTED


def test_checksum_follows_what_was_given_and_refused(public_hosts, host):
    before = record(public_hosts, crawl).checksum
    assert record(public_hosts, crawl).checksum == before
    host.script("/www.ebi.ac.uk/second", Reply(b"changed"))
    changed = record(public_hosts, crawl).checksum
    host.script("/www.ebi.ac.uk/lost", Reply(b"found"))
    assert len({before, changed, record(public_hosts, crawl).checksum}) == 3


def test_what_a_walk_does_not_put_up_with_ends_it(public_hosts, host):
    host.script("/www.ebi.ac.uk/second", Reply(b"<!DOCTYPE html><html></html>"))
    with pytest.raises(TransportFault, match="html_page"):
        record(public_hosts, crawl)
