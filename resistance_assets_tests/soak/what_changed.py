"""Change one thing at a time and count what is computed again. Not a test: minutes long, and run by hand.

    python -m resistance_assets_tests.soak.what_changed --mirror MIRROR --studies STUDIES

The package is copied, so that its own code can be changed; the commands are called as a user calls them. The mirror
holds `index.jsonl` and `index_r2.jsonl`, where one archive has a new release. Printed: a line per change with the
tables computed and not computed, the seconds of the whole command, the release and what moved in the results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import resistance_assets

REPOSITORY = Path(resistance_assets.__file__).parents[1]


class Warehouse:
    """A copy of the package with a data folder of its own."""

    def __init__(self, folder: Path, mirror: Path, studies: Path | None) -> None:
        self.code, self.data = folder / "code", folder / "data"
        self.studies = studies
        self.mirror = folder / "mirror"
        shutil.copytree(mirror, self.mirror)
        for name in ("resistance_assets", "dbt_like_sql"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, self.code / name, ignore=ignored)
        shutil.copy(REPOSITORY / "pyproject.toml", self.code)

    def call(self, *words: str) -> tuple[str, float]:
        """What a command prints, and how long it took."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RESISTANCE_")}
        environment |= {"RESISTANCE_DATA_DIR": str(self.data), "PYTHONPATH": str(self.code)}
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "from resistance_assets.cli import main; raise SystemExit(main())", *words],
            env=environment,
            cwd=self.code,
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, None):
            raise RuntimeError(
                f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done.stdout, time.monotonic() - begun

    def refresh(self) -> tuple[dict, float]:
        sources = ["--mirror", str(self.mirror), *(["--studies", str(self.studies)] if self.studies else [])]
        printed, seconds = self.call("refresh", *sources, "--json")
        return json.loads(printed), seconds

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.code / file
        text = path.read_text()
        if text.count(old) != 1:
            raise RuntimeError(f"{file} holds {text.count(old)} of {old!r}, expected one")
        path.write_text(text.replace(old, new))


def nothing(warehouse: Warehouse) -> None:
    """No change."""


def second_release(warehouse: Warehouse) -> None:
    """One archive's new release."""
    (warehouse.mirror / "index_r2.jsonl").replace(warehouse.mirror / "index.jsonl")


def published_again(warehouse: Warehouse) -> None:
    """The same bytes under a new date and tag."""
    index = warehouse.mirror / "index.jsonl"
    lines = []
    for line in index.read_text().splitlines():
        entry = json.loads(line)
        if "cbioportal" in entry["url"]:
            entry |= {"etag": '"published-again"', "last_modified": "Fri, 20 Nov 2026 08:00:00 GMT"}
        lines.append(json.dumps(entry))
    index.write_text("\n".join(lines) + "\n")


def threshold(warehouse: Warehouse) -> None:
    """thresholds.abs_log2_fold_change from 1 to 1.5."""
    path = "resistance_assets/catalog/studies.toml"
    warehouse.edit(path, "\nabs_log2_fold_change = 1.0\n", "\nabs_log2_fold_change = 1.5\n")


def comment(warehouse: Warehouse) -> None:
    """A comment and a docstring in science/survival/screen.py."""
    path = warehouse.code / "resistance_assets/science/survival/screen.py"
    path.write_text(path.read_text() + "\n# Nothing but a comment.\n")


def function(warehouse: Warehouse) -> None:
    """science/enrichment.over_representation, with the same result."""
    warehouse.edit(
        "resistance_assets/science/enrichment.py",
        "expected = n * (K / N)",
        "expected = n * (K / N) + 0.0",
    )


def mart(warehouse: Warehouse) -> None:
    """marts.concordant_genes: genes in three contrasts instead of two."""
    warehouse.edit("dbt_like_sql/marts/concordant_genes.sql", "WHERE a.n_contrasts >= 2", "WHERE a.n_contrasts >= 3")


CHANGES: dict[str, tuple[str, Callable[[Warehouse], None]]] = {
    "a": ("no change", nothing),
    "b": ("new release of one archive (index_r2)", second_release),
    "g": ("the same bytes published again", published_again),
    "c": ("one threshold", threshold),
    "d": ("a comment in a science module", comment),
    "e": ("a science function, same result", function),
    "f": ("one SQL mart", mart),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--studies", type=Path)
    parser.add_argument("--folder", type=Path, help="kept where given, else a temporary one")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="what_changed."))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        studies = arguments.studies.resolve() if arguments.studies else None
        warehouse = Warehouse(folder, arguments.mirror.resolve(), studies)
        before = None
        for letter, (title, change) in {"-": ("into an empty folder", nothing), **CHANGES}.items():
            change(warehouse)
            document, seconds = warehouse.refresh()
            (folder / f"{letter}.json").write_text(json.dumps(document, indent=1))
            release, computed = document["release"], document["recomputed"]
            settled = document["looked_at"] - computed
            print(f"({letter}) {title} | computed {computed} | not computed {settled} | {seconds:.1f} s | {release}")
            if before is not None and release != before:
                print(warehouse.call("diff", str(before), str(release))[0], flush=True)
            before = release
        return 0
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
