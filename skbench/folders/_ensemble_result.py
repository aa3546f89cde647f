"""What was made of an ensemble of a folder: `FolderEnsemble`."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline

from skbench._ensemble import WeightedEnsemble
from skbench._parquet import read_parquet
from skbench._score_names import score_choice
from skbench._shown import Part, Shown
from skbench._stacking import StackingWeights
from skbench.metrics import summarize_beside

ENSEMBLE = "ensemble"


@dataclass(frozen=True, repr=False)
class FolderEnsemble(Shown):
    """What `ensemble_folder` made.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The ensemble, fitted on all eras: for live.
    file : pathlib.Path
        Parquet file of the predictions.
    n_rows : dict of str to int
        Number of rows of each data type.
    n_predicted : dict of str to int
        Number of those that have a prediction.
    scores : dict of str to pandas.DataFrame of shape (n_eras, n_candidates)
        Scores of the validation eras that are predicted, by name: "corr" and, where
        weights were learned, "mmc" and "payout", if there is a Meta Model. The columns
        are "ensemble" and, where weights were learned, what it stands against:
        "equal weights", "best single model" of the same past, and "in sample", which
        has the weights of all eras; then the eras are those in which all have a score.
    target : str
        The target of these scores.
    payout : dict of str to float
        Multipliers of "corr" and "contribution" in "payout".
    out_of_sample_from : era label or None
        First era that was predicted with weights learned before it; None where weights
        were given, or where no era was.
    n_lacking : int
        How many eras more it takes until an era can be predicted out of sample.
    """

    pipeline: Pipeline
    file: Path
    n_rows: dict[str, int]
    n_predicted: dict[str, int]
    scores: dict[str, pd.DataFrame]
    target: str
    payout: dict[str, float]
    out_of_sample_from: Hashable = None
    n_lacking: int = 0

    @property
    def predictions(self) -> pd.DataFrame:
        """The predictions, read from their file.

        Returns
        -------
        predictions : pandas.DataFrame of shape (n_rows, 3)
            Columns ``era``, ``data_type`` and ``prediction`` of the validation rows and
            then of the live rows, if there are any, indexed by id.
        """
        try:
            predictions: pd.DataFrame = read_parquet(self.file).to_pandas()
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.file} cannot be read: {error}. Make the ensemble again"
            ) from error
        return predictions

    @property
    def weights(self) -> dict[Hashable, float]:
        """Weight of each model, for live.

        Returns
        -------
        weights : dict of str to float
            In the order of the columns.
        """
        weights: dict[Hashable, float] = blend_of(self.pipeline).weights_
        return weights

    @property
    def learned(self) -> bool:
        """Whether weights were learned.

        Returns
        -------
        learned : bool
            False for weights that were given.
        """
        return isinstance(blend_of(self.pipeline), StackingWeights)

    @property
    def summary(self) -> str:
        """What was learned of the models, in a sentence.

        Returns
        -------
        summary : str
            As `StackingWeights.summary` has it; empty for weights that were given.
        """
        blend = blend_of(self.pipeline)
        return blend.summary if isinstance(blend, StackingWeights) else ""

    def comparison(self, score: str = "corr") -> pd.DataFrame:
        """Summarise the ensemble beside what it stands against, on the same eras.

        Parameters
        ----------
        score : str, default="corr"
            One of ``scores``.

        Returns
        -------
        comparison : pandas.DataFrame of shape (n_candidates, 9)
            Mean, low and high end of its interval, Sharpe ratio, largest drawdown and
            number of eras; and the difference of the ensemble from it with its
            interval.
        """
        name = score_choice("score", score, self.scores)
        return compared(self.scores[name], ENSEMBLE, self.target)

    def _parts(self) -> list[Part]:
        rows = " and ".join(f"{n:,} {kind}" for kind, n in self.n_rows.items())
        weights = pd.DataFrame({"weight": pd.Series(self.weights, dtype=float)})
        heading = f"Ensemble: predictions of {rows} rows in {self.file}"
        parts: list[Part] = [heading, weights]
        if self.learned and "corr" in self.scores:
            parts += [f"CORR with {self.target}", self.comparison()]
        return parts


def compared(scores: pd.DataFrame, name: str, target: str) -> pd.DataFrame:
    """Summarise scores by era, and how far one column is ahead of the others."""
    ahead = scores.drop(columns=name).rsub(scores[name], axis=0)
    return summarize_beside(scores, ahead, target=target)


def blend_of(pipeline: Pipeline) -> WeightedEnsemble:
    """Return the step of a pipeline that blends."""
    return next(s for _, s in pipeline.steps if isinstance(s, WeightedEnsemble))
