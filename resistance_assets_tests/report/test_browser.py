"""The report in a real browser: no errors, tables that sort and filter, figures that are drawn, keyboard and text."""

from __future__ import annotations

import csv
import time
from importlib import resources
from pathlib import Path

import pytest

from resistance_assets.report.site import Report, broken_links, write_report
from resistance_assets_tests.browsing import LONGEST_WAIT, wait_for
from resistance_assets_tests.report.test_site import MOST_BYTES

SEEN = (
    "index.html",
    "contrasts.html",
    "intersections.html",
    "enrichment.html",
    "reversal.html",
    "cohorts.html",
    "genes.html",
    "claims.html",
    "sources.html",
)
# A driver's remark about the machine's drawing speed is not the page's fault.
NOT_OURS = "GPU stall"


@pytest.fixture(scope="module")
def site(demo_dir, tmp_path_factory) -> Report:
    return write_report(demo_dir, tmp_path_factory.mktemp("site") / "report")


def open_page(browser, site: Report, page: str, *, draw: bool = True) -> None:
    browser.get((site.folder / page).as_uri())
    if draw:
        # Figures are drawn as they come near the window: bring each of them there.
        browser.execute_script("document.querySelectorAll('main figure').forEach(f => f.scrollIntoView())")
        wait_for(
            browser,
            """
            const plots = [...document.querySelectorAll('main figure .plot')];
            const waiting = plots.find(one => !one.dataset.drawn);
            if (waiting) waiting.scrollIntoView();
            return !waiting;
            """,
        )


def complaints(browser) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if NOT_OURS not in entry["message"]]


def pages_of(site: Report, folder: str) -> list[str]:
    return sorted(path.relative_to(site.folder).as_posix() for path in (site.folder / folder).glob("*.html"))


def kinds_of_pages(site: Report) -> list[str]:
    """A page of every kind."""
    multiverses = [page for page in pages_of(site, "claims") if "multiverse_" in page]
    return [
        *SEEN,
        "dictionary.html",
        pages_of(site, "contrasts")[0],
        *pages_of(site, "cohorts")[-2:],
        *(page for page in pages_of(site, "claims") if page not in multiverses[1:]),
        "genes/CCL20.html",
    ]


def test_every_link_leads_somewhere(site):
    assert broken_links(site.folder) == []


def test_pages_load_and_draw_without_a_word_in_the_console(browser, site):
    figures = 0
    for page in kinds_of_pages(site):
        open_page(browser, site, page)
        drawn = browser.execute_script(
            "return [...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('svg, canvas').length)"
        )
        assert all(count > 0 for count in drawn), page
        figures += len(drawn)
        assert complaints(browser) == [], page
    assert figures >= 20


def test_every_page_says_that_the_data_are_synthetic_and_of_which_release(site):
    pages = list(site.folder.rglob("*.html"))
    assert len(pages) == site.pages > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert 'class="synthetic"' in text, page
        assert f"Release {site.release}" in text, page


def test_a_table_sorts_by_number_and_by_text_and_puts_what_is_missing_last(browser, site):
    open_page(browser, site, pages_of(site, "cohorts")[0], draw=False)
    read = """
        const box = document.querySelector('div.table');
        const heads = [...box.querySelectorAll('thead th')];
        const at = heads.findIndex(h => h.textContent.trim() === arguments[0]);
        heads[at].querySelector('button').click();
        return [heads[at].getAttribute('aria-sort'),
                [...box.querySelectorAll('tbody tr')].map(r => r.cells[at])
                    .map(cell => cell.dataset.v ?? cell.textContent.trim())];
    """
    state, values = browser.execute_script(read, "p")
    numbers = [float(value) for value in values if value != "·"]
    assert state == "ascending"
    assert numbers == sorted(numbers)
    assert len(numbers) > 50
    state, values = browser.execute_script(read, "p")
    assert state == "descending"
    assert [float(value) for value in values if value != "·"] == numbers[::-1]
    missing = [value == "·" for value in values]
    assert missing == sorted(missing)
    state, names = browser.execute_script(read, "Gene")
    assert state == "ascending"
    assert names[0].upper() < names[-1].upper()


def test_a_table_filters_by_words_and_by_choice(browser, site):
    open_page(browser, site, "dictionary.html", draw=False)
    shown = "return [...document.querySelectorAll('div.table')[0].querySelectorAll('tbody tr')].filter(r => !r.hidden)"
    everything = len(browser.execute_script(shown))
    field = browser.execute_script("return document.querySelector('div.table input[type=search]')")
    field.send_keys("survival mart")
    rows = [row.text for row in browser.execute_script(shown)]
    assert 0 < len(rows) < everything
    assert all("survival" in row.lower() and "mart" in row.lower() for row in rows)
    said = browser.execute_script("return document.querySelector('div.table output').textContent")
    assert said == f"{len(rows)} of {everything} rows"
    field.clear()
    field.send_keys("x")
    field.send_keys("\ue003")
    assert len(browser.execute_script(shown)) == everything
    browser.execute_script(
        "const s = document.querySelector('div.table select'); s.value = 'core'; s.dispatchEvent(new Event('change'))"
    )
    rows = [row.text for row in browser.execute_script(shown)]
    assert rows
    assert all(row.startswith("core.") for row in rows)


def test_a_gene_is_found_in_the_volcano(browser, site):
    page = next(page for page in pages_of(site, "contrasts") if 'id="volcano"' in (site.folder / page).read_text())
    open_page(browser, site, page)
    before = browser.execute_script("return document.querySelector('#volcano .plot').data.length")
    field = browser.execute_script("return document.querySelector('#volcano input.find')")
    field.send_keys("ccl20")
    wait_for(browser, f"return document.querySelector('#volcano .plot').data.length === {before + 1}")
    mark = browser.execute_script("return document.querySelector('#volcano .plot').data.at(-1).text[0]")
    assert mark == "CCL20"
    assert "log2_fold_change" in browser.execute_script(
        "return document.querySelector('#volcano output.found').textContent"
    )


@pytest.mark.parametrize("form", ["svg", "png"])
def test_a_figure_is_saved_as_it_is_drawn_with_n_and_method(browser, site, form):
    page = next(page for page in pages_of(site, "contrasts") if "luad_tumour" in page)
    open_page(browser, site, page)
    target = browser.downloads / f"volcano.{form}"
    target.unlink(missing_ok=True)
    browser.execute_script(f"document.querySelector('#volcano button.image[data-format={form}]').click()")
    deadline = time.monotonic() + LONGEST_WAIT
    while not target.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    data = target.read_bytes()
    if form == "png":
        assert data.startswith(b"\x89PNG")
        # Four dots per pixel of a drawing of at least 480 pixels.
        assert int.from_bytes(data[16:20], "big") >= 4 * 480
    else:
        said = data.decode()
        assert said.lstrip().startswith("<svg")
        assert "Method:" in said
        assert "Triangles" in said
    assert complaints(browser) == []


def test_the_csv_holds_what_the_table_of_the_warehouse_holds(browser, site, demo):
    page = "contrasts/luad_tumour_vs_normal__limma_voom.html"
    open_page(browser, site, page)
    browser.execute_script("document.querySelector('#volcano button.csv').click()")
    target = browser.downloads / "volcano.csv"
    waited = time.monotonic()
    while not target.exists() and time.monotonic() - waited < LONGEST_WAIT:
        browser.execute_async_script("setTimeout(arguments[0], 50)")
    with target.open(newline="") as lines:
        found = {row["gene"]: row for row in csv.DictReader(lines)}
    expected = demo.rows(
        "SELECT * FROM core.deg__contrast_genes WHERE contrast_id = 'luad_tumour_vs_normal' AND method = 'limma_voom' "
        "AND log2_fold_change IS NOT NULL"
    )
    assert len(found) == len(expected)
    for row in expected[::50]:
        # Four significant digits are kept.
        assert float(found[row["hgnc_symbol"]]["p_value"]) == pytest.approx(row["p_value"], rel=1e-3)
        assert float(found[row["hgnc_symbol"]]["log2_fold_change"]) == pytest.approx(row["log2_fold_change"], rel=1e-3)


def test_a_choice_redraws_the_curves(browser, site):
    open_page(browser, site, "genes/CCL20.html")
    ident = "km-CCL20"
    last = f"return Math.max(...document.getElementById('{ident}').querySelector('.plot').data[2].x)"
    first = browser.execute_script(last)
    browser.execute_script(
        f"const s = document.getElementById('{ident}').querySelector('select'); s.selectedIndex = 2;"
        "s.dispatchEvent(new Event('change'))"
    )
    assert wait_for(browser, last.replace("return ", "return ") + f" !== {first}")


def test_dark_mode_changes_ground_and_figures(browser, site):
    ground = "return getComputedStyle(document.body).backgroundColor"
    open_page(browser, site, "intersections.html")
    light = browser.execute_script(ground)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        assert browser.execute_script(ground) != light
        wait_for(browser, "return document.querySelector('.plot').layout.paper_bgcolor === '#15181c'")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_phone_needs_no_sideways_scrolling(browser, site):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        for page in kinds_of_pages(site):
            open_page(browser, site, page)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, page
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


ACCESSIBILITY = """
const faults = [];
const name = e => (e.getAttribute('aria-label') || (e.labels && [...e.labels].map(l => l.textContent).join(' ')) ||
    e.textContent || e.title || '').trim();
if (!document.documentElement.lang) faults.push('no language');
if (!document.title) faults.push('no title');
if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
let level = 0;
for (const h of document.querySelectorAll('h1,h2,h3,h4')) {
  const at = Number(h.tagName[1]);
  if (at > level + 1) faults.push(`heading skips to ${h.tagName}: ${h.textContent}`);
  level = at;
}
for (const e of document.querySelectorAll('main a[href], header a[href], button, input, select, summary'))
  if (!e.closest('.modebar') && !name(e)) faults.push(`no name: ${e.outerHTML.slice(0, 80)}`);
for (const e of document.querySelectorAll('.plot'))
  if (e.getAttribute('role') !== 'group' || name(e).length < 20)
    faults.push(`no text alternative: ${e.closest('figure').id}`);
for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) faults.push('image without alt');
for (const t of document.querySelectorAll('table')) {
  if (!t.caption || !t.caption.textContent.trim()) faults.push('table without caption');
  if ([...t.querySelectorAll('th')].some(th => !th.scope)) faults.push('heading cell without scope');
}
for (const e of document.querySelectorAll('.scroll, .wide'))
  if (e.tabIndex !== 0) faults.push('scrolls, but not by keyboard');
const ids = [...document.querySelectorAll('main [id]')].filter(e => !e.closest('.plot')).map(e => e.id);
if (new Set(ids).size !== ids.length) faults.push('an id twice');
if (document.querySelector('[tabindex]:not([tabindex="0"]):not([tabindex="-1"])')) faults.push('tab order by number');
return faults;
"""


def test_pages_are_accessible(browser, site):
    for page in kinds_of_pages(site):
        open_page(browser, site, page, draw=False)
        assert browser.execute_script(ACCESSIBILITY) == [], page


AXE = """
const done = arguments[arguments.length - 1];
// The rows of a table are alike; of hundreds, a few tell.
document.querySelectorAll('tbody tr:nth-child(n+9)').forEach(row => row.remove());
// What a scheme decides is the colours; everything else is looked at once.
const rules = arguments[0] === 'light' ? {} : {runOnly: ['color-contrast']};
axe.run(document, {resultTypes: ['violations'], ...rules}).then(
  found => done(found.violations.map(rule => [rule.id, ...rule.nodes.map(node => node.html.slice(0, 90))].join('; '))),
  error => done([String(error)]));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_core_finds_no_violation_on_any_kind_of_page(browser, site, scheme):
    rules = (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    browser.set_script_timeout(LONGEST_WAIT)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    found = {}
    try:
        for page in kinds_of_pages(site):
            open_page(browser, site, page)
            browser.execute_script(rules)
            if violations := browser.execute_async_script(AXE, scheme):
                found[page] = violations
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == {}


def test_the_keyboard_reaches_navigation_filter_heading_and_figure_tools(browser, site):
    from selenium.webdriver.common.keys import Keys

    # Not scrolled: the keyboard begins at the top of a page that was just opened.
    open_page(browser, site, "intersections.html", draw=False)
    seen = []
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(
            browser.execute_script(
                "const e = document.activeElement; const o = getComputedStyle(e).outlineStyle;"
                "return [e.className || e.tagName.toLowerCase(), e.textContent.trim().slice(0, 40), o]"
            )
        )
    assert seen[0][0] == "skip"
    names = {text for _, text, _ in seen}
    assert {"Overview", "Sources", "CSV of the data", "n, method, table and SQL behind it"} <= names
    assert any(kind == "input" for kind, _, _ in seen)
    assert all(outline not in ("none", "") for kind, _, outline in seen if kind in ("a", "button", "input", "summary"))


def test_enter_on_a_heading_sorts_and_space_on_the_summary_opens(browser, site):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, site, "intersections.html")
    button = browser.execute_script("return document.querySelector('div.table thead button')")
    button.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.querySelector('div.table thead th').getAttribute('aria-sort')")
    summary = browser.execute_script("return document.querySelector('figure summary')")
    summary.send_keys(Keys.SPACE)
    assert browser.execute_script("return document.querySelector('figure details').open")
    said = browser.execute_script("return document.querySelector('figure details').innerText")
    assert "SELECT" in said
    assert "data version" in said


def test_the_field_leads_to_a_genes_page(browser, site):
    open_page(browser, site, "index.html", draw=False)
    field = browser.execute_script("return document.querySelector('#jump')")
    field.send_keys("cxcl2\n")
    wait_for(browser, "return location.pathname.endsWith('/genes/CXCL2.html')")


def test_on_paper_there_is_no_navigation_and_nothing_is_cut_off(browser, site):
    open_page(browser, site, "genes/CCL20.html", draw=False)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = "return [...document.querySelectorAll('nav, .tools')].filter(e => e.offsetParent).length"
        assert browser.execute_script(shown) == 0
        heights = (
            "return [...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 2).length"
        )
        assert browser.execute_script(heights) == 0
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_site_is_small(site):
    assert site.bytes < MOST_BYTES
    assert not any(Path(path).suffix == ".map" for path in site.folder.rglob("*"))
