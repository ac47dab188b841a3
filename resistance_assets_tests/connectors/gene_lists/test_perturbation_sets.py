"""Libraries of drug perturbations: what a term says of drug, cells and direction."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.connectors.gene_lists.perturbation_sets import MEMBERS_SCHEMA, read_perturbation_sets
from resistance_assets.errors import DataFault


def gmt(tmp_path, *terms: str):
    path = tmp_path / "library.gmt"
    path.write_text("".join(f"{term}\t\tAXL\tMET\t\n" for term in terms))
    return path


@pytest.mark.parametrize(
    ("term", "drug", "cells"),
    [
        ("LJP006 A549 24H-dasatinib-10", "dasatinib", "A549"),
        ("LJP005 MCF10A 24H-NVP-AEW541-0.04", "nvp-aew541", "MCF10A"),
        ("LJP005_HS578T_3H-A443654-3.33", "a443654", "HS578T"),
        ("a term of no known form", "a term of no known form", None),
        # LINCS says its direction by file: the word is a part of the name here.
        ("something UP", "something up", None),
    ],
)
def test_a_term_of_lincs_names_drug_and_cells(tmp_path, term, drug, cells):
    members, rejected = read_perturbation_sets(gmt(tmp_path, term), "down")
    assert members.unique("drug_name").select("drug_name", "cell_line", "direction", "perturbation_id").rows() == [
        (drug, cells, "down", term)
    ]
    assert members.height == 2
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("term", "drug", "cells", "direction", "perturbation"),
    [
        ("trichostatin A HL60 UP", "trichostatin a", "HL60", "up", "trichostatin A HL60"),
        ("trichostatin A HL60 DOWN", "trichostatin a", "HL60", "down", "trichostatin A HL60"),
        ("trichostatin A CTD 00000660", "trichostatin a", None, "unsigned", "trichostatin A CTD 00000660"),
        ("imatinib TTD 00008640", "imatinib", None, "unsigned", "imatinib TTD 00008640"),
        ("imatinib BOSS", "imatinib", None, "unsigned", "imatinib BOSS"),
        ("imatinib", "imatinib", None, "unsigned", "imatinib"),
    ],
)
def test_a_term_of_dsigdb_says_its_direction_or_none(tmp_path, term, drug, cells, direction, perturbation):
    members, _ = read_perturbation_sets(gmt(tmp_path, term))
    assert members.unique("drug_name").drop("gene_symbol").rows() == [(perturbation, drug, cells, direction)]


def test_up_and_down_of_one_perturbation_share_its_id(tmp_path):
    members, _ = read_perturbation_sets(gmt(tmp_path, "x PC3 UP", "x PC3 DOWN"))
    assert members["perturbation_id"].unique().to_list() == ["x PC3"]
    assert members.schema == pl.Schema(MEMBERS_SCHEMA)


def test_an_answer_that_holds_no_set_is_refused(tmp_path):
    path = tmp_path / "library.gmt"
    path.write_text("<html>busy</html>\n")
    with pytest.raises(DataFault):
        read_perturbation_sets(path)
