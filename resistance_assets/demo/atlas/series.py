"""Two series of the resistance atlas, in the layouts that GEO serves them in, and the entries that read them.

GSE38310 is an array: intensities in the series matrix, an annotation of the platform, and the authors' intensities
before normalisation. GSE255958 was sequenced: an empty matrix, no counts of NCBI, and RSEM's table of each sample. The
entries are those of the catalog's set `atlas`, cut down to the contrasts that the demo has data for: the other series
are not in its mirror. Effects belong in `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resistance_assets.catalog.registry import read_documents
from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.demo.geo_series import platform_annotation
from resistance_assets.demo.packing import gzip_stored, lines_of
from resistance_assets.demo.plan import ATLAS, Gene, Plan, atlas_genes, random_stream
from resistance_assets.demo.sequenced_cells import Document

ARRAY, PLATFORM = "GSE38310", "GPL6947"
SEQUENCED = "GSE255958"
_FTP = "https://ftp.ncbi.nlm.nih.gov/geo"
_WEB = "https://www.ncbi.nlm.nih.gov/geo"
_GZIP = "application/x-gzip"
_ARRAY_SD_LOG2 = 0.2
_COUNT_BCV = 0.1
_READS = 2_000_000
_LENGTH_BP = 1500


@dataclass(frozen=True)
class _Sample:
    """A sample: its accession, title, cell line, file of its own, and the contrast whose effects it has."""

    accession: str
    title: str
    line: str
    contrast: str | None = None
    file: str | None = None


def _array_samples() -> list[_Sample]:
    arms = [(line, drug) for line in ("HCC827", "ER3", "T15-2") for drug in ("DMSO", "erlotinib")]
    return [
        _Sample(f"GSM{938752 + at}", f"{line}_{drug}_12h rep{at % 3 + 1}", line, ATLAS.get(line))
        for at, (line, drug) in enumerate(arm for arm in arms for _ in range(3))
    ]


def _sequenced_samples() -> list[_Sample]:
    found = []
    for first, line, stem, arm, contrast in (
        (8083374, "PC9", "PC9_D_{}", "ctrl 48h", None),
        (8083380, "PC9", "PC9_O9_{}", "Osim 9d", "PC9_persister"),
        (8083383, "PC9", "PC9_d47_{}", "resistant Osim 48h", "PC9_resistant"),
        (8083386, "H3122", "H3122_{}", "ctrl 48h", None),
        (8083395, "H3122", "H3122_1{}", "resistant Alec 48h", "H3122_resistant"),
    ):
        for rep in (1, 2, 3):
            accession = f"GSM{first + rep - 1}"
            # Samples 10, 11 and 12 of H3122 are its resistant ones.
            name = stem.format(rep - 1 if stem.endswith("1{}") else rep)
            file = f"{accession}_{name}.genes.results.gz"
            found.append(_Sample(accession, f"{line} {arm} rep {rep}", line, ATLAS.get(contrast or ""), file))
    return found


def _levels(plan: Plan, genes: Sequence[Gene], samples: Sequence[_Sample]) -> NDArray[np.float64]:
    """Log2 abundance, shape (genes, samples), without noise."""
    row = {symbol: at for at, symbol in enumerate(plan.symbols)}
    base = plan.abundance_log2[[row[gene.symbol] for gene in genes]]
    columns = []
    for sample in samples:
        planted = plan.truth.contrasts[sample.contrast] if sample.contrast else {}
        columns.append(base + np.array([planted.get(gene.symbol, 0.0) for gene in genes]))
    return np.stack(columns, axis=1)


def atlas_documents(plan: Plan) -> dict[str, Document]:
    """Both series: URL -> document."""
    return _array_documents(plan) | _sequenced_documents(plan)


def _array_documents(plan: Plan) -> dict[str, Document]:
    genes, samples = atlas_genes(plan), _array_samples()
    draw = random_stream(plan.seed, "atlas array")
    levels = _levels(plan, genes, samples)
    values = np.round(levels + draw.normal(0, _ARRAY_SD_LOG2, levels.shape), 3)
    probes = [(f"ILMN_{1650000 + at}", gene) for at, gene in enumerate(genes)]
    table = [
        "\t".join([f'"{probe}"', *(f"{value:g}" for value in cells)])
        for (probe, _), cells in zip(probes, values.tolist(), strict=True)
    ]
    raw = "\t".join(["ID_REF", *(f"{sample.title}\tDetection Pval" for sample in samples)])
    linear = [
        "\t".join([probe, *(f"{value:.1f}\t0" for value in cells)])
        for (probe, _), cells in zip(probes, np.exp2(values).tolist(), strict=True)
    ]
    name = f"{ARRAY}_non_normalized.txt.gz"
    title = "Synthetic HCC827 lines resistant to erlotinib (demo)"
    kind, own = "Expression profiling by array", f"{_folder(ARRAY)}/suppl/{name}"
    return {
        **_common(ARRAY, title, kind, PLATFORM, samples, table, "quantile normalised, log2 transformed", [own]),
        own: (gzip_stored(lines_of(["# synthetic (demo)", raw, *linear])), _GZIP),
        f"{_FTP}/platforms/{PLATFORM[:-3]}nnn/{PLATFORM}/annot/{PLATFORM}.annot.gz": (
            gzip_stored(platform_annotation(PLATFORM, probes)),
            _GZIP,
        ),
    }


def _sequenced_documents(plan: Plan) -> dict[str, Document]:
    genes, samples = atlas_genes(plan), _sequenced_samples()
    draw = random_stream(plan.seed, "atlas counts")
    share = np.exp2(_levels(plan, genes, samples))
    share /= share.sum(axis=0)
    expected = draw.poisson(draw.gamma(1 / _COUNT_BCV**2, _READS * share * _COUNT_BCV**2)) + 0.25
    documents = _common(
        SEQUENCED,
        "Synthetic PC9 and H3122 cells under osimertinib and alectinib (demo)",
        "Expression profiling by high throughput sequencing",
        "GPL24676",
        samples,
        [],
        "RSEM; supplementary files: expected counts and TPM of each sample",
        [f"{_folder(SEQUENCED)}/suppl/{SEQUENCED}_RAW.tar"],
    )
    header = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM"
    for at, sample in enumerate(samples):
        lines = [header]
        for gene, count, part in zip(genes, expected[:, at].tolist(), share[:, at].tolist(), strict=True):
            tpm = f"{part * 1e6:.2f}"
            # RSEM writes id and name of a gene, joined, also where the reference has one of them alone.
            ids = f"{gene.symbol}_{gene.symbol}\tSYNTHETIC{gene.entrez_gene_id}_{gene.symbol}"
            lines.append(f"{ids}\t{_LENGTH_BP}.00\t{_LENGTH_BP - 150}.00\t{count:.2f}\t{tpm}\t{tpm}")
        documents[_sample_file(sample)] = gzip_stored(lines_of(lines)), _GZIP
    return documents


def _folder(series: str) -> str:
    return f"{_FTP}/series/{series[:-3]}nnn/{series}"


def _sample_file(sample: _Sample) -> str:
    return f"{_FTP}/samples/{sample.accession[:-3]}nnn/{sample.accession}/suppl/{sample.file}"


def _common(
    series: str,
    title: str,
    kind: str,
    platform: str,
    samples: Sequence[_Sample],
    table: Sequence[str],
    processing: str,
    supplementary: Sequence[str],
) -> dict[str, Document]:
    """Record and series matrix."""
    accessions = [sample.accession for sample in samples]
    record = [
        f"^SERIES = {series}",
        f"!Series_title = {title}",
        f"!Series_geo_accession = {series}",
        "!Series_status = Public on Jan 01 2026",
        "!Series_last_update_date = Jan 01 2026",
        f"!Series_type = {kind}",
        "!Series_contact_laboratory = demo laboratory D",
        *(f"!Series_sample_id = {accession}" for accession in accessions),
        f"!Series_platform_id = {platform}",
        *(f"!Series_supplementary_file = {address}" for address in supplementary),
    ]

    def row(name: str, values: Sequence[str]) -> str:
        return "\t".join([f"!Sample_{name}", *(f'"{value}"' for value in values)])

    n = len(samples)
    matrix = [
        f'!Series_title\t"{title}"',
        f'!Series_geo_accession\t"{series}"',
        '!Series_last_update_date\t"Jan 01 2026"',
        f'!Series_type\t"{kind}"',
        f'!Series_platform_id\t"{platform}"',
        "",
        row("title", [sample.title for sample in samples]),
        row("geo_accession", accessions),
        row("source_name_ch1", [sample.line for sample in samples]),
        row("organism_ch1", ["Homo sapiens"] * n),
        row("characteristics_ch1", [f"cell line: {sample.line}" for sample in samples]),
        row("molecule_ch1", ["total RNA"] * n),
        row("data_processing", [processing] * n),
        row("platform_id", [platform] * n),
        *([row("supplementary_file_1", [_sample_file(one) for one in samples])] if samples[0].file else []),
        "!series_matrix_table_begin",
        "\t".join(['"ID_REF"', *(f'"{accession}"' for accession in accessions)]),
        *table,
        "!series_matrix_table_end",
    ]
    address = f"{_WEB}/query/acc.cgi?targ=self&acc={series}&form=text&view=brief"
    return {
        f"{_folder(series)}/matrix/{series}_series_matrix.txt.gz": (gzip_stored(lines_of(matrix)), _GZIP),
        address: (lines_of(record), "geo/text"),
    }


def atlas_entries() -> str:
    """The entries of the two series as a file of a catalog: of the set `atlas`, with the demo's contrasts alone."""
    documents, _ = read_documents(sets=("atlas",))
    wanted = set(ATLAS.values())
    lines = ["# Two entries of the set atlas, with the contrasts that the demo has data for.", ""]
    for study in documents["studies.toml"]["study"]:
        contrasts = [one for one in study["contrast"] if one["id"] in wanted]
        arms = {arm for one in contrasts for arm in (one["numerator"], one["denominator"])}
        if not contrasts:
            continue
        for source in study["sources"]:
            lines += [f"[source.{source}]", *_keys(documents["sources.toml"]["source"][source]), ""]
        rest = {key: value for key, value in study.items() if key not in ("group", "contrast", "interaction")}
        lines += ["[[study]]", *_keys(rest), ""]
        for group in study["group"]:
            if group["id"] in arms:
                lines += ["[[study.group]]", *_keys(group), ""]
        for contrast in contrasts:
            lines += ["[[study.contrast]]", *_keys(contrast), ""]
    return "\n".join(lines)


def _keys(entry: Mapping[str, Any]) -> list[str]:
    """Texts and lists of texts as lines of TOML."""
    return [
        f"{key} = [{', '.join(map(toml_string, value))}]"
        if isinstance(value, list)
        else f"{key} = {toml_string(value)}"
        for key, value in entry.items()
    ]
