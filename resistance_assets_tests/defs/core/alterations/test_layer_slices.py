"""Cohorts of two study folders with every layer: what their tables hold, and that a change of one leaves the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.lab_study.rows import samples_as_table
from resistance_assets.connectors.lab_study.study import read_counts_study
from resistance_assets.defs.core.alterations.layer_slices import slice_address
from resistance_assets.defs.raw.studies.lab_layers import LAYER_TABLES, layers_as_tables
from resistance_assets.orchestration.lake import Lake
from resistance_assets_tests.cohort_lake import alteration_steps, cohort_targets, put_raw, read_tables, run_upstream

STUDY = """
[study]
id = "{name}"
title = "A cohort with layers"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[survival]
unit = "months"
endpoint = "PFS"
patient_column = "patient"

[[survival.stratum]]
id = "egfr_mutant"
title = "EGFR mutated"
altered = ["EGFR:mutation"]
min_patients = 5
min_events = 2

[mutations]
file = "mutations.csv"
columns = {{ sample_id = "tumour", hugo_symbol = "locus" }}
[fusions]
file = "fusions.tsv"
[copy_number_calls]
file = "calls.tsv"
[copy_number_log2]
file = "log2.tsv"
[methylation]
file = "beta.tsv"
gene_column = "symbol"
[protein]
file = "rppa.tsv"
[sequenced]
samples = "sequenced.tsv"
megabases = 2.0
"""
N = 24
SAMPLES = [f"S{at:02d}" for at in range(N)]


def lines(head: str, rows: list[list[object]], mark: str = "\t") -> str:
    return head + "\n" + "".join(mark.join(map(str, row)) + "\n" for row in rows)


def write_cohort(folder: Path, name: str, *, kras: int = 4) -> None:
    """A cohort whose MET follows its copy number; EGFR is mutated in twelve, KRAS in ``kras`` of the first twenty."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(name))
    copies = np.tile([2, 1, 0, -2], N // 4)
    counts = {gene: rng.integers(100, 900, N) for gene in ("EGFR", "KRAS", "GAS6", "AXL", "ALK", "EML4")}
    counts["GAPDH"] = np.full(N, 90_000)
    counts["MET"] = 200 + 150 * (copies + 2) + rng.integers(0, 9, N)
    columns = "\t".join(SAMPLES)
    beta = np.round((counts["GAS6"].max() - counts["GAS6"]) / 1000, 3)
    files = {
        "study.toml": STUDY.format(name=name),
        "counts.tsv": lines(f"gene\t{columns}", [[gene, *row] for gene, row in counts.items()]),
        "samples.tsv": lines(
            "sample_id\tpatient\ttime\tevent", [[s, f"P{s[1:]}", 3 + at, at % 2] for at, s in enumerate(SAMPLES)]
        ),
        "mutations.csv": lines(
            "tumour,locus,variant_classification,protein_change",
            [[s, "EGFR", "Missense_Mutation", "p.L858R"] for s in SAMPLES[:12]]
            + [[s, "KRAS", "Missense_Mutation", "p.G12C"] for s in SAMPLES[20 - kras : 20]],
            ",",
        ),
        "fusions.tsv": lines("sample_id\tgene1\tgene2", [[SAMPLES[19], "EML4", "ALK"]]),
        "calls.tsv": lines(f"gene\t{columns}", [["MET", *copies]]),
        "log2.tsv": lines(f"gene\t{columns}", [["MET", *np.round(copies / 2 + 0.01, 2)]]),
        "beta.tsv": lines(f"probe\tsymbol\t{columns}", [["cg01", "GAS6", *beta]]),
        "rppa.tsv": lines(f"antibody\t{columns}", [["AXL|AXL_pY702", *np.round(counts["AXL"] / 100, 2)]]),
        "sequenced.tsv": lines("sample_id", [[s] for s in SAMPLES[:20]]),
    }
    for file, text in files.items():
        (folder / file).write_text(text)


def load_world(root: Path, lake: Lake) -> Registry:
    """The two cohorts' files as raw tables of the lake, and a registry of them alone."""
    whole = load_registry([root])
    registry = replace(whole, cohorts={}, public_studies={}, projects={})
    tables: dict[str, list[pl.DataFrame]] = {name: [] for name in LAYER_TABLES}
    tables |= {"raw.studies__gene_sample_counts": [], "raw.studies__samples": []}
    for local in registry.local_studies.values():
        found = read_counts_study(local)
        given = {"study_id": pl.lit(local.id)}
        long = found.counts.unpivot(index="feature_id", variable_name="sample_id", value_name="read_count")
        tables["raw.studies__gene_sample_counts"].append(long.with_columns(**given))
        tables["raw.studies__samples"].append(samples_as_table(found.samples, local.id))
        layers = layers_as_tables(local)
        assert layers.pop("raw.rejected_rows").is_empty()
        for name, frame in layers.items():
            tables[name].append(frame)
    put_raw(lake, registry, tables)
    return registry


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Lake, Registry]:
    root = tmp_path_factory.mktemp("two_cohorts")
    for name in ("one", "another"):
        write_cohort(root / "studies" / name, name)
    lake = Lake(root / "lake")
    registry = load_world(root / "studies", lake)
    run_upstream(lake, alteration_steps(registry), [t for name in ("one", "another") for t in cohort_targets(name)])
    return root / "studies", lake, registry


def test_a_cohort_of_a_study_folder_has_every_layer(world):
    found = read_tables(world[1], "one")
    layers = {row["layer"]: row["n_patients"] for row in found["core.alterations__layers"].iter_rows(named=True)}
    assert layers == {
        "mutations": 20,
        "fusions": 20,
        "copy_number": N,
        "log2_copy_number": N,
        "methylation": N,
        "protein": N,
    }
    shares = {
        (row["hgnc_symbol"], row["alteration_class"]): (row["n_altered"], row["n_profiled"])
        for row in found["core.alterations__gene_frequencies"].filter(stratum_id="all").iter_rows(named=True)
    }
    assert shares["EGFR", "mutation"] == (12, 20)
    assert shares["KRAS", "mutation"] == (4, 20)
    assert shares["ALK", "fusion"] == (1, 20)
    assert shares["MET", "amplification"] == (6, N)
    patients = found["core.alterations__patients"]
    assert patients["mutations_per_megabase"].max() == 0.5
    assert patients["patient_id"][0] == "P00"


def test_layers_of_a_study_folder_are_held_against_its_own_expression(world):
    effects = {
        row["layer"]: row for row in read_tables(world[1], "one")["core.alterations__cis_effects"].iter_rows(named=True)
    }
    assert set(effects) == {"copy_number", "log2_copy_number", "methylation", "protein"}
    assert effects["copy_number"]["rho"] > 0.9
    assert effects["methylation"]["feature_id"] == "cg01"
    assert effects["methylation"]["rho"] < -0.9
    assert effects["protein"]["hgnc_symbol"] == "AXL"
    assert all(row["is_as_expected"] for row in effects.values())


def test_a_stratum_of_a_study_folder_is_screened_with_its_numbers(world):
    found = read_tables(world[1], "one")
    (row,) = found["core.alterations__strata"].iter_rows(named=True)
    assert (row["stratum_id"], row["n"], row["events"], row["status"]) == ("egfr_mutant", 12, 6, "screened")
    assert set(found["core.alterations__stratum_survival"]["n"]) == {12}


def test_a_change_of_one_cohort_recomputes_the_alterations_of_that_one_alone(world):
    studies, lake, _ = world
    write_cohort(studies / "one", "one", kras=6)
    registry = load_world(studies, lake)
    targets = {name: cohort_targets(name) for name in ("one", "another")}
    outcomes = run_upstream(lake, alteration_steps(registry), [t for own in targets.values() for t in own])
    assert {outcomes[target] for target in targets["one"]} == {"built"}
    assert {outcomes[target] for target in targets["another"]} == {"cache hit"}
    # The slices of the other are cut again, and say the same.
    assert outcomes[slice_address("parts.cohorts__mutations", "another")] == "built"
    shares = read_tables(lake, "one")["core.alterations__gene_frequencies"]
    assert shares.filter(hgnc_symbol="KRAS", alteration_class="mutation", stratum_id="all")["n_altered"].item() == 6


def test_slices_have_the_columns_of_their_tables(world):
    for name in ("parts.cohorts__layer_values", "parts.cohorts__layer_patients", "parts.cohorts__mutations"):
        frame = world[1].read(slice_address(name, "another"))
        assert frame.schema == TABLES[name].polars_schema
        assert frame.height
