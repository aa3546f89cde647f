"""From a fitted pipeline to the plans of its steps, with which they run elsewhere."""

from collections.abc import Hashable
from typing import Any

from skbench._apply import KINDS, Plan
from skbench._checks import listed
from skbench._steps import named_steps, plan_of


def compile_pipeline(pipeline: Any) -> tuple[dict[str, Plan], list[str], str]:
    """Return the plans of steps by name, the columns that none makes, the output."""
    plans = {name: _plan(name, step) for name, step in named_steps(pipeline)}
    _check_end(plans)
    inputs = _inputs(plans)
    (prediction,) = list(plans.values())[-1]["makes"]
    return plans, inputs, prediction


def _plan(name: str, step: Any) -> Plan:
    plan = plan_of(step)
    if plan is None:
        raise TypeError(
            f"step {name!r} of `pipeline` is a {type(step).__name__}, which is not one "
            "of skbench's estimators and has no `era_plan` that says all it does: only "
            "such steps can be exported. A model of your own goes into `models`"
        )
    used = [column for block in plan["reads"] for column in block]
    if plan["kind"] not in KINDS:
        raise ValueError(
            f"the `era_plan` of step {name!r} of `pipeline` must be of the kind "
            f"{listed(KINDS)}; got {plan['kind']!r}"
        )
    if numbered := [column for column in used if not isinstance(column, str)]:
        raise ValueError(
            f"step {name!r} of `pipeline` uses columns whose names are not strings: "
            f"{listed(numbered)}. Fit it on a frame, not an array, whose names tell "
            "what to read from live data"
        )
    return dict(plan)


def _check_end(plans: dict[str, Plan]) -> None:
    name, plan = next(reversed(plans.items()), ("", None))
    if plan is None or plan["kind"] != "rank":
        last = f"its last step is {name!r}" if plan else "it has no steps"
        raise ValueError(
            f"`pipeline` must end in EraRank(), so that its predictions are between 0 "
            f"and 1; {last}"
        )
    if len(columns := list(plan["makes"])) > 1:
        raise ValueError(
            f"`pipeline` must give one prediction; it gives {len(columns)}: "
            f"{listed(columns)}. Blend them first, as WeightedEnsemble does, or take "
            "of_target(...) of a StackingWeights that has several targets"
        )


def _inputs(plans: dict[str, Plan]) -> list[str]:
    """Columns that no step makes, as long as each step finds what it uses."""
    made: set[Hashable] = set()
    gone: set[Hashable] = set()
    inputs: dict[str, None] = {}
    for name, plan in plans.items():
        used = [column for block in plan["reads"] for column in block]
        if lacking := [column for column in [*used, plan["era"]] if column in gone]:
            raise ValueError(
                f"step {name!r} of `pipeline` uses {listed(lacking)}, which the steps "
                "before it do not pass on: fit the pipeline as a whole"
            )
        inputs |= dict.fromkeys(column for column in used if column not in made)
        gone = (gone | {*plan["drops"]}) - {*plan["makes"]}
        made |= {*plan["makes"]}
    return list(inputs)
