"""What a person should know of the studies of a run: unknown gene names, warnings, and what was set aside.

Here belongs reading it from the lake and putting it into lines. How lines are printed is in `printing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from resistance_assets.orchestration.lake import Lake

SYMBOLS = "staging.genes__symbols"
RECOGNITION = "staging.genes__name_recognition"
WARNINGS = "raw.studies__warnings"
REJECTED = "raw.rejected_rows"
MARKERS = "core.plasma_panel__detection"

LEAST_KNOWN_SHARE = 0.5
"""A dataset of which fewer names are known is told: its names are of another kind than those of HGNC."""
MOST_NOTES = 20
MOST_OF_FILE = 3
MOST_MARKERS = 8


def unknown_gene_names(lake: Lake) -> list[str]:
    """A line for every dataset of which at most half of the gene names are known."""
    if lake.current(RECOGNITION) is None:
        return []
    poor = lake.read(RECOGNITION).filter(
        (pl.col("names") > 0) & (pl.col("known_names") <= LEAST_KNOWN_SHARE * pl.col("names"))
    )
    return [
        f"{row['dataset_id']}, {row['measurement']}: {row['statement']}"
        for row in poor.sort("dataset_id", "measurement").to_dicts()
    ]


def markers_without_gene(lake: Lake) -> list[str]:
    """A line for every plasma panel some of whose markers have no gene that HGNC knows."""
    if lake.current(MARKERS) is None:
        return []
    detection = lake.read(MARKERS)
    notes = []
    for (study,), own in detection.sort("study_id", "marker").group_by(["study_id"], maintain_order=True):
        # Without HGNC no name is known, which is told of HGNC and not of the names.
        not_looked_up = pl.col("symbol_note").str.contains("are not loaded").fill_null(False)
        nameless = own.filter(pl.col("hgnc_symbol").is_null() & ~not_looked_up)["marker"].to_list()
        if nameless:
            named = ", ".join(nameless[:MOST_MARKERS]) + (", ..." if len(nameless) > MOST_MARKERS else "")
            notes.append(
                f"{study}: {len(nameless)} of {own.height} markers have no gene that HGNC knows ({named}); state their"
                " genes in study.toml (markers)"
            )
    return notes


def partitions_left_out(lake: Lake) -> tuple[str, ...]:
    """A line for every partition that its union leaves out, because a check of the union fails with it."""
    from resistance_assets.catalog.tables import TABLES
    from resistance_assets.orchestration.attempts import left_out

    return tuple(f"{name}: {reason}" for name, reason in sorted(left_out(lake, TABLES).items()))[:MOST_NOTES]


def odd_genes_of_interest(lake: Lake, asked: Iterable[str]) -> tuple[str, ...]:
    """A line for every gene of interest that is no approved symbol: curves and models are made by that one alone."""
    if lake.current(SYMBOLS) is None:
        return ()
    known = lake.read(SYMBOLS).select("symbol", "hgnc_symbol", "resolution")
    found = {symbol: (approved, resolution) for symbol, approved, resolution in known.iter_rows()}
    notes = []
    for gene in dict.fromkeys(asked):
        approved, resolution = found.get(gene.upper(), (None, None))
        if approved is None:
            notes.append(f"gene of interest {gene}: no symbol that HGNC knows")
        elif approved != gene:
            notes.append(f"gene of interest {gene}: {resolution} name of {approved}; write {approved} for its curves")
    return tuple(notes[:MOST_NOTES])


def notes_of_run(lake: Lake, genes_of_interest: Iterable[str] = ()) -> tuple[str, ...]:
    """Partitions that are left out of their unions, odd genes of interest, then what is to say of the studies.

    Args:
        lake: of the run.
        genes_of_interest: those that studies and settings add to the catalog's.
    """
    return (
        *partitions_left_out(lake),
        *odd_genes_of_interest(lake, genes_of_interest),
        *notes_of_studies(lake),
    )


def notes_of_studies(lake: Lake) -> tuple[str, ...]:
    """Lines on unknown gene names, warnings of studies' files, and lines and cells of them that were set aside."""
    notes = [*unknown_gene_names(lake), *markers_without_gene(lake)]
    if lake.current(WARNINGS) is not None:
        found = lake.read(WARNINGS).sort("study_id", "warning_number")
        for (source,), own in found.group_by("source", maintain_order=True):
            notes += [f"{source}, {row['place']}: {row['warning']}" for row in own.head(MOST_OF_FILE).to_dicts()]
            if own.height > MOST_OF_FILE:
                notes.append(f"{source}: and {own.height - MOST_OF_FILE} warnings more, see {WARNINGS}")
    if lake.current(REJECTED) is not None:
        # Probes without a gene and the like are set aside by design; these reasons are of damaged or unreadable cells.
        cells = lake.read(REJECTED).filter(
            pl.col("reason").str.contains("is left blank|is a date|has no name|summary row of")
        )
        counted = cells.group_by("source", "reason").agg(pl.len().alias("rows"), pl.col("row_text").first())
        notes += [
            f"{row['source']}: {row['rows']} set aside, {row['reason']} ({row['row_text']})"
            for row in counted.sort("source", "reason").to_dicts()
        ]
    if len(notes) > MOST_NOTES:
        rest = f"and {len(notes) - MOST_NOTES} notes more: see {RECOGNITION}, {WARNINGS} and {REJECTED}"
        notes = [*notes[:MOST_NOTES], rest]
    return tuple(note[:500] for note in notes)
