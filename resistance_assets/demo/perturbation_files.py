"""Perturbations and druggability in the layouts of Enrichr (LINCS L1000, DSigDB) and DGIdb.

Two drugs are planted: one whose sets run against the resistance of the demo's cells, and one whose sets run with it.
The others are drawn at random. No such drug exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resistance_assets.demo.plan import RESISTANT, Plan, random_stream

REVERSING, MIMICKING = "demoreverstat", "demomimicin"
N_RANDOM = 8
SET_SIZE = 40

# Gene, drug, type of interaction, approved: real genes, invented drugs.
_INTERACTIONS = (
    ("AXL", "DEMOAXLITINIB", "inhibitor", "FALSE"),
    ("MET", "DEMOMETINIB", "inhibitor", "TRUE"),
    ("IL6", "DEMOSILTUMAB", "antibody", "TRUE"),
    ("EPHA2", "DEMOEPHATINIB", "inhibitor", "FALSE"),
    ("PTGS2", "DEMOCOXIB", "inhibitor", "TRUE"),
    ("PTGS2", "DEMOCOXIB", "", "TRUE"),
    ("MCL1", "NULL", "inhibitor", "FALSE"),
)


def perturbation_files(plan: Plan) -> dict[str, bytes]:
    """Bodies by source id of the catalog: LINCS up and down, DSigDB, DGIdb."""
    draw = random_stream(plan.seed, "perturbations")
    effects = plan.truth.contrasts[RESISTANT]
    ordered = sorted(effects, key=lambda gene: (effects[gene], gene))
    down, up = ordered[:SET_SIZE], ordered[::-1][:SET_SIZE]
    names = [gene.symbol for gene in plan.genes]

    def some() -> list[str]:
        return [names[at] for at in sorted(draw.choice(len(names), SET_SIZE, replace=False))]

    raised = {REVERSING: down, MIMICKING: up}
    lowered = {REVERSING: up, MIMICKING: down}
    for number in range(N_RANDOM):
        raised[f"demodrug{number}"], lowered[f"demodrug{number}"] = some(), some()
    terms = {drug: f"SYNTHETIC001 A549 24H-{drug}-10" for drug in raised}
    signed = {f"{REVERSING} PC3 UP": down, f"{REVERSING} PC3 DOWN": up, "syntheticdrug CTD 00000001": some()}
    return {
        "enrichr_lincs_chem_up": _library({terms[drug]: genes for drug, genes in raised.items()}),
        "enrichr_lincs_chem_down": _library({terms[drug]: genes for drug, genes in lowered.items()}),
        "enrichr_dsigdb": _library(signed),
        "dgidb_interactions": _interactions(),
    }


def _library(sets: Mapping[str, Sequence[str]]) -> bytes:
    """Enrichr: an empty second field and a tab at the end of each line."""
    return "".join(f"{term}\t\t" + "\t".join(genes) + "\t\n" for term, genes in sets.items()).encode()


def _interactions() -> bytes:
    header = [
        *("gene_claim_name", "gene_concept_id", "gene_name", "interaction_source_db_name"),
        *("interaction_source_db_version", "interaction_type", "interaction_score", "drug_claim_name"),
        *("drug_concept_id", "drug_name", "approved", "immunotherapy", "anti_neoplastic"),
    ]
    lines = ["\t".join(header)]
    for at, (gene, drug, kind, approved) in enumerate(_INTERACTIONS, start=1):
        cells = (
            gene,
            f"demo:{at}",
            gene,
            "Synthetic (demo)",
            "1",
            kind,
            "0.5",
            drug,
            f"demo:d{at}",
            drug,
            approved,
            "FALSE",
            "TRUE",
        )
        lines.append("\t".join(cells))
    return ("\n".join(lines) + "\n").encode()
