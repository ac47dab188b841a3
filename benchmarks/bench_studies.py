"""A plasma panel of 40 markers in 61 patients, and tumour growth of four arms of six mice, from files to tables.

Each case is a dict, as in `survival_screen`. The peers do a part of the work: lifelines fits the Cox models of the
panel, and statsmodels the mixed model of the growth rates (without Satterthwaite's degrees of freedom).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl

from benchmarks._folder import bench_folder
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.defs.raw.studies import plasma_panel as panel_steps
from resistance_assets.defs.raw.studies import tumour_growth as growth_steps
from resistance_assets.demo.bench import plasma_panel, tumour_growth

_SEED = 20240501


@cache
def _study(module) -> LocalStudy:
    """The demo's study of that kind, written once."""
    folder = bench_folder() / module.FOLDER
    folder.mkdir()
    for name, content in module.files(np.random.RandomState(_SEED)).items():
        (folder / name).write_bytes(content)
    return load_local_study(folder)


def _panel() -> object:
    local = _study(plasma_panel)
    types = dict.fromkeys(("symbol", "hgnc_symbol", "resolution", "candidates"), pl.String)
    raw = panel_steps.read_tables(local) | {panel_steps.SYMBOLS: pl.DataFrame(schema=types)}
    return panel_steps.analyse(local, raw)


def _growth() -> object:
    local = _study(tumour_growth)
    return growth_steps.analyse(local, growth_steps.read_tables(local))


def _lifelines() -> None:
    import pandas as pd
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(_SEED)
    time, event = rng.exponential(20, 61), (rng.random(61) < 0.8).astype(int)
    for _ in range(40 * 4):
        frame = pd.DataFrame({"x": rng.standard_normal(61), "time": time, "event": event})
        CoxPHFitter().fit(frame, "time", "event")


def _statsmodels() -> None:
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    local = _study(tumour_growth)
    raw = growth_steps.read_tables(local)[growth_steps.MEASUREMENTS].filter(pl.col("volume_mm3") > 0)
    frame = pd.DataFrame(raw.select("mouse_id", "arm", "day", "volume_mm3").to_dict(as_series=False))
    frame["y"] = np.log(frame["volume_mm3"])
    frame["day"] = frame["day"] / 26.0
    MixedLM.from_formula("y ~ day * arm", frame, groups="mouse_id", re_formula="~day").fit(reml=True)


def _case(name: str, size: str, ours: Callable, peer_name: str, peer: Callable, note: str) -> dict:
    return {"name": name, "size": size, "ours": ours, "peer_name": peer_name, "peer": peer, "note": note}


def cases() -> list[dict]:
    """The two studies of the demo, from their files to their tables."""
    return [
        _case(
            "plasma_panel",
            "40 markers x 61 patients",
            _panel,
            "lifelines CoxPHFitter",
            _lifelines,
            "files, detection, limma, ranks, Tobit, pairs, Cox per SD and median, models, AUC; peer: the 160 Cox fits",
        ),
        _case(
            "tumour_growth",
            "4 arms x 6 mice",
            _growth,
            "statsmodels MixedLM",
            _statsmodels,
            "files, four REML models with Satterthwaite's t, slopes, T/C, Tukey, times to doubling; peer: one REML fit",
        ),
    ]
