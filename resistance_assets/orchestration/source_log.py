"""When each source was looked at last, and why not since: `sources_looked_at.json` in the data folder.

Here belong keeping it and telling what is overdue. Who looks, a refresh or the daemon, and how, is decided elsewhere.
Unchanged and not looked at are two things: a source that no host answered for keeps the time of its last good look.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resistance_assets.errors import Fault
from resistance_assets.files import file_lock, write_json

FILE = "sources_looked_at.json"
_UNITS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True)
class Look:
    """Looks at one source; times are UTC, ISO 8601.

    Attributes:
        looked_at: the last good look; None where there never was one.
        tried_at: the last attempt.
        problem: why the last attempt failed; None where it did not.
        failing_since: the first failed attempt after the last good look.
    """

    looked_at: str | None
    tried_at: str
    problem: str | None = None
    failing_since: str | None = None

    def age(self, now: datetime) -> timedelta | None:
        """Time since the last good look."""
        return None if self.looked_at is None else now - datetime.fromisoformat(self.looked_at)

    def is_overdue(self, max_age: timedelta | None, now: datetime) -> bool:
        """Whether the last good look is longer ago than allowed. What was never had is told elsewhere."""
        age = self.age(now)
        return max_age is not None and age is not None and age > max_age


def parse_age(text: str) -> timedelta | None:
    """A duration such as `36h`, `3d` or `2w`; `off` is none.

    Raises:
        ValueError: it is none of these.
    """
    if text.strip().lower() in ("off", "0", ""):
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([hdw])\s*", text.lower())
    if found is None:
        raise ValueError("a duration such as 36h, 3d or 2w, or off")
    return timedelta(hours=float(found[1]) * _UNITS[found[2]])


def age_in_words(age: timedelta) -> str:
    """`5 hours`, `2.5 days`."""
    hours = age.total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"


def read_looks(data_dir: Path) -> dict[str, Look]:
    """Source -> what is known of the looks at it; empty where nothing is, or the file cannot be read."""
    try:
        document = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return {name: Look(**entry) for name, entry in document.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note_looks(data_dir: Path, found: Mapping[str, str | None], *, now: datetime | None = None) -> dict[str, Look]:
    """Keep what came of a round of looks.

    Args:
        data_dir: where it is kept.
        found: source -> why it could not be looked at; None where it could.
        now: by default the clock's time.

    Returns:
        What is known of every source after it.
    """
    at = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    if not data_dir.is_dir():
        return {name: Look(at if problem is None else None, at, problem) for name, problem in found.items()}
    # A command is not refused because this could not be kept.
    with contextlib.suppress(OSError, Fault), file_lock(data_dir / f".{FILE}.lock"):
        looks = read_looks(data_dir)
        for name, problem in found.items():
            before = looks.get(name)
            if problem is None:
                looks[name] = Look(at, at)
            else:
                since = before.failing_since if before is not None and before.problem is not None else at
                looks[name] = Look(before.looked_at if before is not None else None, at, problem, since)
        write_json(data_dir / FILE, {name: asdict(look) for name, look in looks.items()})
        return looks
    return read_looks(data_dir)


def not_looked_at(looks: Mapping[str, Look], known: frozenset[str] | set[str]) -> dict[str, Look]:
    """Sources of the catalog whose last attempt failed and that were had before: silence is not "unchanged"."""
    return {
        name: look
        for name, look in sorted(looks.items())
        if name in known and look.problem is not None and look.looked_at is not None
    }


def overdue(
    looks: Mapping[str, Look], known: frozenset[str] | set[str], max_age: timedelta | None, now: datetime | None = None
) -> dict[str, Look]:
    """Sources of the catalog whose last good look is longer ago than allowed."""
    at = now or datetime.now(UTC)
    return {name: look for name, look in sorted(looks.items()) if name in known and look.is_overdue(max_age, at)}


def silence_in_words(name: str, look: Look, now: datetime | None = None) -> str:
    """One line: which source, since when, and why."""
    age = look.age(now or datetime.now(UTC))
    when = f"last looked at {look.looked_at}, {age_in_words(age)} ago" if age is not None else "never looked at"
    reason = f": {look.problem}" if look.problem else ""
    return f"{name}: {when}{reason}"
