"""The whole of skbench in one call: an ensemble out of sample, and a submission."""

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from ._checks import check_flag
from ._files import as_path, check_writable, written_whole
from ._frames import as_table, columns_of_role, target_name
from ._neutralizer import FeatureNeutralizer
from ._shown import Part, Shown
from ._stacking import StackingWeights
from .datasets import load_benchmark_models, make_benchmark_models, to_folder
from .folders import compared, five_steps, folder_target, input_files
from .metrics import max_feature_exposure, numerai_corr, summarize
from .model_selection import EQUAL, SINGLE, Backtest, NoWindowError, backtest
from .report import PerformanceReport
from .tournament import folder_models, to_download

__all__ = ["Demo", "run_demo"]

_ENSEMBLE = "ensemble"
_STAGES = 4
_WHY_EQUAL = (
    "Equal weights are hard to beat: models resemble each other, and which of them did "
    "best in the past is partly luck (docs/guide/weights.md has more)."
)


@dataclass(frozen=True, repr=False)
class Demo(Shown):
    """What `run_demo` found.

    Attributes
    ----------
    title : str
        Where the rows come from, and how many there are.
    weights : dict of str to float
        Weight of each model for the live era, learned from all eras; they sum to one.
    scores : pandas.DataFrame of shape (n_scored_eras, n_models + 3)
        Numerai CORR by era, of eras that were predicted out of sample: of each model,
        and of the "ensemble", "equal weights" and "best single model" of the backtest,
        all three of them neutralised.
    exposures : tuple of (float, float)
        Largest correlation of the live predictions with a feature, before and after
        neutralisation.
    submission : pandas.DataFrame of shape (n_live_rows, 1)
        Predictions of the live era, indexed by id.
    target : str
        The target of the scores, which sets the horizon of their intervals.
    backtest : skbench.model_selection.Backtest
        The ensemble walked forward: the weights of each window, and the verdict.
    """

    title: str
    weights: dict[str, float]
    scores: pd.DataFrame
    exposures: tuple[float, float]
    submission: pd.DataFrame
    target: str
    backtest: Backtest

    def summary(self) -> pd.DataFrame:
        """Summarise the scores of each model.

        Returns
        -------
        summary : pandas.DataFrame of shape (n_models + 3, 12)
            As `skbench.metrics.summarize` gives it.
        """
        return summarize(self.scores, target=self.target)

    def comparison(self) -> pd.DataFrame:
        """Summarise the ensemble beside equal weights and the best model of the past.

        Returns
        -------
        comparison : pandas.DataFrame of shape (3, 9)
            As that of `skbench.folders.FolderEnsemble`.
        """
        beside = self.scores[[_ENSEMBLE, EQUAL, SINGLE]]
        return compared(beside, _ENSEMBLE, self.target)

    @property
    def sentences(self) -> list[str]:
        """What the scores say of the ensemble.

        Returns
        -------
        sentences : list of str
            The verdict first.
        """
        beside = self.comparison()
        means = self.scores[list(self.weights)].mean()
        sentences = [
            f"Verdict: {self.backtest.verdict()}.",
            f"In plain words: over {len(self.scores)} eras the ensemble "
            f"{_stands(beside, EQUAL)} equal weights; it {_stands(beside, SINGLE)} "
            "the best single model of the past.",
        ]
        if means.max() > beside["mean"][_ENSEMBLE]:
            sentences.append(
                f"{means.idxmax()} by itself scored more ({means.max():.4f}), but "
                "which model would is known only afterwards."
            )
        return [*sentences, _WHY_EQUAL]

    def _parts(self) -> list[Part]:
        return [self.title, self.comparison(), self.sentences]

    def report(self) -> PerformanceReport:
        """Report the scores beside those of equal weights.

        Returns
        -------
        report : skbench.report.PerformanceReport
            To write as a page, for which plotly and jinja2 are needed. Its weights are
            those for the live era.
        """
        since = f"out of sample from era {self.scores.index[0]}"
        return PerformanceReport(
            self.scores,
            benchmark=EQUAL,
            weights=self.weights,
            target=self.target,
            made={_ENSEMBLE: since, EQUAL: "weights given", SINGLE: since},
            title="skbench demo: scores out of sample, weights for the live era",
        )


def _stands(comparison: pd.DataFrame, rival: str) -> str:
    """Say how the ensemble stands to a rival."""
    if comparison["difference_low"][rival] > 0:
        return "did better than"
    if comparison["difference_high"][rival] < 0:
        return "did worse than"
    return "cannot be told from"


def run_demo(
    data: str | os.PathLike[str] | None = None,
    *,
    output: str | os.PathLike[str] = "submission.csv",
    folder: str | os.PathLike[str] | None = None,
    n_eras: int = 100,
    rows_per_era: int = 5000,
    n_models: int = 8,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    nan_policy: str = "propagate",
    proportion: float = 0.5,
    random_state: int | None = 0,
    progress: bool = False,
) -> Demo:
    """Run the five steps on a tournament, score them and write a submission.

    The ensemble is walked forward by `skbench.model_selection.backtest`: each 26 eras
    are predicted with weights learned before them, with a gap of the horizon of the
    target. It stands beside equal weights and the best single model of the same past.
    The live era gets the weights of all eras.

    Parameters
    ----------
    data : path-like, default=None
        Folder with ``validation.parquet``, ``validation_benchmark_models.parquet``,
        ``live.parquet``, ``live_benchmark_models.parquet`` and ``features.json``, as
        Numerai lays them out. Of the features the set "small" is read. None: a
        synthetic tournament.
    output : path-like, default="submission.csv"
        File to write the predictions of the live era to.
    folder : path-like, default=None
        New or empty folder to write the synthetic tournament to, as Numerai's files.
        None: it is not written.
    n_eras : int, default=100
        Number of eras of the synthetic tournament.
    rows_per_era : int, default=5000
        About how many rows each of its eras has.
    n_models : int, default=8
        Number of its models.
    models : sequence of str, default=None
        For ``data``: models to blend, in validation and live; None: all.
    without : sequence of str, default=None
        For ``data``: models to leave out.
    nan_policy : {"propagate", "omit", "raise"}, default="propagate"
        As for `skbench.folders.ensemble_pipeline`.
    proportion : float, default=0.5
        Share of what the features explain to neutralise, between 0 and 1.
    random_state : int, default=0
        Seed of the synthetic tournament.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    demo : Demo
        Weights, scores, exposures and the submission.

    Raises
    ------
    FileNotFoundError
        If ``data`` lacks a file, or the folder of ``output`` is not there.
    ValueError
        If the files do not fit together, there are too few eras to learn from some and
        score later ones, ``output`` is one of the files, ``folder`` has files already
        or is named beside ``data``, or a parameter cannot be used.
    """
    check_flag("progress", progress)
    _check_for_data(data, models=models, without=without)
    data = None if data is None else as_path(data, "data")
    folder = None if folder is None else _free(folder, data)
    output = check_writable(output, "output", input_files(data))
    with _progress_bar(progress) as stage:
        stage("making a tournament" if data is None else "reading the files")
        if data is None:
            sizes = n_eras, rows_per_era, n_models
            made = make_benchmark_models(*sizes, random_state=random_state)
        else:
            made = _loaded(data, models, without)
        if folder is not None:
            to_folder(made, folder)
        validation, target = made.frame, _target(made.frame, data)
        stage("walking the ensemble forward")
        found = _walked_forward(validation, target, proportion, nan_policy)
        stage("scoring the models")
        scores = _scores(validation, found)
        stage("predicting the live era")
        pipeline = found.pipelines[_ENSEMBLE]
        submission, exposures = _predicted(pipeline, made.live, output)
    title, weights = _title(validation, data), pipeline[1].weights_
    return Demo(title, weights, scores, exposures, submission, target, found)


def _predicted(
    pipeline: Pipeline, live: pd.DataFrame, output: Path
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Write the predictions of live rows; their exposures before and after."""
    blended = pipeline[:3].transform(live)
    neutral = pipeline[3:].transform(blended)
    exposures = _exposure(blended, live), _exposure(neutral, live)
    submission = neutral[["prediction"]].rename_axis("id")
    with written_whole(output) as unfinished:
        submission.to_csv(unfinished)
    return submission, exposures


def _free(folder: Any, data: Path | None) -> Path:
    """Return a folder to write a tournament to, where there is none yet."""
    path = as_path(folder, "folder")
    if data is not None:
        raise ValueError(
            "`folder` is for the tournament that is made up without `data`: leave out "
            "one of them"
        )
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(f"`folder` must name a new or empty folder; got {path}")
    return path


def _check_for_data(data: Any, **options: Any) -> None:
    """Refuse options of a folder where there is none."""
    for name, value in options.items():
        if value is not None and data is None:
            raise ValueError(f"`{name}` is for `data`; got {value!r} without a folder")


def _target(validation: pd.DataFrame, data: Path | None) -> str:
    """Return the target that the column "target" is a copy of."""
    if data is not None:
        return folder_target(data)
    return str(target_name(validation, validation["target"]))


def _walked_forward(
    validation: pd.DataFrame, target: str, proportion: float, nan_policy: str
) -> Backtest:
    """Judge the five steps in eras that their weights were not learned from."""
    ensemble = five_steps(
        StackingWeights(shrinkage="bayes", nan_policy=nan_policy),
        FeatureNeutralizer(proportion=proportion),
    )
    y = validation["target"].rename(target)
    try:
        found = backtest({_ENSEMBLE: ensemble}, validation, y, keep_predictions=False)
    except NoWindowError as error:
        raise _too_few(validation) from error
    if found.scores["corr"].isna().all(axis=None):
        raise _too_few(validation)
    return found


def _too_few(validation: pd.DataFrame) -> ValueError:
    scored = validation["era"][validation["target"].notna()]
    return ValueError(
        f"only {scored.nunique()} eras have a target: too few to learn weights in some "
        "and score them in later ones. Take a tournament of more eras"
    )


def _scores(validation: pd.DataFrame, found: Backtest) -> pd.DataFrame:
    """Score each model in the eras of the ensemble, and put that beside them."""
    ensembles = found.scores["corr"].dropna()[[EQUAL, SINGLE, _ENSEMBLE]]
    rows = validation[validation["era"].isin(ensembles.index)]
    models = _columns(rows, "prediction")
    return numerai_corr(rows["target"], rows[models], era=rows["era"]).join(ensembles)


def _columns(frame: pd.DataFrame, role: str) -> list[Hashable]:
    return columns_of_role(as_table(frame), role, "era")


def _exposure(predictions: pd.DataFrame, live: pd.DataFrame) -> float:
    """Largest correlation of the live predictions with a feature."""
    largest = max_feature_exposure(
        predictions["prediction"], live[_columns(live, "feature")], era=live["era"]
    )
    return float(largest.mean().iloc[0])


def _loaded(folder: Path, models: Any, without: Any) -> Bunch:
    """Load the rows to learn from and the live rows."""
    names = folder_models(folder, models, without)
    data = load_benchmark_models(
        folder, models=names, features="small", meta_model=False
    )
    if data.live is None:
        raise FileNotFoundError(
            f"{folder} must have live_benchmark_models.parquet and live.parquet, the "
            f"rows to predict: {to_download(folder, 'small', 'them')}"
        )
    return data


def _title(validation: pd.DataFrame, data: Path | None) -> str:
    models = _columns(validation, "prediction")
    features = _columns(validation, "feature")
    source = "A synthetic tournament" if data is None else os.fspath(data)
    return (
        f"{source}: {validation['era'].nunique()} eras, {len(validation):,} rows, "
        f"{len(models)} models, {len(features)} features"
    )


@contextmanager
def _progress_bar(show: bool) -> Iterator[Callable[[str], None]]:
    """Yield what announces the next stage."""
    from tqdm import tqdm

    # None: no bar where the output is no terminal.
    with tqdm(total=_STAGES, disable=None if show else True, leave=False) as bar:
        started = False

        def stage(name: str) -> None:
            nonlocal started
            bar.update(int(started))
            bar.set_description(name)
            started = True

        yield stage
