"""The synthetic patients as the Genomic Data Commons would hold them: gene counts in bundles, and clinical data.

Here belongs the host's layout; what the numbers are belongs in `cohort` and `plan`. On one patient the host says
something else than cBioPortal does, as hosts do.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from resistance_assets.demo.cbioportal_archive import patient_id
from resistance_assets.demo.cohort import STAGES, Cohort, disagreeing_patients
from resistance_assets.demo.packing import tar_gz
from resistance_assets.demo.plan import PAIRED, Gene, Plan, random_stream

N_TUMOURS = 6
N_NORMALS = 6
LATER_DAYS = 120
"""After how many days more the host has seen the patient die on whom it disagrees."""
_DISPERSION = 0.08
_WARNING = {"warnings": {"synthetic": "every value was drawn at random by resistance_assets.demo"}}


def gene_lengths(plan: Plan) -> np.ndarray:
    """Lengths of the genes in base pairs, shape (genes,)."""
    return random_stream(plan.seed, "gene lengths").randint(500, 8000, len(plan.genes))


def star_files(plan: Plan, cohort: Cohort) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Files of counts by id: the host's entry for it, and its content. Tumours first, then normal tissue."""
    draw = random_stream(plan.seed, "gdc counts")
    patients = cohort.expressed.tolist()
    lengths = gene_lengths(plan)
    share = np.exp2(plan.abundance_log2) / np.exp2(plan.abundance_log2).sum()
    change = np.exp2(plan.effects(PAIRED))
    made = {}
    for number in range(N_TUMOURS + N_NORMALS):
        is_normal = number >= N_TUMOURS
        patient = patients[number - N_TUMOURS if is_normal else number]
        mean = share * (1 if is_normal else change) * draw.uniform(1.5e6, 3e6)
        shape = 1 / _DISPERSION
        counts = draw.poisson(draw.gamma(shape, mean / shape))
        content = _star_table(plan, counts, lengths)
        barcode = f"{patient_id(patient)}-{'11A' if is_normal else '01A'}"
        file_id = f"00000000-5000-4000-8000-{number + 1:012d}"
        entry = {
            "id": file_id,
            "file_id": file_id,
            "file_name": f"{file_id}.rna_seq.augmented_star_gene_counts.tsv",
            "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "file_size": len(content),
            "updated_datetime": "2026-01-01T00:00:00.000000-06:00",
            "cases": [
                {
                    "submitter_id": patient_id(patient),
                    "samples": [
                        {
                            "submitter_id": barcode,
                            "sample_type": "Solid Tissue Normal" if is_normal else "Primary Tumor",
                            "portions": [{"analytes": [{"aliquots": [{"submitter_id": f"{barcode}-11R-0000-07"}]}]}],
                        }
                    ],
                }
            ],
        }
        made[file_id] = entry, content
    return made


def _star_table(plan: Plan, counts: np.ndarray, lengths: np.ndarray) -> bytes:
    rate = counts / lengths
    tpm, fpkm = rate / rate.sum() * 1e6, counts * 1e9 / (lengths * counts.sum())
    columns = "gene_id gene_name gene_type unstranded stranded_first stranded_second tpm_unstranded fpkm_unstranded "
    columns += "fpkm_uq_unstranded"
    lines = ["# gene-model: GENCODE v36, synthetic counts", "\t".join(columns.split())]
    summary = {"N_unmapped": 80_000, "N_multimapping": 40_000, "N_noFeature": 15_000, "N_ambiguous": 50_000}
    lines += [f"{name}\t\t\t{reads}\t{reads}\t{reads}\t\t\t" for name, reads in summary.items()]

    def line(gene: Gene, suffix: str, n: int, values: tuple[float, float]) -> str:
        ids = f"{gene.ensembl_gene_id}.{1 + gene.entrez_gene_id % 9}{suffix}\t{gene.symbol}\tprotein_coding"
        return f"{ids}\t{n}\t{n // 2}\t{n - n // 2}\t{values[0]:.4f}\t{values[1]:.4f}\t{values[1]:.4f}"

    for gene, n, *values in zip(plan.genes, counts.tolist(), tpm.tolist(), fpkm.tolist(), strict=True):
        lines.append(line(gene, "", n, (values[0], values[1])))
    # The second copy of a pseudo-autosomal gene, to which no read is given.
    lines.append(line(plan.genes[-1], "_PAR_Y", 0, (0.0, 0.0)))
    return ("\n".join(lines) + "\n").encode()


def files_answer(files: dict[str, tuple[dict[str, Any], bytes]]) -> bytes:
    """What the host answers to the question which files there are."""
    return _answer([entry for _, (entry, _) in sorted(files.items())])


def bundle(files: dict[str, tuple[dict[str, Any], bytes]]) -> bytes:
    """The files as the host sends several of them: a tar.gz with one folder per file."""
    manifest = ["id\tfilename\tmd5\tsize\tstate"]
    contents: dict[str, bytes] = {}
    for file_id, (entry, content) in sorted(files.items()):
        manifest.append(f"{file_id}\t{entry['file_name']}\t{entry['md5sum']}\t{entry['file_size']}\treleased")
        contents[f"{file_id}/{entry['file_name']}"] = content
    contents["MANIFEST.txt"] = ("\n".join(manifest) + "\n").encode()
    return tar_gz("", contents)


def bundle_url(files: dict[str, tuple[dict[str, Any], bytes]]) -> str:
    """Where the bundle is asked for."""
    return f"https://api.gdc.cancer.gov/data/{','.join(sorted(files))}"


def cases_answer(cohort: Cohort) -> bytes:
    """What the host answers to the question which patients there are, and how they are."""
    *_, died_later = disagreeing_patients(cohort)
    os = cohort.endpoints["OS"]
    hits = []
    for patient in range(len(cohort.stage)):
        event, days = int(os.event[patient]), int(os.days[patient])
        if patient == died_later:
            event, days = 1, days + LATER_DAYS
        dead, known = event == 1, days >= 0
        age = int(cohort.age_years[patient])
        hits.append(
            {
                "id": f"00000000-6000-4000-8000-{patient + 1:012d}",
                "submitter_id": patient_id(patient),
                "updated_datetime": "2026-01-01T00:00:00.000000-06:00",
                "demographic": {
                    "vital_status": "Dead" if dead else "Alive",
                    "days_to_death": days if dead and known else None,
                    "gender": "female" if cohort.is_female[patient] else "male",
                },
                "diagnoses": [
                    {
                        "days_to_last_follow_up": days if known and not dead else None,
                        "age_at_diagnosis": round(age * 365.25) if age >= 0 else None,
                        "ajcc_pathologic_stage": STAGES[cohort.stage[patient]].capitalize() or None,
                    }
                ],
            }
        )
    return _answer(hits)


def _answer(hits: list[dict[str, Any]]) -> bytes:
    pagination = {"count": len(hits), "total": len(hits), "size": 1000, "from": 0, "sort": "", "page": 1, "pages": 1}
    return json.dumps({"data": {"hits": hits, "pagination": pagination}, **_WARNING}).encode()
