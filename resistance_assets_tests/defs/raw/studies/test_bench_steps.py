"""A change in one bench study recomputes the partitions of that study, and the unions that hold it, alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs import study_kinds
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import run_step
from resistance_assets_tests.defs.raw.studies.bench_folders import write_study

QPCR = 'wells = "wells.tsv"\nreference_gene = "GAPDH"\ncontrol = "siCtrl"\nreplicate_unit = "experiment"\n'
TWO_WAY = 'fields = "fields.tsv"\nreplicate_unit = "experiment"\n'
ASSAY = '[[assay]]\nid = "cck8"\nscale = "log"\n'
WELLS = "condition\tgene\tbiological_replicate\tct\n" + "".join(
    f"{condition}\t{gene}\t{day}\t{20 + day / 10 + shift * (1 + day / 100):.2f}\n"
    for condition, shift in (("siCtrl", 0.0), ("siCCL20", 2.0))
    for gene, shift in (("GAPDH", 0.0), ("CCL20", 5.0 + shift))
    for day in (1, 2, 3)
)
FIELDS = "assay\texperiment\tdrug\tligand\tvalue\n" + "".join(
    f"cck8\t{day}\t{drug}\t{ligand}\t{1.5 + day / 10 - 0.3 * (drug != 'none') + 0.02 * day * (ligand != 'none'):.3f}\n"
    for day in (1, 2, 3, 4)
    for drug in ("none", "crizotinib")
    for ligand in ("none", "CXCL2")
)
UNIONS = ("core.qpcr__samples", "core.qpcr__fold_changes", "core.assays__two_way", "raw.qpcr__wells")
OWN = ("__day_one", "__day_two", "__assays")


class Bench:
    """Two studies of one kind and one of another, and the steps that bring their tables up to date."""

    def __init__(self, root: Path) -> None:
        self.folder, self.lake = root / "studies", Lake(root / "lake")
        for name in ("day_one", "day_two"):
            self.write(name, QPCR, {"wells.tsv": WELLS}, "qpcr")
        self.write("assays", TWO_WAY, {"fields.tsv": FIELDS}, "two_way_assay", ASSAY)

    def write(self, name: str, study: str, files: dict[str, str | Path], kind: str, more: str = "") -> None:
        write_study(self.folder / name, study, files, kind=kind, more=more)
        toml = self.folder / name / "study.toml"
        toml.write_text(toml.read_text().replace('id = "bench"', f'id = "{name}"'))

    def run(self) -> set[str]:
        """Brings everything up to date; the tables and partitions that were computed."""
        computed = set()
        studies = [self.folder / name.removeprefix("__") for name in OWN]
        for step in study_kinds.steps(load_registry(studies)):
            if any(name.endswith(OWN) or name in UNIONS for name in step.outputs):
                results = run_step(self.lake, step)
                computed |= {name for name, result in results.items() if result.outcome == "built"}
        return computed

    def edit(self, name: str, file: str, before: str, after: str) -> None:
        path = self.folder / name / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    first = made.run()
    assert set(UNIONS) <= first
    assert {f"parts.qpcr__fold_changes__{name}" for name in ("day_one", "day_two")} <= first
    assert made.run() == set(), "nothing changed"
    return made


def test_a_changed_well_recomputes_its_study_and_the_unions_of_its_kind(bench: Bench):
    bench.edit("day_one", "wells.tsv", "siCCL20\tCCL20\t1\t27.17", "siCCL20\tCCL20\t1\t27.67")
    computed = bench.run()
    assert "parts.qpcr__fold_changes__day_one" in computed
    assert "core.qpcr__fold_changes" in computed
    assert not [name for name in computed if name.endswith(("day_two", "assays"))]
    assert "core.assays__two_way" not in computed
    changed = bench.lake.read("core.qpcr__fold_changes").select("study_id", "fold_change").rows()
    assert dict(changed)["day_two"] == pytest.approx(0.25, rel=0.05)
    assert dict(changed)["day_one"] < 0.95 * dict(changed)["day_two"]


def test_a_file_that_says_the_same_in_other_bytes_is_read_and_nothing_follows(bench: Bench):
    bench.edit("day_one", "wells.tsv", "27.17", "27.170")
    computed = bench.run()
    assert computed
    assert all(name.startswith("parts.qpcr__wells") or name.endswith("__day_one") for name in computed)
    assert not [name for name in computed if "fold_changes" in name or name in UNIONS]


def test_a_changed_question_recomputes_its_study_alone(bench: Bench):
    bench.edit("day_two", "study.toml", 'replicate_unit = "experiment"\n', "")
    computed = bench.run()
    assert "parts.qpcr__fold_changes__day_two" in computed
    assert not [name for name in computed if name.endswith(("day_one", "assays"))]
    p = dict(bench.lake.read("core.qpcr__fold_changes").select("study_id", "welch_p").rows())
    assert p["day_two"] is None
    assert p["day_one"] is not None


def test_a_changed_title_recomputes_nothing(bench: Bench):
    bench.edit("assays", "study.toml", 'title = "Bench"', 'title = "Viability with CXCL2"')
    assert bench.run() == set()
