"""How much a transfer may bring and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TransferLimits:
    """Limits of one transfer, all its attempts together.

    Attributes:
        largest_bytes: more than this is refused; the largest file of reads that is known has 40 GB.
        longest_seconds: from the first request to the last byte.
        least_bytes_per_second: a slower transfer is given up, measured over `window_seconds`.
        window_seconds: a host may be silent for so long.
        largest_decoded_bytes: what a body that the host compressed unasked may unpack to.
    """

    largest_bytes: int = 200 * 1000**3
    longest_seconds: float = 12 * 3600.0
    least_bytes_per_second: float = 500.0
    window_seconds: float = 120.0
    largest_decoded_bytes: int = 20 * 1024**3
