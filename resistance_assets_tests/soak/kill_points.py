"""Kill demo runs at random instants and look at what is left. Not a test: minutes long, and run by hand.

    python -m resistance_assets_tests.soak.kill_points --kills 200 --seed 1

One kill in four falls anywhere in a run, the others on its work, after it has made its plan.

A round starts from a data folder with release 1 published and nothing known of how it was made, so that a run has
everything to compute and ends by publishing release 2. The run is killed (SIGKILL) at a random instant, started again,
perhaps killed again, and at last left alone. After every kill the published file is opened: each table must be of one
known release, and the release before must still be readable from the lake. After the last start the tables must be
those of a run that nobody killed, and nothing half-written may be left.

Processes are forked from one that has imported the packages and computed nothing, so that kills fall on work and not
on imports.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from resistance_assets_tests.small_world import write_small_world

MOST_KILLS_PER_ROUND = 8
LONGEST_RUN_SECONDS = 600


@dataclass
class Tally:
    """What a soak found."""

    kills: int = 0
    rounds: int = 0
    too_late: int = 0
    restarts_completed: int = 0
    faults: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    release_after_kill: Counter[int | None] = field(default_factory=Counter)
    most_leftovers: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.faults and self.restarts_completed == self.rounds

    def as_text(self) -> str:
        lines = [
            f"kills {self.kills} in {self.rounds} rounds, {self.seconds:.0f} s",
            f"last start of a round that completed: {self.restarts_completed} of {self.rounds}",
            f"kills that came after the run had ended: {self.too_late} (not counted)",
            "release found after a kill: "
            + ", ".join(f"{release}: {count}" for release, count in sorted(self.release_after_kill.items(), key=str)),
            "struck while at: " + ", ".join(f"{name} {count}" for name, count in self.struck.most_common()),
            f"most files of killed writers found at once: {self.most_leftovers}; after the last start: none"
            if self.ok
            else f"most files of killed writers found at once: {self.most_leftovers}",
        ]
        return "\n".join([*lines, *(f"FAULT {fault}" for fault in self.faults), "ok" if self.ok else "NOT OK"])


# Children of the fork server have the packages imported and no thread of ours. The soaking process itself opens neither
# DuckDB nor polars, and everything that does is a child too.
PROCESSES = multiprocessing.get_context("forkserver")
PRELOADED = [
    "resistance_assets.definitions",
    "resistance_assets.demo",
    "resistance_assets.commands.run",
    "numba",
    "duckdb",
]


class Runs:
    """Runs of the warehouse in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        PROCESSES.set_forkserver_preload(PRELOADED)

    def start(self, data_dir: Path, **settings: str):
        """Start `resistance run` on a data folder."""
        process = PROCESSES.Process(target=_run, args=(data_dir, self.log(data_dir), settings))
        process.start()
        return process

    def log(self, data_dir: Path) -> Path:
        return self.folder / f"{data_dir.name}.log"

    def finish(self, data_dir: Path, **settings: str) -> bool:
        """Run to the end."""
        process = self.start(data_dir, **settings)
        process.join(LONGEST_RUN_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return False
        return process.exitcode == 0


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


def _run(data_dir: Path, log: Path, settings: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("RESISTANCE_")]:
        del os.environ[name]
    os.environ.pop("DAGSTER_HOME", None)
    os.environ.update(RESISTANCE_DATA_DIR=str(data_dir), **settings)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)

    from resistance_assets.commands.run import bring_up_to_date
    from resistance_assets.orchestration.events import subscribe
    from resistance_assets.settings import load_settings

    at, began, started = data_dir / "at.txt", data_dir / "began.txt", time.monotonic()
    began.unlink(missing_ok=True)

    def on_event(event) -> None:
        if event.kind in ("started", "finished"):
            if not began.exists():
                began.write_text(str(time.monotonic() - started))
            at.write_text(f"{event.kind} {event.subject}")

    with subscribe(on_event):
        summary = bring_up_to_date(load_settings(), quiet=True)
    if not summary.ok:
        print(json.dumps(summary.as_document(), indent=1), flush=True)
        sys.exit(1)


def versions_published(data_dir: Path) -> tuple[int | None, dict[str, str]]:
    """Release and data version of every table of the published file; None where nothing was published."""
    from resistance_assets.warehouse.reader import open_warehouse

    if not (data_dir / "warehouse.duckdb").exists():
        return None, {}
    with contextlib.closing(open_warehouse(data_dir)) as connection:
        release = int(connection.execute("SELECT value FROM meta.facts WHERE name = 'release'").fetchall()[0][0])
        stated = connection.execute(
            "SELECT layer || '.' || table_name, data_version, row_count FROM meta.tables"
        ).fetchall()
        for address, _, rows in stated:
            layer, name = address.split(".", 1)
            counted = connection.execute(f'SELECT count(*) FROM "{layer}"."{name}"').fetchall()[0][0]
            if counted != rows:
                raise AssertionError(f"{address} has {counted} rows, {rows} are stated")
    return release, {address: version for address, version, _ in stated}


def leftovers(data_dir: Path) -> list[Path]:
    """Half-written files."""
    return [path for path in data_dir.rglob("*") if path.name.endswith(".aside") or ".aside." in path.name]


@dataclass(frozen=True)
class World:
    """What the runs are of: settings of the release before and of the one being made, and what they stand on."""

    before: dict[str, str]
    after: dict[str, str]
    demo: Path | None


def demo_world(folder: Path) -> World:
    """The demo; before, the same sources without the laboratory studies, so that the two releases differ."""
    demo = folder / "whole" / "demo"
    return World({"RESISTANCE_MIRROR": str(demo / "mirror")}, {"RESISTANCE_PROFILE": "demo"}, demo)


def small_world(folder: Path) -> World:
    """One small laboratory study, so that many kills fit into little time; before, nothing at all."""
    mirror, studies = write_small_world(folder / "world")
    before = {"RESISTANCE_MIRROR": str(mirror)}
    return World(before, {**before, "RESISTANCE_STUDIES": str(studies)}, None)


WORLDS = {"demo": demo_world, "small": small_world}


def soak(folder: Path, *, kills: int, seed: int, world: str = "demo", say=lambda text: None) -> Tally:
    """Kill runs until there were ``kills`` kills; everything below ``folder``."""
    made = WORLDS[world](folder)
    chance = random.Random(seed)
    runs = Runs(folder / "logs")
    whole, before = folder / "whole", folder / "before"
    if not runs.finish(whole, **made.after):
        raise RuntimeError(f"the demo does not run: {runs.log(whole).read_text()[-2000:]}")
    if not runs.finish(before, **made.before):
        raise RuntimeError(f"the release before does not run: {runs.log(before).read_text()[-2000:]}")
    _, before_versions = elsewhere(versions_published, before)

    def prepare(name: str) -> Path:
        data_dir = folder / name
        shutil.copytree(before, data_dir)
        if made.demo is not None:
            shutil.copytree(made.demo, data_dir / "demo")
        for table_version in [*data_dir.glob("lake/*/*/current.json"), *data_dir.glob("lake/*/*/memo/*.json")]:
            table_version.unlink()
        return data_dir

    unharmed = prepare("unharmed")
    started = time.monotonic()
    if not runs.finish(unharmed, **made.after):
        raise RuntimeError(f"the demo does not run: {runs.log(unharmed).read_text()[-2000:]}")
    full_seconds = time.monotonic() - started
    # Not those of `whole`: since which release a claim has its verdict is told by the release before.
    _, after_versions = elsewhere(versions_published, unharmed)
    known = {1: before_versions, 2: after_versions}
    planning_seconds = float((unharmed / "began.txt").read_text())
    shutil.rmtree(unharmed)
    say(f"one full run takes {full_seconds:.1f} s, {planning_seconds:.1f} s to its plan; {len(after_versions)} tables")

    tally = Tally()
    soak_started = time.monotonic()
    while tally.kills < kills and not tally.faults:
        tally.rounds += 1
        data_dir = prepare(f"round{tally.rounds}")
        for start in range(min(chance.randint(1, MOST_KILLS_PER_ROUND), kills - tally.kills)):
            process = runs.start(data_dir, **made.after)
            # What was done before the last kill is not done again, so a later start is over sooner.
            work_seconds = (full_seconds - planning_seconds) / (1 if start == 0 else 2)
            earliest = 0.0 if chance.random() < 0.25 else planning_seconds
            time.sleep(chance.uniform(earliest, planning_seconds + work_seconds))
            process.kill()
            process.join()
            if process.exitcode != -signal.SIGKILL:
                tally.too_late += 1
                break
            tally.kills += 1
            struck = data_dir / "at.txt"
            tally.struck[_phase(struck.read_text() if struck.exists() else "")] += 1
            struck.unlink(missing_ok=True)
            tally.most_leftovers = max(tally.most_leftovers, len(leftovers(data_dir)))
            release, problem = elsewhere(judge_killed, data_dir, known)
            tally.release_after_kill[release] += 1
            if problem:
                tally.faults.append(f"kill {tally.kills}: {problem}")
        if not runs.finish(data_dir, **made.after):
            tally.faults.append(f"round {tally.rounds}: did not complete: {runs.log(data_dir).read_text()[-1500:]}")
            break
        release, versions = elsewhere(versions_published, data_dir)
        if (release, versions) != (2, after_versions):
            wrong = [address for address in after_versions if versions.get(address) != after_versions[address]]
            tally.faults.append(f"round {tally.rounds}: ended with release {release}, other than it should: {wrong}")
        if left := leftovers(data_dir):
            tally.faults.append(f"round {tally.rounds}: left {len(left)} half-written files: {left[0]}")
        if extra := _unreferenced(data_dir):
            tally.faults.append(f"round {tally.rounds}: {len(extra)} files that nothing names: {extra[0]}")
        tally.restarts_completed += 1
        shutil.rmtree(data_dir)
        say(f"round {tally.rounds}: {tally.kills} kills, {time.monotonic() - soak_started:.0f} s")
    tally.seconds = time.monotonic() - soak_started
    return tally


def judge_killed(data_dir: Path, known: dict[int, dict[str, str]]) -> tuple[int | None, str]:
    """Release that a killed run left, and what is wrong with it."""
    from resistance_assets.warehouse.reader import open_warehouse

    try:
        release, versions = versions_published(data_dir)
        if release not in known or versions != known[release]:
            return release, f"the file is none of the known releases, but {release}"
        with contextlib.closing(open_warehouse(data_dir, 1)) as connection:
            connection.execute("SELECT count(*) FROM marts.gene_evidence").fetchall()
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return release, ""


def _unreferenced(data_dir: Path) -> list[Path]:
    """Parquet files that no pointer, memo or release names."""
    named = set()
    for path in [*data_dir.glob("lake/*/*/current.json"), *data_dir.glob("lake/*/*/memo/*.json")]:
        document = json.loads(path.read_text())
        layer, name = document["address"].split(".", 1)
        named.add(data_dir / "lake" / layer / name / f"{document['data_version']}.parquet")
    for path in data_dir.glob("releases/*.json"):
        tables = json.loads(path.read_text())["tables"].values()
        named |= {data_dir / name for table in tables for name in table["files"]}
    # Shares of release 1 are named by nothing here, because its pointers were taken away at the start.
    return [
        path for path in data_dir.glob("lake/*/*/*.parquet") if path not in named and path.parts[-3] != "parts"
    ]  # fmt: skip


def _phase(at: str) -> str:
    if not at:
        return "start"
    subject = at.split()[-1]
    return subject.split(".")[0] if "." in subject else subject


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", choices=sorted(WORLDS), default="demo")
    parser.add_argument("--folder", type=Path, help="kept where given, else a temporary one")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kill_points."))
    try:
        tally = soak(
            folder,
            kills=arguments.kills,
            seed=arguments.seed,
            world=arguments.world,
            say=lambda text: print(text, flush=True),
        )
        print(tally.as_text())
        return 0 if tally.ok else 1
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
