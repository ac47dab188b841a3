"""Marts: SQL, what analysts ask for (lineage is read from the SQL)."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import SYMBOL


@table(
    "marts.cohort_endpoints",
    grain="one row per cohort and endpoint",
    key=("cohort_id", "endpoint"),
    limitation="endpoints of one cohort are not independent: they share patients and events",
)
class MartCohortEndpoints(TableModel):
    """Endpoints side by side, with what the genome-wide screen found in each."""

    cohort_id: pl.String = col("cohort")
    cohort: pl.String = col("cohort in words")
    endpoint: pl.String = col("endpoint")
    endpoint_title: pl.String = col("endpoint in words")
    n_patients: pl.Int64 = col("patients of the cohort", unit="patients")
    n_analysed: pl.Int64 = col("patients with follow-up and expression", unit="patients")
    n_events_analysed: pl.Int64 = col("events among them", unit="patients")
    median_follow_up_months: pl.Float64 = col("reverse Kaplan-Meier", unit="months", null=True)
    genes_tested: pl.Int64 = col("genes that the primary model tested", unit="genes")
    genes_p_below_0_05: pl.Int64 = col("genes with p < 0.05 by its likelihood-ratio test", unit="genes")
    genes_q_below_0_05: pl.Int64 = col("genes with q < 0.05 by its likelihood-ratio test", unit="genes")
    primary_model: pl.String = col("continuous or rank_normal: the scale to read first", null=True)
    status_attribute: pl.String = col("vendor's column of the event")


@table(
    "marts.survival_by_gene",
    grain="one row per cohort, endpoint and gene",
    key=("cohort_id", "endpoint", "hgnc_symbol"),
    limitation="the two models are two views of the same patients, not a replication",
)
class MartSurvivalByGene(TableModel):
    """The continuous and the median-split model of one gene side by side."""

    cohort_id: pl.String = col("cohort")
    endpoint: pl.String = col("endpoint")
    hgnc_symbol: pl.String = col(SYMBOL)
    n: pl.Int64 = col("patients", unit="patients")
    events: pl.Int64 = col("events", unit="patients")
    hazard_ratio_per_sd: pl.Float64 = col("per standard deviation of expression", null=True)
    expression_scale: pl.String = col("what one unit of expression is", null=True)
    primary_model: pl.String = col(
        "continuous, or rank_normal where the profile is linear or a z-score: what hazard_ratio_primary, p_primary and"
        " q_primary are of",
        null=True,
    )
    primary_scale: pl.String = col("what expression is in the primary model", null=True)
    hazard_ratio_primary: pl.Float64 = col("per standard deviation, of the primary model", null=True)
    p_primary: pl.Float64 = col("likelihood-ratio test of the primary model: the p-value to read", null=True)
    q_primary: pl.Float64 = col("Benjamini-Hochberg of p_primary over the genes", null=True)
    percentile_primary: pl.Float64 = col("share of genes with a smaller p_primary", unit="%", null=True)
    p_likelihood_ratio: pl.Float64 = col("likelihood-ratio test of the continuous model", null=True)
    q_likelihood_ratio: pl.Float64 = col("Benjamini-Hochberg of p_likelihood_ratio over the genes", null=True)
    minimum_detectable_hazard_ratio: pl.Float64 = col(
        "per standard deviation, at these events (80 % power, two-sided alpha 0.05)", null=True
    )
    p_continuous: pl.Float64 = col("Wald", null=True)
    q_continuous: pl.Float64 = col("Benjamini-Hochberg over the genes", null=True)
    percentile_continuous: pl.Float64 = col("share of genes with a smaller p", unit="%", null=True)
    hazard_ratio_median_split: pl.Float64 = col("above median over the rest", null=True)
    ci_lower_median_split: pl.Float64 = col("95 % limit", null=True)
    ci_upper_median_split: pl.Float64 = col("95 % limit", null=True)
    n_high: pl.Int64 = col("patients above the median", unit="patients", null=True)
    n_low: pl.Int64 = col("the other patients", unit="patients", null=True)
    events_high: pl.Int64 = col("events above the median", unit="patients", null=True)
    events_low: pl.Int64 = col("events of the others", unit="patients", null=True)
    p_permutation: pl.Float64 = col("in place of p_logrank where a half is below the declared minimum", null=True)
    split_note: pl.String = col("why the split has no p_logrank", null=True)
    p_logrank: pl.Float64 = col("log-rank", null=True)
    q_logrank: pl.Float64 = col("Benjamini-Hochberg over the genes", null=True)
    percentile_logrank: pl.Float64 = col("share of genes with a smaller p", unit="%", null=True)


@table(
    "marts.deg_by_contrast",
    grain="one row per contrast and gene",
    key=("contrast_id", "hgnc_symbol"),
    limitation="the method shown is the first that the contrast declares; the others are in core.deg__contrast_genes",
)
class MartDegByContrast(TableModel):
    """Differential expression by the leading method of each contrast, with drug and list membership."""

    contrast_id: pl.String = col("contrast")
    drug: pl.String = col("drug", null=True)
    drug_class: pl.String = col("class of the drug", null=True)
    state: pl.String = col("acquired, tolerant or treated; null where the study does not say", null=True)
    cell_line: pl.String = col("cell line of both groups", null=True)
    laboratory: pl.String = col("whose cultures", null=True)
    hgnc_symbol: pl.String = col(SYMBOL)
    method: pl.String = col("method")
    log2_fold_change: pl.Float64 = col("numerator over denominator", unit="log2", null=True)
    standard_error: pl.Float64 = col("of log2_fold_change", unit="log2", null=True)
    p_value: pl.Float64 = col("two-sided", null=True)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the contrast", null=True)
    p_value_note: pl.String = col("why p or q is absent or qualified", null=True)
    n_numerator: pl.Int64 = col("samples; null where a published table does not state it", unit="samples", null=True)
    n_denominator: pl.Int64 = col("samples; null where a published table does not state it", unit="samples", null=True)
    evidence_kind: pl.String = col("inferential or effect_only")
    in_list: pl.String = col("up or down where the gene is in the contrast's list", null=True)


@table(
    "marts.gene_evidence",
    grain="one row per gene that any analysis saw",
    key=("hgnc_symbol",),
    limitation="an empty cell is 'not measured', never 'no effect'",
)
class MartGeneEvidence(TableModel):
    """Everything that the warehouse knows of a gene in one row."""

    hgnc_symbol: pl.String = col(SYMBOL)
    gene_name: pl.String = col("approved name", null=True)
    entrez_gene_id: pl.Int64 = col("NCBI Gene id", null=True)
    ensembl_gene_id: pl.String = col("Ensembl gene id", null=True)
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")
    cancer_gene_lists: pl.String = col("those lists, joined by |", null=True)
    contrasts_measured: pl.Int64 = col("contrasts with an effect for the gene")
    contrasts_up: pl.Int64 = col("contrasts in whose up list it is")
    contrasts_down: pl.Int64 = col("contrasts in whose down list it is")
    resistance_contrasts_up: pl.Int64 = col("of these, contrasts under a drug: up")
    resistance_contrasts_down: pl.Int64 = col("of these, contrasts under a drug: down")
    strongest_contrast: pl.String = col("contrast with the smallest q-value", null=True)
    strongest_log2_fold_change: pl.Float64 = col("effect there", unit="log2", null=True)
    strongest_q_value_bh: pl.Float64 = col("q-value there", null=True)
    cohort_id: pl.String = col(
        "cohort of the survival columns: of those that tested the gene, the one with most deaths", null=True
    )
    os_n: pl.Int64 = col("patients, overall survival", unit="patients", null=True)
    os_events: pl.Int64 = col("deaths", unit="patients", null=True)
    os_primary_model: pl.String = col(
        "continuous, or rank_normal where the profile is linear or a z-score: what the hazard ratios per standard"
        " deviation, their p-values, q-values and percentiles are of (marts.survival_by_gene has both scales)",
        null=True,
    )
    os_expression_scale: pl.String = col("what expression is in that model", null=True)
    os_hazard_ratio_per_sd: pl.Float64 = col("per standard deviation on that scale", null=True)
    os_hazard_ratio: pl.Float64 = col("above median over the rest", null=True)
    os_p_logrank: pl.Float64 = col("log-rank at the median split", null=True)
    os_p_value: pl.Float64 = col("likelihood-ratio test of that model: what os_q_value_bh comes from", null=True)
    os_q_value_bh: pl.Float64 = col("Benjamini-Hochberg of os_p_value, over all genes", null=True)
    os_percentile: pl.Float64 = col("share of genes with a smaller os_p_value", unit="%", null=True)
    dss_n: pl.Int64 = col("patients, disease-specific survival", unit="patients", null=True)
    dss_events: pl.Int64 = col("events, disease-specific survival", unit="patients", null=True)
    dss_hazard_ratio_per_sd: pl.Float64 = col(
        "disease-specific survival, per standard deviation, of the primary model", null=True
    )
    dss_q_value_bh: pl.Float64 = col("by its likelihood-ratio test, over all genes", null=True)
    dfs_n: pl.Int64 = col("patients, disease-free survival", unit="patients", null=True)
    dfs_events: pl.Int64 = col("events, disease-free survival", unit="patients", null=True)
    dfs_hazard_ratio_per_sd: pl.Float64 = col(
        "disease-free survival, per standard deviation, of the primary model", null=True
    )
    dfs_q_value_bh: pl.Float64 = col("by its likelihood-ratio test, over all genes", null=True)
    pfs_n: pl.Int64 = col("patients, progression-free survival", unit="patients", null=True)
    pfs_events: pl.Int64 = col("events, progression-free survival", unit="patients", null=True)
    pfs_hazard_ratio_per_sd: pl.Float64 = col(
        "progression-free survival, per standard deviation, of the primary model", null=True
    )
    pfs_q_value_bh: pl.Float64 = col("by its likelihood-ratio test, over all genes", null=True)
    amplified_fraction: pl.Float64 = col("patients with GISTIC 2", unit="fraction", null=True)
    deep_loss_fraction: pl.Float64 = col("patients with GISTIC -2", unit="fraction", null=True)
    mutated_fraction: pl.Float64 = col("sequenced patients with a mutation of it", unit="fraction", null=True)
    fused_fraction: pl.Float64 = col("patients with a fusion of it", unit="fraction", null=True)
    copy_number_mrna_rho: pl.Float64 = col("Spearman, copy-number call against mRNA", null=True)
    copy_number_mrna_q_value_bh: pl.Float64 = col("over the genes of the layer", null=True)
    methylation_mrna_rho: pl.Float64 = col("Spearman, the strongest of its probes against mRNA", null=True)
    methylation_mrna_q_value_bh: pl.Float64 = col("over the probes of the layer", null=True)
    protein_mrna_rho: pl.Float64 = col("Spearman, the strongest of its antibodies against mRNA", null=True)
    protein_mrna_q_value_bh: pl.Float64 = col("over the antibodies of the layer", null=True)
    altered_os_hazard_ratio: pl.Float64 = col("overall survival, altered over unaltered", null=True)
    altered_os_q_value_bh: pl.Float64 = col("over the genes of the class of alteration", null=True)
    known_resistance_drugs: pl.String = col("drugs that CIViC says it resists, joined by |", null=True)
    known_resistance_levels: pl.String = col("levels of that evidence, A to E, joined by |", null=True)
    n_gene_sets: pl.Int64 = col("gene sets that hold it, all collections")
    bench_knock_downs: pl.Int64 = col("knock-downs of the gene in dose-response studies, by study, lines and drug")
    bench_knock_downs_resensitising: pl.Int64 = col(
        "of these, those that sensitise the resistant line more than the parental one (Holm p < 0.05)"
    )
    bench_knock_down_study: pl.String = col("study of the one with the smallest p", null=True)
    bench_knock_down_drug: pl.String = col("drug there", null=True)
    bench_knock_down_ratio: pl.Float64 = col(
        "there, EC50 ratio of the resistant line over that of the parental one", null=True
    )
    bench_knock_down_p_holm: pl.Float64 = col("its p, Holm over the knock-downs of the study", null=True)
    bench_panels: pl.Int64 = col("plasma panels that measured the gene's product")
    bench_panel_study: pl.String = col("of these, the one with most baseline samples, whose numbers follow", null=True)
    bench_panel_marker: pl.String = col("its name of the marker", null=True)
    bench_panel_verdict: pl.String = col("whether the marker was detected often enough to be tested", null=True)
    bench_panel_group_difference_log2: pl.Float64 = col("between its groups of patients, limma", unit="log2", null=True)
    bench_panel_group_q: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    bench_panel_pair_difference_log2: pl.Float64 = col("second minus first sample, limma", unit="log2", null=True)
    bench_panel_pair_q: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    bench_panel_pfs_hazard_ratio_per_sd: pl.Float64 = col("progression, Cox model", null=True)
    bench_panel_pfs_q_value_bh: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    bench_panel_os_hazard_ratio_per_sd: pl.Float64 = col("death, Cox model", null=True)
    bench_panel_os_q_value_bh: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)


@table(
    "marts.drug_response",
    grain="one row per dose-response study, cell line, condition and drug",
    key=("study_id", "cell_line", "condition", "drug"),
    limitation="an empty ic50_um is no missing measurement: ic50_text says the bound, or why there is none",
)
class MartDrugResponse(TableModel):
    """How a cell line answers to a drug: IC50 and EC50, growth rates, change against the parental line, knock-down."""

    study_id: pl.String = col("study")
    cell_line: pl.String = col("cell line")
    condition: pl.String = col("siRNA or other condition; `none` where there is none")
    drug: pl.String = col("drug")
    model: pl.String = col("curve that the study reports")
    verdict: pl.String = col("what the curve can say of its IC50")
    n_replicates: pl.Int64 = col("independent replicates", null=True)
    min_dose_um: pl.Float64 = col("lowest dose above 0", unit="uM", null=True)
    max_dose_um: pl.Float64 = col("highest dose", unit="uM", null=True)
    ic50_text: pl.String = col("IC50 as it is printed: a number, a bound, or why there is none")
    ic50_um: pl.Float64 = col("dose at 50 % viability (absolute)", unit="uM", null=True)
    ic50_um_lower: pl.Float64 = col("95 % limit", unit="uM", null=True)
    ic50_um_upper: pl.Float64 = col("95 % limit", unit="uM", null=True)
    ec50_um: pl.Float64 = col("dose at half of the curve's own fall (relative)", unit="uM", null=True)
    ec50_um_lower: pl.Float64 = col("95 % limit", unit="uM", null=True)
    ec50_um_upper: pl.Float64 = col("95 % limit", unit="uM", null=True)
    auc: pl.Float64 = col("mean viability over the log-dose range, as a fraction", null=True)
    emax_percent: pl.Float64 = col("mean viability at the highest dose", unit="percent", null=True)
    gr50_um: pl.Float64 = col("dose at a growth-rate value of 0.5", unit="uM", null=True)
    gr50_text: pl.String = col("as it is printed", null=True)
    gr_max: pl.Float64 = col("smaller mean growth-rate value of the two highest doses", null=True)
    parental: pl.String = col("line that it is compared with; null of a line that is none's resistant one", null=True)
    ec50_fold_change: pl.Float64 = col("EC50 over the parental line's, between replicates", null=True)
    ec50_fold_change_p: pl.Float64 = col(
        "paired t where replicates are paired, else Welch's, on the logarithm", null=True
    )
    ic50_fold_change_text: pl.String = col("IC50 over the parental line's, or its bound", null=True)
    fold_change_note: pl.String = col("why there is no test", null=True)
    knocked_down_gene: pl.String = col("gene of the condition, as the study declares it", null=True)
    knock_down_ratio: pl.Float64 = col("EC50 over that with the control siRNA, in this line", null=True)
    knock_down_p_holm: pl.Float64 = col("Holm over the knock-downs of the line", null=True)
    resensitisation_ratio: pl.Float64 = col(
        "the resistant line's ratio over the parental one's; below 1: it sensitises the resistant line more",
        null=True,
    )
    resensitisation_p_holm: pl.Float64 = col("Holm over the knock-downs", null=True)


@table(
    "marts.endpoint_dictionary",
    grain="one row per set of patients, endpoint and source",
    key=("patient_set", "endpoint", "source_id"),
    limitation="the source in use is the one that was declared first, not the one that was proven right",
)
class EndpointDictionary(TableModel):
    """Where each endpoint comes from: per source its columns, unit, n, events, follow-up and who it disagrees on."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it")
    source_id: pl.String = col("cohort or project that has the values")
    is_reference: pl.Boolean = col("whether this is the source that the cohort itself is analysed by")
    source_endpoint: pl.String = col("what the source calls the endpoint")
    event_attribute: pl.String = col("where the source has the event")
    time_attribute: pl.String = col("where the source has the time")
    time_unit: pl.String = col("unit of the source")
    n_patients: pl.Int64 = col("patients with an event or a time", unit="patients", ge=0)
    n_usable: pl.Int64 = col("patients with both", unit="patients", ge=0)
    n_events: pl.Int64 = col("events among the usable ones", unit="patients", ge=0)
    median_follow_up_months: pl.Float64 = col(
        "median of the time to censoring (reverse Kaplan-Meier) of the usable ones; null where it is not reached",
        unit="months",
        null=True,
        ge=0,
    )
    n_compared: pl.Int64 = col("patients with event and time whom another source has too", unit="patients", ge=0)
    n_disagreeing: pl.Int64 = col(
        "of those, on whom another source says something else: see marts.endpoint_disagreements", unit="patients", ge=0
    )


@table(
    "marts.endpoint_disagreements",
    grain="one row per set of patients, endpoint, patient and pair of sources that disagree",
    key=("patient_set", "endpoint", "patient_id", "source_id_a", "source_id_b"),
    limitation="a later release is not always the better one: a death may not yet have reached the other source",
)
class EndpointDisagreements(TableModel):
    """Patients on whom two sources disagree, with both values."""

    patient_set: pl.String = col("cohort whose patients these are")
    endpoint: pl.String = col("endpoint as that cohort calls it")
    patient_id: pl.String = col("patient")
    source_id_a: pl.String = col("first source")
    source_id_b: pl.String = col("second source")
    event_observed_a: pl.Int64 = col("1 = event, 0 = censored", isin=[0, 1])
    event_observed_b: pl.Int64 = col("1 = event, 0 = censored", isin=[0, 1])
    time_months_a: pl.Float64 = col("time", unit="months")
    time_months_b: pl.Float64 = col("time", unit="months")
    difference_months: pl.Float64 = col("time_months_b - time_months_a", unit="months")
    disagreement: pl.String = col("what differs", isin=["event", "time", "event and time"])


@table(
    "marts.dataset_catalog",
    grain="one row per cohort or study",
    key=("dataset_id",),
    limitation="a dataset without rows is not an empty one: it could not be had",
)
class MartDatasetCatalog(TableModel):
    """What is loaded and how much of it."""

    dataset_id: pl.String = col("cohort or study")
    kind: pl.String = col("cohort, study (of expression), or the kind of a bench study, such as dose_response")
    title: pl.String = col("in words")
    n_samples: pl.Int64 = col(
        "samples (study, plasma_panel, qpcr), patients with expression (cohort), curves (dose_response), matrices of"
        " two drugs (drug_combination), mice (tumour_growth), experiments (two_way_assay) or cells that are analysed"
        " (single_cell)"
    )
    n_genes: pl.Int64 = col("genes measured; 0 where an assay measures none", unit="genes")
    n_contrasts: pl.Int64 = col("contrasts declared")
    is_loaded: pl.Boolean = col("whether any value of it is in the warehouse")


@table(
    "marts.published_claims",
    grain="one row per claim",
    key=("claim_id",),
    limitation="a verdict is on a figure, not on a paper: a reproduced figure can be worth nothing",
)
class MartPublishedClaims(TableModel):
    """The claims report: what the papers say, what the data say, and what each figure is worth."""

    claim_id: pl.String = col("claim")
    paper_id: pl.String = col("paper")
    statement: pl.String = col("what is claimed")
    quantity: pl.String = col("what the figure is")
    stated_by: pl.String = col("paper, or check: seen when the paper was checked on public data")
    expected: pl.Float64 = col("the figure; null where a direction is claimed", null=True)
    tolerance: pl.Float64 = col("largest difference of a reproduced figure", null=True)
    direction: pl.String = col("side of the reference that is claimed", null=True)
    reference: pl.Float64 = col("of the direction", null=True)
    value: pl.Float64 = col("recomputed; null without data", null=True)
    verdict: pl.String = col(
        "reproduced, near, inconclusive (the data allow both sides), contradicted (they exclude the claimed side),"
        " not_reproduced, synthetic (computed from generated data), data_not_public or data_not_loaded"
    )
    verdict_reason: pl.String = col("why")
    first_release_with_verdict: pl.Int64 = col("first release of the unbroken run of this verdict", null=True)
    n: pl.Float64 = col("patients, samples or genes that the value rests on", null=True)
    events: pl.Float64 = col("events among them", unit="patients", null=True)
    ci_lower: pl.Float64 = col("95 % limit of the value", null=True)
    ci_upper: pl.Float64 = col("95 % limit of the value", null=True)
    p_value: pl.Float64 = col("of the value, not corrected", null=True)
    q_value: pl.Float64 = col("within the declared family", null=True)
    q_value_panel: pl.Float64 = col("within the paper's panel", null=True)
    q_value_reported: pl.Float64 = col("of the printed p-value over all that the paper tried", null=True)
    percentile: pl.Float64 = col("of the p-value among all genes tested the same way", unit="%", null=True)
    rank: pl.Float64 = col("of the p-value among them", null=True)
    tested: pl.Float64 = col("genes tested the same way", unit="genes", null=True)
    family: pl.String = col("declared family, as in meta.hypotheses_tested", null=True)
    family_tests: pl.Int64 = col("tests in it", null=True)
    overlap: pl.Float64 = col("genes shared by two lists", unit="genes", null=True)
    expected_by_chance: pl.Float64 = col("of random lists", unit="genes", null=True)
    p_overlap: pl.Float64 = col("hypergeometric upper tail", null=True)
    p_implied: pl.Float64 = col("by the printed hazard ratio and interval", null=True)
    events_implied: pl.Float64 = col("by the printed interval", unit="patients", null=True)
    events_per_variable: pl.Float64 = col("of the printed model", null=True)
    p_corrected: pl.Float64 = col("that pays for the search of a cut-point", null=True)
    n_claimed: pl.Int64 = col("n as printed", null=True)
    n_available: pl.Float64 = col("largest n that the data can have", null=True)
    is_n_impossible: pl.Boolean = col("printed n above the largest possible", null=True)
    noise_bcv_0_1: pl.Float64 = col("the same count by noise alone at a BCV of 0.1", null=True)
    noise_bcv_0_2: pl.Float64 = col("at 0.2", null=True)
    noise_bcv_0_3: pl.Float64 = col("at 0.3", null=True)
    noise_bcv_0_4: pl.Float64 = col("at 0.4", null=True)
    assessment: pl.String = col("what the figure is worth, in a sentence", null=True)
    worth: pl.String = col("the same as `assessment`; goes with the next version", null=True)
    is_public: pl.Boolean = col("whether the paper's data are public")
    sources: pl.String = col("what the value was computed from, joined by |", null=True)
    source_checksums: pl.String = col("name=sha256 of those, joined by |", null=True)
    note: pl.String = col("what to know of the claim", null=True)


@table(
    "marts.resistance_candidates",
    grain="one row per drug class and gene that a contrast of resistant against sensitive cells measured",
    key=("drug_class", "hgnc_symbol"),
    limitation="only resistance contrasts enter score and rank; patients, tissues, lists and families are beside them",
)
class MartResistanceCandidates(TableModel):
    """Genes ranked per drug class, with what else is known of them in columns of their own."""

    drug_class: pl.String = col("class of the drug")
    hgnc_symbol: pl.String = col(SYMBOL)
    gene_name: pl.String = col("approved name", null=True)
    rank: pl.Int64 = col("by the absolute score within the class")
    score: pl.Float64 = col("weighted mean of signed ranks, from -1 to 1")
    direction: pl.String = col("up or down in resistant cells; none for a score of 0")
    n_studies: pl.Int64 = col("studies that tested the gene")
    n_contrasts: pl.Int64 = col("contrasts that tested the gene")
    n_contrasts_same_direction: pl.Int64 = col("of these, in the direction of the score")
    p_value_permutation: pl.Float64 = col("genes shuffled within studies; null with one study", null=True)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the drug class", null=True)
    rank_min_leave_one_out: pl.Int64 = col("best rank with a study left out", null=True)
    rank_max_leave_one_out: pl.Int64 = col("worst rank with a study left out", null=True)
    os_cohort_id: pl.String = col(
        "cohort of the survival columns: for every gene the one with most deaths; null where it did not test the gene",
        null=True,
    )
    os_n: pl.Int64 = col("patients of that cohort, overall survival", unit="patients", null=True)
    os_events: pl.Int64 = col("deaths among them", unit="patients", null=True)
    os_expression_scale: pl.String = col("patients: what expression is in the primary model", null=True)
    os_hazard_ratio_per_sd: pl.Float64 = col("patients: overall survival, per SD on that scale", null=True)
    os_q_value_bh: pl.Float64 = col("patients: likelihood-ratio test of the primary model, over all genes", null=True)
    os_percentile: pl.Float64 = col("patients: share of genes with a smaller p by that test", unit="%", null=True)
    tumour_contrast_id: pl.String = col("contrast of tumour and normal tissue", null=True)
    tumour_log2_fold_change: pl.Float64 = col("tumour over normal tissue", unit="log2", null=True)
    tumour_q_value_bh: pl.Float64 = col("tumour against normal tissue", null=True)
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")
    target_families: pl.String = col(
        "HGNC gene groups that drugs usually aim at (kinases, receptors, channels, proteases), joined by |; a family, "
        "not a statement that a drug exists",
        null=True,
    )
    known_mechanism: pl.String = col(
        "CIViC: known_for_class (resistance to a drug of the class), known_for_other_drug, or new_here; null where the"
        " source is not loaded",
        null=True,
        isin=["known_for_class", "known_for_other_drug", "new_here"],
    )
    known_levels: pl.String = col("levels of that evidence, A validated to E inferential, joined by |", null=True)
    known_variants: pl.String = col("variants, joined by |", null=True)
    known_drugs: pl.String = col("drugs, joined by |", null=True)
    known_pubmed_ids: pl.String = col("PubMed ids, joined by |", null=True)


@table(
    "marts.candidates",
    grain="one row per drug class and gene that a rule has a word of confidence for",
    key=("drug_class", "hgnc_symbol"),
    limitation="a word says how often a change was seen in resistant cell lines, not that it causes resistance",
)
class MartCandidates(TableModel):
    """Candidates of resistance per drug class: word of confidence, flags, effect, studies, and what would change it."""

    drug_class: pl.String = col("class of the drug")
    hgnc_symbol: pl.String = col(SYMBOL)
    gene_name: pl.String = col("approved name", null=True)
    direction: pl.String = col("up or down in resistant cells", isin=["up", "down"])
    confidence: pl.String = col(
        "replicated, suggested, single study, effect only or contradicted, by the rules of"
        " raw.catalog__confidence_rules",
        isin=["replicated", "suggested", "single study", "effect only", "contradicted"],
    )
    flags: pl.String = col(
        "drug response, line-specific, known mechanism, expression of the stroma, tumour marker, circular; joined by |",
        null=True,
    )
    rank_in_drug_class: pl.Int64 = col("by confidence, then by the bound of the interval nearest to no effect")
    log2_fold_change: pl.Float64 = col(
        "pooled; of the one study with replicates; else the mean of those without that are over the rule",
        unit="log2",
        null=True,
    )
    log2_fold_change_ci_lower: pl.Float64 = col("95 % limit; null without replicates", unit="log2", null=True)
    log2_fold_change_ci_upper: pl.Float64 = col("95 % limit; null without replicates", unit="log2", null=True)
    what_would_change_it: pl.String = col("what would move the candidate to another word")
    n_studies: pl.Int64 = col("independent studies of the class", unit="studies")
    k_studies: pl.Int64 = col("with replicates that measured the gene", unit="studies")
    n_studies_for: pl.Int64 = col("of them, in the direction", unit="studies")
    n_studies_against: pl.Int64 = col("of them, the other way", unit="studies")
    n_studies_not_measured: pl.Int64 = col("that did not measure the gene", unit="studies")
    n_effect_only_for: pl.Int64 = col("without replicates, in the direction", unit="studies")
    n_effect_only_against: pl.Int64 = col("without replicates, the other way", unit="studies")
    pooled_log2_fold_change: pl.Float64 = col("random effects; null below two studies", unit="log2", null=True)
    ci_lower: pl.Float64 = col("95 % limit of the pooled effect", unit="log2", null=True)
    ci_upper: pl.Float64 = col("95 % limit of the pooled effect", unit="log2", null=True)
    p_value: pl.Float64 = col("of the pooled effect", null=True)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg over the genes of the class", null=True)
    smallest_study_q_value: pl.Float64 = col("smallest q of a study on its own", null=True)
    i2: pl.Float64 = col("share of the variance that is between studies", unit="%", null=True)
    tau2: pl.Float64 = col("variance between studies", unit="log2 squared", null=True)
    direction_consistency: pl.Float64 = col("n_studies_for of k_studies", unit="fraction", null=True)
    leave_one_out_worst_q: pl.Float64 = col("largest q with a study left out; null below three", null=True)
    leave_one_out_same_sign: pl.Boolean = col("whether the sign stays whichever study goes", null=True)
    rank_aggregation_score: pl.Float64 = col("weighted mean of signed ranks, from -1 to 1", null=True)
    rank_aggregation_p_permutation: pl.Float64 = col("genes shuffled within studies", null=True)
    rank_aggregation_q_value_bh: pl.Float64 = col("Benjamini-Hochberg within the class", null=True)
    score: pl.Float64 = col("random-effects mean of Hedges' g", unit="sd", null=True)
    score_ci_lower: pl.Float64 = col("95 % limit", unit="sd", null=True)
    score_ci_upper: pl.Float64 = col("95 % limit", unit="sd", null=True)
    refusal_reason: pl.String = col("why there is no pooled effect", null=True)
    known_mechanism: pl.String = col("CIViC: known_for_class or known_for_other_drug", null=True)
    known_mechanism_level: pl.String = col("levels of that evidence, A to E, joined by |", null=True)
    known_mechanism_variants: pl.String = col("its variants, joined by |", null=True)
    known_mechanism_drugs: pl.String = col("its drugs, joined by |", null=True)
    is_druggable: pl.Boolean = col(
        "a drug is known; without the source of drugs: of a family that drugs usually aim at"
    )
    druggable_with: pl.String = col(
        "at most ten drugs that act on its product, approved ones first, joined by |; null without the source",
        null=True,
    )
    target_families: pl.String = col("HGNC gene groups that drugs usually aim at, joined by |", null=True)
    prognostic_hazard_ratio: pl.Float64 = col(
        "overall survival per SD in patients that were not given these drugs: prognostic, no part of the confidence",
        null=True,
    )
    prognostic_q_value: pl.Float64 = col("over all genes of the cohort", null=True)
    prognostic_cohort_id: pl.String = col("cohort", null=True)
    prognostic_n: pl.Int64 = col("patients", unit="patients", null=True)
    prognostic_events: pl.Int64 = col("deaths among them", unit="patients", null=True)
    predictive_hazard_ratio: pl.Float64 = col(
        "per SD in patients that were all given a drug of the class (treated_with); null without such a cohort",
        null=True,
    )
    predictive_q_value: pl.Float64 = col("over all genes of the cohort", null=True)
    predictive_cohort_id: pl.String = col("cohort", null=True)
    predictive_endpoint: pl.String = col("PFS where the cohort has it", null=True)
    predictive_n: pl.Int64 = col("patients", unit="patients", null=True)
    predictive_events: pl.Int64 = col("events of the endpoint among them", unit="patients", null=True)
    bench_summary: pl.String = col("what bench studies of the warehouse say of the gene", null=True)
    single_cell_summary: pl.String = col("cell types that make it, the leading one first, by study", null=True)


@table(
    "marts.drug_class_answers",
    grain="one row per drug class that the catalog names",
    key=("drug_class",),
    limitation="the numbers grow with the studies at hand and the genes that they measured",
)
class MartDrugClassAnswers(TableModel):
    """How many genes have which word of confidence in each class, and the sentence that says so."""

    drug_class: pl.String = col("class of the drug")
    n_replicated: pl.Int64 = col("genes", unit="genes")
    n_suggested: pl.Int64 = col("genes", unit="genes")
    n_single_study: pl.Int64 = col("genes", unit="genes")
    n_effect_only: pl.Int64 = col("genes", unit="genes")
    n_contradicted: pl.Int64 = col("genes", unit="genes")
    n_independent_studies: pl.Int64 = col("with replicates", unit="studies")
    n_studies_silent: pl.Int64 = col("without replicates: they can say nothing yet", unit="studies")
    n_effect_only_by_noise: pl.Float64 = col(
        "genes that pass the rules of its contrasts without replicates by noise alone, at the smallest assumed BCV",
        unit="genes",
        null=True,
    )
    leading_genes: pl.String = col("the first three candidates", null=True)
    answer_sentence: pl.String = col("the answer in a sentence")


@table(
    "marts.gene_multiomics",
    grain="one row per cohort and gene that a layer of the cohort speaks of",
    key=("cohort_id", "hgnc_symbol"),
    limitation="an empty cell is not measured, or too few to test: layers_not_measured and the core tables say which",
)
class MartGeneMultiomics(TableModel):
    """Mutations, copy number, fusions, methylation and protein of a gene in a cohort, and what they go with."""

    cohort_id: pl.String = col("cohort")
    hgnc_symbol: pl.String = col(SYMBOL)
    n_sequenced: pl.Int64 = col("patients sequenced for the gene", unit="patients", null=True)
    n_mutated: pl.Int64 = col("with a mutation that is not silent", unit="patients", null=True)
    mutated_fraction: pl.Float64 = col("of the sequenced", unit="fraction", null=True)
    mutated_fraction_lower: pl.Float64 = col("exact 95 % limit", unit="fraction", null=True)
    mutated_fraction_upper: pl.Float64 = col("exact 95 % limit", unit="fraction", null=True)
    truncated_fraction: pl.Float64 = col("with a truncating mutation", unit="fraction", null=True)
    hotspot_residues: pl.String = col("residues changed in three or more patients, joined by |", null=True)
    n_copy_number: pl.Int64 = col("patients with a copy-number call", unit="patients", null=True)
    amplified_fraction: pl.Float64 = col("GISTIC 2", unit="fraction", null=True)
    deep_loss_fraction: pl.Float64 = col("GISTIC -2", unit="fraction", null=True)
    n_fusion_profiled: pl.Int64 = col("patients in whom fusions were looked for", unit="patients", null=True)
    fused_fraction: pl.Float64 = col("with a fusion of the gene", unit="fraction", null=True)
    altered_fraction: pl.Float64 = col(
        "with any of these, of the patients measured for all", unit="fraction", null=True
    )
    copy_number_mrna_n: pl.Int64 = col("patients with both", unit="patients", null=True)
    copy_number_mrna_rho: pl.Float64 = col("Spearman, GISTIC call against the gene's own mRNA", null=True)
    copy_number_mrna_q_value_bh: pl.Float64 = col("over the genes of the layer", null=True)
    methylation_probe: pl.String = col("of the gene's probes the one with the strongest correlation", null=True)
    methylation_probes: pl.Int64 = col("probes of the gene", null=True)
    methylation_mrna_n: pl.Int64 = col("patients with both", unit="patients", null=True)
    methylation_mrna_rho: pl.Float64 = col("Spearman, that probe against the gene's own mRNA", null=True)
    methylation_mrna_q_value_bh: pl.Float64 = col("over the probes of the layer", null=True)
    protein_antibody: pl.String = col("of the gene's antibodies the one with the strongest correlation", null=True)
    protein_antibodies: pl.Int64 = col("antibodies of the gene", null=True)
    protein_mrna_n: pl.Int64 = col("patients with both", unit="patients", null=True)
    protein_mrna_rho: pl.Float64 = col("Spearman, that antibody against the gene's own mRNA", null=True)
    protein_mrna_q_value_bh: pl.Float64 = col("over the antibodies of the layer", null=True)
    altered_os_class: pl.String = col("class that most patients have, of the comparison that follows", null=True)
    altered_os_n: pl.Int64 = col("altered patients, overall survival", unit="patients", null=True)
    altered_os_events: pl.Int64 = col("deaths among them", unit="patients", null=True)
    altered_os_hazard_ratio: pl.Float64 = col("altered over unaltered", null=True)
    altered_os_ci_lower: pl.Float64 = col("95 % limit", null=True)
    altered_os_ci_upper: pl.Float64 = col("95 % limit", null=True)
    altered_os_p_value: pl.Float64 = col("likelihood ratio; permutation where a group is small", null=True)
    altered_os_q_value_bh: pl.Float64 = col("over the genes of the class; none for a permutation", null=True)
    strata_os_hazard_ratios_per_sd: pl.String = col(
        "stratum=hazard ratio per SD of expression, joined by |; strata that are too small are not here", null=True
    )
    strata_os_smallest_q_value_bh: pl.Float64 = col(
        "smallest q over those strata, each within its own genes", null=True
    )
    strongest_driver: pl.String = col("driver with the smallest q of the gene's expression", null=True)
    strongest_driver_log2_difference: pl.Float64 = col("altered less unaltered", null=True)
    strongest_driver_q_value_bh: pl.Float64 = col("over the genes of that driver", null=True)
    layers_not_measured: pl.String = col("layers that the cohort was not measured for, joined by |", null=True)


@table(
    "marts.concordant_genes",
    grain="one row per gene and direction that the lists of two contrasts or more share",
    key=("hgnc_symbol", "direction"),
    limitation="contrasts of one study share control samples, so agreement among them is less than replication",
)
class MartConcordantGenes(TableModel):
    """Genes that change in the same direction again, by the lists of each contrast's leading method."""

    hgnc_symbol: pl.String = col(SYMBOL)
    direction: pl.String = col("up or down", isin=["up", "down"])
    n_contrasts: pl.Int64 = col("contrasts in whose list it is")
    n_drug_contrasts: pl.Int64 = col("of these, under a drug")
    n_studies: pl.Int64 = col("studies that they belong to")
    contrasts: pl.String = col("those contrasts, joined by |")
    drug_classes: pl.String = col("drug classes of those contrasts, joined by |", null=True)
    smallest_abs_log2_fold_change: pl.Float64 = col("weakest effect among them", unit="log2")
    largest_q_value_bh: pl.Float64 = col("weakest q-value among them", null=True)
    n_contrasts_opposite: pl.Int64 = col("contrasts in whose list it is in the other direction")
    in_cancer_gene_list: pl.Boolean = col("member of any published cancer gene list")


@table(
    "marts.enriched_terms",
    grain="one row per list, collection and term with q < 0.05",
    key=("list_id", "collection", "term_id"),
    limitation="terms of one collection share genes, so neighbouring rows are not independent findings",
)
class MartEnrichedTerms(TableModel):
    """Enriched terms with the contrast and drug of their list."""

    list_id: pl.String = col("list")
    list_role: pl.String = col("where the list comes from")
    contrast_id: pl.String = col("contrast the list was derived from", null=True)
    method: pl.String = col("method the list was derived by", null=True)
    direction: pl.String = col("up or down", null=True)
    drug: pl.String = col("drug of the contrast", null=True)
    drug_class: pl.String = col("class of the drug", null=True)
    collection: pl.String = col("collection")
    term_id: pl.String = col("vendor's id, else the term")
    term: pl.String = col("name of the set")
    overlap: pl.Int64 = col("genes in both", unit="genes")
    set_size: pl.Int64 = col("set members in the universe", unit="genes")
    list_size: pl.Int64 = col("list members in the universe", unit="genes")
    universe_size: pl.Int64 = col("genes tested", unit="genes")
    fold_enrichment: pl.Float64 = col("overlap over expected", null=True)
    p_value: pl.Float64 = col("hypergeometric upper tail")
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within list and collection")
    is_circular: pl.Boolean = col("the list was made from what the term says, so the test is no evidence")
    genes: pl.String = col("genes in both, joined by a comma", null=True)


@table(
    "marts.sample_sheet",
    grain="one row per dataset and sample",
    key=("dataset_id", "sample_id"),
    limitation="a sample listed here need not enter an analysis",
)
class MartSampleSheet(TableModel):
    """Every sample of cohorts and studies, with what its sheet says of it."""

    dataset_id: pl.String = col("cohort or study")
    kind: pl.String = col("cohort or study")
    sample_id: pl.String = col("sample as the source names it")
    patient_id: pl.String = col("patient, where the source names one", null=True)
    attributes: pl.String = col("what the sheet says, as name=value joined by |", null=True)
    is_analysed: pl.Boolean = col("stands for its patient (cohort), or has counts (study)")


@table(
    "marts.panel_markers",
    grain="one row per plasma-panel study and marker",
    key=("study_id", "marker"),
    limitation="plasma and tumour are two places: a gene that is high in both is not the same measurement twice",
)
class MartPanelMarkers(TableModel):
    """A marker in plasma in one row: detection, groups, pairs, survival, AUC, beside its gene in lines and tumours."""

    study_id: pl.String = col("study")
    marker: pl.String = col("marker as the file names it")
    hgnc_symbol: pl.String = col("its gene; null where the name is none that HGNC knows", null=True)
    symbol_note: pl.String = col("how the name was resolved", null=True)
    verdict: pl.String = col("whether it was detected often enough to be tested")
    is_tested: pl.Boolean = col("at most half of the baseline samples below the limit")
    n_baseline: pl.Int64 = col("baseline samples", unit="samples")
    fraction_below_lod: pl.Float64 = col("share of them below the limit")
    group_contrast: pl.String = col("groups that limma compares", null=True)
    group_difference_log2: pl.Float64 = col("numerator minus denominator", unit="log2", null=True)
    group_p: pl.Float64 = col("moderated t", null=True)
    group_q: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    pair_contrast: pl.String = col("time points of the pairs", null=True)
    pair_difference_log2: pl.Float64 = col("second minus first sample", unit="log2", null=True)
    pair_p: pl.Float64 = col("moderated t within patients", null=True)
    pair_q: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    comparison_note: pl.String = col("why there is no test", null=True)
    pfs_events: pl.Int64 = col("progressions", unit="patients", null=True)
    pfs_hazard_ratio_per_sd: pl.Float64 = col("Cox model, to read first", null=True)
    pfs_p_value: pl.Float64 = col("Wald", null=True)
    pfs_q_value_bh: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    pfs_hazard_ratio_median_split: pl.Float64 = col("above the median against the rest, the rule of papers", null=True)
    pfs_p_logrank: pl.Float64 = col("of the split", null=True)
    os_events: pl.Int64 = col("deaths", unit="patients", null=True)
    os_hazard_ratio_per_sd: pl.Float64 = col("Cox model, to read first", null=True)
    os_p_value: pl.Float64 = col("Wald", null=True)
    os_q_value_bh: pl.Float64 = col("Benjamini-Hochberg over the markers", null=True)
    os_hazard_ratio_median_split: pl.Float64 = col("above the median against the rest, the rule of papers", null=True)
    os_p_logrank: pl.Float64 = col("of the split", null=True)
    pfs_auc_month: pl.Float64 = col("last month asked that allows an interval, else the last", unit="months", null=True)
    pfs_auc: pl.Float64 = col("AUC at it", null=True)
    pfs_auc_ci_lower: pl.Float64 = col("95 % limit", null=True)
    pfs_auc_ci_upper: pl.Float64 = col("95 % limit", null=True)
    os_auc_month: pl.Float64 = col("as pfs_auc_month", unit="months", null=True)
    os_auc: pl.Float64 = col("AUC at it", null=True)
    os_auc_ci_lower: pl.Float64 = col("95 % limit", null=True)
    os_auc_ci_upper: pl.Float64 = col("95 % limit", null=True)
    resistance_contrasts_up: pl.Int64 = col("contrasts under a drug that list the gene as up", null=True)
    resistance_contrasts_down: pl.Int64 = col("contrasts under a drug that list it as down", null=True)
    strongest_contrast: pl.String = col("contrast with the smallest q-value", null=True)
    strongest_log2_fold_change: pl.Float64 = col("there", unit="log2", null=True)
    tumour_cohort: pl.String = col("cohort of the tumour columns", null=True)
    tumour_os_n: pl.Int64 = col("its patients", unit="patients", null=True)
    tumour_os_hazard_ratio_per_sd: pl.Float64 = col("expression in the tumour and death", null=True)
    tumour_os_q_value_bh: pl.Float64 = col("Benjamini-Hochberg over all genes", null=True)


@table(
    "marts.tumour_growth",
    grain="one row per tumour-growth study and arm",
    key=("study_id", "arm"),
    limitation="a mouse that was lost for size or death is not missing at random: read who was lost beside T/C",
)
class MartTumourGrowth(TableModel):
    """A treatment arm in one row: mice, growth rate, difference to the control, interaction, T/C, toxicity."""

    study_id: pl.String = col("study")
    arm: pl.String = col("treatment arm")
    is_control: pl.Boolean = col("the arm that the others are compared with")
    model: pl.String = col("model of the growth rates")
    mice_started: pl.Int64 = col("mice with a measurement", unit="mice", null=True)
    mice_lost_for_size: pl.Int64 = col("sacrificed at the volume limit", unit="mice", null=True)
    mice_found_dead: pl.Int64 = col("found dead", unit="mice", null=True)
    mice_lost_otherwise: pl.Int64 = col("ended for loss of weight or another reason", unit="mice", null=True)
    mice_with_toxic_weight_loss: pl.Int64 = col("lost the weight that counts as toxicity", unit="mice", null=True)
    mice_in_complete_regression: pl.Int64 = col("with a volume of 0", unit="mice", null=True)
    rate_per_day: pl.Float64 = col("growth rate of ln volume", unit="1/day", null=True)
    rate_ci_lower: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    rate_ci_upper: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    doubling_days: pl.Float64 = col("ln 2 / rate; null unless the tumour grows beyond doubt", unit="days", null=True)
    rate_note: pl.String = col("what the rate leaves out", null=True)
    rate_difference_per_day: pl.Float64 = col("against the control", unit="1/day", null=True)
    rate_difference_ci_lower: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    rate_difference_ci_upper: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    rate_difference_p: pl.Float64 = col("Satterthwaite's t", null=True)
    rate_difference_p_holm: pl.Float64 = col("Holm over the differences of the study", null=True)
    p_note: pl.String = col("why there is no test", null=True)
    interaction_per_day: pl.Float64 = col(
        "combination - A - B + control; below 0: more than additive on the growth rate", unit="1/day", null=True
    )
    interaction_ci_lower: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    interaction_ci_upper: pl.Float64 = col("95 % limit", unit="1/day", null=True)
    interaction_p: pl.Float64 = col("of the interaction", null=True)
    last_complete_day: pl.Float64 = col("last day on which every arm still has all its mice", unit="days", null=True)
    tc_percent_last_complete_day: pl.Float64 = col("T/C of geometric means", unit="%", null=True)
    tgi_percent_last_complete_day: pl.Float64 = col("tumour growth inhibition", unit="%", null=True)
    asked_day: pl.Float64 = col("day of study.toml, or the last one", unit="days", null=True)
    mice_on_asked_day: pl.Int64 = col("mice that are left on it", unit="mice", null=True)
    tc_percent_asked_day: pl.Float64 = col("T/C of geometric means of those", unit="%", null=True)
    tgi_percent_asked_day: pl.Float64 = col("tumour growth inhibition of those", unit="%", null=True)
    mice_doubled: pl.Int64 = col("reached twice the first volume", unit="mice", null=True)
    median_doubling_days: pl.Float64 = col("Kaplan-Meier median; null where not reached", unit="days", null=True)
