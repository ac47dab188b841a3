"""Whether each table is fresh, and if not, why: which input, code or parameter.

Here belongs the comparison of a step with what the lake remembers of its last result. Nothing is computed or written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from resistance_assets.errors import Fault
from resistance_assets.orchestration.attempts import last_failure, left_out
from resistance_assets.orchestration.code_version import flat_parameters, parameters_version

if TYPE_CHECKING:
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.orchestration.steps import Step

MOST_NAMED = 5
State = Literal["fresh", "stale", "missing", "failed", "damaged", "unavailable"]


@dataclass(frozen=True)
class TableState:
    """State of one table, with the reasons in words."""

    address: str
    state: State
    reasons: tuple[str, ...]
    rows: int | None
    data_version: str | None
    built_at: str | None


def stale_outputs(lake: Lake, steps: Mapping[str, Step], origins: Any) -> tuple[str, ...]:
    """Outputs of the steps that a run would not leave as they are, as far as can be told before it."""
    from resistance_assets.orchestration.steps import is_up_to_date

    up_to_date: dict[int, bool] = {}
    for step in steps.values():
        if id(step) not in up_to_date:
            try:
                up_to_date[id(step)] = is_up_to_date(lake, step, origins)
            except Fault:
                up_to_date[id(step)] = False
    return tuple(address for address, step in steps.items() if not up_to_date[id(step)])


def with_dependants(steps: Mapping[str, Step], addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses and everything that rests on them: all that a run of them may change."""
    from resistance_assets.orchestration.steps import readers_of

    readers = readers_of(steps)
    stale = set(addresses)
    waiting = list(stale)
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            fresh = set(steps[reader].outputs) - stale
            stale |= fresh
            waiting.extend(fresh)
    return tuple(address for address in steps if address in stale)


def states_of(lake: Lake, steps: Mapping[str, Step], origins: Any, *, ask_sources: bool) -> list[TableState]:
    """State of every table that the definitions know, in their order.

    A table whose input is stale is stale itself, because its input's next version is not known before it is built.

    Args:
        ask_sources: whether sources are asked for their present version; without a mirror that costs transfers.
    """
    states: dict[str, TableState] = {}

    def state_of(address: str) -> TableState:
        if address not in states:
            states[address] = _state_of_table(lake, address, steps[address], state_of, steps, origins, ask_sources)
        return states[address]

    found = [state_of(address) for address in steps]
    # Its file is as its step made it, but no published table holds its rows; what reads the union is not held up.
    left = left_out(lake, steps)
    return [replace(one, state="failed", reasons=(left[one.address],)) if one.address in left else one for one in found]


def _named(before: Mapping[str, str] | None, now: Mapping[str, str] | None) -> str:
    """Functions or keys that differ, in brackets; empty where what it was made from is not recorded."""
    if not before or not now:
        return ""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return f" ({_few(names)})" if names else ""


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _state_of_table(
    lake: Lake, address: str, step: Step, state_of: Any, steps: Mapping[str, Step], origins: Any, ask_sources: bool
) -> TableState:
    table_version = lake.current(address)
    facts = (
        (table_version.rows, table_version.data_version, table_version.built_at)
        if table_version
        else (None, None, None)
    )
    if failure := last_failure(lake, address):
        return TableState(address, "failed", (failure.reason,), *facts)
    if damage := lake.damage_of(address):
        return TableState(address, "damaged", (f"{damage}; the next run builds it again",), *facts)
    failed_inputs = [
        upstream
        for upstream in (*step.inputs, *step.optional_inputs)
        if upstream in steps and state_of(upstream).state == "failed"
    ]
    if table_version is None:
        why = f"never built; its input {failed_inputs[0]} failed" if failed_inputs else "never built"
        return TableState(address, "missing", (why,), *facts)
    if not table_version.is_available:
        return TableState(address, "unavailable", (table_version.reason or "no reason recorded",), *facts)
    reasons = [f"{upstream} failed" for upstream in failed_inputs]
    from resistance_assets.orchestration.steps import changed_columns, look_up_external_inputs

    if columns := changed_columns(lake, step.outputs[address], address, table_version.data_version):
        reasons.append(f"columns changed ({_few(columns)})")
    if table_version.code_version != step.code_version:
        reasons.append(
            f"code changed{_named(table_version.notes.get('code'), getattr(step.code_version, 'pieces', None))}"
        )
    if table_version.parameters != parameters_version(step.parameters):
        keys = _named(table_version.notes.get("parameters"), flat_parameters(step.parameters))
        reasons.append(f"catalog parameters changed{keys}")
    for upstream in (*step.inputs, *step.optional_inputs):
        current = lake.current(upstream)
        version = current.data_version if current is not None else None
        recorded = table_version.inputs.get(upstream)
        # An optional input that has no data does not take part.
        if upstream in step.optional_inputs and current is not None and not current.is_available:
            version = None
        if version != recorded:
            reasons.append(f"{upstream} changed" if recorded and version else f"{upstream} came or went")
        elif upstream in steps and state_of(upstream).state == "stale":
            reasons.append(f"{upstream} is stale")
    read = {*step.inputs, *step.optional_inputs}
    reasons += [f"{name} is no input any more" for name in table_version.inputs if ":" not in name and name not in read]
    if step.external_inputs is not None and ask_sources:
        try:
            for name, external in look_up_external_inputs(step, origins).items():
                if table_version.inputs.get(external.recorded_as(name)) != external.checksum:
                    reasons.append(f"{'what is known of' if external.is_own_state else 'source'} {name} changed")
        except Fault as fault:
            # What is asked of the source may rest on an input's next version: whether it can be had is not known yet.
            if not any(state_of(upstream).state == "stale" for upstream in step.inputs if upstream in steps):
                return TableState(address, "fresh", (f"kept, its source cannot be had: {fault}",), *facts)
    left = [f"{name} is {reason}" for name, reason in table_version.notes.get("left_out", {}).items()]
    return TableState(address, "stale" if reasons else "fresh", (*reasons, *left), *facts)
