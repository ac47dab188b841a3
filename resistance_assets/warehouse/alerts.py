"""Alerts: what is wrong now, what of it is news, and what is over.

What is wrong is read from the lake, from the looks at sources and from the published file, so that a refresh in cron
and the daemon tell the same. What was told is in `alerts.json` of the data folder: an alert is told once, again after a
day as long as it lasts, and once more when it is over. What could not be sent is told at the next occasion.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from resistance_assets.connectors.transport.resource import tells_wrong_bytes
from resistance_assets.errors import DataFault, Fault
from resistance_assets.files import file_lock, write_json
from resistance_assets.orchestration.attempts import all_failures
from resistance_assets.orchestration.lake import open_lake
from resistance_assets.orchestration.messages import Channels, send
from resistance_assets.orchestration.source_log import not_looked_at, overdue, read_looks, silence_in_words
from resistance_assets.warehouse.reader import open_warehouse

FILE = "alerts.json"
AGAIN_AFTER = timedelta(hours=24)
MOST_OF_TEXT = 500
Kind = Literal["table_failed", "study_left_out", "source_stale", "source_failed", "claim_turned", "run_failed"]
LASTING: tuple[Kind, ...] = ("table_failed", "study_left_out", "source_stale", "source_failed")
"""Kinds that last until they are over; the others are events, told once."""
WORDS: Mapping[Kind, str] = {
    "table_failed": "failed tables or checks",
    "study_left_out": "studies left out, in whole or in part",
    "source_stale": "stale sources",
    "source_failed": "sources that sent something else",
    "claim_turned": "claims that turned",
    "run_failed": "failed runs",
}


@dataclass(frozen=True)
class Alert:
    """Something that a person should know.

    Attributes:
        kind: see `WORDS`.
        subject: table, study, source, claim or run.
        text: one line.
    """

    kind: Kind
    subject: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True)
class Told:
    """What a round of alerts told: news, repeats, what is over, and channels that did not take it."""

    news: tuple[Alert, ...]
    again: tuple[Alert, ...]
    over: tuple[str, ...]
    problems: tuple[str, ...]


def current_alerts(
    data_dir: Path, *, study_faults: Mapping[str, str], sources: set[str], max_age: timedelta | None
) -> list[Alert]:
    """What is wrong now, and claims that the release published last turned.

    Args:
        data_dir: of the warehouse.
        study_faults: study folder -> why it was left out.
        sources: ids of the catalog's sources.
        max_age: how long ago the last good look at a source may be.
    """
    by_reason: dict[str, list[str]] = {}
    for table, failure in all_failures(open_lake(data_dir)).items():
        by_reason.setdefault(failure.reason, []).append(table)
    found = []
    for reason, tables in by_reason.items():
        more = f" (and {len(tables) - 1} tables more)" if len(tables) > 1 else ""
        found.append(Alert("table_failed", tables[0], f"{tables[0]}{more}: {reason}"))
    found += [Alert("study_left_out", folder, f"{folder}: {fault}") for folder, fault in study_faults.items()]
    looks = read_looks(data_dir)
    late = overdue(looks, sources, max_age)
    found += [Alert("source_stale", name, silence_in_words(name, look)) for name, look in late.items()]
    # A refresh tries the table, which fails; the daemon looks first and leaves the table as it is. Both tell it.
    found += [
        Alert("source_failed", name, silence_in_words(name, look))
        for name, look in not_looked_at(looks, sources).items()
        if name not in late
        and tells_wrong_bytes(look.problem or "")
        and not any(reason.startswith(f"{name} ") for reason in by_reason)
    ]
    return [*found, *_turned_claims(data_dir)]


def _turned_claims(data_dir: Path) -> list[Alert]:
    query = (
        "SELECT DISTINCT release, item, before, after, cause FROM meta.release_changes WHERE kind = 'verdict'"
        " AND release = (SELECT max(release) FROM meta.releases) ORDER BY item"
    )
    try:
        with contextlib.closing(open_warehouse(data_dir)) as connection:
            if not connection.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = 'meta' AND table_name = 'release_changes'"
            ).fetchone():
                return []
            rows = connection.execute(query).fetchall()
    except DataFault:
        return []
    found: dict[str, Alert] = {}
    for release, claim, before, after, cause in rows:
        text = f"claim {claim}: {before} -> {after} in release {release} ({cause or 'cause not known'})"
        found[claim] = Alert("claim_turned", f"{release}/{claim}", text)
    return list(found.values())


def tell_alerts(data_dir: Path, alerts: Iterable[Alert], channels: Channels, *, now: datetime | None = None) -> Told:
    """Send what is news, what still lasts after a day, and what is over; nothing where there is neither.

    Args:
        data_dir: of the warehouse; keeps what was told.
        alerts: everything that is wrong now.
        channels: where messages go.
        now: by default the clock's time.
    """
    at = now or datetime.now(UTC)
    data_dir.mkdir(parents=True, exist_ok=True)
    with file_lock(data_dir / f".{FILE}.lock"):
        known = _read(data_dir)
        current = {alert.key: alert for alert in alerts}
        news = [alert for key, alert in current.items() if key not in known]
        again = [
            alert
            for key, alert in current.items()
            if alert.kind in LASTING and key in known and at - _sent(known[key]) >= AGAIN_AFTER
        ]
        over = [key for key in known if key.partition(":")[0] in LASTING and key not in current]
        problems: list[str] = []
        if (news or again or over) and channels.any:
            problems = send(channels, *_message(data_dir, news, again, over, known, at))
        if not problems:
            kept = {key: entry for key, entry in known.items() if key not in over}
            for alert in (*news, *again):
                since = known.get(alert.key, {}).get("since", at.isoformat(timespec="seconds"))
                kept[alert.key] = {"since": since, "sent_at": at.isoformat(timespec="seconds"), "text": alert.text}
            if kept != known:
                with contextlib.suppress(Fault):
                    write_json(data_dir / FILE, kept)
    return Told(tuple(news), tuple(again), tuple(over), tuple(problems))


def _message(
    data_dir: Path, news: list[Alert], again: list[Alert], over: list[str], known: Mapping[str, Any], at: datetime
) -> tuple[str, str, dict[str, Any]]:
    """Subject, text and document of a message."""
    counts: dict[str, int] = {}
    for alert in (*news, *again):
        counts[WORDS[alert.kind]] = counts.get(WORDS[alert.kind], 0) + 1
    parts = [f"{count} {words}" for words, count in counts.items()] + ([f"{len(over)} over"] if over else [])
    lines = [alert.text[:MOST_OF_TEXT] for alert in news]
    lines += [f"since {known[alert.key]['since']}: {alert.text[:MOST_OF_TEXT]}" for alert in again]
    lines += [f"over: {known[key].get('text', key)[:MOST_OF_TEXT]}" for key in over]
    entries = [
        *({"state": "new", "kind": alert.kind, "subject": alert.subject, "text": alert.text} for alert in news),
        *({"state": "lasting", "kind": alert.kind, "subject": alert.subject, "text": alert.text,
           "since": known[alert.key]["since"]} for alert in again),
        *({"state": "over", "kind": key.partition(":")[0], "subject": key.partition(":")[2],
           "text": known[key].get("text")} for key in over),
    ]  # fmt: skip
    document = {"service": "resistance", "data_dir": str(data_dir), "at": at.isoformat(timespec="seconds"),
                "summary": ", ".join(parts), "alerts": entries}  # fmt: skip
    told = "\n".join(" ".join(line.split()) for line in lines)
    return f"resistance warehouse: {', '.join(parts)}", f"{told}\n({data_dir})", document


def _read(data_dir: Path) -> dict[str, Any]:
    try:
        document = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return {key: dict(entry) for key, entry in document.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _sent(entry: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(entry["sent_at"])
    except (KeyError, ValueError, TypeError):
        return datetime.min.replace(tzinfo=UTC)
