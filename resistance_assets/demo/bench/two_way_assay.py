"""Synthetic assays of a drug with and without a chemokine: viability and invasion in four experiments.

Planted: CXCL2 takes back a part of what crizotinib does to invasion (an interaction on the log), and nothing of what it
does to viability.
"""

from __future__ import annotations

import math

import numpy as np

FOLDER = "demo_h3122_cxcl2_assays"
DRUG, LIGAND = "crizotinib", "CXCL2"
N_EXPERIMENTS, N_FIELDS = 4, 3
EFFECTS = {
    "cck8": {"level": 0.9, "drug": -0.9, "ligand": 0.1, "interaction": 0.0},
    "invasion": {"level": 80.0, "drug": -0.9, "ligand": 0.35, "interaction": 0.5},
}
"""Of each assay its level, and effects of the drug, of the ligand and their interaction on the natural logarithm."""
_EXPERIMENT_SD, _FIELD_CV = 0.15, 0.06

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic viability and invasion with crizotinib and CXCL2 (demo)"
organism = "Homo sapiens"
kind = "two_way_assay"
licence = "CC0 1.0 (synthetic)"
fields = "fields.tsv"
replicate_unit = "experiment"

[[assay]]
id = "cck8"
scale = "log"

[[assay]]
id = "invasion"
scale = "count"
"""


def truth() -> dict[str, float]:
    """What is planted: interaction on the natural logarithm by assay."""
    return {f"{assay} | interaction": effects["interaction"] for assay, effects in EFFECTS.items()}


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    rows = ["assay\texperiment\tdrug\tligand\tfield\tvalue"]
    for assay, effects in EFFECTS.items():
        for experiment in range(1, N_EXPERIMENTS + 1):
            shift = random.normal(0.0, _EXPERIMENT_SD)
            for drug in (0, 1):
                for ligand in (0, 1):
                    effect = (
                        effects["drug"] * drug + effects["ligand"] * ligand + effects["interaction"] * drug * ligand
                    )
                    mean = effects["level"] * math.exp(shift + effect + random.normal(0.0, 0.03))
                    rows += [
                        f"{assay}\t{experiment}\t{DRUG if drug else 'none'}\t{LIGAND if ligand else 'none'}\t{field}\t"
                        f"{_field(random, assay, mean)}"
                        for field in range(1, N_FIELDS + 1)
                    ]
    return {"study.toml": _TOML.encode(), "fields.tsv": ("\n".join(rows) + "\n").encode()}


def _field(random: np.random.Generator, assay: str, mean: float) -> str:
    if assay == "invasion":
        return str(int(random.poisson(mean)))
    return f"{mean * math.exp(random.normal(0.0, _FIELD_CV)):.4f}"
