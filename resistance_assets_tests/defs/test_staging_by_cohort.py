"""Staging tables of matrices, one cohort at a time: the rows of all cohorts at once, and no work for the others."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs import sql
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.sql_models import run_model
from resistance_assets.orchestration.steps import StepFailed, run_step
from resistance_assets.orchestration.table_steps import sql_models
from resistance_assets_tests.cohort_lake import put, run_upstream

COPY_NUMBER, VALUES = "staging.cohorts__gene_copy_number", "raw.cbioportal__copy_number_values"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def rows_of(address: str, **columns: list) -> pl.DataFrame:
    """Rows of a table with these columns, and something of its type in the others."""
    table = TABLES[address]
    height = len(next(iter(columns.values())))
    filler = {pl.String: "x", pl.Int64: 1, pl.Float64: 0.5, pl.Boolean: True}
    values = {
        one.name: columns.get(one.name, [None if one.nullable else filler[one.dtype.base_type()]] * height)
        for one in table.columns
    }
    return pl.DataFrame(values, schema=table.polars_schema)


GENES = ["AXL", "EGFR", "MET"]


def world(cohorts: tuple[str, ...]) -> dict[str, pl.DataFrame]:
    """Everything that the models of copy number read, by name of the table or of the cohort's partition."""
    each = [(cohort, patient) for cohort in cohorts for patient in ("P1", "P2")]
    genes = [(cohort, number, gene) for cohort in cohorts for number, gene in enumerate(GENES, start=1)]
    found = {
        "raw.catalog__cohorts": rows_of(
            "raw.catalog__cohorts",
            cohort_id=list(cohorts),
            study_id=[f"study_{one}" for one in cohorts],
            origin=["cbioportal"] * len(cohorts),
        ),
        "staging.cohorts__samples": rows_of(
            "staging.cohorts__samples",
            cohort_id=[one for one, _ in each],
            patient_id=[patient for _, patient in each],
            sample_id=[f"{patient}-01" for _, patient in each],
        ),
        "staging.genes__measured": rows_of(
            "staging.genes__measured",
            dataset_id=[one for one, *_ in genes],
            measurement=["copy_number"] * len(genes),
            resolution=["approved"] * len(genes),
            hgnc_symbol=[gene for *_, gene in genes],
            source_symbol=[gene for *_, gene in genes],
            profile_id=["gistic"] * len(genes),
            source_row=[number for _, number, _ in genes],
        ),
        "staging.cohorts__genes": TABLES["staging.cohorts__genes"].empty(),
    }
    for at, cohort in enumerate(cohorts):
        places = [(number, patient) for number in range(1, 4) for patient in ("P1", "P2")]
        found[partition_of(VALUES, cohort)] = rows_of(
            VALUES,
            study_id=[f"study_{cohort}"] * 6,
            stable_id=["gistic"] * 6,
            gene_row=[number for number, _ in places],
            sample_id=[f"{patient}-01" for _, patient in places],
            value=[float((number + at) % 5 - 2) for number, _ in places],
        )
    return found


def bring(lake: Lake, registry: Registry, target: str) -> dict[str, str]:
    return run_upstream(lake, {table: step for step in sql.steps(registry) for table in step.outputs
                               if table.startswith("parts.") or table == COPY_NUMBER}, [target])  # fmt: skip


def with_cohorts(registry: Registry, *names: str) -> Registry:
    first = registry.cohorts["luad_tcga"]
    return replace(registry, cohorts={name: first.model_copy(update={"id": name}) for name in names}, local_studies={})


def test_the_partitions_hold_what_the_model_gives_over_all_cohorts(tmp_path, registry):
    lake, given = Lake(tmp_path), world(("b", "a"))
    for name, frame in given.items():
        put(lake, name, frame)
    bring(lake, with_cohorts(registry, "b", "a"), COPY_NUMBER)
    model = sql_models()[COPY_NUMBER]
    stacked = pl.concat([given[partition_of(VALUES, cohort)] for cohort in ("b", "a")])
    whole = {VALUES: stacked, "raw.studies__layer_values": TABLES["raw.studies__layer_values"].empty(), **given}
    at_once = run_model(model, {ref: whole[ref] for ref in model.refs})
    assert lake.read(COPY_NUMBER).sort(TABLES[COPY_NUMBER].key).equals(at_once)
    assert at_once.height == 2 * 2 * 3


def test_a_further_cohort_computes_nothing_of_the_others(tmp_path, registry):
    lake = Lake(tmp_path)
    for name, frame in world(("a", "b")).items():
        put(lake, name, frame)
    bring(lake, with_cohorts(registry, "a", "b"), COPY_NUMBER)
    for name, frame in world(("a", "b", "c")).items():
        put(lake, name, frame)
    outcomes = bring(lake, with_cohorts(registry, "a", "b", "c"), COPY_NUMBER)
    staged = {cohort: outcomes[partition_of(COPY_NUMBER, cohort)] for cohort in ("a", "b", "c")}
    assert staged == {"a": "cache hit", "b": "cache hit", "c": "built"}
    assert lake.read(COPY_NUMBER)["cohort_id"].unique().sort().to_list() == ["a", "b", "c"]


def test_the_sql_tests_of_the_table_hold_for_each_partition(tmp_path, registry):
    lake = Lake(tmp_path)
    for name, frame in world(("a", "b")).items():
        put(lake, name, frame)
    own = with_cohorts(registry, "a", "b")
    model = sql_models()[COPY_NUMBER]
    wrong = replace(model, sql=model.sql.replace("THEN cast(matrix_values.value AS BIGINT)", "THEN cast(0 AS BIGINT)"))
    assert wrong.sql != model.sql
    bring(lake, own, partition_of("staging.genes__measured", "a"))
    for table in sql.CUT_BY:
        bring(lake, own, partition_of(table, "a"))
    put(lake, partition_of(VALUES, "a"), world(("a",))[partition_of(VALUES, "a")])
    with pytest.raises(StepFailed, match="cohorts__copy_number_calls_are_whole"):
        run_step(lake, sql.cohort_step(wrong, own.cohorts["a"], own))
    run_step(lake, sql.cohort_step(model, own.cohorts["a"], own))


def test_a_cohort_without_a_matrix_has_no_rows_of_it(tmp_path, registry):
    lake, given = Lake(tmp_path), world(("a",))
    del given[partition_of(VALUES, "a")]
    for name, frame in given.items():
        put(lake, name, frame)
    bring(lake, with_cohorts(registry, "a"), COPY_NUMBER)
    assert lake.read(COPY_NUMBER).is_empty()


def test_a_cohort_without_expression_is_unavailable_and_says_so(tmp_path, registry):
    """Survival reads the partition, so that nothing is computed over no patient."""
    lake, address = Lake(tmp_path), partition_of(sql.EXPRESSION, "a")
    own = with_cohorts(registry, "a")
    step = sql.cohort_step(sql_models()[sql.EXPRESSION], own.cohorts["a"], own)
    given = world(("a",))
    for name in step.inputs:
        table = (
            TABLES[name]
            if name in TABLES
            else TABLES[next(ref for ref in sql.CUT_BY if name == partition_of(ref, "a"))]
        )
        put(lake, name, given.get(name, table.empty()))
    [result] = run_step(lake, step).values()
    assert result.outcome == "unavailable"
    assert "the cohort has no expression" in str(lake.current(address).reason)


def test_every_cohort_has_partitions_of_what_its_source_may_hold(registry):
    models = {c.id: [m.address for m in sql.models_of(c, registry)] for c in registry.analysed_cohorts()}
    connectors = {cohort.id: registry.sources[cohort.source].connector for cohort in registry.cohorts.values()}
    assert {name: len(found) for name, found in models.items()} == {
        name: 6 if connectors[name] == "cbioportal" else 1 for name in models
    }
