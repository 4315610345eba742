"""Templates are filled in as Jinja fills them in; only the way is shorter."""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateError, Undefined, UndefinedError
from markupsafe import Markup, escape

from pipelines.intake import pages
from pipelines.publish import layouts
from pipelines.publish.frame import page_environment
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


def _jinjas(ours: Environment) -> Environment:
    """Jinja's own environment with the settings of ``ours``."""
    named = ("loader", "autoescape", "undefined", "trim_blocks", "lstrip_blocks", "keep_trailing_newline")
    made = Environment(**{name: getattr(ours, name) for name in named})
    made.filters |= ours.filters
    made.tests |= ours.tests
    made.globals |= ours.globals
    return made


class _AsJinja(ast.NodeTransformer):
    """Undoes in a compiled template all that we do otherwise, and nothing else."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == layouts.__name__ else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("escape", node.ctx) if node.id == shown.__name__ else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) != "context.call":
            return node
        named = [one for one in node.keywords if one.arg not in ("_loop_vars", "_block_vars")]  # for who wants these
        return ast.Call(node.args[0], node.args[1:], named)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if ast.unparse(node.targets[0]) == "debug_info" else self.generic_visit(node)


def _code(made: Environment, name: str) -> str:
    assert made.loader
    source, _, _ = made.loader.get_source(made, name)
    return ast.dump(_AsJinja().visit(ast.parse(made.compile(source, name, raw=True))))


@pytest.mark.parametrize(
    ("make", "is_its"),
    [
        (page_environment, lambda name: re.match(r"(?!intake/|vendor/).*\.(html|xml)$", name)),
        (pages._environment, lambda name: name.startswith("intake/")),
        (partial(environment, is_html=False), lambda name: name == "archive.txt"),
    ],
    ids=["pages", "intake", "plain texts"],
)
def test_every_template_of_ours_becomes_what_jinja_makes_of_it(
    make: Callable[[], Environment], is_its: Callable[[str], object]
) -> None:
    ours = make()
    jinjas = _jinjas(ours)
    names = ours.list_templates(filter_func=is_its)
    assert names
    assert [name for name in names if _code(ours, name) != _code(jinjas, name)] == []


class _Html(str):
    __slots__ = ()

    def __html__(self) -> str:
        return "<b>its own</b>"


class _Told:
    def __str__(self) -> str:
        return "<i> & 'told'"


class _Safe(_Told):
    def __html__(self) -> str:
        return "<i>safe</i>"


class _Number(int):
    def __str__(self) -> str:
        return "<5>"


class _Text(str):
    __slots__ = ()


class _OwnMarkup(Markup):
    __slots__ = ()


HOSTILE = [
    *("plain", "", "<script>", "a & b", '"', "'", "&amp;", "\0<", "\ud800<"),
    *(_Text("<"), _Text("plain"), _Html("<h>"), _Html("plain"), _Told(), _Safe()),
    *(Markup("<b>"), Markup("plain"), Markup("&lt;"), _OwnMarkup("<u>")),
    *(b"<", None, True, 0, -0.0, 1.5, _Number(5), Undefined(name="nothing")),
    *(["<", Markup("<b>")], ("<",), {"<": "&"}, {"<"}, range(3)),
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_of_any_kind_is_escaped_as_jinja_does_it(value: object) -> None:
    assert shown(value) == escape(value)
    assert type(shown(value)) is Markup or not {*shown(value)} & {*"&<>'\""}


class _Maker:
    """Makes templates at random, of all that a template can say."""

    FILTERS = (
        *("safe", "e", "forceescape", "string", "upper", "trim", "default('<')", "default(b, true)", "join('<')"),
        *("join(', ')", "list", "first", "last", "length", "replace('a', '<')", "replace('<', b)", "striptags"),
        *("tojson", "urlize", "truncate(5, true, '<')", "title", "map('upper')|list", "map('e')|join"),
    )

    def __init__(self, choice: random.Random) -> None:
        self._choice = choice

    def one_of(self, *makers: Callable[[], str]) -> str:
        return self._choice.choice(makers)()

    def name(self) -> str:
        return self._choice.choice(("a", "b", "c", "several"))

    def told(self, depth: int = 0) -> str:
        """An expression."""
        if depth > 2:
            return self.name()
        told = partial(self.told, depth + 1)
        return self.one_of(
            self.name,
            lambda: self._choice.choice(("'<'", "'it\\'s & so'", "'plain'", "5", "none", "['<', a]", "{'<': b}")),
            lambda: f"({told()})|{self._choice.choice(self.FILTERS)}",
            lambda: f"({told()})|{self._choice.choice(self.FILTERS)}",
            lambda: f"({told()} ~ {told()})",
            lambda: f"({told()} if {told()} else {told()})",
            lambda: f"({told()} or {told()})",
            lambda: f"('<b>%s</b>'|safe % {told()})",
            lambda: f"call({told()}, *several, one={told()}, **named)",
            lambda: f"row({told()}, {told()}, {told()}, more={told()})",
            lambda: f"m.cell({told()})",
            lambda: f"cycler({told()}, '<').next()",
            lambda: f"dict(x={told()}).x",
            lambda: "named.first",
            lambda: "a.join(several)",
        )

    def text(self, depth: int = 0) -> str:
        """Some of what stands between, and in, statements."""
        if depth > 1:
            return f"[{{{{ {self.told(1)} }}}}]"
        told, text = self.told, partial(self.text, depth + 1)
        some = self._choice.randint(1, 2)
        return "".join(
            self.one_of(
                lambda: f"[{{{{ {told()} }}}}]",
                lambda: f"<raw &>{{{{ {told()} }}}}'",
                lambda: f"{{% for a in [a, {told()}] %}}{text()}{{{{ loop.cycle(a, b) }}}}{{% endfor %}}",
                lambda: f"{{% for a in several %}}{text()}{{% else %}}{text()}{{% endfor %}}",
                lambda: f"{{% set {self.name()} = {told()} %}}",
                lambda: f"{{% set {self.name()} %}}{text()}{{% endset %}}",
                lambda: f"{{% set {self.name()} | upper %}}{text()}{{% endset %}}",
                lambda: f"{{% filter {self._choice.choice(('upper', 'e', 'trim'))} %}}{text()}{{% endfilter %}}",
                lambda: f"{{% call m.box({told()}) %}}{text()}{{{{ a }}}}{{% endcall %}}",
                lambda: f"{{% call(a) each([a, {told()}]) %}}{{{{ a }}}}{text()}{{% endcall %}}",
                lambda: f"{{% if {told()} %}}{text()}{{% else %}}{text()}{{% endif %}}",
                lambda: f"{{% with b = {told()} %}}{text()}{{% endwith %}}",
                lambda: "{% include 'part' %}",
                lambda: "{% for n in tree recursive %}{{ n.name }}{{ loop(n.below) }}{% endfor %}",
            )
            for _ in range(some)
        )

    def templates(self) -> dict[str, str]:
        macros = (
            "{% import 'm' as m with context %}{% macro row(x, y='<') %}{{ x }}{{ y }}{{ varargs|join }}{{ kwargs }}"
            "{% endmacro %}{% macro each(l) %}{% for one in l %}{{ caller(one) }}{% endfor %}{% endmacro %}"
        )
        return {
            "m": (
                "{% macro cell(x) %}<td>{{ x }}{{ b }}{% endmacro %}"
                "{% macro box(x) %}{{ x }}{{ caller() }}{% endmacro %}"
            ),
            "part": f"<p>{{{{ {self.told(2)} }}}}</p>",
            "base": f"{macros}<p>{{% block main %}}{self.text(1)}{{% endblock %}}{{{{ self.main() }}}}",
            "page": f"{{% extends 'base' %}}{{% block main %}}{macros}{self.text()}{{{{ super() }}}}{{% endblock %}}",
        }

    def values(self) -> dict[str, Any]:
        one = partial(self._choice.choice, HOSTILE)
        return {name: one() for name in "abc"} | {
            "several": [one() for _ in range(self._choice.randint(0, 2))],
            "named": {"first": one()},
            "tree": [{"name": one(), "below": [{"name": one(), "below": []}]}],
            "call": self._choice.choice(
                [lambda *given, **named: f"{len(given)} & {[*named]}", lambda *given, **_: given[0], _first_as_markup]
            ),
        }


def _first_as_markup(*given: object, **_named: object) -> Markup:
    return Markup("<b>{}</b>").format(given[0])


def _outcome(made: Environment, templates: Mapping[str, str], values: Mapping[str, Any]) -> str | type[Exception]:
    """What the page says, or what kind of error it is."""
    made.loader = DictLoader(templates)
    assert made.cache is not None
    made.cache.clear()
    try:
        return made.get_template("page").render(values)
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return type(error)


def _random_pages(count: int) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    maker = _Maker(random.Random(5))
    for _ in range(count):
        templates = maker.templates()
        yield from ((templates, maker.values()) for _ in range(2))


@pytest.mark.parametrize("is_html", [True, False])
def test_whatever_a_template_says_is_what_jinja_makes_of_it(is_html: bool) -> None:
    ours = environment(is_html=is_html)
    ours.bytecode_cache = None
    jinjas = _jinjas(ours)
    made = filled = 0
    for templates, values in _random_pages(40):
        page = _outcome(jinjas, templates, values)
        assert _outcome(ours, templates, values) == page, (templates["page"], values)
        made += 1
        filled += isinstance(page, str)
    assert filled > made / 4


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
    whole = path.read_bytes()
    changed = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
    for left in (b"something else", changed, *(whole[:length] for length in range(0, len(whole), 16))):
        path.write_bytes(left)
        assert _counting(tmp_path, "a").compiled == ("kinds/one",)


def test_nothing_is_kept_where_nothing_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert _counting(tmp_path / "file", "a").compiled == ("kinds/one",)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert _counting(tmp_path / "folder", "a").compiled == ("kinds/one",)
    assert not (tmp_path / "folder").exists()
