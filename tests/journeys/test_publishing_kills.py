"""Kill -9 while a release is published or reissued, and a reader polls. `make soak` does it a hundred times each."""

import random
import time
from pathlib import Path

from tests.publishing_kills import PublishingKills, Reader, publish_next
from tests.servers import by_serve


def test_readers_never_see_a_half_published_or_half_reissued_release(tmp_path: Path) -> None:
    public = tmp_path / "public"
    killing = PublishingKills(public, random.Random(3))
    with by_serve(public, tmp_path) as address, Reader(address) as reader:
        for number in (2, 3):
            killing.round(number, kills=2)
    assert reader.problems == []
    assert reader.rounds > 5
    assert sum(killing.landed.values()) > 0


def test_the_reader_would_see_a_file_that_does_not_fit(tmp_path: Path) -> None:
    public = tmp_path / "public"
    publish_next(public, 1)
    (release,) = (public / "releases").iterdir()
    for path in release.rglob("*.html"):
        path.write_bytes(path.read_bytes() + b"<!-- -->")
    with by_serve(public, tmp_path) as address, Reader(address) as reader:
        until = time.monotonic() + 60
        while reader.rounds < 3 and time.monotonic() < until:
            time.sleep(0.05)
    assert reader.problems
