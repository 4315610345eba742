"""Where an organisation stands among its peers, dimension by dimension. Figures are the release's; none is worked out.

Peers are the narrowest group of the cube that the organisation is in and of which the release tells figures, and they
are found for each dimension, as a group may be told in one and not in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubs.contract.groups import BREAKDOWNS
from pipelines.gap.read import Own
from pipelines.gap.release import Cell, Release
from pipelines.gap.targets import HIGHEST_LEVEL

NARROWEST_FIRST = ("sector_size_band", "sector", "organisation_type", "size_band", "region", "total")
"""Who is most alike comes first: those who do the same work at the same size, and last everybody."""


@dataclass(frozen=True)
class Passed:
    """A narrower group that the organisation is in, and why it is not its peers: ``status`` and ``rolled_up_to`` as the
    release has them, or ``lacking``, the attributes that are not known of the organisation.
    """

    breakdown: str
    status: str = ""
    rolled_up_to: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the organisation stands in one dimension.

    ``level`` is its own (None: nothing it answered applies), ``target`` what it wants, ``before`` its level in an
    earlier period. ``peers`` is None where the release tells of nobody. ``band`` and ``against_median`` are codes (see
    ``band_of``), ``share_at_or_above`` is of peers at its own level or above, ``share_at_next`` of those at ``next``
    or above, where next is the level after its own. All are None where the release does not tell them.
    """

    dimension: str
    level: int | None
    target: int | None
    before: int | None
    next: int | None
    peers: Cell | None
    passed: tuple[Passed, ...]
    band: str | None = None
    against_median: str | None = None
    share_at_or_above: float | None = None
    share_at_next: float | None = None

    @property
    def distance(self) -> int:
        """Levels to the target; 0 when it is reached."""
        return max(0, (self.target or 0) - (self.level or 0)) if self.level is not None else 0

    @property
    def change(self) -> int | None:
        """Levels gained (or lost) since the earlier period; None when either is not known."""
        return None if self.level is None or self.before is None else self.level - self.before


def period_for(release: Release, instrument: str, audience: str, own: str) -> str | None:
    """The period to compare with: the return's own where the release has it, else its newest; None when it has none."""
    periods = release.periods(instrument, audience)
    return own if own in periods else periods[-1] if periods else None


def place(
    own: Own,
    table: tuple[str | None, str, str, str],
    levels: tuple[int | None, int | None, int | None],
    release: Release,
) -> Place:
    """Where ``own`` stands in ``table`` (period to compare with, instrument, audience, dimension).

    ``levels`` are its own, the one it wants (None: the next) and the earlier one.
    """
    level, wanted, before = levels
    peers, passed = _peers(own.described, table, release)
    if level is None:
        return Place(table[3], None, wanted, before, None, peers, passed)
    following = level + 1 if level < HIGHEST_LEVEL else None
    target = min(level + 1, HIGHEST_LEVEL) if wanted is None else wanted
    if peers is None:
        return Place(table[3], level, target, before, following, None, passed)
    return Place(
        table[3],
        level,
        target,
        before,
        following,
        peers,
        passed,
        band_of(level, peers),
        _against(level, peers.median),
        peers.at_or_above[level] if level else 1.0,
        peers.at_or_above[following] if following else None,
    )


def band_of(level: int, peers: Cell) -> str | None:
    """Between which quartiles ``level`` lies; None where they are not told."""
    if peers.q1 is None or peers.q3 is None or peers.median is None:
        return None
    if level < peers.q1:
        return "below_q1"
    if level > peers.q3:
        return "above_q3"
    return {"below": "q1_to_median", "at": "at_median", "above": "median_to_q3"}[str(_against(level, peers.median))]


def _against(level: int, median: float | None) -> str | None:
    return None if median is None else "below" if level < median else "above" if level > median else "at"


def _peers(
    described: Mapping[str, str], table: tuple[str | None, str, str, str], release: Release
) -> tuple[Cell | None, tuple[Passed, ...]]:
    period, *rest = table
    if period is None:
        return None, ()
    instrument, audience, dimension = rest
    passed: list[Passed] = []
    for breakdown in NARROWEST_FIRST:
        if lacking := tuple(name for name in BREAKDOWNS[breakdown] if name not in described):
            passed.append(Passed(breakdown, lacking=lacking))
            continue
        cell = release.cells.get((period, instrument, audience, dimension, breakdown))
        if cell is not None and cell.n is not None:
            return cell, tuple(passed)
        passed.append(Passed(breakdown, cell.status if cell else "[x]", cell.rolled_up_to if cell else ""))
    return None, tuple(passed)
