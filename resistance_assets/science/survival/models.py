"""Genes of interest in one cohort and endpoint: every model and every number that a reviewer would ask for.

Here belongs what asks several genes in turn and puts the answers into tables: adjusted and stratified Cox models with
their checks, landmarks, restricted means, time-dependent AUC. How a single number is computed belongs in the module of
its name, tests of every gene at once in `screen`.

Expression has shape (genes, patients), NaN where missing; follow-up and patients are in the order of its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import Fault
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.tails import Z_95, chi2_tail
from resistance_assets.science.survival.cox import CoxDesign, fit_cox_design, levels_without_events
from resistance_assets.science.survival.curves import estimate_survival_at, numbers_at_risk, restricted_mean_survival
from resistance_assets.science.survival.follow_up import usable_follow_up
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.power import events_for_power, minimum_detectable_hazard_ratio
from resistance_assets.science.survival.proportional_hazards import proportional_hazards_of_design
from resistance_assets.science.survival.screen import SPLIT_MINIMUM, rank_normal_scores, screen_median_split
from resistance_assets.science.survival.time_dependent_auc import Discrimination, measure_discrimination

Matrix = NDArray[np.float64]
# What the model of a design without its gene is called.
COVARIATES_ALONE = "_covariates_alone"
# The gene in every model, and its only term.
EXPRESSION = "expression"


def usable_covariates(patients: pl.DataFrame, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which covariates a model of these patients can hold.

    Args:
        patients: one row per patient, a column per covariate.
        names: covariates that are wanted.

    Returns:
        Those with two or more distinct values, and why the others have none: one sentence each.
    """
    used, left_out = [], []
    for name in names:
        distinct = patients[name].drop_nulls().n_unique()
        if distinct >= 2:
            used.append(name)
        else:
            left_out.append(f"{name} left out: {'the same in all patients' if distinct else 'not recorded'}")
    return used, left_out


def covariate_columns(covariates: pl.DataFrame) -> Matrix:
    """Covariates as numbers, shape (patients, columns), NaN where missing.

    Numbers stay as they are; words become one 0/1 column per level but the first in sorted order.
    """
    columns = []
    for series in covariates:
        if series.dtype.is_numeric():
            columns.append(series.cast(pl.Float64).fill_null(np.nan).to_numpy())
            continue
        levels = series.drop_nulls().unique().sort()[1:]
        columns += [(series == level).cast(pl.Float64).fill_null(np.nan).to_numpy() for level in levels]
    return np.column_stack(columns) if columns else np.empty((covariates.height, 0))


@dataclass(frozen=True)
class Adjustment:
    """Covariates of a genome-wide screen as numbers.

    Attributes:
        columns: shape (patients, terms), NaN for patients who are left out.
        terms: their names, "variable" or "variable: level".
        variables: covariates that the columns come from.
        note: levels without events, whose patients are left out; None if there is none.
    """

    columns: Matrix
    terms: tuple[str, ...]
    variables: tuple[str, ...]
    note: str | None


def adjust_for(patients: pl.DataFrame, names: Sequence[str], time_months: Matrix, event_observed: Matrix) -> Adjustment:
    """The covariates that these patients have, ready for a screen of every gene beside them.

    Patients of a level in which nobody had the event are left out: the coefficient of such a level runs away to minus
    infinity, its patients weigh nothing in any risk set, and the gene's estimate without them is the limit of the one
    with them.
    """
    used, _ = usable_covariates(patients, names)
    chosen = patients.select(used)
    complete = chosen.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy() if used else None
    notes = []
    if complete is not None:
        for name, level, members in levels_without_events(chosen, time_months, event_observed, complete):
            chosen = chosen.with_columns(pl.when(~pl.Series(members)).then(pl.col(name)).alias(name))
            notes.append(f"{name}: {level} has {members.sum()} patients and no event")
        used = [name for name in used if chosen[name].drop_nulls().n_unique() > 1]
    terms = []
    for name in used:
        is_number = chosen[name].dtype.is_numeric()
        levels = () if is_number else chosen[name].drop_nulls().unique().sort()[1:]
        terms += [name] if is_number else [f"{name}: {level}" for level in levels]
    columns = covariate_columns(chosen.select(used))
    if complete is not None and notes:
        gone = chosen.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
        columns[gone] = np.nan
    note = f"{'; '.join(notes)}: its coefficient has no finite estimate, the gene's is that of the limit"
    return Adjustment(columns, tuple(terms), tuple(used), note if notes else None)


@dataclass(frozen=True)
class ModelDesign:
    """A Cox model of one gene: its name, what the gene is adjusted for, and its strata, by columns of the patients.

    `is_rank_normal`: the gene enters as the normal scores of its ranks.
    """

    model_id: str
    covariates: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    is_rank_normal: bool = False


def scale_of(design: ModelDesign, expression: Matrix, followed: NDArray[np.bool_]) -> Matrix:
    """Expression on the scale of a design."""
    return rank_normal_scores(expression, among=followed) if design.is_rank_normal else expression


def lacking_variables(patients: pl.DataFrame, design: ModelDesign) -> list[str]:
    """Why a design cannot be fitted under its name: variables that no patient has, or that are the same in all."""
    return [
        *usable_covariates(patients, design.covariates)[1],
        *usable_covariates(patients, design.strata)[1],
    ]


@dataclass(frozen=True)
class GeneModels:
    """Models of several genes as tables; every table opens with hgnc_symbol and model_id.

    Attributes:
        terms: as `CoxModel.terms`, with term_order (from 1), q_value_bh (of the expression terms over the genes of this
            call, per model), hazard_ratio_per_sd and events_for_80pct_power.
        models: as `CoxModel.model`, with covariates and strata (joined by |, null if none), n_strata,
            p_proportional_hazards, hazards_not_proportional (variables that fail, joined by |) and
            events_for_80pct_power of the gene. A model that cannot be fitted has a row too: not_estimable, and the
            `warning` says why.
        proportional_hazards: as `proportional_hazards_test`, with n and events.
    """

    terms: pl.DataFrame
    models: pl.DataFrame
    proportional_hazards: pl.DataFrame


def fit_gene_models(
    expression: Matrix,
    genes: Sequence[str],
    time_months: Matrix,
    event_observed: Matrix,
    patients: pl.DataFrame,
    designs: Sequence[ModelDesign],
) -> GeneModels:
    """Each design for each gene, on the patients that have everything it needs (Efron ties).

    The gene enters per unit of expression as the variable `expression`. A design that names a covariate or stratum
    which no patient has, or which is the same in all, is not fitted: under its name would stand another model. Its rows
    are not_estimable, and the `warning` says what it lacks. Where a patient has several rows (`patient_id` of
    `patients` repeats), standard errors are the robust ones.

    Args:
        patients: a column per covariate and stratum, one row per patient.
    """
    terms, models, hazards = [_EMPTY_TERMS], [], [_EMPTY_HAZARDS]
    cluster = patients["patient_id"] if "patient_id" in patients.columns else None
    followed, _ = usable_follow_up(time_months, event_observed)
    for design in designs:
        lacking = lacking_variables(patients, design)
        strata = None if lacking else _layers(patients, list(design.strata))
        names = {"covariates": "|".join(design.covariates) or None, "strata": "|".join(design.strata) or None}
        for gene, values in zip(genes, scale_of(design, expression, followed), strict=True):
            own = {"hgnc_symbol": gene, "model_id": design.model_id, **names}
            if lacking:
                models.append({**own, "n": 0, "events": 0, "n_left_out": patients.height,
                               "fit_status": "not_estimable",
                               "warning": f"not fitted: {'; '.join(lacking)}"})  # fmt: skip
                continue
            frame = patients.select(pl.Series(EXPRESSION, values).fill_nan(None), *design.covariates)
            try:
                made = CoxDesign(frame, time_months, event_observed, strata, "efron")
                fitted = fit_cox_design(made, cluster=cluster)
                tested = proportional_hazards_of_design(made)
            except Fault as fault:
                models.append({**own, **_numbers_of(frame, time_months, event_observed, strata),
                               "fit_status": "not_estimable", "warning": fault.problem})  # fmt: skip
                continue
            row = fitted.model.row(0, named=True)
            found = _with_power(fitted.terms, row["n"], row["events"])
            failing = tested.filter(pl.col("violated") & (pl.col("variable") != "GLOBAL"))["variable"]
            models.append(
                {
                    **row,
                    **own,
                    "n_strata": row["strata"],
                    "p_proportional_hazards": tested["p_value"][-1],
                    "hazards_not_proportional": "|".join(failing) or None,
                    "events_for_80pct_power": found["events_for_80pct_power"][0],
                    "minimum_detectable_hazard_ratio": found["minimum_detectable_hazard_ratio"][0],
                }
            )
            label = (pl.lit(gene).alias("hgnc_symbol"), pl.lit(design.model_id).alias("model_id"))
            terms.append(found.select(*label, pl.all()))
            hazards.append(
                tested.select(*label, pl.all(), pl.lit(row["n"], pl.Int64).alias("n"),
                              pl.lit(row["events"], pl.Int64).alias("events"))
            )  # fmt: skip
    return GeneModels(
        _correct_expression_terms(terms),
        pl.DataFrame(models, schema=_MODELS_SCHEMA),
        pl.concat(hazards, how="diagonal"),
    )


def _correct_expression_terms(terms: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Terms of all genes, with q-values of the expression terms over the genes, per model."""
    stacked = pl.concat(terms, how="diagonal")
    gene_term = pl.col("variable") == EXPRESSION
    of_p = {"q_value_bh": "p_value", "q_value_bh_likelihood_ratio": "p_likelihood_ratio"}
    corrected = [
        part.select(
            "hgnc_symbol",
            "model_id",
            "term",
            *(
                pl.Series(name, adjust_bh(part[p].fill_null(np.nan).to_numpy()), dtype=pl.Float64).fill_nan(None)
                for name, p in of_p.items()
            ),
        )
        for part in stacked.filter(gene_term).partition_by("model_id")
    ]
    keys = ["hgnc_symbol", "model_id", "term"]
    q_values = pl.concat(corrected) if corrected else _EMPTY_TERMS.select(*keys, *of_p)
    return stacked.drop(*of_p, strict=False).join(q_values, on=keys, how="left", maintain_order="left")


def _layers(patients: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """One label per patient of the strata together; null where one of them is missing."""
    return patients.select(pl.concat_str(names, separator=" ")).to_series() if names else None


def _numbers_of(frame: pl.DataFrame, time_months: Matrix, event_observed: Matrix, strata: pl.Series | None) -> dict:
    complete = frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
    if strata is not None:
        complete = complete & strata.is_not_null().to_numpy()
    usable, _ = usable_follow_up(time_months, event_observed)
    kept = complete & usable
    return {"n": int(kept.sum()), "events": int(event_observed[kept].sum()), "n_left_out": int((~kept).sum())}


def _with_power(terms: pl.DataFrame, n: int, events: int) -> pl.DataFrame:
    """Terms with their order, the hazard ratio per SD, and the events that Schoenfeld asks for (other terms aside)."""
    share = pl.col("n") / n
    tested = ~pl.col("estimator").is_in(["reference", "not_estimable"])
    # Per SD for a number (its variance is then 1); for a level the variance is that of its share of the patients.
    effect = pl.coalesce("log_hazard_ratio_per_sd", "log_hazard_ratio")
    variance = pl.when(pl.col("level").is_null()).then(1.0).otherwise(share * (1 - share))
    both = terms.select(effect.fill_null(np.nan).alias("effect"), variance.alias("variance"))
    needed = pl.Series(events_for_power(both["effect"].to_numpy(), both["variance"].to_numpy())).fill_nan(None)
    with np.errstate(divide="ignore"):
        detectable = minimum_detectable_hazard_ratio(float(events), both["variance"].to_numpy())
    return terms.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("term_order"),
        hazard_ratio_per_sd=pl.col("log_hazard_ratio_per_sd").exp(),
        events_for_80pct_power=pl.when(tested).then(needed),
        minimum_detectable_hazard_ratio=pl.when(tested).then(pl.Series(detectable).fill_nan(None)),
    ).drop("log_hazard_ratio_per_sd")


def split_at_median(values: Matrix) -> NDArray[np.object_]:
    """Labels "high" (above the median) and "low", None where missing; shape as `values`."""
    labels = np.full(values.shape, None, dtype=object)
    known = ~np.isnan(values)
    if known.any():
        labels[known] = np.where(values[known] > np.median(values[known]), "high", "low")
    return labels


def compare_halves(
    expression: Matrix,
    genes: Sequence[str],
    time_months: Matrix,
    event_observed: Matrix,
    *,
    landmark_months: Sequence[float],
    until_months: float,
    minimum: SplitMinimum = SPLIT_MINIMUM,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Landmark survival and restricted means of the two halves of a median split, gene by gene.

    Returns:
        Landmarks: hgnc_symbol, expression_group, n, events (of the group), the columns of `estimate_survival_at` with
        ci_lower and ci_upper on the log scale, n_events_before, events_for_80pct_power (of the split's hazard ratio).
        Restricted means: hgnc_symbol, expression_group (also high_minus_low), n, events, the columns of
        `restricted_mean_survival`, p_value of the difference, events_for_80pct_power. A gene without two groups has its
        one group alone; the difference of halves of which one is below the `minimum` has no p-value.
    """
    split = screen_median_split(expression, time_months, event_observed, genes, minimum)
    power, small = split["events_for_80pct_power"], split["p_permutation"].is_not_null()
    landmarks, means = [], []
    for gene, values, needed, is_small in zip(genes, expression, power, small, strict=True):
        group = split_at_median(values)
        known = np.array([label is not None for label in group], bool)
        if not known.any():
            continue
        data = time_months[known], event_observed[known]
        labels = group[known]
        sizes = pl.DataFrame(
            [{"group": name, "n": int((labels == name).sum()), "events": int(data[1][labels == name].sum())}
             for name in sorted(set(labels))],
            schema={"group": pl.String, "n": pl.Int64, "events": pl.Int64},
        )  # fmt: skip
        own = {"hgnc_symbol": pl.lit(gene), "events_for_80pct_power": pl.lit(needed, pl.Float64)}
        before = numbers_at_risk(*data, landmark_months, labels).select("group", "time_months", "n_events_before")
        landmarks.append(
            estimate_survival_at(*data, landmark_months, labels)
            .join(sizes, on="group")
            .join(before, on=["group", "time_months"])
            .with_columns(**own)
        )
        mean = restricted_mean_survival(*data, until_months, labels).join(sizes, on="group").with_columns(**own)
        difference = _difference(mean)
        if is_small:
            difference = difference.with_columns(p_value=pl.lit(None, pl.Float64))
        means.append(pl.concat([mean, difference], how="diagonal"))
    return (
        pl.concat(landmarks).rename(
            {"group": "expression_group", "ci_lower_log": "ci_lower", "ci_upper_log": "ci_upper"}
        ),
        pl.concat(means, how="diagonal").rename({"group": "expression_group"}),
    )


def _difference(means: pl.DataFrame) -> pl.DataFrame:
    """The restricted mean of the high group less that of the low one; no row where one of them is empty."""
    by_group = {row["group"]: row for row in means.to_dicts()}
    if set(by_group) != {"high", "low"}:
        return means.clear().with_columns(p_value=pl.lit(None, pl.Float64))
    high, low = by_group["high"], by_group["low"]
    difference = high["restricted_mean_months"] - low["restricted_mean_months"]
    se = float(np.hypot(high["standard_error_months"], low["standard_error_months"]))
    counts = {name: high[name] + low[name] for name in ("n", "events", "n_at_risk_at_horizon")}
    z = abs(difference) / se if se > 0 else None
    row = {
        **high,
        **counts,
        "group": "high_minus_low",
        "restricted_mean_months": difference,
        "standard_error_months": se,
        "ci_lower_months": difference - Z_95 * se,
        "ci_upper_months": difference + Z_95 * se,
    }
    p_value = None if z is None else float(chi2_tail(z * z))
    return pl.DataFrame([row], schema=means.schema).with_columns(p_value=pl.lit(p_value, pl.Float64))


def discriminate(
    expression: Matrix,
    genes: Sequence[str],
    time_months: Matrix,
    event_observed: Matrix,
    patients: pl.DataFrame,
    designs: Sequence[ModelDesign],
    models: pl.DataFrame,
    *,
    at_months: Sequence[float],
    bootstrap: int,
    folds: int,
    repeats: int,
    seed: int,
) -> pl.DataFrame:
    """Time-dependent AUC of each design (its strata aside) for each gene.

    Args:
        models: `GeneModels.models` of the same genes, for the events that the gene's effect asks for.

    Returns:
        hgnc_symbol, model_id, the columns of `time_dependent_auc`, events_for_80pct_power. A design with covariates has
        a second model, `<model_id>_covariates_alone`: the same without the gene, on the same patients; the row of the
        design then has `auc_covariates_alone`, and what the gene adds: `auc_gain`, its 95 % percentile limits over the
        same resamples, and `auc_gain_cross_validated`. A gene that is the same in all patients, or has no event, has no
        rows.
    """
    needed = {
        (row["hgnc_symbol"], row["model_id"]): row["events_for_80pct_power"]
        for row in models.iter_rows(named=True)
        if row["fit_status"] != "not_estimable"
    }
    rules = {"bootstrap": bootstrap, "folds": folds, "repeats": repeats, "seed": seed}
    followed, _ = usable_follow_up(time_months, event_observed)
    frames = []
    for design in designs:
        if lacking_variables(patients, design):
            continue
        beside = covariate_columns(patients.select(design.covariates))
        alone: dict[bytes, Discrimination] = {}
        for gene, values in zip(genes, scale_of(design, expression, followed), strict=True):
            if (gene, design.model_id) not in needed:
                continue
            both = np.column_stack([values, beside]) if beside.size else values
            found = measure_discrimination(both, time_months, event_observed, at_months, **rules)
            extra = {"events_for_80pct_power": pl.lit(needed[gene, design.model_id], pl.Float64)}
            own = {"hgnc_symbol": pl.lit(gene), "model_id": pl.lit(design.model_id)}
            if not beside.size:
                frames.append(found.table().with_columns(**own, **extra))
                continue
            present = np.isfinite(values)
            patients_of = present.tobytes()
            if patients_of not in alone:
                without = np.where(present[:, None], beside, np.nan)
                alone[patients_of] = measure_discrimination(without, time_months, event_observed, at_months, **rules)
            gain = found.gain_over(alone[patients_of])
            frames.append(found.table().hstack(gain).with_columns(**own, **extra))
            own["model_id"] = pl.lit(f"{design.model_id}{COVARIATES_ALONE}")
            frames.append(alone[patients_of].table().with_columns(**own))
    columns = [pl.col(name).cast(dtype) for name, dtype in _AUC_SCHEMA.items()]
    empty = pl.DataFrame(schema=_AUC_SCHEMA)
    return pl.concat([empty, *frames], how="diagonal").select(columns) if frames else empty


_KEY = {"hgnc_symbol": pl.String, "model_id": pl.String}
_EMPTY_TERMS = pl.DataFrame(
    schema={
        **_KEY,
        "term": pl.String,
        "variable": pl.String,
        "level": pl.String,
        "n": pl.Int64,
        "events": pl.Int64,
        **dict.fromkeys(
            (
                "log_hazard_ratio",
                "hazard_ratio",
                "ci_lower",
                "ci_upper",
                "standard_error",
                "statistic",
                "p_value",
                "p_likelihood_ratio",
            ),
            pl.Float64,
        ),
        "estimator": pl.String,
        "term_order": pl.Int64,
        "hazard_ratio_per_sd": pl.Float64,
        "events_for_80pct_power": pl.Float64,
        "minimum_detectable_hazard_ratio": pl.Float64,
        "q_value_bh": pl.Float64,
        "q_value_bh_likelihood_ratio": pl.Float64,
    }
)
_EMPTY_HAZARDS = pl.DataFrame(
    schema={
        **_KEY,
        "variable": pl.String,
        "chi2": pl.Float64,
        "degrees_of_freedom": pl.Int64,
        "p_value": pl.Float64,
        "violated": pl.Boolean,
        "n": pl.Int64,
        "events": pl.Int64,
    }
)
_MODELS_SCHEMA: dict[str, Any] = {
    **_KEY,
    **dict.fromkeys(("covariates", "strata"), pl.String),
    **dict.fromkeys(("n", "events", "n_left_out", "coefficients"), pl.Int64),
    "events_per_variable": pl.Float64,
    "n_strata": pl.Int64,
    **dict.fromkeys(
        (
            "log_likelihood_null",
            "log_likelihood",
            "likelihood_ratio_chi2",
            "p_likelihood_ratio",
            "wald_chi2",
            "p_wald",
            "score_chi2",
            "p_score",
            "concordance",
            "p_proportional_hazards",
        ),
        pl.Float64,
    ),
    "hazards_not_proportional": pl.String,
    "events_for_80pct_power": pl.Float64,
    "minimum_detectable_hazard_ratio": pl.Float64,
    "fit_status": pl.String,
    "warning": pl.String,
}
_AUC_SCHEMA: dict[str, Any] = {
    **_KEY,
    "time_months": pl.Float64,
    **dict.fromkeys(("n", "n_at_risk", "n_cases"), pl.Int64),
    **dict.fromkeys(("auc", "ci_lower", "ci_upper", "auc_cross_validated"), pl.Float64),
    "bootstrap_samples": pl.Int64,
    **dict.fromkeys(
        (
            "auc_covariates_alone",
            "auc_gain",
            "auc_gain_ci_lower",
            "auc_gain_ci_upper",
            "auc_gain_cross_validated",
            "events_for_80pct_power",
        ),
        pl.Float64,
    ),
}
