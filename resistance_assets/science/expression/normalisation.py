"""From counts or intensities to comparable expression values.

Here belong normalisation factors, units (CPM, RPKM, TPM), quantile normalisation, log-scale detection, detection floors
and the rules that turn several probes into one gene. Testing for differences belongs in the `deg` modules.

Matrices are (genes, samples), float64; every function leaves its input untouched.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DataFault

Matrix = NDArray[np.float64]


def library_sizes(counts: ArrayLike) -> Matrix:
    """Shape (samples,): column sums."""
    return np.asarray(counts, dtype=np.float64).sum(axis=0)


def size_factors_median_of_ratios(counts: ArrayLike) -> Matrix:
    """DESeq size factors (Anders and Huber 2010, Genome Biology 11:R106).

    Args:
        counts: shape (genes, samples).

    Returns:
        Shape (samples,): the median over genes without a zero of count over geometric mean.

    Raises:
        DataFault: every gene has a zero in some sample.
    """
    x = np.asarray(counts, dtype=np.float64)
    usable = (x > 0).all(axis=1)
    if not usable.any():
        raise DataFault(
            "every gene is zero in some sample, so no ratio to the geometric mean exists",
            subject="size factors",
            remedy="Drop the sparsest samples, or use a method that normalises with TMM (limma_voom, edger_exact).",
        )
    logs = np.log(x[usable])
    return np.exp(np.median(logs - logs.mean(axis=1, keepdims=True), axis=0))


def tmm_factors(counts: ArrayLike, lib_sizes: ArrayLike | None = None) -> Matrix:
    """Trimmed mean of M-values (Robinson and Oshlack 2010, Genome Biology 11:R25), defaults of edgeR's calcNormFactors.

    The reference is the sample whose upper quartile is closest to the mean one; 30 % of the log ratios and 5 % of the
    average log expressions are trimmed at each end; weights are inverse asymptotic variances.

    Args:
        counts: shape (genes, samples).
        lib_sizes: shape (samples,), column sums if None.

    Returns:
        Shape (samples,): factors with product 1; effective library size = library size x factor.
    """
    x = np.asarray(counts, dtype=np.float64)
    lib = library_sizes(x) if lib_sizes is None else np.asarray(lib_sizes, dtype=np.float64)
    x = x[x.any(axis=1)]
    n_samples = x.shape[1]
    if x.shape[0] == 0 or n_samples == 1:
        return np.ones(n_samples)
    quartile = np.quantile(x, 0.75, axis=0) / lib
    if np.median(quartile) < 1e-20:
        reference = int(np.argmax(np.sqrt(x).sum(axis=0)))
    else:
        reference = int(np.argmin(np.abs(quartile - quartile.mean())))
    factors = np.array([_tmm_pair(x[:, j], x[:, reference], lib[j], lib[reference]) for j in range(n_samples)])
    return factors / np.exp(np.log(factors).mean())


def _tmm_pair(sample: Matrix, reference: Matrix, lib_sample: float, lib_reference: float) -> float:
    from scipy.stats import rankdata

    # A gene that is zero in either sample has an infinite ratio and takes no part.
    both = (sample > 0) & (reference > 0)
    observed, expected = sample[both], reference[both]
    share_o, share_e = observed / lib_sample, expected / lib_reference
    # The quotient first, then one logarithm: a difference of logarithms would break ties that the ranks must share.
    ratio, average = np.log2(share_o / share_e), (np.log2(share_o) + np.log2(share_e)) / 2
    if ratio.size == 0 or np.max(np.abs(ratio)) < 1e-6:
        return 1.0
    variance = (lib_sample - observed) / lib_sample / observed + (lib_reference - expected) / lib_reference / expected
    n = ratio.size
    low_ratio, low_average = np.floor(n * 0.3) + 1, np.floor(n * 0.05) + 1
    rank_ratio, rank_average = rankdata(ratio), rankdata(average)
    kept = (
        (rank_ratio >= low_ratio)
        & (rank_ratio <= n + 1 - low_ratio)
        & (rank_average >= low_average)
        & (rank_average <= n + 1 - low_average)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.sum(ratio[kept] / variance[kept]) / np.sum(1 / variance[kept])
    return float(2.0**factor) if np.isfinite(factor) else 1.0


def effective_library_sizes(counts: ArrayLike, normalisation: Literal["tmm", "none"] = "tmm") -> Matrix:
    """Shape (samples,): library sizes, times TMM factors unless `normalisation` is "none"."""
    lib = library_sizes(counts)
    if normalisation == "none":
        return lib
    if normalisation != "tmm":
        raise ValueError(f"normalisation must be 'tmm' or 'none', got {normalisation!r}")
    return lib * tmm_factors(counts, lib)


def cpm(counts: ArrayLike, lib_sizes: ArrayLike | None = None) -> Matrix:
    """Counts per million of the library (pass effective library sizes for TMM-normalised ones)."""
    x = np.asarray(counts, dtype=np.float64)
    lib = library_sizes(x) if lib_sizes is None else np.asarray(lib_sizes, dtype=np.float64)
    return x / lib * 1e6


def log2_cpm(counts: ArrayLike, lib_sizes: ArrayLike | None = None, prior_count: float = 2.0) -> Matrix:
    """log2 CPM as edgeR's ``cpm(log = TRUE)``: the prior count is scaled per library and twice it joins the library.

    Args:
        counts: shape (genes, samples).
        lib_sizes: shape (samples,); column sums if None.
        prior_count: average count that is added.
    """
    x = np.asarray(counts, dtype=np.float64)
    lib = library_sizes(x) if lib_sizes is None else np.asarray(lib_sizes, dtype=np.float64)
    prior = prior_count * lib / lib.mean()
    return np.log2((x + prior) / (lib + 2 * prior) * 1e6)


def rpkm(counts: ArrayLike, lengths_bp: ArrayLike, lib_sizes: ArrayLike | None = None) -> Matrix:
    """Counts per kilobase of gene and million of library; FPKM if the counts are of fragments.

    Args:
        counts: shape (genes, samples).
        lengths_bp: shape (genes,), the stated lengths in base pairs.
        lib_sizes: shape (samples,); column sums if None.

    Raises:
        DataFault: a length that is missing or not positive.
    """
    return cpm(counts, lib_sizes) / _kilobases(lengths_bp, np.asarray(counts).shape[0])[:, None]


def tpm(counts: ArrayLike, lengths_bp: ArrayLike) -> Matrix:
    """Transcripts per million: counts per kilobase, scaled to one million per sample. Raises DataFault as `rpkm`."""
    rate = np.asarray(counts, dtype=np.float64) / _kilobases(lengths_bp, np.asarray(counts).shape[0])[:, None]
    return rate / rate.sum(axis=0) * 1e6


def _kilobases(lengths_bp: ArrayLike, n_genes: int) -> Matrix:
    lengths = np.asarray(lengths_bp, dtype=np.float64)
    if lengths.shape != (n_genes,):
        raise ValueError(f"lengths have shape {lengths.shape}, expected ({n_genes},)")
    bad = ~(lengths > 0)
    if bad.any():
        raise DataFault(
            f"{int(bad.sum())} genes have no positive length",
            subject="gene lengths",
            place=f"row {int(np.argmax(bad)) + 1}",
            expected="base pairs, above 0",
            remedy="Drop the genes or supply their lengths.",
        )
    return lengths / 1000.0


def quantile_normalise(values: ArrayLike) -> Matrix:
    """Give every column the same distribution: the mean of the sorted columns (Bolstad 2003, Bioinformatics 19:185).

    Tied values get the mean of the quantiles that they span, as limma's normalizeQuantiles with ties = TRUE does.
    Missing values (NaN) stay missing; a column's quantiles are then interpolated between those that it has, as there.
    """
    from scipy.stats import rankdata

    x = np.asarray(values, dtype=np.float64)
    if np.isinf(x).any():
        raise ValueError("quantile normalisation needs numbers, not infinities")
    n = x.shape[0]
    if not n:
        return x.copy()
    positions = np.arange(n) / max(n - 1, 1)
    quantiles = []
    for j in range(x.shape[1]):
        there = np.sort(x[~np.isnan(x[:, j]), j])
        if len(there):
            shares = np.arange(len(there)) / max(len(there) - 1, 1)
            quantiles.append(there if len(there) == n else np.interp(positions, shares, there))
    target = np.mean(quantiles, axis=0) if quantiles else np.full(n, np.nan)
    normalised = np.full(x.shape, np.nan)
    for j in range(x.shape[1]):
        known = ~np.isnan(x[:, j])
        share = (rankdata(x[known, j]) - 1) / max(int(known.sum()) - 1, 1)
        normalised[known, j] = np.interp(share, positions, target)
    return normalised


def is_log_scale(values: ArrayLike) -> bool:
    """Whether intensities are already logarithms, by the heuristic of GEO2R's script.

    They are not if the 99th percentile exceeds 100, or if the range exceeds 50 while the first quartile is positive.
    """
    x = np.asarray(values, dtype=np.float64)
    low, first_quartile, high_percentile, high = np.nanquantile(x, [0.0, 0.25, 0.99, 1.0])
    return not (high_percentile > 100 or (high - low > 50 and first_quartile > 0))


def is_detected(expression: ArrayLike, floor: float, min_samples: int = 1) -> NDArray[np.bool_]:
    """Shape (genes,): at least `min_samples` samples reach `floor` (same unit as `expression`)."""
    return (np.asarray(expression, dtype=np.float64) >= floor).sum(axis=1) >= min_samples


def filter_by_expression(
    counts: ArrayLike,
    groups: ArrayLike,
    *,
    min_count: float = 10.0,
    min_total_count: float = 15.0,
    large_group: float = 10.0,
    min_share: float = 0.7,
) -> NDArray[np.bool_]:
    """Shape (genes,): enough reads to be tested, by edgeR's `filterByExpr` (Chen 2016, F1000Research 5:1438).

    As many samples as the smallest group has (beyond `large_group`, only `min_share` of the excess) must reach the
    counts per million that `min_count` reads are in the median library, and all samples together `min_total_count`
    reads. It does not look at which samples these are, so it does not favour genes that differ.

    Args:
        counts: (genes, samples). groups: (samples,), labels.
        min_count, min_total_count, large_group, min_share: edgeR's defaults.
    """
    x = np.asarray(counts, dtype=np.float64)
    smallest = float(np.unique(np.asarray(groups), return_counts=True)[1].min())
    if smallest > large_group:
        smallest = large_group + (smallest - large_group) * min_share
    lib = library_sizes(x)
    enough = (cpm(x, lib) >= min_count / np.median(lib) * 1e6).sum(axis=1) >= smallest - 1e-14
    return np.asarray(enough & (x.sum(axis=1) >= min_total_count - 1e-14))


def collapse_probes(
    expression: pl.DataFrame, probe_genes: pl.DataFrame, rule: Literal["highest_mean", "median"] = "highest_mean"
) -> pl.DataFrame:
    """Turn a probe table into a gene table.

    Args:
        expression: `probe_id` and one column per sample, log scale; null where a value is missing.
        probe_genes: `probe_id`, `hgnc_symbol`; probes that are absent, without a symbol, or listed with several symbols
            are left out, because their signal cannot be given to one gene.
        rule: "highest_mean" keeps the probe with the largest mean over samples (ties: the first name); "median" takes
            the median over probes sample by sample.

    Returns:
        `hgnc_symbol`, `probes` (Int64), then the samples; sorted by symbol.
    """
    samples = [name for name in expression.columns if name != "probe_id"]
    single = (
        probe_genes.select("probe_id", "hgnc_symbol")
        .filter(pl.col("hgnc_symbol").is_not_null() & (pl.col("hgnc_symbol") != ""))
        .unique()
        .filter(pl.len().over("probe_id") == 1)
    )
    joined = expression.join(single, on="probe_id", how="inner")
    count = pl.len().over("hgnc_symbol").cast(pl.Int64).alias("probes")
    if rule == "median":
        return (
            joined.with_columns(count)
            .group_by("hgnc_symbol")
            .agg(pl.col("probes").first(), *(pl.col(name).median() for name in samples))
            .sort("hgnc_symbol")
        )
    if rule != "highest_mean":
        raise ValueError(f"rule must be 'highest_mean' or 'median', got {rule!r}")
    return (
        joined.with_columns(count, pl.mean_horizontal(samples).alias("__mean"))
        .sort(["hgnc_symbol", "__mean", "probe_id"], descending=[False, True, False], nulls_last=True)
        .unique("hgnc_symbol", keep="first", maintain_order=True)
        .select("hgnc_symbol", "probes", *samples)
    )
