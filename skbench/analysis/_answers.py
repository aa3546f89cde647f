"""Three questions about a tournament, answered in plain sentences: `analyze`."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skbench._aligned import align
from skbench._checks import did_you_mean, listed
from skbench._eras import era_numbers
from skbench._frames import as_columns, at_labels, name_of, row_labels, target_name
from skbench._shown import Part, Shown
from skbench.metrics import summarize

from ._compare import compare
from ._implied import implied_weights
from ._intervals import Floats, Intervals
from ._sentences import (
    about_comparison,
    about_synergy,
    about_underweight,
    about_weights,
)
from ._synergy import Synergy, synergy
from ._underweight import underweight


@dataclass(frozen=True, repr=False)
class Analysis(Shown):
    """What `analyze` found; None where the data do not hold what it takes.

    Attributes
    ----------
    implied_weights : pandas.DataFrame or None
        As `skbench.analysis.implied_weights` gives it.
    underweight : pandas.DataFrame or None
        As `skbench.analysis.underweight` gives it.
    synergy : Synergy or None
        As `skbench.analysis.synergy` gives it.
    comparison : pandas.DataFrame or None
        As `skbench.analysis.compare` gives it, for the model asked about.
    sentences : list of str
        The answers, with intervals.
    confidence : float
        Probability that all intervals are to have.
    target : str
        What was scored with.
    n_eras : int
        Number of eras that have the target.
    horizon : int
        Over how many eras scores share days with others.
    """

    implied_weights: pd.DataFrame | None
    underweight: pd.DataFrame | None
    synergy: Synergy | None
    comparison: pd.DataFrame | None
    sentences: list[str]
    confidence: float
    target: str
    n_eras: int
    horizon: int

    def _parts(self) -> list[Part]:
        names = ("implied_weights", "underweight", "synergy", "comparison")
        found = [name for name in names if getattr(self, name) is not None]
        return [
            f"Analysis of {self.n_eras} eras with {self.target}:",
            self.sentences,
            f"In full: {', '.join(found) or 'nothing'}",
        ]


def analyze(
    data: Bunch,
    *,
    model: Any = None,
    target: str | None = None,
    groups: Mapping[Hashable, Hashable] | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> Analysis:
    """Say what the Meta Model lacks, what ensembles well and how good a model still is.

    The three questions, and who answers them:

    - what does the Meta Model consist of, and which models does it underweight?
      `implied_weights` and `underweight`;
    - which models, or groups of them, ensemble well? `synergy`;
    - is my model still competitive? `compare`, where a model is given.

    A sentence says "cannot tell" where an interval holds 0, and how many eras would
    tell, if the number stayed as it is: half an interval shrinks with the root of the
    number of eras. The best of k models or pairs looks better than it is, so it is held
    to the joint interval, of a confidence of ``confidence ** (1 / k)`` (Sidak). The
    verdicts on a model are one by one: of 20 that could not be told apart, one may seem
    to be.

    Parameters
    ----------
    data : :class:`~sklearn.utils.Bunch`
        Tournament as `skbench.datasets.load_benchmark_models` and
        `make_benchmark_models` give it, with two models or more.
    model : str or array-like of shape (n_rows,), default=None
        One's own model: a column of ``data.frame``, which is then no benchmark, or its
        predictions. A pandas object is matched by its index, and may lack rows.
    target : str, default=None
        Target to score with; its name sets the horizon, where "target" stands for
        the column of the data of which it is a copy. None: the first of
        ``data.targets``.
    groups : mapping of model to label, default=None
        Group of each model, for `synergy`.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as the name of the
        target says, 13 where it does not.
    confidence : float, default=0.95
        Probability that an interval is to have.

    Returns
    -------
    analysis : Analysis
        The frames and, in ``sentences``, the answers.

    Raises
    ------
    ValueError
        If the data have no target, or what they have cannot be used.

    Examples
    --------
    >>> from skbench.analysis import analyze
    >>> from skbench.datasets import make_benchmark_models
    >>> data = make_benchmark_models(100, 1000, 3, meta_model_eras=80, random_state=0)
    >>> analysis = analyze(data, model=data.models[2], target="target_cyrus_20")
    >>> print(analysis.sentences[0])
    The models explain 80 % of the Meta Model (95 % interval 79 to 80 %, 80 eras);
    v53_lgbm_cyrus60 has the largest implied weight, 74 %
    (95 % interval 73 to 74 %, 80 eras).
    """
    frame, y = data.frame, data.frame[_target(data, target)]
    own = None if model is None else _own(data, model)
    return answers(
        frame[beside(data.models, model)],
        y.rename(target_name(frame, y)),
        frame[data.era],
        None if data.meta_model is None else frame[data.meta_model],
        own,
        groups=groups,
        horizon=horizon,
        confidence=confidence,
    )


def answers(
    models: Any,
    y: Any,
    era: Any,
    meta_model: Any = None,
    own: Any = None,
    *,
    groups: Mapping[Hashable, Hashable] | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> Analysis:
    """Answer the questions of `analyze`; columns may be read from files, again each."""
    intervals, target = Intervals.checked(y, horizon, confidence), str(name_of(y))
    with_y, with_meta_model, with_both = _eras_with(era, y, meta_model)
    weights, board, pairs, comparison = None, None, None, None
    sentences = ["Cannot tell what the Meta Model holds: the data lack it."]
    if with_meta_model:
        weights, of_weights = _of_meta_model(
            meta_model, models, era, intervals, with_meta_model
        )
        board, of_board = _of_board(
            meta_model, models, y, era, intervals, target, with_both
        )
        sentences = [of_weights, of_board]
    pairs, of_pairs = _of_pairs(models, y, era, groups, intervals, target, with_y)
    sentences += [of_pairs]
    if own is not None:
        comparison = compare(own, models, y, era=era, **asdict(intervals))
        name = str(name_of(own) or "the model")
        sentences += about_comparison(comparison, name, intervals.confidence, target)
    basis = (intervals.confidence, target, len(with_y), intervals.horizon)
    return Analysis(weights, board, pairs, comparison, sentences, *basis)


def beside(models: Sequence[str], model: Any) -> list[str]:
    """Return the models other than one's own, of which there must be some."""
    names = [name for name in models if not _is(model, name)]
    if not names:
        raise ValueError(
            f"`data` must hold a model beside `model`; it has {listed(models)}"
        )
    return names


def check_model(model: str, columns: Collection[str], models: Sequence[str]) -> None:
    """Refuse one's own model where no column is called so."""
    if model not in columns:
        raise ValueError(
            f"`model` must be a column of the data, {listed(models)}, or predictions; "
            f"got {model!r}{did_you_mean(model, columns)}"
        )


def _target(data: Bunch, target: str | None) -> str:
    name = target
    if name is None and data.targets:
        name = data.targets[0]
    if not isinstance(name, str) or name not in data.frame:
        raise ValueError(
            f"`target` must be one of the targets in the data, {listed(data.targets)}; "
            f"got {target!r}{did_you_mean(target, data.targets)}"
        )
    _check_numbers(data.frame[name], name, "target")
    return name


def _check_numbers(column: Any, name: str, parameter: str) -> None:
    kind = as_columns(column, parameter).kind(name)
    if kind not in ("float", "number"):
        raise ValueError(
            f"`{parameter}` must be a column of numbers; got {name!r}, of dtype {kind}"
        )


def _is(model: Any, name: str) -> bool:
    return isinstance(model, str) and model == name


def _own(data: Bunch, model: Any) -> pd.Series:
    """Return the model asked about as a column of the frame's rows."""
    frame = data.frame
    if isinstance(model, str):
        check_model(model, frame, data.models)
        column: pd.Series = frame[model]
        _check_numbers(column, model, "model")
        return column
    values = at_labels(model, row_labels(frame), "model")
    return pd.Series(values, index=frame.index, name=name_of(model))


def _eras_with(era: Any, y: Any, meta_model: Any) -> tuple[list[Any], ...]:
    """Return the eras that have a target, the Meta Model, and both in some row."""
    columns = {"y": y} if meta_model is None else {"y": y, "meta_model": meta_model}
    rows = align(columns, era, called="y", ranked=columns)

    def there(y: Floats, meta_model: Floats | None = None) -> list[bool]:
        targets = ~np.isnan(y[0])
        if meta_model is None:
            return [targets.any(), False, False]
        known = ~np.isnan(meta_model)
        return [targets.any(), known.any(), (targets & known).any()]

    found = np.array([*rows.by_era(there)])
    return tuple(
        [rows.eras.labels[i] for i in np.flatnonzero(column)] for column in found.T
    )


def _least(intervals: Intervals, eras: list[Any]) -> int:
    """How many eras an interval takes, of such eras."""
    return intervals.least_eras(np.sort(era_numbers(eras)))


def _of_meta_model(
    meta_model: Any, models: Any, era: Any, intervals: Intervals, eras: list[Any]
) -> tuple[pd.DataFrame, str]:
    """Answer what the Meta Model consists of."""
    weights = implied_weights(meta_model, models, era=era)
    summary = summarize(weights, **asdict(intervals))
    least = _least(intervals, eras)
    return weights, about_weights(summary, intervals.confidence, least)


def _of_board(
    meta_model: Any,
    models: Any,
    y: Any,
    era: Any,
    intervals: Intervals,
    target: str,
    eras: list[Any],
) -> tuple[pd.DataFrame | None, str]:
    """Answer which models the Meta Model underweights."""
    if len(eras) < 2:
        return None, (
            "Cannot tell which models the Meta Model underweights: "
            f"{len(eras)} eras have both it and {target}."
        )
    board = underweight(meta_model, models, y, era=era, **asdict(intervals))
    least = _least(intervals, eras)
    return board, about_underweight(board, intervals.confidence, target, least)


def _of_pairs(
    models: Any,
    y: Any,
    era: Any,
    groups: Mapping[Hashable, Hashable] | None,
    intervals: Intervals,
    target: str,
    eras: list[Any],
) -> tuple[Synergy | None, str]:
    """Answer which models ensemble well."""
    if len(as_columns(models, "models").names) < 2:
        return None, "Cannot tell which models ensemble well: there is only one."
    pairs = synergy(models, y, era=era, groups=groups, **asdict(intervals))
    least = _least(intervals, eras)
    return pairs, about_synergy(pairs, target, groups is not None, least)
