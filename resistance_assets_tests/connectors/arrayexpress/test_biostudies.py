"""ArrayExpress studies: real sheets and answers, paging, the mirror, and the comparison with ENA."""

from __future__ import annotations

import json

import polars as pl
import pytest

from resistance_assets.connectors.arrayexpress.biostudies import (
    ena_studies,
    fetch_file,
    fetch_study,
    file_addresses,
    file_page_resource,
    info_resource,
    list_files,
    read_file_page,
    read_idf,
    read_info,
    read_record,
    read_sdrf,
    reconcile,
    sample_sheet,
    study_resource,
)
from resistance_assets.connectors.arrayexpress.ena import read_report, report_resource
from resistance_assets.connectors.transport.transport import FailureKind, failure_kind
from resistance_assets.errors import DataFault, SourceUnavailable, TransportFault
from resistance_assets_tests.loopback import LoopbackHost, Reply

# Sheet: rows, samples, samples that are sequencing runs, and one factor with its values.
SHEETS = {
    "E-GEOD-59671.sdrf.txt": (52, 52, 0, "factor_time", {"-2", "0", "2", "8", "24"}),
    "E-MTAB-1443.hyb.sdrf.txt": (6, 6, 0, "factor_compound", {"DMSO", "I-BET151"}),
    "E-MTAB-1443.seq.sdrf.txt": (3, 3, 3, "factor_dose", {"500"}),
    "E-MTAB-1963.sdrf.txt": (12, 6, 6, "factor_cell_type", None),
    "E-MTAB-3624.sdrf.txt": (60, 36, 24, "factor_phenotype", None),
    "E-MTAB-5171.head.sdrf.txt": (100, 48, 48, "factor_disease", {"normal", "glioblastoma"}),
    "E-MTAB-584.sdrf.txt": (4, 2, 2, "factor_individual", {"faire", "input"}),
}


@pytest.fixture
def sheets(shared):
    return shared / "samples" / "arrayexpress"


@pytest.mark.parametrize("name", SHEETS)
def test_real_sheets_give_one_row_per_run_or_assay(sheets, name):
    rows, samples, runs, factor, values = SHEETS[name]
    sdrf = read_sdrf(sheets / name)
    assert (sdrf.n_rows, sdrf.rejected.height) == (rows, 0)
    lines = sum(1 for line in (sheets / name).read_text().splitlines() if line.strip())
    assert sdrf.n_rows + sdrf.rejected.height == lines - 1
    sheet = sample_sheet(sdrf)
    assert sheet["sample_id"].n_unique() == sheet.height == samples
    assert sheet["run_accession"].drop_nulls().len() == runs
    assert sheet[factor].null_count() == 0
    if values:
        assert set(sheet[factor]) <= values


def test_repeated_and_spaced_columns_are_all_read(sheets):
    sdrf = read_sdrf(sheets / "E-MTAB-1963.sdrf.txt")
    materials = sdrf.column("materialtype")
    assert set(map(len, materials.values())) == {2}
    assert materials[2] == ["cell", "polyA-RNA"]
    assert len(sdrf.column("protocolref")[2]) == 6
    sheet = sample_sheet(sdrf)
    row = sheet.filter(run_accession="ERR356440").to_dicts()[0]
    assert (row["library_layout"], row["characteristic_age"], row["characteristic_age_unit"]) == (
        "PAIRED",
        "8 to 12",
        "week",
    )
    assert (row["ena_sample"], row["assay_name"]) == ("ERS360420", "LS+K.1")
    spaced = read_sdrf(sheets / "E-GEOD-59671.sdrf.txt")
    assert set(spaced.column("characteristics", "Organism")[2]) == {"Homo sapiens"}
    assert "rofecoxib" in set(sample_sheet(spaced)["factor_nsaid_treatment"])


def test_two_spellings_of_factor_values_are_one_kind(sheets):
    sheet = sample_sheet(read_sdrf(sheets / "E-MTAB-3624.sdrf.txt"))
    assert {"factor_phenotype", "factor_individual"} <= set(sheet.columns)
    # Cells of two blanks are blank, not values.
    assert sheet.filter(pl.col("run_accession").is_null())["ena_sample"].null_count() == 12


def test_short_rows_are_filled_and_long_or_nameless_rows_rejected(tmp_path):
    path = tmp_path / "x.sdrf.txt"
    path.write_text(
        "Source Name\tComment [ENA_RUN]\tFactorValue [dose]\tUnit[x]\n"
        "a\tERR1\n\nb\tERR2\t5\tnM\t\t\n\tERR3\t5\tnM\nc\tERR4\t5\tnM\tmore\n"
    )
    sdrf = read_sdrf(path)
    assert (sdrf.n_rows, sdrf.rejected["line"].to_list()) == (2, [5, 6])
    assert sdrf.rejected["reason"].to_list() == ["blank Source Name", "the row has 5 cells and the header 4"]
    assert sample_sheet(sdrf).select("sample_id", "factor_dose", "factor_dose_unit").rows() == [
        ("ERR1", None, None),
        ("ERR2", "5", "nM"),
    ]


def test_sheets_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.sdrf.txt"
    for text, message in (
        ("", "empty"),
        ("\n \t\n", "empty"),
        ("Source\tAssay Name\na\tb\n", "Source Name is missing"),
    ):
        path.write_text(text)
        with pytest.raises(DataFault, match=message):
            read_sdrf(path)
    path.write_bytes(b"Source Name\n\0\n")
    with pytest.raises(DataFault, match="binary"):
        read_sdrf(path)
    path.write_text("Investigation Title\tx\n")
    with pytest.raises(DataFault, match="no field names the sample sheet"):
        read_idf(path)


IDFS = {
    "E-GEOD-59671": (["E-GEOD-59671.sdrf.txt"], []),
    "E-MTAB-1443": (["E-MTAB-1443.hyb.sdrf.txt", "E-MTAB-1443.seq.sdrf.txt"], ["ERP002132"]),
    "E-MTAB-1963": (["E-MTAB-1963.sdrf.txt"], ["ERP004089"]),
    "E-MTAB-3624": (["E-MTAB-3624.sdrf.txt"], ["ERP010760"]),
    "E-MTAB-5171": (["E-MTAB-5171.sdrf.txt"], ["ERP018009"]),
    "E-MTAB-584": (["E-MTAB-584.sdrf.txt"], ["ERP000567"]),
}


@pytest.mark.parametrize("accession", IDFS)
def test_real_investigation_sheets(sheets, accession):
    idf = read_idf(sheets / f"{accession}.idf.txt")
    assert (idf.sdrf_files, idf.sequence_studies) == IDFS[accession]
    assert idf.values("Comment [SecondaryAccession]") == idf.values("comment[secondaryaccession]")
    assert len(idf.values("Protocol Name")) == len(set(idf.values("Protocol Name"))) > 1


def test_real_records(shared):
    folder = shared / "samples" / "biostudies"
    array, spatial = (read_record(folder / f"study_{name}.json") for name in ("E-GEOD-16059", "E-MTAB-14669"))
    assert (array.study_type, array.release_date) == ("transcription profiling by array", "2009-05-12")
    assert dict(array.links.rows())["GEO"] == "GSE16059"
    assert ena_studies(spatial, None) == ["ERP166883"]
    assert ena_studies(array, None) == []
    with pytest.raises(DataFault, match="Study not found"):
        read_record(folder / "study_not_found.json")
    info = read_info(folder / "info_E-GEOD-16059.json")
    assert (info.version, info.n_files) == ("modified:1691250665774", 178)
    assert read_info(folder / "info_E-MTAB-14669.json").version == "released:1740355200000"
    files, total = read_file_page(folder / "files_E-MTAB-6701.json")
    assert (files["size_bytes"].to_list(), total) == ([3011006, 36760], 2)
    for name in ("search.json", "search_empty.json"):
        with pytest.raises(DataFault, match="no accession"):
            read_record(folder / name)
        with pytest.raises(DataFault, match="items"):
            read_file_page(folder / name)


def test_addresses_follow_the_info_and_else_the_rule(shared):
    info = read_info(shared / "samples" / "biostudies" / "info_E-MTAB-14669.json")
    assert file_addresses("E-MTAB-14669", "a b.txt", info) == [
        "https://www.ebi.ac.uk/biostudies/files/E-MTAB-14669/a%20b.txt",
        "https://ftp.ebi.ac.uk/biostudies/fire/E-MTAB-/669/E-MTAB-14669/Files/a%20b.txt",
    ]
    assert file_addresses("E-MTAB-7068", "x", None)[1] == (
        "https://ftp.ebi.ac.uk/biostudies/fire/E-MTAB-/068/E-MTAB-7068/Files/x"
    )


# SDRF against ENA


def ena_report(path, *rows: str):
    path.write_text(
        "run_accession\tsecondary_sample_accession\tlibrary_layout\tlibrary_strategy\tfastq_ftp\tfastq_md5\n"
        + "".join(row + "\n" for row in rows)
    )
    return read_report(path)


def fastq(run: str, *mates: str) -> str:
    return ";".join(f"ftp.sra.ebi.ac.uk/vol1/fastq/{run}/{run}{mate}.fastq.gz" for mate in mates)


def test_sheet_and_report_that_agree_differ_nowhere(sheets, tmp_path):
    sdrf = read_sdrf(sheets / "E-MTAB-1963.sdrf.txt")
    sheet = sample_sheet(sdrf)
    rows = [
        f"{row['run_accession']}\t{row['ena_sample']}\tPAIRED\tRNA-Seq\t{fastq(row['run_accession'], '_1', '_2')}\t"
        for row in sheet.to_dicts()
    ]
    assert reconcile(sdrf, ena_report(tmp_path / "r.tsv", *rows)).height == 0


def test_every_difference_is_reported(tmp_path):
    path = tmp_path / "x.sdrf.txt"
    uri = "ftp://ftp.sra.ebi.ac.uk/vol1/run/ERR613/ERR1_1.fastq.gz"
    lines = [
        ("s1", "ERS1", "ERR1", "PAIRED", f"{uri}UC-2915-Sample1_R1_001.fastq.gz", "d" * 32),
        ("s1", "ERS9", "ERR1", "PAIRED", uri.replace("_1.", "_2."), "a" * 32),
        ("s2", "ERS2", "ERR2", "SINGLE", "ftp://h.org/ERR2.fastq.gz", ""),
        ("s3", "ERS3", "ERR3", "SINGLE", "ftp://h.org/other.fastq.gz", ""),
        ("s4", "ERS4", "ERR4", "SINGLE", "ftp://h.org/ERR4.fastq.gz", ""),
    ]
    header = ["Source Name"] + [
        f"Comment[{name}]" for name in ("ENA_SAMPLE", "ENA_RUN", "LIBRARY_LAYOUT", "FASTQ_URI", "MD5")
    ]
    path.write_text("\n".join("\t".join(cells) for cells in [header, *lines]) + "\n")
    report = ena_report(
        tmp_path / "r.tsv",
        f"ERR1\tERS1\tPAIRED\tRNA-Seq\t{fastq('ERR1', '_1', '_2')}\t{'a' * 32};{'b' * 32}",
        f"ERR2\tERS2\tPAIRED\tRNA-Seq\t{fastq('ERR2', '')}\t",
        f"ERR3\tERS3\tsingle\tRNA-Seq\t{fastq('ERR3', '')}\t",
        f"ERR5\tERS5\tSINGLE\tRNA-Seq\t{fastq('ERR5', '')}\t",
    )
    found = reconcile(read_sdrf(path), report).select("run_accession", "field", "difference").rows()
    assert found == [
        ("ERR1", "fastq_uri", "address malformed"),
        ("ERR1", "md5", "md5 unknown to ENA"),
        ("ERR1", "sample", "rows of the run disagree"),
        ("ERR2", "library_layout", "values differ"),
        ("ERR3", "fastq_file", "file only at ENA"),
        ("ERR3", "fastq_file", "file only in the sample sheet"),
        ("ERR4", "run_accession", "run only in the sample sheet"),
        ("ERR5", "run_accession", "run only at ENA"),
    ]


# The host

ACCESSION = "E-MTAB-1963"


def place(url: str) -> str:
    return url.replace("https:/", "")


class Replay:
    """A study as the host serves it; a test may script a route anew."""

    def __init__(self, loopback: LoopbackHost, sheets) -> None:
        self.host = loopback
        sizes = {name: (sheets / name).stat().st_size for name in (f"{ACCESSION}.idf.txt", f"{ACCESSION}.sdrf.txt")}
        items = [{"path": name, "Size": size, "Section": "mt"} for name, size in sizes.items()]
        items.append({"path": "counts.txt", "Size": 10, "Section": "processed-data", "Description": "Processed Data"})
        # Of this one, only the sample sheet tells what it is.
        items.append({"path": "LS+K1.bam", "Size": 10, "Section": "mt"})
        link = "https://ftp.ebi.ac.uk/pub/databases/biostudies/E-MTAB-/963/E-MTAB-1963"
        section = {"type": "Study", "links": [[{"url": "ERP004089", "attributes": [{"name": "Type", "value": "ENA"}]}]]}
        self.json(study_resource(ACCESSION).url, {"accno": ACCESSION, "section": section})
        self.json(info_resource(ACCESSION).url, {"httpLink": link, "modified": 1, "files": 4})
        self.json(file_page_resource(ACCESSION).url, {"items": items, "pagination": {"total": 4}})
        for name in sizes:
            target = f"{link}/Files/{name}"
            redirect = f"https://www.ebi.ac.uk/biostudies/files/{ACCESSION}/{name}"
            loopback.script(place(redirect), Reply(status=302, headers={"Location": target}))
            loopback.script(place(target), Reply((sheets / name).read_bytes()))
        runs = sample_sheet(read_sdrf(sheets / f"{ACCESSION}.sdrf.txt"))["run_accession"].to_list()
        report = "run_accession\tfastq_ftp\n" + "".join(f"{run}\t{fastq(run, '_1', '_2')}\n" for run in runs[:-1])
        loopback.script(place(report_resource("ERP004089").url), Reply(report.encode()))

    def json(self, url: str, *documents: object) -> None:
        self.host.script(place(url), *[Reply(json.dumps(document).encode()) for document in documents])


@pytest.fixture
def replay(loopback, sheets):
    return Replay(loopback, sheets)


def test_study_is_fetched_through_the_redirect_to_the_mirror(public_hosts, replay):
    study = fetch_study(public_hosts, ACCESSION)
    assert (study.samples.height, study.runs.height, study.run_files.height) == (6, 5, 10)
    assert study.differences["difference"].to_list() == ["run only in the sample sheet"]
    assert study.processed["path"].to_list() == ["counts.txt", "LS+K1.bam"]
    assert study.info.version == "modified:1"
    assert [fetched.resolved_url.rpartition("/")[2] for fetched in study.fetched[2:]] == [
        f"{ACCESSION}.idf.txt",
        f"{ACCESSION}.sdrf.txt",
    ]


def test_file_that_the_host_lost_is_taken_from_the_mirror(public_hosts, replay, loopback, sheets):
    page = b"<!DOCTYPE html><html><body>" + b"x" * 14_000 + b"</body></html>"
    redirect = f"https://www.ebi.ac.uk/biostudies/files/{ACCESSION}/{ACCESSION}.idf.txt"
    loopback.script(place(redirect), Reply(page, status=404))
    assert fetch_study(public_hosts, ACCESSION).idf.sdrf_files == [f"{ACCESSION}.sdrf.txt"]
    with pytest.raises(SourceUnavailable, match=r"status 404 from .*/biostudies/files/E-MTAB-1963/gone.txt"):
        fetch_file(public_hosts, ACCESSION, "gone.txt")


def test_page_of_html_with_status_200_is_named_and_the_mirror_used(public_hosts, replay, loopback):
    page = Reply(b"<!DOCTYPE html><html><body>Service unavailable</body></html>")
    redirect = f"https://www.ebi.ac.uk/biostudies/files/{ACCESSION}/{ACCESSION}.sdrf.txt"
    loopback.script(place(redirect), page)
    assert fetch_study(public_hosts, ACCESSION).samples.height == 6
    for url in file_addresses(ACCESSION, "x.txt", None):
        loopback.script(place(url), page)
    with pytest.raises(TransportFault) as caught:
        fetch_file(public_hosts, ACCESSION, "x.txt", content="text")
    assert failure_kind(caught.value) is FailureKind.HTML_PAGE


def test_sheet_of_another_size_than_declared_is_refused(public_hosts, replay):
    items = [{"path": f"{ACCESSION}.idf.txt", "Size": 7}]
    replay.json(file_page_resource(ACCESSION).url, {"items": items, "pagination": {"total": 1}})
    with pytest.raises(TransportFault) as caught:
        fetch_study(public_hosts, ACCESSION)
    assert failure_kind(caught.value) is FailureKind.SIZE_MISMATCH


@pytest.mark.parametrize(
    ("resource", "document", "status", "kind"),
    [
        (study_resource(ACCESSION), {"errorMessage": "Study not found"}, 404, FailureKind.REFUSED_OR_GONE),
        (info_resource(ACCESSION), {}, 200, FailureKind.EMPTY_OR_ERROR_JSON),
        (
            file_page_resource(ACCESSION),
            {"items": [], "pagination": {"total": 0}},
            200,
            FailureKind.EMPTY_OR_ERROR_JSON,
        ),
        (study_resource(ACCESSION), {}, 403, FailureKind.REFUSED_OR_GONE),
    ],
)
def test_answers_for_a_study_that_is_unknown_private_or_suppressed(
    public_hosts, replay, loopback, resource, document, status, kind
):
    loopback.script(place(resource.url), Reply(json.dumps(document).encode(), status=status))
    with pytest.raises((SourceUnavailable, TransportFault)) as caught:
        fetch_study(public_hosts, ACCESSION)
    assert failure_kind(caught.value) is kind


def page(start: int, stop: int, total: int) -> dict[str, object]:
    return {"items": [{"path": f"f{n}", "Size": str(n)} for n in range(start, stop)], "pagination": {"total": total}}


def test_files_are_listed_over_pages_and_each_once(public_hosts, replay):
    replay.json(file_page_resource(ACCESSION).url, page(0, 1000, 1500))
    # The host floors offsets, so that pages may overlap.
    replay.json(file_page_resource(ACCESSION, 1000).url, page(900, 1500, 1500))
    files = list_files(public_hosts, ACCESSION)
    assert (files.height, files["path"].n_unique(), files["size_bytes"][1499]) == (1500, 1500, 1499)


@pytest.mark.parametrize("second", [page(0, 1000, 1500), page(0, 0, 1500)])
def test_last_page_repeated_or_empty_is_told_as_missing_pages(public_hosts, replay, second):
    replay.json(file_page_resource(ACCESSION).url, page(0, 1000, 1500))
    replay.json(file_page_resource(ACCESSION, 1000).url, second)
    with pytest.raises(TransportFault, match="1000 items were received of the 1500") as caught:
        list_files(public_hosts, ACCESSION)
    assert failure_kind(caught.value) is FailureKind.PAGES_MISSING


def test_changed_modification_date_changes_the_version(public_hosts, replay):
    before = fetch_study(public_hosts, ACCESSION).info.version
    replay.json(info_resource(ACCESSION).url, {"httpLink": "https://ftp.ebi.ac.uk/x", "modified": 2})
    assert read_info(public_hosts.fetch(info_resource(ACCESSION)).path).version != before
