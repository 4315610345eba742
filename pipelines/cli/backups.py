"""The commands ``hubpacks backup`` and ``hubpacks restore``: wording and exit codes. What they do: ``checkpoints``.

What cannot be used is raised as UnusableSettings, which ``cli.main`` tells in a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.common import FINDINGS, JsonFlag, app
from pipelines.settings import BACKUP, BACKUP_ENDPOINT, BACKUP_SECRET, UnusableSettings, named, setting

if TYPE_CHECKING:
    from pipelines.checkpoints import Checkpoint
    from pipelines.places import Place


PlaceFlag = Annotated[
    str | None,
    typer.Argument(metavar="PLACE", help="Folder, or place in an object store as s3://bucket/folder, of checkpoints."),
]
EndpointFlag = Annotated[
    str | None, typer.Option("--endpoint", help="Web address of the object store, where it is not Amazon's.")
]
SecretFlag = Annotated[
    str | None,
    typer.Option(
        "--secret", help="Name of the environment variable with the access key as KEYID:SECRETKEY; else AWS_…"
    ),
]


@app.command(epilog="Example: hubpacks backup /mnt/backup/packs --keep 30")
def backup(
    place: PlaceFlag = None,
    *,
    list_only: Annotated[bool, typer.Option("--list", help="Only show which checkpoints there are.")] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Then forget all but the newest N, and delete what only the others had.")
    ] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave out the private key of releases: keep it elsewhere.")
    ] = False,
    store: Annotated[Path | None, typer.Option("--store", help="Folder with snapshots and verdicts.")] = None,
    publish: Annotated[Path | None, typer.Option("--publish", help="Folder that readers see.")] = None,
    endpoint: EndpointFlag = None,
    secret: SecretFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a checkpoint: a whole copy of the store and the public folder. Only what is not there yet is sent; runs may
    be at work meanwhile.
    """
    from pipelines.checkpoints import head_of, told_in_a_line, writing
    from pipelines.progress import Bar

    with told_in_a_line():
        where = _place(place, endpoint, secret)
        if list_only:
            _print_checkpoints(where, head_of(where).checkpoints, as_json=as_json)
            return
        folder, public = setting("store", store), setting("publish", publish)
        if not folder.is_dir():
            raise UnusableSettings(f"{folder}: no store here; name it with --store")
        _refuse_inside(where, folder, public)
        with writing(where, "hubpacks backup") as writer, Bar() as bar:
            taken = writer.checkpoint(folder, public, datetime.now(UTC), has_keys=not without_keys, progress=bar)
            pruned = writer.prune(keep) if keep else None
    if as_json:
        told = taken.checkpoint.to_dict() | {"is_new": taken.is_new, "sent": taken.sent, "sent_bytes": taken.sent_bytes}
        removed = {"pruned": vars(pruned)} if pruned else {}
        typer.echo(json.dumps({"place": where.address} | told | removed, indent=1))
        return
    one = taken.checkpoint
    typer.echo(f"{where.address}: checkpoint {one.id}, {one.files:,} files ({_size(one.bytes)})")
    if taken.is_new:
        typer.echo(f"  {taken.sent:,} sent ({_size(taken.sent_bytes)}) in {taken.seconds:,.1f} s")
    else:
        typer.echo("  nothing has changed since it was taken")
    if pruned:
        what = f"{pruned.objects:,} objects deleted ({_size(pruned.bytes)})"
        typer.echo(f"  {pruned.checkpoints:,} older ones forgotten, {what}")
    if one.has_keys:
        typer.echo("  the private key of releases is in it: whoever can read the place can sign in your name")
    else:
        typer.echo("  no private key of releases is in it: keep a copy of the key elsewhere")


@app.command(epilog="Example: hubpacks restore /mnt/backup/packs --store new/store --publish new/public")
def restore(
    place: PlaceFlag = None,
    *,
    at: Annotated[str | None, typer.Option(help="Id of a checkpoint, or its beginning; the newest if absent.")] = None,
    store: Annotated[Path, typer.Option(help="New folder for the store.")],
    publish: Annotated[Path, typer.Option(help="New folder for what readers see.")],
    endpoint: EndpointFlag = None,
    secret: SecretFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring a checkpoint back into two new folders, and look at every digest, the ledger and the newest release."""
    from pipelines.checkpoints import chosen, told_in_a_line
    from pipelines.checkpoints import restore as restore_from
    from pipelines.progress import Bar

    with told_in_a_line():
        where = _place(place, endpoint, secret)
        checkpoint = chosen(where, at)
        with Bar() as bar:
            restored = restore_from(where, checkpoint, store, publish, bar)
    if as_json:
        told = checkpoint.to_dict() | {"problems": list(restored.problems), "seconds": restored.seconds}
        typer.echo(json.dumps(told, indent=1))
    else:
        typer.echo(f"{store} and {publish}: checkpoint {checkpoint.id}")
        typer.echo(f"  {restored.files:,} files ({_size(restored.bytes)}), each with its digest")
        for problem in restored.problems:
            typer.echo(f"  {problem}")
        good = "good" if not restored.problems else f"{len(restored.problems):,} problems"
        typer.echo(f"  ledger and release {checkpoint.release or '(none yet)'}: {good}")
        if not checkpoint.has_keys:
            typer.echo(f"  no private key was in it: name yours in the settings, or put it at {store}/keys/signing.pem")
    if restored.problems:
        raise typer.Exit(FINDINGS)


def _place(address: str | None, endpoint: str | None, secret: str | None) -> Place:
    from pipelines.places import open_place

    wanted = named(BACKUP, address)
    if wanted is None:
        raise UnusableSettings(
            "name a place for checkpoints, a folder or s3://my-bucket/backup, or set HUBPACKS_BACKUP"
        )
    return open_place(wanted, named(BACKUP_ENDPOINT, endpoint), named(BACKUP_SECRET, secret))


def _refuse_inside(place: Place, *folders: Path) -> None:
    """A place within what is copied would be copied as well, and be lost with it."""
    target = Path(os.path.realpath(place.address))
    for folder in folders:
        if "://" not in place.address and Path(os.path.realpath(folder)) in (target, *target.parents):
            raise UnusableSettings(
                f"{place.address}: this is a part of {folder}: name a place outside, better on another disk"
            )


def _print_checkpoints(place: Place, checkpoints: Iterable[Checkpoint], *, as_json: bool) -> None:
    listed = list(checkpoints)
    if as_json:
        typer.echo(json.dumps([checkpoint.to_dict() for checkpoint in listed], indent=1))
        return
    for one in listed:
        keys = "" if one.has_keys else ", without a private key"
        taken = one.at.astimezone(UTC)
        typer.echo(
            f"{one.id}  {taken:%-d %B %Y %H:%M} UTC  release {one.release or '(none yet)'}  "
            f"{one.files:,} files, {_size(one.bytes)}{keys}"
        )
    if not listed:
        typer.echo(f"{place.address}: there is no checkpoint here")


def _size(number: int) -> str:
    return f"{number / 1_000_000:,.1f} MB"
