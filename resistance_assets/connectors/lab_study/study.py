"""A laboratory's study as its partitions of the raw tables hold it: its files read, judged and put in rows.

Here belongs joining the readers of one study's files. What the assets and their tables are called does not belong here.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import CountsStudy, LocalStudy
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.lab_study.count_table import CountsLayout
from resistance_assets.connectors.lab_study.local_study import (
    read_counts,
    read_deg_table,
    read_matrix,
    read_probe_genes,
    split_deg_rows,
)
from resistance_assets.connectors.lab_study.orthologs import map_features, read_orthologs
from resistance_assets.connectors.lab_study.sample_sheet import (
    check_follow_up,
    reject_unread_follow_up,
    warn_of_follow_up,
    warn_of_levels,
    warn_of_unused_samples,
)
from resistance_assets.connectors.lab_study.table_text import name_of
from resistance_assets.errors import DataFault


class CountsFrames(NamedTuple):
    """Frames of a count study: counts and samples of `read_counts`, rejected lines and cells, warnings."""

    counts: pl.DataFrame
    samples: pl.DataFrame
    rejected_features: pl.DataFrame
    rejected_cells: pl.DataFrame
    warnings: pl.DataFrame


def read_counts_study(local: LocalStudy) -> CountsFrames:
    """Counts, sample sheet and follow-up of one study. Raises DataFault as its readers."""
    study = local.study
    counts_path, samples_path = local.folder / study.counts, local.folder / study.samples
    counts, samples, rejected, told = read_counts(counts_path, samples_path, study=local.id, layout=layout_of(study))
    sheet = name_of(samples_path, local.id)
    cells = rejected_rows()
    found = [told]
    if local.survival is not None:
        check_follow_up(samples, local.survival, source=sheet)
        cells = reject_unread_follow_up(samples, local.survival, source=sheet)
        found.append(warn_of_follow_up(samples, local.survival, source=sheet))
    else:
        found.append(warn_of_unused_samples(samples, _factors(local), sheet))
    if local.orthologs is not None:
        source = name_of(counts_path, local.id)
        counts, unmapped = map_features(
            counts, read_orthologs(local.orthologs, study=local.id), column="feature_id", source=source
        )
        if counts["feature_id"].is_duplicated().any():
            raise DataFault(
                "several rows have one human ortholog",
                subject=source,
                remedy="Sum the counts of ids of one gene, or keep one of them",
            )
        rejected = pl.concat([rejected, unmapped])
    return CountsFrames(counts, samples, rejected, cells, pl.concat(found))


def layout_of(study: CountsStudy) -> CountsLayout:
    """What [study] says of the count table."""
    return CountsLayout(
        gene_column=study.gene_column,
        columns=study.columns,
        ignored_columns=study.ignored_columns,
        is_estimated=study.count_type == "estimated",
    )


def _factors(local: LocalStudy) -> list[tuple[str, tuple[str, ...]]]:
    """Factor and levels of every comparison of a study; none where a contrast fits further levels."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for contrast in local.contrasts:
        if contrast.fit_all_levels:
            return []
        found.append((contrast.factor, (contrast.numerator, contrast.denominator)))
    for one in local.interactions:
        levels = [value for value in one.model_dump().values() if isinstance(value, str)]
        found.append((one.factor, tuple(levels)))
    return found


class ArrayFrames(NamedTuple):
    """Frames of an array study: matrix, samples, probe_genes (probe_id, hgnc_symbol), rejected probes, warnings."""

    matrix: pl.DataFrame
    samples: pl.DataFrame
    probe_genes: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_array_study(local: LocalStudy) -> ArrayFrames:
    """Intensities, sample sheet and annotation of one array study. Raises DataFault as its readers."""
    study = local.study
    samples_path, probes_path = local.folder / study.samples, local.folder / study.probes
    matrix, samples = read_matrix(local.folder / study.matrix, samples_path, study=local.id)
    genes, rejected = read_probe_genes(
        probes_path,
        probe_column=study.probe_column,
        symbol_column=study.symbol_column,
        separator=study.multi_gene_separator,
        study=local.id,
    )
    if local.orthologs is not None:
        orthologs = read_orthologs(local.orthologs, study=local.id)
        source = name_of(probes_path, local.id)
        genes, unmapped = map_features(genes, orthologs, column="hgnc_symbol", source=source)
        rejected = pl.concat([rejected, unmapped])
    sheet = name_of(samples_path, local.id)
    told = [warn_of_levels(samples, sheet), warn_of_unused_samples(samples, _factors(local), sheet)]
    return ArrayFrames(matrix, samples, genes, rejected, pl.concat(told))


def read_published_study(local: LocalStudy) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Published tables of one study, and their rejected rows.

    Returns:
        results: contrast_id, then the columns of `read_deg_table` but `line`; each feature once per contrast.
        rejected: source, line, reason, row.

    Raises DataFault as `read_deg_table`.
    """
    kept, rejected = [], [rejected_rows()]
    orthologs = read_orthologs(local.orthologs, study=local.id) if local.orthologs else None
    for contrast in local.contrasts:
        path = local.folder / contrast.table
        columns = contrast.columns.model_dump(exclude_none=True)
        table = read_deg_table(path, columns, study=local.id, scale=contrast.fold_change_scale)
        rows, set_aside = split_deg_rows(table, source=name_of(path, local.id))
        rejected.append(set_aside)
        if orthologs is not None:
            named = rows.filter(pl.col("hgnc_symbol").is_not_null()).with_columns(
                entrez_gene_id=pl.lit(None, pl.String)
            )
            rows, unmapped = map_features(named, orthologs, column="hgnc_symbol", source=name_of(path, local.id))
            rejected.append(unmapped)
        kept.append(rows.select(pl.lit(contrast.id).alias("contrast_id"), pl.exclude("line")))
    return pl.concat(kept), pl.concat(rejected)
