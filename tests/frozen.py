"""What the package gives, written down to compare two versions of it to the bit.

``python tests/frozen.py write FOLDER`` runs every command that needs no account, on a
made-up release and on the real rows that ``SKBENCH_DATA`` names, and keeps what they
print and write; beside it moments, weights, scores, and predictions of exported files.
``python tests/frozen.py compare BEFORE AFTER`` names what differs, and by how much, and
exits with 1 where something does. To freeze another version, put its checkout on
``PYTHONPATH``.
"""

import contextlib
import io
import os
import pickle
import re
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import click
import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

import skbench
from skbench import EraRank, EraRankGauss, FeatureNeutralizer, StackingWeights
from skbench.cli import main as command
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.deploy import export_predict
from skbench.metrics import correlation_contribution, numerai_corr, summarize
from skbench.model_selection import WalkForwardEraSplit, walk_forward_predict
from skbench.streaming import fit_parquet, transform_parquet

# Commands, by name; {data} is the folder, {out} where files go.
COMMANDS = {
    "score": "score {data}",
    "score-csv": "score {data} --format csv",
    "score-json": "score {data} --format json --recent 13",
    "ensemble": "ensemble {data} -o {out}/equal.parquet --format json",
    "ensemble-corr": "ensemble {data} -o {out}/corr.parquet --fit corr "
    "--neutralize small --proportion 0.5",
    "ensemble-sharpe": "ensemble {data} -o {out}/sharpe.parquet --fit sharpe",
    "ensemble-mse": "ensemble {data} -o {out}/mse.parquet --fit mse",
    "ensemble-contribution": "ensemble {data} -o {out}/mmc.parquet --fit contribution",
    "score-own": "score {data} --predictions {out}/corr.parquet",
    "report": "report {data} -o {out}/report.html --predictions {out}/corr.parquet",
    "analyze": "analyze {data} --report {out}/analysis.html",
    "stake": "stake {data}",
    "export": "export {out}/corr.joblib -o {out}/predict.pkl",
    "check": "check {out}/predict.pkl {data}",
    "recipes": "recipes",
    "refused": "score {data}/nothing",
}


@click.group(help=__doc__)
def cli():
    """Choose between writing and comparing."""


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
def write(folder):
    """Write down what this version gives."""
    click.echo(f"skbench from {Path(skbench.__file__).parent}")
    with tempfile.TemporaryDirectory() as made:
        data = make_benchmark_models(70, 120, 6, 12, meta_model_eras=40, random_state=5)
        releases = {"made": write_tournament(Path(made) / "release", data)}
        if "SKBENCH_DATA" in os.environ:
            releases["real"] = Path(os.environ["SKBENCH_DATA"])
        for name, release in releases.items():
            _write_commands(folder / name, release)
            _write_estimators(folder / name, release)


def _write_commands(out, data):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, line in COMMANDS.items():
        args = line.format(data=data, out=out).split()
        printed, code = io.StringIO(), 0
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            try:
                command(args)
            except SystemExit as error:
                code = error.code
        text = f"exit {code}\n{printed.getvalue()}"
        for path, short in ((out, "OUT"), (data, "DATA")):
            text = text.replace(str(path), short)
        # How long a check took, and how much memory.
        text = re.sub(r"\d+(\.\d+)? (s|seconds|ms|[kMG]B)\b", r"# \2", text)
        (out / f"{name}.txt").write_text(text, encoding="utf-8")


def _write_estimators(out, data):
    """Keep numbers of the estimators and metrics, and of the exported file."""
    warnings.simplefilter("ignore")
    tournament = load_benchmark_models(data, features="small")
    frame, models = tournament.frame, list(tournament.models)
    y, era = frame["target"], frame["era"]
    numbers = {}
    scores = numerai_corr(y, frame[models], era=era)
    numbers["corr"], numbers["summary"] = scores, summarize(scores, models[0])
    meta = frame[tournament.meta_model]
    numbers["mmc"] = correlation_contribution(y, frame[models], meta, era=era)
    pipeline = _five_steps()
    numbers["prediction"] = pipeline.fit(frame, y).predict(frame)
    learned = pipeline[1]
    for key, values in learned.era_statistics_.items():
        numbers[f"moments-{key}"] = values.astype(str) if key == "era" else values
    numbers["weights"] = pd.Series(learned.weights_)
    numbers["ends"] = pd.DataFrame(learned.weights_interval_)
    splits = WalkForwardEraSplit(20, 5)
    numbers["walk"] = walk_forward_predict(pipeline, frame, y, splits)
    source, target = out / "rows.parquet", out / "streamed.parquet"
    frame.drop(columns="target").assign(target=y).to_parquet(source)
    transform_parquet(pipeline, source, target)
    numbers["streamed"] = pd.Series(fit_parquet(pipeline, source)[1].weights_)
    export_predict(pipeline, out / "own.pkl")
    with (out / "own.pkl").open("rb") as file:
        predict = pickle.load(file)
    live = tournament.live
    numbers["exported"] = predict(live, live[models])
    joblib.dump({key: np.asarray(v) for key, v in numbers.items()}, out / "numbers")
    source.unlink()


def _five_steps():
    return make_pipeline(
        EraRankGauss(),
        StackingWeights(nan_policy="omit"),
        EraRankGauss(),
        FeatureNeutralizer(proportion=0.5),
        EraRank(),
    )


@cli.command()
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path))
def compare(before, after):
    """Name what differs between two versions."""
    paths = {p.relative_to(side) for side in (before, after) for p in side.rglob("*")}
    differing = 0
    for path in sorted(p for p in paths if not (before / p).is_dir()):
        said = _difference(before / path, after / path)
        if said:
            click.echo(f"{path}: {said}")
            differing += 1
    click.echo(f"{differing} of {len(paths)} differ")
    sys.exit(bool(differing))


def _difference(one, other):
    if not (one.is_file() and other.is_file()):
        return "is there once only"
    if one.suffix == ".parquet":
        a, b = (pd.read_parquet(path) for path in (one, other))
        return "" if a.equals(b) else _largest({"values": a}, {"values": b})
    if one.name == "numbers":
        return _largest(joblib.load(one), joblib.load(other))
    if one.suffix in (".pkl", ".joblib"):
        return ""  # what they predict is compared
    a, b = (path.read_bytes().splitlines() for path in (one, other))
    lines = [i for i, pair in enumerate(zip(a, b, strict=False), 1) if len({*pair}) > 1]
    if lines or len(a) != len(b):
        return f"lines {lines[:5]}, of {len(a)} and {len(b)}"
    return ""


def _largest(one, other):
    """Say by how much numbers of two versions differ."""
    said = [f"{name} is there once only" for name in one.keys() ^ other.keys()]
    for name in one.keys() & other.keys():
        a, b = np.asarray(one[name]), np.asarray(other[name])
        if a.shape != b.shape:
            said.append(f"{name} has shape {a.shape} and {b.shape}")
        elif a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
            if not (a.astype(str) == b.astype(str)).all():
                said.append(f"{name} differs")
        elif not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            most = np.nanmax(np.abs(a.astype(float) - b.astype(float)))
            said.append(f"{name} by up to {most:.1e}")
    return "; ".join(said)


if __name__ == "__main__":
    cli()
