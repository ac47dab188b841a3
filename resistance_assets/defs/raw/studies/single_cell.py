"""Single-cell studies: counts of each sample in the lake, then what hangs on labels, and pseudobulk for contrasts.

Each sample is read by a step of its own, so that new labels read no matrix and a new sample reads one folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kinds.single_cell import CellSample, sample_files
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.rows import WARNINGS, samples_as_table, warnings_as_table
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.single_cell.labels import match_labels
from resistance_assets.connectors.single_cell.study import read_study_sample, read_table
from resistance_assets.defs.raw.studies.bench_steps import Frames, in_table
from resistance_assets.defs.resources import local_files, study_source
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.single_cell.quality import has_two_species
from resistance_assets.science.single_cell.study_tables import (
    CellDesign,
    Comparison,
    compare_expression,
    compare_types,
    count_types,
    describe_samples,
    find_sources,
    join_samples,
    judge_cells,
    pair_types,
    score_signatures,
    split_species,
    sum_types,
)

COUNTS, FEATURES, BARCODES = (f"parts.single_cell__{name}" for name in ("counts", "features", "barcodes"))
CELLS = "core.single_cell__cells"
SAMPLE_COUNTS, SAMPLE_SHEET = "raw.studies__gene_sample_counts", "raw.studies__samples"
BUILT_IN_PAIRS = (("Gas6", "AXL"), ("Gas6", "MERTK"), ("Gas6", "TYRO3"), ("Pros1", "MERTK"), ("Hgf", "MET"),
                  ("Ereg", "EGFR"), ("Areg", "EGFR"), ("Hbegf", "EGFR"), ("Nrg1", "ERBB3"), ("Fgf2", "FGFR1"),
                  ("Igf1", "IGF1R"), ("Il6", "IL6R"), ("Ccl20", "CCR6"), ("Cxcl12", "CXCR4"), ("Spp1", "CD44"),
                  ("Tgfb1", "TGFBR2"), ("Vegfa", "KDR"))  # fmt: skip
"""Ligands (mouse symbols) and receptors (human symbols) of resistance; of human senders the ligand is in capitals."""


def read_parts(local: LocalStudy, sample: CellSample) -> Frames:
    """Counts, features and barcodes of one sample. Raises DataFault as `read_study_sample`."""
    found = read_study_sample(local, sample)
    by_gene = found.counts.tocsc()
    by_gene.sort_indices()
    n_genes = found.features.height
    long = pl.DataFrame(
        {"gene_number": pl.Series(range(n_genes)).repeat_by(pl.Series(by_gene.indptr).diff().drop_nulls()).explode(),
         "cell_number": by_gene.indices, "umi": by_gene.data}
    ).drop_nulls("gene_number")  # fmt: skip
    note = "; ".join(found.notes) or None
    return {
        COUNTS: TABLES[COUNTS].shape(long),
        FEATURES: TABLES[FEATURES].shape(found.features.with_row_index("gene_number")),
        BARCODES: TABLES[BARCODES].shape(
            pl.DataFrame({"barcode": found.barcodes}).with_row_index("cell_number").with_columns(note=pl.lit(note))
        ),
    }


def design_of(local: LocalStudy) -> CellDesign:
    """What study.toml asks."""
    file, study = local.file, local.study
    sheet = pl.DataFrame(
        [{"sample_id": one.id, "arm": one.arm, **one.attributes} for one in file.sample],
        schema_overrides={"arm": pl.String}, infer_schema_length=None,
    )  # fmt: skip
    pairs = tuple((one.ligand, one.receptor) for one in file.pair)
    if not pairs:
        pairs = BUILT_IN_PAIRS if study.human_types else tuple((one.upper(), two) for one, two in BUILT_IN_PAIRS)
    return CellDesign(
        sheet=sheet,
        comparisons=tuple(Comparison(one.id, one.numerator, one.denominator, one.pairing) for one in file.comparison),
        human_types=study.human_types,
        receivers=study.receivers or study.human_types,
        pairs=pairs,
        signatures={one.id: (one.species, one.genes) for one in file.signature},
    )


def analyse(local: LocalStudy, parts: Mapping[str, Frames]) -> Frames:
    """Every table of one study by name, from the parts of its samples and its labels.

    Args:
        parts: sample -> `read_parts` of it.

    Raises:
        DataFault: the labels do not fit the barcodes.
    """
    design = design_of(local)
    study = join_samples(
        *({sample: one[name] for sample, one in parts.items()} for name in (COUNTS, FEATURES, BARCODES))
    )
    labels = read_table(local, local.study.labels)
    matched = match_labels(study.cells, labels, subject=f"{local.id}/{local.study.labels}")
    known = (
        matched.cells
        if "subtype" in matched.cells.columns
        else matched.cells.with_columns(subtype=pl.lit(None, pl.String))
    )
    cells = judge_cells(study, known.select("sample_id", "barcode", "cell_type", "subtype"), design.human_types)
    species = split_species(study, cells)
    samples = list(parts)
    two = has_two_species(study)
    types = count_types(cells, design, two_species=two) if species else None
    sums = sum_types(species, samples)
    found: dict[str, pl.DataFrame | None] = {
        "core.single_cell__samples": describe_samples(
            cells, design.sheet, study.features.height, {name: one[BARCODES]["note"][0] for name, one in parts.items()}
        ),
        CELLS: cells,
        "core.single_cell__gene_cell_types": find_sources(species) if species else None,
        "core.single_cell__sample_cell_types": types.rename({"group": "cell_type", "n": "n_cells", "total": "n_total"})
        .with_columns(share=pl.col("n_cells") / pl.col("n_total")) if types is not None else None,
        "core.single_cell__composition": compare_types(types, design) if types is not None else None,
        "core.single_cell__pseudobulk_sums": long_sums(sums),
        "core.single_cell__pseudobulk": compare_expression(sums, design),
        "core.single_cell__ligand_receptor": pair_types(species, design),
        "core.single_cell__signature_scores": score_signatures(species, design),
    }  # fmt: skip
    note = [(f"{local.id}/{local.study.labels}", "cell_type", matched.note)] if matched.note else []
    tables = {name: in_table(name, frame, local.id) for name, frame in found.items()}
    return {
        **tables,
        **human_pseudobulk(sums, design, local.id),
        WARNINGS.address: warnings_as_table(warnings(note), local.id),
    }


def long_sums(sums: list[tuple[str, pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame | None:
    """Sums of every species, one row per type, sample and gene with a molecule."""
    frames = [
        counts.unpivot(index=["cell_type", "feature_id", "symbol"], variable_name="sample_id", value_name="umi")
        .filter(pl.col("umi") > 0)
        .join(cells.select("cell_type", "sample_id", "n_cells", "is_used"), on=["cell_type", "sample_id"])
        .with_columns(species=pl.lit(species))
        for species, counts, cells in sums
    ]
    return pl.concat(frames).sort("species", "cell_type", "sample_id", "feature_id") if frames else None


def human_pseudobulk(sums: list[tuple[str, pl.DataFrame, pl.DataFrame]], design: CellDesign, study_id: str) -> Frames:
    """Sums of human genes as counts of samples `<type>__<sample>`, which contrasts of expression read.

    Features lose the prefix of their genome, so that their Ensembl id or symbol is known.
    """
    counts, sheets = [], []
    for species, wide, cells in sums:
        if species != "human":
            continue
        used = cells.filter(pl.col("is_used"))
        long = wide.unpivot(
            index=["cell_type", "feature_id", "symbol"], variable_name="sample", value_name="read_count"
        )
        long = long.join(used.select("cell_type", sample="sample_id"), on=["cell_type", "sample"], how="semi")
        name = pl.concat_str("cell_type", "sample", separator="__")
        counts.append(
            long.select(
                pl.lit(study_id).alias("study_id"),
                pl.col("feature_id").str.replace(r"(?i)^(GRCh38|hg38|GRCh37|hg19)_+", ""),
                name.alias("sample_id"),
                "read_count",
            )
        )
        sheets.append(
            used.select("cell_type", sample="sample_id").with_columns(sample_id=name)
            .join(design.sheet.rename({"sample_id": "sample"}), on="sample", how="left")
        )  # fmt: skip
    if not counts:
        return {SAMPLE_COUNTS: TABLES[SAMPLE_COUNTS].empty(), SAMPLE_SHEET: TABLES[SAMPLE_SHEET].empty()}
    sheet = pl.concat(sheets)
    return {
        SAMPLE_COUNTS: pl.concat(counts).sort("feature_id", "sample_id"),
        SAMPLE_SHEET: samples_as_table(sheet.select("sample_id", pl.exclude("sample_id")), study_id),
    }


def sample_step(local: LocalStudy, sample: CellSample) -> Step:
    """The files of one sample as its parts."""
    parts = {name: partition_of(name, local.id, sample.id) for name in (COUNTS, FEATURES, BARCODES)}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_parts(local, sample)
        return {partition: found[name] for name, partition in parts.items()}

    def external_inputs(origins: Any) -> Mapping[str, Any]:
        paths = [*sample_files(local.folder, sample)]
        if local.study.sample_cells:
            paths.append(local.folder / local.study.sample_cells)
        return local_files(local.id, {str(path.relative_to(local.folder)): path for path in paths})

    return table_step(
        outputs={partition: TABLES[name] for name, partition in parts.items()},
        compute=compute,
        code_version=code_version_of(read_parts),
        external_inputs=external_inputs,
        sources=[study_source(local.id)],
        parameters={"sample": sample.id, "path": sample.path, "species": local.study.species},
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def analysis_step(local: LocalStudy) -> Step:
    """Everything that hangs on the labels."""
    given = {
        sample.id: {name: partition_of(name, local.id, sample.id) for name in (COUNTS, FEATURES, BARCODES)}
        for sample in local.file.sample
    }
    outputs = {name: partition_of(name, local.id) for name in local.kind.tables}
    rejected = rejected_of(outputs[CELLS])

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        parts = {sample: {name: inputs.read(part) for name, part in own.items()} for sample, own in given.items()}
        found = analyse(local, parts)
        made = {partition: found[name] for name, partition in outputs.items()}
        return {**made, rejected: rejected_as_table([(CELLS, rejected_rows())])}

    labels = local.folder / local.study.labels
    return table_step(
        outputs={**{partition: TABLES[name] for name, partition in outputs.items()}, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(analyse, rejected_as_table),
        inputs=tuple(part for own in given.values() for part in own.values()),
        external_inputs=lambda origins: local_files(local.id, {local.study.labels: labels}),
        sources=[study_source(local.id)],
        parameters={
            "study": local.file.model_dump(
                mode="json", exclude={"study": {"title"}, "intersection": True, "contrast": True}
            )
        },
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """A step per sample, and one for all that hangs on labels."""
    return [*(sample_step(local, sample) for sample in local.file.sample), analysis_step(local)]
