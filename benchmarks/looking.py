"""What a person waits for: one gene out of 36 million rows, a command's start, the report, a volcano in the browser.

Needs a published warehouse: `RESISTANCE_DATA_DIR`, or the demo is run once into a temporary folder. The browser case
needs chromium and chromedriver and is left out without them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks._folder import bench_folder

GENES, PATIENTS = 20_000, 1_800


@cache
def _data_dir() -> Path:
    named = os.environ.get("RESISTANCE_DATA_DIR")
    if named and (Path(named) / "warehouse.duckdb").is_file():
        return Path(named)
    folder = bench_folder() / "data"
    environ = {**os.environ, "RESISTANCE_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "resistance_assets.cli", "run", "--profile", "demo", "--json"]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return folder


@cache
def _large_warehouse() -> Any:
    """A connection to a warehouse whose expression table has 36 million rows, sorted by gene as ours is."""
    import duckdb

    path = bench_folder() / "large.duckdb"
    with duckdb.connect(str(path)) as writing:
        writing.execute("CREATE SCHEMA staging")
        writing.execute(
            f"""
            CREATE TABLE staging.cohorts__gene_expression AS
            SELECT 'cohort' AS cohort_id, 'GENE' || lpad(gene::VARCHAR, 5, '0') AS hgnc_symbol,
                'P' || lpad(patient::VARCHAR, 5, '0') AS patient_id, random() * 10 AS expression_value
            FROM range({GENES}) AS g(gene), range({PATIENTS}) AS p(patient)
            ORDER BY gene, patient
            """
        )
    return duckdb.connect(str(path), read_only=True)


def _one_gene() -> None:
    query = "SELECT * FROM staging.cohorts__gene_expression WHERE hgnc_symbol = ?"
    rows = _large_warehouse().execute(query, ["GENE12345"]).fetchnumpy()
    assert len(rows["patient_id"]) == PATIENTS


def _command(*arguments: str) -> Callable[[], None]:
    def run() -> None:
        environ = {**os.environ, "RESISTANCE_DATA_DIR": str(_data_dir())}
        command = [sys.executable, "-m", "resistance_assets.cli", *arguments]
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)

    return run


def _report() -> None:
    from resistance_assets.report.site import write_report

    written = write_report(_data_dir(), bench_folder() / "site")
    assert written.bytes < 20_000_000


@cache
def _volcano() -> Path:
    """The site with one more page: the volcano of a contrast of 20,000 genes, made by the report's own code."""
    import numpy as np

    from resistance_assets.report.html import Frame, Page, render
    from resistance_assets.report.pages.contrasts import _columns
    from resistance_assets.report.pages.contrasts import _volcano as draw

    _report()
    draws = np.random.default_rng(1)
    change = draws.normal(0, 1, GENES)
    p = np.clip(np.exp(-np.abs(change) * draws.exponential(3, GENES)), 1e-200, 1)
    contrast = {"q_value_threshold": 0.05, "abs_log2_fold_change_threshold": 1.0}
    columns = {
        "hgnc_symbol": [f"GENE{at:05d}" for at in range(GENES)],
        "log2_fold_change": change.tolist(),
        "base_mean": draws.lognormal(5, 2, GENES).tolist(),
        "average_expression_log2": [None] * GENES,
        "p_value": p.tolist(),
        "q_value_bh": np.minimum(p * 3, 1).tolist(),
    }
    said = {"n": "3 v 3", "method": "made up", "tables": [], "sql": "SELECT 1"}
    page = Page("contrasts/made_up.html", "A made-up contrast of 20,000 genes")
    page.figure(draw(_columns(columns, contrast), contrast, (), said))
    target = bench_folder() / "site" / page.path
    target.write_text(render(page, Frame(1, "", "", True)), encoding="utf-8")
    return target


@cache
def _browser() -> Any:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "enable-unsafe-swiftshader"):
        options.add_argument(f"--{argument}")
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def _open_volcano() -> None:
    browser = _browser()
    browser.get(_volcano().as_uri())
    until = time.monotonic() + 60
    while not browser.execute_script("return document.querySelector('.plot').dataset.drawn"):
        if time.monotonic() > until:
            raise TimeoutError("the volcano was not drawn within a minute")
        time.sleep(0.01)


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": "looking/one gene, open connection",
            "size": f"{GENES * PATIENTS:,} rows",
            "ours": _one_gene,
            "note": "wanted: under 5 ms",
        },
        {"name": "looking/explain CCL20", "ours": _command("explain", "CCL20"), "note": "wanted: under 1.5 s"},
        {"name": "looking/--help", "ours": _command("--help"), "note": "wanted: under 0.4 s"},
        {"name": "looking/report", "ours": _report, "note": "wanted: under 30 s and 20 MB"},
    ]
    if shutil.which("chromium") and shutil.which("chromedriver"):
        found.append(
            {
                "name": "looking/volcano in chromium",
                "size": f"{GENES:,} points",
                "ours": _open_volcano,
                "note": "from opening the file to drawn, software rendering; wanted: under 1 s",
            }
        )
    return found
