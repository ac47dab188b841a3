"""The Genomic Data Commons: real answers and tables, paging, and bundles whose members are verified one by one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import polars as pl
import pytest

from resistance_assets.connectors.gdc import counts as gdc
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.errors import DataFault, SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import Reply

HEADER = (
    "# gene-model: GENCODE v36\ngene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\t"
    "tpm_unstranded\tfpkm_unstranded\tfpkm_uq_unstranded\n"
)


def table(*rows: str) -> bytes:
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


def test_real_star_tables(shared):
    for name, genes, unmapped in (("head_a", 3, 8120268), ("head_b", 5, 4850100)):
        path = shared / "samples" / "gdc" / f"star_gene_counts.{name}.tsv"
        star = gdc.read_star_counts(path.read_bytes(), source=path.name)
        assert (star.genes.height, star.rejected.height, star.gene_model) == (genes, 0, "GENCODE v36")
        assert star.summary.keys() == {"N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"}
        assert star.summary["N_unmapped"] == unmapped
    first = gdc.read_star_counts((path.parent / "star_gene_counts.head_a.tsv").read_bytes(), source="a").genes.row(0)
    assert first == ("ENSG00000000003.15", "TSPAN6", "protein_coding", 3231, 1634, 1597, 44.6685, 16.8557)


def test_pseudo_autosomal_copies_stay_apart_and_repeats_are_rejected():
    star = gdc.read_star_counts(
        table(
            "N_unmapped\t\t\t1\t2\t3\t\t\t",
            "ENSG1.5\tA\tx\t4\t1\t1\t0.5\t1\t1",
            "ENSG1.5_PAR_Y\tA\tx\t0\t0\t0\t0\t0\t0",
            "ENSG1.5\tA\tx\t4\t1\t1\t0.5\t1\t1",
            "\tA\tx\t4\t1\t1\t0.5\t1\t1",
        ),
        source="s",
    )
    assert star.genes["gene_id"].to_list() == ["ENSG1.5", "ENSG1.5_PAR_Y"]
    assert star.rejected["line"].to_list() == [7, 6]
    assert star.genes.height + len(star.summary) + star.rejected.height == 5
    with pytest.raises(DataFault, match="line 3, column unstranded: '-4'"):
        gdc.read_star_counts(table("E\tA\tx\t-4\t1\t1\t0.5\t1\t1"), source="s")
    with pytest.raises(DataFault, match="column tpm_unstranded is missing"):
        gdc.read_star_counts(
            b"gene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\n", source="s"
        )


# The host

TABLES = {f"id-{n}": table(f"ENSG1.1\tA\tx\t{n}\t0\t0\t0\t0\t0") for n in range(1, 6)}


def place(url: str) -> str:
    return url.replace("https:/", "")


def hit(file_id: str) -> dict[str, object]:
    data = TABLES[file_id]
    number = file_id[-1]
    sample = {
        "submitter_id": f"TCGA-05-000{number}-01A",
        "sample_type": "Primary Tumor",
        "portions": [{"analytes": [{"aliquots": [{"submitter_id": f"TCGA-05-000{number}-01A-01R"}]}]}],
    }
    return {
        "file_id": file_id,
        "file_name": f"{file_id}.tsv",
        "md5sum": hashlib.md5(data).hexdigest(),
        "file_size": len(data),
        "cases": [{"submitter_id": f"TCGA-05-000{number}", "samples": [sample]}],
    }


def script_pages(loopback, ids: list[str], total: int | None = None) -> None:
    document = {"data": {"hits": [hit(i) for i in ids], "pagination": {"total": total or len(ids)}}}
    loopback.script(place(gdc.files_resource("TCGA-LUAD").url), Reply(json.dumps(document).encode()))


def bundle(ids: list[str], change: dict[str, bytes] | None = None) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        members = {"MANIFEST.txt": b"id\tfilename\n"} | {f"{i}/{i}.tsv": TABLES[i] for i in ids}
        for name, data in (members | (change or {})).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return raw.getvalue()


@pytest.fixture
def files(public_hosts, loopback):
    script_pages(loopback, list(TABLES))
    return gdc.list_files(public_hosts, "TCGA-LUAD")


def test_files_come_in_bundles_and_a_lone_one_bare(public_hosts, loopback, files):
    assert files["patient_id"].to_list() == [f"TCGA-05-000{n}" for n in range(1, 6)]
    for ids in (["id-1", "id-2"], ["id-3", "id-4"]):
        loopback.script(place(f"{gdc.HOST}/data/{','.join(ids)}"), Reply(bundle(ids), framing="chunked"))
    loopback.script(place(f"{gdc.HOST}/data/id-5"), Reply(TABLES["id-5"]))
    told = []
    got = dict(gdc.fetch_files(public_hosts, files, bundle=2, progress=lambda *n: told.append(n)))
    assert got == TABLES
    assert told == [(2, 5), (4, 5), (5, 5)]
    star = [(file_id, gdc.read_star_counts(data, source=file_id)) for file_id, data in sorted(got.items())]
    matrix = gdc.count_matrix(files, star)
    assert matrix.columns[:4] == ["gene_id", "gene_symbol", "gene_type", "TCGA-05-0001-01A-01R"]
    assert matrix.row(0)[3:] == (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(bundle(["id-1", "id-2"])[:-60], framing="chunked"), FailureKind.TRUNCATED),
        (Reply(bundle(["id-1", "id-2"], {"id-2/id-2.tsv": b"other"})), FailureKind.CHECKSUM_MISMATCH),
        (Reply(bundle(["id-1"])), FailureKind.PAGES_MISSING),
        (Reply(TABLES["id-1"]), FailureKind.WRONG_FORMAT),
        (Reply(b"<html><body>503 Service Unavailable</body></html>"), FailureKind.HTML_PAGE),
    ],
)
def test_bundle_that_is_not_whole_is_refused(public_hosts, loopback, files, reply, kind):
    loopback.script(place(f"{gdc.HOST}/data/id-1,id-2"), reply)
    with pytest.raises(TransportFault) as caught:
        list(gdc.fetch_files(public_hosts, files.head(2)))
    assert failure_kind(caught.value) is kind


def test_bundle_that_was_cut_is_asked_for_again(public_hosts, loopback, files):
    whole = bundle(["id-1", "id-2"])
    loopback.script(place(f"{gdc.HOST}/data/id-1,id-2"), Reply(whole, framing="chunked", cut_after=100), Reply(whole))
    assert len(list(gdc.fetch_files(public_hosts, files.head(2)))) == 2


def test_bundle_that_leads_out_of_its_folder_is_refused(public_hosts, loopback, files):
    loopback.script(place(f"{gdc.HOST}/data/id-1,id-2"), Reply(bundle(["id-1", "id-2"], {"../evil": b"x"})))
    with pytest.raises(DataFault, match="leads out of the archive"):
        list(gdc.fetch_files(public_hosts, files.head(2)))


def test_lone_file_of_another_md5_is_refused(public_hosts, loopback, files):
    loopback.script(place(f"{gdc.HOST}/data/id-1"), Reply(TABLES["id-2"]))
    with pytest.raises(TransportFault) as caught:
        list(gdc.fetch_files(public_hosts, files.head(1)))
    assert failure_kind(caught.value) is FailureKind.CHECKSUM_MISMATCH


def test_pages_that_lack_files_and_projects_without_any_are_told(public_hosts, loopback):
    script_pages(loopback, ["id-1", "id-2"], total=3)
    empty = {"data": {"hits": [], "pagination": {"total": 3}}}
    loopback.script(place(gdc.files_resource("TCGA-LUAD", 1000).url), Reply(json.dumps(empty).encode()))
    with pytest.raises(TransportFault, match="2 items were received of the 3"):
        gdc.list_files(public_hosts, "TCGA-LUAD")
    loopback.script(
        place(gdc.files_resource("TCGA-X").url), Reply(b'{"data": {"hits": [], "pagination": {"total": 0}}}')
    )
    with pytest.raises(TransportFault, match="knows no such file"):
        gdc.list_files(public_hosts, "TCGA-X")


def test_controlled_files_and_an_overloaded_host_are_unavailable(public_hosts, loopback, files):
    loopback.script(place(f"{gdc.HOST}/data/id-1"), Reply(b'{"message": "no access"}', status=403))
    with pytest.raises(SourceUnavailable, match="the host refuses"):
        list(gdc.fetch_files(public_hosts, files.head(1)))
    loopback.script(place(gdc.files_resource("TCGA-X").url), Reply(b"<html>503</html>", status=503))
    with pytest.raises(SourceUnavailable, match="status 503"):
        public_hosts.fetch(gdc.files_resource("TCGA-X"))


def test_replaced_files_change_the_version(files):
    before = gdc.files_version(files)
    assert gdc.files_version(files.sample(fraction=1, shuffle=True, seed=1)) == before
    assert gdc.files_version(files.with_columns(pl.lit("0" * 32).alias("md5"))) != before


def test_files_of_two_gene_models_do_not_make_a_matrix(files):
    star = [
        ("id-1", gdc.read_star_counts(TABLES["id-1"], source="1")),
        ("id-2", gdc.read_star_counts(table("ENSG2.1\tB\tx\t1\t0\t0\t0\t0\t0"), source="2")),
    ]
    with pytest.raises(DataFault, match="its genes are not those of id-1"):
        gdc.count_matrix(files, star)
