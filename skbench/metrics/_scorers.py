"""Scorers for scikit-learn, which read the eras, and what a metric needs, from X."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from skbench._checks import (
    check_choice,
    check_flag,
    did_you_mean,
    is_number,
    listed,
)
from skbench._eras import eras_lack, find_eras
from skbench._frames import (
    META_MODEL,
    Table,
    as_columns,
    as_table,
    check_numbers,
    columns_of_role,
    indexed,
    pick,
    present,
    resolve,
)
from skbench._score_names import find_score
from skbench.solvers.series import sharpe

from ._scores import correlation_contribution, feature_neutral_corr, numerai_corr

_REDUCTIONS: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "sharpe": sharpe}
_DEFAULTS = {"columns": {}, "era": "era", "reduce": "mean", "greater_is_better": True}


def era_scorer(
    metric: str | Callable[..., Any],
    *uncalled: Any,
    columns: Mapping[str, Any] | None = None,
    era: Any = "era",
    reduce: str | Callable[[Any], Any] = "mean",
    greater_is_better: bool = True,
    **options: Any,
) -> Callable[..., float]:
    """Make a scikit-learn scorer of a metric that scores era by era.

    The scorer predicts for all of X at once, reads the eras and the columns that the
    metric needs from X itself, and reduces the scores of the eras to one number. Where
    the estimator predicts several columns, that is the mean over these. Eras without a
    score are left out.

    Parameters
    ----------
    metric : str or callable
        The name of a score: "corr"; "mmc", the contribution to the column
        "numerai_meta_model"; "bmc", to the column that `columns` names as
        ``meta_model``; "fnc", neutral to all columns whose names start with "feature";
        or another word for one of these. Or a function of this module, or one that is
        called alike: with the keyword arguments ``y_pred``, ``era``, ``y_true`` if it
        names that parameter, those of `columns` and those of `options`. It returns a
        score an era: a series, or a frame with a column a model.
    *uncalled : object
        Nothing. Given where this function itself was passed as ``scoring``: what comes
        back then makes scikit-learn raise.
    columns : mapping from str to column names, default=None
        Parameters of the metric that are columns of X: a name, a position, a list of
        these or what `sklearn.compose.make_column_selector` returns. To pickle the
        scorer, no lambda. None: those that go with the name of a score.
    era : str, int or None, default="era"
        The era column of X: its name, or its position in an array. None: all rows are
        one era.
    reduce : {"mean", "sharpe"} or callable, default="mean"
        How the scores of the eras become one number: their mean, their mean over
        their standard deviation (``ddof=0``; NaN where they do not vary), or any
        function of the array of scores in order of the eras.
    greater_is_better : bool, default=True
        False changes the sign, as for an exposure that is to be small.
    **options : dict
        Further arguments of the metric, such as ``top_bottom=200``.

    Returns
    -------
    scorer : callable
        Takes an estimator, X and y and returns a float; for `scoring` in
        `sklearn.model_selection`. It raises ValueError where a column is missing or no
        era can be scored.

    Raises
    ------
    ValueError
        If an argument cannot be used.

    See Also
    --------
    contribution_scorer : The same for contribution to a column.

    Examples
    --------
    >>> from sklearn.compose import make_column_selector
    >>> from skbench.metrics import era_scorer, feature_neutral_corr
    >>> features = make_column_selector("^feature")
    >>> scorer = era_scorer(feature_neutral_corr, columns={"features": features})
    >>> era_scorer("mmc")
    era_scorer(correlation_contribution, columns={'meta_model': 'numerai_meta_model'})

    >>> import pandas as pd
    >>> from skbench import WeightedEnsemble
    >>> from skbench.metrics import numerai_corr_scorer
    >>> X = pd.DataFrame({"era": ["0001"] * 4, "a": [0.2, 0.1, 0.3, 0.4]})
    >>> round(numerai_corr_scorer(WeightedEnsemble().fit(X), X, [0, 0.25, 0.5, 1]), 4)
    0.7408
    """
    if uncalled:
        return _Uncalled("era_scorer(metric)")  # type: ignore[return-value]
    if isinstance(metric, str):
        metric, columns = _named(metric, columns)
    if not callable(metric):
        raise ValueError(
            "`metric` must be a function, or the name of a score such as 'corr'; got "
            f"{metric!r}"
        )
    if not (columns is None or isinstance(columns, Mapping)):
        raise ValueError(
            "`columns` must map parameters of the metric to columns of X; "
            f"got {columns!r}"
        )
    if not callable(reduce):
        check_choice("reduce", reduce, list(_REDUCTIONS))
    check_flag("greater_is_better", greater_is_better)
    return _EraScorer(
        metric, dict(columns or {}), era, reduce, greater_is_better, options
    )


def _named(name: str, columns: Any) -> tuple[Any, Any]:
    """Return the metric of a score's name, and the columns that it needs."""
    kind = find_score(name, _METRICS)
    if kind is None:
        raise ValueError(
            "`metric` must be a function, or the name of a score, one of "
            f"{listed(_METRICS)}; got {name!r}{did_you_mean(name, _METRICS)}"
        )
    metric, needed = _METRICS[kind]
    if columns is None and needed is None:
        raise ValueError(
            f"`columns` must name the benchmark for {name!r}: "
            "columns={'meta_model': 'v53_lgbm_ender20'}; got None"
        )
    return metric, needed if columns is None else columns


def _features(X: Any) -> list[Any]:
    """Select the feature columns."""
    return columns_of_role(as_table(X), "feature", None)


def contribution_scorer(
    column: Any = META_MODEL, *uncalled: Any, era: Any = "era", reduce: Any = "mean"
) -> Callable[..., float]:
    """Make a scorer of the contribution to a column of X: MMC, or BMC.

    Parameters
    ----------
    column : str or int, default="numerai_meta_model"
        The reference: the Meta Model or a benchmark; its name, or its position.
    *uncalled : object
        Nothing. Given where this function itself was passed as ``scoring``, without
        the brackets: what comes back then makes scikit-learn raise.
    era : str, int or None, default="era"
        The era column of X, as for `era_scorer`.
    reduce : {"mean", "sharpe"} or callable, default="mean"
        How the scores of the eras become one number, as for `era_scorer`.

    Returns
    -------
    scorer : callable
        Takes an estimator, X and y and returns a float.

    Raises
    ------
    ValueError
        If `reduce` cannot be used.

    See Also
    --------
    correlation_contribution : The metric.

    Examples
    --------
    >>> from skbench.metrics import contribution_scorer
    >>> contribution_scorer("v53_lgbm_ender20")
    era_scorer(correlation_contribution, columns={'meta_model': 'v53_lgbm_ender20'})
    """
    if uncalled:
        return _Uncalled("contribution_scorer()")  # type: ignore[return-value]
    return era_scorer(
        correlation_contribution, columns={"meta_model": column}, era=era, reduce=reduce
    )


@dataclass(frozen=True, repr=False, eq=False)
class _EraScorer:
    """What `era_scorer` returns; a class, because a closure could not be pickled."""

    metric: Callable[..., Any]
    columns: dict[str, Any]
    era: Any
    reduce: Any
    greater_is_better: bool
    options: dict[str, Any]

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score the predictions of a fitted estimator for whole eras."""
        table = as_table(X, object_array=True)
        inputs = self._inputs(table)
        if "y_true" in signature(self.metric).parameters:
            inputs["y_true"] = y
        inputs["y_pred"] = estimator.predict(X)
        scores = as_columns(indexed(self.metric(**inputs), "era"), "score")
        reduced = self._reduced(scores)
        if not reduced:
            raise ValueError(f"no era can be scored by {self!r}: {self._lack(inputs)}")
        score = float(np.mean(reduced))
        return score if self.greater_is_better else -score

    def __repr__(self) -> str:
        """Write the call that makes the scorer."""
        parts = [_name(self.metric)]
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={_name(value)}")
        parts += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"era_scorer({', '.join(parts)})"

    def _inputs(self, table: Table) -> dict[str, Any]:
        """Return the eras, the columns of X that the metric needs and its options."""
        inputs = dict(self.options)
        for parameter, columns in self.columns.items():
            names = resolve(table, columns, parameter)
            inputs[parameter] = pick(table, names)
        if self.era is None:
            inputs["era"] = np.zeros(table.n_rows, dtype=np.intp)
        else:
            inputs["era"] = pick(table, resolve(table, self.era, "era"))
        return inputs

    def _lack(self, inputs: dict[str, Any]) -> str:
        """Say which eras lack what of the inputs."""
        what = {"y_true": "a target", "y_pred": "a prediction"}
        for name, column in self.columns.items():
            what[name] = f"a value of {column!r}"
        found = {what[name]: present(inputs[name]) for name in what if name in inputs}
        eras = as_columns(inputs["era"], "era")
        return eras_lack(find_eras(eras, eras.names[0]), found)

    def _reduced(self, scores: Table) -> list[float]:
        """Reduce the scores of each column that has any."""
        check_numbers(scores, scores.names)
        reduce = _REDUCTIONS.get(self.reduce, self.reduce)
        block = scores.select(scores.names)(slice(0, scores.n_rows))
        series = [column[~np.isnan(column)] for column in block]
        reduced = [reduce(column) for column in series if column.size]
        for found in reduced:
            if not is_number(found):
                raise ValueError(f"`reduce` must return a number; got {found!r}")
        return reduced


class _Uncalled:
    """What a maker of scorers returns where it is called as if it were a scorer.

    An exception would become a score of NaN in scikit-learn's searches; what is no
    number they refuse, in words that show it.
    """

    def __init__(self, call: str) -> None:
        self.call = call

    def __repr__(self) -> str:
        """Say what to pass."""
        return f"nothing: pass scoring={self.call}, called, which makes the scorer"


def _name(value: Any) -> str:
    return getattr(value, "__name__", None) or repr(value)


# By the name of a score: its function, and columns of X where they go by themselves.
_METRICS: dict[str, tuple[Callable[..., Any], Mapping[str, Any] | None]] = {
    "corr": (numerai_corr, {}),
    "mmc": (correlation_contribution, {"meta_model": META_MODEL}),
    "bmc": (correlation_contribution, None),
    "fnc": (feature_neutral_corr, {"features": _features}),
}

numerai_corr_scorer = era_scorer(numerai_corr)
"""Scorer of the mean Numerai CORR over the eras: ``era_scorer(numerai_corr)``."""

sharpe_scorer = era_scorer(numerai_corr, reduce="sharpe")
"""Scorer of the mean over the standard deviation of the eras' Numerai CORR.

It is ``era_scorer(numerai_corr, reduce="sharpe")``.
"""
