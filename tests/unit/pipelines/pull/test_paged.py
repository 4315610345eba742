"""Walks through real servers that answer page by page: what is whole, and what is only a part."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from hubs.instruments import instruments
from pipelines.check import check
from pipelines.pull import paged
from pipelines.pull.base import PullFailed, Visit
from pipelines.pull.known import Nothing
from pipelines.pull.network import Limits, Network
from tests.feeds import NOW, a_faq, registration
from tests.websites import serving

QUICK = Limits(connect_seconds=2, read_seconds=2, wait_seconds=0.01, retry_after_seconds=0.01)
BODY = {"records": "/items", "next": "/next"}
TOTAL = BODY | {"total": "/total"}
LINK: dict[str, str] = {}


@dataclass
class Page:
    """What a server answers, after so many ``failures``. ``body`` is JSON unless it is bytes."""

    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    failures: int = 0


Api = dict[str, Page]


def items(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": f"r-{number}", "text": "x" * (number % 7)} for number in range(first, last + 1)]


def pages(count: int = 7, **more: Any) -> Api:
    """Pages of two records each, of which each names the next in its body and the last says null."""
    api = {}
    for number in range(1, count + 1):
        following = f"/api?page={number + 1}" if number < count else None
        envelope = {"items": items(2 * number - 1, 2 * number), "next": following, "made": f"day {number}"} | more
        api["/api" if number == 1 else f"/api?page={number}"] = Page(envelope)
    return api


def linked(count: int = 3, with_last: bool = False, with_prev: bool = True) -> Api:
    """Pages that are lists, and name one another in the header Link."""
    api = {}
    for number in range(1, count + 1):
        links = []
        if number < count:
            links.append(f'</api?page={number + 1}>; rel="next"')
            if with_last:
                links.append(f'</api?page={count}>; title="the end, rel=none"; rel="last"')
        if number > 1 and with_prev:
            links.append(f'</api?page={number - 1}>; rel="prev", </api>; rel=first')
        headers = {"Link": ", ".join(links)} if links else {}
        api["/api" if number == 1 else f"/api?page={number}"] = Page(items(2 * number - 1, 2 * number), headers)
    return api


@contextmanager
def served(api: Mapping[str, Page]) -> Iterator[tuple[str, list[str]]]:
    """The address of ``/api`` on a real server, and what it has been asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            page = api.get(self.path, Page({"error": "no such page"}, status=404))
            if page.failures:
                page.failures -= 1
                page = Page({"error": "try later"}, status=503)
            body = page.body if isinstance(page.body, bytes) else json.dumps(page.body).encode()
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as address:
        yield f"{address}/api", asked


def walked(address: str, paging: Mapping[str, str], **changes: Any) -> bytes:
    """The bytes of the one file that a walk gives."""
    hub = registration(address=address, paging=paging, private_address=True, **changes)
    with Network(QUICK) as network:
        ((name, stream),) = [(n, s.read()) for n, s in paged.files(Visit(address, hub, network, Nothing()))]
    assert name == "records.json"
    return stream


def whole(api: Api, paging: Mapping[str, str]) -> list[Any]:
    """The records of a walk that must succeed."""
    with served(api) as (address, _):
        records: list[Any] = json.loads(walked(address, paging))
    return records


def refused(api: Api, paging: Mapping[str, str]) -> tuple[str, str]:
    """Code and detail of a walk that must fail."""
    with served(api) as (address, _), pytest.raises(PullFailed) as caught:
        walked(address, paging)
    return caught.value.code, caught.value.detail


def changed(api: Api, number: int, **members: Any) -> Api:
    """The API with other members on one page; ``GONE`` takes one away."""
    page = api["/api" if number == 1 else f"/api?page={number}"]
    page.body = {name: value for name, value in (page.body | members).items() if value is not GONE}
    return api


GONE = object()


# Whole.


def test_all_pages_become_one_file_with_a_record_a_line() -> None:
    with served(pages(3)) as (address, asked):
        data = walked(address, BODY)
    assert asked == ["/api", "/api?page=2", "/api?page=3"]
    lines = [json.dumps(item, separators=(",", ":")) for item in items(1, 6)]
    assert data.decode() == "[\n" + ",\n".join(lines) + "\n]\n"


def test_what_stands_around_the_records_is_no_change() -> None:
    with served(pages(3, made="now")) as (first, _), served(pages(3, made="later", host="b")) as (second, _):
        assert walked(first, BODY) == walked(second, BODY)


def test_one_page_may_be_all() -> None:
    assert whole(pages(1), BODY) == items(1, 2)


@pytest.mark.parametrize("end", [None, ""])
def test_the_last_page_says_so(end: str | None) -> None:
    assert whole(changed(pages(2), 2, next=end), BODY) == items(1, 4)


def test_with_a_total_a_missing_key_is_an_end_too() -> None:
    assert whole(changed(pages(7, total=14), 7, next=GONE), TOTAL) == items(1, 14)


def test_a_last_page_may_be_empty() -> None:
    api = changed(pages(2, total=4), 2, next="/api?page=3")
    api["/api?page=3"] = Page({"items": [], "total": 4})
    assert whole(api, TOTAL) == items(1, 4)


def test_a_list_without_records_is_a_feed_without_records() -> None:
    assert whole({"/api": Page({"items": [], "next": None})}, BODY) == []


def test_pointers_lead_deep_and_through_strange_names() -> None:
    body = {"a/b": [{"~c": {"": items(1, 2)}}], "meta": {"pages": [{"href": None}], "n": 2}}
    paging = {"records": "/a~1b/0/~0c/", "next": "/meta/pages/0/href", "total": "/meta/n"}
    assert whole({"/api": Page(body)}, paging) == items(1, 2)


@pytest.mark.parametrize("with_last", [True, False])
def test_pages_may_be_lists_that_name_one_another_in_their_headers(with_last: bool) -> None:
    assert whole(linked(3, with_last=with_last), LINK) == items(1, 6)


def test_the_last_page_is_known_by_its_address_alone() -> None:
    assert whole(linked(3, with_last=True, with_prev=False), LINK) == items(1, 6)


def test_the_order_of_a_query_makes_no_other_page() -> None:
    api = linked(2, with_last=True, with_prev=False)
    api["/api"].headers["Link"] = '</api?a=1&page=2>; rel="next", </api?page=2&a=1>; rel="last"'
    api["/api?a=1&page=2"] = api.pop("/api?page=2")
    assert whole(api, LINK) == items(1, 4)


def test_links_with_a_total() -> None:
    api = {"/api": Page({"n": 3, "all": items(1, 2)}, {"Link": '</api?page=2>; rel="next"'})}
    api["/api?page=2"] = Page({"n": 3, "all": items(3, 3)})
    assert whole(api, {"records": "/all", "total": "/n"}) == items(1, 3)


def test_a_next_page_may_be_named_in_any_way_at_the_same_place() -> None:
    with served(api := pages(3)) as (address, asked):
        changed(api, 1, next="?page=2#top")
        changed(api, 2, next=address + "?page=3")
        assert json.loads(walked(address, BODY)) == items(1, 6)
    assert asked == ["/api", "/api?page=2", "/api?page=3"]


def test_redirects_are_where_next_pages_are_seen_from() -> None:
    api = pages(2)
    api["/v2/api"] = api["/api"]
    api["/v2/api"].body["next"] = "rest"
    api["/v2/rest"] = api["/api?page=2"]
    api["/api"] = Page(b"", {"Location": "/v2/api"}, status=302)
    assert whole(api, BODY) == items(1, 4)


def test_a_record_that_shifts_to_the_next_page_counts_once() -> None:
    api = changed(pages(3, total=6), 2, items=items(2, 4))
    assert whole(api, TOTAL) == items(1, 6)


def test_records_that_are_alike_on_one_page_are_left_to_the_judge() -> None:
    twice = items(1, 1) * 2
    assert whole({"/api": Page({"items": twice, "next": None, "total": 2})}, TOTAL) == twice


def test_a_page_that_fails_once_is_asked_again() -> None:
    api = pages(3)
    api["/api?page=2"].failures = 1
    with served(api) as (address, asked):
        assert json.loads(walked(address, BODY)) == items(1, 6)
    assert asked == ["/api", "/api?page=2", "/api?page=2", "/api?page=3"]


# Parts.


def test_incident_d_a_lost_link_makes_the_feed_a_part() -> None:
    code, detail = refused(changed(pages(9), 7, next=GONE), BODY)
    assert (code, "page 7" in detail) == ("partial_feed", True)


def test_incident_d_with_a_total() -> None:
    for lost in (GONE, None):
        code, detail = refused(changed(pages(9, total=18), 7, next=lost), TOTAL)
        assert (code, detail) == ("partial_feed", "page 7 names no next page: 14 different records came, of 18")


def test_incident_d_in_the_header() -> None:
    api = linked(9, with_last=True)
    api["/api?page=7"].headers["Link"] = '</api?page=6>; rel="prev", </api?page=9>; rel="last"'
    assert refused(api, LINK)[0] == "partial_feed"
    api["/api?page=7"].headers["Link"] = '</api?page=6>; rel="prev"'
    assert refused(api, LINK)[0] == "partial_feed"
    api["/api?page=7"].headers.clear()
    assert refused(api, LINK)[0] == "partial_feed"


def test_a_header_that_is_lost_is_no_end() -> None:
    assert refused(linked(3, with_prev=False), LINK)[0] == "partial_feed"
    assert refused(linked(1), LINK)[0] == "partial_feed"


Change = Callable[[Api], Api]
PARTS: dict[str, tuple[Mapping[str, str], Change]] = {
    "fewer than the total": (TOTAL, lambda api: changed(api, 3, items=items(5, 5))),
    "more than the total": (TOTAL, lambda api: changed(api, 3, items=items(5, 9))),
    "another total": (TOTAL, lambda api: changed(api, 2, total=7)),
    "no total on a page": (TOTAL, lambda api: changed(api, 2, total=GONE)),
    "a total that is no number": (TOTAL, lambda api: changed(api, 2, total="6")),
    "a total that is a truth": (TOTAL, lambda api: changed(api, 2, total=True)),
    "a record twice and another missing": (TOTAL, lambda api: changed(api, 2, items=items(2, 3))),
    "no list": (BODY, lambda api: changed(api, 2, items={"a": 1})),
    "no records": (BODY, lambda api: changed(api, 2, items=GONE)),
    "an error in place of a page": (BODY, lambda api: api | {"/api?page=2": Page({"error": "try later"})}),
    "a list in place of an object": (BODY, lambda api: api | {"/api?page=2": Page([])}),
    "a number in place of a page": (BODY, lambda api: api | {"/api?page=2": Page(7)}),
    "no JSON": (BODY, lambda api: api | {"/api?page=2": Page(b"oops")}),
    "half of a page": (
        BODY,
        lambda api: api | {"/api?page=2": Page(json.dumps(api["/api?page=2"].body).encode()[:40])},
    ),
    "an empty page": (BODY, lambda api: api | {"/api?page=2": Page(b"")}),
    "nested too deep": (BODY, lambda api: api | {"/api?page=2": Page(b"[" * 10_000)}),
    "a key twice": (BODY, lambda api: api | {"/api?page=2": Page(b'{"items": [], "next": null, "items": []}')}),
    "a next page that is a number": (BODY, lambda api: changed(api, 2, next=3)),
    "a next page that is a lie": (BODY, lambda api: changed(api, 2, next=False)),
    "no such page": (BODY, lambda api: changed(api, 2, next="/api?page=30")),
    "a page that says no": (BODY, lambda api: api | {"/api?page=2": Page({}, status=403)}),
    "the same page again": (BODY, lambda api: changed(api, 2, next="/api?page=2")),
    "the first page again": (BODY, lambda api: changed(api, 3, next="/api")),
    "the same page by another name": (BODY, lambda api: changed(api, 2, next="?page=2#again")),
    "another host": (BODY, lambda api: changed(api, 2, next="https://elsewhere.example/api?page=3")),
    "another port": (BODY, lambda api: changed(api, 2, next="http://127.0.0.1:9/api?page=3")),
    "another scheme": (BODY, lambda api: changed(api, 2, next="https://127.0.0.1/api?page=3")),
    "a file": (BODY, lambda api: changed(api, 2, next="file:///etc/passwd")),
    "no address": (BODY, lambda api: changed(api, 2, next="http://[::1/api")),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_walk_that_is_not_whole_is_no_feed(name: str) -> None:
    paging, change = PARTS[name]
    assert refused(change(pages(3, total=6)), paging)[0] == "partial_feed"


def test_what_the_parts_were_before_is_whole() -> None:
    """So that each of them is refused for its own fault."""
    assert whole(pages(3, total=6), TOTAL) == items(1, 6)


def test_a_page_that_stays_broken_breaks_the_feed() -> None:
    code, _ = refused(pages(3) | {"/api?page=2": Page({}, status=500)}, BODY)
    assert code == "unreachable_feed"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (Page(b"<!doctype html><title>Log in</title>"), "not_a_feed"),
        (Page(b"oops"), "not_a_feed"),
        (Page({"items": 3, "next": None}), "not_a_feed"),
        (Page({}, status=404), "address_refused"),
    ],
    ids=str,
)
def test_a_first_page_that_is_none_is_no_feed(first: Page, code: str) -> None:
    assert refused({"/api": first}, BODY)[0] == code


def test_incident_i_a_log_in_page_later_is_no_page() -> None:
    page = Page(b"<!doctype html><title>Log in</title>")
    assert refused(pages(3) | {"/api?page=2": page}, BODY)[0] == "not_a_feed"


def test_a_disk_that_takes_no_more_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "SPOOL_BYTES", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert refused(pages(), BODY)[0] == "pull_failed"


def test_a_next_page_at_an_address_without_measure_is_not_asked_for() -> None:
    long = f"/api?page=3&{'x' * 8_000}"
    api = changed(pages(3), 2, next=long)
    api[long] = api.pop("/api?page=3")
    assert refused(api, BODY) == ("partial_feed", "page 2 names a next page at an address that is none")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://[::1/api", "http://u:p@127.0.0.1/api"])
def test_a_link_that_is_no_web_address_is_no_end(target: str) -> None:
    api = linked(3)
    api["/api?page=2"].headers["Link"] = f'<{target}>; rel="next", </api>; rel="prev"'
    assert refused(api, LINK)[0] == "partial_feed"
    api["/api?page=2"].headers["Link"] = f'<{target}>; rel="last", </api>; rel="prev"'
    assert refused(api, LINK)[0] == "partial_feed"
    api["/api?page=2"].headers["Link"] = '<>; rel="next", </api>; rel="prev"'
    assert refused(api, LINK)[0] == "partial_feed"


def test_the_secret_goes_nowhere_else_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "hush")
    api = changed(pages(3), 2, next="https://elsewhere.example/api?key=hush")
    with served(api) as (address, _), pytest.raises(PullFailed) as caught:
        walked(address, BODY, secret="HUB_TOKEN")
    assert "https://elsewhere.example:443" in caught.value.detail
    assert "hush" not in str(caught.value)


def test_no_walk_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "MAX_PAGES", 5)
    assert refused(pages(6), BODY) == ("too_large", "more than 5 pages")
    assert whole(pages(5), BODY) == items(1, 10)


def test_the_records_of_all_pages_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "MAX_BYTES", 300)
    code, detail = refused(pages(30), BODY)
    assert (code, "at page" in detail) == ("too_large", True)


# From the registration to the records.


MAPPED = {
    "paging": TOTAL,
    "sources": [
        {"kind": "faq", "reader": "rows", "glob": "records.json", "fields": {"id": "key", "answer": "reply"}},
    ],
}


def test_the_records_of_all_pages_are_judged(tmp_path: Path) -> None:
    faqs = [a_faq(key=f"q-{number}", reply=f"Answer {number}.", question=f"Question {number}?") for number in range(4)]
    records = [{name: value for name, value in faq.items() if name not in ("id", "answer")} for faq in faqs]
    api = {
        "/api": Page({"items": records[:3], "next": "/api?page=2", "total": 4}),
        "/api?page=2": Page({"items": records[3:], "next": None, "total": 4}),
    }
    with served(api) as (address, _):
        hub = registration(address=address, private_address=True, **MAPPED)
        result = check(address, hub, instruments(), NOW, tmp_path)
    assert result.verdict is not None, result.refusal
    assert [record.document.id for record in result.verdict.records] == ["q-0", "q-1", "q-2", "q-3"]
    assert result.verdict.findings == []
