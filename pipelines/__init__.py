"""The centre's side: pure Python steps, pull → validate → consolidate → benchmark → disclose → publish.

Never imports Dagster. Stages talk through the contract and the store, never sideways.
"""
