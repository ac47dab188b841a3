"""What else the synthetic study archive holds: mutations, structural variants, timelines, continuous copy number,
protein levels and methylation.

Here belong these files in the host's layout (https://docs.cbioportal.org/file-formats/) and their draws. Clinical
tables and the matrices in use belong in `cbioportal_archive`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resistance_assets.demo.cohort import Cohort
from resistance_assets.demo.plan import Plan, random_stream

DRIVERS = {"KRAS": 0.35, "EGFR": 0.22, "TP53": 0.46, "STK11": 0.14, "KEAP1": 0.12}
"""Gene -> share of sequenced tumours with a mutation that changes its protein, of the plan or not."""
EGFR_WITHOUT_KRAS = 0.34
"""Chance of an EGFR mutation in a tumour without one of KRAS."""
SILENCED_BY_METHYLATION = ("KEAP1", "RB1", "PTEN")
"""Genes whose probe is the more methylated the less they are expressed; the other probes say nothing."""
EXCLUSIVE = ("EGFR", "KRAS")
"""No tumour has mutations of both; all other pairs are left to chance."""
STRATUM_GENE = "GAS6"
"""Means nothing for survival in all patients, and a higher hazard in the KRAS-mutated ones."""
N_SEQUENCED = 240
_CHANGES = {"KRAS": "p.G12C", "EGFR": "p.L858R", "TP53": "p.R175H", "STK11": "p.Q37*", "KEAP1": "p.G333C"}
_CLASSES = {"STK11": "Nonsense_Mutation"}
_ENTREZ = {"KRAS": 3845, "EGFR": 1956, "TP53": 7157, "STK11": 6794, "KEAP1": 9817}
N_ANTIBODIES = 24
N_PROBES = 40
N_LOG2_GENES = 80


def alteration_files(plan: Plan, cohort: Cohort, study: str, samples: Sequence[str]) -> dict[str, str]:
    """Further files of the archive by name: meta files and data.

    Args:
        study: name of the study, as in every meta file.
        samples: barcodes of the samples with expression, in the order of `cohort.expressed`.
    """

    def meta(kind: str, stable_id: str, datatype: str, file: str, name: str) -> str:
        return (
            f"cancer_study_identifier: {study}\ngenetic_alteration_type: {kind}\ndatatype: {datatype}\n"
            f"stable_id: {stable_id}\nshow_profile_in_analysis_tab: false\nprofile_name: {name}\n"
            f"profile_description: {name}. No tumour was measured.\ndata_filename: {file}\n"
        )

    def timeline_meta(file: str) -> str:
        return (
            f"cancer_study_identifier: {study}\ngenetic_alteration_type: CLINICAL\ndatatype: TIMELINE\n"
            f"data_filename: {file}\n"
        )

    return {
        "meta_mutations.txt": meta(
            "MUTATION_EXTENDED", "mutations", "MAF", "data_mutations.txt", "Synthetic mutations"
        ),
        "data_mutations.txt": _mutations(plan, cohort, samples),
        "meta_sv.txt": meta("STRUCTURAL_VARIANT", "structural_variants", "SV", "data_sv.txt", "Synthetic fusions"),
        "data_sv.txt": _structural_variants(plan, samples),
        "meta_log2_cna.txt": meta(
            "COPY_NUMBER_ALTERATION", "log2CNA", "LOG2-VALUE", "data_log2_cna.txt", "Synthetic log2 copy number"
        ),
        "data_log2_cna.txt": _log2_copy_number(plan, cohort, samples),
        "meta_rppa.txt": meta("PROTEIN_LEVEL", "rppa", "LOG2-VALUE", "data_rppa.txt", "Synthetic protein levels"),
        "data_rppa.txt": _protein_levels(plan, cohort, samples),
        # As the portal declares methylation today: an assay of entities with properties.
        "meta_methylation_hm27_hm450_merge.txt": meta(
            "GENERIC_ASSAY",
            "methylation_hm27_hm450_merge",
            "LIMIT-VALUE",
            "data_methylation_hm27_hm450_merged.txt",
            "Synthetic methylation",
        )
        + "\ngeneric_assay_type: METHYLATION\ngeneric_entity_meta_properties: NAME,DESCRIPTION,TRANSCRIPT_ID\n",
        "data_methylation_hm27_hm450_merged.txt": _methylation(plan, cohort, samples),
        "meta_timeline_treatment.txt": timeline_meta("data_timeline_treatment.txt"),
        "data_timeline_treatment.txt": _treatments(plan, samples),
        "meta_timeline_status.txt": timeline_meta("data_timeline_status.txt"),
        "data_timeline_status.txt": _status(cohort, samples),
    }


def _kras_chances(plan: Plan, cohort: Cohort) -> np.ndarray:
    """Chance of a KRAS mutation of each sequenced tumour: raised where GAS6 is high and death early, or both not.

    So that GAS6 goes with the hazard among the mutated, whatever it does among all.
    """
    patients = cohort.expressed[:N_SEQUENCED]
    os = cohort.endpoints["OS"]
    days, event = os.days[patients], os.event[patients]
    # Events less expected ones (Nelson and Aalen) of each patient.
    expected = [
        sum(float(event[at]) / int((days >= days[at]).sum()) for at in range(len(days)) if days[at] <= one)
        for one in days
    ]
    early = event - np.array(expected)
    level = np.log2(cohort.rsem[plan.symbols.index(STRATUM_GENE), :N_SEQUENCED] + 1)
    score = early * (level - level.mean()) / level.std()
    ranks = np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(score)
    return np.where(ranks < 0.4, 0.05, np.where(ranks < 0.7, 0.25, 0.85))


def _mutations(plan: Plan, cohort: Cohort, samples: Sequence[str]) -> str:
    draw = random_stream(plan.seed, "mutations")
    header = [
        *("Hugo_Symbol", "Entrez_Gene_Id", "Chromosome", "Start_Position", "End_Position", "Variant_Classification"),
        *("Variant_Type", "Reference_Allele", "Tumor_Seq_Allele2", "Tumor_Sample_Barcode", "Mutation_Status"),
        *("HGVSp_Short", "t_ref_count", "t_alt_count"),
    ]
    lines = ["#version 2.4", "\t".join(header)]
    sequenced, kras = samples[:N_SEQUENCED], _kras_chances(plan, cohort)
    synthetic = [gene for gene in plan.genes if gene.family == "synthetic"][:60]
    for at, sample in enumerate(sequenced):
        shares = {**DRIVERS, "KRAS": kras[at], "EGFR": EGFR_WITHOUT_KRAS}
        mutated = [gene for gene, share in shares.items() if draw.uniform() < share]
        if set(EXCLUSIVE) <= set(mutated):
            mutated.remove("EGFR")
        hit = [(gene, _ENTREZ[gene], True) for gene in mutated]
        passengers = draw.choice(len(synthetic), 2, replace=False).tolist()
        hit += [
            (synthetic[one].symbol, synthetic[one].entrez_gene_id, bool(draw.uniform() < 0.7)) for one in passengers
        ]
        for symbol, entrez, changes in hit:
            position, depth = int(draw.randint(1_000, 90_000)), int(draw.randint(40, 200))
            reads = int(draw.randint(4, depth // 2))
            kind = _CLASSES.get(symbol, "Missense_Mutation") if changes else "Silent"
            cells = [symbol, entrez, "12", position, position, kind, "SNP", "C", "A", sample, "Somatic",
                     _CHANGES.get(symbol, "p.A1V" if changes else "p.A1="), depth - reads, reads]  # fmt: skip
            lines.append("\t".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def _structural_variants(plan: Plan, samples: Sequence[str]) -> str:
    draw = random_stream(plan.seed, "structural variants")
    sites = [f"Site{site}_{column}" for site in (1, 2) for column in ("Hugo_Symbol", "Entrez_Gene_Id")]
    lines = ["\t".join(["Sample_Id", "SV_Status", *sites, "Class", "Event_Info"])]
    fused = sorted(draw.choice(np.array(samples[:N_SEQUENCED]), 9, replace=False).tolist())
    lines += [f"{sample}\tSOMATIC\tEML4\t27436\tALK\t238\tFUSION\tEML4-ALK, synthetic" for sample in fused]
    return "\n".join(lines) + "\n"


def _log2_copy_number(plan: Plan, cohort: Cohort, samples: Sequence[str]) -> str:
    noise = random_stream(plan.seed, "log2 copy number").normal(0, 0.08, (N_LOG2_GENES, len(samples)))
    rows = cohort.copy_number_rows[:N_LOG2_GENES].tolist()
    values = 0.35 * cohort.copy_number[:N_LOG2_GENES] + noise
    names = [f"{plan.genes[row].symbol}\t{plan.genes[row].entrez_gene_id}" for row in rows]
    return _table("Hugo_Symbol\tEntrez_Gene_Id", samples, names, values)


def _protein_levels(plan: Plan, cohort: Cohort, samples: Sequence[str]) -> str:
    """Antibodies of named genes, which follow the RNA of their gene; the last one is of a phosphorylated form."""
    noise = random_stream(plan.seed, "protein levels").normal(0, 0.8, (N_ANTIBODIES, len(samples)))
    named = [row for row, gene in enumerate(plan.genes) if gene.family != "synthetic"][: N_ANTIBODIES - 1]
    rows = [*named, named[0]]
    logged = np.log2(cohort.rsem[rows] + 1)
    values = 0.6 * (logged - logged.mean(axis=1, keepdims=True)) + noise
    names = [f"{plan.genes[row].symbol}|{plan.genes[row].symbol}-R-V" for row in named]
    names.append(f"{plan.genes[named[0]].symbol}|{plan.genes[named[0]].symbol}_pS10-R-C")
    return _table("Composite.Element.REF", samples, names, values)


def _methylation(plan: Plan, cohort: Cohort, samples: Sequence[str]) -> str:
    values = random_stream(plan.seed, "methylation").beta(2, 3, (N_PROBES, len(samples)))
    genes = [gene for gene in plan.genes if gene.family != "synthetic"][:N_PROBES]
    noise = random_stream(plan.seed, "methylation of silenced genes").normal(0, 1, (N_PROBES, len(samples)))
    for at, gene in enumerate(genes):
        if gene.symbol in SILENCED_BY_METHYLATION:
            level = np.log2(cohort.rsem[plan.symbols.index(gene.symbol)] + 1)
            values[at] = 1 / (1 + np.exp((level - level.mean()) / level.std() + noise[at]))
    names = [f"cg9{at:07d}\t{gene.symbol}\tsynthetic probe\tNA" for at, gene in enumerate(genes)]
    return _table("ENTITY_STABLE_ID\tNAME\tDESCRIPTION\tTRANSCRIPT_ID", samples, names, values)


def _table(leading: str, samples: Sequence[str], names: Sequence[str], values: np.ndarray) -> str:
    form = "\t%.4f" * len(samples)
    lines = ["\t".join([leading, *samples])]
    lines.extend(name + form % tuple(row) for name, row in zip(names, values.tolist(), strict=True))
    return "\n".join(lines) + "\n"


def _treatments(plan: Plan, samples: Sequence[str]) -> str:
    draw = random_stream(plan.seed, "treatments")
    lines = ["PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE\tTREATMENT_TYPE\tAGENT"]
    for patient in (sample[:12] for sample in samples[:60]):
        start = int(draw.randint(20, 90))
        agent = ["Cisplatin", "Pemetrexed", "Erlotinib"][int(draw.randint(0, 3))]
        lines.append(f"{patient}\t{start}\t{start + 84}\tTREATMENT\tMedical Therapy\t{agent}")
    return "\n".join(lines) + "\n"


def _status(cohort: Cohort, samples: Sequence[str]) -> str:
    """Last contact of the patients who were alive then: events without any further cell."""
    os = cohort.endpoints["OS"]
    lines = ["PATIENT_ID\tSTART_DATE\tSTOP_DATE\tEVENT_TYPE"]
    for patient, sample in zip(cohort.expressed.tolist()[:60], samples, strict=False):
        if os.event[patient] == 0 and os.days[patient] > 0:
            lines.append(f"{sample[:12]}\t{os.days[patient]}\t\tLAST CONTACT")
    return "\n".join(lines) + "\n"
