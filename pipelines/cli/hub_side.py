"""Commands about feeds and those who send them: check, sign, init, map, submit, registrations, tokens."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.common import (
    FINDINGS,
    JsonFlag,
    RegistryFlag,
    StoreFlag,
    app,
    map_app,
    opened_line,
    refuse_output,
    registry_app,
    stop,
    stop_unknown,
    token_app,
    write_report,
)
from pipelines.settings import setting

if TYPE_CHECKING:
    from hubs.registration import Registration
    from pipelines.line import Line
    from pipelines.tokens import Token, Tokens


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
    from hubs.contract.verdict import Verdict
    from hubs.instruments import FOLDER, OnDemand
    from hubs.registration import instrument_folders, unregistered
    from pipelines.check import Checked
    from pipelines.check import check as check_feed
    from pipelines.progress import Bar

    form = "json" if as_json else format
    if form not in ("text", "json", "html"):
        stop(f"--format {form}: choose text, json or html")
    registration = _registration_in(mapping) if mapping else unregistered(feed)
    address = feed if "://" in feed else str(Path(feed).absolute())
    refuse_output(output, address)
    banks = OnDemand(instrument_folders(mapping.parent) if mapping else (FOLDER,))
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as scratch, Bar() as bar:
        checked = check_feed(address, registration, banks, now, Path(scratch), progress=bar)
    head = {"feed": feed, "checked": now.isoformat(timespec="seconds"), "digest": checked.digest}
    match checked:
        case Checked(refusal=(code, detail)):
            if form == "json":
                write_report(json_text(head | refusal_json(code, detail)), output)
            stop(f"{shown(feed)}: {code}: {CODES[code].why} ({detail}) {CODES[code].mend}")
        case Checked(verdict=Verdict() as verdict):
            if form == "html":
                from hubs.check_html import report_html

                write_report(report_html(verdict, feed, now, checked.digest), output)
            elif form == "json":
                write_report(json_text(head | report_json(verdict)), output)
            else:
                write_report(report_text(verdict, feed, with_files=mapping is not None), output)
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
    from hubs.registration import unregistered
    from pipelines.sign import CannotSign
    from pipelines.sign import sign as sign_feed

    try:
        signed = sign_feed(feed, key, _registration_in(mapping) if mapping else unregistered(feed.name))
    except CannotSign as error:
        stop(str(error))
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
    from hubs.registration import read_registry

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
        stop(f"--sector {sector}: choose one of {', '.join(vocabulary('sectors').terms)}")
    try:
        files = write_starter(folder, Starter(hub, (name or "").strip() or hub.replace("-", " ").capitalize(), term))
    except FolderNotEmpty as error:
        stop(str(error))
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
    from hubs.registration import instrument_folders
    from hubs.starter.suggest import hub_id, suggest

    root = feed.resolve()
    hub = hub or (output.stem if output else hub_id(root.name))
    _refuse_hub_id(hub)
    if output and output.name != f"{hub}.yaml":
        stop(f"{output}: the registration of {hub} must be called {hub}.yaml")
    if output and output.exists():
        stop(f"{output} is there already, and nothing is ever overwritten: name another file or take it away")
    folder = (output.parent if output else Path()).resolve()
    if output and root.is_dir() and folder.is_relative_to(root):
        stop(f"{output} would be part of the feed: name a file outside {feed}")
    suggestion = suggest(root, hub, folder, instruments(*instrument_folders(folder)))
    found = f"{suggestion.sources} sources, {suggestion.doubts} doubts"
    if output is None:
        typer.echo(suggestion.text, nl=False)
        typer.echo(found, err=True)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(suggestion.text, encoding="utf-8")
    typer.echo(f"{output}: {found}. Look at each doubt, then run hubpacks check {feed} --mapping {output}")


@token_app.command("create", epilog="Example: hubpacks token create health --days 365")
def token_create(
    hub: Annotated[str, typer.Argument(help="Id of the hub.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it holds.")] = 365,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token by which a hub may submit. It is shown once and kept nowhere."""
    line = opened_line(registry, store, None)
    if hub not in line.registry.hubs:
        stop_unknown(hub, line)
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
    tokens = [_plain_token(token, now) for token in _tokens(opened_line(registry, store, None, reads_only=True)).all()]
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
        token = _tokens(opened_line(registry, store, None)).revoke(id, datetime.now(UTC))
    except KeyError:
        stop(f"no token has the id {id}; see hubpacks token list")
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
        stop(str(error))
    typer.echo(json.dumps(receipt, indent=1, ensure_ascii=False) if as_json else receipt_text(receipt))
    if receipt.get("submission", {}).get("state") not in ("accepted", "received"):
        raise typer.Exit(FINDINGS)


def _tokens(line: Line) -> Tokens:
    from pipelines.tokens import Tokens

    return Tokens(line.store.tokens)


def _plain_token(token: Token, now: datetime) -> dict[str, str]:
    state = "revoked" if token.revoked else "expired" if now >= token.expires else "good"
    dates = {"created": token.created.isoformat(), "expires": token.expires.isoformat()}
    return {"id": token.id, "hub": token.hub, "state": state} | dates


def _registration_in(mapping: Path) -> Registration:
    from hubs.registration import UnusableRegistration, read_registration

    try:
        return read_registration(mapping)
    except UnusableRegistration as error:
        stop("\nhubpacks: ".join(f"{mapping}: {line}" for line in str(error).splitlines()))


def _refuse_hub_id(hub: str) -> None:
    from hubs.registration import HUB_ID_PATTERN

    if not re.fullmatch(HUB_ID_PATTERN, hub):
        stop(f"'{hub}' is no id of a hub: 2 to 60 small letters, digits and hyphens, a letter first")
