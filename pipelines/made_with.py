"""What hubpacks was made with when it made something: the distributions of Python that it needs, as they are installed.

Only what its own requirements lead to, on this platform: what else is installed beside it (test tools, another engine
that counts) changes nothing. Reading what the installer has noted, and no more; how it is told is for ``publish``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubs.contract.records import canonical_json

ROOT = "hubpacks"
SHORT_CHARACTERS = 40
"""What is longer is no name of a licence."""


@dataclass(frozen=True)
class Made:
    """One distribution: its ``name`` in the form that indexes compare, ``version``, the names of those that it
    ``needs`` itself, and what it states of its licence: an SPDX ``expression``, or free ``words``.
    """

    name: str
    version: str
    needs: tuple[str, ...]
    expression: str | None
    words: tuple[str, ...]


@cache
def made_with() -> Mapping[str, Made]:
    """Hubpacks and everything that it needs, by name, in order. Raises PackageNotFoundError when something is not
    installed, so that nothing is left out without a word.
    """
    return {name: _made(name, one, needs) for name, (one, needs) in _found().items()}


@cache
def versions() -> Mapping[str, str]:
    """The version of each, by name, in order."""
    return {name: one.version for name, (one, _) in _found().items()}


def digest() -> str:
    """A digest of the names and versions: another when anything has been exchanged."""
    told = [[name, version] for name, version in versions().items()]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


@cache
def _found() -> Mapping[str, tuple[Distribution, set[str]]]:
    """Each distribution as it is installed, and the names of those that it needs itself; by name, in order."""
    extras: dict[str, set[str]] = {ROOT: set()}
    needs: dict[str, set[str]] = {}
    found: dict[str, Distribution] = {}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
        needs[name] = set()
        for needed in _requirements(found[name], extras[name]):
            other = canonicalize_name(needed.name)
            needs[name].add(other)
            if other not in extras or not needed.extras <= extras[other]:
                extras[other] = extras.get(other, set()) | needed.extras
                waiting.append(other)
    return {name: (found[name], needs[name]) for name in sorted(found)}


def _requirements(one: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in one.requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield needed


def _made(name: str, one: Distribution, needs: set[str]) -> Made:
    told = one.metadata.json
    classifiers = [text.split(" :: ")[-1] for text in told.get("classifier", ()) if text.startswith("License ::")]
    free = str(told.get("license", "")).strip()
    # Some put the whole text there, which says less than the classifier.
    words = [free] if 0 < len(free) <= SHORT_CHARACTERS and "\n" not in free else sorted(classifiers)
    expression = told.get("license_expression")
    return Made(name, one.version, tuple(sorted(needs)), str(expression) if expression else None, tuple(words))
