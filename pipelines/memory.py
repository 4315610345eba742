"""Memory that is not needed any more. Nothing here knows what it was needed for."""

from __future__ import annotations

import ctypes
import sys

_C = ctypes.CDLL(None)


def give_back() -> None:
    """Give the system what this process has freed. Arrow and the C library keep it otherwise, for as long as the
    process lives, and what is made next comes on top. Does nothing where the library has no word for it.
    """
    if "pyarrow" in sys.modules:  # whoever has not imported it has nothing of it to give back
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if hasattr(_C, "malloc_trim"):  # glibc
        _C.malloc_trim(0)
