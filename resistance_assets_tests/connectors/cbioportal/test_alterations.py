"""Mutations, variants, timelines and feature matrices of a study, and pointers that stand for large files."""

from __future__ import annotations

import pytest

from resistance_assets.connectors.cbioportal.alterations import read_alterations
from resistance_assets.connectors.cbioportal.archive import read_study, unpivot_matrix
from resistance_assets.errors import DataFault, TransportFault
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
