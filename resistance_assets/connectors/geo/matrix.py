"""GEO's series matrix: sample metadata and one table of values per series and platform.

Here belongs the file's grammar (https://www.ncbi.nlm.nih.gov/geo/info/download.html). The SOFT grammar, which says the
same in another way, is in `geo_soft`; whether values are counts, intensities or logarithms is told in `geo`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.connectors.geo.tables import distinct_names, number_frame, split_block
from resistance_assets.errors import DataFault, TransportFault

SERIES_SCHEMA: dict[str, type[pl.DataType]] = {"field": pl.String, "position": pl.Int64, "value": pl.String}
ATTRIBUTE_SCHEMA: dict[str, type[pl.DataType]] = {
    "geo_sample": pl.String,
    "attribute_id": pl.String,
    "position": pl.Int64,
    "value": pl.String,
}

_BEGIN, _END = b"!series_matrix_table_begin", b"!series_matrix_table_end"


@dataclass(frozen=True)
class SeriesMatrix:
    """One series matrix.

    Attributes:
        series: field (`type`, `platform_id` ...), position (from 1, where a field repeats), value.
        samples: geo_sample accessions, in the order of the columns.
        attributes: geo_sample, attribute_id (`title`, `characteristics_ch1` ...), position, value; blank cells are left
            out.
        values: feature_id, then one Float64 column per sample; no row for sequencing studies, whose values GEO keeps
            elsewhere. Each feature once.
        rejected: source, line, reason, row. Rows of the table = rows of values + rejected rows of the table.
        n_rows: rows of the table, kept or rejected.
    """

    source: str
    series: pl.DataFrame
    samples: list[str]
    attributes: pl.DataFrame
    values: pl.DataFrame
    rejected: pl.DataFrame
    n_rows: int

    def of_series(self, field: str) -> list[str]:
        """Values of a field of the series, in order."""
        return self.series.filter(pl.col("field") == field)["value"].to_list()


def read_series_matrix(path: Path) -> SeriesMatrix:
    """Read a series matrix, plain or gzip.

    Raises:
        DataFault: there is no table or more than one, the table's samples are not those of the metadata, or a sample
            occurs twice.
        TransportFault: the gzip is damaged, or the end marker of the table is missing.
    """
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    begins = _line_starts(data, _BEGIN)
    if len(begins) != 1:
        raise DataFault(
            f"the file has {len(begins)} tables",
            subject=path.name,
            expected="one line !series_matrix_table_begin",
            remedy="It is no series matrix, or two were joined: fetch it again",
        )
    start = data.find(b"\n", begins[0]) + 1 or len(data)
    ends = [place for place in _line_starts(data, _END) if place >= start]
    if not ends:
        raise TransportFault(
            "truncated: the end marker of the table is missing",
            subject=path.name,
            expected="a line !series_matrix_table_end",
            remedy="Fetch it again",
        )
    head, rejected = _metadata(data[: begins[0]], path.name)
    table = data[start : ends[0]]
    head_line = data.count(b"\n", 0, start) + 1
    header_end = table.find(b"\n")
    header_bytes = table if header_end < 0 else table[:header_end]
    header = [_unquoted(cell) for cell in header_bytes.decode("utf-8", "replace").rstrip("\r").split("\t")]
    samples = header[1:]
    if not samples or not samples[0]:
        raise DataFault("the table names no sample", subject=path.name, place="header", remedy="Fetch it again")
    if len(set(samples)) < len(samples) or "" in samples:
        raise DataFault(
            "a sample has no name or stands twice in the header",
            subject=path.name,
            place=f"line {head_line}",
            remedy="Fetch it again",
        )
    series, attributes, bad = _described(head, samples, path.name)
    names = distinct_names(["feature_id", *samples])
    block = split_block(b"" if header_end < 0 else table[header_end + 1 :], len(header), quoted=True)
    values, bad_rows, rows = number_frame(block, names)
    n_rows = len(rows) + len(bad_rows)
    first = values["feature_id"].is_first_distinct()
    if not first.all():
        reason = "repeats the feature of an earlier row, which is kept"
        lines = table.split(b"\n")
        places = rows[(~first).to_numpy()]
        bad_rows += [(int(row), reason, lines[row + 1].decode("utf-8", "replace").strip("\r")) for row in places]
        values = values.filter(first)
    rejected += bad + [(path.name, head_line + 1 + row, reason, text) for row, reason, text in sorted(bad_rows)]
    return SeriesMatrix(path.name, series, samples, attributes, values, rejected_rows(rejected), n_rows)


def _line_starts(data: bytes, marker: bytes) -> list[int]:
    places: list[int] = []
    place = data.find(marker)
    while place >= 0:
        if place == 0 or data[place - 1 : place] in (b"\n", b"\r"):
            places.append(place)
        place = data.find(marker, place + len(marker))
    return places


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell.strip('"').strip()


def _metadata(data: bytes, source: str) -> tuple[list[tuple[int, str]], list[tuple[str, int, str, str]]]:
    """Lines that start with `!`, each with its number; a quoted text may go on over several lines."""
    lines: list[tuple[int, str]] = []
    rejected: list[tuple[str, int, str, str]] = []
    # A carriage return inside of a text is part of it; GEO ends lines with a line feed.
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        text = line.rstrip("\r").replace("\r", " ")
        if not text.strip():
            continue
        if text.startswith("!"):
            lines.append((number, text))
        elif lines and lines[-1][1].count('"') % 2:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text}")
        else:
            rejected.append((source, number, "the line before the table does not start with !", text))
    return lines, rejected


def _described(
    lines: list[tuple[int, str]], samples: list[str], source: str
) -> tuple[pl.DataFrame, pl.DataFrame, list[tuple[str, int, str, str]]]:
    series: list[tuple[str, int, str]] = []
    rows: list[tuple[str, list[str], int, str]] = []
    rejected: list[tuple[str, int, str, str]] = []
    for number, text in lines:
        key, *cells = text[1:].split("\t")
        values = [_unquoted(cell) for cell in cells]
        entity, _, field = key.strip().partition("_")
        if entity == "Series":
            series += [(field, 0, value) for value in values if value]
        elif entity == "Sample":
            if len(values) == len(samples):
                rows.append((field, values, number, text))
            else:
                reason = f"the line has {len(values)} values for {len(samples)} samples"
                rejected.append((source, number, reason, text))
        else:
            rejected.append((source, number, "the line speaks neither of the series nor of its samples", text))
    accessions = next((values for field, values, *_ in rows if field == "geo_accession"), samples)
    if accessions != samples:
        raise DataFault(
            f"the table starts with sample {samples[0]} and the metadata with {accessions[0]}",
            subject=source,
            expected="the same samples in the same order",
            remedy="Fetch it again",
        )
    seen: dict[str, int] = {}
    attributes: list[tuple[str, str, int, str]] = []
    for field, values, *_ in rows:
        seen[field] = seen.get(field, 0) + 1
        attributes += [(s, field, seen[field], value) for s, value in zip(samples, values, strict=True) if value]
    frame = pl.DataFrame(series, schema=SERIES_SCHEMA, orient="row")
    frame = frame.with_columns(pl.int_range(1, pl.len() + 1).over("field").alias("position"))
    return frame, pl.DataFrame(attributes, schema=ATTRIBUTE_SCHEMA, orient="row"), rejected


# Sample sheet, for matrices and SOFT files alike

_PLAIN = (
    "title",
    "source_name_ch1",
    "organism_ch1",
    "molecule_ch1",
    "platform_id",
    "type",
    "library_strategy",
    "instrument_model",
    "description",
)


def geo_sample_sheet(attributes: pl.DataFrame) -> pl.DataFrame:
    """One row per sample, in order of appearance, from attributes as `SeriesMatrix.attributes` holds them.

    Columns, all String: sample_id (GSM accession), title, source_name, organism, molecule, platform_id, type,
    library_strategy, instrument_model, description, biosample, sra_experiment (null where not given), then
    `characteristic_<name>` for each characteristic (`characteristic_ch2_<name>` for a second channel;
    `characteristic_unnamed` for one without a name). Several values are joined by ` | `.
    """
    order = attributes["geo_sample"].unique(maintain_order=True).to_list()
    plain = [name.removesuffix("_ch1") for name in _PLAIN] + ["biosample", "sra_experiment"]
    rows: dict[str, dict[str, list[str]]] = {sample: {} for sample in order}
    extra: dict[str, None] = {}
    for sample, attribute, value in (
        attributes.sort("position", maintain_order=True).select("geo_sample", "attribute_id", "value").rows()
    ):
        column, cell = None, value
        if attribute in _PLAIN:
            column = attribute.removesuffix("_ch1")
        elif found := re.fullmatch(r"characteristics_ch(\d+)", attribute):
            name, colon, rest = value.partition(":")
            prefix = "characteristic_" if found[1] == "1" else f"characteristic_ch{found[1]}_"
            # Keys differ between samples and values may hold colons; a long text before the colon is no key.
            if colon and len(name) <= 60 and rest.strip():
                column, cell = prefix + (re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"), rest.strip()
            else:
                column = f"{prefix}unnamed"
            extra[column] = None
        elif attribute == "relation" and (found := re.search(r"BioSample:.*?(SAM[A-Z]+\d+)", value)):
            column, cell = "biosample", found[1]
        elif attribute == "relation" and (found := re.search(r"SRA:.*?([DES]RX\d+)", value)):
            column, cell = "sra_experiment", found[1]
        if column:
            rows[sample].setdefault(column, []).append(cell)
    columns = [*plain, *extra]
    records = [
        {"sample_id": s, **{c: " | ".join(dict.fromkeys(cells.get(c, []))) or None for c in columns}}
        for s, cells in rows.items()
    ]
    return pl.DataFrame(records, schema=dict.fromkeys(["sample_id", *columns], pl.String))
