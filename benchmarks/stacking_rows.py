"""`StackingWeights`: what learning costs, and learning again."""

from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.rows import Comparison, row
from skbench import EraRankGauss, StackingWeights


@row("stacking")
def fit_row(setup):
    """Learning beside one pass of ranking the same rows, both on one thread."""
    sizes = setup.sizes
    frame, rows, target = _ranked(setup, sizes.eras)
    gauss = EraRankGauss().fit(frame)
    return Comparison(
        work=f"`StackingWeights.fit`, {_shape(sizes.eras, sizes)}",
        against="`EraRankGauss.transform` of the same rows, one thread each",
        ours=lambda: _fit_on_one_thread(rows, target),
        other=lambda: gauss.transform(frame),
        at_most=1.5,
    )


@row("refit")
def refit_row(setup):
    """Another objective from the moments, beside learning it from the rows."""
    sizes = setup.sizes
    _, rows, target = _ranked(setup, sizes.refit_eras)
    learned = StackingWeights().fit(rows, target)
    return Comparison(
        work=f"`refit`, another objective, {_shape(sizes.refit_eras, sizes)}",
        against="fitting it from rows",
        ours=lambda: learned.refit(objective="sharpe"),
        other=lambda: StackingWeights("sharpe").fit(rows, target),
        numbers=lambda ours, other: (_weights(ours), _weights(other)),
        at_least=10,
    )


def _fit_on_one_thread(rows, target):
    with threadpool_limits(1):
        return StackingWeights().fit(rows, target)


def _weights(learned):
    return list(learned.weights_.values())


def _ranked(setup, n_eras):
    sizes = setup.sizes
    frame, _, target = data.predictions(n_eras, sizes.rows, sizes.models, setup.rng)
    return frame, EraRankGauss(n_jobs=setup.threads).fit_transform(frame), target


def _shape(n_eras, sizes):
    return f"{n_eras} eras x {sizes.rows:,} rows x {sizes.models} models"
