"""The published benchmark models, as data."""

from typing import Any

DOCS = "https://docs.numer.ai/numerai-tournament/models"
TUTORIAL = "https://numer.ai/tutorial/target-ensemble"

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
}

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

# Models named {version}_lgbm_{target}: data version, parameter set, targets.
STANDARD_MODELS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("v4", "standard", ("nomi_20",)),
    (
        "v4.1",
        "standard",
        ("nomi_20", "jerome_60", "ralph_20", "victor_20", "waldo_20", "tyler_20"),
    ),
    (
        "v4.2",
        "standard",
        (
            *(f"{name}_20" for name in ("cyrus", *_RAIN)),
            *(f"{name}_60" for name in ("cyrus", *_RAIN)),
            "teager_20",
        ),
    ),
    ("v4.3", "standard", ("teager_20", "cyrus_20")),
    ("v5", "deep", ("teager2b_20", "cyrusd_20")),
    ("v5.3", "deep", ("ender_20", "ender_60")),
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
        f"tutorial_lgbm_{name}20": {
            "summary": f"The target ensemble tutorial's model of {name.title()}20.",
            "source": TUTORIAL,
            "version": "v5",
            "target": f"target_{name}_20",
            "feature_set": "small",
            "parameter_set": "tutorial",
        }
        for name in ("ender", "victor", "xerxes", "teager2b")
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
        "version": "v5",
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
    "target_ensemble_tutorial": {
        "summary": "Mean of the per-era ranks of four targets' small models.",
        "source": TUTORIAL,
        "version": "v5",
        "shares": {
            "tutorial_lgbm_ender20": 1,
            "tutorial_lgbm_victor20": 1,
            "tutorial_lgbm_xerxes20": 1,
            "tutorial_lgbm_teager2b20": 1,
        },
        "ranks": "uniform",
    },
}
