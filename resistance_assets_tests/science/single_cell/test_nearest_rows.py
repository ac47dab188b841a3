"""Nearest rows do not depend on the number of threads, also where many are as far away as each other."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from resistance_assets.science.single_cell.nearest_rows import in_one_thread, nearest_rows


@pytest.fixture(scope="module")
def rows():
    """Cells of few molecules: many have copies, and many are as far away as each other."""
    random = np.random.default_rng(5)
    return random.poisson(0.05, size=(600, 30)).astype(np.float32) @ random.normal(size=(30, 20)).astype(np.float32)


def test_the_number_of_threads_chooses_no_neighbour(rows):
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads):
            found.append(nearest_rows(rows, rows[:200], 25))
    assert found[0].shape == (200, 25)
    assert all(np.array_equal(found[0], one) for one in found[1:])


def test_neighbours_are_the_nearest_by_distance(rows):
    near = nearest_rows(rows, rows[:50], 10)
    exact = np.linalg.norm(rows[None].astype(float) - rows[:50, None].astype(float), axis=2)
    wanted = np.sort(exact, axis=1)[:, :10]
    # Single precision: a copy is found at a distance of some thousandths.
    assert np.allclose(np.take_along_axis(exact, near, axis=1), wanted, atol=2e-2)


def test_every_library_of_the_block_has_one_thread():
    with in_one_thread():
        assert {one["num_threads"] for one in threadpool_info()} == {1}
