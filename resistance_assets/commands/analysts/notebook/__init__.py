"""What `notebook` does: write a marimo notebook with ten worked questions, and open it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.files import replace_file
from resistance_assets.warehouse.published_file import published_file

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

TEMPLATE = Path(__file__).parent / "questions.py.template"
NOTEBOOK_FILE = "resistance_questions.py"
HOW_TO_INSTALL = 'pip install "resistance-warehouse[notebook]"'


def write_notebook(settings: Settings, folder: Path, *, force: bool = False) -> Path:
    """Write the notebook, which opens the warehouse of the data folder.

    Args:
        settings: say where the data are.
        folder: where the notebook goes; made where it is not there. A notebook there is kept: it may have been changed.
        force: write it anew all the same.

    Returns:
        The file.

    Raises:
        DataFault: nothing was published yet, or the folder cannot be written.
        UsageFault: the folder is a file, or lies in the data folder.
    """
    warehouse = published_file(settings.data_dir)
    if not warehouse.is_file():
        raise DataFault(
            "there is no warehouse yet",
            subject=str(warehouse),
            remedy="Run `resistance run` first, or set RESISTANCE_DATA_DIR to where the data are.",
        )
    place = folder.expanduser().resolve()
    if place.exists() and not place.is_dir():
        raise UsageFault("is no folder", subject=str(folder), remedy="Name a folder.")
    if place.is_relative_to(settings.data_dir.resolve()):
        raise UsageFault(
            "lies in the data folder, which only the warehouse itself writes",
            subject=str(folder),
            remedy="Name a folder elsewhere.",
        )
    file = place / NOTEBOOK_FILE
    if file.exists() and not force:
        return file
    text = TEMPLATE.read_text(encoding="utf-8").replace("{data_dir}", repr(str(settings.data_dir)))
    with replace_file(file) as aside:
        aside.write_text(text, encoding="utf-8")
    return file


def is_marimo_there() -> bool:
    return importlib.util.find_spec("marimo") is not None


def open_notebook(file: Path) -> int:
    """Open a notebook in the browser until it is stopped; returns 0, or the program's exit code.

    Raises:
        UsageFault: marimo is not installed.
    """
    if not is_marimo_there():
        raise UsageFault(
            "marimo, which opens it, is not installed", subject=str(file), remedy=f"Install it: {HOW_TO_INSTALL}"
        )
    from resistance_assets.commands.ui import run_until_stopped

    command = [sys.executable, "-m", "marimo", "edit", "--skip-update-check", "--no-sandbox", str(file)]
    return run_until_stopped(command, os.environ, file.parent)
