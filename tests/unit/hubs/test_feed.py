from pathlib import Path

import pytest

from hubs.feed import Feed

NAMES = ["a.md", "posts/b.md", "posts/deep/c.md", "posts/d.txt", "x[1].md"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", ["a.md", "x[1].md"]),
        ("**/*.md", ["a.md", "posts/b.md", "posts/deep/c.md", "x[1].md"]),
        ("posts/*", ["posts/b.md", "posts/d.txt"]),
        ("posts/**", ["posts/b.md", "posts/d.txt", "posts/deep/c.md"]),
        ("posts/?.md", ["posts/b.md"]),
        ("posts/[ab].md", ["posts/b.md"]),
        ("posts/[!b].txt", ["posts/d.txt"]),
        ("a.md", ["a.md"]),
        ("a_md", []),
    ],
)
def test_glob(pattern: str, expected: list[str]) -> None:
    assert Feed({name: Path(name) for name in NAMES}).glob(pattern) == expected


def test_bytes_are_read_from_where_they_lie(tmp_path) -> None:
    (tmp_path / "0123").write_bytes(b"text")
    assert Feed({"a.md": tmp_path / "0123"}).read("a.md") == b"text"
