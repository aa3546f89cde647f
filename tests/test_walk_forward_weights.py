"""`walk_forward_weights` against fits on the eras before each window."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers import assert_close
from sklearn.exceptions import NotFittedError

from skbench import EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.datasets import make_benchmark_models
from skbench.model_selection import (
    NoWindowError,
    WalkForwardEraSplit,
    walk_forward_weights,
)

HORIZON = 5


@cache
def rows():
    """Return 70 eras of ranked models and their target: nobody is to change them."""
    data = make_benchmark_models(70, 15, 3, 4, meta_model_eras=50, random_state=2)
    gauss = EraRankGauss().fit_transform(data.frame)
    return gauss.sample(frac=1, random_state=0), data.models


def learned(n_eras=70, relabel=None, **params):
    """Fit on the first eras, of which the last five wait for their target."""
    X, models = rows()
    X = X[X["era"] <= f"{n_eras:04d}"]
    y = X["target_cyrus_20"].where(X["era"] <= f"{n_eras - HORIZON:04d}")
    if relabel is not None:
        X = X.assign(era=X["era"].astype(int).map(relabel))
    stacking = StackingWeights(**{"columns": models, **params})
    return stacking.fit(X, y), X, y


WEEKS = pd.date_range("2020-01-03", periods=70, freq="7D").strftime("%Y-%m-%d")
MONTHS = pd.period_range("2019-01", periods=70, freq="M").astype(str)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"shrinkage": "bayes"},
        {"objective": "sharpe", "shrinkage": 0.3},
        {"objective": "contribution", "nonnegative": False},
        {"objective": "mse", "search": "greedy", "max_iter": 5},
    ],
)
def test_as_fits_on_the_rows_before_each_window(params):
    stacking, X, y = learned(**params)
    cv = WalkForwardEraSplit(13, HORIZON)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = walk_forward_weights(stacking, cv)
    assert path.index.name == "era"
    assert list(path.columns) == rows()[1]
    windows = cv.windows(X["era"]).set_index("test_first")
    for first, weights in path.iterrows():
        past = X[X["era"] <= windows.loc[first, "train_last"]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = StackingWeights(**{"columns": rows()[1], **params}).fit(
                past, y[past.index]
            )
        assert_close(weights, [*expected.weights_.values()])
    assert list(path.index) == sorted(set(windows.index) & set(path.index))
    assert len(path) >= 2


@pytest.mark.parametrize(
    ("labels", "chunk", "purge"),
    [
        (None, 13, 5),
        (lambda n: WEEKS[n - 1], 13, 5),
        (lambda n: MONTHS[n - 1], 52, 5),
        (lambda n: f"{4 * n:04d}", 52, 8),
        (lambda n: f"era{n + 500}", 13, 5),
    ],
)
@pytest.mark.filterwarnings("ignore:.*fewer than two horizons")
def test_windows_are_those_of_the_splitter(labels, chunk, purge):
    stacking, X, _ = learned(relabel=labels)
    cv = WalkForwardEraSplit(chunk, purge)
    path = walk_forward_weights(stacking, cv)
    table = cv.windows(X["era"])
    enough = table["n_train"] >= 10 if labels is None else table["n_train"] >= 4
    assert set(path.index) <= set(table["test_first"])
    assert path.index[-1] == table["test_first"].iloc[-1]
    assert 2 <= len(path) <= int(enough.sum())


def test_windows_from_the_first_era_on_by_default():
    stacking, _, _ = learned(relabel=lambda n: f"{n + 574:04d}")
    assert walk_forward_weights(stacking).index.tolist() == ["0601", "0627"]


def test_eras_that_move_out():
    stacking, X, y = learned()
    cv = WalkForwardEraSplit(26, HORIZON, max_train_eras=15)
    path = walk_forward_weights(stacking, cv)
    past = X[(X["era"] >= "0033") & (X["era"] <= "0047")]
    expected = StackingWeights(columns=rows()[1]).fit(past, y[past.index])
    assert_close(path.loc["0053"], [*expected.weights_.values()])


def test_windows_that_know_too_little_are_counted():
    stacking, _, _ = learned()
    with pytest.warns(UserWarning, match="1 of 8 windows have fewer than two horizons"):
        path = walk_forward_weights(stacking, WalkForwardEraSplit(8, HORIZON))
    assert path.index[0] == "0017"
    late, _, _ = learned(objective="contribution")  # scored from era 21 on
    with pytest.warns(UserWarning, match="4 of 8 windows have fewer than two horizons"):
        path = walk_forward_weights(late, WalkForwardEraSplit(8, HORIZON))
    assert path.index[0] == "0041"


def test_nothing_of_the_estimator_changes():
    stacking, _, _ = learned()
    state = dict(vars(stacking))
    walk_forward_weights(stacking)
    assert vars(stacking) == state


class TestNoWindow:
    @pytest.mark.parametrize(
        ("n_eras", "chunk", "purge", "step", "params"),
        [
            (20, 26, 5, 1, {}),
            (26, 26, 5, 1, {}),
            (15, 7, 5, 1, {}),
            (12, 3, 5, 1, {}),
            (33, 10, 5, 1, {"objective": "contribution"}),
            (9, 30, 20, 4, {}),
            (8, 8, 20, 4, {}),
        ],
    )
    @pytest.mark.filterwarnings("ignore:.*fewer than two horizons")
    def test_so_many_eras_make_one(self, n_eras, chunk, purge, step, params):
        def path(n):
            relabel = None if step == 1 else lambda i: f"{1 + step * (i - 1):04d}"
            return walk_forward_weights(learned(n, relabel, **params)[0], cv)

        cv = WalkForwardEraSplit(chunk, purge)
        with pytest.raises(NoWindowError, match="no window has two horizons") as caught:
            path(n_eras)
        n_lacking = caught.value.n_lacking
        assert f"With {n_lacking} eras more one has" in str(caught.value)
        assert len(path(n_eras + n_lacking)) == 1
        for n in range(n_eras + 1, n_eras + n_lacking):
            with pytest.raises(NoWindowError) as caught:
                path(n)
            assert caught.value.n_lacking == n_eras + n_lacking - n

    def test_a_past_that_is_never_long_enough(self):
        stacking, _, _ = learned()
        cv = WalkForwardEraSplit(13, HORIZON, max_train_eras=9)
        with pytest.raises(ValueError, match="`max_train_eras` 9 is too short"):
            walk_forward_weights(stacking, cv)


class TestMistakes:
    def test_nothing_is_held(self):
        for stacking in (StackingWeights(), WeightedEnsemble()):
            with pytest.raises(NotFittedError, match="`stacking` holds no eras"):
                walk_forward_weights(stacking)

    @pytest.mark.parametrize("cv", [5, [([0], [1])], "weekly"])
    def test_a_splitter_of_another_kind(self, cv):
        stacking, _, _ = learned()
        with pytest.raises(ValueError, match="`cv` must be a WalkForwardEraSplit; got"):
            walk_forward_weights(stacking, cv)

    def test_a_purge_that_is_too_short_warns(self):
        stacking, _, _ = learned()
        message = "`purge` 3 is too short for 'target_cyrus_20'"
        with pytest.warns(UserWarning, match=message):
            walk_forward_weights(stacking, WalkForwardEraSplit(26, 3))

    def test_of_eras(self):
        stacking, _, _ = learned()
        with pytest.raises(ValueError, match="`eras` has '0099', which is not held"):
            stacking.of_eras(["0001", "0099"])
        with pytest.raises(NotFittedError, match="the StackingWeights holds no eras"):
            StackingWeights().of_eras([])
        part = stacking.of_eras(["0007", "0003"])
        assert part.era_statistics_["era"].tolist() == ["0003", "0007"]
        assert not hasattr(part, "weights_")
        assert np.isfinite([*stacking.weights_.values()]).all()
