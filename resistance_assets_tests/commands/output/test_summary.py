"""What is unavailable is told in one line for each kind of reason."""

from __future__ import annotations

from resistance_assets.commands.output.summary import fold_reasons

ARCHIVE = "luad.tar.gz"
MIRROR = "not_listed: the mirror does not list it. Add it with `resistance mirror pull`"


def test_layers_that_one_archive_lacks_are_one_line():
    protein = f"raw.cbioportal__protein_values: {ARCHIVE} holds no rppa (expected a profile of the cohort). It holds x"
    other = "raw.other: x.tar.gz holds no TIMELINE. Nothing is missing."
    lines = fold_reasons(
        [
            f"raw.cbioportal__mutations: {ARCHIVE} holds no MUTATION_EXTENDED. Nothing is missing.",
            protein,
            f"raw.cbioportal__timeline: {ARCHIVE} holds no TIMELINE.",
            other,
        ]
    )
    tables = "raw.cbioportal__mutations, raw.cbioportal__protein_values, raw.cbioportal__timeline"
    assert lines == [f"{ARCHIVE}: holds no MUTATION_EXTENDED, no rppa, no TIMELINE; empty are {tables}", other]


def test_sources_of_one_reason_are_one_line_and_no_address_is_repeated():
    addresses = {name: f"https://host.example/{name}?{'x' * 600}" for name in ("allonco", "biogrid", "civic")}
    [line] = fold_reasons(f"{name} ({url}): {MIRROR}" for name, url in addresses.items())
    assert line.startswith("3 sources (allonco, biogrid, civic). Of the first: allonco (")
    assert line.count("https://") == 1


def test_what_one_cohort_lacks_is_one_line():
    assert fold_reasons([f"luad: the cohort has no {what}. See `resistance sources`." for what in ("OS", "DFI")]) == [
        "luad: the cohort has no DFI, no OS. See `resistance sources`."
    ]
