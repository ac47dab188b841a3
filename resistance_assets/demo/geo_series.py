"""A GEO series of one parental and three resistant lines, in both shapes that such a series may have.

Here belong the documents in GEO's layouts: as an array, with intensities in the series matrix and an annotation of the
platform, or as sequencing, with an empty matrix and counts that NCBI generated. Effects belong in `plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resistance_assets.demo.packing import gzip_stored, lines_of
from resistance_assets.demo.plan import ALK_LINES, Gene, Plan, arrayed_genes, random_stream
from resistance_assets.demo.sequenced_cells import Document

SERIES = "GSE94089"
PLATFORM = "GPL9909"
_FTP = "https://ftp.ncbi.nlm.nih.gov/geo"
_WEB = "https://www.ncbi.nlm.nih.gov/geo"
_BUILD = "GRCh38.p13"
_N_CULTURES = 3
_ARRAY_SD_LOG2 = 0.2
_COUNT_BCV = 0.1


def _samples() -> list[tuple[str, str, str, str | None]]:
    """GSM accession, title, line, contrast of its effects."""
    found = []
    for line, contrast in (("parental", None), *((f"{drug}-resistant", c) for drug, c in ALK_LINES.items())):
        for culture in range(1, _N_CULTURES + 1):
            number = len(found) + 1
            found.append((f"GSM99940{number:02d}", f"H2228 {line}, culture {culture}", line, contrast))
    return found


def _levels(plan: Plan, genes: Sequence[Gene]) -> NDArray[np.float64]:
    """Log2 abundance, shape (genes, samples), without noise."""
    row = {symbol: at for at, symbol in enumerate(plan.symbols)}
    base = plan.abundance_log2[[row[gene.symbol] for gene in genes]]
    columns = []
    for *_, contrast in _samples():
        planted = plan.truth.contrasts[contrast] if contrast else {}
        columns.append(base + np.array([planted.get(gene.symbol, 0.0) for gene in genes]))
    return np.stack(columns, axis=1)


def array_documents(plan: Plan) -> dict[str, Document]:
    """The series as an array: URL -> document. Every sixth gene has a second probe; some probes have no gene."""
    genes = arrayed_genes(plan)
    draw = random_stream(plan.seed, "array series")
    probes = [(f"demo_{at + 1:05d}_at", gene) for at, gene in enumerate(genes)]
    probes += [(f"demo_{at + 1:05d}_s_at", gene) for at, gene in enumerate(genes) if at % 6 == 0]
    row = {gene.symbol: at for at, gene in enumerate(genes)}
    levels = _levels(plan, genes)[[row[gene.symbol] for _, gene in probes]]
    levels += (
        draw.normal(0, _ARRAY_SD_LOG2, levels.shape)
        - np.where([probe.endswith("_s_at") for probe, _ in probes], 1.0, 0.0)[:, None]
    )
    unnamed = draw.uniform(3, 5, (20, levels.shape[1]))
    names = [probe for probe, _ in probes] + [f"AFFX-demo-{at}" for at in range(20)]
    values = np.round(np.concatenate([levels, unnamed]), 3)
    table = [
        "\t".join([f'"{name}"', *(f"{value:g}" for value in cells)])
        for name, cells in zip(names, values.tolist(), strict=True)
    ]
    return {
        **_common(plan, "Expression profiling by array", table, "RMA, log2 transformed"),
        f"{_FTP}/platforms/{PLATFORM[:-3]}nnn/{PLATFORM}/annot/{PLATFORM}.annot.gz": (
            gzip_stored(platform_annotation(PLATFORM, probes)),
            "application/x-gzip",
        ),
    }


def counts_documents(plan: Plan) -> dict[str, Document]:
    """The series as sequencing: an empty matrix, NCBI's counts and their annotation: URL -> document."""
    genes = arrayed_genes(plan)
    draw = random_stream(plan.seed, "counted series")
    share = np.exp2(_levels(plan, genes))
    mean = 1_500_000 * share / share.sum(axis=0)
    counts = draw.poisson(draw.gamma(1 / _COUNT_BCV**2, mean * _COUNT_BCV**2))
    samples = [sample for sample, *_ in _samples()]
    # The host's order of samples is not the series'.
    order = list(reversed(range(len(samples))))
    lines = ["\t".join(["GeneID", *(samples[at] for at in order)])]
    lines += [
        "\t".join([str(gene.entrez_gene_id), *(str(cells[at]) for at in order)])
        for gene, cells in zip(genes, counts.tolist(), strict=True)
    ]
    annotation = ["GeneID\tSymbol\tDescription\tSynonyms\tGeneType\tEnsemblGeneID\tStatus\tChrAcc\tLength"]
    annotation += [
        f'{gene.entrez_gene_id}\t{gene.symbol}\tsynthetic "gene" {gene.symbol}\t-\tprotein-coding'
        f"\t{gene.ensembl_gene_id}\tactive\tNC_000001.11\t1500"
        for gene in genes
    ]
    download = f"{_WEB}/download/?"
    return {
        **_common(plan, "Expression profiling by high throughput sequencing", [], "reads were aligned"),
        f"{download}acc={SERIES}&format=file&file={SERIES}_raw_counts_{_BUILD}_NCBI.tsv.gz": (
            gzip_stored(lines_of(lines)),
            "application/x-gzip",
        ),
        f"{download}acc={SERIES}&format=file&file=Human.{_BUILD}.annot.tsv.gz": (
            gzip_stored(lines_of(annotation)),
            "application/x-gzip",
        ),
    }


def _common(plan: Plan, kind: str, table: Sequence[str], processing: str) -> dict[str, Document]:
    """Record and series matrix."""
    matrix = f"{_FTP}/series/{SERIES[:-3]}nnn/{SERIES}/matrix/{SERIES}_series_matrix.txt.gz"
    record = f"{_WEB}/query/acc.cgi?targ=self&acc={SERIES}&form=text&view=brief"
    return {
        matrix: (gzip_stored(_matrix(kind, table, processing)), "application/x-gzip"),
        record: (_record(kind), "geo/text"),
    }


_TITLE = "Synthetic H2228 lines resistant to ALK inhibitors (demo)"


def _record(kind: str) -> bytes:
    lines = [
        f"^SERIES = {SERIES}",
        f"!Series_title = {_TITLE}",
        f"!Series_geo_accession = {SERIES}",
        "!Series_status = Public on Jan 01 2026",
        "!Series_last_update_date = Jan 01 2026",
        f"!Series_type = {kind}",
        *(f"!Series_sample_id = {sample}" for sample, *_ in _samples()),
        f"!Series_platform_id = {PLATFORM}",
        "!Series_supplementary_file = NONE",
    ]
    return lines_of(lines)


def _matrix(kind: str, table: Sequence[str], processing: str) -> bytes:
    samples = _samples()

    def row(name: str, values: Sequence[str]) -> str:
        return "\t".join([f"!Sample_{name}", *(f'"{value}"' for value in values)])

    n = len(samples)
    lines = [
        f'!Series_title\t"{_TITLE}"',
        f'!Series_geo_accession\t"{SERIES}"',
        '!Series_last_update_date\t"Jan 01 2026"',
        f'!Series_type\t"{kind}"',
        f'!Series_platform_id\t"{PLATFORM}"',
        "",
        row("title", [title for _, title, *_ in samples]),
        row("geo_accession", [sample for sample, *_ in samples]),
        row("source_name_ch1", ["lung adenocarcinoma cells"] * n),
        row("organism_ch1", ["Homo sapiens"] * n),
        row("characteristics_ch1", ["cell line: NCI-H2228"] * n),
        row("characteristics_ch1", [f"resistance: {line}" for _, _, line, _ in samples]),
        row("molecule_ch1", ["total RNA"] * n),
        row("data_processing", [processing] * n),
        row("platform_id", [PLATFORM] * n),
        "!series_matrix_table_begin",
        "\t".join(['"ID_REF"', *(f'"{sample}"' for sample, *_ in samples)]),
        *table,
        "!series_matrix_table_end",
    ]
    return lines_of(lines)


def platform_annotation(platform: str, probes: Sequence[tuple[str, Gene]]) -> bytes:
    """GEO's annotation of the platform; probes of several genes are joined by `///`."""
    lines = [
        "^Annotation",
        "!Annotation_date = Jan 01 2026",
        f"!Annotation_platform = {platform}",
        "#ID = ID from Platform data table",
        "#Gene symbol = Entrez Gene symbol",
        "#Gene ID = Entrez Gene identifier",
        "!platform_table_begin",
        "ID\tGene title\tGene symbol\tGene ID",
    ]
    previous = probes[0][1]
    for at, (probe, gene) in enumerate(probes):
        shared = at % 97 == 50
        symbols = f"{gene.symbol}///{previous.symbol}" if shared else gene.symbol
        entrez = f"{gene.entrez_gene_id}///{previous.entrez_gene_id}" if shared else str(gene.entrez_gene_id)
        lines.append(f"{probe}\tsynthetic record of {symbols}\t{symbols}\t{entrez}")
        previous = gene
    lines += [f"AFFX-demo-{at}\t\t\t" for at in range(20)]
    return lines_of([*lines, "!platform_table_end"])
