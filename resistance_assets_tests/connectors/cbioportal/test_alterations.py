"""Mutations, variants, timelines and feature matrices of a study, and pointers that stand for large files."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.cbioportal.alterations import read_alterations
from resistance_assets.connectors.cbioportal.archive import read_study, unpivot_matrix
from resistance_assets.connectors.cbioportal.rows import read_matrices
from resistance_assets.errors import DataFault, TransportFault
from resistance_assets.science.alterations.consequences import is_readable_change
from resistance_assets_tests.connectors.cbioportal.test_archive import LUAD, files, meta, pack

MUTATIONS = (
    "#version 2.4\n#sequenced_samples: P1-01 P2-01\n"
    "Hugo_Symbol\tEntrez_Gene_Id\tStart_Position\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short\tt_alt_count\n"
    "EGFR\t1956\t55259515\tMissense_Mutation\tP1-01\tp.L858R\t12.0\nTP53\t7157\tNA\tSilent\tP2-01\t\t\n"
    "\t\t1\tSilent\tP2-01\t\t\nKRAS\t3845\t1\tMissense_Mutation\t\tp.G12C\t3\n"
)
VARIANTS = "Sample_Id\tSite1_Hugo_Symbol\tSite2_Hugo_Symbol\tClass\nP1-01\tEML4\tALK\tInversion\nP2-01\t\t\tDeletion\n"
TIMELINE = (
    "PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tTREATMENT_TYPE\tAGENT\n"
    "P1\t-3\t20\tTREATMENT\tChemotherapy\tCISPLATIN\nP2\t0\t\tSTATUS\t\t\n\t5\t\tSTATUS\t\t\n"
)
RPPA = "Composite.Element.REF\tP1-01\tP2-01\nAXL|AXL\t0.5\tNA\nEGFR|EGFR_pY1068\t-1.25\t2\nAXL|AXL\t9\t9\n"
CNA = meta("COPY_NUMBER_ALTERATION", "DISCRETE", "data_cna.txt", "gistic")
METHYLATION = "ENTITY_STABLE_ID\tNAME\tDESCRIPTION\tTRANSCRIPT_ID\tP1-01\ncg01\tGAS6\tx\ty\t0.25\n"


def study(tmp_path, **changes):
    more = {
        "meta_mutations__txt": meta("MUTATION_EXTENDED", "MAF", "data_mutations.txt", "mutations"),
        "meta_sv__txt": meta("STRUCTURAL_VARIANT", "SV", "data_sv.txt", "structural_variants"),
        "meta_timeline_x__txt": meta("CLINICAL", "TIMELINE", "data_timeline_x.txt"),
        "meta_rppa__txt": meta("PROTEIN_LEVEL", "LOG2-VALUE", "data_rppa.txt", "rppa"),
        "meta_methylation__txt": meta("METHYLATION", "CONTINUOUS", "data_methylation.txt", "methylation"),
        "data_mutations__txt": MUTATIONS,
        "data_sv__txt": VARIANTS,
        "data_timeline_x__txt": TIMELINE,
        "data_rppa__txt": RPPA,
        "data_methylation__txt": METHYLATION,
    }
    return pack(tmp_path, files(**(more | changes)))


def test_further_tables_of_a_study(tmp_path):
    archive = study(tmp_path)
    found = read_alterations(archive)
    assert found.mutations.select(
        "sample_id", "hugo_symbol", "entrez_gene_id", "start_position", "protein_change", "alternative_reads"
    ).rows() == [("P1-01", "EGFR", 1956, 55259515, "p.L858R", 12), ("P2-01", "TP53", 7157, None, None, None)]
    assert found.structural_variants.select("sample_id", "site1_hugo_symbol", "site2_hugo_symbol").rows() == [
        ("P1-01", "EML4", "ALK")
    ]
    assert found.timeline.drop("file").rows() == [
        (1, "P1", -3, 20, "TREATMENT", "TREATMENT_TYPE", "Chemotherapy"),
        (1, "P1", -3, 20, "TREATMENT", "AGENT", "CISPLATIN"),
        (2, "P2", 0, None, "STATUS", None, None),
    ]
    assert found.feature_matrices["rppa"].rows() == [
        ("AXL|AXL", "AXL", 0.5, None),
        ("EGFR|EGFR_pY1068", "EGFR", -1.25, 2.0),
    ]
    assert found.feature_matrices["methylation"].rows() == [("cg01", "GAS6", 0.25)]
    assert unpivot_matrix(found.feature_matrices["rppa"]).row(0) == ("AXL|AXL", "AXL", "P1-01", 0.5)
    assert found.rejected.height == 5
    assert found.n_rows == {
        "data_methylation.txt": 1,
        "data_mutations.txt": 4,
        "data_rppa.txt": 3,
        "data_sv.txt": 2,
        "data_timeline_x.txt": 3,
    }
    assert read_alterations(archive, kinds=["STRUCTURAL_VARIANT"]).mutations.height == 0
    # The clinical tables and gene matrices of the same archive are read as before.
    assert set(read_study(archive).matrices) == {"mrna"}


def test_study_without_them_has_empty_tables(shared):
    found = read_alterations(shared / "mirror" / LUAD)
    assert (found.mutations.height, found.timeline.height, found.feature_matrices, found.n_rows) == (0, 0, {}, {})


@pytest.mark.parametrize(
    ("changes", "fault", "message"),
    [
        ({"data_sv__txt": None}, DataFault, "'data_sv.txt' is not in the archive"),
        ({"data_mutations__txt": "Hugo_Symbol\tX\nA\tB\n"}, DataFault, "column Tumor_Sample_Barcode is missing"),
        (
            {"data_mutations__txt": MUTATIONS.replace("55259515", "far")},
            DataFault,
            "line 4, column Start_Position: 'far'",
        ),
        ({"data_rppa__txt": RPPA.replace("-1.25", "low")}, DataFault, "line 3.*sample P1-01: 'low' is not a number"),
        ({"data_timeline_x__txt": "PATIENT_ID\tX\nP1\t1\n"}, DataFault, "column START_DATE is missing"),
        (
            {"data_mutations__txt": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"},
            TransportFault,
            "git_lfs_pointer",
        ),
    ],
)
def test_tables_that_are_wrong_are_refused(tmp_path, changes, fault, message):
    with pytest.raises(fault, match=message):
        read_alterations(study(tmp_path, **changes))


# Pointers


def told(found) -> list[tuple[str, int, str]]:
    return [(row["source"].split(":")[1], row["line"], row["reason"]) for row in found.rejected.iter_rows(named=True)]


HEADER = "Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short\n"


def test_a_protein_change_that_cannot_be_read_is_left_blank_and_told_with_its_line(tmp_path):
    rows = (
        "EGFR\t1956\tMissense_Mutation\tP1-01\tp.L858R\nKRAS\t3845\tMissense_Mutation\tP1-01\t<b>twelve\n"
        "TP53\t7157\tSilent\tP1-01\tno change\nSTK11\t6794\tSplice_Site\tP1-01\tp.X123_splice\n"
    )
    archive = study(tmp_path, data_mutations__txt=HEADER + rows)
    found = read_alterations(archive, kinds=["MUTATION_EXTENDED"], is_readable=is_readable_change)
    assert found.mutations["protein_change"].to_list() == ["p.L858R", None, "no change", "p.X123_splice"]
    assert told(found) == [
        ("data_mutations.txt", 3, "the protein change cannot be read and is left blank (expected HGVS such as p.L858R)")
    ]


def test_a_mutation_of_a_sample_that_the_clinical_table_lacks_is_set_aside(tmp_path):
    rows = "EGFR\t1956\tMissense_Mutation\tP1-01\tp.L858R\nEGFR\t1956\tMissense_Mutation\tP9-01\tp.L858R\n"
    found = read_alterations(study(tmp_path, data_mutations__txt=HEADER + rows), kinds=["MUTATION_EXTENDED"])
    assert found.mutations["sample_id"].to_list() == ["P1-01"]
    assert told(found) == [
        ("data_mutations.txt", 3, "the sample is not in the clinical table, so it stands for no patient")
    ]


def test_a_mutation_of_a_gene_that_the_samples_panel_lacks_is_set_aside(tmp_path):
    rows = "EGFR\t1956\tMissense_Mutation\tP1-01\tp.L858R\nKRAS\t3845\tMissense_Mutation\tP1-01\tp.G12C\n"
    archive = study(
        tmp_path,
        data_mutations__txt=HEADER + rows,
        data_gene_panel_matrix__txt="SAMPLE_ID\tmutations\nP1-01\tP2\nP2-01\tWES\n",
        data_gene_panel_P2__txt="stable_id: P2\ndescription: two genes\ngene_list: EGFR\tALK\n",
    )
    found = read_alterations(archive, kinds=["MUTATION_EXTENDED"])
    assert found.mutations["hugo_symbol"].to_list() == ["EGFR"]
    assert told(found) == [("data_mutations.txt", 3, "the sample's gene panel does not hold the gene")]
    assert set(read_study(archive).profiled.samples.iter_rows()) == {
        ("mutations", "P1-01", "P2"),
        ("mutations", "P2-01", None),
    }


def test_a_fusion_with_one_partner_is_kept_and_told(tmp_path):
    rows = "Sample_Id\tSite1_Hugo_Symbol\tSite2_Hugo_Symbol\tClass\nP1-01\tEML4\tALK\tFUSION\nP2-01\t\tROS1\tFUSION\n"
    found = read_alterations(study(tmp_path, data_sv__txt=rows), kinds=["STRUCTURAL_VARIANT"])
    assert found.structural_variants["site2_hugo_symbol"].to_list() == ["ALK", "ROS1"]
    assert told(found) == [("data_sv.txt", 3, "one gene is named: it is kept with an unknown partner")]


def test_a_share_of_methylation_outside_its_range_is_left_blank_and_told_with_file_and_line(tmp_path):
    head = "ENTITY_STABLE_ID\tNAME\tDESCRIPTION\tTRANSCRIPT_ID\tP1-01\tP2-01\n"
    rows = head + "cg01\tGAS6\tx\ty\t0.25\t1.2\ncg02\tAXL\tx\ty\t-0.1\t1\n"
    archive = study(tmp_path, data_methylation__txt=rows)
    table = TABLES["raw.cbioportal__methylation_values"]
    parts, rejected = read_matrices(archive, ("methylation",), (), table)
    values = pl.concat(parts)
    assert values["value"].to_list() == [0.25, None, None, 1.0]
    told_cells = rejected.select("line", "row_text").rows()
    assert told_cells == [(3, "cg02, sample P1-01: -0.1"), (2, "cg01, sample P2-01: 1.2")]
    assert set(rejected["source"].str.split(":").list.last()) == {"data_methylation.txt"}
    assert rejected["reason"].str.contains("from 0 to 1").all()


def test_a_copy_number_call_of_three_is_left_blank_and_told(tmp_path):
    rows = "Hugo_Symbol\tEntrez_Gene_Id\tP1-01\tP2-01\nEGFR\t1956\t3\t2\n"
    found = read_study(study(tmp_path, data_cna__txt=rows, meta_cna__txt=CNA))
    assert found.matrices["gistic"].select("P1-01", "P2-01").rows() == [(None, 2.0)]
    assert "-2, -1, 0, 1 or 2" in found.rejected["reason"].to_list()[0]


def test_a_mutation_says_the_member_and_the_line_that_it_is_of(tmp_path):
    found = read_alterations(study(tmp_path))
    assert found.mutations.select("source_file", "source_line").rows() == [
        ("data_mutations.txt", 4),
        ("data_mutations.txt", 5),
    ]
    assert found.structural_variants.select("source_file", "source_line").rows() == [("data_sv.txt", 2)]


def test_without_case_lists_the_mutation_file_says_who_was_sequenced(tmp_path):
    profiled = read_study(study(tmp_path)).profiled.samples
    assert profiled.rows() == [("mutations", "P1-01", None), ("mutations", "P2-01", None)]


PANELS = {
    "data_gene_panel_small__txt": "stable_id: small\ndescription: x\ngene_list: EGFR\tALK\n",
    "data_gene_panel_matrix__txt": "SAMPLE_ID\tmutations\nP1-01\tsmall\nP2-01\tWES\n",
}


def test_a_fusion_outside_the_panel_of_its_sample_is_set_aside_and_one_with_a_gene_inside_is_kept(tmp_path):
    rows = "P1-01\tEML4\tALK\tInversion\nP1-01\tKIF5B\tRET\tInversion\nP2-01\tKIF5B\tRET\tInversion\n"
    archive = study(tmp_path, data_sv__txt=VARIANTS.splitlines()[0] + "\n" + rows, **PANELS)
    found = read_alterations(archive, kinds=["STRUCTURAL_VARIANT"])
    assert found.structural_variants.select("sample_id", "site2_hugo_symbol").rows() == [
        ("P1-01", "ALK"),
        ("P2-01", "RET"),
    ]
    assert told(found) == [("data_sv.txt", 3, "the sample's gene panel does not hold the gene")]


@pytest.mark.parametrize("cell", ["3", "-3", "1.5"])
def test_a_call_that_is_none_is_left_blank_and_told_with_file_and_line(tmp_path, cell):
    data = f"Hugo_Symbol\tP1-01\tP2-01\nEGFR\t1\t0\nMET\t{cell}\t-2\n"
    read = read_study(study(tmp_path, meta_cna__txt=CNA, data_cna__txt=data))
    assert read.matrices["gistic"].row(1) == ("MET", None, None, -2.0)
    (row,) = read.rejected.filter(reason="the cell is left blank: expected a call of -2, -1, 0, 1 or 2").rows()
    assert row[0].endswith(":data_cna.txt")
    assert (row[1], row[3]) == (3, f"MET, sample P1-01: {float(cell)}")


def test_a_call_that_is_text_is_refused_with_file_line_gene_and_sample(tmp_path):
    data = "Hugo_Symbol\tP1-01\tP2-01\nMET\tgain\t-2\n"
    with pytest.raises(DataFault, match=r"data_cna\.txt, line 2, gene MET, sample P1-01: 'gain' is not a number"):
        read_study(study(tmp_path, meta_cna__txt=CNA, data_cna__txt=data))
