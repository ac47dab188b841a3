"""`resistance add`: from an accession to an entry of the user's catalog, with a reason for each group."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from resistance_assets.catalog.registry import load_registry
from resistance_assets.cli import app
from resistance_assets.commands.add import entry_text, propose_entry, write_entry
from resistance_assets.errors import UsageFault
from resistance_assets.settings import Settings


@pytest.fixture
def settings(demo_place, tmp_path) -> Settings:
    """Of a warehouse without the datasets of the papers, whose accessions may then be added."""
    return Settings(data_dir=tmp_path, mirror=demo_place / "demo" / "mirror", sets=())


def test_a_series_becomes_a_study_that_names_its_samples(settings):
    record, proposal = propose_entry(settings, "gse94089")
    assert proposal.is_sure
    said = write_entry(settings, proposal)
    assert said.endswith("the catalog with it is good; next: resistance run")
    registry = load_registry(own_catalogs=settings.catalog_dirs, sets=())
    study = registry.public_studies["gse94089"]
    assert [len(group.samples) for group in study.group] == [3, 3, 3, 3]
    assert all(group.verified_from.startswith("sample sheet of GSE94089: ") for group in study.group)
    assert [(one.drug, one.drug_class, one.methods) for one in study.contrast] == [
        (drug, "ALK-TKI", ("limma",)) for drug in ("crizotinib", "ceritinib", "alectinib")
    ]
    titles = dict(record.samples.select("sample_id", "title").rows())
    for group in study.group:
        word = group.id.split("_")[1]
        assert all(f"H2228 {word}" in titles[sample] for sample in group.samples)


def test_samples_without_replicates_get_effects_and_no_class_of_resistance(settings):
    _, proposal = propose_entry(settings, "E-MTAB-5997")
    assert '"fold_change", "edger_exact"' in proposal.text
    assert 'state = "acquired"' not in proposal.text
    assert 'state = "treated"' in proposal.text


def test_an_accession_that_the_catalog_reads_already_is_not_added_again(settings):
    seeded = settings.model_copy(update={"sets": ("seeds",)})
    _, proposal = propose_entry(seeded, "GSE94089")
    with pytest.raises(UsageFault, match="gse94089: is in the catalog already, as study h2228_alk_tki"):
        write_entry(seeded, proposal)
    assert not proposal.path.exists()


def test_without_a_contrast_a_draft_is_written_that_no_run_reads(settings):
    from resistance_assets.connectors.sample_design import propose_design

    record, proposal = propose_entry(settings, "GSE94089")
    bare = propose_design(record.samples.select("sample_id"))
    unsure = type(proposal)(
        proposal.path.with_name("gse94089.toml.draft"), entry_text(record, bare, {}), bare, False, None
    )
    assert "is a draft: write its contrasts" in write_entry(settings, unsure)
    assert "# UNSURE: nothing in the sheet says" in unsure.path.read_text()
    assert "gse94089" not in load_registry(own_catalogs=settings.catalog_dirs, sets=()).public_studies


def test_a_file_that_is_there_is_kept(settings):
    _, proposal = propose_entry(settings, "GSE94089")
    write_entry(settings, proposal)
    with pytest.raises(UsageFault, match=r"gse94089\.toml: exists"):
        write_entry(settings, proposal)


def test_what_is_no_accession_is_refused(settings):
    with pytest.raises(UsageFault, match="PRJNA1: is no accession that can be added"):
        propose_entry(settings, "PRJNA1")


def test_a_dry_run_shows_the_file_and_writes_nothing(settings, monkeypatch):
    for name, value in (("DATA_DIR", settings.data_dir), ("MIRROR", settings.mirror), ("SETS", "")):
        monkeypatch.setenv(f"RESISTANCE_{name}", str(value))
    done = CliRunner().invoke(app, ["add", "GSE94089", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "[[study.contrast]]" in done.output
    assert "- GSM9994004: H2228 crizotinib-resistant, culture 1" in done.output
    assert not (settings.data_dir / "catalog").exists()


def test_titles_of_a_host_cannot_break_the_file(settings):
    import dataclasses
    import tomllib

    record, proposal = propose_entry(settings, "GSE94089")
    hostile = dataclasses.replace(record, title='a"] \n[evil]\nx = "\x07\u202e')
    document = tomllib.loads(entry_text(hostile, proposal.design, {}))
    assert set(document) == {"source", "study"}
    assert document["study"][0]["title"] == hostile.title
