"""CPU and peak memory of each step of a full-size cohort: 10.5 million values a matrix, 20,531 genes x 510 patients.

The demo has fewer patients, so that its matrices get as many more genes.

`python -m benchmarks.cohort_steps [FOLDER]` writes the demo's archive with matrices of that size, runs every step that
the cohort's tables need through one `resistance work`, and prints a line per step of over a million rows. It has no
peer, and takes minutes, so `make bench` leaves it out.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

VALUES, PROBE_VALUES = 20_531 * 510, 16_000 * 510
ARCHIVE = "luad_tcga_pan_can_atlas_2018.tar.gz"
TARGETS = (
    "staging.cohorts__gene_expression",
    "staging.cohorts__gene_z_scores",
    "staging.cohorts__gene_copy_number",
    "staging.cohorts__gene_log2_copy_number",
    "staging.cohorts__methylation",
    "staging.cohorts__protein_levels",
)
SHOWN_ROWS = 1_000_000


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        folder.mkdir(parents=True, exist_ok=True)
        data, mirror = folder / "data", folder / "demo" / "mirror"
        if not mirror.exists():
            from resistance_assets.demo import write_demo

            write_demo(folder / "demo")
            write_full_size(next((folder / "demo").rglob(ARCHIVE)))
        environment = os.environ | {
            "RESISTANCE_DATA_DIR": str(data), "RESISTANCE_MIRROR": str(mirror), "RESISTANCE_JOBS": "1",
        }  # fmt: skip
        os.environ.update(environment)
        wanted = needed()
        program = [sys.executable, "-m", "resistance_assets.cli", "work", "-"]
        with subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as worker:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("".join(f"{name}\n" for name in wanted))
            worker.stdin.close()
            show(worker.stdout)
    return 0


def needed(targets: Sequence[str] = TARGETS) -> list[str]:
    """Steps that these tables rest on, in order."""
    from resistance_assets.defs.graph import load_steps
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.orchestration.workers.worker import in_order

    steps = load_steps(current_registry())
    found: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = steps[waiting.pop()].name
        if name not in found:
            found.add(name)
            waiting.extend((*steps[name].inputs, *steps[name].optional_inputs))
    return in_order(steps, found)


def show(answers: Iterator[str]) -> None:
    total, largest = 0.0, 0
    for line in answers:
        answer = json.loads(line)
        rows = sum(one["table_version"]["rows"] for one in answer["outcomes"].values())
        total += answer["cpu_seconds"]
        largest = max(largest, answer["peak_bytes"])
        if answer["fault"]:
            print(f"{answer['step']:<60} {answer['fault']['problem']}", flush=True)
        elif rows >= SHOWN_ROWS:
            print(
                f"{answer['step']:<60} {rows:>12,} rows {answer['cpu_seconds']:>7.1f} CPU s"
                f" peak {answer['peak_bytes'] / 2**30:>5.2f} GiB",
                flush=True,
            )
    print(f"all steps: {total:.1f} CPU s, largest peak {largest / 2**30:.2f} GiB", flush=True)


def write_full_size(archive: Path, size: int = VALUES) -> None:
    """The archive with matrices of ``size`` values, under the samples and with the first rows that it had."""
    with tarfile.open(archive) as source:
        members = [
            (member, extracted.read() if (extracted := source.extractfile(member)) else b"") for member in source
        ]
    with tarfile.open(archive, "w:gz", compresslevel=1) as target:
        for member, content in members:
            name = member.name.rpartition("/")[2]
            if name.startswith(("data_mrna", "data_cna", "data_log2_cna", "data_methylation")):
                content = _extended(content, name, size)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content) if member.isfile() else None)
    index = next(folder for folder in archive.parents if folder.name == "files").with_name("index.jsonl")
    entries = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
    sha256, size = hashlib.sha256(archive.read_bytes()).hexdigest(), archive.stat().st_size
    for entry in entries:
        if entry["file"].endswith(archive.name):
            entry |= {"sha256": sha256, "bytes": size}
    index.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def _extended(content: bytes, name: str, size: int) -> bytes:
    lines = content.decode().splitlines()
    header, rows = lines[0].split("\t"), lines[1:]
    leading = next(k for k, column in enumerate(header) if column.startswith("TCGA-"))
    samples = len(header) - leading
    rng = np.random.default_rng(7)
    for number in range(len(rows), (size * PROBE_VALUES // VALUES if "methylation" in name else size) // samples):
        if "methylation" in name:
            values, names = rng.beta(2, 2, samples).round(6), [f"cg{number:08d}", f"LOC{number}"]
        else:
            names = [f"LOC{100_000_000 + number}", str(100_000_000 + number)]
            if "zscores" in name:
                values = rng.normal(0, 1, samples).round(4)
            elif "log2_cna" in name:
                values = rng.normal(0, 0.4, samples).round(3)
            elif "cna" in name:
                values = rng.integers(-2, 3, samples)
            else:
                values = rng.lognormal(5, 2, samples).round(4)
        named = dict(zip(("Hugo_Symbol", "Entrez_Gene_Id"), names, strict=True))
        if "methylation" in name:
            named = dict(zip(header[:leading], [names[0], *[names[1]] * (leading - 1)], strict=True))
        rows.append("\t".join([*(named[column] for column in header[:leading]), *map(str, values.tolist())]))
    return ("\n".join(["\t".join(header), *rows]) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main())
