"""Signing a feed, and what the doors say of what came of it."""

import base64
import json
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pipelines.pull.base import PullFailed
from pipelines.pull.declared import confirm
from pipelines.sign import CannotSign, Signed, sign
from tests.declaring import files_of, where
from tests.feeds import a_case_study, a_faq, registration, write_feed

SOURCES = [{"kind": "case_study", "reader": "markdown", "glob": "**/*.md"}]


def a_feed(tmp_path: Path) -> Path:
    return write_feed(tmp_path / "feed", [a_case_study()], [a_faq()])


def signed(feed: Path, **changes) -> Signed:
    return sign(feed, feed.with_name("key.pem"), registration(**changes))


def passes(feed: Path, key: str, **changes) -> None:
    confirm(registration(public_key=key, **changes), files_of(feed), where(feed))


def test_what_was_signed_passes_at_the_doors(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    result = signed(feed)
    assert (result.files, result.is_new_key) == (2, True)
    passes(feed, result.public_key)
    (feed / "faqs" / "what-is-an-api.md").write_text("another")
    with pytest.raises(PullFailed, match="what-is-an-api"):
        passes(feed, result.public_key)


def test_a_new_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    signed(a_feed(tmp_path))
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_signing_again_changes_nothing_and_makes_no_key(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    first = signed(feed)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    again = signed(feed)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    assert (again.public_key, again.is_new_key) == (first.public_key, False)


def test_a_manifest_keeps_its_order_and_loses_nothing(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    before = json.loads((feed / "datapackage.json").read_text())
    signed(feed)
    after = json.loads((feed / "datapackage.json").read_text())
    hashes = after["hubpacks"].pop("hashes")
    assert json.dumps(after) == json.dumps(before)
    assert sorted(hashes) == ["case_studies/shared-schedule.md", "faqs/what-is-an-api.md"]


def test_signing_again_after_a_change_covers_what_is_there_now(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    key = signed(feed).public_key
    (feed / "more.md").write_text("more")
    (feed / "faqs" / "what-is-an-api.md").unlink()
    with pytest.raises(PullFailed):
        passes(feed, key)
    signed(feed)
    passes(feed, key)


def test_a_mapped_feed_gets_a_manifest_for_its_signature_alone(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "a.md").write_text("# A\n")
    result = signed(feed, sources=SOURCES)
    assert list(json.loads((feed / "datapackage.json").read_text())) == ["hubpacks"]
    passes(feed, result.public_key, sources=SOURCES)


def test_openssl_verifies_the_signature(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    signed(feed)
    signature = tmp_path / "sig"
    signature.write_bytes(base64.b64decode((feed / "datapackage.json.sig").read_bytes()))
    options = ["-rawin", "-in", feed / "datapackage.json", "-sigfile", signature]
    command = ["openssl", "pkeyutl", "-verify", "-inkey", tmp_path / "key.pem", *options]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    (feed / "datapackage.json").write_bytes(b"{}")
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_a_key_made_by_openssl_will_do(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem"], check=True)
    result = signed(feed)
    assert not result.is_new_key
    passes(feed, result.public_key)


def refusal(feed: Path, key: Path, **changes) -> str:
    """What is said when signing is refused, after which everything is as it was."""
    before = {path: path.read_bytes() for path in feed.parent.rglob("*") if path.is_file()}
    with pytest.raises(CannotSign) as caught:
        sign(feed, key, registration(**changes))
    assert {path: path.read_bytes() for path in feed.parent.rglob("*") if path.is_file()} == before
    return str(caught.value)


def test_a_key_inside_the_feed_is_refused(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    (tmp_path / "elsewhere").symlink_to(feed)
    for key in (feed / "key.pem", feed / "faqs" / "key.pem", tmp_path / "elsewhere" / "key.pem"):
        assert "published with the feed" in refusal(feed, key)


def test_only_a_folder_with_a_manifest_or_a_mapping_is_signed(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    assert "no folder" in refusal(feed / "datapackage.json", tmp_path / "key.pem")
    assert "no folder" in refusal(tmp_path / "nothing", tmp_path / "key.pem")
    (feed / "datapackage.json").unlink()
    assert "--mapping" in refusal(feed, tmp_path / "key.pem")


@pytest.mark.parametrize("manifest", ["[]", "{", '{"hubpacks": 1}', '{"a": 1, "a": 2}'])
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, manifest: str) -> None:
    feed = a_feed(tmp_path)
    (feed / "datapackage.json").write_text(manifest)
    assert "cannot be used" in refusal(feed, tmp_path / "key.pem")


def test_sizes_that_resources_declare_wrongly_are_shown_before_anything_is_signed(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    manifest = json.loads((feed / "datapackage.json").read_text())
    manifest["resources"][1]["bytes"] = 1
    (feed / "datapackage.json").write_text(json.dumps(manifest))
    assert "its resource declares 1 bytes" in refusal(feed, tmp_path / "key.pem")


def test_a_feed_that_no_pull_would_take_is_not_signed(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    (feed / "link.md").symlink_to("/etc/passwd")
    assert "link.md" in refusal(feed, tmp_path / "key.pem")


def test_only_plain_ed25519_keys_sign(tmp_path: Path) -> None:
    feed, key = a_feed(tmp_path), tmp_path / "key.pem"
    key.write_text("not a key")
    assert "no private key" in refusal(feed, key)
    other = generate_private_key(SECP256R1())
    key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "another kind" in refusal(feed, key)
    locked = Ed25519PrivateKey.generate()
    key.write_bytes(locked.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    assert "password" in refusal(feed, key)


def test_another_key_than_the_registered_one_is_refused_and_not_made(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    registered = signed(feed).public_key
    assert "not the key" in refusal(feed, tmp_path / "typing-error.pem", public_key=registered)
    assert not (tmp_path / "typing-error.pem").exists()
