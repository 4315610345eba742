"""Feeds over the web, against servers that misbehave in every way we know of, and against real nginx."""

import io
import json
import socket
import threading
import time
import zipfile
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pipelines.pull import pull
from pipelines.pull.network import REDIRECTS, Limits, Network
from pipelines.store import Store
from tests import faults
from tests.feeds import NOW, a_case_study, a_faq, registration, write_feed
from tests.servers import nginx
from tests.websites import Website, answer, website

QUICK = Limits(attempts=2, connect_seconds=5, read_seconds=5, wait_seconds=0.01, retry_after_seconds=0.1)
SHORT = replace(QUICK, connect_seconds=1, read_seconds=1, floor_seconds=1.5)
"""For those who keep us waiting."""
ENDLESS = replace(QUICK, minute=0.1)
"""For those whom nothing ends but the time that a pull has: ten minutes are a second."""
LIMITS = {
    **dict.fromkeys(("never_answers", "body_drips", "headers_drip", "file_drips", "stops_half_way"), SHORT),
    **dict.fromkeys(("tls_nonsense",), SHORT),
    **dict.fromkeys(("slow_but_steady", "endless_body"), ENDLESS),
    # They take a moment to be sent, and are refused for what they are.
    **dict.fromkeys(("gzip_bomb", "zip_bomb", "huge_manifest"), Limits()),
}
"""How long some are waited for. A machine that has more to do must not make others look slow."""

CODES = {
    **dict.fromkeys(
        ("never_answers", "body_drips", "headers_drip", "file_drips", "stops_half_way", "slow_but_steady"),
        "unreachable_feed",
    ),
    **dict.fromkeys(("endless_body", "tls_nonsense", "two_lengths", "not_http", "always_500"), "unreachable_feed"),
    **dict.fromkeys(("endless_head", "endless_promises", "another_protocol", "come_back_never"), "unreachable_feed"),
    **dict.fromkeys(("come_back_tomorrow", "come_back_in_a_minute", "flapping"), "unreachable_feed"),
    **dict.fromkeys(
        ("cut_in_the_manifest", "cut_in_a_file", "reset_in_a_file", "length_too_short", "wrong_hash"), "partial_feed"
    ),
    **dict.fromkeys(
        ("cut_in_a_chunk", "cut_between_chunks", "cut_without_a_length", "cut_while_packed", "chunks_that_lie"),
        "partial_feed",
    ),
    **dict.fromkeys(("not_modified_although_nobody_asked", "half_a_part", "redirects_in_a_circle"), "address_refused"),
    **dict.fromkeys(("redirects_to_nonsense", "redirects_further_and_further"), "address_refused"),
    **dict.fromkeys(("redirects_to_the_cloud", "redirects_to_a_file", "redirects_inside"), "forbidden_address"),
    **dict.fromkeys(("paths_that_lead_out", "files_elsewhere"), "unsafe_path"),
    **dict.fromkeys(("gzip_bomb", "zip_bomb", "huge_manifest"), "too_large"),
    **dict.fromkeys(("log_in_page", "packed_as_nobody_asked"), "not_a_feed"),
}
"""What each way to be hostile is told to be."""

REQUESTS = {
    **dict.fromkeys(("body_drips", "headers_drip", "slow_but_steady", "endless_body"), 1),
    **dict.fromkeys(("cut_without_a_length", "half_a_part", "not_modified_although_nobody_asked"), 1),
    **dict.fromkeys(("log_in_page", "packed_as_nobody_asked", "huge_manifest", "gzip_bomb", "zip_bomb"), 1),
    **dict.fromkeys(("come_back_tomorrow", "come_back_in_a_minute"), 1),
    **dict.fromkeys(("redirects_to_the_cloud", "redirects_inside", "redirects_to_nonsense", "redirects_to_a_file"), 1),
    **dict.fromkeys(("paths_that_lead_out", "files_elsewhere"), 1),
    **dict.fromkeys(("file_drips", "wrong_hash"), 2),  # the manifest and the file
    **dict.fromkeys(("stops_half_way", "cut_in_a_file", "reset_in_a_file", "flapping"), 3),
    **dict.fromkeys(("cut_in_a_chunk", "cut_between_chunks"), 3),
    **dict.fromkeys(("redirects_in_a_circle", "redirects_further_and_further"), 1 + REDIRECTS),
}
"""How often each is asked. Whatever else may pass is asked for as often as ``QUICK`` has attempts."""


def attempt(
    folder: Path, address: str, *, days: float = 0, network: Network | None = None, **changes: Any
) -> dict[str, Any]:
    """Pull once into the store in ``folder``; the newest entry in the log."""
    store = Store(folder / "store")
    hub = registration(**{"private_address": True} | changes)
    with network or Network(QUICK) as opened:
        pull(store, hub, address, NOW + timedelta(days=days), opened)
    entry = store.last_pull("one")
    assert entry is not None
    return entry


def test_every_way_to_be_hostile_has_its_code() -> None:
    assert CODES.keys() == faults.WAYS.keys()


@pytest.mark.parametrize("way", faults.WAYS)
def test_a_hostile_server_gives_its_code_and_leaves_nothing(tmp_path, monkeypatch, way) -> None:
    monkeypatch.setattr(faults, "DRIP_SECONDS", 0.05)
    address, answer_of = faults.WAYS[way]
    asked: list[str] = []

    def counting(connection: socket.socket, path: str) -> None:
        asked.append(path)
        answer_of(connection, path)

    with faults.listening(counting) as port:
        told = attempt(tmp_path, address.format(port), network=Network(LIMITS.get(way, QUICK)))
    assert (told["code"], len(asked)) == (CODES[way], REQUESTS.get(way, QUICK.attempts))
    assert not (tmp_path / "store/snapshots").exists()
    assert faults.MARK not in json.dumps(told)


# What passes, and what is asked again.


def test_what_fails_twice_and_then_answers_is_had(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        write_feed(tmp_path / "feeds/one", [a_case_study()])
        failures = iter([500, 503])

        def flap(request: BaseHTTPRequestHandler) -> None:
            status = next(failures, 0)
            if status:
                return answer(request, status, b"")
            return answer(request, 200, (tmp_path / "feeds/one/datapackage.json").read_bytes())

        site.special["GET /one/datapackage.json"] = flap
        told = attempt(tmp_path, site.manifest("one"), network=Network(Limits(wait_seconds=0.01)))
    assert "digest" in told
    assert site.asked.count("GET /one/datapackage.json") == 3


def test_a_server_that_wants_to_be_left_alone_is_until_then_but_a_day_at_most(tmp_path) -> None:
    busy = faults.reply(b"", "Retry-After: 7200", status="429 Slow down")
    busier = faults.reply(b"", "Retry-After: 999999", status="503 Closed")
    with faults.scripted(a_csv=[busy, busier], b_csv=faults.reply(b"x,y\n")) as (address, asked):
        for hours, so_often in ((0, 1), (1.9, 1), (2.1, 2), (26, 2), (26.2, 3), (27, 3)):
            network = Network(QUICK, clock=lambda hours=hours: NOW + timedelta(hours=hours))
            attempt(tmp_path, f"{address}/a.csv", days=hours / 24, network=network)
            assert len(asked) == so_often, hours
        assert len(Store(tmp_path / "store").pulls("one")) == 3
        # What one address wants says nothing of another.
        assert "digest" in attempt(tmp_path, f"{address}/b.csv", days=27 / 24)


def test_a_clock_that_is_wrong_keeps_nobody_away_for_longer_than_a_day(tmp_path) -> None:
    busy = faults.reply(b"", "Retry-After: 7200", status="429 Slow down")
    with faults.scripted(a_csv=busy) as (address, asked):
        for hours in (0, 23, 25):
            network = Network(QUICK, clock=lambda: NOW + timedelta(days=100))
            attempt(tmp_path, f"{address}/a.csv", days=hours / 24, network=network)
    assert len(asked) == 2


@pytest.mark.parametrize("name", ["a.csv", "a.md", "feed.zip", "feed"])
@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("text/html; charset=utf-8", b"Please log in."),
        ("application/xhtml+xml", b"<?xml version='1.0'?><html/>"),
        ("text/plain", b"\xef\xbb\xbf\n<!DOCTYPE HTML><title>Log in</title>"),
        ("text/csv", b"<html><form>"),
    ],
)
def test_incident_i_a_web_page_in_place_of_a_file_is_no_feed(tmp_path, name, kind, page) -> None:
    answers = {name.replace(".", "_"): faults.reply(page, f"Content-Type: {kind}")}
    with faults.scripted(**answers) as (address, asked):
        assert attempt(tmp_path, f"{address}/{name}")["code"] == "not_a_feed"
    assert len(asked) == 1


def test_a_web_page_that_is_called_so_is_a_file_like_others(tmp_path) -> None:
    with faults.scripted(a_html=faults.reply(b"<!doctype html><p>A", "Content-Type: text/html")) as (address, _):
        assert "digest" in attempt(tmp_path, f"{address}/a.html")


def test_only_gets_are_sent(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        write_feed(tmp_path / "feeds/one", [a_case_study()])
        site.special["HEAD /one/datapackage.json"] = lambda request: answer(request, 404, b"")
        assert "digest" in attempt(tmp_path, site.manifest("one"))
    assert {line.split()[0] for line in site.asked} == {"GET"}


# Conditional requests.


def test_nginx_sends_what_has_changed_and_nothing_else(tmp_path) -> None:
    feed = write_feed(tmp_path / "feeds/one", [a_case_study()], [a_faq()])
    with nginx(tmp_path / "feeds") as address:
        first = attempt(tmp_path, f"{address}/one/datapackage.json")
        again = attempt(tmp_path, f"{address}/one/datapackage.json", days=1)
        path = next((feed / "faqs").iterdir())
        path.write_text(path.read_text().replace("A way", "One way"))
        changed = attempt(tmp_path, f"{address}/one/datapackage.json", days=2)
        attempt(tmp_path, f"{address}/one/datapackage.json", days=12)
        log = (tmp_path / "nginx/access.log").read_text().splitlines()
    assert again["digest"] == first["digest"] != changed["digest"]
    statuses = [int(line.split('" ')[1].split()[0]) for line in log]
    assert sorted(statuses[:3]) == [200] * 3
    assert sorted(statuses[3:6]) == [304] * 3
    assert sorted(statuses[6:9]) == [200, 304, 304]
    assert sorted(statuses[9:]) == [200] * 3  # after a week nobody is believed


def test_a_zip_that_is_as_it_was_is_not_sent_again(tmp_path) -> None:
    (tmp_path / "feeds").mkdir()
    with zipfile.ZipFile(tmp_path / "feeds/feed.zip", "w") as archive:
        archive.writestr("a.md", "# A\n")
    with nginx(tmp_path / "feeds") as address:
        first = attempt(tmp_path, f"{address}/feed.zip")
        again = attempt(tmp_path, f"{address}/feed.zip", days=1)
    assert (again["digest"], again["unchanged"]) == (first["digest"], True)


def test_a_workbook_over_the_web_comes_whole(tmp_path) -> None:
    (tmp_path / "feeds").mkdir()
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    (tmp_path / "feeds/book.xlsx").write_bytes(body.getvalue())
    with nginx(tmp_path / "feeds") as address:
        told = attempt(tmp_path, f"{address}/book.xlsx")
    (file,) = Store(tmp_path / "store").snapshot("one", told["digest"]).files
    assert file.bytes == len(body.getvalue())


def test_a_file_whose_bytes_are_not_those_declared_is_asked_for_whatever_its_etag_says(tmp_path) -> None:
    import hashlib

    with website(tmp_path / "feeds") as site:
        folder = tmp_path / "feeds/one"
        folder.mkdir(parents=True)
        (folder / "a.md").write_bytes(b"# New\n")

        def always_the_same(request: BaseHTTPRequestHandler) -> None:
            if request.headers.get("If-None-Match"):
                return answer(request, 304, b"", ETag='"same"')
            return answer(request, 200, (folder / "a.md").read_bytes(), ETag='"same"')

        site.special["GET /one/a.md"] = always_the_same

        def declare() -> None:
            digest = hashlib.sha256((folder / "a.md").read_bytes()).hexdigest()
            resource = {"name": "a", "path": "a.md", "hash": f"sha256:{digest}"}
            (folder / "datapackage.json").write_text(json.dumps({"resources": [resource]}))

        declare()
        first = attempt(tmp_path, site.manifest("one"))
        (folder / "a.md").write_bytes(b"# Newer\n")
        declare()
        second = attempt(tmp_path, site.manifest("one"), days=1)
    assert first["digest"] != second["digest"]
    assert site.asked.count("GET /one/a.md") == 3


# No way in.


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]", "127.1"])
def test_this_machine_by_any_name_is_refused_without_leave(tmp_path, host) -> None:
    told = attempt(tmp_path, f"http://{host}:9/datapackage.json", private_address=False)
    assert told["code"] in ("forbidden_address", "unreachable_feed")
    assert "refused)" not in told["detail"]  # nothing was connected to


def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        port = int(site.address.rpartition(":")[2])
        answers = iter(["93.184.216.34", "127.0.0.1"])
        resolver = lambda _host, _port: [next(answers, "127.0.0.1")]  # noqa: E731
        network = Network(Limits(attempts=2, connect_seconds=0.2, wait_seconds=0.01), resolver=resolver)
        told = attempt(tmp_path, f"http://hub.example:{port}/a.csv", network=network, private_address=False)
    assert told["code"] == "forbidden_address"
    assert site.asked == []


def test_a_redirect_to_another_machine_inside_is_refused_even_with_leave(tmp_path) -> None:
    with website(tmp_path / "feeds") as site:
        port = site.address.rpartition(":")[2]
        site.special["GET /a.csv"] = lambda request: answer(
            request, 302, b"", Location=f"http://127.0.0.2:{port}/secret.csv"
        )
        told = attempt(tmp_path, f"{site.address}/a.csv")
    assert told["code"] == "forbidden_address"
    assert site.asked == ["GET /a.csv"]


def test_a_secret_goes_to_its_own_port_only_and_never_unencrypted_to_the_world(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    seen: list[str | None] = []
    with website(tmp_path / "a") as site, website(tmp_path / "b") as other:

        def elsewhere(request: BaseHTTPRequestHandler) -> None:
            answer(request, 302, b"", Location=f"{other.address}/a.csv")

        def look(request: BaseHTTPRequestHandler) -> None:
            seen.append(request.headers.get("Authorization"))
            answer(request, 200, b"x,y\n")

        site.special["GET /a.csv"], other.special["GET /a.csv"] = elsewhere, look
        attempt(tmp_path, f"{site.address}/a.csv", secret="HUB_TOKEN")
    assert seen == [None]
    told = attempt(tmp_path, "http://hub.example/a.csv", secret="HUB_TOKEN", private_address=False)
    assert (told["code"], "unencrypted" in told["detail"]) == ("forbidden_address", True)
    told = attempt(tmp_path, "https://me:s3cret@hub.example/a.csv?key=s3cret")
    assert told["code"] == "address_refused"
    assert "s3cret" not in (tmp_path / "store/pulls/one.jsonl").read_text()


# Many at once.


def test_one_host_is_asked_by_a_few_at_a_time(tmp_path) -> None:
    lock, here, most = threading.Lock(), [0], [0]
    with website(tmp_path / "feeds") as site:

        def slow(request: BaseHTTPRequestHandler) -> None:
            with lock:
                here[0] += 1
                most[0] = max(most[0], here[0])
            time.sleep(0.1)
            with lock:
                here[0] -= 1
            answer(request, 200, b"x,y\n")

        for number in range(12):
            site.special[f"GET /{number}.csv"] = slow
        with Network(Limits(per_host=3)) as network:
            threads = [
                threading.Thread(target=_pull_into, args=(tmp_path / str(n), f"{site.address}/{n}.csv", network))
                for n in range(12)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert 1 < most[0] <= 3
    assert all("digest" in (Store(tmp_path / str(n)).last_pull("one") or {}) for n in range(12))


def _pull_into(store: Path, address: str, network: Network) -> None:
    pull(Store(store), registration(private_address=True), address, NOW, network)


def test_a_straggler_is_given_up_once_nothing_else_is_waited_for(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(faults, "DRIP_SECONDS", 0.05)
    with faults.listening(faults.WAYS["slow_but_steady"][1]) as port, Network(Limits(hurry_seconds=0.2)) as network:
        network.hurry()
        pull(Store(tmp_path), registration(private_address=True), f"http://127.0.0.1:{port}/a.csv", NOW, network)
    told = Store(tmp_path).last_pull("one") or {}
    assert (told["code"], "waited for nothing else" in told["detail"]) == ("unreachable_feed", True)


def test_a_port_that_takes_no_connection_is_unreachable(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert attempt(tmp_path, f"http://127.0.0.1:{port}/a.csv")["code"] == "unreachable_feed"


def test_many_pulls_share_one_network(tmp_path) -> None:
    with website(tmp_path / "feeds") as site, Network() as network:
        for number in range(20):
            write_feed(tmp_path / f"feeds/{number}", [a_case_study(body=f"Of {number}.")])
        _all_at_once(tmp_path, site, network)
    digests = {(Store(tmp_path / str(n)).last_pull("one") or {})["digest"] for n in range(20)}
    assert len(digests) == 20


def _all_at_once(folder: Path, site: Website, network: Network) -> None:
    threads = [
        threading.Thread(target=_pull_into, args=(folder / str(n), site.manifest(str(n)), network)) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
