"""`core.hypotheses_tested`: the account of every family of hypotheses that was tested."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

HYPOTHESES = TABLES["core.hypotheses_tested"]
PRINTED = "core.claims__table2_audit"


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
        "core.tumour_growth__contrasts",
        ("study_id", "measure"),
        "p_value",
        "p_value_holm",
        "Holm over the differences of arms (model to read)",
        ("role", "primary"),
    ),
    Family(
        "core.tumour_growth__contrasts",
        ("study_id", "measure", "method"),
        "p_value",
        "p_value_holm",
        "Holm over the differences of arms (one number per mouse)",
        ("method", "welch"),
    ),
    Family(
        "core.plasma_panel__comparisons",
        ("study_id", "contrast", "method"),
        "p",
        "q",
        "Benjamini-Hochberg over the tested markers",
    ),
    Family(
        "core.plasma_panel__survival",
        ("study_id", "endpoint", "model"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over the tested markers (Wald)",
    ),
    Family(
        "core.plasma_panel__survival",
        ("study_id", "endpoint"),
        "p_logrank",
        "q_value_bh_logrank",
        "Benjamini-Hochberg over the tested markers (log-rank at the median)",
        ("model", "median_split"),
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
    Family(
        "core.single_cell__pseudobulk",
        ("study_id", "comparison_id", "species", "cell_type", "method"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (sums of a cell type per sample)",
    ),
    Family(
        "core.single_cell__composition",
        ("study_id", "comparison_id", "denominator", "level", "method"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over cell types (their shares per sample)",
    ),
    Family(
        "core.single_cell__signature_scores",
        ("study_id", "comparison_id", "measure", "species", "cell_type"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over signatures (Welch's t over samples)",
    ),
    Family(
        "core.alterations__survival",
        ("cohort_id", "endpoint", "alteration_class"),
        "p_likelihood_ratio",
        "q_value_bh",
        "Benjamini-Hochberg over genes (altered against not, likelihood ratio)",
    ),
    Family(
        "core.alterations__survival",
        ("cohort_id", "endpoint", "alteration_class"),
        "p_logrank",
        "q_value_bh_logrank",
        "Benjamini-Hochberg over genes (altered against not, log-rank)",
    ),
    Family(
        "core.alterations__cis_effects",
        ("cohort_id", "layer"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over features (Spearman with the gene's own mRNA)",
    ),
    Family(
        "core.alterations__driver_expression",
        ("cohort_id", "driver_id"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over genes (limma)",
    ),
    Family(
        "core.alterations__driver_interactions",
        ("cohort_id", "endpoint", "driver_id"),
        "p_likelihood_ratio",
        "q_value_bh",
        "Benjamini-Hochberg over the genes of interest (product with the driver)",
    ),
    Family(
        "core.alterations__pairs",
        ("cohort_id",),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over pairs (Poisson-binomial)",
    ),
    Family(
        "core.alterations__pairs",
        ("cohort_id",),
        "p_value_fisher",
        "q_value_fisher_bh",
        "Benjamini-Hochberg over pairs (Fisher, ignoring the burden)",
    ),
    Family(
        "core.alterations__burden",
        ("cohort_id", "kind"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over endpoints, or drivers (mutational burden)",
    ),
    Family(
        "core.alterations__stratum_survival",
        ("cohort_id", "stratum_id", "endpoint", "model"),
        "p_likelihood_ratio",
        "q_value_bh_likelihood_ratio",
        "Benjamini-Hochberg over genes (within the stratum)",
    ),
    Family(
        "core.alterations__stratum_optimal_cuts",
        ("cohort_id", "stratum_id", "endpoint"),
        "p_corrected",
        "q_value_bh",
        "Benjamini-Hochberg over genes (optimal cut within the stratum)",
    ),
    Family(
        "core.alterations__stratum_multivariable_terms",
        ("cohort_id", "stratum_id", "endpoint", "model_id"),
        "p_value",
        "q_value_bh",
        "Benjamini-Hochberg over the genes of interest (within the stratum)",
    ),
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


def steps(registry: Registry) -> list[Step]:
    return [hypotheses_tested()]
