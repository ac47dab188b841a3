"""A laboratory's study folder for a test: a study.toml and its tables, written or taken from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.study_folders import load_local_study


def write_study_folder(folder: Path, kind: str, options: str, files: Mapping[str, str | Path]) -> LocalStudy:
    """A study folder with its files, read as a study.

    Args:
        kind: of the study.
        options: further lines of study.toml, below [study].
        files: name -> text, or the file that is copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = f'[study]\nid = "own"\ntitle = "A study"\norganism = "Homo sapiens"\nkind = "{kind}"\n'
    (folder / "study.toml").write_text(head + options)
    for name, content in files.items():
        if isinstance(content, Path):
            shutil.copy(content, folder / name)
        else:
            (folder / name).write_text(content)
    return load_local_study(folder)
