"""What the line refuses with words fails a step with those words, and neither it nor its run is tried again. Whatever
else is raised stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def refusals_fail(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    """Let the step fail with the words of what refuses to do its work."""
    try:
        yield
    except REFUSALS as refusal:
        context.instance.add_run_tags(context.run.run_id, {TRIED_AGAIN: "false"})
        raise dg.Failure(str(refusal), allow_retries=False) from None  # the words are enough
