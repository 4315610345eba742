"""What the pages of a self-assessment need beside the question bank itself: where its figures are, how long it is to
read, who is asked what. What its script does is in ``templates/static``; which records help, in ``helps``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from hubs.contract.groups import ATTRIBUTES, WAVE
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Bilingual, Instrument, Question, text_in
from pipelines.edition import Edition
from pipelines.publish import helps, schema_org, strings
from pipelines.publish.scripts import FIGURES, wave_name

SCRIPTS = ("assets/gap.js", "assets/assess.js")
WORDS = ("gap.", "assess.say.")
"""The beginnings of the keys of texts that they use."""
OFFLINE = "assessment_offline.html"
"""The template of the page that goes into offline packs."""
FOLDER = "self-assessment"
"""Where those pages are, from the root of a release and of a zip."""
WORDS_A_MINUTE = 200
"""How fast people read who want to understand; below what studies find for silent reading of plain English (238)."""

attributes: Mapping[str, str] = ATTRIBUTES
"""What a page asks of an organisation, and the vocabulary of each."""


def bank_name(instrument: Instrument, audience: str) -> str:
    """What the page of a question bank is called."""
    return f"{instrument.name}-{audience.replace('_', '-')}"


def offline_path(instrument: Instrument, audience: str, language: str) -> str:
    """The page that goes into offline packs, from the root of the release."""
    return f"{FOLDER}/{bank_name(instrument, audience)}{'' if language == 'en' else f'.{language}'}.html"


def banks(edition: Edition, audience: str | None = None) -> list[tuple[Instrument, str]]:
    """The instruments with each audience that they ask something, or with one alone."""
    audiences = [term.id for term in vocabulary("audiences") if audience in (None, term.id)]
    return [(one, asked) for one in edition.instruments.values() for asked in audiences if one.asked_of(asked)]


def dimensions(
    instrument: Instrument, questions: Sequence[Question]
) -> list[tuple[str, dict[str, Bilingual], list[Question]]]:
    """The dimensions that are asked about, in order, each with what it is called and its questions."""
    found = [
        (name, told, [question for question in questions if question.dimension == name])
        for name, told in instrument.dimensions.items()
    ]
    return [entry for entry in found if entry[2]]


def minutes(questions: Sequence[Question], language: str) -> int:
    """How long it takes to read the questions with all their levels."""
    texts = [
        text_in(found, language)
        for question in questions
        for found in (question.text, *([question.help] if question.help else []), *question.levels.values())
    ]
    return max(1, round(sum(len(re.findall(r"\S+", found)) for found in texts) / WORDS_A_MINUTE))


def facts(edition: Edition, instrument: Instrument, audience: str, language: str) -> Markup:
    """What the script of a page has to know, as JSON: the periods with figures, oldest first, and where they are."""
    waves = [
        dict(zip(WAVE, wave, strict=True))
        for wave in sorted(set(zip(*(edition.benchmarks.column(n).to_pylist() for n in WAVE), strict=True)))
        if wave[1:] == (instrument.name, audience)
    ]
    told = {
        "instrument": instrument.name,
        "audience": audience,
        "language": language,
        "release": edition.id,
        "published": edition.published.isoformat(),
        "day": strings.day(edition.published, language),
        "audiences": {term.id: term.label(language) for term in vocabulary("audiences")},
        "figures": {wave["period"]: [wave_name(wave), f"{FIGURES}/{wave_name(wave)}.js"] for wave in waves},
        "helps": [helps.name_of(language), helps.path_of(language)],
    }
    return Markup(schema_org.in_script(told))  # noqa: S704 - without a sign that could end the element
