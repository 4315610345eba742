"""The hub's side of the fence: what a feed is, who sends one, and how it is judged.

Knows nothing of the stages in ``pipelines`` and nothing of Dagster.
"""
