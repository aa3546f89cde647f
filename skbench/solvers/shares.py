"""Shares of models that trade the mean of what they pay against its risk.

Shares are not negative, sum to one and are at most ``max_share`` each.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq, linprog, lsq_linear

Floats = NDArray[np.float64]

# Models that differ by less, in units of a deviation, count as the same.
_SAME = 1e-9
# Shares below this are what rounding left of zero.
_NOTHING = 1e-9
# What moving share from one model to another may lower the variance by, in units of
# that of the steadiest model, where the shares count as optimal.
_OPTIMAL = 1e-6


def cvar(values: Floats, tail: float) -> float:
    """Conditional value at risk: minus the mean of the worst values, a share ``tail``.

    Where the share ends within a value, that one counts in part.
    """
    losses = np.sort(-values)[::-1]
    n_worst = tail * losses.size
    parts = np.clip(n_worst - np.arange(losses.size), 0.0, 1.0)
    return float(parts @ losses / n_worst)


def mean_cvar(
    scenarios: Floats, risk_aversion: float, tail: float, max_share: float
) -> Floats:
    """Maximise mean - risk_aversion x CVaR, the linear program of its definition.

    Rockafellar and Uryasev (2000): for loss L, CVaR is the least value over a of
    a + mean(max(L - a, 0)) / tail. Variables: shares, a, and the excess of each
    scenario. Models that pay the same in every scenario share alike.

    Parameters
    ----------
    scenarios : array of shape (n_scenarios, n_models)
        What each model pays.
    risk_aversion, tail, max_share : float
        Weight of the CVaR, share of the worst scenarios in it, largest share.
    """
    # The solver's tolerances are absolute.
    scaled = scenarios / _typical_deviation(scenarios)
    distinct, group, size = _distinct(scaled)
    n, k = distinct.shape
    excess_cost = np.full(n, risk_aversion / (tail * n))
    cost = np.concatenate([-distinct.mean(axis=0), [risk_aversion], excess_cost])
    above = sparse.hstack([-distinct, np.full((n, 1), -1.0), -sparse.eye(n)])
    sum_to_one = np.concatenate([np.ones(k), np.zeros(1 + n)])[None]
    caps = [(0.0, min(1.0, max_share * count)) for count in size]
    bounds = [*caps, (None, None), *[(0.0, None)] * n]
    result = linprog(cost, above.tocsr(), np.zeros(n), sum_to_one, [1.0], bounds)
    if not result.success:
        raise RuntimeError(f"the linear program was not solved: {result.message}")
    return _clean((result.x[:k] / size)[group], max_share)


def min_variance(scenarios: Floats, max_share: float) -> Floats:
    """Minimise the variance of what the shares pay together.

    Bounded least squares, its last row pulling the sum of the shares to a target. The
    shares found are those of least variance for the sum that they have, and that sum
    grows with the target, so the target that makes it one is searched for.

    Parameters
    ----------
    scenarios : array of shape (n_scenarios, n_models)
        What each model pays.
    max_share : float
        Largest share.
    """
    # The least variance is at most that of the steadiest model, which sets the scale.
    scaled = scenarios / (float(scenarios.std(axis=0).min()) or 1.0)
    distinct, group, size = _distinct(scaled)
    caps = np.minimum(1.0, max_share * size)
    deviations = (distinct - distinct.mean(axis=0)) / np.sqrt(len(distinct))
    shares = _least_squares_of_sum_one(deviations, caps)
    _check_optimal(shares, deviations, caps)
    return _clean((shares / size)[group], max_share)


def _least_squares_of_sum_one(design: Floats, caps: Floats) -> Floats:
    if caps.sum() <= 1.0 + _NOTHING:
        return caps
    rows = np.vstack([design, np.ones(caps.size)])
    response = np.zeros(len(rows))

    def shares(target: float) -> Floats:
        response[-1] = target
        options = {"method": "bvls", "tol": 1e-15, "max_iter": 100 * caps.size}
        found: Floats = lsq_linear(rows, response, (0.0, caps), **options).x
        return found

    def excess(target: float) -> float:
        return float(shares(target).sum() - 1.0)

    high = 1.0
    while excess(high) < 0.0:
        high *= 2.0
    return shares(brentq(excess, 0.0, high, xtol=1e-14, rtol=1e-14))


def _check_optimal(shares: Floats, deviations: Floats, caps: Floats) -> None:
    """Refuse shares between which moving a part would lower the variance."""
    slope = 2.0 * deviations.T @ (deviations @ shares)
    can_grow, can_shrink = shares < caps - _NOTHING, shares > _NOTHING
    if not can_grow.any():
        return
    gain = slope[can_shrink].max() - slope[can_grow].min()
    if gain > _OPTIMAL:
        raise RuntimeError(f"the least variance was not found: {gain:.2g} is left")


def _typical_deviation(scenarios: Floats) -> float:
    return float(scenarios.std(axis=0).mean()) or 1.0


def _distinct(scaled: Floats) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct columns, which of them each column is, and how many are."""
    steps = np.round(scaled / _SAME)
    _, first, group, size = np.unique(
        steps, axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    return scaled[:, first], group, size


def _clean(shares: Floats, max_share: float) -> Floats:
    shares = np.where(shares < _NOTHING, 0.0, shares)
    cleaned: Floats = np.minimum(shares / shares.sum(), max_share)
    return cleaned
