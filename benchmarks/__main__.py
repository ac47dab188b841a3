"""`make bench [ONLY=name]`: run every case, ours and the peer in turn, and print a table.

Here belongs the running of cases. What is measured is in the other modules of this package: each has `cases()`, which
gives dictionaries with name, size, ours (a function), peer_name, peer (a function, or None), peer_seconds (a figure
measured elsewhere, where no peer can run here), peer_scale (what a peer on a sample of the work is multiplied by) and
note. Figures are medians of at least three runs after a warm-up; `benchmarks/results.json` holds them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benchmarks

RUNS = 3
LONG_SECONDS = 20.0
RESULTS = Path(__file__).with_name("results.json")


class PeakMemory:
    """Largest resident size of this process while a block runs, sampled every 5 ms."""

    def __enter__(self) -> PeakMemory:
        import psutil

        process = psutil.Process()
        self.mib = 0.0
        self._stop = threading.Event()

        def watch() -> None:
            while not self._stop.is_set():
                self.mib = max(self.mib, process.memory_info().rss / 2**20)
                self._stop.wait(0.005)

        self._thread = threading.Thread(target=watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def seconds_of(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """One row of the table: ours and the peer in turn, so that a drift of the machine hits both."""
    ours, peer = case["ours"], case.get("peer")
    first_ours = seconds_of(ours)
    first_peer = seconds_of(peer) if peer else 0.0
    mine: list[float] = []
    theirs: list[float] = []
    with PeakMemory() as memory:
        mine.extend(seconds_of(ours) for _ in range(RUNS))
    if peer:
        # A peer of minutes is run once more, not three times; the row says how often.
        for _ in range(RUNS if first_peer < LONG_SECONDS else 1):
            theirs.append(seconds_of(peer))
            mine.append(seconds_of(ours))
    ours_seconds = statistics.median(mine)
    peer_seconds = statistics.median(theirs) * case.get("peer_scale", 1.0) if theirs else case.get("peer_seconds")
    notes = [case.get("note", ""), f"first run {first_ours:.2f} s" if first_ours > 3 * ours_seconds + 0.5 else ""]
    if theirs and len(theirs) < RUNS:
        notes.append(f"peer run {len(theirs) + 1} times")
    return {
        "name": case["name"],
        "size": case.get("size", ""),
        "ours_seconds": round(ours_seconds, 4),
        "peer": case.get("peer_name"),
        "peer_seconds": round(peer_seconds, 4) if peer_seconds else None,
        "ratio": round(peer_seconds / ours_seconds, 2) if peer_seconds else None,
        "peak_mib": round(memory.mib),
        "note": "; ".join(note for note in notes if note),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="only cases (or modules) whose name contains this")
    wanted = parser.parse_args().only
    rows: list[dict[str, Any]] = []
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        if not hasattr(module, "cases"):
            continue
        for case in module.cases():
            if wanted and wanted not in case["name"] and wanted not in name:
                continue
            row = measure(case)
            rows.append(row)
            ratio = f"{row['ratio']:>9.1f}x" if row["ratio"] else f"{'':>10}"
            peer = f"{row['peer_seconds']:>10.3f} s {row['peer']}" if row["peer_seconds"] else f"{'':>12}"
            print(f"{row['name']:<44} {row['size']:<28} {row['ours_seconds']:>8.3f} s {ratio} {peer}", flush=True)
            print(f"{'':<44} peak {row['peak_mib']} MiB{'; ' + row['note'] if row['note'] else ''}", flush=True)
    if not rows:
        print(f"no case is called {wanted}; modules: {', '.join(names)}", file=sys.stderr)
        return 2
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows in {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
