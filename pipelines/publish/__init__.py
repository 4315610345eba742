"""From an edition to a release that people read and machines check: pages, tables, checksums, then one swap.

Only this room reads ``templates``. What a release says is decided before (``pipelines.edition``).
"""

from pipelines.publish.archives import verify_archive
from pipelines.publish.changes import diff
from pipelines.publish.changes_in_words import changes_in_words
from pipelines.publish.pointers import (
    RELEASE_ID,
    build_candidate,
    candidate_folder,
    discard_candidate,
    discard_candidates,
    latest,
    next_id,
    previewed,
    publish,
    reissue_all,
    released,
    show_again,
    show_candidate,
)
from pipelines.publish.reissue import Reissued
from pipelines.publish.release import ReleaseRefused, build_release
from pipelines.publish.signed import published_keys, signing_key_of, wrong_signatures
from pipelines.publish.trace import NotTraced, in_words, release_named, trace
from pipelines.publish.verification import verify_release

__all__ = [
    "RELEASE_ID",
    "NotTraced",
    "Reissued",
    "ReleaseRefused",
    "build_candidate",
    "build_release",
    "candidate_folder",
    "changes_in_words",
    "diff",
    "discard_candidate",
    "discard_candidates",
    "in_words",
    "latest",
    "next_id",
    "previewed",
    "publish",
    "published_keys",
    "reissue_all",
    "release_named",
    "released",
    "show_again",
    "show_candidate",
    "signing_key_of",
    "trace",
    "verify_archive",
    "verify_release",
    "wrong_signatures",
]
