"""A release that is signed, and what is found when it, its signatures or its keys are not as they were."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.publish import signing_key_of, verify_release, wrong_signatures
from pipelines.publish.release import build_release
from pipelines.publish.signed import MINISIGN, RAW, SSH, STATEMENT, UNLISTED, sign_release
from pipelines.signatures import PublicKey, ReleaseKey, raw_signature, signed_envelope, ssh_signature
from tests.builders import KEY, RELEASE_KEY, an_edition, reseal
from tests.publictools import TOOLS, run

OTHER = Ed25519PrivateKey.generate()
OTHER_KEY = ReleaseKey(PublicKey.of(OTHER), RELEASE_KEY.since)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def signed(small_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(small_release, tmp_path_factory.mktemp("signed") / "release"))
    sign_release(folder, KEY)
    return folder


@pytest.fixture
def release(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "release"))


@pytest.mark.parametrize("tool", TOOLS)
def test_readers_are_told_the_commands_that_are_tried_here(release: Path, tool: str) -> None:
    guide = Path(__file__).parents[4] / "docs" / "readers.md"
    assert f"\n{TOOLS[tool]}\n" in guide.read_text(encoding="utf-8")
    for language in ("en", "cy"):
        page = (release / language / "method.html").read_text(encoding="utf-8")
        assert f"<code>{TOOLS[tool]}</code>" in unescape(page)


@pytest.mark.parametrize("tool", TOOLS)
def test_each_public_tool_accepts_the_sample_release_and_refuses_other_sums(
    sample_release: Path, tmp_path: Path, tool: str
) -> None:
    for name in UNLISTED:
        shutil.copy(sample_release / name, tmp_path)
    shutil.copytree(sample_release / "keys", tmp_path / "keys")
    good = run(TOOLS[tool], tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    sums = tmp_path / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"0", b"1", 1))
    assert run(TOOLS[tool], tmp_path).returncode != 0


def test_a_signed_release_is_good_and_is_the_same_when_it_is_signed_again(release: Path) -> None:
    assert (verify_release(release), wrong_signatures(release, [RELEASE_KEY])) == ([], [])
    assert signing_key_of(release) == RELEASE_KEY
    before = {name: (release / name).read_bytes() for name in UNLISTED}
    for name in set(UNLISTED) - {"SHA256SUMS"}:
        (release / name).unlink()
    sign_release(release, KEY)
    assert {name: (release / name).read_bytes() for name in UNLISTED} == before


def test_another_key_changes_what_is_about_keys_and_nothing_else(release: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    build_release(an_edition(keys=(OTHER_KEY,)), other)
    sign_release(other, OTHER)
    names = [path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()]
    changed = {name for name in names if (release / name).read_bytes() != (other / name).read_bytes()}
    keys = {name for name in names if name.startswith("keys/")}
    zips = {
        name for name in names if name.endswith("/pack.zip")
    }  # with keys of their own, and what tells their digests
    assert changed == {"release.json", *keys, *UNLISTED, *zips, "dcat.jsonld", "ro-crate-metadata.json"}


def test_no_file_of_a_release_has_the_private_key(release: Path) -> None:
    secret = KEY.private_bytes_raw()
    forms = (secret, base64.b64encode(secret)[:40], secret.hex().encode())
    for path in release.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"PRIVATE" not in data
            assert not any(form in data for form in forms)


def test_sums_list_all_files_but_what_is_made_from_them(release: Path) -> None:
    listed = {line[66:] for line in (release / "SHA256SUMS").read_text().splitlines()}
    present = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    assert present - listed == {*UNLISTED}
    (release / "SHA256SUMS.asc").write_text("x")
    assert verify_release(release) == ["not listed: SHA256SUMS.asc"]


@pytest.mark.parametrize("name", [MINISIGN, SSH, RAW, STATEMENT])
def test_each_signature_that_is_missing_damaged_or_anothers_is_named(release: Path, name: str) -> None:
    path = release / name
    good = path.read_bytes()
    made = release.with_name("other")
    shutil.copytree(release, made)
    sign_release(made, OTHER)
    for bad, words in ((b"", "is no"), (good[:-2], "is no"), ((made / name).read_bytes(), "")):
        path.write_bytes(bad)
        (problem,) = wrong_signatures(release)
        assert problem.startswith(f"{name} ")
        assert words in problem
    path.unlink()
    assert wrong_signatures(release) == [f"{name} is missing"]
    path.mkdir()
    (problem,) = wrong_signatures(release)
    assert problem == f"{name} cannot be read: Is a directory"


def test_sums_that_were_changed_fit_no_signature(release: Path) -> None:
    page = release / "en/method.html"
    page.write_text(page.read_text() + "<!-- planted -->")
    digest = hashlib.sha256(page.read_bytes()).hexdigest()
    lines = (release / "SHA256SUMS").read_text().splitlines()
    lines = [f"{digest}  en/method.html" if line.endswith("  en/method.html") else line for line in lines]
    (release / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    problems = wrong_signatures(release)
    assert [problem.split()[0] for problem in problems] == [MINISIGN, SSH, RAW, STATEMENT]


def test_a_forger_who_signs_with_another_key_is_seen_by_those_who_know_the_right_one(release: Path) -> None:
    page = release / "en/method.html"
    page.write_text(page.read_text() + "<!-- planted -->")
    reseal(release, "en/method.html")
    assert (verify_release(release), wrong_signatures(release)) == ([], [])
    (problem,) = wrong_signatures(release, [OTHER_KEY])
    assert problem == f"signed with key {RELEASE_KEY.public.id}, which is unknown: you trust {OTHER_KEY.public.id}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"retired": DAY}, None),
        ({"retired": -DAY}, "which was retired on 22 November 2026, before the release"),
        ({"retired": DAY, "is_stolen": True}, "which was stolen"),
    ],
)
def test_a_retired_key_is_good_for_what_it_signed_before_and_a_stolen_one_for_nothing(
    release: Path, change: dict, problem: str | None
) -> None:
    published = an_edition().published
    if "retired" in change:
        change = change | {"retired": published + change["retired"]}
    trusted = [OTHER_KEY, replace(RELEASE_KEY, **change)]
    found = wrong_signatures(release, trusted)
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


def without(name: str) -> Callable[[Path], object]:
    return lambda release: (release / name).unlink()


def written(name: str, text: str) -> Callable[[Path], object]:
    return lambda release: (release / name).write_text(text)


def with_manifest(**changes: object) -> Callable[[Path], object]:
    def change(release: Path) -> None:
        path = release / "release.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (without("keys/keys.json"), "the release is not signed: there is no keys/keys.json"),
        (without("release.json"), "the release is not signed: there is no release.json"),
        (without("provenance.json"), "what was signed cannot be read"),
        (without("SHA256SUMS"), "what was signed cannot be read"),
        (written("keys/keys.json", '{"keys": []}'), "it cannot be said who signed the release"),
        (written("keys/keys.json", "{" * 100_000), "it cannot be said who signed the release"),
        (written("keys/minisign.pub", OTHER_KEY.public.minisign_file), "keys/minisign.pub is not key"),
        (without("keys/allowed_signers"), "keys/allowed_signers is not key"),
        (written("provenance.json", "[]"), "what was signed cannot be read"),
        (with_manifest(signed_by=OTHER_KEY.public.text), "release.json names another key"),
        (with_manifest(published="2026-11-23"), "it cannot be said who signed the release"),
        (with_manifest(id="2026-11-23.02"), "SHA256SUMS.minisig is of another release"),
        (with_manifest(code_version="0.2.0"), f"{STATEMENT} says something else than"),
    ],
)
def test_whatever_else_is_wrong_is_said_in_words(release: Path, change: Callable[[Path], object], problem: str) -> None:
    change(release)
    assert any(found.startswith(problem) for found in wrong_signatures(release)), wrong_signatures(release)


def test_the_statement_says_what_went_in_and_which_code_and_rules_made_it(release: Path) -> None:
    envelope = json.loads((release / STATEMENT).read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    sums = hashlib.sha256((release / "SHA256SUMS").read_bytes()).hexdigest()
    assert statement["subject"] == [{"name": "SHA256SUMS", "digest": {"sha256": sums}}]
    build, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    inputs = json.loads((release / "release.json").read_text())["inputs"]
    used = {entry["hub"]: entry["snapshot"] for entry in inputs if entry["snapshot"]}
    assert {entry["name"]: entry["digest"]["sha256"] for entry in build["resolvedDependencies"]} == used
    assert used
    assert build["externalParameters"]["rules"] == "test"
    assert details["builder"]["version"] == {"hubpacks": "0.1.0+test"}
    assert details["builder"]["id"].endswith(RELEASE_KEY.public.text)


def test_a_statement_of_other_inputs_is_found_although_it_is_signed(release: Path) -> None:
    envelope = json.loads((release / STATEMENT).read_text())
    payload = base64.b64decode(envelope["payload"]).replace(b'"rules":"test"', b'"rules":"none"')
    (release / STATEMENT).write_text(json.dumps(signed_envelope(KEY, payload, envelope["payloadType"])))
    (problem,) = wrong_signatures(release)
    assert problem.startswith(f"{STATEMENT} says something else")


def test_a_signature_of_other_bytes_with_the_right_key_is_found(release: Path) -> None:
    (release / RAW).write_bytes(raw_signature(KEY, b"other"))
    (release / SSH).write_bytes(ssh_signature(KEY, b"other"))
    assert [problem.split()[0] for problem in wrong_signatures(release)] == [SSH, RAW]
