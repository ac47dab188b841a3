"""What a run did, as a person sees it at the end: what failed first, then what is lacking, then the result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import CatalogFault

if TYPE_CHECKING:
    from resistance_assets.orchestration.run_outcome import Launch

LAYER_ORDER = ("raw", "staging", "core", "marts", "parts", "warehouse", "report")
OUTCOME_ORDER = ("built", "cache hit", "kept", "unavailable", "failed")
MOST_NAMED = 5
# A table that is missing because its input is missing adds nothing to what is said of the input.
FOLLOWS_FROM_ANOTHER = ": its input "
_ADDRESS = re.compile(r"https?://\S+?(?=[,;.]?(?:\s|$|\)))|\b[0-9a-f]{32,}\b|(?<=')[^']*(?=')")


@dataclass
class Summary:
    """A run: outcome per table, release, studies that were left out."""

    launch: Launch
    release: int | None
    is_new_release: bool
    study_faults: tuple[tuple[Path, CatalogFault], ...]
    data_dir: Path
    # Contrasts whose design supports no p-value, by the reason in a few words.
    effect_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Unknown gene names, warnings and unread cells of studies, a line each.
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.launch.failed and not self.study_faults and self.release is not None

    @property
    def lacking(self) -> dict[str, str]:
        """Tables that are unavailable, or kept as they were, with the reason."""
        outcomes = self.launch.outcomes.items()
        return {
            address: self.launch.messages.get(address, "")
            for address, outcome in outcomes
            if outcome in ("unavailable", "kept")
        }

    def as_document(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "release": self.release,
            "new_release": self.is_new_release,
            "seconds": round(self.launch.elapsed, 2),
            "layers": {layer: dict(counts) for layer, counts in self.launch.by_layer().items()},
            "failed": {address: self.launch.messages[address] for address in self.launch.failed},
            "unavailable": self.lacking,
            "not_reached": list(self.launch.not_reached),
            "effect_only": {reason: list(contrasts) for reason, contrasts in self.effect_only.items()},
            "notes": list(self.notes),
            "study_faults": {str(folder): str(fault) for folder, fault in self.study_faults},
            "run_ids": self.launch.run_ids,
        }

    def show(self) -> None:
        from resistance_assets.commands.output.printing import tell

        self._show_failures()
        self._show_counts()
        for line in fold_reasons(self.lacking.values()):
            tell(line, label="unavailable", style="yellow")
        if self.effect_only:
            groups = (f"{', '.join(contrasts)}, because {reason}" for reason, contrasts in self.effect_only.items())
            tell(f"effect only (no p-value): {'; '.join(groups)}")
        for note in self.notes:
            tell(note, label="note", style="yellow")
        if self.release is None:
            tell("; the warehouse is as it was", label="nothing was published", style="red", is_error=True)
        else:
            from resistance_assets.orchestration.stores.opening import warehouse_home

            word = "new release" if self.is_new_release else "nothing changed, still release"
            place = warehouse_home(self.data_dir) / "warehouse.duckdb"
            tell(f"{word} {self.release} in {self.launch.elapsed:.1f} s: {place}")
            pages = self.data_dir / "report" / "index.html"
            if pages.exists():
                tell(f"pages: {pages}")

    def _show_counts(self) -> None:
        from rich.table import Table

        from resistance_assets.commands.output.printing import terminal

        counts = self.launch.by_layer()
        seconds: dict[str, float] = {}
        for address, spent in self.launch.seconds.items():
            if self.launch.outcomes[address] == "built":
                layer = address.split(".", 1)[0]
                seconds[layer] = seconds.get(layer, 0.0) + spent
        table = Table(title=None, pad_edge=False)
        for name in ("layer", *OUTCOME_ORDER, "seconds"):
            table.add_column(name, justify="left" if name == "layer" else "right")
        for layer in LAYER_ORDER:
            if layer in counts:
                numbers = [str(counts[layer].get(outcome, 0) or "·") for outcome in OUTCOME_ORDER]
                table.add_row(layer, *numbers, f"{seconds.get(layer, 0.0):.1f}")
        terminal().print(table)

    def _show_failures(self) -> None:
        from resistance_assets.commands.output.printing import tell

        for folder, fault in self.study_faults:
            tell(f"{folder.name}: {fault}", label=f"{fault.leaves_out} left out", style="red", is_error=True)
        for message in dict.fromkeys(self.launch.messages[address] for address in self.launch.failed):
            tell(message, label="failed", style="red", is_error=True)
        if waiting := self.launch.not_reached:
            tell(f"not built, because they rest on what failed: {named(waiting)}", is_error=True)


def named(names: Iterable[str], most: int = MOST_NAMED) -> str:
    """Names in one line: the first ones, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"


_LACK = re.compile(r"^(?P<before>.* has no )(?P<what>[\w ]+)(?P<after>\..*)$")


def _with_one_lack(kinds: Mapping[str, dict[str, str]]) -> list[dict[str, str]]:
    """Reasons by subject, kind by kind; what one subject alone lacks is one reason: `the cohort has no OS, no PFS`."""
    found: list[dict[str, str]] = []
    at: dict[tuple[str, str, str], int] = {}
    for subjects in kinds.values():
        (subject, reason), *others = subjects.items()
        lack = None if others else _LACK.match(reason)
        if lack is None:
            found.append(subjects)
            continue
        key = (subject, lack["before"], lack["after"])
        if key in at:
            before = found[at[key]][subject].removesuffix(lack["after"])
            found[at[key]] = {subject: f"{before}, no {lack['what']}{lack['after']}"}
        else:
            at[key] = len(found)
            found.append(subjects)
    return found


_HOLDS_NONE = re.compile(r"^(?P<table>[\w.]+): (?P<archive>\S+) holds no (?P<what>.+?)(?: \(expected .*|\. .*|\.?)$")


def _of_one_archive(reasons: Iterable[str]) -> list[str]:
    """Reasons, those of tables that one archive has nothing for as one: which layers it lacks is one fact of it."""
    others: list[str] = []
    lacking: dict[str, list[tuple[str, str, str]]] = {}
    for reason in reasons:
        found = _HOLDS_NONE.match(reason)
        if found is None:
            others.append(reason)
        else:
            lacking.setdefault(found["archive"], []).append((found["table"], found["what"], reason))
    for archive, tables in lacking.items():
        if len(tables) == 1:
            others.append(tables[0][2])
        else:
            layers = ", no ".join(dict.fromkeys(what for _, what, _ in tables))
            others.append(f"{archive}: holds no {layers}; empty are {', '.join(table for table, _, _ in tables)}")
    return others


def fold_reasons(reasons: Iterable[str]) -> list[str]:
    """One line for each kind of reason, with the subjects that it holds for; reasons that follow from others left out.

    Reasons are of one kind if they are equal but for their subject, addresses, checksums and quoted names; of several
    the first is told.
    """
    kinds: dict[str, dict[str, str]] = {}
    for reason in sorted(_of_one_archive(sorted(set(reasons)))):
        if reason and FOLLOWS_FROM_ANOTHER not in reason:
            subject, _, rest = reason.partition(": ")
            if not rest:
                subject, rest = "", reason
            # The place stands in brackets or behind a comma of the subject.
            subject = re.split(r"[ ,(]", subject, maxsplit=1)[0]
            kind = _ADDRESS.sub("…", rest.replace(subject, "…") if subject else rest)
            kinds.setdefault(kind, {}).setdefault(subject, reason)
    lines = []
    for subjects in _with_one_lack(kinds):
        first = next(iter(subjects.values()))
        if len(subjects) == 1:
            lines.append(first)
        else:
            lines.append(f"{len(subjects):,} sources ({named(subjects)}). Of the first: {first}")
    return lines
