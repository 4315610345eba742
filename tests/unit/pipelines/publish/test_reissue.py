from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.edition import Edition
from pipelines.files import digests_in
from pipelines.publish import (
    Reissued,
    ReleaseRefused,
    errata,
    gone,
    introductions,
    pointers,
    redact,
    verify_release,
    wrong_signatures,
)
from pipelines.publish.metadata import wrong_metadata
from pipelines.publish.pdf import attached_records
from pipelines.publish.scripts import handed_over
from pipelines.publish.signed import read_sums
from pipelines.signatures import PublicKey, ReleaseKey
from pipelines.withdrawals import Decision, Kind
from tests.builders import KEY, RELEASE_KEY, an_edition
from tests.pdfs import squeezed, text_of

FIRST, SECOND = "2026-11-23.01", "2026-11-24.01"
AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


def a_decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "number": 1,
        "kind": Kind.RETRACTION,
        "record": "vale/letters",
        "ids": ("vale/letters", "coast/letters"),
        "fingerprints": (),
        "record_kind": "case_study",
        "heading": "A heading of the record",
        "language": "en",
        "slug": "vale-letters",
        "reason": "The figures were wrong.",
        "successor": None,
        "by": "operator",
        "at": AT,
    }
    return Decision(**values | changes)


def published(public: Path, *editions: Edition) -> Path:
    for edition in editions or (an_edition(),):
        pointers.publish(edition, public, KEY)
    return public


def follow(public: Path, *decisions: Decision, releases: tuple[str, ...] = (FIRST,)) -> dict[str, Any]:
    found: dict[str, Any] = {}
    due = dict.fromkeys(releases, decisions)
    pointers.reissue_all(public, due, KEY, [RELEASE_KEY], lambda release, outcome: found.update({release: outcome}))
    return found


def texts(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def retracted(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    public = tmp_path_factory.mktemp("retracted") / "public"
    shutil.copytree(before, public, symlinks=True)
    outcome = follow(public, a_decision())[FIRST]
    assert isinstance(outcome, Reissued)
    assert outcome.gone == ()
    return public


@pytest.fixture(scope="module")
def taken_down(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    public = tmp_path_factory.mktemp("taken") / "public"
    shutil.copytree(before, public, symlinks=True)
    outcome = follow(public, a_decision(kind=Kind.TAKEDOWN, reason="It named somebody."))[FIRST]
    assert isinstance(outcome, Reissued)
    assert set(outcome.gone) == {f"releases/{FIRST}/{code}/records/vale-letters.html" for code in ("en", "cy")}
    return public


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_a_reissued_release_is_whole_and_signed(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which) / "releases" / FIRST
    assert verify_release(folder) == []
    assert wrong_signatures(folder, [RELEASE_KEY]) == []
    manifest = json.loads(texts(folder, "release.json"))
    assert (manifest["issue"], manifest["reissued"]) == (2, AT.isoformat())
    pointer = json.loads((folder.parents[1] / "latest.json").read_text())
    assert (pointer["issue"], pointer["reissued"]) == (2, AT.isoformat())


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_only_what_named_the_record_has_changed_and_says_so(
    which: str, before: Path, request: pytest.FixtureRequest
) -> None:
    old, new = before / "releases" / FIRST, request.getfixturevalue(which) / "releases" / FIRST
    sums, after = read_sums(old), read_sums(new)
    changed = {name for name in after if sums.get(name) != after[name]}
    assert changed
    for name in changed:
        if name.endswith(".html"):
            assert "errata.json" in texts(new, name), name
            assert redact.traces((old / name).read_bytes(), ["vale/letters", "coast/letters"], ["vale-letters"]), name
    assert not [name for name in changed if name.startswith(("benchmarks/", "assets/"))]
    log = json.loads(texts(new, "errata.json"))["issues"][0]
    own = {"release.json", "errata.json"}
    assert {file["path"] for file in log["files"]} == changed - own
    assert all(file["sha256"] == after[file["path"]] for file in log["files"])


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_packs_and_statements_have_the_record_no_more(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which) / "releases" / FIRST
    for name in ("pack.json", "records.csv", "records.jsonl"):
        for path in (folder / "packs").glob(f"*/{name}"):
            assert not redact.traces(path.read_bytes(), ["vale/letters", "coast/letters"], ["vale-letters"]), path
    for name in ("changes.json", "provenance.json", "coverage.json"):
        assert not redact.traces((folder / name).read_bytes(), ["vale/letters"], []), name
    hubs = {hub["id"]: hub["published"] for hub in json.loads(texts(folder, "coverage.json"))["hubs"]}
    rows = [json.loads(line)["hub"] for line in texts(folder, "packs/national/records.jsonl").splitlines()]
    assert hubs["vale"] == rows.count("vale")


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_introductions_count_anew_and_recommend_the_record_no_more(
    which: str, before: Path, request: pytest.FixtureRequest
) -> None:
    name = "packs/sector-local-government/pack.json"
    old, new = (
        json.loads(texts(public / "releases" / FIRST, name)) for public in (before, request.getfixturevalue(which))
    )
    for code, cases in (("en", "Case studies"), ("cy", "Astudiaethau achos")):
        assert "An open interface ended double typing (letters)" in old["introduction"][code]
        assert "An open interface ended double typing (letters)" not in new["introduction"][code]
        assert f"- {cases}: 2\n" in old["introduction"][code]
        assert f"- {cases}: 1\n" in new["introduction"][code]
        written = introductions.about(old, code)
        assert written
        assert written == introductions.about(new, code)


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_nobody_finds_the_record_any_more(which: str, before: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which) / "releases" / FIRST
    for language in ("en", "cy"):
        old, new = (texts(at, f"search/{language}.js") for at in (before / "releases" / FIRST, folder))
        for text in ("An open interface ended double typing (letters)", '"vale/letters"', '"vale-letters"'):
            assert text in old
            assert text not in new
        listed = [len(handed_over(told.encode())[1]["records"]) for told in (old, new)]
        assert listed[1] == listed[0] - 1


def test_documents_have_the_record_no_more_and_say_that_they_were_published_again(
    before: Path, retracted: Path
) -> None:
    packs = retracted / "releases" / FIRST / "packs"
    heading = "An open interface ended double typing (letters)"
    assert squeezed(heading) in text_of(before / "releases" / FIRST / "packs" / "national" / "pack.pdf")
    for name, note in (("pack.pdf", "on 25 November 2026"), ("pack.cy.pdf", "ar 25 Tachwedd 2026")):
        text = text_of(packs / "national" / name)
        assert squeezed(heading) not in text
        assert squeezed(note) in text
        assert not redact.traces(attached_records(packs / "national" / name), ["vale/letters"], ["vale-letters"])


@pytest.mark.parametrize("which", ["retracted", "taken_down"])
def test_what_helps_names_the_record_no_more_nor_do_zips_of_packs_that_never_had_it(
    which: str, before: Path, request: pytest.FixtureRequest
) -> None:
    old, new = before / "releases" / FIRST, request.getfixturevalue(which) / "releases" / FIRST
    archive = "packs/audience-decision-maker/pack.zip"
    for language in ("en", "cy"):
        path = f"{language}/self-assessment/helps.js"
        for folder, is_there in ((old, True), (new, False)):
            with zipfile.ZipFile(folder / archive) as opened:
                for script in ((folder / path).read_bytes(), opened.read(path)):
                    assert redact.traces(script, ["vale/letters"], ["vale-letters"]) is is_there
    assert not redact.traces((old / "packs/audience-decision-maker/pack.json").read_bytes(), ["vale/letters"], [])
    other = "packs/sector-transport/pack.zip"
    assert (old / other).read_bytes() == (new / other).read_bytes()


def test_the_page_of_a_retracted_record_stays_and_says_why(retracted: Path) -> None:
    folder = retracted / "releases" / FIRST
    for code, word in (("en", "was withdrawn on 25 November 2026"), ("cy", "ar 25 Tachwedd 2026")):
        html = texts(folder, f"{code}/records/vale-letters.html")
        assert word in html
        assert "The figures were wrong." in html
        assert 'content="noindex"' in html
        assert "Nobody types a letter twice." in html
    assert gone.read(retracted) == frozenset()
    log = errata.read(folder)
    assert errata.retracted(log)["vale/letters"]["reason"] == "The figures were wrong."


def test_an_erratum_leads_to_pages_in_the_language_of_its_own(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    follow(public, a_decision(successor="vale/open-formats"))
    folder = public / "releases" / FIRST
    for code in ("en", "cy"):
        for name in ("records/vale-letters.html", "packs/national.html"):
            note = texts(folder, f"{code}/{name}").partition('role="note"')[2].partition("</div>")[0]
            links = set(re.findall(r'href="\.\./\.\./([^"]+)"', note))
            wanted = {"errata.json", f"{code}/records/vale-open-formats.html"}
            assert links == wanted | ({f"{code}/records/vale-letters.html"} if "packs" in name else set()), (code, name)


def test_of_what_is_taken_down_nothing_is_left(before: Path, taken_down: Path) -> None:
    folder = taken_down / "releases" / FIRST
    rows = map(json.loads, texts(before / "releases" / FIRST, "packs/national/records.jsonl").splitlines())
    heading = next(row["title"] for row in rows if row["id"] == "vale/letters")
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not redact.traces(data, ["vale/letters", "coast/letters"], ["vale-letters"]), path
            assert heading.encode() not in data, path
    (told,) = errata.read(folder)["issues"][0]["withdrawn"]
    assert (told["record"], told["heading"]) == (None, None)
    assert gone.read(taken_down) == {f"releases/{FIRST}/{code}/records/vale-letters.html" for code in ("en", "cy")}


def test_two_decisions_about_what_was_one_record_then_count_it_once(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    decisions = [
        a_decision(ids=("vale/letters",)),
        a_decision(number=2, record="coast/letters", ids=("coast/letters",)),
    ]
    assert isinstance(follow(public, *decisions)[FIRST], Reissued)
    folder = public / "releases" / FIRST
    hubs = {hub["id"]: hub["published"] for hub in json.loads(texts(folder, "coverage.json"))["hubs"]}
    rows = [json.loads(line)["hub"] for line in texts(folder, "packs/national/records.jsonl").splitlines()]
    assert {hub: hubs[hub] for hub in ("vale", "coast")} == {hub: rows.count(hub) for hub in ("vale", "coast")}


def test_a_release_is_reissued_with_the_key_of_today(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    private = Ed25519PrivateKey.generate()
    retired = replace(RELEASE_KEY, retired=AT, reason="It was lent.")
    keys = [retired, ReleaseKey(PublicKey.of(private), AT)]
    found: dict[str, Any] = {}
    pointers.reissue_all(
        public, {FIRST: [a_decision()]}, private, keys, lambda which, outcome: found.update({which: outcome})
    )
    assert isinstance(found[FIRST], Reissued)
    folder = public / "releases" / FIRST
    assert verify_release(folder) == []
    assert wrong_signatures(folder, keys) == []
    assert json.loads(texts(folder, "release.json"))["signed_by"] == keys[1].public.text


def test_following_twice_changes_nothing(retracted: Path) -> None:
    before = read_sums(retracted / "releases" / FIRST)
    assert follow(retracted, a_decision()) == {FIRST: None}
    assert read_sums(retracted / "releases" / FIRST) == before


def test_what_is_retracted_may_be_taken_down_later_and_the_log_forgets_what_it_was(
    retracted: Path, before: Path, tmp_path: Path
) -> None:
    public = tmp_path / "public"
    rows = map(json.loads, texts(before / "releases" / FIRST, "packs/national/records.jsonl").splitlines())
    heading = next(row["title"] for row in rows if row["id"] == "vale/letters")
    shutil.copytree(retracted, public, symlinks=True)
    outcome = follow(public, a_decision(number=2, kind=Kind.TAKEDOWN, reason="It named somebody."))[FIRST]
    assert isinstance(outcome, Reissued), outcome
    assert outcome.issue == 3
    log = texts(public / "releases" / FIRST, "errata.json")
    assert "vale" in log
    assert "letters" not in log.lower()
    for path in (public / "releases" / FIRST).rglob("*"):
        if path.is_file():
            assert not any(word in path.read_bytes() for word in (heading.encode(), b"A heading of the record")), path
    assert verify_release(public / "releases" / FIRST) == []


def test_a_release_that_says_nothing_of_it_stays_as_it_is(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    other = a_decision(record="vale/never", ids=("vale/never",), slug="never", kind=Kind.TAKEDOWN)
    sums = read_sums(public / "releases" / FIRST)
    assert follow(public, other) == {FIRST: None}
    assert read_sums(public / "releases" / FIRST) == sums


def test_a_damaged_release_is_not_signed_again(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    path = public / "releases" / FIRST / "coverage.json"
    path.write_bytes(path.read_bytes() + b" ")
    outcome = follow(public, a_decision())[FIRST]
    assert isinstance(outcome, ReleaseRefused)
    assert "changed: coverage.json" in str(outcome)
    assert not list((public / "releases").glob(".*"))


def test_what_a_template_forgets_to_mark_stops_a_takedown(before: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(before, public, symlinks=True)
    folder = public / "releases" / FIRST
    manifest = json.loads(texts(folder, "release.json"))
    page = folder / "en" / "index.html"
    page.write_text(page.read_text().replace("<main", "<p>vale/letters</p><main", 1))
    sealed(folder, manifest)
    outcome = follow(public, a_decision(kind=Kind.TAKEDOWN))[FIRST]
    assert isinstance(outcome, ReleaseRefused)
    assert "en/index.html still names it" in str(outcome)
    assert gone.read(public) == frozenset()


def sealed(folder: Path, manifest: dict[str, Any]) -> None:
    """Seal and sign the release again, as if it had been published like that."""
    from pipelines.publish.release import seal
    from pipelines.publish.signed import UNLISTED, sign_release

    for name in (*UNLISTED, "release.json"):
        (folder / name).unlink()
    manifest.pop("files")
    seal(folder, manifest)
    sign_release(folder, KEY)


def test_the_next_release_says_that_it_was_retracted(retracted: Path, tmp_path: Path) -> None:
    from pipelines.edition import Withdrawn

    public = Path(shutil.copytree(retracted, tmp_path / "public", symlinks=True))
    edition = an_edition()
    library = {id: entry for id, entry in edition.library.items() if id != "vale/letters"}
    packs = tuple(replaced(pack, library) for pack in edition.packs)
    notices = (*edition.withdrawn, Withdrawn.decided(a_decision()))
    published(public, an_edition(id=SECOND, previous=FIRST, library=library, packs=packs, withdrawn=notices))
    changes = json.loads(texts(public / "releases" / SECOND, "changes.json"))
    assert changes["records"]["gone"] == [
        {
            "id": "vale/letters",
            "kind": "case_study",
            "why": "withdrawn",
            "reason": "The figures were wrong.",
            "date": "2026-11-25",
            "successor": None,
            "successor_address": None,
        }
    ]
    html = texts(public / "releases" / SECOND, "en/records/vale-letters.html")
    assert "This record was withdrawn on 25 November 2026." in html
    assert "Nobody types a letter twice." not in html


def replaced(pack: Any, library: Any) -> Any:
    return replace(pack, records=tuple(id for id in pack.records if id in library))


def test_what_describes_a_release_follows_what_is_withdrawn_from_it(
    before: Path, retracted: Path, taken_down: Path
) -> None:
    page = "records/vale-letters.html"
    assert page in texts(before / "releases" / FIRST, "sitemap-1.xml")
    assert '"identifier":"vale/letters"' in texts(before / "releases" / FIRST, "en/packs/national.html")
    for public in (retracted, taken_down):
        release = public / "releases" / FIRST
        assert page not in texts(release, "sitemap-1.xml")
        assert '"identifier":"vale/letters"' not in texts(release, "en/packs/national.html")
        assert wrong_metadata(release, digests_in(release)) == []
        assert texts(release, "dcat.jsonld") != texts(before / "releases" / FIRST, "dcat.jsonld")
