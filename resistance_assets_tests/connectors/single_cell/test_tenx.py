"""10x folders: layouts that are read, and what is refused with the line and the remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.connectors.single_cell.labels import match_labels
from resistance_assets.connectors.single_cell.tenx import find_matrices, read_sample
from resistance_assets.errors import DataFault


@pytest.fixture(scope="module")
def refusals(goldens: Path) -> Path:
    return goldens / "single_cell" / "refusals"


def cells_of(folder: Path, *samples: str) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"barcode": read_sample(folder, sample, study="s").barcodes}).with_columns(
            sample_id=pl.lit(sample)
        )
        for sample in samples
    )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("not_integer", r"X1/matrix.mtx.gz, line \d+: .* is no whole number .*normalised values"),
        ("negative_values", r"line \d+: -\d+ is no count"),
        ("transposed", "40 x 1,316, which fits 40 barcodes x 1,316 features: it looks transposed"),
        ("features_short", "1,316 rows and 1,307 features"),
        ("barcodes_short", "40 columns and 37 barcodes"),
        ("duplicate_barcodes", r"barcodes.tsv.gz, line 40: barcode \S+ stands in line 1 already"),
        ("duplicate_entries", r"line \d+: row \d+, column \d+ stands more than once \(10 such lines\)"),
        ("nnz_header_wrong", r"line 3: holds [\d,]+ entries where its header says [\d,]+"),
        ("header_missing", "line 1: has no Matrix Market header"),
        ("truncated_gzip", "matrix.mtx.gz: is cut or damaged"),
        ("no_counts", "holds no counts"),
    ],
)
def test_what_is_no_matrix_of_counts_is_refused_with_its_place(refusals, case, message):
    with pytest.raises(DataFault, match=message) as raised:
        read_sample(refusals / case, "X1", study=case)
    assert str(raised.value).startswith(f"{case}/X1")
    assert len(str(raised.value)) < 2000


def test_a_sample_without_a_folder_is_named(refusals):
    with pytest.raises(DataFault, match="unknown_arm/X9: has no folder"):
        read_sample(refusals / "unknown_arm", "X9", study="unknown_arm")


def test_whole_numbers_in_a_real_field_are_counts(refusals):
    found = read_sample(refusals / "real_field_but_integers", "X1", study="s")
    assert np.issubdtype(found.counts.dtype, np.integer)
    assert found.counts.shape == (40, 1316)


def test_other_features_than_genes_are_set_aside_and_told(refusals):
    found = read_sample(refusals / "antibody_features_mixed", "X1", study="s")
    assert found.notes == ("3 features of type Antibody Capture were set aside",)
    assert found.counts.shape == (40, 1313)


def test_genes_of_two_species_are_told_by_their_prefix(goldens):
    found = read_sample(goldens / "single_cell" / "study", "X1", study="s")
    assert set(found.features["species"]) == {"human", "mouse"}
    assert not found.features["symbol"].str.contains("GRCh38|mm10").any()
    assert found.features["feature_id"].str.starts_with("GRCh38_").any()


def test_a_study_of_one_species_has_none_named(refusals):
    found = read_sample(refusals / "one_species_only", "X1", study="s")
    assert found.features["species"].null_count() == found.features.height


def test_the_older_layout_and_its_folder_per_genome_give_the_same_counts(refusals, goldens):
    old = read_sample(refusals / "v2_layout", "X1", study="s")
    new = read_sample(goldens / "single_cell" / "study", "X1", study="s")
    assert old.barcodes == new.barcodes[:40]
    place = {(one, two): at for at, (one, two) in enumerate(new.features.select("species", "symbol").iter_rows())}
    totals = np.asarray(new.counts[:40].sum(axis=0)).ravel()
    mine = np.asarray(old.counts.sum(axis=0)).ravel()
    by_symbol: dict[tuple[str, str], int] = {}
    for key, count in zip(old.features.select("species", "symbol").iter_rows(), mine, strict=True):
        by_symbol[key] = by_symbol.get(key, 0) + int(count)
    theirs: dict[tuple[str, str], int] = {}
    for key, count in zip(new.features.select("species", "symbol").iter_rows(), totals, strict=True):
        theirs[key] = theirs.get(key, 0) + int(count)
    assert by_symbol == theirs
    assert place.keys() == theirs.keys()


def test_files_with_a_prefix_of_geo_are_found_by_the_sample(refusals):
    folder = refusals / "geo_prefixed"
    assert [path.name for path in find_matrices(folder, "X4")] == ["GSM0000002_X4_matrix.mtx.gz"]
    assert read_sample(folder, "X4", study="s").counts.shape == (40, 1316)


def labels_of(refusals: Path, case: str) -> pl.DataFrame:
    return pl.read_csv(refusals / case / "labels.tsv.gz", separator="\t")


def test_labels_of_which_none_matches_are_refused(refusals):
    cells = cells_of(refusals / "labels_do_not_match", "X1")
    with pytest.raises(DataFault, match=r"none of .* labels is of one of 40 barcodes"):
        match_labels(cells, labels_of(refusals, "labels_do_not_match"), subject="labels.tsv.gz")


def test_labels_of_half_of_the_cells_go_on_with_the_share_told(refusals):
    cells = cells_of(refusals / "labels_half_match", "X1")
    found = match_labels(cells, labels_of(refusals, "labels_half_match"), subject="labels.tsv.gz")
    assert found.cells.height == 40
    assert found.matched + found.cells["cell_type"].null_count() == 40
    assert "the rest is unlabelled" in (found.note or "")


def test_ambiguous_barcodes_without_a_sample_are_refused(refusals):
    cells = cells_of(refusals / "labels_without_sample_column", "X1", "X4")
    with pytest.raises(DataFault, match="barcodes occur in several samples"):
        match_labels(cells, labels_of(refusals, "labels_without_sample_column"), subject="labels.tsv.gz")
