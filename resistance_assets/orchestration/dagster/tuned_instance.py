"""The Dagster instance of the data folder, in every process that opens it: webserver, daemon, code server and runs.

`dagster.yaml` names it, because Dagster starts those processes itself. It is Dagster's own instance; importing this
module tunes what it writes through (`sqlite_tuning`), and how often an idle daemon looks for nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from resistance_assets.orchestration.dagster.sqlite_tuning import tune_sqlite

RELOAD_SECONDS = 900
"""The daemon reads the definitions anew after so long (Dagster: every minute), half of what it costs when idle.

A code location that is reloaded or restarted tells so at once; what is read in between is for a connection that was
lost without anybody noticing.
"""


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


def calm_daemon() -> None:
    """Let the daemon of this process, if it is one, read the definitions less often."""
    controller = sys.modules.get("dagster._daemon.controller")
    if controller is not None and hasattr(controller, "RELOAD_WORKSPACE_INTERVAL"):
        vars(controller)["RELOAD_WORKSPACE_INTERVAL"] = RELOAD_SECONDS
        # Later than this without a successful read, the daemon ends.
        vars(controller)["DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE"] = 4 * RELOAD_SECONDS


tune_sqlite()
calm_daemon()
