"""Incidents that have really happened elsewhere, by letter: real servers on the loopback, the whole line, and what hub,
operator and reader see of it.

Of the releases themselves are l (all formats or no release), r (a version never repeats) and s (readers see the old
release or the new one, whole): their tests stand with ``publish``.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pipelines import publish
from pipelines.receipts import hub_page
from pipelines.releasing import Outcome
from pipelines.releasing import run as run_line
from tests.badfeeds import studies
from tests.feeds import (
    NOW,
    a_case_study,
    a_faq,
    a_line,
    answers_of,
    csv_text,
    register,
    write_feed,
)
from tests.intakes import COMMAND, HUBS, intake, verdict
from tests.journeys.test_run import files_of, hubpacks
from tests.journeys.test_run import run as run_command
from tests.websites import Website, answer, website

LETTERS = "abcdefghijkmnopqt"


def on_the_web(folder: Path, site: Website, *hubs: str, **changes: Any) -> None:
    """Register hubs whose feeds are ``feeds/<hub>`` of the world in ``folder``, which ``site`` serves."""
    for hub in hubs:
        register(folder, **{"id": hub, "address": site.manifest(hub), "private_address": True} | changes)


def run(folder: Path, days: float = 0) -> Outcome:
    """One run of the line in ``folder``, so many days after ``NOW``."""
    return run_line(a_line(folder), NOW + timedelta(days=days), lambda _stage, _what: None)


@dataclass(frozen=True)
class Readers:
    """What readers find: the latest release, its coverage statement by hub, its records by id, all its pages' text."""

    id: str
    folder: Path
    hubs: Mapping[str, Mapping[str, Any]]
    records: Mapping[str, Mapping[str, Any]]

    def stands(self, hub: str) -> tuple[str, list[str]]:
        """State of ``hub``, and the codes that hold its newest feed."""
        return self.hubs[hub]["state"], self.hubs[hub]["held_by"]

    def text(self) -> str:
        """All text files of the release."""
        kinds = (".html", ".json", ".jsonl", ".csv", ".txt")
        files = sorted(path for path in self.folder.rglob("*") if path.suffix in kinds)
        return "\n".join(path.read_text(encoding="utf-8") for path in files)


def readers(folder: Path) -> Readers:
    """The release that readers of ``folder/public`` see, which must be whole."""
    newest = publish.latest(folder / "public")
    assert newest is not None
    release = folder / "public" / newest.address
    assert publish.verify_release(release) == []
    lines = (release / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
    return Readers(
        newest.id,
        release,
        {entry["id"]: entry for entry in json.loads((release / "coverage.json").read_bytes())["hubs"]},
        {record["id"]: {**record, "source": record["source"]["snapshot"]} for record in map(json.loads, lines)},
    )


def status(folder: Path, hub: str) -> dict[str, Any]:
    """What the operator is told of ``hub``."""
    done = hubpacks(folder, "status", hub, "--registry", "registry", "--json")
    (only,) = json.loads(done.stdout)
    return only


def confirm(folder: Path, hub: str, reason: str) -> None:
    """The operator lets the held feed of ``hub`` through."""
    done = hubpacks(folder, "confirm", hub, "--reason", reason, "--registry", "registry")
    assert done.returncode == 0, done.stderr


# What hubs send.


def test_incident_a_two_bodies_submit_identical_bytes(tmp_path) -> None:
    for hub in HUBS:
        register(tmp_path, id=hub, address="intake")
    write_feed(tmp_path / "feed", [a_case_study()], [a_faq()])
    shutil.make_archive(str(tmp_path / "feed"), "zip", tmp_path / "feed")
    body = (tmp_path / "feed.zip").read_bytes()
    with intake(tmp_path) as running:
        addresses = {}
        for hub in HUBS:
            with running.client(hub) as client:
                sent = client.post(f"/api/v1/hubs/{hub}/submissions", content=body, params={"name": "feed.zip"})
                assert sent.status_code == 202
                addresses[hub] = sent.headers["location"]
                assert verdict(client, addresses[hub])["submission"]["state"] == "accepted"
        assert addresses["one"] != addresses["two"]
        run_command(tmp_path)
        receipts = {}
        for hub in HUBS:
            with running.client(hub) as client:
                receipts[hub] = client.get(addresses[hub]).json()["records"]
    seen = readers(tmp_path)
    assert {id: record["credits"] for id, record in seen.records.items()} == {
        "one/shared-schedule": ["one", "two"],
        "one/what-is-an-api": ["one", "two"],
    }
    assert {hub: seen.stands(hub) for hub in HUBS} == {"one": ("fresh", []), "two": ("fresh", [])}
    assert [entry["status"] for entry in receipts["one"]] == ["accepted"] * 2
    assert [(entry["status"], entry["into"]) for entry in receipts["two"]] == [
        ("merged", "one/shared-schedule"),
        ("merged", "one/what-is-an-api"),
    ]
    assert all((seen.folder.parents[1] / entry["address"]).is_file() for entry in receipts["two"])


def test_incident_b_a_valid_feed_without_records(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", "two")
        write_feed(tmp_path / "feeds/one", studies(3))
        write_feed(tmp_path / "feeds/two", faqs=[a_faq()])
        run_command(tmp_path)
        before = readers(tmp_path).records
        write_feed(tmp_path / "feeds/one")
        run_command(tmp_path)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("carried_forward", ["empty_feed"])
    assert seen.records == before
    told = status(tmp_path, "one")
    assert told["held_by"] == ["empty_feed"]
    assert "The feed holds no record" in told["reason"]
    assert "The feed holds no record" in hubpacks(tmp_path, "status", "--registry", "registry").stdout


def test_incident_b_a_hub_that_never_had_a_record_is_held(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", "two")
        write_feed(tmp_path / "feeds/one")
        write_feed(tmp_path / "feeds/two", faqs=[a_faq()])
        run(tmp_path)
    assert readers(tmp_path).stands("one") == ("held", ["empty_feed"])


def test_incident_c_28_619_rows_become_37(tmp_path) -> None:
    rows = answers_of(9_540)[:28_619]
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        feed = write_feed(tmp_path / "feeds/one", [a_case_study()], answers=rows)
        run_command(tmp_path)
        before = readers(tmp_path)
        (feed / "returns.csv").write_text(csv_text(rows[:37]))
        run_command(tmp_path)
        held = readers(tmp_path)
        assert held.stands("one") == ("carried_forward", ["feed_cut_short"])
        benchmarks = "benchmarks/benchmarks.csv"
        assert (held.folder / benchmarks).read_bytes() == (before.folder / benchmarks).read_bytes()
        told = status(tmp_path, "one")
        assert told["held_by"] == ["feed_cut_short"]
        assert "28,582 of 28,619" in told["reason"]
        run_command(tmp_path)
        assert readers(tmp_path).id == held.id  # still held, and told once
        confirm(tmp_path, "one", "Keys of earlier years were withdrawn.")
        run_command(tmp_path)
    confirmed = readers(tmp_path)
    assert confirmed.stands("one") == ("fresh", [])
    assert status(tmp_path, "one")["counts"]["answers_accepted"] == 37
    assert confirmed.hubs["one"]["records"]["answers_accepted"] == 0  # readers are told in hundreds
    assert "Keys of earlier years were withdrawn." in "".join(
        path.read_text(encoding="utf-8") for path in (tmp_path / "store").rglob("*.json*")
    )


def a_page(site: Website, number: int, pages: int, link: bool = True) -> bytes:
    """Page ``number`` of ``pages`` with ten questions each."""
    data: dict[str, Any] = {
        "count": 10 * pages,
        "results": [
            a_faq(id=f"question-{n}", question=f"What is {n}?", answer=f"It is {n} times {n + 1}.")
            for n in range(10 * number, 10 * number + 10)
        ],
    }
    if link and number + 1 < pages:
        data["next"] = f"{site.address}/api/{number + 1}"
    return json.dumps(data).encode()


def serve_pages(site: Website, pages: int, lost: int | None = None) -> None:
    """Ten questions a page; page ``lost`` has no next."""
    for number in range(pages):
        body = a_page(site, number, pages, link=number != lost)
        site.special[f"GET /api/{number}"] = lambda request, body=body: answer(
            request, 200, body, Content_Type="application/json"
        )


PAGED = {
    "paging": {"records": "/results", "next": "/next", "total": "/count"},
    "sources": [
        {
            "kind": "faq",
            "glob": "**/*.json",
            "reader": "rows",
            "fields": {
                name: name
                for name in ("id", "question", "answer", "audience", "sectors", "published", "language", "licence")
            },
        }
    ],
}


def test_incident_d_the_next_link_of_page_7_is_lost(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", address=f"{site.address}/api/0", **PAGED)
        serve_pages(site, 10)
        run(tmp_path)
        before = readers(tmp_path)
        assert len(before.records) == 100
        serve_pages(site, 10, lost=7)
        run(tmp_path, days=1)
        assert readers(tmp_path).stands("one") == ("carried_forward", ["partial_feed"])
        assert readers(tmp_path).records == before.records
        serve_pages(site, 10)
        run(tmp_path, days=2)
    assert readers(tmp_path).stands("one") == ("fresh", [])


def test_incident_d_one_page_in_seven_fails(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", address=f"{site.address}/api/0", **PAGED)
        serve_pages(site, 7)
        run(tmp_path)
        before = readers(tmp_path)
        site.special["GET /api/3"] = lambda request: answer(request, 500, b"")
        run(tmp_path, days=1)
    assert readers(tmp_path).stands("one") == ("carried_forward", ["unreachable_feed"])
    assert readers(tmp_path).records == before.records


def test_incident_d_a_file_of_the_manifest_is_missing(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(7))
        run(tmp_path)
        before = readers(tmp_path)
        write_feed(tmp_path / "feeds/one", studies(7, summary="Another summary of the same."))
        (tmp_path / "feeds/one/case_studies/study-6.md").unlink()
        run(tmp_path, days=1)
    assert readers(tmp_path).stands("one")[0] == "carried_forward"
    assert readers(tmp_path).records == before.records


def test_incident_e_all_ids_are_new_and_the_content_is_the_same(tmp_path) -> None:
    texts = ["bins", "roads", "schools", "libraries", "housing", "parks"]
    records = [a_case_study(id=f"s-{n}", title=f"About {t}", body=f"What {t} did.\n" * 9) for n, t in enumerate(texts)]
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", records)
        run_command(tmp_path)
        before = readers(tmp_path).records
        shutil.rmtree(tmp_path / "feeds/one")
        write_feed(tmp_path / "feeds/one", [record | {"id": f"new-{record['id']}"} for record in records])
        run_command(tmp_path)
        assert readers(tmp_path).stands("one") == ("carried_forward", ["feed_rekeyed"])
        assert readers(tmp_path).records == before
        told = json.dumps(status(tmp_path, "one"))
        assert all(f"s-{n}" in told and f"new-s-{n}" in told for n in range(6))  # the mapping is offered
        confirm(tmp_path, "one", "The hub has a new editorial system.")
        run_command(tmp_path)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("fresh", [])
    assert {id: record["address"] for id, record in seen.records.items()} == {
        id: record["address"] for id, record in before.items()
    }


def test_incident_f_honest_growth_times_nine(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(10))
        run_command(tmp_path)
        write_feed(tmp_path / "feeds/one", studies(90))
        run_command(tmp_path)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("fresh", [])
    assert len(seen.records) == 90
    assert "growth" in json.dumps(status(tmp_path, "one"))  # noted


def test_incident_g_a_cache_serves_last_months_file_under_a_new_date(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        feed = write_feed(tmp_path / "feeds/one", [a_case_study(body="Of October.")])
        run(tmp_path)
        october = files_of(feed)
        write_feed(feed, [a_case_study(body="Of November.")])
        run(tmp_path, days=30)
        november = readers(tmp_path)
        for name, data in october.items():
            site.special[f"GET /one/{name}"] = lambda request, data=data: answer(
                request, 200, data, Last_Modified="Wed, 25 Nov 2026 08:00:00 GMT", ETag='"brand new"'
            )
        outcome = run(tmp_path, days=60)
        seen = readers(tmp_path)
        assert seen.stands("one") == ("carried_forward", ["feed_went_back"])
        assert seen.records == november.records
        assert outcome.hubs[0].fetched == NOW + timedelta(days=30)
        site.special.clear()
        run(tmp_path, days=61)
    assert readers(tmp_path).stands("one") == ("fresh", [])


def test_incident_g_the_same_bytes_under_a_new_date_are_not_new(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", cadence="monthly")
        feed = write_feed(tmp_path / "feeds/one", [a_case_study()])
        run(tmp_path)
        for name, data in files_of(feed).items():
            site.special[f"GET /one/{name}"] = lambda request, data=data: answer(
                request, 200, data, Last_Modified="Wed, 25 Nov 2026 08:00:00 GMT", ETag='"brand new"'
            )
        outcome = run(tmp_path, days=55)
    assert not outcome.is_new
    assert outcome.hubs[0].fetched == NOW
    line = a_line(tmp_path)
    page = hub_page(line.store, line.registry, "one", NOW + timedelta(days=55))
    assert page["fetched"] == NOW.isoformat()  # the hub sees how old its content is


def test_incident_h_head_says_404_and_get_200(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        feed = write_feed(tmp_path / "feeds/one", studies(2))
        for name in files_of(feed):
            site.special[f"HEAD /one/{name}"] = lambda request: answer(request, 404, b"")
        run(tmp_path)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("fresh", [])
    assert set(seen.records) == {"one/study-0", "one/study-1"}
    assert {line.split()[0] for line in site.asked} == {"GET"}


LOG_IN = b"<!DOCTYPE html>\n<html><body><h1>Welcome back stranger</h1><form>Password</form></body></html>"


@pytest.mark.parametrize("name", ["datapackage.json", "case_studies/study-1.md"])
def test_incident_i_a_log_in_page_with_status_200(tmp_path, name: str) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(2))
        run(tmp_path)
        before = readers(tmp_path).records
        site.special[f"GET /one/{name}"] = lambda request: answer(request, 200, LOG_IN, Content_Type="text/html")
        run(tmp_path, days=1)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("carried_forward", ["not_a_feed"])
    assert seen.records == before
    assert "Welcome back stranger" not in seen.text()


def test_incident_j_34_866_keywords_or_8_327_attachments(tmp_path) -> None:
    keywords = [f"keyword-{n}" for n in range(34_866)]
    attachments = [f"attachment-{n}.pdf" for n in range(8_327)]
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        broken = (
            a_case_study(id="keywords", technology_types=keywords),
            a_case_study(id="names", organisations=attachments),
        )
        unknown = a_case_study(id="attached", body="Attached.", attachments=attachments)
        write_feed(tmp_path / "feeds/one", [*studies(5), *broken, unknown])
        run(tmp_path)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("fresh", [])
    assert set(seen.records) == {*(f"one/study-{n}" for n in range(5)), "one/attached"}
    assert "attachment-17.pdf" not in seen.text()
    line = a_line(tmp_path)
    fates = {entry["id"]: entry for entry in hub_page(line.store, line.registry, "one", NOW)["records"]}
    for id in ("keywords", "names"):
        assert (fates[id]["status"], fates[id]["codes"]) == ("quarantined", ["too_many_values"])


def test_incident_k_a_pull_is_killed_in_the_middle(tmp_path) -> None:
    reached, gate = threading.Event(), threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        reached.set()
        gate.wait(30)
        answer(request, 200, (tmp_path / "feeds/one/case_studies/study-20.md").read_bytes())

    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(40))
        run_command(tmp_path)
        before, public = readers(tmp_path), files_of(tmp_path / "public")
        write_feed(tmp_path / "feeds/one", studies(40, summary="A newer summary of the same."))
        site.special["GET /one/case_studies/study-20.md"] = stall
        with subprocess.Popen([*COMMAND, "run", "--registry", "registry"], cwd=tmp_path) as process:
            assert reached.wait(60)
            process.send_signal(signal.SIGKILL)
        gate.set()
        assert files_of(tmp_path / "public") == public
        line = a_line(tmp_path)
        assert len(list((line.store.root / "snapshots/one").iterdir())) == 1
        # A release cut now reads what was complete before.
        from pipelines.line import make_benchmarks, make_library
        from pipelines.releasing import make_release

        assert len(make_library(line)) == 40
        make_benchmarks(line)
        make_release(line, NOW)
        assert readers(tmp_path).records == before.records
        site.special.clear()
        run_command(tmp_path)
    assert {record["summary"] for record in readers(tmp_path).records.values()} == {"A newer summary of the same."}


def test_incident_k_a_feed_that_breaks_off_leaves_the_last_complete_one(tmp_path) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "5000")
        request.end_headers()
        request.wfile.write(b"---\nid: study-30\n")
        request.close_connection = True

    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(40))
        run(tmp_path)
        before = readers(tmp_path)
        write_feed(tmp_path / "feeds/one", studies(40, summary="A newer summary of the same."))
        site.special["GET /one/case_studies/study-30.md"] = cut
        run(tmp_path, days=1)
    assert readers(tmp_path).stands("one") == ("carried_forward", ["partial_feed"])
    assert readers(tmp_path).records == before.records


# What a release counts, and for how long.


def benchmark_counts(folder: Path) -> set[int | None]:
    """The numbers of organisations in the whole groups of the benchmarks."""
    rows = json.loads((readers(folder).folder / "benchmarks/benchmarks.json").read_bytes())["rows"]
    return {row["n"] for row in rows if row["breakdown"] == "total"}


def test_incident_m_one_organisation_through_two_hubs_counts_once(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", "two")
        write_feed(tmp_path / "feeds/one", [a_case_study(body="Of one.")], answers=answers_of(40))
        write_feed(tmp_path / "feeds/two", [a_case_study(body="Of two.")], answers=answers_of(40))
        run(tmp_path)
        assert benchmark_counts(tmp_path) == {40}
        write_feed(tmp_path / "feeds/two", [a_case_study(body="Of two.")], answers=answers_of(80))
        run(tmp_path, days=1)
        assert benchmark_counts(tmp_path) == {80}


def gone_for(folder: Path, hub: str, days: float) -> tuple[Readers, str]:
    """A run so many days after the last good one, with nobody at home at ``hub``; also its part of the pages."""
    run(folder, days)
    seen = readers(folder)
    pages = [path.read_text(encoding="utf-8") for path in (seen.folder / "en").rglob("*.html")]
    return seen, "\n".join(page for page in pages if f"Hub {hub}" in page)


def test_incident_n_a_feed_is_out_of_reach_for_72_hours_90_days_and_for_good(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", carry_for_days=100)
        register(tmp_path, id="two")
        write_feed(tmp_path / "feeds/one", [a_case_study()])
        write_feed(tmp_path / "feeds/two", faqs=[a_faq()])
        run(tmp_path)
        assert readers(tmp_path).stands("one") == ("fresh", [])
    expires = (NOW + timedelta(days=100)).isoformat()
    for days in (1, 3, 90):
        seen, pages = gone_for(tmp_path, "one", days)
        assert seen.stands("one")[0] == "carried_forward"
        assert set(seen.records) == {"one/shared-schedule", "two/what-is-an-api"}
        assert (seen.hubs["one"]["seen"], seen.hubs["one"]["expires"]) == (NOW.isoformat(), expires)
        assert "1 October 2026" in pages
    assert "9 January 2027" in pages  # the warning: until when it is carried
    line = a_line(tmp_path)
    state = hub_page(line.store, line.registry, "one", NOW + timedelta(days=90))
    assert state["held_by"] == ["hub_gone"]
    seen, _ = gone_for(tmp_path, "one", 101)
    assert seen.hubs["one"]["state"] == "missing"
    assert set(seen.records) == {"two/what-is-an-api"}
    assert seen.hubs["one"]["reason"]
    assert "and has been dropped" in run(tmp_path, days=101).hubs[0].reason


def test_incident_n_the_clock_of_the_carrying_starts_when_the_feed_was_last_seen(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", carry_for_days=100)
        write_feed(tmp_path / "feeds/one", [a_case_study()])
        run(tmp_path)
        assert not run(tmp_path, days=99).is_new
    run(tmp_path, days=150)
    assert readers(tmp_path).stands("one")[0] == "carried_forward"


@pytest.mark.parametrize("also", ["nothing else", "a loss that holds the feed"])
def test_incident_o_a_licence_turns_non_open(tmp_path, also: str) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", studies(20))
        run(tmp_path)
        assert "one/study-3" in readers(tmp_path).records
        rest = [study for study in studies(20) if study["id"] != "study-3"]
        kept = rest if also == "nothing else" else rest[:8]
        closed = studies(20)[3] | {"licence": "All rights reserved"}
        write_feed(tmp_path / "feeds/one", [*kept, closed])
        outcome = run(tmp_path, days=1)
    seen = readers(tmp_path)
    assert set(seen.records) == {f"one/study-{n}" for n in range(20) if n != 3}
    assert outcome.is_new
    if also == "nothing else":
        assert seen.stands("one") == ("fresh", [])
    else:
        assert seen.hubs["one"]["state"] == "carried_forward"
    line = a_line(tmp_path)
    fates = {entry["id"]: entry for entry in hub_page(line.store, line.registry, "one", NOW)["records"]}
    assert fates["study-3"]["status"] in ("quarantined", "withheld")


def test_incident_p_a_hub_leaves_the_register(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one", "two")
        write_feed(tmp_path / "feeds/one", [a_case_study()])
        write_feed(tmp_path / "feeds/two", faqs=[a_faq()])
        run(tmp_path)
        (tmp_path / "registry/one.yaml").unlink()
        site.asked.clear()
        run(tmp_path, days=1)
    seen = readers(tmp_path)
    assert seen.stands("one") == ("retired", [])
    assert "on purpose" in seen.hubs["one"]["reason"]
    assert set(seen.records) == {"two/what-is-an-api"}
    assert not [line for line in site.asked if "/one/" in line]


def test_incident_q_a_rule_is_loosened_and_nobody_submits_again(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        write_feed(tmp_path / "feeds/one", [*studies(3), a_case_study(id="unlicensed", licence=None, body="Other.")])
        run_command(tmp_path)
        assert "one/unlicensed" not in readers(tmp_path).records
        on_the_web(tmp_path, site, "one", licence="OGL-UK-3.0")
    # The hub's server is down meanwhile.
    done = hubpacks(tmp_path, "replay", "one", "--registry", "registry", "--json")
    assert json.loads(done.stdout)["freed"] == ["unlicensed"]
    run_command(tmp_path)
    assert set(readers(tmp_path).records) == {*(f"one/study-{n}" for n in range(3)), "one/unlicensed"}


def test_incident_t_only_a_generated_at_stamp_has_changed(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        on_the_web(tmp_path, site, "one")
        manifest = write_feed(tmp_path / "feeds/one", studies(2)) / "datapackage.json"
        stamped = json.loads(manifest.read_text()) | {"created": "2026-10-01T05:00:00Z"}
        manifest.write_text(json.dumps(stamped))
        first = run(tmp_path)
        public = files_of(tmp_path / "public")
        manifest.write_text(json.dumps(stamped | {"created": "2026-10-02T05:00:00Z"}, indent=1))
        again = run(tmp_path, days=1)
        assert not again.is_new
        assert again.release == first.release
        assert files_of(tmp_path / "public") == public
        line = a_line(tmp_path)
        fates = hub_page(line.store, line.registry, "one", NOW + timedelta(days=1))["records"]
        assert {(entry["status"], entry["release"]) for entry in fates} == {("accepted", first.release)}
        write_feed(tmp_path / "feeds/one", studies(3))
        assert run(tmp_path, days=2).is_new


def test_every_letter_is_here() -> None:
    named = {found[1] for name in globals() if (found := re.match(r"test_incident_([a-z])_", name))}
    assert named == set(LETTERS)
