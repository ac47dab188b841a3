"""What a contrast says of a drug: its state, and what must agree with it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from resistance_assets.catalog.models.contrast import (
    PublicContrast,
    PublicInteraction,
    UnderDrug,
    check_states,
    state_of,
)
from resistance_assets.catalog.registry import load_registry


def contrast(name: str = "c", numerator: str = "R", denominator: str = "P", **keys: str) -> PublicContrast:
    arms = {"id": name, "numerator": numerator, "denominator": denominator}
    return PublicContrast.model_validate({**arms, "methods": ["limma"], "drug": "osimertinib", **keys})


FOUR = PublicInteraction(
    id="i", parental="P", parental_treated="PA", resistant="R", resistant_treated="RA", method="limma_voom"
)


def test_a_contrast_says_nothing_of_a_state_unless_told():
    assert contrast().state is None


def test_a_state_that_is_none_of_the_three_is_refused():
    with pytest.raises(ValidationError, match="'acquired', 'tolerant' or 'treated'"):
        contrast(state="resistant")


def test_a_state_names_a_drug_or_its_class():
    with pytest.raises(ValidationError, match=r'state = "acquired" names no drug: add drug = "..."'):
        UnderDrug(state="acquired")
    assert UnderDrug(state="acquired", drug_class="EGFR-TKI").state == "acquired"


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [
        ("parental", "resistant"),
        ("H3122_parental", "H3122_CR_resistant"),
        ("untreated", "treated"),
        ("dmso", "dtp_persister"),
    ],
)
def test_a_contrast_the_wrong_way_round_is_refused(numerator, denominator):
    with pytest.raises(ValidationError, match=f"{numerator} over {denominator} has them in the denominator: exchange"):
        contrast(numerator=numerator, denominator=denominator, state="acquired")
    assert contrast(numerator=denominator, denominator=numerator, state="acquired").state == "acquired"


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [("PA", "P"), ("parental_treated", "resistant"), ("insensitive", "sensitive"), ("tumor", "non_resistant")],
)
def test_arms_that_do_not_tell_which_is_which_are_taken_as_they_are(numerator, denominator):
    assert contrast(numerator=numerator, denominator=denominator, state="treated").state == "treated"


def test_an_interaction_and_the_state_of_a_contrast_agree():
    check_states([contrast(state="acquired"), contrast("t", "PA", "P", state="treated")], [FOUR])
    with pytest.raises(
        ValueError, match="contrast c: state is treated, and interaction i says that it compares R with P"
    ):
        check_states([contrast(state="treated")], [FOUR])
    with pytest.raises(ValueError, match=r"contrast c: state is acquired, .* RA with R, which is treated"):
        check_states([contrast(numerator="RA", denominator="R", state="acquired")], [FOUR])


def test_two_contrasts_of_the_same_groups_have_one_state():
    with pytest.raises(ValueError, match="a says acquired and b says tolerant of the same two groups"):
        check_states([contrast("a", state="acquired"), contrast("b", state="tolerant")], [])


def test_every_contrast_of_the_built_in_catalog_has_a_state_and_a_cell_line():
    contrasts = load_registry().contrasts()
    assert all(one.state and one.cell_line for one in contrasts if one.drug_class)
    assert {one.state for one in contrasts} == {"acquired", "treated"}


@pytest.mark.parametrize(
    ("name", "numerator", "denominator", "state"),
    [
        ("h1975_wz4002_resistant_vs_parental", "H1975_WZR6", "H1975_parental", "acquired"),
        ("c", "Gefitinib-resistant PC9", "sensitive", "acquired"),
        ("c", "acquired resistance", "DMSO control", "acquired"),
        ("c", "R", "P", None),
        ("resistance_screen", "non-resistant", "parental", None),
        ("resistant_24h_vs_parental", "R", "parental", None),
        ("resistant_treated_vs_parental", "RA", "parental", None),
        ("resistant_treated_vs_resistant", "RA", "resistant", None),
        ("tolerant_to_resistant", "resistant", "parental", None),
    ],
)
def test_a_state_that_is_not_declared_is_taken_from_names_that_leave_no_doubt(name, numerator, denominator, state):
    assert state_of(contrast(name, numerator, denominator, drug_class="EGFR-TKI")) == state
    assert state_of(contrast(name, numerator, denominator, drug_class="EGFR-TKI", state="treated")) == "treated"
    assert state_of(contrast(name, numerator, denominator)) is None, "it names no class of drugs"
