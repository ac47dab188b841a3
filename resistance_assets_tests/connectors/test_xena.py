"""Tables of UCSC Xena, and the ways in which its hosts answer with something else."""

from __future__ import annotations

import gzip

import pytest

from resistance_assets.connectors.transport.transport import FailureKind, Resource, failure_kind
from resistance_assets.connectors.xena import read_xena_matrix, read_xena_survival
from resistance_assets.errors import DataFault, TransportFault
from resistance_assets_tests.loopback import Reply

MATRIX = b"sample\tTCGA-05-4244-01\tTCGA-44-6147-11\nGAS6\t10.5\t0\nAXL\tNA\t7.25\nGAS6\t1\t2\n\t1\t2\n"


def write(path, data: str | bytes):
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_matrix(tmp_path):
    matrix, rejected = read_xena_matrix(write(tmp_path / "m.gz", gzip.compress(MATRIX)))
    assert matrix.columns == ["gene_symbol", "TCGA-05-4244-01", "TCGA-44-6147-11"]
    assert matrix.rows() == [("GAS6", 10.5, 0.0), ("AXL", None, 7.25)]
    assert sorted(rejected["line"]) == [4, 5]
    with pytest.raises(DataFault, match="line 3, column TCGA-44-6147-11: 'high' cannot be read"):
        read_xena_matrix(write(tmp_path / "m", MATRIX.replace(b"7.25", b"high")))
    with pytest.raises(DataFault, match="line 3, column TCGA-44-6147-11: 'inf'"):
        read_xena_matrix(write(tmp_path / "m", MATRIX.replace(b"7.25", b"inf")))
    with pytest.raises(DataFault, match="TCGA-05-4244-01 occurs twice"):
        read_xena_matrix(write(tmp_path / "m", MATRIX.replace(b"TCGA-44-6147-11", b"TCGA-05-4244-01")))


def test_endpoints_are_days_and_zero_or_one(tmp_path):
    header = "sample\t_PATIENT\tOS\tOS.time\tDSS\tDSS.time\tPFI\tPFI.time\tRedaction\n"
    rows = "A-01\tA\t1\t100\t\t100\t0.0\t50\t\nA-11\tA\t1\t100\t\t\t\t\tRedacted\n"
    rows += "A-01\tA\t0\t1\t\t\t\t\t\nB-01\tB\t0\t-4\t\t\t\t\t\n"
    frame, rejected = read_xena_survival(write(tmp_path / "s.txt", header + rows))
    assert frame.columns == [
        "sample_id",
        "patient_id",
        *[f"{e}_{what}" for e in ("os", "dss", "dfi", "pfi") for what in ("event", "days")],
        "redaction",
    ]
    assert frame.rows() == [
        ("A-01", "A", 1, 100.0, None, 100.0, None, None, 0, 50.0, None),
        ("A-11", "A", 1, 100.0, None, None, None, None, None, None, "Redacted"),
    ]
    assert rejected.select("line", "reason").rows() == [
        (4, "repeats the sample of an earlier row, which is kept"),
        (5, "a time is negative"),
    ]
    with pytest.raises(DataFault, match="line 2, column OS: '2'"):
        read_xena_survival(write(tmp_path / "s.txt", "sample\tOS\tOS.time\nA\t2\t1\n"))
    with pytest.raises(DataFault, match=r"line 2, column OS\.time: 'soon'"):
        read_xena_survival(write(tmp_path / "s.txt", "sample\tOS\tOS.time\nA\t1\tsoon\n"))


# The host

URL = "https://tcga.xenahubs.net/download/TCGA.LUAD.sampleMap/HiSeqV2.gz"
PATH = URL.replace("https:/", "")
RESOURCE = Resource(URL, content="gzip")


def test_redirect_and_unchanged_file(public_hosts, loopback):
    body = gzip.compress(MATRIX)
    store = "/tcga.xenahubs.net/store/HiSeqV2.gz"
    loopback.script(PATH, Reply(status=302, headers={"Location": f"https:/{store}"}))
    loopback.script(store, Reply(body, headers={"ETag": '"one"', "Last-Modified": "Thu, 08 Apr 2021 00:00:00 GMT"}))
    first = public_hosts.fetch(RESOURCE)
    assert read_xena_matrix(first.path)[0].height == 2
    again = public_hosts.fetch(RESOURCE)
    assert again.sha256 == first.sha256
    # The second answer was 304: the host was told what the cache holds.
    assert loopback.requests_to(store)[-1].headers["if-none-match"] == '"one"'


def test_short_xml_with_status_200_is_no_matrix(public_hosts, loopback):
    xml = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>No such key.</Message>'
    loopback.script(PATH, Reply(xml + b" " * (235 - len(xml)) + b"</Error>"))
    with pytest.raises(TransportFault) as caught:
        public_hosts.fetch(RESOURCE)
    assert failure_kind(caught.value) is FailureKind.STORAGE_ERROR_XML
