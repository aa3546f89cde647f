"""What commands say can be followed: it names their own options, and no Python.

Each failure and warning that another test provokes is checked too, by `helpers.run` and
`helpers.failure`; here are those that people meet, and what the help promises.
"""

import ast
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from helpers import check_advice, commands, failure, run
from numerai_server import NumeraiServer
from tournament_files import write_tournament

from skbench import cli
from skbench.cli import main
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.folders import report_folder, score_folder

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(24, 60, 3, 12, meta_model_eras=16, random_state=5)


@pytest.fixture
def files(data, tmp_path):
    return write_tournament(tmp_path / "v5.3", data)


def edit(files, name, change):
    path = files / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


class TestFetch:
    """What lacks files or features is told with the command that fetches them."""

    def command_in(self, line):
        told = re.search(r"download (it|them) with (skbench fetch .*)", line)
        return shlex.split(told[2])[1:]

    @pytest.mark.parametrize(
        "args",
        [
            ["ensemble", "{}", "-o", "e.parquet", "--neutralize", "small"],
            ["backtest", "{}", "--neutralize", "small"],
            ["report", "{}", "-o", "r.html", "--features", "small"],
            ["demo", "--data", "{}"],
        ],
        ids=lambda args: args[0],
    )
    @pytest.mark.parametrize("lacking", ["features.json", "columns"])
    def test_features(self, files, data, tmp_path, monkeypatch, capsys, args, lacking):
        monkeypatch.chdir(tmp_path)
        if lacking == "columns":
            edit(files, "validation", lambda X: X.drop(columns=data.features[:2]))
        else:
            (files / lacking).unlink()
        line = failure(capsys, *[arg.format(files) for arg in args])
        assert self.command_in(line) == [
            *("fetch", "--version", "v5.3", "--features", "small"),
            *("--data-home", str(tmp_path)),
        ]

    def test_features_of_the_live_rows(self, files, data, tmp_path, capsys):
        edit(files, "live", lambda X: X.drop(columns=data.features[:1]))
        args = ["-o", tmp_path / "e.parquet", "--neutralize", "small"]
        line = failure(capsys, "ensemble", files, *args)
        assert f"live.parquet lacks 1 of the features, {data.features[0]!r}: " in line
        assert "--features" in self.command_in(line)

    def test_the_smallest_set_that_has_them(self, files, data):
        edit(
            files,
            "validation",
            lambda X: X.drop(columns=data.features[-1]).assign(feature_mine=1.0),
        )
        for names, fetched in [
            (data.features, "medium"),
            ([data.features[0], "feature_mine", data.features[-1]], "constitution"),
        ]:
            with pytest.raises(ValueError, match=f"--features {fetched} "):
                report_folder(files, features=names)

    @pytest.mark.parametrize(
        "name", ["validation.parquet", "validation_benchmark_models.parquet"]
    )
    def test_files(self, files, tmp_path, capsys, name):
        (files / name).unlink()
        line = failure(capsys, "score", files)
        told = ["fetch", "--version", "v5.3", "--data-home", str(tmp_path)]
        assert self.command_in(line) == told

    def test_a_folder_of_another_name_tells_no_version(self, files, tmp_path, capsys):
        other = files.rename(tmp_path / "mine")
        (other / "features.json").unlink()
        args = ["-o", tmp_path / "r.html", "--features", "small"]
        line = failure(capsys, "report", other, *args)
        end = "skbench fetch --features small (and take the folder that it makes)"
        assert line.endswith(f"; download it with {end}")

    def test_the_command_mends_it(self, files, data, tmp_path, no_keys, capsys):
        server = write_tournament(tmp_path / "server", data)
        with NumeraiServer({"v5.3": server}):
            home = tmp_path / "home"
            run(capsys, "fetch", "--version", "v5.3", "--data-home", home)
            args = ["-o", tmp_path / "e.parquet", "--neutralize", "small"]
            line = failure(capsys, "ensemble", home / "v5.3", *args)
            run(capsys, *self.command_in(line))
            run(capsys, "ensemble", home / "v5.3", *args)


def no_meta_model(files):
    (files / "meta_model.parquet").unlink()


def meta_model_of_other_eras(files):
    edit(files, "meta_model", lambda X: X.assign(era="9" + X["era"]))


def no_targets(files):
    edit(files, "validation", lambda X: X.assign(target=np.nan, target_cyrus_20=np.nan))


def constant_model(files):
    edit(files, "validation_benchmark_models", lambda X: X.assign(flat=0.5))


def late_model(files):
    def change(X):
        return X.assign(late=X.iloc[:, 1].where(X["era"] > "0018"))

    for name in ("validation", "live"):
        edit(files, f"{name}_benchmark_models", change)


def ids_of_another_file(files):
    edit(files, "validation", lambda X: X.drop(index=X.index[5::15]))


def text_in_a_model(files):
    edit(files, "validation_benchmark_models", lambda X: X.astype({X.columns[1]: str}))


SPOILED = [
    no_meta_model,
    meta_model_of_other_eras,
    no_targets,
    constant_model,
    late_model,
    ids_of_another_file,
    text_in_a_model,
]
JOBS = [
    ["score", "{}"],
    ["score", "{}", "--target", "era"],
    ["score", "{}", "--benchmark", "nowhere"],
    ["report", "{}", "-o", "r.html", "--benchmark", "nowhere"],
    ["analyze", "{}"],
    ["analyze", "{}", "--model", "nowhere"],
    ["analyze", "{}", "--model", "v53_lgbm_cyrus20", "--models", "v53_lgbm_cyrus20"],
    ["stake", "{}", "--rule", "round 1343", "--max-share", "0.1"],
    ["stake", "{}", "--rule", "2026"],
    ["stake", "{}", "--rule", "2026", "--total-at-risk", "720000"],
    ["backtest", "{}", "--chunk", "5", "--fit", "corr,contribution"],
    ["backtest", "{}", "--chunk", "500"],
    ["backtest", "{}", "--chunk", "5", "--proportion", "0.5"],
    ["backtest", "{}", "--chunk", "5", "--missing", "omit"],
    ["ensemble", "{}", "-o", "e.parquet", "--fit", "payout", "--payout", "high=1"],
    ["ensemble", "{}", "-o", "e.parquet", "--fit", "mse", "--shrinkage", "bayes"],
    ["ensemble", "{}", "-o", "e.parquet", "--fit", "contribution", "--chunk", "5"],
    ["ensemble", "{}", "-o", "e.parquet", "--missing", "raise"],
    ["ensemble", "{}", "-o", "e.parquet", "--recipe", "v42_rain_ensemble"],
    ["ensemble", "{}", "-o", "e.parquet", "--recipe", "v42_lgbm_cyrus20"],
    ["ensemble", "{}", "-o", "e.parquet", "--recipe", "rain"],
    ["demo", "--data", "{}"],
    ["recipes", "{}"],
    ["recipes", "rain"],
]


@pytest.mark.parametrize("spoil", SPOILED)
def test_advice_names_options(files, tmp_path, monkeypatch, capsys, spoil):
    monkeypatch.chdir(tmp_path)
    spoil(files)
    failed = 0
    for job in JOBS:
        args = [arg.format(files) for arg in job]
        try:
            main(args)
        except SystemExit:
            failed += 1
        check_advice(args, capsys.readouterr().err)
    assert failed > 10


def test_functions_of_a_folder_advise_what_they_can_do(files):
    """They have no parameter for the Meta Model, unlike what loads a frame."""
    meta_model_of_other_eras(files)
    with pytest.warns(UserWarning, match="get the file of this release, or go without"):
        score_folder(files)
    with pytest.warns(UserWarning, match="other eras, or pass meta_model=False$"):
        load_benchmark_models(files)


@pytest.mark.parametrize(
    ("command", "text", "told"),
    [
        ("ensemble", "an optimum, at `max_iter`, which", "at the limit of iterations,"),
        ("recipes", "got 'a': `list_recipes` lists all", "skbench recipes lists all"),
        ("backtest", "Leave out models with few eras", "few eras (--without)"),
    ],
)
def test_words_of_python_are_those_of_a_command(command, text, told):
    assert told in commands[command].in_own_words(text)


OTHERS = sorted(Path(cli.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_options_that_a_command_mentions_are_its_own(path):
    """In its help, and in what it prints."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if not text.startswith("--") and "`" not in text:
                check_advice([path.stem], text)


@pytest.mark.parametrize("name", commands)
def test_help_mentions_options_that_are_there(name):
    context = click.Context(commands[name], info_name=name)
    check_advice([name], commands[name].get_help(context))


@pytest.mark.parametrize(
    "text",
    [
        "name it by --features",
        "choose another `objective`",
        "choose nan_policy='omit'",
        "pass meta_model=False",
    ],
)
def test_what_is_no_advice(text):
    with pytest.raises(AssertionError):
        check_advice(["score"], text)
