"""Cox proportional-hazards models: one model with any number of covariates, and Firth's penalised fit.

Numbers follow R's `coxph`. Screens over genes are in `screen`, the compiled loops in `kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.tails import Z_95, chi2_tail, normal_tail
from resistance_assets.science.survival.follow_up import RiskSets, SortedCohort, as_floats, group_label


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
        status: code of `kernels.partial_likelihood`.
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
    from resistance_assets.science.survival.kernels import adjusted, concordance, partial_likelihood

    n, p = columns.shape
    X, sd = standardise(columns)
    score, info, beta = np.zeros(p), np.zeros((p, p)), np.zeros(p)
    groups = risk_sets[0].size
    value, null, chi2, passes, status = adjusted.maximise_model(X, n, p, beta, groups, *risk_sets, efron, score, info)
    covariance = np.full((p, p), np.nan)
    wald = np.nan
    if status in (partial_likelihood.CONVERGED, partial_likelihood.NOT_CONVERGED, partial_likelihood.MONOTONE):
        lower = np.zeros((p, p))
        if adjusted.factorise(info, p, lower):
            covariance = np.linalg.inv(info) / np.outer(sd, sd)
            wald = float(beta @ info @ beta)
    c = float(concordance.concordance(X @ beta, n, groups, *risk_sets))
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


@dataclass(frozen=True)
class CoxModel:
    """A Cox model as two tables.

    Attributes:
        terms: one row per coefficient, for a forest plot: term, variable, level (String; level null for a number),
            n, events (Int64; of the level, or of the model), log_hazard_ratio, hazard_ratio, ci_lower, ci_upper,
            standard_error, statistic, p_value, log_hazard_ratio_per_sd (Float64), estimator (String). A reference level
            has hazard ratio 1 and no test.
        model: one row: n, events, n_left_out, coefficients (Int64), log_likelihood_null, log_likelihood,
            likelihood_ratio_chi2, p_likelihood_ratio, wald_chi2, p_wald, score_chi2, p_score, concordance,
            events_per_variable (Float64), ties, strata, fit_status, warning (String).
    """

    terms: pl.DataFrame
    model: pl.DataFrame


def fit_cox(
    covariates: pl.DataFrame | Mapping[str, Any],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: str = "efron",
) -> CoxModel:
    """Multivariable Cox model of complete cases (R's `coxph`).

    Args:
        covariates: one column per variable, n_patients rows. Numbers enter as they are, strings as levels against the
            first one in sorted order.
        strata: labels with a baseline hazard of their own.
        ties: "efron" or "breslow".

    Returns:
        `CoxModel`. The model's `warning` speaks up below ten events per coefficient (Peduzzi et al. 1995, J Clin
        Epidemiol 48:1503). Without a finite maximum (`fit_status` monotone_likelihood) the terms are Firth's penalised
        estimates with profile limits.

    Raises:
        DesignFault: no events, no complete case, a variable that is constant or repeats others.
    """
    from resistance_assets.science.survival.kernels import partial_likelihood

    design = CoxDesign(covariates, time_months, event_observed, strata, ties)
    cohort, X = design.cohort, design.columns
    risk_sets = cohort.risk_sets()
    efron = ties == "efron"
    fit = fit_model(X, risk_sets, efron=efron)
    if fit.status == partial_likelihood.NO_INFORMATION:
        raise DesignFault(
            f"the covariates {', '.join(design.terms)} are linearly dependent among the {cohort.order.size} patients",
            subject="Cox model",
            remedy="Leave out the variable that repeats the others.",
        )
    status = {partial_likelihood.CONVERGED: "converged", partial_likelihood.MONOTONE: "monotone_likelihood"}.get(
        fit.status, "not_converged"
    )
    estimates = [_estimate_of_term(design, j, fit, status, risk_sets, efron) for j in range(X.shape[1])]
    return CoxModel(design.terms_table(estimates), _model_row(design, fit, status, ties))


def _estimate_of_term(
    design: CoxDesign, j: int, fit: CoxFit, status: str, risk_sets: RiskSets, efron: bool
) -> dict[str, Any]:
    """Row of one coefficient in `CoxModel.terms`."""
    X = design.columns
    if status == "monotone_likelihood":
        firth = fit_firth(X, j, risk_sets, efron=efron)
        beta, se = firth["coefficient"], firth["standard_error"]
        lower, upper, z, p_value = firth["lower"], firth["upper"], None, firth["p_value"]
    else:
        beta, se = float(fit.coefficients[j]), float(np.sqrt(fit.covariance[j, j]))
        lower, upper, z = beta - Z_95 * se, beta + Z_95 * se, beta / se
        p_value = float(2 * normal_tail(abs(z))) if status == "converged" else None
    with np.errstate(over="ignore"):
        ratio, low, high = (float(v) for v in np.exp([beta, lower, upper]))
    return {
        "term": design.terms[j],
        "log_hazard_ratio": beta,
        "hazard_ratio": ratio,
        "ci_lower": low,
        "ci_upper": high,
        "standard_error": se,
        "statistic": z,
        "p_value": p_value,
        "log_hazard_ratio_per_sd": beta * float(X[:, j].std(ddof=1)) if design.levels[j] is None else None,
        "estimator": "firth" if status == "monotone_likelihood" else "partial_likelihood",
    }


def _model_row(design: CoxDesign, fit: CoxFit, status: str, ties: str) -> pl.DataFrame:
    """The row of `CoxModel.model`."""
    cohort, p = design.cohort, design.columns.shape[1]
    events = int(cohort.event.sum())
    ratio = 2 * (fit.log_likelihood - fit.log_likelihood_null)
    per_variable = events / p
    warning = (
        f"{per_variable:.1f} events per coefficient; below 10 estimates are unstable" if per_variable < 10 else None
    )
    return pl.DataFrame(
        {
            "n": [cohort.order.size],
            "events": [events],
            "n_left_out": [design.n_input - cohort.order.size],
            "coefficients": [p],
            "log_likelihood_null": [fit.log_likelihood_null],
            "log_likelihood": [fit.log_likelihood],
            "likelihood_ratio_chi2": [ratio],
            "p_likelihood_ratio": [float(chi2_tail(ratio, p))],
            "wald_chi2": [fit.wald_chi2 if status == "converged" else None],
            "p_wald": [float(chi2_tail(fit.wald_chi2, p)) if status == "converged" else None],
            "score_chi2": [fit.score_chi2],
            "p_score": [float(chi2_tail(fit.score_chi2, p))],
            "concordance": [fit.concordance],
            "events_per_variable": [per_variable],
            "ties": [ties],
            "strata": [int(np.unique(cohort.stratum).size)],
            "fit_status": [status],
            "warning": [warning],
        },
        schema_overrides={"warning": pl.String, "wald_chi2": pl.Float64, "p_wald": pl.Float64},
    )


class CoxDesign:
    """Model matrix of the complete cases, in the order of `SortedCohort`."""

    def __init__(
        self,
        covariates: pl.DataFrame | Mapping[str, Any],
        time_months: ArrayLike,
        event_observed: ArrayLike,
        strata: ArrayLike | None,
        ties: str,
    ) -> None:
        if ties not in ("efron", "breslow"):
            raise ValueError(f"ties must be efron or breslow, got {ties!r}")
        frame = covariates if isinstance(covariates, pl.DataFrame) else pl.DataFrame(dict(covariates))
        if frame.width == 0:
            raise ValueError("a Cox model needs at least one covariate")
        numbers = frame.with_columns((pl.col(pl.Float64, pl.Float32).fill_nan(None)), pl.col(pl.Boolean).cast(pl.Int64))
        time = as_floats(time_months)
        if time.size != frame.height:
            raise ValueError(f"{frame.height} rows of covariates for {time.size} patients")
        complete = numbers.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        layers = None
        if strata is not None:
            labels = strata.to_list() if isinstance(strata, pl.Series) else list(np.asarray(strata))
            layers = np.array(
                ["" if label is None or label != label else group_label(label) for label in labels], dtype=object
            )
            complete = complete & (layers != "")
        self.n_input = frame.height
        self.cohort = SortedCohort(np.where(complete, time, np.nan), as_floats(event_observed), layers)
        kept = numbers[self.cohort.order.tolist()]
        self.terms: list[str] = []
        self.variables: list[str] = []
        self.levels: list[str | None] = []
        self.references: dict[str, str] = {}
        columns = []
        for name in kept.columns:
            series = kept[name]
            distinct = series.unique().sort()
            if distinct.len() < 2:
                raise DesignFault(
                    f"{name} has one value in all {kept.height} patients",
                    subject="Cox model",
                    remedy="Leave that variable out.",
                )
            if series.dtype.is_numeric():
                columns.append(series.cast(pl.Float64).to_numpy())
                self.terms.append(name)
                self.variables.append(name)
                self.levels.append(None)
                continue
            self.references[name] = str(distinct[0])
            for level in distinct.to_list()[1:]:
                columns.append((series == level).cast(pl.Float64).to_numpy())
                self.terms.append(f"{name}: {level}")
                self.variables.append(name)
                self.levels.append(str(level))
        self.columns = np.column_stack(columns)
        self._kept = kept

    def terms_table(self, estimates: list[dict[str, Any]]) -> pl.DataFrame:
        event = self.cohort.event
        rows = []
        for j, estimate in enumerate(estimates):
            variable, level = self.variables[j], self.levels[j]
            if level is not None and variable not in self.variables[:j]:
                reference = self.references[variable]
                member = (self._kept[variable].cast(pl.String) == reference).to_numpy()
                rows.append(
                    {
                        "term": f"{variable}: {reference}",
                        "variable": variable,
                        "level": reference,
                        "n": int(member.sum()),
                        "events": int(event[member].sum()),
                        "hazard_ratio": 1.0,
                        "log_hazard_ratio": 0.0,
                        "estimator": "reference",
                    }
                )
            member = np.ones(event.size, bool) if level is None else self.columns[:, j] == 1.0
            rows.append(
                {
                    "variable": variable,
                    "level": level,
                    "n": int(member.sum()),
                    "events": int(event[member].sum()),
                    **estimate,
                }
            )
        schema = {"term": pl.String, "variable": pl.String, "level": pl.String, "n": pl.Int64, "events": pl.Int64}
        floats = [name for name in estimates[0] if name not in (*schema, "estimator")]
        return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(floats, pl.Float64), "estimator": pl.String})
