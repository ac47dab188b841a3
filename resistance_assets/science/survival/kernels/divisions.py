"""Compiled loops over divisions of patients into two groups: all of them, and those that were drawn.

The order of the divisions is that of `itertools.combinations`; sums are carried along, so that the next division costs
one addition.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def division_sums(scores, size, divisions):
    """|sum of scores| over a group of `size` patients, for each of the `divisions` ways to choose it."""
    n = scores.size
    found = np.empty(divisions)
    index = np.arange(size)
    partial = np.zeros(size)
    for k in range(size - 1):
        partial[k + 1] = partial[k] + scores[index[k]]
    at = 0
    while True:
        base = partial[size - 1]
        for last in range(index[size - 1], n):
            found[at] = abs(base + scores[last])
            at += 1
        k = size - 2
        while k >= 0 and index[k] == n - size + k:
            k -= 1
        if k < 0:
            return found
        index[k] += 1
        partial[k + 1] = partial[k] + scores[index[k]]
        for m in range(k + 1, size):
            index[m] = index[m - 1] + 1
            if m < size - 1:
                partial[m + 1] = partial[m] + scores[index[m]]


@njit(cache=True, nogil=True)
def drawn_sums(scores, members, size):
    """|sum of scores| over the first `size` patients of each row of `members` (draws, at least size)."""
    found = np.empty(members.shape[0])
    for draw in range(members.shape[0]):
        total = 0.0
        for k in range(size):
            total += scores[members[draw, k]]
        found[draw] = abs(total)
    return found
