"""How early rankings of genes find known mechanisms of resistance: a check of the rankings, not of the mechanisms."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_KNOWN = 3
"""Known genes that were ranked below which the area is not said: one gene moves it by a third."""
Z_95 = 1.959963984540054

KnownRanks = dict[str, float | int | str | None]


def rank_known(genes: list[str], strength: NDArray[np.float64], known: Collection[str]) -> KnownRanks:
    """Ranks of known genes among all, and the area under the ROC curve of the ranking.

    Args:
        genes: ranked genes, each once.
        strength: of the evidence, larger is earlier; ties share their mean rank.
        known: genes with a known mechanism; those that were not ranked are only counted.

    Returns:
        n_genes, n_known (ranked), n_known_not_ranked, median_rank (1 is the first), median_rank_percent, auc, ci_lower,
        ci_upper (DeLong 1988, doi:10.2307/2531595, on the logit scale), note (why a number is missing). An area of 0 or
        1 has no interval.
    """
    is_known = np.isin(np.array(genes, dtype=object), list(known))
    n, m = len(genes), int(is_known.sum())
    found: KnownRanks = {
        "n_genes": n, "n_known": m, "n_known_not_ranked": len(set(known)) - m, "median_rank": None,
        "median_rank_percent": None, "auc": None, "ci_lower": None, "ci_upper": None, "note": None,
    }  # fmt: skip
    if not known:
        return found | {"note": "no mechanism is known for these drugs"}
    if not m or m == n:
        return found | {"note": "none of the known genes was ranked" if not m else "all ranked genes are known"}
    median = float(np.median(stats.rankdata(-strength)[is_known]))
    found |= {"median_rank": median, "median_rank_percent": 100.0 * median / n}
    if m < LEAST_KNOWN:
        return found | {"note": f"{m} known genes ranked; an area needs {LEAST_KNOWN}"}
    auc, error = area_with_error(strength[is_known], strength[~is_known])
    if not 0.0 < auc < 1.0:
        return found | {"auc": auc, "note": "all known genes stand at one end: no interval"}
    logit, spread = math.log(auc / (1.0 - auc)), Z_95 * error / (auc * (1.0 - auc))
    return found | {
        "auc": auc,
        "ci_lower": 1.0 / (1.0 + math.exp(spread - logit)),
        "ci_upper": 1.0 / (1.0 + math.exp(-spread - logit)),
    }


def area_with_error(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> tuple[float, float]:
    """Chance that a positive value is above a negative one (ties half), and DeLong's standard error.

    Args:
        positive, negative: two values or more each.
    """
    below = np.sort(negative)
    above = np.sort(positive)
    of_positive = (np.searchsorted(below, positive) + np.searchsorted(below, positive, side="right")) / 2 / below.size
    higher = above.size - (np.searchsorted(above, negative) + np.searchsorted(above, negative, side="right")) / 2
    of_negative = higher / above.size
    variance = of_positive.var(ddof=1) / positive.size + of_negative.var(ddof=1) / negative.size
    return float(of_positive.mean()), math.sqrt(variance)
