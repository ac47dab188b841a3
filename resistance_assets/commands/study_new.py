"""What `study new` does: read the headers of a folder's tables and propose a `study.toml`.

Guesses are told as such in comments of the file. Nothing is computed of the tables beyond their first rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.errors import CatalogFault, Fault, UsageFault

SUFFIXES = (".tsv", ".csv", ".txt", ".tab", ".xlsx", ".gz")
ROWS_READ = 400
BASELINES = ("parental", "control", "ctrl", "normal", "untreated", "vehicle", "dmso", "sensitive", "wt", "wildtype",
             "wild_type", "scramble", "sictrl", "mock", "baseline", "pre")  # fmt: skip
FACTORS = ("condition", "group", "treatment", "resistance", "line", "genotype", "status", "tissue", "class", "type")
COVARIATES = ("batch", "plate", "run", "lane", "flowcell", "replicate", "experiment", "day")
TRAITS = ("sex", "gender", "age", "age_years", "stage", "smoker", "race")
PAIRS = ("patient", "patient_id", "donor", "pair", "mouse", "subject")
FOLD_CHANGES = ("logfc", "log2foldchange", "log2fc", "log2_fold_change", "lfc", "log2ratio", "avg_log2fc")
SYMBOLS = ("hgnc_symbol", "gene_symbol", "genesymbol", "symbol", "gene", "gene_name", "external_gene_name", "genes")
FEATURES = ("id", "probe", "probe_id", "probeset", "id_ref", "ensembl", "ensembl_gene_id", "gene_id", "feature")
P_VALUES = ("pvalue", "p_value", "p_val", "pval", "p", "pr_f", "p_value_raw")
TIMES = ("time", "os_time", "os_days", "os_months", "os_years", "survival_time", "days", "months", "follow_up")
EVENTS = ("event", "os_event", "status", "death", "dead", "vital_status", "os", "os_status", "censor")


@dataclass(frozen=True)
class Sketch:
    """A table as far as it was read: header, and the first rows by column."""

    path: Path
    columns: Mapping[str, list[str]]

    @property
    def header(self) -> list[str]:
        return list(self.columns)

    def named(self, names: Iterable[str]) -> str | None:
        """The first column that has one of these names, capitals and marks aside."""
        by_plain = {_plain(column): column for column in reversed(self.header)}
        return next((by_plain[_plain(name)] for name in names if _plain(name) in by_plain), None)


@dataclass
class Proposal:
    """A `study.toml` that may be written, and what a person should look at first."""

    path: Path
    text: str
    remarks: list[str] = field(default_factory=list)


def propose_study(folder: Path) -> Proposal:
    """A `study.toml` for the tables of a folder.

    Raises:
        UsageFault: the folder is not there, has a study.toml, or holds no table that can be told.
    """
    path = folder / "study.toml"
    if not folder.is_dir():
        raise UsageFault(
            "the folder does not exist", subject=str(folder), remedy="Create it and put the study's tables there."
        )
    if path.exists():
        raise UsageFault("exists", subject=str(path), remedy="Edit it, or remove it first.")
    sketches, remarks = _read_tables(folder)
    study_id = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_") or "my_study"
    if study_id[0].isdigit():
        study_id = f"study_{study_id}"
    for table in sketches:
        for sheet in sketches:
            if table is not sheet and _is_matrix_of(table, sheet):
                return _counts(path, study_id, table, sheet, remarks)
    for table in sketches:
        if table.named(FOLD_CHANGES):
            return _published(path, study_id, table, remarks)
    seen = "; ".join(f"{one.path.name}: {', '.join(one.header[:8])}" for one in sketches)
    seen = "; ".join([*([seen] if seen else []), *remarks]) or "no table"
    raise UsageFault(
        f"no table is of a kind that can be told from its header ({seen})", subject=str(folder),
        expected="a count table with its sample sheet, or a table with fold changes",
        remedy="Write study.toml by hand: docs/bench_studies.md and docs/single_cell.md show the other kinds.",
    )  # fmt: skip


def write_study(proposal: Proposal) -> str:
    """Write the file, and say whether it is read without a fault."""
    from resistance_assets.catalog.study_folders import load_local_study

    with proposal.path.open("x", encoding="utf-8") as file:
        file.write(proposal.text)
    try:
        load_local_study(proposal.path.parent)
    except CatalogFault as fault:
        return f"{proposal.path} is written; correct first: {fault}"
    return f"{proposal.path} is written and read without a fault"


def _read_tables(folder: Path) -> tuple[list[Sketch], list[str]]:
    from resistance_assets.connectors.formats.delimited import read_bytes, split_text

    sketches, remarks = [], []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix.lower() not in SUFFIXES or path.name.lower().startswith("readme"):
            continue
        try:
            data = read_bytes(path)
            head = b"\n".join(data.replace(b"\r\n", b"\n").split(b"\n")[: ROWS_READ + 1]) + b"\n"
            first = next((line for line in head.split(b"\n") if line.strip()), b"")
            separator = max("\t,;", key=lambda mark: first.count(mark.encode()))
            frame = split_text(head, source=path.name, separator=separator, quoted=True).frame()
        except Fault as fault:
            remarks.append(f"{path.name} was not read: {fault}")
            continue
        columns = {name: [value or "" for value in frame[name].to_list()] for name in frame.columns}
        if len(columns) > 1:
            sketches.append(Sketch(path, columns))
    return sketches, remarks


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_matrix_of(table: Sketch, sheet: Sketch) -> bool:
    """Whether the columns of ``table`` are the samples that ``sheet`` lists, with numbers below them."""
    samples = set(sheet.columns[sheet.header[0]])
    own = [name for name in table.header[1:] if name in samples]
    if len(own) < 2 or len(own) < 0.5 * (len(table.header) - 1):
        return False
    return all(_is_number(value) for value in table.columns[own[0]] if value)


def _levels(sheet: Sketch, column: str) -> Counter[str]:
    return Counter(value for value in sheet.columns[column] if value)


def _factor(sheet: Sketch) -> str | None:
    """The column that is compared: by its name, else the first of two to four groups with replicates."""
    fitting = [
        name for name in sheet.header[1:]
        if 2 <= len(_levels(sheet, name)) <= 6 and not _is_named(name, (*COVARIATES, *PAIRS, *EVENTS, *TRAITS))
    ]  # fmt: skip
    by_name = [name for name in fitting if _is_named(name, FACTORS)]
    replicated = [name for name in fitting if min(_levels(sheet, name).values()) >= 2]
    return next(iter([*by_name, *replicated]), None)


def _is_named(column: str, names: Sequence[str]) -> bool:
    return _plain(column) in {_plain(name) for name in names}


def _baseline(levels: Iterable[str]) -> str | None:
    listed = list(levels)
    for word in BASELINES:
        for level in listed:
            if _plain(word) in _plain(level) and not _plain(level).startswith("non"):
                return level
    return None


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "group"


def _head(study_id: str, kind: str, genes: Sequence[str], remarks: list[str]) -> list[str]:
    mouse = sum(bool(re.fullmatch(r"[A-Z][a-z]+\d*[a-z]?\d*", gene)) for gene in genes) > 0.6 * max(1, len(genes))
    if mouse:
        remarks.append("the symbols look like those of a mouse: state the organism and its orthologs")
    return [
        "[study]",
        f"id = {toml_string(study_id)}",
        f"title = {toml_string(study_id.replace('_', ' ').capitalize())}   # as pages and figures shall call it",
        f"organism = {toml_string('Mus musculus' if mouse else 'Homo sapiens')}",
        f"kind = {toml_string(kind)}",
    ]


_DRUG_LINES = (
    '# drug = "osimertinib"                 # for candidates and consensus over studies, these four:',
    '# drug_class = "EGFR-TKI"',
    '# state = "acquired"                   # resistant cells; or tolerant (persisters), treated (given it for hours)',
    '# cell_line = "PC9"                    # and laboratory = "..." under [study]: what makes studies independent',
)


def _overlap_example(contrast: str, method: str) -> list[str]:
    return [
        "",
        "# Shared genes, with what chance gives. Ids of lists: <contrast>__<method>__up or __down (of a published",
        "# table the method is `published`), or a list of the catalog. The right universe is `tested`: genes that all",
        "# contrasts among the lists tested.",
        "# [[intersection]]",
        f"# id = {toml_string(f'{contrast}_and_cancer_genes')}",
        '# title = "Up here, and a cancer gene"',
        f'# lists = [{toml_string(f"{contrast}__{method}__up")}, "allonco_may2018"]',
        '# universe = "tested"',
        "",
        "# [genes]",
        '# of_interest = ["AXL"]          # pages, curves and labels for these',
        "",
    ]


def _counts(path: Path, study_id: str, table: Sketch, sheet: Sketch, remarks: list[str]) -> Proposal:
    genes = table.columns[table.header[0]]
    lines = _head(study_id, "rna_seq_counts", genes, remarks)
    lines += [f"counts = {toml_string(table.path.name)}", f"samples = {toml_string(sheet.path.name)}"]
    lacking = [name for name in table.header[1:] if name not in set(sheet.columns[sheet.header[0]])]
    if lacking:
        lines.append(f"ignored_columns = [{', '.join(map(toml_string, lacking))}]   # not in {sheet.path.name}")
        remarks.append(f"{table.path.name} has columns that {sheet.path.name} does not list: {', '.join(lacking[:5])}")
    values = [value for name in table.header[1:4] for value in table.columns[name] if _is_number(value)]
    if any(not float(value).is_integer() for value in values):
        lines.append('count_type = "estimated"   # the table holds fractions: estimates of RSEM, Salmon or kallisto')
        remarks.append(f"{table.path.name} holds fractions; CPM, TPM or logarithms are no counts")
    time, event = sheet.named(TIMES), sheet.named(EVENTS)
    factor = _factor(sheet)
    contrast = None
    if factor is not None:
        levels = _levels(sheet, factor)
        bottom = _baseline(levels) or sorted(levels)[0]
        if _baseline(levels) is None:
            remarks.append(f"which level of {factor} is the baseline is a guess: {bottom}")
        covariates = [
            name for name in sheet.header[1:]
            if _is_named(name, (*COVARIATES, *PAIRS)) and _is_crossed(sheet, name, factor)
        ]  # fmt: skip
        for top in (level for level in levels if level != bottom):
            contrast = f"{study_id}_{_word(top)}_vs_{_word(bottom)}"
            lines += [
                "",
                "[[contrast]]",
                f"id = {toml_string(contrast)}",
                f"title = {toml_string(f'{top} over {bottom}')}",
                f"factor = {toml_string(factor)}",
                f"numerator = {toml_string(top)}         # {levels[top]} samples",
                f"denominator = {toml_string(bottom)}       # {levels[bottom]} samples",
            ]
            if covariates:
                lines.append(f"covariates = [{', '.join(map(toml_string, covariates))}]")
            lines += ['methods = ["pydeseq2", "limma_voom"]', *_DRUG_LINES]
            lines.append("thresholds = { q_value = 0.05, abs_log2_fold_change = 1.0 }")
            if min(levels[top], levels[bottom]) < 2:
                remarks.append(f"{contrast}: one sample in an arm supports no p-value, fold changes alone")
    if time and event:
        unit = next((unit for unit in ("days", "months", "years") if unit in time.lower()), "days")
        if unit not in time.lower():
            remarks.append(f"the unit of {time} is a guess: days")
        lines += [
            "",
            "[survival]",
            'endpoint = "OS"             # OS, DSS, DFS, PFS, DFI or PFI',
            f"time_column = {toml_string(time)}",
            f"event_column = {toml_string(event)}   # 1 = event, 0 = censored",
            f"unit = {toml_string(unit)}             # days, months or years",
        ]
        if patient := sheet.named(PAIRS):
            lines.append(f"patient_column = {toml_string(patient)}")
        for key, names in (("age_column", ("age", "age_years")), ("sex_column", ("sex", "gender"))):
            if column := sheet.named(names):
                lines.append(f"{key} = {toml_string(column)}")
    if contrast is None and not (time and event):
        remarks.append(f"no column of {sheet.path.name} has groups to compare: add a [[contrast]]")
    lines += _overlap_example(contrast, "pydeseq2") if contrast else [""]
    return Proposal(path, "\n".join(lines), remarks)


def _is_crossed(sheet: Sketch, column: str, factor: str) -> bool:
    """Whether a level of the column holds samples of two groups, so that a model can tell both apart."""
    groups: dict[str, set[str]] = {}
    for level, group in zip(sheet.columns[column], sheet.columns[factor], strict=True):
        groups.setdefault(level, set()).add(group)
    return len(groups) > 1 and any(len(found) > 1 for found in groups.values())


def _published(path: Path, study_id: str, table: Sketch, remarks: list[str]) -> Proposal:
    from resistance_assets.connectors.lab_study.local_study import names_adjusted

    fold, symbol = table.named(FOLD_CHANGES), table.named(SYMBOLS)
    feature = table.named(FEATURES) or symbol or table.header[0]
    symbol = symbol or feature
    plain = [name for name in table.header if not names_adjusted(name)]
    p_value = next((n for n in plain if _is_named(n, P_VALUES) or re.search(r"p[ ._]?val", n, re.I)), None)
    q_value = next((name for name in table.header if names_adjusted(name)), None)
    lines = _head(study_id, "deg_result", table.columns[symbol], remarks)
    columns = {
        "feature": feature,
        "hgnc_symbol": symbol,
        "log2_fold_change": fold,
        "p_value": p_value,
        "q_value": q_value,
    }
    told = ", ".join(f"{name} = {toml_string(column)}" for name, column in columns.items() if column)
    contrast = f"{study_id}_resistant_vs_parental"
    lines += [
        "",
        "[[contrast]]",
        f"id = {toml_string(contrast)}",
        'title = "resistant over parental"      # a guess: the table does not say what was compared',
        f"table = {toml_string(table.path.name)}",
        'numerator = "resistant"',
        'denominator = "parental"',
        'method = "as published"',
        "# n_numerator = 3                      # samples per arm, where the publication states them",
        "# n_denominator = 3",
        f"columns = {{ {told} }}",
        *_DRUG_LINES,
    ]
    remarks.append("what is compared, and its direction, is a guess: correct numerator, denominator and id")
    if not p_value and not q_value:
        lines.append('evidence_kind = "effect_only"          # no column of p- or q-values was found')
        remarks.append(f"no column of p- or q-values was found among {', '.join(table.header)}")
    if any("///" in value for value in table.columns[symbol]):
        lines.append('multi_gene_separator = " /// "         # probes of several genes are set aside')
    values = [float(value) for value in table.columns[fold] if _is_number(value)] if fold else []
    if values and min(values) >= 0:
        lines.append('# fold_change_scale = "ratio"          # no value is negative: ratios, not log2?')
        remarks.append(f"no value of {fold} is negative: is it a ratio?")
    lines.append("thresholds = { q_value = 0.05, abs_log2_fold_change = 1.0 }")
    return Proposal(path, "\n".join([*lines, *_overlap_example(contrast, "published")]), remarks)
