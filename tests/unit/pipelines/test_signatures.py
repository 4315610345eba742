"""Keys and signatures in the formats of other tools. The tools themselves are the judges."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines.signatures import (
    PublicKey,
    ReleaseKey,
    UnusableKey,
    WrongSignature,
    check_envelope,
    check_minisign,
    check_raw,
    check_ssh,
    minisign_signature,
    private_pem,
    raw_signature,
    read_private,
    read_public,
    signed_envelope,
    ssh_signature,
)
from tests.publictools import TOOLS, run

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = PublicKey.of(KEY)
DATA = b"0123  a file\n"

FORMATS = {
    "minisign": (lambda key, data: minisign_signature(key, data, "a comment"), check_minisign),
    "ssh": (ssh_signature, check_ssh),
    "raw": (raw_signature, check_raw),
}


def written(folder: Path, data: bytes = DATA) -> Path:
    (folder / "keys").mkdir()
    (folder / "keys/minisign.pub").write_text(PUBLIC.minisign_file)
    (folder / "keys/allowed_signers").write_text(PUBLIC.allowed_signers)
    (folder / "keys/openssl.pem").write_text(PUBLIC.pem)
    (folder / "SHA256SUMS").write_bytes(data)
    for suffix, (sign, _) in zip(("minisig", "sshsig", "sig"), FORMATS.values(), strict=True):
        (folder / f"SHA256SUMS.{suffix}").write_bytes(sign(KEY, data))
    return folder


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("data", [b"x", DATA, bytes(range(256)) * 5_000], ids=["one", "text", "a megabyte"])
def test_each_tool_accepts_what_was_signed_and_nothing_else(tmp_path: Path, tool: str, data: bytes) -> None:
    folder = written(tmp_path, data)
    good = run(TOOLS[tool], folder)
    assert good.returncode == 0, good.stdout + good.stderr
    (folder / "SHA256SUMS").write_bytes(data + b"more")
    assert run(TOOLS[tool], folder).returncode != 0


def test_minisign_shows_the_comment_and_it_cannot_be_changed(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert "Trusted comment: a comment" in run(TOOLS["minisign"], folder).stdout
    path = folder / "SHA256SUMS.minisig"
    path.write_bytes(path.read_bytes().replace(b"a comment", b"b comment"))
    assert run(TOOLS["minisign"], folder).returncode != 0
    with pytest.raises(WrongSignature):
        check_minisign(PUBLIC, DATA, path.read_bytes())


def test_ids_and_fingerprints_are_those_that_the_tools_show(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert PUBLIC.fingerprint in run("ssh-keygen -l -f <(cut -d' ' -f3- keys/allowed_signers)", folder).stdout
    (folder / "keys/minisign.pub").write_text(PublicKey.of(OTHER).minisign_file)
    assert f" is {PUBLIC.id.lstrip('0')}\n" in run(TOOLS["minisign"], folder).stderr


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_key_and_bytes_give_the_same_signature(name: str) -> None:
    sign, check = FORMATS[name]
    assert sign(KEY, DATA) == sign(read_private(private_pem(KEY), "key"), DATA)
    check(PUBLIC, DATA, sign(KEY, DATA))


@pytest.mark.parametrize("name", FORMATS)
def test_no_byte_of_a_signature_can_be_changed_unnoticed(name: str) -> None:
    sign, check = FORMATS[name]
    good = sign(KEY, DATA)
    untrusted = good.index(b"\n") if name == "minisign" else -1  # minisign's first line is a remark, and not signed
    passed = []
    for at in range(len(good)):
        try:
            check(PUBLIC, DATA, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            passed.append(at)
        except WrongSignature:
            pass
    assert [at for at in passed if at > untrusted] == []
    for cut in (b"", good[:-1], good + b"\n", good * 2):
        with pytest.raises(WrongSignature):
            check(PUBLIC, DATA, cut)


@pytest.mark.parametrize("name", FORMATS)
def test_another_key_and_other_bytes_are_refused(name: str) -> None:
    sign, check = FORMATS[name]
    for signature, data in ((sign(OTHER, DATA), DATA), (sign(KEY, DATA), DATA[:-1])):
        with pytest.raises(WrongSignature):
            check(PUBLIC, data, signature)


def test_a_signature_in_one_format_is_none_in_another() -> None:
    made = {name: sign(KEY, DATA) for name, (sign, _) in FORMATS.items()}
    for name, (_, check) in FORMATS.items():
        for other in made.keys() - {name}:
            with pytest.raises(WrongSignature):
                check(PUBLIC, DATA, made[other])


def test_an_envelope_gives_its_payload_and_nothing_that_was_changed() -> None:
    envelope = signed_envelope(KEY, b"{}", "text/x")
    assert check_envelope(PUBLIC, json.dumps(envelope).encode(), "text/x") == b"{}"
    # What is signed, as the protocol says it.
    PUBLIC.verify(base64.b64decode(envelope["signatures"][0]["sig"]), b"DSSEv1 6 text/x 2 {}")
    for bad in (
        json.dumps(envelope | {"payload": base64.b64encode(b"[]").decode()}),
        json.dumps(envelope | {"payloadType": "text/y"}),
        json.dumps(envelope | {"signatures": []}),
        json.dumps(signed_envelope(OTHER, b"{}", "text/x")),
        "[" * 100_000,
        "[]",
        "",
    ):
        with pytest.raises(WrongSignature):
            check_envelope(PUBLIC, bad.encode(), "text/x")


def test_a_public_key_is_read_in_every_form_in_which_it_is_published() -> None:
    key = ReleaseKey(PUBLIC, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), "old", is_stolen=True)
    for text in (
        PUBLIC.text,
        PUBLIC.minisign,
        PUBLIC.minisign_file,
        PUBLIC.openssh,
        PUBLIC.allowed_signers,
        PUBLIC.pem,
    ):
        assert read_public(text) == [ReleaseKey(PUBLIC)]
    assert read_public(json.dumps({"keys": [key.to_dict()]})) == [key]


def test_keys_that_the_tools_make_are_read(tmp_path: Path) -> None:
    assert run("minisign -G -W -p m.pub -s m.sec && ssh-keygen -q -t ed25519 -N '' -f s", tmp_path).returncode == 0
    assert len(read_public((tmp_path / "m.pub").read_text())) == 1
    (key,) = read_public((tmp_path / "s.pub").read_text())
    assert key.public.fingerprint in run("ssh-keygen -l -f s.pub", tmp_path).stdout
    run("openssl genpkey -algorithm ed25519 -out o.pem && openssl pkey -in o.pem -pubout -out o.pub", tmp_path)
    private = read_private((tmp_path / "o.pem").read_bytes(), "o.pem")
    assert read_public((tmp_path / "o.pub").read_text()) == [ReleaseKey(PublicKey.of(private))]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no Ed25519 public key"),
        ("RX" * 28, "no Ed25519 public key"),
        ("ed25519:" + "A" * 40, "no Ed25519 public key"),
        ("ssh-ed25519 AAAA", "no Ed25519 public key"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ", "no Ed25519 public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no Ed25519 public key"),
        ('{"keys": [{"ed25519": 3}]}', "no Ed25519 public key"),
        ('{"keys": 3}', "no Ed25519 public key"),
        (json.dumps({"keys": [ReleaseKey(PUBLIC).to_dict() | {"since": "2026-01-01"}]}), "no Ed25519 public key"),
        ("{" * 100_000, "no Ed25519 public key"),
        (private_pem(KEY).decode(), "a private key"),
        (
            generate_private_key(SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            "another kind",
        ),
    ],
)
def test_what_is_no_public_key_is_said_so(text: str, why: str) -> None:
    with pytest.raises(UnusableKey, match=why):
        read_public(text)


def test_a_message_about_a_private_key_does_not_repeat_it() -> None:
    pem = private_pem(KEY).decode()
    secret = pem.splitlines()[1]
    for bad in (pem.replace("PRIVATE", "SECRET"), pem.replace("\n-----END", "A\n-----END"), secret):
        with pytest.raises(UnusableKey) as refused:
            read_private(bad.encode(), "the key")
        assert secret[:20] not in str(refused.value)
