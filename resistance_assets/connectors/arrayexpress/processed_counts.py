"""Count tables among the processed files of a record, whose layout nobody declares.

Here belongs telling whether such a file is a table of whole read counts by sample, and under which of a sample's names,
or the counts of one sample alone, as counting programs write them (HTSeq, featureCounts), which are then joined. Tables
whose layout a study.toml declares are read in `local_study`; quantifying reads is in `quantify`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, missing_column, read_bytes, split_text
from resistance_assets.connectors.gene_names import (
    are_row_numbers,
    describe_date,
    reasons_of_no_gene,
    spreadsheet_dates,
)
from resistance_assets.connectors.lab_study.count_table import LARGEST_COUNT, CountsLayout, stem_of_sample
from resistance_assets.connectors.lab_study.table_text import FEATURE_COLUMN
from resistance_assets.errors import DataFault

TABLE_ENDINGS = (
    ".txt", ".tsv", ".csv", ".tab", ".counts", ".count", ".results", ".sf", ".xlsx", ".cnt", ".htseq", ".xls"
)  # fmt: skip
"""Endings of files that may be tables; `.gz` may follow. What is no text is named where it is read."""

NAMES_OF_SAMPLE = (
    "sample_id",
    "run_accession",
    "ena_sample",
    "biosample",
    "assay_name",
    "extract_name",
    "source_name",
    "title",
    "description",
    "sra_experiment",
)
# Columns of counting programs beside the gene and its counts.
_NOT_COUNTS = frozenset({"chr", "start", "end", "strand", "length", "entrezid", "entrez", "geneid", "geneidentifier"})
# Columns of estimated reads of RSEM, Salmon and kallisto, beside lengths and abundances.
_ESTIMATED = ("expectedcount", "numreads", "estcounts")
_OF_RSEM = "expectedcount"
_NAMED_ESTIMATES = re.compile(r"estimated|expected|rsem|salmon|kallisto|tximport", re.IGNORECASE)
_NAMED_ABUNDANCE = re.compile(r"tpm|fpkm|rpkm", re.IGNORECASE)
_LEAST_SHARED_AFFIX = 3
# `ReadsPerGene.out.tab`: gene, unstranded, first strand, second strand.
_STAR_COLUMNS = 4
STAR_UNMAPPED = "N_unmapped"
AS_FOUND = CountsLayout()
"""Nothing is declared: the first column is the gene, and columns go by the samples' names."""
_NAMES_OF_GENE = frozenset({"", "gene", "genes", "geneid", "genename", "genesymbol", "symbol", "id", "ensemblgeneid"})
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


def may_be_table(path: str) -> bool:
    """Whether the name of a file is that of a text table."""
    return path.lower().removesuffix(".gz").endswith(TABLE_ENDINGS)


def read_processed_counts(
    path: Path, sheet: pl.DataFrame, *, source: str | None = None, layout: CountsLayout = AS_FOUND
) -> pl.DataFrame:
    """Read a table of read counts by gene and sample.

    Columns that are no sample are left out (lengths, descriptions); the first column is the gene, unless the layout
    says otherwise.

    Args:
        path: tab-separated, or comma-separated if named .csv; gzip or not.
        sheet: sample sheet: `sample_id` and any of `run_accession`, `ena_sample`, `biosample`, `assay_name`,
            `extract_name`, `source_name`, `title`, `description`, `sra_experiment`, under one of which the table
            names every sample, capitals, blanks and punctuation aside.
        source: what messages call the file.
        layout: what the catalog says of the table; its columns are by sample_id.

    Returns:
        feature_id (String), then one Int64 column per sample of the sheet, under its sample_id.

    Raises:
        DataFault: the file is no table, its columns are not those of the samples, a count is missing, negative or not
            whole, or a gene occurs twice.
    """
    source = source or path.name
    text = split_text(
        read_bytes(path),
        source=source,
        separator=_separator(source),
        quoted=True,
        unnamed_first=FEATURE_COLUMN,
        comment_rows=5,
    )
    gene = layout.gene_column or text.header[0]
    for name in (gene, *layout.columns.values()):
        if name not in text.header:
            raise missing_column(name, text.header, source=source)
    left = sheet.filter(~pl.col("sample_id").is_in(list(layout.columns)))
    free = [name for name in text.header if name != gene and name not in layout.columns.values()]
    columns = dict(layout.columns) | (_sample_columns([gene, *free], left, source) if left.height else {})
    cells = text.frame()
    features, kept = _features(text, cells, gene)
    counts = [
        _whole_counts(text, cells[columns[sample]], kept, is_estimated=layout.is_estimated).alias(sample)
        for sample in sheet["sample_id"]
    ]
    return pl.DataFrame([features, *counts]).filter(kept)


@dataclass(frozen=True)
class CountsColumns:
    """Which column of a table of counts is which sample: the gene's column, sample -> column, whether the counts are
    estimates, to be rounded."""

    gene_column: str
    columns: Mapping[str, str]
    is_estimated: bool


def find_counts_columns(path: Path, sheet: pl.DataFrame, *, source: str | None = None) -> CountsColumns:
    """How the columns of a table of read counts map to samples. Arguments as of `read_processed_counts`.

    A table of fractions is one of estimates where its name says so (RSEM, Salmon, kallisto, estimated, expected), and
    never where it speaks of TPM, FPKM or RPKM.

    Raises:
        DataFault: its columns are not those of the samples, or hold no counts.
    """
    source = source or path.name
    read = read_bytes(path)
    text = split_text(
        read, source=source, separator=_separator(source), quoted=True, unnamed_first=FEATURE_COLUMN, comment_rows=5
    )
    columns = _sample_columns(list(text.header), sheet, source)
    gene = text.header[0]
    layout = CountsLayout(None if gene == FEATURE_COLUMN else gene, columns, (), False)
    says = bool(_NAMED_ESTIMATES.search(source)) and not _NAMED_ABUNDANCE.search(source)
    try:
        read_processed_counts(path, sheet, source=source, layout=layout)
    except DataFault:
        if not says:
            raise
        read_processed_counts(path, sheet, source=source, layout=replace(layout, is_estimated=True))
        return CountsColumns(gene, columns, True)
    return CountsColumns(gene, columns, False)


def read_sample_counts(path: Path, *, source: str | None = None) -> pl.DataFrame:
    """Read the counts of one sample, with or without a header, as htseq-count or featureCounts write them.

    Args:
        path: tab-separated, or comma-separated if named .csv; gzip or not. The first column is the gene.
        source: what messages call the file.

    Returns:
        feature_id (String), read_count (Int64).

    Raises:
        DataFault: not exactly one column holds whole numbers of at least 0 throughout (columns of positions and lengths
            do not count), or a gene occurs twice.
    """
    source = source or path.name
    separator, data = _separator(source), read_bytes(path)
    first = next((line for line in data.split(b"\n", 6) if not line.startswith(b"#")), b"").decode("utf-8", "replace")
    cells_of_first = first.rstrip("\r").split(separator)
    has_number = len(cells_of_first) > 1 and _NUMBER.fullmatch(cells_of_first[-1].strip().strip('"')) is not None
    names = None
    if has_number and _plain(cells_of_first[0]) not in _NAMES_OF_GENE:
        names = [FEATURE_COLUMN, *(f"column {at}" for at in range(2, len(cells_of_first) + 1))]
    text = split_text(
        data,
        source=source,
        separator=separator,
        quoted=True,
        unnamed_first=FEATURE_COLUMN,
        comment_rows=5,
        names=names,
    )
    cells = text.frame()
    features, kept = _features(text, cells)
    found: dict[str, pl.Series] = {}
    estimated = [name for name in text.header[1:] if _plain(name) in _ESTIMATED]
    if any(_plain(name) == _OF_RSEM for name in estimated):
        features = _ids_of_rsem(features)
    for name in estimated or text.header[1:]:
        if _plain(name) in _NOT_COUNTS:
            continue
        try:
            found[name] = _whole_counts(text, cells[name], kept, is_estimated=bool(estimated))
        except DataFault:
            continue
    if names is not None and len(names) == _STAR_COLUMNS and STAR_UNMAPPED in set(features):
        # STAR's own table: unstranded, then each strand; the unstranded column is of every library.
        found = dict(list(found.items())[:1])
    if len(found) != 1:
        raise DataFault(
            f"several of its columns hold whole numbers: {', '.join(list(found)[:4])}"
            if found
            else "none of its columns holds whole numbers",
            subject=source,
            expected="one column of read counts beside the gene",
            remedy="The reads are quantified instead",
        )
    (counts,) = found.values()
    return pl.DataFrame([features, counts.alias("read_count")]).filter(kept)


def join_sample_counts(files: Mapping[str, Mapping[str, Path]]) -> pl.DataFrame:
    """One table of counts from the files of single samples.

    Args:
        files: sample -> name of each of its files -> path. Files of a sample that hold no counts are left out.

    Returns:
        feature_id (String), then one Int64 column per sample.

    Raises:
        DataFault: a sample has no file of counts, or several; or two samples do not have the same genes.
    """
    joined: pl.DataFrame | None = None
    first = ""
    for sample, own in files.items():
        read: dict[str, pl.DataFrame] = {}
        why: list[str] = []
        for name, path in own.items():
            try:
                read[name] = read_sample_counts(path, source=name)
            except DataFault as fault:
                why.append(f"{name}: {fault.problem}")
        if len(read) != 1:
            raise DataFault(
                f"several of its files are tables of counts: {', '.join(read)}"
                if read
                else f"none of its files is a table of counts ({'; '.join(why) or 'it has none'})",
                subject=sample,
                expected="one table of counts per sample",
                remedy="The reads are quantified instead",
            )
        ((name, table),) = read.items()
        table = table.rename({"read_count": sample})
        if joined is None:
            joined, first = table, name
        elif set(table[FEATURE_COLUMN]) != set(joined[FEATURE_COLUMN]):
            raise DataFault(
                f"it does not hold the genes of {first}",
                subject=name,
                expected="the same genes for every sample",
                remedy="The reads are quantified instead",
            )
        else:
            joined = joined.join(table, on=FEATURE_COLUMN, how="left", maintain_order="left")
    if joined is None:
        raise DataFault("there is no sample", subject="tables of single samples", remedy="Put samples into groups")
    return joined


def _separator(source: str) -> str:
    return "," if source.lower().removesuffix(".gz").endswith(".csv") else "\t"


def _plain(name: str) -> str:
    """A name as programs leave it: R turns blanks and hyphens into dots, others into underscores."""
    return re.sub(r"[^a-z0-9+]", "", name.lower())


def _features(text: DelimitedText, cells: pl.DataFrame, gene: str | None = None) -> tuple[pl.Series, pl.Series]:
    """Names of genes, and which rows are genes: summary rows, rows without a name and spreadsheet dates are none."""
    gene = gene or text.header[0]
    features = cells[gene].str.strip_chars()
    kept = reasons_of_no_gene(features).is_null()
    dates = spreadsheet_dates(features)
    if dates:
        kept = kept & ~pl.Series([row in dates for row in range(len(features))], dtype=pl.Boolean)
    genes = features.filter(kept)
    problem = None
    if genes.n_unique() < genes.len():
        problem = f"gene {genes.filter(genes.is_duplicated())[0]} occurs twice"
    elif are_row_numbers(genes):
        problem = "the genes are row numbers"
    elif not len(genes):
        problem = "no row is a gene"
    if problem:
        raise DataFault(
            problem,
            subject=text.source,
            place=f"column {gene}",
            remedy="The reads are quantified instead",
        )
    return features.alias(FEATURE_COLUMN), kept


def rows_of_no_gene(path: Path, *, source: str, gene_column: str | None = None) -> pl.DataFrame:
    """Rejected rows (source, line, reason, row) of a table that `read_processed_counts` or `read_sample_counts` takes:
    summary rows, rows without a name, and names that a spreadsheet made dates."""
    text = split_text(
        read_bytes(path, source=source), source=source, separator=_separator(source), quoted=True,
        unnamed_first=FEATURE_COLUMN, comment_rows=5,
    )  # fmt: skip
    features = text.frame()[gene_column or text.header[0]].str.strip_chars()
    reasons = reasons_of_no_gene(features)
    told = {int(row): str(reasons[row]) for row in reasons.is_not_null().arg_true()}
    told |= {row: describe_date(features[row], genes) for row, genes in spreadsheet_dates(features).items()}
    rows = sorted(told)
    return text.reject(rows, [told[row] for row in rows])


def _ids_of_rsem(features: pl.Series) -> pl.Series:
    """Genes without the name that RSEM joins to their ids: `ENSG00000167601.12_AXL`, or `AXL_AXL` where the reference
    has names alone. Where the shorter ids are not distinct, as they are."""

    def shorter(name: str) -> str:
        first, _, rest = name.partition("_")
        half = name[: len(name) // 2]
        return first if rest and first.startswith("ENS") else half if name == f"{half}_{half}" else name

    found = [shorter(name) if name else name for name in features]
    return pl.Series(features.name, found if len(set(found)) == len(found) else features, dtype=pl.String)


def _whole_counts(text: DelimitedText, values: pl.Series, kept: pl.Series, *, is_estimated: bool = False) -> pl.Series:
    numbers = values.str.strip_chars().cast(pl.Float64, strict=False)
    fits = numbers.is_finite() & (numbers >= 0) & (numbers <= LARGEST_COUNT)
    if not is_estimated:
        fits &= numbers == numbers.round()
    wrong = (~fits.fill_null(False) & kept).arg_true()
    if len(wrong):
        raise text.cell_fault(
            values,
            wrong[0],
            expected="a whole number of at least 0: a read count, not TPM, FPKM or a logarithm",
            remedy="The reads are quantified instead",
        )
    return pl.select(pl.when(fits & kept).then(numbers.round())).to_series().cast(pl.Int64).alias(values.name)


def _sample_columns(header: list[str], sheet: pl.DataFrame, source: str) -> dict[str, str]:
    """Sample -> column of the table, by the first kind of name that the table has for every sample."""
    for simplify in (_plain, lambda name: _plain(stem_of_sample(name))):
        columns: dict[str, list[str]] = {}
        for column in header[1:]:
            columns.setdefault(simplify(column), []).append(column)
        for kind in NAMES_OF_SAMPLE:
            if kind not in sheet.columns or sheet[kind].null_count():
                continue
            listed = dict(zip(sheet["sample_id"], sheet[kind].to_list(), strict=True))
            for given in (listed, *_without_shared_affixes(listed)):
                names = {sample: simplify(name) for sample, name in given.items()}
                told_apart = len(set(names.values())) == sheet.height and all(names.values())
                if told_apart and all(len(columns.get(name, [])) == 1 for name in names.values()):
                    return {sample: columns[name][0] for sample, name in names.items()}
    raise DataFault(
        f"the columns are {', '.join(header[:6])}",
        subject=source,
        expected=f"a column for each of the {sheet.height} samples, under a name of the sample sheet",
        remedy="The reads are quantified instead",
    )


def _shared_start(values: list[str]) -> str:
    first, last = min(values), max(values)
    differing = next((at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), None)
    return first[: len(first) if differing is None else differing]


def _without_shared_affixes(names: Mapping[str, str]) -> list[dict[str, str]]:
    """Names without what all of them end or begin with, such as ` [RNA-seq]`: without the end, the beginning, and both.

    What is shared is cut at a blank, a bracket or a punctuation mark, so that no number loses digits.
    """
    values = list(names.values())
    if len(values) < 2:
        return []
    prefix, suffix = _shared_start(values), _shared_start([value[::-1] for value in values])[::-1]
    suffix = suffix[found.start() :] if (found := re.search(r"[\s\[(_:;,.-]", suffix)) else ""
    prefix = prefix[: max((at.end() for at in re.finditer(r"[\s\])_:;,.-]", prefix)), default=0)]
    suffix = suffix if len(suffix) >= _LEAST_SHARED_AFFIX else ""
    prefix = prefix if len(prefix) >= _LEAST_SHARED_AFFIX else ""
    return [
        {sample: value[len(start) : len(value) - len(end)] for sample, value in names.items()}
        for start, end in (("", suffix), (prefix, ""), (prefix, suffix))
        if start or end
    ]
