"""What a pipeline predicts for the eras of a source, one after the other."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from skbench._checks import listed
from skbench._eras import chronological
from skbench._frames import indexed
from skbench._progress import progress_bar
from skbench._steps import columns_of, container, steps_of
from skbench._warnings import warn
from skbench.metrics import numerai_corr
from skbench.tournament import DATA_TYPE, ERA, ID, Joined, whole_eras

# Rows that are predicted at a time, and scored, and more to make whole eras.
BATCH_ROWS = 2**15
_SCORED_ROWS = 2**17
_SCORED = [ERA, "target", "prediction"]


class Predictions:
    """Predictions of validation rows and of live rows, and what is to say of them."""

    def __init__(self, models: Sequence[str], target: str) -> None:
        self.models, self.target = models, target
        self.n_rows: Counter[str] = Counter()
        self.n_predicted: Counter[str] = Counter()  # of those rows
        self._n_missing = self._n_targets = self._n_validation = 0
        self._n_predicted = 0  # of the validation rows
        self._gaps: set[str] = set()
        self._to_score: list[pa.Table] = []
        self._scores: list[pd.DataFrame] = []

    def of(
        self, pipeline: Any, source: Joined, progress: bool = False
    ) -> Iterator[pa.Table]:
        """Yield the predictions of a fitted pipeline, with id, era and data type."""
        has_target = self.target in source.schema.names
        columns = {ID, ERA, DATA_TYPE, *self.models}
        columns |= {self.target} if has_target else set()
        steps = steps_of(pipeline)
        contained = container(steps, ERA)
        used, _ = columns_of(steps)
        wanted = {*(source.schema.names if used is None else used), *columns}
        names = [name for name in source.schema.names if name in wanted]
        with progress_bar(progress, source.n_rows) as counted:
            chunks = map(counted, source.chunks(names))
            for rows in whole_eras(chunks, ERA, BATCH_ROWS):
                predictions = pipeline.predict(contained(rows))
                made = pa.array(np.asarray(predictions), from_pandas=True)
                if has_target:
                    self._score(rows, made)
                yield self.laid_out(rows, made, rows.select)

    def laid_out(
        self,
        rows: pa.Table,
        made: pa.Array,
        models: Callable[[Sequence[str]], pa.Table],
    ) -> pa.Table:
        """Count predictions, and put them beside id, era and data type of their rows.

        ``models`` returns the models in these rows, to say which of them have gaps.
        """
        there = pa.table({"kind": rows[DATA_TYPE], "made": made}).group_by(
            "kind", False
        )
        for kind in there.aggregate([("made", "count"), ([], "count_all")]).to_pylist():
            self.n_rows[str(kind["kind"])] += kind["count_all"]
            self.n_predicted[str(kind["kind"])] += kind["made_count"]
        self._n_missing += made.null_count
        if made.null_count:
            without = models(self.models).filter(made.is_null())
            self._gaps |= {
                name
                for name in self.models
                if pc.any(without[name].is_null(nan_is_null=True)).as_py()
            }
        out = rows.select([ID, ERA, DATA_TYPE])
        return out.append_column("prediction", made)

    def _score(self, rows: pa.Table, made: pa.Array) -> None:
        target = rows[self.target]
        self._n_validation += len(rows)
        self._n_predicted += len(made) - made.null_count
        missing = pc.sum(target.is_null(nan_is_null=True)).as_py()
        self._n_targets += len(target) - missing
        self._to_score.append(pa.table([rows[ERA], target, made], _SCORED))
        if sum(map(len, self._to_score)) >= _SCORED_ROWS:
            self._score_held()

    def _score_held(self) -> None:
        if self._to_score:
            era, target, made = pa.concat_tables(self._to_score).columns
            scores = numerai_corr(target, made, era=era)
            self._scores.append(indexed(scores, ERA))
            self._to_score = []

    def scores(self) -> pd.DataFrame:
        """Numerai CORR of each era with a target; none at all is an error."""
        self._score_held()
        whole = pd.concat(self._scores).dropna()
        scores = whole.iloc[chronological(whole.index.tolist(), needed=False)]
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
            gaps = [name for name in self.models if name in self._gaps]
            warn(
                f"{self._n_missing} of {self.n_rows.total()} predictions are missing, "
                f"as there are gaps in {listed(gaps)}: leave these models out "
                "(`without`), or blend the others where one is missing, by "
                "nan_policy='omit'"
            )
