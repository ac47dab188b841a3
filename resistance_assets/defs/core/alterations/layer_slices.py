"""Layers of one cohort, cut from staging: a change of one cohort recomputes the alterations of no other."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.alterations.cohort_layers import LayerMatrix, layer_matrix, matrix_of_rows, matrix_rows
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

# Slice -> its table of staging. Rows are of the sample that stands for its patient.
ROWS: Mapping[str, str] = {
    "parts.cohorts__mutations": "staging.cohorts__mutations",
    "parts.cohorts__structural_variants": "staging.cohorts__structural_variants",
    "parts.cohorts__profiled_patients": "staging.cohorts__profiled_patients",
    "parts.cohorts__panel_genes": "staging.cohorts__panel_genes",
}
OF_SAMPLES = ("parts.cohorts__mutations", "parts.cohorts__structural_variants")
# Layer -> its table of staging and the column of its values.
MATRICES: Mapping[str, tuple[str, str]] = {
    "copy_number": ("staging.cohorts__gene_copy_number", "gistic_call"),
    "log2_copy_number": ("staging.cohorts__gene_log2_copy_number", "log2_copy_number"),
    "methylation": ("staging.cohorts__methylation", "beta_value"),
    "protein": ("staging.cohorts__protein_levels", "protein_level"),
}
VALUES, PATIENTS = "parts.cohorts__layer_values", "parts.cohorts__layer_patients"
ATTRIBUTES = "parts.cohorts__clinical_attributes"
_OF_PATIENTS, _OF_SAMPLES = "raw.cbioportal__patient_attributes", "raw.cbioportal__sample_attributes"
_SHEETS, _COHORTS, _SAMPLES = "raw.studies__samples", "raw.catalog__cohorts", "staging.cohorts__samples"
SLICES = (*ROWS, VALUES, PATIENTS, ATTRIBUTES)


def slice_address(table: str, cohort_id: str) -> str:
    """Partition of one cohort in a table of slices."""
    return partition_of(table, cohort_id)


def has_layers(cohort: Cohort, registry: Registry) -> bool:
    """Whether a cohort may have more than expression and follow-up, as a matrix of Xena has not."""
    source = registry.sources.get(cohort.source)
    local = registry.local_studies.get(cohort.id)
    return (source is not None and source.connector == "cbioportal") or bool(local and local.layers)


def stratum_attributes(cohort: Cohort) -> list[str]:
    """Clinical attributes that the strata of a cohort ask for."""
    return sorted({one.attribute for one in cohort.stratum if one.attribute})


def read_rows(inputs: Inputs, table: str, cohort_id: str) -> pl.DataFrame:
    """Rows of one cohort for a table of slices; none where staging is no input."""
    staging = ROWS[table]
    if not inputs.has(staging):
        return TABLES[table].empty()
    rows = inputs.scan(staging).filter(pl.col("cohort_id") == cohort_id)
    if table in OF_SAMPLES:
        rows = rows.filter(pl.col("is_analysed_sample"))
    return rows.select(TABLES[table].polars_schema.names()).collect()


def read_matrix(inputs: Inputs, layer: str, cohort_id: str) -> LayerMatrix:
    """One layer of one cohort; without rows where staging is no input."""
    staging, value = MATRICES[layer]
    columns = ["patient_id", "hgnc_symbol", value]
    if "feature_id" in TABLES[staging].polars_schema:
        columns.append("feature_id")
    staged = partition_of(staging, cohort_id)
    if not inputs.has(staged):
        schema = TABLES[staging].polars_schema
        return layer_matrix(pl.DataFrame(schema={name: schema[name] for name in columns}), value)
    return layer_matrix(inputs.scan(staged).select(columns).collect(), value)


def read_attributes(inputs: Inputs, cohort_id: str, names: list[str]) -> pl.DataFrame:
    """patient_id, attribute_id, value of the clinical attributes named, of patients, samples or a study's sheet."""
    schema = {"patient_id": pl.String, "attribute_id": pl.String, "value": pl.String}
    if not names:
        return pl.DataFrame(schema=schema)
    cohorts = inputs.read(_COHORTS).filter(pl.col("cohort_id") == cohort_id)
    asked = pl.col("study_id").is_in(cohorts["study_id"].unique().to_list()) & pl.col("attribute_id").is_in(names)
    samples = (
        inputs.scan(_SAMPLES)
        .filter((pl.col("cohort_id") == cohort_id) & pl.col("is_analysed"))
        .select("sample_id", "patient_id")
        .collect()
    )
    own = inputs.scan(_OF_PATIENTS).filter(asked).select(list(schema)).collect()
    of_samples = [
        inputs.scan(address)
        .filter(asked)
        .select("sample_id", "attribute_id", "value")
        .collect()
        .join(samples, on="sample_id")
        for address in (_OF_SAMPLES, _SHEETS)
    ]
    return pl.concat([own, *(frame.select(list(schema)) for frame in of_samples)]).unique(
        ["patient_id", "attribute_id"], keep="first", maintain_order=True
    )


def cut_layers(inputs: Inputs, cohort_id: str, attributes: list[str]) -> dict[str, pl.DataFrame]:
    """Every slice of one cohort, by the names of `SLICES`."""
    found = {table: read_rows(inputs, table, cohort_id) for table in ROWS}
    values, patients = [TABLES[VALUES].empty()], [TABLES[PATIENTS].empty()]
    for layer in MATRICES:
        # One layer in memory at a time: of its rows, which are ten times as large, nothing stays.
        matrix = read_matrix(inputs, layer, cohort_id)
        values.append(
            TABLES[VALUES].shape(matrix_rows(matrix).with_row_index("feature_number").with_columns(layer=pl.lit(layer)))
        )
        numbered = pl.DataFrame({"patient_id": matrix.patients}, schema={"patient_id": pl.String})
        patients.append(
            TABLES[PATIENTS].shape(numbered.with_row_index("patient_number").with_columns(layer=pl.lit(layer)))
        )
    found[VALUES], found[PATIENTS] = pl.concat(values), pl.concat(patients)
    found[ATTRIBUTES] = read_attributes(inputs, cohort_id, attributes)
    return found


def layer_of_slices(values: pl.DataFrame, patients: pl.DataFrame, layer: str) -> LayerMatrix:
    """One layer as a matrix, from its slices, which are read once for all layers."""
    order = patients.filter(pl.col("layer") == layer).sort("patient_number")["patient_id"].to_list()
    return matrix_of_rows(values.filter(pl.col("layer") == layer), order, MATRICES[layer][1])


def layers_slice(cohort: Cohort, registry: Registry) -> Step:
    """All slices of one cohort."""
    cohort_id, attributes = cohort.id, stratum_attributes(cohort)
    addresses = {table: slice_address(table, cohort_id) for table in SLICES}
    matrices = [partition_of(staging, cohort_id) for staging, _ in MATRICES.values()]
    layers = (*ROWS.values(), *matrices) if has_layers(cohort, registry) else ()

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        return {addresses[name]: frame for name, frame in cut_layers(inputs, cohort_id, attributes).items()}

    return table_step(
        outputs={addresses[name]: TABLES[name] for name in SLICES},
        compute=compute,
        inputs=(_COHORTS, _SAMPLES, _OF_PATIENTS, _OF_SAMPLES, _SHEETS) if attributes else (),
        optional_inputs=layers,
        parameters={"cohort": cohort_id, "attributes": attributes},
        tags={"cohort": cohort_id},
    )


def has_slices(cohort: Cohort, registry: Registry) -> bool:
    """Whether there is anything to cut for a cohort."""
    return has_layers(cohort, registry) or bool(stratum_attributes(cohort))


def steps(registry: Registry) -> list[Step]:
    """A step per cohort that may have layers."""
    cohorts = [cohort for cohort in registry.analysed_cohorts() if has_slices(cohort, registry)]
    return [layers_slice(cohort, registry) for cohort in cohorts]
