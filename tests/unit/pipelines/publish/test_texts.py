"""Rendered texts that are kept: the same as if they were rendered again, and none that nobody wants any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.publish import Texts, build_release, markdown
from pipelines.publish.site import text_keys
from tests.builders import KEY, a_case_study, a_library, an_edition

ARGUMENTS = ("## One\n\nA text with **weight** and | a bar.", "Image", "Table", "Title")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_text_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Texts(tmp_path).render(*ARGUMENTS)
    assert first == markdown.render(*ARGUMENTS)
    kept = files(tmp_path)
    assert len(kept) == 1
    monkeypatch.setattr(markdown, "render", None)
    assert Texts(tmp_path).render(*ARGUMENTS) == first
    assert files(tmp_path) == kept


@pytest.mark.parametrize("place", range(4))
def test_each_argument_makes_another_text(tmp_path: Path, place: int) -> None:
    Texts(tmp_path).render(*ARGUMENTS)
    other = [*ARGUMENTS]
    other[place] += " more"
    assert Texts(tmp_path).render(*other) == markdown.render(*other)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("left", [b"", b'{"html": "<p>A', b"\xff\xfe"])
def test_half_a_file_is_no_text(tmp_path: Path, left: bytes) -> None:
    told = Texts(tmp_path).render(*ARGUMENTS)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(left)
    assert Texts(tmp_path).render(*ARGUMENTS) == told
    assert path.read_bytes() != left


def test_a_release_is_the_same_with_kept_texts_and_keeps_its_own_only(tmp_path: Path) -> None:
    texts = Texts(tmp_path / "texts")
    build_release(an_edition(), tmp_path / "bare", key=KEY)
    for name in ("first", "second"):
        build_release(an_edition(), tmp_path / name, key=KEY, texts=texts)
        assert files(tmp_path / name) == files(tmp_path / "bare")
    kept = files(tmp_path / "texts")
    assert len(kept) == len(text_keys(an_edition())) > 5
    own = an_edition(library=a_library(a_case_study(body="Nothing else.")), packs=())
    build_release(own, tmp_path / "other", texts=texts)
    assert len(files(tmp_path / "texts")) == 1
    assert b"Nothing else." in next(iter(files(tmp_path / "texts").values()))
