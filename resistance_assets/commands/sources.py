"""What `sources` does: show every source with its version, checksum, licence and state."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from resistance_assets.settings import Settings

MOST_OF_A_CELL = 400


def list_sources(settings: Settings) -> pl.DataFrame:
    """Every source of the catalog and of the laboratory studies with its state."""
    import polars as pl

    from resistance_assets.commands.up_to_date import fingerprint_of, lookup, remember

    still = functools.partial(fingerprint_of, settings, asks_sources=False)
    before = still()
    if known := lookup(settings, "sources", before):
        return pl.DataFrame(known, infer_schema_length=None)
    frame = _look_up_sources(settings)
    remember(settings, "sources", before, frame.to_dicts(), still=still)
    return frame


def _look_up_sources(settings: Settings) -> pl.DataFrame:
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.defs.source_states import feeds_of, state_of_sources
    from resistance_assets.orchestration.lake import open_lake

    registry = current_registry()
    return state_of_sources(registry, open_lake(settings.data_dir), feeds_of(load_steps(registry)))


def show_sources(frame: pl.DataFrame) -> None:
    from rich.table import Table

    from resistance_assets.commands.output.printing import plain, terminal

    table = Table(pad_edge=False)
    for name in ("source", "state", "version", "sha256", "bytes", "retrieved", "licence", "feeds"):
        table.add_column(name, overflow="fold")
    for row in frame.iter_rows(named=True):
        size = f"{row['bytes']:,}" if row["bytes"] is not None else ""
        table.add_row(
            plain(row["source_id"]),
            row["state"] if row["state"] == "loaded" else plain(f"{row['state']}: {row['reason']}", MOST_OF_A_CELL),
            plain(row["version"] or row["last_modified"] or "", MOST_OF_A_CELL),
            (row["sha256"] or "")[:12],
            size,
            (row["retrieved_at"] or "")[:10],
            plain(row["licence"], MOST_OF_A_CELL),
            plain(row["feeds"], MOST_OF_A_CELL),
        )
    terminal().print(table)
