"""Four arms of a cell line as two ArrayExpress accessions: records, sheets, ENA's report, and reads to be counted.

Here belong the made-up transcriptome, the reads drawn from it and the documents of BioStudies and ENA in the layouts of
those hosts. Which genes change, and by how much, belongs in `plan`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from resistance_assets.demo.packing import gzip_stored
from resistance_assets.demo.plan import Gene, Plan, random_stream, sequenced_genes

Document = tuple[bytes, str]
"""Body and content type."""

BIOSTUDIES = "https://www.ebi.ac.uk/biostudies"
ENA_HOST = "ftp.sra.ebi.ac.uk"
ENA_REPORT_FIELDS = (
    "run_accession",
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
    "read_count",
    "base_count",
    "fastq_ftp",
    "fastq_bytes",
    "fastq_md5",
    "submitted_ftp",
    "submitted_bytes",
    "submitted_md5",
)

_READ_BP = 50
_FRAGMENT_BP = 160
_PAIRS_PER_ARM = 16_000
_UNMAPPED_SHARE = 0.08
_NOISE_SD_LOG2 = 0.1
_BASES = np.frombuffer(b"ACGT", np.uint8)


@dataclass(frozen=True)
class Run:
    """A sequencing run of an arm; `share` of the arm's reads is in it."""

    arm: str
    accession: str
    sample: str
    share: float = 1.0


@dataclass(frozen=True)
class Record:
    """An ArrayExpress record: its runs and what its sheet says of each arm."""

    accession: str
    sequence_study: str
    title: str
    runs: tuple[Run, ...]
    cells: Mapping[str, Mapping[str, str]]


# The arm RA was sequenced twice: two runs of one sample, which are no replicates.
RECORDS = (
    Record(
        "E-MTAB-5997",
        "ERP9905997",
        "Synthetic parental cells with and without anlotinib (demo)",
        (Run("P", "ERR9905901", "ERS9905901"), Run("PA", "ERR9905902", "ERS9905902")),
        {
            "P": {"Characteristics[phenotype]": "parental", "Factor Value[compound]": "none", "dose": "0"},
            "PA": {"Characteristics[phenotype]": "parental", "Factor Value[compound]": "anlotinib", "dose": "8"},
        },
    ),
    Record(
        "E-MTAB-7068",
        "ERP9907068",
        "Synthetic anlotinib-resistant cells with and without anlotinib (demo)",
        (
            Run("R", "ERR9907001", "ERS9907001"),
            Run("RA", "ERR9907002", "ERS9907002", 0.5),
            Run("RA", "ERR9907003", "ERS9907002", 0.5),
        ),
        {
            "R": {"Characteristics[phenotype]": "anlotinib resistant", "Factor Value[compound]": "none", "dose": "0"},
            "RA": {
                "Characteristics[phenotype]": "anlotinib resistant",
                "Factor Value[compound]": "anlotinib",
                "dose": "8",
            },
        },
    ),
)


@dataclass(frozen=True)
class Transcriptome:
    """Sequences of the transcripts and the row of the gene of each."""

    names: tuple[str, ...]
    sequences: tuple[NDArray[np.uint8], ...]
    gene_of: tuple[int, ...]


def draw_transcriptome(plan: Plan) -> Transcriptome:
    """One transcript per gene, for every fifth gene two that share their first half."""
    draw = random_stream(plan.seed, "transcriptome")
    names, sequences, gene_of = [], [], []
    for row, gene in enumerate(sequenced_genes(plan)):
        first = _BASES[draw.randint(0, 4, draw.randint(250, 400))]
        for isoform in range(2 if row % 5 == 0 else 1):
            sequence = np.concatenate([first, _BASES[draw.randint(0, 4, draw.randint(200, 400))]])
            names.append(_fasta_name(gene, len(names) + 1, isoform + 1, len(sequence)))
            sequences.append(sequence)
            gene_of.append(row)
    return Transcriptome(tuple(names), tuple(sequences), tuple(gene_of))


def _fasta_name(gene: Gene, number: int, isoform: int, length: int) -> str:
    name = f"{gene.symbol}-synthetic-20{isoform}"
    return f"ENST9{number:010d}.1|{gene.ensembl_gene_id}.1|-|-|{name}|{gene.symbol}|{length}|protein_coding|"


def transcripts_fasta(plan: Plan) -> bytes:
    """GENCODE's transcript sequences, gzip."""
    made = draw_transcriptome(plan)
    lines = [f">{name}\n{s.tobytes().decode()}\n" for name, s in zip(made.names, made.sequences, strict=True)]
    return gzip_stored("".join(lines).encode())


def abundances_of_arms(plan: Plan) -> dict[str, NDArray[np.float64]]:
    """Arm -> log2 abundance of every sequenced gene, with the planted effects and a little noise."""
    genes = sequenced_genes(plan)
    draw = random_stream(plan.seed, "sequenced arms")
    row = {symbol: at for at, symbol in enumerate(plan.symbols)}
    at = np.array([row[gene.symbol] for gene in genes])
    # Few reads: a narrow range leaves none of the genes without any.
    base = np.clip(plan.abundance_log2[at], 7.0, 8.5)

    def effect(contrast_id: str) -> NDArray[np.float64]:
        planted = plan.truth.contrasts[contrast_id]
        return np.array([planted.get(gene.symbol, 0.0) for gene in genes])

    treated, resistant = effect("h1975_parental_anlotinib_vs_parental"), effect("h1975_anlotinib_resistant_vs_parental")
    levels = {
        "P": base,
        "PA": base + treated,
        "R": base + resistant,
        "RA": base + resistant + effect("h1975_resistant_anlotinib_vs_resistant"),
    }
    return {arm: level + draw.normal(0, _NOISE_SD_LOG2, len(genes)) for arm, level in levels.items()}


@cache
def _complement() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[_BASES] = _BASES[::-1]
    return table


def draw_reads(plan: Plan) -> dict[str, tuple[bytes, bytes]]:
    """Run -> its two FASTQ files, gzip; some reads are of no transcript."""
    made, arms = draw_transcriptome(plan), abundances_of_arms(plan)
    lengths = np.array([len(sequence) for sequence in made.sequences])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    everything = np.concatenate(made.sequences)
    gene_of = np.array(made.gene_of)
    per_gene = np.bincount(gene_of)
    found = {}
    for record in RECORDS:
        for run in record.runs:
            draw = random_stream(plan.seed, f"reads of {run.accession}")
            weights = np.exp2(arms[run.arm])[gene_of] / per_gene[gene_of] * (lengths - _FRAGMENT_BP)
            n = round(_PAIRS_PER_ARM * run.share)
            chosen = np.searchsorted(np.cumsum(weights / weights.sum()), draw.uniform(size=n))
            chosen = np.minimum(chosen, len(lengths) - 1)
            sizes = _FRAGMENT_BP + draw.randint(-20, 21, n)
            starts = (draw.uniform(size=n) * (lengths[chosen] - sizes)).astype(np.int64)
            left = everything[(offsets[chosen] + starts)[:, None] + np.arange(_READ_BP)]
            last = offsets[chosen] + starts + sizes - 1
            right = _complement()[everything[last[:, None] - np.arange(_READ_BP)]]
            foreign = draw.uniform(size=n) < _UNMAPPED_SHARE
            left[foreign] = _BASES[draw.randint(0, 4, (int(foreign.sum()), _READ_BP))]
            right[foreign] = _BASES[draw.randint(0, 4, (int(foreign.sum()), _READ_BP))]
            found[run.accession] = (_fastq(run.accession, left), _fastq(run.accession, right))
    return found


def _fastq(run: str, reads: NDArray[np.uint8]) -> bytes:
    quality = b"I" * _READ_BP
    return gzip_stored(
        b"".join(
            b"@%s.%d%s\n%s\n+\n%s\n" % (run.encode(), i, b" synthetic reads" if i == 1 else b"", r.tobytes(), quality)
            for i, r in enumerate(reads, start=1)
        )
    )


def accession_documents(plan: Plan) -> dict[str, Document]:
    """URL -> document, for both records: BioStudies, ENA and the reads."""
    reads = draw_reads(plan)
    found: dict[str, Document] = {}
    for record in RECORDS:
        found |= _record_documents(record, reads)
    return found


def _fastq_address(run: str, mate: int) -> str:
    return f"{ENA_HOST}/vol1/fastq/{run[:6]}/00{run[-1]}/{run}/{run}_{mate}.fastq.gz"


def _record_documents(record: Record, reads: Mapping[str, tuple[bytes, bytes]]) -> dict[str, Document]:
    accession = record.accession
    sheets = {f"{accession}.idf.txt": _idf(record), f"{accession}.sdrf.txt": _sdrf(record)}
    items = [
        {"path": name, "file_position": str(at), "Size": len(body), "file_type": "file", "file_owner": accession,
         "type": "file", "Section": f"mt-{accession}", "Description": "synthetic", "isDirectory": "false",
         "Type": "IDF File" if name.endswith("idf.txt") else "SDRF File"}
        for at, (name, body) in enumerate(sheets.items(), start=1)
    ]  # fmt: skip
    prefix, number = accession.rsplit("-", 1)
    place = f"{prefix}-/{number[-3:]}/{accession}"
    study = {
        "accno": accession,
        "attributes": [
            {"name": "Title", "value": record.title},
            {"name": "ReleaseDate", "value": "2026-01-01"},
            {"name": "AttachTo", "value": "ArrayExpress"},
        ],
        "section": {
            "accno": f"s-{accession}",
            "type": "Study",
            "attributes": [
                {"name": "Title", "value": record.title},
                {"name": "Study type", "value": "RNA-seq of coding RNA"},
                {"name": "Organism", "value": "Homo sapiens"},
            ],
            "links": [[{"url": record.sequence_study, "attributes": [{"name": "Type", "value": "ENA"}]}]],
            "subsections": [],
        },
        "type": "submission",
    }
    info = {
        "files": len(items),
        "httpLink": f"https://ftp.ebi.ac.uk/biostudies/fire/{place}",
        "isPublic": True,
        "relPath": place,
        "released": 1_767_225_600_000,
        "modified": 1_767_225_600_000,
    }
    api = f"{BIOSTUDIES}/api/v1/studies/{accession}"
    found: dict[str, Document] = {
        api: (_json(study), "application/json"),
        f"{api}/info": (_json(info), "application/json"),
        f"{api}/files?limit=1000&offset=0": (
            _json({"items": items, "pagination": {"total": len(items)}}),
            "application/json",
        ),
    }
    for name, body in sheets.items():
        found[f"{BIOSTUDIES}/files/{accession}/{name}"] = (body, "text/plain")
    fields = ",".join(ENA_REPORT_FIELDS)
    report = (
        f"https://www.ebi.ac.uk/ena/portal/api/filereport?accession={record.sequence_study}&result=read_run"
        f"&fields={fields}&format=tsv&limit=0"
    )
    found[report] = (_ena_report(record, reads), "text/plain")
    for run in record.runs:
        for mate, body in enumerate(reads[run.accession], start=1):
            found[f"https://{_fastq_address(run.accession, mate)}"] = (body, "application/gzip")
    return found


def _idf(record: Record) -> bytes:
    lines = [
        ("MAGE-TAB Version", "1.1"),
        ("Investigation Title", record.title),
        ("Experimental Factor Name", "compound", "dose"),
        (),
        ("Public Release Date", "2026-01-01"),
        ("Protocol Name", "P-DEMO-1", "P-DEMO-2"),
        ("Comment[AEExperimentType]", "RNA-seq of coding RNA"),
        ("Comment[SecondaryAccession]", record.sequence_study),
        ("SDRF File", f"{record.accession}.sdrf.txt"),
    ]
    return ("\n".join("\t".join(line) for line in lines) + "\n").encode()


def _sdrf(record: Record) -> bytes:
    """Two rows per run, one for each file of its reads. Of one run it states another strategy than ENA does."""
    header = [
        "Source Name",
        "Comment[ENA_SAMPLE]",
        "Characteristics[organism]",
        "Characteristics[cell line]",
        "Characteristics[phenotype]",
        "Extract Name",
        "Comment[LIBRARY_LAYOUT]",
        "Comment[LIBRARY_STRATEGY]",
        "Assay Name",
        "Comment[ENA_EXPERIMENT]",
        "Comment[ENA_RUN]",
        "Comment[FASTQ_URI]",
        "Factor Value[compound]",
        "Factor Value[dose]",
        "Unit[concentration unit]",
    ]
    rows = [header]
    for run in record.runs:
        own = record.cells[run.arm]
        rows += [
            [
                f"demo {run.arm}",
                run.sample,
                "Homo sapiens",
                "NCI-H1975",
                own["Characteristics[phenotype]"],
                f"synthetic RNA of demo {run.arm}",
                "PAIRED",
                "ssRNA-seq" if run.arm == "PA" else "RNA-Seq",
                f"demo {run.arm} {run.accession}",
                f"ERX{run.accession[3:]}",
                run.accession,
                f"ftp://{_fastq_address(run.accession, mate)}",
                own["Factor Value[compound]"],
                own["dose"],
                "microgram per milliliter",
            ]
            for mate in (1, 2)
        ]
    return ("\n".join("\t".join(row) for row in rows) + "\n").encode()


def _ena_report(record: Record, reads: Mapping[str, tuple[bytes, bytes]]) -> bytes:
    lines = ["\t".join(ENA_REPORT_FIELDS)]
    for run in record.runs:
        files = reads[run.accession]
        pairs = round(_PAIRS_PER_ARM * run.share)
        cells = dict.fromkeys(ENA_REPORT_FIELDS, "") | {
            "run_accession": run.accession,
            "study_accession": f"PRJEB99{record.accession[-4:]}",
            "experiment_accession": f"ERX{run.accession[3:]}",
            "sample_accession": f"SAMEA99{run.sample[3:]}",
            "secondary_sample_accession": run.sample,
            "sample_title": f"synthetic demo {run.arm}",
            "library_layout": "PAIRED",
            "library_strategy": "RNA-Seq",
            "library_source": "TRANSCRIPTOMIC",
            "first_public": "2026-01-01",
            "last_updated": "2026-01-01",
            "read_count": str(pairs),
            "base_count": str(2 * _READ_BP * pairs),
            "fastq_ftp": ";".join(_fastq_address(run.accession, mate) for mate in (1, 2)),
            "fastq_bytes": ";".join(str(len(body)) for body in files),
            "fastq_md5": ";".join(hashlib.md5(body, usedforsecurity=False).hexdigest() for body in files),
        }
        lines.append("\t".join(cells[name] for name in ENA_REPORT_FIELDS))
    return ("\n".join(lines) + "\n").encode()


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
