"""What a cBioPortal study holds besides clinical tables and gene matrices: mutations, structural variants, timelines,
and matrices of antibodies and methylation probes.

Here belong these file formats (https://docs.cbioportal.org/file-formats/), with the vendor's values. Clinical tables
and gene matrices are in `cbioportal`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from resistance_assets.connectors.cbioportal.archive import (
    MISSING_TOKENS,
    is_case_list,
    is_matrix,
    is_meta,
    numeric_frame,
    profiled_of,
    read_meta,
    split_data_file,
    top_folder,
)
from resistance_assets.connectors.cbioportal.profiled_samples import is_gene_panel
from resistance_assets.connectors.formats.alteration_rows import (
    MUTATION_COLUMNS,
    VARIANT_COLUMNS,
    IsReadable,
    KnownSamples,
    read_alteration_rows,
    schema_of,
)
from resistance_assets.connectors.formats.archives import read_members
from resistance_assets.connectors.formats.delimited import DelimitedText, rejected_rows
from resistance_assets.errors import DataFault

_TIMELINE_KEYS = {
    "PATIENT_ID": "patient_id",
    "START_DATE": "start_days",
    "STOP_DATE": "stop_days",
    "EVENT_TYPE": "event_type",
}

TIMELINE_SCHEMA: dict[str, type[pl.DataType]] = {
    "file": pl.String,
    "event_number": pl.Int64,
    "patient_id": pl.String,
    "start_days": pl.Int64,
    "stop_days": pl.Int64,
    "event_type": pl.String,
    "attribute_id": pl.String,
    "value": pl.String,
}


@dataclass
class CbioportalAlterations:
    """Further tables of a study, in the vendor's values; a table that the study lacks is empty.

    Attributes:
        study_id: top folder of the archive.
        mutations: sample_id, hugo_symbol, entrez_gene_id, chromosome, start_position, end_position,
            variant_classification, variant_type, reference_allele, tumor_allele, protein_change, mutation_status,
            reference_reads, alternative_reads, source_file, source_line; one row per row of the file.
        structural_variants: sample_id, sv_status, site1_hugo_symbol, site1_entrez_gene_id, site2_hugo_symbol,
            site2_entrez_gene_id, variant_class, event_info, annotation, source_file, source_line.
        timeline: file, event_number (row of the file, from 1), patient_id, start_days, stop_days (from diagnosis),
            event_type, attribute_id, value: one row per further cell that holds something; an event without any stands
            once with both null.
        feature_matrices: by stable_id, feature_id (antibody or probe), hugo_symbol (where told), then one Float64
            column per sample; `unpivot_matrix` of `cbioportal` makes it long. Each feature once.
        n_rows: rows per file, kept or rejected.
        rejected: source, line, reason, row: rows that were set aside (no sample, no gene, a sample that the clinical
            table lacks, a gene that the sample's panel lacks), and rows that were kept without an unreadable protein
            change or with a single fusion partner.
    """

    study_id: str = ""
    mutations: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=schema_of(MUTATION_COLUMNS)))
    structural_variants: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=schema_of(VARIANT_COLUMNS)))
    timeline: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TIMELINE_SCHEMA))
    feature_matrices: dict[str, pl.DataFrame] = field(default_factory=dict)
    n_rows: dict[str, int] = field(default_factory=dict)
    rejected: pl.DataFrame = field(default_factory=rejected_rows)


_KINDS = ("MUTATION_EXTENDED", "STRUCTURAL_VARIANT", "TIMELINE", "PROTEIN_LEVEL", "METHYLATION")


def read_alterations(
    archive: Path, *, kinds: Collection[str] = _KINDS, is_readable: IsReadable | None = None
) -> CbioportalAlterations:
    """Read the further tables of a study archive.

    Args:
        archive: the .tar.gz of the datahub.
        kinds: which of MUTATION_EXTENDED, STRUCTURAL_VARIANT, TIMELINE, PROTEIN_LEVEL and METHYLATION; methylation may
            take a gigabyte.
        is_readable: protein changes for which it is False are left blank, and told among the rejected rows.

    Raises:
        DataFault: a file that a meta file names is not in the archive, is ragged, lacks a column or has a number that
            is none; names file, line and column.
        TransportFault: the archive is truncated, or holds a git-lfs pointer in place of a file.
    """
    small, names = read_members(archive, lambda name: is_meta(name) or is_case_list(name) or is_gene_panel(name))
    study = top_folder(archive, names)
    chosen: dict[str, tuple[str, str, str]] = {}
    metas: dict[str, dict[str, str]] = {}
    sample_file = ""
    for path, data in sorted((path, data) for path, data in small.items() if is_meta(path)):
        name = path.rpartition("/")[2]
        entry = metas[name] = read_meta(data, source=f"{archive.name}:{name}")
        if (entry.get("genetic_alteration_type"), entry.get("datatype")) == ("CLINICAL", "SAMPLE_ATTRIBUTES"):
            sample_file = f"{study}/{entry.get('data_filename', '')}"
        kind = entry.get("genetic_alteration_type", "")
        kind = "TIMELINE" if entry.get("datatype") == "TIMELINE" else kind
        if kind == "GENERIC_ASSAY" and is_matrix(entry):
            kind = entry["generic_assay_type"]
        if kind not in kinds or kind not in _KINDS:
            continue
        file = entry.get("data_filename", "")
        if f"{study}/{file}" not in names:
            raise DataFault(
                f"data_filename {file!r} is not in the archive",
                subject=f"{archive.name}:{name}",
                remedy="The archive was packed without it: fetch it again",
            )
        chosen[f"{study}/{file}"] = (kind, file, entry.get("stable_id", name))
    contents, _ = read_members(archive, lambda name: name in chosen or name == sample_file)
    result = CbioportalAlterations(study_id=study)
    source = f"{archive.name}:"
    clinical = _clinical_samples(contents.pop(sample_file, None), f"{source}{sample_file.rpartition('/')[2]}")
    profiled = profiled_of(small, metas, study, source)[1]
    for path, (kind, file, stable_id) in chosen.items():
        source = f"{archive.name}:{file}"
        # Mutation files may start with lines such as `#version 2.4` and `#sequenced_samples: ...`.
        text = split_data_file(contents.pop(path), source=source, comment_rows=8)
        result.n_rows[file] = text.height
        rejected = rejected_rows()
        if kind == "MUTATION_EXTENDED":
            known = KnownSamples(clinical, panel_genes=profiled.panel_genes("mutations"), is_readable=is_readable)
            frame, rejected = read_alteration_rows(text, MUTATION_COLUMNS, known, nulls=MISSING_TOKENS)
            result.mutations = pl.concat([result.mutations, frame])
        elif kind == "STRUCTURAL_VARIANT":
            layer = "fusions" if profiled.tells("fusions") else "mutations"
            known = KnownSamples(clinical, panel_genes=profiled.panel_genes(layer))
            frame, rejected = read_alteration_rows(text, VARIANT_COLUMNS, known, nulls=MISSING_TOKENS)
            result.structural_variants = pl.concat([result.structural_variants, frame])
        elif kind == "TIMELINE":
            frame, rejected = _read_timeline(text, file)
            result.timeline = pl.concat([result.timeline, frame])
        elif "Hugo_Symbol" not in text.header and "Entrez_Gene_Id" not in text.header:
            result.feature_matrices[stable_id], rejected, _ = read_feature_matrix(text)
        result.rejected = pl.concat([result.rejected, rejected])
    return result


def _clinical_samples(data: bytes | None, source: str) -> frozenset[str] | None:
    if data is None:
        return None
    text = split_data_file(data, source=source, comment_rows=16)
    text.require(["SAMPLE_ID"])
    return frozenset(text.frame()["SAMPLE_ID"].str.strip_chars())


def _read_timeline(text: DelimitedText, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    text.require(["PATIENT_ID", "START_DATE", "EVENT_TYPE"])
    cells = text.frame(nulls=MISSING_TOKENS).with_columns(pl.all().str.strip_chars().replace("", None))
    if "STOP_DATE" not in cells.columns:
        cells = cells.with_columns(pl.lit(None, pl.String).alias("STOP_DATE"))
    days = [text.whole_numbers(cells[name]).alias(_TIMELINE_KEYS[name]) for name in ("START_DATE", "STOP_DATE")]
    keyed = cells.drop("START_DATE", "STOP_DATE").rename({"PATIENT_ID": "patient_id", "EVENT_TYPE": "event_type"})
    keyed = keyed.with_columns(*days, pl.int_range(1, pl.len() + 1).alias("event_number"), pl.lit(file).alias("file"))
    blank = (keyed["patient_id"].is_null() | keyed["event_type"].is_null()).arg_true().to_list()
    kept = keyed.filter(pl.col("patient_id").is_not_null() & pl.col("event_type").is_not_null())
    index = [name for name in TIMELINE_SCHEMA if name not in ("attribute_id", "value")]
    further = kept.unpivot(index=index, variable_name="attribute_id", value_name="value")
    told = further.cast({"value": pl.String}).filter(pl.col("value").is_not_null())
    bare = kept.join(told.select("event_number"), on="event_number", how="anti").select(
        *index, pl.lit(None, pl.String).alias("attribute_id"), pl.lit(None, pl.String).alias("value")
    )
    long = pl.concat([told, bare]).select(list(TIMELINE_SCHEMA)).cast(TIMELINE_SCHEMA)  # type: ignore[arg-type]
    return long.sort("event_number", maintain_order=True), text.reject(
        blank, ["blank patient or event type"] * len(blank)
    )


_FEATURE_COLUMNS = (
    "Composite.Element.REF",
    "ENTITY_STABLE_ID",
    "ID",
    "NAME",
    "DESCRIPTION",
    "TRANSCRIPT_ID",
    "GENE_SYMBOL",
)


def read_feature_matrix(text: DelimitedText) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """A matrix of antibodies or probes: feature_id, hugo_symbol (where told), one Float64 column per sample; the
    rejected rows; and the lines of the rows that are kept. Raises DataFault if it has no sample or a cell is no number.
    """
    leading = [name for name in text.header if name in _FEATURE_COLUMNS]
    samples = [name for name in text.header if name not in leading]
    if not leading or not samples:
        text.require(_FEATURE_COLUMNS[:1])
        raise DataFault("the matrix has no sample", subject=text.source, place="header", remedy="Fetch the study again")
    frame = numeric_frame(text, samples)
    ids = frame[leading[0]].str.strip_chars().replace("", None).alias("feature_id")
    # RPPA names a row `SYMBOL|antibody`, methylation has the symbol beside the probe.
    symbol = next((frame[name] for name in ("GENE_SYMBOL", "NAME") if name in leading[1:]), None)
    if symbol is None:
        parts = ids.str.split_exact("|", 1).struct
        symbol = pl.select(pl.when(parts.field("field_1").is_not_null()).then(parts.field("field_0"))).to_series()
    wide = pl.DataFrame([ids, symbol.alias("hugo_symbol"), *[frame[sample].fill_nan(None) for sample in samples]])
    kept, rejected = text.first_of_each(wide, "feature_id")
    is_kept = ids.is_first_distinct() & ids.is_not_null()
    return kept, rejected, pl.Series(text.lines, dtype=pl.Int64).filter(is_kept)
