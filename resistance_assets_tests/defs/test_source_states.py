"""What is known of each source: what it feeds, which file of which study was read, and whom a failure is blamed on."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.source_states import feeds_of, state_of_sources
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import ExternalInput, run_step
from resistance_assets.orchestration.table_steps import table_step

LISTS, REJECTED = TABLES["raw.gene_lists__members"], TABLES["raw.rejected_rows"]
OF_LIST = partition_of(LISTS.address, "x")
STUDY = """
[study]
id = "led"
title = "A study"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "led_a_vs_b"
factor = "condition"
numerator = "a"
denominator = "b"
methods = ["fold_change"]
"""


def test_a_source_feeds_the_tables_whose_partitions_are_read_from_it():
    outputs = {OF_LIST: LISTS, rejected_of(OF_LIST): REJECTED}
    step = table_step(outputs=outputs, compute=dict, code_version="v1", sources=["host"])
    assert feeds_of(dict.fromkeys(outputs, step)) == {"host": (LISTS.address,)}


def test_a_file_that_a_contrast_reads_is_known_by_its_study(tmp_path):
    folder = tmp_path / "studies" / "led"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY)
    for name in ("counts.tsv", "samples.tsv"):
        (folder / name).touch()
    registry, lake = load_registry([tmp_path / "studies"]), Lake(tmp_path / "lake")
    assert "led" in registry.local_studies, registry.study_faults
    lengths = ExternalInput("abc", Path("lengths.tsv"), {"study": "led", "file": "lengths.tsv", "bytes": 3})
    step = table_step(
        outputs={partition_of("parts.deg__features", "led_a_vs_b", "fold_change"): LISTS},
        compute=lambda inputs: LISTS.empty(),
        code_version="v1",
        external_inputs=lambda origins: {"gene_lengths": lengths},
    )
    run_step(lake, step, origins=None)
    states = state_of_sources(registry, lake).filter(pl.col("connector") == "local_study")
    assert states.select("source_id", "sha256", "state").rows() == [("led/lengths.tsv", "abc", "loaded")]


def test_a_source_whose_id_begins_another_ones_is_not_blamed(tmp_path):
    registry, lake = load_registry(), Lake(tmp_path)
    longer = max(registry.sources, key=len)
    shorter = longer[:-1]
    registry.sources[shorter] = registry.sources[longer].model_copy(update={"id": shorter})

    def lacking(origins):
        raise SourceUnavailable("the host is away", subject=longer, remedy="Wait.")

    step = table_step(
        outputs={OF_LIST: LISTS}, compute=dict, code_version="v1", external_inputs=lacking, sources=[longer]
    )
    run_step(lake, step, origins=None)
    reasons = dict(state_of_sources(registry, lake).select("source_id", "reason").iter_rows())
    assert "the host is away" in reasons[longer]
    assert "the host is away" not in reasons[shorter]


def test_what_an_earlier_version_read_under_another_name_says_nothing_of_a_source(tmp_path):
    registry, lake = load_registry(), Lake(tmp_path)
    source = next(iter(registry.sources))
    step = table_step(
        outputs={"parts.gene_list__x": LISTS},
        compute=lambda inputs: LISTS.empty(),
        code_version="v1",
        external_inputs=lambda origins: {source: ExternalInput("abc", Path("x"), {"bytes": 3})},
    )
    run_step(lake, step, origins=None)
    states = dict(state_of_sources(registry, lake).select("source_id", "state").iter_rows())
    assert states[source] == "unavailable"
