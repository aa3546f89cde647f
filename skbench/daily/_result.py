"""What was done for a round: `Daily`."""

from dataclasses import dataclass

from skbench.deploy import SubmissionReceipt


@dataclass(frozen=True)
class Daily:
    """What `run_daily` did.

    Attributes
    ----------
    round : int
        Number of the round.
    receipts : dict of str to SubmissionReceipt or None
        What `submit` returned for each model; None where the round was submitted
        before, and left alone.
    """

    round: int
    receipts: dict[str, SubmissionReceipt | None]

    def __str__(self) -> str:
        """Write it on one line."""
        if not any(self.receipts.values()):
            return f"round {self.round} already submitted"
        told = [_in_short(name, receipt) for name, receipt in self.receipts.items()]
        return f"round {self.round} {', '.join(told)}"


def _in_short(name: str, receipt: SubmissionReceipt | None) -> str:
    if receipt is None:
        return f"{name} already submitted"
    what = "dry run" if receipt.dry_run else receipt.submission_id
    return f"{name} {receipt.n_rows} rows {what}"
