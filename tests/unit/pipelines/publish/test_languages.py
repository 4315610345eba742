"""How complete a release is in each language, and that none leaves whose own words are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.publish import ReleaseRefused, build_release, strings
from pipelines.publish.languages import completeness, of_texts
from pipelines.wording import Wording
from tests.builders import an_edition


def a_row(id: str, language: str, **translations: str) -> dict[str, object]:
    return {"id": id, "language": language, "translations": translations}


def test_a_text_counts_once_in_however_many_languages() -> None:
    rows = [a_row("a", "en", cy="b"), a_row("b", "cy", en="a"), a_row("c", "en"), a_row("d", "cy")]
    assert of_texts(rows) == {"en": {"texts": 2, "of": 3}, "cy": {"texts": 2, "of": 3}}
    assert of_texts(rows[:1]) == {"en": {"texts": 1, "of": 1}, "cy": {"texts": 0, "of": 1}}  # its translation has gone
    assert of_texts([]) == {"en": {"texts": 0, "of": 0}, "cy": {"texts": 0, "of": 0}}
    assert [entry["interface"] for entry in completeness(rows)] == [1, 1]


def test_no_release_leaves_with_an_unfinished_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = strings.site_words()
    lacking = Wording(known.texts, ("cy: site.home is not translated",))
    monkeypatch.setattr(strings, "site_words", lambda: lacking)
    with pytest.raises(ReleaseRefused, match=r"unfinished in cy: site\.home is not translated"):
        build_release(an_edition(), tmp_path / "r")
    assert not (tmp_path / "r").exists()
