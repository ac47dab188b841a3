"""Every file of `cases/live`, bytes of hosts as they are today: read to rows, or refused in words."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from resistance_assets.connectors.arrayexpress.biostudies import read_idf, read_sdrf
from resistance_assets.connectors.arrayexpress.ena import read_report
from resistance_assets.connectors.cbioportal.alterations import CbioportalAlterations, read_alterations
from resistance_assets.connectors.cbioportal.archive import read_study
from resistance_assets.connectors.cbioportal.profiles import list_profiles
from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.connectors.geo.series import read_platform_annotation
from resistance_assets.connectors.geo.soft import read_soft
from resistance_assets.connectors.lab_study.sample_sheet import read_sample_sheet
from resistance_assets.errors import Fault

Reader = Callable[[Path, Path], int]


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    """Files as the archive of study ``s``."""
    path = folder / "s.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"s/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def further_table(kind: str, datatype: str, rows: Callable[[CbioportalAlterations], int]) -> Reader:
    """Reads one data file of a study by packing it with the meta file that declares it."""

    def read(path: Path, folder: Path) -> int:
        meta = (
            f"cancer_study_identifier: s\ngenetic_alteration_type: {kind}\ndatatype: {datatype}\n"
            "stable_id: it\ndata_filename: data_it.txt\n"
        )
        archive = packed(folder, {"meta_it.txt": meta.encode(), "data_it.txt": path.read_bytes()})
        return rows(read_alterations(archive))

    return read


timeline = further_table("CLINICAL", "TIMELINE", lambda found: found.timeline.height)
mutations = further_table("MUTATION_EXTENDED", "MAF", lambda found: found.mutations.height)
variants = further_table("STRUCTURAL_VARIANT", "SV", lambda found: found.structural_variants.height)
proteins = further_table("PROTEIN_LEVEL", "LOG2-VALUE", lambda found: found.feature_matrices["it"].height)


def clinical(level: str) -> Reader:
    """Reads one clinical file by packing it into a study whose other table is made to fit."""

    def read(path: Path, folder: Path) -> int:
        data = path.read_bytes()
        rows = [line.split("\t") for line in data.decode().replace("\r", "").split("\n") if line and line[0] != "#"]
        patients = dict.fromkeys(row[rows[0].index("PATIENT_ID")] for row in rows[1:])
        other = {
            "patient": "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{patient}-01\t{patient}\n" for patient in patients),
            "sample": "PATIENT_ID\n" + "".join(f"{patient}\n" for patient in patients),
        }[level]
        files = {"meta_study.txt": b"cancer_study_identifier: s\n"}
        for name in ("patient", "sample"):
            meta = f"genetic_alteration_type: CLINICAL\ndatatype: {name.upper()}_ATTRIBUTES\n"
            files[f"meta_{name}.txt"] = f"cancer_study_identifier: s\n{meta}data_filename: data_{name}.txt\n".encode()
            files[f"data_{name}.txt"] = data if name == level else other.encode()
        study = read_study(packed(folder, files))
        assert (study.patients if level == "patient" else study.samples).height > 0
        return study.attributes.filter(level=level).height

    return read


def frames(reader: Callable[[Path], pl.DataFrame | tuple[pl.DataFrame, pl.DataFrame]]) -> Reader:
    def read(path: Path, folder: Path) -> int:
        found = reader(path)
        return (found[0] if isinstance(found, tuple) else found).height

    return read


def soft(path: Path, folder: Path) -> int:
    found = read_soft(path)
    return found.n_rows + found.attributes.height


def report(path: Path, folder: Path) -> int:
    return read_report(path).runs.height


def metas(path: Path, folder: Path) -> int:
    """A study without its data files: the metas are read, and reading the study says which file is lacking."""
    with pytest.raises(Fault, match=r"data_filename 'data_clinical_patient\.txt' is not in the archive"):
        read_study(path)
    return len(list_profiles(path))


READ: dict[str, Reader] = {
    "B16.stringtie.head.gtf": frames(read_gene_lengths),
    "E-MTAB-10615.head.sdrf.txt": lambda path, folder: read_sdrf(path).n_rows,
    "E-MTAB-9296.head.sdrf.txt": lambda path, folder: read_sdrf(path).n_rows,
    "GPL97.annot.cut1500.gz": frames(read_platform_annotation),
    "GSE193258_titles_and_columns.tsv": frames(read_sample_sheet),
    "GSE38310_titles.tsv": frames(read_sample_sheet),
    "cbio_case_summarizer.data_timeline_specimen.txt": timeline,
    "cbio_case_summarizer.data_timeline_status.txt": timeline,
    "cbio_case_summarizer.data_timeline_surgery.txt": timeline,
    "cbio_case_summarizer.data_timeline_treatment.txt": timeline,
    "cbioportal_core.data_rppa_valid.txt": proteins,
    "cbioportal_lusc_luad_tcga.data_timeline_treatment.cut200.txt": timeline,
    "cbioportal_paad_tcga.data_clinical_patient.cut60.txt": clinical("patient"),
    "cbioportal_paad_tcga.data_clinical_sample.cut60.txt": clinical("sample"),
    "cbioportal_prostate_msk.data_clinical_sample.cut60.txt": clinical("sample"),
    "cbioportal_prostate_msk.data_mutations.cut60.txt": mutations,
    "cbioportal_prostate_msk.data_sv.cut60.txt": variants,
    "ensembl_grch37.head.gtf.gz": frames(read_gene_lengths),
    "ffq_bam.txt": report,
    "ffq_bam_empty.txt": report,
    "ffq_fastqs.txt": report,
    "ffq_fastqs_empty.txt": report,
    "inst_extdata_GSM11805.txt.gz": soft,
    "luad_cptac_2020.metas_and_case_lists.tar.gz": metas,
    "luad_oncosg_2020.metas_and_case_lists.tar.gz": metas,
    "luad_tcga_pan_can_atlas_2018.metas_and_case_lists.tar.gz": metas,
    "nsclc_ctdx_msk_2022.metas_and_case_lists.tar.gz": metas,
    "puma_biliary.data_clinical_patient.txt": clinical("patient"),
    "refseq.ucsc.small.gtf": frames(read_gene_lengths),
    "study_es_0.tar.gz": lambda path, folder: read_study(path).samples.height,
    "tests_GPL4133.txt": soft,
    "tests_GPL4134.txt": soft,
    "tests_GSE105845_family.soft": soft,
    "tests_soft_ex_family.txt": soft,
}
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "E-MTAB-10615.head.idf.txt": (read_idf, "no field names the sample sheet .*SDRF File"),
}
NOT_READ = {
    "E-MTAB-9296.mirror_listing.html": "files of ArrayExpress come from the record of BioStudies, not from a listing",
    "PROVENANCE.md": "says where the files are from",
    "ffq_GSE93374_search.txt": "no source asks E-utilities",
    "ffq_GSE93374_summary.txt": "no source asks E-utilities",
}


@pytest.mark.parametrize("name", READ)
def test_hostile_live_file_is_read_to_rows(shared, tmp_path, name):
    assert READ[name](shared / "cases" / "live" / name, tmp_path) > 0


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_live_file_that_cannot_be_read_is_refused_in_words(shared, name):
    reader, message = REFUSED[name]
    with pytest.raises(Fault, match=message) as caught:
        reader(shared / "cases" / "live" / name)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_hostile_live_file_is_nowhere_without_an_expectation(shared):
    held = {path.name for path in (shared / "cases" / "live").iterdir()}
    assert held == READ.keys() | REFUSED.keys() | NOT_READ.keys()
