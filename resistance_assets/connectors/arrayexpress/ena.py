"""Runs and their files as the European Nucleotide Archive reports them.

Here belongs the file report of the Portal API (https://www.ebi.ac.uk/ena/portal/api/): one row per run, with parallel
lists of addresses, checksums and sizes. What a run is a sample of is told by the study's own sheet and does not belong
here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl

from resistance_assets.connectors.formats.delimited import missing_column, read_bytes, rejected_rows, split_text
from resistance_assets.connectors.formats.json import as_list, as_object, read_json, text_of
from resistance_assets.connectors.transport.resource import FailureKind, Resource, Transport, transfer_fault
from resistance_assets.errors import DataFault

PORTAL = "https://www.ebi.ac.uk/ena/portal/api"

_TEXT_FIELDS = (
    "study_accession",
    "experiment_accession",
    "sample_accession",
    "secondary_sample_accession",
    "sample_title",
    "library_layout",
    "library_strategy",
    "library_source",
    "first_public",
    "last_updated",
)
_NUMBER_FIELDS = ("read_count", "base_count")
_FILE_FIELDS = ("fastq_ftp", "fastq_bytes", "fastq_md5", "submitted_ftp", "submitted_bytes", "submitted_md5")
REPORT_FIELDS = ("run_accession", *_TEXT_FIELDS, *_NUMBER_FIELDS, *_FILE_FIELDS)
"""Fields that are asked for."""

RUN_SCHEMA: dict[str, type[pl.DataType]] = {
    "run_accession": pl.String,
    **dict.fromkeys(_TEXT_FIELDS, pl.String),
    **dict.fromkeys(_NUMBER_FIELDS, pl.Int64),
}
FILE_SCHEMA: dict[str, type[pl.DataType]] = {
    "run_accession": pl.String,
    "origin": pl.String,
    "file_name": pl.String,
    "read": pl.String,
    "url": pl.String,
    "md5": pl.String,
    "size_bytes": pl.Int64,
}

_RUN = re.compile(r"[DES]RR\d+")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_FASTQ = re.compile(r"\.(?:fastq|fq)(?:\.gz)?$", re.IGNORECASE)
_MATE = re.compile(r"(?:_R?|\.)([12])(?:_001)?\.(?:fastq|fq)(?:\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class EnaReport:
    """What ENA knows of the runs of a study.

    Attributes:
        runs: run_accession, study_accession, experiment_accession, sample_accession (BioSamples id),
            secondary_sample_accession (ERS id), sample_title, library_layout, library_strategy, library_source,
            first_public, last_updated (String), read_count, base_count (Int64; per spot for some runs, per file for
            others). Sorted by run; what the report lacks is null.
        files: run_accession, origin ("fastq": made by ENA, "submitted": as the submitter sent it), file_name, read
            ("1", "2", "single", "orphan" for the unpaired reads of a paired run, null for what is no FASTQ), url
            (https), md5 (lower case; null where not published), size_bytes. Sorted by run, origin and the host's order.
        rejected: source, line, reason, row. Rows in = rows of runs + rows of rejected.
    """

    runs: pl.DataFrame
    files: pl.DataFrame
    rejected: pl.DataFrame


def report_resource(accession: str, fields: Sequence[str] = REPORT_FIELDS) -> Resource:
    """The file report of a study, sample, experiment or run. `limit=0` asks for every row."""
    query = urlencode(
        {"accession": accession, "result": "read_run", "fields": ",".join(fields), "format": "tsv", "limit": "0"},
        safe=",",
    )
    return Resource(
        f"{PORTAL}/filereport?{query}", content="tsv", markers=("run_accession",), name=f"ENA report of {accession}"
    )


def fetch_report(transport: Transport, accession: str) -> EnaReport:
    """The report of a study.

    Raises:
        SourceUnavailable: the host knows no public run of it (an empty answer, or a header without a row).
        TransportFault, DataFault: as `Transport.fetch` and `read_report`.
    """
    resource = report_resource(accession)
    report = read_report(transport.fetch(resource).path, source=f"ENA report of {accession}")
    if not report.runs.height and not report.rejected.height:
        raise transfer_fault(
            FailureKind.NO_CONTENT,
            "the report has a header and no run",
            subject=resource.label,
            remedy="Check that the study is public and that its sequencing runs are not under controlled access",
        )
    return report


def merged_reports(reports: Sequence[EnaReport]) -> EnaReport:
    """Reports of several studies as one; a run that two of them hold is there once. Empty where there is none."""
    runs = pl.concat([pl.DataFrame(schema=RUN_SCHEMA), *(report.runs for report in reports)])
    files = pl.concat([pl.DataFrame(schema=FILE_SCHEMA), *(report.files for report in reports)])
    return EnaReport(
        runs.unique("run_accession", keep="first", maintain_order=True),
        files.unique(maintain_order=True),
        pl.concat([rejected_rows(), *(report.rejected for report in reports)]),
    )


ANALYSED_STRATEGY = "RNA-Seq"
"""Library strategy of the runs that are quantified, where a study has runs of several."""
_ALIKE = ("rna-seq", "ssrna-seq")


def select_strategy(report: EnaReport) -> EnaReport:
    """The report without runs of another library strategy, such as exomes of the same samples; they are rejected.

    A report without any run of RNA-Seq stays as it is: there is nothing to choose from.
    """
    chosen = is_analysed(report.runs["library_strategy"])
    other = report.runs["library_strategy"].is_not_null() & ~chosen
    if not chosen.any() or not other.any():
        return report
    left_out = report.runs.filter(other)
    rejected = rejected_rows(
        ("ENA report", 0, f"a run of {kind}, and runs of {ANALYSED_STRATEGY} are analysed", f"{run} ({sample})")
        for run, kind, sample in left_out.select(
            "run_accession", "library_strategy", pl.coalesce("sample_title", "secondary_sample_accession").fill_null("")
        ).rows()
    ).with_columns(line=pl.lit(None, pl.Int64))
    return EnaReport(
        report.runs.filter(~other),
        report.files.filter(~pl.col("run_accession").is_in(left_out["run_accession"].implode())),
        pl.concat([report.rejected, rejected]),
    )


def is_analysed(strategies: pl.Series) -> pl.Series:
    """Whether library strategies are those that are quantified; false where there is none."""
    return strategies.str.strip_chars().str.to_lowercase().is_in(_ALIKE).fill_null(False)


def read_report(path: Path, *, source: str | None = None) -> EnaReport:
    """Read a file report: tab-separated in any column order, or JSON (a list of objects).

    A run whose lists of addresses, checksums and sizes do not have the same length, or whose cells hold something else
    than their column says (hosts have swapped columns), is rejected, not guessed at.

    Raises:
        DataFault: the file is empty or ragged, or has no column run_accession.
    """
    source = source or path.name
    records, lines, texts = _records(path, source)
    runs: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    rejected: list[tuple[str, int, str, str]] = []
    seen: set[str] = set()
    for record, line, text in zip(records, lines, texts, strict=True):
        run = record.get("run_accession")
        try:
            if run is None or not _RUN.fullmatch(run):
                raise _RowError(f"{run!r} is not the accession of a run")
            if run in seen:
                raise _RowError("repeats the run of an earlier row, which is kept")
            row = {name: record.get(name) for name in ("run_accession", *_TEXT_FIELDS)}
            row |= {name: _whole(record.get(name), name) for name in _NUMBER_FIELDS}
            of_run = [*_files(record, "fastq"), *_files(record, "submitted")]
        except _RowError as error:
            rejected.append((source, line, str(error), text))
            continue
        seen.add(run)
        runs.append(row)
        files += of_run
    order = pl.DataFrame(files, schema=FILE_SCHEMA).sort("run_accession", "origin", maintain_order=True)
    return EnaReport(pl.DataFrame(runs, schema=RUN_SCHEMA).sort("run_accession"), order, rejected_rows(rejected))


def preferred_fastq(files: pl.DataFrame) -> pl.DataFrame:
    """Of each run, the FASTQ files to quantify: ENA's own, else the submitter's; orphan reads are left out.

    Same columns as `EnaReport.files`. A run without FASTQ is not in the result.
    """
    reads = files.filter(pl.col("read").is_not_null() & (pl.col("read") != "orphan"))
    has_own = (pl.col("origin") == "fastq").any().over("run_accession")
    return reads.filter((pl.col("origin") == "fastq") | ~has_own).sort("run_accession", "read", "file_name")


def fastq_resources(files: pl.DataFrame) -> list[Resource]:
    """What to fetch for rows of `EnaReport.files`, with the checksums and sizes that ENA publishes."""
    return [
        Resource(
            row["url"],
            md5=row["md5"],
            size_bytes=row["size_bytes"],
            content="gzip" if row["file_name"].endswith(".gz") else "any",
            name=f"reads {row['file_name']} of {row['run_accession']}",
        )
        for row in files.to_dicts()
    ]


class _RowError(Exception):
    """Why one row is rejected."""


def _records(path: Path, source: str) -> tuple[list[dict[str, str | None]], list[int], list[str]]:
    data = read_bytes(path)
    if data.lstrip()[:1] in (b"[", b"{"):
        items = as_list(read_json(path, source=source), source=source)
        objects = [as_object(item, source=source, place=f"item {number}") for number, item in enumerate(items, start=1)]
        if objects and not any("run_accession" in item for item in objects):
            raise missing_column("run_accession", list(objects[0]), source=source)
        records = [{name: text_of(value) for name, value in item.items()} for item in objects]
        return records, list(range(1, len(records) + 1)), [str(item)[:500] for item in objects]
    text = split_text(data, source=source)
    text.require(["run_accession"])
    frame = text.frame().with_columns(pl.all().str.strip_chars().replace("", None))
    return frame.to_dicts(), text.lines.tolist(), text.row_texts(range(text.height))


def _whole(value: str | None, name: str) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise _RowError(f"{name} holds {value[:60]!r}, which is no whole number")
    return int(value)


def _files(record: dict[str, str | None], origin: str) -> list[dict[str, Any]]:
    run = record["run_accession"]
    lists = {part: _parts(record.get(f"{origin}_{part}")) for part in ("ftp", "md5", "bytes")}
    addresses = lists["ftp"]
    for part in ("md5", "bytes"):
        # A report may leave a column out, and then says nothing; one that has it must speak of every file.
        if lists[part] and len(lists[part]) != len(addresses):
            raise _RowError(f"{origin}_{part} has {len(lists[part])} values for {len(addresses)} addresses")
    mates = [_MATE.search(address) for address in addresses]
    paired = any(mates) and (record.get("library_layout") or "PAIRED").upper() == "PAIRED" and len(addresses) > 1
    found: list[dict[str, Any]] = []
    for number, address in enumerate(addresses):
        bare = re.sub(r"^[a-z]+://", "", address)
        if "/" not in bare or re.search(r"\s", bare) or "." not in bare.partition("/")[0]:
            raise _RowError(f"{origin}_ftp holds {address[:60]!r}, which is no address")
        md5 = lists["md5"][number] if lists["md5"] else None
        if md5 is not None and not _MD5.fullmatch(md5):
            raise _RowError(f"{origin}_md5 holds {md5[:60]!r}, which is no md5")
        size = _whole(lists["bytes"][number] if lists["bytes"] else None, f"{origin}_bytes")
        name = bare.rpartition("/")[2]
        mate = mates[number]
        read = None
        if _FASTQ.search(name):
            read = (mate[1] if mate else "orphan") if paired else "single"
        found.append(
            {
                "run_accession": run,
                "origin": origin,
                "file_name": name,
                "read": read,
                "url": f"https://{bare}",
                "md5": md5.lower() if md5 else None,
                "size_bytes": size,
            }
        )
    return found


def _parts(value: str | None) -> list[str]:
    return [part.strip() for part in value.rstrip(";").split(";")] if value else []


def require_fastq(files: pl.DataFrame, run: str) -> None:
    """Raise DataFault unless the files of a run can be quantified: one single file, or mates 1 and 2."""
    reads = sorted(preferred_fastq(files).filter(pl.col("run_accession") == run)["read"].to_list())
    if reads not in (["single"], ["1", "2"]):
        raise DataFault(
            f"the FASTQ files of the run are {reads or 'none'}",
            subject=run,
            expected="one single file, or mates 1 and 2",
            remedy="Take the run's counts from the record, or leave the run out of the study in the catalog",
        )
