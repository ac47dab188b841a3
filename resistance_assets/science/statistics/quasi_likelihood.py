"""Quasi-likelihood regression of counts and proportions, step for step as R's `glm` does it.

Stop rule, and the weights of the last step in covariance and dispersion, are those of `stats::glm.fit`: at convergence
they differ from those of the final means in the sixth digit, which is more than the tolerance of the references.
"""

from __future__ import annotations

import math

import numpy as np

MOST_ROUNDS = 100
TOLERANCE = 1e-8


def fit_quasi_likelihood(
    design: np.ndarray, total: np.ndarray, trials: np.ndarray, *, is_count: bool
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Log-linear (quasi-Poisson) or logistic (quasi-binomial) regression by iteratively reweighted least squares.

    Args:
        design: units x coefficients, of full rank.
        total: count of each unit.
        trials: out of how many; ones for counts without a denominator.
        is_count: quasi-Poisson on the counts; else quasi-binomial on total out of trials.

    Returns:
        coefficients, their unscaled covariance, the Pearson dispersion and its degrees of freedom.
    """
    share = total / trials
    mean = total + 0.1 if is_count else (total + 0.5) / (trials + 1.0)
    linear = np.log(mean) if is_count else np.log(mean / (1.0 - mean))
    before = math.inf
    coefficients, covariance, weights = np.zeros(design.shape[1]), np.eye(design.shape[1]), np.ones(len(total))
    for _ in range(MOST_ROUNDS):
        slope = mean if is_count else mean * (1.0 - mean)
        weights = trials * slope
        working = linear + (share - mean) / slope
        crossed = design.T @ (design * weights[:, None])
        covariance = np.linalg.inv(crossed)
        coefficients = covariance @ (design.T @ (weights * working))
        linear = design @ coefficients
        mean = np.exp(linear) if is_count else 1.0 / (1.0 + np.exp(-linear))
        deviance = _deviance(share, mean, trials, is_count=is_count)
        if abs(deviance - before) / (abs(deviance) + 0.1) < TOLERANCE:
            break
        before = deviance
    slope = mean if is_count else mean * (1.0 - mean)
    df = len(total) - design.shape[1]
    return coefficients, covariance, float((weights * ((share - mean) / slope) ** 2).sum() / df), df


def _deviance(share: np.ndarray, mean: np.ndarray, trials: np.ndarray, *, is_count: bool) -> float:
    def part(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return np.where(observed > 0.0, observed * np.log(np.where(observed > 0.0, observed, 1.0) / expected), 0.0)

    if is_count:
        return float(2.0 * (part(share, mean) - (share - mean)).sum())
    return float(2.0 * (trials * (part(share, mean) + part(1.0 - share, 1.0 - mean))).sum())
