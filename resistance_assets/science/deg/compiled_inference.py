"""The loops over genes that pydeseq2 runs, compiled.

Here belongs the inference object that pydeseq2 calls back. It imports pydeseq2, so only `deseq2` imports it, and late.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydeseq2 import utils
from pydeseq2.default_inference import DefaultInference
from scipy.stats import norm

from resistance_assets.science.deg.designs import compressed_rows
from resistance_assets.science.deg.kernels import glm as kernels

Matrix = NDArray[np.float64]


def split_genes(n_genes: int, work: Callable[[slice], None], n_threads: int) -> None:
    """Call `work` on blocks of genes, in threads where there are enough genes for them."""
    if n_threads <= 1 or n_genes < 256:
        work(slice(0, n_genes))
        return
    edges = np.linspace(0, n_genes, 8 * n_threads + 1).astype(int)
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, [slice(a, b) for a, b in pairwise(edges)]))


def accept_dispersions(
    counts: Matrix, means: Matrix, design: Matrix, start: Matrix, found: Matrix, block: int = 512
) -> Matrix:
    """(genes,) gene-wise dispersions as DESeq2 reports them: the estimate, or its starting value.

    DESeq2 takes an estimate only where the log-posterior exceeds that of the start by a millionth of its magnitude. It
    leaves terms of the counts alone out of that log-posterior, so that its magnitude grows with the counts: at ten
    thousand reads per sample and fifty samples a gain below 0.5 is refused. A refused gene may fall on the other side
    of the line beyond which a dispersion is an outlier and is not shrunken.

    Args:
        counts, means: (genes, samples), the means floored. design: (samples, coefficients).
        start: (genes,) starting values, the smaller of two moment estimates. found: (genes,) estimates.
        block: genes whose information matrices are held at once.
    """
    first, last = _unnormalised_likelihood(counts, means, start), _unnormalised_likelihood(counts, means, found)
    gain, needed = last - first, np.abs(first) / 1e6
    # The adjustment of Cox and Reid moves by at most half a log ratio per coefficient: elsewhere it cannot decide.
    widest = 0.5 * design.shape[1] * np.abs(np.log(found / start))
    in_doubt = np.flatnonzero((gain - widest < needed * 1.01 + 1e-9) & (found != start))
    accepted = found.copy()
    for begin in range(0, len(in_doubt), block):
        genes = in_doubt[begin : begin + block]
        before = first[genes] + _cox_reid(means[genes], design, start[genes])
        after = last[genes] + _cox_reid(means[genes], design, found[genes])
        refused = genes[after < before + np.abs(before) / 1e6]
        accepted[refused] = start[refused]
    return accepted


def _unnormalised_likelihood(counts: Matrix, means: Matrix, dispersion: Matrix) -> Matrix:
    """(genes,) negative binomial log-likelihoods without the terms that the counts alone decide."""
    from scipy.special import gammaln

    r = (1 / dispersion)[:, None]
    terms = gammaln(counts + r) - gammaln(r) - counts * np.log(means + r) - r * np.log1p(means / r)
    return terms.sum(axis=1)


def _cox_reid(means: Matrix, design: Matrix, dispersion: Matrix) -> Matrix:
    """(genes,) minus half the log determinant of the information of the coefficients."""
    weights = 1 / (1 / means + dispersion[:, None])
    information = np.einsum("gs,si,sj->gij", weights, design, design, optimize=True)
    return -0.5 * np.linalg.slogdet(information)[1]


class CompiledInference(DefaultInference):
    """A pydeseq2 inference whose loops over genes are compiled (`glm_kernels`).

    Means, coefficients and standard errors equal those of pydeseq2's own inference to rounding. Dispersions are
    brought to the optimum itself, where L-BFGS-B stops within about 1e-3 of it. Genes that a kernel gives back
    (coefficients on their way to infinity, a singular information matrix) go through pydeseq2's own functions.

    Args:
        n_threads: threads over blocks of genes.
        as_deseq2: two rules of DESeq2 that pydeseq2 leaves out. Means are held at `min_mu` or above when dispersions
            are estimated, for every design. And a gene-wise dispersion leaves its starting value only where that gains
            enough likelihood (`accept_dispersions`). False reproduces pydeseq2.
    """

    def __init__(self, *, n_threads: int = 1, as_deseq2: bool = True) -> None:
        super().__init__(n_cpus=1)
        self.n_threads, self.as_deseq2 = n_threads, as_deseq2

    def lin_reg_mu(self, counts, size_factors, design_matrix, min_mu):  # type: ignore[no-untyped-def]
        normalised = counts / size_factors[:, None]
        fitted = design_matrix @ np.linalg.lstsq(design_matrix, normalised, rcond=None)[0]
        return np.maximum(size_factors[:, None] * fitted, min_mu)

    def irls(  # type: ignore[no-untyped-def]
        self, counts, size_factors, design_matrix, disp, min_mu, beta_tol, min_beta=-30, max_beta=30,
        optimizer="L-BFGS-B", maxiter=250,
    ):  # fmt: skip
        y = np.ascontiguousarray(counts.T, dtype=np.float64)
        x = np.ascontiguousarray(design_matrix, dtype=np.float64)
        sf, alpha = np.asarray(size_factors, dtype=np.float64), np.asarray(disp, dtype=np.float64)
        start = np.ascontiguousarray(np.linalg.lstsq(x, np.log(y / sf + 0.1).T, rcond=None)[0].T)
        beta = np.empty(start.shape)
        mu, hat = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
        converged = np.zeros(len(y), dtype=bool)
        rows = compressed_rows(x)

        def work(part: slice) -> None:
            kernels.irls_kernel(
                y[part], sf, start[part], *rows, alpha[part], min_mu, beta_tol, max_beta, maxiter, 1e-6,
                beta[part], mu[part], hat[part], converged[part],
            )  # fmt: skip

        split_genes(len(y), work, self.n_threads)
        for g in np.flatnonzero(~converged):
            beta[g], mu[g], hat[g], converged[g] = utils.irls_solver(
                counts=y[g], size_factors=sf, design_matrix=x, disp=alpha[g], min_mu=min_mu, beta_tol=beta_tol,
                min_beta=min_beta, max_beta=max_beta, optimizer=optimizer, maxiter=maxiter,
            )  # fmt: skip
        return beta, mu.T, hat.T, converged

    def alpha_mle(  # type: ignore[no-untyped-def]
        self, counts, design_matrix, mu, alpha_hat, min_disp, max_disp, prior_disp_var=None, cr_reg=True,
        prior_reg=False, optimizer="L-BFGS-B",
    ):  # fmt: skip
        y = np.ascontiguousarray(counts.T, dtype=np.float64)
        means = np.ascontiguousarray(mu.T, dtype=np.float64)
        if self.as_deseq2:
            means = np.maximum(means, 0.5)
        x = np.ascontiguousarray(design_matrix, dtype=np.float64)
        start = np.asarray(alpha_hat, dtype=np.float64)
        found, converged = np.full(len(y), np.nan), np.zeros(len(y), dtype=bool)
        rows = compressed_rows(x)
        variance = float(prior_disp_var) if prior_reg and prior_disp_var is not None else 0.0

        def work(part: slice) -> None:
            kernels.dispersion_kernel(
                y[part], means[part], *rows, x.shape[1], start[part], np.log(min_disp), np.log(max_disp), cr_reg,
                variance, 1e-9, 3e-4, found[part], converged[part],
            )  # fmt: skip

        split_genes(len(y), work, self.n_threads)
        for g in np.flatnonzero(~converged):
            found[g], converged[g] = utils.fit_alpha_mle(
                counts=y[g], design_matrix=x, mu=means[g], alpha_hat=start[g], min_disp=min_disp,
                max_disp=max_disp, prior_disp_var=prior_disp_var, cr_reg=cr_reg, prior_reg=prior_reg,
                optimizer=optimizer,
            )  # fmt: skip
        if self.as_deseq2 and not prior_reg:
            found = accept_dispersions(y, means, x, start, found)
        return found, converged

    def wald_test(  # type: ignore[no-untyped-def]
        self, design_matrix, disp, lfc, mu, ridge_factor, contrast, lfc_null, alt_hypothesis=None
    ):
        ridge = float(ridge_factor[0, 0])
        plain = alt_hypothesis is None and np.array_equal(ridge_factor, ridge * np.eye(len(ridge_factor)))
        means = np.ascontiguousarray(mu.T, dtype=np.float64)
        x = np.ascontiguousarray(design_matrix, dtype=np.float64)
        alpha, vector = np.asarray(disp, dtype=np.float64), np.asarray(contrast, dtype=np.float64)
        error, finished = np.empty(len(means)), np.zeros(len(means), dtype=bool)
        if plain:
            kernels.wald_kernel(means, *compressed_rows(x), alpha, vector, ridge, error, finished)
        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = (lfc - lfc_null) @ vector / error
        p = 2 * norm.sf(np.abs(statistic))
        for g in np.flatnonzero(~finished):
            p[g], statistic[g], error[g] = utils.wald_test(
                design_matrix=x, disp=alpha[g], lfc=lfc[g], mu=means[g], ridge_factor=ridge_factor,
                contrast=vector, lfc_null=float(lfc_null), alt_hypothesis=alt_hypothesis,
            )  # fmt: skip
        return p, statistic, error
