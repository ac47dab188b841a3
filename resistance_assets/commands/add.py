"""What `add` does: fetch the record of an accession, propose a study from its sample sheet, and write it as an entry.

The entry names the samples of each group, with the reason for each, and goes into the user's own catalog. Where the
sheet leaves no contrast that is sure, a draft is written that no run reads until a person has finished it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.commands.adding.entry_file import (
    drug_classes_of,
    drug_lines,
    entry_path,
    transport_of,
    write_entry_file,
)
from resistance_assets.errors import DataFault, Fault, UsageFault

if TYPE_CHECKING:
    import polars as pl

    from resistance_assets.connectors.arrayexpress.processed_counts import CountsColumns
    from resistance_assets.connectors.sample_design import Design, ProposedContrast
    from resistance_assets.connectors.transport.transport import Transport
    from resistance_assets.settings import Settings

GEO = re.compile(r"GSE\d+")
ARRAY_EXPRESS = re.compile(r"E-[A-Z]{4}-\d+")
LONGEST_ID = 63
MOST_OF_A_REASON = 300


@dataclass(frozen=True)
class Record:
    """What a host says of an accession, as far as a proposal needs it.

    Attributes:
        accession, title, text: of the record; the text holds title and summary.
        kind: of the study that it becomes: `geo_series` or `rna_seq_reads`.
        values: which values a run would use, in one sentence.
        counts: the authors' table of counts that a run would use, where it is one, and the column of each sample.
        counts_file: its name.
        laboratory: whose cultures, where the record says.
        is_array: whether its values are those of an array.
        organism: of its samples, where they agree.
        samples: one row per sample: sample_id, and text columns.
        source: the keys of its entry in `sources.toml`.
    """

    accession: str
    title: str
    text: str
    kind: str
    values: str
    is_array: bool
    organism: str
    samples: pl.DataFrame
    source: Mapping[str, object]
    counts: CountsColumns | None = None
    counts_file: str | None = None
    laboratory: str | None = None


@dataclass(frozen=True)
class ProposedEntry:
    """A file of the user's catalog that may be written, and what a person must look at.

    `is_sure` is false where no contrast is proposed: the file is then a draft. `known_as`: the study of the catalog in
    use that reads this accession already.
    """

    path: Path
    text: str
    design: Design
    is_sure: bool
    known_as: str | None


def propose_entry(settings: Settings, accession: str) -> tuple[Record, ProposedEntry]:
    """The record of an accession, and the entry that is proposed for it.

    Raises:
        UsageFault: it is no accession that can be read, or the file is there already.
        SourceUnavailable, TransportFault, DataFault: the record cannot be had, or is not what it must be.
    """
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.connectors.sample_design import propose_design

    name = accession.strip().upper()
    transport = transport_of(settings)
    if GEO.fullmatch(name):
        record = _geo_record(transport, name)
    elif ARRAY_EXPRESS.fullmatch(name):
        record = _array_express_record(transport, name)
    else:
        raise UsageFault(
            "is no accession that can be added",
            subject=accession,
            expected="GSE..., E-MTAB-..., PRJ..., cbioportal:STUDY, or a folder of tables",
            remedy="Other hosts: declare it by hand, see docs/own_catalog.md.",
        )
    registry = load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    classes = drug_classes_of(registry)
    known = {source: study.id for study in registry.public_studies.values() for source in study.sources}
    read = [known[one.id] for one in registry.sources.values() if one.id in known and _names(one.url, name)]
    design = propose_design(record.samples, context=record.text)
    is_sure = bool(design.contrasts)
    path = entry_path(settings, _id_of(record.accession), is_sure=is_sure)
    text = entry_text(record, design, classes)
    return record, ProposedEntry(path, text, design, is_sure, next(iter(read), None))


def write_entry(settings: Settings, proposal: ProposedEntry) -> str:
    """Write the file and say whether the catalog with it is good; what was there is kept.

    Raises:
        UsageFault: the file exists, or the catalog reads the accession already.
        DataFault: it cannot be written.
    """
    known_as = None if proposal.known_as is None else f"study {proposal.known_as}"
    return write_entry_file(
        settings,
        proposal.path,
        proposal.text,
        is_sure=proposal.is_sure,
        known_as=known_as,
        counted="study of the same samples",
        to_do="write its contrasts",
    )


def show_record(record: Record, design: Design) -> None:
    """The sample sheet by arm, what varies, and which values a run would use."""
    from resistance_assets.commands.output.printing import tell

    tell(f"{record.accession}: {record.title}")
    tell(f"values: {record.values}")
    if record.counts is not None:
        tell(f"counts: {record.counts_file}, genes in column {record.counts.gene_column}")
    for name, levels in design.factors.items():
        tell(f"varies: {name}: {', '.join(levels)}")
    titles = dict(zip(record.samples["sample_id"], _titles(record.samples), strict=True))
    columns = record.counts.columns if record.counts is not None else {}
    for arm in design.arms:
        tell(f"arm {arm.id}: {len(arm.samples)} samples ({arm.reason})")
        for sample in arm.samples:
            tell(f"- {sample}: {titles[sample]}" + (f" (column {columns[sample]})" if sample in columns else ""))
    for contrast in design.contrasts:
        tell(f"contrast {contrast.numerator} against {contrast.denominator}: {contrast.state}")
    for doubt in design.unsure:
        tell(f"unsure: {doubt}")


def entry_text(record: Record, design: Design, classes: Mapping[str, str]) -> str:
    """The TOML file: a source, a study with its groups sample by sample, and its contrasts.

    Args:
        record: of the host.
        design: proposed.
        classes: drug -> its class.
    """
    study, source = _id_of(record.accession), str(record.source["id"])
    sizes = {arm.id: len(arm.samples) for arm in design.arms}
    own_lines = {arm.id: arm.line for arm in design.arms}
    lines = [
        f"# {record.accession}, proposed from its sample sheet. Look at each group and contrast before you trust them.",
        *(f"# UNSURE: {_comment(doubt)}" for doubt in design.unsure),
        "",
        f"[source.{source}]",
        *(f"{key} = {_toml(value)}" for key, value in record.source.items() if key != "id"),
        "",
        "[[study]]",
        f"id = {_toml(study)}",
        f"title = {_toml(record.title)}",
        f"organism = {_toml(record.organism)}",
        f"kind = {_toml(record.kind)}",
        f"sources = [{_toml(source)}]",
        "# Needed only where reads must be quantified.",
        'transcriptome = "gencode_v36_transcripts"',
        *([f"laboratory = {_toml(record.laboratory)}"] if record.laboratory else []),
        *_counts_lines(record),
    ]
    used = {group for one in design.contrasts for group in (one.numerator, one.denominator)}
    for arm in design.arms:
        lines += [
            "",
            *(["# In no contrast."] if used and arm.id not in used else []),
            "[[study.group]]",
            f"id = {_toml(arm.id)}",
            f"title = {_toml(arm.title)}",
            f"verified_from = {_toml(f'sample sheet of {record.accession}: {arm.reason}'[:MOST_OF_A_REASON])}",
            f"samples = {_toml(list(arm.samples))}",
        ]
    for contrast in design.contrasts:
        lines += ["", *_contrast_lines(contrast, study, record, sizes, classes, own_lines)]
    if not design.contrasts:
        lines += [
            "",
            "# No contrast is sure. Write them:",
            "# [[study.contrast]]",
            f'# id = "{study}_resistant_vs_parental"',
        ]
        lines += ['# numerator = "..."', '# denominator = "..."', '# methods = ["limma"]']
    return "\n".join(lines) + "\n"


def _counts_lines(record: Record) -> list[str]:
    """The table of counts and the column of each sample, as the study names them."""
    if record.counts is None:
        return []
    found = record.counts
    return [
        "",
        f"# Counts: {_comment(record.counts_file or '')}. With this map it is used, or the study stops.",
        "[study.counts]",
        *([f"gene_column = {_toml(found.gene_column)}"] if found.gene_column != "feature_id" else []),
        *(['count_type = "estimated"'] if found.is_estimated else []),
        "[study.counts.columns]",
        *(f"{_toml(sample)} = {_toml(column)}" for sample, column in found.columns.items()),
    ]


def find_counts(
    tables: Mapping[str, Path | Fault], samples: pl.DataFrame
) -> tuple[CountsColumns | None, str | None, str]:
    """The first of the authors' tables that holds counts of every sample, its name, and a sentence on each other."""
    from resistance_assets.connectors.arrayexpress.processed_counts import find_counts_columns

    told = []
    for name, path in tables.items():
        if isinstance(path, Fault):
            told.append(f"{name} could not be had ({path.problem})")
            continue
        try:
            found = find_counts_columns(path, samples, source=name)
        except DataFault as fault:
            told.append(f"{name} is not used: {fault.problem}")
            continue
        return found, name, "; ".join([f"taken: {name}, by its own names of the samples", *told])
    return None, None, "; ".join([*told, "no table of counts of all samples"] if tables else [])


def _contrast_lines(
    contrast: ProposedContrast,
    study: str,
    record: Record,
    sizes: Mapping[str, int],
    classes: Mapping[str, str],
    lines: Mapping[str, str | None],
) -> list[str]:
    has_replicates = min(sizes[contrast.numerator], sizes[contrast.denominator]) > 1
    methods = ["pydeseq2", "limma_voom"] if has_replicates else ["fold_change", "edger_exact"]
    if record.kind == "geo_series":
        methods = ["limma"]
    parts = f"{study}_{contrast.numerator}_vs_{contrast.denominator}"
    return [
        f"# {contrast.state}: {_comment(contrast.reason)}",
        "[[study.contrast]]",
        f"id = {_toml(re.sub('_+', '_', parts)[:LONGEST_ID].rstrip('_'))}",
        f"numerator = {_toml(contrast.numerator)}",
        f"denominator = {_toml(contrast.denominator)}",
        *drug_lines(contrast, classes),
        *([f"cell_line = {_toml(lines[contrast.numerator])}"] if lines.get(contrast.numerator) else []),
        f"methods = {_toml(methods)}",
    ]


def _geo_record(transport: Transport, accession: str) -> Record:
    from resistance_assets.connectors.geo.series import counts_resource, fetch_series, matrix_resource, record_resource
    from resistance_assets.connectors.geo.soft import read_soft

    series = fetch_series(transport, accession)
    matrices = series.matrices.values()
    said = [value for matrix in matrices for name in _TOLD for value in matrix.of_series(name)]
    laboratories = [value for matrix in matrices for name in _WHOSE for value in matrix.of_series(name)]
    try:
        soft = read_soft(transport.fetch(record_resource(accession)).path)
        said = [value for name in _TOLD for value in soft.of("series", name)] or said
        laboratories = [value for name in _WHOSE for value in soft.of("series", name)] or laboratories
    except Fault:
        pass  # The matrices say the same.
    counts, counts_file, told = None, None, ""
    if series.kind == "sequencing" and series.counts is None:
        counts, counts_file, told = find_counts(series.authors.tables, series.samples)
    title = series.title or accession
    return Record(
        accession=accession,
        title=title,
        text="\n".join([title, *said]),
        kind="geo_series",
        values="; ".join(part for part in (series.choice, told) if part),
        counts=counts,
        counts_file=counts_file,
        laboratory=next(iter(laboratories), None),
        is_array=series.kind == "array",
        organism=_organism(series.samples),
        samples=series.samples,
        source={
            "id": f"geo_{accession.lower()}",
            "title": f"{title} ({accession})",
            "url": matrix_resource(accession).url,
            "also": [record_resource(accession).url, counts_resource(accession).url],
            "connector": "geo",
            "content": "gzip",
            "change": ["published_version", "last_modified", "sha256"],
            "licence": "public domain (NCBI GEO); submitter's rights may apply",
            "licence_url": "https://www.ncbi.nlm.nih.gov/geo/info/disclaimer.html",
            "citation": f"NCBI GEO {accession}",
        },
    )


_TOLD = ("summary", "overall_design")
_WHOSE = ("contact_laboratory", "contact_institute")


def _array_express_record(transport: Transport, accession: str) -> Record:
    from resistance_assets.connectors.arrayexpress.biostudies import (
        fetch_processed,
        fetch_study,
        file_page_resource,
        info_resource,
        study_resource,
    )
    from resistance_assets.connectors.arrayexpress.study import sequenced_samples

    study = fetch_study(transport, accession)
    title = study.record.title or accession
    processed = study.processed["path"].to_list()
    values = f"processed files of the record: {', '.join(processed)}" if processed else "none; its reads are quantified"
    samples = sequenced_samples(study, accession)
    had = fetch_processed(transport, accession, study)
    tables = {name: one if isinstance(one, Fault) else one.path for name, one in had.items()}
    counts, counts_file, told = find_counts(tables, samples)
    values = "; ".join(part for part in (values, told) if part)
    return Record(
        accession=accession,
        title=title,
        text="\n".join([title, study.record.description or ""]),
        kind="rna_seq_reads",
        values=values,
        counts=counts,
        counts_file=counts_file,
        is_array=False,
        organism=_organism(samples),
        samples=samples,
        source={
            "id": f"biostudies_{_id_of(accession)}",
            "title": f"{title} ({accession})",
            "url": study_resource(accession).url,
            "also": [info_resource(accession).url, file_page_resource(accession).url],
            "connector": "biostudies",
            "content": "json",
            "change": ["published_version", "sha256"],
            "licence": "EMBL-EBI terms of use; submitter's terms per record",
            "licence_url": "https://www.ebi.ac.uk/about/terms-of-use/",
            "citation": f"ArrayExpress {accession}",
        },
    )


def _names(url: str, accession: str) -> bool:
    return bool(re.search(rf"(?<![A-Z0-9-]){re.escape(accession)}(?![0-9A-Za-z])", url))


def _organism(samples: pl.DataFrame) -> str:
    columns = [name for name in samples.columns if re.search(r"(^|_)organism$", name)]
    found = {value for name in columns for value in samples[name].drop_nulls()}
    return found.pop() if len(found) == 1 else "Homo sapiens"


def _titles(samples: pl.DataFrame) -> list[str]:
    names = [name for name in ("title", "source_name") if name in samples.columns]
    return [next((str(row[name]) for name in names if row[name]), "") for row in samples.to_dicts()]


def _id_of(accession: str) -> str:
    return accession.lower().replace("-", "_")


def _toml(value: object) -> str:
    """A TOML string or list of strings."""
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return toml_string(str(value))


def _comment(text: str) -> str:
    return " ".join(text.split())
