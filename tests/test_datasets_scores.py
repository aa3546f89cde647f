"""Live scores as one tidy frame."""

import pandas as pd
import pytest
from numerai_server import KEYS, NumeraiServer, make_scores

from skbench.datasets._scores import load_scores

COLUMNS = ["model", "round", "day", "resolved", "date", "score", "value", "percentile"]


@pytest.fixture
def server(no_keys):
    with NumeraiServer() as server:
        for model_id in server.models:
            server.scores[model_id] = make_scores([10, 9, 11], [1, 3, 2], [11])
        yield server


def test_all_scores_of_an_account(server):
    scores = load_scores("benchmark_models")
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 2 * 3 * 3 * 2  # models, rounds, days, scores
    key = ["model", "round", "score", "day"]
    pd.testing.assert_frame_equal(scores, scores.sort_values(key, ignore_index=True))
    assert scores["model"].unique().tolist() == ["v53_lgbm_ender20", "v53_lgbm_ender60"]
    row = scores.iloc[0]
    assert (row["round"], row["day"], row["score"]) == (9, 1, "canon_corr60")
    assert row["value"] == 0.001
    assert row["date"] == pd.Timestamp("2026-01-01T10:00:00Z")
    assert not row["resolved"]
    assert scores["round"].dtype == "int64"
    assert scores["resolved"].dtype == "bool"
    assert str(scores["date"].dtype) == "datetime64[ns, UTC]"


def test_the_scores_of_one_model(server):
    scores = load_scores("v53_lgbm_ender60")
    assert set(scores["model"]) == {"v53_lgbm_ender60"}
    assert len(scores) == 18


def test_a_name_that_is_both_stands_for_the_account(server):
    server.accounts["v53_lgbm_ender60"] = ["another"]
    server.scores[server.model_id("another")] = make_scores([10], [1])
    assert set(load_scores("v53_lgbm_ender60")["model"]) == {"another"}


def test_resolved_rounds_have_one_row_a_score(server):
    scores = load_scores("benchmark_models", resolved=True)
    assert len(scores) == 2 * 2 * 2
    assert set(scores["day"]) == {3}
    assert set(scores["round"]) == {9, 10}
    assert scores["resolved"].all()
    assert scores.index.tolist() == list(range(8))


def test_the_last_day_counts_where_every_day_is_called_resolved(server):
    for scores in server.scores.values():
        for score in scores:
            score["resolved"] = True
    scores = load_scores("v53_lgbm_ender20", resolved=True)
    assert scores["day"].tolist() == [3] * 6


def test_a_row_without_a_day_is_not_the_last(server):
    for scores in server.scores.values():
        for score in scores:
            score["resolved"] = True
        scores.append({**scores[0], "day": None, "value": 9.0})
    scores = load_scores("v53_lgbm_ender20", resolved=True)
    assert (scores["value"] < 9).all()


def test_open_rounds(server):
    scores = load_scores("v53_lgbm_ender20", resolved=False)
    assert not scores["resolved"].any()
    assert set(scores.loc[scores["round"] == 11, "day"]) == {1, 2, 3}


def test_missing_values_are_nan(server):
    for scores in server.scores.values():
        for score in scores:
            score.update(value=None, percentile=None, date=None)
    scores = load_scores("benchmark_models")
    assert scores[["value", "percentile", "date"]].isna().all(axis=None)
    assert scores["value"].dtype == "float64"
    assert str(scores["date"].dtype) == "datetime64[ns, UTC]"


def test_a_model_that_was_never_scored_has_no_rows(server):
    server.scores.clear()
    scores = load_scores("benchmark_models")
    assert list(scores.columns) == COLUMNS
    assert len(scores) == 0
    full = load_scores("benchmark_models", resolved=True)
    assert str(full["date"].dtype) == "datetime64[ns, UTC]"


def test_the_most_recent_rounds(server):
    assert set(load_scores("v53_lgbm_ender20", last_n_rounds=2)["round"]) == {10, 11}


@pytest.mark.parametrize("name", ["benchmark_model", "BENCHMARK_MODELS"])
def test_an_unknown_name_says_what_was_tried_and_what_is_like_it(server, name):
    with pytest.raises(ValueError, match="no account and no model") as caught:
        load_scores(name)
    message = str(caught.value)
    assert f"'{name}'" in message
    assert "did you mean 'benchmark_models'?" in message
    assert "account not found" in message
    assert "the model: not found" in message


@pytest.mark.parametrize("how", ["errors", "null", 500])
def test_an_unknown_name_without_a_list_of_accounts(server, how):
    server.fail(how, "accountLeaderboard", None)
    with pytest.raises(
        ValueError, match=r"no account and no model called 'nobody'\. Asked"
    ) as e:
        load_scores("nobody")
    assert "did you mean" not in str(e.value)


def test_an_account_without_models(server):
    server.accounts["empty"] = []
    with pytest.raises(ValueError, match="the account: it has no models"):
        load_scores("empty")


@pytest.mark.parametrize("field", ["accountProfile", "v3UserProfile", "submissionSc"])
def test_a_broken_connection_is_not_an_unknown_name(server, field):
    server.fail(500, field, None)
    with pytest.raises(ConnectionError, match=field):
        load_scores("v53_lgbm_ender20")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"account_or_model": ""}, "`account_or_model` must be a name"),
        ({"account_or_model": None}, "`account_or_model` must be a name"),
        ({"resolved": "yes"}, "`resolved` must be True or False"),
        ({"last_n_rounds": 0}, "`last_n_rounds` must be"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_asked(server, options, message):
    with pytest.raises(ValueError, match=message):
        load_scores(**{"account_or_model": "benchmark_models", **options})
    assert not server.asked


def test_a_client_of_the_caller_with_keys(server, caplog):
    caplog.set_level("DEBUG")
    scores = load_scores("benchmark_models", server.api(*KEYS))
    assert len(scores) == 36
    assert not any(key in caplog.text for key in KEYS)
