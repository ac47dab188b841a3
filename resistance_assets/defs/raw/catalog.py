"""`raw.catalog__*`: cohorts, projects and contrasts as the catalog states them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def catalog_cohorts(registry: Registry) -> pl.DataFrame:
    """Cohorts and endpoints of the catalog as a table."""
    followed = {local.id: local.survival for local in registry.local_studies.values() if local.survival}

    def describe_origin(cohort: Cohort) -> dict[str, Any]:
        if cohort.id not in followed:
            source = registry.sources[cohort.source]
            archive = Path(source.url).name.removesuffix(".tar.gz")
            return {
                "study_id": archive if source.connector == "cbioportal" else cohort.id,
                "origin": source.connector,
                "months_per_unit": cohort.months_per_unit,
            }
        survival = followed[cohort.id]
        column, values = next(iter(survival.subset.items()), (None, ()))
        return {
            "study_id": cohort.id,
            "origin": "study",
            "months_per_unit": survival.months_per_unit,
            "patient_attribute": survival.patient_column,
            "sample_attribute": column,
            "sample_values": "|".join(values) if column else None,
        }

    rows = [
        {
            **describe_origin(cohort),
            "cohort_id": cohort.id,
            "title": cohort.title,
            "endpoint": endpoint.id,
            "endpoint_title": endpoint.title,
            "status_attribute": endpoint.status_attribute,
            "months_attribute": endpoint.months_attribute,
            "age_attribute": cohort.age_attribute,
            "sex_attribute": cohort.sex_attribute,
            "stage_attribute": cohort.stage_attribute,
            "purity_attribute": cohort.purity_attribute,
            "expression_profiles": "|".join(cohort.expression_profiles),
            "copy_number_profile": cohort.copy_number_profile,
            "z_score_profiles": "|".join(cohort.z_score_profiles) or None,
            "log2_copy_number_profiles": "|".join(cohort.log2_copy_number_profiles) or None,
            "patients_of": cohort.patient_set,
            "same_endpoint_as": endpoint.same_as or endpoint.id,
            "sample_type_codes": "|".join(cohort.sample_type_codes),
            "sample_types": "|".join(cohort.sample_types) or None,
        }
        for cohort in registry.analysed_cohorts()
        for endpoint in cohort.endpoint
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__cohorts"].polars_schema)


def catalog_projects(registry: Registry) -> pl.DataFrame:
    """Projects of the Genomic Data Commons of the catalog as a table."""
    rows = [
        {
            "project_id": project.id,
            "title": project.title,
            "project": project.project,
            "patient_set": project.patient_set,
            "clinical_source": project.clinical_source,
        }
        for project in registry.projects.values()
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__projects"].polars_schema)


def catalog_studies(registry: Registry) -> pl.DataFrame:
    """Studies of the catalog and of laboratories as a table."""
    rows = [
        {
            "study_id": study.id,
            "title": study.study.title if isinstance(study, LocalStudy) else study.title,
            "kind": registry.kind_of(study).name,
            "is_public": not isinstance(study, LocalStudy),
            "organism": study.organism,
            "paper_id": study.study.paper if isinstance(study, LocalStudy) else study.paper,
        }
        for study in registry.studies()
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__studies"].polars_schema)


def catalog_contrasts(registry: Registry) -> pl.DataFrame:
    """Contrasts of the catalog and of the laboratory studies as a table."""
    titles = {study.id: study.title for study in registry.public_studies.values()}
    titles |= {local.id: local.study.title for local in registry.local_studies.values()}
    organisms = {study.id: study.organism for study in registry.public_studies.values()}
    organisms |= {local.id: local.organism for local in registry.local_studies.values()}
    rows = [
        {
            "contrast_id": contrast.id,
            "study_id": contrast.study_id,
            "study_title": titles[contrast.study_id],
            "title": contrast.title,
            "numerator": contrast.numerator,
            "denominator": contrast.denominator,
            "drug": contrast.drug,
            "drug_class": contrast.drug_class,
            "state": contrast.state,
            "cell_line": contrast.cell_line,
            "laboratory": contrast.laboratory,
            "cell_type": contrast.cell_type,
            "methods": "|".join(contrast.methods),
            "organism": organisms[contrast.study_id],
            "q_value_threshold": contrast.thresholds.q_value,
            "abs_log2_fold_change_threshold": contrast.thresholds.abs_log2_fold_change,
        }
        for contrast in registry.contrasts()
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__contrasts"].polars_schema)


def catalog_drug_classes(registry: Registry) -> pl.DataFrame:
    """Drugs of each class: those of the catalog, and those that contrasts of the class name."""
    pairs = {(name, drug.strip().lower()) for name, drugs in registry.drug_classes.items() for drug in drugs}
    pairs |= {(one.drug_class, one.drug.strip().lower()) for one in registry.contrasts() if one.drug_class and one.drug}
    return pl.DataFrame(sorted(pairs), schema=TABLES["raw.catalog__drug_classes"].polars_schema, orient="row")


def catalog_treated_cohorts(registry: Registry) -> pl.DataFrame:
    """Cohorts whose patients were all given a drug, by the classes that the drug is of.

    Raises:
        CatalogFault: `treated_with` names a drug that is of no class.
    """
    classes = catalog_drug_classes(registry)
    rows = []
    for cohort in registry.analysed_cohorts():
        for named in cohort.treated_with:
            found = classes.filter((pl.col("drug_class") == named) | (pl.col("drug") == named.strip().lower()))
            if found.is_empty():
                raise CatalogFault(
                    f"treated_with names {named}, which is no drug and no class of drugs of the catalog",
                    subject=f"cohort {cohort.id}",
                    expected=", ".join(classes["drug_class"].unique().sort()),
                    remedy="Name the class, or add the drug to one under [drug_classes].",
                )
            rows += [(cohort.id, name) for name in found["drug_class"].unique()]
    schema = TABLES["raw.catalog__treated_cohorts"].polars_schema
    return pl.DataFrame(sorted(set(rows)), schema=schema, orient="row")


def catalog_confidence_rules(registry: Registry) -> pl.DataFrame:
    """Thresholds of the words of confidence as a table of one row."""
    rules = registry.evidence.confidence.model_dump()
    return pl.DataFrame([rules], schema=TABLES["raw.catalog__confidence_rules"].polars_schema)


def catalog_step(address: str, frame: pl.DataFrame, compute_from: Callable[..., Any]) -> Step:
    """A table that the catalog itself is the source of."""
    rows = frame.to_dicts()

    def compute(inputs: Inputs) -> pl.DataFrame:
        return frame

    return table_step(
        outputs={address: TABLES[address]},
        compute=compute,
        code_version=code_version_of(compute_from),
        parameters=rows,
        kinds=["python", "toml"],
    )


def steps(registry: Registry) -> list[Step]:
    """The tables that the catalog itself is the source of."""
    return [
        catalog_step("raw.catalog__cohorts", catalog_cohorts(registry), catalog_cohorts),
        catalog_step("raw.catalog__projects", catalog_projects(registry), catalog_projects),
        catalog_step("raw.catalog__studies", catalog_studies(registry), catalog_studies),
        catalog_step("raw.catalog__contrasts", catalog_contrasts(registry), catalog_contrasts),
        catalog_step("raw.catalog__drug_classes", catalog_drug_classes(registry), catalog_drug_classes),
        catalog_step("raw.catalog__treated_cohorts", catalog_treated_cohorts(registry), catalog_treated_cohorts),
        catalog_step("raw.catalog__confidence_rules", catalog_confidence_rules(registry), catalog_confidence_rules),
    ]
