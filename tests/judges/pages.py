"""Whether pages hold together and say true things of themselves: linkinator follows links, schema.org knows its terms.

Markup and accessibility are asked for in ``tests.browser``.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.judges.apart import NODE_MODULES, answer, ask, run

_DATA = re.compile(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', re.DOTALL)
_ELSEWHERE = r"^https?://(?!localhost|127)"


def link_problems(public: Path) -> list[str]:
    """Links of the site in ``public``, from its start page on, that lead to nothing on it, by linkinator."""
    program = NODE_MODULES / "linkinator" / "build" / "src" / "cli.js"
    assert program.exists(), f"{program} is missing: run 'make build/judges/.made', as 'make test' does"
    how = ("index.html", "--server-root", ".", "--recurse", "--skip", _ELSEWHERE, "--format", "csv")
    status, said = run(["node", program, *how], public)
    links = [line for line in said.splitlines() if ",OK," in line or ",BROKEN," in line]
    assert status in (0, 1), f"the judge itself failed: {said[-2000:]}"
    assert len(links) > len(list(public.rglob("*.html"))) / 2, f"linkinator looked at {len(links)} links only"
    return [line for line in links if ",BROKEN," in line]


def schema_org_problems(pages: Iterable[Path]) -> list[str]:
    """Terms in the JSON-LD of ``pages`` that schema.org does not have, has replaced, or does not use of such things."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:  # there are more than a command line holds
        names.write("\n".join(map(str, pages)))
        names.flush()
        return ask("pages", names.name)


class Vocabulary:
    """schema.org's own statement of its terms, as the package ``rocrate`` has it."""

    def __init__(self, graph: Iterable[Mapping[str, Any]]) -> None:
        self._terms = {term["@id"].removeprefix("schema:"): term for term in graph}

    def _named(self, term: str, relation: str) -> set[str]:
        found = self._terms[term].get(relation, [])
        return {one["@id"].removeprefix("schema:") for one in (found if isinstance(found, list) else [found])}

    def above(self, kind: str) -> set[str]:
        """``kind`` and all kinds that it is one of."""
        if kind not in self._terms:  # of another vocabulary, such as rdfs:Class
            return {kind}
        return {kind}.union(*(self.above(one) for one in self._named(kind, "rdfs:subClassOf")))

    def problems(self, node: Any) -> Iterator[str]:
        """What is wrong with the terms of ``node`` and of all nodes in it."""
        if isinstance(node, list):
            for one in node:
                yield from self.problems(one)
        if not isinstance(node, dict):
            return
        kinds = node.get("@type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        yield from (f"no such type: {kind}" for kind in kinds if kind not in self._terms)
        are = set().union(*(self.above(kind) for kind in kinds))
        for name, value in node.items():
            if name.startswith("@"):
                yield from self.problems(value if name == "@graph" else [])
                continue
            if name not in self._terms:
                yield f"no such property: {name}"
                continue
            if self._named(name, "schema:supersededBy"):
                yield f"replaced by another property: {name}"
            if are and not are & self._named(name, "schema:domainIncludes"):
                yield f"no property of {', '.join(kinds)}: {name}"
            yield from self.problems(value)


def _judge(pages: Iterable[str]) -> None:
    told = json.loads((files("rocrate") / "data" / "schema.jsonld").read_text(encoding="utf-8"))
    vocabulary, found, blocks_n = Vocabulary(told["@graph"]), [], 0
    for page in pages:
        for block in _DATA.findall(Path(page).read_text(encoding="utf-8")):
            blocks_n += 1
            found += [f"{page}: {problem}" for problem in vocabulary.problems(json.loads(block))]
    answer(found, blocks_n)


if __name__ == "__main__":
    _judge(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
