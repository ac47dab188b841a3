"""DGIdb's interactions in both layouts of the file."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.connectors.dgidb import INTERACTIONS_SCHEMA, read_dgidb
from resistance_assets.errors import DataFault

PRESENT = [
    *("gene_claim_name", "gene_concept_id", "gene_name", "interaction_source_db_name"),
    *("interaction_source_db_version", "interaction_type", "interaction_score", "drug_claim_name"),
    *("drug_concept_id", "drug_name", "approved", "immunotherapy", "anti_neoplastic"),
]
FORMER = [
    *("gene_name", "gene_claim_name", "entrez_id", "interaction_claim_source", "interaction_types"),
    *("drug_claim_name", "drug_claim_primary_name", "drug_name", "drug_concept_id"),
    *("interaction_group_score", "PMIDs"),
]


def read(tmp_path, header: list[str], *rows: dict[str, str]):
    path = tmp_path / "interactions.tsv"
    lines = ["\t".join(header), *("\t".join(row.get(name, "") for name in header) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return read_dgidb(path)


ROW = {
    "gene_name": "AXL", "drug_name": "BEMCENTINIB", "interaction_source_db_name": "ChEMBL",
    "interaction_type": "inhibitor", "approved": "FALSE",
}  # fmt: skip


def test_claims_of_one_gene_and_drug_are_one_row(tmp_path):
    found, rejected = read(
        tmp_path, PRESENT, ROW, ROW | {"interaction_source_db_name": "TTD", "interaction_type": "NULL"},
        ROW | {"approved": "TRUE", "drug_name": "Gilteritinib"},
    )  # fmt: skip
    assert found.rows() == [
        ("AXL", "bemcentinib", "inhibitor", "ChEMBL|TTD", False, 2),
        ("AXL", "gilteritinib", "inhibitor", "ChEMBL", True, 1),
    ]
    assert found.schema == pl.Schema(INTERACTIONS_SCHEMA)
    assert rejected.is_empty()


def test_the_layout_before_2023_says_nothing_of_approval(tmp_path):
    row = {"gene_name": "AXL", "drug_name": "X", "interaction_claim_source": "TALC", "interaction_types": "inhibitor"}
    found, _ = read(tmp_path, FORMER, row)
    assert found.rows() == [("AXL", "x", "inhibitor", "TALC", None, 1)]


def test_rows_without_a_gene_or_a_drug_are_set_aside_with_a_reason(tmp_path):
    found, rejected = read(tmp_path, PRESENT, ROW, ROW | {"gene_name": "NULL"}, ROW | {"drug_name": ""})
    assert found["n_claims"].sum() + rejected.height == 3
    assert rejected["reason"].to_list() == ["no gene is named", "no drug is named"]


def test_a_file_without_the_columns_is_refused_by_name(tmp_path):
    with pytest.raises(DataFault, match="gene_name"):
        read(tmp_path, ["gene", "drug"], {"gene": "AXL", "drug": "X"})
