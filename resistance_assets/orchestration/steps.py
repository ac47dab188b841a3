"""One step: skipped when its code and inputs are unchanged, however it was launched; else computed, checked, written.

Here belong the `Step`, what goes into its cache key, and the order of work: look up, compute, check, write,
make current. A step knows nothing of Dagster, so the same step behaves the same in the UI, in a job and in a test.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from resistance_assets.errors import DataFault, Fault, SourceUnavailable
from resistance_assets.files import is_disk_full, storage_fault
from resistance_assets.orchestration.attempts import remembers_failures
from resistance_assets.orchestration.checks import CheckResult, checked_by_partition, validate
from resistance_assets.orchestration.code_version import flat_parameters, parameters_version
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.lake import Lake, TableVersion, now_iso, read_files, scan_files
from resistance_assets.orchestration.table_files.content import Content, content_of
from resistance_assets.orchestration.table_files.spooled_rows import Rows
from resistance_assets.orchestration.table_files.unions import MODEL, ListedRows, list_rows, read_partitions

if TYPE_CHECKING:
    from resistance_assets.catalog.tables import Table

REFUSED = "found_nothing_in"
LEFT_OUT = "left_out"
MOST_TOLD = 300
MOST_TOLD_OF_PARTITION = 800

Outcome = Literal["built", "cache hit", "kept", "unavailable"]


@dataclass(frozen=True)
class Step:
    """A computation from tables to tables.

    Attributes:
        outputs: address of each table written -> its model. Addresses in layer `parts` share the model of their kind.
        compute: from `Inputs` to the rows of each output (or to rows, where there is one output).
        code_version: hash of the code that decides the result.
        inputs: addresses that must be there. If one is unavailable, so are the outputs.
        optional_inputs: addresses that are taken where they are there: the parts of a union.
        partitions: the optional inputs whose union is the output: one that makes a check fail is left out of it.
        unions: output -> its partitions, where its rows are theirs as they are.
        allow_unavailable_inputs: an unavailable input counts as an empty table.
        parameters: catalog parameters that decide the result.
        external_inputs: files that come from outside the lake, looked up at run time from the origins that the run was
            given: name -> checksum and path. Raises SourceUnavailable where they cannot be had.
        tests: further checks of an output before it is written, by address.
        sources: names of the sources that it reads directly: an id of the catalog, or `study_<id>` of a study folder.
        kinds: what it is made with, shown as badges.
        tags: shown, and filterable.
        lineage: columns read from SQL, by output: column -> upstream columns; where absent, the table's model says it.
        sql: text of the query that computes an output, by output.
    """

    outputs: Mapping[str, Table]
    compute: Callable[[Inputs], Rows | Mapping[str, Rows]]
    code_version: str
    inputs: tuple[str, ...] = ()
    optional_inputs: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    unions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    allow_unavailable_inputs: bool = False
    parameters: Any = None
    external_inputs: Callable[[Any], Mapping[str, ExternalInput]] | None = None
    tests: Mapping[str, Sequence[StepTest]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("python", "polars")
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    sql: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return next(iter(self.outputs))


@dataclass(frozen=True)
class ExternalInput:
    """A file from outside the lake: where it is now, and what tells a change of it.

    With `is_own_state` it is no file but something that the warehouse knows of itself (which sources are loaded, which
    releases there were): it decides what is recomputed, and is not what an outsider would call the cause.
    """

    checksum: str
    path: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_own_state: bool = False

    def recorded_as(self, name: str) -> str:
        """Its key among the recorded inputs of a table."""
        return f"{'state' if self.is_own_state else 'source'}:{name}"


@dataclass(frozen=True)
class StepTest:
    """A check of a candidate table against others, before it is written."""

    name: str
    refs: tuple[str, ...]
    check: Callable[[Mapping[str, Path | Sequence[Path] | Rows]], CheckResult]
    code_version: str


class Inputs:
    """What a step may read: exactly its declared inputs, at the versions that went into its cache key."""

    def __init__(
        self,
        lake: Lake,
        table_versions: Mapping[str, TableVersion],
        external_inputs: Mapping[str, ExternalInput],
        parameters: Any,
    ) -> None:
        self._lake = lake
        self._pointers = table_versions
        self.external_inputs = external_inputs
        self.parameters = parameters

    def has(self, address: str) -> bool:
        """Whether an optional input is there with data."""
        return address in self._pointers and self._pointers[address].is_available

    def files(self, address: str) -> list[Path]:
        """Its files. Raises DataFault where one is gone or damaged."""
        return self._lake.intact_files(address, self._pointers[address].data_version)

    def scan(self, address: str) -> pl.LazyFrame:
        return scan_files(self.files(address))

    def read(self, address: str) -> pl.DataFrame:
        return read_files(self.files(address))

    def facts(self, address: str) -> Mapping[str, Any]:
        return self._pointers[address].notes

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self._pointers)


@dataclass(frozen=True)
class StepResult:
    """What became of one output of a step."""

    table_version: TableVersion
    outcome: Outcome
    check_results: tuple[CheckResult, ...]
    seconds: float
    reason: str | None = None


class StepFailed(Exception):
    """Outputs of a step failed a check and were not written.

    Attributes:
        fault: of the first output that failed, for people.
        check_results: of every output, written or not.
        faults: output that was not written -> why.
        written: what became of the outputs that passed their own checks.
    """

    def __init__(
        self,
        fault: DataFault,
        check_results: Mapping[str, Sequence[CheckResult]],
        faults: Mapping[str, DataFault] | None = None,
        written: Mapping[str, StepResult] | None = None,
    ) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.check_results = check_results
        self.faults = dict(faults or {})
        self.written = dict(written or {})


@remembers_failures
def run_step(
    lake: Lake, step: Step, *, origins: Any = None, run_id: str = "", force: bool = False
) -> dict[str, StepResult]:
    """Bring the outputs of a step up to date.

    Args:
        lake: where the inputs are and the outputs go.
        step: what to do.
        origins: what the step's external inputs are looked up in. Its method `bring`, if it has one, is called with
            each of them before the step computes: what is known needs no more than their checksums.
        run_id: recorded with what is built.
        force: compute even where the result is known.

    Returns:
        One result per output.

    Raises:
        DataFault: a required input was never built, or a file is not what it must be.
        StepFailed: an output failed a check; those that passed theirs are written.
    """
    started = time.perf_counter()
    with _locked_all(lake, step):
        table_versions, lacking = _current_inputs(lake, step)
        cache_key: str | None = None
        try:
            if lacking:
                raise lacking
            external_inputs = look_up_external_inputs(step, origins)
            versions = _versions(table_versions, external_inputs)
            cache_key = cache_key_of(step, versions)
            if not force and (known := _lookup_all(lake, step, cache_key)):
                return _set_back(lake, known, started)
            _bring(external_inputs, origins)
            inputs = Inputs(lake, table_versions, external_inputs, step.parameters)
            listed = _list_unions(lake, step, table_versions)
            shaped = _stack_others(step, inputs, listed) if listed else _compute(step, inputs)
        except SourceUnavailable as reason:
            return _stay(lake, step, reason, run_id, started, cache_key)

        left_out: dict[str, str] = {}
        failure: StepFailed | None = None
        try:
            check_results = _run_checks(lake, step, shaped, table_versions, listed=listed)
        except StepFailed as failed:
            check_results, listed = failed.check_results, {}
            try:
                shaped, check_results, left_out = _without_culprits(lake, step, table_versions, external_inputs, failed)
            except StepFailed:
                failure = failed
                shaped = _compute(step, inputs)
                shaped = {address: frame for address, frame in shaped.items() if address not in failed.faults}
        seconds = time.perf_counter() - started
        facts = {name: dict(external.facts, checksum=external.checksum) for name, external in external_inputs.items()}
        results = {}
        for address, rows in {**shaped, **listed}.items():
            content, data_version = _write(lake, address, rows)
            table_version = TableVersion(
                address=address,
                status="available",
                data_version=data_version,
                code_version=step.code_version,
                parameters=parameters_version(step.parameters),
                inputs=versions,
                rows=content.rows,
                built_at=now_iso(),
                run_id=run_id,
                seconds=round(seconds, 3),
                notes=_notes(step, address, cache_key, facts, check_results[address], left_out),
                content=content.as_record(),
            )
            results[address] = StepResult(
                table_version, "built", tuple(check_results[address]), seconds, _told(left_out)
            )
        # Every file is there before the first version becomes current: outputs of one step never mix versions for long.
        for result in results.values():
            lake.set_current(result.table_version, cache_key)
        if failure is not None:
            raise StepFailed(failure.fault, failure.check_results, failure.faults, results)
        return results


def _bring(external_inputs: Mapping[str, ExternalInput], origins: Any) -> None:
    """Make sure that files from outside are on this host, where the origins keep them elsewhere until they are read."""
    bring: Callable[[ExternalInput], None] | None = getattr(origins, "bring", None)
    if bring is not None:
        for external in external_inputs.values():
            bring(external)


def _list_unions(lake: Lake, step: Step, table_versions: Mapping[str, TableVersion]) -> dict[str, ListedRows]:
    """Outputs whose rows stay in the files of their partitions."""
    found = {
        address: list_rows(lake, step.outputs[address], own, table_versions) for address, own in step.unions.items()
    }
    return {address: rows for address, rows in found.items() if rows is not None}


def _stack_others(step: Step, inputs: Inputs, listed: Collection[str]) -> dict[str, pl.DataFrame]:
    """The step's unions that are not listed, without a copy of those that are."""
    others = {address: own for address, own in step.unions.items() if address not in listed}
    tables = step.outputs
    return {name: tables[name].shape(read_partitions(inputs, own, tables[name])) for name, own in others.items()}


def _write(lake: Lake, address: str, rows: Rows | ListedRows) -> tuple[Content, str]:
    """Content and data version of what is written: rows that are as an earlier release wrote them keep its version."""
    content = rows.content if isinstance(rows, ListedRows) else content_of(rows)
    current = lake.current(address)
    if current is not None and current.is_available and not current.content and current.rows == content.rows:
        before = current.data_version
        if not lake.find_damage(address, before) and lake.content(current) == content:
            return content, before
    if isinstance(rows, ListedRows):
        return content, lake.write_list(address, rows.files, content)
    return content, lake.write(address, rows, content)


def _notes(
    step: Step,
    address: str,
    cache_key: str | None,
    sources: Mapping[str, Any],
    check_results: Sequence[CheckResult],
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """What a record says beside the version: what it was made from, and what was found good."""
    return {
        "cache_key": cache_key,
        "code": dict(getattr(step.code_version, "pieces", {})),
        "parameters": flat_parameters(step.parameters),
        "sources": sources,
        MODEL: step.outputs[address].model_version,
        "checks": [{"name": one.name, "description": one.description} for one in check_results],
        **({LEFT_OUT: dict(left_out)} if left_out else {}),
    }


def is_up_to_date(lake: Lake, step: Step, origins: Any) -> bool:
    """Whether `run_step` would leave every output of the step as it is.

    Where it holds of every step, a run changes nothing: no input of any step moves, so each finds its known result, or
    meets the same unavailable source as before. Sources are looked up as a run looks them up.

    Raises:
        Fault: a source's bytes are not what they must be, as a run would find.
    """
    current = {address: lake.current(address) for address in step.outputs}
    try:
        table_versions, lacking = _current_inputs(lake, step)
    except DataFault:
        return False
    try:
        if lacking:
            raise lacking
        external_inputs = look_up_external_inputs(step, origins)
    except SourceUnavailable as reason:
        return all(
            table_version is not None
            and not lake.find_damage(address, table_version.data_version)
            and (table_version.is_available or _is_empty_as_now(lake, step, table_version, str(reason)))
            for address, table_version in current.items()
        )
    cache_key = cache_key_of(step, _versions(table_versions, external_inputs))
    if all(
        table_version is not None
        and table_version.notes.get(REFUSED) == cache_key
        and not lake.find_damage(address, table_version.data_version)
        and not changed_columns(lake, step.outputs[address], address, table_version.data_version)
        for address, table_version in current.items()
    ):
        return True
    known = _lookup_all(lake, step, cache_key)
    return known is not None and all(
        _is_current(current[address], table_version) for address, table_version in known.items()
    )


_KIND_OF_FAILURE = re.compile(r"(.*?): ([a-z_]+): ")


def is_same_failure(before: str, now: str) -> bool:
    """Whether two reasons tell of the same source and kind of failure, however they word it.

    Of a host that is away, the first source says that no connection came about and the others that it was so a moment
    ago: which is the first is no news worth a run.
    """
    if before == now:
        return True
    first, second = _KIND_OF_FAILURE.match(before), _KIND_OF_FAILURE.match(now)
    return first is not None and second is not None and first.groups() == second.groups()


def readers_of(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """Table -> tables whose step reads it."""
    readers: dict[str, list[str]] = {}
    for table, step in steps.items():
        for upstream in (*step.inputs, *step.optional_inputs):
            readers.setdefault(upstream, []).append(table)
    return readers


def column_lineage(
    table: Table, read_from_sql: Mapping[str, Sequence[str]] | None = None
) -> dict[str, tuple[str, ...]]:
    """Column -> upstream columns as `layer.table.column`, `source` for a remote file, `constant` for neither."""
    found = (
        {column.name: column.upstream for column in table.columns}
        if read_from_sql is None
        else {column: tuple(upstream) for column, upstream in read_from_sql.items()}
    )
    return {column: upstream or ("constant",) for column, upstream in found.items()}


def look_up_external_inputs(step: Step, origins: Any) -> dict[str, ExternalInput]:
    """Files from outside that a step reads, by name.

    Raises:
        Fault: they cannot be had, or are not what they must be. Whatever else reading foreign bytes raises (nesting
            too deep, a compression nobody knows) is told as a DataFault of this step, so that it ends no other.
    """
    try:
        return dict(step.external_inputs(origins)) if step.external_inputs else {}
    except Fault:
        raise
    except Exception as error:
        raise _unreadable(step, error) from error


def _compute(step: Step, inputs: Inputs) -> dict[str, Rows]:
    """What the step computes, by output, with the columns and types of the outputs' models."""
    produced = _computed(step, inputs)
    frames = produced if isinstance(produced, Mapping) else {step.name: produced}
    if set(frames) != set(step.outputs):
        raise ValueError(f"{step.name}: computed {sorted(frames)}, declared {sorted(step.outputs)}")
    return {address: _shape(step.outputs[address], rows) for address, rows in frames.items()}


def _shape(table: Table, rows: Rows) -> Rows:
    """Rows with the columns and types of their table; those that are spooled were given them before."""
    if isinstance(rows, pl.DataFrame):
        return table.shape(rows)
    if rows.schema != table.polars_schema:
        raise ValueError(f"{table.address}: spooled rows have {dict(rows.schema)}")
    return rows


def _computed(step: Step, inputs: Inputs) -> Rows | Mapping[str, Rows]:
    try:
        return step.compute(inputs)
    except Fault:
        raise
    except Exception as error:
        # Without files from outside, an error is one of the program.
        if step.external_inputs is None or is_disk_full(error):
            raise
        raise _unreadable(step, error) from error


def _unreadable(step: Step, error: Exception) -> DataFault:
    told = " ".join(str(error).split())[:MOST_TOLD] or "no further word"
    return DataFault(
        f"its source cannot be read ({type(error).__name__}: {told})",
        subject=step.name,
        remedy="Look at the file, or fetch it again; what was loaded before stays as it is.",
    )


def _versions(
    table_versions: Mapping[str, TableVersion], external_inputs: Mapping[str, ExternalInput]
) -> dict[str, str]:
    return {
        **{address: table_version.data_version for address, table_version in table_versions.items()},
        **{external.recorded_as(name): external.checksum for name, external in external_inputs.items()},
    }


def _is_current(current: TableVersion | None, known: TableVersion) -> bool:
    return current is not None and replace(current, notes={}) == replace(known, notes={})


def cache_key_of(step: Step, versions: Mapping[str, str]) -> str:
    """What a result depends on, as one hash."""
    *what, tests = _identity(step)
    return parameters_version([*what, dict(versions), tests])


def identity_of(step: Step) -> str:
    """Hash of what a step is, whatever its inputs: outputs, code, catalog parameters and checks."""
    return parameters_version(_identity(step))


def _identity(step: Step) -> list[Any]:
    tests = sorted((test.name, test.code_version) for tests in step.tests.values() for test in tests)
    return [sorted(step.outputs), step.code_version, parameters_version(step.parameters), tests]


@contextlib.contextmanager
def _locked_all(lake: Lake, step: Step) -> Iterator[None]:
    # In a fixed order, so that two processes cannot wait for each other.
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lake.in_use())
            for address in sorted(step.outputs):
                stack.enter_context(lake.locked(address, waiting=functools.partial(_say_waiting, address)))
        except OSError as error:
            raise storage_fault(error, lake.folder(step.name)) from error
        yield


def _say_waiting(address: str, holder: str) -> None:
    emit(ProgressEvent("waiting", address, message=f"{holder} is building {address}; its result will be shared"))


def _current_inputs(lake: Lake, step: Step) -> tuple[dict[str, TableVersion], SourceUnavailable | None]:
    table_versions: dict[str, TableVersion] = {}
    lacking: SourceUnavailable | None = None
    for address in step.inputs:
        table_version = lake.current(address)
        if table_version is None:
            raise DataFault(
                f"its input {address} was never built",
                subject=step.name,
                remedy=f"Build {address} first, or run everything with `resistance run`.",
            )
        if not table_version.is_available and not step.allow_unavailable_inputs and lacking is None:
            lacking = SourceUnavailable(
                f"its input {address} is unavailable",
                subject=step.name,
                remedy=table_version.reason or "See `resistance sources`.",
            )
        table_versions[address] = table_version
    for address in step.optional_inputs:
        table_version = lake.current(address)
        if table_version is not None and table_version.is_available:
            table_versions[address] = table_version
    return table_versions, lacking


def changed_columns(lake: Lake, table: Table, address: str, data_version: str) -> list[str]:
    """Columns in which a version of a table differs from the table's model today: in name, type or order.

    An earlier release of the package may have written it with the same code and other columns, which its cache key
    does not tell. A file whose last bytes cannot be read differs in nothing: damage is told by who reads its rows.
    """
    try:
        stored = lake.schema(address, data_version)
    except (pl.exceptions.PolarsError, OSError):
        return []
    wanted = table.polars_schema
    names = sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))
    return names or ([] if list(stored) == list(wanted) else ["their order"])


def _is_empty_as_now(lake: Lake, step: Step, table_version: TableVersion, reason: str) -> bool:
    """Whether an unavailable table says what would be said of it now, in today's columns."""
    table = step.outputs[table_version.address]
    return is_same_failure(table_version.reason or "", reason) and not changed_columns(
        lake, table, table_version.address, table_version.data_version
    )


def _lookup_all(lake: Lake, step: Step, cache_key: str) -> dict[str, TableVersion] | None:
    """What the step gave before for the same inputs, code and parameters; None where an output is gone or outdated."""
    found = {}
    for address, table in step.outputs.items():
        known = lake.lookup(address, cache_key)
        if known is None or changed_columns(lake, table, address, known.data_version):
            return None
        found[address] = known
    return found


def _set_back(lake: Lake, known: Mapping[str, TableVersion], started: float) -> dict[str, StepResult]:
    results = {}
    for address, table_version in known.items():
        if not _is_current(lake.current(address), table_version):
            lake.set_current(table_version, None)
        check_results = tuple(
            CheckResult(c["name"], True, c["description"]) for c in table_version.notes.get("checks", ())
        )
        told = _told(table_version.notes.get(LEFT_OUT, {}))
        results[address] = StepResult(table_version, "cache hit", check_results, time.perf_counter() - started, told)
    return results


def _stay(
    lake: Lake, step: Step, reason: SourceUnavailable, run_id: str, started: float, cache_key: str | None
) -> dict[str, StepResult]:
    """Leave the outputs as they are, or, where they never were, put an empty table that says why it is empty.

    Where the inputs were there and the computation itself found nothing in them, their key is noted: nothing else will
    be found until they change.
    """
    results = {}
    for address, table in step.outputs.items():
        current = lake.current(address)
        damage = lake.damage_of(address)
        if damage and (current is None or current.is_available):
            raise DataFault(
                f"the lake's file is damaged ({damage}), and it cannot be built again now: {reason.problem}",
                subject=address,
                remedy="Restore the lake from a backup, or run again when the source can be had.",
            ) from reason
        if current is not None and current.is_available:
            check_results = tuple(
                CheckResult(c["name"], True, c["description"]) for c in current.notes.get("checks", ())
            )
            results[address] = StepResult(current, "kept", check_results, time.perf_counter() - started, str(reason))
            continue
        empty = table.empty()
        table_version = TableVersion(
            address=address,
            status="unavailable",
            data_version=lake.write(address, empty),
            code_version=step.code_version,
            parameters=parameters_version(step.parameters),
            inputs={},
            rows=0,
            built_at=now_iso(),
            run_id=run_id,
            seconds=0.0,
            reason=str(reason),
            notes={REFUSED: cache_key} if cache_key else {},
        )
        now = (table_version.reason, table_version.notes, table_version.data_version)
        if current is None or (current.reason, current.notes, current.data_version) != now:
            lake.set_current(table_version, None)
        check_results = tuple(validate(table, empty, may_be_empty=True))
        results[address] = StepResult(
            table_version, "unavailable", check_results, time.perf_counter() - started, str(reason)
        )
    return results


def _without_culprits(
    lake: Lake,
    step: Step,
    table_versions: Mapping[str, TableVersion],
    external_inputs: Mapping[str, ExternalInput],
    failed: StepFailed,
) -> tuple[dict[str, Rows], dict[str, list[CheckResult]], dict[str, str]]:
    """A union without the partitions that make a check fail: its frames, results of checks, and why each is left out.

    Partitions are added in blocks that are halved where a check fails, so that a few culprits among n partitions take
    some log(n) unions each. Where two partitions contradict each other, the first in the union's order stays.

    Raises:
        StepFailed: ``failed``, where the step is no union of partitions, or none can stay, or what is left fails too.
    """
    present = [name for name in step.partitions if name in table_versions]
    kept: list[str] = []
    left_out: dict[str, str] = {}

    def made_of(names: Sequence[str]) -> dict[str, Rows]:
        taken = {a: table_version for a, table_version in table_versions.items() if a not in present or a in names}
        return _compute(step, Inputs(lake, taken, external_inputs, step.parameters))

    def add(block: Sequence[str]) -> None:
        try:
            _run_checks(lake, step, made_of([*kept, *block]), table_versions, is_part=True)
        except StepFailed as reason:
            if len(block) == 1:
                place = _first_bad_row(step.outputs[step.name], made_of(block)[step.name])
                left_out[block[0]] = f"left out of {step.name}, {reason.fault.problem}{place}"[:MOST_TOLD_OF_PARTITION]
                return
            half = len(block) // 2
            add(block[:half])
            add(block[half:])
        else:
            kept.extend(block)

    if len(present) > 1:
        add(present)
    if not kept:
        raise failed
    try:
        frames = made_of(kept)
        return frames, _run_checks(lake, step, frames, table_versions), left_out
    except StepFailed:
        raise failed from None


def _first_bad_row(table: Table, rows: Rows) -> str:
    """The first row that the table's model refuses, by number and key; empty where the model takes the rows."""
    frame = rows if isinstance(rows, pl.DataFrame) else rows.frame()

    def is_refused(rows: int) -> bool:
        return not validate(table, frame.head(rows), may_be_empty=True)[0].passed

    if not is_refused(frame.height):
        return ""
    at = bisect.bisect_left(range(frame.height), True, key=is_refused)
    if at == 0:
        return ""  # no row is at fault: a column is
    key = ", ".join(f"{name} {frame[name][at - 1]!r}" for name in table.key if name in frame.columns)
    return f"; first in row {at} of the partition ({key})"


def _told(left_out: Mapping[str, str]) -> str | None:
    return "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or None


def _run_checks(
    lake: Lake,
    step: Step,
    frames: Mapping[str, Rows],
    table_versions: Mapping[str, TableVersion],
    *,
    is_part: bool = False,
    listed: Mapping[str, ListedRows] = {},
) -> dict[str, list[CheckResult]]:
    # A least number of rows is asked of the whole alone.
    check_results = {
        address: validate(step.outputs[address], rows, may_be_empty=is_part) for address, rows in frames.items()
    }
    for address, rows in listed.items():
        check_results[address] = checked_by_partition(step.outputs[address], rows.content.rows)
    read = {ref for tests in step.tests.values() for test in tests for ref in test.refs}
    mounts: dict[str, Sequence[Path] | Rows] = {
        address: lake.intact_files(address, table_version.data_version)
        for address, table_version in table_versions.items()
        if address in read
    }
    mounts.update(frames)
    for address, rows in listed.items():
        mounts[address] = [path for file in rows.files for path in lake.intact_files(*file)]
    for address, tests in step.tests.items():
        # A frame that does not keep its own schema is not worth asking about others.
        if all(check_result.passed for check_result in check_results[address]):
            check_results[address].extend(
                test.check({ref: mounts[ref] for ref in test.refs if ref in mounts}) for test in tests
            )
    faults = {}
    for address, found in check_results.items():
        wrong = next((check_result for check_result in found if not check_result.passed), None)
        if wrong is not None:
            faults[address] = DataFault(
                f"check {wrong.name} failed: {wrong.description}",
                subject=address,
                remedy="It was not written; correct the input and run again.",
            )
    if faults:
        # What was tested against an output that failed was not tested against what stays current.
        for address, tests in step.tests.items():
            refs = {ref for test in tests for ref in test.refs if ref != address and ref in faults}
            if refs and address not in faults:
                faults[address] = DataFault(
                    f"its tests read {min(refs)}, which failed",
                    subject=address,
                    remedy="It was not written; correct the input and run again.",
                )
        raise StepFailed(next(iter(faults.values())), check_results, faults)
    return check_results
