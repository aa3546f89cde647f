"""A pipeline to walk forward: its blend, and the steps before and after it."""

from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import joblib
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from skbench._apply import Plan
from skbench._checks import listed
from skbench._ensemble import WeightedEnsemble
from skbench._frames import Table
from skbench._neutralizer import FeatureNeutralizer
from skbench._planned import PlannedTable
from skbench._stacking import OF_ROWS, StackingWeights
from skbench._steps import learns, plan_of, steps_of

from ._weights import LearnedWindow

EQUAL, SINGLE, IN_SAMPLE = "equal weights", "best single model", "in sample"


@dataclass
class Candidate:
    """Steps of a pipeline, fitted bit by bit.

    ``windows`` hold the weights learned before each window; None where those of the
    blend hold in all eras, as they are given or meant to be ``in_sample``. ``rivals``
    are the names of the same pipeline with other weights, by what these are.
    """

    name: str
    before: list[Any]
    blend: WeightedEnsemble
    after: list[Any]
    rivals: dict[str, str]
    windows: list[LearnedWindow] | None = None
    in_sample: bool = False

    @classmethod
    def of(cls, name: str, pipeline: Any) -> Self:
        """Divide a pipeline; refuse one that its steps' plans do not tell."""
        steps = steps_of(clone(pipeline))
        blends = [i for i, s in enumerate(steps) if isinstance(s, WeightedEnsemble)]
        if len(blends) != 1:
            raise ValueError(
                f"candidate {name!r} must have one step that blends, WeightedEnsemble "
                f"or StackingWeights; it has {len(blends)} among "
                f"{listed([type(step).__name__ for step in steps])}"
            )
        (place,) = blends
        before, after = steps[:place], steps[place + 1 :]
        for step in [*before, *after]:
            if not hasattr(step, "era_plan") or learns(step):
                raise ValueError(
                    f"candidate {name!r} has the step {type(step).__name__}, which "
                    "learns from rows or has no `era_plan`: walk it forward by "
                    "walk_forward_predict, which fits pipelines of any kind"
                )
        steps[place].check_parameters()
        return cls(name, before, steps[place], after, {})

    @property
    def steps(self) -> list[Any]:
        """The steps in their order."""
        return [*self.before, self.blend, *self.after]

    @property
    def pipeline(self) -> Pipeline:
        """The candidate as a pipeline, as far as it is fitted."""
        return make_pipeline(*self.steps)

    @property
    def learns(self) -> bool:
        """Whether its weights are learned."""
        return isinstance(self.blend, StackingWeights)

    @property
    def reads(self) -> str:
        """Tell alike candidates that read the same of the rows."""
        return _told_of(self.before)

    @property
    def gathers(self) -> str:
        """Tell alike candidates that learn from the same moments."""
        params = self.blend.get_params()
        return hashed([self.reads, [params.get(name) for name in OF_ROWS]])

    @property
    def neutralizers(self) -> list[FeatureNeutralizer]:
        """The steps after the blend that neutralise it."""
        return [step for step in self.after if isinstance(step, FeatureNeutralizer)]

    @property
    def tail(self) -> str:
        """Say what is done to the blend, as far as candidates may differ in it."""
        return "".join(f", proportion {s.proportion:g}" for s in self.neutralizers)

    @property
    def but_for_proportion(self) -> str:
        """Tell alike candidates that differ in the proportion to neutralise at most."""
        after = [clone(step) for step in self.after]
        for step in after:
            if isinstance(step, FeatureNeutralizer):
                step.set_params(proportion=None)
        blend = [type(self.blend), self.blend.get_params(), self.in_sample]
        return hashed([self.reads, blend, _told_of(after)])

    @property
    def but_for_weights(self) -> str:
        """Tell alike candidates that differ in their weights at most."""
        return hashed([self.gathers, _told_of(self.after)])

    @property
    def weighs(self) -> str:
        """Tell alike candidates that learn the same weights."""
        return hashed([self.gathers, self.blend.get_params()])

    def with_blend(self, name: str, blend: WeightedEnsemble) -> "Candidate":
        """Return the same pipeline with other weights."""
        before, after = (
            [clone(s) for s in steps] for steps in (self.before, self.after)
        )
        return Candidate(name, before, blend, after, {})

    def equally_weighted(self, name: str) -> "Candidate":
        """Return the same pipeline with equal weights."""
        own = self.blend
        kept = ("columns", "output", "nan_policy", "era", "single_era_rows")
        blend = WeightedEnsemble(**{param: getattr(own, param) for param in kept})
        return self.with_blend(name, blend)

    def learned_in_sample(self, name: str) -> "Candidate":
        """Return the same pipeline with the weights of all eras in each of them."""
        one = self.with_blend(name, clone(self.blend))
        one.in_sample = True
        return one

    def with_single_best(self, name: str) -> "Candidate":
        """Return the same pipeline with the best model by mean CORR alone."""
        own = self.blend
        # With its horizon it has its windows, too.
        kept = ("output", "horizon", *OF_ROWS)
        blend = StackingWeights(
            search="greedy",
            max_iter=1,
            **{param: getattr(own, param) for param in kept},
        )
        return self.with_blend(name, blend)

    def dtype(self, table: Table) -> Any:
        """Return the dtype of what it predicts, once all steps are fitted."""
        (name,) = told(self.steps[-1])["makes"]
        return planned(table, self.steps).dtype(name)

    def without_moments(self) -> Self:
        """Return the candidate without the moments that it has learned from."""
        blend = copy(self.blend)
        if hasattr(blend, "era_statistics_"):
            del blend.era_statistics_
        return replace(self, blend=blend)

    def read(self, table: Table) -> Table:
        """Return what the steps before the blend, which are fitted, make of rows."""
        return planned(table, self.before)

    def fit_before(self, table: Table) -> None:
        """Fit the steps before the blend; of the rows only the columns count."""
        for step in self.before:
            table = planned(table, [step.fit(table)])

    def fit_after(self, table: Table) -> None:
        """Fit the steps after the blend, which has weights by now."""
        table = planned(self.read(table), [self.blend])
        for step in self.after:
            table = planned(table, [step.fit(table)])


def planned(table: Table, steps: Sequence[Any]) -> Table:
    """Return a table as fitted steps would leave it."""
    for step in steps:
        table = PlannedTable(table, told(step))
    return table


def told(step: Any) -> Plan:
    """Return the plan of a fitted step, which must tell all of it."""
    plan = plan_of(step)
    if plan is None:
        raise ValueError(
            f"{type(step).__name__} has a `transform` or `predict` of its own, which "
            "its `era_plan` does not tell: use walk_forward_predict"
        )
    return plan


def _told_of(steps: Sequence[Any]) -> str:
    return hashed([(type(step), step.get_params()) for step in steps])


def hashed(values: Any) -> str:
    """Return what is the same for equal values, and for no others."""
    told: str = joblib.hash(values)
    return told


def unique_name(name: str, taken: Sequence[Hashable]) -> str:
    """Return a name that is not taken yet."""
    names = [name, *(f"{name} ({i})" for i in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)
