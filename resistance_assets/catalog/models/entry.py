"""Entry: what every entry of a TOML file of the catalog is, and its ids."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

LONGEST_ID = 63
"""Characters of an id: ids are tags of assets, and Dagster takes no longer ones."""
ALLOWED_ID = f"letters, digits and single underscores between them, a letter first, at most {LONGEST_ID} characters"
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$", max_length=LONGEST_ID)]
# How a paper calls its method, in its own words ("limma (as published)").
MethodName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ()._+,/-]*$", max_length=LONGEST_ID)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
