"""What a pipeline predicts for the eras of a source, one after the other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from skbench._checks import listed
from skbench._steps import columns_of, steps_of
from skbench._warnings import warn
from skbench.metrics import concat_scores, numerai_corr
from skbench.tournament import DATA_TYPE, ERA, Joined


class Predictions:
    """Predictions of validation rows and of live rows, and what is to say of them."""

    def __init__(self, models: Sequence[str], target: str) -> None:
        self.models, self.target = models, target
        self.n_rows: Counter[str] = Counter()
        self._n_missing = self._n_targets = self._n_validation = 0
        self._n_predicted = 0  # of the validation rows
        self._gaps = pd.Series(False, index=list(models))
        self._scores: list[pd.DataFrame] = []

    def of(
        self, pipeline: Any, source: Joined, progress: bool = False
    ) -> Iterator[pd.DataFrame]:
        """Yield the predictions of a fitted pipeline, with era and data type."""
        has_target = self.target in source.schema.names
        columns = {ERA, DATA_TYPE, *self.models, *([self.target] if has_target else [])}
        used, _ = columns_of(steps_of(pipeline))
        wanted = None if used is None else {*used, *columns}
        for era in source.frames(wanted, progress=progress):
            out = era[[ERA, DATA_TYPE]].assign(prediction=pipeline.predict(era))
            self._count(era, out)
            if has_target:
                self._score(era[self.target], out)
            yield out

    def _count(self, era: pd.DataFrame, out: pd.DataFrame) -> None:
        for kind, count in out[DATA_TYPE].value_counts(sort=False).items():
            self.n_rows[str(kind)] += count
        missing = out["prediction"].isna()
        self._n_missing += int(missing.sum())
        if missing.any():
            self._gaps |= era.loc[missing, list(self.models)].isna().any()

    def _score(self, target: "pd.Series[float]", out: pd.DataFrame) -> None:
        self._n_validation += len(out)
        self._n_predicted += int(out["prediction"].count())
        self._n_targets += int(target.count())
        self._scores.append(numerai_corr(target, out["prediction"], era=out[ERA]))

    def scores(self) -> pd.DataFrame:
        """Numerai CORR of each era with a target; none at all is an error."""
        whole = concat_scores([{"corr": scores} for scores in self._scores])
        scores: pd.DataFrame = whole["corr"].dropna()
        if scores.empty:
            raise ValueError(
                f"no era can be scored: of {self._n_validation} validation rows, "
                f"{self._n_predicted} have a prediction and {self._n_targets} have "
                f"{self.target!r}. A model that is missing makes the blend missing"
            )
        return scores

    def warn_of_missing(self) -> None:
        """Warn of rows without a prediction, and of the models that have gaps there."""
        if self._n_missing:
            warn(
                f"{self._n_missing} of {self.n_rows.total()} predictions are missing, "
                f"as there are gaps in {listed(self._gaps.index[self._gaps])}: leave "
                "these models out, or fill them"
            )
