"""Ranks per era: `EraRankGauss`, `EraRank` and the function `rank_gauss`."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._apply import Plan, apply
from ._base import EraEstimator
from ._checks import Check, check_flag, one_of
from ._eras import Eras, map_eras
from ._frames import Table, as_columns, as_floats, check_one_dimension, warn_of_ties
from .kernels import rank

_check_ties = one_of("average", "first")


def rank_gauss(
    values: ArrayLike, *, ties: str = "average", scale: bool = True
) -> NDArray[Any]:
    r"""Gaussianize one column of one era by its ranks.

    With r the rank among the n values that are not missing,

    .. math:: z = \Phi^{-1}\left(\frac{r - 1/2}{n}\right),

    divided by its sample standard deviation (``ddof=1``) if ``scale``. Ties share
    their average rank. NaN stays NaN and counts for nothing. Infinities rank as the
    extremes. A constant column, or one value alone, gives zeros: it tells nothing.
    Integers are ranked as float64, so that neighbours beyond 2**53 tie, with a warning.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        The column. float32 gives float32, anything else float64.
    ties : {"average", "first"}, default="average"
        Whether equal values share their average rank, or rank in order of position.
    scale : bool, default=True
        Whether to divide by the sample standard deviation.

    Returns
    -------
    z : ndarray of shape (n_rows,)
        Normal quantiles.

    Raises
    ------
    ValueError
        If ``values`` is not one column of numbers.

    References
    ----------
    Numerai, "Benchmark Models": the function ``rank_gauss_pow1`` of the ensembles.

    Examples
    --------
    >>> from skbench import rank_gauss
    >>> rank_gauss([0.1, 0.4, 0.4, float("nan"), 0.9]).round(4)
    array([-1.2247,  0.    ,  0.    ,     nan,  1.2247])
    """
    _check_ties("ties", ties)
    check_flag("scale", scale)
    check_one_dimension(values, "`values`")
    column = np.asarray(values)
    if column.size == 0:
        raise ValueError("`values` must hold at least one value; got none")
    floats = as_floats(values, "`values`")
    if column is not values or column.dtype.kind != "f":
        table = as_columns(values, "values")
        warn_of_ties(table, table.names)
    z: NDArray[Any] = rank.rank_gauss(floats[None, :], ties=ties, scale=scale)[0]
    return z.astype(np.float32) if column.dtype == np.float32 else z


class EraRank(EraEstimator):
    r"""Rank each prediction column to (0, 1) within each era.

    With r the rank among the n values of an era that are not missing,

    .. math:: p = \frac{r - 1/2}{n}.

    Ties share their average rank. NaN stays NaN and counts for nothing. Infinities rank
    as the extremes. A constant column, or a one-row era, gives 1/2. Integers are ranked
    as float64, so that neighbours beyond 2**53 tie, with a warning.

    Parameters
    ----------
    columns : str, int, list of these or callable, default=None
        Columns to rank: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every prediction column,
        that is every floating-point column that by its name is no feature, target or
        Meta Model.
    ties : {"average", "first"}, default="average"
        Whether equal values share their average rank, or rank in row order.
    era : str, int or None, default="era"
        The era column: its name, or its position in an array. None: all rows are one
        era.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        A frame without the era column is taken as one era if its row count lies
        between these.
    n_jobs : int, default=None
        Threads over eras, as joblib counts them.

    Attributes
    ----------
    columns_ : list of str or int
        The columns that are ranked.
    n_features_in_ : int
        Number of columns of X at fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X at fit, where all are strings.

    See Also
    --------
    EraRankGauss : The same ranks as normal quantiles.

    References
    ----------
    Numerai, ``numerai_tools.scoring.tie_kept_rank``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench import EraRank
    >>> X = pd.DataFrame({"era": ["0001"] * 3 + ["0002"] * 2,
    ...                   "model": [0.2, 0.9, 0.9, 0.5, 0.1]})
    >>> EraRank().fit_transform(X)["model"].round(4).tolist()
    [0.1667, 0.6667, 0.6667, 0.75, 0.25]
    """

    _parameters: ClassVar[Mapping[str, Check]] = {"ties": _check_ties}

    def __init__(
        self,
        columns: Any = None,
        *,
        ties: str = "average",
        era: Any = "era",
        single_era_rows: tuple[float, float] = (1800, 10000),
        n_jobs: int | None = None,
    ) -> None:
        self.columns = columns
        self.ties = ties
        self.era = era
        self.single_era_rows = single_era_rows
        self.n_jobs = n_jobs

    def _plan(self) -> Plan:
        return {"kind": "rank", "options": {"ties": self.ties}}

    def _compute(self, table: Table, eras: Eras) -> NDArray[np.float64]:
        return _ranked(self.era_plan(), table, eras, self.n_jobs)


class EraRankGauss(EraEstimator):
    r"""Gaussianize each prediction column within each era.

    With r the rank among the n values of an era that are not missing,

    .. math:: z = \Phi^{-1}\left(\frac{r - 1/2}{n}\right),

    divided by its sample standard deviation in that era (``ddof=1``) if ``scale``.

    Ties share their average rank. NaN stays NaN and counts for nothing. Infinities rank
    as the extremes. A constant column, or a one-row era, gives zeros, where the
    published formula gives NaN: it tells nothing, and must not poison an ensemble.
    Integers are ranked as float64, so that neighbours beyond 2**53 tie, with a warning.

    Parameters
    ----------
    columns : str, int, list of these or callable, default=None
        Columns to gaussianize: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every prediction column,
        that is every floating-point column that by its name is no feature, target or
        Meta Model.
    ties : {"average", "first"}, default="average"
        Whether equal values share their average rank, or rank in row order.
    scale : bool, default=True
        Whether to divide by the sample standard deviation.
    era : str, int or None, default="era"
        The era column: its name, or its position in an array. None: all rows are one
        era.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        A frame without the era column is taken as one era if its row count lies
        between these.
    n_jobs : int, default=None
        Threads over eras, as joblib counts them.

    Attributes
    ----------
    columns_ : list of str or int
        The columns that are gaussianized.
    n_features_in_ : int
        Number of columns of X at fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X at fit, where all are strings.

    See Also
    --------
    EraRank : The ranks alone.
    rank_gauss : The same for one column of one era.

    References
    ----------
    Numerai, "Benchmark Models": the function ``rank_gauss_pow1`` of the ensembles.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench import EraRankGauss
    >>> X = pd.DataFrame({"era": ["0001"] * 3 + ["0002"] * 2,
    ...                   "model": [0.2, 0.9, 0.9, 0.5, 0.1]})
    >>> EraRankGauss().fit_transform(X)["model"].round(4).tolist()
    [-1.1985, 0.5336, 0.5336, 0.7071, -0.7071]
    """

    _parameters: ClassVar[Mapping[str, Check]] = {
        "ties": _check_ties,
        "scale": check_flag,
    }

    def __init__(
        self,
        columns: Any = None,
        *,
        ties: str = "average",
        scale: bool = True,
        era: Any = "era",
        single_era_rows: tuple[float, float] = (1800, 10000),
        n_jobs: int | None = None,
    ) -> None:
        self.columns = columns
        self.ties = ties
        self.scale = scale
        self.era = era
        self.single_era_rows = single_era_rows
        self.n_jobs = n_jobs

    def _plan(self) -> Plan:
        options = {"ties": self.ties, "scale": bool(self.scale)}
        return {"kind": "rank_gauss", "options": options}

    def _compute(self, table: Table, eras: Eras) -> NDArray[np.float64]:
        return _ranked(self.era_plan(), table, eras, self.n_jobs)


def _ranked(
    plan: Plan, table: Table, eras: Eras, n_jobs: int | None
) -> NDArray[np.float64]:
    (columns,) = plan["reads"]
    warn_of_ties(table, columns)
    fetch = table.select(columns)
    out = np.empty((len(columns), table.n_rows))
    for rows, block in map_eras(lambda rows: apply(plan, fetch(rows)), eras, n_jobs):
        out[:, rows] = block
    return out
