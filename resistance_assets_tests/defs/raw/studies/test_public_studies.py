"""Public studies from accession to contrasts: as a mirror holds them, and live from hosts that behave as hosts do."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.models.study import Group
from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.connectors.arrayexpress.biostudies import fetch_study
from resistance_assets.connectors.arrayexpress.ena import report_resource
from resistance_assets.connectors.arrayexpress.study import Accession, find_processed, sequenced_samples
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.geo.study import series_crawler
from resistance_assets.connectors.mirror_pull import pull_mirror
from resistance_assets.connectors.public_study import ARRAYS, SUPPLIED, assign_groups
from resistance_assets.connectors.public_study import COUNTS as COUNTS_OF_RECORD
from resistance_assets.connectors.public_study import SHEETS as SHEETS_OF_RECORD
from resistance_assets.connectors.transport.transport import FailureKind, MirrorTransport, Transport, failure_kind
from resistance_assets.defs.core.deg.features import part_address
from resistance_assets.defs.core.deg.interactions import part_address as interaction_address
from resistance_assets.defs.core.studies.gene_expression import expression_address
from resistance_assets.defs.graph import load_steps
from resistance_assets.defs.raw.studies.geo import series_step
from resistance_assets.defs.raw.studies.quantification import partitions_of_record
from resistance_assets.defs.resources import Origins
from resistance_assets.demo.geo_series import array_documents, counts_documents
from resistance_assets.demo.plan import ALK_LINES, SEQUENCED, Plan, make_plan
from resistance_assets.demo.sequenced_cells import Document, accession_documents, transcripts_fasta
from resistance_assets.errors import CatalogFault, DataFault, DesignFault, SourceUnavailable, TransportFault
from resistance_assets.orchestration.events import subscribe
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import Step, StepResult, run_step
from resistance_assets.orchestration.table_steps import by_table
from resistance_assets_tests.connectors.conftest import public_hosts as public_hosts
from resistance_assets_tests.connectors.conftest import waits as waits
from resistance_assets_tests.loopback import LoopbackHost, Reply
from resistance_assets_tests.loopback import loopback as loopback
from resistance_assets_tests.warehouse_runs import ask

READS, SERIES = "h1975_anlotinib", "h2228_alk_tki"
HELD = {**SHEETS_OF_RECORD, **COUNTS_OF_RECORD, **SUPPLIED, **ARRAYS}


def record_partition(name: str, study_id: str) -> str:
    return partitions_of_record(HELD, study_id)[name]


SHEETS, COUNTS = record_partition("samples", READS), record_partition("counts", READS)
VALUES, COUNTED = record_partition("samples", SERIES), record_partition("counts", SERIES)
EXPRESSION = expression_address(SERIES)
ALECTINIB = ALK_LINES["alectinib"]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@functools.cache
def loaded_steps() -> dict[str, Step]:
    return load_steps(load_registry())


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(1, "test", n_patients=10, n_samples_expressed=10)


@pytest.fixture(scope="module")
def documents(plan: Plan, registry: Registry) -> dict[str, Document]:
    """Everything that the hosts of the public studies serve, the series as an array."""
    transcripts = registry.sources["gencode_v36_transcripts"].url
    return {
        **accession_documents(plan),
        **array_documents(plan),
        transcripts: (transcripts_fasta(plan), "application/gzip"),
    }


@dataclass
class Work:
    """A lake that steps are run on one by one, from one way of getting things."""

    lake: Lake
    origins: Origins
    steps: dict[str, Step] = field(default_factory=loaded_steps)

    def run(self, address: str) -> dict[str, StepResult]:
        return run_step(self.lake, self.steps[address], origins=self.origins)

    def read(self, address: str) -> pl.DataFrame:
        table_version = self.lake.current(address)
        assert table_version is not None
        return pl.read_parquet(self.lake.path(address, table_version.data_version))

    def effects(self, contrast: str, method: str) -> dict[str, float]:
        """Gene as the study names it -> log2 fold change."""
        return dict(self.read(part_address(contrast, method)).select("feature_id", "log2_fold_change").iter_rows())


def work_of(tmp_path: Path, transport: Transport, *, is_live: bool = True) -> Work:
    origins = Origins(transport=transport, opt_in=(), is_live=is_live, work_dir=tmp_path / "quantified")
    return Work(Lake(tmp_path / "lake"), origins)


def mirror_of(folder: Path, documents: dict[str, Document]) -> MirrorTransport:
    """The documents as a mirror."""
    import hashlib

    folder.mkdir(parents=True)
    lines = []
    for at, (url, (body, _)) in enumerate(documents.items()):
        name = f"{at}_{url.rpartition('/')[2][:40].replace('?', '_')}"
        (folder / name).write_bytes(body)
        sha256 = hashlib.sha256(body).hexdigest()
        lines.append(json.dumps({"method": "GET", "url": url, "file": name, "sha256": sha256, "bytes": len(body)}))
    (folder / "index.jsonl").write_text("\n".join(lines))
    return MirrorTransport(folder)


def place(url: str) -> str:
    return url.replace("https:/", "")


def serve(host: LoopbackHost, documents: dict[str, Document]) -> None:
    """Every document under its address; files of BioStudies by a redirect to its mirror host, as it does."""
    for url, (body, _) in documents.items():
        if "/biostudies/files/" in url:
            name = url.rpartition("/")[2]
            target = f"https://ftp.ebi.ac.uk/biostudies/fire/{name}"
            host.script(place(url), Reply(status=302, headers={"Location": target}))
            host.script(place(target), Reply(body, headers={"etag": f'"{name}"'}))
        else:
            host.script(place(url), Reply(body, headers={"etag": '"1"'}, ranges=url.endswith(".gz")))


def reads_urls(documents: Iterable[str]) -> list[str]:
    return sorted(url for url in documents if "/vol1/fastq/" in url)


# ---- the demo's warehouse --------------------------------------------------------------------------------------------


def test_planted_effects_of_the_sequenced_arms_are_found_in_the_warehouse(demo_place):
    """Sixteen thousand read pairs over 360 genes: each gene has 40 or so, so effects are told to about half a log2."""
    truth = json.loads((demo_place / "demo" / "truth.json").read_text())["contrasts"]
    for contrast in SEQUENCED:
        found = dict(
            ask(
                demo_place / "data",
                "SELECT hgnc_symbol, log2_fold_change FROM core.deg__contrast_genes"
                f" WHERE contrast_id = '{contrast}' AND method = 'edger_exact'",
            ).iter_rows()
        )
        planted = truth[contrast]
        assert set(planted) <= set(found)  # Ensembl ids of the reference became symbols
        same_sign = [np.sign(found[gene]) == np.sign(effect) for gene, effect in planted.items()]
        assert np.mean(same_sign) > 0.97
        assert np.mean([abs(found[gene] - effect) for gene, effect in planted.items()]) < 0.7
        unplanted = [abs(change) for gene, change in found.items() if gene not in planted]
        assert np.mean(unplanted) < 0.5


def test_planted_effects_of_the_array_are_found_and_no_others(demo_place):
    truth = json.loads((demo_place / "demo" / "truth.json").read_text())["contrasts"]
    for contrast in ALK_LINES.values():
        rows = ask(
            demo_place / "data",
            "SELECT hgnc_symbol, direction = 'up' FROM core.gene_lists__members"
            f" WHERE list_id IN ('{contrast}__limma__up', '{contrast}__limma__down')",
        )
        assert dict(rows.iter_rows()) == {gene: effect > 0 for gene, effect in truth[contrast].items()}


def test_the_three_resistant_lines_meet_where_it_was_planted(demo_place):
    truth = json.loads((demo_place / "demo" / "truth.json").read_text())["contrasts"]
    shared = set.intersection(*(set(truth[contrast]) for contrast in ALK_LINES.values()))
    row = ask(
        demo_place / "data",
        "SELECT size, p_value FROM core.intersections__sets WHERE intersection_id = 'h2228_three_alk_tki_up'",
    ).to_dicts()[0]
    assert row["size"] == sum(truth[ALECTINIB][gene] > 0 for gene in shared)
    assert row["p_value"] <= 1e-4  # the least that 9,999 permutations can give


def test_what_was_used_and_why_is_published(demo_place):
    rows = ask(
        demo_place / "data",
        "SELECT study_id, measurement, values_from, scale, reference FROM raw.studies__measurements ORDER BY 1",
    ).rows()
    told = {row[0]: row[1:] for row in rows}
    assert {study: row[:2] for study, row in told.items()} == {
        READS: ("counts", "kallisto"),
        SERIES: ("array", "series_matrix"),
        "gse38310_hcc827_erlotinib": ("array", "series_matrix"),
        "gse255958_residual_disease": ("counts", "processed_counts"),
    }
    assert "submitter's words agree (log)" in told[SERIES][2]
    assert told[SERIES][3] == "GEO's annotation of GPL9909"
    fitted = ask(
        demo_place / "data",
        f"SELECT DISTINCT fitted_to FROM core.deg__designs WHERE study_id IN ('{READS}', '{SERIES}') ORDER BY 1",
    )
    assert fitted["fitted_to"].to_list() == ["log2 intensities of an array", "read counts"]


def test_files_and_differences_are_published(demo_place):
    data = demo_place / "data"
    files = ask(data, "SELECT count(*) AS n, count(md5) AS sums, count(*) FILTER (is_preferred) AS used"
                      " FROM raw.studies__sequence_files").rows()  # fmt: skip
    assert files == [(10, 10, 10)]
    found = ask(
        data, "SELECT accession, run_accession, field, sheet_value, ena_value FROM raw.studies__sheet_differences"
    )
    assert found.rows() == [("E-MTAB-5997", "ERR9905902", "library_strategy", "ssRNA-seq", "RNA-Seq")]
    groups = ask(
        data,
        "SELECT s.value, r.value, q.runs, q.mapped_percent FROM raw.studies__samples AS s"
        f" JOIN raw.studies__samples AS r USING (study_id, sample_id) JOIN raw.studies__quantified_samples AS q"
        f" USING (study_id, sample_id) WHERE s.study_id = '{READS}' AND s.attribute_id = 'group'"
        " AND r.attribute_id = 'run_accession' ORDER BY 1",
    )
    assert groups["value"].to_list() == ["P", "PA", "R", "RA"]
    # Two runs of one sample are one sample.
    assert groups["runs"].to_list()[-1] == "ERR9907002|ERR9907003"
    assert groups["mapped_percent"].is_between(88, 95).all()  # 8 % of the reads are of no transcript


# ---- live ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path, public_hosts, loopback, documents, registry) -> Work:
    serve(loopback, documents)
    return work_of(tmp_path, public_hosts)


def test_reads_study_live_with_a_cut_transfer_and_nothing_fetched_twice(live, loopback, documents, plan):
    cut = next(url for url in reads_urls(documents) if "ERR9905902_1" in url)
    body = documents[cut][0]
    whole = Reply(body, headers={"etag": '"1"'}, ranges=True)
    loopback.script(place(cut), replace(whole, cut_after=700_000), whole)
    said: list[str] = []
    with subscribe(lambda a: said.append(a.message) if a.kind == "note" else None):
        for address in (SHEETS, COUNTS):
            assert {result.outcome for result in live.run(address).values()} == {"built"}
    # Resumed where it was cut, after redirects for the sheets.
    assert [request.headers.get("range") for request in loopback.requests_to(place(cut))] == [None, "bytes=700000-"]
    assert any("/ftp.ebi.ac.uk/biostudies/fire/E-MTAB-7068.sdrf.txt" in request.path for request in loopback.requests)
    # What it costs is told before it starts, and how far it is.
    assert "10 files of reads of 4 samples" in said[0]
    assert "kallisto on 4 of 4 samples" in said[1]
    assert "free disk" in said[1]
    assert sum(": done" in line for line in said) == 4
    # The estimates are those of the reads that were drawn.
    quantities = live.read(record_partition("quantities", READS))
    assert quantities.select("sample_id").n_unique() == 4
    totals = quantities.group_by("sample_id").agg(pl.col("estimated_count").sum(), pl.col("tpm").sum())
    assert totals["tpm"].to_list() == pytest.approx([1e6] * 4)
    assert totals["estimated_count"].is_between(14_400, 15_000).all()
    # A second look asks for the small documents alone, and computes nothing.
    asked = len(loopback.requests)
    for address in (SHEETS, COUNTS):
        assert {result.outcome for result in live.run(address).values()} == {"cache hit"}
    assert not any("/vol1/" in request.path for request in loopback.requests[asked:])


def test_samples_that_were_quantified_stay_when_a_later_one_fails(live, loopback, documents):
    broken = next(url for url in reads_urls(documents) if "ERR9907003_2" in url)
    body = documents[broken][0]
    loopback.script(place(broken), Reply(body[:-3000] + b"\0" * 3000))
    live.run(SHEETS)
    with pytest.raises(TransportFault) as caught:
        live.run(COUNTS)
    assert failure_kind(caught.value) in (FailureKind.CHECKSUM_MISMATCH, FailureKind.TRUNCATED)
    assert "ERR9907003_2.fastq.gz" in str(caught.value)
    # Once the file is mended only it is fetched and its sample quantified; the others bear their checksums.
    loopback.script(place(broken), Reply(body))
    asked = len(loopback.requests)
    told: list[str] = []
    with subscribe(lambda a: told.append(a.message) if a.kind == "note" else None):
        assert {result.outcome for result in live.run(COUNTS).values()} == {"built"}
    assert sum(": resumed" in line for line in told) == 3
    assert "kallisto on 1 of 4 samples" in told[1]
    fetched = [request.path for request in loopback.requests[asked:] if "/vol1/" in request.path]
    assert set(fetched) == {place(broken)}
    # Work that is lost with the lake is not done again: each sample is known by its reads.
    said: list[str] = []
    fresh = work_of(live.origins.work_dir.parent / "fresh", live.origins.transport)
    fresh = Work(fresh.lake, live.origins)
    fresh.run(SHEETS)
    with subscribe(lambda a: said.append(a.message) if a.kind == "note" else None):
        fresh.run(COUNTS)
    assert sum("resumed" in line for line in said) == 4


def test_host_without_public_runs_leaves_the_study_out_with_the_reason(live, loopback, documents):
    report = next(url for url in documents if "filereport?accession=ERP9907068" in url)
    loopback.script(place(report), Reply(status=204))
    results = live.run(SHEETS)
    assert {result.outcome for result in results.values()} == {"unavailable"}
    reason = results[SHEETS].reason or ""
    assert "biostudies_e_mtab_7068" in reason
    assert "no_content" in reason
    assert "ENA report of ERP9907068" in reason
    counts = live.run(COUNTS)[COUNTS]
    assert counts.outcome == "unavailable"


def test_record_that_is_not_public_is_told_by_its_name(live, loopback):
    api = "/www.ebi.ac.uk/biostudies/api/v1/studies/E-MTAB-5997"
    loopback.script(api, Reply(b'{"errorMessage":"Study not found"}', status=404))
    reason = live.run(SHEETS)[SHEETS].reason or ""
    assert reason.startswith("biostudies_e_mtab_5997")
    assert "refused_or_gone" in reason


def test_captcha_in_place_of_the_matrix_fails_and_names_its_kind(live, loopback, documents):
    matrix = geo.matrix_resource("GSE94089").url
    page = b"<!DOCTYPE html><html><head><title>reCAPTCHA</title></head><body>Are you a robot?</body></html>"
    loopback.script(place(matrix), Reply(page))
    with pytest.raises(TransportFault) as caught:
        live.run(VALUES)
    assert failure_kind(caught.value) is FailureKind.HTML_PAGE
    assert "geo_gse94089" in str(caught.value)


def test_series_live_with_a_captcha_before_its_record(live, loopback):
    captcha = Reply(b"<!DOCTYPE html><html><title>reCAPTCHA</title></html>")
    loopback.script(place(geo.record_resource("GSE94089").url), captcha)
    live.run(VALUES)
    live.run(EXPRESSION)
    note = live.read(record_partition("accessions", SERIES))["notes"][0]
    assert "the record was not to be had" in note
    assert live.read(EXPRESSION)["sample_id"].n_unique() == 12


def test_change_of_a_record_is_noticed_by_its_date_alone(live, loopback, registry):
    source = registry.sources["biostudies_e_mtab_7068"]
    first = live.origins.probe(source)
    assert (first.basis, first.token) == ("published_version", "modified:1767225600000")
    info = "/www.ebi.ac.uk/biostudies/api/v1/studies/E-MTAB-7068/info"
    loopback.script(info, Reply(b'{"httpLink": "https://h/x", "modified": 1767225600000, "views": 7}'))
    assert live.origins.probe(source).token == first.token
    loopback.script(info, Reply(b'{"httpLink": "https://h/x", "modified": 1800000000000}'))
    assert live.origins.probe(source).token != first.token


def test_pulled_mirror_gives_the_same_without_a_network(live, loopback, registry, tmp_path):
    names = [*registry.public_studies[READS].sources, *registry.public_studies[SERIES].sources,
             "gencode_v36_transcripts"]  # fmt: skip
    folder = tmp_path / "mirror"
    told = pull_mirror([registry.sources[name] for name in names], folder, live.origins.transport, reads=True)
    assert told.filter(state="unavailable").rows() == []
    loopback.close()
    offline = work_of(tmp_path / "offline", MirrorTransport(folder), is_live=False)
    for address in (SHEETS, COUNTS, VALUES, COUNTED, EXPRESSION):
        assert {result.outcome for result in offline.run(address).values()} == {"built"}, address
    for contrast in registry.public_studies[READS].contrast:
        offline.run(part_address(contrast.id, "edger_exact"))
        offline.run(part_address(contrast.id, "fold_change"))
        assert len(offline.effects(contrast.id, "edger_exact")) > 300
    interaction = registry.public_studies[READS].interaction[0].id
    offline.run(interaction_address(interaction))
    assert offline.read(interaction_address(interaction))["evidence_kind"].unique().to_list() == ["effect_only"]


# ---- array or counts -------------------------------------------------------------------------------------------------


def test_series_of_either_shape_ends_in_the_same_contrast(tmp_path, documents, plan, registry):
    """The planted effects by limma on the array, and by limma-voom on NCBI's counts, under one name."""
    planted = plan.truth.contrasts[ALECTINIB]
    for shape, own, measured in (
        ("array", array_documents(plan), ("array", "series_matrix")),
        ("counts", counts_documents(plan), ("counts", "ncbi_counts")),
    ):
        work = work_of(tmp_path / shape, mirror_of(tmp_path / shape / "mirror", own), is_live=False)
        for address in (VALUES, COUNTED, EXPRESSION, part_address(ALECTINIB, "limma"), "core.deg__designs"):
            work.run(address)
        told = work.read(record_partition("measurements", SERIES)).to_dicts()[0]
        assert (told["measurement"], told["values_from"]) == measured
        result = work.read(part_address(ALECTINIB, "limma"))
        assert result["method"].unique().to_list() == ["limma"]
        called = result.filter((pl.col("q_value_bh") < 0.05) & (pl.col("log2_fold_change").abs() > 1))
        right = [gene for gene in called["feature_id"] if gene in planted]
        assert len(right) >= 0.95 * len(planted), shape
        assert called.height - len(right) <= 2, shape
        fitted = work.read("core.deg__designs").filter(contrast_id=ALECTINIB)["fitted_to"].to_list()
        expected = {"array": "log2 intensities of an array", "counts": "read counts, by limma as limma-voom"}
        assert fitted == [expected[shape]]
        # What the series is not, is empty and not missing.
        absent = {"array": record_partition("counts", SERIES), "counts": record_partition("intensities", SERIES)}
        assert work.read(absent[shape]).is_empty()


def test_series_that_changes_its_shape_leaves_nothing_of_the_old_one(tmp_path, plan, registry):
    work = work_of(tmp_path, mirror_of(tmp_path / "m1", array_documents(plan)), is_live=False)
    for address in (VALUES, COUNTED, EXPRESSION, part_address(ALECTINIB, "limma")):
        work.run(address)
    assert work.read(EXPRESSION).height
    counted = mirror_of(tmp_path / "m2", counts_documents(plan))
    work = Work(work.lake, replace(work.origins, transport=counted))
    for address in (VALUES, COUNTED, EXPRESSION, part_address(ALECTINIB, "limma")):
        work.run(address)
    assert work.read(EXPRESSION).is_empty()
    assert work.read(part_address(ALECTINIB, "limma"))["probes"].null_count() > 0


def authors_series(
    plan: Plan, *, files: tuple[str, ...] = (), of_samples: tuple[str, ...] = (), more: str = ""
) -> tuple[dict[str, Document], list[str], list[list[str]]]:
    """The sequenced series without counts of NCBI, as its record and matrix tell of the authors' files.

    Args:
        plan: of the demo.
        files: names of files of the whole series.
        of_samples: for each name, a file of each sample, whose accession precedes it.
        more: further lines of the record.

    Returns:
        Documents; then, what NCBI would have counted: header (`GeneID`, samples) and rows.
    """
    documents = counts_documents(plan)
    counted = gzip.decompress(documents[geo.counts_resource("GSE94089").url][0]).decode().splitlines()
    header, *rows = [line.split("\t") for line in counted]
    documents = {url: one for url, one in documents.items() if "/geo/download/" not in url}
    record, matrix = geo.record_resource("GSE94089").url, geo.matrix_resource("GSE94089").url
    named = "".join(f"!Series_supplementary_file = ftp://h/suppl/{name}\n" for name in files)
    text = documents[record][0].decode().replace("!Series_supplementary_file = NONE\n", named)
    documents[record] = ((text + more).encode(), "geo/text")
    sheet = gzip.decompress(documents[matrix][0]).decode()
    samples = [cell.strip('"') for cell in sheet[sheet.index('"ID_REF"') :].splitlines()[0].split("\t")[1:]]
    lines = "".join(
        "\t".join([f"!Sample_supplementary_file_{at}", *(f'"ftp://h/suppl/{sample}{name}"' for sample in samples)])
        + "\n"
        for at, name in enumerate(of_samples, start=1)
    )
    begin = "!series_matrix_table_begin"
    documents[matrix] = (gzip.compress(sheet.replace(begin, lines + begin).encode()), "x")
    return documents, header, rows


def called_by_limma(work: Work) -> list[str]:
    for address in (VALUES, COUNTED, EXPRESSION, part_address(ALECTINIB, "limma")):
        assert {result.outcome for result in work.run(address).values()} == {"built"}, address
    result = work.read(part_address(ALECTINIB, "limma"))
    return result.filter((pl.col("q_value_bh") < 0.05) & (pl.col("log2_fold_change").abs() > 1))["feature_id"].to_list()


def test_table_of_the_authors_stands_in_for_counts_of_ncbi(tmp_path, plan):
    """The samples go by their titles as R writes them; beside the counts stands a table of something else."""
    documents, header, rows = authors_series(plan, files=("GSE94089_tpm.txt.gz", "GSE94089_counts.csv.gz", "x_RAW.tar"))
    ours = dict(work_titles(documents))
    titles = [ours[sample].replace(" ", ".").replace(",", ".").replace("-", ".") for sample in header[1:]]
    counts = "\n".join([",".join(["", *titles]), *(",".join(row) for row in rows)])
    tpm = "\n".join(
        ["\t".join(["", *titles]), *("\t".join([row[0], *(f"{cell}.5" for cell in row[1:])]) for row in rows)]
    )
    for name, text in (("GSE94089_tpm.txt.gz", tpm), ("GSE94089_counts.csv.gz", counts)):
        documents[geo.supplementary_resource("GSE94089", name).url] = (gzip.compress(text.encode()), "x")
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", documents), is_live=False)
    called = called_by_limma(work)
    told = work.read(record_partition("measurements", SERIES)).to_dicts()[0]
    assert (told["measurement"], told["values_from"]) == ("counts", "processed_counts")
    assert told["statement"].endswith("taken: GSE94089_counts.csv.gz of GSE94089")
    assert "were not to be had" in work.read(record_partition("accessions", SERIES))["notes"][0]
    by_ncbi = work_of(tmp_path / "ncbi", mirror_of(tmp_path / "ncbi_mirror", counts_documents(plan)), is_live=False)
    # NCBI's go by symbols and the authors' by Entrez ids, which is all that differs.
    assert len(called_by_limma(by_ncbi)) == len(called) > 20
    assert work.read(COUNTED)["read_count"].sum() == by_ncbi.read(COUNTED)["read_count"].sum()


def work_titles(documents: dict[str, Document]) -> list[tuple[str, str]]:
    """GSM accession and title of each sample."""
    matrix = gzip.decompress(documents[geo.matrix_resource("GSE94089").url][0]).decode().splitlines()
    cells = {line.partition("\t")[0]: line.split("\t")[1:] for line in matrix}
    return [
        (sample.strip('"'), title.strip('"'))
        for sample, title in zip(cells["!Sample_geo_accession"], cells["!Sample_title"], strict=True)
    ]


def test_tables_of_single_samples_are_joined(tmp_path, plan):
    """As htseq-count writes them; a second file of each sample holds no counts, and one lacks a gene in the end."""
    documents, header, rows = authors_series(plan, of_samples=("_fpkm.txt", "_htseq.txt.gz"))
    for at, sample in enumerate(header[1:], start=1):
        lines = [f"{row[0]}\t{row[at]}" for row in rows] + ["__no_feature\t7", "__ambiguous\t1"]
        fpkm = ["gene\tfpkm", *(f"{row[0]}\t0.25" for row in rows)]
        for name, own in ((f"{sample}_htseq.txt.gz", lines), (f"{sample}_fpkm.txt", fpkm)):
            body = "\n".join(own).encode()
            packed = gzip.compress(body) if name.endswith(".gz") else body
            documents[geo.sample_supplementary_resource(sample, name).url] = (packed, "x")
    work = work_of(tmp_path / "whole", mirror_of(tmp_path / "m1", documents), is_live=False)
    assert len(called_by_limma(work)) > 20
    told = work.read(record_partition("measurements", SERIES)).to_dicts()[0]
    assert told["values_from"] == "processed_counts"
    assert "tables of single samples of GSE94089" in told["statement"]
    counts = work.read(COUNTED)
    assert counts["read_count"].sum() == sum(int(cell) for row in rows for cell in row[1:])
    assert not counts["feature_id"].str.starts_with("__").any()
    # A sample with other genes leaves nothing to be joined.
    last = geo.sample_supplementary_resource(header[-1], f"{header[-1]}_htseq.txt.gz").url
    documents[last] = (gzip.compress(b"1\t5\n"), "x")
    work = work_of(tmp_path / "lacking", mirror_of(tmp_path / "m2", documents), is_live=False)
    work.run(VALUES)
    result = work.run(COUNTED)[COUNTED]
    assert result.outcome == "unavailable"
    assert "does not hold the genes of" in (result.reason or "")


def sequenced_series(documents: dict[str, Document], plan: Plan) -> dict[str, Document]:
    """The series with one culture of each line, of which there is nothing but reads: those of the other study. The
    first sample has two runs; ENA knows one sample by its BioSample alone, and a run of nobody."""
    own, *_ = authors_series(plan, more="!Series_relation = SRA: https://www.ncbi.nlm.nih.gov/sra?term=SRP000009\n")
    matrix = geo.matrix_resource("GSE94089").url
    lines = []
    for line in gzip.decompress(own[matrix][0]).decode().splitlines():
        cells = line.split("\t")
        lines.append("\t".join([cells[at] for at in (0, 1, 4, 7, 10)]) if len(cells) == 13 else line)
    relations = [
        ["!Sample_relation", *(f'"BioSample: https://www.ncbi.nlm.nih.gov/biosample/SAMN0{k}"' for k in range(1, 5))],
        ["!Sample_relation", *(f'"SRA: https://www.ncbi.nlm.nih.gov/sra?term=SRX00{k}"' for k in range(1, 4)), '""'],
    ]
    at = lines.index("!series_matrix_table_begin")
    lines[at:at] = ["\t".join(line) for line in relations]
    own[matrix] = (gzip.compress("\n".join([*lines, ""]).encode()), "x")
    reports = [body for url, (body, _) in documents.items() if "filereport" in url]
    header, *runs = reports[0].decode().splitlines()
    runs += reports[1].decode().splitlines()[1:]
    columns = header.split("\t")
    placed = [
        ("SRX001", "SAMN01"),
        ("SRX001", "SAMN01"),
        ("SRX002", "SAMN02"),
        ("SRX003", "SAMN03"),
        ("SRX904", "SAMN04"),
    ]
    made = [header]
    for line, (experiment, sample) in zip(runs, placed, strict=True):
        row = dict(zip(columns, line.split("\t"), strict=True))
        row |= {"experiment_accession": experiment, "sample_accession": sample}
        made.append("\t".join(row[name] for name in columns))
    made.append("\t".join(("SRR009" if name == "run_accession" else "") for name in columns))
    own[report_resource("SRP000009").url] = ("\n".join(made).encode(), "text/plain")
    others = {url: one for url, one in documents.items() if "/vol1/" in url or "transcripts.fa.gz" in url}
    return own | others


def test_series_of_which_there_are_only_reads_is_quantified(tmp_path, documents, plan):
    served = sequenced_series(documents, plan)
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", served), is_live=False)
    for address in (VALUES, COUNTED):
        assert {result.outcome for result in work.run(address).values()} == {"built"}
    told = work.read(record_partition("measurements", SERIES)).to_dicts()[0]
    assert (told["measurement"], told["values_from"]) == ("counts", "kallisto")
    assert "without NCBI-generated counts" in told["statement"]
    account = work.read(record_partition("quantified_samples", SERIES)).sort("sample_id")
    runs = dict(account.select("sample_id", "runs").iter_rows())
    assert [len(own.split("|")) for own in runs.values()] == [2, 1, 1, 1]
    assert "SRR009" not in "|".join(runs.values())
    # All that maps is counted: whole numbers, so to half a read per gene.
    counted = work.read(COUNTED).group_by("sample_id").agg(pl.col("read_count").sum(), pl.len()).sort("sample_id")
    mapped = account["mapped_reads"].to_numpy()
    assert np.all(np.abs(counted["read_count"].to_numpy() - mapped) <= 0.5 * counted["len"].to_numpy())


def test_reads_of_a_series_are_pulled_on_request(tmp_path, documents, plan, registry):
    host = mirror_of(tmp_path / "host", sequenced_series(documents, plan))
    sources = [registry.sources[name] for name in ("geo_gse94089", "gencode_v36_transcripts")]
    told = pull_mirror(sources, tmp_path / "pulled", host, reads=True)
    lacking = told.filter(state="unavailable")["url"].to_list()
    assert [url for url in lacking if "/geo/download/" not in url] == []
    assert told["url"].str.contains("/vol1/fastq/").sum() == 10
    work = work_of(tmp_path, MirrorTransport(tmp_path / "pulled"), is_live=False)
    for address in (VALUES, COUNTED):
        assert {result.outcome for result in work.run(address).values()} == {"built"}
    assert work.read(record_partition("measurements", SERIES))["values_from"].to_list() == ["kallisto"]


def test_series_without_values_says_what_there_is(tmp_path, documents, plan):
    """No counts, and reads of all but one sample; or nothing at all."""
    served = sequenced_series(documents, plan)
    report = report_resource("SRP000009").url
    lines = served[report][0].decode().splitlines()
    served[report] = ("\n".join(line for line in lines if "SAMN04" not in line).encode(), "x")
    lacking = work_of(tmp_path / "lacking", mirror_of(tmp_path / "m1", served), is_live=False)
    assert lacking.run(VALUES)[VALUES].outcome == "built"
    result = lacking.run(COUNTED)[COUNTED]
    assert result.outcome == "unavailable"
    assert "GSM9994010 have no public reads" in (result.reason or "")
    bare = work_of(tmp_path / "bare", mirror_of(tmp_path / "m2", authors_series(plan)[0]), is_live=False)
    bare.run(VALUES)
    result = bare.run(COUNTED)[COUNTED]
    assert result.outcome == "unavailable"
    assert "sequencing without NCBI-generated counts" in (result.reason or "")
    assert "study.toml" in (result.reason or "")
    # What rests on them is unavailable too, with that reason, and the designs are told all the same.
    part = part_address(ALECTINIB, "limma")
    bare.run(EXPRESSION)
    result = bare.run(part)[part]
    assert result.outcome == "unavailable"
    assert "have no public reads" in (result.reason or "")
    assert bare.run("core.deg__designs")["core.deg__designs"].outcome == "built"
    assert bare.read("core.deg__designs").filter(contrast_id=ALECTINIB).height == 1


def test_counts_that_lack_a_sample_of_a_group_are_refused(tmp_path, plan, registry):
    documents = counts_documents(plan)
    url = geo.counts_resource("GSE94089").url
    lines = gzip.decompress(documents[url][0]).decode().splitlines()
    documents[url] = (gzip.compress("\n".join(line.rpartition("\t")[0] for line in lines).encode()), "x")
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", documents), is_live=False)
    with pytest.raises(DataFault, match="lack GSM9994001"):
        work.run(VALUES)


def two_platforms(documents: dict[str, Document], second: str) -> dict[str, Document]:
    """The series on two platforms: the last six samples on the second."""
    text = gzip.decompress(documents[geo.matrix_resource("GSE94089").url][0]).decode()
    found = {url: one for url, one in documents.items() if "series_matrix" not in url and "acc.cgi" not in url}
    record = documents[geo.record_resource("GSE94089").url][0] + f"!Series_platform_id = {second}\n".encode()
    found[geo.record_resource("GSE94089").url] = (record, "x")
    annotation = documents[geo.platform_annotation_resource("GPL9909").url]
    found[geo.platform_annotation_resource(second).url] = annotation
    for platform, columns in (("GPL9909", range(1, 7)), (second, range(7, 13))):
        lines = []
        for line in text.splitlines():
            cells = line.split("\t")
            lines.append("\t".join([cells[0], *(cells[at] for at in columns)]) if len(cells) == 13 else line)
        body = "\n".join(lines).replace('"GPL9909"', f'"{platform}"') + "\n"
        found[geo.matrix_resource("GSE94089", platform).url] = (gzip.compress(body.encode()), "x")
    return found


def test_groups_on_several_platforms_are_refused_and_one_platform_is_enough(tmp_path, plan, registry):
    documents = two_platforms(array_documents(plan), "GPL9910")
    transport = mirror_of(tmp_path / "mirror", documents)
    work = work_of(tmp_path, transport, is_live=False)
    with pytest.raises(DesignFault, match="several platforms: 6 on GPL9909, 6 on GPL9910"):
        work.run(VALUES)
    # Groups that all stand on the second platform are read from it.
    study = registry.public_studies[SERIES]
    own = study.model_copy(
        update={
            "id": "second_platform",
            "group": (
                Group(id="ceritinib_resistant", title="x", patterns=("ceritinib",)),
                Group(id="alectinib_resistant", title="x", patterns=("platform_id: GPL9910", "alectinib")),
            ),
        }
    )
    work.steps = {**work.steps, **by_table([series_step(own, registry.sources["geo_gse94089"])])}
    work.run(record_partition("samples", "second_platform"))
    assert work.read(record_partition("processed_measurements", "second_platform"))["platform"].to_list() == ["GPL9910"]
    assert work.read(record_partition("intensities", "second_platform"))["sample_id"].n_unique() == 6


def test_platform_without_annotation_is_read_from_the_family(tmp_path, plan):
    documents = array_documents(plan)
    annotation = geo.platform_annotation_resource("GPL9909").url
    table = gzip.decompress(documents.pop(annotation)[0]).decode().partition("!platform_table_begin\n")[2]
    family = "^SERIES = GSE94089\n!Series_title = x\n^PLATFORM = GPL9909\n!Platform_title = y\n!platform_table_begin\n"
    family += table.rstrip("\n") + "\n"
    documents[geo.family_resource("GSE94089").url] = (gzip.compress(family.encode()), "x")
    _, genes = series_crawler("GSE94089")(mirror_of(tmp_path / "mirror", documents))
    assert genes["GPL9909"].origin == "the table of GPL9909 in the SOFT family"
    assert genes["GPL9909"].genes["gene_symbol"].drop_nulls().len() > 500
    del documents[geo.family_resource("GSE94089").url]
    with pytest.raises(SourceUnavailable, match="annotation of GPL9909"):
        series_crawler("GSE94089")(mirror_of(tmp_path / "without", documents))


# ---- groups ----------------------------------------------------------------------------------------------------------


def sheet(**columns: list[str | None]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    named = {"sample_id": [f"s{at}" for at in range(1, n + 1)], **columns}
    return pl.DataFrame(named, schema=dict.fromkeys(named, pl.String))


WAYS_TO_DESCRIBE_FOUR_ARMS = {
    "factors": sheet(
        source_name=["NCI-H1975", "NCI-H1975", "NCI-H1975 anlotinib-resistant", "NCI-H1975 anlotinib-resistant"],
        factor_compound=["none", "anlotinib", "none", "anlotinib"],
        factor_dose=["0", "8", "0", "8"],
        factor_dose_unit=["microgram per milliliter"] * 4,
    ),
    "names": sheet(
        source_name=["H1975-P", "H1975-PA", "H1975-R", "H1975-RA"],
        characteristic_phenotype=["parental", "parental with anlotinib", "resistant", "resistant with anlotinib"],
        factor_treatment=[None, "anlotinib 8 ug/ml for 24 h", None, "anlotinib 8 ug/ml for 24 h"],
    ),
    "words for absence": sheet(
        source_name=["H1975 cells"] * 4,
        factor_phenotype=["sensitive to anlotinib", "sensitive to anlotinib", "resistant to anlotinib", "resistant"],
        factor_stimulus=["untreated", "anlotinib", "vehicle (DMSO)", "anlotinib"],
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_DESCRIBE_FOUR_ARMS)
def test_rules_find_the_four_arms_however_the_sheet_is_written(registry, way):
    placed = assign_groups(WAYS_TO_DESCRIBE_FOUR_ARMS[way], READS, registry.public_studies[READS].group)
    assert placed["group"].to_list() == ["P", "PA", "R", "RA"]


def test_rules_find_the_resistant_lines_by_drug_or_abbreviation(registry):
    titles = ["H2228 parental rep1", "H2228 crizotinib resistant 1", "H2228-CER rep2", "H2228-CHR", "H2228 DMSO"]
    placed = assign_groups(sheet(title=titles), SERIES, registry.public_studies[SERIES].group)
    assert placed["group"].to_list() == [
        "parental", "crizotinib_resistant", "ceritinib_resistant", "alectinib_resistant", "parental",
    ]  # fmt: skip


def test_rule_that_matches_nothing_stops_the_study_and_shows_the_sheet(registry):
    lacking = sheet(source_name=["H1975 parental", "H1975 parental + anlotinib"])
    with pytest.raises(CatalogFault) as caught:
        assign_groups(lacking, READS, registry.public_studies[READS].group)
    message = str(caught.value)
    assert "of group R match no sample" in message
    assert "[s1: source_name=H1975 parental]" in message
    assert "studies.toml" in message


def test_group_may_be_confined_to_an_accession_and_samples_of_none_are_kept_apart():
    rules = (
        Group(id="a", title="a", accession="E-1", patterns=("x",)),
        Group(id="b", title="b", accession="E-2", patterns=("x",), excluded_patterns=("other",)),
    )
    given = sheet(title=["x", "x", "x other"], accession=["E-1", "E-2", "E-2"], group=["1", "2", "3"])
    placed = assign_groups(given, "study", rules)
    assert placed["group"].to_list() == ["a", "b", None]
    assert placed["group_as_given"].to_list() == ["1", "2", "3"]


# ---- processed counts, and reads that do not fit ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def accessions(tmp_path_factory, documents) -> list[Accession]:
    transport = mirror_of(tmp_path_factory.mktemp("processed") / "mirror", documents)
    found = []
    for name in ("E-MTAB-5997", "E-MTAB-7068"):
        study = fetch_study(transport, name)
        found.append(Accession(name, study, sequenced_samples(study, name), {}))
    return found


def with_processed(accession: Accession, folder: Path, **tables: str) -> Accession:
    paths = {}
    for name, text in tables.items():
        paths[f"{name}.txt"] = folder / f"{accession.id}_{name}.txt"
        paths[f"{name}.txt"].write_text(text)
    return replace(accession, processed=paths)


def test_processed_counts_are_taken_where_every_accession_has_them(accessions, registry, tmp_path):
    grouped = assign_groups(
        pl.concat([a.samples for a in accessions], how="diagonal"), READS, registry.public_studies[READS].group
    )
    # By name of the source in one record, by sample in the other; what is no sample is left out.
    first = with_processed(
        accessions[0], tmp_path, counts="gene\tlength\tdemo P\tdemo PA\nAXL\t900\t5\t6\nMET\t7\t0\t1\n"
    )
    second = with_processed(
        accessions[1], tmp_path, fpkm="gene\tERS9907001\tERS9907002\nAXL\t0.5\t2.25\n",
        counts="gene\tERS9907001\tERS9907002\nMET\t3\t4\nAXL\t1e1\t20\n",
    )  # fmt: skip
    counts, reason = find_processed([first, second], grouped)
    assert counts is not None
    assert counts.columns == ["feature_id", "ERS9905901", "ERS9905902", "ERS9907001", "ERS9907002"]
    assert counts.rows() == [("AXL", 5, 6, 10, 20), ("MET", 0, 1, 3, 4)]
    assert reason == "processed counts of the record: counts.txt of E-MTAB-5997, counts.txt of E-MTAB-7068"
    # One accession without counts leaves all to quantification, and so do other genes.
    counts, reason = find_processed([first, accessions[1]], grouped)
    assert (counts, reason) == (None, "E-MTAB-7068 has no table of counts")
    other = with_processed(accessions[1], tmp_path, counts="gene\tERS9907001\tERS9907002\nKRAS\t3\t4\n")
    counts, reason = find_processed([first, other], grouped)
    assert counts is None
    assert "do not hold the same genes" in reason
    broken = with_processed(accessions[0], tmp_path, counts="gene\tdemo P\nAXL\t5\n")
    assert "counts.txt of E-MTAB-5997 is no table of counts" in find_processed([broken, second], grouped)[1]


def test_processed_files_of_single_runs_are_joined_by_what_the_sheet_says(accessions, registry, tmp_path):
    """The sheet names a file for each sample, and one for both, which is nobody's in particular."""
    named = []
    for accession in accessions:
        own = with_processed(
            accession, tmp_path, a="AXL\t5\nMET\t0\n", b="MET\t2\nAXL\t1\n", both="gene\tcounts\nAXL\t9\n"
        )
        files = pl.Series("derived_data_file", ["a.txt | both.txt", "both.txt | b.txt"])
        named.append(replace(own, samples=own.samples.with_columns(files)))
    sheet = pl.concat([a.samples for a in named], how="diagonal")
    grouped = assign_groups(sheet, READS, registry.public_studies[READS].group)
    counts, reason = find_processed(named, grouped)
    assert counts is not None
    assert counts.rows() == [("AXL", 5, 1, 5, 1), ("MET", 0, 2, 0, 2)]
    assert "tables of single samples of E-MTAB-5997 (a.txt ...)" in reason
    lacking = [named[0], replace(named[1], processed={"a.txt": named[1].processed["a.txt"]})]
    counts, reason = find_processed(lacking, grouped)
    assert counts is None
    assert "ERS9907002: none of its files is a table of counts" in reason


def test_reads_of_another_organism_fail_their_sample(tmp_path, documents, registry):
    """A sample of which next to nothing maps is named, and nothing is written."""
    foreign = dict(documents)
    transcripts = registry.sources["gencode_v36_transcripts"].url
    draw = np.random.default_rng(5)
    made = "".join(
        f">ENST{at:011d}.1|ENSG{at:011d}.1|-|-|X-201|X{at}|500|protein_coding|\n"
        f"{draw.choice(np.frombuffer(b'ACGT', np.uint8), 500).tobytes().decode()}\n"
        for at in range(50)
    )
    foreign[transcripts] = (gzip.compress(made.encode()), "application/gzip")
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", foreign), is_live=False)
    work.run(SHEETS)
    with pytest.raises(DataFault, match=r"ERS9905901: .*map.* to the transcriptome.*at least 30 %"):
        work.run(COUNTS)
    assert work.lake.current(COUNTS) is None


def test_mirror_without_reads_says_how_to_pull_them(tmp_path, documents, registry):
    lacking = {url: one for url, one in documents.items() if "/vol1/" not in url}
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", lacking), is_live=False)
    work.run(SHEETS)
    result = work.run(COUNTS)[COUNTS]
    assert result.outcome == "unavailable"
    assert "ERR9905901_1.fastq.gz" in (result.reason or "")
    assert "mirror pull DIR --reads" in (result.reason or "")


def test_study_without_a_transcriptome_is_unavailable_and_not_failed(tmp_path, documents, registry):
    lacking = {url: one for url, one in documents.items() if "transcripts.fa.gz" not in url}
    work = work_of(tmp_path, mirror_of(tmp_path / "mirror", lacking), is_live=False)
    work.run(SHEETS)
    result = work.run(COUNTS)[COUNTS]
    assert result.outcome == "unavailable"
    assert (result.reason or "").startswith("gencode_v36_transcripts")
