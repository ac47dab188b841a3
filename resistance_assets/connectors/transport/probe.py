"""Whether a file at its host changed, told from the headers of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resistance_assets.connectors.transport.connection import Connection
from resistance_assets.connectors.transport.download import md5_of_headers
from resistance_assets.connectors.transport.resource import Probe, Resource

if TYPE_CHECKING:
    import httpx

_TOLD = ("etag", "last-modified", "content-length", "content-range", "content-type")


def probe_headers(connection: Connection, resource: Resource) -> Probe | None:
    """A change token: published checksum header, else ETag, else Last-Modified and length; None where there is none.

    Asks with HEAD, then with a GET of the first byte where HEAD is refused or tells nothing. Raises as
    `Transport.probe`.
    """
    for method, headers in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
        found = connection.retry(resource, lambda m=method, h=headers: _ask(connection, resource, m, h))
        if found is not None:
            return found
    return None


def _ask(connection: Connection, resource: Resource, method: str, headers: dict[str, str]) -> Probe | None:
    with connection.open(resource, method, headers) as response:
        if method == "HEAD" and 400 <= response.status_code < 500 and response.status_code != 429:
            return None  # some hosts refuse HEAD for what they serve by GET
        connection.require_answer(response, resource)
        if "html" in response.headers.get("content-type", "") and resource.content != "html":
            return None  # perhaps a page in place of the data: only the bytes can tell
        return _token_of(response, resource)


def _token_of(response: httpx.Response, resource: Resource) -> Probe | None:
    details = {name: response.headers[name] for name in _TOLD if name in response.headers}
    length = details.get("content-range", "").rpartition("/")[2] or details.get("content-length", "")
    modified = details.get("last-modified")
    md5 = md5_of_headers(response) if response.status_code == 200 else None
    if md5:
        return Probe(resource.public_url, f"md5:{md5}", "published_checksum", details)
    if details.get("etag"):
        return Probe(resource.public_url, details["etag"].removeprefix("W/"), "etag", details)
    if modified and length.isdigit():
        return Probe(resource.public_url, f"{modified};{length}", "last_modified_and_length", details)
    return None
