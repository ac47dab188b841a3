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
            standard_error, statistic, p_value (Wald), p_likelihood_ratio (of the variable, all its levels together),
            log_hazard_ratio_per_sd (Float64), estimator (String). A reference level has hazard ratio 1 and no test.
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
    cluster: ArrayLike | None = None,
    ties: str = "efron",
) -> CoxModel:
    """Multivariable Cox model of complete cases (R's `coxph`).

    A level of a covariate without any event has no finite coefficient (it runs away to minus infinity) and its patients
    tell nothing about the other coefficients: the others are estimated without them, which is the limit that the plain
    fit tends to. Its row has no estimate (`estimator` not_estimable), and the `warning` names it.

    Args:
        covariates: one column per variable, n_patients rows. Numbers enter as they are, strings as levels against the
            first one in sorted order.
        strata: labels with a baseline hazard of their own.
        cluster: labels of what is not independent, such as the patient of several rows. Where a label repeats, standard
            errors, limits, statistics and Wald tests are the robust ones (Lin & Wei 1989, JASA 84:1074), and the
            likelihood-ratio and score tests, which assume independent rows, are null.
        ties: "efron" or "breslow".

    Returns:
        `CoxModel`. The model's `warning` speaks up below ten events per coefficient (Peduzzi et al. 1995, J Clin
        Epidemiol 48:1503). Without a finite maximum (`fit_status` monotone_likelihood) the terms are Firth's penalised
        estimates with profile limits, and the `warning` names the coefficients that run away.

    Raises:
        DesignFault: no events, no complete case, a variable that is constant or repeats others.
    """
    return fit_cox_design(CoxDesign(covariates, time_months, event_observed, strata, ties), cluster=cluster)


def fit_cox_design(design: CoxDesign, *, cluster: ArrayLike | None = None) -> CoxModel:
    """Multivariable Cox model of a design that is made once, as `fit_cox` fits it."""
    from resistance_assets.science.survival.kernels import partial_likelihood

    cohort, X, ties = design.cohort, design.columns, design.ties
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
    robust = None
    if cluster is not None and status == "converged":
        robust = _robust_covariance(design, fit, cluster, efron)
    tested = None if robust is not None else _test_variables(design, fit, status, risk_sets, efron)
    estimates = [_estimate_of_term(design, j, fit, status, risk_sets, efron, robust, tested) for j in range(X.shape[1])]
    return CoxModel(design.terms_table(estimates), _model_row(design, fit, status, ties, robust))


def _test_variables(design: CoxDesign, fit: CoxFit, status: str, risk_sets: RiskSets, efron: bool) -> dict[str, float]:
    """Likelihood-ratio p-value of each variable (all its levels together), against the model without it."""
    if status != "converged":
        return {}
    found = {}
    variables = np.array(design.variables)
    for name in dict.fromkeys(design.variables):
        others = np.flatnonzero(variables != name)
        value = fit.log_likelihood_null
        if others.size:
            without = fit_model(np.ascontiguousarray(design.columns[:, others]), risk_sets, efron=efron)
            value = without.log_likelihood
        chi2 = max(0.0, 2 * (fit.log_likelihood - value))
        found[name] = float(chi2_tail(chi2, int((variables == name).sum())))
    return found


def _robust_covariance(design: CoxDesign, fit: CoxFit, cluster: ArrayLike, efron: bool) -> NDArray[np.float64] | None:
    """Sandwich covariance over clusters; None where no cluster has two rows."""
    labels = pl.Series(cluster).cast(pl.String).fill_null("")[design.cohort.order.tolist()].to_numpy()  # pyright: ignore
    names, code = np.unique(labels, return_inverse=True)
    if names.size == labels.size:
        return None
    influence = score_residuals(design.columns, fit.coefficients, design.cohort, efron) @ fit.covariance
    sums = np.zeros((names.size, influence.shape[1]))
    np.add.at(sums, code, influence)
    return sums.T @ sums


def score_residuals(
    X: NDArray[np.float64], beta: NDArray[np.float64], cohort: SortedCohort, efron: bool
) -> NDArray[np.float64]:
    """Score residuals of a Cox model, shape (n, p), in the order of the cohort (R's `residuals(type = "score")`)."""
    _, end, death_start, deaths, first = cohort.risk_sets()
    X = X - X.mean(axis=0)
    eta = X @ beta
    w = np.exp(eta - eta.max())
    residuals = np.zeros_like(X)
    for stop, begin, d, low in zip(end, death_start, deaths, first, strict=True):
        risk, dead = slice(low, stop), slice(begin, begin + d)
        s0, s1 = w[risk].sum(), w[risk] @ X[risk]
        d0, d1 = w[dead].sum(), w[dead] @ X[dead]
        for k in range(d):
            share = k / d if efron else 0.0
            total = s0 - share * d0
            mean = (s1 - share * d1) / total
            weight = w[risk] / total
            weight[begin - low : begin - low + d] *= 1.0 - share
            residuals[risk] -= weight[:, None] * (X[risk] - mean)
            residuals[dead] += (X[dead] - mean) / d
    return residuals


def _estimate_of_term(
    design: CoxDesign,
    j: int,
    fit: CoxFit,
    status: str,
    risk_sets: RiskSets,
    efron: bool,
    robust: NDArray[np.float64] | None,
    tested: dict[str, float] | None,
) -> dict[str, Any]:
    """Row of one coefficient in `CoxModel.terms`."""
    X = design.columns
    if status == "monotone_likelihood":
        firth = fit_firth(X, j, risk_sets, efron=efron)
        beta, se = firth["coefficient"], firth["standard_error"]
        lower, upper, z, p_value = firth["lower"], firth["upper"], None, firth["p_value"]
        p_ratio = p_value
    else:
        covariance = fit.covariance if robust is None else robust
        beta, se = float(fit.coefficients[j]), float(np.sqrt(covariance[j, j]))
        lower, upper, z = beta - Z_95 * se, beta + Z_95 * se, beta / se
        p_value = float(2 * normal_tail(abs(z))) if status == "converged" else None
        p_ratio = (tested or {}).get(design.variables[j])
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
        "p_likelihood_ratio": p_ratio,
        "log_hazard_ratio_per_sd": beta * float(X[:, j].std(ddof=1)) if design.levels[j] is None else None,
        "estimator": "firth" if status == "monotone_likelihood" else "partial_likelihood",
    }


def _model_row(
    design: CoxDesign, fit: CoxFit, status: str, ties: str, robust: NDArray[np.float64] | None
) -> pl.DataFrame:
    """The row of `CoxModel.model`."""
    cohort, p = design.cohort, design.columns.shape[1]
    events = int(cohort.event.sum())
    ratio = max(0.0, 2 * (fit.log_likelihood - fit.log_likelihood_null))
    wald, independent = (fit.wald_chi2 if status == "converged" else None), robust is None
    if robust is not None:
        wald = float(fit.coefficients @ np.linalg.pinv(robust) @ fit.coefficients)
    row = {
        "n": cohort.order.size,
        "events": events,
        "n_left_out": design.n_input - cohort.order.size,
        "coefficients": p,
        "log_likelihood_null": fit.log_likelihood_null,
        "log_likelihood": fit.log_likelihood,
        "likelihood_ratio_chi2": ratio,
        "p_likelihood_ratio": float(chi2_tail(ratio, p)) if independent else None,
        "wald_chi2": wald,
        "p_wald": None if wald is None else float(chi2_tail(wald, p)),
        "score_chi2": fit.score_chi2,
        "p_score": float(chi2_tail(fit.score_chi2, p)) if independent else None,
        "concordance": fit.concordance,
        "events_per_variable": events / p,
        "ties": ties,
        "strata": int(np.unique(cohort.stratum).size),
        "fit_status": status,
        "warning": "; ".join(_warnings(design, fit, status, events / p, robust)) or None,
    }
    words = dict.fromkeys(("ties", "fit_status", "warning"), pl.String)
    counts = dict.fromkeys(("n", "events", "n_left_out", "coefficients", "strata"), pl.Int64)
    return pl.DataFrame([row], schema={name: {**words, **counts}.get(name, pl.Float64) for name in row})


def _warnings(
    design: CoxDesign, fit: CoxFit, status: str, per_variable: float, robust: NDArray[np.float64] | None
) -> list[str]:
    """What qualifies a model, one phrase each."""
    found = [
        f"{term} has {n} patients and no event: its coefficient has no finite estimate, and the others are estimated"
        " without these patients"
        for term, n in design.without_events
    ]
    if status == "monotone_likelihood":
        # Where the fit stopped, a coefficient that runs away is worth many times what it is to a finite one.
        size = np.abs(fit.coefficients) * design.columns.std(axis=0)
        running = [term for term, value in zip(design.terms, size, strict=True) if value >= 0.5 * size.max()]
        found.append(f"no finite maximum: the coefficient of {', '.join(running)} runs away")
    if robust is not None:
        found.append("standard errors are robust: some rows are of one patient")
    if per_variable < 10:
        found.append(f"{per_variable:.1f} events per coefficient; below 10 estimates are unstable")
    return found


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
        self.ties = ties
        self.n_input = frame.height
        event = as_floats(event_observed)
        #: Terms of levels that nobody had an event in, with their patients, who are left out.
        self.without_events: list[tuple[str, int]] = []
        for name, level, members in levels_without_events(numbers, time, event, complete):
            self.without_events.append((f"{name}: {level}", int(members.sum())))
            complete = complete & ~members
        numbers = numbers.select(
            name for name in numbers.columns
            if numbers[name].dtype.is_numeric() or not self.without_events
            or numbers[name].filter(pl.Series(complete)).n_unique() > 1
        )  # fmt: skip
        if numbers.width == 0:
            raise DesignFault(
                "only one level of the covariates has events",
                subject="Cox model",
                remedy="Leave those variables out.",
            )
        self.cohort = SortedCohort(np.where(complete, time, np.nan), event, layers)
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
        rows += [
            {
                "term": term,
                "variable": term.split(": ", 1)[0],
                "level": term.split(": ", 1)[1],
                "n": n,
                "events": 0,
                "estimator": "not_estimable",
            }
            for term, n in self.without_events
        ]
        schema = {"term": pl.String, "variable": pl.String, "level": pl.String, "n": pl.Int64, "events": pl.Int64}
        floats = [name for name in estimates[0] if name not in (*schema, "estimator")]
        return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(floats, pl.Float64), "estimator": pl.String})


def levels_without_events(
    covariates: pl.DataFrame, time: NDArray[np.float64], event: NDArray[np.float64], complete: NDArray[np.bool_]
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Levels of the word-valued covariates in which no analysed patient had the event: variable, level, its patients.

    Nothing is found where nobody at all had the event.
    """
    analysed = complete & np.isfinite(time) & (time >= 0) & np.isfinite(event)
    died = analysed & (event == 1)
    found = []
    if not died.any():
        return found
    for name in covariates.columns:
        if covariates[name].dtype.is_numeric():
            continue
        values = covariates[name].cast(pl.String)
        for level in values.filter(pl.Series(analysed)).drop_nulls().unique().sort():
            members = (values == level).fill_null(value=False).to_numpy() & analysed
            if not (members & died).any():
                found.append((name, str(level), members))
    return found
