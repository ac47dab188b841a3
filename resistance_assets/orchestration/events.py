"""Who listens to what a run does.

Here belongs the one list of listeners that steps announce themselves to, so that a command line can show progress while
an in-process run works. Without a listener nothing happens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Announcement:
    """Something happened to a table (or to a transfer, or to the publication).

    Attributes:
        kind: started, finished or failed; `bytes` while a file is fetched; `note` for what people should know of long
            work before and while it is done.
        subject: address of the table, or name of the file.
        outcome: built, memo hit, kept, unavailable, failed; empty while under way.
        seconds: how long it took.
        message: for people; why it failed or is unavailable.
        done: bytes so far.
        total: bytes in all, where known.
    """

    kind: str
    subject: str
    outcome: str = ""
    seconds: float = 0.0
    message: str = ""
    done: int = 0
    total: int | None = None


_listeners: list[Callable[[Announcement], None]] = []


def announce(announcement: Announcement) -> None:
    """Tell every listener of this process."""
    for listener in tuple(_listeners):
        listener(announcement)


@contextlib.contextmanager
def listening(listener: Callable[[Announcement], None]) -> Iterator[None]:
    """Hear announcements for as long as the block lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
