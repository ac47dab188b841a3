"""Public cell-line studies: from an accession to samples in groups, and to the same counts and intensities as a
laboratory's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.registry import GROUP_COLUMN, Group, PublicStudy, Registry, Source
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.arrayexpress.biostudies import SequencingStudy, fetch_processed, fetch_study
from resistance_assets.connectors.arrayexpress.biostudies import accession_of as biostudies_accession
from resistance_assets.connectors.arrayexpress.ena import FILE_SCHEMA, fastq_resources, preferred_fastq, require_fastq
from resistance_assets.connectors.arrayexpress.kallisto import (
    QuantifyProgress,
    SampleReads,
    plan_quantification,
    quantify,
)
from resistance_assets.connectors.arrayexpress.processed_counts import (
    join_sample_counts,
    read_processed_counts,
    rows_of_no_gene,
)
from resistance_assets.connectors.geo.series import (
    GeoSeries,
    PlatformGenes,
    fetch_series_with_genes,
    runs_of_series,
    value_scale,
)
from resistance_assets.connectors.geo.series import accession_of as geo_accession
from resistance_assets.connectors.sample_groups import group_samples
from resistance_assets.connectors.transport.replay import repeat_walk
from resistance_assets.connectors.transport.resource import FailureKind, Transport, failure_kind
from resistance_assets.defs.raw.cbioportal import REJECTED, rejected_as_table, samples_as_table
from resistance_assets.defs.resources import Documents, Origins
from resistance_assets.errors import DataFault, DesignFault, Fault, SourceUnavailable
from resistance_assets.orchestration.events import Announcement, announce
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import External, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.normalisation import is_log_scale

# Name of a share -> the table that it is a share of.
SHEETS = {
    "samples": "raw.studies__samples",
    "accessions": "raw.studies__accessions",
    "record_files": "raw.studies__record_files",
    "sequence_files": "raw.studies__sequence_files",
    "sheet_differences": "raw.studies__sheet_differences",
}
COUNTS = {
    "counts": "raw.studies__gene_sample_counts",
    "measurements": "raw.studies__measurements",
    "quantities": "raw.studies__gene_quantities",
    "quantified_samples": "raw.studies__quantified_samples",
}
ARRAYS = {"intensities": "raw.studies__probe_intensities", "probe_genes": "raw.studies__probe_genes"}
# Counts that need no quantification, and the row of `raw.studies__measurements` that says what they are, for
# `counts_asset` to take. An array has the row and no counts; what is left to quantification has neither.
SUPPLIED = {"processed": "raw.studies__gene_sample_counts", "processed_measurements": "raw.studies__measurements"}
# Stacked here; the others are stacked with laboratory studies in `raw` and `microarray`.
OWN_TABLES = {
    name: address
    for name, address in {**SHEETS, **COUNTS}.items()
    if name not in ("samples", "counts")
}  # fmt: skip


def share_address(name: str, study_id: str) -> str:
    return partition_of(f"study_{name}", study_id)


def rejected_share(study_id: str) -> str:
    return partition_of("rejected", f"study_{study_id}")


def joined_rows(sheet: pl.DataFrame, key: str) -> pl.DataFrame:
    """A sheet with one row per value of `key`, named `sample_id`; where its rows differ, their values are joined."""
    others = [name for name in sheet.columns if name not in ("sample_id", key)]
    joined = [
        pl.col(name).drop_nulls().unique(maintain_order=True).str.join(" | ").replace("", None) for name in others
    ]
    return sheet.group_by(key, maintain_order=True).agg(joined).rename({key: "sample_id"})


def sequenced_samples(study: SequencingStudy, accession: str) -> pl.DataFrame:
    """Sample sheet with one row per sample that was sequenced: runs of one ENA sample are one sample, not replicates.

    Columns: sample_id (ENA's sample, else its BioSample, else the run), accession, run_accession, then those of the
    sample sheet. Rows of the sheet that no run belongs to are left out where the sheet has runs.
    """
    sheet = study.samples
    if sheet["run_accession"].is_not_null().any():
        sheet = sheet.filter(pl.col("run_accession").is_not_null())
    known = study.runs.select(
        "run_accession",
        pl.col("secondary_sample_accession").alias("reported_sample"),
        pl.col("sample_accession").alias("reported_biosample"),
    )
    named = sheet.join(known, on="run_accession", how="left", maintain_order="left").with_columns(
        pl.coalesce("ena_sample", "reported_sample", "biosample", "reported_biosample", "sample_id").alias("own")
    )
    return joined_rows(named.drop("reported_sample", "reported_biosample"), "own").with_columns(
        accession=pl.lit(accession)
    )


def in_groups(sheet: pl.DataFrame, study_id: str, groups: tuple[Group, ...]) -> pl.DataFrame:
    """The sheet with the column `group`, blank for samples of no group.

    Raises:
        CatalogFault, DesignFault: as `group_samples`.
    """
    rules = [
        group.model_copy(update={"accession": None, "patterns": (*group.patterns, f"^accession: {group.accession}$")})
        if group.accession and group.patterns
        else group
        for group in groups
    ]
    # A file's name is not what its authors say of the sample.
    said = sheet.drop("derived_data_file", strict=False)
    placed = group_samples(said, rules, study=study_id).rename({"group_id": GROUP_COLUMN})
    clear = sheet.rename({GROUP_COLUMN: f"{GROUP_COLUMN}_as_given"}) if GROUP_COLUMN in sheet.columns else sheet
    return clear.join(placed, on="sample_id", how="left", maintain_order="left")


def note_of(found: Mapping[str, Any]) -> str | None:
    """Faults among what was found, as one text."""
    return " ".join(f"{name}: {fault}" for name, fault in found.items() if isinstance(fault, Fault)) or None


# ---- studies whose reads are public ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accession:
    """One accession of a study of reads: what its hosts say, its samples, and its tables of processed counts."""

    id: str
    study: SequencingStudy
    samples: pl.DataFrame
    processed: Mapping[str, Path | Fault]


def reading_accession(accession: str) -> Callable[[Transport], tuple[SequencingStudy, dict[str, Any]]]:
    """The walk over a record: everything that its hosts say of it, and its processed tables."""

    def walk(transport: Transport) -> tuple[SequencingStudy, dict[str, Any]]:
        study = fetch_study(transport, accession)
        return study, fetch_processed(transport, accession, study)

    return walk


def read_accession(accession: str, documents: Documents) -> Accession:
    study, processed = repeat_walk(documents.walk, reading_accession(accession))
    found = {name: one if isinstance(one, Fault) else one.path for name, one in processed.items()}
    return Accession(accession, study, sequenced_samples(study, accession), found)


def table_of_counts(
    subject: str,
    tables: Mapping[str, Path | Fault],
    sample_tables: Mapping[str, Mapping[str, Path | Fault]],
    sheet: pl.DataFrame,
    rejected: list[pl.DataFrame] | None = None,
) -> tuple[pl.DataFrame | None, str]:
    """Counts by gene and sample from the files of one accession: a table of all samples, else tables of each.

    Args:
        subject: the accession.
        tables: file name -> file, or why it could not be had.
        sample_tables: sample -> the same, where a file is said to be that sample's.
        sheet: the samples that are wanted.
        rejected: to which the rejected rows of the table that is used are added: summary rows, names that are none.

    Returns:
        feature_id and one column per sample, or None; and what was used, or why nothing was.
    """
    refused: list[str] = []
    had: dict[str, Path] = {}
    for name, path in {name: path for own in (tables, *sample_tables.values()) for name, path in own.items()}.items():
        if isinstance(path, Fault):
            refused.append(f"{name} of {subject} could not be had ({path.problem})")
        else:
            had[name] = path
    for name in [name for name in tables if name in had]:
        try:
            counts = read_processed_counts(had[name], sheet, source=name)
            if rejected is not None:
                rejected.append(rows_of_no_gene(had[name], source=f"{subject}/{Path(name).name}"))
            return counts, f"{name} of {subject}"
        except DataFault as fault:
            refused.append(f"{name} of {subject} is no table of counts ({fault.problem})")
    singles = {
        sample: {name: had[name] for name in sample_tables.get(sample, {}) if name in had}
        for sample in sheet["sample_id"]
    }
    if any(singles.values()):
        try:
            joined = join_sample_counts(singles)
            return joined, f"tables of single samples of {subject} ({', '.join(next(iter(singles.values())))} ...)"
        except DataFault as fault:
            refused.append(f"the tables of single samples of {subject} cannot be joined ({fault})")
    return None, "; ".join([*refused, f"{subject} has no table of counts"])


def find_processed(
    accessions: list[Accession], grouped: pl.DataFrame, rejected: list[pl.DataFrame] | None = None
) -> tuple[pl.DataFrame | None, str]:
    """Counts by gene and sample from the records themselves, where every accession has them.

    Counts of two pipelines cannot be compared, so one accession without counts leaves all to quantification.

    Args:
        accessions: of the study.
        grouped: samples that are in a group.
        rejected: as of `table_of_counts`.

    Returns:
        feature_id and one column per sample, or None; and one sentence on why.
    """
    tables: list[pl.DataFrame] = []
    used: list[str] = []
    for accession in accessions:
        sheet = grouped.filter(pl.col("accession") == accession.id)
        if sheet.is_empty():
            continue
        own, reason = table_of_counts(
            accession.id, accession.processed, files_of_samples(accession, sheet), sheet, rejected
        )
        if own is None:
            return None, reason
        tables.append(own)
        used.append(reason)
    first, *others = tables
    for other in others:
        if set(other["feature_id"]) != set(first["feature_id"]):
            return None, f"the tables {' and '.join(used)} do not hold the same genes"
        first = first.join(other, on="feature_id", how="left", maintain_order="left")
    return first, f"processed counts of the record: {', '.join(used)}"


def files_of_samples(accession: Accession, sheet: pl.DataFrame) -> dict[str, dict[str, Path | Fault]]:
    """Sample -> the processed files that the sample sheet names for it and for no other."""
    if "derived_data_file" not in sheet.columns:
        return {}
    named = {
        sample: set(cell.split(" | "))
        for sample, cell in sheet.select("sample_id", "derived_data_file").drop_nulls().iter_rows()
    }
    shared = {name for sample, own in named.items() for other, theirs in named.items() if other != sample
              for name in own & theirs}  # fmt: skip
    return {
        sample: {path: one for path, one in accession.processed.items() if Path(path).name in own - shared}
        for sample, own in named.items()
    }


def counts_as_table(counts: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """A wide table of counts as rows of `raw.studies__gene_sample_counts`."""
    return (
        counts.unpivot(index="feature_id", variable_name="sample_id", value_name="read_count")
        .with_columns(study_id=pl.lit(study_id))
        .sort("feature_id", "sample_id")
    )


def supplied_counts(study_id: str, counts: pl.DataFrame | None, reason: str, **told: str | None) -> dict[str, Any]:
    """The shares of `SUPPLIED`: a wide table of counts, or None, and what is to be said of it."""
    if counts is None:
        return {name: TABLES[address].empty() for name, address in SUPPLIED.items()}
    row = {
        "study_id": study_id, "measurement": "counts", "values_from": "processed_counts", "statement": reason,
        "scale": "read counts, as the record gives them", "platform": None, "reference": "names as in the record",
    }  # fmt: skip
    measured = pl.DataFrame([row | told], schema=TABLES[SUPPLIED["processed_measurements"]].polars_schema)
    return {"processed": counts_as_table(counts, study_id), "processed_measurements": measured}


def accession_row(study_id: str, accession: Accession, grouped: pl.DataFrame) -> dict[str, Any]:
    study = accession.study
    return {
        "study_id": study_id,
        "accession": accession.id,
        "title": study.record.title or next(iter(study.idf.values("Investigation Title")), None),
        "modified": study.info.version,
        "samples": accession.samples.height,
        "samples_in_groups": grouped.filter(pl.col("accession") == accession.id).height,
        "sequencing_runs": study.runs.height,
        "files": study.files.height,
        "processed_files": study.processed.height,
        "sheet_differences": study.differences.height,
        "notes": note_of(accession.processed),
    }


def stacked_by_accession(study_id: str, address: str, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Frames by accession as rows of a table."""
    table = TABLES[address]
    named = [
        frame.with_columns(pl.lit(study_id).alias("study_id"), pl.lit(accession).alias("accession"))
        for accession, frame in frames.items()
    ]
    return pl.concat([table.empty(), *(table.shape(frame) for frame in named)])


def sequence_files_as_table(study_id: str, files: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Files of runs by accession, as ENA reports them, as rows of `raw.studies__sequence_files`."""
    preferred = {accession: preferred_fastq(own)["url"] for accession, own in files.items()}
    return stacked_by_accession(
        study_id,
        SHEETS["sequence_files"],
        {
            accession: own.with_columns(is_preferred=pl.col("url").is_in(preferred[accession].implode()))
            for accession, own in files.items()
        },
    )


def read_reads_study(study_id: str, groups: tuple[Group, ...], accessions: list[Accession]) -> dict[str, pl.DataFrame]:
    """The shares of a study's sheets, its processed counts (empty where there are none) under `processed`, and what was
    set aside under `rejected`."""
    sheet = in_groups(pl.concat([a.samples for a in accessions], how="diagonal"), study_id, groups)
    grouped = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())
    unnamed: list[pl.DataFrame] = []
    counts, reason = find_processed(accessions, grouped, unnamed)

    processed = {a.id: a.study.processed["path"] for a in accessions}
    shares = {
        "samples": samples_as_table(sheet, study_id),
        "accessions": pl.DataFrame(
            [accession_row(study_id, accession, grouped) | {"values_note": reason} for accession in accessions],
            schema=TABLES[SHEETS["accessions"]].polars_schema,
        ),
        "record_files": stacked_by_accession(
            study_id,
            SHEETS["record_files"],
            {
                a.id: a.study.files.with_columns(is_processed=pl.col("path").is_in(processed[a.id].implode()))
                for a in accessions
            },
        ),
        "sequence_files": sequence_files_as_table(study_id, {a.id: a.study.run_files for a in accessions}),
        "sheet_differences": stacked_by_accession(
            study_id,
            SHEETS["sheet_differences"],
            {
                a.id: a.study.differences.rename({"sdrf_value": "sheet_value"}).with_row_index(
                    "difference_number", offset=1
                )
                for a in accessions
            },
        ),
        **supplied_counts(study_id, counts, reason),
        "rejected": rejected_as_table(
            [
                *(("raw.studies__samples", a.study.rejected) for a in accessions),
                *(("raw.studies__gene_sample_counts", rows) for rows in unnamed),
            ]
        ),
    }
    return shares


def sheets_asset(study: PublicStudy, sources: list[Source]) -> Step:
    """Samples in groups, files and processed counts of a study of reads."""
    study_id, groups = study.id, study.group
    accession_of = {source.id: biostudies_accession(source.url) for source in sources}
    tables = {name: TABLES[address] for name, address in {**SHEETS, **SUPPLIED}.items()}
    outputs = {share_address(name, study_id): table for name, table in tables.items()}

    def externals(origins: Origins) -> Mapping[str, External]:
        return {source.id: origins.walk(source, reading_accession(accession_of[source.id])) for source in sources}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        accessions = []
        for source_id, accession in accession_of.items():
            documents = inputs.externals[source_id]
            assert isinstance(documents, Documents)
            accessions.append(read_accession(accession, documents))
        shares = read_reads_study(study_id, groups, accessions)
        rejected = shares.pop("rejected")
        return {**{share_address(name, study_id): frame for name, frame in shares.items()},
                rejected_share(study_id): rejected}  # fmt: skip

    return table_step(
        outputs={**outputs, rejected_share(study_id): REJECTED},
        compute=compute,
        parameters={"groups": [group.model_dump() for group in groups], "accessions": accession_of},
        externals=externals,
        sources=[s.id for s in sources],
        kinds=["python", "biostudies"],
        tags={"study": study_id},
    )


@dataclass(frozen=True)
class Reach(External):
    """Where reads can be had, should they be needed: nothing is fetched before. Which reads they are, their published
    checksums tell, and those are among the inputs."""

    origins: Origins | None = None


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
                announce(Announcement("bytes", name, done=done, total=total))

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
        announce(Announcement("note", study_id, message=f"{study_id}: {text}"))

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


def counts_asset(study: PublicStudy, transcriptome: Source | None) -> Step:
    """Counts of a study: those that were supplied, else of kallisto."""
    study_id = study.id
    samples, files = share_address("samples", study_id), share_address("sequence_files", study_id)
    processed, accessions = share_address("processed", study_id), share_address("accessions", study_id)
    measured = share_address("processed_measurements", study_id)
    outputs = {share_address(name, study_id): TABLES[address] for name, address in COUNTS.items()}

    def externals(origins: Origins) -> Mapping[str, External]:
        reach = Reach("by their published checksums", Path(os.devnull), is_own_state=True, origins=origins)
        found: dict[str, External] = {"reads": reach}
        try:
            if transcriptome is not None:
                found[transcriptome.id] = origins.fetch(transcriptome)
        except SourceUnavailable as fault:
            # Needed only where no counts are supplied, which is not known here.
            found["no transcriptome"] = External(str(fault), Path(os.devnull), is_own_state=True)
        return found

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        taken = inputs.read(measured)
        if taken.height:
            return supplied_shares(study_id, inputs.read(processed), taken)
        reason, sheet = inputs.read(accessions)["values_note"][0], inputs.read(samples)
        runs = runs_of_samples(sheet)
        require_runs(study_id, sheet, runs, reason)
        if transcriptome is None or transcriptome.id not in inputs.externals:
            told = inputs.externals.get("no transcriptome")
            raise SourceUnavailable(
                f"the transcriptome is unavailable, and no counts are supplied ({reason})",
                subject=transcriptome.id if transcriptome else f"study {study_id}",
                remedy=told.checksum if told else "Name a transcriptome for the study in studies.toml",
            )
        reach, reference = inputs.externals["reads"], inputs.externals[transcriptome.id]
        assert isinstance(reach, Reach)
        assert reach.origins is not None
        genes, account = quantify_reads(study_id, reach.origins, inputs.read(files), runs, reference.path)
        return counted_by_kallisto(study_id, genes, account, runs, reason, transcriptome.title)

    return table_step(
        outputs=outputs,
        compute=compute,
        inputs=(samples, files, processed, measured, accessions),
        parameters={"reference": transcriptome.title if transcriptome else None},
        externals=externals,
        sources=[transcriptome.id] if transcriptome else [],
        kinds=["python", "kallisto"],
        tags={"study": study_id},
    )


def supplied_shares(study_id: str, counts: pl.DataFrame, measured: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Shares of the tables of counts where nothing had to be quantified."""
    empty = {name: TABLES[address].empty() for name, address in COUNTS.items()}
    frames = {**empty, "counts": counts, "measurements": measured}
    return {share_address(name, study_id): frame for name, frame in frames.items()}


def counted_by_kallisto(
    study_id: str,
    genes: pl.DataFrame,
    account: pl.DataFrame,
    runs: Mapping[str, list[str]],
    reason: str,
    reference_title: str,
) -> dict[str, pl.DataFrame]:
    """Shares of the tables of counts where reads were quantified; whole numbers, because tests of counts need them."""
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
    return {share_address(name, study_id): frame for name, frame in frames.items()}


# ---- GEO series ------------------------------------------------------------------------------------------------------


def reading_series(accession: str) -> Callable[[Transport], tuple[GeoSeries, dict[str, PlatformGenes]]]:
    """The walk over a series: record, matrices, and either the genes of its platforms or NCBI's counts."""

    def walk(transport: Transport) -> tuple[GeoSeries, dict[str, PlatformGenes]]:
        return fetch_series_with_genes(transport, accession)

    return walk


def chosen_platform(series: GeoSeries, sheet: pl.DataFrame, study_id: str) -> str:
    """The platform that every sample in a group was measured on.

    Raises:
        DesignFault: groups are spread over platforms, whose intensities cannot be compared.
    """
    grouped = set(sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"])
    counted = {platform: len(grouped & set(matrix.samples)) for platform, matrix in series.matrices.items()}
    platform = max(counted, key=lambda name: counted[name])
    if counted[platform] < len(grouped):
        spread = ", ".join(f"{n} on {name}" for name, n in counted.items())
        raise DesignFault(
            f"the samples of its groups are measured on several platforms: {spread}",
            subject=f"study {study_id} ({series.accession})",
            expected="one platform for all groups",
            remedy="Name the platform in the patterns of each group in studies.toml (`platform_id: GPL...`)",
        )
    return platform


def array_shares(
    study_id: str, series: GeoSeries, genes: Mapping[str, PlatformGenes], sheet: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], dict[str, Any], list[tuple[str, pl.DataFrame]]]:
    """Intensities and genes of probes, the row of `raw.studies__measurements`, and what was set aside by table."""
    platform = chosen_platform(series, sheet, study_id)
    matrix, annotation = series.matrices[platform], genes[platform]
    samples = [s for s in sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"] if s in set(matrix.samples)]
    values = matrix.values.select(pl.col("feature_id").alias("probe_id"), *samples)
    numbers = values.select(samples).to_numpy()
    texts = matrix.attributes.filter(pl.col("attribute_id") == "data_processing")["value"].to_list()
    scale = value_scale(numbers, texts, looks_logged=is_log_scale)
    finite = pl.all_horizontal(pl.col(samples).is_finite().fill_null(False))
    missing = values.filter(~finite).select(
        pl.lit(matrix.source).alias("source"),
        pl.lit(None, pl.Int64).alias("line"),
        pl.lit("a sample of a group has no value").alias("reason"),
        pl.col("probe_id").alias("row"),
    )
    several = pl.col("gene_symbol").str.contains("|", literal=True) | (
        pl.col("gene_symbol").n_unique().over("feature_id") > 1
    )
    told = annotation.genes.with_columns(
        reason=pl.when(pl.col("gene_symbol").is_null())
        .then(pl.lit("no gene symbol"))
        .when(several)
        .then(pl.lit("several genes"))
    )
    unplaced = told.filter(pl.col("reason").is_not_null()).select(
        pl.lit(annotation.origin).alias("source"),
        pl.lit(None, pl.Int64).alias("line"),
        "reason",
        pl.concat_str("feature_id", pl.lit(" "), pl.col("gene_symbol").fill_null("")).alias("row"),
    )
    named = pl.lit(study_id).alias("study_id")
    shares = {
        "intensities": values.filter(finite)
        .unpivot(index="probe_id", variable_name="sample_id", value_name="intensity")
        .with_columns(named)
        .sort("probe_id", "sample_id"),
        "probe_genes": told.filter(pl.col("reason").is_null())
        .select(pl.col("feature_id").alias("probe_id"), pl.col("gene_symbol").alias("hgnc_symbol"), named)
        .unique(maintain_order=True),
    }
    measured = {
        "measurement": "array",
        "values_from": "series_matrix",
        "scale": scale.statement,
        "platform": platform,
        "reference": annotation.origin,
    }
    set_aside = [(ARRAYS["intensities"], missing), (ARRAYS["probe_genes"], unplaced),
                 (ARRAYS["probe_genes"], annotation.rejected)]  # fmt: skip
    return shares, measured, set_aside


def counted_by_ncbi(series: GeoSeries, sheet: pl.DataFrame) -> pl.DataFrame:
    """Counts that NCBI generated, by gene and sample.

    A gene goes by the symbol of NCBI's annotation, or by its Entrez id where it has none of its own.

    Raises:
        DataFault: they lack a sample of a group.
    """
    assert series.counts is not None
    assert series.annotation is not None
    wanted = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"].to_list()
    lacking = [sample for sample in wanted if sample not in series.counts.columns]
    if lacking:
        raise DataFault(
            f"the counts that NCBI generated lack {', '.join(lacking)}",
            subject=series.accession,
            expected="every sample of a group",
            remedy="NCBI leaves out runs that failed: leave the sample out of its group in studies.toml",
        )
    names = series.annotation.select("entrez_gene_id", "symbol").unique("entrez_gene_id", keep="first")
    features = series.counts.select("entrez_gene_id").join(
        names, on="entrez_gene_id", how="left", maintain_order="left"
    )
    own = pl.col("symbol").is_not_null() & (pl.len().over("symbol") == 1)
    named = features.select(
        pl.when(own).then("symbol").otherwise(pl.col("entrez_gene_id").cast(pl.String)).alias("feature_id")
    )
    return pl.concat([named, series.counts.select(wanted)], how="horizontal")


def series_counts(
    study_id: str, series: GeoSeries, sheet: pl.DataFrame, rejected: list[pl.DataFrame]
) -> tuple[dict[str, Any], str]:
    """The shares of `SUPPLIED` for a series that was sequenced, and which values were taken and why: counts that NCBI
    generated, else a table of the authors, else none, which leaves the reads."""
    if series.counts is not None:
        told = {"values_from": "ncbi_counts", "scale": "read counts",
                "reference": "NCBI's annotation of its generated counts"}  # fmt: skip
        counts = counted_by_ncbi(series, sheet)
        return supplied_counts(study_id, counts, series.choice, **told), series.choice
    grouped = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())
    own, reason = table_of_counts(
        series.accession, series.authors.tables, series.authors.sample_tables, grouped, rejected
    )
    statement = f"{series.choice}; taken: {reason}" if own is not None else f"{series.choice}; {reason}"
    return supplied_counts(study_id, own, statement), statement


def read_series_study(
    study_id: str, groups: tuple[Group, ...], series: GeoSeries, genes: Mapping[str, PlatformGenes]
) -> dict[str, pl.DataFrame]:
    """The shares of a GEO series by name, `rejected` among them; arrays and counts leave each other's tables empty."""
    runs = runs_of_series(series)
    by_sample = runs.group_by("sample_id", maintain_order=True).agg(pl.col("run_accession").str.join(" | "))
    sheet = in_groups(
        series.samples.join(by_sample, on="sample_id", how="left", maintain_order="left").with_columns(
            accession=pl.lit(series.accession)
        ),
        study_id,
        groups,
    )
    set_aside = [(SHEETS["samples"], series.rejected)]
    if series.kind == "array":
        own, measured, further = array_shares(study_id, series, genes, sheet)
        set_aside += further
        row, statement = {"study_id": study_id, "statement": series.choice, **measured}, series.choice
        own["processed_measurements"] = pl.DataFrame(
            [row], schema=TABLES[SUPPLIED["processed_measurements"]].polars_schema
        )
    else:
        unnamed: list[pl.DataFrame] = []
        own, statement = series_counts(study_id, series, sheet, unnamed)
        set_aside += [("raw.studies__gene_sample_counts", rows) for rows in unnamed]
    authors = series.authors
    tables = len(authors.tables) + sum(len(files) for files in authors.sample_tables.values())
    accession = {
        "study_id": study_id,
        "accession": series.accession,
        "title": series.title,
        "modified": series.last_update,
        "samples": sheet.height,
        "samples_in_groups": sheet[GROUP_COLUMN].is_not_null().sum(),
        "sequencing_runs": runs.height,
        "files": len(series.supplementary),
        "processed_files": tables,
        "sheet_differences": 0,
        "values_note": statement,
        "notes": " ".join(series.notes) or None,
    }
    empty = {name: TABLES[address].empty() for name, address in SERIES_SHARES.items()}
    reads = {series.accession: authors.reads.files} if authors.reads is not None else {}
    return {
        **empty,
        **own,
        "samples": samples_as_table(sheet, study_id),
        "accessions": pl.DataFrame([accession], schema=TABLES[SHEETS["accessions"]].polars_schema),
        "sequence_files": sequence_files_as_table(study_id, reads),
        "rejected": rejected_as_table(set_aside),
    }


SERIES_SHARES = {
    **{name: SHEETS[name] for name in ("samples", "accessions", "sequence_files")},
    **SUPPLIED,
    **ARRAYS,
}


def series_asset(study: PublicStudy, source: Source) -> Step:
    """Samples in groups and values of a GEO series, array or sequencing as it turns out to be; where it was sequenced
    and nobody counted, the addresses of its reads."""
    study_id, groups, accession = study.id, study.group, geo_accession(source.url)
    if accession is None:
        raise ValueError(f"{source.id}: its address names no series")

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        documents = inputs.externals[source.id]
        assert isinstance(documents, Documents)
        series, genes = repeat_walk(documents.walk, reading_series(accession))
        shares = read_series_study(study_id, groups, series, genes)
        return {
            **{share_address(name, study_id): shares[name] for name in SERIES_SHARES},
            rejected_share(study_id): shares["rejected"],
        }

    return table_step(
        outputs={
            **{share_address(name, study_id): TABLES[address] for name, address in SERIES_SHARES.items()},
            rejected_share(study_id): REJECTED,
        },
        compute=compute,
        parameters={"groups": [group.model_dump() for group in groups], "accession": accession},
        externals=lambda origins: {source.id: origins.walk(source, reading_series(accession))},
        sources=[source.id],
        kinds=["python", "geo"],
        tags={"study": study_id},
    )


def public_study_assets(registry: Registry) -> list[Step]:
    """Every public study of the catalog."""
    assets: list[Step] = []
    shares: dict[str, list[str]] = {name: [] for name in OWN_TABLES}
    for study in registry.public_studies.values():
        sources = [registry.sources[source] for source in study.sources]
        is_series = study.kind == "geo_series"
        assets += [
            series_asset(study, sources[0]) if is_series else sheets_asset(study, sources),
            counts_asset(study, registry.sources[study.transcriptome] if study.transcriptome else None),
        ]
        for name in OWN_TABLES:
            if name in COUNTS or name in (SERIES_SHARES if is_series else SHEETS):
                shares[name].append(share_address(name, study.id))
    return [*assets, *(union_of(address, shares[name]) for name, address in OWN_TABLES.items())]


def steps(registry: Registry) -> list[Step]:
    return public_study_assets(registry)
