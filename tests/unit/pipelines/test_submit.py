"""The hub's end: what is sent, and where a token never goes. The journey itself is in ``journeys/test_intake``."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.submit import Unusable, _packed, submit
from tests.feeds import a_case_study, write_feed


def test_the_same_folder_is_always_the_same_zip(tmp_path: Path) -> None:
    folder = write_feed(tmp_path / "feed", [a_case_study()])
    with _packed(folder) as (file, name):
        first = file.read()
    (folder / "datapackage.json").touch()
    with _packed(folder) as (file, _):
        assert file.read() == first
    assert (name, first[:2]) == ("feed.zip", b"PK")


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hub.ods"
    path.write_bytes(b"as it is")
    with _packed(path) as (file, name):
        assert (file.read(), name) == (b"as it is", "hub.ods")


def test_a_folder_with_a_link_is_not_packed(tmp_path: Path) -> None:
    folder = write_feed(tmp_path / "feed", [a_case_study()])
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(Unusable, match="link"), _packed(folder):
        pass


@pytest.mark.parametrize(
    "address", ["http://intake.example", "http://192.0.2.1", "intake.example", "ftp://x", "http://"]
)
def test_a_token_goes_over_tls_or_not_at_all(tmp_path: Path, address: str) -> None:
    with pytest.raises(Unusable, match="--to"):
        submit(tmp_path, address, "one", "hubpacks_token", wait=False)


@pytest.mark.parametrize("token", ["", "caf\xe9", "a\nb"])
def test_a_token_that_cannot_be_one_is_not_sent(tmp_path: Path, token: str) -> None:
    with pytest.raises(Unusable, match=r"token|TOKEN"):
        submit(tmp_path, "http://127.0.0.1:9", "one", token, wait=False)


def test_an_intake_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"x")
    with pytest.raises(Unusable, match=r"127\.0\.0\.1:9"):
        submit(path, "http://127.0.0.1:9", "one", "hubpacks_x", wait=False)
