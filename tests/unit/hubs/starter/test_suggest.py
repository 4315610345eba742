from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hubs.containers import ods_bytes, xlsx_bytes
from hubs.feed import Feed
from hubs.instruments import instruments
from hubs.mapping import Mapped, map_feed
from hubs.mapping.lint import lint
from hubs.registration import Registration
from hubs.starter.suggest import Suggestion, hub_id, suggest
from hubs.starter.suggest import folder as looking
from hubs.yamlfile import parse_yaml

BANK = instruments()["interop-baseline-v1"]
LONG = "A text of some length that says what was done and what came of it in the end. " * 4


def folder(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def suggested(root: Path) -> tuple[Suggestion, Registration]:
    """What is suggested, which must be a registration that the linter accepts."""
    found = suggest(root, "my-hub", root.parent, instruments())
    registration = Registration.model_validate(parse_yaml(found.text))
    assert lint(registration, instruments()) == []
    return found, registration


def mapped(root: Path, registration: Registration) -> Mapped:
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    return map_feed(Feed(files), registration)


def read(root: Path) -> tuple[str, Mapped]:
    found, registration = suggested(root)
    result = mapped(root, registration)
    assert result.held_by == (), result.findings
    assert "unmapped_file" not in {finding.code for finding in result.findings}
    return found.text, result


def plain(text: str) -> str:
    """The text with its wrapped comments on one line."""
    return " ".join(line.strip().removeprefix("#").strip() for line in text.splitlines())


def a_page(body: str = LONG, **keys: Any) -> str:
    front = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return f"---\n{front}---\n{body}\n"


# Pages.


def test_studies_are_found_with_their_fields_and_doubts(tmp_path: Path) -> None:
    pages = {
        f"_posts/2026-01-0{n}-study-{n}.md": a_page(
            title=f"Study {n}",
            excerpt="What was gained in a line.",
            pubdate=f"{n + 12}/02/2026",
            tags="[Schools, Maps]",
        )
        for n in range(1, 7)
    }
    undated = a_page(title="Undated", excerpt="What was gained.")
    text, result = read(folder(tmp_path / "f", pages | {"_posts/2026-02-01-undated.md": undated}))
    studies = {document.fields["id"]: document.fields for document in result.documents}
    assert {document.kind for document in result.documents} == {"case_study"}
    assert sorted(studies) == [*(f"study-{n}" for n in range(1, 7)), "undated"]
    assert studies["study-1"]["summary"] == "What was gained in a line."
    assert str(studies["study-1"]["published"]) == "2026-02-13"
    assert studies["study-1"]["sectors"] == ["education"]
    assert studies["study-1"]["technology_types"] == ["geospatial"]
    assert "1 of 7 files have no date" in plain(text)
    assert "no term is like these values of tags, so they are left out: 'Maps' (6)" in plain(text)


def test_drafts_and_pages_without_text_are_left_out_by_rule(tmp_path: Path) -> None:
    pages = {f"work/{n}.md": a_page(title=f"Study {n}") for n in "abcd"}
    others = {
        "work/draft.md": a_page(title="Draft", draft="true"),
        "work/list.md": a_page("", title="List", layout="collection"),
        "work/short.md": a_page("See elsewhere.", title="Short"),
    }
    text, result = read(folder(tmp_path / "f", pages | others))
    assert sorted(document.file for document in result.documents) == [f"work/{n}.md" for n in "abcd"]
    for number in ("1 of 7 files say draft: true", "1 files of these layouts", "1 of 5 files have fewer than 200"):
        assert number in plain(text)


def test_pages_of_questions_are_known_by_their_headings(tmp_path: Path) -> None:
    page = "# Help\n\nWords.\n\n## For buyers\n\n### What is it?\n\nThis.\n\n### Why?\n\nSo.\n\n### Prices\n\nNone.\n"
    text, result = read(folder(tmp_path / "f", {"faq.md": page}))
    assert [document.kind for document in result.documents] == ["faq"] * 3
    assert result.documents[0].fields["question"] == "What is it?"
    assert {document.fields["audience"] for document in result.documents} == {"procurement_professional"}
    assert "1 of 3 headings of level 3 ask nothing, such as 'Prices'" in plain(text)


@pytest.mark.parametrize(
    "body",
    [
        "Q: What is it?\nA: This.\n\nQ: Why?\nA: So.\n",
        "**What is it?**\n\nThis.\n\n**Why?**\n\nSo.\n",
        "## Q1: What is it?\nA: This.\n\n## Q2: Why?\nA: So.\n",
    ],
)
def test_questions_are_known_in_other_shapes(tmp_path: Path, body: str) -> None:
    _, result = read(folder(tmp_path / "f", {"our-faq.md": body}))
    assert [(d.fields["question"], d.fields["answer"]) for d in result.documents] == [
        ("What is it?", "This."),
        ("Why?", "So."),
    ]


def test_a_folder_of_single_questions(tmp_path: Path) -> None:
    pages = {f"_faqs/{n}.md": a_page("An answer.", title=f'"What is {n}?"', published="true") for n in "abc"}
    text, result = read(folder(tmp_path / "f", pages))
    assert sorted(d.fields["question"] for d in result.documents) == ["What is a?", "What is b?", "What is c?"]
    assert "published" not in result.documents[0].fields
    assert "the key published holds no days: 'True' (3)" in plain(text)


def test_a_glossary_becomes_terms(tmp_path: Path) -> None:
    page = '# Glossary\n\n<a name="api"></a>\n**API:** A way for programs to talk.\n\n**Schema:** A list of fields.\n'
    text, result = read(folder(tmp_path / "f", {"glossary.md": page}))
    terms = {d.fields["term"]: d.fields["definition"] for d in result.documents}
    assert terms == {"API": "A way for programs to talk.", "Schema": "A list of fields."}
    assert "nothing says the source, so all records get the same" in plain(text)


def test_one_study_in_several_files_is_joined(tmp_path: Path) -> None:
    pages = {}
    for name in ("one", "two", "three"):
        pages[f"cases/{name}/index.md"] = a_page(title=name.capitalize())
        pages[f"cases/{name}/outcome.md"] = f"## Outcome\n\n{LONG}"
    text, result = read(folder(tmp_path / "f", pages))
    assert sorted(d.fields["title"] for d in result.documents) == ["One", "Three", "Two"]
    assert all("## Outcome" in d.fields["body"] for d in result.documents)
    assert "3 folders hold the same files" in text


def test_same_names_in_several_folders_get_ids_of_their_own(tmp_path: Path) -> None:
    pages = {f"site/{place}/posts/alpha.md": a_page(title=f"Alpha of {place}") for place in ("north", "south")}
    others = {f"site/east/posts/{n}.md": a_page(title=n) for n in "abc"}
    text, result = read(folder(tmp_path / "f", pages | others))
    assert sorted(d.fields["id"] for d in result.documents) == ["a", "b", "c", "north-alpha", "south-alpha"]
    assert "names that others have too" in plain(text)


def test_what_is_no_content_is_skipped_with_a_reason(tmp_path: Path) -> None:
    noise: dict[str, str | bytes] = {
        "README.md": "# About",
        "_config.yml": "a: b",
        "_layouts/post.md": "x",
        "a.js": "1",
        "b.css": "2",
        "report.pdf": b"%PDF-1.4",
        "logo.png": b"\x89PNG",
        "page.md": "<!doctype html><html></html>",
    }
    text, result = read(folder(tmp_path / "f", noise | {f"work/{n}.md": a_page(title=n) for n in "abc"}))
    assert len(result.documents) == 3
    assert {skip.file for skip in result.skips} == set(noise)
    assert all(len(skip.reason) > 10 for skip in result.skips)
    assert "1 file ending in .pdf may hold content" in plain(text)


def test_the_licence_is_read_and_never_taken_for_granted(tmp_path: Path) -> None:
    page = {"a.md": a_page(title="A")}
    text, _ = read(folder(tmp_path / "none", page))
    assert "no file names a licence" in plain(text)
    text, _ = read(folder(tmp_path / "mit", page | {"LICENSE": "MIT License\n\nPermission is hereby granted"}))
    assert "LICENSE reads like MIT" in plain(text)
    assert "\nlicence: MIT\n" in text


def test_every_guess_is_marked(tmp_path: Path) -> None:
    found, _ = suggested(folder(tmp_path / "f", {"a.md": a_page(title="A")}))
    assert found.doubts == sum(line.lstrip().startswith("# doubt: ") for line in found.text.splitlines())
    for name in ("name", "sector", "owner", "cadence", "licence", "audience"):
        lines = found.text.splitlines()
        number = next(n for n, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert lines[number - 1].startswith("#"), name


# Tables.


def test_rows_of_records_are_known_by_their_columns(tmp_path: Path) -> None:
    files = {
        "links.csv": "Name,URL,Type,Owner\nOne,https://a.example/,Standard,A\nTwo,https://b.example/,Guide,B\n",
        "words.csv": "Acronym,Meaning\nAPI,A way for programs to talk to one another\nRSS,A list of what is new\n",
        "answers.csv": f"Question,Answer\nWhat is it?,{LONG}\nWhy?,{LONG}\n",
    }
    _, result = read(folder(tmp_path / "f", files))
    assert sorted(document.kind for document in result.documents) == ["faq"] * 2 + ["signpost"] * 2 + ["term"] * 2
    links = [d.fields for d in result.documents if d.kind == "signpost"]
    assert [link["signpost_type"] for link in links] == ["standard", "guidance"]
    assert [link["publisher"] for link in links] == ["A", "B"]


@pytest.mark.parametrize("write", [ods_bytes, xlsx_bytes])
def test_the_row_that_names_the_columns_is_found_in_a_sheet(tmp_path: Path, write: Any) -> None:
    rows = [["Our questions", ""], ["Question", "Answer"], ["What is it?", LONG], ["Why?", LONG]]
    name = "book.ods" if write is ods_bytes else "book.xlsx"
    text, result = read(folder(tmp_path / "f", {name: write({"Notes": [["x"]], "Q and A": rows})}))
    assert [d.fields["question"] for d in result.documents] == ["What is it?", "Why?"]
    assert "taken to be line 2" in plain(text)


def a_survey(questions: list[str], answers: list[str]) -> str:
    lines = ["Organisation,Response ID,Staff,Area," + ",".join(f'"{question}"' for question in questions)]
    for number, answer in enumerate(answers):
        lines.append(f'Body {number},{number},"1,000-4,999",North West,' + ",".join([answer] * len(questions)))
    return "\n".join(lines) + "\n"


def test_a_survey_that_asks_the_instrument_s_questions_is_read(tmp_path: Path) -> None:
    asked = [question.text["en"] for question in BANK.asked_of("decision_maker")[:4]]
    words = ["Strongly agree", "Disagree", "Not applicable", "Strongly disagree"]
    text, result = read(folder(tmp_path / "f", {"survey/2026-Q2.csv": a_survey(asked, words)}))
    rows = [row for table in result.tables for batch in table.batches() for row in batch.to_pylist()]
    assert len(rows) == 16
    assert {row["question"] for row in rows} == {question.id for question in BANK.asked_of("decision_maker")[:4]}
    assert {row["level"] for row in rows} == {"5", "2", "na", "1"}
    assert {(row["size_band"], row["region"], row["period"]) for row in rows} == {
        ("1000_to_4999", "north_west", "2026-Q2")
    }
    assert not [row for row in rows if "Body" in row["organisation"]]
    assert "'strongly disagree' is taken for level 1" in plain(text)


def test_questions_that_no_instrument_asks_are_doubts_and_never_answers(tmp_path: Path) -> None:
    unknown = ["How happy are you with the canteen?", "Would you cycle to work if you could?"]
    found, registration = suggested(
        folder(tmp_path / "f", {"s.csv": a_survey(unknown, ["Agree", "Disagree", "Agree"])})
    )
    assert registration.sources == []
    assert registration.skip[0].reason.startswith("A survey whose questions have no place")
    draft = found.text[found.text.index("# sources:") :]
    assert "question-1: {column:" in draft
    assert all(not line or line.startswith("#") for line in draft.splitlines())
    source = parse_yaml("\n".join(line[2:] for line in draft.splitlines() if line.startswith("# ")))["sources"][0]
    assert source["wide"]["questions"]["question-2"]["column"] == unknown[1]


def test_a_table_with_a_row_an_answer(tmp_path: Path) -> None:
    questions = BANK.asked_of("decision_maker")[:3]
    codes = "Code,Wording\n" + "".join(f'Q{n},"{q.text["en"]}"\n' for n, q in enumerate(questions))
    rows = "Organisation,Question,Score\n" + "".join(
        f"{body},Q{n},{n}\n" for body in ("One", "Two", "Three", "Overall mean") for n in range(3)
    )
    text, result = read(folder(tmp_path / "f", {"codes.csv": codes, "2026.csv": rows}))
    answers = [row for table in result.tables for batch in table.batches() for row in batch.to_pylist()]
    assert sorted({(row["question"], row["level"]) for row in answers}) == sorted(
        (q.id, str(n)) for n, q in enumerate(questions)
    )
    assert len(answers) == 9
    assert "1 values sound like figures over all: Overall mean" in plain(text)


def test_scales_are_guessed_from_words_and_numbers(tmp_path: Path) -> None:
    asked = [question.text["en"] for question in BANK.asked_of("decision_maker")[:3]]
    header = ",".join(f'"{text}"' for text in asked)
    lines = ["Yes,0,10", "No,5,0", "Partly,3,7", "Yes,4,3"]
    _, result = read(folder(tmp_path / "f", {"2026.csv": f"{header}\n" + "\n".join(lines) + "\n"}))
    rows = [row for table in result.tables for batch in table.batches() for row in batch.to_pylist()]
    by_question = {
        q.id: sorted(r["level"] for r in rows if r["question"] == q.id) for q in BANK.asked_of("decision_maker")[:3]
    }
    assert list(by_question.values()) == [["0", "3", "5", "5"], ["0", "3", "4", "5"], ["0", "1", "3", "5"]]


# Whole feeds.


def test_a_feed_in_the_contract_s_shape_needs_no_mapping(tmp_path: Path) -> None:
    found, registration = suggested(folder(tmp_path / "f", {"datapackage.json": "{}", "a.md": a_page(title="A")}))
    assert registration.sources == []
    assert "needs no mapping" in plain(found.text)


def test_a_single_file_will_do(tmp_path: Path) -> None:
    root = folder(tmp_path / "f", {"faq.md": "## What is it?\n\nThis.\n\n## Why?\n\nSo.\n"})
    found = suggest(root / "faq.md", "my-hub", tmp_path, instruments())
    registration = Registration.model_validate(parse_yaml(found.text))
    assert registration.address == "f/faq.md"
    assert len(mapped(root, registration).documents) == 2


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    found, registration = suggested(tmp_path / "f")
    assert registration.sources == []
    assert "nothing was found that can be read" in plain(found.text)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        suggest(tmp_path / "gone", "my-hub", tmp_path, instruments())


def test_the_same_folder_gives_the_same_text(tmp_path: Path) -> None:
    root = folder(tmp_path / "f", {f"w/{n}.md": a_page(title=n, tags="[a, b]") for n in "abcde"})
    assert suggested(root)[0] == suggested(root)[0]


def test_ids_of_hubs_are_made_from_names() -> None:
    assert [hub_id(name) for name in ("Our Website", "2026_feed.v2", "...", "x")] == [
        "our-website",
        "feed-v2",
        "my-hub",
        "my-hub",
    ]


# Hostile folders.


def test_nothing_in_a_folder_can_write_settings(tmp_path: Path) -> None:
    evil = "x\u2028secret: stolen\u0085sources: []"
    pages = {f"w/{n}.md": a_page(title=n, **{f'"k{n}\\nowner: x"': f'"{evil}"'}) for n in "abc"}
    odd = {"w/[a]*?.md": a_page(title="Odd"), "w/# x: {y}.md": a_page(title="Odd too")}
    root = folder(tmp_path / "f", pages | odd)
    _, registration = suggested(root)
    assert registration.id == "my-hub"
    assert registration.secret is None
    assert len(mapped(root, registration).documents) == 5


def test_links_are_not_followed_and_are_told_of(tmp_path: Path) -> None:
    secret = folder(tmp_path / "secret", {"a.md": a_page(title="Secret")})
    root = folder(tmp_path / "f", {"b.md": a_page(title="B")})
    (root / "link").symlink_to(secret)
    (root / "c.md").symlink_to(secret / "a.md")
    os.mkfifo(root / "d.md")
    found, _ = suggested(root)
    assert "3 links or files of other kinds" in plain(found.text)
    assert "Secret" not in found.text


def test_what_cannot_be_read_is_left_out_and_told_of(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.md": a_page(title="A"),
        "binary.md": b"\0\1\2" * 100,
        "bomb.md": "---\na: &a [x]\nb: [*a, *a]\n---\n" + LONG,
        "broken.xlsx": b"PK\x03\x04nothing",
        "deep.json": "[" * 100_000,
        "empty.csv": b"",
    }
    root = folder(tmp_path / "f", files)
    found, registration = suggested(root)
    skipped = {skip.file for skip in mapped(root, registration).skips}
    assert skipped >= {"binary.md", "broken.xlsx", "deep.json", "empty.csv"}
    assert "binary.md" in found.text


def test_only_the_beginning_of_a_large_file_is_read(tmp_path: Path) -> None:
    root = folder(tmp_path / "f", {"a.md": a_page(title="A")})
    with (root / "huge.md").open("wb") as stream:
        stream.truncate(3 << 30)
    with (root / "huge.csv").open("wb") as stream:
        stream.write(b"Question,Answer\n")
        stream.truncate(3 << 30)
    seen = looking.look(root)
    assert {page.name for page in seen.pages} == {"a.md"}


def test_many_files_are_looked_at_in_part_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MAX_PAGES_PER_FOLDER", 5)
    root = folder(tmp_path / "f", {f"w/{n:03}.md": a_page(title=f"T{n}") for n in range(20)})
    found, registration = suggested(root)
    assert "15 Markdown files were not looked at" in plain(found.text)
    assert len(mapped(root, registration).documents) == 20


def test_a_text_made_to_be_slow_is_not(tmp_path: Path) -> None:
    bodies = {
        "blank.md": "\n" * 900_000 + "x",
        "hash.md": "#" * 900_000,
        "q.md": "**" * 400_000,
        "d.md": "<dt " * 200_000,
    }
    root = folder(tmp_path / "f", bodies)
    suggested(root)
