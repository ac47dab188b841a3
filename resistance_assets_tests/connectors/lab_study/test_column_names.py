"""Names of columns are mapped once, told, and never guessed between two."""

from __future__ import annotations

import pytest

from resistance_assets.connectors.lab_study.column_names import describe_mapping, map_columns, plain_name
from resistance_assets.errors import DataFault

ALIASES = {"mouse_id": ("id", "animal"), "day": ("days", "times"), "volume_mm3": ("volume",)}


def test_known_names_are_mapped_and_the_mapping_is_told():
    found = map_columns(["Arms", "ID", "Times", "Volume (mm3)"], ALIASES, source="s/m.tsv", required=["mouse_id"])
    assert found == {"mouse_id": "ID", "day": "Times", "volume_mm3": "Volume (mm3)"}
    told = describe_mapping(found)
    assert told == "columns read by their usual names: ID is mouse_id, Times is day, Volume (mm3) is volume_mm3"
    assert describe_mapping({"day": "day"}) is None


def test_our_own_name_wins_over_an_alias_and_a_declared_one_over_both():
    assert map_columns(["id", "mouse_id"], ALIASES, source="s")["mouse_id"] == "mouse_id"
    assert map_columns(["id", "tag"], ALIASES, source="s", declared={"mouse_id": "tag"})["mouse_id"] == "tag"


@pytest.mark.parametrize(
    ("header", "declared", "message"),
    [
        (["ID", "Animal"], {}, r"the columns ID and Animal may both be mouse_id"),
        (["day"], {}, r"column mouse_id is missing"),
        (["mouse"], {"mouse_id": "mous"}, r"column mous is missing; did you mean mouse\?"),
        (["ID"], {"mouse_ids": "ID"}, r"study.columns states mouse_ids.*Did you mean mouse_id\?"),
    ],
)
def test_what_cannot_be_mapped_is_one_clear_error(header, declared, message):
    with pytest.raises(DataFault, match=message):
        map_columns(header, ALIASES, source="s/m.tsv", declared=declared, required=["mouse_id"])


def test_a_name_in_plain_letters():
    assert plain_name(" % TVol Difference ") == "tvol_difference"
