"""Single-cell studies: counts of each sample in the lake, then what hangs on labels, then scores of gene lists.

Each sample is read by a step of its own, so that new labels read no matrix and a new sample reads one folder. Scores
are a step of their own, because they read gene lists, which may come from contrasts of the study's own sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kinds.single_cell import CellSample, bears_id, files_of
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.single_cell_defaults import single_cell_defaults
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.orthologs import read_orthologs
from resistance_assets.connectors.lab_study.rows import WARNINGS, samples_as_table, warnings_as_table
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.single_cell.labels import match_labels
from resistance_assets.connectors.single_cell.study import read_samples, read_table
from resistance_assets.connectors.single_cell.tenx import TenxSample
from resistance_assets.connectors.single_cell.type_counts import read_type_counts
from resistance_assets.defs.raw.studies.bench_steps import Frames, in_table
from resistance_assets.defs.resources import local_files, study_source
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.single_cell.counts import CellCounts, StudyCounts
from resistance_assets.science.single_cell.doublets import score_doublets
from resistance_assets.science.single_cell.pseudobulk import Comparison, compare_types_of
from resistance_assets.science.single_cell.quality import measure_cells
from resistance_assets.science.single_cell.signature_scores import (
    LEAST_GENES,
    average_scores,
    compare_averages,
    find_signatures,
    mean_levels,
    score_signatures,
)
from resistance_assets.science.single_cell.study_tables import (
    CellDesign,
    call_cells,
    compare_types,
    count_types,
    describe_counted_samples,
    describe_genes,
    describe_marker_types,
    describe_samples,
    has_both,
    join_study,
    judge_cells,
    mark_cells,
    pair_types,
    split_species,
)

COUNTS, FEATURES, BARCODES = PARTS = tuple(f"parts.single_cell__{name}" for name in ("counts", "features", "barcodes"))
CORE = "core.single_cell__"
CELLS = f"{CORE}cells"
SAMPLE_COUNTS, SAMPLE_SHEET = "raw.studies__gene_sample_counts", "raw.studies__samples"
SCORES = (f"{CORE}cell_scores", f"{CORE}sample_scores", f"{CORE}signature_scores")
LISTS, MEMBERS = "core.gene_lists__lists", "core.gene_lists__members"
HUMAN_PREFIX = r"(?i)^(GRCh38|hg38|GRCh37|hg19)_+"
MOST_LABELLED_AND_SMALL = 0.5
Sums = Sequence[tuple[str, pl.DataFrame, pl.DataFrame]]
Parts = Mapping[str, Mapping[str, Any]]
"""Of each sample: its counts (lazy), features and barcodes by the name of their table."""


def read_parts(local: LocalStudy, samples: Sequence[CellSample]) -> dict[str, Frames]:
    """Counts, features and barcodes of samples that lie in the same files. Raises DataFault as `read_samples`."""
    least = local.study.minimum_umi
    return {sample: _parts_of(found, least) for sample, found in read_samples(local, samples).items()}


def _parts_of(found: TenxSample, least_umi: int) -> Frames:
    cells = pl.DataFrame({"barcode": found.barcodes}).with_columns(sample_id=pl.lit(""))
    measured = measure_cells(CellCounts(found.counts, cells, found.features))
    if "human_umi" not in measured.columns:
        measured = measured.with_columns(human_umi=pl.lit(None, pl.Int64), mouse_umi=pl.lit(None, pl.Int64))
    score = pl.Series(score_doublets(found.counts, least_umi=least_umi), nan_to_null=True)
    by_gene = found.counts.tocsc()
    by_gene.sort_indices()
    gene = np.repeat(np.arange(found.features.height, dtype=np.uint32), np.diff(by_gene.indptr))
    long = pl.DataFrame({"gene_number": gene, "cell_number": by_gene.indices, "umi": by_gene.data})
    note = pl.lit("; ".join(found.notes) or None, pl.String)
    return {
        COUNTS: TABLES[COUNTS].shape(long),
        FEATURES: TABLES[FEATURES].shape(found.features.with_row_index("gene_number")),
        BARCODES: TABLES[BARCODES].shape(
            measured.with_row_index("cell_number").with_columns(doublet_score=score, note=note)
        ),
    }


def design_of(local: LocalStudy) -> CellDesign:
    """What study.toml asks. Raises DataFault where its table of orthologs is none."""
    file, study = local.file, local.study
    sheet = pl.DataFrame(
        [{"sample_id": one.id, "arm": one.arm, **one.attributes} for one in file.sample],
        schema_overrides={"arm": pl.String}, infer_schema_length=None,
    )  # fmt: skip
    orthologs = single_cell_defaults().orthologs
    if study.orthologs is not None:
        table = read_orthologs(local.folder / study.orthologs, study=local.id)
        # A table may name genes by ids too: symbols come first in it.
        by_symbol = table.unique("human_symbol", keep="first", maintain_order=True)
        orthologs = orthologs | {human.upper(): name for name, human in by_symbol.iter_rows()}
    return CellDesign(
        sheet=sheet,
        comparisons=tuple(Comparison(one.id, one.numerator, one.denominator, one.pairing) for one in file.comparison),
        human_types=study.human_types,
        receivers=study.receivers or study.human_types,
        pairs=tuple((one.ligand, one.receptor) for one in file.pair) or single_cell_defaults().pairs,
        orthologs=orthologs,
        has_ortholog_table=study.orthologs is not None,
        markers=file.markers or single_cell_defaults().markers,
        with_clusters=study.clusters,
        has_labels=study.labels is not None or study.one_cell_type is not None,
        least_umi=study.minimum_umi,
        most_mitochondrial=study.maximum_mitochondrial_fraction,
    )


def read_labels(local: LocalStudy, called: pl.DataFrame) -> tuple[pl.DataFrame, str | None]:
    """sample_id, barcode, cell_type and subtype of every barcode, and what did not match, in words.

    Without a table of labels they are the one type of the study, or the types by markers.

    Raises:
        DataFault: the labels do not fit the barcodes, or name no type that study.toml calls human.
    """
    cells = called.select("sample_id", "barcode")
    if local.study.labels is None:
        one = pl.lit(local.study.one_cell_type) if local.study.one_cell_type else called["marker_type"]
        return cells.with_columns(cell_type=one, subtype=pl.lit(None, pl.String)), None
    subject = f"{local.id}/{local.study.labels}"
    labels = read_table(local, local.study.labels)
    matched = match_labels(cells, labels, subject=subject)
    known = matched.cells
    if "subtype" not in known.columns:
        known = known.with_columns(subtype=pl.lit(None, pl.String))
    named = (*local.study.human_types, *local.study.receivers, *(one.cell_type for one in local.contrasts))
    if missing := [one for one in named if one not in set(known["cell_type"])]:
        raise DataFault(
            f"no cell is labelled {missing[0]}, which study.toml names",
            subject=subject,
            expected=f"one of {', '.join(known['cell_type'].drop_nulls().unique().sort().head(12))}",
            remedy="Correct human_types, receivers or cell_type in study.toml, or the labels.",
        )
    return known.select("sample_id", "barcode", "cell_type", "subtype"), matched.note


def analyse(local: LocalStudy, parts: Parts) -> Frames:
    """Every table of one study but its scores, by name, from the parts of its samples and its labels.

    Raises:
        DataFault: the labels do not fit the barcodes.
    """
    design, doubts = design_of(local), find_doubts(local)
    study = study_counts(parts)
    called, scored = mark_cells(study, call_cells(study, design), design)
    labels, note = read_labels(local, called)
    cells = judge_cells(study, called, labels, design)
    species = split_species(study, cells)
    types = count_types(cells, design, two_species=has_both(study.features))
    sources, sums = describe_genes(study, species, design.samples)
    results, designs = compare_types_of(sums, design.sheet, design.comparisons)
    found: dict[str, pl.DataFrame | None] = {
        "samples": describe_samples(
            cells,
            design.sheet,
            {sample: one[FEATURES].height for sample, one in parts.items()},
            {sample: _join_notes(one[BARCODES]["note"][0], doubts.get(sample)) for sample, one in parts.items()},
        ),
        "cells": cells,
        "marker_types": describe_marker_types(cells, scored),
        "gene_cell_types": sources,
        "sample_cell_types": None if types is None else shares_of(types),
        "composition": None if types is None else compare_types(types, design),
        "pseudobulk_sums": long_sums(sums),
        "pseudobulk": results,
        "pseudobulk_designs": designs,
        "ligand_receptor": pair_types(study, species, design),
    }  # fmt: skip
    told = [(f"{local.id}/{local.study.labels}", "cell_type", note)] if note else []
    told += [(f"{local.id}/{sample}", "sample", doubt) for sample, doubt in doubts.items()]
    if local.study.labels is not None and (few := tell_small_cells(cells, design.least_umi)):
        told.append((f"{local.id}/study.toml", "minimum_umi", few))
    return {
        **{f"{CORE}{name}": in_table(f"{CORE}{name}", frame, local.id) for name, frame in found.items()},
        **human_pseudobulk(sums, design, local.id),
        WARNINGS.address: warnings_as_table(warnings(told), local.id),
    }


def analyse_type_counts(local: LocalStudy) -> Frames:
    """The same tables of a study that has cells per sample and type alone: composition, and nothing of genes."""
    design = design_of(local)
    given = read_type_counts(local, local.study.type_counts)
    types = given.rename({"cell_type": "group"}).with_columns(
        total=pl.col("n").sum().over("sample_id"), denominator=pl.lit("all_cells"), level=pl.lit("cell_type")
    )
    types = types.join(design.sheet.select("sample_id", "arm"), on="sample_id", how="left").sort("sample_id", "group")
    cells = given.group_by("sample_id").agg(n_barcodes=pl.col("n").sum())
    found: dict[str, pl.DataFrame | None] = {
        "samples": describe_counted_samples(cells, design.sheet, find_doubts(local)),
        "sample_cell_types": shares_of(types),
        "composition": compare_types(types, design),
    }
    none = {name: None for name in local.kind.tables if name.startswith(CORE) and name not in SCORES}
    frames = none | {f"{CORE}{name}": frame for name, frame in found.items()}
    return {
        **{name: in_table(name, frame, local.id) for name, frame in frames.items()},
        **human_pseudobulk([], design, local.id),
        WARNINGS.address: warnings_as_table(warnings([]), local.id),
    }


def shares_of(types: pl.DataFrame) -> pl.DataFrame:
    """Rows of `count_types` as those of the table."""
    return types.rename({"group": "cell_type", "n": "n_cells"}).with_columns(
        n_total=pl.col("total"), share=pl.col("n_cells") / pl.col("total")
    )


def tell_small_cells(cells: pl.DataFrame, least_umi: int) -> str | None:
    """That many of the cells that the authors label have too few molecules, as in a panel of few genes."""
    labelled = cells.filter(pl.col("cell_type").is_not_null())
    few = labelled.filter(pl.col("reason") == "few_molecules").height
    if few <= labelled.height * MOST_LABELLED_AND_SMALL:
        return None
    told = f"{few:,} of {labelled.height:,} labelled cells have fewer than {least_umi} molecules and are not analysed"
    return f"{told}: of a panel of few genes, set minimum_umi"


def find_doubts(local: LocalStudy) -> dict[str, str]:
    """Why the label of a sample is in doubt, by sample: those whose id or file names a public sample of that kind."""
    found = {}
    for sample in local.file.sample:
        names = [sample.id, *(path.name for path in files_of(local.folder, local.study, sample))]
        for accession, doubt in single_cell_defaults().doubts.items():
            if any(bears_id(name, accession) for name in names):
                found[sample.id] = f"{accession}: {doubt}"
    return found


def _join_notes(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def study_counts(parts: Parts) -> StudyCounts:
    """The counts of a study from the parts of its samples."""
    counts, features, barcodes = ({sample: one[name] for sample, one in parts.items()} for name in PARTS)
    return join_study({sample: long.lazy() for sample, long in counts.items()}, features, barcodes)


def long_sums(sums: Sums) -> pl.DataFrame | None:
    """Sums of every species, one row per type, sample and gene with a molecule."""
    frames = [
        counts.unpivot(index=["cell_type", "feature_id", "symbol"], variable_name="sample_id", value_name="umi")
        .filter(pl.col("umi") > 0)
        .join(cells.select("cell_type", "sample_id", "n_cells", "is_used"), on=["cell_type", "sample_id"])
        .with_columns(species=pl.lit(species))
        for species, counts, cells in sums
    ]
    return pl.concat(frames).sort("species", "cell_type", "sample_id", "feature_id") if frames else None


def human_pseudobulk(sums: Sums, design: CellDesign, study_id: str) -> Frames:
    """Sums of human genes as counts of samples `<type>__<sample>`, which contrasts of expression read.

    Features lose the prefix of their genome, so that their Ensembl id or symbol is known.
    """
    counts, sheets = [], []
    for species, wide, cells in sums:
        if species != "human":
            continue
        used = cells.filter(pl.col("is_used")).select("cell_type", sample="sample_id")
        long = wide.unpivot(index=["cell_type", "feature_id"], variable_name="sample", value_name="read_count")
        name = pl.concat_str("cell_type", "sample", separator="__")
        counts.append(
            long.join(used, on=["cell_type", "sample"], how="semi").select(
                pl.lit(study_id).alias("study_id"),
                pl.col("feature_id").str.replace(HUMAN_PREFIX, ""),
                name.alias("sample_id"),
                "read_count",
            )
        )
        sheet = design.sheet.rename({"sample_id": "sample"})
        sheets.append(used.with_columns(sample_id=name).join(sheet, on="sample", how="left"))
    if not counts or not sheets[0].height:
        return {SAMPLE_COUNTS: TABLES[SAMPLE_COUNTS].empty(), SAMPLE_SHEET: TABLES[SAMPLE_SHEET].empty()}
    sheet = pl.concat(sheets).select("sample_id", pl.exclude("sample_id"))
    return {
        SAMPLE_COUNTS: pl.concat(counts).sort("feature_id", "sample_id"),
        SAMPLE_SHEET: samples_as_table(sheet, study_id),
    }


def signatures_of(local: LocalStudy, lists: pl.DataFrame, members: pl.DataFrame) -> dict[str, tuple[str, set[str]]]:
    """Signatures by id: the species of the cells that they are scored in, and their genes.

    Declared ones, and the warehouse's lists of contrasts of other studies: a list of the study's own cells would be
    scored on what it was chosen by.
    """
    own = {one.id for one in local.contrasts}
    of_contrasts = lists.filter(
        pl.col("role").is_in(["contrast", "contrast_effect_only"]), ~pl.col("contrast_id").is_in(list(own))
    )
    kept = members.join(of_contrasts.select("list_id"), on="list_id", how="semi")
    found = {
        str(name): ("human", set(genes)) for name, genes in kept.group_by("list_id").agg("hgnc_symbol").iter_rows()
    }
    return found | {one.id: (one.species, set(one.genes)) for one in local.file.signature}


def score(local: LocalStudy, parts: Parts, cells: pl.DataFrame, lists: pl.DataFrame, members: pl.DataFrame) -> Frames:
    """Scores of signatures by cell (declared ones), by sample and type, and between arms.

    Args:
        cells: of `analyse`. lists, members: of the warehouse.
    """
    if not parts:
        return {name: TABLES[name].empty() for name in SCORES}
    design = design_of(local)
    study = study_counts(parts)
    signatures = signatures_of(local, lists, members)
    declared = {one.id for one in local.file.signature}
    of_cells, averages, n_genes = [], [], []
    for own in split_species(study, cells):
        # Human lists are scored in mouse cells only where a table says which gene is which.
        wanted = {
            name: genes
            for name, (species, genes) in signatures.items()
            if species == own.species or (name not in declared and own.species != "human" and design.has_ortholog_table)
        }
        symbols = study.features["symbol"].gather(own.genes)
        places = find_signatures(wanted, symbols, design.orthologs_in(own.species))
        places = {name: at for name, at in places.items() if len(at) >= LEAST_GENES or (name in declared and len(at))}
        if not places:
            continue
        n_genes.append(
            pl.DataFrame({"signature_id": list(places), "n_genes": [len(at) for at in places.values()]}).with_columns(
                species=pl.lit(own.species), n_listed=pl.Series([len(signatures[name][1]) for name in places])
            )
        )
        for sample in own.known["sample_id"].unique().sort():
            of_sample = study.of_sample(sample)
            chosen = own.chosen[(study.cells["sample_id"] == sample).to_numpy()]
            block, genes_of = of_sample.read_genes(own.genes, chosen), list(places.values())
            totals = own.totals[(own.known["sample_id"] == sample).to_numpy()]
            scored, levels = score_signatures(block, genes_of), mean_levels(block, genes_of, totals)
            known = own.known.filter(pl.col("sample_id") == sample).select(
                "sample_id", "barcode", "cell_type", "species"
            )
            for at, name in enumerate(places):
                one = known.with_columns(
                    signature_id=pl.lit(name),
                    score=pl.Series(scored[:, at], nan_to_null=True),
                    mean_log_cp10k=pl.Series(levels[:, at], nan_to_null=True),
                )
                averages.append(average_scores(one))
                if name in declared:
                    of_cells.append(one)
    scored = pl.concat(averages) if averages else None
    compared = None if scored is None else compare_averages(scored, design.arms, design.comparisons, declared)
    sizes = pl.concat(n_genes) if n_genes else None
    frames = {
        SCORES[0]: pl.concat(of_cells) if of_cells else None,
        SCORES[1]: None if scored is None else scored.join(design.sheet.select("sample_id", "arm"), on="sample_id"),
        SCORES[2]: None if compared is None or sizes is None else compared.join(sizes, on=["signature_id", "species"]),
    }
    return {name: in_table(name, frame, local.id) for name, frame in frames.items()}


def reading_step(local: LocalStudy, samples: Sequence[CellSample]) -> Step:
    """The files of one sample, or of all that lie in one matrix, as their parts."""
    parts = {(one.id, name): partition_of(name, local.id, one.id) for one in samples for name in PARTS}
    study = local.study

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_parts(local, samples)
        return {partition: found[sample][name] for (sample, name), partition in parts.items()}

    def external_inputs(origins: Any) -> Mapping[str, Any]:
        paths = [path for one in samples for path in files_of(local.folder, study, one)]
        if study.table_of_samples is not None:
            paths.append(local.folder / study.table_of_samples)
        return local_files(local.id, {str(path.relative_to(local.folder)): path for path in dict.fromkeys(paths)})

    return table_step(
        outputs={partition: TABLES[name] for (_, name), partition in parts.items()},
        compute=compute,
        code_version=code_version_of(read_parts),
        external_inputs=external_inputs,
        sources=[study_source(local.id)],
        parameters={
            "samples": [[one.id, one.path] for one in samples],
            "study": [study.species, study.counts, study.table_of_samples, study.label_columns, study.minimum_umi],
        },
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def _given(local: LocalStudy) -> dict[str, dict[str, str]]:
    if local.study.type_counts is not None:
        return {}
    return {one.id: {name: partition_of(name, local.id, one.id) for name in PARTS} for one in local.file.sample}


def _read_given(inputs: Inputs, given: Mapping[str, Mapping[str, str]]) -> Parts:
    return {
        sample: {name: inputs.scan(part) if name == COUNTS else inputs.read(part) for name, part in own.items()}
        for sample, own in given.items()
    }


def _later_step(local: LocalStudy, **made: Any) -> Step:
    """A step of what hangs on study.toml, labels and orthologs, and on the parts."""
    study = local.study
    files = {
        name: local.folder / name for name in (study.labels, study.orthologs, study.type_counts) if name is not None
    }
    return table_step(
        external_inputs=lambda origins: local_files(local.id, files),
        sources=[study_source(local.id)],
        parameters={"study": local.file.model_dump(mode="json", exclude={"study": {"title"}, "intersection": True})},
        kinds=["python", "study"],
        tags={"study": local.id},
        **made,
    )


def analysis_step(local: LocalStudy) -> Step:
    """Everything that hangs on the labels."""
    given = _given(local)
    outputs = {name: partition_of(name, local.id) for name in local.kind.tables if name not in SCORES}
    rejected = rejected_of(outputs[CELLS])

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = analyse(local, _read_given(inputs, given)) if given else analyse_type_counts(local)
        made = {partition: found[name] for name, partition in outputs.items()}
        return {**made, rejected: rejected_as_table([(CELLS, rejected_rows())])}

    return _later_step(
        local,
        outputs={**{partition: TABLES[name] for name, partition in outputs.items()}, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(analyse if given else analyse_type_counts, rejected_as_table),
        inputs=tuple(part for own in given.values() for part in own.values()),
    )


def scores_step(local: LocalStudy) -> Step:
    """Scores of declared signatures and of the warehouse's lists."""
    given, cells = _given(local), partition_of(CELLS, local.id)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        lists, members = (inputs.read(name) if inputs.has(name) else TABLES[name].empty() for name in (LISTS, MEMBERS))
        found = score(local, _read_given(inputs, given), inputs.read(cells), lists, members)
        return {partition_of(name, local.id): frame for name, frame in found.items()}

    return _later_step(
        local,
        outputs={partition_of(name, local.id): TABLES[name] for name in SCORES},
        compute=compute,
        code_version=code_version_of(score),
        inputs=(*(part for own in given.values() for part in own.values()), cells),
        optional_inputs=(LISTS, MEMBERS),
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Steps that read the samples, one for all that hangs on labels, one for scores."""
    samples = local.file.sample
    groups = [samples] if local.study.counts is not None else [(one,) for one in samples]
    if local.study.type_counts is not None:
        groups = []
    return [*(reading_step(local, group) for group in groups), analysis_step(local), scores_step(local)]
