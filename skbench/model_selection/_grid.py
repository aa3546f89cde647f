"""All weights in steps that sum to one: `weight_grid`."""

from collections.abc import Hashable, Iterable
from fractions import Fraction
from math import comb, log10
from typing import Any

from skbench._checks import check_share, is_number, is_several, listed

Name = Hashable

_MAX_POINTS = 100_000
# Steps and weights are decimal fractions, which a float holds only nearly.
_ROUNDING = Fraction(1, 10**9)


def weight_grid(
    names: Iterable[Name], step: float = 0.1, max_weight: float = 1.0
) -> list[dict[Name, float]]:
    r"""List all weights in multiples of a step that sum to one.

    For k names and n = 1 / ``step``, all of

    .. math::

        \left\{ \left( \frac{i_1}{n}, \dots, \frac{i_k}{n} \right) :
        i_j \in \{0, \dots, m\}, \; \sum_j i_j = n \right\}

    with m the largest multiple that ``max_weight`` allows. Without that bound there are
    :math:`\binom{n + k - 1}{k - 1}` of them. They are counted before any is made, and
    more than 100,000 are refused. Weights of 0 are written out.

    Parameters
    ----------
    names : iterable of str or int
        Columns to weight: names, or positions in an array.
    step : float, default=0.1
        Distance of neighbouring weights: 1 divided by a whole number.
    max_weight : float, default=1.0
        The largest weight that one column may have.

    Returns
    -------
    grid : list of dict of str to float
        Weights as `skbench.WeightedEnsemble` takes them: the values to try for
        ``weightedensemble__weights`` in `sklearn.model_selection.GridSearchCV`. In
        ascending order of the first weight, then of the second, and so on.

    Raises
    ------
    ValueError
        If a name comes twice, 1 is no multiple of ``step``, no weights under
        ``max_weight`` sum to one, or there would be over 100,000 points.

    Examples
    --------
    >>> from skbench.model_selection import weight_grid
    >>> weight_grid(["a", "b"], step=0.5)
    [{'a': 0.0, 'b': 1.0}, {'a': 0.5, 'b': 0.5}, {'a': 1.0, 'b': 0.0}]
    >>> len(weight_grid(["a", "b", "c", "d"], step=0.1, max_weight=0.4))
    68
    """
    columns = _checked_names(names)
    parts = _parts(step)
    largest = _largest(parts, max_weight, len(columns), step)
    n_points = _count(parts, len(columns), largest)
    if n_points > _MAX_POINTS:
        raise ValueError(
            f"{len(columns)} names in steps of {step!r} would make {_in_full(n_points)}"
            f" points, over {_MAX_POINTS:,}: choose a larger `step`, a smaller "
            "`max_weight` or fewer names"
        )
    return [
        {name: share / parts for name, share in zip(columns, point, strict=True)}
        for point in _compositions(parts, len(columns), largest)
    ]


def _checked_names(names: Any) -> list[Name]:
    if not is_several(names):
        raise ValueError(f"`names` must be a list of names; got {names!r}")
    columns = list(names)
    if not columns:
        raise ValueError("`names` must hold at least one name; got none")
    if wrong := [name for name in columns if not isinstance(name, Hashable)]:
        raise ValueError(f"`names` must hold names or positions; got {wrong[0]!r}")
    if twice := [name for i, name in enumerate(columns) if name in columns[:i]]:
        raise ValueError(f"`names` must differ; {listed(twice)} come more than once")
    return columns


def _parts(step: Any) -> int:
    """Into how many parts a step divides one."""
    if is_number(step) and 0 < step <= 1:
        exact = Fraction(float(step))
        parts = round(1 / exact)
        if abs(parts * exact - 1) <= _ROUNDING:
            return parts
    raise ValueError(
        f"`step` must be 1 divided by a whole number, such as 0.1 or 0.05; got {step!r}"
    )


def _largest(parts: int, max_weight: Any, n_names: int, step: Any) -> int:
    """How many parts one weight may have."""
    check_share("max_weight", max_weight)
    largest = int(Fraction(float(max_weight)) * parts + _ROUNDING)
    if largest * n_names < parts:
        least = -(-parts // n_names) / parts
        raise ValueError(
            f"`max_weight` must be at least {least!r} for {n_names} weights in steps "
            f"of {step!r} to sum to one; got {max_weight!r}"
        )
    return largest


def _count(total: int, n_parts: int, largest: int) -> int:
    """Count the compositions of a total into parts from 0 to the largest.

    Inclusion and exclusion: j parts that are too large can be chosen in C(n_parts, j)
    ways, and what is left of the total once each has taken ``largest + 1`` is free.
    """
    return sum(
        (-1) ** j
        * comb(n_parts, j)
        * comb(total - j * (largest + 1) + n_parts - 1, n_parts - 1)
        for j in range(min(n_parts, total // (largest + 1)) + 1)
    )


def _in_full(count: int) -> str:
    """Write a count, one of many digits in short."""
    return f"{count:,}" if count < 10**15 else f"about 10^{log10(count):.0f}"


def _compositions(total: int, n_parts: int, largest: int) -> Iterable[tuple[int, ...]]:
    """List the compositions of a total into parts from 0 to the largest, in order.

    Part by part, keeping only what the remaining parts can still fill up: so there are
    never more beginnings than compositions.
    """
    begun: list[tuple[tuple[int, ...], int]] = [((), total)]
    for remaining in range(n_parts - 1, -1, -1):
        begun = [
            ((*start, part), rest - part)
            for start, rest in begun
            for part in range(
                max(0, rest - remaining * largest), min(rest, largest) + 1
            )
        ]
    return (point for point, _ in begun)
