"""Sources in the lake: what one data folder had of them, another computes from, with neither mirror nor studies."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from resistance_assets.commands.run import bring_up_to_date
from resistance_assets.commands.status import read_states
from resistance_assets.connectors.transport.verification import sha256_of
from resistance_assets.defs.graph import load_steps
from resistance_assets.defs.resources import Origins, current_registry, open_origins
from resistance_assets.defs.staging.configuration import stage_configuration
from resistance_assets.demo import write_demo
from resistance_assets.errors import DataFault, TransportFault, UsageFault
from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.orchestration.steps import Step, is_up_to_date, run_step
from resistance_assets.orchestration.stores.objects import ObjectStore
from resistance_assets.orchestration.stores.opening import open_objects
from resistance_assets.orchestration.stores.sources import open_source_files
from resistance_assets.settings import Settings, load_settings
from resistance_assets.warehouse.prune import prune
from resistance_assets_tests.small_world import write_small_world
from resistance_assets_tests.warehouse_runs import environment

pytestmark = pytest.mark.slow

ARCHIVE, FILE = "parts.cbioportal__attributes__luad_tcga", "raw.hgnc__genes"
LIST, CRAWL = "parts.gdc__gene_counts__gdc_tcga_luad", "parts.studies__samples__gse255958_residual_disease"
STUDY = "parts.studies__gene_sample_counts__small"
BUILT = (ARCHIVE, "parts.cbioportal__mutations__luad_tcga", LIST, CRAWL, STUDY, FILE)
UNAVAILABLE = "raw.gencode__genes"
NOT_BUILT = "parts.knowledge__evidence_items__civic_evidence"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """`demo/` with a mirror that lacks one source, and `studies/` of a laboratory."""
    folder = tmp_path_factory.mktemp("world")
    write_demo(folder / "demo")
    write_small_world(folder)
    index = folder / "demo" / "mirror" / "index.jsonl"
    kept = [line for line in index.read_text().splitlines() if "annotation.gtf" not in line]
    index.write_text("\n".join(kept) + "\n")
    return folder


class Hosts:
    """Hosts that share a lake, each with a data folder of its own; one has mirror and studies, the others nothing."""

    def __init__(self, folder: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.world, self._monkeypatch = folder, world, monkeypatch

    def be(
        self, name: str, *, profile: str = "lake", mirror: Path | None = None, studies: Path | None = None
    ) -> Settings:
        """Let this process be a host from here on."""
        given = {
            "RESISTANCE_DATA_DIR": self.folder / name,
            "RESISTANCE_PROFILE": profile,
            "RESISTANCE_MIRROR": mirror,
            "RESISTANCE_STUDIES": studies,
        }
        for variable, value in given.items():
            if value is None:
                self._monkeypatch.delenv(variable, raising=False)
            else:
                self._monkeypatch.setenv(variable, str(value))
        return load_settings()

    def first(self) -> Settings:
        return self.be("one", profile="public", mirror=self.world / "demo" / "mirror", studies=self.world / "studies")


@pytest.fixture(scope="module")
def shared_lake(object_host, tmp_path_factory, world) -> Iterator[tuple[Hosts, dict[str, str]]]:
    """A lake in which the first host built a table of each kind of source; table -> version."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in object_host.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("RESISTANCE_LAKE", object_host.lake("sources"))
        hosts = Hosts(tmp_path_factory.mktemp("hosts"), world, monkeypatch)
        yield hosts, build(hosts.first(), *BUILT, UNAVAILABLE)


def graph(settings: Settings) -> tuple[Lake, dict[str, Step], Origins]:
    registry = current_registry()
    stage_configuration(settings, registry)
    return open_lake(settings.data_dir), load_steps(registry), open_origins(settings, stages=True)


def build(settings: Settings, *tables: str) -> dict[str, str]:
    lake, steps, origins = graph(settings)
    for table in tables:
        run_step(lake, steps[table], origins=origins)
    return versions(lake, *tables)


def versions(lake: Lake, *tables: str) -> dict[str, str]:
    found = {table: lake.current(table) for table in tables}
    return {table: version.data_version for table, version in found.items() if version is not None}


def store_of(settings: Settings) -> ObjectStore:
    store = open_objects(settings.data_dir)
    assert store is not None
    return store


def forget(settings: Settings, table: str) -> None:
    """Remove a table's files and records, and whatever hosts keep of them."""
    store, folder = store_of(settings), table.replace(".", "/", 1)
    store.delete([entry.key for entry in store.list(folder)])


def digest_of(settings: Settings, source: str) -> str:
    """What the lake's record of a source says."""
    files = open_source_files(settings.data_dir)
    assert files is not None
    return (files.record(source) or {})["checksum"]


def test_a_folder_with_neither_mirror_nor_studies_finds_every_table_up_to_date(shared_lake):
    hosts, built = shared_lake
    settings = hosts.be("two")
    lake, steps, origins = graph(settings)
    assert [table for table in built if not is_up_to_date(lake, steps[table], origins)] == []
    assert [run_step(lake, steps[table], origins=origins)[table].outcome for table in BUILT] == ["cache hit"] * 6
    assert run_step(lake, steps[UNAVAILABLE], origins=origins)[UNAVAILABLE].outcome == "unavailable"
    assert versions(lake, *built) == built
    # To know that nothing is to be done, no archive was fetched: a list was read, and the study's folder is a copy.
    fetched = sorted(path.name for path in (settings.cache_dir / "files").rglob("*") if path.is_file())
    assert [name for name in fetched if not name.endswith("_files")] == ["counts.tsv", "samples.tsv"]


@pytest.mark.parametrize("table", BUILT)
def test_a_table_that_is_gone_is_built_from_the_lake_with_the_same_version(shared_lake, table: str):
    hosts, built = shared_lake
    settings = hosts.be("three")
    lake, steps, origins = graph(settings)
    forget(settings, table)
    assert lake.current(table) is None
    assert run_step(lake, steps[table], origins=origins)[table].outcome == "built"
    assert versions(lake, table) == {table: built[table]}


def test_work_is_done_in_a_process_of_its_own_from_the_lake_alone(shared_lake):
    hosts, built = shared_lake
    settings = hosts.be("four")
    for table in (STUDY, FILE):
        forget(settings, table)
    command = [sys.executable, "-m", "resistance_assets.cli", "work", STUDY, FILE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=hosts.folder, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line)["outcomes"] for line in done.stdout.splitlines()]
    outcomes = {name: result["outcome"] for answer in answers for name, result in answer.items()}
    assert {name: outcomes[name] for name in (STUDY, FILE)} == {STUDY: "built", FILE: "built"}
    assert versions(open_lake(settings.data_dir), STUDY, FILE) == {table: built[table] for table in (STUDY, FILE)}


@pytest.mark.parametrize("bytes_there", [b"", b"cut short", None], ids=["empty", "cut", "changed"])
def test_a_damaged_copy_is_refused_and_had_from_a_mirror_that_has_the_same(shared_lake, bytes_there: bytes | None):
    hosts, built = shared_lake
    store = store_of(settings := hosts.be(f"damage {bytes_there!r}"))
    lake, steps, origins = graph(settings)
    digest = digest_of(settings, "hgnc_complete_set")
    key = f"sources/{digest}"
    stored = store.get(key)
    assert stored is not None
    store.replace(key, bytes_there if bytes_there is not None else b"?" + stored.data[1:])
    forget(settings, FILE)
    with pytest.raises(TransportFault) as told:
        run_step(lake, steps[FILE], origins=origins)
    assert re.fullmatch(
        rf"hgnc_complete_set \(https://\S+\): checksum_mismatch: the lake's copy of it was damaged, and was removed "
        rf"\(expected sha256 {digest}\)\. Run where its mirror, host or folder can be had: it is put there again",
        str(told.value),
    )
    assert not store.exists(key)
    with pytest.raises(TransportFault, match="file_missing: the lake names a file of it and does not hold it"):
        run_step(lake, steps[FILE], origins=origins)
    # A mirror beside the lake has the same bytes: they are taken, and put back.
    lake, steps, origins = graph(hosts.be(f"damage {bytes_there!r}", mirror=hosts.world / "demo" / "mirror"))
    assert run_step(lake, steps[FILE], origins=origins)[FILE].outcome == "built"
    assert versions(lake, FILE) == {FILE: built[FILE]}
    assert (restored := store.get(key)) is not None
    assert restored.data == stored.data


def test_a_source_that_is_neither_in_the_lake_nor_reachable_is_told_in_one_sentence(shared_lake):
    hosts, _ = shared_lake
    lake, steps, origins = graph(hosts.be("five"))
    step = steps[NOT_BUILT]
    found = run_step(lake, step, origins=origins)[step.name]
    assert found.outcome == "unavailable"
    assert re.fullmatch(
        r"\w+ \(https://\S+\): offline: the lake holds no copy of it, and no host is asked for it\. "
        r"Run once with --mirror or --profile public on a host that can have it",
        found.reason or "",
    )


def test_a_source_that_the_mirror_lost_is_had_from_the_lake_and_the_silence_is_kept(shared_lake, tmp_path):
    hosts, built = shared_lake
    mirror = copied_mirror(hosts, tmp_path)
    index = mirror / "index.jsonl"
    index.write_text("\n".join(line for line in index.read_text().splitlines() if "hgnc" not in line) + "\n")
    settings = hosts.be("six", profile="public", mirror=mirror, studies=hosts.world / "studies")
    lake, steps, origins = graph(settings)
    forget(settings, FILE)
    assert run_step(lake, steps[FILE], origins=origins)[FILE].outcome == "built"
    assert versions(lake, FILE) == {FILE: built[FILE]}
    assert "not_listed: the mirror does not list it" in (origins.looks["hgnc_complete_set"] or "")


def test_a_new_version_in_a_mirror_is_noticed_and_followed_by_who_has_none(shared_lake, tmp_path):
    hosts, built = shared_lake
    mirror = copied_mirror(hosts, tmp_path)
    entry = next(one for one in read_index(mirror) if "hgnc" in str(one["url"]))
    path = mirror / str(entry["file"])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    write_index(mirror, entry["url"], sha256=sha256_of(path), bytes=path.stat().st_size)
    settings = hosts.be("seven", profile="public", mirror=mirror, studies=hosts.world / "studies")
    lake, steps, origins = graph(settings)
    assert not is_up_to_date(lake, steps[FILE], origins)
    assert digest_of(settings, "hgnc_complete_set") == sha256_of(path)
    follower = hosts.be("eight")
    lake, steps, origins = graph(follower)
    assert not is_up_to_date(lake, steps[FILE], origins)
    result = run_step(lake, steps[FILE], origins=origins)[FILE]
    assert (result.outcome, result.table_version.inputs["source:hgnc_complete_set"]) == ("built", sha256_of(path))
    # Back to the mirror of before, which the first host has.
    assert build(hosts.first(), FILE) == {FILE: built[FILE]}


def test_a_study_that_changes_is_followed_by_who_has_no_study_folder(shared_lake, tmp_path):
    hosts, built = shared_lake
    write_small_world(tmp_path, raised=5)
    mirror = hosts.world / "demo" / "mirror"
    changed = build(hosts.be("nine", profile="public", mirror=mirror, studies=tmp_path / "studies"), STUDY)
    assert changed != {STUDY: built[STUDY]}
    settings = hosts.be("ten")
    forget(settings, STUDY)
    assert build(settings, STUDY) == changed
    assert build(hosts.first(), STUDY) == {STUDY: built[STUDY]}
    forget(hosts.be("ten"), STUDY)
    assert build(settings, STUDY) == {STUDY: built[STUDY]}


def test_prune_removes_sources_that_no_table_and_no_study_names(shared_lake, monkeypatch):
    hosts, built = shared_lake
    settings = hosts.first()
    build(settings, *BUILT)
    store = store_of(settings)
    store.replace("sources/" + "0" * 64, b"of a version that is gone")
    store.replace("sources/gone_source.json", json.dumps({"files": [], "fault": None}).encode())
    before = {entry.key for entry in store.list("sources")}
    store.leases.give_all_back()
    monkeypatch.setattr(store, "grace", timedelta(0))
    monkeypatch.setattr("resistance_assets.warehouse.prune.forget_releases", lambda data_dir, keep: ((), {}))
    prune(settings.data_dir, keep=1)
    gone = before - {entry.key for entry in store.list("sources")}
    assert {"sources/" + "0" * 64, "sources/gone_source.json"} <= gone
    # What is left is enough to build every table again.
    lake, steps, origins = graph(hosts.be("eleven"))
    for table in BUILT:
        forget(settings, table)
        assert run_step(lake, steps[table], origins=origins)[table].outcome == "built", table
    assert versions(lake, *BUILT) == {table: built[table] for table in BUILT}


def test_a_pruning_leaves_what_was_put_there_within_the_hour(shared_lake, monkeypatch):
    hosts, _ = shared_lake
    settings = hosts.first()
    store = store_of(settings)
    key = "sources/" + "1" * 64
    store.replace(key, b"of a table that is being built")
    store.leases.give_all_back()
    monkeypatch.setattr("resistance_assets.warehouse.prune.forget_releases", lambda data_dir, keep: ((), {}))
    prune(settings.data_dir, keep=1)
    assert store.exists(key)
    store.delete([key])


def test_the_profile_lake_needs_a_lake_in_an_object_store(shared_lake, monkeypatch):
    hosts, _ = shared_lake
    monkeypatch.delenv("RESISTANCE_LAKE")
    with pytest.raises(UsageFault, match="takes everything from a lake in an object store, and none is named"):
        hosts.be("twelve")


def test_a_lake_that_says_nothing_of_its_studies_is_told(shared_lake, object_host, monkeypatch):
    hosts, _ = shared_lake
    monkeypatch.setenv("RESISTANCE_LAKE", object_host.lake("silent"))
    hosts.be("thirteen")
    with pytest.raises(DataFault, match="the lake does not tell which studies and catalogs it was made from"):
        current_registry()


def copied_mirror(hosts: Hosts, folder: Path) -> Path:
    shutil.copytree(hosts.world / "demo", folder / "demo")
    return folder / "demo" / "mirror"


def read_index(mirror: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (mirror / "index.jsonl").read_text().splitlines()]


def write_index(mirror: Path, url: object, **facts: object) -> None:
    entries = [{**entry, **(facts if entry["url"] == url else {})} for entry in read_index(mirror)]
    (mirror / "index.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_every_table_of_a_run_is_up_to_date_in_a_folder_without_sources(object_host, tmp_path):
    mirror, studies = write_small_world(tmp_path)
    given = {**object_host.environment, "RESISTANCE_LAKE": object_host.lake("whole")}
    with environment(tmp_path / "one", mirror=mirror, studies=[studies]):
        os.environ.update(given)
        assert bring_up_to_date(load_settings(), quiet=True).ok
    shutil.rmtree(mirror)
    shutil.rmtree(studies)
    with environment(tmp_path / "two"):
        os.environ.update(given, RESISTANCE_PROFILE="lake")
        states = {table.address: table.state for table in read_states(load_settings()).tables}
    assert set(states.values()) == {"fresh", "unavailable"}
