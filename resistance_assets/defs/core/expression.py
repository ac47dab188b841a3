"""Tumour against normal tissue: one asset per comparison, which is a contrast of a count study, a whole cohort or a
project of the Genomic Data Commons."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort, Project
from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.studies.addresses import counts_address, samples_address
from resistance_assets.defs.core.survival.cohort_slices import expression_address
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.correlation.tumour_normal import compare_cohort, compare_counts, compare_project
from resistance_assets.science.expression.matrices import counts_matrix, sample_sheet

TABLE = TABLES["core.expression__tumour_normal"]
MEASURED = "staging.genes__measured"
COHORT_GENES = "staging.cohorts__genes"
PROJECT_SAMPLES = "staging.gdc__samples"
PROJECT_GENES = "staging.gdc__genes"


def expression_values_address(registry: Registry, cohort_id: str) -> str:
    """Long table of a cohort's expression values as its source has them, normal tissue included."""
    connector = registry.sources[registry.cohorts[cohort_id].source].connector
    table = "raw.xena__expression_values" if connector == "xena" else "raw.cbioportal__mrna_values"
    return partition_of(table, cohort_id)


def counts_step(local: LocalStudy, declared: CountsContrast) -> Step:
    address = partition_of(TABLE.address, declared.id)
    counts, samples = (
        counts_address(local.id),
        samples_address(local.id),
    )
    study_id, comparison = local.id, declared.id
    rules = {"factor": declared.factor, "tumour": declared.numerator, "normal": declared.denominator,
             "subset": dict(declared.subset)}  # fmt: skip

    def compute(inputs: Inputs) -> pl.DataFrame:
        names = (
            inputs.scan(MEASURED)
            .filter(pl.col("dataset_id") == study_id, pl.col("measurement") == "features")
            .select("source_symbol", "hgnc_symbol")
            .collect()
        )
        found = compare_counts(
            counts_matrix(inputs.read(counts)),
            sample_sheet(inputs.read(samples)),
            dict(names.iter_rows()),
            **rules,
        )
        return found.with_columns(comparison_id=pl.lit(comparison), dataset_id=pl.lit(study_id))

    return table_step(
        outputs={address: TABLE},
        compute=compute,
        inputs=(counts, samples, MEASURED),
        parameters={"study": study_id, "comparison": comparison, **rules},
        tags={"contrast": declared.id},
    )


def cohort_step(cohort: Cohort, values: str, codes: tuple[str, ...]) -> Step:
    address = partition_of(TABLE.address, cohort.id)
    expression = expression_address(cohort.id)
    cohort_id = cohort.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        scales = inputs.scan(COHORT_GENES).filter(pl.col("cohort_id") == cohort_id).select("expression_scale")
        measured = (
            inputs.scan(MEASURED)
            .filter(pl.col("dataset_id") == cohort_id, pl.col("measurement") == "expression")
            .select("profile_id", "source_row", "hgnc_symbol")
            .collect()
        )
        scale = scales.unique().collect()["expression_scale"].to_list()
        if not scale:
            raise SourceUnavailable(
                "the cohort has no expression", subject=cohort_id, remedy="See `resistance sources`."
            )
        found = compare_cohort(inputs.scan(values), inputs.read(expression), measured, scale[0], codes)
        return found.with_columns(comparison_id=pl.lit(f"{cohort_id}_tumour_vs_normal"), dataset_id=pl.lit(cohort_id))

    return table_step(
        outputs={address: TABLE},
        compute=compute,
        inputs=(values, expression, MEASURED, COHORT_GENES),
        parameters={"cohort": cohort_id, "codes": codes},
        tags={"cohort": cohort_id},
    )


def project_step(project: Project) -> Step:
    address, counts = partition_of(TABLE.address, project.id), partition_of("raw.gdc__gene_counts", project.id)
    project_id = project.id

    def compute(inputs: Inputs) -> pl.DataFrame:
        samples, genes = (
            inputs.scan(name).filter(pl.col("project_id") == project_id) for name in (PROJECT_SAMPLES, PROJECT_GENES)
        )
        found = compare_project(
            inputs.scan(counts),
            samples.filter("is_analysed").select("file_id", "patient_id", "tissue").sort("file_id").collect(),
            dict(genes.select("gene_id", "hgnc_symbol").collect().iter_rows()),
        )
        return found.with_columns(comparison_id=pl.lit(f"{project_id}_tumour_vs_normal"), dataset_id=pl.lit(project_id))

    return table_step(
        outputs={address: TABLE},
        compute=compute,
        inputs=(counts, PROJECT_SAMPLES, PROJECT_GENES),
        parameters={"project": project_id},
        tags={"project": project_id},
    )


def steps(registry: Registry) -> list[Step]:
    words = registry.tumour_normal
    made, parts = [], []
    for local in registry.local_studies.values():
        for contrast in local.contrasts if local.kind.measurement else ():
            if (
                contrast.numerator.lower() in words.tumour_labels
                and contrast.denominator.lower() in words.normal_labels
            ):
                made.append(counts_step(local, contrast))
                parts.append(partition_of(TABLE.address, contrast.id))
    for cohort in registry.cohorts.values():
        values = expression_values_address(registry, cohort.id)
        made.append(cohort_step(cohort, values, words.normal_sample_type_codes))
        parts.append(partition_of(TABLE.address, cohort.id))
    for project in registry.projects.values():
        made.append(project_step(project))
        parts.append(partition_of(TABLE.address, project.id))
    return [*made, union_of(TABLE.address, parts)]
