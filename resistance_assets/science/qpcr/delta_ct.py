"""Delta-delta Ct: technical wells averaged, the reference gene subtracted, tested between biological replicates.

The test is a t test on delta Ct, where errors are symmetric; the fold change is its back-transform 2^-(difference)
(Livak and Schmittgen 2001, doi:10.1006/meth.2001.1262; Yuan 2006, doi:10.1186/1471-2105-7-85). Wells of one sample are
no replicates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.science.dose_response.fold_changes import LogRatio, paired, welch

LARGEST_WELL_SD = 0.3
LEAST_REPLICATES = 3
CLEAN_CYCLES = 5.0
REFERENCE_SHIFT = 0.5
LN2 = math.log(2.0)


def average_wells(wells: pl.DataFrame) -> pl.DataFrame:
    """Mean Ct of the technical wells of each sample and gene.

    Args:
        wells: condition, gene, biological_replicate, ct (null where the instrument says Undetermined: never 40).

    Returns:
        condition, gene, biological_replicate, n_wells, n_undetermined, sd_before, well_dropped, n_used, mean_ct, sd_ct,
        flag. Of three wells or more whose SD is above 0.3, the one farthest from the median is left out once if the
        rest then agree; otherwise they are flagged `replicates_disagree`. With all wells undetermined the flag is
        `not_detected`.
    """
    rows = []
    for key, own in wells.group_by(["condition", "gene", "biological_replicate"], maintain_order=True):
        values = own["ct"].drop_nulls().to_numpy()
        before = _sd(values)
        dropped = False
        if len(values) >= 3 and before > LARGEST_WELL_SD:
            farthest = int(np.argmax(np.abs(values - np.median(values))))
            rest = np.delete(values, farthest)
            if _sd(rest) <= LARGEST_WELL_SD:
                values, dropped = rest, True
        spread = _sd(values)
        flag = "not_detected" if not len(values) else "replicates_disagree" if spread > LARGEST_WELL_SD else None
        rows.append(
            {
                "condition": key[0],
                "gene": key[1],
                "biological_replicate": key[2],
                "n_wells": own.height,
                "n_undetermined": own["ct"].null_count(),
                "sd_before": _known(before),
                "well_dropped": dropped,
                "n_used": len(values),
                "mean_ct": float(values.mean()) if len(values) else None,
                "sd_ct": _known(spread),
                "flag": flag,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("flag").cast(pl.String))


def subtract_reference(means: pl.DataFrame, *, reference: str, control: str) -> pl.DataFrame:
    """Delta Ct per biological replicate, and delta-delta Ct against the control condition.

    Args:
        means: of `average_wells`.
        reference: the reference gene.
        control: the condition that the others are compared with.

    Returns:
        gene, condition, biological_replicate, delta_ct, delta_delta_ct_paired (against the same replicate of the
        control), delta_delta_ct_pooled (against the mean of the control), relative_expression, note. A sample without
        the reference gene, or without the target, has a note and no numbers.

    Raises:
        DataFault: the reference gene is in no sample, or there is no such control condition.
    """
    if means.filter(pl.col("gene") == reference).is_empty():
        raise DataFault(
            f"the reference gene {reference} is in no sample",
            subject="qPCR",
            expected="wells of it in every sample",
            remedy="Name the reference gene as the table does.",
        )
    if means.filter(pl.col("condition") == control).is_empty():
        raise DataFault(
            f"there is no condition {control}", subject="qPCR", remedy="Name the control as the table does."
        )
    key = ["condition", "biological_replicate"]
    base = means.filter(pl.col("gene") == reference).select(*key, reference_ct="mean_ct")
    found = (
        means.filter(pl.col("gene") != reference)
        .join(base, on=key, how="left", maintain_order="left")
        .with_columns(delta_ct=pl.col("mean_ct") - pl.col("reference_ct"))
    )
    controls = found.filter(pl.col("condition") == control)
    same = controls.select("gene", "biological_replicate", control_delta_ct="delta_ct")
    mean = controls.group_by("gene").agg(control_mean=pl.col("delta_ct").mean())
    return (
        found.join(same, on=["gene", "biological_replicate"], how="left", maintain_order="left")
        .join(mean, on="gene", how="left", maintain_order="left")
        .with_columns(
            delta_delta_ct_paired=pl.col("delta_ct") - pl.col("control_delta_ct"),
            delta_delta_ct_pooled=pl.col("delta_ct") - pl.col("control_mean"),
        )
        .with_columns(
            relative_expression=2.0 ** -pl.col("delta_delta_ct_pooled"),
            note=pl.when(pl.col("reference_ct").is_null())
            .then(pl.lit(f"{reference} missing or undetermined in this sample"))
            .when(pl.col("mean_ct").is_null())
            .then(pl.lit("not detected: undetermined in all wells")),
        )
        .select(
            "gene",
            "condition",
            "biological_replicate",
            "delta_ct",
            "delta_delta_ct_paired",
            "delta_delta_ct_pooled",
            "relative_expression",
            "note",
        )
    )


def compare_conditions(deltas: pl.DataFrame, *, control: str) -> pl.DataFrame:
    """Fold change of every gene in every condition against the control, with Welch's and the paired t on delta Ct.

    Args:
        deltas: of `subtract_reference`.
        control: the condition that the others are compared with.

    Returns:
        gene, condition, n, n_control, delta_delta_ct, fold_change, knock_down_percent, and t, degrees of freedom, p and
        limits of the fold change by Welch and paired by biological replicate; p_note where there are fewer than three
        biological replicates, or where the gene was not detected.
    """
    rows = []
    for (gene,), own in deltas.group_by(["gene"], maintain_order=True):
        base = own.filter(pl.col("condition") == control)
        for (condition,), case in own.group_by(["condition"], maintain_order=True):
            if condition != control:
                rows.append({"gene": gene, "condition": condition, **_compare(case, base)})
    return pl.DataFrame(rows, infer_schema_length=None)


def _compare(case: pl.DataFrame, base: pl.DataFrame) -> dict[str, Any]:
    x, y = case["delta_ct"].drop_nulls().to_numpy(), base["delta_ct"].drop_nulls().to_numpy()
    found: dict[str, Any] = {"n": len(x), "n_control": len(y)}
    if not len(x) or not len(y):
        side = "here" if not len(x) else "in the control"
        return found | {"p_note": f"not detected {side}: a bound, not a fold change"}
    # The t tests are those of ln ratios: -delta Ct times ln 2 is the logarithm of the amount.
    pairs = case.join(base, on="biological_replicate", suffix="_control").drop_nulls(["delta_ct", "delta_ct_control"])
    between = welch(-LN2 * x, -LN2 * y)
    by_day = paired(-LN2 * pairs["delta_ct"].to_numpy(), -LN2 * pairs["delta_ct_control"].to_numpy())
    fold = math.exp(between.ln_ratio)
    found |= {
        "delta_delta_ct": float(x.mean() - y.mean()),
        "fold_change": fold,
        "knock_down_percent": 100.0 * (1.0 - fold),
    }
    few = min(len(x), len(y)) < LEAST_REPLICATES
    for name, test in (("welch", between), ("paired", by_day)):
        found |= _test(name, test, refused=few)
    note = f"fewer than {LEAST_REPLICATES} biological replicates: fold change without p" if few else None
    return found | {"p_note": note}


def _test(name: str, test: LogRatio, *, refused: bool) -> dict[str, Any]:
    # On delta Ct the sign is the other way round: more cycles, less of the gene.
    values = {
        f"{name}_t": -test.t,
        f"{name}_df": test.degrees_of_freedom,
        f"{name}_p": test.p_value,
        f"{name}_fold_lower": test.lower,
        f"{name}_fold_upper": test.upper,
    }
    return {key: None if refused else _known(value) for key, value in values.items()}


def check_no_template(wells: pl.DataFrame, means: pl.DataFrame) -> pl.DataFrame:
    """Whether each no-template well is clean: undetermined, or five cycles or more later than the latest sample.

    Args:
        wells: gene, ct of the no-template wells.
        means: of `average_wells`, of the samples.
    """
    latest = means.group_by("gene").agg(latest_ct=pl.col("mean_ct").max())
    clean = pl.col("ct").is_null() | (pl.col("ct") - pl.col("latest_ct") >= CLEAN_CYCLES)
    return wells.join(latest, on="gene", how="left", maintain_order="left").with_columns(
        verdict=pl.when(clean).then(pl.lit("clean")).otherwise(pl.lit("contamination_suspected"))
    )


def reference_shifts(
    means: pl.DataFrame, *, reference: str, control: str, least: float = REFERENCE_SHIFT
) -> pl.DataFrame:
    """Conditions in which the reference gene itself moves by more than `least` cycles against the control."""
    by_condition = (
        means.filter(pl.col("gene") == reference)
        .group_by("condition", maintain_order=True)
        .agg(mean_ct=pl.col("mean_ct").mean())
    )
    base = by_condition.filter(pl.col("condition") == control)["mean_ct"][0]
    return by_condition.with_columns(shift_ct=pl.col("mean_ct") - base).filter(pl.col("shift_ct").abs() > least)


def _sd(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
