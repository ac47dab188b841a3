"""The store of a data folder's lake, as the settings say."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.orchestration.stores.local import LocalStore

if TYPE_CHECKING:
    from resistance_assets.orchestration.stores.objects import ObjectStore
    from resistance_assets.orchestration.stores.store import Store

ADDRESS = "RESISTANCE_LAKE"
LARGEST_CACHE = "RESISTANCE_LAKE_CACHE"
CACHE_FOLDER = "cache/lake"


def open_store(data_dir: Path) -> Store:
    """Files below `lake`, or the objects of the lake that RESISTANCE_LAKE names; nothing is asked of a host yet.

    Raises:
        UsageFault: RESISTANCE_LAKE is no address of a lake.
    """
    return open_objects(data_dir) or LocalStore(data_dir / "lake")


def open_objects(data_dir: Path) -> ObjectStore | None:
    """The object store that holds the lake; None where the lake is a folder. One for all who ask in this process."""
    address = os.environ.get(ADDRESS)
    if not address:
        return None
    hosts = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    key = hashlib.sha256(repr(hosts).encode()).hexdigest()
    return _open_objects(address, data_dir / CACHE_FOLDER, os.environ.get(LARGEST_CACHE), key)


def warehouse_home(data_dir: Path) -> Path:
    """Folder of the published file: the data folder, or one for the copies from the object store that holds the lake.

    Each such lake has its own, so that what was published from another one is neither lost nor taken for its.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        return data_dir
    return data_dir / "cache" / "published" / hashlib.sha256(address.strip("/").encode()).hexdigest()[:12]


def configuration_home(data_dir: Path) -> Path:
    """Folder of the copies of catalogs and studies that a lake was made from; each lake has its own."""
    address = os.environ.get(ADDRESS, "")
    return data_dir / "cache" / "configuration" / hashlib.sha256(address.strip("/").encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=16)
def _open_objects(address: str, cache: Path, largest: str | None, _hosts: str) -> ObjectStore:
    from resistance_assets.orchestration.stores.objects import ObjectStore
    from resistance_assets.settings import parse_bytes

    return ObjectStore(address, cache, largest_cache_bytes=parse_bytes(largest) if largest else None)
