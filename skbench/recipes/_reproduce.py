"""Training a recipe's models window by window, and blending what they predict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import check_count, check_flag, did_you_mean, listed
from skbench._eras import chronological, find_eras, horizon_of, stated_era_column
from skbench._frames import (
    Table,
    as_table,
    check_named,
    convert,
    feature_columns,
    resolve,
    role,
)
from skbench._progress import with_progress
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict

from ._catalog import RISKIEST
from ._models import FeatureRegressor
from ._riskiest import riskiest_features

if TYPE_CHECKING:
    from ._recipe import Recipe

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Windows = list[tuple[Rows, Rows]]

# Eras left out beyond those over which a target's scores hang together.
_EXTRA_PURGE = 3


@dataclass(frozen=True)
class ReproduceOptions:
    """What the caller of `Recipe.reproduce` chose, checked."""

    targets: dict[str, str]
    feature_sets: Mapping[str, Sequence[str]]
    features: Any
    cv: Any
    n_riskiest: int
    exact: bool
    era: str
    progress: bool
    parameters: dict[str, Any]


@dataclass(frozen=True)
class _Task:
    """One model to train: on which target, in which windows."""

    estimator: FeatureRegressor
    features: list[Any]
    target: str
    windows: Windows


def published_cv(target: str, era: Any) -> WalkForwardEraSplit:
    """Make the windows of a target: chunks of 156 eras and a purge by its length.

    8 eras are purged for 20 days, 16 for 60 and where the name ends in no number.
    """
    return WalkForwardEraSplit(purge=horizon_of(target) + _EXTRA_PURGE, era=era)


def reproduce(recipe: Recipe, train: Any, options: ReproduceOptions) -> pd.DataFrame:
    """Train every model of a recipe out of sample, then blend."""
    frame = _as_pandas(train, options)
    # All that can be wrong is found before the first model is trained.
    tasks = _tasks(recipe, frame, options)
    rows = _predicted_rows(tasks, len(frame))
    ensembles = [
        (one, _blocks(one, tasks, frame, rows, options))
        for one in _ensembles_of(recipe)
    ]
    predictions: dict[str, Floats] = {}
    for name in with_progress(tasks, "model", options.progress):
        predictions[name] = _train(tasks[name], frame, options)
    for one, blocks in ensembles:
        predictions[one.name] = _blend(one, blocks, frame, predictions, options)
    columns = {name: values[rows] for name, values in predictions.items()}
    made = pd.DataFrame(columns, index=frame.index[rows])
    made.insert(0, options.era, frame[options.era].array[rows])
    return made


def _as_pandas(train: Any, options: ReproduceOptions) -> pd.DataFrame:
    check_flag("progress", options.progress)
    check_flag("exact", options.exact)
    check_count("n_riskiest", options.n_riskiest, 1)
    table = as_table(train, name="`train`")
    check_named(table, "`train`")
    stated_era_column(table, options.era)
    frame: pd.DataFrame = convert(table.native, "pandas", [])
    return frame


def _models_of(recipe: Recipe) -> dict[str, Recipe]:
    """Return the models to train for a recipe, each once."""
    if not recipe.is_ensemble:
        return {recipe.name: recipe}
    return {
        name: model for part in recipe.parts for name, model in _models_of(part).items()
    }


def _ensembles_of(recipe: Recipe) -> list[Recipe]:
    """Return the ensembles of a recipe, inner ones first."""
    if not recipe.is_ensemble:
        return []
    inner = [one for part in recipe.parts for one in _ensembles_of(part)]
    return [*inner, recipe]


def _tasks(
    recipe: Recipe, frame: pd.DataFrame, options: ReproduceOptions
) -> dict[str, _Task]:
    models = _models_of(recipe)
    targets = _target_columns(models, frame, options.targets)
    table = as_table(frame)
    windows = _windows_by_target(set(targets.values()), frame, options)
    tasks = {}
    for name, model in models.items():
        features = _features(model, table, options)
        estimator = model.estimator(features, **options.parameters)
        target = targets[name]
        own = _thinned(windows[target], table, model.era_step, options.era)
        _check_targets(frame, target, own, options.era)
        tasks[name] = _Task(estimator, features, target, own)
    return tasks


def _thinned(windows: Windows, table: Table, step: int, era: str) -> Windows:
    """Train on every so many-th era of each window, from its first."""
    if step == 1:
        return windows
    eras = find_eras(table, era)
    times = np.empty(table.n_rows, dtype=np.intp)
    for time, place in enumerate(chronological(eras.labels)):
        times[eras.rows[place]] = time
    thinned = []
    for train, test in windows:
        trained = times[train]
        kept = np.isin(trained, np.unique(trained)[::step])
        thinned.append((np.asarray(train)[kept], test))
    return thinned


def _target_columns(
    models: Mapping[str, Recipe], frame: pd.DataFrame, targets: Mapping[str, str]
) -> dict[str, str]:
    """Return the column of each model's target, all of which must be there."""
    wanted = {model.target: None for model in models.values()}
    if unknown := [name for name in targets if name not in wanted]:
        raise ValueError(
            f"`targets` names {listed(unknown)}, on which no model is trained; the "
            f"targets are {listed(wanted)}{did_you_mean(unknown[0], wanted)}"
        )
    columns = {
        name: targets.get(str(m.target), str(m.target)) for name, m in models.items()
    }
    missing = dict.fromkeys(c for c in columns.values() if c not in frame.columns)
    if missing:
        found = [c for c in frame.columns if str(c).startswith("target")]
        raise ValueError(
            f"`train` lacks the targets {listed(missing)}; it has {listed(found)}: "
            "map the targets of the recipe to columns in `targets`"
        )
    return columns


def _check_targets(
    frame: pd.DataFrame, target: str, windows: Windows, era: str
) -> None:
    """Refuse a window without a target to train on."""
    known = frame[target].notna().to_numpy()
    for train, _ in windows:
        if not known[train].any():
            eras = frame[era].iloc[train]
            raise ValueError(
                f"the target {target!r} is missing in all {len(train)} training rows "
                f"of a window, which has the eras {listed(eras.unique())}: choose "
                "another column in `targets`, or another `cv`"
            )


def _features(model: Recipe, table: Table, options: ReproduceOptions) -> list[Any]:
    names = _stated_features(model, table, options)
    for name in names:
        if (found := role(table, name, options.era)) in ("era", "target"):
            raise ValueError(
                f"column {name!r} cannot be a feature to train on: by its name it is "
                f"a column of the role {found!r}"
            )
    return names


def _stated_features(
    model: Recipe, table: Table, options: ReproduceOptions
) -> list[Any]:
    if options.features is not None:
        return resolve(table, options.features, "features")
    if (names := options.feature_sets.get(str(model.feature_set))) is not None:
        return resolve(table, names, "feature_sets")
    if model.feature_set == "all":
        return feature_columns(table, options.era, "features")
    raise ValueError(
        f"`feature_sets` must hold {model.feature_set!r}, on which {model.name!r} is "
        f"trained; it has {listed(options.feature_sets)}. Or name the columns to train "
        "on in `features`"
    )


def _windows_by_target(
    targets: set[str], frame: pd.DataFrame, options: ReproduceOptions
) -> dict[str, Windows]:
    if options.cv is None:
        return {
            target: list(published_cv(target, options.era).split(frame))
            for target in targets
        }
    if hasattr(options.cv, "split"):
        windows = list(options.cv.split(frame, groups=frame[options.era]))
    elif isinstance(options.cv, Iterable):
        windows = list(options.cv)
    else:
        raise ValueError(
            "`cv` must be a splitter such as WalkForwardEraSplit, or pairs of row "
            f"positions to train on and to predict; got {options.cv!r}"
        )
    _check_apart(windows, len(frame))
    return dict.fromkeys(targets, windows)


def _check_apart(windows: Windows, n_rows: int) -> None:
    """Refuse a window that predicts rows it was trained on."""
    for number, (train, test) in enumerate(windows):
        trained = np.zeros(n_rows, dtype=bool)
        trained[train] = True
        if common := int(trained[test].sum()):
            raise ValueError(
                f"`cv` must predict other rows than it trains on; {common} rows of "
                f"window {number} are in both"
            )


def _predicted_rows(tasks: Mapping[str, _Task], n_rows: int) -> Rows:
    """Find the rows that some model predicts."""
    predicted = np.zeros(n_rows, dtype=bool)
    for task in tasks.values():
        for _, test in task.windows:
            predicted[test] = True
    return np.flatnonzero(predicted)


def _blocks(
    ensemble: Recipe,
    tasks: Mapping[str, _Task],
    frame: pd.DataFrame,
    rows: Rows,
    options: ReproduceOptions,
) -> list[tuple[Rows, list[Any]]]:
    """Split the rows of an ensemble by the columns that they are neutralised to."""
    if ensemble.neutralizers == RISKIEST:
        model = next(iter(ensemble.weights))  # its only part
        return _riskiest_blocks(tasks[model], frame, options)
    ensemble.pipeline(feature_sets=options.feature_sets)  # says what is missing
    if ensemble.neutralizers is None:
        return [(rows, [])]
    names = ensemble.neutral_features(options.feature_sets)
    return [(rows, resolve(as_table(frame), names, "feature_sets"))]


def _riskiest_blocks(
    task: _Task, frame: pd.DataFrame, options: ReproduceOptions
) -> list[tuple[Rows, list[Any]]]:
    """Pair each window with the riskiest features of its own training eras."""
    if options.n_riskiest > len(task.features):
        raise ValueError(
            f"`n_riskiest` must be at most {len(task.features)}, the number of "
            f"features; got {options.n_riskiest}"
        )
    X, y = frame[[options.era, *task.features]], frame[task.target]
    return [
        (
            test,
            riskiest_features(
                X.iloc[train],
                y.iloc[train],
                options.n_riskiest,
                features=task.features,
                era=options.era,
            ),
        )
        for train, test in task.windows
    ]


def _train(task: _Task, frame: pd.DataFrame, options: ReproduceOptions) -> Floats:
    """Predict each window of one model; NaN elsewhere."""
    y_pred = walk_forward_predict(
        task.estimator,
        frame[task.features],
        frame[task.target],
        task.windows,
        progress=options.progress,
    )
    values: Floats = y_pred.to_numpy()
    return values


def _blend(
    ensemble: Recipe,
    blocks: list[tuple[Rows, list[Any]]],
    frame: pd.DataFrame,
    predictions: Mapping[str, Floats],
    options: ReproduceOptions,
) -> Floats:
    """Run an ensemble's pipeline on each block of rows; NaN elsewhere."""
    out = np.full(len(frame), np.nan)
    for rows, neutralizers in blocks:
        known = frame[[options.era, *neutralizers]].iloc[rows]
        parts = {name: predictions[name][rows] for name in ensemble.weights}
        X = pd.concat([known, pd.DataFrame(parts, index=known.index)], axis=1)
        pipeline = ensemble.pipeline(
            feature_sets=dict.fromkeys(ensemble.neutral_sets, neutralizers),
            exact=options.exact,
            era=options.era,
        )
        out[rows] = pipeline.fit(X).predict(X)
    return out
