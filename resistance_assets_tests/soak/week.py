"""A week of nights by cron: a host that updates, sends a web page, recovers, vanishes and comes back.

`resistance refresh` is called as cron calls it, once a night; between the nights the clock of what was looked at and
told is set back by 25 hours. The whole graph is looked up each night, which takes minutes, so it is run by hand:

    python -m pytest -s resistance_assets_tests/soak/week.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.files import file_lock, write_json
from resistance_assets_tests.loopback import LoopbackHost, Reply
from resistance_assets_tests.small_world import write_small_world
from resistance_assets_tests.soak.two_nights import GOOD, PAGE, WEB_PAGE, allonco
from resistance_assets_tests.warehouse_runs import ask

NIGHT = timedelta(hours=25)


@pytest.fixture
def hook() -> Iterator[LoopbackHost]:
    host = LoopbackHost()
    host.script("/hook", Reply(b"ok"))
    yield host
    host.close()


def set_back(data_dir: Path) -> None:
    """A night passes: what was looked at, and told, was so 25 hours earlier."""
    for name, keys in (
        ("sources_looked_at.json", ("looked_at", "tried_at", "failing_since")),
        ("alerts.json", ("since", "sent_at")),
    ):
        path = data_dir / name
        if path.exists():
            # A daemon may read and write them at this moment.
            with file_lock(data_dir / f".{name}.lock"):
                document = json.loads(path.read_text())
                for entry in document.values():
                    for key in keys:
                        if entry.get(key):
                            entry[key] = (datetime.fromisoformat(entry[key]) - NIGHT).isoformat()
                write_json(path, document)


class Week:
    """One warehouse, one host and one person who is told."""

    def __init__(self, root: Path, hook: LoopbackHost) -> None:
        _, studies = write_small_world(root)
        self.data_dir, self.hook = root / "data", hook
        self.sources = load_registry().sources
        self.host = LoopbackHost()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RESISTANCE_")},
            "RESISTANCE_DATA_DIR": str(self.data_dir),
            "RESISTANCE_PROFILE": "public",
            "RESISTANCE_STUDIES": str(studies),
            "RESISTANCE_REPORT": "false",
            "RESISTANCE_ALERT_WEBHOOK": f"{hook.url}/hook",
            "RESISTANCE_ALERT_FORM": "json",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def answers(self, **lists: bytes) -> None:
        for name, body in lists.items():
            self.host.script(urlsplit(self.sources[name].url).path, Reply(body))

    def refresh(self, title: str) -> tuple[int, int | None, list[str], str]:
        """Exit code, release, alerts as `state kind subject`, and what was printed."""
        set_back(self.data_dir)
        hosts = {f"{urlsplit(one.url).scheme}://{urlsplit(one.url).netloc}" for one in self.sources.values()}
        mapped = json.dumps(dict.fromkeys(sorted(hosts), self.host.url))
        seen, begun = len(self.hook.requests), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "resistance_assets.cli", "refresh"],
            env={**self.environment, "RESISTANCE_HOST_MAP": mapped}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        alerts = [
            f"{entry['state']} {entry['kind']} {entry['subject']}"
            for request in self.hook.requests[seen:]
            for entry in json.loads(request.body)["alerts"]
        ]
        release = ask(self.data_dir, "SELECT max(release) AS n FROM meta.releases")["n"][0]
        size = sum(path.stat().st_size for path in self.data_dir.rglob("*") if path.is_file()) / 1e6
        print(
            f"\n== {title}: exit {done.returncode}, release {release}, {time.perf_counter() - begun:.0f} s, "
            f"{size:.0f} MB"
        )
        begins = ("nothing changed", "new release", "failed", "not looked at", "too long ago", "releases", "lists")
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(begins)]
        print("\n".join(line[:200] for line in told))
        print(f"alerts: {alerts}")
        return done.returncode, release, alerts, done.stdout + done.stderr

    def members(self, source: str) -> set[str]:
        query = f"SELECT symbol FROM raw.gene_lists__members WHERE list_id = '{source}'"
        return set(ask(self.data_dir, query)["symbol"])


def test_a_week_of_nights(tmp_path, hook):
    week = Week(tmp_path, hook)
    week.answers(**{GOOD: allonco("EGFR"), PAGE: allonco("MET")})
    code, first, _, _ = week.refresh("the first night")
    assert code == 0
    assert week.members(GOOD) == {"EGFR"}

    code, release, alerts, _ = week.refresh("nothing happens")
    assert (code, release, alerts) == (0, first, [])

    bad = {PAGE: WEB_PAGE}
    week.answers(**{GOOD: allonco("EGFR", "KRAS")}, **bad)
    code, release, alerts, _ = week.refresh("a good update beside a web page")
    assert (code, release) == (1, first + 1)
    assert [alert.split()[:2] for alert in alerts] == [["new", "table_failed"]]
    assert week.members(GOOD) == {"EGFR", "KRAS"}
    assert week.members(PAGE) == {"MET"}

    week.answers(**{GOOD: allonco("EGFR", "KRAS", "ALK")}, **bad)
    code, release, alerts, text = week.refresh("the same page, another good update")
    assert (code, release) == (1, first + 2)
    assert [alert.split()[:2] for alert in alerts] == [["lasting", "table_failed"]]
    assert "DagsterInvalidSubsetError" not in text

    week.answers(**{PAGE: allonco("MET", "ROS1")})
    code, release, alerts, _ = week.refresh("the page is a list again")
    assert (code, release) == (0, first + 3)
    assert [alert.split()[:2] for alert in alerts] == [["over", "table_failed"]]
    assert week.members(PAGE) == {"MET", "ROS1"}

    week.host.close()
    for night in (1, 2):
        code, release, alerts, text = week.refresh(f"the host is gone, night {night}")
        assert (code, release, alerts) == (0, first + 3, [])
        assert f"{GOOD}: last looked at" in text
    code, release, alerts, text = week.refresh("the host is gone for longer than three days")
    assert (code, release) == (1, first + 3)
    assert {alert.split()[1] for alert in alerts} == {"source_stale"}
    assert week.members(GOOD) == {"EGFR", "KRAS", "ALK"}

    week.host = LoopbackHost()
    week.answers(**{GOOD: allonco("EGFR"), PAGE: allonco("MET", "ROS1")})
    code, release, alerts, _ = week.refresh("the host is back, with another list")
    assert (code, release) == (0, first + 4)
    assert {alert.split()[0] for alert in alerts} == {"over"}
    week.host.close()
    runs = ask(week.data_dir, "SELECT run_id, built, cache_hits, failed, all_compute_seconds FROM meta.runs")
    print(runs)
    assert runs.height >= 5
