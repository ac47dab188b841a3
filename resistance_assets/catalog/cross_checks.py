"""Cross-checks of the catalog: names that one entry uses and another declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.catalog.models.study_kind import STUDY_KINDS
from resistance_assets.catalog.toml_files import by_id, require_known
from resistance_assets.errors import CatalogFault

if TYPE_CHECKING:
    from resistance_assets.catalog.registry import Registry


def cross_check(
    registry: Registry, sources_path: Path, studies_path: Path, claims_path: Path, printed_path: Path
) -> None:
    """Refuse names that one entry uses and no other declares."""
    _check_sources(registry, sources_path, studies_path)
    _check_public_studies(registry, studies_path)
    _check_cohorts(registry, studies_path)
    _check_settings(registry, studies_path)
    _check_claims(registry, claims_path, printed_path)


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
        require_known(source, registry.sources, studies_path, place, "source")


def _check_public_studies(registry: Registry, studies_path: Path) -> None:
    """Groups and papers of public studies; a contrast's id is its own."""
    contrasts: set[str] = set()
    for study in registry.public_studies.values():
        groups = [g.id for g in study.group]
        if study.paper:
            require_known(study.paper, registry.papers, studies_path, f"study {study.id}", "paper")
        for contrast in study.contrast:
            require_known(contrast.numerator, groups, studies_path, f"contrast {contrast.id}", "group")
            require_known(contrast.denominator, groups, studies_path, f"contrast {contrast.id}", "group")
            if contrast.id in contrasts:
                raise CatalogFault(
                    f"the contrast id {contrast.id} occurs twice",
                    subject=str(studies_path),
                    remedy="Rename one of them.",
                )
            contrasts.add(contrast.id)
        for interaction in study.interaction:
            for level in interaction.levels:
                require_known(level, groups, studies_path, f"interaction {interaction.id}", "group")


def _check_cohorts(registry: Registry, studies_path: Path) -> None:
    """Endpoints of cohorts, and the cohorts whose patients other entries share."""
    for cohort in registry.cohorts.values():
        by_id(cohort.endpoint, studies_path, f"cohort {cohort.id}, endpoint")
        by_id(cohort.stratum, studies_path, f"cohort {cohort.id}, stratum")
    for entry in (*registry.cohorts.values(), *registry.projects.values()):
        if entry.patients_of is not None:
            owners = [c.id for c in registry.cohorts.values() if c.patients_of is None]
            require_known(entry.patients_of, owners, studies_path, f"key patients_of of {entry.id}", "cohort")
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
                require_known(endpoint.same_as, known, studies_path, place, "endpoint of the shared cohort")


def _check_settings(registry: Registry, studies_path: Path) -> None:
    """Survival models, drivers, gene panels and their partners."""
    by_id(registry.alterations.driver, studies_path, "alterations.driver")
    models = by_id(registry.survival.model, studies_path, "survival.model")
    for model in registry.survival.discrimination_models:
        require_known(model, models, studies_path, "key survival.discrimination_models", "survival model")
    for panel, genes in registry.genes.panels.items():
        if repeated := {g for g in genes if genes.count(g) > 1}:
            raise CatalogFault(
                f"{min(repeated)} occurs twice",
                subject=str(studies_path),
                place=f"key genes.panels.{panel}",
                remedy="Name each gene once.",
            )
    for partners in registry.partners:
        require_known(partners.panel, registry.genes.panels, studies_path, "key partners.panel", "panel")
        require_known(partners.database, registry.sources, studies_path, "key partners.database", "source")


def _check_claims(registry: Registry, claims_path: Path, printed_path: Path) -> None:
    """Papers, and what claims need."""
    for claim in registry.claims.values():
        require_known(claim.paper, registry.papers, claims_path, f"claim {claim.id}", "paper")
        # A contrast or study may come with a laboratory's folder; a source is either declared or misspelt.
        for need in claim.needs:
            kind, separator, name = need.partition(":")
            if separator and kind in STUDY_KINDS:
                require_known(name, registry.papers, claims_path, f"claim {claim.id}, key needs", "paper")
            elif kind not in ("contrast", "study") or not separator:
                require_known(need, registry.sources, claims_path, f"claim {claim.id}, key needs", "source")
    for printed in registry.published_tables.values():
        require_known(printed.paper, registry.papers, printed_path, f"table {printed.id}", "paper")
    for multiverse in registry.multiverses.values():
        place = f"multiverse {multiverse.id}"
        require_known(multiverse.paper, registry.papers, claims_path, place, "paper")
        by_id(multiverse.axis, claims_path, f"{place}, axis")
