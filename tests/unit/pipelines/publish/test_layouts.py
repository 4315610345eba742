"""Templates are filled in as Jinja fills them in; only the way is shorter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from pipelines.publish.layouts import Compiled, environment, shown

TEMPLATES = {
    "base": "<p>{{ name }}</p>{% block main %}{% endblock %}{% include 'part' %}",
    "part": "[{{ name }} {{ place|default('nowhere') }}]",
    "page": (
        "{% extends 'base' %}{% block main %}{% set place = 'here' %}{{ m.row('a & b', html) }}{{ told('x', *more) }}"
        "{{ told(first=name, second=html, **named) }}{% call m.box('<') %}{{ name }}{{ html }}{% endcall %}"
        "{% for one in more %}{{ loop.index }}{{ told(one, loop.last) }}{{ m.row(one, 3) }}{% endfor %}"
        "{{ name ~ html }}{{ ['<', html]|join(', ') }}{% set kept %}{{ name }}{% endset %}{{ kept }}{{ none }}{{ 1.5 }}"
        "{% include 'part' %}{% endblock %}"
    ),
    "macros": (
        "{% macro row(name, value='none') %}<b>{{ name }}</b>{{ value }}{% for one in varargs %}{{ one }}{% endfor %}"
        "{% endmacro %}{% macro box(name) %}({{ name }}: {{ caller() }}){% endmacro %}"
    ),
}
TOLD = {
    "name": "Cost & <b>value</b> \"quoted\" 'so'",
    "html": Markup("<i>safe</i>"),
    "more": ["<one>", "two"],
    "named": {"third": "<3>"},
    "told": lambda *given, **named: f"{given} {named} & so on",
}


def _filled(made: Environment) -> str:
    made.loader, made.bytecode_cache = DictLoader(TEMPLATES), None
    macros = made.get_template("macros").make_module(TOLD)
    return made.get_template("page").render(TOLD | {"m": macros})


@pytest.mark.parametrize("is_html", [True, False])
def test_what_templates_say_is_what_jinja_makes_of_them(is_html: bool) -> None:
    jinja = Environment(autoescape=is_html, undefined=StrictUndefined)
    assert _filled(environment(is_html=is_html)) == _filled(jinja)
    assert ("&lt;one&gt;" in _filled(jinja)) == is_html


@pytest.mark.parametrize("value", ["plain", "", "a & b", "<", ">", '"', "'", Markup("<b>"), None, 5, ["<"]])
def test_whatever_could_be_markup_is_escaped(value: object) -> None:
    assert shown(value) == escape(value)


def test_text_of_a_kind_of_its_own_is_escaped() -> None:
    class Text(str):
        def __html__(self) -> str:
            return "<b>its own</b>"

    assert shown(Text("<i>")) == "<b>its own</b>"


@pytest.mark.parametrize("text", ["{{ missing }}", "{{ missing() }}", "{{ name.missing }}", "{{ name.missing() }}"])
def test_a_name_that_is_not_there_is_an_error(text: str) -> None:
    with pytest.raises(UndefinedError, match="missing"):
        environment().from_string(text).render(name="here")


def test_names_of_all_templates_are_seen_by_each() -> None:
    made = environment()
    made.bytecode_cache = None
    made.loader = DictLoader({"one": "{{ ours }} {{ theirs }}"})
    made.globals["ours"] = "house"
    assert made.get_template("one").render(theirs="guest") == "house guest"
    assert made.get_template("one").render(theirs="guest", ours="own") == "own guest"


def test_calls_are_made_at_once() -> None:
    code = environment().compile("{{ name('x') }}", raw=True)
    assert "context.call" not in code


class Counting(Environment):
    """An environment that says which templates it had to compile."""

    compiled: tuple[str, ...] = ()

    def _generate(self, source: object, name: str | None, *more: object, **named: object) -> str:
        self.compiled += (str(name),)
        return super()._generate(source, name, *more, **named)  # type: ignore[arg-type]


def _counting(folder: Path, text: str, kind: str = "html") -> Counting:
    made = Counting(loader=DictLoader({"kinds/one": text}), bytecode_cache=Compiled(folder, kind))
    assert made.get_template("kinds/one").render() == text
    return made


@pytest.fixture
def _writes_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.mark.usefixtures("_writes_bytecode")
def test_a_template_is_compiled_once_for_all_processes(tmp_path: Path) -> None:
    assert _counting(tmp_path, "a").compiled == ("kinds/one",)
    assert _counting(tmp_path, "a").compiled == ()
    assert _counting(tmp_path, "b").compiled == ("kinds/one",)
    assert _counting(tmp_path, "b", "text").compiled == ("kinds/one",)
    assert _counting(tmp_path, "b").compiled == ()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("_writes_bytecode")
@pytest.mark.parametrize("name", ["code_version", "version"])
def test_other_code_compiles_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _counting(tmp_path, "a")
    monkeypatch.setattr(f"pipelines.publish.layouts.{name}", lambda *_: "another")
    assert _counting(tmp_path, "a").compiled == ("kinds/one",)


@pytest.mark.usefixtures("_writes_bytecode")
def test_what_is_no_compiled_template_is_not_read(tmp_path: Path) -> None:
    _counting(tmp_path, "a")
    (path,) = tmp_path.iterdir()
    for left in (b"", b"something else"):
        path.write_bytes(left)
        assert _counting(tmp_path, "a").compiled == ("kinds/one",)


def test_nothing_is_kept_where_nothing_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert _counting(tmp_path / "file", "a").compiled == ("kinds/one",)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert _counting(tmp_path / "folder", "a").compiled == ("kinds/one",)
    assert not (tmp_path / "folder").exists()
