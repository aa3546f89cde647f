"""Slow, obvious versions of every formula: one column of one era, nothing clever."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from scipy.stats import t as student


def by_era(function, eras, *arrays):
    """Apply a function of one era to each era, whatever the order of the rows."""
    eras = np.asarray(eras)
    arrays = [np.asarray(array) for array in arrays]
    out = np.empty(len(eras))
    for era in pd.unique(eras):
        rows = [i for i in range(len(eras)) if eras[i] == era]
        out[rows] = function(*(array[rows] for array in arrays))
    return out


def percentile_rank(values, ties="average"):
    """(r - 1/2) / n among the n values that are not missing; NaN stays NaN."""
    values = np.asarray(values, dtype=float)
    present = values[~np.isnan(values)]
    out = np.full(len(values), np.nan)
    seen = {}
    for i, value in enumerate(values.tolist()):
        if math.isnan(value):
            continue
        below = int((present < value).sum())
        if ties == "first":
            seen[value] = seen.get(value, 0) + 1
            rank = below + seen[value]
        else:
            rank = below + (int((present == value).sum()) + 1) / 2
        out[i] = (rank - 0.5) / len(present)
    return out


def rank_gauss(values, ties="average", scale=True):
    """Normal quantiles of the percentile ranks; a column that is constant gives 0."""
    values = np.asarray(values, dtype=float)
    present = ~np.isnan(values)
    if len(set(values[present].tolist())) < 2:
        return np.where(present, 0.0, np.nan)
    z = norm.ppf(percentile_rank(values, ties))
    return z / np.std(z[present], ddof=1) if scale else z


def blend(rows, weights, nan_policy="propagate"):
    """Weighted sum of each row. A weight of 0 means that a value is never looked at."""
    out = []
    for row in np.asarray(rows, dtype=float).tolist():
        terms = [(x, w) for x, w in zip(row, weights, strict=True) if w != 0]
        there = [(x, w) for x, w in terms if not math.isnan(x)]
        total = sum(w * x for x, w in there)
        if len(there) == len(terms):
            out.append(total)
        elif nan_policy == "raise":
            raise ValueError("a value is missing")
        elif nan_policy == "omit" and there:
            whole = sum(abs(w) for _, w in terms)
            out.append(total * whole / sum(abs(w) for _, w in there))
        else:
            out.append(math.nan)
    return np.array(out)


def fill_missing(features, missing="median"):
    """Missing features become the era's median of the feature, 1/2 without one."""
    features = pd.DataFrame(np.array(features, dtype=float))
    if missing == "median":
        return features.fillna(features.median()).fillna(0.5).to_numpy()
    return features.fillna(missing).to_numpy()


def neutralize(
    prediction,
    features,
    proportion=1.0,
    fit_intercept=True,
    standardize=True,
    missing="median",
    rcond=1e-6,
):
    """Subtract a share of the projection; features are (n_rows, n_features)."""
    prediction = np.asarray(prediction, dtype=float)
    out = np.full(len(prediction), np.nan)
    rows = ~np.isnan(prediction)
    if not rows.any():
        return out
    x, F = prediction[rows], fill_missing(features, missing)[rows]
    mean, means = x.mean(), F.mean(axis=0)
    if not fit_intercept:
        mean, means = 0.0, np.zeros(F.shape[1])

    # Unit norm; a feature that varies by nothing but rounding explains nothing.
    size = np.linalg.norm(F, axis=0)
    F = F - means
    spread = np.linalg.norm(F, axis=0)
    F = F[:, spread > 1e-13 * size] / spread[spread > 1e-13 * size]

    varying = x - mean
    if np.linalg.norm(varying) <= 1e-13 * np.linalg.norm(x):
        varying = np.zeros(len(x))
    projection = np.zeros(len(x))
    if F.size:
        U, s, _ = np.linalg.svd(F, full_matrices=False)
        U = U[:, s > rcond * s.max()]
        projection = U @ (U.T @ varying)
    left = varying - proportion * projection
    if np.linalg.norm(left) <= rcond * np.linalg.norm(varying):
        left = np.zeros(len(x))
    result = left + (1 - proportion) * mean
    if standardize:
        deviation = result.std(ddof=0)
        constant = deviation <= 1e-13 * np.abs(result).max()
        result = np.zeros(len(x)) if constant else result / deviation
    out[rows] = result
    return out


def neutralization_error(
    prediction, features, fit_intercept=True, missing="median", rcond=1e-6, **_
):
    """Bound, in deviations of the result, on what rounding does to `neutralize`.

    Two careful computations differ by less, whatever machine they run on. With F the
    features, centred and of unit norm, k the largest of their singular values over the
    smallest that counts, and e the relative error of F and of products with it, the
    residuals of x differ by about k e |x| (Higham, "Accuracy and Stability of Numerical
    Algorithms", 2nd ed., theorem 20.1). Over n rows and m features rounding adds up as
    a random walk does: e = √(n m) u, with u half of epsilon. A feature far from zero
    also loses digits when it is centred, by its size over its spread. Whole numbers are
    fitted in single precision first; a share k √n u of that remains, of which the
    fitting, in single precision again, leaves the share k √m u. All this is a root mean
    square over the rows, of which the largest error is taken to be 4 times as much.
    """
    x = np.asarray(prediction, dtype=float)
    x, F = x[~np.isnan(x)], fill_missing(features, missing)[~np.isnan(x)]
    options = {"fit_intercept": fit_intercept, "standardize": False, "rcond": rcond}
    left = np.linalg.norm(neutralize(x, F, **options))
    if left == 0:
        return 0.0
    single, double = np.finfo(np.float32).eps / 2, np.finfo(float).eps / 2
    whole = (np.rint(4 * F) == 4 * F).all()
    size = np.linalg.norm(F, axis=0)
    F = F - F.mean(axis=0) if fit_intercept else F
    spread = np.linalg.norm(F, axis=0)
    varies = spread > 1e-13 * size
    s, lost = np.ones(1), 1.0
    if varies.any():
        s = np.linalg.svd(F[:, varies] / spread[varies], compute_uv=False)
        lost = (size[varies] / spread[varies]).max()
    k, walk = s[0] / s[s > rcond * s[0]][-1], np.sqrt(F.size)
    error = k * double * (walk + 2 * lost) + whole * (k * single) ** 2 * walk
    varying = np.linalg.norm(x - x.mean() * fit_intercept)
    return 4 * (error * varying + double * np.linalg.norm(x)) / left


def published_neutralization(prediction, features, proportion=1.0):
    """Neutralise as Numerai publishes it, but in float64: no intercept, pinv.

    The prediction is ranked, ties by row order, and gaussianized; the features are not.
    """
    scores = pd.Series(prediction, dtype=float)
    ranked = (scores.rank(method="first") - 0.5) / scores.count()
    scores = norm.ppf(ranked.to_numpy())
    F = fill_missing(features)
    scores = scores - proportion * F @ (np.linalg.pinv(F, rcond=1e-6) @ scores)
    return scores / scores.std(ddof=0)


def stretch(values):
    """Raise to the power 1.5 and keep the sign."""
    return np.sign(values) * np.abs(values) ** 1.5


def numerai_corr(prediction, target):
    """Numerai CORR; NaN where fewer than 3 rows, or a constant target, say nothing."""
    prediction = np.asarray(prediction, dtype=float)
    target = np.asarray(target, dtype=float)
    centred = target - np.mean(target[~np.isnan(target)])
    both = ~np.isnan(prediction) & ~np.isnan(target)
    prediction, centred = prediction[both], centred[both]
    if len(prediction) < 3 or len(set(centred.tolist())) < 2:
        return math.nan
    if len(set(prediction.tolist())) < 2:
        return 0.0
    normal = rank_gauss(prediction, scale=False)
    return np.corrcoef(stretch(normal), stretch(centred))[0, 1]


def quantile_means(prediction, target, n):
    """Centred target of each of n groups; a tie goes to each of its groups in part."""
    known = [
        (p, y)
        for p, y in zip(prediction, target, strict=True)
        if not math.isnan(p) and not math.isnan(y)
    ]
    if len(known) < n:
        return [math.nan] * n
    mean = sum(y for _, y in known) / len(known)
    known.sort(key=lambda row: row[0])
    shared = []
    for p, _ in known:
        ties = [y - mean for other, y in known if other == p]
        shared.append(sum(ties) / len(ties))
    ends = [group * len(known) // n for group in range(n + 1)]
    groups = [shared[first:last] for first, last in pairwise(ends)]
    return [sum(group) / len(group) for group in groups]


def score(predictions, target, eras):
    """Mean over the columns of the mean over eras of the CORR that can be told."""
    predictions, target = np.asarray(predictions), np.asarray(target, dtype=float)
    eras = np.asarray(eras)
    means = []
    for column in predictions.reshape(len(target), -1).T:
        scores = []
        for era in pd.unique(eras):
            rows = eras == era
            if not np.isnan(target[rows]).all():
                scores.append(numerai_corr(column[rows], target[rows]))
        told = [one for one in scores if not math.isnan(one)]
        if told:
            means.append(np.mean(told))
    return np.mean(means)


def variance_of_mean(series, numbers, horizon):
    """Variance of a mean and its degrees of freedom, with the text's matrices."""
    t = len(series)
    distance = np.median(np.diff(numbers)) if t > 1 else 1.0
    in_eras = int(np.ceil(horizon / distance - 1e-6))
    if t < 2 * in_eras:
        return np.nan, np.nan
    nu = int(np.clip(t // in_eras, 2, 24))
    big_q = np.zeros((t, t))
    for j in range(1, nu + 1):
        q = [math.sqrt(2) * math.cos(math.pi * j * (k + 0.5) / t) / t for k in range(t)]
        big_q += np.outer(q, q) / nu
    s = [[max(1 - abs(a - b) / horizon, 0) for b in numbers] for a in numbers]
    s = np.array(s)
    a = big_q @ s
    x = np.asarray(series, dtype=float)
    variance = x @ big_q @ x * (s.sum() / t**2) / np.trace(a)
    return variance, np.trace(a) ** 2 / np.trace(a @ a)


def interval_of_mean(series, numbers, horizon, confidence, n_chosen_from=1):
    """Mean, half-width and degrees of freedom."""
    variance, df = variance_of_mean(series, numbers, horizon)
    each = confidence ** (1 / n_chosen_from)
    critical = student(df).ppf((1 + each) / 2)
    return np.mean(series), critical * np.sqrt(variance), df


def sharpe_influence(series):
    """The Sharpe ratio plus the influence of each value on it."""
    m, s = np.mean(series), np.std(series)
    z = (series - m) / s
    return m / s + z - m / s * (z**2 - 1) / 2


def shrunk_scores(means, alike, variance, prior):
    """Posterior mean of the true scores, tau's, and the share that is taken back.

    With the matrices of the text; D has full rank.
    """
    m, D, w0 = np.asarray(means), np.asarray(alike), np.asarray(prior)
    k, size = len(m), np.mean(np.diag(D))
    # How far a model is, on average, from the mean of all.
    centre = np.eye(k) - 1.0 / k
    c = sum((centre @ D @ centre)[i, i] for i in range(k)) / (k - 1)
    V, u = variance * D / size, variance * c / size
    b = D @ w0
    b = b / np.mean(b)
    K = (D - np.outer(D @ w0, D @ w0) / (w0 @ D @ w0)) / c
    a = b @ np.linalg.inv(D) @ m / (b @ np.linalg.inv(D) @ b)
    distance = c * (m - a * b) @ np.linalg.inv(D) @ (m - a * b)
    most = max(10.0, math.sqrt(distance / u))
    found = []
    for step in range(40):
        tau = math.sqrt(u) * 0.1 * (most / 0.1) ** (step / 39)
        sigma = tau**2 * K + V
        inverse = np.linalg.inv(sigma)
        a = b @ inverse @ m / (b @ inverse @ b)
        error = 1.0 / math.sqrt(b @ inverse @ b)
        own = m - a * b
        likelihood = -0.5 * (np.linalg.slogdet(sigma)[1] + own @ inverse @ own)
        likelihood += math.log(error) + norm.logcdf(a / error)
        # Of a normal number that is above 0.
        a += error * math.exp(norm.logpdf(a / error) - norm.logcdf(a / error))
        cauchy = 1.0 / (1.0 + tau**2 / (0.5 * u))
        believed = tau**2 * K @ inverse @ own
        taken = own @ (own - believed) / (own @ own)
        found.append((likelihood, tau * cauchy, a * b + believed, tau, taken))
    most = max(one[0] for one in found)
    odds = [math.exp(one[0] - most) * one[1] for one in found]

    def average(place):
        values = [one[place] for one in found]
        return sum(p * v for p, v in zip(odds, values, strict=True)) / sum(odds)

    return average(2), average(3), average(4)


def shrunk_scores_of_two(means, alike, variance, prior):
    """The same of two models, by adding up over a and tau what both may be."""
    m, D = np.asarray(means), np.asarray(alike)
    c = (D[0, 0] + D[1, 1] - 2 * D[0, 1]) / 2
    V = variance * D / np.mean(np.diag(D))
    K = (D - np.outer(D @ prior, D @ prior) / (prior @ D @ prior)) / c
    root = math.sqrt(V[0, 0] / D[0, 0] * c)
    b = D @ prior
    half_a_step = 100.0 ** (0.5 / 39)
    taus = root * np.geomspace(0.1 / half_a_step, 10.0 * half_a_step, 2000)
    scale = np.abs(m).max() + 60.0 * math.sqrt(variance)
    strengths = (np.arange(8000) + 0.5) / 8000 * scale / np.mean(b)
    total, expected = 0.0, np.zeros(2)
    for i, tau in enumerate(taus):
        sigma = tau**2 * K + V
        inverse = np.linalg.inv(sigma)
        apart = m - np.outer(strengths, b)
        density = np.exp(-0.5 * np.sum(apart @ inverse * apart, axis=1))
        density = density / math.sqrt(np.linalg.det(sigma))
        density = density * tau / (1.0 + tau**2 / (0.5 * root**2))
        density = density * (0.5 if i in (0, len(taus) - 1) else 1.0)
        true = np.outer(strengths, b) + tau**2 * apart @ inverse @ K
        total += density.sum()
        expected += density @ true
    return expected / total


def weight_of_three(scores, column, numbers, horizon, confidence, sharpe=False):
    """Interval of one of three weights: values that a score test does not refuse.

    ``scores`` maps weights to a score of each era. The two other weights are the best
    ones for each of 101 values; what lies between two values is not looked for.
    """
    objective = sharpe_influence if sharpe else np.asarray
    first, second = (i for i in range(3) if i != column)

    def blend(value, share):
        w = np.zeros(3)
        w[[column, first, second]] = (
            value,
            (1 - value) * share,
            (1 - value) * (1 - share),
        )
        return w

    def best(value):
        def loss(share):
            return -np.mean(objective(scores(blend(value, share))))

        inside = minimize_scalar(loss, bounds=(0, 1), options={"xatol": 1e-10})
        share = min([0.0, 1.0, inside.x], key=loss)
        return blend(value, share)

    def refused(value):
        step, w = 1e-3, best(value)
        moves = (best(value + step) - best(value - step)) / (2 * step)
        up, down = (objective(scores(w + sign * 1e-5 * moves)) for sign in (1, -1))
        slope, half, _ = interval_of_mean(
            (up - down) / 2e-5, numbers, horizon, confidence
        )
        return slope - half > 0, slope + half < 0

    grid = np.linspace(0.002, 0.998, 101)
    too_low, too_high = np.array([refused(value) for value in grid]).T
    held = grid[~too_low & ~too_high]
    low = 0.0 if not too_low.any() else held.min()
    high = 1.0 if not too_high.any() else held.max()
    return low, high


def atomic(rates, final, numbers, stakes, balance, duration, compound):
    """Keep the books of atomic staking, a position after the other.

    ``rates`` and ``final`` are lists of rounds, each a list of a value a model; None:
    no position. Returns the positions, the balance after each round and at the end,
    and what is deferred of each model.
    """
    positions, idle, balances = [], balance, []
    debt = dict.fromkeys(range(len(stakes)), 0.0)
    newest = dict(enumerate(stakes))

    def settle(until):
        """Return what each model claims of the positions up to a round."""
        claims = dict.fromkeys(debt, 0.0)
        for position in positions:
            if position["settled"] or not position["final"]:
                continue
            if position["number"] > until:
                continue
            position["settled"] = True
            model, staked = position["model"], position["at_risk"]
            payout = staked * max(position["rate"], -1.0)
            position["payout"] = payout
            if payout < 0:
                debt[model] -= payout
            else:
                debt[model] -= min(debt[model], payout)
            position["deferred"] = debt[model]
            claims[model] += staked + payout
            if staked > 0:
                newest[model] = staked + payout
        return claims

    for number, row, known in zip(numbers, rates, final, strict=True):
        claims = settle(number - duration)
        wanted = {
            model: 0.0 if rate is None else newest[model] if compound else stakes[model]
            for model, rate in enumerate(row)
        }
        for model, claim in claims.items():
            idle += max(claim - wanted[model], 0.0)
        for model, rate in enumerate(row):
            own = min(claims[model], wanted[model])
            drawn = min(wanted[model] - own, idle)
            idle -= drawn
            if rate is not None:
                positions.append(
                    {
                        "number": number, "model": model, "rate": rate,
                        "at_risk": own + drawn, "payout": 0.0, "deferred": debt[model],
                        "final": known[model], "settled": False,
                    }
                )  # fmt: skip
        balances.append(idle)
    idle += sum(settle(float("inf")).values())
    return positions, balances, idle, debt
