"""Single-cell tables of one study: from counts and labels of its samples to sources, pseudobulk, shares and pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.methods import run_limma_voom, run_pydeseq2
from resistance_assets.science.single_cell.composition import compare_composition
from resistance_assets.science.single_cell.counts import CellCounts
from resistance_assets.science.single_cell.ligand_receptor import summarise_pairs
from resistance_assets.science.single_cell.markers import find_markers
from resistance_assets.science.single_cell.pseudobulk import sum_by_sample
from resistance_assets.science.single_cell.quality import (
    call_species,
    has_two_species,
    keep_cells,
    library_size_factors,
    measure_cells,
)
from resistance_assets.science.single_cell.signature_scores import compare_scores, score_cells
from resistance_assets.science.single_cell.sources import gene_sources

LEVELS = ("cell_type", "subtype")
RUNS = {"limma_voom": run_limma_voom, "pydeseq2": run_pydeseq2}


@dataclass(frozen=True)
class Comparison:
    """Two arms of samples; `pairing` names the column of blocks."""

    id: str
    numerator: str
    denominator: str
    pairing: str | None = None


@dataclass(frozen=True)
class CellDesign:
    """What a study asks.

    Attributes:
        sheet: sample_id, arm and further columns, one row per sample.
        human_types: human cell types of a study of two species.
        receivers: receiving types.
        pairs: ligand and receptor.
        signatures: id -> species and genes.
    """

    sheet: pl.DataFrame
    comparisons: tuple[Comparison, ...] = ()
    human_types: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    signatures: Mapping[str, tuple[str, tuple[str, ...]]] | None = None

    @property
    def arms(self) -> dict[str, str]:
        return {sample: arm for sample, arm in self.sheet.select("sample_id", "arm").iter_rows() if arm is not None}


@dataclass(frozen=True)
class OwnSpecies:
    """Kept cells of one species with its genes, what is known of them, and their molecules."""

    species: str
    counts: CellCounts
    known: pl.DataFrame
    totals: NDArray[np.int64]


def join_samples(counts: Mapping[str, pl.DataFrame], features: Mapping[str, pl.DataFrame],
                 barcodes: Mapping[str, pl.DataFrame]) -> CellCounts:  # fmt: skip
    """Counts of all samples over the genes of any of them; a gene that a sample does not have is 0 there."""
    genes = pl.concat(frame.select("feature_id", "symbol", "species") for frame in features.values()).unique(
        "feature_id", keep="first", maintain_order=True
    )
    place = {gene: at for at, gene in enumerate(genes["feature_id"])}
    blocks, cells = [], []
    for sample, long in counts.items():
        own = np.array([place[gene] for gene in features[sample].sort("gene_number")["feature_id"]], dtype=np.int64)
        where = (long["cell_number"].to_numpy(), own[long["gene_number"].to_numpy()])
        shape = (barcodes[sample].height, genes.height)
        blocks.append(sparse.csr_matrix((long["umi"].to_numpy().astype(np.int64), where), shape=shape))
        cells.append(barcodes[sample].sort("cell_number").select(pl.lit(sample).alias("sample_id"), "barcode"))
    return CellCounts(sparse.csr_matrix(sparse.vstack(blocks)), pl.concat(cells), genes)


def judge_cells(study: CellCounts, labels: pl.DataFrame, human_types: Sequence[str]) -> pl.DataFrame:
    """Every barcode with its quality, species, label, and whether it is kept.

    Args:
        labels: sample_id, barcode, cell_type and subtype, one row per barcode of the study.
    """
    two = has_two_species(study)
    measured = measure_cells(study).join(labels, on=["sample_id", "barcode"], how="left", maintain_order="left")
    if two:
        label_species = (
            pl.when(pl.col("cell_type").is_in(list(human_types))).then(pl.lit("human"))
            .when(pl.col("cell_type").is_not_null()).then(pl.lit("mouse"))
        )  # fmt: skip
        measured = measured.with_columns(species=call_species(measured), label_species=label_species)
    kept = keep_cells(measured)
    found = measured.hstack(kept.rename({"kept": "is_kept"}))
    if not two:
        found = found.with_columns(
            species=pl.lit(study.features["species"][0]), human_umi=None, mouse_umi=None, human_fraction=None
        )
    own = (
        pl.when(pl.col("species") == "human").then(pl.col("human_umi")).otherwise(pl.col("mouse_umi")) if two
        else pl.col("total_umi")
    )  # fmt: skip
    totals = found.select(own.cast(pl.Int64)).to_series().to_numpy()
    keep = found["is_kept"].to_numpy()
    factors = np.full(found.height, np.nan)
    if keep.any():
        factors[keep] = library_size_factors(totals[keep], found["species"].to_numpy()[keep])
    return found.with_columns(library_size_factor=pl.Series(factors, nan_to_null=True))


def split_species(study: CellCounts, cells: pl.DataFrame) -> list[OwnSpecies]:
    """Kept cells of each species."""
    found = []
    for species in sorted(set(cells.filter(pl.col("is_kept"))["species"])):
        chosen = (cells["is_kept"] & (cells["species"] == species)).to_numpy()
        own = study.select(chosen, study.of_species(species))
        totals = np.asarray(own.counts.sum(axis=1)).ravel().astype(np.int64)
        found.append(OwnSpecies(species, own, cells.filter(pl.Series(chosen)), totals))
    return found


def describe_samples(
    cells: pl.DataFrame, sheet: pl.DataFrame, n_genes: int, notes: Mapping[str, str | None]
) -> pl.DataFrame:
    """One row per sample: barcodes, kept cells and reasons."""
    kept = pl.col("is_kept")
    reasons = ("few_molecules", "mitochondrial", "mixed_species", "unlabelled", "label_of_other_species")
    counted = cells.group_by("sample_id").agg(
        pl.len().alias("n_barcodes"),
        kept.sum().alias("n_kept"),
        *[(pl.col("reason") == name).sum().alias(f"n_{name}") for name in reasons],
        pl.col("total_umi").filter(kept).median().alias("median_umi"),
        pl.col("detected_genes").filter(kept).median().alias("median_genes"),
    )
    told = pl.DataFrame({"sample_id": list(notes), "note": list(notes.values())}, schema_overrides={"note": pl.String})
    return (
        sheet.select("sample_id", "arm").join(counted, on="sample_id").join(told, on="sample_id")
        .with_columns(n_genes=pl.lit(n_genes)).sort("sample_id")
    )  # fmt: skip


def find_sources(parts: Sequence[OwnSpecies]) -> pl.DataFrame:
    """Every gene in every type and subtype, with its rank-sum statistic as a marker."""
    frames = []
    for own in parts:
        for level in LEVELS:
            known = own.known[level]
            if known.null_count() == known.len():
                continue
            there = known.is_not_null().to_numpy()
            study = own.counts.select(there, np.ones(own.counts.features.height, dtype=bool))
            group, totals = known.drop_nulls(), own.totals[there]
            found = gene_sources(study, group, totals)
            markers = find_markers(study, group, totals) if group.n_unique() > 1 else None
            found = (
                found.join(
                    markers.select("group", "feature_id", marker_z="z", marker_ln_p="ln_p_value", marker_auc="auc"),
                    on=["group", "feature_id"], how="left", maintain_order="left",
                ) if markers is not None
                else found.with_columns(marker_z=None, marker_ln_p=None, marker_auc=None)
            )  # fmt: skip
            casts = [pl.col(name).cast(pl.Float64) for name in ("marker_z", "marker_ln_p", "marker_auc")]
            frames.append(found.with_columns(*casts, species=pl.lit(own.species), level=pl.lit(level)))
    return pl.concat(frames, how="diagonal").rename({"group": "cell_type"})


def count_types(cells: pl.DataFrame, design: CellDesign, *, two_species: bool) -> pl.DataFrame:
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
            every = (
                known.select("sample_id")
                .unique()
                .join(known.select(pl.col(level).alias("group")).unique(), how="cross")
            )
            counted = known.group_by("sample_id", pl.col(level).alias("group")).agg(n=pl.len())
            frames.append(
                every.join(counted, on=["sample_id", "group"], how="left").with_columns(
                    pl.col("n").fill_null(0).cast(pl.Int64), denominator=pl.lit(name), level=pl.lit(level)
                )
            )
    found = pl.concat(frames).with_columns(total=pl.col("n").sum().over("denominator", "level", "sample_id"))
    arms = design.sheet.select("sample_id", "arm")
    return found.join(arms, on="sample_id", how="left").sort("denominator", "level", "sample_id", "group")


def compare_types(counts: pl.DataFrame, design: CellDesign) -> pl.DataFrame | None:
    """Composition of every comparison, denominator and level with two types or more."""
    frames = []
    for comparison in design.comparisons:
        for (of_what, level), part in counts.group_by(["denominator", "level"], maintain_order=True):
            if part["group"].n_unique() < 2:
                continue
            present = set(part["sample_id"])
            found = compare_composition(
                part.select("sample_id", "group", "n"),
                {sample: arm for sample, arm in design.arms.items() if sample in present},
                numerator=comparison.numerator,
                denominator=comparison.denominator,
                of_what=str(of_what),
            )
            frames.append(found.with_columns(level=pl.lit(level), comparison_id=pl.lit(comparison.id)))
    return pl.concat(frames, how="diagonal").rename({"group": "cell_type"}) if frames else None


def sum_types(parts: Sequence[OwnSpecies], samples: list[str]) -> list[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Pseudobulk of each species: its name, sums (cell_type, feature_id, symbol, samples) and cells."""
    return [(own.species, *sum_by_sample(own.counts, own.known["cell_type"], samples)) for own in parts]


def compare_expression(
    sums: Sequence[tuple[str, pl.DataFrame, pl.DataFrame]], design: CellDesign
) -> pl.DataFrame | None:
    """Differential expression of every comparison and type by both methods; samples below ten cells take no part."""
    frames = []
    for comparison in design.comparisons:
        for species, counts, cells in sums:
            for (cell_type,), own in counts.group_by(["cell_type"], maintain_order=True):
                used = cells.filter(pl.col("cell_type") == cell_type, pl.col("is_used"))["sample_id"].to_list()
                sheet = design.sheet.filter(
                    pl.col("sample_id").is_in(used), pl.col("arm").is_in([comparison.numerator, comparison.denominator])
                )
                if sheet["arm"].n_unique() < 2:
                    continue
                wide = own.select(pl.col("feature_id").alias("hgnc_symbol"), *sheet["sample_id"])
                contrast = Contrast(
                    contrast_id=f"{comparison.id} in {cell_type}",
                    factor="arm",
                    numerator=comparison.numerator,
                    denominator=comparison.denominator,
                    pairing=comparison.pairing,
                )
                frames += [
                    _test_type(wide, sheet, contrast, method, own).with_columns(
                        comparison_id=pl.lit(comparison.id), species=pl.lit(species), cell_type=pl.lit(cell_type)
                    )
                    for method in RUNS
                ]
    frames = [frame for frame in frames if frame.height]
    return pl.concat(frames, how="diagonal") if frames else None


def _test_type(
    wide: pl.DataFrame, sheet: pl.DataFrame, contrast: Contrast, method: str, own: pl.DataFrame
) -> pl.DataFrame:
    try:
        found = RUNS[method](wide, sheet, contrast)
    except DesignFault:
        # Blocks that lost their partner with a sample of few cells: no test is better than another one.
        return pl.DataFrame()
    symbols = own.select("feature_id", "symbol")
    return found.rename({"hgnc_symbol": "feature_id"}).join(symbols, on="feature_id", how="left")


def pair_types(parts: Sequence[OwnSpecies], design: CellDesign) -> pl.DataFrame | None:
    """Declared pairs from every type of every species to each receiving type, per sample."""
    frames = []
    for receiving in parts:
        for receiver in [
            t for t in receiving.known["cell_type"].unique().sort() if t in design.receivers or not design.receivers
        ]:
            chosen = (receiving.known["cell_type"] == receiver).to_numpy()
            own = receiving.counts.select(chosen, np.ones(receiving.counts.features.height, dtype=bool))
            for sending in parts:
                there = set(sending.counts.features["symbol"])
                pairs = [pair for pair in design.pairs if pair[0] in there]
                if pairs:
                    frames.append(
                        summarise_pairs(sending.counts, sending.known["cell_type"], own, pairs, receiver=receiver)
                    )
    frames = [frame for frame in frames if frame.height]
    return pl.concat(frames) if frames else None


def score_signatures(parts: Sequence[OwnSpecies], design: CellDesign) -> pl.DataFrame | None:
    """Every signature in every type of its species, compared between arms."""
    rows = []
    for name, (species, genes) in (design.signatures or {}).items():
        for own in parts:
            if own.species != species:
                continue
            score = score_cells(own.counts, genes)
            n_genes = int(own.counts.features["symbol"].is_in(list(genes)).sum())
            for cell_type in own.known["cell_type"].unique().sort():
                chosen = (own.known["cell_type"] == cell_type).to_numpy()
                for one in design.comparisons:
                    found = compare_scores(
                        score[chosen], own.known["sample_id"].filter(pl.Series(chosen)), design.arms,
                        numerator=one.numerator, denominator=one.denominator,
                    )  # fmt: skip
                    rows.append({"comparison_id": one.id, "signature_id": name, "cell_type": cell_type,
                                 "n_genes": n_genes, **found})  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None) if rows else None
