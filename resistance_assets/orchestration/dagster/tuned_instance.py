"""The Dagster instance of the data folder, in every process that opens it: webserver, daemon, code server and runs.

`dagster.yaml` names it, because Dagster starts those processes itself. It is Dagster's own instance; importing this
module tunes what it writes through (`sqlite_tuning`), and how often an idle daemon looks for nothing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from resistance_assets.orchestration.dagster.sqlite_tuning import tune_sqlite

RELOAD_SECONDS = 900
"""The daemon reads the definitions anew after so long (Dagster: every minute), half of what it costs when idle.

A code location that is reloaded or restarted tells so at once; what is read in between is for a connection that was
lost without anybody noticing.
"""
INTERVALS: Mapping[str, Mapping[str, float]] = {
    "dagster._daemon.controller": {
        "RELOAD_WORKSPACE_INTERVAL": RELOAD_SECONDS,
        # Later than this without a successful read, the daemon ends.
        "DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE": 4 * RELOAD_SECONDS,
    },
    # Webserver and daemon each ask the code server which process it is (Dagster: every second); each question opens a
    # connection, and is passed on by the process in between. A reload of the code is noticed so much later.
    "dagster._grpc.server_watcher": {"WATCH_INTERVAL": 10},
    # A code server that hears nothing for 20 s or more ends.
    "dagster._grpc.client": {"CLIENT_HEARTBEAT_INTERVAL": 4},
    # The sensor by the conditions of assets, which is off at first, has an interval of 30 s itself (Dagster: 5 s).
    "dagster._daemon.asset_daemon": {"MIN_INTERVAL_LOOP_SECONDS": 30},
}
"""Dagster's module -> how often it looks, in seconds, where a process has imported it."""


class TunedInstance(DagsterInstance):
    """Dagster's instance; of a class of its own, so that every process imports this module."""

    @classmethod
    def config_schema(cls) -> dict[str, Any]:
        """It has no settings beyond Dagster's."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Any:
        """Dagster's own: SQLite files below the folder."""
        return InstanceRef.config_defaults(base_dir)


def look_less_often() -> None:
    """Let this process, webserver or daemon, ask what seldom changes less often; it costs as much as the sensors do."""
    for name, intervals in INTERVALS.items():
        # Only the daemon has its own modules; those that ask the code server some processes import later than this one.
        module = importlib.import_module(name) if name.startswith("dagster._grpc.") else sys.modules.get(name)
        if module is not None:
            vars(module).update({key: seconds for key, seconds in intervals.items() if hasattr(module, key)})


tune_sqlite()
look_less_often()
