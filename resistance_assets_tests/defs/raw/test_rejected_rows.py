"""The union of rejected rows: rows of one file that several steps read keep apart by their number."""

from __future__ import annotations

import polars as pl

from resistance_assets.defs.raw.rejected_rows import number_rows


def test_rows_of_one_file_that_two_steps_read_are_numbered_through():
    stacked = pl.DataFrame(
        {
            "table_name": ["raw.a", "raw.a", "raw.a", "raw.b"],
            "source": ["one.txt", "one.txt", "two.txt", "one.txt"],
            "row_number": [1, 1, 1, 1],
        }
    )
    numbered = number_rows(stacked, {})
    assert numbered["row_number"].to_list() == [1, 2, 1, 1]
    assert numbered.select("table_name", "source", "row_number").is_unique().all()
