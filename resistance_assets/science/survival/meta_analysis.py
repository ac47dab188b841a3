"""Meta-analysis: one effect over several cohorts, every patient counted once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.tails import Z_95, chi2_tail, normal_tail
from resistance_assets.science.survival.follow_up import as_floats
from resistance_assets.science.survival.models import Matrix
from resistance_assets.science.survival.power import events_for_power, minimum_detectable_hazard_ratio

#: What a pooled effect is taken from: the fixed effect for two cohorts, else random effects.
LEADING = {"fixed": "fixed_effect", "random": "hartung_knapp"}


def combine_cohorts(
    cohort: Sequence[str], log_hazard_ratio: ArrayLike, standard_error: ArrayLike
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Meta-analysis of one effect over cohorts, with fixed and with random effects.

    Two cohorts say too little of the variation between cohorts for the Hartung-Knapp test to find anything (one degree
    of freedom): there the fixed effect leads, from three cohorts on Hartung-Knapp. Both are always given.

    Between-cohort variance after DerSimonian & Laird (1986, Control Clin Trials 7:177); interval and test after Hartung
    & Knapp (2001, Stat Med 20:3875) with k - 1 degrees of freedom, never narrower than the plain random-effects
    interval (Jackson et al. 2017, Stat Med 36:3923). Cohorts without an estimate are left out.

    Returns:
        The pooled row: cohorts (Int64), log_hazard_ratio, standard_error, hazard_ratio, ci_lower, ci_upper, p_value
        (Hartung-Knapp), p_value_normal, log_hazard_ratio_fixed, standard_error_fixed, hazard_ratio_fixed,
        ci_lower_fixed, ci_upper_fixed, p_value_fixed, q_statistic, p_heterogeneity, tau2, i2_percent, prediction_lower,
        prediction_upper (95 %, null below three cohorts), method_leading and hazard_ratio_leading, ci_lower_leading,
        ci_upper_leading, p_value_leading (of that method); and one row per cohort: cohort, log_hazard_ratio,
        standard_error, hazard_ratio, ci_lower, ci_upper, weight_percent.

    Raises:
        DesignFault: fewer than two cohorts have an estimate.
    """
    from scipy.special import stdtr, stdtrit

    effect, se = as_floats(log_hazard_ratio), as_floats(standard_error)
    if not len(cohort) == effect.size == se.size:
        raise ValueError("one name, one effect and one standard error per cohort")
    keep = np.isfinite(effect) & np.isfinite(se) & (se > 0)
    names = [name for name, kept in zip(cohort, keep, strict=True) if kept]
    effect, se = effect[keep], se[keep]
    k = effect.size
    if k < 2:
        raise DesignFault(
            f"{k} of {len(cohort)} cohorts have an estimate",
            subject="meta-analysis",
            expected="two or more",
            remedy="Add a cohort in which the gene was measured.",
        )
    fixed = se**-2.0
    mean_fixed = float((fixed * effect).sum() / fixed.sum())
    q = float((fixed * (effect - mean_fixed) ** 2).sum())
    tau2 = max(0.0, (q - (k - 1)) / float(fixed.sum() - (fixed**2).sum() / fixed.sum()))
    weight = 1.0 / (se**2 + tau2)
    mean = float((weight * effect).sum() / weight.sum())
    plain = float(weight.sum() ** -0.5)
    inflation = float((weight * (effect - mean) ** 2).sum() / (k - 1))
    pooled = plain * float(np.sqrt(max(1.0, inflation)))
    quantile = float(stdtrit(k - 1, 0.975))
    wide = float(stdtrit(k - 2, 0.975)) * float(np.sqrt(tau2 + pooled**2)) if k >= 3 else np.nan
    fixed_se = float(fixed.sum() ** -0.5)
    row = {
        "cohorts": k,
        "log_hazard_ratio": mean,
        "standard_error": pooled,
        "hazard_ratio": np.exp(mean),
        "ci_lower": np.exp(mean - quantile * pooled),
        "ci_upper": np.exp(mean + quantile * pooled),
        "p_value": float(2 * stdtr(k - 1, -abs(mean / pooled))),
        "p_value_normal": float(2 * normal_tail(abs(mean / plain))),
        "log_hazard_ratio_fixed": mean_fixed,
        "standard_error_fixed": fixed_se,
        "hazard_ratio_fixed": np.exp(mean_fixed),
        "ci_lower_fixed": np.exp(mean_fixed - Z_95 * fixed_se),
        "ci_upper_fixed": np.exp(mean_fixed + Z_95 * fixed_se),
        "p_value_fixed": float(2 * normal_tail(abs(mean_fixed / fixed_se))),
        "q_statistic": q,
        "p_heterogeneity": float(chi2_tail(q, k - 1)),
        "tau2": tau2,
        "i2_percent": max(0.0, 100.0 * (q - (k - 1)) / q) if q > 0 else 0.0,
        "prediction_lower": np.exp(mean - wide),
        "prediction_upper": np.exp(mean + wide),
    }
    leads = "fixed" if k == 2 else "random"
    named = ("hazard_ratio", "ci_lower", "ci_upper", "p_value")
    row |= {"method_leading": LEADING[leads]}
    row |= {f"{name}_leading": row[f"{name}_fixed" if leads == "fixed" else name] for name in named}
    each = _rows_of_cohorts(names, effect, se, weight)
    return pl.DataFrame([row]).with_columns(pl.col(pl.Float64).fill_nan(None)), each


def _rows_of_cohorts(
    names: Sequence[str], effect: NDArray[np.float64], se: NDArray[np.float64], weight: NDArray[np.float64]
) -> pl.DataFrame:
    """One row per cohort: its own effect, interval, and share of the random-effects weight."""
    return pl.DataFrame(
        {
            "cohort": names,
            "log_hazard_ratio": effect,
            "standard_error": se,
            "hazard_ratio": np.exp(effect),
            "ci_lower": np.exp(effect - Z_95 * se),
            "ci_upper": np.exp(effect + Z_95 * se),
            "weight_percent": 100.0 * weight / weight.sum(),
        }
    )


def one_cohort_per_patient(
    screens: pl.DataFrame, patient_sets: Mapping[str, str], order: Sequence[str]
) -> pl.DataFrame:
    """The rows of a screen in which every patient counts once.

    Of the cohorts that are the same patients seen through different sources, the first in `order` stands for them in
    each endpoint and model that it has an estimate of.

    Args:
        screens: cohort_id, endpoint, model and whatever else.
        patient_sets: cohort -> set of patients; a cohort that is not named is a set of its own.
        order: cohorts, the one to prefer first.
    """
    rank = {cohort: number for number, cohort in enumerate(order)}
    placed = screens.with_columns(
        pl.col("cohort_id").replace_strict(dict(patient_sets), default=pl.col("cohort_id")).alias("_set"),
        pl.col("cohort_id").replace_strict(rank, default=len(rank), return_dtype=pl.Int64).alias("_rank"),
    )
    return placed.filter(pl.col("_rank") == pl.col("_rank").min().over("_set", "endpoint", "model")).drop(
        "_set", "_rank"
    )


def pool_screens(screens: pl.DataFrame) -> pl.DataFrame:
    """Random-effects meta-analysis of every gene over the cohorts that estimated it, all genes at once.

    The estimates of `combine_cohorts`, row by row: between-cohort variance after DerSimonian and Laird, interval and
    test after Hartung and Knapp, never narrower than the plain random-effects interval. Continuous models are pooled
    per standard deviation of expression, because the scales of cohorts differ; a penalised (Firth) estimate has no
    standard error to weigh it by and is left out.

    Args:
        screens: cohort_id, endpoint, model, hgnc_symbol, n, events, log_hazard_ratio, standard_error,
            hazard_ratio_per_sd, estimator; one row per cohort, endpoint, model and gene. With a column p_permutation,
            splits that have one are left out: their groups are too small for a standard error. With a column is_primary
            (null for splits) the pooled rows have it too: a gene is read on the normal scores of its ranks as soon as
            one of the pooled cohorts is, else on the scale as measured.

    Returns:
        Columns of `_POOLED_SCHEMA`, sorted by endpoint, model and gene; only what two or more cohorts estimated.
        `q_value_bh` (of p_value), `q_value_bh_normal` and `q_value_bh_leading` are within endpoint and model. The
        leading effect is the fixed one where two cohorts are pooled, from three on the Hartung-Knapp one.
        `events_for_80pct_power` is for the pooled hazard ratio, per standard deviation or with groups of equal size.
    """

    per_sd = pl.col("model") != "median_split"
    effect = pl.when(per_sd).then(pl.col("hazard_ratio_per_sd").log()).otherwise(pl.col("log_hazard_ratio"))
    if "p_permutation" in screens.columns:
        screens = screens.filter(pl.col("p_permutation").is_null())
    if "is_primary" not in screens.columns:
        screens = screens.with_columns(is_primary=pl.lit(None, pl.Boolean))
    usable = (
        screens.filter(pl.col("estimator") == "partial_likelihood", pl.col("model") != "quartile_split")
        .with_columns(effect=effect)
        .with_columns(se=pl.when(per_sd).then(pl.col("standard_error") * (pl.col("effect") / pl.col("log_hazard_ratio"))
                                              .abs()).otherwise(pl.col("standard_error")))
        .filter(pl.col("effect").is_finite(), pl.col("se").is_finite(), pl.col("se") > 0)
    )  # fmt: skip
    keys = ["endpoint", "model", "hgnc_symbol"]
    grouped = (
        usable.sort(*keys, "cohort_id")
        .group_by(keys, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("cohorts"),
            pl.col("cohort_id").str.join("|").alias("cohort_ids"),
            pl.col("n").sum(),
            pl.col("events").sum(),
            "effect",
            "se",
            # Ranked in one cohort, ranked in all: a difference of scales is no difference of cohorts.
            pl.when(pl.col("model").first().str.starts_with("rank_normal"))
            .then(pl.col("is_primary").any(ignore_nulls=False))
            .otherwise(pl.col("is_primary").all(ignore_nulls=False))
            .alias("is_primary"),
        )
        .filter(pl.col("cohorts") >= 2)
    )
    if grouped.is_empty():
        return pl.DataFrame(schema=_POOLED_SCHEMA)
    columns = _pooled_columns(grouped)
    two = grouped["cohorts"].to_numpy() == 2
    for name in ("hazard_ratio", "ci_lower", "ci_upper", "p_value"):
        columns[f"{name}_leading"] = np.where(two, columns[f"{name}_fixed"], columns[name])
    frame = grouped.with_columns(
        pl.Series(name, np.where(np.isfinite(values), values, np.nan)).fill_nan(None)
        for name, values in columns.items()
    )
    parts = [
        part.with_columns(
            q_value_bh=pl.Series(adjust_bh(part["p_value"].to_numpy()), dtype=pl.Float64),
            q_value_bh_normal=pl.Series(adjust_bh(part["p_value_normal"].to_numpy()), dtype=pl.Float64),
            q_value_bh_leading=pl.Series(adjust_bh(part["p_value_leading"].to_numpy()), dtype=pl.Float64),
            method_leading=pl.when(pl.col("cohorts") == 2)
            .then(pl.lit(LEADING["fixed"]))
            .otherwise(pl.lit(LEADING["random"])),
        )
        for part in frame.partition_by("endpoint", "model")
    ]
    return pl.concat(parts).select([pl.col(name).cast(dtype) for name, dtype in _POOLED_SCHEMA.items()])


def _pooled_columns(grouped: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Pooled effects of genes that have lists `effect` and `se` of their cohorts."""
    from scipy.special import stdtr, stdtrit

    # One padded matrix: cohorts are few, genes many.
    k = grouped["cohorts"].to_numpy()
    y, se = (_padded(grouped[name], int(k.max())) for name in ("effect", "se"))
    fixed = np.where(np.isnan(se), 0.0, se**-2.0)
    y0 = np.nan_to_num(y)
    mean_fixed = (fixed * y0).sum(axis=1) / fixed.sum(axis=1)
    q = (fixed * (y0 - mean_fixed[:, None]) ** 2).sum(axis=1)
    tau2 = np.maximum(0.0, (q - (k - 1)) / (fixed.sum(axis=1) - (fixed**2).sum(axis=1) / fixed.sum(axis=1)))
    weight = np.where(np.isnan(se), 0.0, 1.0 / (se**2 + tau2[:, None]))
    total = weight.sum(axis=1)
    mean = (weight * y0).sum(axis=1) / total
    plain = total**-0.5
    inflation = (weight * (y0 - mean[:, None]) ** 2).sum(axis=1) / (k - 1)
    pooled = plain * np.sqrt(np.maximum(1.0, inflation))
    quantile = stdtrit(k - 1, 0.975)
    three = k >= 3
    wide = np.where(three, stdtrit(np.maximum(k - 2, 1), 0.975) * np.sqrt(tau2 + pooled**2), np.nan)
    fixed_se = fixed.sum(axis=1) ** -0.5
    variance = np.where(grouped["model"].to_numpy() == "median_split", 0.25, 1.0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return {
            "log_hazard_ratio": mean,
            "standard_error": pooled,
            "hazard_ratio": np.exp(mean),
            "ci_lower": np.exp(mean - quantile * pooled),
            "ci_upper": np.exp(mean + quantile * pooled),
            "p_value": 2 * stdtr(k - 1, -np.abs(mean / pooled)),
            "p_value_normal": chi2_tail((mean / plain) ** 2),
            "log_hazard_ratio_fixed": mean_fixed,
            "standard_error_fixed": fixed_se,
            "hazard_ratio_fixed": np.exp(mean_fixed),
            "ci_lower_fixed": np.exp(mean_fixed - Z_95 * fixed_se),
            "ci_upper_fixed": np.exp(mean_fixed + Z_95 * fixed_se),
            "p_value_fixed": chi2_tail((mean_fixed / fixed_se) ** 2),
            "q_statistic": q,
            "p_heterogeneity": chi2_tail(q, k - 1),
            "tau2": tau2,
            "i2_percent": np.where(q > 0, np.maximum(0.0, 100.0 * (q - (k - 1)) / np.where(q > 0, q, 1.0)), 0.0),
            "prediction_lower": np.exp(mean - wide),
            "prediction_upper": np.exp(mean + wide),
            "events_for_80pct_power": events_for_power(mean, variance),
            "minimum_detectable_hazard_ratio": minimum_detectable_hazard_ratio(grouped["events"].to_numpy(), variance),
        }


def _padded(lists: pl.Series, width: int) -> Matrix:
    values = lists.explode().to_numpy()
    lengths = lists.list.len().to_numpy()
    matrix = np.full((len(lists), width), np.nan)
    matrix[np.arange(width) < lengths[:, None]] = values
    return matrix


_POOLED_SCHEMA: dict[str, Any] = {
    "endpoint": pl.String,
    "model": pl.String,
    "hgnc_symbol": pl.String,
    "cohorts": pl.Int64,
    "cohort_ids": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    **dict.fromkeys(
        (
            "log_hazard_ratio",
            "standard_error",
            "hazard_ratio",
            "ci_lower",
            "ci_upper",
            "p_value",
            "q_value_bh",
            "p_value_normal",
            "q_value_bh_normal",
            "log_hazard_ratio_fixed",
            "standard_error_fixed",
            "hazard_ratio_fixed",
            "ci_lower_fixed",
            "ci_upper_fixed",
            "p_value_fixed",
            "q_statistic",
            "p_heterogeneity",
            "tau2",
            "i2_percent",
            "prediction_lower",
            "prediction_upper",
            "events_for_80pct_power",
            "minimum_detectable_hazard_ratio",
            "hazard_ratio_leading",
            "ci_lower_leading",
            "ci_upper_leading",
            "p_value_leading",
            "q_value_bh_leading",
        ),
        pl.Float64,
    ),
    "method_leading": pl.String,
    "is_primary": pl.Boolean,
}


_OVERLAP_SCHEMA: dict[str, Any] = {
    "cohort_id": pl.String,
    "other_cohort_id": pl.String,
    "patients": pl.Int64,
    "patients_other": pl.Int64,
    "patients_shared": pl.Int64,
    "matched_by": pl.String,
    "pooled_as": pl.String,
}
# A person of the TCGA, whatever sample or aliquot follows.
_TCGA_PATIENT = r"(?i)^(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})(?:-|$)"


def find_shared_patients(follow_up: pl.DataFrame, declared: Mapping[str, str]) -> pl.DataFrame:
    """Cohorts that hold the same patients, by the identifiers of the patients.

    TCGA barcodes are compared by their first 12 characters, whatever follows. Any other identifier may be used by two
    studies for two people (P01): the same one counts only where time (within half a month) and event of an endpoint of
    that name agree as well.

    Args:
        follow_up: cohort_id, patient_id, endpoint, time_months, event_observed.
        declared: cohort -> set of patients that the catalog puts it into.

    Returns:
        One row per pair of cohorts (cohort_id before other_cohort_id) that share a patient or are declared to be the
        same: patients of each, patients_shared, matched_by (barcode, follow_up or declared), and pooled_as: the set
        that both are counted under.
    """
    barcode = pl.col("patient_id").str.extract(_TCGA_PATIENT, 1).str.to_uppercase()
    people = follow_up.filter(pl.col("time_months").is_not_null()).with_columns(
        person=pl.coalesce(barcode, pl.col("patient_id").str.strip_chars().str.to_lowercase()),
        is_barcode=barcode.is_not_null(),
    )
    other = people.select("cohort_id", "person", "endpoint", "time_months", "event_observed")
    pairs = people.join(other, on="person", suffix="_other").filter(pl.col("cohort_id") < pl.col("cohort_id_other"))
    same_course = (
        (pl.col("endpoint") == pl.col("endpoint_other"))
        & ((pl.col("time_months") - pl.col("time_months_other")).abs() <= 0.5)
        & (pl.col("event_observed") == pl.col("event_observed_other"))
    )
    shared = (
        pairs.filter(pl.col("is_barcode") | same_course)
        .group_by("cohort_id", pl.col("cohort_id_other").alias("other_cohort_id"))
        .agg(
            patients_shared=pl.col("person").n_unique().cast(pl.Int64),
            matched_by=pl.when(pl.col("is_barcode").any()).then(pl.lit("barcode")).otherwise(pl.lit("follow_up")),
        )
    )
    cohorts = sorted({*people["cohort_id"].unique(), *declared})
    told = [
        {"cohort_id": a, "other_cohort_id": b, "patients_shared": 0, "matched_by": "declared"}
        for a, b in itertools.combinations(cohorts, 2)
        if declared.get(a, a) == declared.get(b, b)
    ]
    keys = ["cohort_id", "other_cohort_id"]
    schema = {name: _OVERLAP_SCHEMA[name] for name in (*keys, "patients_shared", "matched_by")}
    by_declaration = pl.DataFrame(told, schema=schema).join(shared, on=keys, how="anti")
    found = pl.concat([shared.select(list(schema)), by_declaration]).sort(keys)
    sizes = dict(people.group_by("cohort_id").agg(pl.col("person").n_unique()).iter_rows())
    sets = merge_patient_sets(declared, found)
    return found.with_columns(
        patients=pl.col("cohort_id").replace_strict(sizes, default=0, return_dtype=pl.Int64),
        patients_other=pl.col("other_cohort_id").replace_strict(sizes, default=0, return_dtype=pl.Int64),
        pooled_as=pl.col("cohort_id").replace_strict(sets, default=pl.col("cohort_id"), return_dtype=pl.String),
    ).select(list(_OVERLAP_SCHEMA))


def merge_patient_sets(declared: Mapping[str, str], overlaps: pl.DataFrame) -> dict[str, str]:
    """Cohort -> set of patients, where cohorts that share a patient are one set (named by its first cohort)."""
    leader = {name: name for name in (*declared, *declared.values())}

    def root(name: str) -> str:
        leader.setdefault(name, name)
        while leader[name] != name:
            name = leader[name]
        return name

    links = [*declared.items(), *overlaps.select("cohort_id", "other_cohort_id").iter_rows()]
    for a, b in links:
        first, second = sorted((root(a), root(b)))
        leader[second] = first
    return {name: root(name) for name in leader}
