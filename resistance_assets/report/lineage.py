"""From a published column back to the files it comes from.

`meta.lineage` holds one step per row; here it is walked to its ends: remote files with their checksums, the catalog, or
values that the program itself sets.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

from resistance_assets.errors import UsageFault
from resistance_assets.report.published import Published

_CATALOG_PREFIX = "raw.catalog__"
# What is read from files and too large to be published, such as the counts of single cells, stands in the lake alone.
_UNPUBLISHED = "parts"


@dataclass
class Node:
    """A column with what it is computed from. ``seen_above`` means that its own upstream is shown elsewhere."""

    column: str
    description: str | None
    unit: str | None
    data_version: str | None
    upstream: list[Node] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    origin: str | None = None
    seen_above: bool = False

    def as_document(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "column": self.column,
            "description": self.description,
            "unit": self.unit,
            "data_version": self.data_version,
        }
        if self.seen_above:
            return {**found, "seen_above": True}
        if self.origin:
            found["origin"] = self.origin
        if self.sources:
            found["sources"] = self.sources
        if self.upstream:
            found["upstream"] = [node.as_document() for node in self.upstream]
        return found


def walk_lineage(published: Published, column: str, partition: str | None = None) -> Node:
    """The tree upstream of `layer.table.column`.

    Args:
        partition: a contrast, study or cohort: files of other studies and cohorts are left out, on which its rows do
            not rest.

    Raises:
        UsageFault: there is no such table or column, or no such partition.
    """
    return Lineage(published, partition).walk(column)


class Lineage:
    """The steps of `meta.lineage`, read once for as many columns as are asked for."""

    def __init__(self, published: Published, partition: str | None = None) -> None:
        self._published = published
        others = set() if partition is None else _sources_of_others(published, partition)
        self._described = {
            (row["layer"], row["table_name"], row["column_name"]): (row["description"], row["unit"])
            for row in published.rows("SELECT layer, table_name, column_name, description, unit FROM meta.columns")
        }
        self._steps: dict[tuple[str, str, str], list[tuple[str, str, str] | None]] = {}
        for row in published.rows("SELECT * FROM meta.lineage ORDER BY ALL"):
            upstream = (row["upstream_layer"], row["upstream_table"], row["upstream_column"])
            # A column read from a file, or set by the program, has the layer `source` and no table.
            found = None if row["upstream_table"] is None else upstream
            self._steps.setdefault((row["layer"], row["table_name"], row["column_name"]), []).append(found)
        self._feeds = published.rows(
            "SELECT source_id, url, sha256, retrieved_at, feeds FROM meta.sources"
            " WHERE state = 'loaded' ORDER BY source_id"
        )
        self._others = [row for row in self._feeds if row["source_id"] in others]
        self._feeds = [row for row in self._feeds if row["source_id"] not in others]
        self._versions: dict[str, str | None] = {}

    def walk(self, column: str, seen: set[tuple[str, str, str]] | None = None) -> Node:
        """The tree upstream of a column; see `walk_lineage`.

        Args:
            seen: columns whose upstream was shown before and is not shown again; what is walked now is added.
        """
        return self._node(_resolve(column, self._described), set() if seen is None else seen)

    def _node(self, at: tuple[str, str, str], seen: set[tuple[str, str, str]]) -> Node:
        layer, name, _ = at
        table = f"{layer}.{name}"
        if table not in self._versions:
            self._versions[table] = self._published.stamp(table)["data_version"]
        description, unit = self._described.get(at, (None, None))
        node = Node(".".join(at), description, unit, self._versions[table])
        if at in seen:
            node.seen_above = True
            return node
        seen.add(at)
        for upstream in self._steps.get(at, []):
            if upstream is not None:
                node.upstream.append(self._node(upstream, seen))
            elif layer == "raw" and not table.startswith(_CATALOG_PREFIX):
                self._end_at_sources(node, table)
            elif layer == "raw":
                revision = self._published.facts.get("code_revision", "?")
                node.origin = f"the catalog (studies.toml, study.toml) of {revision}"
            else:
                # Few tables beyond raw are read from files themselves, as labels of cells are.
                self._end_at_sources(node, table, "set by the program or the catalog, not read from data")
        if layer == _UNPUBLISHED:
            self._end_at_sources(node, table)
        elif at not in self._steps:
            node.origin = "no lineage is recorded"
        return node

    def _end_at_sources(self, node: Node, table: str, otherwise: str = "no source of it is loaded") -> None:
        """The files that a table is read from, as the end of the way; without one, what is said instead."""
        node.sources = _sources_feeding(table, self._feeds)
        if not node.sources and _sources_feeding(table, self._others):
            otherwise = "files of other studies and cohorts alone"
        node.origin = None if node.sources else otherwise


def _sources_of_others(published: Published, partition: str) -> set[str]:
    """Sources that belong to studies and cohorts alone, none of which the partition is of."""
    contrasts = {
        row["contrast_id"]: row["study_id"]
        for row in published.rows("SELECT contrast_id, study_id FROM raw.catalog__contrasts")
    }
    owners = published.dataset_sources
    dataset = contrasts.get(partition, partition)
    if dataset not in owners and dataset not in contrasts.values():
        known = sorted({*contrasts, *contrasts.values(), *owners})
        near = difflib.get_close_matches(partition, known, n=1)
        raise UsageFault(
            "is no contrast, study or cohort",
            subject=f"--partition {partition}",
            remedy=f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}.",
        )
    own = owners.get(dataset, frozenset())
    return {source for name, sources in owners.items() if name != dataset for source in sources if source not in own}


def _sources_feeding(address: str, feeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in feeds:
        names = [name.strip() for name in row["feeds"].split(",")]
        if any(name == address or (name.endswith("*") and address.startswith(name[:-1])) for name in names):
            found.append({name: row[name] for name in ("source_id", "url", "sha256", "retrieved_at")})
    return found


def _resolve(column: str, described: dict[tuple[str, str, str], Any]) -> tuple[str, str, str]:
    parts = tuple(column.split("."))
    names = {".".join(known): known for known in described}
    if column in names:
        return names[column]
    if len(parts) == 2:
        # A table whose layer was left out, or a table without a column.
        if full := [known for known in described if known[1:] == parts]:
            return full[0]
        if own := [known[2] for known in described if known[:2] == parts]:
            raise UsageFault(
                "names a table, not a column",
                subject=column,
                expected="layer.table.column",
                remedy=f"Its columns are: {', '.join(own)}.",
            )
    near = difflib.get_close_matches(column, names, n=1, cutoff=0.5)
    raise UsageFault(
        "is no published column",
        subject=column,
        expected="layer.table.column",
        remedy=f"Did you mean {near[0]}?" if near else "`resistance sql .tables` lists the tables.",
    )


def lineage_as_text(node: Node) -> str:
    """The tree with one line per column; the files at its ends are listed below it with whole checksums."""
    lines: list[str] = []
    files: dict[str, dict[str, Any]] = {}

    def put(at: Node, prefix: str, branch: str, further: str) -> None:
        unit = f" [{at.unit}]" if at.unit else ""
        about = f"  {at.description}{unit}" if at.description else ""
        again = "  (see above)" if at.seen_above else about
        lines.append(f"{prefix}{branch}{at.column}{again}")
        ends = [(source, None) for source in at.sources] + [(None, at.origin)] * bool(at.origin)
        children: list[Any] = [*at.upstream, *ends]
        for number, child in enumerate(children):
            last = number == len(children) - 1
            arm, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
            if isinstance(child, Node):
                put(child, prefix + further, arm, rest)
            elif child[0] is not None:
                source = child[0]
                files[source["source_id"]] = source
                lines.append(f"{prefix}{further}{arm}file {source['source_id']}")
            else:
                lines.append(f"{prefix}{further}{arm}{child[1]}")

    put(node, "", "", "")
    if files:
        lines += ["", "Files:"]
        for name, source in sorted(files.items()):
            lines.append(f"  {name}  sha256 {source['sha256'] or 'not known'}  {source['url']}")
    return "\n".join(lines) + "\n"
