"""Moments of eras from which the scores of any blend follow, here and in a browser."""

import base64
import gzip
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skbench._aligned import Aligned
from skbench._era_statistics import Statistics, gathered, merged
from skbench._eras import era_numbers
from skbench.kernels.forms import SCORES, era_forms
from skbench.kernels.rank import rank_gauss

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_FORMS = ("lines", "forms", "alike", "reference_corr")
# To multiples of what forms and lines are rounded: so they take half the room, and the
# error, spread over eras and models, is far below that of leaving out the ranks.
_FORM, _LINE = 2.0**-16, 2.0**-22
# Below this share of its variance nothing but rounding is left of a blend.
_NOTHING = 1e-4


@dataclass(frozen=True)
class Blends:
    """Lines and forms of the eras that can be scored, in the order of time.

    ``forms`` (n_forms, n_ways, n_pairs) are those that differ, and ``places``
    (2, n_eras) say which of them is that of CORR and that of the reference in each
    era; ``lines`` are (3, n_eras, n_ways, n_models), as `era_forms` gives them.
    """

    names: list[str]
    eras: list[Hashable]
    lines: Singles
    forms: Singles
    places: NDArray[np.intp]
    reference_corr: Singles

    @classmethod
    def of(cls, rows: Aligned, names: list[str]) -> tuple[Self, Statistics]:
        """Read all eras; beside the blends return what weights are learned from."""
        inputs = list(rows.inputs)

        def describe(*blocks: NDArray[Any]) -> dict[str, Any]:
            of = dict(zip(inputs, blocks, strict=True))
            known = rank_gauss(of["models"]), of["y"], of.get("meta_model")
            return era_forms(*known, of.get("neutralizers"))

        held = merged(gathered(rows, describe))
        found = {name: held.pop(name) for name in _FORMS}
        scored = np.flatnonzero(~np.isnan(found["lines"][:, 0, 0]).all(axis=1))
        if not scored.size:
            raise ValueError(
                "`y` and `models` have no era in common in which 3 rows or more have a "
                "target, which varies, and a prediction"
            )
        lines, both = found["lines"][scored], found["forms"][scored]
        has_reference = ~np.isnan(lines[:, 1, 0]).all(axis=1)
        apart = has_reference & ~found["alike"][scored].astype(bool)
        places = np.tile(np.arange(scored.size), (2, 1))
        places[1, apart] = scored.size + np.arange(apart.sum())
        blends = cls(
            names,
            held["era"][scored].tolist(),
            _rounded(lines.swapaxes(0, 1), _LINE),
            _rounded(np.concatenate([both[:, 0], both[apart, 1]]), _FORM),
            places,
            found["reference_corr"][scored].astype(np.float32),
        )
        return blends, held

    @property
    def numbers(self) -> Floats:
        """Where the eras stand in time."""
        return era_numbers(self.eras)

    @property
    def neutral(self) -> bool:
        """Whether blends can be neutralised."""
        return bool(self.forms.shape[1] == 2)

    @property
    def has_reference(self) -> bool:
        """Whether an era has the Meta Model."""
        return not bool(np.logical_and.reduce(np.isnan(self.lines[1]), axis=None))

    def scores(self, weights: Floats, proportion: float = 0.0) -> dict[str, Floats]:
        """Score a blend in each era by each of `SCORES`; NaN where it has no score."""
        used = np.flatnonzero(weights)
        pairs, rows, columns = _pairs(weights)
        variances = self.forms.astype(np.float64)[:, :, pairs] @ (
            np.where(rows == columns, 1.0, 2.0) * weights[rows] * weights[columns]
        )
        mixed = _less(variances, proportion * (2.0 - proportion))
        mixed[mixed <= _NOTHING * variances[:, 0]] = 0.0
        roots = np.sqrt(mixed)
        scores = {}
        for name, lines, places in zip(
            SCORES, self.lines, self.places[[0, 1, 1]], strict=True
        ):
            along = lines[:, :, used].astype(np.float64) @ weights[used]
            along, root = _less(along, proportion), roots[places]
            # Of a constant blend the score is 0.
            scores[name] = np.where(root > 0, along, 0.0 * along) / np.where(
                root > 0, root, 1.0
            )
        return scores

    def layout(self) -> dict[str, Any]:
        """Return what the page needs to know to read what is packed."""
        return {
            "n_forms": len(self.forms),
            "n_ways": self.forms.shape[1],
            "places": self.places.tolist(),
        }

    def packed(self) -> str:
        """Return forms, lines and scores of the reference as text.

        The forms of all eras stand together for each pair, and the first bytes of all
        numbers come first, then the second ones, and so on: alike bytes side by side
        are what gzip makes small.
        """
        parts = self.forms.transpose(1, 2, 0), self.lines, self.reference_corr
        numbers = np.concatenate([part.ravel() for part in parts]).astype("<f4")
        planes = numbers.view(np.uint8).reshape(-1, 4).T
        packed = gzip.compress(np.ascontiguousarray(planes).tobytes(), 6, mtime=0)
        return base64.b64encode(packed).decode("ascii")


def _pairs(weights: Floats) -> tuple[NDArray[np.intp], ...]:
    """Which pairs of models count, and the two models of each."""
    rows, columns = np.triu_indices(weights.size)
    counts = np.flatnonzero((weights[rows] != 0) & (weights[columns] != 0))
    return counts, rows[counts], columns[counts]


def _less(ways: Floats, share: float) -> Floats:
    """Take a share of what the features explain from what there is: (n, n_ways)."""
    left: Floats = ways[:, 0] - share * ways[:, -1] if share else ways[:, 0].copy()
    return left


def _rounded(values: Singles, unit: float) -> Singles:
    rounded: Singles = (np.rint(values / unit) * unit).astype(np.float32)
    return rounded
