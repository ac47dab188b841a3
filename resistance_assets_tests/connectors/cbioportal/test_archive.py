"""cBioPortal studies: the LUAD archive of the mirror, the importer's own test study, and every way a file is wrong."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.connectors.cbioportal.archive import read_gene_matrix, read_study, unpivot_matrix
from resistance_assets.errors import DataFault, TransportFault

LUAD = "files/datahub.assets.cbioportal.org/luad_tcga_pan_can_atlas_2018.tar.gz"
EVENTS = ("OS_STATUS", "DSS_STATUS", "DFS_STATUS", "PFS_STATUS")


@pytest.fixture(scope="module")
def luad(shared):
    return read_study(shared / "mirror" / LUAD, required_patient_columns=("AGE",), event_columns=EVENTS)


def pack(path: Path, files: dict[str, bytes], *, folder: str = "s") -> Path:
    """A study archive in the folder `s` of `path`'s directory."""
    with tarfile.open(path / "s.tar.gz", "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path / "s.tar.gz"


def meta(kind: str, datatype: str, file: str, stable_id: str | None = None, study: str = "s") -> bytes:
    extra = f"stable_id:{stable_id}\nprofile_name: RSEM: linear\n" if stable_id else ""
    return (
        f"cancer_study_identifier: {study}\ngenetic_alteration_type: {kind}\n"
        f"datatype: {datatype}\n{extra}data_filename: {file}"
    ).encode()


PATIENTS = (
    "#Patient\tStatus\tMonths\n#id\tstatus\tmonths\n#STRING\tSTRING\tNUMBER\n#1\t1\t1\n"
    "PATIENT_ID\tOS_STATUS\tOS_MONTHS\nP1\t1:DECEASED\t17.97\nP2\t0:LIVING\t#3\nP3\t[Not Available]\tNA\n"
)
SAMPLES = "PATIENT_ID\tSAMPLE_ID\tTYPE\nP1\tP1-01\tPrimary\nP2\tP2-01\t\n"
MATRIX = "Hugo_Symbol\tEntrez_Gene_Id\tP1-01\tP2-01\nB\t2\t1.5\tNA\nA\t1\t-0.25\t1e3\n"


def files(**changes: str | bytes | None) -> dict[str, bytes]:
    """The files of a small study, some replaced (`__` stands for the dot) or left out."""
    small: dict[str, str | bytes | None] = {
        "meta_study.txt": "cancer_study_identifier: s\nname: A study: small",
        "meta_clinical_patient.txt": meta("CLINICAL", "PATIENT_ATTRIBUTES", "data_patient.txt"),
        "meta_clinical_sample.txt": meta("CLINICAL", "SAMPLE_ATTRIBUTES", "data_sample.txt"),
        "meta_mrna.txt": meta("MRNA_EXPRESSION", "CONTINUOUS", "data_mrna.txt", "mrna"),
        "data_patient.txt": PATIENTS,
        "data_sample.txt": SAMPLES,
        "data_mrna.txt": MATRIX,
        "case_lists/cases_all.txt": "cancer_study_identifier: s\nstable_id: s_all\ncase_list_name: All\n"
        "case_list_ids: P1-01\tP2-01",
    }
    small |= {name.replace("__", "."): data for name, data in changes.items()}
    return {name: data.encode() if isinstance(data, str) else data for name, data in small.items() if data is not None}


# The LUAD archive


def test_luad_counts_agree_with_what_is_known_of_the_archive(luad):
    assert luad.study_id == luad.meta["cancer_study_identifier"] == "luad_tcga_pan_can_atlas_2018"
    assert (luad.patients.height, luad.samples.height, luad.rejected.height) == (522, 522, 0)
    values = luad.patient_attributes.pivot("attribute_id", index="patient_id", values="value")
    known = {"OS": (188, 522), "DSS": (116, 486), "DFS": (92, 309), "PFS": (213, 522)}
    for endpoint, (events, of) in known.items():
        status = values[f"{endpoint}_STATUS"].drop_nulls()
        assert (status.str.starts_with("1").sum(), len(status)) == (events, of)
    assert values["OS_MONTHS"].null_count() == 9
    assert values["AGE"].null_count() == 19
    profiles = {row["stable_id"]: (row["n_genes"], row["n_samples"]) for row in luad.profiles.to_dicts()}
    assert profiles == {"gistic": (284, 453), "rna_seq_v2_mrna_median_Zscores": (2812, 453)}
    by_list = dict(luad.case_lists.group_by("case_list_id").len().rows())
    assert by_list["luad_tcga_pan_can_atlas_2018_all"] == 522
    assert by_list["luad_tcga_pan_can_atlas_2018_rna_seq_v2_mrna"] == 453


def test_luad_attributes_carry_their_descriptions(luad):
    age = luad.attributes.filter(level="patient", attribute_id="AGE").to_dicts()[0]
    assert (age["display_name"], age["datatype"], age["priority"]) == ("Diagnosis Age", "NUMBER", "1")
    assert luad.attributes.filter(level="patient").height == 37
    assert luad.attributes.filter(level="sample").height == 7


def test_luad_expression_is_read_in_the_right_place(luad):
    from scipy.stats import spearmanr

    wide = luad.matrices["rna_seq_v2_mrna_median_Zscores"]
    genes = {row[0]: np.array(row[2:]) for row in wide.filter(pl.col("hugo_symbol").is_in(["CCL20", "VEGFA"])).rows()}
    # The archive's own documentation gives the value with four digits.
    assert spearmanr(genes["CCL20"], genes["VEGFA"]).statistic == pytest.approx(0.2349, abs=5e-5)
    assert set(np.unique(luad.matrices["gistic"].select(pl.exclude("hugo_symbol", "entrez_gene_id")))) <= {
        -2,
        -1,
        0,
        1,
        2,
    }


def test_unpivoted_matrix_holds_the_same_cells_sorted_by_gene(luad):
    wide = luad.matrices["gistic"]
    long = unpivot_matrix(wide)
    assert long.schema == {
        "hugo_symbol": pl.String,
        "entrez_gene_id": pl.Int64,
        "sample_id": pl.String,
        "value": pl.Float64,
    }
    assert long.height == wide.height * 453
    assert long["hugo_symbol"].is_sorted()
    slow = wide.unpivot(index=["hugo_symbol", "entrez_gene_id"], variable_name="sample_id")
    keys = ["hugo_symbol", "entrez_gene_id", "sample_id"]
    assert long.sort(keys).equals(slow.sort(keys))


@pytest.mark.slow
def test_second_release_differs_where_it_is_said_to(luad, shared):
    later = read_study(shared / "mirror" / LUAD.replace(".tar.gz", ".r2.tar.gz"), event_columns=EVENTS)
    changed = later.patient_attributes.join(luad.patient_attributes, on=later.patient_attributes.columns, how="anti")
    assert changed["patient_id"].unique().sort().to_list() == ["TCGA-05-4432", "TCGA-55-8621", "TCGA-J2-A4AE"]
    name = "rna_seq_v2_mrna_median_Zscores"
    cells = unpivot_matrix(later.matrices[name]).join(
        unpivot_matrix(luad.matrices[name]), on=["hugo_symbol", "entrez_gene_id", "sample_id", "value"], how="anti"
    )
    assert (cells.height, cells["hugo_symbol"].unique().to_list()) == (10, ["CXCL13"])


# Other real files


def test_importer_test_study(shared, tmp_path):
    folder = shared / "samples" / "cbioportal"
    name = "study_es_0"
    real = {
        "meta_study.txt": (folder / "study_es_0_meta_study.txt").read_bytes(),
        "meta_expression_median.txt": (folder / "study_es_0_meta_expression_median.txt").read_bytes(),
        "data_expression_median.txt": (folder / "study_es_0_data_expression_median.txt").read_bytes(),
        "data_patient.txt": (folder / "study_es_0_data_clinical_patients.txt").read_bytes(),
        "data_sample.txt": (folder / "study_es_0_data_clinical_samples.txt").read_bytes(),
        "meta_patient.txt": meta("CLINICAL", "PATIENT_ATTRIBUTES", "data_patient.txt", study=name),
        "meta_sample.txt": meta("CLINICAL", "SAMPLE_ATTRIBUTES", "data_sample.txt", study=name),
    }
    study = read_study(pack(tmp_path, real, folder=name), event_columns=("OS_STATUS", "DFS_STATUS"))
    data_rows = {file: len(real[file].splitlines()) - 5 for file in ("data_patient.txt", "data_sample.txt")}
    assert study.patients.height == data_rows["data_patient.txt"]
    assert study.samples.height == data_rows["data_sample.txt"]
    assert not study.patient_attributes["value"].str.contains(r"^\[Not Available\]$").any()
    matrix = study.matrices["mrna"]
    assert matrix.height + study.rejected.height == len(real["data_expression_median.txt"].splitlines()) - 1
    assert matrix["entrez_gene_id"].dtype == pl.Int64


def test_patient_file_without_comment_rows_and_with_windows_line_ends(shared, tmp_path):
    data = (shared / "samples" / "cbioportal" / "luad_data_clinical_patient.no_comment_rows.txt").read_bytes()
    study = read_study(pack(tmp_path, files(data_patient__txt=data)), event_columns=("OS_STATUS", "PFS_STATUS"))
    assert study.patients.height == 566
    assert study.attributes.filter(level="patient")["display_name"].null_count() == 37
    assert not study.patient_attributes["value"].str.contains("\r").any()


def test_git_lfs_pointer_inside_an_archive_is_not_data(shared, tmp_path):
    pointer = (shared / "samples" / "cbioportal" / "pointer_data_clinical_patient.txt").read_bytes()
    with pytest.raises(TransportFault, match="git_lfs_pointer"):
        read_study(pack(tmp_path, files(data_patient__txt=pointer)))


# What is kept, and what is set aside


def test_small_study_is_read_whole(tmp_path):
    study = read_study(pack(tmp_path, files()), event_columns=("OS_STATUS",))
    assert study.meta == {"cancer_study_identifier": "s", "name": "A study: small"}
    assert study.patient_attributes.rows() == [
        ("P1", "OS_STATUS", "1:DECEASED"),
        ("P2", "OS_STATUS", "0:LIVING"),
        ("P1", "OS_MONTHS", "17.97"),
        ("P2", "OS_MONTHS", "#3"),
    ]
    assert study.patients["patient_id"].to_list() == ["P1", "P2", "P3"]
    assert study.sample_attributes.rows() == [("P1-01", "P1", "TYPE", "Primary")]
    assert study.matrices["mrna"].rows() == [("B", 2, 1.5, None), ("A", 1, -0.25, 1000.0)]
    assert unpivot_matrix(study.matrices["mrna"]).rows() == [
        ("A", 1, "P1-01", -0.25),
        ("A", 1, "P2-01", 1000.0),
        ("B", 2, "P1-01", 1.5),
        ("B", 2, "P2-01", None),
    ]
    assert study.profiles.row(0, named=True)["profile_name"] == "RSEM: linear"
    assert study.case_lists.rows() == [("s_all", "All", "P1-01"), ("s_all", "All", "P2-01")]


def test_genes_that_repeat_are_kept_once_per_symbol_and_entrez_id(tmp_path):
    rows = ["B\t2\t1\t1", "B\t3\t2\t2", "B\t2\t9\t9", "\t\t5\t5", "\t7\t6\t6", "C\t\t7\t7", "C\t\t8\t8"]
    matrix = "Hugo_Symbol\tEntrez_Gene_Id\tP1-01\tP2-01\n" + "\n".join(rows)
    study = read_study(pack(tmp_path, files(data_mrna__txt=matrix)))
    assert [row[:3] for row in study.matrices["mrna"].rows()] == [
        ("B", 2, 1.0),
        ("B", 3, 2.0),
        (None, 7, 6.0),
        ("C", None, 7.0),
    ]
    assert [(row[1], row[3]) for row in study.rejected.rows()] == [(5, rows[3]), (4, rows[2]), (8, rows[6])]
    assert study.matrices["mrna"].height + study.rejected.height == len(rows)
    assert study.rejected["source"].unique().to_list() == ["s.tar.gz:data_mrna.txt"]


def test_patient_rows_that_repeat_or_lack_an_id_are_set_aside(tmp_path):
    study = read_study(pack(tmp_path, files(data_patient__txt=PATIENTS + "P1\t1:DECEASED\t17.97\n\t0:LIVING\t1\n")))
    assert study.patients.height == 3
    assert study.rejected.select("line", "reason").rows() == [
        (10, "blank PATIENT_ID"),
        (9, "repeats an earlier row of the same PATIENT_ID"),
    ]
    with pytest.raises(DataFault, match=r"data_patient.txt, lines 6 and 9: PATIENT_ID P1 .* different values"):
        read_study(pack(tmp_path, files(data_patient__txt=PATIENTS + "P1\t1:DECEASED\t18\n")))


def test_matrix_with_one_id_column_and_a_location_column(tmp_path):
    matrix = "Entrez_Gene_Id\tCytoband\tP1-01\n5\t1q2\t1\n"
    study = read_study(pack(tmp_path, files(data_mrna__txt=matrix)))
    assert study.matrices["mrna"].rows() == [(None, 5, 1.0)]
    assert study.matrices["mrna"].columns == ["hugo_symbol", "entrez_gene_id", "P1-01"]


def test_a_study_without_a_patient_file_has_the_patients_that_its_samples_name(tmp_path):
    study = read_study(pack(tmp_path, files(data_patient__txt=None, meta_clinical_patient__txt=None)))
    assert study.patients["patient_id"].to_list() == ["P1", "P2"]
    assert study.patient_attributes.is_empty()
    assert study.samples.height == 2


def test_calls_of_one_row_per_gene_and_sample_are_read_like_a_matrix(tmp_path):
    rows = [
        "EGFR\t1956\tP1-01\t2",
        "MET\t4233\tP1-01\t-1",
        "MET\t4233\tP1-01\t0",
        "\t\tP1-01\t1",
        "KRAS\t3845\tP1-01\t9",
    ]
    more = {
        "meta_cna.txt": meta("COPY_NUMBER_ALTERATION", "DISCRETE_LONG", "data_cna.txt", "gistic"),
        "data_cna.txt": "\n".join(["Hugo_Symbol\tEntrez_Gene_Id\tSample_Id\tValue", *rows, ""]).encode(),
    }
    study = read_study(pack(tmp_path, files() | more), stable_ids=["gistic"])
    assert study.matrices["gistic"].rows() == [("EGFR", 1956, 2.0), ("MET", 4233, -1.0), ("KRAS", 3845, None)]
    told = " ".join(study.rejected["reason"])
    for reason in ("no gene or no sample", "repeats the gene and sample"):
        assert reason in told
    assert study.rejected.height == 3


def test_profiles_that_are_no_gene_matrix_are_listed_and_not_read(tmp_path):
    more = {
        "meta_rppa.txt": meta("PROTEIN_LEVEL", "LOG2-VALUE", "data_rppa.txt", "rppa"),
        "data_rppa.txt": b"Composite.Element.REF\tP1-01\nAKT|AKT_pS473\t1\n",
        "meta_seg.txt": meta("COPY_NUMBER_ALTERATION", "SEG", "data.seg", "seg"),
        "meta_mutations.txt": meta("MUTATION_EXTENDED", "MAF", "data_mutations.txt", "mutations"),
    }
    study = read_study(pack(tmp_path, files() | more))
    assert list(study.matrices) == ["mrna"]
    sizes = {row["stable_id"]: row["n_genes"] for row in study.profiles.to_dicts()}
    assert sizes == {"mrna": 2, "rppa": None, "seg": None, "mutations": None}


def test_folders_within_the_study_and_files_without_identifier_are_passed_over(tmp_path):
    more = {
        "normals/meta_mrna_normals.txt": meta("MRNA_EXPRESSION", "CONTINUOUS", "data_normals.txt", "normals"),
        "normals/data_normals.txt": MATRIX.encode(),
        "meta_cancer_type.txt": b"genetic_alteration_type: CANCER_TYPE\ndatatype: CANCER_TYPE\ndata_filename: c.txt",
    }
    assert list(read_study(pack(tmp_path, files() | more)).matrices) == ["mrna"]


def test_only_the_wanted_profiles_are_read(tmp_path):
    more = {"meta_cna.txt": meta("COPY_NUMBER_ALTERATION", "DISCRETE", "data_cna.txt", "gistic")}
    archive = pack(tmp_path, files() | more | {"data_cna.txt": MATRIX.encode()})
    study = read_study(archive, stable_ids=["gistic"])
    assert list(study.matrices) == ["gistic"]
    assert study.profiles.height == 2
    with pytest.raises(DataFault, match="no profile gistik; did you mean gistic"):
        read_study(archive, stable_ids=["gistik"])


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"meta_study__txt": None}, "meta_study.txt is missing"),
        ({"meta_study__txt": "cancer_study_identifier: t"}, r"meta_study.txt: cancer_study_identifier is 't'"),
        ({"meta_mrna__txt": meta("MRNA_EXPRESSION", "Z-SCORE", "data_mrna.txt", "m", "t")}, r"meta_mrna.txt: .*'t'"),
        ({"meta_more__txt": meta("MRNA_EXPRESSION", "Z-SCORE", "data_mrna.txt", "mrna")}, "stable_id mrna is also"),
        ({"data_mrna__txt": None}, r"meta_mrna.txt: data_filename 'data_mrna.txt' is not in the archive"),
        ({"meta_clinical_sample__txt": None}, "no meta file declares SAMPLE_ATTRIBUTES"),
        ({"meta_mrna__txt": "just words"}, r"meta_mrna.txt, line 1: 'just words' is not a key"),
        ({"data_patient__txt": PATIENTS.replace("OS_STATUS", "OS_STATE")}, "column OS_STATUS is missing; .*OS_STATE"),
        ({"data_patient__txt": PATIENTS.replace("0:LIVING", "ALIVE")},
         r"data_patient.txt, line 7, column OS_STATUS: 'ALIVE' is not an event code .*0:LIVING"),
        ({"data_patient__txt": PATIENTS.replace("#1\t1\t1\n", "")}, "3 rows start with #"),
        ({"data_patient__txt": PATIENTS.replace("#1\t1\t1\n", "#1\t1\n")}, "line 4: the # row has 2 fields"),
        ({"data_patient__txt": PATIENTS + "P4\t1:DECEASED\n"}, "data_patient.txt, line 9: the row has 2 fields"),
        ({"data_sample__txt": SAMPLES.replace("SAMPLE_ID", "SAMPLE")}, "column SAMPLE_ID is missing"),
        ({"data_mrna__txt": MATRIX.replace("1e3", "high")},
         r"data_mrna.txt, line 3, gene A, sample P2-01: 'high' is not a number"),
        ({"data_mrna__txt": MATRIX.replace("1e3", "inf")}, r"gene A, sample P2-01: 'inf' is not a number"),
        ({"data_mrna__txt": MATRIX.replace("A\t1\t", "A\t1.5\t")}, r"line 3, column Entrez_Gene_Id: '1.5'"),
        ({"data_mrna__txt": MATRIX.replace("P2-01", "P1-01")}, "column P1-01 occurs twice"),
        ({"data_mrna__txt": "Hugo_Symbol\nA\n"}, "the matrix has no sample"),
        ({"case_lists/cases_all__txt": "cancer_study_identifier: t\nstable_id: x\ncase_list_ids: P1"}, "cases_all.txt"),
        ({"case_lists/cases_all__txt": "cancer_study_identifier: s\nstable_id: x\n"}, "no case_list_ids"),
    ],
)  # fmt: skip
def test_fault_names_file_and_place(tmp_path, changes, message):
    with pytest.raises(DataFault, match=message):
        read_study(pack(tmp_path, files(**changes)), event_columns=("OS_STATUS",))


def test_event_codes_without_labels_are_accepted_and_other_columns_are_not_checked(tmp_path):
    patients = PATIENTS.replace("1:DECEASED", "1").replace("0:LIVING", "0")
    study = read_study(pack(tmp_path, files(data_patient__txt=patients)), event_columns=("OS_STATUS",))
    assert study.patient_attributes["value"].to_list()[:2] == ["1", "0"]
    patients = PATIENTS.replace("0:LIVING", "ALIVE")
    assert read_study(pack(tmp_path, files(data_patient__txt=patients))).patients.height == 3


def test_archive_must_have_one_folder_named_as_the_study(tmp_path):
    with pytest.raises(DataFault, match="the name of the study folder"):
        read_study(pack(tmp_path, files(), folder="other"))
    with tarfile.open(tmp_path / "flat.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("meta_study.txt"), io.BytesIO())
    with pytest.raises(DataFault, match="one folder"):
        read_study(tmp_path / "flat.tar.gz")


def test_words_for_no_value_are_read_alike_with_and_without_numbers_around_them():
    """A matrix of numbers alone is read without looking for such words; their rows must come out the same."""
    header = b"Hugo_Symbol\tEntrez_Gene_Id\tA\tB\n"
    plain, rejected = read_gene_matrix(header + b"NA\t5\t1\t2\n[Unknown]\tNA\t3\t4\nAXL\t558\t\t5\n", source="m")
    assert plain.rows() == [(None, 5, 1.0, 2.0), ("AXL", 558, None, 5.0)]
    assert rejected["line"].to_list() == [3]
    for word in (b"NA", b"NaN", b"nan", b"[Not Available]"):
        found, _ = read_gene_matrix(header + b"NA\t5\t1\t2\nAXL\t558\t" + word + b"\t5\n", source="m")
        assert found.rows() == [(None, 5, 1.0, 2.0), ("AXL", 558, None, 5.0)], word
    with pytest.raises(DataFault, match="line 2, gene AXL, sample B: 'inf' is not a number"):
        read_gene_matrix(header + b"AXL\t558\tNaN\tinf\n", source="m")
