"""Entry: what every entry of a TOML file of the catalog is, and its ids."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$")]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
