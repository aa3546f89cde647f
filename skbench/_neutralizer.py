"""Neutralisation to features: `FeatureNeutralizer` and `neutralization_path`."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._apply import Plan, neutralized
from ._base import EraEstimator, in_precision, prediction_columns
from ._checks import Check, check_flag, check_share, is_number, is_several, listed
from ._eras import Eras, Rows, blas_threads, map_eras, n_rows_of
from ._frames import Table, feature_columns, is_tensor, resolve
from .kernels.device import neutralize_eras

Name = Hashable


def _check_missing(parameter: str, value: Any) -> None:
    finite = is_number(value) and np.isfinite(value)
    if not finite and not (isinstance(value, str) and value in ("median", "raise")):
        raise ValueError(
            f"`{parameter}` must be 'median', 'raise' or a finite number; got {value!r}"
        )


class FeatureNeutralizer(EraEstimator):
    """Subtract from each prediction what the features explain of it, era by era.

    With F the neutralizers of an era, and a column of ones if ``fit_intercept``,

    .. math:: x - c F F^+ x

    for the proportion c; then divided by its population standard deviation in that era
    (``ddof=0``) if ``standardize``. Every neutralizer is centred (with the intercept)
    and scaled to unit norm first, so that collinear, constant, duplicated or too many
    features are fine, and their units do not matter.

    Rows whose prediction is NaN stay NaN and are left out of the regression. Missing
    features follow ``missing``; infinite ones are an error. Where next to nothing is
    left of a prediction the result is zeros, never scaled-up rounding noise: so a
    constant prediction, a one-row era, or as many independent features as rows with
    ``proportion=1`` give zeros.

    A torch tensor is an array that may be on a GPU. There the features stay, the
    linear algebra of many eras is done at once, and the output is; only the
    predictions travel. Eras with a gap or with collinear features go through the CPU
    one by one, by the same rules. The result is that for an array, to 1e-8.

    Parameters
    ----------
    neutralizers : str, int, list of these or callable, default=None
        The columns to neutralise to: names, positions or what
        `sklearn.compose.make_column_selector` returns. None: every column whose name
        starts with "feature"; an array needs positions.
    columns : str, int, list of these or callable, default=None
        Columns to neutralise. None: every prediction column that is no neutralizer.
    proportion : float, default=1.0
        Share of the explained part to subtract, between 0 and 1.
    fit_intercept : bool, default=True
        Whether to neutralise to a constant, too. With it and ``proportion=1`` the
        output has no correlation with any neutralizer.
    standardize : bool, default=True
        Whether to divide by the population standard deviation.
    missing : "median", "raise" or float, default="median"
        What a missing feature becomes: the era's median of that feature (1/2 where an
        era has none), an error, or this number.
    rcond : float, default=1e-6
        Singular values of the scaled neutralizers below ``rcond`` times the largest
        count as zero. An output whose norm is below ``rcond`` times that of the input
        (both centred, with the intercept) is zero. Where it is less than the machine
        epsilon (2.2e-16) times the larger of the rows and neutralizers of an era, that
        is taken in its place: what is smaller is rounding.
    keep_neutralizers : bool, default=False
        Whether the neutralizers stay in the output.
    era : str, int or None, default="era"
        The era column: its name, or its position in an array. None: all rows are one
        era.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        A frame without the era column is taken as one era if its row count lies
        between these.
    n_jobs : int, default=None
        Threads of the linear algebra of an era, as joblib counts them. None: as many as
        BLAS has, by default one a core. An era of few features has one in any case, as
        more would wait for each other. Results for different numbers are equal to 1e-9.

    Attributes
    ----------
    neutralizers_ : list of str or int
        The columns neutralised to.
    columns_ : list of str or int
        The columns that are neutralised.
    n_features_in_ : int
        Number of columns of X at fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X at fit, where all are strings.

    See Also
    --------
    neutralization_path : Many proportions at the cost of one.

    References
    ----------
    Numerai, ``numerai_tools.scoring.neutralize``, which this equals era by era with
    ``standardize=False`` for features of comparable scale.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench import FeatureNeutralizer
    >>> X = pd.DataFrame({"era": ["0001"] * 4, "prediction": [1.0, 2.0, 3.0, 6.0],
    ...                   "feature_a": [0, 0, 1, 1]})
    >>> FeatureNeutralizer(standardize=False).fit_transform(X)
        era  prediction
    0  0001        -0.5
    1  0001         0.5
    2  0001        -1.5
    3  0001         1.5
    """

    _parameters: ClassVar[Mapping[str, Check]] = {
        "proportion": check_share,
        "rcond": check_share,
        "fit_intercept": check_flag,
        "standardize": check_flag,
        "keep_neutralizers": check_flag,
        "missing": _check_missing,
    }

    def __init__(
        self,
        neutralizers: Any = None,
        *,
        columns: Any = None,
        proportion: float = 1.0,
        fit_intercept: bool = True,
        standardize: bool = True,
        missing: Any = "median",
        rcond: float = 1e-6,
        keep_neutralizers: bool = False,
        era: Any = "era",
        single_era_rows: tuple[float, float] = (1800, 10000),
        n_jobs: int | None = None,
    ) -> None:
        self.neutralizers = neutralizers
        self.columns = columns
        self.proportion = proportion
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.missing = missing
        self.rcond = rcond
        self.keep_neutralizers = keep_neutralizers
        self.era = era
        self.single_era_rows = single_era_rows
        self.n_jobs = n_jobs

    def _choose_columns(self, table: Table, era: Name) -> None:
        self.neutralizers_ = self._choose_neutralizers(table, era)
        chosen = set(self.neutralizers_)
        self.columns_ = prediction_columns(table, self.columns, era, without=chosen)
        if both := [name for name in self.columns_ if name in chosen]:
            raise ValueError(
                f"{listed(both)} cannot be neutralised to itself: it is among both "
                "`neutralizers` and the prediction columns"
            )

    def _choose_neutralizers(self, table: Table, era: Name) -> list[Name]:
        if self.neutralizers is not None:
            names = resolve(table, self.neutralizers, "neutralizers")
            if era in names:
                raise ValueError(f"the era column {era!r} cannot be a neutralizer")
            return names
        if not table.named:
            raise ValueError(
                "`neutralizers` must hold positions, as X is an array without names; "
                "got None"
            )
        return feature_columns(table, era, "neutralizers")

    def _reads(self) -> list[list[Name]]:
        return [self.columns_, self.neutralizers_]

    def _dropped(self) -> list[Name]:
        return [] if self.keep_neutralizers else self.neutralizers_

    def _plan(self) -> Plan:
        named = isinstance(self.missing, str)
        return {
            "kind": "neutralize",
            "proportion": float(self.proportion),
            "missing": self.missing if named else float(self.missing),
            "options": {
                "fit_intercept": bool(self.fit_intercept),
                "standardize": bool(self.standardize),
                "rcond": float(self.rcond),
            },
        }

    def _compute(self, table: Table, eras: Eras) -> NDArray[np.float64]:
        path: NDArray[np.float64] = self._path(table, eras, [self.proportion])[0]
        return path

    def _path(
        self, table: Table, eras: Eras, proportions: Sequence[float]
    ) -> NDArray[np.float64]:
        """Neutralise by each proportion: (n_proportions, n_columns, n_rows)."""
        plan = self.era_plan()
        fetches = [table.select(names) for names in plan["reads"]]

        def neutralize_era(rows: Rows) -> NDArray[np.float64]:
            blocks = [fetch(rows) for fetch in fetches]
            with blas_threads(self.n_jobs, n_rows_of(rows), len(self.neutralizers_)):
                return neutralized(plan, proportions, *blocks)

        out = np.empty((len(proportions), len(self.columns_), table.n_rows))
        if is_tensor(table.native):
            blocks = self._on_device(
                table,
                eras,
                neutralize_era,
                plan["options"] | {"proportions": proportions},
            )
        else:
            blocks = map_eras(neutralize_era, eras, n_jobs=1)
        for rows, block in blocks:
            out[:, :, rows] = block
        return out

    def _on_device(
        self,
        table: Table,
        eras: Eras,
        neutralize_era: Callable[[Rows], NDArray[np.float64]],
        options: dict[str, Any],
    ) -> Iterator[tuple[Rows, NDArray[np.float64]]]:
        """Neutralise batches of eras where their features are, the others here."""
        every = table.select(self.columns_)(slice(None)).astype(np.float64)
        columns = [int(name) for name in self.neutralizers_]  # type: ignore[call-overload]
        for i, block in neutralize_eras(
            every, table.native, columns, eras.rows, **options
        ):
            rows = eras.rows[i]
            yield rows, neutralize_era(rows) if block is None else block


def neutralization_path(
    X: Any,
    proportions: Sequence[float],
    *,
    neutralizers: Any = None,
    columns: Any = None,
    fit_intercept: bool = True,
    standardize: bool = True,
    missing: Any = "median",
    rcond: float = 1e-6,
    era: Any = "era",
    single_era_rows: tuple[float, float] = (1800, 10000),
    n_jobs: int | None = None,
) -> Any:
    """Neutralise by many proportions at the cost of one.

    The features of each era are factorised once. The policies for ties, missing values
    and constants are those of `FeatureNeutralizer`.

    Parameters
    ----------
    X : DataFrame, Table or array of shape (n_rows, n_columns)
        Whole eras, with predictions, neutralizers and the era column.
    proportions : sequence of float
        Shares of the explained part to subtract, each between 0 and 1.
    neutralizers, columns : str, int, list of these or callable, default=None
        As for `FeatureNeutralizer`, and so for all that follow.
    fit_intercept, standardize : bool, default=True
        Whether to neutralise to a constant; whether to divide by the deviation.
    missing : "median", "raise" or float, default="median"
        What a missing feature becomes.
    rcond : float, default=1e-6
        Share of the largest singular value below which one counts as zero; not below
        what rounding makes of it.
    era : str, int or None, default="era"
        The era column.
    single_era_rows : tuple of (float, float), default=(1800, 10000)
        Bounds of the row count of a frame without the era column.
    n_jobs : int, default=None
        Threads of the linear algebra.

    Returns
    -------
    path : same kind as X
        The rows and index of X, and one column a proportion, named by it
        ("prediction_0.5"); where there are several predictions, one a proportion for
        the first, then for the second, and so on.

    Raises
    ------
    ValueError
        If a proportion, a column or the era column cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench import neutralization_path
    >>> X = pd.DataFrame({"era": ["0001"] * 4, "prediction": [1.0, 2.0, 3.0, 6.0],
    ...                   "feature_a": [0, 0, 1, 1]})
    >>> neutralization_path(X, [0, 0.5, 1], standardize=False)
       prediction_0  prediction_0.5  prediction_1
    0           1.0            0.25          -0.5
    1           2.0            1.25           0.5
    2           3.0            0.75          -1.5
    3           6.0            3.75           1.5
    """
    shares = checked_shares(proportions)
    neutralizer = FeatureNeutralizer(
        neutralizers,
        columns=columns,
        fit_intercept=fit_intercept,
        standardize=standardize,
        missing=missing,
        rcond=rcond,
        era=era,
        single_era_rows=single_era_rows,
        n_jobs=n_jobs,
    )
    # Not cloned on the way, which some of what names columns cannot be.
    fitted, table, eras = neutralizer._check(X)
    path = fitted._path(table, eras, shares)
    names = [f"{c}_{p:g}" for c in fitted.columns_ for p in shares]
    if len(set(names)) < len(names):
        raise ValueError(f"`proportions` must differ; got {shares!r}")
    layout = [(name, i) for i, name in enumerate(names)]
    values = path.swapaxes(0, 1).reshape(len(names), -1)
    single = [s for s in fitted._single_precision(table) for _ in shares]
    return table.build(layout, in_precision(values, single))


def checked_shares(proportions: Any) -> list[float]:
    """Return proportions to neutralise as a list of numbers between 0 and 1."""
    if not is_several(proportions):
        raise ValueError(
            f"`proportions` must be a list of numbers; got {proportions!r}"
        )
    shares = list(proportions)
    for proportion in shares:
        check_share("proportions", proportion)
    if not shares:
        raise ValueError("`proportions` must hold at least one number; got none")
    return shares
