"""The Dagster UI in a real browser, over the demo: the graph loads, all of it materialises, lineage is shown."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets_tests.browsing import wait_for
from resistance_assets_tests.warehouse_runs import environment

# Five processes start before the first page, on two cores that other tests use too.
LONGEST_START = 240.0
LONGEST_RUN = 540.0
GROUPS = ("sources", "cohort_files", "genes_and_gene_sets", "differential_expression", "survival", "claims", "release")


@pytest.fixture(scope="module")
def ui(demo_place: Path, tmp_path_factory, browser) -> Iterator[str]:
    """Address of `resistance ui` over a copy of the demo's data folder, whose tables are up to date."""
    data_dir = tmp_path_factory.mktemp("ui") / "data"
    shutil.copytree(demo_place / "data", data_dir)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with environment(data_dir, mirror=demo_place / "demo" / "mirror", studies=[demo_place / "demo" / "studies"]):
        # Its own session: Ctrl-C of a terminal ends all its processes, and so must the test.
        process = subprocess.Popen(
            [sys.executable, "-m", "resistance_assets.cli", "ui", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(browser, address, process)
        yield address
    finally:
        # Asked to end, it ends all that it started; killed, it would leave that behind.
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_answers(browser, address: str, process: subprocess.Popen) -> None:
    import httpx
    from selenium.webdriver.support.ui import WebDriverWait

    def answers(_) -> bool:
        assert process.poll() is None, "resistance ui ended before it answered"
        try:
            return httpx.get(f"{address}/server_info", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    WebDriverWait(browser, LONGEST_START, poll_frequency=0.25).until(answers)


def ask_graphql(browser, query: str):
    """The answer of the UI's own interface, asked from within its page."""
    script = (
        "const done = arguments[arguments.length - 1];"
        "fetch('/graphql', {method: 'POST', headers: {'content-type': 'application/json'},"
        " body: JSON.stringify({query: arguments[0]})}).then(r => r.json()).then(j => done(j.data))"
    )
    browser.set_script_timeout(60)
    return browser.execute_async_script(script, query)


def test_the_asset_graph_loads_with_its_groups(browser, ui):
    browser.get(f"{ui}/asset-groups")
    wait_for(browser, "return /Materialize all \\(\\d+\\)/.test(document.body.innerText)", LONGEST_RUN)
    drawn = f"const text = document.body.innerText; return {list(GROUPS)}.every(group => text.includes(group))"
    assert wait_for(browser, drawn, LONGEST_RUN)
    count = browser.execute_script("return document.body.innerText.match(/Materialize all \\((\\d+)\\)/)[1]")
    nodes = ask_graphql(browser, "{ assetNodes { isMaterializable } }")["assetNodes"]
    assert int(count) == sum(node["isMaterializable"] for node in nodes) > 200


def test_materialize_all_finishes_green(browser, ui):
    browser.get(f"{ui}/asset-groups")
    wait_for(
        browser,
        """
        const button = [...document.querySelectorAll('button')]
            .find(one => one.textContent.trim().startsWith('Materialize all') && !one.disabled);
        if (button) button.click();
        return Boolean(button);
        """,
        LONGEST_RUN,
    )
    run = wait_for(browser, "return document.querySelector('a[href*=\"/runs/\"]')?.href", LONGEST_RUN)
    run_id = run.rsplit("/", 1)[-1]
    # The page of a run redraws with each of its events, on cores that the run could use: looked at when it has ended.
    browser.get(f"{ui}/server_info")
    status = "const ask = new XMLHttpRequest(); ask.open('POST', '/graphql', false);"
    status += "ask.setRequestHeader('content-type', 'application/json');"
    status += (
        f"ask.send(JSON.stringify({{query: '{{ runOrError(runId: \"{run_id}\") {{ ... on Run {{ status }} }} }}'}}));"
    )
    status += "const status = JSON.parse(ask.responseText).data.runOrError.status;"
    wait_for(browser, f"{status} return /SUCCESS|FAILURE|CANCELED/.test(status)", LONGEST_RUN, every=1.0)
    browser.get(run)
    ended = "return (document.body.innerText.match(/^(Success|Failure|Canceled)$/m) || [])[0]"
    assert wait_for(browser, ended, LONGEST_RUN) == "Success"
    shown = browser.execute_script("return document.body.innerText")
    assert "No steps have errored" in shown
    found = ask_graphql(
        browser,
        f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status stepStats {{ status }} '
        "assetChecks { name } assetMaterializations { assetKey { path } } } } }",
    )["runOrError"]
    assert found["status"] == "SUCCESS"
    assert {step["status"] for step in found["stepStats"]} == {"SUCCESS"}
    made = {"/".join(one["assetKey"]["path"]) for one in found["assetMaterializations"]}
    assert {"marts/gene_evidence", "warehouse", "report"} <= made
    assert len(made) > 200


def test_a_tables_page_shows_what_its_columns_come_from(browser, ui):
    browser.get(f"{ui}/assets/marts/gene_evidence?view=overview")
    assert wait_for(
        browser,
        "return document.body.innerText.includes('[from marts.survival_by_gene.hazard_ratio_median_split]')",
        LONGEST_RUN,
    )
    entries = ask_graphql(
        browser,
        '{ assetOrError(assetKey: { path: ["marts", "gene_evidence"] }) { ... on Asset {'
        " assetMaterializations(limit: 1) { metadataEntries { label ... on TableColumnLineageMetadataEntry {"
        " lineage { columnName columnDeps { columnName assetKey { path } } } } } } } } }",
    )["assetOrError"]["assetMaterializations"][0]["metadataEntries"]
    lineage = next(entry["lineage"] for entry in entries if entry["label"] == "dagster/column_lineage")
    deps = next(one["columnDeps"] for one in lineage if one["columnName"] == "os_hazard_ratio")
    assert [(*dep["assetKey"]["path"], dep["columnName"]) for dep in deps] == [
        ("marts", "survival_by_gene", "hazard_ratio_median_split")
    ]
