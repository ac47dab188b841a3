"""Claim of a paper, printed table and multiverse (`claims.toml`, `published_tables.toml`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.entry import Entry, Identifier


class Paper(Entry):
    citation: str
    doi: str
    title: str
    # What a reader must know of the paper itself, such as a correction of it.
    note: str | None = None


class Reported(Entry):
    """What a paper prints beside a figure, from which the figure can be weighed without its data."""

    hazard_ratio: float | None = Field(default=None, gt=0)
    ci_lower: float | None = Field(default=None, gt=0)
    ci_upper: float | None = Field(default=None, gt=0)
    p_value: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=0)
    # Variables of the model that the figure comes from; 1 for a univariable one.
    variables: int | None = Field(default=None, ge=1)


# Share of the stated number.
LARGEST_UNEXPLAINED_TOLERANCE = 0.1


class ClaimFamily(Entry):
    """The tests that a claim's q-value is corrected for, as `core.hypotheses_tested` names them."""

    analysis: str
    family: str


class Claim(Entry):
    """One figure of a paper, with what recomputes it and when the recomputation counts as the same.

    A number is expected with `expected` and an absolute `tolerance` (beyond it, up to `near_tolerance`, it is near). A
    tolerance above a tenth of the number says why (`tolerance_reason`), and none may be as large as the number: any
    value between 0 and twice the stated one would pass. A direction is expected with `direction`, the `reference` it is
    held against and, where the paper claims significance, `alpha`. `needs` names what must be loaded: a source,
    `contrast:<id>`, `study:<id>`, or `<kind>:<paper>`: a laboratory's study of that kind that declares that paper.
    """

    id: Identifier
    paper: str
    statement: str
    quantity: str
    # paper: printed there. check: found when the paper was checked on public data.
    stated_by: Literal["paper", "check"] = "paper"
    expected: float | None = None
    tolerance: float | None = Field(default=None, ge=0)
    near_tolerance: float | None = Field(default=None, ge=0)
    tolerance_reason: str | None = None
    direction: Literal["above", "below"] | None = None
    reference: float = 0.0
    alpha: float | None = Field(default=None, gt=0, le=1)
    is_public: bool = True
    why_private: str | None = None
    needs: tuple[str, ...] = ()
    reported: Reported = Reported()
    family: ClaimFamily | None = None
    note: str | None = None
    sql: str | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Claim:
        if (self.expected is None) == (self.direction is None):
            raise ValueError("either expected or direction, and not both")
        if (self.expected is None) != (self.tolerance is None):
            raise ValueError("expected goes with tolerance")
        if self.near_tolerance is not None and (self.tolerance is None or self.near_tolerance < self.tolerance):
            raise ValueError("near_tolerance is at least as large as tolerance")
        if self.expected is not None and self.tolerance is not None:
            stated, widest = abs(self.expected), max(self.tolerance, self.near_tolerance or 0.0)
            if stated > 0 and widest >= stated:
                raise ValueError(
                    f"a tolerance of {widest:g} lets any value between 0 and {2 * stated:g} pass for {self.expected:g}"
                )
            explained = LARGEST_UNEXPLAINED_TOLERANCE * stated * (1 + 1e-9)
            if self.tolerance > explained and self.tolerance_reason is None:
                raise ValueError(
                    f"a tolerance of {self.tolerance:g} is more than a tenth of {self.expected:g}:"
                    " give tolerance_reason"
                )
        if self.alpha is not None and self.direction is None:
            raise ValueError("alpha goes with direction")
        if self.is_public and (self.sql is None or self.why_private is not None):
            raise ValueError("a claim on public data has sql and no why_private")
        if not self.is_public and self.why_private is None:
            raise ValueError("a claim on private data says why_private")
        return self


class PublishedRow(Entry):
    """One row of a printed table of hazard ratios."""

    endpoint: str
    model: Literal["univariable", "multivariable"]
    label: str
    hgnc_symbol: str
    hazard_ratio: float = Field(gt=0)
    p_value: float = Field(gt=0, le=1)
    ci_lower: float | None = Field(default=None, gt=0)
    ci_upper: float | None = Field(default=None, gt=0)


class PublishedTable(Entry):
    """A printed table of hazard ratios, transcribed, so that its internal consistency can be checked.

    `tests` is how many variables were tried, of which the table shows the significant ones.
    """

    id: Identifier
    paper: str
    title: str
    tests: int = Field(ge=1)
    significant_digits: int = Field(default=2, ge=1)
    row: tuple[PublishedRow, ...] = Field(min_length=1)


class MultiverseAxis(Entry):
    """Axis of a multiverse: a choice that a text leaves open, the plainest first."""

    id: Identifier
    title: str
    choices: tuple[str, ...] = Field(min_length=1)


class Multiverse(Entry):
    """Multiverse: every specification of one analysis (all combinations of its axes) in each dataset that supports it.

    `four_arms`: which genes a drug moves, which of them pass the resistance filter, which are on a cancer list.
    `gene_survival`: the hazard ratio of one gene.
    """

    id: Identifier
    paper: str
    title: str
    kind: Literal["four_arms", "gene_survival"]
    conclusion: str
    gene: str
    datasets: tuple[str, ...] = Field(min_length=1)
    # Columns of the sample sheet that may hold the arm (the first one found does), and its values in the order
    # parental, parental treated, resistant, resistant treated.
    arm_columns: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    # Gene lists that the axis list_version names are declared in studies.toml; for gene_survival, datasets are cohorts.
    # Counts as published, against which every specification is measured.
    published: dict[str, float] = {}
    axis: tuple[MultiverseAxis, ...] = Field(min_length=1)


class ClaimsFile(Entry):
    paper: dict[Identifier, Paper]
    claim: tuple[Claim, ...]
    multiverse: tuple[Multiverse, ...] = ()


class PublishedTablesFile(Entry):
    table: tuple[PublishedTable, ...] = ()
