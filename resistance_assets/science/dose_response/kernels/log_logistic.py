"""Compiled loops of the log-logistic fit by variable projection, and of its profile likelihood.

The curve is lower + (upper - lower) / (1 + (dose / EC50)^hill). Given ln hill and ln EC50 it is linear in the two
limits, so that least squares is a search in two dimensions (Golub and Pereyra, 1973, doi:10.1137/0710036). Dose 0 is
the limit of the curve, never a logarithm.

Points are the means of the doses, each with the number of its responses as weight: residual sums of squares here are
those of the means about the curve, to which `curves` adds the sum about the means, the same for every curve.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# A profile is searched over these slopes: beyond them a curve is a step, and its likelihood no longer changes.
LN_HILL_LOWEST = math.log(0.05)
LN_HILL_HIGHEST = math.log(60.0)
NO_FIT = 1e300
# Residual sums of squares that differ by less than this share of themselves are equal.
EQUAL_FITS = 1e-9
# Squared shares of the fall below this are no fall at all.
NO_SHARE = 1e-40
# Of a limit of a profile, in ln dose.
LIMIT_TOLERANCE = 1e-9


@njit(cache=True, nogil=True)
def shares_of_fall(ln_dose, hill, ln_ec50):
    """Shares of the fall still to come and already gone, per point: 1 and 0 at dose 0 (ln dose is minus infinity).

    Each is computed by itself: one less the other loses the digits of the smaller one, and a curve without a plateau
    rests on them alone.
    """
    to_come, gone = np.empty(ln_dose.shape[0]), np.empty(ln_dose.shape[0])
    _fill_shares(ln_dose, hill, ln_ec50, to_come, gone)
    return to_come, gone


@njit(cache=True, nogil=True)
def _fill_shares(ln_dose, hill, ln_ec50, to_come, gone):
    """`shares_of_fall` into arrays at hand: a fit asks for them thousands of times."""
    for at in range(ln_dose.shape[0]):
        exponent = hill * (ln_dose[at] - ln_ec50)
        small = math.exp(-abs(exponent))
        larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
        to_come[at] = smaller if exponent > 0.0 else larger
        gone[at] = larger if exponent > 0.0 else smaller


@njit(cache=True, nogil=True)
def _fit_limits(y, weight, to_come, gone, top):
    """Least-squares (lower, upper, fall) of points whose shares are given; a fall of NaN where there is none."""
    n = y.shape[0]
    if not math.isnan(top):
        s_gg = s_gy = 0.0
        for at in range(n):
            s_gg += weight[at] * gone[at] * gone[at]
            s_gy += weight[at] * gone[at] * (top - y[at])
        if s_gg <= NO_SHARE:
            return np.nan, np.nan, np.nan
        fall = s_gy / s_gg
        return top - fall, top, fall
    s_1 = s_g = s_y = 0.0
    for at in range(n):
        s_1 += weight[at]
        s_g += weight[at] * gone[at]
        s_y += weight[at] * y[at]
    # The smaller of the two shares keeps its digits.
    share = gone if s_g <= 0.5 * s_1 else to_come
    s_x = 0.0
    for at in range(n):
        s_x += weight[at] * share[at]
    spread = crossed = 0.0
    for at in range(n):
        away = share[at] - s_x / s_1
        spread += weight[at] * away * away
        crossed += weight[at] * away * (y[at] - s_y / s_1)
    if spread <= max(1e-12 * s_x * s_x / s_1, NO_SHARE):
        return np.nan, np.nan, np.nan
    slope = crossed / spread
    start = s_y / s_1 - slope * s_x / s_1
    if s_g <= 0.5 * s_1:
        return start + slope, start, -slope
    return start, start + slope, slope


@njit(cache=True, nogil=True)
def _residuals(ln_dose, y, weight, hill, ln_ec50, top, out, shares):
    """Residuals by the root of their weight into `out`, and their sum of squares; `shares` is room to work in."""
    to_come, gone = shares[0], shares[1]
    _fill_shares(ln_dose, hill, ln_ec50, to_come, gone)
    lower, upper, fall = _fit_limits(y, weight, to_come, gone, top)
    if math.isnan(fall):
        return NO_FIT
    rss = 0.0
    for at in range(y.shape[0]):
        away = y[at] - upper + fall * gone[at] if gone[at] <= to_come[at] else y[at] - lower - fall * to_come[at]
        out[at] = math.sqrt(weight[at]) * away
        rss += out[at] * out[at]
    return rss


@njit(cache=True, nogil=True)
def limits_given_shape(ln_dose, y, weight, hill, ln_ec50, top):
    """Least-squares limits for a given slope and EC50: (residual sum of squares, lower, upper).

    `top`: the fixed upper limit, or NaN where it is fitted.
    """
    to_come, gone = shares_of_fall(ln_dose, hill, ln_ec50)
    lower, upper, _ = _fit_limits(y, weight, to_come, gone, top)
    rss = _residuals(ln_dose, y, weight, hill, ln_ec50, top, np.empty(y.shape[0]), np.empty((2, y.shape[0])))
    return rss, lower, upper


@njit(cache=True, nogil=True)
def _residuals_at_ic50(ln_dose, y, weight, hill, ln_ec50, ln_ic50, level, top, out, shares):
    """Residuals of the curve that passes through `level` at `ln_ic50`; one limit follows from the other."""
    exponent = hill * (ln_ic50 - ln_ec50)
    if abs(exponent) > 600.0:
        return NO_FIT
    small = math.exp(exponent)
    reached = 1.0 / (1.0 + small)
    rest = small / (1.0 + small)
    if rest < NO_SHARE:
        return NO_FIT
    to_come, gone = shares[0], shares[1]
    _fill_shares(ln_dose, hill, ln_ec50, to_come, gone)
    n = y.shape[0]
    if math.isnan(top):
        s_xx = s_xy = 0.0
        for at in range(n):
            x = to_come[at] - gone[at] * reached / rest
            offset = gone[at] * level / rest
            s_xx += weight[at] * x * x
            s_xy += weight[at] * x * (y[at] - offset)
        if s_xx <= 1e-14:
            return NO_FIT
        upper = s_xy / s_xx
    else:
        upper = top
    fall = (upper - level) / rest
    rss = 0.0
    for at in range(n):
        out[at] = math.sqrt(weight[at]) * (y[at] - upper + fall * gone[at])
        rss += out[at] * out[at]
    return rss


@njit(cache=True, nogil=True)
def _rss_of(ln_dose, y, weight, a, b, ln_ic50, level, top, out, shares):
    """Residual sum of squares of a curve by (ln hill, ln EC50); through a given IC50 where `ln_ic50` is a number."""
    if a < LN_HILL_LOWEST - 4.0 or a > LN_HILL_HIGHEST + 1.5:
        return NO_FIT
    if math.isnan(ln_ic50):
        return _residuals(ln_dose, y, weight, math.exp(a), b, top, out, shares)
    return _residuals_at_ic50(ln_dose, y, weight, math.exp(a), b, ln_ic50, level, top, out, shares)


@njit(cache=True, nogil=True)
def descend(ln_dose, y, weight, a, b, ln_ic50, level, top, rounds):
    """Levenberg-Marquardt in (ln hill, ln EC50) from a start: (residual sum of squares, ln hill, ln EC50)."""
    n = y.shape[0]
    here, up, down = np.empty(n), np.empty(n), np.empty(n)
    jacobian, shares = np.empty((n, 2)), np.empty((2, n))
    best = _rss_of(ln_dose, y, weight, a, b, ln_ic50, level, top, here, shares)
    if best >= NO_FIT:
        return best, a, b
    damping = 1e-3
    step = 1e-5
    still = 0
    for _ in range(rounds):
        for at in range(2):
            da = step if at == 0 else 0.0
            db = step if at == 1 else 0.0
            high = _rss_of(ln_dose, y, weight, a + da, b + db, ln_ic50, level, top, up, shares)
            low = _rss_of(ln_dose, y, weight, a - da, b - db, ln_ic50, level, top, down, shares)
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
            tried = _rss_of(ln_dose, y, weight, a + move_a, b + move_b, ln_ic50, level, top, up, shares)
            if tried < best:
                gain = best - tried
                a += move_a
                b += move_b
                best = tried
                for i in range(n):
                    here[i] = up[i]
                # A step that gains less than the linear model foretold has gone too far: more damping, not less
                # (Nielsen's rule), or the search zigzags where residuals are large.
                foretold = -2.0 * (g0 * move_a + g1 * move_b) - (
                    h00 * move_a * move_a + 2.0 * h01 * move_a * move_b + h11 * move_b * move_b
                )
                quality = 2.0 * gain / foretold - 1.0 if foretold > 0.0 else 0.0
                damping = max(damping * max(0.2, 1.0 - quality * quality * quality), 1e-12)
                moved = True
                still = still + 1 if gain <= 1e-14 * best else 0
                break
            damping *= 6.0
        if not moved or still >= 2 or best <= 0.0:
            break
    return best, a, b


@njit(cache=True, nogil=True)
def _cost(ln_dose, y, weight, a, b, top, out, shares):
    """Residual sum of squares by which shapes are ranked: of equal ones the curve with the smaller fall goes first.

    Where no dose lies within the fall many shapes serve alike; rounding must not choose between the one that ends at
    the points and those that go on beyond them.
    """
    rss = _residuals(ln_dose, y, weight, math.exp(a), b, top, out, shares)
    if rss >= NO_FIT:
        return rss
    _, _, fall = _fit_limits(y, weight, shares[0], shares[1], top)
    return rss + EQUAL_FITS * (rss + 1e-9) * abs(fall) / (abs(fall) + 100.0)


@njit(cache=True, nogil=True)
def fit_shape(ln_dose, y, weight, top):
    """Best (residual sum of squares, ln hill, ln EC50) from a grid of starts and a descent from the best of them."""
    lowest, highest = np.inf, -np.inf
    for at in range(ln_dose.shape[0]):
        if ln_dose[at] > -np.inf:
            lowest, highest = min(lowest, ln_dose[at]), max(highest, ln_dose[at])
    hills = np.log(np.array([0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 25.0]))
    places = 37
    found = np.empty((hills.shape[0] * places, 3))
    out, shares = np.empty(y.shape[0]), np.empty((2, y.shape[0]))
    at = 0
    for i in range(hills.shape[0]):
        for j in range(places):
            place = lowest - 3.0 + (highest - lowest + 6.0) * j / (places - 1)
            cost = _cost(ln_dose, y, weight, hills[i], place, top, out, shares)
            found[at, 0], found[at, 1], found[at, 2] = cost, hills[i], place
            at += 1
    order = np.argsort(found[:, 0])
    least, best, best_a, best_b = NO_FIT, NO_FIT, 0.0, 0.0
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
        rss, a, b = descend(ln_dose, y, weight, start[1], start[2], np.nan, 0.0, top, 600)
        cost = _cost(ln_dose, y, weight, a, b, top, out, shares)
        if cost < least:
            least, best, best_a, best_b = cost, rss, a, b
    return best, best_a, best_b


@njit(cache=True, nogil=True)
def _golden(ln_dose, y, weight, ln_ec50, top, low, high):
    """Smallest residual sum of squares over ln hill in an interval, for a given EC50: (value, place)."""
    ratio = 0.6180339887498949
    out, shares = np.empty(y.shape[0]), np.empty((2, y.shape[0]))
    x1, x2 = high - ratio * (high - low), low + ratio * (high - low)
    f1 = _residuals(ln_dose, y, weight, math.exp(x1), ln_ec50, top, out, shares)
    f2 = _residuals(ln_dose, y, weight, math.exp(x2), ln_ec50, top, out, shares)
    for _ in range(60):
        if f1 < f2:
            high, x2, f2 = x2, x1, f1
            x1 = high - ratio * (high - low)
            f1 = _residuals(ln_dose, y, weight, math.exp(x1), ln_ec50, top, out, shares)
        else:
            low, x1, f1 = x1, x2, f2
            x2 = low + ratio * (high - low)
            f2 = _residuals(ln_dose, y, weight, math.exp(x2), ln_ec50, top, out, shares)
        if high - low < 1e-7:
            break
    return (f1, x1) if f1 < f2 else (f2, x2)


@njit(cache=True, nogil=True)
def profile_at_ec50(ln_dose, y, weight, ln_ec50, top, near):
    """Smallest residual sum of squares with EC50 held, and the ln hill where it is; searched about `near` first."""
    low, high = max(near - 0.7, LN_HILL_LOWEST), min(near + 0.7, LN_HILL_HIGHEST)
    value, place = _golden(ln_dose, y, weight, ln_ec50, top, low, high)
    if place - low < 0.05 or high - place < 0.05 or value >= NO_FIT:
        value, place = NO_FIT, near
        low = LN_HILL_LOWEST
        width = (LN_HILL_HIGHEST - LN_HILL_LOWEST) / 12.0
        for k in range(12):
            one, where = _golden(ln_dose, y, weight, ln_ec50, top, low + k * width, low + (k + 1) * width)
            if one < value:
                value, place = one, where
    return value, place


@njit(cache=True, nogil=True)
def _profile_at(ln_dose, y, weight, a, b, place, of_ic50, level, top):
    """The profile at a held IC50 or EC50, from a shape near by: (residual sum of squares, ln hill, ln EC50)."""
    if of_ic50:
        return descend(ln_dose, y, weight, a, b, place, level, top, 60)
    value, new_a = profile_at_ec50(ln_dose, y, weight, place, top, a)
    return value, new_a, place


@njit(cache=True, nogil=True)
def profile_limit(ln_dose, y, weight, a, b, rss, ln_ic50, level, top, target, direction, farthest):
    """One limit of the profile-likelihood interval on the ln-dose scale; infinite where the profile stays below.

    The profile is followed in growing steps until it is above the target, and the crossing is found between the last
    two by Chandrupatla's bracketed inverse quadratic interpolation (1997, doi:10.1016/S0965-9978(96)00051-8).

    Args:
        a, b, rss: ln hill, ln EC50 and residual sum of squares of the fit.
        ln_ic50: of the fit, for the limit of an IC50; NaN for that of the EC50.
        level: the response that defines the IC50.
        target: residual sum of squares at the limit.
        direction: -1 or 1.
        farthest: how far to look, in ln dose.
    """
    of_ic50 = not math.isnan(ln_ic50)
    start = ln_ic50 if of_ic50 else b
    inside, step = start, 0.02
    at_a, at_b, at_value = a, b, rss
    outside, value = start, rss
    while value <= target:
        inside, at_value = outside, value
        outside = inside + direction * step
        if abs(inside - start) > farthest:
            return direction * np.inf
        value, new_a, new_b = _profile_at(ln_dose, y, weight, at_a, at_b, outside, of_ic50, level, top)
        if of_ic50:
            shifted, shifted_a, shifted_b = _profile_at(
                ln_dose, y, weight, at_a, at_b + direction * step, outside, of_ic50, level, top
            )
            if shifted <= value:
                value, new_a, new_b = shifted, shifted_a, shifted_b
        if value >= NO_FIT:
            return np.nan
        if value <= target:
            at_a, at_b = new_a, new_b
        step = min(step * 1.15, 0.25)
    x1, f1, x2, f2 = outside, value - target, inside, at_value - target
    x3, f3, share = x2, f2, 0.5
    for _ in range(100):
        x = x1 + share * (x2 - x1)
        value, new_a, new_b = _profile_at(ln_dose, y, weight, at_a, at_b, x, of_ic50, level, top)
        f = value - target
        if f <= 0.0:
            at_a, at_b = new_a, new_b
        if (f > 0.0) == (f1 > 0.0):
            x3, f3 = x1, f1
        else:
            x3, f3, x2, f2 = x2, f2, x1, f1
        x1, f1 = x, f
        least = LIMIT_TOLERANCE / abs(x2 - x1)
        if least > 0.5 or f1 == 0.0:
            break
        xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
        share = 0.5
        if phi * phi < xi and (1.0 - phi) * (1.0 - phi) < 1.0 - xi:
            share = f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        share = min(max(share, least), 1.0 - least)
    return x1 if abs(f1) < abs(f2) else x2
