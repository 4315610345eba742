from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hubs.registration import read_registration
from pipelines.cli import app


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def a_website(root: Path) -> Path:
    (root / "site").mkdir()
    (root / "site" / "faq.md").write_text("## What is it?\n\nThis.\n\n## Why?\n\nSo.\n")
    return root / "site"


def test_init_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    done = call("init", tmp_path / "new", "--hub", "parks", "--name", "Sample parks", "--sector", "Environment")
    assert done.exit_code == 0
    assert str(tmp_path / "new" / "datapackage.json") in done.output
    assert f"hubpacks check {tmp_path / 'new'}" in done.output
    found = read_registration(tmp_path / "new" / "registration" / "parks.yaml")
    assert (found.name.en, found.sector) == ("Sample parks", "environment")


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        ((".",), "name a new one"),
        (("new", "--hub", "Not An Id"), "small letters"),
        (("new", "--sector", "gardens"), "choose one of local_government"),
    ],
)
def test_init_refuses_what_it_cannot_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], mend: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    done = call("init", *arguments)
    assert done.exit_code == 2
    assert mend in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_suggest_writes_a_registration_that_leads_back_to_the_folder(tmp_path: Path) -> None:
    site, output = a_website(tmp_path), tmp_path / "registry" / "our-hub.yaml"
    done = call("map", "suggest", site, "--output", output)
    assert done.exit_code == 0
    assert "1 sources" in done.output
    found = read_registration(output)
    assert (found.id, found.address) == ("our-hub", "../site")


def test_suggest_prints_where_no_file_is_named(tmp_path: Path) -> None:
    done = call("map", "suggest", a_website(tmp_path))
    assert done.exit_code == 0
    assert "\nid: site\n" in done.stdout
    assert "doubts" in done.stderr


def test_suggest_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    site = a_website(tmp_path)
    (tmp_path / "there.yaml").write_text("mine")
    for arguments, mend in (
        ((site, "--output", tmp_path / "there.yaml"), "nothing is ever overwritten"),
        ((site, "--output", site / "hub.yaml"), "outside"),
        ((site, "--output", tmp_path / "one.yaml", "--hub", "two"), "must be called two.yaml"),
        ((site, "--hub", "Two!"), "no id of a hub"),
    ):
        done = call("map", "suggest", *arguments)
        assert done.exit_code == 2
        assert mend in done.stderr
    assert (tmp_path / "there.yaml").read_text() == "mine"
    assert [path.name for path in site.iterdir()] == ["faq.md"]


def test_suggest_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = call("map", "suggest", tmp_path / "gone")
    assert isinstance(done.exception, FileNotFoundError)  # which the command's main makes one line of
