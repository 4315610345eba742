from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from pipelines.publish.pointers import POINTERS
from pipelines.publish.release import MEDIA_TYPES
from pipelines.serve import UnusableFolder, build, configuration, rules

RELEASE = "/releases/2026-11-23.01"


@pytest.mark.parametrize(
    ("path", "status", "wanted"),
    [
        (f"{RELEASE}/en/index.html", 200, rules.IMMUTABLE),
        (f"{RELEASE}/release.json", 304, rules.IMMUTABLE),
        (f"{RELEASE}/release.json", 206, rules.IMMUTABLE),
        (f"{RELEASE}/release.json", 404, rules.FRESH),
        (f"{RELEASE}/release.json", 416, rules.FRESH),
        (f"{RELEASE}/", 200, rules.FRESH),  # of a folder nobody is answered; of its page with the page's name
        ("/releases/draft/index.html", 200, rules.FRESH),
        ("/old/releases/2026-11-23.01/index.html", 200, rules.FRESH),
        *((f"/{name}", 200, rules.FRESH) for name in POINTERS),
    ],
)
def test_only_what_never_changes_is_kept_unasked(path: str, status: int, wanted: str) -> None:
    assert rules.headers(path, status)["Cache-Control"] == wanted


def test_every_kind_of_file_in_a_release_has_a_media_type_and_the_configuration_all_of_them() -> None:
    text = configuration(Path("/srv/packs"), "127.0.0.1", 8000)
    for suffix, kind in MEDIA_TYPES.items():
        assert rules.media_type(f"{RELEASE}/a{suffix}") == kind
        assert f"        {kind} {suffix[1:]};\n" in text or suffix == ""
    assert rules.media_type(f"{RELEASE}/SHA256SUMS") == rules.media_type(f"{RELEASE}/html") == "text/plain"
    assert rules.media_type(f"{RELEASE}/a.exe") == "application/octet-stream"


def test_every_header_of_the_rules_is_in_the_configuration() -> None:
    text = configuration(Path("/srv/packs"), "127.0.0.1", 8000)
    for name, value in (rules.SECURITY | rules.OPEN).items():
        assert f"add_header {name} $" in text
        assert f'"{value}";' in text


@pytest.mark.parametrize("name", ["my packs", 'a"b', "a$uri", "a;b", "a{b", "a\nb", "a\\b"])
def test_a_folder_that_nginx_would_misread_is_refused(name: str) -> None:
    with pytest.raises(UnusableFolder, match="nginx cannot be given"):
        configuration(Path("/srv") / name, "127.0.0.1", 8000)


def test_a_folder_may_itself_lie_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "robots.txt").write_text("Welcome")
    (tmp_path / "link").symlink_to("real")

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(build(tmp_path / "link"))
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.get(path)

    assert asyncio.run(ask("/robots.txt")).text == "Welcome"
    assert asyncio.run(ask("/nowhere.txt")).status_code == 404
    assert asyncio.run(ask("/real/robots.txt")).status_code == 404
