"""Self-assessment question banks: data (one folder an instrument and version) and the reader of it.

Several instruments and versions live side by side; results of different ones are never pooled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hubs.contract.vocabularies import vocabulary
from hubs.yamlfile import read_yaml

FOLDER = Path(__file__).parent

Bilingual = dict[str, str]
"""Text by language: always ``en``, and ``cy`` unless the instrument is a foreign one."""


def text_in(texts: Mapping[str, str], language: str) -> str:
    """A text of a question bank, in English where the bank has no other."""
    return texts.get(language, texts["en"])


class UnusableInstrument(ValueError):
    """An instrument's files contradict each other. The message names file and question."""


@dataclass(frozen=True)
class Question:
    """One question. ``levels`` says for each level 0 to 5 what it looks like."""

    id: str
    audience: str
    dimension: str
    text: Bilingual
    help: Bilingual | None
    levels: dict[int, Bilingual]
    maps_to: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Helps:
    """What a record that helps with a dimension is about: technology types, and ``words`` by language, each of which
    stands for all words that begin with it.
    """

    technology_types: frozenset[str]
    words: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Instrument:
    """A question bank. ``name`` (as ``interop-baseline-v1``) is what returns quote; ``helps`` is by dimension, and of
    those only that say it.
    """

    name: str
    licence: str
    title: Bilingual
    introduction: Bilingual
    levels: tuple[dict[str, Any], ...]
    dimensions: dict[str, dict[str, Bilingual]]
    schemes: dict[str, str]
    questions: dict[str, Question]
    helps: dict[str, Helps] = field(default_factory=dict)

    def asked_of(self, audience: str) -> list[Question]:
        """The questions put to ``audience``, in order."""
        return [question for question in self.questions.values() if question.audience == audience]


def read_instrument(folder: Path) -> Instrument:
    """The instrument in ``folder``: ``instrument.yaml`` and one question file an audience.

    Raises UnusableInstrument, UnreadableYaml or OSError.
    """
    head = read_yaml(folder / "instrument.yaml")
    dimensions = {d["id"]: {"label": d["label"], "about": d["about"]} for d in head["dimensions"]}
    questions: dict[str, Question] = {}
    for audience in vocabulary("audiences").terms:
        path = folder / f"{audience}.yaml"
        if not path.exists():
            continue
        for entry in read_yaml(path)["questions"]:
            where = f"{path.name}, question {entry.get('id')}"
            if entry["id"] in questions:
                raise UnusableInstrument(f"{where}: the id is used twice")
            if entry["dimension"] not in dimensions:
                raise UnusableInstrument(f"{where}: no dimension {entry['dimension']}")
            if sorted(entry["levels"]) != [0, 1, 2, 3, 4, 5]:
                raise UnusableInstrument(f"{where}: levels 0 to 5 must each be described")
            questions[entry["id"]] = Question(
                entry["id"],
                audience,
                entry["dimension"],
                entry["text"],
                entry.get("help"),
                entry["levels"],
                tuple(entry.get("maps_to", ())),
            )
    if not questions:
        raise UnusableInstrument(f"{folder.name}: no questions for any audience")
    return Instrument(
        f"{head['id']}-v{head['version']}",
        head["licence"],
        head["title"],
        head["introduction"],
        tuple(head["levels"]),
        dimensions,
        {s["id"]: s["title"] for s in head.get("schemes", ())},
        questions,
        {d["id"]: _helps(d["id"], d["helps"]) for d in head["dimensions"] if "helps" in d},
    )


def _helps(dimension: str, stated: dict[str, Any]) -> Helps:
    types = frozenset(stated.get("technology_types", ()))
    if unknown := types - set(vocabulary("technology_types").terms):
        raise UnusableInstrument(f"dimension {dimension}, helps: no technology type {', '.join(sorted(unknown))}")
    return Helps(types, {language: tuple(words) for language, words in stated.get("words", {}).items()})


@dataclass(frozen=True)
class OnDemand(Mapping[str, Instrument]):
    """All instruments in ``folders``, read when the first is asked for: a feed without returns needs none."""

    folders: tuple[Path, ...]

    def __getitem__(self, name: str) -> Instrument:
        return instruments(*self.folders)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(instruments(*self.folders))

    def __len__(self) -> int:
        return len(instruments(*self.folders))


@cache
def instruments(*folders: Path) -> dict[str, Instrument]:
    """All instruments in ``folders`` (this room's own when none is given), by name."""
    found = {}
    for folder in folders or (FOLDER,):
        for file in sorted(folder.glob("*/instrument.yaml")):
            instrument = read_instrument(file.parent)
            found[instrument.name] = instrument
    return found
