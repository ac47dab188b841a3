"""Single-drug curves of a combination: inhibition that rises from a given start to a maximum.

inhibition = start + (emax - start) / (1 + (EC50 / dose)^hill), by least squares with hill in 0.1 to 10, ln EC50 within
3 of the tested doses and emax from the start to 100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LARGEST_EFFECT = 100.0
LN_HILL = (math.log(0.1), math.log(10.0))
REACH_LN = 3.0


@dataclass(frozen=True)
class HillCurve:
    """A fitted curve in percent inhibition; doses in the unit that was given.

    Attributes:
        at_bound: a parameter lies on its bound, so that it is no estimate.
        no_effect_p: F test against a constant; NaN without residual degrees of freedom.
    """

    hill: float
    start: float
    emax: float
    ln_ec50: float
    rss: float
    n: int
    at_bound: bool
    no_effect_p: float

    @property
    def ec50(self) -> float:
        return math.exp(self.ln_ec50)

    def effect(self, dose: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Fitted inhibition in percent."""
        return self.start + (self.emax - self.start) * _rise(
            np.asarray(dose, dtype=np.float64), self.hill, self.ln_ec50
        )

    def dose_for(self, effect: float) -> float:
        """Dose with that inhibition: 0 at or below the start, infinite at or above emax."""
        if effect <= self.start:
            return 0.0
        if effect >= self.emax:
            return math.inf
        return math.exp(self.ln_ec50 + math.log((effect - self.start) / (self.emax - effect)) / self.hill)


def _rise(dose: NDArray[np.float64], hill: float, ln_ec50: float) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(dose > 0.0, 1.0 / (1.0 + np.exp(-hill * (np.log(dose) - ln_ec50))), 0.0)


def fit_hill(dose: NDArray[np.float64], inhibition: NDArray[np.float64], *, start: float = 0.0) -> HillCurve:
    """Least squares of slope, EC50 and maximum, for a given start.

    Args:
        dose: per point, not negative; at least one above 0.
        inhibition: per point, in percent.
        start: inhibition at dose 0.
    """
    dose, y = np.asarray(dose, dtype=np.float64), np.asarray(inhibition, dtype=np.float64)
    ln_doses = np.log(dose[dose > 0.0])
    low, high = float(ln_doses.min()) - REACH_LN, float(ln_doses.max()) + REACH_LN

    def solve(ln_hill: float, ln_ec50: float) -> tuple[float, float]:
        """Residual sum of squares and emax for a given shape; the model is linear in emax."""
        rise = _rise(dose, math.exp(ln_hill), ln_ec50)
        square = float(rise @ rise)
        free = start + float(rise @ (y - start)) / square if square > 0.0 else start
        emax = min(LARGEST_EFFECT, max(start, free))
        residual = y - start - (emax - start) * rise
        return float(residual @ residual), emax

    grid = [
        (solve(math.log(hill), place)[0], math.log(hill), place)
        for hill in (0.3, 0.6, 1.0, 1.5, 2.5, 5.0)
        for place in np.linspace(low, high, 41)
    ]
    best = None
    for _, ln_hill, place in sorted(grid)[:4]:
        found = optimize.minimize(
            lambda at: solve(at[0], at[1])[0],
            np.array([ln_hill, place]),
            method="Nelder-Mead",
            bounds=[LN_HILL, (low, high)],
            options={"xatol": 1e-10, "fatol": 1e-13, "maxfev": 3000},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    ln_hill, ln_ec50 = (float(value) for value in best.x)
    rss, emax = solve(ln_hill, ln_ec50)
    on_edge = min(abs(ln_hill - LN_HILL[0]), abs(ln_hill - LN_HILL[1]), abs(ln_ec50 - low), abs(ln_ec50 - high)) < 1e-4
    df = len(y) - 3
    p = math.nan
    if df > 0 and rss > 0.0:
        flat = float(((y - y.mean()) ** 2).sum())
        p = float(stats.f.sf((flat - rss) / 2.0 / (rss / df), 2, df))
    return HillCurve(
        hill=math.exp(ln_hill),
        start=start,
        emax=emax,
        ln_ec50=ln_ec50,
        rss=rss,
        n=len(y),
        at_bound=on_edge or abs(emax - LARGEST_EFFECT) < 1e-8,
        no_effect_p=p,
    )
