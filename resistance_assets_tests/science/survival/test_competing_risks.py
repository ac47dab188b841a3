"""Cumulative incidence, beside R's survfit of several states and lifelines.

Tolerances: incidence 1e-9, standard error 1e-6 (`numbers/README`; seen: 4e-13 and 3e-14); lifelines on times without
ties, where it does not jitter, 1e-12.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.competing_risks import aalen_johansen, causes_of_death
from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets_tests.science.survival.goldens import read_table, within

MONTHS = [12, 24, 36, 60, 84, 120]


def test_lung_cancer_deaths_beside_other_deaths(shared, goldens):
    theirs = read_table(goldens / "numbers/aalen_johansen_luad.tsv.gz")
    cdr = pl.read_csv(
        shared / "data/tcga_cdr/TCGA-CDR_LUAD.tsv",
        separator="\t",
        null_values=["NA", "", "[Not Available]"],
        infer_schema_length=None,
    ).filter(pl.col("OS.time") > 0, pl.col("OS").is_not_null(), pl.col("DSS").is_not_null())
    cause = causes_of_death(cdr["OS"], cdr["DSS"])
    assert ((cause == 1).sum(), (cause == 2).sum(), cause.size) == (113, 35, 474)
    found = aalen_johansen(cdr["OS.time"] / 30.4375, cause, MONTHS)
    for number, name in ((1, "disease"), (2, "other")):
        ours = found.filter(pl.col("cause") == number)
        within(ours["cumulative_incidence"], theirs[f"cif_{name}"], absolute=1e-9)
        within(ours["standard_error"], theirs[f"se_{name}"], absolute=1e-6)
    ours = found.filter(pl.col("cause") == 1)
    within(ours["one_minus_kaplan_meier"], theirs["one_minus_km_disease"], absolute=1e-9)
    within(ours["n_at_risk"], theirs["n_risk"])
    # Censoring the other deaths shows 44 % where 41 % have died of the disease.
    five_years = ours.filter(pl.col("time_months") == 60.0).row(0, named=True)
    assert round(five_years["one_minus_kaplan_meier"], 3) == 0.440
    assert round(five_years["cumulative_incidence"], 3) == 0.410


def test_the_estimate_of_lifelines():
    from lifelines import AalenJohansenFitter

    rng = np.random.default_rng(6)
    time, cause = rng.permutation(np.arange(1.0, 121.0)), rng.integers(0, 3, 120)
    ours = aalen_johansen(time, cause)
    for number in (1, 2):
        fitted = AalenJohansenFitter(calculate_variance=False).fit(time, cause, event_of_interest=number)
        mine = ours.filter(pl.col("cause") == number)
        theirs = fitted.cumulative_density_.iloc[:, 0]
        at = theirs.index.searchsorted(mine["time_months"].to_numpy(), side="right") - 1
        within(mine["cumulative_incidence"], theirs.to_numpy()[at], absolute=1e-12)


def test_incidences_and_survival_add_up_to_one():
    rng = np.random.default_rng(7)
    time, cause = np.round(rng.exponential(20, 150)), rng.integers(0, 3, 150)
    found = aalen_johansen(time, cause, MONTHS)
    total = found.group_by("time_months").agg(pl.col("cumulative_incidence").sum()).sort("time_months")
    curve = kaplan_meier(time, (cause > 0).astype(int))
    free = [curve.filter(pl.col("time_months") <= month)["survival"][-1] for month in MONTHS]
    within(total["cumulative_incidence"], 1.0 - np.array(free), absolute=1e-12)


def test_one_cause_alone_is_one_minus_kaplan_meier():
    rng = np.random.default_rng(8)
    time, cause = np.round(rng.exponential(20, 60)), rng.integers(0, 2, 60)
    found = aalen_johansen(time, cause)
    within(found["cumulative_incidence"], found["one_minus_kaplan_meier"], absolute=1e-12)


def test_a_death_without_a_cause_is_left_out():
    cause = causes_of_death([1, 1, 0, 1, None], [1, 0, 0, None, None])
    assert cause[:3].tolist() == [1.0, 2.0, 0.0]
    assert np.isnan(cause[3:]).all()


def test_nobody_died():
    with pytest.raises(DesignFault, match="none of 3 patients had an event"):
        aalen_johansen([1.0, 2.0, 3.0], [0, 0, 0])
