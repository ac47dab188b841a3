"""Synthetic matrices of crizotinib and anlotinib, 7 x 6 doses in three experiments.

Planted: in the resistant line the two inhibit more than Bliss expects, by up to 25 points in the middle of the matrix.
"""

from __future__ import annotations

import numpy as np

FOLDER = "demo_h3122_combination"
BLOCK = "H3122CR_crizotinib_anlotinib"
CRIZOTINIB_UM = (0.0, 0.1, 0.4, 1.2, 4.0, 12.0, 40.0)
ANLOTINIB_UM = (0.0, 0.5, 1.5, 5.0, 15.0, 45.0)
EC50_UM = {"crizotinib": 3.5, "anlotinib": 8.0}
EXCESS_POINTS = 25.0
"""Inhibition beyond Bliss where both drugs are at their EC50; less where one does nothing or everything."""
LARGEST = 0.9
"""Largest inhibition by one drug, as a fraction."""
N_EXPERIMENTS = 3
_NOISE_PERCENT = 2.5

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic combination of crizotinib and anlotinib in a resistant line (demo)"
organism = "Homo sapiens"
kind = "drug_combination"
licence = "CC0 1.0 (synthetic)"
wells = "wells.tsv"
response = "viability"
scale = "percent"
dose_unit = "uM"
replicate_unit = "experiment"
"""


def truth() -> dict[str, float]:
    """What is planted: mean excess over Bliss of the combination cells, in points of inhibition."""
    cells = [expected_excess(a, b) for a in CRIZOTINIB_UM[1:] for b in ANLOTINIB_UM[1:]]
    return {f"{BLOCK} | bliss_mean": sum(cells) / len(cells)}


def _alone(drug: str, dose: float) -> float:
    """Planted inhibition by one drug, as a fraction."""
    return 0.0 if dose == 0.0 else LARGEST / (1.0 + (EC50_UM[drug] / dose) ** 1.2)


def expected_excess(crizotinib_um: float, anlotinib_um: float) -> float:
    """Planted excess over Bliss in points of inhibition."""
    first, second = _alone("crizotinib", crizotinib_um), _alone("anlotinib", anlotinib_um)
    half = LARGEST / 2.0
    return EXCESS_POINTS / half**4 * first * (LARGEST - first) * second * (LARGEST - second)


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    rows = ["block_id\tcell_line\tdrug1\tdrug2\tdose1_um\tdose2_um\treplicate\tviability_percent"]
    for experiment in range(1, N_EXPERIMENTS + 1):
        for a in CRIZOTINIB_UM:
            for b in ANLOTINIB_UM:
                first, second = _alone("crizotinib", a), _alone("anlotinib", b)
                inhibition = 100.0 * (first + second - first * second) + expected_excess(a, b)
                value = 100.0 - inhibition + random.normal(0.0, _NOISE_PERCENT)
                rows.append(f"{BLOCK}\tH3122CR\tcrizotinib\tanlotinib\t{a:g}\t{b:g}\t{experiment}\t{value:.3f}")
    return {"study.toml": _TOML.encode(), "wells.tsv": ("\n".join(rows) + "\n").encode()}
