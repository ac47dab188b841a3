"""The annotation of the demo, each file in the dialect of its host.

Here belong the layouts of the Gene Ontology (OBO, GAF), PANTHER, KEGG's REST interface, STRING and GENCODE. What they
say belongs in `annotation_plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resistance_assets.demo.annotation_plan import AnnotationPlan, OntologyTerm
from resistance_assets.demo.packing import gzip_stored
from resistance_assets.demo.plan import Gene, Plan, all_genes

_ASPECTS = {"biological_process": "P", "molecular_function": "F", "cellular_component": "C"}
_CHROMOSOMES = 22


def ontology_obo(plan: AnnotationPlan) -> bytes:
    """OBO 1.2 with its header, [Term] stanzas and one [Typedef]."""
    lines = ["format-version: 1.2", "data-version: releases/2026-01-01", "ontology: go", ""]
    for term in plan.terms:
        lines += [*_stanza(term), ""]
    lines += ["[Typedef]", "id: part_of", "name: part of", "is_transitive: true", ""]
    return "\n".join(lines).encode()


def _stanza(term: OntologyTerm) -> list[str]:
    lines = ["[Term]", f"id: {term.term_id}", f"name: {term.name}", f"namespace: {term.namespace}"]
    lines += [f"alt_id: {other}" for other in term.alternatives]
    lines.append('def: "A term of the synthetic demo." [GOC:demo]')
    for relation, parent in term.parents:
        lines.append(
            f"is_a: {parent} ! a parent" if relation == "is_a" else f"relationship: {relation} {parent} ! a parent"
        )
    if term.is_obsolete:
        lines.append("is_obsolete: true")
    if term.replaced_by:
        lines.append(f"replaced_by: {term.replaced_by}")
    return lines


def annotations_gaf(plan: AnnotationPlan) -> bytes:
    """GAF 2.2, packed: header lines, then 17 columns."""
    genes = _by_symbol()
    lines = [
        "!gaf-version: 2.2",
        "!generated-by: synthetic demo",
        "!date-generated: 2026-01-01",
        "!GO-version: http://purl.obolibrary.org/obo/go/releases/2026-01-01/extensions/go-plus.ofn",
    ]
    for one in plan.annotations:
        gene = genes[one.symbol]
        lines.append(
            "\t".join(
                (
                    "UniProtKB", _protein(gene), one.symbol, one.qualifier, one.term_id, "GO_REF:0000000", one.evidence,
                    "", _ASPECTS[one.namespace], f"synthetic protein of {one.symbol}",
                    "|".join(gene.previous_symbols), "protein", "taxon:9606", "20260101", "SYNTHETIC", "", "",
                )
            )
        )  # fmt: skip
    return gzip_stored(_text(lines))


def panther_classification(plan: AnnotationPlan, genes: Sequence[Gene]) -> bytes:
    """Eleven columns without a header; genes outside every pathway have a line, too.

    Every ninth gene goes by its Ensembl id and has no symbol, as in the host's file where HGNC has no entry.
    """
    of_gene: dict[str, list[str]] = {}
    for pathway_id, (name, members) in plan.panther.items():
        for at, symbol in enumerate(members):
            of_gene.setdefault(symbol, []).append(f"{name}#{pathway_id}>synthetic component {at % 3}#P00000")
    lines = []
    for at, gene in enumerate(genes):
        by_ensembl = at % 9 == 8
        named = f"Ensembl={gene.ensembl_gene_id}" if by_ensembl else gene.hgnc_id.replace(":", "=")
        lines.append(
            "\t".join(
                (
                    f"HUMAN|{named}|UniProtKB={_protein(gene)}", _protein(gene), "" if by_ensembl else gene.symbol,
                    f"PTHR9{at:04d}:SF1", "SYNTHETIC FAMILY", "SYNTHETIC SUBFAMILY", "", "", "", "",
                    ";".join(of_gene.get(gene.symbol, ())),
                )
            )
        )  # fmt: skip
    return _text(lines)


def kegg_names(plan: AnnotationPlan) -> bytes:
    """The answer of /list/pathway/hsa."""
    return _text([f"{pathway}\t{name} - Homo sapiens (human)" for pathway, (name, _) in plan.kegg.items()])


def kegg_genes(plan: AnnotationPlan) -> bytes:
    """The answer of /link/hsa/pathway."""
    genes = _by_symbol()
    return _text(
        [
            f"path:{pathway}\thsa:{genes[symbol].entrez_gene_id}"
            for pathway, (_, members) in plan.kegg.items()
            for symbol in members
        ]
    )


def string_links(plan: AnnotationPlan) -> bytes:
    """Separated by blanks, every pair in both directions, packed."""
    genes = _by_symbol()
    lines = ["protein1 protein2 combined_score"]
    for first, second, score in plan.links:
        a, b = _string_id(genes[first]), _string_id(genes[second])
        lines += [f"{a} {b} {score}", f"{b} {a} {score}"]
    return gzip_stored(_text(lines))


def string_proteins(plan: AnnotationPlan) -> bytes:
    """Names of the proteins, packed; where a gene had a former symbol, STRING still uses it."""
    genes = _by_symbol()
    linked = sorted({symbol for first, second, _ in plan.links for symbol in (first, second)})
    lines = ["#string_protein_id\tpreferred_name\tprotein_size\tannotation"]
    for symbol in linked:
        gene = genes[symbol]
        lines.append(f"{_string_id(gene)}\t{(*gene.previous_symbols, symbol)[0]}\t300\tsynthetic protein")
    return gzip_stored(_text(lines))


def gencode_gtf(plan: Plan) -> bytes:
    """Genes of two overlapping exons that together cover the planned length, packed."""
    lines = [
        "##description: synthetic annotation in the layout of GENCODE",
        "##provider: SYNTHETIC",
        "##contact: none",
        "##format: gtf",
        "##date: 2026-01-01",
    ]
    start = 1_000
    for at, gene in enumerate(plan.genes):
        length = plan.annotation.gene_lengths_bp[gene.symbol]
        chromosome, end, middle = f"chr{at % _CHROMOSOMES + 1}", start + length - 1, start + length // 2
        told = {"gene_id": f"{gene.ensembl_gene_id}.1", "gene_type": "protein_coding", "gene_name": gene.symbol}
        lines.append(_gtf_line(chromosome, "gene", start, end, told))
        lines.append(_gtf_line(chromosome, "exon", start, middle + 20, told))
        lines.append(_gtf_line(chromosome, "exon", middle - 20, end, told))
        start = end + 1_000
    return gzip_stored(_text(lines))


def _gtf_line(chromosome: str, feature: str, start: int, end: int, told: Mapping[str, str]) -> str:
    attributes = " ".join(f'{name} "{value}";' for name, value in told.items())
    return "\t".join((chromosome, "HAVANA", feature, str(start), str(end), ".", "+", ".", attributes))


def _by_symbol() -> dict[str, Gene]:
    return {gene.symbol: gene for gene in all_genes()}


def _protein(gene: Gene) -> str:
    return f"S0{gene.entrez_gene_id % 100_000_000:08d}"


def _string_id(gene: Gene) -> str:
    return f"9606.ENSP{gene.ensembl_gene_id[4:]}"


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
