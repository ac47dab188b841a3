"""Partitions: their names, their unions, and slices of tables; and what a graph refuses."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of, slice_of, union_of
from resistance_assets.orchestration.steps import run_step
from resistance_assets.orchestration.table_steps import by_table, table_step

LISTS = TABLES["core.evidence__resistance_votes"]
ONE, TWO = partition_of("votes", "one"), partition_of("votes", "two")


def rows(*genes: str) -> pl.DataFrame:
    """Rows of the table with these genes, and the least of everything else."""
    values = {name: [None] * len(genes) for name in LISTS.polars_schema}
    frame = pl.DataFrame(values, schema=LISTS.polars_schema)
    filled = [
        pl.lit("inferential" if name == "evidence_kind" else "x").alias(name)
        if dtype == pl.String
        else pl.lit(1).cast(dtype).alias(name)
        for name, dtype in LISTS.polars_schema.items()
        if name != "hgnc_symbol"
    ]
    return frame.with_columns(*filled, hgnc_symbol=pl.Series(genes)).select(list(LISTS.polars_schema))


def fixed(name: str, frame: pl.DataFrame):
    return table_step(outputs={name: LISTS}, compute=lambda inputs: frame, code_version="v1")


def test_a_name_says_what_the_rows_are_and_of_whom():
    assert partition_of("gsea", "resistant_vs_parental", "limma") == "parts.gsea__resistant_vs_parental__limma"


def test_a_union_holds_the_partitions_that_are_there_in_their_order(tmp_path):
    lake = Lake(tmp_path)
    union = union_of(LISTS.address, [TWO, ONE])
    assert union.optional_inputs == (TWO, ONE)
    assert run_step(lake, replace(union, tests={}, inputs=()))[LISTS.address].pointer.rows == 0
    run_step(lake, fixed(ONE, rows("A")))
    assert run_step(lake, replace(union, tests={}, inputs=()))[LISTS.address].pointer.rows == 1
    run_step(lake, fixed(TWO, rows("B", "C")))
    run_step(lake, replace(union, tests={}, inputs=()))
    assert lake.read(LISTS.address)["hgnc_symbol"].to_list() == ["B", "C", "A"]


def test_a_slice_holds_the_rows_asked_for_and_stays_when_others_change(tmp_path):
    lake = Lake(tmp_path)
    cut = slice_of(partition_of("slice", "b"), LISTS.address, {"hgnc_symbol": "B"})
    run_step(lake, replace(fixed(LISTS.address, rows("A", "B")), tests={}, inputs=()))
    before = run_step(lake, replace(cut, tests={}))[cut.name].pointer
    assert lake.read(cut.name)["hgnc_symbol"].to_list() == ["B"]
    other = replace(fixed(LISTS.address, rows("B", "C", "D")), tests={}, inputs=(), code_version="v2")
    run_step(lake, other)
    after = run_step(lake, replace(cut, tests={}))[cut.name].pointer
    assert after.data_version == before.data_version


@pytest.mark.parametrize("kind", ["inputs", "optional_inputs"])
def test_a_misspelt_input_is_an_error_when_the_graph_is_loaded(kind):
    reader = replace(fixed(TWO, rows("A")), **{kind: ("parts.votes__on",)})
    with pytest.raises(CatalogFault, match=r"parts\.votes__on.*Did you mean parts\.votes__one\?") as raised:
        by_table([fixed(ONE, rows("A")), reader])
    assert raised.value.subject == TWO


def test_two_steps_that_write_one_table_are_an_error_when_the_graph_is_loaded():
    with pytest.raises(CatalogFault, match=r"two steps write parts\.votes__one"):
        by_table([fixed(ONE, rows("A")), fixed(ONE, rows("B"))])
