"""Study folders and catalogs that a lake is made from, kept in it, and copied from it with the profile `lake`.

The graph rests on them: without the same `study.toml` another host would have other steps, and find other tables. A
study's files go with it, under their SHA-256; so the bytes of a laboratory's own studies are in its own lake, which
holds their tables already.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.own_catalog import files_of
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.transport.verification import VerifiedFiles
from resistance_assets.errors import DataFault
from resistance_assets.files import replace_file, write_text
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.stores.opening import configuration_home
from resistance_assets.orchestration.stores.sources import SourceFiles, open_source_files
from resistance_assets.settings import CONFIGURATION_IN_USE, COPIED_SETTINGS, Settings

FORMAT = 1
_VERIFIED = VerifiedFiles()
_staged: dict[str, Registry] = {}


def stage_configuration(settings: Settings, registry: Registry) -> None:
    """Put the catalogs and study folders of a run into the lake, if it is in an object store.

    Args:
        settings: of the run.
        registry: what they were read as.
    """
    files = open_source_files(settings.data_dir)
    if files is None or settings.is_from_lake or _staged.get(str(files)) is registry:
        return
    document = {
        "format": FORMAT,
        "sets": list(settings.sets),
        "genes": None if settings.genes is None else settings.genes.read_text("utf-8"),
        "truth": settings.truth.read_text("utf-8") if settings.truth and settings.truth.is_file() else None,
        "catalog": [{"name": path.name, "text": path.read_text("utf-8")} for path in files_of(settings.catalog_dirs)],
        "studies": [
            found for local in registry.local_studies.values() if (found := _stage_study(local, files)) is not None
        ],
    }
    if files.configuration() != document:
        files.note_configuration(document)
    _staged[str(files)] = registry


def stage_configuration_once(settings: Settings, registry: Callable[[], Registry]) -> None:
    """As `stage_configuration`, where this process did not do so yet: for steps, of which a run has hundreds."""
    files = open_source_files(settings.data_dir)
    if files is not None and str(files) not in _staged:
        stage_configuration(settings, registry())


def _stage_study(local: LocalStudy, files: SourceFiles) -> dict[str, Any] | None:
    """A study folder as it is kept; its files are put into the lake."""
    listed = {}
    further = [path for path in (local.gene_lengths, local.orthologs) if path is not None]
    for path in dict.fromkeys((*local.files, *local.list_files, *further)):
        name = path.relative_to(local.folder).as_posix()
        if not _is_inside(name):
            told = f"the study {local.id} is not put into the lake: its file {name} is outside of its folder"
            emit(ProgressEvent("note", local.id, message=told))
            return None
        if path.is_file():
            sha256 = _VERIFIED.sha256(path)
            files.keep(path, sha256)
            listed[name] = {"sha256": sha256, "bytes": path.stat().st_size}
    return {"folder": local.folder.name, "toml": (local.folder / "study.toml").read_text("utf-8"), "files": listed}


def adopt_configuration(settings: Settings) -> None:
    """Copy catalogs and study folders from the lake, with the profile `lake`, where the copy is not the present one.

    Raises:
        DataFault: the lake does not tell what it was made from, or lacks a file of a study.
    """
    files = open_source_files(settings.data_dir)
    if files is None or not settings.is_from_lake:
        return
    document = files.configuration()
    if document is None or document.get("format") != FORMAT:
        raise DataFault(
            "the lake does not tell which studies and catalogs it was made from",
            subject=str(files),
            remedy="Run once with this version where they are: `resistance run`, without --profile lake.",
        )
    home = configuration_home(settings.data_dir)
    name = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
    if not (home / name / COPIED_SETTINGS).is_file():
        _copy(document, home / name, files)
    in_use = home / CONFIGURATION_IN_USE
    with contextlib.suppress(OSError):
        if in_use.read_text("ascii") == name:
            return
    write_text(in_use, name)


def _copy(document: Mapping[str, Any], folder: Path, files: SourceFiles) -> None:
    """Write a configuration; its settings come last, and say that it is whole."""
    for number, entry in enumerate(document["catalog"]):
        write_text(folder / "catalog" / f"{number:04}" / _plain(entry["name"]), entry["text"])
    for number, study in enumerate(document["studies"]):
        own = folder / "studies" / f"{number:04}" / _plain(study["folder"])
        for name, facts in study["files"].items():
            _copy_file(own, name, str(facts["sha256"]), files)
        write_text(own / "study.toml", study["toml"])
    for name, text in (("genes.txt", document["genes"]), ("truth.json", document["truth"])):
        if text is not None:
            write_text(folder / name, text)
    write_text(folder / COPIED_SETTINGS, json.dumps({"sets": document["sets"]}))


def _copy_file(own: Path, name: str, sha256: str, files: SourceFiles) -> None:
    """A file of a study, which is the downloaded one under a second name where the disk can do that."""
    if not _is_inside(name):
        raise DataFault("leads out of its study's folder", subject=name, remedy="Run again where the study is.")
    plain = PurePosixPath(name).name
    if (problem := files.bring(sha256, plain)) is not None:
        raise DataFault(
            f"the lake names the file {name} of the study {own.name}, and its copy is {problem}",
            subject=str(files),
            expected=f"sha256 {sha256}",
            remedy="Run once where the study's folder is: it is put there again.",
        )
    with replace_file(own / name) as aside:
        try:
            os.link(files.place(sha256, plain), aside)
        except OSError:
            shutil.copyfile(files.place(sha256, plain), aside)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _plain(name: str) -> str:
    """A name as that of one file or folder: a record of the lake must not lead out of the copy."""
    return PurePosixPath(name).name or "unnamed"
