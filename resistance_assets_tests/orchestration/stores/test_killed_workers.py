"""A few kills of the soak over the object store, as a test."""

from __future__ import annotations

import pytest

from resistance_assets_tests.soak.object_store_kills import soak


@pytest.mark.slow
def test_killed_workers_leave_one_known_release_and_nothing_half_visible(object_host, tmp_path):
    environment = {**object_host.environment, "RESISTANCE_LAKE": object_host.lake("killed")}
    tally = soak(tmp_path, environment, kills=4, seed=3)
    assert tally.faults == []
    assert tally.kills >= 4
