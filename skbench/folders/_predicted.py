"""What an ensemble predicts of the validation eras, in sample or out of sample."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import pandas as pd
import pyarrow as pa
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skbench._eras import Rows, chronological, find_eras, horizon_of
from skbench._frames import META_MODEL
from skbench._progress import progress_bar
from skbench._score_names import multipliers_of
from skbench._stacking import StackingWeights
from skbench._steps import gathers, learns, steps_of
from skbench.model_selection import (
    NoWindowError,
    Walk,
    WalkedScores,
    result_of,
    walked,
)
from skbench.staking import latest_payout
from skbench.streaming import BATCH_ROWS, Predictions, fit_parquet
from skbench.tournament import DATA_TYPE, ERA, ID, FolderRows, JoinedTable, Origin

from ._ensemble_result import ENSEMBLE, blend_of
from ._walk import targets_of, windows_of


def learns_weights_alone(pipeline: Pipeline) -> bool:
    """Whether all that a pipeline learns from rows are weights of a blend."""
    learners = [step for step in steps_of(pipeline) if learns(step)]
    stacked = [s for s in learners if isinstance(s, StackingWeights) and gathers(s)]
    return len(learners) == len(stacked) == 1


class AllEras:
    """One pipeline predicts all eras: its weights are given, or learned from them."""

    out_of_sample_from = lacking = None

    def __init__(self, rows: FolderRows, pipeline: Pipeline, progress: bool) -> None:
        self._rows, self._progress = rows, progress
        self.pipeline = fit_parquet(
            clone(pipeline),
            rows.source,
            rows.target,
            batch_rows=BATCH_ROWS,
            progress=progress,
        )
        self.blend = Predictions(rows.models, rows.target)
        self.payout: dict[str, float] = {}

    def validation(self) -> Iterator[pa.Table]:
        """Yield the predictions, with id, era and data type."""
        return self.blend.of(self.pipeline, self._rows.source, self._progress)

    @property
    def origin(self) -> Origin:
        """How the predictions are made."""
        if not any(map(learns, steps_of(self.pipeline))):
            return Origin("given")
        eras = find_eras(self._rows.table(ERA), ERA).labels
        return Origin("learned", learned_until=eras[chronological(eras)[-1]])

    def scores(self) -> dict[str, pd.DataFrame]:
        """Return the scores of what was yielded."""
        return {"corr": self.blend.scores().set_axis([ENSEMBLE], axis=1)}


class OutOfSample:
    """Weights are learned before each window, and predict its eras.

    ``lacking`` says why no era can be predicted so, where that is the case.
    """

    def __init__(
        self, rows: FolderRows, pipeline: Pipeline, chunk: int, progress: bool
    ) -> None:
        self._rows, self._progress, self._y = rows, progress, targets_of(rows)
        self._walk = walk = Walk({ENSEMBLE: pipeline}, in_sample=True)
        with self._table() as table:
            walk.fit_before(table)
            held = walk.gather(table, self._y)
            with suppress(NoWindowError):  # as `lacking` says
                walk.learn(held, windows_of(rows, chunk))
            walk.fit_after(table)
        one = walk.candidates[ENSEMBLE]
        self.pipeline, self.lacking = one.pipeline, walk.lacking.get(ENSEMBLE)
        self.payout = multipliers_of(walk.payout or latest_payout())
        self.out_of_sample_from = one.windows[0].test[0] if one.windows else None
        self.blend = Predictions(rows.models, rows.target)
        self._scores = WalkedScores(walk.names)

    def validation(self) -> Iterator[pa.Table]:
        """Yield the predictions, with id, era and data type."""
        if self.lacking:
            return
        with self._table() as table:
            about = table.reader([ID, ERA, DATA_TYPE])
            dtype = self._walk.candidates[ENSEMBLE].dtype(table)
            for era in walked(self._walk, table, self._y, META_MODEL, exposures=False):
                if ENSEMBLE not in era.made.names:
                    continue
                self._scores.add(era)
                column = era.made.columns[era.made.names.index(ENSEMBLE)]
                made = pa.array(column.astype(dtype), from_pandas=True)
                models = partial(_read, table, era.rows)
                yield self.blend.laid_out(about(era.rows), made, models)

    @property
    def origin(self) -> Origin:
        """How the predictions are made."""
        blend = blend_of(self.pipeline)
        return Origin(
            "learned", blend.objective, blend.eras_[-1], self.out_of_sample_from
        )

    def scores(self) -> dict[str, pd.DataFrame]:
        """Return the scores of what was yielded."""
        if self.lacking:
            return {}
        horizon = horizon_of(self._rows.target)
        found = result_of(
            self._walk, self._scores.frames(), None, self.payout, horizon, 0.95
        )
        scored = {name: _in_common(table) for name, table in found.scores.items()}
        return {name: table for name, table in scored.items() if len(table)}

    @contextmanager
    def _table(self) -> Iterator[JoinedTable]:
        """Open the rows, counted as they are read."""
        source = self._rows.source
        names = [name for name in source.schema.names if name != ID]
        with progress_bar(self._progress, source.n_rows) as counted:
            yield self._rows.table(*names, counted=counted)


def _in_common(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the eras in which all that are scored in some have a score."""
    there = scores.columns[scores.notna().any()]
    return scores.dropna(how="all").dropna(subset=there)


def _read(table: JoinedTable, rows: Rows, names: Sequence[str]) -> pa.Table:
    return table.reader(names)(rows)
