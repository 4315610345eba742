"""What was published is withdrawn: the command, past and new releases, hubs that send it again, words for people."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.line import open_line
from pipelines.publish import redact
from pipelines.receipts import hub_page
from tests.feeds import a_case_study, a_faq, a_withdrawal, answers_of, register, write_feed
from tests.journeys.test_run import files_of, hubpacks, run

SECRET = "Sample Northfield paid the clerk twice"
SLUG = "sample-northfield-paid-the-clerk-twice"


def send(folder: Path, more: str = "", *, twin: str = "twin", organisations: int = 0) -> None:
    """Two hubs: one with a study that names somebody, its translation, a question; another with the same text. Both
    have returns of so many organisations, which take seconds to count.
    """
    secret = a_case_study(id="secret", title=SECRET, body=f"{SECRET}. " + "How it came to that. " * 30)
    welsh = secret | {"id": "secret-cy", "title": "Cyfrinach", "language": "cy", "translation_of": "secret"}
    welsh |= {"body": "Talodd y cyngor ddwywaith. " * 30, "summary": "Talodd y cyngor ddwywaith."}
    ones, twos = answers_of(organisations), answers_of(organisations, first=101)
    register(folder, id="one")
    register(folder, id="two")
    write_feed(folder / "feeds/one", [secret, welsh, a_case_study(body=f"Of one. {more}")], [a_faq()], ones)
    write_feed(folder / "feeds/two", [secret | {"id": twin}, a_case_study(body="Of two.")], [], twos)


def twice_released(folder: Path, organisations: int = 0) -> Path:
    """Two releases, both with the study."""
    send(folder, organisations=organisations)
    run(folder)
    send(folder, "And more.", organisations=organisations)
    assert run(folder)["is_new"]
    return folder


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twice_released(tmp_path_factory.mktemp("twice"))


@pytest.fixture
def folder(twice: Path, tmp_path: Path) -> Path:
    """A copy of two releases, both with the study."""
    return Path(shutil.copytree(twice, tmp_path / "copy", symlinks=True))


def withdraw(folder: Path, *arguments: str, expect: int = 0) -> dict:
    done = hubpacks(folder, "withdraw", *arguments, "--registry", "registry", "--json")
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout)


def releases(folder: Path) -> list[Path]:
    return sorted((folder / "public/releases").glob("2*"))


def ids_of(release: Path) -> set[str]:
    lines = (release / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["id"] for line in lines}


def test_a_takedown_reaches_every_release_and_it_does_not_come_back(tmp_path: Path) -> None:
    folder = twice_released(tmp_path, organisations=25)
    benchmarks = [(path / "benchmarks/benchmarks.csv").read_bytes() for path in releases(folder)]
    ledger = files_of(folder / "store/ledger")
    told = withdraw(folder, "one/secret", "--takedown", "--reason", "It named somebody.")
    assert [one["record"] for one in told["decided"]] == ["one/secret"]
    assert [one["release"] for one in told["reissued"]] == [path.name for path in releases(folder)[1::-1]]
    assert told["alike"] == ["one/secret-cy"]
    assert told["refused"] == {}
    assert told["release"] == releases(folder)[2].name
    for release in releases(folder):
        assert hubpacks(folder, "verify", str(release)).returncode == 0
        for path in release.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert SECRET.encode() not in data, path
                assert not redact.traces(data, ["one/secret", "two/twin"], [SLUG])
        assert "one/secret-cy" in ids_of(release)
    assert [(path / "benchmarks/benchmarks.csv").read_bytes() for path in releases(folder)[:2]] == benchmarks
    assert files_of(folder / "store/ledger").items() >= ledger.items()
    assert "It named somebody." in (releases(folder)[2] / "en/coverage.html").read_text()
    # Nothing more to do; and the hub that sends the text under another id cannot bring it back.
    assert not run(folder)["is_new"]
    send(folder, "And more.", twin="another-twin", organisations=25)
    after = run(folder)
    assert "two/another-twin" not in ids_of(releases(folder)[-1])
    assert after["release"] == releases(folder)[-1].name
    line = open_line(folder / "registry", folder / "store", folder / "public")
    page = hub_page(line.store, line.registry, "one", datetime.now(UTC))
    fate = next(one for one in page["records"] if one["id"] == "secret")
    assert (fate["status"], "It named somebody." in fate["reason"]) == ("withdrawn", True)


def test_a_retraction_leaves_a_page_that_says_why_and_where_to_go(folder: Path) -> None:
    told = withdraw(
        folder,
        "one/secret",
        "--reason",
        "The figures were wrong.",
        "--successor",
        "one/shared-schedule",
        "--by",
        "Sample",
    )
    for release in releases(folder):
        html = (release / f"en/records/{SLUG}.html").read_text()
        assert "The figures were wrong." in html
        assert "a-shared-schedule-let-six-councils-swap-repairs-data.html" in html
        assert "noindex" in html
        assert "one/secret" not in ids_of(release)
        assert not any("Sample</" in path.read_text() for path in release.glob("en/*.html"))
    assert SECRET in (releases(folder)[0] / f"en/records/{SLUG}.html").read_text()
    changes = json.loads((releases(folder)[2] / "changes.json").read_text())
    (gone,) = changes["records"]["gone"]
    assert (gone["id"], gone["why"], gone["successor"]) == ("one/secret", "withdrawn", "one/shared-schedule")
    assert told["release"] == releases(folder)[2].name
    feed = json.loads((folder / "public/releases.json").read_text())["releases"]
    assert [entry["issue"] for entry in feed] == [1, 2, 2]
    traced = hubpacks(folder, "trace", "one/secret", "--release", "public")
    assert "withdrawn by the operator" in traced.stdout
    # It may be taken down later, and never the other way round.
    assert withdraw(folder, "one/secret", "--takedown", "--reason", "It named somebody.")["decided"]
    assert withdraw(folder, "one/secret", "--reason", "x") | {"release": None} == {
        "decided": [],
        "reissued": [],
        "refused": {},
        "release": None,
        "why_none": None,
        "waits": None,
        "alike": [],
    }
    for release in releases(folder):
        assert not (release / f"en/records/{SLUG}.html").exists(), release.name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["one/sekret", "--reason", "x"], "one/sekret was never published here; did you mean one/secret"),
        (["nowhere", "--reason", "x"], "nowhere was never published here"),
        (["two/twin", "--reason", "x"], "two/twin says the same as one/secret and became it: withdraw one/secret"),
        (["one/secret", "--reason", "  "], "--reason: say why"),
        (
            ["one/secret", "--takedown", "--reason", f"{SECRET.upper()} is untrue"],
            "it names what has to go (Sample North",
        ),
        (["one/secret", "--takedown", "--reason", "See two/twin."], "it names what has to go (two/twin)"),
        (["one/secret", "--reason", "x", "--successor", "one/none"], "one/none is no record of the newest release"),
        (["one/secret", "--reason", "x", "--successor", "one/secret"], "one/secret is no record of the newest"),
    ],
)
def test_what_cannot_be_withdrawn_is_named_and_nothing_happens(folder: Path, arguments: list[str], said: str) -> None:
    before = files_of(folder / "public")
    done = hubpacks(folder, "withdraw", *arguments, "--registry", "registry")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert files_of(folder / "public") == before


def test_a_dry_run_only_says_what_would_happen(folder: Path) -> None:
    before = files_of(folder)
    done = hubpacks(folder, "withdraw", "one/secret", "--reason", "x", "--dry-run", "--registry", "registry")
    assert done.returncode == 0
    for said in ("two/twin", "one/secret-cy", *(path.name for path in releases(folder)), "Nothing has been done."):
        assert said in done.stdout
    assert {name: data for name, data in files_of(folder).items() if not name.startswith("store/locks")} == {
        name: data for name, data in before.items() if not name.startswith("store/locks")
    }


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("coverage.json", b"{}", "changed: coverage.json"),
        ("packs/national/records.jsonl", b"{", "changed: packs/national/records.jsonl"),
        ("packs/national/pack.json", b"[]", "of another shape"),
        ("packs/national/pack.ods", b"PK", "changed: packs/national/pack.ods"),
    ],
)
def test_a_damaged_release_is_named_and_the_others_follow(folder: Path, name: str, data: bytes, said: str) -> None:
    damaged = releases(folder)[0]
    (damaged / name).write_bytes(data)
    told = withdraw(folder, "one/secret", "--takedown", "--reason", "It named somebody.", expect=1)
    assert list(told["refused"]) == [damaged.name]
    assert said in told["refused"][damaged.name]
    assert [one["release"] for one in told["reissued"]] == [releases(folder)[1].name]
    assert "one/secret" not in ids_of(releases(folder)[1])


def test_a_record_that_its_hub_takes_back_keeps_its_page_in_new_releases_and_stays_in_old_ones(folder: Path) -> None:
    lines = (releases(folder)[0] / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
    slug, answer = next((row["slug"], row["text"]) for row in map(json.loads, lines) if row["kind"] == "faq")
    send(folder, "And more.")
    notice = a_withdrawal(id="what-is-an-api", reason="We had it wrong.", successor="shared-schedule")
    feed = folder / "feeds/one"
    (feed / "withdrawal.json").write_text(json.dumps([notice]))
    descriptor = json.loads((feed / "datapackage.json").read_text())
    descriptor["resources"] = [one for one in descriptor["resources"] if one["name"] != "faqs"]
    descriptor["resources"].append(
        {"name": "withdrawal", "path": "withdrawal.json", "hubpacks": {"kind": "withdrawal"}}
    )
    (feed / "datapackage.json").write_text(json.dumps(descriptor))
    run(folder)
    old, new = (release / f"en/records/{slug}.html" for release in (releases(folder)[0], releases(folder)[-1]))
    assert answer in old.read_text()
    html = new.read_text()
    assert "We had it wrong." in html
    assert "a-shared-schedule-let-six-councils-swap-repairs-data.html" in html
    assert answer not in html
