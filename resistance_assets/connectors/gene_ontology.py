"""The Gene Ontology and annotations to it, up to gene sets.

Here belongs reading OBO (https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html) and GAF
(https://geneontology.org/docs/go-annotation-file-gaf-format-2.2/), and carrying annotations up to the ancestors of
their terms. Testing for enrichment does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, rejected_rows
from resistance_assets.errors import DataFault, TransportFault

ASPECTS = {"P": "biological_process", "F": "molecular_function", "C": "cellular_component"}
ANNOTATION_SCHEMA: dict[str, type[pl.DataType]] = {
    "line": pl.Int64,
    "database_id": pl.String,
    "gene_symbol": pl.String,
    "qualifier": pl.String,
    "term_id": pl.String,
    "evidence": pl.String,
    "aspect": pl.String,
    "synonyms": pl.String,
    "taxon": pl.String,
}
SET_SCHEMA: dict[str, type[pl.DataType]] = {
    "term_id": pl.String,
    "term": pl.String,
    "namespace": pl.String,
    "gene_symbol": pl.String,
}


@dataclass(frozen=True)
class Term:
    """A term: its name and namespace, whether it is obsolete and what replaces it, and its parents by relation."""

    term_id: str
    name: str
    namespace: str | None
    is_obsolete: bool
    replaced_by: tuple[str, ...]
    parents: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ontology:
    """Terms by id; `primary` gives the present id of an alternative one; `version` is data-version, which need not be
    the date of the archive that the file came from."""

    source: str
    version: str | None
    terms: Mapping[str, Term]
    primary: Mapping[str, str]

    def resolve(self, term_id: str) -> tuple[str | None, str | None]:
        """The present term of an id, or null and the reason why there is none."""
        term = self.terms.get(self.primary.get(term_id, term_id))
        if term is None:
            return None, "the term is not in the ontology"
        if not term.is_obsolete:
            return term.term_id, None
        if len(term.replaced_by) == 1 and not self.terms.get(term.replaced_by[0], term).is_obsolete:
            return term.replaced_by[0], None
        return None, "the term is obsolete and not replaced by one other"


def read_obo(path: Path) -> Ontology:
    """Read an ontology. Stanzas other than [Term] are passed over, and so are tags that gene sets do not need.

    Raises:
        DataFault: there is no term, a term has no id or no name, occurs twice, or its parents lead in a circle.
        TransportFault: the last stanza is cut within a line.
    """
    text = read_bytes(path).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    version: str | None = None
    terms: dict[str, Term] = {}
    primary: dict[str, str] = {}
    stanza: dict[str, list[str]] | None = None
    start = 0
    seen_stanza = False

    def close() -> None:
        if stanza is None:
            return
        term = _term(stanza, path.name, start)
        if term.term_id in terms:
            raise DataFault(
                f"the term {term.term_id} occurs twice",
                subject=path.name,
                place=f"line {start}",
                remedy="Fetch it again",
            )
        terms[term.term_id] = term
        primary.update(dict.fromkeys(stanza.get("alt_id", []), term.term_id))

    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("["):
            close()
            stanza, start, seen_stanza = ({} if line == "[Term]" else None), number, True
            continue
        tag, colon, value = line.partition(":")
        if not colon:
            continue  # people write free text into headers
        value = re.sub(r"\s*(?:\{[^}]*\}\s*)?(?:!.*)?$", "", value).strip() if tag in _BARE else value.strip()
        if stanza is not None:
            stanza.setdefault(tag, []).append(value)
        elif not seen_stanza and tag == "data-version":
            version = value
    close()
    if not terms:
        raise DataFault(
            "the file has no term", subject=path.name, expected="OBO with [Term] stanzas", remedy="Fetch it again"
        )
    ontology = Ontology(path.name, version, terms, primary)
    _ancestors(ontology, ("is_a", "part_of"))
    return ontology


_BARE = ("id", "alt_id", "is_a", "relationship", "replaced_by", "is_obsolete", "namespace")


def _term(stanza: Mapping[str, list[str]], source: str, line: int) -> Term:
    term_id, name = (next(iter(stanza.get(tag, [])), "") for tag in ("id", "name"))
    if not term_id or not name:
        raise TransportFault(
            f"truncated: the term {term_id or 'without an id'} has no name",
            subject=source,
            place=f"line {line}",
            remedy="Fetch it again",
        )
    parents = [("is_a", parent) for parent in stanza.get("is_a", [])]
    for relationship in stanza.get("relationship", []):
        relation, _, parent = relationship.partition(" ")
        parents.append((relation, parent.strip()))
    return Term(
        term_id=term_id,
        name=name,
        namespace=next(iter(stanza.get("namespace", [])), None),
        is_obsolete=stanza.get("is_obsolete", [""])[0] == "true",
        replaced_by=tuple(stanza.get("replaced_by", [])),
        parents=tuple(parents),
    )


def _ancestors(ontology: Ontology, relations: Collection[str]) -> dict[str, frozenset[str]]:
    """Each term's ancestors, itself included, over the given relations. Parents that the file lacks do not count."""
    done: dict[str, frozenset[str]] = {}
    for start in ontology.terms:
        path: list[str] = [start]
        on_path = {start}
        while path:
            term = path[-1]
            if term in done:
                on_path.discard(path.pop())
                continue
            parents = [p for relation, p in ontology.terms[term].parents if relation in relations]
            parents = [parent for parent in parents if parent in ontology.terms]
            waiting = next((parent for parent in parents if parent not in done), None)
            if waiting is None:
                done[term] = frozenset({term}).union(*(done[parent] for parent in parents))
                on_path.discard(path.pop())
            elif waiting in on_path:
                raise DataFault(
                    f"the parents of {waiting} lead back to it", subject=ontology.source, remedy="Fetch it again"
                )
            else:
                path.append(waiting)
                on_path.add(waiting)
    return done


@dataclass(frozen=True)
class Annotations:
    """Annotations of genes.

    Attributes:
        rows: line (in the file), database_id, gene_symbol, qualifier (`NOT|...` denies the annotation), term_id,
            evidence, aspect (P, F or C), synonyms (joined by `|`), taxon; blank cells are null.
        headers: `!key: value` lines: gaf-version, date-generated, GO-version ...
        rejected: source, line, reason, row: rows of another width, without a symbol or with an id that is none of GO.
            Rows in = rows + rows of rejected.
    """

    rows: pl.DataFrame
    headers: dict[str, str]
    rejected: pl.DataFrame


def read_gaf(path: Path) -> Annotations:
    """Read annotations of GAF 2.0 to 2.2 (15 to 17 columns), plain or gzip.

    Raises:
        DataFault: there is no row that can be kept.
        TransportFault: the gzip is damaged, or the last line is cut.
    """
    text = read_bytes(path).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    headers: dict[str, str] = {}
    kept: list[tuple[int, str | None, str, str | None, str, str | None, str | None, str | None, str | None]] = []
    rejected: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if line.startswith("!"):
            key, colon, value = line[1:].strip().partition(":")
            if colon:
                headers.setdefault(key.strip(), value.strip())
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if not 15 <= len(cells) <= 17:
            # A release has been shipped that was cut in its last line.
            if number == len(lines):
                raise TransportFault(
                    f"truncated: the last line has {len(cells)} columns and no end",
                    subject=path.name,
                    place=f"line {number}",
                    expected="15 to 17 columns",
                    remedy="Fetch it again",
                )
            rejected.append((path.name, number, f"the row has {len(cells)} columns, not 15 to 17", line))
        elif not cells[2]:
            rejected.append((path.name, number, "blank gene symbol", line))
        elif not re.fullmatch(r"GO:\d{7}", cells[4]):
            rejected.append((path.name, number, f"{cells[4][:40]!r} is no term of GO", line))
        else:
            blank = [cell or None for cell in cells]
            kept.append((number, blank[1], cells[2], blank[3], cells[4], blank[6], blank[8], blank[10], blank[12]))
    if not kept:
        raise DataFault("the file has no annotation", subject=path.name, expected="GAF 2", remedy="Fetch it again")
    return Annotations(pl.DataFrame(kept, schema=ANNOTATION_SCHEMA, orient="row"), headers, rejected_rows(rejected))


def go_gene_sets(
    ontology: Ontology,
    annotations: Annotations,
    *,
    relations: Collection[str] = ("is_a", "part_of"),
    without_evidence: Collection[str] = ("ND",),
    namespaces: Collection[str] = tuple(ASPECTS.values()),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Gene sets: the genes annotated to a term or to what lies below it.

    Args:
        ontology, annotations: as read.
        relations: which relations carry a gene to the parent; these two do so by the rules of the ontology.
        without_evidence: evidence codes that are left out; ND says that nothing is known.
        namespaces: branches whose terms become sets.

    Returns:
        sets: term_id, term (name), namespace, gene_symbol; each gene once per set, sorted.
        rejected: source, line, reason, row: annotations that no set rests on (denied by NOT, left-out evidence, a term
            that is unknown or obsolete without one replacement). Annotations in = used + rejected.
    """
    rows = annotations.rows
    ids = rows["term_id"].unique().to_list()
    resolved = {term_id: ontology.resolve(term_id) for term_id in ids}
    told = rows.with_columns(
        pl.col("term_id")
        .replace_strict({k: v[0] for k, v in resolved.items()}, return_dtype=pl.String)
        .alias("present"),
        pl.when(pl.col("qualifier").fill_null("").str.split("|").list.contains("NOT"))
        .then(pl.lit("the annotation says NOT"))
        .when(pl.col("evidence").is_in(list(without_evidence)).fill_null(False))
        .then(pl.format("the evidence {} is left out", "evidence"))
        .otherwise(pl.col("term_id").replace_strict({k: v[1] for k, v in resolved.items()}, return_dtype=pl.String))
        .alias("reason"),
    )
    bad = told.filter(pl.col("reason").is_not_null())
    rejected = rejected_rows(
        ("annotations", line, reason, f"{symbol}\t{qualifier or ''}\t{term}\t{evidence or ''}")
        for line, reason, symbol, qualifier, term, evidence in bad.select(
            "line", "reason", "gene_symbol", "qualifier", "term_id", "evidence"
        ).rows()
    )
    used = told.filter(pl.col("reason").is_null()).select("present", "gene_symbol").unique()
    above = _ancestors(ontology, relations)
    present = used["present"].unique().to_list()
    pairs = pl.DataFrame(
        [(term, ancestor) for term in present for ancestor in above[term]],
        schema={"present": pl.String, "term_id": pl.String},
        orient="row",
    )
    names = pl.DataFrame(
        [(t.term_id, t.name, t.namespace) for t in ontology.terms.values() if not t.is_obsolete],
        schema={"term_id": pl.String, "term": pl.String, "namespace": pl.String},
        orient="row",
    )
    sets = (
        used.join(pairs, on="present")
        .select("term_id", "gene_symbol")
        .unique()
        .join(names, on="term_id")
        .filter(pl.col("namespace").is_in(list(namespaces)) | pl.col("namespace").is_null())
        .select(list(SET_SCHEMA))
        .sort("term_id", "gene_symbol")
    )
    return sets, rejected
