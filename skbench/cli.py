"""The ``skbench`` command: every subcommand is one public function."""

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skbench import __version__

from ._text import no_formula, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from .folders import FolderEnsemble
    from .model_selection import Backtest
    from .staking import PayoutRule


class _Path(click.Path):
    """A path, of an argument that `main` has read as UTF-8."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        return Path(os.fsdecode(str(value).encode("utf-8", "surrogateescape")))


_FILE = _Path()
_FOLDER = click.argument("folder", type=_FILE)
_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or data for another program. In csv, text that begins as a "
    "formula does (with = + - @, a tab or a carriage return) has a ' before it.",
)
_TARGET = click.option(
    "--target", default="target", show_default=True, help="Target to score with."
)
_PREDICTIONS = click.option(
    "--predictions",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Parquet file of predictions to put beside the models of FOLDER, such as "
    "skbench ensemble writes; may be given several times. A column called prediction "
    "is named after its file.",
)


def _names_by_name(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> dict[str, str] | None:
    """Read ``a=b,c=d``."""
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and value for name, _, value in pairs):
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}")
    named = {name.strip(): value.strip() for name, _, value in pairs}
    if len(named) < len(pairs):
        raise click.BadParameter(f"each name may stand once; got {text!r}")
    return named


def _numbers_by_name(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> dict[str, float] | None:
    """Read ``a=0.3,b=0.7``."""
    named = _names_by_name(context, parameter, text)
    if named is None:
        return None
    try:
        return {name: float(value) for name, value in named.items()}
    except ValueError as error:
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}") from error


def _list_of(kind: type) -> "Callable[..., list[Any] | None]":
    """Return what reads ``a,b,c``."""

    def read(
        context: click.Context, parameter: click.Parameter, text: str | None
    ) -> list[Any] | None:
        if text is None:
            return None
        try:
            return [kind(part.strip()) for part in text.split(",")]
        except ValueError as error:
            raise click.BadParameter(
                f"give {parameter.metavar}; got {text!r}"
            ) from error

    return read


def _share_or_way(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> float | str | None:
    """Read ``auto``, ``bayes`` or a number."""
    if text in (None, "auto", "bayes"):
        return text
    try:
        return float(text)
    except ValueError as error:
        raise click.BadParameter(f"give {parameter.metavar}; got {text!r}") from error


_PAYOUT = click.option(
    "--payout",
    callback=_numbers_by_name,
    metavar="SCORE=MULTIPLIER,...",
    help="Multipliers for --fit payout, such as corr=0.75,contribution=2.25; without "
    "it, those of the newest payout rule.",
)
_SHRINKAGE = click.option(
    "--shrinkage",
    callback=_share_or_way,
    metavar="bayes|auto|SHARE",
    help="For --fit: how near to stay to equal weights. bayes: by how little the eras "
    "tell the models apart; auto: by what did best on later eras; or a share from 0 to "
    "1. Unless given: bayes, or 0 for sharpe and mse.",
)
_CHUNK = click.option(
    "--chunk",
    type=click.IntRange(1),
    default=26,
    show_default=True,
    help="Eras that are predicted with the weights learned before them; then these are "
    "learned anew.",
)


# What functions call an option that the command calls otherwise.
_OTHERWISE = {"chunk_size": "chunk", "objective": "fit", "targets": "target"}
_GAPS = "drop these columns, or choose nan_policy='omit'"


class _Command(click.Command):
    """A command whose errors name its options, in place of parameters of functions."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, FileNotFoundError) as error:
            if getattr(error, "filename", None):
                raise
            raise click.ClickException(self.in_own_words(str(error))) from error

    def in_own_words(self, text: str) -> str:
        """Name options in place of the parameters that a text names."""
        flags = {p.name: p.opts[0] for p in self.params if isinstance(p, click.Option)}
        for name, option in _OTHERWISE.items():
            flags.setdefault(name, flags.get(option, f"`{name}`"))
        for name, flag in flags.items():
            text = text.replace(f"`{name}`", flag)
        return text.replace(_GAPS, "leave these models out, or fill them")


class _Group(click.Group):
    command_class = _Command


_ABOUT_INTERVALS = """\
The interval from low to high holds the true mean in 95 of 100 cases; four times as
many eras halve it. Models whose intervals overlap may still be told apart by their
difference in each era: skbench report FOLDER --benchmark MODEL"""
_ABOUT_DIFFERENCES = (
    "difference: the ensemble less that line, era by era; the best single model is",
    "the one with the highest CORR before each window.",
)


def _print(*lines: object, err: bool = False) -> None:
    """Print lines; all that the commands print goes through here.

    Names of models, files and eras may come from others: what would control the
    terminal, a line break within a line included, is shown as text. So is what the
    terminal's encoding cannot write.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = "\n".join(visible(str(line)) for line in lines)
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def _show(frame: "pd.DataFrame", form: str) -> None:
    """Print a frame, as a table with aligned columns or for another program."""
    if form == "json":
        text = frame.to_json(orient="records", double_precision=15)
        # The one control character that it leaves as it is.
        return _print(text.replace("\x7f", "\\u007f"))
    if form == "csv":
        frame = _with_text(frame, lambda text: visible(no_formula(text)))
        text = frame.to_csv(index=False, lineterminator="\n").rstrip("\n")
    else:
        frame = frame.rename(columns=lambda name: str(name).replace("_", " "))
        frame = _with_text(frame, visible)
        text = frame.to_string(index=False, float_format="%.4f", na_rep="-")
    _print(*text.split("\n"))


def _with_text(frame: "pd.DataFrame", change: "Callable[[str], str]") -> "pd.DataFrame":
    """Change the text in the cells and headers of a frame."""
    changed = frame.rename(columns=lambda name: change(str(name)))
    return changed.map(lambda cell: change(cell) if isinstance(cell, str) else cell)


def _show_score(name: str, span: str, board: "pd.DataFrame") -> None:
    """Print what a leaderboard says of one score, best first."""
    from .metrics import best_first, shorter_lines

    board = best_first(board, name)
    parts = ["low", "high", "sharpe", "max_drawdown", "n_eras"]
    table = board[["model", name, *(f"{name}_{part}" for part in parts)]]
    table = table.set_axis(["model", "mean", *parts], axis=1)
    _print(f"{name.upper()}, {span} eras")
    _show(table, "table")
    _print(*shorter_lines(board, name), "")


def _marked(board: "pd.DataFrame", made: "dict[str, str]") -> "pd.DataFrame":
    """Mark the models whose scores are in sample, wherever a leaderboard names them."""
    flattered = [name for name, words in made.items() if words.startswith("in sample")]
    shown = {name: f"{name} (in sample)" for name in flattered}
    names = ["model", *board.filter(regex="_versus$")]
    return board.assign(**{name: board[name].replace(shown) for name in names})


def _load_skops(path: Path, trust: tuple[str, ...]) -> Any:
    """Load what skops wrote, if it holds nothing that could run code."""
    from .deploy import load_trusted

    try:
        return load_trusted(path, also=trust)
    except ValueError as error:
        told = str(error).replace("`path`", "PIPELINE").replace("`also`", "--trust")
        raise click.ClickException(told) from error


def _load_joblib(path: Path) -> Any:
    """Load what joblib wrote, which runs whatever code its author put into it."""
    import joblib

    try:
        return joblib.load(path)
    except OSError:
        raise
    except Exception as error:  # which pickle may raise of any kind
        raise click.ClickException(
            f"{path} is no joblib file that can be loaded here ({error!r})"
        ) from error


def _check_subject(
    folder: Path | None, account: str | None, predictions: tuple[Path, ...]
) -> None:
    """Refuse a command that names no subject, or two."""
    if (folder is None) == (account is None):
        raise click.UsageError("name a FOLDER, or an --account")
    if predictions and account is not None:
        raise click.UsageError("--predictions goes with a FOLDER, not with --account")


def _rule(name: str | None) -> "PayoutRule":
    """Return the payout rule of a name, or that of Numerai's current round."""
    from .staking import PAYOUT_RULES, PayoutRule

    if name is None:
        return PayoutRule.from_api()
    if name not in PAYOUT_RULES:
        known = ", ".join(map(repr, PAYOUT_RULES))
        raise click.BadParameter(f"`rule` must be one of {known}; got {name!r}")
    return PAYOUT_RULES[name]


@click.group(cls=_Group, invoke_without_command=True)
@click.version_option(__version__, prog_name="skbench")
@click.pass_context
def skbench(context: click.Context) -> None:
    """Blend the predictions of many Numerai models into one, and judge it honestly."""
    if context.invoked_subcommand is None:
        _print(*context.get_help().split("\n"))


@skbench.command()
@click.option(
    "--data",
    type=_FILE,
    metavar="FOLDER",
    help="Folder with Numerai's files of one release; without it, a synthetic "
    "tournament of about 100 eras x 5,000 rows is made.",
)
@click.option(
    "--output",
    type=_FILE,
    default="submission.csv",
    show_default=True,
    metavar="FILE",
    help="File for the predictions of the live era.",
)
@click.option(
    "--proportion",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of what the features explain to neutralise.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the tournament."
)
@click.option(
    "--report",
    type=_FILE,
    default="demo.html",
    show_default=True,
    metavar="FILE",
    help="File for the report of the scores.",
)
def demo(
    data: Path | None, output: Path, proportion: float, seed: int, report: Path
) -> None:
    """Run the five steps of an ensemble, score them and write a submission.

    Gaussianize each model's predictions per era, blend them, gaussianize the blend,
    neutralise it to the features, rank it. Each era is predicted with weights learned
    before it; the table shows how that does beside equal weights and the best single
    model of the past. The live era gets the weights of all eras.

    FOLDER needs validation.parquet, validation_benchmark_models.parquet, live.parquet,
    live_benchmark_models.parquet and features.json, as Numerai publishes them.
    """
    from ._files import check_writable
    from .demo import run_demo
    from .folders import input_files

    check_writable(report, "report", [output, *input_files(data)])
    result = run_demo(
        data, output=output, proportion=proportion, random_state=seed, progress=True
    )
    scores, (before, after) = result.scores, result.exposures
    first, last = scores.index[0], scores.index[-1]
    _print(result.title, "", f"Target: {result.target}", "")
    _print(f"CORR out of sample, {len(scores)} eras from {first} to {last}")
    _show_candidates(result.comparison())
    _print("", *_ABOUT_DIFFERENCES, "")
    _print("The models in these eras, and their weights for the live era")
    models = result.summary().loc[list(result.weights)]
    models = models[["mean", "low", "high", "sharpe", "max_drawdown"]]
    models.insert(0, "weight", [f"{w:.1%}" for w in result.weights.values()])
    models = models.sort_values("mean", ascending=False)
    _show(models.rename_axis("model").reset_index(), "table")
    _print("", *result.sentences, "")
    _print(
        "Largest correlation of the live predictions with a feature: "
        f"{before:.4f}, after neutralising {proportion:.0%}: {after:.4f}"
    )
    _print(f"Live era: {len(result.submission):,} predictions written to {output}")
    try:
        result.report().write_html(report)
    except ModuleNotFoundError as error:
        _print(f"No report: {error}")
    else:
        _print(f"Report, to open in a browser: {report}")


@skbench.command()
@click.option(
    "--version",
    default="latest",
    show_default=True,
    help="Data version, such as v5.3.",
)
@click.option(
    "--features",
    metavar="SET",
    help="Feature set to fetch too, such as small or medium; none without it.",
)
@click.option(
    "--data-home",
    type=_FILE,
    metavar="FOLDER",
    help="Where to keep the files; without it, $SKBENCH_HOME or ~/skbench_data.",
)
def fetch(version: str, features: str | None, data_home: Path | None) -> None:
    """Download what an ensemble needs: some 200 MB, and no keys.

    That is the predictions of the benchmark models and of the Meta Model, and of the
    large files the targets and features asked for alone. Files that are there already
    and have not changed on the server are kept.
    """
    from .datasets import fetch_benchmark_models

    data = fetch_benchmark_models(
        version, features=features, data_home=data_home, progress=True
    )
    frame = data.frame
    _print(
        f"{data.folder}: {len(data.models)} models, {len(data.features)} features, "
        f"{frame[data.era].nunique()} eras, {len(frame):,} rows"
    )


@skbench.command()
@click.argument("name", required=False)
@_FORMAT
def recipes(name: str | None, form: str) -> None:
    """List the published benchmark models, or show the one called NAME."""
    from .recipes import describe_recipes, recipe

    if name is not None:
        found = recipe(name)
        if form == "table":
            _print(f"{found.name}: {found.summary}", found.source, "")
        return _show(found.table(), form)
    listed = describe_recipes()
    if form == "table":
        listed = listed[["name", "version", "summary"]]
    _show(listed, form)


@skbench.command()
@_FOLDER
@_PREDICTIONS
@_TARGET
@click.option(
    "--benchmark",
    metavar="MODEL",
    help="Score each model's contribution to this one too (BMC).",
)
@click.option(
    "--recent",
    type=click.IntRange(1),
    default=52,
    show_default=True,
    help="Number of the most recent eras to score by themselves.",
)
@_FORMAT
def score(
    folder: Path,
    predictions: tuple[Path, ...],
    target: str,
    benchmark: str | None,
    recent: int,
    form: str,
) -> None:
    """Rank the models in FOLDER, and your own, by their scores.

    CORR, and MMC where the folder holds the Meta Model: mean over the eras, low and
    high end of its 95% interval, Sharpe ratio, largest drawdown, number of eras. Each
    table is sorted by the score that it shows. A model with less than 90% of the eras
    that others have stands beneath them, with its mean difference from the best of them
    in the eras of both. Under the tables: how your predictions were made, if their file
    says so.
    """
    from .folders import folder_target, score_folder
    from .tournament import origin_lines

    target = folder_target(folder, target)
    board = score_folder(
        folder,
        target=target,
        predictions=predictions,
        benchmark=benchmark,
        recent=recent,
        progress=sys.stderr.isatty(),
    )
    if form != "table":
        return _show(board, form)
    _print(f"Target: {target}", "")
    told = board[["model", "made"]].dropna() if "made" in board else board.iloc[:0]
    made = dict(told.to_numpy().tolist())
    board = _marked(board, made)
    for span, lines in board.groupby("eras", sort=False):
        for name in ("corr", "mmc", "bmc"):
            if name in lines:
                _show_score(name, str(span), lines)
    if made:
        _print(*origin_lines(made), "")
    _print(*_ABOUT_INTERVALS.split("\n"))


@skbench.command()
@click.argument("folder", type=_FILE, required=False)
@_PREDICTIONS
@click.option(
    "--output",
    "-o",
    type=_FILE,
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="HTML file to write.",
)
@click.option("--benchmark", metavar="MODEL", help="Model to compare the others with.")
@_TARGET
@click.option(
    "--features",
    metavar="SET",
    help="Feature set: also score what of each model is neutral to it (FNC).",
)
@click.option(
    "--account",
    metavar="NAME",
    help="Instead of FOLDER: report the live rounds of this account or model.",
)
@click.option(
    "--against",
    metavar="NAME",
    help="With --account: another account, such as benchmark_models.",
)
def report(
    folder: Path | None,
    predictions: tuple[Path, ...],
    output: Path,
    benchmark: str | None,
    target: str,
    features: str | None,
    account: str | None,
    against: str | None,
) -> None:
    """Write a report of the models in FOLDER and your own, or of live rounds.

    One HTML file that needs no network: a list of the models to sort, their scores over
    time beside the benchmark or the Meta Model, drawdowns and correlations.
    """
    from ._files import check_writable
    from .folders import input_files, report_account, report_folder

    _check_subject(folder, account, predictions)
    check_writable(output, "output", input_files(folder, predictions))
    if folder is not None:
        made = report_folder(
            folder,
            target=target,
            predictions=predictions,
            benchmark=benchmark,
            features=features,
        )
    else:
        made = report_account(str(account), against=against, benchmark=benchmark)
    made.write_html(output)
    _print(made, output)


@skbench.command()
@_FOLDER
@click.option(
    "--output",
    "-o",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Parquet file for the predictions; the pipeline goes beside it, as .joblib.",
)
@click.option(
    "--weights",
    callback=_numbers_by_name,
    metavar="MODEL=WEIGHT,...",
    help="Blend with these weights.",
)
@click.option(
    "--fit",
    metavar="OBJECTIVE",
    help="Learn the weights: corr, sharpe, mse, contribution or payout.",
)
@_PAYOUT
@_SHRINKAGE
@click.option(
    "--recipe", metavar="NAME", help="Blend as a published ensemble (skbench recipes)."
)
@click.option(
    "--columns",
    callback=_names_by_name,
    metavar="MODEL=COLUMN,...",
    help="Columns of the folder to take for the models of the recipe.",
)
@click.option("--neutralize", metavar="SET", help="Feature set to neutralise to.")
@click.option(
    "--proportion",
    type=click.FloatRange(0, 1),
    help="Share of what these features explain to neutralise; without it, 0.5.",
)
@_CHUNK
@_TARGET
@_FORMAT
def ensemble(
    folder: Path, output: Path, target: str, chunk: int, form: str, **options: Any
) -> None:
    """Blend the models in FOLDER; write the predictions and the fitted pipeline.

    Equal weights, unless --weights, --fit or --recipe says otherwise.

    With --fit the validation predictions are out of sample: each era is blended with
    the weights learned from what was known before it, and eras before the first of
    these are absent. The live era gets the weights of all eras, as the pipeline does.
    """
    from .folders import ensemble_folder, ensemble_pipeline
    from .metrics import leaderboard

    pipeline = ensemble_pipeline(folder, **options)
    made = ensemble_folder(
        folder,
        output,
        pipeline,
        target=target,
        chunk=chunk,
        progress=sys.stderr.isatty(),
    )
    if made.learned:
        tables = {name: made.comparison(name) for name in made.scores}
        if form != "table":
            return _show(_stacked(tables), form)
    else:
        board = leaderboard(made.scores, target=made.target)
        if form != "table":
            return _show(board, form)
    for name, weight in made.weights.items():
        _print(f"{weight:7.2%}  {name}")
    if made.learned:
        _print("", made.summary, "", f"Target: {made.target}", "")
        _show_out_of_sample(made, tables)
    else:
        _print("", "weights given", "", f"Target: {made.target}", "")
        for span, lines in board.groupby("eras", sort=False):
            _show_score("corr", str(span), lines)
    rows = " and ".join(f"{count:,} {part}" for part, count in made.n_rows.items())
    _print(f"Predictions of {rows} rows: {output}")
    _print(f"Pipeline, for joblib.load: {output.with_suffix('.joblib')}")


def _show_out_of_sample(
    made: "FolderEnsemble", tables: "dict[str, pd.DataFrame]"
) -> None:
    """Print how an ensemble does in eras it was not learned from."""
    from .model_selection import IN_SAMPLE

    if made.n_lacking:
        return _print(
            "No validation era can be predicted out of sample yet: that takes "
            f"{made.n_lacking} eras more, or a smaller --chunk.",
            "",
        )
    if not tables:
        return _print("No era that is predicted out of sample has a target yet.", "")
    for name, table in tables.items():
        n_eras = int(table["n_eras"].max())
        title, first = _title(name, made.payout), made.scores[name].index[0]
        eras = "1 era" if n_eras == 1 else f"{n_eras} eras"
        _print(f"{title} out of sample, {eras} from {first!s} on")
        _show_candidates(table.drop(index=IN_SAMPLE))
        in_sample = table["mean"][IN_SAMPLE]
        _print(f"in sample it would have been {in_sample:.4f}", "")
    _print(*_ABOUT_DIFFERENCES, "")


def _show_candidates(table: "pd.DataFrame") -> None:
    """Print an ensemble beside what it stands against."""
    _show(table.rename_axis("candidate").reset_index(), "table")


def _title(score: str, payout: "dict[str, float] | None") -> str:
    """Name a score; a payout by what it is the sum of."""
    if score != "payout" or payout is None:
        return score.upper()
    names = {"corr": "CORR", "contribution": "MMC"}
    parts = [f"{value:g} {names[name]}" for name, value in payout.items()]
    return f"PAYOUT ({' + '.join(parts)})"


def _stacked(tables: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """Put the tables of several scores below each other."""
    import pandas as pd

    if not tables:
        return pd.DataFrame(columns=["score", "candidate"])
    named = pd.concat(tables, names=["score", "candidate"])
    return named.reset_index()


@skbench.command()
@_FOLDER
@_PREDICTIONS
@click.option(
    "--fit",
    callback=_list_of(str),
    default="corr",
    show_default=True,
    metavar="OBJECTIVE,...",
    help="Ways to learn the weights: corr, sharpe, mse, contribution, payout.",
)
@_PAYOUT
@_SHRINKAGE
@click.option("--neutralize", metavar="SET", help="Feature set to neutralise to.")
@click.option(
    "--proportion",
    "proportions",
    callback=_list_of(float),
    metavar="SHARE,...",
    help="Shares of what these features explain to neutralise, such as 0,0.25,0.5,1; "
    "without it, 0.5.",
)
@_CHUNK
@_TARGET
@click.option(
    "--report", type=_FILE, metavar="FILE", help="HTML file to write too: a page."
)
@_FORMAT
def backtest(
    folder: Path,
    predictions: tuple[Path, ...],
    report: Path | None,
    form: str,
    **options: Any,
) -> None:
    """Judge ways to blend the models in FOLDER, and your own, out of sample.

    Every way to learn weights is combined with every proportion. Each combination is
    walked forward: weights are learned before each window from what was known by then.
    It stands against equal weights, the best single model of the past, and the
    published ensembles that FOLDER has the models for. Nothing is written but --report.
    """
    from ._files import check_writable
    from .folders import backtest_folder, folder_target, input_files

    if report is not None:
        check_writable(report, "report", input_files(folder, predictions))
    options["target"] = folder_target(folder, options["target"])
    found = backtest_folder(
        folder, predictions=predictions, progress=sys.stderr.isatty(), **options
    )
    if form != "table":
        _show(found.summary().reset_index(), form)
    else:
        _print(f"Target: {options['target']}", "")
        for name in found.scores:
            _show_backtest(name, _title(name, found.payout), found.summary(name))
        given = [name for name in found.pipelines if _is_given(found, name)]
        if given:
            _print(
                f"Weights given, not learned here: {', '.join(given)}. Who chose them "
                "may have known the targets of these eras.",
                "",
            )
        _print(f"Verdict: {found.verdict()}.")
    if report is not None:
        from .report import BacktestReport

        BacktestReport(found, title=f"Backtest of {folder.resolve().name}").write_html(
            report
        )
        if form == "table":
            _print("", report)


def _is_given(found: "Backtest", name: str) -> bool:
    """Whether a candidate has weights that are neither learned nor equal."""
    from .model_selection import EQUAL

    equal = {rivals.get(EQUAL) for rivals in found.rivals.values()}
    return name not in found.weights and name not in equal


def _show_backtest(name: str, title: str, summary: "pd.DataFrame") -> None:
    """Print what a backtest says of one score."""
    parts = ["low", "high", "difference", "difference_low", "difference_high"]
    parts += ["sharpe", "max_drawdown", "n_eras"]
    table = summary[[name, *(f"{name}_{part}" for part in parts), "turnover"]]
    table = table.set_axis(["mean", *parts, "turnover"], axis=1)
    _print(f"{title} out of sample; differences from equal weights")
    _show(table.reset_index(), "table")
    _print()


@skbench.command()
@_FOLDER
@_PREDICTIONS
@click.option(
    "--model", metavar="MODEL", help="Your own model, to judge by the others."
)
@_TARGET
@click.option(
    "--report",
    type=_FILE,
    metavar="FILE",
    help="HTML file to write too, with the numbers behind the answers.",
)
def analyze(
    folder: Path,
    predictions: tuple[Path, ...],
    model: str | None,
    target: str,
    report: Path | None,
) -> None:
    """Ask what the Meta Model underweights, and which models ensemble well.

    With --model also: is this model still good? Each answer has its interval, and says
    so where the data cannot tell.
    """
    from ._files import check_writable
    from .folders import analyze_folder, input_files, report_folder

    if report is not None:
        check_writable(report, "report", input_files(folder, predictions))
    models: dict[str, Any] = {"predictions": predictions, "target": target}
    analysis = analyze_folder(folder, model=model, **models)
    _print(f"Target: {analysis.target}")
    for sentence in analysis.sentences:
        _print(f"- {sentence}")
    if report is not None:
        made = report_folder(folder, benchmark=model, analysis=analysis, **models)
        made.write_html(report)
        _print("", report)


@skbench.command()
@click.argument("folder", type=_FILE, required=False)
@click.option(
    "--account",
    metavar="NAME",
    help="Instead of FOLDER: the live rounds of this account or model.",
)
@_PREDICTIONS
@click.option(
    "--rule",
    metavar="NAME",
    help="Payout rule by name; without it, that of Numerai's current round.",
)
@click.option(
    "--method",
    type=click.Choice(["mean_cvar", "min_variance", "equal"]),
    default="mean_cvar",
    show_default=True,
)
@click.option(
    "--max-share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Largest share of one model.",
)
@click.option(
    "--total-at-risk",
    type=click.FloatRange(0, min_open=True),
    metavar="NMR",
    help="Stakes at risk in the tournament, which a rule with a threshold needs.",
)
@_TARGET
def stake(
    folder: Path | None,
    account: str | None,
    predictions: tuple[Path, ...],
    rule: str | None,
    target: str,
    **options: Any,
) -> None:
    """Show how to spread a stake over models. Nothing is staked.

    Over the models in FOLDER and your own, by their scores in validation, or over those
    of an account, by their live rounds.
    """
    from .folders import stake_account, stake_folder

    _check_subject(folder, account, predictions)
    chosen = _rule(rule)
    if folder is not None:
        allocation = stake_folder(
            folder, chosen, target=target, predictions=predictions, **options
        )
    else:
        allocation = stake_account(str(account), chosen, **options)
    text = str(allocation).split("\n")
    _print(f"Payout rule: {chosen.name} ({chosen.status})", *text)


@skbench.command()
@click.argument("pipeline", type=_FILE)
@click.option(
    "--output",
    "-o",
    type=_FILE,
    default="predict.pkl",
    show_default=True,
    metavar="FILE",
    help="File to upload to Numerai.",
)
@click.option(
    "--fill",
    type=float,
    default=0.5,
    show_default=True,
    help="Prediction for rows that have none.",
)
@click.option(
    "--trust",
    multiple=True,
    metavar="TYPE",
    help="Full name of a further type that a skops file may hold; may be given several "
    "times.",
)
def export(pipeline: Path, output: Path, fill: float, trust: tuple[str, ...]) -> None:
    """Write the fitted PIPELINE as a file that Numerai's runner can run.

    PIPELINE is a joblib file, as skbench ensemble writes it, or a skops file. Loading a
    joblib file runs whatever code its author put into it, before anything is checked:
    load none but your own. A skops file is loaded only if it holds nothing that could
    run code: skbench's estimators and those of scikit-learn that only compute.
    """
    from zipfile import is_zipfile

    from ._files import check_writable
    from .deploy import export_predict

    check_writable(output, "output", [pipeline])
    is_skops = pipeline.suffix == ".skops" or is_zipfile(pipeline)
    if trust and not is_skops:
        raise click.UsageError(
            f"--trust goes with a skops file, and {pipeline} is none: a joblib file is "
            "trusted with everything"
        )
    fitted = _load_skops(pipeline, trust) if is_skops else _load_joblib(pipeline)
    try:
        export_predict(fitted, output, fill=fill)
    except TypeError as error:
        raise click.ClickException(str(error)) from error
    size = output.stat().st_size / 1000
    _print(f"{output}: {size:,.0f} kB. Try it: skbench check {output} FOLDER")
    if told := _learned_from(fitted):
        _print(told)


def _learned_from(pipeline: Any) -> str:
    """Say of which eras predictions are in sample; nothing where no weights are."""
    from ._stacking import StackingWeights
    from ._steps import steps_of

    learned = [s for s in steps_of(pipeline) if isinstance(s, StackingWeights)]
    if not learned:
        return ""
    first, *_, last = learned[-1].eras_
    return (
        f"Its weights were learned from the eras {first} to {last}: what it predicts "
        "of them is in sample, and so are Numerai's diagnostics of it."
    )


@skbench.command()
@click.argument("exported", type=_FILE)
@_FOLDER
@click.option(
    "--python",
    type=str,
    metavar="PYTHON",
    help="Interpreter or environment to run it with; without it, this one.",
)
@click.option("--memory-limit", default="4GB", show_default=True)
@click.option(
    "--time-limit", type=float, default=600, show_default=True, metavar="SECONDS"
)
def check(
    exported: Path,
    folder: Path,
    python: str | None,
    memory_limit: str,
    time_limit: float,
) -> None:
    """Run the EXPORTED file on the live files in FOLDER, as Numerai's runner would.

    EXPORTED is a pickle, so this runs whatever code its author put into it, in another
    process and without your environment variables: check none but your own. The exit
    status is 1 if a check fails.
    """
    from .deploy import check_predict

    models = folder / "live_benchmark_models.parquet"
    report = check_predict(
        exported,
        folder / "live.parquet",
        models if models.is_file() else None,
        python=python,
        memory_limit=memory_limit,
        time_limit=time_limit,
    )
    _print(*str(report).split("\n"))
    sys.exit(0 if report.passed else 1)


def main(args: list[str] | None = None) -> Any:
    """Run the command; one line and exit status 2 for what the user can mend."""
    if args is None:
        # What is named on the command line is UTF-8 in the files, whatever the locale.
        how = sys.getfilesystemencodeerrors()
        args = [os.fsencode(text).decode("utf-8", how) for text in sys.argv[1:]]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warner()
            skbench.main(args, prog_name="skbench", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message())
    except click.Abort:
        sys.exit(130)
    except OSError as error:
        # Where an error of ours has a number, its text names the file.
        place = f"{error.filename}: " if error.filename else ""
        _fail(place + (error.strerror or str(error)))
    except (ImportError, ValueError) as error:
        _fail(str(error))


def _warner() -> "Callable[..., None]":
    """Return what prints warnings, each of them once."""
    told: set[str] = set()

    def warn(message: Warning | str, *_: Any) -> None:
        text, context = str(message), click.get_current_context(silent=True)
        if context is not None and isinstance(context.command, _Command):
            text = context.command.in_own_words(text)
        if text not in told:
            told.add(text)
            _print(f"skbench: warning: {text}", err=True)

    return warn


def _fail(message: str) -> None:
    _print(f"skbench: {message}", err=True)
    sys.exit(2)
