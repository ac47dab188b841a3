"""Synthetic xenografts: four arms of six mice, measured on twelve days to day 26, with the drop-outs of such a study.

Planted: growth rates per arm, and a combination that slows growth by more than both drugs together.
"""

from __future__ import annotations

import math

import numpy as np

FOLDER = "demo_h3122_xenograft"
CONTROL, FIRST, SECOND, COMBINATION = "vehicle", "anti_CCL20", "crizotinib", "combination"
RATES_PER_DAY = {CONTROL: 0.115, FIRST: 0.100, SECOND: 0.075, COMBINATION: 0.010}
DAYS = (0, 3, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26)
MICE_PER_ARM = 6
VOLUME_LIMIT_MM3 = 1500
FOUND_DEAD, TOXIC, REGRESSED = ("anti_CCL20", 3, 14), ("combination", 2, 24), ("combination", 3, 19)
"""Arm, number of the mouse in it, and the day: found dead, lost 20 % of its weight, tumour gone."""
_START_MM3, _START_SD_LN, _RATE_SD, _ERROR_SD_LN = 110.0, 0.12, 0.010, 0.09

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic xenografts under crizotinib and an antibody against CCL20 (demo)"
organism = "Homo sapiens"
kind = "tumour_growth"
licence = "CC0 1.0 (synthetic)"
paper = "wang_2022"
measurements = "measurements.tsv"
mice = "mice.tsv"
control_arm = "{CONTROL}"
combination_arm = "{COMBINATION}"
combination_of = ["{FIRST}", "{SECOND}"]
day = {DAYS[-1]}
volume_limit_mm3 = {VOLUME_LIMIT_MM3}
"""


def truth() -> dict[str, float]:
    """What is planted: growth rate per day by arm, and the interaction."""
    interaction = RATES_PER_DAY[COMBINATION] - RATES_PER_DAY[FIRST] - RATES_PER_DAY[SECOND] + RATES_PER_DAY[CONTROL]
    return {**RATES_PER_DAY, "interaction": interaction}


def files(random: np.random.Generator) -> dict[str, bytes]:
    """Files of the study: name to content."""
    rows, mice = ["mouse_id\tday\tlength_mm\twidth_mm\tbody_weight_g"], ["mouse_id\tarm\tend_day\tend_reason"]
    number = 0
    for arm, rate in RATES_PER_DAY.items():
        for place in range(1, MICE_PER_ARM + 1):
            number += 1
            measured, end, reason = _mouse(random, arm, place, rate)
            rows += [f"m{number:02d}\t{row}" for row in measured]
            mice.append(f"m{number:02d}\t{arm}\t{end}\t{reason}")
    return {
        "study.toml": _TOML.encode(),
        "measurements.tsv": ("\n".join(rows) + "\n").encode(),
        "mice.tsv": ("\n".join(mice) + "\n").encode(),
    }


def _mouse(random: np.random.Generator, arm: str, place: int, rate: float) -> tuple[list[str], int, str]:
    """Measurements of one mouse, the day of its end and why it ended."""
    start = _START_MM3 * math.exp(random.normal(0.0, _START_SD_LN))
    own = rate + random.normal(0.0, _RATE_SD)
    weight = 21.0 + random.normal(0.0, 0.8)
    rows: list[str] = []
    for day in DAYS:
        volume = start * math.exp(own * day + random.normal(0.0, _ERROR_SD_LN))
        body = weight * (1.0 + 0.001 * day + random.normal(0.0, 0.01))
        if (arm, place) == REGRESSED[:2] and day >= REGRESSED[2]:
            volume = 0.0
        if (arm, place) == TOXIC[:2]:
            body = weight * (1.0 - 0.215 * day / TOXIC[2])
        # An ellipsoid one and a third times as long as it is wide.
        width = (2.0 * volume / 1.33) ** (1.0 / 3.0)
        rows.append(f"{day}\t{1.33 * width:.2f}\t{width:.2f}\t{body:.2f}")
        for of, reason in ((FOUND_DEAD, "found_dead"), (TOXIC, "body_weight_loss")):
            if (arm, place, day) == of:
                return rows, day, reason
        if volume >= VOLUME_LIMIT_MM3 and day < DAYS[-1]:
            return rows, day, "tumour_volume_limit"
    return rows, DAYS[-1], "study_end"
