import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.files import Busy
from pipelines.line import gather_some, make_benchmarks, make_library, withdrawn
from pipelines.publish import ReleaseRefused, latest
from pipelines.releasing import make_release, run
from tests.feeds import NOW, a_case_study, a_line, a_withdrawal, gather, register, write_feed


def quiet(_stage: str, _what: str) -> None:
    """No progress."""


def test_a_pull_between_library_and_release_stops_the_release(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    line = a_line(tmp_path)
    gather(line, "one", NOW)
    make_library(line)
    make_benchmarks(line)
    write_feed(tmp_path / "feeds/one", [a_case_study(body="Changed meanwhile.")])
    gather(line, "one", NOW + timedelta(hours=1))
    with pytest.raises(ReleaseRefused, match="make them again"):
        make_release(line, NOW)
    make_library(line)
    make_benchmarks(line)
    assert make_release(line, NOW) is not None


def test_when_every_feed_is_lost_at_once_nothing_is_published(tmp_path) -> None:
    register(tmp_path)
    with pytest.raises(ReleaseRefused, match="nothing to publish"):
        run(a_line(tmp_path), NOW, quiet)
    assert latest(tmp_path / "public") is None


def test_what_a_hubs_worker_raises_is_raised(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    (tmp_path / "store").mkdir()
    (tmp_path / "store/pulls").write_text("a file in the way")
    with pytest.raises(NotADirectoryError):
        run(a_line(tmp_path), NOW, quiet)


def test_the_same_feeds_give_the_same_bytes_whatever_the_order_of_work(tmp_path) -> None:
    releases = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        for hub in ("one", "two", "three"):
            register(folder, id=hub)
            write_feed(folder / "feeds" / hub, [a_case_study(body=f"Of {hub}."), a_case_study(id="same", body="Same.")])
        if releases:  # signatures are part of it
            shutil.copytree(tmp_path / "a/store/keys", folder / "store/keys")
        outcome = run(a_line(folder), NOW, quiet)
        release = folder / "public/releases" / str(outcome.release)
        releases.append({p.relative_to(release): p.read_bytes() for p in release.rglob("*") if p.is_file()})
    assert Path("SHA256SUMS.minisig") in releases[0]
    assert releases[0] == releases[1]


def test_what_a_hub_withdraws_is_told_and_its_reason_masked(tmp_path) -> None:
    register(tmp_path)
    notice = a_withdrawal(id="gone", reason="Ask a.b@sample.example why.", successor="shared-schedule")
    write_feed(tmp_path / "feeds/one", [a_case_study()], rows={"withdrawal": [notice]})
    line = a_line(tmp_path)
    run(line, NOW, quiet)
    (entry,) = withdrawn(line, line.store.library())
    assert (entry.id, entry.hub, entry.successor) == ("one/gone", "one", "one/shared-schedule")
    assert entry.reason == "Ask [e-mail address removed] why."
    release = tmp_path / "public/releases" / str(latest(tmp_path / "public").id)
    (told,) = json.loads((release / "coverage.json").read_text())["withdrawn"]
    assert told["successor_address"].startswith("en/records/")
    assert (release / told["successor_address"]).is_file()


def test_an_error_at_one_hub_is_told_and_the_others_are_gathered(tmp_path) -> None:
    for hub in ("one", "two", "three"):
        register(tmp_path, id=hub)
        write_feed(tmp_path / "feeds" / hub, [a_case_study(body=f"Of {hub}.")])
    line = a_line(tmp_path)
    with line.store.locked("hub-two"):
        found = {one.hub: one for one in gather_some(line, ["one", "two"], NOW, quiet)}
    assert found.keys() == {"one", "two"}
    assert found["one"].is_new
    assert found["one"].state.state == "fresh"
    assert isinstance(found["two"].error, Busy)
    assert line.store.last_pull("three") is None
