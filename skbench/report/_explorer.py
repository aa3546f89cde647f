"""`BlendExplorer`: a page on which the weights of a blend are moved by hand."""

import copy
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._aligned import Aligned, align
from skbench._checks import (
    check_confidence,
    check_count,
    check_name,
    check_share,
    is_several,
    listed,
)
from skbench._eras import check_horizon
from skbench._frames import META_MODEL, name_of
from skbench.kernels.forms import exact_scores
from skbench.kernels.rank import rank_gauss
from skbench.metrics import summarize
from skbench.solvers.series import sharpe
from skbench.staking import PAYOUT_RULES, of_kinds

from ._blends import Blends
from ._numbers import plain
from ._page import Page, checked_title, counted
from ._presets import (
    Preset,
    checked_weights,
    equal_weights,
    given,
    implied,
    in_order,
    learned,
)

Floats = NDArray[np.float64]

MOST_MODELS = 60
_PAGE_BYTES = 12_000_000
# What a page is without moments: the library that draws, above all.
_OTHER_BYTES = 5_000_000
_PROPORTIONS = (0.0, 0.5, 1.0)
_NUMBERS = ("mean", "sharpe", "low", "high", "max_drawdown")


class BlendExplorer(Page):
    r"""Blends whose weights are moved by hand, in one HTML file.

    The page needs no network and nothing installed. It has a slider for the weight of
    each model, and one for neutralisation; what they do to CORR, to the contribution to
    the Meta Model and to a payout shows at once. It starts from equal weights, learned
    weights or any others, and draws the frontier: the best contribution for each CORR.

    It does so from moments. With :math:`Z` the models of an era, gaussianized, H the
    projection on the features, w the weights and p the proportion, the blend
    :math:`b = (I - p H) Z w` has the variance
    :math:`w'(Z'Z - (2p - p^2) Z'HZ) w` and with a column t the covariance
    :math:`w'(Z't - p Z'Ht)`, since :math:`H^2 = H`. So b is the blend **before** it is
    ranked: the pipeline ranks it before it neutralises, and CORR ranks it again. What
    the page calls CORR is the correlation of b with the target stretched as CORR
    stretches it, times :math:`\sqrt 2\, \Gamma(7/4) / \pi^{1/4} = 0.976`, which is what
    stretching costs a normal variable. For the presets the page says how far this is
    from the exact scores of `skbench.metrics`.

    Parameters
    ----------
    models : array-like of shape (n_rows, n_models)
        Predictions, one column a model, 60 at most.
    y : array-like of shape (n_rows,)
        Targets, NaN where there is none yet.
    era : array-like of shape (n_rows,)
        The era of each row, in any order.
    meta_model : array-like of shape (n_rows,), default=None
        The Meta Model, NaN where there is none; without it there is no contribution.
    neutralizers : array-like of shape (n_rows, n_features), default=None
        Features to neutralise to.
    objectives : sequence of str, default=None
        Objectives of `skbench.StackingWeights` whose weights are presets. None: all
        that the data allow.
    presets : mapping of str to mapping, default=None
        Further weights by name, such as those of recipes: weight of each model.
    proportions : mapping of str to float, default=None
        By how much these are neutralised. None: not at all.
    n_exact_eras : int, default=40
        Of how many eras, the last ones, the exact scores of presets are computed.
    folder, neutralize : str, default=None
        Where the models come from, and the name of the feature set: what
        ``skbench ensemble`` is to be told.
    elsewhere : mapping of str to str, default=None
        Models that are not in that folder, each with the file that has it, or None
        where no file does.
    target : str, default=None
        Name of the target, which sets the horizon as in `skbench.metrics.summarize`.
        None: the name of ``y``.
    horizon : int, default=None
        Over how many eras a score shares days with others. None: as ``target`` says.
    confidence : float, default=0.95
        Probability that an interval is to have.
    title : str, default="Blend explorer"
        Heading of the page.

    Raises
    ------
    ValueError
        If the inputs differ in length or index, no era can be scored, there are too
        many models, or an option cannot be used.

    See Also
    --------
    skbench.StackingWeights : Weights that are learned.
    BacktestReport : Ways to blend, judged out of sample.

    Examples
    --------
    >>> from skbench.datasets import make_benchmark_models
    >>> from skbench.report import BlendExplorer
    >>> data = make_benchmark_models(90, 100, 3, meta_model_eras=90, random_state=0)
    >>> frame = data.frame
    >>> explorer = BlendExplorer(
    ...     frame[data.models], frame["target"], era=frame["era"],
    ...     meta_model=frame["numerai_meta_model"])
    >>> explorer
    BlendExplorer('Blend explorer': 3 models, 85 eras, 7 presets)
    >>> found = explorer.blend({"v53_lgbm_cyrus20": 0.3, "v53_lgbm_cyrus60": 0.7})
    >>> round(found["corr"]["mean"], 4), round(found["mmc"]["mean"], 4)
    (0.0187, 0.0017)
    """

    _template = "explorer.html"
    _scripts = ("moments.js", "intervals.js", "frontier.js", "explorer.js")

    def __init__(
        self,
        models: Any,
        y: Any,
        *,
        era: Any,
        meta_model: Any = None,
        neutralizers: Any = None,
        objectives: Sequence[str] | None = None,
        presets: Mapping[str, Mapping[str, float]] | None = None,
        proportions: Mapping[str, float] | None = None,
        n_exact_eras: int = 40,
        folder: str | None = None,
        neutralize: str | None = None,
        elsewhere: Mapping[str, str | None] | None = None,
        target: str | None = None,
        horizon: int | None = None,
        confidence: float = 0.95,
        title: str = "Blend explorer",
    ) -> None:
        check_confidence("confidence", confidence)
        check_count("n_exact_eras", n_exact_eras, 1)
        told = _told(checked_title(title), folder, neutralize, elsewhere)
        horizon = check_horizon(horizon, name_of(y) if target is None else target)
        rows = _aligned(models, y, era, meta_model, neutralizers)
        names = [str(name) for name in rows.models]
        further = given(presets, proportions, names, neutralizers is not None)
        self._settings: dict[str, Any] = {"horizon": horizon, "confidence": confidence}
        self._blends, held = Blends.of(rows, names)
        reference = None if meta_model is None else META_MODEL
        every = [
            equal_weights(names),
            *learned(objectives, held, names, reference, horizon),
            *further,
            *implied(held, names),
        ]
        self._numbers = told | self._collected(every)
        self._numbers["exact"] = plain(self._compared(rows, every, n_exact_eras))

    def _collected(self, presets: Sequence[Preset]) -> dict[str, Any]:
        """Return what the page shows and computes with."""
        blends = self._blends
        numbers: dict[str, Any] = {
            **self._settings,
            "eras": [str(label) for label in blends.eras],
            # As text, because numbers are rounded to what a chart can show.
            "times": [repr(float(number)) for number in blends.numbers],
            "models": blends.names,
            "presets": [preset.to_dict(blends.names) for preset in presets],
            "rules": _rules() if blends.has_reference else [],
            "layout": blends.layout(),
            "moments": blends.packed(),
        }
        _check_size(numbers["moments"], len(blends.names), len(blends.eras))
        collected: dict[str, Any] = plain(numbers)
        return collected

    def to_dict(self) -> dict[str, Any]:
        """Return all that the page is made of.

        Returns
        -------
        numbers : dict
            Lists, dicts, strings and numbers that `json.dumps` takes; None is what is
            missing. ``presets`` has weights in the order of ``models``, those that are
            learned also for each window; ``exact`` says how far the page is from exact
            scores; ``moments`` is the text that the browser unpacks.
        """
        return copy.deepcopy(self._numbers)

    def __repr__(self) -> str:
        numbers = self._numbers
        return (
            f"BlendExplorer({numbers['title']!r}: "
            f"{counted(len(numbers['models']), 'model')}, "
            f"{counted(len(numbers['eras']), 'era')}, "
            f"{counted(len(numbers['presets']), 'preset')})"
        )

    def blend(
        self,
        weights: Mapping[str, float],
        proportion: float = 0.0,
        eras: Sequence[Hashable] | None = None,
    ) -> dict[str, Any]:
        """Score a blend, as ``window.skbench.blend`` of the page does.

        Parameters
        ----------
        weights : mapping of str to float
            Weight of each model; only their proportions count.
        proportion : float, default=0.0
            Share of what the features explain to neutralise, between 0 and 1.
        eras : sequence of label, default=None
            First and last of the eras that count. None: all.

        Returns
        -------
        scores : dict of str to dict
            "corr" and "mmc" (None without a Meta Model), each with mean, sharpe, low
            and high end of the interval of the mean, max_drawdown and by_era, a list
            with one score an era, NaN where there is none.

        Raises
        ------
        ValueError
            If a model or an era is not there, or there is nothing to neutralise to.
        """
        check_share("proportion", proportion)
        if proportion and not self._blends.neutral:
            raise ValueError(
                "`proportion` needs `neutralizers`, which were not given; got "
                f"{proportion!r}"
            )
        names = self._blends.names
        known = checked_weights("weights", weights, names)
        inside = self._span(eras)
        scores = self._blends.scores(np.array(in_order(known, names)), proportion)
        wanted = ("corr", "mmc") if self._blends.has_reference else ("corr",)
        found = {name: self._summary(scores[name][inside], inside) for name in wanted}
        return {"mmc": None} | found

    def _span(self, eras: Any) -> slice:
        """Positions from the first to the last of the eras that are named."""
        if eras is None:
            return slice(0, len(self._blends.eras))
        labels = [str(label) for label in self._blends.eras]
        if not is_several(eras) or len(eras) != 2:
            raise ValueError(f"`eras` must name the first and the last; got {eras!r}")
        if unknown := [label for label in eras if str(label) not in labels]:
            raise ValueError(
                f"`eras` names {listed(unknown)}; there are {labels[0]!r} to "
                f"{labels[-1]!r}"
            )
        first, last = (labels.index(str(label)) for label in eras)
        if first > last:
            raise ValueError(f"`eras` must be in the order of time; got {eras!r}")
        return slice(first, last + 1)

    def _summary(self, values: Floats, inside: slice) -> dict[str, Any]:
        index = pd.Index(self._blends.eras[inside], tupleize_cols=False)
        row = summarize(pd.Series(values, index), **self._settings).iloc[0]
        return {name: float(row[name]) for name in _NUMBERS} | {
            "by_era": values.tolist()
        }

    def _compared(
        self, rows: Aligned, presets: Sequence[Preset], n_eras: int
    ) -> dict[str, Any]:
        """Compare what the page shows of presets with exact scores."""
        blends, n_all = self._blends, len(self._blends.eras)
        some = range(max(n_all - n_eras, 0), n_all)
        place = {label: i for i, label in enumerate(rows.eras.labels)}
        inputs, weights = list(rows.inputs), [p.weights for p in presets]
        block = np.array([in_order(own, blends.names) for own in weights])
        shares = _PROPORTIONS if blends.neutral else (0.0,)

        def exact(*blocks: NDArray[Any]) -> dict[str, Floats]:
            of = dict(zip(inputs, blocks, strict=True))
            known = of["y"], of.get("meta_model"), of.get("neutralizers")
            models = rank_gauss(of["models"])
            return exact_scores(models, block, *known, proportions=shares)

        scored = rows.at([place[blends.eras[i]] for i in some])
        found = [*scored.by_era(exact)]
        page = [[blends.scores(own, share) for own in block] for share in shares]
        lines = [
            _beside(
                {name: np.array([era[name][i, j] for era in found]) for name in one},
                {name: values[some] for name, values in one.items()},
            )
            | {"name": preset.name, "proportion": share}
            for i, share in enumerate(shares)
            for j, preset in enumerate(presets)
            for one in [{name: page[i][j][name] for name in found[0]}]
        ]
        return {"n_eras": len(some), "rows": lines, "largest": _largest(lines)}


def _told(title: str, folder: Any, neutralize: Any, elsewhere: Any) -> dict[str, Any]:
    """Check what the page is to say of where the models come from."""
    for parameter, value in (("folder", folder), ("neutralize", neutralize)):
        if value is not None:
            check_name(parameter, value, "a name")
    elsewhere = {} if elsewhere is None else elsewhere
    if not isinstance(elsewhere, Mapping):
        raise ValueError(f"`elsewhere` must map models to files; got {elsewhere!r}")
    for file in elsewhere.values():
        if file is not None:
            check_name("elsewhere", file, "the name of a file or None")
    return {
        "title": title,
        "unit": "era",
        "folder": folder,
        "neutralize": neutralize,
        "elsewhere": {str(name): file for name, file in elsewhere.items()},
    }


def _aligned(
    models: Any, y: Any, era: Any, meta_model: Any, neutralizers: Any
) -> Aligned:
    """Align what is given, and refuse more models than a page can hold."""
    inputs = {"models": models, "y": y}
    if meta_model is not None:
        inputs["meta_model"] = meta_model
    if neutralizers is not None:
        inputs["neutralizers"] = neutralizers
    ranked = {"models", "meta_model"}
    rows = align(inputs, era, called="model", ranked=ranked, ordered=True)
    names = [str(name) for name in rows.models]
    if len(names) > MOST_MODELS:
        raise ValueError(
            f"`models` must be {MOST_MODELS} at most, or the page is too large; got "
            f"{len(names)}"
        )
    if len({*names}) < len(names):
        raise ValueError(f"`models` must have names that differ; got {listed(names)}")
    return rows


def _beside(
    exact: Mapping[str, Floats], page: Mapping[str, Floats]
) -> dict[str, float]:
    """Mean and Sharpe ratio of exact scores and of those of the page, and how far."""
    numbers: dict[str, float] = {}
    for name, values in exact.items():
        there = ~np.isnan(values) & ~np.isnan(page[name])
        one, other = values[there], page[name][there]
        numbers |= {
            name: one.mean() if one.size else np.nan,
            f"{name}_page": other.mean() if one.size else np.nan,
            f"{name}_sharpe": sharpe(one),
            f"{name}_sharpe_page": sharpe(other),
            f"{name}_apart": np.abs(one - other).max() if one.size else np.nan,
        }
    return numbers


def _largest(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the largest differences, of an era, of means and of Sharpe ratios."""
    table = pd.DataFrame([*lines])
    largest: dict[str, float] = {}
    for name in ("corr", "mmc"):
        if name in table:
            apart = (table[f"{name}_page"] - table[name]).abs()
            ratio = (table[f"{name}_sharpe_page"] - table[f"{name}_sharpe"]).abs()
            largest |= {
                f"{name}_era": table[f"{name}_apart"].max(),
                f"{name}_mean": apart.max(),
                f"{name}_sharpe": ratio.max(),
            }
    return largest


def _rules() -> list[dict[str, Any]]:
    """Return what the payout rules multiply, the newest first."""
    return [
        {
            "name": rule.name,
            **of_kinds(rule),
            "clip": rule.clip,
            "factor": rule.factor,
            "threshold": rule.threshold,
        }
        for rule in reversed([*PAYOUT_RULES.values()])
    ]


def _check_size(moments: str, n_models: int, n_eras: int) -> None:
    size = _OTHER_BYTES + len(moments)
    if size > _PAGE_BYTES:
        raise ValueError(
            f"`models` make a page of {size / 1e6:.0f} MB, more than "
            f"{_PAGE_BYTES / 1e6:.0f}: {n_models} models in {n_eras} eras. Choose fewer"
        )
