"""Correlations in the cohorts, and the account of every hypothesis that was tested."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from resistance_assets.catalog.registry import Cohort, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, patients_address
from resistance_assets.defs.core.survival.screen import of_patients
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.correlation.correlation import correlate_genes
from resistance_assets.science.expression.matrices import expression_matrix

PAIRS = TABLES["core.correlation__gene_pairs"]
HYPOTHESES = TABLES["core.hypotheses_tested"]
PRINTED = "core.claims__table2_audit"
STAGES = {"I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0}


class Family(NamedTuple):
    """Tests of one table that are corrected together: within which columns, the p, the q, the correction in words, and
    which rows alone (column, value) where the others are another family."""

    table: str
    within: tuple[str, ...]
    p_value: str
    q_value: str
    correction: str
    only: tuple[str, str | bool] | None = None


FAMILIES = (
    Family(
        "core.deg__contrast_genes", ("contrast_id", "method"), "p_value", "q_value_bh", "Benjamini-Hochberg over genes"
    ),
    Family(
        "core.enrichment__terms", ("list_id", "collection"), "p_value", "q_value_bh", "Benjamini-Hochberg over terms"
    ),
    Family(
        "core.gsea__terms",
        ("contrast_id", "method", "collection"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over terms",
    ),
    Family(
        "core.deg__interactions", ("interaction_id", "method"), "p_value", "q_value_bh", "Benjamini-Hochberg over genes"
    ),
    Family("core.intersections__sets", (), "p_value", "q_value_bh", "Benjamini-Hochberg over intersections"),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint", "model"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (Wald)",
    ),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint", "model"),
        "p_likelihood_ratio",
        "q_value_bh_likelihood_ratio",
        "Benjamini-Hochberg over genes (likelihood ratio)",
    ),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint"),
        "p_logrank",
        "q_value_bh_logrank",
        "Benjamini-Hochberg over genes (log-rank at the median)",
        ("model", "median_split"),
    ),
    Family(
        "core.survival__cohort_endpoint_genes",
        ("cohort_id", "endpoint", "model"),
        "p_logrank",
        "q_value_bh_logrank",
        "Benjamini-Hochberg over genes (log-rank between the outer quarters)",
        ("model", "quartile_split"),
    ),
    Family(
        "core.survival__optimal_cuts",
        ("cohort_id", "endpoint"),
        "p_corrected",
        "q_value_bh",
        "Benjamini-Hochberg over genes (each already corrected for the choice of its cut)",
    ),
    Family(
        "core.survival__multivariable_terms",
        ("cohort_id", "endpoint", "model_id"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over the genes of interest (expression terms)",
    ),
    Family(
        "core.survival__multivariable_terms",
        ("cohort_id", "endpoint", "model_id"),
        "p_likelihood_ratio",
        "q_value_bh_likelihood_ratio",
        "Benjamini-Hochberg over the genes of interest (likelihood ratio of expression)",
    ),
    Family(
        "core.survival__signatures",
        ("cohort_id", "endpoint"),
        "p_random",
        "q_value_bh",
        "Benjamini-Hochberg over gene lists (against random lists)",
    ),
    Family(
        "core.survival__meta_analysis",
        ("endpoint", "model"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (random effects over cohorts, Hartung-Knapp)",
    ),
    Family(
        "core.survival__meta_analysis",
        ("endpoint", "model"),
        "p_value_normal",
        "q_value_bh_normal",
        "Benjamini-Hochberg over genes (random effects over cohorts, normal)",
    ),
    Family(
        "core.survival__meta_analysis",
        ("endpoint", "model"),
        "p_value_leading",
        "q_value_bh_leading",
        "Benjamini-Hochberg over genes (fixed effect of two cohorts, Hartung-Knapp from three on)",
    ),
    Family(
        "core.expression__tumour_normal",
        ("comparison_id",),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (rank sum)",
    ),
    Family(
        "core.survival__panel_genes",
        ("cohort_id", "endpoint", "panel_id"),
        "p_logrank",
        "q_value_bh_panel",
        "Benjamini-Hochberg over the genes of the panel (log-rank at the median)",
    ),
    Family(
        "core.correlation__gene_pairs",
        ("cohort_id", "method", "hgnc_symbol_a"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes",
    ),
    Family(
        "core.dose_response__fold_changes",
        ("study_id", "measure"),
        "welch_p",
        "welch_p",
        "none: p as tested, one per condition and drug (Welch's t between replicates)",
        ("is_primary", True),
    ),
    Family(
        "core.dose_response__knock_downs",
        ("study_id", "resistant", "parental", "drug", "contrast"),
        "p_value",
        "p_holm",
        "Holm over the knock-downs",
    ),
    Family(
        "core.drug_combination__cells",
        ("study_id", "block_id"),
        "bliss_p",
        "bliss_p_holm",
        "Holm over the combination cells (Bliss)",
    ),
    Family(
        "core.drug_combination__blocks",
        ("study_id",),
        "replicate_bliss_p",
        "replicate_bliss_p",
        "none: p as tested, one per block (t over replicate matrices)",
    ),
    Family(
        "core.qpcr__fold_changes",
        ("study_id",),
        "welch_p",
        "welch_p",
        "none: p as tested, one per gene and condition (Welch's t on delta Ct)",
    ),
    Family(
        "core.assays__two_way",
        ("study_id", "model"),
        "p_value",
        "p_value",
        "none: p as tested, one per assay (interaction)",
        ("term", "interaction"),
    ),
)


def correlate_cohort(
    expression: pl.DataFrame,
    cohort_id: str,
    targets: tuple[str, ...],
    methods: tuple[Literal["spearman", "pearson"], ...],
    patients: pl.DataFrame,
) -> pl.DataFrame:
    """Each target against every gene of a cohort; targets that the cohort did not measure are left out.

    Where Spearman is asked for and the patients have different stages or purities, the partial correlation given both,
    or the one that there is (stages I to IV as 1 to 4, so that their ranks are those of the stages), stands beside it.
    """
    matrix, genes, order = expression_matrix(expression)
    present = [target for target in targets if target in genes]
    frames = [PAIRS.empty()]
    for method in methods if present else ():
        pairs = correlate_genes(matrix, genes, present, method=method)
        frames.append(PAIRS.shape(pairs.with_columns(cohort_id=pl.lit(cohort_id), given=pl.lit(None, pl.String))))
    known = of_patients(patients, order).select(
        stage_group=pl.col("stage_group").replace_strict(STAGES, default=None, return_dtype=pl.Float64),
        tumour_purity="tumour_purity",
    )
    given = [name for name in known.columns if known[name].drop_nulls().n_unique() > 1]
    if present and "spearman" in methods and given:
        covariates = known.select(given).fill_null(np.nan).to_numpy()
        pairs = correlate_genes(matrix, genes, present, method="spearman", covariates=covariates)
        frames.append(
            PAIRS.shape(
                pairs.with_columns(
                    cohort_id=pl.lit(cohort_id), method=pl.lit("spearman_partial"), given=pl.lit("|".join(given))
                )
            )
        )
    return pl.concat(frames)


def correlation_part(cohort: Cohort, registry: Registry) -> Step:
    address, expression = partition_of(PAIRS.address, cohort.id), expression_address(cohort.id)
    patients = patients_address(cohort.id)
    cohort_id = cohort.id
    targets, methods = tuple(registry.correlation.targets), tuple(registry.correlation.methods)

    def compute(inputs: Inputs) -> pl.DataFrame:
        return correlate_cohort(inputs.read(expression), cohort_id, targets, methods, inputs.read(patients))

    return table_step(
        outputs={address: PAIRS},
        compute=compute,
        inputs=(expression, patients),
        parameters={"cohort": cohort_id, "targets": targets, "methods": methods},
        tags={"cohort": cohort_id},
    )


def count_family(family: Family, frame: pl.DataFrame) -> pl.DataFrame:
    """How many tests each family of a table holds, and how many of them stand."""
    p, q = family.p_value, family.q_value
    if family.only:
        frame = frame.filter(pl.col(family.only[0]) == family.only[1])
    label = pl.concat_str([*[pl.col(name) for name in family.within], pl.lit(p)], separator=" ")
    # A table that was published with q-values alone was tested all the same; its p-values are no larger than these.
    tested = pl.coalesce(p, q)
    return HYPOTHESES.shape(
        # Rows without a q-value, such as the covariates of a model, belong to no family.
        frame.filter(pl.col(q).is_not_null())
        .with_columns(family=label)
        .group_by("family")
        .agg(
            pl.len().alias("n_tests"),
            (tested < 0.05).sum().alias("n_below_0_05"),
            (pl.col(q) < 0.05).sum().alias("n_q_below_0_05"),
        )
        .with_columns(analysis=pl.lit(family.table), correction=pl.lit(family.correction))
        .sort("family")
    )


def count_printed_families(audit: pl.DataFrame) -> pl.DataFrame:
    """Families of printed tables: what was tried counts, also where only the significant part was printed.

    Args:
        audit: rows of `core.claims__table2_audit`.
    """
    return HYPOTHESES.shape(
        audit.filter(pl.col("family_tests").is_not_null())
        .with_columns(family=pl.concat_str("table_id", "endpoint", "model", separator=" "))
        .group_by("family")
        .agg(
            pl.col("family_tests").first().alias("n_tests"),
            (pl.col("p_value_reported") < 0.05).sum().alias("n_below_0_05"),
            (pl.col("q_value_bh_family") < 0.05).sum().alias("n_q_below_0_05"),
        )
        .with_columns(
            analysis=pl.lit(PRINTED), correction=pl.lit("Benjamini-Hochberg over all that was tried (printed p-values)")
        )
        .sort("family")
    )


def hypotheses_tested() -> Step:
    addresses = (*dict.fromkeys(family.table for family in FAMILIES), PRINTED)

    def compute(inputs: Inputs) -> pl.DataFrame:
        counted = [count_family(family, inputs.read(family.table)) for family in FAMILIES]
        return pl.concat([*counted, count_printed_families(inputs.read(PRINTED))])

    return table_step(
        outputs={HYPOTHESES.address: HYPOTHESES},
        compute=compute,
        code_version=code_version_of(compute, also=[repr(FAMILIES)]),
        inputs=addresses,
        allow_unavailable_inputs=True,
    )


def evidence_assets(registry: Registry) -> list[Step]:
    cohorts = registry.analysed_cohorts()
    return [
        *(correlation_part(cohort, registry) for cohort in cohorts),
        union_of(PAIRS.address, [partition_of(PAIRS.address, cohort.id) for cohort in cohorts]),
        hypotheses_tested(),
    ]


def steps(registry: Registry) -> list[Step]:
    return evidence_assets(registry)
