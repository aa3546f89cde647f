"""Grouping rows by era, and the order of eras."""

import subprocess
import sys
from datetime import date
from threading import get_ident

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from skbench._eras import blas_threads as limited_to
from skbench._eras import calendar, chronological, era_number, find_eras, map_eras
from skbench._frames import as_table


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


@pytest.mark.parametrize(
    ("label", "number"),
    [("0575", 575), ("era12", 12), (12, 12), (12.0, 12), ("X", None), ("eraX", None)],
)
def test_number_of_a_label(label, number):
    assert era_number(label) == number


def test_eras_are_ordered_by_their_number_and_those_without_come_last():
    labels = ["eraX", "era10", "era9", "X"]
    assert [labels[i] for i in chronological(labels)] == ["era9", "era10", "eraX", "X"]


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-12", "2023-12-29", "2024-01-05"],
        list(pd.to_datetime(["2024-01-12", "2023-12-29", "2024-01-05"])),
        [date(2024, 1, 12), date(2023, 12, 29), date(2024, 1, 5)],
        list(np.array(["2024-01-12", "2023-12-29", "2024-01-05"], "datetime64[D]")),
    ],
    ids=["text", "timestamps", "dates", "numpy"],
)
def test_dates_are_ordered_before_labels_that_say_nothing(dates):
    assert chronological([*dates, "X"]) == [1, 2, 0, 3]
    assert chronological(["X", *dates]) == [2, 3, 1, 0]


def test_eras_that_are_dates_count_by_their_order_where_rows_mix():
    labels = ["2024-01-12", "2024-01-05"] * 3
    eras = find_eras(as_table(pd.DataFrame({"era": labels, "x": 1.0})), "era")
    assert calendar(eras) == [(1, 1), (0, 2)]


def test_two_labels_of_one_number_are_refused():
    with pytest.raises(ValueError, match="'0012' and 'era12' have the same number"):
        chronological(["0012", "era12"])


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
            with limited_to(n_jobs):
                assert blas_threads() == {expected}
            assert blas_threads() == {1}


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
