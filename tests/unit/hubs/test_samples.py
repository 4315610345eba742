import csv
import os
import subprocess
import sys
import zipfile
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubs.contract.verdict import Verdict
from hubs.contract.vocabularies import vocabulary
from hubs.feed import Feed
from hubs.instruments import instruments
from hubs.judge import judge
from hubs.mapping import map_feed
from hubs.mapping.lint import lint
from hubs.registration import read_registry
from hubs.samples import generate
from hubs.samples.feeds import FOLDER
from hubs.samples.generate import main, stale, write
from hubs.samples.population import AUDIENCES, PERIODS, SIZE_BANDS, Organisation, Response, responses
from tests.feeds import feed_of

REGISTRY = FOLDER.parent / "registry"
TODAY = date(2026, 11, 30)
THRESHOLD = 10

DOCUMENTS = {  # case studies, questions
    "culture": (0, 0),
    "education": (5, 7),
    "emergency-services": (7, 12),
    "health": (8, 12),
    "housing": (5, 7),
    "infrastructure": (5, 7),
    "justice": (5, 7),
    "local-government": (6, 9),
    "scotland": (4, 5),
    "transport": (5, 8),
    "wales": (10, 14),
}
FURTHER = {  # requirements, signposts, terms, withdrawals
    "emergency-services": (0, 2, 0, 0),
    "health": (0, 3, 4, 0),
    "housing": (3, 0, 3, 0),
    "infrastructure": (0, 0, 2, 0),
    "local-government": (5, 6, 8, 1),
    "scotland": (2, 4, 0, 0),
    "transport": (2, 2, 4, 0),
    "wales": (4, 2, 8, 0),
}
TABLES = {
    "culture": 0,
    "education": 2,
    "emergency-services": 4,
    "health": 8,
    "housing": 1,
    "infrastructure": 1,
    "justice": 2,
    "local-government": 4,
    "scotland": 4,
    "transport": 2,
    "wales": 4,
}


def feed_at(address: Path, folder: Path) -> Feed:
    if address.suffix == ".zip":
        with zipfile.ZipFile(address) as archive:
            archive.extractall(folder)
        address = folder
    return feed_of(address)


def sample_feed(hub: str, folder: Path) -> Feed:
    return feed_at(Path(read_registry(REGISTRY).address(hub)), folder)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, Verdict]:
    found = {}
    for hub, registration in read_registry(REGISTRY).hubs.items():
        feed = sample_feed(hub, tmp_path_factory.mktemp("feed"))
        found[hub] = judge(feed, registration, instruments(), TODAY, tmp_path_factory.mktemp("judged"))
    return found


@cache
def answered() -> tuple[Response, ...]:
    return tuple(responses())


def test_what_is_committed_is_what_the_seed_makes_whatever_the_order_of_hashes() -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    run = subprocess.run(
        [sys.executable, "-m", "hubs.samples.generate", "--check"],
        env=environment,
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_a_changed_file_is_written_again_and_others_are_left_alone(tmp_path) -> None:
    made = {"a/one.csv": b"1\n", "a/two.csv": b"2\n"}
    assert write(made, tmp_path) == ["a/one.csv", "a/two.csv"]
    (tmp_path / "a/two.csv").write_bytes(b"3\n")
    assert stale(made, tmp_path) == ["a/two.csv"]
    assert write(made, tmp_path) == ["a/two.csv"]
    assert stale(made, tmp_path) == []


def test_the_check_fails_and_names_the_file_that_is_out_of_date(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(generate, "feeds", cache(generate.feeds))  # the seed gives the same each time
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--folder", str(tmp_path), "--check"]) == 0
    (tmp_path / "wales/returns/2026-Q1.parquet").write_bytes(b"PAR1")
    assert main(["--folder", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().err.startswith("out of date: wales/returns/2026-Q1.parquet")


def test_archives_are_the_same_if_their_members_are(tmp_path) -> None:
    committed = FOLDER / "health.zip"
    with zipfile.ZipFile(committed) as old, zipfile.ZipFile(tmp_path / "health.zip", "w") as stored:
        for name in old.namelist():
            stored.writestr(name, old.read(name))
    made = {"health.zip": committed.read_bytes()}
    assert (tmp_path / "health.zip").read_bytes() != made["health.zip"]
    assert stale(made, tmp_path) == []
    with zipfile.ZipFile(tmp_path / "health.zip", "a") as longer:
        longer.writestr("more.md", "")
    assert stale(made, tmp_path) == ["health.zip"]


def test_what_is_committed_is_small() -> None:
    size = sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert size < 3_000_000


def test_every_sample_hub_is_registered_as_a_sample_without_complaint() -> None:
    registry = read_registry(REGISTRY)
    assert registry.problems == {}
    assert {hub: complaints for hub, r in registry.hubs.items() if (complaints := lint(r))} == {}
    assert set(registry.hubs) == set(DOCUMENTS)
    for hub, registration in registry.hubs.items():
        assert registration.sample, hub
        assert registration.name.cy, hub
        assert Path(registry.address(hub)).exists(), hub
        assert (registration.owner.email or "").endswith(".example"), hub


def test_no_sample_lies_about_without_a_registration() -> None:
    names = {path.stem for path in FOLDER.iterdir() if path.suffix in ("", ".zip") and path.name != "__pycache__"}
    assert names == set(DOCUMENTS) | {"sources", "earlier"}


@pytest.mark.parametrize("hub", DOCUMENTS)
def test_each_feed_is_read_whole(hub, tmp_path) -> None:
    mapped = map_feed(sample_feed(hub, tmp_path), read_registry(REGISTRY).hubs[hub])
    kinds = [document.kind for document in mapped.documents]
    assert (kinds.count("case_study"), kinds.count("faq"), len(mapped.tables)) == (*DOCUMENTS[hub], TABLES[hub])
    further = tuple(kinds.count(kind) for kind in ("requirement", "signpost", "term", "withdrawal"))
    assert further == FURTHER.get(hub, (0, 0, 0, 0))
    assert mapped.held_by == ()
    assert "unmapped_file" not in {finding.code for finding in mapped.findings}


def test_the_shapes_differ() -> None:
    registry = read_registry(REGISTRY)
    shapes = {(Path(r.address).suffix, *(source.reader for source in r.sources)) for r in registry.hubs.values()}
    assert len(shapes) >= 5
    assert {"markdown", "faq_page", "rows", "table"} == {s.reader for r in registry.hubs.values() for s in r.sources}


def test_there_is_enough_to_make_every_page_worth_reading(verdicts) -> None:
    usable = [verdict for verdict in verdicts.values() if not verdict.is_held]
    accepted = [record for verdict in usable for record in verdict.records]
    assert sum(record.kind == "case_study" for record in accepted) >= 40
    assert sum(record.kind == "faq" for record in accepted) >= 60
    english = [record.kind for record in accepted if record.document.language == "en"]
    assert [english.count(kind) for kind in ("requirement", "signpost", "term")] == [14, 17, 25]
    organisations = defaultdict(set)
    for verdict in usable:
        for table in verdict.tables:
            rows = pq.read_table(table.accepted, columns=["period", "organisation"]).to_pylist()
            for row in rows:
                organisations[row["period"]].add(row["organisation"])
    assert {period: len(keys) >= 400 for period, keys in organisations.items()} == dict.fromkeys(PERIODS, True)


def test_two_hubs_are_bilingual_and_every_translation_finds_its_original(verdicts) -> None:
    bilingual = set()
    for hub, verdict in verdicts.items():
        ids = {record.document.id for record in verdict.records}
        pairs = [r.document for r in verdict.records if r.document.translation_of]
        assert {document.translation_of for document in pairs} <= ids, hub
        if any(document.language == "cy" for document in pairs):
            bilingual.add(hub)
    assert bilingual == {"health", "wales"}


def test_a_signpost_leads_to_a_public_body_or_standard_and_nowhere_made_up(verdicts) -> None:
    signposts = [r.document for v in verdicts.values() for r in v.records if r.kind == "signpost"]
    assert {document.signpost_type for document in signposts} == set(vocabulary("signpost_types").terms)
    for document in signposts:
        assert document.address.startswith("https://"), document.address
        assert not document.address.endswith((".example", ".example/", ".invalid")), document.address
        assert "Sample" not in document.publisher


def test_requirements_come_with_all_three_texts_in_every_shape(verdicts) -> None:
    found = {hub: [r for r in v.records if r.kind == "requirement"] for hub, v in verdicts.items()}
    assert {hub for hub, records in found.items() if records} == {
        "housing",
        "local-government",
        "scotland",
        "transport",
        "wales",
    }
    for record in (record for records in found.values() for record in records):
        texts = (record.document.clause, record.document.evaluation, record.document.verification)
        assert len(set(texts)) == 3, record.id
        assert not any("##" in text for text in texts), record.id


def test_what_the_local_government_hub_withdrew_has_a_successor_in_its_feed(verdicts) -> None:
    verdict = verdicts["local-government"]
    (withdrawal,) = verdict.withdrawals
    ids = {record.document.id for record in verdict.records}
    assert withdrawal.successor in ids
    assert withdrawal.id not in ids


def test_only_the_hubs_that_are_meant_to_have_errors(verdicts) -> None:
    with_errors = {hub for hub, verdict in verdicts.items() if verdict.counts()["errors"]}
    assert with_errors == {"culture", "emergency-services", "justice"}
    assert {hub: v.held_by for hub, v in verdicts.items() if v.is_held} == {
        "culture": ("empty_feed",),
        "justice": ("hopeless_feed",),
    }


def test_an_editors_slips_are_each_found_and_the_rest_goes_on(verdicts) -> None:
    verdict = verdicts["emergency-services"]
    assert {finding.code for finding in verdict.findings} >= {
        "missing_licence",
        "unknown_sector",
        "invalid_date",
        "duplicate_id",
        "unreadable_front_matter",
        "wrong_encoding",
        "contact_masked",
        "level_out_of_range",
        "unknown_question",
        "duplicate_answer",
        "missing_value",
        "column_not_allowed",
        "invalid_address",
    }
    counts = verdict.counts()
    assert (counts["accepted"], counts["quarantined"]) == (15, 6)
    assert 0 < counts["answers_quarantined"] < counts["answers_accepted"] / 10


def test_the_feed_that_justice_sent_before_was_good(tmp_path) -> None:
    registration = read_registry(REGISTRY).hubs["justice"]
    feed = feed_at(FOLDER / "earlier/justice.zip", tmp_path / "feed")
    (tmp_path / "judged").mkdir()
    verdict = judge(feed, registration, instruments(), TODAY, tmp_path / "judged")
    assert not verdict.is_held
    assert (verdict.counts()["accepted"], verdict.counts()["errors"]) == (12, 0)


def test_keys_are_random_and_new_in_every_period() -> None:
    periods = defaultdict(set)
    for response in answered():
        periods[response.organisation_key].add(response.period)
        periods[response.respondent_key].add(response.period)
    assert {len(found) for found in periods.values()} == {1}


def test_incident_m_a_body_reached_through_two_hubs_has_one_key(tmp_path) -> None:
    shared = {r.organisation_key for r in answered() if r.organisation.hubs == ("health", "wales")}
    assert len(shared) == len(PERIODS)
    wales = {key for path in (FOLDER / "wales").glob("returns/*.parquet") for key in _keys_of_parquet(path)}
    feed = sample_feed("health", tmp_path)
    health = {row["Trust ref"] for name in feed.glob("survey/*/*.csv") for row in _rows(feed.files[name])}
    assert shared == wales & health


def _keys_of_parquet(path: Path) -> list[str]:
    return pq.read_table(path, columns=["organisation"]).column(0).unique().to_pylist()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def members(period: str, audience: str, attribute: str, value: str) -> set[Organisation]:
    """Organisations of the feeds that are not held."""
    return {
        r.organisation
        for r in answered()
        if (r.period, r.audience, getattr(r.organisation, attribute)) == (period, audience, value)
        and r.organisation.hubs != ("justice",)
    }


def is_eligible(group: set[Organisation]) -> bool:
    """The threshold rule: ten organisations, and ten left after removing any one hub's members."""
    hubs = {hub for organisation in group for hub in organisation.hubs}
    left = min((sum(hub not in o.hubs for o in group) for hub in hubs), default=0)
    return min(len(group), left) >= THRESHOLD


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("period", PERIODS)
def test_which_groups_pass_the_threshold_rule(period, audience) -> None:
    eligible = ("local_government", "health", "education", "housing", "transport", "emergency_services")
    assert {s: is_eligible(members(period, audience, "sector", s)) for s in eligible} == dict.fromkeys(eligible, True)
    assert not is_eligible(members(period, audience, "sector", "infrastructure"))
    assert not is_eligible(members(period, audience, "sector", "justice"))
    assert is_eligible(members(period, audience, "region", "wales"))
    assert is_eligible(members(period, audience, "region", "scotland"))
    assert all(is_eligible(members(period, audience, "size_band", band)) for band in SIZE_BANDS[1:])
    assert is_eligible(members(period, audience, "organisation_type", "council"))
    assert not is_eligible(members(period, audience, "organisation_type", "university"))


def mean_level(prefix: str, **where: str) -> float:
    """Mean of all answers of decision-makers in the newest quarter to questions whose id has ``prefix``."""
    levels = [
        level
        for r in answered()
        if (r.period, r.audience) == (where.get("period", PERIODS[-1]), "decision_maker")
        and where.get("sector") in (None, r.organisation.sector)
        and where.get("size_band") in (None, r.organisation.size_band)
        for question, level in r.levels.items()
        if level is not None and question.startswith(f"dm-{prefix}")
    ]
    return sum(levels) / len(levels)


def test_sectors_sizes_and_quarters_differ_as_in_life() -> None:
    assert mean_level("security", sector="health") > mean_level("security") + 0.3
    assert mean_level("security", sector="emergency_services") > mean_level("security") + 0.3
    assert mean_level("reuse", sector="local_government") > mean_level("reuse") + 0.2
    assert mean_level("technical", sector="education") < mean_level("technical") - 0.4
    assert mean_level("governance", size_band="5000_and_over") > mean_level("governance", size_band="under_50") + 0.5
    assert mean_level("legacy", size_band="5000_and_over") < mean_level("legacy", size_band="under_50") - 0.5
    dimensions = instruments()["interop-baseline-v1"].dimensions
    assert {"procurement", "legacy"} == set(sorted(dimensions, key=mean_level)[:2])
    means = [mean_level("", period=period) for period in PERIODS]
    assert means == sorted(means)
    assert means[-1] - means[0] < 1


def test_respondents_of_one_organisation_mostly_agree() -> None:
    together = defaultdict(list)
    for response in answered():
        together[response.organisation_key, response.audience].append(response.levels)
    steps = [
        abs(first[question] - second[question])
        for first, second in (levels[:2] for levels in together.values() if len(levels) > 1)
        for question in first
        if first[question] is not None and second[question] is not None
    ]
    assert sum(step <= 1 for step in steps) > 0.95 * len(steps)
    assert 0.05 * len(steps) < sum(step > 0 for step in steps)
