"""What the README promises."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numerai_server import NumeraiServer
from tournament_files import write_tournament

from skbench.cli import main
from skbench.datasets import make_benchmark_models

ROOT = Path(__file__).parents[1]


def test_the_python_of_the_readme_prints_what_it_says():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    test = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
    assert test.examples
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert results.failed == 0


def test_the_commands_of_the_readme_print_what_it_says(tmp_path, monkeypatch, capsys):
    """As they stand there, with nothing else: no network, no file."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- three-commands -->\n```\n(.*?)```", text, re.DOTALL)[1]
    commands = re.findall(r"^\$ skbench (.*)\n((?:(?!\$).*\n)*)", block, re.MULTILINE)
    names = [command.split()[0] for command, _ in commands]
    assert names == ["demo", "score", "ensemble"]
    alike = doctest.OutputChecker().check_output
    for command, told in commands:
        main(command.split())
        printed = capsys.readouterr().out
        assert alike(f"{told.strip()}\n", f"{printed.strip()}\n", doctest.ELLIPSIS), (
            f"{command}: {printed}"
        )


def test_the_other_commands_of_the_readme_run(tmp_path, monkeypatch, capsys):
    """On files that were fetched from a server on this machine."""
    made = make_benchmark_models(120, 500, 3, random_state=0)
    files = write_tournament(tmp_path / "server", made)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    fetch = re.search(r"`skbench\s+(fetch\s+--data-home data)`", text)[1]
    later = re.findall(
        r"^\| `skbench (backtest .*?|.* ensemble\..*?)` \|", text, re.MULTILINE
    )
    names = [command.split()[0] for command in later]
    assert names == ["backtest", "score", "report", "export"]
    with NumeraiServer({"v5.3": files}):
        main(fetch.split())
        fetched = capsys.readouterr().out
        assert fetched == (
            "data/v5.3: 3 models, 0 features, 120 eras, 59,593 rows; "
            "the Meta Model in 40 eras, 20,056 rows\n"
        )
        main(["ensemble", "data/v5.3", "--fit", "corr", "--output", "ensemble.parquet"])
        assert "        ensemble 0.0257" in capsys.readouterr().out
        told = [main(command.split()) or capsys.readouterr().out for command in later]
    assert "Verdict: " in told[0]
    assert "        ensemble 0.0257" in told[1]
    assert "ensemble: out of sample from era 0027" in told[1]
    assert told[3].splitlines()[-1] in (ROOT / "docs" / "deploy.md").read_text()
    assert "4 models" in told[2]
    assert {"report.html", "predict.pkl"} <= {path.name for path in tmp_path.iterdir()}


def test_the_demo_prints_what_the_readme_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- demo -->\n```\n(.*?)```", text, re.DOTALL)[1]
    table, _, verdict = block.rpartition("\n\n")
    main(["demo"])
    told = capsys.readouterr().out
    assert table in told
    assert verdict in told
    # Another seed has another answer, as the README says.
    assert "Verdict: ensemble does better than equal weights" in verdict
    main(["demo", "--seed", "1"])
    assert "Verdict: equal weights: nothing here" in capsys.readouterr().out


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("plot_*.py")))
def test_every_example_runs_alone_and_draws(example, tmp_path):
    picture = tmp_path / "picture.png"
    subprocess.run(
        [sys.executable, "-W", "error", example, picture],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
    )
    assert picture.stat().st_size > 10_000


def test_the_example_of_a_deployment_passes_every_check(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / "deploy_model.py"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "all checks passed" in done.stdout
    assert done.stdout.endswith("Largest difference from pipeline.predict: 0.0\n")
