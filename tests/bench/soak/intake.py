"""50 submissions of 20 MB at once: is any lost, how much memory do the intake and its judges take together, how long?

Each feed has studies, a picture that packs badly, and 100,000 answers at full size. It fails when a submission is lost
or the memory exceeds the limit.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.badfeeds import study_text
from tests.bench.soak.memory import Memory
from tests.feeds import answers_of
from tests.intakes import Intake, intake, registered

LIMIT_BYTES = 500_000_000
ORGANISATIONS = 33_334
ONE = "/api/v1/hubs/one/submissions"


def a_feed(path: Path, number: int, megabytes: int) -> Path:
    """A zip of about so many megabytes, none like another."""
    rows = io.StringIO()
    answers = answers_of(ORGANISATIONS)
    writer = csv.DictWriter(rows, list(answers[0]))
    writer.writeheader()
    writer.writerows(answers)
    manifest = (
        '{"hubpacks": {"contract": "1"}, "resources": ['
        '{"name": "s", "path": "s/*.md", "hubpacks": {"kind": "case_study"}},'
        '{"name": "r", "path": "r.csv", "hubpacks": {"kind": "assessment"}}]}'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("datapackage.json", manifest)
        for study in range(100):
            archive.writestr(f"s/{study}.md", study_text(id=f"study-{study}", body=f"Study {study} of {number}. " * 40))
        archive.writestr("r.csv", rows.getvalue())
        rest = megabytes * 1_000_000 - sum(entry.file_size for entry in archive.infolist())
        archive.writestr("picture.bin", os.urandom(max(rest, 0)))
    return path


def soak(running: Intake, paths: list[Path]) -> bool:
    """Send all at once, wait for all verdicts, tell; whether all went well."""
    memory = Memory(running.process.pid)
    memory.start()
    start = time.monotonic()
    with running.client("one") as client:

        def send(path: Path) -> tuple[int, str]:
            with path.open("rb") as file:
                answer = client.post(ONE, content=iter(lambda: file.read(1 << 18), b""), params={"name": path.name})
            return answer.status_code, answer.json().get("submission", {}).get("sha256", "")

        with ThreadPoolExecutor(len(paths)) as pool:
            answers = list(pool.map(send, paths))
        received = time.monotonic() - start
        while any(entry["state"] == "received" for entry in client.get(ONE).json()["submissions"]):
            time.sleep(0.5)
        judged = time.monotonic() - start
        listed = client.get(ONE).json()["submissions"]
    memory.stop()
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    lost = len(sent - {entry["sha256"] for entry in listed})
    print(f"answers: {dict(Counter(status for status, _ in answers))}, lost: {lost}")
    print(f"states: {dict(Counter(entry['state'] for entry in listed))}")
    print(f"received in {received:.1f} s, judged in {judged:.1f} s")
    print(f"most memory: {memory.most / 1e6:,.0f} MB in all, {memory.most_of_server / 1e6:,.0f} MB of the server alone")
    return not lost and memory.most <= LIMIT_BYTES and {entry["state"] for entry in listed} == {"accepted"}


def main(number: int = 50, megabytes: int = 20) -> bool:
    """So many submissions of so many megabytes each; whether all went well."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = registered(Path(scratch))
        paths = [a_feed(folder / f"{index}.zip", index, megabytes) for index in range(number)]
        with intake(folder) as running:
            return soak(running, paths)
