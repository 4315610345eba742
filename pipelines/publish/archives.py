"""The offline pack: one zip of a pack, which opens without a server, and says by itself who made it.

Its pages are the printable ones, which hold every text, and the self-assessments that these lead to, with the scripts
that they load; links that would lead out of the zip lead to the site instead.
It has ``SHA256SUMS`` and signatures of its own, by the key of the release. Other files are those of the pack, byte for
byte.

The same pack gives the same bytes wherever libdeflate is of the same version; what is promised elsewhere are the
checksums of the members.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jinja2 import Template

from hubs.containers import append, archive
from hubs.contract.vocabularies import vocabulary
from pipelines.files import json_of
from pipelines.publish import helps, strings
from pipelines.publish.assessment import FOLDER
from pipelines.publish.catalogue import OWN_LICENCE, permalink
from pipelines.publish.layouts import environment
from pipelines.publish.scripts import FIGURES, as_script, handed_over
from pipelines.publish.sheets import COMPRESSION
from pipelines.publish.signed import (
    KEY_FILES,
    KEYS,
    SIGNATURES,
    SUMS,
    distrusted,
    read_keys,
    sums_bytes,
    sums_of,
    three_signatures,
    wrong_three,
)
from pipelines.signatures import ReleaseKey, UnusableKey, moment

ARCHIVE = "pack.zip"
README, LICENCES = "README.txt", "LICENCES.txt"
PAGES = {"pack.html": "index.html", "pack.cy.html": "cy.html"}
"""The printable pages, and what they are called in the zip, where the first is what people open."""
MAX_MEMBERS, MAX_BYTES = 1_000, 1 << 30
"""A zip that claims more was not made here, and is not unpacked."""

_PRINTED = {"en": "pack.html", "cy": "pack.cy.html"}
_LANGUAGES = {name: language for language, name in _PRINTED.items()}
_FACTS = re.compile(r'<script type="application/json" data-facts>(.*?)</script>', re.DOTALL)
_LINK = re.compile(r'="((?:(?<=href=")|(?<=src="))(?:\.\./)+[^"#]*)')  # begins plainly, which is found fast
_ID = re.compile(r'\sid="([^"]*)"')
_SHARED = ("assets/", f"{FIGURES}/")
"""What is the same in a zip as in the release beside it."""
_PACKED = frozenset({".pdf", ".ods", ".xlsx"})
"""What compressing again would not make smaller."""
_SEALS = frozenset({SUMS, *SIGNATURES, KEYS, *KEY_FILES})
"""Small, and so as long with any key, whose size pages tell."""


def write_archive(folder: Path, pack: str, address: str) -> None:
    """Write ``packs/<pack>/pack.zip`` in the release in ``folder``, of the files there, the assets that its pages use
    and the list of keys. The site is at ``address``. It is not signed.
    """
    members = dict(_members(folder, pack, address))
    members[SUMS] = sums_bytes({name: hashlib.sha256(data).hexdigest() for name, data in members.items()})
    ordered = {name: members[name] for name in sorted(members, key=lambda name: (name != README, name))}
    stored = {name for name in members if posixpath.splitext(name)[1] in _PACKED or name in _SEALS}
    (folder / "packs" / pack / ARCHIVE).write_bytes(archive(ordered, stored, COMPRESSION))


def sign_archive(folder: Path, pack: str, release: str, key: Ed25519PrivateKey) -> None:
    """Sign what ``write_archive`` wrote for a pack of ``release``, which is in ``folder``."""
    path = folder / "packs" / pack / ARCHIVE
    with zipfile.ZipFile(path) as container:
        sums = container.read(SUMS)
    append(path, three_signatures(key, sums, _comment(pack, release)))


def wrong_archives(folder: Path) -> list[str]:
    """Where zips of packs in the release in ``folder`` are not what they should be, in words: a member that does not
    fit its checksum or differs from the pack's own file, a signature by a key that the release does not list. In a
    reissue, packs that stayed as they were keep the signature that they had.
    """
    try:
        known = read_keys((folder / KEYS).read_bytes())
    except (OSError, UnusableKey) as error:
        return [f"zips of packs cannot be checked: {KEYS}: {error}"]
    read_helps, problems = cache(partial(helps.read_helps, folder)), []
    for path in sorted((folder / "packs").glob(f"*/{ARCHIVE}")):
        found, members = _opened(path)
        if SUMS in members and SIGNATURES[0] in members:  # one that was built without a key has none
            found += _wrong_signatures(members, known)
        for name, data in members.items():
            own = path.parent / name
            if name not in PAGES and own.is_file() and own.read_bytes() != data:
                found.append(f"{name} is not that of the pack")
            shared = folder / name
            if name.startswith(_SHARED) and not (shared.is_file() and shared.read_bytes() == data):
                found.append(f"{name} is not that of the release")
        found += _wrong_helps(read_helps, members)
        problems += [f"packs/{path.parent.name}/{ARCHIVE}: {problem}" for problem in found]
    return problems


def _wrong_helps(own: Callable[[str], Any], members: Mapping[str, bytes]) -> Iterator[str]:
    """Where what helps in a zip is not what helps in the release (``own``, by language), apart from where each record
    is.
    """
    for language in _PRINTED:
        path = helps.path_of(language)
        if path not in members:
            continue
        try:
            name, data = handed_over(members[path])
            for told in data["records"].values():
                del told["link"]
            is_same = name == helps.name_of(language) and data == own(language)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            is_same = False
        if not is_same:
            yield f"{path} is not that of the release"


def verify_archive(path: Path, trusted: Sequence[ReleaseKey] = ()) -> tuple[list[str], ReleaseKey | None]:
    """What is wrong with the offline pack at ``path``, in words, and the key that it names as its own. It is held
    against that key, and that against those that are ``trusted``, if any.
    """
    problems, members = _opened(path)
    signs = _signing_key(members)
    problems += _wrong_signatures(members, trusted)
    if signs is not None and any(key.public == signs.public for key in trusted):
        problems += _distrusted(signs, members, trusted)
    return problems, signs


def _signing_key(members: Mapping[str, bytes]) -> ReleaseKey | None:
    """The key that a zip names as its own, None when it names none."""
    try:
        return read_keys(members.get(KEYS, b""))[0]
    except UnusableKey:
        return None


def _wrong_signatures(members: Mapping[str, bytes], known: Sequence[ReleaseKey]) -> list[str]:
    """What is wrong with the signatures of a zip, which names the key that they are by; that has to be one of those
    that are ``known``, if any.
    """
    signs = _signing_key(members)
    if signs is None:
        return [f"{KEYS} is missing or cannot be read, so nobody has signed it"]
    problems = wrong_three(signs.public, members, _told_comment(members))
    if known and signs.public not in {key.public for key in known}:
        names = ", ".join(key.public.id for key in known)
        problems.append(f"signed with key {signs.public.id}, which is not one of {names}")
    return problems


def _distrusted(signs: ReleaseKey, members: Mapping[str, bytes], trusted: Sequence[ReleaseKey]) -> list[str]:
    """Why a key that is known is not to be trusted with this zip: it was stolen, or retired before."""
    try:
        published = moment(json_of(members["pack.json"])["published"])
    except (KeyError, ValueError, TypeError):
        return ["pack.json does not say when it was published"]
    return distrusted(signs.public, published, trusted)


def _members(folder: Path, pack: str, address: str) -> Iterator[tuple[str, bytes]]:
    own = folder / "packs" / pack
    told = json_of((own / "pack.json").read_bytes())
    base = permalink(address, told["release"])
    pages = {f"packs/{pack}/{name}": place for name, place in PAGES.items() if (own / name).is_file()}
    html = {page: (folder / page).read_text(encoding="utf-8") for page in pages}
    taken = _assessments(html)
    pages |= {page: page for page in taken}
    html |= {page: (folder / page).read_text(encoding="utf-8") for page in taken}
    lists = {f"{language}/packs/index.html": PAGES[name] for name, language in _LANGUAGES.items()}
    assets = {path for page in pages for path in _linked(html[page], page) if path.startswith("assets/")}
    assets |= {path for page in taken for path in _figures(html[page])}
    for page, place in pages.items():
        yield place, _offline(html[page], page, place, pages | lists | {name: name for name in assets}, base).encode()
    for language in sorted({_told_in(page) for page in taken}):
        yield helps.path_of(language), _helps(folder, language, html[f"packs/{pack}/{_PRINTED[language]}"], base)
    for path in sorted(own.iterdir()):
        if path.name not in PAGES and path.name != ARCHIVE:
            yield path.name, path.read_bytes()
    for name in sorted({*assets, "assets/govuk-frontend-licence.txt"}):
        yield name, (folder / name).read_bytes()
    for name in (KEYS, *KEY_FILES):
        yield name, (folder / name).read_bytes()
    yield README, _readme(told, base, has_assessment=bool(taken))
    yield LICENCES, _licences(told)


def assessments_of(folder: Path, pack: str) -> list[str]:
    """The self-assessments that the pages of a pack lead to: their pages in all languages, from the root of the
    release in ``folder``. In releases of older versions there are none.
    """
    paths = [path for path in (f"packs/{pack}/{name}" for name in PAGES) if (folder / path).is_file()]
    return _assessments({path: (folder / path).read_text(encoding="utf-8") for path in paths})


def _assessments(html: Mapping[str, str]) -> list[str]:
    linked = {link for page, text in html.items() for link in _linked(text, page)}
    return sorted(link for link in linked if posixpath.dirname(link) == FOLDER)


def _linked(html: str, page: str) -> set[str]:
    """What a page leads to and uses, from the root of the release."""
    return {posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) for link in {*_LINK.findall(html)}}


def _told_in(page: str) -> str:
    """The language of a page of a self-assessment, by its name."""
    return "cy" if page.endswith(".cy.html") else "en"


def _figures(html: str) -> list[str]:
    """The scripts with figures that the page of a self-assessment may load."""
    told = _FACTS.search(html)
    return [path for _, path in json_of(told[1].encode())["figures"].values()] if told else []


def _helps(folder: Path, language: str, pack: str, base: str) -> bytes:
    """What helps, with where each record is: in the page of the pack (``pack`` is its HTML), else on the site."""
    data = helps.read_helps(folder, language)
    here = {*_ID.findall(pack)}
    for told in data["records"].values():
        slug = told["slug"]
        is_here = slug in here
        told["link"] = f"{PAGES[_PRINTED[language]]}#{slug}" if is_here else f"{base}{language}/records/{slug}.html"
    return as_script(helps.name_of(language), data)


def _offline(html: str, page: str, place: str, has: Mapping[str, str], base: str) -> str:
    """A page as it stands at ``place`` in the zip. ``has`` are the paths in the zip of what it has, by the path in the
    release; what it does not have is on the site, at the address ``base``.
    """

    def link(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), found[1]))
        target = posixpath.relpath(has[path], posixpath.dirname(place) or ".") if path in has else base + path
        return f'="{target}'

    return _LINK.sub(link, html)


def _readme(told: Mapping[str, Any], base: str, *, has_assessment: bool) -> bytes:
    parts = [
        _template().render(
            t=lambda key, language=language, **values: strings.text(f"archive.{key}", language, **values),
            title=told["title"][language],
            sample=strings.text("site.sample", language) if told["sample"] else "",
            citation=told["citation"][language],
            base=base,
            page=PAGES[_PRINTED[language]],
            assessment=f"{FOLDER}/" if has_assessment else "",
        )
        for language in strings.LANGUAGES
    ]
    return "\n\n".join(parts).encode()


@cache
def _template() -> Template:
    return environment(is_html=False).get_template("archive.txt")


def _licences(told: Mapping[str, Any]) -> bytes:
    """Which licence holds for what, and where its text is."""
    lines = []
    for language in strings.LANGUAGES:
        lines.append(strings.text("archive.licences", language))
        for id in dict.fromkeys((*told["licences"], OWN_LICENCE)):
            licence = vocabulary("licences")[id]
            lines.append(f"  {id}: {licence.label(language)}, {licence.address}")
        lines.append("")
    return "\n".join(lines).encode()


def _comment(pack: str, release: str) -> str:
    """What minisign says of who signed what."""
    return f"hubpacks pack {pack} of release {release}"


def _told_comment(members: Mapping[str, bytes]) -> str:
    """The same, by what a zip tells of itself."""
    try:
        told = json_of(members["pack.json"])
        return _comment(told["id"], told["release"])
    except (KeyError, ValueError, TypeError):
        return ""


def _opened(path: Path) -> tuple[list[str], dict[str, bytes]]:
    """What is wrong with the zip at ``path`` by its own checksums, and its members."""
    try:
        with zipfile.ZipFile(path) as container:
            infos = container.infolist()
            if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_BYTES:
                return ["it claims to be larger than any pack"], {}
            members = {info.filename: container.read(info) for info in infos}
            if len(members) != len(infos):
                return ["it has two files of one name"], members
    except (OSError, ValueError, NotImplementedError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        return [f"it cannot be opened: {error}"], {}
    try:
        sums = sums_of(members[SUMS].decode())
    except KeyError:
        return [f"{SUMS} is missing"], members
    except ValueError as error:
        return [str(error)], members
    unlisted = {SUMS, *SIGNATURES}
    problems = [f"missing: {name}" for name in sorted(sums.keys() - members.keys())]
    problems += [f"not listed: {name}" for name in sorted(members.keys() - sums.keys() - unlisted)]
    both = sorted(sums.keys() & members.keys())
    problems += [f"changed: {name}" for name in both if hashlib.sha256(members[name]).hexdigest() != sums[name]]
    return problems, members
