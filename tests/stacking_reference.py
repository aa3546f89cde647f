"""Slow, obvious versions of what weights are learned for, from the raw rows.

A tournament is a frame with `era`, models, maybe a Meta Model, and a series of targets.
`Rows` splits it by era; every score is then a formula on the rows of one era.
"""

import itertools
import math
from copy import copy

import numpy as np
import pandas as pd
import reference
from scipy.optimize import minimize, nnls
from scipy.stats import norm

META_MODEL = "numerai_meta_model"
MULTIPLIERS = {"corr": 3.0, "contribution": 15.0}
OBJECTIVES = ["corr", "sharpe", "mse", "contribution", "payout"]


def params(objective):
    """Parameters of an estimator with this objective."""
    payout = MULTIPLIERS if objective == "payout" else None
    return {"objective": objective, "payout": payout}


# Tournaments


def standardize(values):
    """Centre the rows of each era (eras, rows, models) and scale them to unit size."""
    values = values - values.mean(axis=1, keepdims=True)
    return values / values.std(axis=1, keepdims=True)


def tournament(
    n_eras=10, n_rows=60, k=4, seed=0, skill=0.2, noise=0.1, labels=None, unit=True
):
    """Make models that are alike, of positive skill (negative: of none) that varies."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n_eras, n_rows, k)) + 0.8 * rng.normal(
        size=(n_eras, n_rows, 1)
    )
    z = standardize(z)
    skills = skill * rng.uniform(size=k) + noise * rng.normal(size=(n_eras, k))
    y = np.einsum("enk,ek->en", z, skills) + rng.normal(size=(n_eras, n_rows))
    if unit:  # five bins in [0, 1], as Numerai's
        y = np.clip(np.round(2 + y) / 4, 0.0, 1.0)
    m = z.mean(axis=2) + 0.5 * rng.normal(size=(n_eras, n_rows))
    return as_frame(z, y, m, labels)


def as_frame(z, y, m, labels=None):
    """Build the frame and the target from arrays (eras, rows, ...)."""
    n_eras, n_rows, k = z.shape
    if labels is None:
        labels = [f"{i + 1:04d}" for i in range(n_eras)]
    X = pd.DataFrame(z.reshape(-1, k), columns=[f"model_{c}" for c in "abcdefgh"[:k]])
    X.insert(0, "era", [label for label in labels for _ in range(n_rows)])
    X[META_MODEL] = norm.cdf(m.ravel())
    return X, pd.Series(y.ravel(), name="target_test_20")


def with_known_optimum(objective, optimum, n_eras=12, n_rows=60, seed=0):
    """Make rows whose moments in every era are exact, so that the optimum is known.

    The models have the covariance S and a covariance with the reference (whose values
    are normal quantiles already); the target has a given covariance with each model.
    """
    rng = np.random.default_rng(seed)
    w, k = np.asarray(optimum, dtype=float), len(optimum)
    S = 0.5 * np.eye(k) + 0.5
    cross = 0.4 + 0.1 * np.arange(k)
    g = 0.15  # covariance of reference and target
    quantiles = norm.ppf((np.arange(n_rows) + 0.5) / n_rows)
    mm = np.mean(quantiles**2)

    # Deviations over eras, of mean zero and unit covariance.
    e = np.linalg.qr(np.c_[np.ones(n_eras), rng.normal(size=(n_eras, k))])[0][:, 1:]
    e *= math.sqrt(n_eras)
    spread = 0.05 * np.tril(0.3 + rng.uniform(size=(k, k)))
    deviations = e @ spread.T
    # Targets of another scale in each era, where that matters.
    scales = np.ones(n_eras)
    if objective in ("mse", "contribution"):
        scales = rng.uniform(0.5, 2.0, n_eras)
    share = {"contribution": 1.0, "payout": 15.0 / 18.0}.get(objective, 0.0)
    if objective == "sharpe":
        mean = spread @ spread.T @ w
        mean *= 0.15 / mean.mean()
    else:
        mean = 0.15 * S @ w + share * g / mm * cross

    z, y, m = np.empty((n_eras, n_rows, k)), np.empty((n_eras, n_rows)), []
    root = np.linalg.cholesky(S - np.outer(cross, cross) / mm)
    for t in range(n_eras):
        ref = rng.permutation(quantiles)
        basis = np.c_[np.ones(n_rows), ref, rng.normal(size=(n_rows, k + 1))]
        basis = np.linalg.qr(basis)[0][:, 2:] * math.sqrt(n_rows)
        skills = mean + deviations[t] / scales[t]
        parts = np.linalg.solve(root, skills - cross * g / mm)
        z[t] = np.outer(ref, cross) / mm + basis[:, :k] @ root.T
        rest = math.sqrt(1 - g**2 / mm - parts @ parts)
        y[t] = ref * g / mm + basis[:, :k] @ parts + rest * basis[:, k]
        y[t] *= scales[t]
        m.append(ref)
    return as_frame(z, y, np.array(m))


# Scores of one era


def corr(x, y, w):
    """Pearson correlation of the blend with the target; 0 for a constant blend."""
    b = x @ w
    b, y = b - b.mean(), y - y.mean()
    size = math.sqrt((b @ b) * (y @ y))
    return b @ y / size if size > 0 else 0.0


def contribution(x, y, m, w):
    """Contribution of the blend, scaled to unit variance, to a gaussian reference."""
    b = x @ w
    size = b.std()
    if size == 0:
        return 0.0
    b = b / size
    added = b - m * (b @ m) / (m @ m)
    if y.min() >= 0 and y.max() <= 1:
        y = 4 * y
    return added @ (y - y.mean()) / len(y)


class Rows:
    """The rows of a tournament by era, those with a target and all predictions."""

    def __init__(self, X, y, halflife=None, models=None):
        models = models or [name for name in X if name.startswith("model")]
        y = np.asarray(y, dtype=float)
        numbers = X["era"].astype(str).str.extract(r"(\d+)")[0].astype(float)
        complete = X[models].notna().all(axis=1).to_numpy() & ~np.isnan(y)
        self.eras, self.compared, kept = [], {}, []
        for number in sorted(set(numbers)):
            rows = complete & (numbers == number).to_numpy()
            if rows.sum() < 3:
                continue
            if META_MODEL in X:
                both = rows & X[META_MODEL].notna().to_numpy()
                if both.sum() >= 3:
                    m = reference.rank_gauss(X[META_MODEL][both], scale=False)
                    self.compared[len(kept)] = X[models].to_numpy()[both], y[both], m
            self.eras.append((X[models].to_numpy()[rows], y[rows]))
            kept.append(number)
        self.numbers = np.array(kept)
        self.halflife = halflife

    def weighed(self, eras):
        """Weights of some of the eras."""
        if self.halflife is None:
            return np.full(len(eras), 1 / len(eras))
        age = self.numbers.max() - self.numbers[eras]
        weights = 0.5 ** (age / self.halflife)
        return weights / weights.sum()

    def scores(self, name, w, eras):
        """Score of the blend in some of the eras."""
        if name == "corr":
            return np.array([corr(*self.eras[i], w) for i in eras])
        return np.array([contribution(*self.compared[i], w) for i in eras])

    def value(self, objective, w):
        """What the objective is worth at given weights."""
        w = np.asarray(w, dtype=float)
        everywhere = range(len(self.eras))
        compares = objective in ("contribution", "payout")
        eras = [*self.compared] if compares else [*everywhere]
        weights = self.weighed(eras)
        if objective == "mse":
            x, y = self.stacked()
            return corr_uncentred(x @ w, y)
        if objective == "payout":
            terms = MULTIPLIERS.items()
            scores = sum(times * self.scores(name, w, eras) for name, times in terms)
        else:
            name = "contribution" if objective == "contribution" else "corr"
            scores = self.scores(name, w, eras)
        mean = weights @ scores
        if objective == "sharpe":
            return mean / math.sqrt(weights @ (scores - mean) ** 2)
        return mean

    def alone(self, objective):
        """Scores of the models alone (eras, models), and how alike they are.

        With the numbers of the eras. How alike: mean products of the vectors whose
        products with the target, of unit variance, are the scores.
        """
        compares = objective in ("contribution", "payout")
        eras = [*self.compared] if compares else [*range(len(self.eras))]
        terms = MULTIPLIERS if objective == "payout" else {objective: 1.0}
        k = self.eras[0][0].shape[1]
        scores = sum(
            times * np.array([self.scores(name, w, eras) for w in np.eye(k)]).T
            for name, times in terms.items()
        )
        weights = self.weighed(eras)
        # Targets in [0, 1] count four times in a contribution.
        units = [
            (4 if y.min() >= 0 and y.max() <= 1 else 1) * y.std()
            for _, y, _ in (self.compared[i] for i in eras if compares)
        ]
        unit = weights @ units if compares else 1.0
        alike = np.zeros((k, k))
        for weight, i in zip(weights, eras, strict=True):
            x, _, m = self.compared[i] if compares else (*self.eras[i], None)
            sizes = x.std(axis=0)
            x = (x - x.mean(axis=0)) / np.where(sizes > 0, sizes, 1.0)
            vectors = terms.get("corr", 0.0) * x
            if compares:
                left = x - np.outer(m, m @ x) / (m @ m)
                vectors = vectors + unit * terms["contribution"] * left
            alike += weight * vectors.T @ vectors / len(x)
        return scores, alike, self.numbers[eras]

    def shrunk_value(self, objective, w, lift):
        """What the objective is worth where each model scores so much more."""
        w = np.asarray(w, dtype=float)
        compares = objective == "contribution"
        eras = [*self.compared] if objective != "corr" else [*range(len(self.eras))]
        added = [
            lift * x.std(axis=0) @ w / (x @ w).std()
            for x in (
                self.compared[i][0] if compares else self.eras[i][0] for i in eras
            )
        ]
        return self.value(objective, w) + self.weighed(eras) @ added

    def stacked(self):
        """All rows, each era centred and weighing what it weighs."""
        xs, ys = [], []
        weights = self.weighed([*range(len(self.eras))])
        for (x, y), weight in zip(self.eras, weights, strict=True):
            size = math.sqrt(weight / len(y))
            xs.append(size * (x - x.mean(axis=0)))
            ys.append(size * (y - y.mean()))
        return np.vstack(xs), np.concatenate(ys)

    def nnls(self):
        """Non-negative least squares on the stacked rows, scaled to sum one."""
        weights = nnls(*self.stacked())[0]
        return weights / weights.sum()


class RowsWithGaps(Rows):
    """The same where models lack whole eras, in which they count as 0."""

    def __init__(self, X, y, halflife=None):
        models = [name for name in X if name.startswith("model")]
        super().__init__(X.fillna(dict.fromkeys(models, 0.0)), y, halflife)
        has = X[models].notna().groupby(X["era"].astype(int)).any().to_numpy()
        self.has = has[np.isin(sorted(set(X["era"].astype(int))), self.numbers)]

    def score(self, objective, w):
        """What the objective is worth in the eras that have something of the blend."""
        w = np.asarray(w, dtype=float)
        counted = np.flatnonzero(self.has[:, w != 0].any(axis=1))
        part = copy(self)
        part.eras = [self.eras[i] for i in counted]
        part.numbers = self.numbers[counted]
        part.compared = {
            place: self.compared[i]
            for place, i in enumerate(counted)
            if i in self.compared
        }
        return Rows.value(part, objective, w)


def corr_uncentred(b, y):
    """Cosine, which is what least squares with a free scale maximises."""
    size = math.sqrt((b @ b) * (y @ y))
    return b @ y / size if size > 0 else 0.0


# Searches


def best_by_scipy(value, k, max_weight=1.0, signed=False, seed=0, n_starts=5):
    """Largest value that SLSQP finds from random starts, with numeric gradients.

    Signed weights are searched for every choice of signs.
    """
    rng = np.random.default_rng(seed)
    best = -math.inf
    choices = itertools.product([1, -1], repeat=k) if signed else [(1,) * k]
    for signs in choices:
        signs = np.array(signs)
        for _ in range(n_starts if not signed else 2):
            found = minimize(
                lambda x, signs=signs: -value(signs * x),
                rng.dirichlet(np.ones(k)),
                method="SLSQP",
                bounds=[(0, max_weight)] * k,
                constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
                options={"ftol": 1e-12, "maxiter": 200},
            )
            x = np.clip(found.x, 0, max_weight)
            if abs(x.sum() - 1) < 1e-6:
                best = max(best, value(signs * x))
    return best


def caruana(value, k, n_picks, signed=False):
    """Forward selection with replacement: the best blend met on the way."""
    bag, best, best_value = [], None, -math.inf
    steps = [(i, s) for s in ([1, -1] if signed else [1]) for i in range(k)]
    for _ in range(n_picks):
        tried = []
        for i, s in steps:
            # Adding what the bag holds with the other sign would shrink it.
            if (i, -s) in bag:
                continue
            tried.append((value(average([*bag, (i, s)], k)), (i, s)))
        found, step = max(tried, key=lambda pair: pair[0])
        bag.append(step)
        if found > best_value:
            best, best_value = average(bag, k), found
    return best


def average(bag, k):
    """Weights of a bag of picked models."""
    weights = np.zeros(k)
    for i, s in bag:
        weights[i] += s / len(bag)
    return weights
