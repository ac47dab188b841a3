"""The design of a series, proposed from its sample sheet: arms with their samples, and contrasts where it is sure.

Here belong telling what varies between samples, the words by which a treatment, a resistant line or tolerance is known,
and the comparisons that they allow. A person decides: each arm and contrast says why it is proposed, and where the
sheet leaves a doubt there is a sentence instead of a contrast. Nothing is guessed from an accession.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

State = Literal["parental", "resistant", "tolerant", "unknown"]
Treatment = Literal["none", "vehicle", "drug", "withdrawn", "unknown"]

# Names of drugs and how sample titles shorten them; the targeted drugs of lung cancer, and what they are combined with.
DRUGS = {
    "osimertinib": ("osi", "azd9291", "tagrisso"),
    "erlotinib": ("erl", "tarceva"),
    "gefitinib": ("gef", "iressa"),
    "afatinib": ("afa", "bibw2992"),
    "dacomitinib": ("pf299804", "pf-299804"),
    "rociletinib": ("co1686", "co-1686"),
    "wz4002": ("wz",),
    "lazertinib": (),
    "icotinib": (),
    "anlotinib": (),
    "crizotinib": ("pf02341066", "pf-02341066"),
    "ceritinib": ("ldk378", "ldk-378"),
    "alectinib": ("ch5424802",),
    "brigatinib": ("ap26113",),
    "lorlatinib": ("pf06463922", "pf-06463922"),
    "ensartinib": (),
    "sotorasib": ("amg510", "amg-510"),
    "adagrasib": ("mrtx849",),
    "rmc-4550": ("rmc4550",),
    "trametinib": ("tram",),
    "selumetinib": ("azd6244",),
    "dabrafenib": (),
    "vemurafenib": ("plx4032",),
    "capmatinib": ("inc280",),
    "savolitinib": (),
    "tepotinib": (),
    "selpercatinib": (),
    "cisplatin": ("cddp",),
    "paclitaxel": (),
    "docetaxel": (),
    "pemetrexed": (),
    "gemcitabine": (),
}
_DRUG_OF = {word: drug for drug, others in DRUGS.items() for word in (drug, *others)}
_VEHICLE = re.compile(r"\b(dmso|vehicle|veh|mock|solvent)\b", re.IGNORECASE)
_UNTREATED = re.compile(r"\b(untreated|no treatment|no drug|none|control|ctrl|ctl|baseline)\b", re.IGNORECASE)
_NOT_RESISTANT = re.compile(r"\b(non|not)[- ]?resist|\bsensitive\b|\bparental?\b|\bparent\b|\bwild[- ]?type\b", re.I)
_RESISTANT = re.compile(r"(?<!non-)(?<!non)(?<!not )resist", re.IGNORECASE)
_TOLERANT = re.compile(r"\b(dtps?|dteps?|persisters?|toleran[a-z]*)\b", re.IGNORECASE)
_WITHDRAWN = re.compile(r"wash[- _]?(ed)?[- _]?out|withdraw|drug[- _]?holiday|released?\b", re.IGNORECASE)
# A parental line with letters for the drug that it resists: PC9-OR, PC9GR4, H2228_CR. It is a name, not a statement.
_RESISTANT_NAME = re.compile(r"^[-_ ]?(?:(?:OR|GR|ER|AR|CR|LR|BR|CER|CHR|ADR|R)\d*|[A-Z]{0,4}[-_ ]?R\d*)$")
CELL_LINES = re.compile(
    r"(?<![A-Za-z0-9])(?:NCI-?)?(PC-?(?:9|14|3)|H-?(?:1650|1975|2228|3122|3255|358|23|460|1299|1792|2030|2122|3255|1993"
    r"|2009|441|820|322|596|661|838|292|226|520)|HCC-?(?:827|2935|4006|2279|78|95|15|44|4011)|A-?549|A427|II-18|YU-?\d+C?"
    r"|MGH-?\d+|STE-?1|EBC-?1|LUDLU-?1|Calu-?\d|DFCI-?\d+|SNU-?\d+|VMRC-LCD|Ma-?(?:1|70)|MOLM-?\d+|K-?562|MCF-?7|U2OS)"
    r"(?![0-9])",
    re.IGNORECASE,
)  # fmt: skip
_REPLICATE = re.compile(
    r"[\s_.,;-]*(?:\b|_)(?:biological|technical|bio|tech)?[\s_.-]*(?:replicates?|reps?|r|n|#|sample|no\.?)[\s_.#-]*\d+\b",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\s_.\-]+(?:[0-9]{1,2}|[a-cA-C])$")
_ASSAY = re.compile(r"[\[(]\s*(?:rna[- _]?seq|mrna|array|expression|polya)[^\])]*[\])]", re.IGNORECASE)
_TIME = re.compile(r"(?<![A-Za-z0-9])\d+ ?(?:min|h|hr|hrs|hours?|d|days?|wk|weeks?)(?![A-Za-z])", re.IGNORECASE)
_OF_A_LINE = re.compile(
    r"[A-Za-z0-9-]+[- ](?:resist|sensitiv|toleran)[a-z]*(?: to [A-Za-z0-9-]+)?"
    r"|(?:resist|sensitiv|toleran)[a-z]* to [A-Za-z0-9-]+",
    re.IGNORECASE,
)
# Columns that number, place or describe a sample and are no factor of an experiment on cell lines.
NO_FACTOR = re.compile(
    r"replicate|batch|donor|individual|patient|subject|\bage\b|^.*_age$|sex|gender|race|ethnic|ercc|run|lane|date|accession"
    r"|file|sample_id|barcode|plate|passage|url|provider|protocol|description|contact|geo_|biosample|sra|instrument",
    re.IGNORECASE,
)
_TREATMENT_COLUMN = re.compile(r"treat|compound|agent|drug|stimul|exposure|inhibitor|perturb", re.IGNORECASE)
_TIME_COLUMN = re.compile(r"time|duration|hour|day", re.IGNORECASE)
_LINE_COLUMN = re.compile(r"cell[_ ]?line|^.*_line$", re.IGNORECASE)
LEAST_REPLICATES = 2
NO_PARTNER = "to compare it with"
NO_LINE = "no cell line is named"
SHORTEST_DRUG = 4
LONGEST_ID = 40


@dataclass(frozen=True)
class Arm:
    """Samples of one kind, and what the sheet says of them.

    `drugs` are those that the cells were given, `resisted` those that the sheet says they resist or tolerate.
    `variant` is the name of a derived line (PC9-OR, ER3), empty for the line itself; `rest` holds the factors that are
    neither line, treatment nor state: a comparison keeps them equal.
    """

    id: str
    title: str
    samples: tuple[str, ...]
    line: str | None
    treatment: Treatment
    drugs: tuple[str, ...]
    state: State
    rest: tuple[str, ...]
    reason: str
    resisted: tuple[str, ...] = ()
    variant: str = ""


@dataclass(frozen=True)
class ProposedContrast:
    """Two arms that may be compared: `acquired` resistance, drug `tolerant` cells, or `treated` ones."""

    id: str
    numerator: str
    denominator: str
    state: Literal["acquired", "tolerant", "treated"]
    drug: str | None
    reason: str


@dataclass(frozen=True)
class Design:
    """What is proposed of a series: factors with their levels, arms, contrasts, and what a person must decide."""

    factors: Mapping[str, tuple[str, ...]]
    arms: tuple[Arm, ...]
    contrasts: tuple[ProposedContrast, ...]
    unsure: tuple[str, ...]


def propose_design(sample_sheet: pl.DataFrame, *, context: str = "") -> Design:
    """Arms and contrasts of a series, as far as its sample sheet is sure of them.

    Args:
        sample_sheet: one row per sample: sample_id and text columns (title, source_name, characteristic_*, factor_*).
        context: what the record says of the series as a whole: title and summary.

    Returns:
        Each sample in exactly one arm. Contrasts are within one cell line and differ in one thing alone.
    """
    rows = sample_sheet.to_dicts()
    labels = _labels(rows)
    factors = _factors(sample_sheet)
    of_arm: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (labels[row["sample_id"]], *(str(row[name] or "") for name in factors))
        of_arm.setdefault(key, []).append(row["sample_id"])
    by_id = {row["sample_id"]: row for row in rows}
    treatment = _treatment_column(factors)
    arms = [_arm(key[0], [by_id[one] for one in samples], factors, treatment) for key, samples in of_arm.items()]
    arms, unsure = _with_lines(_told_apart(arms), context)
    contrasts: list[ProposedContrast] = []
    for arm in arms:
        found, doubt = _contrast_of(arm, arms, _drugs_in(context))
        contrasts += found
        unsure += doubt
    if not CELL_LINES.search(context):
        # Sensitive and resistant may be the words for lines that never were one.
        lines = {arm.id: arm.line for arm in arms}
        nameless = [one for one in contrasts if one.state == "acquired" and lines[one.numerator] is None]
        contrasts = [one for one in contrasts if one not in nameless]
        unsure += [f"arm {one.numerator}: {NO_LINE}, so it may not come from {one.denominator}" for one in nameless]
    if _are_lines_replicates(arms, contrasts):
        contrasts = []
        unsure.append("each cell line or donor stands once in each arm: declare a design that is paired over them")
    elif not contrasts and not any(NO_PARTNER in doubt or NO_LINE in doubt for doubt in unsure):
        unsure.append("nothing in the sheet says which samples are treated, resistant or tolerant, and against what")
    return Design(factors, tuple(arms), tuple(contrasts), tuple(dict.fromkeys(unsure)))


def _treatment_column(factors: Mapping[str, tuple[str, ...]]) -> str | None:
    """The factor that says what samples were treated with: the one with an untreated level, or the only one."""
    columns = [name for name in factors if _TREATMENT_COLUMN.search(name)]
    bare = [name for name in columns if any(is_untreated(level) for level in factors[name])]
    return bare[0] if bare else columns[0] if len(columns) == 1 else None


def is_untreated(text: str) -> bool:
    """Whether a cell of a sample sheet says that cells had no drug, or its vehicle."""
    return bool(_VEHICLE.search(text) or _UNTREATED.search(text))


def _are_lines_replicates(arms: Sequence[Arm], contrasts: Sequence[ProposedContrast]) -> bool:
    """Whether every arm is one sample of one of several lines that were all treated alike."""
    treated = {arm.line: sorted(one.drugs for one in arms if one.line == arm.line) for arm in arms}
    return (
        bool(contrasts)
        and all(len(arm.samples) == 1 for arm in arms)
        and len(treated) > 1
        and all(drugs == next(iter(treated.values())) for drugs in treated.values())
    )


def _labels(rows: Sequence[Mapping[str, str | None]]) -> dict[str, str]:
    """Sample -> its title without what numbers it; empty where titles number samples and say nothing else."""
    names = {str(row["sample_id"]): row.get("title") or row.get("source_name") or "" for row in rows}
    plain = {sample: _REPLICATE.sub("", _ASSAY.sub("", name)).strip(" _-.,;") for sample, name in names.items()}
    shorter = {sample: _TRAILING.sub("", name) for sample, name in plain.items()}
    # A number at the end is a replicate where leaving it out puts samples together; it may be part of a name.
    counted = Counter(shorter.values())
    cut = {sample: shorter[sample] if counted[shorter[sample]] > 1 else name for sample, name in plain.items()}
    if len(set(cut.values())) == len(rows) and len(rows) > 1:
        return dict.fromkeys(cut, "") if any(_factor_columns(rows)) else cut
    return cut


def _factor_columns(rows: Sequence[Mapping[str, str | None]]) -> list[str]:
    return [
        name
        for name in (rows[0] if rows else ())
        if name.startswith(("characteristic", "factor")) and not NO_FACTOR.search(name)
    ]


def _factors(sample_sheet: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Columns that vary and whose levels repeat, each with its levels; of two that say the same, the first."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[tuple[int, ...]] = set()
    for name in _factor_columns(sample_sheet.to_dicts()):
        values = [str(value or "") for value in sample_sheet[name]]
        levels = tuple(dict.fromkeys(values))
        pattern = tuple(levels.index(value) for value in values)
        repeats = len(levels) <= max(2, len(values) // LEAST_REPLICATES) or _TREATMENT_COLUMN.search(name)
        if len(levels) > 1 and repeats and pattern not in seen:
            seen.add(pattern)
            found[name] = levels
    return found


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s_,;:/|()\[\]+.]+", text) if word]


def _drugs_in(text: str) -> list[str]:
    words = [word.lower() for word in _words(text)]
    words += [part for word in words for part in word.split("-")]
    found = (_DRUG_OF.get(word) or _shortened_drug(word) for word in words)
    return list(dict.fromkeys(drug for drug in found if drug is not None))


def _shortened_drug(word: str) -> str | None:
    """The one drug whose name begins with a word of four letters and more: `Osim`, `Alec`."""
    if len(word) < SHORTEST_DRUG or not word.isalpha():
        return None
    named = [drug for drug in DRUGS if drug.startswith(word)]
    return named[0] if len(named) == 1 else None


def _arm(
    label: str, rows: list[Mapping[str, str | None]], factors: Mapping[str, tuple[str, ...]], column: str | None
) -> Arm:
    """An arm with what its title, source and factors say; ``column`` is the factor of treatment."""
    samples = tuple(str(row["sample_id"]) for row in rows)
    # A factor that says of some sample that it resists tells the state of all of them.
    states = [name for name, levels in factors.items() if any(_RESISTANT.search(level) for level in levels)]
    row = rows[0]
    # Cells in which all samples of the arm agree; the label stands for their titles.
    agreed = {name: value for name, value in row.items() if value and len({one[name] for one in rows}) == 1}
    cells = {"title": label, **{name: str(agreed[name]) for name in factors if name in agreed}}
    if "source_name" in agreed:
        cells["source_name"] = str(agreed["source_name"])
    stated = " | ".join(value for value in cells.values() if value)
    spaced = stated.replace("_", " ")
    resistant = any(_RESISTANT.search(cell) and not _NOT_RESISTANT.search(cell) for cell in _spaced(cells.values()))
    # "erlotinib-resistant" tells a line and no treatment.
    drugs = _drugs_in(_OF_A_LINE.sub(" ", spaced))
    resisted = tuple(_drugs_in(" ".join(found.group(0) for found in _OF_A_LINE.finditer(spaced))))
    treatment: Treatment
    if _WITHDRAWN.search(spaced):
        treatment, why = "withdrawn", "the drug was taken away again"
    elif drugs:
        treatment, why = "drug", f"names {' and '.join(drugs)}"
    elif _VEHICLE.search(spaced):
        treatment, why = "vehicle", f"says {_found(_VEHICLE, spaced)}"
    elif _UNTREATED.search(spaced):
        treatment, why = "none", f"says {_found(_UNTREATED, spaced)}"
    elif column in cells and not _RESISTANT.search(cells[column]):
        treatment, drugs, why = "drug", [cells[column].lower()], f"{column}: {cells[column]}"
    else:
        treatment, why = "unknown", "says nothing of a treatment"
    state: State = "unknown"
    if resistant:
        state, why = "resistant", f"says {_found(_RESISTANT, spaced)}ant; {why}"
    elif _TOLERANT.search(spaced):
        state, why = "tolerant", f"says {_found(_TOLERANT, spaced)}; {why}"
    elif _NOT_RESISTANT.search(spaced):
        state, why = "parental", f"says {_found(_NOT_RESISTANT, spaced)}; {why}"
    line_cell = next((str(agreed[name]) for name in agreed if _LINE_COLUMN.search(name)), "")
    told = {column, *states}
    rest = tuple(str(agreed.get(name, "")) for name in factors if name not in told and not _LINE_COLUMN.search(name))
    known = CELL_LINES.search(line_cell) or CELL_LINES.search(stated)
    line = line_cell or (known.group(0) if known else None)
    return Arm(_plain(label or stated), stated, samples, line, treatment, tuple(drugs), state, rest, why, resisted)


def _spaced(cells: Iterable[str]) -> list[str]:
    return [cell.replace("_", " ") for cell in cells]


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(0) if found else ""


def _plain(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()[:LONGEST_ID].rstrip("_")
    return plain if plain[:1].isalpha() else f"arm_{plain}".rstrip("_")


def _told_apart(arms: list[Arm]) -> list[Arm]:
    """Arms whose ids differ: what a title is shortened to may be that of another."""
    used: Counter[str] = Counter()
    found = []
    for arm in arms:
        used[arm.id] += 1
        found.append(arm if used[arm.id] == 1 else replace(arm, id=f"{arm.id}_{used[arm.id]}"))
    return found


def _with_lines(arms: list[Arm], context: str) -> tuple[list[Arm], list[str]]:
    """Arms with the parental line that each belongs to, and the doubts about those whose name is not a known line.

    A name such as PC9-OR, or one that the record calls resistant, is a resistant line where the record speaks of
    resistance; elsewhere it is a doubt.
    """
    known = {found.group(0) for arm in arms if (found := CELL_LINES.search(arm.title))}
    parents = {_letters(name): name for name in sorted(known, key=len)}
    found_arms, unsure = [], []
    for arm in arms:
        first, second = [*_words(arm.title), "", ""][:2]
        match = CELL_LINES.match(first)
        if match:
            line = parents[_letters(match.group(0))]
            name = first[match.end() :] or (second if _RESISTANT_NAME.match(second) else "")
            is_named = bool(name) and bool(_RESISTANT_NAME.match(name)) and arm.state == "unknown"
            if is_named and _RESISTANT.search(context):
                reason = f"its name ends in {name.strip('-_ ')}, and the record speaks of resistance; {arm.reason}"
                arm = replace(
                    arm, state="resistant", reason=reason, variant=first + second if not first[match.end() :] else first
                )
            elif is_named:
                unsure.append(f"arm {arm.id}: its name may be that of a resistant line; the record does not say so")
                line = f"{line} {name.strip('-_ ')}"
            found_arms.append(replace(arm, line=line))
        elif len(parents) == 1 and arm.line is None and arm.state == "unknown" and _is_a_name(first):
            (line,) = parents.values()
            if _is_called_resistant(first, context):
                reason = f"the record calls {first} resistant; {arm.reason}"
                found_arms.append(replace(arm, line=line, state="resistant", reason=reason, variant=first))
            else:
                unsure.append(f"arm {arm.id}: {first} may be a line derived from {line}; the sheet does not say so")
                found_arms.append(replace(arm, line=first))
        else:
            found_arms.append(arm)
    return found_arms, unsure


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _may_be_as_long(arm: Arm, base: Arm) -> bool:
    times = [{found.group(0).lower().replace(" ", "") for found in _TIME.finditer(one.title)} for one in (arm, base)]
    return not all(times) or times[0] == times[1]


def _is_a_name(word: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]{1,4}\d{1,3}(-\d+)?[A-Za-z]?", word))


def _is_called_resistant(name: str, context: str) -> bool:
    """Whether a sentence of the record holds the name and says that something resists."""
    sentences = re.split(r"(?<=[.;!?])\s+|\n", context)
    named = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
    return any(named.search(one) and _RESISTANT.search(one) for one in sentences)


def _contrast_of(arm: Arm, arms: list[Arm], in_context: Sequence[str]) -> tuple[list[ProposedContrast], list[str]]:
    """What an arm may be compared with: one arm of its line that differs in one thing, or a doubt."""
    if arm.treatment == "withdrawn":
        return [], [f"arm {arm.id}: the drug was taken away again, which is no resistance; compare it as you need"]
    if arm.line is None and len({one.line for one in arms}) > 1:
        return [], []
    own = [one for one in arms if one is not arm and one.line == arm.line and one.rest == arm.rest]
    bare = [one for one in own if one.treatment in ("vehicle", "none")]
    # Where siblings name a drug, an arm that says nothing of a treatment had none.
    bare = bare or [one for one in own if one.treatment == "unknown"]
    wanted: list[tuple[Literal["acquired", "tolerant", "treated"], list[Arm]]] = []
    if arm.state == "resistant":
        same = [one for one in own if one.state in ("parental", "unknown") and one.treatment == arm.treatment
                and one.drugs == arm.drugs]  # fmt: skip
        beside = [one for one in own if one.state == arm.state and one.variant == arm.variant
                  and one.treatment in ("vehicle", "none")]  # fmt: skip
        if arm.treatment == "unknown" and beside:
            return [], [f"arm {arm.id} ({arm.reason}): {beside[0].id} {beside[0].reason}, so it may have had a drug"]
        if arm.treatment == "unknown":
            # Beside a parental arm, or one that says that it had no drug, one that says neither may have had anything.
            said = [one for one in own if one.state == "parental" or one.treatment in ("vehicle", "none")]
            same = [one for one in said if one.state in ("parental", "unknown")] or same
        if arm.treatment != "drug":
            same = same or [one for one in bare if one.state in ("parental", "unknown")]
            wanted.append(("acquired", same))
        else:
            wanted.append(("treated", [one for one in bare if one.state == "resistant" and one.variant == arm.variant]))
    elif arm.state == "tolerant":
        wanted.append(("tolerant", [one for one in bare if one.state in ("parental", "unknown")]))
    elif arm.treatment == "drug":
        wanted.append(("treated", [one for one in bare if one.state in ("parental", "unknown")]))
    # A day with a drug is compared with a day without it, wherever both say how long.
    wanted = [
        (state, [one for one in bases if state != "treated" or _may_be_as_long(arm, one)]) for state, bases in wanted
    ]
    contrasts, doubts = [], []
    for state, partners in wanted:
        if len(partners) != 1:
            there = "there is no arm" if not partners else f"there are {len(partners)} arms"
            doubts.append(f"arm {arm.id} ({arm.reason}): {there} {NO_PARTNER}")
            continue
        (base,) = partners
        few = [one for one in (arm, base) if len(one.samples) < LEAST_REPLICATES]
        alone = f"; {' and '.join(one.id for one in few)} has one sample: effects without p-values" if few else ""
        reason = f"{arm.reason}; against {base.id}, which {base.reason}{alone}"
        named = arm.drugs if state == "treated" else arm.resisted or arm.drugs or tuple(in_context)
        drug = named[0] if len(named) == 1 else None
        contrasts.append(
            ProposedContrast(f"{arm.id}_vs_{base.id}"[:63].rstrip("_"), arm.id, base.id, state, drug, reason)
        )
    return contrasts, doubts
