"""Gene counts of the Genomic Data Commons: which files there are, getting them in bundles, and what is in one.

Here belongs the API (https://docs.gdc.cancer.gov/API/Users_Guide/) as far as open-access counts need it, and the STAR
count table (https://docs.gdc.cancer.gov/Data/Bioinformatics_Pipelines/Expression_mRNA_Pipeline/). Endpoints and tests
do not belong here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import polars as pl

from resistance_assets.connectors.formats.archives import iterate_members
from resistance_assets.connectors.formats.delimited import split_text
from resistance_assets.connectors.formats.json import as_list, as_object, flattened, read_json, text_of, whole_of
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Resource,
    Transport,
    require_all_pages,
    transfer_fault,
)
from resistance_assets.connectors.transport.verification import checksum_fault
from resistance_assets.errors import DataFault, TransportFault

HOST = "https://api.gdc.cancer.gov"
PAGE = 1000
BUNDLE = 50
"""Files per download: larger bundles have broken off again and again."""

FILE_SCHEMA: dict[str, type[pl.DataType]] = {
    "file_id": pl.String,
    "file_name": pl.String,
    "md5": pl.String,
    "size_bytes": pl.Int64,
    "updated": pl.String,
    "patient_id": pl.String,
    "sample_id": pl.String,
    "sample_type": pl.String,
    "aliquot_id": pl.String,
}
_FIELDS = (
    "file_id",
    "file_name",
    "md5sum",
    "file_size",
    "updated_datetime",
    "cases.submitter_id",
    "cases.samples.submitter_id",
    "cases.samples.sample_type",
    "cases.samples.portions.analytes.aliquots.submitter_id",
)


# What there is


def status_resource() -> Resource:
    """The state of the API, with the data release."""
    return Resource(f"{HOST}/status", content="json", markers=("status",), name="GDC status")


def files_resource(project: str, offset: int = 0) -> Resource:
    """One page of the open STAR counts of a project. Asked with GET, so that a mirror can hold the answer."""

    def one(field: str, value: str) -> dict[str, object]:
        return {"op": "in", "content": {"field": field, "value": [value]}}

    wanted = [
        one("cases.project.project_id", project),
        one("files.analysis.workflow_type", "STAR - Counts"),
        one("files.data_type", "Gene Expression Quantification"),
        one("files.access", "open"),
    ]
    filters = quote(json.dumps({"op": "and", "content": wanted}, separators=(",", ":")))
    return Resource(
        f"{HOST}/files?filters={filters}&fields={','.join(_FIELDS)}&sort=file_id:asc&format=JSON&size={PAGE}&from={offset}",
        content="json",
        markers=("pagination",),
        name=f"GDC files of {project}",
    )


def read_files_page(path: Path) -> tuple[pl.DataFrame, int]:
    """Read one page: file_id, file_name, md5, size_bytes, updated, patient_id (12-character barcode), sample_id,
    sample_type, aliquot_id; and how many files there are in all. What the answer lacks is null.

    Raises DataFault if it has no hits or no total, or a file has no id or name.
    """
    document = as_object(read_json(path), source=path.name)
    data = as_object(document.get("data"), source=path.name, place="data")
    hits = as_list(data.get("hits"), source=path.name, place="data.hits")
    total = whole_of(as_object(data.get("pagination"), source=path.name, place="data.pagination").get("total"))
    if total is None:
        raise DataFault("the page does not say how many files there are", subject=path.name, remedy="Fetch it again")
    rows = []
    for number, hit in enumerate(flattened(hits), start=1):
        file_id, name = text_of(hit.get("file_id")) or text_of(hit.get("id")), text_of(hit.get("file_name"))
        if file_id is None or name is None:
            raise DataFault(
                "the file has no id or no name", subject=path.name, place=f"hit {number}", remedy="Fetch it again"
            )
        case = next(iter(flattened(hit.get("cases"))), {})
        sample = next(iter(flattened(case.get("samples"))), {})
        portion = next(iter(flattened(sample.get("portions"))), {})
        analyte = next(iter(flattened(portion.get("analytes"))), {})
        aliquot = next(iter(flattened(analyte.get("aliquots"))), {})
        rows.append(
            {
                "file_id": file_id,
                "file_name": name,
                "md5": text_of(hit.get("md5sum")),
                "size_bytes": whole_of(hit.get("file_size")),
                "updated": text_of(hit.get("updated_datetime")),
                "patient_id": text_of(case.get("submitter_id")),
                "sample_id": text_of(sample.get("submitter_id")),
                "sample_type": text_of(sample.get("sample_type")),
                "aliquot_id": text_of(aliquot.get("submitter_id")),
            }
        )
    return pl.DataFrame(rows, schema=FILE_SCHEMA), total


def list_files(transport: Transport, project: str) -> pl.DataFrame:
    """Every file of open STAR counts of a project, sorted by file_id; columns as `read_files_page`.

    Raises TransportFault if there is none, or fewer were received than the host declares.
    """
    pages: list[pl.DataFrame] = []
    known = 0
    while True:
        resource = files_resource(project, len(pages) * PAGE)
        page, total = read_files_page(transport.fetch(resource).path)
        if not total:
            raise transfer_fault(
                FailureKind.EMPTY_OR_ERROR_JSON,
                "the host knows no such file",
                subject=resource.label,
                remedy="Check the project in the catalog",
            )
        pages.append(page)
        files = pl.concat(pages).unique("file_id", keep="first", maintain_order=True)
        if files.height >= total or files.height == known:
            require_all_pages(files.height, total, subject=resource.label)
            return files.sort("file_id")
        known = files.height


def files_version(files: pl.DataFrame) -> str:
    """Change token of a set of files: replaced files get new ids, and each has its md5."""
    lines = sorted(f"{file_id} {md5}" for file_id, md5 in files.select("file_id", "md5").rows())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# Getting files


def data_resource(files: pl.DataFrame) -> Resource:
    """Files in one download. Several come as a tar.gz without a declared length; a single one comes bare."""
    ids = files["file_id"].to_list()
    url = f"{HOST}/data/{','.join(ids)}"
    if len(ids) == 1:
        row = files.row(0, named=True)
        return Resource(url, md5=row["md5"], size_bytes=row["size_bytes"], name=f"GDC file {row['file_name']}")
    return Resource(url, content="tar.gz", name=f"GDC bundle of {len(ids)} files")


def fetch_files(
    transport: Transport,
    files: pl.DataFrame,
    *,
    bundle: int = BUNDLE,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield (file_id, bytes) of every file, compared with its published md5, in bundles that are fetched as needed.

    `progress(done, in_all)` is called after each bundle.

    Raises:
        TransportFault: a bundle is cut, lacks a file, or holds one of another md5.
        DataFault: a bundle holds a member that leads out of its folder, or a link.
    """
    for start in range(0, files.height, bundle):
        part = files.slice(start, bundle)
        fetched = transport.fetch(data_resource(part))
        if part.height == 1:
            yield part["file_id"][0], fetched.path.read_bytes()
        else:
            yield from _members(fetched.path, part)
        if progress:
            progress(min(start + bundle, files.height), files.height)


def _members(archive: Path, files: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
    wanted = {row["file_id"]: row for row in files.to_dicts()}
    for member in iterate_members(archive):
        folder, _, name = member.name.rpartition("/")
        row = wanted.get(folder.rpartition("/")[2])
        if row is None or name != row["file_name"]:
            continue  # MANIFEST.txt, or annotations beside a file
        data = member.stream.read()
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if row["md5"] and md5 != row["md5"].lower():
            raise checksum_fault(f"GDC file {row['file_name']}", "md5", md5, row["md5"], place=member.name)
        del wanted[row["file_id"]]
        yield row["file_id"], data
    if wanted:
        missing = next(iter(wanted.values()))
        raise TransportFault(
            f"{FailureKind.PAGES_MISSING.value}: {len(wanted)} of {files.height} files are not in the bundle, the "
            f"first {missing['file_name']}",
            subject=str(archive),
            remedy="Fetch the bundle again; if it stays so, list the files of the project anew",
        )


# STAR counts

STAR_SCHEMA: dict[str, type[pl.DataType]] = {
    "gene_id": pl.String,
    "gene_symbol": pl.String,
    "gene_type": pl.String,
    "unstranded": pl.Int64,
    "stranded_first": pl.Int64,
    "stranded_second": pl.Int64,
    "tpm_unstranded": pl.Float64,
    "fpkm_unstranded": pl.Float64,
}


@dataclass(frozen=True)
class StarCounts:
    """One file of counts.

    Attributes:
        genes: gene_id (with version, and `_PAR_Y` for the second copy of the pseudo-autosomal genes, which is always
            0), gene_symbol (may repeat), gene_type (String), unstranded (the counts of the pipeline), stranded_first,
            stranded_second (Int64), tpm_unstranded, fpkm_unstranded (Float64). Each gene_id once.
        summary: reads that were not assigned: N_unmapped, N_multimapping, N_noFeature, N_ambiguous, of the unstranded
            column.
        gene_model: as the first line says, such as `GENCODE v36`.
        rejected: source, line, reason, row. Rows in = rows of genes + entries of summary + rows of rejected.
    """

    genes: pl.DataFrame
    summary: dict[str, int]
    gene_model: str | None
    rejected: pl.DataFrame


def read_star_counts(data: bytes, *, source: str) -> StarCounts:
    """Read `*.rna_seq.augmented_star_gene_counts.tsv`.

    Raises DataFault if a column is missing, a count is no whole number of at least 0, or the file is ragged.
    """
    text = split_text(data, source=source, comment_rows=4)
    vendor = {"gene_symbol": "gene_name"} | {name: name for name in STAR_SCHEMA if name != "gene_symbol"}
    text.require(vendor.values())
    cells = text.frame()
    columns: list[pl.Series] = []
    for ours, kind in STAR_SCHEMA.items():
        values = cells[vendor[ours]]
        if kind is pl.Int64:
            number = text.whole_numbers(values)
            wrong = (number.is_null() | (number < 0)).arg_true()
            if len(wrong):
                raise text.cell_fault(values, wrong[0], expected="a whole number of at least 0")
            columns.append(number.alias(ours))
        elif kind is pl.Float64:
            number = values.cast(pl.Float64, strict=False)
            wrong = (values.is_not_null() & ~number.is_finite().fill_null(False)).arg_true()
            if len(wrong):
                raise text.cell_fault(values, wrong[0], expected="a number or nothing")
            columns.append(number.alias(ours))
        else:
            columns.append(values.str.strip_chars().alias(ours))
    frame = pl.DataFrame(columns)
    kept, rejected = text.first_of_each(frame, "gene_id")
    is_summary = kept["gene_id"].str.starts_with("N_")
    notes = [line.lstrip("# ").partition(":") for line in text.leading]
    model = next((value.strip() for key, _, value in notes if key.strip() == "gene-model"), None)
    return StarCounts(
        genes=kept.filter(~is_summary),
        summary=dict(kept.filter(is_summary).select("gene_id", "unstranded").rows()),
        gene_model=model,
        rejected=rejected,
    )


def count_matrix(files: pl.DataFrame, tables: Sequence[tuple[str, StarCounts]]) -> pl.DataFrame:
    """One row per gene: gene_id, gene_symbol, gene_type, then one Int64 column per file, named by its aliquot (by its
    file_id where that is not known).

    Raises DataFault if a file has other genes than the first, which is another gene model.
    """
    name_of = {row["file_id"]: row["aliquot_id"] or row["file_id"] for row in files.to_dicts()}
    first_id, first = tables[0]
    columns: list[pl.Series] = []
    for file_id, table in tables:
        if not table.genes["gene_id"].equals(first.genes["gene_id"]):
            raise DataFault(
                f"its genes are not those of {first_id}",
                subject=f"GDC file {file_id}",
                expected=f"the gene model {first.gene_model}",
                remedy="List the files of the project anew: they are of two releases",
            )
        columns.append(table.genes["unstranded"].alias(name_of.get(file_id, file_id)))
    if len({column.name for column in columns}) < len(columns):
        columns = [
            column.alias(f"{column.name} {file_id}") for column, (file_id, _) in zip(columns, tables, strict=True)
        ]
    return first.genes.select("gene_id", "gene_symbol", "gene_type").hstack(columns)
