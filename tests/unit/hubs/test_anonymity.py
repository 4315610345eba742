"""Is a return really anonymised? Columns of identifiers hold the feed, and nothing of them is kept."""

from __future__ import annotations

import random
import secrets
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubs.contract.identifiers import heading_of, identified, is_nhs_number, why_withheld
from hubs.contract.verdict import Verdict
from pipelines.store import Store
from tests.feeds import answers_of, judged, write_csv, write_feed

FORMS = {
    "NHS numbers": ["943 476 5919", "9434765919", "943-476-5870", "401 023 2137"],
    "National Insurance numbers": ["AB123456C", "aa 12 34 56 c", "JG-10-37-59-A", "WM765432D"],
    "e-mail addresses": ["someone@sample.example", "Someone <some.one@dept.sample.example>"],
    "telephone numbers": ["020 7946 0958", "+44 20 7946 0958", "(020) 7946 0958", "02079460958"],
    "postcodes": ["SW1A 1AA", "ec1a-1bb", "M11AE", "B33_8TH", "GIR 0AA"],
    "web addresses": ["https://sample.example/a", "www.sample.example"],
    "domains of public bodies": ["sample.gov.uk", "trust.nhs.uk", "cyngor.llyw.cymru"],
    "IP addresses": ["192.0.2.1", "2001:db8::1"],
    "ONS codes": ["E06000001", "E09000033", "S12000036", "W06000015", "e07000240"],
    "UKPRNs": ["10006840", "10007774"],
    "Companies House numbers": ["00000006", "SC123456", "NI012345", "12345678"],
    "charity numbers": ["1089464", "NIC100012"],
    "URNs of schools": ["123456", "urn-123456", "URN: 100006"],
    "LAESTAB numbers": ["201/3614", "laestab 201/3614"],
    "ODS codes": ["RJ1", "QWE", "A81001", "RJ1AB", "ods-RJ1"],
    "names of organisations": ["Sampleton City Council", "sampleton-city-council", "Sample Vale NHS Trust"],
    "names of people": ["Jane Sample", "jane_sample", "Dr Sample", "Cllr. A Sample"],
}
CHANCE = ["9434765918", "987 654 4320", "1234567890"]
"""Ten digits that have another check digit."""
NOT_ALLOTTED = ["QQ123456C", "DA123456A", "AO123456A", "GB123456A", "NK123456B", "TN123456C", "ZZ123456A", "AB123456E"]
"""What HMRC gives to nobody: letters, pairs and endings that are never used."""
TERMS = ["council", "County council", "NHS trust", "Fire and rescue service", "West Midlands"]
OTHERS = ["", "9", "R01", "Q12", "1.2.3.4", "2026-Q3", "dm-governance-1", "Yorkshire and The Humber", "org-00000001"]


@pytest.mark.parametrize(("label", "value"), [(label, value) for label, values in FORMS.items() for value in values])
def test_published_examples_are_told_by_their_form(label: str, value: str) -> None:
    found = identified(value)
    assert found is not None
    assert found.label == label


@pytest.mark.parametrize("value", [*CHANCE, *NOT_ALLOTTED, *TERMS, *OTHERS])
def test_what_is_no_identifier_is_none(value: str) -> None:
    assert identified(value) is None


def test_one_ten_digit_number_in_eleven_passes_for_an_nhs_number() -> None:
    drawn = random.Random(1)
    passing = sum(is_nhs_number(f"{drawn.randrange(10**10):010d}") for _ in range(11_000))
    assert 900 < passing < 1100
    assert not identified("9434765919").is_telling


@pytest.mark.parametrize("name", ["Name", "E-mail", "contact_email", "Organisation name", "Post code", "NHS No."])
def test_headings_tell(name: str) -> None:
    assert heading_of(name)


@pytest.mark.parametrize("name", ["Comments", "Staff", "Level", "Name of the technology", "Started", "Governance 1"])
def test_other_headings_do_not(name: str) -> None:
    assert heading_of(name) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2026-03-14", "times finer than the period"),
        ("14/03/2026 10:22", "times finer than the period"),
        ("We have not begun, ask me again", "free text"),
        ("x" * 41, "free text"),
        ("jane@sample.example", "e-mail addresses"),
    ],
)
def test_what_a_report_does_not_repeat(value: str, why: str) -> None:
    assert why_withheld(value) == why


@pytest.mark.parametrize("value", ["Narnia", "last year", "2026-Q9", "9", "very large", "4.5"])
def test_a_slip_is_repeated_so_that_it_can_be_mended(value: str) -> None:
    assert why_withheld(value) is None


# Columns.


def a_return(folder: Path, **columns: list[str]) -> Path:
    """A feed with a return of so many organisations as ``columns`` have values, one row each."""
    n = len(next(iter(columns.values())))
    rows = [row for row in answers_of(n) if row["question"] == "dm-legal-1"]
    for number, row in enumerate(rows):
        row |= {"organisation": f"k{secrets.token_hex(6)}"}
        row |= {name: f'"{values[number]}"' for name, values in columns.items()}
    return write_feed(folder / "feed", answers=rows)


def held(folder: Path, **columns: list[str]) -> Verdict:
    return judged(a_return(folder, **columns))


def identifying(verdict: Verdict, code: str = "identifying_column") -> list[tuple[str | None, str | None]]:
    return [(f.field, f.detail) for f in verdict.findings if f.code == code]


KEYS = {
    "NHS numbers": [f"94347659{n:02d}" for n in range(100) if is_nhs_number(f"94347659{n:02d}")] + ["4010232137"],
    "National Insurance numbers": ["AB123456C", "AB123457C", "CE123458D"],
    "e-mail addresses": ["a@sample.example", "b@sample.example", "c@sample.example"],
    "ONS codes": ["E06000001", "E06000002", "E06000003"],
    "ODS codes": ["RJ1", "RXA", "QWE"],
    "UKPRNs": ["10006840", "10007774", "10007790"],
    "names of organisations": ["sampleton-city-council", "sampleford-council", "sample-vale-borough"],
    "names of people": ["jane-sample", "john_sample", "peter-sample"],
}


@pytest.mark.parametrize("label", KEYS)
def test_keys_that_are_identifiers_hold_the_feed_and_are_kept_nowhere(label: str, tmp_path: Path) -> None:
    verdict = held(tmp_path, organisation=KEYS[label])
    [(field, detail)] = identifying(verdict)
    assert field == "organisation"
    assert detail.startswith(label)
    assert verdict.held_by == ("identifying_column",)
    assert (verdict.answers, verdict.tables[0].quarantined_rows) == (0, len(KEYS[label]))
    (tmp_path / "store").mkdir()
    for path in (tmp_path / "scratch").glob("*.parquet"):
        path.rename(tmp_path / "store" / path.name)
    Store.write_verdict(tmp_path / "store", verdict)
    kept = pq.read_table(tmp_path / "store" / "assessment-1-quarantine.parquet").to_pylist()
    assert {row["organisation"] for row in kept} == {None}
    assert {row["region"] for row in kept} == {"wales"}
    written = [path.read_bytes() for path in (tmp_path / "store").iterdir()]
    assert not [value for value in KEYS[label] if any(value.encode() in data for data in written)]


def test_random_keys_of_any_make_raise_nothing(tmp_path: Path) -> None:
    drawn = random.Random(2)
    makes = {
        "hex": lambda: f"{drawn.getrandbits(64):016x}",
        "ten digits": lambda: f"{drawn.randrange(10**10):010d}",
        "eight digits": lambda: f"{drawn.randrange(10**8):08d}",
        "capitals": lambda: "".join(drawn.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=9)),
        "letters": lambda: "".join(drawn.choices("abcdefghijklmnopqrstuvwxyz", k=12)),
        "parted": lambda: f"org-{drawn.getrandbits(32):08x}-{drawn.getrandbits(16):04x}",
    }
    for make, key in makes.items():
        verdict = held(
            tmp_path / make, organisation=[key() for _ in range(200)], respondent=[key() for _ in range(200)]
        )
        assert verdict.findings == [], make


def test_a_column_is_judged_and_never_a_few_of_its_values(tmp_path: Path) -> None:
    random_keys = [f"{n * 104729 % 10**8:08d}zz" for n in range(70)]
    names = [f"sampleton-{a}-council" for a in "abcdefghijklmnopqrstuvwxyzabcd"]
    at_thirty = held(tmp_path / "a", organisation=[*random_keys, *(f"{name}-{n}" for n, name in enumerate(names))])
    assert identifying(at_thirty) == []
    above = held(tmp_path / "b", organisation=[*random_keys[:60], *(f"{name}-{n}" for n, name in enumerate(names))])
    assert [field for field, _ in identifying(above)] == ["organisation"]
    two = held(tmp_path / "c", organisation=["9434765919", "4010232137", "zzzzzzzz"])
    assert identifying(two) == []


def test_one_telling_value_is_enough_where_all_values_are_listed(tmp_path: Path) -> None:
    one = held(tmp_path / "a", region=["wales"] * 19 + ["jane@sample.example"])
    assert [field for field, _ in identifying(one)] == ["region"]
    assert "jane" not in str([finding.to_dict() for finding in one.findings])
    weak = held(tmp_path / "b", region=["wales"] * 19 + ["9434765919"])
    assert identifying(weak) == []
    assert [f.detail for f in weak.findings if f.code == "unknown_region"] == ["not repeated: NHS numbers"]


def test_numbered_keys_are_told_of_and_accepted(tmp_path: Path) -> None:
    verdict = held(tmp_path, organisation=[f"council-{n:05d}" for n in range(1, 21)])
    assert [(f.code, f.field) for f in verdict.findings if f.field == "organisation"] == [
        ("keys_in_sequence", "organisation")
    ]
    assert verdict.answers == 20


def test_times_and_free_text_are_refused_and_kept_nowhere(tmp_path: Path) -> None:
    said = "Not begun, ask the team again in May"
    verdict = held(tmp_path, period=["2026-Q3"] * 18 + ["2026-03-14T10:22:31"] * 2, level=["3"] * 17 + [said] * 3)
    assert verdict.held_by == ()
    told = {(f.code, f.value, f.detail) for f in verdict.findings if f.field in ("period", "level")}
    assert told == {
        ("invalid_period", None, "not repeated: times finer than the period"),
        ("level_out_of_range", None, "not repeated: free text"),
    }
    [kept] = [path.read_bytes() for path in (tmp_path / "scratch").glob("*quarantine.parquet")]
    assert b"10:22" not in kept
    assert b"Not begun" not in kept


def test_columns_outside_the_contract_are_left_out_and_told_of(tmp_path: Path) -> None:
    verdict = held(
        tmp_path,
        Name=["x"] * 5,
        Remarks=["none"] * 5,
        Who=["Jane Sample", "John Sample", "Peter Sample", "", ""],
        Ref=["9434765919", "4010232137", "9434765870", "", "9434765919"],
    )
    assert verdict.held_by == ()
    assert identifying(verdict, "identifying_column_left_out") == [
        ("Name", "names of people, by its heading"),
        ("Who", "names of people: 3 of 3 values looked at"),
        ("Ref", "NHS numbers: 3 of 3 values looked at"),
    ]
    assert [f.field for f in verdict.findings if f.code == "column_not_allowed"] == ["Name", "Remarks", "Who", "Ref"]


def test_a_row_that_is_taken_for_headings_is_not_repeated(tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", answers=answers_of(12))
    write_csv(feed / "returns.csv", [{"jane@sample.example": "x", "3": "y"}])
    assert "jane" not in str([finding.to_dict() for finding in judged(feed).findings])


def test_a_long_hostile_value_does_not_stop_the_judge(tmp_path: Path) -> None:
    hostile = ["a" * 90_000, "@" * 90_000, "a." * 40_000, "1:" * 40_000, "0" * 90_000]
    assert held(tmp_path, organisation=hostile, Other=hostile).answers == 0
