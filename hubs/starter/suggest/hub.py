"""Guessing what a registration says of the hub itself: its id, sector, licence and address."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from hubs.contract.vocabularies import vocabulary
from hubs.mapping.text import decode, slug
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.folder import Folder
from hubs.starter.suggest.values import mentioned

LICENCE_BYTES = 20_000
_LICENCES = (
    ("CC-BY-SA-4.0", r"attribution-sharealike 4\.0"),
    ("CC-BY-4.0", r"attribution 4\.0|cc[- ]by[- ]4\.0"),
    ("CC0-1.0", r"cc0 1\.0|public domain"),
    ("OGL-UK-3.0", r"open government licence"),
    ("Apache-2.0", r"apache license\s+version 2\.0"),
    ("BSD-3-Clause", r"neither the name of"),
    ("MIT", r"mit licen[cs]e|permission is hereby granted, free of charge"),
)
"""Words by which the text of a licence is known, the more special first."""


def hub_id(name: str) -> str:
    """An id for a hub from the name of its folder."""
    text = re.sub(r"^[^a-z]+", "", slug(name))[:60].strip("-")
    return text if len(text) > 1 else "my-hub"


def about_hub(seen: Folder, root: Path, hub: str, folder: Path) -> dict[str, Any]:
    """The settings of the hub called ``hub``, whose feed lies at ``root`` and whose registration in ``folder``."""
    sector, sector_doubt = _sector(seen)
    licence, licence_doubt = _licence(seen)
    title = hub.replace("-", " ").capitalize()
    return {
        "id": hub,
        "name": Guess({"en": title}, ("the name is made from the id; add the Welsh one as cy.",)),
        "sector": Guess(sector, (sector_doubt,)),
        "owner": Guess({"role": "Owner of the content"}, ("say who that is, as a role and never as a person's name.",)),
        "data_contact": {"role": "Maintainer of the feed"},
        "address": Path(os.path.relpath(root, folder)).as_posix(),
        "cadence": Guess("quarterly", ("how often it changes is a guess: weekly, monthly, quarterly or yearly.",)),
        "licence": Guess(licence, (licence_doubt,)),
        "language": "en",
        "audience": Guess(
            sorted(vocabulary("audiences").terms),
            ("of questions that name no audience; take out whom they are not for.",),
        ),
    }


def _sector(seen: Folder) -> tuple[str, str]:
    """The sector that most titles and names speak of, where one clearly leads."""
    found: Counter[str] = Counter()
    for page in seen.pages:
        texts = [value for value in page.keys.values() if isinstance(value, str)][:10]
        text = " ".join([page.stem, *texts, *(heading.text for heading in page.headings[:10])])
        found.update(mentioned("sectors", text[:3_000]))
    if not found or found.most_common(1)[0][1] < max(2, len(seen.pages) / 10):
        return "cross_sector", "no sector leads among the words of titles and headings; say which it is."
    return found.most_common(1)[0][0], f"by words of titles and headings: {listed(found)}."


def _licence(seen: Folder) -> tuple[str, str]:
    """The licence that a licence file, or the readme, names."""
    names = [n for n in seen.files if re.match(r"(licen[cs]e|copying|readme|unlicense)", PurePosixPath(n).name.lower())]
    for name in sorted(names, key=lambda name: (name.count("/"), "readme" in name.lower(), name))[:20]:
        try:
            with seen.files[name].open("rb") as stream:
                text = " ".join(decode(stream.read(LICENCE_BYTES))[0].casefold().split())
        except OSError:
            continue
        for licence, pattern in _LICENCES:
            if re.search(pattern, text):
                return licence, f"{shown(name)} reads like {licence}. Make sure that it covers the texts."
    return (
        "OGL-UK-3.0",
        "no file names a licence. Nothing may be published unless its owner has put it under an open one.",
    )
