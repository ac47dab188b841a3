"""Combination studies: wells of matrices as they were read, then synergy per cell and block."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.drug_combination.matrices import read_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.drug_combination.study_tables import score_study

WELLS = "raw.drug_combination__wells"
CELLS = "core.drug_combination__cells"
SINGLE_AGENTS = "core.drug_combination__single_agents"
BLOCKS = "core.drug_combination__blocks"


def read_tables(local: LocalStudy) -> Frames:
    """Raw tables of one study by name. Raises DataFault as `read_study`."""
    found = read_study(local)
    return {
        WELLS: in_table(WELLS, found.wells, local.id),
        **reading_as_tables(local, WELLS, found.warnings, found.rejected),
    }


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables."""
    are_experiments = local.study.replicate_unit == "experiment"
    cells, agents, blocks = score_study(raw[WELLS], primary=local.study.primary, are_experiments=are_experiments)
    frames = {CELLS: cells, SINGLE_AGENTS: agents, BLOCKS: blocks}
    return {name: in_table(name, frame, local.id) for name, frame in frames.items()}


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Wells and scores of a study."""
    return bench_steps(local, read=read_tables, analyse=analyse)
