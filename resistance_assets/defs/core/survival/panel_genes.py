"""`core.survival__panel_genes`: median splits of the genes of a panel, corrected within the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.statistics.multiple_testing import adjust_bh

PANEL = TABLES["core.survival__panel_genes"]
SCREEN = "core.survival__cohort_endpoint_genes"


def correct_in_panels(screen: pl.DataFrame, panels: Mapping[str, Iterable[str]]) -> pl.DataFrame:
    """Median splits of each panel's genes with q-values within the panel, rows of `core.survival__panel_genes`."""
    found = [PANEL.empty()]
    for panel_id, genes in panels.items():
        rows = screen.filter(pl.col("model") == "median_split", pl.col("hgnc_symbol").is_in(list(genes)))
        for _, family in rows.group_by("cohort_id", "endpoint", maintain_order=True):
            q = adjust_bh(family["p_logrank"].cast(pl.Float64).fill_null(float("nan")).to_numpy())
            found.append(PANEL.shape(family.with_columns(panel_id=pl.lit(panel_id), q_value_bh_panel=pl.Series(q))))
    return pl.concat(found).sort(PANEL.key)


def panel_step(registry: Registry) -> Step:
    panels = {panel: tuple(genes) for panel, genes in registry.genes.panels.items()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        return correct_in_panels(inputs.read(SCREEN), panels)

    return table_step(
        outputs={PANEL.address: PANEL},
        compute=compute,
        inputs=(SCREEN,),
        allow_unavailable_inputs=True,
        parameters=panels,
    )


def steps(registry: Registry) -> list[Step]:
    return [panel_step(registry)]
