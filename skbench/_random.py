"""Where random numbers come from."""

from typing import Any

import numpy as np


def check_seed(parameter: str, value: Any) -> None:
    """Check where random numbers come from."""
    if isinstance(value, np.random.Generator):
        return
    from sklearn.utils import check_random_state  # what draws nothing does without

    try:
        check_random_state(value)
    except ValueError:
        raise ValueError(
            f"`{parameter}` must be an int, a RandomState, a Generator or None; "
            f"got {value!r}"
        ) from None


def generator_of(random_state: Any) -> np.random.Generator:
    """Make a Generator of what scikit-learn takes: its normals are much faster."""
    check_seed("random_state", random_state)
    if isinstance(random_state, np.random.Generator):
        return random_state
    from sklearn.utils import check_random_state

    legacy = check_random_state(random_state)
    return np.random.default_rng(legacy.randint(2**32, size=4, dtype=np.uint32))
