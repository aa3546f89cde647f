"""What Numerai's runners have installed, by the name of the runner.

That is the version of its Python; "head" is the newest state of the runner's sources,
of which images are built later. Dependencies of these packages are of any version.
"""

from collections.abc import Mapping

# The image that Numerai offers first.
DEFAULT = "3.12"

RUNNERS: dict[str, dict[str, str]] = {
    "3.10": {
        "cloudpickle": "2.2.1",
        "joblib": "1.3.2",
        "lightgbm": "4.0.0",
        "numpy": "1.26.4",
        "pandas": "2.2.1",
        "pyarrow": "14.0.1",
        "scikit-learn": "1.6.1",
        "scipy": "1.11.4",
    },
    "3.11": {
        "cloudpickle": "3.1.1",
        "joblib": "1.5.1",
        "lightgbm": "4.6.0",
        "narwhals": "1.47.1",
        "numpy": "2.1.3",
        "pandas": "2.3.1",
        "pyarrow": "21.0.0",
        "scikit-learn": "1.6.1",
        "scipy": "1.16.0",
    },
    "3.12": {
        "cloudpickle": "3.1.1",
        "joblib": "1.5.1",
        "lightgbm": "4.5.0",
        "narwhals": "1.47.1",
        "numpy": "2.1.3",
        "pandas": "2.3.1",
        "pyarrow": "18.1.0",
        "scikit-learn": "1.6.1",
        "scipy": "1.16.0",
    },
    "3.13": {
        "cloudpickle": "3.1.2",
        "joblib": "1.5.3",
        "lightgbm": "4.5.0",
        "narwhals": "2.17.0",
        "numpy": "2.2.6",
        "pandas": "2.3.3",
        "pyarrow": "18.1.0",
        "scikit-learn": "1.6.1",
        "scipy": "1.17.1",
    },
}
_HEAD = {"joblib": "1.5.2", "narwhals": "2.5.0", "pandas": "2.3.2", "scipy": "1.16.2"}
RUNNERS |= {f"{minor}-head": RUNNERS[minor] | _HEAD for minor in ("3.11", "3.12")}
PACKAGES = list(RUNNERS[DEFAULT])


def python_of(runner: str) -> str:
    """Return the minor version of a runner's Python, such as "3.12"."""
    return runner.partition("-")[0]


def runner_with(python: str, versions: Mapping[str, str]) -> str | None:
    """Return the runner that has this Python and these versions; None: none has."""
    for runner, pins in RUNNERS.items():
        if python.startswith(f"{python_of(runner)}.") and pins.items() <= {
            *versions.items()
        }:
            return runner
    return None
