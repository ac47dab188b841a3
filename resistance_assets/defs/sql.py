"""Staging tables and marts: one step per file of `dbt_like_sql/`; of matrices of cohorts, one step per cohort.

The SQL of a matrix treats each cohort alone, so it is run over what belongs to one cohort, and the table is the union
of these partitions: a change of one cohort computes nothing of the others, and memory is that of one matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.checks import CheckResult
from resistance_assets.orchestration.code_version import sql_code_version
from resistance_assets.orchestration.partitions import partition_of, slice_of, union_of
from resistance_assets.orchestration.sql_models import Mount, SqlModel, SqlTest, run_large_model
from resistance_assets.orchestration.steps import Inputs, Step, StepTest
from resistance_assets.orchestration.table_files.spooled_rows import Rows
from resistance_assets.orchestration.table_steps import as_step_test, sql_models, sql_tests, table_step

EXPRESSION = "staging.cohorts__gene_expression"
LAYERS = (
    "staging.cohorts__gene_z_scores",
    "staging.cohorts__gene_copy_number",
    "staging.cohorts__gene_log2_copy_number",
    "staging.cohorts__methylation",
    "staging.cohorts__protein_levels",
)
BY_COHORT = (EXPRESSION, *LAYERS)
"""Models whose rows of one cohort rest on that cohort's rows alone."""

CUT_BY: Mapping[str, str] = {
    "raw.catalog__cohorts": "cohort_id",
    "staging.cohorts__samples": "cohort_id",
    "staging.cohorts__genes": "cohort_id",
    "staging.genes__measured": "dataset_id",
}
"""Small tables that they read -> the column that holds the cohort. What is here in no other way is read whole."""

COUNTS, LAYER_VALUES = "raw.studies__gene_sample_counts", "raw.studies__layer_values"
_CBIOPORTAL, _XENA = "raw.cbioportal__", "raw.xena__"


def model_step(model: SqlModel) -> Step:
    """One SQL model."""

    def compute(inputs: Inputs) -> Rows:
        return run_large_model(model, {ref: inputs.files(ref) for ref in model.refs})

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


def is_of_values(ref: str) -> bool:
    """Whether a table that a model by cohort reads holds values of matrices, one partition per cohort."""
    return ref.startswith((_CBIOPORTAL, _XENA)) or ref in (COUNTS, LAYER_VALUES)


def values_of(cohort: Cohort, registry: Registry, ref: str) -> str | None:
    """Partition of a table of values that holds a cohort's; None where such a cohort has none."""
    source = registry.sources.get(cohort.source)
    if cohort.id in registry.cohorts and source is not None:
        own = {"cbioportal": _CBIOPORTAL, "xena": _XENA}.get(source.connector)
        return partition_of(ref, cohort.id) if own is not None and ref.startswith(own) else None
    local = registry.local_studies[cohort.id]
    if ref == LAYER_VALUES:
        return partition_of(ref, local.id) if local.layers is not None else None
    name = partition_of(ref, local.id)
    return name if name in registry.study_partitions(ref) else None


def models_of(cohort: Cohort, registry: Registry) -> list[SqlModel]:
    """The models by cohort that may have rows of a cohort; every cohort has expression, if only none."""
    layers = [sql_models()[address] for address in LAYERS]
    return [
        sql_models()[EXPRESSION],
        *(
            model
            for model in layers
            if any(is_of_values(ref) and values_of(cohort, registry, ref) is not None for ref in model.refs)
        ),
    ]


def cut_steps(cohort: Cohort) -> list[Step]:
    """Rows of one cohort in the small tables, so that what reads them is untouched by another cohort's change."""
    tags = {"cohort": cohort.id}
    return [
        slice_of(partition_of(table, cohort.id), table, {column: cohort.id}, tags) for table, column in CUT_BY.items()
    ]


def cohort_step(model: SqlModel, cohort: Cohort, registry: Registry) -> Step:
    """One SQL model over what belongs to one cohort, with the SQL tests of its table."""
    address = partition_of(model.address, cohort.id)
    tests = [test for test in sql_tests().values() if test.table == model.address]
    refs = dict.fromkeys([*model.refs, *(ref for test in tests for ref in test.refs if ref != model.address)])
    values = {ref: values_of(cohort, registry, ref) for ref in refs if is_of_values(ref)}
    others = {ref: partition_of(ref, cohort.id) if ref in CUT_BY else ref for ref in refs if ref not in values}

    def compute(inputs: Inputs) -> Rows:
        mounts: dict[str, Mount] = {ref: inputs.files(name) for ref, name in others.items()}
        for ref, name in values.items():
            mounts[ref] = inputs.files(name) if name is not None and inputs.has(name) else TABLES[ref].empty()
        rows = run_large_model(model, mounts)
        if model.address == EXPRESSION and not rows.height:
            raise SourceUnavailable(
                "the cohort has no expression", subject=cohort.id, remedy="See `resistance sources`."
            )
        return rows

    step = table_step(
        outputs={address: TABLES[model.address]},
        compute=compute,
        code_version=sql_code_version(model.code_version),
        inputs=tuple(others.values()),
        optional_inputs=tuple(name for name in values.values() if name is not None),
        allow_unavailable_inputs=True,
        kinds=("sql", "duckdb"),
        tags={"cohort": cohort.id},
        lineage={address: model.lineage},
        sql={address: model.sql},
    )
    names = {**others, **{ref: name for ref, name in values.items() if name is not None}, model.address: address}
    return replace(step, tests={address: [_test_of_partition(test, names) for test in tests]} if tests else {})


def _test_of_partition(test: SqlTest, names: Mapping[str, str]) -> StepTest:
    """A SQL test over the partitions of the tables that it names; what the cohort has none of is empty."""
    whole = as_step_test(test)

    def check(mounts: Mapping[str, Mount]) -> CheckResult:
        return whole.check(
            {ref: mounts[names[ref]] if names.get(ref) in mounts else TABLES[ref].empty() for ref in test.refs}
        )

    return StepTest(test.name, tuple(names[ref] for ref in test.refs if ref in names), check, whole.code_version)


def union_step(model: SqlModel, registry: Registry) -> Step:
    """A table of matrices as the union of its cohorts; its SQL tests were those of the partitions."""
    cohorts = [cohort for cohort in registry.analysed_cohorts() if model in models_of(cohort, registry)]
    union = union_of(model.address, [partition_of(model.address, cohort.id) for cohort in cohorts])
    return replace(
        union,
        inputs=(),
        tests={},
        kinds=("sql", "duckdb"),
        lineage={model.address: model.lineage},
        sql={model.address: model.sql},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per model, and for those by cohort a step per cohort and their union."""
    made = [model_step(model) for model in sql_models().values() if model.address not in BY_COHORT]
    for cohort in registry.analysed_cohorts():
        models = models_of(cohort, registry)
        made += [*cut_steps(cohort), *(cohort_step(model, cohort, registry) for model in models)]
    return [*made, *(union_step(sql_models()[address], registry) for address in BY_COHORT)]
