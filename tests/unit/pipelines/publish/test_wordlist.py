from __future__ import annotations

from pipelines.publish.wordlist import Words, words_of
from tests.builders import a_case_study


def test_words_are_without_case_and_parted_at_hyphens_and_apostrophes() -> None:
    assert words_of("Lock-in: a Supplier's API_v2, ŷd") == {"lock", "in", "a", "supplier", "s", "api", "v2", "ŷd"}


def test_records_are_found_by_how_words_of_heading_and_summary_begin() -> None:
    words = Words(
        [
            a_case_study("one", title="Exports and exporters", summary="A format."),
            a_case_study("two", title="An export", summary="Formats, exported."),
            a_case_study("three", title="Expo", summary="Nothing."),
        ]
    )
    assert words.heading_begins("export") == {"vale/one", "vale/two"}
    assert words.heading_begins("exporte") == {"vale/one"}
    assert words.summary_begins("export") == {"vale/two"}
    assert words.heading_begins("zebra") == words.summary_begins("zebra") == set()
    assert words.in_heading["expo"] == ["vale/three"]
