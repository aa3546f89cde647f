r"""Mean scores of models, shrunk by as much as the data say that models differ.

Weights that maximise a mean score rest on the models' mean scores m and on how alike
the models are, D. Millions of rows tell D; what is uncertain is m, a mean over eras of
which neighbours share days. So m is taken for a noisy view of true means :math:`\mu`,
which may be nothing but the models' part in one common blend:

.. math::

    m &\sim N(\mu, V), \qquad V = v D / \operatorname{mean}(\operatorname{diag} D)

    \mu &= a b + \tau N(0, K), \qquad b = D w_0, \qquad p(a) \propto 1, \; a > 0

    \tau &\sim \text{half-Cauchy}(\sqrt{0.5 u}), \qquad
    u = v c / \operatorname{mean}(\operatorname{diag} D)

v is the variance of a mean score in the closed form of `skbench.solvers.intervals`,
averaged over the models, and :math:`w_0` are the weights believed in beforehand: ab is
what the models would score if none had anything of its own, for better and not for
worse, or nobody would blend them. :math:`\tau` is how much they have. Own parts are as
alike as the models are, :math:`K = (D - b b' / w_0' D w_0) / c`, so that those that are
nearly copies, whose scores hardly differ, do not speak for all. c is the variance, on
average, of what tells a model from the mean of all: in these units :math:`\tau` is the
deviation of own scores, and u the variance with which they are seen.

So with r the rank of D

.. math::

    \hat a &= \frac{w_0' m}{w_0' D w_0}, \qquad
    \sigma^2 = \frac{u}{c \, w_0' D w_0}, \qquad
    E a = \hat a + \sigma \frac{\phi(\hat a / \sigma)}{\Phi(\hat a / \sigma)}

    E(\mu \mid \tau) &= E a \, b + \frac{\tau^2}{u + \tau^2} (m - \hat a b)

    p(m \mid \tau) &\propto (u + \tau^2)^{-(r - 1) / 2} \exp
    \left(-\frac{c \, (m - \hat a b)' D^+ (m - \hat a b)}{2 (u + \tau^2)} \right)

which are averaged over 40 values of :math:`\tau`, from :math:`0.1 \sqrt u` to
:math:`10 \sqrt u`, or to where the scores seen lie.

D is the mean over eras of the cross products of what is multiplied with the target to
give the scores: for CORR the models themselves, for a contribution what the reference
leaves of them. Each model has unit variance, and so has the target.

Simpler choices fail where `benchmarks.shrinkage` judges weights, which may lose 3 % to
equal ones and 1 % to those that are best for m. As they stand, 2.7 and 0.9 % are lost
at most, in 54 kinds of worlds for "corr", "contribution" and "payout", 1,000 of each.

- K = I, own parts that know nothing of each other: scores of near copies seem not to
  differ enough. 17 % behind m in contributions of 22 models in pairs of near copies.
- A half-Cauchy of scale :math:`\sqrt{0.1 u}` takes back too much where models differ:
  1.8 % behind m in contributions, 1.9 % in payouts.
- An a of either sign: where noise makes it negative, the models that are most like all
  others are thought to be the worst. 1.5 % behind m in contributions of near copies.
- A grid that ends at :math:`10 \sqrt u`: it, not the scores, would say what
  :math:`\tau` is where scores are all but certain, and m would not be taken as it is.

Intervals from draws of :math:`\mu` hold the best weights on average over the models,
not each of them: one :math:`\tau` draws all towards the prior, most of all a weight
that lies far from it. In `benchmarks.coverage` a best weight of 0.5 among five, learned
0.2 too low, is held in 82 to 96 of 100 worlds, all weights in 97 to 99. The true
:math:`\tau` in place of draws changes 76 to 89 with 300 eras, and 90 to 85 with 87.
Draws 1.4 times as wide would hold the far weight in 95 and more, all others in 99 and
more. That no weight is negative adds up to 5 of 100 to those that are near 0. So the
draws are those of the posterior. `skbench.solvers.weight_intervals` needs no prior.

B. Efron and C. Morris, "Data Analysis Using Stein's Estimator and its Generalizations",
Journal of the American Statistical Association 70 (1975).
A. Gelman, "Prior Distributions for Variance Parameters in Hierarchical Models",
Bayesian Analysis 1 (2006), on the half-Cauchy.
J. H. Stock and M. W. Watson, "Combination Forecasts of Output Growth in a Seven-country
Data Set", Journal of Forecasting 23 (2004), on why equal weights are hard to beat.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtri_exp

from .intervals import means
from .weights import Problem

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Of the half-Cauchy: its scale squared, in units of u.
_SCALE = 0.5
# Values of tau that are averaged over, in roots of u.
_N_TAUS, _LEAST, _MOST = 40, 0.1, 10.0
# A difference below this share of the largest score, or a variance below this share of
# the usual one, is what rounding left of none.
_CERTAIN = 1e-9
# A variance that is no number of much use, but not zero.
_TINY = 1e-300


@dataclass(frozen=True)
class Scores:
    """Mean scores of the models, (k,), how alike they are, (k, k), and their variance.

    ``variance`` is that of a mean score, on average over the models.
    """

    means: Floats
    alike: Floats
    variance: float


@dataclass(frozen=True)
class Posterior:
    """What is known of the true mean scores; of tau on a grid."""

    base: Floats  # (k,), b
    strength: float  # the best estimate of a, whatever its sign
    error: float  # its standard error
    own: Floats  # (k,), what is left of the scores seen
    root: Floats  # (k, k), of K
    noise: float  # u
    taus: Floats  # (n_taus,)
    odds: Floats  # (n_taus,), sum to one

    @property
    def kept(self) -> Floats:
        """Share of what the models have of their own that is believed, by tau."""
        squares = np.square(self.taus)
        kept: Floats = squares / (squares + self.noise)
        return kept

    @property
    def shrinkage(self) -> float:
        """Share of what the models have of their own that is taken back."""
        return 1.0 - float(self.odds @ self.kept)

    @property
    def mean(self) -> Floats:
        """Expected mean score of each model."""
        # The density over the distribution function, without the loss of digits.
        ratio = np.sqrt(2.0 / np.pi) / erfcx(-self.strength / self.error / np.sqrt(2.0))
        strength = self.strength + self.error * ratio
        mean: Floats = strength * self.base + (1.0 - self.shrinkage) * self.own
        return mean

    @property
    def deviation(self) -> float:
        """Expected tau: how much models have of their own."""
        return float(self.odds @ self.taus)

    def draws(self, n_draws: int, rng: np.random.Generator) -> Floats:
        """Draw mean scores that may be the true ones: (n_draws, k).

        Each with a tau and an a of its own.
        """
        kept = rng.choice(self.kept, n_draws, p=self.odds)[:, None]
        # Of a normal number above 0, by the share of those that are below it.
        below = np.log(rng.random(n_draws)) + log_ndtr(self.strength / self.error)
        strength = self.strength - self.error * ndtri_exp(below)
        normal = rng.standard_normal((n_draws, self.own.size)) @ self.root.T
        own = kept * self.own + np.sqrt(kept * self.noise) * normal
        scores: Floats = np.outer(strength, self.base) + own
        return scores


def posterior(scores: Scores, prior: Floats) -> Posterior:
    """Return what the scores say of the true ones, with given weights beforehand.

    One model alone, or copies of one, have nothing of their own.
    """
    k, alike = scores.means.size, scores.alike
    usual = float(alike.diagonal().mean()) or 1.0
    apart = float(alike.trace() - alike.sum() / k) / max(k - 1, 1)
    differ = apart > _CERTAIN * usual
    if not differ:
        apart = usual
    least = np.square(_CERTAIN * np.abs(scores.means).max())
    noise = max(scores.variance, float(least), _TINY) * apart / usual

    base = alike @ prior
    size = float(prior @ base)
    if size <= _CERTAIN * usual:  # a blend that scores nothing explains no score
        base, size = np.zeros(k), usual
    strength = float(prior @ scores.means) / size
    own = scores.means - strength * base

    values, vectors = np.linalg.eigh(alike / apart)
    some = values > _CERTAIN
    distance = float(np.square(own @ vectors[:, some] / np.sqrt(values[some])).sum())
    # Of what is drawn with the covariance D / c, what the blend scores is left out.
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    root -= np.outer(base, prior @ root) / size

    taus, odds = np.zeros(1), np.ones(1)
    if differ:
        taus, odds = _taus(distance, int(some.sum()) - 1, noise)
    return Posterior(
        base=base,
        strength=strength,
        error=float(np.sqrt(noise / (apart * size))),
        own=own,
        root=root,
        noise=noise,
        taus=taus,
        odds=odds,
    )


def _taus(distance: float, n_own: int, noise: float) -> tuple[Floats, Floats]:
    """Return what tau may be, and how likely each is.

    ``distance`` is the sum of squares of ``n_own`` differences between models that are
    seen with the variance ``noise``.
    """
    # As far as the scores seen lie apart, lest the grid be what bounds tau.
    most = max(_MOST, float(np.sqrt(distance / noise)))
    taus = np.sqrt(noise) * np.geomspace(_LEAST, most, _N_TAUS)
    total = np.square(taus) + noise
    log_likelihood = -0.5 * (n_own * np.log(total) + distance / total)
    # Half-Cauchy; neighbours on the grid are a share of tau apart.
    log_prior = np.log(taus) - np.log1p(np.square(taus) / (_SCALE * noise))
    log_odds = log_likelihood + log_prior
    odds = np.exp(log_odds - log_odds.max())
    return taus, odds / odds.sum()


@dataclass(frozen=True)
class Shrinkage:
    """A problem, and what is known of the true scores of its columns.

    ``columns`` are those that some era can score.
    """

    problem: Problem
    columns: Indices
    means: Floats
    known: Posterior

    def with_scores(self, scores: Floats) -> Problem:
        """Return the problem with other mean scores in the place of those seen."""
        lift = np.zeros(self.problem.prior.size)
        lift[self.columns] = scores - self.means
        return replace(self.problem, lift=lift)

    def draws_of_weights(
        self, weights: Floats, n_draws: int, rng: np.random.Generator
    ) -> Floats:
        """Draw true scores, and find the weights that are best for each.

        ``weights``, from which each search starts, are those of the expected scores.
        """
        drawn = self.known.draws(n_draws, rng)
        solved = [self.with_scores(scores).solve(weights).weights for scores in drawn]
        return np.array(solved)


def shrinkage(problem: Problem, horizon: float) -> Shrinkage | None:
    """Return what the eras of a problem say of the true scores of its columns.

    None where there are too few eras to tell. ``horizon`` is over how many units of
    time a score shares days with others.
    """
    present = problem.present()[problem.era_weights() > 0].any(axis=0)
    columns = np.flatnonzero(present)
    part = problem.of_columns(columns)
    scores = mean_scores(part, horizon)
    if np.isnan(scores.variance):
        return None
    known = posterior(scores, part.prior)
    return Shrinkage(problem, columns, scores.means, known)


def mean_scores(problem: Problem, horizon: float) -> Scores:
    """Score each column alone, on average over the eras that can.

    The variance is NaN where there are too few eras to tell.
    """
    eras, present = problem.era_weights(), problem.present()
    scores = np.sum([term.alone() for term in problem.terms()], axis=0)
    shares = eras[:, None] * present
    shares /= shares.sum(axis=0)
    average = (shares * scores).sum(axis=0)
    # A series whose plain mean is the weighted one of the scores.
    influence = average + shares * present.sum(axis=0) * (scores - average)
    series = np.where(present, influence, np.nan)
    variances = means(series.T, problem.numbers, horizon)[1]
    known = variances[~np.isnan(variances)]
    variance = float(known.mean()) if known.size else np.nan
    return Scores(average, _alike(problem, eras, present), variance)


def _alike(problem: Problem, eras: Floats, present: NDArray[np.bool_]) -> Floats:
    """Mean cross products of what is multiplied with the target: (k, k).

    With x the models, r what the reference leaves of them and c, d the multipliers of
    both, these are (cx + dr)'(cx + dr), where x'r is r'r.
    """
    moments = problem.moments
    multipliers = dict(problem.multipliers or {problem.objective: 1.0})
    if "contribution" in multipliers:  # as of a target of unit variance
        target = np.sqrt(moments["reference_target_variance"])
        multipliers["contribution"] *= float(eras @ (moments["target_unit"] * target))
    corr, added = (multipliers.get(name, 0.0) for name in ("corr", "contribution"))
    factors = {"corr": corr**2, "contribution": (2.0 * corr + added) * added}
    total = np.zeros((problem.prior.size, problem.prior.size))
    terms = problem.terms()
    for name, term in zip(multipliers, terms, strict=True):
        scale = np.zeros_like(term.sizes)
        varies = present & (term.sizes > 0)  # what is constant scores nothing
        np.divide(np.sqrt(eras)[:, None], term.sizes, where=varies, out=scale)
        scaled = scale[:, :, None] * term.square
        products = np.einsum("tij,tj->ij", scaled, scale)
        if name == "contribution":
            cross, square = moments["reference_cross"], moments["reference_square"]
            explained = scale * cross / np.sqrt(square)[:, None]
            products -= explained.T @ explained
        total += factors[name] * products
    together = present.T @ (eras[:, None] * present)
    return np.divide(total, together, where=together > 0, out=np.zeros_like(total))
