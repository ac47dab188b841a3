"""The HGNC complete set in its layouts."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.errors import DataFault


@pytest.mark.slow
def test_release_of_the_mirror(shared):
    genes, rejected = read_hgnc(shared / "mirror" / "files" / "storage.googleapis.com" / "hgnc_complete_set.txt")
    assert (genes.height, rejected.height) == (43_882, 0)
    assert genes.columns == [
        *("hgnc_id", "symbol", "name", "locus_group", "locus_type", "status", "location", "alias_symbol"),
        *("prev_symbol", "gene_group", "entrez_id", "ensembl_gene_id", "uniprot_ids", "refseq_accession"),
    ]
    assert genes["entrez_id"].dtype == pl.Int64
    gas6 = genes.filter(symbol="GAS6").row(0, named=True)
    assert (gas6["hgnc_id"], gas6["entrez_id"], gas6["ensembl_gene_id"]) == ("HGNC:4168", 2621, "ENSG00000183087")
    assert gas6["prev_symbol"] == "AXLLG"
    assert genes.filter(symbol="A2ML1").row(0, named=True)["alias_symbol"] == "FLJ25179|p170"
    assert not genes["alias_symbol"].str.contains('"').any()


def test_older_layout_and_withdrawn_entries(shared):
    older, _ = read_hgnc(shared / "samples" / "hgnc" / "hgnc_2018-11.head.txt")
    newer, _ = read_hgnc(shared / "samples" / "hgnc" / "hgnc_2024-10-18.head.txt")
    assert older.columns == newer.columns
    assert older.height == newer.height == 300
    assert older.row(0, named=True)["gene_group"] == "Immunoglobulin like domain containing"
    withdrawn, rejected = read_hgnc(shared / "samples" / "hgnc" / "hgnc_2018-11.withdrawn.txt")
    assert (withdrawn.height, rejected.height) == (30, 0)
    assert withdrawn["status"].unique().to_list() == ["Entry Withdrawn"]


def test_rows_in_are_rows_kept_and_rejected(shared, tmp_path):
    text = (shared / "samples" / "hgnc" / "hgnc_2024-10-18.head.txt").read_text()
    rows = text.splitlines()
    path = tmp_path / "hgnc.txt"
    path.write_text("\n".join([*rows, rows[1], rows[2].replace("HGNC:37133", "", 1)]) + "\n")
    genes, rejected = read_hgnc(path)
    assert genes.height == 300
    assert rejected.select("line", "reason").rows() == [
        (303, "blank hgnc_id or symbol"),
        (302, "repeats the hgnc_id of an earlier row, which is kept"),
    ]


def test_missing_column_and_wrong_id_are_told(shared, tmp_path):
    text = (shared / "samples" / "hgnc" / "hgnc_2024-10-18.head.txt").read_text()
    path = tmp_path / "hgnc.txt"
    path.write_text(text.replace("\tprev_symbol\t", "\tprevious_symbol\t"))
    with pytest.raises(DataFault, match="column prev_symbol is missing; did you mean previous_symbol"):
        read_hgnc(path)
    path.write_text(text.replace("\t1\tENSG00000121410", "\tone\tENSG00000121410"))
    with pytest.raises(DataFault, match="line 2, column entrez_id: 'one'"):
        read_hgnc(path)
