"""Contrast and interaction: what is compared, how, and when a gene enters a list (`studies.toml`, `study.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from resistance_assets.catalog.models.entry import Entry, Identifier, MethodName

Method = Literal["pydeseq2", "limma_voom", "limma", "edger_exact", "fold_change"]


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


class PublicContrast(Entry):
    """A contrast of groups in a public accession."""

    id: Identifier
    title: str | None = None
    numerator: str
    denominator: str
    drug: str | None = None
    drug_class: str | None = None
    methods: tuple[Method, ...] = Field(min_length=1)
    fold_change: FoldChange | None = None
    thresholds: ListThresholds | None = None

    @property
    def result_methods(self) -> tuple[str, ...]:
        """Methods that there are results of, one after the other."""
        return self.methods


class CountsContrast(Entry):
    """Two groups of a count or array study; the design is pairing + covariates + factor.

    `continuous`: covariates that are measurements although the sheet holds whole numbers. `pairing`: the column whose
    levels are the blocks of a paired design. `fit_all_levels`: further levels of the factor take part in the fit.
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
    drug: str | None = None
    drug_class: str | None = None

    @property
    def result_methods(self) -> tuple[str, ...]:
        """Methods that there are results of, one after the other."""
        return self.methods


class InteractionDesign(PublicInteraction):
    """Four levels of one factor of a laboratory's count study."""

    factor: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    pairing: str | None = None
    subset: dict[str, tuple[str, ...]] = {}


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


class ResultContrast(Entry):
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
    drug: str | None = None
    drug_class: str | None = None

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
