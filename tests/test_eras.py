"""Grouping rows by era, and the order of eras."""

import pkgutil
import re
import subprocess
import sys
from datetime import date, datetime, timedelta
from threading import get_ident

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from skbench import (
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    analysis,
    metrics,
)
from skbench._aligned import Aligned, Input
from skbench._eras import (
    Eras,
    chronological,
    era_counts,
    era_key,
    era_numbers,
    era_time,
    find_eras,
    map_eras,
)
from skbench._eras import blas_threads as limited_to
from skbench._frames import as_table
from skbench.datasets import make_benchmark_models
from skbench.deploy import find_duplicates
from skbench.recipes import riskiest_features


def rows_of(labels):
    table = as_table(pd.DataFrame({"era": labels, "x": 1.0}))
    eras = find_eras(table, "era")
    positions = np.arange(table.n_rows)
    return dict(
        zip(eras.labels, (positions[r].tolist() for r in eras.rows), strict=True)
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "b", "a"], {"b": [0, 1], "a": [2]}),
        (["b", "a", "b"], {"b": [0, 2], "a": [1]}),
        ([3, 1, 3, 1], {3: [0, 2], 1: [1, 3]}),
        (["a"], {"a": [0]}),
    ],
)
def test_rows_of_an_era_are_found_in_row_order(labels, expected):
    assert rows_of(labels) == expected


def test_contiguous_eras_are_slices_so_that_nothing_is_copied():
    table = as_table(pd.DataFrame({"era": list("ccaab"), "x": 1.0}))
    assert find_eras(table, "era").rows == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_more_eras_than_sixteen_bits_hold():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(70_000), 2))
    grouped = rows_of(labels)
    assert len(grouped) == 70_000
    assert all((labels[rows] == label).all() for label, rows in grouped.items())


# Labels, and the era number or the day that they name.
TIMES = [
    ("0575", 575),
    ("era12", 12),
    ("0000000000000000000012", 12),
    (12, 12),
    (12.0, 12),
    ("12.0", 12),
    (np.float32(12), 12),
    (9999, 9999),
    (-3, -3),
    ("-3", -3),
    ("+3", 3),
    ("era-3", 3),
    ("era 3 (test)", 3),
    (0, 0),
    ("2024-01-05", date(2024, 1, 5)),
    ("2024-01-05 00:00:00", date(2024, 1, 5)),
    ("2024-01-05T00:00:00.000000000", date(2024, 1, 5)),
    ("2024-01-05T00:00:00+09:00", date(2024, 1, 5)),
    (pd.Timestamp("2024-01-05"), date(2024, 1, 5)),
    (pd.Timestamp("2024-01-05", tz="Asia/Tokyo"), date(2024, 1, 5)),
    (np.datetime64("2024-01-05"), date(2024, 1, 5)),
    (np.datetime64("2024-01-05", "ns"), date(2024, 1, 5)),
    (datetime(2024, 1, 5), date(2024, 1, 5)),
    (date(2024, 1, 5), date(2024, 1, 5)),
    (pd.Period("2024-01-05", "D"), date(2024, 1, 5)),
    (pd.Period("2024-01", "M"), date(2024, 1, 1)),
    ("2024-01", date(2024, 1, 1)),
    ("2024-W02", date(2024, 1, 8)),
    ("20240105", date(2024, 1, 5)),
    (20240105, date(2024, 1, 5)),
    (np.int64(20240105), date(2024, 1, 5)),
    (20240105.0, date(2024, 1, 5)),
    (19000101, date(1900, 1, 1)),
    (21001231, date(2100, 12, 31)),
    ("1969-12-31", date(1969, 12, 31)),
]
# Labels that name no time: epochs, six digits, years that no data have, two numbers.
NO_TIMES = [
    *("X", "eraX", "", "202401", 202401, "240105", 240105, 10000, "era10000"),
    *(1704412800, 1704412800000, "1704412800", 18991231, 21010101, 20241301, 20230229),
    *("2024-13", "2024-02-30", "2024-W54", "2024-01-05 noon", "2024/01/05", "Q1 2018"),
    *("2018Q1", 12.5, "12.5", "1e3", float("inf"), True, (1, 2), "2024-1-5"),
]


@pytest.mark.parametrize(("label", "time"), TIMES, ids=repr)
def test_a_label_names_an_era_number_or_a_date(label, time):
    if isinstance(time, date):
        assert era_time(label) == ("date", (time - date(1970, 1, 1)).days / 7)
    else:
        assert era_time(label) == ("number", time)


@pytest.mark.parametrize("label", NO_TIMES, ids=repr)
def test_a_label_that_names_no_time(label):
    assert era_time(label) is None


def test_hours_of_a_day_are_parts_of_a_week():
    noon = era_time("2024-01-05 12:00")
    assert noon == era_time(pd.Timestamp("2024-01-05 12:00"))
    assert noon[1] == pytest.approx(era_time("2024-01-05")[1] + 0.5 / 7, abs=1e-12)


def test_eras_are_ordered_by_their_number_and_the_live_era_is_last():
    labels = ["eraX", "era10", "era9", "era-11"]
    assert chronological(labels) == [2, 1, 3, 0]
    assert era_numbers(labels).tolist() == [12, 10, 9, 11]
    assert era_numbers(["X"]).tolist() == [1]


SPELLINGS = {
    "ISO text": lambda dates: [str(day.date()) for day in dates],
    "timestamps": list,
    "dates": lambda dates: [day.date() for day in dates],
    "numpy": lambda dates: list(dates.to_numpy()),
    "digits": lambda dates: [day.strftime("%Y%m%d") for day in dates],
    "integers": lambda dates: [int(day.strftime("%Y%m%d")) for day in dates],
    "text with a time": lambda dates: [str(day) for day in dates],
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
class TestDates:
    def test_are_ordered_before_the_live_era(self, spell):
        labels = spell(pd.to_datetime(["2024-01-12", "2023-12-29", "2024-01-05"]))
        assert chronological([*labels, "X"]) == [1, 2, 0, 3]
        assert chronological(["X", *labels]) == [2, 3, 1, 0]

    def test_number_weeks_not_rounded(self, spell):
        labels = spell(pd.to_datetime(["2024-01-05", "2024-01-31"]))
        days = [19727, 19753]  # since 1970-01-01
        assert era_numbers([*labels, "X"]).tolist() == [
            days[0] / 7,
            days[1] / 7,
            days[1] / 7 + 1,
        ]

    def test_count_whole_weeks_from_the_first(self, spell):
        # A week is missing, and a holiday moves one by a day.
        days = ["2024-03-15", "2024-03-22", "2024-03-28", "2024-04-12"]
        labels = [*spell(pd.to_datetime(days)), "X"]
        assert era_counts(labels).tolist() == [1, 2, 3, 5, 6]

    def test_of_months_count_weeks(self, spell):
        months = pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-29"])
        assert era_counts(spell(months)).tolist() == [1, 5, 9]

    def test_of_one_week_count_its_sevenths(self, spell):
        days = pd.to_datetime(["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-11"])
        counts = era_counts(spell(days))
        np.testing.assert_allclose(counts, 1 + np.array([0, 1, 4, 7]) / 7, atol=1e-8)
        assert counts[3] == 2.0


@pytest.mark.parametrize(
    ("labels", "first", "second"),
    [
        (["Q1 2018", "Q2 2018"], "'Q1 2018'", "'Q2 2018'"),
        (["0001", "X", "eraX"], "'X'", "'eraX'"),
        ([1704412800, 1705017600], "1704412800", "1705017600"),
        (["202401", "202402"], "'202401'", "'202402'"),
        (["0001", "2024-01-05"], "'0001'", "'2024-01-05'"),
        ([575, 20240105, "X"], "575", "20240105"),
    ],
)
def test_labels_without_an_order_say_how_to_label(labels, first, second):
    message = f"the era labels {first} and {second} do not say which comes first"
    for need_order in (era_numbers, era_counts, chronological):
        with pytest.raises(ValueError, match=message):
            need_order(labels)
    text = [labels[i] for i in chronological(labels, needed=False)]
    assert text == sorted(labels, key=str)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["0012", "era12"], "number"),
        (["era-12", 12], "number"),
        (["2024-01-05", "20240105"], "date"),
        ([pd.Timestamp("2024-01-05"), "2024-01-05"], "date"),
        (["2024-01", "2024-01-01"], "date"),
    ],
)
@pytest.mark.parametrize("needed", [True, False])
def test_two_labels_of_one_time_are_refused(labels, kind, needed):
    message = f"{labels[0]!r} and {labels[1]!r} have the same {kind}"
    with pytest.raises(ValueError, match=re.escape(message)):
        chronological(labels, needed=needed)


def test_an_era_has_one_key_however_it_is_written():
    assert len({era_key(label) for label in ["0575", 575, "era575", 575.0]}) == 1
    day = pd.Timestamp("2024-01-05")
    assert len({era_key(x) for x in [day, "2024-01-05", 20240105, day.date()]}) == 1
    assert era_key("X") == "X"
    # Week 575 of 1970 and after is not era 575.
    assert era_key(575) != era_key(date(1970, 1, 1) + timedelta(weeks=575))


@pytest.mark.parametrize("dtype", ["str", object, "category", "string"])
@pytest.mark.parametrize("order", ["runs", "mixed", "one row"])
@pytest.mark.parametrize("missing", [False, True])
def test_labels_are_those_of_a_look_at_every_row(dtype, order, missing):
    rows = np.repeat(["0003", "0001", "eraX", "0002", "0001"], [5, 7, 1, 20, 6])
    rows = rows.astype(object)[: 1 if order == "one row" else None]
    if order == "mixed":
        rows = np.random.default_rng(0).permutation(rows)
    if missing:
        rows[1::9] = None
        rows[:1] = None
    column = pd.Series(rows, dtype=dtype)
    codes, labels = as_table(pd.DataFrame({"era": column})).labels("era")
    expected_codes, expected = pd.factorize(column)
    assert codes.tolist() == expected_codes.tolist()
    assert labels == list(expected)


def test_labels_of_several_kinds_in_one_column_are_told_apart():
    rows = [1, 1, "1", "1", None, None, (1, 2), (1, 2), 1.0, True]
    frame = pd.DataFrame({"era": pd.Series(rows, dtype=object)})
    codes, labels = as_table(frame).labels("era")
    assert codes.tolist() == pd.factorize(frame["era"])[0].tolist()
    assert labels == [1, "1", (1, 2)]


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1, np.int64(2)])
def test_results_come_in_the_order_of_the_eras(n_jobs):
    table = as_table(pd.DataFrame({"era": list("aabbbc"), "x": 1.0}))
    eras = find_eras(table, "era")
    results = list(map_eras(lambda rows: rows.stop, eras, n_jobs))
    assert results == [(rows, rows.stop) for rows in eras.rows]


def test_more_eras_than_tasks_come_in_order_too():
    table = as_table(pd.DataFrame({"era": np.repeat(np.arange(1000), 2), "x": 1.0}))
    eras = find_eras(table, "era")
    results = list(map_eras(lambda rows: rows.start, eras, 2))
    assert results == [(rows, rows.start) for rows in eras.rows]


def test_threads_are_those_of_a_joblib_context_where_none_are_asked_for():
    eras = find_eras(as_table(pd.DataFrame({"era": range(8), "x": 1.0})), "era")
    with parallel_config("threading", n_jobs=2):
        names = {name for _, name in map_eras(lambda _: get_ident(), eras)}
    assert get_ident() not in names


def blas_threads():
    """Threads of each BLAS that is loaded."""
    return {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}


@pytest.mark.parametrize("n_eras", [1, 8])
def test_threads_over_eras_leave_blas_one(n_eras):
    eras = find_eras(as_table(pd.DataFrame({"era": range(n_eras), "x": 1.0})), "era")
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert before == {2}
        for n_jobs, expected in [(2, {1}), (None, before)]:
            found = [
                during for _, during in map_eras(lambda _: blas_threads(), eras, n_jobs)
            ]
            assert found == [expected] * n_eras
            assert blas_threads() == before


def test_the_threads_of_blas_are_counted_as_joblib_does():
    with threadpool_limits(1, user_api="blas"):
        for n_jobs, expected in [
            (None, 1),
            (2, 2),
            (np.int64(2), 2),
            (-1, cpu_count()),
        ]:
            with limited_to(n_jobs, 6000, 780):
                assert blas_threads() == {expected}
            assert blas_threads() == {1}


@pytest.mark.parametrize(
    ("n_rows", "n_features", "expected"),
    [(6000, 42, 1), (6000, 300, 1), (6000, 780, 2), (100, 3000, 1)],
)
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_blas_has_one_thread_where_more_do_not_pay(
    n_rows, n_features, expected, n_jobs
):
    with threadpool_limits(2, user_api="blas"):
        with limited_to(n_jobs, n_rows, n_features):
            assert blas_threads() == {expected}
        assert blas_threads() == {2}


@pytest.mark.parametrize(
    ("squared", "n_rows", "expected"),
    [(None, 2000, 1), ("features", 2000, 2), ("features", 1000, 1)],
)
def test_what_a_kernel_squares_says_how_many_threads_blas_has(
    squared, n_rows, expected
):
    inputs = {
        name: Input([*range(n_columns)], lambda rows: np.ones(1))
        for name, n_columns in [("y_pred", 22), ("features", 800)]
    }
    rows = Aligned(inputs, Eras([1, 2], [slice(0, n_rows), slice(0, 9)]))
    with threadpool_limits(2, user_api="blas"):
        seen = list(rows.by_era(lambda *blocks: blas_threads(), squared=squared))
        assert seen == [{expected}, {1}]
        assert blas_threads() == {2}


DATA = make_benchmark_models(40, 60, 3, n_features=4, unscored=False, random_state=0)
FRAME, MODELS, FEATURES = DATA.frame, DATA.models, DATA.features
RANKED = EraRankGauss().fit_transform(FRAME.drop(columns=FEATURES))
Y, META_MODEL = FRAME["target"], FRAME["numerai_meta_model"]
ERAS = {"era": FRAME["era"]}


def fitted():
    return StackingWeights(columns=MODELS).fit(RANKED, Y)


# Whatever multiplies matrices for one era or searches weights: what is called for it.
PRODUCTS = {
    "neutralizer": (
        "_neutralizer.neutralized",
        lambda: FeatureNeutralizer(FEATURES, n_jobs=2).fit_transform(FRAME),
    ),
    "moments": ("_stacking.era_moments", fitted),
    "search": ("_learning.Problem.solve", fitted),
    "intervals of weights": (
        "_learning.of_weights",
        lambda: fitted().weights_interval_,
    ),
    "feature_neutral_corr": (
        "kernels.score.neutralize",
        lambda: metrics.feature_neutral_corr(Y, FRAME[MODELS], FRAME[FEATURES], **ERAS),
    ),
    "neutral_correlation": (
        "kernels.score.neutralize",
        lambda: metrics.neutral_correlation(Y, FRAME[MODELS], FRAME[FEATURES], **ERAS),
    ),
    "neutral_contribution": (
        "kernels.score.neutralize",
        lambda: metrics.neutral_contribution(
            Y, FRAME[MODELS], META_MODEL, FRAME[FEATURES], **ERAS
        ),
    ),
    "feature_exposure": (
        "kernels.score._complete_correlations",
        lambda: metrics.feature_exposure(FRAME[MODELS], FRAME[FEATURES], **ERAS),
    ),
    "riskiest_features": (
        "recipes._riskiest.correlations",
        lambda: riskiest_features(FRAME, Y, 2),
    ),
    "find_duplicates": (
        "deploy.check._duplicates._correlate",
        lambda: find_duplicates(FRAME[["era", *MODELS]], era="era"),
    ),
    "compare": (
        "analysis._compare.correlations",
        lambda: analysis.compare(FRAME[MODELS[0]], FRAME[MODELS[1:]], Y, **ERAS),
    ),
    "implied_weights": (
        "analysis._implied.era_moments",
        lambda: analysis.implied_weights(META_MODEL, FRAME[MODELS], **ERAS),
    ),
    "synergy": (
        "analysis._synergy.era_moments",
        lambda: analysis.synergy(FRAME[MODELS], Y, **ERAS),
    ),
    "marginal_contribution": (
        "analysis._marginal.era_moments",
        lambda: analysis.marginal_contribution(
            FRAME[MODELS[0]], FRAME[MODELS[1:]], Y, **ERAS
        ),
    ),
    "underweight": (
        "analysis._underweight.era_moments",
        lambda: analysis.underweight(META_MODEL, FRAME[MODELS], Y, **ERAS),
    ),
    "made-up rows": (
        "datasets._make._draw_targets",
        lambda: make_benchmark_models(8, 60, 3, random_state=0),
    ),
}


@pytest.mark.filterwarnings("ignore")  # so few rows say little
@pytest.mark.parametrize(("name", "call"), PRODUCTS.values(), ids=PRODUCTS)
def test_small_products_have_one_thread_of_blas(monkeypatch, name, call):
    path, attribute = f"skbench.{name}".rsplit(".", 1)
    owner = pkgutil.resolve_name(path)
    product, seen = getattr(owner, attribute), []

    def watched(*args, **kwargs):
        seen.append(blas_threads())
        return product(*args, **kwargs)

    monkeypatch.setattr(owner, attribute, watched)
    with threadpool_limits(2, user_api="blas"):
        call()
        assert blas_threads() == {2}
    assert seen
    assert all(threads == {1} for threads in seen)


def test_blas_has_its_threads_again_after_an_error():
    def fail(rows):
        raise ZeroDivisionError

    eras = find_eras(as_table(pd.DataFrame({"era": range(8), "x": 1.0})), "era")
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError):
            list(map_eras(fail, eras, 2))
        assert blas_threads() == before


def test_importing_the_package_loads_no_optional_package():
    code = (
        "import sys, skbench; skbench.EraRankGauss();"
        "late = {'numerapi', 'click', 'tqdm', 'matplotlib', 'polars', 'plotly'};"
        "print(sorted(late & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
