"""Linear mixed model of repeated measurements by REML, with Satterthwaite's t for contrasts.

y = X b + Z u + e with u ~ N(0, sigma^2 L L') per subject. The REML deviance is profiled over b and sigma (Bates 2015,
doi:10.18637/jss.v067.i01); degrees of freedom follow Satterthwaite as in lmerTest (Kuznetsova 2017,
doi:10.18637/jss.v082.i13): the numeric Hessian of the deviance in (L, sigma), and the gradient of a contrast's
variance.

Errors of one subject may also be correlated, phi^|days between| (continuous-time autoregression of order 1): rows that
are whitened for a given phi follow the plain model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

Structure = Literal["slope_correlated", "slope_uncorrelated", "intercept"]
SINGULAR_BELOW = 1e-4
HESSIAN_STEP = 1e-3
# Multiples of unit relative standard deviations from which the optimum is looked for.
STARTS = (1.0, 0.2, 3.0)
# Correlations of errors a time unit apart from which the one of the data is looked for.
STARTS_OF_CORRELATION = (0.1, 0.6)


class Contrast(NamedTuple):
    """An estimate with Satterthwaite's t test and 95 % limits."""

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    t: float
    p_value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class _Sums:
    """Cross products per subject: all that the deviance needs of the data."""

    zz: NDArray[np.float64]  # subjects x q x q
    zx: NDArray[np.float64]  # subjects x q x p
    zy: NDArray[np.float64]  # subjects x q
    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: float
    n: int


@dataclass(frozen=True)
class MixedModel:
    """A fitted model.

    Attributes:
        coefficients, covariance: of the fixed effects.
        random_covariance: of intercept and slope (1 x 1 without a slope), in squared units of y (and per time unit).
        sigma: residual standard deviation.
        log_likelihood: REML, with the constant of lme4.
        error_correlation: of errors one time unit apart; None where they are taken as independent. 0 is the model
            without it. Degrees of freedom take it as known.
        is_singular: a random effect has no variance, or the two move as one: the structure asks too much of the data.
        n, n_subjects: measurements and subjects.
    """

    structure: Structure
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    random_covariance: NDArray[np.float64]
    sigma: float
    log_likelihood: float
    error_correlation: float | None
    is_singular: bool
    n: int
    n_subjects: int
    _sums: _Sums
    _parameters: NDArray[np.float64]
    _variance_of_parameters: NDArray[np.float64]

    def contrast(self, weights: NDArray[np.float64]) -> Contrast:
        """A linear combination of the fixed effects."""
        estimate = float(weights @ self.coefficients)
        variance = float(weights @ self.covariance @ weights)

        def variance_at(parameters: NDArray[np.float64]) -> float:
            return float(weights @ _covariance(self._sums, parameters, self.structure) @ weights)

        gradient = _gradient(variance_at, self._parameters)
        spread = float(gradient @ self._variance_of_parameters @ gradient)
        df = 2.0 * variance**2 / spread if spread > 0.0 else math.inf
        error = math.sqrt(variance)
        t = estimate / error
        reach = float(stats.t.ppf(0.975, df)) * error
        return Contrast(estimate, error, df, t, float(2.0 * stats.t.sf(abs(t), df)), estimate - reach, estimate + reach)


def fit_mixed_model(
    y: NDArray[np.float64],
    fixed: NDArray[np.float64],
    time: NDArray[np.float64],
    subject: NDArray[np.int64],
    *,
    structure: Structure,
    correlated_errors: bool = False,
) -> MixedModel:
    """REML fit of y on the fixed effects, with a random intercept and (unless `intercept`) a random slope of time.

    Args:
        y: response per measurement.
        fixed: measurements x fixed effects, of full rank.
        time: per measurement, in the unit of the slope.
        subject: index of the subject per measurement.
        structure: of the random effects.
        correlated_errors: whether the errors of a subject are autocorrelated over time; no subject may then have two
            rows at one time.
    """
    scale = float(np.std(time)) or 1.0
    random = np.ones((len(y), 1)) if structure == "intercept" else np.column_stack([np.ones(len(y)), time / scale])
    start = {"slope_correlated": [1.0, 0.0, 1.0], "slope_uncorrelated": [1.0, 1.0], "intercept": [1.0]}[structure]
    sums = _cross_products(y, fixed, random, subject)
    theta = _minimise(lambda theta: _profiled_deviance(sums, theta, structure)[0], np.array(start))
    correlation, log_determinant = None, 0.0
    if correlated_errors:
        rows = _Rows(y, fixed, random, time, subject)
        theta, correlation = _fit_correlation(rows, theta, structure)
        sums, log_determinant = _whitened(rows, correlation)
    deviance, sigma, coefficients = _profiled_deviance(sums, theta, structure)
    factor = _factor(theta, structure)
    parameters = np.append(theta, sigma)
    hessian = _hessian(lambda at: _deviance(sums, at, structure), parameters)
    random_covariance = factor @ factor.T * sigma**2
    if structure != "intercept":
        back = np.diag([1.0, 1.0 / scale])
        random_covariance = back @ random_covariance @ back
    return MixedModel(
        structure=structure,
        coefficients=coefficients,
        covariance=_covariance(sums, parameters, structure),
        random_covariance=random_covariance,
        sigma=sigma,
        log_likelihood=-0.5 * (deviance + log_determinant),
        error_correlation=correlation,
        is_singular=bool(np.abs(np.diag(factor)).min() < SINGULAR_BELOW),
        n=len(y),
        n_subjects=len(sums.zz),
        _sums=sums,
        _parameters=parameters,
        _variance_of_parameters=np.asarray(2.0 * np.linalg.pinv(hessian), dtype=np.float64),
    )


class _Rows(NamedTuple):
    """What a model is fitted to, row by row."""

    y: NDArray[np.float64]
    fixed: NDArray[np.float64]
    random: NDArray[np.float64]
    time: NDArray[np.float64]
    subject: NDArray[np.int64]


def _fit_correlation(
    rows: _Rows, theta: NDArray[np.float64], structure: Structure
) -> tuple[NDArray[np.float64], float]:
    """Factor and correlation of errors at the largest likelihood, from the factor without a correlation."""

    def deviance(parameters: NDArray[np.float64]) -> float:
        sums, log_determinant = _whitened(rows, float(special.expit(parameters[-1])))
        return _profiled_deviance(sums, parameters[:-1], structure)[0] + log_determinant

    options = {"xatol": 1e-6, "fatol": 1e-9, "maxfev": 1500}
    tried = [
        optimize.minimize(deviance, np.append(theta, special.logit(start)), method="Nelder-Mead", options=options)
        for start in STARTS_OF_CORRELATION
    ]
    best = min(tried, key=lambda found: found.fun)
    independent = _profiled_deviance(_whitened(rows, 0.0)[0], theta, structure)[0]
    if independent <= best.fun + 1e-6:
        return theta, 0.0
    return best.x[:-1], float(special.expit(best.x[-1]))


def _whitened(rows: _Rows, correlation: float) -> tuple[_Sums, float]:
    """Cross products of rows whose errors are made independent, and log |R| of the correlations.

    An error given the one before it has the mean rho e and the variance 1 - rho^2, with rho = phi^(time between).
    """
    order = np.lexsort((rows.time, rows.subject))
    time, subject = rows.time[order], rows.subject[order]
    is_first = np.append(True, np.diff(subject) != 0)
    with np.errstate(divide="ignore"):
        rho = np.where(is_first, 0.0, correlation ** np.append(0.0, np.diff(time)).clip(0.0))
    spread = np.sqrt(1.0 - rho**2)

    def whiten(values: NDArray[np.float64]) -> NDArray[np.float64]:
        own = values[order]
        before = np.vstack([np.zeros((1, own.shape[1])), own[:-1]])
        return (own - rho[:, None] * before) / spread[:, None]

    sums = _cross_products(whiten(rows.y[:, None])[:, 0], whiten(rows.fixed), whiten(rows.random), subject)
    return sums, float(2.0 * np.log(spread).sum())


def _minimise(function, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lowest point from three starts: a rough simplex descent each, and a fine one about the best.

    The deviance of a few parameters is cheap, and its numeric gradient too rough near the optimum for a line search.
    """
    rough = {"xatol": 1e-3, "fatol": 1e-4, "maxfev": 400}
    tried = [optimize.minimize(function, start * factor, method="Nelder-Mead", options=rough) for factor in STARTS]
    best = min(tried, key=lambda found: found.fun).x
    simplex = np.vstack([best, *(best + 1e-3 * row for row in np.eye(len(start)))])
    options = {"initial_simplex": simplex, "xatol": 1e-8, "fatol": 1e-12, "maxfev": 2000}
    return optimize.minimize(function, best, method="Nelder-Mead", options=options).x


def _cross_products(
    y: NDArray[np.float64], fixed: NDArray[np.float64], random: NDArray[np.float64], subject: NDArray[np.int64]
) -> _Sums:
    n_subjects, q, p = int(subject.max()) + 1, random.shape[1], fixed.shape[1]
    zz, zx, zy = np.zeros((n_subjects, q, q)), np.zeros((n_subjects, q, p)), np.zeros((n_subjects, q))
    np.add.at(zz, subject, random[:, :, None] * random[:, None, :])
    np.add.at(zx, subject, random[:, :, None] * fixed[:, None, :])
    np.add.at(zy, subject, random * y[:, None])
    return _Sums(zz, zx, zy, fixed.T @ fixed, fixed.T @ y, float(y @ y), len(y))


def _factor(theta: NDArray[np.float64], structure: Structure) -> NDArray[np.float64]:
    """Lower Cholesky factor of the random effects' covariance, relative to sigma."""
    if structure == "intercept":
        return np.array([[theta[0]]])
    if structure == "slope_uncorrelated":
        return np.diag(theta[:2])
    return np.array([[theta[0], 0.0], [theta[1], theta[2]]])


def _reduced(sums: _Sums, factor: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """log |V| / of unit sigma, and X'V^-1X, X'V^-1y, y'V^-1y by the Woodbury identity."""
    inner = np.eye(len(factor)) + factor.T @ sums.zz @ factor
    _, log_determinants = np.linalg.slogdet(inner)
    lx, ly = factor.T @ sums.zx, sums.zy @ factor
    solved_x = np.linalg.solve(inner, lx)
    solved_y = np.linalg.solve(inner, ly[:, :, None])[:, :, 0]
    xx = sums.xx - np.einsum("iqp,iqr->pr", lx, solved_x)
    xy = sums.xy - np.einsum("iqp,iq->p", lx, solved_y)
    yy = sums.yy - float(np.einsum("iq,iq->", ly, solved_y))
    return float(log_determinants.sum()), xx, xy, yy


def _profiled_deviance(
    sums: _Sums, theta: NDArray[np.float64], structure: Structure
) -> tuple[float, float, NDArray[np.float64]]:
    """REML deviance with b and sigma at their best: (deviance, sigma, coefficients)."""
    log_determinant, xx, xy, yy = _reduced(sums, _factor(theta, structure))
    coefficients = np.linalg.solve(xx, xy)
    df = sums.n - len(xy)
    variance = max(yy - float(xy @ coefficients), 1e-300) / df
    _, log_xx = np.linalg.slogdet(xx)
    deviance = log_determinant + log_xx + df * (1.0 + math.log(2.0 * math.pi * variance))
    return deviance, math.sqrt(variance), np.asarray(coefficients, dtype=np.float64)


def _deviance(sums: _Sums, parameters: NDArray[np.float64], structure: Structure) -> float:
    """REML deviance at (theta, sigma), only b at its best."""
    *theta, sigma = parameters
    log_determinant, xx, xy, yy = _reduced(sums, _factor(np.array(theta), structure))
    residual = yy - float(xy @ np.linalg.solve(xx, xy))
    _, log_xx = np.linalg.slogdet(xx)
    df = sums.n - len(xy)
    return log_determinant + log_xx + df * math.log(2.0 * math.pi * sigma**2) + residual / sigma**2


def _covariance(sums: _Sums, parameters: NDArray[np.float64], structure: Structure) -> NDArray[np.float64]:
    *theta, sigma = parameters
    _, xx, _, _ = _reduced(sums, _factor(np.array(theta), structure))
    return np.linalg.inv(xx) * sigma**2


def _steps(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    return HESSIAN_STEP * np.maximum(np.abs(parameters), 1e-2)


def _gradient(function, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Central differences with one step of Richardson's extrapolation."""
    steps = _steps(parameters)
    found = np.empty(len(parameters))
    for at in range(len(parameters)):
        slopes = []
        for share in (1.0, 0.5):
            move = np.zeros(len(parameters))
            move[at] = steps[at] * share
            slopes.append((function(parameters + move) - function(parameters - move)) / (2.0 * move[at]))
        found[at] = (4.0 * slopes[1] - slopes[0]) / 3.0
    return found


def _hessian(function, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second differences with one step of Richardson's extrapolation."""

    def at_share(share: float) -> NDArray[np.float64]:
        steps = _steps(parameters) * share * 4.0
        size = len(parameters)
        found = np.empty((size, size))
        for i in range(size):
            for j in range(i, size):
                a, b = np.zeros(size), np.zeros(size)
                a[i], b[j] = steps[i], steps[j]
                value = (
                    function(parameters + a + b)
                    - function(parameters + a - b)
                    - function(parameters - a + b)
                    + function(parameters - a - b)
                ) / (4.0 * steps[i] * steps[j])
                found[i, j] = found[j, i] = value
        return found

    return (4.0 * at_share(0.5) - at_share(1.0)) / 3.0
