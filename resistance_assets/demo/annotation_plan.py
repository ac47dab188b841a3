"""What the annotation of the demo says: an ontology and who is annotated to it, pathways, links and lengths.

Here belong the choice of terms and members and the truth about them. How each host writes them down belongs in
`annotation_files`; the genes themselves, and what they do, in `plan`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BIOLOGICAL_PROCESS = "biological_process"
MOLECULAR_FUNCTION = "molecular_function"
CELLULAR_COMPONENT = "cellular_component"
# Ids and names are invented: no term pretends to be one of the ontology that it stands in for.
ROOTS = {BIOLOGICAL_PROCESS: "GO:9100001", MOLECULAR_FUNCTION: "GO:9100002", CELLULAR_COMPONENT: "GO:9100003"}
SURVIVAL_UNDER_DRUG, BY_RECEPTORS, BY_ADHESION = "GO:9100010", "GO:9100011", "GO:9100012"
RECEPTOR_BINDING, RESISTANT_SURFACE = "GO:9100020", "GO:9100030"
WITHDRAWN, ABANDONED, ALTERNATIVE = "GO:9100090", "GO:9100091", "GO:9100092"


@dataclass(frozen=True)
class OntologyTerm:
    """A term as the ontology prints it; parents are (relation, id)."""

    term_id: str
    name: str
    namespace: str
    parents: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[str, ...] = ()
    is_obsolete: bool = False
    replaced_by: str | None = None


@dataclass(frozen=True)
class Annotation:
    """One line of the annotations of genes."""

    symbol: str
    term_id: str
    namespace: str
    qualifier: str = "involved_in"
    evidence: str = "IDA"


@dataclass(frozen=True)
class AnnotationPlan:
    """Everything that the annotation of the demo says.

    Attributes:
        terms, annotations: of the ontology. A planted branch has no direct member: its genes are those of its children.
        denied: symbols that are annotated with NOT alone, and so to nothing.
        panther, kegg: pathway id to its name and members.
        links: pairs of proteins by symbol, with STRING's combined score, out of 1000.
        gene_lengths_bp: bases that the exons of each gene cover.
        planted: collection, term id, term and the members that a reader should find, for every planted set.
    """

    terms: tuple[OntologyTerm, ...]
    annotations: tuple[Annotation, ...]
    denied: tuple[str, ...]
    panther: Mapping[str, tuple[str, tuple[str, ...]]]
    kegg: Mapping[str, tuple[str, tuple[str, ...]]]
    links: tuple[tuple[str, str, int], ...]
    gene_lengths_bp: Mapping[str, int]
    planted: tuple[tuple[str, str, str, tuple[str, ...]], ...]


def _choose(draw: np.random.RandomState, n: int, pool: Sequence[str]) -> tuple[str, ...]:
    return tuple(pool[int(at)] for at in draw.permutation(len(pool))[:n])


def _terms_of_survival() -> list[OntologyTerm]:
    """The planted process: two ways below it, an alternative id, a withdrawn term and one without a successor."""
    bp = ROOTS[BIOLOGICAL_PROCESS]
    return [
        OntologyTerm(SURVIVAL_UNDER_DRUG, "synthetic survival under a drug", BIOLOGICAL_PROCESS, (("is_a", bp),)),
        OntologyTerm(
            BY_RECEPTORS, "synthetic survival by receptors", BIOLOGICAL_PROCESS, (("is_a", SURVIVAL_UNDER_DRUG),)
        ),
        OntologyTerm(
            BY_ADHESION,
            "synthetic survival by adhesion",
            BIOLOGICAL_PROCESS,
            (("is_a", bp), ("part_of", SURVIVAL_UNDER_DRUG)),
            alternatives=(ALTERNATIVE,),
        ),
        OntologyTerm(
            WITHDRAWN, "obsolete synthetic survival", BIOLOGICAL_PROCESS, is_obsolete=True, replaced_by=BY_RECEPTORS
        ),
        OntologyTerm(ABANDONED, "obsolete synthetic guess", BIOLOGICAL_PROCESS, is_obsolete=True),
    ]


def _links_of_hubs(
    draw: np.random.RandomState, hubs: Sequence[str], measured: Sequence[str]
) -> tuple[tuple[str, str, int], ...]:
    """Partners of each hub with their scores, each pair once and in order."""
    links: dict[tuple[str, str], int] = {}
    for hub in hubs:
        for partner in _choose(draw, 12, measured):
            if partner != hub:
                first, second = sorted((hub, partner))
                links[first, second] = int(draw.randint(150, 1000))
    return tuple((*pair, score) for pair, score in sorted(links.items()))


def _decoy_terms(
    draw: np.random.RandomState, measured: Sequence[str]
) -> Iterator[tuple[OntologyTerm, tuple[str, ...]]]:
    """Terms of every branch with genes drawn from all that are measured: nothing is planted in them."""
    for namespace, first, n in (
        (BIOLOGICAL_PROCESS, 9_101_000, 30),
        (MOLECULAR_FUNCTION, 9_102_000, 15),
        (CELLULAR_COMPONENT, 9_103_000, 15),
    ):
        for number in range(first, first + n):
            name = f"synthetic {namespace.replace('_', ' ')} {number - first + 1}"
            term = OntologyTerm(f"GO:{number}", name, namespace, (("is_a", ROOTS[namespace]),))
            yield term, _choose(draw, draw.randint(6, 20), measured)


def _decoy_pathways(
    draw: np.random.RandomState, measured: Sequence[str], prefix: str, first: int, name: str
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Twenty pathways of genes drawn from all that are measured."""
    return {
        f"{prefix}{first + at}": (f"{name} {at + 2}", _choose(draw, draw.randint(8, 20), measured)) for at in range(20)
    }


def plan_annotation(
    draw: np.random.RandomState,
    up: Sequence[str],
    measured: Sequence[str],
    resistant: frozenset[str],
    hubs: Sequence[str],
) -> AnnotationPlan:
    """Choose terms, pathways and links around the genes that rise in resistance.

    Args:
        draw: of its own, so that the studies stay as they are.
        up: genes that rise in resistance.
        measured: every measured gene.
        resistant: genes that change in resistance.
        hubs: genes whose links the demo asks for.
    """
    others = [symbol for symbol in measured if symbol not in resistant]

    def chosen(n: int, pool: Sequence[str]) -> tuple[str, ...]:
        return _choose(draw, n, pool)

    def enriched(n_up: int, n_other: int) -> tuple[str, ...]:
        return (*chosen(n_up, up), *chosen(n_other, others))

    terms = [OntologyTerm(term_id, f"synthetic {name.replace('_', ' ')}", name) for name, term_id in ROOTS.items()]
    annotations: list[Annotation] = []

    def annotate(members: Sequence[str], term_id: str, namespace: str, qualifier: str = "involved_in") -> None:
        annotations.extend(Annotation(symbol, term_id, namespace, qualifier) for symbol in members)

    survival = enriched(20, 12)
    receptors, adhesion = survival[::2], survival[1::2]
    bp = ROOTS[BIOLOGICAL_PROCESS]
    terms += _terms_of_survival()
    # The first two genes reach the planted term by an alternative and by a withdrawn id alone.
    annotate(receptors[1:], BY_RECEPTORS, BIOLOGICAL_PROCESS)
    annotate(receptors[:1], WITHDRAWN, BIOLOGICAL_PROCESS)
    annotate(adhesion[1:], BY_ADHESION, BIOLOGICAL_PROCESS)
    annotate(adhesion[:1], ALTERNATIVE, BIOLOGICAL_PROCESS)
    denied = chosen(3, [symbol for symbol in up if symbol not in survival])
    annotate(denied, BY_RECEPTORS, BIOLOGICAL_PROCESS, "NOT|involved_in")
    annotate(others[:1], ABANDONED, BIOLOGICAL_PROCESS)
    annotations += [Annotation(symbol, bp, BIOLOGICAL_PROCESS, evidence="ND") for symbol in others[1:3]]

    binding, surface = enriched(16, 14), enriched(15, 15)
    for term_id, name, namespace, members, qualifier in (
        (RECEPTOR_BINDING, "synthetic receptor binding", MOLECULAR_FUNCTION, binding, "enables"),
        (RESISTANT_SURFACE, "synthetic surface of resistant cells", CELLULAR_COMPONENT, surface, "located_in"),
    ):
        terms.append(OntologyTerm(term_id, name, namespace, (("is_a", ROOTS[namespace]),)))
        annotate(members, term_id, namespace, qualifier)
    for term, members in _decoy_terms(draw, measured):
        terms.append(term)
        annotate(members, term.term_id, term.namespace)

    bypass, rewired = enriched(12, 12), enriched(12, 14)
    panther = {"P99001": ("Synthetic receptor signaling", bypass)}
    panther |= _decoy_pathways(draw, measured, "P", 99_002, "Synthetic signaling pathway")
    kegg = {"hsa99501": ("Synthetic rewiring of signals", rewired)}
    kegg |= _decoy_pathways(draw, measured, "hsa", 99_502, "Synthetic map")
    links = _links_of_hubs(draw, hubs, measured)
    return AnnotationPlan(
        terms=tuple(terms),
        annotations=tuple(annotations),
        denied=denied,
        panther=panther,
        kegg=kegg,
        links=links,
        gene_lengths_bp={symbol: int(length) for symbol, length in zip(
            measured, np.exp(draw.normal(7.6, 0.6, len(measured))).astype(int) + 200, strict=True
        )},
        planted=(
            ("GO_BP_ANNOTATIONS", SURVIVAL_UNDER_DRUG, "synthetic survival under a drug", survival),
            ("GO_MF", RECEPTOR_BINDING, "synthetic receptor binding", binding),
            ("GO_CC", RESISTANT_SURFACE, "synthetic surface of resistant cells", surface),
            ("PANTHER", "P99001", "Synthetic receptor signaling", bypass),
            ("KEGG_CURRENT", "hsa99501", "Synthetic rewiring of signals", rewired),
        ),
    )  # fmt: skip
