"""Who was sequenced, and for which genes: case lists, the gene panel matrix and gene panels."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.connectors.cbioportal.profiled_samples import is_gene_panel, read_profiled_samples
from resistance_assets.errors import DataFault

MATRIX = "s/data_gene_panel_matrix.txt"
PANEL = {"s/data_gene_panel_P50.txt": b"stable_id: P50\ndescription: fifty genes\ngene_list: EGFR\tKRAS\tALK\n"}


def case_lists(**lists: str) -> pl.DataFrame:
    rows = [(f"s_{name}", sample) for name, samples in lists.items() for sample in samples.split()]
    return pl.DataFrame(rows, schema={"case_list_id": pl.String, "sample_id": pl.String}, orient="row")


def read(members: dict[str, bytes], **lists: str):
    return read_profiled_samples(members, case_lists(**lists), archive="s.tar.gz", profiles={})


def rows(found) -> set[tuple]:
    return set(found.samples.iter_rows())


def test_the_case_list_of_sequenced_samples_says_who_has_no_mutation():
    found = read({}, all="A B C", sequenced="A B", cna="C", cnaseq="A", sv="B")
    assert rows(found) == {
        ("mutations", "A", None),
        ("mutations", "B", None),
        ("copy_number", "C", None),
        ("fusions", "B", None),
    }


def test_the_panel_matrix_is_believed_before_the_case_list():
    matrix = b"SAMPLE_ID\tmutations\tstructural_variants\nA\tWES\tNA\nB\tP50\tP50\nC\tNA\tNA\n"
    found = read({MATRIX: matrix, **PANEL}, sequenced="A B C", cna="A")
    assert rows(found) == {
        ("mutations", "A", None),
        ("mutations", "B", "P50"),
        ("fusions", "B", "P50"),
        ("copy_number", "A", None),
    }
    assert found.panel_genes("mutations") == {"B": frozenset({"EGFR", "KRAS", "ALK"})}
    assert found.rejected.is_empty()


def test_samples_of_a_panel_that_the_archive_does_not_hold_take_no_part_and_are_told():
    found = read({MATRIX: b"SAMPLE_ID\tmutations\nA\tWXS\nB\tIMPACT505\n"}, sequenced="A B")
    assert rows(found) == {("mutations", "A", None)}
    (row,) = found.rejected.iter_rows(named=True)
    assert (row["source"], row["line"]) == ("s.tar.gz:data_gene_panel_matrix.txt", 3)
    assert "IMPACT505" in row["reason"]


def test_a_matrix_without_samples_and_a_panel_without_genes_are_refused():
    with pytest.raises(DataFault, match="SAMPLE_ID"):
        read({MATRIX: b"SAMPLE\tmutations\nA\tWES\n"})
    with pytest.raises(DataFault, match="gene_list"):
        read({"s/data_gene_panel_X.txt": b"stable_id: X\n"})


def test_panel_files_are_told_by_their_names():
    assert is_gene_panel(MATRIX)
    assert is_gene_panel("s/data_gene_panel_X.txt")
    assert not is_gene_panel("s/data_cna.txt")
    assert not is_gene_panel("s/normals/data_gene_panel_X.txt")


def test_an_archive_without_any_of_these_says_nothing():
    found = read({})
    assert found.samples.is_empty()
    assert found.panels.is_empty()
