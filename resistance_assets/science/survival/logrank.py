"""Log-rank test of two or more groups, optionally within strata (R's `survdiff`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.tails import chi2_tail
from resistance_assets.science.survival.follow_up import usable_patients


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of k groups.

    Attributes:
        groups: group (String), n, observed (Int64), expected (Float64).
        chi2, degrees_of_freedom, p_value: of the test that all hazards are equal.
    """

    groups: pl.DataFrame
    chi2: float
    degrees_of_freedom: int
    p_value: float


def compare_groups(
    time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike, *, strata: ArrayLike | None = None
) -> LogRank:
    """Log-rank test of two or more groups, optionally within strata (R's `survdiff`).

    Raises:
        DesignFault: fewer than two groups have patients, or nobody had the event.
    """
    layers = None if strata is None else np.asarray(strata, dtype=object)
    time, event, labels, layer = usable_patients(time_months, event_observed, group, layers)
    names, code = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise DesignFault(
            f"all {time.size} patients are in one group",
            subject="log-rank test",
            expected="two or more groups",
            remedy="Choose another split.",
        )
    if not event.any():
        raise DesignFault(
            f"none of {time.size} patients had the event",
            subject="log-rank test",
            remedy="Choose another endpoint or cohort.",
        )
    k = names.size
    expected, variance = np.zeros(k), np.zeros((k, k))
    for one in np.unique(layer):
        inside = layer == one
        t, e, c = time[inside], event[inside], code[inside]
        moments, at = np.unique(t, return_inverse=True)
        died, left = np.zeros((moments.size, k)), np.zeros((moments.size, k))
        np.add.at(died, (at, c), e)
        np.add.at(left, (at, c), 1.0)
        risk = np.cumsum(left[::-1], axis=0)[::-1]
        total, deaths = risk.sum(axis=1), died.sum(axis=1)
        share = risk / total[:, None]
        expected += deaths @ share
        factor = np.where(total > 1, deaths * (total - deaths) / np.maximum(total - 1, 1), 0.0)
        variance += np.diag(factor @ share) - (share * factor[:, None]).T @ share
    observed = np.bincount(code, weights=event, minlength=k)
    # Groups that are never at risk at a death carry no information and no degree of freedom.
    informative = expected > 0
    use = np.flatnonzero(informative)[:-1]
    difference = (observed - expected)[use]
    chi2 = float(difference @ np.linalg.pinv(variance[np.ix_(use, use)]) @ difference)
    table = pl.DataFrame(
        {"group": names.astype(str), "n": np.bincount(code, minlength=k), "observed": observed, "expected": expected}
    ).cast({"n": pl.Int64, "observed": pl.Int64})
    p_value = float(chi2_tail(chi2, use.size)) if use.size else 1.0
    return LogRank(table, chi2, int(use.size), p_value)
