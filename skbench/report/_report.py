"""`PerformanceReport`: what scores say of models, as numbers and as one page."""

import copy
from typing import Any, Self

from skbench._eras import check_horizon
from skbench.metrics import read_scores

from ._analysis import read_analysis
from ._inputs import read_correlations, read_exposures, read_made, read_weights
from ._live import horizon_in_rounds, live_tables
from ._numbers import collect, plain
from ._page import Page, checked_title, counted
from ._quantiles import read_quantiles


class PerformanceReport(Page):
    r"""Recent performance of models beside a benchmark, in one HTML file.

    The page needs no network and nothing installed. It has a list of the models that
    can be sorted, their scores added up, with a benchmark, the Meta Model or any of the
    models as a dotted line, their rolling mean and Sharpe, drawdowns, a heat strip of
    all eras, and the correlations of the models; weights, exposures and an analysis of
    the Meta Model where they are given.

    All numbers are those of `skbench.metrics.summarize`, over all eras with a score and
    over the last 52 and 13 of them, as far as there are more. Eras without a score are
    gaps, not zeros: they are left out of the numbers, and each number says on how many
    eras it rests. Models with far fewer eras than others stand beneath them, as in
    `skbench.metrics.leaderboard`. The correlations between models are those of their
    scores,

    .. math:: \rho_{ij} = \operatorname{corr}_t(s_{ti}, s_{tj})

    over the eras :math:`t` that both have (3 at least), unless others are given.

    Parameters
    ----------
    scores : DataFrame of shape (n_eras, n_models), or mapping of str to DataFrame
        One score an era and model, NaN where there is none; the index holds the eras.
        Several kinds of score by name, as `skbench.metrics.score_models` gives them; a
        frame alone is called "corr".
    benchmark : model name, Series of shape (n_eras,) or mapping, default=None
        What models are compared with: one of them, or its own scores by era. A Series
        holds the first kind of score; a mapping from the names of scores holds several.
    meta_model : model name, Series of shape (n_eras,) or mapping, default=None
        The scores of the Meta Model, as another choice to compare with.
    weights : mapping, Series or DataFrame, default=None
        Weight of each model, or a frame by model with columns "weight" and, if known,
        "low" and "high", its interval.
    exposures : DataFrame of shape (n_features, n_stages) or mapping, default=None
        Correlation with each feature, a column a stage such as "before" and "after"
        neutralisation. In a mapping, a stage is a Series by feature or a frame of
        shape (n_eras, n_features), as `skbench.metrics.feature_exposure` gives it for
        one model. What is shown is the size: of a frame the mean over eras of the
        absolute values, as in `FeatureExposureDisplay`, else the absolute value.
    quantiles : DataFrame of shape (n_eras, n_models * n_quantiles), default=None
        Mean target of the rows that each model ranks lowest, ..., highest, as
        `skbench.metrics.mean_target_by_quantile` gives it: shown as bars over the
        chosen eras, of one model at a time.
    correlations : DataFrame of shape (n_models, n_models), default=None
        Correlations of the models, such as those of their predictions.
    analysis : skbench.analysis.Analysis, default=None
        What `skbench.analysis.analyze` says of the Meta Model: a part of the page on
        what it consists of and lacks, and which models ensemble well. Its intervals are
        of the horizon and the confidence of the analysis.
    made : mapping of model name to str, default=None
        How predictions of models were made, in words, such as "out of sample from era
        0057"; shown beneath the list.
    target : str, default=None
        Name of the target, which sets the horizon as in `skbench.metrics.summarize`.
    horizon : int, default=None
        Over how many eras a score shares days with others, for the intervals, which
        hold the mean with a probability of 95 %. None: as ``target`` says.
    title : str, default="Performance of models"
        Heading of the page.

    Raises
    ------
    TypeError
        If ``analysis`` is something else.
    ValueError
        If there is no score at all, an era or model stands twice, a value is infinite,
        or an option cannot be used.

    See Also
    --------
    skbench.metrics.score_models : The scores of each era.
    skbench.metrics.mean_target_by_quantile : Targets by rank.
    skbench.metrics.leaderboard : The list of models as a frame.
    skbench.analysis.analyze : What the Meta Model lacks, in sentences.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.report import PerformanceReport
    >>> scores = pd.DataFrame({"a": [0.02, -0.01, 0.03, 0.04],
    ...                        "b": [0.01, 0.01, None, 0.02]},
    ...                       index=["0001", "0002", "0003", "0004"])
    >>> report = PerformanceReport(scores, benchmark="b", title="Two models")
    >>> report
    PerformanceReport('Two models': 2 models, 4 eras, scores: corr, benchmark: b)
    >>> first = report.to_dict()["summary"][0]
    >>> first["model"], first["mean"], first["n_eras"], first["low"]
    ('a', 0.02, 4, None)
    >>> round(first["differences"]["benchmark"]["mean"], 4)
    0.0033
    """

    _template = "report.html"
    _scripts = (
        "reference.js",
        "span.js",
        "rolling.js",
        "table.js",
        "charts.js",
        "drawdowns.js",
        "quantiles.js",
        "analysis.js",
        "page.js",
    )

    def __init__(
        self,
        scores: Any,
        *,
        benchmark: Any = None,
        meta_model: Any = None,
        weights: Any = None,
        exposures: Any = None,
        quantiles: Any = None,
        correlations: Any = None,
        analysis: Any = None,
        made: Any = None,
        target: str | None = None,
        horizon: int | None = None,
        title: str = "Performance of models",
    ) -> None:
        frames = read_scores(scores)
        horizon = check_horizon(horizon, target)
        horizons = dict.fromkeys(frames, horizon)
        numbers = collect(frames, benchmark, meta_model, horizons, {}, "era")
        self._numbers = {
            "title": checked_title(title),
            "unit": "era",
            **numbers,
            "correlations": plain(read_correlations(correlations)),
            "weights": plain(read_weights(weights)),
            "exposures": plain(read_exposures(exposures)),
            "quantiles": read_quantiles(quantiles, numbers, horizon),
            "analysis": read_analysis(analysis, numbers["eras"]),
            "made": read_made(made, numbers["models"]),
        }

    @classmethod
    def from_live(
        cls,
        scores: Any,
        *,
        benchmark: Any = None,
        meta_model: Any = None,
        horizon: int | None = None,
        title: str = "Performance in live rounds",
    ) -> Self:
        """Report the scores of live rounds.

        Rounds take the place of eras. Of the days of a round the last with a value
        counts. Scores that are not resolved may still change: they are drawn hollow and
        left out of all numbers. A round is shaded where a score of any model is open.

        Parameters
        ----------
        scores : pandas.DataFrame of shape (n_rows, n_columns)
            One row a model, round, score and day, in columns ``model``, ``round``,
            ``day``, ``resolved`` (bool), ``score`` and ``value``, as
            `skbench.datasets.load_scores` gives it.
        benchmark : str, Series of shape (n_rounds,) or mapping, default=None
            As for `PerformanceReport`; mostly the name of a model in ``scores``.
        meta_model : str, Series of shape (n_rounds,) or mapping, default=None
            As for `PerformanceReport`.
        horizon : int, default=None
            Over how many rounds a score shares days with others. None: the days in the
            name of the score ("corr20"), 60 if it has none, and 4 more, since rounds
            are a day apart.
        title : str, default="Performance in live rounds"
            Heading of the page.

        Returns
        -------
        report : PerformanceReport
            The report.

        Raises
        ------
        TypeError
            If ``scores`` is not a pandas frame.
        ValueError
            If a column is missing, a row stands twice, or there is no value.

        Examples
        --------
        >>> import pandas as pd
        >>> from skbench.report import PerformanceReport
        >>> scores = pd.DataFrame({"model": "a", "round": [1, 2, 2], "day": [20, 3, 4],
        ...                        "resolved": [True, False, False], "score": "corr20",
        ...                        "value": [0.02, 0.01, 0.04]})
        >>> numbers = PerformanceReport.from_live(scores).to_dict()
        >>> numbers["scores"]["corr20"]["values"], numbers["summary"][0]["mean"]
        ({'a': [0.02, 0.04]}, 0.02)
        >>> numbers["scores"]["corr20"]["unresolved"]
        ['2']
        """
        values, unresolved = live_tables(scores)
        frames = read_scores(values)
        horizons = {name: horizon_in_rounds(name) for name in frames}
        if horizon is not None:
            horizons = dict.fromkeys(frames, check_horizon(horizon, target=None))
        report = cls.__new__(cls)
        report._numbers = {
            "title": checked_title(title),
            "unit": "round",
            **collect(frames, benchmark, meta_model, horizons, unresolved, "round"),
            **dict.fromkeys(
                (
                    "correlations",
                    "weights",
                    "exposures",
                    "quantiles",
                    "analysis",
                    "made",
                )
            ),
        }
        return report

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers of the report.

        Returns
        -------
        numbers : dict
            Lists, dicts, strings and numbers that `json.dumps` takes; None is what is
            missing. ``summary`` has one dict a span, score and model; ``scores`` has
            the values of each era; ``models`` are sorted by the first score, those with
            fewer eras last, as in `skbench.metrics.leaderboard`, and of these alone
            ``shorter`` in the summary says how they differ from the best of the others;
            ``pairs`` has one dict a span and score, with the mean of each of its
            ``models`` less that of each one before it, over the eras that both have;
            ``quantiles`` has one dict a span and model, with the mean target of each
            group, its interval, and the ``spread`` of the last above the first;
            ``analysis`` has the sentences and frames of the analysis and, in its
            ``claims``, the sentence that answers each question; ``made`` is as it was
            given.
        """
        return copy.deepcopy(self._numbers)

    def __repr__(self) -> str:
        numbers = self._numbers
        parts = [
            counted(len(numbers["models"]), "model"),
            counted(numbers["spans"][0]["n_eras"], numbers["unit"]),
            f"scores: {', '.join(numbers['scores'])}",
        ]
        if numbers["benchmark"] is not None:
            parts.append(f"benchmark: {numbers['benchmark']['name']}")
        return f"{type(self).__name__}({numbers['title']!r}: {', '.join(parts)})"
