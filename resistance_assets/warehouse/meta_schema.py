"""The schema `meta` of the published file: its tables, their columns and keys, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl

from resistance_assets.warehouse.database import column_list, literal
from resistance_assets.warehouse.publication import Publication, digest, is_key_enforced

META_COMMENTS = {
    "releases": "One row per release; manifest holds its tables with data version, code version, inputs and rows",
    "tables": "One row per table of this file: what a row is, how many there are, which version of data and code",
    "columns": "One row per column: type, unit, meaning and whether it is part of the key",
    "lineage": "One row per column and column it is computed from; `source` is a file, `constant` neither",
    "facts": "Facts about this file: the release it holds, when it was written and by which version",
    "sources": "One row per source: where it was fetched from, under which licence, with which checksum",
    "runs": "One row per run: what it did, and what of this file it built",
    "table_runs": "One row per attempt of a run at a table: outcome, when and compute seconds; append-only",
    "hypotheses_tested": "One row per analysis and family of tests: how many tests and how they were corrected",
    "catalog_faults": "Entries of the catalog that were left out, and why",
    "release_changes": "One row per table, list member, q-value or verdict that a release changed, with the cause",
    "study_faults": "Laboratory studies that were left out, and why",
    "planted_effects": "One row per effect that the demo planted in its synthetic data: the truth to be found",
    "failed_tables": "Tables and partitions whose last attempt failed, and why; the file holds what they were before",
}

_TABLE_NAME = {"layer": "raw, staging, core or marts; the schema of the table", "table_name": "name within the layer"}

META_KEYS: dict[str, tuple[str, ...]] = {
    "releases": ("release",),
    "tables": ("layer", "table_name"),
    "columns": ("layer", "table_name", "column_name"),
    "facts": ("name",),
    "sources": ("source_id",),
    "runs": ("run_id",),
    "hypotheses_tested": ("analysis", "family"),
    "study_faults": ("folder",),
    "failed_tables": ("table_name",),
    "planted_effects": ("contrast_id", "hgnc_symbol"),
}
"""Primary keys. `lineage` has none, since a constant has no upstream column; nor has `release_changes`."""

META_COLUMN_COMMENTS: dict[str, dict[str, str]] = {
    "releases": {
        "release": "number, counted from 1",
        "published_at": "UTC",
        "code_revision": "version of the package, and of its repository where that is known",
        "tables": "tables that the release holds [tables]",
        "manifest": "JSON, as in releases/<release>.json",
    },
    "tables": {
        **_TABLE_NAME,
        "grain": "what a row is",
        "limitation": "the main limitation: one thing that is not true of the data",
        "not_true": "the same as `limitation`; goes with the next version",
        "description": "what the table is",
        "key_columns": "joined by a comma",
        "key_enforced": "whether the key is a PRIMARY KEY here, or only was checked before the table was written",
        "row_count": "rows [rows]",
        "status": "available, or why the table is empty",
        "reason": "why it is empty, in full",
        "data_version": "hash of the content: the same content has the same version",
        "code_version": "hash of the code and the parameters that computed it",
        "definition_version": "hash of names, types, keys and comments",
        "built_at": "UTC",
        "run_id": "Dagster's run that computed it",
    },
    "columns": {
        **_TABLE_NAME,
        "column_name": "name within the table",
        "position": "place in the table, from 1",
        "data_type": "DuckDB's name of the type",
        "unit": "unit or scale; null where the column has none",
        "description": "what a value means",
        "is_key": "part of the key",
        "is_nullable": "whether a value may be absent",
    },
    "lineage": {
        **_TABLE_NAME,
        "column_name": "name within the table",
        "upstream_layer": "layer of the table that the values come from; `source` for a file, `constant` for neither",
        "upstream_table": "name of that table; null for a file and for a constant",
        "upstream_column": "column of that table; null likewise",
    },
    "facts": {"name": "of the fact", "value": "as text"},
    "sources": {
        "source_id": "name in the catalog, or study and file of a laboratory's study",
        "title": "what the source is",
        "url": "where it was fetched from, or the path of a local file",
        "connector": "which part of the program reads it",
        "licence": "the source's own terms",
        "licence_url": "where they stand",
        "citation": "what to cite",
        "state": "loaded or unavailable",
        "reason": "why it is unavailable",
        "version": "release as the host tells it in the address, a header or a member's name; null where it tells none",
        "sha256": "of the file as it was read",
        "bytes": "size of the file [bytes]",
        "etag": "as the host gave it",
        "last_modified": "as the host gave it",
        "retrieved_at": "UTC",
        "transport": "live, mirror or local",
        "feeds": "tables that read it, joined by a comma",
    },
    "runs": {
        "run_id": "Dagster's run",
        "first_built_at": "when its first table that is current was built, UTC",
        "last_built_at": "when its last one was, UTC",
        "tables_current_from_it": "tables of this file that it built [tables]",
        "compute_seconds": "time that these took [s]",
        "built": "tables that it built, current or not [tables]",
        "cache_hits": "tables whose result was known [tables]",
        "kept": "tables left as they were, because their source could not be had [tables]",
        "unavailable": "tables without data, because their source was never had [tables]",
        "failed": "tables that could not be built [tables]",
        "all_compute_seconds": "time that everything it built took [s]",
    },
    "table_runs": {
        "run_id": "Dagster's run",
        "table_name": "layer.name, partitions included",
        "outcome": "built, cache hit, kept, unavailable or failed",
        "finished_at": "when the attempt ended, UTC",
        "seconds": "of the table's step, in equal parts over its tables; next to none for a cache hit [s]",
        "reason": "why it was kept, is unavailable or failed",
    },
    "hypotheses_tested": {
        "analysis": "table that holds the tests",
        "family": "tests that were corrected together",
        "n_tests": "tests with a p-value [tests]",
        "n_below_0_05": "of these with p < 0.05 [tests]",
        "n_q_below_0_05": "of these with q < 0.05 [tests]",
        "correction": "method of the correction",
    },
    "release_changes": {
        "release": "that changed it",
        "previous_release": "that it is compared with",
        "kind": "table, list member, q-value, verdict, confidence",
        "subject": "table, list or analysis",
        "item": "gene, term or claim",
        "change": "what happened to it",
        "before": "value in the previous release",
        "after": "value in this one",
        "detail": "further circumstances",
        "cause": "data, code or parameter, and which",
    },
    "planted_effects": {
        "contrast_id": "contrast of the synthetic data",
        "hgnc_symbol": "gene with a planted effect",
        "log2_fold_change": "as planted, numerator over denominator [log2]",
    },
    "failed_tables": {"table_name": "layer and name", "reason": "file, place, what was expected and what to do"},
    "study_faults": {"folder": "of the study", "fault": "file, place, what was expected and what to do"},
}


def write_meta_schema(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[Publication],
    manifests: Sequence[Mapping[str, Any]],
    definitions: Mapping[str, str],
    meta: Mapping[str, pl.DataFrame],
    facts: Mapping[str, str],
) -> None:
    frames = {
        "releases": pl.DataFrame(
            [
                {
                    "release": m["release"],
                    "published_at": timestamp_of(m["published_at"]),
                    "code_revision": m["code_revision"],
                    "tables": len(m["tables"]),
                    "manifest": json.dumps(m, sort_keys=True),
                }
                for m in manifests
            ],
            schema={
                "release": pl.Int64,
                "published_at": pl.Datetime("us"),
                "code_revision": pl.String,
                "tables": pl.Int64,
                "manifest": pl.String,
            },
        ),
        "tables": frame_of_tables(tables, definitions),
        "columns": frame_of_columns(tables),
        "lineage": frame_of_lineage(tables),
        "facts": pl.DataFrame(list(facts.items()), schema={"name": pl.String, "value": pl.String}, orient="row"),
    }
    if taken := sorted(set(meta) & set(frames)):
        raise ValueError(f"meta.{taken[0]} is written by the publisher itself")
    connection.execute("DROP SCHEMA IF EXISTS meta CASCADE")
    connection.execute("CREATE SCHEMA meta")
    for name, frame in {**frames, **meta}.items():
        untyped = [column for column, dtype in frame.schema.items() if dtype == pl.Null]
        connection.register("incoming", frame.with_columns(pl.col(untyped).cast(pl.String)).to_arrow())
        shown = "* REPLACE (manifest::JSON AS manifest)" if name == "releases" else "*"
        connection.execute(f'CREATE TABLE meta."{name}" AS SELECT {shown} FROM incoming')
        connection.unregister("incoming")
        comment = META_COMMENTS.get(name, f"Facts about {name.replace('_', ' ')}")
        connection.execute(f'COMMENT ON TABLE meta."{name}" IS {literal(comment)}')
        key = META_KEYS.get(name, ())
        if key and set(key) <= set(frame.columns):
            connection.execute(f'ALTER TABLE meta."{name}" ADD PRIMARY KEY ({column_list(key)})')
        for column in frame.columns:
            if about := META_COLUMN_COMMENTS.get(name, {}).get(column):
                connection.execute(f'COMMENT ON COLUMN meta."{name}"."{column}" IS {literal(about)}')


def frame_of_tables(tables: Sequence[Publication], definitions: Mapping[str, str]) -> pl.DataFrame:
    rows = [
        {
            "layer": p.table.layer,
            "table_name": p.table.name,
            "grain": p.table.grain,
            "limitation": p.table.limitation,
            "not_true": p.table.limitation,
            "description": p.table.description,
            "key_columns": ", ".join(p.table.key),
            "key_enforced": is_key_enforced(p.table, p.table_version.rows),
            "row_count": p.table_version.rows,
            "status": p.table_version.status,
            "reason": p.table_version.reason,
            "data_version": p.table_version.data_version,
            "code_version": p.table_version.code_version,
            "definition_version": definitions[p.table.address],
            "built_at": timestamp_of(p.table_version.built_at),
            "run_id": p.table_version.run_id,
        }
        for p in tables
    ]
    text = dict.fromkeys(
        ("layer", "table_name", "grain", "limitation", "not_true", "description", "key_columns"), pl.String
    )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            **text,
            "key_enforced": pl.Boolean,
            "row_count": pl.Int64,
            **dict.fromkeys(("status", "reason", "data_version", "code_version", "definition_version"), pl.String),
            "built_at": pl.Datetime("us"),
            "run_id": pl.String,
        },
    )


def frame_of_columns(tables: Sequence[Publication]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "layer": p.table.layer,
                "table_name": p.table.name,
                "column_name": column.name,
                "position": position,
                "data_type": column.duckdb_type,
                "unit": column.unit,
                "description": column.description,
                "is_key": column.name in p.table.key,
                "is_nullable": column.nullable,
            }
            for p in tables
            for position, column in enumerate(p.table.columns, start=1)
        ],
        schema={
            **dict.fromkeys(("layer", "table_name", "column_name"), pl.String),
            "position": pl.Int64,
            **dict.fromkeys(("data_type", "unit", "description"), pl.String),
            "is_key": pl.Boolean,
            "is_nullable": pl.Boolean,
        },
    )


def frame_of_lineage(tables: Sequence[Publication]) -> pl.DataFrame:
    rows: list[tuple[str | None, ...]] = []
    for p in tables:
        for column, upstream in p.lineage.items():
            for address in upstream:
                layer, table, name = (*address.split(".", 2), None, None)[:3]
                rows.append((p.table.layer, p.table.name, column, layer, table, name))
    names = ("layer", "table_name", "column_name", "upstream_layer", "upstream_table", "upstream_column")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").unique(maintain_order=True)


def meta_version_of(
    tables: Sequence[Publication],
    meta: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, str],
    code_revision: str,
    settings: Mapping[str, str],
) -> str:
    """Hash of everything the file states beside the tables themselves."""
    return digest(
        [
            frame_of_tables(tables, definitions).write_json(),
            frame_of_columns(tables).write_json(),
            frame_of_lineage(tables).write_json(),
            # That a run took place is no reason to write the file anew.
            [
                (name, str(frame.schema), frame.write_json())
                for name, frame in sorted(meta.items())
                if name not in ("runs", "table_runs")
            ],
            [(p.table.address, p.table.comment) for p in tables],
            code_revision,
            sorted(settings.items()),
        ]
    )


def timestamp_of(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
