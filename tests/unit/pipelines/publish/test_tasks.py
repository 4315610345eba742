from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.tasks import MOST_N, Task, serving, tasks
from pipelines.publish.views import Library
from pipelines.publish.wordlist import Words
from tests.builders import a_case_study, a_library, a_question, a_requirement, a_small_edition, a_term


def task(id: str) -> Task:
    return next(one for one in tasks() if one.id == id)


def test_a_rule_that_names_what_no_vocabulary_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (TEMPLATES / "tasks.yaml").read_text(encoding="utf-8")
    wrong = text.replace("kinds: [faq, signpost]", "kinds: [faq, letter]").replace("[legacy_replacement]", "[abacus]")
    (tmp_path / "tasks.yaml").write_text(wrong, encoding="utf-8")
    monkeypatch.setattr("pipelines.publish.tasks.TEMPLATES", tmp_path)
    with pytest.raises(ValueError, match=r"specify, step exit: there is no abacus"):
        tasks.__wrapped__()


def served(id: str, *entries: object, language: str = "en") -> dict[str, dict[str, list[str]]]:
    library = Library(a_small_edition(library=a_library(*entries)))  # type: ignore[arg-type]
    found = serving(task(id), library, Words(library.records.values()), language)
    return {
        step: {kind: [e.record.document.id for e in same] for kind, same in groups} for step, groups in found.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("one", tasks(), ids=lambda one: one.id)
def test_each_guide_is_of_150_to_300_words(one: Task, language: str) -> None:
    texts = [one.lead, *chain.from_iterable((s.title, s.do, s.ask or {}, s.trap or {}) for s in one.steps)]
    assert 150 <= sum(len(text.get(language, "").split()) for text in texts) <= 300


def test_every_text_and_every_word_of_a_guide_is_in_both_languages() -> None:
    for one in tasks():
        for text in (one.title, one.about, one.lead):
            assert text.keys() == {*LANGUAGES}
        for step in one.steps:
            told = [text for text in (step.title, step.do, step.ask, step.trap) if text]
            assert all(text.keys() == {*LANGUAGES} and all(text.values()) for text in told), step.id
            assert step.finds.words.keys() == {*LANGUAGES}
            assert all(
                word == word.casefold() and word.isalpha() for words in step.finds.words.values() for word in words
            )
    ids = [step.id for one in tasks() for step in one.steps]
    assert len({*ids}) > len(tasks())


def test_a_record_serves_a_step_by_a_word_of_its_heading_or_by_technology_and_a_word_of_its_summary() -> None:
    heading = a_requirement("heading", title="Exit and return of data", technology_types=[], clause="x")
    both = a_requirement("both", title="Nothing", technology_types=["legacy_replacement"], clause="The exit.")
    word = a_requirement("word", title="Nothing", technology_types=["api"], clause="The exit.")
    technology = a_requirement("technology", title="Nothing", technology_types=["legacy_replacement"], clause="x")
    found = served("specify", heading, both, word, technology)["exit"]
    assert found == {"requirement": ["heading", "both"]}


def test_welsh_words_find_welsh_records_and_english_words_do_not() -> None:
    welsh = a_question("cy", language="cy", question="Pryd y dylid ymadael?", answer="Yn gynnar.")
    false = a_question("false", language="cy", question="Exit", answer="x")
    assert served("specify", welsh, false, language="cy")["exit"] == {"faq": ["cy"]}


def test_each_record_stands_once_in_a_guide_and_few_of_a_kind_in_a_step() -> None:
    entries = [a_case_study(f"s{n}", title=f"Leaving and moving an archive {n}") for n in range(12)]
    found = served("leave-legacy", *entries)
    shown = [id for groups in found.values() for ids in groups.values() for id in ids]
    assert len(shown) == len({*shown}) == 2 * MOST_N
    assert served("leave-legacy", a_term("exit", term="Exit plan"))["inventory"] == {}
