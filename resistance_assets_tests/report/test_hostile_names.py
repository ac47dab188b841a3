"""Pages of a release whose genes, studies, samples, drugs and lists have hostile names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from resistance_assets.report.site import Report, broken_links, write_report

EVIL = "../../../evil<script>alert(1)</script>\"'&[red][/]"
# Column -> a value of the demo that becomes hostile in every table.
RENAMED = {
    "hgnc_symbol": "AXL",
    "contrast_id": "h1975_drug_resistant_vs_parental",
    "study_id": "demo_h1975_resistance",
    "cohort_id": "luad_tcga",
    "dataset_id": "luad_tcga",
    "drug": "anlotinib",
    "drug_class": "multi-target TKI",
    "list_id": "allonco_may2018",
    "term": None,
    "study_title": None,
    "numerator": None,
}


@pytest.fixture(scope="module")
def written(demo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = tmp_path_factory.mktemp("hostile") / "a" / "b" / "c" / "d"
    place.mkdir(parents=True)
    shutil.copyfile(demo_dir / "warehouse.duckdb", place / "warehouse.duckdb")
    with duckdb.connect(str(place / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name, list(column_name) FROM information_schema.columns "
            "WHERE data_type = 'VARCHAR' AND table_schema IN ('raw', 'staging', 'core', 'marts') GROUP BY ALL"
        ).fetchall()
        for schema, name, columns in tables:
            for column in set(RENAMED) & set(columns):
                value = RENAMED[column]
                where = f"{column} IS NOT NULL" if value is None else f"{column} = $value"
                new = f"$evil || left(hash({column})::VARCHAR, 4)" if value is None else "$evil"
                parameters = {"evil": EVIL} if value is None else {"evil": EVIL, "value": value}
                # A new table: a key could not be changed in place.
                connection.execute(
                    f'CREATE OR REPLACE TABLE "{schema}"."{name}" AS SELECT * REPLACE '
                    f'(CASE WHEN {where} THEN {new} ELSE {column} END AS {column}) FROM "{schema}"."{name}"',
                    parameters,
                )
    return write_report(place, place / "report")


def test_nothing_is_written_outside_the_folder_of_the_report(written: Report):
    place = written.folder.parent
    assert {path.name for path in place.iterdir()} == {"report", "warehouse.duckdb"}
    for above in list(place.parents)[:4]:
        assert len(list(above.iterdir())) == 1
    for path in written.folder.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", path.name), path


def test_no_hostile_name_becomes_markup_and_every_link_leads_somewhere(written: Report):
    seen = 0
    for path in written.folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text, path
        assert text.count("</script>") == text.count("<script"), path
        seen += "evil&lt;script&gt;" in text
    assert seen > 5
    assert broken_links(written.folder) == []
