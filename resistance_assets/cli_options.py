"""Options that several commands have, and the settings that they make."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resistance_assets.errors import UsageFault

if TYPE_CHECKING:
    from resistance_assets.settings import Settings


class Profile(StrEnum):
    demo = "demo"
    public = "public"
    lake = "lake"


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class ExportFormat(StrEnum):
    parquet = "parquet"
    csv = "csv"
    xlsx = "xlsx"
    json = "json"


ProfileOption = Annotated[
    Profile | None,
    typer.Option(
        help="demo: synthetic studies, no network. public: live sources. lake: what the lake in the object store was "
        "made from; no host is asked.",
        show_default="demo",
    ),
]
MirrorOption = Annotated[
    Path | None, typer.Option(help="Folder with index.jsonl (or an index file): sources are read from there alone.")
]
StudiesOption = Annotated[
    list[Path] | None, typer.Option(help="A laboratory's study folder, or a folder of them. May be repeated.")
]
GenesOption = Annotated[
    Path | None, typer.Option(help="A file with further genes of interest, one a line: pages, curves, labels.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, max=256, help="Processes that compute at once.", show_default="all cores")
]
CatalogOption = Annotated[
    list[Path] | None,
    typer.Option("--catalog", help="Folder of TOML files laid over the built-in catalog. May be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def settings_of(
    profile: Profile | None = None,
    mirror: Path | None = None,
    studies: list[Path] | None = None,
    genes: Path | None = None,
    catalog: list[Path] | None = None,
    jobs: int | None = None,
) -> Settings:
    """Settings with the command's own options, which are also put where child processes find them."""
    from resistance_assets.settings import load_settings

    if profile is not None:
        os.environ["RESISTANCE_PROFILE"] = profile.value
        if mirror is None:
            os.environ.pop("RESISTANCE_MIRROR", None)
    if mirror is not None:
        if not mirror.exists():
            raise UsageFault("there is no such mirror", subject=str(mirror), remedy="Correct --mirror.")
        os.environ["RESISTANCE_MIRROR"] = str(mirror.absolute())
    if studies:
        os.environ["RESISTANCE_STUDIES"] = os.pathsep.join(str(path.absolute()) for path in studies)
    if catalog:
        os.environ["RESISTANCE_CATALOG"] = os.pathsep.join(str(path.absolute()) for path in catalog)
    if jobs is not None:
        os.environ["RESISTANCE_JOBS"] = str(jobs)
    if genes is not None:
        if not genes.is_file():
            raise UsageFault("there is no such file", subject=str(genes), remedy="Correct --genes.")
        os.environ["RESISTANCE_GENES"] = str(genes.absolute())
    return load_settings()


def age_of(text: str | None) -> str | None:
    from resistance_assets.orchestration.source_log import parse_age

    try:
        if text is not None:
            parse_age(text)
    except ValueError as error:
        raise UsageFault(
            "is no duration", subject=f"--max-age {text}", expected=str(error), remedy="Correct it."
        ) from None
    return text
