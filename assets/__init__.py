"""Dagster, and only Dagster: assets, checks, resources, jobs, schedules. What they do stands in ``pipelines``."""
