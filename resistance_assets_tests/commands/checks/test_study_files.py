"""`doctor` tells every fault of every study folder at once, each with study and file."""

from pathlib import Path

from resistance_assets.catalog.registry import load_registry
from resistance_assets.commands.checks.study_files import faults_of_studies

GOOD = """
[study]
id = "{id}"
title = "A study"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "{id}_a_vs_b"
factor = "condition"
numerator = "a"
denominator = "b"
"""
OVERLAP = """
[[intersection]]
id = "{name}"
title = "Both"
lists = ["good_a_vs_b__pydeseq2__up", "{other}"]
"""


def write(root: Path, name: str, text: str) -> None:
    folder = root / name
    folder.mkdir()
    (folder / "study.toml").write_text(text)
    (folder / "counts.tsv").write_text("gene\ts1\ts2\ts3\ts4\nAXL\t1\t2\t3\t4\n")
    (folder / "samples.tsv").write_text("sample_id\tcondition\ns1\ta\ns2\ta\ns3\tb\ns4\tb\n")


def test_good_studies_have_no_fault(tmp_path):
    write(tmp_path, "good", GOOD.format(id="good"))
    assert faults_of_studies(load_registry([tmp_path])) == []


def test_wrong_keys_columns_and_levels_of_one_study_are_told_together(tmp_path):
    text = GOOD.format(id="bad").replace("title", "titel").replace('factor = "condition"', 'factor = "conditon"')
    write(tmp_path, "bad", text.replace('numerator = "a"', 'numerator = "A"') + "\n[study_notes]\nx = 1\n")
    found = faults_of_studies(load_registry([tmp_path]))
    assert {study for study, _ in found} == {"bad"}
    told = " | ".join(line for _, line in found)
    for part in (
        "study.toml, key study.titel: the key is unknown. Did you mean title?",
        "study.toml, key study_notes: the key is unknown",
        "bad/samples.tsv: contrast bad_a_vs_b: no column conditon",
        "bad/samples.tsv: contrast bad_a_vs_b: numerator 'A' is not a level of condition",
    ):
        assert part in told
    assert "key study.title: the key is missing" not in told


def test_a_misspelt_kind_hides_no_other_key(tmp_path):
    text = GOOD.format(id="bad").replace("rna_seq_counts", "rna_seq_count").replace('samples = "samples.tsv"\n', "")
    write(tmp_path, "bad", text)
    told = [line for _, line in faults_of_studies(load_registry([tmp_path]))]
    assert [line.partition("study.toml, ")[2][:28] for line in told] == [
        "key study.kind: study.kind i",
        "key study.samples: the key i",
    ]


def test_an_intersection_with_a_study_that_is_left_out_waits_alone(tmp_path):
    both = OVERLAP.format(name="with_bad", other="bad_a_vs_b__pydeseq2__up")
    own = OVERLAP.format(name="with_own", other="good_a_vs_b__pydeseq2__down")
    write(tmp_path, "bad", GOOD.format(id="bad").replace("counts.tsv", "absent.tsv"))
    write(tmp_path, "good", GOOD.format(id="good") + both + own)
    registry = load_registry([tmp_path])
    assert set(registry.local_studies) == {"good"}
    assert "with_own" in registry.intersections
    assert "with_bad" not in registry.intersections
    told = dict(faults_of_studies(registry))
    assert "absent.tsv is not in the folder" in told["bad"]
    assert "It is of the study bad, which is left out: mend that one. This intersection alone waits." in told["good"]
