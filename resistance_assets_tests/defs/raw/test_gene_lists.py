"""Published gene lists: every declared one has a reader, and what its licence withholds is read once it is accepted."""

from __future__ import annotations

from pathlib import Path

from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.raw.gene_lists import GENE_LIST_READERS, gene_list_step
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import ExternalInput, run_step


class OneFile:
    """A place that has one file, whatever source is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fetch(self, source) -> ExternalInput:
        return ExternalInput("checksum", self.path)


def test_every_list_has_a_reader_and_a_source_of_its_own():
    registry = load_registry()
    sources = [one.source for one in registry.gene_lists.values()]
    assert len(set(sources)) == len(sources)
    assert {registry.sources[source].connector for source in sources} <= set(GENE_LIST_READERS)


def test_oncokb_is_a_list_that_waits_for_its_licence_to_be_accepted(shared, tmp_path):
    registry = load_registry()
    declared = registry.gene_lists["oncokb_cancer_genes"]
    source = registry.sources[declared.source]
    assert source.opt_in
    path = shared / "samples" / "oncokb" / "cancerGeneList_2022-05-05.head.tsv"
    lake, own = Lake(tmp_path), partition_of("raw.gene_lists__members", declared.id)
    made = run_step(lake, gene_list_step(declared.id, source), origins=OneFile(path))
    assert made[own].outcome == "built"
    members = lake.read(own)
    assert members.height == 8
    assert members["list_id"].unique().to_list() == ["oncokb_cancer_genes"]
    assert members["symbol"].null_count() == 0
