"""Cohorts of full size, added one at a time: seconds, peak memory, bytes of lake and warehouse, cost of one more.

`python -m benchmarks.cohort_scale [FOLDER] [--cohorts 8] [--values 10470810]` writes archives with matrices of so many
values (20,531 genes x 510 patients by default; the demo has fewer patients, so that its matrices get as many more
genes), each under a study of its own. It adds them to a data folder one after the other: each time every step that the
tables of matrices need runs in one `resistance work`, and the tables are published. `make bench` runs it at a hundredth
of the size, where it says that what one more costs does not grow.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import cohort_steps
from benchmarks._folder import bench_folder

ORIGINAL = "luad_tcga_pan_can_atlas_2018"
MATRICES = (
    "raw.cbioportal__mrna_values",
    "raw.cbioportal__copy_number_values",
    "raw.cbioportal__mrna_z_scores",
    "raw.cbioportal__log2_copy_number_values",
    "raw.cbioportal__methylation_values",
    "staging.cohorts__gene_expression",
    "staging.cohorts__gene_z_scores",
    "staging.cohorts__gene_copy_number",
    "staging.cohorts__gene_log2_copy_number",
    "staging.cohorts__methylation",
    "staging.cohorts__protein_levels",
)
SMALL_VALUES = cohort_steps.VALUES // 100


def name_of(number: int) -> str:
    return f"bench_{number}"


def write_world(folder: Path, cohorts: int, values: int) -> None:
    """The demo's mirror with archives of that size, and a catalog that names a cohort for each."""
    if (folder / "world.json").exists():
        return
    from resistance_assets.demo import write_demo

    write_demo(folder / "demo")
    archive = next((folder / "demo").rglob(f"{ORIGINAL}.tar.gz"))
    cohort_steps.write_full_size(archive, values)
    index = next(parent for parent in archive.parents if parent.name == "files").with_name("index.jsonl")
    entries = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
    [original] = [entry for entry in entries if entry["file"].endswith(archive.name)]
    for number in range(1, cohorts + 1):
        other = archive.with_name(f"{name_of(number)}.tar.gz")
        copy_archive(archive, other, name_of(number))
        digest = hashlib.sha256(other.read_bytes()).hexdigest()
        entries.append(
            original
            | {
                "url": original["url"].replace(ORIGINAL, name_of(number)),
                "file": original["file"].replace(ORIGINAL, name_of(number)),
                "sha256": digest,
                "bytes": other.stat().st_size,
                "etag": f'"{digest[:32]}"',
            }
        )
    index.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    (folder / "world.json").write_text(json.dumps({"cohorts": cohorts, "values": values}), encoding="utf-8")


def copy_archive(archive: Path, other: Path, study: str) -> None:
    """An archive under the name of another study."""
    with tarfile.open(archive) as source, tarfile.open(other, "w:gz", compresslevel=1) as target:
        for member in source:
            held = source.extractfile(member)
            content = b"" if held is None else held.read()
            if member.name.rpartition("/")[2].startswith(("meta_", "case")) or "/case_lists/" in member.name:
                content = content.replace(ORIGINAL.encode(), study.encode())
            member.name = member.name.replace(ORIGINAL, study)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content) if member.isfile() else None)


def write_catalog(folder: Path, cohorts: int) -> None:
    """A catalog of one's own with the first cohorts: entries of the built-in one under other names."""
    import tomllib

    from resistance_assets.catalog import registry

    built_in = Path(registry.__file__).parent
    url = tomllib.loads((built_in / "sources.toml").read_text(encoding="utf-8"))["source"][f"cbioportal_{ORIGINAL}"]
    declared = tomllib.loads((built_in / "studies.toml").read_text(encoding="utf-8"))["cohort"]
    [original] = [entry for entry in declared if entry["id"] == "luad_tcga"]
    sources, studies = [], []
    for number in range(1, cohorts + 1):
        name = name_of(number)
        source = url | {"url": url["url"].replace(ORIGINAL, name), "title": f"Cohort {number}"}
        sources.append(f"[source.cbioportal_{name}]\n" + _as_toml(source))
        entry = original | {"id": name, "source": f"cbioportal_{name}", "title": f"Cohort {number}"}
        endpoints = entry.pop("endpoint")
        entry.pop("stratum", None)
        studies.append("[[cohort]]\n" + _as_toml(entry))
        studies += ["[[cohort.endpoint]]\n" + _as_toml(endpoint) for endpoint in endpoints]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.toml").write_text("\n".join(sources), encoding="utf-8")
    (folder / "studies.toml").write_text("\n".join(studies), encoding="utf-8")


def _as_toml(entry: dict[str, Any]) -> str:
    # Texts, numbers and lists of them are written in TOML as in JSON.
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())


def add_cohorts(folder: Path, cohorts: int) -> Iterator[dict[str, Any]]:
    """What each further cohort costs, one after the other."""
    data = folder / "data"
    for number in range(1, cohorts + 1):
        write_catalog(folder / "catalog", number)
        environment = os.environ | {
            "RESISTANCE_DATA_DIR": str(data),
            "RESISTANCE_MIRROR": str(folder / "demo" / "mirror"),
            "RESISTANCE_CATALOG": str(folder / "catalog"),
            "RESISTANCE_JOBS": "1",
        }
        yield {"cohorts": number, **_bring(environment), **_publish(environment), **_sizes(data)}


def _bring(environment: dict[str, str]) -> dict[str, Any]:
    started, before = time.perf_counter(), _cpu_of_children()
    asked = "import json, benchmarks.cohort_scale as b; print(json.dumps(b.needed()))"
    listed = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "resistance_assets.cli", "work", "-"],
        input="".join(f"{name}\n" for name in json.loads(listed.stdout.splitlines()[-1])),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if not answers:
        raise RuntimeError(done.stderr[-2000:])
    largest = max(answers, key=lambda one: one["peak_bytes"])
    faults = [one["step"] for one in answers if one["fault"]]
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": _cpu_of_children() - before,
        "peak_bytes": largest["peak_bytes"],
        "peak_step": largest["step"],
        "failed": faults,
        "built_million_rows": sum(
            result["table_version"]["rows"]
            for one in answers
            for result in one["outcomes"].values()
            if result["outcome"] == "built" and result["table_version"]["address"].startswith("parts.")
        )
        / 1e6,
    }


def needed() -> list[str]:
    """Steps that the tables of matrices rest on, in order."""
    return cohort_steps.needed(MATRICES)


def _publish(environment: dict[str, str]) -> dict[str, Any]:
    program = "import json, benchmarks.cohort_scale as b; print(json.dumps(b.publish_matrices()))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def publish_matrices() -> dict[str, Any]:
    """Publish the tables of matrices of the present data folder, in a process of its own."""
    from resistance_assets.catalog.tables import TABLES
    from resistance_assets.defs.publication import publication_of
    from resistance_assets.orchestration.lake import Lake
    from resistance_assets.settings import load_settings
    from resistance_assets.warehouse.publish import publish

    settings = load_settings()
    lake = Lake(settings.data_dir / "lake")
    started, before = time.perf_counter(), time.process_time()
    tables = [publication_of(lake, TABLES[name], {}) for name in MATRICES]
    publish(settings.data_dir, tables, meta={}, code_revision="bench", settings={})
    return {
        "publish_wall_seconds": time.perf_counter() - started,
        "publish_cpu_seconds": time.process_time() - before,
        "publish_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "rows": sum(one.table_version.rows for one in tables),
    }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sizes(data: Path) -> dict[str, int]:
    return {
        "lake_bytes": sum(path.stat().st_size for path in (data / "lake").rglob("*.parquet")),
        "warehouse_bytes": (data / "warehouse.duckdb").stat().st_size,
    }


def show(row: dict[str, Any], before: dict[str, Any] | None) -> None:
    """A row of the table, in Markdown."""
    if before is None:
        print(
            "| cohorts | steps: wall s | CPU s | peak GiB (step) | publish: wall s | CPU s | peak GiB "
            "| lake MB (added) | warehouse MB (added) | million rows published |\n|" + "---|" * 10
        )
    grown = {name: row[name] - (before[name] if before else 0) for name in ("lake_bytes", "warehouse_bytes")}
    print(
        f"| {row['cohorts']} | {row['wall_seconds']:.0f} | {row['cpu_seconds']:.0f} "
        f"| {row['peak_bytes'] / 2**30:.2f} ({row['peak_step']}) "
        f"| {row['publish_wall_seconds']:.1f} | {row['publish_cpu_seconds']:.1f} "
        f"| {row['publish_peak_bytes'] / 2**30:.2f} "
        f"| {row['lake_bytes'] / 1e6:.0f} ({grown['lake_bytes'] / 1e6:.0f}) "
        f"| {row['warehouse_bytes'] / 1e6:.0f} ({grown['warehouse_bytes'] / 1e6:.0f}) "
        f"| {row['rows'] / 1e6:.1f} |" + (f" failed: {', '.join(row['failed'])}" if row["failed"] else ""),
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cohort_scale", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folder", nargs="?", help="keeps the archives and the data folder; a temporary one by default")
    parser.add_argument("--cohorts", type=int, default=8)
    parser.add_argument("--values", type=int, default=cohort_steps.VALUES, help="values of a matrix")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(asked.folder or made)
        write_world(folder, asked.cohorts, asked.values)
        before = None
        for row in add_cohorts(folder, asked.cohorts):
            show(row, before)
            before = row
    return 0


def cases() -> list[dict[str, Any]]:
    """One case for `make bench`: a fourth cohort of a hundredth of the size, beside the three that are there."""
    folder = bench_folder() / "cohorts"

    def add() -> None:
        write_world(folder, 4, SMALL_VALUES)
        rows = list(add_cohorts(folder, 4))
        assert not any(row["failed"] for row in rows)

    return [
        {
            "name": "cohorts added one at a time",
            "size": f"4 x {SMALL_VALUES:,} values a matrix",
            "ours": add,
            "note": "the first run builds; later ones find it known. Full size: python -m benchmarks.cohort_scale",
        }
    ]


if __name__ == "__main__":
    sys.exit(main())
