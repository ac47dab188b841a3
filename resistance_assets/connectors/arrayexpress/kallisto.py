"""Reads to gene counts, with the kallisto program that kb-python ships.

Here belong running kallisto (Bray 2016, Nat Biotechnol 34:525), what it will cost before it starts, resuming sample by
sample, the check that the reads fit the transcriptome, and the way from transcripts to genes (Soneson 2015,
F1000Research 4:1521). Getting the reads is in `ena`; testing for differences does not belong here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from resistance_assets.connectors.gencode import read_transcript_names
from resistance_assets.connectors.transport.verification import sha256_of
from resistance_assets.errors import DataFault
from resistance_assets.files import write_text

LEAST_MAPPED_PERCENT = 30.0
"""A sample of which less maps is of another organism, of another assay, or broken."""

# Rules of thumb, from runs of kallisto 0.52 on human libraries; the plan says that they are.
_READS_PER_SECOND_AND_THREAD = 40_000.0
_BYTES_PER_READ = 45.0
_INDEX_BYTES_PER_FASTA_BYTE = 12.0
_INDEX_SECONDS_PER_FASTA_BYTE = 6e-6
_OUTPUT_BYTES = 25_000_000

SAMPLE_SCHEMA: dict[str, type[pl.DataType]] = {
    "sample_id": pl.String,
    "n_reads": pl.Int64,
    "n_mapped": pl.Int64,
    "mapped_percent": pl.Float64,
    "n_targets": pl.Int64,
    "kallisto_version": pl.String,
    "was_resumed": pl.Boolean,
}


@dataclass(frozen=True)
class SampleReads:
    """The reads of one sample: per run a pair of FASTQ files, or one file. `checksums` (sha256 or md5 by file name),
    where known from the transfer, spare reading the files once more. `size_bytes` is their published size: with it, a
    plan can be made before the files are there."""

    sample_id: str
    files: tuple[tuple[Path, ...], ...]
    checksums: tuple[tuple[str, str], ...] = ()
    size_bytes: int | None = None

    @property
    def is_paired(self) -> bool:
        """Whether every run has two files. Raises DataFault if some have and some have not."""
        widths = {len(run) for run in self.files}
        if widths not in ({1}, {2}):
            raise DataFault(
                f"the runs have {sorted(widths)} files",
                subject=self.sample_id,
                expected="each run one file, or each run two",
                remedy="Quantify runs of different layouts as samples of their own",
            )
        return widths == {2}


Stage = Literal["index", "reads", "resumed", "done"]


@dataclass(frozen=True)
class QuantifyProgress:
    """Where a quantification is: which sample of how many, at which stage, and how many reads of it were processed."""

    sample_id: str
    number: int
    n_samples: int
    stage: Stage
    n_reads: int = 0


@dataclass(frozen=True)
class QuantifyPlan:
    """What a quantification will need. Seconds and bytes are rules of thumb, `statement` says so to people."""

    threads: int
    n_samples: int
    n_to_do: int
    input_bytes: int
    disk_bytes: int
    free_bytes: int
    seconds: float

    @property
    def statement(self) -> str:
        """One line for people."""
        return (
            f"kallisto on {self.n_to_do} of {self.n_samples} samples ({self.input_bytes / 1e9:.2f} GB of reads) with "
            f"{self.threads} threads: about {_duration(self.seconds)} and {self.disk_bytes / 1e9:.2f} GB of "
            f"{self.free_bytes / 1e9:.1f} GB free disk (rule of thumb)"
        )


@dataclass(frozen=True)
class Quantified:
    """Gene-level results.

    Attributes:
        genes: sample_id, gene_id (with version), gene_symbol, estimated_count (of kallisto, summed over transcripts),
            tpm, effective_length_bp (mean of the transcripts' effective lengths, weighted by TPM), length_scaled_count
            (for tests of differential expression); one row per sample and gene, every gene in every sample.
        samples: sample_id, n_reads, n_mapped, mapped_percent, n_targets, kallisto_version, was_resumed.
    """

    genes: pl.DataFrame
    samples: pl.DataFrame


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def find_kallisto() -> Path:
    """The kallisto program: RESISTANCE_KALLISTO, else the one inside kb-python, else one on the PATH.

    Raises DataFault if there is none for this machine, or it may not be executed.
    """
    named = os.environ.get("RESISTANCE_KALLISTO")
    candidates = [Path(named)] if named else []
    spec = importlib.util.find_spec("kb_python")
    if not named and spec is not None and spec.submodule_search_locations:
        system = {"darwin": "darwin", "win32": "windows"}.get(sys.platform, "linux")
        bins = Path(next(iter(spec.submodule_search_locations))) / "bins" / system
        if system == "darwin" and platform.machine() == "arm64":
            candidates.append(bins / "m1" / "kallisto" / "kallisto")
        candidates.append(bins / "kallisto" / ("kallisto.exe" if system == "windows" else "kallisto"))
    on_path = shutil.which("kallisto")
    if not named and on_path:
        candidates.append(Path(on_path))
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise DataFault(
        f"no kallisto program for {sys.platform} {platform.machine()}",
        subject="quantification",
        expected=" or ".join(map(str, candidates)) or "kb-python installed",
        remedy="Install kb-python, or set RESISTANCE_KALLISTO to a kallisto program",
    )


def available_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan_quantification(
    samples: Sequence[SampleReads], fasta: Path, folder: Path, *, threads: int | None = None
) -> QuantifyPlan:
    """What is still to be done below `folder` and what it will need, before it starts.

    Raises DataFault if a file of reads of a sample without a published size is absent, or the disk has too little room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    threads = threads or available_threads()
    for sample in samples:
        for path in (path for run in sample.files for path in run):
            if sample.size_bytes is None and not path.is_file():
                raise DataFault(f"the reads {path} are not there", subject=sample.sample_id, remedy="Fetch them again")
    # The marker is looked at without its checksums: a plan must not read all reads.
    to_do = [sample for sample in samples if not (_home(folder, sample) / _MARKER).is_file()]
    input_bytes = sum(_bytes_of(sample) for sample in to_do)
    fasta_bytes = fasta.stat().st_size * (4 if fasta.suffix == ".gz" else 1)
    needs_index = not any(folder.glob("index/*.idx"))
    seconds = input_bytes / _BYTES_PER_READ / (_READS_PER_SECOND_AND_THREAD * threads)
    disk = len(to_do) * _OUTPUT_BYTES
    if needs_index and to_do:
        seconds += fasta_bytes * _INDEX_SECONDS_PER_FASTA_BYTE / min(threads, 4)
        disk += int(fasta_bytes * _INDEX_BYTES_PER_FASTA_BYTE)
    free = shutil.disk_usage(folder).free
    if disk > free:
        raise DataFault(
            f"about {disk / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free",
            subject=str(folder),
            remedy="Free some space, or set RESISTANCE_DATA_DIR to another disk",
        )
    return QuantifyPlan(threads, len(samples), len(to_do), input_bytes, disk, free, seconds)


_MARKER = "quantified.json"


def _bytes_of(sample: SampleReads) -> int:
    if sample.size_bytes is not None:
        return sample.size_bytes
    return sum(path.stat().st_size for run in sample.files for path in run)


def _home(folder: Path, sample: SampleReads) -> Path:
    return folder / "samples" / re.sub(r"[^A-Za-z0-9._-]", "_", sample.sample_id)


def _check_names(samples: Sequence[SampleReads]) -> None:
    if len({sample.sample_id for sample in samples}) < len(samples) or not samples:
        raise DataFault(
            "there is no sample, or two have one name", subject="quantification", remedy="Name each sample once"
        )


def quantify(
    samples: Sequence[SampleReads],
    fasta: Path,
    folder: Path,
    *,
    threads: int | None = None,
    fragment_length: float = 200.0,
    fragment_sd: float = 20.0,
    least_mapped_percent: float = LEAST_MAPPED_PERCENT,
    k: int = 31,
    progress: Callable[[QuantifyProgress], None] | None = None,
) -> Quantified:
    """Quantify samples against a transcriptome; what is done below `folder` already is taken from there.

    Args:
        samples: reads.
        fasta: transcript sequences, plain or gzip, named as GENCODE or Ensembl names them.
        folder: where the index and the results of each sample are kept. A sample's results count as done if its reads,
            the transcriptome, the program and the options are the same and the output is intact.
        threads: cores; all that the process may use where None.
        fragment_length, fragment_sd: bp, for single reads alone, of which kallisto cannot tell them.
        least_mapped_percent: a sample of which less maps is a fault.
        k: length of the index's k-mers, odd, at most 31.
        progress: called as stages change and, every million reads, as kallisto tells.

    Raises:
        DataFault: as `plan_quantification`; kallisto fails (its last words are told); too few reads of a sample map; or
            two samples have one name.
    """
    _check_names(samples)
    threads = plan_quantification(samples, fasta, folder, threads=threads).threads
    program = find_kallisto()
    version = _version(program)
    targets = read_transcript_names(fasta)
    reference = hashlib.sha256(f"{sha256_of(fasta)} {version} {k}".encode()).hexdigest()[:16]
    rows: list[dict[str, object]] = []
    abundances: dict[str, pl.DataFrame] = {}
    for number, sample in enumerate(samples, start=1):

        def tell(stage: Stage, n_reads: int = 0, sample: SampleReads = sample, number: int = number) -> None:
            if progress:
                progress(QuantifyProgress(sample.sample_id, number, len(samples), stage, n_reads))

        single = [] if sample.is_paired else ["--single", "-l", f"{fragment_length:g}", "-s", f"{fragment_sd:g}"]
        home = _home(folder, sample)
        inputs = {"reference": reference, "options": single, "reads": _checksums(sample)}
        resumed = _is_done(home, inputs)
        if resumed:
            tell("resumed")
        else:
            tell("index")
            index = _index(program, fasta, folder, reference, threads, k)
            tell("reads")
            try:
                _run_sample(program, index, sample, home, single, threads, inputs, lambda n: tell("reads", n))
            except DataFault as fault:
                if "zero reads pseudoaligned" in fault.problem:
                    raise _too_few(sample, "no read maps", least_mapped_percent) from fault
                raise
        info = json.loads((home / "run_info.json").read_text("utf-8"))
        n_reads, n_mapped = int(info["n_processed"]), int(info["n_pseudoaligned"])
        percent = 100.0 * n_mapped / n_reads if n_reads else 0.0
        if percent < least_mapped_percent or not n_mapped:
            raise _too_few(sample, f"{n_mapped} of {n_reads} reads ({percent:.1f} %) map", least_mapped_percent)
        abundances[sample.sample_id] = _abundance(home / "abundance.tsv", targets)
        rows.append(
            {
                "sample_id": sample.sample_id,
                "n_reads": n_reads,
                "n_mapped": n_mapped,
                "mapped_percent": percent,
                "n_targets": int(info["n_targets"]),
                "kallisto_version": version,
                "was_resumed": resumed,
            }
        )
        tell("done", n_reads)
    return Quantified(_gene_frame(abundances, targets), pl.DataFrame(rows, schema=SAMPLE_SCHEMA))


def _too_few(sample: SampleReads, what: str, least: float) -> DataFault:
    return DataFault(
        f"{what} to the transcriptome",
        subject=sample.sample_id,
        expected=f"at least {least:g} % of the reads",
        remedy="Check the organism and the assay of the sample, or leave it out of the study in the catalog",
    )


def _version(program: Path) -> str:
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    if not found:
        raise DataFault(
            f"the program does not start ({(done.stderr or done.stdout).strip()[-120:]!r})",
            subject=str(program),
            remedy="Install kb-python for this machine, or set RESISTANCE_KALLISTO",
        )
    return found[0]


def _checksums(sample: SampleReads) -> list[list[str]]:
    known = dict(sample.checksums)
    return [[path.name, known.get(path.name) or sha256_of(path)] for run in sample.files for path in run]


def _is_done(home: Path, inputs: dict[str, object]) -> bool:
    try:
        marker = json.loads((home / _MARKER).read_text("utf-8"))
        return marker["inputs"] == inputs and all(
            sha256_of(home / name) == checksum for name, checksum in marker["outputs"].items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _index(program: Path, fasta: Path, folder: Path, reference: str, threads: int, k: int) -> Path:
    index = folder / "index" / f"{reference}.idx"
    if index.is_file():
        return index
    index.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=index.parent) as scratch:
        made = Path(scratch) / "made.idx"
        command = [program, "index", "-i", made, "-k", str(k), "-t", str(threads), "-T", Path(scratch) / "tmp", fasta]
        _run(command, subject=f"index of {fasta.name}", watch=None)
        os.replace(made, index)
    return index


def _run_sample(
    program: Path,
    index: Path,
    sample: SampleReads,
    home: Path,
    single: list[str],
    threads: int,
    inputs: dict[str, object],
    watch: Callable[[int], None],
) -> None:
    """Quantify into a folder beside, then put it in place, marker included: a killed run leaves nothing half done."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        made = Path(scratch) / "made"
        reads = [path for run in sample.files for path in run]
        command = [program, "quant", "-i", index, "-o", made, "-t", str(threads), "--plaintext", "--verbose", *single]
        _run([*command, *reads], subject=sample.sample_id, watch=watch)
        outputs = {name: sha256_of(made / name) for name in ("abundance.tsv", "run_info.json")}
        write_text(made / _MARKER, json.dumps({"inputs": inputs, "outputs": outputs}, indent=1))
        if home.exists():
            shutil.rmtree(home)
        os.replace(made, home)


def _run(command: Sequence[str | Path], *, subject: str, watch: Callable[[int], None] | None) -> None:
    last: list[str] = []
    with subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None  # asked for above
        try:
            for line in process.stderr:
                if line.strip():
                    last = [*last[-3:], " ".join(line.split())]
                found = re.search(r"([\d.,]+)\s*(M?)\s*reads processed", line)
                if watch and found:
                    watch(int(float(found[1].replace(",", "")) * (1_000_000 if found[2] else 1)))
            process.wait()
        except BaseException:
            process.kill()
            raise
    # kallisto ends with 0 after some errors, so its words count, too.
    errors = [line for line in last if line.lower().startswith("error")]
    if process.returncode or errors:
        raise DataFault(
            f"kallisto failed with exit code {process.returncode}: {' / '.join(errors or last) or 'it said nothing'}",
            subject=subject,
            remedy="Check that the reads are intact FASTQ and that memory and disk suffice",
        )


def _abundance(path: Path, targets: pl.DataFrame) -> pl.DataFrame:
    columns = {
        "target_id": pl.String,
        "length": pl.Float64,
        "eff_length": pl.Float64,
        "est_counts": pl.Float64,
        "tpm": pl.Float64,
    }
    frame = pl.read_csv(
        path, separator="\t", quote_char=None, schema=columns, null_values=["-nan", "nan", "-NaN", "NaN"]
    )
    joined = frame.join(targets, on="target_id", how="left", maintain_order="left")
    if joined["gene_id"].null_count() or joined.height != targets.height:
        raise DataFault(
            "the targets are not those of the transcriptome",
            subject=str(path),
            expected=f"{targets.height} transcripts",
            remedy="Remove the folder and quantify again",
        )
    return joined.with_columns(pl.col("tpm", "est_counts").fill_null(0.0))


def _gene_frame(abundances: dict[str, pl.DataFrame], targets: pl.DataFrame) -> pl.DataFrame:
    genes = targets.group_by("gene_id", maintain_order=True).agg(pl.col("gene_symbol").drop_nulls().first())
    order = {gene: row for row, gene in enumerate(genes["gene_id"].to_list())}
    first = next(iter(abundances.values()))
    gene_of = np.array([order[gene] for gene in first["gene_id"].to_list()])
    stacked = {
        name: np.column_stack([frame[name].to_numpy() for frame in abundances.values()])
        for name in ("est_counts", "tpm", "eff_length")
    }
    counts, tpm, lengths = genes_of_transcripts(
        stacked["est_counts"], stacked["tpm"], stacked["eff_length"], gene_of, len(order)
    )
    scaled = length_scaled_counts(counts, tpm, lengths)
    parts = [
        genes.select(
            pl.lit(sample).alias("sample_id"),
            "gene_id",
            "gene_symbol",
            pl.Series("estimated_count", counts[:, j]),
            pl.Series("tpm", tpm[:, j]),
            pl.Series("effective_length_bp", lengths[:, j]),
            pl.Series("length_scaled_count", scaled[:, j]),
        )
        for j, sample in enumerate(abundances)
    ]
    return pl.concat(parts)


def genes_of_transcripts(
    counts: np.ndarray, tpm: np.ndarray, lengths: np.ndarray, gene_of: np.ndarray, n_genes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum transcripts to genes, as tximport does (Soneson, Love and Robinson 2015, F1000Research 4:1521).

    Args:
        counts, tpm, lengths: shape (transcripts, samples); lengths are effective lengths in bp.
        gene_of: shape (transcripts,), row of each transcript's gene.
        n_genes: number of genes.

    Returns:
        Counts, TPM and lengths, each of shape (genes, samples). A gene's length in a sample is the mean of its
        transcripts' lengths weighted by TPM; where the gene is not expressed in the sample, the geometric mean of its
        lengths in the samples that express it; where none does, the mean over its transcripts and samples.
    """
    n_samples = counts.shape[1]
    of_gene = {name: np.zeros((n_genes, n_samples)) for name in ("counts", "tpm", "weighted", "plain")}
    lengths = np.where(np.isfinite(lengths), lengths, 0.0)
    np.add.at(of_gene["counts"], gene_of, counts)
    np.add.at(of_gene["tpm"], gene_of, tpm)
    np.add.at(of_gene["weighted"], gene_of, tpm * lengths)
    np.add.at(of_gene["plain"], gene_of, lengths)
    n_transcripts = np.bincount(gene_of, minlength=n_genes)
    expressed = (of_gene["tpm"] > 0) & (of_gene["weighted"] > 0)
    result = np.full((n_genes, n_samples), np.nan)
    result[expressed] = of_gene["weighted"][expressed] / of_gene["tpm"][expressed]
    some = expressed.any(axis=1)
    logs = np.where(expressed, np.log(np.where(expressed, result, 1.0)), 0.0)
    geometric = np.exp(logs.sum(axis=1) / np.maximum(expressed.sum(axis=1), 1))
    plain = of_gene["plain"].mean(axis=1) / np.maximum(n_transcripts, 1)
    stand_in = np.where(some, geometric, plain)
    return of_gene["counts"], of_gene["tpm"], np.where(expressed, result, stand_in[:, None])


def length_scaled_counts(counts: np.ndarray, tpm: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Counts from abundances, `lengthScaledTPM` of tximport (Soneson 2015, F1000Research 4:1521, equation in Methods).

    TPM times the gene's mean length over the samples, scaled per sample to the sum of its counts. Differences in the
    lengths of a gene's transcripts between samples then no longer look like differences in expression, and no offset
    is needed in the test.

    Args:
        counts, tpm, lengths: shape (genes, samples).

    Returns:
        Shape (genes, samples); the sum over genes of each sample is that of `counts`.
    """
    scaled = tpm * lengths.mean(axis=1, keepdims=True)
    total = scaled.sum(axis=0)
    return scaled * np.divide(counts.sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
