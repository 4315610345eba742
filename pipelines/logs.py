"""Logs for whoever runs hubpacks: one line an event, for people or, with ``HUBPACKS_LOG=json``, for programs.

An event has a stable name (``EVENTS``) and facts: ids, codes, counts, seconds. Never content, a token, a mailbox or an
address beyond its host: what does not look like one of the former is not written, whoever hands it in. Of an error its
kind and place are written, not its message, which may quote a feed. What is said to whoever types a command is no log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import urlsplit

from pipelines.settings import UnusableSettings

VARIABLE = "HUBPACKS_LOG"
FORMS = ("text", "json")
MOST_FRAMES = 8
HIDDEN = "(hidden)"

EVENTS: dict[str, str] = {
    "run_started": "hubpacks run begins; run is the id that all lines of it have",
    "run_ended": "hubpacks run has ended: the release that readers see, and whether it is new",
    "release_refused": "a release did not pass its own checks; the old one stays",
    "stage_ended": "a stage of the line (pull, judge, consolidate, count, publish) has ended, in so many seconds",
    "stage_failed": "a stage of the line has ended with an error",
    "hub_pulled": "a hub's feed was had",
    "hub_not_pulled": "a hub's feed could not be had; code says why",
    "hub_settled": "a hub's newest feed was judged, and how the hub stands is settled",
    "pull_retried": "a server did not answer as it should, and is asked again",
    "pull_redirected": "a server leads to another address",
    "pull_broke_off": "the pull of one hub broke off by a fault of ours; the others go on",
    "alerts_sent": "alerts were evaluated: how many are open, messages sent, messages that wait",
    "alert_not_sent": "a message could not be sent, and waits",
    "request_answered": "the intake has answered a request",
    "submissions_waiting": "the intake has begun, and submissions wait from before",
    "submission_judged": "a submission was judged",
    "submission_delayed": "a submission could not be judged, and is tried again",
    "submission_without_hub": "a submission waits, because no registration of its hub can be used",
    "judge_broke_off": "the judge of a submission has ended with an error",
    "judge_worker_failed": "what judges submissions has ended with an error, and begins anew",
    "registry_unreadable": "the registry cannot be read again, so the one read before holds",
    "server_said": "what the web server says of itself",
}
"""By name, what has happened. A name never changes its meaning."""

_GOOD = re.compile(r"[A-Za-z0-9/(<_][A-Za-z0-9 _.:,/>()+%<\[\]-]{0,199}")
_LOGGERS = ("hubpacks", "uvicorn")


_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default=MappingProxyType({}))
"""Facts that all events carry, in this thread and what it has begun."""


class Log:
    """What an event is handed to: ``logging``'s logger of that name, for events with facts instead of messages."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **facts: object) -> None:
        """What has happened as it should."""
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """What somebody should know of. An error that is given as ``exc_info`` is told by its kind and place."""
        self._write(logging.WARNING, event, facts)

    def error(self, event: str, **facts: object) -> None:
        """What somebody has to mend; the same of an error."""
        self._write(logging.ERROR, event, facts)

    def _write(self, level: int, event: str, facts: Mapping[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            given = {**_bound.get(), **facts}
            if isinstance(error := given.pop("exc_info", None), BaseException):
                given |= where(error)
            told = {key: _sparing(value) for key, value in given.items()}
            text = " ".join([event, *(f"{key}={_in_words(value)}" for key, value in told.items())])
            self._logger.log(level, text, extra={"event": event, "facts": told})


def get(name: str) -> Log:
    """The log called ``hubpacks.<name>``."""
    return Log(f"hubpacks.{name}")


def bind(**facts: str) -> None:
    """Have all that is logged here from now on carry ``facts``, such as the id of a ``run``."""
    _bound.set({**_bound.get(), **facts})


def bound(name: str) -> str | None:
    """What ``bind`` was last given as ``name``."""
    return _bound.get().get(name)


def carried() -> Callable[[], None]:
    """What a thread of a pool calls first, so that what it logs carries what this one's does."""
    facts = _bound.get()
    return lambda: bind(**facts)


def is_json() -> bool:
    """Whether logs are for programs. Raises UnusableSettings."""
    form = os.environ.get(VARIABLE) or FORMS[0]
    if form not in FORMS:
        raise UnusableSettings(f"{VARIABLE}={form}: write {' or '.join(FORMS)}")
    return form == "json"


def configure(least: int = logging.INFO) -> None:
    """Write what has at least that level to standard error, in the form that the environment asks for. For programs,
    everything from ``INFO`` on. Raises UnusableSettings.
    """
    is_for_programs = is_json()
    handler = _ToStandardError()
    handler.setFormatter(_ForPrograms() if is_for_programs else _ForPeople("%(asctime)s %(levelname)s %(message)s"))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if is_for_programs else least)


def host_of(address: str) -> str:
    """What of an address may be logged."""
    try:
        return urlsplit(address).hostname or HIDDEN
    except ValueError:
        return HIDDEN


def where(error: BaseException) -> dict[str, str]:
    """Of what kind the error is and where it was raised, innermost last: all that may be logged of it."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return {"error": type(error).__name__} | ({"place": places} if places else {})


def _sparing(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3)
    text = str(value)
    return text if _GOOD.fullmatch(text) and "://" not in text else HIDDEN


def _in_words(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) and " " in value else str(value)


class _ToStandardError(logging.Handler):
    """Writes to what standard error is when the line is written: others put something else in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # whoever read it has gone; the run goes on
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()


class _ForPeople(logging.Formatter):
    """A line in words. Exceptions say where, and not what."""

    def formatException(  # noqa: N802 - the name is logging's
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return " ".join(where(ei[1]).values()) if ei[1] else ""


class _ForPrograms(logging.Formatter):
    """A JSON object: time, level, logger, event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts: Mapping[str, Any] = getattr(record, "facts", {"text": _sparing(record.getMessage())})
        if record.exc_info and record.exc_info[1]:
            facts = {**facts, **where(record.exc_info[1])}
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", "server_said"),
        }
        return json.dumps({**told, **facts}, ensure_ascii=False)
