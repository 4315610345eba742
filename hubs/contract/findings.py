"""What the judge may say: one table of stable codes, each with severity, reason, mend and who has to act.

A finding is data, never an exception. A new rule adds a line to ``CODES``; a published code never changes meaning.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MAX_VALUE_CHARACTERS = 120
"""A finding shows this much of an offending value; a value is a pointer, not a copy of the content."""


class Severity(StrEnum):
    """``error``: the record (or the feed) cannot be accepted. ``warning``: accepted, but readers lose something.
    ``note``: worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """The worst first, for sorting."""
        return list(Severity).index(self)


class Who(StrEnum):
    """Who has to act."""

    EDITOR = "hub editor"
    TECHNICAL = "hub technical contact"
    CCS = "CCS"


@dataclass(frozen=True)
class Code:
    """The meaning of a code. ``scope``: what one such error stops (``feed``, ``file``, ``record``). ``mend`` is said to
    the hub, ``operator`` to CCS, of what stops a feed; HUB stands there for the hub's id.
    """

    severity: Severity
    scope: str
    who: Who
    why: str
    mend: str
    operator: str = "Send the hub its report."


def _error(why: str, mend: str, who: Who = Who.EDITOR, scope: str = "record", operator: str = Code.operator) -> Code:
    return Code(Severity.ERROR, scope, who, why, mend, operator)


def _warning(why: str, mend: str, who: Who = Who.EDITOR, scope: str = "record") -> Code:
    return Code(Severity.WARNING, scope, who, why, mend)


def _note(why: str, mend: str, who: Who = Who.EDITOR, scope: str = "record") -> Code:
    return Code(Severity.NOTE, scope, who, why, mend)


CODES: dict[str, Code] = {
    # The feed as a whole.
    "empty_feed": _error(
        "The feed holds no record that can be accepted.",
        "Check that the address and the file patterns still lead to your content.",
        Who.TECHNICAL,
        "feed",
    ),
    "unusable_registration": _error(
        "The hub's registration cannot be read any more, so its feed was not pulled.",
        "Run hubpacks registry check and mend what it names.",
        Who.CCS,
        "feed",
        operator="Run hubpacks registry check, and mend what it names.",
    ),
    "unreachable_feed": _error(
        "The feed's address did not answer, or broke off.",
        "Check that the server is up. Each run tries again.",
        Who.TECHNICAL,
        "feed",
        operator="Nothing at first: it is tried again at each pull. If it lasts, tell the hub.",
    ),
    "address_refused": _error(
        "The feed's address says no: not found, gone, or no permission.",
        "Correct the address in the registration, or renew the token it names.",
        Who.TECHNICAL,
        "feed",
        operator="Nothing at first: it is tried again at each pull. If it lasts, tell the hub.",
    ),
    "forbidden_address": _error(
        "The feed's address leads to a place that hubpacks may not visit.",
        "Use a public address over https. If the hub's server is inside your own network, set private_address: true.",
        Who.CCS,
        "feed",
        operator="If the server is inside your own network, set private_address: true in the registration.",
    ),
    "pull_failed": _error(
        "The pull of the feed broke off; the fault is ours.",
        "Nothing is wrong that the hub could know of. Look into the log, and mend what it names.",
        Who.CCS,
        "feed",
        operator="Look into the log of the run, and mend what it names.",
    ),
    "hub_gone": _error(
        "The feed's address has said no, or has not answered, for days.",
        "Ask the hub where its feed is now, and correct its registration.",
        Who.CCS,
        "feed",
        operator="Ask the hub where its feed is now, and correct the registration.",
    ),
    "partial_feed": _error(
        "Only a part of the feed could be had, and a part is no feed.",
        "Publish all files, with the sizes and hashes that the manifest gives. Each run tries again.",
        Who.TECHNICAL,
        "feed",
        operator="Nothing at first: it is tried again at each pull. If it lasts, tell the hub.",
    ),
    "wrong_signature": _error(
        "The hub signs its feeds, and this one is not signed, or not by its key.",
        "Sign the feed again with hubpacks sign. If your key is new, tell CCS by a way they know to be yours.",
        Who.TECHNICAL,
        "feed",
        operator="Change no key. Ask the hub, by a way you know to be theirs, whether it has a new one.",
    ),
    # A good feed that changes so much that the hub has to confirm it.
    "feed_shrank": _error(
        "Much of what the hub's last good feed had is missing.",
        "If that is meant, give CCS the reason, and they let it through. Otherwise publish the whole feed again.",
        scope="feed",
        operator="Ask the hub. If it is meant: hubpacks confirm HUB --reason WHY",
    ),
    "feed_cut_short": _error(
        "The feed ends early: whole files, or the ends of files, are missing and the rest is as before.",
        "Export and publish the feed again. If it is meant, give CCS the reason, and they let it through.",
        Who.TECHNICAL,
        "feed",
        operator="Ask the hub to export it again. If it is meant after all: hubpacks confirm HUB --reason WHY",
    ),
    "feed_rekeyed": _error(
        "Records that were published come again under other ids.",
        "Give them their old ids back, or ask CCS to let the feed through: readers keep the ids they know.",
        Who.TECHNICAL,
        "feed",
        operator="Ask the hub to keep its ids. If it cannot: hubpacks confirm HUB --reason WHY; readers keep theirs.",
    ),
    "feed_went_back": _error(
        "An older feed came again after a newer one, as a cache or a second server may give it.",
        "Clear the cache. If going back is meant, give CCS the reason, and they let it through.",
        Who.TECHNICAL,
        "feed",
        operator="Ask the hub to clear its cache. If it means to go back: hubpacks confirm HUB --reason WHY",
    ),
    "nothing_submitted": _error(
        "The hub sends its feed through the intake, and has sent none that could be accepted.",
        "Sign in to the intake with the hub's token and submit a feed, or run hubpacks submit.",
        scope="feed",
        operator="Remind the hub to submit its feed.",
    ),
    "not_a_feed": _error(
        "This is not a feed: it has neither a datapackage.json, nor a workbook, nor files that the mapping reads.",
        "Open the address in a browser without logging in. If you see a log-in or error page, so do we.",
        Who.TECHNICAL,
        "feed",
        operator="Ask the hub to open the address in a browser without logging in.",
    ),
    "hopeless_feed": _error(
        "More than half of the feed's records have errors, so none of it is used.",
        "Mend the errors listed below, the commonest first, and publish again.",
        scope="feed",
    ),
    "wrong_hub": _error(
        "This feed says it is another hub's.",
        "Send it under that hub's name, or correct hubpacks.hub in datapackage.json (the hub row of a cover sheet).",
        Who.TECHNICAL,
        "feed",
    ),
    "old_submission": _error(
        "This feed was sent before, and another one has been sent since.",
        "Send your newest feed. If the old content is meant to come back, change a date or a word in it first.",
        Who.TECHNICAL,
        "feed",
    ),
    "unreadable_manifest": _error(
        "datapackage.json cannot be read as a Data Package descriptor.",
        "Check it with a JSON validator; every resource needs a name, a path and a kind.",
        Who.TECHNICAL,
        "feed",
    ),
    "unsupported_contract": _error(
        "The feed follows a version of the contract that is not known here.",
        "Set hubpacks.contract to a supported version in datapackage.json.",
        Who.TECHNICAL,
        "feed",
    ),
    "mapping_expectation_failed": _error(
        "The source has changed: it no longer looks as its mapping says it must.",
        "Compare the source with the mapping's expect: lines, then change the mapping or restore the source.",
        Who.TECHNICAL,
        "feed",
    ),
    # A file.
    "missing_file": _error(
        "The manifest lists this file, but it is not in the feed.",
        "Add the file or take it out of datapackage.json.",
        Who.TECHNICAL,
        "file",
    ),
    "unreadable_file": _error(
        "The file cannot be read as what it claims to be.",
        "Open it in the program it was made with and save it again in the format its name promises.",
        Who.EDITOR,
        "file",
    ),
    "protected_file": _error(
        "The file is protected by a password, so nobody here can read it.",
        "Save it without a password.",
        Who.EDITOR,
        "file",
    ),
    "formula_cells": _note(
        "The workbook holds formulas. Nothing is worked out here: each cell was read as it was last shown.",
        "Nothing, if the values are right. Otherwise open the workbook, let it calculate, and save it again.",
        Who.EDITOR,
        "file",
    ),
    "macros_not_run": _warning(
        "The workbook holds macros. They are not run, and a reader may take them for harmful.",
        "Save the workbook in a format without macros, as ODS or XLSX.",
        Who.EDITOR,
        "file",
    ),
    "names_alike": _warning(
        "Two files have names that differ only in capitals: on many computers one overwrites the other.",
        "Rename one of them.",
        Who.TECHNICAL,
        "file",
    ),
    "wrong_encoding": _warning(
        "The file is not UTF-8, so accented letters may have come out wrong.",
        "Save the file as UTF-8.",
        Who.EDITOR,
        "file",
    ),
    "unsafe_path": _error(
        "A path in the feed leads out of it, is a link, or appears twice.",
        "Pack the files again with plain relative paths.",
        Who.TECHNICAL,
        "feed",
    ),
    "too_large": _error(
        "The feed, or one file of it, is larger than the contract allows.",
        "Split it, or take out what readers do not need.",
        Who.TECHNICAL,
        "feed",
    ),
    "judge_gave_up": _error(
        "Judging the feed took more time, memory or disk than is allowed, so it was ended.",
        "Send less at once, or take apart what is nested, repeated or packed very tightly.",
        Who.TECHNICAL,
        "feed",
    ),
    "judge_failed": _error(
        "The judge broke off; the fault is ours.",
        "Nothing is wrong with your feed that you could know of. Tell CCS, and send it again later.",
        Who.CCS,
        "feed",
    ),
    "unmapped_file": _warning(
        "No source of the registration takes this file, so nothing was read from it.",
        "Add it to a source, or list it under skip: with the reason.",
        Who.TECHNICAL,
        "file",
    ),
    "no_records_in_file": _warning(
        "The file was read, but no record was found in it.",
        "Check that its headings, rows or sheets are as the mapping expects, or skip it with a reason.",
        Who.EDITOR,
        "file",
    ),
    "unreadable_front_matter": _error(
        "The block of settings between the --- lines is not valid YAML.",
        "Put values with a colon or a quotation mark inside quotation marks.",
    ),
    # A document.
    "missing_id": _error("The record has no identifier.", "Give it a short id that never changes."),
    "invalid_id": _error(
        "An id may hold lower-case letters, digits, dots, hyphens and underscores, at most 120 of them.",
        "Change the id before its first publication; afterwards ask CCS to map it.",
    ),
    "duplicate_id": _error("Two records of the feed have the same id.", "Give each record an id of its own."),
    "missing_title": _error("Readers find records by their title, and this has none.", "Add a title."),
    "missing_summary": _error("The record has no summary.", "Add one or two sentences that say what was gained."),
    "missing_body": _error("The record has no text.", "Write the context, approach, outcome and lessons."),
    "missing_question": _error("The record has no question.", "Add the question as a reader would ask it."),
    "missing_answer": _error("The question has no answer.", "Write the answer, or skip drafts in the mapping."),
    "missing_term": _error("The entry does not say which term it explains.", "Add the term."),
    "missing_definition": _error("The term has no definition.", "Add what it means, in plain language."),
    "missing_source": _error("Nothing says where the definition comes from.", "Name its source, or your own body."),
    "missing_address": _error("The signpost leads nowhere.", "Add the web address."),
    "missing_publisher": _error("Nothing says whose it is.", "Name the body that publishes it."),
    "missing_signpost_type": _error(
        "Nothing says what readers find there.",
        "Add signpost_type: code_of_practice, standard, guidance or policy.",
    ),
    "missing_clause": _error(
        "The requirement has no text that a buyer could copy.", "Add the model clause or the specification."
    ),
    "missing_evaluation": _error(
        "Nothing says how to evaluate a bid against the requirement.",
        "Add it as evaluation, or under the heading 'How to evaluate a bid'.",
    ),
    "missing_verification": _error(
        "Nothing says how to check the requirement in the contract's life.",
        "Add it as verification, or under the heading 'How to check it during the contract'.",
    ),
    "missing_sector": _error("No sector says who can use this.", "Add at least one sector of the vocabulary."),
    "missing_audience": _error("No audience is named.", "Add decision_maker, procurement_professional or both."),
    "missing_technology_type": _warning(
        "Without a technology type the record appears in fewer packs.", "Add technology types of the vocabulary."
    ),
    "missing_licence": _error(
        "Without an open licence nothing may be published.",
        "Add a licence to the record or a default licence to the registration.",
    ),
    "missing_language": _error("The language is not stated.", "Add language: en or cy."),
    "missing_date": _warning(
        "Without a date readers cannot see how old this is.", "Add the date of publication (year-month-day)."
    ),
    "missing_organisations": _note(
        "The study names no organisation that took part.", "Name them, so that readers can ask them."
    ),
    "missing_standards": _note(
        "No standard or code of practice is named.", "Name those that were used, if there were any."
    ),
    "missing_contact": _note("Readers have nobody to ask.", "Add a role mailbox or a page as contact."),
    "missing_field": _error("A required field is missing.", "Add the field."),
    "missing_sections": _note(
        "The text lacks some of the headings Context, Approach, Outcome and Lessons.",
        "Use these four headings: readers compare studies by them.",
    ),
    "unknown_sector": _error("Not a sector of the vocabulary.", "Use a listed sector, or map yours to one."),
    "unknown_technology_type": _error(
        "Not a technology type of the vocabulary.", "Use a listed technology type, or map yours to one."
    ),
    "unknown_audience": _error("Not an audience of the vocabulary.", "Use decision_maker or procurement_professional."),
    "unknown_language": _error("Not a language of the contract.", "Use en or cy."),
    "unknown_signpost_type": _error(
        "Not a kind of signpost in the vocabulary.", "Use code_of_practice, standard, guidance or policy."
    ),
    "invalid_address": _error(
        "Not a web address that anybody can follow.",
        "Write it from https:// on, without spaces, user name or password.",
    ),
    "closed_licence": _error(
        "The licence is unknown or not open, so the record may not be published.", "Publish it under an open licence."
    ),
    "unknown_translation": _warning(
        "translation_of names a record that is not in the feed.", "Give the id of the original record."
    ),
    "invalid_date": _error("Not a date that can be read for certain.", "Write dates as year-month-day: 2026-03-31."),
    "date_in_future": _warning("The date lies in the future.", "Correct the date."),
    "unknown_field": _warning(
        "The contract has no such field, so it is not published.", "Check the spelling, or take the field out."
    ),
    "invalid_value": _error("The value does not fit the field.", "Correct the value."),
    "too_long": _error("Longer than the contract allows.", "Shorten it."),
    "too_many_values": _error("More values than the contract allows.", "Keep the ones that matter."),
    "contact_masked": _warning(
        "An e-mail address or telephone number stands in the text; it will be masked when published.",
        "Use the contact field for a role mailbox, and take personal details out of the text.",
    ),
    "text_left_out": _warning(
        "Part of the text has no field to go to, so it is not published.",
        "Put it under one of the headings of its kind, or take it out of the front matter or of the body.",
    ),
    "active_html": _warning(
        "The text holds HTML that runs, loads or asks for something; it is left out when the text is published.",
        "Write the text in plain Markdown.",
    ),
    "template_code": _warning(
        "The text holds code of a site generator ({{ }} or {% %}), which was left out.",
        "Replace the code by what it would show.",
    ),
    "value_left_out": _note(
        "The mapping leaves this value out: the vocabulary has nothing like it.",
        "Nothing, if that is right. Otherwise give the value a place in the mapping.",
        Who.TECHNICAL,
    ),
    "skipped_draft": _note("Marked as a draft, so not read.", "Nothing, if that is right."),
    # A withdrawal.
    "missing_reason": _error("The withdrawal gives no reason.", "Say why, for the readers who come to its page."),
    "missing_withdrawal_date": _error(
        "The withdrawal does not say from when.", "Add the date on which it was withdrawn (year-month-day)."
    ),
    "unknown_successor": _warning(
        "successor names a record that the feed does not have.", "Give the id of a record of this feed, or none."
    ),
    "withdrawn_record": _note(
        "The record is withdrawn, so it is not published although it is still in the feed.",
        "Take it out of the feed when you like.",
    ),
    # A return.
    "missing_column": _error(
        "A column that every return needs is missing.",
        "Add the column, or name it in the mapping.",
        Who.TECHNICAL,
        "file",
    ),
    "identifying_column": _error(
        "A column of a return holds identifiers of people or organisations, so nobody could call it anonymised.",
        "Replace them by random keys, new in each period, and send the feed again. Nothing of it is used.",
        Who.TECHNICAL,
        "feed",
    ),
    "identifying_column_left_out": _warning(
        "A column outside the contract holds identifiers of people or organisations. It was not judged or kept.",
        "Take the column out of the feed, so that nobody gets it who need not have it.",
        Who.TECHNICAL,
        "file",
    ),
    "keys_in_sequence": _warning(
        "The keys are numbers in a row. Given in the order of a list, they tell whoever has the list whose they are.",
        "Make random keys, or shuffle the organisations before they are numbered.",
        Who.TECHNICAL,
        "file",
    ),
    "small_population": _warning(
        "The register has fewer than 5 organisations like this one, so its region, or region and size, was left out.",
        "Nothing, if the register is complete. Otherwise add the organisations that it lacks.",
    ),
    "population_too_small": _error(
        "The register has fewer than 5 organisations of this type, whatever their size and region.",
        "Use a wider type, or add to the register the organisations that it lacks.",
    ),
    "small_sample": _note(
        "Few organisations of one type, size and region answered, or all of them gave one answer.",
        "Name a register of organisations in the registration: then it is measured how many there are.",
        Who.CCS,
        "file",
    ),
    "column_not_allowed": _warning(
        "Returns may hold only the contract's columns; this one was not read, judged or counted.",
        "Take the column out: free text and details can identify an organisation.",
    ),
    "missing_value": _error("A value that every answer needs is missing.", "Fill it in, or use not_stated."),
    "invalid_key": _error(
        "Keys must be random: 8 to 64 letters, digits, hyphens or underscores, no names.", "Make new random keys."
    ),
    "invalid_period": _error("Not a period.", "Write a year (2026) or a quarter (2026-Q3)."),
    "unknown_instrument": _error("Not a self-assessment that is known here.", "Use the id of a published instrument."),
    "unknown_question": _error(
        "The instrument asks no such question of this audience.", "Use the question ids of the instrument."
    ),
    "unknown_organisation_type": _error("Not an organisation type of the vocabulary.", "Use a listed type."),
    "unknown_size_band": _error("Not a size band of the vocabulary.", "Use a listed band."),
    "unknown_region": _error("Not a region of the vocabulary.", "Use a listed region."),
    "level_out_of_range": _error("A level is a whole number from 0 to 5, or na.", "Correct the level."),
    "duplicate_answer": _error(
        "The same respondent answers the same question twice in one period.", "Keep one answer of each."
    ),
    "conflicting_organisation": _warning(
        "An organisation key has different types, sizes, regions or sectors in one period; the first is used.",
        "Use one key an organisation, and describe it alike on every row.",
    ),
}
"""Every code the judge may use. Listed in docs/reference by a test."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a feed, with where it is.

    ``row`` counts from 1 at the first line of data (the header is not counted). ``count`` is how many records or
    rows are alike; ``rows`` then gives the first few of them. ``detail`` adds what the code alone cannot say.
    """

    code: str
    file: str | None = None
    record: str | None = None
    field: str | None = None
    value: str | None = None
    row: int | None = None
    count: int = 1
    rows: tuple[int, ...] = ()
    detail: str | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(f"no such finding code: {self.code}")
        if self.value is not None and len(self.value) > MAX_VALUE_CHARACTERS:
            object.__setattr__(self, "value", self.value[: MAX_VALUE_CHARACTERS - 1] + "…")

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CODES[self.code].severity

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain types, the code's meaning included; empty entries are left out."""
        code = CODES[self.code]
        data = {k: v for k, v in asdict(self).items() if v not in (None, ())}
        return data | {"severity": code.severity.value, "why": code.why, "mend": code.mend, "who": code.who.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """The finding that ``to_dict`` wrote."""
        names = cls.__dataclass_fields__
        known: dict[str, Any] = {name: value for name, value in data.items() if name in names}
        return cls(**known | {"rows": tuple(data.get("rows", ()))})
