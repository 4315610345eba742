"""Texts of an interface: what is finished in each language, and how catalogues follow their template."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.publish.layouts import TEMPLATES
from pipelines.wording import UnusableCatalogue, Wording, update, wording

HEAD = 'msgid ""\nmsgstr ""\n"Language: cy\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
PLURAL = ("{count} hub", "{count} hubs")


def entry(key: str, source: str | tuple[str, str], *found: str, flag: str = "") -> str:
    one, many = source if isinstance(source, tuple) else (source, "")
    plural = f'msgid_plural "{many}"\n' if many else ""
    strings = "".join(f'msgstr[{n}] "{text}"\n' for n, text in enumerate(found)) if many else f'msgstr "{found[0]}"\n'
    return f'{flag}msgctxt "{key}"\nmsgid "{one}"\n{plural}{strings}'


def a_catalogue(folder: Path, source: list[str], translated: list[str]) -> Path:
    """The folder with a template and the Welsh of it."""
    (folder / "cy/LC_MESSAGES").mkdir(parents=True)
    (folder / "site.pot").write_text("\n".join([HEAD, *source]), encoding="utf-8")
    (folder / "cy/LC_MESSAGES/site.po").write_text("\n".join([HEAD, *translated]), encoding="utf-8")
    return folder


def read(folder: Path) -> Wording:
    wording.cache_clear()
    return wording(folder, "site")


def test_texts_of_a_template_and_its_catalogue(tmp_path: Path) -> None:
    source = [entry("a", "Hello {name}", ""), entry("hubs", PLURAL, "", "")]
    told = read(
        a_catalogue(
            tmp_path, source, [entry("a", "Hello {name}", "Helo {name}"), entry("hubs", PLURAL, "x", "{count} hwb")]
        )
    )
    assert told.text("a", "cy", name=1200) == "Helo 1,200"
    assert told.text("hubs", "en", count=2000) == "2,000 hubs"
    assert told.text("hubs", "cy", count=3) == "3 hwb"
    assert told.unfinished == ("cy: hubs.one has other values",)
    assert told.share_finished("cy") == pytest.approx(2 / 3)
    with pytest.raises(KeyError):
        told.text("b", "en")


@pytest.mark.parametrize(
    ("translated", "why"),
    [
        ([], "is not translated"),
        ([entry("a", "Hello", "")], "is not translated"),
        ([entry("a", "Hello", "Helo", flag="#, fuzzy\n")], "is not translated"),
        ([entry("a", "Good day", "Helo")], "is translated from another text"),
        ([entry("a", "Hello", "Helo {name}")], "has other values"),
    ],
)
def test_what_is_unfinished_is_english_and_told(tmp_path: Path, translated: list[str], why: str) -> None:
    told = read(a_catalogue(tmp_path, [entry("a", "Hello", "")], translated))
    assert told.unfinished == (f"cy: a {why}",)
    assert why != "is not translated" or told.text("a", "cy") == "Hello"
    assert told.share_finished("cy") == 0


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = a_catalogue(tmp_path, [entry("a", "Hello", "")], ["nonsense"])
    with pytest.raises(UnusableCatalogue, match=r"site\.po"):
        read(folder)
    with pytest.raises(UnusableCatalogue, match=r"none\.pot"):
        wording(folder, "none")


def test_catalogues_follow_their_template(tmp_path: Path) -> None:
    source = [entry("new", "New", ""), entry("hubs", PLURAL, "", ""), entry("a", "Hello again", "")]
    translated = [entry("gone", "Gone", "Wedi mynd"), entry("a", "Hello", "Helo"), entry("hubs", PLURAL, "1", "2")]
    folder = a_catalogue(tmp_path, source, translated)
    update(folder, "site")
    text = (folder / "cy/LC_MESSAGES/site.po").read_text(encoding="utf-8")
    assert text.index('"new"') < text.index('"hubs"') < text.index('"a"')
    assert "gone" not in text
    assert "#, fuzzy" in text[: text.index('"a"')]
    assert "Helo" in text
    assert 'msgstr[1] "2"' in text
    assert {line.partition(" ")[2] for line in read(folder).unfinished if "hubs" not in line} == {
        "new is not translated",
        "a is not translated",
    }
    update(folder, "site")
    assert (folder / "cy/LC_MESSAGES/site.po").read_text(encoding="utf-8") == text


def test_our_catalogue_is_as_make_words_writes_it(tmp_path: Path) -> None:
    own = TEMPLATES / "locale"
    copy = shutil.copytree(own, tmp_path / "locale")
    update(copy, "site")
    assert files(copy) == files(own)
    (copy / "site.pot").write_text(f"{HEAD}\n{entry('a', 'Hello', '')}", encoding="utf-8")
    update(copy, "site")
    assert files(copy) != files(own)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
