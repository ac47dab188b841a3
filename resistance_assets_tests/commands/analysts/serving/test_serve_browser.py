"""The server in a real browser, over the demo: the SQL box, a gene on demand, and what the browser is bound to."""

from __future__ import annotations

import csv
import shutil
from importlib import resources

import pytest

from resistance_assets.report.site import write_report
from resistance_assets.warehouse.database import WAREHOUSE_FILE
from resistance_assets_tests.browsing import LONGEST_WAIT, wait_for
from resistance_assets_tests.commands.analysts.serving.conftest import Served, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo_served(demo_place, tmp_path_factory):
    """The demo with its pages, which worlds of the tests lack; of genes, the page of one."""
    data_dir = tmp_path_factory.mktemp("demo_served") / "data"
    data_dir.mkdir()
    shutil.copyfile(demo_place / "data" / WAREHOUSE_FILE, data_dir / WAREHOUSE_FILE)
    shutil.copytree(demo_place / "data" / "releases", data_dir / "releases")
    write_report(data_dir, genes=["CCL20"])
    with start(data_dir) as running:
        yield running


AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
  found => done(found.violations.map(rule => [rule.id, ...rule.nodes.map(node => node.html.slice(0, 90))].join('; '))),
  error => done([String(error)]));
"""


def open_page(browser, served: Served, path: str) -> None:
    browser.get(served.url + path)
    wait_for(browser, "return document.readyState === 'complete'")


def run_query(browser, query: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    box = browser.find_element(By.ID, "query")
    box.clear()
    box.send_keys(query)
    box.send_keys(Keys.CONTROL, Keys.ENTER)
    wait_for(browser, "return !document.querySelector('#run').disabled")


def faults(browser) -> list[str]:
    """What the console complains of; that a question was refused is told there, too."""
    told = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [
        one
        for one in told
        if "/api/sql - Failed to load resource: the server responded with a status of 400" not in one
    ]


def test_the_box_answers_complains_and_writes_csv(browser, demo_served):
    open_page(browser, demo_served, "/")
    browser.execute_script("document.querySelector('nav a[href=\"/sql\"]').click()")
    wait_for(browser, "return document.querySelectorAll('#tables details').length > 50")
    run_query(
        browser, "SELECT hgnc_symbol, os_hazard_ratio_per_sd AS hr FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'"
    )
    shown = browser.execute_script("return [...document.querySelectorAll('#answer td')].map((one) => one.textContent)")
    expected = demo_served.ask(
        "SELECT os_hazard_ratio_per_sd AS hr FROM marts.gene_evidence WHERE hgnc_symbol = 'CCL20'"
    ).json()["rows"][0][0]
    assert shown[0] == "CCL20"
    assert float(shown[1]) == pytest.approx(expected, rel=1e-5)  # six digits are shown
    browser.execute_script("document.querySelector('#download').click()")
    wait_for(browser, "return document.querySelector('#fault').hidden")
    file = browser.downloads / "answer.csv"
    browser.execute_async_script("setTimeout(arguments[0], 0)")
    for _ in range(200):
        if file.exists():
            break
        browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert next(iter(csv.DictReader(file.open())))["hr"] == repr(expected)
    run_query(browser, "SELECT * FROM gene_evidense")
    assert "Did you mean marts.gene_evidence" in browser.execute_script(
        "return document.querySelector('#fault').innerText"
    )
    run_query(browser, "SELECT '<img src=x onerror=alert(1)>' AS x")
    assert browser.execute_script("return document.querySelectorAll('#answer img').length") == 0
    assert faults(browser) == []


def test_any_gene_has_a_page_from_the_field_of_the_report(browser, demo_served):
    found = demo_served.ask("SELECT hgnc_symbol FROM marts.gene_evidence ORDER BY hgnc_symbol", limit=2000).json()
    pages = demo_served.data_dir / "report" / "genes"
    gene = next(row[0] for row in found["rows"] if not (pages / f"{row[0]}.html").exists())
    open_page(browser, demo_served, "/genes.html")
    browser.execute_script(
        "const form = document.querySelector('form.jump'); form.querySelector('input').value = arguments[0];"
        "form.requestSubmit();",
        gene.lower(),
    )
    wait_for(browser, f"return document.title.startsWith({gene!r})")
    assert browser.current_url.endswith(f"/gene?name={gene.lower()}")
    assert faults(browser) == []
    document = demo_served.get(f"/api/gene/{gene}").json()
    assert document["gene"]["hgnc_symbol"] == gene
    assert demo_served.get("/gene?name=IL8").text.count("CXCL8") > 1
    missing = demo_served.get("/gene?name=<script>alert(1)</script>")
    assert (missing.status_code, "<script>alert" in missing.text) == (404, False)


def test_figures_are_drawn_under_the_policy(browser, demo_served):
    open_page(browser, demo_served, "/genes/CCL20.html")
    wait_for(browser, "return document.querySelectorAll('.js-plotly-plot .main-svg').length > 0")
    assert faults(browser) == []


def test_the_page_is_for_everybody(browser, demo_served):
    rules = (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    browser.set_script_timeout(LONGEST_WAIT)
    for width in (1280, 400):
        browser.set_window_size(width, 900)
        open_page(browser, demo_served, "/sql")
        wait_for(browser, "return document.querySelectorAll('#tables details').length > 50")
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        browser.execute_script(rules)
        assert browser.execute_async_script(AXE) == []
    browser.set_window_size(1280, 1000)
