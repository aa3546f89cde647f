"""From the moments of eras to weights: what is learned, warned of and made certain."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import HUGE, did_you_mean, is_number, listed
from ._era_statistics import Statistics, part_of
from ._eras import Rows, chronological, era_numbers
from ._random import generator_of
from ._score_names import find_score, multipliers_of, score_title
from ._warnings import warn
from .kernels.score import correlation_contribution, numerai_corr
from .solvers.search import Found
from .solvers.shrinkage import shrinkage
from .solvers.weight_intervals import of_weights
from .solvers.weights import NotEnoughErasError, Problem, presence

Name = Hashable
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

OBJECTIVES = ("corr", "sharpe", "mse", "contribution", "payout")
# Means over eras of scores that are linear in the target: what a model has of its own
# can be told from chance.
SHRUNK_BY_BAYES = ("corr", "contribution", "payout")
# Share of lost rows or eras from which on a warning says so.
_MANY = 0.2
# What rounding may add to weights that sum to one.
_ROUNDING = 1e-12
# From which share on, taken back of what scores differ by, there is no sign that the
# models do. Of models that are all alike less is taken back in 1 to 5 of 100 worlds, of
# three models in 41 eras of a 60-day target in 9.
_NO_SIGN = 0.5
# Draws of true scores for the intervals of weights.
_N_DRAWS = 400


def scores_of(objective: str, payout: Mapping[str, float] | None) -> dict[str, float]:
    """Return the multiplier of each score of the tournament that an objective is of."""
    if objective == "payout":
        return multipliers_of(payout)
    return {find_score(objective, ["contribution"]) or "corr": 1.0}


def on_differences(objective: str, share: float, deviation: float) -> str:
    """Say whether models differ in what an objective is a mean of.

    ``share`` of the distances between their scores was put down to chance.
    """
    if np.isnan(deviation):
        return "nothing tells the models apart: the weights are those of the prior"
    if share >= _NO_SIGN:
        return "no sign that the models differ: near equal weights would do as well"
    name = score_title(objective)
    return f"models differ by {deviation:.4f} {name} more than chance would make them"


def tell(learnings: Mapping[Name, "Learning"]) -> None:
    """Warn of what was met on the way; by target, where it is not so of all."""
    targets: dict[tuple[str, type[Warning]], list[Name]] = {}
    for target, learning in learnings.items():
        for note in learning.untold.items():
            targets.setdefault(note, []).append(target)
    for (message, category), met in targets.items():
        of_some = f"{listed(met)}: " if len(met) < len(learnings) else ""
        warn(f"{of_some}{message}", category)


@dataclass(frozen=True)
class Learning:
    """The moments that are held of the columns, and what is to be learned from them.

    ``params`` are the parameters of `StackingWeights`, checked, and ``reference`` the
    column of the reference, where the rows had it. ``last`` says that no further eras
    are to come: otherwise 'bayes' waits for them where there are too few. What there is
    to warn of is kept for `tell`, since further eras may mend it.
    """

    params: SimpleNamespace
    columns: Sequence[Name]
    reference: Name | None
    held: Statistics
    last: bool = True
    untold: dict[str, type[Warning]] = field(default_factory=dict)

    def _note(self, message: str, category: type[Warning] = UserWarning) -> None:
        self.untold[message] = category

    @property
    def scores(self) -> dict[str, float]:
        """Multiplier of each score that the objective stands for."""
        return scores_of(self.params.objective, self.params.payout)

    @cached_property
    def usable(self) -> Indices:
        """Positions of the columns that vary; of the others it is warned."""
        held = self.held
        varies, some = held["varies"].any(axis=0), (held["n_rows"] > 0).any()
        if some and not varies.any():
            raise NotEnoughErasError(
                f"every column is constant: {listed(self.columns)}"
            )
        names = np.array(self.columns, dtype=object)
        if some and not varies.all():
            gone = listed(names[~varies])
            self._note(f"{gone} constant or missing throughout: weight 0")
        odd = varies & ~held["standardized"].all(axis=0)
        if odd.any():
            from sklearn.exceptions import DataConversionWarning

            self._note(
                f"{listed(names[odd])} not standardised within each era, so that "
                "weights depend on the scale: put EraRankGauss before StackingWeights",
                DataConversionWarning,
            )
        return np.flatnonzero(varies)

    @cached_property
    def eras(self) -> Indices:
        """Positions of the eras that are scored, in order."""
        held, usable = self.held, self.usable
        scored = (held["n_rows"] > 0) & (held["target_variance"] > 0)
        if self.params.nan_policy != "omit":
            absent = held["n_missing"] == held["n_target"][:, None]
            scored &= ~absent[:, usable].any(axis=1)
        self._note_lost_rows(scored)
        scored &= self._has_reference()
        scored &= presence(held, self.scores)[:, usable].any(axis=1)
        eras = np.flatnonzero(scored)
        # Live eras without targets may have left all of them in the order of text.
        eras = eras[chronological(held["era"][eras].tolist(), needed=False)]
        least = 2 if self.params.objective == "sharpe" else 1
        if eras.size < least:
            with_reference = "contribution" in self.scores
            what_else = f" and the reference {self.params.meta_model!r}"
            raise NotEnoughErasError(
                f"objective {self.params.objective!r} needs at least {least} eras with "
                "3 or more complete rows, a target that varies"
                f"{what_else if with_reference else ''}; "
                f"{eras.size} of {scored.size} have them "
                f"(n_samples = {held['n_target'].sum()} with a target)"
            )
        return eras

    def _has_reference(self) -> Bools:
        """Whether each era has what the objective needs of the reference."""
        held = self.held
        if "contribution" not in self.scores:
            return np.ones(held["n_rows"].size, dtype=bool)
        if self.reference is None:
            raise ValueError(
                f"objective {self.params.objective!r} needs the reference: X had no "
                f"column {self.params.meta_model!r} (`meta_model`) at fit"
            )
        # A constant reference explains nothing: its square is 0, and its score none.
        return (held["reference_n_rows"] > 0) & (held["reference_square"] > 0)

    @cached_property
    def problem(self) -> Problem:
        """What is asked of the weights of the usable columns, over the scored eras."""
        params, usable, eras = self.params, self.usable, self.eras
        if usable.size * params.max_weight < 1 - _ROUNDING:
            hopeless = len(self.columns) * params.max_weight < 1 - _ROUNDING
            raise (ValueError if hopeless else NotEnoughErasError)(
                f"`max_weight` must be at least 1/{usable.size}, as {usable.size} "
                f"columns share the weight; got {params.max_weight!r}"
            )
        # Where the eras stand in time, as far as that makes a difference.
        timed = params.halflife is not None or params.shrinkage in ("auto", "bayes")
        numbers = self.era_numbers if timed else np.arange(eras.size, dtype=np.float64)
        return Problem(
            part_of(self.held, eras, usable),
            numbers=numbers,
            prior=self._prior(),
            objective=params.objective,
            multipliers=self.scores if params.objective == "payout" else None,
            signed=not params.nonnegative,
            max_weight=float(params.max_weight),
            search=params.search,
            max_iter=params.max_iter,
            halflife=None if params.halflife is None else float(params.halflife),
        )

    @property
    def era_numbers(self) -> Floats:
        """Where the scored eras stand in time."""
        return era_numbers(self.held["era"][self.eras].tolist())

    def _prior(self) -> Floats:
        """Return the prior of the usable columns; its absolute values sum to one."""
        given, usable = self.params.prior, self.usable
        if given is None:
            return np.full(usable.size, 1.0 / usable.size)
        if not isinstance(given, Mapping):
            raise ValueError(
                "`prior` must be a mapping from column to weight, or None for equal "
                f"weights; got {given!r}"
            )
        if other := [name for name in given if name not in self.columns]:
            raise ValueError(
                f"`prior` names {listed(other)}, which is not among the columns "
                f"{listed(self.columns)}{did_you_mean(other[0], self.columns)}"
            )
        values = [given.get(self.columns[i], 0.0) for i in usable]
        least = 0.0 if self.params.nonnegative else -HUGE
        if not all(is_number(v) and least <= v <= HUGE for v in values):
            raise ValueError(
                f"`prior` must hold weights from {least:g} to {HUGE:g}; got {given!r}"
            )
        total = np.abs(values).sum()
        if not total:
            raise NotEnoughErasError(
                "`prior` must give some column that varies a weight"
            )
        prior: Floats = np.array(values, dtype=np.float64) / total
        if np.abs(prior).max() > self.params.max_weight + _ROUNDING:
            raise ValueError(
                f"`prior` exceeds `max_weight` {self.params.max_weight!r} once it sums "
                "to one"
            )
        return prior

    def of_eras(self, eras: Sequence[int]) -> "Learning":
        """Return the same on some of the eras, by their positions."""
        held = {name: values[np.sort(eras)] for name, values in self.held.items()}
        return Learning(self.params, self.columns, self.reference, held)

    def find(self, horizon: int) -> dict[str, Any]:
        """Find the weights: the fitted attributes of `StackingWeights` by name."""
        problem, by_scores = self.problem, self.params.shrinkage == "bayes"
        shrunk = self._shrunk_scores if by_scores else self._shrunk_weights
        found, learned = shrunk(horizon)
        weights = found.weights
        if not found.optimal:
            from sklearn.exceptions import ConvergenceWarning

            self._note(
                "the search for weights stopped short of an optimum, at `max_iter`, "
                f"which is {problem.max_iter}: the best weights found are kept",
                ConvergenceWarning,
            )
        self._note_lost_eras(weights)
        with_reference = problem.objective == "contribution"
        counted = "reference_n_rows" if with_reference else "n_rows"
        n_rows = int(self.held[counted][self.eras].sum())
        return {
            "weights_": self.by_column(weights),
            "n_iter_": found.n_iter,
            **learned,
            "eras_": self.held["era"][self.eras],
            "n_eras_": self.eras.size,
            "n_rows_": n_rows,
            "n_eras_left_out_": self.held["n_rows"].size - self.eras.size,
            "n_rows_left_out_": int(self.held["n_all"].sum()) - n_rows,
            "train_score_": {
                "objective": problem.objective,
                "optimised": problem.value(weights),
            },
        }

    def _shrunk_weights(self, horizon: int) -> tuple[Found, dict[str, float]]:
        """Find the weights, and move them towards the prior."""
        problem, share = self.problem, self.params.shrinkage
        found = problem.solve()
        weights = found.weights
        if not weights.any():
            self._note(
                "no non-negative weights help to predict the target: the prior is kept"
            )
            weights = problem.prior
        if share == "auto":
            share = problem.best_shrinkage(horizon)
        shrunk = replace(found, weights=problem.shrunk(weights, float(share)))
        return shrunk, {"shrinkage_": float(share)}

    def _shrunk_scores(self, horizon: int) -> tuple[Found, dict[str, float]]:
        """Find the weights that are best for the scores that are to be expected."""
        shrunk = shrinkage(self.problem, horizon)
        if shrunk is None:
            too_few = (
                "shrinkage='bayes' tells models apart from two horizons of eras on, of "
                f"{horizon} eras each; {self.eras.size} are scored"
            )
            if not self.last:
                raise NotEnoughErasError(too_few)
            self._note(f"{too_few}: the prior is kept")
            found, share, deviation = Found(self.problem.prior), 1.0, np.nan
        else:
            known = shrunk.known
            found = shrunk.with_scores(known.mean).solve()
            share, deviation = known.shrinkage, known.deviation
        return found, {"shrinkage_": share, "skill_deviation_": deviation}

    def by_column(self, weights: Floats) -> dict[Name, float]:
        """Return the weights of the usable columns by name, and 0 for the others."""
        usable = [self.columns[i] for i in self.usable]
        return dict.fromkeys(self.columns, 0.0) | dict(
            zip(usable, weights.tolist(), strict=True)
        )

    def interval(
        self, weights: Mapping[Name, float], share: float, horizon: int
    ) -> dict[Name, tuple[float, float]]:
        """Return the interval of each of the weights that were found."""
        problem = replace(self.problem, numbers=self.era_numbers)
        found = np.array([weights[self.columns[i]] for i in self.usable])
        if self.params.shrinkage == "bayes":
            ends = self._drawn(problem, found, horizon)
        else:
            ends = self._tested(problem, share, horizon)
        low = high = np.full(self.usable.size, np.nan)
        if ends is None:
            warn(
                f"weights have an interval from two horizons of eras on, of {horizon} "
                f"eras each; {problem.numbers.size} are scored",
            )
        else:
            low, high = np.minimum(ends[0], found), np.maximum(ends[1], found)
        lows, highs = self.by_column(low), self.by_column(high)
        return {name: (lows[name], highs[name]) for name in lows}

    def _tested(
        self, problem: Problem, share: float, horizon: int
    ) -> tuple[Floats, Floats] | None:
        """Find ends between which no value is ruled out, moved as weights are."""
        learned = problem.best_weights()
        ends = of_weights(problem, learned, horizon, self.params.confidence)
        if ends is None:
            return None
        # Of blends, one for each weight, that weight once they are shrunk.
        low, high = (
            np.diagonal([problem.shrunk(blend, share) for blend in blends])
            for blends in ends
        )
        return low, high

    def _drawn(
        self, problem: Problem, weights: Floats, horizon: int
    ) -> tuple[Floats, Floats] | None:
        """Find ends of what is best for true scores as they may be."""
        shrunk = shrinkage(problem, horizon)
        if shrunk is None:
            return None
        rng = generator_of(self.params.random_state)
        drawn = shrunk.draws_of_weights(weights, _N_DRAWS, rng)
        tail = (1.0 - self.params.confidence) / 2.0
        low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
        return low, high

    def exact(
        self,
        blend: Floats,
        target: Floats,
        reference: Floats | None,
        rows_of: Mapping[Hashable, Rows],
    ) -> float:
        """Score a blend as the tournament does, in the eras that are scored."""
        exact = np.zeros(self.eras.size)  # NaN where the blend has no value
        for i, label in enumerate(self.held["era"][self.eras]):
            rows = rows_of[label]
            for name, multiplier in self.scores.items():
                if name == "corr":
                    score = numerai_corr(blend[:, rows], target[rows])
                else:
                    assert reference is not None  # or there was no problem to solve
                    score = correlation_contribution(
                        blend[:, rows], target[rows], reference[rows]
                    )
                exact[i] += multiplier * score[0]
        if np.isnan(exact).all():
            return np.nan
        counted = ~np.isnan(exact)
        weights, exact = self.problem.era_weights(counted)[counted], exact[counted]
        mean = float(weights @ exact)
        if self.params.objective == "sharpe":
            spread = float(np.sqrt(weights @ (exact - mean) ** 2))
            mean = mean / spread if spread > 0 else 0.0
        return mean

    def _note_lost_rows(self, scored: Bools) -> None:
        held = self.held
        total = int(held["n_target"].sum())
        lost = total - int(held["n_rows"][scored].sum())
        gaps = held["n_missing"][:, self.usable].sum(axis=0)
        if self.params.nan_policy == "omit" or not gaps.any() or lost <= _MANY * total:
            return
        names = [self.columns[i] for i in self.usable[gaps > 0]]
        self._note(
            f"{lost / total:.0%} of the rows with a target are left out, because "
            f"{listed(names)} have missing values there: leave these columns out, or "
            "choose nan_policy='omit'",
        )

    def _note_lost_eras(self, weights: Floats) -> None:
        lost = ~self.problem.present()[:, weights != 0].any(axis=1)
        if lost.mean() > _MANY:
            self._note(
                f"the weights rest on {(~lost).sum()} of {lost.size} scored eras: in "
                "the others no column with a weight has predictions, so that no score "
                "counts them. Leave out models with few eras, or shrink the weights",
            )
