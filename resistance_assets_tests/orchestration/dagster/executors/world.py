"""A few tables of three small studies, one of them broken, and what one process makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from resistance_assets.commands.run import bring_up_to_date
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.run_outcome import Launch
from resistance_assets.settings import load_settings
from resistance_assets_tests.small_world import write_small_world
from resistance_assets_tests.warehouse_runs import environment

GOOD, BROKEN = ("small", "second"), "broken"
TABLES = (
    *(f"parts.studies__gene_sample_counts__{study}" for study in (*GOOD, BROKEN)),
    "raw.studies__gene_sample_counts",
    "raw.studies__samples",
)
"""Two steps that wait for nothing, one that fails, and two unions that rest on all three."""


def write_world(folder: Path) -> tuple[Path, Path]:
    """Mirror, folder of studies."""
    mirror, studies = write_small_world(folder)
    for study in (GOOD[1], BROKEN):
        (studies / study).mkdir(exist_ok=True)
        for path in (studies / "small").iterdir():
            (studies / study / path.name).write_text(path.read_text().replace("small", study))
    counts = studies / BROKEN / "counts.tsv"
    counts.write_text(counts.read_text().replace("GENE07\t", "GENE07\tmany", 1))
    return mirror, studies


def build(tables: Sequence[str] = TABLES) -> Launch:
    """The tables, by the executor and into the folder that the environment of the block says."""
    return bring_up_to_date(load_settings(), addresses=tables, quiet=True).launch


def settings_of_world(world: tuple[Path, Path], data_dir: Path) -> AbstractContextManager[None]:
    """The world's settings for a block."""
    return environment(data_dir, mirror=world[0], studies=[world[1]])


def versions_of(data_dir: Path) -> dict[str, str]:
    lake = Lake(data_dir / "lake")
    return {
        address: version.data_version for address in lake.addresses() if (version := lake.current(address)) is not None
    }
