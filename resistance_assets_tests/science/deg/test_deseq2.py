"""pydeseq2 against R's DESeq2 on the LUAD pairs. What differs by nature, and by how much, is in goldens/README.md."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from resistance_assets.science.deg import deseq2
from resistance_assets.science.deg.compiled_inference import CompiledInference
from resistance_assets.science.deg.deseq2 import dispersion_trend, local_dispersion_trend, match_dispersion_prior
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.methods import differential_gene_lists, run_contrast
from resistance_assets.science.deg.result import NOTE_ALL_ZERO, NOTE_COOKS, NOTE_LIKELIHOOD_RATIO, RESULT_SCHEMA

from .goldens import PAIRED, TUMOUR_VS_NORMAL, counts_and_samples, fit_parameter, read_tsv, thinned


@pytest.fixture(scope="session")
def folder(goldens):
    return goldens / "deg_luad_paired"


def fitted_beside_r(folder, counts, samples, contrast, fit):
    """The result of pydeseq2 joined with R's table, and `is_outlier`: whether its dispersion was taken as an outlier.

    The flag is in no table; the real fit runs, and its data set is only looked at afterwards.
    """
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        real = deseq2._with_deseq2_trend

        def remembered(data_set):
            class Remembered(real(data_set)):
                def __init__(self, *arguments, **named):
                    super().__init__(*arguments, **named)
                    seen.append(self)

            return Remembered

        patch.setattr(deseq2, "_with_deseq2_trend", remembered)
        result = run_contrast(counts, samples, contrast, method="pydeseq2")
    flags = seen[0].var["_outlier_genes"].to_numpy(dtype=float) == 1
    result = result.with_columns(is_outlier=pl.Series(flags))
    return result.join(read_tsv(folder / f"deseq2_{fit}.tsv.gz"), left_on="hgnc_symbol", right_on="gene")


@pytest.fixture(scope="session")
def paired(folder):
    """The slow fit (59 samples, 28 coefficients), once per session, joined with R's table."""
    return fitted_beside_r(folder, *counts_and_samples(folder), PAIRED, "paired")


@pytest.fixture(scope="session")
def three(folder):
    return fitted_beside_r(folder, *counts_and_samples(folder, "in_3v3"), TUMOUR_VS_NORMAL, "3v3")


@pytest.fixture(scope="session")
def of_thinned(folder):
    return fitted_beside_r(folder, *thinned(folder), TUMOUR_VS_NORMAL, "thinned_3v3")


def finite(table):
    """Rows whose estimate is finite: where it is not, both programs stop on the way, each at its own place.

    One arm of zeros shows it for certain; beyond 2^12 in R the other arm is zero but for a count or two. Genes of
    zeros in every sample have no estimate at all.
    """
    noted = pl.any_horizontal(
        pl.col("p_value_note").str.starts_with(note).fill_null(False) for note in (NOTE_LIKELIHOOD_RATIO, NOTE_ALL_ZERO)
    )
    return table.filter(~noted & (pl.col("log2FoldChange").abs() < 12))


def log10_p_correlation(table):
    both = table.filter(pl.col("p_value").is_not_null() & pl.col("pvalue").is_not_null())
    # p-values that underflow to 0 in either program have no logarithm.
    both = both.filter((pl.col("p_value") > 0) & (pl.col("pvalue") > 0))
    return np.corrcoef(both["p_value"].log(10), both["pvalue"].log(10))[0, 1], both


@pytest.mark.slow
def test_3v3_matches_deseq2(three):
    assert three.height == 13044
    assert dict(three.schema.items()) | RESULT_SCHEMA == dict(three.schema.items())
    np.testing.assert_allclose(three["base_mean"], three["baseMean"], rtol=1e-9)
    rows = finite(three)
    assert rows.height > 12980
    close = (rows["log2_fold_change"] - rows["log2FoldChange"]).abs() <= 1e-3
    # Four further genes have one count in an arm that is otherwise zero; R gives them no p-value.
    assert rows.filter(~close)["pvalue"].null_count() == rows.filter(~close).height <= 4
    correlation, both = log10_p_correlation(rows)
    assert correlation >= 0.999
    assert (both["p_value"] / both["pvalue"] - 1).abs().median() <= 5e-3
    ours, theirs = three.filter(pl.col("q_value_bh") < 0.05), three.filter(pl.col("padj") < 0.05)
    shared = ours.join(theirs.select("hgnc_symbol"), on="hgnc_symbol", how="inner").height
    assert theirs.height == 1403
    assert shared >= 0.99 * theirs.height
    assert shared >= 0.99 * ours.height


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fit", "ours", "theirs", "in_both"),
    # The two genes more of the paired design lie 0.12 % and 0.10 % above the line, on the log scale.
    [("three", 113, 113, 113), ("of_thinned", 105, 105, 105), ("paired", 239, 237, 237)],
)
def test_dispersion_outliers_are_those_of_deseq2(request, fit, ours, theirs, in_both):
    table = request.getfixturevalue(fit)
    flagged = table["is_outlier"], table["dispOutlier"].fill_null(False)
    assert (flagged[0].sum(), flagged[1].sum(), (flagged[0] & flagged[1]).sum()) == (ours, theirs, in_both)


@pytest.mark.slow
def test_3v3_missing_p_values_are_deseq2s_and_explained(three):
    rows = finite(three)
    assert rows["p_value"].is_null().equals(rows["pvalue"].is_null())
    assert rows.filter(pl.col("p_value").is_null())["p_value_note"].unique().to_list() == [NOTE_COOKS]
    assert three.filter(pl.col("p_value").is_null() & pl.col("p_value_note").is_null()).is_empty()
    assert three.filter(pl.col("q_value_bh").is_null() & pl.col("p_value_note").is_null()).is_empty()


@pytest.mark.slow
def test_paired_matches_deseq2(paired):
    rows = finite(paired)
    assert rows.height > 13000
    close = (rows["log2_fold_change"] - rows["log2FoldChange"]).abs() <= 1e-3
    assert close.mean() >= 0.995
    correlation, _ = log10_p_correlation(rows)
    assert correlation >= 0.998
    ours, theirs = paired.filter(pl.col("q_value_bh") < 0.05), paired.filter(pl.col("padj") < 0.05)
    assert theirs.height == 8302
    assert ours.join(theirs.select("hgnc_symbol"), on="hgnc_symbol", how="inner").height >= 0.99 * theirs.height
    assert abs(ours.height - theirs.height) <= 0.01 * theirs.height


def test_paired_standard_errors_match_where_the_estimate_exists(paired):
    rows = finite(paired).filter(pl.col("betaConv") & (pl.col("baseMean") > 10))
    assert (rows["standard_error"] / rows["lfcSE"] - 1).abs().median() <= 5e-3


def test_group_of_zeros_keeps_sign_and_p_and_loses_its_standard_error(paired):
    rows = paired.filter(pl.col("p_value_note").str.starts_with(NOTE_LIKELIHOOD_RATIO))
    assert {"SNORA52", "SNORA71A", "SNORA71D"} <= set(rows["hgnc_symbol"])
    assert rows["standard_error"].null_count() == rows.height
    assert rows["p_value"].null_count() == rows["statistic"].null_count() == 0
    assert np.array_equal(np.sign(rows["log2_fold_change"]), np.sign(rows["log2FoldChange"]))


def test_paired_lists_agree_with_deseq2(paired):
    lists = differential_gene_lists(paired, "luad", 0.05, 1.0)
    assert set(lists["list_id"]) == {"luad__pydeseq2__up", "luad__pydeseq2__down"}
    up = set(lists.filter(pl.col("direction") == "up")["hgnc_symbol"])
    theirs = set(paired.filter((pl.col("padj") < 0.05) & (pl.col("log2FoldChange") > 1))["hgnc_symbol"])
    assert len(theirs) == 1204
    # A dozen genes sit on a threshold, another dozen have no finite estimate and so lose their p here.
    assert len(up & theirs) >= 0.975 * len(up | theirs)


@pytest.fixture(scope="session")
def by_year(goldens, folder):
    """Counts, samples and R's numbers for a year of collection as covariate; the golden holds every fifth gene."""
    golden = read_tsv(goldens / "numbers" / "covariate_year.tsv.gz")
    counts, _ = counts_and_samples(folder)
    samples = read_tsv(goldens / "numbers" / "covariate_year_samples.tsv").rename({"sample": "sample_id"})
    kept = golden.select(hgnc_symbol="gene").join(counts, on="hgnc_symbol", how="left", maintain_order="left")
    return kept.select("hgnc_symbol", *samples["sample_id"]), samples, golden


YEAR = Contrast("year", "condition", "tumour", "normal", covariates=("year",))


@pytest.mark.slow
def test_a_year_as_covariate_gives_deseq2s_numbers_for_the_centred_year(by_year):
    counts, samples, golden = by_year
    both = run_contrast(counts, samples, YEAR, method="pydeseq2").join(golden, left_on="hgnc_symbol", right_on="gene")
    rows = finite(both.rename({"log2FoldChange": "log2FoldChange"}))
    # As the other goldens of DESeq2: flat likelihoods end elsewhere in a few genes.
    assert ((rows["log2_fold_change"] - rows["log2FoldChange"]).abs() <= 1e-3).mean() >= 0.995
    assert (rows["standard_error"] / rows["lfcSE"] - 1).abs().median() <= 5e-3
    correlation, _ = log10_p_correlation(rows)
    assert correlation >= 0.998


def test_a_year_as_covariate_gives_vooms_numbers_in_r(by_year):
    counts, samples, golden = by_year
    ours = run_contrast(counts, samples, YEAR, method="limma_voom", expression_filter="none")
    both = ours.join(golden, left_on="hgnc_symbol", right_on="gene", maintain_order="left")
    assert both.height == golden.height == 2598
    # Seen: 1.4e-10 and, of p, 5e-9; the golden has 12 digits.
    np.testing.assert_allclose(both["log2_fold_change"], both["voom_logFC"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(both["p_value"], both["voom_P"], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pydeseq2", "limma_voom"])
@pytest.mark.parametrize(("shift", "scale"), [(-2016.0, 1.0), (0.0, 1e-3), (0.0, 365.2425)])
def test_the_contrast_depends_on_neither_unit_nor_origin_of_a_covariate(by_year, method, shift, scale):
    counts, samples, _ = by_year
    few = counts[::9]
    moved = samples.with_columns(year=(pl.col("year") + shift) * scale)
    declared = Contrast("year", "condition", "tumour", "normal", covariates=("year",), continuous=("year",))
    one, two = (run_contrast(few, sheet, declared, method=method) for sheet in (samples, moved))
    for name in ("log2_fold_change", "standard_error", "p_value"):
        np.testing.assert_allclose(one[name].to_numpy(), two[name].to_numpy(), rtol=1e-6, atol=1e-12)


def test_a_year_of_birth_does_not_end_the_fit():
    counts, samples = small()
    born = samples.with_columns(born=pl.Series([1948, 1951, 1960, 1949, 1953, 1962]))
    contrast = Contrast("a_vs_b", "arm", "a", "b", covariates=("born",))
    assert run_contrast(counts, born, contrast, method="pydeseq2")["p_value"].null_count() == 0


@pytest.mark.slow
def test_genes_without_a_read_in_one_group_are_tested_as_deseq2s_likelihood_ratio_test_does(goldens, folder):
    counts, samples = thinned(folder)
    ours = run_contrast(counts, samples, TUMOUR_VS_NORMAL, method="pydeseq2", shrink=True)
    golden = read_tsv(goldens / "numbers" / "deseq2_lrt_thinned_3v3.tsv.gz")
    both = ours.join(golden, left_on="hgnc_symbol", right_on="gene").filter("one_arm_zero")
    tested = both.filter(pl.col("lrt_p").is_not_null())
    # R withholds the p-values of 82 by Cook's distance.
    assert (both.height, tested.height) == (1549, 1467)
    assert tested["p_value"].null_count() == 0
    # Within a factor of 1.5: where an estimate runs away each program stops at another small mean.
    assert (tested["p_value"].log() - tested["lrt_p"].log()).abs().max() < np.log(1.5)
    np.testing.assert_allclose(chi2.sf(tested["statistic"].to_numpy() ** 2, 1), tested["p_value"], rtol=1e-12)
    # All of them here too but for four, whose one sample with reads has a Cook's distance of 17.57 to 17.85: the cut is
    # 18.00, and R's robust dispersions lie a little lower.
    kept = both.filter(pl.col("lrt_p").is_null(), pl.col("p_value").is_not_null())["hgnc_symbol"]
    assert set(kept) <= {"C7orf57", "CDHR4", "NEK10", "TDO2"}
    assert both["standard_error"].null_count() == both.height
    assert both["log2_fold_change_shrunken"].null_count() == 0
    assert both["log2_fold_change_shrunken"].abs().max() < 20
    significant = tested.filter(pl.col("lrt_padj") < 0.05)
    assert (significant.height, significant.sort("lrt_p")["hgnc_symbol"][0]) == (11, "TMPRSS4")
    listed = differential_gene_lists(ours, "luad")["hgnc_symbol"]
    missing = set(significant["hgnc_symbol"]) - set(listed)
    assert len(missing) <= 0.05 * significant.height


@pytest.mark.slow
def test_unpaired_fit_replaces_outliers_like_deseq2(folder):
    counts, samples = counts_and_samples(folder)
    result = run_contrast(counts, samples, TUMOUR_VS_NORMAL, method="pydeseq2")
    both = result.join(read_tsv(folder / "deseq2_unpaired_all.tsv.gz"), left_on="hgnc_symbol", right_on="gene")
    rows = finite(both)
    close = (rows["log2_fold_change"] - rows["log2FoldChange"]).abs() <= 1e-3
    assert close.mean() >= 0.995
    replaced = rows.filter("replaced")
    assert replaced.height > 380
    # Without replacement the mean of these genes would be off by the outlier, not by rounding of the imputed count.
    assert (replaced["base_mean"] / replaced["baseMean"] - 1).abs().median() < 1e-3
    ours, theirs = both.filter(pl.col("q_value_bh") < 0.05), both.filter(pl.col("padj") < 0.05)
    assert theirs.height == 8082
    assert ours.join(theirs.select("hgnc_symbol"), on="hgnc_symbol", how="inner").height >= 0.995 * theirs.height


@pytest.mark.slow
def test_thinned_counts_match_deseq2(folder, of_thinned):
    """Zeros, low counts, unequal depth: here the trend of the dispersions decides."""
    counts, _ = thinned(folder)
    both = finite(of_thinned)
    close = (both["log2_fold_change"] - both["log2FoldChange"]).abs() <= 1e-3
    assert close.mean() >= 0.999
    correlation, tested = log10_p_correlation(both)
    assert correlation >= 0.998
    assert (tested["p_value"] / tested["pvalue"] - 1).abs().median() <= 5e-3
    ours, theirs = both.filter(pl.col("q_value_bh") < 0.05), both.filter(pl.col("padj") < 0.05)
    # Without DESeq2's trend 334 genes would be called here, 46 of them not by DESeq2.
    assert ours.join(theirs.select("hgnc_symbol"), on="hgnc_symbol", how="anti").is_empty()
    assert ours.height >= 0.95 * theirs.height
    zero = of_thinned.filter(pl.col("base_mean") == 0)
    assert zero.height == int((counts.drop("hgnc_symbol").sum_horizontal() == 0).sum())
    assert zero.height > 0
    assert zero["p_value_note"].unique().to_list() == [NOTE_ALL_ZERO]
    assert zero["log2_fold_change"].null_count() == zero.height


@pytest.mark.parametrize("fit", ["3v3", "thinned_3v3", "paired"])
def test_dispersion_trend_equals_deseq2(folder, fit):
    golden = read_tsv(folder / f"deseq2_{fit}.tsv.gz").filter(pl.col("dispGeneEst").is_not_null())
    a0, a1 = dispersion_trend(golden["baseMean"].to_numpy(), golden["dispGeneEst"].to_numpy())
    # From R's own gene-wise estimates, written to 11 digits; both fits stop at a relative deviance of 1e-8.
    assert a0 == pytest.approx(fit_parameter(folder, fit, "asymptDisp"), rel=1e-6)
    assert a1 == pytest.approx(fit_parameter(folder, fit, "extraPois"), rel=1e-6)


@pytest.mark.parametrize("df", [1, 2, 3])
@pytest.mark.parametrize("variance", [0.5, 1.5, 4.0])
def test_the_prior_of_few_degrees_of_freedom_is_found_from_the_spread_of_the_residuals(df, variance):
    """Within 15 %: 20,000 genes; the median absolute deviation is off by up to a half at one degree of freedom."""
    draw = np.random.default_rng(df)
    residuals = np.log(draw.chisquare(df, 20_000) / df) + draw.normal(0.0, np.sqrt(variance), 20_000)
    assert match_dispersion_prior(residuals, df) == pytest.approx(variance, rel=0.15)


def test_the_prior_of_few_degrees_of_freedom_has_a_floor():
    residuals = np.log(np.random.default_rng(1).chisquare(2, 5000) / 2)
    assert match_dispersion_prior(residuals, 2) == match_dispersion_prior(np.empty(0), 2) == 0.25


def test_a_curve_that_is_quadratic_in_logs_is_its_own_local_trend():
    means = np.exp(np.random.default_rng(2).uniform(0, 8, 500))
    curve = np.exp(-1.0 + 0.3 * np.log(means) - 0.1 * np.log(means) ** 2)
    found = local_dispersion_trend(means, curve)
    np.testing.assert_allclose(found, curve, rtol=2e-3)  # interpolated between 200 points
    assert local_dispersion_trend(means[:10], curve[:10]) is None


def test_where_the_parametric_trend_fails_dispersions_follow_the_local_one():
    """Dispersions that rise with the mean have no parametric trend; pydeseq2 would take one number for all genes."""
    draw = np.random.default_rng(4)
    means = np.exp(draw.uniform(2, 8, 400))
    size = 1 / np.minimum(0.02 * means**0.6, 3.0)
    values = draw.negative_binomial(size[:, None], (size / (size + means))[:, None], (400, 6))
    names = [f"s{j}" for j in range(6)]
    counts = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(400)], **dict(zip(names, values.T, strict=True))})
    samples = pl.DataFrame({"sample_id": names, "arm": ["a"] * 3 + ["b"] * 3})
    found = run_contrast(counts, samples, Contrast("a_vs_b", "arm", "a", "b"), method="pydeseq2")
    low, high = (found.filter(pl.Series(part))["standard_error"].median() for part in (means < 100, means > 1000))
    assert high > 1.5 * low


def test_dispersion_trend_gives_up_rather_than_go_negative():
    means = np.linspace(1, 1000, 50)
    assert dispersion_trend(means, np.full(50, 1e-8)) is None
    # Dispersions that rise with the mean would need a negative slope.
    assert dispersion_trend(means, means / 1000) is None


def small(seed=1, genes=200):
    rng = np.random.default_rng(seed)
    values = rng.negative_binomial(5, 5 / (5 + rng.gamma(2, 50, size=(genes, 1))), size=(genes, 6))
    names = [f"s{j}" for j in range(6)]
    counts = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(genes)], **dict(zip(names, values.T, strict=True))})
    return counts, pl.DataFrame({"sample_id": names, "arm": ["a"] * 3 + ["b"] * 3})


def test_shrunken_fold_changes_stand_beside_the_plain_ones():
    counts, samples = small()
    contrast = Contrast("a_vs_b", "arm", "a", "b")
    plain = run_contrast(counts, samples, contrast, method="pydeseq2")
    shrunken = run_contrast(counts, samples, contrast, method="pydeseq2", shrink=True)
    assert plain["log2_fold_change"].equals(shrunken["log2_fold_change"])
    assert plain["p_value"].equals(shrunken["p_value"])
    assert plain["log2_fold_change_shrunken"].null_count() == plain.height
    assert shrunken["log2_fold_change_shrunken"].abs().sum() < shrunken["log2_fold_change"].abs().sum()


@pytest.mark.slow
def test_shrunken_fold_changes_are_where_the_posterior_is_highest():
    """Against pydeseq2's own function, which it minimises by L-BFGS-B and we by Newton's method."""
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats
    from pydeseq2.utils import nbinomFn
    from scipy.optimize import minimize

    from resistance_assets.science.deg.deseq2 import _shrunken_fold_changes

    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(4, 4 / (4 + rng.gamma(2, 60, size=(120, 1))), size=(120, 8)).astype(float)
    counts[:8, 4:] *= 6
    counts[8] = [0, 0, 0, 0, 30, 0, 50, 20]
    design = np.column_stack([np.ones(8), np.tile([0.0, 1.0], 4), np.repeat([0.0, 1.0], 4)])
    names = pd.Index([f"s{j}" for j in range(8)])
    data = DeseqDataSet(
        counts=pd.DataFrame(counts.T.astype(int), index=names, columns=[f"g{i}" for i in range(120)]),
        metadata=pd.DataFrame({"sample": names}, index=names),
        design=pd.DataFrame(design, index=names, columns=["Intercept", "batch", "arm"]),
        quiet=True,
        inference=CompiledInference(),
    )
    data.deseq2()
    test = DeseqStats(data, contrast=np.array([0.0, 0.0, 1.0]), quiet=True, inference=CompiledInference())
    test.summary()
    ours = _shrunken_fold_changes(test, 2, counts, design)
    scale = min(np.sqrt(test._fit_prior_var(coeff_idx=2)), 1.0)
    test.lfc_shrink(coeff="arm")
    theirs = test.LFC.to_numpy()
    offset = np.log(np.asarray(data.obs["size_factors"]))
    for g in range(120):
        size = 1.0 / data.var["dispersions"].iloc[g]

        def loss(beta, g=g, size=size):
            return nbinomFn(beta, design, counts[g], size, offset, 15.0, scale, 2)

        # The others at their best, given the shrunken one.
        fixed = ours[g] * np.log(2)
        best = minimize(lambda rest, fixed=fixed, loss=loss: loss(np.array([*rest, fixed])), theirs[g, :2])
        assert best.fun <= loss(theirs[g]) + 1e-6
    # L-BFGS-B ends within its own tolerance of the mode.
    assert np.median(np.abs(ours - theirs[:, 2] / np.log(2))) < 1e-3
    assert 0 < ours[8] < 20, "finite where an arm is almost silent"


def test_swapping_the_arms_turns_the_sign_and_the_column_order_of_samples_does_not_matter():
    counts, samples = small(2)
    forward = run_contrast(counts, samples, Contrast("c", "arm", "a", "b"), method="pydeseq2")
    backward = run_contrast(counts, samples, Contrast("c", "arm", "b", "a"), method="pydeseq2")
    # Two optimisations from different starting points agree to their stopping rule.
    np.testing.assert_allclose(forward["log2_fold_change"], -backward["log2_fold_change"], atol=1e-5)
    shuffled = counts.select("hgnc_symbol", *[f"s{j}" for j in (3, 0, 5, 1, 4, 2)])
    again = run_contrast(shuffled, samples, Contrast("c", "arm", "a", "b"), method="pydeseq2")
    assert again.equals(forward)


@pytest.fixture
def one_thread():
    """Many small matrices: threads inside the linear algebra would make pydeseq2's own loops several times slower."""
    with threadpool_limits(limits=1):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_compiled_inference_equals_pydeseq2(folder):
    """Every fortieth gene of the paired design: kernels against pydeseq2's loops, without the floor on means."""
    from pydeseq2.default_inference import DefaultInference

    from resistance_assets.science.deg.designs import build_design

    counts, samples = counts_and_samples(folder)
    design = build_design(samples, PAIRED)
    matrix = counts.gather_every(40).select(design.sample_ids).to_numpy().T
    factors = np.linspace(0.8, 1.25, len(design.sample_ids))
    stock, compiled = DefaultInference(n_cpus=1), CompiledInference(as_deseq2=False)
    alpha = np.full(matrix.shape[1], 0.2)
    fits = [x.irls(matrix, factors, design.values, alpha, 0.5, 1e-8) for x in (stock, compiled)]
    ran_away = np.abs(fits[0][0]).max(axis=1) > 12
    assert ran_away.mean() < 0.02
    for theirs, ours in zip(fits[0][:3], fits[1][:3], strict=True):
        genes = (~ran_away, slice(None)) if theirs.shape[0] == matrix.shape[1] else (slice(None), ~ran_away)
        np.testing.assert_allclose(ours[genes], theirs[genes], rtol=1e-6, atol=1e-8)
    # L-BFGS-B stops when the likelihood changes by less than 2e-9 of itself, about 1e-3 short at worst.
    for prior in ({}, {"prior_disp_var": 0.66, "prior_reg": True}):
        theirs, ours = (
            x.alpha_mle(matrix, design.values, fits[0][1], alpha, 1e-8, 59.0, **prior)[0] for x in (stock, compiled)
        )
        gap = np.abs(ours / np.clip(theirs, 1e-8, 59.0) - 1)
        assert np.median(gap) < 1e-6
        assert np.mean(gap < 2e-3) >= 0.995
    contrast = np.eye(len(design.columns))[design.coefficient]
    tests = [
        x.wald_test(design.values, alpha, fits[0][0], fits[0][1], 1e-6 * np.eye(len(contrast)), contrast, 0.0)
        for x in (stock, compiled)
    ]
    for theirs, ours in zip(*tests, strict=True):
        np.testing.assert_allclose(ours[~ran_away], theirs[~ran_away], rtol=1e-6)
    np.testing.assert_allclose(
        compiled.lin_reg_mu(matrix, factors, design.values, 0.5), stock.lin_reg_mu(matrix, factors, design.values,
    0.5), rtol=1e-8, atol=1e-6, )  # fmt: skip


def test_threads_do_not_change_the_numbers():
    counts, samples = small(3, genes=600)
    contrast = Contrast("c", "arm", "a", "b")
    one = run_contrast(counts, samples, contrast, method="pydeseq2")
    assert run_contrast(counts, samples, contrast, method="pydeseq2", n_threads=2).equals(one)


@pytest.mark.parametrize(
    ("name", "covariates", "shrunken_tolerance"),
    [("single_factor", (), 0.05), ("multi_factor", ("group",), 0.05), ("wide", ("group",), None)],
)
def test_synthetic_tables_equal_r(goldens, name, covariates, shrunken_tolerance):
    """pydeseq2's own comparison with R, within the 2 % that it asserts itself (5 % for shrunken fold changes)."""
    base = goldens / "pydeseq2_R_reference"
    data = base / (name if name == "wide" else "synthetic")
    # R's write.csv leaves the first name of the header empty.
    counts = pl.read_csv(data / "test_counts.csv").rename({"": "hgnc_symbol"})
    samples = pl.read_csv(data / "test_metadata.csv").rename({"": "sample_id"})
    contrast = Contrast("b_vs_a", "condition", "B", "A", covariates=covariates)
    result = run_contrast(counts, samples, contrast, method="pydeseq2", shrink=shrunken_tolerance is not None)
    golden = pl.read_csv(base / name / "r_test_res.csv", null_values=["NA"]).rename({"": "hgnc_symbol"})
    both = result.join(golden, on="hgnc_symbol")
    assert both.height == golden.height == counts.height
    np.testing.assert_allclose(both["base_mean"], both["baseMean"], rtol=1e-9)
    np.testing.assert_allclose(both["log2_fold_change"], both["log2FoldChange"], rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(both["p_value"], both["pvalue"], rtol=0.02)
    np.testing.assert_allclose(both["q_value_bh"], both["padj"], rtol=0.02)
    if shrunken_tolerance is not None:
        shrunken = pl.read_csv(base / name / "r_test_lfc_shrink_res.csv")["log2FoldChange"]
        np.testing.assert_allclose(both["log2_fold_change_shrunken"], shrunken, rtol=shrunken_tolerance, atol=1e-3)
