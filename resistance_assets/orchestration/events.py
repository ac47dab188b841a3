"""Progress events: what a run tells while it works, and the subscribers that it tells.

Here belongs the one list of subscribers of this process, so that a command line can show progress while an in-process
run works. Without a subscriber nothing happens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressEvent:
    """Something happened to a table (or to a transfer, or to the publication).

    Attributes:
        kind: started, finished or failed; `bytes` while a file is fetched; `note` for what people should know of long
            work before and while it is done.
        subject: address of the table, or name of the file.
        outcome: built, cache hit, kept, unavailable, failed; empty while under way.
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


_subscribers: list[Callable[[ProgressEvent], None]] = []


def emit(event: ProgressEvent) -> None:
    """Pass an event to every subscriber of this process."""
    for subscriber in tuple(_subscribers):
        subscriber(event)


@contextlib.contextmanager
def subscribe(subscriber: Callable[[ProgressEvent], None]) -> Iterator[None]:
    """Receive events for as long as the block lasts."""
    _subscribers.append(subscriber)
    try:
        yield
    finally:
        _subscribers.remove(subscriber)
