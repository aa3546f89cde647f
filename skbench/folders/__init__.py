"""Whole jobs on a folder of Numerai's files: what the command line does."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Where each name lives; imported on first use, so that no job loads what another needs.
_HOMES = {
    "FolderEnsemble": "_ensemble_result",
    "analyze_folder": "_analyze",
    "backtest_folder": "_backtest",
    "compared": "_ensemble_result",
    "diagnose_folder": "_diagnose",
    "ensemble_folder": "_ensemble",
    "ensemble_pipeline": "_ensemble",
    "explore_folder": "_explore",
    "five_steps": "_ensemble",
    "folder_recipes": "_recipes",
    "folder_target": "_files",
    "input_files": "_files",
    "read_payout": "_payout",
    "report_account": "_report",
    "report_folder": "_report",
    "score_folder": "_scores",
    "stake_account": "_stake",
    "stake_folder": "_stake",
}

__all__ = [
    "FolderEnsemble",
    "analyze_folder",
    "backtest_folder",
    "diagnose_folder",
    "ensemble_folder",
    "ensemble_pipeline",
    "explore_folder",
    "folder_recipes",
    "folder_target",
    "report_account",
    "report_folder",
    "score_folder",
    "stake_account",
    "stake_folder",
]

if TYPE_CHECKING:
    from ._analyze import analyze_folder
    from ._backtest import backtest_folder
    from ._diagnose import diagnose_folder
    from ._ensemble import ensemble_folder, ensemble_pipeline
    from ._ensemble import five_steps as five_steps
    from ._ensemble_result import FolderEnsemble
    from ._ensemble_result import compared as compared
    from ._explore import explore_folder
    from ._files import folder_target
    from ._files import input_files as input_files
    from ._payout import read_payout as read_payout
    from ._recipes import folder_recipes
    from ._report import report_account, report_folder
    from ._scores import score_folder
    from ._stake import stake_account, stake_folder


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
