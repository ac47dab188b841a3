"""Pseudobulk: the molecules of a cell type in a sample added up, so that samples are the replicates.

A sum over fewer than ten cells is no measurement of a type and is left out. What is then tested is a count matrix of
samples, with the methods of `science.deg`. A type that cannot be compared has a row that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from resistance_assets.errors import Fault
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.methods import run_limma_voom, run_pydeseq2_of_expressed
from resistance_assets.science.single_cell.counts import CellCounts, group_sums

LEAST_CELLS = 10
# Both test the genes of filterByExpr.
RUNS = {"limma_voom": run_limma_voom, "pydeseq2": run_pydeseq2_of_expressed}


@dataclass(frozen=True)
class Comparison:
    """Two arms of samples; `pairing` names the column of blocks."""

    id: str
    numerator: str
    denominator: str
    pairing: str | None = None


def sum_by_sample(study: CellCounts, cell_type: pl.Series, samples: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sums per cell type and sample.

    Args:
        study: cells of one species and (some of) that species' genes.
        cell_type: of each cell.
        samples: of the study, in the order of the columns.

    Returns:
        counts (cell_type, feature_id, symbol, one column per sample) and cells (cell_type, sample_id, n_cells, umi,
        is_used: at least ten cells).
    """
    types = cell_type.unique().sort().to_list()
    place = [pl.Series(values).replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
             for values, names in ((cell_type, types), (study.cells["sample_id"], samples))]  # fmt: skip
    both = place[0] * len(samples) + place[1]
    n_groups = len(types) * len(samples)
    sums = group_sums(study.counts, both, n_groups).astype(np.int64).reshape(len(types), len(samples), -1)
    cells = np.bincount(both, minlength=n_groups).reshape(len(types), len(samples))
    counts = pl.concat(
        study.features.select("feature_id", "symbol").with_columns(
            cell_type=pl.lit(name),
            **{sample: pl.Series(sums[at, of_sample]) for of_sample, sample in enumerate(samples)},
        )
        for at, name in enumerate(types)
    )
    used = pl.DataFrame(
        [
            (name, sample, int(cells[at, of_sample]), int(sums[at, of_sample].sum()))
            for at, name in enumerate(types)
            for of_sample, sample in enumerate(samples)
        ],
        schema=["cell_type", "sample_id", "n_cells", "umi"],
        orient="row",
    ).with_columns(is_used=pl.col("n_cells") >= LEAST_CELLS)
    return counts.select("cell_type", "feature_id", "symbol", *samples), used


def compare_type(
    own: pl.DataFrame, cells: pl.DataFrame, sheet: pl.DataFrame, comparison: Comparison, *, cell_type: str
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Differential expression of one type between two arms by both methods, and what its design could support.

    Args:
        own: feature_id, symbol and one column of sums per sample, of the type.
        cells: sample_id, n_cells, is_used, of the type.
        sheet: sample_id, arm and the column of blocks, of all samples.

    Returns:
        Results (empty where the design supports nothing), and one row per method: method, n_cells_numerator,
        n_cells_denominator, n_numerator and n_denominator (samples of ten cells), left_out, evidence_kind
        (inferential, effect_only or refused), reason, n_genes_tested.
    """
    arms = sheet.filter(pl.col("arm").is_in([comparison.numerator, comparison.denominator]))
    known = arms.join(cells, on="sample_id", how="left").with_columns(
        pl.col("n_cells").fill_null(0), pl.col("is_used").fill_null(False)
    )
    few = known.filter(~pl.col("is_used")).sort("sample_id")
    used = known.filter("is_used")
    row: dict[str, int | str] = {
        f"n_{what}{side}": int(number)
        for side, arm in (("numerator", comparison.numerator), ("denominator", comparison.denominator))
        for what, number in (
            ("cells_", used.filter(pl.col("arm") == arm)["n_cells"].sum()),
            ("", used.filter(pl.col("arm") == arm).height),
        )
    }
    row["left_out"] = "; ".join(f"{sample}: {n} cells" for sample, n in few.select("sample_id", "n_cells").iter_rows())
    results, rows = [], []
    for method in RUNS:
        found, reason = _run(own, used.select(sheet.columns), comparison, method, cell_type)
        tested = 0 if found is None else int(found["p_value"].is_not_null().sum())
        kind = "refused" if found is None else str(found["evidence_kind"][0])
        rows.append(row | {"method": method, "evidence_kind": kind, "reason": reason, "n_genes_tested": tested})
        if found is not None:
            results.append(found)
    schema = {"left_out": pl.String, "reason": pl.String}
    design = pl.DataFrame(rows, schema_overrides=schema).with_columns(pl.col("left_out").replace("", None))
    return results, design


def _run(
    own: pl.DataFrame, sheet: pl.DataFrame, comparison: Comparison, method: str, cell_type: str
) -> tuple[pl.DataFrame | None, str | None]:
    """The result of one method and why there is no p in it; None where the design supports nothing."""
    for arm in (comparison.numerator, comparison.denominator):
        if arm not in set(sheet["arm"]):
            return None, f"no sample of arm {arm} has {LEAST_CELLS} cells of the type"
    contrast = Contrast(
        contrast_id=f"{comparison.id} in {cell_type}",
        factor="arm",
        numerator=comparison.numerator,
        denominator=comparison.denominator,
        pairing=comparison.pairing,
    )
    wide = own.select(pl.col("feature_id").alias("hgnc_symbol"), *sheet["sample_id"])
    try:
        found = RUNS[method](wide, sheet, contrast)
    except Fault as fault:
        return None, f"{fault.problem}{f' (expected {fault.expected})' if fault.expected else ''}"
    if found.is_empty():
        return None, "no gene has a molecule"
    found = found.rename({"hgnc_symbol": "feature_id"}).join(
        own.select("feature_id", "symbol"), on="feature_id", how="left", maintain_order="left"
    )
    reason = None
    if found["evidence_kind"][0] == "effect_only":
        reason = found["p_value_note"].drop_nulls().mode().sort().to_list()[0]
    return found, reason


def compare_types_of(
    sums: Sequence[tuple[str, pl.DataFrame, pl.DataFrame]], sheet: pl.DataFrame, comparisons: Sequence[Comparison]
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Every comparison in every type of every species.

    Args:
        sums: species, counts and cells of `sum_by_sample`.
        sheet: sample_id, arm, blocks.

    Returns:
        Results and designs, with comparison_id, species and cell_type; None without a comparison or a type.
    """
    results, designs = [], []
    for comparison in comparisons:
        for species, counts, cells in sums:
            for (cell_type,), own in counts.group_by(["cell_type"], maintain_order=True):
                of_type = cells.filter(pl.col("cell_type") == cell_type).select("sample_id", "n_cells", "is_used")
                found, design = compare_type(own, of_type, sheet, comparison, cell_type=str(cell_type))
                named = {"comparison_id": comparison.id, "species": species, "cell_type": str(cell_type)}
                columns = [pl.lit(value).alias(name) for name, value in named.items()]
                results += [frame.with_columns(columns) for frame in found]
                designs.append(design.with_columns(columns))
    return (
        pl.concat(results, how="diagonal") if results else None,
        pl.concat(designs, how="diagonal") if designs else None,
    )
