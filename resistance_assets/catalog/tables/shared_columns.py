"""Constants that the models of several tables share: upstream columns, descriptions, checks."""

from __future__ import annotations

from typing import Any

SYMBOL = "gene symbol approved by HGNC where the source's symbol could be resolved, else the source's own"
P_CHECK: dict[str, Any] = {"ge": 0.0, "le": 1.0}
COUNTS = "raw.studies__gene_sample_counts.read_count"
PUBLISHED = "raw.studies__published_results"
DEG_INPUT = (
    COUNTS,
    "raw.studies__probe_intensities.intensity",
    f"{PUBLISHED}.log2_fold_change",
    f"{PUBLISHED}.p_value",
    "raw.studies__samples.value",
)
CONTRAST = "raw.catalog__contrasts.contrast_id"
FEATURE_SYMBOL = "staging.genes__measured.hgnc_symbol"
SAMPLE = "raw.studies__samples.value"
MEMBER = ("core.gene_lists__members.hgnc_symbol", "core.gene_lists__members.list_id")
UNIVERSE = ("core.deg__contrast_genes.hgnc_symbol", "core.deg__contrast_genes.p_value")
SETS = ("staging.gene_sets__members.hgnc_symbol", *MEMBER)
TIME = "staging.cohorts__patient_endpoints.time_months"
EVENT = "staging.cohorts__patient_endpoints.event_observed"
EXPRESSION = "staging.cohorts__gene_expression.expression_value"
SURVIVAL = (TIME, EVENT, EXPRESSION)
COHORT = "staging.cohorts__patient_endpoints.cohort_id"
COHORT_SYMBOL = "staging.cohorts__genes.hgnc_symbol"
