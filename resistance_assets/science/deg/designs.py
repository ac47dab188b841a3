"""What a contrast asks of a sample sheet, and whether the sheet can answer.

Here belong the description of a two-arm contrast, the model matrix that it implies, the checks on a count table and its
sample sheet, and the verdict whether the design can support a p-value. Fitting belongs in the `deg` modules.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DataFault, DesignFault

EvidenceKind = Literal["inferential", "effect_only"]
SAMPLE_COLUMN = "sample_id"
GENE_COLUMN = "hgnc_symbol"
_NAMED_AT_MOST = 5
# Whole numbers with as few values as this are taken for categories unless declared otherwise.
_CATEGORIES_AT_MOST = 5


@dataclass(frozen=True)
class Contrast:
    """Numerator against denominator of one factor, with what else the model holds.

    Args:
        contrast_id: the name used in lists and messages.
        factor: column of the sample sheet that holds the two arms.
        numerator, denominator: levels of `factor`; fold changes are numerator over denominator.
        covariates: further columns of the model. A column of numbers enters as a measurement if it holds more than five
            values or a fraction (`tell_covariate_kind`), any other as categories.
        continuous: covariates that are measurements whatever they hold (a dose with three steps).
        categorical: covariates that are categories whatever they hold (the number of a plate).
        pairing: column whose levels are the blocks of a paired design (the patient); enters as a category.
        subset: column -> values kept, applied before anything else.
        fit_all_levels: True lets samples of further levels of `factor` take part in the fit of the variance.
        within: column of experiments (accessions). Where one of them holds both arms, samples of the arms come from it
            alone: two experiments differ in more than the arms.
    """

    contrast_id: str
    factor: str
    numerator: str
    denominator: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    pairing: str | None = None
    subset: Mapping[str, Sequence[object]] = field(default_factory=dict)
    fit_all_levels: bool = False
    within: str | None = None

    @property
    def subject(self) -> str:
        """How messages name the contrast."""
        return f"contrast {self.contrast_id}"

    @property
    def model_covariates(self) -> tuple[str, ...]:
        """Covariates in model order, the pairing first, each once."""
        names = ([self.pairing] if self.pairing else []) + list(self.covariates)
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class DesignMatrix:
    """Model matrix of a contrast with treatment coding.

    Attributes:
        sample_ids: the rows, in the order of the sample sheet.
        columns: the coefficients, `Intercept` first and those of the factor last.
        values: shape (samples, coefficients).
        coefficient: index of numerator against denominator.
        arms: per sample `numerator`, `denominator` or `other`.
        covariate_columns: covariate -> indices of its coefficients.
        covariate_kinds: covariate -> what it entered as and why, in words.
    """

    sample_ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    coefficient: int
    arms: tuple[str, ...]
    covariate_columns: Mapping[str, tuple[int, ...]]
    covariate_kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_numerator(self) -> NDArray[np.bool_]:
        """Shape (samples,): True in the numerator arm."""
        return np.array([arm == "numerator" for arm in self.arms], dtype=bool)

    @property
    def is_denominator(self) -> NDArray[np.bool_]:
        """Shape (samples,): True in the denominator arm."""
        return np.array([arm == "denominator" for arm in self.arms], dtype=bool)


@dataclass(frozen=True)
class DesignReport:
    """What a design can support.

    `replicates_per_arm` holds the number of samples of each level. `reason` says in words why the evidence is
    `effect_only`, and is None for `inferential`.
    """

    n_numerator: int
    n_denominator: int
    n_coefficients: int
    rank: int
    residual_degrees_of_freedom: int
    replicates_per_arm: Mapping[str, int]
    confounded_covariates: tuple[str, ...]
    evidence_kind: EvidenceKind
    reason: str | None


def build_design(samples: pl.DataFrame, contrast: Contrast) -> DesignMatrix:
    """Turn a sample sheet and a contrast into a model matrix. Samples whose factor is blank are left out.

    Args:
        samples: `sample_id` and one column per factor or covariate.
        contrast: what is compared.

    Raises:
        DesignFault: a column or level that does not exist, an empty arm, a missing covariate.
        DataFault: the sheet has no `sample_id`, or a sample twice.
    """
    kept = _subset(samples, contrast)
    for name in (contrast.factor, *contrast.model_covariates):
        require_column(kept, name, contrast)
    # A sample of no level takes no part; its study's warnings name it.
    kept = kept.filter(pl.col(contrast.factor).is_not_null())
    levels = kept[contrast.factor].cast(pl.String)
    present = levels.unique(maintain_order=True).to_list()
    if contrast.numerator == contrast.denominator:
        raise DesignFault(
            f"numerator and denominator are both {contrast.numerator!r}",
            subject=contrast.subject,
            remedy="Name two different levels.",
        )
    for role, level in (("numerator", contrast.numerator), ("denominator", contrast.denominator)):
        require_level(samples, contrast, role, level, present)
    if not contrast.fit_all_levels:
        in_arms = levels.is_in([contrast.numerator, contrast.denominator])
        kept, levels = kept.filter(in_arms), levels.filter(in_arms)
        present = [contrast.denominator, contrast.numerator]

    columns, parts = ["Intercept"], [np.ones((kept.height, 1))]
    covariate_columns: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, str] = {}
    for name in contrast.model_covariates:
        names, block, kinds[name] = _covariate_block(kept, name, contrast)
        covariate_columns[name] = tuple(range(len(columns), len(columns) + len(names)))
        columns += names
        parts.append(block)
    coefficient = -1
    for level in [
        *sorted(x for x in present if x not in (contrast.denominator, contrast.numerator)),
        contrast.numerator,
    ]:
        coefficient = len(columns)
        columns.append(f"{contrast.factor}[{level}]")
        parts.append((levels == level).to_numpy().astype(np.float64)[:, None])
    roles = {contrast.numerator: "numerator", contrast.denominator: "denominator"}
    return DesignMatrix(
        sample_ids=tuple(kept[SAMPLE_COLUMN].cast(pl.String).to_list()),
        columns=tuple(columns),
        values=np.ascontiguousarray(np.hstack(parts)),
        coefficient=coefficient,
        arms=tuple(roles.get(level, "other") for level in levels.to_list()),
        covariate_columns=covariate_columns,
        covariate_kinds=kinds,
    )


def report_design(design: DesignMatrix, contrast: Contrast) -> DesignReport:
    """What a design can support: `inferential` or `effect_only`, and why.

    Inferential needs full rank, at least one residual degree of freedom, and two samples in each arm; a paired design
    (`pairing` given) needs the residual degree of freedom alone, since its blocks replicate the comparison.

    Raises:
        DesignFault: it is singular; the confounded covariates are named.
    """
    n_samples, n_coefficients = design.values.shape
    rank = int(np.linalg.matrix_rank(design.values))
    n_numerator, n_denominator = int(design.is_numerator.sum()), int(design.is_denominator.sum())
    confounded = tuple(name for name, columns in design.covariate_columns.items() if _is_confounded(design, columns))
    if rank < n_coefficients and (confounded or design.covariate_columns):
        named = ", ".join(confounded) if confounded else ", ".join(design.covariate_columns)
        raise DesignFault(
            f"the design is singular: {named} cannot be told apart from {contrast.factor} or from another covariate "
            f"(rank {rank} of {n_coefficients} coefficients, {n_samples} samples)",
            subject=contrast.subject,
            remedy=f"Drop {named}, or declare a covariate that is a measurement as continuous"
            + (f" ({costly})." if (costly := _costly_covariate(design)) else "."),
        )
    residual = n_samples - rank
    paired = contrast.pairing is not None
    reason = None
    if residual < 1:
        reason = (
            f"no replicates: {n_numerator} against {n_denominator} samples with {n_coefficients} coefficients leave no "
            "residual degree of freedom, so the design cannot support a p-value"
        )
        if costly := _costly_covariate(design):
            reason += f"; {costly}: drop it, or declare it continuous if it is a measurement"
    elif min(n_numerator, n_denominator) < 2 and not paired:
        arm = contrast.numerator if n_numerator < 2 else contrast.denominator
        reason = f"one sample only in arm {arm}: its variance is unknown, so the design cannot support a p-value"
    return DesignReport(
        n_numerator=n_numerator,
        n_denominator=n_denominator,
        n_coefficients=n_coefficients,
        rank=rank,
        residual_degrees_of_freedom=residual,
        replicates_per_arm={contrast.numerator: n_numerator, contrast.denominator: n_denominator},
        confounded_covariates=confounded,
        evidence_kind="effect_only" if reason else "inferential",
        reason=reason,
    )


def check_counts(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    *,
    integers: bool = True,
    missing_allowed: bool = False,
) -> None:
    """Refuse a count table that the sample sheet does not describe, or that does not hold counts.

    Genes with zero counts in every sample are allowed; methods keep them as rows without a statistic.

    Args:
        counts: `hgnc_symbol` and one column per sample.
        samples: `sample_id` and factors.
        contrast: only named in messages.
        integers: False for log-scale or other continuous expression: then only missing and infinite values are refused.
        missing_allowed: True where a gene may lack values in some samples, but no sample in all genes.

    Raises:
        DataFault: samples without a row in the sheet and, of those with a level of the factor, the reverse; a gene
            twice or without a name, a missing, negative or fractional count (gene and sample named), a sample of zeros
            only.
    """
    subject = f"counts of {contrast.contrast_id}"
    if GENE_COLUMN not in counts.columns:
        raise DataFault(f"no column {GENE_COLUMN}", subject=subject, remedy=f"Name the column of genes {GENE_COLUMN}.")
    _require_sample_ids(samples, contrast)
    in_counts = [name for name in counts.columns if name != GENE_COLUMN]
    in_sheet = samples[SAMPLE_COLUMN].cast(pl.String).to_list()
    # A sample of no arm, as of a series that holds further ones, need not be measured.
    takes_part = samples
    if contrast.factor in samples.columns:
        takes_part = samples.filter(pl.col(contrast.factor).is_not_null())
    needed = takes_part[SAMPLE_COLUMN].cast(pl.String).to_list()
    for missing, where, remedy in (
        (sorted(set(in_counts) - set(in_sheet)), "the sample sheet", "Add a row to the sheet or drop the column."),
        (sorted(set(needed) - set(in_counts)), "the count table", "Add the column or drop the row of the sheet."),
    ):
        if missing:
            raise DataFault(f"{_named(missing)} missing from {where}", subject=subject, remedy=remedy)
    genes = counts[GENE_COLUMN]
    if genes.null_count():
        raise DataFault(
            "a row without a gene name",
            subject=subject,
            place=f"row {int(genes.is_null().arg_max() or 0) + 1}",
            remedy="Name the gene or set the row aside.",
        )
    duplicated = genes.filter(genes.is_duplicated()).unique().sort().to_list()
    if duplicated:
        raise DataFault(
            f"more than one row for {_named([str(x) for x in duplicated])}",
            subject=subject,
            expected="each gene once",
            remedy="Collapse or rename the rows.",
        )
    for name in in_counts:
        _check_sample(counts[name], genes, subject, integers=integers, missing_allowed=missing_allowed)


def _check_sample(column: pl.Series, genes: pl.Series, subject: str, *, integers: bool, missing_allowed: bool) -> None:
    """Refuse a sample whose values are no counts (or, on a log scale, no numbers), naming the first gene."""
    name = column.name
    if not column.dtype.is_numeric():
        raise DataFault(
            f"column holds {column.dtype}", subject=subject, place=f"sample {name}", expected="numbers",
            remedy="Clean the column.",
        )  # fmt: skip
    values = column.cast(pl.Float64)
    bad = values.is_null() | ~values.is_finite()
    if missing_allowed and not (absent := values.is_null() | values.is_nan()).all():
        bad &= ~absent
    problem = "missing or not a number"
    if integers:
        negative = values < 0
        fractional = (values != values.floor()) & ~bad
        if not bad.any() and negative.any():
            bad, problem = negative, "negative count"
        elif not bad.any() and fractional.any():
            bad, problem = fractional, "not a whole number"
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise DataFault(
            f"{problem} ({column[row]})",
            subject=subject,
            place=f"gene {genes[row]}, sample {name}",
            expected="whole numbers of at least 0" if integers else "finite numbers",
            remedy="Give raw counts, or use a method for log-scale data." if integers else "Impute or drop it.",
        )
    if integers and len(values) and values.sum() == 0:
        raise DataFault(
            "every count is zero",
            subject=subject,
            place=f"sample {name}",
            remedy="Drop the sample or mend its file.",
        )


def count_matrix(counts: pl.DataFrame, sample_ids: Sequence[str]) -> NDArray[np.float64]:
    """Shape (genes, samples), C order, the columns in the order of `sample_ids`."""
    return np.ascontiguousarray(counts.select(pl.col(list(sample_ids)).cast(pl.Float64)).to_numpy())


def compressed_rows(x: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row starts, columns and values of the non-zero entries of a model matrix; patient blocks leave few."""
    rows, columns = np.nonzero(x)
    start = np.zeros(x.shape[0] + 1, dtype=np.int64)
    np.add.at(start, rows + 1, 1)
    return np.cumsum(start), columns.astype(np.int64), np.ascontiguousarray(x[rows, columns])


def _subset(samples: pl.DataFrame, contrast: Contrast) -> pl.DataFrame:
    _require_sample_ids(samples, contrast)
    kept = samples
    for name, values in contrast.subset.items():
        require_column(samples, name, contrast)
        wanted = [str(value) for value in values]
        kept = kept.filter(pl.col(name).cast(pl.String).is_in(wanted))
        if kept.is_empty():
            raise DesignFault(
                f"subset {name} in {wanted} keeps no sample",
                subject=contrast.subject,
                expected=f"values of {name}: {_named(sorted(str(x) for x in samples[name].drop_nulls().unique()))}",
                remedy="Correct the subset.",
            )
    return confine(kept, contrast.factor, (contrast.numerator, contrast.denominator), contrast.within)


def confine(samples: pl.DataFrame, factor: str, arms: tuple[str, str], within: str | None) -> pl.DataFrame:
    """Samples without those of two arms that stand outside the experiment which holds both; all where none does.

    Of several experiments that hold both arms, the one with most samples of them counts, the first by name of equals.
    """
    if within is None or within not in samples.columns or factor not in samples.columns:
        return samples
    level = pl.col(factor).cast(pl.String)
    held = (
        samples.filter(level.is_in(arms))
        .group_by(within)
        .agg(level.n_unique().alias("arms"), pl.len().alias("samples"))
        .filter(pl.col("arms") == len(set(arms)), pl.col(within).is_not_null())
        .sort("samples", within, descending=[True, False])
    )
    if held.is_empty():
        return samples
    return samples.filter(~level.is_in(arms).fill_null(False) | (pl.col(within) == held[within][0]))


def _require_sample_ids(samples: pl.DataFrame, contrast: Contrast) -> None:
    if SAMPLE_COLUMN not in samples.columns:
        raise DataFault(
            f"no column {SAMPLE_COLUMN}",
            subject=f"sample sheet of {contrast.contrast_id}",
            remedy=f"Name the column of samples {SAMPLE_COLUMN}.",
        )
    ids = samples[SAMPLE_COLUMN].cast(pl.String)
    if ids.null_count() or ids.is_duplicated().any():
        repeated = sorted(ids.filter(ids.is_duplicated()).drop_nulls().unique().to_list()) or ["a row without a name"]
        raise DataFault(
            f"sample not unique: {_named(repeated)}",
            subject=f"sample sheet of {contrast.contrast_id}",
            remedy="Give each sample one row.",
        )


def require_column(samples: pl.DataFrame, name: str, contrast: Contrast) -> None:
    """Raise DesignFault, with the nearest name, where the sheet lacks a column."""
    if name in samples.columns:
        return
    known = [column for column in samples.columns if column != SAMPLE_COLUMN]
    raise DesignFault(
        f"no column {name} in the sample sheet{_suggestion(name, known)}",
        subject=contrast.subject,
        expected=f"one of {', '.join(known)}",
        remedy="Correct the name, or add the column.",
    )


def _require_complete(samples: pl.DataFrame, missing: pl.Series, name: str, contrast: Contrast) -> None:
    if missing.any():
        who = samples.filter(missing)[SAMPLE_COLUMN].cast(pl.String).to_list()
        raise DesignFault(
            f"{name} is missing for {_named(who)}",
            subject=contrast.subject,
            remedy=f"Fill in {name}, or leave these samples out with a subset.",
        )


def require_level(samples: pl.DataFrame, contrast: Contrast, role: str, level: str, present: Sequence[str]) -> None:
    """Raise DesignFault where a level is not among those that are present."""
    if level in present:
        return
    anywhere = samples[contrast.factor].cast(pl.String).drop_nulls().unique().sort().to_list()
    if level in anywhere:
        raise DesignFault(
            f"arm {level} ({role}) is empty: the subset leaves none of its samples",
            subject=contrast.subject,
            remedy="Widen the subset.",
        )
    raise DesignFault(
        f"{role} {level!r} is not a level of {contrast.factor}{_suggestion(level, anywhere)}",
        subject=contrast.subject,
        expected=f"one of {', '.join(present)}",
        remedy="Correct the level.",
    )


def _covariate_block(
    samples: pl.DataFrame, name: str, contrast: Contrast
) -> tuple[list[str], NDArray[np.float64], str]:
    """Coefficients of a covariate, their columns of the model matrix, and what it entered as."""
    if name == contrast.factor:
        raise DesignFault(
            f"{name} is both factor and covariate", subject=contrast.subject, remedy="Drop it from the covariates."
        )
    column = samples[name]
    missing = column.is_null() | column.is_nan() if column.dtype.is_float() else column.is_null()
    _require_complete(samples, missing, name, contrast)
    is_measurement, kind = tell_covariate_kind(column, name, contrast)
    nothing = np.empty((samples.height, 0))
    if is_measurement:
        # A sheet read as text is as good as one of numbers, as long as every value is a number.
        number = column.cast(pl.Float64, strict=False)
        if number.null_count():
            at = int(number.is_null().arg_max() or 0)
            raise DesignFault(
                f"{name} is declared continuous but holds {column[at]!r} for {samples[SAMPLE_COLUMN][at]}",
                subject=contrast.subject,
                remedy="Clean the column, or drop it from the continuous covariates.",
            )
        scaled = standardise(number.to_numpy())
        return ([name], scaled[:, None], kind) if scaled.any() else ([], nothing, kind)
    text = column.cast(pl.String)
    levels = text.unique().sort().to_list()
    # A covariate that never varies within the arms adds nothing; R would call the contrast an error.
    if len(levels) < 2:
        return [], nothing, kind
    block = np.stack([(text == level).to_numpy() for level in levels[1:]], axis=1)
    return [f"{name}[{level}]" for level in levels[1:]], block.astype(np.float64), kind


def tell_covariate_kind(column: pl.Series, name: str, contrast: Contrast) -> tuple[bool, str]:
    """Whether a covariate is a measurement, and why, in the words of `core.deg__designs`.

    What the contrast declares decides. Else a column of numbers is a measurement if it holds more than five values, or
    a fraction; five or fewer whole numbers are more often the numbers of batches.
    """
    n_values = column.cast(pl.String).n_unique()
    counted = f"{n_values} value{'s' if n_values != 1 else ''}"
    if name == contrast.pairing:
        return False, f"categorical ({counted}, pairing)"
    if name in contrast.continuous:
        return True, f"continuous ({counted}, declared)"
    if name in contrast.categorical:
        return False, f"categorical ({counted}, declared)"
    number = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.Boolean or number.null_count() or not number.is_finite().all():
        return False, f"categorical ({counted}, not numbers)"
    if n_values > _CATEGORIES_AT_MOST:
        return True, f"continuous ({counted}: numbers with more than {_CATEGORIES_AT_MOST} values)"
    if (number != number.floor()).any():
        return True, f"continuous ({counted}: numbers with a fraction)"
    return False, f"categorical ({counted}: whole numbers with at most {_CATEGORIES_AT_MOST} values)"


def standardise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(samples,) values less their mean, over their standard deviation; zeros where they do not vary.

    A fit then depends on neither unit nor origin of a covariate (a year, an age in days), and its information matrix is
    well conditioned; the coefficient of the contrast stays the same.
    """
    centred = values - values.mean()
    spread = float(np.sqrt((centred**2).sum() / max(len(values) - 1, 1)))
    # Rounding of the mean alone must not become a covariate.
    return centred / spread if spread > 1e-12 * float(np.abs(values).max(initial=0.0)) else np.zeros_like(centred)


def _costly_covariate(design: DesignMatrix) -> str | None:
    """The covariate with the most coefficients, if it has several, in words."""
    name = max(design.covariate_columns, key=lambda one: len(design.covariate_columns[one]), default=None)
    if name is None or len(design.covariate_columns[name]) < 2:
        return None
    return f"{name} alone takes {len(design.covariate_columns[name])} of {len(design.columns)} coefficients"


def _is_confounded(design: DesignMatrix, columns: tuple[int, ...]) -> bool:
    """Whether the coefficients of a covariate lose rank against the rest of the model."""
    others = [j for j in range(design.values.shape[1]) if j not in columns]
    whole = int(np.linalg.matrix_rank(design.values))
    rest = int(np.linalg.matrix_rank(design.values[:, others]))
    return whole - rest < len(columns)


def _suggestion(name: str, known: Sequence[str]) -> str:
    # Compared without case: "Tumour" for "tumour" is the commonest slip and the plain ratio can miss it.
    folded = {x.casefold(): x for x in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} and {more} more" if more > 0 else shown
