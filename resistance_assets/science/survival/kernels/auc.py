"""The compiled loop of the bootstrap of the time-dependent AUC.

Here belongs that loop alone: a resample changes how often each patient counts, not the order of times or of risks, so
both orders are found once and a resample costs a pass over the patients. Tables are made in `survival`.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def resampled_auc(picks, place, n_times, event, case, control, by_risk, risk_rank):
    """AUC at each moment in each resample, NaN where it does not exist.

    Args:
        picks: shape (resamples, n), patients drawn.
        place: shape (n,), rank of each patient's time among the n_times distinct ones. event: shape (n,), 0 or 1.
        case, control: shape (moments, n), who had the event by the moment and who was observed beyond it.
        by_risk: shape (n,), patients by ascending risk. risk_rank: shape (n,), rank of each patient's risk, ties equal.

    Returns:
        Shape (resamples, moments).
    """
    resamples, n = picks.shape
    moments = case.shape[0]
    values = np.full((resamples, moments), np.nan)
    count, weight = np.empty(n), np.empty(n)
    left, died, still = np.empty(n_times), np.empty(n_times), np.empty(n_times)
    for b in range(resamples):
        count[:] = 0.0
        left[:] = 0.0
        died[:] = 0.0
        for k in range(n):
            count[picks[b, k]] += 1.0
        for i in range(n):
            left[place[i]] += count[i]
            died[place[i]] += count[i] * event[i]
        at_risk, uncensored = float(n), 1.0
        for t in range(n_times):
            still[t] = uncensored
            # Deaths come before censoring at one time, so they are not at risk of being censored there.
            remaining = at_risk - died[t]
            uncensored *= 1.0 - (left[t] - died[t]) / max(remaining, 1.0)
            at_risk -= left[t]
        for i in range(n):
            weight[i] = count[i] * event[i] / still[place[i]] if count[i] > 0 else 0.0
        for m in range(moments):
            below, concordant, cases = 0.0, 0.0, 0.0
            k = 0
            while k < n:
                rank = risk_rank[by_risk[k]]
                tied_controls, tied_cases = 0.0, 0.0
                while k < n and risk_rank[by_risk[k]] == rank:
                    i = by_risk[k]
                    if control[m, i]:
                        tied_controls += count[i]
                    elif case[m, i]:
                        tied_cases += weight[i]
                    k += 1
                concordant += tied_cases * (below + 0.5 * tied_controls)
                cases += tied_cases
                below += tied_controls
            if cases > 0 and below > 0:
                values[b, m] = concordant / (cases * below)
    return values
