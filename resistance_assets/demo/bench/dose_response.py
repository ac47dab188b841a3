"""Synthetic dose-response plates: a parental and a resistant line with five siRNAs, three experiments of a plate each.

Planted: knocking down CCL20 lowers the EC50 of the resistant line fourfold and leaves the parental one as it is.
"""

from __future__ import annotations

import numpy as np

FOLDER = "demo_h3122_dose_response"
PARENTAL, RESISTANT = "H3122", "H3122CR"
CONTROL = "siCtrl"
SIRNAS = (CONTROL, "siCCL20", "siCCL24", "siCCL15", "siCCL2")
EC50_UM = {PARENTAL: 0.15, RESISTANT: 4.8}
SENSITISED_UM = {(RESISTANT, "siCCL20"): 1.2}
"""EC50 of a line with a siRNA, where it differs from the line's own."""
DOSES_UM = (0.008, 0.04, 0.12, 0.4, 1.2, 4.0, 12.0, 40.0)
HILL, LOWER_PERCENT = 1.3, 8.0
DOUBLINGS = 1.8
N_EXPERIMENTS = 3
_EXPERIMENT_SD_LN = 0.08
_WELL_CV = 0.03
_BLANK, _VEHICLE = 900.0, 60_000.0

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic viability of a crizotinib-resistant line and its parental line after knock-downs (demo)"
organism = "Homo sapiens"
kind = "dose_response"
licence = "CC0 1.0 (synthetic)"
paper = "wang_2022"
wells = "wells.tsv"
response = "signal"
dose_unit = "uM"
replicate_unit = "experiment"
replicates_are_paired = true

[[comparison]]
parental = "{PARENTAL}"
resistant = "{RESISTANT}"

[knock_down]
control = "{CONTROL}"
genes = {{ {", ".join(f'{name} = "{name[2:]}"' for name in SIRNAS if name != CONTROL)} }}
"""


def truth() -> dict[str, float]:
    """What is planted: EC50 in uM by line and siRNA."""
    return {f"{line} | {sirna}": ec50(line, sirna) for line in EC50_UM for sirna in SIRNAS}


def ec50(line: str, sirna: str) -> float:
    """Planted EC50 in uM of a line with a siRNA."""
    return SENSITISED_UM.get((line, sirna), EC50_UM[line])


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    rows = ["plate_id\twell_type\tcell_line\tsirna\tdrug\tdose_um\tbiological_replicate\tluminescence"]
    for line in EC50_UM:
        for sirna in SIRNAS:
            for experiment in range(1, N_EXPERIMENTS + 1):
                rows += _plate(random, line, sirna, experiment)
    return {"study.toml": _TOML.encode(), "wells.tsv": ("\n".join(rows) + "\n").encode()}


def _plate(random: np.random.Generator, line: str, sirna: str, experiment: int) -> list[str]:
    """Wells of one plate: two blanks, three vehicle, two time-0 wells, and two wells a dose."""
    middle = ec50(line, sirna) * float(np.exp(random.normal(0.0, _EXPERIMENT_SD_LN)))
    level = _VEHICLE * float(np.exp(random.normal(0.0, 0.1)))
    plan: list[tuple[str, str, str, float]] = [("blank", "", "", 0.0)] * 2
    plan += [("time0", "", "", level / 2.0**DOUBLINGS)] * 2
    plan += [("vehicle", "DMSO", "0", level)] * 3
    for dose in DOSES_UM:
        viability = LOWER_PERCENT + (100.0 - LOWER_PERCENT) / (1.0 + (dose / middle) ** HILL)
        plan += [("treated", "crizotinib", f"{dose:g}", level * viability / 100.0)] * 2
    plate = f"{line}_{sirna}_{experiment}"
    return [
        f"{plate}\t{kind}\t{line}\t{sirna}\t{drug}\t{dose}\t{experiment}\t"
        f"{_BLANK + cells * float(np.exp(random.normal(0.0, _WELL_CV))) + random.normal(0.0, 20.0):.1f}"
        for kind, drug, dose, cells in plan
    ]
