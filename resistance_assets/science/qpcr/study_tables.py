"""qPCR of a study as rows: samples, fold changes and no-template controls."""

from __future__ import annotations

import polars as pl

from resistance_assets.science.qpcr.delta_ct import (
    REFERENCE_SHIFT,
    average_wells,
    check_no_template,
    compare_conditions,
    reference_shifts,
    subtract_reference,
)

SAMPLE = ["condition", "gene", "biological_replicate"]
NO_UNIT = 'no p: replicate_unit = "experiment" is not declared, and technical wells are no replicates'


def analyse_wells(
    wells: pl.DataFrame, *, reference: str, control: str, are_experiments: bool, are_paired: bool
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Samples, fold changes and no-template controls of a study.

    Args:
        wells: rows of `raw.qpcr__wells`.
        reference, control: the reference gene and the control condition; both are there.
        are_experiments: whether replicates are independent experiments; without that there is no p.
        are_paired: whether one replicate number is one day in every condition.
    """
    means = average_wells(wells.filter(pl.col("is_template")))
    deltas = subtract_reference(means, reference=reference, control=control)
    samples = means.join(deltas, on=SAMPLE, how="left", maintain_order="left")
    found = compare_conditions(deltas, control=control)
    shifts = reference_shifts(means, reference=reference, control=control, least=0.0)
    moved = pl.format("{} itself moves by {} cycles", pl.lit(reference), pl.col("shift_ct").round(2))
    found = (
        found.join(shifts.select("condition", "shift_ct"), on="condition", how="left", maintain_order="left")
        .with_columns(
            control=pl.lit(control),
            reference_gene=pl.lit(reference),
            warning=pl.when(pl.col("shift_ct").abs() > REFERENCE_SHIFT).then(moved),
        )
        .rename({"shift_ct": "reference_shift_ct"})
    )
    tests = [name for name in found.columns if name.startswith(("welch_", "paired_"))]
    nothing = pl.lit(None, pl.Float64)
    if not are_experiments:
        found = found.with_columns(
            *[nothing.alias(name) for name in tests], p_note=pl.coalesce("p_note", pl.lit(NO_UNIT))
        )
    elif not are_paired:
        found = found.with_columns(nothing.alias(name) for name in tests if name.startswith("paired_"))
    blanks = wells.filter(~pl.col("is_template")).select("well_number", "gene", "ct")
    return samples, found, check_no_template(blanks, means)
