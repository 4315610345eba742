"""What a hub begins with: a starter feed that passes the check (``feed``, ``workbook``), and a first registration for a
folder that nobody has described yet (``suggest``, which looks by ``look``, guesses by ``documents``, ``glossary`` and
``tables``, and writes by ``notes``).

Nothing here judges a feed or reads one for the pipeline; what is written here is read by ``hubs.mapping`` alone.
"""
