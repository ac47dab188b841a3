"""Staging tables and marts: one step per file of `dbt_like_sql/`."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.code_version import sql_code_version
from resistance_assets.orchestration.sql_models import SqlModel, run_model
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import sql_models, table_step


def model_step(model: SqlModel) -> Step:
    """One SQL model."""

    def compute(inputs: Inputs) -> pl.DataFrame:
        return run_model(model, {ref: inputs.files(ref) for ref in model.refs})

    return table_step(
        outputs={model.address: TABLES[model.address]},
        compute=compute,
        code_version=sql_code_version(model.code_version),
        inputs=model.refs,
        allow_unavailable_inputs=True,
        kinds=("sql", "duckdb"),
        lineage={model.address: model.lineage},
        sql={model.address: model.sql},
    )


def steps(registry: Registry) -> list[Step]:
    return [model_step(model) for model in sql_models().values()]
