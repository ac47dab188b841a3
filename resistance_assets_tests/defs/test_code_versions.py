"""A change in one method's module is no change of another method's results."""

from __future__ import annotations

import pytest

from resistance_assets.defs.core.deg.features import choose_fit
from resistance_assets.orchestration.code_version import code_version_of

FIT_OF = {
    "pydeseq2": "fit_deseq2",
    "limma_voom": "fit_linear",
    "limma": "fit_linear",
    "edger_exact": "fit_edger_exact",
}


@pytest.mark.parametrize("method", FIT_OF)
def test_a_method_reaches_its_own_fit_and_no_other(method: str):
    reached = code_version_of(choose_fit(method, "tmm")).pieces
    assert {name for name in FIT_OF.values() if name in reached} == {FIT_OF[method]}
    assert "report_design" in reached


def test_a_changed_method_changes_its_own_version_alone(monkeypatch):
    from resistance_assets.orchestration import code_version as versions
    from resistance_assets.science.deg import limma as deg_limma

    def fit_linear(values, design, contrasts, weights=None):
        return values @ design

    before = {method: str(code_version_of(choose_fit(method, "tmm"))) for method in FIT_OF}
    fit_linear.__module__ = deg_limma.__name__
    monkeypatch.setattr(deg_limma, "fit_linear", fit_linear)
    versions.forget_code()
    try:
        after = {method: str(code_version_of(choose_fit(method, "tmm"))) for method in FIT_OF}
    finally:
        versions.forget_code()
    assert {method for method in FIT_OF if before[method] != after[method]} == {"limma", "limma_voom"}
