"""Study folders of bench kinds for tests: written, loaded, and brought through the functions that their steps call."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.study_kind import entry_point
from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.checks import validate


def write_study(folder: Path, study: str, files: dict[str, str | Path], *, kind: str, more: str = "") -> LocalStudy:
    """A study folder with this `[study]`, these files (text, or a file to copy), and further tables of its TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    head = f'[study]\nid = "bench"\ntitle = "Bench"\norganism = "Homo sapiens"\nkind = "{kind}"\n'
    (folder / "study.toml").write_text(f"{head}{study}\n{more}", encoding="utf-8")
    for name, content in files.items():
        data = content.read_bytes() if isinstance(content, Path) else content.encode()
        (folder / name).write_bytes(data)
    return load_local_study(folder)


def tables_of(local: LocalStudy) -> dict[str, pl.DataFrame]:
    """Every published table that the study's steps fill, checked as before it is written."""
    module = local.kind.steps.partition(":")[0]
    raw = entry_point(f"{module}:read_tables")(local)
    found = {**raw, **entry_point(f"{module}:analyse")(local, raw)}
    found = {name: TABLES[name].shape(frame) for name, frame in found.items()}
    for name, frame in found.items():
        failed = [verdict for verdict in validate(TABLES[name], frame, may_be_empty=True) if not verdict.passed]
        assert not failed, (name, failed[0].description)
    return found


def golden(path: Path) -> pl.DataFrame:
    """A table of R's: NA is null; every column that holds only numbers, Inf among them, is Float64 or Int64."""
    frame = pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    numbers = [
        name
        for name in texts
        if frame[name].cast(pl.Float64, strict=False).null_count() == frame[name].null_count() < frame.height
    ]
    return frame.with_columns(pl.col(numbers).cast(pl.Float64))
