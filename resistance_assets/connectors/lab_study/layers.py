"""Further layers of a laboratory's cohort: mutations, fusions, copy number, methylation and protein.

Here belongs reading these files of a study folder and holding them against its sample sheet, and who was
sequenced. Formats of alterations are in `formats.alteration_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kinds.cohort_layers import (
    MATRIX_LAYERS,
    AlterationFile,
    LayerMatrixFile,
    StudyLayers,
)
from resistance_assets.connectors.cbioportal.archive import numeric_frame
from resistance_assets.connectors.formats.alteration_rows import (
    MUTATION_COLUMNS,
    VARIANT_COLUMNS,
    ColumnNames,
    IsReadable,
    KnownSamples,
    listed_samples,
    read_alteration_rows,
)
from resistance_assets.connectors.formats.delimited import (
    DelimitedText,
    missing_column,
    nearest_name,
    rejected_rows,
)
from resistance_assets.connectors.formats.matrix_cells import NO_CALL, NO_SHARE, blank_odd_cells, is_call, is_share
from resistance_assets.connectors.gene_names import odd_names
from resistance_assets.connectors.lab_study.sample_sheet import read_sample_sheet
from resistance_assets.connectors.lab_study.table_text import NULLS, name_of, split_table
from resistance_assets.errors import DataFault

MUTATIONS, VARIANTS, VALUES = (
    "raw.studies__mutations",
    "raw.studies__structural_variants",
    "raw.studies__layer_values",
)
PROFILED, PANELS = "raw.studies__profiled_samples", "raw.studies__panel_genes"

# Names that plain tables have besides those of a MAF; capitals count.
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "sample_id": ("sample_id", "sample"),
    "hugo_symbol": ("hugo_symbol", "hgnc_symbol", "gene"),
    "variant_classification": ("variant_classification", "consequence"),
    "protein_change": ("protein_change", "HGVSp"),
    "site1_hugo_symbol": ("site1_hugo_symbol", "gene1", "gene_1"),
    "site2_hugo_symbol": ("site2_hugo_symbol", "gene2", "gene_2"),
}
_GENE_COLUMNS = ("Hugo_Symbol", "hugo_symbol", "hgnc_symbol", "gene", "GENE_SYMBOL", "NAME")
_NO_SAMPLES = ("Entrez_Gene_Id", "Cytoband", "Locus ID", "Locus_ID", "DESCRIPTION", "TRANSCRIPT_ID")
_ONE_PANEL = "panel"


class LayerFrames(NamedTuple):
    """Frames of the layers of one study.

    Attributes:
        tables: table -> its rows, without study_id.
        rejected: the table that rows did not enter, and the rows (source, line, reason, row).
    """

    tables: dict[str, pl.DataFrame]
    rejected: list[tuple[str, pl.DataFrame]]


class _Sequenced(NamedTuple):
    samples: dict[str, str | None]
    is_listed: bool
    panels: dict[str, frozenset[str]]
    genes: pl.DataFrame
    rejected: list[tuple[str, pl.DataFrame]]


def read_layers(local: LocalStudy, *, is_readable: IsReadable | None = None) -> LayerFrames:
    """Read every layer that a study declares.

    Args:
        is_readable: protein changes for which it is False are left blank, and told among the rejected rows.

    Raises:
        DataFault: a table is empty or ragged, lacks a column, has a number that is none, or no sample of the sample
            sheet; names study, file, line and column.
    """
    layers = local.layers
    if layers is None:
        return LayerFrames({}, [])
    sheet = read_sample_sheet(local.folder / local.study.samples, study=local.id)
    samples = frozenset(sheet["sample_id"])
    told = _read_sequenced(local, layers, samples)
    frames: dict[str, list[pl.DataFrame]] = {VALUES: [], PROFILED: []}
    rejected = told.rejected
    for layer, table, columns in (("mutations", MUTATIONS, MUTATION_COLUMNS), ("fusions", VARIANTS, VARIANT_COLUMNS)):
        declared: AlterationFile | None = getattr(layers, layer)
        if declared is None:
            continue
        text = split_table(local.folder / declared.file, source=name_of(Path(declared.file), local.id))
        profiled = told.samples
        if not told.is_listed and (listed := [one for one in listed_samples(text.leading) if one in samples]):
            profiled = {one: told.samples.get(one) for one in listed}
        known = KnownSamples(
            samples,
            "sample sheet",
            {one: told.panels[panel] for one, panel in profiled.items() if panel is not None},
            is_readable if layer == "mutations" else None,
        )
        rows, set_aside = read_alteration_rows(text, named_columns(text, columns, declared), known, nulls=NULLS)
        frames[table] = [rows]
        rejected.append((table, set_aside))
        frames[PROFILED].append(_profiled_rows(layer, profiled))
    for name, layer in MATRIX_LAYERS.items():
        matrix: LayerMatrixFile | None = getattr(layers, name)
        if matrix is not None:
            values, set_aside = read_layer_matrix(local, matrix, layer, samples)
            frames[VALUES].append(values)
            rejected.append((VALUES, set_aside))
    frames[PANELS] = [told.genes]
    return LayerFrames({table: pl.concat(own) for table, own in frames.items() if own}, rejected)


def named_columns(text: DelimitedText, columns: ColumnNames, declared: AlterationFile) -> ColumnNames:
    """The columns that are looked for in a table: declared ones, then those of the format, then plain names.

    Raises:
        DataFault: study.toml names a column that is none of ours, or that the table lacks.
    """
    ours = [name for name, _, _ in columns]
    for name, column in declared.columns.items():
        if name not in ours:
            near = nearest_name(name, ours)
            raise DataFault(
                f"columns states {name}, which is no column of this table",
                subject=text.source,
                place="study.toml",
                expected=f"one of {', '.join(ours)}",
                remedy=f"Did you mean {near}?" if near else "Remove it from columns.",
            )
        if column not in text.header:
            raise missing_column(column, text.header, source=text.source)
    return tuple(
        (name, kind, (declared.columns[name],) if name in declared.columns else (*names, *_PLAIN.get(name, (name,))))
        for name, kind, names in columns
    )


def _profiled_rows(layer: str, samples: Mapping[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"layer": [layer] * len(samples), "sample_id": list(samples), "gene_panel_id": list(samples.values())},
        schema={"layer": pl.String, "sample_id": pl.String, "gene_panel_id": pl.String},
    )


def _column(text: DelimitedText, cells: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    found = next((name for name in names if name in text.header), None)
    if found is None:
        raise missing_column(names[0], text.header, source=text.source)
    return cells[found].str.strip_chars().replace("", None)


def _read_sequenced(local: LocalStudy, layers: StudyLayers, samples: frozenset[str]) -> _Sequenced:
    """Sample -> panel (None: all genes), whether a table lists them, panel -> genes in capitals, the genes as rows."""
    asked = layers.sequenced
    genes = pl.DataFrame(schema={"gene_panel_id": pl.String, "hugo_symbol": pl.String})
    rejected: list[tuple[str, pl.DataFrame]] = []
    if asked is not None and asked.genes is not None:
        text = split_table(local.folder / asked.genes, source=name_of(Path(asked.genes), local.id))
        cells = text.frame()
        symbols = _column(text, cells, ("hgnc_symbol", *_GENE_COLUMNS))
        panel = cells["panel"].str.strip_chars() if "panel" in text.header else pl.Series([_ONE_PANEL] * text.height)
        genes = pl.DataFrame([panel.alias("gene_panel_id"), symbols.alias("hugo_symbol")]).drop_nulls().unique()
        genes = genes.sort("gene_panel_id", "hugo_symbol")
        blank = (panel.is_null() | symbols.is_null()).arg_true().to_list()
        rejected.append((PANELS, text.reject(blank, ["blank gene or panel"] * len(blank))))
    panels = {
        str(panel): frozenset(own["hugo_symbol"].str.to_uppercase())
        for (panel,), own in genes.group_by("gene_panel_id")
    }
    if asked is None or asked.samples is None:
        # A panel without a list of samples is that of every sample of the sheet.
        everyone: dict[str, str | None] = {}
        if _ONE_PANEL in panels:
            everyone |= dict.fromkeys(sorted(samples), _ONE_PANEL)
        if panels and not everyone:
            raise DataFault(
                "several panels are listed, and no table says which sample was sequenced for which",
                subject=name_of(Path(str(asked.genes if asked else "")), local.id),
                expected="sequenced.samples with the columns sample_id and panel",
                remedy="Name that table in study.toml, or leave the column panel out",
            )
        return _Sequenced(everyone, False, panels, genes, rejected)
    text = split_table(local.folder / asked.samples, source=name_of(Path(asked.samples), local.id))
    cells = text.frame(nulls=NULLS)
    names = _column(text, cells, ("sample_id", "sample", "Tumor_Sample_Barcode"))
    only = _ONE_PANEL if _ONE_PANEL in panels else None
    panel = cells["panel"].str.strip_chars() if "panel" in text.header else pl.Series([only] * text.height)
    found: dict[str, str | None] = {}
    bad: dict[int, str] = {}
    for row, (sample, own) in enumerate(zip(names, panel.cast(pl.String), strict=True)):
        if sample is None:
            bad[row] = "blank sample"
        elif sample not in samples:
            bad[row] = "the sample is not in the sample sheet, so it stands for no patient"
        elif own is not None and own not in panels:
            bad[row] = f"sequenced.genes does not say which genes panel {own} holds, so the sample takes no part"
        elif sample in found:
            bad[row] = "repeats an earlier row of the same sample"
        else:
            found[sample] = own
    rejected.append((PROFILED, text.reject(list(bad), list(bad.values()))))
    if not found:
        raise DataFault(
            "no sample of the sample sheet is listed",
            subject=text.source,
            place="column sample_id",
            expected=f"names such as {', '.join(sorted(samples)[:3])}",
            remedy="Name the samples as the sample sheet does",
        )
    return _Sequenced(found, True, panels, genes, rejected)


def read_layer_matrix(
    local: LocalStudy, matrix: LayerMatrixFile, layer: str, samples: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A matrix of a study: layer, feature_row (line of the file), feature_id, hugo_symbol, sample_id, value.

    Columns that are no sample of the sheet are told among the rejected rows, as are rows without a name and rows that
    repeat one, calls that are none and shares outside 0 to 1.

    Raises:
        DataFault: no column is a sample of the sheet, or a cell is no number; names study, file, line and column.
    """
    text = split_table(local.folder / matrix.file, source=name_of(Path(matrix.file), local.id), unnamed_first="gene")
    for name in (matrix.feature_column, matrix.gene_column, *matrix.ignored_columns):
        if name is not None and name not in text.header:
            raise missing_column(name, text.header, source=text.source)
    feature = matrix.feature_column or text.header[0]
    others = (name for name in _GENE_COLUMNS if name in text.header and name not in samples and name != feature)
    gene = matrix.gene_column or next(others, feature)
    leading = {feature, gene, *matrix.ignored_columns, *(set(_NO_SAMPLES) - samples)}
    columns = [name for name in text.header if name not in leading]
    known = [name for name in columns if name in samples]
    if not known:
        near = nearest_name(columns[0], sorted(samples)) if columns else None
        raise DataFault(
            "no column is a sample of the sample sheet",
            subject=text.source,
            place="header",
            expected=f"names such as {', '.join(sorted(samples)[:3])}",
            remedy=f"Did you mean {near} by {columns[0]}?" if near else "Name the samples as the sample sheet does",
        )
    foreign = rejected_rows(
        (text.source, 1, "the sample is not in the sample sheet, so it stands for no patient", f"column {name}")
        for name in columns
        if name not in samples
    )
    frame = numeric_frame(text, known, remedy="Correct the cell, or leave it blank")
    ids = frame[feature].str.strip_chars().replace("", None).alias("feature_id")
    symbols = frame[gene].str.strip_chars().replace("", None)
    if gene == feature and layer in ("methylation", "protein"):
        # An antibody may be named `SYMBOL|antibody`; a probe without a gene beside it names none.
        parts = ids.str.split_exact("|", 1).struct
        has_antibody = parts.field("field_1").is_not_null()
        alone = (
            ids if layer == "protein" else pl.select(pl.when(~ids.str.contains(r"^(cg|ch\.)\d")).then(ids)).to_series()
        )
        symbols = pl.select(pl.when(has_antibody).then(parts.field("field_0")).otherwise(alone)).to_series()
    wide = pl.DataFrame([ids, symbols.alias("hugo_symbol"), *[frame[name].fill_nan(None) for name in known]])
    lines = pl.Series(text.lines, dtype=pl.Int64)
    no_gene = odd_names(ids) if layer in ("copy_number", "log2_copy_number") else {}
    repeated = ~ids.is_first_distinct() & ids.is_not_null()
    odd = {
        **dict.fromkeys(ids.is_null().arg_true().to_list(), "the row has no name"),
        **dict.fromkeys(repeated.arg_true().to_list(), "repeats the name of an earlier row, which is kept"),
        **no_gene,
    }
    kept = (
        ~pl.Series(range(text.height), dtype=pl.Int64).is_in(list(odd))
        if odd
        else pl.repeat(True, text.height, eager=True)
    )
    rejected = pl.concat([foreign, text.reject(sorted(odd), [odd[row] for row in sorted(odd)])])
    wide, lines = wide.filter(kept), lines.filter(kept)
    rule = {"copy_number": (is_call, NO_CALL), "methylation": (is_share, NO_SHARE)}.get(layer)
    if rule is not None:
        wide, rejected = blank_odd_cells(wide, rejected, source=text.source, fits=rule[0], reason=rule[1], lines=lines)
    long = (
        wide.with_columns(feature_row=lines)
        .unpivot(index=["feature_id", "hugo_symbol", "feature_row"], variable_name="sample_id", value_name="value")
        .select(pl.lit(layer).alias("layer"), "feature_row", "feature_id", "hugo_symbol", "sample_id", "value")
        .sort("feature_row", maintain_order=True)
    )
    return long, rejected
