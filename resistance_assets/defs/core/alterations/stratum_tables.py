"""Tables of the strata of one cohort: who is in them, and the survival screens of all patients within them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from resistance_assets.catalog.models.analysis_settings import AlterationSettings, SurvivalSettings
from resistance_assets.catalog.models.cohort import Stratum
from resistance_assets.defs.core.alterations.cohort_layers import CohortLayers
from resistance_assets.defs.core.survival.followed_patients import Followed, select_patients
from resistance_assets.defs.core.survival.kaplan_meier import median_curves
from resistance_assets.defs.core.survival.optimal_cuts import cut_patients
from resistance_assets.defs.core.survival.screen import screen_followed, split_minimum
from resistance_assets.science.alterations.strata import attribute_members, membership, split_rule
from resistance_assets.science.survival.models import ModelDesign, fit_gene_models

# Tables of the screens within a stratum, by their names after `core.alterations__`.
SCREENS = (
    "stratum_survival",
    "stratum_optimal_cuts",
    "stratum_kaplan_meier",
    "stratum_multivariable_terms",
    "stratum_multivariable_models",
)


def stratum_members(layers: CohortLayers, declared: Sequence[Stratum]) -> tuple[dict[str, list[str]], pl.DataFrame]:
    """Patients of each stratum, and rows of `core.alterations__strata` without cohort_id."""
    everyone = sorted({*layers.patients["patient_id"], *layers.matrix[2]})
    profiled = set(layers.matrix[2])
    members, rows = {}, []
    for stratum in declared:
        inside, known = set(everyone), set(everyone)
        for rules, wanted in ((stratum.altered, 1.0), (stratum.unaltered, 0.0)):
            if rules:
                state = membership(everyone, layers.rows, rules, layers.measured)
                # A class that nobody was measured for leaves nobody known.
                kinds = {kind for _, kind in map(split_rule, rules)} - {"any"}
                measured = all(layers.measured.of_class(kind) for kind in kinds) and bool(np.isfinite(state).any())
                known &= (
                    {one for one, value in zip(everyone, state, strict=True) if np.isfinite(value)}
                    if measured
                    else set()
                )
                inside &= {one for one, value in zip(everyone, state, strict=True) if value == wanted}
        if stratum.attribute is not None:
            chosen, told = attribute_members(attribute_values(layers, stratum.attribute), stratum.values)
            inside &= chosen
            known &= told
        members[stratum.id] = sorted(inside & known)
        for endpoint in layers.follow_up:
            analysed = [one for one in members[stratum.id] if one in profiled]
            time, event = layers.follow(endpoint, analysed)
            n, events = int(np.isfinite(time).sum()), int(np.nansum(event))
            status = "screened"
            note = f"{n} patients, {events} events"
            if not known:
                status, note = "not_measured", "not measured: no patient is known to be inside or outside"
                n = events = None
            elif n < stratum.min_patients or events < stratum.min_events:
                status = "too_small"
                note += f"; refused: the minimum is {stratum.min_patients} patients and {stratum.min_events} events"
            rows.append(
                {
                    "stratum_id": stratum.id, "title": stratum.title, "rule": stratum.rule, "endpoint": endpoint,
                    "n": n, "events": events, "min_patients": stratum.min_patients, "min_events": stratum.min_events,
                    "status": status, "note": note,
                }
            )  # fmt: skip
    return members, pl.DataFrame(rows, schema_overrides={"n": pl.Int64, "events": pl.Int64})


def attribute_values(layers: CohortLayers, attribute: str) -> pl.DataFrame:
    """patient_id and value of a clinical attribute: one of our columns of patients, else the vendor's."""
    if attribute in ("sex", "stage_group"):
        return layers.patients.select("patient_id", value=attribute)
    return layers.attributes.filter(pl.col("attribute_id") == attribute).select("patient_id", "value")


def followed_stratum(layers: CohortLayers, members: Sequence[str], endpoint: str) -> Followed:
    """Patients of a stratum with expression and usable follow-up."""
    expression, genes, patients = layers.matrix
    wanted = set(members)
    inside = np.array([one in wanted for one in patients], dtype=bool)
    order = [one for one, kept in zip(patients, inside, strict=True) if kept]
    time, event = layers.follow(endpoint, order)
    usable = np.isfinite(time) & np.isfinite(event)
    return Followed(
        np.ascontiguousarray(expression[:, inside][:, usable]),
        genes,
        [one for one, kept in zip(order, usable, strict=True) if kept],
        time[usable],
        event[usable],
    )


def stratum_tables(
    layers: CohortLayers,
    strata: Mapping[str, Sequence[str]],
    declared: pl.DataFrame,
    models: Mapping[str, Collection[str]],
    settings: AlterationSettings,
    genes_of_interest: Sequence[str],
    survival: SurvivalSettings,
) -> dict[str, pl.DataFrame]:
    """Rows of the tables of `SCREENS` without cohort_id, of the strata that are large enough.

    ``models`` holds the models of the screen of all genes that each stratum asks for.
    """
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in SCREENS}
    screened = declared.filter(pl.col("status") == "screened") if declared.height else declared
    for row in screened.iter_rows(named=True):
        patients = followed_stratum(layers, strata[row["stratum_id"]], row["endpoint"])
        asked = models[row["stratum_id"]]
        found = screen_stratum(patients, layers.patients, asked, settings, genes_of_interest, survival)
        for name, frame in found.items():
            if frame.height:
                numbers = [column for column, kind in frame.schema.items() if kind.is_float()]
                frames[name].append(
                    frame.with_columns(
                        # A limit beyond the largest double is no limit.
                        *[pl.when(pl.col(one).is_finite()).then(pl.col(one)).alias(one) for one in numbers],
                        stratum_id=pl.lit(row["stratum_id"]),
                        endpoint=pl.lit(row["endpoint"]),
                    )
                )
    return {name: pl.concat(own, how="vertical_relaxed") if own else pl.DataFrame() for name, own in frames.items()}


def screen_stratum(
    cohort: Followed,
    patients: pl.DataFrame,
    models: Collection[str],
    settings: AlterationSettings,
    genes_of_interest: Sequence[str],
    survival: SurvivalSettings,
) -> dict[str, pl.DataFrame]:
    """Every screen of one stratum and endpoint: all genes by Cox models and optimal cuts, genes of interest by curves
    and multivariable models."""
    wanted = set(genes_of_interest)
    chosen = [at for at, gene in enumerate(cohort.genes) if gene in wanted]
    own = cohort._replace(matrix=cohort.matrix[chosen], genes=[cohort.genes[at] for at in chosen])
    data = cohort.time_months, cohort.event_observed
    designs = [
        ModelDesign(model.id, model.covariates, model.strata, model.expression == "rank_normal")
        for model in survival.model
        if model.id in settings.stratum_models
    ]
    found = {
        "stratum_survival": screen_followed(
            cohort, patients, survival.screen_covariates, split_minimum(survival), models
        ),
        "stratum_optimal_cuts": cut_patients(
            cohort,
            min_proportion=survival.min_proportion,
            max_proportion=survival.max_proportion,
            permutations=survival.permutations,
            seed=survival.seed,
        ),
    }
    if chosen:
        found["stratum_kaplan_meier"] = median_curves(own)
    if chosen and designs:
        known = select_patients(patients, cohort.patients)
        fitted = fit_gene_models(own.matrix, own.genes, *data, known, designs)
        found |= {"stratum_multivariable_terms": fitted.terms, "stratum_multivariable_models": fitted.models}
    return found
