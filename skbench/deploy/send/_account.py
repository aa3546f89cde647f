"""The models of an account, by name."""

from difflib import get_close_matches
from typing import Any

from skbench._checks import listed


def find_model(api: Any, model_name: Any) -> str:
    """Return the id of a model of the account that the keys belong to.

    Parameters
    ----------
    api : numerapi.NumerAPI
        Client to ask.
    model_name : str
        Name of the model.

    Returns
    -------
    model_id : str
        Its id.

    Raises
    ------
    ValueError
        If there are no keys, or the account has no such model.
    ConnectionError
        If Numerai cannot be reached.
    """
    models = _models(api)
    if model_name in models:
        return str(models[model_name])
    if not models:
        raise ValueError(
            "the account of these API keys has no model in this tournament: make one "
            "on Numerai's site"
        )
    spelled = {name.casefold(): name for name in models}
    close = get_close_matches(model_name.casefold(), spelled)
    hint = f"; did you mean {listed(spelled[name] for name in close)}?" if close else ""
    raise ValueError(
        f"`model_name` must be a model of your account; got {model_name!r}{hint} "
        f"The account has {listed(sorted(models), limit=60)}"
    )


def check_model_name(model_name: Any) -> None:
    """Refuse what is no name.

    Parameters
    ----------
    model_name : object
        What was passed.
    """
    if not isinstance(model_name, str) or not model_name:
        raise ValueError(
            f"`model_name` must be the name of a model of yours; got {model_name!r}"
        )


def _models(api: Any) -> dict[str, str]:
    try:
        return dict(api.get_models())
    except TypeError:  # what numerapi raises where there is no account
        raise ValueError(
            "Numerai has no account for these API keys: make new ones on its site, and "
            "set NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"
        ) from None
