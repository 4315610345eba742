"""Checkpoints: complete, consistent copies of the store and the public folder in another place, and the way back.

What a file means is for ``store`` and ``publish``; how a place keeps bytes, and who may write there, for ``places``. A
place of checkpoints has

``objects/ab/<sha256>-<epoch>``   the bytes of a file, once each, never rewritten
``checkpoints/<id>.json.gz``      a manifest: every path, its digest, size, mode and time; links; unusual folders. The
                                  id has the time, the lease's number (epoch), and the beginning of its own digest
``head.json``                     which checkpoints there are, the newest last; the one object that is swapped
``lease.json``                    who may write now (``places.Lease``)

**Consistent without a lock.** The locks of the store refuse and do not wait, so a backup that took them would make a
run fail. Instead files are read in the opposite order of that in which the line writes them: what tells of a thing
before the thing itself. All that a copied file names was there when it was copied, is copied after it, and is never
removed; so a copy is a state that a run which was killed could have left, and the line goes on from each of these.
Files that belong together are read again until none of them has changed meanwhile. ``capture`` has the order,
docs/adr/0042 the reasons.
"""

import contextlib
from collections.abc import Iterator

from pipelines.buckets import BucketRefused, BucketUnavailable
from pipelines.checkpoints.capture import Unsettled
from pipelines.checkpoints.manifests import HEAD, OBJECTS, Checkpoint, Manifest, Progress, head_of, manifest_of
from pipelines.checkpoints.restoring import NotRestored, Restored, bring, chosen, restore, tidy
from pipelines.checkpoints.writing import Pruned, Taken, Writer, writing
from pipelines.places import LeaseLost, PlaceRefused
from pipelines.settings import UnusableSettings

__all__ = [
    "HEAD",
    "OBJECTS",
    "PROBLEMS",
    "Checkpoint",
    "Manifest",
    "NotRestored",
    "Progress",
    "Pruned",
    "Restored",
    "Taken",
    "Unsettled",
    "Writer",
    "bring",
    "chosen",
    "head_of",
    "manifest_of",
    "restore",
    "tidy",
    "told_in_a_line",
    "writing",
]

PROBLEMS = (BucketRefused, BucketUnavailable, PlaceRefused, LeaseLost, Unsettled, NotRestored)
"""All that may be wrong with a place. Each has a message for the operator."""


@contextlib.contextmanager
def told_in_a_line() -> Iterator[None]:
    """What is wrong with a place is raised as UnusableSettings, with the same message: commands tell it in a line."""
    try:
        yield
    except PROBLEMS as error:
        raise UnusableSettings(str(error)) from error
