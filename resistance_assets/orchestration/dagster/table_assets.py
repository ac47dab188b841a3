"""From a step to Dagster assets.

Here belongs everything that Dagster shows of a table: key, group, schema, lineage, checks, metadata. What a step does
is in `steps.py`; what it computes is neither here nor there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import dagster as dg
import polars as pl

from resistance_assets.catalog.groups import group_of
from resistance_assets.catalog.tables import PARTS, Table
from resistance_assets.errors import Fault
from resistance_assets.orchestration.dagster.automation import on_data_change
from resistance_assets.orchestration.dagster.run_process import note_process
from resistance_assets.orchestration.events import ProgressEvent, emit, subscribe
from resistance_assets.orchestration.lake import Lake, scan_files
from resistance_assets.orchestration.steps import Step, StepFailed, StepResult, column_lineage, identity_of
from resistance_assets.orchestration.workers.pool import run_step_somewhere

OWNERS = {
    "parts": "team:data-engineering",
    "raw": "team:data-engineering",
    "staging": "team:data-engineering",
    "core": "team:omics",
    "marts": "team:analytics",
}
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 12
READERS_SHOWN = 8
UPSTREAM_SHOWN = 4


class WarehouseResource(Protocol):
    """What a step needs of the place it runs in: the resource `warehouse_resource`."""

    def lake(self) -> Lake: ...

    def origins(self) -> Any: ...


def key_of(address: str) -> dg.AssetKey:
    """Asset key of a table: `layer.table` becomes [layer, table]."""
    return dg.AssetKey(address.split(".", 1))


def address_of(key: dg.AssetKey) -> str:
    return ".".join(key.path)


def _spec_of(step: Step, address: str, readers: Mapping[str, Sequence[str]]) -> dg.AssetSpec:
    """What Dagster shows of one output before it was ever computed."""
    table = step.outputs[address]
    layer = address.split(".", 1)[0]
    is_partition = layer == PARTS and table.layer != PARTS
    return dg.AssetSpec(
        key=key_of(address),
        deps=[
            *(key_of(upstream) for upstream in (*step.inputs, *step.optional_inputs)),
            *(dg.AssetKey(["source", source]) for source in step.sources),
        ],
        description=describe(address, table, readers.get(address, ()), step.sql.get(address)),
        metadata={
            "dagster/column_schema": column_schema(table, step.lineage.get(address)),
            "dagster/table_name": address,
            "grain": table.grain,
            "key": ", ".join(table.key),
            **({"partition_of": dg.MetadataValue.asset(key_of(table.address))} if is_partition else {}),
        },
        group_name=group_of(table.address),
        kinds=set(step.kinds),
        owners=[OWNERS[layer]],
        tags=dict(step.tags),
        # Catalog parameters too: Dagster sees a change of a threshold by this alone.
        code_version=identity_of(step),
        automation_condition=on_data_change(),
    )


def assets_of(step: Step, readers: Mapping[str, Sequence[str]] | None = None) -> dg.AssetsDefinition:
    """The assets of one step: one per output, computed together.

    Args:
        step: what is computed.
        readers: table -> tables that are computed from it, for the description.
    """
    specs, checks = [], []
    for address in step.outputs:
        specs.append(_spec_of(step, address, readers or {}))
        for name, text in (
            ("schema", "columns, types and values as the model says"),
            ("primary_key", "the key is unique"),
        ):
            checks.append(dg.AssetCheckSpec(name, asset=key_of(address), description=text, blocking=True))
        checks.extend(
            dg.AssetCheckSpec(test.name, asset=key_of(address), blocking=True) for test in step.tests.get(address, ())
        )

    @dg.multi_asset(
        name=step.name.replace(".", "__"),
        specs=specs,
        check_specs=checks,
        required_resource_keys={"warehouse_resource"},
    )
    def materialise(context) -> Iterator[Any]:  # Dagster refuses a postponed annotation of `context`
        resource: WarehouseResource = context.resources.warehouse_resource
        lake = resource.lake()
        emit(ProgressEvent("started", step.name))
        note_process(context)
        try:
            with subscribe(lambda said: context.log.info(said.message) if said.kind == "note" else None):
                results = run_step_somewhere(lake, step, resource.origins, context.run.run_id)
        except StepFailed as failed:
            for address, result in failed.written.items():
                emit(ProgressEvent("finished", address, result.outcome, result.seconds, result.reason or ""))
            for address, fault in (failed.faults or {step.name: failed.fault}).items():
                emit(ProgressEvent("failed", address, "failed", message=str(fault)))
            yield from _check_results(failed)
            for address, result in failed.written.items():
                yield _materialised(lake, step, address, result)
            raise dg.Failure(description=str(failed.fault), allow_retries=False) from failed
        except Fault as fault:
            emit(ProgressEvent("failed", step.name, "failed", message=str(fault)))
            raise dg.Failure(description=str(fault), allow_retries=False) from fault
        except Exception as error:
            emit(ProgressEvent("failed", step.name, "failed", message=f"{step.name}: {type(error).__name__}: {error}"))
            raise
        for address, result in results.items():
            emit(ProgressEvent("finished", address, result.outcome, result.seconds, result.reason or ""))
            for check_result in result.check_results:
                yield dg.AssetCheckResult(
                    passed=check_result.passed,
                    asset_key=key_of(address),
                    check_name=check_result.name,
                    description=check_result.description,
                    metadata=check_result.details,
                )
            yield _materialised(lake, step, address, result)

    return materialise


def _materialised(lake: Lake, step: Step, address: str, result: StepResult) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=key_of(address),
        metadata=_metadata(lake, address, step.outputs[address], result, step.lineage.get(address)),
        data_version=dg.DataVersion(result.table_version.data_version),
    )


def describe(address: str, table: Table, readers: Sequence[str] = (), sql: str | None = None) -> str:
    """A table's description for the UI: what it is, grain, key, limitation and readers in prose; its query below."""
    is_partition = address != table.address
    parts = [
        f"Partition of `{table.address}`: its rows of one study, contrast, cohort or source." if is_partition else "",
        table.description,
        f"**Grain:** {table.grain}. **Key:** {', '.join(table.key)}.",
        f"**Limitation:** {table.limitation}.",
        f"**Read by:** {_named_readers(readers)}.",
        f"```sql\n{sql.strip()}\n```" if sql else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _named_readers(readers: Sequence[str]) -> str:
    tables = [reader for reader in readers if not reader.startswith(f"{PARTS}.")]
    partitions = len(readers) - len(tables)
    shown = [f"`{name}`" for name in tables[:READERS_SHOWN]]
    more = len(tables) - READERS_SHOWN
    shown += [
        f"{number} {noun}{'s' * (number > 1)}"
        for number, noun in ((more, "more table"), (partitions, "partition"))
        if number > 0
    ]
    return ", ".join(shown) or "the published warehouse alone"


def column_schema(table: Table, read_from_sql: Mapping[str, Sequence[str]] | None = None) -> dg.TableSchema:
    """A table's columns as the UI shows them before the first run, each with the columns that it is computed from.

    The open-source UI draws no graph from `dagster/column_lineage`, so what stands there is said here too.
    """
    upstream = column_lineage(table, read_from_sql)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.duckdb_type,
                description=_with_upstream(column.description, upstream.get(column.name, ())),
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,)),
                tags={"unit": column.unit} if column.unit else {},
            )
            for column in table.columns
        ]
    )


def _with_upstream(description: str, upstream: Sequence[str]) -> str:
    """A column's description, and in brackets the first of the columns that it is computed from."""
    named = [name for name in upstream if name.count(".") == 2]
    if not named:
        return description
    more = f" and {len(named) - UPSTREAM_SHOWN} more" if len(named) > UPSTREAM_SHOWN else ""
    return f"{description} [from {', '.join(named[:UPSTREAM_SHOWN])}{more}]"


def _metadata(
    lake: Lake, address: str, table: Table, result: StepResult, read_from_sql: Mapping[str, Sequence[str]] | None
) -> dict[str, Any]:
    table_version = result.table_version
    files = lake.intact_files(address, table_version.data_version)
    deps = {
        column: [
            dg.TableColumnDep(asset_key=key_of(upstream.rsplit(".", 1)[0]), column_name=upstream.rsplit(".", 1)[1])
            for upstream in found
            if upstream.count(".") == 2
        ]
        for column, found in column_lineage(table, read_from_sql).items()
    }
    head = scan_files(files).head(PREVIEW_ROWS).collect()
    metadata: dict[str, Any] = {
        "cache": {"cache hit": "hit", "built": "miss"}.get(result.outcome, result.outcome),
        "dagster/row_count": table_version.rows,
        "dagster/column_lineage": dg.TableColumnLineage({column: found for column, found in deps.items() if found}),
        "dagster/uri": str(files[0].parent if len(files) > 1 else files[0]),
        "seconds": round(result.seconds, 3),
        "built_at": table_version.built_at,
        "preview": dg.MetadataValue.md(preview(head)),
    }
    if result.reason:
        metadata["unavailable"] = result.reason
    return metadata


def preview(frame: pl.DataFrame) -> str:
    """The first rows as a Markdown table."""
    columns = frame.columns[:PREVIEW_COLUMNS]

    def cell(value: Any) -> str:
        text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        return text.replace("|", "\\|").replace("\n", " ")[:60]

    rows = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    rows += [f"| {' | '.join(cell(row[name]) for name in columns)} |" for row in frame.to_dicts()]
    more = frame.width - len(columns)
    return "\n".join(rows) + (f"\n\n{more} more columns" if more > 0 else "")


def _check_results(failed: StepFailed) -> Iterator[dg.AssetCheckResult]:
    for address, check_results in failed.check_results.items():
        for check_result in check_results:
            yield dg.AssetCheckResult(
                passed=check_result.passed,
                asset_key=key_of(address),
                check_name=check_result.name,
                description=check_result.description,
                metadata=check_result.details,
                severity=dg.AssetCheckSeverity.ERROR,
            )
