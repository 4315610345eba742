from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines.edition import Edition
from pipelines.files import Busy, only_one
from pipelines.publish import ReleaseRefused, latest, next_id, pointers
from tests.builders import KEY, a_benchmark_table, an_edition, benchmark_rows

ATOM = "{http://www.w3.org/2005/Atom}"


def publish(edition: Edition, public: Path) -> None:
    pointers.publish(edition, public, KEY)


def listing(public: Path) -> list[str]:
    return [r["release"] for r in json.loads((public / "releases.json").read_text())["releases"]]


def test_publishing_makes_the_release_visible_in_all_pointers(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    publish(an_edition(), tmp_path)
    pointer = json.loads((tmp_path / "latest.json").read_text())
    assert pointer["release"] == "2026-11-23.01"
    assert pointer["address"] == "releases/2026-11-23.01/"
    assert (tmp_path / pointer["address"] / "index.html").is_file()
    assert "releases/2026-11-23.01/en/index.html" in (tmp_path / "index.html").read_text()
    assert listing(tmp_path) == ["2026-11-23.01"]
    seen = latest(tmp_path)
    assert seen is not None
    assert (seen.id, seen.build_key, seen.period) == ("2026-11-23.01", "0" * 64, "2026-Q3")


def test_the_feed_lists_releases_newest_first_with_ids_that_stay(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    first = ElementTree.fromstring((tmp_path / "feed.xml").read_text())
    publish(an_edition(id="2026-11-24.01", previous="2026-11-23.01"), tmp_path)
    second = ElementTree.fromstring((tmp_path / "feed.xml").read_text())
    entries = second.findall(f"{ATOM}entry")
    assert [e.findtext(f"{ATOM}title") for e in entries] == ["Release 2026-11-24.01", "Release 2026-11-23.01"]
    assert second.findtext(f"{ATOM}id") == first.findtext(f"{ATOM}id")
    assert entries[1].findtext(f"{ATOM}id") == first.find(f"{ATOM}entry").findtext(f"{ATOM}id")
    assert listing(tmp_path) == ["2026-11-24.01", "2026-11-23.01"]


def test_the_root_files_are_relative_links_through_one_pointer(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    for name in pointers.POINTERS:
        assert (tmp_path / name).readlink() == Path(".current") / name
    shutil.copytree(tmp_path, tmp_path.parent / "copy", symlinks=True)
    assert json.loads((tmp_path.parent / "copy" / "latest.json").read_text())["release"] == "2026-11-23.01"


@pytest.mark.parametrize("id", ["2026-11-23.01", "2026-11-22.05", "2026-11-23.00"])
def test_incident_r_a_version_never_repeats(tmp_path: Path, id: str) -> None:
    publish(an_edition(), tmp_path)
    before = (tmp_path / "releases" / "2026-11-23.01" / "SHA256SUMS").read_bytes()
    with pytest.raises(ReleaseRefused, match="never used again"):
        publish(an_edition(id=id, build_key="1" * 64), tmp_path)
    assert (tmp_path / "releases" / "2026-11-23.01" / "SHA256SUMS").read_bytes() == before
    assert listing(tmp_path) == ["2026-11-23.01"]


def test_incident_r_rolling_back_and_publishing_again_uses_a_new_version(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    publish(an_edition(id="2026-11-23.02"), tmp_path)
    pointers.swap(tmp_path, "2026-11-23.01")
    assert listing(tmp_path) == ["2026-11-23.01"]
    assert next_id(tmp_path, datetime(2026, 11, 23, 20, tzinfo=UTC)) == "2026-11-23.03"


def test_ids_follow_the_clock_and_never_go_back(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert next_id(tmp_path, now) == "2026-11-23.01"
    publish(an_edition(), tmp_path)
    assert next_id(tmp_path, now) == "2026-11-23.02"
    with pytest.raises(ReleaseRefused, match="check the clock"):
        next_id(tmp_path, datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_an_id_that_is_no_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match="not a release id"):
        publish(an_edition(id="../escape"), tmp_path)


def test_a_release_that_fails_verification_leaves_the_old_one(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    unsafe = an_edition(id="2026-11-24.01", benchmarks=a_benchmark_table(benchmark_rows(n=43)))
    with pytest.raises(ReleaseRefused, match="a count of 43"):
        publish(unsafe, tmp_path)
    assert listing(tmp_path) == ["2026-11-23.01"]
    assert not (tmp_path / "releases" / "2026-11-24.01").exists()


def test_what_a_dead_run_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / "releases" / ".building-2026-11-23.01"
    leftover.mkdir(parents=True)
    (leftover / "half.html").write_text("<h1>ha")
    assert next_id(tmp_path, datetime(2026, 11, 23, 12, tzinfo=UTC)) == "2026-11-23.02"
    publish(an_edition(id="2026-11-23.02"), tmp_path)
    assert not leftover.exists()
    assert listing(tmp_path) == ["2026-11-23.02"]


def test_incident_s_a_kill_before_the_swap_leaves_the_old_release_whole(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    # A run that died after writing its pointers and before moving the link.
    half = tmp_path / ".pointers" / "2"
    half.mkdir()
    (half / "latest.json").write_text("{")
    assert listing(tmp_path) == ["2026-11-23.01"]
    publish(an_edition(id="2026-11-24.01"), tmp_path)
    assert listing(tmp_path) == ["2026-11-24.01", "2026-11-23.01"]
    assert (tmp_path / ".current").readlink() == Path(".pointers/3")


def test_readers_see_four_pointers_of_one_release_at_every_moment(tmp_path: Path, monkeypatch) -> None:
    publish(an_edition(), tmp_path)
    seen = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        before = listing(tmp_path)[0], json.loads((tmp_path / "latest.json").read_text())["release"]
        done = rename(self, target)
        after = listing(tmp_path)[0], json.loads((tmp_path / "latest.json").read_text())["release"]
        seen.extend([before, after])
        return done

    monkeypatch.setattr(Path, "rename", watched)
    publish(an_edition(id="2026-11-24.01"), tmp_path)
    assert set(seen) == {("2026-11-23.01", "2026-11-23.01"), ("2026-11-24.01", "2026-11-24.01")}


def test_two_publications_at_once_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path / ".publishing.lock"), pytest.raises(Busy):
        publish(an_edition(), tmp_path)


def test_old_pointer_folders_go_but_the_one_before_stays(tmp_path: Path) -> None:
    for day in (23, 24, 25, 26):
        publish(an_edition(id=f"2026-11-{day}.01"), tmp_path)
    assert sorted(path.name for path in (tmp_path / ".pointers").iterdir()) == ["3", "4"]


def test_swapping_to_a_release_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    publish(an_edition(), tmp_path)
    with pytest.raises(FileNotFoundError):
        pointers.swap(tmp_path, "2026-12-01.01")
    assert listing(tmp_path) == ["2026-11-23.01"]
