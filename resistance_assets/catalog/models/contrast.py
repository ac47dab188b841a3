"""Contrast and interaction: what is compared, how, and when a gene enters a list (`studies.toml`, `study.toml`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, model_validator

from resistance_assets.catalog.models.entry import Entry, Identifier, MethodName

Method = Literal["pydeseq2", "limma_voom", "limma", "edger_exact", "fold_change"]


State = Literal["acquired", "tolerant", "treated"]
"""What a contrast under a drug compares with cells that are sensitive or have no drug: cells that grew resistant over
weeks of it, cells that live through it for days (persisters), or cells that were given it."""

DESCRIPTIVE = frozenset({"drug", "drug_class", "state", "cell_line"})
"""Keys of a contrast that say what it is about and decide none of its numbers."""

_SENSITIVE = re.compile(
    r"parent|(?<!in)sensitive|non[-_ ]?resist|naive|wild|untreated|vehicle|dmso|control", re.IGNORECASE
)
_RESISTANT = re.compile(r"resist|tolerant|persister|(?<!un)treated", re.IGNORECASE)


class UnderDrug(Entry):
    """What a contrast says of a drug; without `state` its names must say that the cells are resistant (`state_of`).

    `cell_line`: of this contrast, where it is not the study's; with the laboratory it tells independent studies.
    """

    drug: str | None = None
    drug_class: str | None = None
    state: State | None = None
    cell_line: str | None = None

    @model_validator(mode="after")
    def _names_its_drug(self) -> Self:
        if self.state is not None and self.drug is None and self.drug_class is None:
            raise ValueError(
                f'state = "{self.state}" names no drug: add drug = "..." and, to count with others, drug_class = "..."'
            )
        numerator, denominator = (str(getattr(self, arm, "")) for arm in ("numerator", "denominator"))
        if self.state is not None and _is_sensitive(numerator) and _is_resistant(denominator):
            raise ValueError(
                f'state = "{self.state}" expects the {_EXPECTED[self.state]} cells in the numerator, and'
                f" {numerator} over {denominator} has them in the denominator: exchange the two"
            )
        return self


_EXPECTED: dict[str, str] = {"acquired": "resistant", "tolerant": "tolerant", "treated": "treated"}


def _is_sensitive(arm: str) -> bool:
    return bool(_SENSITIVE.search(arm)) and not _RESISTANT.search(arm)


def _is_resistant(arm: str) -> bool:
    return bool(_RESISTANT.search(arm)) and not _SENSITIVE.search(arm)


_NAMES_RESISTANCE = re.compile(r"(?<!non[- ])\bresistan(t|ce)|acquired resist", re.IGNORECASE)
_NAMES_ANOTHER_STATE = re.compile(
    r"non[- ]?resist|tolerant|persister|(?<!un)treated|acute|release|washout|\d+ ?h(ours?)?\b", re.IGNORECASE
)


def state_of(contrast: _Compared) -> State | None:
    """The state that a contrast declares, or `acquired` where its own names say that and nothing else; else None.

    Files that were written before there was a state name resistant cells in the id, the title or the numerator. A word
    of tolerance, time or treatment anywhere leaves it open, and so does a denominator that is resistant itself.
    """
    if contrast.state is not None or getattr(contrast, "drug_class", None) is None:
        return contrast.state
    names = " ".join((contrast.id, getattr(contrast, "title", None) or "", contrast.numerator)).replace("_", " ")
    says_resistant = _NAMES_RESISTANCE.search(names) and not _NAMES_ANOTHER_STATE.search(names)
    return "acquired" if says_resistant and _is_sensitive(contrast.denominator.replace("_", " ")) else None


class ListThresholds(Entry):
    q_value: float = Field(default=0.05, gt=0, le=1)
    abs_log2_fold_change: float = Field(default=1.0, ge=0)


class FoldChange(Entry):
    """A paper's rule without a test: an expression floor, the arm it is asked of, and a ratio of means."""

    threshold: float = Field(default=2.0, ge=1)
    inclusive: bool = False
    floor: float = Field(default=1.0, ge=0)
    floor_arm: Literal["numerator", "denominator", "both", "either", "none"] = "denominator"
    unit: Literal["cpm", "rpkm", "tpm", "as_given"] = "cpm"
    pseudocount: float = Field(default=0.0, ge=0)
    normalisation: Literal["none", "tmm"] = "none"


class ResponseLimits(Entry):
    """When an effect of an interaction counts; the floor takes the place of q where there are no replicates."""

    abs_log2_fold_change: float = Field(default=1.0, ge=0)
    q_value: float = Field(default=0.05, gt=0, le=1)
    floor_cpm: float = Field(default=1.0, ge=0)


class PublicInteraction(Entry):
    """(resistant, treated - untreated) - (parental, treated - untreated), of four groups of a public study."""

    id: Identifier
    parental: str
    parental_treated: str
    resistant: str
    resistant_treated: str
    method: Literal["limma_voom", "pydeseq2"] = "limma_voom"
    normalisation: Literal["tmm", "none"] = "tmm"
    thresholds: ResponseLimits = ResponseLimits()

    @property
    def levels(self) -> tuple[str, str, str, str]:
        return self.parental, self.parental_treated, self.resistant, self.resistant_treated


class PublicContrast(UnderDrug):
    """A contrast of groups in a public accession."""

    id: Identifier
    title: str | None = None
    numerator: str
    denominator: str
    methods: tuple[Method, ...] = Field(min_length=1)
    fold_change: FoldChange | None = None
    thresholds: ListThresholds | None = None

    @property
    def result_methods(self) -> tuple[str, ...]:
        """Methods that there are results of, one after the other."""
        return self.methods


class CountsContrast(UnderDrug):
    """Two groups of a count or array study; the design is pairing + covariates + factor.

    `continuous`: covariates that are measurements although the sheet holds whole numbers. `pairing`: the column whose
    levels are the blocks of a paired design. `fit_all_levels`: further levels of the factor take part in the fit.
    `within`: column of experiments, one of which gives both arms where it holds both.
    `expressed_alone`: whether pydeseq2 too tests the genes of `expression_filter` alone.
    """

    expressed_alone: ClassVar[bool] = False
    id: Identifier
    title: str | None = None
    factor: str
    numerator: str
    denominator: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    pairing: str | None = None
    fit_all_levels: bool = False
    methods: tuple[Method, ...] = ("pydeseq2",)
    normalisation: Literal["tmm", "none"] = "tmm"
    # Which genes limma-voom tests: edgeR's filterByExpr on the arms, or every gene with a read.
    expression_filter: Literal["filter_by_expr", "none"] = "filter_by_expr"
    fold_change: FoldChange | None = None
    thresholds: ListThresholds | None = None
    subset: dict[str, tuple[str, ...]] = {}
    within: str | None = None

    @property
    def result_methods(self) -> tuple[str, ...]:
        """Methods that there are results of, one after the other."""
        return self.methods

    def decisive(self, *without: str) -> dict[str, Any]:
        """What decides the numbers, as plain values: neither what the contrast is about nor the keys ``without``."""
        told = self.model_dump(mode="json", exclude={*DESCRIPTIVE, "thresholds", *without})
        # A key that is not used leaves the results of earlier catalogs as they are.
        return {key: value for key, value in told.items() if key != "within" or value is not None}


class InteractionDesign(PublicInteraction):
    """Four levels of one factor of a laboratory's count study."""

    factor: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    pairing: str | None = None
    subset: dict[str, tuple[str, ...]] = {}
    within: str | None = None

    def decisive(self) -> dict[str, Any]:
        """What decides the numbers, as plain values."""
        told = self.model_dump(mode="json")
        return {key: value for key, value in told.items() if key != "within" or value is not None}


class ResultColumns(Entry):
    feature: str
    hgnc_symbol: str
    entrez_gene_id: str | None = None
    log2_fold_change: str
    p_value: str | None = None
    q_value: str | None = None


class ArrayContrast(CountsContrast):
    """Two groups of a microarray study."""

    methods: tuple[Literal["limma"], ...] = ("limma",)  # pyright: ignore[reportIncompatibleVariableOverride]


class ResultContrast(UnderDrug):
    """A finished differential-expression table, as published.

    `evidence_kind` is effect_only where nothing but fold changes was published; a forgotten column of p- or q-values
    would otherwise look the same.
    """

    id: Identifier
    title: str | None = None
    table: str
    numerator: str
    denominator: str
    method: MethodName
    # Samples per arm, where the publication states them.
    n_numerator: int | None = Field(default=None, ge=1)
    n_denominator: int | None = Field(default=None, ge=1)
    columns: ResultColumns
    evidence_kind: Literal["inferential", "effect_only"] = "inferential"
    # log2 where not told, and refused where the numbers cannot be that.
    fold_change_scale: Literal["log2", "ratio", "signed_ratio"] | None = None
    multi_gene_separator: str | None = None
    thresholds: ListThresholds | None = None

    @model_validator(mode="after")
    def _has_evidence(self) -> Self:
        has_evidence = self.columns.p_value is not None or self.columns.q_value is not None
        if self.evidence_kind == "inferential" and not has_evidence:
            raise ValueError(
                "columns names neither p_value (as tested) nor q_value (adjusted: adj.P.Val, padj, FDR); name the one"
                ' there is, or write evidence_kind = "effect_only" if fold changes are all that was published'
            )
        if self.evidence_kind == "effect_only" and has_evidence:
            raise ValueError("columns names p_value or q_value, and evidence_kind says that there is none")
        return self

    @property
    def result_methods(self) -> tuple[str, ...]:
        """Methods that there are results of: the table as it was published."""
        return ("published",)


class _Compared(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def numerator(self) -> str: ...
    @property
    def denominator(self) -> str: ...
    @property
    def state(self) -> State | None: ...


def check_states(contrasts: Sequence[_Compared], interactions: Sequence[PublicInteraction]) -> None:
    """Refuse states that contradict each other or the four groups of an interaction.

    Raises:
        ValueError: the same two groups have two states, or an interaction says otherwise what a contrast compares.
    """
    told: dict[tuple[str, ...], tuple[str, str]] = {}
    for contrast in contrasts:
        if contrast.state is None:
            continue
        arms = contrast.numerator, contrast.denominator
        subset = str(getattr(contrast, "subset", ""))
        earlier, state = told.setdefault((*arms, subset), (contrast.id, contrast.state))
        if state != contrast.state:
            raise ValueError(
                f"{earlier} says {state} and {contrast.id} says {contrast.state} of the same two groups: correct one"
            )
        for one in interactions:
            of_state: dict[tuple[str, str], str] = {
                (one.parental_treated, one.parental): "treated",
                (one.resistant_treated, one.resistant): "treated",
                (one.resistant, one.parental): "acquired or tolerant",
                (one.resistant_treated, one.parental_treated): "acquired or tolerant",
            }
            expected = of_state.get(arms)
            if expected is not None and contrast.state not in expected:
                raise ValueError(
                    f"contrast {contrast.id}: state is {contrast.state}, and interaction {one.id} says that it compares"
                    f" {' with '.join(arms)}, which is {expected}: correct one of the two"
                )


@dataclass(frozen=True)
class Contrast:
    """A contrast of any study, as the orchestration needs it: what is compared, how, and when a gene enters a list."""

    id: str
    study_id: str
    numerator: str
    denominator: str
    methods: tuple[str, ...]
    thresholds: ListThresholds
    drug: str | None
    drug_class: str | None
    cell_type: str | None = None
    title: str | None = None
    state: State | None = None
    cell_line: str | None = None
    laboratory: str | None = None
