"""Synthetic qPCR of the knock-downs: three experiments, three wells each, GAPDH as reference.

Planted: each siRNA leaves a share of its gene's transcript and none of the other's.
"""

from __future__ import annotations

import math

import numpy as np

FOLDER = "demo_h3122_qpcr"
CONTROL, REFERENCE = "siCtrl", "GAPDH"
REMAINING = {("siCCL20", "CCL20"): 0.25, ("siCCL24", "CCL24"): 0.35}
"""Share of a transcript that a siRNA leaves; 1 for every other gene."""
CYCLES = {REFERENCE: 17.5, "CCL20": 25.5, "CCL24": 28.0}
N_EXPERIMENTS = 3
_EXPERIMENT_SD, _SAMPLE_SD, _WELL_SD = 0.3, 0.08, 0.04

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic qPCR of knocked-down chemokines (demo)"
organism = "Homo sapiens"
kind = "qpcr"
licence = "CC0 1.0 (synthetic)"
wells = "ct.tsv"
reference_gene = "{REFERENCE}"
control = "{CONTROL}"
replicate_unit = "experiment"
replicates_are_paired = true
"""


def truth() -> dict[str, float]:
    """What is planted: fold change by gene and siRNA."""
    sirnas = {sirna for sirna, _ in REMAINING}
    genes = [gene for gene in CYCLES if gene != REFERENCE]
    return {f"{gene} | {sirna}": REMAINING.get((sirna, gene), 1.0) for gene in genes for sirna in sorted(sirnas)}


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    rows = ["condition\tgene\tbiological_replicate\ttechnical_replicate\tct"]
    sirnas = (CONTROL, *sorted({sirna for sirna, _ in REMAINING}))
    for experiment in range(1, N_EXPERIMENTS + 1):
        shift = random.normal(0.0, _EXPERIMENT_SD)
        for sirna in sirnas:
            for gene, cycles in CYCLES.items():
                level = cycles + shift - math.log2(REMAINING.get((sirna, gene), 1.0)) + random.normal(0.0, _SAMPLE_SD)
                rows += [
                    f"{sirna}\t{gene}\t{experiment}\t{well}\t{level + random.normal(0.0, _WELL_SD):.3f}"
                    for well in (1, 2, 3)
                ]
    rows += [f"no_template\t{gene}\t\t1\tUndetermined" for gene in CYCLES]
    return {"study.toml": _TOML.encode(), "ct.tsv": ("\n".join(rows) + "\n").encode()}
