"""Groups of the Dagster UI: by domain, so that the collapsed graph reads from left to right without a circle.

Partitions stand in the group of their table. A prefix that is longer wins over one that is shorter.
"""

from __future__ import annotations

import functools

SOURCES = "sources"
RELEASE = "release"

# Prefix of a table's name -> its group. What sources hold stands apart from what is made of it, because names of genes
# are settled from all sources at once, and cohorts and studies are then told in these names.
GROUPS = {
    "raw.": "genes_and_gene_sets",
    "raw.catalog__": "cohort_files",
    "raw.catalog__contrasts": "study_files",
    "raw.cbioportal__": "cohort_files",
    "raw.gdc__": "cohort_files",
    "raw.xena__": "cohort_files",
    "raw.studies__": "study_files",
    "raw.dose_response__": "study_files",
    "raw.tumour_growth__": "study_files",
    "raw.plasma_panel__": "study_files",
    "raw.drug_combination__": "study_files",
    "raw.qpcr__": "study_files",
    "raw.assays__": "study_files",
    "raw.rejected_rows": RELEASE,
    "staging.": "cohorts",
    "staging.genes__": "genes_and_gene_sets",
    "staging.gene_": "genes_and_gene_sets",
    "staging.knowledge__": "genes_and_gene_sets",
    "staging.gdc__genes": "genes_and_gene_sets",
    "staging.studies__": "studies",
    "parts.cohorts__": "cohorts",
    "parts.deg__": "differential_expression",
    "parts.single_cell__": "study_files",
    "core.studies__": "study_files",
    # Contrasts read sums of cells as they read a laboratory's counts.
    "core.single_cell__": "study_files",
    "core.single_cell__cell_scores": "evidence",
    "core.single_cell__sample_scores": "evidence",
    "core.single_cell__signature_scores": "evidence",
    "core.dose_response__": "bench",
    "core.tumour_growth__": "bench",
    "core.plasma_panel__": "bench",
    "core.drug_combination__": "bench",
    "core.qpcr__": "bench",
    "core.assays__": "bench",
    "core.deg__": "differential_expression",
    "core.gene_lists__": "intersections",
    "core.intersections__": "intersections",
    "core.enrichment__": "enrichment",
    "core.gsea__": "enrichment",
    "core.survival__": "survival",
    "core.alterations__": "alterations",
    "core.correlation__": "expression",
    "core.expression__": "expression",
    "core.evidence__": "evidence",
    "core.hypotheses_tested": "claims",
    "core.multiverse__": "claims",
    "core.claims__": "claims",
    "core.": "evidence",
    "marts.": "evidence",
    "marts.enriched_terms": "enrichment",
    "marts.survival_by_gene": "survival",
    "marts.cohort_endpoints": "survival",
    "marts.endpoint_": "survival",
    "marts.published_claims": "claims",
    "marts.sample_sheet": "studies",
    "marts.dataset_catalog": RELEASE,
}


@functools.cache
def group_of(table_name: str) -> str:
    """Group of a table, such as `survival` for `core.survival__kaplan_meier`; its layer where no rule names it."""
    prefixes = [prefix for prefix in GROUPS if table_name.startswith(prefix)]
    return GROUPS[max(prefixes, key=len)] if prefixes else table_name.partition(".")[0]
