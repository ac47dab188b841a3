"""Synthetic bench studies of the demo: a module per kind of study.

Each has the name of its `FOLDER`, `files` (from a stream of random numbers to names and contents) and `truth` (what is
planted, by name).
"""

from __future__ import annotations

from resistance_assets.demo.bench import (
    dose_response,
    drug_combination,
    plasma_panel,
    qpcr,
    single_cell,
    tumour_growth,
    two_way_assay,
)

BENCH_STUDIES = (dose_response, drug_combination, qpcr, two_way_assay, tumour_growth, plasma_panel, single_cell)
