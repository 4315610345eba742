"""What a hub begins with: a starter feed that passes the check (``feed``, from ``examples`` and with a ``workbook``),
and a first registration for a folder that nobody has described yet (``suggest``).

Nothing here judges a feed or reads one for the pipeline; what is written here is read by ``hubs.mapping`` alone.
"""
