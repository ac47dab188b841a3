"""Completion at the prompt: tables by address or own name, columns of the tables in sight, dot commands."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from resistance_assets.commands.analysts.completion import NameCompleter, read_names
from resistance_assets.warehouse.reader import open_warehouse


@pytest.fixture
def complete(data_dir):
    with open_warehouse(data_dir) as connection:
        completer = NameCompleter(read_names(connection))

    def offered(before: str, after: str = "") -> dict[str, str]:
        document = Document(before + after, len(before))
        found = completer.get_completions(document, CompleteEvent(completion_requested=True))
        return {before[: len(before) + one.start_position] + one.text: one.display_meta_text for one in found}

    return offered


def test_a_table_is_completed_from_its_address_and_from_its_own_name(complete):
    assert complete("SELECT * FROM marts.g") == {"SELECT * FROM marts.gene_evidence": "one row per gene"}
    assert complete("FROM gene_ev") == {"FROM marts.gene_evidence": "one row per gene"}
    assert set(complete("FROM twice")) == {"FROM core.twice", "FROM raw.twice"}
    assert "FROM marts.gene_evidence" in complete("FROM ")


def test_columns_are_those_of_the_tables_in_the_statement(complete):
    found = complete("SELECT log", " FROM marts.gene_evidence WHERE 1 = 1;")
    assert found == {"SELECT log2_fold_change": "DOUBLE · log2 · what log2_fold_change is"}
    assert complete("SELECT log", " FROM core.hypotheses_tested") == {}
    assert set(complete("SELECT e.no", " FROM marts.gene_evidence AS e")) == {"SELECT e.note"}
    assert set(complete("SELECT e.no", " FROM core.twice t JOIN marts.gene_evidence e")) == {"SELECT e.note"}
    assert set(complete("SELECT gene_evidence.no", " FROM marts.gene_evidence")) == {"SELECT gene_evidence.note"}


def test_words_of_sql_and_dot_commands_are_completed(complete):
    assert "SELECT" in complete("sel")
    assert set(complete(".t")) == {".tables", ".timing"}
    assert set(complete(".schema gene_ev")) == {".schema marts.gene_evidence"}
    assert set(complete(".mode j")) == {".mode json"}
    assert set(complete(".timing o")) == {".timing on", ".timing off"}


def test_a_whole_name_is_not_offered_again(complete):
    assert complete("FROM marts.gene_evidence") == {}
