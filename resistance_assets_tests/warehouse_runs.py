"""Running the warehouse in a test: settings through the environment, in this process, into a folder of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from resistance_assets.commands.run import Summary, bring_up_to_date
from resistance_assets.settings import load_settings
from resistance_assets.warehouse.reader import open_warehouse, run_query


@contextlib.contextmanager
def environment(
    data_dir: Path, *, mirror: Path | None = None, studies: Sequence[Path] = (), sets: str | None = None
) -> Iterator[None]:
    """Settings for the length of the block; whatever the caller's environment says of the warehouse is set aside."""
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("RESISTANCE_")]:
            if name not in ("RESISTANCE_REQUIRE_SHARED", "RESISTANCE_SHARED_DIR"):
                del os.environ[name]
        os.environ.pop("DAGSTER_HOME", None)
        os.environ["RESISTANCE_DATA_DIR"] = str(data_dir)
        # Pages take seconds that a test of tables does not need; the tests of the report write them themselves.
        os.environ["RESISTANCE_REPORT"] = "false"
        # Tests run side by side already: worker processes would take the cores from one another.
        os.environ["RESISTANCE_JOBS"] = "1"
        if mirror is not None:
            os.environ["RESISTANCE_MIRROR"] = str(mirror)
        if studies:
            os.environ["RESISTANCE_STUDIES"] = os.pathsep.join(str(path) for path in studies)
        if sets is not None:
            os.environ["RESISTANCE_SETS"] = sets
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_warehouse(
    data_dir: Path,
    *,
    mirror: Path | None = None,
    studies: Sequence[Path] = (),
    sets: str | None = None,
    select: str | None = None,
) -> Summary:
    """`resistance run`, with `--select` where something is selected, in this process."""
    with environment(data_dir, mirror=mirror, studies=studies, sets=sets):
        return bring_up_to_date(load_settings(), select=select, quiet=True)


def ask(data_dir: Path, query: str, release: int | None = None) -> pl.DataFrame:
    """`resistance sql`."""
    with contextlib.closing(open_warehouse(data_dir, release)) as connection:
        return run_query(connection, query)
