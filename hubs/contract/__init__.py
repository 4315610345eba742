"""The feed contract, version 1: record kinds, vocabularies, finding codes and verdicts.

What a feed may say lives here. How a hub's own shape is turned into it lives in ``hubs.mapping``;
how a feed is held against it lives in ``hubs.judge``.
"""

CONTRACT_VERSION = "1"
"""Feeds name the version they follow; versions live side by side."""
