"""The words and exit codes of ``hubpacks key``, and of ``run`` and ``verify`` where they are about keys."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines import publish
from pipelines.signatures import PublicKey, private_pem
from tests import commands
from tests.builders import RELEASE_KEY
from tests.feeds import a_case_study, register, write_feed


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a release was published, with what the run said of keys in ``said``."""
    folder = tmp_path_factory.mktemp("keys")
    register(folder)
    write_feed(folder / "feeds/one", [a_case_study()])
    (folder / "said").write_text(run(folder).stderr)
    return folder


@pytest.fixture
def world(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "world", symlinks=True))


def call(folder: Path, *arguments: object, expect: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command in ``folder``, which never ends in a traceback."""
    done = commands.hubpacks(folder, *map(str, arguments), environment=settings)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == expect, done.stdout + done.stderr
    if expect == 2:
        assert (done.stdout, done.stderr.splitlines()[-1].partition(" ")[0]) == ("", "hubpacks:")
    return done


def run(folder: Path, *arguments: object, expect: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
    return call(folder, "run", "--registry", "registry", *arguments, expect=expect, **settings)


def changed(folder: Path, body: str) -> Path:
    write_feed(folder / "feeds/one", [a_case_study(body=body)])
    return folder


def newest(folder: Path) -> Path:
    found = publish.latest(folder / "public")
    assert found is not None
    return folder / "public" / found.address


def test_the_first_run_says_that_it_made_a_key_and_later_ones_do_not(first: Path, world: Path) -> None:
    (line,) = [line for line in (first / "said").read_text().splitlines() if line.startswith("sign: ")]
    key = publish.signing_key_of(newest(world))
    assert key is not None
    assert f"made a new key, {key.public.id}, in store/keys/signing.pem" in line
    assert "sign: " not in run(world).stderr
    assert "sign: " not in run(changed(world, "Another text.")).stderr
    assert publish.signing_key_of(newest(world)) == key


def test_verify_says_who_signed_and_whether_anybody_vouches_for_it(world: Path) -> None:
    key = publish.signing_key_of(newest(world))
    assert key is not None
    lines = call(world, "verify", "public").stdout.splitlines()
    assert lines[:3] == [
        f"Signed with key {key.public.id}, in use since {key.since:%-d %B %Y}.",
        "It says so itself. Compare the key with one that you have from elsewhere (--key):",
        f"  {key.public.minisign}",
    ]
    for trusted in (key.public.minisign, newest(world) / "keys/allowed_signers", newest(world) / "keys/keys.json"):
        said = call(world, "verify", "public", "--key", trusted).stdout
        assert "It says so itself" not in said
        assert said.endswith(": good\n")
    told = json.loads(call(world, "verify", "public", "--json").stdout)
    assert (told["problems"], told["signed_by"]["id"], told["is_key_given"]) == ([], key.public.id, False)
    said = call(world, "verify", "public", "--key", RELEASE_KEY.public.openssh, expect=1).stdout
    assert f"signed with key {key.public.id}, which is unknown: you trust {RELEASE_KEY.public.id}" in said


def test_verify_names_a_signature_that_is_not_there(world: Path) -> None:
    (newest(world) / "SHA256SUMS.sshsig").unlink()
    assert "SHA256SUMS.sshsig is missing\n" in call(world, "verify", "public", expect=1).stdout
    shutil.rmtree(newest(world) / "keys")
    said = call(world, "verify", "public", expect=1).stdout
    assert "the release is not signed: there is no keys/keys.json" in said
    assert "Signed with" not in said


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"no key", b"{", b"-" * 100_000])
def test_what_is_no_public_key_ends_in_a_line(world: Path, content: bytes) -> None:
    (world / "trusted").write_bytes(content)
    assert "--key trusted: no" in call(world, "verify", "public", "--key", "trusted", expect=2).stderr


def test_a_private_key_in_the_place_of_a_public_one_is_not_repeated(world: Path) -> None:
    done = call(world, "verify", "public", "--key", "store/keys/signing.pem", expect=2)
    assert "a private key, where a public one belongs" in done.stderr


def test_a_rotation_makes_a_new_release_that_lists_both_keys(world: Path) -> None:
    before, old = newest(world), publish.signing_key_of(newest(world))
    assert old is not None
    said = call(world, "key", "rotate", "--registry", "registry", "--reason", "A new one each year").stdout
    assert "Published release" in run(world).stdout
    new, retired = publish.published_keys(newest(world))
    assert (newest(world).name > before.name, retired.public, retired.reason) == (
        True,
        old.public,
        "A new one each year",
    )
    assert said.splitlines() == [
        f"{new.public.id} signs the next release. Tell readers, by another way than the site:",
        new.public.minisign,
    ]
    assert "Nothing has changed" in run(world).stdout
    # The list of the newest release vouches for the one before; who knows only the old key is told of the new one.
    call(world, "verify", before, "--key", newest(world) / "keys/keys.json")
    assert "unknown" in call(world, "verify", newest(world), "--key", old.public.text, expect=1).stdout
    shown = call(world, "key", "show").stdout
    assert f"{new.public.id}: current" in shown
    assert f"{old.public.id}: retired" in shown
    assert [key["id"] for key in json.loads(call(world, "key", "show", "--json").stdout)["keys"]] == [
        new.public.id,
        old.public.id,
    ]


def test_a_key_that_is_said_to_be_stolen_vouches_for_nothing(world: Path) -> None:
    before = newest(world)
    call(world, "key", "rotate", "--registry", "registry", "--reason", "A laptop was lost", "--stolen")
    run(world)
    done = call(world, "verify", before, "--key", newest(world) / "keys/keys.json", expect=1)
    assert "which was stolen" in done.stdout


def test_a_key_from_the_environment_signs_and_is_written_nowhere(tmp_path: Path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    key = Ed25519PrivateKey.generate()
    pem = private_pem(key).decode()
    run(tmp_path, HUBPACKS_SIGNING_KEY=pem)
    signs = publish.signing_key_of(newest(tmp_path))
    assert signs is not None
    assert signs.public == PublicKey.of(key)
    secret = pem.splitlines()[1].encode()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()]
    done = run(changed(tmp_path, "Another text."), expect=2)
    assert "store/keys/signing.pem is not there" in done.stderr
    (tmp_path / "key.pem").touch(0o600)
    (tmp_path / "key.pem").write_text(pem)
    run(tmp_path, "--key", "key.pem")
    run(changed(tmp_path, "A third text."), HUBPACKS_SIGNING_KEY_FILE="key.pem")
    assert len(list((tmp_path / "public/releases").glob("2*"))) == 3


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"HUBPACKS_SIGNING_KEY": "nonsense"}, "HUBPACKS_SIGNING_KEY holds no private key in PEM"),
        ({"HUBPACKS_SIGNING_KEY_FILE": "nowhere.pem"}, "nowhere.pem: No such file"),
        ({"HUBPACKS_SIGNING_KEY_FILE": "registry"}, "registry: Is a directory"),
        ({"HUBPACKS_SIGNING_KEY": "a", "HUBPACKS_SIGNING_KEY_FILE": "b"}, "both set"),
        ({"HUBPACKS_SIGNING_KEY_FILE": "open.pem"}, "everybody on this machine may read open.pem"),
        ({"HUBPACKS_SIGNING_KEY_FILE": "other.pem"}, "other.pem is key"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_the_old_release_stays(
    world: Path, settings: dict[str, str], why: str
) -> None:
    before = newest(world)
    for name, mode in (("open.pem", 0o644), ("other.pem", 0o600)):
        (world / name).write_bytes(private_pem(Ed25519PrivateKey.generate()))
        (world / name).chmod(mode)
    assert why in run(changed(world, "Another text."), expect=2, **settings).stderr
    assert newest(world) == before
    assert call(world, "verify", "public").stdout.endswith(": good\n")


def test_a_store_that_was_lost_does_not_go_on_in_silence(world: Path) -> None:
    shutil.rmtree(world / "store/keys")
    done = run(changed(world, "Another text."), expect=2)
    assert "of which store/keys knows nothing: restore that folder from a copy" in done.stderr
    call(world, "key", "rotate", "--registry", "registry", "--reason", "The store was lost")
    run(world)
    assert [key.reason for key in publish.published_keys(newest(world))] == [None, "The store was lost"]


def test_without_a_release_there_is_no_key_to_show_or_to_rotate(tmp_path: Path) -> None:
    register(tmp_path)
    assert "There is no key yet" in call(tmp_path, "key", "show").stdout
    done = call(tmp_path, "key", "rotate", "--registry", "registry", "--reason", "None", expect=2)
    assert "there is no key yet" in done.stderr
    assert not (tmp_path / "store/keys").exists()


def test_a_reason_is_asked_for(world: Path) -> None:
    assert "--reason" in call(world, "key", "rotate", "--registry", "registry", "--reason", " ", expect=2).stderr
