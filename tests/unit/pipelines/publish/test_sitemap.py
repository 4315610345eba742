from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines.publish import build_release, pointers, sitemap
from pipelines.publish.pointers import latest
from tests.builders import KEY, an_edition, the_least_edition

SITE = "https://packs.example.org/interop/"
BASE = f"{SITE}releases/2026-11-23.01/"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
LINK = "{http://www.w3.org/1999/xhtml}link"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sitemap") / "r"
    build_release(an_edition(address=SITE), folder)
    return folder


def urls(path: Path) -> dict[str, ElementTree.Element]:
    return {url.findtext(f"{MAP}loc") or "": url for url in ElementTree.parse(path).getroot()}


def test_every_page_is_listed_with_its_languages(built: Path) -> None:
    found = urls(built / "sitemap-1.xml")
    assert set(found) == {f"{BASE}{path.relative_to(built).as_posix()}" for path in built.rglob("*.html")}
    links = {link.get("hreflang"): link.get("href") for link in found[f"{BASE}cy/records/cymru-bus-cy.html"].iter(LINK)}
    assert links == {
        "en": f"{BASE}en/records/cymru-bus.html",
        "cy": f"{BASE}cy/records/cymru-bus-cy.html",
    }
    for url in found.values():
        assert all(link.get("href") in found for link in url.iter(LINK))


def test_a_record_changed_when_its_hub_says_and_any_other_page_with_the_release(built: Path) -> None:
    found = urls(built / "sitemap-1.xml")
    assert found[f"{BASE}en/records/vale-letters.html"].findtext(f"{MAP}lastmod") == "2026-03-14"
    assert found[f"{BASE}cy/records/vale-code.html"].findtext(f"{MAP}lastmod") == "2026-02-11"
    assert found[f"{BASE}en/packs/national.html"].findtext(f"{MAP}lastmod") == "2026-11-23"


def test_a_page_that_says_noindex_is_left_out_when_it_is_written_again(built: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(built, tmp_path / "r"))
    page = folder / "en/records/vale-letters.html"
    page.write_text(page.read_text().replace("<head>", '<head><meta name="robots" content="noindex">'))
    sitemap.write_sitemaps(folder, SITE)
    left = set(urls(built / "sitemap-1.xml")) - set(urls(folder / "sitemap-1.xml"))
    assert left == {f"{BASE}en/records/vale-letters.html"}


def test_many_pages_are_listed_in_parts(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(built, tmp_path / "r"))
    monkeypatch.setattr(sitemap, "MOST_ADDRESSES", 10)
    sitemap.write_sitemaps(folder, SITE)
    names = sitemap.sitemaps_of(folder)
    assert len(names) > 10
    assert names[9:11] == ("sitemap-10.xml", "sitemap-11.xml")
    parts = [urls(folder / name) for name in names]
    assert [address for part in parts for address in part] == [*urls(built / "sitemap-1.xml")]
    monkeypatch.undo()
    sitemap.write_sitemaps(folder, SITE)
    assert sitemap.sitemaps_of(folder) == ("sitemap-1.xml",)
    assert (folder / "sitemap-1.xml").read_bytes() == (built / "sitemap-1.xml").read_bytes()


def test_the_root_leads_to_the_newest_release_alone(tmp_path: Path) -> None:
    pointers.publish(the_least_edition(address=SITE), tmp_path, KEY)
    pointers.publish(the_least_edition(address=SITE, id="2026-11-24.01", previous="2026-11-23.01"), tmp_path, KEY)
    newest = latest(tmp_path)
    assert newest is not None
    assert [*urls(tmp_path / "sitemap.xml")] == [f"{SITE}releases/2026-11-24.01/sitemap-1.xml"]
    assert (tmp_path / "robots.txt").read_text() == (
        "User-agent: *\n"
        "Allow: /interop/releases/2026-11-24.01/\n"
        "Disallow: /interop/releases/\n"
        "\n"
        f"Sitemap: {SITE}sitemap.xml\n"
    )
    feed = json.loads((tmp_path / "feed.json").read_text())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{SITE}feed.json"
    assert [item["url"] for item in feed["items"]] == [
        f"{SITE}releases/2026-11-24.01/index.html",
        f"{SITE}releases/2026-11-23.01/index.html",
    ]
    atom = ElementTree.parse(tmp_path / "feed.xml")
    ids = [entry.text for entry in atom.iter("{http://www.w3.org/2005/Atom}id")]
    assert ids[1:] == [item["id"] for item in feed["items"]]
    html = (tmp_path / "index.html").read_text()
    assert '<link rel="alternate" type="application/feed+json"' in html


def test_without_an_address_searches_are_not_sent_to_a_sitemap_that_nobody_has(tmp_path: Path) -> None:
    pointers.publish(the_least_edition(), tmp_path, KEY)
    assert (tmp_path / "robots.txt").read_text() == (
        "User-agent: *\nAllow: /releases/2026-11-23.01/\nDisallow: /releases/\n"
    )


def test_a_release_of_an_older_version_has_no_sitemap_and_stays_in_the_feed(tmp_path: Path) -> None:
    pointers.publish(the_least_edition(address=SITE), tmp_path, KEY)
    release = tmp_path / "releases/2026-11-23.01"
    manifest = json.loads((release / "release.json").read_text())
    del manifest["address"]
    (release / "release.json").write_text(json.dumps(manifest))
    (release / "sitemap-1.xml").unlink()
    pointers.swap(tmp_path, "2026-11-23.01")
    assert urls(tmp_path / "sitemap.xml") == {}
    assert json.loads((tmp_path / "feed.json").read_text())["home_page_url"] == "https://hubpacks.example/"
