import subprocess
import sys

import pytest

from hubs.registration import UnusableRegistration, read_registration, read_registry
from tests.feeds import a_registration, register


def test_one_unusable_file_never_stops_the_others(tmp_path) -> None:
    register(tmp_path, id="good")
    folder = tmp_path / "registry"
    (folder / "broken.yaml").write_text("id: [", encoding="utf-8")
    (folder / "list.yaml").write_text("- a\n", encoding="utf-8")
    (folder / "latin.yaml").write_bytes(b"id: caf\xe9")
    registry = read_registry(folder)
    assert list(registry.hubs) == ["good"]
    assert set(registry.problems) == {"broken.yaml", "list.yaml", "latin.yaml"}
    assert "line 2" in registry.problems["broken.yaml"][0]


def test_all_problems_of_a_file_come_at_once(tmp_path) -> None:
    register(tmp_path, id="one", sector="astrology", cadence="daily", colour="blue")
    with pytest.raises(UnusableRegistration) as error:
        read_registration(tmp_path / "registry" / "one.yaml")
    lines = str(error.value).splitlines()
    assert {line.split(":")[0] for line in lines} == {"sector", "cadence", "colour"}


def test_the_id_must_be_the_file_name(tmp_path) -> None:
    register(tmp_path, id="one")
    path = tmp_path / "registry" / "two.yaml"
    (tmp_path / "registry" / "one.yaml").rename(path)
    with pytest.raises(UnusableRegistration, match="'one' must be the file's name, 'two'"):
        read_registration(path)


@pytest.mark.parametrize("hub", ["../up", "Upper", "1st", "a b", ""])
def test_an_id_cannot_lead_anywhere(tmp_path, hub: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(str(a_registration(id=hub, address="feed")), encoding="utf-8")
    with pytest.raises(UnusableRegistration, match="id: "):
        read_registration(path)


def test_addresses_are_relative_to_the_registry(tmp_path) -> None:
    register(tmp_path, id="one")
    register(tmp_path, id="two", address="https://hub.example/datapackage.json")
    registry = read_registry(tmp_path / "registry")
    assert registry.address("one") == str(tmp_path / "feeds" / "one")
    assert registry.address("two") == "https://hub.example/datapackage.json"


def test_what_a_registration_may_say_is_compiled_once_and_at_the_first_use() -> None:
    program = """
from hubs.mapping.spec import FaqPageSource, MarkdownSource, RowsSource, Rule, TableSource
from hubs.registration import Registration, unregistered
parts = (FaqPageSource, MarkdownSource, RowsSource, Rule, TableSource)
assert not Registration.__pydantic_complete__
assert unregistered("x").id and Registration.__pydantic_complete__
assert not [part for part in parts if part.__pydantic_complete__]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
