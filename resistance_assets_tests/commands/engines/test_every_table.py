"""Every table of a world, built by workers into an object store: versions and rows are those of one process.

The whole demo on every engine: `soak/engines.py`.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from resistance_assets.commands.run import bring_up_to_date
from resistance_assets.settings import load_settings
from resistance_assets_tests.every_table import EveryTable, differences, every_table
from resistance_assets_tests.small_world import SETS
from resistance_assets_tests.warehouse_runs import environment


def test_two_workers_build_into_an_object_store_what_one_process_builds(small_place, object_host, tmp_path):
    expected = every_table(small_place / "data")
    data_dir = tmp_path / "data"
    with environment(data_dir, mirror=small_place / "mirror", studies=[small_place / "studies"], sets=SETS):
        os.environ.update(object_host.environment, RESISTANCE_LAKE=object_host.lake("every"), RESISTANCE_JOBS="2")
        assert bring_up_to_date(load_settings(), quiet=True).ok
        assert differences(expected, every_table(data_dir)) == []
    lines = (data_dir / "cache" / "costs.jsonl").read_text().splitlines()
    assert len({json.loads(line)[0] for line in lines}) > 100, "workers did it"
    assert not (data_dir / "lake" / "raw").exists()
    assert min(len(expected.lake), len(expected.release), len(expected.file)) > 200


@pytest.mark.parametrize("part", ["lake", "release", "file"])
def test_a_table_that_differs_or_is_missing_is_told(part):
    one = EveryTable({"core.x": ("available", "v1", 3)}, {"core.x": ("available", "v1", 3)}, {"core.x": (3, 99)})
    assert differences(one, one) == []
    other = replace(one, **{part: {}})
    assert differences(one, other) == [f"{part} core.x: {getattr(one, part)['core.x']} and None"]
    assert len(differences(other, one)) == 1
