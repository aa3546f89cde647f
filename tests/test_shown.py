"""What results look like in a terminal and in a notebook."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import long_tournament
from pages import BOLD, HOSTILE, Page
from sklearn.utils import Bunch

from skbench._shown import Shown, as_html
from skbench.analysis import analyze
from skbench.datasets import load_benchmark_models, make_benchmark_models, to_folder
from skbench.demo import run_demo
from skbench.folders import ensemble_folder, ensemble_pipeline
from skbench.staking import PayoutRule, allocate, simulate

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
WEIGHTS = {"v53_lgbm_cyrus20": 0.5, "v53_lgbm_ender20": 0.5}
ESCAPE = "\x1b[31mred"
RULE = PayoutRule("half", {"corr": 1.0}, clip=0.5)


def renamed(data):
    """Return a tournament whose models are called what nobody should call them."""
    names = dict(zip(data.models, [HOSTILE, BOLD, ESCAPE], strict=True))
    changed = copy.copy(data)
    changed.frame, changed.live = (
        frame.rename(columns=names) for frame in (data.frame, data.live)
    )
    changed.models = [*names.values()]
    return changed


@pytest.fixture(scope="module")
def hostile():
    return renamed(long_tournament())


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(0)
    values = rng.normal(0.01, 0.02, (60, 3))
    eras = [f"{i:04d}" for i in range(1, 61)]
    return pd.DataFrame(values, eras, [HOSTILE, BOLD, ESCAPE])


@pytest.fixture(scope="module")
def results(hostile, scores, tmp_path_factory):
    home = tmp_path_factory.mktemp("results")
    folder = to_folder(hostile, home / "files")
    learned = ensemble_pipeline(folder, fit="corr")
    return {
        "made": hostile,
        "loaded": load_benchmark_models(folder, features="small"),
        "analysis": analyze(hostile, model=HOSTILE),
        "synergy": analyze(hostile).synergy,
        "allocation": allocate({"corr": scores}, RULE),
        "simulation": simulate({"corr": scores}, 1.0, RULE, duration=4),
        "ensemble": ensemble_folder(folder, home / "e.parquet", learned),
        "demo": run_demo(folder, output=home / "s.csv"),
    }


KINDS = ["made", "loaded", "analysis", "synergy", "allocation", "simulation",
         "ensemble", "demo"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_text(kind, results):
    page = Page(results[kind]._repr_html_())
    assert {tag for tag, _ in page.tags} <= {
        "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert page.script == []
    assert ESCAPE[0] not in repr(results[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_there_whole(kind, results):
    text = repr(results[kind])
    assert HOSTILE in text or (kind == "demo" and HOSTILE in str(results[kind].weights))
    assert r"\x1b[31mred" in text or kind in ("analysis", "demo")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_short(kind, results):
    text = repr(results[kind])
    assert 2 <= len(text.splitlines()) <= 20
    assert len(results[kind]._repr_html_()) < 10_000


def test_it_survives_being_kept(results):
    for kind in KINDS:
        again = pickle.loads(pickle.dumps(results[kind]))
        assert repr(again) == repr(results[kind])


class TestTournament:
    def test_it_says_what_is_under_each_key(self):
        data = make_benchmark_models(20, 40, 4, 8, random_state=0)
        rows, columns = data.frame.shape
        lines = repr(data).splitlines()
        assert lines[0] == "Tournament with these keys:"
        assert lines[1:7] == [
            f"- frame: {rows} rows x {columns} columns, 20 eras from '0001' to '0020'",
            f"- live: {len(data.live)} rows x {columns - 1} columns, era 'X'",
            "- era: 'era'",
            "- meta_model: 'numerai_meta_model'",
            "- models: 4: 'v53_lgbm_cyrus20', 'v53_lgbm_cyrus60', 'v53_lgbm_ender20', "
            "...",
            "- features: 8: 'feature_agility_1', 'feature_agility_2', "
            "'feature_agility_3', ...",
        ]
        assert [line.split(":")[0] for line in lines[1:]] == [
            f"- {key}" for key in data if key != "DESCR"
        ]

    def test_it_is_a_bunch(self, tmp_path):
        data = make_benchmark_models(20, 40, 3, 8, random_state=0)
        assert isinstance(data, Bunch)
        assert data["frame"] is data.frame
        data.mine = 5
        assert data["mine"] == 5
        assert "mine" in dir(data)
        with pytest.raises(AttributeError):
            data.nothing  # noqa: B018
        joblib.dump(data, tmp_path / "data.joblib")
        for again in (
            joblib.load(tmp_path / "data.joblib"),
            pickle.loads(pickle.dumps(data)),
            copy.deepcopy(data),
        ):
            assert type(again) is type(data)
            assert again.frame.equals(data.frame)
            assert again.mine == 5

    @pytest.mark.parametrize(
        "change",
        [
            lambda data: data.pop("frame"),
            lambda data: data.update(frame=data.frame.drop(columns="era")),
            lambda data: data.update(frame=data.frame.iloc[:0]),
            lambda data: data.update(frame=data.frame.to_numpy(), live=None),
            lambda data: data.update(frame=data.frame.assign(era=None)),
            lambda data: data.update(models=("a",), features=None, notes=[1, None]),
        ],
    )
    def test_it_shows_whatever_was_put_into_it(self, change):
        data = make_benchmark_models(20, 40, 3, 8, random_state=0)
        change(data)
        assert repr(data).startswith("Tournament with these keys:\n- ")
        assert len(repr(data)) < 2000


class TestParts:
    class Result(Shown):
        def _parts(self):
            table = pd.DataFrame({"value": [0.123456, np.nan]}, index=["a", "b"])
            return ["A result & more:", ["one", "<two>"], table, "So it is."]

    def test_as_text(self):
        assert repr(self.Result()).splitlines() == [
            "A result & more:",
            "- one",
            "- <two>",
            "   value",
            "a 0.1235",
            "b    NaN",
            "",
            "So it is.",
        ]

    def test_as_html(self):
        told = self.Result()._repr_html_()
        assert told.startswith(
            "<p>A result &amp; more:</p><ul><li>one</li><li>&lt;two&gt;</li></ul><table"
        )
        assert "<td>0.1235</td>" in told
        assert "<td>-</td>" in told

    def test_no_cell_is_cut(self):
        assert "x" * 200 in as_html(pd.DataFrame({"name": ["x" * 200]}))


def test_weights_that_were_given_show_no_rivals(results, tmp_path):
    folder = to_folder(make_benchmark_models(30, 40, 3, 8, random_state=0), tmp_path)
    pipeline = ensemble_pipeline(folder, weights=WEIGHTS)
    made = ensemble_folder(folder, tmp_path / "e.parquet", pipeline)
    assert "equal weights" not in repr(made)
    assert "equal weights" in repr(results["ensemble"])
