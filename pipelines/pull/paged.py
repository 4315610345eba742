"""Feeds at a web address that answers with JSON a page at a time: all pages become one file of records.

How to walk is the registration's word (``paging``). A walk whose end is not certain is no feed, however much it
brought: a link that gets lost, or a page that fails, must never make a feed shorter. What the records say is for the
judge.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from hubs.contract.records import canonical_json
from hubs.jsonfile import UnreadableJson, parse_json
from hubs.mapping.account import MAX_WHOLE_FILE_BYTES
from hubs.mapping.text import decode, looks_like_html
from hubs.registration import RECORDS_FILE, Paging
from pipelines.pull import guard
from pipelines.pull.base import Files, PullFailed, Visit, keeping
from pipelines.pull.network import SPOOL_BYTES, Answered, Response

MAX_PAGES = 10_000
MAX_BYTES = MAX_WHOLE_FILE_BYTES
"""Of all records, and of a page: a larger file of records would not be read by anything."""
_ABSENT = object()
_NOWHERE = "http://invalid./"
"""In place of an address that is none, which no page has."""
_RELATIONS = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
_LATER = {"prev", "previous", "first"}
"""Relations of which only a page that others go before says anything, so the header itself has not been lost."""


def files(visit: Visit) -> Files:
    """One file, ``RECORDS_FILE``: a JSON list of the records of all pages in their order, a record a line.

    The rest of a page, such as the moment when it was made, is left out, so that it never looks like a change.
    Raises PullFailed; ``partial_feed`` when it is not certain that these are all records.
    """
    if visit.registration.paging is None:
        raise ValueError("the registration says nothing of pages")
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
        gathered = _Gathered(spool)
        _walk(visit, visit.registration.paging, gathered)
        gathered.close()
        yield RECORDS_FILE, spool


@dataclass
class _Gathered:
    """The records so far. One that an earlier page had too, to the byte, counts once: pages shift when something is
    added in front of them while they are read.
    """

    spool: IO[bytes]
    count: int = 0
    _size: int = 0
    _page_of: dict[bytes, int] = field(default_factory=dict)

    def add(self, record: Any, page: int) -> None:
        """Take a record of the page with that number."""
        data = canonical_json(record).encode()
        if self._page_of.setdefault(hashlib.sha256(data).digest(), page) < page:
            return
        self._size += len(data)
        if self._size > MAX_BYTES:
            raise PullFailed("too_large", f"the records have more than {MAX_BYTES:,} bytes, at page {page:,}")
        with keeping():
            self.spool.write((b",\n" if self.count else b"[\n") + data)
        self.count += 1

    def close(self) -> None:
        """End the list, and go back to its beginning."""
        with keeping():
            self.spool.write(b"\n]\n" if self.count else b"[]\n")
        self.spool.seek(0)


@dataclass(frozen=True)
class _Page:
    """One page: its number from 1, the address that was asked for and the one that answered in the end, the JSON in
    it, and what its header Link names by relation.
    """

    number: int
    asked: str
    address: str
    data: Any
    links: Mapping[str, str]

    def records(self, pointer: str) -> list[Any]:
        records = _at(self.data, pointer)
        if not isinstance(records, list):
            raise self.refused(f"has no list of records at {pointer or 'its top'}")
        return records

    def total(self, pointer: str) -> int:
        total = _at(self.data, pointer)
        if not isinstance(total, int) or isinstance(total, bool):
            raise self.refused(f"does not say at {pointer} how many records there are")
        return total

    def following(self, paging: Paging) -> str | None:
        """The address of the next page; None when none is named."""
        named = _at(self.data, paging.next) if paging.next else self.links.get("next", _ABSENT)
        if named is _ABSENT or (paging.next and named in (None, "")):
            return None
        if not isinstance(named, str):
            raise self.refused(f"has something else than an address at {paging.next}")
        address = self.resolved(named)
        if address is None:
            raise self.refused("names a next page at an address that is none")
        scheme, host, port = origin = guard.place(address).origin
        if origin not in (guard.place(self.asked).origin, guard.place(self.address).origin):
            raise self.refused(f"names a next page at another place, {scheme}://{host}:{port}")
        return address

    def resolved(self, named: str) -> str | None:
        """The address that is ``named`` on this page, in full; None when it is no web address."""
        if len(named) > guard.MAX_ADDRESS_CHARACTERS:
            return None
        try:
            address = urldefrag(urljoin(self.address, named.strip())).url
            guard.place(address)
        except (ValueError, PullFailed):
            return None
        return address

    def refused(self, what: str) -> PullFailed:
        """The failure of a page that is not as the registration says. On the first one nothing has been had yet."""
        return PullFailed("not_a_feed" if self.number == 1 else "partial_feed", f"page {self.number:,} {what}")


def _walk(visit: Visit, paging: Paging, gathered: _Gathered) -> None:
    trip = visit.network.trip(visit.registration, visit.address)
    address, asked = visit.address, set[bytes]()
    total: int | None = None
    last: str | None = None
    for number in range(1, MAX_PAGES + 1):
        asked.add(_sameness(address))
        try:
            with visit.network.get(
                trip, address, headers={"Accept": "application/json"}, most_bytes=MAX_BYTES
            ) as response:
                page = _read(number, address, response)
        except Answered as error:
            if number == 1:
                raise
            raise PullFailed("partial_feed", f"page {number:,}: {error.detail}") from error
        for record in page.records(paging.records):
            gathered.add(record, number)
        if paging.total is not None:
            before, total = total, page.total(paging.total)
            if before not in (None, total):
                raise page.refused(f"says that there are {total:,} records, the page before it {before:,}")
        if "last" in page.links:
            last = page.resolved(page.links["last"]) or _NOWHERE
        following = page.following(paging)
        if following is None:
            _refuse_uncertain_end(page, paging, gathered.count, total, last)
            return
        if _sameness(following) in asked:
            raise PullFailed("partial_feed", f"page {number:,} names a page as its next that had its turn before")
        address = following
    raise PullFailed("too_large", f"more than {MAX_PAGES:,} pages")


def _read(number: int, asked: str, response: Response) -> _Page:
    data = response.body.read()
    links = _links(response.headers.get("link", ""))
    page = _Page(number, asked, response.address, None, links)
    if looks_like_html(data):
        raise PullFailed("not_a_feed", f"page {number:,} is a web page")
    try:
        return _Page(number, asked, response.address, parse_json(decode(data)[0]), links)
    except UnreadableJson as error:
        raise page.refused(f"is no JSON that can be read: {error}") from error


def _refuse_uncertain_end(page: _Page, paging: Paging, count: int, total: int | None, last: str | None) -> None:
    """Raise PullFailed unless it is certain that after ``page``, which names no next one, nothing is to come."""
    names_none = f"page {page.number:,} names no next page"
    if total is not None:
        if count != total:
            raise PullFailed("partial_feed", f"{names_none}: {count:,} different records came, of {total:,}")
    elif paging.next:
        if _at(page.data, paging.next) is _ABSENT:
            raise PullFailed("partial_feed", f"{names_none}, and has no null at {paging.next}, which would be the end")
    elif last is not None:
        if _sameness(last) not in (_sameness(page.asked), _sameness(page.address)):
            raise PullFailed("partial_feed", f"{names_none}, and the last one would be another")
    elif not _LATER & page.links.keys():
        raise PullFailed("partial_feed", f"{names_none}, and has no header Link to say that it is the last")


def _at(data: Any, pointer: str) -> Any:
    """What stands at a JSON Pointer (RFC 6901), ``_ABSENT`` when nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(data, dict):
            data = data.get(name, _ABSENT)
        elif isinstance(data, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", name) and int(name) < len(data):
            data = data[int(name)]
        else:
            return _ABSENT
    return data


def _links(header: str) -> dict[str, str]:
    """What a header Link (RFC 8288) names, by relation, as it stands there; the first of each counts."""
    links: dict[str, str] = {}
    for part in header.split("<")[1:]:
        target, _, parameters = part.partition(">")
        found = _RELATIONS.search(parameters)
        for relation in (found[1] or found[2] or "").lower().split() if found else ():
            links.setdefault(relation, target)
    return links


def _sameness(address: str) -> bytes:
    """What two addresses have in common that ask for the same, as a digest: the order of a query's parts does not
    matter.
    """
    parts = urlsplit(address)
    same = guard.place(address).origin, parts.path, sorted(parse_qsl(parts.query, keep_blank_values=True))
    return hashlib.sha256(repr(same).encode()).digest()
