from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resistance_assets.errors import DataFault
from resistance_assets.science.genes import (
    RESOLUTION_SCHEMA,
    SYMBOL_INDEX_SCHEMA,
    build_symbol_index,
    resolve_symbols,
    suggest_symbols,
)

HGNC = "files/storage.googleapis.com/hgnc_complete_set.txt"


@pytest.fixture(scope="module")
def hgnc(shared: Path) -> pl.DataFrame:
    wanted = ["hgnc_id", "symbol", "status", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"]
    return pl.read_csv(shared / "mirror" / HGNC, separator="\t", columns=wanted, infer_schema=False)


@pytest.fixture(scope="module")
def real_index(hgnc: pl.DataFrame) -> pl.DataFrame:
    return build_symbol_index(hgnc)


def entry(symbol: str, *, status="Approved", alias=None, prev=None, entrez=None, ensembl=None) -> dict:
    return {
        "hgnc_id": f"HGNC:{symbol}",
        "symbol": symbol,
        "status": status,
        "alias_symbol": alias,
        "prev_symbol": prev,
        "entrez_id": entrez,
        "ensembl_gene_id": ensembl,
    }


def toy_index(*entries: dict) -> pl.DataFrame:
    schema = dict.fromkeys(
        ["hgnc_id", "symbol", "status", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"], pl.String
    )
    return build_symbol_index(pl.DataFrame(list(entries), schema=schema))


def resolve_one(symbol: str | None, index: pl.DataFrame) -> dict:
    return resolve_symbols([symbol], index).row(0, named=True)


def test_known_symbols_of_the_real_release(real_index):
    assert real_index.schema == pl.Schema(SYMBOL_INDEX_SCHEMA)
    asked = ["IL8", "CXCL8", "ERBB1", "C9ORF72", "C9orf72", "p53", "MARCH1", "SEPT9", "ALK4", "NOT_A_GENE", " AXL "]
    ours = resolve_symbols(asked, real_index)
    assert ours.schema == pl.Schema(RESOLUTION_SCHEMA)
    assert ours["input_symbol"].to_list() == asked
    assert dict(zip(asked, ours.select("hgnc_symbol", "resolution").rows(), strict=True)) == {
        "IL8": ("CXCL8", "previous"),
        "CXCL8": ("CXCL8", "approved"),
        "ERBB1": ("EGFR", "alias"),
        "C9ORF72": ("C9orf72", "approved"),
        "C9orf72": ("C9orf72", "approved"),
        "p53": ("TP53", "alias"),
        "MARCH1": ("MARCHF1", "previous"),
        "SEPT9": ("SEPTIN9", "previous"),
        "ALK4": ("ACVR1B", "alias"),
        "NOT_A_GENE": (None, "unknown"),
        " AXL ": ("AXL", "approved"),
    }
    il8 = ours.row(0, named=True)
    assert (il8["entrez_gene_id"], il8["ensembl_gene_id"], il8["candidates"]) == (3576, "ENSG00000169429", None)


def test_every_approved_symbol_resolves_to_itself(hgnc, real_index):
    ours = resolve_symbols(hgnc["symbol"], real_index)
    assert ours["hgnc_symbol"].to_list() == hgnc["symbol"].to_list()
    assert ours["resolution"].unique().to_list() == ["approved"]


def test_an_alias_of_several_genes_is_refused_and_listed(real_index):
    names = real_index.filter(kind="alias").group_by("name").agg(pl.col("hgnc_symbol").sort())
    shared = names.filter(pl.col("hgnc_symbol").list.len() > 1).join(
        real_index.filter(pl.col("kind") != "alias"), on="name", how="anti"
    )
    assert shared.height > 500
    ours = resolve_symbols(shared["name"], real_index)
    assert ours["resolution"].unique().to_list() == ["ambiguous"]
    assert ours["hgnc_symbol"].null_count() == ours["entrez_gene_id"].null_count() == ours.height
    assert ours["candidates"].to_list() == shared["hgnc_symbol"].list.join("|").to_list()


def test_approved_stands_before_previous_before_withdrawn_before_alias():
    index = toy_index(
        entry("A", prev="B", alias="C|D|E"),
        entry("B", prev="C", alias="E"),
        entry("D", status="Entry Withdrawn", alias="NOBODY", prev="NOBODY"),
    )
    assert resolve_one("B", index)["hgnc_symbol"] == "B"
    assert (resolve_one("C", index)["hgnc_symbol"], resolve_one("C", index)["resolution"]) == ("B", "previous")
    withdrawn = resolve_one("D", index)
    assert (withdrawn["resolution"], withdrawn["hgnc_symbol"]) == ("withdrawn", None)
    assert resolve_one("E", index)["candidates"] == "A|B"
    assert resolve_one("NOBODY", index)["resolution"] == "unknown"


def test_a_symbol_withdrawn_but_approved_elsewhere_is_approved():
    index = toy_index(entry("A", status="Symbol Withdrawn"), entry("A", ensembl="ENSG1", entrez="7"))
    row = resolve_one("A", index)
    assert (row["resolution"], row["entrez_gene_id"]) == ("approved", 7)


def test_exact_spelling_goes_before_case():
    index = toy_index(entry("C9orf72"), entry("Abc", alias="xY"), entry("Def", alias="XY"), entry("Ghi", alias="Xy"))
    assert resolve_one("c9ORF72", index)["hgnc_symbol"] == "C9orf72"
    assert resolve_one("XY", index)["hgnc_symbol"] == "Def"
    assert resolve_one("xy", index)["candidates"] == "Abc|Def|Ghi"


def test_nothing_is_unknown_and_order_and_repeats_are_kept():
    index = toy_index(entry("A"), entry("B"))
    ours = resolve_symbols(pl.Series(["B", None, "", "A", "B"]), index)
    assert ours["hgnc_symbol"].to_list() == ["B", None, None, "A", "B"]
    assert ours["resolution"].to_list() == ["approved", "unknown", "unknown", "approved", "approved"]
    assert ours["input_symbol"].to_list() == ["B", None, "", "A", "B"]


def test_dates_made_by_spreadsheets_are_not_resolved_but_explained(real_index):
    ours = resolve_symbols(["1-Mar", "Mar-01", "2-Sep", "31-Dec"], real_index)
    assert ours["resolution"].unique().to_list() == ["unknown"]
    assert ours["candidates"].to_list() == ["MARCHF1|MTARC1", "MARCHF1|MTARC1", "SEPTIN2", None]


def test_faults_of_the_hgnc_table():
    with pytest.raises(DataFault, match="column prev_symbol is missing"):
        build_symbol_index(
            pl.DataFrame({"hgnc_id": ["x"], "symbol": ["A"], "status": ["Approved"]}).with_columns(
                alias_symbol=None, entrez_id=None, ensembl_gene_id=None
            )
        )
    with pytest.raises(DataFault, match="symbol A: an approved symbol stands on more than one entry"):
        toy_index(entry("A"), entry("A"))


def test_suggestions_are_the_nearest_first(hgnc):
    known = hgnc["symbol"].to_list()
    assert suggest_symbols("CCL200", known, 1) == ["CCL20"]
    assert suggest_symbols("egrf", known, 1) == ["EGFR"]  # a swap of neighbours is one edit
    assert suggest_symbols("ALKK", known, 3)[0] == "ALK"
    assert suggest_symbols("QQQQQQQQQ", known) == []


def test_suggestions_break_ties_by_common_beginning():
    assert suggest_symbols("ABCX", ["ZBCX", "ABCD", "ABZX"], 3) == ["ABCD", "ABZX", "ZBCX"]
    assert suggest_symbols("", ["A"]) == suggest_symbols("A", []) == suggest_symbols("A", ["A"], 0) == []
    assert suggest_symbols("axl", ["AXL", "AXL", "AXIN1"], 5) == ["AXL"]
