"""Gene sets of drug perturbations as Enrichr keeps them: LINCS L1000 (chemical, up and down) and DSigDB.

Here belongs taking the names of terms apart. Reading a GMT file belongs in `gmt`, scoring in `science.evidence`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import polars as pl

from resistance_assets.connectors.gene_lists.gmt import read_gmt

Direction = Literal["up", "down", "unsigned"]

# LJP006 A549 24H-dasatinib-10: batch, cell line, hours, drug, micromolar. Older files have _ for the blanks.
_LINCS = (
    r"^(?P<batch>[^ _]+)[ _](?P<cell_line>[^ _]+)[ _](?P<hours>\d+(?:\.\d+)?)H-(?P<drug_name>.+)-(?P<dose>[0-9.]+)$"
)
# trichostatin A HL60 UP: drug, cell line, direction.
_SIGNED = r"^(?P<drug_name>.+?) (?P<cell_line>[^ ]+) (?P<direction>UP|DOWN)$"
# trichostatin A CTD 00000660: drug, and the database that names its targets.
_TARGETS = r"^(?P<drug_name>.+?)(?: (?:CTD|TTD) \d+| BOSS| FDA)$"

MEMBERS_SCHEMA: dict[str, Any] = {
    "perturbation_id": pl.String,
    "drug_name": pl.String,
    "cell_line": pl.String,
    "direction": pl.String,
    "gene_symbol": pl.String,
}


def read_perturbation_sets(path: Path, direction: Direction | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a library of perturbations.

    Args:
        path: a GMT file; plain, gzip or zip.
        direction: what all its genes do; None where each term says so (DSigDB: ` UP`, ` DOWN`, else unsigned).

    Returns:
        members: columns of `MEMBERS_SCHEMA`, one row per perturbation, direction and gene. `perturbation_id` is the
            term without its direction, so that the up and the down set of one perturbation share it; `drug_name` is in
            small letters, `cell_line` null where the term names none; a term of no known form is its own drug name.
        rejected: source, line, reason, row, as of `read_gmt`.

    Raises:
        DataFault, TransportFault: as `read_gmt`.
    """
    sets, rejected = read_gmt(path)
    terms = sets.select("term").unique(maintain_order=True)
    parts = terms.with_columns(
        lincs=pl.col("term").str.extract_groups(_LINCS),
        signed=pl.col("term").str.extract_groups(_SIGNED),
        targets=pl.col("term").str.extract_groups(_TARGETS),
    )
    told = pl.col("signed").struct.field("direction").str.to_lowercase()
    own = direction is None
    named = parts.select(
        "term",
        drug_name=pl.coalesce(
            pl.col("lincs").struct.field("drug_name"),
            pl.col("signed").struct.field("drug_name") if own else pl.lit(None, pl.String),
            pl.col("targets").struct.field("drug_name"),
            "term",
        ).str.to_lowercase(),
        cell_line=pl.coalesce(
            pl.col("lincs").struct.field("cell_line"),
            pl.col("signed").struct.field("cell_line") if own else pl.lit(None, pl.String),
        ),
        direction=told.fill_null("unsigned") if own else pl.lit(direction, pl.String),
        perturbation_id=pl.col("term").str.replace(r" (?:UP|DOWN)$", "") if own else pl.col("term"),
    )
    members = sets.join(named, on="term", maintain_order="left").select(list(MEMBERS_SCHEMA))
    return members.unique(["perturbation_id", "direction", "gene_symbol"], keep="first", maintain_order=True), rejected
