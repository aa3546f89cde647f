"""One word a score: every word for it is understood wherever a score is named."""

import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers import failure, run
from sklearn.base import clone
from tournament_files import write_tournament

from skbench import EraRankGauss, StackingWeights, WeightedEnsemble
from skbench._score_names import (
    SCORES,
    find_score,
    multipliers_of,
    score_name,
    score_title,
)
from skbench.analysis import synergy
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.folders import (
    backtest_folder,
    ensemble_pipeline,
    report_folder,
    score_folder,
)
from skbench.metrics import era_scorer, score_models
from skbench.model_selection import WalkForwardEraSplit, backtest
from skbench.staking import (
    PAYOUT_2026,
    PAYOUT_ROUND_1343,
    PAYOUT_RULES,
    PayoutRule,
    allocate,
    simulate,
)

WORDS = {kind: [kind, *further] for kind, further in SCORES.items()}
WORDS["corr"] += ["CORR", "v2_corr20", "canon_corr60", "corr60", "corr20V2"]
WORDS["mmc"] += ["MMC", "canon_mmc", "mmc60", "mmc_20", "meta model contribution"]
WORDS["bmc"] += ["canon_bmc", "bmc20", "benchmark contribution"]
WORDS["fnc"] += ["canon_fnc", "FNC"]
EACH = [(word, kind) for kind, words in WORDS.items() for word in words]
# What an ensemble can learn, and a rule pays.
PAID = [(word, kind) for word, kind in EACH if kind in ("corr", "mmc")]
TARGET = "target_ender_60"

each_paid = pytest.mark.parametrize(("word", "kind"), PAID)
quietly = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def data():
    return make_benchmark_models(
        70, 60, 4, n_features=6, meta_model_eras=60, random_state=3
    )


@pytest.fixture(scope="module")
def gauss(data):
    return EraRankGauss().fit_transform(data.frame), data.frame["target"]


@pytest.fixture(scope="module")
def scores(data):
    frame = data.frame
    return score_models(
        frame["target"],
        frame[data.models],
        era=frame["era"],
        meta_model=frame["numerai_meta_model"],
        benchmark=data.models[0],
        features=frame[data.features],
    )


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("tournament") / "files", data)


@pytest.fixture(scope="module")
def without_meta_model(folder, tmp_path_factory):
    bare = tmp_path_factory.mktemp("bare")
    for file in folder.iterdir():
        if file.name != "meta_model.parquet":
            (bare / file.name).symlink_to(file)
    return bare


class TestWords:
    @pytest.mark.parametrize(("word", "kind"), EACH)
    def test_each_has_its_kind(self, word, kind):
        found = score_name(word)
        assert found.kind == kind
        digits = "".join(c for c in word.casefold().replace("v2", "") if c.isdigit())
        assert found.days == (int(digits) if digits else None)

    # Other targets and other features: scores of their own.
    @pytest.mark.parametrize("word", ["tc", "corj60", "cort20", "fnc_v3", "corr60x", 5])
    def test_others_have_none(self, word):
        assert score_name(word) is None

    def test_titles(self):
        words = ["corr", "contribution", "canon_mmc60", "v2_corr20", "payout"]
        titles = ["CORR", "MMC", "MMC60", "CORR20", "payout"]
        assert [score_title(word) for word in words] == titles

    def test_the_name_itself_wins(self):
        names = ["canon_corr60", "corr60", "corr", "mmc"]
        for name in names:
            assert find_score(name, names) == name

    def test_several_that_may_be_meant_are_refused(self):
        with pytest.raises(ValueError, match="'corr' may be 'corr20' or 'corr60': le"):
            find_score("corr", ["corr20", "corr60", "mmc"])

    def test_another_horizon_is_refused(self):
        told = "'corr60' is a score of 60 days, and 'corr20' of another horizon"
        with pytest.raises(ValueError, match=told):
            find_score("corr60", ["corr20", "mmc"])
        assert find_score("corr60", ["corr20", "canon_corr60"]) == "canon_corr60"

    def test_two_words_for_one_multiplier_are_refused(self):
        with pytest.raises(ValueError, match="each once"):
            multipliers_of({"mmc": 1.0, "contribution": 2.0})


@each_paid
@quietly
class TestEveryEntry:
    def test_objective(self, word, kind, gauss):
        plain = {"corr": "corr", "mmc": "contribution"}[kind]
        learned = StackingWeights(word, shrinkage="bayes", horizon=4)
        assert clone(learned).get_params()["objective"] is word
        learned.fit(*gauss)
        assert learned.objective is word
        expected = StackingWeights(plain, shrinkage="bayes", horizon=4).fit(*gauss)
        assert learned.weights_ == expected.weights_
        assert learned.train_score_ == expected.train_score_
        assert StackingWeights().fit(*gauss).refit(
            objective=word, shrinkage="bayes", horizon=4
        ).weights_ == pytest.approx(expected.weights_)

    def test_multipliers_of_the_objective(self, word, kind, gauss):
        payout = {word: 2.0}
        learned = StackingWeights("payout", payout=payout)
        assert clone(learned).get_params()["payout"] == payout
        key = {"corr": "corr", "mmc": "contribution"}[kind]
        expected = StackingWeights("payout", payout={key: 2.0}).fit(*gauss)
        assert learned.fit(*gauss).weights_ == expected.weights_
        assert learned.payout == payout

    def test_multipliers_of_scores(self, word, kind, data, scores):
        frame = data.frame
        inputs = frame["target"], frame[data.models]
        found = score_models(
            *inputs,
            era=frame["era"],
            meta_model=frame["numerai_meta_model"],
            payout={word: 2.0},
        )
        assert list(found) == ["corr", "mmc", "payout"]
        pd.testing.assert_frame_equal(found["payout"], 2 * scores[kind])

    def test_multipliers_and_scores_of_a_backtest(self, word, kind, data):
        frame = data.frame[["era", *data.models, "numerai_meta_model"]]
        found = backtest(
            {"learned": ensemble_pipeline("unread", fit=word)},
            frame,
            data.frame["target"],
            WalkForwardEraSplit(20, 5),
            payout={word: 2.0},
            horizon=3,
        )
        expected = 2 * found.scores[kind]
        pd.testing.assert_frame_equal(found.scores["payout"], expected)
        assert found.verdict(word) == found.verdict(kind)
        assert found.best(word) == found.best(kind)
        pd.testing.assert_frame_equal(found.summary(word), found.summary(kind))
        pd.testing.assert_frame_equal(found.differences(word), found.differences(kind))

    def test_fit_of_folders(self, word, kind, folder):
        steps = ensemble_pipeline(folder, fit=word)
        assert steps[1].shrinkage == "bayes"
        steps = ensemble_pipeline(folder, fit="payout", payout={word: 1.0})
        assert multipliers_of(steps[1].payout) == multipliers_of({kind: 1.0})

    def test_payout_of_folders(self, word, kind, folder, scores):
        board = score_folder(folder, payout={word: 2.0}, recent=5)
        rows = board[board["eras"] == "all"].set_index("model")
        np.testing.assert_allclose(rows["payout"], 2 * rows[kind], rtol=1e-12)

    def test_options(self, word, kind, folder, tmp_path, capsys):
        args = ["ensemble", folder, "--chunk", 20, "--format", "json"]
        key = {"corr": "corr", "mmc": "contribution"}[kind]
        for given in (("--fit", "{}"), ("--fit", "payout", "--payout", "{}=3")):
            made = []
            for name in (word, key):
                options = [option.format(name) for option in given]
                output = tmp_path / f"{len(made)}.parquet"
                made.append(json.loads(run(capsys, *args, *options, "-o", output)))
            assert made[0] == made[1]
            assert made[0]

    def test_rules_find_what_was_scored(self, word, kind, scores):
        rule = PayoutRule("mine", {word: 2.0})
        corr = scores[kind].dropna()
        paid = rule.payout({"corr": 0.01, "mmc": 0.01, "bmc": 9.0})
        assert paid == pytest.approx(0.02)
        own = PayoutRule("own", {kind: 2.0})
        known = {name: table.loc[corr.index] for name, table in scores.items()}
        got, expected = (
            simulate(known, 10.0, one, duration=3).totals for one in (rule, own)
        )
        pd.testing.assert_frame_equal(got, expected)
        got, expected = (allocate(known, one, horizon=3).shares for one in (rule, own))
        assert got == expected

    def test_rules_find_what_has_the_word(self, word, kind, scores):
        # The other way about, as the scores of live rounds are named.
        rule = PayoutRule("mine", {kind: 2.0})
        assert rule.payout({word: 0.01, "bmc": 9.0}) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("word", "kind"), [(word, kind) for word, kind in EACH if kind != "cwmm"]
)
def test_a_scorer_by_name(word, kind, data, scores):
    frame = data.frame
    reference = {"meta_model": data.models[0]} if kind == "bmc" else None
    scorer = era_scorer(word, columns=reference)
    model = WeightedEnsemble({data.models[1]: 1.0}).fit(frame)
    found = scorer(model, frame, frame["target"])
    assert found == pytest.approx(scores[kind][data.models[1]].mean(), abs=1e-12)
    assert repr(joblib.hash(scorer))  # which pickles it


@pytest.mark.parametrize("word", WORDS["corr"])
def test_the_objective_of_synergy(word, data):
    frame = data.frame
    inputs = {"era": frame["era"], "horizon": 3}
    found = synergy(frame[data.models], frame["target"], objective=word, **inputs)
    expected = synergy(frame[data.models], frame["target"], **inputs)
    pd.testing.assert_frame_equal(found.gain, expected.gain)


@pytest.mark.parametrize("word", WORDS["bmc"] + WORDS["fnc"] + ["tc", "mcm"])
def test_what_cannot_be_learned_or_paid_is_refused(word, gauss, folder):
    with pytest.raises(ValueError, match=f"`objective` must be .*; got '{word}'"):
        StackingWeights(word).fit(*gauss)
    with pytest.raises(ValueError, match="`payout` must map 'corr' and 'contribut"):
        StackingWeights("payout", payout={word: 1.0}).fit(*gauss)
    with pytest.raises(ValueError, match="`payout` must map 'corr' and 'contribut"):
        score_folder(folder, payout={word: 1.0})
    with pytest.raises(ValueError, match=f"`fit` must be .*; got '{word}'"):
        ensemble_pipeline(folder, fit=word)


class TestRules:
    def test_each_rule_that_is_known_pays_what_was_scored(self, scores):
        factor = {"2024": 1.0, "2026": 1.0}
        for name, rule in PAYOUT_RULES.items():
            by = list(rule.multipliers.values())
            paid = rule.payout(scores, total_at_risk=factor.get(name))
            expected = (by[0] * scores["corr"] + by[1] * scores["mmc"]).clip(
                -rule.clip, rule.clip
            )
            pd.testing.assert_frame_equal(paid, expected)

    def test_what_has_the_very_name_is_paid(self):
        scores = {"corr": 5.0, "corr60": 0.01, "mmc60": 0.02, "mmc": 5.0}
        assert PAYOUT_ROUND_1343.payout(scores) == pytest.approx(0.33)

    def test_another_horizon_is_not_paid(self):
        with pytest.raises(ValueError, match=r"'corr60' is .* and 'corr20' of"):
            PAYOUT_ROUND_1343.payout({"corr20": 0.1, "mmc60": 0.1})

    def test_two_that_may_be_meant_are_not_paid(self):
        with pytest.raises(ValueError, match="'mmc' may be 'mmc20' or 'mmc60'"):
            PAYOUT_2026.payout(
                {"corr": 0.1, "mmc20": 0.1, "mmc60": 0.1}, total_at_risk=1
            )

    def test_one_score_is_not_paid_twice(self):
        rule = PayoutRule("both", {"corr20": 1.0, "corr60": 1.0})
        with pytest.raises(
            ValueError, match="must tell apart what the rule 'both' pays"
        ):
            rule.payout({"corr": 0.1})


class TestHorizons:
    """A score of so many days, learned or paid where the target is of others."""

    def test_of_an_objective(self, gauss, data):
        X, y = gauss
        with pytest.warns(
            UserWarning, match="'mmc20': the scores here are of 'target_"
        ):
            StackingWeights("mmc20").fit(X, y.rename(TARGET))
        payout = {"corr20": 1.0, "mmc20": 1.0}
        with pytest.warns(UserWarning, match="'corr20', 'mmc20': the scores here are"):
            StackingWeights("payout", payout=payout).fit(X, y.rename(TARGET))

    @pytest.mark.filterwarnings("error")
    def test_the_same_is_not_warned_of(self, gauss):
        X, y = gauss
        for word in ("mmc", "mmc60"):
            StackingWeights(word).fit(X, y.rename(TARGET))

    @pytest.mark.filterwarnings("default")
    def test_of_a_rule(self, folder, capsys):
        targets = ["target_cyrus_20", TARGET]
        told = []
        for target in targets:
            for command in (
                ["score", "--payout", "round 1343"],
                ["stake", "--rule", "round 1343"],
            ):
                main([*command, str(folder), "--target", target])
                told.append(capsys.readouterr().err)
        assert "'corr60', 'mmc60': the scores" in told[0]
        assert f"pays scores of {TARGET!r}, and these are of {targets[0]!r}" in told[1]
        assert told[2:] == ["", ""]


class TestPayoutColumn:
    @pytest.mark.parametrize("rule", list(PAYOUT_RULES))
    @quietly
    def test_is_that_of_the_rule(self, rule, folder, capsys):
        board = score_folder(folder, payout=rule, target=TARGET, recent=5)
        by = list(PAYOUT_RULES[rule].multipliers.values())
        rows = board[board["eras"] == "all"]
        args = ["score", folder, "--payout", rule, "--target", TARGET, "--recent", 5]
        csv = pd.read_csv(io.StringIO(run(capsys, *args, "--format", "csv")))
        pd.testing.assert_frame_equal(csv, board)
        out = run(capsys, *args)
        title = f"PAYOUT ({by[0]:g} CORR + {by[1]:g} MMC)"
        assert f"\n{title}, all eras; best mean first\n" in out
        assert rows["payout_n_eras"].equals(rows["mmc_n_eras"])
        for part in ("low", "high", "sharpe", "max_drawdown"):
            assert rows[f"payout_{part}"].notna().all()

    def test_is_the_sum_of_what_it_multiplies_era_by_era(self, folder, scores):
        made = report_folder(folder, payout={"corr": 3, "mmc": 15}).to_dict()
        assert list(made["scores"]) == ["corr", "mmc", "payout (3 CORR + 15 MMC)"]
        expected = 3 * scores["corr"] + 15 * scores["mmc"]
        shown = made["scores"]["payout (3 CORR + 15 MMC)"]["values"]
        for model, values in shown.items():
            got = pd.Series(values, made["eras"], dtype=float)
            np.testing.assert_allclose(
                got, expected[model].reindex(made["eras"]), atol=1e-12
            )

    @pytest.mark.parametrize("command", ["score", "report", "backtest"])
    def test_mmc_without_a_meta_model(
        self, command, without_meta_model, tmp_path, capsys
    ):
        args = [command, without_meta_model]
        args += ["-o", tmp_path / "page.html"] if command == "report" else []
        args += ["--chunk", 20] if command == "backtest" else []
        for payout in ("2026", "mmc=1"):
            line = failure(capsys, *args, "--payout", payout)
            assert "--payout pays needs the Meta Model, and meta_model.parquet" in line
        assert not list(tmp_path.iterdir())
        run(capsys, *args, "--payout", "corr=2")  # which needs none

    def test_mmc_without_a_meta_model_in_memory(self, data):
        frame = data.frame
        with pytest.raises(ValueError, match=r"`payout` .* needs `meta_model`, for "):
            score_models(
                frame["target"],
                frame[data.models],
                era=frame["era"],
                payout={"corr": 1, "mmc": 1},
            )

    @pytest.mark.parametrize("command", ["score", "report", "backtest", "ensemble"])
    def test_an_unknown_rule(self, command, folder, tmp_path, capsys):
        args = [command, folder, "--payout", "1343"]
        args += ["-o", tmp_path / "e.parquet"] if command == "ensemble" else []
        args += ["--fit", "payout"] if command == "ensemble" else []
        line = failure(capsys, *args)
        assert "--payout must be the name of a payout rule, '2024', '2026'" in line
        assert "did you mean 'round 1343'?" in line

    @pytest.mark.parametrize("command", ["score", "report", "backtest", "ensemble"])
    @pytest.mark.parametrize("payout", ["fnc=1,corr=0.5", "mmc=1,contribution=2"])
    def test_scores_that_do_not_pay(self, command, payout, folder, tmp_path, capsys):
        args = [command, folder, "--payout", payout]
        args += ["-o", tmp_path / "e.parquet"] if command == "ensemble" else []
        args += ["--fit", "payout"] if command == "ensemble" else []
        line = failure(capsys, *args)
        told = "give multipliers of corr and mmc, as in corr=3,mmc=15; got "
        assert line.endswith(f"'--payout': {told}{payout!r}")

    def test_it_is_for_folders(self, capsys):
        line = failure(capsys, "report", "--account", "me", "--payout", "2026")
        assert "--payout goes with a FOLDER" in line

    @quietly
    def test_a_rule_to_learn_by(self, folder, tmp_path, capsys):
        args = [
            "--fit",
            "payout",
            "--chunk",
            20,
            "--target",
            TARGET,
            "--format",
            "json",
        ]
        output = ["-o", tmp_path / "e.parquet"]
        for command in (["ensemble", folder, *output], ["backtest", folder]):
            by_name, by_number = (
                json.loads(run(capsys, *command, *args, "--payout", payout))
                for payout in ("2026", "corr=0.75,mmc=2.25")
            )
            assert by_name == by_number


class TestNewestRule:
    """Where no multipliers are named, the command says which ones it took."""

    TOLD = "Payout: rule 'round 1343', the newest: 3 CORR60 + 15 MMC60"

    @pytest.mark.parametrize("form", ["table", "csv"])
    @pytest.mark.parametrize("command", ["ensemble", "backtest"])
    def test_is_named(self, command, form, folder, tmp_path, capsys):
        args = [command, folder, "--fit", "payout", "--chunk", 20, "--format", form]
        args += ["-o", tmp_path / "e.parquet"] if command == "ensemble" else []
        main([str(arg) for arg in args])
        printed = capsys.readouterr()
        assert (printed.out + printed.err).splitlines().count(self.TOLD) == 1
        assert (self.TOLD in printed.out) == (form == "table")
        if command == "backtest":
            main([str(arg) for arg in [*args, "--payout", "corr=3,mmc=15"]])
            printed = capsys.readouterr()
            assert "Payout: rule" not in printed.out + printed.err

    def test_is_learned_by(self, folder):
        found = backtest_folder(folder, fit="payout", chunk=20)
        assert found.payout == {"corr": 3.0, "contribution": 15.0}


class TestAlike:
    """Names that are not there are answered with those that are alike."""

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            ("score --benchmark ender20", "'v53_lgbm_ender20'"),
            ("score --target cyrus_20", "'target_cyrus_20'"),
            ("score --target target_cyrus20", "'target_cyrus_20'"),
            ("report --benchmark ENDER20", "'v53_lgbm_ender20'"),
            ("report --features smal", "'small'"),
            ("analyze --model ender20", "'v53_lgbm_ender20'"),
            ("ensemble -o e.parquet --weights ender20=1", "'v53_lgbm_ender20'"),
            ("ensemble -o e.parquet --fit mcc", "'mmc'"),
            ("ensemble -o e.parquet --fit contributon", "'contribution'"),
            ("ensemble -o e.parquet --neutralize mediun", "'medium'"),
            ("ensemble -o e.parquet --recipe rain", "'v42_rain_ensemble'"),
            ("backtest --fit corr,sharp", "'sharpe'"),
            ("backtest --neutralize smal", "'small'"),
            ("stake --rule 1343", "'round 1343'"),
        ],
    )
    def test_in_a_folder(self, args, told, folder, tmp_path, capsys):
        command, *options = args.split()
        options = [str(tmp_path / o) if "." in o else o for o in options]
        line = failure(capsys, command, folder, *options)
        assert "did you mean " in line
        assert told in line.partition("did you mean ")[2]

    def test_in_python(self, data, gauss, scores):
        frame, wrong = data.frame, {"ender20": 1.0}
        hint = "did you mean 'v53_lgbm_ender20'?"
        model = EraRankGauss(["v53_lgbm_ender20"]).fit(frame)
        calls = [
            lambda: StackingWeights(prior=wrong).fit(*gauss),
            lambda: WeightedEnsemble(wrong).fit(frame),
            lambda: EraRankGauss(["ender20"]).fit(frame),
            lambda: model.transform(
                frame.rename(columns={"v53_lgbm_ender20": "v53_lgbm_ender2O"})
            ),
            lambda: simulate(scores, {"ender20": 1}, PAYOUT_ROUND_1343, duration=3),
        ]
        hints = [hint, hint, hint, "'v53_lgbm_ender2O'", hint]
        for call, told in zip(calls, hints, strict=True):
            with pytest.raises(ValueError, match="did you mean") as caught:
                call()
            assert told in str(caught.value)

    def test_what_is_like_no_other_has_no_hint(self, folder, capsys):
        line = failure(capsys, "score", folder, "--benchmark", "zzz")
        assert "did you mean" not in line


class TestTables:
    def test_candidates_are_sorted_by_the_score_shown(self, folder, tmp_path, capsys):
        args = ["ensemble", folder, "--fit", "corr", "--chunk", 10]
        out = run(capsys, *args, "-o", tmp_path / "e.parquet")
        tables = out.split("; best mean first\n")[1:]
        assert len(tables) == 3
        for table in tables:
            lines = table.splitlines()[1:4]
            means = [_mean_of(line) for line in lines]
            assert means == sorted(means, reverse=True)

    def test_weights_are_shown_as_shares_of_one(self, folder, data, tmp_path, capsys):
        a, b = data.models[:2]
        shown, files = [], []
        for weights in (f"{a}=30,{b}=70", f"{a}=0.3,{b}=0.7"):
            output = tmp_path / f"{len(files)}.parquet"
            out = run(capsys, "ensemble", folder, "--weights", weights, "-o", output)
            shown.append(out.partition("\n\n")[0])
            files.append(pd.read_parquet(output))
        assert shown[0] == shown[1]
        assert shown[0].splitlines()[1:] == [f" 70.00%  {b}", f" 30.00%  {a}"]
        # What is blended is ranked again: only the ratio counts.
        pd.testing.assert_frame_equal(*files)
        weights = joblib.load(tmp_path / "0.joblib")[1].weights_
        assert weights == {a: 30.0, b: 70.0}

    def test_weights_below_zero_sum_to_one_in_size(
        self, folder, data, tmp_path, capsys
    ):
        a, b = data.models[:2]
        args = ["--weights", f"{a}=-1,{b}=3", "-o", tmp_path / "e.parquet"]
        out = run(capsys, "ensemble", folder, *args)
        assert f"first\n 75.00%  {b}\n-25.00%  {a}\n" in out

    @quietly
    def test_shares_of_a_stake(self, folder, capsys):
        out = run(capsys, "stake", folder, "--rule", "round 1343")
        table = out.partition("Models by their share, the largest first\n")[2]
        shares = [float(line.split()[1]) for line in table.splitlines()[2:6]]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert shares == sorted(shares, reverse=True)


def test_the_option_for_the_total_at_risk_is_named(folder, capsys):
    line = failure(capsys, "stake", folder, "--rule", "2026")
    assert "--total-at-risk must be given for the rule '2026'" in line
    assert "dataclasses" not in line
    with pytest.raises(ValueError, match="`total_at_risk` must be given") as caught:
        PAYOUT_2026.payout_factor()
    assert "dataclasses.replace(rule, factor=...)" in caught.value.__notes__[0]


def _mean_of(line):
    """Return the first number of a line, which begins with a name of several words."""
    return next(float(word) for word in line.split() if word[-1].isdigit())
