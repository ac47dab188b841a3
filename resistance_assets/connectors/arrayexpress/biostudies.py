"""ArrayExpress studies as BioStudies serves them: the record, its files, and the two MAGE-TAB sheets.

Here belongs what the host answers (https://www.ebi.ac.uk/biostudies/help) and what IDF and SDRF sheets say
(https://www.ebi.ac.uk/fg/annotare/help/magetab.html). Sequencing runs and their files are told by ENA; comparing the
two is here, getting ENA's report is in `ena`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

import polars as pl

from resistance_assets.connectors.arrayexpress.ena import (
    ANALYSED_STRATEGY,
    EnaReport,
    fetch_report,
    is_analysed,
    merged_reports,
    preferred_fastq,
    select_strategy,
)
from resistance_assets.connectors.arrayexpress.processed_counts import may_be_table
from resistance_assets.connectors.formats.delimited import missing_column, read_bytes, rejected_rows
from resistance_assets.connectors.formats.json import as_list, as_object, flattened, read_json, text_of, whole_of
from resistance_assets.connectors.transport.resource import (
    Content,
    FailureKind,
    Fetched,
    Resource,
    Transport,
    require_all_pages,
    transfer_fault,
)
from resistance_assets.errors import DataFault, Fault, SourceUnavailable, TransportFault

HOST = "https://www.ebi.ac.uk/biostudies"
PAGE = 1000
"""Files per page: the host answers a larger limit with no item at all."""

FILE_SCHEMA: dict[str, type[pl.DataType]] = {
    "path": pl.String,
    "size_bytes": pl.Int64,
    "file_type": pl.String,
    "section": pl.String,
    "description": pl.String,
}
LINK_SCHEMA: dict[str, type[pl.DataType]] = {"link_type": pl.String, "target": pl.String}
IDF_SCHEMA: dict[str, type[pl.DataType]] = {
    "line": pl.Int64,
    "field": pl.String,
    "position": pl.Int64,
    "value": pl.String,
}
CELL_SCHEMA: dict[str, type[pl.DataType]] = {
    "line": pl.Int64,
    "column_number": pl.Int64,
    "kind": pl.String,
    "name": pl.String,
    "value": pl.String,
    "unit": pl.String,
}
DIFFERENCE_SCHEMA: dict[str, type[pl.DataType]] = {
    "run_accession": pl.String,
    "field": pl.String,
    "difference": pl.String,
    "sdrf_value": pl.String,
    "ena_value": pl.String,
}


# The host's answers


def study_resource(accession: str) -> Resource:
    """The record of a study; the accession is case-sensitive."""
    return Resource(f"{HOST}/api/v1/studies/{accession}", content="json", name=f"record of {accession}")


def info_resource(accession: str) -> Resource:
    """Where a study's files are and when it was modified. `{}` (unknown or private) is refused by the transport."""
    return Resource(f"{HOST}/api/v1/studies/{accession}/info", content="json", name=f"info of {accession}")


def file_page_resource(accession: str, offset: int = 0) -> Resource:
    """One page of a study's files; the host floors the offset to a multiple of the limit."""
    return Resource(
        f"{HOST}/api/v1/studies/{accession}/files?limit={PAGE}&offset={offset}",
        content="json",
        name=f"files of {accession}",
    )


@dataclass(frozen=True)
class StudyRecord:
    """The record: accession, title, release_date, study_type, organism, description (null where not given), and links:
    link_type ("ENA", "GEO" ...), target (an accession)."""

    accession: str
    title: str | None
    release_date: str | None
    study_type: str | None
    organism: str | None
    description: str | None
    links: pl.DataFrame


@dataclass(frozen=True)
class StudyInfo:
    """Where the files are: http_link (without the final `/Files`), and `modified`, `released` in milliseconds since
    1970. `version` is the change token: the first of the two that is given."""

    http_link: str | None
    modified: int | None
    released: int | None
    n_files: int | None

    @property
    def version(self) -> str | None:
        """Change token, or null where the host gives no date."""
        if self.modified is not None:
            return f"modified:{self.modified}"
        return f"released:{self.released}" if self.released is not None else None


def read_record(path: Path, *, source: str | None = None) -> StudyRecord:
    """Read /studies/{accession}. Subsections and links may be objects, lists, or lists of lists.

    Raises DataFault if it is no JSON object, has no accession, or is an error message.
    """
    source = source or path.name
    document = as_object(read_json(path, source=source), source=source)
    accession = text_of(document.get("accno"))
    if accession is None:
        raise DataFault(
            text_of(document.get("errorMessage")) or "the record has no accession",
            subject=source,
            expected="a record with accno",
            remedy="Check the accession, capitals included",
        )
    section = flattened(document.get("section"))
    study = section[0] if section else {}
    own = _attributes(document)
    of_study = _attributes(study)
    links = [
        (_attributes(link).get("type"), text_of(link.get("url")))
        for part in _with_subsections(study)
        for link in flattened(part.get("links"))
    ]
    return StudyRecord(
        accession=accession,
        title=of_study.get("title") or own.get("title"),
        release_date=own.get("releasedate"),
        study_type=of_study.get("study type"),
        organism=of_study.get("organism"),
        description=of_study.get("description"),
        links=pl.DataFrame([link for link in links if link[1]], schema=LINK_SCHEMA, orient="row").unique(
            maintain_order=True
        ),
    )


def _with_subsections(section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    waiting: list[Mapping[str, Any]] = [section]
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting += reversed(flattened(part.get("subsections")))
    return found


def _attributes(item: Mapping[str, Any]) -> dict[str, str]:
    """Attributes by lower-case name; the first of a repeated name; an attribute without a value is left out."""
    found: dict[str, str] = {}
    for attribute in flattened(item.get("attributes")):
        name, value = text_of(attribute.get("name")), text_of(attribute.get("value"))
        if name and value:
            found.setdefault(name.lower(), value)
    return found


def read_info(path: Path, *, source: str | None = None) -> StudyInfo:
    """Read /studies/{accession}/info. Raises DataFault for `{}`, which hosts send for a study they do not know."""
    source = source or path.name
    document = as_object(read_json(path, source=source), source=source)
    if not document:
        raise DataFault(
            "the answer is an empty object", subject=source, remedy="Check the accession, capitals included"
        )
    return StudyInfo(
        http_link=text_of(document.get("httpLink")),
        modified=whole_of(document.get("modified")),
        released=whole_of(document.get("released")),
        n_files=whole_of(document.get("files")),
    )


def read_file_page(path: Path, *, source: str | None = None) -> tuple[pl.DataFrame, int]:
    """Read one page of /files: path, size_bytes, file_type, section, description; and how many files there are in all.

    Raises DataFault if the page has no `items` or no `pagination.total`, or an item has no path.
    """
    source = source or path.name
    document = as_object(read_json(path, source=source), source=source)
    items = as_list(document.get("items"), source=source, place="items")
    total = whole_of(flattened(document.get("pagination"))[0].get("total") if document.get("pagination") else None)
    if total is None:
        raise DataFault("the page does not say how many files there are", subject=source, remedy="Fetch it again")
    rows = []
    for number, item in enumerate(flattened(items), start=1):
        name = text_of(item.get("path"))
        if name is None:
            raise DataFault("the file has no path", subject=source, place=f"item {number}", remedy="Fetch it again")
        rows.append(
            {
                "path": name,
                "size_bytes": whole_of(item.get("Size", item.get("size"))),
                "file_type": text_of(item.get("Type")) or text_of(item.get("type")),
                "section": text_of(item.get("Section")),
                "description": text_of(item.get("Description")),
            }
        )
    return pl.DataFrame(rows, schema=FILE_SCHEMA), total


def list_files(transport: Transport, accession: str) -> pl.DataFrame:
    """Every file of a study, each once, over as many pages as there are.

    Columns: path, size_bytes (the only published check of a file), file_type, section, description.

    Raises:
        TransportFault: the host declares no file (so it answers for a study that is unknown, private or written with
            other capitals), or fewer files were received than it declares.
    """
    pages: list[pl.DataFrame] = []
    offset = 0
    while True:
        resource = file_page_resource(accession, offset)
        page, total = read_file_page(transport.fetch(resource).path, source=f"files of {accession}")
        if not total:
            raise transfer_fault(
                FailureKind.EMPTY_OR_ERROR_JSON,
                "the host declares no file",
                subject=resource.label,
                remedy="Check the accession, capitals included, and that the study is public",
            )
        pages.append(page)
        files = pl.concat(pages).unique("path", keep="first", maintain_order=True)
        known = pl.concat(pages[:-1])["path"].n_unique() if len(pages) > 1 else 0
        offset += PAGE
        # Past its end the host repeats the last page; a page without news means that no further one will help.
        if files.height >= total or files.height == known:
            require_all_pages(files.height, total, subject=f"files of {accession}")
            return files


def file_addresses(accession: str, path: str, info: StudyInfo | None) -> list[str]:
    """Where a file may be had, best first: the host (which redirects), then the mirror that /info names or, where it
    names none, the mirror by rule (folder by the last three digits of the accession)."""
    encoded = quote(path)
    addresses = [f"{HOST}/files/{accession}/{encoded}"]
    if info is not None and info.http_link:
        addresses.append(f"{info.http_link.rstrip('/')}/Files/{encoded}")
    else:
        prefix, _, number = accession.rpartition("-")
        folder = f"{prefix}-/{number[-3:].zfill(3)}/{accession}"
        addresses.append(f"https://ftp.ebi.ac.uk/biostudies/fire/{folder}/Files/{encoded}")
    return addresses


def fetch_file(
    transport: Transport,
    accession: str,
    path: str,
    *,
    info: StudyInfo | None = None,
    size_bytes: int | None = None,
    content: Content = "any",
    markers: tuple[str, ...] = (),
) -> Fetched:
    """One file of a study: from the host, or from its mirror where the host has lost it (it does for names that are not
    ASCII). Raises the host's own fault if neither has it."""
    first: Fault | None = None
    for url in file_addresses(accession, path, info):
        resource = Resource(
            url, content=content, size_bytes=size_bytes, markers=markers, name=f"{accession} file {path}"
        )
        try:
            return transport.fetch(resource)
        except (SourceUnavailable, TransportFault) as fault:
            first = first or fault
    assert first is not None  # there are always at least two addresses
    raise first


# IDF


@dataclass(frozen=True)
class Idf:
    """Investigation sheet. `fields`: line, field (as written), position (1-based column after the field), value; blank
    cells are left out, their position is kept."""

    fields: pl.DataFrame

    def values(self, field: str) -> list[str]:
        """Values of a field, whatever the spaces and capitals of its name (`Comment [X]` is `Comment[X]`)."""
        wanted = normal_name(field)
        names = self.fields["field"].map_elements(normal_name, return_dtype=pl.String)
        return self.fields.filter(names == wanted)["value"].to_list()

    @property
    def sdrf_files(self) -> list[str]:
        """Names of the sample sheets; a study with arrays and sequencing has two."""
        return self.values("SDRF File")

    @property
    def sequence_studies(self) -> list[str]:
        """ENA study accessions (ERP..., PRJ...) among the secondary accessions."""
        return [value for value in self.values("Comment[SecondaryAccession]") if _STUDY.fullmatch(value)]


_STUDY = re.compile(r"[DES]RP\d+|PRJ[A-Z]+\d+")


def ena_studies(record: StudyRecord | None, idf: Idf | None) -> list[str]:
    """ENA study accessions that the record's links and the IDF name, each once."""
    linked = [] if record is None else [t for t in record.links["target"].to_list() if _STUDY.fullmatch(t)]
    return list(dict.fromkeys([*linked, *([] if idf is None else idf.sequence_studies)]))


def normal_name(name: str) -> str:
    """A column or field name without spaces and capitals: the same columns are written in both ways."""
    return re.sub(r"\s+", "", name).lower()


def read_idf(path: Path) -> Idf:
    """Read an IDF: one field per line, its values after it; blank lines and ragged rows are usual.

    Raises DataFault if the file is empty, not UTF-8 or Latin-1 text, or has no field `SDRF File`.
    """
    rows: list[tuple[int, str, int, str]] = []
    for line, cells in _tab_rows(path):
        if not cells[0]:
            continue
        rows += [(line, cells[0], position, cell) for position, cell in enumerate(cells[1:], start=1) if cell]
    idf = Idf(pl.DataFrame(rows, schema=IDF_SCHEMA, orient="row"))
    if not idf.sdrf_files:
        raise DataFault(
            "no field names the sample sheet",
            subject=path.name,
            expected="a line SDRF File",
            remedy="The file is cut or is no IDF: fetch it again",
        )
    return idf


def _tab_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and stripped cells of every line that is not blank. Raises DataFault for an empty or binary file."""
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        raise DataFault("the file is binary", subject=path.name, remedy="Fetch it again")
    # Sheets are UTF-8; some old ones hold a Latin-1 name, which must not cost the whole sheet.
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    width = len(next((line for line in lines if line.strip()), "").split("\t"))
    rows = [
        (number, [_unquoted(cell) for cell in line.split("\t")])
        for number, line in _joined_lines(lines, width)
        if line.strip()
    ]
    if not rows:
        raise DataFault("the file is empty", subject=path.name, remedy="Fetch it again")
    return rows


def _joined_lines(lines: list[str], width: int, most: int = 20) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a quoted cell that goes on in the next lines is joined where that makes a whole row."""
    at = 0
    while at < len(lines):
        line, step = lines[at], 1
        if '"' in line and _is_open(line):
            for last in range(at + 1, min(at + most, len(lines))):
                joined = " ".join(lines[at : last + 1])
                if joined.count("\t") + 1 > width:
                    break
                if not _is_open(joined) and joined.count("\t") + 1 == width:
                    line, step = joined, last + 1 - at
                    break
        yield at + 1, line
        at += step


def _is_open(line: str) -> bool:
    last = line.rpartition("\t")[2].strip()
    return last.startswith('"') and (len(last) == 1 or not last.endswith('"'))


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


# SDRF


@dataclass(frozen=True)
class Sdrf:
    """Sample sheet: one row per data file, columns by position, because names repeat.

    Attributes:
        source: what messages call it.
        header: column names as written.
        cells: line, column_number (1-based), kind (`characteristics`, `factorvalue`, `comment`, `parametervalue`, or
            the name itself without spaces, as `sourcename`), name (what stands in the brackets, else the column's
            name), value, unit (of the `Unit[...]` column that follows). Blank cells are left out.
        n_rows: data rows kept.
        rejected: source, line, reason, row. Rows in = n_rows + rows of rejected.
    """

    source: str
    header: list[str]
    cells: pl.DataFrame
    n_rows: int
    rejected: pl.DataFrame

    def column(self, kind: str, name: str | None = None) -> dict[int, list[str]]:
        """Values by line of every column of a kind (and name in brackets), in the order of the columns."""
        chosen = self.cells.filter(pl.col("kind") == kind)
        if name is not None:
            names = chosen["name"].map_elements(normal_name, return_dtype=pl.String)
            chosen = chosen.filter(names == normal_name(name))
        found: dict[int, list[str]] = {}
        for line, value in chosen.sort("line", "column_number").select("line", "value").rows():
            found.setdefault(line, []).append(value)
        return found


_BRACKETS = re.compile(r"\s*([^\[\]]+?)\s*\[\s*(.*?)\s*\]\s*(?:\(.*\)\s*)?")


def _split_name(name: str) -> tuple[str, str]:
    found = _BRACKETS.fullmatch(name)
    return (normal_name(found[1]), found[2]) if found else (normal_name(name), name.strip())


def read_sdrf(path: Path) -> Sdrf:
    """Read an SDRF. Rows shorter than the header are filled with blanks (trailing cells are often cut).

    Rejected: a row with more cells than the header, or without a source name.

    Raises:
        DataFault: the file is empty or binary, or has no column Source Name.
    """
    rows = _tab_rows(path)
    header = rows[0][1]
    while header and not header[-1]:
        header.pop()
    columns = [_split_name(name) for name in header]
    kinds = [kind for kind, _ in columns]
    if "sourcename" not in kinds:
        raise missing_column("Source Name", [name for name in header if name], source=path.name)
    source_at = kinds.index("sourcename")
    cells: list[tuple[int, int, str, str, str, str | None]] = []
    rejected: list[tuple[str, int, str, str]] = []
    kept = 0
    for line, values in rows[1:]:
        while len(values) > len(header) and not values[-1]:
            values.pop()
        reason = None
        if len(values) > len(header):
            reason = f"the row has {len(values)} cells and the header {len(header)}"
        elif len(values) <= source_at or not values[source_at]:
            reason = "blank Source Name"
        if reason:
            rejected.append((path.name, line, reason, "\t".join(values)))
            continue
        kept += 1
        for at, value in enumerate(values):
            kind, name = columns[at]
            if not value or kind in ("unit", "termsourceref", "termaccessionnumber") or not kind:
                continue
            has_unit = at + 1 < len(values) and kinds[at + 1] == "unit"
            cells.append((line, at + 1, kind, name, value, (values[at + 1] or None) if has_unit else None))
    frame = pl.DataFrame(cells, schema=CELL_SCHEMA, orient="row")
    return Sdrf(path.name, header, frame, kept, rejected_rows(rejected))


_ID_COLUMNS: tuple[tuple[str, str, str | None], ...] = (
    ("source_name", "sourcename", None),
    ("extract_name", "extractname", None),
    ("assay_name", "assayname", None),
    ("hybridization_name", "hybridizationname", None),
    ("array_design", "arraydesignref", None),
    ("array_data_file", "arraydatafile", None),
    ("derived_data_file", "derivedarraydatafile", None),
    ("ena_sample", "comment", "ENA_SAMPLE"),
    ("biosample", "comment", "BioSD_SAMPLE"),
    ("ena_experiment", "comment", "ENA_EXPERIMENT"),
    ("library_layout", "comment", "LIBRARY_LAYOUT"),
    ("library_strategy", "comment", "LIBRARY_STRATEGY"),
    ("library_source", "comment", "LIBRARY_SOURCE"),
    ("technical_replicate_group", "comment", "technical replicate group"),
)
_MORE_THAN_ONE = " | "


def sample_sheet(sdrf: Sdrf) -> pl.DataFrame:
    """One row per sequencing run; per assay, hybridisation or source where a row names no run.

    Columns, all String: sample_id (run accession, else assay, hybridisation or source name), run_accession (null for
    arrays), source_name, extract_name, assay_name, hybridization_name, array_design, array_data_file,
    derived_data_file, ena_sample, biosample, ena_experiment, library_layout, library_strategy, library_source,
    technical_replicate_group, then
    `characteristic_<name>` and `factor_<name>` for each that the sheet has, and `<column>_unit` where units are given.
    Where the rows of a run say different things, they are joined by ` | `.
    """
    runs = sdrf.column("comment", "ENA_RUN")
    fallbacks = [sdrf.column(kind) for kind in ("assayname", "hybridizationname", "sourcename")]
    lines = sdrf.cells["line"].unique(maintain_order=True).to_list()
    sample_of: dict[int, str] = {}
    for line in lines:
        sample_of[line] = next(column[line][0] for column in (runs, *fallbacks) if column.get(line))
    named: dict[str, dict[int, list[str]]] = {ours: sdrf.column(kind, name) for ours, kind, name in _ID_COLUMNS}
    units: dict[str, dict[int, list[str]]] = {}
    for kind, prefix in (("characteristics", "characteristic"), ("factorvalue", "factor")):
        chosen = sdrf.cells.filter(pl.col("kind") == kind).sort("line", "column_number")
        for line, name, value, unit in chosen.select("line", "name", "value", "unit").rows():
            column = f"{prefix}_{_slug(name)}"
            named.setdefault(column, {}).setdefault(line, []).append(value)
            if unit:
                units.setdefault(f"{column}_unit", {}).setdefault(line, []).append(unit)
    columns = {"run_accession": runs, **named, **units}
    order = [*dict.fromkeys(columns)]
    by_sample: dict[str, dict[str, list[str]]] = {}
    for line in lines:
        row = by_sample.setdefault(sample_of[line], {})
        for column in order:
            row.setdefault(column, []).extend(columns[column].get(line, []))
    records = [
        {"sample_id": sample, **{column: _joined(values) for column, values in row.items()}}
        for sample, row in by_sample.items()
    ]
    return pl.DataFrame(records, schema=dict.fromkeys(["sample_id", *order], pl.String))


def _joined(values: list[str]) -> str | None:
    return _MORE_THAN_ONE.join(dict.fromkeys(values)) or None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"


# SDRF against ENA

Difference = Literal[
    "run only in the sample sheet",
    "run only at ENA",
    "values differ",
    "rows of the run disagree",
    "address malformed",
    "file only in the sample sheet",
    "file only at ENA",
    "md5 unknown to ENA",
    "no FASTQ at ENA",
]

_ADDRESS = re.compile(r"(?:ftp|https?)://[^\s/]+/\S*?\.(?:fastq|fq|bam|cram|sff|csfasta)(?:\.gz)?", re.IGNORECASE)


def reconcile(sdrf: Sdrf, ena: EnaReport) -> pl.DataFrame:
    """Where the sample sheet and ENA's report of a study do not say the same. No row means that they agree.

    Compared per run: presence on either side, sample, experiment, layout and strategy, the FASTQ files by name, and
    md5 sums (which sheets give for submitted or for ENA's own files). Values are compared without capitals.

    Returns:
        run_accession, field, difference (see `Difference`), sdrf_value, ena_value (String; null where a side is
        silent), sorted by run and field.
    """
    found: list[tuple[str, str, str, str | None, str | None]] = []
    runs = sdrf.column("comment", "ENA_RUN")
    lines_of: dict[str, list[int]] = {}
    for line, accessions in runs.items():
        for accession in accessions:
            lines_of.setdefault(accession, []).append(line)
    known = {row["run_accession"]: row for row in ena.runs.to_dicts()}
    found += [(run, "run_accession", "run only in the sample sheet", run, None) for run in lines_of.keys() - known]
    found += [(run, "run_accession", "run only at ENA", None, run) for run in known.keys() - lines_of]
    compared = (
        ("sample", ("ENA_SAMPLE", "secondary_sample_accession")),
        ("biosample", ("BioSD_SAMPLE", "sample_accession")),
        ("experiment", ("ENA_EXPERIMENT", "experiment_accession")),
        ("library_layout", ("LIBRARY_LAYOUT", "library_layout")),
        ("library_strategy", ("LIBRARY_STRATEGY", "library_strategy")),
    )
    for field, (comment, reported) in compared:
        column = sdrf.column("comment", comment)
        for run in lines_of.keys() & known:
            stated = list(dict.fromkeys(value for line in lines_of[run] for value in column.get(line, [])))
            if len(stated) > 1:
                found.append((run, field, "rows of the run disagree", _joined(stated), known[run][reported]))
            elif stated and known[run][reported] and stated[0].lower() != known[run][reported].lower():
                found.append((run, field, "values differ", stated[0], known[run][reported]))
    found += _file_differences(sdrf, ena, lines_of, set(known))
    return pl.DataFrame(found, schema=DIFFERENCE_SCHEMA, orient="row").sort(
        "run_accession", "field", "difference", "sdrf_value", "ena_value", nulls_last=True
    )


def _file_differences(
    sdrf: Sdrf, ena: EnaReport, lines_of: Mapping[str, list[int]], known: set[str]
) -> list[tuple[str, str, str, str | None, str | None]]:
    found: list[tuple[str, str, str, str | None, str | None]] = []
    uris, md5s = sdrf.column("comment", "FASTQ_URI"), sdrf.column("comment", "MD5")
    names_at_ena: dict[str, set[str]] = {}
    sums_at_ena: dict[str, set[str]] = {}
    for run, name, md5 in ena.files.select("run_accession", "file_name", "md5").rows():
        names_at_ena.setdefault(run, set()).add(name)
        if md5:
            sums_at_ena.setdefault(run, set()).add(md5)
    wanted: dict[str, set[str]] = {}
    for run, name in preferred_fastq(ena.files).select("run_accession", "file_name").rows():
        wanted.setdefault(run, set()).add(name)
    for run in lines_of.keys() & known:
        listed: set[str] = set()
        for uri in dict.fromkeys(value for line in lines_of[run] for value in uris.get(line, [])):
            # Two addresses glued, or an address with another file's name behind it, have been seen.
            addresses = _ADDRESS.findall(uri)
            if len(addresses) != 1 or addresses[0] != uri:
                found.append((run, "fastq_uri", "address malformed", uri, None))
            listed |= {PurePosixPath(address).name for address in addresses}
        at_ena = names_at_ena.get(run, set())
        found += [(run, "fastq_file", "file only in the sample sheet", name, None) for name in listed - at_ena]
        if listed:
            found += [(run, "fastq_file", "file only at ENA", None, name) for name in wanted.get(run, set()) - listed]
        if run not in wanted:
            found.append((run, "fastq_file", "no FASTQ at ENA", None, None))
        stated = {value.lower() for line in lines_of[run] for value in md5s.get(line, [])}
        sums = sums_at_ena.get(run)
        if sums:
            found += [(run, "md5", "md5 unknown to ENA", md5, _joined(sorted(sums))) for md5 in stated - sums]
    return found


# A study as a whole


@dataclass(frozen=True)
class SequencingStudy:
    """A study with what its assets need.

    Attributes:
        record, info: as `read_record` and `read_info`.
        files: every file of the record: path, size_bytes, file_type, section, description.
        idf: investigation sheet.
        samples: one row per run or assay, as `sample_sheet`; of several SDRF files, one below the other.
        runs, run_files: as `EnaReport.runs` and `EnaReport.files`; empty for a study without sequencing.
        differences: as `reconcile`.
        processed: the part of `files` that holds processed data, which is used before anything is quantified.
        rejected: source, line, reason, row, of all sheets and reports.
        fetched: the files that were fetched, for checksums.
    """

    record: StudyRecord
    info: StudyInfo
    files: pl.DataFrame
    idf: Idf
    samples: pl.DataFrame
    runs: pl.DataFrame
    run_files: pl.DataFrame
    differences: pl.DataFrame
    processed: pl.DataFrame
    rejected: pl.DataFrame
    fetched: list[Fetched]


def fetch_study(transport: Transport, accession: str) -> SequencingStudy:
    """Everything that the host and ENA say of a study; no sequence is fetched.

    Raises TransportFault, SourceUnavailable or DataFault as the parts do.
    """
    got = [transport.fetch(study_resource(accession)), transport.fetch(info_resource(accession))]
    record = read_record(got[0].path, source=f"record of {accession}")
    info = read_info(got[1].path, source=f"info of {accession}")
    files = list_files(transport, accession)
    sizes = dict(files.select("path", "size_bytes").rows())
    idf_path = next((path for path in sizes if path.endswith(".idf.txt")), f"{accession}.idf.txt")
    got.append(fetch_file(transport, accession, idf_path, info=info, size_bytes=sizes.get(idf_path), content="text"))
    idf = read_idf(got[-1].path)
    sheets: list[Sdrf] = []
    for name in idf.sdrf_files:
        path = next((path for path in sizes if PurePosixPath(path).name == name), name)
        got.append(
            fetch_file(
                transport, accession, path, info=info, size_bytes=sizes.get(path), content="tsv", markers=("Name",)
            )
        )
        sheets.append(read_sdrf(got[-1].path))
    reports = [fetch_report(transport, study) for study in ena_studies(record, idf)]
    whole_report = merged_reports(reports)
    report = select_strategy(whole_report)
    differences = [
        reconcile(sheet, whole_report)
        for sheet in sheets
        if whole_report.runs.height or sheet.column("comment", "ENA_RUN")
    ]
    samples = pl.concat([sample_sheet(sheet) for sheet in sheets], how="diagonal")
    samples, other_assays = _select_assays(samples, report, whole_report, sheets[0].source if sheets else accession)
    derived = {name for cell in samples["derived_data_file"].drop_nulls() for name in cell.split(_MORE_THAN_ONE)}
    processed = files.filter(
        pl.col("section").fill_null("").str.contains("(?i)processed")
        | pl.col("description").fill_null("").str.contains("(?i)processed")
        | pl.col("path").str.split("/").list.last().is_in(derived)
    )
    return SequencingStudy(
        record=record,
        info=info,
        files=files,
        idf=idf,
        samples=samples,
        runs=report.runs,
        run_files=report.files,
        differences=pl.concat([pl.DataFrame(schema=DIFFERENCE_SCHEMA), *differences]),
        processed=processed,
        rejected=pl.concat([report.rejected, other_assays, *(sheet.rejected for sheet in sheets)]),
        fetched=got,
    )


def _select_assays(
    samples: pl.DataFrame, report: EnaReport, whole_report: EnaReport, source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a sample sheet of the strategy that is analysed, and those of another one, rejected."""
    left_out = set(whole_report.runs["run_accession"]) - set(report.runs["run_accession"])
    is_chosen = is_analysed(samples["library_strategy"])
    # ENA's word on a run that it holds; the sheet's on all others.
    is_known = samples["run_accession"].is_in(report.runs["run_accession"].implode()).fill_null(False)
    is_of_other_run = samples["run_accession"].is_in(list(left_out)).fill_null(False)
    is_other = is_of_other_run | (samples["library_strategy"].is_not_null() & ~is_chosen & ~is_known)
    if not (is_known | is_chosen).any() or not is_other.any():
        return samples, rejected_rows()
    others = samples.filter(is_other)
    told = others.select(
        pl.lit(source).alias("source"),
        pl.lit(None, pl.Int64).alias("line"),
        pl.format("an assay of {}, and assays of {} are analysed", pl.col("library_strategy").fill_null("another kind"),
                  pl.lit(ANALYSED_STRATEGY)).alias("reason"),
        pl.coalesce("run_accession", "sample_id").alias("row"),
    )  # fmt: skip
    return samples.filter(~is_other), told


def fetch_processed(transport: Transport, accession: str, study: SequencingStudy) -> dict[str, Fetched | Fault]:
    """Processed files of a study that may be tables, by path; the fault in place of one that could not be had.

    The reads stand in for what is missing, so a fault here is told and does not end the crawl.
    """
    found: dict[str, Fetched | Fault] = {}
    for path, size in study.processed.select("path", "size_bytes").rows():
        if may_be_table(path):
            try:
                found[path] = fetch_file(transport, accession, path, info=study.info, size_bytes=size)
            except (SourceUnavailable, TransportFault) as fault:
                found[path] = fault
    return found


def accession_of(url: str) -> str:
    """The accession that the address of a record ends with."""
    return url.rstrip("/").rpartition("/")[2]
