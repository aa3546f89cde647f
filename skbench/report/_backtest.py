"""`BacktestReport`: what a backtest found, as numbers and as one page."""

import copy
from collections.abc import Mapping
from typing import Any

import pandas as pd

from skbench._eras import chronological
from skbench._score_names import score_title, sum_in_words
from skbench.metrics import about_shorter, compare_shorter, summarize, union
from skbench.model_selection import Backtest

from ._numbers import explained, plain
from ._page import Page, checked_title, counted

_DRAWN = 8  # models with an area of their own
_ENDS = ("", "_low", "_high")
_COLUMNS = ("sharpe", "max_drawdown", "n_eras", *(f"difference{end}" for end in _ENDS))


class BacktestReport(Page):
    """Ensembles judged out of sample, in one HTML file.

    The page needs no network and nothing installed. On top it says in a sentence
    whether anything can be told from equal weights. Below is the evidence: the list of
    candidates, their scores added up, the difference of one from equal weights with
    the band of its mean, its weights over time, and what neutralising does.

    All numbers are those of `skbench.model_selection.Backtest`, of its horizon and its
    confidence. Neutralisation is judged by paired differences: of each candidate from
    the one that differs in nothing but the proportion, which is 0.

    Parameters
    ----------
    found : skbench.model_selection.Backtest
        What `skbench.model_selection.backtest` found.
    title : str, default="Backtest"
        Heading of the page.

    Raises
    ------
    TypeError
        If ``found`` is something else.
    ValueError
        If the title is empty.

    See Also
    --------
    skbench.model_selection.backtest : Walk pipelines forward, and score them.
    PerformanceReport : Scores of any models, on a page.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.model_selection import backtest
    >>> from skbench.report import BacktestReport
    >>> data = make_benchmark_models(90, 100, 3, random_state=0)
    >>> ensemble = make_pipeline(EraRankGauss(), StackingWeights(shrinkage="bayes"))
    >>> found = backtest({"learned": ensemble}, data.frame, data.frame["target"])
    >>> report = BacktestReport(found)
    >>> report
    BacktestReport('Backtest': 3 candidates, 64 eras, scores: corr, mmc)
    >>> numbers = report.to_dict()
    >>> numbers["scores"]["corr"]["verdict"] == found.verdict()
    True
    """

    _template = "backtest.html"
    _scripts = ("backtest.js",)

    def __init__(self, found: Backtest, *, title: str = "Backtest") -> None:
        if not isinstance(found, Backtest):
            raise TypeError(
                "`found` must be what skbench.model_selection.backtest gives; "
                f"got {type(found).__name__}"
            )
        summary = found.summary()
        kinds = _kinds(found)
        numbers = {
            "title": checked_title(title),
            "unit": "era",
            "confidence": found.confidence,
            "horizon": found.horizon,
            "eras": [str(era) for era in found.scores["corr"].index],
            "windows": _windows(found),
            "candidates": [
                {
                    "name": name,
                    "kind": kinds.get(name),
                    "rivals": dict(found.rivals.get(name, {})),
                }
                for name in summary.index
            ],
            "scores": {score: _score(found, score, summary) for score in found.scores},
            "weights": {name: _weights(path) for name, path in found.weights.items()},
            "curves": [
                _curve(found, curve)
                for curve in found.curves
                if len(curve) > 1 and 0.0 in curve
            ],
        }
        self._numbers = plain(numbers)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers of the report.

        Returns
        -------
        numbers : dict
            Lists, dicts, strings and numbers that `json.dumps` takes; None is what is
            missing. ``scores`` has for each of them the verdict, the list as one dict a
            candidate, cumulative scores, and cumulative differences from equal weights
            with their bands; ``weights`` has those of each window; ``curves`` has the
            differences from proportion 0.
        """
        return copy.deepcopy(self._numbers)

    def __repr__(self) -> str:
        numbers = self._numbers
        return (
            f"BacktestReport({numbers['title']!r}: "
            f"{counted(len(numbers['candidates']), 'candidate')}, "
            f"{counted(len(numbers['eras']), 'era')}, "
            f"scores: {', '.join(numbers['scores'])})"
        )


def _shorter(found: Backtest, score: str, summary: pd.DataFrame) -> dict[str, str]:
    """Say of candidates with fewer eras than others how they compare with the best."""
    scores = found.scores[score]
    columns = {score: "mean", f"{score}_n_eras": "n_eras"}
    numbers = summary.loc[scores.columns, [*columns]].rename(columns=columns)
    compared = compare_shorter(scores, numbers, **_settings(found))
    rows = compared.join(numbers["n_eras"]).to_dict("index")
    return {str(name): about_shorter(name, row, "era") for name, row in rows.items()}


def _settings(found: Backtest) -> dict[str, Any]:
    return {"horizon": found.horizon, "confidence": found.confidence}


def _kinds(found: Backtest) -> dict[str, str]:
    """Say of those that candidates stand against what they are, by name."""
    several = found.rivals.values()
    return {name: kind for rivals in several for kind, name in rivals.items()}


def _windows(found: Backtest) -> list[str]:
    """First era of each window in which a candidate has weights of its own."""
    labels = union(path.index for path in found.weights.values())
    return [str(labels[i]) for i in chronological(labels)]


def _score(found: Backtest, score: str, summary: pd.DataFrame) -> dict[str, Any]:
    """Return all that a page shows of one score."""
    joint = found.joint_intervals(score)
    shorter = _shorter(found, score, summary)
    table = pd.DataFrame(
        {
            **{f"mean{end}": summary[score + end] for end in _ENDS},
            **{name: summary[f"{score}_{name}"] for name in _COLUMNS},
            **{f"joint_{end}": joint[end] for end in ("low", "high")},
            "turnover": summary["turnover"],
            "exposure": summary["exposure"],
        },
        index=summary.index,
    )
    rows = table.astype({"n_eras": int}).to_dict("index")
    return {
        "label": score_title(score),
        "explained": _paid(found) if score == "payout" else explained(score),
        "verdict": found.verdict(score),
        "best": found.best(score),
        "n_candidates": len(joint),
        "table": [
            {"name": name, "shorter": shorter.get(name)} | rows[name]
            for name in table.index
        ],
        "cumulative": _by_name(found.scores[score].cumsum()),
        "differences": _differences(found.differences(score), table),
    }


def _paid(found: Backtest) -> str:
    """Say what the payout is the sum of."""
    return sum_in_words(found.payout or {})


def _by_name(frame: pd.DataFrame) -> dict[str, list[float]]:
    return {str(name): frame[name].tolist() for name in frame}


def _differences(differences: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Sum up what is so far; beside it, each end of an interval times the eras."""
    counts = differences.notna().cumsum().where(differences.notna())
    ends = {
        name: counts * table.loc[counts.columns, column]
        for name, column in (
            ("low", "difference_low"),
            ("high", "difference_high"),
            ("joint_low", "joint_low"),
            ("joint_high", "joint_high"),
        )
    }
    lines = {"cumulative": differences.cumsum(), **ends}
    return {
        str(name): {"n_eras": int(differences[name].count())}
        | {key: frame[name].tolist() for key, frame in lines.items()}
        for name in differences
    }


def _weights(path: pd.DataFrame) -> dict[str, Any]:
    """Weights of each window: those of the largest models, and the sum of the rest."""
    order = path.abs().mean().sort_values(ascending=False, kind="stable").index
    drawn, rest = order[:_DRAWN], order[_DRAWN:]
    return {
        "windows": [str(era) for era in path.index],
        "models": [str(model) for model in drawn],
        "values": [path[model].tolist() for model in drawn],
        "n_others": len(rest),
        "others": path[rest].sum(axis=1).tolist(),
        "equal": 1.0 / len(order),
    }


def _curve(found: Backtest, curve: Mapping[float, str]) -> dict[str, Any]:
    """Mean differences from proportion 0, on the eras that both have."""
    names, start = [*curve.values()], curve[0.0]
    tables = {name: found.scores.get(name) for name in ("corr", "mmc")}
    tables["exposure"] = found.exposures
    panels = {
        measure: summarize(table[names], start, **_settings(found))
        for measure, table in tables.items()
        if table is not None and table[start].notna().any()
    }
    return {
        "name": start,
        "measures": [*panels],
        "rows": [
            {
                "proportion": proportion,
                "name": name,
                **{
                    f"{measure}{end}": panel.loc[name, f"difference{end}"]
                    for measure, panel in panels.items()
                    for end in _ENDS
                },
                **{
                    f"{measure}_n_eras": int(panel["n_paired"][name])
                    for measure, panel in panels.items()
                },
            }
            for proportion, name in curve.items()
        ],
    }
