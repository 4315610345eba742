"""What a single value of a table gives away: identifiers of people and of organisations, names, times, free text.

One value at a time, by its form alone; nothing is looked up. When a column is one of identifiers is decided in
``hubs.judge.identifiers``. What stands in running text is ``personal``.

The few checksums are written out here: python-stdnum is LGPL, and nothing of it but these would be used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from hubs.contract.personal import EMAIL
from hubs.contract.vocabularies import vocabulary
from hubs.yamlfile import read_yaml

LONGEST_TERM_CHARACTERS, MOST_TERM_WORDS = 40, 5
"""A value of a table beyond either is taken for free text."""
_LOOKED_AT_CHARACTERS = 200
"""Of a value. No identifier is longer, and values of hostile feeds are."""


@dataclass(frozen=True)
class Identifier:
    """One form of identifier. ``is_telling``: nothing else looks like it, so a single value is enough; what is not may
    come about by chance, as one ten-digit number in eleven passes for an NHS number.
    """

    label: str
    is_telling: bool


@dataclass(frozen=True)
class _Form:
    identifier: Identifier
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True


def _form(label: str, pattern: str, holds: Callable[[str], bool] = lambda _: True, telling: bool = False) -> _Form:
    return _Form(Identifier(label, telling), re.compile(rf"(?:{pattern})\Z"), holds)


def is_nhs_number(value: str) -> bool:
    """Whether ten digits, apart from spaces and hyphens, have the check digit of an NHS number (modulus 11)."""
    digits = [int(digit) for digit in value if digit.isdecimal()]
    if len(digits) != 10:  # noqa: PLR2004
        return False
    check = 11 - sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return check % 11 == digits[9]  # a check of 10 is given to nobody, and no digit is equal to it


def _is_phone_number(value: str) -> bool:
    import phonenumbers  # takes long to import, and few values ask for it

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, "GB"))
    except phonenumbers.NumberParseException:
        return False


def _is_ip_address(value: str) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    # 1.2.3.4 is far more often the number of a question or a version.
    return address.version == 6 or max(address.packed) > 31  # noqa: PLR2004


_PERSON, _BODY = "names of people", "names of organisations"
_FORMS = (
    # Of people.
    _form("e-mail addresses", r"[^@]+@.+", lambda value: EMAIL.search(value) is not None, telling=True),
    _form("NHS numbers", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", is_nhs_number),
    _form(
        "National Insurance numbers",
        # As HMRC allots them: letters and pairs that are never used at the start, and A to D at the end.
        r"(?i:(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?(?:[0-9]{2}[ -]?){3}[A-D])",
        telling=True,
    ),
    _form("telephone numbers", r"(?=.*[ +()-])(?:\+|\(?0)[0-9 ().-]{8,20}", _is_phone_number, telling=True),
    _form("telephone numbers", r"(?:0|44)[0-9]{9,12}", _is_phone_number),
    _form("postcodes", r"(?i:(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR)[ _-][0-9][ABD-HJLNP-UW-Z]{2})", telling=True),
    _form("postcodes", r"(?i:(?:[A-Z]{1,2}[0-9][A-Z0-9]?|GIR)[0-9][ABD-HJLNP-UW-Z]{2})"),
    # Of organisations.
    _form("web addresses", r"(?i:https?://|www\.).+", telling=True),
    _form(
        "domains of public bodies",
        r"(?i:(?:[a-z0-9-]{1,63}\.)+(?:(?:gov|nhs|ac|sch|police|mod|parliament)\.uk|gov\.wales|llyw\.cymru|gov\.scot))",
        telling=True,
    ),
    _form("IP addresses", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*", _is_ip_address),
    _form("ONS codes", r"(?i:E0[6-9]|E10|E47|E54|W06|W11|S08|S12|N09)[0-9]{6}", telling=True),
    _form("UKPRNs", r"100[0-9]{5}"),
    _form("Companies House numbers", r"(?:0[0-9]|1[0-6])[0-9]{6}|(?:SC|NI|OC|SO|NC|FC|IP|SP|RS|CE|CS|RC)[0-9]{6}"),
    _form("charity numbers", r"1[0-2][0-9]{5}|NIC[0-9]{6}"),
    _form("URNs of schools", r"1[0-5][0-9]{4}"),
    _form("LAESTAB numbers", r"[2-9][0-9]{2}/[0-9]{4}"),
    # Trusts and boards, their sites, and practices. R01 and Q12 are respondents and questions.
    _form("ODS codes", r"[RQ](?=[A-Z0-9]?[A-Z])[A-Z0-9]{2}(?:[A-Z0-9]{2})?|[A-HJ-NP-WY][0-9]{5}"),
)
_LABELLED = re.compile(
    r"(?i:(?:ods|ons|urn|ukprn|laestab|crn|company|charity|nhs|nino?|phone|tel)(?:[ _-]?(?:no|number|code))?)[ :_-]+"
)
"""In front of a number, it says which one it is: urn-123456."""

_RANDOM = re.compile(r"(?:[a-z]{1,5}[-_])?(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{10,}\Z")
"""No identifier mixes so many letters and digits without a break. Nearly all keys are told by this alone."""
_WORDS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")


@cache
def _words(group: str) -> frozenset[str]:
    """Those of ``names.yaml``. Common are also the words of the vocabulary's types, in the singular and the plural."""
    words = {word for line in read_yaml(Path(__file__).with_name("names.yaml"))[group] for word in line.split()}
    if group == "common":
        terms = vocabulary("organisation_types")
        labels = " ".join([text for term in terms for text in (term.en, term.cy, *term.alt)])
        words |= {word.casefold() for word in _WORDS.findall(labels)} | _words("bodies")
        words |= {f"{word}s" for word in words}
    return frozenset(words)


def identified(value: str, with_names: bool = True) -> Identifier | None:
    """What identifier the whole of ``value`` looks like, None for none."""
    if _RANDOM.match(value):
        return None
    text = " ".join(value[:_LOOKED_AT_CHARACTERS].split())
    for form in _FORMS:
        if form.pattern.match(text) and form.holds(text):
            return form.identifier
    if label := _LABELLED.match(text):
        inner = identified(text[label.end() :], with_names=False)
        # A hub of the health service may begin all its random keys with nhs-.
        is_telling = not text.casefold().startswith("nhs")
        return Identifier(inner.label, is_telling or inner.is_telling) if inner else None
    return _named(text) if with_names else None


def _named(text: str) -> Identifier | None:
    words = _WORDS.findall(text)
    if len(words) < 2:  # noqa: PLR2004
        return None
    # Names in prose have capitals; as keys they have hyphens.
    if " " in text and any(word[0].islower() and len(word) > 3 for word in words):  # noqa: PLR2004
        return None
    lower = [word.casefold() for word in words]
    own = [word for word in lower if len(word) > 2 and word not in _words("common")]  # noqa: PLR2004
    if own and not _words("bodies").isdisjoint(lower):
        return Identifier(_BODY, is_telling=False)
    is_person = len(words) <= 4 and not _DIGIT.search(text) and lower[0] in _words("given") | _words("titles")  # noqa: PLR2004
    return Identifier(_PERSON, is_telling=False) if is_person else None


_HEADINGS = {
    _PERSON: r"(?:(?:first|last|full|given|family|middle|respondent|contact|your|user|staff)[ _-]?name|name|surname"
    r"|forename|initials|contact(?: person)?|completed by|respondent|submitted by|enw|cyfenw|line manager)",
    "e-mail addresses": r"(?:.* )?e-?mail(?: address)?|e-?bost",
    "telephone numbers": r"(?:.* )?(?:tele)?phone(?: n(?:o|umber))?|mobile(?: n(?:o|umber))?|ff[oô]n",
    "postcodes": r"(?:.* )?post ?code|cod post",
    "NHS numbers": r"nhs n(?:o|umber)",
    "National Insurance numbers": r"nino?|national insurance(?: n(?:o|umber))?",
    "dates of birth": r"dob|date of birth|birth ?date|dyddiad geni",
    "addresses": r"(?:.* )?(?:home|postal|street) address|address(?: line)? ?[0-9]?|cyfeiriad",
    _BODY: r"(?:name of (?:the )?)?(?:your )?(?:organi[sz]ation|employer|company|council|trust|school|provider"
    r"|authority|body|department|sefydliad)(?: name)?",
    "ODS codes": r"ods(?: code)?|(?:nhs )?(?:trust|practice|site) code",
    "ONS codes": r"ons(?: code)?|gss(?: code)?|(?:la|lad|local authority)(?: ?[0-9]{2})? ?(?:code|cd)",
    "URNs of schools": r"(?:school )?urn",
    "UKPRNs": r"ukprn",
    "LAESTAB numbers": r"laestab(?: number)?|dfe number|estab(?:lishment)? number",
    "Companies House numbers": r"company (?:registration )?n(?:o|umber)|crn",
    "charity numbers": r"(?:registered )?charity n(?:o|umber)",
    "IP addresses": r"ip(?: address)?",
    "web addresses": r"web ?site|url|web address|domain",
}
_HEADINGS_BY_LABEL = [(label, re.compile(rf"(?:{pattern})\Z")) for label, pattern in _HEADINGS.items()]


def heading_of(name: str) -> str | None:
    """What identifiers a column called ``name`` holds by its heading, None where the heading says nothing of it."""
    text = " ".join(re.sub(r"[\s_.:?*-]+", " ", name.casefold()).replace("e mail", "e-mail").split())[:80]
    return next((label for label, pattern in _HEADINGS_BY_LABEL if pattern.match(text)), None)


_DAY = re.compile(
    r".*\b(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|[0-9]{1,2}:[0-9]{2})"
)


def why_withheld(value: str) -> str | None:
    """Why a report does not repeat ``value`` of a table, None where it may: a report, and the store, travel further
    than the feed.
    """
    if len(value) > LONGEST_TERM_CHARACTERS or len(value.split()) > MOST_TERM_WORDS:
        return "free text"
    if found := identified(value):
        return found.label
    return "times finer than the period" if _DAY.match(value) else None
