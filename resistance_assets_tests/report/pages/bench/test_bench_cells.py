"""Pages of studies on cells: figures hold what their tables hold, bounds are no numbers, foreign text is escaped.

The release is made without a run, of the demo's studies, by the functions that their steps call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.catalog.tables import TABLES
from resistance_assets.demo.bench import dose_response as planted_curves
from resistance_assets.demo.bench import drug_combination as planted_matrix
from resistance_assets.demo.bench import qpcr as planted_qpcr
from resistance_assets.demo.bench import two_way_assay as planted_assays
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model
from resistance_assets.report.explain.bench import knock_downs
from resistance_assets.report.html import Frame, render
from resistance_assets.report.pages.bench import dose_response, drug_combination, qpcr, two_way_assay
from resistance_assets.report.pages.bench.index import bench_pages
from resistance_assets.report.published import Published
from resistance_assets_tests.defs.raw.studies.bench_folders import tables_of
from resistance_assets_tests.report.pages.bench.conftest import publish_in_memory

FRAME = Frame(release=1, written_at="2026-01-02", code_revision="1", is_synthetic=True)
PLANTED = (planted_curves, planted_matrix, planted_qpcr, planted_assays)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Iterator[Published]:
    root = tmp_path_factory.mktemp("cells")
    tables: dict[str, list[pl.DataFrame]] = {}
    for module in PLANTED:
        folder = root / module.FOLDER
        folder.mkdir()
        for name, content in module.files(np.random.default_rng(7)).items():
            # A line's name is foreign text.
            (folder / name).write_bytes(
                content.replace(b"H3122CR", HOSTILE.encode() if name == "wells.tsv" else b"H3122CR")
            )
        toml = folder / "study.toml"
        toml.write_text(toml.read_text().replace("H3122CR", HOSTILE))
        for address, frame in tables_of(load_local_study(folder)).items():
            tables.setdefault(address, []).append(frame)
    given = {address: pl.concat(frames) for address, frames in tables.items()}
    given["raw.catalog__studies"] = TABLES["raw.catalog__studies"].shape(
        pl.DataFrame(
            {"study_id": [m.FOLDER for m in PLANTED], "title": [f"Study {m.FOLDER}" for m in PLANTED]}
        ).with_columns(kind=pl.lit("x"), is_public=False, organism=pl.lit("Homo sapiens"), paper_id=pl.lit(None))
    )
    models = load_models(models_folder(), TABLES)
    mart = models["marts.drug_response"]
    given["marts.drug_response"] = run_model(mart, {ref: given.get(ref, TABLES[ref].empty()) for ref in mart.refs})
    connection = publish_in_memory(given)
    yield Published(connection, root)
    connection.close()


@pytest.fixture(scope="module")
def pages(release) -> dict[str, str]:
    return {page.path: render(page, FRAME) for page in bench_pages(release)}


@pytest.mark.slow
def test_every_study_has_a_page_with_its_data_and_how_its_files_were_read(pages):
    for module in PLANTED:
        assert f'href="bench/{module.FOLDER}.html"' in pages["bench.html"]
        page = pages[f"bench/{module.FOLDER}.html"]
        assert "CSV of the data" in page
        assert ("read as" in page) == (module in (planted_curves, planted_matrix)), "names of columns are told"
        assert "Lines set aside" in page
        assert "<script>alert" not in page


def test_curves_are_drawn_with_every_point_of_their_table(release):
    figure = dose_response.curve_figure(release, planted_curves.FOLDER)
    assert figure is not None
    n = release.value("SELECT count(*) FROM core.dose_response__points WHERE dose_um > 0")
    assert figure.columns["what"].count("point") == n
    assert figure.columns["what"].count("curve") == 10 * 41
    assert {name for name, _ in figure.selectors[0].options} == {
        f"crizotinib, {name}" for name in planted_curves.SIRNAS
    }
    assert json.dumps(figure.as_document())


def test_the_page_of_curves_tells_both_halves_and_the_interaction(pages):
    page = pages[f"bench/{planted_curves.FOLDER}.html"]
    assert "EC50 is relative" in page
    assert "within one experiment" in page
    assert f"{HOSTILE} / H3122".replace("<", "&lt;").replace(">", "&gt;") in page


def test_a_bound_is_drawn_as_a_bound(release):
    rows = [
        {
            "verdict": "ic50_above_highest_dose",
            "curve_id": "c",
            "ic50_text": "> 40",
            "ic50_um": None,
            "interval_is_open": False,
        },
        {"verdict": "no_effect", "curve_id": "d", "ic50_text": "none (no effect)", "interval_is_open": False},
    ]
    connection = release.connection.cursor()
    connection.execute("BEGIN")
    connection.execute(
        "UPDATE core.dose_response__curves SET verdict = 'ic50_above_highest_dose', ic50_um = NULL,"
        " ic50_um_lower = NULL, ic50_um_upper = NULL, ic50_text = '> 40' WHERE is_primary"
    )
    figure = dose_response.interval_figure(Published(connection, release.data_dir), planted_curves.FOLDER, rows)
    connection.execute("ROLLBACK")
    assert figure is not None
    assert [trace["name"] for trace in figure.traces] == ["above the highest dose"]
    assert set(figure.columns["ic50_or_bound_um"]) == {40.0}
    assert set(figure.columns["above"]) == {None}
    assert "1 curves have neither" in figure.caption


def test_a_curve_that_falls_between_two_doses_is_drawn_from_one_to_the_other(release):
    rows = [{"verdict": "ic50_bracketed", "curve_id": "c", "ic50_text": "1 to 4", "interval_is_open": False}]
    connection = release.connection.cursor()
    connection.execute("BEGIN")
    connection.execute(
        "UPDATE core.dose_response__curves SET verdict = 'ic50_bracketed', ic50_um = NULL, ic50_um_lower = NULL,"
        " ic50_um_upper = NULL, bracket_lower_um = 1.0, bracket_upper_um = 4.0 WHERE is_primary"
    )
    figure = dose_response.interval_figure(Published(connection, release.data_dir), planted_curves.FOLDER, rows)
    connection.execute("ROLLBACK")
    assert figure is not None
    assert [trace["name"] for trace in figure.traces] == ["between two doses"]
    assert set(figure.columns["ic50_or_bound_um"]) == {2.0}
    assert set(zip(figure.columns["below"], figure.columns["above"], strict=True)) == {(1.0, 2.0)}


def test_a_surface_shows_every_pair_of_doses_and_its_largest_excess(release):
    block = release.rows(f"SELECT * FROM {drug_combination.BLOCKS}")[0]
    figure = drug_combination.surface(release, planted_matrix.FOLDER, block)
    assert figure is not None
    matrix = figure.traces[0]["z"]
    assert (len(matrix), len(matrix[0])) == (6, 5)
    assert f"largest {max(value for row in matrix for value in row):.3g}" in figure.alternative


def test_fold_changes_and_conditions_are_drawn_from_their_tables(release):
    rows = release.rows(f"SELECT * FROM {qpcr.FOLD_CHANGES}")
    figure = qpcr.fold_figure(release, planted_qpcr.FOLDER, rows)
    assert figure is not None
    assert sorted(figure.columns["fold_change"]) == sorted(row["fold_change"] for row in rows)
    effects = release.rows(f"SELECT * FROM {two_way_assay.EFFECTS}")
    drawn = two_way_assay.unit_figure(release, planted_assays.FOLDER, effects)
    assert drawn is not None
    assert set(drawn.columns["condition"]) == {"neither", "crizotinib", "CXCL2", "crizotinib and CXCL2"}
    both = [
        value for value, name in zip(drawn.columns["value"], drawn.columns["condition"], strict=True) if "and" in name
    ]
    stored = release.rows(f"SELECT value FROM {two_way_assay.UNITS} WHERE drug01 = 1 AND ligand01 = 1")
    assert sorted(both) == sorted(row["value"] for row in stored)


def test_a_gene_has_its_knock_down_in_its_story(release):
    rows = {row["contrast"]: row for row in knock_downs(release, "CCL20")}
    assert set(rows) == {"parental", "resistant", "resistant_minus_parental"}
    assert rows["resistant_minus_parental"]["ratio"] < 0.5
    assert rows["resistant_minus_parental"]["p_holm"] < 0.05
    assert rows["parental"]["table"] == "core.dose_response__knock_downs"
    assert knock_downs(release, "AXL") == []


def test_a_line_with_a_drug_is_one_row_of_the_mart(release):
    rows = release.rows("SELECT * FROM marts.drug_response")
    assert len(rows) == 10
    sensitised = next(row for row in rows if row["cell_line"] == HOSTILE and row["condition"] == "siCCL20")
    assert sensitised["resensitisation_p_holm"] < 0.05
    assert sensitised["knocked_down_gene"] == "CCL20"
