"""GEO's SOFT files: family files of series and platforms, single records, and platform annotation.

Here belongs the grammar (https://www.ncbi.nlm.nih.gov/geo/info/soft.html): `^` starts an entity, `!` describes it, `#`
describes a column, tables stand between markers. The series matrix is in `geo_matrix`; what to fetch is in `geo`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.gzip import DAMAGE, gzip_decompressor
from resistance_assets.connectors.geo.matrix import ATTRIBUTE_SCHEMA
from resistance_assets.connectors.geo.tables import (
    RejectedRow,
    distinct_names,
    number_frame,
    split_block,
    text_frame,
)
from resistance_assets.errors import DataFault, TransportFault

SOFT_ATTRIBUTE_SCHEMA: dict[str, type[pl.DataType]] = {
    "entity": pl.String,
    "entity_id": pl.String,
    "field": pl.String,
    "position": pl.Int64,
    "value": pl.String,
}
COLUMN_SCHEMA: dict[str, type[pl.DataType]] = {
    "entity": pl.String,
    "entity_id": pl.String,
    "column": pl.String,
    "description": pl.String,
}

_CHUNK = 8 << 20
_BATCH = 12 << 20
_END = b"_table_end"
_BEGIN = re.compile(rb"^!(sample|platform|series|dataset)_table_begin[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class SoftFile:
    """What a SOFT file holds.

    Attributes:
        attributes: entity (`series`, `platform`, `sample`, `database`, `annotation`), entity_id, field (without the
            entity's name: `title`, `type` ...), position (from 1, where a field repeats), value; blank ones are left
            out.
        columns: entity, entity_id, column, description: what the file says of the columns of its tables.
        platform_tables: by platform, its table as text; repeated column names are numbered.
        values: by platform, feature_id and one Float64 column per sample that has a table with ID_REF and VALUE.
            A feature that a sample lacks is null there. Each feature once.
        rejected: source, line, reason, row.
        n_rows: rows of all tables. Rows in = rows of platform_tables + n_values + rejected rows of tables.
        n_values: rows of sample tables that are in `values`.
    """

    source: str
    attributes: pl.DataFrame
    columns: pl.DataFrame
    platform_tables: dict[str, pl.DataFrame]
    values: dict[str, pl.DataFrame]
    rejected: pl.DataFrame
    n_rows: int
    n_values: int

    def of(self, entity: str, name: str) -> list[str]:
        """Values of a field of an entity, in the file's order."""
        chosen = self.attributes.filter((pl.col("entity") == entity) & (pl.col("field") == name))
        return chosen["value"].to_list()

    @property
    def sample_attributes(self) -> pl.DataFrame:
        """Attributes of the samples, as `SeriesMatrix.attributes` has them (for `geo_sample_sheet`)."""
        chosen = self.attributes.filter(pl.col("entity") == "sample")
        return chosen.select(
            pl.col("entity_id").alias("geo_sample"), pl.col("field").alias("attribute_id"), "position", "value"
        ).cast(ATTRIBUTE_SCHEMA)  # type: ignore[arg-type]


def read_soft(path: Path, *, complete: bool = True) -> SoftFile:
    """Read a SOFT file, plain or gzip; large families are decompressed beside the parsing.

    Args:
        path: the file.
        complete: whether a table without its end marker is a fault; if not, its rows up to the end are taken.

    Raises:
        DataFault: no line starts an entity (an error message in place of the record has none).
        TransportFault: the gzip is damaged or cut, or a table lacks its end marker.
    """
    parser = _Parser(path.name, complete=complete)
    has_line_feeds: bool | None = None
    for chunk in _chunks(path):
        if has_line_feeds is None:
            has_line_feeds = b"\n" in chunk or b"\r" not in chunk
        # Editors of old Macs end lines with carriage returns alone.
        parser.feed(chunk if has_line_feeds else chunk.replace(b"\r", b"\n"))
    return parser.finish()


def _chunks(path: Path) -> Iterator[bytes]:
    """Decompressed pieces of a file; the next one is made in a thread while the caller works on this one."""
    with path.open("rb") as handle:
        compressed = handle.read(2) == b"\x1f\x8b"
        handle.seek(0)
        if not compressed:
            while piece := handle.read(_CHUNK):
                yield piece
            return
        pieces = _gunzip(handle, path.name)
        with ThreadPoolExecutor(1) as worker:
            ahead = worker.submit(next, pieces, None)
            while (piece := ahead.result()) is not None:
                ahead = worker.submit(next, pieces, None)
                yield piece


def _gunzip(handle, source: str) -> Iterator[bytes]:  # type: ignore[no-untyped-def]
    def damaged(what: object) -> TransportFault:
        return TransportFault(
            f"truncated: the gzip file ends early or is damaged ({what})", subject=source, remedy="Fetch it again"
        )

    stream, parts, size, fresh = gzip_decompressor(), [], 0, True
    try:
        while data := handle.read(1 << 20):
            while data:
                part = stream.decompress(data)
                fresh = False
                parts.append(part)
                size += len(part)
                data = stream.unused_data
                if stream.eof:
                    stream, fresh = gzip_decompressor(), True
                    if not data.strip(b"\0"):
                        data = b""  # padding behind the last member
            if size >= _CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
    except DAMAGE as error:
        raise damaged(error) from error
    if not fresh:
        raise damaged("end-of-stream marker missing")
    yield b"".join(parts)


@dataclass
class _SampleTable:
    sample: str
    platform: str
    header: tuple[str, ...]
    body: bytes
    line: int
    n_rows: int


@dataclass
class _Platform:
    """Values of the samples of one platform: features of the first sample, and those that differ from it."""

    features: pl.Series | None = None
    aligned: dict[str, np.ndarray] = field(default_factory=dict)
    others: dict[str, tuple[pl.Series, np.ndarray]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    expected: tuple[np.ndarray, np.ndarray] | None = None

    def expected_features(self) -> tuple[np.ndarray, np.ndarray]:
        """Features as joined bytes, and where each starts."""
        if self.expected is None:
            assert self.features is not None  # asked for only once there are some
            parts = [feature.encode() for feature in self.features.to_list()]
            offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
            self.expected = np.frombuffer(b"".join(parts), np.uint8), offsets
        return self.expected


def _end_marker(data: bytes, table_start: int, start: int) -> int | None:
    """Where the line that ends a table starts. Files exist whose end marker names another kind of table."""
    while (found := data.find(_END, start)) >= 0:
        line = data.rfind(b"\n", table_start, found) + 1 or table_start
        if data[line : line + 1] == b"!" and data[line + 1 : found].isalpha():
            return line
        start = found + len(_END)
    return None


class _Parser:
    def __init__(self, source: str, *, complete: bool) -> None:
        self.source, self.complete = source, complete
        self.buffer = b""
        self.line = 1
        self.entity, self.entity_id = "", ""
        self.table: str | None = None
        self.looked = 0
        self.attributes: list[tuple[str, str, str, str]] = []
        self.columns: list[tuple[str, str, str, str]] = []
        self.platform_of: dict[str, str] = {}
        self.platform_tables: dict[str, pl.DataFrame] = {}
        self.platforms: dict[str, _Platform] = {}
        self.pending: list[_SampleTable] = []
        self.rejected: list[tuple[str, int, str, str]] = []
        self.n_rows = self.n_values = self.waiting = 0
        self.started = False
        self.first_line = ""

    def feed(self, chunk: bytes) -> None:
        self.buffer += chunk
        self._advance(final=False)

    def finish(self) -> SoftFile:
        self._advance(final=True)
        self._flush()
        if not self.started:
            raise DataFault(
                f"no line starts an entity; the first is {self.first_line[:80]!r}",
                subject=self.source,
                expected="SOFT, with lines as ^SERIES = GSE1",
                remedy="The host answered with something else: check that the accession is public, and fetch it again",
            )
        attributes = pl.DataFrame(
            self.attributes, schema=[name for name in SOFT_ATTRIBUTE_SCHEMA if name != "position"], orient="row"
        )
        place = pl.int_range(1, pl.len() + 1).over("entity", "entity_id", "field").alias("position")
        attributes = (
            attributes.with_columns(place) if attributes.height else pl.DataFrame(schema=SOFT_ATTRIBUTE_SCHEMA)
        ).select(list(SOFT_ATTRIBUTE_SCHEMA))
        return SoftFile(
            source=self.source,
            attributes=attributes.filter(pl.col("value") != ""),
            columns=pl.DataFrame(self.columns, schema=COLUMN_SCHEMA, orient="row"),
            platform_tables=self.platform_tables,
            values={name: _wide(platform) for name, platform in self.platforms.items()},
            rejected=rejected_rows(sorted(self.rejected, key=lambda row: row[1])),
            n_rows=self.n_rows,
            n_values=self.n_values,
        )

    def _advance(self, *, final: bool) -> None:
        place = 0
        data = self.buffer
        while True:
            if self.table is not None:
                found = _end_marker(data, place, max(place, self.looked))
                if found is None and final and not self.complete:
                    found = end = len(data)
                elif found is None:
                    if final:
                        raise self._unended(self.entity_id)
                    # The next look starts where this one ended, or a large table would be searched again and again.
                    self.looked = max(0, len(data) - len(_END) - place)
                    break
                else:
                    end = data.find(b"\n", found) + 1
                    if not end:
                        if not final:
                            break
                        end = len(data)
                n_lines = data.count(b"\n", place, end)
                # The header, and the end marker unless it is cut off, are no rows.
                self._table(data, place, found, n_lines)
                self.line += n_lines
                place, self.table, self.looked = end, None, 0
                continue
            begin = _BEGIN.search(data, place)
            stop = begin.start() if begin else (len(data) if final else data.rfind(b"\n") + 1)
            if begin and begin.end() == len(data) and not final:
                break  # the line may go on in the next piece
            self._describe(data[place:stop])
            self.line += data.count(b"\n", place, stop)
            place = max(place, stop)
            if begin is None:
                break
            self.table = begin[1].decode().lower()
            place = min(begin.end() + 1, len(data))
            self.line += 1
            self.looked = 0
        self.buffer = data[place:]

    def _unended(self, entity_id: str) -> TransportFault:
        return TransportFault(
            f"truncated: the table of {entity_id} has no end marker",
            subject=self.source,
            expected="a line !sample_table_end, !platform_table_end or the like",
            remedy="Fetch it again",
        )

    def _describe(self, data: bytes) -> None:
        # A broken micro sign in one description must not cost the record.
        for number, raw in enumerate(data.decode("utf-8", "replace").split("\n"), start=self.line):
            text = raw.strip("\r\n \t").replace("\r", " ")
            if not text:
                continue
            self.first_line = self.first_line or text
            mark, (key, equals, value) = text[0], text[1:].partition("=")
            key, value = key.strip(), value.strip()
            if mark == "^" and key:
                self.started = True
                self.entity, self.entity_id = key.lower(), value
            elif mark == "!" and equals and self.started:
                name = key.partition("_")[2] if key.lower().startswith(f"{self.entity}_") else key
                self.attributes.append((self.entity, self.entity_id, name, value))
                if self.entity == "sample" and name == "platform_id":
                    self.platform_of[self.entity_id] = value
                if self.entity == "annotation" and name == "platform":
                    self.entity_id = value
            elif mark == "#" and equals and self.started:
                self.columns.append((self.entity, self.entity_id, key, value))
            else:
                self.rejected.append((self.source, number, "the line belongs to no table and describes nothing", text))

    def _table(self, data: bytes, start: int, stop: int, n_lines: int) -> None:
        """Take the table from `start` to `stop`; with its end marker, it has `n_lines` lines."""
        self.started = True
        end = data.find(b"\n", start, stop) + 1 or stop
        header = tuple(cell.strip() for cell in data[start:end].decode("utf-8", "replace").strip("\r\n").split("\t"))
        body = data[end:stop]
        if not any(header):
            return
        if self.table == "sample":
            platform = self.platform_of.get(self.entity_id, "unknown")
            table = _SampleTable(self.entity_id, platform, header, body, self.line + 1, n_lines - 2)
            if self._take_alike(table):
                return
            self.pending.append(table)
            self.waiting += len(body)
            # The first table of a platform is read at once, because the others are compared with it.
            if self.waiting >= _BATCH or platform not in self.platforms:
                self._flush()
            return
        names = distinct_names(header)
        frame, block = text_frame(split_block(body, len(names)), names)
        blank = frame[names[0]].is_null()
        for row in blank.arg_true():
            text = "\t".join(cell or "" for cell in frame.row(row))
            self.rejected.append((self.source, self.line + 1 + int(block.rows[row]), "blank id", text))
        self._reject(self.entity_id, self.line + 1, block.rejected)
        self.n_rows += frame.height + len(block.rejected)
        if self.table == "platform" or self.entity in ("annotation", "platform"):
            kept = frame.filter(~blank)
            self.platform_tables[self.entity_id] = (
                pl.concat([self.platform_tables[self.entity_id], kept], how="diagonal")
                if self.entity_id in self.platform_tables
                else kept
            )
        else:
            reason = f"the table of a {self.table} is not read"
            kept_texts = ("\t".join(cell or "" for cell in row) for row in frame.filter(~blank).rows())
            places = block.rows[(~blank).to_numpy()]
            self.rejected += [
                (self.source, self.line + 1 + int(row), reason, text)
                for row, text in zip(places, kept_texts, strict=True)
            ]

    def _flush(self) -> None:
        """Parse the sample tables that wait: those of one layout together, which is several times faster."""
        waiting, self.pending, self.waiting = self.pending, [], 0
        while waiting:
            header = waiting[0].header
            alike = [table for table in waiting if table.header == header]
            waiting = [table for table in waiting if table.header != header]
            if not self._take_together(alike):
                for table in alike:
                    self._take(table)

    def _take_alike(self, table: _SampleTable) -> bool:
        """Take a table that has the features of its platform's first one and plain numbers; False if it has not."""
        platform = self.platforms.get(table.platform)
        _, value = _value_column(table.header)
        if platform is None or value is None or table.sample in platform.aligned or table.sample in platform.others:
            return False
        features, offsets = platform.expected_features()
        # Compiling and importing costs more than a small file does.
        if table.n_rows != len(offsets) - 1 or table.n_rows < 1000:
            return False
        from resistance_assets.connectors.geo.kernel import values_of_known_features

        numbers = np.empty(table.n_rows)
        rows = np.frombuffer(table.body, np.uint8)
        if not values_of_known_features(rows, features, offsets, value, len(table.header), numbers):
            return False
        self.n_rows += table.n_rows
        self.n_values += table.n_rows
        platform.lines[table.sample] = table.line
        platform.aligned[table.sample] = numbers
        return True

    def _take_together(self, tables: list[_SampleTable]) -> bool:
        """Take tables without any fault in one go; False, and nothing taken, if there is one."""
        names, value = _value_column(tables[0].header)
        if value is None or len(tables) < 2 or not all(table.body.endswith(b"\n") for table in tables):
            return False
        heights = [table.n_rows for table in tables]
        block = split_block(b"".join(table.body for table in tables), len(names))
        frame, rejected, _ = number_frame(block, names, None if len(names) == 2 else [value])
        if rejected or frame.height != sum(heights):
            return False
        ids, numbers = frame[names[0]], frame[names[value]]
        starts = np.concatenate([[0], np.cumsum(heights)[:-1]])
        for table, start, height in zip(tables, starts, heights, strict=True):
            self._add(table, ids.slice(start, height), numbers.slice(start, height), np.arange(height))
        return True

    def _take(self, table: _SampleTable) -> None:
        names, value = _value_column(table.header)
        block = split_block(table.body, len(names))
        if value is None:
            frame, block = text_frame(block, names)
            reason = "the sample's table has no column VALUE"
            rows = [
                ("\t".join(cell or "" for cell in row), int(at))
                for row, at in zip(frame.rows(), block.rows, strict=True)
            ]
            rejected = block.rejected + [(at, reason, text) for text, at in rows]
            self.n_rows += len(rejected)
            self._reject(table.sample, table.line, rejected)
            return
        frame, rejected, rows = number_frame(block, names, None if len(names) == 2 else [value])
        self.n_rows += len(rejected)
        self._reject(table.sample, table.line, rejected)
        self._add(table, frame[names[0]], frame[names[value]], rows)

    def _reject(self, entity_id: str, line: int, rows: list[RejectedRow]) -> None:
        if any(text.startswith("^") for _, _, text in rows):
            raise self._unended(entity_id)  # the next entity starts inside of the table
        self.rejected += [(self.source, line + row, reason, text) for row, reason, text in rows]

    def _add(self, table: _SampleTable, ids: pl.Series, values: pl.Series, rows: np.ndarray) -> None:
        self.n_rows += len(ids)
        platform = self.platforms.setdefault(table.platform, _Platform())
        reason = None
        if table.sample in platform.aligned or table.sample in platform.others:
            reason, keep = "the sample has a second table, and the first is kept", np.zeros(len(ids), bool)
        elif platform.features is not None and len(ids) == len(platform.features) and ids.equals(platform.features):
            keep = np.ones(len(ids), bool)
        else:
            keep = ids.is_first_distinct().to_numpy()
            reason = "repeats the feature of an earlier row, which is kept"
        if reason and not keep.all():
            lines = table.body.split(b"\n")
            again = [(int(row), reason, lines[row].decode("utf-8", "replace").strip("\r")) for row in rows[~keep]]
            self._reject(table.sample, table.line, again)
            ids, values = ids.filter(pl.Series(keep)), values.filter(pl.Series(keep))
            if not len(ids):
                return
        self.n_values += len(ids)
        numbers = values.to_numpy()
        platform.lines[table.sample] = table.line
        if platform.features is None:
            platform.features = ids
        if ids.equals(platform.features):
            platform.aligned[table.sample] = numbers
        else:
            platform.others[table.sample] = (ids, numbers)


def _value_column(header: tuple[str, ...]) -> tuple[list[str], int | None]:
    names = distinct_names(header)
    upper = [name.upper() for name in header]
    return names, upper.index("VALUE") if "VALUE" in upper[1:] and upper[0] != "VALUE" else None


def _wide(platform: _Platform) -> pl.DataFrame:
    # Tables are taken out of turn where they differ; columns stand as in the file.
    order = sorted(platform.lines, key=lambda sample: platform.lines[sample])
    features = platform.features if platform.features is not None else pl.Series([], dtype=pl.String)
    ids = features.alias("feature_id").to_frame()
    if not platform.others:
        columns = [pl.Series(s, platform.aligned[s], dtype=pl.Float64).fill_nan(None) for s in order]
        return ids.hstack([column for column in columns if column.name != "feature_id"])
    everything = pl.concat([features, *(other for other, _ in platform.others.values())])
    ids = everything.unique(maintain_order=True).alias("feature_id").to_frame()
    result = ids
    for sample in order:
        own, numbers = (features, platform.aligned[sample]) if sample in platform.aligned else platform.others[sample]
        column = pl.DataFrame({"feature_id": own, "value": pl.Series(numbers, dtype=pl.Float64).fill_nan(None)})
        joined = ids.join(column, on="feature_id", how="left", maintain_order="left")
        result = result.with_columns(joined["value"].alias(sample))
    return result


# Probes to genes

_SYMBOL_COLUMNS = ("gene symbol", "gene_symbol", "symbol", "genesymbol", "gene_sym", "ilmn_gene", "gene")
_ENTREZ_COLUMNS = ("entrez_gene_id", "gene id", "entrez gene", "entrez_gene", "gene_id", "entrezid", "locuslink_id")
_ACCESSION_COLUMNS = ("refseq", "refseq_id", "refseq transcript id", "gb_acc", "gb_list", "genbank accession")
# Clariom's `NM_005228 // RefSeq // Homo sapiens epidermal growth factor receptor (EGFR), mRNA. // chr7 // ...`
_IN_PARENTHESES = re.compile(
    r"\(([A-Z][A-Za-z0-9.-]*|[A-Z0-9-]*orf[0-9]+)\), (?:transcript variant [^,]+, )?[a-z -]*RNA", re.IGNORECASE
)
_SEVERAL = re.compile(r"\s*(?:///|;|\|)\s*")


def probe_genes(table: pl.DataFrame) -> pl.DataFrame:
    """Genes of the probes of a platform table or annotation.

    Column names differ between platforms; those of Affymetrix, Agilent and Illumina tables and of GEO's own annotation
    are known. Where a table names no symbol, the symbol inside of a description, the Entrez id or the RefSeq accession
    stands for it. Affymetrix's `gene_assignment` (accession // symbol // title // band // Entrez id /// ...) is taken
    apart.

    Returns:
        feature_id, gene_symbol, entrez_gene_id (String; several are joined by `|`, null where there is none), one row
        per row of the table.

    Raises:
        DataFault: the table has no column of symbols or Entrez ids that is known.
    """
    by_lower = {name.lower(): name for name in reversed(table.columns)}
    symbol = next((by_lower[name] for name in _SYMBOL_COLUMNS if name in by_lower), None)
    entrez = next((by_lower[name] for name in _ENTREZ_COLUMNS if name in by_lower), None)
    first = table.columns[0]
    if symbol is None and entrez is None and "gene_assignment" in by_lower:
        parts = [_assigned(cell) for cell in table[by_lower["gene_assignment"]].to_list()]
        return pl.DataFrame(
            {
                "feature_id": table[first],
                "gene_symbol": pl.Series([part[0] for part in parts], dtype=pl.String),
                "entrez_gene_id": pl.Series([part[1] for part in parts], dtype=pl.String),
            }
        )
    if symbol is not None and symbol.lower() == "gene" and _are_numbers(table[symbol]):
        # Agilent's column GENE holds Entrez ids.
        symbol, entrez = None, entrez or symbol
    if symbol is None and (described := _described_symbols(table)) is not None:
        return pl.DataFrame({"feature_id": table[first], "gene_symbol": described, "entrez_gene_id": None}).cast(
            pl.String
        )
    accession = next((by_lower[name] for name in _ACCESSION_COLUMNS if name in by_lower), None)
    if symbol is None and entrez is None and accession is not None:
        names = table[accession].str.strip_chars().str.replace(r"\.\d+$", "").replace("", None)
        return pl.DataFrame({"feature_id": table[first], "gene_symbol": names, "entrez_gene_id": None}).cast(pl.String)
    if symbol is None and entrez is None:
        raise DataFault(
            f"no column names the genes of the probes; there are {', '.join(table.columns[:12])}",
            subject="platform table",
            expected="Gene symbol, ENTREZ_GENE_ID or the like",
            remedy="Fetch the platform's annotation (.annot.gz) in place of its table",
        )

    def cells(name: str | None) -> pl.Series:
        if name is None:
            return pl.Series([None] * table.height, dtype=pl.String)
        return table[name].str.replace_all(_SEVERAL.pattern, "|").str.strip_chars("| ").replace("", None)

    return pl.DataFrame(
        {"feature_id": table[first], "gene_symbol": cells(symbol or entrez), "entrez_gene_id": cells(entrez)},
        schema=dict.fromkeys(("feature_id", "gene_symbol", "entrez_gene_id"), pl.String),
    )


def _are_numbers(cells: pl.Series) -> bool:
    told = cells.drop_nulls().str.strip_chars().replace("", None).drop_nulls()
    return bool(len(told)) and bool(told.str.contains(r"^\d+$").all())


def _described_symbols(table: pl.DataFrame) -> pl.Series | None:
    """Symbols in parentheses of RefSeq's descriptions in a column SPOT_ID, joined by `|`; None where there are none."""
    for name in table.columns:
        if not name.upper().startswith("SPOT_ID"):
            continue
        cells = table[name].to_list()
        if not any("// RefSeq //" in (cell or "") for cell in cells):
            continue
        found = ["|".join(dict.fromkeys(_IN_PARENTHESES.findall(cell or ""))) or None for cell in cells]
        return pl.Series(name, found, dtype=pl.String)
    return None


def _assigned(cell: str | None) -> tuple[str | None, str | None]:
    symbols: dict[str, None] = {}
    ids: dict[str, None] = {}
    for assignment in (cell or "").split("///"):
        parts = [part.strip() for part in assignment.split("//")]
        if len(parts) > 1 and parts[1] not in ("", "---"):
            symbols[parts[1]] = None
        if len(parts) > 4 and parts[4].isdigit():
            ids[parts[4]] = None
    return "|".join(symbols) or None, "|".join(ids) or None
