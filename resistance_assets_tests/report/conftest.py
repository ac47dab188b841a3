"""A published demo warehouse, built once for all tests of what people look at."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.report.published import Published, open_published
from resistance_assets_tests.warehouse_runs import run_warehouse


@pytest.fixture(scope="session")
def demo_dir(tmp_path_factory) -> Path:
    """Data folder of a finished demo run. Workers of one test run share it: the first builds, the others wait."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if root.name.startswith("popen-") else root
    folder = root / "demo_of_the_report"
    with (root / "demo_of_the_report.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "warehouse.duckdb").exists():
            summary = run_warehouse(folder)
            assert summary.ok, summary.as_document()
    return folder


@pytest.fixture(scope="module")
def demo(demo_dir) -> Iterator[Published]:
    with open_published(demo_dir) as published:
        yield published
