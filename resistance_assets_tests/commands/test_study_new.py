"""A `study.toml` proposed from the headers of a folder's tables."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.commands.study_new import propose_study, write_study
from resistance_assets.errors import UsageFault

SHEET = "sample_id\tcondition\tbatch\n" + "".join(
    f"s{at}\t{'resistant' if at % 2 else 'parental'}\t{'a' if at < 4 else 'b'}\n" for at in range(8)
)
COUNTS = "gene\t" + "\t".join(f"s{at}" for at in range(8)) + "\nAXL\t" + "\t".join("1" * 8) + "\n"
LIMMA = "ID,Gene.symbol,logFC,P.Value,adj.P.Val\n1_at,AXL,2.5,1e-9,1e-6\n2_at,MET /// AXL,-1.5,0.01,0.04\n"


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "my_line"
    folder.mkdir()
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem}.{suffix}"
        if suffix == "gz":
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text)
    return folder


def read_back(folder: Path):
    proposal = propose_study(folder)
    assert "read without a fault" in write_study(proposal)
    registry = load_registry([folder])
    assert registry.study_faults == ()
    return registry.local_studies["my_line"], proposal


def test_counts_with_their_sheet_are_compared_by_the_factor_with_batch(tmp_path):
    study, proposal = read_back(folder_of(tmp_path, counts_tsv=COUNTS, samples_tsv=SHEET))
    assert (study.study.kind, study.study.counts, study.study.samples) == (
        "rna_seq_counts",
        "counts.tsv",
        "samples.tsv",
    )
    (contrast,) = study.contrasts
    assert (contrast.factor, contrast.numerator, contrast.denominator) == ("condition", "resistant", "parental")
    assert contrast.covariates == ("batch",)
    assert proposal.remarks == []


def test_a_batch_that_is_the_condition_is_no_covariate(tmp_path):
    confounded = SHEET.replace("\tb\n", "\ta\n").replace("resistant\ta", "resistant\tb")
    study, _ = read_back(folder_of(tmp_path, counts_tsv=COUNTS, samples_tsv=confounded))
    assert study.contrasts[0].covariates == ()


def test_follow_up_makes_a_cohort(tmp_path):
    rows = "".join(f"s{at}\tp{at}\t{'male' if at % 2 else 'female'}\t{at % 2}\t{100 + at}\n" for at in range(8))
    study, proposal = read_back(
        folder_of(tmp_path, counts_gz=COUNTS, samples_tsv=f"sample_id\tpatient_id\tsex\tevent\ttime\n{rows}")
    )
    survival = study.survival
    assert (survival.time_column, survival.event_column, survival.patient_column) == ("time", "event", "patient_id")
    assert (survival.sex_column, study.contrasts) == ("sex", ())
    assert any("unit of time is a guess" in remark for remark in proposal.remarks)


def test_a_published_table_gets_its_columns_and_says_what_is_a_guess(tmp_path):
    study, proposal = read_back(folder_of(tmp_path, table_csv=LIMMA))
    (contrast,) = study.contrasts
    assert contrast.columns.model_dump(exclude_none=True) == {
        "feature": "ID", "hgnc_symbol": "Gene.symbol", "log2_fold_change": "logFC", "p_value": "P.Value",
        "q_value": "adj.P.Val",
    }  # fmt: skip
    assert (contrast.n_numerator, contrast.multi_gene_separator) == (None, " /// ")
    assert any("direction" in remark for remark in proposal.remarks)


def test_odd_names_are_written_so_that_toml_reads_them(tmp_path):
    odd = "r\u00e9sist'ant\\n"
    folder = folder_of(tmp_path, counts_tsv=COUNTS, samples_tsv=SHEET.replace("resistant", odd))
    document = tomllib.loads(propose_study(folder).text)
    assert document["contrast"][0]["numerator"] == odd


def test_what_cannot_be_told_is_refused_with_what_was_seen(tmp_path):
    folder = folder_of(tmp_path, wells_csv="well,signal\nA1,3\n")
    with pytest.raises(UsageFault, match=r"wells\.csv: well, signal.*docs/bench_studies\.md"):
        propose_study(folder)
    (folder / "study.toml").write_text("mine")
    with pytest.raises(UsageFault, match="exists"):
        propose_study(folder)
    with pytest.raises(UsageFault, match="does not exist"):
        propose_study(tmp_path / "nowhere")
