"""`resistance add` for study archives of cBioPortal and projects of ENA, on a mirror of their real bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resistance_assets.catalog.registry import load_registry
from resistance_assets.cli import app
from resistance_assets.commands.adding.cohort_entry import DATAHUB, propose_cohort, write_cohort
from resistance_assets.commands.adding.run_table import propose_runs, write_runs
from resistance_assets.connectors.arrayexpress.ena import report_resource
from resistance_assets.errors import SourceUnavailable, UsageFault
from resistance_assets.settings import Settings

PROJECT = "PRJNA900001"
ARMS = [("PC9 DMSO", 3), ("PC9 osimertinib 24h", 3), ("PC9 osimertinib DTP", 3)]


def write_mirror(folder: Path, documents: dict[str, Path]) -> Path:
    folder.mkdir()
    lines = []
    for at, (url, path) in enumerate(documents.items()):
        shutil.copy(path, folder / f"file_{at}")
        data = path.read_bytes()
        lines.append(
            json.dumps(
                {
                    "method": "GET", "url": url, "file": f"file_{at}", "sha256": hashlib.sha256(data).hexdigest(),
                    "bytes": len(data), "content_type": "x", "provenance": "test", "licence": "test",
                }
            )
        )  # fmt: skip
    (folder / "index.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def settings(tmp_path, shared) -> Settings:
    report = tmp_path / "report.tsv"
    rows = ["run_accession\tsample_accession\tsecondary_sample_accession\tsample_title\tlibrary_strategy"]
    rows += [
        f"SRR{number}\tSAMN{number}\tSRS{number}\t{title} rep{rep}\tRNA-Seq"
        for number, (title, rep) in enumerate(((t, r) for t, n in ARMS for r in range(1, n + 1)), start=100)
    ]
    report.write_text("\n".join(rows) + "\n")
    archive = shared / "cases" / "live" / "study_es_0.tar.gz"
    documents = {f"{DATAHUB}/study_es_0.tar.gz": archive, report_resource(PROJECT).url: report}
    return Settings(data_dir=tmp_path / "data", mirror=write_mirror(tmp_path / "mirror", documents))


def test_an_archive_becomes_a_cohort_with_what_was_found_in_it(settings):
    proposal = propose_cohort(settings, "cbioportal:study_es_0")
    assert proposal.is_sure
    assert "endpoint OS: 808 patients, 87 events" in proposal.told
    assert "profiles, expression: mrna, mrna_median_Zscores" in proposal.told
    assert "DFS has 0 events in 717 patients, too few to analyse: left out" in proposal.unsure
    assert write_cohort(settings, proposal).endswith("the catalog with it is good; next: resistance run")
    cohort = load_registry(own_catalogs=settings.catalog_dirs).cohorts["study_es_0"]
    assert cohort.expression_profiles == ("mrna", "mrna_median_Zscores")
    assert [one.id for one in cohort.endpoint] == ["OS"]
    assert cohort.methylation_profiles == ("methylation_hm27",)
    with pytest.raises(UsageFault, match="is in the catalog already, as cohort study_es_0"):
        write_cohort(settings, propose_cohort(settings, "cbioportal:study_es_0"))


def test_an_archive_that_is_not_to_be_had_and_a_name_that_is_none_are_told(settings):
    with pytest.raises(SourceUnavailable, match="luad_nobody"):
        propose_cohort(settings, "cbioportal:luad_nobody")
    with pytest.raises(UsageFault, match="is no study of cBioPortal"):
        propose_cohort(settings, "cbioportal:../x")


def test_runs_of_a_project_become_a_sample_sheet_and_a_draft_that_says_what_it_needs(settings):
    proposal = propose_runs(settings, PROJECT)
    assert proposal.samples.columns == ["sample_id", "title", "run_accession", "library_strategy", "arm"]
    assert proposal.samples["arm"].to_list()[:4] == ["pc9_dmso"] * 3 + ["pc9_osimertinib_24h"]
    assert 'state = "tolerant"' in proposal.text
    assert 'drug_class = "EGFR-TKI"' in proposal.text
    assert "counts.tsv: reads of genes in samples" in proposal.text
    said = write_runs(proposal)
    assert "no run reads it before there is a study.toml" in said
    assert not load_registry(settings.study_dirs).local_studies
    with pytest.raises(UsageFault, match="exists"):
        write_runs(proposal)


def test_a_draft_with_its_counts_is_a_study(settings):
    write_runs(propose_runs(settings, PROJECT))
    folder = settings.data_dir / "studies" / PROJECT.lower()
    (folder / "study.toml.draft").rename(folder / "study.toml")
    samples = [line.split("\t")[0] for line in (folder / "samples.tsv").read_text().splitlines()[1:]]
    (folder / "counts.tsv").write_text("\t".join(["gene", *samples]) + "\nAXL" + "\t7" * len(samples) + "\n")
    registry = load_registry([folder])
    assert registry.study_faults == ()
    assert [one.state for one in registry.contrasts() if one.study_id == PROJECT.lower()] == ["treated", "tolerant"]


@pytest.mark.parametrize("name", ["cbioportal:study_es_0", PROJECT])
def test_a_dry_run_writes_nothing(settings, monkeypatch, name):
    for key, value in (("DATA_DIR", settings.data_dir), ("MIRROR", settings.mirror)):
        monkeypatch.setenv(f"RESISTANCE_{key}", str(value))
    done = CliRunner().invoke(app, ["add", name, "--dry-run"])
    assert done.exit_code == (0 if name.startswith("cbio") else 1), done.output
    assert "proposed from its" in done.output
    assert not (settings.data_dir / "catalog").exists()
    assert not (settings.data_dir / "studies").exists()
