"""A pipeline as steps: what each reads and makes of an era, and which learn from rows.

What runs a pipeline on files, on a cluster or elsewhere knows its steps by this alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ._apply import Plan
from ._base import EraEstimator
from ._checks import is_several, listed
from ._frames import BlockTable

_TOLD = ("kind", "reads", "makes", "drops", "era", "single_era_rows")
_TOLD_OF_OWN = ("function", "options")


def named_steps(pipeline: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Return the steps of a pipeline, and of pipelines within it, with their names."""
    if isinstance(pipeline, Pipeline):
        steps = []
        for name, step in pipeline.steps:
            steps += named_steps(step, f"{prefix}__{name}" if prefix else name)
        return steps
    if pipeline is None or (isinstance(pipeline, str) and pipeline == "passthrough"):
        return []
    if not isinstance(pipeline, BaseEstimator):
        raise TypeError(
            f"`pipeline` must be a scikit-learn estimator; got {pipeline!r}"
        )
    return [(prefix or type(pipeline).__name__, pipeline)]


def steps_of(pipeline: Any) -> list[Any]:
    """Return the estimators of a pipeline, of pipelines within it, or one alone."""
    return [step for _, step in named_steps(pipeline)]


def era_of(steps: Iterable[Any]) -> str:
    """Return the one era column that all steps use."""
    names = {step.era for step in steps if hasattr(step, "era_plan")}
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


def plan_of(step: Any) -> Plan | None:
    """Return the plan by which a fitted step of any class can be run.

    None where the class has none, or a subclass of it has its own `transform` or
    `predict`: then it must be run by these, with the columns of its plan.
    """
    if not _has_last_word("era_plan", step, "transform", "predict"):
        return None
    return _told_by(step)


def columns_of(
    steps: Iterable[Any],
) -> tuple[list[str], list[str]] | tuple[None, None]:
    """Columns that fitted steps read, and those they make.

    None where a step has no plan, and so may read or make any.
    """
    read: list[str] = []
    made: list[str] = []
    for step in steps:
        if not hasattr(step, "era_plan"):
            return None, None
        plan = _told_by(step)
        names = [str(name) for block in plan["reads"] for name in block]
        read += [name for name in names if name not in made]
        made += [str(name) for name in plan["makes"]]
    return read, made


def _told_by(step: Any) -> Plan:
    """Return the plan of a fitted step, where it says all that it must."""
    plan: Plan = step.era_plan()
    of = f"the `era_plan` of {type(step).__name__}"
    needed = _TOLD + (_TOLD_OF_OWN if plan.get("kind") == "own" else ())
    if lacking := [key for key in needed if key not in plan]:
        raise ValueError(f"{of} must have {listed(needed)}; it lacks {listed(lacking)}")
    reads, makes = plan["reads"], plan["makes"]
    blocks = [*reads, *(makes.values() if isinstance(makes, Mapping) else [None])]
    if not all(map(is_several, blocks)):
        raise ValueError(
            f"{of} must list columns in blocks, such as 'reads': [['a', 'b']] and "
            f"'makes': {{'c': ['a']}}; it reads {reads!r} and makes {makes!r}"
        )
    return plan


def gathers(step: Any) -> bool:
    """Whether a step learns by ``gather``, ``absorb`` and ``finish``."""
    return _has_last_word("gather", step, "fit", "partial_fit")


def learns(step: Any) -> bool:
    """Whether a step learns from rows: then it must do so batch by batch.

    Raises where it cannot, or where a parameter of the step is not valid.
    """
    if hasattr(step, "check_parameters"):
        step.check_parameters()
    era_local = hasattr(step, "era_plan") and not hasattr(step, "partial_fit")
    if era_local or not get_tags(step).requires_fit:
        return False
    # A class may have it for some of its objects alone.
    if hasattr(step, "partial_fit") and _has_last_word("partial_fit", step, "fit"):
        return True
    raise ValueError(
        f"{type(step).__name__} can only learn from all rows at once, as it has no "
        "partial_fit, or a fit of its own: fit it in memory"
    )


def through(steps: Iterable[Any], X: pd.DataFrame) -> pd.DataFrame:
    """Transform rows by one step after the other."""
    for step in steps:
        X = step.transform(X)
    return X


def learn_more(step: Any, batches: Iterable[tuple[Any, Any]]) -> None:
    """Let a step that has learned from some eras learn from further ones, X and y."""
    if gathers(step):
        # Its partial_fit would search for weights, and warn of them, each time.
        step.absorb(*(step.gather(X, y) for X, y in batches)).finish()
        return
    for X, y in batches:
        step.partial_fit(X, y)


def fit_each(
    steps: Sequence[Any],
    head: pd.DataFrame,
    y: pd.Series | pd.DataFrame,
    learn: Callable[[Any, Sequence[Any], pd.DataFrame], Any],
) -> None:
    """Fit steps one after the other on some first rows, by whose columns they choose.

    ``learn`` takes a step that learns, the fitted ones before it, and what these make
    of the rows; it returns the step fitted on all rows. The steps are left as they were
    where one cannot be fitted.
    """
    fitted = [clone(step) for step in steps]
    for k, step in enumerate(fitted):
        if learns(step):
            fitted[k] = learn(step, fitted[:k], head)
        else:
            step.fit(head, y)
        if k + 1 < len(fitted):
            head = fitted[k].transform(head)
    for step, result in zip(steps, fitted, strict=True):
        # The parameters stay the objects that they are.
        step.__dict__ = {**vars(result), **step.get_params(deep=False)}


def container(steps: Iterable[Any], era: str) -> Callable[[pa.Table], Any]:
    """Return what makes of rows the kind of frame that fitted steps are given.

    Our own take any kind; of pandas' each would make one and take it apart again.
    """
    if all(isinstance(step, EraEstimator) and plan_of(step) for step in steps):
        return partial(BlockTable, era=era)
    to_pandas: Callable[[pa.Table], Any] = pa.Table.to_pandas
    return to_pandas


def as_frame(out: Any) -> pd.DataFrame:
    """Refuse the output of a pipeline if it is no frame of pandas."""
    if not isinstance(out, pd.DataFrame):
        raise TypeError(
            f"the pipeline must give a pandas DataFrame; got {type(out).__name__}. "
            "Call its set_output(transform='pandas')"
        )
    return out


def _has_last_word(method: str, step: Any, *others: str) -> bool:
    """Whether no subclass of the class that has a method has others of its own."""
    for cls in type(step).__mro__:
        if method in vars(cls):
            return True
        if any(other in vars(cls) for other in others):
            return False
    return False
