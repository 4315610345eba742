"""Candidate, approval, release: what may follow what, whoever dies meanwhile."""

import contextlib
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import publish
from pipelines.candidates import Automatic, CandidateRefused, CandidateState, NoSuchCandidate, Rule
from pipelines.line import Line, make_benchmarks, make_library
from pipelines.publish import ReleaseRefused, candidate_folder, latest, verify_release, wrong_signatures
from pipelines.releasing import approve, make_candidate, make_release, refuse, rotate_key, run, why_stale
from tests.feeds import NOW, a_case_study, a_line, a_withdrawal, answers_of, gather, register, write_feed

PEOPLE = {"by": "Sample operator", "note": "Read the changes"}
DAY = timedelta(days=1)


def quiet(_stage: str, _what: str) -> None:
    """No progress."""


def a_hub(folder: Path, *records: dict[str, Any], organisations: int = 0) -> None:
    """The hub ``one``; with ``organisations`` also ``two``, since of one hub alone nothing may be told."""
    register(folder)
    records = records or (a_case_study(),)
    write_feed(folder / "feeds/one", list(records), answers=answers_of(organisations) if organisations else [])
    if organisations:
        register(folder, id="two")
        write_feed(folder / "feeds/two", [a_case_study(body="Of two.")], answers=answers_of(organisations, 1001))


def line_of(folder: Path, **rule: Any) -> Line:
    return replace(a_line(folder), rule=Rule(**rule))


def prepared(folder: Path, now: Any = NOW, **rule: Any) -> Line:
    """The line after pull, consolidation and count."""
    line = line_of(folder, **rule)
    for hub in line.registry.hubs:
        gather(line, hub, now)
    make_library(line)
    make_benchmarks(line)
    return line


def candidate_of(folder: Path, now: Any = NOW, **rule: Any) -> tuple[Line, str]:
    line = prepared(folder, now, **rule)
    made = make_candidate(line, now)
    assert made is not None
    return line, made.id


def manifest(line: Line, id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((line.public / "releases" / id / "release.json").read_text())
    return found


def test_a_candidate_is_whole_and_no_reader_sees_it(tmp_path: Path) -> None:
    a_hub(tmp_path, organisations=40)
    line, id = candidate_of(tmp_path)
    folder = candidate_folder(line.public, id)
    assert verify_release(folder) == []
    assert wrong_signatures(folder) == []
    assert latest(line.public) is None
    assert [path.name for path in line.public.iterdir() if not path.name.startswith(".")] == ["releases"]
    assert line.store.ledger.periods() == []
    assert line.store.published()["release"] is None


def test_approving_publishes_what_was_looked_at_and_says_who(tmp_path: Path) -> None:
    a_hub(tmp_path, organisations=40)
    line, id = candidate_of(tmp_path)
    before = {
        path.relative_to(candidate_folder(line.public, id)): path.read_bytes()
        for path in candidate_folder(line.public, id).rglob("*")
        if path.is_file()
    }
    done = approve(line, id, NOW + DAY, **PEOPLE)
    assert (done.state, done.approved_by) == (CandidateState.PUBLISHED, "Sample operator")
    release = line.public / "releases" / id
    changed = {path for path, data in before.items() if (release / path).read_bytes() != data}
    signed = {"SHA256SUMS", "SHA256SUMS.minisig", "SHA256SUMS.sshsig", "SHA256SUMS.sig", "provenance.intoto.jsonl"}
    assert {path.as_posix() for path in changed} == {"release.json", *signed}
    assert manifest(line, id)["approved_by"] == "Sample operator"
    assert verify_release(release) == []
    assert wrong_signatures(release) == []
    newest = latest(line.public)
    assert newest is not None
    assert newest.id == id
    assert {row.approver for row in line.store.ledger.rows("2026-Q3")} == {"Sample operator"}
    assert line.store.published()["release"] == id
    assert not candidate_folder(line.public, id).exists()
    assert not (line.store.candidates.root / id).exists()
    assert PEOPLE["note"] not in (release / "release.json").read_text()


def test_nothing_has_changed_after_it(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    approve(line, id, NOW, **PEOPLE)
    outcome = run(line, NOW + DAY, quiet)
    assert (outcome.release, outcome.is_new, outcome.candidate) == (id, False, None)


def test_a_run_publishes_at_once_what_the_rule_leaves_to_it(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line = line_of(tmp_path)
    outcome = run(line, NOW, quiet)
    assert outcome.is_new
    assert manifest(line, str(outcome.release))["approved_by"] is None
    assert [one.state for one in line.store.candidates.all()] == [CandidateState.PUBLISHED]


def test_green_waits_while_a_feed_is_held_and_says_so(tmp_path: Path) -> None:
    a_hub(tmp_path, *[a_case_study(id=f"study-{n}", title=f"Study {n}", body=f"Body {n}.") for n in range(10)])
    line = line_of(tmp_path, automatic=Automatic.GREEN)
    assert run(line, NOW, quiet).is_new
    register(tmp_path, id="two")
    write_feed(tmp_path / "feeds/two", [a_case_study(body="Of two.")])
    write_feed(tmp_path / "feeds/one", [a_case_study()])  # nine of ten are gone
    outcome = run(line_of(tmp_path, automatic=Automatic.GREEN), NOW + DAY, quiet)
    assert not outcome.is_new
    assert outcome.candidate is not None
    (question,) = outcome.candidate.open_questions
    assert question.startswith("one is held: feed_shrank")


def test_green_does_not_wait_for_a_hub_that_is_away(tmp_path: Path) -> None:
    a_hub(tmp_path)
    register(tmp_path, id="two")
    write_feed(tmp_path / "feeds/two", [a_case_study(body="Of two.")])
    line = line_of(tmp_path, automatic=Automatic.GREEN)
    assert run(line, NOW, quiet).is_new
    shutil.rmtree(tmp_path / "feeds/two")
    write_feed(tmp_path / "feeds/one", [a_case_study(body="New.")])
    outcome = run(line, NOW + DAY, quiet)
    assert outcome.is_new
    # … until nothing of it can be carried any more: then somebody has to look.
    outcome = run(line, NOW + 400 * DAY, quiet)
    assert not outcome.is_new
    assert outcome.candidate is not None
    assert "lost its content" in "; ".join(outcome.candidate.open_questions)


def test_never_waits_for_somebody_each_time(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line = line_of(tmp_path, automatic=Automatic.NEVER)
    outcome = run(line, NOW, quiet)
    assert outcome.candidate is not None
    assert (outcome.release, outcome.candidate.state) == (None, CandidateState.WAITING)
    assert run(line, NOW + DAY, quiet).candidate == outcome.candidate  # the same, and it is not built again


def test_two_people_approve_and_the_second_one_publishes(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path, people=2)
    first = approve(line, id, NOW, **PEOPLE)
    assert first.state is CandidateState.WAITING
    assert latest(line.public) is None
    with pytest.raises(CandidateRefused, match="a second person"):
        approve(line, id, NOW, by=" SAMPLE  operator ", note="Once more")
    done = approve(line, id, NOW, by="Second reader", note="Checked")
    assert done.state is CandidateState.PUBLISHED
    assert manifest(line, id)["approved_by"] == "Sample operator and Second reader"


def test_approvals_are_of_one_candidate_and_not_of_its_successor(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, first = candidate_of(tmp_path, people=2)
    approve(line, first, NOW, **PEOPLE)
    write_feed(tmp_path / "feeds/one", [a_case_study(body="Changed.")])
    line, second = candidate_of(tmp_path, NOW + DAY, people=2)
    assert second != first
    with pytest.raises(CandidateRefused, match=f"has gone: {second} was built; {second} waits"):
        approve(line, first, NOW + DAY, by="Second reader", note="x")
    assert approve(line, second, NOW + DAY, **PEOPLE).state is CandidateState.WAITING
    assert not candidate_folder(line.public, first).exists()


def test_what_was_refused_keeps_its_reason_and_is_not_built_again_by_itself(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    refused = refuse(line, id, NOW, by="Sample operator", reason="The title is wrong")
    assert (refused.state, refused.reason) == (CandidateState.REFUSED, "The title is wrong")
    assert not candidate_folder(line.public, id).exists()
    with pytest.raises(CandidateRefused, match="was refused by Sample operator: The title is wrong"):
        approve(line, id, NOW, **PEOPLE)
    assert make_candidate(line, NOW + DAY) is None
    outcome = run(line, NOW + DAY, quiet)  # whatever the rule says
    assert (outcome.release, outcome.candidate) == (None, refused)
    again = make_candidate(line, NOW + DAY, again=True)
    assert again is not None
    assert again.id > id


def test_an_id_is_used_once_also_when_nobody_saw_it(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    refuse(line, id, NOW, by="Sample operator", reason="No")
    write_feed(tmp_path / "feeds/one", [a_case_study(body="Changed.")])
    _, other = candidate_of(tmp_path)
    assert (id, other) == ("2026-10-01.01", "2026-10-01.02")


def test_a_hub_that_was_only_away_leaves_no_candidate_when_it_is_back(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    approve(line, id, NOW, **PEOPLE)
    (tmp_path / "feeds/one").rename(tmp_path / "away")
    line, other = candidate_of(tmp_path, NOW + DAY)
    (tmp_path / "away").rename(tmp_path / "feeds/one")
    line = prepared(tmp_path, NOW + 2 * DAY)
    assert make_candidate(line, NOW + 2 * DAY) is None
    gone = line.store.candidates.find(other)
    assert (gone.state, gone.reason) == (CandidateState.SUPERSEDED, f"what hubs send is again what {id} says")
    assert not candidate_folder(line.public, other).exists()


@pytest.mark.parametrize("what", ["name", "note", "lines", "long"])
def test_approving_takes_a_name_and_a_note(tmp_path: Path, what: str) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    told = {
        "name": {"by": " ", "note": "x"},
        "note": {"by": "x", "note": "\n"},
        "lines": {"by": "a\x1b[2J", "note": "x"},
        "long": {"by": "x", "note": "x" * 501},
    }[what]
    with pytest.raises(CandidateRefused, match="give a"):
        approve(line, id, NOW, **told)
    assert line.store.candidates.find(id).approvals == ()


def test_a_candidate_that_never_was_is_named_with_the_one_that_waits(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    with pytest.raises(NoSuchCandidate, match=f"no candidate 2020-01-01.01; {id} waits"):
        approve(line, "2020-01-01.01", NOW, **PEOPLE)
    approve(line, id, NOW, **PEOPLE)
    with pytest.raises(CandidateRefused, match="published already"):
        approve(line, id, NOW, **PEOPLE)


# What happens between building and approving.


def test_a_candidate_that_was_tampered_with_is_not_published(tmp_path: Path) -> None:
    a_hub(tmp_path, organisations=40)
    line, id = candidate_of(tmp_path)
    page = candidate_folder(line.public, id) / "en/index.html"
    page.write_text(page.read_text().replace("</main>", "<p>Planted.</p></main>"))
    with pytest.raises(ReleaseRefused, match=r"changed: en/index\.html"):
        approve(line, id, NOW, **PEOPLE)
    assert latest(line.public) is None
    assert line.store.ledger.periods() == []


def test_a_record_that_its_hub_has_withdrawn_since_stops_it(tmp_path: Path) -> None:
    a_hub(tmp_path, a_case_study(), a_case_study(id="other", title="Another study", body="Of something else."))
    line, id = candidate_of(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()], rows={"withdrawal": [a_withdrawal(id="other")]})
    gather(line, "one", NOW + DAY)
    with pytest.raises(CandidateRefused, match="taken records back since: one/other; build another"):
        approve(line, id, NOW + DAY, **PEOPLE)
    assert latest(line.public) is None
    make_library(line)
    make_benchmarks(line)
    assert make_release(line, NOW + DAY) is not None


def test_a_licence_that_was_closed_since_stops_it(tmp_path: Path) -> None:
    a_hub(tmp_path, a_case_study(), a_case_study(id="other", title="Another study", body="Of something else."))
    line, id = candidate_of(tmp_path)
    closed = a_case_study(id="other", title="Another study", body="Of something else.", licence="All rights reserved")
    write_feed(tmp_path / "feeds/one", [a_case_study(), closed])
    gather(line, "one", NOW + DAY)
    assert why_stale(line, line.store.candidates.find(id)) == "hubs have taken records back since: one/other"


def test_another_release_another_key_or_another_ledger_stops_it(tmp_path: Path) -> None:
    a_hub(tmp_path, organisations=40)
    line, id = candidate_of(tmp_path)
    candidate = line.store.candidates.find(id)
    assert why_stale(line, candidate) is None
    assert "have seen nothing since" in str(why_stale(line, replace(candidate, previous="2026-01-01.01")))
    rotate_key(line, NOW, reason="Sample", is_stolen=False)
    assert why_stale(line, candidate) == "the key that signs has changed"
    made = make_candidate(line, NOW)
    assert made is not None
    assert made.id > id
    heads = line.store.ledger.root / "heads.json"
    line.store.ledger.add(line.store.candidates.kept(made.id).rows[:1])
    assert "the ledger has grown" in str(why_stale(line, made))
    assert heads.exists()


def test_a_pull_in_between_changes_nothing_of_what_is_approved(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study(body="Newer.")])
    line = prepared(tmp_path, NOW + DAY)  # library and benchmarks in the store are of newer feeds now
    approve(line, id, NOW + DAY, **PEOPLE)
    text = (line.public / "releases" / id / "packs/national/records.jsonl").read_text()
    assert "Newer." not in text
    known = line.store.published()
    assert known["release"] == id
    outcome = run(line, NOW + 2 * DAY, quiet)
    assert outcome.is_new
    assert "Newer." in (line.public / "releases" / str(outcome.release) / "packs/national/records.jsonl").read_text()


def test_a_clock_that_goes_back_is_named(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    with pytest.raises(CandidateRefused, match="check the clock"):
        approve(line, id, NOW - DAY, **PEOPLE)


# Kills.


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "where",
    [
        "pipelines.publish.pointers.sign_release",
        "pipelines.publish.pointers.verify_release",
        "pipelines.publish.pointers.os.sync",
        "pipelines.publish.pointers.swap",
        "pipelines.releasing._note",
        "pipelines.store.Store.note_published",
        "pipelines.candidates.Candidates.forget",
    ],
)
def test_an_approval_that_is_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    a_hub(tmp_path, organisations=40)
    line, id = candidate_of(tmp_path)

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(where, kill)
        with pytest.raises(Killed):
            approve(line, id, NOW, **PEOPLE)
    if line.store.candidates.find(id).state is CandidateState.WAITING:
        with contextlib.suppress(CandidateRefused):  # it was out already, and is noted now
            approve(line, id, NOW, **PEOPLE)
    assert line.store.candidates.find(id).state is CandidateState.PUBLISHED
    assert line.store.published()["release"] == id
    release = line.public / "releases" / id
    assert manifest(line, id)["approved_by"] == "Sample operator"
    assert [*verify_release(release), *wrong_signatures(release)] == []
    newest = latest(line.public)
    assert newest is not None
    assert newest.id == id
    assert {row.approver for row in line.store.ledger.rows("2026-Q3")} == {"Sample operator"}
    outcome = run(line, NOW + DAY, quiet)
    assert (outcome.release, outcome.is_new) == (id, False)
    assert not [*line.public.glob("releases/.*")]


@pytest.mark.parametrize("where", ["Candidates.keep", "Candidates.note"])
def test_a_build_that_is_killed_leaves_nothing_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    a_hub(tmp_path)
    line = prepared(tmp_path)

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"pipelines.candidates.{where}", kill)
        with pytest.raises(Killed):
            make_candidate(line, NOW)
    assert line.store.candidates.all() == []
    made = make_candidate(line, NOW)
    assert made is not None
    assert [path.name for path in line.public.glob("releases/.*")] == [f".candidate-{made.id}"]
    assert approve(line, made.id, NOW, **PEOPLE).state is CandidateState.PUBLISHED


def test_an_attempt_that_failed_says_why(tmp_path: Path) -> None:
    register(tmp_path)
    line = a_line(tmp_path)
    with pytest.raises(ReleaseRefused):
        run(line, NOW, quiet)
    attempt = line.store.candidates.last_attempt()
    assert attempt is not None
    assert attempt.outcome == "failed"
    assert "nothing to publish" in str(attempt.reason)


def test_a_preview_is_what_readers_would_see(tmp_path: Path) -> None:
    a_hub(tmp_path)
    line, id = candidate_of(tmp_path)
    with publish.previewed(line.public, id) as preview:
        newest = latest(preview)
        assert newest is not None
        assert newest.id == id
        assert (preview / "index.html").is_file()
        assert verify_release(preview / "releases" / id) == []
    assert not [*line.public.glob(".preview-*")]
    assert latest(line.public) is None
