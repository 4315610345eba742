"""Measurements beside a rival in the same run: ``python -m tests.bench``. What is checked for truth is in ``unit``."""
