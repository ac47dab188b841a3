"""`core.deg__designs`: what the design of each contrast can support, and what its method is fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.declared import contrast_of
from resistance_assets.defs.core.deg.features import part_address
from resistance_assets.defs.core.studies.addresses import measurements_address, samples_address
from resistance_assets.errors import Fault
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.deg.designs import build_design, report_design
from resistance_assets.science.deg.published import NOTE_NOT_PUBLISHED
from resistance_assets.science.deg.result import NOTE_FILTER_BY_EXPR
from resistance_assets.science.expression.matrices import sample_sheet

DESIGNS = TABLES["core.deg__designs"]
NOT_CHECKED = "as published: the design was not checked here"


def describe_design(declared: CountsContrast, study_id: str, sheet: pl.DataFrame) -> dict[str, Any]:
    """A row of `core.deg__designs`; a design that is refused is a row too, with the fault as its reason."""
    contrast = contrast_of(declared)
    row: dict[str, Any] = {
        "contrast_id": declared.id,
        "study_id": study_id,
        "factor": declared.factor,
        "numerator": declared.numerator,
        "denominator": declared.denominator,
        "covariates": "|".join(declared.covariates) or None,
        "pairing": declared.pairing,
        "subset": "; ".join(f"{name} in {', '.join(kept)}" for name, kept in declared.subset.items()) or None,
    }
    try:
        design = build_design(sheet, contrast)
        row |= {
            "n_samples": len(design.sample_ids),
            "n_numerator": int(design.is_numerator.sum()),
            "n_denominator": int(design.is_denominator.sum()),
            "model": f"~ {' + '.join((*contrast.model_covariates, contrast.factor))}",
            "covariate_kinds": "; ".join(f"{name}: {kind}" for name, kind in design.covariate_kinds.items()) or None,
            "coefficient": design.columns[design.coefficient],
            "coefficients": "|".join(design.columns),
            "n_coefficients": len(design.columns),
        }
        report = report_design(design, contrast)
    except Fault as fault:
        return row | {"evidence_kind": "refused", "reason": str(fault)}
    return row | {
        "rank": report.rank,
        "residual_degrees_of_freedom": report.residual_degrees_of_freedom,
        "confounded_covariates": "|".join(report.confounded_covariates) or None,
        "evidence_kind": report.evidence_kind,
        "reason": report.reason,
    }


def contrast_designs(registry: Registry) -> Step:
    """What the design of each contrast can support, and what its method is fitted to."""
    studies = registry.measured_studies()
    tested = [(study.id, contrast) for study in studies for contrast in study.contrasts]
    measured = {study.id: study.measurement for study in studies}
    told = {name: measurements_address(name) for name, kind in measured.items() if kind == "at_run_time"}
    published = [
        {
            "contrast_id": contrast.id,
            "study_id": local.id,
            "numerator": contrast.numerator,
            "denominator": contrast.denominator,
            "n_samples": contrast.n_numerator + contrast.n_denominator
            if contrast.n_numerator is not None and contrast.n_denominator is not None
            else None,
            "n_numerator": contrast.n_numerator,
            "n_denominator": contrast.n_denominator,
            "evidence_kind": contrast.evidence_kind,
            "reason": NOT_CHECKED if contrast.evidence_kind == "inferential" else NOTE_NOT_PUBLISHED,
            "fitted_to": "as published",
        }
        for local in registry.local_studies.values()
        if "published" in local.kind.methods
        for contrast in local.contrasts
    ]
    sheets = {study_id: samples_address(study_id) for study_id, _ in tested}
    voom_parts = {
        declared.id: part_address(declared.id, method)
        for study_id, declared in tested
        for method in declared.methods
        if method == "limma_voom" or (method == "limma" and measured[study_id] == "at_run_time")
    }

    def compute(inputs: Inputs) -> pl.DataFrame:
        there = {
            study_id: sample_sheet(inputs.read(address)) for study_id, address in sheets.items() if inputs.has(address)
        }
        found = measured | {
            study_id: inputs.read(address)["measurement"][0]
            for study_id, address in told.items()
            if inputs.has(address)
        }
        rows = [
            describe_design(declared, study_id, there[study_id])
            | {"fitted_to": describe_fit(found[study_id], declared.methods)}
            | count_filtered(inputs, declared, voom_parts)
            for study_id, declared in tested
            if study_id in there
        ]
        for row in rows:
            if row.get("covariate_kinds"):
                # People should see what a column was taken for before they trust what it was adjusted for.
                emit(ProgressEvent("note", DESIGNS.address, message=f"{row['contrast_id']}: {row['covariate_kinds']}"))
        return pl.DataFrame([*rows, *published], schema=DESIGNS.polars_schema).sort("contrast_id")

    return table_step(
        outputs={DESIGNS.address: DESIGNS},
        compute=compute,
        optional_inputs=(*sheets.values(), *told.values(), *voom_parts.values()),
        allow_unavailable_inputs=True,
        parameters=[[study_id, contrast.model_dump(mode="json")] for study_id, contrast in tested]
        + [published, measured],
    )


def count_filtered(inputs: Inputs, declared: CountsContrast, parts: Mapping[str, str]) -> dict[str, Any]:
    """The filter of limma-voom and how many genes it left out; nothing where limma-voom was not run."""
    address = parts.get(declared.id)
    if address is None or not inputs.has(address):
        return {}
    notes = inputs.scan(address).select(pl.col("p_value_note") == NOTE_FILTER_BY_EXPR).collect().to_series()
    return {"expression_filter": declared.expression_filter, "n_genes_filtered": int(notes.fill_null(False).sum())}


def describe_fit(measurement: str, methods: Sequence[str]) -> str:
    """What the methods of a contrast are fitted to, in words.

    `limma` on read counts is limma-voom: log counts per million with a weight for each count. Without the weights its
    variances would be wrong for counts.
    """
    if measurement == "array":
        return "log2 intensities of an array"
    return "read counts, by limma as limma-voom" if "limma" in methods else "read counts"


def steps(registry: Registry) -> list[Step]:
    return [contrast_designs(registry)]
