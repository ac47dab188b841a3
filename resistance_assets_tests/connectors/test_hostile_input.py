"""Damaged files of every format: a reader gives a frame or one clear fault, and never loses a row without a word.

Each reader is given real or realistic bytes, damaged in the ways that transfers, editors and hosts damage them. It must
either return, with every row of the input kept or rejected, or raise one Fault; anything else fails.
RESISTANCE_FUZZ_INPUTS says how many damaged inputs are tried in all (600 by default).
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resistance_assets.connectors import kegg
from resistance_assets.connectors.arrayexpress import biostudies, ena
from resistance_assets.connectors.arrayexpress.processed_counts import read_sample_counts
from resistance_assets.connectors.biogrid import read_tab3
from resistance_assets.connectors.gdc.counts import read_files_page, read_star_counts
from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.connectors.gene_lists.cancer_gene_lists import read_allonco, read_oncokb
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.gene_ontology import go_gene_sets, read_gaf, read_obo
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.geo.matrix import geo_sample_sheet, read_series_matrix
from resistance_assets.connectors.geo.soft import probe_genes, read_soft
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.connectors.panther import read_panther_classification
from resistance_assets.connectors.string import read_string_links, read_string_names
from resistance_assets.connectors.xena import read_xena_matrix, read_xena_survival
from resistance_assets.errors import Fault

ROWS = None  # the reader's result does not claim to hold every row (a document, not a table)


def lines_of(path: Path, *, quoted: bool = False) -> int:
    """Rows of a table with a header: lines that are not empty, the header left out. Quoted cells may hold line ends."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if quoted:
        head, _, body = data.partition(b"\n")
        parts = body.split(b'"')
        parts[1::2] = [part.replace(b"\n", b" ") for part in parts[1::2]]
        data = head + b"\n" + b'"'.join(parts)
    return sum(1 for line in data.split(b"\n") if line) - 1


def table(
    reader: Callable[[Path], tuple[pl.DataFrame, pl.DataFrame]], *, quoted: bool = False
) -> Callable[[Path], tuple[int, int] | None]:
    """A reader of one table as (rows of the input, rows kept or rejected)."""

    def run(path: Path) -> tuple[int, int] | None:
        kept, rejected = reader(path)
        return lines_of(path, quoted=quoted), kept.height + rejected.height

    return run


def _ena(path: Path) -> tuple[int, int] | None:
    report = ena.read_report(path)
    ena.preferred_fastq(report.files)
    if path.read_bytes().lstrip()[:1] in (b"[", b"{"):
        return len(json.loads(path.read_bytes())), report.runs.height + report.rejected.height
    return lines_of(path), report.runs.height + report.rejected.height


def _sdrf(path: Path) -> tuple[int, int] | None:
    sdrf = biostudies.read_sdrf(path)
    assert biostudies.sample_sheet(sdrf).height <= sdrf.n_rows
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return sum(1 for line in text.split("\n") if line.strip()) - 1, sdrf.n_rows + sdrf.rejected.height


def _matrix(path: Path) -> tuple[int, int] | None:
    matrix = read_series_matrix(path)
    geo_sample_sheet(matrix.attributes)
    of_table = matrix.rejected.height - matrix.rejected["reason"].str.contains("^the line").sum()
    return matrix.n_rows, matrix.values.height + of_table


def _soft(path: Path) -> tuple[int, int] | None:
    soft = read_soft(path, complete=False)
    geo_sample_sheet(soft.sample_attributes)
    of_tables = soft.rejected.height - soft.rejected["reason"].str.contains("^the line belongs").sum()
    return soft.n_rows, sum(frame.height for frame in soft.platform_tables.values()) + soft.n_values + of_tables


def _annotation(path: Path) -> tuple[int, int] | None:
    frame, _ = geo.read_platform_annotation(path, complete=False)
    assert probe_genes(frame).height == frame.height
    return ROWS


def _one_sample(path: Path) -> tuple[int, int] | None:
    counts = read_sample_counts(path)
    rows = lines_of(path, quoted=True)
    # Where a number has taken the place of the header, the first line is a gene, too.
    return rows, min(rows, counts.height)


def _star(path: Path) -> tuple[int, int] | None:
    star = read_star_counts(path.read_bytes(), source=path.name)
    comments = len([line for line in path.read_text(errors="replace").splitlines()[:4] if line.startswith("#")])
    return lines_of(path) - comments, star.genes.height + len(star.summary) + star.rejected.height


def _gaf(path: Path) -> tuple[int, int] | None:
    annotations = read_gaf(path)
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    rows = [line for line in text.split("\n") if line.strip() and not line.startswith("!")]
    return len(rows), annotations.rows.height + annotations.rejected.height


def _obo(path: Path) -> tuple[int, int] | None:
    ontology = read_obo(path)
    annotation = "".join(f"x\tx\tA\t\t{term}\tx\tIDA\t\tP\t\t\tp\tt\td\tx\n" for term in list(ontology.terms)[:3])
    other = path.with_suffix(".gaf")
    other.write_text(annotation, errors="replace")
    annotations = read_gaf(other)
    sets, rejected = go_gene_sets(ontology, annotations)
    assert sets.height + rejected.height > 0 or ontology.terms
    return ROWS


def document(reader: Callable[[Path], object]) -> Callable[[Path], tuple[int, int] | None]:
    def run(path: Path) -> tuple[int, int] | None:
        reader(path)
        return ROWS

    return run


def _kegg(path: Path) -> tuple[int, int] | None:
    names = path.with_suffix(".names")
    names.write_text("hsa04151\tPI3K-Akt\n")
    sets, rejected = kegg.read_kegg_pathways(names, path)
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    return sum(1 for line in text.split("\n") if line.strip()), sets.height + rejected.height


@dataclass(frozen=True)
class Case:
    """A reader and an intact input: a file of the samples, or bytes."""

    run: Callable[[Path], tuple[int, int] | None]
    sample: str = ""
    data: bytes = b""


GTF = b'##x\nchr1\tx\texon\t1\t9\t.\t+\t.\tgene_id "G1"; gene_name "A";\nchr1\tx\texon\t5\t20\t.\t+\t.\tgene_id "G1";\n'
CASES = {
    "sdrf": Case(_sdrf, "arrayexpress/E-MTAB-1963.sdrf.txt"),
    "idf": Case(document(biostudies.read_idf), "arrayexpress/E-MTAB-1963.idf.txt"),
    "study record": Case(document(biostudies.read_record), "biostudies/study_E-GEOD-16059.json"),
    "study info": Case(document(biostudies.read_info), "biostudies/info_E-GEOD-16059.json"),
    "study files": Case(document(biostudies.read_file_page), "biostudies/files_E-MTAB-6701.json"),
    "ena": Case(_ena, "ena/filereport_fastqs.tsv"),
    "ena json": Case(_ena, data=b'[{"run_accession": "ERR1", "fastq_ftp": "h.org/a.fastq.gz", "fastq_bytes": "1"}]'),
    "matrix": Case(
        _matrix,
        data=b'!Series_type\t"array"\n!Sample_title\t"a"\t"b"\n!series_matrix_table_begin\n"ID_REF"\t"GSM1"\t"GSM2"\n'
        b'"p1"\t1.5\t2\n"p2"\tNA\t-3e2\n"p3"\t4\t5\n!series_matrix_table_end\n',
    ),
    "matrix of sequencing": Case(_matrix, "geo_matrix/GSE99709_series_matrix.txt.gz"),
    "soft": Case(_soft, "geo_soft/soft_ex_family.txt"),
    "soft sample": Case(_soft, "geo_soft/GSM32878.txt"),
    "platform": Case(_annotation, "geo_soft/GPL4133.txt"),
    "generated counts": Case(table(geo.read_ncbi_counts), data=b"GeneID\tGSM1\tGSM2\n1\t5\t6\n2\t0\t7\n9\t1\t1\n"),
    "counts of one sample": Case(_one_sample, data=b"gene\tcounts\nAXL\t5\nMET\t0\nKRAS\t7\n"),
    "counts annotation": Case(table(geo.read_ncbi_annotation), data=b"GeneID\tSymbol\tLength\n1\tA\t5\n2\tB\t9\n"),
    "star": Case(_star, "gdc/star_gene_counts.head_b.tsv"),
    "gdc files": Case(document(read_files_page), "gdc/files_answer.json"),
    "xena matrix": Case(table(read_xena_matrix), data=b"sample\tA-01\tB-11\nGAS6\t1\t2\nAXL\tNA\t3\n"),
    "xena survival": Case(table(read_xena_survival), data=b"sample\t_PATIENT\tOS\tOS.time\nA-01\tA\t1\t5\nB\tB\t0\t\n"),
    "obo": Case(_obo, "ontology/heartjogging.obo"),
    "gaf": Case(_gaf, "ontology/goa_human_illegal.gaf"),
    "panther": Case(
        document(read_panther_classification),
        data=b"HUMAN|HGNC=1|UniProtKB=P1\tP1\tA\tS\tf\ts\tm\tb\tc\tp\tAngio#P00005>X#P1;Other#P00006>Y#P2;\n" * 3,
    ),
    "string links": Case(document(read_string_links), data=b"protein1 protein2 combined_score\na b 5\nb a 5\na c 9\n"),
    "string names": Case(table(read_string_names), data=b"#string_protein_id\tpreferred_name\na\tA\nb\tB\n"),
    "kegg": Case(_kegg, data=b"path:hsa04151\thsa:207\npath:hsa04151\thsa:208\n"),
    "hgnc": Case(table(read_hgnc, quoted=True), "hgnc/hgnc_2018-11.withdrawn.txt"),
    "allonco": Case(table(read_allonco, quoted=True), "bushman/allOnco_May2018.head.tsv"),
    "oncokb": Case(table(read_oncokb), "oncokb/cancerGeneList_2022-05-05.head.tsv"),
    "gene sets": Case(document(read_gmt), "gmt/genes.gmt"),
    "biogrid": Case(table(read_tab3), "biogrid/first_nine_columns.head.txt"),
    "gene lengths": Case(document(read_gene_lengths), data=GTF),
}

TOTAL = int(os.environ.get("RESISTANCE_FUZZ_INPUTS", "600"))

TOKENS = [b"\0", b"\xff\xfe", b"\xe9", b"\r", b"\r\n", b"\n", b"\t", b'"', b"NA", b"-1", b"1e999", b"9" * 40]
TOKENS += [b"\xef\xbb\xbf", b"<html>", b"!", b"^", b"#", b"", b"x" * 70_000, "µ\u2028\u00a0".encode(), b"\\"]
TOKENS += [b"[[[[", b"inf", b"nan", b";", b"|"]


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[str, float, float, int]]:
    """A few changes, told by where they strike (a fraction of the file), so that they fit any file."""
    kinds = st.sampled_from(["cut", "insert", "overwrite", "drop", "swap columns", "repeat line", "drop line", "flip"])
    place = st.floats(0, 1, exclude_max=True)
    return draw(st.lists(st.tuples(kinds, place, place, st.integers(0, len(TOKENS) - 1)), min_size=1, max_size=4))


def damaged(data: bytes, changes: list[tuple[str, float, float, int]]) -> bytes:
    for kind, first, second, token in changes:
        at, other = int(first * len(data)), int(second * len(data))
        lines = data.split(b"\n")
        line = int(first * len(lines))
        match kind:
            case "cut":
                data = data[:at]
            case "insert":
                data = data[:at] + TOKENS[token] + data[at:]
            case "overwrite":
                data = data[:at] + TOKENS[token] + data[at + len(TOKENS[token]) :]
            case "drop":
                data = data[: min(at, other)] + data[min(at, other) + abs(at - other) % 50 :]
            case "swap columns":
                cells = lines[line].split(b"\t")
                one, two = int(first * len(cells)), int(second * len(cells))
                cells[one], cells[two] = cells[two], cells[one]
                data = b"\n".join([*lines[:line], b"\t".join(cells), *lines[line + 1 :]])
            case "repeat line":
                data = b"\n".join([*lines[: line + 1], *lines[line:]])
            case "drop line":
                data = b"\n".join([*lines[:line], *lines[line + 1 :]])
            case "flip" if data:
                data = data[:at] + bytes([data[at] ^ (1 << token % 8)]) + data[at + 1 :]
    return data


def run_or_fault(case: Case, path: Path) -> tuple[int, int] | Fault | None:
    try:
        return case.run(path)
    except Fault as fault:
        return fault


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_damaged_input_gives_every_row_or_one_fault(name, shared, tmp_path):
    case = CASES[name]
    source = shared / "samples" / case.sample
    intact = source.read_bytes() if case.sample else case.data
    compressed = intact.startswith(b"\x1f\x8b")
    path = tmp_path / (source.name if case.sample else "input.txt")
    path.write_bytes(intact)
    counted = case.run(path)
    assert counted is None or counted[0] == counted[1]  # and the intact input is read without a fault

    @settings(
        max_examples=max(5, TOTAL // len(CASES)),
        deadline=None,
        derandomize=TOTAL <= 1000,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    @given(damage(), st.booleans())
    def check(changes: list[tuple[str, float, float, int]], inside: bool) -> None:
        # Of a compressed file, the bytes as they are, or what is inside of them.
        body = gzip.compress(damaged(gzip.decompress(intact), changes), 1) if compressed and inside else None
        path.write_bytes(damaged(intact, changes) if body is None else body)
        outcome = run_or_fault(case, path)
        if isinstance(outcome, Fault):
            assert "\n" not in str(outcome)
            assert outcome.remedy
        else:
            assert outcome is None or outcome[0] == outcome[1]

    check()
