"""What hosts send in place of gene sets, reads and interactions, from request to fault.

Faults of other hosts are tried where their readers are tested: test_biostudies, test_ena, test_geo, test_gdc,
test_xena, test_cbioportal_alterations, test_panther_string_kegg and test_transport.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile

import polars as pl
import pytest

from resistance_assets.connectors.arrayexpress.ena import FILE_SCHEMA, fastq_resources
from resistance_assets.connectors.biogrid import biogrid_release, read_tab3
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.transport.transport import FailureKind, Resource, failure_kind
from resistance_assets.errors import SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import Reply

READS = gzip.compress(b"@r\nACGT\n+\nIIII\n" * 500, mtime=0)
FASTQ_URL = "https://ftp.sra.ebi.ac.uk/vol1/fastq/ERR1/ERR1_1.fastq.gz"


def place(url: str) -> str:
    return url.replace("https:/", "")


@pytest.fixture
def fastq() -> Resource:
    row = ("ERR1", "fastq", "ERR1_1.fastq.gz", "1", FASTQ_URL, hashlib.md5(READS).hexdigest(), len(READS))
    return fastq_resources(pl.DataFrame([row], schema=FILE_SCHEMA, orient="row"))[0]


def test_reads_with_their_published_md5(public_hosts, loopback, fastq):
    loopback.script(place(FASTQ_URL), Reply(READS))
    assert public_hosts.fetch(fastq).path.read_bytes() == READS


def test_reads_that_were_cut_are_resumed(public_hosts, loopback, fastq):
    tag = {"ETag": '"a"'}
    loopback.script(
        place(FASTQ_URL), Reply(READS, headers=tag, ranges=True, cut_after=40), Reply(READS, headers=tag, ranges=True)
    )
    assert public_hosts.fetch(fastq).path.read_bytes() == READS
    assert loopback.requests_to(place(FASTQ_URL))[-1].headers["range"] == "bytes=40-"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(gzip.compress(b"@r\nTTTT\n+\nIIII\n" * 500, mtime=0)), None),
        (Reply(READS[:-20], framing="close"), FailureKind.TRUNCATED),
        (Reply(b"", framing="close"), FailureKind.EMPTY_FILE),
        (Reply(status=421), FailureKind.REFUSED_OR_GONE),
        (Reply(status=500), FailureKind.SERVER_ERROR),
    ],
)
def test_reads_that_are_not_what_was_published(public_hosts, loopback, fastq, reply, kind):
    loopback.script(place(FASTQ_URL), reply)
    with pytest.raises((TransportFault, SourceUnavailable)) as caught:
        public_hosts.fetch(fastq)
    found = failure_kind(caught.value)
    # Other reads of the same length fail by their md5, of another length by their size.
    expected = [kind] if kind else [FailureKind.CHECKSUM_MISMATCH, FailureKind.TRUNCATED, FailureKind.SIZE_MISMATCH]
    assert found in expected


LIBRARY = Resource("https://maayanlab.cloud/Enrichr/geneSetLibrary?mode=text&libraryName=X_2021", content="text")
SETS = b"one (GO:0000001)\t\tTP53\tEGFR,1.0\t\ntwo (GO:0000002)\t\tAXL\t\n"
TOMCAT = b"<!doctype html><html><head><title>HTTP Status 500</title></head><body>Connection refused</body></html>"


def test_library_of_a_host_that_recovers(public_hosts, loopback, waits):
    loopback.script(place(LIBRARY.url), Reply(TOMCAT, status=500), Reply(status=502), Reply(SETS))
    sets, rejected = read_gmt(public_hosts.fetch(LIBRARY).path)
    assert (sets.height, rejected.height, len(waits)) == (3, 0, 2)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(TOMCAT, status=500), FailureKind.SERVER_ERROR),
        (Reply(status=502), FailureKind.SERVER_ERROR),
        (Reply(b"no such library", status=400), FailureKind.REFUSED_OR_GONE),
        (Reply(TOMCAT), FailureKind.HTML_PAGE),
        (Reply(b""), FailureKind.EMPTY_FILE),
    ],
)
def test_library_that_cannot_be_had(public_hosts, loopback, reply, kind):
    loopback.script(place(LIBRARY.url), reply)
    with pytest.raises((TransportFault, SourceUnavailable)) as caught:
        public_hosts.fetch(LIBRARY)
    assert failure_kind(caught.value) is kind


LATEST = Resource(
    "https://downloads.thebiogrid.org/Download/BioGRID/Latest-Release/BIOGRID-ORGANISM-LATEST.tab3.zip", content="zip"
)


def release(version: str, table: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(f"BIOGRID-ORGANISM-Homo_sapiens-{version}.tab3.txt", table)
    return raw.getvalue()


def test_latest_release_under_the_same_name_is_noticed(public_hosts, loopback, shared):
    table = (shared / "samples" / "biogrid" / "first_nine_columns.head.txt").read_bytes()
    loopback.script(place(LATEST.url), Reply(release("5.0.261", table), headers={"ETag": '"261"'}))
    before = public_hosts.probe(LATEST)
    assert biogrid_release(public_hosts.fetch(LATEST).path) == "5.0.261"
    loopback.script(place(LATEST.url), Reply(release("5.0.262", table), headers={"ETag": '"262"'}))
    assert public_hosts.probe(LATEST).token != before.token
    fetched = public_hosts.fetch(LATEST)
    assert biogrid_release(fetched.path) == "5.0.262"
    assert read_tab3(fetched.path)[0].height == 6


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(status=401), FailureKind.REFUSED_OR_GONE), (Reply(b"[]"), FailureKind.WRONG_FORMAT)],
)
def test_interactions_that_cannot_be_had(public_hosts, loopback, reply, kind):
    loopback.script(place(LATEST.url), reply)
    with pytest.raises((TransportFault, SourceUnavailable)) as caught:
        public_hosts.fetch(LATEST)
    assert failure_kind(caught.value) is kind


def test_quota_message_with_status_200_is_no_table(public_hosts, loopback):
    text = b"This repository is over its data quota. Account responsible for LFS bandwidth should purchase more."
    url = "https://media.githubusercontent.com/media/cBioPortal/datahub/master/public/s/data.txt"
    loopback.script(place(url), Reply(text))
    with pytest.raises(TransportFault) as caught:
        public_hosts.fetch(Resource(url, content="tsv"))
    assert failure_kind(caught.value) is FailureKind.WRONG_FORMAT
    assert "over its data quota" in str(caught.value)
