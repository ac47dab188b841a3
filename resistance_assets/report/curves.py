"""Traces of survival curves of two groups: steps with their bands, and ticks for censored patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LOOKS = (("up", "solid"), ("down", "dash"))


def from_the_start(select: str, within: str) -> str:
    """SQL of the points of curves with one more at time 0, where everybody lives.

    Args:
        select: a query that gives time_months, survival, ci_lower, ci_upper, n_at_risk, n_events, n_censored.
        within: its other columns, which say whose curve a point is of.
    """
    return f"""WITH points AS (
{select}
)
SELECT * FROM points
UNION ALL BY NAME
SELECT {within}, 0.0 AS time_months, 1.0 AS survival, 1.0 AS ci_lower, 1.0 AS ci_upper,
    max(n_at_risk) AS n_at_risk, 0 AS n_events, 0 AS n_censored
FROM points
GROUP BY ALL"""


def curve_columns(found: dict[str, list[Any]], *names: str) -> dict[str, list[Any]]:
    """Columns that a figure of curves draws, of those of `from_the_start`: a page holds thousands of points."""
    kept = (*names, "time_months", "survival", "ci_lower", "ci_upper", "n_at_risk")
    return {name: found[name] for name in kept} | {"has_censored": [bool(count) for count in found["n_censored"]]}


def step_curves(group_column: str, groups: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Traces of Kaplan-Meier curves.

    Args:
        group_column: column of the figure that says which curve a point is of; beside it are time_months, survival,
            ci_lower, ci_upper, n_at_risk and has_censored.
        groups: its two values, with what each is called.
    """
    traces: list[dict[str, Any]] = []
    for (group, name), (role, dash) in zip(groups, _LOOKS, strict=True):
        own = [[group_column, group]]
        edge = {
            "type": "scatter", "mode": "lines", "x": "$time_months", "where": own, "hoverinfo": "skip",
            "showlegend": False, "line": {"shape": "hv", "color": f"@{role}", "width": 0},
        }  # fmt: skip
        traces += [
            {**edge, "y": "$ci_upper"},
            {**edge, "y": "$ci_lower", "fill": "tonexty", "fillcolor": f"@{role}/0.15"},
            {
                "type": "scatter", "mode": "lines", "name": name, "x": "$time_months", "y": "$survival", "where": own,
                "line": {"shape": "hv", "color": f"@{role}", "width": 2.5, "dash": dash},
                "customdata": "$n_at_risk",
                "hovertemplate": f"{group}<br>%{{x:.1f}} months: %{{y:.1%}}<br>%{{customdata}} at risk<extra></extra>",
            },
            {
                "type": "scatter", "mode": "markers", "x": "$time_months", "y": "$survival", "hoverinfo": "skip",
                "where": [*own, ["has_censored", "true"]], "showlegend": False,
                "marker": {"symbol": "line-ns-open", "size": 7, "color": f"@{role}"},
            },
        ]  # fmt: skip
    return traces
