"""The catalog, loaded and cross-checked.

`load_registry` reads the TOML files (`sources.toml`, `studies.toml`, `claims.toml`, `published_tables.toml` and the
`study.toml` of laboratories) into the models of `catalog/models` and checks what must hold between them. A file that
disagrees with itself, with another file or with the tables raises a `CatalogFault` that names file, key and remedy.
Nothing here looks at data, opens a connection or knows Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from resistance_assets.catalog.models.analysis_settings import (
    Correlation,
    Covariate,
    DifferentialExpression,
    EvidenceSettings,
    EvidenceWeights,
    Gsea,
    Intersecting,
    SurvivalModel,
    SurvivalSettings,
    Thresholds,
    TumourNormal,
)
from resistance_assets.catalog.models.claim import (
    Claim,
    ClaimFamily,
    ClaimsFile,
    Multiverse,
    MultiverseAxis,
    Paper,
    PublishedRow,
    PublishedTable,
    PublishedTablesFile,
    Reported,
)
from resistance_assets.catalog.models.cohort import DAYS_TO_MONTHS, Cohort, Endpoint, Project
from resistance_assets.catalog.models.contrast import (
    ArrayContrast,
    Contrast,
    CountsContrast,
    FoldChange,
    InteractionDesign,
    ListThresholds,
    Method,
    PublicContrast,
    PublicInteraction,
    ResponseLimits,
    ResultColumns,
    ResultContrast,
)
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.gene_list import (
    Circularity,
    Collection,
    DeclaredIntersection,
    GeneList,
    GenesOfInterest,
    IntersectionRule,
    ListFamily,
    Partners,
)
from resistance_assets.catalog.models.lab_study import (
    HUMAN,
    STUDY_PROFILE,
    CountsStudy,
    LocalStudy,
    MicroarrayStudy,
    ResultStudy,
    StudySurvival,
    as_cohort,
)
from resistance_assets.catalog.models.source import Source, SourcesFile
from resistance_assets.catalog.models.study import GROUP_COLUMN, Group, MeasuredStudy, PublicStudy, as_measured_study
from resistance_assets.catalog.models.study_kind import STUDY_KINDS, StudyKind, import_kinds, study_kind
from resistance_assets.catalog.partition_names import partition_of
from resistance_assets.catalog.toml_files import by_id, nearest, parse, read_toml
from resistance_assets.errors import CatalogFault

# Models that are read with the registry are importable from here as well.
__all__ = [
    "CATALOG_DIR",
    "DAYS_TO_MONTHS",
    "GROUP_COLUMN",
    "HUMAN",
    "STUDY_PROFILE",
    "ArrayContrast",
    "Circularity",
    "Claim",
    "ClaimFamily",
    "Cohort",
    "Collection",
    "Contrast",
    "Correlation",
    "CountsContrast",
    "CountsStudy",
    "Covariate",
    "DeclaredIntersection",
    "DifferentialExpression",
    "Endpoint",
    "EvidenceSettings",
    "EvidenceWeights",
    "FoldChange",
    "GeneList",
    "GenesOfInterest",
    "Group",
    "Gsea",
    "Identifier",
    "InteractionDesign",
    "Intersecting",
    "IntersectionRule",
    "ListFamily",
    "ListThresholds",
    "LocalStudy",
    "MeasuredStudy",
    "Method",
    "MicroarrayStudy",
    "Multiverse",
    "MultiverseAxis",
    "Paper",
    "Partners",
    "Project",
    "PublicContrast",
    "PublicInteraction",
    "PublicStudy",
    "PublishedRow",
    "PublishedTable",
    "Registry",
    "Reported",
    "ResponseLimits",
    "ResultColumns",
    "ResultContrast",
    "ResultStudy",
    "Source",
    "StudySurvival",
    "SurvivalModel",
    "SurvivalSettings",
    "Thresholds",
    "TumourNormal",
    "as_cohort",
    "as_measured_study",
    "load_local_study",
    "load_registry",
]

CATALOG_DIR = Path(__file__).parent

import_kinds()


class _StudiesFile(Entry):
    thresholds: Thresholds
    genes: GenesOfInterest
    cohort: tuple[Cohort, ...]
    project: tuple[Project, ...] = ()
    study: tuple[PublicStudy, ...]
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
    tumour_normal: TumourNormal


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
    tumour_normal: TumourNormal
    evidence: EvidenceSettings
    papers: dict[str, Paper]
    claims: dict[str, Claim]
    multiverses: dict[str, Multiverse]
    published_tables: dict[str, PublishedTable]
    # A study.toml that is wrong takes only its own study out; the fault is shown and the rest goes on.
    study_faults: tuple[tuple[Path, CatalogFault], ...] = field(default=())

    def list_thresholds(self, own: ListThresholds | None) -> ListThresholds:
        """A contrast's own thresholds, or the catalog's."""
        return own or ListThresholds(
            q_value=self.thresholds.q_value, abs_log2_fold_change=self.thresholds.abs_log2_fold_change
        )

    def analysed_cohorts(self) -> tuple[Cohort, ...]:
        """Cohorts of the catalog, then laboratory studies whose patients were followed, as cohorts."""
        return (*self.cohorts.values(), *(as_cohort(s) for s in self.local_studies.values() if s.survival))

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
            *((study.id, c) for study in self.public_studies.values() for c in study.contrast),
            *((s.id, c) for s in self.local_studies.values() if s.kind.methods for c in s.contrasts),
        ]
        for study_id, c in declared:
            found.append(
                Contrast(
                    id=c.id,
                    study_id=study_id,
                    numerator=c.numerator,
                    denominator=c.denominator,
                    methods=tuple(c.result_methods),
                    thresholds=self.list_thresholds(c.thresholds),
                    drug=c.drug,
                    drug_class=c.drug_class,
                )
            )
        return tuple(found)


# ---- loading ---------------------------------------------------------------------------------------------------------


def load_registry(study_dirs: Sequence[Path] = (), *, catalog_dir: Path = CATALOG_DIR) -> Registry:
    """Load and cross-check the catalog, with the studies found in ``study_dirs``.

    Args:
        study_dirs: each one a study folder (it holds a `study.toml`) or a folder of study folders.
        catalog_dir: folder of `sources.toml`, `studies.toml`, `claims.toml` and `published_tables.toml`.

    Raises:
        CatalogFault: the catalog itself is wrong. A laboratory's study that is wrong is kept in `study_faults`.
    """
    sources_path, studies_path, claims_path, printed_path = (
        catalog_dir / name for name in ("sources.toml", "studies.toml", "claims.toml", "published_tables.toml")
    )
    raw_sources = parse(SourcesFile, read_toml(sources_path), sources_path).source
    sources = {
        key: parse(Source, {"id": key, **entry}, sources_path, f"source.{key}") for key, entry in raw_sources.items()
    }
    studies = parse(_StudiesFile, read_toml(studies_path), studies_path)
    claims = _parse_claims(read_toml(claims_path), claims_path)
    printed = parse(PublishedTablesFile, read_toml(printed_path), printed_path)

    taken = {c.id for s in studies.study for c in (*s.contrast, *s.interaction)} | {s.id for s in studies.study}
    taken |= {cohort.id for cohort in studies.cohort} | {one.id for one in studies.intersection}
    local, faults = _load_local_studies(study_dirs, taken, claims.paper)
    lists = _list_ids(studies, local.values())
    for study in list(local.values()):
        try:
            _check_intersections(study, lists)
        except CatalogFault as fault:
            faults.append((study.folder, fault))
            del local[study.id]
    asked_for = (*studies.intersection, *(one for study in local.values() for one in study.intersections))

    registry = Registry(
        sources=sources,
        thresholds=studies.thresholds,
        genes=studies.genes,
        cohorts=by_id(studies.cohort, studies_path, "cohort"),
        projects=by_id(studies.project, studies_path, "project"),
        public_studies=by_id(studies.study, studies_path, "study"),
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
        tumour_normal=studies.tumour_normal,
        papers=dict(claims.paper),
        claims=by_id(claims.claim, claims_path, "claim"),
        multiverses=by_id(claims.multiverse, claims_path, "multiverse"),
        published_tables=by_id(printed.table, printed_path, "table"),
        study_faults=tuple(faults),
    )
    _cross_check(registry, sources_path, studies_path, claims_path, printed_path)
    return registry


def _load_local_studies(
    study_dirs: Iterable[Path], taken: set[str], papers: Mapping[str, Paper]
) -> tuple[dict[str, LocalStudy], list[tuple[Path, CatalogFault]]]:
    """Studies of laboratories by their ids, and the folders that were left out with the fault.

    Args:
        taken: ids that studies, contrasts and intersections may not have.
        papers: that a study may name.
    """
    local: dict[str, LocalStudy] = {}
    faults: list[tuple[Path, CatalogFault]] = []
    taken = set(taken)
    for folder in _study_folders(study_dirs):
        try:
            study = load_local_study(folder)
            if study.study.paper is not None:
                _require(study.study.paper, papers, folder / "study.toml", "key study.paper", "paper")
            asked = (*study.contrasts, *study.interactions, *study.intersections)
            names = {study.id, *(one.id for one in asked)}
            if twice := sorted(names & taken):
                raise CatalogFault(
                    f"the id {twice[0]} is already taken by another study, contrast or intersection",
                    subject=str(folder / "study.toml"),
                    remedy="Give the study and each of its contrasts and intersections an id of its own.",
                )
        except CatalogFault as fault:
            faults.append((folder, fault))
            continue
        taken |= names
        local[study.id] = study
    return local, faults


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
        made += [(c.id, c.result_methods) for c in study.contrasts if study.kind.methods]
    for contrast_id, methods in made:
        for method in methods:
            found |= {f"{contrast_id}__{method}__{way}": f"{contrast_id}__{method}" for way in ("up", "down")}
    return found


def _check_intersections(study: LocalStudy, lists: Mapping[str, str]) -> None:
    """Refuse an intersection of lists that no run makes."""
    for one in study.intersections:
        universes = {*lists, *lists.values(), "tested"}
        wrong = [name for name in one.lists if name not in lists]
        known: Iterable[str] = lists
        if not wrong and one.universe not in universes:
            wrong, known = [one.universe], universes
        if wrong:
            near = nearest(wrong[0], known)
            raise CatalogFault(
                f"no gene list {wrong[0]} is made" if known is lists else f"the universe {wrong[0]} is not known",
                subject=str(study.folder / "study.toml"),
                place=f"intersection {one.id}",
                expected="<contrast>__<method>__up or __down, or a gene list of the catalog",
                remedy=f"Did you mean {near}?" if near else "Correct the name.",
            )


def load_local_study(folder: Path) -> LocalStudy:
    """Read a study folder's `study.toml`; its tables are only looked for, not read.

    Raises:
        CatalogFault: the file is missing, is not TOML, has an unknown or missing key, or names a table that is absent.
    """
    path = folder / "study.toml"
    document = read_toml(path)
    table = document.get("study")
    kind = study_kind(table.get("kind") if isinstance(table, dict) else None, subject=str(path), place="key study.kind")
    study = LocalStudy(folder=folder, kind=kind, file=parse(kind.model, document, path))
    asked = (*study.contrasts, *study.interactions, *study.intersections)
    by_id(study.contrasts, path, "contrast")
    by_id(asked, path, "contrast, interaction or intersection")
    _check_organism(study, path)
    for file in study.files:
        if not file.is_file():
            raise CatalogFault(
                f"the table {file.name} is not in the folder",
                subject=str(path),
                expected=f"a file {file}",
                remedy="Put the table there, or correct its name in study.toml.",
            )
    return study


def _check_organism(study: LocalStudy, path: Path) -> None:
    """Refuse a study of another organism, unless it says through which table its genes are mapped to human ones."""
    if study.organism == HUMAN or not study.study.reads_genes:
        return
    if getattr(study.study, "map_orthologs", False) and study.study.orthologs:
        return
    raise CatalogFault(
        f"the study is of {study.organism[:60]}, and the genes here are human ones",
        subject=str(path),
        place="key study.organism",
        expected=HUMAN,
        remedy="Set map_orthologs = true and orthologs to a table with the columns human_symbol and, for example, "
        "mouse_symbol; the study's contrasts are then kept apart from human evidence.",
    )


def _study_folders(study_dirs: Iterable[Path]) -> list[Path]:
    folders: dict[Path, None] = {}
    for directory in study_dirs:
        if (directory / "study.toml").is_file():
            folders[directory.resolve()] = None
        elif directory.is_dir():
            for child in sorted(directory.iterdir()):
                if (child / "study.toml").is_file():
                    folders[child.resolve()] = None
        else:
            raise CatalogFault(
                "the folder does not exist",
                subject=str(directory),
                expected="a study folder (with study.toml) or a folder of study folders",
                remedy="Correct --studies, or create the folder.",
            )
    return list(folders)


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


def _cross_check(
    registry: Registry, sources_path: Path, studies_path: Path, claims_path: Path, printed_path: Path
) -> None:
    """Refuse names that one entry uses and no other declares."""
    _check_sources(registry, sources_path, studies_path)
    _check_public_studies(registry, studies_path)
    _check_cohorts(registry, studies_path)
    _check_settings(registry, studies_path)
    _check_claims(registry, claims_path, printed_path)


def _require(name: str, known: Iterable[str], path: Path, place: str, what: str) -> None:
    known = list(known)
    if name not in known:
        near = nearest(name, known)
        raise CatalogFault(
            f"{what} {name} is not known",
            subject=str(path),
            place=place,
            remedy=f"Did you mean {near}?" if near else f"Declare it, or use one of: {', '.join(sorted(known))}.",
        )


def _check_sources(registry: Registry, sources_path: Path, studies_path: Path) -> None:
    """Sources that entries of `studies.toml` are read from."""
    used = [
        *((f"cohort {c.id}", c.source) for c in registry.cohorts.values()),
        *((f"cohort {c.id}", c.endpoint_source) for c in registry.cohorts.values() if c.endpoint_source),
        *(
            (f"project {p.id}", source)
            for p in registry.projects.values()
            for source in (p.counts_source, p.clinical_source)
        ),
        *((f"gene_list {g.id}", g.source) for g in registry.gene_lists.values()),
        *((f"collection {c.id}", source) for c in registry.collections.values() for source in c.sources),
        *((f"study {s.id}", source) for s in registry.public_studies.values() for source in s.sources),
        *((f"study {s.id}", s.transcriptome) for s in registry.public_studies.values() if s.transcriptome),
    ]
    for place, source in used:
        _require(source, registry.sources, studies_path, place, "source")


def _check_public_studies(registry: Registry, studies_path: Path) -> None:
    """Groups and papers of public studies; a contrast's id is its own."""
    contrasts: set[str] = set()
    for study in registry.public_studies.values():
        groups = [g.id for g in study.group]
        if study.paper:
            _require(study.paper, registry.papers, studies_path, f"study {study.id}", "paper")
        for contrast in study.contrast:
            _require(contrast.numerator, groups, studies_path, f"contrast {contrast.id}", "group")
            _require(contrast.denominator, groups, studies_path, f"contrast {contrast.id}", "group")
            if contrast.id in contrasts:
                raise CatalogFault(
                    f"the contrast id {contrast.id} occurs twice",
                    subject=str(studies_path),
                    remedy="Rename one of them.",
                )
            contrasts.add(contrast.id)
        for interaction in study.interaction:
            for level in interaction.levels:
                _require(level, groups, studies_path, f"interaction {interaction.id}", "group")


def _check_cohorts(registry: Registry, studies_path: Path) -> None:
    """Endpoints of cohorts, and the cohorts whose patients other entries share."""
    for cohort in registry.cohorts.values():
        by_id(cohort.endpoint, studies_path, f"cohort {cohort.id}, endpoint")
    for entry in (*registry.cohorts.values(), *registry.projects.values()):
        if entry.patients_of is not None:
            owners = [c.id for c in registry.cohorts.values() if c.patients_of is None]
            _require(entry.patients_of, owners, studies_path, f"key patients_of of {entry.id}", "cohort")
    datasets = {**registry.cohorts, **registry.public_studies, **registry.local_studies}
    if twice := sorted(set(registry.projects) & set(datasets)):
        raise CatalogFault(
            f"the id {twice[0]} is that of a project and of another dataset",
            subject=str(studies_path),
            place="key project.id",
            remedy="Rename one of them.",
        )
    for cohort in registry.cohorts.values():
        shared = registry.cohorts.get(cohort.patients_of or "")
        for endpoint in cohort.endpoint:
            if endpoint.same_as is not None:
                known = [other.id for other in shared.endpoint] if shared else []
                place = f"cohort {cohort.id}, endpoint {endpoint.id}, key same_as"
                _require(endpoint.same_as, known, studies_path, place, "endpoint of the shared cohort")


def _check_settings(registry: Registry, studies_path: Path) -> None:
    """Survival models, gene panels and their partners."""
    models = by_id(registry.survival.model, studies_path, "survival.model")
    for model in registry.survival.discrimination_models:
        _require(model, models, studies_path, "key survival.discrimination_models", "survival model")
    for panel, genes in registry.genes.panels.items():
        if repeated := {g for g in genes if genes.count(g) > 1}:
            raise CatalogFault(
                f"{min(repeated)} occurs twice",
                subject=str(studies_path),
                place=f"key genes.panels.{panel}",
                remedy="Name each gene once.",
            )
    for partners in registry.partners:
        _require(partners.panel, registry.genes.panels, studies_path, "key partners.panel", "panel")
        _require(partners.database, registry.sources, studies_path, "key partners.database", "source")


def _check_claims(registry: Registry, claims_path: Path, printed_path: Path) -> None:
    """Papers, and what claims need."""
    for claim in registry.claims.values():
        _require(claim.paper, registry.papers, claims_path, f"claim {claim.id}", "paper")
        # A contrast or study may come with a laboratory's folder; a source is either declared or misspelt.
        for need in claim.needs:
            if need.partition(":")[0] not in ("contrast", "study") or ":" not in need:
                _require(need, registry.sources, claims_path, f"claim {claim.id}, key needs", "source")
    for printed in registry.published_tables.values():
        _require(printed.paper, registry.papers, printed_path, f"table {printed.id}", "paper")
    for multiverse in registry.multiverses.values():
        place = f"multiverse {multiverse.id}"
        _require(multiverse.paper, registry.papers, claims_path, place, "paper")
        by_id(multiverse.axis, claims_path, f"{place}, axis")
