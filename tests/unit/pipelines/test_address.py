from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.line import build_key, open_line
from pipelines.settings import PLACEHOLDER, UnusableSettings, site_address


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBPACKS_ADDRESS", raising=False)


def test_a_flag_beats_a_variable_beats_the_file_beats_the_placeholder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site_address() == PLACEHOLDER
    (tmp_path / "hubpacks.toml").write_text('address = "https://file.example/"\n')
    assert site_address() == "https://file.example/"
    monkeypatch.setenv("HUBPACKS_ADDRESS", "https://variable.example/")
    assert site_address() == "https://variable.example/"
    assert site_address("https://flag.example/") == "https://flag.example/"


@pytest.mark.parametrize(
    "address",
    [
        "https://packs.example.org/",
        "https://packs.example.org:8443/a/b-c/d_e.f~/",
        "http://localhost:8000/",
        "http://127.0.0.1:8000/packs/",
        "http://[::1]:8000/",
        "http://site.localhost/",
    ],
)
def test_where_a_site_can_stand(address: str) -> None:
    assert site_address(address) == address


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("", "with a slash at its end"),
        ("packs.example.org", "with a slash at its end"),
        ("https://packs.example.org", "with a slash at its end"),
        ("https://packs.example.org/a", "with a slash at its end"),
        ("ftp://packs.example.org/", "with a slash at its end"),
        ("https://user:pw@packs.example.org/", "with a slash at its end"),
        ("https://packs.example.org/?a=/", "with a slash at its end"),
        ("https://packs.example.org/#a/", "with a slash at its end"),
        ("https://packs.example.org/a b/", "with a slash at its end"),
        ("https://packs.example.org/\nSitemap:/", "with a slash at its end"),
        ("https://packs.example.org//", "with a slash at its end"),
        ("https://packs.example.org/../", "no such address"),
        ("https:///", "with a slash at its end"),
        ("https://packs.example.org:99999/", "Port out of range"),
        ("https://[::zz]/", "with a slash at its end"),
        ("http://packs.example.org/", "write https://"),
        ("http://192.0.2.1/", "write https://"),
    ],
)
def test_what_is_no_address_is_refused_by_name(address: str, mend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnusableSettings, match=mend) as refused:
        site_address(address)
    assert "--address" in str(refused.value)
    if address:
        monkeypatch.setenv("HUBPACKS_ADDRESS", address)
        with pytest.raises(UnusableSettings, match="HUBPACKS_ADDRESS"):
            site_address()


def test_what_is_no_text_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hubpacks.toml").write_text("address = 7\n")
    with pytest.raises(UnusableSettings, match=r"hubpacks\.toml: address"):
        site_address()


def test_another_address_makes_another_release(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    line = open_line(tmp_path / "registry", tmp_path / "store", tmp_path / "public")
    assert line.address == PLACEHOLDER
    assert build_key(line) != build_key(replace(line, address="https://packs.example.org/"))


def test_the_command_refuses_a_wrong_address_before_it_works(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["run", "--address", "packs.example.org", "--store", str(tmp_path / "store")])
    assert isinstance(found.exception, UnusableSettings)
    assert not (tmp_path / "store").exists()
