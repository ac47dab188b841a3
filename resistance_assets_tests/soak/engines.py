"""Build the whole demo on every engine, and compare every table. Not a test: minutes for each, and run by hand.

    python -m resistance_assets_tests.soak.engines --folder FOLDER [--only slurm object_store]

One process is the measure. Slurm, the object store and Postgres are real servers on this machine; each engine gets a
new data folder below FOLDER, and what it holds is kept there in `<engine>.json`, so that single engines can be added
later. Printed: per engine the tables compared, those that are equal, and seconds; then each difference.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from resistance_assets_tests.every_table import EveryTable, differences

MEASURE = "in_process"
CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "dagster-postgres.yaml"


@contextlib.contextmanager
def in_process(folder: Path) -> Iterator[dict[str, str]]:
    """The process of the run does everything."""
    yield {"RESISTANCE_EXECUTOR": "in_process", "RESISTANCE_JOBS": "1"}


@contextlib.contextmanager
def jobs(folder: Path) -> Iterator[dict[str, str]]:
    """Two workers beside the run."""
    yield {"RESISTANCE_JOBS": "2"}


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Dear steps are jobs of a Slurm of one node."""
    from resistance_assets_tests.slurm_cluster import run_slurm

    with run_slurm(folder / "cluster") as configuration:
        yield {"RESISTANCE_EXECUTOR": "slurm", "SLURM_CONF": str(configuration), "RESISTANCE_JOB_MEMORY": "2500MB"}


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """The lake is in a SeaweedFS server."""
    from resistance_assets_tests.object_host import serve_objects

    with serve_objects(folder / "objects") as host:
        yield {**host.environment, "RESISTANCE_LAKE": host.lake("demo"), "RESISTANCE_JOBS": "1"}


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[dict[str, str]]:
    """Dagster's records are in a Postgres server."""
    from resistance_assets_tests.postgres_server import find_programs, run_postgres

    programs = find_programs()
    assert programs is not None, "no postgresql"
    home = folder / "data" / "dagster"
    home.mkdir(parents=True)
    shutil.copy(CONFIGURATION, home / "dagster.yaml")
    with run_postgres(programs) as environment:
        yield {**environment, "RESISTANCE_JOBS": "1"}


ENGINES = {one.__name__: one for one in (in_process, jobs, slurm, object_store, postgres)}
LOOK = (
    "import json, sys; from dataclasses import asdict; from pathlib import Path;"
    "from resistance_assets_tests.every_table import every_table;"
    "print(json.dumps(asdict(every_table(Path(sys.argv[1])))))"
)


def build(engine: str, folder: Path, command: list[str]) -> None:
    """Run a command on an engine in a new folder, and write down what its data folder holds then."""
    shutil.rmtree(folder / engine, ignore_errors=True)
    (folder / engine).mkdir(parents=True)
    with ENGINES[engine](folder / engine) as given:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RESISTANCE_", "DAGSTER_"))},
            "RESISTANCE_DATA_DIR": str(folder / engine / "data"),
            **given,
        }
        begun = time.monotonic()
        with (folder / f"{engine}.log").open("w") as log:
            program = [sys.executable, "-m", "resistance_assets.cli", *command]
            done = subprocess.run(program, env=environment, stdout=log, stderr=log, check=False)
        seconds = time.monotonic() - begun
        found = subprocess.run(
            [sys.executable, "-c", LOOK, str(folder / engine / "data")],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
    document = {"seconds": seconds, "exit_code": done.returncode, "found": json.loads(found.stdout)}
    (folder / f"{engine}.json").write_text(json.dumps(document))


def _found(document: Mapping) -> EveryTable:
    parts = document["found"]
    return EveryTable(
        **{
            part: {name: tuple(value) if isinstance(value, list) else value for name, value in parts[part].items()}
            for part in asdict(EveryTable({}, {}, {}))
        }
    )


def compare(folder: Path) -> tuple[list[str], bool]:
    """Lines to print of the engines that were run in a folder, and whether all are equal to the measure."""
    documents = {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ENGINES
        if (folder / f"{name}.json").exists()
    }
    measure = _found(documents[MEASURE])
    lines, told, is_equal = [], [], True
    for name, document in documents.items():
        other = _found(document)
        counts = []
        for part in ("lake", "release", "file"):
            one, two = getattr(measure, part), getattr(other, part)
            equal = sum(one.get(table) == two.get(table) for table in one.keys() | two.keys())
            counts.append(f"{part} {equal} of {len(one.keys() | two.keys())} equal")
        lines.append(f"{name}: {', '.join(counts)}; {document['seconds']:.0f} s, exit code {document['exit_code']}")
        told += [f"{name}: {line}" for line in differences(measure, other)]
        is_equal &= document["exit_code"] == 0
    return [*lines, *told], is_equal and not told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(ENGINES), default=list(ENGINES))
    arguments = parser.parse_args()
    for engine in arguments.only:
        build(engine, arguments.folder.absolute(), ["run", "--profile", "demo"])
    lines, is_equal = compare(arguments.folder)
    print("\n".join(lines))
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
