"""Validation predictions scored by Numerai, beside our own scores: `diagnostics`."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from skbench._checks import check_flag, check_name, listed
from skbench._eras import chronological, era_key, era_time
from skbench._files import Address, as_path
from skbench._frames import as_table
from skbench._numerai import AttemptError, client, persist
from skbench._progress import tell
from skbench.deploy.check import prediction_problems, refuse
from skbench.tournament import (
    ERA,
    how_made,
    more_than_once,
    open_predictions,
    origin_of,
)

from ._account import find_model
from ._upload import ask, put

# Seconds before each further look whether it is done: a quarter of an hour in all.
DELAYS = (5.0, 5.0, 10.0, 10.0, *[30.0] * 29)
_FILENAME = "validation_predictions.csv"
_ADDRESS = """
    query($filename: String! $tournament: Int! $modelId: String) {
        diagnosticsUploadAuth(filename: $filename
                              tournament: $tournament
                              modelId: $modelId) {
            filename
            url
        }
    }
"""
_CREATE = """
    mutation($filename: String! $tournament: Int! $modelId: String) {
        createDiagnostics(filename: $filename
                          tournament: $tournament
                          modelId: $modelId) {
            id
        }
    }
"""
_RESULT = """
    query($id: String $modelId: String!) {
        diagnostics(id: $id modelId: $modelId) {
            status
            message
            perEraDiagnostics {
                era
                validationCorr
                validationMmc
                validationBmc
            }
        }
    }
"""
# Scores by the names they have here, each with the field that holds it.
_FIELDS = {"corr": "validationCorr", "mmc": "validationMmc", "bmc": "validationBmc"}


@dataclass(frozen=True)
class Diagnostics:
    """What `diagnostics` did, and how Numerai scores the predictions.

    Attributes
    ----------
    model : str
        Name of the model.
    n_rows : int
        Number of predictions.
    made : str
        How the predictions were made, as their file says: "out of sample from era
        0057", "in sample", where they were made with the targets that they are scored
        with, "weights given" or "not known".
    dry_run : bool
        Whether nothing was sent.
    diagnostics_id : str or None
        Numerai's id of the diagnostics; None in a dry run.
    scores : pandas.DataFrame or None
        Numerai's scores, one row an era: ``corr``, ``mmc`` and ``bmc``, NaN where an
        era has none. None in a dry run.
    """

    model: str
    n_rows: int
    made: str
    dry_run: bool
    diagnostics_id: str | None = None
    scores: pd.DataFrame | None = field(default=None, repr=False)

    def compare(self, scores: Mapping[str, "pd.Series[float]"]) -> pd.DataFrame:
        """Put Numerai's scores beside others, era by era.

        Parameters
        ----------
        scores : mapping of str to pandas.Series
            By the name of a score ("corr", "mmc" or "bmc"): one value an era, by its
            label.

        Returns
        -------
        comparison : pandas.DataFrame
            One row a score and era that either has: ``score``, ``era``, ``numerai``,
            ``own`` and ``difference``, NaN where one of them lacks the era.

        Raises
        ------
        ValueError
            If this was a dry run, which has no scores of Numerai, or none of these
            scores is among them.
        """
        if self.scores is None:
            raise ValueError("a dry run has no scores to compare: pass dry_run=False")
        tables = [
            _beside(name, self.scores[name], own)
            for name, own in scores.items()
            if name in self.scores
        ]
        if not tables:
            raise ValueError(
                f"`scores` must hold some of Numerai's, {listed(_FIELDS)}; got "
                f"{listed(scores) or 'none'}"
            )
        return pd.concat(tables, ignore_index=True)

    def __str__(self) -> str:
        """Write it as a sentence, and how the predictions were made."""
        what = f"{self.n_rows:,} validation predictions for {self.model!r}"
        made = f"How they were made: {self.made}"
        if self.scores is None:
            return f"Dry run: {what}, are valid; nothing was sent. {made}"
        eras = "1 era" if len(self.scores) == 1 else f"{len(self.scores):,} eras"
        return f"Scored in {eras}: {what}, as {self.diagnostics_id}. {made}"

    __repr__ = __str__


def diagnostics(
    predictions: Address,
    model_name: str,
    *,
    api: Any = None,
    dry_run: bool = True,
    progress: bool = False,
) -> Diagnostics:
    """Let Numerai score validation predictions, as its diagnostics show them.

    A dry run does all but send: it checks the predictions, and asks Numerai whether the
    account has the model. Otherwise the predictions are sent, once, and the scores are
    asked for until they are there, for a quarter of an hour at most. They cost nothing
    and touch no submission; Numerai keeps them among the diagnostics of the model.

    It needs API keys, of the environment variables ``NUMERAI_PUBLIC_ID`` and
    ``NUMERAI_SECRET_KEY``, that may upload predictions.

    Parameters
    ----------
    predictions : path-like
        File of predictions (parquet, CSV or Feather) with the columns `id` and `era`,
        such as `skbench.folders.ensemble_folder` writes. Rows of the live era are left
        out.
    model_name : str
        Name of one of your models.
    api : numerapi.NumerAPI, default=None
        Client to use. None: a new one.
    dry_run : bool, default=True
        Whether to send nothing.
    progress : bool, default=False
        Whether to say what is waited for, on standard error.

    Returns
    -------
    diagnostics : Diagnostics
        Numerai's scores, and how the predictions were made.

    Raises
    ------
    FileNotFoundError
        If the file is not there.
    ValueError
        If the predictions cannot be sent, the account has no such model, the keys are
        missing or wrong, or Numerai does not score them.
    ConnectionError
        If Numerai cannot be reached, does not take the file, or is not done in time.

    See Also
    --------
    skbench.metrics.score_models : The same scores, computed here.

    Examples
    --------
    >>> from skbench.deploy import diagnostics
    >>> diagnostics("ensemble.parquet", "my_model")  # doctest: +SKIP
    Dry run: 4,021,919 validation predictions for 'my_model', are valid; nothing was
    sent. How they were made: out of sample from era 0888
    """
    check_flag("dry_run", dry_run)
    check_flag("progress", progress)
    check_name("model_name", model_name, "the name of a model of yours")
    frame, made = _read(predictions)
    api = client(api)
    model_id = find_model(api, model_name)
    receipt = Diagnostics(model_name, len(frame), made, bool(dry_run))
    if dry_run:
        return receipt
    diagnostics_id = _send(api, frame, model_id)
    about = {"id": diagnostics_id, "modelId": model_id}
    scores = _scores(_wait(api, about, progress))
    return replace(receipt, diagnostics_id=diagnostics_id, scores=scores)


def _read(predictions: Address) -> tuple[pd.DataFrame, str]:
    """Return ids and predictions of eras that are not live, and how they were made."""
    (side,) = open_predictions(as_path(predictions, "predictions"))
    file, (column, *others) = side.file, side.columns
    if others:
        raise ValueError(
            f"`predictions` must hold one column of predictions; {file.path} has "
            f"{listed(side.columns)}: write a file of one of them"
        )
    rows = pa.concat_tables(file.source.chunks([file.id, ERA, column]))
    eras = rows[ERA].to_pandas()
    past = [label for label in eras.unique() if era_time(label) is not None]
    if not past:
        raise ValueError(
            f"`predictions` must hold predictions of validation eras; {file.path} has "
            f"only {listed(eras.unique())}"
        )
    kept = eras.isin(past).to_numpy()
    names = {"id": file.id, "prediction": column}
    frame = pd.DataFrame({to: rows[name].to_pandas() for to, name in names.items()})
    frame = frame[kept].reset_index(drop=True)
    _check_rows(frame, str(file.path))
    first = past[chronological(past)[0]]
    return frame, how_made(origin_of(file.source.schema), first)


def _check_rows(frame: pd.DataFrame, name: str) -> None:
    ids = pd.Index(frame["id"])
    problems = [] if not ids.hasnans else ["some rows have no id: give each row its id"]
    if twice := more_than_once(ids):
        problems.append(f"{twice}: keep one prediction for each id")
    table = as_table(frame, name="`predictions`")
    problems += prediction_problems(table, "prediction", ids, allow_ties=False)
    refuse(problems, name)


def _send(api: Any, frame: pd.DataFrame, model_id: str) -> str:
    """Send the predictions and have them scored; return the id of the diagnostics."""
    about = {"tournament": api.tournament_id, "modelId": model_id}
    target = ask(api, _ADDRESS, {"filename": _FILENAME, **about})
    put(target["url"], frame.to_csv(index=False, lineterminator="\n").encode())
    return str(ask(api, _CREATE, {"filename": target["filename"], **about})["id"])


def _wait(api: Any, about: Mapping[str, str], progress: bool) -> Mapping[str, Any]:
    """Ask for diagnostics until they are done."""

    def attempt() -> Mapping[str, Any]:
        found = ask(api, _RESULT, about)
        result = found[0] if isinstance(found, list) and found else found
        status = str(result["status"] if result else "not there")
        if result and status.lower() == "done":
            scored: Mapping[str, Any] = result
            return scored
        if any(word in status.lower() for word in ("fail", "error")):
            raise ValueError(
                f"Numerai could not score the predictions, its status is {status!r}: "
                f"{result['message'] or 'it does not say why'}"
            )
        tell(f"waiting for Numerai's scores, which are {status}", progress)
        raise AttemptError(f"their status is {status!r}")

    try:
        return persist("waiting for the scores", attempt, DELAYS)
    except ConnectionError as error:
        raise ConnectionError(
            f"the predictions were sent, but their diagnostics {about['id']} have not "
            f"been read: {error}. They will be on Numerai's site"
        ) from None


def _scores(result: Mapping[str, Any]) -> pd.DataFrame:
    """Return the scores of each era that Numerai has scored."""
    eras: Sequence[Mapping[str, Any]] = result["perEraDiagnostics"] or []
    if not eras:
        raise ValueError(
            "Numerai scored none of the eras: are these predictions of the validation "
            f"rows of its newest data? It says: {result['message'] or 'nothing'}"
        )
    labels = pd.Index([str(era["era"]) for era in eras], name=ERA)
    columns = {name: [era[key] for era in eras] for name, key in _FIELDS.items()}
    scores = pd.DataFrame(columns, index=labels, dtype=float)
    return scores.iloc[chronological(list(labels), needed=False)]


def _beside(
    score: str, numerai: "pd.Series[float]", own: "pd.Series[float]"
) -> pd.DataFrame:
    """Put two series by era side by side, whatever their labels look like."""
    names: dict[Hashable, Hashable] = {}
    columns = {}
    for which, series in (("numerai", numerai), ("own", own)):
        present = series.dropna()
        names |= {era_key(label): label for label in present.index}
        columns[which] = {era_key(era): value for era, value in present.items()}
    order = chronological(list(names.values()), needed=False)
    keys = [list(names)[place] for place in order]
    table = pd.DataFrame(
        {which: [values.get(key) for key in keys] for which, values in columns.items()},
        dtype=float,
    )
    table.insert(0, "era", [names[key] for key in keys])
    table.insert(0, "score", score)
    return table.assign(difference=table["own"] - table["numerai"])
