"""Files of the Genomic Data Commons as rows of `raw.gdc__*`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.rejected_rows import rejected_as_table
from resistance_assets.connectors.gdc.counts import StarCounts, read_star_counts
from resistance_assets.errors import DataFault

FILES = TABLES["raw.gdc__files"]

GENES = TABLES["raw.gdc__genes"]

COUNTS = TABLES["raw.gdc__gene_counts"]

CASES = TABLES["raw.gdc__cases"]

COUNT_TABLES = {"files": FILES, "genes": GENES, "counts": COUNTS}

SUMMARY = {
    "N_unmapped": "n_unmapped",
    "N_multimapping": "n_multimapping",
    "N_noFeature": "n_no_feature",
    "N_ambiguous": "n_ambiguous",
}


class GeneLengths:
    """Lengths of genes from counts and FPKM, which is count * 1e9 / (length * reads of protein-coding genes)
    (https://docs.gdc.cancer.gov/Data/Bioinformatics_Pipelines/Expression_mRNA_Pipeline/).

    FPKM has four decimals, so of all files the one with the highest FPKM of a gene tells its length best.
    """

    def __init__(self, n_genes: int) -> None:
        self._best = np.zeros(n_genes)
        self._length = np.full(n_genes, np.nan)

    def see(self, counts: np.ndarray, fpkm: np.ndarray, is_coding: np.ndarray) -> None:
        """Take a file into account: shape (genes,) each."""
        better = np.nan_to_num(fpkm) > self._best
        with np.errstate(divide="ignore", invalid="ignore"):
            length = counts * 1e9 / (fpkm * counts[is_coding].sum())
        self._length[better] = length[better]
        self._best[better] = fpkm[better]

    def rounded(self) -> pl.Series:
        """In base pairs; null where no file tells a length of at least one."""
        rounded = np.rint(np.where(self._length >= 0.5, self._length, np.nan))
        return pl.Series("length_bp", rounded).fill_nan(None).cast(pl.Int64)


def read_project(
    project_id: str, files: pl.DataFrame, contents: Iterable[tuple[str, bytes]]
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Files of counts as partitions of `COUNT_TABLES`, and the rejected rows. One file at a time is held.

    Raises:
        DataFault: a file has other genes than the first one, which is another gene model.
    """
    name_of = dict(files.select("file_id", "file_name").iter_rows())
    first: tuple[str, StarCounts] | None = None
    lengths = GeneLengths(0)
    coding = np.zeros(0, dtype=bool)
    counts: list[pl.DataFrame] = []
    notes: list[dict[str, object]] = []
    rejected: list[tuple[str, pl.DataFrame]] = [(COUNTS.address, rejected_rows())]
    for file_id, data in contents:
        star = read_star_counts(data, source=name_of[file_id])
        if first is None:
            first = file_id, star
            lengths = GeneLengths(star.genes.height)
            coding = (star.genes["gene_type"] == "protein_coding").fill_null(False).to_numpy()
        elif not star.genes["gene_id"].equals(first[1].genes["gene_id"]):
            raise DataFault(
                f"its genes are not those of {name_of[first[0]]}",
                subject=f"GDC file {name_of[file_id]}",
                expected=f"the gene model {first[1].gene_model}",
                remedy="The files are of two releases; run again when the host has replaced them all.",
            )
        reads, fpkm = star.genes["unstranded"], star.genes["fpkm_unstranded"]
        lengths.see(reads.to_numpy().astype(np.float64), fpkm.fill_null(np.nan).to_numpy(), coding)
        present = (reads > 0).arg_true()
        counts.append(
            pl.DataFrame({"gene_row": present.cast(pl.UInt32), "read_count": reads.gather(present)}).with_columns(
                file_row=pl.lit(len(notes), pl.UInt32)
            )
        )
        notes.append(
            {
                "file_id": file_id,
                "gene_model": star.gene_model,
                **{ours: star.summary.get(host) for host, ours in SUMMARY.items()},
            }
        )
        rejected.append((COUNTS.address, star.rejected))
    if first is None:
        raise DataFault("there is no file of counts", subject=project_id, remedy="Check the project in the catalog.")
    genes = first[1].genes.select("gene_id", "gene_symbol", "gene_type").with_columns(lengths.rounded())
    # As numbers until here: names are sixteen bytes and stand once per read count.
    long = pl.concat(counts).sort("gene_row", "file_row")
    ids = pl.Series([str(note["file_id"]) for note in notes], dtype=pl.String)
    named = long.select(
        genes["gene_id"].gather(long["gene_row"]).alias("gene_id"),
        ids.gather(long["file_row"]).alias("file_id"),
        "read_count",
    )
    told = pl.DataFrame(
        notes, schema={"file_id": pl.String, "gene_model": pl.String} | dict.fromkeys(SUMMARY.values(), pl.Int64)
    )
    made = {"files": files.join(told, on="file_id", how="left"), "genes": genes, "counts": named}
    return (
        {name: COUNT_TABLES[name].shape(f.with_columns(project_id=pl.lit(project_id))) for name, f in made.items()},
        rejected_as_table(rejected),
    )
