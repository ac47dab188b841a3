"""`dagster.yaml` of the data folder: written once, renewed where nobody changed it, and what one's own file lacks.

Here belong the settings of Dagster's instance. What they limit beyond (runs, events) is in `retention`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from resistance_assets.errors import DataFault
from resistance_assets.files import replace_file

FILE = "dagster.yaml"
INSTANCE_CONFIG = """\
# Written once by `resistance`; yours to change. See deploy/ for Postgres and shared storage.
telemetry:
  enabled: false
nux:
  enabled: false
retention:
  # Ticks; runs and their events are trimmed by `resistance prune`, by `refresh` and by the sensor trim_records.
  schedule: { purge_after_days: 30 }
  sensor: { purge_after_days: { skipped: 2, started: 30, success: 30, failure: 30 } }
  auto_materialize: { purge_after_days: { skipped: 2, started: 30, success: 30, failure: 30 } }
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    default_limit: 2
# A look at the sources waits for hosts that do not answer; the other sensors do not wait for it.
sensors: { use_threads: true, num_workers: 4 }
# A machine that is busy takes long to load the definitions; Dagster gives up after three minutes.
code_servers: { local_startup_timeout: 900 }
# Faster records of runs, and a daemon that costs less when it is idle.
instance_class:
  module: resistance_assets.orchestration.dagster.tuned_instance
  class: TunedInstance
"""
EARLIER_CONFIGS = frozenset(
    [
        "48e1dd8f397a9722e0c426d84476368ce982e3d05e6cf000a83712fe37455cff",  # without retention
        "41cf94596b9d0e2f0ca355a5d11fe0032553a44ed2457a99ef6669f14dba40b3",  # without the class of the instance
        "8545100056cf4a84224cbc7ef3585d202440b7201ef5c2a47192a0e35f889a32",  # without threads for sensors
        "a018f56ce16072a791487581896354e32d7dc2e6d28e4b06de97c678e78f917f",  # without time to start
    ]
)
"""SHA-256 of what earlier versions wrote: a file that is one of them is nobody's own, and is renewed."""


def write_instance_config(home: Path) -> bool:
    """Write the settings where there are none, or where an earlier version wrote them and nobody changed them since.

    Returns:
        Whether the file was written.
    """
    path = home / FILE
    if path.exists() and not (is_written_here(home) and path.read_text(encoding="utf-8") != INSTANCE_CONFIG):
        return False
    try:
        with replace_file(path) as aside:
            aside.write_text(INSTANCE_CONFIG, encoding="utf-8")
    except DataFault:
        if not path.exists():
            raise
        return False  # the earlier settings do as well as they did
    return True


def is_written_here(home: Path) -> bool:
    """Whether the settings are what this version or an earlier one wrote, or not there at all."""
    try:
        found = hashlib.sha256((home / FILE).read_bytes()).hexdigest()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return found in {*EARLIER_CONFIGS, hashlib.sha256(INSTANCE_CONFIG.encode()).hexdigest()}


def missing_settings(home: Path) -> list[str]:
    """Settings that one's own file leaves to Dagster's defaults, as `retention.sensor`; none where there is no file.

    Raises:
        DataFault: it cannot be read.
    """
    import yaml

    path = home / FILE
    if not path.exists():
        return []
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataFault(
            f"cannot be read ({' '.join(str(error).split())})",
            subject=str(path),
            remedy="Correct it, or remove it: the next run writes it anew.",
        ) from None
    tables = own if isinstance(own, Mapping) else {}
    return [
        f"{name}.{key}"
        for name, settings in yaml.safe_load(INSTANCE_CONFIG).items()
        for key in settings
        if not isinstance(tables.get(name), Mapping) or key not in tables[name]
    ]
