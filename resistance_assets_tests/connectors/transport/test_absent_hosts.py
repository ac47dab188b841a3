"""A host that does not answer costs a bounded time in a run, whatever number of files it has; no test waits for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.connectors.transport.absent_hosts import AbsentHosts
from resistance_assets.connectors.transport.http import LiveTransport
from resistance_assets.connectors.transport.resource import FailureKind, Resource, failure_kind
from resistance_assets.errors import Fault
from resistance_assets_tests.loopback import LoopbackHost, Reply


class Time:
    """A clock that moves by what is slept, and by what an attempt takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def host() -> Iterator[LoopbackHost]:
    host = LoopbackHost()
    yield host
    host.close()


def transport(folder: Path, time: Time, absent: AbsentHosts) -> LiveTransport:
    """As each step of a run opens one of its own."""
    return LiveTransport(folder, sleep=time.sleep, clock=time, requests_per_second=1e9, absent=absent)


def fault_of(live: LiveTransport, url: str) -> Fault:
    with pytest.raises(Fault) as caught:
        live.fetch(Resource(url))
    return caught.value


def test_a_host_that_fails_for_every_file_is_given_up_for_the_run(tmp_path, time, host):
    absent = AbsentHosts(budget=40.0)
    urls = [host.script(f"/{name}", Reply(status=503)) for name in "abcdefgh"]
    told = []
    for url in urls:
        with transport(tmp_path, time, absent) as live:
            told.append(str(fault_of(live, url)))
    # One file takes four waits of 1, 2, 4 and 8 s with jitter; eight files would take eight times that.
    assert time.now <= 40.0 + 12.0
    assert "status 503" in told[0]
    assert "did not answer in 40 s and is away for the rest of this run" in told[-1]


def test_an_answer_in_between_forgets_what_was_spent(tmp_path, time, host):
    absent = AbsentHosts(budget=40.0)
    bad, good = host.script("/bad", Reply(status=500)), host.script("/good", Reply(b"gene\tvalue\nAXL\t1\n"))
    for _ in range(6):
        with transport(tmp_path, time, absent) as live:
            assert failure_kind(fault_of(live, bad)) is FailureKind.SERVER_ERROR
            assert live.fetch(Resource(good)).size_bytes == 17


def test_a_refusal_is_an_answer(tmp_path, time, host):
    absent = AbsentHosts(budget=40.0)
    bad, gone = host.script("/bad", Reply(status=500)), host.script("/gone", Reply(status=404))
    for _ in range(6):
        with transport(tmp_path, time, absent) as live:
            assert failure_kind(fault_of(live, bad)) is FailureKind.SERVER_ERROR
            assert failure_kind(fault_of(live, gone)) is FailureKind.REFUSED_OR_GONE


def test_a_limit_of_requests_is_no_silence(tmp_path, time, host):
    absent = AbsentHosts(budget=10.0)
    url = host.script("/busy", Reply(status=429, headers={"Retry-After": "30"}))
    for _ in range(3):
        with transport(tmp_path, time, absent) as live:
            assert failure_kind(fault_of(live, url)) is FailureKind.RATE_LIMITED


def test_a_host_without_a_connection_is_asked_again_until_its_budget_is_spent(tmp_path, time, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    absent = AbsentHosts(budget=8.0, rest=60.0)
    told = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/t"
        for _ in range(12):
            with transport(tmp_path, time, absent) as live:
                told.append(str(fault_of(live, url)))
            time.now += 61.0
    assert "ConnectError" in told[0]
    assert "away for the rest of this run" in told[-1]
    assert time.now - 12 * 61.0 <= 8.0 + 4.5


def test_a_new_round_of_looks_asks_every_host_again(tmp_path, time, host):
    absent = AbsentHosts(budget=0.4)
    url = host.script("/t", Reply(status=503), Reply(status=503), Reply(b"gene\nAXL\n"))
    with transport(tmp_path, time, absent) as live:
        assert "503" in str(fault_of(live, url))
        assert "away" in str(fault_of(live, url))
        absent.forget()
        assert live.fetch(Resource(url)).size_bytes == 9
