"""HDF5 files of single cells: 10x `.h5` (Cell Ranger 3, and 2 with a group per genome) and AnnData's `.h5ad`.

Of an h5ad, counts are taken from layers/counts, raw/X or X, the first that holds whole numbers only; an object that
holds none of them (scaled or logged values) is refused. Read with h5py, without anndata. A file that points to other
files (external links, external or virtual storage) is refused: what is read is the file that was given.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
from isal import isal_zlib
from scipy import sparse

from resistance_assets.connectors.formats.gzip import DAMAGE
from resistance_assets.connectors.single_cell.kernel import LARGEST
from resistance_assets.connectors.single_cell.matrix_market import COPY, NORMALISED, WHOLE
from resistance_assets.errors import DataFault

GENE_EXPRESSION = "Gene Expression"
# Values of a file that says more than these are not asked for: 500 million counts take 4 GB.
MOST_VALUES = 500_000_000
MANY_VALUES = 100_000
SYMBOL_COLUMNS = ("gene_symbols", "feature_name", "gene_name", "gene_short_name", "symbol")
H5AD_MATRICES = (("layers/counts", "var"), ("raw/X", "raw/var"), ("raw.X", "raw.var"), ("X", "var"))


@contextlib.contextmanager
def _opened(path: Path, subject: str) -> Iterator[h5py.File]:
    """The file, and its faults in words."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (*DAMAGE, OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError, IndexError,
            MemoryError) as error:  # fmt: skip
        raise DataFault(
            f"is no HDF5 file of counts, or is damaged ({type(error).__name__}: {error})",
            subject=f"{subject}/{path.name}",
            expected="a 10x .h5 or an .h5ad",
            remedy="Copy or download it again.",
        ) from None


def _item(group: Any, name: str) -> Any:
    """A member of a group, that lies in this file. Raises KeyError where there is none."""
    at = group
    for step in name.split("/"):
        if isinstance(at.get(step, getlink=True), h5py.ExternalLink):
            raise ValueError(f"{step} is a link to another file")
        at = at[step]
    if isinstance(at, h5py.Dataset) and (at.external or at.is_virtual):
        raise ValueError(f"{name} is stored in another file")
    return at


def _values(group: Any, name: str) -> np.ndarray:
    """A dataset of a plausible size."""
    node = _item(group, name)
    if not isinstance(node, h5py.Dataset):
        raise TypeError(f"{name} is no dataset")
    if node.size is None or node.size > MOST_VALUES:
        raise ValueError(f"{name} says that it holds {node.size:,} values")
    return _read_chunks(node) if node.size >= MANY_VALUES and _is_plain_gzip(node) else node[()]


def _is_plain_gzip(node: Any) -> bool:
    """Whether a dataset is a row of numbers in gzip chunks, all of them there, and at most byte shuffling before."""
    if node.ndim != 1 or node.chunks is None or node.dtype.kind not in "iuf":
        return False
    made = node.id.get_create_plist()
    filters = tuple(made.get_filter(at)[0] for at in range(made.get_nfilters()))
    whole = -(-node.size // node.chunks[0]) == node.id.get_num_chunks()
    return whole and filters in ((h5py.h5z.FILTER_DEFLATE,), (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE))


def _read_chunks(node: Any) -> np.ndarray:
    """Values of a dataset of gzip chunks, decompressed by ISA-L, which is three times as fast as the zlib of HDF5."""
    found = np.empty(node.size, dtype=node.dtype)
    n, width = node.chunks[0], node.dtype.itemsize
    is_shuffled = node.shuffle
    for at in range(0, node.size, n):
        skipped, raw = node.id.read_direct_chunk((at,))
        if skipped:  # a filter was left out in this chunk: HDF5 knows which
            return node[()]
        chunk = isal_zlib.decompressobj(zlib.MAX_WBITS)
        body = np.frombuffer(chunk.decompress(raw, n * width), dtype=np.uint8)
        if not chunk.eof or len(body) != n * width:
            raise OSError(f"a chunk at {at:,} of {node.name} is damaged")
        if is_shuffled:
            body = np.ascontiguousarray(body.reshape(width, n).T)
        here = found[at : at + n]
        here[:] = body.reshape(-1).view(node.dtype)[: len(here)]
    return found


def _texts(group: Any, name: str) -> list[str]:
    if isinstance(group, h5py.Dataset):  # a table of the AnnData format before 0.7
        return _as_texts(group[name])
    node = _item(group, name)
    if isinstance(node, h5py.Group):  # categories
        names = _texts(node, "categories")
        return [names[code] if 0 <= code < len(names) else "" for code in _values(node, "codes")]
    return _as_texts(_values(group, name))


def _as_texts(values: Any) -> list[str]:
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]


def as_whole_numbers(values: np.ndarray, subject: str) -> np.ndarray:
    """Values as int32. Raises DataFault where one is no whole number from 0 to 2,147,483,647."""
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == bool):
        raise DataFault("holds no numbers", subject=subject, expected=WHOLE, remedy=NORMALISED)
    bad = (values < 0) | (values > LARGEST)
    if not np.issubdtype(values.dtype, np.integer) and values.dtype != bool:
        bad = bad | ~(values == np.floor(values))
    if bad.any():
        first = values[bad].flat[0]
        raise DataFault(
            f"{first:g} is no count ({int(bad.sum()):,} such values): normalised values, where counts are wanted",
            subject=subject,
            expected=WHOLE,
            remedy=NORMALISED,
        )
    return values.astype(np.int32)


def _compressed(group: Any, shape: tuple[int, int], subject: str) -> sparse.csr_matrix:
    """A matrix from its data, indices and indptr."""
    data, indices, starts = (_values(group, name) for name in ("data", "indices", "indptr"))
    rows, columns = shape
    whole = len(starts) == rows + 1 and starts[0] == 0 and len(indices) == len(data) == starts[-1]
    if not whole or (len(indices) and (indices.min() < 0 or indices.max() >= columns)) or (np.diff(starts) < 0).any():
        raise DataFault(
            f"its pointers do not fit {rows:,} x {columns:,}",
            subject=subject,
            expected="data, indices and indptr of one matrix",
            remedy="Copy or write it again.",
        )
    found = sparse.csr_matrix((as_whole_numbers(data, subject), indices, starts), shape=shape)
    before = found.nnz
    found.sum_duplicates()
    if found.nnz != before:
        raise DataFault(
            f"{before - found.nnz:,} places stand more than once",
            subject=subject,
            expected="each place once",
            remedy="Write the file again: adding them up would be a guess.",
        )
    found.eliminate_zeros()
    return found


def read_hdf5(path: Path, *, subject: str) -> tuple[sparse.csr_matrix, list[str], pl.DataFrame]:
    """Counts (cells x features), barcodes and features of a 10x file or an AnnData object, by what is in it.

    Raises DataFault as `read_tenx_h5` and `read_h5ad`.
    """
    with _opened(path, subject) as file:
        is_anndata = "obs" in file and "var" in file
    return (read_h5ad if is_anndata else read_tenx_h5)(path, subject=subject)


def read_tenx_h5(path: Path, *, subject: str) -> tuple[sparse.csr_matrix, list[str], pl.DataFrame]:
    """Counts (cells x features), barcodes and features (feature_id, symbol, feature_type) of a 10x file.

    Raises:
        DataFault: the file is damaged, of another layout, or holds no whole numbers.
    """
    named = f"{subject}/{path.name}"
    with _opened(path, subject) as file:
        names = ["matrix"] if "matrix" in file else [name for name in map(str, file) if "barcodes" in _item(file, name)]
        if not names:
            raise DataFault(
                "has no group matrix, and none of a genome",
                subject=named,
                expected="a 10x .h5 (an .h5ad is named so)",
                remedy="Give the file as Cell Ranger wrote it.",
            )
        groups = [_item(file, name) for name in names]
        barcodes = _texts(groups[0], "barcodes")
        blocks, features = [], []
        for group in groups:
            if _texts(group, "barcodes") != barcodes:
                raise DataFault("its genomes have other barcodes", subject=named, remedy="Give one file each.")
            own = _tenx_features(group)
            n_features, n_cells = (int(one) for one in _values(group, "shape"))
            if (n_features, n_cells) != (own.height, len(barcodes)):
                raise DataFault(
                    f"is {n_features:,} x {n_cells:,} with {own.height:,} features and {len(barcodes):,} barcodes",
                    subject=named,
                    expected="a row per feature and a column per barcode",
                    remedy=COPY,
                )
            blocks.append(_compressed(group, (n_cells, n_features), named))
            features.append(own)
        joined = blocks[0] if len(blocks) == 1 else sparse.csr_matrix(sparse.hstack(blocks))
        return joined, barcodes, pl.concat(features)


def _tenx_features(group: Any) -> pl.DataFrame:
    if "features" in group:
        own = _item(group, "features")
        found = [_texts(own, name) for name in ("id", "name", "feature_type")]
    else:
        ids = _texts(group, "genes")
        found = [ids, _texts(group, "gene_names"), [GENE_EXPRESSION] * len(ids)]
    return pl.DataFrame(dict(zip(("feature_id", "symbol", "feature_type"), found, strict=True)))


def read_h5ad(path: Path, *, subject: str) -> tuple[sparse.csr_matrix, list[str], pl.DataFrame]:
    """The same of an AnnData object. Raises DataFault where no matrix of it holds whole numbers."""
    named = f"{subject}/{path.name}"
    with _opened(path, subject) as file:
        barcodes = _index(file, "obs")
        refused: DataFault | None = None
        for matrix, var in H5AD_MATRICES:
            if matrix not in file or var not in file:
                continue
            ids = _index(file, var)
            try:
                counts = _h5ad_matrix(file, matrix, (len(barcodes), len(ids)), f"{named}, {matrix}")
            except DataFault as fault:
                refused = refused or fault
                continue
            columns = _item(file, var)
            there = columns.dtype.names if isinstance(columns, h5py.Dataset) else columns
            symbol = next((name for name in SYMBOL_COLUMNS if name in there), None)
            kinds = _texts(columns, "feature_types") if "feature_types" in there else [GENE_EXPRESSION] * len(ids)
            features = {"feature_id": ids, "symbol": _texts(columns, symbol) if symbol else ids, "feature_type": kinds}
            return counts, barcodes, pl.DataFrame(features)
        raise refused or DataFault(
            "has no X", subject=named, expected="counts in layers/counts, raw/X or X", remedy="Write it with anndata."
        )


def _index(file: Any, name: str) -> list[str]:
    group = _item(file, name)
    if isinstance(group, h5py.Dataset):
        return _texts(group, group.dtype.names[0])
    column = group.attrs.get("_index", "_index")
    return _texts(group, column.decode() if isinstance(column, bytes) else str(column))


def _h5ad_matrix(file: Any, name: str, shape: tuple[int, int], subject: str) -> sparse.csr_matrix:
    node = _item(file, name)
    if isinstance(node, h5py.Dataset):
        if node.shape != shape:
            raise DataFault(
                f"is {node.shape} where obs and var give {shape}",
                subject=subject,
                expected="cells x genes",
                remedy="Write it again.",
            )
        return sparse.csr_matrix(as_whole_numbers(_values(file, name), subject))
    form = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", ""))
    if (form.decode() if isinstance(form, bytes) else str(form)).startswith("csc"):
        return sparse.csr_matrix(_compressed(node, (shape[1], shape[0]), subject).T)
    return _compressed(node, shape, subject)
