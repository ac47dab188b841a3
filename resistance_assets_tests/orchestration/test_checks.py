"""Validation before anything is written."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import DataFault
from resistance_assets.orchestration import checks
from resistance_assets.orchestration.checks import require, validate

ENDPOINTS = TABLES["staging.cohorts__patient_endpoints"]
GOOD = pl.DataFrame(
    {
        "cohort_id": ["c", "c"],
        "patient_id": ["p1", "p2"],
        "endpoint": ["OS", "OS"],
        "time_months": [1.0, None],
        "event_observed": [1, 0],
    }
)


def failed(frame, table=ENDPOINTS, **options) -> dict[str, str]:
    return {v.name: v.description for v in validate(table, frame, **options) if not v.passed}


def test_a_good_frame_passes_both_checks():
    assert [(v.name, v.passed) for v in validate(ENDPOINTS, GOOD)] == [("schema", True), ("primary_key", True)]


def test_a_bad_lazy_frame_fails_on_its_values():
    """Left to itself pandera looks at nothing but the dtypes of a LazyFrame, and bad data pass for months."""
    bad = GOOD.with_columns(event_observed=pl.lit(7)).cast({"event_observed": pl.Int64}).lazy()
    assert ENDPOINTS.model.validate(bad).collect().height == 2, "pandera alone lets it pass: the premise of this test"
    assert "event_observed" in failed(bad)["schema"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f.with_columns(endpoint=pl.lit("XX")), "endpoint"),
        (lambda f: f.with_columns(patient_id=pl.lit(None, pl.String)), "patient_id"),
        (lambda f: f.drop("time_months"), "time_months"),
        (lambda f: f.with_columns(extra=pl.lit(1)), "extra"),
        (lambda f: f.with_columns(pl.col("event_observed").cast(pl.String)), "event_observed"),
        (lambda f: f.with_columns(time_months=pl.lit(float("inf"))), "infinite"),
    ],
    ids=["value not allowed", "null", "column missing", "column too many", "wrong type", "infinite"],
)
def test_every_kind_of_bad_frame_is_named(change, named):
    assert named in failed(change(GOOD))["schema"]


def test_a_repeated_key_is_shown():
    twice = pl.concat([GOOD, GOOD.head(1)])
    assert "'p1'" in failed(twice)["primary_key"]
    assert "x 2" in failed(twice)["primary_key"]


def test_nan_becomes_missing_when_a_frame_is_shaped():
    shaped = ENDPOINTS.shape(GOOD.with_columns(time_months=pl.lit(float("nan"))))
    assert shaped["time_months"].null_count() == 2


def test_an_empty_frame_fails_only_where_rows_are_due():
    from dataclasses import replace

    demanding = replace(ENDPOINTS, min_rows=1)
    assert "0 rows" in failed(ENDPOINTS.empty(), demanding)["schema"]
    assert not failed(ENDPOINTS.empty(), demanding, may_be_empty=True)
    assert not failed(ENDPOINTS.empty())


def test_require_raises_with_table_check_and_remedy():
    bad = GOOD.with_columns(endpoint=pl.lit("XX"))
    with pytest.raises(DataFault, match=r"staging\.cohorts__patient_endpoints.*schema.*Nothing was written"):
        require(ENDPOINTS, validate(ENDPOINTS, bad))
    require(ENDPOINTS, validate(ENDPOINTS, GOOD))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12), st.booleans())
def test_a_key_of_whole_numbers_is_unique_whatever_the_order_of_the_rows(rows, is_sorted):
    table = TABLES["parts.single_cell__counts"]
    given_rows = sorted(rows) if is_sorted else rows
    frame = pl.DataFrame(given_rows, schema={"gene_number": pl.UInt32, "cell_number": pl.UInt32}, orient="row")
    found = validate(table, frame.with_columns(umi=pl.lit(1, pl.UInt32)))[1]
    assert found.passed == (len(set(rows)) == len(rows))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "a", "b", None])), min_size=1, max_size=40),
    st.integers(1, 7),
)
def test_a_repeated_row_is_found_wherever_it_stands(rows, block):
    keys = pl.DataFrame(rows, schema={"n": pl.Int64, "t": pl.String}, orient="row")
    blocks = list(keys.iter_slices(block))
    hashes = np.concatenate([checks._hashes(one) for one in blocks])
    found = checks._rows_with_a_twin(hashes, blocks)
    repeated = keys.filter(keys.is_duplicated())
    assert repeated.is_empty() if found is None else found.equals(repeated)
