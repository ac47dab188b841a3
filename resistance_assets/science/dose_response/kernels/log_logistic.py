"""Compiled loops of the log-logistic fit by variable projection, and of its profile likelihood.

The curve is lower + (upper - lower) / (1 + (dose / EC50)^hill). Given ln hill and ln EC50 it is linear in the two
limits, so that least squares is a search in two dimensions (Golub and Pereyra, 1973, doi:10.1137/0710036). Dose 0 is
the limit of the curve, never a logarithm.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# A profile is searched over these slopes: beyond them a curve is a step, and its likelihood no longer changes.
LN_HILL_LOWEST = math.log(0.05)
LN_HILL_HIGHEST = math.log(60.0)
NO_FIT = 1e300


@njit(cache=True, nogil=True)
def remaining(ln_dose, hill, ln_ec50):
    """Share of the fall still to come, per point: 1 at dose 0 (ln dose is minus infinity), 0 beyond the fall."""
    found = np.empty(ln_dose.shape[0])
    for at in range(ln_dose.shape[0]):
        if ln_dose[at] == -np.inf:
            found[at] = 1.0
            continue
        exponent = hill * (ln_dose[at] - ln_ec50)
        if exponent > 700.0:
            found[at] = 0.0
        elif exponent < -700.0:
            found[at] = 1.0
        else:
            found[at] = 1.0 / (1.0 + math.exp(exponent))
    return found


@njit(cache=True, nogil=True)
def limits_given_shape(ln_dose, y, hill, ln_ec50, top):
    """Least-squares limits for a given slope and EC50: (residual sum of squares, lower, upper).

    `top`: the fixed upper limit, or NaN where it is fitted.
    """
    n = y.shape[0]
    share = remaining(ln_dose, hill, ln_ec50)
    if math.isnan(top):
        s_kk = s_k = s_ky = s_y = 0.0
        for at in range(n):
            s_k += share[at]
            s_kk += share[at] * share[at]
            s_ky += share[at] * y[at]
            s_y += y[at]
        spread = s_kk - s_k * s_k / n
        if spread <= 1e-12 * max(s_kk, 1e-300):
            return NO_FIT, np.nan, np.nan
        fall = (s_ky - s_k * s_y / n) / spread
        lower = s_y / n - fall * s_k / n
        upper = lower + fall
    else:
        upper = top
        s_rr = s_ry = 0.0
        for at in range(n):
            rest = 1.0 - share[at]
            s_rr += rest * rest
            s_ry += rest * (y[at] - top * share[at])
        if s_rr <= 1e-12:
            return NO_FIT, np.nan, np.nan
        lower = s_ry / s_rr
    rss = 0.0
    for at in range(n):
        residual = y[at] - lower - (upper - lower) * share[at]
        rss += residual * residual
    return rss, lower, upper


@njit(cache=True, nogil=True)
def _residuals(ln_dose, y, hill, ln_ec50, top, out):
    rss, lower, upper = limits_given_shape(ln_dose, y, hill, ln_ec50, top)
    if rss >= NO_FIT:
        return rss
    share = remaining(ln_dose, hill, ln_ec50)
    for at in range(y.shape[0]):
        out[at] = y[at] - lower - (upper - lower) * share[at]
    return rss


@njit(cache=True, nogil=True)
def _residuals_at_ic50(ln_dose, y, hill, ln_ec50, ln_ic50, level, top, out):
    """Residuals of the curve that passes through `level` at `ln_ic50`; one limit follows from the other."""
    exponent = hill * (ln_ic50 - ln_ec50)
    if abs(exponent) > 600.0:
        return NO_FIT
    weight = 1.0 / (1.0 + math.exp(exponent))
    rest = 1.0 - weight
    if rest < 1e-14:
        return NO_FIT
    share = remaining(ln_dose, hill, ln_ec50)
    n = y.shape[0]
    if math.isnan(top):
        s_xx = s_xy = 0.0
        for at in range(n):
            x = share[at] - (1.0 - share[at]) * weight / rest
            offset = (1.0 - share[at]) * level / rest
            s_xx += x * x
            s_xy += x * (y[at] - offset)
        if s_xx <= 1e-14:
            return NO_FIT
        upper = s_xy / s_xx
    else:
        upper = top
    lower = (level - upper * weight) / rest
    rss = 0.0
    for at in range(n):
        out[at] = y[at] - lower * (1.0 - share[at]) - upper * share[at]
        rss += out[at] * out[at]
    return rss


@njit(cache=True, nogil=True)
def _rss_of(ln_dose, y, a, b, ln_ic50, level, top, out):
    """Residual sum of squares of a curve by (ln hill, ln EC50); through a given IC50 where `ln_ic50` is a number."""
    if a < LN_HILL_LOWEST - 4.0 or a > LN_HILL_HIGHEST + 1.5:
        return NO_FIT
    if math.isnan(ln_ic50):
        return _residuals(ln_dose, y, math.exp(a), b, top, out)
    return _residuals_at_ic50(ln_dose, y, math.exp(a), b, ln_ic50, level, top, out)


@njit(cache=True, nogil=True)
def descend(ln_dose, y, a, b, ln_ic50, level, top, rounds):
    """Levenberg-Marquardt in (ln hill, ln EC50) from a start: (residual sum of squares, ln hill, ln EC50)."""
    n = y.shape[0]
    here, up, down = np.empty(n), np.empty(n), np.empty(n)
    jacobian = np.empty((n, 2))
    best = _rss_of(ln_dose, y, a, b, ln_ic50, level, top, here)
    if best >= NO_FIT:
        return best, a, b
    damping = 1e-3
    step = 1e-5
    still = 0
    for _ in range(rounds):
        for at in range(2):
            da = step if at == 0 else 0.0
            db = step if at == 1 else 0.0
            high = _rss_of(ln_dose, y, a + da, b + db, ln_ic50, level, top, up)
            low = _rss_of(ln_dose, y, a - da, b - db, ln_ic50, level, top, down)
            if high >= NO_FIT or low >= NO_FIT:
                return best, a, b
            for i in range(n):
                jacobian[i, at] = (up[i] - down[i]) / (2.0 * step)
        h00 = h01 = h11 = g0 = g1 = 0.0
        for i in range(n):
            h00 += jacobian[i, 0] * jacobian[i, 0]
            h01 += jacobian[i, 0] * jacobian[i, 1]
            h11 += jacobian[i, 1] * jacobian[i, 1]
            g0 += jacobian[i, 0] * here[i]
            g1 += jacobian[i, 1] * here[i]
        moved = False
        for _ in range(12):
            d0 = h00 * (1.0 + damping) + 1e-12
            d1 = h11 * (1.0 + damping) + 1e-12
            determinant = d0 * d1 - h01 * h01
            if determinant <= 0.0:
                damping *= 10.0
                continue
            move_a = -(d1 * g0 - h01 * g1) / determinant
            move_b = -(d0 * g1 - h01 * g0) / determinant
            move_a = min(max(move_a, -1.0), 1.0)
            move_b = min(max(move_b, -1.5), 1.5)
            tried = _rss_of(ln_dose, y, a + move_a, b + move_b, ln_ic50, level, top, up)
            if tried < best:
                gain = best - tried
                a += move_a
                b += move_b
                best = tried
                for i in range(n):
                    here[i] = up[i]
                damping = max(damping * 0.2, 1e-12)
                moved = True
                still = still + 1 if gain <= 1e-14 * best else 0
                break
            damping *= 6.0
        if not moved or still >= 2 or best <= 0.0:
            break
    return best, a, b


@njit(cache=True, nogil=True)
def fit_shape(ln_dose, y, top):
    """Best (residual sum of squares, ln hill, ln EC50) from a grid of starts and a descent from the best of them."""
    lowest, highest = np.inf, -np.inf
    for at in range(ln_dose.shape[0]):
        if ln_dose[at] > -np.inf:
            lowest, highest = min(lowest, ln_dose[at]), max(highest, ln_dose[at])
    hills = np.log(np.array([0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 25.0]))
    places = 37
    found = np.empty((hills.shape[0] * places, 3))
    at = 0
    for i in range(hills.shape[0]):
        for j in range(places):
            place = lowest - 3.0 + (highest - lowest + 6.0) * j / (places - 1)
            rss, _, _ = limits_given_shape(ln_dose, y, math.exp(hills[i]), place, top)
            found[at, 0], found[at, 1], found[at, 2] = rss, hills[i], place
            at += 1
    order = np.argsort(found[:, 0])
    best, best_a, best_b = NO_FIT, 0.0, 0.0
    tried = 0
    starts = np.empty((4, 2))
    for k in range(order.shape[0]):
        start = found[order[k]]
        if start[0] >= NO_FIT or tried >= 4:
            break
        near = False
        for other in range(tried):
            if abs(starts[other, 0] - start[1]) < 0.6 and abs(starts[other, 1] - start[2]) < 0.6:
                near = True
        if near:
            continue
        starts[tried, 0], starts[tried, 1] = start[1], start[2]
        tried += 1
        rss, a, b = descend(ln_dose, y, start[1], start[2], np.nan, 0.0, top, 200)
        if rss < best:
            best, best_a, best_b = rss, a, b
    return best, best_a, best_b


@njit(cache=True, nogil=True)
def _golden(ln_dose, y, ln_ec50, top, low, high):
    """Smallest residual sum of squares over ln hill in an interval, for a given EC50: (value, place)."""
    ratio = 0.6180339887498949
    x1, x2 = high - ratio * (high - low), low + ratio * (high - low)
    f1, _, _ = limits_given_shape(ln_dose, y, math.exp(x1), ln_ec50, top)
    f2, _, _ = limits_given_shape(ln_dose, y, math.exp(x2), ln_ec50, top)
    for _ in range(60):
        if f1 < f2:
            high, x2, f2 = x2, x1, f1
            x1 = high - ratio * (high - low)
            f1, _, _ = limits_given_shape(ln_dose, y, math.exp(x1), ln_ec50, top)
        else:
            low, x1, f1 = x1, x2, f2
            x2 = low + ratio * (high - low)
            f2, _, _ = limits_given_shape(ln_dose, y, math.exp(x2), ln_ec50, top)
        if high - low < 1e-7:
            break
    return (f1, x1) if f1 < f2 else (f2, x2)


@njit(cache=True, nogil=True)
def profile_at_ec50(ln_dose, y, ln_ec50, top, near):
    """Smallest residual sum of squares with EC50 held, and the ln hill where it is; searched about `near` first."""
    low, high = max(near - 0.7, LN_HILL_LOWEST), min(near + 0.7, LN_HILL_HIGHEST)
    value, place = _golden(ln_dose, y, ln_ec50, top, low, high)
    if place - low < 0.05 or high - place < 0.05 or value >= NO_FIT:
        value, place = NO_FIT, near
        low = LN_HILL_LOWEST
        width = (LN_HILL_HIGHEST - LN_HILL_LOWEST) / 12.0
        for k in range(12):
            one, where = _golden(ln_dose, y, ln_ec50, top, low + k * width, low + (k + 1) * width)
            if one < value:
                value, place = one, where
    return value, place


@njit(cache=True, nogil=True)
def profile_limit(ln_dose, y, a, b, ln_ic50, level, top, target, direction, farthest):
    """One limit of the profile-likelihood interval on the ln-dose scale; infinite where the profile stays below.

    Args:
        a, b: ln hill and ln EC50 of the fit.
        ln_ic50: of the fit, for the limit of an IC50; NaN for that of the EC50.
        level: the response that defines the IC50.
        target: residual sum of squares at the limit.
        direction: -1 or 1.
        farthest: how far to look, in ln dose.
    """
    of_ic50 = not math.isnan(ln_ic50)
    start = ln_ic50 if of_ic50 else b
    inside, step = start, 0.02
    at_a, at_b = a, b
    for _ in range(4000):
        outside = inside + direction * step
        if of_ic50:
            value, new_a, new_b = descend(ln_dose, y, at_a, at_b + direction * step, outside, level, top, 60)
            other, other_a, other_b = descend(ln_dose, y, at_a, at_b, outside, level, top, 60)
            if other < value:
                value, new_a, new_b = other, other_a, other_b
        else:
            value, new_a = profile_at_ec50(ln_dose, y, outside, top, at_a)
            new_b = outside
        if value >= NO_FIT:
            return np.nan
        if value > target:
            low, high = inside, outside
            for _ in range(60):
                middle = 0.5 * (low + high)
                if of_ic50:
                    value, new_a, new_b = descend(ln_dose, y, at_a, at_b, middle, level, top, 60)
                else:
                    value, new_a = profile_at_ec50(ln_dose, y, middle, top, at_a)
                if value > target:
                    high = middle
                else:
                    low = middle
                    at_a = new_a
                    if of_ic50:
                        at_b = new_b
                if abs(high - low) < 1e-8:
                    break
            return 0.5 * (low + high)
        inside, at_a, at_b = outside, new_a, new_b
        step = min(step * 1.15, 0.25)
        if abs(outside - start) > farthest:
            return direction * np.inf
    return np.nan
