"""Commands that pull and judge: run, status, replay, confirm; and how hubs and the outcome of a run are printed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.common import (
    FINDINGS,
    AddressFlag,
    JsonFlag,
    KeyFlag,
    PublishFlag,
    RegistryFlag,
    StoreFlag,
    app,
    mirror_now,
    mirror_told,
    moment_of_run,
    opened_line,
    own_mirror,
    print_mirrored,
    stop,
    stop_unknown,
    tell,
)
from pipelines.settings import PLACEHOLDER, UnusableSettings, signing_key

if TYPE_CHECKING:
    from pipelines.candidates import Candidate
    from pipelines.edition import HubState, WaveTold
    from pipelines.line import Line
    from pipelines.logs import Log
    from pipelines.releasing import Outcome

MAX_HELD_SHOWN = 20
MAX_EVENTS_SHOWN = 10


@app.command(epilog="Example: hubpacks run --registry my-registry --publish /srv/packs")
def run(
    context: typer.Context,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    key: KeyFlag = None,
    *,
    address: AddressFlag = None,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Publish nothing: leave a candidate that waits for hubpacks approve.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option(help="Place in an object store that then gets a copy, as s3://bucket/folder.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Pull, consolidate and publish once; print a summary of each hub and the release's id."""
    moment = moment_of_run()  # numpy, which the line brings, falls over an unusable one
    from pipelines.line import standings
    from pipelines.publish import ReleaseRefused, latest
    from pipelines.releasing import run as run_line

    line = opened_line(registry, store, publish, signing_key(key), address)
    if line.address == PLACEHOLDER:
        typer.echo(f"metadata name the placeholder {PLACEHOLDER}: give the site's address with --address", err=True)
    bucket = own_mirror(mirror)
    _alert_at_the_end(context, line)
    log = _begin_to_log()
    try:
        outcome = run_line(line, moment, tell, to_publish=not candidate)
    except ReleaseRefused as error:
        log.error("release_refused")
        _print_hubs(_with_warnings(standings(line), line))
        stays = ", the old one stays" if latest(line.public) else ""
        typer.echo(f"\nhubpacks: release refused{stays}: {error}", err=True)
        raise typer.Exit(FINDINGS) from error
    log.info("run_ended", release=outcome.release, is_new=outcome.is_new, hubs=len(outcome.hubs))
    if not as_json:
        _print_summary(outcome, line)
    mirrored = mirror_now(line.public, bucket, is_in_run=True) if bucket else None
    if as_json:
        told = _summary(outcome, line) | mirror_told(bucket, mirrored)
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    elif mirrored:
        print_mirrored(mirrored)
    if outcome.problems or (bucket and mirrored is None):
        raise typer.Exit(FINDINGS)


def _begin_to_log() -> Log:
    """Log for programs if they are to read it; for people, what a run shows is enough until something is wrong."""
    from pipelines import logs, runs

    logs.configure(logging.WARNING)
    runs.new_run()
    log = logs.get("run")
    log.info("run_started")
    return log


@app.command(epilog="Example: hubpacks status health --json")
def status(
    hub: Annotated[str | None, typer.Argument(help="One hub; all of them when absent.")] = None,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how each hub stands: state, since when, why, and what its newest feed was made of."""
    from pipelines.line import standings

    line = opened_line(registry, store, None, reads_only=True)
    if hub:
        _known(line, hub)
    states = [state for state in standings(line) if hub in (None, state.id)]
    plain = [_plain_state(state) | _for_the_hub(line, state.id) for state in states]
    if as_json:
        typer.echo(json.dumps(plain, indent=1, ensure_ascii=False))
        return
    for state in states:
        since = f" since {state.since:%-d %B %Y}" if state.since else ""
        typer.echo(f"{state.id}: {state.state.value.replace('_', ' ')}{since}")
    typer.echo("")
    _print_hubs(plain, is_full=hub is not None)
    if hub:
        _print_events(plain[0]["events"])
        _print_score(None if states[0].state == "retired" else plain[0]["score"])
        if plain[0]["quarantine"]:
            typer.echo("\nIn quarantine, the oldest first:")
            _print_held(plain[0]["quarantine"])


@app.command(epilog="Example: hubpacks replay --all")
def replay(
    hub: Annotated[str | None, typer.Argument(help="The hub whose newest feed is judged again.")] = None,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    *,
    of_all: Annotated[bool, typer.Option("--all", help="All hubs, as after an upgrade.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Judge newest feeds again under today's rules and mappings, without asking hubs to send them again. Readers see
    what comes of it with the next release.
    """
    from pipelines.line import replay as replay_hub

    if (hub is None) != of_all:
        stop("name a hub, or give --all")
    line = opened_line(registry, store, None)
    if hub is not None:
        _known(line, hub)
    now, told = datetime.now(UTC), []
    for name in [hub] if hub is not None else line.registry.hubs:
        result = replay_hub(line, name, now)
        held = [entry.to_dict(now) for entry in result.held]
        told.append(
            {
                "hub": name,
                "state": result.state.state,
                "rules_before": result.rules_before,
                "rules": result.rules,
                "freed": list(result.freed),
                "freed_answers": result.freed_answers,
                "held": held,
            }
        )
        if as_json:
            continue
        typer.echo(f"{name}: {result.state.state.value.replace('_', ' ')}; judged under rules {result.rules}")
        typer.echo(f"  accepted now: {len(result.freed):,} records, {result.freed_answers:,} answers")
        for id in result.freed:
            typer.echo(f"  - {id}")
        typer.echo(f"  still in quarantine: {len(held):,}")
        _print_held(held)
    if as_json:
        typer.echo(json.dumps({"hubs": told} if of_all else told[0], indent=1, ensure_ascii=False))
    if any(one["held"] for one in told):
        raise typer.Exit(FINDINGS)


@app.command(epilog='Example: hubpacks confirm health --reason "The hub has moved its FAQs to another site"')
def confirm(
    hub: Annotated[str, typer.Argument(help="The hub whose newest feed waits for a confirmation.")],
    reason: Annotated[str, typer.Option(help="Why the change is meant; it is kept.")],
    by: Annotated[str | None, typer.Option(help="Who confirms; your login name when absent.")] = None,
    feed: Annotated[str, typer.Option(help="Beginning of the held feed's digest: no other one is let through.")] = "",
    *,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a feed through that is held because it changes much. The next release uses it."""
    from getpass import getuser

    from pipelines.line import confirm as confirm_hub
    from pipelines.standing import NothingToConfirm

    line = opened_line(registry, store, None)
    if hub not in line.registry.hubs:
        stop_unknown(hub, line)
    if not reason.strip():
        stop("--reason: say why, in a few words")
    try:
        state = confirm_hub(line, hub, datetime.now(UTC), reason=reason.strip(), by=by or getuser(), feed=feed)
    except NothingToConfirm as error:
        typer.echo(f"hubpacks: {error}", err=True)
        raise typer.Exit(FINDINGS) from error
    if as_json:
        typer.echo(json.dumps(_plain_state(state), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{hub}: {state.state.value.replace('_', ' ')}; the next release uses its feed {state.snapshot}")


def _alert_at_the_end(context: typer.Context, line: Line) -> None:
    """Have alerts sent when the command ends, however it ends. That they cannot be is told, and changes nothing."""
    from pipelines import logs
    from pipelines.alerts import alert, read_settings
    from pipelines.files import Busy, Damaged

    settings = read_settings()

    def send() -> None:
        try:
            done = alert(line, datetime.now(UTC), settings)
        except Busy:  # somebody else is telling the same
            return
        except (UnusableSettings, Damaged, OSError) as error:
            typer.echo(f"hubpacks: no alerts were sent: {error}", err=True)
            return
        log = logs.get("alerts")
        log.info("alerts_sent", open=len(done.conditions), sent=done.sent, unsent=done.unsent)
        if done.sent:
            tell("alerts", f"{done.sent:,} message{'' if done.sent == 1 else 's'} sent")
        for failure in done.failures:
            log.warning("alert_not_sent", why=failure)

    if settings.is_sending:
        context.call_on_close(send)


def _known(line: Line, hub: str) -> None:
    """Stop unless there is a hub of that id, or a file that should have been its registration."""
    broken = {Path(name).stem for name in line.registry.problems}
    if hub not in line.registry.hubs and hub not in broken:
        stop_unknown(hub, line)


def _for_the_hub(line: Line, hub: str) -> dict[str, Any]:
    """What there is to tell of a hub beyond its state: the score, the quarantine with ages, when it will be seen, what
    to beware of, and what has happened to its content.
    """
    from pipelines.receipts import outlook

    if hub not in line.registry.hubs:
        return {"score": None, "quarantine": [], "next_release": None, "warnings": [], "events": [], "attempts": None}
    return outlook(line.store, line.registry, hub, datetime.now(UTC))


def _print_events(events: list[dict[str, Any]]) -> None:
    if events:
        typer.echo("\nWhat happened, the newest first:")
    for event in events[:MAX_EVENTS_SHOWN]:
        by = f" by {event['by']}" if "by" in event else ""
        why = f": {event['reason']}" if event.get("reason") else ""
        what = {"expired": "dropped"}.get(event["event"], event["event"])
        typer.echo(f"  {event['at'][:16].replace('T', ' ')} {what}{by}: feed {event['digest'][:12]}{why}")


def _print_score(score: dict[str, Any] | None) -> None:
    if score is None:
        return
    typer.echo(f"\nQuality: {score['points']} of {score['of']} points")
    for step in score["steps"]:
        typer.echo(f"  {'+' if step['is_reached'] else '-'} {step['title']}: {step['measure']}")
    if score["next"]:
        typer.echo(f"  To gain the next point: {score['next']['gain']}")


def _print_held(held: list[dict[str, Any]]) -> None:
    from hubs.check import shown

    for entry in held[:MAX_HELD_SHOWN]:
        what = f"{entry['rows']:,} rows" if entry["rows"] else shown(entry["record"] or "a record without id")
        where = shown(f"{entry['file']} {entry['place']}".strip())
        days = entry["days"]
        age = f"for {days} day{'' if days == 1 else 's'}" if days else "since today"
        typer.echo(f"  - {what} ({where}): {', '.join(entry['codes'])}, held {age}")
    if len(held) > MAX_HELD_SHOWN:
        typer.echo(f"  - and {len(held) - MAX_HELD_SHOWN:,} more; --json has all")


def _plain_state(state: HubState) -> dict[str, Any]:
    return vars(state) | {
        "since": state.since.isoformat() if state.since else None,
        "fetched": state.fetched.isoformat() if state.fetched else None,
        "seen": state.seen.isoformat() if state.seen else None,
        "expires": state.expires.isoformat() if state.expires else None,
        "lapsed": state.lapsed.isoformat() if state.lapsed else None,
    }


def _with_warnings(states: Iterable[HubState], line: Line) -> list[dict[str, Any]]:
    from pipelines.standing import warnings

    now = datetime.now(UTC)
    return [_plain_state(state) | {"warnings": warnings(state, line.registry, now)} for state in states]


def _summary(outcome: Outcome, line: Line) -> dict[str, Any]:
    merged = sum(len(entry.merged) for entry in outcome.library.values())
    return {
        "release": outcome.release,
        "is_new": outcome.is_new,
        "candidate": outcome.candidate.to_dict() if outcome.candidate else None,
        "records": len(outcome.library),
        "merged": merged,
        "hubs": _with_warnings(outcome.hubs, line),
        "problems": dict(outcome.problems),
        "waves": [_plain_wave(wave) for wave in outcome.waves],
    }


def _plain_wave(wave: WaveTold) -> dict[str, Any]:
    names = ("period", "instrument", "audience", "state", "release")
    return {name: getattr(wave, name) for name in names} | {"later_returns_wait": wave.is_waiting}


def _about(wave: WaveTold) -> Iterator[str]:
    """What the operator has to know of how a period is told."""
    if wave.is_waiting:
        yield "stays as it was published. Returns have changed since, too few to tell it anew: they wait."
    if wave.state == "left_out":
        yield "is left out. Today's policy rounds more coarsely than the one under which it was published."


def _details(state: dict[str, Any], *, is_full: bool) -> list[str]:
    """What there is to know of a hub beyond its row in the table, a line each: all that the operator has to act on, and
    with ``is_full`` the rest.
    """
    from hubs.contract.findings import CODES

    codes = state["held_by"]
    lines = [f"{', '.join(codes)}: {state['reason']}" if codes else state["reason"]] if state["reason"] else []
    lines += [f"What to do: {CODES[code].operator.replace('HUB', state['id'])}" for code in codes[:1]]
    if "feed_rekeyed" in codes:
        lines.append(f"Which new id is which old one: hubpacks status {state['id']} --json")
    if codes and state["newest"] and state["newest"] != state["snapshot"]:
        lines.append(f"Held is feed {state['newest'][:12]}.")
    if (attempts := state.get("attempts")) and attempts["failed"]:
        times = f"{attempts['failed']} times in a row" if attempts["failed"] > 1 else "once"
        lines.append(f"Tried {times}, last on {_day(attempts['last'])}, first on {_day(attempts['since'])}.")
    if state["expires"]:
        lines.append(
            f"The last good feed, last had on {_day(state['seen'])}, is carried until {_day(state['expires'])}."
        )
    lines += state.get("warnings", [])
    if state["state"] == "fresh" and state["change"]:
        lines.append(f"Changed: {' '.join(state['change']['why'])}")
    unused = state["counts"].get("accepted", 0) + state["counts"].get("answers_accepted", 0)
    if unused and not state["snapshot"]:
        lines.append(f"What was good in it ({unused:,} records and answers) is not used.")
    for what in ("quarantined", "quarantined_answers"):
        if state[what]:
            listed = ", ".join(f"{code} {number:,}" for code, number in state[what].items())
            lines.append(f"{'records' if what == 'quarantined' else 'answers'} quarantined: {listed}")
    if is_full and state["derived"]:
        lines.append(f"worked out, not stated: {', '.join(f'{what} {n:,}' for what, n in state['derived'].items())}")
    return lines


def _day(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%-d %B %Y}"


def _print_hubs(states: list[dict[str, Any]], *, is_full: bool = False) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Hub", "State", box=None, pad_edge=False, header_style="bold")
    for heading in ("Records", "Answers", "Quarantined", "Skipped"):
        table.add_column(heading, justify="right")
    for state in states:
        counts = state["counts"]
        is_used = state["snapshot"] is not None
        numbers = [counts.get(name, 0) * is_used for name in ("accepted", "answers_accepted")]
        numbers.append(counts.get("quarantined", 0) + counts.get("answers_quarantined", 0))
        numbers.append(counts.get("skipped", 0))
        table.add_row(state["id"], state["state"].replace("_", " "), *(f"{number:,}" for number in numbers))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    for state in states:
        if details := _details(state, is_full=is_full):
            console.print(f"\n{state['id']}")
            for line in details:
                console.print(f"  {line}")


def _about_candidate(candidate: Candidate) -> Iterator[str]:
    """Why there is no new release although something has changed."""
    if candidate.state == "refused":
        yield f"Nothing was published: {candidate.id} said the same, and {candidate.by} refused it: {candidate.reason}"
        yield "Build it again with hubpacks run --candidate"
        return
    yield f"Candidate {candidate.id} waits, and readers see nothing of it: hubpacks candidates says what it changes."
    for question in candidate.open_questions:
        yield f"It does not go out by itself: {question}"


def _print_summary(outcome: Outcome, line: Line) -> None:
    summary = _summary(outcome, line)
    _print_hubs(summary["hubs"])
    for name, problems in outcome.problems.items():
        typer.echo(f"{name}: cannot be used: {'; '.join(problems)}", err=True)
    typer.echo(f"\n{summary['records']:,} records in the library, {summary['merged']:,} merged into others.")
    for wave in outcome.waves:
        for told in _about(wave):
            typer.echo(f"{wave.period}, {wave.instrument}, {wave.audience.replace('_', ' ')}: {told}")
    if outcome.is_new:
        typer.echo(f"Published release {outcome.release}: open {line.public / 'index.html'}")
    elif outcome.candidate:
        for told in _about_candidate(outcome.candidate):
            typer.echo(told)
    else:
        typer.echo(f"Nothing has changed since release {outcome.release}; no new version was published.")
