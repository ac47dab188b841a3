"""A cBioPortal study as the datahub packs it: one tar.gz with a folder named after the study.

Here belongs the file format (https://docs.cbioportal.org/file-formats/): meta files, clinical tables with their four
`#` rows, gene-by-sample matrices and case lists, with the vendor's names and values. Renaming, units, endpoints and
the choice of samples do not belong here.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl

from resistance_assets.connectors.cbioportal.profiled_samples import (
    ProfiledSamples,
    is_gene_panel,
    read_profiled_samples,
)
from resistance_assets.connectors.clinical_cells import Kind, find_unread, reject_unread_cells
from resistance_assets.connectors.formats.alteration_rows import listed_samples
from resistance_assets.connectors.formats.archives import read_members
from resistance_assets.connectors.formats.delimited import DelimitedText, nearest_name, rejected_rows, split_text
from resistance_assets.connectors.formats.matrix_cells import NO_CALL, blank_odd_cells, is_call
from resistance_assets.connectors.gene_names import odd_names
from resistance_assets.errors import DataFault, TransportFault

MISSING_TOKENS = (
    "NA",
    "NaN",
    "[Not Available]",
    "[Not Applicable]",
    "[Not Evaluated]",
    "[Unknown]",
    "[Pending]",
    "[Discrepancy]",
    "[Completed]",
    "[Null]",
    "Not Available",
)
"""Cells that the format, or TCGA's own tables, use for "no value"; an empty cell is one too. All become absent."""

MATRIX_KINDS = ("MRNA_EXPRESSION", "COPY_NUMBER_ALTERATION", "METHYLATION", "PROTEIN_LEVEL")
"""genetic_alteration_type values whose data file may be a gene-by-sample matrix."""

_GENE_COLUMNS = ("Hugo_Symbol", "Entrez_Gene_Id")
_OTHER_LEADING_COLUMNS = ("Cytoband", "Locus ID", "Locus_ID", "Gene Symbol", "DESCRIPTION", "NAME", "ENTITY_STABLE_ID")
_COMMENT_ROWS = 4
# Leading rows that start with # are looked at before they are refused.
_MOST_COMMENT_ROWS = 16
_LONG_COLUMNS = ("Sample_Id", "SAMPLE_ID", "Tumor_Sample_Barcode")
_EVENT_CODE = r"^[01](:|$)"
_UNKNOWN_EVENT = r"(?i)^(unknown|n/?a|not (available|evaluated|applicable))$"
_POINTER = b"version https://git-lfs.github.com/spec/"

ATTRIBUTE_SCHEMA = {
    "level": pl.String,
    "attribute_id": pl.String,
    "display_name": pl.String,
    "description": pl.String,
    "datatype": pl.String,
    "priority": pl.String,
}
PROFILE_SCHEMA = {
    "stable_id": pl.String,
    "genetic_alteration_type": pl.String,
    "datatype": pl.String,
    "profile_name": pl.String,
    "profile_description": pl.String,
    "data_filename": pl.String,
    "n_genes": pl.Int64,
    "n_samples": pl.Int64,
}


def is_matrix(entry: Mapping[str, str]) -> bool:
    """Whether a meta file declares a matrix by sample: genes, antibodies or probes; segments are none."""
    kind, datatype = entry.get("genetic_alteration_type", ""), entry.get("datatype", "")
    if "stable_id" not in entry or datatype == "SEG":
        return False
    is_methylation = kind == "GENERIC_ASSAY" and entry.get("generic_assay_type") == "METHYLATION"
    return kind in MATRIX_KINDS or (is_methylation and datatype == "LIMIT-VALUE")


@dataclass(frozen=True)
class CbioportalStudy:
    """One study, in the vendor's names.

    Attributes:
        study_id: cancer_study_identifier.
        meta: keys and values of meta_study.txt.
        attributes: one row per clinical attribute: level ("patient" or "sample"), attribute_id, display_name,
            description, datatype (STRING, NUMBER, BOOLEAN), priority; the last four are null without `#` rows.
        patients: patient_id, one row per row of the patient file.
        samples: sample_id, patient_id, one row per row of the sample file.
        patient_attributes: patient_id, attribute_id, value: cells that hold something, as text.
        sample_attributes: sample_id, patient_id, attribute_id, value: likewise.
        profiles: one row per meta file with a stable_id: stable_id, genetic_alteration_type, datatype, profile_name,
            profile_description, data_filename, n_genes, n_samples (both null where the data are not a read matrix).
        matrices: by stable_id, a frame hugo_symbol (String), entrez_gene_id (Int64), then one Float64 column per
            sample, in the unit that the profile describes. A key (symbol, Entrez id) occurs once; a symbol may repeat
            with other Entrez ids.
        case_lists: case_list_id, name, sample_id.
        profiled: samples that were looked at for mutations, copy number and fusions, and the gene panels.
        rejected: source, line, reason, row.
    """

    study_id: str
    meta: dict[str, str]
    attributes: pl.DataFrame
    patients: pl.DataFrame
    samples: pl.DataFrame
    patient_attributes: pl.DataFrame
    sample_attributes: pl.DataFrame
    profiles: pl.DataFrame
    matrices: dict[str, pl.DataFrame]
    case_lists: pl.DataFrame
    profiled: ProfiledSamples
    rejected: pl.DataFrame


def _check_metas(
    metas: Mapping[str, Mapping[str, str]], study_id: str, source: str, archive: Path
) -> Mapping[str, str]:
    """The meta file of the study itself; every meta file is of this study, and no profile is declared twice."""
    meta = metas.get("meta_study.txt")
    if meta is None:
        raise DataFault(
            "meta_study.txt is missing",
            subject=archive.name,
            expected=f"{study_id}/meta_study.txt",
            remedy="This is not a study archive of cBioPortal, or it was packed without its meta files",
        )
    stable: dict[str, str] = {}
    for name, entry in metas.items():
        # meta_cancer_type.txt belongs to no study and has no identifier.
        if name == "meta_study.txt" or "cancer_study_identifier" in entry:
            _check_identifier(entry, study_id, source=f"{source}{name}")  # pyright: ignore
        if "stable_id" in entry and stable.setdefault(entry["stable_id"], name) != name:
            raise DataFault(
                f"stable_id {entry['stable_id']} is also that of {stable[entry['stable_id']]}",
                subject=f"{source}{name}",
                expected="each profile once",
                remedy="Fetch the study again",
            )
    return meta


def _read_profiles(
    metas: Mapping[str, Mapping[str, str]], data: dict[str, bytes], wanted: Mapping[str, str], source: str
) -> tuple[dict[str, pl.DataFrame], list[dict[str, str | int | None]], list[pl.DataFrame]]:
    """Matrices of the wanted profiles, what the meta files say of every profile, and the rows that were set aside.

    A file's bytes are let go once it is read: an archive holds several of a hundred megabytes.
    """
    matrices: dict[str, pl.DataFrame] = {}
    profiles: list[dict[str, str | int | None]] = []
    rejected: list[pl.DataFrame] = []
    for name, entry in metas.items():
        if "stable_id" not in entry:
            continue
        height, width = None, None
        file = f"{source}{wanted.get(name)}"
        found = read_numbered_matrix(data.pop(name), source=file) if name in data else None
        if found is not None:
            matrix, rejects, lines = found
            if entry.get("datatype") in ("DISCRETE", "DISCRETE_LONG"):
                matrix, rejects = blank_odd_cells(
                    matrix, rejects, source=file, fits=is_call, reason=NO_CALL, lines=lines
                )
            matrices[entry["stable_id"]] = matrix
            rejected.append(rejects)
            height, width = matrix.shape
        profile: dict[str, str | int | None] = {column: entry.get(column) for column in PROFILE_SCHEMA}
        profiles.append(profile | {"n_genes": height, "n_samples": None if width is None else width - 2})
    return matrices, profiles, rejected


def _require_clinical(clinical: Collection[str], archive: Path) -> None:
    for level in ("patient", "sample"):
        if level not in clinical:
            raise DataFault(
                f"no meta file declares {level.upper()}_ATTRIBUTES",
                subject=archive.name,
                expected=f"meta_clinical_{level}.txt",
                remedy="This study cannot be read without its clinical tables",
            )


def read_study(
    archive: Path,
    *,
    required_patient_columns: Collection[str] = (),
    event_columns: Collection[str] = (),
    stable_ids: Collection[str] | None = None,
    clinical_kinds: Mapping[str, Kind] | None = None,
) -> CbioportalStudy:
    """Read a study archive.

    Args:
        archive: the .tar.gz of the datahub.
        required_patient_columns: columns that the patient file must have.
        event_columns: columns of the patient file that hold `0:LIVING`, `1:DECEASED` and the like; they must be
            there, and each cell that holds something must be 0 or 1, with or without a label.
        stable_ids: the profiles whose matrices are wanted; all where None. A study may hold several of 100 MB each.
        clinical_kinds: attribute -> what its cells should hold. Ages and times that are none are left out of the
            attributes; they and the other cells that cannot be read are among the rejected rows.

    Raises:
        DataFault: the archive or one of its files is not what the format says; names file, line, column or sample.
        TransportFault: the archive is truncated.
    """
    small, names = read_members(archive, lambda name: is_meta(name) or is_case_list(name) or is_gene_panel(name))
    study_id = top_folder(archive, names)
    source = f"{archive.name}:"
    meta_texts = {PurePosixPath(name).name: data for name, data in small.items() if is_meta(name)}
    metas = {name: read_meta(data, source=f"{source}{name}") for name, data in sorted(meta_texts.items())}
    meta = _check_metas(metas, study_id, source, archive)
    wanted = _data_files(metas, names, study_id, source, stable_ids)
    case_lists, profiled = profiled_of(small, metas, study_id, source)
    mutation_files = set() if profiled.tells("mutations") else _mutation_files(metas, study_id)
    asked = {f"{study_id}/{file}" for file in wanted.values()} | mutation_files
    contents, _ = read_members(archive, lambda name: name in asked)
    for name in sorted(mutation_files & set(contents)):
        profiled = profiled.with_listed("mutations", _sequenced_samples(contents[name]))
    data = {name: contents[f"{study_id}/{file}"] for name, file in wanted.items()}
    del contents

    clinical: dict[str, _Clinical] = {}
    rejected: list[pl.DataFrame] = [rejected_rows()]
    for name, entry in metas.items():
        level = _clinical_level(entry)
        if level and name in data:
            clinical[level] = _read_clinical(
                data[name],
                source=f"{source}{wanted[name]}",
                level=level,
                required=[*required_patient_columns, *event_columns] if level == "patient" else [],
                events=event_columns if level == "patient" else [],
                kinds=clinical_kinds or {},
            )
            rejected.append(clinical[level].rejected)
    matrices, profiles, rejects = _read_profiles(metas, data, wanted, source)
    rejected += rejects
    if "patient" not in clinical and "sample" in clinical and not required_patient_columns and not event_columns:
        clinical["patient"] = _patients_of_samples(clinical["sample"])
    _require_clinical(clinical, archive)
    rejected.append(profiled.rejected)
    patient, sample = clinical["patient"], clinical["sample"]
    return CbioportalStudy(
        study_id=study_id,
        meta=meta,  # pyright: ignore
        attributes=pl.concat([patient.attributes, sample.attributes]),
        patients=patient.rows,
        samples=sample.rows,
        patient_attributes=patient.values,
        sample_attributes=sample.values,
        profiles=pl.DataFrame(profiles, schema=PROFILE_SCHEMA),
        matrices=matrices,
        case_lists=case_lists,
        profiled=profiled,
        rejected=pl.concat(rejected),
    )


def _mutation_files(metas: Mapping[str, Mapping[str, str]], study_id: str) -> set[str]:
    entries = [entry for entry in metas.values() if entry.get("genetic_alteration_type") == "MUTATION_EXTENDED"]
    return {f"{study_id}/{entry['data_filename']}" for entry in entries if "data_filename" in entry}


def _sequenced_samples(data: bytes) -> list[str]:
    """Samples that the leading lines of a mutation file say were sequenced."""
    leading = itertools.takewhile(lambda line: line.startswith(b"#"), io.BytesIO(data))
    return listed_samples(line.decode("utf-8", "replace") for line in leading)


def profiled_of(
    small: Mapping[str, bytes], metas: Mapping[str, Mapping[str, str]], study_id: str, source: str
) -> tuple[pl.DataFrame, ProfiledSamples]:
    """Case lists, and which samples were looked at, from the small members of an archive.

    Args:
        small: members by path, of which case lists and gene panels are read.
        metas: entries of the meta files.
        source: what messages call the archive, with a colon at its end.
    """
    texts = {name: text for name, text in small.items() if is_case_list(name)}
    case_lists = _read_case_lists(texts, study_id, source)
    kinds = {"MUTATION_EXTENDED": "mutations", "COPY_NUMBER_ALTERATION": "copy_number", "STRUCTURAL_VARIANT": "fusions"}
    profiles: dict[str, str] = {}
    for entry in metas.values():
        kind = kinds.get(entry.get("genetic_alteration_type", ""))
        if kind and "stable_id" in entry and entry.get("datatype") not in ("LOG2-VALUE", "CONTINUOUS", "SEG"):
            profiles.setdefault(kind, entry["stable_id"])
    panels = {name: data for name, data in small.items() if is_gene_panel(name)}
    return case_lists, read_profiled_samples(panels, case_lists, archive=source.rstrip(":"), profiles=profiles)


def unpivot_matrix(wide: pl.DataFrame, *, leading: int = 2) -> pl.DataFrame:
    """One row per gene and sample, sorted by gene: the leading columns of `wide` (hugo_symbol and entrez_gene_id, or
    feature_id and hugo_symbol, and more where `leading` says so), sample_id (String), value (Float64).

    Genes are sorted by the leading columns (null last); samples keep the order of the columns. Missing values stay, as
    null. By reshape of the values, about fifty times faster than a pivot.
    """
    keys, samples = wide.columns[:leading], wide.columns[leading:]
    order = wide.select(pl.arg_sort_by(keys, nulls_last=True)).to_series()
    by_gene = wide.select(keys).select(pl.all().gather(order))
    # Genes by samples, row by row; null has become NaN. Rows of an array are sorted at less cost than many columns.
    values = pl.Series(wide.select(samples).to_numpy(order="c")[order.to_numpy()].ravel(), dtype=pl.Float64)
    genes = pl.Series(np.repeat(np.arange(wide.height, dtype=np.uint32), len(samples)))
    columns = pl.Series(np.tile(np.arange(len(samples), dtype=np.uint32), wide.height))
    return pl.DataFrame(
        [
            *(by_gene[key].gather(genes) for key in keys),
            pl.Series("sample_id", samples, dtype=pl.String).gather(columns),
            (values.fill_nan(None) if values.is_nan().any() else values).alias("value"),
        ]
    )


# Parts of the archive


def is_meta(name: str) -> bool:
    """Whether a member of an archive is a meta file of the study."""
    # As in the portal's importer, only the study folder itself counts: folders in it (normals) hold meta files too.
    parts = PurePosixPath(name).parts
    return len(parts) == 2 and parts[1].startswith("meta_") and parts[1].endswith(".txt")


def is_case_list(name: str) -> bool:
    """Whether a member of an archive is a case list."""
    parts = PurePosixPath(name).parts
    return len(parts) == 3 and parts[1] == "case_lists" and parts[2].endswith(".txt")


def top_folder(archive: Path, names: Sequence[str]) -> str:
    tops = {PurePosixPath(name).parts[0] for name in names}
    if len(tops) != 1 or any(len(PurePosixPath(name).parts) < 2 for name in names):
        raise DataFault(
            f"the archive holds {sorted(tops)[:4]} at its top",
            subject=archive.name,
            expected="one folder, named after the study",
            remedy="Pack the study folder itself",
        )
    return tops.pop()


def read_meta(data: bytes, *, source: str) -> dict[str, str]:
    """`key: value` lines; the space after the colon may be missing and the value may hold colons."""
    entries: dict[str, str] = {}
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise DataFault(
                f"{line[:60]!r} is not a key and a value",
                subject=source,
                place=f"line {number}",
                expected="key: value",
                remedy="Fetch the study again or correct the line",
            )
        entries[key.strip()] = value.strip()
    return entries


def _check_identifier(entry: dict[str, str], study_id: str, *, source: str) -> None:
    found = entry.get("cancer_study_identifier")
    if found != study_id:
        raise DataFault(
            f"cancer_study_identifier is {found!r}",
            subject=source,
            expected=f"{study_id!r}, the name of the study folder",
            remedy="The archive mixes studies: fetch it again",
        )


def _clinical_level(entry: dict[str, str]) -> str | None:
    if entry.get("genetic_alteration_type") != "CLINICAL":
        return None
    return {"PATIENT_ATTRIBUTES": "patient", "SAMPLE_ATTRIBUTES": "sample"}.get(entry.get("datatype", ""))


def _data_files(
    metas: dict[str, dict[str, str]],
    names: Sequence[str],
    study_id: str,
    source: str,
    stable_ids: Collection[str] | None,
) -> dict[str, str]:
    """Data file by meta file, for the clinical tables and the matrices that are wanted."""
    present = set(names)
    files: dict[str, str] = {}
    known = [entry["stable_id"] for entry in metas.values() if "stable_id" in entry]
    for stable_id in stable_ids or ():
        if stable_id not in known:
            raise DataFault(
                f"the study has no profile {stable_id}; did you mean {nearest_name(stable_id, known)}?",
                subject=source.rstrip(":"),
                remedy="Correct the profile in the catalog",
            )
    for name, entry in metas.items():
        is_wanted = is_matrix(entry) and (stable_ids is None or entry["stable_id"] in stable_ids)
        if not (_clinical_level(entry) or is_wanted):
            continue
        file = entry.get("data_filename", "")
        if f"{study_id}/{file}" not in present:
            raise DataFault(
                f"data_filename {file!r} is not in the archive",
                subject=f"{source}{name}",
                remedy="The archive was packed without it: fetch it again",
            )
        files[name] = file
    return files


# Clinical tables


@dataclass(frozen=True)
class _Clinical:
    attributes: pl.DataFrame
    rows: pl.DataFrame
    values: pl.DataFrame
    rejected: pl.DataFrame


def split_data_file(data: bytes, *, source: str, comment_rows: int) -> DelimitedText:
    if data.startswith(_POINTER):
        raise TransportFault(
            "git_lfs_pointer: the file is a git-lfs pointer, not the data",
            subject=source,
            remedy="Pack the study after `git lfs pull`",
        )
    return split_text(data, source=source, comment_rows=comment_rows)


def _patients_of_samples(sample: _Clinical) -> _Clinical:
    """Patients of a study without a patient file: those that its samples name, without attributes."""
    return _Clinical(
        sample.attributes.head(0),
        sample.rows.select("patient_id").unique(maintain_order=True),
        pl.DataFrame(schema=dict.fromkeys(("patient_id", "attribute_id", "value"), pl.String)),
        rejected_rows(),
    )


def _read_clinical(
    data: bytes,
    *,
    source: str,
    level: str,
    required: Sequence[str],
    events: Collection[str],
    kinds: Mapping[str, Kind],
) -> _Clinical:
    text = split_data_file(data, source=source, comment_rows=_MOST_COMMENT_ROWS)
    text = replace(text, leading=_without_level_row(text.leading))
    if len(text.leading) not in (0, _COMMENT_ROWS):
        raise DataFault(
            f"{len(text.leading)} rows start with #",
            subject=source,
            expected="four (display name, description, datatype, priority) or none",
            remedy="Restore the missing rows or remove them all",
        )
    keys = ["PATIENT_ID"] if level == "patient" else ["SAMPLE_ID", "PATIENT_ID"]
    text.require([*keys, *required])
    attributes = _attributes(text, level)
    frame = text.frame(nulls=MISSING_TOKENS).with_columns(pl.all().str.strip_chars().replace("", None))
    _check_events(frame, text, events)
    kept, rejected = _unique_rows(frame, text, key=keys[0])
    lines = pl.Series(text.lines[kept["_row"].to_numpy()], dtype=pl.Int64)
    unread = reject_unread_cells(kept, kinds, source=source, key=keys[0], lines=lines)
    if unread.height:
        rejected = pl.concat([rejected, unread])
        numeric = [name for name, kind in kinds.items() if kind not in ("sex", "stage") and name in kept.columns]
        kept = kept.with_columns(
            pl.select(pl.when(~find_unread(kept[name], kinds[name])).then(kept[name])).to_series().alias(name)
            for name in numeric
        )
    if level == "sample":
        kept, orphans = _with_patient(kept, text)
        rejected = pl.concat([rejected, orphans])
    names = {"PATIENT_ID": "patient_id", "SAMPLE_ID": "sample_id"}
    rows = kept.select([pl.col(key).alias(names[key]) for key in keys])
    values = (
        kept.drop("_row")
        .unpivot(index=keys, variable_name="attribute_id", value_name="value")
        .filter(pl.col("value").is_not_null())
        .rename({key: names[key] for key in keys})
    )
    return _Clinical(attributes, rows, values, rejected)


def _without_level_row(leading: list[str]) -> list[str]:
    """The # rows without that of old archives which says `PATIENT` or `SAMPLE` for every column."""
    levels = {"PATIENT", "SAMPLE"}
    if len(leading) <= _COMMENT_ROWS:
        return leading
    return [line for line in leading if not {cell.strip() for cell in line[1:].split("\t") if cell.strip()} <= levels]


def _attributes(text: DelimitedText, level: str) -> pl.DataFrame:
    described = [line[1:].split("\t") for line in text.leading]
    # Columns without a name and a cell are left out of the header, and here.
    described = [
        cells[: len(text.header)] if not any(cell.strip() for cell in cells[len(text.header) :]) else cells
        for cells in described
    ]
    for number, cells in enumerate(described, start=1):
        if len(cells) != len(text.header):
            raise DataFault(
                f"the # row has {len(cells)} fields",
                subject=text.source,
                place=f"line {number}",
                expected=f"{len(text.header)}, as the header",
                remedy="Fetch the study again",
            )
    names, descriptions, datatypes, priorities = described or [[None] * len(text.header)] * 4
    columns = [[level] * len(text.header), text.header, names, descriptions, datatypes, priorities]
    return pl.DataFrame(dict(zip(ATTRIBUTE_SCHEMA, columns, strict=True)), schema=ATTRIBUTE_SCHEMA)


def _check_events(frame: pl.DataFrame, text: DelimitedText, events: Collection[str]) -> None:
    for column in events:
        told = frame[column].str.contains(_EVENT_CODE) | frame[column].str.contains(_UNKNOWN_EVENT)
        bad = (frame[column].is_not_null() & ~told).arg_true()
        if len(bad):
            row = bad[0]
            raise DataFault(
                f"{frame[column][row]!r} is not an event code",
                subject=text.source,
                place=f"line {int(text.lines[row])}, column {column}",
                expected="0 or 1, alone or with a label as in 0:LIVING and 1:DECEASED, or nothing",
                remedy="Restore the host's codes",
            )


def _unique_rows(frame: pl.DataFrame, text: DelimitedText, *, key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with a key, each key once; a repeated row that says the same is set aside, another one is a fault."""
    numbered = frame.with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int64))
    blank = numbered.filter(pl.col(key).is_null())["_row"].to_list()
    numbered = numbered.filter(pl.col(key).is_not_null())
    first = numbered.unique(key, keep="first", maintain_order=True)
    repeated = numbered.join(first.select("_row"), on="_row", how="anti")
    if repeated.height:
        both = repeated.join(first, on=key, suffix="_first")
        others = [column for column in frame.columns if column != key]
        differs = pl.any_horizontal([pl.col(column).ne_missing(pl.col(f"{column}_first")) for column in others])
        other = both.filter(differs) if others else both.head(0)
        if other.height:
            lines = [int(text.lines[other[column][0]]) for column in ("_row_first", "_row")]
            raise DataFault(
                f"{key} {other[key][0]} occurs with different values",
                subject=text.source,
                place=f"lines {lines[0]} and {lines[1]}",
                expected="one row each",
                remedy="Ask the publisher which row is right",
            )
    rows = [*blank, *repeated["_row"].to_list()]
    reasons = [f"blank {key}"] * len(blank) + [f"repeats an earlier row of the same {key}"] * repeated.height
    return first, text.reject(rows, reasons)


def _with_patient(kept: pl.DataFrame, text: DelimitedText) -> tuple[pl.DataFrame, pl.DataFrame]:
    orphans = kept.filter(pl.col("PATIENT_ID").is_null())["_row"].to_list()
    return kept.filter(pl.col("PATIENT_ID").is_not_null()), text.reject(orphans, ["blank PATIENT_ID"] * len(orphans))


# Matrices


def read_gene_matrix(data: bytes, *, source: str) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """The matrix and its rejected rows, or None for a file without a gene column (antibodies, probes)."""
    found = read_numbered_matrix(data, source=source)
    return None if found is None else found[:2]


NumberedMatrix = tuple[pl.DataFrame, pl.DataFrame, pl.Series | None]
"""A matrix, its rejected rows, and the 1-based line of each of its rows (None where a row is several lines)."""


def read_numbered_matrix(data: bytes, *, source: str) -> NumberedMatrix | None:
    """The matrix, its rejected rows and its lines, or None for a file without a gene column (antibodies, probes)."""
    text = split_data_file(data, source=source, comment_rows=0)
    genes = [column for column in _GENE_COLUMNS if column in text.header]
    if not genes:
        return None
    if "Value" in text.header and any(name in text.header for name in _LONG_COLUMNS):
        return *_read_long_matrix(text), None
    samples = [column for column in text.header if column not in (*_GENE_COLUMNS, *_OTHER_LEADING_COLUMNS)]
    if not samples:
        raise DataFault("the matrix has no sample", subject=source, place="header", remedy="Fetch the study again")
    frame = numeric_frame(text, samples)
    for column in _GENE_COLUMNS:
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(column))
    number = text.whole_numbers(frame["Entrez_Gene_Id"])
    keyed = frame.select(
        pl.col("Hugo_Symbol").str.strip_chars().replace("", None).alias("hugo_symbol"),
        number.alias("entrez_gene_id"),
        *samples,
    )
    # A name with an Entrez id is that gene, whatever a spreadsheet made of it.
    unnumbered = pl.select(pl.when(keyed["entrez_gene_id"].is_null()).then(keyed["hugo_symbol"])).to_series()
    if odd := odd_names(unnumbered):
        is_odd = pl.int_range(keyed.height, eager=True).is_in(list(odd))
        keyed = keyed.with_columns(
            pl.select(pl.when(~is_odd).then(keyed["hugo_symbol"])).to_series().alias("hugo_symbol")
        )
    blank = keyed["hugo_symbol"].is_null() & keyed["entrez_gene_id"].is_null()
    first = keyed.select(pl.struct("hugo_symbol", "entrez_gene_id").is_first_distinct()).to_series()
    repeated = ~first & ~blank
    rows = [*blank.arg_true().to_list(), *repeated.arg_true().to_list()]
    reasons = [odd.get(row, "blank Hugo_Symbol and blank Entrez_Gene_Id") for row in blank.arg_true().to_list()]
    reasons += ["repeats the symbol and Entrez id of an earlier row, which is kept"] * int(repeated.sum())
    lines = pl.Series(text.lines, dtype=pl.Int64)
    kept, lines = (keyed.filter(~blank & ~repeated), lines.filter(~blank & ~repeated)) if rows else (keyed, lines)
    return kept, text.reject(rows, reasons), lines


def _read_long_matrix(text: DelimitedText) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A matrix of one row per gene and sample (DISCRETE_LONG), made wide; repeated pairs are rejected."""
    sample = next(name for name in _LONG_COLUMNS if name in text.header)
    frame = numeric_frame(text, ["Value"])
    for column in _GENE_COLUMNS:
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(column))
    keyed = frame.select(
        pl.col("Hugo_Symbol").str.strip_chars().replace("", None).alias("hugo_symbol"),
        text.whole_numbers(frame["Entrez_Gene_Id"]).alias("entrez_gene_id"),
        pl.col(sample).str.strip_chars().alias("sample"),
        pl.col("Value").alias("value"),
    )
    blank = keyed.select(
        (pl.col("hugo_symbol").is_null() & pl.col("entrez_gene_id").is_null()) | pl.col("sample").is_null()
    ).to_series()
    first = keyed.select(pl.struct("hugo_symbol", "entrez_gene_id", "sample").is_first_distinct()).to_series()
    repeated = ~first & ~blank
    rows = [*blank.arg_true().to_list(), *repeated.arg_true().to_list()]
    reasons = ["no gene or no sample"] * int(blank.sum())
    reasons += ["repeats the gene and sample of an earlier row, which is kept"] * int(repeated.sum())
    wide = keyed.filter(~blank & ~repeated).pivot(
        on="sample", index=["hugo_symbol", "entrez_gene_id"], values="value", maintain_order=True
    )
    return wide, text.reject(rows, reasons)


def numeric_frame(
    text: DelimitedText, samples: Sequence[str], *, remedy: str = "Fetch the study again"
) -> pl.DataFrame:
    """The rows with the sample columns as Float64, null where there is none; a cell that is no number is a DataFault
    with its gene and sample."""
    # Most matrices have a number in every cell, and looking for a dozen words in each takes a third of the time.
    for nulls in ((), MISSING_TOKENS):
        try:
            frame = text.frame(schema=dict.fromkeys(samples, pl.Float64), nulls=nulls)
        except pl.exceptions.ComputeError:
            continue
        if not nulls:
            words = [name for name in text.header if name not in set(samples)]
            frame = frame.with_columns(
                pl.when(~pl.col(name).is_in(MISSING_TOKENS)).then(pl.col(name)).alias(name) for name in words
            )
        values = pl.col(samples)
        if all(frame.select(values.is_finite().all()).row(0)):
            return frame
        if not any(frame.select(values.is_infinite().any()).row(0)):
            return frame.with_columns(values.fill_nan(None))
        break
    # Something is wrong: read the cells as text, to say where.
    cells = text.frame(nulls=MISSING_TOKENS)
    for sample in samples:
        numbers = cells[sample].str.strip_chars().cast(pl.Float64, strict=False)
        wrong = (cells[sample].is_not_null() & (numbers.is_null() | numbers.is_infinite())).arg_true()
        if len(wrong):
            row = wrong[0]
            named = dict.fromkeys(("Hugo_Symbol", text.header[0], *_GENE_COLUMNS))
            names = [cells[column][row] for column in named if column in cells.columns]
            gene = next((name for name in names if name), "without a name")
            raise DataFault(
                f"{cells[sample][row]!r} is not a number",
                subject=text.source,
                place=f"line {int(text.lines[row])}, gene {gene}, sample {sample}",
                expected="a finite number, NA or nothing",
                remedy=remedy,
            )
    numeric = [pl.col(sample).str.strip_chars().cast(pl.Float64) for sample in samples]
    return cells.with_columns(numeric)


# Case lists


def _read_case_lists(texts: dict[str, bytes], study_id: str, source: str) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=dict.fromkeys(("case_list_id", "name", "sample_id"), pl.String))]
    for path, data in sorted(texts.items()):
        place = f"{source}case_lists/{PurePosixPath(path).name}"
        entry = read_meta(data, source=place)
        _check_identifier(entry, study_id, source=place)
        ids = entry.get("case_list_ids", "").split()
        if not ids or "stable_id" not in entry:
            raise DataFault(
                "the case list has no stable_id or no case_list_ids", subject=place, remedy="Fetch the study again"
            )
        frames.append(
            pl.DataFrame(
                {
                    "case_list_id": np.repeat(entry["stable_id"], len(ids)).tolist(),
                    "name": np.repeat(entry.get("case_list_name", ""), len(ids)).tolist(),
                    "sample_id": ids,
                }
            )
        )
    return pl.concat(frames)
