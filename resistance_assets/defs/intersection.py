"""Gene lists, published and derived, and their intersections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from resistance_assets.catalog.registry import GeneList, IntersectionRule, ListThresholds, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.deg import thresholds_of
from resistance_assets.defs.resources import current_registry
from resistance_assets.defs.sql import guarded
from resistance_assets.orchestration.assets import assets_of
from resistance_assets.orchestration.memo import Inputs, Step
from resistance_assets.orchestration.versions import code_version_of
from resistance_assets.science.deg import differential_gene_lists
from resistance_assets.science.intersection import intersect_lists
from resistance_assets.science.multiplicity import adjust_bh

GENES = "core.deg__contrast_genes"
LISTS = "core.gene_lists__lists"
MEMBERS = "core.gene_lists__members"
PUBLISHED = "staging.gene_lists__members"


def lists_of_contrasts(
    genes: pl.DataFrame, thresholds: Mapping[str, ListThresholds]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Up and down lists of every contrast and method that has q-values.

    Returns:
        Rows of `core.gene_lists__lists` and of `core.gene_lists__members`; a list may be empty.
    """
    lists, members = [], []
    for (contrast_id, method), result in genes.group_by("contrast_id", "method", maintain_order=True):
        rule = thresholds[str(contrast_id)]
        tested = result.filter(pl.col("q_value_bh").is_not_null()).height
        if not tested:
            continue
        found = differential_gene_lists(result, str(contrast_id), rule.q_value, rule.abs_log2_fold_change)
        members.append(found)
        for direction in ("up", "down"):
            list_id = f"{contrast_id}__{method}__{direction}"
            lists.append(
                {
                    "list_id": list_id,
                    "title": f"{contrast_id}, {method}, {direction}",
                    "role": "contrast",
                    "contrast_id": contrast_id,
                    "method": method,
                    "direction": direction,
                    "rule": f"q < {rule.q_value:g} and |log2 fold change| > {rule.abs_log2_fold_change:g}, {direction}",
                    "n_genes": found.filter(pl.col("list_id") == list_id).height,
                    "universe_size": tested,
                }
            )
    schema, member_schema = TABLES[LISTS].polars_schema, TABLES[MEMBERS].polars_schema
    return (
        pl.DataFrame(lists, schema=schema),
        pl.concat(members).select(member_schema.names()) if members else pl.DataFrame(schema=member_schema),
    )


def published_lists(members: pl.DataFrame, declared: Mapping[str, GeneList]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Published lists that are loaded, in the columns of `core.gene_lists__lists` and `core.gene_lists__members`."""
    sizes = dict(members.group_by("list_id").len().iter_rows())
    lists = [
        {
            "list_id": entry.id,
            "title": entry.title,
            "role": entry.role,
            "contrast_id": None,
            "method": None,
            "direction": None,
            "rule": "as published",
            "n_genes": sizes[entry.id],
            "universe_size": None,
        }
        for entry in declared.values()
        if entry.id in sizes
    ]
    return (
        pl.DataFrame(lists, schema=TABLES[LISTS].polars_schema),
        members.select("list_id", "hgnc_symbol", pl.lit("none").alias("direction")),
    )


def gene_lists(registry: Registry) -> dg.AssetsDefinition:
    declared, thresholds = registry.gene_lists, thresholds_of(registry)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        derived, derived_members = lists_of_contrasts(inputs.read(GENES), thresholds)
        published, published_members = published_lists(inputs.read(PUBLISHED), declared)
        return {
            LISTS: pl.concat([published, derived]),
            MEMBERS: pl.concat([published_members, derived_members]).sort("list_id", "hgnc_symbol"),
        }

    step = Step(
        outputs={LISTS: TABLES[LISTS], MEMBERS: TABLES[MEMBERS]},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(GENES, PUBLISHED),
        tolerant=True,
        parameters={
            "thresholds": {name: rule.model_dump() for name, rule in thresholds.items()},
            "lists": {name: entry.model_dump() for name, entry in declared.items()},
        },
    )
    return assets_of(guarded(step))


def universes_of(genes: pl.DataFrame) -> dict[str, pl.Series]:
    """Contrast and method, joined by __ -> the genes that had a q-value, and so could have entered a list."""
    tested = genes.filter(pl.col("q_value_bh").is_not_null())
    return {
        f"{contrast_id}__{method}": result["hgnc_symbol"]
        for (contrast_id, method), result in tested.group_by("contrast_id", "method", maintain_order=True)
    }


def universe_of_list(list_id: str) -> str:
    """A derived list's universe: its contrast and method."""
    return list_id.rsplit("__", 1)[0]


def declare_intersections(
    lists: pl.DataFrame, rules: Sequence[IntersectionRule], universes: dict[str, pl.Series]
) -> list[tuple[str, tuple[str, ...], str]]:
    """Which lists are intersected, in which universe. Universes of pairs of contrasts are added to ``universes``.

    A pair of lists from one contrast by two methods, or of opposite directions, is no intersection of findings.
    """
    derived = lists.filter(pl.col("role") == "contrast", pl.col("n_genes") > 0).sort("list_id").to_dicts()
    found: list[tuple[str, tuple[str, ...], str]] = []
    for rule in rules:
        if rule.right_role:
            for left in derived:
                for right in lists.filter(pl.col("role") == rule.right_role).sort("list_id")["list_id"]:
                    pair = (left["list_id"], right)
                    found.append(("__and__".join(pair), pair, universe_of_list(left["list_id"])))
        elif rule.right == "contrast":
            for at, left in enumerate(derived):
                for other in derived[at + 1 :]:
                    if left["contrast_id"] == other["contrast_id"] or left["direction"] != other["direction"]:
                        continue
                    names = sorted((universe_of_list(left["list_id"]), universe_of_list(other["list_id"])))
                    both = " and ".join(names)
                    if both not in universes:
                        shared = set(universes[names[0]]) & set(universes[names[1]])
                        universes[both] = pl.Series(sorted(shared), dtype=pl.String)
                    pair = (left["list_id"], other["list_id"])
                    found.append(("__and__".join(pair), pair, both))
    return found


def intersections(registry: Registry) -> dg.AssetsDefinition:
    table = TABLES["core.intersections__sets"]
    rules = registry.intersection_rules

    def compute(inputs: Inputs) -> pl.DataFrame:
        universes = universes_of(inputs.read(GENES))
        declared = declare_intersections(inputs.read(LISTS), rules, universes)
        if not declared:
            return table.empty()
        found = intersect_lists(inputs.read(MEMBERS), declared, universes)
        return found.with_columns(q_value_bh=pl.Series(adjust_bh(found["p_value"].to_numpy())))

    step = Step(
        outputs={table.address: table},
        compute=compute,
        code_version=code_version_of(compute),
        inputs=(GENES, LISTS, MEMBERS),
        tolerant=True,
        parameters=[rule.model_dump() for rule in rules],
    )
    return assets_of(guarded(step))


@dg.definitions
def defs() -> dg.Definitions:
    registry = current_registry()
    return dg.Definitions(assets=[gene_lists(registry), intersections(registry)])
