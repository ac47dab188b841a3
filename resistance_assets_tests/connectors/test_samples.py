"""Every file of the shared samples is read by the reader of its format, to what the samples' README says of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from resistance_assets.connectors.arrayexpress import biostudies
from resistance_assets.connectors.arrayexpress.ena import read_report
from resistance_assets.connectors.biogrid import read_tab3
from resistance_assets.connectors.cbioportal.archive import read_gene_matrix, read_meta, read_study
from resistance_assets.connectors.gdc import counts as gdc
from resistance_assets.connectors.gene_lists.cancer_gene_lists import read_allonco, read_oncokb
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.gene_ontology import read_gaf, read_obo
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.geo.matrix import read_series_matrix
from resistance_assets.connectors.geo.soft import read_soft
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.errors import DataFault


def meta_of(path: Path) -> dict[str, str]:
    return read_meta(path.read_bytes(), source=path.name)


def clinical(level: str) -> Callable[[Path], tuple[int, int]]:
    """Read one clinical file by packing it into a study whose other table is made to fit."""

    def read(path: Path) -> tuple[int, int]:
        data = path.read_bytes()
        rows = [line.split("\t") for line in data.decode().replace("\r", "").split("\n") if line and line[0] != "#"]
        at = {name: rows[0].index(name) for name in ("PATIENT_ID", "SAMPLE_ID") if name in rows[0]}
        patients = list(dict.fromkeys(row[at["PATIENT_ID"]] for row in rows[1:]))
        other = {
            "patient": "SAMPLE_ID\tPATIENT_ID\n" + "".join(f"{p}-01\t{p}\n" for p in patients),
            "sample": "PATIENT_ID\n" + "".join(f"{p}\n" for p in patients),
        }[level]
        names = {"patient": ("patient", "sample"), "sample": ("sample", "patient")}[level]
        files = {"meta_study.txt": b"cancer_study_identifier: s\n"}
        for name, content in zip(names, (data, other.encode()), strict=True):
            kind = f"datatype: {name.upper()}_ATTRIBUTES\ndata_filename: data_{name}.txt\n"
            files[f"meta_{name}.txt"] = (
                f"cancer_study_identifier: s\ngenetic_alteration_type: CLINICAL\n{kind}".encode()
            )
            files[f"data_{name}.txt"] = content
        archive = _packed(files)
        study = read_study(archive)
        attributes = study.attributes.filter(level=level).height
        return (study.patients if level == "patient" else study.samples).height, attributes

    return read


_FOLDER: list[Path] = []


def _packed(files: dict[str, bytes]) -> Path:
    path = _FOLDER[0] / "s.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"s/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def frame_of(reader: Callable[[Path], tuple]) -> Callable[[Path], tuple[int, int]]:
    def read(path: Path) -> tuple[int, int]:
        kept, rejected = reader(path)
        return kept.height, rejected.height

    return read


def refused(reader: Callable[[Path], object], message: str) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        with pytest.raises(DataFault, match=message):
            reader(path)
        return "refused"

    return read


def soft(path: Path) -> tuple[int, int]:
    found = read_soft(path)
    return found.n_rows, found.rejected.height


def series(path: Path) -> tuple[int, int]:
    found = read_series_matrix(path)
    return found.n_rows, len(found.samples)


def sdrf(path: Path) -> tuple[int, int]:
    found = biostudies.read_sdrf(path)
    return found.n_rows, found.rejected.height


def report(path: Path) -> tuple[int, int]:
    found = read_report(path)
    return found.runs.height, found.files.height


def star(path: Path) -> tuple[int, int]:
    found = gdc.read_star_counts(path.read_bytes(), source=path.name)
    return found.genes.height, len(found.summary)


def matrix(path: Path) -> tuple[int, int]:
    found = read_gene_matrix(path.read_bytes(), source=path.name)
    assert found is not None
    return found[0].height, found[0].width - 2


def sets(path: Path) -> int:
    return read_gmt(path)[0].select("term").n_unique()


def gaf(path: Path) -> tuple[int, int]:
    found = read_gaf(path)
    return found.rows.height, found.rejected.height


EXPECTED: dict[str, tuple[Callable[[Path], object], object]] = {
    "arrayexpress/E-GEOD-59671.idf.txt": (lambda p: biostudies.read_idf(p).sdrf_files, ["E-GEOD-59671.sdrf.txt"]),
    "arrayexpress/E-GEOD-59671.sdrf.txt": (sdrf, (52, 0)),
    "arrayexpress/E-MTAB-1443.hyb.sdrf.txt": (sdrf, (6, 0)),
    "arrayexpress/E-MTAB-1443.idf.txt": (lambda p: len(biostudies.read_idf(p).sdrf_files), 2),
    "arrayexpress/E-MTAB-1443.seq.sdrf.txt": (sdrf, (3, 0)),
    "arrayexpress/E-MTAB-1963.idf.txt": (
        lambda p: biostudies.read_idf(p).values("Comment[AEExperimentType]"),
        ["RNA-seq of coding RNA"],
    ),
    "arrayexpress/E-MTAB-1963.sdrf.txt": (sdrf, (12, 0)),
    "arrayexpress/E-MTAB-3624.idf.txt": (lambda p: biostudies.read_idf(p).sdrf_files, ["E-MTAB-3624.sdrf.txt"]),
    "arrayexpress/E-MTAB-3624.sdrf.txt": (sdrf, (60, 0)),
    "arrayexpress/E-MTAB-5171.head.sdrf.txt": (sdrf, (100, 0)),
    "arrayexpress/E-MTAB-5171.idf.txt": (lambda p: biostudies.read_idf(p).sdrf_files, ["E-MTAB-5171.sdrf.txt"]),
    "arrayexpress/E-MTAB-584.idf.txt": (lambda p: biostudies.read_idf(p).sdrf_files, ["E-MTAB-584.sdrf.txt"]),
    "arrayexpress/E-MTAB-584.sdrf.txt": (sdrf, (4, 0)),
    "biogrid/first_nine_columns.head.txt": (frame_of(read_tab3), (6, 0)),
    "biogrid/tab2.head.txt": (frame_of(read_tab3), (1, 0)),
    "biostudies/files_E-MTAB-6701.json": (lambda p: biostudies.read_file_page(p)[0].height, 2),
    "biostudies/info_E-GEOD-16059.json": (lambda p: biostudies.read_info(p).n_files, 178),
    "biostudies/info_E-MTAB-14669.json": (lambda p: biostudies.read_info(p).n_files, 10),
    # The search is not asked, because accessions are named in the catalog; a page of it is no record.
    "biostudies/search.json": (refused(biostudies.read_record, "no accession"), "refused"),
    "biostudies/search_empty.json": (refused(biostudies.read_record, "no accession"), "refused"),
    "biostudies/study_E-GEOD-16059.json": (lambda p: biostudies.read_record(p).organism, "Homo sapiens"),
    "biostudies/study_E-MTAB-14669.json": (lambda p: biostudies.read_record(p).organism, "Homo sapiens"),
    "biostudies/study_not_found.json": (refused(biostudies.read_record, "Study not found"), "refused"),
    "bushman/allOnco_May2018.head.tsv": (frame_of(read_allonco), (40, 0)),
    "cbioportal/brca_data_clinical_patient.head.txt": (clinical("patient"), (200, 38)),
    "cbioportal/cases_RNA_Seq_v2_mRNA.txt": (lambda p: len(meta_of(p)["case_list_ids"].split()), 510),
    "cbioportal/cases_all.txt": (lambda p: len(meta_of(p)["case_list_ids"].split()), 566),
    "cbioportal/luad_data_clinical_patient.no_comment_rows.txt": (clinical("patient"), (566, 37)),
    "cbioportal/meta_clinical_patient.txt": (lambda p: meta_of(p)["datatype"], "PATIENT_ATTRIBUTES"),
    "cbioportal/meta_clinical_sample.txt": (lambda p: meta_of(p)["datatype"], "SAMPLE_ATTRIBUTES"),
    "cbioportal/meta_cna.txt": (lambda p: meta_of(p)["stable_id"], "gistic"),
    "cbioportal/meta_mrna_seq_v2_rsem.txt": (lambda p: meta_of(p)["stable_id"], "rna_seq_v2_mrna"),
    "cbioportal/meta_mrna_seq_v2_rsem_zscores_ref_diploid_samples.txt": (lambda p: meta_of(p)["datatype"], "Z-SCORE"),
    "cbioportal/meta_study.txt": (
        lambda p: meta_of(p)["cancer_study_identifier"],
        "luad_tcga_pan_can_atlas_2018",
    ),
    "cbioportal/sarc_data_clinical_sample.txt": (clinical("sample"), (255, 18)),
    "cbioportal/study_es_0_data_clinical_patients.txt": (lambda p: clinical("patient")(p)[0] > 0, True),
    "cbioportal/study_es_0_data_clinical_samples.txt": (lambda p: clinical("sample")(p)[0] > 0, True),
    "cbioportal/study_es_0_data_expression_median.txt": (lambda p: matrix(p)[0] > 0, True),
    "cbioportal/study_es_0_meta_expression_median.txt": (lambda p: "stable_id" in meta_of(p), True),
    "cbioportal/study_es_0_meta_study.txt": (lambda p: meta_of(p)["cancer_study_identifier"], "study_es_0"),
    "ena/filereport_bam.tsv": (report, (1, 2)),
    "ena/filereport_bam_empty.tsv": (report, (1, 0)),
    "ena/filereport_fastqs.tsv": (report, (1, 2)),
    "ena/filereport_fastqs_empty.tsv": (report, (1, 0)),
    "ena/portal_search_read_run.head.json": (report, (40, 0)),
    "gdc/files_answer.json": (lambda p: gdc.read_files_page(p)[0].height, 2),
    "gdc/star_gene_counts.head_a.tsv": (star, (3, 4)),
    "gdc/star_gene_counts.head_b.tsv": (star, (5, 4)),
    "geo_matrix/GSE183947_series_matrix.txt.gz": (series, (0, 60)),
    "geo_matrix/GSE52778_series_matrix.txt": (series, (0, 16)),
    "geo_matrix/GSE781-GPL97_series_matrix.relaid.txt": (series, (800, 17)),
    "geo_matrix/GSE99709_series_matrix.txt.gz": (series, (0, 12)),
    "geo_platform/GPL97.annot.head.txt": (
        lambda p: geo.read_platform_annotation(p, complete=False)[0].height,
        250,
    ),
    "geo_soft/GPL20814_family.soft": (soft, (3, 1)),
    "geo_soft/GPL4133.txt": (soft, (13, 0)),
    "geo_soft/GSE105845_family.soft": (soft, (0, 0)),
    "geo_soft/GSE99709_self_brief.txt": (soft, (0, 0)),
    "geo_soft/GSM11805.txt.gz": (soft, (22283, 0)),
    "geo_soft/GSM2795971.txt": (soft, (0, 0)),
    "geo_soft/GSM32878.txt": (soft, (2, 0)),
    "geo_soft/soft_ex_family.txt": (soft, (80, 0)),
    "gmt/enrichr_GO_Biological_Process_2021.head.gmt": (sets, 25),
    "gmt/genes.gmt": (sets, 8),
    "gmt/msigdb_h.all.v7.0.head.gmt": (sets, 25),
    "gmt/reactome.head.gmt": (sets, 25),
    "hgnc/hgnc_2018-11.head.txt": (frame_of(read_hgnc), (300, 0)),
    "hgnc/hgnc_2018-11.withdrawn.txt": (frame_of(read_hgnc), (30, 0)),
    "hgnc/hgnc_2024-10-18.head.txt": (frame_of(read_hgnc), (300, 0)),
    "oncokb/cancerGeneList_2022-05-05.head.tsv": (frame_of(read_oncokb), (8, 0)),
    "ontology/fig1a_small.gaf": (lambda p: gaf(p)[1], 0),
    "ontology/gaf_missingsym.mgi": (lambda p: gaf(p)[1] > 0, True),
    "ontology/goa_human_illegal.gaf": (lambda p: gaf(p)[0] > 0, True),
    "ontology/goslim_generic.head.obo": (lambda p: len(read_obo(p).terms), 44),
    "ontology/heartjogging.obo": (lambda p: len(read_obo(p).terms), 33),
    "ontology/mini_obo.obo": (lambda p: len(read_obo(p).terms), 10),
    "ontology/secretory.obo": (lambda p: len(read_obo(p).terms), 25),
}


# Formats that no source of the catalog comes in, so nothing reads them: pointers of git-lfs, manifests and status of
# GDC, the search of E-utilities, a listing of a mirror of ArrayExpress.
NOT_READ = frozenset(
    {
        "biostudies/mirror_listing_E-MTAB-10615.html",
        "cbioportal/pointer_data_clinical_patient.txt",
        "cbioportal/pointer_data_cna.txt",
        "cbioportal/pointer_data_mrna_seq_v2_rsem.txt",
        "cbioportal/pointer_data_mrna_seq_v2_rsem_zscores_ref_diploid_samples.txt",
        "gdc/CPTAC-3_7CasesRNASeq_GDC-Manifest.txt",
        "gdc/TCGA-LUAD.BisulfiteSeq_GDC-Manifest.txt",
        "gdc/TCGA-LUAD.GCv36_replacements.head.tsv",
        "gdc/status_answer_old.json",
        "geo_eutils/GSE93374_search.json",
        "geo_eutils/GSE93374_summary.json",
    }
)


@pytest.mark.parametrize("name", EXPECTED)
def test_sample_is_read(shared, tmp_path, name):
    _FOLDER[:] = [tmp_path]
    reader, expected = EXPECTED[name]
    assert reader(shared / "samples" / name) == expected


def test_no_sample_is_left_out(shared):
    folder = shared / "samples"
    present = {path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()}
    assert present == EXPECTED.keys() | NOT_READ
