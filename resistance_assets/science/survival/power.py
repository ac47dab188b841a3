"""Power of a survival analysis by Schoenfeld's formula: events needed, power at hand, smallest detectable effect."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def events_for_power(
    log_hazard_ratio: ArrayLike, variance: ArrayLike = 1.0, *, power: float = 0.8, alpha: float = 0.05
) -> NDArray[np.float64]:
    """Events needed to find a log hazard ratio per unit of a covariate with the given variance (Schoenfeld).

    (z_{1-alpha/2} + z_{power})^2 / (variance x log_hazard_ratio^2), rounded up (Schoenfeld 1983, Biometrics 39:499;
    Hsieh & Lavori 2000, Control Clin Trials 21:552 for a continuous covariate). For two groups the variance is the
    product of their shares. NaN where there is no effect to find.
    """
    from scipy.special import ndtri

    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} must lie between 0 and 1")
    effect = np.asarray(log_hazard_ratio, np.float64) ** 2 * np.asarray(variance, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        events = np.ceil((ndtri(1 - alpha / 2) + ndtri(power)) ** 2 / effect)
    return np.where(np.isfinite(events), events, np.nan)


def minimum_detectable_hazard_ratio(
    events: ArrayLike, variance: ArrayLike = 1.0, *, power: float = 0.8, alpha: float = 0.05
) -> NDArray[np.float64]:
    """Smallest hazard ratio above 1 (per SD, or between groups) that this many events find with the given power.

    It depends on the events alone and not on the effect that was found, as a power computed afterwards would. NaN
    without events.
    """
    from scipy.special import ndtri

    needed = float(ndtri(1 - alpha / 2) + ndtri(power))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.exp(needed / np.sqrt(np.asarray(events, float) * np.asarray(variance, float)))
    return np.where(np.isfinite(ratio), ratio, np.nan)
