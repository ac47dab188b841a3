"""What became of the tables of a run, and the outcome of tables that are up to date, which needs no run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resistance_assets.orchestration.events import ProgressEvent

if TYPE_CHECKING:
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.steps import Step

WAREHOUSE = "warehouse"
# Not tables: they are made of what is there, whatever failed before.
PRODUCTS = (WAREHOUSE, "report")


@dataclass
class Launch:
    """What a run did.

    Attributes:
        outcomes: address -> built, cache hit, kept, unavailable or failed.
        seconds: address -> how long it took, for what was built.
        messages: address -> why it failed or is unavailable.
        run_ids: one per pass.
        elapsed: seconds from start to end.
        not_reached: addresses that rest on a failure and were never built before.
        waited_for: addresses that another run was building, so that this one waited and took its result.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    run_ids: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    not_reached: tuple[str, ...] = ()
    waited_for: list[str] = field(default_factory=list)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(address for address, outcome in self.outcomes.items() if outcome == "failed")

    def follow(self, earlier: Launch) -> None:
        """Count an earlier part of the same work in; where both touched a table, what was built counts as built."""
        for address, outcome in earlier.outcomes.items():
            if self.outcomes.get(address, "cache hit") == "cache hit":
                self.outcomes[address] = outcome
                self.seconds[address] = earlier.seconds.get(address, 0.0)
        self.messages = {**earlier.messages, **self.messages}
        self.run_ids = [*earlier.run_ids, *self.run_ids]
        self.waited_for = [*earlier.waited_for, *self.waited_for]
        self.elapsed += earlier.elapsed

    def describe_progress(self) -> str:
        """How far a run got, in words."""
        built = sum(outcome == "built" for outcome in self.outcomes.values())
        return f"{len(self.outcomes)} tables are up to date, {built} of them built anew"

    def by_layer(self) -> dict[str, Counter[str]]:
        """Layer -> outcome -> number of tables."""
        layers: dict[str, Counter[str]] = {}
        for address, outcome in self.outcomes.items():
            layers.setdefault(address.split(".", 1)[0], Counter())[outcome] += 1
        return layers

    def on_event(self, event: ProgressEvent) -> None:
        """Take note of an event of a step."""
        if event.kind == "finished":
            if event.outcome == "cache hit" and event.subject in self.outcomes:
                return  # built in an earlier pass, and looked up again with the rest of its step
            self.outcomes[event.subject] = event.outcome
            self.seconds[event.subject] = event.seconds
            if event.message:
                self.messages[event.subject] = event.message
        elif event.kind == "waiting":
            self.waited_for.append(event.subject)
        elif event.kind == "failed":
            self.outcomes[event.subject] = "failed"
            self.messages[event.subject] = event.message


def look_up(lake: Lake, steps: Mapping[str, Step], origins: Any, addresses: Collection[str]) -> Launch:
    """Outcomes of tables that are up to date, whose steps find their known results; Dagster has no work and no event.

    Each of some two hundred steps costs Dagster a dozen transactions, so that saying "nothing to do" through it takes
    longer than most of the work.
    """
    from resistance_assets.orchestration.steps import run_step

    done = Launch()
    seen: set[int] = set()
    for address in addresses:
        step = steps[address]
        if id(step) not in seen:
            seen.add(id(step))
            for output, result in run_step(lake, step, origins=origins).items():
                done.on_event(ProgressEvent("finished", output, result.outcome, result.seconds, result.reason or ""))
    return done
