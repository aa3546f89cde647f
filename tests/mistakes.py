"""What people get wrong in each parameter of the public API, and what they are told.

A key is a parameter, with the function or the package before it where the parameter is
another one there; several keys share a row. `test_refusals.py` makes the mistakes.
"""

import re

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse
from sklearn.pipeline import make_pipeline

from skbench import FeatureNeutralizer, StackingWeights

# What a parameter must be, values that it must not have, and the keys.
MUST_BE = [
    ("True or False", ["yes", 1],
     "allow_ties, compound, dry_run, exact, fit_intercept, greater_is_better, "
     "keep_era, keep_neutralizers, keep_predictions, live, nonnegative, overwrite, "
     "progress, resolved, resume, scale, standardize, unscored"),
    ("a whole number of at least 1", [0, 2.5, "many", [1]],
     "batch_rows, chunk, chunk_size, concurrent_rounds, duration, first_round, "
     "horizon, open_rounds, "
     "last_n_rounds, max_iter, max_train_eras, n, n_eras, n_features, npartitions, "
     "recent, rows_per_era, top_bottom, window, report n_models"),
    ("a whole number of at least 0", [-1, 2.5, "many"],
     "first_era, meta_model_eras, purge"),
    ("a whole number of at least 2", [1, "many"], "n_models, n_quantiles"),
    ("between 0 and 1", [1.5, -0.1, "half", np.nan, None, True, [0.5]],
     "max_share, proportion, rcond, shrinkage, find_duplicates threshold, "
     "weight_grid max_weight"),
    ("between 0 and 1", [-1.0], "mean_corr"),
    ("above 0 and at most 1", [0, 1.5, "all", None], "max_weight, tail"),
    ("above 0 and below 1", [1, 95, "95%", None], "confidence"),
    ("at least 0 and below 1", [1.0], "era_std, skill_std"),
    ("above 0", [0, np.inf, "long", 10**400], "halflife"),
    ("a number above 0", [0, "all"], "total"),
    ("a number above 0 and at most 1e+100", [0, -1.0, "none", np.inf],
     "clip, factor, threshold, total_at_risk"),
    ("a number from 0 to 1e+06", [-1, np.inf, "high"], "prior_rounds, risk_aversion"),
    ("a number between 0 and 1, not one of them, or None", [1, "median"], "fill"),
    ("a positive number of seconds", [0, "1 min"], "time_limit"),
    ("a number of bytes, or text such as '4GB'", ["much", None], "memory_limit"),
    ("1 divided by a whole number, such as 0.1 or 0.05", [0, 0.3, "fine"], "step"),
    ("None or a whole number other than 0", [0, 1.5, "all"], "n_jobs"),
    ("an int, a RandomState, a Generator or None", ["seed", 0.5], "random_state"),
    ("two numbers, the smaller first, between which the row count of one era lies",
     [5, (10, 5), (1, 2, 3), None], "single_era_rows"),
    ("'median', 'raise' or a finite number", ["mean", np.nan, None, [0.5]], "missing"),
    ("'average' or 'first'", ["min", None, ["average"]], "ties"),
    ("'propagate' or 'omit' or 'raise'", ["ignore", None], "nan_policy"),
    ("'slsqp' or 'greedy'", ["random", None], "search"),
    ("'corr' or 'sharpe' or 'mse' or 'contribution' or 'payout'", ["rmse", ["mse"]],
     "objective"),
    ("'corr' or 'sharpe'", ["mse"], "analysis objective"),
    ("'mean' or 'sharpe'", ["median", None], "reduce"),
    ("'mean_cvar' or 'min_variance' or 'equal'", ["best", ["equal"]], "method"),
    ("'train' or 'validation' or 'live'", ["test", ["validation"]], "split"),
    ("'unconfirmed' or 'confirmed'", ["final"], "status"),
    ("'legacy' or 'atomic'", ["split", None], "mode"),
    ("'3.10' or '3.11' or '3.12' or '3.13' or '3.11-head' or '3.12-head'",
     ["3.9", "head", 3.12], "runner"),
    ("'default', 'pandas' or 'polars'", ["arrow", "numpy", True], "transform"),
    ("float64 or float32", ["int8", ["float64"]], "dtype"),
    ("a function, or the name of a score", ["sharpe", None], "metric"),
    ("a date such as '2024', '2024-01' or '2024-01-02', or None", ["May", 2024],
     "first, last"),
    ("a name", [5, ["somebody"]],
     "account_or_model, against, report_account account, BlendExplorer folder, "
     "BlendExplorer neutralize"),
    ("a column name", [5, "", ["prediction"]],
     "output, recipes name, streaming era, distributed era, "
     "backtest candidates y, distributed meta_model"),
    ("a column name", [5, ""], "streaming y, distributed y"),
    ("a string", [None, 5], "staking source"),
    ("a string that is not empty", ["", None], "staking name"),
    ("a text that is not empty", ["", None], "title"),
    ("the name of a model of yours", ["", ["model"]], "model_name"),
    ("the name of a target", [5, ["target"]], "target"),
    ("a path", [5, ["a", "b"]],
     "path, data_home, folders output, demo output, demo data, streaming target, "
     "check_predict python, ensemble_folder live, to_folder path, demo folder, "
     "diagnostics predictions, diagnose_folder predictions"),
    ("names of files", [5], "predictions"),
    ("names of columns", [5], "load_benchmark_models models"),
    ("a list of names", ["a,b", 5], "weight_grid names, input_features"),
    ("a list of names", ["target_x_20", []], "make_benchmark_models targets"),
    ("True, False or a list of names", ["target"], "fetch_benchmark_models targets"),
    ("a list of column names", ["feature_a", 5], "feature_columns"),
    ("a list of types or their names", ["sklearn.linear_model.Ridge", 5], "also"),
    ("a list of splits", ["validation", []], "splits"),
    ("a list of era labels", ["0001", 5], "load_benchmark_models eras"),
    ("a list of numbers", [0.5], "neutralization_path proportions"),
    ("name a feature set", [5, ["small"]], "neutralize"),
    ("a mapping from column to weight, or None for equal weights", ["equal", [1.0]],
     "prior"),
    ("a mapping from column to weight, a sequence or None", [0.5], "weights"),
    ("a mapping from the name of a prediction column to a fitted model", [["a"]],
     "export_predict models"),
    ("a mapping from names", [["a"], "a"], "recipes columns, feature_sets"),
    ("map names of scores to numbers", [5, ["corr"]], "multipliers"),
    ("map names to names", [5, ["corr"]], "staking names"),
    ("map 'corr' and 'contribution' to their multipliers",
     ["high", {"corr": np.nan}, {"bmc": 1.0}, {"mmc": 1.0, "contribution": 1.0}],
     "payout"),
    ("map 'corr' and 'contribution' to their multipliers", [5, {"bmc": 1.0}],
     "folders payout"),
    ("the name of a payout rule, '2024', '2026', 'round 1343', or multipliers",
     ["high"], "folders payout"),
    ("map parameters of the metric to columns of X", [["a"], "a"],
     "era_scorer columns"),
    ("map each model to its two ends", ["wide", 0.5], "intervals"),
    ("map models to their stakes, or be a number", [[1.0]], "stakes"),
    ("a splitter", [5], "cv"),
    ("a WalkForwardEraSplit", [5, [1, 2]],
     "report cv, backtest cv, walk_forward_weights cv"),
    ("a scikit-learn estimator", ["pipeline.joblib", 5], "pipeline"),
    ("a scikit-learn Pipeline", [None, "a.joblib"], "ensemble_folder pipeline"),
    ("an ensemble or a pipeline with one", [None, {"a": 1.0}], "estimator"),
    ("matplotlib axes or None", ["left", 1], "ax"),
    ("True or False", ["yes", 1], "again"),
    ("a path", [5, ["a", "b"]], "daily output"),
    ("a function or None", ["print", True], "tell"),
    ("map names of models to options of their ensembles", [5, {}, ["my_model"]],
     "daily models"),
]  # fmt: skip


def shorter(rows):
    return rows.iloc[:-1]


def reversed_(rows):
    return rows.iloc[::-1]


def twice(rows):
    return pd.concat([rows, rows], axis=1)


def rows_twice(rows):
    return pd.concat([rows, rows])


def no_rows(rows):
    return rows.iloc[:0]


def lazy(rows):
    return pl.from_pandas(rows).lazy()


def as_sparse(rows):
    return sparse.csr_matrix(rows.select_dtypes("number"))


def without_eras(rows):
    return rows.drop(columns="era")


def text(rows):
    """Put text where there are numbers, in the last column of a frame."""
    if isinstance(rows, pd.Series):
        return rows.map(lambda _: "high")
    return rows.assign(**{str(rows.columns[-1]): "high"})


def one(value):
    """Return a change that puts a value into the last cell of the third row."""

    def put(rows):
        if isinstance(rows, pd.Series):
            return rows.mask(np.arange(len(rows)) == 2, value)
        last = rows.columns[-1]
        return rows.assign(**{str(last): one(value)(rows[last].astype(float))})

    return put


def without_a_label(rows):
    return rows.where(np.arange(len(rows)) != 2, None)


# What is said of an input of one row each, called {name}.
NUMBERS = (text, "column '.*' must hold numbers; its dtype is .*astype")
TWICE = (twice, "`{name}` has duplicate column names: ")
INFINITE = (
    one(np.inf), "`{name}` has 1 infinite or huge values in column '.*' in era '0001': "
    "replace them by NaN")  # fmt: skip
LAZY = (lazy, "`{name}` is a polars LazyFrame, without rows yet: pass .*collect")
EMPTY = (no_rows, r"`{name}` has 0 rows and \d columns; at least one of each is needed")
COLUMN = [
    (shorter, "`era` has 601 rows and `{name}` has 600"),
    (reversed_, "`{name}` has another index than `era`.*in the order of `era`"),
    ("target", "`{name}` must hold one value a row; got 'target'"),
    (0.5, "`{name}` must be one column of values; got float 0.5"),
    ([[1], [1, 2]], "`{name}` must "),
    NUMBERS, TWICE,
]  # fmt: skip
# The same of a table of scores, and of exposures.
SCORES = [
    (one(np.inf), "`{name}` must not be infinite or huge; got inf in column '.*NaN"),
    (rows_twice, "the rows of `{name}` must differ in their labels; several are '0"),
    (0.5, "`{name}` must be .*; got float"),
    NUMBERS, TWICE, EMPTY,
]  # fmt: skip
# Of the rows that an estimator gets, alone and beside targets.
X = [
    (twice, "X has duplicate column names: 'era'"),
    (no_rows, "X has 0 rows and 15 columns; at least one of each is needed"),
    (lazy, r"X is a polars LazyFrame, without rows yet: pass X.collect\(\)"),
    (without_eras, "X has no era column 'era'"),
    (as_sparse, "Sparse data was passed"),
]
X_AND_Y = [
    *X, (shorter, "X has 234 rows and y has 235"),
    (reversed_, "y has another index than X.*pass y.loc"),
]  # fmt: skip
Y = [
    (shorter, "X has 235 rows and y has 234"),
    (reversed_, "y has another index than X.*pass y.loc"),
    (text, "y must hold numbers: could not convert string"),
    (twice, r"y must be one column; got an array of shape \(235, 2\)"),
    (one(np.inf), "y has 1 infinite or huge values: the targets must be finite"),
    (one(1e308), "y has 1 infinite or huge values: the targets must be finite"),
    (0.5, "y must hold one target a row; got 0.5"),
]
ERA = [
    (shorter, "`era` has 600 rows and `.*` has 601"),
    (reversed_, "has another index than `era`.*in the order of `era`"),
    (without_a_label, "has 1 missing labels, the first in row 2: label these rows"),
    ("era", "`era` must hold one value a row; got 'era'"), TWICE,
]  # fmt: skip

# What is said of a name that is not there, 'nowhere'.
OF_X = "names 'nowhere', which X does not have; it has 'era', "
OF_MODELS = "`{name}` must .*'v53_lgbm_cyrus20', .*; got 'nowhere'"
OF_FILE = "names 'nowhere', which .*parquet does not have. It has 'era'"
OF_THE_MODELS = OF_FILE.replace("era", "v53_lgbm_cyrus20")
OF_SOURCE = "`(source|ddf)` lacks 'nowhere', .*; it has 'era'"
OF_SETS = "`{name}` must be the name of a feature set, .*; got 'nowhere'. The sets are"
NO_FILE = "`{name}` must name a file that is there; got nowhere"
NO_FOLDER = "nowhere.* is not there: .*ownload it|`path` must be a folder that is there"
GROUPS = "`groups` must map each of the models, 'v53_lgbm_cyrus20'"

# A value or a change of the good one and what is said of it, by keys.
SAID = [
    # rows for estimators
    ("X", X_AND_Y),
    ("metrics X, transform X, predict X, set_output X, neutralization_path X", X),
    ("groups X", [
        (shorter, "X has 234 rows and `groups` has 235"),
        (0.5, "X must hold rows, as `groups` does; got 0.5")]),
    ("WalkForwardEraSplit X", [
        *X, (shorter, "y has another index than X.*pass y.loc")]),
    ("FeatureRegressor X", [
        *(row for row in X_AND_Y if row[0] is not without_eras),
        (one(np.inf), "column 'feature.*' has 1 infinite or huge values: replace")]),
    ("y", Y[:2]),
    ("recipes y", Y),
    ("StackingWeights y, partial_fit y", [
        *(row for row in Y if row[0] is not twice),
        (twice, "`y` has duplicate column names: 'target'")]),
    ("score y", [
        *Y, (None, "`score` needs the targets `y`; got None"),
        (lambda y: y * 1j, "y must hold numbers: they are complex"),
        (lambda y: y * np.nan, "no era can be scored: ")]),
    ("metrics y", [(shorter, "`era` has 235 rows and `y_true` has 234")]),
    ("WalkForwardEraSplit y", Y[1:2]),
    ("sample_weight", [([1.0], "`sample_weight` must be None, as .*; got 'list'")]),
    ("values", [
        ("prediction", "`values` must be one column of values; got str 'prediction'"),
        (text, "`values` must hold numbers: could not convert string")]),
    ("groups", [
        ("era", "`groups` must be one column of values; got str 'era'"),
        ([1, 2], "X has 235 rows and `groups` has 2")]),
    ("eras", [
        (without_a_label, "has 1 missing labels, the first in row 2: label these rows"),
        ("eras", "`eras` must be one column of values; got str 'eras'")]),
    ("other", [("a", "merge needs two fitted StackingWeights")]),
    # rows for scores and questions
    ("y_true, reference, analysis y, predictions before, predictions after, "
     "metrics features, metrics neutralizers, report features, BlendExplorer y, "
     "BlendExplorer neutralizers", [*COLUMN, INFINITE]),
    ("metrics meta_model, analysis meta_model, compare model, portfolio, y_pred, "
     "benchmarks, analysis models, BlendExplorer models, BlendExplorer meta_model",
     COLUMN),
    ("metrics features, metrics neutralizers, report features, y_pred, benchmarks, "
     "analysis models, BlendExplorer models, BlendExplorer neutralizers",
     [LAZY, EMPTY]),
    ("BlendExplorer presets", [
        (5, "`presets` must go by name; got 5"),
        ({"a": {"nowhere": 1.0}}, "names 'nowhere', which is not among the models")]),
    ("BlendExplorer proportions", [
        (0.5, "`proportions` must go by name; got 0.5"),
        ({"a": 0.5}, "`proportions` must name some of `presets`; got 'a'")]),
    ("BlendExplorer objectives", [
        ("corr", "`objectives` must list objectives; got 'corr'"),
        (["luck"], "`objectives` must be .*; got 'luck'")]),
    ("BlendExplorer elsewhere", [
        ("a", "`elsewhere` must map models to files; got 'a'"),
        ({"a": 5}, "`elsewhere` must be the name of a file or None; got 5")]),
    ("BlendExplorer n_exact_eras", [
        (0, "`n_exact_eras` must be .*; got 0")]),
    ("portfolio", [({"nowhere": 1.0}, "`portfolio` names 'nowhere', which.*it has ")]),
    ("metrics era, analysis era, report era", ERA),
    ("analysis groups", [
        ({}, GROUPS), ("kind", GROUPS), ({"a": 1}, GROUPS),
        (lambda good: {key: ["a"] for key in good}, "`groups` must hold labels; got")]),
    # tables
    ("before, after, scores, ImpliedWeightsDisplay weights", SCORES),
    ("correlations", [row for row in SCORES if row[0] is not rows_twice]),
    ("leaderboard scores, PerformanceReport scores", [
        ({}, "`scores` must hold at least one frame of scores; got none"),
        ({"corr": 0.5}, r"`scores\['corr'\]` must be .*; got float"),
        (5, "`scores` must .*; got int")]),
    ("with_season scores", [
        (5, "`scores` must be a pandas frame"),
        (pd.DataFrame({"model": ["a"]}), "`scores` lacks 'round', 'day', 'score'")]),
    ("balance", [
        (-1.0, "`balance` must be a number from 0 to .*; got -1.0"),
        ("all", "`balance` must be a number from 0 to .*; got 'all'")]),
    ("staking scores", [
        ({}, "`scores` lacks 'corr', 'mmc', which the rule 'half' pays.*renamed"),
        ([0.1], "`scores` must map the names of scores to their values; got list")]),
    ("from_live scores", [
        (rows_twice, "`scores` must have one row a model, round, score, day; there ar"),
        (no_rows, "`scores` has no rows: has any round been scored yet?"), TWICE]),
    ("report quantiles, means", [
        (0.5, "`{name}` must be a pandas frame of eras x pairs .*; got float"),
        (no_rows, "`{name}` has 0 rows"),
        (rows_twice, "the rows of `{name}` must differ in their labels; several are "),
        (lambda means: means * np.nan, "`{name}` has no mean in any era: had any"),
        (lambda means: means.replace(means.iloc[2, 1], np.inf),
         "`{name}` must not be infinite or huge; got inf"),
        (lambda means: means.iloc[:, 1:],
         "`{name}` must have pairs of model and quantile as columns")]),
    ("exposures", [
        ({}, "`exposures` must hold at least one stage; got none"),
        ({"before": 0.5}, r"`exposures\['before'\]` must be one column")]),
    ("submission, deploy predictions", [
        (shorter, "`{name}` cannot be submitted.*is live and without a prediction"),
        (rows_twice, "cannot be submitted.*are more than once: submit one prediction"),
        (one(np.nan), r"1 row has no prediction \(NaN\).*: predict them, or fill"),
        (one(1.5), r"1 row has a prediction outside \[0, 1\].*end the pipeline in"),
        (text, "the column 'prediction' must hold numbers .*look for text"),
        TWICE, LAZY, EMPTY]),
    ("find_duplicates predictions", [
        ("nowhere", "`predictions` cannot be used: Expected 2D array"),
        (without_eras, "X has no era column 'era'"), NUMBERS, TWICE, LAZY, EMPTY]),
    ("live_ids", [
        (shorter, "is not live: drop the rows, or predict this round's live file"),
        (without_a_label, "`live_ids` must hold the ids of the live rows"),
        (0.5, "`live_ids` must be one column of values; got float 0.5"), TWICE]),
    ("live_features, live_benchmark_models", [
        (lazy, "`{name}` must be a pandas DataFrame.*; got LazyFrame"),
        ("nowhere", NO_FILE)]),
    ("ddf", [(pd.DataFrame(), "`ddf` must be a Dask DataFrame.*Make one with")]),
    # names of columns
    ("era", [
        (["era"], "`era` must be a column name, a position or None; got ..era"),
        (pd.NA, "`era` must be a column name, a position or None; got <NA>"),
        (5, "`era` must be a column name for a frame; got 5"),
        ("nowhere", "X has no era column 'nowhere'")]),
    ("era_scorer era, contribution_scorer era, contribution_scorer column, columns, "
     "neutralizers, features, WalkForwardEraSplit reference", [("nowhere", OF_X)]),
    ("columns, neutralizers, features", [
        (["nowhere"], OF_X), (np.array("nowhere"), OF_X),
        ([], "`{name}` selects no column of X"),
        ([1, 1], "`{name}` names a column twice"),
        ([["era"]], "`{name}` must hold names or positions of columns; got ..era")]),
    ("streaming era, distributed era, streaming y, distributed y, "
     "backtest candidates y, distributed meta_model, transform_parquet columns",
     [("nowhere", OF_SOURCE)]),
    ("streaming y, distributed y", [
        (["target", "nowhere"], OF_SOURCE),
        ([], "`{name}` must name a column at least; got .."),
        (["target", 5], "`{name}` must be a column name; got 5"),
        (["target"] * 2, "`{name}` names a column twice: 'target'")]),
    ("distributed models, distributed features", [
        (["nowhere"], OF_SOURCE), ("nowhere", OF_SOURCE), (["target", 5], "lacks 5, "),
        (5, "`{name}` must be names of columns; got 5"),
        ([], "`{name}` must be names of columns; got .."),
        (["era"] * 2, "`{name}` names a column twice: 'era'")]),
    ("distributed candidates", [
        ({}, "`candidates` must hold at least one pipeline; got none"),
        (make_pipeline(FeatureNeutralizer(5)), "must have one step that blends")]),
    ("distributed cv", [
        (5, "`cv` must be a WalkForwardEraSplit; got 5"),
        ([1, 2], "`cv` must be a WalkForwardEraSplit; got .1, 2.")]),
    ("transform_parquet columns", [
        ([1], "`columns` must hold names of columns; got 1")]),
    ("load_benchmark_models meta_model", [
        (1, "`meta_model` must be True or False; got 1"),
        ("nowhere", "`meta_model` must name a file that is there; got nowhere")]),
    ("fetch_benchmark_models meta_model", [
        (1, "`meta_model` must be True, False, or a release"),
        ("nowhere", "such as 'v4.3' or, as it was in a round, .* got 'nowhere'")]),
    ("meta_model", [
        ("nowhere", "X had no column 'nowhere' .`meta_model`. at fit"),
        (["meta"], "`meta_model` must be a column name; got")]),
    ("analyze target", [
        ("nowhere", "`target` must be one of the targets in the data, 'target'"),
        (["target"], "`target` must be one of the targets in the data, 'target'"),
        ("era", "`target` must be a column of numbers; got 'era', of dtype")]),
    # weights
    ("weights", [
        ({"nowhere": 1.0}, OF_X),
        ([1.0], "`weights`.*3 columns 'v53_lgbm_cyrus20', .*; got 1"),
        ([1, np.nan, 0], "`weights` must be finite numbers; got nan for column")]),
    ("ensemble_pipeline weights", [
        ({"nowhere": 1.0}, "`weights` names 'nowhere', which .* does not have. It ha"),
        ([1.0], "`weights`.*3 columns 'v53_lgbm_cyrus20', .*; got 1"),
        ([1, np.nan, 0], "`weights` must be finite numbers; got nan for column")]),
    ("WeightsDisplay weights", [
        ({}, "`weights` must map the name of each model to its weight; got {}")]),
    ("PerformanceReport weights", [
        ({}, "`weights` has 0 rows"), (5, "`weights` must be one column of values")]),
    ("WeightsPathDisplay weights", [
        (lambda weights: weights * np.nan, "`weights` must be finite numbers"),
        (5, "`weights` must be one column of values")]),
    ("stakes", [({"nowhere": 1.0}, "`stakes` names 'nowhere', which `scores` does")]),
    ("proportions", [
        (0.5, "`proportions` must be .*numbers; got 0.5"),
        ([0, 1.5], "`proportions` must be between 0 and 1; got 1.5")]),
    ("neutralization_path proportions", [
        ([], "`proportions` must hold at least one number; got none"),
        ([0.5, 0.5], r"`proportions` must differ; got \[0.5, 0.5\]")]),
    # names of models, sets, files and accounts
    ("benchmark, score_models benchmark, report meta_model, EraScoreDisplay model, "
     "TargetByQuantileDisplay model, analyze model, analyze_folder model", [
        ("nowhere", OF_MODELS)]),
    ("score_models benchmark, EraScoreDisplay model, TargetByQuantileDisplay model", [
        (["nowhere"], "`{name}` must be one of .*; got ..nowhere")]),
    ("load_benchmark_models targets, folders target", [("nowhere", OF_FILE)]),
    ("load_benchmark_models models, folders models, folders without, "
     "ensemble_pipeline models, ensemble_pipeline without", [
        ("nowhere", OF_THE_MODELS)]),
    ("demo models, demo without", [
        (["a"], r"`{name}` is for `data`; got \['a'\] without a folder")]),
    ("recipes_for columns", [
        ("a", "`columns` must be names of models; got 'a'"),
        (5, "`columns` must be names of models; got 5")]),
    ("load_benchmark_models features, fetch_benchmark_models features, "
     "folders features, neutralize", [("nowhere", OF_SETS)]),
    ("load_benchmark_models eras", [
        (["nowhere"], "`eras` names 'nowhere', which .*it has 30 eras, '0001' to")]),
    ("daily output", [("", "`{name}` must not be empty: name a file or folder")]),
    ("daily models", [
        ({"a/b": {}}, "`models` must have names of your models; got 'a/b'"),
        ({"a": "corr"}, "`models` must map 'a' to options of its ensemble; got 'corr'"),
        ({"a": {"fitt": "corr"}}, "no option 'fitt'; did you mean 'fit'.*There are"),
        ({"a": {"chunk": 0}}, "have 'a' so: `chunk` must be a whole number.*got 0")]),
    ("path, demo data", [
        ("nowhere.pkl", f"{NO_FILE}|{NO_FOLDER}"),
        ("", "`{name}` must not be empty: name a file or folder")]),
    ("to_folder path, demo folder", [
        ("", "`{name}` must not be empty: name a file or folder")]),
    ("to_folder data", [({"a": 1}, "`data` must be a tournament as .*; got dict")]),
    ("export_predict path, folders output, demo output, streaming target, "
      "ensemble_folder live", [
        ("nowhere/a.pkl", "`{name}` must name a file in a folder that is there")]),
    ("streaming source", [("nowhere", "`source` nowhere is not there")]),
    ("predictions", [(["nowhere"], NO_FILE)]),
    ("diagnostics predictions, diagnose_folder predictions", [("nowhere", NO_FILE)]),
    ("account_or_model, account, against, cli account, cli against", [
        ("nowhere", "Numerai knows no account and no model called 'nowhere'")]),
    ("model_name", [
        ("nowhere", "`model_name` must be a model of your account; got 'nowhere'")]),
    ("version, data_version, docker_image", [
        ("nowhere", "`{name}` must be one that Numerai has.*; got 'nowhere'.* it ha")]),
    ("recipes name", [
        ("nowhere", "must be that of a recipe; got 'nowhere': `list_recipes` lists")]),
    ("name", [("a", "`name` is for one model; `scores` has 'v53_lgbm_cyrus60', ")]),
    ("weight_grid names", [
        ([["a"], "b"], "`names` must hold names or positions; got ..a"),
        (["a", "a"], "`names` must differ; 'a' come more than once"),
        ([], "`names` must hold at least one name; got none")]),
    # what does not fit the rest of the call
    ("stacking", [
        (5, "`stacking` holds no eras: fit it first"),
        (StackingWeights(), "`stacking` holds no eras: fit it first")]),
    ("candidates", [
        (5, "`candidates` must be a pipeline, or a mapping"),
        ({}, "`candidates` must hold at least one pipeline; got none"),
        ({"a": "b"}, "`candidates` must map names to pipelines; 'a' is 'b'")]),
    ("walk_forward_predict estimator", [("model", "Cannot clone object .*model")]),
    ("cv", [([1, 2], "`cv` must be a splitter, or pairs of row positions: ")]),
    ("reduce", [
        (lambda mean: lambda scores: None, "`reduce` must return a number; got None")]),
    ("rule", [("2026", "`rule` must be a PayoutRule; got str")]),
    ("synergy, analysis, found", [("a", "`{name}` must be what .* gives; got str")]),
    ("feature_sets", [({}, "`feature_sets` must hold the names of 'medium', to ")]),
    ("backtest_folder fit", [
        (5, "`fit` must list one objective or more; got 5"),
        ([], "`fit` must list one objective or more; got"),
        ("luck", "`fit` must be .*got 'luck'")]),
    ("backtest_folder shrinkage", [(1.5, "between 0 and 1; got 1.5")]),
    ("ensemble_pipeline proportion", [
        (1.5, "`proportion` must be between 0 and 1; got 1.5"),
        ("half", "`proportion` must be between 0 and 1; got 'half'")]),
    ("fit, recipe", [("a", "choose one way to blend; got `weights` and `{name}`")]),
    ("ensemble_pipeline shrinkage", [
        (0.5, "`{name}` is for `fit`; got 0.5"), ("bayes", "`{name}` is for `fit`")]),
    ("ensemble_pipeline payout", [
        ({"corr": 1}, "`payout` is for `fit` 'payout'; got it with None")]),
    ("ensemble_pipeline columns", [
        ({"a": "b"}, "`columns` is for a `recipe`; got it without one")]),
    ("ensemble_folder pipeline", [
        (make_pipeline(FeatureNeutralizer(5)), "its `neutralizers` by name; got 5")]),
    ("intervals", [
        ({"a": 0.5, "b": 0.5}, "`intervals` must hold a lower and an upper end; got")]),
    ("upload_model python", [
        ("python", "`python` chooses an image, .*pass one of them")]),
    ("cli data", [("nowhere", "--data must be a folder that is there; got nowhere")]),
    ("cli given", [(["nowhere", "nowhere", "nowhere"], "^2: skbench: .*nowhere")]),
]  # fmt: skip

# Options of commands, and what nobody can use. The messages name option and value.
OPTIONS = {
    "benchmark": "nowhere", "chunk": "0", "columns": "nowhere",
    "data_version": "nowhere", "docker_image": "nowhere", "python": "nowhere",
    "features": "nowhere", "fill": "1.5", "missing": "nowhere", "models": "nowhere",
    "fit": "nowhere", "format": "xml", "live": "nowhere/a.csv", "max_share": "1.5",
    "memory_limit": "much",
    "method": "nowhere", "model": "nowhere", "neutralize": "nowhere",
    "output": "nowhere/a.parquet", "payout": "high", "proportion": "1.5",
    "recent": "many", "recipe": "nowhere", "report": "nowhere/a.html", "rule": "2030",
    "runner": "nowhere", "seed": "many", "target": "nowhere", "time_limit": "-1",
    "version": "nowhere", "weights": "nowhere", "without": "nowhere",
}  # fmt: skip

# What is passed on and found at its first use, or is whatever has the right methods.
TAKEN = ["api", "data", "score_name", "folder_target target", "Recipe era", "cv era",
         "estimator features"]  # fmt: skip


def mistakes():
    """Return pairs of a bad value, or a change that spoils one, and a message, by key.

    In a message, {name} stands for the parameter.
    """
    found = {key: [] for key in TAKEN}
    for what, values, keys in MUST_BE:
        said = f"`{{name}}` must (be )?{re.escape(what)}.*got "
        for key in keys.split(", "):
            told = [(value, said + re.escape(repr(value))) for value in values]
            found.setdefault(key, []).extend(told)
    for keys, told in SAID:
        for key in keys.split(", "):
            found.setdefault(key, []).extend(told)
    for option, value in OPTIONS.items():
        said = f"^2: skbench: .*{option.replace('_', '.')}.*{value}"
        found[f"cli {option}"] = [(value, said)]
    return found
