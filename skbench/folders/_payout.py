"""What pays, and what it takes of a folder; light, as `score_folder` needs it."""

from collections.abc import Collection, Mapping
from typing import Any

from skbench._score_names import multipliers_of
from skbench.tournament import META_MODEL_FILE, FolderRows, to_download


def check_paid(rows: FolderRows, payout: Any) -> None:
    """Refuse multipliers of MMC where the folder has no Meta Model."""
    check_scores(rows, "what `payout` pays", multipliers_of(payout))


def check_scores(rows: FolderRows, what: str, scores: Collection[str]) -> None:
    """Refuse what needs the Meta Model where the folder has none."""
    if "contribution" in scores and rows.meta_model is None:
        raise ValueError(f"{what} needs the Meta Model{no_meta_model(rows)}")


def no_meta_model(rows: FolderRows) -> str:
    """End a sentence on a folder without the Meta Model."""
    folder = rows.source.base.file.path.parent
    return f", and {META_MODEL_FILE} is not in {folder}: {to_download(folder)}"


def read_payout(payout: Any) -> Mapping[str, float]:
    """Return multipliers, given as such or by the name of a payout rule."""
    if isinstance(payout, str):
        from skbench.staking import rule_named

        otherwise = ", or multipliers such as corr=3,mmc=15"
        return rule_named(payout, "payout", otherwise).multipliers
    multipliers_of(payout)
    return dict(payout)
