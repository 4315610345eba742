"""What several commands share: the app, its flags, the line over the folders of the settings, how a command says why it
stops. No command stands here.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pipelines.settings import (
    MIRROR,
    MIRROR_ENDPOINT,
    MIRROR_SECRET,
    STORE_ENDPOINT,
    STORE_SECRET,
    SecretKey,
    named,
    setting,
    site_address,
    store_address,
    store_cache,
)

if TYPE_CHECKING:
    from pipelines.buckets import Bucket
    from pipelines.line import Keeper, Line
    from pipelines.mirror import Mirrored

FINDINGS, UNUSABLE = 1, 2
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
at_work: list[Path] = []
"""The folders that the command works in, for errors that name none."""
until_the_end = contextlib.ExitStack()
"""What is open while the command runs, such as a store in an object store."""


def moment_of_run() -> datetime:
    """When a run is: now, unless ``SOURCE_DATE_EPOCH`` says otherwise, as for builds that can be repeated."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    if not re.fullmatch("[0-9]{1,11}", epoch):
        stop(f"SOURCE_DATE_EPOCH={epoch}: write whole seconds since 1970, or leave it out")
    return datetime.fromtimestamp(int(epoch), UTC)


def refuse_unpublished(folder: Path) -> None:
    """Stop unless a release was published into ``folder``."""
    if not (folder / "latest.json").exists():
        stop(f"{folder}: nothing is published here yet; run hubpacks run first")


def own_mirror(flag: str | None = None) -> Bucket | None:
    """The place that the settings name, None when they name none."""
    target = named(MIRROR, flag)
    return bucket_of(target, None, None) if target else None


def bucket_of(target: str, endpoint: str | None, secret: str | None) -> Bucket:
    """The place in an object store that ``target`` names; stop when it names none."""
    from pipelines.buckets import Bucket, BucketRefused

    try:
        return Bucket(target, named(MIRROR_ENDPOINT, endpoint), named(MIRROR_SECRET, secret))
    except BucketRefused as error:
        stop(str(error))


def mirror_now(public: Path, bucket: Bucket, is_in_run: bool = False) -> Mirrored | None:
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
            stop(str(error))
        typer.echo(f"hubpacks: published, but not mirrored: {error}; then run hubpacks mirror", err=True)
    except MirrorRefused as error:
        typer.echo(f"hubpacks: not mirrored: {error}", err=True)
    return None


def mirror_told(bucket: Bucket | None, mirrored: Mirrored | None) -> dict[str, Any]:
    """What programs are told of a copy: nothing where no place is named, None where it was not brought there."""
    return {"mirror": mirrored.to_dict() if mirrored else None} if bucket else {}


def print_mirrored(mirrored: Mirrored) -> None:
    """Say what a mirror has sent, in a line."""
    size = f"{mirrored.uploaded_bytes / 1_000_000:,.1f} MB"
    done = (
        f"{mirrored.uploaded:,} files sent ({size}), {mirrored.deleted:,} deleted, {mirrored.unchanged:,} as they were"
    )
    typer.echo(f"{mirrored.target}: release {mirrored.release}; {done}")


def opened_line(
    registry: Path | None,
    store: Path | None,
    publish: Path | None,
    key: SecretKey | None = None,
    address: str | None = None,
    *,
    reads_only: bool = False,
) -> Line:
    """The line over these folders, or those of the settings. With ``reads_only`` others may be at work on a store that
    is in an object store. Stop when the registry has no registration.
    """
    from pipelines.candidates import read_rule
    from pipelines.engines import chosen
    from pipelines.line import open_line

    folder = setting("registry", registry)
    where, rule = site_address(address), read_rule()
    store, publish, keeper = folders(store, publish, reads_only=reads_only)
    line = open_line(folder, store, publish, key, address=where, rule=rule, keeper=keeper, engine=chosen())
    if not line.registry.hubs and not line.registry.problems:
        stop(f"{folder}: no registrations here; add a YAML file for each hub")
    return line


def folders(store: Path | None, publish: Path | None, *, reads_only: bool) -> tuple[Path, Path, Keeper | None]:
    """The store, the public folder, and what makes last what is done there. A store in an object store has a folder
    here, until the command ends.
    """
    public, address = setting("publish", publish), store_address(store)
    if address is None:
        at_work.extend([setting("store", store), public])
        return setting("store", store), public, None
    from pipelines.checkpoints import told_in_a_line
    from pipelines.places import open_place
    from pipelines.progress import Bar
    from pipelines.working_copies import folder_of, reading_copy, working_copy

    endpoint, command = named(STORE_ENDPOINT), f"hubpacks {' '.join(sys.argv[1:2])}"
    with told_in_a_line(), Bar() as bar:
        place = open_place(address, endpoint, named(STORE_SECRET))
        folder = folder_of(store_cache(), address, endpoint)
        copy = until_the_end.enter_context(
            reading_copy(place, folder, public, bar)
            if reads_only
            else working_copy(place, folder, public, command, bar)
        )
    at_work.extend([copy.store, copy.public])
    return copy.store, copy.public, copy.keeper


def stop_unknown(hub: str, line: Line) -> NoReturn:
    """Stop because there is no such hub, and name those that there are."""
    stop(f"no hub is called {hub}; there are {', '.join(line.registry.hubs)}")


def refuse_output(output: Path | None, address: str, what: str = "feed") -> None:
    """A report inside of the feed would be a part of it at the next check; one in its place would be all of it."""
    if output is None:
        return
    if output.is_dir():
        stop(f"--output {output}: this is a folder; name a file")
    target = Path(os.path.realpath(output))
    if Path(os.path.realpath(address)) in (target, *target.parents):
        stop(f"--output {output}: the report would become a part of the {what}; name a file outside of it")


def write_report(report: str, output: Path | None, private: bool = False) -> None:
    """Print the report, or write it to ``output``, where only its owner may read what is ``private``."""
    if output is None:
        sys.stdout.write(report.rstrip("\n") + "\n")
        return
    from pipelines.files import write_bytes

    write_bytes(output, (report.rstrip("\n") + "\n").encode(), 0o600 if private else 0o644)


def stop(message: str) -> NoReturn:
    """End the command, because something cannot be used, with a line that says what and why."""
    typer.echo(f"hubpacks: {message}", err=True)
    sys.exit(UNUSABLE)


def tell(stage: str, what: str) -> None:
    """Show a step while it happens."""
    from pipelines.logs import is_json

    if not is_json():  # programs read the events of the log instead
        typer.echo(f"{stage}: {what}", err=True)
