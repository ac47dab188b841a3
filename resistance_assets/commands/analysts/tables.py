"""Tables of a release by the names that people type: `marts.gene_evidence`, or `gene_evidence` where one has it."""

from __future__ import annotations

import difflib

import duckdb

from resistance_assets.errors import UsageFault
from resistance_assets.warehouse.database import literal


def find_table(connection: duckdb.DuckDBPyConnection, name: str, *, subject: str, layer: str | None = None) -> str:
    """The address `layer.table` that a name means.

    Args:
        connection: from `open_warehouse`.
        name: an address, or a table's name alone.
        subject: what the message calls the argument.
        layer: where to look; None: in every layer.

    Raises:
        UsageFault: no table has the name, or tables of several layers have it.
    """
    where = f"WHERE layer = {literal(layer)}" if layer else ""
    rows = connection.execute(f"SELECT DISTINCT layer, table_name FROM meta.columns {where}").fetchall()
    known = {f"{one}.{table}": table for one, table in rows}
    found = sorted(full for full, table in known.items() if name in (full, table))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageFault(
            "is a table of several layers", subject=subject, expected=" or ".join(found), remedy="Name the layer too."
        )
    near = difflib.get_close_matches(name, [*known, *known.values()], n=1)
    raise UsageFault(
        "there is no such table",
        subject=subject,
        remedy=f"Did you mean {near[0]}?" if near else "`resistance sql .tables` lists them.",
    )
