"""The disclosure policy: thresholds and the list of breakdowns, read from one reviewed file. No figures live here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hubs.contract.groups import BREAKDOWNS, CUBE_VERSION
from hubs.yamlfile import UnreadableYaml, read_yaml

FILE = Path(__file__).with_name("policy.yaml")


class UnusablePolicy(ValueError):
    """The policy cannot be used. The message names the field and the mend."""


class Policy(BaseModel):
    """What may be published about groups of organisations. No value may be looser than its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cube_version: int = Field(
        CUBE_VERSION, ge=CUBE_VERSION, le=CUBE_VERSION, description="Version of the list of breakdowns."
    )
    threshold: int = Field(10, ge=10, description="Fewest organisations in a group, also without any one hub's.")
    base: int = Field(5, ge=5, description="Published numbers of organisations are multiples of this.")
    median_gate: int = Field(20, ge=20, description="Fewest organisations for a median.")
    quartile_gate: int = Field(40, ge=40, description="Fewest organisations for quartiles.")
    reliable_gate: int = Field(40, ge=40, description="Fewest organisations for figures without the mark [u].")
    spread: int = Field(2, ge=2, description="Fewest organisations of a group off its commonest level.")
    share_cap: float = Field(0.05, ge=0.05, lt=0.5, description="Shares are shown from this to 1 less this.")
    limits_confidence: float = Field(0.95, ge=0.95, lt=1, description="Of the limits of a share.")
    comparison_confidence: float = Field(0.998, ge=0.998, lt=1, description="For better or worse than all.")
    strict: bool = Field(False, description="Whether counts of nobody and of one base are shown as [low].")
    answers_base: int = Field(100, ge=100, description="Published numbers of answers are multiples of this.")
    breakdowns: tuple[str, ...] = Field(tuple(BREAKDOWNS), min_length=1, description="Names from the cube.")

    @field_validator("breakdowns")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in BREAKDOWNS]
        if unknown:
            raise ValueError(f"not in the cube: {', '.join(unknown)}")
        if "total" not in names:
            raise ValueError("must have total, to which all others roll up")
        return tuple(name for name in BREAKDOWNS if name in names)

    @model_validator(mode="after")
    def _gates_fit(self) -> Policy:
        # A published number must never fall on the other side of a gate than the number behind it.
        for gate in ("threshold", "median_gate", "quartile_gate", "reliable_gate"):
            if getattr(self, gate) % self.base:
                raise ValueError(f"{gate} must be a multiple of base ({self.base})")
        if self.threshold > 2 * self.base:
            # A rounded number stands for at least base true ones; one under the threshold needs half as many as that.
            raise ValueError(f"threshold must be at most twice base ({self.base}): raise both")
        if not self.threshold <= self.median_gate <= self.quartile_gate:
            raise ValueError("threshold, median_gate and quartile_gate must not fall")
        return self


def rows_that_break(policy: Policy, table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table of benchmarks that ``policy`` forbids: of too few organisations, not rounded, or with a
    median or quartile of too few. It holds the table itself to account, whatever made it.
    """
    gates = dict.fromkeys(("median", "median_low", "median_high"), policy.median_gate)
    gates |= {"q1": policy.quartile_gate, "q3": policy.quartile_gate}
    return [
        row
        for row in table.to_pylist()
        if (row["n"] is not None and (row["n"] < policy.threshold or row["n"] % policy.base))
        or any(row[name] is not None and (row["n"] or 0) < gate for name, gate in gates.items())
    ]


def read_policy(path: Path = FILE) -> Policy:
    """The policy in ``path``. Raises UnusablePolicy with every problem at once, a line each."""
    try:
        return Policy.model_validate(read_yaml(path))
    except (UnreadableYaml, OSError) as error:
        raise UnusablePolicy(f"{path.name} cannot be read: {error}") from error
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in e['loc']) or path.name}: {e['msg']}" for e in error.errors()]
        raise UnusablePolicy("\n".join(problems)) from error
