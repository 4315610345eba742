"""A target is a level, or a file with levels."""

from pathlib import Path

import pytest

from pipelines.gap.targets import UnusableTarget, read_target

KNOWN = ("governance", "legal")


def test_a_level_is_for_all_dimensions() -> None:
    assert read_target("3", KNOWN) == {"governance": 3, "legal": 3}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("target.csv", "\ufeffdimension,level\nlegal, 4\n"),
        ("target.yaml", "legal: 4\n"),
        ("target.json", '{"legal": 4}'),
    ],
)
def test_a_file_says_some(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_target(str(tmp_path / name), KNOWN) == {"legal": 4}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("target.csv", "a,b\n1,2\n", "no CSV in UTF-8 with the columns"),
        ("target.csv", "dimension,level\nlegal\n", "legal: '' is no level"),
        ("target.yaml", "trees: 4\n", "is called trees; there are governance, legal"),
        ("target.yaml", "legal: high\n", "legal: 'high' is no level"),
        ("target.yaml", "- 4\n", "expected a level for each dimension"),
        ("target.yaml", "a: b: c\n", "line 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UnusableTarget, match=complaint):
        read_target(str(tmp_path / name), KNOWN)


@pytest.mark.parametrize("stated", ["6", "no-such-file"])
def test_what_is_no_target_is_named(stated: str) -> None:
    with pytest.raises(UnusableTarget, match=r"levels go from 0 to 5|neither a level"):
        read_target(stated, KNOWN)
