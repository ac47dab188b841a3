"""Compiled loop over genes for shrunken fold changes.

Here belongs the posterior mode under a heavy-tailed prior on one coefficient (apeglm: Zhu 2019, Bioinformatics
35:2084). Which scale the prior has, and what the numbers mean, belongs in `deg_deseq2`.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from resistance_assets.science.deg.kernels.glm import _cholesky, _information, _solve


@nb.njit(cache=True, nogil=True)
def _loss(counts, offset, row_start, row_column, row_value, r, shrunken, scale, other_scale, beta, eta):
    """Negative log posterior up to a constant; fills the linear predictors in."""
    total = math.log1p((beta[shrunken] / scale) ** 2)
    for k in range(beta.shape[0]):
        if k != shrunken:
            total += beta[k] * beta[k] / (2.0 * other_scale * other_scale)
    for i in range(counts.shape[0]):
        linear = offset[i]
        for a in range(row_start[i], row_start[i + 1]):
            linear += row_value[a] * beta[row_column[a]]
        eta[i] = linear
        total += (counts[i] + r) * math.log(r + math.exp(linear)) - counts[i] * linear
    return total


@nb.njit(cache=True, nogil=True)
def shrinkage_kernel(
    counts, offset, row_start, row_column, row_value, dispersion, shrunken, scale, other_scale, tolerance, max_iter,
    beta, loss_at_mode, finished,
):  # fmt: skip
    """Posterior mode per gene: Cauchy prior on one coefficient, wide normal priors on the others.

    Args:
        counts: (genes, samples). offset: (samples,), logarithm of the size factors.
        row_start, row_column, row_value: the design in compressed rows.
        dispersion: (genes,). shrunken: index of the coefficient. scale, other_scale: of the priors.
        tolerance: fall of the loss that a further step would bring, at which it ends.
        max_iter: steps after which a gene is given back unfinished.
        beta: (genes, coefficients), where to start; the mode is filled in.
        loss_at_mode, finished: (genes,), filled in; the loss is comparable between starts of one gene.
    """
    n_genes, n = counts.shape
    p = beta.shape[1]
    information = np.empty((p, p))
    slope, step, moved = np.empty(p), np.empty(p), np.empty(p)
    eta, further, weights = np.empty(n), np.empty(n), np.empty(n)
    for g in range(n_genes):
        finished[g] = False
        r = 1.0 / dispersion[g]
        loss = _loss(counts[g], offset, row_start, row_column, row_value, r, shrunken, scale, other_scale, beta[g], eta)
        for _ in range(max_iter):
            for k in range(p):
                slope[k] = beta[g, k] / (other_scale * other_scale)
            b = beta[g, shrunken]
            slope[shrunken] = 2.0 * b / (scale * scale + b * b)
            for i in range(n):
                mu = math.exp(eta[i])
                y = counts[g, i]
                weights[i] = (y + r) * r * mu / ((r + mu) * (r + mu))
                d = r * (mu - y) / (r + mu)
                for a in range(row_start[i], row_start[i + 1]):
                    slope[row_column[a]] += row_value[a] * d
            # Beyond its scale the Cauchy prior bends the other way: where that leaves no minimum to aim at, the
            # quadratic that lies above it is taken, which always leads down.
            curvature = 2.0 * (scale * scale - b * b) / (scale * scale + b * b) ** 2
            for attempt in range(2):
                _information(row_start, row_column, row_value, weights, p, information)
                for k in range(p):
                    if k != shrunken:
                        information[k, k] += 1.0 / (other_scale * other_scale)
                information[shrunken, shrunken] += curvature
                positive = _cholesky(information, p)
                if positive or attempt == 1:
                    break
                curvature = 2.0 / (scale * scale + b * b)
            if not positive:  # pyright: ignore[reportPossiblyUnboundVariable]
                break
            for k in range(p):
                step[k] = slope[k]
            _solve(information, step, p)
            fall = 0.0
            for k in range(p):
                fall += slope[k] * step[k]
            if fall < tolerance:
                finished[g] = True
                break
            length = 1.0
            better = False
            for _halving in range(40):
                for k in range(p):
                    moved[k] = beta[g, k] - length * step[k]
                tried = _loss(
                    counts[g], offset, row_start, row_column, row_value, r, shrunken, scale, other_scale, moved, further
                )
                if tried < loss - 1e-4 * length * fall:
                    better = True
                    break
                length *= 0.5
            if not better:
                # Nothing lower within rounding.
                finished[g] = fall < 1e-6
                break
            loss = tried  # pyright: ignore[reportPossiblyUnboundVariable]
            for k in range(p):
                beta[g, k] = moved[k]
            for i in range(n):
                eta[i] = further[i]
        loss_at_mode[g] = loss
