"""What is planted: the genes of the synthetic studies and the truth that every analysis of them should find again.

Here belong the choice of genes, effects, gene sets and lists, and `DemoTruth`, which states them. Drawing data from the
plan belongs in `cohort` and `counts`, writing them in the modules named after the host whose format they follow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from resistance_assets.demo.annotation_plan import AnnotationPlan, plan_annotation
from resistance_assets.demo.bench import BENCH_STUDIES

N_MEASURED = 2000
"""Genes in every expression matrix and count table."""
N_UNMEASURED = 40
"""Genes that lists and gene sets name and no study measures."""


def random_stream(seed: int, name: str) -> np.random.RandomState:
    """Random numbers for one purpose, so that a change to one study leaves the others as they were.

    `RandomState` and not `Generator`: numpy promises that the streams of the former never change.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, dtype="<u4"))


@dataclass(frozen=True)
class Gene:
    """One gene. Named genes carry the identifiers of HGNC, Entrez and Ensembl; SYN genes carry invented ones."""

    symbol: str
    hgnc_id: str
    entrez_gene_id: int
    ensembl_gene_id: str
    previous_symbols: tuple[str, ...]
    family: str
    is_measured: bool = True


@cache
def all_genes() -> tuple[Gene, ...]:
    """Every gene of the demo: the named ones, then SYN0001 and so on, those without measurements last."""
    lines = (resources.files("resistance_assets.demo") / "named_genes.tsv").read_text("utf-8").splitlines()
    genes = []
    for line in lines[1:]:
        symbol, hgnc_id, entrez, ensembl, previous, family = line.split("\t")
        genes.append(Gene(symbol, hgnc_id, int(entrez), ensembl, tuple(filter(None, previous.split("|"))), family))
    synthetic = N_MEASURED - len(genes)
    genes.extend(
        Gene(
            symbol=f"SYN{number:04d}",
            hgnc_id=f"HGNC:{9_000_000 + number}",
            entrez_gene_id=900_000_000 + number,
            ensembl_gene_id=f"ENSG9{number:010d}",
            previous_symbols=(f"SYNOLD{number:04d}",) if number % 50 == 0 else (),
            family="synthetic",
            is_measured=number <= synthetic,
        )
        for number in range(1, synthetic + N_UNMEASURED + 1)
    )
    return tuple(genes)


@dataclass(frozen=True)
class PlantedSet:
    """A gene set that is enriched in the genes up-regulated in resistance.

    Attributes:
        collection: id of the collection in the catalog.
        term_id, term: as a reader of the file finds them.
        size: measured genes in the set.
        overlap: how many of them are up-regulated in resistance.
        expected: how many would be by chance.
    """

    collection: str
    term_id: str
    term: str
    size: int
    overlap: int
    expected: float


@dataclass(frozen=True)
class DemoTruth:
    """What was planted. All effects on expression are log2 fold changes, by gene symbol; genes not named have none.

    Attributes:
        seed, generator: what the demo was made from; equal values mean equal bytes.
        contrasts: contrast id to its effects.
        response_class: what the resistant line makes of the drug's effect on the parental line: "lost response",
            "gained response", "unchanged".
        log_hazard_per_sd: endpoint to gene to log hazard ratio per standard deviation of log2 expression, given all
            others; a screen of one gene at a time finds somewhat less. DSS follows OS, DFS follows PFS.
        not_prognostic: genes of interest without any effect on survival.
        spearman_with_ccl20: gene to rank correlation with CCL20 in tumours.
        cancer_genes: measured genes of the cancer list of May 2018.
        resistant_cancer_genes: how many resistance genes are on that list, `..._expected` how many by chance.
        enriched_sets: see `PlantedSet`.
        n_patients, n_samples_expressed: size of the cohort.
        bench: bench study to what it plants, by name: EC50 in uM, points of excess, fold changes, interactions.
        paper_reading: axis to choice, of the many ways to read the rule of fold changes, the one by which the counts
            that the four-arm study reports were made.
    """

    seed: int
    generator: str
    contrasts: dict[str, dict[str, float]]
    response_class: dict[str, str]
    log_hazard_per_sd: dict[str, dict[str, float]]
    not_prognostic: tuple[str, ...]
    spearman_with_ccl20: dict[str, float]
    cancer_genes: tuple[str, ...]
    resistant_cancer_genes: int
    resistant_cancer_genes_expected: float
    enriched_sets: tuple[PlantedSet, ...]
    n_patients: int
    n_samples_expressed: int
    paper_reading: dict[str, str]
    bench: dict[str, dict[str, float]]

    def planted_genes(self) -> frozenset[str]:
        """Every gene that has an effect, or is stated to have none."""
        effects = (*self.contrasts.values(), *self.log_hazard_per_sd.values())
        return frozenset(gene for genes in effects for gene in genes) | {
            *self.not_prognostic,
            *self.spearman_with_ccl20,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values, for truth.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> DemoTruth:
        """The inverse of `to_json`. Raises TypeError where the document is of another version."""
        sets = tuple(PlantedSet(**entry) for entry in document["enriched_sets"])
        lists = {name: tuple(document[name]) for name in ("not_prognostic", "cancer_genes")}
        return cls(**{**document, **lists, "enriched_sets": sets})


# Contrast ids of the laboratory studies that the demo writes.
PAIRED = "luad_tumour_vs_normal"
RESISTANT = "h1975_drug_resistant_vs_parental"
PARENTAL_TREATED = "h1975_arms_parental_treated_vs_parental"
ARM_RESISTANT = "h1975_arms_resistant_vs_parental"
RESISTANT_TREATED = "h1975_arms_resistant_treated_vs_resistant"
PUBLISHED = "h3122_crizotinib_resistant_vs_parental"
# The interaction of the four arms, of which `response_class` is the truth.
RESPONSE = "h1975_arms_drug_response"


# Contrasts of the public accessions that the demo stands in for, as the catalog names them.
SEQUENCED = {
    "h1975_parental_anlotinib_vs_parental": PARENTAL_TREATED,
    "h1975_anlotinib_resistant_vs_parental": ARM_RESISTANT,
    "h1975_resistant_anlotinib_vs_resistant": RESISTANT_TREATED,
}
ALK_LINES = {drug: f"h2228_{drug}_resistant_vs_parental" for drug in ("crizotinib", "ceritinib", "alectinib")}
# Contrasts of the atlas that the demo stands in for: two lines resistant to an EGFR inhibitor, one to an ALK inhibitor,
# and cells that are tolerant.
ATLAS = {
    "ER3": "gse38310_er3_vs_hcc827",
    "PC9_resistant": "gse255958_pc9_resistant_vs_dmso",
    "PC9_persister": "gse255958_pc9_persister_vs_dmso",
    "H3122_resistant": "gse255958_h3122_resistant_vs_dmso",
}
N_SEQUENCED = 360
N_ARRAYED = 500


def _symbols(text: str) -> list[str]:
    return text.split()


_RESISTANT_UP = {"CXCL2": 1.8, "CCL20": 2.5, "AXL": 2.2, "IL6": 1.6}
_RESISTANT_UP_NAMED = _symbols("""
    CXCL1 CXCL3 CXCL5 CCL26 TNFAIP3 SOD2 PLAUR ICAM1 MMP1 MMP10 SERPINE1 LIF PTGS2 RELB IL1B CSF2 ANGPTL4 NDRG1
    MET FGFR1 EPHA2 IGF1R MAP3K8 BIRC3 FOSL1 JUN NRG1 AREG HGF TGFA ZEB1 SNAI2 VIM CDH2 YAP1 BCL2L1 MCL1 NFKB1 REL
    ERBB2 KIT CDK6
""")
_RESISTANT_DOWN_NAMED = _symbols("""
    CDH1 EPCAM ERBB3 DUSP6 SPRY2 ETV4 ETV5 CCND1 MYC SFTPB KRT19 CLDN18 FOXA1 GATA3 TUBA1A STMN1 CDC20 CCNB1 PLK1 AURKA
""")
_TUMOUR = {"CCL20": 2.0, "CXCL9": 1.8, "CXCL13": 3.0, "MMP11": 3.5, "CCL15": -2.0}
_TUMOUR_UP_NAMED = _symbols("""
    MKI67 TOP2A BIRC5 CDC20 CCNB1 CDK1 AURKB BUB1B PLK1 TYMS RRM2 COL11A1 COL1A1 SPP1 MMP1 MMP12 S100P ETV4 TERT CA9
    KIF11 FN1 THBS2 CXCL5 LCN2 MUC5B EPCAM MET
""")
_TUMOUR_DOWN_NAMED = _symbols(
    "AGER SFTPC CAV1 SFTPA1 SCGB1A1 CLDN18 TEK ANGPT1 KDR EDN1 IL1B LIF CSF3 CX3CL1 SELE CD163"
)
_PUBLISHED = {"CCL20": 2.4, "AXL": 3.0, "GAS6": 1.5, "CCL24": 1.6, "CX3CL1": 1.9, "IL6": 1.7, "CXCL2": 1.4}
_CANCER_LISTED_BESIDES = _symbols("AXL GAS6 CXCL2 MMP11 CX3CL1 VEGFA CXCL8 MMP1 MMP9 PTGS2 BIRC5 SPP1 MUC1")

# Genes whose links to others STRING's stand-in holds.
_LINKED = "CCL15 MIF CCL20 CCL24 CXCL9 CXCL13 IFNG IL6 CXCL8 IL10 CX3CL1 CCL19 AXL GAS6"

LOG_HAZARDS = {
    "OS": {"CCL20": 0.35, "LDHA": 0.85, "SYN0900": 0.35, "NAPSA": -0.85, "SYN0901": -0.35},
    "PFS": {"CCL20": 0.32, "LDHA": 0.75, "SYN0900": 0.32, "NAPSA": -0.75, "SYN0901": -0.32},
}
NOT_PROGNOSTIC = ("AXL", "GAS6", "CXCL2")
PAPER_READING = {
    "floor_arm": "both",
    "threshold": "above_2",
    "pseudocount": "1",
    "filter_base": "responsive_down",
    "ratio_rule": "below_1",
    "list_version": "allonco_may2018",
}
SPEARMAN_WITH_CCL20 = {"VEGFA": 0.24, "IL6": 0.32, "CCL2": 0.18, "CCL24": 0.15}


@dataclass(frozen=True)
class GeneSets:
    """Lines of a gene-set file: (term as printed, second field, genes)."""

    collection: str
    lines: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Plan:
    """The planted truth with what is needed to draw data from it.

    Attributes:
        seed: of every random stream.
        genes: measured genes, in the row order of every table.
        abundance_log2: shape (genes,), typical log2 abundance, shared by all studies.
        truth: what is planted.
        cancer_lists: symbols of the cancer list, unmeasured ones included, by source id of the catalog: that of
            May 2018, of which the truth speaks, and an older and a newer version of it.
        collections: gene sets by source id of the catalog.
        annotation: the ontology, pathways of other hosts, links of proteins and lengths of genes.
    """

    seed: int
    genes: tuple[Gene, ...]
    abundance_log2: np.ndarray
    truth: DemoTruth
    cancer_lists: dict[str, tuple[str, ...]]
    collections: dict[str, GeneSets]
    annotation: AnnotationPlan

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(gene.symbol for gene in self.genes)

    def effects(self, contrast_id: str) -> np.ndarray:
        """Log2 fold changes of a contrast, shape (genes,)."""
        planted = self.truth.contrasts[contrast_id]
        return np.array([planted.get(gene.symbol, 0.0) for gene in self.genes])


def make_plan(seed: int, generator: str, *, n_patients: int, n_samples_expressed: int) -> Plan:
    """Choose what is planted. The same seed gives the same plan."""
    genes = tuple(gene for gene in all_genes() if gene.is_measured)
    draw = random_stream(seed, "plan")
    contrasts = _plan_contrasts(draw)
    responses = _plan_responses(draw, contrasts[RESISTANT])
    contrasts |= responses
    contrasts[ARM_RESISTANT] = dict(contrasts[RESISTANT])
    contrasts |= _plan_accessions(random_stream(seed, "accessions"), contrasts)
    contrasts |= _plan_atlas(contrasts)

    measured = [gene.symbol for gene in genes]
    unmeasured = [gene.symbol for gene in all_genes() if not gene.is_measured]
    cancer = [gene.symbol for gene in genes if gene.family == "cancer"] + _CANCER_LISTED_BESIDES
    cancer += _choose(draw, 60, (g for g in _synthetic_pool() if g not in contrasts[RESISTANT]))
    resistant = contrasts[RESISTANT]
    shared = sum(symbol in resistant for symbol in cancer)
    up = sorted(symbol for symbol, effect in resistant.items() if effect > 0)
    collections, planted_sets = _plan_gene_sets(random_stream(seed, "gene sets"), up, measured, unmeasured, contrasts)
    annotation = plan_annotation(
        random_stream(seed, "annotation"), up, measured, frozenset(resistant), _symbols(_LINKED)
    )
    planted_sets += tuple(
        PlantedSet(
            collection,
            term_id,
            term,
            len(members),
            sum(symbol in up for symbol in members),
            round(len(members) * len(up) / len(measured), 3),
        )
        for collection, term_id, term, members in annotation.planted
    )
    truth = DemoTruth(
        seed=seed,
        generator=generator,
        contrasts={name: dict(sorted(effects.items())) for name, effects in sorted(contrasts.items())},
        response_class=_response_classes(contrasts),
        log_hazard_per_sd=LOG_HAZARDS,
        not_prognostic=NOT_PROGNOSTIC,
        spearman_with_ccl20=SPEARMAN_WITH_CCL20,
        cancer_genes=tuple(sorted(cancer)),
        resistant_cancer_genes=shared,
        resistant_cancer_genes_expected=round(len(cancer) * len(resistant) / len(genes), 3),
        enriched_sets=planted_sets,
        n_patients=n_patients,
        n_samples_expressed=n_samples_expressed,
        paper_reading=PAPER_READING,
        bench={module.FOLDER: module.truth() for module in BENCH_STUDIES},
    )
    return Plan(
        seed=seed,
        genes=genes,
        abundance_log2=_abundances(random_stream(seed, "abundance"), genes, truth),
        truth=truth,
        cancer_lists=_list_versions((*cancer, *unmeasured[:20]), newer=unmeasured[20:35]),
        collections=collections,
        annotation=annotation,
    )


def sequenced_genes(plan: Plan) -> tuple[Gene, ...]:
    """Genes of the transcriptome of the public four-arm study: those with an effect in it, and others without any."""
    changed = {symbol for contrast in SEQUENCED for symbol in plan.truth.contrasts[contrast]}
    return _with_others(plan, "sequenced genes", changed, N_SEQUENCED)


def arrayed_genes(plan: Plan) -> tuple[Gene, ...]:
    """Genes on the array of the public series: those with an effect in it, and others without any."""
    changed = {symbol for contrast in ALK_LINES.values() for symbol in plan.truth.contrasts[contrast]}
    return _with_others(plan, "arrayed genes", changed, N_ARRAYED)


def atlas_genes(plan: Plan) -> tuple[Gene, ...]:
    """Genes of the atlas's series: those with an effect in them, and others without any."""
    changed = {symbol for contrast in ATLAS.values() for symbol in plan.truth.contrasts[contrast]}
    return _with_others(plan, "atlas genes", changed, N_ARRAYED)


def _with_others(plan: Plan, stream: str, changed: set[str], n: int) -> tuple[Gene, ...]:
    others = [gene.symbol for gene in plan.genes if gene.symbol not in changed]
    chosen = changed | set(_choose(random_stream(plan.seed, stream), n - len(changed), others))
    return tuple(gene for gene in plan.genes if gene.symbol in chosen)


def _plan_accessions(
    draw: np.random.RandomState, contrasts: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Effects of the public accessions, taken from those that are planted already.

    The four arms carry a part of the laboratory's four arms: few enough that normalisation finds what does not change.
    The three resistant lines share most of their effects; each has some of its own.
    """
    parental, resistant = contrasts[PARENTAL_TREATED], contrasts[ARM_RESISTANT]
    treated = contrasts[RESISTANT_TREATED]
    up = ["CXCL2", "CCL20", "AXL", "IL6", *_RESISTANT_UP_NAMED[:26]]
    down = _RESISTANT_DOWN_NAMED[:12]
    lost = [g for g in sorted(parental) if g in up]
    kept = sorted(set(parental) & set(treated))
    gained = sorted(set(treated) - set(parental))
    kept_down = _choose(draw, 18, (g for g in kept if parental[g] < 0))
    kept_up = _choose(draw, 8, (g for g in kept if parental[g] > 0))
    part = {
        "h1975_anlotinib_resistant_vs_parental": {g: resistant[g] for g in (*up, *down)},
        "h1975_parental_anlotinib_vs_parental": {g: parental[g] for g in (*lost, *kept_down, *kept_up)},
        "h1975_resistant_anlotinib_vs_resistant": {
            g: treated[g] for g in (*kept_down, *kept_up, *_choose(draw, 8, gained))
        },
    }
    published = contrasts[PUBLISHED]
    pool = [g for g in sorted(published) if g.startswith("SYN")]
    own = _choose(draw, 54, pool)
    shared = {g: published[g] for g in (*_PUBLISHED, *own[:24])}
    for at, contrast in enumerate(ALK_LINES.values()):
        part[contrast] = shared | {g: published[g] for g in own[24 + 10 * at : 34 + 10 * at]}
    return part


def _plan_atlas(contrasts: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Effects of the atlas's contrasts, taken from those that are planted already, and half as strong in cells that are
    tolerant. AXL is up in every resistant line: the known positive over drug classes."""
    resistant, published = contrasts[RESISTANT], contrasts[PUBLISHED]
    up, down = ["AXL", "CXCL2", "CCL20", "IL6", *_RESISTANT_UP_NAMED[:24]], _RESISTANT_DOWN_NAMED[:12]
    return {
        ATLAS["ER3"]: {g: resistant[g] for g in (*up, *down)},
        ATLAS["PC9_resistant"]: {g: resistant[g] for g in (*up[:18], *down[:8])},
        ATLAS["PC9_persister"]: {g: round(resistant[g] / 2, 2) for g in (*_RESISTANT_UP_NAMED[24:36], *down)},
        ATLAS["H3122_resistant"]: {g: published[g] for g in (*_PUBLISHED, *_RESISTANT_UP_NAMED[:14])},
    }


def _list_versions(may_2018: tuple[str, ...], newer: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The older version lacks every twelfth gene, the newer one has dropped a few and gained others."""
    return {
        "allonco_feb2017": tuple(symbol for at, symbol in enumerate(may_2018, start=1) if at % 12),
        "allonco_may2018": may_2018,
        "allonco_june2021": (*(symbol for at, symbol in enumerate(may_2018, start=1) if at % 40), *newer),
    }


def _synthetic_pool() -> list[str]:
    """SYN genes that carry no hazard of their own."""
    prognostic = {symbol for effects in LOG_HAZARDS.values() for symbol in effects}
    return [g.symbol for g in all_genes() if g.family == "synthetic" and g.is_measured and g.symbol not in prognostic]


def _choose(draw: np.random.RandomState, n: int, pool: Iterable[str]) -> list[str]:
    candidates = list(pool)
    return [candidates[i] for i in draw.permutation(len(candidates))[:n]]


def _effects(draw: np.random.RandomState, symbols: Sequence[str], low: float, high: float) -> dict[str, float]:
    """Fold changes of two decimals, so that truth.json and the data agree to the last digit."""
    return dict(zip(symbols, np.round(draw.uniform(low, high, len(symbols)), 2).tolist(), strict=True))


def _plan_contrasts(draw: np.random.RandomState) -> dict[str, dict[str, float]]:
    pool = _synthetic_pool()
    chosen = _choose(draw, 340, pool)
    up_syn, down_syn, tumour_up_syn, tumour_down_syn, published_syn = (
        chosen[:34],
        chosen[34:74],
        chosen[74:160],
        chosen[160:250],
        chosen[250:],
    )
    resistant = (
        _RESISTANT_UP
        | _effects(draw, [*_RESISTANT_UP_NAMED, *up_syn], 1.4, 2.8)
        | {g: -e for g, e in _effects(draw, [*_RESISTANT_DOWN_NAMED, *down_syn], 1.4, 2.8).items()}
    )
    tumour = (
        _effects(draw, [*_TUMOUR_UP_NAMED, *tumour_up_syn, *up_syn[:8]], 1.8, 3.5)
        | {g: -e for g, e in _effects(draw, [*_TUMOUR_DOWN_NAMED, *tumour_down_syn, *down_syn[:8]], 1.8, 3.5).items()}
        | _TUMOUR
    )
    # A third of the genes are those of the other resistance study, in the same direction.
    same_up = [*_RESISTANT_UP_NAMED[:14], *up_syn[:8]]
    same_down = [*_RESISTANT_DOWN_NAMED[:6], *down_syn[:8]]
    published = (
        _PUBLISHED
        | _effects(draw, [*same_up, *published_syn[:45]], 1.4, 2.8)
        | {g: -e for g, e in _effects(draw, [*same_down, *published_syn[45:]], 1.4, 2.8).items()}
    )
    return {RESISTANT: resistant, PAIRED: tumour, PUBLISHED: published}


def _plan_responses(draw: np.random.RandomState, resistant: dict[str, float]) -> dict[str, dict[str, float]]:
    """The drug's effect on either line. In the parental line about two thirds of the genes go down."""
    raised = [symbol for symbol in sorted(resistant) if resistant[symbol] > 0]
    lost_down = ["CXCL2", *_choose(draw, 39, (g for g in raised if g != "CXCL2"))]
    pool = [symbol for symbol in _synthetic_pool() if symbol not in resistant]
    chosen = _choose(draw, 195, pool)
    lost_up, kept_down, kept_up, gained = chosen[:30], chosen[30:130], chosen[130:170], chosen[170:]
    lost = {g: -e for g, e in _effects(draw, lost_down, 1.5, 2.8).items()} | _effects(draw, lost_up, 1.5, 2.8)
    kept = {g: -e for g, e in _effects(draw, kept_down, 1.5, 2.8).items()} | _effects(draw, kept_up, 1.5, 2.8)
    return {PARENTAL_TREATED: lost | kept, RESISTANT_TREATED: kept | _effects(draw, gained, 1.5, 2.8)}


def _response_classes(contrasts: dict[str, dict[str, float]]) -> dict[str, str]:
    parental, resistant = contrasts[PARENTAL_TREATED], contrasts[RESISTANT_TREATED]
    names = {(True, True): "unchanged", (True, False): "lost response", (False, True): "gained response"}
    return {symbol: names[symbol in parental, symbol in resistant] for symbol in sorted({*parental, *resistant})}


def _abundances(draw: np.random.RandomState, genes: Sequence[Gene], truth: DemoTruth) -> np.ndarray:
    """Typical log2 abundances; planted genes are high enough to be seen in either direction of their change."""
    planted = truth.planted_genes()
    values = np.clip(draw.normal(7.0, 2.0, len(genes)), 1.5, 12.5)
    is_planted = np.array([gene.symbol in planted for gene in genes])
    return np.round(np.where(is_planted, np.clip(values, 6.5, 10.0), values), 3)


# Gene sets. Names and accessions are invented: no set pretends to be one of the collection that it stands in for.


def _card(term: str) -> str:
    return f"http://example.org/synthetic/{term}"


def _alphabetical(members: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(members)))


def _plan_gene_sets(
    draw: np.random.RandomState,
    up: Sequence[str],
    measured: Sequence[str],
    unmeasured: Sequence[str],
    contrasts: dict[str, dict[str, float]],
) -> tuple[dict[str, GeneSets], tuple[PlantedSet, ...]]:
    resistant = set(contrasts[RESISTANT])
    others = [symbol for symbol in measured if symbol not in resistant]

    def enriched(first: Sequence[str], n_up: int, n_other: int) -> tuple[str, ...]:
        members = [*first, *_choose(draw, n_up - len(first), (g for g in up if g not in first))]
        return (*members, *_choose(draw, n_other, others))

    def decoys(n: int, smallest: int, largest: int) -> list[tuple[str, ...]]:
        sizes = np.exp(draw.uniform(math.log(smallest), math.log(largest), n)).astype(int).tolist()
        return [(*_choose(draw, size, measured), *_choose(draw, 1, unmeasured)) for size in sizes]

    chemokines = enriched(["CCL20", "CXCL2", "CXCL1", "CXCL3", "CXCL5", "CCL26"], 14, 14)
    parent = (*chemokines, *_choose(draw, 50, (g for g in others if g not in chemokines)))
    bypass = enriched(["AXL", "MET", "FGFR1", "IGF1R", "ERBB2", "EPHA2"], 12, 12)
    inflammation = enriched(["CCL20", "CXCL2", "IL6", "TNFAIP3", "SOD2", "PLAUR"], 20, 24)
    proliferation = tuple(_TUMOUR_UP_NAMED[:11]) + tuple(_choose(draw, 15, others))
    responsive = sorted(g for g, e in contrasts[PARENTAL_TREATED].items() if e < 0)
    drug_down = (*_choose(draw, 20, responsive), *_choose(draw, 20, others))

    go = [
        ("synthetic chemokine response of resistant cells (GO:9000001)", chemokines),
        ("synthetic chemokine response (GO:9000002)", parent),
        *((f"synthetic process {i} (GO:9{i:06d})", s) for i, s in enumerate(decoys(150, 8, 120), start=3)),
    ]
    kegg = [
        ("Synthetic bypass signaling in resistance Homo sapiens hsa99001", bypass),
        *((f"Synthetic pathway {i} Homo sapiens hsa{99000 + i}", s) for i, s in enumerate(decoys(60, 8, 90), start=2)),
    ]
    hallmark = [
        ("HALLMARK_SYNTHETIC_RESISTANCE_INFLAMMATION", inflammation),
        ("HALLMARK_SYNTHETIC_PROLIFERATION", proliferation),
        ("HALLMARK_SYNTHETIC_DRUG_RESPONSE_DN", drug_down),
        *((f"HALLMARK_SYNTHETIC_{i:03d}", s) for i, s in enumerate(decoys(30, 25, 120), start=4)),
    ]
    kegg_msigdb = [
        ("KEGG_SYNTHETIC_BYPASS_SIGNALING", bypass),
        *((f"KEGG_SYNTHETIC_{i:03d}", s) for i, s in enumerate(decoys(40, 8, 90), start=2)),
    ]
    reactome = [
        ("Synthetic receptor bypass", bypass),
        ("Synthetic viral life cycle", ("gag", "pol", *_choose(draw, 12, others))),
        *((f"Synthetic reaction {i}", s) for i, s in enumerate(decoys(80, 6, 90), start=3)),
    ]

    collections = {
        "enrichr_go_bp_2021": GeneSets("GO_BP", tuple((t, "", _alphabetical(g)) for t, g in go)),
        "enrichr_kegg_2016": GeneSets("KEGG", tuple((t, "", _alphabetical(g)) for t, g in kegg)),
        "msigdb_hallmark": GeneSets("HALLMARK", tuple((t, _card(t), _alphabetical(g)) for t, g in hallmark)),
        "msigdb_kegg": GeneSets("KEGG_MSIGDB", tuple((t, _card(t), _alphabetical(g)) for t, g in kegg_msigdb)),
        "reactome_pathways": GeneSets(
            "REACTOME",
            tuple((t, f"R-HSA-{99_000_000 + i}", _alphabetical(g)) for i, (t, g) in enumerate(reactome, start=1)),
        ),
    }

    def planted(collection: str, term_id: str, term: str, members: Sequence[str]) -> PlantedSet:
        size = sum(symbol in measured for symbol in members)
        overlap = sum(symbol in up for symbol in members)
        return PlantedSet(collection, term_id, term, size, overlap, round(size * len(up) / len(measured), 3))

    hallmark_term, kegg_term = hallmark[0][0], kegg_msigdb[0][0]
    return collections, (
        planted("GO_BP", "GO:9000001", "synthetic chemokine response of resistant cells", chemokines),
        planted("KEGG", "hsa99001", "Synthetic bypass signaling in resistance", bypass),
        planted("HALLMARK", hallmark_term, hallmark_term, inflammation),
        planted("KEGG_MSIGDB", kegg_term, kegg_term, bypass),
        planted("REACTOME", "R-HSA-99000001", "Synthetic receptor bypass", bypass),
    )
