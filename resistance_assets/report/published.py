"""The published warehouse as the pages and `explain` read it.

Here belongs what every reader asks first: which tables are there, what a table's version is, which source a study, a
cohort or a list came from, and whether the data are synthetic. What is shown of the answers belongs in `explain`,
`lineage` and the pages.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from resistance_assets.report.sql_text import literals
from resistance_assets.report.titled import TITLED_COLUMNS, Titled, cut
from resistance_assets.warehouse.reader import open_warehouse

CATALOG_STUDIES = Path(__file__).parents[1] / "catalog" / "studies.toml"
CATALOG_SETS = tuple(sorted((CATALOG_STUDIES.parent / "sets").glob("*.toml")))
CATALOG_CLAIMS = Path(__file__).parents[1] / "catalog" / "claims.toml"

LONGEST_STUDY_TITLE = 60
LONGEST_LABEL = 32
_FIRST_WORD = re.compile(r"[\w.-]+")
# Rows of an answer that is kept for the next page that asks the same question.
MOST_ROWS_KEPT = 200


@dataclass(frozen=True)
class Source:
    """A remote file or a file of a laboratory's study, as `meta.sources` states it."""

    source_id: str
    state: str
    sha256: str | None
    reason: str | None

    def as_document(self) -> dict[str, Any]:
        return {"source_id": self.source_id, "sha256": self.sha256}


class Published:
    """One open release.

    Args:
        connection: from `open_warehouse`.
        data_dir: where it was opened; named to the reader.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
        self.connection = connection
        self.data_dir = data_dir
        self._answers: dict[tuple[str, str], tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {}

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; ids of contrasts, cohorts, studies and lists carry their titles."""
        rows = self._plain_rows(sql, parameters)
        if rows and (columns := TITLED_COLUMNS.intersection(rows[0])):
            titles = self.titles
            for row in rows:
                for name in columns:
                    if (title := titles.get(row[name])) is not None:
                        row[name] = Titled(row[name], title)
        return rows

    def _plain_rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        names, found = self._answer(sql, parameters)
        return [dict(zip(names, row, strict=True)) for row in found]

    def columns(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> dict[str, list[Any]]:
        """The same by column; an empty answer keeps its columns."""
        names, found = self._answer(sql, parameters)
        return {name: [row[at] for row in found] for at, name in enumerate(names)}

    def frame(self, sql: str) -> pl.DataFrame:
        """The same as a frame, with the columns' own types."""
        return self.connection.sql(sql).pl()

    def value(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """First cell of the first row; None where there is none."""
        _, found = self._answer(sql, parameters)
        return found[0][0] if found else None

    def _answer(
        self, sql: str, parameters: Sequence[Any] | dict[str, Any]
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Names and rows of a query; a short answer is kept, because page after page asks the same."""
        key = (sql, repr(parameters))
        kept = self._answers.get(key)
        if kept is None:
            cursor = self.connection.execute(sql, parameters or None)
            kept = tuple(column[0] for column in cursor.description or ()), cursor.fetchall()
            if len(kept[1]) <= MOST_ROWS_KEPT:
                self._answers[key] = kept
        return kept

    @functools.cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Address -> its row of `meta.tables`."""
        found = self.rows("SELECT * FROM meta.tables ORDER BY layer, table_name")
        return {f"{row['layer']}.{row['table_name']}": row for row in found}

    @functools.cached_property
    def _present(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for row in self.rows(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns "
            "WHERE table_catalog = current_database()"
        ):
            found.setdefault(f"{row['table_schema']}.{row['table_name']}", set()).add(row["column_name"])
        return found

    def has(self, address: str, *columns: str) -> bool:
        """Whether this release holds the table, with these columns."""
        return address in self._present and set(columns) <= self._present[address]

    def filled(self, address: str, *columns: str) -> bool:
        """Whether the table is there, with these columns and at least one row."""
        return self.has(address, *columns) and self.value(f"SELECT 1 FROM {address} LIMIT 1") == 1

    def stamp(self, address: str) -> dict[str, Any]:
        """Table, its data version and its state: what stands beside every number."""
        row = self.tables.get(address, {})
        return {"table": address, "data_version": row.get("data_version"), "status": row.get("status", "absent")}

    @functools.cached_property
    def facts(self) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self.rows("SELECT name, value FROM meta.facts")}

    @property
    def release(self) -> int:
        return int(self.facts["release"])

    @property
    def is_synthetic(self) -> bool:
        return self.facts.get("setting.synthetic") == "true"

    # ---- from where --------------------------------------------------------------------------------------------------

    @functools.cached_property
    def sources(self) -> dict[str, Source]:
        found = self.rows("SELECT source_id, state, sha256, reason FROM meta.sources ORDER BY source_id")
        return {row["source_id"]: Source(**row) for row in found}

    @functools.cached_property
    def _declared(self) -> dict[str, tuple[str, ...]]:
        """Cohort, project, study, list or collection -> ids of its sources, as the catalog declares them.

        Read without the registry: checking the whole catalog takes longer than everything that `explain` does.
        """
        found: dict[str, tuple[str, ...]] = {}
        for kind in ("cohort", "project", "study", "gene_list", "collection"):
            for entry in self._catalog_entries(kind):
                named = (value for key, value in entry.items() if key == "source" or key.endswith("_source"))
                found[entry["id"]] = tuple(dict.fromkeys((*entry.get("sources", ()), *named)))
        # Of a user's own catalog the published file tells the accessions, with which the ids of its sources end.
        own: dict[str, list[str]] = {}
        for dataset, name in self._accessions:
            ending = f"_{name.lower().replace('-', '_')}"
            own.setdefault(dataset, []).extend(one for one in self.sources if f"_{one.lower()}".endswith(ending))
        return {dataset: tuple(names) for dataset, names in own.items()} | found

    @functools.cached_property
    def _catalog(self) -> list[dict[str, Any]]:
        """Documents of the built-in catalog and its sets."""
        return [tomllib.loads(path.read_text(encoding="utf-8")) for path in (CATALOG_STUDIES, *CATALOG_SETS)]

    def _catalog_entries(self, kind: str) -> list[dict[str, Any]]:
        """Entries of a kind in the built-in catalog and its sets."""
        return [entry for document in self._catalog for entry in document.get(kind, ())]

    @functools.cached_property
    def _accessions(self) -> list[tuple[str, str]]:
        """Study or cohort of the release, and an accession or study of a host that it is read from."""
        found: list[tuple[str, str]] = []
        for table, dataset, name in (
            ("raw.studies__accessions", "study_id", "accession"),
            ("raw.catalog__cohorts", "cohort_id", "study_id"),
        ):
            if self.has(table, dataset, name):
                rows = self._plain_rows(
                    f"SELECT DISTINCT {dataset} AS dataset, {name} AS name FROM {table} ORDER BY ALL"
                )
                found += [(row["dataset"], row["name"]) for row in rows if row["name"]]
        return found

    @functools.cached_property
    def genes_of_interest(self) -> tuple[str, ...]:
        """Genes that the catalog, studies and settings of the release ask about, in approved symbols where known."""
        asked = self.facts.get("setting.genes_of_interest")
        if asked is None:  # a release of before
            return tuple(self._catalog[0]["genes"]["of_interest"])
        names = asked.split()
        approved: dict[str, str] = {}
        if self.filled("staging.genes__symbols", "symbol", "hgnc_symbol"):
            rows = self.rows(
                "SELECT symbol, hgnc_symbol FROM staging.genes__symbols"
                f" WHERE hgnc_symbol IS NOT NULL AND symbol IN ({literals([name.upper() for name in names])})"
            )
            approved = {row["symbol"]: row["hgnc_symbol"] for row in rows}
        return tuple(dict.fromkeys(approved.get(name.upper(), name) for name in names))

    @property
    def own_intersections(self) -> tuple[str, ...]:
        """Ids of the intersections that laboratory studies declare."""
        return tuple(self.facts.get("setting.own_intersections", "").split())

    def with_interest_first(self, rows: list[dict[str, Any]], most: int) -> tuple[list[dict[str, Any]], int]:
        """Rows of genes: the first ``most`` and the genes of interest, then the rest; and how many the former are."""
        interest = set(self.genes_of_interest)
        leading = [row for at, row in enumerate(rows) if at < most or row["hgnc_symbol"] in interest]
        return leading + [row for row in rows[most:] if row["hgnc_symbol"] not in interest], len(leading)

    @functools.cached_property
    def contrast_titles(self) -> dict[str, str]:
        """Contrast -> its title, else its line and drug, or its study, with the groups that are compared."""
        has_title, has_line = (self.has("raw.catalog__contrasts", name) for name in ("title", "cell_line"))
        found: dict[str, str] = {}
        for row in self._plain_rows("SELECT * FROM raw.catalog__contrasts"):
            if has_title and row["title"]:
                title = row["title"]
            elif has_line and row["cell_line"]:
                title = self.contrast_labels[row["contrast_id"]]
            else:
                study = cut(row["study_title"] or row["study_id"], LONGEST_STUDY_TITLE)
                title = f"{study}: {self.groups_in_words(row)}"
            found[row["contrast_id"]] = title
        return found

    def groups_in_words(self, contrast: Mapping[str, Any]) -> str:
        """`resistant over parental` of a row with study_id, numerator and denominator, by the groups' titles."""
        titles = self._group_titles.get(contrast["study_id"], {})
        above, below = (titles.get(contrast[name], contrast[name]) for name in ("numerator", "denominator"))
        return f"{above} over {below}".replace("_", " ")

    @functools.cached_property
    def contrast_labels(self) -> dict[str, str]:
        """Contrast -> a short label for an axis: line, drug and what is compared."""
        found: dict[str, str] = {}
        has_line = self.has("raw.catalog__contrasts", "cell_line")
        for row in self._plain_rows("SELECT * FROM raw.catalog__contrasts"):
            study = cut(row["study_title"] or row["study_id"], LONGEST_LABEL)
            groups = self.groups_in_words(row)
            # What the groups say themselves is not said before them.
            line = (has_line and row["cell_line"]) or study
            said = [one for one in (line, row["drug"]) if one and one not in groups]
            if said and line not in said:
                said.insert(0, line)
            label = f"{', '.join(said)}: {groups}" if said else groups
            # Two contrasts of one line, drug and kind of groups are told apart by their studies, at last by their ids.
            tried = (label, f"{label} ({study})", f"{label} ({row['contrast_id']})")
            found[row["contrast_id"]] = next((one for one in tried if one not in found.values()), tried[-1])
        return found

    @functools.cached_property
    def _group_titles(self) -> dict[str, dict[str, str]]:
        """Study of the catalog -> group -> its title."""
        return {
            study["id"]: {group["id"]: group["title"] for group in study.get("group", ()) if "title" in group}
            for study in self._catalog_entries("study")
        }

    def in_words(self, name: str) -> str:
        """A name that begins with an id, as `luad_tcga OS`, with the title in its place."""
        ident = _FIRST_WORD.match(name)
        if ident is None:
            return name
        title = self.contrast_labels.get(ident.group()) or self.titles.get(ident.group())
        return name if title is None else title + name[ident.end() :]

    @functools.cached_property
    def list_titles(self) -> dict[str, str]:
        """Gene list or intersection -> its title in words."""
        found: dict[str, str] = {}
        for row in self._plain_rows(
            "SELECT list_id, title, contrast_id, method, direction FROM core.gene_lists__lists"
        ):
            contrast = self.contrast_titles.get(row["contrast_id"])
            title = f"{contrast}, {row['direction']} ({row['method']})" if contrast else row["title"]
            found[row["list_id"]] = title or row["list_id"]
        if self.has("core.intersections__sets", "intersection_id", "list_ids"):
            has_title = self.has("core.intersections__sets", "title")
            for row in self._plain_rows("SELECT * FROM core.intersections__sets"):
                lists = " ∩ ".join(found.get(one) or one for one in row["list_ids"].split("|"))
                found[row["intersection_id"]] = (has_title and row["title"]) or lists
        return found

    @functools.cached_property
    def titles(self) -> dict[str, str]:
        """Contrast, gene list, intersection, study, cohort or project -> its title; what a person reads for an id."""
        found = {
            row["dataset_id"]: row["title"]
            for row in self._plain_rows("SELECT dataset_id, title FROM marts.dataset_catalog")
        }
        found.update(self._declared_titles)
        found.update(
            {f"{one}_tumour_vs_normal": f"{title}: tumour over normal" for one, title in found.items() if title}
        )
        found.update(self.contrast_titles)
        if self.has("core.gene_lists__lists", "list_id", "title"):
            found.update(self.list_titles)
        named = {ident: title for ident, title in found.items() if title}
        times = Counter(named.values())
        # What two share is told apart by the id: rows of a figure with one name would become one row.
        return {ident: title if times[title] == 1 else f"{title} ({ident})" for ident, title in named.items()}

    @functools.cached_property
    def _declared_titles(self) -> dict[str, str]:
        """Titles of the catalog's cohorts, projects, studies and collections, loaded or not."""
        kinds = ("cohort", "project", "study", "gene_list", "collection")
        entries = [entry for kind in kinds for entry in self._catalog_entries(kind)]
        return {entry["id"]: entry["title"] for entry in entries if "title" in entry}

    def failed_cause(self, dataset_id: str) -> str | None:
        """Why what was read of a study, cohort or list failed; None where nothing failed."""
        if not self.has("meta.failed_tables", "table_name", "reason"):
            return None
        # Partitions carry the id of what they are of behind two underscores.
        reasons = self.rows(
            "SELECT DISTINCT reason FROM meta.failed_tables WHERE list_contains(string_split(table_name, '__'), ?) "
            "ORDER BY reason",
            [dataset_id],
        )
        return "; ".join(row["reason"] for row in reasons) or None

    @functools.cached_property
    def declared_claims(self) -> dict[str, dict[str, Any]]:
        """Claim -> its entry in the catalog, with the SQL."""
        return {entry["id"]: entry for entry in self._claims_catalog["claim"]}

    @functools.cached_property
    def papers(self) -> dict[str, dict[str, Any]]:
        """Paper -> citation, doi and title."""
        return self._claims_catalog["paper"]

    @functools.cached_property
    def _claims_catalog(self) -> dict[str, Any]:
        return tomllib.loads(CATALOG_CLAIMS.read_text(encoding="utf-8"))

    def citation(self, paper_id: str) -> str:
        """Author and year of a paper: `Wang 2022`."""
        return self.papers.get(paper_id, {}).get("citation", paper_id).partition(",")[0]

    def sources_of(self, dataset_id: str) -> list[Source]:
        """Sources of a cohort, study, list, collection or database, loaded or not."""
        own = [source for name, source in self.sources.items() if name.startswith(f"{dataset_id}/")]
        declared = self._declared.get(dataset_id, (dataset_id,))
        return own + [self.sources[name] for name in declared if name in self.sources]

    @functools.cached_property
    def dataset_sources(self) -> dict[str, frozenset[str]]:
        """Study, cohort or project -> its sources; what all of them share (HGNC, gene sets) is in none."""
        names = [entry["id"] for kind in ("cohort", "project", "study") for entry in self._catalog_entries(kind)]
        names += [dataset for dataset, _ in self._accessions if dataset not in names]
        own = {name.partition("/")[0] for name in self.sources if "/" in name}
        found = {name: frozenset(one.source_id for one in self.sources_of(name)) for name in [*names, *sorted(own)]}
        return {name: sources for name, sources in found.items() if sources}

    def loaded_sources_of(self, dataset_id: str) -> list[dict[str, Any]]:
        return [source.as_document() for source in self.sources_of(dataset_id) if source.state == "loaded"]

    def _rejections(self, dataset_id: str) -> str:
        """What was set aside of the sources of a study or cohort, with the commonest reasons."""
        rows: list[dict[str, Any]] = []
        if self.filled("raw.rejected_rows", "source", "reason"):
            names = [source.source_id for source in self.sources_of(dataset_id)]
            rows = self.rows(
                "SELECT reason, count(*) AS rows FROM raw.rejected_rows "
                "WHERE source = $id OR starts_with(source, $id || '/') OR list_contains($names, source) "
                "GROUP BY reason ORDER BY rows DESC, reason LIMIT 2",
                {"id": dataset_id, "names": names},
            )
        if not rows:
            return "its source is loaded, but gave no rows"
        told = "; ".join(f"{row['rows']:,} rows: {row['reason']}" for row in rows)
        return f"its source is loaded, but gave no rows that could be used ({told}; all of them in raw.rejected_rows)"

    def why_absent(self, dataset_id: str) -> str:
        """Why nothing of a study, cohort or list is in the warehouse."""
        lacking = [source for source in self.sources_of(dataset_id) if source.state != "loaded"]
        if not lacking:
            return self.failed_cause(dataset_id) or self._rejections(dataset_id)
        return "; ".join(dict.fromkeys(f"{source.source_id}: {short_reason(source)}" for source in lacking))


def short_reason(source: Source) -> str:
    """The reason without the source's own name and address, which stand beside it already."""
    reason = source.reason or source.state
    _, found, rest = reason.partition("): ")
    return rest if found and reason.startswith(source.source_id) else reason


@contextmanager
def open_published(data_dir: Path) -> Iterator[Published]:
    """The release published last.

    Raises:
        DataFault: nothing was published yet, or the file cannot be opened.
    """
    with closing(open_warehouse(data_dir)) as connection:
        yield Published(connection, data_dir)
