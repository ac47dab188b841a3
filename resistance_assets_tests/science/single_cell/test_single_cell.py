"""Single-cell numbers against R (scuttle, limma, DESeq2, base); tolerances as goldens/single_cell states them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from resistance_assets.connectors.single_cell.labels import match_labels
from resistance_assets.connectors.single_cell.tenx import read_sample
from resistance_assets.science.single_cell.composition import compare_composition
from resistance_assets.science.single_cell.counts import CellCounts
from resistance_assets.science.single_cell.ligand_receptor import measure_genes, summarise_pairs
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

SAMPLES = [f"X{at}" for at in range(1, 7)]
ARMS = {sample: "vehicle" if sample in SAMPLES[:3] else "alectinib" for sample in SAMPLES}
KEY = ["sample_id", "barcode"]


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "single_cell"


def expected(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(
        folder / "expected" / name, separator="\t", null_values=["NA"], infer_schema_length=None, quote_char=None
    )


@functools.cache
def whole(folder: Path) -> CellCounts:
    parts = [read_sample(folder / "study", sample, study="study") for sample in SAMPLES]
    cells = pl.concat(
        pl.DataFrame({"sample_id": sample, "barcode": part.barcodes})
        for sample, part in zip(SAMPLES, parts, strict=True)
    )
    return CellCounts(sparse.csr_matrix(sparse.vstack([part.counts for part in parts])), cells, parts[0].features)


@functools.cache
def judged(folder: Path) -> pl.DataFrame:
    """Every barcode with its measures, species, label and whether it is kept."""
    measured = measure_cells(whole(folder))
    measured = measured.with_columns(species=call_species(measured))
    labels = pl.read_csv(folder / "study" / "labels.tsv.gz", separator="\t")
    labelled = match_labels(measured, labels, subject="labels.tsv.gz").cells
    tumour = pl.col("cell_type") == "Tumour"
    labelled = labelled.with_columns(
        label_species=pl.when(tumour).then(pl.lit("human")).when(~tumour).then(pl.lit("mouse"))
    )
    return labelled.hstack(keep_cells(labelled))


@functools.cache
def own(folder: Path, species: str) -> tuple[CellCounts, pl.DataFrame]:
    """Kept cells of a species, its genes, and what is known of the cells."""
    cells = judged(folder)
    chosen = (cells["kept"] & (cells["species"] == species)).to_numpy()
    study = whole(folder)
    return study.select(chosen, study.of_species(species)), cells.filter(pl.Series(chosen))


def totals(study: CellCounts) -> np.ndarray:
    return np.asarray(study.counts.sum(axis=1)).ravel()


def test_quality_species_and_kept_cells_are_those_of_r(folder):
    """Integers equal, fractions relative 1e-9, calls equal."""
    assert has_two_species(whole(folder))
    theirs = expected(folder, "qc_cells.tsv.gz")
    both = judged(folder).join(theirs, on=KEY, suffix="_r", validate="1:1", maintain_order="left")
    assert both.height == theirs.height == 2960
    for ours, r in (
        ("total_umi", "total"),
        ("detected_genes", "detected"),
        ("human_umi", "human_umi_r"),
        ("mouse_umi", "mouse_umi_r"),
        ("mitochondrial_umi", "mt_umi"),
    ):
        assert both[ours].to_list() == both[r].to_list(), ours
    for ours, r in (
        ("mitochondrial_fraction", "mt_fraction"),
        ("top50_fraction", "top50_fraction_r"),
        ("human_fraction", "human_fraction_r"),
    ):
        np.testing.assert_allclose(both[ours], both[r], rtol=1e-9, err_msg=ours)
    assert both["species"].to_list() == both["species_ambient"].to_list()
    assert both["kept"].to_list() == both["kept_r"].to_list()
    assert both["kept"].sum() == 2678
    assert both.filter(~pl.col("kept"))["reason"].null_count() == 0


def test_the_ambient_rule_finds_all_doublets_of_two_species_and_loses_two_cells(folder):
    truth = pl.read_csv(folder / "study" / "truth" / "cells.tsv.gz", separator="\t")
    both = judged(folder).join(truth, on=KEY, suffix="_truth")
    tumour = pl.col("cell_type_truth") == "Tumour"
    cross = both.filter(pl.col("kind") == "doublet", tumour != (pl.col("partner_cell_type") == "Tumour"))
    assert (cross.height, (cross["species"] == "mixed").sum()) == (75, 75)
    singlets = both.filter(pl.col("kind") == "cell")
    assert (singlets["species"] == "mixed").sum() <= 2


def test_size_factors_are_those_of_r(folder):
    theirs = expected(folder, "size_factors.tsv.gz")
    for species in ("human", "mouse"):
        study, cells = own(folder, species)
        factors = library_size_factors(totals(study), np.array([species] * cells.height))
        both = cells.select(KEY).with_columns(factor=pl.Series(factors)).join(theirs, on=KEY)
        assert both.height == cells.height
        np.testing.assert_allclose(both["factor"], both["library_size_factor"], rtol=1e-9)


@pytest.mark.parametrize("level", ["cell_type", "subtype"])
@pytest.mark.parametrize("species", ["human", "mouse"])
def test_sources_of_every_gene_are_those_of_r(folder, species, level):
    """Numbers of cells and molecules equal, others relative 1e-6 (printed to 8 digits)."""
    study, cells = own(folder, species)
    found = gene_sources(study, cells[level], totals(study))
    theirs = expected(folder, "sources.tsv.gz").filter(pl.col("species") == species, pl.col("level") == level)
    both = found.join(theirs, on=["group", "feature_id"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == found.height
    for name in ("n_cells", "n_expressing", "umi", "n_samples"):
        assert both[name].to_list() == both[f"{name}_r"].to_list(), name
    for ours, r in (
        ("fraction_expressing", "fraction_expressing_r"),
        ("mean_log_cp10k", "mean_lognorm"),
        ("mean_cp10k", "mean_cp10k_r"),
        ("cp10k_pooled", "cp10k_pooled_r"),
        ("share_of_species_umi", "share_of_species_umi_r"),
        ("mean_of_sample_means_log_cp10k", "mean_of_sample_means_lognorm"),
    ):
        assert (both[ours].is_null() == both[r].is_null()).all()
        np.testing.assert_allclose(both[ours].drop_nulls(), both[r].drop_nulls(), rtol=1e-6, atol=1e-12, err_msg=ours)


def test_the_sources_of_gas6_are_named_and_ambient_rna_is_flagged(folder):
    study, cells = own(folder, "mouse")
    found = gene_sources(study, cells["subtype"], totals(study)).filter(pl.col("symbol") == "Gas6")
    sources = set(found.filter(~pl.col("is_ambient"), pl.col("fraction_expressing") > 0.1)["group"])
    assert sources == {"CAF_inflammatory", "TAM_C1q"}
    assert found.filter(pl.col("group") == "Endothelial")["is_ambient"][0]


def test_markers_are_those_of_wilcox_test(folder):
    """z absolute 1e-5, ln p relative 1e-6 (printed to 8 digits)."""
    study, cells = own(folder, "mouse")
    found = find_markers(study, cells["cell_type"], totals(study))
    theirs = expected(folder, "markers_wilcoxon.tsv.gz")
    both = found.join(
        theirs, left_on=["group", "feature_id"], right_on=["cell_type", "feature_id"], suffix="_r", validate="1:1"
    )
    assert both.height == theirs.height == found.height
    np.testing.assert_allclose(both["z"], both["z_r"], atol=1e-5)
    some = both.filter(pl.col("p_value_r") > 1e-300)
    np.testing.assert_allclose(some["ln_p_value"], np.log(some["p_value_r"]), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(both["auc"], both["auc_r"], rtol=1e-6)
    np.testing.assert_allclose(both["mean_log_cp10k_in"], both["mean_in"], rtol=1e-6, atol=1e-12)
    assert both["p_note"].str.contains("not replicates").all()


def test_pseudobulk_sums_are_those_of_r(folder):
    theirs, used = expected(folder, "pseudobulk_counts.tsv.gz"), expected(folder, "pseudobulk_cells.tsv")
    for species in ("human", "mouse"):
        study, cells = own(folder, species)
        counts, numbers = sum_by_sample(study, cells["cell_type"], SAMPLES)
        both = counts.join(theirs, on=["cell_type", "feature_id"], suffix="_r", validate="1:1")
        assert both.height == counts.height
        for sample in SAMPLES:
            assert both[sample].to_list() == both[f"{sample}_r"].to_list()
        there = numbers.join(used, on=["cell_type", "sample_id"], suffix="_r", validate="1:1")
        assert there.height == numbers.height
        for name in ("n_cells", "umi"):
            assert there[name].to_list() == there[f"{name}_r"].to_list()
        assert there["is_used"].to_list() == there["used"].to_list()


def test_composition_is_that_of_r(folder):
    """Propeller estimate, t, degrees of freedom and p 1e-8 (printed to 10 digits); quasi-binomial 1e-6."""
    theirs, counts = expected(folder, "composition.tsv"), expected(folder, "composition_counts.tsv")
    compared = 0
    for (of_what, level), part in counts.group_by(["denominator", "level"], maintain_order=True):
        found = compare_composition(
            part.select("sample_id", "group", "n"),
            ARMS,
            numerator="alectinib",
            denominator="vehicle",
            of_what=str(of_what),
        )
        both = found.join(
            theirs.filter(pl.col("denominator") == of_what, pl.col("level") == level),
            on=["group", "method"],
            suffix="_r",
            validate="1:1",
        )
        assert both.height == found.height
        for method, relative in (("quasibinomial_t", 1e-6), ("propeller_asin", 1e-8), ("propeller_logit", 1e-8)):
            rows = both.filter(pl.col("method") == method)
            compared += rows.height
            for ours, r in (
                ("estimate", "estimate_r"),
                ("statistic", "statistic_r"),
                ("degrees_of_freedom", "df"),
                ("p_value", "p_value_r"),
                ("q_value_bh", "q_value_bh_r"),
                ("mean_numerator", "mean_numerator_r"),
            ):
                np.testing.assert_allclose(rows[ours], rows[r], rtol=max(relative, 2e-9), err_msg=f"{method} {ours}")
    assert compared > 60


def test_ligand_and_receptor_per_mouse_are_those_of_r(folder):
    (mouse, senders), (human, receivers) = own(folder, "mouse"), own(folder, "human")
    pairs = [("Gas6", "AXL"), ("Gas6", "MERTK"), ("Gas6", "TYRO3")]
    sent = measure_genes(mouse, senders["cell_type"], totals(mouse), ["Gas6"], {})
    received = measure_genes(human, receivers["cell_type"], totals(human), ["AXL", "MERTK", "TYRO3"], {})
    found = summarise_pairs(sent, received, pairs)
    theirs = expected(folder, "ligand_receptor.tsv")
    both = found.join(theirs, on=["ligand", "receptor", "sender", "sample_id"], suffix="_r", validate="1:1")
    assert both.height == theirs.height == found.height
    for name in ("ligand_mean", "ligand_fraction", "receptor_mean", "receptor_fraction", "product", "geometric_mean",
                 "ligand_umi_share"):  # fmt: skip
        np.testing.assert_allclose(both[name], both[f"{name}_r"], rtol=1e-8, err_msg=name)


def test_signature_scores_are_those_of_r(folder):
    """Rank AUC 1e-7 (printed to 8 digits); t over samples 1e-6."""
    study, cells = own(folder, "human")
    sets = json.loads((folder / "study" / "marker_sets.json").read_text())
    theirs = expected(folder, "signature_scores.tsv.gz")
    by_sample = {row["score"]: row for row in expected(folder, "signature_scores_by_sample.tsv").iter_rows(named=True)}
    for name in ("axl_sig_up", "mapk"):
        score = score_cells(study, sets[name])
        both = cells.select(KEY).with_columns(score=pl.Series(score)).join(theirs, on=KEY, validate="1:1")
        assert both.height == cells.height
        np.testing.assert_allclose(both["score"], both[f"{name}_rank_auc"], rtol=1e-7)
        found = compare_scores(score, cells["sample_id"], ARMS, numerator="alectinib", denominator="vehicle")
        row = by_sample[f"{name}_rank_auc"]
        assert found["t"] == pytest.approx(row["t"], rel=1e-6)
        assert found["degrees_of_freedom"] == pytest.approx(row["df"], rel=1e-6)
        assert found["p_value"] == pytest.approx(row["p_value"], rel=1e-5)


def test_one_sample_in_an_arm_gives_shares_and_means_without_p():
    counts = pl.DataFrame({"sample_id": ["a", "a", "b", "b"], "group": ["x", "y"] * 2, "n": [5, 5, 2, 8]})
    arms = {"a": "drug", "b": "vehicle"}
    found = compare_composition(counts, arms, numerator="drug", denominator="vehicle", of_what="all_cells")
    assert found["p_note"].unique().to_list() == ["one sample in an arm: shares without p"]
    assert "p_value" not in found.columns
    scores = compare_scores(np.array([0.5, 0.6]), pl.Series(["a", "b"]), arms, numerator="drug", denominator="vehicle")
    assert scores["p_value"] is None
    assert "without p" in str(scores["p_note"])
