"""Questions about the models of a folder: `analyze_folder`."""

from collections.abc import Sequence
from dataclasses import replace

from skbench._files import Address
from skbench.analysis import Analysis, answers, beside, check_model
from skbench.tournament import ERA, OwnPredictions, open_folder, origin_lines


def analyze_folder(
    path: Address,
    *,
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    model: str | None = None,
    predictions: OwnPredictions = (),
    target: str = "target",
) -> Analysis:
    """Ask what the Meta Model lacks, what ensembles well and if a model is still good.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    models : sequence of str, default=None
        Models to ask about, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    model : str, default=None
        One's own model among those of the folder and of the predictions.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, as for `score_folder`.
    target : str, default="target"
        Target to score with.

    Returns
    -------
    analysis : skbench.analysis.Analysis
        As `skbench.analysis.analyze` gives it; the first sentence says how the
        ``predictions`` were made, in the words of `score_folder`.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, lack a column, or give two models one name.
    """
    rows, _ = open_folder(
        path, target=target, models=models, without=without, predictions=predictions
    )
    if model is not None:
        check_model(model, rows.source.schema.names, rows.models)
    analysis = answers(
        rows.table(*beside(rows.models, model)),
        rows.table(rows.target),
        rows.table(ERA),
        rows.table(rows.meta_model) if rows.meta_model else None,
        rows.table(model) if model else None,
    )
    if not rows.made:
        return analysis
    heading, *lines = origin_lines(rows.made)
    made = f"{heading} {'; '.join(lines)}."
    return replace(analysis, sentences=[made, *analysis.sentences])
