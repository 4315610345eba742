"""A hub says what it has itself published."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubs.csvfile import UnusableCsv
from hubs.publications import Publication, read_publications
from hubs.registration import UnusableRegistration, read_registration
from pipelines.ledger import Ledger, Row
from pipelines.line import make_benchmarks
from tests.feeds import a_case_study, a_line, answers_of, register, write_feed
from tests.feeds import register as enter

HEAD = "period,instrument,audience,dimension,sector,organisation_type,size_band,region,level,count\n"
OF = "2026-Q3,interop-baseline-v1,decision_maker,governance"
KEY = ("2026-Q3", "interop-baseline-v1", "decision_maker", "governance")


def a_file(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "numbers.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_numbers_are_read_with_their_groups(tmp_path: Path) -> None:
    path = a_file(tmp_path, f"{OF},all,all,all,all,all,31", f"{OF},health,all,under_50,all,0-1,7")
    assert read_publications(path) == [
        Publication(KEY, "total", (), "all", 31),
        Publication(KEY, "sector_size_band", ("health", "under_50"), "0-1", 7),
    ]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (f"{OF},healing,all,all,all,all,31", "line 2: 'healing' is no sector of the vocabulary; use its id, or all"),
        (f"{OF},all,council,all,wales,all,31", "no benchmark is told by these attributes together"),
        (f"{OF},all,all,all,all,6,31", "'6' is no level"),
        (f"{OF},all,all,all,all,2,3.5", "count must be a whole number"),
        (f"{OF},all,all,all,all,2,²", "count must be a whole number"),
        (",a,b,c,all,all,all,all,2,3", "period is missing"),
        (OF, "count must be a whole number"),
    ],
)
def test_what_cannot_be_used_is_named_by_line(tmp_path: Path, line: str, named: str) -> None:
    with pytest.raises(UnusableCsv, match=named):
        read_publications(a_file(tmp_path, line))


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableCsv, match="has no column level, count"):
        read_publications(a_file(tmp_path, head=HEAD.replace(",level,count", "")))
    (tmp_path / "numbers.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableCsv, match="is not a CSV file in UTF-8"):
        read_publications(tmp_path / "numbers.csv")
    a_file(tmp_path, f"{OF},all,all,all,all,all,{'3' * 40_000_000}")
    with pytest.raises(UnusableCsv, match="has more than 32,000,000 bytes"):
        read_publications(tmp_path / "numbers.csv")
    a_file(tmp_path, f"{OF},all,all,all,all,all,{'3' * 20_000_000}")
    with pytest.raises(UnusableCsv, match="is not a CSV file in UTF-8"):
        read_publications(tmp_path / "numbers.csv")
    with pytest.raises(UnusableCsv, match="cannot be read: No such file"):
        read_publications(tmp_path / "none.csv")
    enter(tmp_path, published="none.csv")
    with pytest.raises(UnusableRegistration, match=r"^published: none.csv cannot be read: No such file"):
        read_registration(tmp_path / "registry" / "one.yaml")


def test_they_are_entered_into_the_ledger_and_stay_when_the_hub_takes_them_back(tmp_path: Path) -> None:
    a_file(tmp_path / "registry", f"{OF},all,all,all,all,all,31", f"{OF},health,all,all,all,2,7")
    register(tmp_path, published="numbers.csv")
    write_feed(tmp_path / "feeds/one", [a_case_study()], answers=answers_of(40))
    line = a_line(tmp_path)
    make_benchmarks(line)
    rows = [
        Row("hub:one", *KEY, 1, "total", (), "n", 31),
        Row("hub:one", *KEY, 1, "sector", ("health",), "count:2", 7),
    ]
    ledger: Ledger = line.store.ledger
    assert ledger.rows("2026-Q3") == rows
    register(tmp_path)
    make_benchmarks(a_line(tmp_path))
    assert ledger.rows("2026-Q3") == rows
