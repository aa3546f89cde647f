"""The models of an account, by name."""

from typing import Any

from skbench._checks import did_you_mean, listed


def find_model(api: Any, model_name: str) -> str:
    """Return the id of a model of the account that the keys belong to."""
    models = _models(api)
    if model_name in models:
        return str(models[model_name])
    if not models:
        raise ValueError(
            "the account of these API keys has no model in this tournament: make one "
            "on Numerai's site"
        )
    raise ValueError(
        f"`model_name` must be a model of your account; got {model_name!r}"
        f"{did_you_mean(model_name, models) or '.'} The account has "
        f"{listed(sorted(models), limit=60)}"
    )


def _models(api: Any) -> dict[str, str]:
    try:
        return dict(api.get_models())
    except TypeError:  # what numerapi raises where there is no account
        raise ValueError(
            "Numerai has no account for these API keys: make new ones on its site, and "
            "set NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"
        ) from None
