"""Synthetic plasma panel: 40 markers in 61 patients on crizotinib, 15 with a second sample at progression.

Planted: log hazard ratios per standard deviation of log2, and differences between the two samples of a patient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

FOLDER = "demo_alk_plasma_panel"
N_PATIENTS, N_PAIRS = 61, 15
MARKERS = (
    "CCL2", "CCL3", "CCL4", "CCL5", "CCL7", "CCL8", "CCL11", "CCL13", "CCL15", "CCL17", "CCL19", "CCL20", "CCL21",
    "CCL22", "CCL24", "CCL25", "CCL26", "CCL27", "CXCL1", "CXCL2", "CXCL3", "CXCL5", "CXCL6", "IL8", "CXCL9",
    "CXCL10", "CXCL11", "CXCL12", "CXCL13", "CXCL16", "CX3CL1", "CSF2", "IFNG", "IL1B", "IL2", "IL4", "IL6", "IL10",
    "MIF", "TNF",
)  # fmt: skip
LOG_HAZARD_PER_SD = {"CCL20": 0.75, "CCL24": 0.35, "CXCL13": 0.3, "CCL15": -0.4}
AT_PROGRESSION_LOG2 = {"CCL20": 0.9, "CCL15": -0.7}
SHARE_BELOW_LIMIT = {"CCL7": 0.85, "IL4": 0.7, "CCL26": 0.35, "IL2": 0.12}
"""Share of the values of a marker that lie below its limit: two of them are refused."""
_SD_LOG2, _WITHIN_SD_LOG2 = 0.9, 0.35
_PFS_MONTHS, _OS_MONTHS, _FOLLOWED_MONTHS = 11.0, 34.0, (36.0, 84.0)

QUESTIONS = """\
[groups]
numerator = "short"
denominator = "long"
endpoint = "PFS"
early_months = 6
late_months = 12
covariates = ["age_years", "sex"]

[pairs]
later = "progression"

[[follow_up]]
endpoint = "PFS"
time_column = "pfs_months"
event_column = "pfs_event"
unit = "months"

[[follow_up]]
endpoint = "OS"
time_column = "os_months"
event_column = "os_event"
unit = "months"

[[model]]
id = "declared"
terms = ["CCL20", "CCL24", "CCL15", "age_years", "sex"]

[discrimination]
months = [12, 36, 60]
"""
"""What is asked of the panel, as study.toml says it: the comparisons of the papers."""
_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic plasma panel of patients on crizotinib (demo)"
organism = "Homo sapiens"
kind = "plasma_panel"
licence = "CC0 1.0 (synthetic)"
paper = "wang_2022"
platform = "luminex"
panel = "panel.tsv"
limits = "limits.tsv"
samples = "samples.tsv"
patients = "patients.tsv"

{QUESTIONS}markers = ["CCL20", "CCL24", "CCL15", "CXCL13", "IL6"]
"""


def truth() -> dict[str, float]:
    """What is planted: log hazard ratio per standard deviation, and log2 difference at progression, by marker."""
    hazards = {f"{marker} | log_hazard_per_sd": value for marker, value in LOG_HAZARD_PER_SD.items()}
    return hazards | {f"{marker} | progression_log2": value for marker, value in AT_PROGRESSION_LOG2.items()}


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    scores = random.normal(0.0, 1.0, (N_PATIENTS, len(MARKERS)))
    middles = {marker: random.uniform(3.5, 9.5) for marker in MARKERS}
    limits = {marker: _limit(scores[:, at], middles[marker], marker) for at, marker in enumerate(MARKERS)}
    hazard = np.exp(sum(value * scores[:, MARKERS.index(marker)] for marker, value in LOG_HAZARD_PER_SD.items()))
    patients, progressed = _patients(random, hazard)
    panel, samples = ["\t".join(["sample_id", *MARKERS])], ["sample_id\tpatient_id\ttimepoint"]
    for place in range(N_PATIENTS):
        levels = {marker: middles[marker] + _SD_LOG2 * scores[place, at] for at, marker in enumerate(MARKERS)}
        _add_sample(random, panel, samples, f"P{place + 1:02d}", "baseline", levels, limits)
    for place in progressed[:N_PAIRS]:
        levels = {
            marker: middles[marker]
            + _SD_LOG2 * scores[place, at]
            + AT_PROGRESSION_LOG2.get(marker, 0.0)
            + random.normal(0.0, _WITHIN_SD_LOG2)
            for at, marker in enumerate(MARKERS)
        }
        _add_sample(random, panel, samples, f"P{place + 1:02d}", "progression", levels, limits)
    rows = ["marker\tunit\tlod\tupper_limit"]
    rows += [f"{marker}\tpg/ml\t{low:.4g}\t{high:.4g}" for marker, (low, high) in limits.items()]
    tables = {"panel.tsv": panel, "samples.tsv": samples, "patients.tsv": patients, "limits.tsv": rows}
    return {"study.toml": _TOML.encode(), **{name: ("\n".join(t) + "\n").encode() for name, t in tables.items()}}


def _limit(scores: np.ndarray, middle: float, marker: str) -> tuple[float, float]:
    """Lower and upper limit in pg/ml; the lower one at the planted share of the patients."""
    share = SHARE_BELOW_LIMIT.get(marker)
    low = float(np.quantile(scores, share)) if share else float(scores.min()) - 1.0
    return 2.0 ** (middle + _SD_LOG2 * low), 2.0 ** (middle + _SD_LOG2 * (float(scores.max()) + 1.5))


def _patients(random: np.random.Generator, hazard: np.ndarray) -> tuple[list[str], list[int]]:
    """Rows of the table of patients, and the places of those whose progression was seen."""
    rows, progressed = ["patient_id\tsex\tage_years\tpfs_months\tpfs_event\tos_months\tos_event"], []
    for place in range(N_PATIENTS):
        sex = "female" if random.uniform() < 0.656 else "male"
        age = int(random.normal(53.0, 9.0))
        until = random.uniform(*_FOLLOWED_MONTHS)
        progression = random.exponential(_PFS_MONTHS / hazard[place] / math.log(2.0))
        death = progression + random.exponential((_OS_MONTHS - _PFS_MONTHS) / hazard[place] / math.log(2.0))
        if progression < until:
            progressed.append(place)
        pfs, os = max(min(progression, until), 0.1), max(min(death, until), 0.1)
        seen = int(progression < until), int(death < until)
        rows.append(f"P{place + 1:02d}\t{sex}\t{age}\t{pfs:.2f}\t{seen[0]}\t{os:.2f}\t{seen[1]}")
    return rows, progressed


def _add_sample(
    random: np.random.Generator,
    panel: list[str],
    samples: list[str],
    patient: str,
    timepoint: str,
    levels: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]],
) -> None:
    sample = f"{patient}_{'BL' if timepoint == 'baseline' else 'PD'}"
    samples.append(f"{sample}\t{patient}\t{timepoint}")
    cells = []
    for marker, level in levels.items():
        low, high = limits[marker]
        value = 2.0**level
        if random.uniform() < 0.002:
            cells.append("***")
        elif value < low:
            cells.append("OOR <" if random.uniform() < 0.5 else f"<{low:.4g}")
        else:
            cells.append(f">{high:.4g}" if value > high else f"{value:.4g}")
    panel.append("\t".join([sample, *cells]))
