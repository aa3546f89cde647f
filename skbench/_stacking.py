"""Weights learned from validation targets: `StackingWeights`."""

import warnings
from collections.abc import Hashable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from ._base import prediction_columns
from ._checks import (
    HUGE,
    check_bounds,
    check_choice,
    check_confidence,
    check_count,
    check_flag,
    check_name,
    check_share,
    is_number,
    listed,
)
from ._ensemble import WeightedEnsemble
from ._era_statistics import Statistics, gathered, merged, part_of
from ._eras import Eras, Rows, check_horizon, chronological, era_numbers, find_eras
from ._frames import (
    Table,
    aligned_target,
    check_numbers,
    columns_of_role,
    resolve,
    target_name,
    too_large,
)
from ._warnings import warn
from .kernels.moments import era_moments
from .kernels.score import correlation_contribution, numerai_corr
from .solvers.weight_intervals import of_weights
from .solvers.weights import NotEnoughErasError, Problem, presence

Name = Hashable
_OBJECTIVES = ("corr", "sharpe", "mse", "contribution", "payout")
_SCORES = ("corr", "contribution")
_SEARCHES = ("slsqp", "greedy")
# What `refit` cannot change nor `merge` mix: it decides which moments are kept.
_OF_ROWS = ("columns", "nan_policy", "meta_model", "era", "single_era_rows")
_MOST_ITERATIONS = 1_000_000
# Share of lost rows from which on a warning names the columns that cost them.
_MANY = 0.2


class StackingWeights(WeightedEnsemble):
    r"""Blend prediction columns by weights learned from validation targets.

    The weights w sum to one and maximise an objective of the blend :math:`Xw`, where
    :math:`\rho_e` is its Pearson correlation with the target in era e:

    - "corr": the mean over eras of :math:`\rho_e`;
    - "sharpe": that mean over its standard deviation (``ddof=0``);
    - "mse": least squares on all rows, each era centred and weighing the same, with
      the scale free: Breiman's stacking;
    - "contribution": the mean over eras of the contribution to the reference (the Meta
      Model) of the blend, scaled to unit variance;
    - "payout": the sum of the first and the fourth times their multipliers, over the
      eras that have both. Clips are not modelled.

    An era in which a blend has no value, because all columns with a weight lack it, is
    left out of the objective of that blend, as `score` leaves it out; the others then
    share its weight. A blend that has values but is constant scores 0.

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

    With "omit" a column that does well in its few eras may win against those that are
    there in all, since its blend is judged by these few: a warning says so where over
    20 % of the eras are lost. A column may also get a weight of 0.001, which keeps the
    eras that lack the others.

    Parameters
    ----------
    objective : {"corr", "sharpe", "mse", "contribution", "payout"}, default="corr"
        What the weights are to maximise.
    columns : str, int, list of these or callable, default=None
        Columns to blend: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every prediction column.
    output : str, default="prediction"
        Name of the output column.
    payout : mapping of str to float, default=None
        For the objective "payout": multipliers of "corr" and "contribution".
    nonnegative : bool, default=True
        Whether weights must not be negative. Otherwise their absolute sum is one.
    max_weight : float, default=1.0
        Largest absolute weight, above 0 and at most 1.
    prior : mapping from column to float, default=None
        Weights believed in beforehand, scaled to sum one. None: equal weights.
    shrinkage : float or "auto", default=0.0
        Share of the prior in the weights, between 0 and 1. "auto": the one of 0, 0.1,
        ... 1 that does best on later eras, over five expanding folds, with
        ``horizon`` eras left out in between. Where weights may be negative, they
        are then scaled to absolute sum one again: one that would exceed ``max_weight``
        is cut to it, and the others get the rest in proportion. Where the prior cancels
        all weights, they are the prior.
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
    era_statistics_ : dict of str to ndarray
        Moments of each era held, one entry an era, in the order of the eras.
    n_iter_ : int
        Iterations of the ascent that found the weights, or picks of the selection.
    n_eras_ : int
        Eras that the weights rest on.
    n_rows_ : int
        Rows that the weights rest on.
    n_eras_left_out_ : int
        Further eras held: without a target, a complete row (with "omit": a column with
        3 values) or, where it is needed, the reference.
    n_rows_left_out_ : int
        Further rows of all eras held.
    shrinkage_ : float
        Share of the prior in the weights.
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
    """

    _fitted_by = "weights_"

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
        y : array-like of shape (n_rows,)
            Targets, NaN where there is none yet; a pandas object must have the index
            of X.

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
        learned, table, eras, target = self._gathered(X, y, anew=True)
        problem, scored = learned._solve()
        learned._rescore(problem, scored, table, eras, target)
        self.__dict__ = learned.__dict__
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Learn from further eras, with the result of `fit` on all of them.

        As long as too few eras have a target, there are no weights yet.

        Parameters
        ----------
        X : DataFrame, Table or array of shape (n_rows, n_columns)
            Whole eras, none of them held already.
        y : array-like of shape (n_rows,)
            Targets, NaN where there is none yet.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If an era is held already, or the rows cannot be used.
        """
        learned, *_ = self._gathered(X, y, anew=not hasattr(self, "era_statistics_"))
        learned._solve_if_possible()
        self.__dict__ = learned.__dict__
        return self

    def merge(self, other: "StackingWeights") -> Self:
        """Take over the eras of another, with the result of `fit` on all of them.

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
        for estimator in (self, other):
            if not hasattr(estimator, "era_statistics_"):
                raise NotFittedError("merge needs two fitted StackingWeights")
        own, others = self._kept_by(), other._kept_by()
        for name in _OF_ROWS:
            if own[name] != others[name]:
                raise ValueError(
                    f"cannot merge what was learned with another `{name}`: "
                    f"{listed(own[name])} and {listed(others[name])}. Fit both alike"
                )
        learned = copy(self)
        if learned._reference is None:
            learned._reference = other._reference
        learned._hold(other.era_statistics_)
        learned._solve_if_possible()
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
        if fixed := [name for name in params if name in _OF_ROWS]:
            raise ValueError(
                f"`{fixed[0]}` decides what is kept of the rows: refit cannot change "
                "it, fit can"
            )
        if not hasattr(self, "era_statistics_"):
            raise NotFittedError("refit needs a fitted StackingWeights")
        learned = copy(self).set_params(**params)
        learned._check_parameters()
        learned._solve()
        self.__dict__ = learned.__dict__
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that `fit` needs a target."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("objective", self.objective, _OBJECTIVES)
        check_choice("search", self.search, _SEARCHES)
        check_flag("nonnegative", self.nonnegative)
        if not isinstance(self.meta_model, Integral | None):
            check_name("meta_model", self.meta_model)
        if not (isinstance(self.shrinkage, str) and self.shrinkage == "auto"):
            check_share("shrinkage", self.shrinkage)
        if not is_number(self.max_weight) or not 0 < self.max_weight <= 1:
            raise ValueError(
                f"`max_weight` must be above 0 and at most 1; got {self.max_weight!r}"
            )
        if self.halflife is not None and not _positive(self.halflife):
            raise ValueError(f"`halflife` must be above 0; got {self.halflife!r}")
        check_count("max_iter", self.max_iter, 1, _MOST_ITERATIONS)
        check_horizon(self.horizon, None)
        check_confidence(self.confidence)
        self._check_payout()

    def _check_payout(self) -> None:
        if self.objective != "payout":
            return
        payout = self.payout
        valid = (
            isinstance(payout, Mapping)
            and payout
            and set(payout) <= set(_SCORES)
            and all(is_number(v) and abs(v) <= HUGE for v in payout.values())
        )
        if not valid:
            raise ValueError(
                "`payout` must map 'corr' and 'contribution' to their multipliers, of "
                f"size {HUGE:g} at most, as in "
                f"{{'corr': 3.0, 'contribution': 15.0}}; got {payout!r}"
            )

    # What is kept of the rows.

    def _gathered(
        self, X: Any, y: Any, anew: bool
    ) -> tuple[Self, Table, Eras, NDArray[np.float64]]:
        """Return a copy of the estimator that holds the moments of these rows too."""
        self._check_parameters()
        table, era = self._read(X)
        if y is None:
            raise ValueError(
                "StackingWeights requires y to be passed, but the target y is None"
            )
        self._warn_without_eras(table, era)
        target = aligned_target(table, y)
        eras = find_eras(table, era)
        learned = copy(self)
        if anew:
            learned._start(table, era, target_name(X, y))
        learned._check_names(table, learned._read_columns())
        check_numbers(table, learned._read_columns())
        learned._hold(learned._moments(table, eras, target))
        return learned, table, eras, target

    def _start(self, table: Table, era: Name, target: str | None) -> None:
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

    def _read_columns(self) -> list[Name]:
        """Columns that learning reads: all, not just those that get a weight."""
        return self.columns_ + [name for name in [self._reference] if name is not None]

    def _used(self) -> list[Name]:
        return super()._used() if hasattr(self, "weights_") else self._read_columns()

    def _moments(
        self, table: Table, eras: Eras, target: NDArray[np.float64]
    ) -> Statistics:
        """Moments of each era, and the labels of the eras."""
        fetch = table.select(self.columns_)
        fetch_reference = None
        if self._reference is not None:
            fetch_reference = table.select([self._reference])

        def moments(rows: Rows) -> dict[str, Any]:
            block = np.ascontiguousarray(fetch(rows), dtype=np.float64)
            # Of missing and of huge values this is no number, or a huge one.
            with np.errstate(over="ignore"):
                total = np.einsum("ij,ij->", block, block)
            if not total <= HUGE**2:
                self._check_values(block, self.columns_)
                self._check_sizes(block)
            reference = None
            if fetch_reference is not None:
                reference = fetch_reference(rows)[0].astype(np.float64)
            omit = self.nan_policy == "omit"
            return era_moments(block, target[rows], reference, missing_as_zero=omit)

        return gathered(moments, eras)

    def _check_sizes(self, block: NDArray[np.float64]) -> None:
        for column, name in zip(block, self.columns_, strict=True):
            if huge := int(too_large(column).sum()):
                raise ValueError(
                    f"prediction column {name!r} has {huge} huge values, whose squares "
                    "have no sum: rank it first, as EraRankGauss does"
                )

    def _kept_by(self) -> dict[str, list[Any]]:
        """Return what decided which moments are kept, by the names in `_OF_ROWS`."""
        found = self._reference is not None
        return {
            "columns": self.columns_,
            "nan_policy": [self.nan_policy],
            "meta_model": [self._reference if found else self.meta_model],
            "era": [self.era],
            "single_era_rows": [*check_bounds(self.single_era_rows)],
        }

    def _hold(self, new: Statistics) -> None:
        """Add the statistics of further eras to those that are held."""
        held = getattr(self, "era_statistics_", None)
        self.era_statistics_ = merged(held, new)

    # What is made of it.

    def _solve(self) -> tuple[Problem, NDArray[np.intp]]:
        """Find the weights; return the problem, and the positions of its eras."""
        problem, usable, scored = self._problem()
        found = problem.solve()
        weights, self.n_iter_ = found.weights, found.n_iter
        if not found.optimal:
            warn(
                f"the search for weights stopped short of an optimum, with `max_iter` "
                f"{self.max_iter}: the best weights found are kept",
                ConvergenceWarning,
            )
        if not weights.any():
            warn(
                "no non-negative weights help to predict the target: the prior is kept",
            )
            weights = problem.prior
        if self.shrinkage == "auto":
            self.shrinkage_ = problem.best_shrinkage(self._horizon())
        else:
            self.shrinkage_ = float(self.shrinkage)
        weights = problem.shrunk(weights, self.shrinkage_)
        self._warn_of_lost_eras(problem, weights)
        self.weights_ = self._by_column(usable, weights)
        self.n_eras_ = scored.size
        counted = "reference_n_rows" if self.objective == "contribution" else "n_rows"
        self.n_rows_ = int(self.era_statistics_[counted][scored].sum())
        self.n_eras_left_out_ = self.era_statistics_["n_rows"].size - self.n_eras_
        self.n_rows_left_out_ = int(self.era_statistics_["n_all"].sum()) - self.n_rows_
        value = problem.value(weights)
        self.train_score_ = {
            "objective": self.objective,
            "optimised": value if np.isfinite(value) else np.nan,
        }
        self._forget("weights_interval_")
        return problem, scored

    def _solve_if_possible(self) -> None:
        """Solve, or leave the weights open until there are eras enough."""
        try:
            self._solve()
        except NotEnoughErasError:
            self._forget("weights_", "weights_interval_", "train_score_")

    def _problem(self) -> tuple[Problem, NDArray[np.intp], NDArray[np.intp]]:
        """Return the problem, and the positions of the columns and eras in play."""
        held = self.era_statistics_
        usable = self._usable(held)
        scored = (held["n_rows"] > 0) & (held["target_variance"] > 0)
        if self.nan_policy != "omit":
            absent = held["n_missing"] == held["n_target"][:, None]
            scored &= ~absent[:, usable].any(axis=1)
        self._warn_of_lost_rows(held, usable, scored)
        scored &= self._has_reference(held)
        scored &= presence(held, self._scores())[:, usable].any(axis=1)
        eras = np.flatnonzero(scored)
        # Live eras without targets may have left all of them in the order of text.
        eras = eras[chronological(held["era"][eras].tolist(), needed=False)]
        least = 2 if self.objective == "sharpe" else 1
        if eras.size < least:
            raise NotEnoughErasError(
                f"objective {self.objective!r} needs at least {least} eras with 3 or "
                f"more complete rows, a target that varies{self._what_else()}; "
                f"{eras.size} of {scored.size} have them "
                f"(n_samples = {held['n_target'].sum()} with a target)"
            )
        if usable.size * self.max_weight < 1 - 1e-12:
            hopeless = len(self.columns_) * self.max_weight < 1 - 1e-12
            raise (ValueError if hopeless else NotEnoughErasError)(
                f"`max_weight` must be at least 1/{usable.size}, as {usable.size} "
                f"columns share the weight; got {self.max_weight!r}"
            )
        problem = Problem(
            part_of(held, eras, usable),
            numbers=self._numbers(held["era"][eras].tolist()),
            prior=self._prior(usable),
            objective=self.objective,
            multipliers=dict(self._scores()) if self.objective == "payout" else None,
            signed=not self.nonnegative,
            max_weight=float(self.max_weight),
            search=self.search,
            max_iter=self.max_iter,
            halflife=None if self.halflife is None else float(self.halflife),
        )
        return problem, usable, eras

    def _numbers(self, labels: list[Hashable]) -> NDArray[np.float64]:
        """Return where the eras stand in time, as far as that makes a difference."""
        timed = self.halflife is not None or self.shrinkage == "auto"
        if timed:
            return era_numbers(labels)
        return np.arange(len(labels), dtype=np.float64)

    def _usable(self, held: Statistics) -> NDArray[np.intp]:
        """Return the positions of the columns that vary; warn of the others."""
        varies = held["varies"].any(axis=0)
        if not varies.any() and (held["n_rows"] > 0).any():
            raise NotEnoughErasError(
                f"every column is constant: {listed(self.columns_)}"
            )
        names = np.array(self.columns_, dtype=object)
        if (held["n_rows"] > 0).any() and not varies.all():
            warn(
                f"{listed(names[~varies])} constant or missing throughout: weight 0",
            )
        odd = varies & ~held["standardized"].all(axis=0)
        if odd.any():
            warn(
                f"{listed(names[odd])} not standardised within each era, so that "
                "weights depend on the scale: put EraRankGauss before StackingWeights",
                DataConversionWarning,
            )
        return np.flatnonzero(varies)

    def _warn_of_lost_rows(
        self,
        held: Statistics,
        usable: NDArray[np.intp],
        scored: NDArray[np.bool_],
    ) -> None:
        total = int(held["n_target"].sum())
        lost = total - int(held["n_rows"][scored].sum())
        gaps = held["n_missing"][:, usable].sum(axis=0)
        if self.nan_policy == "omit" or not gaps.any() or lost <= _MANY * total:
            return
        names = [self.columns_[i] for i in usable[gaps > 0]]
        warn(
            f"{lost / total:.0%} of the rows with a target are left out, because "
            f"{listed(names)} have missing values there: drop these columns, or choose "
            "nan_policy='omit'",
        )

    def _warn_of_lost_eras(
        self, problem: Problem, weights: NDArray[np.float64]
    ) -> None:
        lost = ~problem.present()[:, weights != 0].any(axis=1)
        if lost.mean() > _MANY:
            warn(
                f"the weights rest on {(~lost).sum()} of {lost.size} scored eras: in "
                "the others no column with a weight has predictions, so neither the "
                "objective nor `score` counts them. Drop columns with few eras, or use "
                "`shrinkage`",
            )

    def _has_reference(self, held: Statistics) -> NDArray[np.bool_]:
        """Whether each era has what the objective needs of the reference."""
        if "contribution" not in self._scores():
            return np.ones(held["n_rows"].size, dtype=bool)
        if self._reference is None:
            raise ValueError(
                f"objective {self.objective!r} needs the reference: X had no column "
                f"{self.meta_model!r} (`meta_model`) at fit"
            )
        # A constant reference explains nothing: its square is 0, and its score none.
        return (held["reference_n_rows"] > 0) & (held["reference_square"] > 0)

    def _prior(self, usable: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the prior of the columns in play; its absolute values sum to one."""
        if self.prior is None:
            return np.full(usable.size, 1.0 / usable.size)
        if not isinstance(self.prior, Mapping):
            raise ValueError(
                "`prior` must be a mapping from column to weight, or None for equal "
                f"weights; got {self.prior!r}"
            )
        if other := [name for name in self.prior if name not in self.columns_]:
            raise ValueError(
                f"`prior` names {listed(other)}, which is not among the columns "
                f"{listed(self.columns_)}"
            )
        values = [self.prior.get(self.columns_[i], 0.0) for i in usable]
        most = HUGE
        least = 0.0 if self.nonnegative else -most
        if not all(is_number(v) and least <= v <= most for v in values):
            raise ValueError(
                f"`prior` must hold weights from {least:g} to {most:g}; got "
                f"{self.prior!r}"
            )
        total = np.abs(values).sum()
        if not total:
            raise NotEnoughErasError(
                "`prior` must give some column that varies a weight"
            )
        prior: NDArray[np.float64] = np.array(values, dtype=np.float64) / total
        if np.abs(prior).max() > self.max_weight + 1e-12:
            raise ValueError(
                f"`prior` exceeds `max_weight` {self.max_weight!r} once it sums to one"
            )
        return prior

    def _horizon(self) -> int:
        return check_horizon(self.horizon, self._target)

    def _by_column(
        self, usable: NDArray[np.intp], weights: NDArray[np.float64]
    ) -> dict[Name, float]:
        given = dict.fromkeys(self.columns_, 0.0)
        given.update(
            {self.columns_[i]: float(w) for i, w in zip(usable, weights, strict=True)}
        )
        return given

    @cached_property
    def weights_interval_(self) -> dict[Name, tuple[float, float]]:
        """Interval of each weight, found when first asked for.

        Returns
        -------
        intervals : dict of str or int to (float, float)
            Lower and upper end, in column order.
        """
        check_is_fitted(self, "weights_")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fit has said all of it
            problem, usable, scored = self._problem()
        numbers = era_numbers(self.era_statistics_["era"][scored].tolist())
        horizon, learned = self._horizon(), problem.best_weights()
        problem = replace(problem, numbers=numbers)
        ends = of_weights(problem, learned, horizon, self.confidence)
        low = high = np.full(usable.size, np.nan)
        if ends is None:
            warn(
                f"weights have an interval from two horizons of eras on, of {horizon} "
                f"eras each; {numbers.size} are scored",
            )
        else:
            weights = np.array([self.weights_[self.columns_[i]] for i in usable])
            low, high = (self._shrunk_each(problem, blends) for blends in ends)
            low, high = np.minimum(low, weights), np.maximum(high, weights)
        lows, highs = self._by_column(usable, low), self._by_column(usable, high)
        return {name: (lows[name], highs[name]) for name in lows}

    def _shrunk_each(
        self, problem: Problem, blends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Shrink blends, one for each weight, and take that weight of it."""
        shrunk = [problem.shrunk(blend, self.shrinkage_) for blend in blends]
        return np.diagonal(shrunk)

    def _rescore(
        self,
        problem: Problem,
        scored: NDArray[np.intp],
        table: Table,
        eras: Eras,
        target: NDArray[np.float64],
    ) -> None:
        """Score the blend exactly, as the tournament does, in the eras learned from."""
        blend = self._compute(table, eras)
        reference = None
        if self._reference is not None:
            fetch = table.select([self._reference])
            reference = fetch(slice(None))[0].astype(np.float64)
        rows_of = dict(zip(eras.labels, eras.rows, strict=True))
        exact = np.zeros(scored.size)  # NaN where the blend has no value
        for i, label in enumerate(self.era_statistics_["era"][scored]):
            rows = rows_of[label]
            for name, multiplier in self._scores().items():
                if name == "corr":
                    score = numerai_corr(blend[:, rows], target[rows])
                else:
                    assert reference is not None  # or there was no problem to solve
                    score = correlation_contribution(
                        blend[:, rows], target[rows], reference[rows]
                    )
                exact[i] += multiplier * score[0]
        if np.isnan(exact).all():
            self.train_score_["exact"] = np.nan
            return
        counted = ~np.isnan(exact)
        weights, exact = problem.era_weights(counted)[counted], exact[counted]
        mean = float(weights @ exact)
        if self.objective == "sharpe":
            spread = float(np.sqrt(weights @ (exact - mean) ** 2))
            mean = mean / spread if spread > 0 else 0.0
        self.train_score_["exact"] = mean

    def _what_else(self) -> str:
        needed = "contribution" in self._scores()
        return f" and the reference {self.meta_model!r}" if needed else ""

    def _scores(self) -> Mapping[str, float]:
        """Multiplier of each score of the tournament that the objective stands for."""
        if self.objective == "payout":
            return {name: float(m) for name, m in (self.payout or {}).items()}
        return {"contribution" if self.objective == "contribution" else "corr": 1.0}


def _positive(value: Any) -> bool:
    return is_number(value) and 0 < value < np.inf
