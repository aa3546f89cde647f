"""What a backtest found: `Backtest`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skbench._eras import era_numbers
from skbench._score_names import score_choice, score_title
from skbench._shown import as_html
from skbench.metrics import lacks_eras, summarize_beside
from skbench.solvers import intervals

from ._candidate import EQUAL


@dataclass(frozen=True)
class Backtest:
    """Pipelines walked forward, beside equal weights and the best model of the past.

    Attributes
    ----------
    scores : dict of str to pandas.DataFrame of shape (n_eras, n_candidates)
        By name, as `skbench.metrics.score_models` has them: "corr", "mmc" where there
        is a Meta Model, and "payout" where multipliers are known. NaN where a candidate
        had no weights yet, or an era has no score.
    exposures : pandas.DataFrame of shape (n_eras, n_candidates)
        Largest absolute correlation with what a candidate is neutralised to; NaN for
        one that is not.
    weights : dict of str to pandas.DataFrame of shape (n_windows, n_models)
        Of each candidate that learns, as `walk_forward_weights` has them.
    predictions : pandas.DataFrame of shape (n_rows, n_candidates) or None
        Predictions out of sample: rows and order of X, NaN before the first window.
        None where they were not to be kept.
    pipelines : dict of str to sklearn.pipeline.Pipeline
        The candidates, fitted on all eras: to predict live eras, not these.
    rivals : dict of str to dict of str to str
        Of each candidate, by what they are, the names of those it stands against:
        "equal weights" and, if it learns weights, "best single model".
    curves : list of dict of float to str
        Candidates that differ in nothing but the proportion to neutralise: by it, from
        the smallest on, their names.
    payout : dict of str to float or None
        Multipliers in "payout" of "corr" and "contribution", which is MMC.
    horizon : int
        Over how many eras a score shares days with others.
    confidence : float
        Probability that an interval is to have.
    """

    scores: dict[str, pd.DataFrame]
    exposures: pd.DataFrame
    weights: dict[str, pd.DataFrame]
    predictions: pd.DataFrame | None
    pipelines: dict[str, Pipeline]
    rivals: Mapping[str, Mapping[str, str]]
    curves: list[dict[float, str]]
    payout: dict[str, float] | None
    horizon: int
    confidence: float

    def summary(self, by: str = "corr") -> pd.DataFrame:
        """Summarise each candidate in a line, the best by the mean of a score first.

        Candidates with less than 90 % of the eras of others come last, in the order of
        their differences from equal weights.

        Parameters
        ----------
        by : str, default="corr"
            One of ``scores``, by which to sort.

        Returns
        -------
        summary : pandas.DataFrame
            Indexed by candidate, with these columns for each score: its mean under the
            score's own name, ``{score}_low`` and ``{score}_high`` (its interval),
            ``{score}_sharpe``, ``{score}_max_drawdown``, ``{score}_n_eras``, and
            ``{score}_difference`` with ``_low`` and ``_high``: from equal weights, on
            the eras that both have. ``turnover`` is the share of the weights that moves
            from window to window, on average; ``exposure`` the mean of the largest.
        """
        by = score_choice("by", by, self.scores)
        parts = [self._lines(name) for name in self.scores]
        summary = pd.concat(parts, axis=1)
        summary["turnover"] = pd.Series(
            {name: _turnover(path) for name, path in self.weights.items()}, dtype=float
        )
        summary["exposure"] = self.exposures.mean()
        shorter = lacks_eras(summary[f"{by}_n_eras"].to_numpy())
        values = summary[by].mask(shorter, summary[f"{by}_difference"])
        order = np.lexsort([-values.to_numpy(), shorter])
        return summary.iloc[order].rename_axis("candidate")

    def verdict(self, score: str = "corr") -> str:
        """Say in a sentence whether a candidate can be told from equal weights.

        The best of several has had as many chances to look good. So all of them are
        held to intervals of their differences that hold together (Sidak).

        Parameters
        ----------
        score : str, default="corr"
            One of ``scores``.

        Returns
        -------
        verdict : str
            A sentence.
        """
        score = score_choice("score", score, self.scores)
        found = self.joint_intervals(score)
        if found["low"].isna().all():
            judged = self.differences(score)[found.index]
            n_scored = int(judged.notna().any(axis=1).sum())
            return (
                f"too few eras to tell anything from equal weights: {n_scored} with a "
                f"score, where two horizons are {2 * self.horizon}"
            )
        name = self.best(score)
        value, low, high = found.loc[[name]].to_numpy()[0]
        together = ""
        if len(found) > 1:
            together = f", held together over {len(found)} candidates"
        size = f"{abs(value):.4f} {score_title(score)} an era"
        interval = (
            f"({self.confidence:.0%} interval of the difference {low:.4f} to "
            f"{high:.4f}{together})"
        )
        if low > 0:
            return f"{name} does better than equal weights by {size} {interval}"
        side = "below" if value < 0 else "above"
        nearest = f"{name}, is {size} {side} them {interval}"
        if found["high"].max() < 0:
            others = "equal weights do better than all else; the best of the others"
            return f"{others}, {nearest}"
        return f"equal weights: nothing here can be told from them; the best, {nearest}"

    def best(self, score: str = "corr") -> str | None:
        """Name the candidate that the verdict is on.

        Parameters
        ----------
        score : str, default="corr"
            One of ``scores``.

        Returns
        -------
        name : str or None
            The surest of those that are better than equal weights; where none is, that
            with the largest difference from them, of those with at least 90 % of the
            eras of others. None where nothing is scored.
        """
        found = self.joint_intervals(score)
        if found["low"].max() > 0:
            return str(found["low"].idxmax())
        n_eras = self.differences(score)[found.index].notna().sum().to_numpy()
        values = found["difference"][~lacks_eras(n_eras)]
        return None if values.isna().all() else str(values.idxmax())

    def joint_intervals(self, score: str = "corr") -> pd.DataFrame:
        """Return intervals of the differences from equal weights that hold together.

        Parameters
        ----------
        score : str, default="corr"
            One of ``scores``.

        Returns
        -------
        intervals : pandas.DataFrame of shape (n_candidates, 3)
            Of each candidate: "difference" and, NaN where there are too few eras, "low"
            and "high". Those that others stand against are no candidates.
        """
        beside = {name for others in self.rivals.values() for name in others.values()}
        every = self.differences(score)
        difference = every[[name for name in every if name not in beside]]
        found = intervals.of_means(
            difference.to_numpy().T,
            era_numbers(list(difference.index)),
            self.horizon,
            self.confidence,
            len(difference.columns),
        )
        ends = {"difference": found.value, "low": found.low, "high": found.high}
        return pd.DataFrame(ends, difference.columns).rename_axis("candidate")

    def differences(self, score: str = "corr") -> pd.DataFrame:
        """Subtract the scores of the same pipelines with equal weights.

        Parameters
        ----------
        score : str, default="corr"
            One of ``scores``.

        Returns
        -------
        differences : pandas.DataFrame of shape (n_eras, n_candidates)
            NaN where one of the two has no score.
        """
        table = self.scores[score_choice("score", score, self.scores)]
        pairs = [
            (name, others[EQUAL])
            for name, others in self.rivals.items()
            if name in table and others.get(EQUAL, name) in table
        ]
        return pd.DataFrame(
            {name: table[name] - table[equal] for name, equal in pairs}, table.index
        )

    def _lines(self, score: str) -> pd.DataFrame:
        """Numbers of one score: a row a candidate."""
        kept = summarize_beside(
            self.scores[score],
            self.differences(score),
            horizon=self.horizon,
            confidence=self.confidence,
        )
        columns = [score, *(f"{score}_{name}" for name in kept.columns[1:])]
        return kept.set_axis(columns, axis=1)

    def __repr__(self) -> str:
        return (
            f"Backtest({len(self.rivals)} candidates, {len(self.scores['corr'])} eras: "
            f"{self.verdict()})"
        )

    def _repr_html_(self) -> str:
        return as_html(self.verdict(), self.summary())


def _turnover(path: pd.DataFrame) -> float:
    """Share of the weights that moves from one window to the next, on average."""
    moved = np.abs(np.diff(path.to_numpy(), axis=0)).sum(axis=1) / 2.0
    return float(moved.mean()) if moved.size else np.nan
