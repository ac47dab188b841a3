"""Staging tables and marts: one asset per file of `dbt_like_sql/`, its tests as checks before it is written."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.checks import Verdict
from resistance_assets.orchestration.code_version import sql_code_version
from resistance_assets.orchestration.sql_models import (
    SqlModel,
    SqlTest,
    load_models,
    load_tests,
    models_folder,
    run_model,
    run_test,
)
from resistance_assets.orchestration.steps import Inputs, Step, StepTest
from resistance_assets.orchestration.table_assets import assets_of


def as_step_test(test: SqlTest) -> StepTest:
    """A SQL test as a check of the candidate table."""

    def judge(mounts: Mapping[str, Path | pl.DataFrame]) -> Verdict:
        found = run_test(test, mounts)
        if found.passed:
            return Verdict(test.name, True, test.description)
        rows = "; ".join(str(row) for row in found.examples.rows())
        return Verdict(
            test.name,
            False,
            f"{test.description}: {found.failing_rows} rows, such as {rows}",
            {"rows": found.failing_rows},
        )

    return StepTest(test.name, test.refs, judge, sql_code_version(test.code_version))


@functools.cache
def _loaded() -> tuple[dict[str, SqlModel], dict[str, SqlTest]]:
    models = load_models(models_folder(), TABLES)
    return models, load_tests(models_folder(), models, TABLES)


def guarded(step: Step) -> Step:
    """The step with the SQL tests that guard its outputs; what a test reads beside them becomes an input."""
    tests = [test for test in _loaded()[1].values() if test.table in step.outputs]
    read = dict.fromkeys(ref for test in tests for ref in test.refs)
    further = [ref for ref in read if ref not in step.outputs and ref not in step.inputs]
    by_table = {
        address: [as_step_test(test) for test in tests if test.table == address]
        for address in step.outputs
        if any(test.table == address for test in tests)
    }
    return replace(step, inputs=(*step.inputs, *further), tests=by_table)


def model_asset(model: SqlModel) -> dg.AssetsDefinition:
    """One SQL model."""

    def compute(inputs: Inputs) -> pl.DataFrame:
        return run_model(model, {ref: inputs.path(ref) for ref in model.refs})

    step = Step(
        outputs={model.address: TABLES[model.address]},
        compute=compute,
        code_version=sql_code_version(model.code_version),
        inputs=model.refs,
        tolerant=True,
    )
    return assets_of(
        guarded(step),
        lineage={model.address: model.lineage},
        kinds=["sql", "duckdb"],
        descriptions={model.address: f"```sql\n{model.sql.strip()}\n```"},
    )


def sql_assets() -> list[dg.AssetsDefinition]:
    return [model_asset(model) for model in _loaded()[0].values()]


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=sql_assets())
