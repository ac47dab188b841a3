"""The 453 real patients of the goldens as an archive in the layout of cBioPortal, and as rows of the raw tables."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.connectors.cbioportal.alterations import read_alterations
from resistance_assets.connectors.cbioportal.rows import CBIOPORTAL_TABLES, alterations_as_table, read_cohort
from resistance_assets.science.alterations.consequences import is_readable_change

STUDY = "luad_tcga_pan_can_atlas_2018"
PROFILES = {
    "mutations": ("MUTATION_EXTENDED", "MAF"),
    "gistic": ("COPY_NUMBER_ALTERATION", "DISCRETE"),
    "rna_seq_v2_mrna_median_Zscores": ("MRNA_EXPRESSION", "Z-SCORE"),
}
EXPRESSION = "rna_seq_v2_mrna_median_Zscores"


def golden(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)


def long(wide: pl.DataFrame, value: str) -> pl.DataFrame:
    return wide.unpivot(index="case_id", variable_name="hgnc_symbol", value_name=value).rename(
        {"case_id": "patient_id"}
    )


def _matrix(wide: pl.DataFrame) -> str:
    """Genes by samples, as text, of a frame of patients by genes."""
    turned = wide.transpose(include_header=True, header_name="Hugo_Symbol", column_names="case_id")
    return turned.rename({name: f"{name}-01" for name in turned.columns[1:]}).write_csv(separator="\t", null_value="NA")


def _clinical(clinical: pl.DataFrame) -> dict[str, str]:
    patients = clinical.select(
        PATIENT_ID="case_id",
        OS_STATUS=pl.when(pl.col("event") == 1).then(pl.lit("1:DECEASED")).otherwise(pl.lit("0:LIVING")),
        OS_MONTHS="survival_months",
        AGE="age",
        SEX=pl.when(pl.col("is_female") == 1).then(pl.lit("Female")).otherwise(pl.lit("Male")),
    )
    samples = clinical.select(PATIENT_ID="case_id", SAMPLE_ID=pl.col("case_id") + "-01", SAMPLE_TYPE=pl.lit("Primary"))
    return {
        "data_clinical_patient.txt": patients.write_csv(separator="\t"),
        "data_clinical_sample.txt": samples.write_csv(separator="\t"),
    }


def _files(shared: Path, goldens: Path) -> dict[str, str]:
    folder = goldens / "multiomics"
    path = shared / "data" / "tcga_luad_porpoise" / "porpoise_tcga_luad_all_clean.csv.gz"
    whole = pl.read_csv(path, infer_schema_length=None).unique("case_id", keep="first", maintain_order=True)
    genes = [name for name in whole.columns if name.endswith("_rnaseq")]
    expression = whole.select("case_id", *[pl.col(g).cast(pl.Float64).alias(g.removesuffix("_rnaseq")) for g in genes])
    clinical = golden(folder / "clinical.tsv.gz")
    # The flags as rows of a mutation file; one of them twice.
    flags = long(golden(folder / "mutations.tsv.gz"), "flag").filter(pl.col("flag") > 0)
    mutations = pl.concat([flags, flags.head(1)]).select(
        Hugo_Symbol="hgnc_symbol",
        Variant_Classification=pl.lit("Missense_Mutation"),
        Tumor_Sample_Barcode=pl.col("patient_id") + "-01",
        HGVSp_Short=pl.lit("p.A1V"),
    )
    meta = f"cancer_study_identifier: {STUDY}\n"
    samples = " ".join(f"{name}-01" for name in clinical["case_id"])
    files = {
        "meta_study.txt": f"{meta}name: real\ntype_of_cancer: luad\ndescription: real\n",
        **_clinical(clinical),
        "data_mutations.txt": f"#sequenced_samples: {samples}\n" + mutations.write_csv(separator="\t"),
        "data_gistic.txt": _matrix(golden(folder / "copy_number.tsv.gz")),
        f"data_{EXPRESSION}.txt": _matrix(expression),
    }
    for level in ("patient", "sample"):
        files[f"meta_clinical_{level}.txt"] = (
            f"{meta}genetic_alteration_type: CLINICAL\ndatatype: {level.upper()}_ATTRIBUTES\n"
            f"data_filename: data_clinical_{level}.txt\n"
        )
    for name, (kind, datatype) in PROFILES.items():
        files[f"meta_{name}.txt"] = (
            f"{meta}genetic_alteration_type: {kind}\ndatatype: {datatype}\nstable_id: {name}\nprofile_name: {name}\n"
            f"profile_description: {name}\nshow_profile_in_analysis_tab: false\ndata_filename: data_{name}.txt\n"
        )
    return files


def write_real_archive(path: Path, shared: Path, goldens: Path) -> Path:
    """The archive; nothing in it is compressed much, because it is read once."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, text in _files(shared, goldens).items():
            data = text.encode()
            member = tarfile.TarInfo(f"{STUDY}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def read_raw_tables(cohort: Cohort, archive: Path) -> dict[str, list[pl.DataFrame]]:
    """Raw tables of a cohort's archive, as its steps read them."""
    parts = read_cohort(cohort, archive)
    read = {name: rows if isinstance(rows, pl.DataFrame) else pl.concat(rows) for name, rows in parts.items()}
    assert read.pop("rejected").is_empty()
    found = read_alterations(archive, kinds=["MUTATION_EXTENDED"], is_readable=is_readable_change)
    return {
        **{CBIOPORTAL_TABLES[name]: [frame] for name, frame in read.items()},
        "raw.cbioportal__mutations": [alterations_as_table(found, "mutations")],
    }
