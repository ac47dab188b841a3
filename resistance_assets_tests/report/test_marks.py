"""Marks in tables: a study's direction by shape, hollow without replicates, and the same in words."""

from __future__ import annotations

import pytest

from resistance_assets.report.marks import BAR_WIDTH, StudyMark, interval_bar, legend_markup, study_strip


def test_each_study_has_a_mark_and_its_words():
    strip = study_strip(
        [
            StudyMark("H3122", "up", is_measured=True, is_inferential=True, is_significant=True, log2_fold_change=2.5),
            StudyMark("A <b>", "down", is_measured=True, is_inferential=False, log2_fold_change=-1.0),
            StudyMark("PC9", None, is_measured=False, is_inferential=False),
        ]
    )
    assert 'role="img"' in strip
    assert "H3122: up, log2 FC 2.5, q &lt; 0.05; A &lt;b&gt;: down, log2 FC -1, effect only; PC9: not measured" in strip
    assert strip.count("<g class=") == 3
    assert '<g class="up">' in strip
    assert '<g class="down hollow">' in strip
    assert '<g class="absent">' in strip
    assert strip.count('class="line"') == 1


def test_up_and_down_differ_by_shape():
    up, down = (study_strip([StudyMark("x", one, True, True, log2_fold_change=1.0)]) for one in ("up", "down"))
    assert up.split('<path d="')[1].split('"')[0] != down.split('<path d="')[1].split('"')[0]


@pytest.mark.parametrize(("low", "middle", "high"), [(1.0, 2.0, 3.0), (-9.0, -1.0, 9.0), (None, 0.5, None)])
def test_an_interval_stays_in_its_frame_and_is_hollow_without_limits(low, middle, high):
    bar = interval_bar(low, middle, high, (-2.0, 3.0))
    places = [
        float(part.split(" ")[0].split('"')[0]) for part in bar.replace("H", "M").replace('cx="', "M").split("M")[1:]
    ]
    assert all(0 <= place <= BAR_WIDTH for place in places)
    assert ("hollow" in bar) == (low is None)
    assert ("up" in bar) == (middle > 0)


def test_the_legend_explains_every_mark_in_words():
    legend = legend_markup()
    for words in ("effect only (no replicates)", "not measured", "q &lt; 0.05"):
        assert words in legend
