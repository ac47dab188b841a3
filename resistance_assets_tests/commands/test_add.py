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
    with pytest.raises(UsageFault, match="SRX1: is no accession that can be added"):
        propose_entry(settings, "SRX1")


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


def test_the_authors_table_is_named_and_its_columns_are_mapped_to_samples(settings, tmp_path):
    import dataclasses

    from resistance_assets.commands.add import find_counts

    record, proposal = propose_entry(settings, "GSE94089")
    titles = record.samples["title"].to_list()
    tpm, counts = tmp_path / "x_TPM.txt", tmp_path / "x_expected_counts.txt"
    header = "\t".join(["Gene", *titles])
    tpm.write_text(header + "\nAXL" + "\t1.5" * 12 + "\n")
    counts.write_text(header + "\nAXL" + "\t10.25" * 12 + "\n")
    found, name, told = find_counts({tpm.name: tpm, counts.name: counts}, record.samples)
    assert (name, found.gene_column, found.is_estimated) == (counts.name, "Gene", True)
    assert "x_TPM.txt is not used" in told
    text = entry_text(dataclasses.replace(record, counts=found, counts_file=name), proposal.design, {})
    path = tmp_path / "own" / "gse94089.toml"
    path.parent.mkdir()
    path.write_text(text)
    study = load_registry(own_catalogs=[path], sets=()).public_studies["gse94089"]
    assert study.counts.count_type == "estimated"
    assert study.counts.columns == dict(zip(record.samples["sample_id"], titles, strict=True))
    assert find_counts({tpm.name: tpm}, record.samples)[0] is None


def test_abbreviated_drugs_are_drugs_and_their_cells_no_baseline():
    import polars as pl

    from resistance_assets.connectors.sample_design import propose_design

    arms = ("PC9 ctrl 48h", "PC9 Osim 9d", "PC9 resistant Osim 48h", "H3122 ctrl 48h", "H3122 resistant")
    titles = [f"{arm} rep {at}" for arm in arms for at in (1, 2, 3)]
    design = propose_design(pl.DataFrame({"sample_id": [f"GSM{at}" for at in range(15)], "title": titles}))
    assert [(one.state, one.numerator, one.denominator) for one in design.contrasts] == [
        ("acquired", "h3122_resistant", "h3122_ctrl_48h")
    ]
    assert any("pc9_resistant_osim_48h" in doubt for doubt in design.unsure)
