"""Alerts: what is wrong or waits (``conditions``), who is told of it and when (``deciding``), in which words
(``words``), and that it arrives (``outbox``, over ``pipelines.post``).

They follow from the state of store and public folder alone, so whoever calls ``alert`` (the end of a run, a command, a
sensor) tells the same. Layout in the store:

``alerts/told.json``    what each recipient was told (``memory``)
``alerts/outbox/``      messages that are to be sent
``alerts/sent.json``    how many attempts were sent and failed, for metrics
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_exponential

from hubs.registration import Registration
from pipelines.alerts import words
from pipelines.alerts.codes import ALERTS, Alert, Weight
from pipelines.alerts.conditions import Condition, conditions
from pipelines.alerts.deciding import News, Told, decide
from pipelines.alerts.memory import Memory, recipient
from pipelines.alerts.outbox import Outbox, Unsent, new_id
from pipelines.alerts.settings import Settings, read_settings
from pipelines.line import Line
from pipelines.post import NotSent, Refused, Unavailable, webhook
from pipelines.post.mail import Conversation, Letter

__all__ = [
    "ALERTS",
    "Alert",
    "Alerted",
    "Condition",
    "Outbox",
    "Planned",
    "Settings",
    "Weight",
    "alert",
    "conditions",
    "folder_of",
    "plan",
    "prove",
    "read_settings",
]

HUB = "hub"
MAIL, WEBHOOK = "mail", "webhook"
AT_ONCE = 200
"""Messages that one call sends at most; the rest waits for the next, so that a mail server is not taken by storm."""
ATTEMPTS, FIRST_WAIT_SECONDS, PATIENCE_SECONDS = 3, 0.5, 5.0
"""In one call. Whoever has not answered by then is tried again at a later one."""
MOST_FAILURES = 5
"""In a row, after which the rest of a channel's messages waits: the server is down, and not one mailbox."""


@dataclass(frozen=True)
class Planned:
    """A message that would be written: to whom, and what."""

    recipient: str
    address: str
    subject: str
    body: str


@dataclass(frozen=True)
class Alerted:
    """What came of it: what is wrong or waits, how many messages were sent and how many wait, and why those were not
    sent, in words that name nobody.
    """

    conditions: tuple[Condition, ...]
    sent: int
    unsent: int
    failures: tuple[str, ...]


@dataclass(frozen=True)
class _Recipient:
    """Somebody who is told: by which channel, where, and of which conditions."""

    channel: str
    address: str
    registration: Registration | None = None

    @property
    def name(self) -> str:
        """What the memory calls it."""
        return f"{HUB}:{self.registration.id}" if self.registration else recipient(self.channel, self.address)

    def hears(self, condition: Condition) -> bool:
        return self.registration is None or (condition.is_for_hub and condition.hub == self.registration.id)


def folder_of(line: Line) -> Path:
    """Where alerts keep what they have to."""
    return line.store.root / "alerts"


def alert(line: Line, now: datetime, settings: Settings) -> Alerted:
    """Tell everybody what there is to tell at ``now``, and send what has waited.

    What is decided is kept before it is sent, in one step. Killed at any moment, nothing is lost. Without any way to
    send, nothing is kept. Raises files.Busy when somebody else is at it, UnusableSettings, files.Damaged, OSError; a
    message that cannot be sent raises nothing.
    """
    if not settings.is_sending:
        return Alerted(tuple(conditions(line, now, settings)), 0, 0, ())
    post = _Post(settings)
    with line.store.locked("alerts"):
        root, recipients = folder_of(line), _recipients(line, settings)
        memory, outbox = Memory.read(root), Outbox(root)
        outbox.recover(memory.generation, now)
        for unsent in outbox.waiting():
            if unsent.recipient not in recipients:
                outbox.drop(unsent)
        sent, failures = _send(outbox, recipients, post, now)
        found = conditions(line, now, settings)
        told, news = _decided(memory, outbox, recipients, found, now, settings=settings)
        generation = memory.generation + bool(news)
        written = [
            _written(line, recipients[name], what, now, settings, generation=generation) for name, what in news.items()
        ]
        for unsent in written:
            outbox.add(unsent)
        if written or told != memory.told:
            Memory(generation, told).write(root)
        if written:
            more, other = _send(outbox, recipients, post, now)
            sent, failures = sent + more, [*failures, *other]
        return Alerted(tuple(found), sent, len(outbox.waiting()), tuple(dict.fromkeys(failures)))


def plan(line: Line, now: datetime, settings: Settings) -> tuple[list[Condition], list[Planned]]:
    """What ``alert`` would find and write now. Nothing is sent or kept."""
    root, recipients = folder_of(line), _recipients(line, settings)
    found = conditions(line, now, settings)
    _, news = _decided(Memory.read(root), Outbox(root), recipients, found, now, settings=settings)
    written = [_written(line, recipients[name], what, now, settings) for name, what in news.items()]
    return found, [Planned(one.recipient, recipients[one.recipient].address, one.subject, one.body) for one in written]


def prove(line: Line, now: datetime, settings: Settings) -> list[tuple[str, str | None]]:
    """Send each of the operator's recipients a test message. By address, why it could not be sent, None when it was."""
    post = _Post(settings)
    results: list[tuple[str, str | None]] = []
    head, text, document = words.test_message(line.address, now)
    with post:
        for name, to in _recipients(line, settings).items():
            if to.registration is None:
                failure = None
                try:
                    post.send(Unsent(new_id(), name, now, head, text, document, 0), to, now)
                except NotSent as error:
                    failure = str(error)
                results.append((to.address, failure))
    return results


def _recipients(line: Line, settings: Settings) -> dict[str, _Recipient]:
    """Everybody who is told, by the name that the memory has for them."""
    found: list[_Recipient] = []
    if settings.smtp:
        found += [_Recipient(MAIL, address) for address in settings.to]
    if settings.webhook:
        found.append(_Recipient(WEBHOOK, settings.webhook))
    if settings.smtp and settings.hubs:
        for registration in line.registry.hubs.values():
            address = registration.data_contact.email or registration.owner.email
            # Samples have the mailboxes of nobody; and who has left has nothing to mend.
            if address and not registration.sample and not registration.retired:
                found.append(_Recipient(MAIL, address, registration))
    return {to.name: to for to in found}


def _decided(
    memory: Memory,
    outbox: Outbox,
    recipients: Mapping[str, _Recipient],
    found: Sequence[Condition],
    now: datetime,
    *,
    settings: Settings,
) -> tuple[dict[str, Told], dict[str, News]]:
    """What each recipient knows then, and the news for those for whom there are any."""
    waiting = {unsent.recipient for unsent in outbox.waiting()}
    of_hubs: dict[str | None, list[Condition]] = {}
    for condition in found:
        of_hubs.setdefault(condition.hub, []).append(condition)
    told, news = {}, {}
    for name, to in recipients.items():
        mine = found if to.registration is None else of_hubs.get(to.registration.id, [])
        # That messages wait is no news to who would get them.
        heard = [c for c in mine if to.hears(c) and not (c.code == "alerts_unsent" and c.subject == name)]
        knew = memory.told.get(name, Told())
        knows, what = decide(knew, heard, now, settings, is_waiting=name in waiting)
        if knows != Told():
            told[name] = knows
        if what is not None:
            news[name] = what
    return told, news


def _written(
    line: Line, to: _Recipient, news: News, now: datetime, settings: Settings, *, generation: int = 0
) -> Unsent:
    if to.registration is None:
        head, text = words.subject(news), words.body(news, line.address, now, settings)
    else:
        head, text = words.letter(news, to.registration)
    document = words.document(news, line.address, now, head)
    return Unsent(new_id(), to.name, now, head, text, document, generation)


class _Post:
    """The ways by which messages go."""

    def __init__(self, settings: Settings) -> None:
        """Raises UnusableSettings."""
        self._settings, self._hook = settings, settings.hook()
        server = settings.server()
        self._conversation = Conversation(server) if server else None

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._conversation is not None:
            self._conversation.__exit__(None, None, None)

    def send(self, unsent: Unsent, to: _Recipient, now: datetime) -> None:
        """Send one message, with patience for what passes in seconds. Raises post.NotSent."""
        for attempt in Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(PATIENCE_SECONDS),
            wait=wait_exponential(FIRST_WAIT_SECONDS),
            reraise=True,
        ):
            with attempt:
                self._send(unsent, to, now)

    def _send(self, unsent: Unsent, to: _Recipient, now: datetime) -> None:
        if to.channel == WEBHOOK and self._hook is not None:
            document = {"id": unsent.id} | dict(unsent.document)
            webhook.send(self._hook, unsent.id, json.dumps(document, ensure_ascii=False).encode(), now)
        elif to.channel == MAIL and self._conversation is not None and self._settings.sender is not None:
            letter = Letter(unsent.id, self._settings.sender, to.address, unsent.subject, unsent.body, unsent.written)
            try:
                self._conversation.send(letter)
            except ValueError as error:  # a mailbox that the settings or a registration should not have
                raise Refused(f"the mailbox of {to.name} cannot be used") from error


def _send(outbox: Outbox, recipients: Mapping[str, _Recipient], post: _Post, now: datetime) -> tuple[int, list[str]]:
    """Send what is due. How many were sent, and why others were not."""
    failures: list[str] = []
    counts: Counter[tuple[str, str]] = Counter()
    in_a_row: Counter[str] = Counter()
    due = [unsent for unsent in outbox.waiting() if unsent.due is None or unsent.due <= now]
    try:
        with post:
            for unsent in due[:AT_ONCE]:
                to = recipients[unsent.recipient]
                if in_a_row[to.channel] >= MOST_FAILURES:
                    continue
                outbox.begin(unsent)
                try:
                    post.send(unsent, to, now)
                except NotSent as error:
                    failures.append(str(error))
                    counts[to.channel, "failed"] += 1
                    in_a_row[to.channel] += 1
                    outbox.keep(unsent.failed(str(error), now, is_final=isinstance(error, Refused)))
                else:
                    counts[to.channel, "sent"] += 1
                    in_a_row[to.channel] = 0
                    outbox.sent(unsent)
    finally:
        for (channel, outcome), number in counts.items():
            outbox.count(channel, outcome, number)
    return sum(number for (_, outcome), number in counts.items() if outcome == "sent"), failures
