"""Steps of `core.alterations__*`: one per cohort, and one that gathers the cohorts."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, layer_matrix
from resistance_assets.defs.core.alterations.cohort_tables import ALTERATION_TABLES, compute_cohort_tables
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address, patients_address
from resistance_assets.defs.core.survival.screen import split_minimum
from resistance_assets.orchestration.partitions import partition_of, unions_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.matrices import expression_matrix

# Layer -> its table of staging and the columns that are read.
LAYERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "mutations": (
        "staging.cohorts__mutations",
        ("patient_id", "hgnc_symbol", "variant_classification", "protein_change"),
    ),
    "copy_number": ("staging.cohorts__gene_copy_number", ("patient_id", "hgnc_symbol", "gistic_call")),
    "log2_copy_number": (
        "staging.cohorts__gene_log2_copy_number",
        ("patient_id", "hgnc_symbol", "log2_copy_number"),
    ),
    "fusions": (
        "staging.cohorts__structural_variants",
        ("patient_id", "hgnc_symbol_site1", "hgnc_symbol_site2"),
    ),
    "methylation": ("staging.cohorts__methylation", ("patient_id", "hgnc_symbol", "feature_id", "beta_value")),
    "protein": ("staging.cohorts__protein_levels", ("patient_id", "hgnc_symbol", "feature_id", "protein_level")),
    "profiled": ("staging.cohorts__profiled_patients", ("patient_id", "layer", "gene_panel_id")),
    "panel_genes": ("staging.cohorts__panel_genes", ("gene_panel_id", "hgnc_symbol")),
}
# Layers that are read into a matrix, one after the other, and the column of their values.
VALUES = {
    "copy_number": "gistic_call",
    "log2_copy_number": "log2_copy_number",
    "methylation": "beta_value",
    "protein": "protein_level",
}
OF_SAMPLES = ("mutations", "fusions")
PATIENT_ATTRIBUTES, SAMPLE_ATTRIBUTES = "raw.cbioportal__patient_attributes", "raw.cbioportal__sample_attributes"
SHEETS, COHORTS, SAMPLES = "raw.studies__samples", "raw.catalog__cohorts", "staging.cohorts__samples"


def read_layer(inputs: Inputs, layer: str, cohort_id: str) -> pl.DataFrame:
    """Rows of one layer of one cohort, of the sample that stands for its patient; none where it is no input."""
    address, columns = LAYERS[layer]
    if not inputs.has(address):
        schema = TABLES[address].polars_schema
        return pl.DataFrame(schema={name: schema[name] for name in columns})
    rows = inputs.scan(address).filter(pl.col("cohort_id") == cohort_id)
    if layer in OF_SAMPLES:
        rows = rows.filter(pl.col("is_analysed_sample"))
    return rows.select(columns).collect()


def read_attributes(inputs: Inputs, cohort_id: str, names: list[str]) -> pl.DataFrame:
    """patient_id, attribute_id, value of the clinical attributes named, of patients, samples or a study's sheet."""
    schema = {"patient_id": pl.String, "attribute_id": pl.String, "value": pl.String}
    if not names:
        return pl.DataFrame(schema=schema)
    cohorts = inputs.read(COHORTS).filter(pl.col("cohort_id") == cohort_id)
    asked = pl.col("study_id").is_in(cohorts["study_id"].unique().to_list()) & pl.col("attribute_id").is_in(names)
    samples = (
        inputs.scan(SAMPLES)
        .filter((pl.col("cohort_id") == cohort_id) & pl.col("is_analysed"))
        .select("sample_id", "patient_id")
        .collect()
    )
    own = inputs.scan(PATIENT_ATTRIBUTES).filter(asked).select(list(schema)).collect()
    of_samples = [
        inputs.scan(address)
        .filter(asked)
        .select("sample_id", "attribute_id", "value")
        .collect()
        .join(samples, on="sample_id")
        for address in (SAMPLE_ATTRIBUTES, SHEETS)
    ]
    return pl.concat([own, *(frame.select(list(schema)) for frame in of_samples)]).unique(
        ["patient_id", "attribute_id"], keep="first", maintain_order=True
    )


def cohort_step(cohort: Cohort, registry: Registry) -> Step:
    """All tables of one cohort."""
    cohort_id = cohort.id
    addresses = {name: partition_of(name, cohort_id) for name in ALTERATION_TABLES}
    follow_up = {endpoint.id: follow_up_address(cohort_id, endpoint.id) for endpoint in cohort.endpoint}
    expression, patients = expression_address(cohort_id), patients_address(cohort_id)
    settings, minimum = registry.alterations, split_minimum(registry.survival)
    interest = tuple(
        dict.fromkeys([*registry.genes.of_interest, *(g for panel in registry.genes.panels.values() for g in panel)])
    )
    attributes = sorted({one.attribute for one in cohort.stratum if one.attribute})
    # A matrix of Xena and a study of one's own have expression and follow-up alone.
    source = registry.sources.get(cohort.source)
    layers_read = [address for address, _ in LAYERS.values()] if source and source.connector == "cbioportal" else []
    further = (COHORTS, SAMPLES, PATIENT_ATTRIBUTES, SAMPLE_ATTRIBUTES, SHEETS) if attributes else ()

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        values = {layer: layer_matrix(read_layer(inputs, layer, cohort_id), column) for layer, column in VALUES.items()}
        rows = {layer: read_layer(inputs, layer, cohort_id) for layer in LAYERS if layer not in VALUES}
        layers = CohortLayers(
            matrix=expression_matrix(inputs.read(expression)),
            patients=inputs.read(patients),
            follow_up={name: inputs.read(address) for name, address in follow_up.items() if inputs.has(address)},
            mutations=rows["mutations"],
            copy_number=values["copy_number"],
            log2_copy_number=values["log2_copy_number"],
            fusions=rows["fusions"],
            methylation=values["methylation"],
            protein=values["protein"],
            attributes=read_attributes(inputs, cohort_id, attributes),
            profiled=rows["profiled"],
            panel_genes=rows["panel_genes"],
        )
        found = compute_cohort_tables(layers, cohort, settings, interest, minimum)
        return {addresses[name]: frame for name, frame in found.items()}

    return table_step(
        outputs={addresses[name]: TABLES[name] for name in ALTERATION_TABLES},
        compute=compute,
        inputs=(expression, patients, *further),
        optional_inputs=(*layers_read, *follow_up.values()),
        parameters={
            "cohort": cohort_id,
            "strata": [one.model_dump() for one in cohort.stratum],
            "sequenced_megabases": cohort.sequenced_megabases,
            "settings": settings.model_dump(),
            "genes": interest,
            "minimum": [minimum.share, minimum.patients, minimum.expected_events, minimum.permutations, minimum.seed],
        },
        tags={"cohort": cohort_id},
    )


def steps(registry: Registry) -> list[Step]:
    """A step per cohort, and the one that gathers them."""
    cohorts = registry.analysed_cohorts()
    partitions = {name: [partition_of(name, cohort.id) for cohort in cohorts] for name in ALTERATION_TABLES}
    return [*(cohort_step(cohort, registry) for cohort in cohorts), unions_of(partitions)]
