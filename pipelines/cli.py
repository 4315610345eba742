"""The command ``hubpacks``. Wording and exit codes only; what a command does stands in the stages.

Exit codes: 0 good, 1 findings or refused, 2 unusable input or arguments. Slow imports wait for the command that needs
them, so that ``--help`` and small checks answer at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hubs.contract.verdict import Verdict
from hubs.registration import (
    HUB_ID_PATTERN,
    Registration,
    UnusableRegistration,
    WrongRegistry,
    instrument_folders,
    read_registration,
    read_registry,
    unregistered,
)
from pipelines import backup_commands
from pipelines.settings import (
    MIRROR,
    MIRROR_ENDPOINT,
    MIRROR_SECRET,
    PLACEHOLDER,
    STORE_ENDPOINT,
    STORE_SECRET,
    SecretKey,
    UnusableSettings,
    named,
    setting,
    signing_key,
    site_address,
    store_address,
    store_cache,
)

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from hubs.instruments import Instrument
    from pipelines.alerts import Alerted
    from pipelines.alerts import Settings as AlertSettings
    from pipelines.buckets import Bucket
    from pipelines.candidates import Candidate
    from pipelines.download import Downloaded
    from pipelines.edition import HubState, WaveTold
    from pipelines.gap import Own
    from pipelines.line import Keeper, Line
    from pipelines.mirror import Mirrored
    from pipelines.releasing import Outcome
    from pipelines.signatures import ReleaseKey
    from pipelines.tokens import Token, Tokens

FINDINGS, UNUSABLE = 1, 2
SITE_PORT, PREVIEW_PORT = 8000, 8002
MAX_HELD_SHOWN = 20
MAX_EVENTS_SHOWN = 10
MAX_CANDIDATES_SHOWN = 10
MAX_KEY_SHOWN = 100
MAX_PROBLEM_SHOWN = 1_000

app = typer.Typer(
    help="Gather practice from sector hubs and publish best-practice packs and benchmarks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
registry_app = typer.Typer(help="Look after the hubs' registrations.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(registry_app, name="registry")
token_app = typer.Typer(help="Look after the tokens by which hubs submit.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(token_app, name="token")
key_app = typer.Typer(
    help="Look after the key that releases are signed with.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(key_app, name="key")
app.command(epilog="Example: hubpacks backup /mnt/backup/packs --keep 30")(backup_commands.backup)
app.command(epilog="Example: hubpacks restore /mnt/backup/packs --store new/store --publish new/public")(
    backup_commands.restore
)
map_app = typer.Typer(
    help="Begin a mapping for files in a shape of their own.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(map_app, name="map")

RegistryFlag = Annotated[Path | None, typer.Option("--registry", help="Folder with a YAML file for each hub.")]
StoreFlag = Annotated[
    Path | None,
    typer.Option("--store", help="Folder with snapshots and verdicts, or its place in an object store (s3://…)."),
]
PublishFlag = Annotated[Path | None, typer.Option("--publish", help="Folder that readers see.")]
KeyFlag = Annotated[
    Path | None, typer.Option("--key", help="File with the private key of releases, where it is not in the store.")
]
AddressFlag = Annotated[
    str | None, typer.Option("--address", help="Public address of the folder that readers see, such as https://…/.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


_at_work: list[Path] = []
"""The folders that the command works in, for errors that name none."""
_until_the_end = contextlib.ExitStack()
"""What is open while the command runs, such as a store in an object store."""


def main() -> None:
    """Run the command line. A problem that the user can mend is one line on standard error, never a traceback."""
    # Imported here because only the commands that can raise it pay for it.
    from hubs.instruments import UnusableInstrument
    from hubs.yamlfile import UnreadableYaml
    from pipelines.files import Busy, Damaged

    try:
        with _until_the_end:
            app(prog_name="hubpacks")
    except (Busy, Damaged, UnusableSettings, UnusableRegistration, WrongRegistry) as error:
        _stop(str(error))
    except (UnusableInstrument, UnreadableYaml) as error:
        _stop(f"a question bank cannot be used: {error}")
    except OSError as error:
        from pipelines.faults import told

        _stop(told(error, [*_at_work, Path(tempfile.gettempdir())]))


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
    moment = _moment()  # numpy, which the line brings, falls over an unusable one
    from pipelines.line import standings
    from pipelines.publish import ReleaseRefused, latest
    from pipelines.releasing import run as run_line

    line = _line(registry, store, publish, signing_key(key), address)
    if line.address == PLACEHOLDER:
        typer.echo(f"metadata name the placeholder {PLACEHOLDER}: give the site's address with --address", err=True)
    bucket = _own_mirror(mirror)
    _alert_at_the_end(context, line)
    log = _begin_to_log()
    try:
        outcome = run_line(line, moment, _tell, to_publish=not candidate)
    except ReleaseRefused as error:
        log.error("release_refused")
        _print_hubs(_with_warnings(standings(line), line))
        stays = ", the old one stays" if latest(line.public) else ""
        typer.echo(f"\nhubpacks: release refused{stays}: {error}", err=True)
        raise typer.Exit(FINDINGS) from error
    log.info("run_ended", release=outcome.release, is_new=outcome.is_new, hubs=len(outcome.hubs))
    if not as_json:
        _print_summary(outcome, line)
    mirrored = _mirrored(line.public, bucket, is_in_run=True) if bucket else None
    if as_json:
        told = _summary(outcome, line) | ({"mirror": mirrored.to_dict() if mirrored else None} if bucket else {})
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    elif mirrored:
        _print_mirrored(mirrored)
    if outcome.problems or (bucket and mirrored is None):
        raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks candidates 2026-11-29.01")
def candidates(
    candidate: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="Id of one; the one that waits when absent.")
    ] = None,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the release that waits for approval: what it changes, how the hubs stand in it; and those before."""
    from pipelines.briefing import briefing, briefing_in_words, one_line
    from pipelines.candidates import NoSuchCandidate

    line, now = _line(registry, store, publish, reads_only=True), datetime.now(UTC)
    every = line.store.candidates.all()
    try:
        one = line.store.candidates.find(candidate) if candidate else line.store.candidates.waiting()
    except NoSuchCandidate as error:
        _stop(str(error))
    told = briefing(line, one, now) if one else None
    if as_json:
        shown = {"candidate": told, "all": [before.to_dict() for before in every]}
        typer.echo(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    for sentence in briefing_in_words(told) if told else ("No candidate waits.",):
        typer.echo(sentence)
    if candidate is None and (before := [found for found in every if found != one]):
        typer.echo("\nBefore, the newest first:")
        for found in before[: -MAX_CANDIDATES_SHOWN - 1 : -1]:
            typer.echo(f"  {one_line(found.to_dict())}")


@app.command(epilog='Example: hubpacks approve 2026-11-29.01 --by "Duty operator" --note "Read the changes"')
def approve(
    candidate: Annotated[str, typer.Argument(metavar="RELEASE", help="Id of the candidate.")],
    by: Annotated[str, typer.Option(help="Who approves: a name or an office. It is published in release.json.")],
    note: Annotated[str, typer.Option(help="What was looked at, or agreed. It is kept, and not published.")],
    *,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    key: KeyFlag = None,
    address: AddressFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Publish a candidate, with a name and a note. Where the rule asks for two people, the second one publishes it."""
    from pipelines.releasing import approve as approve_candidate

    line, bucket = _line(registry, store, publish, signing_key(key), address), _own_mirror()
    with _decisions():
        approved = approve_candidate(line, candidate, _moment(), by=by, note=note)
    is_out = approved.decided is not None
    mirrored = _mirrored(line.public, bucket, is_in_run=True) if is_out and bucket else None
    if as_json:
        told = approved.to_dict() | ({"mirror": mirrored.to_dict() if mirrored else None} if bucket else {})
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    elif is_out:
        typer.echo(f"Published release {approved.id}: open {line.public / 'index.html'}")
    else:
        typer.echo(f"{approved.id} is approved by {approved.approved_by}. A second person has to approve it.")
    if mirrored and not as_json:
        _print_mirrored(mirrored)
    if is_out and bucket and mirrored is None:
        raise typer.Exit(FINDINGS)


@app.command(epilog='Example: hubpacks refuse 2026-11-29.01 --by "Duty operator" --reason "Health has no studies"')
def refuse(
    candidate: Annotated[str, typer.Argument(metavar="RELEASE", help="Id of the candidate.")],
    by: Annotated[str, typer.Option(help="Who refuses.")],
    reason: Annotated[str, typer.Option(help="Why. It is kept, and not published.")],
    *,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Refuse a candidate. It goes; why stays. The same is not built again until something changes."""
    from pipelines.releasing import refuse as refuse_candidate

    line = _line(registry, store, publish)
    with _decisions():
        refused = refuse_candidate(line, candidate, _moment(), by=by, reason=reason)
    if as_json:
        typer.echo(json.dumps(refused.to_dict(), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{refused.id} is refused. Readers go on seeing {refused.previous or 'nothing'}.")


@contextlib.contextmanager
def _decisions() -> Iterator[None]:
    """End the command with a line that says why a candidate cannot be approved or refused."""
    from pipelines.candidates import CandidateRefused, NoSuchCandidate
    from pipelines.publish import ReleaseRefused

    try:
        yield
    except NoSuchCandidate as error:
        _stop(str(error))
    except (CandidateRefused, ReleaseRefused) as error:
        typer.echo(f"hubpacks: {error}", err=True)
        raise typer.Exit(FINDINGS) from error


def _begin_to_log() -> BoundLogger:
    """Log for programs if they are to read it; for people, what a run shows is enough until something is wrong."""
    import logging

    from pipelines import logs, runs

    logs.configure(logging.WARNING)
    runs.new_run()
    log = logs.get("run")
    log.info("run_started")
    return log


def _moment() -> datetime:
    """When a run is: now, unless ``SOURCE_DATE_EPOCH`` says otherwise, as for builds that can be repeated."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    if not re.fullmatch("[0-9]{1,11}", epoch):
        _stop(f"SOURCE_DATE_EPOCH={epoch}: write whole seconds since 1970, or leave it out")
    return datetime.fromtimestamp(int(epoch), UTC)


@app.command(
    epilog="Example: hubpacks check ./my-feed --mapping registry/my-hub.yaml --format html --output report.html"
)
def check(
    feed: Annotated[str, typer.Argument(help="Folder, zip, workbook or web address.")],
    mapping: Annotated[Path | None, typer.Option(help="Registration that says how to read the feed.")] = None,
    format: Annotated[str, typer.Option(help="text, json, or html for a page to send on.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File for the report, instead of printing it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Judge a feed as the pipeline would; show every finding at once, and what each file became."""
    import tempfile

    from hubs.check import json_text, refusal_json, report_json, report_text, shown
    from hubs.contract.findings import CODES
    from hubs.instruments import FOLDER, OnDemand
    from pipelines.check import Checked
    from pipelines.check import check as check_feed
    from pipelines.progress import Bar

    form = "json" if as_json else format
    if form not in ("text", "json", "html"):
        _stop(f"--format {form}: choose text, json or html")
    registration = _registration_in(mapping) if mapping else unregistered(feed)
    address = feed if "://" in feed else str(Path(feed).absolute())
    _refuse_output(output, address)
    banks = OnDemand(instrument_folders(mapping.parent) if mapping else (FOLDER,))
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as scratch, Bar() as bar:
        checked = check_feed(address, registration, banks, now, Path(scratch), progress=bar)
    head = {"feed": feed, "checked": now.isoformat(timespec="seconds"), "digest": checked.digest}
    match checked:
        case Checked(refusal=(code, detail)):
            if form == "json":
                _report(json_text(head | refusal_json(code, detail)), output)
            _stop(f"{shown(feed)}: {code}: {CODES[code].why} ({detail}) {CODES[code].mend}")
        case Checked(verdict=Verdict() as verdict):
            if form == "html":
                from hubs.check_html import report_html

                _report(report_html(verdict, feed, now, checked.digest), output)
            elif form == "json":
                _report(json_text(head | report_json(verdict)), output)
            else:
                _report(report_text(verdict, feed, with_files=mapping is not None), output)
            if output is not None:
                outcome = "HELD" if verdict.is_held else "accepted"
                typer.echo(f"{shown(feed)}: {outcome}; the report is in {output}")
            if verdict.is_held or verdict.counts()["errors"]:
                raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks sign ./my-feed --key ../my-hub.pem")
def sign(
    feed: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with the feed, before it is packed.")],
    key: Annotated[Path, typer.Option(help="File with your private key; made when there is none.")],
    mapping: Annotated[Path | None, typer.Option(help="Registration that says how to read the feed.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign a feed: write the hashes of its files and a signature, and print the key for the registration."""
    from pipelines.sign import CannotSign
    from pipelines.sign import sign as sign_feed

    try:
        signed = sign_feed(feed, key, _registration_in(mapping) if mapping else unregistered(feed.name))
    except CannotSign as error:
        _stop(str(error))
    if signed.is_new_key:
        typer.echo(f"{key}: a new key. Keep it secret and keep a copy: whoever has it signs in your name", err=True)
    if as_json:
        typer.echo(json.dumps({"feed": str(feed), "key": str(key)} | vars(signed), indent=1))
        return
    typer.echo(f"{feed}: signed, {signed.files:,} file{'' if signed.files == 1 else 's'}")
    typer.echo(f"public_key: {signed.public_key}")
    if signed.is_new_key and (feed / "registration").is_dir():
        typer.echo(f"{feed / 'registration'} is a part of the feed: enter the key, and sign once more", err=True)


@registry_app.command("check", epilog="Example: hubpacks registry check --registry my-registry")
def registry_check(registry: RegistryFlag = None, as_json: JsonFlag = False) -> None:
    """Lint every registration and mapping; name each problem and its mend."""
    from hubs.instruments import instruments
    from hubs.mapping.lint import lint

    found = read_registry(setting("registry", registry))
    banks = instruments(*found.instrument_folders)
    problems = dict(found.problems)
    for hub, registration in found.hubs.items():
        if complaints := lint(registration, banks):
            problems[f"{hub}.yaml"] = complaints
    if as_json:
        typer.echo(json.dumps({"hubs": list(found.hubs), "problems": problems}, indent=1, ensure_ascii=False))
    else:
        for name, complaints in sorted(problems.items()):
            for complaint in complaints:
                typer.echo(f"{name}: {complaint}")
        typer.echo(f"Registrations that can be used: {len(found.hubs)}. Files with problems: {len(problems)}.")
    if problems:
        raise typer.Exit(FINDINGS)


@app.command(epilog='Example: hubpacks init my-feed --hub my-hub --name "My hub" --sector health')
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder, or an empty one.")],
    hub: Annotated[str, typer.Option(help="Id of the hub: small letters, digits and hyphens.")] = "my-hub",
    name: Annotated[str | None, typer.Option(help="Name of the hub; made from its id when absent.")] = None,
    sector: Annotated[str, typer.Option(help="Sector of the hub.")] = "local_government",
) -> None:
    """Make a starter feed that passes the check: an example of each kind, a workbook, a registration."""
    from hubs.contract.vocabularies import vocabulary
    from hubs.starter.examples import Starter
    from hubs.starter.feed import FolderNotEmpty, write_starter

    _refuse_hub_id(hub)
    term = vocabulary("sectors").resolve(sector)
    if term is None:
        _stop(f"--sector {sector}: choose one of {', '.join(vocabulary('sectors').terms)}")
    try:
        files = write_starter(folder, Starter(hub, (name or "").strip() or hub.replace("-", " ").capitalize(), term))
    except FolderNotEmpty as error:
        _stop(str(error))
    for file in files:
        typer.echo(folder / file)
    typer.echo(f"\nNext: read {folder / 'README.md'}, replace the examples, and run hubpacks check {folder}")


@map_app.command("suggest", epilog="Example: hubpacks map suggest ./our-website --output registry/my-hub.yaml")
def map_suggest(
    feed: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with files, or one file.")],
    hub: Annotated[
        str | None, typer.Option(help="Id of the hub; the output's or the folder's name when absent.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write, called after the hub; printed when absent.")
    ] = None,
) -> None:
    """Look at an unknown folder and write a first registration for it, with its doubts as comments."""
    from hubs.instruments import instruments
    from hubs.starter.suggest import hub_id, suggest

    root = feed.resolve()
    hub = hub or (output.stem if output else hub_id(root.name))
    _refuse_hub_id(hub)
    if output and output.name != f"{hub}.yaml":
        _stop(f"{output}: the registration of {hub} must be called {hub}.yaml")
    if output and output.exists():
        _stop(f"{output} is there already, and nothing is ever overwritten: name another file or take it away")
    folder = (output.parent if output else Path()).resolve()
    if output and root.is_dir() and folder.is_relative_to(root):
        _stop(f"{output} would be part of the feed: name a file outside {feed}")
    suggestion = suggest(root, hub, folder, instruments(*instrument_folders(folder)))
    found = f"{suggestion.sources} sources, {suggestion.doubts} doubts"
    if output is None:
        typer.echo(suggestion.text, nl=False)
        typer.echo(found, err=True)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(suggestion.text, encoding="utf-8")
    typer.echo(f"{output}: {found}. Look at each doubt, then run hubpacks check {feed} --mapping {output}")


@app.command(epilog="Example: hubpacks status health --json")
def status(
    hub: Annotated[str | None, typer.Argument(help="One hub; all of them when absent.")] = None,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how each hub stands: state, since when, why, and what its newest feed was made of."""
    from pipelines.line import standings

    line = _line(registry, store, None, reads_only=True)
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


@app.command(epilog="Example: hubpacks replay health")
def replay(
    hub: Annotated[str, typer.Argument(help="The hub whose quarantine is judged again.")],
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Judge a hub's newest feed again under today's rules and mapping, without asking the hub to send it again."""
    from pipelines.line import replay as replay_hub

    line = _line(registry, store, None)
    _known(line, hub)
    now = datetime.now(UTC)
    result = replay_hub(line, hub, now)
    held = [entry.to_dict(now) for entry in result.held]
    if as_json:
        data = {
            "hub": hub,
            "state": result.state.state,
            "rules_before": result.rules_before,
            "rules": result.rules,
            "freed": list(result.freed),
            "freed_answers": result.freed_answers,
            "held": held,
        }
        typer.echo(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{hub}: {result.state.state.value.replace('_', ' ')}; judged under rules {result.rules}")
        typer.echo(f"  accepted now: {len(result.freed):,} records, {result.freed_answers:,} answers")
        for id in result.freed:
            typer.echo(f"  - {id}")
        typer.echo(f"  still in quarantine: {len(held):,}")
        _print_held(held)
    if held:
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

    line = _line(registry, store, None)
    if hub not in line.registry.hubs:
        _stop_unknown(hub, line)
    if not reason.strip():
        _stop("--reason: say why, in a few words")
    try:
        state = confirm_hub(line, hub, datetime.now(UTC), reason=reason.strip(), by=by or getuser(), feed=feed)
    except NothingToConfirm as error:
        typer.echo(f"hubpacks: {error}", err=True)
        raise typer.Exit(FINDINGS) from error
    if as_json:
        typer.echo(json.dumps(_plain_state(state), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{hub}: {state.state.value.replace('_', ' ')}; the next release uses its feed {state.snapshot}")


@app.command(epilog='Example: hubpacks withdraw health/shared-record --reason "The supplier has corrected its figures"')
def withdraw(
    records: Annotated[list[str], typer.Argument(metavar="RECORD...", help="Ids as readers know them (hub/local-id).")],
    *,
    reason: Annotated[str, typer.Option(help="Why; readers are told, so it must name nothing that has to go.")],
    takedown: Annotated[
        bool, typer.Option("--takedown", help="Remove all that the records say; otherwise their pages stay, marked.")
    ] = False,
    successor: Annotated[str | None, typer.Option(help="Id of the record that readers are sent to instead.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Who decides; your login name when absent. It is not published.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which releases would be reissued.")] = False,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    key: KeyFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Withdraw records: reissue every past release that has them, and publish one without them. It cannot be undone."""
    from getpass import getuser

    from pipelines import withdraw as withdrawal
    from pipelines.withdrawals import Kind

    now = _moment()
    line = _line(registry, store, publish, signing_key(key))
    if not reason.strip():
        _stop("--reason: say why, in a few words; readers are told")
    bucket = None if dry_run else _own_mirror()
    kind = Kind.TAKEDOWN if takedown else Kind.RETRACTION
    asked = list(dict.fromkeys(records))
    try:
        decisions = withdrawal.decide(
            line, asked, now, kind=kind, reason=reason.strip(), successor=successor, by=by or getuser()
        )
    except withdrawal.NotWithdrawn as error:
        _stop(str(error))
    if dry_run:
        plan = withdrawal.plan(line, decisions)
        typer.echo(json.dumps(plan, indent=1, ensure_ascii=False) if as_json else withdrawal.plan_in_words(plan))
        return
    outcome = withdrawal.withdraw(line, decisions, now, _tell)
    mirrored = _mirrored(line.public, bucket, is_in_run=True) if bucket else None
    if as_json:
        told = outcome.to_dict() | ({"mirror": mirrored.to_dict() if mirrored else None} if bucket else {})
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        for sentence in withdrawal.in_words(outcome):
            typer.echo(sentence)
        if mirrored:
            _print_mirrored(mirrored)
    if outcome.refused or outcome.why_none or (bucket and mirrored is None):
        raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks verify public/releases/2026-09-30.01 --key the-key-i-trust.pub")
def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PATH|ADDRESS", help="Folder or web address of a release, or of a site (its latest); or a pack.zip."
        ),
    ],
    key: Annotated[
        str | None,
        typer.Option(metavar="PUBLIC|FILE", help="Public key that you trust, or a file with it; any tool's form."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check a release: signatures, checksums, file list, links and chains of provenance; attack its benchmarks. Of an
    offline pack, signatures and checksums.
    """
    import tempfile

    from hubs.check import shown
    from pipelines.publish import signing_key_of, verify_archive
    from pipelines.verify import verify as verify_release

    trusted = _trusted(key) if key is not None else []
    had = None
    with tempfile.TemporaryDirectory() as scratch:
        if place.endswith(".zip") and Path(place).is_file():
            name = Path(place).name
            problems, signs = verify_archive(Path(place), trusted)
        else:
            had = _downloaded(place, Path(scratch))
            folder = had.folder if had else _release(Path(place))
            name, problems, signs = folder.name, had.problems if had else [], None
            if not problems:  # of what could not be had as a whole, all would be said twice
                problems, signs = verify_release(folder, trusted), signing_key_of(folder)
    if as_json:
        told = {"release": name, "problems": problems, "signed_by": signs.to_dict() if signs else None}
        fetched = {"address": had.address, "files": had.files, "bytes": had.bytes} if had else {}
        typer.echo(json.dumps(told | {"is_key_given": bool(trusted)} | fetched, indent=1, ensure_ascii=False))
    else:
        if had:
            typer.echo(f"{had.address}: {had.files:,} files fetched, {had.bytes / 1_000_000:,.1f} MB")
        for problem in problems:
            typer.echo(shown(problem, MAX_PROBLEM_SHOWN))
        if signs is not None:
            since = f", in use since {signs.since:%-d %B %Y}" if signs.since else ""
            typer.echo(f"Signed with key {signs.public.id}{since}.")
        if signs is not None and not trusted:
            typer.echo("It says so itself. Compare the key with one that you have from elsewhere (--key):")
            typer.echo(f"  {signs.public.minisign}")
        typer.echo(f"{name}: {'good' if not problems else f'{len(problems)} problems'}")
    if problems:
        raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks trace health/shared-record --release public")
def trace(
    what: Annotated[
        str,
        typer.Argument(help="Id of a record (hub/local-id), address of a page, or benchmarks[:period[:instrument]]."),
    ],
    release: Annotated[
        Path | None,
        typer.Option(help="Folder of a release, or the public folder (its latest release); your own when absent."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Follow what a release says back to hub, snapshot, file, record and rules. Needs nothing but the release."""
    from pipelines.publish import NotTraced, in_words, release_named
    from pipelines.publish import trace as trace_back

    try:
        found = trace_back(_release(setting("publish", release), release_named(what)), what)
    except NotTraced as error:
        _stop(str(error))
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for line in in_words(found):
        typer.echo(line)


@app.command(epilog="Example: hubpacks diff 2026-09-30.01 2026-10-31.01 --publish public")
def diff(
    older: Annotated[str, typer.Argument(metavar="A", help="Folder of a release, or its id in the public folder.")],
    newer: Annotated[str, typer.Argument(metavar="B", help="The same of the other one.")],
    publish: PublishFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what has changed between two releases: records, hubs, benchmarks, columns. Needs nothing but the two."""
    from pipelines.publish import changes_in_words
    from pipelines.publish import diff as diff_releases

    changes, is_reversed = diff_releases(*(_release_called(name, publish) for name in (older, newer)))
    if is_reversed:
        typer.echo(f"hubpacks: {older} is newer than {newer}; told is what has changed from {newer} to it", err=True)
    if as_json:
        typer.echo(json.dumps(changes, indent=1, ensure_ascii=False))
        return
    for line in changes_in_words(changes):
        typer.echo(line)


@app.command(epilog="Example: hubpacks gap our-answers.csv --target 3 --format html --output gap.html")
def gap(
    answers: Annotated[
        Path, typer.Argument(metavar="RETURN", help="CSV, Parquet or workbook with one organisation's answers.")
    ],
    *,
    release: Annotated[
        Path | None,
        typer.Option(help="Folder or zip of a release, or the public folder (its latest release); your own if absent."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="LEVEL|FILE", help="Level wanted, or a file with a level for each dimension; else next."),
    ] = None,
    before: Annotated[Path | None, typer.Option(metavar="RETURN", help="Your own earlier return.")] = None,
    sector: Annotated[str | None, typer.Option(help="Sector whose organisations are your peers.")] = None,
    size_band: Annotated[str | None, typer.Option(help="Size of the organisations that are your peers.")] = None,
    format: Annotated[str, typer.Option(help="text, json, or html for a page to print.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File for the report, instead of printing it.")] = None,
    language: Annotated[str, typer.Option(help="en or cy.")] = "en",
    as_json: JsonFlag = False,
) -> None:
    """Compare an organisation's own return with its peers in a release, and plan. It is read here and kept nowhere."""
    from hubs.instruments import OnDemand
    from pipelines.gap import UnusableRelease, UnusableReturn, UnusableTarget, analysed, report

    form = "json" if as_json else format
    if form not in ("text", "json", "html"):
        _stop(f"--format {form}: choose text, json or html")
    if language not in ("en", "cy"):
        _stop(f"--language {language}: choose en or cy")
    place = setting("publish", release)
    for taken in (answers, place, *([before] if before else [])):
        _refuse_output(output, str(taken), "release" if taken is place else "return")
    peers = {"sector": _term("--sector", "sectors", sector), "size_band": _term("--size-band", "size_bands", size_band)}
    banks = OnDemand(instrument_folders(setting("registry")))
    try:
        own = _own_return(answers, banks, None)
        earlier = _own_return(before, banks, own.period) if before else None
        analysis = analysed(own, earlier, place, banks, target=target, peers=peers, language=language)
    except (UnusableReturn, UnusableRelease, UnusableTarget) as error:
        _stop(str(error))
    _report(report(analysis, form, output), output, private=True)
    if output is not None:
        typer.echo(f"The gap analysis is in {output}")


@app.command(epilog="Example: hubpacks serve --port 8000")
def serve(
    publish: PublishFlag = None,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; the default is this machine only.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, 8000 when absent; 0 picks one.")] = None,
    nginx: Annotated[bool, typer.Option("--nginx", help="Print the configuration for nginx instead.")] = False,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Serve the candidate that waits, as if it were published; port 8002.")
    ] = False,
    store: StoreFlag = None,
) -> None:
    """Serve the published site as readers see it, until Ctrl-C; or a candidate; or print how nginx serves it."""
    folder = setting("publish", publish)
    if nginx:
        from pipelines.serve.nginx import UnusableFolder, configuration

        if port == 0:
            _stop("--port 0: nginx cannot pick a free port; name one")
        try:
            typer.echo(configuration(folder, host, SITE_PORT if port is None else port), nl=False)
        except UnusableFolder as error:
            _stop(str(error))
        return
    from pipelines.serve.app import serve as serve_site

    # A shell that runs it in the background lets it end without the interrupt.
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as until_stopped:
        if candidate:
            folder = until_stopped.enter_context(_preview(folder, setting("store", store)))
        else:
            _refuse_unpublished(folder)
        usual = PREVIEW_PORT if candidate else SITE_PORT
        chosen = usual if port is None else port
        serve_site(folder, host, chosen, lambda address: typer.echo(f"{address} (Ctrl-C stops)"))
    typer.echo("stopped")


def _preview(public: Path, store: Path) -> contextlib.AbstractContextManager[Path]:
    """A folder in which the candidate that waits is what readers see."""
    from pipelines.publish import previewed
    from pipelines.store import Store

    waiting = Store(store).candidates.waiting()
    if waiting is None:
        _stop("no candidate waits; see hubpacks candidates, and build one with hubpacks run --candidate")
    typer.echo(f"candidate {waiting.id}", err=True)
    return previewed(public, waiting.id)


@app.command(epilog="Example: hubpacks mirror s3://my-bucket/packs --endpoint https://minio.example.org")
def mirror(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="Place in an object store, as s3://bucket/folder.")
    ] = None,
    publish: PublishFlag = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Web address of the object store, where it is not Amazon's.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(help="Name of the environment variable with the access key as KEYID:SECRETKEY; else AWS_…"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring what is published to an object store. Readers there see whole releases only, whenever it is stopped."""
    place = named(MIRROR, target)
    if place is None:
        _stop("name a place in an object store, such as s3://my-bucket/packs, or set HUBPACKS_MIRROR")
    folder = setting("publish", publish)
    _refuse_unpublished(folder)
    mirrored = _mirrored(folder, _bucket(place, endpoint, secret))
    if mirrored is None:
        raise typer.Exit(FINDINGS)
    if as_json:
        typer.echo(json.dumps(mirrored.to_dict(), indent=1))
    else:
        _print_mirrored(mirrored)


def _refuse_unpublished(folder: Path) -> None:
    if not (folder / "latest.json").exists():
        _stop(f"{folder}: nothing is published here yet; run hubpacks run first")


def _own_mirror(flag: str | None = None) -> Bucket | None:
    """The place that the settings name, None when they name none."""
    target = named(MIRROR, flag)
    return _bucket(target, None, None) if target else None


def _bucket(target: str, endpoint: str | None, secret: str | None) -> Bucket:
    from pipelines.buckets import Bucket, BucketRefused

    try:
        return Bucket(target, named(MIRROR_ENDPOINT, endpoint), named(MIRROR_SECRET, secret))
    except BucketRefused as error:
        _stop(str(error))


def _mirrored(public: Path, bucket: Bucket, is_in_run: bool = False) -> Mirrored | None:
    """What was done; None when it was refused, and at the end of a run, when the store cannot be had, which is told."""
    from pipelines.buckets import BucketRefused, BucketUnavailable
    from pipelines.mirror import MirrorRefused
    from pipelines.mirror import mirror as mirror_to
    from pipelines.progress import Bar

    try:
        with Bar() as bar:
            return mirror_to(public, bucket, bar)
    except (BucketRefused, BucketUnavailable) as error:
        if not is_in_run:
            _stop(str(error))
        typer.echo(f"hubpacks: published, but not mirrored: {error}; then run hubpacks mirror", err=True)
    except MirrorRefused as error:
        typer.echo(f"hubpacks: not mirrored: {error}", err=True)
    return None


def _print_mirrored(mirrored: Mirrored) -> None:
    size = f"{mirrored.uploaded_bytes / 1_000_000:,.1f} MB"
    done = (
        f"{mirrored.uploaded:,} files sent ({size}), {mirrored.deleted:,} deleted, {mirrored.unchanged:,} as they were"
    )
    typer.echo(f"{mirrored.target}: release {mirrored.release}; {done}")


@app.command(epilog="Example: hubpacks alerts --dry-run")
def alerts(
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    address: AddressFlag = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; print the messages.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Send the operator a test message, and nothing else.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what is wrong or waits, and tell whoever has to know by e-mail or webhook, as the settings say."""
    from pipelines import alerts as alerting

    line, settings, now = _line(registry, store, publish, None, address), alerting.read_settings(), datetime.now(UTC)
    if (dry_run or test) and not settings.is_sending:
        _stop("the settings name neither smtp nor webhook: see [alerts] in docs/operators.md")
    if test:
        proved = alerting.prove(line, now, settings)
        if as_json:
            typer.echo(json.dumps([{"recipient": to, "failure": why} for to, why in proved], indent=1))
        else:
            for to, why in proved:
                typer.echo(f"{to}: {'sent' if why is None else why}")
        is_good = all(why is None for _, why in proved)
    elif dry_run:
        found, planned = alerting.plan(line, now, settings)
        told = {"conditions": [one.to_dict() for one in found], "messages": [vars(one) for one in planned]}
        texts = (f"To: {one.address}\nSubject: {one.subject}\n\n{one.body}" for one in planned)
        separated = f"\n{'=' * 78}\n\n".join(texts) or "Nothing would be sent now."
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False) if as_json else separated.rstrip())
        is_good = True
    else:
        done = alerting.alert(line, now, settings)
        if as_json:
            numbers = {"sent": done.sent, "unsent": done.unsent, "failures": list(done.failures)}
            listed = {"conditions": [one.to_dict() for one in done.conditions]}
            typer.echo(json.dumps(listed | numbers, indent=1, ensure_ascii=False))
        else:
            _print_alerts(done, settings)
        is_good = not done.failures
    if not is_good:
        raise typer.Exit(FINDINGS)


def _print_alerts(done: Alerted, settings: AlertSettings) -> None:
    from pipelines.alerts.words import told

    typer.echo(
        "\n".join(told(done.conditions)).strip("\n") if done.conditions else "Nothing is wrong, and nothing waits."
    )
    sent = f"{done.sent:,} message{'' if done.sent == 1 else 's'} sent, {done.unsent:,} wait to be sent."
    typer.echo(f"\n{sent if settings.is_sending else 'Nobody is told: the settings name neither smtp nor webhook.'}")
    for failure in done.failures:
        typer.echo(f"hubpacks: not sent: {failure}", err=True)


def _alert_at_the_end(context: typer.Context, line: Line) -> None:
    """Have alerts sent when the command ends, however it ends. That they cannot be is told, and changes nothing."""
    from pipelines import logs
    from pipelines.alerts import alert, read_settings
    from pipelines.files import Busy, Damaged

    settings = read_settings()

    def tell() -> None:
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
            _tell("alerts", f"{done.sent:,} message{'' if done.sent == 1 else 's'} sent")
        for failure in done.failures:
            log.warning("alert_not_sent", why=failure)

    if settings.is_sending:
        context.call_on_close(tell)


@app.command(epilog="Example: hubpacks intake --port 8001")
def intake(
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the default is this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8001,
) -> None:
    """Serve the hubs' web door: pages and an API that check feeds and take submissions, until Ctrl-C."""
    from pipelines.intake.limits import read_limits
    from pipelines.intake.server import serve
    from pipelines.intake.service import Folders

    folders = Folders(setting("registry", registry), setting("store", store), setting("publish", publish))
    serve(folders, read_limits(), host, port, lambda address: typer.echo(f"{address} (Ctrl-C stops)"))


@key_app.command("show", epilog="Example: hubpacks key show --json")
def key_show(store: StoreFlag = None, as_json: JsonFlag = False) -> None:
    """Show the public key of releases in the form of each tool, and the keys that were retired."""
    from pipelines.keys import Keys
    from pipelines.store import Store

    known = Keys(Store(_folders(store, None, reads_only=True)[0]).keys).known()
    if as_json:
        typer.echo(json.dumps({"keys": [key.to_dict() for key in reversed(known)]}, indent=1, ensure_ascii=False))
        return
    if not known:
        typer.echo("There is no key yet: the first release makes one, or takes that of the settings.")
    for key in reversed(known):
        told = key.to_dict()
        until = f", retired on {key.retired:%-d %B %Y}: {key.reason}" if key.retired else ""
        typer.echo(f"{told['id']}: {told['state']}, since {key.since:%-d %B %Y}{until}")
        if not key.retired:
            typer.echo(f"{told['minisign']}\n{told['openssh']}\n{told['fingerprint']}\n{told['pem']}", nl=False)


@key_app.command("rotate", epilog='Example: hubpacks key rotate --reason "A new one each year"')
def key_rotate(
    reason: Annotated[str, typer.Option(help="Why the old key is retired; it is published.")],
    is_stolen: Annotated[
        bool, typer.Option("--stolen", help="Somebody else may have the old key: nobody should trust it any more.")
    ] = False,
    *,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    key: KeyFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Retire the key of releases and go on with a new one: that of the settings, else one that is made now."""
    from pipelines.releasing import rotate_key

    if not reason.strip():
        _stop("--reason: say why, in a few words")
    line = _line(registry, store, publish, signing_key(key))
    new = rotate_key(line, datetime.now(UTC), reason=reason.strip(), is_stolen=is_stolen)
    if as_json:
        typer.echo(json.dumps(new.to_dict(), indent=1))
    else:
        typer.echo(f"{new.public.id} signs the next release. Tell readers, by another way than the site:")
        typer.echo(new.public.minisign)


@token_app.command("create", epilog="Example: hubpacks token create health --days 365")
def token_create(
    hub: Annotated[str, typer.Argument(help="Id of the hub.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it holds.")] = 365,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token by which a hub may submit. It is shown once and kept nowhere."""
    line = _line(registry, store, None)
    if hub not in line.registry.hubs:
        _stop_unknown(hub, line)
    token, text = _tokens(line).create(hub, datetime.now(UTC), days)
    if as_json:
        typer.echo(json.dumps(_plain_token(token, datetime.now(UTC)) | {"token": text}, indent=1))
        return
    typer.echo(text)
    typer.echo(f"token {token.id} of {hub}, until {token.expires:%-d %B %Y}; it is not shown again", err=True)


@token_app.command("list", epilog="Example: hubpacks token list --json")
def token_list(registry: RegistryFlag = None, store: StoreFlag = None, as_json: JsonFlag = False) -> None:
    """Show all tokens: id, hub, and until when each holds. Never the tokens themselves."""
    now = datetime.now(UTC)
    tokens = [_plain_token(token, now) for token in _tokens(_line(registry, store, None, reads_only=True)).all()]
    if as_json:
        typer.echo(json.dumps(tokens, indent=1))
        return
    for token in tokens:
        typer.echo(f"{token['id']}  {token['hub']}  {token['state']}, until {token['expires'][:10]}")
    if not tokens:
        typer.echo("There are no tokens.")


@token_app.command("revoke", epilog="Example: hubpacks token revoke 3f9a1c07")
def token_revoke(
    id: Annotated[str, typer.Argument(help="Id of the token, as hubpacks token list shows it.")],
    registry: RegistryFlag = None,
    store: StoreFlag = None,
) -> None:
    """Call a token back. Whoever is signed in with it is signed out at once."""
    try:
        token = _tokens(_line(registry, store, None)).revoke(id, datetime.now(UTC))
    except KeyError:
        _stop(f"no token has the id {id}; see hubpacks token list")
    typer.echo(f"token {token.id} of {token.hub} is revoked")


@app.command(epilog="Example: hubpacks submit ./my-feed --to https://intake.example.org")
def submit(
    feed: Annotated[Path, typer.Argument(help="Folder, zip, workbook or other file.")],
    to: Annotated[str, typer.Option(help="Address of the intake.")] = "http://127.0.0.1:8001",
    hub: Annotated[str | None, typer.Option(help="Your hub's id; the token's hub when absent.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the verdict.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send a feed to the intake, wait for its verdict and print the receipt. The token comes from HUBPACKS_TOKEN."""
    from pipelines.submit import Unusable, receipt_text, submit

    try:
        receipt = submit(feed, to, hub, os.environ.get("HUBPACKS_TOKEN", "").strip(), wait=not no_wait)
    except Unusable as error:
        _stop(str(error))
    typer.echo(json.dumps(receipt, indent=1, ensure_ascii=False) if as_json else receipt_text(receipt))
    if receipt.get("submission", {}).get("state") not in ("accepted", "received"):
        raise typer.Exit(FINDINGS)


def _downloaded(place: str, scratch: Path) -> Downloaded | None:
    """The release at a web address, in ``scratch``; None when ``place`` is none."""
    from pipelines.download import CannotDownload, download, is_address
    from pipelines.progress import Bar

    if not is_address(place):
        return None
    try:
        with Bar() as bar:
            return download(place, scratch, progress=bar)
    except CannotDownload as error:
        _stop(f"no release can be had: {error}")


def _release(path: Path, wanted: str | None = None) -> Path:
    """The folder of the release ``wanted`` (the latest when absent) in a public folder, or ``path`` if it is one."""
    from pipelines.publish import latest

    newest = latest(path)
    folder = path / "releases" / (wanted or newest.id) if newest else path
    if not (folder / "release.json").exists():
        _stop(f"{folder}: no release here (there is no release.json)")
    return folder


def _trusted(key: str) -> list[ReleaseKey]:
    """The keys that the text ``key``, or the file of that name, has."""
    from pipelines.signatures import UnusableKey, read_public

    path = Path(key)
    try:
        # What is too long for the name of a file, or breaks into lines, is a key itself.
        text = path.read_text(encoding="utf-8", errors="replace") if "\n" not in key and path.is_file() else key
        keys = read_public(text)
    except UnusableKey as error:
        _stop(f"--key {key[:MAX_KEY_SHOWN]}: {error}")
    if not keys:
        _stop(f"--key {key[:MAX_KEY_SHOWN]}: no key in it")
    return keys


def _release_called(name: str, publish: Path | None) -> Path:
    """The folder of the release that ``name`` is the id of, or the folder."""
    from pipelines.publish import RELEASE_ID

    if not RELEASE_ID.fullmatch(name) or Path(name).is_dir():
        return _release(Path(name))
    public = setting("publish", publish)
    if not (public / "releases" / name / "release.json").is_file():
        _stop(f"{public}: no release {name} here; see releases.json there, or name the public folder with --publish")
    return public / "releases" / name


def _tokens(line: Line) -> Tokens:
    from pipelines.tokens import Tokens

    return Tokens(line.store.tokens)


def _plain_token(token: Token, now: datetime) -> dict[str, str]:
    state = "revoked" if token.revoked else "expired" if now >= token.expires else "good"
    dates = {"created": token.created.isoformat(), "expires": token.expires.isoformat()}
    return {"id": token.id, "hub": token.hub, "state": state} | dates


def _line(
    registry: Path | None,
    store: Path | None,
    publish: Path | None,
    key: SecretKey | None = None,
    address: str | None = None,
    *,
    reads_only: bool = False,
) -> Line:
    from pipelines.candidates import read_rule
    from pipelines.line import open_line

    folder = setting("registry", registry)
    where, rule = site_address(address), read_rule()
    store, publish, keeper = _folders(store, publish, reads_only=reads_only)
    line = open_line(folder, store, publish, key, address=where, rule=rule, keeper=keeper)
    if not line.registry.hubs and not line.registry.problems:
        _stop(f"{folder}: no registrations here; add a YAML file for each hub")
    return line


def _folders(store: Path | None, publish: Path | None, *, reads_only: bool) -> tuple[Path, Path, Keeper | None]:
    """The store, the public folder, and what makes last what is done there. A store in an object store has a folder
    here, until the command ends.
    """
    public, address = setting("publish", publish), store_address(store)
    if address is None:
        _at_work.extend([setting("store", store), public])
        return setting("store", store), public, None
    from pipelines.places import open_place
    from pipelines.progress import Bar
    from pipelines.working_copies import folder_of, reading_copy, told, working_copy

    endpoint, command = named(STORE_ENDPOINT), f"hubpacks {' '.join(sys.argv[1:2])}"
    with told(), Bar() as bar:
        place = open_place(address, endpoint, named(STORE_SECRET))
        folder = folder_of(store_cache(), address, endpoint)
        copy = _until_the_end.enter_context(
            reading_copy(place, folder, public, bar)
            if reads_only
            else working_copy(place, folder, public, command, bar)
        )
    _at_work.extend([copy.store, copy.public])
    return copy.store, copy.public, copy.keeper


def _known(line: Line, hub: str) -> None:
    """Stop unless there is a hub of that id, or a file that should have been its registration."""
    broken = {Path(name).stem for name in line.registry.problems}
    if hub not in line.registry.hubs and hub not in broken:
        _stop_unknown(hub, line)


def _stop_unknown(hub: str, line: Line) -> NoReturn:
    _stop(f"no hub is called {hub}; there are {', '.join(line.registry.hubs)}")


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


def _registration_in(mapping: Path) -> Registration:
    try:
        return read_registration(mapping)
    except UnusableRegistration as error:
        _stop("\nhubpacks: ".join(f"{mapping}: {line}" for line in str(error).splitlines()))


def _refuse_hub_id(hub: str) -> None:
    if not re.fullmatch(HUB_ID_PATTERN, hub):
        _stop(f"'{hub}' is no id of a hub: 2 to 60 small letters, digits and hyphens, a letter first")


def _term(flag: str, scheme: str, stated: str | None) -> str | None:
    """The term that ``stated`` names."""
    from hubs.contract.vocabularies import vocabulary

    if stated is None:
        return None
    term = vocabulary(scheme).resolve(stated)
    if term is None:
        _stop(f"{flag} {stated}: choose one of {', '.join(vocabulary(scheme).terms)}")
    return term


def _own_return(path: Path, banks: Mapping[str, Instrument], before: str | None) -> Own:
    """What the return in ``path`` says. Its errors are told as ``check`` tells them, and end the command."""
    from hubs.check import grouped, of_group, report_text, shown
    from hubs.contract.findings import Severity
    from pipelines.gap import read_return

    verdict, own = read_return(path, banks, datetime.now(UTC).date(), before=before)
    if own is None:
        typer.echo(report_text(verdict, str(path)), nl=False, err=True)
        typer.echo(f"hubpacks: {shown(str(path))}: mend the errors above and run again", err=True)
        raise typer.Exit(FINDINGS)
    for group in grouped(f for f in verdict.findings if f.severity is Severity.WARNING):
        typer.echo("\n".join(of_group(group)), err=True)
    return own


def _refuse_output(output: Path | None, address: str, what: str = "feed") -> None:
    """A report inside of the feed would be a part of it at the next check; one in its place would be all of it."""
    if output is None:
        return
    if output.is_dir():
        _stop(f"--output {output}: this is a folder; name a file")
    target = Path(os.path.realpath(output))
    if Path(os.path.realpath(address)) in (target, *target.parents):
        _stop(f"--output {output}: the report would become a part of the {what}; name a file outside of it")


def _report(report: str, output: Path | None, private: bool = False) -> None:
    """Print the report, or write it to ``output``, where only its owner may read what is ``private``."""
    if output is None:
        sys.stdout.write(report.rstrip("\n") + "\n")
        return
    from pipelines.files import write_bytes

    write_bytes(output, (report.rstrip("\n") + "\n").encode(), 0o600 if private else 0o644)


def _stop(message: str) -> NoReturn:
    typer.echo(f"hubpacks: {message}", err=True)
    sys.exit(UNUSABLE)


def _tell(stage: str, what: str) -> None:
    from pipelines.logs import is_json

    if not is_json():  # programs read the events of the log instead
        typer.echo(f"{stage}: {what}", err=True)


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
