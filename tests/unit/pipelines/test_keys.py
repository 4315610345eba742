"""The key that releases are signed with: where it comes from, what becomes of it, and what is refused."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.files import Damaged
from pipelines.keys import KeyRefused, Keys
from pipelines.settings import SecretKey, UnusableSettings, signing_key
from pipelines.signatures import PublicKey, ReleaseKey, UnusableKey, private_pem
from tests.feeds import NOW

DAY = timedelta(days=1)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_key_file(path: Path) -> tuple[Path, PublicKey]:
    key = Ed25519PrivateKey.generate()
    path.touch(0o600)
    path.write_bytes(private_pem(key))
    return path, PublicKey.of(key)


def given(path: Path) -> SecretKey:
    return SecretKey(str(path), path)


def rotate(keys: Keys, recovered: tuple[ReleaseKey, ...] = (), **changes) -> ReleaseKey:
    return keys.rotate(NOW + DAY, recovered, **({"reason": "a new one each year", "is_stolen": False} | changes))


def test_the_first_release_makes_a_key_for_its_owner_alone_and_says_so_once(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = Keys(tmp_path / "keys").signer(NOW, None)
    finally:
        os.umask(before)
    assert first.is_new
    assert first.keys == (ReleaseKey(PublicKey.of(first.private), NOW),)
    assert (mode(tmp_path / "keys"), mode(tmp_path / "keys/signing.pem")) == (0o700, 0o600)
    again = Keys(tmp_path / "keys").signer(NOW + DAY, first.public)
    assert (again.is_new, again.keys) == (False, first.keys)
    assert PublicKey.of(again.private) == first.public


def test_a_private_key_stands_in_no_text_of_it(tmp_path: Path) -> None:
    signer = Keys(tmp_path / "keys").signer(NOW, None)
    pem = (tmp_path / "keys/signing.pem").read_text()
    assert pem.splitlines()[1] not in (tmp_path / "keys/keys.json").read_text()
    assert "private" not in repr(signer)
    assert "secret" not in repr(SecretKey("HUBPACKS_SIGNING_KEY", "secret"))


def test_a_key_that_is_given_is_used_and_not_copied(tmp_path: Path) -> None:
    path, public = a_key_file(tmp_path / "key.pem")
    pem = path.read_text()
    for number, key in enumerate((path, pem, pem.splitlines()[1])):  # the last, where a value has one line
        keys = Keys(tmp_path / f"keys-{number}", SecretKey("key", key))
        signer = keys.signer(NOW, None)
        assert (signer.public, signer.is_new) == (public, False)
        assert [path.name for path in keys.folder.iterdir()] == ["keys.json"]


def test_another_key_than_the_current_one_signs_nothing(tmp_path: Path) -> None:
    first = Keys(tmp_path / "keys").signer(NOW, None)
    path, public = a_key_file(tmp_path / "other.pem")
    with pytest.raises(KeyRefused, match=f"{public.id}.*{first.public.id}.*key rotate"):
        Keys(tmp_path / "keys", given(path)).signer(NOW, first.public)
    assert Keys(tmp_path / "keys").known() == first.keys


def test_a_lost_key_is_never_made_anew_in_silence(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    first = keys.signer(NOW, None)
    keys.private_path.rename(tmp_path / "kept.pem")
    with pytest.raises(KeyRefused, match="restore it"):
        keys.signer(NOW, first.public)
    (tmp_path / "kept.pem").rename(keys.private_path)
    assert keys.signer(NOW, first.public).public == first.public


def test_a_store_that_does_not_know_the_key_of_the_releases_signs_nothing(tmp_path: Path) -> None:
    _, public = a_key_file(tmp_path / "elsewhere.pem")
    for knows in (False, True):
        keys = Keys(tmp_path / "keys")
        if knows:
            keys.signer(NOW, None)
        with pytest.raises(KeyRefused, match=public.id):
            keys.signer(NOW, public)
        assert keys.private_path.exists() == knows


def test_rotation_retires_the_old_key_and_goes_on_with_a_new_one(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    first = keys.signer(NOW, None)
    new = rotate(keys)
    old, current = keys.known()
    assert old == ReleaseKey(first.public, NOW, NOW + DAY, "a new one each year")
    assert current == new == ReleaseKey(new.public, NOW + DAY)
    signer = keys.signer(NOW + 2 * DAY, first.public)
    assert (signer.public, signer.is_new) == (new.public, False)
    assert sorted(path.name for path in keys.folder.iterdir()) == ["keys.json", "signing.pem"]
    assert mode(keys.private_path) == 0o600


def test_rotation_to_a_key_that_is_given(tmp_path: Path) -> None:
    path, public = a_key_file(tmp_path / "new.pem")
    Keys(tmp_path / "keys").signer(NOW, None)
    keys = Keys(tmp_path / "keys", given(path))
    assert rotate(keys, is_stolen=True).public == public
    assert [key.is_stolen for key in keys.known()] == [True, False]
    with pytest.raises(KeyRefused, match="no key is used twice"):
        rotate(keys)
    assert keys.signer(NOW + timedelta(days=2), None).public == public


def test_a_list_that_is_lost_is_taken_from_the_latest_release(tmp_path: Path) -> None:
    _, public = a_key_file(tmp_path / "lost.pem")
    keys = Keys(tmp_path / "keys")
    with pytest.raises(KeyRefused, match="no key yet"):
        rotate(keys)
    new = rotate(keys, (ReleaseKey(public, NOW),))
    assert [key.public for key in keys.known()] == [public, new.public]
    assert keys.signer(NOW + DAY, public).public == new.public


@pytest.mark.parametrize("step", ["next.pem", "keys.json", "signing.pem"])
def test_a_rotation_that_is_killed_leaves_the_old_key_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keys = Keys(tmp_path / "keys")
    first = keys.signer(NOW, None)
    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if Path(target).name == step:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate(keys)
    monkeypatch.undo()
    signer = keys.signer(NOW + DAY, first.public)
    is_changed = step == "signing.pem"
    assert PublicKey.of(signer.private) == signer.public
    assert (signer.public != first.public, len(signer.keys)) == (is_changed, 1 + is_changed)
    assert rotate(keys).public == keys.signer(NOW + DAY, first.public).public


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no private key"),
        (b"\0" * 100_000, "no private key"),
        (b"-----BEGIN %(label)s-----\nAAAA\n-----END %(label)s-----\n" % {b"label": b"PRIVATE KEY"}, "no private key"),
        (PublicKey(bytes(32)).pem.encode(), "no private key"),
    ],
)
def test_a_file_that_holds_no_private_key_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "key.pem"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(UnusableKey, match=f"key.pem.*{why}"):
        Keys(tmp_path / "keys", given(path)).signer(NOW, None)
    assert not (tmp_path / "keys").exists()


def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path, _ = a_key_file(tmp_path / "key.pem")
    path.chmod(0o644)
    with pytest.raises(KeyRefused, match="everybody on this machine may read"):
        Keys(tmp_path / "keys", given(path)).signer(NOW, None)
    path.chmod(0o640)
    Keys(tmp_path / "keys", given(path)).signer(NOW, None)


def test_a_damaged_list_is_named(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    keys.signer(NOW, None)
    for text in ("", "{}", '{"keys": [{"ed25519": "x"}]}', '{"keys": 3}'):
        (tmp_path / "keys/keys.json").write_text(text)
        with pytest.raises(Damaged, match=r"keys\.json is damaged"):
            keys.signer(NOW, None)


def test_a_setting_names_the_key_or_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert signing_key() is None
    Path("hubpacks.toml").write_text('signing_key_file = "from-file.pem"\n')
    assert signing_key() == SecretKey("from-file.pem", Path("from-file.pem"))
    monkeypatch.setenv("HUBPACKS_SIGNING_KEY_FILE", "from-variable.pem")
    assert signing_key() == SecretKey("from-variable.pem", Path("from-variable.pem"))
    assert signing_key(Path("flag.pem")) == SecretKey("flag.pem", Path("flag.pem"))
    monkeypatch.setenv("HUBPACKS_SIGNING_KEY", "the key")
    with pytest.raises(UnusableSettings, match="both set"):
        signing_key()
    monkeypatch.delenv("HUBPACKS_SIGNING_KEY_FILE")
    assert signing_key() == SecretKey("HUBPACKS_SIGNING_KEY", "the key")
