"""The command ``hubpacks``. Wording and exit codes only; what a command does stands in the stages.

Exit codes: 0 good, 1 findings or refused, 2 unusable input or arguments. Slow imports wait for the command that needs
them, so that ``--help`` and small checks answer at once.
"""

from __future__ import annotations

import errno
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hubs.registration import Registration, UnusableRegistration, WrongRegistry, read_registration, read_registry
from pipelines.settings import UnusableSettings, setting

if TYPE_CHECKING:
    from pipelines.edition import HubState
    from pipelines.line import Line, Outcome

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

RegistryFlag = Annotated[Path | None, typer.Option("--registry", help="Folder with a YAML file for each hub.")]
StoreFlag = Annotated[Path | None, typer.Option("--store", help="Folder with snapshots and verdicts.")]
PublishFlag = Annotated[Path | None, typer.Option("--publish", help="Folder that readers see.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def main() -> None:
    """Run the command line. A problem that the user can mend is one line on standard error, never a traceback."""
    # Imported here because only the commands that can raise it pay for it.
    from pipelines.files import Busy, Damaged

    try:
        app(prog_name="hubpacks")
    except (Busy, Damaged, UnusableSettings, UnusableRegistration, WrongRegistry) as error:
        _stop(str(error))
    except OSError as error:
        place = error.filename or "the disk"
        mend = "; make room and run again, what was published stays" if error.errno == errno.ENOSPC else ""
        _stop(f"{place}: {error.strerror or error}{mend}")


@app.command(epilog="Example: hubpacks run --registry my-registry --publish /srv/packs")
def run(
    registry: RegistryFlag = None, store: StoreFlag = None, publish: PublishFlag = None, as_json: JsonFlag = False
) -> None:
    """Pull, consolidate and publish once; print a summary of each hub and the release's id."""
    from pipelines.line import run as run_line
    from pipelines.publish import ReleaseRefused

    line = _line(registry, store, publish)
    try:
        outcome = run_line(line, datetime.now(UTC), _tell)
    except ReleaseRefused as error:
        typer.echo(f"hubpacks: release refused, the old one stays: {error}", err=True)
        raise typer.Exit(FINDINGS) from error
    if as_json:
        typer.echo(json.dumps(_summary(outcome), indent=1, ensure_ascii=False))
    else:
        _print_summary(outcome, line)
    if outcome.problems:
        raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks check ./my-feed --mapping registry/my-hub.yaml --format json")
def check(
    feed: Annotated[str, typer.Argument(help="Folder, zip, workbook or web address.")],
    mapping: Annotated[Path | None, typer.Option(help="Registration that says how to read the feed.")] = None,
    format: Annotated[str, typer.Option(help="text or json.")] = "text",
    as_json: JsonFlag = False,
) -> None:
    """Judge a feed as the pipeline would, and show every finding at once."""
    import tempfile

    from hubs.check import report_json, report_text
    from hubs.contract.findings import CODES
    from hubs.instruments import FOLDER, instruments
    from hubs.judge import judge
    from pipelines.pull import pull
    from pipelines.store import Store

    if format not in ("text", "json"):
        _stop(f"--format {format}: choose text or json")
    registration = _registration_for(mapping, feed)
    now = datetime.now(UTC)
    address = feed if "://" in feed else str(Path(feed).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(Path(scratch))
        snapshot = pull(store, registration, address, now)
        if snapshot is None:
            failure = store.last_pull(registration.id) or {}
            _stop(f"{feed}: {CODES[failure['code']].why} ({failure['detail']}) {CODES[failure['code']].mend}")
        own = mapping.parent / "instruments" if mapping else FOLDER
        banks = instruments(FOLDER, own) if own.is_dir() else instruments(FOLDER)
        verdict = judge(store.feed(snapshot), registration, banks, now.date(), Path(scratch))
    if format == "json" or as_json:
        typer.echo(json.dumps(report_json(verdict), indent=1, ensure_ascii=False))
    else:
        typer.echo(report_text(verdict, feed), nl=False)
    if verdict.is_held or verdict.counts()["errors"]:
        raise typer.Exit(FINDINGS)


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


@app.command(epilog="Example: hubpacks status health --json")
def status(
    hub: Annotated[str | None, typer.Argument(help="One hub; all of them when absent.")] = None,
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how each hub stands: state, since when, why, and what its newest feed was made of."""
    from pipelines.line import standings

    line = _line(registry, store, None)
    states = [state for state in standings(line) if hub in (None, state.id)]
    if not states:
        _stop(f"no hub is called {hub}; there are {', '.join(line.registry.hubs)}")
    if as_json:
        typer.echo(json.dumps([_plain_state(state) for state in states], indent=1, ensure_ascii=False))
        return
    for state in states:
        since = f" since {state.since:%-d %B %Y}" if state.since else ""
        typer.echo(f"{state.id}: {state.state.value.replace('_', ' ')}{since}")
    typer.echo("")
    _print_hubs([_plain_state(state) for state in states])


@app.command(epilog="Example: hubpacks verify public/releases/2026-09-30.01")
def verify(
    path: Annotated[Path, typer.Argument(help="Folder of a release, or the public folder (its latest release).")],
    as_json: JsonFlag = False,
) -> None:
    """Check a release against its own checksums, file list, links and disclosure thresholds."""
    from pipelines.publish import latest, verify_release

    newest = latest(path)
    folder = path / "releases" / newest.id if newest else path
    if not (folder / "release.json").exists():
        _stop(f"{path}: no release here (there is no release.json)")
    problems = verify_release(folder)
    if as_json:
        typer.echo(json.dumps({"release": folder.name, "problems": problems}, indent=1))
    else:
        for problem in problems:
            typer.echo(problem)
        typer.echo(f"{folder.name}: {'good' if not problems else f'{len(problems)} problems'}")
    if problems:
        raise typer.Exit(FINDINGS)


@app.command(epilog="Example: hubpacks serve --port 8000")
def serve(
    publish: PublishFlag = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 picks a free one.")] = 8000,
) -> None:
    """Show the published site on this machine only, until Ctrl-C."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    folder = setting("publish", publish)
    if not (folder / "latest.json").exists():
        _stop(f"{folder}: nothing is published here yet; run hubpacks run first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        typer.echo(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C stops)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("stopped")


def _line(registry: Path | None, store: Path | None, publish: Path | None) -> Line:
    from pipelines.line import open_line

    folder = setting("registry", registry)
    line = open_line(folder, setting("store", store), setting("publish", publish))
    if not line.registry.hubs and not line.registry.problems:
        _stop(f"{folder}: no registrations here; add a YAML file for each hub")
    return line


def _registration_for(mapping: Path | None, feed: str) -> Registration:
    """The registration in the file ``mapping``; without one, that of an unknown hub whose feed follows the contract."""
    if mapping:
        try:
            return read_registration(mapping)
        except UnusableRegistration as error:
            _stop("\nhubpacks: ".join(f"{mapping}: {line}" for line in str(error).splitlines()))
    unnamed = {"role": "not registered"}
    return Registration.model_validate(
        {
            "id": "unregistered",
            "name": {"en": feed},
            "sector": "cross_sector",
            "owner": unnamed,
            "data_contact": unnamed,
            "address": ".",
        }
    )


def _stop(message: str) -> NoReturn:
    typer.echo(f"hubpacks: {message}", err=True)
    sys.exit(UNUSABLE)


def _tell(stage: str, what: str) -> None:
    typer.echo(f"{stage}: {what}", err=True)


def _plain_state(state: HubState) -> dict[str, Any]:
    return vars(state) | {
        "since": state.since.isoformat() if state.since else None,
        "fetched": state.fetched.isoformat() if state.fetched else None,
    }


def _summary(outcome: Outcome) -> dict[str, Any]:
    merged = sum(len(entry.merged) for entry in outcome.library.values())
    return {
        "release": outcome.release,
        "is_new": outcome.is_new,
        "records": len(outcome.library),
        "merged": merged,
        "hubs": [_plain_state(state) for state in outcome.hubs],
        "problems": dict(outcome.problems),
    }


def _details(state: dict[str, Any]) -> list[str]:
    """What there is to know of a hub beyond its row in the table, a line each."""
    lines = [state["reason"]] if state["reason"] else []
    unused = state["counts"].get("accepted", 0) + state["counts"].get("answers_accepted", 0)
    if unused and not state["snapshot"]:
        lines.append(f"What was good in it ({unused:,} records and answers) is not used.")
    for what in ("quarantined", "quarantined_answers"):
        if state[what]:
            codes = ", ".join(f"{code} {number:,}" for code, number in state[what].items())
            lines.append(f"{'records' if what == 'quarantined' else 'answers'} quarantined: {codes}")
    if state["derived"]:
        lines.append(f"worked out, not stated: {', '.join(f'{what} {n:,}' for what, n in state['derived'].items())}")
    return lines


def _print_hubs(states: list[dict[str, Any]]) -> None:
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
        if details := _details(state):
            console.print(f"\n{state['id']}")
            for line in details:
                console.print(f"  {line}")


def _print_summary(outcome: Outcome, line: Line) -> None:
    summary = _summary(outcome)
    _print_hubs(summary["hubs"])
    for name, problems in outcome.problems.items():
        typer.echo(f"{name}: cannot be used: {'; '.join(problems)}", err=True)
    typer.echo(f"\n{summary['records']:,} records in the library, {summary['merged']:,} merged into others.")
    if outcome.is_new:
        typer.echo(f"Published release {outcome.release}: open {line.public / 'index.html'}")
    else:
        typer.echo(f"Nothing has changed since release {outcome.release}; no new version was published.")
