"""SIGINT and SIGTERM: told apart, reported once, and obeyed within seconds.

Here belongs what a command does about a signal that asks it to end. An exception in the main thread ends what is under
way; where it cannot, because compiled code does not return, the process is left after a grace period. Either is safe at
any moment: files are replaced whole, locks go with the process, and the next run goes on from what is there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 5.0
KEPT = "what was finished is kept, and the next run goes on from there"


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end. A KeyboardInterrupt, so that nobody takes it for an error."""


class _Watch:
    """What this process knows of signals; nothing before `install`."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.arrived = threading.Event()
        self.settled = threading.Event()
        self.grace: float | None = GRACE_SECONDS
        self.is_installed = False
        self.told = KEPT
        self.is_interrupt_left = False
        self.writing: socket.socket | None = None
        self.before_leaving: list[Callable[[], None]] = []


_watch = _Watch()


def install() -> None:
    """Watch for signals from now on. To be called once, by the main thread of a command."""
    if _watch.is_installed:
        return
    _watch.is_installed = True
    signal.signal(signal.SIGTERM, _raise_stopped)
    # Dagster puts handlers of its own in place of these while it runs, and makes both signals one. The byte that the
    # interpreter writes for each signal still tells which it was.
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    _watch.writing = writing
    watch_again()
    threading.Thread(target=_wait_for_signals, args=(reading, writing), name="signals", daemon=True).start()


def watch_again() -> None:
    """Be told of signals again after an event loop, which takes the watch's place while it runs and leaves none."""
    if _watch.writing is not None:
        signal.set_wakeup_fd(_watch.writing.fileno(), warn_on_full_buffer=False)


def set_grace(seconds: float | None) -> None:
    """How long after a signal the process may go on; None: for as long as it takes to end by itself."""
    _watch.grace = seconds


def requested(*, wait: float = 0.0) -> int | None:
    """Number of the signal that asked this process to end, or None. Waits for it where one is known to have come."""
    if _watch.is_installed and wait and _watch.number is None:
        _watch.arrived.wait(wait)
    return _watch.number


def raise_if_requested(done: str = KEPT) -> None:
    """Raise Stopped where a signal came, also one that somebody else caught."""
    if _watch.number is not None:
        _watch.told = done
        raise Stopped(done)


def settle() -> tuple[int, str]:
    """Exit code, and one line for people; from now on the process ends by itself."""
    number = requested(wait=1.0) or signal.SIGINT
    _watch.settled.set()
    return 128 + number, f"stopped by {signal.Signals(number).name}; {_watch.told}"


@contextlib.contextmanager
def left_to_others() -> Iterator[None]:
    """For a block in which another program answers to Ctrl-C, such as a pager."""
    grace, _watch.grace = _watch.grace, None
    try:
        yield
    finally:
        _watch.grace, _watch.number = grace, None
        _watch.arrived.clear()


@contextlib.contextmanager
def interrupts_left() -> Iterator[None]:
    """For a prompt: Ctrl-C is a KeyboardInterrupt there and nothing more; SIGTERM ends the process as ever."""
    _watch.is_interrupt_left = True
    try:
        yield
    finally:
        _watch.is_interrupt_left = False


@contextlib.contextmanager
def told_first(call: Callable[[], None]) -> Iterator[None]:
    """For a block whose work goes on elsewhere: where the process is left without its consent, ``call`` ends that."""
    _watch.before_leaving.append(call)
    try:
        yield
    finally:
        _watch.before_leaving.remove(call)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    # Noted here too: under an event loop the watch is not told.
    _watch.number = _watch.number or number
    raise Stopped(KEPT)


def _wait_for_signals(reading: socket.socket, writing: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := reading.recv(16):
            for number in data:
                if number == signal.SIGINT and _watch.is_interrupt_left:
                    continue
                if number in (signal.SIGINT, signal.SIGTERM):
                    again = _watch.arrived.is_set()
                    _watch.number = _watch.number or number
                    _watch.arrived.set()
                    if _watch.grace is not None and (again or not _watch.settled.wait(_watch.grace)):
                        _leave()


def _leave() -> None:
    """End the process where it stands, and the programs that it started."""
    number = _watch.number or signal.SIGINT
    for call in tuple(_watch.before_leaving):
        with contextlib.suppress(Exception):
            call()
    for pid in _children():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{show_cursor}resistance: stopped by {signal.Signals(number).name}; {KEPT}\n".encode())
    os._exit(128 + number)


def _children() -> list[int]:
    """Processes that this one started, where the system tells."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        for task in Path("/proc/self/task").iterdir():
            found.extend(int(pid) for pid in (task / "children").read_text().split())
    return found
