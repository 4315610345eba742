"""The plan: what comes first, which questions, which records."""

from pathlib import Path
from typing import Any

import pytest

from hubs.contract.vocabularies import vocabulary
from hubs.instruments import FOLDER, Helps, UnusableInstrument, instruments, read_instrument
from pipelines.gap.compare import Place
from pipelines.gap.plan import analyse, in_order, lowest
from pipelines.gap.read import Answers, Own
from pipelines.gap.release import read_release
from pipelines.helps import MAX_HELPS, helping
from tests.builders import INSTRUMENT
from tests.gaps import DESCRIBED, a_record, a_release

HELPS = Helps(frozenset({"identity"}), {"en": ("accountable", "who owns"), "cy": ("atebol",)})
AUDIENCE = "decision_maker"


def a_place(dimension: str, level: int, target: int, share: float | None) -> Place:
    return Place(dimension, level, target, None, level + 1, None, (), share_at_next=share)


def found(*records: dict[str, Any], sector: str | None = "local_government") -> list[str]:
    return [help.record["id"] for helps in helping(records, HELPS, sector, AUDIENCE).values() for help in helps]


def test_the_farthest_from_the_target_comes_first_then_where_most_peers_are() -> None:
    places = [
        a_place("unknown", 1, 2, None),
        a_place("few", 1, 2, 0.2),
        a_place("reached", 3, 3, 0.9),
        a_place("many", 2, 3, 0.7),
        a_place("far", 1, 4, 0.1),
        a_place("many-too", 2, 3, 0.7),
    ]
    assert [place.dimension for place in in_order(places)] == ["far", "many", "many-too", "few", "unknown"]


def test_the_questions_answered_lowest_are_named_with_their_level() -> None:
    bank = instruments()[INSTRUMENT]
    asked = [question.id for question in bank.asked_of(AUDIENCE) if question.dimension == "legal"]
    answers = Answers({}, dict.fromkeys(asked, 3) | {asked[0]: 1, asked[1]: None}, 1)
    assert [(question.id, level) for question, level in lowest(answers, bank, AUDIENCE, "legal")] == [(asked[0], 1)]
    assert lowest(Answers({}, dict.fromkeys(asked, 5), 1), bank, AUDIENCE, "legal") == ()


def test_a_record_helps_by_its_words_or_by_its_technology_types_and_a_word() -> None:
    plain = {"title": "A", "summary": "B", "text": "C", "technology_types": []}
    assert found(a_record(**plain)) == []
    assert found(a_record(**plain | {"title": "An accountable post"}))
    assert found(a_record(**plain | {"summary": "Who owns it?"}))
    assert found(a_record(**plain | {"text": "Accountable."})) == []
    assert found(a_record(**plain | {"technology_types": ["identity"]})) == []
    assert found(a_record(**plain | {"technology_types": ["identity"], "text": "Accountable."}))
    assert found(a_record(**plain | {"title": "Unaccountable"})) == []
    assert found(a_record(**plain | {"title": "Pwy sy'n atebol?", "language": "cy"}))


def test_a_record_is_for_the_sector_or_for_all_and_for_the_audience() -> None:
    assert found(a_record(sectors=["health"])) == []
    assert found(a_record(sectors=["health"]), sector=None)
    assert found(a_record(sectors=["cross_sector"]), a_record(id="vale/two", sectors=[])) == ["vale/one", "vale/two"]
    assert found(a_record("faq", audience=["procurement_professional"])) == []
    assert found(a_record("term")) == []


def test_the_best_three_of_a_kind_come_in_order() -> None:
    records = [
        a_record(id="v/old", published="2020-01-01"),
        a_record(id="v/new", published="2026-01-01"),
        a_record(id="v/updated", published="2020-01-01", updated="2026-02-01"),
        a_record(id="v/sector", sectors=["cross_sector"], published="2026-03-01"),
        a_record(id="v/best", title="Who owns it, and who is accountable", published="2019-01-01"),
        a_record(id="v/summary", title="A", summary="Accountable", published="2026-09-01"),
    ]
    assert found(*records) == ["v/best", "v/updated", "v/new"]
    assert len(found(*records)) == MAX_HELPS


def test_each_text_is_shown_once_in_the_language_wanted(tmp_path: Path) -> None:
    records = [
        a_record(translations={"cy": "vale/un"}),
        a_record(id="vale/un", title="Pwy sy'n atebol", language="cy", translations={"en": "vale/one"}),
        a_record(id="vale/two"),
    ]
    release = read_release(a_release(tmp_path / "release", records=records), DESCRIBED)
    own = Own("2026-Q3", DESCRIBED, {(INSTRUMENT, AUDIENCE): Answers({"governance": 1}, {}, 1)})
    for language, ids in (("en", ["vale/one", "vale/two"]), ("cy", ["vale/two", "vale/un"])):
        (assessment,) = analyse(own, None, release, instruments(), targets={}, language=language).assessments
        (step,) = assessment.steps
        assert sorted(help.record["id"] for help in step.helps["case_study"]) == ids


def test_every_dimension_says_in_both_languages_what_helps() -> None:
    for instrument in instruments().values():
        assert set(instrument.helps) == set(instrument.dimensions)
        for helps in instrument.helps.values():
            assert set(helps.words) == {"en", "cy"}
            assert all(word == word.casefold().strip() for words in helps.words.values() for word in words)
            assert helps.technology_types <= set(vocabulary("technology_types").terms)


def test_a_dimension_may_say_nothing_of_what_helps() -> None:
    assert helping([a_record()], None, None, AUDIENCE) == {}


def test_an_unknown_technology_type_is_a_fault_of_the_instrument(tmp_path: Path) -> None:
    for file in (FOLDER / INSTRUMENT).iterdir():
        text = file.read_text(encoding="utf-8").replace("technology_types: [identity]", "technology_types: [trees]")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInstrument, match="dimension security, helps: no technology type trees"):
        read_instrument(tmp_path)
