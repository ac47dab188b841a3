"""Readers in a loop while releases are published. Not a test: run by hand.

    python -m resistance_assets_tests.soak.readers --readers 64 --publishes 20

Every table of release n holds the number n, so that an answer which mixes two releases shows it. A reader opens the
file, asks for the release and for both tables in one question and in three, closes it, and begins again.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import pandera.polars as pa
import polars as pl

from resistance_assets.catalog.tables import Table, col
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.reader import open_warehouse, run_query

PROCESSES = multiprocessing.get_context("forkserver")
ROWS = 20_000


class Values(pa.DataFrameModel):
    gene: pl.String = col("gene's symbol")
    value: pl.Int64 = col("number of the release")


def publish_release(data_dir: Path, number: int) -> int:
    """Publish two tables that hold ``number``."""
    lake = Lake(data_dir / "lake")
    frame = pl.DataFrame({"gene": [f"G{at:06d}" for at in range(ROWS)], "value": [number] * ROWS})
    publications = []
    for layer, name in (("core", "one"), ("marts", "two")):
        table = Table(layer, name, "one row per gene", ("gene",), "that it is real", (), 0, Values, "Described.")
        version = lake.write(table.address, frame)
        table_version = TableVersion(table.address, "available", version, "c", "p", {}, ROWS, "2026-01-01", "run", 0.0)
        publications.append(Publication(table, table_version, [lake.path(table.address, version)], {}))
    return publish(data_dir, publications, meta={}, code_revision="1", settings={}).release


def read_in_a_loop(data_dir: Path, stop, answers, mixed, errors, releases, at: int) -> None:
    """Ask until told to stop, and count."""
    question = (
        "SELECT (SELECT value::BIGINT FROM meta.facts WHERE name = 'release') AS release, "
        "(SELECT min(value) FROM core.one) AS a, (SELECT max(value) FROM core.one) AS b, "
        "(SELECT min(value) FROM marts.two) AS c, (SELECT max(value) FROM marts.two) AS d"
    )
    seen = set()
    while not stop.is_set():
        try:
            with contextlib.closing(open_warehouse(data_dir)) as connection:
                found = set(run_query(connection, question).row(0))
                found.add(run_query(connection, "SELECT max(value) FROM core.one").item())
                found.add(run_query(connection, "SELECT max(value) FROM marts.two").item())
            answers[at] += 3
            mixed[at] += len(found) != 1
            seen |= found
        except Exception as error:
            errors[at] += 1
            print(f"{type(error).__name__}: {error}", flush=True)
            return
    releases[at] = len(seen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--readers", type=int, default=64)
    parser.add_argument("--publishes", type=int, default=20)
    arguments = parser.parse_args()
    PROCESSES.set_forkserver_preload(["resistance_assets.warehouse.publish", "resistance_assets.warehouse.reader"])
    with tempfile.TemporaryDirectory(prefix="readers.") as folder:
        data_dir = Path(folder)
        first = PROCESSES.Process(target=publish_release, args=(data_dir, 1))
        first.start()
        first.join()
        if first.exitcode != 0:
            return 1
        stop = PROCESSES.Event()
        counts = [PROCESSES.Array("q", arguments.readers) for _ in range(4)]
        readers = [
            PROCESSES.Process(target=read_in_a_loop, args=(data_dir, stop, *counts, at))
            for at in range(arguments.readers)
        ]
        for reader in readers:
            reader.start()
        while any(answers + errors == 0 for answers, errors in zip(counts[0], counts[2], strict=True)):
            time.sleep(0.1)
        started = time.monotonic()
        for number in range(2, arguments.publishes + 2):
            publisher = PROCESSES.Process(target=publish_release, args=(data_dir, number))
            publisher.start()
            publisher.join()
            if publisher.exitcode != 0:
                print(f"publish {number} failed", flush=True)
                counts[2][0] += 1
        seconds = time.monotonic() - started
        stop.set()
        for reader in readers:
            reader.join()
        answers, mixed, errors, releases = (list(count) for count in counts)
    print(
        f"{arguments.readers} readers, {arguments.publishes} publishes in {seconds:.1f} s: {sum(answers):,} answers, "
        f"{sum(mixed)} of mixed releases, {sum(errors)} errors; "
        f"a reader saw {min(releases)} to {max(releases)} releases"
    )
    return 0 if not sum(mixed) and not sum(errors) else 1


if __name__ == "__main__":
    sys.exit(main())
