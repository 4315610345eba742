"""The wording of a gap analysis (``gap.…`` in ``templates/locale``), and figures, groups and terms as words."""

from __future__ import annotations

from hubs.contract.groups import ATTRIBUTES
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import text_in
from pipelines.gap.compare import Place
from pipelines.gap.release import Cell
from pipelines.publish import strings

LOWEST_SHARE, HIGHEST_SHARE = 0.05, 0.95
"""Shares outside are published as these."""


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The text called ``key`` with ``values`` put in. Raises KeyError for an unknown key."""
        return strings.text(f"gap.{key}", self.language, **values)

    def of(self, texts: dict[str, str]) -> str:
        """A text of a question bank, in English where the bank has no other."""
        return text_in(texts, self.language)

    def terms(self, described: dict[str, str]) -> str:
        """What is known of an organisation, or a group, as words."""
        return ", ".join(vocabulary(ATTRIBUTES[name])[term].label(self.language) for name, term in described.items())

    def group(self, cell: Cell) -> str:
        """A group as words."""
        return self.terms(dict(cell.terms)) or self("everybody")

    def share(self, share: float | None) -> str:
        """A share as words."""
        if share is None:
            return self("not_told")
        if share <= LOWEST_SHARE:
            return self("capped_low")
        return self("capped_high") if share >= HIGHEST_SHARE else f"{share:.0%}"

    def at_or_above(self, place: Place) -> str:
        """Which peers are at the own level or above; at level 0 that is all of them."""
        return self("all_of_them") if place.level == 0 and place.peers else self.share(place.share_at_or_above)

    def at_next(self, place: Place) -> str:
        """Which peers are at the next step."""
        return self.share(place.share_at_next) if place.next is not None else self("highest")

    def band(self, place: Place) -> str:
        """Between which quartiles the own level lies, or how it stands to the median, as far as that is told."""
        return self(place.band or place.against_median or "no_band")


def number(value: float | None) -> str:
    """A level or a median without a needless decimal; a dash where there is none."""
    return "–" if value is None else f"{value:g}"
