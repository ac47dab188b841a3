"""Follow-up of patients: which of them an analysis can use, and the order that the compiled loops work in.

Times are months, events 1 (seen) or 0 (censored). Here belongs what every survival analysis does first; what it then
computes stands in the module of its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DataFault, DesignFault


def usable_follow_up(time_months: ArrayLike, event_observed: ArrayLike) -> tuple[NDArray[np.bool_], pl.DataFrame]:
    """Which patients a survival analysis can use, and why not the others.

    A time of 0 is kept, as R's `coxph` and `survfit` keep it. Left out are patients whose time is missing, infinite or
    negative, or whose event is missing.

    Args:
        time_months: shape (n_patients,), None or NaN where missing.
        event_observed: shape (n_patients,), 1 or True where the event was seen, 0 or False where censored, None or NaN
            where missing.

    Returns:
        A mask of shape (n_patients,), and a frame of the patients left out: patient_index (Int64, position in the
        input), reason (String).

    Raises:
        DataFault: an event is neither 0 nor 1.
        ValueError: the two do not have one length.
    """
    time = float_array(time_months)
    event = float_array(event_observed)
    if time.ndim != 1 or time.shape != event.shape:
        raise ValueError(f"time {time.shape} and event {event.shape} must be vectors of one length")
    odd = np.flatnonzero(~np.isnan(event) & (event != 0) & (event != 1))
    if odd.size:
        raise DataFault(
            f"event is {event[odd[0]]:g}",
            subject="follow-up",
            place=f"patient at position {odd[0]}",
            expected="1 = event, 0 = censored",
            remedy="Recode the event column before the analysis.",
        )
    reasons = np.full(time.shape, "", dtype=object)
    reasons[np.isnan(event)] = "event missing"
    reasons[time < 0] = "time negative"
    reasons[np.isinf(time)] = "time infinite"
    reasons[np.isnan(time)] = "time missing"
    left_out = np.flatnonzero(reasons != "")
    frame = pl.DataFrame(
        {"patient_index": left_out, "reason": [str(reason) for reason in reasons[left_out]]},
        schema={"patient_index": pl.Int64, "reason": pl.String},
    )
    return reasons == "", frame


class SortedCohort:
    """The patients of a cohort that can be analysed, in the order the compiled loops work in.

    Attributes:
        order: positions in the input, by stratum, then from the latest time to the earliest, deaths before censored.
        stratum, time_rank, event: Int64, of the patients in that order.
        time: months, in that order.
    """

    def __init__(self, time_months: ArrayLike, event_observed: ArrayLike, strata: ArrayLike | None = None) -> None:
        usable, _ = usable_follow_up(time_months, event_observed)
        if not usable.any():
            raise DesignFault(
                "no patient has a usable time and event",
                subject="survival cohort",
                remedy="Choose an endpoint that was recorded in this cohort.",
            )
        chosen = np.flatnonzero(usable)
        time = merge_nearly_equal(float_array(time_months)[chosen])
        event = float_array(event_observed)[chosen].astype(np.int64)
        if not event.any():
            raise DesignFault(
                f"none of {chosen.size} patients had the event",
                subject="survival cohort",
                remedy="Choose another endpoint or cohort; nothing can be estimated without events.",
            )
        stratum = np.zeros(chosen.size, np.int64)
        if strata is not None:
            labels = np.asarray(strata)
            if labels.shape != usable.shape:
                raise ValueError(f"strata {labels.shape} must be one per patient {usable.shape}")
            kept = [str(label) for label in labels[chosen]]
            missing = [k for k, label in enumerate(labels[chosen]) if label is None or label != label]
            if missing:
                raise DataFault(
                    f"{len(missing)} patients have no stratum",
                    subject="survival cohort",
                    remedy="Give every patient a stratum or leave those patients out.",
                )
            stratum = np.unique(kept, return_inverse=True)[1].astype(np.int64)
        rank = np.unique(time, return_inverse=True)[1].astype(np.int64)
        within = np.lexsort((-event, -rank, stratum))
        self.n_input = usable.size
        self.order = chosen[within]
        self.stratum = np.ascontiguousarray(stratum[within])
        self.time_rank = np.ascontiguousarray(rank[within])
        self.event = np.ascontiguousarray(event[within])
        self.time = np.ascontiguousarray(time[within])

    def risk_sets(self, present: NDArray[np.bool_] | None = None) -> RiskSets:
        """Arrays start, end, death_start, deaths, first of `kernels.partial_likelihood.segments`.

        `present` (in sorted order) restricts them to some patients, numbered among themselves.
        """
        from resistance_assets.science.survival.kernels import partial_likelihood

        chosen = slice(None) if present is None else present
        stratum, rank, event = self.stratum[chosen], self.time_rank[chosen], self.event[chosen]
        start, end, death_start, deaths, first = np.empty((5, event.size), np.int64)
        count = partial_likelihood.segments(stratum, rank, event, event.size, start, end, death_start, deaths, first)
        return start[:count], end[:count], death_start[:count], deaths[:count], first[:count]


def merge_nearly_equal(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times that differ by rounding alone become equal, by the rule of R's `survival` (timefix; tolerance 1.5e-8)."""
    values, inverse = np.unique(time, return_inverse=True)
    if values.size < 2:
        return time
    gap = np.diff(values)
    scale = float(np.mean(np.abs(values)))
    tolerance = np.sqrt(np.finfo(np.float64).eps)
    same = (gap <= tolerance) | (gap / scale <= tolerance if scale > 0 else False)
    if not same.any():
        return time
    leader = np.maximum.accumulate(np.where(np.concatenate(([True], ~same)), np.arange(values.size), 0))
    return values[leader][inverse]


def float_array(values: Any) -> NDArray[np.float64]:
    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).to_numpy().astype(np.float64, copy=False)
    return np.asarray(values, dtype=np.float64)


Integers = NDArray[np.int64]
#: start, end, death_start, deaths, first of `kernels.partial_likelihood.segments`.
RiskSets = tuple[Integers, Integers, Integers, Integers, Integers]


def usable_patients(
    time_months: ArrayLike,
    event_observed: ArrayLike,
    group: ArrayLike | None,
    *more: NDArray[Any] | None,
    subject: str = "survival analysis",
) -> tuple[Any, ...]:
    """Times, events (Int64) and labels of the patients that can be used; further label vectors likewise."""
    usable, _ = usable_follow_up(time_months, event_observed)
    vectors = []
    for labels in (group, *more):
        if labels is None:
            vectors.append(np.full(usable.size, "all", dtype=object))
            continue
        column = np.array(labels.to_list() if isinstance(labels, pl.Series) else list(np.asarray(labels)), dtype=object)
        if column.shape != usable.shape:
            raise ValueError(f"labels {column.shape} must be one per patient {usable.shape}")
        absent = np.array([label is None or label != label for label in column])
        usable = usable & ~absent
        vectors.append(np.array([group_label(label) for label in column], dtype=object))
    if not usable.any():
        raise DesignFault(
            "no patient has a usable time and event",
            subject=subject,
            remedy="Choose an endpoint that was recorded in this cohort.",
        )
    time = merge_nearly_equal(as_floats(time_months)[usable])
    event = as_floats(event_observed)[usable].astype(np.int64)
    return (time, event, *(vector[usable] for vector in vectors))


def group_label(value: Any) -> str:
    """A code that was read as a float keeps its name: 1.0 is group 1."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_floats(values: Any) -> NDArray[np.float64]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    return pl.Series(values, strict=False).cast(pl.Float64).fill_null(np.nan).to_numpy()


def patients_by_group(
    time_months: ArrayLike, event_observed: ArrayLike, group: ArrayLike | None
) -> list[tuple[str, tuple[NDArray[np.float64], NDArray[np.int64]]]]:
    time, event, labels = usable_patients(time_months, event_observed, group)
    return [(str(name), (time[labels == name], event[labels == name])) for name in sorted(set(labels))]
