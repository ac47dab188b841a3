"""One Cox model: arrays of sorted patients in, estimates out.

Here belong the fit of a single model with any number of covariates and Firth's penalised fit of a model whose
likelihood has no finite maximum. Screens over genes are in `survival_screen`, tables for people in `survival`, loops in
`survival_kernels`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resistance_assets.science.survival.kernels import partial_likelihood as kernels

Integers = NDArray[np.int64]
#: start, end, death_start, deaths, first of `survival_kernels.segments`.
RiskSets = tuple[Integers, Integers, Integers, Integers, Integers]


@dataclass(frozen=True)
class CoxFit:
    """Estimates of a Cox model, coefficients per unit of the columns as given.

    Attributes:
        coefficients: shape (p,).
        covariance: shape (p, p).
        log_likelihood_null, log_likelihood: at 0 and at the estimate.
        wald_chi2, score_chi2: of all coefficients, p degrees of freedom.
        concordance: of the linear predictor.
        passes: evaluations until the maximum.
        status: code of `survival_kernels`.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood_null: float
    log_likelihood: float
    wald_chi2: float
    score_chi2: float
    concordance: float
    passes: int
    status: int


def standardise(columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and scale each column; returns the columns and their standard deviations (1 where constant)."""
    centred = columns - columns.mean(axis=0)
    sd = centred.std(axis=0, ddof=1) if len(columns) > 1 else np.ones(columns.shape[1])
    sd = np.where((sd > 0) & (columns.max(axis=0) > columns.min(axis=0)), sd, 1.0)
    return np.ascontiguousarray(centred / sd), sd


def fit_model(columns: NDArray[np.float64], risk_sets: RiskSets, *, efron: bool = True) -> CoxFit:
    """Maximise the partial likelihood.

    Args:
        columns: shape (n, p), patients in the order of `SortedCohort`, no missing value.
        risk_sets: start, end, death_start, deaths, first.
        efron: ties after Efron, else Breslow.
    """
    n, p = columns.shape
    X, sd = standardise(columns)
    score, info, beta = np.zeros(p), np.zeros((p, p)), np.zeros(p)
    groups = risk_sets[0].size
    value, null, chi2, passes, status = kernels.maximise_model(X, n, p, beta, groups, *risk_sets, efron, score, info)
    covariance = np.full((p, p), np.nan)
    wald = np.nan
    if status in (kernels.CONVERGED, kernels.NOT_CONVERGED, kernels.MONOTONE):
        lower = np.zeros((p, p))
        if kernels.factorise(info, p, lower):
            covariance = np.linalg.inv(info) / np.outer(sd, sd)
            wald = float(beta @ info @ beta)
    c = float(kernels.concordance(X @ beta, n, groups, *risk_sets))
    return CoxFit(beta / sd, covariance, null, value, wald, chi2, c, passes, status)


def fit_firth(
    columns: NDArray[np.float64], target: int, risk_sets: RiskSets, *, efron: bool = True
) -> dict[str, float]:
    """Firth's penalised estimate of one coefficient, with profile limits and the penalised likelihood-ratio test.

    The penalty is half the log determinant of the information (Firth 1993, Biometrika 80:27; for Cox models Heinze &
    Schemper 2001, Biometrics 57:114): finite where the plain likelihood rises for ever. The information is that of the
    rule for ties in use.

    Args:
        columns: shape (n, p), sorted patients; `target` is the column of interest.

    Returns:
        coefficient, standard_error (from the unpenalised information at the estimate), lower and upper (95 % profile
        penalised likelihood), p_value, log_likelihood (unpenalised, at the estimate), concordance, iterations. All
        but the last are NaN where the information is singular: too few events for the columns.
    """
    from scipy.special import chdtrc

    from resistance_assets.science.survival.kernels.firth import firth

    X, sd = standardise(columns)
    found = np.empty(7)
    passes = int(firth(np.ascontiguousarray(X), target, risk_sets[0].size, *risk_sets, efron, found))
    coefficient, standard_error, lower, upper, chi2, log_likelihood, concordance = (float(value) for value in found)
    unit = float(sd[target])
    return {
        "coefficient": coefficient / unit,
        "standard_error": standard_error / unit,
        "lower": lower / unit,
        "upper": upper / unit,
        "p_value": float(chdtrc(1, max(0.0, chi2))) if np.isfinite(chi2) else np.nan,
        "log_likelihood": log_likelihood,
        "concordance": concordance,
        "iterations": passes,
    }
