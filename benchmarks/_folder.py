"""Where cases keep the files that they make: one temporary folder, gone when the interpreter ends."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

# Kept, because the folder goes with its holder.
_HOLDERS: list[tempfile.TemporaryDirectory] = []


@cache
def bench_folder() -> Path:
    _HOLDERS.append(tempfile.TemporaryDirectory(prefix="resistance_bench_"))
    return Path(_HOLDERS[0].name)
