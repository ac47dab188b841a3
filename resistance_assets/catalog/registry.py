"""The catalog, loaded and cross-checked.

`load_registry` reads the TOML files (`sources.toml`, `studies.toml`, `claims.toml`, `published_tables.toml` and the
`study.toml` of laboratories) into the models of `catalog/models` and checks what must hold between them. A file that
disagrees with itself, with another file or with the tables raises a `CatalogFault` that names file, key and remedy.
Nothing here looks at data, opens a connection or knows Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from resistance_assets.catalog.cross_checks import cross_check
from resistance_assets.catalog.models.analysis_settings import (
    AlterationSettings,
    Correlation,
    DifferentialExpression,
    EvidenceSettings,
    Gsea,
    Intersecting,
    SurvivalSettings,
    Thresholds,
    TumourNormal,
)
from resistance_assets.catalog.models.claim import (
    Claim,
    ClaimsFile,
    Multiverse,
    Paper,
    PublishedTable,
    PublishedTablesFile,
)
from resistance_assets.catalog.models.cohort import Cohort, Project
from resistance_assets.catalog.models.contrast import Contrast, ListThresholds, Method, state_of
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.gene_list import (
    Circularity,
    Collection,
    DeclaredIntersection,
    GeneList,
    GenesOfInterest,
    IntersectionRule,
    ListFamily,
    OwnCollection,
    OwnGeneList,
    Partners,
)
from resistance_assets.catalog.models.lab_study import LocalStudy, as_cohort
from resistance_assets.catalog.models.source import Source, SourceEntry, SourcesFile
from resistance_assets.catalog.models.study import MeasuredStudy, PublicStudy, as_measured_study
from resistance_assets.catalog.models.study_kind import STUDY_KINDS, StudyKind, import_kinds
from resistance_assets.catalog.named_patterns import with_named_patterns
from resistance_assets.catalog.own_catalog import CatalogFile, EntryFiles, files_of, lay_over
from resistance_assets.catalog.partition_names import partition_of
from resistance_assets.catalog.study_folders import lists_of_left_out, load_local_studies
from resistance_assets.catalog.toml_files import by_id, nearest, parse, read_toml
from resistance_assets.errors import CatalogFault

CATALOG_DIR = Path(__file__).parent
# The set of datasets that the papers are about; they stand in `studies.toml` itself.
SEEDS = "seeds"
SEED_ENTRIES = ("cohort", "project", "study", "intersection")

import_kinds()


class _StudiesFile(Entry):
    thresholds: Thresholds
    genes: GenesOfInterest
    cohort: tuple[Cohort, ...] = ()
    project: tuple[Project, ...] = ()
    study: tuple[PublicStudy, ...] = ()
    gene_list: tuple[GeneList, ...]
    collection: tuple[Collection, ...]
    differential_expression: DifferentialExpression = DifferentialExpression()
    gsea: Gsea = Gsea()
    intersecting: Intersecting = Intersecting()
    intersection_rule: tuple[IntersectionRule, ...]
    intersection: tuple[DeclaredIntersection, ...] = ()
    list_family: tuple[ListFamily, ...] = ()
    partners: tuple[Partners, ...] = ()
    circularity: tuple[Circularity, ...] = ()
    correlation: Correlation
    evidence: EvidenceSettings = EvidenceSettings()
    survival: SurvivalSettings
    alterations: AlterationSettings = AlterationSettings()
    drug_classes: dict[str, tuple[str, ...]] = {}
    tumour_normal: TumourNormal
    # Regular expressions that groups name as `@name`.
    patterns: dict[str, str] = {}


class _SourcesFile(Entry):
    source: dict[Identifier, SourceEntry]


_MODELS: dict[str, type[Entry]] = {
    "sources.toml": _SourcesFile,
    "studies.toml": _StudiesFile,
    "claims.toml": ClaimsFile,
    "published_tables.toml": PublishedTablesFile,
}


@dataclass(frozen=True)
class Registry:
    """Everything that the catalog states, by id."""

    sources: dict[str, Source]
    thresholds: Thresholds
    genes: GenesOfInterest
    cohorts: dict[str, Cohort]
    projects: dict[str, Project]
    public_studies: dict[str, PublicStudy]
    local_studies: dict[str, LocalStudy]
    gene_lists: dict[str, GeneList]
    collections: dict[str, Collection]
    intersection_rules: tuple[IntersectionRule, ...]
    correlation: Correlation
    differential_expression: DifferentialExpression
    gsea: Gsea
    intersecting: Intersecting
    intersections: dict[str, DeclaredIntersection]
    list_families: dict[str, ListFamily]
    partners: tuple[Partners, ...]
    circularities: tuple[Circularity, ...]
    survival: SurvivalSettings
    alterations: AlterationSettings
    drug_classes: dict[str, tuple[str, ...]]
    tumour_normal: TumourNormal
    evidence: EvidenceSettings
    papers: dict[str, Paper]
    claims: dict[str, Claim]
    multiverses: dict[str, Multiverse]
    published_tables: dict[str, PublishedTable]
    # A study.toml that is wrong takes only its own study out; the fault is shown and the rest goes on.
    study_faults: tuple[tuple[Path, CatalogFault], ...] = field(default=())
    files: EntryFiles = field(default=EntryFiles({}, {}))

    def list_thresholds(self, own: ListThresholds | None) -> ListThresholds:
        """A contrast's own thresholds, or the catalog's."""
        return own or ListThresholds(
            q_value=self.thresholds.q_value, abs_log2_fold_change=self.thresholds.abs_log2_fold_change
        )

    def analysed_cohorts(self) -> tuple[Cohort, ...]:
        """Cohorts of the catalog, then laboratory studies whose patients were followed, as cohorts."""
        return (*self.cohorts.values(), *(as_cohort(s) for s in self.local_studies.values() if s.survival))

    def own_gene_lists(self) -> tuple[tuple[LocalStudy, OwnGeneList], ...]:
        """Gene lists of laboratory studies, each with its study."""
        return tuple((study, one) for study in self.local_studies.values() for one in study.gene_lists)

    def own_collections(self) -> tuple[tuple[LocalStudy, OwnCollection], ...]:
        """Collections of gene sets of laboratory studies, each with its study."""
        return tuple((study, one) for study in self.local_studies.values() for one in study.collections)

    def measured_studies(self) -> tuple[MeasuredStudy, ...]:
        """Studies whose samples are analysed here, laboratory ones first; published tables are no part of them."""
        found = []
        for local in self.local_studies.values():
            if local.kind.measurement is None:
                continue
            found.append(
                MeasuredStudy(
                    id=local.id,
                    measurement=local.kind.measurement,
                    contrasts=local.contrasts,
                    interactions=local.interactions,
                    gene_lengths=local.gene_lengths,
                )
            )
        return (*found, *(as_measured_study(study) for study in self.public_studies.values()))

    def studies(self) -> tuple[LocalStudy | PublicStudy, ...]:
        """Every study, laboratory ones first."""
        return (*self.local_studies.values(), *self.public_studies.values())

    def kind_of(self, study: LocalStudy | PublicStudy) -> StudyKind:
        """What a study is."""
        return study.kind if isinstance(study, LocalStudy) else STUDY_KINDS[study.kind]

    def study_partitions(self, table: str) -> list[str]:
        """Partitions of ``table`` that the steps of studies write, laboratory studies first."""
        return [partition_of(table, study.id) for study in self.studies() if table in self.kind_of(study).tables]

    def contrasts(self) -> tuple[Contrast, ...]:
        """Contrasts of every study, public first, in catalog order."""
        found: list[Contrast] = []
        declared = [
            *((study, c) for study in self.public_studies.values() for c in study.contrast),
            *((s.study, c) for s in self.local_studies.values() if s.kind.methods for c in s.contrasts),
        ]
        for study, c in declared:
            found.append(
                Contrast(
                    id=c.id,
                    study_id=study.id,
                    numerator=c.numerator,
                    denominator=c.denominator,
                    methods=tuple(c.result_methods),
                    thresholds=self.list_thresholds(c.thresholds),
                    drug=c.drug,
                    drug_class=c.drug_class,
                    cell_type=getattr(c, "cell_type", None),
                    title=c.title,
                    state=state_of(c),
                    cell_line=c.cell_line or getattr(study, "cell_line", None),
                    laboratory=getattr(study, "laboratory", None),
                )
            )
        return tuple(found)


def read_documents(
    *, catalog_dir: Path = CATALOG_DIR, own_catalogs: Sequence[Path] = (), sets: Sequence[str] = (SEEDS,)
) -> tuple[dict[str, dict[str, Any]], EntryFiles]:
    """What the files of the catalog hold, sets and own catalogs laid over, and from which file each entry is.

    Arguments as of `load_registry`.

    Raises:
        CatalogFault: a file or an entry is wrong in itself.
    """
    built_in = {
        name: CatalogFile(model, read_toml(catalog_dir / name), catalog_dir / name) for name, model in _MODELS.items()
    }
    if SEEDS not in sets:
        studies = built_in["studies.toml"]
        rest = {key: value for key, value in studies.document.items() if key not in SEED_ENTRIES}
        built_in["studies.toml"] = replace(studies, document=rest)
    return lay_over(built_in, [*_set_files(sets, catalog_dir), *files_of(own_catalogs)])


def load_registry(
    study_dirs: Sequence[Path] = (),
    *,
    catalog_dir: Path = CATALOG_DIR,
    genes_of_interest: Sequence[str] = (),
    own_catalogs: Sequence[Path] = (),
    sets: Sequence[str] = (SEEDS,),
) -> Registry:
    """Load and cross-check the catalog, with the studies found in ``study_dirs``.

    Args:
        study_dirs: each one a study folder (it holds a `study.toml`) or a folder of study folders.
        genes_of_interest: symbols beside those of the catalog and of the studies.
        catalog_dir: folder of `sources.toml`, `studies.toml`, `claims.toml` and `published_tables.toml`.
        own_catalogs: folders of TOML files that are laid over the built-in ones, entry by entry.
        sets: which sets of the built-in catalog are in use: `seeds` and those of `catalog/sets/`.

    Raises:
        CatalogFault: the catalog itself is wrong. A laboratory's study that is wrong is kept in `study_faults`.
    """
    documents, files = read_documents(catalog_dir=catalog_dir, own_catalogs=own_catalogs, sets=sets)
    sources_path, studies_path, claims_path, printed_path = (catalog_dir / name for name in _MODELS)
    raw_sources = parse(SourcesFile, documents["sources.toml"], sources_path).source
    sources = {
        key: parse(Source, {"id": key, **entry}, sources_path, f"source.{key}") for key, entry in raw_sources.items()
    }
    studies = parse(_StudiesFile, documents["studies.toml"], studies_path)
    claims = _parse_claims(documents["claims.toml"], claims_path)
    printed = parse(PublishedTablesFile, documents["published_tables.toml"], printed_path)

    taken = {c.id for s in studies.study for c in (*s.contrast, *s.interaction)} | {s.id for s in studies.study}
    taken |= {cohort.id for cohort in studies.cohort} | {one.id for one in studies.intersection}
    taken |= {one.id for one in (*studies.gene_list, *studies.collection)}
    local, faults = load_local_studies(study_dirs, taken, claims.paper)
    asked_for, not_made = _asked_intersections(studies, tuple(local.values()), lists_of_left_out(faults, local))
    faults += not_made
    interest = (g for study in local.values() for g in study.genes_of_interest)
    asked_genes = tuple(dict.fromkeys((*studies.genes.of_interest, *interest, *genes_of_interest)))

    registry = Registry(
        sources=sources,
        thresholds=studies.thresholds,
        genes=studies.genes.model_copy(update={"of_interest": asked_genes}),
        cohorts=by_id(studies.cohort, studies_path, "cohort"),
        projects=by_id(studies.project, studies_path, "project"),
        public_studies=by_id(with_named_patterns(studies.study, studies.patterns, files), studies_path, "study"),
        local_studies=local,
        gene_lists=by_id(studies.gene_list, studies_path, "gene_list"),
        collections=by_id(studies.collection, studies_path, "collection"),
        intersection_rules=studies.intersection_rule,
        correlation=studies.correlation,
        evidence=studies.evidence,
        differential_expression=studies.differential_expression,
        gsea=studies.gsea,
        intersecting=studies.intersecting,
        intersections=by_id(asked_for, studies_path, "intersection"),
        list_families=by_id(studies.list_family, studies_path, "list_family"),
        partners=studies.partners,
        circularities=studies.circularity,
        survival=studies.survival,
        alterations=studies.alterations,
        drug_classes=studies.drug_classes,
        tumour_normal=studies.tumour_normal,
        papers=dict(claims.paper),
        claims=by_id(claims.claim, claims_path, "claim"),
        multiverses=by_id(claims.multiverse, claims_path, "multiverse"),
        published_tables=by_id(printed.table, printed_path, "table"),
        study_faults=tuple(faults),
        files=files,
    )
    cross_check(registry, files)
    return registry


def source_ids(own_catalogs: Sequence[Path] = (), sets: Sequence[str] = (SEEDS,)) -> set[str]:
    """Sources that the catalog in use declares, read without checking any entry."""
    paths = [CATALOG_DIR / "sources.toml", *_set_files(sets, CATALOG_DIR), *files_of(own_catalogs)]
    return {name for path in paths for name in read_toml(path).get("source", {})}


def set_names(catalog_dir: Path = CATALOG_DIR) -> list[str]:
    """Sets of the built-in catalog."""
    return [SEEDS, *sorted(path.stem for path in (catalog_dir / "sets").glob("*.toml"))]


def _set_files(sets: Sequence[str], catalog_dir: Path) -> list[Path]:
    known = set_names(catalog_dir)
    for name in sets:
        if name not in known:
            near = nearest(name, known)
            raise CatalogFault(
                f"there is no set {name} in the built-in catalog",
                subject="RESISTANCE_SETS",
                expected=", ".join(known),
                remedy=f"Did you mean {near}?" if near else "Correct it.",
            )
    return [catalog_dir / "sets" / f"{name}.toml" for name in dict.fromkeys(sets) if name != SEEDS]


def _list_ids(studies: _StudiesFile, local: Iterable[LocalStudy]) -> dict[str, str]:
    """Every list that a run may make -> the universe of what could have entered it, or the list itself."""
    found = {gene_list.id: gene_list.id for gene_list in studies.gene_list}
    for one in studies.partners:
        for name in (one.panel, *studies.genes.panels.get(one.panel, ())):
            list_id = f"partners__{one.database}__{name}"
            found[list_id] = list_id
    # A GEO series may turn out to be counts where its contrasts ask for an array's method, so any method will do.
    made = [(c.id, get_args(Method)) for s in studies.study for c in s.contrast]
    for study in local:
        found |= {one.id: one.id for one in study.gene_lists}
        made += [(c.id, c.result_methods) for c in study.contrasts if study.kind.methods]
    for contrast_id, methods in made:
        for method in methods:
            found |= {f"{contrast_id}__{method}__{way}": f"{contrast_id}__{method}" for way in ("up", "down")}
    return found


def _asked_intersections(
    studies: _StudiesFile, local: Sequence[LocalStudy], left_out: Mapping[str, str]
) -> tuple[list[DeclaredIntersection], list[tuple[Path, CatalogFault]]]:
    """Intersections of the catalog and of studies, and the faults of those that wait."""
    lists = _list_ids(studies, local)
    asked_for, faults = list(studies.intersection), []
    for study in local:
        for one in study.intersections:
            try:
                _check_intersection(study, one, lists, left_out)
            except CatalogFault as fault:
                # It alone waits: the lists may be of a study that was left out.
                faults.append((study.folder, fault))
            else:
                asked_for.append(one)
    return asked_for, faults


def _check_intersection(
    study: LocalStudy, one: DeclaredIntersection, lists: Mapping[str, str], left_out: Mapping[str, str]
) -> None:
    """Refuse an intersection of lists that no run makes; one of a study that is left out is told with its name."""
    universes = {*lists, *lists.values(), "tested"}
    wrong = [name for name in one.lists if name not in lists]
    known: Iterable[str] = lists
    if not wrong and one.universe not in universes:
        wrong, known = [one.universe], universes
    if wrong:
        near, owner = nearest(wrong[0], known), left_out.get(wrong[0].partition("__")[0])
        remedy = f"Did you mean {near}?" if near else "Correct the name."
        if owner is not None:
            remedy = f"It is of the study {owner}, which is left out: mend that one."
        raise CatalogFault(
            f"no gene list {wrong[0]} is made" if known is lists else f"the universe {wrong[0]} is not known",
            subject=str(study.folder / "study.toml"),
            place=f"intersection {one.id}",
            expected="<contrast>__<method>__up or __down, or a gene list of the catalog or of a study that is not"
            " left out",
            remedy=f"{remedy} This intersection alone waits.",
        )


def _parse_claims(document: dict[str, Any], path: Path) -> Any:
    """`claims.toml`; a fault in a claim names the claim beside its number in the file."""
    try:
        return parse(ClaimsFile, document, path)
    except CatalogFault as fault:
        number = re.match(r"key claim\.(\d+)", fault.place or "")
        if number is None:
            raise
        name = document["claim"][int(number.group(1))].get("id", "without id")
        raise CatalogFault(
            fault.problem,
            subject=fault.subject,
            place=f"claim {name}, {fault.place}",
            expected=fault.expected,
            remedy=fault.remedy,
        ) from None
