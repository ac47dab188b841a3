"""Compiled loops over genes for linear and negative binomial models.

Here belong the kernels that fit one gene after another over contiguous rows: weighted least squares for `deg_limma`;
reweighted least squares, dispersion and standard error for `deg_deseq2`. Each reports the genes that it could not
finish, so that the caller can treat those with slower, more patient code. What the numbers mean belongs in the modules
that call them.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_LEVEL_BELOW = math.log(1e-4)


@nb.njit(cache=True, nogil=True)
def _digamma(x):
    shift = 0.0
    while x < 10.0:
        shift -= 1.0 / x
        x += 1.0
    u = 1.0 / (x * x)
    tail = u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u * (1 / 240 - u * (1 / 132)))))
    return shift + math.log(x) - 0.5 / x - tail


@nb.njit(cache=True, nogil=True)
def _dispersion_score(y, mu, r):
    """digamma(r) - digamma(y + r) + log(1 + mu/r) + (y - mu)/(mu + r), without the cancellation of large r."""
    if r < 10.0:
        return _digamma(r) - _digamma(y + r) + math.log1p(mu / r) + (y - mu) / (mu + r)
    t = (y - mu) / (r + mu)
    if abs(t) < 1e-3:
        lead = t * t * (0.5 - t * (1 / 3 - t * (0.25 - t * (0.2 - t / 6))))
    else:
        lead = t - math.log1p(t)
    s = r + y
    u, v = 1.0 / (r * r), 1.0 / (s * s)
    # Tails of the two digammas; the first two orders as differences in closed form.
    tail = -y / (2.0 * r * s)
    tail -= (u - v) / 12.0
    tail += (u * u - v * v) / 120.0
    tail -= (u * u * u - v * v * v) / 252.0
    tail += (u * u * u * u - v * v * v * v) / 240.0
    return lead + tail


@nb.njit(cache=True, nogil=True)
def _information(row_start, row_column, row_value, weights, p, out):
    """X' W X for a design whose rows are given by their non-zero entries; lower triangle."""
    out[:, :] = 0.0
    for i in range(weights.shape[0]):
        for a in range(row_start[i], row_start[i + 1]):
            va = row_value[a] * weights[i]
            ca = row_column[a]
            for b in range(row_start[i], a + 1):
                out[ca, row_column[b]] += va * row_value[b]


@nb.njit(cache=True, nogil=True)
def _cholesky(matrix, p):
    """In-place lower Cholesky factor; False where the matrix is not positive definite."""
    for j in range(p):
        d = matrix[j, j]
        for k in range(j):
            d -= matrix[j, k] * matrix[j, k]
        if not d > 1e-13 * matrix[j, j] or not math.isfinite(d):
            return False
        root = math.sqrt(d)
        matrix[j, j] = root
        for i in range(j + 1, p):
            s = matrix[i, j]
            for k in range(j):
                s -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = s / root
    return True


@nb.njit(cache=True, nogil=True)
def _solve(factor, right, p):
    """Solve L L' x = right in place."""
    for i in range(p):
        s = right[i]
        for k in range(i):
            s -= factor[i, k] * right[k]
        right[i] = s / factor[i, i]
    for i in range(p - 1, -1, -1):
        s = right[i]
        for k in range(i + 1, p):
            s -= factor[k, i] * right[k]
        right[i] = s / factor[i, i]


@nb.njit(cache=True, nogil=True)
def _inverse(factor, p, lower, out):
    """Inverse of L L' from L, through the inverse of L."""
    for j in range(p):
        lower[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, p):
            s = 0.0
            for k in range(j, i):
                s -= factor[i, k] * lower[k, j]
            lower[i, j] = s / factor[i, i]
    for i in range(p):
        for j in range(i + 1):
            s = 0.0
            for k in range(i, p):
                s += lower[k, i] * lower[k, j]
            out[i, j] = s
            out[j, i] = s


@nb.njit(cache=True, nogil=True)
def _leverage(row_start, row_column, row_value, inverse, i):
    """x_i' inverse x_i."""
    h = 0.0
    for a in range(row_start[i], row_start[i + 1]):
        for b in range(row_start[i], row_start[i + 1]):
            h += row_value[a] * row_value[b] * inverse[row_column[a], row_column[b]]
    return h


@nb.njit(cache=True, nogil=True)
def irls_kernel(
    counts, size_factors, start, row_start, row_column, row_value, dispersion, min_mu, tolerance, max_beta, max_iter,
    ridge, beta, mu, hat, finished,
):  # fmt: skip
    """Reweighted least squares per gene.

    Args:
        counts: (genes, samples). size_factors: (samples,). start: (genes, coefficients), first coefficients.
        row_start, row_column, row_value: the design in compressed rows.
        dispersion: (genes,). min_mu: floor of the means inside the iteration.
        tolerance: relative change of twice the log-likelihood that ends it.
        max_beta, max_iter: beyond either the gene is given back unfinished.
        ridge: added to the diagonal of the information.
        beta (genes, coefficients), mu (without the floor), hat (genes, samples), finished (genes,): filled in.
    """
    n_genes, n = counts.shape
    p = start.shape[1]
    information = np.empty((p, p))
    lower = np.zeros((p, p))
    inverse = np.empty((p, p))
    right = np.empty(p)
    weights = np.empty(n)
    means = np.empty(n)
    for g in range(n_genes):
        alpha = dispersion[g]
        r = 1.0 / alpha
        constant = n * r * math.log(alpha)
        lgamma_r = math.lgamma(r)
        for i in range(n):
            y = counts[g, i]
            constant -= math.lgamma(y + r) - math.lgamma(y + 1.0) - lgamma_r
        for k in range(p):
            beta[g, k] = start[g, k]
        for i in range(n):
            eta = 0.0
            for a in range(row_start[i], row_start[i + 1]):
                eta += row_value[a] * beta[g, row_column[a]]
            means[i] = max(size_factors[i] * math.exp(eta), min_mu)
        deviance, change, iteration, ok = 1000.0, 1.0, 0, True
        while change > tolerance:
            right[:] = 0.0
            for i in range(n):
                w = means[i] / (1.0 + means[i] * alpha)
                weights[i] = w
                z = w * (math.log(means[i] / size_factors[i]) + (counts[g, i] - means[i]) / means[i])
                for a in range(row_start[i], row_start[i + 1]):
                    right[row_column[a]] += row_value[a] * z
            _information(row_start, row_column, row_value, weights, p, information)
            for k in range(p):
                information[k, k] += ridge
            if not _cholesky(information, p):
                ok = False
                break
            _solve(information, right, p)
            iteration += 1
            for k in range(p):
                if not abs(right[k]) <= max_beta:
                    ok = False
            if not ok or iteration >= max_iter:
                ok = False
                break
            for k in range(p):
                beta[g, k] = right[k]
            old = deviance
            loss = constant
            for i in range(n):
                eta = 0.0
                for a in range(row_start[i], row_start[i + 1]):
                    eta += row_value[a] * beta[g, row_column[a]]
                means[i] = max(size_factors[i] * math.exp(eta), min_mu)
                y = counts[g, i]
                loss += (y + r) * math.log(r + means[i]) - y * math.log(means[i])
            deviance = -2.0 * loss
            change = abs(deviance - old) / (abs(deviance) + 0.1)
        finished[g] = ok
        if not ok:
            continue
        for i in range(n):
            weights[i] = means[i] / (1.0 + means[i] * alpha)
        _information(row_start, row_column, row_value, weights, p, information)
        for k in range(p):
            information[k, k] += ridge
        if not _cholesky(information, p):
            finished[g] = False
            continue
        _inverse(information, p, lower, inverse)
        for i in range(n):
            hat[g, i] = weights[i] * _leverage(row_start, row_column, row_value, inverse, i)
            eta = 0.0
            for a in range(row_start[i], row_start[i + 1]):
                eta += row_value[a] * beta[g, row_column[a]]
            mu[g, i] = size_factors[i] * math.exp(eta)


@nb.njit(cache=True, nogil=True)
def _slope(log_alpha, y, mu, rows, p, cox_reid, prior_mean, prior_variance, work):
    """Derivative of the negative adjusted profile log-likelihood by log dispersion; NaN where that is singular."""
    row_start, row_column, row_value = rows
    information, lower, inverse, weights = work
    alpha = math.exp(log_alpha)
    r = 1.0 / alpha
    n = y.shape[0]
    total = 0.0
    for i in range(n):
        total += _dispersion_score(y[i], mu[i], r)
    slope = -r * total
    if cox_reid:
        for i in range(n):
            weights[i] = mu[i] / (1.0 + mu[i] * alpha)
        _information(row_start, row_column, row_value, weights, p, information)
        if not _cholesky(information, p):
            return math.nan
        _inverse(information, p, lower, inverse)
        trace = 0.0
        for i in range(n):
            trace -= weights[i] * weights[i] * _leverage(row_start, row_column, row_value, inverse, i)
        slope += 0.5 * alpha * trace
    if prior_variance > 0.0:
        slope += (log_alpha - prior_mean) / prior_variance
    return slope


@nb.njit(cache=True, nogil=True)
def dispersion_kernel(
    counts, means, row_start, row_column, row_value, p, start, log_min, log_max, cox_reid, prior_variance, tolerance,
    flat, dispersion, finished,
):  # fmt: skip
    """Dispersion per gene that maximises the Cox-Reid adjusted profile likelihood, with a log-normal prior if wished.

    From the start it walks downhill in log dispersion until the slope changes sign or a bound is met, then encloses the
    root. Args as `irls_kernel`; `start` (genes,) is the first value and the prior's centre, `prior_variance` 0 means no
    prior, `tolerance` is in log dispersion. Below a dispersion of 1e-4 a slope of at most `flat` ends the walk: the
    likelihood of a gene without overdispersion is level there, and every program stops where it stops noticing.
    """
    n_genes, n = counts.shape
    information = np.empty((p, p))
    lower = np.zeros((p, p))
    inverse = np.empty((p, p))
    weights = np.empty(n)
    rows = (row_start, row_column, row_value)
    work = (information, lower, inverse, weights)
    for g in range(n_genes):
        y, mu = counts[g], means[g]
        centre = math.log(start[g])
        a = min(max(centre, log_min), log_max)
        fa = _slope(a, y, mu, rows, p, cox_reid, centre, prior_variance, work)
        finished[g] = True
        if not math.isfinite(fa):
            finished[g] = False
            continue
        if fa == 0.0 or (a < _LEVEL_BELOW and abs(fa) <= flat):
            dispersion[g] = math.exp(a)
            continue
        direction = -1.0 if fa > 0 else 1.0
        step = 0.5
        b, fb = a, fa
        at_bound = False
        while True:
            b = a + direction * step
            if b <= log_min or b >= log_max:
                b = log_min if direction < 0 else log_max
                at_bound = True
            fb = _slope(b, y, mu, rows, p, cox_reid, centre, prior_variance, work)
            if not math.isfinite(fb):
                finished[g] = False
                break
            if fb * fa <= 0.0 or at_bound:
                break
            if b < _LEVEL_BELOW and abs(fb) <= flat:
                at_bound = True
                break
            a, fa = b, fb
            step *= 2.0
        if not finished[g]:
            continue
        if at_bound and fb * fa > 0.0:
            dispersion[g] = math.exp(b)
            continue
        # Chandrupatla's root finder: inverse quadratic steps, bisection when they do not pay.
        x1, f1, x2, f2 = b, fb, a, fa
        x3, f3 = a, fa
        t = 0.5
        best = x1
        for _ in range(100):
            x = x1 + t * (x2 - x1)
            f = _slope(x, y, mu, rows, p, cox_reid, centre, prior_variance, work)
            if not math.isfinite(f):
                finished[g] = False
                break
            if (f > 0) == (f1 > 0):
                x3, f3 = x1, f1
            else:
                x3, f3 = x2, f2
                x2, f2 = x1, f1
            x1, f1 = x, f
            best = x1 if abs(f1) < abs(f2) else x2
            width = abs(x2 - x1)
            if width <= tolerance or f1 == 0.0:
                break
            xi = (x1 - x2) / (x3 - x2)
            phi = (f1 - f2) / (f3 - f2)
            t = 0.5
            if phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi:
                t = f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
            edge = 0.5 * tolerance / width
            t = min(max(t, edge), 1.0 - edge)
        dispersion[g] = math.exp(best)


@nb.njit(cache=True, nogil=True)
def wald_kernel(means, row_start, row_column, row_value, dispersion, contrast, ridge, standard_error, finished):
    """Standard error of a combination of coefficients: sqrt(c' H M H c), M the information, H = (M + ridge)^-1."""
    n_genes, n = means.shape
    p = contrast.shape[0]
    information = np.empty((p, p))
    factor = np.empty((p, p))
    weights = np.empty(n)
    direction = np.empty(p)
    for g in range(n_genes):
        finished[g] = False
        if not math.isfinite(dispersion[g]):
            standard_error[g] = math.nan
            finished[g] = True
            continue
        for i in range(n):
            weights[i] = means[g, i] / (1.0 + means[g, i] * dispersion[g])
        _information(row_start, row_column, row_value, weights, p, information)
        for j in range(p):
            for k in range(j + 1):
                factor[j, k] = information[j, k]
            factor[j, j] += ridge
            direction[j] = contrast[j]
        if not _cholesky(factor, p):
            continue
        _solve(factor, direction, p)
        quadratic = 0.0
        for i in range(n):
            eta = 0.0
            for a in range(row_start[i], row_start[i + 1]):
                eta += row_value[a] * direction[row_column[a]]
            quadratic += weights[i] * eta * eta
        standard_error[g] = math.sqrt(quadratic)
        finished[g] = True


@nb.njit(cache=True, nogil=True)
def weighted_least_squares_kernel(
    values, weights, row_start, row_column, row_value, contrasts, estimates, covariance, sigma, finished
):
    """Weighted least squares per gene and linear combinations of its coefficients.

    Args:
        values, weights: (genes, samples). contrasts: (combinations, coefficients). Design as in `irls_kernel`.
        estimates (genes, combinations), covariance (genes, combinations, combinations; unscaled), sigma (genes,):
            filled in, as is finished (genes,): False where the weighted design is singular.
    """
    n_genes, n = values.shape
    k, p = contrasts.shape
    information = np.empty((p, p))
    right = np.empty(p)
    solved = np.empty((k, p))
    for g in range(n_genes):
        right[:] = 0.0
        for i in range(n):
            wy = weights[g, i] * values[g, i]
            for a in range(row_start[i], row_start[i + 1]):
                right[row_column[a]] += row_value[a] * wy
        _information(row_start, row_column, row_value, weights[g], p, information)
        finished[g] = _cholesky(information, p)
        if not finished[g]:
            continue
        _solve(information, right, p)
        rss = 0.0
        for i in range(n):
            fitted = 0.0
            for a in range(row_start[i], row_start[i + 1]):
                fitted += row_value[a] * right[row_column[a]]
            rss += weights[g, i] * (values[g, i] - fitted) ** 2
        sigma[g] = math.sqrt(rss / (n - p))
        for c in range(k):
            solved[c, :] = contrasts[c]
            _solve(information, solved[c], p)
            estimate = 0.0
            for j in range(p):
                estimate += contrasts[c, j] * right[j]
            estimates[g, c] = estimate
            for d in range(c + 1):
                total = 0.0
                for j in range(p):
                    total += contrasts[d, j] * solved[c, j]
                covariance[g, c, d] = total
                covariance[g, d, c] = total
