"""Which steps go into one job."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from resistance_assets.orchestration.jobs.bundles import TARGET_SECONDS, share_out


def test_dear_steps_go_side_by_side_and_little_work_into_one_job():
    seconds = {"a": TARGET_SECONDS, "b": TARGET_SECONDS, "c": 1.0, "d": 1.0}.__getitem__
    dear = share_out(["a", "b", "c"], [], {}, seconds, most=8)
    assert [bundle.names for bundle in dear] == [["a"], ["b"], ["c"]]
    assert [bundle.names for bundle in share_out(["c", "d"], [], {}, seconds, most=8)] == [["c", "d"]]
    assert len(share_out(["a", "b", "c", "d"], [], {}, seconds, most=2)) == 2


def test_what_rests_on_one_job_alone_follows_in_it_until_it_is_full():
    inputs = {"a2": {"a"}, "ab": {"a", "b"}, "a3": {"a2"}, "x": {"elsewhere"}, "full": {"b"}}
    seconds = {"a": 50.0, "b": TARGET_SECONDS, "a2": 5.0, "ab": 1.0, "a3": 1.0, "x": 1.0, "full": 1.0}.__getitem__
    found = share_out(["a", "b"], ["a2", "ab", "a3", "x", "full"], inputs, seconds, most=8)
    assert sorted(bundle.names for bundle in found) == [["a", "a2", "a3"], ["b"]]
    assert {bundle.seconds for bundle in found} == {56.0, TARGET_SECONDS}


def test_what_rests_on_two_members_of_a_job_follows_in_it():
    (bundle,) = share_out(["a", "b"], ["ab"], {"ab": {"a", "b"}}, lambda name: 1.0, most=8)
    assert bundle.names == ["a", "b", "ab"]


NAMES = [f"n{at}" for at in range(12)]


@given(
    costs=st.lists(st.floats(0.1, 200.0), min_size=12, max_size=12),
    reads=st.lists(st.sets(st.integers(0, 11), max_size=3), min_size=12, max_size=12),
    first=st.integers(1, 11),
    most=st.integers(1, 6),
)
def test_every_ready_step_is_in_one_job_and_a_follower_only_where_all_it_waits_for_is(costs, reads, first, most):
    ready, later = NAMES[:first], NAMES[first:]
    inputs = {name: {NAMES[one] for one in reads[at] if one < at} for at, name in enumerate(NAMES) if at >= first}
    found = share_out(ready, later, inputs, dict(zip(NAMES, costs, strict=True)).__getitem__, most=most)
    assert len(found) <= most
    names = [name for bundle in found for name in bundle.names]
    assert len(names) == len(set(names))
    assert set(ready) <= set(names)
    for bundle in found:
        for at, name in enumerate(bundle.names):
            if name in later:
                assert inputs[name]
                assert inputs[name] <= set(bundle.names[:at])
