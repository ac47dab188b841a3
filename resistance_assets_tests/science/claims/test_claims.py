"""Verdicts, what a printed hazard ratio implies, and the ledger: by hand, by definition, and on the printed table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.catalog.models.claim import Claim
from resistance_assets.catalog.registry import load_registry
from resistance_assets.science.claims.claims import (
    EVIDENCE,
    audit_printed_table,
    build_claims_report,
    describe_assessment,
    first_releases,
    implied_by_interval,
    judge_claim,
    rounding_half_unit,
)

BASE: dict[str, Any] = {"id": "a_claim", "paper": "p", "statement": "s", "quantity": "q", "sql": "SELECT 1 AS value"}
NUMBER = Claim(**BASE, expected=0.20, tolerance=0.05, near_tolerance=0.10, tolerance_reason="printed so")
DIRECTION = Claim(**BASE, direction="above", reference=1.0, alpha=0.05)
BARE_DIRECTION = Claim(**BASE, direction="below")
PRIVATE = Claim(**{**BASE, "sql": None}, expected=2.0, tolerance=0.2, is_public=False, why_private="not deposited")
NO_FAMILIES = pl.DataFrame(
    schema={
        "analysis": pl.String,
        "family": pl.String,
        "n_tests": pl.Int64,
        "n_below_0_05": pl.Int64,
        "n_q_below_0_05": pl.Int64,
        "correction": pl.String,
    }
)


@pytest.mark.parametrize(
    ("claim", "value", "p", "verdict"),
    [
        (NUMBER, 0.20, None, "reproduced"),
        (NUMBER, 0.25, None, "reproduced"),
        (NUMBER, 0.15, None, "reproduced"),
        (NUMBER, 0.2501, None, "near"),
        (NUMBER, 0.30, None, "near"),
        (NUMBER, 0.0999, None, "not_reproduced"),
        (NUMBER, None, None, "data_not_loaded"),
        (NUMBER, math.nan, None, "data_not_loaded"),
        (DIRECTION, 1.4, 0.01, "reproduced"),
        (DIRECTION, 1.4, 0.07, "near"),
        (DIRECTION, 1.4, 0.4, "inconclusive"),
        (DIRECTION, 1.4, None, "near"),
        (DIRECTION, 1.0, 0.001, "not_reproduced"),
        (DIRECTION, 0.7, 0.001, "contradicted"),
        (DIRECTION, 0.7, 0.3, "inconclusive"),
        (BARE_DIRECTION, -0.1, None, "reproduced"),
        (BARE_DIRECTION, 0.1, None, "not_reproduced"),
        (PRIVATE, None, None, "data_not_public"),
        (PRIVATE, 2.1, None, "reproduced"),
        (PRIVATE, 3.0, None, "not_reproduced"),
    ],
)
def test_a_claim_is_judged_by_its_own_rule(claim, value, p, verdict):
    found, reason = judge_claim(claim, value, p)
    assert found == verdict
    assert reason


@pytest.mark.parametrize(
    ("claim", "value", "interval", "verdict"),
    [
        (DIRECTION, 0.7, (0.5, 0.9), "contradicted"),
        (DIRECTION, 0.7, (0.4, 1.2), "inconclusive"),
        (BARE_DIRECTION, 0.2, (0.1, 0.3), "contradicted"),
        (BARE_DIRECTION, 0.2, (-0.1, 0.5), "inconclusive"),
        (NUMBER, 0.6, (0.1, 1.1), "inconclusive"),
        (NUMBER, 0.6, (0.5, 0.7), "not_reproduced"),
        (NUMBER, 0.6, (None, math.nan), "not_reproduced"),
    ],
)
def test_an_interval_tells_contradicted_from_undecided(claim, value, interval, verdict):
    assert judge_claim(claim, value, interval=interval)[0] == verdict


def test_generated_data_say_nothing_of_a_paper():
    assert judge_claim(NUMBER, 0.2, is_synthetic=True)[0] == "synthetic"
    assert judge_claim(DIRECTION, 0.5, 1e-9, is_synthetic=True)[0] == "synthetic"
    assert judge_claim(NUMBER, None, is_synthetic=True)[0] == "data_not_loaded"


def test_no_claim_of_the_catalog_lets_any_value_pass():
    numbers = [claim for claim in load_registry().claims.values() if claim.expected]
    assert len(numbers) > 20
    for claim in numbers:
        widest = max(claim.tolerance, claim.near_tolerance or 0.0)
        for share in (0.0, 2.0):
            verdict, _ = judge_claim(claim, share * claim.expected)
            assert verdict == "not_reproduced", (claim.id, widest)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"expected": 8.0, "tolerance": 10.0}, "lets any value between 0 and 16 pass"),
        ({"expected": 8.0, "tolerance": 0.1, "near_tolerance": 8.0}, "lets any value between 0 and 16 pass"),
        ({"expected": 8.0, "tolerance": 2.0}, "more than a tenth of 8"),
        ({"expected": 0.0, "tolerance": 0.1}, "more than a tenth of 0"),
    ],
)
def test_a_tolerance_that_swallows_its_claim_is_refused(rule, problem):
    with pytest.raises(ValueError, match=problem):
        Claim(**BASE, **rule)


def test_a_value_counts_for_nothing_while_what_it_needs_is_not_loaded():
    assert judge_claim(NUMBER, 0.2, lacking=["hgnc"]) == ("data_not_loaded", "not loaded: hgnc")
    assert judge_claim(PRIVATE, 2.0, lacking=["study:x"])[0] == "data_not_public"


@settings(deadline=None)  # the first example imports scipy
@given(
    log_ratio=st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3),
    events=st.floats(5, 5000),
)
def test_a_wald_interval_gives_back_the_events_and_the_p_value_it_was_made_from(log_ratio, events):
    from scipy.stats import norm

    error = 2 / math.sqrt(events)
    limits = (math.exp(log_ratio - 1.959963984540054 * error), math.exp(log_ratio + 1.959963984540054 * error))
    implied = implied_by_interval(math.exp(log_ratio), *limits)
    assert float(implied.events) == pytest.approx(events, rel=1e-9)
    assert float(implied.p_value) == pytest.approx(2 * norm.sf(abs(log_ratio) / error), rel=1e-6, abs=1e-300)
    assert implied.p_lowest <= implied.p_value * (1 + 1e-9)
    assert implied.p_highest >= implied.p_value * (1 - 1e-9)


def test_what_was_rounded_lies_within_what_would_be_printed_the_same():
    rng = np.random.default_rng(7)
    for _ in range(200):
        error, log_ratio = rng.uniform(0.15, 0.5), rng.uniform(-1.5, 1.5)
        exact = np.exp(log_ratio + 1.959963984540054 * error * np.array([0.0, -1.0, 1.0]))
        printed = [float(f"{x:.2g}") for x in exact]
        implied = implied_by_interval(*printed)
        true_p = float(implied_by_interval(*exact).p_value)
        assert implied.p_lowest <= true_p <= implied.p_highest


def test_half_a_unit_of_the_last_digit():
    assert rounding_half_unit([1.8, 0.56, 12.0, 1.0, 0.0071], 2) == pytest.approx([0.05, 0.005, 0.5, 0.05, 0.00005])


@pytest.mark.parametrize("bad", [(1.5, 2.0, 1.0), (-1.0, 0.5, 2.0), (1.5, 0.0, 2.0)])
def test_a_ratio_without_a_proper_interval_is_refused(bad):
    with pytest.raises(ValueError, match="lower limit"):
        implied_by_interval(*bad)


@pytest.fixture(scope="module")
def audit() -> pl.DataFrame:
    return audit_printed_table(load_registry().published_tables["wang_2022_table2"])


def test_table_2_agrees_with_itself(audit):
    with_interval = audit.filter(pl.col("ci_lower").is_not_null())
    assert with_interval.height == 20
    assert with_interval["is_consistent"].all()
    assert audit.filter(pl.col("ci_lower").is_null())["is_consistent"].null_count() == 12


def test_no_chemokine_of_table_2_survives_correction_over_the_forty_tested(audit):
    best = dict(audit.group_by("endpoint").agg(pl.col("q_value_bh_family").min()).iter_rows())
    assert best["PFS"] == pytest.approx(0.147, abs=5e-4)
    assert best["OS"] == pytest.approx(0.059, abs=5e-4)
    assert set(audit["family_tests"].drop_nulls()) == {40}


def test_table_2_rests_on_five_events_per_variable(audit):
    events = dict(audit.select("endpoint", "events_implied_of_endpoint").unique().iter_rows())
    assert events["PFS"] == pytest.approx(48, abs=1)
    assert events["OS"] == pytest.approx(31, abs=1)
    models = audit.filter(pl.col("model") == "multivariable").unique("endpoint")
    assert dict(models.select("endpoint", "variables").iter_rows()) == {"PFS": 10, "OS": 6}
    assert models["events_per_variable"].to_list() == pytest.approx([5, 5], abs=0.5)


def test_a_printed_p_that_does_not_fit_its_interval_is_found(audit):
    table = load_registry().published_tables["wang_2022_table2"]
    rows = [row.model_copy(update={"p_value": 0.0001}) if row.label == "MIF" else row for row in table.row]
    wrong = audit_printed_table(table.model_copy(update={"row": tuple(rows)}))
    assert wrong.filter(~pl.col("is_consistent"))["label"].to_list() == ["MIF"]


def report_of(claim: Claim, families: pl.DataFrame = NO_FAMILIES, **evidence: float | None) -> dict[str, Any]:
    return build_claims_report([claim], {claim.id: evidence}, {}, families).row(0, named=True)


def test_an_n_beyond_what_the_endpoint_has_is_impossible():
    claim = Claim(**BASE, expected=497, tolerance=5, reported={"n": 497})
    row = report_of(claim, value=271, n_available=306)
    assert row["is_n_impossible"] is True
    assert "n = 497 is impossible: the endpoint has 306" in row["worth"]
    assert report_of(claim, value=497, n_available=513)["is_n_impossible"] is False
    assert report_of(claim, value=497)["is_n_impossible"] is None


def test_the_chance_of_an_overlap_decides_the_direction_that_is_claimed():
    claim = Claim(**BASE, direction="above", reference=1.0, alpha=0.05)
    sizes = {"overlap": 127, "list_b_size": 2579, "universe_size": 12000}
    strong = report_of(claim, value=127 / 76.7, list_a_size=357, **sizes)
    assert strong["expected_by_chance"] == pytest.approx(357 * 2579 / 12000)
    assert strong["p_overlap"] < 1e-8
    assert strong["verdict"] == "reproduced"
    weak = report_of(claim, value=127 / 165.3, list_a_size=769, **sizes)
    assert weak["expected_by_chance"] == pytest.approx(165.3, abs=0.1)
    assert weak["p_overlap"] > 0.99
    assert weak["verdict"] == "contradicted"


def test_an_overlap_far_below_chance_contradicts_a_claimed_enrichment():
    sizes = {"list_a_size": 300.0, "list_b_size": 400.0, "universe_size": 2000.0}  # 60 by chance
    for overlap, verdict in ((30.0, "contradicted"), (58.0, "inconclusive"), (90.0, "reproduced")):
        evidence = {"a_claim": {"value": overlap / 60, "overlap": overlap, **sizes}}
        row = build_claims_report([DIRECTION], evidence, {}, NO_FAMILIES).row(0, named=True)
        assert row["verdict"] == verdict, overlap


def test_the_family_says_over_how_many_tests():
    family = {"analysis": "core.x", "family": "f p"}
    families = pl.DataFrame([{**family, "n_tests": 40, "n_below_0_05": 10, "n_q_below_0_05": 0, "correction": "BH"}])
    claim = Claim(**BASE, direction="above", reference=0.0, family=family)
    row = report_of(claim, families, value=1.0, q_value=0.147, rank=3.0, tested=40.0)
    assert (row["family_tests"], row["family_q_below_0_05"], row["correction"]) == (40, 0, "BH")
    assert "q = 0.15 over 40 tests" in row["worth"]
    assert "25 % of them have p < 0.05" in row["worth"]
    with pytest.raises(KeyError, match=r"a_claim: core\.x"):
        report_of(claim, NO_FAMILIES, value=1.0)
    assert report_of(claim, NO_FAMILIES, value=None)["verdict"] == "data_not_loaded"


def test_what_is_printed_is_weighed_without_the_data():
    reported = {"hazard_ratio": 2.1, "ci_lower": 1.2, "ci_upper": 3.6, "p_value": 0.011}
    row = report_of(PRIVATE.model_copy(update={"reported": type(PRIVATE.reported)(**reported)}), q_value_reported=0.147)
    assert row["verdict"] == "data_not_public"
    assert row["p_implied"] == pytest.approx(0.0081, abs=5e-5)
    assert row["events_implied"] == pytest.approx(50.9, abs=0.1)
    assert "printed p corrects to q = 0.15" in row["worth"]
    assert "about 51 events" in row["worth"]


def test_a_claim_of_which_nothing_is_known_is_worth_no_sentence():
    row = report_of(NUMBER)
    assert row["value"] is None
    assert row["worth"] is None
    assert describe_assessment({**row, **dict.fromkeys(EVIDENCE)}) is None


def test_the_unbroken_run_of_a_verdict_begins_where_it_last_changed():
    past = [(1, {"a": "near", "b": "near"}), (2, {"a": "reproduced", "b": "near"}), (3, {"a": "near", "b": "near"})]
    now = {"a": "near", "b": "near", "c": "near"}
    assert first_releases(now, past, 4) == {"a": 3, "b": 1, "c": 4}
    assert first_releases({"b": "reproduced"}, past, 4) == {"b": 4}
    assert first_releases(now, [], 1) == {"a": 1, "b": 1, "c": 1}


def test_a_verdict_stands_since_the_same_release_when_old_ones_are_pruned():
    past = [
        (1, {"a": "near", "b": "near"}),
        (2, {"a": "reproduced", "b": "near"}),
        (3, {"a": "reproduced", "b": "near"}),
    ]
    now = {"a": "reproduced", "b": "near", "c": "near"}
    whole = first_releases(now, past, 4)
    # The history of release 3, the only one that is kept.
    before = {"a": ("reproduced", 2), "b": ("near", 1)}
    assert first_releases(now, past[2:], 4, before) == whole == {"a": 2, "b": 1, "c": 4}
    # A verdict that turned since begins anew, and one that the oldest kept release did not have is not older than it.
    turned = {"a": "near", "b": "near"}
    assert first_releases(turned, past[2:], 4, before) == {"a": 4, "b": 1}
    assert first_releases({"b": "reproduced"}, [(3, {"b": "near"})], 4, before) == {"b": 4}
