"""What a recipe is: found by its name, and built into estimators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum
from typing import TYPE_CHECKING, Any

import pandas as pd

from skbench._checks import alike, check_flag, check_name, listed

from ._catalog import (
    AND,
    CHECKED,
    COLUMNS,
    ENSEMBLES,
    N_RISKIEST,
    OTHER_MODELS,
    PARAMETER_SETS,
    RELEASES,
    RISKIEST,
    SAME_MODEL,
    model_name,
)

# Estimators are imported where one is made: who looks a recipe up needs none, nor
# scikit-learn, which takes a second to load.
if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from skbench.model_selection import WalkForwardEraSplit

    from ._models import FeatureRegressor

_SHOWN_PARTS = 3


@dataclass(frozen=True, repr=False)
class Recipe:
    """A published benchmark model: one that is trained, or an ensemble of others.

    `recipe` finds one by its name.

    Attributes
    ----------
    name : str
        Its name, as benchmark files name its column.
    summary : str
        What it is, in a line.
    source : str
        Where it was published.
    version : str
        The data release it was made for.
    target : str or None
        The target that a model is trained on; None for an ensemble.
    feature_set : str or None
        The set of features, as ``features.json`` names them, a model is trained on.
    parameter_set : str or None
        Which of the published sets of LightGBM parameters a model has.
    shares : tuple of (str, float)
        The parts of an ensemble, each with its share as published.
    era_step : int
        A model is trained on every so many-th of the training eras.
    ranks : {"gauss", "uniform", "none"}
        Whether an ensemble blends normal quantiles, ranks, or predictions as they are.
    neutralizers : str or None
        The set of features an ensemble is neutralised to; "riskiest" stands for what
        `riskiest_features` finds in the training rows, "a & b" for what both sets have.
    proportion : float
        Share of what these explain that is subtracted.
    aliases : tuple of str
        Former names.
    checked : str
        The month in which all this was last compared with the source.

    Examples
    --------
    >>> from skbench.recipes import recipe
    >>> recipe("V42_LGBM_CT_BLEND")
    Recipe('v42_lgbm_ct_blend', v4.2: 0.5 v42_lgbm_teager20 + 0.5 v42_lgbm_cyrus20)
    >>> recipe("V42_LGBM_CYRUS20").parameters["n_estimators"]
    20000
    """

    name: str
    summary: str
    source: str
    version: str
    target: str | None = None
    feature_set: str | None = None
    parameter_set: str | None = None
    era_step: int = 1
    shares: tuple[tuple[str, float], ...] = ()
    ranks: str = "gauss"
    neutralizers: str | None = None
    proportion: float = 0.0
    aliases: tuple[str, ...] = ()
    checked: str = CHECKED

    @property
    def is_ensemble(self) -> bool:
        """Whether it blends others, and is not trained itself.

        Returns
        -------
        is_ensemble : bool
            False for a model.
        """
        return bool(self.shares)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each part: its published share over the sum of all shares.

        This is the one place where shares are normalised: 33 % and ten times 3.3 %,
        half an ensemble, become 0.5 and ten times 0.05.

        Returns
        -------
        weights : dict of str to float
            They sum to one. Empty for a model.
        """
        total = fsum(share for _, share in self.shares)
        return {part: share / total for part, share in self.shares}

    @property
    def parts(self) -> list[Recipe]:
        """The recipes of the parts, which may be ensembles themselves.

        Returns
        -------
        parts : list of Recipe
            In the order of the weights. Empty for a model.
        """
        return [recipe(part) for part, _ in self.shares]

    @property
    def parameters(self) -> dict[str, float]:
        """LightGBM parameters of a model, named as by ``lightgbm.LGBMRegressor``.

        Returns
        -------
        parameters : dict of str to float
            Empty for an ensemble.
        """
        return dict(PARAMETER_SETS[self.parameter_set]) if self.parameter_set else {}

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names under which a benchmark file may hold its column.

        Its own comes first; the others are those of the same model.

        Returns
        -------
        names : tuple of str
            One or more.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> recipe("V42_LGBM_CYRUS20").column_names
        ('v42_lgbm_cyrus20', 'v42_example_preds', 'lg_lgbm_v42_cyrus20')
        """
        same = [names for names in SAME_MODEL if self.name in names]
        return tuple(dict.fromkeys([self.name, *chain(*same)]))

    @property
    def published_in(self) -> tuple[str, ...]:
        """Data releases whose benchmark files hold it as a column.

        Returns
        -------
        releases : tuple of str
            Such as "v4.2"; empty where it never was one.
        """
        return _releases_with([self])

    @property
    def made_from(self) -> tuple[str, ...]:
        """Data releases whose benchmark files hold all parts of an ensemble.

        From one of these `pipeline` makes it, and nothing is trained. Where there is
        none, `reproduce` has to train the models.

        Returns
        -------
        releases : tuple of str
            Empty for a model.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> recipe("V42_LGBM_CT_BLEND").made_from
        ('v4.2', 'v4.3')
        >>> recipe("V42_RAIN_ENSEMBLE").made_from
        ()
        """
        return _releases_with(self.parts) if self.is_ensemble else ()

    @property
    def neutral_sets(self) -> tuple[str, ...]:
        """Sets of features that it takes to neutralise an ensemble.

        Returns
        -------
        names : tuple of str
            The set, or those whose common features are meant. Empty where it is not
            neutralised.
        """
        return tuple(self.neutralizers.split(AND)) if self.neutralizers else ()

    def neutral_features(self, feature_sets: Mapping[str, Sequence[str]]) -> Any:
        """Find the features that an ensemble is neutralised to.

        Parameters
        ----------
        feature_sets : mapping from str to list of str
            Names of the features of each set, as for `pipeline`.

        Returns
        -------
        names : list of str or None
            Empty where it is not neutralised; None where a set is not there.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> sets = {"small": ["a", "b"], "serenity": ["b", "c"]}
        >>> recipe("NB_FEATURE_NEUTRAL").neutral_features(sets)
        ['b']
        """
        if not self.neutral_sets:
            return []
        if any(name not in feature_sets for name in self.neutral_sets):
            return None
        first, *others = (feature_sets[name] for name in self.neutral_sets)
        if not others:
            return first
        return [name for name in first if all(name in other for other in others)]

    def table(self) -> pd.DataFrame:
        """Tabulate the parts of an ensemble, or the one model that a recipe is.

        Returns
        -------
        parts : pandas.DataFrame of shape (n_parts, 6)
            Name and weight of each, its data release, and what a model is trained on:
            target, set of features and set of parameters.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> recipe("V5_LGBM_CT_BLEND").table()[["name", "weight", "target"]]
                         name  weight             target
        0  v5_lgbm_teager2b20     0.5  target_teager2b_20
        1    v5_lgbm_cyrusd20     0.5    target_cyrusd_20
        """
        parts = self.parts or [self]
        table = _tabulate(parts).loc[
            :, ["name", "version", "target", "feature_set", "parameter_set"]
        ]
        table.insert(1, "weight", list(self.weights.values()) or [1.0])
        return table

    def __repr__(self) -> str:
        """Show what it is made of."""
        if self.is_ensemble:
            made = " + ".join(
                f"{weight:.3g} {part}"
                for part, weight in list(self.weights.items())[:_SHOWN_PARTS]
            )
            if (more := len(self.shares) - _SHOWN_PARTS) > 0:
                made += f" + {more} more"
        else:
            made = f"{self.target} on {self.feature_set!r} features"
            made += "".join(f", {k}={v!r}" for k, v in self.parameters.items())
        if self.neutralizers:
            made += f", {self.proportion:.0%} neutral to {self.neutralizers!r}"
        return f"Recipe({self.name!r}, {self.version}: {made})"

    def pipeline(
        self,
        columns: Mapping[str, str] | None = None,
        feature_sets: Mapping[str, Sequence[str]] | None = None,
        exact: bool = False,
        *,
        era: Any = "era",
    ) -> Pipeline:
        """Build the pipeline that makes the ensemble from its parts' predictions.

        Each part is gaussianized per era, the parts are blended, the blend is
        gaussianized, neutralised where the recipe says so, and ranked to (0, 1). A part
        that is an ensemble, too, is a column like the others, as in benchmark files.
        The ensemble of the tutorial is the mean of ranks, without gaussianizing, ranked
        again with ties by row order; that of the tutorial about neutralising is neither
        ranked nor gaussianized before it. Our ranks are (r - 1/2) / n where the
        tutorials' are r / n: in every era that moves all rows by the same amount.

        The pipeline ends in one column "prediction". Missing predictions make that of
        their row missing.

        Parameters
        ----------
        columns : mapping from str to str, default=None
            Today's column for each part, to use the recipe with another release. None:
            columns named as the parts.
        feature_sets : mapping from str to list of str, default=None
            Names of the features of each set, as "feature_sets" in ``features.json`` or
            ``feature_groups`` of `skbench.datasets.make_benchmark_models`. Needed where
            the recipe neutralises; for "riskiest", pass what `riskiest_features` finds.
        exact : bool, default=False
            How to neutralise. False: as published, where ties are first broken by row
            order, and no intercept is fitted, so that some correlation with the
            features is left. True: ties share their rank, and the intercept leaves
            none. The tutorial has an intercept either way.
        era : str, default="era"
            The era column.

        Returns
        -------
        pipeline : sklearn.pipeline.Pipeline
            To be fitted on a frame with the columns; nothing but their names is
            learned.

        Raises
        ------
        ValueError
            If the recipe is a model, ``columns`` does not name a column for each part
            and for nothing else, or the set of features is missing.

        Examples
        --------
        >>> from skbench.datasets import make_benchmark_models
        >>> from skbench.recipes import recipe
        >>> data = make_benchmark_models(n_eras=20, n_models=2, random_state=0)
        >>> today = dict(zip(recipe("V43_LGBM_CT_BLEND").weights, data.models))
        >>> today
        {'v43_lgbm_teager20': 'v53_lgbm_cyrus20',
         'v43_lgbm_cyrus20': 'v53_lgbm_cyrus60'}
        >>> blend = recipe("V43_LGBM_CT_BLEND").pipeline(today).fit(data.frame)
        >>> blend.predict(data.live).shape == (len(data.live),)
        True
        """
        if not self.is_ensemble:
            raise ValueError(
                f"{self.name!r} is one model, no ensemble: train its estimator(), or "
                "call reproduce()"
            )
        from sklearn.pipeline import make_pipeline

        from skbench._ensemble import WeightedEnsemble
        from skbench._rank_gauss import EraRank, EraRankGauss

        check_flag("exact", exact)
        today = self._columns(columns)
        weights = {today[part]: weight for part, weight in self.weights.items()}
        blend = WeightedEnsemble(weights, era=era)
        if self.ranks == "uniform":
            ranked = EraRank(ties="first", era=era)
            return make_pipeline(EraRank(list(weights), era=era), blend, ranked)
        neutral = self._neutral(feature_sets, exact, era)
        if self.ranks == "gauss":
            neutral = [EraRankGauss(list(weights), era=era), blend, *neutral]
        else:
            neutral = [blend, neutral[-1].set_params(fit_intercept=True)]
        return make_pipeline(*neutral, EraRank(era=era))

    def estimator(
        self, features: Sequence[str] | None = None, **overrides: Any
    ) -> FeatureRegressor:
        """Build the LightGBM regressor of a model, with the published parameters.

        It finds its features in a frame that may hold eras, targets and more, and
        leaves rows without a target out of training: so `walk_forward_predict` takes
        it as it is. LightGBM's messages are off; ``verbose=1`` turns them on.

        Parameters
        ----------
        features : list of str, default=None
            Columns to train on. None: every column whose name starts with "feature";
            a recipe on another set of features than "all" needs their names.
        **overrides
            Parameters of ``lightgbm.LGBMRegressor`` to set or to replace, such as
            ``n_estimators=2000``, ``random_state=0`` or ``n_jobs=2``.

        Returns
        -------
        estimator : FeatureRegressor
            Not trained yet.

        Raises
        ------
        ValueError
            If the recipe is an ensemble, or its features must be named.
        ImportError
            If LightGBM is not installed.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> model = recipe("V5_LGBM_CYRUSD20").estimator(n_estimators=100)
        >>> model.regressor.n_estimators, model.regressor.num_leaves
        (100, 1024)
        """
        if self.is_ensemble:
            raise ValueError(
                f"{self.name!r} is an ensemble of {listed(self.weights)}: train the "
                "estimator() of each, or call reproduce()"
            )
        if features is None and self.feature_set != "all":
            raise ValueError(
                f"`features` must name the features of the set {self.feature_set!r}, "
                f"on which {self.name!r} is trained; got None"
            )
        from ._models import FeatureRegressor

        regressor = _lightgbm({**self.parameters, "verbose": -1, **overrides})
        return FeatureRegressor(regressor, features)

    def cv(self, *, era: Any = "era") -> WalkForwardEraSplit:
        """Return the windows in which a model was trained and predicted.

        Chunks of 156 eras; the purge is 8 eras for a 20-day target and 16 for a 60-day
        one.

        Parameters
        ----------
        era : str or int, default="era"
            The era column.

        Returns
        -------
        cv : WalkForwardEraSplit
            The splitter.

        Raises
        ------
        ValueError
            If the recipe is an ensemble, whose parts may have unlike windows.

        Examples
        --------
        >>> from skbench.recipes import recipe
        >>> recipe("V42_LGBM_CYRUS60").cv().windows(range(1, 469))
           train_first  train_last  n_train  test_first  test_last  n_test
        0            1         140      140         157        312     156
        1            1         296      296         313        468     156
        """
        if self.target is None:
            raise ValueError(
                f"{self.name!r} is an ensemble of {listed(self.weights)}: ask each for "
                "its cv()"
            )
        from ._reproduce import published_cv

        return published_cv(self.target, era)

    def reproduce(
        self,
        train: Any,
        cv: Any = None,
        *,
        targets: Mapping[str, str] | None = None,
        feature_sets: Mapping[str, Sequence[str]] | None = None,
        features: Sequence[str] | None = None,
        n_riskiest: int = N_RISKIEST,
        exact: bool = False,
        era: str = "era",
        progress: bool = False,
        **overrides: Any,
    ) -> pd.DataFrame:
        """Train the models of the recipe and predict, out of sample, window by window.

        Every model is trained in each window on the eras before it, on the rows that
        have its target, and predicts the window's eras. Then each ensemble is built of
        these columns, inner ones first. With "riskiest" neutralizers, those of a window
        come from its training eras alone. All models are trained on the same rows, even
        where the recipe names several releases.

        With the published parameters on the published data this takes days. Nothing is
        trained before all columns and windows have been checked. The result is the
        same on every call for the same ``random_state`` and ``n_jobs``.

        Parameters
        ----------
        train : DataFrame or Table of shape (n_rows, n_columns)
            Rows with the era column, features and targets, in any order; a pandas frame
            keeps its index.
        cv : splitter or iterable of (train, test), default=None
            The windows of all models: a `WalkForwardEraSplit`, or row positions. None:
            the published windows, with a purge for the target that each model is
            trained on: 8 eras for 20 days, 16 for 60 days; 16 where the name of its
            column does not end in its days. Windows that are given are used as they
            are: with a purge shorter than its target, a model sees some of the future.
        targets : mapping from str to str, default=None
            Columns for the recipe's targets, such as ``{"target_cyrus_20": "target"}``;
            the other targets go by their own names.
        feature_sets : mapping from str to list of str, default=None
            Names of the features of each set, for models that are trained on one and
            ensembles that are neutralised to one. A set named "riskiest" is not read.
        features : list of str, default=None
            Columns that all models are trained on. None: the set that the recipe names,
            where "all" is every column whose name starts with "feature" unless
            ``feature_sets`` says otherwise.
        n_riskiest : int, default=50
            How many features are the riskiest.
        exact : bool, default=False
            How to neutralise, as for `pipeline`.
        era : str, default="era"
            The era column.
        progress : bool, default=False
            Whether to show progress bars of the models and their windows.
        **overrides
            Parameters of LightGBM, as for `estimator`.

        Returns
        -------
        predictions : pandas.DataFrame of shape (n_predicted_rows, 1 + n_columns)
            The era, a column a model, and a column an ensemble, the recipe's own last,
            on the rows that some model predicts, in the order of ``train``. Models'
            columns are raw predictions, ensembles' ranks in (0, 1). NaN where a model
            has no window for the row, as 60-day targets may in the first.

        Raises
        ------
        ValueError
            If a column, a set of features or a parameter cannot be used, there is no
            window, or a window has no target to train on.
        ImportError
            If LightGBM is not installed.

        Examples
        --------
        >>> from skbench.datasets import make_benchmark_models
        >>> from skbench.model_selection import WalkForwardEraSplit
        >>> from skbench.recipes import recipe
        >>> data = make_benchmark_models(n_eras=20, rows_per_era=60, random_state=0)
        >>> made = recipe("V43_LGBM_CT_BLEND").reproduce(
        ...     data.frame,
        ...     WalkForwardEraSplit(chunk_size=10, purge=4),
        ...     targets={"target_teager_20": "target_ender_60",
        ...              "target_cyrus_20": "target_cyrus_20"},
        ...     n_estimators=5, n_jobs=1, random_state=0)
        >>> list(made)
        ['era', 'v43_lgbm_teager20', 'v43_lgbm_cyrus20', 'v43_lgbm_ct_blend']
        >>> made["era"].iloc[0], made["era"].iloc[-1]
        ('0011', '0020')
        """
        from ._reproduce import ReproduceOptions, reproduce

        options = ReproduceOptions(
            targets=dict(_mapping("targets", targets)),
            feature_sets=_mapping("feature_sets", feature_sets),
            features=features,
            cv=cv,
            n_riskiest=n_riskiest,
            exact=exact,
            era=era,
            progress=progress,
            parameters=overrides,
        )
        return reproduce(self, train, options)

    def _columns(self, columns: Any) -> dict[str, str]:
        """Return the column of each part."""
        parts = list(self.weights)
        if columns is None:
            return {part: part for part in parts}
        given = {str(k).lower(): v for k, v in _mapping("columns", columns).items()}
        missing = [part for part in parts if part not in given]
        unknown = [name for name in given if name not in parts]
        if missing or unknown:
            lacks = f"; it lacks {listed(missing)}" if missing else ""
            names = f"; it names {listed(unknown)}, no part" if unknown else ""
            raise ValueError(
                "`columns` must name a column for each part of "
                f"{self.name!r}{lacks}{names}. The parts are {listed(parts, 24)}"
            )
        for column in given.values():
            check_name("columns", column)
        if len(set(given.values())) < len(given):
            raise ValueError(
                f"`columns` must name another column for each part; got {columns!r}"
            )
        return given

    def _neutral(self, feature_sets: Any, exact: bool, era: Any) -> list[Any]:
        """Return the steps from the blend to what is ranked in the end."""
        from skbench._neutralizer import FeatureNeutralizer
        from skbench._rank_gauss import EraRankGauss

        if self.neutralizers is None:
            return [EraRankGauss(era=era)]
        sets = _mapping("feature_sets", feature_sets)
        names = self.neutral_features(sets)
        if names is None or isinstance(names, str) or not len(names):
            raise ValueError(
                f"`feature_sets` must hold the names of {self.neutralizers!r}, to "
                f"which {self.name!r} is neutralised; "
                + (f"got {names!r}" if names is not None else f"it has {listed(sets)}")
                + _where_from(self.neutralizers)
            )
        neutralizer = FeatureNeutralizer(
            list(names), proportion=self.proportion, fit_intercept=exact, era=era
        )
        # The published neutralisation ranks anew, ties by row order. That makes the
        # gaussianizing before it redundant, as it keeps the order and the ties.
        gauss = EraRankGauss(era=era)
        published = EraRankGauss(ties="first", scale=False, era=era)
        return [gauss if exact else published, neutralizer]


def _where_from(neutralizers: str) -> str:
    if neutralizers == RISKIEST:
        return ". Pass what riskiest_features finds in the training rows"
    return ". Pass the feature_sets of features.json"


def _mapping(parameter: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"`{parameter}` must be a mapping from names; got {value!r}")
    return value


def _lightgbm(parameters: dict[str, Any]) -> Any:
    try:
        from lightgbm import LGBMRegressor
    except ImportError as error:
        raise ImportError(
            "the models of recipes are LightGBM's, which is not installed: pip install "
            '"skbench[models]"'
        ) from error
    return LGBMRegressor(**parameters)


def _releases_with(recipes: Iterable[Recipe]) -> tuple[str, ...]:
    """Return the releases whose benchmark files hold a column of each recipe."""
    needed = [set(one.column_names) for one in recipes]
    return tuple(
        version
        for version, columns in COLUMNS.items()
        if all(not names.isdisjoint(columns) for names in needed)
    )


def _standard_models() -> list[Recipe]:
    return [
        Recipe(
            name=model_name(release.version, target),
            summary=f"The standard model of {release.version} data on "
            f"{target.replace('_', '').capitalize()}.",
            source=release.source,
            version=release.version,
            target=f"target_{target}",
            feature_set="all",
            parameter_set=release.parameter_set,
        )
        for release in RELEASES
        for target in (*release.unpublished, *release.published)
    ]


def _ensemble(name: str, entry: Mapping[str, Any]) -> Recipe:
    return Recipe(name=name, **{**entry, "shares": tuple(entry["shares"].items())})


_RECIPES: dict[str, Recipe] = {
    one.name: one
    for one in [
        *(_ensemble(name, entry) for name, entry in ENSEMBLES.items()),
        *(Recipe(name=name, **entry) for name, entry in OTHER_MODELS.items()),
        *_standard_models(),
    ]
}
_ALIASES = {alias: one.name for one in _RECIPES.values() for alias in one.aliases}


def recipe(name: str) -> Recipe:
    """Return a published benchmark model by its name.

    Parameters
    ----------
    name : str
        A name that `list_recipes` lists, or a former one, in upper or lower case.

    Returns
    -------
    recipe : Recipe
        What it is made of, and how to make it.

    Raises
    ------
    ValueError
        If there is none of that name; the message names the most similar.

    Examples
    --------
    >>> from skbench.recipes import recipe
    >>> weights = recipe("V42_RAIN_ENSEMBLE2").weights
    >>> weights["v42_lgbm_cyrus20"], round(weights["v42_lgbm_ralph20"], 12)
    (0.5, 0.05)
    >>> recipe("lg_lgbm_v42_cyrus20").name
    'v42_example_preds'
    """
    check_name("name", name)
    key = name.lower()
    key = _ALIASES.get(key, key)
    if key in _RECIPES:
        return _RECIPES[key]
    known = [*_RECIPES, *_ALIASES]
    close = alike(key, known)
    hint = f"did you mean {listed(close)}? " if close else ""
    raise ValueError(
        f"`name` must be that of a recipe; got {name!r}: {hint}`list_recipes` lists all"
    )


def list_recipes() -> list[str]:
    """List the names of all recipes, ensembles first.

    Returns
    -------
    names : list of str
        Names that `recipe` takes.

    Examples
    --------
    >>> from skbench.recipes import list_recipes
    >>> list_recipes()[:3]
    ['v42_rain_ensemble', 'v42_rain_ensemble2', 'v42_lgbm_ct_blend']
    """
    return list(_RECIPES)


def describe_recipes() -> pd.DataFrame:
    """Tabulate all recipes.

    Returns
    -------
    recipes : pandas.DataFrame of shape (n_recipes, 13)
        Name, summary, data release, number of parts (0 for a model), what a model is
        trained on (target, set of features, set of parameters), what an ensemble is
        neutralised to and in which proportion, releases whose files hold it and
        releases whose files hold its parts (each as one text), source, and when that
        was last looked at.

    Examples
    --------
    >>> from skbench.recipes import describe_recipes
    >>> recipes = describe_recipes()
    >>> recipes.loc[recipes["neutralizers"].notna(), ["name", "n_parts"]]
                      name  n_parts
    1   v42_rain_ensemble2       11
    5    v41_example_preds        6
    6     v4_example_preds        1
    11  nb_feature_neutral        1
    """
    return _tabulate(_RECIPES.values())


def _tabulate(recipes: Iterable[Recipe]) -> pd.DataFrame:
    rows = [
        {
            "name": one.name,
            "summary": one.summary,
            "version": one.version,
            "n_parts": len(one.shares),
            "target": one.target,
            "feature_set": one.feature_set,
            "parameter_set": one.parameter_set,
            "neutralizers": one.neutralizers,
            "proportion": one.proportion,
            "published_in": ", ".join(one.published_in),
            "made_from": ", ".join(one.made_from),
            "source": one.source,
            "checked": one.checked,
        }
        for one in recipes
    ]
    return pd.DataFrame(rows)
