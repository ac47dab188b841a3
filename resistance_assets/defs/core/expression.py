"""Tumour against normal tissue: one asset per comparison, which is a contrast of a count study, a whole cohort or a
project of the Genomic Data Commons."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import numpy as np
import polars as pl

from resistance_assets.catalog.registry import Cohort, CountsContrast, LocalStudy, Project, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.contrasts import counts_matrix, sample_sheet
from resistance_assets.defs.core.survival.cohort_slices import expression_address, expression_matrix
from resistance_assets.defs.core.survival.screen import together
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.shares import expression_values_address
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_assets import assets_of
from resistance_assets.science.correlation.correlation import compare_tissues
from resistance_assets.science.expression.normalisation import effective_library_sizes, log2_cpm

TABLE = TABLES["core.expression__tumour_normal"]
MEASURED = "staging.genes__measured"
COHORT_GENES = "staging.cohorts__genes"
PROJECT_SAMPLES = "staging.gdc__samples"
PROJECT_GENES = "staging.gdc__genes"


def compare_counts(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    symbols: Mapping[str, str],
    *,
    factor: str,
    tumour: str,
    normal: str,
    subset: Mapping[str, tuple[str, ...]],
) -> pl.DataFrame:
    """Rank sums of log2 CPM (TMM) between two groups of a count study.

    Args:
        counts: feature and one column per sample, as `counts_matrix` makes it.
        samples: sample_id and a column per factor; a column patient_id says whose sample it is, else each is its own.
        symbols: feature -> approved symbol.
    """
    chosen = samples.filter(pl.col(factor).is_in([tumour, normal]))
    for column, values in subset.items():
        chosen = chosen.filter(pl.col(column).is_in(values))
    chosen = chosen.filter(pl.col("sample_id").is_in(counts.columns[1:]))
    matrix = counts.select(chosen["sample_id"].to_list()).to_numpy().astype(np.float64)
    logs = log2_cpm(matrix, effective_library_sizes(matrix))
    owner = chosen["patient_id" if "patient_id" in chosen.columns else "sample_id"]
    features = counts.to_series(0).to_list()
    return compare_tissues(
        logs,
        [symbols.get(feature, feature) for feature in features],
        (chosen[factor] == tumour).to_numpy(),
        [str(who) for who in pl.select(pl.coalesce(owner, chosen["sample_id"])).to_series()],
    ).with_columns(expression_scale=pl.lit("log2 CPM (TMM)"))


def counts_part(local: LocalStudy, declared: CountsContrast) -> dg.AssetsDefinition:
    address = f"parts.tumour_normal__{declared.id}"
    counts, samples = f"parts.study_counts__{local.id}", f"parts.study_samples__{local.id}"
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

    step = Step(
        outputs={address: TABLE},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(counts, samples, MEASURED),
        parameters={"study": study_id, "comparison": comparison, **rules},
    )
    return assets_of(step, tags={"contrast": declared.id})


def compare_cohort(
    values: pl.LazyFrame, expression: pl.DataFrame, measured: pl.DataFrame, scale: str, codes: tuple[str, ...]
) -> pl.DataFrame:
    """Rank sums between the analysed tumours of a cohort and the normal samples of the same profile.

    Args:
        values: the cohort's share of `raw.cbioportal__mrna_values` or `raw.xena__expression_values`.
        expression: its slice of tumours.
        measured: its genes: profile_id, source_row, hgnc_symbol.
        scale: of the tumours.
        codes: TCGA sample type codes of normal tissue.

    Returns:
        No row where the profile holds no normal sample.
    """
    normal = (
        values.filter(pl.col("sample_id").str.extract(r"-(\d{2})[A-Z]?$", 1).is_in(codes))
        .select("stable_id", "gene_row", "sample_id", "value")
        .collect()
        .join(measured, left_on=["stable_id", "gene_row"], right_on=["profile_id", "source_row"])
    )
    if normal.is_empty() or expression.is_empty():
        return TABLE.empty().drop("comparison_id", "dataset_id")
    if scale == "log2(RSEM + 1)":
        # As staging.cohorts__gene_expression does with the tumours.
        normal = normal.with_columns(value=(pl.col("value").clip(lower_bound=0) + 1).log(2))
    long = normal.select("hgnc_symbol", pl.col("sample_id").alias("patient_id"), expression_value=pl.col("value"))
    tumours, genes, patients = expression_matrix(expression)
    normals, normal_genes, samples = expression_matrix(long)
    row = {gene: at for at, gene in enumerate(normal_genes)}
    shared = [at for at, gene in enumerate(genes) if gene in row]
    both = np.hstack([tumours[shared], normals[[row[genes[at]] for at in shared]]])
    owners = [*patients, *(sample.rsplit("-", 1)[0] for sample in samples)]
    is_tumour = np.arange(len(owners)) < len(patients)
    return compare_tissues(both, [genes[at] for at in shared], is_tumour, owners).with_columns(
        expression_scale=pl.lit(scale)
    )


def cohort_part(cohort: Cohort, values: str, codes: tuple[str, ...]) -> dg.AssetsDefinition:
    address = f"parts.tumour_normal__{cohort.id}"
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

    step = Step(
        outputs={address: TABLE},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(values, expression, MEASURED, COHORT_GENES),
        parameters={"cohort": cohort_id, "codes": codes},
    )
    return assets_of(step, tags={"cohort": cohort_id})


def compare_project(counts: pl.LazyFrame, samples: pl.DataFrame, symbols: Mapping[str, str]) -> pl.DataFrame:
    """Rank sums of log2 CPM (TMM) between tumours and normal tissue of a project of the Genomic Data Commons.

    Args:
        counts: gene_id, file_id, read_count: rows of `raw.gdc__gene_counts` of one project.
        samples: file_id, patient_id, tissue (tumour or normal): the files to compare.
        symbols: gene_id -> approved symbol.

    Returns:
        No row where one of the tissues is absent.
    """
    if samples["tissue"].n_unique() < 2:
        return TABLE.empty().drop("comparison_id", "dataset_id")
    placed = (
        counts.join(samples.select("file_id").with_row_index("column").lazy(), on="file_id")
        .select("gene_id", "column", "read_count")
        .collect()
        .sort("gene_id")
    )
    genes = placed["gene_id"].unique(maintain_order=True).to_list()
    matrix = np.zeros((len(genes), samples.height))
    row = placed.select(pl.col("gene_id").rle_id()).to_series().to_numpy()
    matrix[row, placed["column"].to_numpy()] = placed["read_count"].to_numpy()
    logs = log2_cpm(matrix, effective_library_sizes(matrix))
    return compare_tissues(
        logs,
        [symbols.get(gene, gene) for gene in genes],
        (samples["tissue"] == "tumour").to_numpy(),
        samples["patient_id"].to_list(),
    ).with_columns(expression_scale=pl.lit("log2 CPM (TMM)"))


def project_part(project: Project) -> dg.AssetsDefinition:
    address, counts = f"parts.tumour_normal__{project.id}", f"parts.gdc_counts__{project.id}"
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

    step = Step(
        outputs={address: TABLE},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(counts, PROJECT_SAMPLES, PROJECT_GENES),
        parameters={"project": project_id},
    )
    return assets_of(step, tags={"project": project_id})


def tumour_normal_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    words = registry.tumour_normal
    assets, parts = [], []
    for local in registry.local_studies.values():
        for contrast in local.contrasts:
            if not isinstance(contrast, CountsContrast):
                continue
            if (
                contrast.numerator.lower() in words.tumour_labels
                and contrast.denominator.lower() in words.normal_labels
            ):
                assets.append(counts_part(local, contrast))
                parts.append(f"parts.tumour_normal__{contrast.id}")
    for cohort in registry.cohorts.values():
        values = expression_values_address(registry, cohort.id)
        assets.append(cohort_part(cohort, values, words.normal_sample_type_codes))
        parts.append(f"parts.tumour_normal__{cohort.id}")
    for project in registry.projects.values():
        assets.append(project_part(project))
        parts.append(f"parts.tumour_normal__{project.id}")
    return [*assets, together(TABLE.address, parts)]


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=tumour_normal_assets(current_registry()))
