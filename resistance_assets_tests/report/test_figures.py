"""Figures: colours that stand out, frames, labels, and data that agree with their columns."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.report.figures import (
    PALETTE,
    Figure,
    frame_of,
    log_axis,
    minus_log10,
    name_points,
    outside,
    ratio_axis,
    spaced_labels,
)


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def seen_without_red_cones(colour: str) -> tuple[float, float, float]:
    """Protanopia after Vienot, Brettel and Mollon 1999, https://doi.org/10.1002/(SICI)1520-6378(199908)24:4<243>3.0.CO;2-3."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part**2.2 for part in (red, green, blue))
    mixed = 0.11238 * red + 0.88762 * green
    return mixed, mixed, 0.00401 * red - 0.00401 * green + blue


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_text_stands_out_by_4_5_and_marks_by_3(ground):
    colours = PALETTE[ground]
    for role in ("text", "muted", "marked"):
        assert contrast(colours[role], colours["ground"]) >= 4.5, role
    # Links are text in the colour `down`.
    assert contrast(colours["down"], colours["ground"]) >= 4.5
    for role in ("up", "down", "none", "third", "fourth"):
        assert contrast(colours[role], colours["ground"]) >= 3.0, role


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_up_and_down_are_told_apart_without_red_cones(ground):
    up, down = (seen_without_red_cones(PALETTE[ground][role]) for role in ("up", "down"))
    assert math.dist(up, down) > 0.25


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=200), st.floats(-1, 1))
def test_a_frame_holds_its_middle_and_nearly_everything(values, around):
    frame = frame_of(values, around)
    assert frame[0] <= around <= frame[1]
    assert frame[0] < frame[1]
    assert outside(values, frame) <= 0.01 * len(values) + 2


def test_a_stray_point_does_not_stretch_the_frame_and_is_counted():
    values = [at / 100 for at in range(-300, 301)] + [30.0]
    frame = frame_of(values, 0.0)
    assert frame[1] < 7
    assert frame[0] == pytest.approx(-3.0, abs=1.0)
    assert outside(values, frame) == 1


def test_a_side_without_strays_is_shown_whole():
    assert (
        outside(
            [-6.9, -5.0, *[at / 50 for at in range(-150, 151)], 4.0],
            frame_of([-6.9, -5.0, *[at / 50 for at in range(-150, 151)], 4.0], 0.0),
        )
        == 0
    )


def test_a_frame_of_nothing_is_still_a_frame():
    assert frame_of([None, float("nan")], 0.0)[0] < frame_of([], 0.0)[1]


@given(st.floats(-2, -0.01), st.floats(0.01, 2))
def test_ticks_of_ratios_lie_in_the_frame_and_hold_one(low, high):
    axis = ratio_axis("hazard ratio", (low, high))
    assert 1 in axis["tickvals"]
    assert all(low <= math.log10(tick) <= high for tick in axis["tickvals"])
    assert axis["ticktext"] == [f"{tick:g}" for tick in axis["tickvals"]]


def test_labels_give_way_to_those_before_them():
    points = [(0.5, 0.5, "A"), (0.5, 0.51, "B"), (0.1, 0.1, "C"), (2.0, 2.0, "OUT")]
    assert spaced_labels(points, (0, 1), (0, 1)) == ["A", "", "C", ""]
    assert spaced_labels(points, (0, 1), (0, 1), taken=[(0.1, 0.1)]) == ["A", "", "", ""]


def test_a_gene_of_interest_is_ringed_and_not_named_twice():
    named, ringed = name_points(
        ["A", "B"], [1.0, 10.0], [1.0, 2.0], first=[0, 1], interest=[1], frames=((-1, 2), (0, 3)), is_log_x=True
    )
    assert (named["text"], ringed["text"]) == (["A"], ["B"])
    assert ringed["marker"]["symbol"] == "circle-open"


def figure(**columns) -> Figure:
    return Figure("f", "t", "c", "a", columns, [], {}, "n", "m", [], "SELECT 1")


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        figure(a=[1], b=[1, 2]).as_document()


def test_numbers_keep_four_digits_and_what_is_not_finite_is_nothing():
    document = figure(a=[1.23456e-20, math.inf, None], b=["x", "y", "z"]).as_document()
    assert document["columns"] == {"a": [1.235e-20, None, None], "b": ["x", "y", "z"]}


def test_a_p_value_of_zero_is_drawn_at_300():
    assert minus_log10(0.0) == pytest.approx(300)
    assert minus_log10(None) is None
    assert minus_log10(0.01) == pytest.approx(2)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.008, 40.0), ["0.01", "0.1", "1", "10"]),
        ((0.15, 7.0), ["0.1", "0.3", "1", "3", "10"]),
        ((100.0, 2300.0), ["50", "100", "200", "300", "500", "1000", "2000", "3000", "5000"]),
        ((0.0, None, math.inf), None),
    ],
)
def test_a_log_axis_has_plain_numbers_at_its_ticks(values, labels):
    assert log_axis("dose (uM)", values).get("ticktext") == labels


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=5))
def test_a_log_axis_has_from_one_tick_to_as_many_as_can_be_read(values):
    axis = log_axis("dose (uM)", values)
    assert 1 <= len(axis["tickvals"]) <= 19
    assert axis["tickvals"] == sorted(set(axis["tickvals"]))
