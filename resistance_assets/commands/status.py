"""What `status` does: say of every table whether it is fresh, stale, missing, failed or unavailable, and why."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
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
# Begins the name under which a study that was left out stands among the tables in JSON.
STUDY = "study:"


@dataclass(frozen=True)
class Standing:
    """State of every table, and the studies that were left out because their files are wrong.

    Attributes:
        tables: in the order of the definitions.
        studies_left_out: folder and fault.
    """

    tables: tuple[TableState, ...]
    studies_left_out: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed at the last attempt and no study was left out."""
        return not self.studies_left_out and all(table.state not in ("failed", "damaged") for table in self.tables)

    def as_document(self) -> list[dict[str, Any]]:
        studies = [
            {"address": f"{STUDY}{folder}", "state": "left out", "reasons": [fault]}
            for folder, fault in self.studies_left_out
        ]
        return [*(asdict(table) for table in self.tables), *studies]


def read_states(settings: Settings) -> Standing:
    """State of every table and the studies that were left out; as they were found last where nothing moved since."""
    from resistance_assets.commands.up_to_date import fingerprint_of, lookup, remember
    from resistance_assets.orchestration.status import TableState

    asks_sources = settings.effective_mirror is not None
    still = functools.partial(fingerprint_of, settings, asks_sources=asks_sources)
    before = still()
    if (known := lookup(settings, "status", before)) is not None:
        tables = tuple(TableState(**{**state, "reasons": tuple(state["reasons"])}) for state in known["tables"])
        return Standing(tables, tuple((folder, fault) for folder, fault in known["studies_left_out"]))
    standing = _compare_tables(settings)
    remember(settings, "status", before, asdict(standing), still=still)
    return standing


def _compare_tables(settings: Settings) -> Standing:
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.status import states_of

    origins = open_origins(settings) if _mirror_is_there(settings) else None
    registry = current_registry()
    states = states_of(
        Lake(settings.lake_dir),
        load_steps(registry),
        origins,
        ask_sources=origins is not None and not origins.is_live,
    )
    faults = tuple((str(folder), str(fault)) for folder, fault in registry.study_faults)
    return Standing(tuple(states), faults)


def _mirror_is_there(settings: Settings) -> bool:
    mirror = settings.effective_mirror
    return mirror is None or mirror.exists()


def show_states(standing: Standing, *, everything: bool) -> None:
    """What failed first, then what is not fresh; unavailable tables folded to one line for each kind of reason."""
    from collections import Counter

    width = max(map(len, STYLES))
    for folder, fault in standing.studies_left_out:
        tell(f"{folder}: {fault}", label="study left out", style="red")
    order = list(STYLES)
    for state in sorted(standing.tables, key=lambda table: (table.state != "failed", order.index(table.state))):
        if state.state == "unavailable" and not everything:
            continue
        if everything or state.state != "fresh":
            rows = f" {state.rows:,} rows" if state.rows is not None and state.state == "fresh" else ""
            why = f": {'; '.join(state.reasons)}" if state.reasons else ""
            tell(f"{state.address}{rows}{why}", label=state.state, style=STYLES[state.state], width=width)
    if not everything:
        reasons = (reason for state in standing.tables if state.state == "unavailable" for reason in state.reasons)
        for line in fold_reasons(reasons):
            tell(line, label="unavailable", style=STYLES["unavailable"], width=width)
    counts = Counter(state.state for state in standing.tables)
    tell(", ".join(f"{count} {name}" for name, count in counts.items()) or "no table is defined")
