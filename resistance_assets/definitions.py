"""The code location: everything in `defs/`, nothing else."""

from pathlib import Path

import dagster as dg

from resistance_assets.orchestration.sqlite_tuning import quicken_records
from resistance_assets.orchestration.table_assets import STEPS


@dg.definitions
def defs() -> dg.Definitions:
    quicken_records()  # of runs that the UI launches, too
    STEPS.clear()  # of another load in this process, with other studies
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent / "defs")
