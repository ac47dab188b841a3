"""Markers of a panel between two groups of patients, and between two samples of one patient.

limma over the tested markers leads; beside it stand rank tests, the censored (Tobit) regression for values below the
limit, and for markers that are refused the share of patients in whom they were detected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from resistance_assets.science.deg.robust_moderation import LEAST_ROWS
from resistance_assets.science.plasma_panel.comparisons import LEAST_PAIRS, censored_regression, signed_rank_test
from resistance_assets.science.plasma_panel.moderated import (
    consensus_correlation,
    fit_in_blocks,
    moderated_differences,
)
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.rank_sum import rank_sum_rows
from resistance_assets.science.statistics.t_tests import paired_t_test

Matrix = NDArray[np.float64]
LEAST_PATIENTS = 3


class Panel(NamedTuple):
    """Markers by samples.

    Attributes:
        markers: names of the rows of the matrices.
        log2: (markers, samples), NaN where missing.
        is_below: (markers, samples), below the limit.
        log2_lod: (markers,), NaN where unknown.
    """

    markers: list[str]
    log2: Matrix
    is_below: NDArray[np.bool_]
    log2_lod: Matrix

    def of_samples(self, columns: NDArray[np.intp]) -> Panel:
        """The panel of some samples, in their order."""
        return self._replace(log2=self.log2[:, columns], is_below=self.is_below[:, columns])

    def of_markers(self, wanted: Sequence[str]) -> Panel:
        """The panel of some markers, in its own order."""
        rows = np.array([at for at, marker in enumerate(self.markers) if marker in set(wanted)], dtype=np.intp)
        names = [self.markers[at] for at in rows]
        return Panel(names, self.log2[rows], self.is_below[rows], self.log2_lod[rows])


def compare_groups(
    panel: Panel, refused: Panel, is_numerator: NDArray[np.bool_], covariates: Mapping[str, Sequence[Any]]
) -> pl.DataFrame:
    """Two groups of patients, one sample each.

    Args:
        panel: tested markers, the samples of both groups.
        refused: markers that are not tested, the same samples.
        is_numerator: of each sample.
        covariates: name -> a number or text per sample; None where unknown.

    Returns:
        method (limma, limma_adjusted, limma_trend_robust with ten markers or more, wilcoxon_rank_sum,
        censored_regression, fisher_detected), marker, n_numerator, n_denominator, difference_log2 (numerator minus
        denominator), p, q (over the markers of the method), and what the method has beside. With fewer than three
        patients on a side there are differences and no tests.
    """
    sizes = int(is_numerator.sum()), int((~is_numerator).sum())
    if min(sizes) < LEAST_PATIENTS:
        note = f"fewer than {LEAST_PATIENTS} patients in a group ({sizes[0]} v {sizes[1]})"
        return _untested(panel, "limma", is_numerator, note)
    frames = [_limma(panel, is_numerator, "limma", np.empty((len(is_numerator), 0)))]
    if covariates:
        columns, kept = design_columns(covariates)
        chosen = np.flatnonzero(kept)
        frames.append(_adjusted(panel.of_samples(chosen), is_numerator[chosen], columns[chosen], int((~kept).sum())))
    if _can_be_robust(panel, is_numerator):
        frames.append(_limma(panel, is_numerator, "limma_trend_robust", np.empty((len(is_numerator), 0))))
    frames.append(_rank_sums(panel, is_numerator))
    frames.append(_censored(panel, is_numerator))
    frames.append(_detected(refused, is_numerator))
    return pl.concat([frame for frame in frames if frame.height], how="diagonal_relaxed")


def design_columns(covariates: Mapping[str, Sequence[Any]]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Columns of a design for numbers and levels (against the first in sorted order), and rows without a gap."""
    n = len(next(iter(covariates.values())))
    kept, columns = np.ones(n, dtype=bool), []
    for values in covariates.values():
        kept &= np.array([value is not None for value in values])
        if all(value is None or isinstance(value, int | float) for value in values):
            columns.append(np.array([math.nan if value is None else float(value) for value in values]))
            continue
        levels = sorted({str(value) for value in values if value is not None})
        columns += [np.array([float(value == level) for value in values]) for level in levels[1:]]
    return np.column_stack(columns) if columns else np.empty((n, 0)), kept


def _counts(panel: Panel, is_numerator: NDArray[np.bool_]) -> dict[str, Any]:
    present = ~np.isnan(panel.log2)
    return {
        "n_numerator": present[:, is_numerator].sum(axis=1),
        "n_denominator": present[:, ~is_numerator].sum(axis=1),
        "n_below_numerator": (panel.is_below & present)[:, is_numerator].sum(axis=1),
        "n_below_denominator": (panel.is_below & present)[:, ~is_numerator].sum(axis=1),
    }


def _with_counts(frame: pl.DataFrame, panel: Panel, is_numerator: NDArray[np.bool_], method: str) -> pl.DataFrame:
    counts = pl.DataFrame({"marker": panel.markers, **_counts(panel, is_numerator)})
    integers = [pl.col(name).cast(pl.Int64) for name in counts.columns[1:]]
    return frame.with_columns(method=pl.lit(method)).join(
        counts.with_columns(integers), on="marker", how="left", maintain_order="left"
    )


def _untested(panel: Panel, method: str, is_numerator: NDArray[np.bool_], note: str) -> pl.DataFrame:
    difference = [
        float(np.nanmean(row[is_numerator]) - np.nanmean(row[~is_numerator]))
        if (~np.isnan(row[is_numerator])).any() and (~np.isnan(row[~is_numerator])).any()
        else None
        for row in panel.log2
    ]
    frame = pl.DataFrame(
        {"marker": panel.markers, "difference_log2": difference},
        schema={"marker": pl.String, "difference_log2": pl.Float64},
    )
    return _with_counts(frame, panel, is_numerator, method).with_columns(p_note=pl.lit(note))


def _limma(panel: Panel, is_numerator: NDArray[np.bool_], method: str, covariates: Matrix) -> pl.DataFrame:
    design = np.column_stack([np.ones(len(is_numerator)), is_numerator.astype(float), covariates])
    robust = method == "limma_trend_robust"
    frame = moderated_differences(panel.log2, panel.markers, design, 1, trend_and_robust=robust)
    return _with_counts(frame, panel, is_numerator, method)


def _can_be_robust(panel: Panel, is_numerator: NDArray[np.bool_]) -> bool:
    """Enough markers with a residual variance to see a trend and to tell outlying variances."""
    present = ~np.isnan(panel.log2)
    sizes = present[:, is_numerator].sum(axis=1), present[:, ~is_numerator].sum(axis=1)
    return int(((sizes[0] > 1) & (sizes[1] > 1)).sum()) >= LEAST_ROWS


def _adjusted(panel: Panel, is_numerator: NDArray[np.bool_], columns: Matrix, left_out: int) -> pl.DataFrame:
    design = np.column_stack([np.ones(len(is_numerator)), is_numerator.astype(float), columns])
    if len(design) <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        note = "a covariate repeats the groups or another one, or leaves no residual degree of freedom"
        return _untested(panel, "limma_adjusted", is_numerator, note)
    found = _limma(panel, is_numerator, "limma_adjusted", columns)
    note = f"{left_out} patients without a covariate are left out" if left_out else None
    return found.with_columns(p_note=pl.lit(note, pl.String))


def _rank_sums(panel: Panel, is_numerator: NDArray[np.bool_]) -> pl.DataFrame:
    found = rank_sum_rows(panel.log2, is_numerator, exact=False)
    medians = [_row_medians(panel.log2[:, side]) for side in (is_numerator, ~is_numerator)]
    frame = pl.DataFrame(
        {
            "marker": panel.markers,
            "difference_log2": medians[0] - medians[1],
            "statistic": found.w,
            "p": found.p_value,
            "test": ["normal approximation with continuity correction"] * len(panel.markers),
        },
        schema_overrides={"marker": pl.String, "test": pl.String},
    ).fill_nan(None)
    return _corrected(_with_counts(frame, panel, is_numerator, "wilcoxon_rank_sum"))


def _row_medians(values: Matrix) -> Matrix:
    """Median of each row over its values; NaN for a row without any."""
    return np.array([np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else math.nan for row in values])


def _censored(panel: Panel, is_numerator: NDArray[np.bool_]) -> pl.DataFrame:
    rows = []
    for at, marker in enumerate(panel.markers):
        row, below = panel.log2[at], panel.is_below[at]
        there = ~np.isnan(row)
        if math.isnan(panel.log2_lod[at]) and (below & there).any():
            continue
        y = np.where(below, panel.log2_lod[at], row)[there]
        group, detected = is_numerator[there], ~below[there]
        if not detected.any() or group.all() or not group.any():
            continue
        found = censored_regression(y, detected, group)
        reach = float(stats.norm.ppf(0.975)) * found.standard_error
        rows.append(
            {
                "marker": marker,
                "difference_log2": found.difference,
                "standard_error": found.standard_error,
                "ci_lower": found.difference - reach,
                "ci_upper": found.difference + reach,
                "p": found.p_likelihood_ratio,
                "p_wald": found.p_wald,
                "sigma": found.sigma,
                "log_likelihood": found.log_likelihood,
                "test": "likelihood ratio",
            }
        )
    return _corrected(_with_counts(_frame(rows), panel, is_numerator, "censored_regression"))


def _detected(refused: Panel, is_numerator: NDArray[np.bool_]) -> pl.DataFrame:
    """Detected or not in both groups, of markers that are refused and not below their limit everywhere."""
    rows = []
    for at, marker in enumerate(refused.markers):
        there = ~np.isnan(refused.log2[at])
        detected = there & ~refused.is_below[at]
        if not detected.any():
            continue
        table = [
            [int((detected & side).sum()), int((there & ~detected & side).sum())]
            for side in (is_numerator, ~is_numerator)
        ]
        p = float(stats.fisher_exact(table)[1])  # pyright: ignore[reportArgumentType]
        note = "detected or not: no difference of concentrations can be said"
        rows.append({"marker": marker, "p": p, "test": "Fisher exact", "p_note": note})
    return _corrected(_with_counts(_frame(rows), refused, is_numerator, "fisher_detected"))


def compare_pairs(panel: Panel, first: NDArray[np.intp], second: NDArray[np.intp]) -> pl.DataFrame:
    """Second minus first sample of the same patients.

    Args:
        panel: tested markers, every sample.
        first, second: columns of the two samples of each pair.

    Returns:
        Columns as `compare_groups`; method limma_paired, limma_block_correlation, wilcoxon_signed_rank, paired_t. With
        fewer than five pairs there are differences and no tests.
    """
    both = np.concatenate([first, second])
    is_second = np.repeat([False, True], len(first))
    own = panel.of_samples(both)
    if len(first) < LEAST_PAIRS:
        note = f"fewer than {LEAST_PAIRS} pairs"
        return _untested(own, "limma_paired", is_second, note)
    pair = np.tile(np.arange(len(first)), 2)
    indicators = (pair[:, None] == np.arange(1, len(first))[None, :]).astype(float)
    design = np.column_stack([np.ones(len(both)), indicators, is_second.astype(float)])
    frames = [
        _with_counts(
            moderated_differences(own.log2, own.markers, design, design.shape[1] - 1), own, is_second, "limma_paired"
        )
    ]
    plain = np.column_stack([np.ones(len(both)), is_second.astype(float)])
    correlation = consensus_correlation(own.log2, plain, pair)
    if not math.isnan(correlation):
        fit = fit_in_blocks(own.log2, plain, 1, pair, correlation)
        blocked = moderated_differences(own.log2, own.markers, plain, 1, fit)
        frames.append(
            _with_counts(blocked, own, is_second, "limma_block_correlation").with_columns(
                block_correlation=pl.lit(correlation)
            )
        )
    differences = panel.log2[:, second] - panel.log2[:, first]
    both_below = panel.is_below[:, second] & panel.is_below[:, first]
    frames += [_signed_ranks(own, differences, both_below, is_second), _paired_t(own, differences, is_second)]
    return pl.concat(frames, how="diagonal_relaxed")


def _signed_ranks(
    own: Panel, differences: Matrix, both_below: NDArray[np.bool_], is_second: NDArray[np.bool_]
) -> pl.DataFrame:
    rows = []
    for marker, row, below in zip(own.markers, differences, both_below, strict=True):
        found, known = signed_rank_test(row), row[~np.isnan(row)]
        rows.append(
            {
                "marker": marker,
                "difference_log2": float(np.median(known)) if len(known) else None,
                "statistic": found.v,
                "p": found.p_value,
                "test": found.method,
                "p_note": found.p_note,
                "n_pairs": found.n_pairs,
                "n_zero_differences": found.n_zero,
                "n_pairs_both_below": int(below.sum()),
            }
        )
    return _corrected(_with_counts(_frame(rows), own, is_second, "wilcoxon_signed_rank"))


def _paired_t(own: Panel, differences: Matrix, is_second: NDArray[np.bool_]) -> pl.DataFrame:
    rows = []
    for marker, row in zip(own.markers, differences, strict=True):
        known = row[~np.isnan(row)]
        found = paired_t_test(known, np.zeros(len(known)))
        few = len(known) < LEAST_PAIRS
        rows.append(
            {
                "marker": marker,
                "difference_log2": found.difference,
                "standard_error": found.standard_error,
                "ci_lower": found.difference - found.half_width(),
                "ci_upper": found.difference + found.half_width(),
                "statistic": found.t,
                "degrees_of_freedom": found.degrees_of_freedom,
                "p": math.nan if few else found.p_value,
                "p_note": f"fewer than {LEAST_PAIRS} pairs" if few else None,
                "n_pairs": len(known),
            }
        )
    return _corrected(_with_counts(_frame(rows), own, is_second, "paired_t"))


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema={"marker": pl.String, "p": pl.Float64})
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("p").cast(pl.Float64)).fill_nan(None)


def _corrected(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(q=pl.Series(adjust_bh(frame["p"].fill_null(math.nan).to_numpy()))).fill_nan(None)
