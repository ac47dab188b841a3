"""What may be typed next at the prompt of `sql`: dot commands, tables, columns of the tables in sight, words of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    import duckdb

MODES = ("table", "csv", "json", "line")
COMMANDS = {
    ".tables": "the tables, or those whose name or grain holds a word",
    ".schema": "columns of a table",
    ".mode": "how answers are shown: " + ", ".join(MODES),
    ".timing": "whether the time of each answer is told: on, off",
    ".help": "what can be typed",
    ".quit": "leave",
}
# One string, as it is read: the words of SQL that questions are made of.
WORDS = (  # noqa: SIM905
    "SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT DISTINCT AS AND OR NOT IN IS NULL LIKE ILIKE BETWEEN CASE WHEN "
    "THEN ELSE END WITH UNION ALL INNER JOIN LEFT USING ON DESC ASC NULLS LAST OVER PARTITION QUALIFY EXISTS CAST "
    "TRUE FALSE DESCRIBE SUMMARIZE EXPLAIN VALUES count( sum( avg( min( max( median( round( abs( coalesce( "
    "string_agg( unnest( "
).split()
LONGEST_MEANING = 60

_TABLE_AND_ALIAS = re.compile(r'\b(?:FROM|JOIN)\s+"?(\w+)"?\."?(\w+)"?(?:\s+(?:AS\s+)?(\w+))?', re.IGNORECASE)
_TYPED = re.compile(r"[\w.]*$")


@dataclass(frozen=True)
class Names:
    """Tables of a release with what a row is, and their columns with type, unit and meaning, in one line each."""

    tables: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]


def read_names(connection: duckdb.DuckDBPyConnection) -> Names:
    """Names of an open release."""
    columns: dict[str, dict[str, str]] = {}
    for address, column, data_type, unit, meaning in connection.execute(
        "SELECT layer || '.' || table_name, column_name, data_type, unit, description FROM meta.columns"
    ).fetchall():
        told = " · ".join(part for part in (data_type, unit, meaning) if part)
        columns.setdefault(address, {})[column] = told
    grains = connection.execute("SELECT layer || '.' || table_name, grain FROM meta.tables").fetchall()
    tables = {address: grain or "" for address, grain in grains}
    return Names({**dict.fromkeys(columns, ""), **tables}, columns)


class NameCompleter(Completer):
    """Completions at the cursor."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before, whole = document.text_before_cursor, document.text
        typed = _TYPED.search(before)
        word = typed.group() if typed else ""
        for text, told in self._offers(before, whole, word):
            if _begins(text, word):
                yield Completion(text, -len(word), display_meta=told[:LONGEST_MEANING])

    def _offers(self, before: str, whole: str, word: str) -> Iterator[tuple[str, str]]:
        line = before.lstrip()
        if line.startswith("."):
            yield from self._of_command(line)
            return
        in_sight = {found[3] or found[2]: f"{found[1]}.{found[2]}" for found in _TABLE_AND_ALIAS.finditer(whole)}
        if "." in word:
            prefix = word.rsplit(".", 1)[0]
            for column, told in self.names.columns.get(in_sight.get(prefix, ""), {}).items():
                yield f"{prefix}.{column}", told
            yield from self.names.tables.items()
            return
        if word:
            seen: set[str] = set()
            for address in in_sight.values():
                for column, told in self.names.columns.get(address, {}).items():
                    if column not in seen:
                        seen.add(column)
                        yield column, told
        yield from self.names.tables.items()
        if word:
            yield from ((one, "") for one in WORDS)

    def _of_command(self, line: str) -> Iterator[tuple[str, str]]:
        name, blank, _ = line.partition(" ")
        if not blank:
            yield from COMMANDS.items()
        elif name in (".schema", ".tables"):
            yield from self.names.tables.items()
        elif name == ".mode":
            yield from ((mode, "") for mode in MODES)
        elif name == ".timing":
            yield from (("on", ""), ("off", ""))


def _begins(offer: str, typed: str) -> bool:
    """Whether an offer goes on from what was typed; a table also from its own name, without the layer."""
    whole, word = offer.lower(), typed.lower()
    return whole != word and (whole.startswith(word) or whole.partition(".")[2].startswith(word or "\0"))
