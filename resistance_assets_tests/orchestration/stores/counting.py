"""Counts up in a record, as one of several processes that do: `counting KIND STORE FOLDER KEY TIMES`."""

from __future__ import annotations

import sys
from pathlib import Path

from resistance_assets.orchestration.stores.local import LocalStore
from resistance_assets.orchestration.stores.objects import ObjectStore


def main(kind: str, name: str, folder: str, key: str, times: str) -> None:
    store = LocalStore(Path(name)) if kind == "LocalStore" else ObjectStore(name, Path(folder))
    for _ in range(int(times)):
        while True:
            stored = store.get(key)
            number = 0 if stored is None else int(stored.data)
            if store.swap(key, str(number + 1).encode(), None if stored is None else stored.etag) is not None:
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
