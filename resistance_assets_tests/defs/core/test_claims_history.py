"""Since when a verdict stands, across a pruning of releases."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.claims import known_since, past_verdicts
from resistance_assets.orchestration.lake import Lake
from resistance_assets.science.claims.claims import first_releases

HISTORY, VERDICTS = TABLES["core.claims__history"], TABLES["core.claims__verdicts"]


def release(data_dir: Path, lake: Lake, number: int, verdicts: dict[str, str], since: dict[str, int]) -> None:
    """A release whose claims have these verdicts, as a publish writes it."""
    names = list(verdicts)
    reported = pl.DataFrame({"claim_id": names, "verdict": [verdicts[name] for name in names]})
    history = reported.with_columns(
        first_release_with_verdict=pl.Series([since[name] for name in names], dtype=pl.Int64)
    )
    tables = {
        VERDICTS.address: {"data_version": lake.write(VERDICTS.address, reported)},
        HISTORY.address: {"data_version": lake.write(HISTORY.address, history)},
    }
    (data_dir / "releases").mkdir(exist_ok=True)
    (data_dir / "releases" / f"{number}.json").write_text(json.dumps({"release": number, "tables": tables}))


def began(data_dir: Path, lake: Lake, now: dict[str, str], upcoming: int) -> dict[str, int]:
    return first_releases(now, past_verdicts(lake, data_dir), upcoming, known_since(lake, data_dir))


def test_pruning_does_not_make_verdicts_younger(tmp_path):
    lake = Lake(tmp_path / "lake")
    release(tmp_path, lake, 1, {"a": "near", "b": "near"}, {"a": 1, "b": 1})
    release(tmp_path, lake, 2, {"a": "reproduced", "b": "near"}, {"a": 2, "b": 1})
    release(tmp_path, lake, 3, {"a": "reproduced", "b": "near"}, {"a": 2, "b": 1})
    now = {"a": "reproduced", "b": "near"}
    assert began(tmp_path, lake, now, 4) == {"a": 2, "b": 1}
    for number in (1, 2):
        (tmp_path / "releases" / f"{number}.json").unlink()
    assert began(tmp_path, lake, now, 4) == {"a": 2, "b": 1}


def test_without_a_history_the_oldest_release_is_the_first_that_is_known(tmp_path):
    lake = Lake(tmp_path / "lake")
    release(tmp_path, lake, 3, {"a": "near"}, {"a": 1})
    lake.path(
        HISTORY.address, next(iter((tmp_path / "lake" / "core" / "claims__history").glob("*.parquet"))).stem
    ).unlink()
    assert began(tmp_path, lake, {"a": "near"}, 4) == {"a": 3}
