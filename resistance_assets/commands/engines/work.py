"""What `work` does: run the steps of some tables in this process, without Dagster, and answer in lines of JSON."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from resistance_assets.commands.run import prepare
from resistance_assets.commands.run_lock import run_lock

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

STANDARD_INPUT = "-"


def do_work(settings: Settings, addresses: list[str], *, run_id: str = "") -> bool:
    """Run the steps of these tables, or of those that stand on standard input, a line each, as they come.

    Args:
        settings: of the data folder.
        addresses: `layer.table`, in any order; `-` alone: standard input, in the order given.
        run_id: recorded with what is built.

    Returns:
        Whether every step went through.
    """
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry, open_origins
    from resistance_assets.orchestration.lake import open_lake
    from resistance_assets.orchestration.workers.answers import as_line
    from resistance_assets.orchestration.workers.worker import in_order, work_through

    answers, went_through = sys.stdout, True
    # Answers alone go to standard output; whatever else prints must not stand between them.
    with contextlib.redirect_stdout(sys.stderr):
        prepare(settings)
        # What is taken from the lake is the same for every folder, and a job may share that of the run it belongs to.
        with contextlib.nullcontext() if settings.is_from_lake else run_lock(settings, waiting=print):
            steps = load_steps(current_registry())
            is_group = addresses != [STANDARD_INPUT]
            wanted = in_order(steps, addresses) if is_group else _asked(sys.stdin)
            lake, origins = open_lake(settings.data_dir), open_origins(settings, stages=True)
            for work in work_through(lake, steps, origins, wanted, run_id=run_id, is_group=is_group):
                print(as_line(work), file=answers, flush=True)
                went_through = went_through and work.error is None
    return went_through


def _asked(stream: TextIO) -> Iterator[str]:
    for line in iter(stream.readline, ""):
        if address := line.strip():
            yield address
