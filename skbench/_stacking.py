"""Weights learned from validation targets: `StackingWeights`."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from functools import cached_property, partial
from numbers import Integral
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from ._aligned import Aligned, Input, block
from ._apply import refuse, refuse_infinite, refuse_missing
from ._base import prediction_columns
from ._checks import (
    HUGE,
    Check,
    check_bounds,
    check_confidence,
    check_count,
    check_flag,
    check_name,
    check_positive,
    check_share,
    did_you_mean,
    is_number,
    listed,
    one_of,
    optional,
)
from ._ensemble import WeightedEnsemble
from ._era_statistics import Statistics, gathered_each, merged
from ._eras import Eras, Rows, blas_threads, check_horizon, find_eras
from ._frames import (
    Table,
    check_numbers,
    columns_of_role,
    has_name,
    resolve,
    too_large,
)
from ._learning import OBJECTIVES, SHRUNK_BY_BAYES, Learning, on_differences, tell
from ._random import check_seed
from ._score_names import multipliers_of, score_choice, warn_of_days
from ._targets import (
    Called,
    at_target,
    check_same_targets,
    of_each,
    read_targets,
    side_by_side,
)
from .kernels.moments import era_moments
from .solvers.weights import NotEnoughErasError

Name = Hashable
Floats = NDArray[np.float64]
# What `refit` cannot change nor `merge` mix: it decides which moments are kept.
OF_ROWS = ("columns", "nan_policy", "meta_model", "era", "single_era_rows")
# What rests on the weights, and so is no longer true when further eras are held.
_FOUND = (
    "weights_",
    "weights_interval_",
    "n_iter_",
    "shrinkage_",
    "skill_deviation_",
    "train_score_",
    "eras_",
    "n_eras_",
    "n_rows_",
    "n_eras_left_out_",
    "n_rows_left_out_",
)
# What has targets as keys where there are several: learned, held, and their names.
_OF_TARGET = (*_FOUND, "era_statistics_", "_target")


def objective_of(word: str) -> str:
    """Return which of `OBJECTIVES` a word stands for."""
    return score_choice("objective", word, OBJECTIVES)


def _check_reference(parameter: str, value: Any) -> None:
    if not isinstance(value, Integral | None):
        check_name(parameter, value)


def _check_shrinkage(parameter: str, value: Any) -> None:
    if not (isinstance(value, str) and value in ("auto", "bayes")):
        check_share(parameter, value)


def _check_largest(parameter: str, value: Any) -> None:
    if not is_number(value) or not 0 < value <= 1:
        raise ValueError(f"`{parameter}` must be above 0 and at most 1; got {value!r}")


class StackingWeights(WeightedEnsemble):
    r"""Blend prediction columns by weights learned from validation targets.

    The weights w sum to one and maximise an objective of the blend :math:`Xw`, where
    :math:`\rho_e` is its Pearson correlation with the target in era e:

    - "corr": the mean over eras of :math:`\rho_e`;
    - "sharpe": that mean over its standard deviation (``ddof=0``);
    - "mse": least squares on all rows, each era centred and weighing the same, with
      the scale free: Breiman's stacking;
    - "contribution", or "mmc": the mean over eras of the contribution to the reference
      (the Meta Model) of the blend, scaled to unit variance;
    - "payout": the sum of the first and the fourth times their multipliers, over the
      eras that have both. Clips are not modelled.

    A constant blend scores 0 in an era, and so does, while weights are sought, one that
    has no value because all columns with a weight lack the era: over its own eras alone
    a column that began in good times would win. ``train_score_`` leaves out the eras
    without a value, as `score` does.

    Learning takes one pass over the rows, which keeps per-era moments only; so another
    objective costs no second pass (`refit`), and eras may come in batches
    (`partial_fit`) or be learned from elsewhere (`merge`), with the same result.

    Missing predictions: a column without a value, or with one value only, throughout
    gets weight 0, with a warning. Then ``nan_policy`` says what happens to rows that
    lack some prediction: "propagate" leaves them out of learning, with a warning where
    they are over 20 %; "omit" counts a missing value as 0, which is exact for gaps of
    whole eras; "raise" is an error. Rows without a target, and eras without any, are
    left out. Columns that are not standardised within each era draw a
    `DataConversionWarning`: put `EraRankGauss` before this step.

    With "omit" the weight of a column that began late is decided by the eras that it
    shares with the others. A column may get a weight of 0.001, which keeps the eras
    that lack the others. A warning says so where over 20 % of the eras are lost.

    Several targets: where y has two columns or more, weights are learned for each in
    the same pass, as they would be for that target alone. ``weights_`` and all else
    that depends on the target then have the targets as keys, one level more, and each
    target has an output column, ``{output}_{target}``. `of_target` gives the estimator
    of one.

    Parameters
    ----------
    objective : {"corr", "sharpe", "mse", "contribution", "payout"}, default="corr"
        What the weights are to maximise; scores by any word for them, as "mmc".
    columns : str, int, list of these or callable, default=None
        Columns to blend: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every prediction column.
    output : str, default="prediction"
        Name of the output column.
    payout : mapping of str to float, default=None
        For the objective "payout": multipliers of "corr" and "contribution", or other
        words for these, such as ``{"corr": 3, "mmc": 15}``.
    nonnegative : bool, default=True
        Whether weights must not be negative. Otherwise their absolute sum is one.
    max_weight : float, default=1.0
        Largest absolute weight, above 0 and at most 1.
    prior : mapping from column to float, default=None
        Weights believed in beforehand, scaled to sum one. None: equal weights.
    shrinkage : float, "auto" or "bayes", default=0.0
        A number is the share of the prior in the weights, between 0 and 1. "auto": the
        one of 0, 0.1, ... 1 that does best on later eras, over five expanding folds,
        with ``horizon`` eras left out in between. Where weights may be negative, they
        are then scaled to absolute sum one again: one that would exceed ``max_weight``
        is cut to it, and the others get the rest in proportion. Where the prior cancels
        all weights, they are the prior.

        "bayes", for "corr", "contribution" and "payout", shrinks the models' mean
        scores in place of the weights, towards those of the prior's blend, by as much
        as the eras say that the models differ; the weights are then the best ones for
        these scores. With fewer eras than two horizons nothing tells the models apart:
        the weights are the prior, with a warning.
    search : {"slsqp", "greedy"}, default="slsqp"
        Gradient ascent from several starts, or forward selection with replacement.
    max_iter : int, default=100
        Iterations of the ascent from each start, or most picks of the selection.
    halflife : float, default=None
        Number of eras over which the weight of an era in the objective halves, going
        back from the last. None: every era weighs the same.
    horizon : int, default=None
        Over how many eras a score shares days with others, for ``weights_interval_``
        and the gap of the folds. None: one era for each 5 days in the target's name,
        rounded up, and one more ("target_ender_60": 13), where "target" stands for the
        target column of X that it equals; 13 where the name does not say.
    confidence : float, default=0.95
        Probability that each of ``weights_interval_`` is to have.
    random_state : int, RandomState instance, Generator or None, default=0
        Where the draws for ``weights_interval_`` come from, which only "bayes" takes.
    nan_policy : {"propagate", "omit", "raise"}, default="propagate"
        What a missing prediction does to its row, in learning as above, and in
        `transform` as in `WeightedEnsemble`.
    meta_model : str, int or None, default="numerai_meta_model"
        Column of the reference, where there is one: needed for "contribution" and
        "payout" only, and only in learning. It is never blended.
    era : str, int or None, default="era"
        The era column: its name, or its position in an array. None: all rows are one
        era.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        A frame without the era column is taken as one era if its row count lies
        between these.

    Attributes
    ----------
    weights_ : dict of str or int to float
        Weight of each column, in column order.
    weights_interval_ : dict of str or int to (float, float)
        Interval of each weight: all values of it for which the slope of the objective,
        with the other weights at their best, is no more than chance, in the closed form
        of `skbench.metrics.summarize`. With ``shrinkage``, these moved towards the
        prior as the weights are. Found when first asked for, which takes some tens of
        searches for each weight; NaN, with a warning, where there are fewer eras than
        two horizons. In simulated worlds of 41 to 300 eras intervals of 95 % held the
        best weights in 93 to 98 of 100 cases; where weights may be negative, 96 to 100.
        With "bayes": quantiles of the weights that are best for true scores as they may
        be, drawn from what the eras say of them. These held the best weights in 97 to
        99 of 100 cases on average over the models, but one far from equal weights, 0.5
        of five, in 82 to 96; that of ``shrinkage=0.0`` held it in 92 to 98.
    era_statistics_ : dict of str to ndarray
        Moments of each era held, one entry an era, in the order of the eras.
    n_iter_ : int
        Iterations of the ascent that found the weights, or picks of the selection.
    eras_ : ndarray of shape (n_eras,)
        Labels of the eras that the weights rest on, in the order of time.
    n_eras_ : int
        Their number.
    horizon_ : int
        ``horizon``, or what the name of the target said; from the first rows on.
    n_rows_ : int
        Rows that the weights rest on.
    n_eras_left_out_ : int
        Further eras held: without a target, a complete row (with "omit": a column with
        3 values) or, where it is needed, the reference.
    n_rows_left_out_ : int
        Further rows of all eras held.
    shrinkage_ : float
        Share of the prior in the weights. With "bayes": of the distance between the
        models' scores and those that the prior's blend explains, the share that was put
        down to chance and taken back. 1 for a single model or copies of one, and with
        fewer eras than two horizons.
    skill_deviation_ : float
        With "bayes" only: by how much models differ in their true scores beyond what
        the prior's blend explains, as a standard deviation, in units of the objective.
        0 for a single model or copies of one, NaN with fewer eras than two horizons.
    train_score_ : dict
        "objective": which; "optimised": its value; "exact" (after `fit` only): the
        score of the final blend as the tournament computes it, with ranks and powers
        (CORR for "corr" and "mse", its Sharpe ratio, contribution or payout), over the
        same eras; for "corr" without a halflife it is `score` of these. NaN where no
        era has a value.
    columns_ : list of str or int
        The columns in play.
    n_features_in_ : int
        Number of columns of X at fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X at fit, where all are strings.

    See Also
    --------
    WeightedEnsemble : The same with weights given.

    References
    ----------
    L. Breiman, "Stacked Regressions", Machine Learning 24, 1996.
    R. Caruana et al., "Ensemble Selection from Libraries of Models", ICML 2004.
    Numerai, ``numerai_tools.scoring.correlation_contribution``.
    B. Efron and C. Morris, "Data Analysis Using Stein's Estimator and its
    Generalizations", Journal of the American Statistical Association 70, 1975.

    Examples
    --------
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(n_models=3, mean_corr=0.1, random_state=0)
    >>> gauss = EraRankGauss().fit_transform(data.frame)
    >>> learned = StackingWeights().fit(gauss, data.frame["target"])
    >>> {name: round(weight, 2) for name, weight in learned.weights_.items()}
    {'v53_lgbm_cyrus20': 0.6, 'v53_lgbm_cyrus60': 0.21, 'v53_lgbm_ender20': 0.19}
    >>> {name: round(weight, 2) for name, weight in data.weights.items()}
    {'v53_lgbm_cyrus20': 0.69, 'v53_lgbm_cyrus60': 0.2, 'v53_lgbm_ender20': 0.11}

    Several targets at once:

    >>> targets = data.frame[["target_cyrus_20", "target_ender_60"]]
    >>> both = StackingWeights().fit(gauss, targets)
    >>> {name: both.n_eras_[name] for name in both.weights_}
    {'target_cyrus_20': 115, 'target_ender_60': 107}
    >>> both.of_target("target_cyrus_20").weights_ == both.weights_["target_cyrus_20"]
    True
    >>> list(both.transform(gauss).filter(like="prediction"))
    ['prediction_target_cyrus_20', 'prediction_target_ender_60']
    """

    _fitted_by = "weights_"
    era_statistics_: Any  # `Statistics`, or those of each target
    _reference: Name | None
    _target: Any = None  # `Called`
    _parameters: ClassVar[Mapping[str, Check]] = {
        **{k: v for k, v in WeightedEnsemble._parameters.items() if k != "weights"},
        "objective": partial(score_choice, choices=OBJECTIVES),
        "search": one_of("slsqp", "greedy"),
        "nonnegative": check_flag,
        "meta_model": _check_reference,
        "shrinkage": _check_shrinkage,
        "max_weight": _check_largest,
        "halflife": optional(check_positive),
        "max_iter": partial(check_count, least=1, most=1_000_000),
        "horizon": optional(partial(check_count, least=1)),
        "confidence": check_confidence,
        "random_state": check_seed,
    }

    def __init__(
        self,
        objective: str = "corr",
        *,
        columns: Any = None,
        output: str = "prediction",
        payout: Mapping[str, float] | None = None,
        nonnegative: bool = True,
        max_weight: float = 1.0,
        prior: Mapping[Any, float] | None = None,
        shrinkage: Any = 0.0,
        search: str = "slsqp",
        max_iter: int = 100,
        halflife: float | None = None,
        horizon: int | None = None,
        confidence: float = 0.95,
        random_state: Any = 0,
        nan_policy: str = "propagate",
        meta_model: Any = "numerai_meta_model",
        era: Any = "era",
        single_era_rows: tuple[float, float] = (1800, 10000),
    ) -> None:
        self.objective = objective
        self.columns = columns
        self.output = output
        self.payout = payout
        self.nonnegative = nonnegative
        self.max_weight = max_weight
        self.prior = prior
        self.shrinkage = shrinkage
        self.search = search
        self.max_iter = max_iter
        self.halflife = halflife
        self.horizon = horizon
        self.confidence = confidence
        self.random_state = random_state
        self.nan_policy = nan_policy
        self.meta_model = meta_model
        self.era = era
        self.single_era_rows = single_era_rows

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]
        """Learn the weights.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Predictions, standardised within each era, and the era column.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets, NaN where there is none yet; a pandas object must have the index
            of X. Several columns are several targets.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, column or target cannot be used, or too few eras can be
            scored.
        """
        learned, table, eras, targets = self._gathered(X, y, anew=True)
        learnings = learned._solve()
        reference = None
        if learned._reference is not None:
            fetch = table.select([learned._reference])
            reference = fetch(slice(None))[0].astype(np.float64)
        blends = learned._compute(table, eras)
        rows_of = dict(zip(eras.labels, eras.rows, strict=True))
        scores = learned.train_score_
        scores = [*scores.values()] if learned._several else [scores]
        for score, learning, blend, target in zip(
            scores, learnings, blends, targets, strict=True
        ):
            exact = learning.exact(blend[None, :], target, reference, rows_of)
            score["exact"] = exact
        self.__dict__ = learned.__dict__
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Learn from further eras, with the result of `fit` on all of them.

        As long as too few eras have a target, or "bayes" has fewer than two horizons of
        them, there are no weights yet, and no warning of what further eras may mend.
        `finish`, after the last ones, finds what there is to find or says what is
        missing.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Whole eras, none of them held already.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets, NaN where there is none yet; the same in each call.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If an era is held already, or the rows or targets cannot be used.
        """
        learned = self.gather(X, y)
        if hasattr(self, "era_statistics_"):
            learned = copy(self).absorb(learned)
        learned._solve(last=False)
        self.__dict__ = learned.__dict__
        return self

    def merge(self, other: "StackingWeights") -> Self:
        """Take over the eras of another, with the result of `fit` on all of them.

        Where they are too few for weights, there are none, as with `partial_fit`.

        Parameters
        ----------
        other : StackingWeights
            Fitted on other eras, with the same columns, and alike in all that `refit`
            cannot change. One of the two may have seen no reference.

        Returns
        -------
        self : object
            The estimator; ``other`` is unchanged.

        Raises
        ------
        ValueError
            If both hold an era, or differ in what decides what is kept of the rows.
        """
        learned = copy(self).absorb(other)
        learned._solve(last=False)
        self.__dict__ = learned.__dict__
        return self

    def refit(self, **params: Any) -> Self:
        """Learn anew from the moments held, with other parameters; no rows needed.

        Parameters
        ----------
        **params
            Parameters to change: any but those that decide what is kept of the rows
            (``columns``, ``nan_policy``, ``meta_model``, ``era``, ``single_era_rows``).

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a parameter cannot be used or changed.
        """
        if fixed := [name for name in params if name in OF_ROWS]:
            raise ValueError(
                f"`{fixed[0]}` decides what is kept of the rows: refit cannot change "
                "it, fit can"
            )
        if not hasattr(self, "era_statistics_"):
            raise NotFittedError("refit needs a fitted StackingWeights")
        learned = copy(self).set_params(**params)
        learned.check_parameters()
        learned._solve()
        self.__dict__ = learned.__dict__
        return self

    def gather(self, X: Any, y: Any) -> Self:
        """Return an estimator that holds the moments of these rows, and no weights.

        With `absorb` and `finish` this is how weights are learned from rows that come
        in batches or stand on many machines, with one search at the end.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Whole eras.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets, NaN where there is none yet.

        Returns
        -------
        part : StackingWeights
            With the columns of the eras that this holds; where it holds none, with
            those that `fit` would choose in X.

        Raises
        ------
        ValueError
            If the rows cannot be used.
        """
        return self._gathered(X, y, anew=not hasattr(self, "era_statistics_"))[0]

    def of_eras(self, eras: Collection[Hashable]) -> Self:
        """Return an estimator that holds the moments of some eras, and no weights.

        `finish` then finds what would have been learned from these eras alone.

        Parameters
        ----------
        eras : collection of labels
            Some of the eras held.

        Returns
        -------
        part : StackingWeights
            With these moments; this one is unchanged.

        Raises
        ------
        NotFittedError
            If no eras are held.
        ValueError
            If one is not held.
        """
        places = {label: i for i, label in enumerate(self.gathered_eras())}
        if unknown := [label for label in eras if label not in places]:
            raise ValueError(f"`eras` has {listed(unknown)}, which is not held")
        kept = np.sort([places[label] for label in set(eras)]).astype(np.intp)
        part = copy(self)
        part._forget(*_FOUND)

        def of_kept(held: Statistics) -> Statistics:
            return {name: values[kept] for name, values in held.items()}

        part.era_statistics_ = of_each(self._target, of_kept, self.era_statistics_)
        return part

    def of_target(self, target: Name) -> Self:
        """Return the estimator of one of several targets, as if fitted on it alone.

        Parameters
        ----------
        target : str or int
            Name of the column of y, or its position where y was an array.

        Returns
        -------
        one : StackingWeights
            With what was learned of this target, and the output column ``output``; it
            goes wherever one prediction a row is asked for.

        Raises
        ------
        ValueError
            If this is not one of several targets that were learned from.
        """
        known = [*self._target] if isinstance(self._target, dict) else []
        if not has_name(known, target):
            told = f"one of {listed(known)}" if known else "left out: it has one target"
            raise ValueError(
                f"`target` must be {told}; got {target!r}{did_you_mean(target, known)}"
            )
        one = copy(self)
        one.__dict__ = at_target(vars(self), _OF_TARGET, target)
        return one

    def check_one_target(self) -> None:
        """Refuse what was learned of several targets where one is asked for.

        Raises
        ------
        ValueError
            If there are several.
        """
        if isinstance(self._target, dict):
            raise ValueError(
                f"the StackingWeights was fitted on {len(self._target)} targets, "
                f"{listed(self._target)}: pass its of_target(...) of one of them"
            )

    def holding(
        self,
        statistics: Statistics,
        columns: Sequence[Name],
        *,
        reference: Name | None = None,
        target: str | None = None,
    ) -> Self:
        """Return an estimator that holds moments which were gathered elsewhere.

        `finish` then finds the weights.

        Parameters
        ----------
        statistics : dict of str to ndarray
            As ``era_statistics_`` has them, one entry an era.
        columns : sequence of str or int
            The columns that they are of.
        reference : str or int, default=None
            The column of the reference, where they have one.
        target : str, default=None
            Name of the target, which says how far it looks ahead.

        Returns
        -------
        part : StackingWeights
            With these moments; this one is unchanged.

        Raises
        ------
        ValueError
            If a parameter of this one cannot be used.
        """
        self.check_parameters()
        part = copy(self)
        part._forget(*_FOUND)
        part.columns_, part._reference, part._target = [*columns], reference, target
        part.era_statistics_ = merged(statistics)
        return part

    def gathered_columns(self) -> list[Name]:
        """Return the columns that `gather` reads, where some eras are held.

        Returns
        -------
        columns : list of str or int
            The columns in play, and the reference, if there is one.
        """
        reference = [] if self._reference is None else [self._reference]
        return [*self.columns_, *reference]

    def gathered_eras(self) -> list[Hashable]:
        """Return the labels of the eras held, also of those that cannot be scored.

        Returns
        -------
        eras : list of labels
            In the order of time.

        Raises
        ------
        NotFittedError
            If no eras are held.
        """
        if not hasattr(self, "era_statistics_"):
            raise NotFittedError("the StackingWeights holds no eras: fit it first")
        held = self.era_statistics_
        first = next(iter(held.values())) if self._several else held
        labels: list[Hashable] = first["era"].tolist()
        return labels

    def absorb(self, *others: "StackingWeights") -> Self:
        """Take over the moments of others; weights that were found are dropped.

        Parameters
        ----------
        *others : StackingWeights
            As for `merge`, such as `gather` returns.

        Returns
        -------
        self : object
            The estimator; the others are unchanged.

        Raises
        ------
        ValueError
            If two hold an era, or differ in what decides what is kept of the rows.
        """
        every: list[StackingWeights] = [self, *others]
        for estimator in every:
            if not hasattr(estimator, "era_statistics_"):
                raise NotFittedError("merge needs two fitted StackingWeights")
        for other in others:
            self._check_alike(other)
        held = [each.era_statistics_ for each in every]
        self.era_statistics_ = of_each(self._target, merged, *held)
        references = [each._reference for each in every]
        self._reference = next((r for r in references if r is not None), None)
        self._forget(*_FOUND)
        return self

    def _check_alike(self, other: "StackingWeights") -> None:
        """Refuse another of which other moments were kept."""
        check_same_targets(self._target, other._target, "both")
        own, others = self._kept_by(), other._kept_by()
        for name in OF_ROWS:
            if own[name] != others[name]:
                raise ValueError(
                    f"cannot merge what was learned with another `{name}`: "
                    f"{listed(own[name])} and {listed(others[name])}. Fit both alike"
                )

    def finish(self) -> Self:
        """Find the weights, now that the moments of all eras are held.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If too few eras can be scored.
        """
        return self.refit()

    @cached_property
    def weights_interval_(self) -> dict[Name, Any]:
        """Interval of each weight, found when first asked for.

        Returns
        -------
        intervals : dict of str or int to (float, float)
            Lower and upper end, in column order.
        """
        self._check_fitted()
        if isinstance(self._target, dict):
            return {t: self.of_target(t).weights_interval_ for t in self._target}
        with self._blas_threads():
            return self._learning().interval(
                self.weights_, self.shrinkage_, self.horizon_
            )

    @property
    def horizon_(self) -> Any:
        """Over how many eras a score shares days with others.

        Returns
        -------
        horizon : int, or dict of target to int
            As the parameter says, or else the name of the target.
        """
        check = partial(check_horizon, self.horizon)
        return of_each(self._target, check, self._target)

    @property
    def target_name_(self) -> Any:
        """Name of the target that eras were gathered with.

        Returns
        -------
        name : str or None, or dict of target to str or None
            None where it had none.
        """
        return self._target

    @property
    def summary(self) -> str:
        """What was learned, in a sentence or two.

        Returns
        -------
        summary : str
            What the weights rest on and, with ``shrinkage="bayes"``, whether the models
            differ by more than chance; a line for each of several targets.
        """
        self._check_fitted()
        if isinstance(self._target, dict):
            each = {t: self.of_target(t).summary for t in self._target}
            return "\n".join(f"{target}: {told}" for target, told in each.items())
        told = f"{self.objective}, learned from {self.n_eras_} eras"
        if hasattr(self, "skill_deviation_"):
            about = self.objective, self.shrinkage_, self.skill_deviation_
            told += f"; {on_differences(*about)}"
        return told

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that `fit` needs a target."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags

    def score(self, X: Any, y: Any, sample_weight: None = None) -> float:
        """Mean Numerai CORR over the eras; then over the targets, each with its blend.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            As for `transform`.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets, NaN where there is none yet.
        sample_weight : None
            As for `WeightedEnsemble.score`.

        Returns
        -------
        score : float
            The mean score.

        Raises
        ------
        ValueError
            If no era can be scored, or `sample_weight` is not None.
        """
        if not self._several:
            return super().score(X, y, sample_weight)
        targets, called = read_targets(self._read(X)[0], X, y)
        check_same_targets(self._target, called, "y")
        each = [
            self.of_target(target).score(X, values, sample_weight)
            for target, values in targets.items()
        ]
        return float(np.mean(each))

    def check_parameters(self) -> None:
        """Check the parameters, as far as they can be without data.

        Raises
        ------
        ValueError
            If one cannot be used.
        """
        super().check_parameters()
        objective = objective_of(self.objective)
        if self.shrinkage == "bayes" and objective not in SHRUNK_BY_BAYES:
            raise ValueError(
                "`shrinkage` 'bayes' shrinks mean scores, so `objective` must be one "
                f"of {listed(SHRUNK_BY_BAYES)}; got {self.objective!r}. Give "
                "`shrinkage` a number, or 'auto'"
            )
        if objective == "payout":
            multipliers_of(self.payout)

    @property
    def _several(self) -> bool:
        """Whether there are several targets."""
        return isinstance(self._target, dict)

    def _blends(self) -> dict[Name, dict[Name, float]]:
        # Before there are weights, each column may get one.
        found = getattr(self, "weights_", None)
        anything = dict.fromkeys(self.columns_, 1.0)
        if not isinstance(self._target, dict):
            return {self.output: found or anything}
        found = found or dict.fromkeys(self._target, anything)
        return {f"{self.output}_{target}": found[target] for target in self._target}

    def _gathered(
        self, X: Any, y: Any, anew: bool
    ) -> tuple[Self, Table, Eras, list[Floats]]:
        """Return a copy of the estimator that holds the moments of these rows."""
        self.check_parameters()
        table, era = self._read(X)
        if y is None:
            raise ValueError(
                "StackingWeights requires y to be passed, but the target y is None"
            )
        self._warn_without_eras(table, era)
        by_name, called = read_targets(table, X, y)
        eras = find_eras(table, era)
        part = copy(self)
        part._forget(*_FOUND)
        if anew:
            part._start(table, era, called)
        check_same_targets(part._target, called, "y")
        part._check_names(table, part.gathered_columns())
        check_numbers(table, part.gathered_columns())
        names = [*part._target] if isinstance(part._target, dict) else [None]
        targets = [by_name[name] for name in names]
        held = [merged(of_one) for of_one in part._moments(table, eras, targets)]
        part.era_statistics_ = (
            dict(zip(names, held, strict=True)) if part._several else held[0]
        )
        return part, table, eras, targets

    def _start(self, table: Table, era: Name, target: Called) -> None:
        """Forget what was learned, and choose the columns."""
        self._forget(*(name for name in vars(self) if name.endswith("_")))
        self._choose_columns(table, era)
        self._target = target
        self._layout(table.names, self._replaced(table))
        self._record(table)

    def _forget(self, *attributes: str) -> None:
        for name in attributes:
            self.__dict__.pop(name, None)

    def _choose_columns(self, table: Table, era: Name) -> None:
        named = table.named and self.meta_model in table.names
        placed = not table.named and isinstance(self.meta_model, Integral)
        self._reference = self.meta_model if named else None
        if placed:
            self._reference = resolve(table, self.meta_model, "meta_model")[0]
        self.columns_ = prediction_columns(
            table, self.columns, era, without=[self._reference]
        )
        inputs = (
            columns_of_role(table, "prediction", era) if self.columns is None else []
        )
        self._inputs = list(dict.fromkeys(inputs + self.columns_))

    def _replaced(self, table: Table | None = None) -> list[Name]:
        return [name for name in super()._replaced(table) if name != self._reference]

    def _moments(
        self, table: Table, eras: Eras, targets: list[Floats]
    ) -> list[Statistics]:
        """Moments of each era with each target, and the labels of the eras."""

        def of_rows(rows: Rows) -> Floats:
            return np.ascontiguousarray([target[rows] for target in targets])

        inputs = {"X": block(table, self.columns_), "y": Input(["y"], of_rows)}
        if self._reference is not None:
            inputs["meta_model"] = block(table, [self._reference])

        def moments(
            models: Floats, targets: Floats, reference: Floats | None = None
        ) -> list[dict[str, Any]]:
            # Of missing and of huge values this is no number, or a huge one.
            with np.errstate(over="ignore"):
                total = np.einsum("ij,ij->", models, models)
            if not total <= HUGE**2:
                self._refuse(models)
            one = None if reference is None else reference[0]
            omit = self.nan_policy == "omit"
            return [
                era_moments(models, target, one, missing_as_zero=omit)
                for target in targets
            ]

        return gathered_each(Aligned(inputs, eras), moments)

    def _refuse(self, block: Floats) -> None:
        refuse_infinite("prediction", block, self.columns_)
        if self.nan_policy == "raise":
            refuse_missing("prediction", block, self.columns_, "nan_policy='omit'")
        huge, advice = too_large(block), "rank the column first, as EraRankGauss does"
        refuse(huge, "prediction", "huge", self.columns_, advice)

    def _check_fitted(self) -> None:
        if hasattr(self, "era_statistics_") and not hasattr(self, "weights_"):
            raise NotFittedError(
                "the eras that are held are too few for weights, or `finish` was not "
                "called: call it to find the weights, or to learn what is missing"
            )
        super()._check_fitted()

    def _kept_by(self) -> dict[str, list[Any]]:
        """Return what decided which moments are kept, by the names in `OF_ROWS`."""
        found = self._reference is not None
        return {
            "columns": self.columns_,
            "nan_policy": [self.nan_policy],
            "meta_model": [self._reference if found else self.meta_model],
            "era": [self.era],
            "single_era_rows": [*check_bounds(self.single_era_rows)],
        }

    def _learning(self, last: bool = True) -> Learning:
        # Not `get_params`: a subclass may fix a parameter that its `__init__` lacks.
        params = SimpleNamespace(
            **{**vars(self), "objective": objective_of(self.objective)}
        )
        held = self.era_statistics_
        return Learning(params, self.columns_, self._reference, held, last)

    def _blas_threads(self) -> AbstractContextManager[Any]:
        """Give BLAS threads for the products of a search: each era's moments, often."""
        return blas_threads(None, len(self.gathered_eras()), len(self.columns_))

    def _solve(self, last: bool = True) -> list[Learning]:
        """Find the weights, and return what they were found from, by target.

        Unless these eras are the ``last``, too few leave the weights open.
        """
        self._forget(*_FOUND)
        if isinstance(self._target, dict):
            parts = {target: self.of_target(target) for target in self._target}
        else:
            parts = {None: self}
        learnings = {target: part._learning(last) for target, part in parts.items()}
        for target, part in parts.items():
            try:
                part._find(learnings[target])
            except NotEnoughErasError as error:
                if not last:
                    return [*learnings.values()]
                tell(learnings)
                if not self._several:
                    raise
                raise NotEnoughErasError(f"target {target!r}: {error}") from error
        tell(learnings)
        if self._several:
            states = {target: vars(part) for target, part in parts.items()}
            self.__dict__ = side_by_side(states, _OF_TARGET)
        return [*learnings.values()]

    def _find(self, learning: Learning) -> None:
        """Find the weights of one target."""
        with self._blas_threads():
            found = learning.find(self.horizon_)
        words = self.payout or {} if self.objective == "payout" else ()
        warn_of_days([self.objective, *words], self._target)
        self.__dict__.update(found)
