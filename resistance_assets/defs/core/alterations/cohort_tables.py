"""Tables of `core.alterations__*` of one cohort, from its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.catalog.models.analysis_settings import AlterationSettings, SurvivalSettings
from resistance_assets.catalog.models.cohort import Cohort
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers, LayerMatrix
from resistance_assets.defs.core.alterations.stratum_tables import stratum_members, stratum_tables
from resistance_assets.defs.core.survival.screen import split_minimum
from resistance_assets.science.alterations.associations import (
    LEAST_DRIVER_GROUP,
    altered_curves,
    altered_survival,
    burden_associations,
    driver_expression,
    driver_interactions,
)
from resistance_assets.science.alterations.cis_effects import (
    LEAST_GROUP,
    correlate_rows,
    count_copy_number_groups,
    rank_complete,
)
from resistance_assets.science.alterations.cooccurrence import pair_alterations
from resistance_assets.science.alterations.frequencies import alteration_frequencies
from resistance_assets.science.alterations.gene_patients import (
    IS_OF_CLASS,
    AlterationMatrix,
    alteration_matrix,
    classify_mutations,
)
from resistance_assets.science.alterations.measured import LAYER_OF, Measured
from resistance_assets.science.alterations.strata import membership, split_rule
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.models import covariate_columns, usable_covariates

Matrix = NDArray[np.float64]
ALTERATION_TABLES = tuple(name for name in TABLES if name.startswith("core.alterations__"))
_FREQUENCY_CLASSES: Mapping[str, pl.Expr] = {
    "any": pl.lit(True),
    **IS_OF_CLASS,
    **{name: pl.col("mutation_class") == name for name in ("truncating", "missense", "in_frame", "splice")},
}
FEATURES_AT_ONCE = 4000
_LAYERS = ("mutations", "copy_number", "log2_copy_number", "fusions", "methylation", "protein")


def compute_cohort_tables(
    layers: CohortLayers,
    cohort: Cohort,
    settings: AlterationSettings,
    genes_of_interest: Sequence[str],
    survival: SurvivalSettings,
) -> dict[str, pl.DataFrame]:
    """Every table of `core.alterations__*` of one cohort, by name; tables of layers that it lacks are empty."""
    minimum = split_minimum(survival)
    strata, strata_rows = stratum_members(layers, cohort.stratum)
    models = {stratum.id: stratum.screens for stratum in cohort.stratum}
    made = {
        "layers": layer_rows(layers),
        "patients": burden_rows(layers, cohort.sequenced_megabases),
        "gene_patients": layers.rows,
        "gene_frequencies": frequency_rows(layers, strata),
        **survival_tables(layers, settings, genes_of_interest, minimum),
        "cis_effects": cis_rows(layers),
        "drivers": driver_rows(layers, settings),
        "driver_expression": driver_expression_rows(layers, settings),
        "driver_interactions": driver_interaction_rows(layers, settings, genes_of_interest),
        "pairs": pair_rows(layers, settings),
        "burden": burden_association_rows(layers, settings),
        "strata": strata_rows,
        **stratum_tables(layers, strata, strata_rows, models, settings, genes_of_interest, survival),
    }
    found = {}
    for name, frame in made.items():
        table = TABLES[f"core.alterations__{name}"]
        found[table.address] = (
            table.shape(frame.with_columns(cohort_id=pl.lit(cohort.id))) if frame.height else table.empty()
        )
    return found


def layer_rows(layers: CohortLayers) -> pl.DataFrame:
    """Rows of `core.alterations__layers` without cohort_id."""
    fused = pl.concat([layers.fusions["hgnc_symbol_site1"], layers.fusions["hgnc_symbol_site2"]])
    found: dict[str, tuple[Sequence[str], pl.Series]] = {
        "mutations": (layers.measured.patients.get("mutations", ()), layers.mutations["hgnc_symbol"]),
        "fusions": (layers.measured.patients.get("fusions", ()), fused),
        **{
            name: (getattr(layers, name).measured, getattr(layers, name).features["hgnc_symbol"])
            for name in ("copy_number", "log2_copy_number", "methylation", "protein")
        },
    }
    rows = []
    for layer in _LAYERS:
        patients, genes = found[layer]
        n = len(patients) or None
        rows.append(
            {
                "layer": layer,
                "is_measured": n is not None,
                "n_patients": n,
                "n_genes": genes.drop_nulls().n_unique() if n else None,
                "note": f"measured in {n:,} patients" if n else "not measured",
            }
        )
    return pl.DataFrame(rows, schema_overrides={"n_patients": pl.Int64, "n_genes": pl.Int64})


def burden_rows(layers: CohortLayers, megabases: float | None) -> pl.DataFrame:
    """Rows of `core.alterations__patients` without cohort_id; a rate is that of all genes, so a panel has none."""
    kept = classify_mutations(layers.mutations).group_by("patient_id").agg(n_mutations=pl.len().cast(pl.Int64))
    sequenced = list(layers.measured.of_class("mutation"))
    panels = layers.measured.panel_of.get("mutations", {})
    patients = pl.DataFrame(
        {"patient_id": sequenced, "gene_panel_id": [panels.get(one) for one in sequenced]},
        schema={"patient_id": pl.String, "gene_panel_id": pl.String},
    )
    counted = patients.join(kept, on="patient_id", how="left").with_columns(pl.col("n_mutations").fill_null(0))
    rate = pl.when(pl.col("gene_panel_id").is_null()).then(pl.col("n_mutations") / (megabases or np.nan))
    return counted.with_columns(mutations_per_megabase=rate.fill_nan(None)).sort("patient_id")


def driver_members(layers: CohortLayers, settings: AlterationSettings, order: Sequence[str]) -> dict[str, Matrix]:
    """Driver -> 1, 0 or NaN (not measured) per patient given."""
    return {one.id: membership(order, layers.rows, one.altered, layers.measured) for one in settings.driver}


def driver_rows(layers: CohortLayers, settings: AlterationSettings) -> pl.DataFrame:
    """Rows of `core.alterations__drivers` without cohort_id."""
    everyone = sorted({*layers.patients["patient_id"], *layers.matrix[2]})
    rows = []
    for one in settings.driver:
        altered = membership(everyone, layers.rows, one.altered, layers.measured)
        kinds = {kind for _, kind in map(split_rule, one.altered)} - {"any"}
        known = int(np.isfinite(altered).sum()) if all(layers.measured.of_class(kind) for kind in kinds) else 0
        n = int(np.nansum(altered))
        status, note = "compared", f"{n} of {known} patients are altered"
        if not known:
            status, note = "not_measured", "not measured"
        elif min(n, known - n) < LEAST_DRIVER_GROUP:
            status = "too_few"
            note += f"; not compared: the minimum is {LEAST_DRIVER_GROUP} with and without it"
        rows.append(
            {
                "driver_id": one.id, "rule": "|".join(one.altered), "n_measured": known or None,
                "n_altered": n if known else None, "status": status, "note": note,
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"n_measured": pl.Int64, "n_altered": pl.Int64})


def frequency_rows(layers: CohortLayers, strata: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Rows of `core.alterations__gene_frequencies` without cohort_id.

    Of all patients, every gene that is altered in any way has a row per class that was looked for, so that none of 240
    is told from not measured; kinds of mutations, and strata, have rows of the genes that are so altered.
    """
    everywhere = _names(pl.concat([layers.rows["hgnc_symbol"], layers.copy_number.features["hgnc_symbol"]]))
    groups: dict[str, set[str] | None] = {"all": None, **{name: set(own) for name, own in strata.items()}}
    frames = []
    for stratum_id, inside in groups.items():
        for name, is_of_class in _FREQUENCY_CLASSES.items():
            altered = layers.rows.filter(is_of_class).select("patient_id", "hgnc_symbol")
            is_whole = inside is None and (name == "any" or name in IS_OF_CLASS)
            genes = everywhere if is_whole else _names(altered["hgnc_symbol"])
            profiled, seen = profiled_counts(layers.measured, genes, name, inside, altered)
            if profiled.height:
                seen = seen.with_columns(alteration_class=pl.lit(name))
                frames.append(alteration_frequencies(seen, profiled).with_columns(stratum_id=pl.lit(stratum_id)))
    return pl.concat(frames) if frames else pl.DataFrame()


def _names(symbols: pl.Series) -> list[str]:
    return symbols.drop_nulls().unique().sort().to_list()


def profiled_counts(
    measured: Measured, genes: Sequence[str], name: str, inside: set[str] | None, altered: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Patients in whom a class of each gene was looked for, and of the alterations those of such patients.

    Args:
        name: class of `_FREQUENCY_CLASSES`; `any` asks for patients who were looked at for every class that the cohort
            was measured for.
        inside: patients of a stratum; all where None.
        altered: patient_id, hgnc_symbol.

    Returns:
        hgnc_symbol, alteration_class, n_profiled (empty where nobody was looked at); and rows of ``altered``.
    """
    kinds = measured.kinds if name == "any" else (name if name in LAYER_OF else "mutation",)
    looked_at = [set(measured.of_class(kind)) for kind in kinds]
    patients = sorted(set.intersection(*looked_at) & (inside if inside is not None else looked_at[0])) if kinds else []
    if not patients or not genes:
        return pl.DataFrame(), altered.clear()
    unseen = [measured.unseen(genes, kind, patients) for kind in kinds]
    counts = dict.fromkeys(genes, len(patients))
    pairs: list[tuple[str, str]] = []
    for gene in {gene for masks in unseen for gene in masks}:
        hidden = np.any([masks[gene] for masks in unseen if gene in masks], axis=0)
        counts[gene] -= int(hidden.sum())
        pairs += [(patients[at], gene) for at in np.flatnonzero(hidden)]
    profiled = pl.DataFrame(
        {"hgnc_symbol": list(counts), "n_profiled": list(counts.values())},
        schema={"hgnc_symbol": pl.String, "n_profiled": pl.Int64},
    ).with_columns(alteration_class=pl.lit(name))
    seen = altered.filter(pl.col("patient_id").is_in(patients))
    if pairs:
        hidden_pairs = pl.DataFrame(pairs, schema={"patient_id": pl.String, "hgnc_symbol": pl.String}, orient="row")
        seen = seen.join(hidden_pairs, on=["patient_id", "hgnc_symbol"], how="anti")
    return profiled, seen


def looked_for_matrix(layers: CohortLayers, name: str) -> AlterationMatrix:
    """A class of alteration in the patients who were looked at for it, NaN where their panel lacks the gene."""
    patients = list(layers.measured.of_class(name))
    genes = layers.rows.filter(IS_OF_CLASS[name])["hgnc_symbol"].unique().sort().to_list()
    return alteration_matrix(layers.rows, name, patients, genes, layers.measured.unseen(genes, name, patients))


def survival_tables(
    layers: CohortLayers, settings: AlterationSettings, genes_of_interest: Sequence[str], minimum: SplitMinimum
) -> dict[str, pl.DataFrame]:
    """Rows of `core.alterations__survival` and `core.alterations__kaplan_meier` without cohort_id, by their names."""
    drivers = sorted({split_rule(rule)[0] for one in settings.driver for rule in one.altered})
    drawn = {*drivers, *genes_of_interest}
    tested, curves = [], []
    matrices = {name: looked_for_matrix(layers, name) for name in IS_OF_CLASS}
    # Classes within endpoints: those of the same patients share their random divisions.
    for endpoint in layers.follow_up:
        for name, altered in matrices.items():
            if altered.genes:
                given = {"endpoint": pl.lit(endpoint), "alteration_class": pl.lit(name)}
                time, event = layers.follow(endpoint, altered.patients)
                found = altered_survival(altered, time, event, always=drivers, minimum=minimum)
                if found.height:
                    tested.append(found.with_columns(**given))
                curve = altered_curves(altered, time, event, drawn)
                if curve.height:
                    curves.append(curve.with_columns(**given))
    if not tested:
        return {"survival": pl.DataFrame(), "kaplan_meier": pl.concat(curves) if curves else pl.DataFrame()}
    rows = (
        pl.concat(tested)
        .sort("alteration_class", "endpoint", maintain_order=True)
        .with_columns(
            n_altered="n_high",
            events_altered="observed_high",
            q_value_bh="q_value_bh_likelihood_ratio",
            fit_note=pl.col("fit_note")
            .str.replace("in the high group", "in the altered group", literal=True)
            .str.replace("in the low group", "in the unaltered group", literal=True),
            **{
                name: pl.when(pl.col(name).is_finite()).then(pl.col(name))
                for name in ("hazard_ratio", "ci_lower", "ci_upper")
            },
        )
    )
    return {"survival": rows, "kaplan_meier": pl.concat(curves) if curves else pl.DataFrame()}


def cis_rows(layers: CohortLayers) -> pl.DataFrame:
    """Rows of `core.alterations__cis_effects` without cohort_id."""
    expression, genes, _ = layers.matrix
    row_of = {gene: at for at, gene in enumerate(genes)}
    frames = []
    # Ranks of the mRNA serve every layer in which nobody is missing.
    ranks = rank_complete(expression) if expression.size and np.isfinite(expression).all() else None
    for layer in ("copy_number", "log2_copy_number", "methylation", "protein"):
        own: LayerMatrix = getattr(layers, layer)
        features = own.features.with_row_index("row").filter(pl.col("hgnc_symbol").is_in(genes))
        features = features.sort("hgnc_symbol", "feature_id")
        if features.is_empty():
            continue
        sign = -1 if layer == "methylation" else 1
        # A few thousand features at once: ranks and their products are matrices of the same size.
        parts = [
            _cis_of(own, part, [row_of[gene] for gene in part["hgnc_symbol"]], layers.matrix, ranks, layer)
            for part in features.iter_slices(FEATURES_AT_ONCE)
        ]
        found = pl.concat(parts)
        p = found["p_value"].fill_null(np.nan).to_numpy()
        frames.append(
            found.with_columns(
                layer=pl.lit(layer),
                q_value_bh=pl.Series(adjust_bh(p), dtype=pl.Float64).fill_nan(None),
                expected_direction=pl.lit("positive" if sign > 0 else "negative"),
                is_as_expected=pl.col("rho") * sign > 0,
            )
        )
    return pl.concat(frames) if frames else pl.DataFrame()


def _cis_of(
    own: LayerMatrix,
    features: pl.DataFrame,
    rows: Sequence[int],
    expression: tuple[Matrix, list[str], list[str]],
    ranks: Matrix | None,
    layer: str,
) -> pl.DataFrame:
    values, mrna = own.of(features["row"].to_list(), expression[2]), expression[0][rows]
    known = None if ranks is None else ranks[rows]
    found = correlate_rows(values, mrna, features["hgnc_symbol"].to_list(), known)
    counts: tuple[Sequence[float | None], ...] = ([None] * features.height,) * 3
    if layer == "copy_number":
        counts = count_copy_number_groups(values, mrna, least=LEAST_GROUP)
    return found.with_columns(
        feature_id=features["feature_id"],
        n_amplified=pl.Series(counts[0], dtype=pl.Int64),
        n_deep_loss=pl.Series(counts[1], dtype=pl.Int64),
        p_amplified_against_diploid=pl.Series(counts[2], dtype=pl.Float64).fill_nan(None),
    )


def driver_expression_rows(layers: CohortLayers, settings: AlterationSettings) -> pl.DataFrame:
    """Rows of `core.alterations__driver_expression` without cohort_id."""
    expression, genes, patients = layers.matrix
    known = pl.DataFrame({"patient_id": patients}).join(
        layers.patients, on="patient_id", how="left", maintain_order="left"
    )
    used, _ = usable_covariates(known, ["age_years", "sex", "tumour_purity"])
    covariates = covariate_columns(known.select(used)) if used else np.empty((len(patients), 0))
    frames = []
    for driver, altered in driver_members(layers, settings, patients).items():
        found = driver_expression(expression, genes, altered, covariates)
        if found.height:
            frames.append(
                found.with_columns(driver_id=pl.lit(driver), covariates=pl.lit("|".join(used) or None, pl.String))
            )
    return pl.concat(frames) if frames else pl.DataFrame()


def driver_interaction_rows(
    layers: CohortLayers, settings: AlterationSettings, genes_of_interest: Sequence[str]
) -> pl.DataFrame:
    """Rows of `core.alterations__driver_interactions` without cohort_id."""
    expression, genes, patients = layers.matrix
    chosen = [at for at, gene in enumerate(genes) if gene in set(genes_of_interest)]
    frames = []
    for driver, altered in driver_members(layers, settings, patients).items():
        for endpoint in layers.follow_up if chosen and (altered == 1.0).any() and (altered == 0.0).any() else ():
            found = driver_interactions(
                expression[chosen], [genes[at] for at in chosen], altered, *layers.follow(endpoint, patients)
            )
            frames.append(found.with_columns(driver_id=pl.lit(driver), endpoint=pl.lit(endpoint)))
    return pl.concat(frames) if frames else pl.DataFrame()


def pair_rows(layers: CohortLayers, settings: AlterationSettings) -> pl.DataFrame:
    """Rows of `core.alterations__pairs` without cohort_id: the drivers and the most often mutated genes."""
    whole = looked_for_matrix(layers, "mutation")
    # The burden of a tumour is compared over genes that every tumour was sequenced for.
    shared = np.flatnonzero(~np.isnan(whole.values).any(axis=1))
    altered = AlterationMatrix([whole.genes[at] for at in shared], whole.patients, whole.values[shared])
    if len(altered.genes) < 2:
        return pl.DataFrame()
    often = np.argsort(-altered.values.sum(axis=1), kind="stable")[: settings.pair_genes]
    drivers = {split_rule(rule)[0] for one in settings.driver for rule in one.altered}
    return pair_alterations(
        altered.values == 1.0, altered.genes, among={*drivers, *(altered.genes[at] for at in often)}
    ).with_columns(odds_ratio_fisher=pl.when(pl.col("odds_ratio_fisher").is_finite()).then("odds_ratio_fisher"))


def burden_association_rows(layers: CohortLayers, settings: AlterationSettings) -> pl.DataFrame:
    """Rows of `core.alterations__burden` without cohort_id."""
    counted = burden_rows(layers, None)
    if counted.is_empty():
        return pl.DataFrame()
    # Counts of a panel and of an exome cannot be compared: the more common of them is.
    panel = pl.col("gene_panel_id").fill_null("")
    commonest = counted.group_by(panel).len().sort("len", "gene_panel_id", descending=[True, False])["gene_panel_id"][0]
    counted = counted.filter(panel == commonest)
    order = counted["patient_id"].to_list()
    return burden_associations(
        counted["n_mutations"].cast(pl.Float64).to_numpy(),
        {endpoint: layers.follow(endpoint, order) for endpoint in layers.follow_up},
        driver_members(layers, settings, order),
    )
