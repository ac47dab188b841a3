"""The table models state everything that is derived from them."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.models.study_kind import STUDY_KINDS, import_kinds
from resistance_assets.catalog.partition_names import partition_of
from resistance_assets.catalog.tables import LAYERS, PARTS, TABLES, published_tables

import_kinds()

UNIT_WORDS = ("_months", "_log2", "_fraction", "_years")


@pytest.mark.parametrize("address", TABLES)
def test_a_table_says_what_a_row_is_what_identifies_it_and_what_is_not_true(address):
    table = TABLES[address]
    assert table.layer in (*LAYERS, PARTS)
    assert table.grain.startswith("one row per")
    assert table.key
    assert table.limitation
    assert table.description
    assert all(column.description for column in table.columns)
    assert all(not c.nullable for c in table.columns if c.name in table.key), "a key column is never missing"


@pytest.mark.parametrize("address", [a for a, t in TABLES.items() if t.layer in ("raw", "core")])
def test_a_column_computed_in_python_states_where_it_comes_from(address):
    for column in TABLES[address].columns:
        assert column.upstream, f"{address}.{column.name} has no lineage"
        for upstream in column.upstream:
            if upstream == "source":
                continue
            table, _, name = upstream.rpartition(".")
            assert table in TABLES, upstream
            assert name in TABLES[table].polars_schema, upstream


def test_columns_with_a_measure_state_its_unit():
    for table in published_tables():
        for column in table.columns:
            if column.dtype == pl.Float64 and column.name.endswith(UNIT_WORDS):
                assert column.unit, f"{table.address}.{column.name}"


def test_published_tables_are_in_the_order_of_the_layers():
    layers = [table.layer for table in published_tables()]
    assert layers == sorted(layers, key=LAYERS.index)
    assert PARTS not in layers


def test_every_column_has_a_duckdb_type():
    plain = {"VARCHAR", "DOUBLE", "BIGINT", "UINTEGER", "BOOLEAN"}
    for table in TABLES.values():
        # Lists are rows of matrices, which stay in the lake.
        known = plain | {"DOUBLE[]"} if table.layer == PARTS else plain
        assert {column.duckdb_type for column in table.columns} <= known


def test_no_two_tables_of_a_study_kind_share_the_name_of_a_partition():
    """A partition has the name of its table without the layer: a raw and a core table need names that differ."""
    for kind in STUDY_KINDS.values():
        names = [partition_of(table, "study") for table in kind.tables]
        assert len(set(names)) == len(names), kind.name


def test_a_number_beyond_a_bound_by_rounding_alone_is_put_on_it_and_any_other_is_refused():
    table = TABLES["core.gsea__terms"]
    bounded = {name: (low, high) for name, low, high in table._float_bounds()}
    assert bounded["enrichment_score"] == (-1, 1)
    scores = [1.0000000000000002, -1.0000000000000002, 0.5, None, 1.001, 1.0]
    frame = pl.DataFrame({name: [None] * len(scores) for name in table.polars_schema.names()}).with_columns(
        enrichment_score=pl.Series(scores, dtype=pl.Float64)
    )
    assert table.shape(frame)["enrichment_score"].to_list() == [1.0, -1.0, 0.5, None, 1.001, 1.0]


def test_every_bounded_quantity_is_among_those_that_rounding_may_not_refuse():
    asked = [
        ("core.survival__time_dependent_auc", "ci_upper"),
        ("core.survival__kaplan_meier", "survival"),
        ("core.enrichment__terms", "p_value"),
    ]
    for address, column in asked:
        assert column in {name for name, _, _ in TABLES[address]._float_bounds()}, (address, column)
