"""Builders of real feeds, registries and lines in a folder. Each takes changes by name; nothing is shared."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xlsxwriter
import yaml

from hubs.contract.records import RawDocument
from hubs.contract.verdict import Verdict
from hubs.feed import Feed
from hubs.instruments import instruments
from hubs.judge import judge
from hubs.registration import Registration

if TYPE_CHECKING:
    from pipelines.edition import HubState
    from pipelines.inbox import Submission
    from pipelines.line import Line

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
QUESTIONS = ("dm-governance-1", "dm-governance-2", "dm-legal-1")


def a_case_study(**changes: Any) -> dict[str, Any]:
    """The fields of a case study that nothing is wrong with."""
    fields = {
        "id": "shared-schedule",
        "title": "A shared schedule let six councils swap repairs data",
        "summary": "Six councils agreed on one schedule of repairs and saved a day a week.",
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "organisations": ["Sample Northfield Council"],
        "standards_used": ["Open Referral"],
        "published": "2026-03-01",
        "language": "en",
        "licence": "OGL-UK-3.0",
        "contact": "data@sample.example",
        "body": "## Context\n\nBefore.\n\n## Approach\n\nHow.\n\n## Outcome\n\nAfter.\n\n## Lessons\n\nNext time.\n",
    }
    return fields | changes


def a_study(number: int, **changes: Any) -> dict[str, Any]:
    """The fields of one of many case studies, like no other."""
    own = {
        "id": f"study-{number}",
        "title": f"Study number {number} of the series",
        "body": " ".join(f"word{number}x{n}" for n in range(40)),
    }
    return a_case_study(**own | changes)


def a_faq(**changes: Any) -> dict[str, Any]:
    """The fields of a question and answer that nothing is wrong with."""
    fields = {
        "id": "what-is-an-api",
        "question": "What is an API?",
        "audience": ["decision_maker"],
        "sectors": ["local_government"],
        "published": "2026-03-01",
        "language": "en",
        "licence": "OGL-UK-3.0",
        "answer": "A way for one system to ask another for information.",
    }
    return fields | changes


def a_term(**changes: Any) -> dict[str, Any]:
    """The fields of a term that nothing is wrong with. Its id is its heading's."""
    fields = {
        "term": "Open standard",
        "definition": "A standard that anybody may read and use without paying.",
        "source": "Sample Hub",
        "language": "en",
        "licence": "OGL-UK-3.0",
    }
    return fields | changes


def a_signpost(**changes: Any) -> dict[str, Any]:
    """The fields of a signpost that nothing is wrong with."""
    fields = {
        "title": "Code of practice for shared data",
        "address": "https://standards.sample.example/code",
        "publisher": "Sample Standards Body",
        "signpost_type": "code_of_practice",
        "description": "Read it before you write a specification.",
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "language": "en",
        "licence": "OGL-UK-3.0",
    }
    return fields | changes


def a_requirement(**changes: Any) -> dict[str, Any]:
    """The fields of a requirement that nothing is wrong with."""
    fields = {
        "title": "All data leaves in an open format",
        "clause": "The supplier shall export all data in an open format within five days of being asked.",
        "evaluation": "Ask for a sample export with the bid, and open it in another product.",
        "verification": "Ask for a full export once a year, and load it.",
        "standards_used": ["CSV on the Web"],
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "language": "en",
        "licence": "OGL-UK-3.0",
    }
    return fields | changes


def a_withdrawal(**changes: Any) -> dict[str, Any]:
    """The fields of a withdrawal that nothing is wrong with."""
    fields = {"id": "gone", "reason": "The contract was never signed.", "date": "2026-09-01"}
    return fields | changes


GOOD: dict[str, Callable[..., dict[str, Any]]] = {
    "case_study": a_case_study,
    "faq": a_faq,
    "term": a_term,
    "signpost": a_signpost,
    "requirement": a_requirement,
    "withdrawal": a_withdrawal,
}
"""The builders of good records by their kinds."""


def raw(kind: str, fields: Mapping[str, Any], file: str | None = None) -> RawDocument:
    """``fields`` as a mapping would hand them over."""
    return RawDocument(kind, file or f"{fields.get('id')}.md", "", dict(fields), json.dumps(fields).encode())


def an_answer(**changes: Any) -> dict[str, str]:
    """One row of a return that nothing is wrong with."""
    row = {
        "organisation": "org-00000001",
        "respondent": "res-00000001",
        "audience": "decision_maker",
        "organisation_type": "council",
        "size_band": "250_to_999",
        "region": "wales",
        "period": "2026-Q3",
        "instrument": "interop-baseline-v1",
        "question": QUESTIONS[0],
        "level": "3",
    }
    return row | changes


def answers_of(organisations: int, first: int = 1, **changes: Any) -> list[dict[str, str]]:
    """Answers of that many organisations to the same questions, at levels that go round from 0 to 5."""
    return [
        an_answer(
            organisation=f"org-{number:08d}",
            respondent=f"res-{number:08d}",
            question=question,
            level=str(number % 6),
            **changes,
        )
        for number in range(first, first + organisations)
        for question in QUESTIONS
    ]


def write_markdown(path: Path, fields: Mapping[str, Any], text: str) -> None:
    """A Markdown file whose front matter is ``fields`` without ``text``, which becomes the body."""
    front = {name: value for name, value in fields.items() if name != text}
    path.parent.mkdir(parents=True, exist_ok=True)
    head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False)
    path.write_text(f"---\n{head}---\n{fields.get(text, '')}", encoding="utf-8")


def as_cells(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``fields`` as the cells of a row, where several values are told apart by semicolons."""
    return {name: "; ".join(value) if isinstance(value, list) else value for name, value in fields.items()}


def csv_text(rows: Iterable[Mapping[str, str]]) -> str:
    """``rows`` as CSV; the first row's keys are the header."""
    listed = list(rows)
    return "".join(f"{','.join(cells)}\n" for cells in (listed[0], *(row.values() for row in listed)))


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """A file of ``rows`` as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(rows), encoding="utf-8")


def write_sheet(book: xlsxwriter.Workbook, name: str, records: Sequence[Mapping[str, Any]]) -> None:
    """A sheet of ``records`` in ``book``; the first one's fields are the header."""
    sheet = book.add_worksheet(name)
    for row, cells in enumerate([records[0], *(as_cells(record).values() for record in records)]):
        sheet.write_row(row, 0, cells)


def write_feed(
    folder: Path,
    case_studies: Iterable[Mapping[str, Any]] = (),
    faqs: Iterable[Mapping[str, Any]] = (),
    answers: Iterable[Mapping[str, str]] = (),
    rows: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    **settings: Any,
) -> Path:
    """A contract-native feed in ``folder`` with these records; gives the folder. ``rows`` are records by kind, each
    kind in a JSON file; ``settings`` go into the descriptor's ``hubpacks``.
    """
    resources = []
    folder.mkdir(parents=True, exist_ok=True)
    for kind, records in (rows or {}).items():
        (folder / f"{kind}.json").write_text(json.dumps(list(records)), encoding="utf-8")
        resources.append({"name": kind.replace("_", "-"), "path": f"{kind}.json", "hubpacks": {"kind": kind}})
    for kind, plural, text, records in (
        ("case_study", "case_studies", "body", case_studies),
        ("faq", "faqs", "answer", faqs),
    ):
        paths = []
        for number, fields in enumerate(records):
            path = f"{plural}/{fields.get('id') or number}.md"
            write_markdown(folder / path, fields, text)
            paths.append(path)
        if paths:
            resources.append({"name": plural.replace("_", "-"), "path": paths, "hubpacks": {"kind": kind}})
    listed = list(answers)
    if listed:
        write_csv(folder / "returns.csv", listed)
        resources.append({"name": "returns", "path": "returns.csv", "hubpacks": {"kind": "assessment"}})
    descriptor = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": folder.name,
        "hubpacks": {"contract": "1"} | settings,
        "resources": resources,
    }
    (folder / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    return folder


def feed_of(folder: Path) -> Feed:
    """All files in ``folder`` as a feed."""
    return Feed({path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()})


def judged(folder: Path, **changes: Any) -> Verdict:
    """The verdict of the day ``NOW`` on the feed in ``folder``, with these changes of the registration. The judge
    works in the folder ``scratch`` beside it.
    """
    scratch = folder.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    return judge(feed_of(folder), registration(**changes), instruments(), NOW.date(), scratch)


def a_registration(**changes: Any) -> dict[str, Any]:
    """A registration's data, for the hub ``one`` with a feed beside the registry."""
    hub = changes.get("id", "one")
    data = {
        "id": hub,
        "name": {"en": f"Hub {hub}", "cy": f"Hwb {hub}"},
        "sector": "local_government",
        "owner": {"role": "Owner"},
        "data_contact": {"role": "Data officer"},
        "address": f"../feeds/{hub}",
    }
    return data | changes


def registration(**changes: Any) -> Registration:
    """The same as a model."""
    return Registration.model_validate(a_registration(**changes))


def register(folder: Path, **changes: Any) -> None:
    """Write a registration into the registry of the line in ``folder``."""
    data = a_registration(**changes)
    path = folder / "registry" / f"{data['id']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def submit(store: Path, hub: str, feed: Path, when: datetime = NOW, outcome: str = "accepted") -> Submission:
    """A submission of the folder ``feed`` as a zip, with the outcome that the judge gave it."""
    from pipelines.inbox import Inbox

    inbox = Inbox(store / "inbox")
    with inbox.staging() as folder:
        staged = folder / "feed.zip"
        with zipfile.ZipFile(staged, "w") as archive:
            for path in sorted(path for path in feed.rglob("*") if path.is_file()):
                archive.writestr(zipfile.ZipInfo(path.relative_to(feed).as_posix()), path.read_bytes())
        sha256 = hashlib.sha256(staged.read_bytes()).hexdigest()
        submission = inbox.receive(hub, "feed.zip", staged, sha256, when)
    return inbox.close(submission, {"outcome": outcome, "held_by": []})


def a_line(folder: Path) -> Line:
    """The line over ``folder``'s registry, store and public folder."""
    from pipelines.line import open_line  # the tests of hubs do without pipelines

    return open_line(folder / "registry", folder / "store", folder / "public")


def gather(line: Line, hub: str, now: datetime) -> tuple[HubState, bool]:
    """Pull one hub's feed and have it judged: how the hub stands, and whether it brought anything new."""
    from pipelines.line import fetch, settle
    from pipelines.pull.network import Network

    with Network() as network:
        fetch(line, hub, now, network)
    return settle(line, hub, now)
