"""Compiled loops over divisions of patients into two groups: all of them, and those that were drawn.

The order of the divisions is that of `itertools.combinations`; sums are carried along, so that the next division costs
one addition.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_divisions(scores, size, least):
    """Divisions with `size` patients in one group whose |sum of scores| is at least `least`, and how many there are."""
    n = scores.size
    index = np.arange(size)
    partial = np.zeros(size)
    for k in range(size - 1):
        partial[k + 1] = partial[k] + scores[index[k]]
    reached = np.int64(0)
    total = np.int64(0)
    while True:
        base = partial[size - 1]
        for last in range(index[size - 1], n):
            reached += np.int64(abs(base + scores[last]) >= least)
        total += n - index[size - 1]
        k = size - 2
        while k >= 0 and index[k] == n - size + k:
            k -= 1
        if k < 0:
            return reached, total
        index[k] += 1
        partial[k + 1] = partial[k] + scores[index[k]]
        for m in range(k + 1, size):
            index[m] = index[m - 1] + 1
            if m < size - 1:
                partial[m + 1] = partial[m] + scores[index[m]]


@njit(cache=True, nogil=True)
def count_drawn(scores, members, least):
    """Rows of `members` (draws, size) whose |sum of scores| is at least `least`."""
    reached = np.int64(0)
    for draw in range(members.shape[0]):
        total = 0.0
        for k in range(members.shape[1]):
            total += scores[members[draw, k]]
        reached += np.int64(abs(total) >= least)
    return reached
