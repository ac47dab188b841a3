"""Gene names, gene lists, gene sets and interactions, each in the dialect of its host.

Here belong the layouts of HGNC, the Bushman laboratory, Enrichr, MSigDB, Reactome and BioGRID. Which genes are members
of what belongs in `plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

from resistance_assets.demo.packing import zip_stored
from resistance_assets.demo.plan import GeneSets, Plan, all_genes, random_stream

_HGNC_HEADER = (
    "hgnc_id symbol name locus_group locus_type status location location_sortable alias_symbol alias_name prev_symbol "
    "prev_name gene_group gene_group_id date_approved_reserved date_symbol_changed date_name_changed date_modified "
    "entrez_id ensembl_gene_id vega_id ucsc_id ena refseq_accession ccds_id uniprot_ids pubmed_id mgd_id rgd_id lsdb "
    "cosmic omim_id mirbase homeodb snornabase bioparadigms_slc orphanet pseudogene.org horde_id merops imgt iuphar "
    "kznf_gene_catalog mamit-trnadb cd lncrnadb enzyme_id intermediate_filament_db rna_central_id lncipedia gtrnadb "
    "agr mane_select gencc"
)
HGNC_COLUMNS = _HGNC_HEADER.split()

TAB3_COLUMNS = (
    "#BioGRID Interaction ID",
    "Entrez Gene Interactor A",
    "Entrez Gene Interactor B",
    "BioGRID ID Interactor A",
    "BioGRID ID Interactor B",
    "Systematic Name Interactor A",
    "Systematic Name Interactor B",
    "Official Symbol Interactor A",
    "Official Symbol Interactor B",
    "Synonyms Interactor A",
    "Synonyms Interactor B",
    "Experimental System",
    "Experimental System Type",
    "Author",
    "Publication Source",
    "Organism ID Interactor A",
    "Organism ID Interactor B",
    "Throughput",
    "Score",
    "Modification",
    "Qualifications",
    "Tags",
    "Source Database",
    "SWISS-PROT Accessions Interactor A",
    "TREMBL Accessions Interactor A",
    "REFSEQ Accessions Interactor A",
    "SWISS-PROT Accessions Interactor B",
    "TREMBL Accessions Interactor B",
    "REFSEQ Accessions Interactor B",
    "Ontology Term IDs",
    "Ontology Term Names",
    "Ontology Term Categories",
    "Ontology Term Qualifier IDs",
    "Ontology Term Qualifier Names",
    "Ontology Term Types",
    "Organism Name Interactor A",
    "Organism Name Interactor B",
)

# Symbols under which the cancer list still names a gene; a reader has to resolve them through HGNC.
_LISTED_UNDER_FORMER_SYMBOL = {"KMT2A": "MLL", "KMT2C": "MLL3"}


def hgnc_complete_set() -> bytes:
    """Tab-separated, cells with several values quoted and joined by `|`, as HGNC's export writes them."""
    lines = ["\t".join(HGNC_COLUMNS)]
    for gene in all_genes():
        previous = "|".join(gene.previous_symbols)
        cells = {
            "hgnc_id": gene.hgnc_id,
            "symbol": gene.symbol,
            "name": f"demo record of {gene.symbol}" if gene.family != "synthetic" else f"synthetic gene {gene.symbol}",
            "locus_group": "protein-coding gene",
            "locus_type": "gene with protein product",
            "status": "Approved",
            "prev_symbol": f'"{previous}"' if "|" in previous else previous,
            "entrez_id": str(gene.entrez_gene_id),
            "ensembl_gene_id": gene.ensembl_gene_id,
            "agr": gene.hgnc_id,
        }
        lines.append("\t".join(cells.get(column, "") for column in HGNC_COLUMNS))
    return _text(lines)


# Known mechanisms: molecular profile, therapies, interaction, direction, level, significance. The first ones
# are planted resistance genes; the last two must not be taken for known resistance.
_CIVIC_ITEMS = (
    ("v::ALK Fusion AND AXL Overexpression", "Crizotinib,Ceritinib", "Substitutes", "Supports", "D", "Resistance"),
    ("AXL Overexpression", "Anlotinib", "", "Supports", "D", "Resistance"),
    ("CCL20 Overexpression", "Anlotinib", "", "Supports", "C", "Resistance"),
    ("IL6 Expression", "Anlotinib,Sunitinib", "Substitutes", "Supports", "B", "Reduced Sensitivity"),
    ("CXCL2 Overexpression", "Anlotinib", "", "Supports", "D", "Resistance"),
    ("EML4::ALK Fusion AND ALK G1202R", "Alectinib", "", "Supports", "B", "Resistance"),
    ("EGFR L858R AND EGFR T790M", "Erlotinib,Gefitinib", "Substitutes", "Supports", "A", "Resistance"),
    ("MET Amplification AND NOT EGFR T790M", "Gefitinib", "", "Supports", "B", "Resistance"),
    ("VEGFA Expression", "Anlotinib", "", "Does Not Support", "D", "Resistance"),
    ("KRAS G12C", "Anlotinib", "", "Supports", "D", "Sensitivity/Response"),
)


def civic_evidence() -> bytes:
    """CIViC's clinical evidence summaries: synthetic items on real columns."""
    header = [
        *("molecular_profile", "molecular_profile_id", "disease", "doid", "phenotypes", "therapies"),
        *("therapy_interaction_type", "evidence_type", "evidence_direction", "evidence_level", "significance"),
        *("evidence_statement", "citation_id", "source_type", "asco_abstract_id", "citation", "nct_ids", "rating"),
        *("evidence_status", "evidence_id", "variant_origin", "last_review_date", "evidence_civic_url"),
        *("molecular_profile_civic_url", "is_flagged"),
    ]
    lines = ["\t".join(header)]
    for at, (profile, therapies, interaction, direction, level, significance) in enumerate(_CIVIC_ITEMS, start=1):
        cells = {
            "molecular_profile": profile, "molecular_profile_id": str(at), "disease": "Lung Adenocarcinoma",
            "doid": "3910", "therapies": therapies, "therapy_interaction_type": interaction,
            "evidence_type": "Predictive", "evidence_direction": direction, "evidence_level": level,
            "significance": significance, "evidence_statement": "Synthetic.", "citation_id": str(90_000_000 + at),
            "source_type": "PubMed", "citation": "Synthetic", "rating": "3", "evidence_status": "accepted",
            "evidence_id": str(at), "variant_origin": "Somatic", "is_flagged": "false",
        }  # fmt: skip
        lines.append("\t".join(cells.get(name, "") for name in header))
    return _text(lines)


def allonco_list(symbols: Sequence[str]) -> bytes:
    """Written as R's write.table does: all quoted, row numbers without a column name."""
    by_symbol = {gene.symbol: gene for gene in all_genes()}
    lines = ["\t".join(f'"{name}"' for name in ("symbol", "prevSymbols", "synonyms", "name", "refSeqName"))]
    for number, symbol in enumerate(symbols, start=1):
        former = by_symbol[symbol].previous_symbols
        printed = _LISTED_UNDER_FORMER_SYMBOL.get(symbol, symbol)
        # The host's numbering has gaps, left by rows that were removed.
        cells = (str(number + number // 100), printed, ",".join(former), "", f"synthetic entry of {symbol}", printed)
        lines.append("\t".join(f'"{cell}"' for cell in cells))
    return _text(lines)


def enrichr_library(sets: GeneSets) -> bytes:
    """Enrichr: an empty second field and a tab at the end of each line."""
    return _text([f"{term}\t\t" + "\t".join(genes) + "\t" for term, _, genes in sets.lines])


def gmt_file(sets: GeneSets) -> bytes:
    """MSigDB and Reactome: term, card or stable id, genes."""
    return _text(["\t".join((term, second, *genes)) for term, second, genes in sets.lines])


def reactome_zip(sets: GeneSets) -> bytes:
    """Reactome's GMT in a zip."""
    return zip_stored({"ReactomePathways.gmt": gmt_file(sets)})


def biogrid_zip(plan: Plan, hubs: Sequence[str]) -> bytes:
    """Interactions of ``hubs`` with drawn partners, one file per organism, release 0.0.1.

    As in the real table an interaction may occur twice (another publication, the other order), a partner may be of
    another organism, and genetic interactions stand beside physical ones.
    """
    draw = random_stream(plan.seed, "interactions")
    entrez = {gene.symbol: gene.entrez_gene_id for gene in plan.genes}
    pairs: list[tuple[str, str, str, str]] = []
    for hub in hubs:
        n_partners = draw.randint(5, 20)
        candidates = [symbol for symbol in plan.symbols if symbol != hub]
        for at in draw.permutation(len(candidates))[:n_partners]:
            is_genetic = draw.uniform() < 0.1
            system = "Synthetic Lethality" if is_genetic else "Affinity Capture-MS"
            pairs.append((hub, candidates[at], system, "genetic" if is_genetic else "physical"))
    pairs += [(b, a, "Two-hybrid", "physical") for a, b, _, _ in pairs[::9]]

    def line(number: int, a: str, b: str, system: str, kind: str, *, mouse_partner: bool = False) -> str:
        cells = dict.fromkeys(TAB3_COLUMNS, "-") | {
            "#BioGRID Interaction ID": str(99_000_000 + number),
            "Entrez Gene Interactor A": str(entrez[a]),
            "Entrez Gene Interactor B": "909100001" if mouse_partner else str(entrez[b]),
            "BioGRID ID Interactor A": str(9_000_000 + entrez[a] % 1_000_000),
            "BioGRID ID Interactor B": str(9_000_000 + entrez[b] % 1_000_000),
            "Official Symbol Interactor A": a,
            "Official Symbol Interactor B": b.capitalize() if mouse_partner else b,
            "Experimental System": system,
            "Experimental System Type": kind,
            "Author": "Synthetic D (2026)",
            "Publication Source": "DOI:10.0000/synthetic",
            "Organism ID Interactor A": "9606",
            "Organism ID Interactor B": "10090" if mouse_partner else "9606",
            "Throughput": "High Throughput",
            "Source Database": "SYNTHETIC",
            "Organism Name Interactor A": "Homo sapiens",
            "Organism Name Interactor B": "Mus musculus" if mouse_partner else "Homo sapiens",
        }
        return "\t".join(cells[column] for column in TAB3_COLUMNS)

    header = "\t".join(TAB3_COLUMNS)
    human = [line(number, *pair) for number, pair in enumerate(pairs, start=1)]
    across = line(len(pairs) + 1, *pairs[0], mouse_partner=True)
    return zip_stored(
        {
            "BIOGRID-ORGANISM-Homo_sapiens-0.0.1.tab3.txt": _text([header, *human, across]),
            "BIOGRID-ORGANISM-Mus_musculus-0.0.1.tab3.txt": _text([header, across]),
        }
    )


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
