"""Counts in .h5, .h5ad and dense tables are those of the same sample's 10x folder; what is none of it is refused."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from resistance_assets.connectors.single_cell import hdf5
from resistance_assets.connectors.single_cell.dense_table import read_dense_table
from resistance_assets.connectors.single_cell.hdf5 import read_h5ad, read_hdf5, read_tenx_h5
from resistance_assets.connectors.single_cell.matrix_market import read_matrix
from resistance_assets.errors import DataFault

COUNTS = sparse.csr_matrix(np.array([[3, 0, 1, 0], [0, 0, 2, 70000], [0, 5, 0, 0]]))
"""Cells x genes."""
BARCODES = ["AAACCTGAGA-1", "AAACCTGCAT-1", "AAACGGGAGT-1"]
IDS, SYMBOLS = [f"ENSG0000000000{at}" for at in range(4)], ["AXL", "GAS6", "MT-CO1", "TBCE"]


def write_texts(group: h5py.Group, name: str, values: list[str]) -> None:
    group.create_dataset(name, data=np.array(values, dtype="S"))


def write_sparse(group: h5py.Group, matrix: sparse.csr_matrix, **changed: np.ndarray) -> None:
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=changed.get(name, getattr(matrix, name)))


def write_tenx(path: Path, *, group: str = "matrix", **changed: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        matrix = file.create_group(group)
        write_sparse(matrix, COUNTS, **changed)
        matrix.create_dataset("shape", data=changed.get("shape", np.array(COUNTS.shape[::-1])))
        write_texts(matrix, "barcodes", BARCODES)
        if group == "matrix":
            features = matrix.create_group("features")
            write_texts(features, "id", IDS)
            write_texts(features, "name", SYMBOLS)
            write_texts(features, "feature_type", ["Gene Expression"] * 4)
        else:
            write_texts(matrix, "genes", IDS)
            write_texts(matrix, "gene_names", SYMBOLS)
    return path


def write_h5ad(path: Path, matrices: dict[str, sparse.spmatrix | np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        write_texts(file.create_group("obs"), "_index", BARCODES)
        for name in {"raw/var" if one.startswith("raw/") else "var" for one in matrices}:
            var = file.create_group(name)
            write_texts(var, "ids", IDS)
            var.attrs["_index"] = "ids"
            symbols = var.create_group("gene_symbols")
            write_texts(symbols, "categories", sorted(SYMBOLS))
            symbols.create_dataset("codes", data=[sorted(SYMBOLS).index(one) for one in SYMBOLS])
        for name, matrix in matrices.items():
            if isinstance(matrix, np.ndarray):
                file.create_dataset(name, data=matrix)
            else:
                group = file.create_group(name)
                group.attrs["encoding-type"] = f"{matrix.format}_matrix"
                write_sparse(group, matrix)
    return path


def assert_is_the_sample(found: tuple[sparse.csr_matrix, list[str], pl.DataFrame], ids: list[str] = IDS) -> None:
    counts, barcodes, features = found
    assert counts.toarray().tolist() == COUNTS.toarray().tolist()
    assert barcodes == BARCODES
    assert features["feature_id"].to_list() == ids
    assert features["symbol"].to_list() == (SYMBOLS if ids is IDS else ids)


@pytest.mark.parametrize("group", ["matrix", "GRCh38"])
def test_a_tenx_file_of_both_layouts(tmp_path, group):
    assert_is_the_sample(read_tenx_h5(write_tenx(tmp_path / "a.h5", group=group), subject="s/X1"))


@pytest.mark.parametrize(
    "matrices",
    [
        {"X": COUNTS},
        {"X": sparse.csc_matrix(COUNTS)},
        {"X": COUNTS.toarray().astype(np.float32)},
        {"X": np.log1p(COUNTS.toarray()), "raw/X": COUNTS},
        {"X": np.log1p(COUNTS.toarray()), "layers/counts": sparse.csr_matrix(COUNTS, dtype=np.float64)},
    ],
    ids=["csr", "csc", "dense", "raw", "layer"],
)
def test_counts_of_an_h5ad_wherever_they_are(tmp_path, matrices):
    assert_is_the_sample(read_h5ad(write_h5ad(tmp_path / "a.h5ad", matrices), subject="s/X1"))


def test_an_h5ad_that_anndata_wrote(tmp_path):
    anndata = pytest.importorskip("anndata")
    import pandas as pd

    var = pd.DataFrame({"gene_symbols": pd.Categorical(SYMBOLS)}, index=IDS)
    anndata.AnnData(COUNTS.astype(np.float32), obs=pd.DataFrame(index=BARCODES), var=var).write_h5ad(
        tmp_path / "a.h5ad"
    )
    assert_is_the_sample(read_h5ad(tmp_path / "a.h5ad", subject="s/X1"))


def test_an_object_of_scaled_and_logged_values_alone_is_refused():
    found = importlib.util.find_spec("scanpy")
    if found is None or found.origin is None:
        pytest.skip("scanpy, whose example it is, is not installed")
    with pytest.raises(DataFault, match=r"10x_pbmc68k_reduced.h5ad, raw.X: .* is no count .*normalised values"):
        read_hdf5(Path(found.origin).parent / "datasets" / "10x_pbmc68k_reduced.h5ad", subject="s/X1")


@pytest.mark.parametrize("made", [{"shuffle": True}, {"shuffle": False}, {"shuffle": True, "fletcher32": True}])
def test_large_datasets_in_gzip_chunks_are_read_as_hdf5_reads_them(tmp_path, monkeypatch, made):
    """Chunks are decompressed beside HDF5 where they are gzip alone; the last one is longer than what is left."""
    monkeypatch.setattr(hdf5, "MANY_VALUES", 1)
    values = np.arange(1001, dtype=">i4") % 77
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("n", data=values, chunks=(300,), compression="gzip", **made)
        file.create_dataset("few", (1001,), dtype="i8", chunks=(300,), compression="gzip", **made)
    with h5py.File(tmp_path / "a.h5") as file:
        assert hdf5._values(file, "n").tolist() == values.tolist()
        assert hdf5._values(file, "few").tolist() == [0] * 1001, "chunks that nobody wrote hold the fill value"


def test_a_damaged_chunk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "MANY_VALUES", 1)
    path = write_tenx(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        data = file["matrix/data"][()]
        del file["matrix/data"]
        made = file.create_dataset("matrix/data", data=data, chunks=(5,), compression="gzip")
        made.id.write_direct_chunk((0,), b"no gzip at all")
    with pytest.raises(DataFault, match=r"s/X1/a.h5: is no HDF5 file of counts, or is damaged"):
        read_tenx_h5(path, subject="s/X1")


def write_linked(path: Path) -> Path:
    write_tenx(path.with_name("other.h5"))
    with h5py.File(path, "w") as file:
        file["matrix"] = h5py.ExternalLink("other.h5", "/matrix")
    return path


def write_external(path: Path) -> Path:
    path.with_name("secret").write_bytes(b"x" * 64)
    write_tenx(path)
    with h5py.File(path, "a") as file:
        del file["matrix/data"]
        file.create_dataset("matrix/data", (5,), dtype="u1", external=[(str(path.with_name("secret")), 0, 64)])
    return path


def write_cut(path: Path) -> Path:
    path.write_bytes(write_tenx(path).read_bytes()[:1500])
    return path


def write_huge(path: Path) -> Path:
    write_tenx(path)
    with h5py.File(path, "a") as file:
        del file["matrix/data"]
        file.create_dataset("matrix/data", (10**12,), dtype="i4", chunks=(1024,))
    return path


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: write_tenx(p, data=np.array([1.5, 1, 2, 3, 4])), "1.5 is no count"),
        (lambda p: write_tenx(p, data=np.array([1, -1, 2, 3, 4])), "-1 is no count"),
        (lambda p: write_tenx(p, data=np.array([1, np.nan, 2, 3, 4])), "nan is no count"),
        (lambda p: write_tenx(p, indices=np.array([0, 0, 2, 3, 1])), "1 places stand more than once"),
        (lambda p: write_tenx(p, indices=np.array([0, 9, 2, 3, 1])), "pointers do not fit 3 x 4"),
        (lambda p: write_tenx(p, indptr=np.array([0, 4, 2, 5])), "pointers do not fit"),
        (lambda p: write_tenx(p, shape=np.array([3, 4])), "is 3 x 4 with 4 features and 3 barcodes"),
        (lambda p: write_h5ad(p, {"X": COUNTS}), "has no group matrix"),
        (write_linked, "link to another file"),
        (write_external, "stored in another file"),
        (write_cut, "damaged"),
        (write_huge, "says that it holds 1,000,000,000,000 values"),
    ],
)
def test_a_tenx_file_that_is_none_is_refused_with_its_name(tmp_path, write: Callable[[Path], Path], message):
    with pytest.raises(DataFault, match=message) as raised:
        read_tenx_h5(write(tmp_path / "a.h5"), subject="s/X1")
    assert str(raised.value).startswith("s/X1/a.h5")


def dense(separator: str = "\t", corner: str | None = "GENE", quote: str = "", end: str = "\n") -> str:
    head = ([] if corner is None else [corner]) + BARCODES
    rows = [[IDS[at], *map(str, COUNTS.toarray()[:, at])] for at in range(4)]
    quoted = [[f"{quote}{one}{quote}" if at == 0 or row is head else one for at, one in enumerate(row)]
              for row in (head, *rows)]  # fmt: skip
    return end.join(separator.join(row) for row in quoted) + end


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [dense(), dense(","), dense(corner=None), dense(",", corner="", quote='"'), dense(end="\r\n"), dense().rstrip()],
    ids=["tabs", "commas", "as R writes it", "quoted", "Windows", "no last line feed"],
)
@pytest.mark.parametrize("name", ["a.txt", "a.csv.gz"])
def test_a_dense_table_in_every_form(tmp_path, text, name):
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert_is_the_sample(read_dense_table(tmp_path / name, subject="s/X1"), IDS[:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (dense().replace("70000", "0.5"), r"line 5, barcode AAACCTGCAT-1: 0.5 is no whole number"),
        (dense().replace("70000", "-3"), r"line 5, barcode AAACCTGCAT-1: -3 is no count"),
        (dense().replace("70000", "NA"), r"line 5, barcode AAACCTGCAT-1: 1 rows are not of 3 numbers; .*'NA' is none"),
        (dense().replace("70000", ""), "line 5, barcode AAACCTGCAT-1"),
        (dense().replace("\t70000", ""), "line 5: the row has 3 columns and the header gives 4"),
        (dense().replace("70000", "70000\t1"), "line 5: the row has 5 columns and the header gives 4"),
        (dense().replace("70000", "7e12"), "7e12 is too large"),
        ("GENE\ta\tb\nAXL\t1\n", "line 2: the row has 2 columns and the header 3"),
        ("GENE\ta\tb\n", "holds no counts"),
        ("", "holds no counts"),
        ("cell\tAXL\tGAS6\nAAACCTGAGACC-1\t1\t2\nAAACCTGCATTT-1\t1\t2\n", "looks transposed"),
    ],
)
def test_a_dense_table_that_is_none_is_refused_with_line_and_barcode(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataFault, match=message) as raised:
        read_dense_table(tmp_path / "a.txt", subject="s/X1")
    assert str(raised.value).startswith("s/X1/a.txt")


def matrix_market(*entries: str, size: str = "4 3 2") -> str:
    return "\n".join(["%%MatrixMarket matrix coordinate integer general", "% made by a program", size, *entries, ""])


@pytest.mark.slow
def test_a_matrix_in_the_blanks_and_numbers_of_other_programs(tmp_path):
    (tmp_path / "m.mtx").write_text(matrix_market("1\t1\t1e+05\r", "  4  3   2.0", ""))
    found = read_matrix(tmp_path / "m.mtx", subject="s")
    assert {(int(r), int(c)): int(found[r, c]) for r, c in zip(*found.nonzero(), strict=True)} == {
        (0, 0): 100000,
        (3, 2): 2,
    }


def test_entries_in_any_order_and_form_are_the_same_matrix(tmp_path):
    """As pipelines write them, and from one line on in another form, in another order."""
    plain = ["1 1 5", "3 1 1", "4 2 2", "1 3 7"]
    other = ["1 1 5", "1  3 7", "4 2 2.0", "3 1 1"]
    found = []
    for at, entries in enumerate((plain, other)):
        (tmp_path / f"{at}.mtx").write_text(matrix_market(*entries, size="4 3 4"))
        found.append(read_matrix(tmp_path / f"{at}.mtx", subject="s").toarray().tolist())
    assert found[0] == found[1] == [[5, 0, 7], [0, 0, 0], [1, 0, 0], [0, 2, 0]]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("1 1 1", "1 1 2"), "line 4: row 1, column 1 stands more than once"),
        (("1 1 1", "5 1 1"), "line 5: '5 1 1' lies outside the matrix"),
        (("1 1 1", "0 1 1"), "line 5: '0 1 1' lies outside"),
        (("1 1 1", "a 1 1"), "line 5: 'a 1 1' is no entry"),
        (("1 1", "2 1 1"), "line 4: '1 1' is no entry"),
        (("1 1 1", "2 1 1 7"), "line 5: '2 1 1 7' is no entry"),
        (("1 1 1", "2 1 nan"), "line 5"),
        (("1 1 99999999999", "2 1 1"), "too large"),
    ],
)
def test_an_entry_that_is_none_is_named(tmp_path, entries, message):
    (tmp_path / "m.mtx").write_text(matrix_market(*entries))
    with pytest.raises(DataFault, match=message):
        read_matrix(tmp_path / "m.mtx", subject="s")


def test_a_header_that_promises_more_than_the_file_can_hold_takes_no_room(tmp_path):
    (tmp_path / "m.mtx").write_text(matrix_market("1 1 1", size="4 3 99999999999"))
    with pytest.raises(DataFault, match="holds 1 entries where its header says 99,999,999,999"):
        read_matrix(tmp_path / "m.mtx", subject="s")


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 10**6)), unique_by=lambda e: e[:2]))
def test_a_written_matrix_is_read_back(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("m") / "m.mtx"
    path.write_text(matrix_market(*(f"{r + 1} {c + 1} {v}" for r, c, v in entries), size=f"4 3 {len(entries)}"))
    found = read_matrix(path, subject="s").toarray()
    assert found.sum() == sum(v for *_, v in entries)
    assert all(found[r, c] == v for r, c, v in entries)
