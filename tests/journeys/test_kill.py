"""Kill -9 while hubs are pulled. `make soak` does the same fifty times."""

import random

from tests.kills import Killing, half_snapshots, survive
from tests.websites import website


def test_incident_k_after_a_kill_the_next_run_ends_as_if_nothing_had_happened(tmp_path) -> None:
    with website(tmp_path / "feeds", delay_seconds=0.02) as site:
        killing = Killing(tmp_path, site, hubs=6, random=random.Random(4))
        survive(killing, kills=3)
    assert killing.landed == 3


def test_half_a_snapshot_would_be_seen(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        killing = Killing(tmp_path, site, hubs=1, random=random.Random(4))
        killing.change(0)
        killing.run("killed")
    store = tmp_path / "killed/store"
    assert list(half_snapshots(store)) == []
    blob = max((path for path in (store / "blobs").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1])
    assert len(list(half_snapshots(store))) == 1
