"""Leases: rights that end by themselves, for processes that share no disk and so no lock of a kernel.

A lease is a small record under `leases/` that only one process can create. It names its holder and until when it
holds; a thread of the holder renews it. Whoever finds one that has run out, or whose holder is a process of this host
that has ended, takes it over by a swap, which only one can win. A holder that was asleep longer than its lease may
believe that it still has it: nothing that is written relies on the lease alone, since records are swapped.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from resistance_assets.errors import Fault
from resistance_assets.orchestration.stores.store import Store, Stored, Waiting
from resistance_assets.processes import parse_process, this_process

FOLDER = "leases"
LEASE_SECONDS = 60.0
RENEWED_EVERY_SECONDS = 15.0
CLOCKS_DIFFER_SECONDS = 10.0
"""How far the clocks of two hosts may be apart."""

KEPT_IDLE_SECONDS = 10.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.05, 2.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, and until when (seconds since 1970, by its own clock)."""

    token: str
    process: str
    expires_at: float

    def is_gone(self, now: float) -> bool:
        """Whether nobody holds it any more."""
        process = parse_process(self.process)
        if process is not None and process.is_here:
            return not process.is_running
        return now > self.expires_at + CLOCKS_DIFFER_SECONDS

    def describe(self) -> str:
        process = parse_process(self.process)
        if process is None:
            return "another process"
        return f"process {process.pid}" if process.is_here else f"process {process.pid} of another host"


def read_holder(stored: Stored | None) -> Holder | None:
    """The holder that a record names; None where there is no record, or it is none."""
    if stored is None:
        return None
    try:
        document = json.loads(stored.data)
        return Holder(str(document["token"]), str(document["process"]), float(document["expires_at"]))
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class _Held:
    """A lease of this process: its entity tag is what a swap needs to renew it."""

    token: str
    etag: str
    expires_at: float


class Leases:
    """Leases of one store, as this process takes them.

    Args:
        store: where they are.
        clock: seconds since 1970.
        sleep: waits so many seconds.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.RLock()
        self._held: dict[str, _Held] = {}
        self._thread: threading.Thread | None = None
        self._users = 0
        self._presence: str | None = None
        self._idle_since = 0.0

    # ---- one holder ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self, name: str, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        """Hold a lease that only one can have; waits for whoever has it."""
        key = f"{FOLDER}/{name}.json"
        self._take(key, waiting)
        try:
            yield
        finally:
            self._give_back(key)

    def _take(self, key: str, waiting: Waiting) -> None:
        wait, is_told = _FIRST_WAIT_SECONDS, False
        while (found := self.try_to_take(key)) is not None:
            if not is_told:
                waiting(found.describe())
                is_told = True
            self._sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)

    def try_to_take(self, key: str) -> Holder | None:
        """Take a lease that is free or has run out; None where it is this process's now, else who holds it."""
        token, expires_at = uuid.uuid4().hex, self._clock() + LEASE_SECONDS
        document = _document(token, expires_at)
        etag = self._store.create(key, document)
        if etag is None:
            stored = self._store.get(key)
            holder = read_holder(stored)
            if stored is not None and holder is not None and not holder.is_gone(self._clock()):
                return holder
            # Given back since, or nobody's any more: of all who try, one wins.
            etag = self._store.swap(key, document, None if stored is None else stored.etag)
            if etag is None:
                return holder or Holder("", "", 0.0)
        with self._lock:
            self._held[key] = _Held(token, etag, expires_at)
        self._keep_renewing()
        return None

    def _give_back(self, key: str) -> None:
        with self._lock:
            held = self._held.pop(key, None)
        # A right that cannot be given back now ends by itself.
        with contextlib.suppress(Fault):
            if held is not None and self._is_still(key, held):
                self._store.delete([key])

    def _is_still(self, key: str, held: _Held) -> bool:
        """Whether a lease is ours; before it ran out, it can be nobody else's."""
        if self._clock() < held.expires_at:
            return True
        holder = read_holder(self._store.get(key))
        return holder is not None and holder.token == held.token

    # ---- many users, or one who wants none -----------------------------------------------------------------------

    @property
    def is_user(self) -> bool:
        """Whether this process is one of the users of the store."""
        return self._presence is not None

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Be one of the users of the store. The lease is kept a while after the block: the next one costs nothing."""
        with self._lock:
            self._users += 1
            is_in = self._presence is not None
        try:
            if not is_in:
                key = self._enter()
                with self._lock:
                    if self._presence is None:
                        self._presence = key
                    else:
                        self._give_back(key)
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._idle_since = self._clock()

    def _enter(self) -> str:
        wait = _FIRST_WAIT_SECONDS
        while True:
            key = f"{FOLDER}/in_use/{uuid.uuid4().hex}.json"
            self.try_to_take(key)
            # Whoever wants to be alone looks for users after its own lease stands: one of the two sees the other.
            alone = read_holder(self._store.get(f"{FOLDER}/alone.json"))
            if alone is None or alone.is_gone(self._clock()):
                return key
            self._give_back(key)
            self._sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)

    @contextlib.contextmanager
    def alone(self, *, waiting: Waiting = lambda holder: None) -> Iterator[None]:
        """Be the only one: waits until nobody uses the store, and nobody begins to while the block lasts."""
        with self._lock:
            if self._presence is not None and not self._users:
                self._leave()
        with self.held("alone", waiting=waiting):
            wait, is_told = _FIRST_WAIT_SECONDS, False
            while (user := self._first_user()) is not None:
                if not is_told:
                    waiting(user.describe())
                    is_told = True
                self._sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)
            yield

    def _first_user(self) -> Holder | None:
        """Somebody who uses the store; leases of users that are gone are removed on the way."""
        for entry in list(self._store.list(f"{FOLDER}/in_use")):
            holder = read_holder(self._store.get(entry.key))
            if holder is not None and not holder.is_gone(self._clock()):
                return holder
            self._store.delete([entry.key])
        return None

    def _leave(self) -> None:
        if self._presence is not None:
            self._give_back(self._presence)
            self._presence = None

    # ---- renewing ------------------------------------------------------------------------------------------------

    def _keep_renewing(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
                self._thread.start()
                atexit.register(self.give_all_back)

    def _renew_for_ever(self) -> None:
        ended = threading.Event()
        begun = time.monotonic()
        while not ended.wait(1.0):
            with self._lock:
                if not self._users and self._clock() - self._idle_since > KEPT_IDLE_SECONDS:
                    self._leave()
                if not self._held:
                    self._thread = None
                    return
            if time.monotonic() - begun >= RENEWED_EVERY_SECONDS:
                begun = time.monotonic()
                self.renew()

    def renew(self) -> None:
        """Renew every lease that this process holds. One that somebody took over meanwhile is theirs."""
        with self._lock:
            for key, held in list(self._held.items()):
                # A host that is away for a moment is asked again before the lease runs out.
                with contextlib.suppress(Fault):
                    expires_at = self._clock() + LEASE_SECONDS
                    renewed = self._store.swap(key, _document(held.token, expires_at), held.etag)
                    if renewed is None:
                        del self._held[key]
                    else:
                        self._held[key] = _Held(held.token, renewed, expires_at)

    def give_all_back(self) -> None:
        """Give back every lease, at the end of the process."""
        with self._lock:
            self._leave()
            for key in list(self._held):
                self._give_back(key)


def _document(token: str, expires_at: float) -> bytes:
    return json.dumps(asdict(Holder(token, str(this_process()), expires_at))).encode()
