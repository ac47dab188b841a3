"""Fixtures that every test may use: where the shared real data are, and what to do when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("RESISTANCE_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data that stands beside the checkout and is never committed.

    Absent, the test is skipped with the reason; with RESISTANCE_REQUIRE_SHARED=1 (CI) its absence is a failure.
    """
    if SHARED.is_dir():
        return SHARED
    reason = f"the shared data folder {SHARED} is absent (set RESISTANCE_SHARED_DIR to where it is)"
    if os.environ.get("RESISTANCE_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def goldens(shared: Path) -> Path:
    """Inputs and outputs of the original R tools; each folder's README states the tolerances."""
    return shared / "goldens"
