"""Three questions about a tournament, answered in plain sentences: `analyze`."""

from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skbench._checks import listed
from skbench._eras import era_numbers
from skbench._frames import as_columns, at_labels, name_of, row_labels, target_name
from skbench.metrics import summarize

from ._compare import compare
from ._implied import implied_weights
from ._intervals import Intervals
from ._sentences import (
    about_comparison,
    about_synergy,
    about_underweight,
    about_weights,
)
from ._synergy import Synergy, synergy
from ._underweight import underweight


@dataclass(frozen=True)
class Analysis:
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
    y = y.rename(target_name(frame, y))
    intervals = Intervals.checked(y, horizon, confidence)
    own = None if model is None else _own(data, model)
    names = [name for name in data.models if not _is(model, name)]
    if not names:
        raise ValueError(
            f"`data` must hold a model beside `model`; it has {listed(data.models)}"
        )
    models, era = frame[names], frame[data.era]

    weights, board, first = _of_meta_model(data, models, y, intervals)
    pairs, second = _of_pairs(models, y, era, groups, intervals)
    comparison, third = None, []
    if own is not None:
        comparison = compare(own, models, y, era=era, **asdict(intervals))
        third = about_comparison(comparison, intervals.confidence, str(y.name))
    sentences = first + second + third
    n_eras = int(era[y.notna()].nunique())
    basis = (intervals.confidence, str(y.name), n_eras, intervals.horizon)
    return Analysis(weights, board, pairs, comparison, sentences, *basis)


def _target(data: Bunch, target: str | None) -> str:
    name = target
    if name is None and data.targets:
        name = data.targets[0]
    if not isinstance(name, str) or name not in data.frame:
        raise ValueError(
            f"`target` must be one of the targets in the data, {listed(data.targets)}; "
            f"got {target!r}"
        )
    _check_numbers(data, name, "target")
    return name


def _check_numbers(data: Bunch, name: str, parameter: str) -> None:
    kind = as_columns(data.frame[name], parameter).kind(name)
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
        if model not in frame:
            raise ValueError(
                f"`model` must be a column of the data, {listed(data.models)}, or "
                f"predictions; got {model!r}"
            )
        _check_numbers(data, model, "model")
        column: pd.Series = frame[model]
        return column
    values = at_labels(model, row_labels(frame), "model")
    return pd.Series(values, index=frame.index, name=name_of(model))


def _least(intervals: Intervals, eras: pd.Series) -> int:
    """How many eras an interval takes, of such eras."""
    numbers = np.sort(era_numbers(eras.unique().tolist()))
    return intervals.least_eras(numbers)


def _of_meta_model(
    data: Bunch, models: pd.DataFrame, y: pd.Series, intervals: Intervals
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, list[str]]:
    """Answer what the Meta Model consists of, and what it underweights."""
    if data.meta_model is None or data.frame[data.meta_model].isna().all():
        return None, None, ["Cannot tell what the Meta Model holds: the data lack it."]
    reference, era = data.frame[data.meta_model], data.frame[data.era]
    level, options = intervals.confidence, asdict(intervals)
    weights = implied_weights(reference, models, era=era)
    least = _least(intervals, era[reference.notna()])
    sentences = [about_weights(summarize(weights, **options), level, least)]
    scored = era[reference.notna() & y.notna()]
    if scored.nunique() < 2:
        sentences.append(
            "Cannot tell which models the Meta Model underweights: "
            f"{scored.nunique()} eras have both it and {y.name}."
        )
        return weights, None, sentences
    board = underweight(reference, models, y, era=era, **options)
    least = _least(intervals, scored)
    sentences.append(about_underweight(board, level, str(y.name), least))
    return weights, board, sentences


def _of_pairs(
    models: pd.DataFrame,
    y: pd.Series,
    era: pd.Series,
    groups: Mapping[Hashable, Hashable] | None,
    intervals: Intervals,
) -> tuple[Synergy | None, list[str]]:
    """Answer which models ensemble well."""
    if models.shape[1] < 2:
        return None, ["Cannot tell which models ensemble well: there is only one."]
    pairs = synergy(models, y, era=era, groups=groups, **asdict(intervals))
    least = _least(intervals, era[y.notna()])
    return pairs, [about_synergy(pairs, str(y.name), groups is not None, least)]
