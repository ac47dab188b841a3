"""Single matrices of a cBioPortal study, one at a time: a study may hold ten of 100 MB each.

Here belongs finding a profile in the archive and reading it whatever its rows are (genes, antibodies, probes). The file
formats are in `cbioportal` and `cbioportal_alterations`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resistance_assets.connectors.cbioportal.alterations import read_feature_matrix
from resistance_assets.connectors.cbioportal.archive import (
    is_matrix,
    is_meta,
    read_meta,
    read_numbered_matrix,
    split_data_file,
    top_folder,
)
from resistance_assets.connectors.formats.archives import read_members
from resistance_assets.errors import DataFault, SourceUnavailable


@dataclass(frozen=True)
class ProfileMatrix:
    """One matrix.

    Attributes:
        study_id: of the archive.
        stable_id: of the profile.
        by_gene: whether the rows are genes.
        wide: hugo_symbol, entrez_gene_id (by gene) or feature_id, hugo_symbol, then one Float64 column per sample.
        rejected: source, line, reason, row.
        lines: 1-based line of each row in the file; None where a row is several lines.
        source: archive and file, as messages call it.
    """

    study_id: str
    stable_id: str
    by_gene: bool
    wide: pl.DataFrame
    rejected: pl.DataFrame
    lines: pl.Series | None = None
    source: str = ""


def list_profiles(archive: Path) -> dict[str, dict[str, str]]:
    """Entries of every meta file with a stable_id, by that id, in the order of the files' names.

    Raises:
        DataFault: a meta file is not keys and values. TransportFault: the archive is truncated.
    """
    metas, _ = read_members(archive, is_meta)
    entries = [read_meta(data, source=f"{archive.name}:{name}") for name, data in sorted(metas.items())]
    return {entry["stable_id"]: entry for entry in entries if "stable_id" in entry}


def read_profile(archive: Path, stable_id: str) -> ProfileMatrix:
    """One matrix of the archive.

    Raises:
        SourceUnavailable: the archive has no such profile.
        DataFault: its file is not in the archive, or is no matrix of numbers; names file, line, row and sample.
        TransportFault: the archive is truncated, or holds a git-lfs pointer in place of the file.
    """
    profiles = list_profiles(archive)
    entry = profiles.get(stable_id)
    if entry is None or not is_matrix(entry):
        held = ", ".join(name for name, e in profiles.items() if is_matrix(e))
        raise SourceUnavailable(
            f"the archive holds no matrix {stable_id}",
            subject=archive.name,
            remedy=f"It holds {held or 'none'}; what is loaded is declared with the cohort in studies.toml.",
        )
    file = entry.get("data_filename", "")
    contents, names = read_members(archive, lambda name: name.partition("/")[2] == file)
    study_id = top_folder(archive, names)
    if f"{study_id}/{file}" not in contents:
        raise DataFault(
            f"data_filename {file!r} is not in the archive",
            subject=f"{archive.name}, profile {stable_id}",
            remedy="The archive was packed without it: fetch it again",
        )
    source = f"{archive.name}:{file}"
    data = contents.pop(f"{study_id}/{file}")
    genes = read_numbered_matrix(data, source=source)
    if genes is not None:
        return ProfileMatrix(study_id, stable_id, True, *genes, source)
    text = split_data_file(data, source=source, comment_rows=0)
    del data
    return ProfileMatrix(study_id, stable_id, False, *read_feature_matrix(text), source)
