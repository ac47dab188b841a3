"""The last failed attempt at a table, remembered beside it in the lake until the table is built.

`failed.json` in a table's folder holds the reason and the time. It is written when a step raises and removed when the
step succeeds, whoever runs it, so that `status` says what the last run said. Every attempt of a run, whatever came of
it, is a line of the log of runs (`run_log`).
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import Fault
from resistance_assets.files import json_text
from resistance_assets.orchestration.lake import Lake, now_iso
from resistance_assets.orchestration.run_log import append_attempts, log_path

if TYPE_CHECKING:
    from resistance_assets.orchestration.steps import Step

FILE = "failed.json"


@dataclass(frozen=True)
class FailedAttempt:
    """Why a table could not be built, and when that was tried (UTC)."""

    reason: str
    failed_at: str


def last_failure(lake: Lake, address: str) -> FailedAttempt | None:
    """The failed attempt since the table was last built; None where there is none, or its record cannot be read."""
    try:
        stored = lake.store.get(lake.key(address, FILE))
        document = {} if stored is None else json.loads(stored.data.decode("utf-8"))
        return FailedAttempt(str(document["reason"]), str(document["failed_at"]))
    except (ValueError, KeyError, TypeError):
        return None


def all_failures(lake: Lake) -> dict[str, FailedAttempt]:
    """Table -> its failed attempt, of every table whose last attempt failed."""
    return {address: failure for address in lake.addresses(FILE) if (failure := last_failure(lake, address))}


def left_out(lake: Lake, unions: Iterable[str]) -> dict[str, str]:
    """Partition -> why it is left out of its union as that is now, of these unions."""
    table_versions = [table_version for union in unions if (table_version := lake.current(union)) is not None]
    return {
        name: reason
        for table_version in table_versions
        for name, reason in table_version.notes.get("left_out", {}).items()
    }


def forget_unknown(lake: Lake, known: Collection[str]) -> None:
    """Forget failures of tables that the catalog does not define any more."""
    forget_failure(lake, [address for address in all_failures(lake) if address not in known])


def note_failure(lake: Lake, addresses: Iterable[str], reason: str) -> None:
    """Remember that these tables could not be built; a disk that refuses the note does not hide the failure itself."""
    document = {"reason": reason, "failed_at": now_iso()}
    for address in addresses:
        with contextlib.suppress(OSError, Fault):
            lake.store.replace(lake.key(address, FILE), json_text(document).encode())


def forget_failure(lake: Lake, addresses: Iterable[str]) -> None:
    """These tables were built, or found up to date."""
    for address in addresses:
        with contextlib.suppress(OSError, Fault):
            lake.store.delete([lake.key(address, FILE)])


def remembers_failures(run: Callable[..., Any]) -> Callable[..., Any]:
    """`run_step` that notes a failure beside each output, forgets it when the step succeeds, and logs every attempt."""

    @functools.wraps(run)
    def remembering(lake: Lake, step: Step, **options: Any) -> Any:
        try:
            results = run(lake, step, **options)
        except Exception as error:
            # A step that failed a check carries the fault that a person reads.
            fault = getattr(error, "fault", error)
            reason = str(fault) if isinstance(fault, Fault) else f"{type(error).__name__}: {error}"
            faults = getattr(error, "faults", {})
            written = getattr(error, "written", {})
            for output in step.outputs:
                if output not in written:
                    note_failure(lake, [output], str(faults.get(output, reason)))
            forget_failure(lake, written)
            told = {output: str(faults.get(output, reason)) for output in step.outputs if output not in written}
            _log(lake, step, options.get("run_id"), written, told)
            raise
        forget_failure(lake, step.outputs)
        _log(lake, step, options.get("run_id"), results, {})
        return results

    return remembering


def _log(lake: Lake, step: Step, run_id: str | None, results: Mapping[str, Any], failed: Mapping[str, str]) -> None:
    """A line per output in the log of runs; look-ups that belong to no run leave none."""
    if not run_id:
        return
    at, parts = now_iso(), len(step.outputs)
    lines = [(run_id, name, r.outcome, at, r.seconds / parts, r.reason) for name, r in results.items()]
    lines += [(run_id, name, "failed", at, 0.0, reason) for name, reason in failed.items()]
    append_attempts(log_path(lake.root), lines)
