"""From an edition to a release that people read and machines check: pages, tables, checksums, then one swap.

Only this room reads ``templates``. What a release says is decided before (``pipelines.edition``).
"""

from pipelines.publish.pointers import latest, next_id, publish
from pipelines.publish.release import ReleaseRefused, build_release, verify_release
from pipelines.publish.trace import NotTraced, in_words, release_named, trace

__all__ = [
    "NotTraced",
    "ReleaseRefused",
    "build_release",
    "in_words",
    "latest",
    "next_id",
    "publish",
    "release_named",
    "trace",
    "verify_release",
]
