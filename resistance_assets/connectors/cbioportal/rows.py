"""An archive of cBioPortal as rows of `raw.cbioportal__*`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.connectors.cbioportal.alterations import CbioportalAlterations
from resistance_assets.connectors.cbioportal.archive import is_matrix, read_study, unpivot_matrix
from resistance_assets.connectors.cbioportal.profiles import list_profiles, read_profile
from resistance_assets.connectors.clinical_cells import Kind
from resistance_assets.connectors.formats.matrix_cells import NO_SHARE, blank_odd_cells, is_share
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.errors import SourceUnavailable

CBIOPORTAL_TABLES = {
    "attributes": "raw.cbioportal__attributes",
    "patients": "raw.cbioportal__patient_attributes",
    "samples": "raw.cbioportal__sample_attributes",
    "profiles": "raw.cbioportal__profiles",
    "mrna": "raw.cbioportal__mrna_values",
    "copy_number": "raw.cbioportal__copy_number_values",
    "profiled": "raw.cbioportal__profiled_samples",
    "panels": "raw.cbioportal__gene_panels",
}


ROWS_AT_A_TIME = 500_000

Parts = Iterator[pl.DataFrame]
"""Rows of a table in parts, at least one: the rows of a matrix take ten times the memory that the matrix takes."""


def matrix_rows(wide: pl.DataFrame, study_id: str, stable_id: str, table: Table) -> Parts:
    """A matrix as rows of its table, in parts; each gene or feature has its row in the vendor's file, from 1."""
    number = next(name for name in ("gene_row", "feature_row") if name in table.polars_schema)
    first, second, *samples = wide.columns
    keys = [first, second, number]
    numbered = wide.with_row_index(number, offset=1).select(*keys, *samples)
    del wide
    ordered = numbered.sort(keys, nulls_last=True)
    del numbered
    height = max(1, ROWS_AT_A_TIME // max(1, len(samples)))
    for at in range(0, max(1, ordered.height), height):
        long = unpivot_matrix(ordered.slice(at, height), leading=3)
        if number == "feature_row" and "feature_id" not in long.columns:
            # Some hosts name the rows of proteins and probes by gene alone.
            long = long.with_columns(feature_id=pl.coalesce("hugo_symbol", pl.col("entrez_gene_id").cast(pl.String)))
        yield table.shape(long.with_columns(study_id=pl.lit(study_id), stable_id=pl.lit(stable_id)))


def loaded_into(cohort: Cohort, expression: str | None) -> dict[str, str]:
    """Profile -> the table that its values are loaded into, of those that the catalog asks for."""
    asked = {
        "raw.cbioportal__mrna_z_scores": cohort.z_score_profiles,
        "raw.cbioportal__log2_copy_number_values": cohort.log2_copy_number_profiles,
        "raw.cbioportal__protein_values": cohort.protein_profiles,
        "raw.cbioportal__methylation_values": cohort.methylation_profiles,
        "raw.cbioportal__copy_number_values": (cohort.copy_number_profile,),
        "raw.cbioportal__mrna_values": (expression,),
    }
    return {profile: table for table, profiles in asked.items() for profile in profiles if profile}


def read_cohort(cohort: Cohort, archive: Path) -> dict[str, pl.DataFrame | Parts]:
    """A cohort's archive as partitions of the raw tables, by the names of `CBIOPORTAL_TABLES` and `rejected`.

    The two matrices come in parts.
    """
    status = [endpoint.status_attribute for endpoint in cohort.endpoint]
    months = [endpoint.months_attribute for endpoint in cohort.endpoint]
    held = list_profiles(archive)
    # Only the profiles in use are read here: an archive may hold ten matrices of 100 MB.
    expression = next((name for name in cohort.expression_profiles if name in held), None)
    copy_number = next((name for name in [cohort.copy_number_profile] if name in held), None)
    kinds: dict[str | None, Kind] = {
        **dict.fromkeys(months, "time"),
        cohort.age_attribute: "age",
        cohort.sex_attribute: "sex",
        cohort.stage_attribute: "stage",
        cohort.purity_attribute: "purity",
    }
    study = read_study(
        archive,
        required_patient_columns=[*status, *months],
        event_columns=status,
        clinical_kinds={name: kind for name, kind in kinds.items() if name},
        stable_ids=[name for name in (expression, copy_number) if name],
    )

    def tag_study(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(study_id=pl.lit(study.study_id))

    def values(stable_id: str | None, table: Table) -> Parts:
        # Each matrix is let go once its rows are made.
        matrix = study.matrices.pop(stable_id or "", None)
        if matrix is None:
            return iter([table.empty()])
        return matrix_rows(matrix, study.study_id, str(stable_id), table)

    kinds = {"mutations": "MUTATION_EXTENDED", "structural_variants": "STRUCTURAL_VARIANT"}  # pyright: ignore
    tables = loaded_into(cohort, expression)
    tables |= {
        name: f"raw.cbioportal__{kind}"
        for kind, alteration in kinds.items()
        for name, entry in held.items()
        if entry.get("genetic_alteration_type") == alteration
    }
    return {
        "attributes": tag_study(study.attributes),
        "patients": tag_study(study.patient_attributes),
        "samples": tag_study(study.sample_attributes),
        "profiles": tag_study(study.profiles).with_columns(
            loaded_into=pl.col("stable_id").replace_strict(tables, default=None, return_dtype=pl.String)
        ),
        "mrna": values(expression, TABLES["raw.cbioportal__mrna_values"]),
        "copy_number": values(copy_number, TABLES["raw.cbioportal__copy_number_values"]),
        "profiled": tag_study(study.profiled.samples),
        "panels": tag_study(study.profiled.panels),
        "rejected": rejected_as_table([("raw.cbioportal", study.rejected)]),
    }


def chosen_profiles(cohort: Cohort, kind: str) -> tuple[str, ...]:
    """Profiles of a kind that the catalog asks for."""
    return {
        "z_scores": cohort.z_score_profiles,
        "log2_copy_number": cohort.log2_copy_number_profiles,
        "protein": cohort.protein_profiles,
        "methylation": cohort.methylation_profiles,
    }[kind]


METHYLATION = "raw.cbioportal__methylation_values"


def read_matrices(
    archive: Path, stable_ids: tuple[str, ...], in_use: tuple[str, ...], table: Table
) -> tuple[Parts, pl.DataFrame]:
    """Matrices of an archive as rows of their table, in parts, and the rejected rows.

    Args:
        stable_ids: wanted; those that the archive lacks are left out.
        in_use: in the order of preference, profiles of which the first that the archive holds is loaded elsewhere.

    Raises:
        SourceUnavailable: the archive holds none of them.
    """
    held = list_profiles(archive)
    asked = [name for name in stable_ids if name in held]
    if not asked:
        others = ", ".join(name for name, entry in held.items() if is_matrix(entry))
        raise SourceUnavailable(
            f"{archive.name} holds no {' and no '.join(stable_ids) or 'profile that is asked for'}",
            subject=table.address,
            expected="a profile that studies.toml names for the cohort",
            remedy=f"It holds {others or 'no matrix'}: name the one that is meant in studies.toml, if any is.",
        )
    elsewhere = next((name for name in in_use if name in held), None)
    wanted = [name for name in asked if name != elsewhere]
    if not wanted:
        return iter([table.empty()]), REJECTED.empty()
    parts, rejected = [], []
    for stable_id in wanted:
        matrix = read_profile(archive, stable_id)
        wide, set_aside = matrix.wide, matrix.rejected
        if table.address == METHYLATION:
            wide, set_aside = blank_odd_cells(
                wide, set_aside, source=matrix.source, fits=is_share, reason=NO_SHARE, lines=matrix.lines
            )
        parts.append(matrix_rows(wide, matrix.study_id, stable_id, table))
        rejected.append((table.address, set_aside))
    return chain.from_iterable(parts), rejected_as_table(rejected)


ALTERATION_TYPES = {
    "mutations": "MUTATION_EXTENDED",
    "structural_variants": "STRUCTURAL_VARIANT",
    "timeline": "TIMELINE",
}


def alterations_as_table(found: CbioportalAlterations, kind: str) -> pl.DataFrame:
    """Mutations, structural variants or the timeline as rows of their table."""
    if kind == "mutations":
        frame = found.mutations.with_row_index("mutation_number", offset=1)
    elif kind == "structural_variants":
        frame = found.structural_variants.with_row_index("variant_number", offset=1)
    else:
        frame = found.timeline.with_columns(
            value=pl.when(pl.col("attribute_id").is_null()).then("event_type").otherwise("value"),
            attribute_id=pl.col("attribute_id").fill_null("EVENT_TYPE"),
        )
    return frame.with_columns(study_id=pl.lit(found.study_id))
