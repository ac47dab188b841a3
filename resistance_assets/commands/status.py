"""What `status` does: say of every table whether it is fresh, stale, missing or unavailable, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.orchestration.status import TableState
    from resistance_assets.settings import Settings


def look_at_tables(settings: Settings) -> list[TableState]:
    """State of every table, beginning with those that a person must look at."""
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.status import states_of

    origins = open_origins(settings) if _mirror_is_there(settings) else None
    return states_of(
        Lake(settings.lake_dir),
        load_steps(current_registry()),
        origins,
        look_at_sources=origins is not None and not origins.is_live,
    )


def _mirror_is_there(settings: Settings) -> bool:
    mirror = settings.effective_mirror
    return mirror is None or mirror.exists()


def show_states(states: list[TableState], *, everything: bool) -> None:
    from collections import Counter

    from rich.console import Console

    console = Console()
    colour = {"fresh": "green", "stale": "yellow", "missing": "magenta", "unavailable": "yellow"}
    for state in states:
        if everything or state.state != "fresh":
            rows = f" {state.rows:,} rows" if state.rows is not None and state.state == "fresh" else ""
            why = f": {'; '.join(state.reasons)}" if state.reasons else ""
            console.print(
                f"[{colour[state.state]}]{state.state:<11}[/] {state.address}{rows}{why}",
                highlight=False,
                soft_wrap=True,
            )
    counts = Counter(state.state for state in states)
    console.print(", ".join(f"{count} {name}" for name, count in counts.items()) or "no table is defined")
