"""Models of core.claims__*: claims of the papers against our numbers."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK


@table(
    "core.claims__table2_audit",
    grain="one row per printed table, endpoint, model and variable",
    key=("table_id", "endpoint", "model", "label"),
    limitation="a consistent row is not a reproduced one: the data behind it are not public",
)
class ClaimsTableAudit(TableModel):
    """Printed hazard ratios held against themselves: interval, p-value, events, correction for all that was tried."""

    table_id: pl.String = col("table of the catalog", of="source")
    endpoint: pl.String = col("endpoint", of="source")
    model: pl.String = col("univariable or multivariable", of="source", isin=["univariable", "multivariable"])
    label: pl.String = col("variable as printed", of="source")
    hgnc_symbol: pl.String = col("approved symbol", of="source")
    hazard_ratio: pl.Float64 = col("as printed", of="source", gt=0)
    ci_lower: pl.Float64 = col("95 % limit as printed", null=True, of="source", gt=0)
    ci_upper: pl.Float64 = col("95 % limit as printed", null=True, of="source", gt=0)
    p_value_reported: pl.Float64 = col("as printed", of="source", **P_CHECK)
    standard_error_implied: pl.Float64 = col("by the interval", unit="ln", null=True, of="source", ge=0)
    p_value_implied: pl.Float64 = col("Wald, by ratio and interval", null=True, of="source", **P_CHECK)
    p_value_implied_lowest: pl.Float64 = col(
        "smallest p of all numbers that would be printed the same", null=True, of="source", **P_CHECK
    )
    p_value_implied_highest: pl.Float64 = col("largest of them", null=True, of="source", **P_CHECK)
    is_consistent: pl.Boolean = col("the printed p lies in that range", null=True, of="source")
    events_implied: pl.Float64 = col(
        "4 / standard error squared: two groups of equal size, univariable",
        unit="patients",
        null=True,
        of="source",
        ge=0,
    )
    events_implied_of_endpoint: pl.Float64 = col(
        "median of the endpoint's univariable rows", unit="patients", null=True, of="source", ge=0
    )
    variables: pl.Int64 = col("variables of the model", of="source", ge=1)
    events_per_variable: pl.Float64 = col(
        "below 10 estimates are unstable (Peduzzi 1995)", null=True, of="source", ge=0
    )
    family_tests: pl.Int64 = col("variables that were tried", null=True, of="source", ge=1)
    q_value_bh_family: pl.Float64 = col(
        "Benjamini-Hochberg of the printed p over all that were tried", null=True, of="source", **P_CHECK
    )


_VERDICTS = [
    "reproduced",
    "near",
    "inconclusive",
    "contradicted",
    "not_reproduced",
    "synthetic",
    "data_not_public",
    "data_not_loaded",
]


@table(
    "core.claims__verdicts",
    grain="one row per claim",
    key=("claim_id",),
    limitation="a verdict is on a figure, not on a paper: a reproduced figure can be worth nothing",
)
class ClaimsVerdicts(TableModel):
    """Every figure that the papers state, recomputed, with a verdict and with what the figure is worth."""

    claim_id: pl.String = col("claim of the catalog", of="source")
    paper_id: pl.String = col("paper", of="source")
    statement: pl.String = col("what is claimed, in our words", of="source")
    quantity: pl.String = col("what the figure is", of="source")
    stated_by: pl.String = col(
        "paper, or check: seen when the paper was checked on public data", of="source", isin=["paper", "check"]
    )
    expected: pl.Float64 = col("the figure", null=True, of="source")
    tolerance: pl.Float64 = col("largest difference of a reproduced figure", null=True, of="source", ge=0)
    near_tolerance: pl.Float64 = col("largest difference of a near one", null=True, of="source", ge=0)
    direction: pl.String = col(
        "side of the reference, where a direction is claimed", null=True, of="source", isin=["above", "below"]
    )
    reference: pl.Float64 = col("of the direction", null=True, of="source")
    alpha: pl.Float64 = col("significance that is claimed with the direction", null=True, of="source", **P_CHECK)
    is_public: pl.Boolean = col("whether the paper's data are public", of="source")
    value: pl.Float64 = col("recomputed; null without data", null=True, of="source")
    difference: pl.Float64 = col("value minus expected", null=True, of="source")
    verdict: pl.String = col(
        "reproduced, near, inconclusive (the data allow both sides), contradicted (they exclude the claimed side),"
        " not_reproduced, synthetic (computed from generated data), data_not_public or data_not_loaded",
        of="source",
        isin=_VERDICTS,
    )
    verdict_reason: pl.String = col("why", of="source")
    worth: pl.String = col("what the figure is worth, in a sentence", null=True, of="source")
    n: pl.Float64 = col("patients, samples or genes that it rests on", null=True, of="source", ge=0)
    events: pl.Float64 = col("events among them", unit="patients", null=True, of="source", ge=0)
    ci_lower: pl.Float64 = col("95 % limit of the value", null=True, of="source")
    ci_upper: pl.Float64 = col("95 % limit of the value", null=True, of="source")
    p_value: pl.Float64 = col("of the value, not corrected", null=True, of="source", **P_CHECK)
    p_corrected: pl.Float64 = col("that pays for the search of a cut-point", null=True, of="source", **P_CHECK)
    q_value: pl.Float64 = col("corrected within the declared family", null=True, of="source", **P_CHECK)
    q_value_panel: pl.Float64 = col("corrected within the paper's panel", null=True, of="source", **P_CHECK)
    q_value_reported: pl.Float64 = col(
        "of the printed p-value, corrected for all that the paper tried", null=True, of="source", **P_CHECK
    )
    percentile: pl.Float64 = col(
        "of the p-value among all genes tested the same way", unit="%", null=True, of="source", ge=0, le=100
    )
    rank: pl.Float64 = col("of the p-value among them, from 1", null=True, of="source", ge=1)
    tested: pl.Float64 = col("genes tested the same way", unit="genes", null=True, of="source", ge=0)
    family: pl.String = col("declared family, as in core.hypotheses_tested", null=True, of="source")
    family_tests: pl.Int64 = col("tests in it", null=True, of="core.hypotheses_tested.n_tests", ge=0)
    family_p_below_0_05: pl.Int64 = col("of these, p < 0.05", null=True, of="core.hypotheses_tested.n_below_0_05", ge=0)
    family_q_below_0_05: pl.Int64 = col(
        "of these, q < 0.05", null=True, of="core.hypotheses_tested.n_q_below_0_05", ge=0
    )
    correction: pl.String = col("how it was corrected", null=True, of="core.hypotheses_tested.correction")
    overlap: pl.Float64 = col("genes that two lists share", unit="genes", null=True, of="source", ge=0)
    list_a_size: pl.Float64 = col("first list", unit="genes", null=True, of="source", ge=0)
    list_b_size: pl.Float64 = col("second list", unit="genes", null=True, of="source", ge=0)
    universe_size: pl.Float64 = col("genes that could be on both", unit="genes", null=True, of="source", ge=0)
    expected_by_chance: pl.Float64 = col("overlap of random lists", unit="genes", null=True, of="source", ge=0)
    fold_over_chance: pl.Float64 = col("overlap over that", null=True, of="source", ge=0)
    p_overlap: pl.Float64 = col("hypergeometric upper tail", null=True, of="source", **P_CHECK)
    p_implied: pl.Float64 = col("by the printed hazard ratio and interval", null=True, of="source", **P_CHECK)
    p_implied_lowest: pl.Float64 = col("allowing for rounding", null=True, of="source", **P_CHECK)
    p_implied_highest: pl.Float64 = col("allowing for rounding", null=True, of="source", **P_CHECK)
    events_implied: pl.Float64 = col("by the printed interval", unit="patients", null=True, of="source", ge=0)
    events_per_variable: pl.Float64 = col("of the printed model", null=True, of="source", ge=0)
    n_claimed: pl.Int64 = col("n as printed", null=True, of="source", ge=0)
    n_available: pl.Float64 = col("largest n that the data can have", null=True, of="source", ge=0)
    is_n_impossible: pl.Boolean = col("printed n above the largest possible", null=True, of="source")
    noise_bcv_0_1: pl.Float64 = col(
        "the same count by noise alone at a biological coefficient of variation of 0.1", null=True, of="source", ge=0
    )
    noise_bcv_0_2: pl.Float64 = col("at 0.2", null=True, of="source", ge=0)
    noise_bcv_0_3: pl.Float64 = col("at 0.3", null=True, of="source", ge=0)
    noise_bcv_0_4: pl.Float64 = col("at 0.4", null=True, of="source", ge=0)
    sources: pl.String = col("what the value was computed from, joined by |", null=True, of="source")
    source_checksums: pl.String = col("name=sha256 of those, joined by |", null=True, of="source")
    note: pl.String = col("what to know of the claim", null=True, of="source")


@table(
    "core.claims__history",
    grain="one row per claim",
    key=("claim_id",),
    limitation="a verdict of an earlier time that was lost and came back counts from its return",
)
class ClaimsHistory(TableModel):
    """Since which release each claim has had the verdict that it has now."""

    claim_id: pl.String = col("claim of the catalog", of="core.claims__verdicts.claim_id")
    verdict: pl.String = col("now", of="core.claims__verdicts.verdict", isin=_VERDICTS)
    first_release_with_verdict: pl.Int64 = col(
        "first release of the unbroken run of this verdict up to now", of="core.claims__verdicts.verdict", ge=1
    )
