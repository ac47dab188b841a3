"""Raw tables: what the sources hold, in the vendor's names; one share per source, stacked into one table per kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.registry import (
    Cohort,
    CountsStudy,
    LocalStudy,
    MicroarrayStudy,
    Registry,
    ResultContrast,
    ResultStudy,
    Source,
)
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.connectors.biogrid import read_tab3
from resistance_assets.connectors.cancer_gene_lists import read_allonco, read_oncokb
from resistance_assets.connectors.cbioportal.archive import read_study, unpivot_matrix
from resistance_assets.connectors.cbioportal.profiles import list_profiles
from resistance_assets.connectors.clinical_cells import Kind
from resistance_assets.connectors.gmt import read_gmt
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.connectors.lab_study.study import read_counts_study, read_published_study
from resistance_assets.defs.resources import Origins, local_files, study_source
from resistance_assets.defs.shares import patient_source_rejected
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import External, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

REJECTED = TABLES["raw.rejected_rows"]
ROW_TEXT_CHARACTERS = 500

# Readers of this release; a source with another connector is shown as unavailable.
GENE_LIST_READERS: dict[str, Callable[[Path], tuple[pl.DataFrame, pl.DataFrame]]] = {
    "allonco": read_allonco,
    "oncokb": read_oncokb,
}
# Connectors whose collections of gene sets are read here or in `annotation`.
GENE_SET_CONNECTORS = frozenset({"gmt", "go", "panther", "kegg"})
INTERACTION_CONNECTORS = frozenset({"biogrid", "string"})
# Read in `public_studies`, the transcripts that reads are quantified against among them.
STUDY_CONNECTORS = frozenset({"biostudies", "geo", "gencode"})
# Names of the proteins that STRING's links join: no database of their own.
STRING_PROTEINS = "string_human_proteins"
CONNECTORS = frozenset(
    {
        "cbioportal",
        "gdc",
        "xena",
        "hgnc",
        "gencode_annotation",
        *STUDY_CONNECTORS,
        *GENE_SET_CONNECTORS,
        *INTERACTION_CONNECTORS,
        *GENE_LIST_READERS,
    }
)


def rejected_as_table(frames: Iterable[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """Rejected rows of the parsers (source, line, reason, row) as rows of `raw.rejected_rows`.

    Args:
        frames: the table that the rows did not enter, and the rows.
    """
    stacked = pl.concat(
        [
            rejected.select(
                pl.lit(name).alias("table_name"),
                "source",
                pl.col("line").cast(pl.Int64),
                "reason",
                pl.col("row").cast(pl.String).str.slice(0, ROW_TEXT_CHARACTERS).alias("row_text"),
            )
            for name, rejected in frames
        ]
    )
    return stacked.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("table_name", "source").alias("row_number")
    ).select(REJECTED.polars_schema.names())


def fetching(*sources: Source) -> Callable[[Origins], Mapping[str, External]]:
    """Externals of a step that reads these sources."""

    def externals(origins: Origins) -> Mapping[str, External]:
        return {source.id: origins.fetch(source) for source in sources}

    return externals


def gene_sets_address(collection_id: str) -> str:
    return partition_of("gene_sets", collection_id.lower())


def interactions_address(source_id: str) -> str:
    return partition_of("interactions", source_id)


def rejected_address(name: str) -> str:
    return partition_of("rejected", name.lower())


def number_rows(stacked: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Rejected rows of one file that several steps read, numbered through."""
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("table_name", "source")
    return stacked.with_columns(row_number=number)


# ---- patients --------------------------------------------------------------------------------------------------------

CBIOPORTAL_TABLES = {
    "attributes": "raw.cbioportal__attributes",
    "patients": "raw.cbioportal__patient_attributes",
    "samples": "raw.cbioportal__sample_attributes",
    "profiles": "raw.cbioportal__profiles",
    "mrna": "raw.cbioportal__mrna_values",
    "copy_number": "raw.cbioportal__copy_number_values",
}


def long_matrix(wide: pl.DataFrame, study_id: str, stable_id: str, table: Table) -> pl.DataFrame:
    """A matrix as rows of its table, each gene or feature with its row in the vendor's file, from 1."""
    number = next(name for name in ("gene_row", "feature_row") if name in table.polars_schema)
    first, second, *samples = wide.columns
    numbered = wide.with_row_index(number, offset=1).select(first, second, number, *samples)
    long = unpivot_matrix(numbered, leading=3)
    if number == "feature_row" and "feature_id" not in long.columns:
        # Some hosts name the rows of proteins and probes by gene alone.
        long = long.with_columns(feature_id=pl.coalesce("hugo_symbol", pl.col("entrez_gene_id").cast(pl.String)))
    return table.shape(long.with_columns(study_id=pl.lit(study_id), stable_id=pl.lit(stable_id)))


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


def read_cohort(cohort: Cohort, archive: Path) -> dict[str, pl.DataFrame]:
    """A cohort's archive as shares of the raw tables, by the names of `CBIOPORTAL_TABLES` and `rejected`."""
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

    def of_study(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(study_id=pl.lit(study.study_id))

    def values(stable_id: str | None, table: Table) -> pl.DataFrame:
        matrix = study.matrices.get(stable_id or "")
        return table.empty() if matrix is None else long_matrix(matrix, study.study_id, str(stable_id), table)

    kinds = {"mutations": "MUTATION_EXTENDED", "structural_variants": "STRUCTURAL_VARIANT"}
    tables = loaded_into(cohort, expression)
    tables |= {
        name: f"raw.cbioportal__{kind}"
        for kind, alteration in kinds.items()
        for name, entry in held.items()
        if entry.get("genetic_alteration_type") == alteration
    }
    return {
        "attributes": of_study(study.attributes),
        "patients": of_study(study.patient_attributes),
        "samples": of_study(study.sample_attributes),
        "profiles": of_study(study.profiles).with_columns(
            loaded_into=pl.col("stable_id").replace_strict(tables, default=None, return_dtype=pl.String)
        ),
        "mrna": values(expression, TABLES["raw.cbioportal__mrna_values"]),
        "copy_number": values(copy_number, TABLES["raw.cbioportal__copy_number_values"]),
        "rejected": rejected_as_table([("raw.cbioportal", study.rejected)]),
    }


def cohort_asset(cohort: Cohort, source: Source) -> Step:
    """Shares of one cohort's archive."""
    addresses = {name: partition_of(f"cbioportal_{name}", cohort.id) for name in CBIOPORTAL_TABLES}
    addresses["rejected"] = partition_of("rejected", cohort.id)
    tables = {name: TABLES[address] for name, address in CBIOPORTAL_TABLES.items()} | {"rejected": REJECTED}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        shares = read_cohort(cohort, inputs.externals[source.id].path)
        return {addresses[name]: share for name, share in shares.items()}

    return table_step(
        outputs={addresses[name]: tables[name] for name in addresses},
        compute=compute,
        parameters=cohort.model_dump(mode="json"),
        externals=fetching(source),
        sources=[source.id],
        kinds=["python", "cbioportal"],
        tags={"cohort": cohort.id},
    )


def catalog_cohorts(registry: Registry) -> pl.DataFrame:
    """Cohorts and endpoints of the catalog as a table."""
    followed = {local.id: local.survival for local in registry.local_studies.values() if local.survival}

    def own(cohort: Cohort) -> dict[str, Any]:
        if cohort.id not in followed:
            source = registry.sources[cohort.source]
            archive = Path(source.url).name.removesuffix(".tar.gz")
            return {
                "study_id": archive if source.connector == "cbioportal" else cohort.id,
                "origin": source.connector,
                "months_per_unit": cohort.months_per_unit,
            }
        survival = followed[cohort.id]
        column, values = next(iter(survival.subset.items()), (None, ()))
        return {
            "study_id": cohort.id,
            "origin": "study",
            "months_per_unit": survival.months_per_unit,
            "patient_attribute": survival.patient_column,
            "sample_attribute": column,
            "sample_values": "|".join(values) if column else None,
        }

    rows = [
        {
            **own(cohort),
            "cohort_id": cohort.id,
            "title": cohort.title,
            "endpoint": endpoint.id,
            "endpoint_title": endpoint.title,
            "status_attribute": endpoint.status_attribute,
            "months_attribute": endpoint.months_attribute,
            "age_attribute": cohort.age_attribute,
            "sex_attribute": cohort.sex_attribute,
            "stage_attribute": cohort.stage_attribute,
            "purity_attribute": cohort.purity_attribute,
            "expression_profiles": "|".join(cohort.expression_profiles),
            "copy_number_profile": cohort.copy_number_profile,
            "z_score_profiles": "|".join(cohort.z_score_profiles) or None,
            "log2_copy_number_profiles": "|".join(cohort.log2_copy_number_profiles) or None,
            "patients_of": cohort.patient_set,
            "same_endpoint_as": endpoint.same_as or endpoint.id,
            "sample_type_codes": "|".join(cohort.sample_type_codes),
        }
        for cohort in registry.analysed_cohorts()
        for endpoint in cohort.endpoint
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__cohorts"].polars_schema)


def catalog_projects(registry: Registry) -> pl.DataFrame:
    """Projects of the Genomic Data Commons of the catalog as a table."""
    rows = [
        {
            "project_id": project.id,
            "title": project.title,
            "project": project.project,
            "patient_set": project.patient_set,
            "clinical_source": project.clinical_source,
        }
        for project in registry.projects.values()
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__projects"].polars_schema)


def catalog_contrasts(registry: Registry) -> pl.DataFrame:
    """Contrasts of the catalog and of the laboratory studies as a table."""
    titles = {study.id: study.title for study in registry.public_studies.values()}
    titles |= {local.id: local.study.title for local in registry.local_studies.values()}
    organisms = {study.id: study.organism for study in registry.public_studies.values()}
    organisms |= {local.id: local.organism for local in registry.local_studies.values()}
    rows = [
        {
            "contrast_id": contrast.id,
            "study_id": contrast.study_id,
            "study_title": titles[contrast.study_id],
            "numerator": contrast.numerator,
            "denominator": contrast.denominator,
            "drug": contrast.drug,
            "drug_class": contrast.drug_class,
            "methods": "|".join(contrast.methods),
            "organism": organisms[contrast.study_id],
            "q_value_threshold": contrast.thresholds.q_value,
            "abs_log2_fold_change_threshold": contrast.thresholds.abs_log2_fold_change,
        }
        for contrast in registry.contrasts()
    ]
    return pl.DataFrame(rows, schema=TABLES["raw.catalog__contrasts"].polars_schema)


def catalog_asset(address: str, frame: pl.DataFrame, compute_from: Callable[..., Any]) -> Step:
    """A table that the catalog itself is the source of."""
    rows = frame.to_dicts()

    def compute(inputs: Inputs) -> pl.DataFrame:
        return frame

    return table_step(
        outputs={address: TABLES[address]},
        compute=compute,
        code_version=code_version_of(compute_from),
        parameters=rows,
        kinds=["python", "toml"],
    )


# ---- gene lists, gene sets, symbols, interactions --------------------------------------------------------------------


def gene_list_asset(list_id: str, source: Source) -> Step:
    table = TABLES["raw.gene_lists__members"]
    own, rejected = partition_of("gene_list", list_id), partition_of("rejected", list_id)
    reader = GENE_LIST_READERS[source.connector]

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        members, set_aside = reader(inputs.externals[source.id].path)
        if "row_number" not in members.columns:
            members = members.with_row_index("row_number", offset=1)
        blank = [
            name for name in ("previous_symbols", "synonyms", "name", "refseq_name") if name not in members.columns
        ]
        frame = members.with_columns(
            *[pl.lit(None, pl.String).alias(name) for name in blank], list_id=pl.lit(list_id)
        ).rename({"row_number": "source_row", "name": "gene_name"})
        return {own: frame, rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(compute, reader),
        externals=fetching(source),
        sources=[source.id],
        kinds=["python", source.connector],
    )


def gene_sets_asset(collection_id: str, source: Source) -> Step:
    table = TABLES["raw.gene_sets__members"]
    own, rejected = gene_sets_address(collection_id), rejected_address(collection_id)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        sets, set_aside = read_gmt(inputs.externals[source.id].path)
        return {
            own: sets.with_columns(collection=pl.lit(collection_id)),
            rejected: rejected_as_table([(table.address, set_aside)]),
        }

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        externals=fetching(source),
        sources=[source.id],
        kinds=["python", "gmt"],
    )


def hgnc_asset(source: Source) -> Step:
    table = TABLES["raw.hgnc__genes"]
    rejected = "parts.rejected__hgnc"

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        genes, set_aside = read_hgnc(inputs.externals[source.id].path)
        return {table.address: genes, rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={table.address: table, rejected: REJECTED},
        compute=compute,
        externals=fetching(source),
        sources=[source.id],
        kinds=["python", "hgnc"],
    )


def interactions_asset(source: Source) -> Step:
    table = TABLES["raw.interactions__pairs"]
    own, rejected = interactions_address(source.id), rejected_address(source.connector)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        pairs, set_aside = read_tab3(inputs.externals[source.id].path)
        frame = pairs.with_row_index("source_row", offset=1).with_columns(
            pl.lit(source.id).alias("database_id"), pl.lit(None).alias("combined_score")
        )
        return {own: frame, rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        externals=fetching(source),
        sources=[source.id],
        kinds=["python", "biogrid"],
    )


# ---- laboratory studies ----------------------------------------------------------------------------------------------


def samples_as_table(sheet: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """A sample sheet as rows of `raw.studies__samples`; a sample without any cell stands with one of its own."""
    bare = sheet.filter(pl.all_horizontal(pl.exclude("sample_id").is_null())) if sheet.width > 1 else sheet
    return pl.concat(
        [
            sheet.with_columns(pl.exclude("sample_id").cast(pl.String))
            .unpivot(index="sample_id", variable_name="attribute_id", value_name="value")
            .filter(pl.col("value").is_not_null()),
            bare.select("sample_id", pl.lit("sheet_row").alias("attribute_id"), pl.lit("blank").alias("value")),
        ]
    ).with_columns(study_id=pl.lit(study_id))


WARNINGS = TABLES["raw.studies__warnings"]


def warnings_as_table(found: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """Warnings of a study's readers (source, place, warning) as rows of `raw.studies__warnings`."""
    return found.with_row_index("warning_number", offset=1).with_columns(study_id=pl.lit(study_id))


def study_externals(local: LocalStudy) -> Callable[[Origins], Mapping[str, External]]:
    """The files of a laboratory's study, each under its name in the study's folder."""
    return lambda origins: local_files(local.id, {str(path.relative_to(local.folder)): path for path in local.files})


def counts_study_asset(local: LocalStudy) -> Step:
    """Counts and sample sheet of one laboratory study."""
    assert isinstance(local.study, CountsStudy)
    counts_table, samples_table = TABLES["raw.studies__gene_sample_counts"], TABLES["raw.studies__samples"]
    counts_address, samples_address = partition_of("study_counts", local.id), partition_of("study_samples", local.id)
    warnings_address, rejected = partition_of("study_warnings", local.id), partition_of("rejected", f"study_{local.id}")
    study_id = local.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_counts_study(local)
        return {
            counts_address: found.counts.unpivot(
                index="feature_id", variable_name="sample_id", value_name="read_count"
            ).with_columns(study_id=pl.lit(study_id)).sort("feature_id", "sample_id"),
            samples_address: samples_as_table(found.samples, study_id),
            warnings_address: warnings_as_table(found.warnings, study_id),
            rejected: rejected_as_table(
                [(counts_table.address, found.rejected_features), (samples_table.address, found.rejected_cells)]
            ),
        }  # fmt: skip

    return table_step(
        outputs={
            counts_address: counts_table,
            samples_address: samples_table,
            warnings_address: WARNINGS,
            rejected: REJECTED,
        },
        compute=compute,
        parameters={
            "study": local.study.model_dump(mode="json"),
            "survival": local.survival.model_dump() if local.survival else None,
            "contrasts": [
                c.model_dump(mode="json", include={"factor", "numerator", "denominator", "fit_all_levels"})
                for c in local.contrasts
            ],
        },
        externals=study_externals(local),
        sources=[study_source(local.id)],
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def published_study_asset(local: LocalStudy) -> Step:
    """Published differential-expression tables of one laboratory study."""
    table = TABLES["raw.studies__published_results"]
    address, rejected = partition_of("study_published", local.id), partition_of("rejected", f"study_{local.id}")
    contrasts = [contrast for contrast in local.contrasts if isinstance(contrast, ResultContrast)]
    study_id = local.id

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        results, set_aside = read_published_study(local)
        return {
            address: results.rename({"feature": "feature_id"}).with_columns(study_id=pl.lit(study_id)),
            rejected: rejected_as_table([(table.address, set_aside)]),
        }

    return table_step(
        outputs={address: table, rejected: REJECTED},
        compute=compute,
        parameters=[
            {"id": c.id, "table": c.table, "columns": c.columns.model_dump(), "scale": c.fold_change_scale}
            for c in contrasts
        ],
        externals=study_externals(local),
        sources=[study_source(local.id)],
        kinds=["python", "study"],
        tags={"study": local.id},
    )


def raw_assets(registry: Registry) -> list[Step]:
    """Every raw asset that the catalog and the laboratory studies call for."""
    assets: list[Step] = []
    rejected: list[str] = []
    cohorts = [c for c in registry.cohorts.values() if registry.sources[c.source].connector == "cbioportal"]
    for cohort in cohorts:
        assets.append(cohort_asset(cohort, registry.sources[cohort.source]))
        rejected.append(partition_of("rejected", cohort.id))
    rejected += patient_source_rejected(registry)
    for name, address in CBIOPORTAL_TABLES.items():
        assets.append(union_of(address, [partition_of(f"cbioportal_{name}", cohort.id) for cohort in cohorts]))

    lists = [g for g in registry.gene_lists.values() if registry.sources[g.source].connector in GENE_LIST_READERS]
    for gene_list in lists:
        assets.append(gene_list_asset(gene_list.id, registry.sources[gene_list.source]))
        rejected.append(partition_of("rejected", gene_list.id))
    assets.append(union_of("raw.gene_lists__members", [partition_of("gene_list", g.id) for g in lists]))

    connectors = {c.id: registry.sources[c.source].connector for c in registry.collections.values()}
    collections = [c for c in registry.collections.values() if connectors[c.id] in GENE_SET_CONNECTORS]
    assets += [gene_sets_asset(c.id, registry.sources[c.source]) for c in collections if connectors[c.id] == "gmt"]
    # The branches of an ontology share one file, and so what is set aside of it.
    rejected += dict.fromkeys(rejected_address("go" if connectors[c.id] == "go" else c.id) for c in collections)
    assets.append(union_of("raw.gene_sets__members", [gene_sets_address(c.id) for c in collections]))

    for source in registry.sources.values():
        if source.connector == "hgnc":
            assets.append(hgnc_asset(source))
            rejected.append("parts.rejected__hgnc")
        elif source.connector == "biogrid":
            assets.append(interactions_asset(source))
    databases = [s for s in registry.sources.values() if s.connector in INTERACTION_CONNECTORS]
    rejected += dict.fromkeys(rejected_address(s.connector) for s in databases)
    rejected.append(rejected_address("gencode"))
    listed = [s.id for s in databases if s.id != STRING_PROTEINS]
    assets.append(union_of("raw.interactions__pairs", [interactions_address(name) for name in listed]))

    counted = [s for s in registry.local_studies.values() if isinstance(s.study, CountsStudy)]
    arrays = [s for s in registry.local_studies.values() if isinstance(s.study, MicroarrayStudy)]
    published = [s for s in registry.local_studies.values() if isinstance(s.study, ResultStudy)]
    assets += [counts_study_asset(study) for study in counted]
    assets += [published_study_asset(study) for study in published]
    rejected += [partition_of("rejected", f"deg_{c.id}") for study in published for c in study.contrasts]
    rejected += [
        partition_of(f"study_{kind}", s.id) for s in arrays for kind in ("rejected_probe_genes", "rejected_probes")
    ]
    public = list(registry.public_studies.values())
    rejected += [partition_of("rejected", f"study_{s.id}") for s in (*counted, *published, *public)]
    rejected += [partition_of("study_rejected_probes", s.id) for s in public if s.kind == "geo_series"]
    counts_of = [s.id for s in (*counted, *public)]
    sheets_of = [s.id for s in (*counted, *arrays, *public)]
    assets.append(
        union_of("raw.studies__gene_sample_counts", [partition_of("study_counts", name) for name in counts_of])
    )
    warned = [partition_of("study_warnings", s.id) for s in (*counted, *arrays)]
    assets.append(union_of(WARNINGS.address, warned))
    assets.append(union_of("raw.studies__samples", [partition_of("study_samples", name) for name in sheets_of]))
    assets.append(
        union_of("raw.studies__published_results", [partition_of("study_published", s.id) for s in published])
    )

    assets.append(catalog_asset("raw.catalog__cohorts", catalog_cohorts(registry), catalog_cohorts))
    assets.append(catalog_asset("raw.catalog__projects", catalog_projects(registry), catalog_projects))
    assets.append(catalog_asset("raw.catalog__contrasts", catalog_contrasts(registry), catalog_contrasts))
    assets.append(union_of(REJECTED.address, rejected, number_rows))
    return assets


def steps(registry: Registry) -> list[Step]:
    return raw_assets(registry)
