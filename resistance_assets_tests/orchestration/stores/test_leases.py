"""Leases: one holder, taken over when it is gone, and users whom a pruning waits for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field

import pytest

from resistance_assets.orchestration.stores.leases import (
    CLOCKS_DIFFER_SECONDS,
    LEASE_SECONDS,
    Holder,
    Leases,
    read_holder,
)
from resistance_assets.orchestration.stores.store import Store
from resistance_assets.processes import Process, this_process

KEY = "leases/raw/x.json"
ELSEWHERE = Process("0123456789ab", 1, 5)


@dataclass
class Clock:
    """A clock that goes on while somebody waits."""

    now: float = 1_000_000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def leases_of(store: Store, clock: Clock) -> Leases:
    return Leases(store, clock=clock, sleep=clock.sleep)


def put_holder(store: Store, process: Process | str, expires_at: float, key: str = KEY) -> None:
    store.replace(key, json.dumps(asdict(Holder("theirs", str(process), expires_at))).encode())


def ended_process() -> Process:
    """A process of this host that has ended."""
    asked = "from resistance_assets.processes import this_process; print(this_process())"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    host, pid, started = found.stdout.strip().split("-")
    return Process(host, int(pid), int(started))


def test_a_lease_has_one_holder_and_is_given_back(store):
    clock = Clock()
    first, second = leases_of(store, clock), leases_of(store, clock)
    with first.held("raw/x"):
        holder = second.try_to_take(KEY)
        assert holder is not None
        assert holder.describe() == f"process {os.getpid()}"
    assert store.get(KEY) is None
    assert second.try_to_take(KEY) is None


def test_a_lease_of_another_host_is_taken_over_when_it_has_run_out(store):
    clock = Clock()
    put_holder(store, ELSEWHERE, clock.now + 30)
    told = []
    with leases_of(store, clock).held("raw/x", waiting=told.append):
        assert told == ["process 1 of another host"]
        assert clock.now >= 1_000_000 + 30 + CLOCKS_DIFFER_SECONDS
        holder = read_holder(store.get(KEY))
        assert holder is not None
        assert holder.process == str(this_process())


def test_a_lease_of_a_process_of_this_host_that_has_ended_is_taken_over_at_once(store):
    clock = Clock()
    put_holder(store, ended_process(), clock.now + 30)
    with leases_of(store, clock).held("raw/x"):
        assert clock.waits == []


def test_a_process_with_the_id_of_one_that_has_ended_is_another(store):
    clock = Clock()
    mine = this_process()
    put_holder(store, Process(mine.host, mine.pid, mine.started + 1), clock.now + 30)
    assert leases_of(store, clock).try_to_take(KEY) is None


def test_of_several_that_find_a_lease_that_ran_out_one_takes_it(store):
    clock = Clock()
    put_holder(store, ELSEWHERE, 0.0)
    found = [leases_of(store, clock).try_to_take(KEY) for _ in range(4)]
    assert [holder is None for holder in found] == [True, False, False, False]


def test_a_lease_is_renewed_and_is_not_renewed_once_it_is_somebody_elses(store):
    clock = Clock()
    leases = leases_of(store, clock)
    assert leases.try_to_take(KEY) is None
    clock.now += LEASE_SECONDS / 2
    leases.renew()
    holder = read_holder(store.get(KEY))
    assert holder is not None
    assert holder.expires_at == clock.now + LEASE_SECONDS
    put_holder(store, ELSEWHERE, clock.now + 500)
    leases.renew()
    clock.now += 2 * LEASE_SECONDS
    leases.give_all_back()
    holder = read_holder(store.get(KEY))
    assert holder is not None
    assert holder.token == "theirs"


@pytest.mark.parametrize("content", [b"", b"null", b"[1]", b'{"token": 1}', bytes(range(200))])
def test_a_damaged_lease_is_nobodys(store, content):
    store.replace(KEY, content)
    assert leases_of(store, Clock()).try_to_take(KEY) is None


def test_whoever_wants_to_be_alone_waits_for_users_and_not_for_those_that_are_gone(store):
    clock = Clock()
    put_holder(store, ended_process(), clock.now + 500, "leases/in_use/a.json")
    put_holder(store, ELSEWHERE, clock.now + 20, "leases/in_use/b.json")
    told = []
    with leases_of(store, clock).alone(waiting=told.append):
        assert told == ["process 1 of another host"]
        assert [entry.key for entry in store.list("leases/in_use")] == []


def test_nobody_begins_to_use_a_store_while_somebody_is_alone(store):
    clock = Clock()
    put_holder(store, ELSEWHERE, clock.now + 5, "leases/alone.json")
    with leases_of(store, clock).in_use():
        assert clock.now > 1_000_000 + 5


def test_a_user_that_is_idle_is_no_hindrance_to_itself(store):
    leases = leases_of(store, Clock())
    with leases.in_use():
        pass
    assert leases.is_user
    with leases.alone():
        assert not leases.is_user
