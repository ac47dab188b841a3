"""Models of core.drug_combination__*: synergy of two drugs per cell and per block, and the drugs alone."""

from __future__ import annotations

from typing import Any

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import P_CHECK

_WELLS = "raw.drug_combination__wells"
_BLOCK, _CELL_LINE = f"{_WELLS}.block_id", f"{_WELLS}.cell_line"
_RESPONSE = (f"{_WELLS}.inhibition_percent", f"{_WELLS}.dose1_um", f"{_WELLS}.dose2_um")
LOEWE_STATUS = ["single_agent", "both_drugs", "beyond_weaker_drug", "undefined_inactive_drug", "too_few_doses"]
REFERENCES = ["bliss", "hsa", "loewe", "zip"]
_SIGN = "above 0: more effect than expected"


def _percent(description: str) -> Any:
    return col(description, unit="percent inhibition", null=True, of=_RESPONSE)


def _p(description: str) -> Any:
    return col(description, null=True, of=_RESPONSE, **P_CHECK)


@table(
    "core.drug_combination__cells",
    grain="one row per study, block and pair of doses",
    key=("study_id", "block_id", "dose1_um", "dose2_um"),
    limitation="cells of one matrix are not independent: a block is tested over its replicates, never over its cells",
)
class DrugCombinationCells(TableModel):
    """Observed and expected inhibition of every pair of doses by Bliss, HSA, Loewe and ZIP; above 0 is synergy."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    block_id: pl.String = col("matrix of two drugs", of=_BLOCK)
    cell_line: pl.String = col("cell line, where it is told", null=True, of=_CELL_LINE)
    drug1: pl.String = col("first drug", of=f"{_WELLS}.drug1")
    drug2: pl.String = col("second drug", of=f"{_WELLS}.drug2")
    dose1_um: pl.Float64 = col("dose of the first drug", unit="uM", of=f"{_WELLS}.dose1_um", ge=0)
    dose2_um: pl.Float64 = col("dose of the second drug", unit="uM", of=f"{_WELLS}.dose2_um", ge=0)
    n: pl.Int64 = col("replicates", of=_RESPONSE, ge=1)
    inhibition_percent: pl.Float64 = col("mean over the replicates", unit="percent", of=_RESPONSE)
    standard_deviation: pl.Float64 = _percent("over the replicates")
    bliss_reference: pl.Float64 = _percent("f1 + f2 - f1 f2 / 100")
    bliss_excess: pl.Float64 = _percent(f"observed less expected; {_SIGN}")
    bliss_standard_error: pl.Float64 = _percent("by the delta method from the pooled variance of replicates")
    bliss_t: pl.Float64 = col("excess over its standard error", null=True, of=_RESPONSE)
    bliss_p: pl.Float64 = _p("two-sided; null unless replicates are independent experiments")
    bliss_p_holm: pl.Float64 = _p("Holm over the combination cells of the block")
    hsa_reference: pl.Float64 = _percent("the larger effect of the two drugs alone")
    hsa_excess: pl.Float64 = _percent(f"observed less expected; {_SIGN}")
    hsa_standard_error: pl.Float64 = _percent("from the pooled variance of replicates")
    loewe_reference: pl.Float64 = _percent("effect at which the two doses are one dose of each drug alone")
    loewe_excess: pl.Float64 = _percent(f"observed less expected; {_SIGN}")
    loewe_status: pl.String = col(
        "beyond_weaker_drug: above what the weaker drug reaches; undefined where a drug alone does nothing",
        of=_RESPONSE,
        isin=LOEWE_STATUS,
    )
    zip_reference: pl.Float64 = _percent("Bliss of the two fitted single-drug curves")
    zip_fitted: pl.Float64 = _percent("mean of the two conditional curves; null with fewer than 4 doses on an axis")
    zip_delta: pl.Float64 = _percent(f"fitted less reference; {_SIGN}")
    primary: pl.String = col("model that the study declares as the one to report", of="source", isin=REFERENCES)
    primary_excess: pl.Float64 = _percent(f"excess by that model; {_SIGN}")


@table(
    "core.drug_combination__single_agents",
    grain="one row per study, block and drug",
    key=("study_id", "block_id", "which_drug"),
    limitation="a parameter on its bound is no estimate and is left out",
)
class DrugCombinationSingleAgents(TableModel):
    """Each drug alone: a Hill curve from 0 to its largest effect."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    block_id: pl.String = col("matrix of two drugs", of=_BLOCK)
    cell_line: pl.String = col("cell line, where it is told", null=True, of=_CELL_LINE)
    drug: pl.String = col("drug", of=(f"{_WELLS}.drug1", f"{_WELLS}.drug2"))
    which_drug: pl.Int64 = col("1 or 2", of=_BLOCK, ge=1, le=2)
    n: pl.Int64 = col("wells without the other drug", unit="wells", of=_RESPONSE, ge=1)
    hill: pl.Float64 = col("slope", null=True, of=_RESPONSE, gt=0)
    emax_percent: pl.Float64 = _percent("largest effect")
    ec50_um: pl.Float64 = col("dose at half of it", unit="uM", null=True, of=_RESPONSE, gt=0)
    residual_sum_of_squares: pl.Float64 = col("of the fit", unit="percent squared", of=_RESPONSE, ge=0)
    at_bound: pl.Boolean = col("whether a parameter lies on its bound", of=_RESPONSE)
    no_effect_p: pl.Float64 = _p("F against a constant")
    is_active: pl.Boolean = col("no_effect_p below 0.05; without two active drugs there is no Loewe", of=_RESPONSE)


@table(
    "core.drug_combination__blocks",
    grain="one row per study and block",
    key=("study_id", "block_id"),
    limitation="a mean over cells depends on which doses were chosen: two blocks with other doses cannot be compared",
)
class DrugCombinationBlocks(TableModel):
    """Mean excess over the combination cells, tested over replicate matrices; above 0 is synergy."""

    study_id: pl.String = col("study", of=f"{_WELLS}.study_id")
    block_id: pl.String = col("matrix of two drugs", of=_BLOCK)
    cell_line: pl.String = col("cell line, where it is told", null=True, of=_CELL_LINE)
    drug1: pl.String = col("first drug", of=f"{_WELLS}.drug1")
    drug2: pl.String = col("second drug", of=f"{_WELLS}.drug2")
    n_combination_cells: pl.Int64 = col("pairs of doses above 0", of=_RESPONSE, ge=0)
    n_replicates: pl.Int64 = col("replicate matrices with their own single-drug wells", of=_RESPONSE, ge=0)
    primary: pl.String = col("model that the study declares as the one to report", of="source", isin=REFERENCES)
    primary_mean: pl.Float64 = _percent(f"mean excess by that model; {_SIGN}")
    pooled_standard_deviation: pl.Float64 = _percent("of replicates, pooled over the cells")
    bliss_mean: pl.Float64 = _percent("mean Bliss excess of the cells")
    hsa_mean: pl.Float64 = _percent("mean HSA excess")
    loewe_mean: pl.Float64 = _percent("mean Loewe excess of the cells that have one")
    loewe_mean_both_drugs: pl.Float64 = _percent("mean over the cells that both drugs reach alone")
    loewe_cells_undefined: pl.Int64 = col("combination cells without Loewe", of=_RESPONSE, ge=0)
    loewe_cells_beyond_weaker_drug: pl.Int64 = col("above what the weaker drug reaches", of=_RESPONSE, ge=0)
    zip_mean: pl.Float64 = _percent("mean ZIP delta")
    replicate_bliss_mean: pl.Float64 = _percent("mean over the replicates' own mean Bliss excess")
    replicate_bliss_lower: pl.Float64 = _percent("95 % t limit over replicates")
    replicate_bliss_upper: pl.Float64 = _percent("95 % t limit over replicates")
    replicate_bliss_p: pl.Float64 = _p("one-sample t over replicate matrices")
    p_note: pl.String = col("why there is no p", null=True, of=_RESPONSE)
    warnings: pl.String = col("what must be known before the scores are believed", null=True, of=_RESPONSE)
