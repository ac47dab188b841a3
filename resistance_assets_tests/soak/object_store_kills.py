"""Kill workers of a lake in an object store at random instants and look at what is left, from another data folder.

    python -m resistance_assets_tests.soak.object_store_kills --kills 100 --seed 1

Two workers, each with a data folder of its own as if on two hosts, bring the same chain of tables up to date and
publish it: whoever comes first builds, the other takes its result. At a random instant (of two kills in five: while one
of them publishes) one of them (in one case of three both) is killed with SIGKILL and started again. After every kill a
third data folder opens what is published: it must be one whole release, every table of it; and every current version
must be a whole table of this generation or the one before. When both were left alone to the end, the next generation is
published, nothing may be half-written, and no lease may stand in the way of a pruning. A short soak is a test.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import Table

PROCESSES = multiprocessing.get_context("forkserver")
# Imported and not used: a process that has computed with polars cannot be forked.
PRELOADED = [
    "resistance_assets.orchestration.steps",
    "resistance_assets.orchestration.checks",
    "resistance_assets_tests.soak.soaked_table",
    "obstore",
    "resistance_assets.warehouse.publish",
    "resistance_assets.warehouse.reader",
]
TABLES = tuple(f"core.t{number}" for number in range(8))
MOST_KILLS_PER_GENERATION = 2
ROWS = 2000
LONGEST_SECONDS = 300


@dataclass
class Tally:
    """What a soak found."""

    kills: int = 0
    too_late: int = 0
    generations: int = 0
    faults: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    releases_behind: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.faults

    def as_text(self) -> str:
        lines = [
            f"kills {self.kills} in {self.generations} generations, {self.seconds:.0f} s",
            f"kills that came after a worker had ended: {self.too_late} (not counted)",
            f"published release was behind the one in the making by: {dict(sorted(self.releases_behind.items()))}",
            "struck while at: " + ", ".join(f"{name} {count}" for name, count in self.struck.most_common()),
        ]
        return "\n".join([*lines, *(f"FAULT {fault}" for fault in self.faults), "ok" if self.ok else "NOT OK"])


def table_of(address: str) -> Table:
    """Model of one of the tables."""
    from resistance_assets_tests.soak.soaked_table import Values

    layer, name = address.split(".")
    return Table(layer, name, "one row per gene", ("gene",), "that it is real", (), 0, Values, "Described.")


def frame_of(generation: int) -> pl.DataFrame:
    """Its rows, which all say the generation."""
    return pl.DataFrame({"gene": [f"G{at:05d}" for at in range(ROWS)], "value": [generation] * ROWS})


def work(data_dir: Path, generation: int, environment: dict[str, str]) -> None:
    """Bring every table to a generation, and publish."""
    os.environ.update(environment)
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.orchestration.steps import Step, run_step
    from resistance_assets.warehouse.publication import Publication
    from resistance_assets.warehouse.publish import publish

    def reach(name: str) -> None:
        # As a whole: whoever reads it meanwhile finds where the worker was before.
        (data_dir / "at.aside").write_text(name)
        (data_dir / "at.aside").replace(data_dir / "at.txt")

    data_dir.mkdir(parents=True, exist_ok=True)
    lake = open_lake(data_dir)
    lake.remove_orphans()
    for before, address in zip((None, *TABLES), TABLES, strict=False):
        reach("table")
        run_step(
            lake,
            Step(
                {address: table_of(address)},
                lambda inputs: frame_of(inputs.parameters),
                code_version="v1",
                inputs=() if before is None else (before,),
                parameters=generation,
            ),
            run_id=data_dir.name,
        )
    with lake.in_use():
        publications = []
        for address in TABLES:
            current = lake.current(address)
            assert current is not None
            files = lake.intact_files(address, current.data_version)
            publications.append(Publication(table_of(address), current, files, {}))
        reach("publish begun")
        publish(
            data_dir,
            publications,
            meta={},
            code_revision="1",
            settings={},
            between=lambda step: reach(f"publish {step}"),
        )
    reach("end")


def judge(data_dir: Path, generation: int, environment: dict[str, str]) -> tuple[int, str]:
    """Release that another data folder finds published (0: none), and what is wrong with it or with the lake."""
    os.environ.update(environment)
    from resistance_assets.errors import Fault
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.warehouse.published_file import published_file
    from resistance_assets.warehouse.reader import open_warehouse

    release = 0
    try:
        if published_file(data_dir).exists():
            # What is asked is one opened file: the other worker may publish between two openings.
            with contextlib.closing(open_warehouse(data_dir)) as connection:
                (release,) = connection.execute("SELECT max(release) FROM meta.releases").fetchall()[0]
                for address in TABLES:
                    found = connection.execute(f"SELECT count(*), min(value), max(value) FROM {address}").fetchall()
                    if found != [(ROWS, release, release)]:
                        return release, f"{address} of release {release} holds {found}"
        if release not in (generation - 1, generation):
            return release, f"release {release} is published while {generation} is made"
        lake = open_lake(data_dir)
        for address in lake.addresses():
            values = lake.read(address)["value"].unique().to_list()
            if len(values) != 1 or values[0] not in (generation - 1, generation):
                return release, f"{address} is of {values} while {generation} is made"
    except Fault as fault:
        return release, str(fault)
    return release, ""


def left_over(folders: list[Path], environment: dict[str, str]) -> str:
    """What is half-written or in the way when every worker has ended; empty where nothing is."""
    os.environ.update(environment)
    from resistance_assets.orchestration.lake import open_lake

    asides = [path for folder in folders for path in folder.rglob("*.aside*")]
    lake = open_lake(folders[0])
    waited: list[str] = []
    with lake.quiet(waiting=waited.append):
        pass
    return "; ".join([*(f"half-written {path.name}" for path in asides), *(f"waited for {one}" for one in waited)])


def elsewhere(look, *arguments):
    """What a function finds, called in a process of its own."""
    receiving, sending = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_answer, args=(sending, look, arguments))
    process.start()
    sending.close()
    try:
        return receiving.recv()
    finally:
        process.join()


def _answer(sending, look, arguments) -> None:
    sending.send(look(*arguments))


def _at(host: Path) -> str:
    """What a worker is at; empty before its first step."""
    try:
        return (host / "at.txt").read_text()
    except FileNotFoundError:
        return ""


def _wait_until(hosts: list[Path], workers: list[Any], holds: Callable[[list[str]], bool]) -> None:
    """Look until something holds of what the workers are at, or all of them have ended."""
    while not holds([_at(host) for host in hosts]) and any(worker.is_alive() for worker in workers):
        time.sleep(0.01)


def _is_publishing(at: list[str]) -> bool:
    return any(one.startswith("publish") for one in at)


def _full_seconds(hosts: list[Path], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of two workers from their first step, and from their first publishing, to the end of a generation."""
    workers = [PROCESSES.Process(target=work, args=(host, 1, environment)) for host in hosts]
    for worker in workers:
        worker.start()
    _wait_until(hosts, workers, any)
    begun = time.monotonic()
    _wait_until(hosts, workers, _is_publishing)
    published = time.monotonic()
    for worker in workers:
        worker.join(LONGEST_SECONDS)
    return time.monotonic() - begun, time.monotonic() - published


def soak(folder: Path, environment: dict[str, str], *, kills: int, seed: int, say=lambda text: None) -> Tally:
    """Kill workers until there were ``kills`` kills; everything below ``folder`` and in the lake of ``environment``."""
    PROCESSES.set_forkserver_preload(PRELOADED)
    chance, tally, begun = random.Random(seed), Tally(), time.monotonic()
    hosts, reader = [folder / "host1", folder / "host2"], folder / "reader"
    full_seconds, publish_seconds = _full_seconds(hosts, environment)
    while tally.kills < kills and tally.ok:
        tally.generations += 1
        generation = tally.generations + 1
        for _ in range(min(chance.randint(1, MOST_KILLS_PER_GENERATION), kills - tally.kills)):
            workers = [PROCESSES.Process(target=work, args=(host, generation, environment)) for host in hosts]
            for worker, host in zip(workers, hosts, strict=True):
                (host / "at.txt").unlink(missing_ok=True)
                worker.start()
            # One kill in five falls anywhere, two on the work, and two on the publishing, which is a small part of it.
            falls_on = chance.choice(("all", "work", "work", "publishing", "publishing"))
            if falls_on == "work":
                _wait_until(hosts, workers, all)
            elif falls_on == "publishing":
                _wait_until(hosts, workers, _is_publishing)
            time.sleep(chance.uniform(0.0, publish_seconds if falls_on == "publishing" else full_seconds))
            struck = workers if chance.random() < 1 / 3 else [chance.choice(workers)]
            for worker in struck:
                worker.kill()
            for worker, host in zip(workers, hosts, strict=True):
                if worker in struck:
                    worker.join()
                    is_killed = worker.exitcode == -9
                    tally.kills += is_killed
                    tally.too_late += not is_killed
                    tally.struck[_at(host) or "start"] += is_killed
            release, problem = elsewhere(judge, reader, generation, environment)
            tally.releases_behind[generation - release] += 1
            if problem:
                tally.faults.append(f"kill {tally.kills}: {problem}")
            for worker in workers:
                worker.join(LONGEST_SECONDS)
                if worker not in struck and worker.exitcode != 0:
                    tally.faults.append(f"kill {tally.kills}: the other worker ended with {worker.exitcode}")
        workers = [PROCESSES.Process(target=work, args=(host, generation, environment)) for host in hosts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(LONGEST_SECONDS)
        if [worker.exitcode for worker in workers] != [0, 0]:
            tally.faults.append(f"generation {generation}: did not end: {[worker.exitcode for worker in workers]}")
        if (found := elsewhere(judge, reader, generation, environment)) != (generation, ""):
            tally.faults.append(f"generation {generation}: ended with {found}")
        if left := elsewhere(left_over, [*hosts, reader], environment):
            tally.faults.append(f"generation {generation}: {left}")
        say(f"generation {generation}: {tally.kills} kills, {time.monotonic() - begun:.0f} s")
    tally.seconds = time.monotonic() - begun
    return tally


def main() -> int:
    from resistance_assets_tests.object_host import serve_objects

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="object_store_kills."))
    try:
        with serve_objects(folder / "objects") as host:
            environment = {**host.environment, "RESISTANCE_LAKE": host.lake("soak")}
            tally = soak(
                folder,
                environment,
                kills=arguments.kills,
                seed=arguments.seed,
                say=lambda text: print(text, flush=True),
            )
        print(tally.as_text())
        return 0 if tally.ok else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
