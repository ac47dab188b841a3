"""What `mirror pull` does: fill a folder with the sources, for machines without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.errors import UsageFault

if TYPE_CHECKING:
    import polars as pl

    from resistance_assets.settings import Settings


def pull_sources(
    settings: Settings,
    folder: Path,
    wanted: list[str],
    *,
    reads: bool = False,
    refresh: bool = False,
    quiet: bool = False,
) -> pl.DataFrame:
    """Fill a mirror with the sources of the catalog, or those that are named, from their hosts.

    Raises:
        UsageFault: a source is not in the catalog.
        DataFault: the folder cannot be written.
    """
    import difflib

    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.commands.output.printing import say
    from resistance_assets.connectors.mirror_pull import pull_mirror
    from resistance_assets.connectors.transport.transport import open_transport
    from resistance_assets.files import storage_fault

    known = load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets).sources
    for source_id in wanted:
        if source_id not in known:
            near = difflib.get_close_matches(source_id, known, n=1)
            raise UsageFault(
                f"there is no such source{f'; did you mean {near[0]}?' if near else ''}",
                subject=source_id,
                remedy="See `resistance sources`.",
            )
    # A mirror that is named is copied from; the demo's own is not meant here.
    transport = open_transport(
        mirror=settings.mirror, cache_dir=settings.cache_dir, host_map=settings.host_map, contact=settings.contact
    )
    try:
        return pull_mirror(
            [source for source_id, source in known.items() if source_id in wanted or not wanted],
            folder,
            transport,
            opt_in=settings.opt_in,
            reads=reads,
            refresh=refresh,
            emit=lambda source_id, number, total: say(quiet, f"{number} of {total}: {source_id}"),
        )
    except OSError as error:
        raise storage_fault(error, folder) from None


def show_pulled(frame: pl.DataFrame, folder: Path) -> None:
    """What a pull brought, as a table, and what could not be had."""
    from rich.table import Table

    from resistance_assets.commands.output.printing import plain, tell, terminal

    table = Table(pad_edge=False)
    for name in ("source", "fetched", "kept", "unavailable", "MB"):
        table.add_column(name, justify="left" if name == "source" else "right")
    for (source_id,), rows in frame.group_by("source_id", maintain_order=True):
        states = rows["state"].to_list()
        counts = [str(states.count(state) or "·") for state in ("fetched", "kept", "unavailable")]
        table.add_row(plain(source_id), *counts, f"{int(rows['size_bytes'].sum() or 0) / 1e6:.1f}")
    terminal().print(table)
    for source_id, reason in frame.filter(frame["state"] == "unavailable").select("source_id", "reason").rows():
        tell(f"{source_id}: {reason}", label="unavailable", style="yellow")
    tell(f"mirror {folder}; use it with `resistance run --mirror {folder}`")
