"""The static site: every page written into a folder that opens from disk, without a network.

Here belongs which pages there are and how the folder is replaced. What stands on a page belongs in the modules named
after them. A page whose tables are not in the release says so, or is left out.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.report.explain.evidence import explain_gene
from resistance_assets.report.html import TEMPLATES, Page, frame_of_release, render
from resistance_assets.report.pages.alterations import alteration_pages
from resistance_assets.report.pages.bench.index import bench_pages
from resistance_assets.report.pages.catalog import dictionary_page, sources_page
from resistance_assets.report.pages.claims import claim_pages
from resistance_assets.report.pages.cohorts import cohort_pages
from resistance_assets.report.pages.contrasts import contrast_pages
from resistance_assets.report.pages.front_page.page import front_page
from resistance_assets.report.pages.genes import choose_genes, gene_pages
from resistance_assets.report.pages.lists import enrichment_page, intersections_page
from resistance_assets.report.pages.multiverse import multiverse_pages
from resistance_assets.report.pages.reversal import reversal_page
from resistance_assets.report.published import (
    CATALOG_CLAIMS,
    CATALOG_SETS,
    CATALOG_STUDIES,
    Published,
    open_published,
)
from resistance_assets.report.style import ASSETS, plotly_script, style_sheet

# A folder that holds this file was written here, and may be replaced.
MARKER = "resistance-report.txt"


@dataclass(frozen=True)
class Report:
    """What was written."""

    folder: Path
    pages: int
    bytes: int
    seconds: float
    release: int
    version: str
    is_new: bool

    @property
    def index(self) -> Path:
        return self.folder / "index.html"


def write_report(
    data_dir: Path, folder: Path | None = None, *, only_if_changed: bool = False, genes: Sequence[str] = ()
) -> Report:
    """Write the site of the release published last.

    Args:
        data_dir: holds the warehouse.
        folder: where the site goes; `<data_dir>/report` by default. An older report there is replaced, whole.
        genes: symbols of the genes that have a page, instead of those that the release would choose.
        only_if_changed: leave a report of the same release, made by the same code, as it is.

    Raises:
        DataFault: nothing was published yet, or the folder cannot be written.
        UsageFault: the folder holds something that is not a report, or lies in the data folder beside the report there.
    """
    started = time.perf_counter()
    target = (folder or data_dir / "report").absolute()
    _require_own_place(target, data_dir)
    if target.exists() and not (target / MARKER).exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageFault(
            "holds something else", subject=str(target), remedy="Name an empty or a new folder with -o FOLDER."
        )
    with open_published(data_dir) as published:
        chosen = [_known_gene(published, gene) for gene in genes]
        version = version_of(published, chosen)
        if only_if_changed and _version_in(target) == version:
            return _look_at(target, published.release, version, started, is_new=False)
        pages = all_pages(published, chosen)
        frame = frame_of_release(published)
        rendered = {page.path: render(page, frame) for page in pages}
    marker = f"version {version}\nReport of release {frame.release}. This folder is replaced as a whole.\n"
    try:
        _replace(target, rendered, marker)
    except OSError as error:
        raise DataFault(
            f"cannot be written: {error.strerror or error}", subject=str(target), remedy="Choose another place with -o."
        ) from error
    return _look_at(target, frame.release, version, started, is_new=True)


def release_of_pages(data_dir: Path) -> int | None:
    """The release that the pages of a data folder show; None where there are none."""
    try:
        marker = (data_dir / "report" / MARKER).read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"Report of release (\d+)\.", marker)
    return int(found[1]) if found else None


def _require_own_place(target: Path, data_dir: Path) -> None:
    """Refuse a folder that belongs to the warehouse: a report is replaced as a whole."""
    place, home = target.expanduser().resolve(), data_dir.resolve()
    if place == home / "report":
        return
    if place.is_relative_to(home) or home.is_relative_to(place):
        raise UsageFault(
            "lies in the data folder, which only the warehouse itself writes"
            if place.is_relative_to(home)
            else "holds the data folder",
            subject=f"-o {target}",
            remedy="Name a folder elsewhere.",
        )


def _look_at(target: Path, release: int, version: str, started: float, *, is_new: bool) -> Report:
    files = [path for path in target.rglob("*") if path.is_file()]
    pages = sum(path.suffix == ".html" for path in files)
    size = sum(path.stat().st_size for path in files)
    return Report(target, pages, size, time.perf_counter() - started, release, version, is_new)


def version_of(published: Published, chosen: Sequence[str] = ()) -> str:
    """What decides the pages, as one hash: the release with its meta tables, the pages' code, genes that were named."""
    digest = hashlib.sha256(repr(sorted(published.facts.items())).encode())
    if chosen:
        digest.update(repr(list(chosen)).encode())
    for path in (
        CATALOG_STUDIES,
        *CATALOG_SETS,
        CATALOG_CLAIMS,
        *sorted(Path(__file__).parent.rglob("*.py")),
        *sorted(ASSETS.iterdir()),
        *sorted(TEMPLATES.iterdir()),
    ):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _version_in(target: Path) -> str | None:
    try:
        first = (target / MARKER).read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        return None
    return first.removeprefix("version ")


_REFERENCE = re.compile(r'(?:href|src|data-href)="([^"]+)"')
_ANCHOR = re.compile(r'\bid="([^"]+)"')


def broken_links(folder: Path) -> list[str]:
    """What the pages point to and the folder does not hold, as `page -> target`; web addresses are not followed."""
    pages = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.html"))}
    anchors: dict[str, set[str]] = {}
    wanted: list[tuple[str, str]] = []
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        anchors[name] = set(_ANCHOR.findall(text))
        wanted += [(name, target) for target in dict.fromkeys(_REFERENCE.findall(text))]
    broken = []
    for name, target in wanted:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (folder / name).parent / file if file else folder / name
        place = found.resolve().relative_to(folder.resolve()).as_posix()
        if not found.is_file() or (anchor and anchor not in anchors.get(place, set())):
            broken.append(f"{name} -> {target}")
    return broken


def _known_gene(published: Published, gene: str) -> str:
    """The approved symbol of a gene that anything was measured of."""
    symbol = explain_gene(published, gene)["gene"]["hgnc_symbol"]
    if not published.rows("SELECT 1 FROM marts.gene_evidence WHERE hgnc_symbol = ?", [symbol]):
        raise UsageFault(
            "nothing was measured of this gene", subject=f"--gene {gene}", remedy="See `resistance explain`."
        )
    return symbol


def all_pages(published: Published, chosen: Sequence[str] = ()) -> list[Page]:
    """Every page of the release, in the order of the navigation.

    Args:
        chosen: genes that have a page; by default those that `choose_genes` finds.
    """
    genes = list(dict.fromkeys(chosen or choose_genes(published)))
    with_page = set(genes)
    return [
        front_page(published, genes),
        *contrast_pages(published, with_page),
        intersections_page(published),
        enrichment_page(published),
        reversal_page(published),
        *cohort_pages(published, with_page),
        *alteration_pages(published, with_page),
        *gene_pages(published, genes),
        *bench_pages(published, frozenset(with_page)),
        *claim_pages(published),
        *multiverse_pages(published),
        dictionary_page(published),
        sources_page(published),
    ]


# Nobody writes pages for so long: a folder of that age was left by a process that was killed.
_LEFTOVER_SECONDS = 3600.0


def _remove_leftovers(target: Path) -> None:
    """Half-written sites beside the folder, of processes that were killed."""
    prefix = f".{target.name}."
    for entry in target.parent.iterdir():
        if not entry.name.startswith(prefix) or not entry.is_dir() or entry.is_symlink():
            continue
        if time.time() - entry.stat().st_mtime > _LEFTOVER_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def _replace(target: Path, rendered: dict[str, str], marker: str) -> None:
    """Write beside the folder, then take its place: a reader never sees half a site."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    made.chmod(0o755)
    try:
        for path, content in rendered.items():
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        assets = made / "assets"
        assets.mkdir()
        (assets / "style.css").write_text(style_sheet(), encoding="utf-8")
        for name in ("report.js", "icon.svg"):
            shutil.copyfile(ASSETS / name, assets / name)
        shutil.copyfile(plotly_script(), assets / "plotly.min.js")
        (made / MARKER).write_text(marker, encoding="utf-8")
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            target.rename(old / "report")
            made.rename(target)
            shutil.rmtree(old)
        else:
            made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
