"""Write the pages that one can try: reports and an explorer of a made-up tournament.

Anybody can run these commands. Each finds the files of those before it.
"""

import io
import shutil
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

from skbench.cli import main

COMMANDS = (
    "demo --folder data/demo",
    "ensemble data/demo --fit corr --neutralize small -o ensemble.parquet",
    "report data/demo --predictions ensemble.parquet -o example_report.html",
    "analyze data/demo --report example_analysis.html",
    "backtest data/demo --fit corr,sharpe --neutralize small --proportion 0,0.5,1 "
    "--report example_backtest.html",
    "explore data/demo --neutralize small -o example_explorer.html",
)


def write(folder):
    """Write all pages into a folder, and nothing else."""
    with tempfile.TemporaryDirectory() as scratch:
        with chdir(scratch), redirect_stdout(io.StringIO()):
            for command in COMMANDS:
                main(command.split())
        for page in Path(scratch).glob("example_*.html"):
            shutil.copy(page, folder)
