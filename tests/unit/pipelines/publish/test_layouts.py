"""Templates are filled in as Jinja fills them in; only the way is shorter."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from pipelines.publish.layouts import environment, shown

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
    made.loader = DictLoader(TEMPLATES)
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
    made.loader = DictLoader({"one": "{{ ours }} {{ theirs }}"})
    made.globals["ours"] = "house"
    assert made.get_template("one").render(theirs="guest") == "house guest"
    assert made.get_template("one").render(theirs="guest", ours="own") == "own guest"


def test_calls_are_made_at_once() -> None:
    code = environment().compile("{{ name('x') }}", raw=True)
    assert "context.call" not in code
