from tests.feeds import a_case_study, an_answer, answers_of, judged, write_csv, write_feed


def test_documents_and_tables_are_judged_together(tmp_path) -> None:
    answers = [*answers_of(3), an_answer(organisation="org-99999999", level="9")]
    verdict = judged(write_feed(tmp_path / "feed", [a_case_study()], answers=answers))
    assert not verdict.is_held
    counts = verdict.counts()
    assert (counts["accepted"], counts["answers_accepted"], counts["answers_quarantined"]) == (1, 9, 1)
    assert verdict.answers_quarantined_by_code() == {"level_out_of_range": 1}


def test_a_ragged_table_is_a_finding_and_the_rest_goes_on(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study()], answers=answers_of(3))
    with (feed / "returns.csv").open("a") as file:
        file.write("too,few,cells\n")
    verdict = judged(feed)
    assert not verdict.is_held
    assert verdict.answers == 0
    (finding,) = [f for f in verdict.findings if f.file == "returns.csv"]
    assert finding.code == "unreadable_file"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_return_that_is_mostly_bad_holds_the_feed_however_good_its_documents(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study()])
    write_feed(feed, [a_case_study()], answers=[an_answer(level="9"), an_answer(level="8"), an_answer(level="1")])
    verdict = judged(feed)
    assert verdict.held_by == ("hopeless_feed",)
    assert verdict.findings[0].code == "hopeless_feed"


def test_every_file_is_accounted_for(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study(), a_case_study(id="bad", licence=None)], answers=answers_of(1))
    (feed / "notes.txt").write_text("left behind")
    (feed / "README.md").write_text("about")
    accounts = {a.file: (a.accepted, a.quarantined, a.skipped, a.findings) for a in judged(feed).files}
    assert accounts["case_studies/shared-schedule.md"] == (1, 0, 0, 0)
    assert accounts["case_studies/bad.md"] == (0, 1, 0, 1)
    assert accounts["returns.csv"] == (3, 0, 0, 0)
    assert accounts["notes.txt"] == (0, 0, 0, 1)
    assert accounts["README.md"] == (0, 0, 1, 0)


def test_columns_that_the_contract_does_not_know_never_reach_the_parquet(tmp_path) -> None:
    import pyarrow.parquet as pq

    feed = write_feed(tmp_path / "feed", [a_case_study()], answers=answers_of(2))
    write_csv(feed / "returns.csv", [row | {"comment": "we are Sample Vale"} for row in answers_of(2)])
    verdict = judged(feed)
    assert "column_not_allowed" in {finding.code for finding in verdict.findings}
    (table,) = verdict.tables
    assert table.accepted is not None
    assert "comment" not in pq.read_schema(table.accepted).names
    assert b"Sample Vale" not in table.accepted.read_bytes()
