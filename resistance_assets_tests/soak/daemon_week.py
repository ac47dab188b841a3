"""The week of `week.py` by the daemon: the same host, which updates, sends a web page, vanishes and comes back.

A real `resistance ui` with its daemon, which looks at the sources every few seconds; between the nights the clock of
what was looked at, told and tried is set back by 25 hours. Run by hand, it takes a quarter of an hour:

    python -m pytest -s resistance_assets_tests/soak/daemon_week.py
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from resistance_assets.files import write_json
from resistance_assets.orchestration.dagster.run import UNDER_WAY, open_instance
from resistance_assets_tests.loopback import LoopbackHost
from resistance_assets_tests.soak.two_nights import GOOD, PAGE, WEB_PAGE, allonco
from resistance_assets_tests.soak.week import NIGHT, Week, hook, set_back  # noqa: F401 - a fixture
from resistance_assets_tests.warehouse_runs import ask

LONGEST_NIGHT_SECONDS = 900
TICK_SECONDS, WATCH_SECONDS = 5, 20
SKIPPED = TickStatus.SKIPPED


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class DaemonWeek(Week):
    """A week in which nobody calls a command."""

    @contextmanager
    def daemon(self) -> Iterator[None]:
        log = (self.data_dir.parent / "ui.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "resistance_assets.cli", "ui", "--port", str(free_port())],
            env={**self.environment, **self.hosts(), "RESISTANCE_SCHEDULE": "on",
                 "RESISTANCE_TICK_SECONDS": str(TICK_SECONDS), "RESISTANCE_WATCH_SECONDS": str(WATCH_SECONDS)},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            log.close()

    def hosts(self) -> dict[str, str]:
        hosts = {f"{urlsplit(one.url).scheme}://{urlsplit(one.url).netloc}" for one in self.sources.values()}
        return {"RESISTANCE_HOST_MAP": json.dumps(dict.fromkeys(sorted(hosts), self.host.url))}

    def night(self, title: str) -> tuple[int, list[str], list[str]]:
        """Release, alerts as `state kind subject`, and runs of the night by status, once nothing more is to be done."""
        set_back(self.data_dir)
        for path in (self.data_dir / "lake").glob("*/*/failed.json"):
            failure = json.loads(path.read_text())
            failure["failed_at"] = (datetime.fromisoformat(failure["failed_at"]) - NIGHT).isoformat()
            write_json(path, failure)
        seen, begun = len(self.hook.requests), time.time()
        with open_instance(self.data_dir / "dagster") as instance:
            ticks = self._wait_for_rest(instance, begun)
            failed = _failed_ticks(instance, begun)
            runs = [record.dagster_run.status.value for record in instance.get_run_records() if
                    record.create_timestamp.timestamp() > begun]  # fmt: skip
        alerts = [
            f"{entry['state']} {entry['kind']} {entry['subject']}"
            for request in self.hook.requests[seen:]
            for entry in json.loads(request.body)["alerts"]
        ]
        release = ask(self.data_dir, "SELECT max(release) AS n FROM meta.releases")["n"][0]
        size = sum(path.stat().st_size for path in self.data_dir.rglob("*") if path.is_file()) / 1e6
        print(f"\n== {title}: release {release}, {time.time() - begun:.0f} s, {size:.0f} MB, runs {runs}")
        print("\n".join(f"  {name}: {told[:300]}" for name, told in ticks.items()))
        print(f"alerts: {alerts}\nticks that failed: {failed}", flush=True)
        # That no source at all could be looked at fails the tick of the watch, so that it is seen in the UI.
        assert not [told for told in failed if not told.startswith("watch_sources")]
        return release, alerts, runs

    def _wait_for_rest(self, instance: dg.DagsterInstance, begun: float) -> dict[str, str]:
        """Until the sources were looked at, and a later tick found nothing to do; sensor -> what its last tick said."""
        deadline = begun + LONGEST_NIGHT_SECONDS
        while time.time() < deadline:
            time.sleep(2)
            last = {}
            for state in instance.all_instigator_state():
                # A look at hosts that are away takes longer than its interval: the next one begins at once.
                ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
                done = [tick for tick in ticks if tick.is_completed]
                if done:
                    last[state.instigator_name] = done[0]
            watch, bring = last.get("watch_sources"), last.get("bring_up_to_date")
            told = last.get("tell_alerts")
            if watch is None or bring is None or told is None or watch.timestamp < begun + WATCH_SECONDS:
                continue
            waiting = [*UNDER_WAY, dg.DagsterRunStatus.QUEUED]
            if instance.get_runs_count(dg.RunsFilter(statuses=waiting)) or bring.run_ids:
                continue
            seen = watch.end_timestamp or watch.timestamp
            is_idle = bring.status is SKIPPED and "under way" not in (bring.skip_reason or "")
            if is_idle and bring.timestamp > seen and told.timestamp > seen:
                return {name: _told(tick) for name, tick in last.items()}
        raise AssertionError(f"no rest after {LONGEST_NIGHT_SECONDS} s; see {self.data_dir.parent / 'ui.log'}")


def _failed_ticks(instance: dg.DagsterInstance, begun: float) -> list[str]:
    return [
        f"{state.instigator_name}: {' '.join(_told(tick).split())[:200]}"
        for state in instance.all_instigator_state()
        for tick in instance.get_ticks(
            state.instigator_origin_id, state.selector_id, after=begun, statuses=[TickStatus.FAILURE]
        )
    ]


def _told(tick: InstigatorTick) -> str:
    why = tick.skip_reason or (tick.error.message if tick.error else "")
    return f"{tick.status.value} {why}".strip()


def test_a_week_of_nights_by_the_daemon(tmp_path: Path, hook: LoopbackHost):  # noqa: F811
    week = DaemonWeek(tmp_path, hook)
    os.environ["DAGSTER_HOME"] = str(week.data_dir / "dagster")
    week.answers(**{GOOD: allonco("EGFR"), PAGE: allonco("MET")})
    code, first, _, _ = week.refresh("the first release, by hand")
    assert code == 0
    with week.daemon():
        release, alerts, _ = week.night("nothing happens")
        assert (release, alerts) == (first, [])

        week.answers(**{GOOD: allonco("EGFR", "KRAS"), PAGE: WEB_PAGE})
        release, alerts, _ = week.night("a good update beside a web page")
        assert week.members(GOOD) == {"EGFR", "KRAS"}
        assert week.members(PAGE) == {"MET"}
        assert any(alert.startswith("new ") and PAGE in alert for alert in alerts), "by its source, or by its table"

        week.answers(**{GOOD: allonco("EGFR", "KRAS", "ALK"), PAGE: WEB_PAGE})
        release, alerts, _ = week.night("the same page, another good update")
        assert week.members(GOOD) == {"EGFR", "KRAS", "ALK"}

        week.answers(**{PAGE: allonco("MET", "ROS1")})
        release, alerts, _ = week.night("the page is a list again")
        assert week.members(PAGE) == {"MET", "ROS1"}
        assert any(alert.startswith("over ") and PAGE in alert for alert in alerts)

        week.host.close()
        for night in (1, 2):
            found, alerts, _ = week.night(f"the host is gone, night {night}")
            assert (found, alerts) == (release, [])
        found, alerts, _ = week.night("the host is gone for longer than three days")
        assert {alert.split()[1] for alert in alerts} == {"source_stale"}
        assert week.members(GOOD) == {"EGFR", "KRAS", "ALK"}

        week.host.reopen()
        week.answers(**{GOOD: allonco("EGFR"), PAGE: allonco("MET", "ROS1")})
        found, alerts, _ = week.night("the host is back, with another list")
        assert found > release
        assert {alert.split()[0] for alert in alerts} == {"over"}
        assert week.members(GOOD) == {"EGFR"}
