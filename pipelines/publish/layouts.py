"""How what lies in ``templates`` is filled in: strict about names, escaping everything, each compiled once."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import MutableMapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

from pipelines.files import write_bytes
from pipelines.version import code_version

TEMPLATES = Path(__file__).parents[2] / "templates"
GOVUK = TEMPLATES / "vendor" / "govuk-frontend-6.3.0"
"""The design system, as ``vendor_govuk`` has taken it."""
COMPILED = TEMPLATES / "__pycache__"

_SIGNS = re.compile("[&<>'\"]")
_DIGEST_BYTES = hashlib.sha256().digest_size


def shown(value: object) -> str:
    """``value`` as it stands in a page: safe HTML, and text without a sign of markup, as they are; all else escaped."""
    if type(value) is Markup or (type(value) is str and not _SIGNS.search(value)):
        return value
    return escape(value)


class _Code(CodeGenerator):
    """Templates as Python that does less on the way: what they call is called as Python calls it, not asked first
    whether it wants to know the context, and what needs no escaping is not copied. Nothing that our templates call or
    filter by wants the context.
    """

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        self.writeline(f"from {__name__} import {shown.__name__}")
        super().visit_Template(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        self.visit(node.node, frame)
        self.write("(")
        for argument in (*node.args, *node.kwargs):
            self.visit(argument, frame)
            self.write(", ")
        for stars, more in (("*", node.dyn_args), ("**", node.dyn_kwargs)):
            if more is not None:
                self.write(stars)
                self.visit(more, frame)
                self.write(", ")
        self.write("caller=caller)" if forward_caller else ")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write(f"{shown.__name__}(")
        else:
            super()._output_child_pre(node, frame, finalize)


class Compiled(BytecodeCache):
    """Templates as they were compiled, in a folder where any process that may do so leaves them for those after it, as
    Python leaves its modules; where it may not, each compiles them for itself. They are of use as long as no code has
    changed, ours or Jinja's, and no template. Each file begins with the SHA-256 of what follows, since over one that is
    damaged Jinja breaks off.
    """

    def __init__(self, folder: Path, kind: str = "html") -> None:
        """``kind`` tells environments apart that compile the same template to other code."""
        self._folder = folder
        self._kind = kind
        self._code = f"{version('jinja2')} {code_version()}"

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja's
        return f"{name.replace('/', '--')}.{self._kind}.{sys.implementation.cache_tag}"

    def get_source_checksum(self, source: str) -> str:
        return f"{super().get_source_checksum(source)} {self._code}"

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            data = (self._folder / bucket.key).read_bytes()
            digest, code = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
            if digest == hashlib.sha256(code).digest():
                bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            code = bucket.bytecode_to_string()
            with contextlib.suppress(OSError):
                write_bytes(self._folder / bucket.key, hashlib.sha256(code).digest() + code)


class _Layouts(Environment):
    """An environment whose names are complete before its first template is taken from it."""

    code_generator_class = _Code

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As one mapping, which is copied faster than a chain of them, once for each page."""
        return {**self.globals, **(d or {})}


def environment(*, is_html: bool = True) -> Environment:
    """A new environment over the templates, for those who add filters of their own; or for plain texts."""
    made = _Layouts(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        bytecode_cache=Compiled(COMPILED, "html" if is_html else "text"),
    )
    made.filters["thousands"] = lambda number: f"{number:,}"
    return made
