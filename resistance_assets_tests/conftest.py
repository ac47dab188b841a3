"""Fixtures that every test may use: where the shared real data are, and what to do when they are not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# How long an example takes says nothing about the program: the machine may do something else meanwhile.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

# Files that take a minute or more, the longest first: begun last, they would leave one of two workers idle.
LONG_FILES = (
    "commands/test_ui.py",
    "defs/test_main_job.py",
    "commands/test_refresh.py",
    "deploy/test_postgres.py",
    "orchestration/dagster/executors/test_slurm.py",
    "defs/test_bad_input.py",
    "report/test_browser.py",
    "defs/core/test_claims.py",
    "defs/core/survival/test_survival_assets.py",
    "defs/raw/studies/test_public_studies.py",
    "test_cli.py",
)
# Tests run side by side already; worker processes would take the cores from one another. Theirs ask for them.
os.environ.setdefault("RESISTANCE_JOBS", "1")
# Where tests run is not the instance of whoever runs them.
os.environ.pop("DAGSTER_HOME", None)
SHARED = Path(os.environ.get("RESISTANCE_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))


# `make test-fast` leaves out what takes more than about half a second: tests that use fixtures which build a whole
# warehouse or start a browser, LONG_FILES, the files and folders here (their tests share a study or a world, which the
# first of them pays for), and what is marked `slow` where it stands.
SLOW_FIXTURES = {"demo_place", "small_place", "real_data_dir", "browser"}
SLOW_FILES = (
    "orchestration/dagster/test_automation.py",
    "defs/test_automation.py",
    "test_dbt_like_sql.py",
    "test_hostile_sql.py",
    "commands/test_doctor.py",
    "demo/test_folder.py",
    "science/test_compile_kernels.py",
    "science/single_cell/test_types_and_clusters.py",
    "defs/core/deg/test_contrasts.py",
    "defs/core/alterations/test_cohort_tables.py",
    "defs/core/test_bench_claims.py",
    "test_full_disk.py",
)
SLOW_FOLDERS = ("defs/raw/studies", "demo/bench", "report/pages/bench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, otherwise as collected; tests of a whole warehouse are marked `slow`."""
    here = Path(__file__).parent
    slow_files = {here / name for name in (*LONG_FILES, *SLOW_FILES)}
    slow_folders = [here / name for name in SLOW_FOLDERS]
    for item in items:
        is_slow = item.path in slow_files or any(item.path.is_relative_to(folder) for folder in slow_folders)
        if is_slow or SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    ranks = {here / name: rank for rank, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(autouse=True)
def environment_put_back() -> Iterator[None]:
    """Environment variables as they were: a run in this process sets `DAGSTER_HOME`, which a later test would read."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data that stands beside the checkout and is never committed.

    Absent, the test is skipped with the reason; with RESISTANCE_REQUIRE_SHARED=1 (CI) its absence is a failure.
    """
    if SHARED.is_dir():
        return SHARED
    reason = f"the shared data folder {SHARED} is absent (set RESISTANCE_SHARED_DIR to where it is)"
    if os.environ.get("RESISTANCE_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _made_once(tmp_path_factory, worker_id: str, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that one of the parallel workers fills and all of them read."""
    root = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    place, done = root / name, root / f"{name}.done"
    from resistance_assets.files import file_lock

    with file_lock(root / f"{name}.lock"):
        if not done.exists():
            make(place)
            done.touch()
    return place


@pytest.fixture(scope="session")
def demo_place(tmp_path_factory, worker_id: str) -> Path:
    """A good run on the demo: `demo/` (mirror, studies, truth.json) and `data/`. To be read; copy it to change it."""
    from resistance_assets.demo import write_demo
    from resistance_assets_tests.warehouse_runs import run_warehouse

    def make(place: Path) -> None:
        write_demo(place / "demo")
        summary = run_warehouse(place / "data", mirror=place / "demo" / "mirror", studies=[place / "demo" / "studies"])
        assert summary.ok, summary.as_document()

    return _made_once(tmp_path_factory, worker_id, "demo_place", make)


@pytest.fixture(scope="session")
def small_place(tmp_path_factory, worker_id: str) -> Path:
    """A good run on the small world: `mirror/`, `studies/` and `data/`. To be read; copy it to change it."""
    from resistance_assets_tests.small_world import SETS, write_small_world
    from resistance_assets_tests.warehouse_runs import run_warehouse

    def make(place: Path) -> None:
        mirror, studies = write_small_world(place)
        summary = run_warehouse(place / "data", mirror=mirror, studies=[studies], sets=SETS)
        assert summary.ok, summary.as_document()

    # The folder is called as people call theirs: nothing takes a name for a pattern, a path for an address.
    return _made_once(tmp_path_factory, worker_id, "small [1] ü & 'x' * 50% #", make)


@pytest.fixture(scope="session")
def real_data_dir(tmp_path_factory, worker_id: str, shared: Path) -> Path:
    """The data folder of a run on the real mirror and studies. To be read; copy it to change it."""
    from resistance_assets_tests.warehouse_runs import run_warehouse

    def make(place: Path) -> None:
        summary = run_warehouse(place, mirror=shared / "mirror", studies=[shared / "studies"])
        assert summary.ok, summary.as_document()

    return _made_once(tmp_path_factory, worker_id, "real_data", make)


@pytest.fixture(scope="session")
def object_host(tmp_path_factory) -> Iterator[Any]:
    """A real S3 host on 127.0.0.1; see `object_host`."""
    from resistance_assets_tests.object_host import serve_objects

    with serve_objects(tmp_path_factory.mktemp("objects")) as host:
        yield host


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Any]:
    """Chromium without a screen; see `browsing`."""
    from resistance_assets_tests.browsing import open_browser

    with open_browser(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


@pytest.fixture(scope="session")
def goldens(shared: Path) -> Path:
    """Inputs and outputs of the original R tools; each folder's README states the tolerances."""
    return shared / "goldens"
