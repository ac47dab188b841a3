"""Cancer gene lists as their hosts write them."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.connectors.gene_lists.cancer_gene_lists import read_allonco, read_oncokb
from resistance_assets.errors import DataFault

HEADER = '"symbol"\t"prevSymbols"\t"synonyms"\t"name"\t"refSeqName"\n'


def test_allonco_of_the_mirror(shared):
    path = shared / "mirror" / "files" / "www.bushmanlab.org" / "allOnco_May2018.tsv"
    genes, rejected = read_allonco(path)
    assert genes.height + rejected.height == path.read_bytes().count(b"\n") - 1
    assert (genes.height, rejected.height) == (2579, 0)
    assert genes.schema == {
        "row_number": pl.Int64,
        "symbol": pl.String,
        "previous_symbols": pl.String,
        "synonyms": pl.String,
        "name": pl.String,
        "refseq_name": pl.String,
    }
    gas6 = genes.filter(symbol="GAS6").row(0)
    assert gas6 == (30, "GAS6", "AXLLG", "AXSF|FLJ34709|DKFZP666G247", "growth arrest specific 6", "GAS6")
    assert genes.filter(symbol="IGK").row(0)[2:] == ("IGK@", None, "immunoglobulin kappa locus", None)


def test_head_is_the_same_as_the_whole(shared):
    whole, _ = read_allonco(shared / "mirror" / "files" / "www.bushmanlab.org" / "allOnco_May2018.tsv")
    head, _ = read_allonco(shared / "samples" / "bushman" / "allOnco_May2018.head.tsv")
    assert head.equals(whole.head(40))


def test_commas_of_names_stay_and_rows_that_repeat_or_lack_a_symbol_are_set_aside(tmp_path):
    path = tmp_path / "allOnco.tsv"
    rows = ['"1"\t"A"\t"B, C"\t""\t"one, two"\tNA', '"2"\t"A"\t""\t""\t"x"\t"A"', '"3"\t""\t""\t""\t"x"\t"A"']
    path.write_text(HEADER + "\n".join(rows) + "\n")
    genes, rejected = read_allonco(path)
    assert genes.rows() == [(1, "A", "B|C", None, "one, two", None)]
    assert rejected.rows() == [
        ("allOnco.tsv", 4, "blank symbol", rows[2]),
        ("allOnco.tsv", 3, "repeats the symbol of an earlier row, which is kept", rows[1]),
    ]


def test_allonco_with_its_header_mended_is_read_alike(tmp_path):
    path = tmp_path / "allOnco.tsv"
    path.write_text('"row"\t' + HEADER + '"7"\t"A"\t""\t""\t"x"\tNA\n')
    assert read_allonco(path)[0].row(0) == (7, "A", None, None, "x", None)
    path.write_text(HEADER + '"A"\t""\t""\t"x"\tNA\n')
    assert read_allonco(path)[0].row(0) == (1, "A", None, None, "x", None)


def test_allonco_of_another_layout_is_refused(tmp_path):
    path = tmp_path / "allOnco.tsv"
    path.write_text(HEADER.replace("prevSymbols", "previous") + '"1"\t"A"\t""\t""\t"x"\tNA\n')
    with pytest.raises(DataFault, match="column prevSymbols is missing"):
        read_allonco(path)
    path.write_text(HEADER + '"one"\t"A"\t""\t""\t"x"\tNA\n')
    with pytest.raises(DataFault, match="line 2, column row: 'one'"):
        read_allonco(path)


def test_oncokb_of_2022(shared):
    genes, rejected = read_oncokb(shared / "samples" / "oncokb" / "cancerGeneList_2022-05-05.head.tsv")
    assert (genes.height, rejected.height) == (8, 0)
    abl1 = genes.row(0, named=True)
    assert (abl1["symbol"], abl1["entrez_gene_id"], abl1["n_resources"]) == ("ABL1", 25, 7)
    assert (abl1["is_oncogene"], abl1["is_tumor_suppressor"], abl1["gene_type"]) == (True, False, None)
    assert abl1["synonyms"] == "ABL|JTK7|c-ABL"
    assert genes.filter(symbol="APC").row(0, named=True)["is_tumor_suppressor"]


def test_oncokb_with_gene_type_and_drifting_names(tmp_path):
    path = tmp_path / "cancerGeneList.txt"
    path.write_text(
        "Hugo Symbol\tEntrez Gene ID\t# of occurrence within resources (Column K-P)\tGene Type\tFOUNDATION ONE HEME\t"
        "COSMIC CGC (v99)\nA\t1\t3\tONCOGENE_AND_TSG\tYes\tNo\nB\t2\t1\tTSG\tNo\tYes\n"
        "C\t3\t\tInsufficient Evidence\t\tNo\nD\t\t\t\tNo\tNo\n"
    )
    genes, _ = read_oncokb(path)
    assert genes["is_oncogene"].to_list() == [True, False, False, None]
    assert genes["is_tumor_suppressor"].to_list() == [True, True, False, None]
    assert genes["n_resources"].to_list() == [3, 1, None, None]
    assert genes["in_foundation_one_heme"].to_list() == [True, False, None, False]
    assert genes["in_foundation_one"].null_count() == 4
    assert genes["in_cosmic_cgc"].to_list() == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hugo\tEntrez Gene ID\nA\t1\n", "column Hugo Symbol is missing"),
        ("Hugo Symbol\tEntrez Gene ID\nA\tx\n", "line 2, column Entrez Gene ID: 'x'"),
        ("Hugo Symbol\tEntrez Gene ID\tMSK-HEME\nA\t1\tmaybe\n", "line 2, column MSK-HEME: 'maybe' .*Yes, No"),
    ],
)
def test_oncokb_of_another_layout_is_refused(tmp_path, text, message):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(DataFault, match=message):
        read_oncokb(path)
