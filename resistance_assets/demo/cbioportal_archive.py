"""The synthetic cohort as the study archive that cBioPortal's datahub would send.

Here belongs the layout of the host: meta files, four `#` rows, matrices with both gene columns, case lists
(https://docs.cbioportal.org/file-formats/). What the numbers are belongs in `cohort`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from resistance_assets.demo.alterations import N_SEQUENCED, alteration_files
from resistance_assets.demo.cohort import DAYS_PER_MONTH, N_PATIENTS, STAGES, Cohort, FollowUp
from resistance_assets.demo.packing import tar_gz
from resistance_assets.demo.plan import Plan

STUDY = "luad_tcga_pan_can_atlas_2018"
"""The host's name: the demo stands in its place. Title and descriptions inside say that it is synthetic."""

# Column, display name, datatype, priority: the host's columns in the host's order.
_PATIENT_COLUMNS = (
    ("PATIENT_ID", "Patient Identifier", "STRING", 1),
    ("SUBTYPE", "Subtype", "STRING", 1),
    ("CANCER_TYPE_ACRONYM", "TCGA PanCanAtlas Cancer Type Acronym", "STRING", 1),
    ("OTHER_PATIENT_ID", "Other Patient ID", "STRING", 1),
    ("AGE", "Diagnosis Age", "NUMBER", 1),
    ("SEX", "Sex", "STRING", 1),
    ("AJCC_PATHOLOGIC_TUMOR_STAGE", "Neoplasm Disease Stage American Joint Committee on Cancer Code", "STRING", 1),
    ("AJCC_STAGING_EDITION", "American Joint Committee on Cancer Publication Version Type", "STRING", 1),
    ("DAYS_LAST_FOLLOWUP", "Last Communication Contact from Initial Pathologic Diagnosis Date", "NUMBER", 1),
    ("DAYS_TO_BIRTH", "Birth from Initial Pathologic Diagnosis Date", "NUMBER", 1),
    ("DAYS_TO_INITIAL_PATHOLOGIC_DIAGNOSIS", "Last Alive Less Initial Pathologic Diagnosis Date", "NUMBER", 1),
    ("ETHNICITY", "Ethnicity Category", "STRING", 1),
    ("FORM_COMPLETION_DATE", "Form completion date", "STRING", 1),
    ("HISTORY_NEOADJUVANT_TRTYN", "Neoadjuvant Therapy Type Administered Prior To Resection Text", "STRING", 1),
    ("ICD_10", "ICD-10 Classification", "STRING", 1),
    ("ICD_O_3_HISTOLOGY", "ICD-O-3 Histology Code", "STRING", 1),
    ("ICD_O_3_SITE", "ICD-O-3 Site Code", "STRING", 1),
    ("INFORMED_CONSENT_VERIFIED", "Informed consent verified", "STRING", 1),
    ("NEW_TUMOR_EVENT_AFTER_INITIAL_TREATMENT", "New Neoplasm Event Post Initial Therapy Indicator", "STRING", 1),
    ("PATH_M_STAGE", "American Joint Committee on Cancer Metastasis Stage Code", "STRING", 1),
    ("PATH_N_STAGE", "Neoplasm Disease Lymph Node Stage", "STRING", 1),
    ("PATH_T_STAGE", "American Joint Committee on Cancer Tumor Stage Code", "STRING", 1),
    ("PERSON_NEOPLASM_CANCER_STATUS", "Person Neoplasm Cancer Status", "STRING", 1),
    ("PRIMARY_LYMPH_NODE_PRESENTATION_ASSESSMENT", "Primary Lymph Node Presentation Assessment", "STRING", 1),
    ("PRIOR_DX", "Prior Diagnosis", "STRING", 1),
    ("RACE", "Race Category", "STRING", 1),
    ("RADIATION_THERAPY", "Radiation Therapy", "STRING", 1),
    ("WEIGHT", "Patient Weight", "NUMBER", 1),
    ("IN_PANCANPATHWAYS_FREEZE", "In PanCan Pathway Analysis", "STRING", 1),
    ("OS_STATUS", "Overall Survival Status", "STRING", 9),
    ("OS_MONTHS", "Overall Survival (Months)", "NUMBER", 1),
    ("DSS_STATUS", "Disease-specific Survival status", "STRING", 1),
    ("DSS_MONTHS", "Months of disease-specific survival", "NUMBER", 1),
    ("DFS_STATUS", "Disease Free Status", "STRING", 1),
    ("DFS_MONTHS", "Disease Free (Months)", "NUMBER", 1),
    ("PFS_STATUS", "Progression Free Status", "STRING", 1),
    ("PFS_MONTHS", "Progress Free Survival (Months)", "NUMBER", 1),
)
_SAMPLE_COLUMNS = (
    ("PATIENT_ID", "Patient Identifier", "STRING", 1),
    ("SAMPLE_ID", "Sample Identifier", "STRING", 1),
    ("ONCOTREE_CODE", "Oncotree Code", "STRING", 1),
    ("CANCER_TYPE", "Cancer Type", "STRING", 1),
    ("CANCER_TYPE_DETAILED", "Cancer Type Detailed", "STRING", 1),
    ("TISSUE_SOURCE_SITE_CODE", "Tissue Source Site Code", "STRING", 1),
    ("SAMPLE_TYPE", "Sample Type", "STRING", 9),
    ("TUMOR_PURITY", "Tumor Purity", "NUMBER", 1),
)
_STATUS_LABELS = {
    "OS": ("0:LIVING", "1:DECEASED"),
    "DSS": ("0:ALIVE OR DEAD TUMOR FREE", "1:DEAD WITH TUMOR"),
    "DFS": ("0:DiseaseFree", "1:Recurred/Progressed"),
    "PFS": ("0:CENSORED", "1:PROGRESSION"),
}
_SITE = "SY"
"""Tissue source site of every barcode; TCGA has none of that name, so no barcode is that of a real patient."""
_BLANK_SYMBOL_ENTREZ = 909_000_001
_REPEATED_SYMBOL_ENTREZ = 909_000_002


def write_archive(plan: Plan, cohort: Cohort) -> bytes:
    """The study as tar.gz."""
    samples = [sample_id(p, r) for p, r in zip(cohort.expressed.tolist(), cohort.is_recurrent.tolist(), strict=True)]
    z_scores = _z_scores(cohort)
    files = {
        "LICENSE": "Synthetic data: no patient, no tumour and no measurement stands behind any value. CC0 1.0.",
        "meta_study.txt": _meta(
            type_of_cancer="luad",
            cancer_study_identifier=STUDY,
            name="Synthetic lung adenocarcinoma (demo, not TCGA)",
            short_name="Synthetic LUAD (demo)",
            description="Synthetic patients with planted effects. Not TCGA data; barcodes of site SY do not exist.",
            groups="PUBLIC;SYNTHETIC",
            citation="synthetic",
        ).removesuffix("\n"),
        "meta_clinical_patient.txt": _clinical_meta("patient"),
        "meta_clinical_sample.txt": _clinical_meta("sample"),
        "data_clinical_patient.txt": _patient_table(cohort),
        "data_clinical_sample.txt": _sample_table(cohort),
        # The host writes this description without a space after the colon; readers have to cope.
        "meta_mrna_seq_v2_rsem.txt": _meta(
            cancer_study_identifier=STUDY,
            stable_id="rna_seq_v2_mrna",
            genetic_alteration_type="MRNA_EXPRESSION",
            datatype="CONTINUOUS",
            show_profile_in_analysis_tab="FALSE",
            profile_name="Synthetic mRNA expression, RSEM, linear scale",
            profile_description="Synthetic mRNA expression, RSEM, linear scale",
            data_filename="data_mrna_seq_v2_rsem.txt",
        ).replace("profile_description: ", "profile_description:"),
        "data_mrna_seq_v2_rsem.txt": _expression_matrix(plan, samples, cohort.rsem, "%.6g"),
        "meta_mrna_seq_v2_rsem_zscores_ref_diploid_samples.txt": _meta(
            cancer_study_identifier=STUDY,
            genetic_alteration_type="MRNA_EXPRESSION",
            datatype="Z-SCORE",
            data_filename="data_mrna_seq_v2_rsem_zscores_ref_diploid_samples.txt",
            stable_id="rna_seq_v2_mrna_median_Zscores",
            show_profile_in_analysis_tab="TRUE",
            profile_description="Synthetic z-scores of log2(RSEM + 1) against the samples diploid for the gene.",
            profile_name="Synthetic mRNA expression z-scores relative to diploid samples (RNA Seq V2 RSEM)",
        ),
        "data_mrna_seq_v2_rsem_zscores_ref_diploid_samples.txt": _expression_matrix(plan, samples, z_scores, "%.4f"),
        "meta_cna.txt": _meta(
            cancer_study_identifier=STUDY,
            genetic_alteration_type="COPY_NUMBER_ALTERATION",
            datatype="DISCRETE",
            stable_id="gistic",
            show_profile_in_analysis_tab="true",
            profile_description="Synthetic copy number. Values: -2 = homozygous deletion; -1 = hemizygous deletion; "
            "0 = neutral / no change; 1 = gain; 2 = high level amplification.",
            profile_name="Synthetic copy-number alterations",
            data_filename="data_cna.txt",
        ),
        "data_cna.txt": _matrix(
            [(plan.genes[row].symbol, plan.genes[row].entrez_gene_id) for row in cohort.copy_number_rows],
            samples,
            cohort.copy_number,
            "%d",
        ),
        "case_lists/cases_all.txt": _case_list(
            "all", "All samples", "all_cases_in_study", [s for s, _ in _all_samples(cohort)]
        ),
        "case_lists/cases_RNA_Seq_v2_mRNA.txt": _case_list(
            "rna_seq_v2_mrna", "Samples with mRNA data (RNA Seq V2)", "all_cases_with_mrna_rnaseq_data", samples
        ),
        "case_lists/cases_cna.txt": _case_list("cna", "Samples with CNA data", "all_cases_with_cna_data", samples),
        "case_lists/cases_sequenced.txt": _case_list(
            "sequenced", "Samples with mutation data", "all_cases_with_mutation_data", samples[:N_SEQUENCED]
        ),
    }
    files |= alteration_files(plan, cohort, STUDY, samples)
    return tar_gz(STUDY, {name: text.encode() for name, text in files.items()})


def patient_id(patient: int) -> str:
    """Barcode of a synthetic patient, in the form of TCGA's."""
    return f"TCGA-{_SITE}-{patient + 1:04d}"


def sample_id(patient: int, is_recurrent: bool) -> str:
    """Barcode of a primary (-01) or recurrent (-02) tumour."""
    return f"{patient_id(patient)}-{'02' if is_recurrent else '01'}"


def _meta(**entries: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in entries.items())


def _clinical_meta(level: str) -> str:
    return _meta(
        cancer_study_identifier=STUDY,
        genetic_alteration_type="CLINICAL",
        datatype=f"{level.upper()}_ATTRIBUTES",
        data_filename=f"data_clinical_{level}.txt",
    )


def _clinical_table(columns: Sequence[tuple[str, str, str, int]], rows: Iterable[dict[str, str]]) -> str:
    names = [name for name, *_ in columns]
    comments = (
        [display for _, display, _, _ in columns],
        [f"Synthetic: {display}" for _, display, _, _ in columns],
        [datatype for _, _, datatype, _ in columns],
        [str(priority) for *_, priority in columns],
    )
    lines = ["#" + "\t".join(cells) for cells in comments]
    lines.append("\t".join(names))
    lines.extend("\t".join(row.get(name, "") for name in names) for row in rows)
    return "\n".join(lines) + "\n"


def _months(days: int) -> str:
    """Months as the host writes them: eight decimals at most, no trailing zero, nothing where unknown."""
    return "" if days < 0 else f"{days / DAYS_PER_MONTH:.8f}".rstrip("0").rstrip(".")


def _endpoint_cells(name: str, follow_up: FollowUp, patient: int) -> dict[str, str]:
    event, days = int(follow_up.event[patient]), int(follow_up.days[patient])
    return {
        f"{name}_STATUS": "" if event < 0 else _STATUS_LABELS[name][event],
        f"{name}_MONTHS": _months(days),
    }


def _patient_table(cohort: Cohort) -> str:
    def row(patient: int) -> dict[str, str]:
        age, days = int(cohort.age_years[patient]), int(cohort.endpoints["OS"].days[patient])
        died = int(cohort.endpoints["OS"].event[patient]) == 1
        cells = {
            "PATIENT_ID": patient_id(patient),
            "SUBTYPE": "LUAD",
            "CANCER_TYPE_ACRONYM": "LUAD",
            "OTHER_PATIENT_ID": f"00000000-0000-4000-8000-{patient + 1:012d}",
            "AGE": "" if age < 0 else str(age),
            "SEX": "Female" if cohort.is_female[patient] else "Male",
            "AJCC_PATHOLOGIC_TUMOR_STAGE": STAGES[cohort.stage[patient]],
            "AJCC_STAGING_EDITION": "7TH",
            "DAYS_LAST_FOLLOWUP": "" if died or days < 0 else str(days),
            "DAYS_TO_BIRTH": "" if age < 0 else str(-round(age * 365.25)),
            "DAYS_TO_INITIAL_PATHOLOGIC_DIAGNOSIS": "0",
            "HISTORY_NEOADJUVANT_TRTYN": "No",
            "ICD_10": "C34.1",
            "ICD_O_3_HISTOLOGY": "8140/3",
            "ICD_O_3_SITE": "C34.1",
            # A quoted value with a comma, as the host has some.
            "PRIOR_DX": '"Yes, History Of Synchronous And Or Bilateral Malignancy"' if patient % 60 == 0 else "No",
            "IN_PANCANPATHWAYS_FREEZE": "No",
        }
        for name, follow_up in cohort.endpoints.items():
            cells |= _endpoint_cells(name, follow_up, patient)
        return cells

    return _clinical_table(_PATIENT_COLUMNS, map(row, range(N_PATIENTS)))


def _all_samples(cohort: Cohort) -> list[tuple[str, int]]:
    """Every sample with its patient: a primary tumour of each, and the recurrences."""
    recurrent = cohort.expressed[cohort.is_recurrent].tolist()
    return [(sample_id(p, False), p) for p in range(N_PATIENTS)] + [(sample_id(p, True), p) for p in recurrent]


def _sample_table(cohort: Cohort) -> str:
    rows = (
        {
            "PATIENT_ID": patient_id(patient),
            "SAMPLE_ID": sample,
            "ONCOTREE_CODE": "LUAD",
            "CANCER_TYPE": "Non-Small Cell Lung Cancer",
            "CANCER_TYPE_DETAILED": "Lung Adenocarcinoma",
            "TISSUE_SOURCE_SITE_CODE": _SITE,
            "SAMPLE_TYPE": "Recurrence" if sample.endswith("-02") else "Primary",
            # In percent and unrelated to anything; unknown for some.
            "TUMOR_PURITY": "" if patient % 40 == 0 else str(35 + patient * 37 % 60),
        }
        for sample, patient in _all_samples(cohort)
    )
    return _clinical_table(_SAMPLE_COLUMNS, rows)


def _z_scores(cohort: Cohort) -> NDArray[np.float64]:
    """Z-scores of log2(RSEM + 1) against the samples diploid for the gene; NaN for a gene that never varies."""
    values = np.log2(cohort.rsem + 1)
    diploid = np.ones(values.shape, dtype=bool)
    diploid[cohort.copy_number_rows] = cohort.copy_number == 0
    n = diploid.sum(axis=1, keepdims=True)
    mean = np.where(diploid, values, 0).sum(axis=1, keepdims=True) / n
    variance = np.where(diploid, (values - mean) ** 2, 0).sum(axis=1, keepdims=True) / (n - 1)
    spread = np.sqrt(variance)
    return np.where(spread > 0, (values - mean) / np.where(spread > 0, spread, 1), np.nan)


def _expression_matrix(plan: Plan, samples: Sequence[str], values: NDArray[np.float64], form: str) -> str:
    """All genes and two rows that the host's files have too: one without a symbol, one that repeats a symbol."""
    genes = [(gene.symbol, gene.entrez_gene_id) for gene in plan.genes]
    last = len(genes) - 1
    genes += [("", _BLANK_SYMBOL_ENTREZ), (genes[last][0], _REPEATED_SYMBOL_ENTREZ)]
    return _matrix(genes, samples, np.concatenate([values, values[[last - 1, last - 2]]]), form)


def _matrix(genes: Sequence[tuple[str, int]], samples: Sequence[str], values: NDArray, form: str) -> str:
    row_form = "%s\t%d" + f"\t{form}" * len(samples)
    lines = ["\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples])]
    for (symbol, entrez), row in zip(genes, values.tolist(), strict=True):
        if any(value != value for value in row):
            lines.append("\t".join([symbol, str(entrez), *("NA" for _ in samples)]))
        else:
            lines.append(row_form % (symbol, entrez, *row))
    return "\n".join(lines) + "\n"


def _case_list(suffix: str, name: str, category: str, samples: Sequence[str]) -> str:
    return _meta(
        cancer_study_identifier=STUDY,
        stable_id=f"{STUDY}_{suffix}",
        case_list_name=name,
        case_list_description=f"{name}, synthetic ({len(samples)} samples)",
        case_list_category=category,
        case_list_ids="\t".join(samples),
    )
