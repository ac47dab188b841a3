"""Tables of a study of tumour growth and a plasma panel, made of the goldens' files by the kinds' own functions."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.raw.studies import plasma_panel, tumour_growth
from resistance_assets.orchestration.sql_models import load_models, models_folder, run_model
from resistance_assets_tests.defs.raw.studies.test_plasma_panel import FILES, symbols
from resistance_assets_tests.defs.raw.studies.test_plasma_panel import PAPER as PANEL
from resistance_assets_tests.defs.raw.studies.test_tumour_growth import PAPER as GROWTH
from resistance_assets_tests.study_folder import write_study_folder

MARTS = ("marts.deg_by_contrast", "marts.survival_by_gene", "marts.gene_evidence", "marts.panel_markers",
         "marts.tumour_growth")  # fmt: skip


KNOWN_GENES = ("CCL15", "CCL19", "CCL20", "CCL24", "CX3CL1", "CXCL13", "CXCL8", "CXCL9", "IFNG", "IL10", "IL6", "MIF")


def add_marts(tables: dict[str, pl.DataFrame]) -> None:
    """The marts that bench pages read, by their SQL."""
    models = load_models(models_folder(), TABLES)
    for address in MARTS:
        refs = {ref: tables.get(ref, TABLES[ref].empty()) for ref in models[address].refs}
        tables[address] = run_model(models[address], refs)


def bench_tables(root: Path, goldens: Path) -> dict[str, pl.DataFrame]:
    """Raw, core and mart tables of both studies, `growth` and `panel`, by name.

    Args:
        root: where their folders are written.
        goldens: folder of the goldens.
    """
    folder = goldens / "bench"
    names = ("measurements.tsv", "mice.tsv")
    growth = write_study_folder(
        root / "g", "tumour_growth", GROWTH, {name: folder / "tumour_growth" / name for name in names}
    )
    panel = write_study_folder(
        root / "p", "plasma_panel", PANEL, {name: folder / "plasma_panel" / name for name in FILES}
    )
    raw = plasma_panel.read_tables(panel) | {
        plasma_panel.SYMBOLS: symbols(*((gene, gene, "approved") for gene in KNOWN_GENES))
    }
    made = [tumour_growth.read_tables(growth), raw]
    made += [tumour_growth.analyse(growth, made[0]), plasma_panel.analyse(panel, raw)]
    tables: dict[str, pl.DataFrame] = {}
    for frames, study in ((made[0], "growth"), (made[2], "growth"), (made[1], "panel"), (made[3], "panel")):
        for address, frame in frames.items():
            if address not in TABLES or "study_id" not in frame.columns:
                continue
            named = frame.with_columns(study_id=pl.lit(study))
            tables[address] = pl.concat([tables[address], named]) if address in tables else named
    tables["raw.catalog__studies"] = pl.DataFrame(
        {
            "study_id": ["growth", "panel"],
            "title": ["Mice <b>in</b> four arms", "Plasma of patients"],
            "kind": ["tumour_growth", "plasma_panel"],
            "is_public": [False, False],
            "organism": ["Homo sapiens"] * 2,
            "paper_id": ["wang_2022"] * 2,
        }
    )
    add_marts(tables)
    return tables
