"""The published benchmark models and the columns of benchmark files, as data."""

from dataclasses import dataclass
from typing import Any

# When all of it was last compared with its sources.
CHECKED = "2026-10"

DOCS = "https://docs.numer.ai/numerai-tournament/models"
EXAMPLES = "https://github.com/numerai/example-scripts"
NOTEBOOKS = f"{EXAMPLES}/blob/master/numerai"

# Named as lightgbm.LGBMRegressor names them: min_child_samples is min_data_in_leaf.
PARAMETER_SETS: dict[str, dict[str, float]] = {
    "standard": {
        "n_estimators": 20_000,
        "learning_rate": 0.001,
        "max_depth": 6,
        "num_leaves": 64,
        "colsample_bytree": 0.1,
    },
    "deep": {
        "n_estimators": 30_000,
        "learning_rate": 0.001,
        "max_depth": 10,
        "num_leaves": 1024,
        "colsample_bytree": 0.1,
        "min_child_samples": 10_000,
    },
    "tutorial": {
        "n_estimators": 2_000,
        "learning_rate": 0.01,
        "max_depth": 5,
        "num_leaves": 15,
        "colsample_bytree": 0.1,
    },
    "hello": {
        "n_estimators": 2_000,
        "learning_rate": 0.01,
        "max_depth": 5,
        "num_leaves": 31,
        "colsample_bytree": 0.1,
    },
}

# The tutorials train on every fourth of the training eras.
_TUTORIAL_STEP = 4

# Between the names of sets whose common features are meant.
AND = " & "

# Features of the training rows; no set of features.json, but found in each window.
RISKIEST = "riskiest"
N_RISKIEST = 50

# Beside Cyrus, the targets that the Rain ensembles blend.
_RAIN = (
    "ralph",
    "jeremy",
    "waldo",
    "tyler",
    "victor",
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
)


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{days}" for name in names for days in (20, 60))


def model_name(version: str, target: str) -> str:
    """Name the standard model of a release on a target: v5.0, ender_20."""
    prefix = version.removesuffix(".0").replace(".", "")
    return f"{prefix}_lgbm_{target.replace('_', '')}"


@dataclass(frozen=True)
class Release:
    """A data release: its standard models, and what its benchmark files hold.

    Standard models are named by `model_name`. Those on the targets ``published`` are
    columns of the files, beside ``others``; those on ``unpublished`` are parts of
    ensembles, and never were a column. Where ``keeps_earlier``, the files hold the
    columns of all releases before it, too. ``source`` tells the parameters.
    """

    version: str
    parameter_set: str
    published: tuple[str, ...]
    others: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    keeps_earlier: bool = False
    source: str = DOCS

    @property
    def own_columns(self) -> list[str]:
        """Columns that came with this release."""
        named = [model_name(self.version, target) for target in self.published]
        return [*named, *self.others]


RELEASES = (
    Release(
        "v4",
        "standard",
        _both("nomi", "jerome", "ralph", "tyler", "victor", "waldo"),
    ),
    Release(
        "v4.1",
        "standard",
        _both("cyrus", "sam", "xerxes", "caroline"),
        unpublished=(
            "nomi_20",
            "jerome_60",
            "ralph_20",
            "victor_20",
            "waldo_20",
            "tyler_20",
        ),
    ),
    Release(
        "v4.2",
        "standard",
        ("teager_20", "teager_60", "agnes_20", "claudia_20", "rowan_20"),
        others=(
            "v2_example_preds",
            "v3_example_preds",
            "v41_example_preds",
            "v42_example_preds",
            "v42_rain_ensemble",
            "v42_rain_ensemble2",
            "v42_lgbm_ct_blend",
            # Of these two no definition was published.
            "v42_teager_ensemble",
            "v42_teager_plus_cyrus",
        ),
        unpublished=(
            *(f"{name}_20" for name in ("cyrus", *_RAIN)),
            *(f"{name}_60" for name in ("cyrus", *_RAIN)),
        ),
        keeps_earlier=True,
    ),
    Release(
        "v4.3",
        "standard",
        _both("teager", "cyrus"),
        others=("v43_lgbm_ct_blend",),
        keeps_earlier=True,
    ),
    Release(
        "v5.0",
        "deep",
        ("teager2b_20", "cyrusd_20"),
        others=("v5_lgbm_ct_blend",),
    ),
    # From here on the parameters are those of the baselines that were published beside
    # the tutorials: the documentation tells them for v5.0 alone.
    Release("v5.1", "deep", _both("cyrusd", "teager2b"), source=EXAMPLES),
    Release(
        "v5.2",
        "deep",
        _both("cyrusd", "teager2b", "ender", "jasper"),
        source=EXAMPLES,
    ),
    Release("v5.3", "deep", _both("ender"), source=EXAMPLES),
)


def _columns() -> dict[str, tuple[str, ...]]:
    """Return the columns of the benchmark files of each release."""
    found: dict[str, tuple[str, ...]] = {}
    earlier: list[str] = []
    for release in RELEASES:
        kept = earlier if release.keeps_earlier else []
        found[release.version] = (*kept, *release.own_columns)
        earlier += release.own_columns
    return found


COLUMNS = _columns()

# Names of one model: a file may have its column under any of them.
SAME_MODEL: tuple[tuple[str, ...], ...] = (
    ("v42_example_preds", "v42_lgbm_cyrus20", "lg_lgbm_v42_cyrus20"),
)

# Models with a name of their own.
OTHER_MODELS: dict[str, dict[str, Any]] = {
    "v42_example_preds": {
        "summary": "The example predictions of v4.2: its standard model on Cyrus20.",
        "source": DOCS,
        "version": "v4.2",
        "target": "target_cyrus_20",
        "feature_set": "all",
        "parameter_set": "standard",
        "aliases": ("lg_lgbm_v42_cyrus20",),
    },
    "v3_example_preds": {
        "summary": "The example predictions of v3, on its features in later releases.",
        "source": DOCS,
        "version": "v3",
        "target": "target_ralph_20",
        "feature_set": "v3_equivalent_features",
        "parameter_set": "standard",
    },
    "v2_example_preds": {
        "summary": "The example predictions of v2, on its features in later releases.",
        "source": DOCS,
        "version": "v2",
        "target": "target_nomi_20",
        "feature_set": "v2_equivalent_features",
        "parameter_set": "standard",
    },
    **{
        f"tutorial_lgbm_{name}{days}": {
            "summary": f"A small model of {name.capitalize()}{days}, of the tutorials.",
            "source": f"{NOTEBOOKS}/target_ensemble.ipynb",
            "version": version,
            "target": f"target_{name}_{days}",
            "feature_set": "small",
            "parameter_set": "tutorial",
            "era_step": _TUTORIAL_STEP,
        }
        for version, days in (("v5.2", 20), ("v5.3", 60))
        for name in ("ender", "victor", "xerxes", "teager2b")
    },
    **{
        f"nb_{name}": {
            "summary": f"The model of the tutorial {name}.ipynb.",
            "source": f"{NOTEBOOKS}/{name}.ipynb",
            "version": "v5.3",
            "target": "target_ender_60",
            "feature_set": "small",
            "parameter_set": "hello",
            "era_step": _TUTORIAL_STEP,
        }
        for name in ("hello_numerai", "example_model")
    },
}

# Shares are as published: mostly per cent, or one each where all weigh the same.
ENSEMBLES: dict[str, dict[str, Any]] = {
    "v42_rain_ensemble": {
        "summary": "22 models of 11 targets, twice as much of 20 as of 60 days.",
        "source": DOCS,
        "version": "v4.2",
        "shares": {
            "v42_lgbm_cyrus20": 33,
            **{f"v42_lgbm_{name}20": 3.3 for name in _RAIN},
            "v42_lgbm_cyrus60": 17,
            **{f"v42_lgbm_{name}60": 1.7 for name in _RAIN},
        },
    },
    "v42_rain_ensemble2": {
        "summary": "The 20-day half of v42_rain_ensemble, neutral to serenity.",
        "source": DOCS,
        "version": "v4.2",
        "shares": {
            "v42_lgbm_cyrus20": 33,
            **{f"v42_lgbm_{name}20": 3.3 for name in _RAIN},
        },
        "neutralizers": "serenity",
        "proportion": 1.0,
    },
    "v42_lgbm_ct_blend": {
        "summary": "Teager20 and Cyrus20 of v4.2, half and half.",
        "source": DOCS,
        "version": "v4.2",
        "shares": {"v42_lgbm_teager20": 50, "v42_lgbm_cyrus20": 50},
    },
    "v43_lgbm_ct_blend": {
        "summary": "Teager20 and Cyrus20 of v4.3, half and half.",
        "source": DOCS,
        "version": "v4.3",
        "shares": {"v43_lgbm_teager20": 50, "v43_lgbm_cyrus20": 50},
    },
    "v5_lgbm_ct_blend": {
        "summary": "Teager2b20 and Cyrusd20 of v5, half and half.",
        "source": DOCS,
        "version": "v5.0",
        "shares": {"v5_lgbm_teager2b20": 50, "v5_lgbm_cyrusd20": 50},
    },
    "v41_example_preds": {
        "summary": "Example predictions of v4.1: six targets, half neutral to medium.",
        "source": DOCS,
        "version": "v4.1",
        "shares": {
            "v41_lgbm_nomi20": 1,
            "v41_lgbm_jerome60": 1,
            "v41_lgbm_ralph20": 1,
            "v41_lgbm_victor20": 1,
            "v41_lgbm_waldo20": 1,
            "v41_lgbm_tyler20": 1,
        },
        "neutralizers": "medium",
        "proportion": 0.5,
    },
    "v4_example_preds": {
        "summary": "Nomi20 of v4, neutral to the 50 riskiest features.",
        "source": DOCS,
        "version": "v4",
        "shares": {"v4_lgbm_nomi20": 1},
        "neutralizers": RISKIEST,
        "proportion": 1.0,
    },
    "announcement_example": {
        "summary": "A tenth of Nomi20 of v4, the rest v42_rain_ensemble as a column.",
        "source": DOCS,
        "version": "v4.2",
        "shares": {"v4_lgbm_nomi20": 10, "v42_rain_ensemble": 90},
    },
    "integration_test": {
        "summary": "What Numerai submits as its favourite: last v5_lgbm_ct_blend.",
        "source": DOCS,
        "version": "v5.0",
        "shares": {"v5_lgbm_ct_blend": 1},
    },
    "target_ensemble_tutorial": {
        "summary": "The target ensemble tutorial of v5.2: two small models, 20 days.",
        "source": f"{NOTEBOOKS}/target_ensemble.ipynb",
        "version": "v5.2",
        "shares": {"tutorial_lgbm_ender20": 1, "tutorial_lgbm_teager2b20": 1},
        "ranks": "uniform",
    },
    "nb_target_ensemble": {
        "summary": "The target ensemble tutorial of v5.3: two small models, 60 days.",
        "source": f"{NOTEBOOKS}/target_ensemble.ipynb",
        "version": "v5.3",
        "shares": {"tutorial_lgbm_ender60": 1, "tutorial_lgbm_teager2b60": 1},
        "ranks": "uniform",
    },
    "nb_feature_neutral": {
        "summary": "The tutorial about neutralising: neutral to serenity in small.",
        "source": f"{NOTEBOOKS}/feature_neutralization.ipynb",
        "version": "v5.3",
        # Its model is that of the target ensemble tutorial.
        "shares": {"tutorial_lgbm_ender60": 1},
        "ranks": "none",
        "neutralizers": f"small{AND}serenity",
        "proportion": 1.0,
    },
}
