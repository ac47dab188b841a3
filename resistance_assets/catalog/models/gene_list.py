"""Gene lists, gene set collections and which lists are intersected (`studies.toml`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from resistance_assets.catalog.models.entry import Entry, Identifier


class GenesOfInterest(Entry):
    of_interest: tuple[str, ...]
    panels: dict[Identifier, tuple[str, ...]] = {}


class GeneList(Entry):
    id: Identifier
    title: str
    source: Identifier
    role: Literal["cancer_genes", "interaction_partners"]


class OwnGeneList(Entry):
    """A laboratory's own list, in a file of its study folder.

    `column`: of the table's gene column; a file without a header, or with one column, needs none.
    `role`: `own` meets every contrast's lists; `cancer_genes` counts as one of the published lists of cancer genes.
    """

    id: Identifier
    title: str
    file: str
    column: str | None = None
    role: Literal["own", "cancer_genes", "interaction_partners"] = "own"


class OwnCollection(Entry):
    """A laboratory's own gene sets: a GMT file of its study folder, one family for multiple testing per list."""

    id: Identifier
    title: str
    file: str


class Collection(Entry):
    """A collection of gene sets: one family for multiple testing per list.

    `further_sources`: what its reader needs beside `source`: the ontology of annotations, the names of pathways.
    `namespace`: the branch of an ontology that the collection is made of.
    """

    id: Identifier
    title: str
    source: Identifier
    further_sources: tuple[Identifier, ...] = ()
    namespace: Literal["biological_process", "molecular_function", "cellular_component"] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.further_sources)


class IntersectionRule(Entry):
    """Which lists meet as a matter of course: each contrast's with other contrasts', with published lists, or both."""

    id: Identifier
    left: Literal["contrast", "contrast_effect_only"]
    right: Literal["contrast"] | None = None
    right_role: Literal["cancer_genes", "interaction_partners", "own"] | None = None


class DeclaredIntersection(Entry):
    """Lists that meet because somebody asked for it.

    `universe`: `tested` (genes that every contrast among the lists tested), a list's id (a pool), or
    `<contrast>__<method>`.
    """

    id: Identifier
    title: str
    lists: tuple[str, ...] = Field(min_length=2)
    universe: str = "tested"


class ListFamily(Entry):
    """Lists that are shown together, every combination of them; shell patterns over list ids."""

    id: Identifier
    title: str
    lists: tuple[str, ...] = Field(min_length=1)
    universe: Literal["tested", "none"] = "tested"


class Partners(Entry):
    """Gene lists of the genes that a panel's genes interact with.

    `universe`: what could have been a partner: `protein_coding` (every approved protein-coding gene) or `database`
    (every gene of the organism that the database lists; right for a whole database, too small for an extract of it).
    `min_combined_score`: of STRING, out of 1000; pairs below it are no partners.
    """

    panel: str
    database: Identifier
    organism_id: str = "9606"
    experimental_system_type: Literal["physical", "genetic"] | None = None
    min_combined_score: int | None = Field(default=None, ge=0, le=1000)
    universe: Literal["protein_coding", "database"] = "protein_coding"


class Circularity(Entry):
    """Tests whose outcome was decided when the list was chosen; shell patterns over list ids, terms and term ids."""

    list_pattern: str
    term_pattern: str
    reason: str
