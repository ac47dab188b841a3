"""Quality of cells: totals, detected genes, mitochondrial share, concentration, and the species of a xenograft's cell.

The species is called by the ambient rule: a droplet holds RNA of burst cells of the other species, so that a share of
human molecules is no sign of a doublet by itself. A cell is mixed where the other species' molecules lie beyond median
+ 6 MAD of the cells that the same species leads in that sample, and make more than 5 % of the cell. Two rules that
others use stand beside it, for comparison alone: fixed shares, and the percentiles of Cell Ranger.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.science.single_cell.counts import CellCounts
from resistance_assets.science.single_cell.kernels.cell_passes import sum_leading

LEAST_UMI = 200
MOST_MITOCHONDRIAL = 0.2
TOP_GENES = 50
MAD_SCALE = 1.4826
MADS = 6.0
LEAST_OTHER_SHARE = 0.05
OWN_SHARE = 0.9
PERCENTILE = 10
FEW_UMI, LARGEST_RATIO = 50.0, 25.0


def measure_cells(study: CellCounts) -> pl.DataFrame:
    """Totals of every barcode.

    Returns:
        sample_id, barcode, total_umi, detected_genes, mitochondrial_umi, mitochondrial_fraction, top50_umi,
        top50_fraction, and in a study of two species human_umi, mouse_umi, human_fraction.
    """
    counts = study.counts
    total = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    mitochondrial = study.features["symbol"].str.to_lowercase().str.starts_with("mt-").to_numpy()
    of_mt = counts @ mitochondrial.astype(np.int64)
    safe, top = np.maximum(total, 1), _top_umi(counts)
    columns = {
        "total_umi": total,
        "detected_genes": np.diff(counts.indptr).astype(np.int64),
        "mitochondrial_umi": of_mt,
        "mitochondrial_fraction": of_mt / safe,
        "top50_umi": top,
        "top50_fraction": top / safe,
    }
    if has_two_species(study):
        human = counts @ study.of_species("human").astype(np.int64)
        columns |= {"human_umi": human, "mouse_umi": total - human, "human_fraction": human / safe}
    return study.cells.select("sample_id", "barcode").with_columns(
        **{name: pl.Series(values) for name, values in columns.items()}
    )


def has_two_species(study: CellCounts) -> bool:
    """Whether genes of human and of mouse were counted together."""
    return {"human", "mouse"} <= set(study.features["species"].drop_nulls().unique())


def _top_umi(counts: sparse.csr_matrix) -> NDArray[np.int64]:
    """Molecules of a cell's fifty leading genes."""
    found = np.zeros(counts.get_shape()[0], dtype=np.int64)
    sum_leading(counts.data, counts.indptr, TOP_GENES, found)
    return found


def call_species(measured: pl.DataFrame, *, least_umi: int = LEAST_UMI) -> pl.Series:
    """Species of each barcode by the ambient rule: human, mouse or mixed.

    Args:
        measured: of `measure_cells`, with human_umi and mouse_umi.
        least_umi: molecules of the barcodes that say what is usual.
    """
    human, mouse = measured["human_umi"].to_numpy(), measured["mouse_umi"].to_numpy()
    total = measured["total_umi"].to_numpy()
    leading = np.where(human >= mouse, "human", "mouse")
    other = np.minimum(human, mouse)
    called = leading.astype(object)
    samples = measured["sample_id"].to_numpy()
    for sample in np.unique(samples):
        for species in ("human", "mouse"):
            own = (samples == sample) & (leading == species)
            judged = own & (total >= least_umi)
            if not judged.any():
                continue
            median = np.median(other[judged])
            spread = MAD_SCALE * np.median(np.abs(other[judged] - median))
            mixed = own & (other > median + MADS * spread) & (other > LEAST_OTHER_SHARE * total)
            called[mixed] = "mixed"
    return pl.Series("species", called.tolist(), dtype=pl.String)


def call_by_share(measured: pl.DataFrame) -> pl.Series:
    """Species by a fixed share: human from 90 % on, mouse up to 10 %, else mixed; null without a molecule."""
    share = measured["human_umi"] / measured["total_umi"]
    called = (
        pl.when(pl.col("share").is_nan()).then(None)
        .when(pl.col("share") >= OWN_SHARE).then(pl.lit("human"))
        .when(pl.col("share") <= 1.0 - OWN_SHARE).then(pl.lit("mouse"))
        .otherwise(pl.lit("mixed"))
    )  # fmt: skip
    return pl.DataFrame({"share": share}).select(species=called).to_series()


def call_by_percentile(measured: pl.DataFrame) -> pl.Series:
    """Species by the rule of Cell Ranger for two genomes: mixed where both species' molecules are as those of cells.

    As many as the 10th percentile, per sample, of the barcodes that the species leads are those of a cell. Where one of
    the two percentiles is below 50 and the other 25 times as large, both become that of the totals.
    """
    human, mouse = (measured[name].to_numpy().astype(np.float64) for name in ("human_umi", "mouse_umi"))
    called = np.where(mouse > human, "mouse", "human").astype(object)
    samples = measured["sample_id"].to_numpy()
    for sample in np.unique(samples):
        own = samples == sample
        least = [
            float(np.percentile(count[own & leads], PERCENTILE)) if (own & leads).any() else np.inf
            for count, leads in ((human, human > mouse), (mouse, mouse > human))
        ]
        lower, upper = sorted(least)
        if lower < FEW_UMI and upper > LARGEST_RATIO * lower:
            least = [float(np.percentile((human + mouse)[own], PERCENTILE))] * 2
        called[own & (human >= least[0]) & (mouse >= least[1])] = "mixed"
    return pl.Series("species", called.tolist(), dtype=pl.String)


def keep_cells(
    measured: pl.DataFrame, *, least_umi: int = LEAST_UMI, most_mitochondrial: float = MOST_MITOCHONDRIAL
) -> pl.DataFrame:
    """Which barcodes are analysed, and why the others are not.

    Args:
        measured: total_umi, mitochondrial_fraction, and where there are two species, species; cell_type and
            label_species (null without a label).

    Returns:
        kept, reason (null where kept): few_molecules, mitochondrial, mixed_species, unlabelled,
        label_of_other_species; the first that holds.
    """
    reasons = [
        (pl.col("total_umi") < least_umi, "few_molecules"),
        (pl.col("mitochondrial_fraction") > most_mitochondrial, "mitochondrial"),
    ]
    if "species" in measured.columns:
        reasons.append((pl.col("species") == "mixed", "mixed_species"))
    reasons.append((pl.col("cell_type").is_null(), "unlabelled"))
    if "species" in measured.columns:
        reasons.append((pl.col("label_species") != pl.col("species"), "label_of_other_species"))
    reason = pl.coalesce([pl.when(rule).then(pl.lit(name)) for rule, name in reasons])
    return measured.select(reason=reason).with_columns(kept=pl.col("reason").is_null())


def library_size_factors(totals: NDArray[np.int64], species: NDArray[np.object_]) -> NDArray[np.float64]:
    """Total of each cell over the mean of all cells of its species."""
    factors = np.zeros(len(totals))
    for one in np.unique(species):
        own = species == one
        factors[own] = totals[own] / totals[own].mean()
    return factors
