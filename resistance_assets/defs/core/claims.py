"""Claims report: printed tables held against themselves, every claim recomputed and judged, and since when."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.claim import Claim
from resistance_assets.catalog.models.study_kind import STUDY_KINDS
from resistance_assets.catalog.own_catalog import EntryFiles
from resistance_assets.catalog.registry import CATALOG_DIR, Registry
from resistance_assets.catalog.tables import TABLES, published_tables
from resistance_assets.defs.resources import Origins
from resistance_assets.defs.source_states import state_of_sources
from resistance_assets.errors import CatalogFault
from resistance_assets.orchestration.code_version import code_version_of, parameters_version
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.sql_models import SqlQuery, run_queries
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step
from resistance_assets.orchestration.table_steps import sql_queries, table_step
from resistance_assets.science.claims.claims import EVIDENCE, audit_printed_table, build_claims_report, first_releases
from resistance_assets.settings import load_settings
from resistance_assets.warehouse.releases import read_manifests

AUDIT = TABLES["core.claims__table2_audit"]
VERDICTS = TABLES["core.claims__verdicts"]
HISTORY = TABLES["core.claims__history"]
LEDGER = TABLES["marts.published_claims"]
HYPOTHESES = "core.hypotheses_tested"


# What rests on the verdicts; a claim that read it would judge itself.
BEYOND = (VERDICTS.address, HISTORY.address, LEDGER.address)


def audit_step(registry: Registry) -> Step:
    printed = tuple(registry.published_tables.values())

    def compute(inputs: Inputs) -> pl.DataFrame:
        return pl.concat([AUDIT.empty(), *(AUDIT.shape(audit_printed_table(table)) for table in printed)])

    return table_step(
        outputs={AUDIT.address: AUDIT},
        compute=compute,
        parameters=[table.model_dump(mode="json") for table in printed],
    )


def needed_sources(claim: Claim, registry: Registry) -> dict[str, list[str]]:
    """Need -> the sources, as `meta.sources` names them, of which all must be loaded; a folder's files end in `/*`."""
    studies = {contrast.id: contrast.study_id for contrast in registry.contrasts()}
    found: dict[str, list[str]] = {}
    for need in claim.needs:
        kind, _, name = need.partition(":")
        study = studies.get(name) if kind == "contrast" else name if kind == "study" else None
        if kind in STUDY_KINDS:
            # The first by its id, which is the one that the queries of the claims read.
            own = sorted(s.id for s in registry.local_studies.values() if s.kind.name == kind and s.study.paper == name)
            found[need] = [f"{own[0]}/*"] if own else [need]
        elif kind not in ("contrast", "study"):
            found[need] = [need]
        elif study in registry.public_studies:
            found[need] = list(registry.public_studies[study].sources)
        else:
            found[need] = [f"{study or name}/*"]
    return found


def loaded_checksums(states: pl.DataFrame, needs: Mapping[str, Iterable[str]]) -> tuple[dict[str, str], list[str]]:
    """Sources that a claim's value rests on with their checksums, and the needs that are not met.

    Args:
        states: `source_id`, `state`, `sha256` of every source and local file.
        needs: as `needed_sources` gives them.
    """
    loaded = dict(states.filter(pl.col("state") == "loaded").select("source_id", "sha256").iter_rows())
    found: dict[str, str] = {}
    lacking = []
    for need, names in needs.items():
        for name in names:
            matching = (
                {s: c for s, c in loaded.items() if s.startswith(name[:-1])}
                if name.endswith("/*")
                else {name: loaded[name]}
                if name in loaded
                else {}
            )
            found |= {source: str(checksum) for source, checksum in matching.items()}
            if not matching and need not in lacking:
                lacking.append(need)
    return found, lacking


def sources_as_external_inputs(registry: Registry, claims: Iterable[Claim], lake: Lake) -> dict[str, ExternalInput]:
    """One external per claim: what it needs, loaded or not, as the lake knows it now."""
    states = state_of_sources(registry, lake)
    external_inputs = {}
    for claim in claims:
        found, lacking = loaded_checksums(states, needed_sources(claim, registry))
        facts = {"loaded": found, "lacking": lacking}
        external_inputs[claim.id] = ExternalInput(
            checksum=parameters_version(facts), path=Path(), facts=facts, is_own_state=True
        )
    return external_inputs


def load_claims(claims: Iterable[Claim], files: EntryFiles | None = None) -> dict[str, SqlQuery]:
    """The queries of the claims, checked.

    Args:
        claims: of the catalog in use.
        files: from which file each entry of it is; the built-in one where None.

    Raises:
        CatalogFault: naming the file and the claim.
    """
    built_in = Path(CATALOG_DIR.name) / "claims.toml"

    def place(claim_id: str) -> str:
        path = files.of("claim", claim_id) if files is not None else built_in
        return str(built_in if path == CATALOG_DIR / "claims.toml" else path)

    loaded = _checked(tuple((place(claim.id), claim.id, claim.sql) for claim in claims if claim.sql is not None))
    return {name.rsplit(" ", 1)[1]: query for name, query in loaded.items()}


@functools.lru_cache(maxsize=4)
def _checked(texts: tuple[tuple[str, str, str], ...]) -> Mapping[str, SqlQuery]:
    readable = {table.address: table for table in published_tables() if table.address not in BEYOND}
    named = {f"{path}, claim {claim_id}": sql for path, claim_id, sql in texts}
    return sql_queries(named, readable, columns=EVIDENCE, required="value")


def judge_claims(
    claims: Iterable[Claim],
    evidence: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, tuple[Mapping[str, str], list[str]]],
    families: pl.DataFrame,
    *,
    is_synthetic: bool = False,
) -> pl.DataFrame:
    """Rows of `core.claims__verdicts`.

    Raises:
        CatalogFault: a claim declares a family that nothing was tested in, although its data are loaded.
    """
    claims = list(claims)
    try:
        report = build_claims_report(
            claims,
            evidence,
            {name: lacking for name, (_, lacking) in found.items()},
            families,
            is_synthetic=is_synthetic,
        )
    except KeyError as error:
        raise CatalogFault(
            f"its family is not among the hypotheses tested: {error.args[0]}",
            subject="claims.toml",
            place="key claim.family",
            remedy=f"Name one of {HYPOTHESES}.",
        ) from None
    sources = pl.DataFrame(
        [
            {
                "claim_id": claim.id,
                "sources": "|".join(sorted(found[claim.id][0])) or None,
                "source_checksums": "|".join(f"{s}={c}" for s, c in sorted(found[claim.id][0].items())) or None,
            }
            for claim in claims
        ],
        schema={"claim_id": pl.String, "sources": pl.String, "source_checksums": pl.String},
    )
    return VERDICTS.shape(report.join(sources, on="claim_id", how="left"))


def verdicts_step(registry: Registry, queries: Mapping[str, SqlQuery]) -> Step:
    claims = tuple(registry.claims.values())
    refs = tuple(dict.fromkeys(ref for query in queries.values() for ref in query.refs))
    is_synthetic = load_settings().is_synthetic

    def compute(inputs: Inputs) -> pl.DataFrame:
        answers = run_queries(queries.values(), {ref: inputs.files(ref) for ref in refs})
        evidence = {claim_id: answers[query.name] for claim_id, query in queries.items()}
        found = {name: (one.facts["loaded"], one.facts["lacking"]) for name, one in inputs.external_inputs.items()}
        return judge_claims(claims, evidence, found, inputs.read(HYPOTHESES), is_synthetic=is_synthetic)

    return table_step(
        outputs={VERDICTS.address: VERDICTS},
        compute=compute,
        code_version=code_version_of(compute, also=[query.code_version for query in queries.values()]),
        inputs=tuple(dict.fromkeys((*refs, HYPOTHESES))),
        allow_unavailable_inputs=True,
        parameters={
            "claims": [claim.model_dump(mode="json", exclude={"sql"}) for claim in claims],
            "is_synthetic": is_synthetic,
        },
        external_inputs=lambda origins: sources_as_external_inputs(registry, claims, origins.lake()),
        kinds=["python", "duckdb"],
    )


def past_verdicts(lake: Lake, data_dir: Path) -> list[tuple[int, dict[str, str]]]:
    """Claim -> verdict of every release that has a claims report and still has its Parquet file, oldest first."""
    found: list[tuple[int, dict[str, str]]] = []
    known: dict[str, dict[str, str]] = {}
    for manifest in read_manifests(data_dir).values():
        version = manifest.get("tables", {}).get(VERDICTS.address, {}).get("data_version")
        if version is None:
            continue
        if version not in known:
            if lake.find_damage(VERDICTS.address, version):
                continue
            verdicts = lake.read_version(VERDICTS.address, version).select("claim_id", "verdict")
            known[version] = dict(verdicts.iter_rows())
        found.append((int(manifest["release"]), known[version]))
    return sorted(found, key=lambda release: release[0])


def known_since(lake: Lake, data_dir: Path) -> dict[str, tuple[str, int]]:
    """Claim -> its verdict, and since which release it stood, in the oldest release whose history is still there.

    Releases before it may have been pruned; what was derived from them is in its history.
    """
    for _, manifest in sorted(read_manifests(data_dir).items()):
        tables = manifest.get("tables", {})
        version = tables.get(HISTORY.address, {}).get("data_version")
        if VERDICTS.address not in tables:
            continue
        if version is None or lake.find_damage(HISTORY.address, version):
            return {}
        history = lake.read_version(HISTORY.address, version)
        rows = history.select("claim_id", "verdict", "first_release_with_verdict")
        return {claim: (verdict, since) for claim, verdict, since in rows.iter_rows()}
    return {}


def next_release(data_dir: Path) -> int:
    """Number of the release that the next change of data makes."""
    return max(read_manifests(data_dir), default=0) + 1


def history_step() -> Step:
    def releases(origins: Origins) -> dict[str, ExternalInput]:
        lake, data_dir = origins.lake(), origins.lake().root.parent
        now = dict(lake.read(VERDICTS.address).select("claim_id", "verdict").iter_rows())
        before = known_since(lake, data_dir)
        began = first_releases(now, past_verdicts(lake, data_dir), next_release(data_dir), before)
        # What counts is what comes out: a release that leaves every verdict as it was changes nothing here.
        version = parameters_version(began)
        return {"releases": ExternalInput(checksum=version, path=Path(), facts={"began": began}, is_own_state=True)}

    def compute(inputs: Inputs) -> pl.DataFrame:
        began = inputs.external_inputs["releases"].facts["began"]
        frame = inputs.read(VERDICTS.address).select("claim_id", "verdict")
        return frame.with_columns(
            first_release_with_verdict=pl.col("claim_id").replace_strict(began, return_dtype=pl.Int64)
        )

    return table_step(
        outputs={HISTORY.address: HISTORY},
        compute=compute,
        code_version=code_version_of(compute, first_releases, past_verdicts, next_release, known_since),
        inputs=(VERDICTS.address,),
        external_inputs=releases,
    )


def steps(registry: Registry) -> list[Step]:
    """The audit of printed tables, the verdicts, and since when they stand."""
    queries = load_claims(registry.claims.values(), registry.files)
    return [audit_step(registry), verdicts_step(registry, queries), history_step()]
