"""What manifests declare, held against the files that came."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.pull.base import PullFailed
from pipelines.pull.declared import confirm
from tests.badfeeds import PUBLIC_KEY, descriptor
from tests.declaring import (
    files_of,
    hashes_of,
    sha256,
    where,
    with_hashes,
    with_manifest,
    with_signature,
    written,
)
from tests.feeds import a_case_study, a_faq, registration, write_feed

A = b"# A\n"


def a_feed(tmp_path: Path) -> Path:
    return write_feed(tmp_path / "feed", [a_case_study()], [a_faq()])


def confirmed(folder: Path, **changes: Any) -> None:
    confirm(registration(**changes), files_of(folder), where(folder))


def refusal(folder: Path, **changes: Any) -> tuple[str, str]:
    with pytest.raises(PullFailed) as caught:
        confirmed(folder, **changes)
    return caught.value.code, caught.value.detail


def with_resource(tmp_path: Path, path: Any = "a.md", **stated: Any) -> Path:
    """A feed of ``a.md`` whose resource states this of it."""
    folder = written(tmp_path / "feed", {"a.md": A, "datapackage.json": descriptor("a.md").encode()})
    return with_manifest(folder, lambda manifest: manifest["resources"][0].update(path=path, **stated))


# Sizes and hashes.


RIGHT = [
    {},
    {"bytes": len(A)},
    {"hash": hashlib.md5(A).hexdigest()},
    {"hash": f"md5:{hashlib.md5(A).hexdigest()}"},
    {"hash": f"sha1:{hashlib.sha1(A).hexdigest()}"},
    {"hash": f"sha256:{sha256(A)}", "bytes": len(A)},
    {"hash": sha256(A)},
    {"hash": f"sha512:{hashlib.sha512(A).hexdigest().upper()}"},
    {"hash": "whirlpool:abc"},  # nothing here can tell
    {"bytes": None, "hash": None},
]


@pytest.mark.parametrize("stated", RIGHT, ids=str)
@pytest.mark.parametrize("path", ["a.md", "./a.md", ["a.md"]], ids=str)
def test_what_is_declared_rightly_passes(tmp_path: Path, stated: dict[str, Any], path: Any) -> None:
    confirmed(with_resource(tmp_path, path, **stated))


WRONG = [
    {"bytes": 5},
    {"bytes": "many"},
    {"hash": "0" * 32},
    {"hash": "md5:"},
    {"hash": 7},
    {"hash": f"sha1:{sha256(A)}"},
    {"hash": f"sha256:{sha256(b'B')}"},
    {"hash": f"sha512:{'0' * 128}"},
    {"hash": f"sha256:{sha256(A)}", "bytes": 3},
]


@pytest.mark.parametrize("stated", WRONG, ids=str)
def test_what_is_declared_otherwise_is_a_part_of_a_feed(tmp_path: Path, stated: dict[str, Any]) -> None:
    code, detail = refusal(with_resource(tmp_path, **stated))
    assert code == "partial_feed"
    assert detail.startswith("a.md: its resource declares")


def test_the_refusal_says_what_was_declared_and_what_was_found(tmp_path: Path) -> None:
    assert refusal(with_resource(tmp_path, bytes=5))[1] == "a.md: its resource declares 5 bytes, found 4 bytes"
    _, detail = refusal(with_resource(tmp_path, hash=f"sha256:{'0' * 64}"))
    assert detail == f"a.md: its resource declares sha256:{'0' * 12}…, found sha256:{sha256(A)[:12]}…"


def test_a_declared_file_that_is_absent_makes_the_feed_a_part(tmp_path: Path) -> None:
    assert refusal(with_resource(tmp_path, "b.md", bytes=4)) == ("partial_feed", "b.md is declared, and is not there")


@pytest.mark.parametrize("path", ["*.md", "docs", "docs/", ".", "https://hub.example/a.md", "../a.md", ["a.md", "b"]])
def test_what_is_no_single_file_of_the_feed_is_for_the_judge(tmp_path: Path, path: Any) -> None:
    folder = with_resource(tmp_path, path, bytes=1, hash="0" * 32)
    confirmed(written(folder, {"docs/b.md": b"B"}))


def test_hashes_of_all_files_pass_when_they_are_right(tmp_path: Path) -> None:
    confirmed(with_hashes(a_feed(tmp_path)))


def test_a_file_that_is_not_as_the_hashes_say_is_refused(tmp_path: Path) -> None:
    folder = with_hashes(a_feed(tmp_path))
    (folder / "faqs" / "what-is-an-api.md").write_bytes(b"cut sho")
    code, detail = refusal(folder)
    assert (code, detail.split(": ")[0]) == ("partial_feed", "faqs/what-is-an-api.md")
    assert "hubpacks.hashes declares sha256:" in detail


def test_a_file_of_the_hashes_that_is_absent_is_refused(tmp_path: Path) -> None:
    folder = with_hashes(a_feed(tmp_path))
    (folder / "faqs" / "what-is-an-api.md").unlink()
    assert refusal(folder) == ("partial_feed", "faqs/what-is-an-api.md is declared, and is not there")


def test_a_folder_is_no_file_of_the_hashes(tmp_path: Path) -> None:
    assert refusal(with_hashes(a_feed(tmp_path), faqs=f"sha256:{'0' * 64}"))[0] == "partial_feed"


@pytest.mark.parametrize(
    "stated", [[], "x", {"a.md": "sha256:12"}, {"a.md": None}, {"a.md": f"md5:{'0' * 32}"}], ids=str
)
def test_hashes_that_are_none_are_refused(tmp_path: Path, stated: Any) -> None:
    folder = with_manifest(a_feed(tmp_path), lambda manifest: manifest["hubpacks"].update(hashes=stated))
    code, detail = refusal(folder)
    assert (code, "hubpacks.hashes" in detail) == ("unreadable_manifest", True)


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"resources": 3, "hubpacks": []}'], ids=str)
def test_a_manifest_that_says_nothing_is_for_the_judge(tmp_path: Path, manifest: bytes) -> None:
    confirmed(written(tmp_path / "feed", {"a.md": A, "datapackage.json": manifest}))


def test_a_manifest_too_large_to_be_looked_at_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "feed", {"a.md": A, "datapackage.json": b"{" + b" " * 8_000_000 + b"}"})
    assert refusal(folder)[0] == "too_large"


def test_a_feed_without_a_manifest_declares_nothing(tmp_path: Path) -> None:
    confirmed(written(tmp_path / "feed", {"a.md": A}))


# Signatures.


def signed(tmp_path: Path) -> tuple[Path, str]:
    folder = a_feed(tmp_path)
    return folder, with_signature(folder)


def another_key(tmp_path: Path) -> str:
    return with_signature(write_feed(tmp_path / "other", [a_case_study()]), seed=bytes(32))


def test_a_signed_feed_passes(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    assert key == PUBLIC_KEY
    confirmed(folder, public_key=key)


def test_a_signature_in_lines_passes(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    path = folder / "datapackage.json.sig"
    path.write_bytes(base64.encodebytes(base64.b64decode(path.read_bytes())).replace(b"\n", b"\r\n"))
    confirmed(folder, public_key=key)


def test_without_a_registered_key_a_signature_is_not_looked_at(tmp_path: Path) -> None:
    folder, _ = signed(tmp_path)
    (folder / "datapackage.json.sig").write_bytes(b"nonsense")
    confirmed(folder)


def test_an_unsigned_feed_is_refused_however_right_its_hashes_are(tmp_path: Path) -> None:
    folder = with_hashes(a_feed(tmp_path))
    assert refusal(folder, public_key=another_key(tmp_path)) == ("wrong_signature", "there is no datapackage.json.sig")


def test_a_signature_by_another_key_is_refused(tmp_path: Path) -> None:
    folder, _ = signed(tmp_path)
    key = another_key(tmp_path)
    code, detail = refusal(folder, public_key=key)
    assert code == "wrong_signature"
    assert key in detail


def test_any_change_of_the_manifest_breaks_the_signature(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    path = folder / "datapackage.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert refusal(folder, public_key=key)[0] == "wrong_signature"


@pytest.mark.parametrize(
    "signature",
    [b"", b"{}", b"\xff", b"A" * 88, base64.b64encode(bytes(63)), base64.b64encode(bytes(64)), b"A" * 10_000],
)
def test_what_is_no_signature_is_refused(tmp_path: Path, signature: bytes) -> None:
    folder, key = signed(tmp_path)
    (folder / "datapackage.json.sig").write_bytes(signature)
    assert refusal(folder, public_key=key)[0] == "wrong_signature"


def test_nothing_hides_behind_a_signature(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    path = folder / "datapackage.json.sig"
    path.write_bytes(path.read_bytes().ljust(1_000) + b"unsigned words")
    assert refusal(folder, public_key=key) == ("wrong_signature", "datapackage.json.sig has more than 1,000 bytes")


def test_a_file_that_the_signature_does_not_cover_is_refused(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    written(folder, {"more.md": b"more", "evil.md": b"evil"})
    code, detail = refusal(folder, public_key=key)
    assert code == "wrong_signature"
    assert detail == "the signed datapackage.json has no sha256 for evil.md, nor for 1 more"


def test_a_covered_file_with_other_bytes_is_refused(tmp_path: Path) -> None:
    folder, key = signed(tmp_path)
    (folder / "faqs" / "what-is-an-api.md").write_bytes(b"evil")
    assert refusal(folder, public_key=key)[0] == "partial_feed"


def resign(folder: Path, private: Ed25519PrivateKey) -> str:
    """Sign the manifest as it is; gives the public key."""
    signature = private.sign((folder / "datapackage.json").read_bytes())
    (folder / "datapackage.json.sig").write_bytes(base64.b64encode(signature))
    return f"ed25519:{base64.b64encode(private.public_key().public_bytes_raw()).decode()}"


def test_hashes_of_resources_cover_too_but_only_strong_ones(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    strong = with_resource(tmp_path / "strong", hash=f"sha256:{sha256(A)}")
    confirmed(strong, public_key=resign(strong, private))
    for stated in (
        {"hash": hashlib.md5(A).hexdigest()},
        {"bytes": len(A)},
        {"hash": f"sha1:{hashlib.sha1(A).hexdigest()}"},
    ):
        weak = with_resource(tmp_path / "weak", **stated)
        assert refusal(weak, public_key=resign(weak, private))[0] == "wrong_signature"


def test_a_signed_manifest_that_cannot_be_read_covers_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path / "feed", {"a.md": A, "datapackage.json": b"{"})
    key = resign(folder, Ed25519PrivateKey.generate())
    assert refusal(folder, public_key=key)[0] == "unreadable_manifest"


@pytest.mark.parametrize("files", [{"hub.xlsx": b"PK"}, {"a.md": A, "b.md": A}], ids=str)
def test_a_feed_without_a_manifest_cannot_be_signed(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = written(tmp_path / "feed", files)
    code, detail = refusal(folder, public_key=another_key(tmp_path))
    assert code == "wrong_signature"
    assert ("one file cannot be signed" in detail) == (len(files) == 1)


def test_signing_writes_the_hashes_that_the_tests_above_write(tmp_path: Path) -> None:
    folder, _ = signed(tmp_path)
    assert json.loads((folder / "datapackage.json").read_bytes())["hubpacks"]["hashes"] == hashes_of(folder)
