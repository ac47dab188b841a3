"""Bad input at the door: one clear error, no half-written table, everything else still published.

Each test copies the folder of a good demo run, spoils one thing and runs again.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from resistance_assets.commands.run import bring_up_to_date
from resistance_assets.errors import CatalogFault, DataFault
from resistance_assets.settings import load_settings
from resistance_assets_tests.warehouse_runs import ask, environment, run_warehouse

ARCHIVE = "luad_tcga_pan_can_atlas_2018.tar.gz"
PATIENTS, COUNTS = "staging.cohorts__patient_endpoints", "raw.studies__gene_sample_counts"


@pytest.fixture
def place(demo_place: Path, tmp_path: Path) -> Path:
    """A copy of the good folder that a test may spoil."""
    shutil.copytree(demo_place, tmp_path / "place")
    return tmp_path / "place"


def rerun(place: Path, select: str | None = None):
    mirror, studies = place / "demo" / "mirror", place / "demo" / "studies"
    return run_warehouse(place / "data", mirror=mirror, studies=[studies], select=select)


def mirrored_file(place: Path, name: str) -> tuple[Path, dict]:
    index = place / "demo" / "mirror" / "index.jsonl"
    for line in index.read_text().splitlines():
        entry = json.loads(line)
        if entry["file"].endswith(name):
            return index.parent / entry["file"], entry
    raise AssertionError(name)


def put(place: Path, name: str, content: bytes) -> None:
    """Replace a mirrored file, with an index that vouches for the new bytes."""
    path, entry = mirrored_file(place, name)
    path.write_bytes(content)
    index = place / "demo" / "mirror" / "index.jsonl"
    lines = []
    for line in index.read_text().splitlines():
        document = json.loads(line)
        if document["url"] == entry["url"]:
            document |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        lines.append(json.dumps(document))
    index.write_text("\n".join(lines) + "\n")


def edit_archive(place: Path, member: str, change: Callable[[str], str]) -> None:
    path, _ = mirrored_file(place, ARCHIVE)
    out = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        for info in old.getmembers():
            if not info.isfile():
                new.addfile(info)
                continue
            data = old.extractfile(info).read()
            if info.name.endswith(member):
                before = data.decode()
                after = change(before)
                assert after != before
                data = after.encode()
                info.size = len(data)
            new.addfile(info, io.BytesIO(data))
    put(place, ARCHIVE, out.getvalue())


def study(place: Path) -> Path:
    return place / "demo" / "studies" / "demo_h1975_resistance"


def edit_counts(place: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    path = next(study(place).glob("counts.tsv*"))
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows = [line.split("\t") for line in text.rstrip("\n").split("\n")]
    text = "\n".join("\t".join(row) for row in change(rows)) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def with_a_negative_count(rows: list[list[str]]) -> list[list[str]]:
    rows[5][2] = "-3"
    return rows


def versions(place: Path) -> dict[str, str]:
    return dict(ask(place / "data", "SELECT layer || '.' || table_name, data_version FROM meta.tables").rows())


def no_half_written(place: Path) -> bool:
    return not list((place / "data").rglob("*.aside*"))


def assert_errors_and_the_rest_as_it_was(place: Path, matches: Sequence[str], select: str | None = None) -> None:
    """The run fails with one message per fault; what rests on them is as it was; the release is still the first.

    Faults of four sources go through one whole run; the others through a run of what reads them, which is over in a
    fraction of the time.
    """
    before = versions(place)
    summary = rerun(place, select)
    assert not summary.ok
    messages = {summary.launch.messages[address] for address in summary.launch.failed}
    assert len(messages) == len(matches), messages
    for match in matches:
        (message,) = [message for message in messages if re.search(match, message)] or [f"none of {messages}"]
        assert re.search(match, message), message
        assert "\n" not in message
    assert summary.release == 1
    assert versions(place) == before
    assert no_half_written(place)


def assert_one_error_and_the_rest_as_it_was(place: Path, match: str, select: str) -> None:
    assert_errors_and_the_rest_as_it_was(place, [match], select)


def drop_column(name: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = text.split("\n")
        header = next(line for line in lines if line and not line.startswith("#")).split("\t")
        at = header.index(name)
        return "\n".join(
            "\t".join(c for n, c in enumerate(line.split("\t")) if n != at) if line else line for line in lines
        )

    return change


def test_a_truncated_archive(place):
    path, _ = mirrored_file(place, ARCHIVE)
    put(place, ARCHIVE, path.read_bytes()[:-50_000])
    assert_one_error_and_the_rest_as_it_was(place, r"luad_tcga_pan_can_atlas_2018.*truncated", PATIENTS)


def test_a_wrong_sha256(place):
    path, _ = mirrored_file(place, ARCHIVE)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(bytes(content))
    assert_one_error_and_the_rest_as_it_was(place, r"luad_tcga_pan_can_atlas_2018.*sha256", PATIENTS)


def test_a_clinical_file_with_a_missing_column(place):
    edit_archive(place, "data_clinical_patient.txt", drop_column("OS_MONTHS"))
    assert_one_error_and_the_rest_as_it_was(place, r"data_clinical_patient\.txt.*OS_MONTHS", PATIENTS)


def test_faults_of_four_sources_are_each_told_and_none_blocks_another(place):
    """An event code that is not known, an empty file of gene sets, a web page in place of data, a negative count."""
    edit_archive(place, "data_clinical_patient.txt", lambda text: text.replace("1:DECEASED", "2:LOST", 1))
    put(place, mirrored_file(place, "h.all.v7.0.symbols.gmt")[0].name, b"")
    put(place, "allOnco_May2018.tsv", b"<!DOCTYPE html><html><body>moved</body></html>")
    edit_counts(place, with_a_negative_count)
    assert_errors_and_the_rest_as_it_was(
        place,
        [
            r"data_clinical_patient\.txt, line \d+, column OS_STATUS.*2:LOST",
            r"(h\.all\.v7\.0\.symbols\.gmt|msigdb_hallmark).*empty",
            r"allonco_may2018.*(HTML|html)",
            r"counts\.tsv.*line 6.*-3 is negative",
        ],
    )


def test_a_sample_that_is_not_in_the_sheet(place):
    def change(rows):
        rows[0][1] = "unknown_sample"
        return rows

    edit_counts(place, change)
    assert_one_error_and_the_rest_as_it_was(place, r"counts\.tsv.*unknown_sample is not in samples\.tsv", COUNTS)


def test_a_duplicated_gene(place):
    edit_counts(place, lambda rows: [*rows, rows[3]])
    assert_one_error_and_the_rest_as_it_was(place, r"counts\.tsv.*lines 4 and \d+.*occurs twice", COUNTS)


def test_a_typo_in_a_study_leaves_that_study_out_and_publishes_the_rest(place):
    path = study(place) / "study.toml"
    path.write_text(path.read_text().replace("denominator", "denominater", 1))
    summary = rerun(place)
    assert not summary.ok
    assert not summary.launch.failed
    ((folder, fault),) = summary.study_faults
    assert folder.name == "demo_h1975_resistance"
    assert "study.toml, key contrast.0.denominater: the key is unknown. Did you mean denominator?" in str(fault)
    contrasts = ask(place / "data", "SELECT DISTINCT contrast_id FROM core.deg__contrasts")["contrast_id"].to_list()
    assert "h1975_drug_resistant_vs_parental" not in contrasts
    assert "luad_tumour_vs_normal" in contrasts
    assert ask(place / "data", "SELECT folder FROM meta.study_faults").item() == "demo_h1975_resistance"


def test_a_typo_in_the_catalog_stops_before_anything_is_touched(place, monkeypatch, tmp_path):
    from resistance_assets.catalog import registry
    from resistance_assets.defs import resources

    catalog = tmp_path / "catalog"
    shutil.copytree(registry.CATALOG_DIR, catalog, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = catalog / "studies.toml"
    path.write_text(path.read_text().replace("[correlation]", "[corelation]"))
    monkeypatch.setattr(
        resources, "load_registry", lambda folders, **rest: registry.load_registry(folders, catalog_dir=catalog, **rest)
    )
    resources._registry.cache_clear()
    before = versions(place)
    with (
        environment(place / "data", mirror=place / "demo" / "mirror"),
        pytest.raises(CatalogFault, match=r"studies\.toml, key corelation.*Did you mean correlation"),
    ):
        resources.current_registry()
    assert versions(place) == before
    resources._registry.cache_clear()


def test_from_an_empty_folder_everything_that_does_not_rest_on_the_bad_input_is_published(place):
    edit_counts(place, with_a_negative_count)
    shutil.rmtree(place / "data")
    summary = rerun(place, '+key:"core/deg__contrasts" or +key:"core/survival__cohort_endpoints"')
    assert not summary.ok
    assert summary.release == 1
    assert set(summary.launch.failed) == {"parts.studies__gene_sample_counts__demo_h1975_resistance"}
    assert all("demo_h1975_resistance" in a or "h1975_drug_resistant" in a for a in summary.launch.not_reached)
    contrasts = ask(place / "data", "SELECT DISTINCT contrast_id FROM core.deg__contrasts")["contrast_id"].to_list()
    assert "h1975_drug_resistant_vs_parental" not in contrasts
    assert "luad_tumour_vs_normal" in contrasts
    assert ask(place / "data", "SELECT count(*) FROM core.survival__cohort_endpoints").item() >= 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_without_write_permission(tmp_path, demo_place):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(DataFault, match=r"closed.*write permission"):
        run_warehouse(folder, mirror=demo_place / "demo" / "mirror")


def test_a_data_folder_on_a_read_only_file_system(demo_place):
    """What root meets too: /proc takes no folders."""
    with pytest.raises(DataFault, match=r"/proc/.*cannot be written.*RESISTANCE_DATA_DIR"):
        run_warehouse(Path("/proc/warehouse"), mirror=demo_place / "demo" / "mirror")


def test_a_full_disk(demo_place, tmp_path):
    """A small tmpfs: what was published before stays, the run says what to do, and with space it goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with environment(disk / "data", mirror=demo_place / "demo" / "mirror"):
            # Dagster's own records are kept off the full disk, as a deployment with Postgres would.
            os.environ["DAGSTER_HOME"] = str(tmp_path / "dagster")
            select = "raw.cbioportal__mrna_values"
            summary = bring_up_to_date(load_settings(), select=select, quiet=True)
            assert not summary.ok
            messages = " ".join(summary.launch.messages[address] for address in summary.launch.failed)
            assert "No space left on device" in messages or "space" in messages
            assert "RESISTANCE_DATA_DIR" in messages
            assert not list((disk / "data").rglob("*.parquet.*"))
            subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
            assert bring_up_to_date(load_settings(), select=select, quiet=True).ok
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
