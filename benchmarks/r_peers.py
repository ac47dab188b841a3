"""R's own functions as peers, timed in the same run where `Rscript` and the packages are on the PATH.

The seconds are those of the computation inside R, without its start and without reading the data.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_HEAD = """
suppressMessages({{ {libraries} }})
folder <- commandArgs(trailingOnly = TRUE)[1]
take <- function(name, rows, columns)
  matrix(readBin(file.path(folder, name), "double", rows * columns), nrow = rows, byrow = TRUE)
timed <- function(work) cat(system.time(work())[["elapsed"]], "\\n")
"""


def seconds_in_r(script: str, arrays: Mapping[str, np.ndarray], packages: tuple[str, ...] = ()) -> float | None:
    """Elapsed seconds of `timed(function() ...)` in an R script; None where R or a package is not there.

    Args:
        script: reads its matrices by `take(name, rows, columns)` and calls `timed` once.
        arrays: name -> matrix of numbers, given to the script as a file of doubles, row by row.
        packages: of R, that the script needs.
    """
    rscript = _rscript_with(packages)
    if rscript is None:
        return None
    head = _HEAD.format(libraries="; ".join(f"library({name})" for name in packages))
    with tempfile.TemporaryDirectory() as folder:
        for name, values in arrays.items():
            np.ascontiguousarray(values, dtype=np.float64).tofile(Path(folder) / name)
        path = Path(folder) / "peer.R"
        path.write_text(head + script, encoding="utf-8")
        done = subprocess.run([rscript, str(path), folder], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@functools.cache
def _rscript_with(packages: tuple[str, ...]) -> str | None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    wanted = " && ".join(["TRUE", *(f"requireNamespace('{name}', quietly = TRUE)" for name in packages)])
    asked = subprocess.run([rscript, "-e", f"cat({wanted})"], capture_output=True, text=True, check=False)
    return rscript if asked.stdout.strip().endswith("TRUE") else None
