"""What Numerai's API tells of the payout rule of the current round."""

from collections.abc import Mapping, Sequence
from typing import Any

from skbench._checks import listed
from skbench._numerai import client

Config = Mapping[str, Any]


def read_current(api: Any) -> dict[str, Any]:
    """Return the fields of a `PayoutRule` that the current round tells."""
    current = _current_round(client(api))
    name = f"round {current['number']}"
    configs = _paying(current, name)
    return {
        "name": name,
        "multipliers": {
            config["displayName"]: float(config["defaultMultiplier"])
            for config in configs
        },
        "clip": _agreed(configs, "clipThreshold"),
        "factor": _agreed(configs, "payoutFactor", current),
        "threshold": _agreed(configs, "stakeThreshold", current),
        "source": f"Numerai's API, {name}",
    }


def _current_round(api: Any) -> Config:
    """Return the current round, for which Numerai's API takes the number 0."""
    rounds = api.list_rounds(number=0)
    if not rounds or not rounds[0]:
        raise ValueError(
            "Numerai lists no current round: try again later, or write the rule as a "
            "PayoutRule"
        )
    current: Config = rounds[0]
    return current


def _paying(current: Config, name: str) -> list[Config]:
    """Return what a round says of the scores that pay."""
    configs = [
        config
        for config in current["roundScoreConfigs"]
        if config["isPayout"] and config["defaultMultiplier"]
    ]
    names = [config["displayName"] for config in configs]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"the scores that pay in {name} must have one name each; Numerai lists "
            f"{listed(names) or 'none'}. Write the rule as a PayoutRule"
        )
    return configs


def _agreed(
    configs: Sequence[Config], key: str, current: Config | None = None
) -> float | None:
    """Return the one value that all scores that pay have, or else that of the round."""
    values = {config.get(key) for config in configs} - {None}
    if len(values) > 1:
        raise ValueError(
            f"the scores that pay must have one `{key}`; Numerai lists "
            f"{listed(sorted(values, key=str))}. Write the rule as a PayoutRule"
        )
    value = values.pop() if values else (current or {}).get(key)
    return None if value is None else float(value)
