from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines.edition import Edition
from pipelines.files import Busy, only_one
from pipelines.publish import ReleaseRefused, candidate_folder, latest, next_id, pointers
from tests.builders import KEY, a_benchmark_table, an_edition, benchmark_rows, the_least_edition

ATOM = "{http://www.w3.org/2005/Atom}"


def publish(edition: Edition, public: Path) -> None:
    pointers.publish(edition, public, KEY)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public folder with the first release. It is only read."""
    folder = tmp_path_factory.mktemp("once") / "public"
    publish(the_least_edition(), folder)
    return folder


@pytest.fixture
def public(once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(once, tmp_path / "public", symlinks=True))


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


def test_the_feed_lists_releases_newest_first_with_ids_that_stay(public: Path) -> None:
    first = ElementTree.fromstring((public / "feed.xml").read_text())
    publish(the_least_edition(id="2026-11-24.01", previous="2026-11-23.01"), public)
    second = ElementTree.fromstring((public / "feed.xml").read_text())
    entries = second.findall(f"{ATOM}entry")
    assert [e.findtext(f"{ATOM}title") for e in entries] == ["Release 2026-11-24.01", "Release 2026-11-23.01"]
    assert second.findtext(f"{ATOM}id") == first.findtext(f"{ATOM}id")
    assert entries[1].findtext(f"{ATOM}id") == first.find(f"{ATOM}entry").findtext(f"{ATOM}id")
    assert listing(public) == ["2026-11-24.01", "2026-11-23.01"]


def test_the_root_files_are_relative_links_through_one_pointer(public: Path) -> None:
    for name in pointers.POINTERS:
        assert (public / name).readlink() == Path(".current") / name
    shutil.copytree(public, public.parent / "copy", symlinks=True)
    assert json.loads((public.parent / "copy" / "latest.json").read_text())["release"] == "2026-11-23.01"


@pytest.mark.parametrize("id", ["2026-11-23.01", "2026-11-22.05", "2026-11-23.00"])
def test_incident_r_a_version_never_repeats(public: Path, id: str) -> None:
    before = (public / "releases" / "2026-11-23.01" / "SHA256SUMS").read_bytes()
    with pytest.raises(ReleaseRefused, match="never used again"):
        publish(the_least_edition(id=id, build_key="1" * 64), public)
    assert (public / "releases" / "2026-11-23.01" / "SHA256SUMS").read_bytes() == before
    assert listing(public) == ["2026-11-23.01"]


def test_incident_r_rolling_back_and_publishing_again_uses_a_new_version(public: Path) -> None:
    publish(the_least_edition(id="2026-11-23.02"), public)
    pointers.swap(public, "2026-11-23.01")
    assert listing(public) == ["2026-11-23.01"]
    assert next_id(public, datetime(2026, 11, 23, 20, tzinfo=UTC)) == "2026-11-23.03"


def test_ids_follow_the_clock_and_never_go_back(tmp_path: Path, public: Path) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert next_id(tmp_path, now) == "2026-11-23.01"
    assert next_id(public, now) == "2026-11-23.02"
    with pytest.raises(ReleaseRefused, match="check the clock"):
        next_id(public, datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_an_id_that_is_no_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match="not a release id"):
        publish(the_least_edition(id="../escape"), tmp_path)


def test_a_release_that_fails_verification_leaves_the_old_one(public: Path) -> None:
    unsafe = an_edition(id="2026-11-24.01", benchmarks=a_benchmark_table(benchmark_rows(n=43)))
    with pytest.raises(ReleaseRefused, match="a count of 43"):
        publish(unsafe, public)
    assert listing(public) == ["2026-11-23.01"]
    assert not (public / "releases" / "2026-11-24.01").exists()


def test_what_a_dead_run_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / "releases" / ".building-2026-11-23.01"
    leftover.mkdir(parents=True)
    (leftover / "half.html").write_text("<h1>ha")
    assert next_id(tmp_path, datetime(2026, 11, 23, 12, tzinfo=UTC)) == "2026-11-23.02"
    publish(the_least_edition(id="2026-11-23.02"), tmp_path)
    assert not leftover.exists()
    assert listing(tmp_path) == ["2026-11-23.02"]


def test_a_candidate_that_a_dead_run_did_not_get_to_show_is_built_again(tmp_path: Path) -> None:
    edition = the_least_edition()
    leftover = candidate_folder(tmp_path, edition.id)
    leftover.mkdir(parents=True)
    (leftover / "half.html").write_text("<h1>ha")
    publish(edition, tmp_path)
    assert listing(tmp_path) == [edition.id]
    assert not leftover.exists()
    assert not (tmp_path / "releases" / edition.id / "half.html").exists()


def test_incident_s_a_kill_before_the_swap_leaves_the_old_release_whole(public: Path) -> None:
    # A run that died after writing its pointers and before moving the link.
    half = public / ".pointers" / "2"
    half.mkdir()
    (half / "latest.json").write_text("{")
    assert listing(public) == ["2026-11-23.01"]
    publish(the_least_edition(id="2026-11-24.01"), public)
    assert listing(public) == ["2026-11-24.01", "2026-11-23.01"]
    assert (public / ".current").readlink() == Path(".pointers/3")


def test_readers_see_four_pointers_of_one_release_at_every_moment(public: Path, monkeypatch) -> None:
    seen = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        before = listing(public)[0], json.loads((public / "latest.json").read_text())["release"]
        done = rename(self, target)
        after = listing(public)[0], json.loads((public / "latest.json").read_text())["release"]
        seen.extend([before, after])
        return done

    monkeypatch.setattr(Path, "rename", watched)
    publish(the_least_edition(id="2026-11-24.01"), public)
    assert set(seen) == {("2026-11-23.01", "2026-11-23.01"), ("2026-11-24.01", "2026-11-24.01")}


def test_two_publications_at_once_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path / ".publishing.lock"), pytest.raises(Busy):
        publish(the_least_edition(), tmp_path)


def test_old_pointer_folders_go_but_the_one_before_stays(public: Path) -> None:
    for day in (24, 25, 26):
        publish(the_least_edition(id=f"2026-11-{day}.01"), public)
    assert sorted(path.name for path in (public / ".pointers").iterdir()) == ["3", "4"]


def test_swapping_to_a_release_that_is_not_there_changes_nothing(public: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pointers.swap(public, "2026-12-01.01")
    assert listing(public) == ["2026-11-23.01"]
