"""Hosts that do not answer: how long a process waits for one in all, and that it is then away for the rest of the run.

Here belongs what is remembered of a host between requests. What counts as no answer is decided where requests are made.
"""

from __future__ import annotations

import threading

BUDGET_SECONDS = 120.0
"""Attempts and waits for one host that bring nothing; what comes after is reported at once."""
REST_SECONDS = 60.0
"""After a connection that did not come about, the other files of the host are not asked for."""
AWAY_SECONDS = 6 * 3600.0
"""A run ends sooner; a daemon that lives on asks the host again, at the latest then."""


class AbsentHosts:
    """Memory of hosts that do not answer, by scheme, host and port; shared by the transports of one process.

    Args:
        budget: seconds that may be spent on one host without an answer.
        rest: seconds for which a host that could not be connected to is left alone.
        away: seconds for which a host is left alone whose budget is spent.
    """

    def __init__(
        self, *, budget: float = BUDGET_SECONDS, rest: float = REST_SECONDS, away: float = AWAY_SECONDS
    ) -> None:
        self._budget, self._rest, self._away = budget, rest, away
        self._spent: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def why_not(self, host: str, now: float) -> str | None:
        """Why a host is not asked now, in words; None where it may be."""
        with self._lock:
            if now >= self._until.get(host, 0.0):
                return None
            if self._spent.get(host, 0.0) >= self._budget:
                return f"did not answer in {self._budget:.0f} s and is away for the rest of this run"
            return "could not be reached a moment ago"

    def seconds_left(self, host: str) -> float:
        """What of the budget of a host is left."""
        with self._lock:
            return max(0.0, self._budget - self._spent.get(host, 0.0))

    def note_silence(self, host: str, seconds: float, now: float, *, is_connected: bool) -> None:
        """So many seconds went by without an answer.

        Args:
            host: scheme, host and port.
            seconds: of attempts and waits.
            now: by the clock of the transport.
            is_connected: whether a connection came about.
        """
        with self._lock:
            self._spent[host] = self._spent.get(host, 0.0) + seconds
            if self._spent[host] >= self._budget:
                self._until[host] = now + self._away
            elif not is_connected:
                self._until[host] = now + self._rest

    def note_answer(self, host: str) -> None:
        """The host answers: what was spent is forgotten."""
        with self._lock:
            self._spent.pop(host, None)
            self._until.pop(host, None)

    def forget(self) -> None:
        """Ask every host again, as at the beginning of a round of looks."""
        with self._lock:
            self._spent.clear()
            self._until.clear()


OF_THIS_PROCESS = AbsentHosts()
"""What the steps of one run share, each of which opens a transport of its own."""
