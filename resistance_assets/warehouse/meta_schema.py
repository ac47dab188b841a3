"""What the columns of the `meta` schema mean, and which of them are keys, as the published file says it.

How the tables are filled belongs in `publish`.
"""

from __future__ import annotations

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
        "not_true": "one thing that is not true of the data",
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
        "kind": "table, list member, q-value, verdict",
        "subject": "table, list or analysis",
        "item": "gene, term or claim",
        "change": "what happened to it",
        "before": "value in the previous release",
        "after": "value in this one",
        "detail": "further circumstances",
        "cause": "data, code or parameter, and which",
    },
    "study_faults": {"folder": "of the study", "fault": "file, place, what was expected and what to do"},
}
