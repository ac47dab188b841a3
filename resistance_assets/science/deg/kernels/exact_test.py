"""Compiled loops over genes for the exact negative binomial test.

Here belong the kernels of `deg_edger`: the mean of one group, quantile-matched pseudo-counts, the conditional
likelihood of the dispersion and the two tails. What the numbers mean belongs in `deg_edger`.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def one_group_kernel(counts, prior, log_lib, dispersion, out):
    """Natural log of the rate of each gene: the maximum likelihood mean of counts + prior with one common rate.

    Args:
        counts: (genes, samples). prior, log_lib: (samples,). dispersion: (genes,). out: (genes,), -inf for zeros only.
    """
    n_genes, n = counts.shape
    for g in range(n_genes):
        total, rate = 0.0, 0.0
        for i in range(n):
            y = counts[g, i] + prior[i]
            total += y
            rate += y / math.exp(log_lib[i])
        if total < 1e-14:
            out[g] = -math.inf
            continue
        beta = math.log(rate / n)
        d = dispersion[g]
        for _ in range(50):
            score, information = 0.0, 0.0
            for i in range(n):
                mu = math.exp(beta + log_lib[i])
                denominator = 1.0 + mu * d
                score += (counts[g, i] + prior[i] - mu) / denominator
                information += mu / denominator
            step = score / information
            beta += step
            if abs(step) < 1e-12:
                break
        out[g] = beta


@nb.njit(cache=True, nogil=True)
def _log_gamma_lower(a, x):
    """log of the lower regularised incomplete gamma function, by its series."""
    term = 1.0
    total = 1.0
    k = a
    for _ in range(100000):
        k += 1.0
        term *= x / k
        total += term
        if term < total * 1e-16:
            break
    return a * math.log(x) - x - math.lgamma(a + 1.0) + math.log(total)


@nb.njit(cache=True, nogil=True)
def _log_gamma_upper(a, x):
    """log of the upper regularised incomplete gamma function: continued fraction beyond a + 1, series below."""
    if x < a + 1.0:
        return math.log1p(-math.exp(_log_gamma_lower(a, x)))
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    h = d
    for i in range(1, 100000):
        an = -i * (i - a)
        b += 2.0
        d = an * d + b
        if abs(d) < 1e-300:
            d = 1e-300
        c = b + an / c
        if abs(c) < 1e-300:
            c = 1e-300
        d = 1.0 / d
        change = d * c
        h *= change
        if abs(change - 1.0) < 1e-16:
            break
    return a * math.log(x) - x - math.lgamma(a) + math.log(h)


@nb.njit(cache=True, nogil=True)
def _log_gamma_tail(a, x, upper):
    if upper:
        return _log_gamma_upper(a, x)
    if x > a + 1.0:
        return math.log1p(-math.exp(_log_gamma_upper(a, x)))
    return _log_gamma_lower(a, x)


@nb.njit(cache=True, nogil=True)
def quantile_match_kernel(counts, rate, lib, common_lib, dispersion, out):
    """Counts as they would be with the library size `common_lib`: the mean of a normal and a gamma quantile map.

    Args:
        counts: (genes, samples). rate: (genes,) mean per unit of library. lib: (samples,). dispersion: (genes,).
        out: (genes, samples); may be slightly negative.
    """
    n_genes, n = counts.shape
    for g in range(n_genes):
        d = dispersion[g]
        for i in range(n):
            x = counts[g, i]
            mean_in, mean_out = rate[g] * lib[i], rate[g] * common_lib
            if mean_in < 1e-14 or mean_out < 1e-14:
                mean_in += 0.25
                mean_out += 0.25
            r_in, r_out = 1.0 + d * mean_in, 1.0 + d * mean_out
            normal = mean_out + (x - mean_in) * math.sqrt(mean_out * r_out / (mean_in * r_in))
            if x <= 0.0:
                out[g, i] = 0.5 * normal
                continue
            upper = x >= mean_in
            a_in, a_out = mean_in / r_in, mean_out / r_out
            target = _log_gamma_tail(a_in, x / r_in, upper)
            z = math.log(x / r_out * mean_out / mean_in)
            for _ in range(60):
                y = math.exp(z)
                tail = _log_gamma_tail(a_out, y, upper)
                slope = math.exp(a_out * z - y - math.lgamma(a_out) - tail)
                if upper:
                    slope = -slope
                if slope == 0.0:
                    break
                step = (tail - target) / slope
                step = min(max(step, -1.0), 1.0)
                z -= step
                if abs(step) < 1e-13:
                    break
            out[g, i] = 0.5 * (normal + math.exp(z) * r_out)


@nb.njit(cache=True, nogil=True)
def conditional_likelihood_kernel(pseudo, group, n_groups, deltas, out):
    """Log-likelihood of the dispersion given the group sums, per gene and value of delta = dispersion/(1 + dispersion).

    Args:
        pseudo: (genes, samples). group: (samples,) 0..n_groups-1. deltas: (k,). out: (genes, k).
    """
    n_genes, n = pseudo.shape
    sums = np.empty(n_groups)
    sizes = np.zeros(n_groups)
    for i in range(n):
        sizes[group[i]] += 1.0
    for g in range(n_genes):
        sums[:] = 0.0
        for i in range(n):
            sums[group[i]] += pseudo[g, i]
        for k in range(deltas.shape[0]):
            r = 1.0 / deltas[k] - 1.0
            total = -n * math.lgamma(r)
            for i in range(n):
                total += math.lgamma(pseudo[g, i] + r)
            for j in range(n_groups):
                total += math.lgamma(sizes[j] * r) - math.lgamma(sums[j] + sizes[j] * r)
            out[g, k] = total


@nb.njit(cache=True, nogil=True)
def double_tail_kernel(sum1, sum2, n1, n2, dispersion, chosen, out):
    """Twice the smaller tail of the first sum given the total; both sums whole numbers.

    Given the total, the first sum is negative hypergeometric with sizes n1/dispersion and n2/dispersion, whatever the
    mean.
    """
    for g in range(sum1.shape[0]):
        if not chosen[g]:
            continue
        s1, s2 = sum1[g], sum2[g]
        s = s1 + s2
        a, b = n1 / dispersion[g], n2 / dispersion[g]
        middle = n1 * (s / (n1 + n2))
        if s <= 0.0 or s1 == middle:
            out[g] = 1.0
            continue
        first = math.lgamma(s1 + a) - math.lgamma(a) - math.lgamma(s1 + 1.0)
        first += math.lgamma(s2 + b) - math.lgamma(b) - math.lgamma(s2 + 1.0)
        first -= math.lgamma(s + a + b) - math.lgamma(a + b) - math.lgamma(s + 1.0)
        term, total = 1.0, 1.0
        if s1 < middle:
            x = s1
            while x > 0.0:
                term *= x / (x - 1.0 + a) * (s - x + b) / (s - x + 1.0)
                total += term
                x -= 1.0
        else:
            x = s1
            while x < s:
                term *= (x + a) / (x + 1.0) * (s - x) / (s - x - 1.0 + b)
                total += term
                x += 1.0
        out[g] = min(1.0, 2.0 * math.exp(first) * total)
