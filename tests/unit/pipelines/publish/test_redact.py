from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.publish import redact

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Title</title></head><body>
<main id="main-content">
<ul>
  <li data-record="vale/a"><a href="../records/a.html">A <b>bold</b></a><br><svg><path d="M0"/></svg></li>
  <li data-record="vale/a-b"><a href="../records/a-b.html">A, b</a></li>
  <li data-record="coast/x"><span data-record="vale/a">inside</span> kept</li>
</ul>
<p>vale/a-b, and <img alt="" data-record="vale/a" src="x.png"> nothing</p>
</main>
</body></html>
"""


def test_an_element_goes_whole_and_all_else_stays_as_it_was() -> None:
    left = redact.page(PAGE, ["vale/a"])
    assert "vale/a-b" in left
    assert "coast/x" in left
    assert "kept" in left
    assert "inside" not in left
    assert "bold" not in left
    assert "x.png" not in left
    assert left.endswith("</main>\n</body></html>\n")


def test_a_page_that_says_nothing_of_it_is_the_same() -> None:
    assert redact.page(PAGE, ["vale/b"]) == PAGE
    assert redact.page(PAGE, ["vale/"]) == PAGE


def test_structured_data_lose_the_nodes_of_a_record() -> None:
    data = {"hasPart": [{"identifier": "vale/a", "name": "A"}, {"identifier": "vale/b", "name": "</script>"}]}
    text = json.dumps(data).replace("<", "\\u003c")
    html = f'<script type="application/ld+json">{text}</script>'
    left = redact.page(html, ["vale/a"])
    inside = re.fullmatch(r'<script type="application/ld\+json">(.*)</script>', left)
    assert inside
    assert "<" not in inside[1]
    assert json.loads(inside[1]) == {"hasPart": [{"identifier": "vale/b", "name": "</script>"}]}
    assert redact.page(html, ["vale/c"]) == html


def test_a_word_stays_when_the_term_that_explains_it_goes() -> None:
    html = (
        '<p>Ask for <a class="hp-term" href="#word--a" data-term="vale/a">open <em>formats</em></a> and '
        '<a class="hp-term" href="#word--a-b" data-term="vale/a-b">standards</a>. <a href="#word--a">b</a></p>\n'
        '<div id="word--a" data-record="vale/a">A meaning.</div>'
    )
    left = redact.page(html, ["vale/a"])
    assert left == (
        "<p>Ask for open <em>formats</em> and "
        '<a class="hp-term" href="#word--a-b" data-term="vale/a-b">standards</a>. <a href="#word--a">b</a></p>\n'
    )
    assert redact.page(html, ["vale/c"]) == html


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("cy/records/b.html", "../../en/records/b.html"),
        ("en/index.html", "../../en/index.html"),
    ],
)
def test_links_to_a_page_that_is_gone_lead_elsewhere(path: str, target: str) -> None:
    html = '<link rel="alternate" href="../../en/records/a.html"><a href="../../en/records/a-b.html#x">other</a>'
    left = redact.relinked(html, path, ["a"])
    assert f'href="{target}"' in left
    assert 'href="../../en/records/a-b.html#x"' in left


def test_a_page_without_a_main_part_cannot_carry_an_erratum() -> None:
    with pytest.raises(ValueError, match="main part"):
        redact.noted("<p>bare</p>", "note")


def test_traces_are_of_the_record_itself_and_not_of_one_whose_id_is_longer() -> None:
    assert redact.traces(b'"id": "vale/a",', ["vale/a"], [])
    assert not redact.traces(b'"id": "vale/a-b", "x": "great-vale/a"', ["vale/a"], [])
    assert redact.traces(b'href="../records/a.html"', ["vale/z"], ["a"])
    assert not redact.traces(b'href="../records/a-b.html"', ["vale/z"], ["a"])


@pytest.mark.untraced
def test_every_mention_of_a_record_on_a_page_goes_with_its_elements(sample_release: Path) -> None:
    """The house's rule for templates: whatever shows a record carries its id."""
    rows = [json.loads(line) for line in (sample_release / "packs/national/records.jsonl").read_text().splitlines()]
    slugs = {row["id"]: row["slug"] for row in rows}
    merged = {row["id"]: row.get("merged", []) for row in rows}
    checked = 0
    for path in sorted(sample_release.rglob("*.html")):
        html = path.read_text(encoding="utf-8")
        name = path.relative_to(sample_release).as_posix()
        named = sorted(set(re.findall(r'data-record="([^"]+)"', html)) & slugs.keys())
        linked = {slug for slug in re.findall(r"/records/([a-z0-9-]+)\.html", html) if slug != path.stem}
        assert linked <= {slugs[id] for id in named} | {slugs[id] for id in _counterparts(rows, path.stem)}, name
        for id in {*named[:1], *named[len(named) // 2 :][:1], *named[-1:]}:
            ids, own = {id, *merged[id]}, [slugs[id]]
            left = redact.relinked(redact.page(html, ids), name, own)
            if path.stem != slugs[id]:
                assert not redact.traces(left.encode(), ids, own), f"{name} still names {id}"
                checked += 1
    assert checked > 1000


def _counterparts(rows: list[dict], slug: str) -> set[str]:
    """The same text in other languages, to which a record's page leads in its head and its header."""
    return {id for row in rows if row["slug"] == slug for id in row.get("translations", {}).values()}


def test_what_a_pack_says_of_others_goes_too() -> None:
    rows = [
        {"id": "vale/a", "related": [], "translations": {}},
        {"id": "vale/b", "related": [{"id": "vale/a"}, {"id": "vale/c"}], "translations": {"cy": "vale/a"}},
    ]
    assert redact.pack({"id": "p", "records": rows}, {"vale/a"}) == {
        "id": "p",
        "records": [{"id": "vale/b", "related": [{"id": "vale/c"}], "translations": {}}],
    }


def test_what_has_changed_in_others_because_of_it_goes_too() -> None:
    def field(name: str, after: object) -> dict[str, object]:
        return {"field": name, "before": None, "after": after}

    records = {
        "added": [{"id": "vale/a"}, {"id": "vale/d", "apart_from": "vale/a"}],
        "changed": [
            {"id": "vale/b", "fields": [field("related", [{"id": "vale/a"}]), field("updated", "2026-01-01")]},
            {"id": "vale/c", "fields": [field("translations", {"cy": "vale/a"})]},
        ],
        "merged": [{"id": "vale/e", "into": "vale/a"}],
        "gone": [{"id": "vale/f", "why": "withdrawn", "successor": "vale/a", "successor_address": "en/records/a.html"}],
    }
    benchmarks = {name: [] for name in ("added", "gone", "revisions", "corrections", "groups")}
    told = {"schema": [], "hubs": [], "benchmarks": benchmarks, "records": records, "counts": {}}
    before = json.dumps(told)
    left = redact.told_changes(told, {"vale/a"})
    assert json.dumps(told) == before
    assert left["records"] == {
        "added": [],
        "changed": [{"id": "vale/b", "fields": [field("updated", "2026-01-01")]}],
        "merged": [],
        "gone": [{"id": "vale/f", "why": "withdrawn", "successor": None, "successor_address": None}],
    }
    assert (left["counts"]["records_changed"], left["counts"]["records_gone"]) == (1, 1)
