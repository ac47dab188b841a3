"""Cross-checks of the catalog: names that one entry uses and another declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resistance_assets.catalog.models.study_kind import STUDY_KINDS
from resistance_assets.catalog.own_catalog import EntryFiles
from resistance_assets.catalog.toml_files import by_id, require_known
from resistance_assets.errors import CatalogFault

if TYPE_CHECKING:
    from resistance_assets.catalog.registry import Registry


def cross_check(registry: Registry, files: EntryFiles) -> None:
    """Refuse names that one entry uses and no other declares; a fault names the file of the entry that uses it."""
    _check_sources(registry, files)
    _check_public_studies(registry, files)
    _check_cohorts(registry, files)
    _check_settings(registry, files)
    _check_claims(registry, files)


def _check_sources(registry: Registry, files: EntryFiles) -> None:
    """Sources that entries of `studies.toml` are read from."""
    used = [
        *(("cohort", c.id, c.source) for c in registry.cohorts.values()),
        *(("cohort", c.id, c.endpoint_source) for c in registry.cohorts.values() if c.endpoint_source),
        *(
            ("project", p.id, source)
            for p in registry.projects.values()
            for source in (p.counts_source, p.clinical_source)
        ),
        *(("gene_list", g.id, g.source) for g in registry.gene_lists.values()),
        *(("collection", c.id, source) for c in registry.collections.values() for source in c.sources),
        *(("study", s.id, source) for s in registry.public_studies.values() for source in s.sources),
        *(("study", s.id, s.transcriptome) for s in registry.public_studies.values() if s.transcriptome),
    ]
    for key, name, source in used:
        require_known(source, registry.sources, files.of(key, name), f"{key} {name}", "source")


def _check_public_studies(registry: Registry, files: EntryFiles) -> None:
    """Groups and papers of public studies; a contrast's id is its own."""
    contrasts: set[str] = set()
    for study in registry.public_studies.values():
        path, groups = files.of("study", study.id), [g.id for g in study.group]
        if study.paper:
            require_known(study.paper, registry.papers, path, f"study {study.id}", "paper")
        for contrast in study.contrast:
            require_known(contrast.numerator, groups, path, f"contrast {contrast.id}", "group")
            require_known(contrast.denominator, groups, path, f"contrast {contrast.id}", "group")
            if contrast.id in contrasts:
                raise CatalogFault(
                    f"the contrast id {contrast.id} occurs twice",
                    subject=str(path),
                    remedy="Rename one of them.",
                )
            contrasts.add(contrast.id)
        for interaction in study.interaction:
            for level in interaction.levels:
                require_known(level, groups, path, f"interaction {interaction.id}", "group")


def _check_cohorts(registry: Registry, files: EntryFiles) -> None:
    """Endpoints of cohorts, and the cohorts whose patients other entries share."""
    for cohort in registry.cohorts.values():
        path = files.of("cohort", cohort.id)
        by_id(cohort.endpoint, path, f"cohort {cohort.id}, endpoint")
        by_id(cohort.stratum, path, f"cohort {cohort.id}, stratum")
    cohorts = (("cohort", one) for one in registry.cohorts.values())
    for key, entry in (*cohorts, *(("project", one) for one in registry.projects.values())):
        if entry.patients_of is not None:
            owners = [c.id for c in registry.cohorts.values() if c.patients_of is None]
            require_known(
                entry.patients_of, owners, files.of(key, entry.id), f"key patients_of of {entry.id}", "cohort"
            )
    datasets = {**registry.cohorts, **registry.public_studies, **registry.local_studies}
    if twice := sorted(set(registry.projects) & set(datasets)):
        raise CatalogFault(
            f"the id {twice[0]} is that of a project and of another dataset",
            subject=str(files.of("project", twice[0])),
            place="key project.id",
            remedy="Rename one of them.",
        )
    for cohort in registry.cohorts.values():
        shared = registry.cohorts.get(cohort.patients_of or "")
        for endpoint in cohort.endpoint:
            if endpoint.same_as is not None:
                known = [other.id for other in shared.endpoint] if shared else []
                place = f"cohort {cohort.id}, endpoint {endpoint.id}, key same_as"
                require_known(
                    endpoint.same_as, known, files.of("cohort", cohort.id), place, "endpoint of the shared cohort"
                )


def _check_settings(registry: Registry, files: EntryFiles) -> None:
    """Survival models, drivers, gene panels and their partners."""
    by_id(registry.alterations.driver, files.of("alterations"), "alterations.driver")
    models = by_id(registry.survival.model, files.of("survival"), "survival.model")
    for model in registry.survival.discrimination_models:
        require_known(model, models, files.of("survival"), "key survival.discrimination_models", "survival model")
    for panel, genes in registry.genes.panels.items():
        if repeated := {g for g in genes if genes.count(g) > 1}:
            raise CatalogFault(
                f"{min(repeated)} occurs twice",
                subject=str(files.of("genes")),
                place=f"key genes.panels.{panel}",
                remedy="Name each gene once.",
            )
    for partners in registry.partners:
        require_known(partners.panel, registry.genes.panels, files.of("partners"), "key partners.panel", "panel")
        require_known(partners.database, registry.sources, files.of("partners"), "key partners.database", "source")


def _check_claims(registry: Registry, files: EntryFiles) -> None:
    """Papers, and what claims need."""
    for claim in registry.claims.values():
        path = files.of("claim", claim.id)
        require_known(claim.paper, registry.papers, path, f"claim {claim.id}", "paper")
        # A contrast or study may come with a laboratory's folder; a source is either declared or misspelt.
        for need in claim.needs:
            kind, separator, name = need.partition(":")
            if separator and kind in STUDY_KINDS:
                require_known(name, registry.papers, path, f"claim {claim.id}, key needs", "paper")
            elif kind not in ("contrast", "study") or not separator:
                require_known(need, registry.sources, path, f"claim {claim.id}, key needs", "source")
    for printed in registry.published_tables.values():
        require_known(printed.paper, registry.papers, files.of("table", printed.id), f"table {printed.id}", "paper")
    for multiverse in registry.multiverses.values():
        path, place = files.of("multiverse", multiverse.id), f"multiverse {multiverse.id}"
        require_known(multiverse.paper, registry.papers, path, place, "paper")
        by_id(multiverse.axis, path, f"{place}, axis")
