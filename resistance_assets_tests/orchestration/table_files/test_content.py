"""Content versions: equal for equal rows in any order, other for every change, and additive over partitions."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.orchestration.table_files import content as content_module
from resistance_assets.orchestration.table_files.content import (
    content_from_record,
    content_of,
    content_of_file,
    content_of_union,
    content_version,
    earlier_content_version,
)
from resistance_assets_tests.orchestration.test_lake import version_of

FRAME = pl.DataFrame({"gene": ["CCL20", "AXL", None], "value": [1.5, -0.25, None], "n": [1, 2, 3]})
SCHEMA = {"gene": pl.String, "value": pl.Float64, "n": pl.Int64}
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=3), st.none() | st.floats(-10, 10, allow_nan=False), st.none() | st.integers(-3, 3)
    ),
    max_size=8,
)


def frame_of(rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.slow
@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_version_does_not_depend_on_the_order_of_rows(random):
    frame = pl.DataFrame({"a": list(range(20)), "b": [x / 7 for x in range(20)]})
    order = list(range(20))
    random.shuffle(order)
    assert content_version(frame[order]) == content_version(frame)


def test_version_ignores_what_lies_beyond_twelve_digits_and_the_sign_of_zero():
    value = 0.123456789012345
    assert content_version(pl.DataFrame({"x": [value]})) == content_version(pl.DataFrame({"x": [value * (1 + 1e-15)]}))
    assert content_version(pl.DataFrame({"x": [0.0]})) == content_version(pl.DataFrame({"x": [-0.0]}))


@pytest.mark.parametrize(
    "changed",
    [
        FRAME.with_columns(value=pl.col("value") * (1 + 1e-9)),
        FRAME.head(2),
        pl.concat([FRAME, FRAME.head(1)]),
        FRAME.rename({"n": "m"}),
        FRAME.with_columns(pl.col("n").cast(pl.Float64)),
        FRAME.with_columns(gene=pl.col("gene").fill_null("")),
    ],
    ids=["ninth digit", "row less", "row twice", "renamed", "another type", "null filled"],
)
def test_version_notices_every_change_of_content(changed):
    assert content_version(changed) != content_version(FRAME)


def test_a_row_that_occurs_twice_does_not_cancel_out():
    once, thrice = FRAME.head(1), pl.concat([FRAME.head(1)] * 3)
    assert content_version(once) != content_version(thrice)


def test_a_version_does_not_depend_on_the_blocks_that_are_hashed(monkeypatch):
    frame = pl.DataFrame({"gene": ["A", None, "B", "A"], "value": [1.0, -0.0, float("nan"), 2.5], "n": [1, 2, 3, 4]})
    whole = content_version(frame)
    monkeypatch.setattr(content_module, "HASHED_ROWS", 3)
    assert content_version(frame) == whole
    assert content_version(frame.reverse()) == whole
    assert content_version(frame.head(3)) != whole


@settings(deadline=None, max_examples=60)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_content_of_a_union_is_that_of_the_stacked_table(partitions):
    frames = [frame_of(rows) for rows in partitions]
    union = content_of_union([content_of(frame) for frame in frames])
    assert union == content_of(pl.concat(frames))
    assert union.version == content_version(pl.concat(reversed(frames)))


@settings(deadline=None, max_examples=60)
@given(ROWS, ROWS)
def test_other_rows_have_another_version(one, two):
    first, second = frame_of(one), frame_of(two)
    canonical = [sorted(map(repr, (frame.with_columns(pl.col("value") + 0.0)).rows())) for frame in (first, second)]
    within_twelve_digits = any(a != b and repr(a)[:8] == repr(b)[:8] for a, b in zip(*canonical, strict=False))
    if not within_twelve_digits:
        assert (content_version(first) == content_version(second)) == (canonical[0] == canonical[1])


def test_a_stack_of_four_has_the_version_that_its_records_add_up_to(tmp_path):
    lake, records, frames = Lake(tmp_path), [], []
    for cohort in range(4):
        frame = pl.DataFrame({"cohort": [f"c{cohort}"] * 1000, "gene": [f"G{g}" for g in range(1000)]})
        frames.append(frame.with_columns(value=pl.Series([(g * 7 + cohort) / 13 for g in range(1000)])))
        content = content_of(frames[-1])
        name = f"parts.x__c{cohort}"
        written = lake.write(name, frames[-1], content)
        lake.set_current(version_of(name, written, rows=1000, content=content.as_record()), None)
        records.append(lake.current(name))
    assert all(isinstance(record, TableVersion) for record in records)
    union = content_of_union([lake.content(record) for record in records])
    assert union.version == lake.write("raw.x", pl.concat(frames))
    assert union.version == content_of_file(lake.path("raw.x", union.version)).version


def test_rows_that_swap_their_last_values_have_another_sum():
    for at in range(0, 40, 2):
        one = pl.DataFrame({"gene": [f"A{at}", f"B{at}"], "value": [at, at + 1]})
        other = one.with_columns(pl.col("value").reverse())
        assert all(a != b for a, b in zip(content_of(one).sums, content_of(other).sums, strict=True))


@pytest.mark.parametrize(
    "changed",
    [
        {"hashed_by": "duckdb 0.1"},
        {"rows": "3"},
        {"sums": ["1"]},
        {"sums": [1, 2]},
        {"sums": ["1", "-2"]},
        {"sums": None},
    ],
)
def test_sums_that_another_release_noted_are_not_believed(changed):
    record = content_of(FRAME).as_record()
    assert content_from_record(json.loads(json.dumps(record)), FRAME.schema) == content_of(FRAME)
    assert content_from_record(record | changed, FRAME.schema) is None
    assert content_from_record({}, FRAME.schema) is None


def test_a_record_of_an_earlier_release_has_its_content_counted(tmp_path):
    lake = Lake(tmp_path)
    earlier = version_of("raw.x", lake.write("raw.x", FRAME))
    assert lake.content(earlier) == content_of(FRAME)


def test_a_file_that_an_earlier_release_named_is_whole(tmp_path):
    lake = Lake(tmp_path)
    name = earlier_content_version(FRAME)
    assert name != content_version(FRAME)
    lake.folder("raw.x").mkdir(parents=True)
    FRAME.write_parquet(lake.path("raw.x", name))
    assert lake.find_damage("raw.x", name) is None
    FRAME.head(1).write_parquet(lake.path("raw.x", name))
    assert lake.find_damage("raw.x", name) is not None
