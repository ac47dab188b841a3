"""Growth-rate (GR) metrics of a dose series: GR50, GRmax, GR infinity and the area over the curve.

Model, bounds and F test are those of GRmetrics (Hafner 2016, doi:10.1038/nmeth.3853): GR = GRinf + (1 - GRinf) /
(1 + (dose / GEC50)^h), h in 0.1 to 5, GRinf in -1 to 1, GEC50 in min/100 to max*100.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEAST_DOSES = 4


class GrowthRateMetrics(NamedTuple):
    """GR metrics of one curve; doses in the unit that was given. NaN where a number does not exist.

    Attributes:
        gr50: dose at GR 0.5; NaN where the curve does not come down to it.
        gr_max: the smaller of the means at the two highest doses.
        gr_aoc: area over the curve on the log-dose scale, divided by its range.
        p_sigmoid: F test of the sigmoid against a flat line.
        at_bound: a parameter lies on its bound, so that it is not an estimate.
    """

    n: int
    h_gr: float
    gr_inf: float
    gec50: float
    rss: float
    gr50: float
    gr_max: float
    gr_top_dose: float
    gr_aoc: float
    f_statistic: float
    p_sigmoid: float
    at_bound: bool


def fit_growth_rate(dose: NDArray[np.float64], gr_value: NDArray[np.float64]) -> GrowthRateMetrics | None:
    """GR metrics by bounded least squares; None with fewer than four doses above 0.

    Args:
        dose: per point; the control (dose 0) takes no part.
        gr_value: per point, -1 to about 1.
    """
    keep = (dose > 0.0) & np.isfinite(gr_value)
    x, y = dose[keep].astype(np.float64), gr_value[keep].astype(np.float64)
    doses, place = np.unique(x, return_inverse=True)
    if len(doses) < LEAST_DOSES:
        return None
    means = np.bincount(place, weights=y) / np.bincount(place)
    ln_x = np.log(x)
    lowest = np.array([0.1, -1.0, math.log(doses[0] / 100.0)])
    highest = np.array([5.0, 1.0, math.log(doses[-1] * 100.0)])

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        h, gr_inf, ln_gec50 = parameters
        return y - gr_inf - (1.0 - gr_inf) / (1.0 + np.exp(np.clip(h * (ln_x - ln_gec50), -700.0, 700.0)))

    best = None
    for h in (0.7, 1.0, 2.0):
        for quantile in (0.2, 0.5, 0.8):
            start = np.array([h, 0.1, float(np.quantile(ln_x, quantile))])
            found = optimize.least_squares(
                residuals, start, bounds=(lowest, highest), xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale=(1.0, 0.5, 1.0)
            )
            if best is None or found.cost < best.cost:
                best = found
    assert best is not None
    h, gr_inf, ln_gec50 = (float(value) for value in best.x)
    rss = 2.0 * float(best.cost)
    flat = float(((y - y.mean()) ** 2).sum())
    df = len(y) - 3
    f = (flat - rss) / 2.0 / (rss / df) if df > 0 and rss > 0.0 else math.nan
    gec50 = math.exp(ln_gec50)
    gr50 = gec50 * ((1.0 - gr_inf) / (0.5 - gr_inf) - 1.0) ** (1.0 / h) if gr_inf < 0.5 else math.nan
    ln_doses = np.log(doses)
    over = float(np.trapezoid(1.0 - means, ln_doses) / (ln_doses[-1] - ln_doses[0]))
    edge = np.minimum(np.abs(best.x - lowest), np.abs(best.x - highest))
    return GrowthRateMetrics(
        n=len(y),
        h_gr=h,
        gr_inf=gr_inf,
        gec50=gec50,
        rss=rss,
        gr50=gr50,
        gr_max=float(means[-2:].min()),
        gr_top_dose=float(means[-1]),
        gr_aoc=over,
        f_statistic=f,
        p_sigmoid=float(stats.f.sf(f, 2, df)) if df > 0 and math.isfinite(f) else math.nan,
        at_bound=bool((edge < 1e-6).any()),
    )
