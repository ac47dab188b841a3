"""What `ui` does: run the Dagster UI on the data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

WORKSPACE = """\
load_from:
  - python_module:
      module_name: resistance_assets.definitions
      location_name: resistance_warehouse
"""


def serve_ui(settings: Settings, *, port: int) -> int:
    """Run the Dagster UI until it is stopped; returns its exit code."""
    from resistance_assets.commands.printing import say
    from resistance_assets.commands.run import prepare
    from resistance_assets.orchestration.run import open_instance

    prepare(settings)
    home = settings.dagster_home
    open_instance(home).dispose()
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "RESISTANCE_DATA_DIR": str(settings.data_dir)}
    say(False, f"Dagster UI on http://127.0.0.1:{port} (Ctrl-C ends it); data folder {settings.data_dir}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    try:
        return subprocess.run(command, env=environment, cwd=settings.data_dir, check=False).returncode
    except KeyboardInterrupt:
        return 0
