"""The gate before anything is told: what was made of one table is attacked, and what could be worked out is withheld.

How tables are made is for the rest of this room; what counts as a leak is said in ``attack``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from hubs.contract.groups import ATTRIBUTES, BREAKDOWNS, TABLE, terms_of
from hubs.contract.vocabularies import vocabulary
from pipelines.cube import Counts
from pipelines.disclose import Cell, Disclosed, disclose, recount
from pipelines.disclose.attack import Attack, Finding, attack
from pipelines.disclose.history import History
from pipelines.disclose.rounding import STEPS
from pipelines.ledger import rows_of
from pipelines.policy import Policy

ROUNDS = 8
"""So often groups are withheld and the table is made and attacked again, before the release is refused."""
NEVER_TOLD = History()
SUMS = ("tables", "published_cells", "published_counts", "attacked_counts", "programmes_solved")


@dataclass(frozen=True)
class Told:
    """What may be told of one table, what the attack on it found in the end, and how many groups it cost.
    ``is_kept`` says that nothing which was told before is missing, and nothing rounded further than it was. ``then`` is
    the history of the table once this is published, if it is sure to be told in the same way then.
    """

    made: Disclosed
    attack: Attack
    withheld_n: int
    is_kept: bool
    then: History | None = None

    @property
    def is_clean(self) -> bool:
        """Whether it may take the place of what was told before: nothing found, withheld or missing."""
        return self.is_kept and not self.attack.findings and not self.withheld_n


def told(counts: Counts, policy: Policy, history: History = NEVER_TOLD) -> Told:
    """What may be told of one table beside what was told of it before, after an attack by outsiders and by each hub
    that knows its own members.

    Groups that it names are withheld, and what is left is made and attacked again. Findings that are left after
    ``ROUNDS`` are for whoever refuses the release. Raises RuntimeError when the solver gives up, and NotRounded, which
    is one, when what was told before does not fit.
    """
    knows = {counts.key: history.known(counts)}
    before = history.before(counts.cube)
    withheld: set[Cell] = set()
    for rounds_left in reversed(range(ROUNDS + 1)):
        made = disclose(counts, policy, before, withheld=withheld)
        widened = [counts.key] if made.is_wide else []
        found = attack(
            *(made.benchmarks, made.distributions, policy, _terms()), ledger=history.rows, knows=knows, widened=widened
        )
        named = _most_divided(made, found)
        if not named or not rounds_left:
            break
        withheld |= named
    published = list(rows_of(made.benchmarks, made.distributions, policy.base))
    made = replace(made, benchmarks=history.marked(made.benchmarks, published))
    is_kept = history.is_kept(published) and made.is_wide is history.is_wide
    is_plain = history.is_first and not withheld and not found.findings and _is_bound(made, policy)
    then = history.with_told(published) if is_plain else None
    return Told(made, found, len(withheld), is_kept, then)


def _is_bound(made: Disclosed, policy: Policy) -> bool:
    """Whether it was rounded in the usual way, and of every breakdown something is told, or all that could be. Then
    every cell is bound to its detail once it is published, told numbers are constant, and the best solution there was
    is the best of those that are left: nothing that is said of the table is another.
    """
    told = {row["breakdown"] for row in made.benchmarks.to_pylist() if row["n"] is not None}
    is_whole = told == set(policy.breakdowns) or (bool(told) and not made.audit["lowered"])
    return is_whole and made.audit["step"] == STEPS[0] and not made.audit["refused"]


def _most_divided(made: Disclosed, found: Attack) -> set[Cell]:
    """The groups to withhold: of those that are told and named, or hold one that is named and not told, the most
    divided. What is found of a parent often follows from its child, and without the parent no child is told.
    """
    told = {(row["breakdown"], terms_of(row)) for row in made.benchmarks.to_pylist() if row["n"] is not None}
    named = {(finding.breakdown, finding.terms) for finding in found.findings}
    blamed = named & told or {cell for cell in told if any(_holds(cell, other) for other in named)}
    most = max((len(terms) for _, terms in blamed), default=0)
    return {(breakdown, terms) for breakdown, terms in blamed if len(terms) == most}


def _holds(cell: Cell, other: Cell) -> bool:
    own, its = (dict(zip(BREAKDOWNS[breakdown], terms, strict=True)) for breakdown, terms in (cell, other))
    return own.items() <= its.items()


def audit(tables: Iterable[Told]) -> dict[str, Any]:
    """What readers are told of the attack on all tables: numbers alone, none of them about an organisation."""
    attacks = [(one.attack.audit, one.withheld_n) for one in tables]
    narrowest = [about["narrowest_interval"] for about, _ in attacks if about["narrowest_interval"] is not None]
    return {
        **{name: sum(about[name] for about, _ in attacks) for name in SUMS},
        "narrowest_interval": min(narrowest, default=None),
        "coalitions_of_hubs": max((about["coalitions"] for about, _ in attacks), default=0),
        "groups_withheld_for_the_attack": sum(n for _, n in attacks),
        "findings": sum(sum(about["findings"].values()) for about, _ in attacks),
    }


def problems(benchmarks: pa.Table, distributions: pa.Table, policy: Policy, widened: Iterable[str]) -> list[str]:
    """What an outsider can work out from the tables of a release, in words. ``widened`` names the tables (as their
    audit does) that were rounded with one more multiple.
    """
    keys = [tuple(name.split("/")) for name in widened]
    found = attack(benchmarks, distributions, policy, _terms(), widened=keys)  # type: ignore[arg-type]
    return [in_words(finding) for finding in found.findings]


def widened(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of those of ``tables``, as audited, that were rounded with one more multiple."""
    return [table["table"] for table in tables if table["step"] == STEPS[-1]]


def wrong_trends(
    trends: pa.Table, benchmarks: pa.Table, distributions: pa.Table, policy: Policy, widened: Collection[str]
) -> list[str]:
    """The rows of ``trends`` that do not follow from the tables of a release, in words. ``widened`` as for
    ``problems``.
    """
    tables = (trends.to_pylist(), benchmarks.to_pylist(), distributions.to_pylist())
    found = []
    for row, column, words in recount.wrong_trends(*tables, policy, widened):
        period, instrument, audience, dimension = (row[name] for name in TABLE)
        cell = ((period, instrument, audience, dimension), row["breakdown"], terms_of(row))
        found.append(in_words(Finding("other_number", *cell, f"trend {column}", words)))
    return found


def in_words(finding: Finding) -> str:
    """A leak, by its table and cell."""
    who = f" ({finding.who})" if finding.who else ""
    return f"{'/'.join(finding.table)}, {finding.cell}, {finding.statistic}: {finding.code}{who}: {finding.words}"


def _terms() -> Mapping[str, tuple[str, ...]]:
    return {attribute: tuple(vocabulary(scheme).terms) for attribute, scheme in ATTRIBUTES.items()}
