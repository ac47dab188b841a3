"""What `status` does: say of every table whether it is fresh, stale, missing, failed or unavailable, and why."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from resistance_assets.commands.output.printing import tell
from resistance_assets.commands.output.summary import fold_reasons

if TYPE_CHECKING:
    from resistance_assets.orchestration.status import TableState
    from resistance_assets.settings import Settings

STYLES = {
    "fresh": "green",
    "stale": "yellow",
    "missing": "magenta",
    "failed": "red",
    "damaged": "red",
    "unavailable": "yellow",
}
MOST_IN_LINE = 3
MOST_OF_REASON = 200
MOST_SLOW = 25
# Begins the name under which a study that was left out stands among the tables in JSON.
STUDY = "study:"


@dataclass(frozen=True)
class Standing:
    """State of every table, and the studies that were left out because their files are wrong.

    Attributes:
        tables: in the order of the definitions.
        studies_left_out: folder and fault.
        intersections_left_out: folder of the study that asks for one, and fault; the rest of that study is there.
    """

    tables: tuple[TableState, ...]
    studies_left_out: tuple[tuple[str, str], ...] = ()
    intersections_left_out: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed at the last attempt and no study was left out."""
        left_out = self.studies_left_out or self.intersections_left_out
        return not left_out and all(table.state not in ("failed", "damaged") for table in self.tables)

    def as_document(self, attempts: Mapping[str, tuple[str, str]] | None = None) -> list[dict[str, Any]]:
        """One entry per table and per study that was left out.

        Args:
            attempts: table -> when and with which outcome it was tried last.
        """
        studies = [
            {"address": f"{STUDY}{folder}", "state": "left out", "reasons": [fault]}
            for folder, fault in (*self.studies_left_out, *self.intersections_left_out)
        ]
        tables = []
        for table in self.tables:
            at, outcome = (attempts or {}).get(table.address, (table.built_at, "built" if table.built_at else None))
            tables.append({**asdict(table), "last_attempt_at": at, "last_outcome": outcome})
        return [*tables, *studies]


def read_states(settings: Settings) -> Standing:
    """State of every table and the studies that were left out; as they were found last where nothing moved since."""
    from resistance_assets.commands.up_to_date import fingerprint_of, lookup, remember
    from resistance_assets.orchestration.status import TableState

    asks_sources = settings.effective_mirror is not None or settings.is_from_lake
    still = functools.partial(fingerprint_of, settings, asks_sources=asks_sources)
    before = still()
    if (known := lookup(settings, "status", before)) is not None:
        tables = tuple(TableState(**{**state, "reasons": tuple(state["reasons"])}) for state in known["tables"])
        studies, intersections = (
            tuple((folder, fault) for folder, fault in known.get(name, ()))
            for name in ("studies_left_out", "intersections_left_out")
        )
        return Standing(tables, studies, intersections)
    standing = _compare_tables(settings)
    remember(settings, "status", before, asdict(standing), still=still)
    return standing


def _compare_tables(settings: Settings) -> Standing:
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.orchestration.status import states_of

    origins = open_origins(settings) if _mirror_is_there(settings) else None
    registry = current_registry()
    states = states_of(
        open_lake(settings.data_dir),
        load_steps(registry),
        origins,
        ask_sources=origins is not None and not origins.is_live,
    )
    studies, intersections = (
        tuple((str(folder), str(fault)) for folder, fault in registry.study_faults if fault.leaves_out == what)
        for what in ("study", "intersection")
    )
    return Standing(tuple(states), studies, intersections)


def _mirror_is_there(settings: Settings) -> bool:
    mirror = settings.effective_mirror
    return mirror is None or settings.is_from_lake or mirror.exists()


@dataclass(frozen=True)
class Verdict:
    """The state of everything in one word and one line, for monitoring."""

    word: str
    line: str

    @property
    def exit_code(self) -> int:
        """0 fresh, 1 stale, 2 failed."""
        return {"FRESH": 0, "STALE": 1, "FAILED": 2}[self.word]


def check(settings: Settings, standing: Standing) -> Verdict:
    """Whether the warehouse is as it should be: fresh, stale (tables, or sources not looked at) or failed."""
    from collections import Counter

    from resistance_assets.catalog.registry import source_ids
    from resistance_assets.errors import DataFault
    from resistance_assets.orchestration.source_log import age_in_words, overdue, parse_age, read_looks
    from resistance_assets.warehouse.reader import list_releases

    def named(found: list[str]) -> str:
        more = f" and {len(found) - MOST_IN_LINE} more" if len(found) > MOST_IN_LINE else ""
        return f"{', '.join(found[:MOST_IN_LINE])}{more}"

    known = source_ids(settings.catalog_dirs, settings.sets)
    late = overdue(read_looks(settings.data_dir), known, parse_age(settings.max_age))
    failed = [table for table in standing.tables if table.state in ("failed", "damaged")]
    stale = [table.address for table in standing.tables if table.state in ("stale", "missing")]
    told = []
    if failed:
        first = "; ".join(failed[0].reasons)[:MOST_OF_REASON]
        told.append(f"{len(failed)} tables failed: {named([table.address for table in failed])} ({first})")
    if standing.studies_left_out:
        told.append(f"studies left out: {named(_names(standing.studies_left_out))}")
    if standing.intersections_left_out:
        told.append(f"intersections left out of: {named(_names(standing.intersections_left_out))}")
    try:
        release = max(list_releases(settings.data_dir), default=None)
    except DataFault:
        release = None
    if release is None:
        told.append("nothing was published yet")
    word = "FAILED" if told else "FRESH"
    if stale:
        told.append(f"{len(stale)} tables are stale: {named(stale)}")
    if late:
        oldest = max(late.values(), key=lambda look: look.age(datetime.now(UTC)) or timedelta())
        age = age_in_words(oldest.age(datetime.now(UTC)) or timedelta())
        told.append(f"{len(late)} sources not looked at for up to {age}: {named(list(late))}")
    if word == "FRESH" and told:
        word = "STALE"
    counts = Counter(table.state for table in standing.tables)
    told.append(", ".join(f"{count} {name}" for name, count in counts.items()))
    line = f"{word} release {release if release is not None else '-'}: {'; '.join(part for part in told if part)}"
    return Verdict(word, " ".join(line.split()))


def _names(faults: tuple[tuple[str, str], ...]) -> list[str]:
    """Names of the folders, each once."""
    return list(dict.fromkeys(folder.rstrip("/").rpartition("/")[2] for folder, _ in faults))


def show_slow(settings: Settings, most: int = MOST_SLOW) -> None:
    """What took longest to build, cache hits apart; names last, so that a narrow terminal cuts none of them."""
    import typer

    from resistance_assets.orchestration.run_log import durations, log_path, read_log

    found = durations(read_log(log_path(settings.lake_dir)))
    typer.echo(
        f"{'last s':>9} {'median s':>9} {'total s':>9} {'built':>6} {'hits':>6}  {'last built (UTC)':<19}  table"
    )
    for row in found.head(most).to_dicts():
        typer.echo(
            f"{row['last_seconds']:9.2f} {row['median_seconds']:9.2f} {row['total_seconds']:9.1f} "
            f"{row['times_built']:6} {row['cache_hits']:6}  {row['last_built_at'][:19]}  {row['table_name']}"
        )
    seconds = found["total_seconds"].sum()
    tell(f"{found.height} tables built, {seconds:.1f} s in all; the log: {log_path(settings.lake_dir)}")


def show_states(standing: Standing, *, everything: bool, attempts: Mapping[str, tuple[str, str]] | None = None) -> None:
    """What failed first, then what is not fresh; unavailable tables folded to one line for each kind of reason."""
    from collections import Counter

    width = max(map(len, STYLES))
    for folder, fault in standing.studies_left_out:
        tell(f"{folder}: {fault}", label="study left out", style="red")
    for folder, fault in standing.intersections_left_out:
        tell(f"{folder}: {fault}", label="intersection left out", style="red")
    order = list(STYLES)
    for state in sorted(standing.tables, key=lambda table: (table.state != "failed", order.index(table.state))):
        if state.state == "unavailable" and not everything:
            continue
        if everything or state.state != "fresh":
            rows = f" {state.rows:,} rows" if state.rows is not None and state.state == "fresh" else ""
            why = f": {'; '.join(state.reasons)}" if state.reasons else ""
            at, outcome = (attempts or {}).get(state.address, (None, None))
            tried = f"; last attempt {at[:19]}: {outcome}" if at and (everything or state.state == "failed") else ""
            tell(f"{state.address}{rows}{why}{tried}", label=state.state, style=STYLES[state.state], width=width)
    if not everything:
        reasons = (reason for state in standing.tables if state.state == "unavailable" for reason in state.reasons)
        for line in fold_reasons(reasons):
            tell(line, label="unavailable", style=STYLES["unavailable"], width=width)
    counts = Counter(state.state for state in standing.tables)
    tell(", ".join(f"{count} {name}" for name, count in counts.items()) or "no table is defined")
