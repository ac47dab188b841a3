"""The units of systemd in the documents: systemd finds nothing wrong with them, and a failure tells somebody."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
UNIT = re.compile(r"`/etc/systemd/system/([\w@.-]+)`[^`]*?(?:`[^`\n]+`[^`]*?)*```ini\n(.*?)```", re.DOTALL)


def units() -> dict[str, str]:
    """File name -> text, of every unit of the documents."""
    return {
        name: text
        for page in ("scheduling.md", "operate.md")
        for name, text in UNIT.findall((DOCS / page).read_text(encoding="utf-8"))
    }


def test_the_unit_that_refreshes_names_a_unit_that_tells_of_its_failure():
    found = units()
    assert set(found) == {"resistance-refresh.service", "resistance-refresh.timer", "resistance-failed@.service"}
    assert "OnFailure=resistance-failed@%n.service" in found["resistance-refresh.service"]
    assert "RESISTANCE_ALERT_WEBHOOK" in found["resistance-failed@.service"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for name, text in units().items():
        # The program is where the reader installed it.
        (tmp_path / name).write_text(text.replace("/srv/resistance-warehouse/.venv/bin/resistance", "/bin/true"))
    (tmp_path / "resistance-failed@.service").rename(tmp_path / "resistance-failed@x.service")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # What is wrong with units of the machine itself is not ours.
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "resistance" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
