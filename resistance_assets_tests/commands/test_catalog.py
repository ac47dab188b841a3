"""`resistance catalog`: what comes from where, what differs, and what is wrong."""

from __future__ import annotations

import pytest

from resistance_assets.commands.catalog import count_checked, list_differences, list_entries, show_entries
from resistance_assets.commands.up_to_date import fingerprint_of
from resistance_assets.errors import CatalogFault
from resistance_assets.settings import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    (tmp_path / "catalog").mkdir()
    return Settings(data_dir=tmp_path)


def test_each_entry_has_the_file_that_it_comes_from(settings, capsys):
    own = settings.data_dir / "catalog" / "mine.toml"
    own.write_text(
        "[thresholds]\nq_value = 0.01\n[paper.ours_2026]\ncitation = 'Us 2026'\ndoi = '10.1/1'\ntitle = 'T'\n"
    )
    rows = {(row["kind"], row["id"]): row for row in list_entries(settings)}
    assert rows["thresholds", ""]["state"] == "changes built-in"
    assert (rows["paper", "ours_2026"]["state"], rows["paper", "ours_2026"]["file"]) == ("added", str(own))
    assert rows["cohort", "luad_tcga"]["state"] == "built-in"
    show_entries(list(rows.values()))
    shown = capsys.readouterr().out
    assert f"thresholds: changes built-in, {own}" in shown
    assert "- luad_tcga: TCGA lung adenocarcinoma" in shown


def test_the_difference_is_told_value_by_value(settings):
    own = settings.data_dir / "catalog" / "mine.toml"
    own.write_text("[thresholds]\nq_value = 0.01\n[gsea]\nseed = 20240501\n")
    assert list_differences(settings) == [
        {"kind": "thresholds", "id": "", "key": "q_value", "before": 0.05, "after": 0.01, "file": str(own)}
    ]


def test_a_good_catalog_is_counted_and_a_wrong_one_told(settings):
    assert count_checked(settings).endswith("sets in use: seeds; 0 files laid over the built-in ones")
    (settings.data_dir / "catalog" / "mine.toml").write_text("[thresholds]\nq_value = 7\n")
    with pytest.raises(CatalogFault, match=r"mine\.toml, key thresholds\.q_value"):
        count_checked(settings)


def test_the_query_of_a_users_claim_is_checked_before_a_run(settings):
    own = settings.data_dir / "catalog" / "mine.toml"
    claim = (
        '[[claim]]\nid = "mine"\npaper = "wang_2022"\nstatement = "s"\nquantity = "q"\nexpected = 1.0\n'
        'tolerance = 0.1\nsql = "SELECT 1 AS value FROM core.deg__contrast"\n'
    )
    own.write_text(claim)
    with pytest.raises(CatalogFault, match=r"mine\.toml, claim mine.*Did you mean core\.deg__contrasts"):
        count_checked(settings)


def test_a_changed_file_of_an_own_catalog_ends_what_was_remembered(settings, tmp_path):
    mirrored = settings.model_copy(update={"mirror": tmp_path / "index.jsonl"})
    (tmp_path / "index.jsonl").write_text("")
    before = fingerprint_of(mirrored)
    assert before == fingerprint_of(mirrored)
    (settings.data_dir / "catalog" / "mine.toml").write_text("[thresholds]\nq_value = 0.01\n")
    assert before != fingerprint_of(mirrored)
