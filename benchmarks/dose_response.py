"""Dose-response curves: ten thousand fits with profile-likelihood intervals.

Each case is a dict, as in `survival_screen`. The peer fits the same curves by scipy's least squares, without intervals.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from resistance_assets.science.dose_response.study_curves import REPLICATE_MODEL, fit_many

_SAMPLE = 200


@cache
def _curves(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Made-up curves of 8 doses and 3 replicates: slopes around 1.3, EC50 over four decades, 3 % noise."""
    rng = np.random.default_rng(20240501)
    dose = np.tile(np.geomspace(0.008, 40.0, 8), 3)
    found = []
    for _ in range(n):
        hill, middle, lower = rng.uniform(0.7, 2.0), float(np.exp(rng.normal(0.0, 2.0))), rng.uniform(0.0, 30.0)
        y = lower + (100.0 - lower) / (1.0 + (dose / middle) ** hill) + rng.normal(0.0, 3.0, len(dose))
        found.append((dose, y))
    return found


def _fit_all(n: int):
    def run() -> object:
        return fit_many(_curves(n), [REPLICATE_MODEL] * n)

    return run


def _scipy(n: int, sample: int = _SAMPLE):
    def run() -> None:
        from scipy.optimize import curve_fit

        def curve(ln_dose, ln_hill, ln_ec50, lower):
            return lower + (100.0 - lower) / (1.0 + np.exp(np.exp(ln_hill) * (ln_dose - ln_ec50)))

        for dose, y in _curves(n)[:sample]:
            try:
                curve_fit(curve, np.log(dose), y, p0=(0.0, 0.0, 10.0))
            except RuntimeError:
                continue

    return run


def cases() -> list[dict]:
    n = 10_000
    return [
        {
            "name": "dose_response_curves",
            "size": f"{n:,} curves x 24 points",
            "ours": _fit_all(n),
            "peer_name": "scipy curve_fit",
            "peer": _scipy(n),
            "peer_scale": n / _SAMPLE,
            "note": "variable projection, F tests, profile-likelihood intervals of EC50 and IC50, verdict;"
            " peer: one start, the estimate alone, on a sample",
        }
    ]
