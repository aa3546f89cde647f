"""The whole of skbench in one call: the five steps, their scores, a submission."""

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.utils import Bunch

from ._checks import check_flag
from ._ensemble import WeightedEnsemble
from ._files import as_path, check_writable, written_whole
from ._frames import as_table, columns_of_role, target_name
from ._neutralizer import FeatureNeutralizer
from ._stacking import StackingWeights
from .datasets import load_benchmark_models, make_benchmark_models
from .folders import five_steps, folder_target, input_files
from .metrics import max_feature_exposure, numerai_corr, summarize
from .report import PerformanceReport

__all__ = ["Demo", "run_demo"]

# Targets of neighbouring eras overlap: a 60-day target reaches into 13 weekly eras.
_PURGE = 13
_STAGES = 5


@dataclass(frozen=True)
class Demo:
    """What `run_demo` found.

    Attributes
    ----------
    title : str
        Where the rows come from, and how many there are.
    weights : dict of str to float
        Weight of each model; they sum to one.
    scores : pandas.DataFrame of shape (n_scored_eras, n_models + 3)
        Numerai CORR by era: of each model, of equal weights, of the learned weights,
        and of the ensemble, which is the latter after neutralisation.
    exposures : tuple of (float, float)
        Largest correlation of the ensemble with a feature, mean over eras, before and
        after neutralisation.
    submission : pandas.DataFrame of shape (n_live_rows, 1)
        Predictions of the live era, indexed by id.
    target : str
        The target of the scores, which sets the horizon of their intervals.
    """

    title: str
    weights: dict[str, float]
    scores: pd.DataFrame
    exposures: tuple[float, float]
    submission: pd.DataFrame
    target: str

    def summary(self) -> pd.DataFrame:
        """Summarise the scores of each model.

        Returns
        -------
        summary : pandas.DataFrame of shape (n_models + 3, 12)
            As `skbench.metrics.summarize` gives it.
        """
        return summarize(self.scores, target=self.target)

    def report(self) -> PerformanceReport:
        """Report the scores beside those of equal weights.

        Returns
        -------
        report : skbench.report.PerformanceReport
            To write as a page, for which plotly and jinja2 are needed.
        """
        return PerformanceReport(
            self.scores,
            benchmark="equal weights",
            weights=self.weights,
            target=self.target,
            title="skbench demo",
        )


def run_demo(
    data: str | os.PathLike[str] | None = None,
    *,
    output: str | os.PathLike[str] = "submission.csv",
    n_eras: int = 100,
    rows_per_era: int = 5000,
    n_models: int = 8,
    proportion: float = 0.5,
    random_state: int | None = 0,
    progress: bool = False,
) -> Demo:
    """Run the five steps on a tournament, score them and write a submission.

    The weights are learned from the first half of the eras, half-way from equal weights
    to those with the best mean correlation there. Scores are those of later eras, which
    had no part in the weights; the 13 eras between are left out, since targets of
    neighbouring eras overlap.

    Parameters
    ----------
    data : path-like, default=None
        Folder with ``validation.parquet``, ``validation_benchmark_models.parquet``,
        ``live.parquet``, ``live_benchmark_models.parquet`` and ``features.json``, as
        Numerai lays them out. Of the features the set "small" is read. None: a
        synthetic tournament.
    output : path-like, default="submission.csv"
        File to write the predictions of the live era to.
    n_eras : int, default=100
        Number of eras of the synthetic tournament.
    rows_per_era : int, default=5000
        About how many rows each of its eras has.
    n_models : int, default=8
        Number of its models.
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
        If the files do not fit together, ``output`` is one of them, or a parameter
        cannot be used.
    """
    check_flag("progress", progress)
    data = None if data is None else as_path(data, "data")
    output = check_writable(output, "output", input_files(data))
    with _progress_bar(progress) as stage:
        stage("making a tournament" if data is None else "reading the files")
        made = _tournament(data, (n_eras, rows_per_era, n_models), random_state)
        validation = made.frame
        stage("scoring the models")
        scores = _scores(validation, _columns(validation, "prediction"))
        learning, testing = _split(scores.index)
        stage("running the five steps")
        older = validation[validation["era"].isin(learning)]
        pipeline = five_steps(
            StackingWeights(shrinkage=0.5), FeatureNeutralizer(proportion=proportion)
        ).fit(older, older["target"])
        blended = pipeline[:3].transform(validation)
        neutral = pipeline[3:].transform(blended)
        scores["equal weights"] = _scores(_equally_weighted(validation), ["prediction"])
        scores["learned weights"] = _scores(blended, ["prediction"])
        scores["ensemble"] = _scores(neutral, ["prediction"])
        stage("measuring exposures")
        exposures = _exposure(blended, validation), _exposure(neutral, validation)
        stage("predicting the live era")
        submission = pipeline.transform(made.live)[["prediction"]].rename_axis("id")
        with written_whole(output) as unfinished:
            submission.to_csv(unfinished)
    found = pipeline[1].weights_, scores.loc[testing], exposures, submission
    title, target = _title(validation, data), _target(validation, data)
    return Demo(title, *found, target)


def _target(validation: pd.DataFrame, data: Path | None) -> str:
    """Return the target that the column "target" is a copy of."""
    if data is not None:
        return folder_target(data)
    return str(target_name(validation, validation["target"]))


def _equally_weighted(validation: pd.DataFrame) -> pd.DataFrame:
    blended: pd.DataFrame = five_steps(WeightedEnsemble())[:2].fit_transform(validation)
    return blended


def _scores(frame: pd.DataFrame, columns: list[Hashable]) -> pd.DataFrame:
    """Score columns in each era that has a target, in order."""
    scores = numerai_corr(frame["target"], frame[columns], era=frame["era"])
    return scores.dropna()


def _split(eras: pd.Index) -> tuple[pd.Index, pd.Index]:
    """Eras to learn from, and later ones to score, with others left out between."""
    half = len(eras) // 2
    learning, testing = eras[: half - _PURGE // 2], eras[half + _PURGE - _PURGE // 2 :]
    if len(learning) < 5 or len(testing) < 5:
        raise ValueError(
            f"only {len(eras)} eras have a target: too few to learn weights in some "
            f"and score them in others, {_PURGE} eras later"
        )
    return learning, testing


def _columns(frame: pd.DataFrame, role: str) -> list[Hashable]:
    return columns_of_role(as_table(frame), role, "era")


def _exposure(frame: pd.DataFrame, features_of: pd.DataFrame) -> float:
    """Largest correlation of the prediction with a feature, mean over eras."""
    names = _columns(features_of, "feature")
    largest = max_feature_exposure(
        frame["prediction"], features_of[names], era=features_of["era"]
    )
    return float(largest.mean().iloc[0])


def _tournament(
    folder: Path | None, sizes: tuple[int, int, int], random_state: int | None
) -> Bunch:
    """Load the rows to learn from and the live rows, or make them up."""
    if folder is None:
        return make_benchmark_models(*sizes, random_state=random_state)
    data = load_benchmark_models(folder, features="small", meta_model=False)
    if data.live is None:
        raise FileNotFoundError(
            f"{folder} must have live_benchmark_models.parquet and live.parquet, the "
            "rows to predict: download them"
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
