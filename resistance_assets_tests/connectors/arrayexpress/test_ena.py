"""ENA's file report: the real ones, and every way one is wrong."""

from __future__ import annotations

import json

import pytest

from resistance_assets.connectors.arrayexpress.ena import (
    fetch_report,
    preferred_fastq,
    read_report,
    report_resource,
    require_fastq,
)
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.errors import DataFault, SourceUnavailable
from resistance_assets_tests.loopback import Reply

MD5 = ["a" * 32, "b" * 32, "c" * 32]
FTP = "ftp.sra.ebi.ac.uk/vol1/fastq/ERR1/ERR1"


def write(path, *rows: str, header: str = "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_real_paired_run(shared):
    report = read_report(shared / "samples" / "ena" / "filereport_fastqs.tsv")
    assert report.runs["run_accession"].to_list() == ["SRR8426358"]
    assert report.files.select("file_name", "read", "md5", "size_bytes").rows() == [
        ("SRR8426358_1.fastq.gz", "1", "be7e88cf6f6fd90f1b1170f1cb367123", 5507959060),
        ("SRR8426358_2.fastq.gz", "2", "2124da22644d876c4caa92ffd9e2402e", 7194107512),
    ]
    assert report.files["url"][0] == (
        "https://ftp.sra.ebi.ac.uk/vol1/fastq/SRR842/008/SRR8426358/SRR8426358_1.fastq.gz"
    )
    require_fastq(report.files, "SRR8426358")


def test_real_submitted_files_are_no_fastq(shared):
    report = read_report(shared / "samples" / "ena" / "filereport_bam.tsv")
    assert report.files.select("origin", "file_name", "read").rows() == [
        ("submitted", "10X_P4_0.bam", None),
        ("submitted", "10X_P4_0.bam.bai", None),
    ]
    assert preferred_fastq(report.files).height == 0
    with pytest.raises(DataFault, match=r"SRR6835844: the FASTQ files of the run are none"):
        require_fastq(report.files, "SRR6835844")


@pytest.mark.parametrize("name", ["filereport_fastqs_empty.tsv", "filereport_bam_empty.tsv"])
def test_real_run_without_files_stays_a_run(shared, name):
    report = read_report(shared / "samples" / "ena" / name)
    assert (report.runs.height, report.files.height, report.rejected.height) == (1, 0, 0)


def test_real_json_report(shared):
    report = read_report(shared / "samples" / "ena" / "portal_search_read_run.head.json")
    assert (report.runs.height, report.rejected.height) == (40, 0)
    assert set(report.runs["study_accession"]) >= {"PRJEB12126"}
    assert report.runs["run_accession"].is_sorted()


def test_columns_are_found_by_name_and_orphans_left_out(tmp_path):
    path = write(
        tmp_path / "r.tsv",
        f"3;1;2\t{';'.join(MD5)}\tERR1\tPAIRED\t{FTP}.fastq.gz;{FTP}_1.fastq.gz;{FTP}_2.fastq.gz",
        header="fastq_bytes\tfastq_md5\trun_accession\tlibrary_layout\tfastq_ftp",
    )
    report = read_report(path)
    assert report.files.select("read", "size_bytes", "md5").rows() == [
        ("orphan", 3, MD5[0]),
        ("1", 1, MD5[1]),
        ("2", 2, MD5[2]),
    ]
    assert preferred_fastq(report.files)["read"].to_list() == ["1", "2"]
    require_fastq(report.files, "ERR1")


def test_submitted_fastq_stand_in_where_ena_made_none(tmp_path):
    header = "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes\tsubmitted_ftp\tsubmitted_md5\tsubmitted_bytes"
    sent = "ftp.sra.ebi.ac.uk/vol1/run/ERR2/a_R1_001.fq.gz;ftp.sra.ebi.ac.uk/vol1/run/ERR2/a_R2_001.fq.gz"
    path = write(
        tmp_path / "r.tsv",
        f"ERR2\t\t\t\t{sent}\t{MD5[0]};{MD5[1]}\t5;6",
        f"ERR1\t{FTP}.fastq.gz\t{MD5[2]}\t7\t{sent}\t{MD5[0]};{MD5[1]}\t5;6",
        header=header,
    )
    report = read_report(path)
    assert report.runs["run_accession"].to_list() == ["ERR1", "ERR2"]
    assert preferred_fastq(report.files).select("run_accession", "origin", "read").rows() == [
        ("ERR1", "fastq", "single"),
        ("ERR2", "submitted", "1"),
        ("ERR2", "submitted", "2"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"ERR1\t{FTP}_1.fastq.gz;{FTP}_2.fastq.gz\t{MD5[0]}\t1;2", "fastq_md5 has 1 values for 2 addresses"),
        (f"ERR1\t{MD5[0]}\t{FTP}.fastq.gz\t1", "which is no address"),
        (f"ERR1\t{FTP}.fastq.gz\t{MD5[0]}\tmany", "no whole number"),
        (f"ERR1\t{FTP}.fastq.gz\tabc\t1", "no md5"),
        (f"ERS1\t{FTP}.fastq.gz\t{MD5[0]}\t1", "not the accession of a run"),
    ],
)
def test_row_that_contradicts_itself_is_rejected(tmp_path, row, reason):
    good = f"ERR9\t{FTP}.fastq.gz\t{MD5[0]}\t1"
    report = read_report(write(tmp_path / "r.tsv", good, row, good))
    assert (report.runs.height, report.rejected.height) == (1, 2)
    assert report.rejected["line"].to_list() == [3, 4]
    assert reason in report.rejected["reason"][0]
    assert report.rejected["row"][0] == row


def test_missing_key_column_and_ragged_rows_are_faults(tmp_path):
    with pytest.raises(DataFault, match="column run_accession is missing; did you mean runs_accession"):
        read_report(write(tmp_path / "r.tsv", "ERR1\tx", header="runs_accession\tfastq_ftp"))
    with pytest.raises(DataFault, match="line 3: the row has 2 fields"):
        read_report(write(tmp_path / "r.tsv", "ERR1\t\t\t", "ERR2\t"))
    (tmp_path / "r.json").write_text('{"message": "no"}')
    with pytest.raises(DataFault, match="expected a list"):
        read_report(tmp_path / "r.json")


# The host


def path_of(accession: str) -> str:
    return report_resource(accession).url.replace("https:/", "")


def test_good_report_is_fetched(public_hosts, loopback, shared):
    body = (shared / "samples" / "ena" / "filereport_fastqs.tsv").read_bytes()
    loopback.script(path_of("SRP1"), Reply(status=429, headers={"Retry-After": "1.5"}), Reply(body))
    assert fetch_report(public_hosts, "SRP1").files.height == 2


def test_limit_of_the_host_is_waited_for(public_hosts, loopback, shared, waits):
    body = (shared / "samples" / "ena" / "filereport_fastqs.tsv").read_bytes()
    loopback.script(path_of("SRP1"), Reply(status=429, headers={"Retry-After": "1.5"}), Reply(body))
    fetch_report(public_hosts, "SRP1")
    assert waits == [1.5]


def test_no_content_and_a_bare_header_are_unavailable(public_hosts, loopback):
    loopback.script(path_of("ERP1"), Reply(status=204))
    with pytest.raises(SourceUnavailable, match="nothing to give"):
        fetch_report(public_hosts, "ERP1")
    loopback.script(path_of("ERP2"), Reply(b"run_accession\tfastq_ftp\n"))
    with pytest.raises(SourceUnavailable, match="a header and no run") as caught:
        fetch_report(public_hosts, "ERP2")
    assert failure_kind(caught.value) is FailureKind.NO_CONTENT


def test_bad_query_is_refused_at_once(public_hosts, loopback, waits):
    message = json.dumps({"message": "Invalid field"}).encode()
    loopback.script(path_of("ERP1"), Reply(message, status=400))
    with pytest.raises(SourceUnavailable, match="status 400"):
        fetch_report(public_hosts, "ERP1")
    assert waits == []
