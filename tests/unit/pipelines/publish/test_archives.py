from __future__ import annotations

import posixpath
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.publish.archives import ARCHIVE, MAX_MEMBERS, verify_archive, wrong_archives
from pipelines.publish.release import build_release
from pipelines.publish.scripts import as_script, handed_over
from pipelines.publish.signed import sign_release
from pipelines.signatures import PublicKey, ReleaseKey
from tests.builders import KEY, RELEASE_KEY, an_edition
from tests.publictools import run

PACK = "packs/sector-local-government"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives") / "2026-11-23.01"
    build_release(an_edition(address="https://packs.example.org/"), folder, key=KEY)
    sign_release(folder, KEY)
    return folder


@pytest.fixture
def unpacked(folder: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(folder / PACK / ARCHIVE) as archive:
        archive.extractall(tmp_path / "pack")
    return tmp_path / "pack"


def test_it_has_the_pack_in_every_form_its_licences_and_how_to_verify(unpacked: Path, folder: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    forms = {"pack.pdf", "pack.cy.pdf", "pack.ods", "pack.xlsx", "pack.json", "records.csv", "records.jsonl"}
    assert forms | {"index.html", "cy.html", "README.txt", "LICENCES.txt", "SHA256SUMS"} <= names
    for name in forms:
        assert (unpacked / name).read_bytes() == (folder / PACK / name).read_bytes()
    readme = (unpacked / "README.txt").read_text(encoding="utf-8")
    assert "Local government" in readme
    assert "Llywodraeth leol" in readme
    assert "https://packs.example.org/releases/2026-11-23.01/" in readme
    assert "nationalarchives.gov.uk" in (unpacked / "LICENCES.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["index.html", "cy.html"])
def test_its_pages_need_nothing_outside_and_lead_to_nothing_that_is_missing(unpacked: Path, page: str) -> None:
    html = (unpacked / page).read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="([^"#]+)', html)
    assert [link for link in links if link.startswith(("assets/", "cy.html", "index.html"))]
    for link in links:
        assert link.startswith(("https://", "http://", "mailto:")) or (unpacked / link).is_file(), link
    assert "../" not in html


def test_three_tools_that_people_have_accept_it(unpacked: Path) -> None:
    commands = [
        line.strip()
        for line in (unpacked / "README.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith(("  sha256sum", "  minisign", "  ssh-keygen", "  openssl"))
    ]
    assert len(commands) == 8  # in two languages
    for command in commands:
        done = run(command, unpacked)
        assert done.returncode == 0, (command, done.stderr)
    (unpacked / "pack.json").write_text("{}")
    assert run(commands[0], unpacked).returncode != 0


def test_the_same_pack_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "2026-11-23.01"
    build_release(an_edition(address="https://packs.example.org/"), again, key=KEY)
    for path in (folder / "packs").glob(f"*/{ARCHIVE}"):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


def test_a_good_one_verifies_by_itself(folder: Path) -> None:
    assert wrong_archives(folder) == []
    problems, signs = verify_archive(folder / PACK / ARCHIVE, [RELEASE_KEY])
    assert problems == []
    assert signs is not None
    assert signs.public == RELEASE_KEY.public


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda members: members.update({"records.csv": b"id\r\n"}), "changed: records.csv"),
        (lambda members: members.pop("pack.pdf"), "missing: pack.pdf"),
        (lambda members: members.update({"more.txt": b""}), "not listed: more.txt"),
        (lambda members: members.pop("SHA256SUMS"), "SHA256SUMS is missing"),
        (lambda members: members.pop("SHA256SUMS.minisig"), "SHA256SUMS.minisig is missing"),
        (lambda members: members.update({"SHA256SUMS": b"nonsense\n"}), "not a line of checksums"),
        (lambda members: members.update({"SHA256SUMS.sig": b"x" * 64}), "SHA256SUMS.sig"),
        (lambda members: members.pop("keys/keys.json"), "nobody has signed it"),
        (lambda members: members.update({f"{n}": b"" for n in range(MAX_MEMBERS)}), "larger than any pack"),
    ],
)
def test_a_damaged_one_is_named(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], object], said: str
) -> None:
    path = rewritten(Path(shutil.copy(folder / PACK / ARCHIVE, tmp_path / ARCHIVE)), change)
    problems, _ = verify_archive(path)
    assert any(said in problem for problem in problems), problems


def test_what_is_no_zip_and_what_somebody_else_signed_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"PK\x03\x04 and then nothing")
    assert "cannot be opened" in verify_archive(tmp_path / ARCHIVE)[0][0]
    stranger = ReleaseKey(PublicKey.of(Ed25519PrivateKey.generate()), None)
    assert "which is not one of" in verify_archive(folder / PACK / ARCHIVE, [stranger])[0][0]


def test_a_key_that_was_stolen_or_retired_before_vouches_for_nothing(folder: Path) -> None:
    for change, said in (
        ({"is_stolen": True, "retired": datetime(2026, 11, 30, tzinfo=UTC)}, "which was stolen"),
        ({"retired": datetime(2026, 11, 2, tzinfo=UTC)}, "which was retired on 2 November 2026"),
    ):
        problems, _ = verify_archive(folder / PACK / ARCHIVE, [replace(RELEASE_KEY, **change)])
        assert [said in problem for problem in problems] == [True], problems


def test_a_zip_that_is_not_of_its_pack_is_found_in_the_release(folder: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(folder, tmp_path / folder.name))
    shutil.copy(release / "packs/national" / ARCHIVE, release / PACK / ARCHIVE)
    assert any(f"{PACK}/{ARCHIVE}: pack.json is not that of the pack" in one for one in wrong_archives(release))


AUDIENCE = "packs/audience-decision-maker"
ASSESSMENT = "self-assessment/interop-baseline-v1-decision-maker.html"


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_packs_of_audiences_and_the_national_one_have_the_self_assessment(folder: Path) -> None:
    own, national = members_of(folder / AUDIENCE / ARCHIVE), members_of(folder / "packs/national" / ARCHIVE)
    welsh = ASSESSMENT.replace(".html", ".cy.html")
    assert {ASSESSMENT, welsh} == {name for name in own if name.startswith("self-assessment/")}
    assert len([name for name in national if name.startswith("self-assessment/")]) == 4
    assert not [name for name in members_of(folder / PACK / ARCHIVE) if "self-assessment" in name]
    assert "self-assessment/   the self-assessment" in own["README.txt"].decode()
    for page in (ASSESSMENT, welsh, "index.html", "cy.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', own[page].decode()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
            assert link.startswith(("https://", "http://", "mailto:")) or path in own, (page, link)
    assert f'href="{ASSESSMENT}"' in own["index.html"].decode()
    assert 'href="../index.html"' in own[ASSESSMENT].decode()
    figures = [name for name in own if name.startswith("benchmarks/figures/")]
    assert figures == [f"benchmarks/figures/interop-baseline-v1.decision_maker.{p}.js" for p in ("2026-Q2", "2026-Q3")]


def test_what_helps_leads_into_the_pack_or_to_the_site(folder: Path) -> None:
    for language, page in (("en", "index.html"), ("cy", "cy.html")):
        own = members_of(folder / AUDIENCE / ARCHIVE)
        records = handed_over(own[f"{language}/self-assessment/helps.js"])[1]["records"]
        site = f"https://packs.example.org/releases/2026-11-23.01/{language}/records/vale-letters.html"
        assert (records["coast/exit"]["link"], records["vale/letters"]["link"]) == (f"{page}#coast-exit", site)
        assert 'id="coast-exit"' in own[page].decode()


@pytest.mark.parametrize(
    "name", ["cy/self-assessment/helps.js", "benchmarks/figures/interop-baseline-v1.decision_maker.2026-Q3.js"]
)
def test_scripts_of_a_zip_that_are_not_those_of_the_release_are_found(folder: Path, tmp_path: Path, name: str) -> None:
    release = Path(shutil.copytree(folder, tmp_path / folder.name))
    script = release / name
    told, data = handed_over(script.read_bytes())
    data["more"] = 1
    script.write_bytes(as_script(told, data))
    found = [problem for problem in wrong_archives(release) if problem.startswith(AUDIENCE)]
    assert found == [f"{AUDIENCE}/{ARCHIVE}: {name} is not that of the release"]
