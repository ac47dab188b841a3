"""Models of core.single_cell__*: cells, sources of genes, pseudobulk, composition, ligands, signatures."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_UMI = "parts.single_cell__counts.umi"
_LABEL = "source"


def _study() -> Any:
    return col("study", of="source")


def _sample() -> Any:
    return col("sample: a mouse, a patient, a library", of="source")


def _species() -> Any:
    return col("species of the genes and of the cells", of="parts.single_cell__features.species")


def _gene() -> Any:
    return col("gene as the file has it, with its genome's prefix", of="parts.single_cell__features.feature_id")


def _symbol() -> Any:
    return col("symbol of the gene in its species", of="parts.single_cell__features.symbol")


def _count(description: str, unit: str = "cells") -> Any:
    return col(description, unit=unit, of=_UMI, ge=0)


def _number(description: str, unit: str | None = None, **checks: Any) -> Any:
    return col(description, unit=unit, null=True, of=_UMI, **checks)


@table(
    "core.single_cell__samples",
    grain="one row per study and sample",
    key=("study_id", "sample_id"),
    limitation="the number of cells of a sample is that of the library, not of the tumour",
)
class SingleCellSamples(TableModel):
    """Quality of each sample: its barcodes, and why some are not analysed."""

    study_id: pl.String = _study()
    sample_id: pl.String = _sample()
    arm: pl.String = col("arm of the sample", null=True, of="source")
    n_genes: pl.Int64 = _count("genes counted", "genes")
    n_barcodes: pl.Int64 = _count("barcodes of the files", "barcodes")
    n_kept: pl.Int64 = _count("of these, analysed")
    n_few_molecules: pl.Int64 = _count("below minimum_umi (200 by default): empty droplets", "barcodes")
    n_mitochondrial: pl.Int64 = _count("above maximum_mitochondrial_fraction (20 % by default)")
    n_mixed_species: pl.Int64 = _count("of two species: doublets")
    n_unlabelled: pl.Int64 = _count("without a label")
    n_label_of_other_species: pl.Int64 = _count("whose label is of the other species")
    median_umi: pl.Float64 = _number("median molecules of the kept cells", "molecules", ge=0)
    median_genes: pl.Float64 = _number("median genes detected in the kept cells", "genes", ge=0)
    median_mitochondrial_fraction: pl.Float64 = _number("of the kept cells", "fraction", ge=0, le=1)
    median_doublet_score: pl.Float64 = _number("of the kept cells; a score, by which nothing is removed", ge=0, le=1)
    q95_doublet_score: pl.Float64 = _number("95th percentile of it", ge=0, le=1)
    note: pl.String = col("what the reader set aside", null=True, of="source")


@table(
    "core.single_cell__cells",
    grain="one row per study, sample and barcode",
    key=("study_id", "sample_id", "barcode"),
    limitation="a cell is no replicate: two cells of one mouse are two looks at one mouse",
)
class SingleCellCells(TableModel):
    """Every barcode: its quality, species and label, and whether it is analysed."""

    study_id: pl.String = _study()
    sample_id: pl.String = _sample()
    barcode: pl.String = col("barcode", of="parts.single_cell__barcodes.barcode")
    total_umi: pl.Int64 = _count("molecules", "molecules")
    detected_genes: pl.Int64 = _count("genes with a molecule", "genes")
    mitochondrial_umi: pl.Int64 = _count("molecules of genes that begin with mt-", "molecules")
    mitochondrial_fraction: pl.Float64 = _number("mitochondrial share of the molecules", "fraction", ge=0, le=1)
    top50_fraction: pl.Float64 = _number("share of the 50 leading genes", "fraction", ge=0, le=1)
    human_umi: pl.Int64 = col("molecules of human genes; null with one species", unit="molecules", null=True, of=_UMI)
    mouse_umi: pl.Int64 = col("molecules of mouse genes; null with one species", unit="molecules", null=True, of=_UMI)
    human_fraction: pl.Float64 = _number("human share; null with one species", "fraction", ge=0, le=1)
    doublet_score: pl.Float64 = _number(
        "likeness to the sum of two cells of the sample; null below minimum_umi", ge=0, le=1
    )
    species: pl.String = col(
        "human, mouse or mixed, by what ambient RNA of the other species explains",
        of=_UMI,
        isin=["human", "mouse", "mixed"],
    )
    species_by_share: pl.String = col(
        "for comparison: human from 90 % of human molecules on, mouse up to 10 %, else mixed; null with one species",
        null=True,
        of=_UMI,
    )
    species_by_percentile: pl.String = col(
        "for comparison: mixed where both species reach the 10th percentile of the barcodes that they lead, as Cell "
        "Ranger calls it; null with one species",
        null=True,
        of=_UMI,
    )
    cell_type: pl.String = col("label; null without one", null=True, of=_LABEL)
    subtype: pl.String = col("finer label", null=True, of=_LABEL)
    marker_type: pl.String = col(
        "marker set that stands out most in the cell (in its neighbourhood without labels, in its cluster where there "
        "are clusters); unassigned where none does",
        null=True,
        of=_UMI,
    )
    marker_score: pl.Float64 = _number("mean over the set's genes, in standard deviations of the species' cells")
    marker_runner_up: pl.String = col("the next set", null=True, of=_UMI)
    marker_margin: pl.Float64 = _number("marker_score minus that of the next set", ge=0)
    cluster: pl.Int64 = col("cluster, the largest is 1; null where none were made", null=True, of=_UMI, ge=1)
    component_1: pl.Float64 = _number("first principal component of the species' cells")
    component_2: pl.Float64 = _number("second principal component")
    is_kept: pl.Boolean = col("whether the barcode is analysed", of=_UMI)
    reason: pl.String = col("why it is not", null=True, of=_UMI)
    library_size_factor: pl.Float64 = _number("molecules of its species over the mean of the kept cells of it", ge=0)


@table(
    "core.single_cell__marker_types",
    grain="one row per study, species, grouping of cells, group and marker set",
    key=("study_id", "species", "grouping", "group_id", "marker_type"),
    limitation="a set of genes that nobody makes, or that two types share, gives a type all the same",
)
class SingleCellMarkerTypes(TableModel):
    """How marker sets fit the given labels and the clusters: the mean score of every set in every group."""

    study_id: pl.String = _study()
    species: pl.String = _species()
    grouping: pl.String = col("what the group is", of=_LABEL, isin=["cell_type", "subtype", "cluster"])
    group_id: pl.String = col("label, or number of the cluster", of=_LABEL)
    marker_type: pl.String = col("marker set", of=_UMI)
    place: pl.Int64 = col("1 for the set of the highest mean score in the group", of=_UMI, ge=1)
    n_cells: pl.Int64 = _count("kept cells of the group")
    mean_score: pl.Float64 = _number(
        "mean over them, in standard deviations of the species' cells; null where these are all of the species' cells"
    )
    share: pl.Float64 = _number("share of them that have this type by markers", "fraction", ge=0, le=1)


@table(
    "core.single_cell__gene_cell_types",
    grain="one row per study, species, level of labels, cell type and gene",
    key=("study_id", "species", "level", "cell_type", "feature_id"),
    limitation="a type in which a gene is seen may not make it: is_ambient says where RNA of other cells explains it",
)
class SingleCellGeneCellTypes(TableModel):
    """Sources of every gene: how many cells of a type have it, how much, and whether ambient RNA explains that."""

    study_id: pl.String = _study()
    species: pl.String = _species()
    level: pl.String = col("cell_type, or subtype", of=_LABEL, isin=["cell_type", "subtype"])
    cell_type: pl.String = col("cell type, or subtype", of=_LABEL)
    feature_id: pl.String = _gene()
    symbol: pl.String = _symbol()
    n_cells: pl.Int64 = _count("cells of the type")
    n_expressing: pl.Int64 = _count("of these, with a molecule of the gene")
    fraction_expressing: pl.Float64 = _number("share of the type's cells with a molecule", "fraction", ge=0, le=1)
    umi: pl.Int64 = _count("molecules of the gene in the type", "molecules")
    mean_log_cp10k: pl.Float64 = _number("mean of ln(1 + molecules per 10,000)", "ln", ge=0)
    mean_cp10k: pl.Float64 = _number("mean of molecules per 10,000", "molecules per 10,000", ge=0)
    cp10k_pooled: pl.Float64 = _number(
        "molecules of the type per 10,000 of all its cells", "molecules per 10,000", ge=0
    )
    share_of_species_umi: pl.Float64 = _number("type's share of the gene's molecules in its species", "fraction")
    n_samples: pl.Int64 = _count("samples with the type", "samples")
    mean_of_sample_means_log_cp10k: pl.Float64 = _number("mean over samples of mean_log_cp10k", "ln", ge=0)
    is_ambient: pl.Boolean = col("below a tenth of the leading type of ten cells: ambient RNA explains it", of=_UMI)
    marker_z: pl.Float64 = _number("rank sum against the other types, corrected for ties")
    marker_ln_p: pl.Float64 = _number("ln of its two-sided p, which ranks genes alone: cells are not replicates", "ln")
    marker_p_value: pl.Float64 = _number("the same p; 0 where it is below 1e-308", **P_CHECK)
    marker_q_value_bh: pl.Float64 = _number("Benjamini-Hochberg over the genes of species, level and type", **P_CHECK)
    marker_p_note: pl.String = col("what the p is not", null=True, of=_LABEL)
    marker_auc: pl.Float64 = _number("chance that a cell of the type has more than one of another", ge=0, le=1)
    fraction_expressing_elsewhere: pl.Float64 = _number("share of the other types' cells with a molecule", ge=0, le=1)
    mean_log_cp10k_elsewhere: pl.Float64 = _number("mean of ln(1 + molecules per 10,000) in them", "ln", ge=0)


@table(
    "core.single_cell__sample_cell_types",
    grain="one row per study, denominator, level of labels, sample and cell type",
    key=("study_id", "denominator", "level", "sample_id", "cell_type"),
    limitation="a share falls where another type rises: the denominator decides what it says",
)
class SingleCellSampleCellTypes(TableModel):
    """Cells of every type in every sample, of all cells and of the cells of a species."""

    study_id: pl.String = _study()
    denominator: pl.String = col("all_cells, human_cells or mouse_cells", of=_LABEL)
    level: pl.String = col("cell_type, or subtype", of=_LABEL, isin=["cell_type", "subtype"])
    sample_id: pl.String = _sample()
    arm: pl.String = col("arm of the sample", null=True, of="source")
    cell_type: pl.String = col("cell type, or subtype", of=_LABEL)
    n_cells: pl.Int64 = _count("kept cells of the type")
    n_total: pl.Int64 = _count("kept cells of the denominator")
    share: pl.Float64 = _number("n_cells / n_total", "fraction", ge=0, le=1)


@table(
    "core.single_cell__composition",
    grain="one row per study, comparison, denominator, level of labels, cell type and method",
    key=("study_id", "comparison_id", "denominator", "level", "cell_type", "method"),
    limitation="under no effect quasibinomial_t calls 3.9 % at p < 0.05 with three samples an arm, propeller 5.5 %",
)
class SingleCellComposition(TableModel):
    """Shares of cell types between arms, with samples as replicates; quasibinomial_t is the one to read."""

    study_id: pl.String = _study()
    comparison_id: pl.String = col("comparison of two arms", of="source")
    denominator: pl.String = col("what the shares are of: all_cells, human_cells or mouse_cells", of=_LABEL)
    level: pl.String = col("cell_type, or subtype", of=_LABEL, isin=["cell_type", "subtype"])
    cell_type: pl.String = col("cell type, or subtype", of=_LABEL)
    mean_denominator: pl.Float64 = _number("mean share over the samples of the arm in the denominator", "fraction")
    mean_numerator: pl.Float64 = _number("the same in the numerator", "fraction")
    method: pl.String = col(
        "quasibinomial_t; propeller_asin, propeller_logit or propeller_clr, with _robust for a robust prior; or none",
        of=_LABEL,
    )
    pairing: pl.String = col("column of the samples' blocks; null where they are not paired", null=True, of="source")
    estimate: pl.Float64 = _number("difference on the method's scale: logit, arcsine of the root, or centred log")
    statistic: pl.Float64 = _number("t")
    degrees_of_freedom: pl.Float64 = _number("of t", gt=0)
    p_value: pl.Float64 = _number("two-sided", **P_CHECK)
    q_value_bh: pl.Float64 = _number("Benjamini-Hochberg over the types of the method", **P_CHECK)
    p_note: pl.String = col("why there is no p", null=True, of=_LABEL)


@table(
    "core.single_cell__pseudobulk_sums",
    grain="one row per study, species, cell type, sample and gene with a molecule in the type",
    key=("study_id", "species", "cell_type", "sample_id", "feature_id"),
    limitation="a sum over fewer than ten cells is kept here and tested nowhere",
)
class SingleCellPseudobulkSums(TableModel):
    """Molecules of a gene in all cells of a type in a sample."""

    study_id: pl.String = _study()
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    sample_id: pl.String = _sample()
    feature_id: pl.String = _gene()
    symbol: pl.String = _symbol()
    umi: pl.Int64 = _count("molecules", "molecules")
    n_cells: pl.Int64 = _count("cells added up")
    is_used: pl.Boolean = col("ten cells or more", of=_UMI)


@table(
    "core.single_cell__pseudobulk",
    grain="one row per study, comparison, species, cell type, method and gene",
    key=("study_id", "comparison_id", "species", "cell_type", "method", "feature_id"),
    limitation="a type that is itself a mixture may change by its parts alone",
)
class SingleCellPseudobulk(TableModel):
    """Differential expression between arms within a cell type, on sums per sample; cells are never replicates."""

    study_id: pl.String = _study()
    comparison_id: pl.String = col("comparison of two arms", of="source")
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    feature_id: pl.String = _gene()
    symbol: pl.String = _symbol()
    method: pl.String = col("pydeseq2 or limma_voom", of=_LABEL)
    base_mean: pl.Float64 = _number("mean of normalised counts", "molecules")
    average_expression_log2: pl.Float64 = _number("average log2 expression", "log2")
    log2_fold_change: pl.Float64 = _number("numerator over denominator", "log2")
    standard_error: pl.Float64 = _number("of it", "log2", ge=0)
    statistic: pl.Float64 = _number("Wald z or moderated t")
    p_value: pl.Float64 = _number("two-sided, samples as replicates", **P_CHECK)
    q_value_bh: pl.Float64 = _number("Benjamini-Hochberg within comparison, type, species and method", **P_CHECK)
    n_numerator: pl.Int64 = _count("samples", "samples")
    n_denominator: pl.Int64 = _count("samples", "samples")
    evidence_kind: pl.String = col("inferential or effect_only", of=_LABEL, isin=["inferential", "effect_only"])
    p_value_note: pl.String = col("why there is no p", null=True, of=_LABEL)


@table(
    "core.single_cell__pseudobulk_designs",
    grain="one row per study, comparison, species, cell type and method",
    key=("study_id", "comparison_id", "species", "cell_type", "method"),
    limitation="samples are the replicates, however many cells they have",
)
class SingleCellPseudobulkDesigns(TableModel):
    """What each type could be asked: its samples with ten cells, those without, and why there is no p or no result."""

    study_id: pl.String = _study()
    comparison_id: pl.String = col("comparison of two arms", of="source")
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    method: pl.String = col("pydeseq2 or limma_voom", of=_LABEL)
    n_numerator: pl.Int64 = _count("samples with ten cells in the numerator", "samples")
    n_denominator: pl.Int64 = _count("the same in the denominator", "samples")
    n_cells_numerator: pl.Int64 = _count("their cells")
    n_cells_denominator: pl.Int64 = _count("their cells")
    left_out: pl.String = col("samples of the two arms with fewer cells", null=True, of=_LABEL)
    evidence_kind: pl.String = col(
        "inferential, effect_only or refused", of=_LABEL, isin=["inferential", "effect_only", "refused"]
    )
    reason: pl.String = col("why there is no p, or no result", null=True, of=_LABEL)
    n_genes_tested: pl.Int64 = _count("genes with a p", "genes")


@table(
    "core.single_cell__ligand_receptor",
    grain="one row per study, ligand, receptor, sender, receiver and sample",
    key=("study_id", "ligand", "receptor", "sender_species", "sender", "receiver_species", "receiver", "sample_id"),
    limitation="it tells who could speak to whom, not who does",
)
class SingleCellLigandReceptor(TableModel):
    """Mean ligand of each sending type and mean receptor of the receiving one, per sample."""

    study_id: pl.String = _study()
    ligand: pl.String = col("ligand of the pair", of="source")
    receptor: pl.String = col("receptor of the pair", of="source")
    ligand_symbol: pl.String = col("its gene in the senders' species", of="parts.single_cell__features.symbol")
    receptor_symbol: pl.String = col("its gene in the receivers' species", of="parts.single_cell__features.symbol")
    sender_species: pl.String = _species()
    sender: pl.String = col("sending type", of=_LABEL)
    receiver_species: pl.String = _species()
    receiver: pl.String = col("receiving type", of=_LABEL)
    sample_id: pl.String = _sample()
    n_sender: pl.Int64 = _count("sending cells")
    n_receiver: pl.Int64 = _count("receiving cells")
    ligand_mean: pl.Float64 = _number("mean ln(1 + CP10k)", "ln", ge=0)
    ligand_fraction: pl.Float64 = _number("share of the senders with a molecule", "fraction", ge=0, le=1)
    receptor_mean: pl.Float64 = _number("mean ln(1 + CP10k)", "ln", ge=0)
    receptor_fraction: pl.Float64 = _number("share of the receivers with a molecule", "fraction", ge=0, le=1)
    product: pl.Float64 = _number("ligand_mean x receptor_mean", ge=0)
    geometric_mean: pl.Float64 = _number("its root", ge=0)
    ligand_umi_share: pl.Float64 = _number("sender's share of the ligand's molecules in the sample", "fraction")


@table(
    "core.single_cell__cell_scores",
    grain="one row per study, declared signature, sample and barcode",
    key=("study_id", "signature_id", "sample_id", "barcode"),
    limitation="a score ranks genes within a cell: it is no amount",
)
class SingleCellCellScores(TableModel):
    """Score of each signature that study.toml declares, in every analysed cell of its species."""

    study_id: pl.String = _study()
    signature_id: pl.String = col("signature", of="source")
    sample_id: pl.String = _sample()
    barcode: pl.String = col("barcode", of="parts.single_cell__barcodes.barcode")
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    score: pl.Float64 = _number("rank AUC: 0.5 where the genes rank like any others", ge=0, le=1)
    mean_log_cp10k: pl.Float64 = _number("mean over the genes of ln(1 + molecules per 10,000)", "ln", ge=0)


@table(
    "core.single_cell__sample_scores",
    grain="one row per study, signature, species, cell type and sample",
    key=("study_id", "signature_id", "species", "cell_type", "sample_id"),
    limitation="a mean over fewer than ten cells is kept here and compared nowhere",
)
class SingleCellSampleScores(TableModel):
    """Mean score of declared signatures and of the warehouse's lists per cell type and sample."""

    study_id: pl.String = _study()
    signature_id: pl.String = col("signature, or gene list", of=("source", "core.gene_lists__lists.list_id"))
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    sample_id: pl.String = _sample()
    arm: pl.String = col("arm of the sample", null=True, of="source")
    n_cells: pl.Int64 = _count("cells of the type")
    mean_score: pl.Float64 = _number("mean of the rank AUC over them", ge=0, le=1)
    mean_log_cp10k: pl.Float64 = _number("mean of mean_log_cp10k over them", "ln", ge=0)
    is_used: pl.Boolean = col("ten cells or more", of=_UMI)


@table(
    "core.single_cell__signature_scores",
    grain="one row per study, comparison, signature, measure, species and cell type",
    key=("study_id", "comparison_id", "signature_id", "measure", "species", "cell_type"),
    limitation="a score ranks genes within a cell: it is no amount",
)
class SingleCellSignatureScores(TableModel):
    """Score of a signature, averaged per sample and compared between arms by Welch's t over samples."""

    study_id: pl.String = _study()
    comparison_id: pl.String = col("comparison of two arms", of="source")
    signature_id: pl.String = col("signature, or gene list", of=("source", "core.gene_lists__lists.list_id"))
    measure: pl.String = col(
        "rank_auc; and of declared signatures mean_log_cp10k, the mean over the genes of ln(1 + molecules per 10,000)",
        of=_LABEL,
        isin=["rank_auc", "mean_log_cp10k"],
    )
    species: pl.String = _species()
    cell_type: pl.String = col("cell type", of=_LABEL)
    n_listed: pl.Int64 = _count("genes of the signature", "genes")
    n_genes: pl.Int64 = _count("of these, measured", "genes")
    n_numerator: pl.Int64 = _count("samples of ten cells", "samples")
    n_denominator: pl.Int64 = _count("samples of ten cells", "samples")
    mean_numerator: pl.Float64 = _number("mean of the samples' means", ge=0)
    mean_denominator: pl.Float64 = _number("the same", ge=0)
    t: pl.Float64 = _number("Welch's t")
    degrees_of_freedom: pl.Float64 = _number("of t", gt=0)
    p_value: pl.Float64 = _number("two-sided, samples as replicates", **P_CHECK)
    q_value_bh: pl.Float64 = _number(
        "Benjamini-Hochberg over the signatures of comparison, measure and type", **P_CHECK
    )
    p_note: pl.String = col("why there is no p", null=True, of=_LABEL)
