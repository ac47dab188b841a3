"""Queries that give one row: what is refused when they are loaded, and what when they are run."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.sql_models import load_queries, run_queries
from resistance_assets_tests.orchestration.test_sql_models import TABLES

COLUMNS = ("value", "n", "p_value")
SCORES = pl.DataFrame({"symbol": ["A", "B", "B"], "value": [1.0, 2.0, 3.0], "study": ["x", "x", "y"]})
JOINED = (
    "SELECT score.value AS value FROM (SELECT 1) AS one LEFT JOIN core.scores AS score ON score.symbol = '{symbol}'"
)


def load(**texts: str):
    return load_queries(texts, TABLES, columns=COLUMNS, required="value")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT FROM WHERE", "my_claim"),
        ("SELECT 1 AS value; SELECT 2 AS value", "my_claim: holds 2 statements.*one SELECT"),
        ("DROP TABLE core.scores", "my_claim.*holds a DROP"),
        ("SELECT count(*) AS value FROM core.score", r"my_claim.*unknown table core\.score.*Did you mean core\.scores"),
        ("SELECT count(*) AS value FROM scores", "my_claim.*without its layer"),
        ("SELECT count(*) AS value FROM read_parquet('x')", "my_claim.*READ_PARQUET"),
        ("SELECT max(valu) AS value FROM core.scores", "my_claim.*valu"),
        ("SELECT max(value) AS valu FROM core.scores", "my_claim: gives the column valu.*Did you mean value"),
        ("SELECT count(*) AS n FROM core.scores", "my_claim: gives no column value"),
        ("SELECT max(symbol) AS value FROM core.scores", "my_claim: column value is VARCHAR.*a number"),
        ("SELECT value FROM core.scores WHERE symbol = 'A'", "my_claim: gives 0 rows.*one row"),
        ("SELECT unnest([1.0, 2.0]) AS value", "my_claim: gives 2 rows"),
    ],
)
def test_a_query_that_cannot_give_one_row_of_numbers_is_refused_with_its_name(sql, message):
    with pytest.raises(CatalogFault, match=message):
        load(my_claim=sql)


def test_a_good_query_knows_its_tables_and_columns():
    query = load(good="SELECT max(value) AS value, count(*) AS n FROM core.scores")["good"]
    assert query.refs == ("core.scores",)
    assert query.columns == ("value", "n")
    spaced = load(good="SELECT max(value) AS value,   count(*) AS n -- comment\nFROM core.scores")["good"]
    other = load(good="SELECT min(value) AS value, count(*) AS n FROM core.scores")["good"]
    assert query.code_version == spaced.code_version != other.code_version


def test_answers_come_by_name_and_a_key_that_is_not_there_is_null():
    queries = load(one=JOINED.format(symbol="A"), none=JOINED.format(symbol="Z"), all="SELECT 2 AS value, 3 AS n")
    answers = run_queries(queries.values(), {"core.scores": SCORES})
    assert answers == {"one": {"value": 1.0}, "none": {"value": None}, "all": {"value": 2, "n": 3}}


def test_a_query_that_finds_several_rows_fails_with_its_name():
    queries = load(first=JOINED.format(symbol="A"), several=JOINED.format(symbol="B"))
    with pytest.raises(CatalogFault, match="several: gives 2 rows"):
        run_queries(queries.values(), {"core.scores": SCORES})


def test_a_query_reaches_nothing_but_its_tables():
    query = load(one="SELECT max(value) AS value FROM core.scores")
    with pytest.raises(ValueError, match=r"core\.scores"):
        run_queries(query.values(), {})
