"""The folder of pages: replaced whole, left alone when current, refused where something else stands; safe markup."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil

import pytest
from markupsafe import escape

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.interruption import Stopped
from resistance_assets.report.figures import Figure
from resistance_assets.report.html import (
    PLAIN_UP_TO,
    Frame,
    Heading,
    Markup,
    Page,
    Shortened,
    figure_markup,
    link,
    prose,
    render,
    table,
)
from resistance_assets.report.pages.cohorts import band_position, genome_order
from resistance_assets.report.pages.own_studies import add_own_studies, own_studies
from resistance_assets.report.published import Published
from resistance_assets.report.site import MARKER, _replace, all_pages, broken_links, write_report
from resistance_assets.report.sql_text import literals
from resistance_assets.report.titled import Titled

FRAME = Frame(release=7, written_at="2026-01-02", code_revision="1", is_synthetic=False)


# 107 pages in 27.0 MB, 4.7 MB of it the plotting library and 9.2 MB the pages of genes, with curves by stratum.
MOST_BYTES = 28_000_000


@pytest.fixture(scope="module")
def written(demo_dir, tmp_path_factory):
    return write_report(demo_dir, tmp_path_factory.mktemp("site") / "report")


def test_the_site_is_whole_and_small(written):
    assert broken_links(written.folder) == []
    assert written.bytes < MOST_BYTES
    assert {path.name for path in (written.folder / "assets").iterdir()} == {
        "icon.svg", "plotly.min.js", "report.js", "style.css",
    }  # fmt: skip
    assert [path.name for path in written.folder.parent.iterdir()] == ["report"]


def test_no_page_reaches_for_the_network(written):
    for page in written.folder.rglob("*.html"):
        loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page.read_text(encoding="utf-8"))
        assert not [one for one in loaded if "//" in one], page


def test_a_current_report_is_left_alone_and_a_changed_one_is_replaced(demo_dir, written, tmp_path):
    folder = tmp_path / "report"
    shutil.copytree(written.folder, folder)
    stray = folder / "old_page.html"
    stray.write_text("old")
    assert not write_report(demo_dir, folder, only_if_changed=True).is_new
    assert stray.exists()
    (folder / MARKER).write_text("version other\n")
    assert write_report(demo_dir, folder, only_if_changed=True).is_new
    assert not stray.exists()


def test_a_folder_of_something_else_is_not_touched(demo_dir, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageFault, match="holds something else"):
        write_report(demo_dir, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("place", [".", "..", "lake", "lake/marts", "report/pages", "new", "link"])
def test_no_folder_of_the_warehouse_is_taken_for_pages(tmp_path, place):
    data_dir = tmp_path / "place" / "data"
    (data_dir / "lake" / "marts").mkdir(parents=True)
    (data_dir / "link").symlink_to(data_dir / "lake")
    with pytest.raises(UsageFault, match="data folder"):
        write_report(data_dir, data_dir / place)
    assert sorted(path.name for path in data_dir.iterdir()) == ["lake", "link"]


def test_a_signal_while_pages_are_written_leaves_the_report_of_before_and_nothing_beside_it(tmp_path, monkeypatch):
    target = tmp_path / "report"
    _replace(target, {"index.html": "before"}, "version 1\n")

    def stop(*_: object) -> None:
        raise Stopped("SIGTERM")

    monkeypatch.setattr(shutil, "copyfile", stop)
    with pytest.raises(Stopped):
        _replace(target, {"index.html": "after"}, "version 2\n")
    assert (target / "index.html").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_what_a_killed_process_left_beside_the_report_is_removed(tmp_path):
    old, new = tmp_path / ".report.abc", tmp_path / ".report.def"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    _replace(tmp_path / "report", {"index.html": "x"}, "version 1\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".report.def", "report"]


def test_without_a_warehouse_it_says_what_to_do(tmp_path):
    with pytest.raises(DataFault, match="resistance run"):
        write_report(tmp_path)


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html">x</a><a href="#no">y</a><a id="yes" href="#yes">z</a>')
    assert broken_links(tmp_path) == ["a.html -> b.html", "a.html -> #no"]


OPTIONAL = (
    "marts.resistance_candidates",
    "core.evidence__resistance_votes",
    "marts.published_claims",
    "core.gsea__terms",
    "core.multiverse__summary",
    "core.claims__table2_audit",
)


class Poorer(Published):
    """A release without the tables that not every release has."""

    def has(self, address: str, *columns: str) -> bool:
        return address not in OPTIONAL and super().has(address, *columns)


def test_the_front_page_says_how_the_gene_names_of_each_study_were_recognised(demo):
    page = Page("index.html", "x")
    add_own_studies(demo, page, set())
    text = "".join(map(str, page.parts))
    studies = own_studies(demo)
    known = demo.rows(
        f"SELECT * FROM staging.genes__name_recognition WHERE dataset_id IN ({literals(studies)}) AND names > 0"
    )
    assert known
    assert "How your gene names were recognised" in text
    for row in known:
        assert escape(row["statement"]) in text


def test_pages_do_without_tables_that_a_release_lacks(demo):
    pages = all_pages(Poorer(demo.connection, demo.data_dir))
    assert len(pages) > 15
    text = "".join(render(page, FRAME) for page in pages)
    assert "this release has no marts.resistance_candidates" in text


NASTY = '<script>alert("x")</script>&amp;\'--><img src=x onerror=alert(1)>'


def test_text_is_escaped_everywhere():
    page = Page("p.html", NASTY)
    page.heading(NASTY, anchor=NASTY)
    page.paragraph(NASTY, prose("<em>{name}</em>", name=NASTY), link(NASTY, NASTY))
    page.add(NASTY)
    headings = [Heading("a", NASTY, NASTY), Heading("b", "B")]
    rows = [{"a": NASTY, "b": Shortened(NASTY, NASTY)}] * 9
    page.add(table(NASTY, headings, rows, filter_by=("a",), most=8))
    page.fold(NASTY, [NASTY])
    page.figure(Figure("f", NASTY, NASTY, NASTY, {"a": [NASTY]}, [], {}, NASTY, NASTY, [(NASTY, NASTY)], NASTY))
    found = render(page, FRAME)
    assert "<script>alert" not in found
    assert "<img" not in found
    assert found.count("</script>") == found.count("<script")


@pytest.mark.parametrize("href", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "file:///etc"])
def test_an_address_that_is_no_page_is_no_link(href):
    assert link(href, "<x>") == "&lt;x&gt;"
    assert "href" in link("https://example.org/a:b", "x")
    assert "href" in link("../genes/A.html#a:b", "x")


def test_the_file_of_a_table_holds_every_row_and_every_gene():
    rows = [{"a": at, "g": Shortened("A and 2 more", "A, B, C"), "m": link("x.html", "y & z")} for at in range(30)]
    found = table("c", [Heading("a", "A", None, True), Heading("g", "Genes"), Heading("m", "M")], rows, most=10)
    assert found.count("<tr>") == 11
    assert "first 10 of 30 rows; the CSV file holds all" in found
    document = json.loads(re.search(r'class="whole">(.*?)</script>', found).group(1))
    assert document["head"] == ["A", "Genes", "M"]
    assert document["rows"] == [[at, "A, B, C", "y & z"] for at in range(30)]
    assert 'class="csv"' in found


def test_a_title_is_shown_and_the_file_holds_the_id_in_a_column_of_its_own():
    rows = [{"a": Titled("the_id", "A title & more", "x.html"), "n": at} for at in range(3)]
    headings = [Heading("a", "Contrast"), Heading("n", "N", None, True)]
    found = table("c", headings, rows, most=2)
    assert found.count('<th scope=row data-id="the_id"><a href="x.html">A title &amp; more</a></th>') == 2
    document = json.loads(re.search(r'class="whole">(.*?)</script>', found).group(1))
    assert document["head"] == ["Contrast", "N", "Contrast id"]
    assert document["rows"] == [["A title & more", at, "the_id"] for at in range(3)]
    assert "data-id" not in table("c", headings, [{"a": Titled("same", "same"), "n": 1}])


def test_the_same_question_is_asked_of_the_database_once(demo):
    first = demo.rows("SELECT * FROM meta.facts ORDER BY name")
    first[0]["name"] = "changed by a page"
    assert demo.rows("SELECT * FROM meta.facts ORDER BY name")[0]["name"] != "changed by a page"
    assert demo.value("SELECT 1 WHERE $a = 1", {"a": 1}) == 1
    assert demo.value("SELECT 1 WHERE $a = 1", {"a": 2}) is None


def test_long_data_are_packed_and_come_back_as_they_were():
    genes = [f"G{at}" for at in range(PLAIN_UP_TO // 4)]
    packed = figure_markup(Figure("f", "t", "c", "a", {"gene": genes}, [], {}, "n", "m", [], "s"))
    text = re.search(r'data-encoding="gzip-base64">([^<]+)<', packed).group(1)
    assert json.loads(gzip.decompress(base64.b64decode(text)))["columns"]["gene"] == genes
    assert len(packed) < PLAIN_UP_TO


def test_tables_leave_out_empty_columns_and_mark_what_is_missing():
    found = table(
        "c",
        [Heading("a", "A"), Heading("b", "B"), Heading("c", "C", None, True)],
        [{"a": 1, "c": None}, {"a": 2, "c": 0.5}],
    )
    assert ">B<" not in found
    assert 'title="not there"' in found
    assert 'data-v="0.5"' in found
    assert table("c", [Heading("a", "A")], []) == '<p class="empty">c: none.</p>'


def test_markup_is_put_as_it_is():
    assert "<a href='x'>" in table("c", [Heading("a", "A")], [{"a": Markup("<a href='x'>x</a>")}])


@pytest.mark.parametrize(
    ("band", "place"),
    [
        ("2q36.3", (1, 36.3)),
        ("Xp22.2", (22, -22.2)),
        ("17", (16, 0.0)),
        ("mitochondria", None),
        (None, None),
        ("99q1", None),
    ],
)
def test_bands_have_a_place(band, place):
    assert band_position(band) == place


def test_genes_stand_in_the_order_of_their_bands():
    assert genome_order(["2q1", None, "1p36", "1q21", "reserved"]) == [2, None, 0, 1, None]
