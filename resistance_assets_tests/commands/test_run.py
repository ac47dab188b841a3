"""What `run` asks of a data folder before anything is computed."""

from __future__ import annotations

import pytest

from resistance_assets.commands.run import prepare
from resistance_assets.errors import UsageFault
from resistance_assets.settings import Settings


@pytest.mark.parametrize(("name", "found"), [("data?", r"'\?'"), ("data%41", "'%41'")])
def test_a_folder_in_which_dagster_cannot_keep_its_records_is_refused_in_words(tmp_path, name, found):
    with pytest.raises(UsageFault, match=f"holds {found}.*RESISTANCE_DATA_DIR"):
        prepare(Settings(data_dir=tmp_path / name, profile="public"))
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["data [1] ü & 'x' * 50% #", "50%", "a b"])
def test_any_other_name_is_taken(tmp_path, name):
    prepare(Settings(data_dir=tmp_path / name, profile="public"))
    assert list((tmp_path / name).iterdir()) == []
