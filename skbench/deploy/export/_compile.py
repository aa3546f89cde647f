"""From a fitted pipeline to a plan: its steps as names and numbers, no more."""

from collections.abc import Callable, Hashable
from numbers import Integral
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skbench._base import EraEstimator
from skbench._checks import check_bounds, listed
from skbench._ensemble import WeightedEnsemble
from skbench._neutralizer import FeatureNeutralizer
from skbench._rank_gauss import EraRank, EraRankGauss
from skbench._stacking import StackingWeights

Step = dict[str, Any]


def compile_pipeline(pipeline: Any) -> tuple[list[Step], list[str], str]:
    """Compile a fitted pipeline.

    Parameters
    ----------
    pipeline : Pipeline or estimator
        Fitted on frames.

    Returns
    -------
    steps : list of dict
        Kind, columns and parameters of each step.
    inputs : list of str
        Columns that no step makes.
    prediction : str
        The column that `predict` returns.
    """
    named = _steps_of(pipeline)
    for name, step in named:
        _check_step(name, step)
    _check_end(named)
    inputs = _inputs(named)
    steps = [_COMPILERS[type(step)](step) | _eras(step) for _, step in named]
    return steps, inputs, named[-1][1].columns_[0]


def _steps_of(pipeline: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Return the steps in a row with their names, those of inner pipelines too."""
    if not isinstance(pipeline, Pipeline):
        return [(prefix or type(pipeline).__name__, pipeline)]
    steps = []
    for name, step in pipeline.steps:
        if step is not None and not isinstance(step, str):  # "passthrough"
            steps += _steps_of(step, f"{prefix}__{name}" if prefix else name)
    return steps


def _check_step(name: str, step: Any) -> None:
    if type(step) not in _COMPILERS:
        raise TypeError(
            f"step {name!r} of `pipeline` is a {type(step).__name__}, which is not one "
            f"of skbench's estimators ({listed(k.__name__ for k in _COMPILERS)}): "
            "only these can be exported. A model of your own goes into `models`"
        )
    check_is_fitted(step, step._fitted_by)
    step.check_parameters()
    if not step._named:
        raise ValueError(
            f"step {name!r} of `pipeline` was fitted on an array: fit it on a frame, "
            "whose column names tell what to read from live data"
        )
    numbered = [used for used in step._used() if not isinstance(used, str)]
    if numbered:
        raise ValueError(
            f"step {name!r} of `pipeline` uses columns whose names are not strings: "
            f"{listed(numbered)}"
        )


def _check_end(named: list[tuple[str, Any]]) -> None:
    if not named or type(named[-1][1]) is not EraRank:
        last = f"its last step is {named[-1][0]!r}" if named else "it has no steps"
        raise ValueError(
            f"`pipeline` must end in EraRank(), so that its predictions are between 0 "
            f"and 1; {last}"
        )
    columns = named[-1][1].columns_
    if len(columns) > 1:
        raise ValueError(
            f"`pipeline` must give one prediction; it gives {len(columns)}: "
            f"{listed(columns)}. Blend them first, as WeightedEnsemble does"
        )


def _inputs(named: list[tuple[str, Any]]) -> list[str]:
    """Columns that no step makes, as long as each step finds what it uses."""
    there = at_first = set(named[0][1]._names_in)
    made: set[Hashable] = set()
    inputs: dict[str, None] = {}
    for name, step in named:
        used = step._used()
        lacking = [column for column in used if column not in there]
        if step.era in at_first - there:
            lacking.append(step.era)
        if lacking:
            raise ValueError(
                f"step {name!r} of `pipeline` uses {listed(lacking)}, which the steps "
                "before it do not pass on: fit the pipeline as a whole"
            )
        inputs |= dict.fromkeys(column for column in used if column not in made)
        there = there - {*step._replaced(), *step._dropped()} | {*step._new()}
        made |= {*step._new()}
    return list(inputs)


def _eras(step: EraEstimator) -> Step:
    low, high = check_bounds(step.single_era_rows)
    return {"era": step.era, "single_era_rows": [_plain(low), _plain(high)]}


def _plain(number: Any) -> int | float:
    """Return a number as one of Python's own."""
    return int(number) if isinstance(number, Integral) else float(number)


def _rank(step: EraRank) -> Step:
    options = {"ties": step.ties}
    return {"kind": "rank", "columns": step.columns_, "options": options}


def _rank_gauss(step: EraRankGauss) -> Step:
    options = {"ties": step.ties, "scale": bool(step.scale)}
    return {"kind": "rank_gauss", "columns": step.columns_, "options": options}


def _blend(step: WeightedEnsemble) -> Step:
    # Pairs, because the order of the columns decides on the last bit of the sum.
    weights = [[name, float(step.weights_[name])] for name in step._used()]
    return {
        "kind": "blend",
        "weights": weights,
        "nan_policy": step.nan_policy,
        "output": step.output,
    }


def _neutralize(step: FeatureNeutralizer) -> Step:
    missing = step.missing if isinstance(step.missing, str) else float(step.missing)
    return {
        "kind": "neutralize",
        "columns": step.columns_,
        "neutralizers": step.neutralizers_,
        "missing": missing,
        "options": {
            "proportions": [float(step.proportion)],
            "fit_intercept": bool(step.fit_intercept),
            "standardize": bool(step.standardize),
            "rcond": float(step.rcond),
        },
    }


_COMPILERS: dict[type, Callable[[Any], Step]] = {
    EraRank: _rank,
    EraRankGauss: _rank_gauss,
    FeatureNeutralizer: _neutralize,
    StackingWeights: _blend,
    WeightedEnsemble: _blend,
}
