"""Commands about what goes out: candidates, approve, refuse, withdraw, mirror, keys."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

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
    bucket_of,
    folders,
    key_app,
    mirror_now,
    mirror_told,
    moment_of_run,
    opened_line,
    own_mirror,
    print_mirrored,
    refuse_unpublished,
    stop,
    tell,
)
from pipelines.settings import MIRROR, named, setting, signing_key

MAX_CANDIDATES_SHOWN = 10


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

    line, now = opened_line(registry, store, publish, reads_only=True), datetime.now(UTC)
    every = line.store.candidates.all()
    try:
        one = line.store.candidates.find(candidate) if candidate else line.store.candidates.waiting()
    except NoSuchCandidate as error:
        stop(str(error))
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

    line, bucket = opened_line(registry, store, publish, signing_key(key), address), own_mirror()
    with _decisions():
        approved = approve_candidate(line, candidate, moment_of_run(), by=by, note=note)
    is_out = approved.decided is not None
    mirrored = mirror_now(line.public, bucket, is_in_run=True) if is_out and bucket else None
    if as_json:
        told = approved.to_dict() | mirror_told(bucket, mirrored)
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    elif is_out:
        typer.echo(f"Published release {approved.id}: open {line.public / 'index.html'}")
    else:
        typer.echo(f"{approved.id} is approved by {approved.approved_by}. A second person has to approve it.")
    if mirrored and not as_json:
        print_mirrored(mirrored)
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

    line = opened_line(registry, store, publish)
    with _decisions():
        refused = refuse_candidate(line, candidate, moment_of_run(), by=by, reason=reason)
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
        stop(str(error))
    except (CandidateRefused, ReleaseRefused) as error:
        typer.echo(f"hubpacks: {error}", err=True)
        raise typer.Exit(FINDINGS) from error


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

    now = moment_of_run()
    line = opened_line(registry, store, publish, signing_key(key))
    if not reason.strip():
        stop("--reason: say why, in a few words; readers are told")
    bucket = None if dry_run else own_mirror()
    kind = Kind.TAKEDOWN if takedown else Kind.RETRACTION
    asked = list(dict.fromkeys(records))
    try:
        decisions = withdrawal.decide(
            line, asked, now, kind=kind, reason=reason.strip(), successor=successor, by=by or getuser()
        )
    except withdrawal.NotWithdrawn as error:
        stop(str(error))
    if dry_run:
        plan = withdrawal.plan(line, decisions)
        typer.echo(json.dumps(plan, indent=1, ensure_ascii=False) if as_json else withdrawal.plan_in_words(plan))
        return
    outcome = withdrawal.withdraw(line, decisions, now, tell)
    mirrored = mirror_now(line.public, bucket, is_in_run=True) if bucket else None
    if as_json:
        told = outcome.to_dict() | mirror_told(bucket, mirrored)
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        for sentence in withdrawal.in_words(outcome):
            typer.echo(sentence)
        if mirrored:
            print_mirrored(mirrored)
    if outcome.refused or outcome.why_none or (bucket and mirrored is None):
        raise typer.Exit(FINDINGS)


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
        stop("name a place in an object store, such as s3://my-bucket/packs, or set HUBPACKS_MIRROR")
    folder = setting("publish", publish)
    refuse_unpublished(folder)
    mirrored = mirror_now(folder, bucket_of(place, endpoint, secret))
    if mirrored is None:
        raise typer.Exit(FINDINGS)
    if as_json:
        typer.echo(json.dumps(mirrored.to_dict(), indent=1))
    else:
        print_mirrored(mirrored)


@key_app.command("show", epilog="Example: hubpacks key show --json")
def key_show(store: StoreFlag = None, as_json: JsonFlag = False) -> None:
    """Show the public key of releases in the form of each tool, and the keys that were retired."""
    from pipelines.keys import Keys
    from pipelines.store import Store

    known = Keys(Store(folders(store, None, reads_only=True)[0]).keys).known()
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
        stop("--reason: say why, in a few words")
    line = opened_line(registry, store, publish, signing_key(key))
    new = rotate_key(line, datetime.now(UTC), reason=reason.strip(), is_stolen=is_stolen)
    if as_json:
        typer.echo(json.dumps(new.to_dict(), indent=1))
    else:
        typer.echo(f"{new.public.id} signs the next release. Tell readers, by another way than the site:")
        typer.echo(new.public.minisign)
