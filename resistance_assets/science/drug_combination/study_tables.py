"""Scores of every block of a combination study, as rows: cells, the drugs alone, blocks."""

from __future__ import annotations

import polars as pl

from resistance_assets.science.drug_combination.synergy import ACTIVE_P, score_block

EXCESS = {"bliss": "bliss_excess", "hsa": "hsa_excess", "loewe": "loewe_excess", "zip": "zip_delta"}
NO_UNIT = 'no p: replicate_unit = "experiment" is not declared, and wells of one experiment are no replicates'


def score_study(
    wells: pl.DataFrame, *, primary: str, are_experiments: bool
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Cells, single agents and blocks of all matrices of a study.

    Args:
        wells: rows of `raw.drug_combination__wells`.
        primary: bliss, hsa, loewe or zip: the model that is reported first.
        are_experiments: whether replicates are independent experiments; without that there are no p-values.

    Raises:
        DataFault: as `score_block`.
    """
    cells, agents, blocks = [], [], []
    for (block,), own in wells.group_by(["block_id"], maintain_order=True):
        found = score_block(own, block_id=str(block))
        names = {name: pl.lit(own[name][0], pl.String) for name in ("cell_line", "drug1", "drug2")}
        cells.append(found.cells.with_columns(**names))
        agents.append(found.single_agents.with_columns(cell_line=names["cell_line"]))
        bounded = found.single_agents.filter(pl.col("at_bound"))["drug"].to_list()
        at_bound = [f"a parameter of {drug} alone lies on its bound: Loewe and ZIP rest on it" for drug in bounded]
        told = "; ".join([*found.warnings, *at_bound]) or None
        row = pl.DataFrame([{**found.block, "warnings": told}], infer_schema_length=None)
        blocks.append(row.with_columns(**names))
    together = pl.concat(cells).with_columns(primary=pl.lit(primary), primary_excess=pl.col(EXCESS[primary]))
    alone = pl.concat(agents, how="diagonal_relaxed").with_columns(
        pl.when(~pl.col("at_bound")).then(pl.col("hill", "emax_percent", "ec50_um")),
        residual_sum_of_squares=pl.col("rss"),
        is_active=(pl.col("no_effect_p") < ACTIVE_P).fill_null(False),
    )
    whole = pl.concat(blocks, how="diagonal_relaxed").with_columns(
        primary=pl.lit(primary), primary_mean=pl.col(f"{primary}_mean")
    )
    if not are_experiments:
        nothing = pl.lit(None, pl.Float64)
        together = together.with_columns(bliss_t=nothing, bliss_p=nothing, bliss_p_holm=nothing)
        p_note = pl.when(pl.col("n_replicates") > 1).then(pl.lit(NO_UNIT)).otherwise("p_note")
        limits = ("replicate_bliss_lower", "replicate_bliss_upper", "replicate_bliss_p")
        whole = whole.with_columns(*[nothing.alias(name) for name in limits], p_note=p_note)
    return together, alone, whole
