from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.publish import build_release
from pipelines.publish.schema_org import as_json
from tests.builders import a_case_study, a_library, a_question, a_requirement, a_signpost, a_term, an_edition

SITE = "https://packs.example.org/"
BASE = f"{SITE}releases/2026-11-23.01/"
HOSTILE = (
    '</script><script>alert(1)</script><!-- &amp; \u2028\u2029 " \\ =cmd() \u202ert\u202c \U0001f600 ]]>' + "w" * 60
)
BLOCK = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
LISTS = {"mainEntity", "hasPart", "hasDefinedTerm"}


def graph(path: Path) -> list[dict[str, Any]]:
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    assert len(found) == 1, path
    data = json.loads(found[0])
    assert data["@context"] == "https://schema.org"
    nodes: list[dict[str, Any]] = data["@graph"]
    return nodes


def every(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for one in node:
            yield from every(one)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            yield from every(value)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schema") / "r"
    hostile = a_library(
        a_case_study("nasty", title=HOSTILE, summary=HOSTILE),
        a_question("nasty-faq", question=HOSTILE, answer=f"{HOSTILE} **yes**"),
        a_term("nasty-term", term=HOSTILE),
        a_signpost("nasty-sign", title=HOSTILE, publisher=HOSTILE),
        a_requirement("nasty-clause", title=HOSTILE),
    )
    national, *others = an_edition().packs
    packs = (replace(national, records=(*national.records, *hostile)), *others)
    build_release(an_edition(address=SITE, library=dict(an_edition().library) | hostile, packs=packs), folder)
    return folder


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "</SCRIPT >", "\u2028", "&lt;/script&gt;"])
def test_no_text_can_end_the_element_that_it_stands_in(text: str) -> None:
    made = str(as_json([{"name": text}]))
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made)["@graph"] == [{"name": text}]


def test_nothing_is_placed_where_there_is_nothing_to_say() -> None:
    assert as_json([]) == ""


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("kind", ["", "-faq", "-term", "-sign", "-clause"])
def test_a_hostile_heading_stays_data(built: Path, kind: str, language: str) -> None:
    (node,) = [
        node for node in every(graph(built / f"{language}/records/vale-nasty{kind}.html")) if "identifier" in node
    ]
    name = node["name"]["@value"] if kind == "-term" else node["name"]
    assert name == HOSTILE
    assert node["identifier"] == f"vale/nasty{kind}"


def test_a_page_of_a_record_says_what_it_is_whose_it_is_and_under_which_licence(built: Path) -> None:
    node, crumbs = graph(built / "cy/records/vale-letters.html")
    assert node == {
        "@type": "Article",
        "@id": f"{BASE}en/records/vale-letters.html",
        "identifier": "vale/letters",
        "name": "An open interface ended double typing (letters)",
        "url": f"{BASE}en/records/vale-letters.html",
        "inLanguage": "en",
        "license": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
        "author": [
            {"@type": "Organization", "name": "Sample Vale hub"},
            {"@type": "Organization", "name": "Sample Coast hub"},
        ],
        "datePublished": date(2026, 3, 14).isoformat(),
        "keywords": ["Local government", "APIs and system interfaces"],
        "headline": "An open interface ended double typing (letters)",
        "description": "A council wrote an open interface into its contract. Letters now arrive as data.",
    } | {"keywords": node["keywords"]}
    assert node["keywords"][0] == "Local government"
    assert crumbs["@type"] == "BreadcrumbList"
    assert [item["item"] for item in crumbs["itemListElement"]] == [
        f"{BASE}cy/index.html",
        f"{BASE}cy/browse/index.html",
        f"{BASE}cy/case-study/index.html",
    ]


def test_a_question_has_its_whole_answer(built: Path) -> None:
    page = graph(built / "en/records/vale-who-owns-it.html")[0]
    assert page["@type"] == "FAQPage"
    (question,) = page["mainEntity"]
    assert (question["@type"], question["identifier"]) == ("Question", "vale/who-owns-it")
    assert "<strong>if the contract says so</strong>" in question["acceptedAnswer"]["text"]


@pytest.mark.parametrize(
    ("page", "kind", "part", "count"),
    [
        ("en/faq/index.html", "FAQPage", "mainEntity", 3),
        ("en/term/index.html", "DefinedTermSet", "hasDefinedTerm", 4),
        ("en/case-study/index.html", "CollectionPage", "hasPart", 4),
        ("cy/packs/national.html", "Collection", "hasPart", 12),
        ("cy/packs/national.html", "FAQPage", "mainEntity", 3),
    ],
)
def test_lists_are_arrays_of_nodes_with_the_ids_of_their_records(
    built: Path, page: str, kind: str, part: str, count: int
) -> None:
    (node,) = [node for node in graph(built / page) if node["@type"] == kind]
    ids = [one["identifier"] for one in node[part]]
    assert len(ids) == len(set(ids)) == count
    assert all(re.fullmatch("(vale|coast|cymru)/[a-z-]+", id) for id in ids)


def owned(node: Any, ids: set[str], headings: set[str], *, inside: bool = False) -> int:
    """How many nodes are of a record; fails at a heading that stands in none."""
    if isinstance(node, list):
        return sum(owned(one, ids, headings, inside=inside) for one in node)
    if isinstance(node, str):
        assert inside or node not in headings
        return 0
    if not isinstance(node, dict):
        return 0
    is_record = node.get("identifier") in ids
    return is_record + sum(owned(value, ids, headings, inside=inside or is_record) for value in node.values())


def test_every_node_with_the_heading_of_a_record_has_its_id(built: Path) -> None:
    """What is taken out of a page later is found by the id, so no heading may stand anywhere else."""
    records = json.loads((built / "packs/national/pack.json").read_text(encoding="utf-8"))["records"]
    headings = {record["title"] or record["question"] for record in records}
    ids = {record["id"] for record in records}
    pages = [path for path in built.rglob("*.html") if BLOCK.search(path.read_text(encoding="utf-8"))]
    assert sum(owned(graph(path), ids, headings) for path in pages) > 100
    with pytest.raises(AssertionError):
        owned({"name": min(headings)}, ids, headings)


def test_figures_are_a_data_set_with_files_time_and_licence(built: Path) -> None:
    name = "en/benchmarks/interop-baseline-v1-decision-maker.html"
    node = graph(built / name)[0]
    assert (node["@type"], node["temporalCoverage"]) == ("Dataset", "2026-07-01/2026-09-30")
    assert 50 <= len(node["description"]) <= 5000
    files = {file["contentUrl"].removeprefix(BASE): file for file in node["distribution"]}
    assert "benchmarks/benchmarks.csv" in files
    for path, file in files.items():
        assert file["contentSize"] == str((built / path).stat().st_size)
    assert graph(built / "cy/data.html")[0]["temporalCoverage"] == "2026-04-01/2026-09-30"


def test_a_pack_says_its_licences_and_files(built: Path) -> None:
    node = graph(built / "en/packs/sector-transport.html")[0]
    assert node["identifier"] == "pack-sector-transport"
    assert node["license"] == ["https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"]
    assert {file["name"] for file in node["encoding"]} >= {"pack.json", "records.csv", "records.jsonl"}


def test_pages_name_their_own_permalink_only_where_there_is_one(built: Path, tmp_path: Path) -> None:
    link = f'<link rel="canonical" href="{BASE}cy/packs/national.html">'
    html = (built / "cy/packs/national.html").read_text()
    assert link in html
    for language in ("en", "cy"):  # which search engines ask for in full
        assert f'<link rel="alternate" hreflang="{language}" href="{BASE}{language}/packs/national.html">' in html
    assert f'href="{BASE}index.html"' in (built / "index.html").read_text()
    build_release(an_edition(packs=()), tmp_path / "r")
    for path in (tmp_path / "r").rglob("*.html"):
        assert 'rel="canonical"' not in path.read_text(), path
