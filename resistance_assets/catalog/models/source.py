"""Source: a remote resource (`sources.toml`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from resistance_assets.catalog.models.entry import Entry, Identifier


class SourceEntry(Entry):
    """One remote resource: where it is, its terms, and how a change of it is noticed."""

    title: str
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]
    also: tuple[str, ...] = ()
    # Addresses of the same file, asked in this order where the first does not have it.
    fallbacks: tuple[Annotated[str, StringConstraints(pattern=r"^https?://")], ...] = ()
    connector: str
    content: Literal["gzip", "tar.gz", "zip", "json", "xml", "text", "tsv", "any"]
    markers: tuple[str, ...] = ()
    change: tuple[Literal["published_checksum", "published_version", "etag", "last_modified", "sha256"], ...] = Field(
        min_length=1
    )
    licence: str
    licence_url: str
    citation: str
    # Fewer bytes than this are a cut or a message: for hosts that publish neither checksum nor end of a file.
    least_bytes: int | None = Field(default=None, ge=1)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    opt_in: bool = False


class Source(SourceEntry):
    """A remote resource with the id under which the catalog names it."""

    id: Identifier


class SourcesFile(Entry):
    source: dict[Identifier, dict[str, Any]]
