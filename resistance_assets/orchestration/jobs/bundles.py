"""Which steps one job of a cluster does: those that are ready, and those that rest on nothing but them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

TARGET_SECONDS = 60.0
"""As much work as one job is given where it can be chosen: a job takes some seconds to begin and to load the graph."""

WORTH_A_JOB_SECONDS = 5.0
"""Less work than this is done where the run is."""


@dataclass
class Bundle:
    """Steps of one job, each after those that it reads, and the seconds that they took when they ran last."""

    names: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, name: str, seconds: float) -> None:
        self.names.append(name)
        self.seconds += seconds


def share_out(
    ready: Collection[str],
    later: Sequence[str],
    unfinished_inputs: Mapping[str, Collection[str]],
    seconds: Callable[[str], float],
    *,
    most: int,
) -> list[Bundle]:
    """Share work out to at most ``most`` jobs.

    Args:
        ready: steps whose inputs are there.
        later: other steps of the run, in an order in which each comes after those that it reads.
        unfinished_inputs: of a step, the steps of this run that it reads and that have not gone through yet.
        seconds: what a step is taken to cost.
        most: jobs that may be begun now, one or more.

    Returns:
        A bundle per job. What rests on steps of one bundle alone follows them in it, for as long as the bundle takes
        less than `TARGET_SECONDS`: dearer steps are better off side by side.
    """
    total = sum(map(seconds, ready))
    bundles = [Bundle() for _ in range(max(1, min(most, len(ready), math.ceil(total / TARGET_SECONDS))))]
    for name in sorted(ready, key=lambda one: (-seconds(one), one)):
        min(bundles, key=lambda bundle: bundle.seconds).add(name, seconds(name))
    place = {name: bundle for bundle in bundles for name in bundle.names}
    for name in later:
        needed = unfinished_inputs.get(name, ())
        holders = {id(place[one]) if one in place else None for one in needed}
        if len(holders) == 1 and None not in holders and name not in place:
            bundle = place[next(iter(needed))]
            if bundle.seconds < TARGET_SECONDS:
                bundle.add(name, seconds(name))
                place[name] = bundle
    return [bundle for bundle in bundles if bundle.names]
