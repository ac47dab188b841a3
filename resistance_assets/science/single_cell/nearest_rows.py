"""Nearest rows of a matrix, the same ones whatever the number of threads.

scikit-learn cuts the products that it searches by the number of threads. The last digits of distances differ then, and
of rows that are as far away as each other another one is taken: a job with one core and a process with two would give
different tables.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


@contextlib.contextmanager
def in_one_thread() -> Iterator[None]:
    """Linear algebra and searches of the block run in one thread."""
    # Before the limit, which reaches libraries that are loaded alone.
    import sklearn.neighbors  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def nearest_rows(among: NDArray[np.floating], of: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Numbers of the ``n`` rows of ``among`` that are nearest to each row of ``of``, the nearest first.

    Args:
        among: rows x dimensions.
        of: rows x dimensions.
        n: at most the number of rows of ``among``.

    Returns:
        (rows of ``of``, n), by Euclidean distance.
    """
    from sklearn.neighbors import NearestNeighbors

    with in_one_thread():
        return NearestNeighbors(n_neighbors=n).fit(among).kneighbors(of, return_distance=False)
