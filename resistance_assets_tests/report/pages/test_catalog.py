"""The front page, the dictionary and the sources."""

from __future__ import annotations

from resistance_assets.report.html import Shortened
from resistance_assets.report.pages.front_page.release import first_causes


def test_of_many_causes_the_first_are_shown_and_the_file_holds_all():
    causes = "; ".join(f"code: step_{k} changed" for k in range(120))
    shortened = first_causes(causes)
    assert isinstance(shortened, Shortened)
    assert shortened.shown == "code: step_0 changed; code: step_1 changed; code: step_2 changed and 117 more"
    assert shortened.whole == causes


def test_few_causes_are_shown_as_they_are():
    assert first_causes("code: a changed; data: source b") == "code: a changed; data: source b"
    assert first_causes(None) is None
