"""What hypothesis draws: values, columns and small tournaments, oddities and all.

Ties, missing and infinite values, constants, eras of one row, interleaved eras in any
row order, float32, indexes of every kind, eras without targets.
"""

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

# The same examples on every run and machine.
law = settings(max_examples=11, deadline=None, derandomize=True, database=None)

MODELS = ["a", "b"]
FEATURES = ["feature_x", "feature_y", "feature_z"]

# Ties, both zeros, infinities, denormals, neighbouring and extreme floats.
ODD = [0.0, -0.0, 1.0, np.nextafter(1, 2), 0.1, -5e-324, 1e-310, 1e308, -1e308]
ANY_VALUE = st.one_of(
    st.sampled_from([*ODD, np.inf, -np.inf, np.nan]),
    st.floats(width=32),
    st.integers(-3, 3).map(float),
)
# Numbers of one scale that a float holds exactly, with ties.
NUMBER = st.integers(-40, 40).map(lambda i: i / 8)
# What sums and regressions are meant for: such numbers, with gaps.
SCORE = st.one_of(NUMBER, st.just(np.nan))
# Targets are bins.
TARGET = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])

SIZES = st.sampled_from([1, 1, 2, 3, 5, 8, 13])
SEEDS = st.integers(0, 10**6)
GAPS = st.sampled_from([0, 0.2, 1])


@st.composite
def column(draw, values, n, rng):
    """Draw n of a few values, so that there are ties; float32 or float64."""
    few = draw(st.lists(values, min_size=1, max_size=10))
    with np.errstate(over="ignore"):
        dtype = draw(st.sampled_from([np.float32, np.float64]))
        return rng.choice(np.array(few, dtype=float), n).astype(dtype)


@st.composite
def columns(draw, values, max_rows=20):
    """Draw a column of any length."""
    n = draw(st.integers(1, max_rows))
    return draw(column(values, n, np.random.default_rng(draw(SEEDS))))


@st.composite
def era_labels(draw, sizes=SIZES, max_eras=4):
    """Draw the number of the era of each row, rows of an era together."""
    counts = draw(st.lists(sizes, min_size=1, max_size=max_eras))
    numbers = [7, 1000, 3, 12, *range(20, 20 + max_eras)][: len(counts)]
    return np.repeat(draw(st.permutations(numbers)), counts)


@st.composite
def tournaments(draw, values, *, sizes=SIZES, max_eras=4, targets=False, mixed=True):
    """Draw a few small eras, many of one row, interleaved in any order.

    With ``targets``, also the column "target", which whole eras may lack. Without
    ``mixed``, the rows of an era stay together, in a plain index.
    """
    era = draw(era_labels(sizes, max_eras))
    rng = np.random.default_rng(draw(SEEDS))
    data = {"era": era}
    for name in MODELS:
        data[name] = draw(column(values, len(era), rng))
    dtype = draw(st.sampled_from([np.int8, np.float32, np.float64]))
    for name in FEATURES:
        data[name] = draw(_feature(len(era), dtype, rng))
    if targets:
        data["target"] = draw(_target(era, rng))
    frame = pd.DataFrame(data)
    return draw(_mix(frame, rng)) if mixed else frame


@st.composite
def _feature(draw, n, dtype, rng):
    cells = rng.integers(0, 5, n).astype(dtype)
    if dtype != np.int8:
        cells[rng.random(n) < draw(GAPS)] = np.nan
    return cells


@st.composite
def _target(draw, era, rng):
    target = draw(column(TARGET, len(era), rng)).astype(np.float64)
    target[rng.random(len(era)) < draw(st.sampled_from([0, 0.2]))] = np.nan
    lacking = draw(st.lists(st.sampled_from(np.unique(era).tolist()), max_size=1))
    target[np.isin(era, lacking)] = np.nan
    return target


@st.composite
def _mix(draw, frame, rng):
    """Put the rows in any order, under any index."""
    n = len(frame)
    frame = frame.iloc[rng.permutation(n)]
    labels = draw(st.sampled_from(["range", "shuffled", "same for all"]))
    if labels == "range":
        return frame.reset_index(drop=True)
    return frame.set_axis(["id"] * n) if labels == "same for all" else frame


@st.composite
def era_scores(draw, max_eras=12, names=("a", "b", "c")):
    """Draw scores a staker may have had: small, with ties, and gaps in one model."""
    n = draw(st.integers(3, max_eras))
    rng = np.random.default_rng(draw(SEEDS))
    scores = rng.integers(-8, 9, (n, len(names))) / 100
    frame = pd.DataFrame(scores, [f"{i:04d}" for i in range(1, n + 1)], list(names))
    gaps = rng.random(n) < draw(st.sampled_from([0, 0.3]))
    frame.loc[gaps & (np.arange(n) >= 2), names[0]] = np.nan
    return frame
