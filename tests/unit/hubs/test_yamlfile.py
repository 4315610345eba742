import pytest

from hubs.yamlfile import UnreadableYaml, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x [1]\nb: *x", "line 2: aliases"),
        ("a: 1\na: 2", "line 2: the key 'a' appears twice"),
        ("? [1]\n: 2", "line 1: a key must be plain text"),
        ("a: [", "line 2"),
        ("a: b: c", "line 1"),
        ("!!python/object/apply:os.getcwd []", "line 1"),
        ("[" * 100_000, "line 1: nested more than 40 deep"),
        ("- " * 100_000, "nested more than 40 deep"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(UnreadableYaml, match=complaint):
        parse_yaml(text)


def test_a_wrong_encoding_is_named(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"name: caf\xe9")
    with pytest.raises(UnreadableYaml, match="not UTF-8 at byte 9"):
        read_yaml(path)


def test_a_byte_order_mark_and_a_star_in_text_do_no_harm(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffname: five * stars\n".encode())
    assert read_yaml(path) == {"name": "five * stars"}
