r"""Intervals of means over eras whose scores overlap, in closed form.

The score of an era shares days with those of its neighbours, so neighbours are alike
by construction, and the naive standard error of a mean is far too small. With T eras at
the times :math:`n_1, \dots, n_T`, a horizon of h and the series s:

.. math::

    \nu &= \min(\max(\lfloor T / h \rfloor, 2), 24)

    q_j(t) &= \sqrt 2 \cos(\pi j (t - 1/2) / T) / T, \qquad j = 1, \dots, \nu

    Q &= \tfrac 1 \nu \textstyle\sum_j q_j q_j', \qquad
    S_{kl} = \max(1 - |n_k - n_l| / h, 0), \qquad A = Q S

    \text{variance} &= s' Q s \cdot \frac{1' S 1 / T^2}{\operatorname{tr} A}, \qquad
    \text{df} = \frac{(\operatorname{tr} A)^2}{\operatorname{tr}(A^2)}

and the interval is the mean plus and minus the quantile of Student's t with df degrees
of freedom times the root of the variance. :math:`s'Qs` is the equal-weighted cosine
estimator of the long-run variance; S is the correlation of scores that share days, for
which the last two factors make it right on average.

Where eras lie further apart than one, the horizon counts in their usual distance for
:math:`\nu` and for the least number of eras, which is twice the horizon.

E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR Inference: Recommendations
for Practice", Journal of Business & Economic Statistics 36 (2018).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from skbench.kernels.gaps import alike

Floats = NDArray[np.float64]

_MOST_COSINES = 24
# A deviation below this share of the largest score is what rounding left of none.
_CONSTANT = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A number for each series, the half-width of its interval, degrees of freedom.

    Width and degrees of freedom are NaN where there are too few eras for an interval.
    """

    value: Floats
    half: Floats
    df: Floats

    @property
    def low(self) -> Floats:
        """Lower end."""
        return self.value - self.half

    @property
    def high(self) -> Floats:
        """Upper end."""
        return self.value + self.half


@dataclass(frozen=True)
class Cosines:
    """What the variance of a mean takes that depends on the times alone.

    ``q`` has shape (nu, T); ``scale`` is what s'Qs is multiplied by.
    """

    q: Floats
    scale: float
    df: float

    def variance(self, series: Floats) -> Floats:
        """Variance of the mean of each series (n_series, T)."""
        # Of the deviations, so that a constant series has none.
        deviations = series - series.mean(axis=1, keepdims=True)
        power: Floats = np.square(deviations @ self.q.T).mean(axis=1) * self.scale
        return power


def least_eras(numbers: Floats, horizon: float) -> int:
    """Return how many eras an interval needs: two horizons, in their usual distance."""
    return 2 * _horizon_in_eras(numbers, horizon)


def _horizon_in_eras(numbers: Floats, horizon: float) -> int:
    distance = float(np.median(np.diff(numbers))) if numbers.size > 1 else 1.0
    # Weeks of dates are sevenths, and eight of them may be a little more than eight.
    return max(ceil(horizon / distance - 1e-6), 1)


def cosines(numbers: Floats, horizon: float) -> Cosines | None:
    """Prepare the intervals of eras at some times; None where they are too few.

    Parameters
    ----------
    numbers : array of shape (T,)
        Time of each era, increasing.
    horizon : float
        Over how many units of time a score shares days with others.
    """
    return _cosines(np.ascontiguousarray(numbers, np.float64).tobytes(), horizon)


@lru_cache(maxsize=64)
def _cosines(times: bytes, horizon: float) -> Cosines | None:
    """Prepare them once for all series of the same eras."""
    numbers = np.frombuffer(times, np.float64)
    n = numbers.size
    if n < least_eras(numbers, horizon):
        return None
    nu = min(max(n // _horizon_in_eras(numbers, horizon), 2), _MOST_COSINES)
    j, t = np.arange(1, nu + 1), np.arange(1, n + 1)
    q = np.sqrt(2.0) * np.cos(np.pi * j[:, None] * (t - 0.5) / n) / n
    shared = overlap(numbers, horizon)
    # tr A and tr A^2 follow from the small matrix C.
    c = q @ shared @ q.T
    trace, trace_of_square = np.trace(c) / nu, np.square(c).sum() / nu**2
    scale = shared.sum() / n**2 / trace
    return Cosines(q, float(scale), float(trace**2 / trace_of_square))


def overlap(numbers: Floats, horizon: float) -> Floats:
    """Correlations S of scores that share days: (T, T)."""
    distance = np.abs(np.subtract.outer(numbers, numbers))
    correlations: Floats = np.maximum(1.0 - distance / horizon, 0.0)
    return correlations


def of_means(
    series: Floats,
    numbers: Floats,
    horizon: float,
    confidence: float,
    n_chosen_from: int = 1,
) -> Estimate:
    """Mean of each series and its interval; NaN is left out, at its time.

    Parameters
    ----------
    series : array of shape (n_series, T)
        Values in the order of time, NaN where there is none.
    numbers : array of shape (T,)
        Time of each era, increasing.
    horizon : float
        Over how many units of time a value shares days with others.
    confidence : float
        Probability that each interval is to have.
    n_chosen_from : int
        How many intervals are to hold together, all with that probability, because the
        best is chosen among so many (Sidak): each has ``confidence ** (1 / n)``.
    """
    value, variance, df = means(series, numbers, horizon)
    critical = critical_value(df, confidence, n_chosen_from)
    return Estimate(value, critical * np.sqrt(variance), df)


def means(series: Floats, numbers: Floats, horizon: float) -> Floats:
    """Mean of each series, its variance, and the degrees of freedom of that.

    Parameters are those of `of_means`. The last two are NaN where there are too few
    eras.
    """
    value, variance, df = found = np.full((3, len(series)), np.nan)
    for some, eras in alike(np.isnan(series)):
        values = series[some][:, eras]
        if not values.shape[1]:
            continue
        value[some] = values.mean(axis=1)
        prepared = cosines(numbers[eras], horizon)
        if prepared is not None:
            variance[some], df[some] = prepared.variance(values), prepared.df
    return found


def critical_value(df: Any, confidence: float, n_chosen_from: int = 1) -> Any:
    """Quantile of Student's t within which, on both sides, a share of it lies."""
    tail = -np.expm1(np.log(confidence) / n_chosen_from) / 2.0
    return -stdtrit(df, tail)


def sharpe_influence(series: Floats) -> Floats:
    """Turn each series into one whose mean is its Sharpe ratio, and varies as it does.

    With m the mean, s the deviation (``ddof=0``) and z = (x - m) / s, the ratio plus
    the influence function of each value: m / s + z - (m / s) (z^2 - 1) / 2. NaN stays
    NaN; a series that does not vary gives NaN.
    """
    scored = ~np.isnan(series)
    count = np.maximum(scored.sum(axis=1, keepdims=True), 1)
    filled = np.where(scored, series, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / count
    deviation = np.where(scored, series - mean, 0.0)
    spread = np.sqrt(np.square(deviation).sum(axis=1, keepdims=True) / count)
    varies = spread > _CONSTANT * np.abs(filled).max(axis=1, keepdims=True)
    z = np.divide(deviation, spread, where=varies, out=np.full_like(filled, np.nan))
    ratio = np.divide(mean, spread, where=varies, out=np.full_like(mean, np.nan))
    influence: Floats = ratio + z - ratio * (np.square(z) - 1.0) / 2.0
    return np.where(scored, influence, np.nan)
