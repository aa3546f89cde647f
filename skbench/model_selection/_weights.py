"""Weights learned anew before each window, from moments: `walk_forward_weights`."""

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from skbench._checks import listed
from skbench._eras import era_counts, era_numbers
from skbench._stacking import StackingWeights
from skbench._warnings import warn
from skbench.solvers.intervals import least_eras
from skbench.solvers.weights import NotEnoughErasError

from ._split import WalkForwardEraSplit

Name = Hashable


class NoWindowError(ValueError):
    """No window has eras enough to learn from; so many eras more would do."""

    def __init__(self, message: str, n_lacking: int) -> None:
        super().__init__(message)
        self.n_lacking = n_lacking

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.n_lacking)


@dataclass(frozen=True)
class LearnedWindow:
    """The eras of a window, and the weights learned from those before it."""

    train: list[Hashable]
    test: list[Hashable]
    weights: dict[Name, float]


def walk_forward_weights(
    stacking: StackingWeights, cv: WalkForwardEraSplit | None = None
) -> pd.DataFrame:
    """Return the weights that would have been learned before each window.

    They come from the moments that a fitted `StackingWeights` holds: no rows are
    needed. A window needs two horizons of eras to learn from, of those that the
    objective can score; of windows with fewer a warning says how many there are.

    Parameters
    ----------
    stacking : StackingWeights
        Fitted, or holding eras. Its parameters say how each window learns.
    cv : WalkForwardEraSplit, default=None
        The windows; its ``reference`` makes no difference here, as windows that cannot
        be scored have weights too. None: chunks of 26 eras from the first one held on,
        purged by the horizon of the target.

    Returns
    -------
    weights : pandas.DataFrame of shape (n_windows, n_models)
        One row a window, indexed by the first era that it predicts.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If no eras are held.
    ValueError
        If no window has eras enough to learn from, or the eras have no order.

    See Also
    --------
    backtest : The same for whole pipelines, and scored.

    Examples
    --------
    >>> from skbench import EraRankGauss, StackingWeights
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.model_selection import WalkForwardEraSplit, walk_forward_weights
    >>> data = make_benchmark_models(n_models=2, mean_corr=0.1, random_state=0)
    >>> gauss = EraRankGauss().fit_transform(data.frame)
    >>> learned = StackingWeights().fit(gauss, data.frame["target"])
    >>> walk_forward_weights(learned, WalkForwardEraSplit(40, 13)).round(2)
          v53_lgbm_cyrus20  v53_lgbm_cyrus60
    era
    0041              0.82              0.18
    0081              0.76              0.24
    """
    windows, n_short = learned_windows(stacking, cv)
    if n_short:
        warn(
            f"{n_short} of {n_short + len(windows)} windows have fewer than two "
            f"horizons, of {stacking.horizon_} eras each, to learn from: they are "
            "skipped"
        )
    return weights_of(windows)


def weights_of(windows: Sequence[LearnedWindow]) -> pd.DataFrame:
    """Lay out the weights of windows, a row each, by the first era of each."""
    index = pd.Index([window.test[0] for window in windows], name="era")
    return pd.DataFrame([window.weights for window in windows], index)


def learned_windows(
    stacking: StackingWeights, cv: WalkForwardEraSplit | None = None
) -> tuple[list[LearnedWindow], int]:
    """Learn the weights of each window that has eras enough; count those before.

    Of later ones that have too few, as where a model comes that the past lacks, it is
    warned.
    """
    labels = held_eras(stacking)
    if cv is None:
        cv = default_split(labels, stacking.horizon_)
    if not isinstance(cv, WalkForwardEraSplit):
        raise ValueError(f"`cv` must be a WalkForwardEraSplit; got {cv!r}")
    cv._check_reach(stacking.target_name_)
    learned: list[LearnedWindow] = []
    n_short, lost = 0, []
    windows = cv._windows(labels)
    with warnings.catch_warnings():
        # What there is to say of the columns, `fit` says of all eras.
        warnings.simplefilter("ignore")
        for window in windows:
            train = [labels[i] for i in window.train]
            test = [labels[i] for i in window.test]
            weights = _learned(stacking, train)
            if weights is not None:
                learned.append(LearnedWindow(train, test, weights))
            elif learned:
                lost.append(test[0])
            else:
                n_short += 1
    if not learned:
        raise _no_window(stacking, cv, labels)
    if lost:
        warn(
            f"the windows from {listed(lost)} on have fewer than two horizons, of "
            f"{stacking.horizon_} eras each, in which all models can be scored: they "
            "are skipped, as are their predictions. Leave out models with few eras"
        )
    return learned, n_short


def held_eras(stacking: StackingWeights) -> list[Hashable]:
    """Labels of the eras that are held, also of those that cannot be scored."""
    if not hasattr(stacking, "era_statistics_"):
        raise NotFittedError("`stacking` holds no eras: fit it first")
    stacking.check_one_target()
    return stacking.gathered_eras()


def default_split(
    labels: Sequence[Hashable], horizon: int, chunk_size: int = 26
) -> WalkForwardEraSplit:
    """Windows from the first era on, purged by the horizon of the target."""
    first_era = int(era_counts(labels).min())
    return WalkForwardEraSplit(chunk_size, horizon, first_era=first_era)


def _learned(
    stacking: StackingWeights, train: Sequence[Hashable]
) -> dict[Name, float] | None:
    """Learn weights from some eras; None if fewer than two horizons can be scored."""
    part = stacking.of_eras(train)
    try:
        part.finish()
    except NotEnoughErasError:
        return None
    least = least_eras(era_numbers(part.eras_.tolist()), stacking.horizon_)
    return part.weights_ if part.n_eras_ >= least else None


def _no_window(
    stacking: StackingWeights, cv: WalkForwardEraSplit, labels: Sequence[Hashable]
) -> ValueError:
    """Say how many eras more the first window takes, if they come as the others did."""
    horizon = stacking.horizon_
    whole = stacking.of_eras(labels).finish()  # an error where nothing can be scored
    count_of = dict(zip(labels, era_counts(labels), strict=True))
    held = np.sort([*count_of.values()])
    scored = np.array([count_of[label] for label in whole.eras_])
    distance = float(np.median(np.diff(held))) if held.size > 1 else 1.0
    n_enough = 4 + ceil((2 * horizon + cv.purge + 2 * cv.chunk_size) / distance)
    coming = held[-1] + distance * np.arange(1, n_enough)
    # What waits for its target today will have it when later eras have come.
    known = np.concatenate([scored, held[held > scored[-1]], coming])
    message = (
        f"no window has two horizons, of {horizon} eras each, to learn from: "
        f"{whole.n_eras_} of {len(labels)} eras can be scored"
    )
    chunks = (coming - cv.first_era) // cv.chunk_size
    for n_lacking, chunk in enumerate(chunks.astype(int).tolist(), start=1):
        first, end = cv._chunks.train_span(chunk)
        train = known[(known >= first) & (known < end)]
        if train.size >= least_eras(train, horizon):
            sooner = f"or sooner with a smaller `chunk_size` than {cv.chunk_size}"
            message += f". With {n_lacking} eras more one has, {sooner}"
            return NoWindowError(message, n_lacking)
    return ValueError(f"{message}. `max_train_eras` {cv.max_train_eras} is too short")
