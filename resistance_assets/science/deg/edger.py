"""The exact test for two groups of negative binomial counts, with edgeR's classic dispersions.

Here belong dispersion estimation by conditional likelihood, the exact test, and what an assumed biological coefficient
of variation (BCV) implies where there are no replicates (Robinson and Smyth 2008, Biostatistics 9:321; McCarthy 2012,
Nucleic Acids Research 40:4288; Chen 2014, doi 10.1007/978-3-319-07212-8_3). Designs with covariates belong in
`deg_limma` and `deg_deseq2`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import (
    GENE_COLUMN,
    Contrast,
    DesignMatrix,
    build_design,
    check_counts,
    count_matrix,
    report_design,
)
from resistance_assets.science.deg.result import NOTE_ALL_ZERO, NOTE_NO_REPLICATES, build_result
from resistance_assets.science.expression.normalisation import effective_library_sizes
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]

METHOD = "edger_exact"
BIG_SUM = 900
# log2 of tenfold dispersions at which the likelihood is evaluated: first, last, how many.
_GRID = (-10.0, 10.0, 21)


@dataclass(frozen=True)
class Dispersions:
    """`common` and `prior_df` are numbers, `trended` and `tagwise` have shape (genes,)."""

    common: float
    trended: Matrix
    tagwise: Matrix
    prior_df: float


@dataclass(frozen=True)
class ExactTest:
    """`log2_fold_change` (second group over first), `log2_cpm` and `p_value`, each (genes,)."""

    log2_fold_change: Matrix
    log2_cpm: Matrix
    p_value: Matrix


def average_log2_cpm(counts: Matrix, lib_sizes: Matrix, dispersion: float = 0.05, prior_count: float = 2.0) -> Matrix:
    """(genes,): log2 CPM of the fitted common rate, with a prior count scaled to each library (edgeR's aveLogCPM)."""
    prior = prior_count * lib_sizes / lib_sizes.mean()
    rate = _one_group(counts, lib_sizes + 2 * prior, np.full(len(counts), dispersion), prior)
    return (rate + np.log(1e6)) / np.log(2)


def estimate_dispersions(counts: Matrix, group: NDArray[np.int64], lib_sizes: Matrix) -> Dispersions:
    """Common, trended and tagwise dispersions of a one-way layout, as edgeR's estimateDisp without a design.

    The trend smooths the likelihood over the average log CPM by a local constant fit evaluated on an adaptive grid, as
    locfit does; tagwise values maximise the likelihood plus prior_df times that trend.

    Args:
        counts: (genes, samples). group: (samples,), 0 .. number of groups - 1. lib_sizes: (samples,), effective.

    Raises:
        DesignFault: no group has two samples, or hardly any gene has counts.
    """
    from scipy.optimize import minimize_scalar

    from resistance_assets.science.deg.kernels.exact_test import conditional_likelihood_kernel

    n_groups = int(group.max()) + 1
    sizes = np.bincount(group, minlength=n_groups)
    selected = counts.sum(axis=1) >= 5
    if sizes.max() < 2 or selected.sum() < 10:
        raise DesignFault(
            "no replicates, or fewer than 10 genes with 5 counts",
            subject="dispersion estimate",
            remedy="Assume a dispersion (bcv_sensitivity), or use the method fold_change.",
        )
    used = np.ascontiguousarray(counts[selected])

    def likelihood(pseudo: Matrix, deltas: Matrix) -> Matrix:
        out = np.empty((len(pseudo), len(deltas)))
        conditional_likelihood_kernel(pseudo, group, n_groups, deltas, out)
        return out

    pseudo = _equalise_groups(used, group, n_groups, lib_sizes, 0.01)
    best = minimize_scalar(
        lambda delta: -likelihood(pseudo, np.array([delta])).sum(),
        bounds=(1e-4, 100 / 101),
        method="bounded",
        options={"xatol": 1e-6},
    )
    delta = float(best.x)  # type: ignore[attr-defined]
    pseudo = _equalise_groups(used, group, n_groups, lib_sizes, delta / (1 - delta))
    knots = np.linspace(*_GRID)
    grid = 0.1 * 2.0**knots
    loglik = likelihood(pseudo, grid / (1 + grid))
    common = float(0.1 * 2.0 ** _maximise_interpolants(knots, loglik.sum(axis=0, keepdims=True))[0])

    abundance = average_log2_cpm(used, lib_sizes, common)
    span = 1.0 if len(used) <= 50 else 0.25 + 0.75 * np.sqrt(50 / len(used))
    shared = _local_constant(abundance, loglik, span)
    trend = 0.1 * 2.0 ** _maximise_interpolants(knots, shared)
    prior_df = _prior_degrees_of_freedom(used, group, n_groups, lib_sizes, trend, abundance)
    prior_n = min(prior_df / (len(group) - n_groups), 1e6)
    tagwise = 0.1 * 2.0 ** _maximise_interpolants(knots, loglik + prior_n * shared)
    # Genes with hardly a count get the trend of the faintest gene that has one.
    trended_all = np.full(len(counts), trend[np.argmin(abundance)])
    tagwise_all = trended_all.copy()
    trended_all[selected], tagwise_all[selected] = trend, tagwise
    return Dispersions(common, trended_all, tagwise_all, prior_df)


def exact_test(
    counts: Matrix,
    group: NDArray[np.int64],
    lib_sizes: Matrix,
    dispersion: Matrix | float,
    average: Matrix | None = None,
    prior_count: float = 0.125,
) -> ExactTest:
    """Test of group 1 against group 0 given the total, both tails doubled.

    Counts are mapped to equal library sizes by quantiles; sums are rounded; above 900 in both groups a beta
    approximation takes over. A sum that the mapping turned negative counts as zero (edgeR then sums a range backwards).
    A gene of zeros only has p = 1.

    Args:
        counts: (genes, samples). group: (samples,), 0 or 1. lib_sizes: (samples,), effective.
        dispersion: (genes,) or one positive number.
        average: (genes,) average log2 CPM, computed if None.
        prior_count: added before the fold change, so that zeros leave it finite.
    """
    from resistance_assets.science.deg.kernels.exact_test import double_tail_kernel, quantile_match_kernel

    d = np.broadcast_to(np.asarray(dispersion, dtype=np.float64), (len(counts),)).copy()
    if not (d > 0).all():
        raise ValueError("dispersions must be positive")
    first, second = group == 0, group == 1
    n1, n2 = int(first.sum()), int(second.sum())
    prior = prior_count * lib_sizes / lib_sizes.mean()
    rates = [_one_group(counts[:, side], (lib_sizes + 2 * prior)[side], d, prior[side]) for side in (first, second)]
    rate = np.exp(_one_group(counts, lib_sizes, d))
    common_lib = float(np.exp(np.log(lib_sizes).mean()))
    pseudo = np.empty(counts.shape)
    quantile_match_kernel(np.ascontiguousarray(counts), rate, lib_sizes, common_lib, d, pseudo)
    raw1, raw2 = pseudo[:, first].sum(axis=1), pseudo[:, second].sum(axis=1)
    sum1, sum2 = np.maximum(np.rint(raw1), 0.0), np.maximum(np.rint(raw2), 0.0)
    big = (sum1 > BIG_SUM) & (sum2 > BIG_SUM)
    p = np.ones(len(counts))
    double_tail_kernel(sum1, sum2, n1, n2, d, ~big, p)
    p[big] = _beta_tails(raw1[big], raw2[big], n1, n2, d[big])
    if average is None:
        average = average_log2_cpm(counts, lib_sizes)
    return ExactTest((rates[1] - rates[0]) / np.log(2), average, p)


def fit_edger_exact(
    counts: pl.DataFrame, design: DesignMatrix, contrast: Contrast, normalisation: Literal["tmm", "none"] = "tmm"
) -> pl.DataFrame:
    """TMM, dispersions and exact test of a two-group design.

    Args:
        counts: checked counts, `hgnc_symbol` and one column per sample.
        design: the two arms; no covariates.
        contrast: named in messages.
        normalisation: "tmm" or "none".

    Returns:
        A result frame without standard error and statistic (the test has none); base_mean is the mean count at the
        geometric mean library size, average_expression_log2 is log2 CPM.

    Raises:
        DesignFault: covariates, further levels of the factor, or no replicates.
    """
    matrix, group, lib = _two_groups(counts, design, contrast, normalisation)
    dispersions = estimate_dispersions(matrix, group, lib)
    average = average_log2_cpm(matrix, lib, dispersions.common)
    test = exact_test(matrix, group, lib, dispersions.tagwise, average)
    expressed = np.asarray(matrix.any(axis=1))
    p = np.where(expressed, test.p_value, np.nan)
    return build_result(
        counts[GENE_COLUMN],
        method=METHOD,
        n_numerator=int(group.sum()),
        n_denominator=int((group == 0).sum()),
        evidence_kind="inferential",
        base_mean=(matrix / lib).mean(axis=1) * np.exp(np.log(lib).mean()),
        log2_fold_change=np.where(expressed, test.log2_fold_change, np.nan),
        p_value=p,
        q_value_bh=adjust_bh(p),
        p_value_note=[None if yes else NOTE_ALL_ZERO for yes in expressed],
        average_expression_log2=np.where(expressed, test.log2_cpm, np.nan),
    )


def fit_edger_effect(
    counts: pl.DataFrame, design: DesignMatrix, contrast: Contrast, normalisation: Literal["tmm", "none"] = "tmm"
) -> pl.DataFrame:
    """edgeR's moderated fold changes (prior count 0.125) for a design without replicates: no p-value."""
    matrix, group, lib = _two_groups(counts, design, contrast, normalisation)
    # With one sample per group the fold change does not depend on the dispersion.
    test = exact_test(matrix, group, lib, 0.1)
    expressed = np.asarray(matrix.any(axis=1))
    return build_result(
        counts[GENE_COLUMN],
        method=METHOD,
        n_numerator=int(group.sum()),
        n_denominator=int((group == 0).sum()),
        evidence_kind="effect_only",
        base_mean=(matrix / lib).mean(axis=1) * np.exp(np.log(lib).mean()),
        log2_fold_change=np.where(expressed, test.log2_fold_change, np.nan),
        p_value_note=NOTE_NO_REPLICATES,
        average_expression_log2=np.where(expressed, test.log2_cpm, np.nan),
    )


def bcv_sensitivity(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    bcvs: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    fdr: float = 0.05,
    normalisation: Literal["tmm", "none"] = "tmm",
) -> pl.DataFrame:
    """Sensitivity analysis: how many genes an assumed biological coefficient of variation calls; never evidence.

    edgeR's guide suggests about 0.4 for human tissue of different people, 0.1 for a cell line grown side by side.

    Args:
        counts, samples, contrast: as `deg.run_contrast`, two arms without covariates.
        bcvs: assumed square roots of the dispersion.
        fdr: level of Benjamini-Hochberg.

    Returns:
        One row per bcv: `bcv` (Float64), `fdr` (Float64), `genes_tested`, `genes_at_fdr`, `up`, `down` (Int64),
        `p_value_largest_called` (Float64, null if none).
    """
    check_counts(counts, samples, contrast)
    design = build_design(samples, contrast)
    matrix, group, lib = _two_groups(counts, design, contrast, normalisation)
    average = average_log2_cpm(matrix, lib)
    rows = []
    for bcv in bcvs:
        test = exact_test(matrix, group, lib, bcv**2, average)
        called = adjust_bh(test.p_value) < fdr
        up = int((called & (test.log2_fold_change > 0)).sum())
        total = int(called.sum())
        largest = float(test.p_value[called].max()) if total else None
        rows.append((float(bcv), fdr, len(matrix), total, up, total - up, largest))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "bcv": pl.Float64,
            "fdr": pl.Float64,
            "genes_tested": pl.Int64,
            "genes_at_fdr": pl.Int64,
            "up": pl.Int64,
            "down": pl.Int64,
            "p_value_largest_called": pl.Float64,
        },
    )


def _two_groups(
    counts: pl.DataFrame, design: DesignMatrix, contrast: Contrast, normalisation: Literal["tmm", "none"]
) -> tuple[Matrix, NDArray[np.int64], Matrix]:
    report_design(design, contrast)
    if design.values.shape[1] != 2:
        raise DesignFault(
            f"the exact test compares two groups and takes no covariates (the design has {', '.join(design.columns)})",
            subject=contrast.subject,
            remedy="Use limma_voom or pydeseq2, or drop the covariates.",
        )
    matrix = count_matrix(counts, design.sample_ids)
    return matrix, design.is_numerator.astype(np.int64), effective_library_sizes(matrix, normalisation)


def _one_group(counts: Matrix, lib_sizes: Matrix, dispersion: Matrix, prior: Matrix | None = None) -> Matrix:
    from resistance_assets.science.deg.kernels.exact_test import one_group_kernel

    out = np.empty(len(counts))
    added = np.zeros(counts.shape[1]) if prior is None else prior
    one_group_kernel(np.ascontiguousarray(counts), added, np.log(lib_sizes), dispersion, out)
    return out


def _equalise_groups(
    counts: Matrix, group: NDArray[np.int64], n_groups: int, lib_sizes: Matrix, dispersion: float
) -> Matrix:
    """Pseudo-counts of equal library sizes, each group mapped around its own mean; none negative."""
    from resistance_assets.science.deg.kernels.exact_test import quantile_match_kernel

    common_lib = float(np.exp(np.log(lib_sizes).mean()))
    pseudo = np.empty(counts.shape)
    d = np.full(len(counts), dispersion)
    for level in range(n_groups):
        side = group == level
        part = np.ascontiguousarray(counts[:, side])
        out = np.empty(part.shape)
        rate = np.exp(_one_group(part, lib_sizes[side], d))
        quantile_match_kernel(part, rate, np.ascontiguousarray(lib_sizes[side]), common_lib, d, out)
        pseudo[:, side] = out
    return np.maximum(pseudo, 0.0)


def _beta_tails(sum1: Matrix, sum2: Matrix, n1: int, n2: int, dispersion: Matrix) -> Matrix:
    """The share of the first sum is nearly beta distributed when both sums are large."""
    from scipy.special import betainc, betaincc, betaincinv

    total = sum1 + sum2
    mean = total / (n1 + n2)
    a = n1 * mean / (1 + dispersion * mean)
    b = n2 / n1 * a
    median = betaincinv(a, b, 0.5)
    low, high = (sum1 + 0.5) / total, (sum1 - 0.5) / total
    p = np.ones(len(total))
    left, right = low < median, high > median
    p[left] = 2 * betainc(a[left], b[left], low[left])
    p[right] = 2 * betaincc(a[right], b[right], high[right])
    return p


def _maximise_interpolants(x: Matrix, y: Matrix) -> Matrix:
    """(rows,): where the cubic spline through (x, y[row]) is largest near its largest knot.

    The end conditions match the third derivative of the cubic through the four outermost points (Forsythe, Malcolm and
    Moler 1977), as R's splinefun(method = "fmm") has them.
    """
    n, h = len(x), np.diff(x)
    system, right = np.zeros((n, n)), np.zeros((n, n))
    slope = (np.eye(n)[1:] - np.eye(n)[:-1]) / h[:, None]
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i] = slope[i] - slope[i - 1]
    second = (slope[1:] - slope[:-1]) / (x[2:] - x[:-2])[:, None]
    third = (second[1:] - second[:-1]) / (x[3:] - x[:-3])[:, None]
    system[0, :2], right[0] = (-1, 1), h[0] * third[0]
    system[-1, -2:], right[-1] = (-1, 1), h[-1] * third[-1]
    # A sixth of the second derivatives at the knots, as a linear map of y.
    curvature = y @ np.linalg.solve(system, right).T
    slopes = y @ slope.T
    top = np.argmax(y, axis=1)
    rows = np.arange(len(y))
    best_x, best_y = x[top], y[rows, top]
    for left in (np.maximum(top - 1, 0), np.minimum(top, n - 2)):
        width, c0, c1 = h[left], curvature[rows, left], curvature[rows, left + 1]
        b = slopes[rows, left] - width * (c1 + 2 * c0)
        c, d = 3 * c0, (c1 - c0) / width
        with np.errstate(invalid="ignore", divide="ignore"):
            radix = np.sqrt(c**2 - 3 * d * b)
            # Two forms of the same root, each free of cancellation on its side; the first survives d = 0.
            root = np.where(c <= 0, b / (radix - c), (-c - radix) / (3 * d))
        value = y[rows, left] + root * (b + root * (c + root * d))
        better = (root > 0) & (root < width) & (value > best_y)
        best_x = np.where(better, x[left] + root, best_x)
        best_y = np.where(better, value, best_y)
    return best_x


def _local_constant(x: Matrix, y: Matrix, span: float, cut: float = 0.8) -> Matrix:
    """Tricube-weighted nearest-neighbour means of the columns of y over x (Loader 1999, Local Regression and
    Likelihood).

    Evaluated at the ends, then at midpoints of intervals wider than `cut` bandwidths; linear in between.
    """
    k = int(len(x) * span)
    points: dict[float, tuple[float, Matrix]] = {}

    def at(point: float) -> float:
        if point not in points:
            distance = np.abs(x - point)
            bandwidth = float(np.partition(distance, k - 1)[k - 1])
            weight = np.where(distance < bandwidth, (1 - (distance / bandwidth) ** 3) ** 3, 0.0)
            points[point] = bandwidth, weight @ y / weight.sum()
        return points[point][0]

    intervals = [(float(x.min()), float(x.max()))]
    while intervals:
        low, high = intervals.pop()
        if high - low > cut * min(at(low), at(high)):
            middle = (low + high) / 2
            at(middle)
            intervals += [(low, middle), (middle, high)]
    knots = np.array(sorted(points))
    heights = np.stack([points[float(point)][1] for point in knots])
    return np.column_stack([np.interp(x, knots, heights[:, j]) for j in range(y.shape[1])])


def _prior_degrees_of_freedom(
    counts: Matrix, group: NDArray[np.int64], n_groups: int, lib_sizes: Matrix, trend: Matrix, abundance: Matrix
) -> float:
    """Prior degrees of freedom from the spread of the deviances around a spline over abundance."""
    from scipy.special import digamma, polygamma

    from resistance_assets.science.deg.variance_moderation import invert_trigamma

    deviance, df = np.zeros(len(counts)), np.zeros(len(counts))
    r = (1 / trend)[:, None]
    for level in range(n_groups):
        side = group == level
        part = counts[:, side]
        seen = part.any(axis=1)
        mu = np.exp(_one_group(part, lib_sizes[side], trend))[:, None] * lib_sizes[side]
        y, mu = part + 1e-8, mu + 1e-8
        unit = 2 * (y * np.log(y / mu) + (y + r) * np.log((mu + r) / (y + r)))
        deviance += np.where(seen, np.maximum(unit, 0).sum(axis=1), 0.0)
        df += np.where(seen, side.sum() - 1, 0)
    kept = df > 0
    s2, df, covariate = deviance[kept] / df[kept], df[kept], abundance[kept]
    s2 = np.maximum(s2, 1e-5 * np.median(s2))
    e = np.log(s2) - digamma(df / 2) + np.log(df / 2)
    basis = _natural_spline(covariate)
    coefficients, _, rank, _ = np.linalg.lstsq(basis, e, rcond=None)
    excess = ((e - basis @ coefficients) ** 2).sum() / (len(e) - rank) - polygamma(1, df / 2).mean()
    return 2 * invert_trigamma(float(excess)) if excess > 0 else float("inf")


def _natural_spline(x: Matrix) -> Matrix:
    """Basis of natural cubic splines with knots at the thirds of x: (n, 4), the intercept among them."""
    knots = np.quantile(x, [0, 1 / 3, 2 / 3, 1])
    span = knots[-1] - knots[0]
    u, k = (x - knots[0]) / span, (knots - knots[0]) / span
    cubes = [np.maximum(u - knot, 0) ** 3 for knot in k]

    def bend(j: int) -> Matrix:
        return (cubes[j] - cubes[3]) / (k[3] - k[j])

    return np.column_stack([np.ones_like(u), u, bend(0) - bend(2), bend(1) - bend(2)])
