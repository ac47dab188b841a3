"""The synthetic patients as UCSC Xena would hold them: a matrix of few genes, and endpoints in days.

Here belongs the host's layout; what the numbers are belongs in `cohort`. On two patients the host says something else
than cBioPortal does, as hosts do.
"""

from __future__ import annotations

import numpy as np

from resistance_assets.demo.cbioportal_archive import patient_id, sample_id
from resistance_assets.demo.cohort import Cohort, disagreeing_patients
from resistance_assets.demo.packing import gzip_stored
from resistance_assets.demo.plan import PAIRED, Plan, random_stream

N_TUMOURS = 180
N_NORMALS = 20
N_GENES = 120
SHOWN = ("CCL20", "AXL", "VEGFA", "MMP11")
"""Genes of interest that the matrix holds; the old name of a gene stands for one of the others."""
LATER_DAYS = 300
"""How much longer the host has followed the second of the patients on whom it disagrees."""
_ENDPOINTS = {"OS": "OS", "DSS": "DSS", "DFI": "DFS", "PFI": "PFS"}


def hiseqv2(plan: Plan, cohort: Cohort) -> bytes:
    """The matrix: log2(normalised RSEM + 1) of tumours (-01) and of normal tissue (-11) of the first patients."""
    draw = random_stream(plan.seed, "xena")
    rows = _rows(plan)
    tumours = np.log2(cohort.rsem[rows, :N_TUMOURS] + 1)
    effects = plan.effects(PAIRED)[rows]
    normal = tumours.mean(axis=1)[:, None] - effects[:, None] + draw.normal(0, 0.5, (len(rows), N_NORMALS))
    patients = cohort.expressed[:N_TUMOURS].tolist()
    columns = [sample_id(patient, False) for patient in patients]
    columns += [f"{patient_id(patient)}-11" for patient in patients[:N_NORMALS]]
    values = np.hstack([tumours, np.maximum(normal, 0)])
    form = "\t%.4f" * len(columns)
    lines = ["\t".join(["sample", *columns])]
    for row, line in zip(rows, values.tolist(), strict=True):
        gene = plan.genes[row]
        # The host's symbols are those of years ago.
        name = gene.previous_symbols[0] if gene.previous_symbols and gene.symbol not in SHOWN else gene.symbol
        lines.append(name + form % tuple(line))
    return gzip_stored(("\n".join(lines) + "\n").encode(), name="HiSeqV2_synthetic")


def _rows(plan: Plan) -> list[int]:
    """Rows of the plan's genes: those shown, what is prognostic, the strongest of tumour against normal, and others."""
    symbols = {symbol: row for row, symbol in enumerate(plan.symbols)}
    prognostic = dict.fromkeys(gene for effects in plan.truth.log_hazard_per_sd.values() for gene in effects)
    changed = sorted(plan.truth.contrasts[PAIRED].items(), key=lambda item: (-abs(item[1]), item[0]))
    chosen = dict.fromkeys([*SHOWN, *prognostic, *(gene for gene, _ in changed[:30] if gene.startswith("SYN"))])
    for gene in plan.genes:
        if len(chosen) < N_GENES and gene.family == "synthetic":
            chosen[gene.symbol] = None
    return [symbols[symbol] for symbol in chosen]


def survival(plan: Plan, cohort: Cohort) -> bytes:
    """The table of follow-up: one row per sample, with the recurrences, so that some patients stand twice."""
    other_event, other_time, _ = disagreeing_patients(cohort)
    header = ["sample", "_PATIENT", *(cell for name in _ENDPOINTS for cell in (name, f"{name}.time")), "Redaction"]
    lines = ["\t".join(header)]
    recurrent = set(cohort.expressed[cohort.is_recurrent].tolist())
    for patient in range(len(cohort.stage)):
        cells = []
        for name, ours in _ENDPOINTS.items():
            event, days = int(cohort.endpoints[ours].event[patient]), int(cohort.endpoints[ours].days[patient])
            if name == "OS" and patient == other_event:
                event = 1
            if name == "OS" and patient == other_time:
                days += LATER_DAYS
            cells += ["" if event < 0 else str(event), "" if days < 0 else str(days)]
        redaction = "Redacted (synthetic)" if patient == 0 else ""
        samples = [sample_id(patient, False)] + [sample_id(patient, True)] * (patient in recurrent)
        lines += ["\t".join([sample, patient_id(patient), *cells, redaction]) for sample in samples]
    return ("\n".join(lines) + "\n").encode()
