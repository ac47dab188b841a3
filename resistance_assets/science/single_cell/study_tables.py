"""Single-cell tables of one study: from its cells and their labels to sources, pseudobulk, shares, pairs and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.single_cell import clusters
from resistance_assets.science.single_cell.composition import compare_composition
from resistance_assets.science.single_cell.counts import CellCounts, StudyCounts, genes_of_species
from resistance_assets.science.single_cell.ligand_receptor import Pair, find_genes, measure_genes, summarise_pairs
from resistance_assets.science.single_cell.marker_types import (
    SCHEMA,
    average_by,
    choose_types,
    describe_groups,
    marker_genes,
    score_sets,
)
from resistance_assets.science.single_cell.markers import find_markers
from resistance_assets.science.single_cell.pseudobulk import Comparison, sum_by_sample
from resistance_assets.science.single_cell.quality import (
    LEAST_UMI,
    MOST_MITOCHONDRIAL,
    call_by_percentile,
    call_by_share,
    call_species,
    keep_cells,
    library_size_factors,
)
from resistance_assets.science.single_cell.sources import gene_sources
from resistance_assets.science.statistics.multiple_testing import adjust_bh

LEVELS = ("cell_type", "subtype")
REASONS = ("few_molecules", "mitochondrial", "mixed_species", "unlabelled", "label_of_other_species")
MARKS = {**SCHEMA, "cluster": pl.Int64, "component_1": pl.Float64, "component_2": pl.Float64}
MEASURES = ("total_umi", "detected_genes", "mitochondrial_umi", "top50_umi", "human_umi", "mouse_umi", "doublet_score")


@dataclass(frozen=True)
class CellDesign:
    """What a study asks.

    Attributes:
        sheet: sample_id, arm and further columns, one row per sample.
        human_types: human cell types of a study of two species; empty where labels may be of either.
        receivers: receiving types; empty for all.
        pairs: ligand and receptor.
        orthologs: human symbol in capitals -> mouse symbol, where it is another one.
        has_ortholog_table: whether the study has a table of them, so that any human list can be scored in mouse cells.
        markers: cell type -> human symbols. with_clusters: whether cells are clustered.
        has_labels: whether types are given; without, they are those of the markers.
        least_umi, most_mitochondrial: a barcode of fewer molecules, or with a larger share, is not analysed.
    """

    sheet: pl.DataFrame
    comparisons: tuple[Comparison, ...] = ()
    human_types: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    orthologs: Mapping[str, str] = field(default_factory=dict)
    has_ortholog_table: bool = False
    markers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    with_clusters: bool = False
    has_labels: bool = True
    least_umi: int = LEAST_UMI
    most_mitochondrial: float = MOST_MITOCHONDRIAL

    @property
    def samples(self) -> list[str]:
        return self.sheet["sample_id"].to_list()

    @property
    def arms(self) -> dict[str, str]:
        return {sample: arm for sample, arm in self.sheet.select("sample_id", "arm").iter_rows() if arm is not None}

    def blocks(self, comparison: Comparison) -> dict[str, str | None] | None:
        """Block of each sample; None where samples are not paired."""
        if comparison.pairing is None:
            return None
        if comparison.pairing not in self.sheet.columns:
            return {}
        return dict(self.sheet.select("sample_id", pl.col(comparison.pairing).cast(pl.String)).iter_rows())

    def orthologs_in(self, species: str) -> Mapping[str, str]:
        """Symbols of a species by human ones."""
        return {} if species == "human" else self.orthologs


@dataclass(frozen=True)
class OwnSpecies:
    """Kept cells of one species and its genes.

    Attributes:
        genes: places in the features of the study.
        chosen: (cells of the study,) which are kept and of the species.
        known: what is known of those cells. totals: their molecules of the species.
    """

    species: str
    genes: NDArray[np.int64]
    chosen: NDArray[np.bool_]
    known: pl.DataFrame
    totals: NDArray[np.int64]

    @classmethod
    def of(
        cls, study: StudyCounts, cells: pl.DataFrame, species: str, chosen: NDArray[np.bool_], two: bool
    ) -> OwnSpecies:
        """Chosen cells of a species, in a study of two or of one."""
        genes = np.flatnonzero(genes_of_species(study.features, species if two else None))
        known = cells.filter(pl.Series(chosen))
        return cls(species, genes, chosen, known, known.select(own_umi(two)).to_series().to_numpy())


def join_features(features: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, dict[str, NDArray[np.int64]]]:
    """Genes of any sample, and the number of each in every sample; -1 where it is not measured."""
    genes = pl.concat(frame.select("feature_id", "symbol", "species") for frame in features.values()).unique(
        "feature_id", keep="first", maintain_order=True
    )
    numbers = {}
    for sample, frame in features.items():
        own = frame.select("feature_id", "gene_number")
        found = genes.join(own, on="feature_id", how="left", maintain_order="left")["gene_number"]
        numbers[sample] = found.fill_null(-1).cast(pl.Int64).to_numpy()
    return genes, numbers


def join_study(
    counts: Mapping[str, pl.LazyFrame], features: Mapping[str, pl.DataFrame], barcodes: Mapping[str, pl.DataFrame]
) -> StudyCounts:
    """Counts of all samples over the genes of any of them; a gene that a sample does not have is 0 there."""
    genes, numbers = join_features(features)
    cells = pl.concat(
        frame.sort("cell_number").select(pl.lit(sample).alias("sample_id"), "barcode", *MEASURES)
        for sample, frame in barcodes.items()
    )
    return StudyCounts(counts, genes, cells, numbers)


def has_both(features: pl.DataFrame) -> bool:
    """Whether genes of human and of mouse were counted together."""
    return {"human", "mouse"} <= set(features["species"].drop_nulls().unique())


def call_cells(study: StudyCounts, design: CellDesign) -> pl.DataFrame:
    """Every barcode with its quality and its species; mixed ones are doublets of two species."""
    safe = pl.max_horizontal("total_umi", pl.lit(1))
    measured = study.cells.with_columns(
        mitochondrial_fraction=pl.col("mitochondrial_umi") / safe,
        top50_fraction=pl.col("top50_umi") / safe,
        human_fraction=pl.col("human_umi") / safe,
    )
    if has_both(study.features):
        return measured.with_columns(
            species=call_species(measured, least_umi=design.least_umi),
            species_by_share=call_by_share(measured),
            species_by_percentile=call_by_percentile(measured),
        )
    none = pl.lit(None, pl.String)
    return measured.with_columns(
        species=pl.lit(study.features["species"].drop_nulls()[0]), species_by_share=none, species_by_percentile=none
    )


def good_cells(cells: pl.DataFrame, design: CellDesign) -> NDArray[np.bool_]:
    """Which barcodes are cells of one species, whatever their label."""
    labelled = cells.with_columns(cell_type=pl.lit(""), label_species=pl.col("species"))
    return keep_cells(labelled, least_umi=design.least_umi, most_mitochondrial=design.most_mitochondrial)[
        "kept"
    ].to_numpy()


def mark_cells(
    study: StudyCounts, cells: pl.DataFrame, design: CellDesign
) -> tuple[pl.DataFrame, list[tuple[pl.DataFrame, pl.DataFrame]]]:
    """Type by markers of every good cell, and where they are asked for, components and clusters.

    Args:
        cells: of `call_cells`.

    Returns:
        The same with the columns of `choose_types`, cluster, component_1 and component_2; null for other barcodes.
        Of each species, sample_id and barcode of its good cells, and their scores for every marker set.
    """
    two, good = has_both(study.features), good_cells(cells, design)
    frames, scored = [], []
    for species in sorted(set(cells["species"].filter(pl.Series(good)))):
        chosen = good & (cells["species"] == species).to_numpy()
        own = OwnSpecies.of(study, cells, species, chosen, two)
        orthologs = design.orthologs_in(species)
        places = marker_genes(design.markers, study.features["symbol"].gather(own.genes), orthologs)
        block = study.read_genes(own.genes[np.array(places, dtype=np.int64)], chosen)
        scores = score_sets(block, own.totals, design.markers, orthologs)
        named = own.known.select("sample_id", "barcode")
        scored.append((named, scores))
        columns: list[pl.Series] = []
        if (design.with_clusters or not design.has_labels) and own.known.height >= clusters.LEAST_CELLS:
            scores, columns = _group_cells(study, own, scores, with_clusters=design.with_clusters)
        frames.append(pl.concat([named, choose_types(scores, named.height).with_columns(columns)], how="horizontal"))
    marked = pl.concat(frames, how="diagonal") if frames else cells.select("sample_id", "barcode").head(0)
    marked = marked.with_columns(
        [pl.lit(None, dtype).alias(name) for name, dtype in MARKS.items() if name not in marked.columns]
    )
    return cells.join(marked, on=["sample_id", "barcode"], how="left", maintain_order="left"), scored


def _group_cells(
    study: StudyCounts, own: OwnSpecies, scores: pl.DataFrame, *, with_clusters: bool
) -> tuple[pl.DataFrame, list[pl.Series]]:
    """Scores as means over the cluster, or over the nearest neighbours, and the columns of `MARKS` that this gives."""
    variable: list[str] = []
    share = max(len(own.genes) / clusters.GENES, 1.0)
    for block in study.blocks(own.genes, own.chosen):
        at = clusters.variable_genes(block.counts, own.totals, max(1, round(block.features.height / share)))
        variable += block.features["feature_id"].gather(at).to_list()
    places = np.flatnonzero(study.features["feature_id"].is_in(variable).to_numpy())
    components = clusters.principal_components(study.read_genes(places, own.chosen).counts, own.totals)
    columns = [pl.Series(f"component_{at + 1}", components[:, min(at, components.shape[1] - 1)]) for at in (0, 1)]
    near = clusters.nearest_neighbours(components)
    if not with_clusters:
        return pl.DataFrame({name: scores[name].to_numpy()[near].mean(axis=1) for name in scores.columns}), columns
    cluster = pl.Series("cluster", clusters.find_communities(near))
    return average_by(scores, cluster) if scores.width else scores, [*columns, cluster]


def describe_marker_types(
    cells: pl.DataFrame, scored: Sequence[tuple[pl.DataFrame, pl.DataFrame]]
) -> pl.DataFrame | None:
    """Marker sets against labels and clusters, of the kept cells of every species.

    Args:
        cells: of `judge_cells`. scored: of `mark_cells`.
    """
    frames = []
    for named, scores in scored:
        if not scores.width:
            continue
        both = pl.concat([named, scores.select(pl.all().name.prefix("set:"))], how="horizontal")
        kept = cells.filter("is_kept").join(both, on=["sample_id", "barcode"], maintain_order="left")
        of_sets = kept.select([pl.col(f"set:{name}").alias(name) for name in scores.columns])
        found = describe_groups(kept, of_sets) if kept.height else None
        if found is not None:
            frames.append(found)
    return pl.concat(frames) if frames else None


def judge_cells(study: StudyCounts, called: pl.DataFrame, labels: pl.DataFrame, design: CellDesign) -> pl.DataFrame:
    """Every barcode with its label, and whether it is kept.

    Args:
        called: of `call_cells`, with or without what `mark_cells` adds.
        labels: sample_id, barcode, cell_type and subtype, one row per barcode of the study.
    """
    two = has_both(study.features)
    found = called.join(labels, on=["sample_id", "barcode"], how="left", maintain_order="left")
    label_species = pl.col("species")
    if two and design.human_types:
        label_species = (
            pl.when(pl.col("cell_type").is_in(list(design.human_types))).then(pl.lit("human"))
            .when(pl.col("cell_type").is_not_null()).then(pl.lit("mouse"))
        )  # fmt: skip
    found = found.with_columns(label_species=label_species)
    kept = keep_cells(found, least_umi=design.least_umi, most_mitochondrial=design.most_mitochondrial)
    found = found.hstack(kept.rename({"kept": "is_kept"}))
    totals = found.select(own_umi(two)).to_series().to_numpy()
    keep = found["is_kept"].to_numpy()
    factors = np.full(found.height, np.nan)
    if keep.any():
        factors[keep] = library_size_factors(totals[keep], found["species"].to_numpy()[keep])
    return found.with_columns(library_size_factor=pl.Series(factors, nan_to_null=True))


def own_umi(two_species: bool) -> pl.Expr:
    """Molecules of a cell's own species."""
    if not two_species:
        return pl.col("total_umi")
    return pl.when(pl.col("species") == "human").then(pl.col("human_umi")).otherwise(pl.col("mouse_umi"))


def split_species(study: StudyCounts, cells: pl.DataFrame) -> list[OwnSpecies]:
    """Kept cells of each species."""
    found, two = [], has_both(study.features)
    for species in sorted(set(cells.filter(pl.col("is_kept"))["species"])):
        chosen = (cells["is_kept"] & (cells["species"] == species)).to_numpy()
        found.append(OwnSpecies.of(study, cells, species, chosen, two))
    return found


def describe_samples(
    cells: pl.DataFrame, sheet: pl.DataFrame, n_genes: Mapping[str, int], notes: Mapping[str, str | None]
) -> pl.DataFrame:
    """One row per sample: barcodes, kept cells and reasons; a sample without a barcode has a row too.

    Args:
        n_genes, notes: of each sample.
    """
    kept = pl.col("is_kept")
    counted = cells.group_by("sample_id").agg(
        pl.len().alias("n_barcodes"),
        kept.sum().alias("n_kept"),
        *[(pl.col("reason") == name).sum().alias(f"n_{name}") for name in REASONS],
        pl.col("total_umi").filter(kept).median().alias("median_umi"),
        pl.col("detected_genes").filter(kept).median().alias("median_genes"),
        pl.col("mitochondrial_fraction").filter(kept).median().alias("median_mitochondrial_fraction"),
        pl.col("doublet_score").filter(kept).median().alias("median_doublet_score"),
        pl.col("doublet_score").filter(kept).quantile(0.95, "linear").alias("q95_doublet_score"),
    )
    told = pl.DataFrame(
        {"sample_id": list(notes), "note": list(notes.values()), "n_genes": [n_genes[one] for one in notes]},
        schema_overrides={"note": pl.String},
    )
    found = sheet.select("sample_id", "arm").join(counted, on="sample_id", how="left")
    return found.join(told, on="sample_id", how="left").sort("sample_id")


def describe_counted_samples(cells: pl.DataFrame, sheet: pl.DataFrame, notes: Mapping[str, str]) -> pl.DataFrame:
    """One row per sample of a study that has cells per type alone: all of them analysed, nothing known of genes.

    Args:
        cells: sample_id, n_barcodes. notes: of some samples.
    """
    told = pl.lit("cells per type were given, no counts of genes")
    doubts = pl.col("sample_id").replace_strict(notes, default=None, return_dtype=pl.String)
    nothing = [pl.lit(0, pl.Int64).alias(name) for name in ("n_genes", *(f"n_{reason}" for reason in REASONS))]
    medians = ("median_umi", "median_genes", "median_mitochondrial_fraction", "median_doublet_score",
               "q95_doublet_score")  # fmt: skip
    return sheet.select("sample_id", "arm").join(cells, on="sample_id", how="left").with_columns(
        *nothing,
        *[pl.lit(None, pl.Float64).alias(name) for name in medians],
        n_kept=pl.col("n_barcodes"),
        note=pl.concat_str([told, doubts], separator="; ", ignore_nulls=True),
    ).sort("sample_id")  # fmt: skip


def _levels(own: OwnSpecies) -> list[str]:
    return [level for level in LEVELS if own.known[level].null_count() < own.known.height]


def describe_genes(
    study: StudyCounts, parts: Sequence[OwnSpecies], samples: list[str]
) -> tuple[pl.DataFrame | None, list[tuple[str, pl.DataFrame, pl.DataFrame]]]:
    """Every gene in every type and subtype, and its sums per type and sample, in one pass over the counts.

    Returns:
        Sources with the rank-sum statistic of the gene as a marker; None without a kept cell.
        Per species: its name, counts and cells of `sum_by_sample`.
    """
    frames, sums = [], []
    for own in parts:
        counts, cells = [], pl.DataFrame()
        for block in study.blocks(own.genes, own.chosen):
            of_block, part = sum_by_sample(block, own.known["cell_type"], samples)
            counts.append(of_block)
            cells = part if cells.is_empty() else cells.with_columns(umi=cells["umi"] + part["umi"])
            frames += [_sources_of(block, own, level) for level in _levels(own)]
        sums.append((own.species, pl.concat(counts), cells))
    if not frames:
        return None, sums
    order = ["species", "level", "cell_type", "feature_id"]
    found = pl.concat(frames).rename({"group": "cell_type"}).sort(order)
    q_values = [
        pl.Series(adjust_bh(own["marker_p_value"].to_numpy()), nan_to_null=True)
        for _, own in found.group_by(order[:-1], maintain_order=True)
    ]
    return found.with_columns(marker_q_value_bh=pl.concat(q_values)), sums


def _sources_of(block: CellCounts, own: OwnSpecies, level: str) -> pl.DataFrame:
    known = own.known[level]
    there = known.is_not_null().to_numpy()
    study = block if there.all() else block.select(there, np.ones(block.features.height, dtype=bool))
    group, totals = known.drop_nulls(), own.totals[there]
    found = gene_sources(study, group, totals)
    names = {
        "z": "marker_z", "ln_p_value": "marker_ln_p", "p_value": "marker_p_value", "auc": "marker_auc",
        "fraction_out": "fraction_expressing_elsewhere", "mean_log_cp10k_out": "mean_log_cp10k_elsewhere",
        "p_note": "marker_p_note",
    }  # fmt: skip
    if group.n_unique() > 1:
        markers = find_markers(study, group, totals).select("group", "feature_id", *names).rename(names)
        found = found.join(markers, on=["group", "feature_id"], how="left", maintain_order="left")
    else:
        nothing = [pl.lit(None, pl.Float64).alias(name) for name in names.values() if name != "marker_p_note"]
        found = found.with_columns(*nothing, marker_p_note=pl.lit(None, pl.String))
    return found.with_columns(species=pl.lit(own.species), level=pl.lit(level))


def count_types(cells: pl.DataFrame, design: CellDesign, *, two_species: bool) -> pl.DataFrame | None:
    """Kept cells per denominator, level, sample and type; types without a cell in a sample stand with 0."""
    kept, frames = cells.filter(pl.col("is_kept")), []
    of_what = {"all_cells": kept}
    if two_species:
        of_what |= {f"{name}_cells": kept.filter(pl.col("species") == name) for name in ("human", "mouse")}
    for name, own in of_what.items():
        for level in LEVELS:
            known = own.filter(pl.col(level).is_not_null())
            if known.is_empty():
                continue
            types = known.select(pl.col(level).alias("group")).unique()
            every = known.select("sample_id").unique().join(types, how="cross")
            counted = known.group_by("sample_id", pl.col(level).alias("group")).agg(n=pl.len())
            frames.append(
                every.join(counted, on=["sample_id", "group"], how="left").with_columns(
                    pl.col("n").fill_null(0).cast(pl.Int64), denominator=pl.lit(name), level=pl.lit(level)
                )
            )
    if not frames:
        return None
    found = pl.concat(frames).with_columns(total=pl.col("n").sum().over("denominator", "level", "sample_id"))
    arms = design.sheet.select("sample_id", "arm")
    return found.join(arms, on="sample_id", how="left").sort("denominator", "level", "sample_id", "group")


def compare_types(counts: pl.DataFrame, design: CellDesign) -> pl.DataFrame | None:
    """Composition of every comparison, denominator and level with two types or more."""
    frames = []
    for comparison in design.comparisons:
        for (of_what, level), part in counts.group_by(["denominator", "level"], maintain_order=True):
            present = set(part["sample_id"])
            arms = {sample: arm for sample, arm in design.arms.items() if sample in present}
            if part["group"].n_unique() < 2 or not {comparison.numerator, comparison.denominator} <= set(arms.values()):
                continue
            found = compare_composition(
                part.select("sample_id", "group", "n"),
                arms,
                numerator=comparison.numerator,
                denominator=comparison.denominator,
                of_what=str(of_what),
                blocks=design.blocks(comparison),
            )
            named = {"level": str(level), "comparison_id": comparison.id}
            frames.append(
                found.with_columns(
                    *[pl.lit(value).alias(name) for name, value in named.items()],
                    pairing=pl.lit(comparison.pairing, pl.String),
                )
            )
    return pl.concat(frames, how="diagonal").rename({"group": "cell_type"}) if frames else None


def pair_types(study: StudyCounts, parts: Sequence[OwnSpecies], design: CellDesign) -> pl.DataFrame | None:
    """Declared pairs from every type of every species to each receiving type, per sample."""
    sent = {own.species: _measured(study, own, design, 0) for own in parts}
    received = {own.species: _measured(study, own, design, 1) for own in parts}
    frames = []
    for to, receptors in received.items():
        wanted = receptors.filter(pl.col("cell_type").is_in(list(design.receivers))) if design.receivers else receptors
        for by, ligands in sent.items():
            found = summarise_pairs(ligands, wanted, design.pairs)
            frames.append(found.with_columns(sender_species=pl.lit(by), receiver_species=pl.lit(to)))
    return pl.concat(frames) if frames else None


def _measured(study: StudyCounts, own: OwnSpecies, design: CellDesign, side: int) -> pl.DataFrame:
    names = list(dict.fromkeys(pair[side] for pair in design.pairs))
    symbols = study.features["symbol"].gather(own.genes)
    orthologs = design.orthologs_in(own.species)
    places = find_genes(names, symbols, orthologs)
    wanted = np.unique(np.concatenate(list(places.values()))) if places else np.empty(0, dtype=np.int64)
    block = study.read_genes(own.genes[wanted], own.chosen)
    return measure_genes(block, own.known["cell_type"], own.totals, names, orthologs)
