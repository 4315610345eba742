import json
from datetime import date, datetime

import pytest
from pydantic import ValidationError

from hubs.contract import generate
from hubs.contract.findings import CODES, MAX_VALUE_CHARACTERS, Finding
from hubs.contract.kinds import document_kinds, kinds, record_kinds, table_kinds
from hubs.contract.kinds.case_study import CaseStudy
from hubs.contract.vocabularies import SCHEMES, vocabulary
from tests.feeds import a_case_study, a_faq


def test_what_is_generated_from_the_contract_is_current() -> None:
    generated = generate.generated()
    lagging = [path.name for path, text in generated.items() if path.read_text(encoding="utf-8") != text]
    assert lagging == [], "run make schemas"
    assert set(generate.SCHEMAS.iterdir()) <= set(generated), "a schema of a kind that is gone"


def test_every_term_has_both_languages_and_no_name_means_two_terms() -> None:
    for scheme in SCHEMES:
        words = vocabulary(scheme)
        assert words.label_en
        assert words.label_cy
        owner: dict[str, str] = {}
        for term in words:
            assert term.en
            assert term.cy
            for name in (term.id, term.en, term.cy, *term.alt):
                folded = name.casefold()
                assert owner.setdefault(folded, term.id) == term.id, f"{scheme}: {name} names two terms"
                assert words.resolve(name) == term.id


def test_unknown_names_resolve_to_nothing() -> None:
    assert vocabulary("sectors").resolve("astrology") is None
    with pytest.raises(KeyError):
        vocabulary("colours")


def test_a_record_survives_its_own_json() -> None:
    for kind, fields in (("case_study", a_case_study()), ("faq", a_faq())):
        model = document_kinds()[kind].model
        document = model.model_validate(fields)
        assert model.model_validate(json.loads(document.model_dump_json())) == document


@pytest.mark.parametrize("value", ["2026-03-01", date(2026, 3, 1), datetime(2026, 3, 1, 9, 30), "2026-03-01T09:30:00Z"])  # noqa: DTZ001
def test_dates_come_as_text_or_as_yaml_reads_them(value: object) -> None:
    assert CaseStudy.model_validate(a_case_study(published=value)).published == date(2026, 3, 1)


@pytest.mark.parametrize("value", ["1/3/2026", "March 2026", "", 20260301])
def test_a_date_that_is_not_certain_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="not a date"):
        CaseStudy.model_validate(a_case_study(published=value))


def test_lists_written_by_hand_are_taken_apart() -> None:
    study = CaseStudy.model_validate(a_case_study(sectors="health; housing;health"))
    assert study.sectors == ["health", "housing"]


def test_every_code_used_by_a_kind_exists() -> None:
    for kind in document_kinds().values():
        assert set(kind.missing.values()) <= set(CODES)
    for table in table_kinds().values():
        assert {column.code for column in table.columns} <= set(CODES)
    assert set(record_kinds()) | set(table_kinds()) == set(kinds())


def test_a_finding_needs_a_known_code_and_shows_only_the_start_of_a_value() -> None:
    with pytest.raises(KeyError, match="no_such_code"):
        Finding("no_such_code")
    finding = Finding("invalid_value", value="x" * 1000, rows=(1, 2))
    assert finding.value is not None
    assert len(finding.value) == MAX_VALUE_CHARACTERS
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


def test_every_code_says_why_and_what_to_do() -> None:
    for name, code in CODES.items():
        assert code.why.endswith((".", ")")), name
        assert code.mend.endswith("."), name
        assert code.scope in ("feed", "file", "record"), name
