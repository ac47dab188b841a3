"""Counts of a public study: those that its record supplies, else those of kallisto on its reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.models.study import GROUP_COLUMN, PublicStudy
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.arrayexpress.ena import FILE_SCHEMA, fastq_resources, require_fastq
from resistance_assets.connectors.arrayexpress.kallisto import (
    QuantifyProgress,
    SampleReads,
    plan_quantification,
    quantify,
)
from resistance_assets.connectors.public_study import COUNTS, SHEETS, SUPPLIED
from resistance_assets.connectors.transport.resource import FailureKind, failure_kind
from resistance_assets.defs.resources import Origins
from resistance_assets.errors import SourceUnavailable
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


@dataclass(frozen=True)
class Reach(ExternalInput):
    """Where reads can be had, should they be needed: nothing is fetched before. Which reads they are, their published
    checksums tell, and those are among the inputs."""

    origins: Origins | None = None


def partitions_of_record(tables: Mapping[str, str], study_id: str) -> dict[str, str]:
    """Name of what a record holds -> its partition, in a study.

    Args:
        tables: name -> table. What the record itself supplies of a table that is counted here if need be
            (`SUPPLIED`) is a partition of its own.
    """
    return {
        name: partition_of(table, study_id, *(["supplied"] if name in SUPPLIED else []))
        for name, table in tables.items()
    }


def runs_of_samples(samples: pl.DataFrame) -> dict[str, list[str]]:
    """Sample -> its runs, for samples that are in a group.

    Args:
        samples: rows of `raw.studies__samples`.
    """
    grouped = samples.filter(pl.col("attribute_id") == GROUP_COLUMN)["sample_id"]
    runs = samples.filter((pl.col("attribute_id") == "run_accession") & pl.col("sample_id").is_in(grouped.implode()))
    return {
        sample: text.split(" | ") for sample, text in runs.select("sample_id", "value").sort("sample_id").iter_rows()
    }


def fetch_reads(origins: Origins, sample: str, runs: list[str], files: pl.DataFrame) -> SampleReads:
    """Reads of a sample, verified against their published checksums; a transfer that was cut is resumed.

    Args:
        origins: where to get them.
        sample: its name.
        runs: its runs.
        files: rows of `raw.studies__sequence_files` that are preferred.
    """
    of_sample, checksums = [], []
    for run in runs:
        require_fastq(files, run)
        paths = []
        for resource in fastq_resources(files.filter(pl.col("run_accession") == run)):

            def report(done: int, total: int | None, name: str = resource.name) -> None:
                emit(ProgressEvent("bytes", name, done=done, total=total))

            try:
                fetched = origins.transport.fetch(resource, progress=report)
            except SourceUnavailable as fault:
                if failure_kind(fault) is not FailureKind.NOT_LISTED:
                    raise
                raise SourceUnavailable(
                    fault.problem,
                    subject=fault.subject,
                    remedy="Reads are pulled on request: `resistance mirror pull DIR --reads` where there is a network",
                ) from fault
            paths.append(fetched.path)
            checksums.append((fetched.path.name, fetched.sha256))
        of_sample.append(tuple(paths))
    return SampleReads(sample, tuple(of_sample), tuple(checksums))


def quantify_reads(
    study_id: str, origins: Origins, files: pl.DataFrame, runs: Mapping[str, list[str]], fasta: Path
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Estimates by gene and the account of each sample, as rows of the tables but for `study_id` and `runs`.

    What it will cost is told before anything is fetched, and how far it is while it runs. Samples are fetched and
    quantified one by one: where a later one fails, the ones before it need not be done again.

    Args:
        study_id: for messages.
        origins: where to get the reads, and where to work.
        files: rows of `raw.studies__sequence_files`.
        runs: sample -> its runs.
        fasta: transcript sequences.
    """
    preferred = files.filter("is_preferred").sort("run_accession", "read", "file_name").select(list(FILE_SCHEMA))
    wanted = preferred.filter(pl.col("run_accession").is_in([run for own in runs.values() for run in own]))
    sizes = dict(wanted.group_by("run_accession").agg(pl.col("size_bytes").sum()).iter_rows())
    planned = [SampleReads(name, (), size_bytes=sum(sizes.get(run, 0) for run in own)) for name, own in runs.items()]
    plan = plan_quantification(planned, fasta, origins.work_dir)

    def note(text: str) -> None:
        emit(ProgressEvent("note", study_id, message=f"{study_id}: {text}"))

    total = sum(sizes.values()) / 1e9
    note(f"{wanted.height} files of reads of {len(runs)} samples, {total:.2f} GB, to be fetched where not here yet")
    note(plan.statement)
    samples: list[SampleReads] = []
    for number, (name, own) in enumerate(runs.items(), start=1):

        def tell(progress: QuantifyProgress, number: int = number) -> None:
            reads = f", {progress.n_reads:,} reads" if progress.n_reads else ""
            note(f"sample {number} of {len(runs)}, {progress.sample_id}: {progress.stage}{reads}")

        samples.append(fetch_reads(origins, name, own, preferred))
        quantify([samples[-1]], fasta, origins.work_dir, progress=tell)
    found = quantify(samples, fasta, origins.work_dir)
    account = found.samples.rename({"n_reads": "reads", "n_mapped": "mapped_reads", "n_targets": "transcripts"})
    return found.genes, account


def require_runs(study_id: str, samples: pl.DataFrame, runs: Mapping[str, list[str]], reason: str) -> None:
    """Raise SourceUnavailable if a sample of a group has no run that can be quantified."""
    grouped = samples.filter(pl.col("attribute_id") == GROUP_COLUMN)["sample_id"].unique().sort().to_list()
    if lacking := [sample for sample in grouped if sample not in runs]:
        raise SourceUnavailable(
            f"it holds no values that can be read here ({reason}), and {', '.join(lacking[:6])} have no public reads",
            subject=f"study {study_id}",
            remedy="Make a study of your own from its files: a folder with study.toml",
        )


def counts_step(study: PublicStudy, transcriptome: Source | None) -> Step:
    """Counts of a study: those that were supplied, else of kallisto."""
    study_id = study.id
    sheets, supplied = partitions_of_record(SHEETS, study_id), partitions_of_record(SUPPLIED, study_id)
    samples, files, accessions = sheets["samples"], sheets["sequence_files"], sheets["accessions"]
    processed, measured = supplied["processed"], supplied["processed_measurements"]
    own = partitions_of_record(COUNTS, study_id)

    def external_inputs(origins: Origins) -> Mapping[str, ExternalInput]:
        reach = Reach("by their published checksums", Path(os.devnull), is_own_state=True, origins=origins)
        found: dict[str, ExternalInput] = {"reads": reach}
        try:
            if transcriptome is not None:
                found[transcriptome.id] = origins.fetch(transcriptome)
        except SourceUnavailable as fault:
            # Needed only where no counts are supplied, which is not known here.
            found["no transcriptome"] = ExternalInput(str(fault), Path(os.devnull), is_own_state=True)
        return found

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        taken = inputs.read(measured)
        if taken.height:
            return supplied_counts(study_id, inputs.read(processed), taken)
        reason, sheet = inputs.read(accessions)["values_note"][0], inputs.read(samples)
        runs = runs_of_samples(sheet)
        require_runs(study_id, sheet, runs, reason)
        if transcriptome is None or transcriptome.id not in inputs.external_inputs:
            told = inputs.external_inputs.get("no transcriptome")
            raise SourceUnavailable(
                f"the transcriptome is unavailable, and no counts are supplied ({reason})",
                subject=transcriptome.id if transcriptome else f"study {study_id}",
                remedy=told.checksum if told else "Name a transcriptome for the study in studies.toml",
            )
        reach, reference = inputs.external_inputs["reads"], inputs.external_inputs[transcriptome.id]
        assert isinstance(reach, Reach)
        assert reach.origins is not None
        genes, account = quantify_reads(study_id, reach.origins, inputs.read(files), runs, reference.path)
        return counted_by_kallisto(study_id, genes, account, runs, reason, transcriptome.title)

    return table_step(
        outputs={own[name]: TABLES[address] for name, address in COUNTS.items()},
        compute=compute,
        inputs=(samples, files, processed, measured, accessions),
        parameters={"reference": transcriptome.title if transcriptome else None},
        external_inputs=external_inputs,
        sources=[transcriptome.id] if transcriptome else [],
        kinds=["python", "kallisto"],
        tags={"study": study_id},
    )


def supplied_counts(study_id: str, counts: pl.DataFrame, measured: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Partitions of the tables of counts where nothing had to be quantified."""
    empty = {name: TABLES[address].empty() for name, address in COUNTS.items()}
    frames = {**empty, "counts": counts, "measurements": measured}
    own = partitions_of_record(COUNTS, study_id)
    return {own[name]: frame for name, frame in frames.items()}


def counted_by_kallisto(
    study_id: str,
    genes: pl.DataFrame,
    account: pl.DataFrame,
    runs: Mapping[str, list[str]],
    reason: str,
    reference_title: str,
) -> dict[str, pl.DataFrame]:
    """Partitions of the tables of counts where reads were quantified; whole numbers, as tests of counts need them."""
    version = account["kallisto_version"][0]
    row = {
        "study_id": study_id,
        "measurement": "counts",
        "values_from": "kallisto",
        "statement": f"kallisto {version} on the reads of {account.height} samples, because {reason}",
        "scale": "read counts scaled by the lengths of genes over the samples (lengthScaledTPM), rounded",
        "platform": None,
        "reference": reference_title,
    }
    named = pl.lit(study_id).alias("study_id")
    frames = {
        "counts": genes.select(
            named,
            pl.col("gene_id").alias("feature_id"),
            "sample_id",
            pl.col("length_scaled_count").round().cast(pl.Int64).alias("read_count"),
        ).sort("feature_id", "sample_id"),
        "measurements": pl.DataFrame([row], schema=TABLES[COUNTS["measurements"]].polars_schema),
        "quantities": genes.with_columns(named).sort("gene_id", "sample_id"),
        "quantified_samples": account.with_columns(
            named, pl.col("sample_id").replace_strict({s: "|".join(own) for s, own in runs.items()}).alias("runs")
        ),
    }
    own = partitions_of_record(COUNTS, study_id)
    return {own[name]: frame for name, frame in frames.items()}
