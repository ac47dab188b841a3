import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.deg.bcv import interaction_bcv_sensitivity, noise_fold_change_null
from resistance_assets.science.deg.interaction import (
    INTERACTION_SCHEMA,
    Interaction,
    ResponseThresholds,
    fit_interaction,
)
from resistance_assets.science.deg.result import (
    NOTE_ALL_ZERO,
    NOTE_LIKELIHOOD_RATIO,
    NOTE_NO_REPLICATES,
    NOTE_NOT_IDENTIFIED,
)

from .goldens import counts_and_samples, matrix_of

ANLOTINIB = Interaction("anlotinib", "condition", "P", "P+A", "R", "R+A")
LEVELS = ["P", "P+A", "R", "R+A"]


def planted(replicates, genes=400, bcv=0.1, seed=11):
    """Counts with the first forty genes planted: ten of each response class, in the order of PLANTED."""
    rng = np.random.default_rng(seed)
    log2 = np.tile(rng.uniform(7, 11, size=(genes, 1)), (1, 4))
    log2[0:10] += [0, 3, 0, 0]  # lost
    log2[10:20] += [0, 0, 0, 3]  # gained
    log2[20:30] += [0, 0, 3, 3]  # constitutive
    log2[30:40] += [0, 3, 0, 3]  # the same response in both: unchanged
    mean = np.repeat(2.0**log2, replicates, axis=1)
    values = rng.poisson(mean * rng.gamma(1 / bcv**2, bcv**2, size=mean.shape))
    names = [f"{level}{j}" for level in LEVELS for j in range(replicates)]
    samples = pl.DataFrame({"sample_id": names, "condition": np.repeat(LEVELS, replicates)})
    counts = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(genes)], **dict(zip(names, values.T, strict=True))})
    return counts, samples


PLANTED = ["lost_response"] * 10 + ["gained_response"] * 10 + ["constitutive_shift"] * 10 + ["unchanged"] * 10


@pytest.mark.parametrize("method", ["limma_voom", "pydeseq2"])
def test_planted_classes_are_found_with_replicates(method):
    result = fit_interaction(*planted(3), ANLOTINIB, method=method)
    assert dict(result.schema) == INTERACTION_SCHEMA
    assert result["evidence_kind"].unique().to_list() == ["inferential"]
    assert result["response_class"][:40].to_list() == PLANTED
    # 360 genes without any effect, tested at 5 % FDR with a fold-change threshold on top.
    assert (result["response_class"][40:] != "unchanged").sum() <= 3
    np.testing.assert_allclose(result["log2_interaction"][:10].mean(), -3, atol=0.3)
    np.testing.assert_allclose(result["log2_baseline_shift"][20:30].mean(), 3, atol=0.3)


def test_effects_add_up_whatever_the_method():
    for method in ("limma_voom", "pydeseq2"):
        result = fit_interaction(*planted(3), ANLOTINIB, method=method)
        difference = result["log2_response_resistant"] - result["log2_response_parental"]
        np.testing.assert_allclose(result["log2_interaction"], difference, atol=1e-9)


def test_one_sample_per_arm_has_classes_and_no_p():
    result = fit_interaction(*planted(1), ANLOTINIB)
    assert dict(result.schema) == INTERACTION_SCHEMA
    assert result["p_value"].null_count() == result["q_value_bh"].null_count() == result.height
    assert result["evidence_kind"].unique().to_list() == ["effect_only"]
    assert result["p_value_note"].unique().to_list() == [NOTE_NO_REPLICATES]
    assert result["response_class"][:30].to_list() == PLANTED[:30]


def test_the_papers_filter_stands_beside_and_differs():
    # Many genes, so that the planted ones weigh little in the library sizes.
    result = fit_interaction(*planted(1, genes=4000), ANLOTINIB)
    kept = result.filter("paper_rule_keeps")
    # R < R+A holds for about half of all genes that nothing happens to.
    nothing = result[40:]
    assert 0.35 < nothing["paper_rule_keeps"].mean() < 0.65
    assert kept.filter(pl.col("response_class") == "unchanged").height > 1000
    np.testing.assert_allclose(
        result["paper_ratio_resistant_to_resistant_treated"],
        result["cpm_resistant"] / result["cpm_resistant_treated"],
    )


def test_expression_floor_applies_without_replicates():
    counts, samples = planted(1)
    strict = fit_interaction(counts, samples, ANLOTINIB, thresholds=ResponseThresholds(floor_cpm=1e7))
    assert strict["response_class"].unique().to_list() == ["unchanged"]


def test_pairing_is_part_of_the_model_and_confounding_is_refused():
    counts, samples = planted(3)
    blocks = samples.with_columns(batch=pl.Series(["1", "2", "3"] * 4), run=pl.col("condition"))
    paired = Interaction("a", "condition", *LEVELS, pairing="batch")
    assert fit_interaction(counts, blocks, paired)["response_class"][:40].to_list() == PLANTED
    with pytest.raises(DesignFault, match="singular: run"):
        fit_interaction(counts, blocks, Interaction("a", "condition", *LEVELS, covariates=("run",)))


def test_zeros_are_noted():
    counts, samples = planted(3)
    names = samples["sample_id"].to_list()
    nothing = counts.head(1).with_columns(hgnc_symbol=pl.lit("NONE"), **dict.fromkeys(names, pl.lit(0, pl.Int64)))
    off = counts.head(1).with_columns(hgnc_symbol=pl.lit("OFF"), **dict.fromkeys(names[:3], pl.lit(0, pl.Int64)))
    table = pl.concat([counts, nothing, off])
    voom = fit_interaction(table, samples, ANLOTINIB)
    row = voom.filter(pl.col("hgnc_symbol") == "NONE").row(0, named=True)
    assert (row["p_value_note"], row["log2_interaction"], row["response_class"]) == (
        NOTE_ALL_ZERO,
        None,
        "not_testable",
    )
    deseq2 = fit_interaction(table, samples, ANLOTINIB, method="pydeseq2")
    off_row = deseq2.filter(pl.col("hgnc_symbol") == "OFF").row(0, named=True)
    assert off_row["p_value_note"] == NOTE_LIKELIHOOD_RATIO
    assert off_row["standard_error"] is None
    # The drug switches it on in the parental cells; the resistant ones have it already and respond less.
    assert off_row["p_value"] < 1e-6
    assert off_row["log2_interaction"] < 0
    assert off_row["response_class"] == "lost_response"


def test_a_gene_that_is_on_in_one_group_alone_is_never_unchanged():
    counts, samples = planted(3)
    names = samples["sample_id"].to_list()
    on = [812, 930, 770]

    def row(name, groups):
        values = dict.fromkeys(names, 0)
        for group in groups:
            values |= dict(zip(names[3 * group : 3 * group + 3], on, strict=True))
        return pl.DataFrame({"hgnc_symbol": [name], **{key: [value] for key, value in values.items()}})

    table = pl.concat(
        [counts, row("TREATED_RESISTANT", [3]), row("RESISTANT", [2, 3]), row("NOT_RESISTANT", [0, 1, 3])]
    )
    found = fit_interaction(table, samples, ANLOTINIB, method="pydeseq2")
    rows = {row["hgnc_symbol"]: row for row in found.tail(3).iter_rows(named=True)}
    # Parental cells have no read with or without the drug: their response is 0 / 0, and so is the interaction.
    alone = rows["TREATED_RESISTANT"]
    assert (alone["p_value"], alone["response_class"]) == (None, "not_testable")
    assert alone["p_value_note"] == NOTE_NOT_IDENTIFIED
    assert alone["q_value_response_resistant"] < 1e-6
    assert alone["log2_response_resistant"] > 0
    assert rows["RESISTANT"]["response_class"] == "constitutive_shift"
    assert rows["RESISTANT"]["q_value_baseline_shift"] < 1e-6
    assert rows["NOT_RESISTANT"]["response_class"] == "gained_response"
    assert rows["NOT_RESISTANT"]["p_value"] < 1e-6
    by_voom = fit_interaction(table, samples, ANLOTINIB).tail(3)
    assert "unchanged" not in by_voom["response_class"].to_list()


def test_bad_levels_and_methods():
    counts, samples = planted(1)
    with pytest.raises(DesignFault, match="'R-A' is not a level of condition"):
        fit_interaction(counts, samples, Interaction("a", "condition", "P", "P+A", "R", "R-A"))
    with pytest.raises(DesignFault, match="four levels are not distinct"):
        fit_interaction(counts, samples, Interaction("a", "condition", "P", "P+A", "R", "R"))
    with pytest.raises(DesignFault, match="unknown method 'edger'"):
        fit_interaction(counts, samples, ANLOTINIB, method="edger")
    with pytest.raises(DataFault, match="negative"):
        fit_interaction(counts.with_columns(P0=pl.lit(-1)), samples, ANLOTINIB)


def test_bcv_curve_falls_and_finds_the_planted_genes_at_the_true_bcv():
    curve = interaction_bcv_sensitivity(*planted(1), ANLOTINIB)
    calls = curve["genes_at_fdr"].to_list()
    assert calls == sorted(calls, reverse=True)
    # Twenty planted interactions; at the true bcv of 0.1 an 8-fold change stands out of sqrt(4) * 0.1.
    assert 20 <= calls[0] <= 24
    assert (curve["up"] + curve["down"]).equals(curve["genes_at_fdr"])
    assert curve["genes_tested"].unique().to_list() == [400]


def test_noise_alone_yields_the_fold_changes_that_were_seen(goldens):
    counts, samples = counts_and_samples(goldens / "deg_luad_paired", "in_1v1")
    normal = samples.filter(pl.col("condition") == "normal")["sample_id"][0]
    mean = matrix_of(counts.select("hgnc_symbol", normal))[:, 0]
    null = noise_fold_change_null(mean, n_simulations=10)
    share = dict(null.select("bcv", pl.col("expected_genes") / pl.col("genes")).iter_rows())
    # Two draws differ by sqrt(2) bcv on the log scale: P(|z| > ln 2 / (sqrt(2) bcv)) of a normal, and heavier tails.
    assert share[0.1] < 0.01
    assert 0.01 < share[0.2] < 0.06
    assert 0.08 < share[0.3] < 0.2
    assert 0.18 < share[0.4] < 0.32
    assert null.equals(noise_fold_change_null(mean, n_simulations=10))


def test_noise_null_limits():
    assert noise_fold_change_null([1e6] * 100, bcvs=[0.01])["expected_genes"].item() == 0
    poisson = noise_fold_change_null([2.0] * 2000, bcvs=[0.0], n_simulations=5)
    assert poisson["expected_genes"].item() > 200
    floored = noise_fold_change_null([2.0] * 2000, bcvs=[0.0], n_simulations=5, floor_count=100)
    assert floored["expected_genes"].item() == 0
