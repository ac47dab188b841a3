"""What `doctor` does: check folder, disk, tools, catalog, sources and warehouse, each with what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from resistance_assets.errors import Fault

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

LEAST_FREE_BYTES = 200_000_000

MOST_NAMED = 5

State = Literal["ok", "warning", "failed"]
Answer = tuple[State, str]
Answers = Answer | list[tuple[State, str]]


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    subject: str
    state: State
    message: str


def diagnose(settings: Settings, *, verify: bool = False) -> list[Finding]:
    """Findings of every check in `CHECKS`; a data folder that cannot be written ends them.

    With `verify` every byte of the lake is read.
    """
    findings: list[Finding] = []
    for subject, check in CHECKS.items():
        try:
            answers = check_lake(settings, read_all=verify) if subject == "lake" else check(settings)
            findings += [Finding(subject, *one) for one in (answers if isinstance(answers, list) else [answers])]
        except Fault as fault:
            findings += [Finding(subject, "failed", str(one)) for one in getattr(fault, "all", (fault,))]
        if subject == "data folder" and findings[-1].state == "failed":
            break
    return findings


def check_data_folder(settings: Settings) -> Answer:
    from resistance_assets.commands.run import prepare

    prepare(settings)
    return "ok", f"{settings.data_dir} can be written"


def check_disk(settings: Settings) -> Answer:
    free = shutil.disk_usage(settings.data_dir).free
    if free < LEAST_FREE_BYTES:
        return "failed", (
            f"{free / 1e6:,.0f} MB free; at least {LEAST_FREE_BYTES / 1e6:,.0f} MB are needed. Free some space."
        )
    return "ok", f"{free / 1e9:,.1f} GB free"


def check_catalog(settings: Settings) -> Answer:
    """The catalog itself; studies that are left out are told by `check_studies`, one line for each fault."""
    from resistance_assets.defs.resources import current_registry

    registry = current_registry()
    in_use = {local.folder for local in registry.local_studies.values()}
    left_out = len({folder for folder, _ in registry.study_faults} - in_use)
    return "ok", (
        f"{len(registry.sources)} sources, {len(registry.contrasts())} contrasts, "
        f"{len(registry.local_studies)} laboratory studies{f', {left_out} left out' * bool(left_out)}"
    )


def check_permissions(settings: Settings) -> Answer:
    from resistance_assets.defs.resources import current_registry

    files = [path for local in current_registry().local_studies.values() for path in local.files]
    closed = [str(path) for path in files if not os.access(path, os.R_OK)]
    if closed:
        return "failed", f"{', '.join(closed)} cannot be read. Give the person who runs this read permission."
    return "ok", f"{len(files)} files of laboratory studies can be read"


def check_tools(settings: Settings) -> Answer:
    from resistance_assets.connectors.arrayexpress.kallisto import find_kallisto

    try:
        return "ok", f"kallisto at {find_kallisto()}"
    except Fault as fault:
        return "warning", f"{fault} (needed only where a study is quantified from its reads)"


def check_licences(settings: Settings) -> Answer:
    from resistance_assets.catalog.registry import load_registry

    registry = load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    asking = [source for source in registry.sources.values() if source.opt_in]
    waiting = [source.id for source in asking if source.id not in settings.opt_in]
    if settings.effective_mirror is not None or settings.is_from_lake or not waiting:
        return "ok", "no source waits for a decision on its licence"
    return "warning", (
        f"left out until you decide: {', '.join(waiting)}. Read their licences with `resistance sources`, then "
        "name those that your use allows in RESISTANCE_OPT_IN, separated by commas."
    )


def check_sql_models(settings: Settings) -> Answer:
    from resistance_assets.commands.up_to_date import hash_of_code, lookup, remember

    code = hash_of_code()
    models = lookup(settings, "sql_models", code)
    if models is None:
        from resistance_assets.orchestration.table_steps import sql_models

        models = len(sql_models())
        remember(settings, "sql_models", code, models, still=hash_of_code)
    return "ok", f"{models} SQL models parse"


def check_sources(settings: Settings) -> Answer:
    from resistance_assets.commands.output.printing import where_sources_come_from
    from resistance_assets.commands.output.summary import fold_reasons
    from resistance_assets.defs.resources import current_registry, open_origins

    origins = open_origins(settings)
    place = where_sources_come_from(settings)
    reached, lacking = 0, []
    for source in current_registry().sources.values():
        try:
            origins.probe(source)
            reached += 1
        except Fault as fault:
            lacking.append((source.id, fault))
    if not reached:
        return "failed", f"no source can be had from {place}; the first: {lacking[0][1]}"
    if lacking:
        told = f"{reached} sources can be had from {place}, {len(lacking)} cannot"
        return "warning", f"{told}: {'; '.join(fold_reasons(str(fault) for _, fault in lacking))}"
    return "ok", f"all {reached} sources can be had from {place}"


def check_lake(settings: Settings, *, read_all: bool = False) -> Answer:
    """Pointers, files and records of the lake; with `read_all` every byte is compared with its checksum."""
    from resistance_assets.orchestration.lake import open_lake

    lake = open_lake(settings.data_dir)
    lake.store.require_conditions()
    addresses = lake.addresses()
    damaged = {a: damage for a in addresses if (damage := lake.damage_of(a, read_all=read_all))}
    records = [path for a in addresses for path in lake.unreadable_records(a)]
    if damaged:
        named = "; ".join(f"{address}: {damage}" for address, damage in list(damaged.items())[:MOST_NAMED])
        more = f" and {len(damaged) - MOST_NAMED} more" if len(damaged) > MOST_NAMED else ""
        return "failed", f"{len(damaged)} of {len(addresses)} tables are damaged: {named}{more}. Run `resistance run`."
    if records:
        return (
            "warning",
            f"{len(records)} records of known results cannot be read, {records[0]} first: they are made anew",
        )
    sources = check_staged_sources(settings, read_all=read_all)
    if isinstance(sources, tuple):
        return sources
    how = "every byte read" if read_all else "by size and time; `--verify` reads every byte"
    return "ok", f"{len(addresses)} tables{sources} in {lake.store} are whole ({how})"


def check_staged_sources(settings: Settings, *, read_all: bool) -> Answer | str:
    """Files of sources in a lake that is in an object store: what is wrong, or how many there are, to be told."""
    from resistance_assets.orchestration.stores.sources import open_source_files

    files = open_source_files(settings.data_dir)
    if files is None:
        return ""
    survey = files.survey(read_all=read_all)
    if survey.problems:
        named = "; ".join(survey.problems[:MOST_NAMED])
        return "warning", (
            f"{len(survey.problems)} files of sources are damaged: {named}. Run `resistance run` where mirror, studies "
            "or network are: they are put there again."
        )
    return f" and {survey.files} files of sources ({survey.size_bytes / 1e6:,.1f} MB)"


def check_releases(settings: Settings) -> Answer:
    """The manifests beside the database."""
    import json

    from resistance_assets.orchestration.stores.opening import open_objects

    if open_objects(settings.data_dir) is not None:
        return "ok", "the releases are in the lake's object store"
    broken = []
    for path in sorted(settings.releases_dir.glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if (
                not path.stem.isdigit()
                or document["release"] != int(path.stem)
                or not isinstance(document["tables"], dict)
            ):
                broken.append(path)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            broken.append(path)
    if broken:
        return "failed", f"{len(broken)} release files cannot be read, {broken[0]} first. Run `resistance run`."
    return "ok", "every release file can be read"


def check_run_records(settings: Settings) -> Answer:
    """Dagster's SQLite files."""
    from resistance_assets.orchestration.dagster.run_records import find_damaged_databases

    if broken := find_damaged_databases(settings.dagster_home):
        return "failed", (
            f"{broken[0]} is no database. `resistance run` puts it aside and begins a new one: the history of runs is "
            "lost, no table is."
        )
    return "ok", "the records of runs can be opened"


def check_dagster_settings(settings: Settings) -> Answer:
    """What a `dagster.yaml` of one's own lacks; one that nobody changed is renewed by the next run."""
    from resistance_assets.orchestration.dagster.instance_config import FILE, is_written_here, missing_settings

    if is_written_here(settings.dagster_home):
        return "ok", "dagster.yaml is as this version, or an earlier one, wrote it; a run keeps it up to date"
    if missing := missing_settings(settings.dagster_home):
        return "warning", (
            f"{settings.dagster_home / FILE} is yours and leaves to Dagster's defaults: {', '.join(missing)}. Copy "
            "them from deploy/dagster-single-user.yaml, or remove the file: the next run writes it anew."
        )
    return "ok", "dagster.yaml is yours and holds every setting"


def check_network(settings: Settings) -> Answer:
    """Proxies that the environment names."""
    import importlib.util

    names = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
    socks = [n for n in (*names, *map(str.lower, names)) if os.environ.get(n, "").lower().startswith("socks")]
    if socks and importlib.util.find_spec("socksio") is None:
        return "failed", (
            f"{socks[0]} names a SOCKS proxy, which is not supported as installed. Install it with "
            '`pip install "httpx[socks]"`, or name an HTTP proxy.'
        )
    return "ok", "the proxy settings are supported"


def check_warehouse(settings: Settings) -> Answer:
    from resistance_assets.warehouse.published_file import published_file

    if not published_file(settings.data_dir).exists():
        return "warning", "not published yet: run `resistance run`"
    return "ok", f"release {_published_release(settings)} opens"


def _published_release(settings: Settings) -> int | None:
    """The release that the published file holds. Raises DataFault where it cannot be opened."""
    from contextlib import closing

    from resistance_assets.warehouse.reader import open_warehouse

    with closing(open_warehouse(settings.data_dir)) as connection:
        row = connection.execute("SELECT max(release) FROM meta.releases").fetchone()
    return None if row is None else row[0]


def check_report(settings: Settings) -> Answer:
    """Whether the pages show the release that the warehouse holds."""
    from resistance_assets.report.site import release_of_pages

    if not settings.warehouse_path.exists():
        return "ok", "no pages yet, nor a warehouse"
    published, shown = _published_release(settings), release_of_pages(settings.data_dir)
    if shown == published:
        return "ok", f"the pages show release {shown}, as the warehouse does"
    if not settings.report:
        return "ok", "pages are switched off (RESISTANCE_REPORT)"
    seen = f"show release {shown}" if shown is not None else "are not there"
    return "failed", f"the pages {seen}, the warehouse holds release {published}. Run `resistance report`."


def check_studies(settings: Settings) -> Answers:
    """The files of every study folder: study.toml, sample sheets, headers, designs; one line for each fault."""
    import functools

    from resistance_assets.commands.checks.study_files import faults_of_studies
    from resistance_assets.commands.up_to_date import fingerprint_of_studies, lookup, remember
    from resistance_assets.defs.resources import current_registry

    registry = current_registry()
    still = functools.partial(fingerprint_of_studies, settings)
    before = still()
    faults = lookup(settings, "study_files", before)
    if faults is None:
        faults = faults_of_studies(registry)
        remember(settings, "study_files", before, faults, still=still)
    if faults:
        return [("failed", f"study {study}: {fault}") for study, fault in faults]
    return "ok", f"{len(registry.local_studies)} laboratory studies can be read, and their designs hold"


def check_gene_names(settings: Settings) -> Answer:
    from resistance_assets.commands.output.study_notes import unknown_gene_names
    from resistance_assets.orchestration.lake import open_lake

    lines = unknown_gene_names(open_lake(settings.data_dir))
    if not lines:
        return "ok", "most names of every dataset are known"
    more = f"; and {len(lines) - 3} datasets more" if len(lines) > 3 else ""
    return "warning", f"{'; '.join(lines[:3])}{more}. See staging.genes__name_recognition."


CHECKS: dict[str, Callable[[Settings], Answers]] = {
    "data folder": check_data_folder,
    "disk": check_disk,
    "catalog": check_catalog,
    "permissions": check_permissions,
    "studies": check_studies,
    "tools": check_tools,
    "licences": check_licences,
    "SQL models": check_sql_models,
    "network": check_network,
    "sources": check_sources,
    "lake": check_lake,
    "releases": check_releases,
    "run records": check_run_records,
    "dagster settings": check_dagster_settings,
    "gene names": check_gene_names,
    "warehouse": check_warehouse,
    "report": check_report,
}


def show_findings(findings: Iterable[Finding]) -> None:
    from resistance_assets.commands.output.printing import tell

    styles = {"ok": "green", "warning": "yellow", "failed": "red"}
    for finding in findings:
        style = styles[finding.state]
        tell(f"{finding.subject}: {finding.message}", label=finding.state, style=style, width=8)
