"""The asset graph, as a whole, against a snapshot; and that it loads with nothing at hand.

After a wanted change: WRITE_SNAPSHOT=1 pytest resistance_assets_tests/defs/test_graph.py, and read the diff.
"""

from __future__ import annotations

import graphlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets_tests.warehouse_runs import environment

SNAPSHOT = Path(__file__).with_name("asset_graph.json")
STUDY = """
[study]
id = "graph_study"
title = "A study for the graph"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "graph_resistant_vs_parental"
factor = "condition"
numerator = "resistant"
denominator = "parental"
methods = ["pydeseq2", "fold_change"]
"""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    from resistance_assets.commands.run import load_definitions

    root = tmp_path_factory.mktemp("graph")
    study = root / "studies" / "graph_study"
    study.mkdir(parents=True)
    (study / "study.toml").write_text(STUDY)
    for name in ("counts.tsv", "samples.tsv"):
        (study / name).touch()
    with environment(root / "data", mirror=root, studies=[root / "studies"]):
        yield load_definitions()


@pytest.mark.slow
def test_the_graph_is_the_one_of_the_snapshot(definitions):
    found = {}
    for spec in definitions.resolve_all_asset_specs():
        found["/".join(spec.key.path)] = {
            "deps": sorted("/".join(dep.asset_key.path) for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
        }
    if os.environ.get("WRITE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_table_of_the_catalog_has_an_asset_with_schema_description_and_owner(definitions):
    from resistance_assets.catalog.tables import published_tables

    specs = {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}
    for table in published_tables():
        spec = specs[f"{table.layer}/{table.name}"]
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in table.columns]
        assert table.grain in spec.description
        assert table.limitation in spec.description
        assert spec.code_version
        assert spec.owners
        assert spec.kinds


def test_the_columns_of_an_asset_name_the_columns_that_they_come_from(definitions):
    specs = {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}
    columns = {
        column.name: column.description
        for column in specs["marts/gene_evidence"].metadata["dagster/column_schema"].columns
    }
    assert "[from marts.survival_by_gene.hazard_ratio_median_split]" in columns["os_hazard_ratio"]
    screen = specs["core/survival__cohort_endpoint_genes"].metadata["dagster/column_schema"].columns
    assert all("[from " in column.description for column in screen if column.name == "hazard_ratio")


def test_groups_of_the_ui_form_no_circle(definitions):
    """So that the collapsed graph reads from left to right."""
    specs = list(definitions.resolve_all_asset_specs())
    group_of = {spec.key: spec.group_name for spec in specs}
    upstream: dict[str, set[str]] = {group: set() for group in group_of.values()}
    for spec in specs:
        upstream[spec.group_name] |= {group_of[dep.asset_key] for dep in spec.deps} - {spec.group_name}
    order = tuple(graphlib.TopologicalSorter(upstream).static_order())  # raises CycleError and names the circle
    assert order[0] == "sources" or "sources" in order[:3]
    assert order[-1] in ("release", "claims")
    assert {"cohorts", "studies", "genes_and_gene_sets", "differential_expression", "survival"} <= set(order)


def test_a_partition_stands_in_the_group_of_its_table_and_links_to_it(definitions):
    specs = {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}
    linked = {
        name: spec.metadata["partition_of"].value for name, spec in specs.items() if "partition_of" in spec.metadata
    }
    assert len(linked) > 50
    for name, table in linked.items():
        assert name.startswith("parts/")
        assert specs[name].group_name == specs["/".join(table.path)].group_name
        assert specs[name].description.startswith(f"Partition of `{'.'.join(table.path)}`")


def test_a_description_opens_with_prose_and_ends_with_the_query(definitions):
    specs = {"/".join(spec.key.path): spec for spec in definitions.resolve_all_asset_specs()}
    text = specs["marts/gene_evidence"].description
    assert not text.startswith("```")
    assert text.index("**Grain:**") < text.index("**Read by:**") < text.index("```sql")


def test_every_asset_is_checked_before_it_is_written(definitions):
    checked = {key.asset_key for key in definitions.resolve_asset_graph().asset_check_keys}
    for spec in definitions.resolve_all_asset_specs():
        if spec.key.path[0] != "source":
            assert spec.key in checked, spec.key


def test_the_definitions_are_loadable(definitions):
    import dagster as dg

    dg.Definitions.validate_loadable(definitions)


@pytest.mark.slow
def test_loading_needs_no_network_no_data_and_opens_nothing(tmp_path):
    """In a process of its own, in which every attempt to connect or to open a database file is an error."""
    code = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("a connection at load time")
socket.socket.connect = refuse
import duckdb
in_memory = duckdb.connect
duckdb.connect = lambda *args, **kwargs: refuse() if args or kwargs else in_memory()
from resistance_assets.commands.run import load_definitions
definitions = load_definitions()
print(len(list(definitions.resolve_all_asset_specs())))
"""
    environ = {**os.environ, "RESISTANCE_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 80
    assert not (tmp_path / "data").exists()


def test_the_workspace_file_names_this_code_location():
    root = Path(__file__).resolve().parents[2]
    assert "resistance_assets.definitions" in (root / "workspace.yaml").read_text()
