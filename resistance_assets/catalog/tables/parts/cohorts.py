"""Models of parts.cohorts__*: one cohort's partition of follow-up, patients and other layers."""

from __future__ import annotations

from typing import Annotated

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "parts.cohorts__follow_up",
    grain="one row per patient of one cohort with a status for one endpoint",
    key=("patient_id",),
    limitation="a patient without a time cannot enter a model",
)
class PartFollowUp(TableModel):
    """Follow-up of one cohort for one endpoint."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patient_endpoints.patient_id")
    time_months: pl.Float64 = col(
        "time to event or last contact", unit="months", null=True, of="staging.cohorts__patient_endpoints.time_months"
    )
    event_observed: pl.Int64 = col(
        "1 = event, 0 = censored", isin=[0, 1], of="staging.cohorts__patient_endpoints.event_observed"
    )


@table(
    "parts.cohorts__patients",
    grain="one row per patient of one cohort",
    key=("patient_id",),
    limitation="not every patient has expression, or any follow-up",
)
class PartPatients(TableModel):
    """What regression models adjust for, of one cohort."""

    patient_id: pl.String = col("patient", of="staging.cohorts__patients.patient_id")
    age_years: pl.Float64 = col(
        "age at diagnosis", unit="years", null=True, ge=0, le=120, of="staging.cohorts__patients.age_years"
    )
    sex: pl.String = col("female or male", null=True, isin=["female", "male"], of="staging.cohorts__patients.sex")
    stage_group: pl.String = col(
        "I, II, III or IV", null=True, isin=["I", "II", "III", "IV"], of="staging.cohorts__patients.stage_group"
    )
    tumour_purity: pl.Float64 = col(
        "share of tumour cells", unit="share", null=True, ge=0, le=1, of="staging.cohorts__patients.tumour_purity"
    )


_MUTATIONS, _VARIANTS = "staging.cohorts__mutations", "staging.cohorts__structural_variants"
_CALLS, _LOG2 = "staging.cohorts__gene_copy_number", "staging.cohorts__gene_log2_copy_number"
_METHYLATION, _PROTEIN = "staging.cohorts__methylation", "staging.cohorts__protein_levels"
_PROFILED, _PANELS = "staging.cohorts__profiled_patients", "staging.cohorts__panel_genes"
_LAYERS = (_CALLS, _LOG2, _METHYLATION, _PROTEIN)
_LAYER = col("layer", of="source", isin=["copy_number", "log2_copy_number", "methylation", "protein"])


@table(
    "parts.cohorts__mutations",
    grain="one row per mutation of an analysed sample of one cohort",
    key=("mutation_number",),
    limitation="a patient without a row need not have been sequenced",
)
class PartMutations(TableModel):
    """Mutations of one cohort, so that another cohort's change does not touch them."""

    mutation_number: pl.Int64 = col("row among those of the study", of=f"{_MUTATIONS}.mutation_number")
    patient_id: pl.String = col("patient", null=True, of=f"{_MUTATIONS}.patient_id")
    hgnc_symbol: pl.String = col(SYMBOL, null=True, of=f"{_MUTATIONS}.hgnc_symbol")
    variant_classification: pl.String = col("class", null=True, of=f"{_MUTATIONS}.variant_classification")
    protein_change: pl.String = col("HGVS, short", null=True, of=f"{_MUTATIONS}.protein_change")


@table(
    "parts.cohorts__structural_variants",
    grain="one row per structural variant of an analysed sample of one cohort",
    key=("variant_number",),
    limitation="a patient without a row need not have been looked at",
)
class PartStructuralVariants(TableModel):
    """Structural variants of one cohort."""

    variant_number: pl.Int64 = col("row among those of the study", of=f"{_VARIANTS}.variant_number")
    patient_id: pl.String = col("patient", null=True, of=f"{_VARIANTS}.patient_id")
    hgnc_symbol_site1: pl.String = col(SYMBOL, null=True, of=f"{_VARIANTS}.hgnc_symbol_site1")
    hgnc_symbol_site2: pl.String = col(SYMBOL, null=True, of=f"{_VARIANTS}.hgnc_symbol_site2")


@table(
    "parts.cohorts__profiled_patients",
    grain="one row per layer and patient of one cohort that was looked at",
    key=("layer", "patient_id"),
    limitation="layers that no file speaks of have no row",
)
class PartProfiledPatients(TableModel):
    """Who was looked at, of one cohort."""

    layer: pl.String = col("layer", of=f"{_PROFILED}.layer")
    patient_id: pl.String = col("patient", of=f"{_PROFILED}.patient_id")
    gene_panel_id: pl.String = col("panel; null: all genes", null=True, of=f"{_PROFILED}.gene_panel_id")


@table(
    "parts.cohorts__panel_genes",
    grain="one row per gene panel and gene of one cohort",
    key=("gene_panel_id", "hgnc_symbol"),
    limitation="a panel may hold hotspots of a gene alone",
)
class PartPanelGenes(TableModel):
    """Genes of the panels of one cohort."""

    gene_panel_id: pl.String = col("panel", of=f"{_PANELS}.gene_panel_id")
    hgnc_symbol: pl.String = col(SYMBOL, of=f"{_PANELS}.hgnc_symbol")


@table(
    "parts.cohorts__layer_patients",
    grain="one row per layer and patient of one cohort with a row of its matrix",
    key=("layer", "patient_number"),
    limitation="a patient here may have no value of a feature",
)
class PartLayerPatients(TableModel):
    """Patients of the matrices of one cohort, in the order of their values."""

    layer: pl.String = _LAYER
    patient_number: pl.Int64 = col("place of the patient's value in every list, from 0", of="source", ge=0)
    patient_id: pl.String = col("patient", of=tuple(f"{name}.patient_id" for name in _LAYERS))


@table(
    "parts.cohorts__layer_values",
    grain="one row per layer, feature and gene of one cohort",
    key=("layer", "feature_number"),
    limitation="values of two layers are on two scales",
)
class PartLayerValues(TableModel):
    """Copy number, methylation and protein of one cohort: a feature's values of all patients in one list."""

    layer: pl.String = _LAYER
    feature_number: pl.Int64 = col("row of the layer's matrix, from 0", of="source", ge=0)
    feature_id: pl.String = col(
        "probe or antibody; the gene itself for copy number",
        of=(f"{_CALLS}.hgnc_symbol", f"{_LOG2}.hgnc_symbol", f"{_METHYLATION}.feature_id", f"{_PROTEIN}.feature_id"),
    )
    hgnc_symbol: pl.String = col(SYMBOL, null=True, of=tuple(f"{name}.hgnc_symbol" for name in _LAYERS))
    layer_values: Annotated[pl.List, pl.Float64] = col(
        "values in the order of parts.cohorts__layer_patients, NaN missing",
        of=(f"{_CALLS}.gistic_call", f"{_LOG2}.log2_copy_number", f"{_METHYLATION}.beta_value",
            f"{_PROTEIN}.protein_level"),
    )  # fmt: skip


@table(
    "parts.cohorts__clinical_attributes",
    grain="one row per patient and clinical attribute that a stratum of one cohort asks for",
    key=("patient_id", "attribute_id"),
    limitation="of the samples of a patient the analysed one is asked",
)
class PartClinicalAttributes(TableModel):
    """Clinical attributes that strata of one cohort rest on."""

    patient_id: pl.String = col("patient", of="raw.cbioportal__patient_attributes.patient_id")
    attribute_id: pl.String = col("vendor's column name", of="raw.cbioportal__patient_attributes.attribute_id")
    value: pl.String = col(
        "cell as text",
        of=(
            "raw.cbioportal__patient_attributes.value",
            "raw.cbioportal__sample_attributes.value",
            "raw.studies__samples.value",
        ),
    )
