"""`core.intersections__*`: what gene lists share, within the universe of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import polars as pl

from resistance_assets.catalog.models.gene_list import DeclaredIntersection, IntersectionRule, ListFamily
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.gene_lists import CALLS, GENES, LISTS, MEMBERS
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.gene_lists.intersections import intersect_lists, upset_memberships

UPSET = TABLES["core.intersections__upset"]
DERIVED = ("contrast", "contrast_effect_only")
TESTED_BY_ALL = "tested"
# Between the names of universes whose common genes are one.
UNIVERSE_JOINER = " and "


def universes_of(genes: pl.DataFrame, calls: pl.DataFrame) -> dict[str, pl.Series]:
    """Contrast and method, joined by __ -> the genes that could have entered its lists.

    Those that had a q-value; for a fold-change rule those that passed its floor.
    """
    tested = genes.filter(pl.col("q_value_bh").is_not_null())
    passed = calls.filter(pl.col("passes_floor")).with_columns(method=pl.lit("fold_change"))
    return {
        f"{contrast_id}__{method}": result["hgnc_symbol"]
        for frame in (tested, passed)
        for (contrast_id, method), result in frame.group_by("contrast_id", "method", maintain_order=True)
    }


def universe_of_list(list_id: str) -> str:
    """A derived list's universe: its contrast and method."""
    return list_id.rsplit("__", 1)[0]


class Universes(dict[str, pl.Series]):
    """Universes by name; what several contrasts all tested is added as it is asked for."""

    def shared(self, names: Sequence[str]) -> str:
        """Name of the genes that are in all of these universes."""
        ordered = sorted(set(names))
        together = UNIVERSE_JOINER.join(ordered)
        if together not in self:
            common = set.intersection(*(set(self[name]) for name in ordered))
            self[together] = pl.Series(sorted(common), dtype=pl.String)
        return together


def declare_intersections(
    lists: pl.DataFrame, rules: Sequence[IntersectionRule], universes: Universes
) -> list[tuple[str, tuple[str, ...], str]]:
    """Which lists the rules let meet, in which universe.

    Lists of one contrast by two methods, or of opposite directions, make no intersection of findings.
    """
    listed = lists.filter(pl.col("n_genes") > 0).sort("list_id").to_dicts()
    found: list[tuple[str, tuple[str, ...], str]] = []

    def with_role(role: str) -> list[str]:
        return [one["list_id"] for one in listed if one["role"] == role]

    def pairs(of: list[dict]) -> Iterator[tuple[str, str]]:
        for left, right in itertools.combinations(of, 2):
            if left["contrast_id"] != right["contrast_id"] and left["direction"] == right["direction"]:
                yield left["list_id"], right["list_id"]

    for rule in rules:
        own = [one for one in listed if one["role"] == rule.left]
        starts = list(pairs(own)) if rule.right else [(one["list_id"],) for one in own]
        ends = with_role(rule.right_role) if rule.right_role else [None]
        for start in starts:
            for end in ends:
                chosen = (*start, end) if end else start
                universe = universes.shared([universe_of_list(list_id) for list_id in start])
                found.append(("__and__".join(chosen), chosen, universe))
    return found


def named_intersections(
    lists: pl.DataFrame, members: pl.DataFrame, declared: Sequence[DeclaredIntersection], universes: Universes
) -> list[tuple[str, tuple[str, ...], str]]:
    """Intersections that the catalog names; one of which a list or its universe is not loaded is left out."""
    roles = dict(lists.select("list_id", "role").iter_rows())
    found = []
    for one in declared:
        if any(list_id not in roles for list_id in one.lists):
            continue
        derived = [universe_of_list(list_id) for list_id in one.lists if roles[list_id] in DERIVED]
        universe = one.universe
        if universe == TESTED_BY_ALL:
            if not derived or any(name not in universes for name in derived):
                continue
            universe = universes.shared(derived)
        elif universe in roles:
            universes[universe] = members.filter(pl.col("list_id") == universe)["hgnc_symbol"]
        if universe in universes and len(universes[universe]):
            found.append((one.id, tuple(one.lists), universe))
    return found


def intersections(registry: Registry) -> Step:
    table = TABLES["core.intersections__sets"]
    rules, declared, null = registry.intersection_rules, tuple(registry.intersections.values()), registry.intersecting

    def compute(inputs: Inputs) -> pl.DataFrame:
        universes = Universes(universes_of(inputs.read(GENES), inputs.read(CALLS)))
        lists, members = inputs.read(LISTS), inputs.read(MEMBERS)
        wanted = [
            *declare_intersections(lists, rules, universes),
            *named_intersections(lists, members, declared, universes),
        ]
        found = intersect_lists(members, wanted, universes, permutations=null.permutations, seed=null.seed)
        titles = {one.id: one.title for one in declared}
        return found.with_columns(
            title=pl.col("intersection_id").replace_strict(titles, default=None, return_dtype=pl.String)
        )

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=(GENES, CALLS, LISTS, MEMBERS),
        allow_unavailable_inputs=True,
        parameters=[
            [rule.model_dump() for rule in rules],
            [one.model_dump() for one in declared],
            null.model_dump(),
        ],
    )


def family_memberships(
    family: ListFamily, lists: pl.DataFrame, members: pl.DataFrame, universes: Universes
) -> pl.DataFrame:
    """`core.intersections__upset` of one family; empty where fewer than two of its lists are loaded and not empty."""
    matching = [
        list_id
        for list_id in lists.filter(pl.col("n_genes") > 0)["list_id"].sort()
        if any(fnmatchcase(list_id, pattern) for pattern in family.lists)
    ]
    if len(matching) < 2:
        return UPSET.empty()
    universe = None
    if family.universe == TESTED_BY_ALL:
        tested = [name for list_id in matching if (name := universe_of_list(list_id)) in universes]
        universe = universes.shared(tested) if tested else None
    found = upset_memberships(
        members.filter(pl.col("list_id").is_in(matching)), None if universe is None else universes[universe]
    )
    return UPSET.shape(found.with_columns(family_id=pl.lit(family.id), universe_id=pl.lit(universe, dtype=pl.String)))


def upset(registry: Registry) -> Step:
    families = tuple(registry.list_families.values())

    def compute(inputs: Inputs) -> pl.DataFrame:
        universes = Universes(universes_of(inputs.read(GENES), inputs.read(CALLS)))
        lists, members = inputs.read(LISTS), inputs.read(MEMBERS)
        return pl.concat(
            [UPSET.empty(), *(family_memberships(family, lists, members, universes) for family in families)]
        )

    return table_step(
        outputs={UPSET.address: UPSET},
        compute=compute,
        inputs=(GENES, CALLS, LISTS, MEMBERS),
        allow_unavailable_inputs=True,
        parameters=[family.model_dump() for family in families],
    )


def steps(registry: Registry) -> list[Step]:
    return [intersections(registry), upset(registry)]
