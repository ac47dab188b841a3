"""Protein and genetic interactions as BioGRID's tab-separated downloads hold them.

Here belongs reading tab3 files (https://wiki.thebiogrid.org/doku.php/biogrid_tab_version_3.0) and the older tab2, which
differs in a few column names. Filtering by evidence and resolving symbols do not belong here.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import polars as pl

from resistance_assets.connectors.formats.archives import iterate_members
from resistance_assets.connectors.formats.delimited import read_bytes, split_text
from resistance_assets.errors import DataFault

# Ours, its type, and the names that releases have given it; the first nine must be there.
_COLUMNS: tuple[tuple[str, type[pl.DataType], tuple[str, ...]], ...] = (
    ("biogrid_interaction_id", pl.Int64, ("#BioGRID Interaction ID", "BioGRID Interaction ID")),
    ("entrez_gene_id_a", pl.Int64, ("Entrez Gene Interactor A",)),
    ("entrez_gene_id_b", pl.Int64, ("Entrez Gene Interactor B",)),
    ("biogrid_id_a", pl.Int64, ("BioGRID ID Interactor A",)),
    ("biogrid_id_b", pl.Int64, ("BioGRID ID Interactor B",)),
    ("systematic_name_a", pl.String, ("Systematic Name Interactor A",)),
    ("systematic_name_b", pl.String, ("Systematic Name Interactor B",)),
    ("symbol_a", pl.String, ("Official Symbol Interactor A",)),
    ("symbol_b", pl.String, ("Official Symbol Interactor B",)),
    ("synonyms_a", pl.String, ("Synonyms Interactor A", "Synonymns Interactor A")),
    ("synonyms_b", pl.String, ("Synonyms Interactor B", "Synonymns Interactor B")),
    ("experimental_system", pl.String, ("Experimental System",)),
    ("experimental_system_type", pl.String, ("Experimental System Type",)),
    ("author", pl.String, ("Author",)),
    ("publication", pl.String, ("Publication Source", "Pubmed ID")),
    ("organism_id_a", pl.Int64, ("Organism ID Interactor A", "Organism Interactor A")),
    ("organism_id_b", pl.Int64, ("Organism ID Interactor B", "Organism Interactor B")),
    ("throughput", pl.String, ("Throughput",)),
    ("score", pl.String, ("Score",)),
    ("source_database", pl.String, ("Source Database",)),
    ("organism_name_a", pl.String, ("Organism Name Interactor A",)),
    ("organism_name_b", pl.String, ("Organism Name Interactor B",)),
)
_REQUIRED = 9


def read_tab3(path: Path, *, organism: str = "Homo_sapiens") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a tab3 (or tab2) table, plain, gzip or zip.

    Args:
        path: the download. Of a zip with one file per organism, the one of `organism` is read.
        organism: as BioGRID writes it in its file names.

    Returns:
        interactions: biogrid_interaction_id, entrez_gene_id_a, entrez_gene_id_b, biogrid_id_a, biogrid_id_b (Int64),
            systematic_name_a, systematic_name_b, symbol_a, symbol_b, synonyms_a, synonyms_b (joined by `|`),
            experimental_system, experimental_system_type ("physical" or "genetic"), author, publication (String),
            organism_id_a, organism_id_b (Int64, NCBI taxonomy), throughput, score, source_database, organism_name_a,
            organism_name_b (String). `-` and columns that the file lacks are null. An interaction of two genes stands
            once per publication and system, and in either order.
        rejected: source, line, reason, row: an interactor without symbol and Entrez id.
            Rows in = rows of interactions + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, lacks one of the first nine columns, holds a text where an id belongs,
            or the zip has no file for the organism.
        TransportFault: the archive is damaged.
    """
    source, data = _table_bytes(path, organism)
    text = split_text(data, source=source)
    vendor: dict[str, str] = {}
    for number, (ours, _, names) in enumerate(_COLUMNS):
        found = next((name for name in names if name in text.header), None)
        if found:
            vendor[ours] = found
        elif number < _REQUIRED:
            text.require(names[:1])
    cells = text.frame(nulls=["-"])
    columns: list[pl.Series] = []
    for ours, kind, _ in _COLUMNS:
        if ours not in vendor:
            columns.append(pl.Series(ours, [None] * text.height, dtype=kind))
            continue
        values = cells[vendor[ours]]
        columns.append((text.whole_numbers(values) if kind is pl.Int64 else values).alias(ours))
    frame = pl.DataFrame(columns)
    unnamed = frame.select(
        pl.any_horizontal(
            pl.col(f"symbol_{side}").is_null() & pl.col(f"entrez_gene_id_{side}").is_null() for side in "ab"
        )
    ).to_series()
    rows = unnamed.arg_true().to_list()
    reasons = ["an interactor has neither a symbol nor an Entrez id"] * len(rows)
    return frame.filter(~unnamed), text.reject(rows, reasons)


def biogrid_release(path: Path) -> str | None:
    """The release (such as 4.4.232) that the names of the members of a download tell, or None for a plain file."""
    with path.open("rb") as handle:
        if handle.read(2) != b"PK":
            return None
    for member in iterate_members(path):
        found = re.search(r"-(\d+\.\d+\.\d+)\.", PurePosixPath(member.name).name)
        if found:
            return found[1]
    return None


def _table_bytes(path: Path, organism: str) -> tuple[str, bytes]:
    with path.open("rb") as handle:
        is_zip = handle.read(2) == b"PK"
    if not is_zip:
        return path.name, read_bytes(path)
    names: list[str] = []
    only: tuple[str, bytes] | None = None
    for member in iterate_members(path):
        names.append(member.name)
        if f"-{organism}-" in PurePosixPath(member.name).name:
            return f"{path.name}:{member.name}", member.stream.read()
        # Kept in case it is the only one: an ALL or MV-Physical download names no organism.
        only = (f"{path.name}:{member.name}", member.stream.read()) if len(names) == 1 else None
    if only is None or "ORGANISM" in only[0].rpartition(":")[2]:
        raise DataFault(
            f"the zip has no file for {organism} but {', '.join(names[:4]) or 'nothing'}",
            subject=path.name,
            remedy="Name an organism that is in it, as BioGRID spells it",
        )
    return only
