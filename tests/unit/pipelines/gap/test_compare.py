"""Peers are the narrowest group that is told, and figures are the release's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.gap.compare import Passed, Place, band_of, period_for, place
from pipelines.gap.read import Own
from pipelines.gap.release import Cell, Release, read_release
from tests.builders import INSTRUMENT
from tests.gaps import DESCRIBED, OLDER, a_release, a_row, confidential

TABLE = (INSTRUMENT, "decision_maker")


def release_of(folder: Path, *rows: Mapping[str, Any], described: Mapping[str, str] = DESCRIBED, **how: Any) -> Release:
    return read_release(a_release(folder / "release", rows, **how), described)


def placed(
    release: Release,
    level: int | None = 2,
    wanted: int | None = None,
    before: int | None = None,
    described: Mapping[str, str] = DESCRIBED,
) -> Place:
    own = Own("2026-Q3", described, {})
    return place(own, ("2026-Q3", *TABLE, "legal"), (level, wanted, before), release)


def test_the_narrowest_group_comes_first(tmp_path: Path) -> None:
    found = placed(release_of(tmp_path, a_row("legal"), a_row("legal", "sector"), a_row("legal", "total")))
    assert found.peers is not None
    assert (found.peers.breakdown, found.passed) == ("sector_size_band", ())
    assert (found.share_at_or_above, found.share_at_next) == (0.8, 0.6)
    assert (found.band, found.against_median) == ("q1_to_median", "below")


def test_groups_that_are_not_told_are_passed_by_with_the_reason(tmp_path: Path) -> None:
    rows = [
        confidential("legal", "sector_size_band", "size_band"),
        confidential("legal", "sector", "total"),
        confidential("legal", "organisation_type", "total"),
        a_row("legal", "size_band"),
        a_row("legal", "total"),
    ]
    found = placed(release_of(tmp_path, *rows))
    assert found.peers is not None
    assert found.peers.breakdown == "size_band"
    assert found.passed == (
        Passed("sector_size_band", "[c]", "size_band"),
        Passed("sector", "[c]", "total"),
        Passed("organisation_type", "[c]", "total"),
    )


def test_groups_by_what_is_not_known_are_not_looked_for(tmp_path: Path) -> None:
    described = {"region": "wales"}
    release = release_of(tmp_path, a_row("legal", "region"), described=described)
    found = placed(release, described=described)
    assert found.peers is not None
    assert found.peers.breakdown == "region"
    assert found.passed[0] == Passed("sector_size_band", lacking=("sector", "size_band"))


def test_without_figures_there_are_no_peers(tmp_path: Path) -> None:
    found = placed(release_of(tmp_path, confidential("legal", "total", "")))
    assert (found.peers, found.band, found.share_at_next, found.target) == (None, None, None, 3)


@pytest.mark.parametrize(
    ("level", "wanted", "following", "target", "distance", "shares"),
    [
        (0, None, 1, 1, 1, (1.0, 0.95)),
        (2, 4, 3, 4, 2, (0.8, 0.6)),
        (4, 2, 5, 2, 0, (0.3, 0.1)),
        (5, None, None, 5, 0, (0.1, None)),
        (None, 3, None, 3, 0, (None, None)),
    ],
)
def test_targets_and_next_steps(
    tmp_path: Path,
    *,
    level: int | None,
    wanted: int | None,
    following: int | None,
    target: int,
    distance: int,
    shares: tuple,
) -> None:
    found = placed(release_of(tmp_path, a_row("legal")), level, wanted)
    assert (found.next, found.target, found.distance) == (following, target, distance)
    assert (found.share_at_or_above, found.share_at_next) == shares


def test_an_earlier_level_tells_the_change(tmp_path: Path) -> None:
    release = release_of(tmp_path, a_row("legal"))
    assert placed(release, 2, before=3).change == -1
    assert placed(release, 2).change is None


def test_an_older_release_tells_how_a_level_stands_to_the_median(tmp_path: Path) -> None:
    found = placed(release_of(tmp_path, a_row("legal"), columns=OLDER))
    assert (found.band, found.against_median, found.share_at_next) == (None, "below", None)


@pytest.mark.parametrize(
    ("level", "band"),
    [(0, "below_q1"), (1, "q1_to_median"), (2, "at_median"), (3, "median_to_q3"), (4, "median_to_q3"), (5, "above_q3")],
)
def test_bands(level: int, band: str) -> None:
    assert band_of(level, Cell("total", {}, 45, 2, 1, 4, {}, "", "", frozenset())) == band


def test_the_period_is_the_returns_own_or_the_newest(tmp_path: Path) -> None:
    release = release_of(tmp_path, *(a_row("legal", period=period) for period in ("2026-Q2", "2026-Q1")))
    assert period_for(release, *TABLE, "2026-Q1") == "2026-Q1"
    assert period_for(release, *TABLE, "2026-Q3") == "2026-Q2"
    assert period_for(release, INSTRUMENT, "procurement_professional", "2026-Q1") is None
