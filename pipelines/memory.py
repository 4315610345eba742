"""Memory that is not needed any more, and how often Python looks for it. Nothing here knows what it was needed for."""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys

_C = ctypes.CDLL(None)
_NEW_OBJECTS = 20_000
"""Among which Python looks at once for those that hold nothing but one another. Of ours next to none do: what is not
needed any more goes without that.
"""


def look_rarely() -> None:
    """Let this process, which is ours from its start to its end, look rarely for objects that hold one another, never
    among those that it has so far, nor at its end, when everything goes anyhow.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def give_back() -> None:
    """Give the system what this process has freed. Arrow and the C library keep it otherwise, for as long as the
    process lives, and what is made next comes on top. Does nothing where the library has no word for it.
    """
    if "pyarrow" in sys.modules:  # whoever has not imported it has nothing of it to give back
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if hasattr(_C, "malloc_trim"):  # glibc
        _C.malloc_trim(0)
