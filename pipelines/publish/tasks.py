"""Guides to what people come to do: their steps, and the records that serve each step. Texts and rules are data, in
``templates/tasks.yaml``; how they look is in ``templates/task.html``.

The rule: a record serves a step when it is of one of the step's kinds and either a word of the step begins a word of
its heading, or it is about one of the step's technology types and a word stands in its summary, or three of the words
do. First come those with most words in the heading, then those of a technology type, then those with most words in
the summary, then the newest. A record is shown in the first step that it serves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.yamlfile import read_yaml
from pipelines.edition import LibraryRecord
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.views import Library
from pipelines.publish.wordlist import Words

MOST_N = 3
"""Records of a kind in one step."""
ENOUGH_N = 3
"""Words of a summary that are enough by themselves."""

Bilingual = Mapping[str, str]


@dataclass(frozen=True)
class Finds:
    """What a record that serves a step is about. ``show`` is the text of a requirement to show at once, if any."""

    kinds: tuple[str, ...]
    technology_types: frozenset[str]
    words: Mapping[str, tuple[str, ...]]
    show: str | None


@dataclass(frozen=True)
class Step:
    """A step of a guide: what to do, what to ask for and what to beware of, each by language; the last two may lack.
    ``leads_to`` are pages of the site, from the folder of a language.
    """

    id: str
    title: Bilingual
    do: Bilingual
    ask: Bilingual | None
    trap: Bilingual | None
    leads_to: tuple[str, ...]
    finds: Finds


@dataclass(frozen=True)
class Task:
    """A guide, its texts by language."""

    id: str
    title: Bilingual
    about: Bilingual
    lead: Bilingual
    steps: tuple[Step, ...]

    @property
    def path(self) -> str:
        """Its page, from the folder of a language."""
        return f"task/{self.id}.html"


@cache
def tasks() -> tuple[Task, ...]:
    """All guides, in their order. Raises ValueError when a rule names what no vocabulary has."""
    return tuple(
        Task(**{**entry, "steps": tuple(_step(entry["id"], step) for step in entry["steps"])})
        for entry in read_yaml(TEMPLATES / "tasks.yaml")["tasks"]
    )


def _step(task: str, data: dict[str, Any]) -> Step:
    finds = data["finds"]
    unknown = {*finds["kinds"]} - document_kinds().keys()
    unknown |= {term for term in finds["technology_types"] if term not in vocabulary("technology_types")}
    if unknown:
        raise ValueError(f"templates/tasks.yaml: {task}, step {data['id']}: there is no {', '.join(sorted(unknown))}")
    return Step(
        id=data["id"],
        title=data["title"],
        do=data["do"],
        ask=data.get("ask"),
        trap=data.get("trap"),
        leads_to=tuple(data.get("leads_to", ())),
        finds=Finds(
            tuple(finds["kinds"]),
            frozenset(finds["technology_types"]),
            {language: tuple(words) for language, words in finds["words"].items()},
            finds.get("show"),
        ),
    )


def serving(
    task: Task, library: Library, words: Words, language: str
) -> dict[str, list[tuple[str, list[LibraryRecord]]]]:
    """By the id of each step the records that serve it, by kind in the order of the rule; kinds without one are left
    out. Each text stands once in a guide, in ``language`` where there is one.
    """
    taken: set[str] = set()
    return {step.id: _found(step.finds, library, words, language, taken) for step in task.steps}


def _found(
    finds: Finds, library: Library, words: Words, language: str, taken: set[str]
) -> list[tuple[str, list[LibraryRecord]]]:
    in_heading: Counter[str] = Counter()
    in_summary: Counter[str] = Counter()
    for own, beginnings in finds.words.items():
        for tally, find in ((in_heading, words.heading_begins), (in_summary, words.summary_begins)):
            for beginning in beginnings:
                tally.update(id for id in find(beginning) if library.records[id].record.document.language == own)
    grouped: dict[str, list[tuple[tuple[int, bool, int, int], str]]] = {kind: [] for kind in finds.kinds}
    for id in in_heading.keys() | in_summary.keys():
        record = library.records[id].record
        if record.kind not in grouped:
            continue
        is_about = not finds.technology_types.isdisjoint(record.document.technology_types)
        if in_heading[id] or is_about or in_summary[id] >= ENOUGH_N:
            rank = (-in_heading[id], not is_about, -in_summary[id], library.order[id])
            grouped[record.kind].append((rank, id))
    result = []
    for kind, ranked in grouped.items():
        shown = library.shown((id for _, id in sorted(ranked)), language)
        if found := [entry for entry in shown if entry.id not in taken][:MOST_N]:
            taken.update(entry.id for entry in found)
            result.append((kind, found))
    return result
