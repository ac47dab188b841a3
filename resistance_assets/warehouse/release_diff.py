"""What changed between two releases, and why.

Here belongs the comparison of two releases' manifests and Parquet files: tables and rows, genes that entered or left
lists, q-values that crossed a threshold, verdicts that turned; and the way back from a changed table to the source, the
function or the catalog parameter that made the difference. Publishing and printing do not belong here.

A manifest says which version of a table a release holds. Why two versions differ is told by the records of how they
were made (`memo/<key>.json` of the lake): inputs, code by function, parameters by key. Partitions have records too, so
the way leads through them to where the change came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.orchestration.lake import Lake, TableVersion, open_lake, read_files, scan_files
from resistance_assets.orchestration.table_files.content import SIGNIFICANT_DIGITS
from resistance_assets.warehouse.published_file import release_files
from resistance_assets.warehouse.releases import cache_key_in, partitions_in

Q_VALUE_THRESHOLD = 0.05
MOST_VALUES_NAMED = 12
MOST_ITEMS_KEPT = 2_000
EFFECT_CHANGED = "effect changed"
FAMILY_CHANGED = "only q moved because its family did"
# Columns that depend on the other tests of a family.
OF_THE_FAMILY = ("q_value", "percentile", "rank", "genes_tested", "n_tests", "local_fdr")

# Tables whose rows are memberships: table -> column that names the set (None: the table itself is the set), the member.
MEMBERSHIPS: dict[str, tuple[str | None, str]] = {
    "core.gene_lists__members": ("list_id", "hgnc_symbol"),
    "marts.resistance_candidates": (None, "hgnc_symbol"),
}
# Tables with a verdict per row: table -> column of the item, column of the verdict.
VERDICTS: dict[str, tuple[str, str]] = {
    "marts.published_claims": ("claim_id", "verdict"),
    "core.claims__verdicts": ("claim_id", "verdict"),
}

# Tables with a word of confidence per row: table -> columns of the item, column of the word.
WORDS: dict[str, tuple[tuple[str, ...], str]] = {"marts.candidates": (("drug_class", "hgnc_symbol"), "confidence")}

CHANGES_SCHEMA: dict[str, Any] = {
    "release": pl.Int64,
    "previous_release": pl.Int64,
    "kind": pl.String,
    "subject": pl.String,
    "item": pl.String,
    "change": pl.String,
    "before": pl.String,
    "after": pl.String,
    "detail": pl.String,
    "cause": pl.String,
}


@dataclass(frozen=True)
class Cause:
    """Where a difference came in.

    Attributes:
        kind: `data`, `code` or `parameter`; `state` where nothing but what the warehouse knows of itself is left;
            `unrecorded` where an old release kept no record.
        address: the table or partition that read the source, or whose code or parameter changed.
        what: source, function or parameter key.
        before, after: checksum, hash of the code or value; None where it was not there.
    """

    kind: str
    address: str
    what: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.kind == "data":
            return f"data: source {self.what} ({_short(self.before)} -> {_short(self.after)})"
        if self.kind == "code":
            word = "came" if self.before is None else "went" if self.after is None else "changed"
            return f"code: {self.what} {word}"
        if self.kind == "parameter":
            return f"parameter: {self.what} of {self.address} ({self.before or 'none'} -> {self.after or 'none'})"
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True)
class TableChange:
    """How one table differs.

    Attributes:
        change: added, removed or changed.
        rows_before, rows_after: rows in all; None where the table was not there.
        rows_added, rows_removed, rows_changed: by the table's key.
        touched: key column -> its values among those rows, where they are few.
        touched_counts: key column -> how many different values those rows hold.
    """

    address: str
    change: str
    rows_before: int | None
    rows_after: int | None
    rows_added: int
    rows_removed: int
    rows_changed: int
    touched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    touched_counts: Mapping[str, int] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()

    def describe(self) -> str:
        """Which rows, in words."""
        counts = [
            f"{count:,} {word}"
            for count, word in (
                (self.rows_added, "added"),
                (self.rows_removed, "removed"),
                (self.rows_changed, "changed"),
            )
            if count
        ]
        named = [
            f"{name} {', '.join(self.touched[name])}" if name in self.touched else f"{count:,} values of {name}"
            for name, count in self.touched_counts.items()
        ]
        return f"{', '.join(counts) or 'no row'}{'; ' if named else ''}{'; '.join(named)}"


@dataclass(frozen=True)
class ItemChange:
    """A member that entered or left, a q-value that crossed, a verdict or a word of confidence that turned."""

    kind: str
    subject: str
    item: str
    change: str
    before: str | None
    after: str | None
    address: str
    # Of a q-value: whether the row's own numbers changed, or only its correction.
    detail: str | None = None


@dataclass(frozen=True)
class ReleaseDiff:
    """Everything that differs between two releases.

    Attributes:
        sizes: gene list or set whose members changed -> how many it held before and after.
    """

    before: int
    after: int
    tables: tuple[TableChange, ...]
    items: tuple[ItemChange, ...]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.tables

    def causes_of(self, address: str) -> tuple[Cause, ...]:
        return next((table.causes for table in self.tables if table.address == address), ())

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Every cause once."""
        return tuple({str(cause): cause for table in self.tables for cause in table.causes}.values())

    def as_document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "causes": [asdict(cause) for cause in self.causes],
            "tables": [{**asdict(table), "causes": [str(cause) for cause in table.causes]} for table in self.tables],
            "sizes": {name: list(pair) for name, pair in self.sizes.items()},
            "items": [
                {**asdict(item), "causes": [str(cause) for cause in self.causes_of(item.address)]}
                for item in self.items
            ],
        }

    def as_frame(self) -> pl.DataFrame:
        """Rows of `meta.release_changes`; of items of one kind and subject at most MOST_ITEMS_KEPT."""

        def cause_of(address: str) -> str:
            return "; ".join(str(cause) for cause in self.causes_of(address))

        rows: list[tuple[Any, ...]] = [
            (
                "table", table.address, None, table.change, _text(table.rows_before), _text(table.rows_after),
                table.describe(), cause_of(table.address),
            )
            for table in self.tables
        ]  # fmt: skip
        kept: dict[tuple[str, str], int] = {}
        for item in self.items:
            group = (item.kind, item.subject)
            kept[group] = kept.get(group, 0) + 1
            if kept[group] <= MOST_ITEMS_KEPT:
                rows.append(
                    (item.kind, item.subject, item.item, item.change, item.before, item.after, item.detail,
                     cause_of(item.address))
                )  # fmt: skip
        rows += [
            (kind, subject, None, "more", None, str(count - MOST_ITEMS_KEPT), f"of {count} in all", None)
            for (kind, subject), count in kept.items()
            if count > MOST_ITEMS_KEPT
        ]
        columns = list(CHANGES_SCHEMA)
        return pl.DataFrame(
            [(self.after, self.before, *row) for row in rows], schema=CHANGES_SCHEMA, orient="row"
        ).select(columns)


# ---- why -------------------------------------------------------------------------------------------------------------

Records = Callable[[str], "TableVersion | None"]


def causes_of(address: str, before: Records, after: Records) -> tuple[Cause, ...]:
    """What made a table differ, wherever upstream it came in.

    Args:
        address: of a table whose data version differs.
        before, after: address -> how its version of the release was made, None where that is not known.
    """
    found: dict[Cause, None] = {}
    own_state: list[Cause] = []
    seen: set[str] = set()

    def walk(at: str) -> None:
        if at in seen:
            return
        seen.add(at)
        old, new = before(at), after(at)
        if old is None and new is None:
            found[Cause("unrecorded", at, f"how {at} was made is not recorded", None, None)] = None
            return
        was, now = _facts(old), _facts(new)
        if old is not None and new is not None:
            found.update(dict.fromkeys(_code_causes(at, old, new)))
            found.update(dict.fromkeys(_parameter_causes(at, old, new)))
        for name in sorted({*was.inputs, *now.inputs} - _renamed(was.inputs, now.inputs)):
            if was.inputs.get(name) == now.inputs.get(name):
                continue
            if name.startswith("state:"):
                own_state.append(
                    Cause("state", at, "which sources are loaded, and which releases there were", None, None)
                )
            elif name.startswith("source:"):
                source = name.removeprefix("source:")
                what = _source_name(source, new or old)
                # One archive feeds many partitions: named once, with the first of them.
                cause = Cause("data", at, what, was.inputs.get(name), now.inputs.get(name))
                if not any(str(other) == str(cause) for other in found):
                    found[cause] = None
            else:
                walk(name)
        if (old is None) != (new is None) and not was.inputs and not now.inputs:
            word = "came into" if old is None else "left"
            found[Cause("parameter", at, f"{at} {word} the catalog", None, None)] = None

    walk(address)
    # What the warehouse knows of itself follows from other causes, where there are any.
    return tuple(found) or tuple(own_state[:1])


@dataclass(frozen=True)
class _Facts:
    inputs: Mapping[str, str]


def _facts(table_version: TableVersion | None) -> _Facts:
    return _Facts(table_version.inputs if table_version is not None else {})


def _code_causes(address: str, old: TableVersion, new: TableVersion) -> Iterable[Cause]:
    if old.code_version == new.code_version:
        return
    was, now = old.notes.get("code") or {}, new.notes.get("code") or {}
    differing = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    for name in differing:
        what = f"SQL of {address}" if name == "SQL" else name
        yield Cause("code", address, what, was.get(name), now.get(name))
    if not was or not now or not differing:
        yield Cause("code", address, f"code of {address}", old.code_version, new.code_version)


def _parameter_causes(address: str, old: TableVersion, new: TableVersion) -> Iterable[Cause]:
    if old.parameters == new.parameters:
        return
    was, now = old.notes.get("parameters") or {}, new.notes.get("parameters") or {}
    differing = [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    for key in differing:
        yield Cause("parameter", address, key, was.get(key), now.get(key))
    if not differing:
        yield Cause("parameter", address, f"parameters of {address}", old.parameters, new.parameters)


def _renamed(was: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    """Inputs that only one of the two has and whose version the other has under another name: nothing changed."""
    gone = {name: version for name, version in was.items() if name not in now}
    came = {name: version for name, version in now.items() if name not in was}
    same = set(gone.values()) & set(came.values())
    return {name for name, version in {**gone, **came}.items() if version in same}


def _source_name(source: str, table_version: TableVersion | None) -> str:
    """A study's file by its own name and study: `counts` alone would not tell whose."""
    facts = (table_version.notes.get("sources") or {}).get(source) or {} if table_version is not None else {}
    return f"{facts['study']}/{facts['file']}" if facts.get("file") and facts.get("study") else source


# ---- what ------------------------------------------------------------------------------------------------------------


def compare_rows(
    before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows by key: those that were added, those that were removed, and those that changed.

    Floats count as equal where they agree in twelve significant digits, as in a data version. A column that one of the
    frames does not have counts as changed in every row.

    Returns:
        Three frames of the key columns.
    """
    keys = [name for name in key if name in before.columns and name in after.columns]
    if not keys:
        keys = [name for name in before.columns if name in after.columns]
    old, new = _with_hash(before, keys), _with_hash(after, keys)
    # Most rows are the same: they are set aside by one number before anything is joined on text.
    fewer_old = old.join(new, on="row_hash", how="anti")
    fewer_new = new.join(old, on="row_hash", how="anti")
    added = fewer_new.join(fewer_old, on=keys, how="anti", nulls_equal=True).select(keys)
    removed = fewer_old.join(fewer_new, on=keys, how="anti", nulls_equal=True).select(keys)
    changed = fewer_new.join(fewer_old, on=keys, how="semi", nulls_equal=True).select(keys)
    return added, removed, changed


def _with_hash(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    canonical = frame.with_columns(pl.selectors.float().round_sig_figs(SIGNIFICANT_DIGITS) + 0.0)
    names = ",".join(sorted(frame.columns))
    hashed = pl.struct(pl.lit(names), *sorted(frame.columns)).hash(seed=1)
    return canonical.select(*keys, hashed.alias("row_hash"))


def compare_table(address: str, before: pl.DataFrame | None, after: pl.DataFrame | None) -> TableChange:
    """One table in two releases; None where a release did not have it."""
    from resistance_assets.catalog.tables import TABLES  # late: table models bring pandas, and most tables are equal

    table = TABLES.get(address)
    if before is None or after is None:
        held = before if before is not None else after
        rows = held.height if held is not None else 0
        return TableChange(
            address, "added" if before is None else "removed",
            None if before is None else rows, None if after is None else rows,
            rows if before is None else 0, rows if after is None else 0, 0,
        )  # fmt: skip
    added, removed, changed = compare_rows(before, after, table.key if table else after.columns)
    together = pl.concat([added, removed, changed]) if added.width else added
    touched, counts = {}, {}
    for name in together.columns:
        values = together[name].drop_nulls().unique()
        if values.len():
            counts[name] = values.len()
        if 0 < values.len() <= MOST_VALUES_NAMED:
            touched[name] = tuple(str(value) for value in values.sort().to_list())
    return TableChange(
        address, "changed", before.height, after.height, added.height, removed.height, changed.height, touched, counts
    )


def compare_members(
    address: str, before: pl.DataFrame, after: pl.DataFrame, set_column: str | None, member: str
) -> list[ItemChange]:
    """Members that entered or left a set: a gene list, or the candidates."""
    columns = [name for name in (set_column, member) if name is not None]
    found = []
    for change, here, there in (("entered", after, before), ("left", before, after)):
        moved = here.select(columns).unique().join(there.select(columns).unique(), on=columns, how="anti")
        for row in moved.sort(columns).iter_rows():
            subject = str(row[0]) if set_column is not None else address
            found.append(ItemChange("list_member", subject, str(row[-1]), change, None, None, address))
    return found


def sizes_of_sets(
    address: str, before: pl.DataFrame, after: pl.DataFrame, set_column: str | None, member: str
) -> dict[str, tuple[int, int]]:
    """Set -> members before and after, of the sets that differ in size or members."""

    def counted(frame: pl.DataFrame) -> dict[str, int]:
        if set_column is None:
            return {address: frame[member].n_unique()}
        return dict(frame.group_by(pl.col(set_column).cast(pl.String)).agg(pl.col(member).n_unique()).rows())

    old, new = counted(before), counted(after)
    return {name: (old.get(name, 0), new.get(name, 0)) for name in sorted({*old, *new})}


def compare_q_values(
    address: str,
    before: pl.DataFrame,
    after: pl.DataFrame,
    key: Sequence[str],
    *,
    threshold: float = Q_VALUE_THRESHOLD,
) -> list[ItemChange]:
    """q-values that came below the threshold or rose to it, of rows that both releases have; a missing one is above."""
    keys = [name for name in key if name in before.columns and name in after.columns]
    found = []
    # A threshold that the catalog states is no result.
    named = [name for name in after.columns if name.startswith("q_value") and not name.endswith("_threshold")]
    for column in [name for name in named if name in before.columns]:
        if not before[column].dtype.is_float():
            continue
        own = _own_numbers(before, after, keys)
        both = after.select(*keys, column, pl.struct(own).alias("own")).join(
            before.select(*keys, pl.col(column).alias("was"), pl.struct(own).alias("own_was")),
            on=keys, how="inner", nulls_equal=True,
        )  # fmt: skip
        now_below, was_below = pl.col(column).fill_null(1.0) < threshold, pl.col("was").fill_null(1.0) < threshold
        for row in both.filter(now_below != was_below).sort(keys).iter_rows(named=True):
            is_below = row[column] is not None and row[column] < threshold
            found.append(
                ItemChange(
                    "q_value", f"{address}.{column}", ", ".join(str(row[name]) for name in keys),
                    f"fell below {threshold:g}" if is_below else f"rose to {threshold:g} or more",
                    _number(row["was"]), _number(row[column]), address,
                    FAMILY_CHANGED if row["own"] == row["own_was"] else EFFECT_CHANGED,
                )
            )  # fmt: skip
    return found


def _own_numbers(before: pl.DataFrame, after: pl.DataFrame, keys: Sequence[str]) -> list[pl.Expr]:
    """Numbers of a row that do not depend on the other rows of its family: effect, error, p-value, n."""
    names = [
        name
        for name in after.columns
        if name in before.columns
        and name not in keys
        and after[name].dtype.is_numeric()
        and before[name].dtype == after[name].dtype
        and not name.startswith(OF_THE_FAMILY)
    ]
    return [
        pl.col(name).round_sig_figs(SIGNIFICANT_DIGITS) if after[name].dtype.is_float() else pl.col(name)
        for name in names
    ] or [pl.lit(None).alias("nothing")]


def compare_verdicts(
    address: str, before: pl.DataFrame, after: pl.DataFrame, item: str, verdict: str
) -> list[ItemChange]:
    """Claims with another verdict."""
    both = after.select(item, verdict).join(
        before.select(item, pl.col(verdict).alias("was")), on=item, how="full", coalesce=True
    )
    return [
        ItemChange("verdict", address, str(row[item]), "verdict", row["was"], row[verdict], address)
        for row in both.filter(~pl.col(verdict).eq_missing(pl.col("was"))).sort(item).iter_rows(named=True)
    ]


def compare_words(
    address: str, before: pl.DataFrame, after: pl.DataFrame, items: tuple[str, ...], word: str
) -> list[ItemChange]:
    """Candidates that have another word of confidence; None is none."""
    both = after.select(*items, word).join(
        before.select(*items, pl.col(word).alias("was")), on=items, how="full", coalesce=True
    )
    return [
        ItemChange(
            "confidence", address, ": ".join(str(row[one]) for one in items), word, row["was"], row[word], address
        )
        for row in both.filter(~pl.col(word).eq_missing(pl.col("was"))).sort(items).iter_rows(named=True)
    ]


def diff_releases(data_dir: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> ReleaseDiff:
    """Compare two releases by their manifests, reading the Parquet files of the tables that differ.

    Args:
        data_dir: holds the lake.
        before, after: manifests, as `releases/<n>.json`.

    Raises:
        FileNotFoundError: a Parquet file that a manifest names is gone (pruned).
    """
    lake = open_lake(data_dir)
    old_record, new_record = _records(lake, before), _records(lake, after)
    tables: list[TableChange] = []
    items: list[ItemChange] = []
    sizes: dict[str, tuple[int, int]] = {}
    addresses = list(dict.fromkeys([*after["tables"], *before["tables"]]))
    for address in addresses:
        was, now = before["tables"].get(address), after["tables"].get(address)
        if was is not None and now is not None and was["data_version"] == now["data_version"]:
            continue
        frames = _changed_rows(data_dir, address, was, now)
        change = _with_rows_of_all(compare_table(address, *frames), was, now)
        tables.append(_with_causes(change, causes_of(address, old_record, new_record)))
        old, new = frames
        if old is None or new is None:
            continue
        if address in MEMBERSHIPS:
            items += compare_members(address, old, new, *MEMBERSHIPS[address])
            sizes |= sizes_of_sets(address, old, new, *MEMBERSHIPS[address])
        from resistance_assets.catalog.tables import TABLES

        if address in TABLES:
            items += compare_q_values(address, old, new, TABLES[address].key)
        if address in VERDICTS:
            items += compare_verdicts(address, old, new, *VERDICTS[address])
        if address in WORDS:
            items += compare_words(address, old, new, *WORDS[address])
    if "marts.published_claims" in after["tables"]:
        items = [item for item in items if item.subject != "core.claims__verdicts" or item.kind != "verdict"]
    moved = {item.subject for item in items}
    kept_sizes = {name: pair for name, pair in sizes.items() if name in moved}
    return ReleaseDiff(before["release"], after["release"], tuple(tables), tuple(items), kept_sizes)


def _changed_rows(
    data_dir: Path, address: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Rows of a table in two releases, without the files of partitions that both have: no key is in two of them."""
    stated = [None if facts is None else release_files(data_dir, facts) for facts in (was, now)]
    old, new = stated
    if old is None or new is None or address in (*MEMBERSHIPS, *VERDICTS, *WORDS):
        held = [None if files is None else read_files(files) for files in stated]
        return held[0], held[1]
    gone, came = ([path for path in files if path not in other] for files, other in ((old, new), (new, old)))
    # Where nothing went, the columns are told by what came, and the other way round.
    frames = [read_files(files) if files else None for files in (gone, came)]
    [columns, *_] = [frame for frame in frames if frame is not None] or [scan_files(new[:1]).head(0).collect()]
    return tuple(columns.clear() if frame is None else frame for frame in frames)  # pyright: ignore[reportReturnType]


def _with_rows_of_all(change: TableChange, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> TableChange:
    """A change with the rows that the manifests state, where not all of them were read."""
    if was is None or now is None:
        return change
    return replace(change, rows_before=was["rows"], rows_after=now["rows"])


def _with_causes(change: TableChange, causes: tuple[Cause, ...]) -> TableChange:
    from dataclasses import replace

    return replace(change, causes=causes)


def _records(lake: Lake, manifest: Mapping[str, Any]) -> Records:
    """How each table and partition of a release was made."""
    known: dict[str, TableVersion | None] = {}
    keys = {address: cache_key_in(facts) for address, facts in manifest["tables"].items()}
    keys |= partitions_in(manifest)

    def record(address: str) -> TableVersion | None:
        if address not in known:
            key = keys.get(address)
            known[address] = lake.record(address, key) if key else None
        return known[address]

    return record


def _short(checksum: str | None) -> str:
    return checksum[:12] if checksum else "none"


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
