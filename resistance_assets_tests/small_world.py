"""A world small enough to run the whole warehouse in a test: one laboratory study, and a mirror that lists nothing.

Every source of the catalog is unavailable, so a run computes the study's tables and carries the rest as empty.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

STUDY = """
[study]
id = "small"
title = "Three resistant and three parental samples"
organism = "Homo sapiens"
kind = "rna_seq_counts"
counts = "counts.tsv"
samples = "samples.tsv"

[[contrast]]
id = "small_resistant_vs_parental"
factor = "condition"
numerator = "resistant"
denominator = "parental"
methods = ["limma_voom"]
thresholds = {{ q_value = {q_value}, abs_log2_fold_change = 1.0 }}
"""
SETS = ""
"""Sets of the built-in catalog with which a run has half of its tables: no public study, and no cohort."""

GENES = 60
SAMPLES = ("r1", "r2", "r3", "p1", "p2", "p3")


def write_small_world(folder: Path, *, raised: int = 10, q_value: float = 0.05) -> tuple[Path, Path]:
    """Write the mirror and the folder of studies; the first ``raised`` genes are eight times higher in resistance.

    Returns:
        Mirror, folder of studies.
    """
    mirror, study = folder / "mirror", folder / "studies" / "small"
    mirror.mkdir(parents=True, exist_ok=True)
    (mirror / "index.jsonl").write_text("")
    study.mkdir(parents=True, exist_ok=True)
    (study / "study.toml").write_text(STUDY.format(q_value=q_value))
    noise = np.random.default_rng(1).normal(0.0, 0.1, (GENES, len(SAMPLES)))
    means = np.full((GENES, len(SAMPLES)), 500.0)
    means[:raised, :3] *= 8
    counts = np.rint(means * np.exp(noise)).astype(int)
    rows = ["gene\t" + "\t".join(SAMPLES)]
    rows += [f"GENE{at:02d}\t" + "\t".join(map(str, row)) for at, row in enumerate(counts)]
    (study / "counts.tsv").write_text("\n".join(rows) + "\n")
    sheet = [f"{name}\t{'resistant' if name.startswith('r') else 'parental'}" for name in SAMPLES]
    (study / "samples.tsv").write_text("sample_id\tcondition\n" + "\n".join(sheet) + "\n")
    return mirror, folder / "studies"
