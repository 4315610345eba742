"""The manifest and the signature of a feed are about it, and never content."""

from pathlib import Path

from tests.badfeeds import PUBLIC_KEY
from tests.unit.hubs.mapping.feeds import a_descriptor, a_source, codes, mapped

STUDY = "---\nid: one\ntitle: Title\nsummary: Short.\nsectors: [health]\n---\nBody.\n"
ROWS = '[{"id": "one", "question": "Why?", "answer": "So."}]'
SIGNED = {"datapackage.json": '{"hubpacks": {"hashes": {}}}', "datapackage.json.sig": "AAAA"}


def reasons(result) -> dict[str, str]:
    return {skip.file: skip.reason for skip in result.skips}


def test_a_mapped_feed_may_be_signed(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.md": STUDY} | SIGNED, a_source(), public_key=PUBLIC_KEY)
    assert codes(result) == []
    assert [document.file for document in result.documents] == ["a.md"]
    assert reasons(result) == {"datapackage.json": "Describes the feed.", "datapackage.json.sig": "Signs the feed."}


def test_no_pattern_takes_the_manifest_or_the_signature(tmp_path: Path) -> None:
    source = {"kind": "faq", "reader": "rows", "glob": ["**/*.json", "**/*"]}
    files = {"a.json": ROWS, "in/datapackage.json": ROWS} | SIGNED
    result = mapped(tmp_path, files, source, public_key=PUBLIC_KEY)
    assert [document.file for document in result.documents] == ["a.json", "in/datapackage.json"]
    assert sorted(reasons(result)) == sorted(SIGNED)


def test_a_feed_in_the_contracts_shape_may_be_signed(tmp_path: Path) -> None:
    resource = {"name": "all", "path": "*", "hubpacks": {"kind": "case_study"}}
    files = SIGNED | {"a.md": STUDY, "datapackage.json": a_descriptor(resource)}
    result = mapped(tmp_path, files, public_key=PUBLIC_KEY)
    assert codes(result) == []
    assert [document.file for document in result.documents] == ["a.md"]
    assert reasons(result)["datapackage.json.sig"] == "Signs the feed."


def test_a_signature_that_nobody_looked_at_is_said_to_be_so(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.md": STUDY} | SIGNED, a_source())
    assert "names no key" in reasons(result)["datapackage.json.sig"]


def test_a_rule_of_the_registration_gives_its_own_reason(tmp_path: Path) -> None:
    skip = [{"glob": "*.sig", "reason": "Ours."}]
    result = mapped(tmp_path, {"a.md": STUDY} | SIGNED, a_source(), skip=skip)
    assert reasons(result)["datapackage.json.sig"] == "Ours."
    assert len(result.skips) == 2


def test_a_manifest_alone_is_no_content(tmp_path: Path) -> None:
    result = mapped(tmp_path, SIGNED, a_source())
    assert (result.documents, bool(result.held_by)) == ([], True)
