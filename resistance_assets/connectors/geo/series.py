"""GEO series: what to ask for, in which order, and whether values are arrays or read counts.

Here belong addresses, the choice between the array and the sequencing way, the scale of values, and the smaller tables
of NCBI (generated counts, their annotation, E-utilities). The grammars of SOFT files and series matrices are in
`geo_soft` and `geo_matrix`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from resistance_assets.connectors.arrayexpress.ena import EnaReport, fetch_report, merged_reports, select_strategy
from resistance_assets.connectors.arrayexpress.processed_counts import may_be_table
from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows, split_text
from resistance_assets.connectors.geo.matrix import ATTRIBUTE_SCHEMA, SeriesMatrix, geo_sample_sheet, read_series_matrix
from resistance_assets.connectors.geo.soft import SoftFile, probe_genes, read_soft
from resistance_assets.connectors.transport.resource import FailureKind, Resource, Transport, failure_kind
from resistance_assets.errors import DataFault, Fault, SourceUnavailable, TransportFault

FTP = "https://ftp.ncbi.nlm.nih.gov/geo"
WEB = "https://www.ncbi.nlm.nih.gov/geo"
COUNTS_BUILD = "GRCh38.p13"


# Addresses


def bucket(accession: str) -> str:
    """The folder of an accession: its last three digits replaced by `nnn` (`GSE94089` is in `GSE94nnn`)."""
    found = re.fullmatch(r"(GSE|GPL|GSM)(\d+)", accession)
    if not found:
        raise DataFault(
            "this is no accession of GEO",
            subject=accession,
            expected="GSE, GPL or GSM and a number",
            remedy="Correct it",
        )
    return f"{found[1]}{found[2][:-3]}nnn"


def _series_folder(series: str) -> str:
    return f"{FTP}/series/{bucket(series)}/{series}"


def matrix_resource(series: str, platform: str | None = None) -> Resource:
    """A series matrix; a series on several platforms has one per platform, with the platform in its name."""
    name = f"{series}-{platform}" if platform else series
    return Resource(
        f"{_series_folder(series)}/matrix/{name}_series_matrix.txt.gz",
        content="gzip",
        markers=("!series_matrix_table_begin", "!series_matrix_table_end"),
        name=f"series matrix of {name}",
    )


def matrix_listing_resource(series: str) -> Resource:
    """The folder page that lists the matrices of a series."""
    return Resource(f"{_series_folder(series)}/matrix/", content="html", name=f"matrix folder of {series}")


def family_resource(series: str) -> Resource:
    """The SOFT family of a series: samples with their tables, and the platforms."""
    return Resource(
        f"{_series_folder(series)}/soft/{series}_family.soft.gz",
        content="gzip",
        markers=("^SERIES",),
        name=f"SOFT family of {series}",
    )


def record_resource(series: str) -> Resource:
    """The record of the series alone. Only the query with its parameters in this order is exempt from a captcha."""
    return Resource(
        f"{WEB}/query/acc.cgi?targ=self&acc={series}&form=text&view=brief", content="text", name=f"record of {series}"
    )


def supplementary_resource(series: str, name: str) -> Resource:
    """A supplementary file; the names are those of the record (`supplementary_files`)."""
    return _supplementary(f"{_series_folder(series)}/suppl/{name}", f"supplementary file {name} of {series}")


def sample_supplementary_resource(sample: str, name: str) -> Resource:
    """A file of one sample; the names are those of the field `supplementary_file` of the sample."""
    address = f"{FTP}/samples/{bucket(sample)}/{sample}/suppl/{name}"
    return _supplementary(address, f"supplementary file {name} of {sample}")


def _supplementary(url: str, title: str) -> Resource:
    return Resource(url, content="gzip" if url.endswith(".gz") else "any", name=title)


def platform_annotation_resource(platform: str) -> Resource:
    """GEO's own annotation of a platform; the newest platforms have none."""
    return Resource(
        f"{FTP}/platforms/{bucket(platform)}/{platform}/annot/{platform}.annot.gz",
        content="gzip",
        markers=("!platform_table_end",),
        name=f"annotation of {platform}",
    )


def counts_resource(series: str, kind: Literal["raw_counts", "norm_counts_TPM"] = "raw_counts") -> Resource:
    """Read counts that NCBI made of a human series. A series without them is answered with 404."""
    file = f"{series}_{kind}_{COUNTS_BUILD}_NCBI.tsv.gz"
    return Resource(
        f"{WEB}/download/?acc={series}&format=file&file={file}",
        content="gzip",
        markers=("GeneID",),
        name=f"NCBI-generated counts of {series}",
    )


def counts_annotation_resource(series: str) -> Resource:
    """Genes of the counts. The query names the series because the host exempts only such queries from its captcha."""
    return Resource(
        f"{WEB}/download/?acc={series}&format=file&file=Human.{COUNTS_BUILD}.annot.tsv.gz",
        content="gzip",
        markers=("GeneID",),
        name="NCBI gene annotation of generated counts",
    )


# Smaller answers


def read_matrix_listing(path: Path) -> list[str]:
    """Names of the series matrices that a folder page links to; other links of the page do not count."""
    text = read_bytes(path).decode("utf-8", "replace")
    names = re.findall(r'href="(?:[^"]*/)?(GSE\d+(?:-GPL\d+)?_series_matrix\.txt\.gz)"', text)
    return list(dict.fromkeys(names))


def supplementary_files(addresses: Sequence[str]) -> list[str]:
    """File names of `supplementary_file` fields; `NONE` is none."""
    return [address.rpartition("/")[2] for address in addresses if address.strip().upper() != "NONE"]


# NCBI-generated counts


def read_ncbi_counts(path: Path, *, normalised: bool = False) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read NCBI-generated counts (or their TPM and FPKM, `normalised`), plain or gzip.

    Join with other tables by sample: not every sample of a series is there, and the order is the host's.

    Returns:
        counts: entrez_gene_id (Int64), then per sample its read count (Int64), or value (Float64) where normalised.
        rejected: source, line, reason, row: a blank or repeated gene. Rows in = rows of counts + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, has no column GeneID, a column that is no GSM accession, or a cell that
            is no count (negative, missing, not whole).
    """
    text = split_text(read_bytes(path), source=path.name)
    text.require(["GeneID"])
    samples = [name for name in text.header if name != "GeneID"]
    strange = [name for name in samples if not re.fullmatch(r"GSM\d+", name)]
    if strange or not samples:
        raise DataFault(
            f"the columns are {', '.join((strange or text.header)[:4])}",
            subject=path.name,
            place="header",
            expected="GeneID and GSM accessions",
            remedy="The layout may have changed: look at the file",
        )
    cells = text.frame()
    genes = text.whole_numbers(cells["GeneID"]).alias("entrez_gene_id")
    columns = [genes]
    for sample in samples:
        number = cells[sample].cast(pl.Float64 if normalised else pl.Int64, strict=False)
        wrong = (number.is_null() | ((number < 0) | (number == float("inf"))).fill_null(False)).arg_true()
        if len(wrong):
            expected = "a number of at least 0" if normalised else "a whole number of at least 0"
            raise text.cell_fault(cells[sample], wrong[0], expected=expected)
        columns.append(number.alias(sample))
    return text.first_of_each(pl.DataFrame(columns), "entrez_gene_id")


_ANNOTATION = {
    "Symbol": "symbol",
    "Description": "description",
    "Synonyms": "synonyms",
    "GeneType": "gene_type",
    "EnsemblGeneID": "ensembl_gene_id",
    "Status": "status",
    "ChrAcc": "chromosome_accession",
}


def read_ncbi_annotation(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the annotation of NCBI-generated counts, plain or gzip. Its texts hold quotation marks that quote nothing.

    Returns:
        genes: entrez_gene_id (Int64), symbol, description, synonyms, gene_type, ensembl_gene_id, status,
            chromosome_accession (String), length_bp (Int64: exon length behind NCBI's TPM). Columns that the file lacks
            are null.
        rejected: source, line, reason, row: a blank or repeated gene.

    Raises DataFault if the file is empty or ragged, has no GeneID or Symbol, or holds a text where a number belongs.
    """
    text = split_text(read_bytes(path), source=path.name)
    text.require(["GeneID", "Symbol"])
    cells = text.frame(nulls=["-"])
    nothing = pl.Series([None] * text.height, dtype=pl.String)
    genes = text.whole_numbers(cells["GeneID"])
    length = text.whole_numbers(cells["Length"]) if "Length" in cells.columns else nothing.cast(pl.Int64)
    frame = pl.DataFrame(
        [
            genes.alias("entrez_gene_id"),
            *[
                (cells[vendor].str.strip_chars() if vendor in cells.columns else nothing).alias(ours)
                for vendor, ours in _ANNOTATION.items()
            ],
            length.alias("length_bp"),
        ]
    )
    return text.first_of_each(frame, "entrez_gene_id")


# Array or sequencing, and on which scale

SeriesKind = Literal["array", "sequencing"]


def series_kind(study_types: Sequence[str], n_rows: int) -> SeriesKind:
    """Whether a series is read as an array or as sequencing.

    An array if a type says so, or none is given, and the matrix has values; sequencing otherwise, because GEO leaves
    the matrices of sequencing studies empty.
    """
    by_array = any("array" in kind.lower() for kind in study_types) or not study_types
    return "array" if by_array and n_rows else "sequencing"


_LOG_WORDS = re.compile(
    r"\blog[ -]?2|\blog base 2|\blog\(2\)|\blog2|\b(?:gc)?rma\b|\bvsn\b|\blog[ -]?transform", re.IGNORECASE
)
_LINEAR_WORDS = re.compile(r"\bmas ?5|\bgcos\b|\bnot log|\bunlogged|\bno log|\blinear scale", re.IGNORECASE)


@dataclass(frozen=True)
class ValueScale:
    """Whether values are logarithms, and why it is thought so. `declared` is what the submitter's processing says:
    "log", "linear", "both" (contradicting words) or null. The numbers decide; `statement` says where words differ."""

    is_log: bool
    declared: Literal["log", "linear", "both"] | None
    statement: str


def value_scale(
    values: np.ndarray, processing: Sequence[str], *, looks_logged: Callable[[np.ndarray], bool]
) -> ValueScale:
    """State the scale of a matrix: GEO declares it nowhere.

    Args:
        values: shape (features, samples), NaN where missing.
        processing: the texts of `data_processing`.
        looks_logged: the rule that tells it from the numbers (`science.expression.is_log_scale`).

    Raises:
        DataFault: there is no number.
    """
    if not np.isfinite(values).any():
        raise DataFault("the matrix has no value", subject="series matrix", remedy="Read the series as sequencing")
    joined = " ".join(dict.fromkeys(processing))
    words = {"log": bool(_LOG_WORDS.search(joined)), "linear": bool(_LINEAR_WORDS.search(joined))}
    declared: Literal["log", "linear", "both"] | None = None
    if all(words.values()):
        declared = "both"
    elif words["log"]:
        declared = "log"
    elif words["linear"]:
        declared = "linear"
    is_log = looks_logged(values)
    low, median, high = np.nanquantile(values, [0.01, 0.5, 0.99])
    scale = "logarithms" if is_log else "linear intensities"
    statement = (
        f"read as {scale}: 1 % of the values are below {low:.3g}, half below {median:.3g}, 99 % below {high:.3g}"
    )
    if declared is None:
        statement += "; the submitter does not say"
    elif declared == "both":
        statement += "; the submitter's words speak of logarithms and of a linear scale"
    elif (declared == "log") == is_log:
        statement += f"; the submitter's words agree ({declared})"
    else:
        statement += f"; the submitter's words say {declared}, the numbers do not"
    return ValueScale(is_log, declared, statement)


# A series as a whole


@dataclass(frozen=True)
class AuthorsFiles:
    """What the authors of a sequencing series left beside it, where NCBI generated no counts.

    Attributes:
        tables: file name -> where it is, or why it could not be had: text tables of the whole series.
        sample_tables: sample -> the same, of text tables of one sample.
        reads: what ENA knows of the runs; null where there are none, or ENA could not be asked.
    """

    tables: Mapping[str, Path | Fault] = field(default_factory=dict)
    sample_tables: Mapping[str, Mapping[str, Path | Fault]] = field(default_factory=dict)
    reads: EnaReport | None = None


@dataclass(frozen=True)
class GeoSeries:
    """A series with what its assets need.

    Attributes:
        accession, title: of the series.
        kind: "array" or "sequencing".
        last_update: as the record says, else the matrix; the change token of GEO.
        platforms: GPL accessions.
        samples: as `geo_sample_sheet`.
        matrices: per platform.
        counts: entrez_gene_id and read counts per sample, where NCBI made them; null otherwise.
        annotation: genes of the counts; null without counts.
        supplementary: file names; the authors' own counts may be among them.
        sequence_studies: SRA or ENA accessions for quantification.
        authors: their tables and reads, asked for where a sequencing series has no counts of NCBI.
        choice: which values were taken and why, in one sentence.
        notes: what could not be had on the way.
        rejected: source, line, reason, row.
    """

    accession: str
    title: str | None
    kind: SeriesKind
    last_update: str | None
    platforms: list[str]
    samples: pl.DataFrame
    matrices: dict[str, SeriesMatrix]
    counts: pl.DataFrame | None
    annotation: pl.DataFrame | None
    supplementary: list[str]
    sequence_studies: list[str]
    authors: AuthorsFiles
    choice: str
    notes: list[str]
    rejected: pl.DataFrame


def fetch_series(transport: Transport, accession: str, *, with_runs: bool = False) -> GeoSeries:
    """Everything of a series that is needed to decide how it is analysed, and its values where GEO has them.

    The record's own page is asked first and may be missing (the host puts a captcha before it at times): the matrices
    say the same. Array or sequencing is decided from what came, not from what was expected.

    Args:
        transport: to the hosts.
        accession: of the series.
        with_runs: whether ENA is asked for the runs of the samples where NCBI's counts need none.

    Raises:
        SourceUnavailable, TransportFault, DataFault: no matrix could be had, or one cannot be read.
    """
    notes: list[str] = []
    record: SoftFile | None = None
    try:
        record = read_soft(transport.fetch(record_resource(accession)).path)
    except Fault as fault:
        notes.append(f"the record was not to be had: {fault}")
    platforms = record.of("series", "platform_id") if record else []
    matrices = _fetch_matrices(transport, accession, platforms)

    def told(name: str) -> list[str]:
        from_matrices = [value for matrix in matrices.values() for value in matrix.of_series(name)]
        return list(dict.fromkeys((record.of("series", name) if record else []) or from_matrices))

    attributes = pl.concat([pl.DataFrame(schema=ATTRIBUTE_SCHEMA), *(m.attributes for m in matrices.values())])
    rejected = [matrix.rejected for matrix in matrices.values()]
    n_rows = sum(matrix.values.height for matrix in matrices.values())
    kind = series_kind(told("type"), n_rows)
    counts = annotation = None
    parts = re.findall(r"SuperSeries of: (GSE\d+)", relations := " ".join(told("relation")))
    if parts:
        notes.append(f"it is a SuperSeries; the values are in {', '.join(parts)}")
    supplementary = supplementary_files(told("supplementary_file"))
    # A BioProject is the same reads under another name.
    studies = re.findall(r"\b[DES]RP\d+\b", relations) or re.findall(r"\bPRJ[A-Z]{2}\d+\b", relations)
    studies = list(dict.fromkeys(studies))
    authors = AuthorsFiles()
    if kind == "array":
        choice = f"array: the series matrix holds {n_rows} features"
    else:
        try:
            counts, bad = read_ncbi_counts(transport.fetch(counts_resource(accession)).path)
            annotation, worse = read_ncbi_annotation(transport.fetch(counts_annotation_resource(accession)).path)
            rejected += [bad, worse]
            choice = f"sequencing: counts that NCBI generated, {counts.height} genes in {counts.width - 1} samples"
            if with_runs:
                authors = AuthorsFiles(reads=_fetch_runs(transport, studies, notes))
        except SourceUnavailable as fault:
            counts = annotation = None
            notes.append(f"NCBI-generated counts were not to be had: {fault}")
            rest = f"supplementary files {', '.join(supplementary)}" if supplementary else "no supplementary file"
            where = f"reads of {', '.join(studies)}" if studies else "no reads"
            choice = f"sequencing without NCBI-generated counts: {rest}; {where}"
            authors = _fetch_authors_files(transport, accession, supplementary, attributes, studies, notes)
        if authors.reads is not None:
            rejected.append(authors.reads.rejected)
    return GeoSeries(
        accession=accession,
        title=next(iter(told("title")), None),
        kind=kind,
        last_update=next(iter(told("last_update_date")), None),
        platforms=platforms or list(dict.fromkeys(told("platform_id"))),
        samples=geo_sample_sheet(attributes),
        matrices=matrices,
        counts=counts,
        annotation=annotation,
        supplementary=supplementary,
        sequence_studies=studies,
        authors=authors,
        choice=choice,
        notes=notes,
        rejected=pl.concat([rejected_rows(), *rejected]),
    )


def _fetch_authors_files(
    transport: Transport,
    accession: str,
    supplementary: Sequence[str],
    attributes: pl.DataFrame,
    studies: Sequence[str],
    notes: list[str],
) -> AuthorsFiles:
    """Tables and runs of a series; what is unavailable is kept as its fault, because something else may stand in."""

    def fetched(resource: Resource) -> Path | Fault:
        try:
            return transport.fetch(resource).path
        except (SourceUnavailable, TransportFault) as fault:
            return fault

    tables = {name: fetched(supplementary_resource(accession, name)) for name in supplementary if may_be_table(name)}
    of_sample: dict[str, dict[str, Path | Fault]] = {}
    listed = attributes.filter(pl.col("attribute_id").str.starts_with("supplementary_file"))
    for sample, address in listed.select("geo_sample", "value").rows():
        for name in supplementary_files([address]):
            if may_be_table(name):
                of_sample.setdefault(sample, {})[name] = fetched(sample_supplementary_resource(sample, name))
    return AuthorsFiles(tables, of_sample, _fetch_runs(transport, studies, notes))


def _fetch_runs(transport: Transport, studies: Sequence[str], notes: list[str]) -> EnaReport | None:
    reports: list[EnaReport] = []
    for study in studies:
        try:
            reports.append(fetch_report(transport, study))
        except (SourceUnavailable, TransportFault, DataFault) as fault:
            notes.append(f"ENA's report of {study} was not to be had: {fault}")
    return select_strategy(merged_reports(reports)) if reports else None


def runs_of_series(series: GeoSeries) -> pl.DataFrame:
    """Which runs are of which sample: sample_id, run_accession, by the experiment that the sample names, else by its
    BioSample. Runs of no sample of the series are left out."""
    if series.authors.reads is None:
        return pl.DataFrame(schema={"sample_id": pl.String, "run_accession": pl.String})
    runs = series.authors.reads.runs
    found = [
        series.samples.select("sample_id", pl.col(own).alias(reported))
        .drop_nulls()
        .join(runs.select("run_accession", reported), on=reported)
        .select("sample_id", "run_accession")
        for own, reported in (("sra_experiment", "experiment_accession"), ("biosample", "sample_accession"))
    ]
    # A run that both ways give to a sample is given once, and the experiment is the closer word.
    once = pl.concat(found).unique("run_accession", keep="first", maintain_order=True)
    return once.sort("sample_id", "run_accession")


def _fetch_matrices(transport: Transport, accession: str, platforms: Sequence[str]) -> dict[str, SeriesMatrix]:
    """Matrices by platform. One platform: the plain name; several: a name each; else what the folder lists."""
    wanted = [matrix_resource(accession)]
    if len(platforms) > 1:
        wanted = [matrix_resource(accession, platform) for platform in platforms]
    try:
        paths = [transport.fetch(resource).path for resource in wanted]
    except (SourceUnavailable, TransportFault) as fault:
        if failure_kind(fault) not in (FailureKind.REFUSED_OR_GONE, FailureKind.NOT_LISTED):
            raise
        try:
            names = read_matrix_listing(transport.fetch(matrix_listing_resource(accession)).path)
        except (SourceUnavailable, TransportFault):
            names = []
        if not names:
            raise
        folder = matrix_listing_resource(accession).url
        listed = [
            Resource(folder + name, content="gzip", markers=wanted[0].markers, name=f"series matrix {name}")
            for name in names
        ]
        paths = [transport.fetch(resource).path for resource in listed]
    matrices: dict[str, SeriesMatrix] = {}
    for number, path in enumerate(paths):
        matrix = read_series_matrix(path)
        named = re.search(r"-(GPL\d+)_", path.name)
        own = matrix.of_series("platform_id") or platforms
        key = named[1] if named else (own[0] if len(own) == 1 else f"matrix {number + 1}")
        if key in matrices:
            raise DataFault(
                f"two matrices are of platform {key}", subject=accession, remedy="Look at the folder of the series"
            )
        matrices[key] = matrix
    return matrices


def read_platform_annotation(path: Path, *, complete: bool = True) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The one table of a platform file (`.annot.gz`, `_family.soft.gz` or the platform's record), as text.

    Returns the table (a feature id first; repeated column names are numbered) and the rejected rows. Use `probe_genes`
    for its genes. Raises DataFault if there is no table, or more than one; TransportFault as `read_soft`.
    """
    soft = read_soft(path, complete=complete)
    if len(soft.platform_tables) != 1:
        raise DataFault(
            f"the file has tables of {', '.join(soft.platform_tables) or 'no platform'}",
            subject=path.name,
            expected="the table of one platform",
            remedy="Fetch the platform's annotation; read a family with read_soft",
        )
    return next(iter(soft.platform_tables.values())), soft.rejected


@dataclass(frozen=True)
class PlatformGenes:
    """Which genes the probes of a platform measure.

    Attributes:
        genes: as `geo_soft.probe_genes`.
        origin: the file that told it.
        rejected: source, line, reason, row.
    """

    genes: pl.DataFrame
    origin: str
    rejected: pl.DataFrame


def fetch_platform_genes(transport: Transport, series: str, platform: str) -> PlatformGenes:
    """Genes of a platform's probes: from GEO's annotation, or, where GEO made none, from the series' SOFT family.

    A platform whose table names no gene in a way that is known has probes without genes, and `origin` says so.

    Raises SourceUnavailable or TransportFault if neither is to be had.
    """
    try:
        path = transport.fetch(platform_annotation_resource(platform)).path
        table, rejected = read_platform_annotation(path)
        return _genes_of_table(table, f"GEO's annotation of {platform}", rejected)
    except (SourceUnavailable, TransportFault) as fault:
        if failure_kind(fault) not in (FailureKind.REFUSED_OR_GONE, FailureKind.NOT_LISTED):
            raise
        try:
            family = read_soft(transport.fetch(family_resource(series)).path)
        except SourceUnavailable:
            raise fault from None
    if platform not in family.platform_tables:
        raise DataFault(
            f"the SOFT family has no table of platform {platform}",
            subject=series,
            remedy="Make a study of your own from its values and an annotation",
        )
    return _genes_of_table(
        family.platform_tables[platform], f"the table of {platform} in the SOFT family", family.rejected
    )


def _genes_of_table(table: pl.DataFrame, origin: str, rejected: pl.DataFrame) -> PlatformGenes:
    try:
        return PlatformGenes(probe_genes(table), origin, rejected)
    except DataFault as fault:
        nothing = pl.lit(None, pl.String)
        genes = table.select(
            pl.col(table.columns[0]).alias("feature_id"), nothing.alias("gene_symbol"), nothing.alias("entrez_gene_id")
        )
        return PlatformGenes(genes, f"{origin}, which names no genes ({fault.problem[:200]})", rejected)


def fetch_series_with_genes(
    transport: Transport, accession: str, *, with_runs: bool = False
) -> tuple[GeoSeries, dict[str, PlatformGenes]]:
    """A series and, where it is an array, the genes of its platforms' probes. Arguments and faults as its two parts."""
    series = fetch_series(transport, accession, with_runs=with_runs)
    wanted = series.matrices if series.kind == "array" else {}
    return series, {platform: fetch_platform_genes(transport, accession, platform) for platform in wanted}


def accession_of(url: str) -> str | None:
    """The series that an address speaks of; None where it speaks of none."""
    found = re.search(r"GSE\d+(?![0-9a-z])", url)
    return found[0] if found else None
