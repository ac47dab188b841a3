"""A study kind that is registered from outside is read, computed, checked and listed like the others."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.catalog.models.lab_study import StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import STUDY_KINDS, StudyKind, register_study_kind
from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.catalog.tables import TABLES, TableModel, col, published_tables, table
from resistance_assets.defs import study_kinds
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import ExternalInput, StepFailed, run_step
from resistance_assets.orchestration.table_steps import table_step

WELLS = "core.toy_wells__signals"


class ToyStudy(StudyEntry):
    wells: str


class ToyFile(StudyFile):
    study: ToyStudy

    def files(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.study.wells,)


def read_toy(local) -> pl.DataFrame:
    wells = pl.read_csv(local.files[0], separator="\t")
    return wells.select(pl.lit(local.id).alias("study_id"), "well", pl.col("signal").cast(pl.Float64))


def toy_steps(local, registry):
    partition = partition_of(WELLS, local.id)
    files = {path.name: ExternalInput(path.read_text(), path) for path in local.files}

    def compute(inputs) -> pl.DataFrame:
        return read_toy(local)

    return [table_step(outputs={partition: TABLES[WELLS]}, compute=compute, external_inputs=lambda _: files)]


@pytest.fixture
def toy_kind():
    @table(WELLS, grain="one row per study and well", key=("study_id", "well"), limitation="a signal is no viability")
    class ToyWells(TableModel):
        """Signals of wells."""

        study_id: pl.String = col("study", of="source")
        well: pl.String = col("well", of="source")
        signal: pl.Float64 = col("signal", unit="counts", of="source", ge=0)

    kind = StudyKind(
        name="toy_wells",
        title="wells of a plate",
        model=ToyFile,
        reader=f"{__name__}:read_toy",
        steps=f"{__name__}:toy_steps",
        tables=(WELLS,),
    )
    yield register_study_kind(kind)
    del STUDY_KINDS[kind.name], TABLES[WELLS]


def study(folder: Path, kind: str = "toy_wells", signal: float = 7.5) -> Path:
    folder.mkdir()
    (folder / "study.toml").write_text(
        f'[study]\nid = "plate"\ntitle = "A plate"\norganism = "Homo sapiens"\nkind = "{kind}"\nwells = "wells.tsv"\n'
    )
    (folder / "wells.tsv").write_text(f"well\tsignal\nA1\t{signal}\nA2\t0\n")
    return folder


@pytest.mark.slow
def test_a_study_of_a_new_kind_is_computed_and_its_table_is_published(toy_kind, tmp_path: Path):
    registry = load_registry([study(tmp_path / "plate")])
    assert registry.study_faults == ()
    assert registry.local_studies["plate"].kind is toy_kind
    assert not [c for c in registry.contrasts() if c.study_id == "plate"], "a kind without methods has no contrasts"
    assert "plate" not in {one.id for one in registry.measured_studies()}
    steps = {name: step for step in study_kinds.steps(registry) for name in step.outputs}
    lake = Lake(tmp_path / "lake")
    run_step(lake, steps["parts.toy_wells__signals__plate"])
    made = run_step(lake, steps[WELLS])[WELLS]
    assert made.outcome == "built"
    assert {check_result.name for check_result in made.check_results} >= {"schema", "primary_key"}
    assert lake.read(WELLS).sort("well").rows() == [("plate", "A1", 7.5), ("plate", "A2", 0.0)]
    assert WELLS in {one.address for one in published_tables()}


def test_the_table_of_a_new_kind_is_checked_before_it_is_written(toy_kind, tmp_path: Path):
    registry = load_registry([study(tmp_path / "plate", signal=-1)])
    steps = {name: step for step in study_kinds.steps(registry) for name in step.outputs}
    lake = Lake(tmp_path / "lake")
    with pytest.raises(StepFailed):
        run_step(lake, steps["parts.toy_wells__signals__plate"])
    assert lake.current("parts.toy_wells__signals__plate") is None


def test_without_a_study_of_the_kind_its_table_is_empty(toy_kind, tmp_path: Path):
    steps = {name: step for step in study_kinds.steps(load_registry()) for name in step.outputs}
    assert run_step(Lake(tmp_path / "lake"), steps[WELLS])[WELLS].table_version.rows == 0


def test_an_unknown_kind_names_the_kinds_and_the_nearest_one(toy_kind, tmp_path: Path):
    with pytest.raises(CatalogFault, match=r"toy_wells.*\). Set it to toy_wells\."):
        load_local_study(study(tmp_path / "plate", kind="toy_well"))


def test_a_kind_is_registered_once(toy_kind):
    with pytest.raises(ValueError, match="twice"):
        register_study_kind(toy_kind)
