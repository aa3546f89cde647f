"""``skbench ensemble``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import (
    CHUNK,
    FILE,
    FOLDER,
    FORMAT,
    MISSING,
    PREDICTIONS,
    SHRINKAGE,
    TARGET,
    choice_of_models,
    names_by_name,
    numbers_by_name,
    payout_option,
)
from ._show import (
    ABOUT_DIFFERENCES,
    say,
    show,
    show_candidates,
    show_newest_rule,
    show_score,
    show_weights,
    title_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from skbench.folders import FolderEnsemble


@skbench.command()
@FOLDER
@PREDICTIONS
@choice_of_models
@MISSING
@click.option(
    "--weights",
    callback=numbers_by_name,
    metavar="MODEL=WEIGHT,...",
    help="Blend with these weights; only their ratios count: a=30,b=70 is a=0.3,b=0.7.",
)
@click.option(
    "--fit",
    metavar="OBJECTIVE",
    help="Learn the weights: corr, sharpe, mse, mmc (or contribution) or payout.",
)
@payout_option("For --fit payout; without it, those of the newest rule, named.")
@SHRINKAGE
@click.option(
    "--recipe", metavar="NAME", help="Blend as a published ensemble (skbench recipes)."
)
@click.option(
    "--columns",
    callback=names_by_name,
    metavar="MODEL=COLUMN,...",
    help="Columns of the folder to take for the models of the recipe.",
)
@click.option(
    "--neutralize",
    metavar="SET",
    help="Feature set to neutralise to, such as small.",
)
@click.option(
    "--proportion",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of what these features explain to neutralise; without it, 0.5.",
)
@CHUNK
@TARGET
@click.option(
    "--output",
    "-o",
    type=FILE,
    required=True,
    metavar="FILE",
    help="Parquet file for the predictions; the pipeline goes beside it, as .joblib.",
)
@click.option(
    "--live",
    type=FILE,
    metavar="FILE",
    help="CSV file to write too: the predictions of the live era, as Numerai takes "
    "them.",
)
@FORMAT
def ensemble(
    folder: Path,
    output: Path,
    predictions: tuple[Path, ...],
    live: Path | None,
    target: str,
    chunk: int,
    form: str,
    **options: Any,
) -> None:
    """Blend the models in FOLDER, and your own; write predictions and the pipeline.

    Equal weights, unless --weights, --fit or --recipe says otherwise.

    With --fit the validation predictions are out of sample: each era is blended with
    the weights learned from what was known before it, and eras before the first of
    these are absent. The live era gets the weights of all eras, as the pipeline does.
    """
    from skbench.folders import ensemble_folder, ensemble_pipeline

    made = ensemble_folder(
        folder,
        output,
        ensemble_pipeline(folder, predictions=predictions, **options),
        predictions=predictions,
        live=live,
        target=target,
        chunk=chunk,
        progress=sys.stderr.isatty(),
        models=options["models"],
        without=options["without"],
    )
    pays = "payout" in {options["fit"], *made.scores}
    newest = pays and options["payout"] is None
    if form != "table":
        if newest:
            show_newest_rule(err=True)
        return show(_table(made), form)
    show_weights(made.weights)
    say("", made.summary or "weights given", "", f"Target: {made.target}")
    if newest:
        show_newest_rule()
    say()
    if made.learned:
        _show_out_of_sample(made)
    else:
        for span, lines in _table(made).groupby("eras", sort=False):
            show_score("corr", "CORR", str(span), lines)
    _show_files(made, output, live)


def _table(made: "FolderEnsemble") -> "pd.DataFrame":
    """Lay out what an ensemble scores, beside what it stands against if it learned."""
    from skbench.metrics import leaderboard

    if made.learned:
        return _stacked({name: made.comparison(name) for name in made.scores})
    return leaderboard(made.scores, target=made.target)


def _show_files(made: "FolderEnsemble", output: Path, live: Path | None) -> None:
    """Print what was written."""
    say(f"Predictions of {_counted(made.n_rows)} rows: {output}")
    if made.n_predicted != made.n_rows:
        say(f"Of these rows, {_counted(made.n_predicted)} have one, the others NaN")
    say(f"Pipeline, for joblib.load: {output.with_suffix('.joblib')}")
    if live is not None:
        say(f"Live era, to submit: {made.n_predicted['live']:,} predictions: {live}")


def _counted(rows: "dict[str, int]") -> str:
    return " and ".join(f"{count:,} {part}" for part, count in rows.items())


def _show_out_of_sample(made: "FolderEnsemble") -> None:
    """Print how an ensemble does in eras it was not learned from."""
    from skbench.model_selection import IN_SAMPLE

    if made.n_lacking:
        return say(
            "No validation era can be predicted out of sample yet: that takes "
            f"{made.n_lacking} eras more, or a smaller --chunk.",
            "",
        )
    if not made.scores:
        return say("No era that is predicted out of sample has a target yet.", "")
    for name in made.scores:
        table = made.comparison(name)
        n_eras = int(table["n_eras"].max())
        title, first = title_of(name, made.payout), made.scores[name].index[0]
        eras = "1 era" if n_eras == 1 else f"{n_eras} eras"
        title = f"{title} out of sample, {eras} from {first!s} on"
        show_candidates(title, table.drop(index=IN_SAMPLE))
        in_sample = table["mean"][IN_SAMPLE]
        say(f"in sample it would have been {in_sample:.4f}", "")
    say(*ABOUT_DIFFERENCES, "")


def _stacked(tables: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """Put the tables of several scores below each other."""
    import pandas as pd

    if not tables:
        return pd.DataFrame(columns=["score", "candidate"])
    named = pd.concat(tables, names=["score", "candidate"])
    return named.reset_index()
