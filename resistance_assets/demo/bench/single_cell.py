"""Synthetic single cells of xenografts: human tumour cells and mouse stroma of six mice, three of them under alectinib.

Planted: Gas6 comes from inflammatory fibroblasts and C1q macrophages; macrophages rise under the drug; fibroblasts
raise Mmp11; the share of tumour cells with AXL rises; MAPK output falls. Beside the cells there are empty droplets,
dying cells, doublets of both species, and ambient RNA in every droplet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resistance_assets.demo.packing import gzip_stored

FOLDER = "demo_h3122_xenograft_cells"
VEHICLE, DRUG = "vehicle", "alectinib"
MICE = {"X1": VEHICLE, "X2": VEHICLE, "X3": VEHICLE, "X4": DRUG, "X5": DRUG, "X6": DRUG}
CELLS = {
    "Tumour": (72, 46), "CAF_myo": (18, 18), "CAF_inflammatory": (14, 14), "TAM_C1q": (9, 20), "TAM_Spp1": (9, 16),
    "Endothelial": (14, 14),
}  # fmt: skip
"""Cells of a type per mouse, vehicle and drug; subtypes of fibroblasts and macrophages stand beside their type."""
AXL_HIGH_SHARE = {VEHICLE: 0.10, DRUG: 0.40}
MMP11_LOG2 = 2.0
MAPK_LOG2 = -1.8
SPECIES_DEPTH = {"human": 1500.0, "mouse": 900.0}
AMBIENT_SHARE = 0.04
N_EMPTY, N_DYING, N_DOUBLETS = 8, 3, 4
_MOUSE_SD, _CELL_SD = 0.15, 0.3

_MAPK = ("DUSP6", "SPRY2", "SPRY4", "ETV4", "ETV5", "PHLDA1", "EGR1", "FOSL1")
_AXL_PROGRAMME = ("AXL", "VIM", "ZEB1", "FN1", "CDH2", "SERPINE1", "TGFBI", "SNAI2")
_EPITHELIAL = ("EPCAM", "KRT8", "KRT18", "KRT19", "CDH1", "MUC1", "ELF3", "CLDN4", "ALK", "MET", "EGFR", "ERBB3")
_HUMAN_MT, _MOUSE_MT = ("MT-CO1", "MT-ND1", "MT-CYB"), ("mt-Co1", "mt-Nd1", "mt-Cytb")
_STROMA = {
    "CAF_myo": ("Acta2", "Tagln", "Postn", "Mmp11", "Col1a1", "Col1a2", "Col3a1", "Dcn", "Lum", "Fap"),
    "CAF_inflammatory": ("Gas6", "Cxcl12", "Il6", "Dpt", "C3", "Pdgfra", "Dcn", "Lum", "Col1a1", "Col3a1"),
    "TAM_C1q": ("C1qa", "C1qb", "C1qc", "Mrc1", "Apoe", "Gas6", "Cd68", "Csf1r", "Adgre1", "Lyz2", "Mertk", "Axl"),
    "TAM_Spp1": ("Spp1", "Arg1", "Vegfa", "Cd68", "Csf1r", "Adgre1", "Lyz2", "Il1b", "Trem2"),
    "Endothelial": ("Pecam1", "Cdh5", "Kdr", "Vwf", "Emcn", "Cldn5", "Egfl7", "Plvap", "Esam", "Tie1"),
}
_TYPE_OF = {"CAF_myo": "CAF", "CAF_inflammatory": "CAF", "TAM_C1q": "TAM", "TAM_Spp1": "TAM"}
_N_HUMAN, _N_MOUSE_MORE = 140, 70

_TOML = f"""\
[study]
id = "{FOLDER}"
title = "Synthetic single cells of H3122 xenografts under alectinib (demo)"
organism = "Homo sapiens"
kind = "single_cell"
licence = "CC0 1.0 (synthetic)"
paper = "utsumi_2025"
counts = "."
labels = "labels.tsv"
human_types = ["Tumour"]

[[comparison]]
id = "{DRUG}_vs_{VEHICLE}_in_mice"
numerator = "{DRUG}"
denominator = "{VEHICLE}"

[[signature]]
id = "mapk_output"
genes = [{", ".join(f'"{gene}"' for gene in _MAPK)}]
""" + "".join(f'\n[[sample]]\nid = "{mouse}"\narm = "{arm}"\n' for mouse, arm in MICE.items())


def truth() -> dict[str, float]:
    """What is planted: log2 fold changes, and the expected share of macrophages among all cells."""
    total = [sum(numbers[side] for numbers in CELLS.values()) for side in (0, 1)]
    macrophages = [CELLS["TAM_C1q"][side] + CELLS["TAM_Spp1"][side] for side in (0, 1)]
    return {
        "CAF | Mmp11 | log2_fold_change": MMP11_LOG2,
        "Tumour | DUSP6 | log2_fold_change": MAPK_LOG2,
        f"TAM | share | {VEHICLE}": macrophages[0] / total[0],
        f"TAM | share | {DRUG}": macrophages[1] / total[1],
        "doublets of two species per mouse": float(N_DOUBLETS),
    }


def _genes() -> tuple[list[str], list[str]]:
    """Symbols of the human and of the mouse genes."""
    named = Path(__file__).parents[1].joinpath("named_genes.tsv").read_text(encoding="utf-8").splitlines()[1:]
    first = [*_EPITHELIAL, *_AXL_PROGRAMME, *_MAPK, "GAS6", *_HUMAN_MT]
    human = list(dict.fromkeys([*first, *(line.split("\t")[0] for line in named)]))[:_N_HUMAN]
    stroma = dict.fromkeys(gene for genes in _STROMA.values() for gene in genes)
    return human, [*stroma, *_MOUSE_MT, *(f"Gm{10_000 + at}" for at in range(_N_MOUSE_MORE))]


def _profiles(random: np.random.RandomState, human: list[str], mouse: list[str], arm: str) -> dict[str, np.ndarray]:
    """Relative expression of every gene in every kind of cell, in the order of both species' genes."""
    base = random.lognormal(0.0, 0.7, len(human) + len(mouse))
    place = {gene: at for at, gene in enumerate([*human, *mouse])}
    is_human = np.arange(len(base)) < len(human)

    def raise_genes(levels: np.ndarray, genes: tuple[str, ...], factor: float) -> None:
        for gene in genes:
            levels[place[gene]] = base[place[gene]] * factor

    found: dict[str, np.ndarray] = {}
    for name in ("Tumour_AXL_low", "Tumour_AXL_high"):
        levels = np.where(is_human, base, 0.0)
        raise_genes(levels, _EPITHELIAL, 6.0)
        raise_genes(levels, _MAPK, 5.0 * (2.0**MAPK_LOG2 if arm == DRUG else 1.0))
        raise_genes(levels, _AXL_PROGRAMME, 8.0 if name == "Tumour_AXL_high" else 0.15)
        raise_genes(levels, ("GAS6",), 0.05)
        found[name] = levels
    specific = dict.fromkeys(gene for genes in _STROMA.values() for gene in genes)
    for name, genes in _STROMA.items():
        levels = np.where(is_human, 0.0, base)
        raise_genes(levels, tuple(specific), 0.02)
        raise_genes(levels, genes, 8.0)
        found[name] = levels
    found["CAF_myo"][place["Mmp11"]] *= 2.0**MMP11_LOG2 if arm == DRUG else 1.0
    for levels in found.values():
        levels /= levels.sum()
    return found


def _draw_mouse(
    random: np.random.RandomState, seed: int, human: list[str], mouse: list[str], arm: str
) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """Counts (cells x genes) of one mouse, and kind, type and subtype of each droplet."""
    profiles = _profiles(np.random.RandomState(seed), human, mouse, arm)
    own = random.lognormal(0.0, _MOUSE_SD, len(human) + len(mouse))
    expected, known = [], []
    for name, numbers in CELLS.items():
        # A type's number varies from mouse to mouse by more than chance.
        n = max(10 if name != "Tumour" else 20, round(numbers[arm == DRUG] * random.lognormal(0.0, 0.12)))
        for _ in range(n):
            kind = name
            if name == "Tumour":
                kind = "Tumour_AXL_high" if random.random() < AXL_HIGH_SHARE[arm] else "Tumour_AXL_low"
            levels = profiles[kind] * own
            depth = SPECIES_DEPTH["human" if name == "Tumour" else "mouse"] * random.lognormal(0.0, _CELL_SD)
            expected.append(levels / levels.sum() * depth)
            known.append(("cell", _TYPE_OF.get(name, name), kind))
    soup = np.sum(expected, axis=0)
    soup /= soup.sum()
    stroma = [at for at, one in enumerate(known) if one[1] != "Tumour"]
    tumour = [at for at, one in enumerate(known) if one[1] == "Tumour"]
    mitochondrial = np.array([gene.lower().startswith("mt-") for gene in [*human, *mouse]])
    for _ in range(N_DOUBLETS):
        first, second = random.choice(tumour), random.choice(stroma)
        expected.append(expected[first] + expected[second])
        known.append(("doublet", *known[first][1:]))
    for _ in range(N_DYING):
        first = int(random.choice(tumour))
        levels = expected[first] * 0.3
        levels[mitochondrial] *= 40.0
        expected.append(levels)
        known.append(("dying", *known[first][1:]))
    ambient = AMBIENT_SHARE * float(np.mean([one.sum() for one in expected])) * soup
    counts = random.poisson(np.array(expected) + ambient)
    empty = random.poisson(np.tile(ambient, (N_EMPTY, 1)))
    return np.vstack([counts, empty]), [*known, *(("empty", "", "") for _ in range(N_EMPTY))]


def files(random: np.random.RandomState) -> dict[str, bytes]:
    """Files of the study: name to content."""
    human, mouse = _genes()
    seed = int(random.randint(2**31 - 1))
    blocks, barcodes, labels = [], [], ["sample_id\tbarcode\tcell_type\tsubtype"]
    bases = np.array(list("ACGT"))
    for at, (name, arm) in enumerate(MICE.items(), start=1):
        counts, known = _draw_mouse(random, seed, human, mouse, arm)
        blocks.append(counts)
        letters = bases[random.randint(0, 4, size=(len(known), 16))]
        for row, (_, cell_type, subtype) in zip(letters, known, strict=True):
            barcodes.append(f"{''.join(row)}-{at}")
            # An empty droplet has a sample and no type.
            labels.append(f"{name}\t{barcodes[-1]}\t{cell_type}\t{subtype}")
    matrix = np.vstack(blocks)
    cell, gene = np.nonzero(matrix)
    entries = "\n".join(
        f"{g} {c} {n}"
        for g, c, n in zip((gene + 1).tolist(), (cell + 1).tolist(), matrix[cell, gene].tolist(), strict=True)
    )
    head = f"%%MatrixMarket matrix coordinate integer general\n{len(human) + len(mouse)} {len(barcodes)} {len(cell)}\n"
    features = [f"GRCh38_{symbol}\tGRCh38_{symbol}\tGene Expression" for symbol in human]
    features += [f"mm10___{symbol}\tmm10___{symbol}\tGene Expression" for symbol in mouse]
    return {
        "study.toml": _TOML.encode(),
        "labels.tsv": ("\n".join(labels) + "\n").encode(),
        "matrix.mtx.gz": gzip_stored((head + entries + "\n").encode()),
        "barcodes.tsv.gz": gzip_stored(("\n".join(barcodes) + "\n").encode()),
        "features.tsv.gz": gzip_stored(("\n".join(features) + "\n").encode()),
    }
