"""The real server in a process of its own, and how to ask it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from resistance_assets_tests.small_warehouse import write_small_warehouse

PAGE = """<!doctype html>
<html lang="en"><head><title>Overview</title><link rel="stylesheet" href="assets/style.css"></head>
<body><header><nav aria-label="Pages"><ul><li><a href="index.html">Overview</a></li></ul></nav></header>
<main><h1>Overview</h1><form class="jump"><label for="jump">Go to a gene</label><input id="jump"><button>Open</button>
</form></main></body></html>
"""


@dataclass
class Served:
    """A server that runs: its process, its address, the data folder, and what it printed first."""

    process: subprocess.Popen[str]
    url: str
    data_dir: Path
    told: str

    def get(self, path: str, **options) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60, **options)

    def ask(self, sql: str, **others) -> httpx.Response:
        return httpx.post(self.url + "/api/sql", json={"sql": sql, **others}, timeout=60)


@contextlib.contextmanager
def start(data_dir: Path, *options: str, **environment: str) -> Iterator[Served]:
    """The command on a free port; killed at the end where it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "resistance_assets.cli", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "RESISTANCE_DATA_DIR": str(data_dir), "PYTHONPATH": os.pathsep.join(sys.path)} | environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        found = re.match(r"http://(\S+):(\d+)/ ", told)
        if found is None:
            raise AssertionError(told + process.communicate(timeout=30)[1])
        yield Served(process, f"http://127.0.0.1:{found[2]}", data_dir, told)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def write_pages(data_dir: Path, release: int = 1) -> None:
    """A report of two pages."""
    folder = data_dir / "report"
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    (folder / "assets" / "style.css").write_text(":root{--up:red}", encoding="utf-8")
    (folder / "resistance-report.txt").write_text(f"version abc\nReport of release {release}. This folder is ...\n")


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """A server on loopback without a token, over the small release; to be read."""
    data_dir = tmp_path_factory.mktemp("served") / "data"
    write_small_warehouse(data_dir)
    write_pages(data_dir)
    with start(data_dir, "--timeout", "3", "--rows", "2000", RESISTANCE_MEMORY="800MB") as running:
        yield running


@pytest.fixture
def starting() -> Callable[..., contextlib.AbstractContextManager[Served]]:
    return start
