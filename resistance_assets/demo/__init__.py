"""Synthetic studies with planted truth, written as a mirror that the ordinary connectors read.

`write_demo` (in `folder`) writes everything; `DemoTruth` (in `plan`) says what an analysis has to find.
"""

from resistance_assets.demo.folder import DEFAULT_SEED, write_demo
from resistance_assets.demo.plan import DemoTruth, PlantedSet

__all__ = ["DEFAULT_SEED", "DemoTruth", "PlantedSet", "write_demo"]
