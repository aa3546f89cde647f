"""What a pipeline reads of a file, and which of its steps learn from rows."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skbench._base import EraEstimator
from skbench._checks import listed
from skbench._stacking import StackingWeights


def steps_of(pipeline: Any) -> list[Any]:
    """Return the estimators of a pipeline, of pipelines within it, or one alone."""
    if isinstance(pipeline, Pipeline):
        return [step for _, inner in pipeline.steps for step in steps_of(inner)]
    if pipeline is None or _passes_through(pipeline):
        return []
    if not isinstance(pipeline, BaseEstimator):
        raise TypeError(
            f"`pipeline` must be a scikit-learn estimator; got {pipeline!r}"
        )
    return [pipeline]


def _passes_through(pipeline: Any) -> bool:
    return isinstance(pipeline, str) and pipeline == "passthrough"


def era_of(steps: Iterable[Any]) -> str:
    """Return the one era column that all steps use."""
    names = {step.era for step in steps if isinstance(step, EraEstimator)}
    if not names:
        raise ValueError(
            "`pipeline` must have a step of skbench, whose `era` names the era column; "
            f"got {list(steps)}"
        )
    if len(names) > 1 or not isinstance(era := next(iter(names)), str):
        raise ValueError(
            "all steps must name the same era column, by which rows are divided; got "
            f"{listed(sorted(names, key=str))}"
        )
    return era


def columns_of(
    steps: Iterable[Any],
) -> tuple[list[str], list[str]] | tuple[None, None]:
    """Columns that fitted steps read, and those they make.

    None where a step is not of skbench, and may read or make any.
    """
    read: list[str] = []
    made: list[str] = []
    for step in steps:
        if not isinstance(step, EraEstimator):
            return None, None
        check_is_fitted(step, step._fitted_by)
        read += [str(name) for name in step._used() if name not in made]
        made += [str(name) for name in step._new()]
    return read, made


def as_frame(out: Any) -> pd.DataFrame:
    """Refuse the output of a pipeline if it is no frame of pandas."""
    if not isinstance(out, pd.DataFrame):
        raise TypeError(
            f"the pipeline must give a pandas DataFrame; got {type(out).__name__}. "
            "Call its set_output(transform='pandas')"
        )
    return out


def learns(step: Any) -> bool:
    """Whether a step learns from rows: then it must do so batch by batch.

    Raises where it cannot, or where a parameter of the step is not valid.
    """
    if isinstance(step, EraEstimator):
        step.check_parameters()
        return hasattr(step, "partial_fit")
    if not get_tags(step).requires_fit:
        return False
    if hasattr(step, "partial_fit"):
        return True
    raise ValueError(
        f"{type(step).__name__} can only learn from all rows at once, as it has no "
        "partial_fit: fit it in memory"
    )


def learned(step: Any, X: pd.DataFrame, y: pd.Series) -> Any:
    """Return the step with what further eras tell it; `finish` makes use of that."""
    if isinstance(step, StackingWeights):
        # Its partial_fit would search for weights, and warn of them, each time.
        part = step.gather(X, y)
        return step.absorb(part) if hasattr(step, "era_statistics_") else part
    return step.partial_fit(X, y)


def finish(step: Any) -> None:
    """Find the weights, now that the moments of all eras are held."""
    if isinstance(step, StackingWeights):
        step.finish()


def adopt(step: Any, fitted: Any) -> None:
    """Give a step what a copy of it has learned; its parameters stay the objects."""
    step.__dict__ = {**vars(fitted), **step.get_params(deep=False)}
