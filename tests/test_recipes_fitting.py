"""Which recipes fit some models, and a folder of them."""

import json
import shlex

import joblib
import pandas as pd
import pytest
from helpers import failure, run
from tournament_files import write_tournament

from skbench.datasets import make_benchmark_models
from skbench.folders import folder_recipes
from skbench.recipes import list_recipes, recipe, recipes_for

ENSEMBLES = [name for name in list_recipes() if recipe(name).is_ensemble]
TODAY = ["v53_lgbm_ender20", "v53_lgbm_ender60"]


def fit(name, columns):
    return recipes_for(columns).set_index("name").loc[name]


def test_every_ensemble_is_judged():
    found = recipes_for(TODAY)
    assert found["name"].tolist() == ENSEMBLES
    assert not found["fits"].any()
    assert recipes_for([])["columns"].isna().all()


@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_ensemble_fits_its_own_parts(name):
    parts = list(recipe(name).weights)
    found = fit(name, [*TODAY, *parts])
    assert found["fits"]
    assert found["missing"] == []
    assert found["columns"] == {part: part for part in parts}
    assert fit(name, parts[1:])["missing"] == parts[:1]


def test_the_newest_model_of_the_same_target_stands_for_one_that_is_missing():
    old, older = "v43_lgbm_teager20", "v42_lgbm_teager20"
    found = fit("v42_lgbm_ct_blend", ["v4_lgbm_cyrus20", "v5_lgbm_cyrus20", old])
    assert found["missing"] == [older, "v42_lgbm_cyrus20"]
    assert found["columns"] == {older: old, "v42_lgbm_cyrus20": "v5_lgbm_cyrus20"}
    # Parts that are there stand for themselves.
    found = fit("v42_lgbm_ct_blend", [older, old, "v53_lgbm_cyrus20"])
    assert found["columns"][older] == older


@pytest.mark.parametrize(
    "column",
    ["v5_lgbm_cyrus60", "v5_lgbm_cyrusd20", "mine_cyrus20", "cyrus20", "v5_lgbm_cyrus"],
)
def test_a_model_of_another_target_stands_for_none(column):
    found = fit("v42_lgbm_ct_blend", ["v42_lgbm_teager20", column])
    assert found["columns"] is None
    assert not found["fits"]


def test_the_same_model_under_another_name_is_that_part():
    columns = ["v42_lgbm_teager20", "v42_example_preds"]
    found = fit("v42_lgbm_ct_blend", columns)
    assert found["fits"]
    assert found["missing"] == []
    assert list(found["columns"].values()) == columns


def test_a_model_stands_for_one_part():
    """The part that is a column of its own cannot stand for another one, too."""
    parts = recipe("v42_rain_ensemble").weights
    names = [part.replace("v42", "v5") for part in parts]
    columns = fit("v42_rain_ensemble", names)["columns"]
    assert list(columns.values()) == names
    recipe("v42_rain_ensemble").pipeline(columns)  # which takes them


def test_what_is_no_list_of_names():
    with pytest.raises(ValueError, match="`columns` must be names of models; got 'a'"):
        recipes_for("a")


def named(data, names):
    """Call the models of a tournament otherwise."""
    new = dict(zip(data.models, names, strict=True))
    data.frame, data.live = (f.rename(columns=new) for f in (data.frame, data.live))
    data.models = list(names)
    return data


def made(tmp_path, *names):
    data = make_benchmark_models(16, 40, len(names), 6, random_state=0)
    return write_tournament(tmp_path / "my files", named(data, names))


class TestFolder:
    def test_todays_release_of_two_models_makes_none(self, tmp_path, capsys):
        folder = made(tmp_path, *TODAY)
        told = run(capsys, "recipes", folder)
        assert "v42_rain_ensemble   no     v42_lgbm_cyrus20 and 21 more" in told
        assert "No published ensemble can be made of the models" in told
        args = ["-o", tmp_path / "e.parquet", "--recipe", "v42_lgbm_ct_blend"]
        line = failure(capsys, "ensemble", folder, *args)
        assert (
            "the recipe 'v42_lgbm_ct_blend' needs the models 'v42_lgbm_teager20', "
            "'v42_lgbm_cyrus20', which are not among those of"
        ) in line
        assert f"skbench recipes {shlex.quote(str(folder))} shows what fits" in line

    @pytest.mark.parametrize(
        ("names", "n_fitting"),
        [
            (["v5_lgbm_teager20", "v53_lgbm_cyrus20"], 2),
            (["v43_lgbm_teager20", "v43_lgbm_cyrus20"], 2),
            (["v42_lgbm_teager20", "v42_example_preds"], 1),
        ],
    )
    def test_the_commands_that_it_prints_run(
        self, tmp_path, capsys, monkeypatch, names, n_fitting
    ):
        monkeypatch.chdir(tmp_path)
        folder = made(tmp_path, *names)
        told = run(capsys, "recipes", folder).splitlines()
        commands = [line for line in told if line.startswith("skbench ensemble")]
        assert len(commands) == n_fitting
        for command in commands:
            args = shlex.split(command)[1:]
            run(capsys, *args)
            pipeline = joblib.load(args[-1].replace(".parquet", ".joblib"))
            assert pipeline[1].weights_ == dict.fromkeys(names, 0.5)
        lines = json.loads(run(capsys, "recipes", folder, "--format", "json"))
        assert {line["command"] for line in lines} == {None, *commands}

    def test_features_count_too(self, tmp_path, capsys):
        folder = made(tmp_path, *recipe("v41_example_preds").weights)
        line = folder_recipes(folder).set_index("name").loc["v41_example_preds"]
        assert line["fits"]
        path = folder / "validation.parquet"
        frame = pd.read_parquet(path)
        gone = next(name for name in frame if name.startswith("feature"))
        frame.drop(columns=gone).to_parquet(path)
        line = folder_recipes(folder).set_index("name").loc["v41_example_preds"]
        assert not line["fits"]
        assert line["features"] == "medium"

    def test_feature_sets_that_have_nothing_in_common(self, tmp_path, capsys):
        folder = made(tmp_path, "tutorial_lgbm_ender60", TODAY[0])
        path = folder / "features.json"
        sets = json.loads(path.read_text())
        small = sets["feature_sets"]["small"]
        sets["feature_sets"] |= {"small": small[:1], "serenity": small[1:]}
        path.write_text(json.dumps(sets))
        line = folder_recipes(folder).set_index("name").loc["nb_feature_neutral"]
        assert not line["fits"]
        assert line["features"] == "small & serenity"
        args = ["-o", tmp_path / "e.parquet", "--recipe", "nb_feature_neutral"]
        line = failure(capsys, "ensemble", folder, *args)
        assert "that 'small' and 'serenity' have in common" in line

    def test_models_that_are_left_out_fit_no_more(self, tmp_path, capsys):
        names = ["v43_lgbm_teager20", "v43_lgbm_cyrus20"]
        folder = made(tmp_path, *names)
        found = folder_recipes(folder, without=names[:1]).set_index("name")
        assert found["missing"]["v43_lgbm_ct_blend"] == names[:1]
        args = ["-o", tmp_path / "e.parquet", "--recipe", "v43_lgbm_ct_blend"]
        line = failure(capsys, "ensemble", folder, *args, "--without", names[0])
        assert f"needs {names[0]!r}, which --without leaves out: leave it out" in line

    def test_columns_that_are_not_there(self, tmp_path, capsys):
        folder = made(tmp_path, *TODAY)
        pairs = f"v42_lgbm_teager20=v53_lgbm_ender2,v42_lgbm_cyrus20={TODAY[1]}"
        args = ["-o", tmp_path / "e.parquet", "--recipe", "v42_lgbm_ct_blend"]
        line = failure(capsys, "ensemble", folder, *args, "--columns", pairs)
        assert "--columns names 'v53_lgbm_ender2', which" in line
        assert "did you mean 'v53_lgbm_ender20'" in line

    def test_riskiest_features_are_in_no_folder(self, tmp_path, capsys):
        folder = made(tmp_path, "v4_lgbm_nomi20", TODAY[0])
        args = ["-o", tmp_path / "e.parquet", "--recipe", "v4_example_preds"]
        line = failure(capsys, "ensemble", folder, *args)
        assert "neutralised to the riskiest features of its training rows" in line
