"""What a host may do to a transfer: other versions, endless bodies, bombs, redirects to where it must not lead."""

from __future__ import annotations

import contextlib
import gzip
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.connectors.transport.connection import is_private_host
from resistance_assets.connectors.transport.limits import TransferLimits
from resistance_assets.connectors.transport.transport import FailureKind, LiveTransport, Resource, failure_kind
from resistance_assets.errors import Fault
from resistance_assets_tests.loopback import LoopbackHost, Reply

BODY = b"".join(b"%d\tvalue %d\n" % (number, number * 7919) for number in range(3000))
V1, V2 = {"ETag": '"v1"'}, {"ETag": '"v2"'}


def part(body: bytes, first: int, last: int, total: int, **headers: str) -> Reply:
    """A 206, whatever was asked for."""
    said = {"Content-Range": f"bytes {first}-{last}/{total}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Reply(body[first : last + 1], status=206, headers=said)


@pytest.fixture
def live(tmp_path: Path):
    with LiveTransport(tmp_path / "cache", sleep=lambda _: None, requests_per_second=1e9, attempts=3) as transport:
        yield transport


def kind_of(transport: LiveTransport, resource: Resource) -> FailureKind | None:
    with pytest.raises(Fault) as caught:
        transport.fetch(resource)
    assert len(str(caught.value)) < 2000
    return failure_kind(caught.value)


CUT = Reply(BODY, headers={**V1, "Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}, ranges=True, cut_after=1000)
END = len(BODY) - 1


@pytest.mark.parametrize(
    "second",
    [
        part(BODY[::-1], 1000, END, len(BODY), ETag='"v2"'),
        part(BODY[::-1], 1000, END, len(BODY), Last_Modified="Tue, 06 Jan 2026 10:00:00 GMT"),
        part(BODY[::-1] + b"more", 1000, END + 4, len(BODY) + 4, ETag='"v1"'),
        part(BODY, 999, END, len(BODY), ETag='"v1"'),
        Reply(BODY[1000:], status=206, headers=V1),
        Reply(BODY[1000:], status=206, headers={**V1, "Content-Range": "bytes 1000-*/x"}),
        Reply(BODY[1000:], status=206, headers={"Content-Range": f"bytes 1000-{END}/*"}),
    ],
    ids=[
        "another ETag",
        "another date",
        "another total",
        "another range",
        "no range",
        "range unread",
        "unnamed version",
    ],
)
def test_a_part_of_another_file_is_never_spliced(live, loopback: LoopbackHost, second):
    url = loopback.script("/t.tsv", CUT, second, Reply(BODY, headers=V1, ranges=True))
    assert live.fetch(Resource(url, content="tsv")).path.read_bytes() == BODY
    assert "range" not in loopback.requests[-1].headers  # begun anew


def test_a_part_that_nobody_asked_for_is_not_the_file(live, loopback: LoopbackHost):
    url = loopback.script("/t.tsv", part(BODY, 0, 99, len(BODY), ETag='"v1"'))
    assert kind_of(live, Resource(url, content="tsv")) is FailureKind.TRUNCATED
    loopback.script("/t.tsv", part(BODY, 0, 99, len(BODY), ETag='"v1"'), Reply(BODY, headers=V1))
    assert live.fetch(Resource(url, content="tsv")).path.read_bytes() == BODY


def test_a_range_that_is_shorter_than_asked_for_is_continued(live, loopback: LoopbackHost):
    url = loopback.script(
        "/t.tsv", CUT, part(BODY, 1000, 4999, len(BODY), ETag='"v1"'), Reply(BODY, headers=V1, ranges=True)
    )
    assert live.fetch(Resource(url, content="tsv")).path.read_bytes() == BODY
    assert loopback.requests[-1].headers["range"] == "bytes=5000-"


def test_a_body_whose_length_nobody_told_must_end_with_a_line(live, loopback: LoopbackHost):
    url = loopback.script("/t.tsv", Reply(BODY[:-4], framing="close"))
    assert kind_of(live, Resource(url, content="tsv")) is FailureKind.TRUNCATED
    assert live.fetch(Resource(loopback.script("/u.tsv", Reply(BODY, framing="close")), content="tsv"))


@pytest.mark.parametrize(("content", "body"), [("xml", b"<?xml version='1.0'?><a><b/>"), ("html", b"<html><p>cut")])
def test_markup_must_close_its_first_element(live, loopback: LoopbackHost, content, body):
    assert kind_of(live, Resource(loopback.script("/d", Reply(body)), content=content)) is FailureKind.TRUNCATED
    whole = body + (b"</a>" if content == "xml" else b"</p></html>\n")
    assert live.fetch(Resource(loopback.script("/e", Reply(whole)), content=content))


def test_fewer_bytes_than_the_least_are_a_cut(live, loopback: LoopbackHost):
    url = loopback.script("/t.tsv", Reply(BODY))
    assert kind_of(live, Resource(url, content="tsv", least_bytes=len(BODY) + 1)) is FailureKind.TRUNCATED
    assert live.fetch(Resource(url, content="tsv", least_bytes=len(BODY)))


def test_a_body_beyond_the_limit_is_not_taken_in(tmp_path, loopback: LoopbackHost):
    limits = TransferLimits(largest_bytes=10_000)
    with LiveTransport(tmp_path, limits=limits, sleep=lambda _: None) as live:
        for framing in ("length", "chunked", "close"):
            url = loopback.script(f"/{framing}", Reply(BODY, framing=framing))
            assert kind_of(live, Resource(url)) is FailureKind.TOO_LARGE
        assert not list((tmp_path / "partial").glob("*.part"))


def test_a_transfer_below_the_least_rate_or_beyond_its_time_is_given_up(tmp_path, loopback: LoopbackHost):
    url = loopback.script("/t", Reply(BODY))
    for limits in (
        TransferLimits(least_bytes_per_second=1e6, window_seconds=1.0),
        TransferLimits(longest_seconds=100.0, least_bytes_per_second=0),
    ):
        ticks = iter(range(0, 10**9, 60))
        with LiveTransport(
            tmp_path, limits=limits, sleep=lambda _: None, clock=lambda ticks=ticks: float(next(ticks))
        ) as live:
            assert kind_of(live, Resource(url)) is FailureKind.TOO_SLOW


def test_a_compression_nobody_asked_for_is_bounded_and_an_unknown_one_refused(tmp_path, loopback: LoopbackHost):
    bomb = gzip.compress(b"0\t0\n" * 5_000_000)
    with LiveTransport(tmp_path, limits=TransferLimits(largest_decoded_bytes=10**6), sleep=lambda _: None) as live:
        url = loopback.script("/t.tsv", Reply(bomb, headers={"Content-Encoding": "gzip"}))
        assert kind_of(live, Resource(url, content="tsv")) is FailureKind.TOO_LARGE
        url = loopback.script("/u.tsv", Reply(BODY, headers={"Content-Encoding": "br"}))
        assert kind_of(live, Resource(url, content="tsv")) is FailureKind.WRONG_FORMAT


def test_json_nested_beyond_measure_is_a_fault(live, loopback: LoopbackHost):
    url = loopback.script("/d.json", Reply(b"[" * 200_000 + b"]" * 200_000))
    assert kind_of(live, Resource(url, content="json")) is FailureKind.WRONG_FORMAT


def test_a_slow_file_does_not_condemn_the_others_of_its_host(tmp_path, loopback: LoopbackHost):
    slow = loopback.script("/slow", Reply(BODY, headers={"Content-Length": str(len(BODY))}, cut_after=0))
    good = loopback.script("/good", Reply(BODY))
    with LiveTransport(tmp_path, sleep=lambda _: None, attempts=2) as live:
        assert kind_of(live, Resource(slow)) in (FailureKind.TRUNCATED, FailureKind.UNREACHABLE)
        assert live.fetch(Resource(good)).path.read_bytes() == BODY


def test_a_redirect_into_a_private_network_is_refused_unless_configured(tmp_path, loopback: LoopbackHost):
    target = loopback.script("/inside", Reply(BODY))
    # The mapped host is reached on 127.0.0.1 under another name, and leads from there to the address itself.
    loopback.script("/t", Reply(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"}))
    loopback.script("/u", Reply(status=302, headers={"Location": target}))
    with LiveTransport(
        tmp_path, host_map={"https://data.example.org": loopback.url}, sleep=lambda _: None, attempts=1
    ) as live:
        assert kind_of(live, Resource("https://data.example.org/t")) is FailureKind.REDIRECT_REFUSED
        assert live.fetch(Resource("https://data.example.org/u")).path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True), ("[::1]", True), ("10.1.2.3", True), ("192.168.1.1", True), ("169.254.169.254", True),
        ("localhost", True), ("files.localhost", True), ("db.internal", True), ("::ffff:127.0.0.1", True),
        ("8.8.8.8", False), ("2606:4700::1111", False),
    ],
)  # fmt: skip
def test_private_addresses_are_told_from_public_ones(host, private):
    assert is_private_host(host) is private


@pytest.fixture
def trickling(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A host that sends one header after another and never ends them."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            line = b"HTTP/1.1 200 OK\r\n"
            with contextlib.suppress(OSError):
                while not over.wait(0.01):
                    self.request.sendall(line)
                    line = b"X-More: 1\r\n"

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/table.tsv"
        over.set()
        server.shutdown()
        thread.join()


def test_headers_that_trickle_are_not_waited_for_without_end(tmp_path, trickling):
    with LiveTransport(
        tmp_path / "cache", sleep=lambda _: None, requests_per_second=1e9, attempts=3, answer_timeout=0.2
    ) as live:
        assert kind_of(live, Resource(trickling)) is FailureKind.TOO_SLOW


def test_passwords_and_signatures_are_neither_stored_nor_shown(tmp_path, loopback: LoopbackHost):
    host = loopback.url.removeprefix("http://")
    loopback.script("/t?token=s3cret&x=1", Reply(BODY))
    loopback.script("/gone?token=s3cret", Reply(status=404))
    with LiveTransport(tmp_path, host_map={"https://h/": f"http://user:s3cret@{host}"}, sleep=lambda _: None) as live:
        fetched = live.fetch(Resource(f"http://user:s3cret@{host}/t?token=s3cret&x=1"))
        assert fetched.resolved_url.endswith("/t?token=***&x=1")
        with pytest.raises(Fault) as caught:
            live.fetch(Resource(f"http://user:s3cret@{host}/gone?token=s3cret"))
        shown = [str(caught.value), live.describe(), live.probe(fetched.resource).url, fetched.resolved_url]
    stored = [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in (*shown, *stored) if "s3cret" in text]


def test_a_smallest_size_is_for_the_public_host_and_not_for_ones_own(tmp_path, loopback: LoopbackHost):
    loopback.script("/t.tsv", Reply(BODY))
    resource = Resource("https://data.example.org/t.tsv", content="tsv", least_bytes=len(BODY) + 1)
    hosts = {"https://data.example.org": loopback.url}
    with LiveTransport(tmp_path, host_map=hosts, sleep=lambda _: None, attempts=1) as own:
        assert own.fetch(resource).size_bytes == len(BODY)
