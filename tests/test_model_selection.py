"""Windows in the order of time, the predictions they give, and grids of weights."""

import itertools
import pickle
import subprocess
import sys
import time
import warnings
from math import comb

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from skbench import EraRank, EraRankGauss, StackingWeights, WeightedEnsemble
from skbench.deploy import submission
from skbench.metrics import (
    contribution_scorer,
    correlation_contribution,
    numerai_corr,
)
from skbench.model_selection import (
    WalkForwardEraSplit,
    walk_forward_predict,
    weight_grid,
)

PUBLISHED = [
    ((1, 148), (157, 312)),
    ((1, 304), (313, 468)),
    ((1, 460), (469, 624)),
    ((1, 616), (625, 780)),
]
# The same for a purge of 16 eras: the training ends eight eras earlier.
PUBLISHED_60 = [((a, b - 8), test) for (a, b), test in PUBLISHED]

LABELS = {
    "padded": "{:04d}".format,
    "plain string": str,
    "era12": "era{}".format,
    "int": int,
    "float": float,
}
FEATURES = ["feature_a", "feature_b"]


def spans(table):
    """First and last number of each window's training and test eras."""
    numbers = table.replace(r"\D", "", regex=True).astype(int)
    return [
        ((row.train_first, row.train_last), (row.test_first, row.test_last))
        for row in numbers.itertuples()
    ]


def slow_windows(numbers, chunk_size, purge, first_era=1, max_train_eras=None):
    """Sets of training and test eras, one window after the other, nothing clever."""
    out = []
    start = first_era + chunk_size
    while start <= max(numbers):
        train = {n for n in numbers if first_era <= n < start - purge}
        if max_train_eras is not None:
            train = {n for n in train if n >= start - purge - max_train_eras}
        test = {n for n in numbers if start <= n < start + chunk_size}
        if train and test:
            out.append((train, test))
        start += chunk_size
    return out


def eras_of(splits, labels):
    labels = np.asarray(labels)
    return [
        (set(labels[train].tolist()), set(labels[test].tolist()))
        for train, test in splits
    ]


def frame(n_eras=12, rows=15, seed=0, first=1, mixed=True):
    """Two features, two models and a target that depends on all four."""
    rng = np.random.default_rng(seed)
    eras = np.repeat(np.arange(first, first + n_eras), rows)
    if mixed:
        rng.shuffle(eras)
    values = rng.normal(size=(eras.size, 4))
    X = pd.DataFrame(values, columns=["a", "b", *FEATURES])
    X.insert(0, "era", [f"{era:04d}" for era in eras])
    y = values @ [0.6, 0.1, 0.2, 0.1] + rng.normal(size=eras.size)
    index = pd.Index([f"n{i}" for i in rng.permutation(eras.size)], name="id")
    return X.set_index(index), pd.Series(y, index=index, name="target")


class Recorder(RegressorMixin, BaseEstimator):
    """Notes the eras it is shown; predicts the number of the last era of training."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        self.last_ = int(X["era"].astype(int).max())
        self.seen.append(("fit", set(X["era"]), len(X), y is None))
        return self

    def predict(self, X):
        return np.full(len(X), float(self.last_))

    def score(self, X, y):
        self.seen.append(("score", set(X["era"]), len(X), len(y)))
        return 0.0


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(Recorder, "seen", [])
    return Recorder()


class TestPublishedWindows:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [({}, PUBLISHED), ({"purge": 8}, PUBLISHED), ({"purge": 16}, PUBLISHED_60)],
    )
    def test_verbatim(self, options, expected):
        table = WalkForwardEraSplit(**options).windows(range(1, 781))
        assert spans(table) == expected
        assert table["n_train"].tolist() == [b - a + 1 for (a, b), _ in expected]
        assert table["n_test"].tolist() == [156] * 4

    def test_the_60_day_training_ends(self):
        table = WalkForwardEraSplit(purge=16).windows(range(1, 781))
        assert table["train_last"].tolist() == [140, 296, 452, 608]

    def test_the_last_window_may_be_short(self):
        table = WalkForwardEraSplit().windows(range(1, 626))
        assert spans(table)[-1] == ((1, 616), (625, 625))
        assert table["n_test"].tolist() == [156, 156, 156, 1]

    @pytest.mark.parametrize("kind", LABELS)
    def test_labels_of_every_kind(self, kind):
        labels = [LABELS[kind](era) for era in range(1, 781)]
        splits = list(WalkForwardEraSplit().split(None, groups=labels))
        assert [(t[0] + 1, t[-1] + 1) for t, _ in splits] == [t for t, _ in PUBLISHED]
        assert [(t[0] + 1, t[-1] + 1) for _, t in splits] == [t for _, t in PUBLISHED]

    @pytest.mark.parametrize("kind", LABELS)
    def test_the_table_has_the_labels_as_they_are(self, kind):
        labels = [LABELS[kind](era) for era in range(1, 781)]
        table = WalkForwardEraSplit().windows(labels)
        for column, i in [("train_first", 0), ("train_last", 147), ("test_first", 156)]:
            assert table[column][0] == labels[i]

    def test_categorical_labels(self):
        labels = pd.Series([f"{era:04d}" for era in range(1, 781)]).astype("category")
        assert spans(WalkForwardEraSplit().windows(labels)) == PUBLISHED

    def test_a_file_that_starts_late_keeps_the_windows(self):
        table = WalkForwardEraSplit().windows(
            [f"{era:04d}" for era in range(575, 1220)]
        )
        assert spans(table) == [
            ((575, 616), (625, 780)),
            ((575, 772), (781, 936)),
            ((575, 928), (937, 1092)),
            ((575, 1084), (1093, 1219)),
        ]
        assert table["train_first"][0] == "0575"

    def test_every_fourth_era_keeps_the_windows(self):
        table = WalkForwardEraSplit().windows(range(1, 781, 4))
        assert spans(table) == [
            ((1, 145), (157, 309)),
            ((1, 301), (313, 465)),
            ((1, 457), (469, 621)),
            ((1, 613), (625, 777)),
        ]
        assert table["n_train"].tolist() == [37, 76, 115, 154]

    def test_gaps_move_nothing(self):
        whole = {*range(1, 781)} - {*range(140, 160)} - {*range(310, 315), 616}
        assert spans(WalkForwardEraSplit().windows(sorted(whole))) == [
            ((1, 139), (160, 309)),
            ((1, 304), (315, 468)),
            ((1, 460), (469, 624)),
            ((1, 615), (625, 780)),
        ]

    def test_order_and_repetition_of_labels_do_not_matter(self):
        eras = np.random.default_rng(0).permutation(np.repeat(np.arange(1, 781), 3))
        assert spans(WalkForwardEraSplit().windows(eras)) == PUBLISHED


class TestLabelsWithoutNumber:
    @pytest.mark.parametrize("live", ["X", "eraX"])
    @pytest.mark.parametrize("first", [1, 575])
    def test_a_live_era_moves_no_window(self, live, first):
        labels = [f"{era:04d}" for era in range(first, 1000)]
        plain = WalkForwardEraSplit().windows(labels)
        table = WalkForwardEraSplit().windows([live, *labels])
        assert table["test_last"].iloc[-1] == live
        assert table["n_test"].iloc[-1] == plain["n_test"].iloc[-1] + 1
        assert table.drop(columns=["test_last", "n_test"]).equals(
            plain.drop(columns=["test_last", "n_test"])
        )

    def test_a_live_era_may_open_a_window(self):
        table = WalkForwardEraSplit(4, 1).windows([*range(1, 9), "X"])
        assert table["test_first"].tolist() == [5, "X"]
        assert table["train_last"].tolist() == [3, 7]

    @pytest.mark.parametrize(
        "groups", [["z1y1", "z1y2", "a1b1"], ["b", "a", "b", "c"], [10_001, 10_002]]
    )
    def test_labels_that_say_no_order_are_an_error(self, groups):
        message = "do not say which comes first. Label all eras by numbers below 10,000"
        split = WalkForwardEraSplit(1, 0)
        with pytest.raises(ValueError, match=message):
            list(split.split(None, groups=groups))
        with pytest.raises(ValueError, match=message):
            split.get_n_splits(None, groups=groups)
        with pytest.raises(ValueError, match=message):
            split.windows(groups)

    def test_mixed_rows_with_one_live_era_are_fine(self):
        groups = ["X", "2", "1", "X", "2"]
        splits = list(WalkForwardEraSplit(1, 0).split(None, groups=groups))
        assert eras_of(splits, groups) == [({"1"}, {"2"}), ({"1", "2"}, {"X"})]

    def test_two_labels_of_one_number_are_refused(self):
        with pytest.raises(ValueError, match="the same number"):
            WalkForwardEraSplit(1, 0).windows(["1", "2", "era2"])


# The same Fridays, of which some are missing, spelled in several ways.
SPELLINGS = {
    "ISO text": lambda day: str(day.date()),
    "timestamp": lambda day: day,
    "date": lambda day: day.date(),
    "digits": lambda day: day.strftime("%Y%m%d"),
    "integer": lambda day: int(day.strftime("%Y%m%d")),
    "text with a time": str,
    "week": lambda day: day.strftime("%G-W%V"),
    "period": lambda day: day.to_period("W"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
class TestDates:
    def test_600_weeks_have_the_windows_of_600_eras(self, spell):
        fridays = pd.date_range("2013-01-04", periods=600, freq="W-FRI")
        labels = [spell(day) for day in fridays]
        table = WalkForwardEraSplit().windows(labels)
        place = {label: i for i, label in enumerate(labels, start=1)}
        bounds = ["train_first", "train_last", "test_first", "test_last"]
        assert table[bounds].map(place.__getitem__).to_numpy().tolist() == [
            [1, 148, 157, 312],
            [1, 304, 313, 468],
            [1, 460, 469, 600],
        ]

    @settings(max_examples=25, deadline=None)
    @given(
        weeks=st.sets(st.integers(1, 120), min_size=2, max_size=60),
        chunk=st.integers(1, 30),
        purge=st.integers(0, 12),
        seed=st.integers(0, 99),
    )
    def test_any_weeks_have_the_windows_of_their_numbers(
        self, spell, weeks, chunk, purge, seed
    ):
        numbers = np.random.default_rng(seed).permutation([*weeks]).tolist()
        first = min(numbers)
        expected = slow_windows([n - first + 1 for n in numbers], chunk, purge)
        groups = [
            spell(pd.Timestamp("2013-01-04") + pd.Timedelta(weeks=n)) for n in numbers
        ]
        split = WalkForwardEraSplit(chunk, purge)
        if not expected:
            with pytest.raises(ValueError, match="chunk_size"):
                split.windows(groups)
            return
        got = eras_of(split.split(None, groups=groups), numbers)
        assert got == [
            ({n + first - 1 for n in train}, {n + first - 1 for n in test})
            for train, test in expected
        ]


class TestOtherCalendars:
    def test_months_are_purged_by_eight_weeks(self):
        months = pd.date_range("2013-01-31", periods=120, freq="ME")
        split = WalkForwardEraSplit(chunk_size=52)
        table = split.windows(months.strftime("%Y%m%d").astype(int))
        ends = pd.to_datetime(table["train_last"].astype(str))
        starts = pd.to_datetime(table["test_first"].astype(str))
        gaps = (starts - ends).dt.days / 7
        assert (gaps >= 8).all()
        # The months before and after the purge may lie up to a month from its ends.
        assert (gaps <= 8 + 2 * 31 / 7).all()
        assert len(table) == 9  # of a year each, after the first

    def test_days_are_purged_by_eight_weeks(self):
        days = pd.bdate_range("2020-01-01", periods=800)
        table = WalkForwardEraSplit(chunk_size=26).windows(days)
        gaps = (table["test_first"] - table["train_last"]).dt.days
        assert gaps.between(57, 59).all()  # and the day itself, or a weekend
        assert len(table) == 6


class TestScored:
    """Windows that cannot be scored: no targets yet, or no Meta Model."""

    @pytest.fixture
    def data(self):
        X, y = frame(n_eras=20)
        number = X["era"].astype(int)
        X["numerai_meta_model"] = X["b"].where(number >= 12)
        return X, y.where(number <= 16), WalkForwardEraSplit(4, 1)

    def eras_tested(self, splits, X):
        return [sorted({*X["era"].iloc[test].astype(int)}) for _, test in splits]

    def agree(self, cv, X, y, expected, reference=None):
        """Check that all three ways to ask for the windows say the same."""
        message = f"{4 - len(expected)} of 4 windows cannot be scored"
        with pytest.warns(UserWarning, match=message):
            splits = list(cv.split(X, y))
        assert self.eras_tested(splits, X) == expected
        assert cv.get_n_splits(X, y) == len(expected)
        with pytest.warns(UserWarning, match=message):
            table = cv.windows(X["era"], y, reference)
        assert table["test_first"].tolist() == [f"{e[0]:04d}" for e in expected]
        assert table["n_test"].tolist() == [len(e) for e in expected]

    def test_without_targets(self, data):
        X, y, cv = data
        self.agree(cv, X, y, [[5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]])

    def test_all_windows_where_no_targets_are_given(self, data):
        X, _, cv = data
        assert len(list(cv.split(X))) == cv.get_n_splits(X) == 4
        assert len(cv.windows(X["era"])) == 4

    def test_without_the_reference(self, data):
        X, y, _ = data
        cv = WalkForwardEraSplit(4, 1, reference="numerai_meta_model")
        reference = X["numerai_meta_model"]
        self.agree(cv, X, y, [[9, 10, 11, 12], [13, 14, 15, 16]], reference)
        with pytest.warns(UserWarning, match="1 of 4 .* 1 have no test era with a val"):
            splits = list(cv.split(X))
        assert self.eras_tested(splits, X)[0] == [9, 10, 11, 12]

    def test_the_message_says_what_is_lacking(self, data):
        X, y, _ = data
        cv = WalkForwardEraSplit(4, 1, reference="numerai_meta_model")
        with pytest.warns(UserWarning, match="2 of 4") as caught:
            list(cv.split(X, y))
        (warning,) = caught
        assert str(warning.message) == (
            "2 of 4 windows cannot be scored and are skipped: 1 have no test era with "
            "a value in 'numerai_meta_model'; 1 have no test era with a target"
        )
        assert warning.filename == __file__

    def test_a_target_and_a_reference_in_other_rows(self, data):
        X, y, _ = data
        cv = WalkForwardEraSplit(4, 1, reference="numerai_meta_model")
        apart = y.where(X["numerai_meta_model"].isna())
        message = "none of the 4 windows .* 1 have no test era in which a row has a"
        with pytest.raises(ValueError, match=message):
            cv.get_n_splits(X, apart)

    def test_none_that_can_be_scored(self, data):
        X, y, cv = data
        message = "none of the 4 windows can be scored: 4 have no test era with a targ"
        with pytest.raises(ValueError, match=message):
            list(cv.split(X, y * np.nan))

    def test_a_reference_that_is_not_there(self, data):
        X, y, _ = data
        cv = WalkForwardEraSplit(4, 1, reference="meta")
        with pytest.raises(ValueError, match="`reference` names 'meta', which X does"):
            list(cv.split(X, y))
        with pytest.raises(ValueError, match="'meta' of X: pass X"):
            list(cv.split(groups=X["era"]))

    @pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "array"])
    def test_containers(self, data, kind):
        X, y, _ = data
        native, era = containers(X)[kind]
        reference = "numerai_meta_model" if era == "era" else X.shape[1] - 1
        cv = WalkForwardEraSplit(4, 1, reference=reference, era=era)
        with pytest.warns(UserWarning, match="2 of 4"):
            splits = list(cv.split(native, y.to_numpy()))
        assert self.eras_tested(splits, X) == [[9, 10, 11, 12], [13, 14, 15, 16]]

    @pytest.mark.parametrize("live", ["X", "0021"])
    def test_a_live_era_that_opens_a_window(self, data, live):
        X, y, cv = data
        X = pd.concat([X, X.iloc[:5].assign(era=live)])
        y = pd.concat([y, y.iloc[:5] * np.nan])
        with pytest.warns(UserWarning, match="2 of 5 windows"):
            assert len(list(cv.split(X, y))) == 3

    def test_a_search_by_contribution_finds_the_best(self, data):
        X, y, _ = data
        pipe = make_pipeline(EraRankGauss(), WeightedEnsemble({"a": 1.0, "b": 0.0}))
        grid = {"weightedensemble__weights": [{"b": 1.0}, {"a": 1.0}, {"a": 1, "b": 1}]}
        cv = WalkForwardEraSplit(4, 1, reference="numerai_meta_model")
        with pytest.warns(UserWarning, match="2 of 4 windows cannot be scored"):
            search = GridSearchCV(pipe, grid, cv=cv, scoring=contribution_scorer()).fit(
                X, y
            )
        means = search.cv_results_["mean_test_score"]
        number = X["era"].astype(int)
        expected = []
        for weights in grid["weightedensemble__weights"]:
            folds = []
            for low, high in [(12, 12), (13, 16)]:
                eras = X[number.between(low, high)]
                gauss = EraRankGauss().fit_transform(eras)
                blend = sum(w * gauss[name] for name, w in weights.items())
                scores = correlation_contribution(
                    y.loc[eras.index],
                    blend,
                    eras["numerai_meta_model"],
                    era=eras["era"],
                )
                folds.append(scores.mean().item())
            expected.append(np.mean(folds))
        np.testing.assert_allclose(means, expected, atol=1e-12)
        assert search.best_index_ == int(np.argmax(expected))

    def test_windows_without_a_target_are_predicted_all_the_same(self, data):
        X, y, _ = data
        cv = WalkForwardEraSplit(4, 1, reference="numerai_meta_model")
        mean = DummyRegressor()
        got = walk_forward_predict(mean, X, y.fillna(0.0), cv)
        assert got.notna().equals(X["era"] > "0004")
        blend = make_pipeline(EraRankGauss(), StackingWeights())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = walk_forward_predict(blend, X, y, cv)
        assert got.notna().equals(X["era"] > "0004")


class TestPurgeOfTheTarget:
    def columns(self):
        X, y = frame(n_eras=40)
        return X.assign(target_ender_20=-y, target_ender_60=y), y

    @pytest.mark.parametrize(
        ("name", "purge", "needed"),
        [
            ("target_ender_60", 8, 12),
            ("target_ender_60", 11, 12),
            ("target_ender_20", 3, 4),
            ("target", 8, 12),  # a copy of target_ender_60
        ],
    )
    def test_a_purge_that_is_too_short_warns(self, name, purge, needed):
        X, y = self.columns()
        cv = WalkForwardEraSplit(10, purge)
        message = f"`purge` {purge} is too short for .*_[26]0', .* purge={needed} or"
        with pytest.warns(UserWarning, match=message):
            list(cv.split(X, y.rename(name)))
        with pytest.warns(UserWarning, match=message):
            walk_forward_predict(DummyRegressor(), X, y.rename(name), cv)

    @pytest.mark.parametrize(
        ("name", "purge"),
        [
            ("target_ender_60", 12),
            ("target_ender_20", 4),
            (None, 0),
            ("y", 0),
            ("target", 12),
        ],
    )
    def test_others_do_not(self, name, purge):
        X, y = self.columns()
        assert len(list(WalkForwardEraSplit(10, purge).split(X, y.rename(name)))) > 1

    def test_an_alias_of_no_column_says_nothing(self):
        X, y = frame(n_eras=40)
        assert len(list(WalkForwardEraSplit(10, 0).split(X, y))) == 3
        X, _ = self.columns()
        assert len(list(WalkForwardEraSplit(10, 0).split(X, y.rank()))) == 3


class TestParameters:
    def test_first_era_is_where_the_chunks_start(self):
        table = WalkForwardEraSplit(first_era=575).windows(range(1, 1220))
        assert spans(table) == [
            ((575, 722), (731, 886)),
            ((575, 878), (887, 1042)),
            ((575, 1034), (1043, 1198)),
            ((575, 1190), (1199, 1219)),
        ]

    def test_max_train_eras_is_a_length_of_time(self):
        split = WalkForwardEraSplit(max_train_eras=100)
        assert spans(split.windows(range(1, 781))) == [
            ((49, 148), (157, 312)),
            ((205, 304), (313, 468)),
            ((361, 460), (469, 624)),
            ((517, 616), (625, 780)),
        ]
        assert split.windows(range(1, 781, 4))["n_train"].tolist() == [25] * 4

    def test_more_max_train_eras_than_there_are_change_nothing(self):
        table = WalkForwardEraSplit(max_train_eras=10_000).windows(range(1, 781))
        assert spans(table) == PUBLISHED

    def test_windows_without_eras_of_both_kinds_are_skipped(self):
        # Nothing before the second chunk; nothing in the fourth.
        eras = [*range(21, 30), *range(41, 50)]
        assert spans(WalkForwardEraSplit(10, 2).windows(eras)) == [((21, 29), (41, 49))]

    def test_a_purge_longer_than_a_chunk(self):
        table = WalkForwardEraSplit(2, 5).windows(range(1, 11))
        assert spans(table) == [((1, 1), (7, 8)), ((1, 3), (9, 10))]

    def test_no_purge_leaves_no_gap(self):
        assert spans(WalkForwardEraSplit(2, 0).windows(range(1, 5))) == [
            ((1, 2), (3, 4))
        ]

    @pytest.mark.parametrize(
        ("eras", "options"),
        [
            (range(1, 157), {}),
            (["0001"], {}),
            (["X"], {}),
            ([7], {"chunk_size": 1, "purge": 0}),
            (range(1, 400), {"first_era": 300}),
            (range(1, 11), {"chunk_size": 5, "purge": 9}),
        ],
    )
    def test_no_window_is_an_error_that_names_chunk_size(self, eras, options):
        split = WalkForwardEraSplit(**options)
        with pytest.raises(ValueError, match=r"Choose a smaller `chunk_size`"):
            split.windows(eras)
        with pytest.raises(ValueError, match=r"no window .* chunk_size="):
            list(split.split(None, groups=list(eras)))
        with pytest.raises(ValueError, match=f"there are {len(eras)} eras"):
            split.get_n_splits(None, groups=list(eras))

    @pytest.mark.parametrize(
        ("parameter", "value", "least"),
        [
            ("chunk_size", 0, 1),
            ("chunk_size", 1.5, 1),
            ("chunk_size", True, 1),
            ("purge", -1, 0),
            ("purge", None, 0),
            ("first_era", -1, 0),
            ("first_era", "0001", 0),
            ("max_train_eras", 0, 1),
            ("max_train_eras", 10.0, 1),
        ],
    )
    def test_what_cannot_be_used_is_refused_on_use(self, parameter, value, least):
        split = WalkForwardEraSplit(**{parameter: value})
        message = f"`{parameter}` must be a whole number of at least {least}; got"
        with pytest.raises(ValueError, match=message):
            split.windows(range(1, 781))

    def test_numpy_integers_are_fine(self):
        split = WalkForwardEraSplit(np.int64(156), np.int32(8), first_era=np.uint16(1))
        assert spans(split.windows(range(1, 781))) == PUBLISHED

    def test_after_chunk_size_and_purge_only_keywords(self):
        with pytest.raises(TypeError):
            WalkForwardEraSplit(156, 8, 1)


class TestSplit:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.integers(1, 60), min_size=2, max_size=80),
        st.integers(1, 12),
        st.integers(0, 15),
        st.integers(0, 5),
        st.none() | st.integers(1, 20),
    )
    def test_as_the_slow_loop(self, numbers, chunk, purge, first, longest):
        split = WalkForwardEraSplit(
            chunk, purge, first_era=first, max_train_eras=longest
        )
        expected = slow_windows(numbers, chunk, purge, first, longest)
        if not expected:
            with pytest.raises(ValueError, match="chunk_size"):
                list(split.split(None, groups=numbers))
            return
        splits = list(split.split(None, groups=numbers))
        assert eras_of(splits, numbers) == expected
        assert split.get_n_splits(None, groups=numbers) == len(expected)
        assert len(split.windows(numbers)) == len(expected)
        for train, test in splits:
            for rows, eras in [(train, "train"), (test, "test")]:
                assert rows.dtype == np.intp, eras
                assert (np.diff(rows) > 0).all(), eras
            # All rows of the eras, and the purge between them.
            tested = {numbers[row] for row in test}
            assert sum(n in tested for n in numbers) == len(test)
            trained = {numbers[row] for row in train}
            assert sum(n in trained for n in numbers) == len(train)
            assert min(tested) - max(trained) > purge

    def test_every_row_after_the_first_chunk_is_tested_once(self):
        X, _ = frame(n_eras=23)
        tests = [test for _, test in WalkForwardEraSplit(5, 2).split(X)]
        rows = np.sort(np.concatenate(tests))
        np.testing.assert_array_equal(rows, np.flatnonzero(X["era"] > "0005"))

    def test_shuffled_rows_are_the_same_rows(self):
        X, _ = frame(n_eras=20, mixed=False)
        order = np.random.default_rng(3).permutation(len(X))
        shuffled = X.iloc[order]
        cv = WalkForwardEraSplit(4, 1)
        for sorted_split, mixed_split in zip(
            cv.split(X), cv.split(shuffled), strict=True
        ):
            for rows, mixed in zip(sorted_split, mixed_split, strict=True):
                assert set(X.index[rows]) == set(shuffled.index[mixed])

    def test_y_of_other_rows_is_refused(self):
        X, y = frame()
        cv = WalkForwardEraSplit(4, 1)
        with pytest.raises(ValueError, match="`y` must have one value for each of 180"):
            cv.get_n_splits(X, y.to_numpy()[1:])
        with pytest.raises(ValueError, match="y has another index than X"):
            list(cv.split(X, y.sort_index()))

    def test_results_repeat(self):
        X, _ = frame()
        cv = WalkForwardEraSplit(4, 1)
        first, second = list(cv.split(X)), list(cv.split(X))
        assert pickle.dumps(first) == pickle.dumps(second)


def containers(X):
    """X in all kinds, with the era column of an array at its position."""
    numbers = X.assign(era=X["era"].astype(float)).to_numpy()
    return {
        "pandas": (X, "era"),
        "polars": (pl.from_pandas(X), "era"),
        "pyarrow": (pa.Table.from_pandas(X, preserve_index=False), "era"),
        "array": (numbers, 0),
        "array, from the end": (numbers[:, ::-1], -1),
        "float32": (numbers.astype(np.float32), 0),
        "object array": (X.astype(object).to_numpy(), 0),
        "list": (numbers.tolist(), 0),
    }


KINDS = list(containers(frame()[0]))


class TestContainers:
    @pytest.mark.parametrize("kind", KINDS)
    def test_x_of_any_kind(self, kind):
        X, _ = frame()
        native, era = containers(X)[kind]
        cv = WalkForwardEraSplit(4, 1, era=era)
        expected = list(WalkForwardEraSplit(4, 1).split(X))
        assert cv.get_n_splits(native) == len(expected) == 2
        for got, wanted in zip(cv.split(native), expected, strict=True):
            np.testing.assert_array_equal(got[0], wanted[0])
            np.testing.assert_array_equal(got[1], wanted[1])

    @pytest.mark.parametrize(
        "make",
        [
            list,
            tuple,
            np.asarray,
            pd.Series,
            pd.Index,
            pd.Categorical,
            pl.Series,
            pa.array,
            lambda labels: pa.chunked_array([labels[:7], labels[7:]]),
            lambda labels: pl.Series(labels).cast(pl.Categorical),
            lambda labels: pd.Series(labels, dtype="string"),
            lambda labels: pd.Series(labels).astype(int).to_numpy(),
        ],
    )
    def test_groups_of_any_kind(self, make):
        X, _ = frame()
        groups = make(X["era"].tolist())
        cv = WalkForwardEraSplit(4, 1)
        expected = list(cv.split(X))
        rows = np.zeros(len(X))
        assert cv.get_n_splits(rows, groups=groups) == 2
        assert len(cv.windows(groups)) == 2
        for got, wanted in zip(cv.split(rows, None, groups), expected, strict=True):
            np.testing.assert_array_equal(got[0], wanted[0])
            np.testing.assert_array_equal(got[1], wanted[1])

    def test_groups_win_over_the_column(self):
        X, _ = frame()
        wrong = X.assign(era="0001")
        got = list(WalkForwardEraSplit(4, 1).split(wrong, groups=X["era"]))
        assert len(got) == 2

    def test_another_column(self):
        X, _ = frame()
        cv = WalkForwardEraSplit(4, 1, era="date")
        assert cv.get_n_splits(X.rename(columns={"era": "date"})) == 2

    def test_no_labels(self):
        with pytest.raises(ValueError, match="0 rows"):
            WalkForwardEraSplit().windows([])


class TestRefusals:
    def test_neither_x_nor_groups(self):
        cv = WalkForwardEraSplit()
        for call in (cv.get_n_splits, lambda: list(cv.split(None))):
            with pytest.raises(ValueError, match="pass X with the column 'era', or"):
                call()

    @pytest.mark.parametrize(
        ("X", "era"),
        [
            (pd.DataFrame({"a": np.zeros(3000)}), "era"),
            (pl.DataFrame({"a": np.zeros(3000)}), "era"),
            (pd.DataFrame({"era": ["1"]}), "date"),
            (pd.DataFrame({"era": ["1"]}), None),
            (np.zeros((30, 2)), "era"),
            (np.zeros((30, 2)), None),
        ],
    )
    def test_no_era_column(self, X, era):
        # Also of as many rows as one era has: one era makes no window.
        with pytest.raises(ValueError, match=f"no era column {era!r}.*`groups`"):
            WalkForwardEraSplit(1, 0, era=era).get_n_splits(X)

    def test_a_position_in_a_frame(self):
        with pytest.raises(ValueError, match="`era` must be a column name"):
            WalkForwardEraSplit(era=0).get_n_splits(pd.DataFrame({"era": ["1"]}))

    def test_a_position_outside_an_array(self):
        with pytest.raises(ValueError, match="a position among the 2 columns; got 2"):
            WalkForwardEraSplit(era=2).get_n_splits(np.zeros((3, 2)))

    def test_a_lazy_frame(self):
        with pytest.raises(TypeError, match="LazyFrame"):
            WalkForwardEraSplit().get_n_splits(pl.LazyFrame({"era": ["1"]}))

    @pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
    def test_missing_labels(self, missing):
        labels = ["0001", "0002", missing, "0003"]
        cv = WalkForwardEraSplit(1, 0)
        message = "has 1 missing labels, the first in row 2"
        with pytest.raises(ValueError, match=message):
            cv.get_n_splits(pd.DataFrame({"era": labels}))
        with pytest.raises(ValueError, match=f"'groups' {message}"):
            list(cv.split(None, groups=labels))
        with pytest.raises(ValueError, match=f"'eras' {message}"):
            cv.windows(labels)

    def test_missing_labels_in_an_array(self):
        with pytest.raises(ValueError, match="missing labels"):
            WalkForwardEraSplit(1, 0).get_n_splits(None, None, np.array([1, np.nan]))

    def test_groups_of_another_length(self):
        X, _ = frame()
        with pytest.raises(ValueError, match="rows and `groups` has"):
            WalkForwardEraSplit(4, 1).get_n_splits(X, groups=X["era"].iloc[1:])

    def test_groups_of_another_index(self):
        X, _ = frame()
        with pytest.raises(ValueError, match="groups has another index than X"):
            WalkForwardEraSplit(4, 1).get_n_splits(X, groups=X["era"].sort_index())

    @pytest.mark.parametrize(
        "labels", [np.zeros((3, 2)), pd.DataFrame({"era": ["1"]}), "0001", 3]
    )
    def test_labels_that_are_no_column(self, labels):
        with pytest.raises(ValueError, match="`eras` must be one column"):
            WalkForwardEraSplit().windows(labels)


class TestAsScikitLearnSplitter:
    def test_repr_shows_the_parameters(self):
        text = repr(WalkForwardEraSplit(10, 2, max_train_eras=5))
        assert text.startswith("WalkForwardEraSplit(")
        for part in (
            "chunk_size=10",
            "purge=2",
            "first_era=1",
            "max_train_eras=5",
            "era='era'",
        ):
            assert part in text

    @pytest.mark.parametrize(
        "copied", [lambda cv: pickle.loads(pickle.dumps(cv)), lambda cv: _cloned(cv)]
    )
    def test_copies(self, copied):
        cv = WalkForwardEraSplit(4, 1, first_era=2, max_train_eras=3, era="date")
        assert vars(copied(cv)) == vars(cv)
        assert repr(copied(cv)) == repr(cv)

    @pytest.mark.parametrize("kind", KINDS)
    def test_cross_validate(self, kind):
        if kind == "pyarrow" and sklearn.__version__.startswith("1.6"):
            pytest.skip("scikit-learn 1.6 does not take rows of Arrow tables")
        X, y = frame()
        native, era = containers(X)[kind]
        a, b = {"era": ("a", "b"), 0: (1, 2), -1: (3, 2)}[era]
        model = WeightedEnsemble({a: 0.7, b: 0.3}, era=era)
        cv = WalkForwardEraSplit(4, 1, era=era)
        got = cross_validate(model, native, y.to_numpy(), cv=cv, error_score="raise")
        model = WeightedEnsemble({"a": 0.7, "b": 0.3})
        expected = [
            model.fit(X.iloc[train]).score(X.iloc[test], y.iloc[test])
            for train, test in WalkForwardEraSplit(4, 1).split(X)
        ]
        np.testing.assert_allclose(got["test_score"], expected, rtol=1e-6)

    def test_groups_instead_of_a_column(self):
        X, y = frame()
        scores = cross_validate(
            LinearRegression(),
            X.drop(columns="era"),
            y,
            groups=X["era"],
            cv=WalkForwardEraSplit(4, 1),
        )
        assert len(scores["test_score"]) == 2

    def test_groups_with_metadata_routing(self):
        X, y = frame()
        with sklearn.config_context(enable_metadata_routing=True):
            scores = cross_validate(
                LinearRegression(),
                X.drop(columns="era"),
                y,
                params={"groups": X["era"]},
                cv=WalkForwardEraSplit(4, 1),
            )
        assert len(scores["test_score"]) == 2

    def test_the_scorer_sees_every_era_and_row_of_the_fold(self, recorder):
        X, y = frame(n_eras=14)
        GridSearchCV(
            recorder, {}, cv=WalkForwardEraSplit(4, 2), refit=False, error_score="raise"
        ).fit(X, y)
        scored = [(eras, n) for what, eras, n, _ in recorder.seen if what == "score"]
        numbers = [["0005", "0006", "0007", "0008"], ["0009", "0010", "0011", "0012"]]
        numbers.append(["0013", "0014"])
        assert scored == [({*eras}, 15 * len(eras)) for eras in numbers]
        fitted = [eras for what, eras, _, _ in recorder.seen if what == "fit"]
        last = [max(eras) for eras in fitted]
        assert last == ["0002", "0006", "0010"]

    def test_grid_search_over_weights_picks_as_a_loop_does(self):
        X, y = frame(n_eras=16, rows=40)
        pipeline = make_pipeline(EraRankGauss(columns=["a", "b"]), WeightedEnsemble())
        grid = weight_grid(["a", "b"], step=0.05)
        cv = WalkForwardEraSplit(4, 2)
        search = GridSearchCV(
            pipeline,
            {"weightedensemble__weights": grid},
            cv=cv,
            error_score="raise",
        ).fit(X, y)
        means = []
        for weights in grid:
            candidate = clone(pipeline).set_params(weightedensemble__weights=weights)
            scores = [
                clone(candidate)
                .fit(X.iloc[train], y.iloc[train])
                .score(X.iloc[test], y.iloc[test])
                for train, test in cv.split(X)
            ]
            means.append(np.mean(scores))
        np.testing.assert_allclose(search.cv_results_["mean_test_score"], means)
        best = grid[int(np.argmax(means))]
        assert search.best_params_ == {"weightedensemble__weights": best}
        assert search.best_estimator_[-1].weights_ == best
        # The target depends on "a" six times as much as on "b".
        assert best["a"] > best["b"]

    def test_grid_search_clones_and_counts(self):
        X, y = frame()
        search = clone(
            GridSearchCV(
                WeightedEnsemble(),
                {"weights": weight_grid(["a", "b"], step=0.5)},
                cv=WalkForwardEraSplit(4, 1),
            )
        ).fit(X, y)
        assert search.n_splits_ == 2


def _cloned(cv):
    return clone(GridSearchCV(LinearRegression(), {}, cv=cv)).cv


class TestWalkForwardPredict:
    def regression(self):
        return make_pipeline(
            make_column_transformer(("passthrough", ["a", "b", *FEATURES])),
            LinearRegression(),
        )

    def by_hand(self, X, y, cv):
        numbers = X["era"].astype(int).to_numpy()
        out = np.full(len(X), np.nan)
        for train, test in slow_windows(numbers.tolist(), cv.chunk_size, cv.purge):
            inside, tested = np.isin(numbers, [*train]), np.isin(numbers, [*test])
            model = self.regression().fit(X[inside], y[inside])
            out[tested] = model.predict(X[tested])
        return out

    def test_as_a_hand_loop(self):
        X, y = frame(n_eras=18)
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(self.regression(), X, y, cv)
        np.testing.assert_allclose(got, self.by_hand(X, y, cv), rtol=1e-12)
        assert got.index.equals(X.index)
        np.testing.assert_array_equal(np.isnan(got), X["era"] < "0005")

    @pytest.mark.parametrize("target", ["pandas", "polars", "pyarrow", "array", "list"])
    @pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
    def test_containers(self, kind, target):
        X, y = frame(n_eras=9)
        native = containers(X)[kind][0]
        targets = {
            "pandas": y,
            "polars": pl.Series(y.to_numpy()),
            "pyarrow": pa.array(y.to_numpy()),
            "array": y.to_numpy(),
            "list": y.tolist(),
        }
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(Arrays(), native, targets[target], cv)
        wanted = walk_forward_predict(Arrays(), X, y, cv)
        np.testing.assert_array_equal(got, wanted)
        assert np.isfinite(got).sum() == 5 * 15

    @pytest.mark.parametrize(
        ("make_x", "make_y"),
        [
            (pd.DataFrame, pd.Series),
            (pl.from_pandas, pl.from_pandas),
            (pa.Table.from_pandas, lambda y: pa.chunked_array([y])),
            (lambda X: X.to_numpy(), lambda y: y.to_numpy()),
        ],
    )
    def test_the_model_gets_the_kinds_that_were_given(self, make_x, make_y):
        frame_, target = frame(n_eras=9)
        X, y = make_x(frame_), make_y(target)
        kinds = []

        class Kinds(Arrays):
            def fit(self, X, y):
                kinds.append((type(X), type(y)))
                return super().fit(X, y)

            def predict(self, X):
                kinds.append((type(X), type(y)))
                return super().predict(X)

        cv = WalkForwardEraSplit(5, 2)
        walk_forward_predict(Kinds(), X, y, cv, groups=frame_["era"].to_numpy())
        assert kinds == [(type(X), type(y))] * 2

    def test_array_with_groups(self):
        X, y = frame(n_eras=9)
        values = X.drop(columns="era").to_numpy()
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(
            LinearRegression(), values, y, cv, groups=X["era"].to_numpy()
        )
        np.testing.assert_allclose(got, self.by_hand(X, y, cv), rtol=1e-9)

    def test_the_default_is_the_published_windows(self, recorder):
        X = pd.DataFrame({"era": [f"{era:04d}" for era in range(1, 640)]})
        got = walk_forward_predict(recorder, X, keep_era=True)
        numbers = np.arange(1, 640)
        expected = np.select(
            [numbers > 624, numbers > 468, numbers > 312, numbers > 156],
            [616.0, 460.0, 304.0, 148.0],
            np.nan,
        )
        np.testing.assert_array_equal(got, expected)

    def test_y_may_be_none(self, recorder):
        X, _ = frame(n_eras=9)
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(recorder, X, None, cv, keep_era=True)
        assert np.nanmax(got) == 6
        assert all(without for what, _, _, without in recorder.seen if what == "fit")

    def test_a_model_never_sees_its_test_eras_or_the_purge(self):
        X, y = frame(n_eras=20)
        cv = WalkForwardEraSplit(4, 2)
        before = walk_forward_predict(self.regression(), X, y, cv)
        # Whatever the targets from era 7 on, the predictions of eras 5 to 8 stay.
        other = y.mask(X["era"] > "0002", 1e6)
        after = walk_forward_predict(self.regression(), X, other, cv)
        same = (X["era"] > "0004") & (X["era"] <= "0008")
        np.testing.assert_array_equal(before[same], after[same])
        assert (before[X["era"] > "0008"] != after[X["era"] > "0008"]).all()

    def test_a_model_is_not_handed_the_era_column(self):
        X, y = frame(n_eras=12)
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(LinearRegression(), X, y, cv)
        plain = X.drop(columns="era")
        for train, test in cv.split(X):
            model = LinearRegression().fit(plain.iloc[train], y.iloc[train])
            expected = model.predict(plain.iloc[test])
            np.testing.assert_allclose(got.iloc[test], expected, atol=1e-12)

    @pytest.mark.parametrize("keep_era", [None, False, True])
    @pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "array"])
    def test_keep_era(self, kind, keep_era):
        X, y = frame(n_eras=9)
        native, era = containers(X)[kind]
        seen = []

        class Columns(Arrays):
            def fit(self, X, y):
                seen.append(np.asarray(X).shape[1])
                return super().fit(X, y)

        cv = WalkForwardEraSplit(4, 2, era=era)
        walk_forward_predict(Columns(), native, y.to_numpy(), cv, keep_era=keep_era)
        assert seen == [5 if keep_era else 4] * 2

    @pytest.mark.parametrize("wrap", [False, True])
    def test_an_estimator_that_names_the_era_column_gets_it(self, wrap):
        X, y = frame(n_eras=12)
        X = X.rename(columns={"era": "week"})
        pipe = make_pipeline(EraRankGauss(era="week"), WeightedEnsemble(era="week"))
        cv = WalkForwardEraSplit(4, 2, era="week")
        model = GridSearchCV(pipe, {}, cv=2) if wrap else pipe
        got = walk_forward_predict(model, X, y, cv)
        late = X["week"] > "0004"
        expected = pipe.fit(X).predict(X)
        np.testing.assert_array_equal(got[late], expected[late])
        with pytest.raises(ValueError, match="no era column 'week'"):
            walk_forward_predict(pipe, X, y, cv, keep_era=False)

    def test_what_comes_out_goes_into_metrics_and_a_submission(self):
        X, y = frame(n_eras=9)
        pipe = make_pipeline(EraRankGauss(), WeightedEnsemble(), EraRank())
        got = walk_forward_predict(pipe, X, y, WalkForwardEraSplit(4, 2))
        scores = numerai_corr(y, got, era=X["era"])
        assert scores.dropna().index.tolist() == [f"000{era}" for era in range(5, 10)]
        last = X[X["era"] == "0009"]
        made = submission(got[last.index], last, allow_ties=True)
        assert made["id"].tolist() == last.index.tolist()
        np.testing.assert_array_equal(made["prediction"], got[last.index])

    def test_nothing_given_is_changed(self):
        X, y = frame(n_eras=9)
        X_before, y_before = X.copy(), y.copy()
        model = self.regression()
        walk_forward_predict(model, X, y, WalkForwardEraSplit(4, 2))
        pd.testing.assert_frame_equal(X, X_before)
        pd.testing.assert_series_equal(y, y_before)
        assert not hasattr(model[-1], "coef_")

    def test_several_outputs(self):
        X, y = frame(n_eras=9)
        two = np.column_stack([y, -y])
        cv = WalkForwardEraSplit(4, 2)
        got = walk_forward_predict(self.regression(), X, two, cv)
        one = walk_forward_predict(self.regression(), X, y, cv)
        assert got.shape == (len(X), 2)
        np.testing.assert_allclose(got, np.column_stack([one, -one]), atol=1e-12)

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)],
    )
    def test_precision(self, dtype, expected):
        X, y = frame(n_eras=9)

        class Typed(Arrays):
            def predict(self, X):
                return np.ones(len(X), dtype=dtype)

        got = walk_forward_predict(Typed(), X, y, WalkForwardEraSplit(4, 2))
        assert got.dtype == expected

    def test_other_splitters_and_iterables(self):
        X, y = frame(n_eras=9)
        values = X.drop(columns="era").to_numpy()
        whole = walk_forward_predict(LinearRegression(), values, y, KFold(3))
        expected = cross_val_predict(LinearRegression(), values, y, cv=KFold(3))
        np.testing.assert_allclose(whole, expected, rtol=1e-12)
        pairs = [(train.tolist(), test) for train, test in KFold(3).split(values)]
        got = walk_forward_predict(LinearRegression(), values, y, iter(pairs))
        np.testing.assert_array_equal(got, whole)
        masks = [
            tuple(np.isin(np.arange(len(X)), rows) for rows in pair) for pair in pairs
        ]
        got = walk_forward_predict(LinearRegression(), values, y, masks)
        np.testing.assert_array_equal(got, whole)

    def test_a_number_of_folds_is_refused(self):
        X, y = frame()
        with pytest.raises(ValueError, match=r"`cv` must be a splitter .* got 5"):
            walk_forward_predict(self.regression(), X, y, 5)

    def test_a_row_in_two_windows_is_refused_before_anything_is_fitted(self, recorder):
        X, y = frame()
        cv = ShuffleSplit(5, test_size=0.5, random_state=0)
        with pytest.raises(ValueError, match=r"`cv` predicts row \d+ in \d windows"):
            walk_forward_predict(recorder, X, y, cv)
        assert not recorder.seen

    def test_no_window(self):
        X, y = frame()
        with pytest.raises(ValueError, match="no window"):
            walk_forward_predict(self.regression(), X, y, [])
        with pytest.raises(ValueError, match="chunk_size"):
            walk_forward_predict(self.regression(), X, y)

    def test_y_of_other_rows(self):
        X, y = frame()
        cv = WalkForwardEraSplit(4, 2)
        with pytest.raises(ValueError, match="y has another index than X"):
            walk_forward_predict(self.regression(), X, y.sort_index(), cv)
        with pytest.raises(ValueError, match="X has 180 rows and y has 179"):
            walk_forward_predict(self.regression(), X, y.iloc[1:], cv)

    def test_predictions_that_are_no_numbers(self):
        X, y = frame()
        with pytest.raises(ValueError, match="predictions must be numbers; Dummy"):
            walk_forward_predict(
                DummyClassifier(), X, y.gt(0).map(str), WalkForwardEraSplit(4, 2)
            )

    def test_predictions_that_are_not_one_a_row(self):
        class Short(Arrays):
            def predict(self, X):
                return np.zeros(len(X) - 1)

        X, y = frame()
        with pytest.raises(ValueError, match=r"one a row; Short .* \(59,\) for 60"):
            walk_forward_predict(Short(), X, y, WalkForwardEraSplit(4, 2))

    def test_predictions_of_unlike_shapes(self):
        class Growing(Arrays):
            def predict(self, X):
                return np.zeros((len(X), self.rows_))

        X, y = frame()
        with pytest.raises(ValueError, match="unlike numbers of columns"):
            walk_forward_predict(Growing(), X, y, WalkForwardEraSplit(4, 2))

    def test_progress_is_off_unless_asked_for(self, capsys):
        X, y = frame()
        cv = WalkForwardEraSplit(4, 2)
        walk_forward_predict(self.regression(), X, y, cv)
        assert capsys.readouterr() == ("", "")
        walk_forward_predict(self.regression(), X, y, cv, progress=True)
        out, err = capsys.readouterr()
        assert out == ""
        assert "2/2" in err


class Arrays(RegressorMixin, BaseEstimator):
    """Predicts the mean target plus the number of training rows, whatever X is."""

    def fit(self, X, y):
        assert len(X) == len(y)
        self.rows_ = len(X)
        self.mean_ = float(np.asarray(y).mean())
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ + self.rows_)


def slow_grid(k, n, largest):
    """All points of a grid by trying every one."""
    points = itertools.product(range(largest + 1), repeat=k)
    return [point for point in points if sum(point) == n]


class TestWeightGrid:
    @pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
    @pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 10])
    @pytest.mark.parametrize("max_weight", [1.0, 0.9, 0.5, 0.34, 0.3])
    def test_as_brute_force(self, k, n, max_weight):
        names = list("abcde"[:k])
        largest = int(max_weight * n + 1e-9)
        expected = slow_grid(k, n, largest)
        if not expected:
            with pytest.raises(ValueError, match="`max_weight` must be at least"):
                weight_grid(names, 1 / n, max_weight)
            return
        got = weight_grid(names, 1 / n, max_weight)
        assert got == [
            {name: i / n for name, i in zip(names, point, strict=True)}
            for point in expected
        ]

    def test_weights_are_the_nearest_floats(self):
        grid = weight_grid(["a", "b", "c"], step=0.1)
        assert len(grid) == comb(12, 2)
        values = {weight for point in grid for weight in point.values()}
        assert values == {float(f"0.{i}") for i in range(10)} | {1.0}
        assert all(type(weight) is float for weight in values)

    @pytest.mark.parametrize("step", [0.1, 0.05, 0.02, 0.01, 1 / 3, 1 / 7, 1e-3])
    def test_weights_sum_to_one(self, step):
        for point in weight_grid(["a", "b"], step):
            assert abs(sum(point.values()) - 1) < 1e-15

    def test_a_bound_that_floats_hold_only_nearly(self):
        # 0.3 is a little below three tenths, and 3 * 0.1 a little above.
        for bound in (0.3, 3 * 0.1):
            grid = weight_grid(["a", "b", "c", "d"], 0.1, bound)
            assert max(max(point.values()) for point in grid) == 0.3

    def test_a_bound_between_two_steps(self):
        grid = weight_grid(["a", "b"], 0.1, 0.55)
        assert grid == [{"a": 0.5, "b": 0.5}]

    def test_one_name(self):
        assert weight_grid(["a"]) == [{"a": 1.0}]

    def test_one_step(self):
        assert weight_grid(["a", "b"], 1) == [{"a": 0, "b": 1}, {"a": 1, "b": 0}]

    @pytest.mark.parametrize(
        "names", [("b", "a"), iter(["b", "a"]), pd.Index(["b", "a"]), {"b": 0, "a": 0}]
    )
    def test_names_of_any_kind_keep_their_order(self, names):
        assert [list(point) for point in weight_grid(names, 1)] == [["b", "a"]] * 2

    @pytest.mark.parametrize("names", [["", " "], ["é", "💡"], ["a__b", "c=d"], [0, 1]])
    def test_any_names(self, names):
        assert weight_grid(names, 1)[0] == {names[0]: 0.0, names[1]: 1.0}

    def test_the_ensemble_takes_every_point(self):
        X, _ = frame()
        for weights in weight_grid(["a", "b"], 0.25):
            assert WeightedEnsemble(weights).fit(X).weights_ == weights

    @pytest.mark.parametrize(
        "step", [0.3, 0.15, 0.0, -0.1, 1.5, 2, np.nan, np.inf, "0.1", None, True]
    )
    def test_a_step_that_does_not_divide_one(self, step):
        message = f"`step` must be 1 divided by a whole number.*got {step!r}"
        with pytest.raises(ValueError, match=message):
            weight_grid(["a", "b", "c"], step)

    @pytest.mark.parametrize("bound", [-0.1, 1.1, np.nan, None, "1"])
    def test_a_bound_that_is_no_share(self, bound):
        with pytest.raises(ValueError, match="`max_weight` must be between 0 and 1"):
            weight_grid(["a", "b"], 0.1, bound)

    @pytest.mark.parametrize(
        ("k", "bound", "least"), [(2, 0.4, 0.5), (3, 1 / 3, 0.4), (4, 0.0, 0.3)]
    )
    def test_a_bound_that_no_weights_keep(self, k, bound, least):
        message = f"`max_weight` must be at least {least} for {k} weights in steps of"
        with pytest.raises(ValueError, match=message):
            weight_grid(range(k), 0.1, bound)
        assert weight_grid(range(k), 0.1, least)

    @pytest.mark.parametrize("names", ["abc", 3, None])
    def test_names_that_are_no_list(self, names):
        with pytest.raises(ValueError, match="`names` must be a list of names; got"):
            weight_grid(names)

    def test_no_names(self):
        with pytest.raises(ValueError, match="at least one name"):
            weight_grid([])

    def test_a_name_that_comes_twice(self):
        with pytest.raises(ValueError, match="'a' come more than once"):
            weight_grid(["a", "b", "a"])

    def test_the_largest_grid_there_may_be(self):
        # 446 steps: 447 * 448 / 2 = 100,128 points; 445 steps: 99,681.
        assert len(weight_grid(["a", "b", "c"], 1 / 445)) == 99_681
        with pytest.raises(ValueError, match=r"would make 100,128 points, over 100,00"):
            weight_grid(["a", "b", "c"], 1 / 446)

    @pytest.mark.parametrize(
        ("k", "step", "bound", "count"),
        [
            (22, 0.1, 1.0, f"{comb(31, 10):,}"),
            (22, 0.01, 1.0, r"about 10\^23"),
            (5000, 0.001, 0.01, "about 10"),
            (2000, 1e-6, 1.0, "about 10"),
            (3, 5e-324, 1.0, "about 10"),
        ],
    )
    def test_too_large_a_grid_is_refused_at_once(self, k, step, bound, count):
        start = time.perf_counter()
        with pytest.raises(ValueError, match=f"would make {count}.*a larger `step`"):
            weight_grid([f"m{i}" for i in range(k)], step, bound)
        assert time.perf_counter() - start < 2.0

    def test_few_points_of_many_names_are_made_at_once(self):
        start = time.perf_counter()
        grid = weight_grid(range(40), 0.025, 0.025)
        assert grid == [dict.fromkeys(range(40), 0.025)]
        assert len(weight_grid(range(300), 1)) == 300
        assert time.perf_counter() - start < 2.0


def test_importing_loads_no_progress_bar():
    code = "import sys, skbench.model_selection; print('tqdm' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
