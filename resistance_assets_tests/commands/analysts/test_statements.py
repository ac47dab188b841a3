"""Statements taken apart as DuckDB itself takes them apart."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.commands.analysts.statements import is_blank, is_complete, split_statements

PIECES = (
    "SELECT 1", "SELECT 'a;b'", "SELECT 'it''s;'", 'SELECT 1 AS "x;y"', "SELECT $$;$$", "SELECT $q$;$$;$q$",
    "SELECT E'\\';'", "SELECT 1 -- ; no\n", "SELECT /* ; */ 2", "-- only a remark;\nSELECT 3", "",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from([";", " ;\n", ";;"]))
def test_a_script_is_split_where_duckdb_splits_it(pieces, separator):
    text = separator.join(pieces)
    expected = [one.query.strip().rstrip(";").strip() for one in duckdb.extract_statements(text)]
    assert len(split_statements(text)) == len(expected)
    with duckdb.connect() as connection:
        for ours, theirs in zip(split_statements(text), expected, strict=True):
            assert connection.sql(ours).fetchall() == connection.sql(theirs).fetchall()


@given(st.text(alphabet="ab;'\"$-/*\n .Ee\\", max_size=30))
def test_any_text_is_split_without_losing_a_statement(text):
    found = split_statements(text)
    assert all(found)
    assert is_complete(text) or found
    kept = "".join("".join(found).split())
    # What is left out is semicolons, space and comments alone.
    if "--" not in text and "/*" not in text:
        assert kept == "".join(text.split()) or ";" in text


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True), ("  \n", True), ("-- a remark", True), (".tables", True), (".mode csv\n", True),
        ("SELECT 1", False), ("SELECT 1;", True), ("SELECT 1; SELECT", False), ("SELECT ';", False),
        ("SELECT ';';", True), ("SELECT $$ ;", False), ("SELECT 1; -- done", True), ("SELECT /* ;", False),
        ('SELECT "a;', False), ("/* never ended", False),
    ],
)  # fmt: skip
def test_what_was_typed_is_complete_at_its_semicolon(text, complete):
    assert is_complete(text) is complete


def test_a_dot_command_ends_with_its_line_and_the_last_statement_needs_no_semicolon():
    script = ".mode csv\nSELECT 1;\n  .tables deg\nSELECT\n2"
    assert split_statements(script) == [".mode csv", "SELECT 1", ".tables deg", "SELECT\n2"]
    assert split_statements("SELECT .5;") == ["SELECT .5"]
    assert is_blank(" -- x\n /* y */ ")
    assert not is_blank("'--'")
