"""The whole warehouse over a small study: nothing changed, something changed, killed, and two at once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from resistance_assets.orchestration.lake import Lake
from resistance_assets_tests.small_world import SETS, write_small_world
from resistance_assets_tests.soak.two_nights import CUT_ARCHIVE, GOOD, PAGE, WEB_PAGE, allonco, serve
from resistance_assets_tests.warehouse_runs import ask, environment, run_warehouse

# A child of the fork server has the packages loaded and no thread of ours, so it may be killed like a real process.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["resistance_assets.definitions", "resistance_assets.commands.run", "numba"])
# What is killed, and what two processes share: the study's genes that change, with the fifty steps below.
SELECTED = "core.gene_lists__members"
UP = "small_resistant_vs_parental__limma_voom__up"
# A source that the small world reads and that is a gzip file.
CUT = "goa_human"


def refresh(data_dir: Path, mirror: Path, studies: Path):
    """`resistance refresh` in this process."""
    from resistance_assets.commands.refresh import refresh as bring_up
    from resistance_assets.settings import load_settings

    with environment(data_dir, mirror=mirror, studies=[studies], sets=SETS):
        return bring_up(load_settings(), quiet=True)


def published(data_dir: Path) -> dict[str, str]:
    rows = ask(data_dir, "SELECT layer || '.' || table_name AS address, data_version FROM meta.tables").rows()
    return dict(rows)


@pytest.fixture(scope="module")
def world(small_place, tmp_path_factory):
    """A data folder with release 1, and what it was made from; all of it was moved since."""
    root = tmp_path_factory.mktemp("refreshing") / small_place.name
    shutil.copytree(small_place, root)
    return root, root / "mirror", root / "studies"


def test_refreshing_recomputes_what_changed_and_tells_why(world):
    root, mirror, studies = world
    data_dir = root / "data"

    unchanged = refresh(data_dir, mirror, studies)
    assert (unchanged.recomputed, unchanged.release, unchanged.diff, unchanged.summary) == (0, 1, None, None)

    # The same counts in other bytes: the study's own tables are read anew, and nothing else is looked at.
    counts = studies / "small" / "counts.tsv"
    counts.write_text(counts.read_text().replace("gene\t", "symbol\t", 1))
    reworded = refresh(data_dir, mirror, studies)
    assert reworded.ok
    assert reworded.release == 1
    own = {
        "parts.studies__gene_sample_counts__small",
        "parts.studies__samples__small",
        "parts.studies__warnings__small",
        "parts.rejected_rows__studies__gene_sample_counts__small",
    }
    assert {a for a, outcome in reworded.summary.launch.outcomes.items() if outcome == "built"} == own
    assert set(reworded.summary.launch.outcomes) == own

    # Two more genes are raised.
    before = published(data_dir)
    write_small_world(root, raised=12)
    changed = refresh(data_dir, mirror, studies)
    assert changed.ok
    assert changed.release == 2
    assert {(cause.kind, cause.what) for cause in changed.diff.causes} == {("data", "small/counts.tsv")}
    moved = {(item.item, item.change) for item in changed.diff.items if item.subject == UP}
    assert moved == {("GENE10", "entered"), ("GENE11", "entered")}
    after = published(data_dir)
    assert {a for a in after if after[a] != before[a]} == {table.address for table in changed.diff.tables}
    assert "staging.gene_sets__members" not in {table.address for table in changed.diff.tables}
    told = ask(data_dir, f"SELECT item, change, cause FROM meta.release_changes WHERE subject = '{UP}' ORDER BY item")
    assert [row[:2] for row in told.rows()] == [("GENE10", "entered"), ("GENE11", "entered")]
    assert all("source small/counts.tsv" in cause for cause in told["cause"])

    # A threshold: the list and what rests on it, and not the contrast's result.
    write_small_world(root, raised=12, q_value=1e-300)
    stricter = refresh(data_dir, mirror, studies)
    assert stricter.release == 3
    assert {cause.kind for cause in stricter.diff.causes} == {"parameter"}
    assert any("q_value" in cause.what and cause.after == "1e-300" for cause in stricter.diff.causes)
    touched = {table.address for table in stricter.diff.tables}
    assert "core.gene_lists__members" in touched
    assert "core.deg__contrast_genes" not in touched
    built = {address for address, outcome in stricter.summary.launch.outcomes.items() if outcome == "built"}
    assert not {
        address for address in built if address.startswith(("parts.studies__", "parts.deg__features", "staging."))
    }

    # And back: nothing is computed, all of it is known.
    write_small_world(root, raised=12)
    back = refresh(data_dir, mirror, studies)
    assert (back.recomputed, back.release) == (0, 4)
    assert published(data_dir) == after

    # A night with a web page in place of a list and a cut archive: the list that came is published all the same. (Two
    # such nights in a row, over the whole graph: soak/two_nights.py.)
    serve(mirror, {GOOD: allonco("EGFR", "KRAS"), PAGE: WEB_PAGE, CUT: CUT_ARCHIVE})
    night = refresh(data_dir, mirror, studies)
    assert not night.ok
    assert night.release == 5
    members = ask(data_dir, "SELECT list_id, symbol FROM raw.gene_lists__members ORDER BY symbol").rows()
    assert members == [(GOOD, "EGFR"), (GOOD, "KRAS")]
    messages = " ".join(night.summary.launch.messages.values())
    assert "html_page" in messages
    assert "truncated" in messages
    assert "DagsterInvalidSubsetError" not in messages


def _run(data_dir: Path, mirror: Path, studies: Path, kill_at: int | None, log: str) -> None:
    """`resistance run --select` that kills itself at an announcement; its announcements go to a file."""
    from resistance_assets.orchestration.events import subscribe

    heard = 0

    def on_event(event) -> None:
        nonlocal heard
        heard += 1
        with Path(log).open("a") as handle:
            handle.write(f"{event.kind} {event.subject} {event.message}\n")
        if heard == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with subscribe(on_event):
        summary = run_warehouse(data_dir, mirror=mirror, studies=[studies], sets=SETS, select=SELECTED)
    os._exit(0 if summary.ok else 1)


def test_killed_twice_it_completes_with_the_same_result_and_leaves_nothing(world, tmp_path):
    root, mirror, studies = world
    write_small_world(root)
    data_dir, log = tmp_path / "data", tmp_path / "log"
    # While the study's files are read, and among the tables.
    for kill_at in (5, 60):
        child = PROCESSES.Process(target=_run, args=(data_dir, mirror, studies, kill_at, str(log)))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert not (data_dir / "warehouse.duckdb").exists()
    child = PROCESSES.Process(target=_run, args=(data_dir, mirror, studies, None, str(log)))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert_selected_as_in_release_1(data_dir, root)
    assert not list(data_dir.rglob("*.aside*"))
    # Runs that were killed are not left as running, which would hold back the daemon.
    import dagster as dg

    with environment(data_dir), dg.DagsterInstance.from_config(str(data_dir / "dagster")) as instance:
        states = [run.status for run in instance.get_runs()]
    assert sorted(state.value for state in states) == ["FAILURE"] * 2 + ["SUCCESS"]


def everything():
    """A job of all tables, loaded anew in each process of a run."""
    import dagster as dg

    from resistance_assets.definitions import defs

    job = dg.define_asset_job("everything", dg.AssetSelection.all())
    return dg.Definitions.merge(defs(), dg.Definitions(jobs=[job])).get_job_def("everything")


def launch(data_dir: Path, names: list[str]) -> dict[str, str]:
    """Run some tables as Dagster does for its UI and its daemon; address -> cache "hit" or "miss"."""
    import dagster as dg

    keys = [dg.AssetKey(name.split(".")) for name in names]
    (data_dir / "dagster").mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.local_temp(str(data_dir / "dagster")) as instance:
        with dg.execute_job(dg.reconstructable(everything), instance=instance, asset_selection=keys) as run:
            assert run.success
        found = {}
        for key in keys:
            event = instance.get_latest_materialization_event(key)
            assert event is not None
            assert event.asset_materialization is not None
            found[".".join(key.path)] = event.asset_materialization.metadata["cache"].value
    return found


def test_a_run_in_several_processes_finds_what_one_process_made(tmp_path, monkeypatch):
    """Whichever way a table is launched, its cache is the same, and the second way has nothing to do."""
    mirror, studies = write_small_world(tmp_path)
    # One step writes all four partitions of a study, so Dagster launches them together.
    names = [
        "parts.studies__gene_sample_counts__small",
        "parts.studies__samples__small",
        "parts.studies__warnings__small",
        "parts.rejected_rows__studies__gene_sample_counts__small",
        "raw.studies__gene_sample_counts",
    ]
    data_dir = tmp_path / "data"
    for executor, cache in (("in_process", "miss"), ("multiprocess", "hit")):
        with environment(data_dir, mirror=mirror, studies=[studies], sets=SETS):
            monkeypatch.setenv("RESISTANCE_EXECUTOR", executor)
            assert launch(data_dir, names) == dict.fromkeys(names, cache)


def assert_selected_as_in_release_1(data_dir: Path, root: Path) -> None:
    """What was selected is published, and is what the first release of the whole warehouse has under that name."""
    built = {table for table in Lake(data_dir / "lake").addresses() if not table.startswith("parts.")}
    found, whole = published(data_dir), _versions_of_release(root / "data", 1)
    assert SELECTED in built
    assert {table: found[table] for table in built} == {table: whole[table] for table in built}


def _versions_of_release(data_dir: Path, release: int) -> dict[str, str]:
    from resistance_assets.warehouse.reader import list_releases

    return {a: facts["data_version"] for a, facts in list_releases(data_dir)[release]["tables"].items()}


def test_two_runs_at_once_share_what_they_build(world, tmp_path):
    root, mirror, studies = world
    write_small_world(root)
    data_dir = tmp_path / "data"
    logs = [tmp_path / "one", tmp_path / "two"]
    children = [PROCESSES.Process(target=_run, args=(data_dir, mirror, studies, None, str(log))) for log in logs]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert_selected_as_in_release_1(data_dir, root)
    assert ask(data_dir, "SELECT count(*) FROM meta.releases").item() == 1
