"""Reads to gene counts: kallisto itself on a made-up transcriptome whose truth is known."""

from __future__ import annotations

import gzip
import json
import shutil

import numpy as np
import pytest

from resistance_assets.connectors.arrayexpress.kallisto import (
    SampleReads,
    find_kallisto,
    genes_of_transcripts,
    length_scaled_counts,
    plan_quantification,
    quantify,
)
from resistance_assets.connectors.gencode import read_gene_lengths, read_transcript_names
from resistance_assets.errors import DataFault, TransportFault

N_GENES, READ, FRAGMENT = 200, 75, 200
BASES = np.frombuffer(b"ACGT", np.uint8)
COMPLEMENT = np.zeros(256, np.uint8)
COMPLEMENT[BASES] = BASES[::-1]


def fastq(path, reads: np.ndarray, *, level: int = 1) -> None:
    body = b"".join(b"@r%d\n%s\n+\n%s\n" % (i, r.tobytes(), b"I" * len(r)) for i, r in enumerate(reads))
    path.write_bytes(gzip.compress(body, level))


class Truth:
    """Genes with one to three transcripts that share their first half, and read pairs drawn from them."""

    def __init__(self, folder) -> None:
        rng = np.random.default_rng(11)
        self.folder = folder
        sequences: list[np.ndarray] = []
        self.gene_of: list[int] = []
        lines = []
        for gene in range(N_GENES):
            shared = rng.choice(BASES, rng.integers(300, 800))
            for isoform in range(1 + gene % 3):
                sequence = np.concatenate([shared, rng.choice(BASES, rng.integers(300, 900))])
                name = (
                    f"ENST{len(sequences):05d}.1|ENSG{gene:05d}.2|-|-|N{gene}-{isoform}|GENE{gene}|{len(sequence)}|x|"
                )
                lines.append(f">{name}\n{sequence.tobytes().decode()}\n")
                sequences.append(sequence)
                self.gene_of.append(gene)
        self.fasta = folder / "transcripts.fa.gz"
        self.fasta.write_bytes(gzip.compress("".join(lines).encode(), 1))
        self.sequences = sequences
        self.counts: dict[str, np.ndarray] = {}
        for number, sample in enumerate(("s1", "s2")):
            self.draw(sample, 40_000, np.random.default_rng(number))

    def draw(self, sample: str, n: int, rng: np.random.Generator) -> None:
        lengths = np.array([len(s) for s in self.sequences])
        weights = rng.lognormal(0, 1.2, len(lengths)) * (lengths - FRAGMENT)
        chosen = rng.choice(len(lengths), n, p=weights / weights.sum())
        starts = (rng.random(n) * (lengths[chosen] - FRAGMENT - 30)).astype(int)
        sizes = FRAGMENT + rng.integers(-30, 31, n)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        everything = np.concatenate(self.sequences)
        left = everything[(offsets[chosen] + starts)[:, None] + np.arange(READ)]
        right = COMPLEMENT[everything[(offsets[chosen] + starts + sizes)[:, None] - 1 - np.arange(READ)]]
        fastq(self.folder / f"{sample}_1.fastq.gz", left)
        fastq(self.folder / f"{sample}_2.fastq.gz", right)
        self.counts[sample] = np.bincount(np.array(self.gene_of)[chosen], minlength=N_GENES)

    def reads(self, sample: str) -> SampleReads:
        return SampleReads(sample, ((self.folder / f"{sample}_1.fastq.gz", self.folder / f"{sample}_2.fastq.gz"),))


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return Truth(tmp_path_factory.mktemp("truth"))


@pytest.fixture(scope="module")
def done(truth, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantified")
    told = []
    result = quantify([truth.reads("s1"), truth.reads("s2")], truth.fasta, folder, threads=2, progress=told.append)
    return folder, result, told


@pytest.mark.slow
def test_estimates_agree_with_the_truth_at_gene_level(truth, done):
    from scipy.stats import spearmanr

    _, result, _ = done
    for sample, counts in truth.counts.items():
        mine = result.genes.filter(sample_id=sample).sort("gene_id")
        assert mine.height == N_GENES
        assert spearmanr(mine["estimated_count"], counts).statistic > 0.99
        # Reads of shared exons are told apart by expectation alone, but a gene's sum is all but certain.
        assert np.allclose(mine["estimated_count"], counts, rtol=0.05, atol=5)
        assert mine["tpm"].sum() == pytest.approx(1e6, rel=1e-4)
        assert mine["length_scaled_count"].sum() == pytest.approx(mine["estimated_count"].sum())
    assert result.genes["gene_symbol"][0] == "GENE0"
    assert result.samples.select("sample_id", "n_reads", "was_resumed").rows() == [
        ("s1", 40_000, False),
        ("s2", 40_000, False),
    ]
    assert (result.samples["mapped_percent"] > 95).all()


@pytest.mark.slow
def test_stages_are_told_as_they_come(done):
    _, _, told = done
    assert [(p.sample_id, p.stage) for p in told if p.n_reads == 0] == [
        ("s1", "index"),
        ("s1", "reads"),
        ("s2", "index"),
        ("s2", "reads"),
    ]
    assert told[-1].stage == "done"
    assert (told[-1].number, told[-1].n_samples, told[-1].n_reads) == (2, 2, 40_000)


def test_what_is_done_is_not_done_again(truth, done, monkeypatch):
    folder, result, _ = done
    plan = plan_quantification([truth.reads("s1"), truth.reads("s2")], truth.fasta, folder, threads=2)
    assert (plan.n_to_do, plan.disk_bytes) == (0, 0)
    again = quantify([truth.reads("s1"), truth.reads("s2")], truth.fasta, folder, threads=1)
    assert again.samples["was_resumed"].to_list() == [True, True]
    assert again.genes.equals(result.genes)


@pytest.mark.slow
def test_changed_reads_or_damaged_output_are_done_again(truth, done, tmp_path):
    folder = tmp_path / "q"
    shutil.copytree(done[0], folder)
    damaged = folder / "samples" / "s2" / "abundance.tsv"
    damaged.write_text(damaged.read_text().replace("\t", " ", 1))
    changed = SampleReads("s1", truth.reads("s2").files)
    result = quantify([changed, truth.reads("s2")], truth.fasta, folder, threads=2)
    assert result.samples["was_resumed"].to_list() == [False, False]
    by_sample = result.genes.partition_by("sample_id")
    assert by_sample[0].drop("sample_id").equals(by_sample[1].drop("sample_id"))
    marker = json.loads((folder / "samples" / "s1" / "quantified.json").read_text())
    assert [name for name, _ in marker["inputs"]["reads"]] == ["s2_1.fastq.gz", "s2_2.fastq.gz"]


def test_single_reads_need_a_fragment_length_and_get_one(truth, done, tmp_path):
    from scipy.stats import spearmanr

    folder = tmp_path / "q"
    shutil.copytree(done[0] / "index", folder / "index")
    sample = SampleReads("single", ((truth.folder / "s1_1.fastq.gz",),))
    result = quantify([sample], truth.fasta, folder, threads=2, fragment_length=FRAGMENT)
    mine = result.genes.sort("gene_id")["estimated_count"]
    assert spearmanr(mine, truth.counts["s1"]).statistic > 0.99


@pytest.mark.parametrize(
    ("n_good", "message"),
    [(0, "of mouse: no read maps to the transcriptome"), (50, r"of mouse: \d+ of 500 reads \((9|10)\.\d %\) map")],
)
def test_sample_of_which_too_few_reads_map_is_a_fault(truth, done, tmp_path, n_good, message):
    rng = np.random.default_rng(3)
    strange = [tmp_path / f"x_{mate}.fastq.gz" for mate in (1, 2)]
    for mate, path in enumerate(strange, start=1):
        lines = gzip.decompress((truth.folder / f"s1_{mate}.fastq.gz").read_bytes()).split(b"\n")[1 : 4 * n_good : 4]
        reads = rng.choice(BASES, (500, READ))
        for row, line in enumerate(lines):
            reads[row] = np.frombuffer(line, np.uint8)
        fastq(path, reads)
    folder = tmp_path / "q"
    shutil.copytree(done[0] / "index", folder / "index")
    sample = SampleReads("of mouse", (tuple(strange),))
    # Asked again, the answer is the same, whether the result was kept or not.
    for _ in range(2):
        with pytest.raises(DataFault, match=message + r".*expected at least 30 % of the reads"):
            quantify([sample], truth.fasta, folder, threads=1)


def test_file_that_is_no_fastq_is_told_with_the_words_of_kallisto(truth, done, tmp_path):
    folder = tmp_path / "q"
    shutil.copytree(done[0] / "index", folder / "index")
    (tmp_path / "a.fastq").write_text("")
    sample = SampleReads("empty", ((tmp_path / "a.fastq",),))
    with pytest.raises(DataFault, match="empty: "):
        quantify([sample], truth.fasta, folder, threads=1)
    assert not (folder / "samples" / "empty").exists()
    with pytest.raises(DataFault, match="are not there"):
        quantify([SampleReads("gone", ((tmp_path / "b.fastq",),))], truth.fasta, folder, threads=1)


def test_runs_of_different_layouts_are_no_sample(truth, tmp_path):
    (one, two) = truth.reads("s1").files[0]
    with pytest.raises(DataFault, match="each run one file, or each run two"):
        quantify([SampleReads("mixed", ((one, two), (one,)))], truth.fasta, tmp_path, threads=1)
    with pytest.raises(DataFault, match="two have one name"):
        quantify([truth.reads("s1"), truth.reads("s1")], truth.fasta, tmp_path)


def test_plan_tells_cost_and_refuses_a_full_disk(truth, tmp_path, monkeypatch):
    plan = plan_quantification([truth.reads("s1")], truth.fasta, tmp_path / "q", threads=3)
    assert (plan.threads, plan.n_to_do) == (3, 1)
    assert plan.input_bytes == sum(path.stat().st_size for path in truth.reads("s1").files[0])
    assert "1 of 1 samples" in plan.statement
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(DataFault, match=r"0.0 GB are free"):
        plan_quantification([truth.reads("s1")], truth.fasta, tmp_path / "q", threads=3)


def test_program_is_found_or_its_absence_told(monkeypatch, tmp_path):
    assert find_kallisto().name.startswith("kallisto")
    monkeypatch.setenv("RESISTANCE_KALLISTO", str(tmp_path / "none"))
    with pytest.raises(DataFault, match="no kallisto program"):
        find_kallisto()


# Transcripts to genes


def test_gene_lengths_are_weighted_and_stand_ins_found():
    counts = np.array([[10.0, 0, 0], [5, 0, 0], [3, 4, 0], [0, 0, 0]])
    tpm = np.array([[30.0, 0, 0], [10, 0, 0], [60, 100, 0], [0, 0, 0]])
    lengths = np.array([[100.0, 100, 100], [300, 300, 300], [500, 600, 700], [800, 900, 1000]])
    by_gene = genes_of_transcripts(counts, tpm, lengths, np.array([0, 0, 1, 2]), 3)
    assert by_gene[0].tolist() == [[15, 0, 0], [3, 4, 0], [0, 0, 0]]
    # Weighted by TPM; then the geometric mean of the samples that express the gene; then the plain mean.
    expected = [[150.0, 150, 150], [500, 600, np.sqrt(500 * 600)], [900, 900, 900]]
    assert np.allclose(by_gene[2], expected, rtol=1e-12)
    scaled = length_scaled_counts(*by_gene)
    assert np.allclose(scaled.sum(axis=0), [18, 4, 0])
    ratio = (40 * 150) / (60 * np.mean([500, 600, np.sqrt(500 * 600)]))
    assert scaled[0, 0] / scaled[1, 0] == pytest.approx(ratio)


def test_change_of_isoform_alone_is_no_change_of_length_scaled_counts():
    # The gene makes as many molecules in both samples, once of the short and once of the long transcript.
    tpm = np.array([[500_000.0, 0], [0, 500_000], [500_000, 500_000]])
    lengths = np.array([[500.0, 500], [1500, 1500], [1000, 1000]])
    counts = tpm * lengths / (tpm * lengths).sum(axis=0) * 1e6
    by_gene = genes_of_transcripts(counts, tpm, lengths, np.array([0, 0, 1]), 2)
    scaled = length_scaled_counts(*by_gene)
    assert by_gene[0][0, 1] / by_gene[0][0, 0] > 1.7
    assert scaled[0, 1] / scaled[0, 0] == pytest.approx(1.0)


# Annotation


def test_names_of_gencode_and_ensembl(tmp_path):
    path = tmp_path / "t.fa"
    path.write_text(
        ">ENST1.2|ENSG1.3|-|-|A-201|A|900|x|\nACGT\n>ENST2.1 cdna x gene:ENSG2.4 gene_symbol:B description:b\nAC\n"
    )
    assert read_transcript_names(path).rows() == [
        ("ENST1.2|ENSG1.3|-|-|A-201|A|900|x|", "ENST1.2", "ENSG1.3", "A"),
        ("ENST2.1", "ENST2.1", "ENSG2.4", "B"),
    ]
    path.write_text(">tx1\nACGT\n")
    with pytest.raises(DataFault, match="'tx1' tells no gene"):
        read_transcript_names(path)
    path.write_text("")
    with pytest.raises(DataFault, match="no sequence"):
        read_transcript_names(path)
    path.write_bytes(gzip.compress(b">ENST1|ENSG1|-|-|A|A|9|x|\nACGT\n" * 200)[:-8])
    with pytest.raises(TransportFault, match="truncated"):
        read_transcript_names(path)


def test_length_of_a_gene_is_the_union_of_its_exons(tmp_path):
    def exon(gene: str, start: int | str, stop: int, name: str = "A") -> str:
        return f'chr1\tx\texon\t{start}\t{stop}\t.\t+\t.\tgene_id "{gene}"; gene_type "lncRNA"; gene_name "{name}";\n'

    path = tmp_path / "a.gtf"
    path.write_text(
        "##description\n"
        + exon("G1.2", 101, 200)
        + exon("G1.2", 151, 250)
        + exon("G1.2", 120, 130)
        + exon("G1.2", 301, 310)
        + exon("G2.1_PAR_Y", 1, 1, "B")
        + exon("G3", "x", 5)
        + "chr1\tx\texon\t1\t2\n"
        + 'chr1\tx\tgene\t1\t9999\t.\t+\t.\tgene_id "G1.2";\n'
    )
    genes, rejected = read_gene_lengths(path)
    assert genes.select("gene_id", "gene_symbol", "gene_type", "length_bp").rows() == [
        ("G1.2", "A", "lncRNA", 160),
        ("G2.1_PAR_Y", "B", "lncRNA", 1),
    ]
    assert sorted(rejected["line"]) == [7, 8]
    path.write_text("# nothing\n")
    with pytest.raises(DataFault, match="no exon"):
        read_gene_lengths(path)
