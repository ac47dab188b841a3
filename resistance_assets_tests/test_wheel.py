"""The distributions: the wheel holds everything that runs, and works in an environment of its own, from any folder."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[1]
# The table and what it is made from; none of it needs a compiled kernel.
SELECTED = "staging.genes__symbols"
LONGEST_START = 240.0


def build(kind: str, project: Path, destination: Path) -> Path:
    """A distribution of the project, built without a network by the build backend of this environment."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(destination)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = destination.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    return build("sdist", CHECKOUT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory) -> Path:
    """The wheel as it is published: built from the source distribution."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (project,) = unpacked.iterdir()
    return build("wheel", project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def resistance(wheel: Path, tmp_path_factory) -> Path:
    """The command of the wheel in an environment of its own, which finds this one's dependencies but no checkout."""
    root = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
    python = root / "bin" / "python"
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)], check=True)
    (site,) = root.glob("lib/python*/site-packages")
    # The .pth files of a folder that is named in a .pth file are not read: an editable install stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return root / "bin" / "resistance"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> dict[str, object]:
    """Another folder to work in, and an environment without settings of this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESISTANCE_", "PYTHON"))}
    return {"cwd": folder, "env": kept | {"DAGSTER_HOME": str(folder / "data" / "dagster")}}


def test_sdist_and_checkout_build_the_same_wheel(wheel: Path, tmp_path):
    from_checkout = build("wheel", CHECKOUT, tmp_path)
    assert from_checkout.name == wheel.name
    with zipfile.ZipFile(from_checkout) as expected, zipfile.ZipFile(wheel) as given:
        assert {name: expected.read(name) for name in expected.namelist()} == {
            name: given.read(name) for name in given.namelist()
        }


def test_wheel_holds_every_file_of_the_package_and_every_model(wheel: Path):
    tracked = subprocess.run(
        ["git", "ls-files", "resistance_assets", "dbt_like_sql"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    expected = {
        name.replace("dbt_like_sql/", "resistance_assets/_dbt_like_sql/", 1) for name in tracked.stdout.splitlines()
    }
    with zipfile.ZipFile(wheel) as archive:
        assert expected - set(archive.namelist()) == set()


def test_version_is_that_of_the_project_file(resistance: Path, elsewhere):
    import tomllib

    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    said = subprocess.run([str(resistance), "--version"], capture_output=True, text=True, check=True, **elsewhere)
    assert said.stdout.split() == ["resistance", version]


def test_installed_wheel_runs_the_demo_and_the_ui_from_another_folder(resistance: Path, elsewhere):
    run = [str(resistance), "run", "--profile", "demo", "--select", SELECTED]
    done = subprocess.run(run, capture_output=True, text=True, check=False, **elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list((elsewhere["cwd"] / "data" / "lake").glob("staging/genes__symbols/*.parquet"))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = elsewhere["cwd"] / "ui.log"
    with log.open("w") as output:
        ui = subprocess.Popen(
            [str(resistance), "ui", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **elsewhere,
        )
    try:
        assert _assets_of_the_ui(ui, port, log) > 200
    finally:
        # Asked to end, it ends all that it started, which has a session of its own; killed, it would leave that behind.
        ui.terminate()
        try:
            ui.wait(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(ui.pid, signal.SIGKILL)


def _assets_of_the_ui(ui: subprocess.Popen, port: int, log: Path) -> int:
    """Number of assets that the UI's own interface names, once it answers."""
    import time

    until = time.monotonic() + LONGEST_START
    while time.monotonic() < until:
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": "{ assetNodes { id } }"}, timeout=60)
            if answer.status_code == 200 and (nodes := answer.json()["data"]["assetNodes"]):
                return len(nodes)
        except httpx.TransportError:
            pass
        try:
            ui.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"resistance ui ended: {log.read_text()[-2000:]}")
    pytest.fail(f"resistance ui has not answered: {log.read_text()[-2000:]}")
