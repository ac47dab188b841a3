"""A project of ENA or SRA as a sample sheet and the draft of a study: its reads are there, and no counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.commands.adding.entry_file import drug_classes_of, drug_lines, transport_of
from resistance_assets.errors import UsageFault

if TYPE_CHECKING:
    from resistance_assets.connectors.arrayexpress.ena import EnaReport
    from resistance_assets.connectors.sample_design import Design
    from resistance_assets.settings import Settings

PROJECT = re.compile(r"PRJ[A-Z]{2}\d+|[DES]RP\d+")
SHEET, COUNTS, DRAFT_FILE = "samples.tsv", "counts.tsv", "study.toml.draft"


@dataclass(frozen=True)
class ProposedRuns:
    """A study folder that may be written: the sample sheet, and a study that waits for its counts.

    Attributes:
        folder: of the study.
        samples: sample_id, title, run_accession, arm.
        text: of the draft of `study.toml`.
        design: arms and contrasts as far as titles tell them.
        needed: what is lacking before it is a study, a line each.
    """

    folder: Path
    samples: pl.DataFrame
    text: str
    design: Design
    needed: tuple[str, ...]


def propose_runs(settings: Settings, accession: str) -> ProposedRuns:
    """The sample sheet of a project's runs, as ENA reports them.

    Raises:
        SourceUnavailable, TransportFault, DataFault: the report cannot be had, or is not what it must be.
    """
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.connectors.arrayexpress.ena import fetch_report, preferred_fastq
    from resistance_assets.connectors.sample_design import propose_design

    transport = transport_of(settings)
    report = fetch_report(transport, accession)
    samples = samples_of_runs(report)
    design = propose_design(samples)
    arm_of = {sample: arm.id for arm in design.arms for sample in arm.samples}
    samples = samples.with_columns(pl.col("sample_id").replace_strict(arm_of, default=None).alias("arm"))
    sizes = preferred_fastq(report.files)["size_bytes"]
    n_bytes = int(sizes.sum())
    size = f", {n_bytes / 1e9:.1f} GB" if n_bytes else ""
    needed = (
        f"{COUNTS}: reads of genes in samples: a column of genes, then one column per sample_id of {SHEET}",
        f"  the reads of {report.runs.height} runs are at ENA{size}: quantify them, or take the authors' counts",
        f"a look at the arms in {SHEET} and at each contrast of {DRAFT_FILE}, which then becomes study.toml",
    )
    registry = load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    classes = drug_classes_of(registry)
    text = _draft(accession, design, needed, classes)
    return ProposedRuns(settings.data_dir / "studies" / accession.lower(), samples, text, design, needed)


def samples_of_runs(report: EnaReport) -> pl.DataFrame:
    """One row per sample that was sequenced: sample_id, title, run_accession (joined), library_strategy."""
    runs = report.runs.with_columns(
        pl.coalesce("secondary_sample_accession", "sample_accession", "run_accession").alias("sample_id")
    )
    return runs.group_by("sample_id", maintain_order=True).agg(
        pl.col("sample_title").drop_nulls().first().alias("title"),
        pl.col("run_accession").str.join(" | "),
        pl.col("library_strategy").drop_nulls().first(),
    )


def write_runs(proposal: ProposedRuns) -> str:
    """Write the sheet and the draft; what was there is kept.

    Raises:
        UsageFault: the folder holds one of the files.
        DataFault: they cannot be written.
    """
    from resistance_assets.files import replace_file

    files = {SHEET: proposal.samples.write_csv(separator="\t"), DRAFT_FILE: proposal.text}
    for name in files:
        if (proposal.folder / name).exists():
            raise UsageFault("exists", subject=str(proposal.folder / name), remedy="Edit it, or remove it first.")
    proposal.folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with replace_file(proposal.folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return f"{proposal.folder} has {SHEET} and {DRAFT_FILE}; no run reads it before there is a study.toml"


def _draft(accession: str, design: Design, needed: tuple[str, ...], classes: dict[str, str]) -> str:
    study = accession.lower()
    lines = [
        f"# {accession}, proposed from its runs. It needs:",
        *(f"# - {one.strip()}" for one in needed),
        *(f"# UNSURE: {' '.join(doubt.split())}" for doubt in design.unsure),
        "",
        "[study]",
        f"id = {toml_string(study)}",
        f"title = {toml_string(f'Runs of {accession}')}",
        'organism = "Homo sapiens"',
        'kind = "rna_seq_counts"',
        f"accession = {toml_string(accession)}",
        f"counts = {toml_string(COUNTS)}",
        f"samples = {toml_string(SHEET)}",
    ]
    for one in design.contrasts:
        lines += [
            "",
            f"# {one.state}: {' '.join(one.reason.split())}",
            "[[contrast]]",
            f"id = {toml_string(f'{study}_{one.numerator}_vs_{one.denominator}'[:63].rstrip('_'))}",
            'factor = "arm"',
            f"numerator = {toml_string(one.numerator)}",
            f"denominator = {toml_string(one.denominator)}",
            *drug_lines(one, classes),
        ]
    if not design.contrasts:
        lines += ["", "# No contrast is sure. Write them:", "# [[contrast]]", '# factor = "arm"']
    return "\n".join(lines) + "\n"
