"""Whether a release is what it claims, and keeps what it may not tell. It needs nothing but the release's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import ValidationError

from pipelines.disclose import gate
from pipelines.files import json_of
from pipelines.policy import Policy
from pipelines.publish import verify_release, wrong_signatures
from pipelines.signatures import ReleaseKey

TABLES = ("benchmarks", "distributions", "trends")


def verify(folder: Path, trusted: Sequence[ReleaseKey] = ()) -> list[str]:
    """What is wrong with the release in ``folder``, in words: what ``publish.verify_release`` finds, what
    ``publish.wrong_signatures`` finds of the keys that are ``trusted``, and what an outsider could work out from its
    benchmarks, and trends that do not follow from them. The latter are not looked at when the files are not as they
    should be.
    """
    problems = verify_release(folder)
    return [*problems, *wrong_signatures(folder, trusted), *([] if problems else _leaks(folder))]


def _leaks(folder: Path) -> list[str]:
    try:
        policy = json_of((folder / "provenance.json").read_bytes())["policy"]
        tables = json_of((folder / "audit.json").read_bytes())["tables"]
        limits = Policy.model_validate({name: value for name, value in policy.items() if name != "sha256"})
        widened = gate.widened(tables)
        counts, levels, trends = (pq.read_table(folder / "benchmarks" / f"{name}.parquet") for name in TABLES)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        return [f"the attack on the benchmarks cannot be made: {error}"]
    problems = gate.problems(counts, levels, limits, widened)
    return problems + gate.wrong_trends(trends, counts, levels, limits, widened)
