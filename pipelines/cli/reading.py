"""Commands that need nothing but a release: verify, trace, diff, gap."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.common import FINDINGS, JsonFlag, PublishFlag, app, refuse_output, stop, write_report
from pipelines.settings import setting

if TYPE_CHECKING:
    from hubs.instruments import Instrument
    from pipelines.download import Downloaded
    from pipelines.gap import Own
    from pipelines.signatures import ReleaseKey

MAX_KEY_SHOWN = 100
MAX_PROBLEM_SHOWN = 1_000


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
        stop(str(error))
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
    from hubs.registration import instrument_folders
    from pipelines.gap import UnusableRelease, UnusableReturn, UnusableTarget, analysed, report

    form = "json" if as_json else format
    if form not in ("text", "json", "html"):
        stop(f"--format {form}: choose text, json or html")
    if language not in ("en", "cy"):
        stop(f"--language {language}: choose en or cy")
    place = setting("publish", release)
    for taken in (answers, place, *([before] if before else [])):
        refuse_output(output, str(taken), "release" if taken is place else "return")
    peers = {"sector": _term("--sector", "sectors", sector), "size_band": _term("--size-band", "size_bands", size_band)}
    banks = OnDemand(instrument_folders(setting("registry")))
    try:
        own = _own_return(answers, banks, None)
        earlier = _own_return(before, banks, own.period) if before else None
        analysis = analysed(own, earlier, place, banks, target=target, peers=peers, language=language)
    except (UnusableReturn, UnusableRelease, UnusableTarget) as error:
        stop(str(error))
    write_report(report(analysis, form, output), output, private=True)
    if output is not None:
        typer.echo(f"The gap analysis is in {output}")


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
        stop(f"no release can be had: {error}")


def _release(path: Path, wanted: str | None = None) -> Path:
    """The folder of the release ``wanted`` (the latest when absent) in a public folder, or ``path`` if it is one."""
    from pipelines.publish import latest

    newest = latest(path)
    folder = path / "releases" / (wanted or newest.id) if newest else path
    if not (folder / "release.json").exists():
        stop(f"{folder}: no release here (there is no release.json)")
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
        stop(f"--key {key[:MAX_KEY_SHOWN]}: {error}")
    if not keys:
        stop(f"--key {key[:MAX_KEY_SHOWN]}: no key in it")
    return keys


def _release_called(name: str, publish: Path | None) -> Path:
    """The folder of the release that ``name`` is the id of, or the folder."""
    from pipelines.publish import RELEASE_ID

    if not RELEASE_ID.fullmatch(name) or Path(name).is_dir():
        return _release(Path(name))
    public = setting("publish", publish)
    if not (public / "releases" / name / "release.json").is_file():
        stop(f"{public}: no release {name} here; see releases.json there, or name the public folder with --publish")
    return public / "releases" / name


def _term(flag: str, scheme: str, stated: str | None) -> str | None:
    """The term that ``stated`` names."""
    from hubs.contract.vocabularies import vocabulary

    if stated is None:
        return None
    term = vocabulary(scheme).resolve(stated)
    if term is None:
        stop(f"{flag} {stated}: choose one of {', '.join(vocabulary(scheme).terms)}")
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
