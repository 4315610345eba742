"""What the line refuses with words fails a step with those words, and what a check stops is stopped: neither the step
nor its run is tried again. Whatever else is raised stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from assets.queue import TRIED_AGAIN
from pipelines.buckets import BucketRefused
from pipelines.candidates import CandidateRefused
from pipelines.files import Busy, Damaged
from pipelines.keys import KeyRefused
from pipelines.mirror import MirrorRefused
from pipelines.publish import ReleaseRefused
from pipelines.signatures import UnusableKey
from pipelines.standing import NothingToConfirm
from pipelines.withdraw import NotWithdrawn

REFUSALS = (
    *(Busy, BucketRefused, CandidateRefused, Damaged, KeyRefused, MirrorRefused, NothingToConfirm, NotWithdrawn),
    *(ReleaseRefused, UnusableKey),
)

Context = dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext


@contextmanager
def refusals_fail(context: Context) -> Iterator[None]:
    """Let the step fail with the words of what refuses to do its work."""
    try:
        yield
    except REFUSALS as refusal:
        _is_final(context)
        raise dg.Failure(str(refusal), allow_retries=False) from None  # the words are enough


def blocking_result(context: dg.AssetCheckExecutionContext, passed: bool, **metadata: Any) -> dg.AssetCheckResult:
    """The result of a check that stops the run unless it has ``passed``."""
    if not passed:
        _is_final(context)
    return dg.AssetCheckResult(passed=passed, metadata=metadata)


def _is_final(context: Context) -> None:
    context.instance.add_run_tags(context.run.run_id, {TRIED_AGAIN: "false"})
