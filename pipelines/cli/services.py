"""Commands that go on until they are stopped, or that others ask at intervals: serve, intake, metrics, alerts."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.common import (
    FINDINGS,
    AddressFlag,
    JsonFlag,
    PublishFlag,
    RegistryFlag,
    StoreFlag,
    app,
    opened_line,
    refuse_unpublished,
    stop,
)
from pipelines.settings import setting, store_address

if TYPE_CHECKING:
    from pipelines.alerts import Alerted
    from pipelines.alerts import Settings as AlertSettings
    from pipelines.line import Line

SITE_PORT, PREVIEW_PORT = 8000, 8002


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
            stop("--port 0: nginx cannot pick a free port; name one")
        try:
            typer.echo(configuration(folder, host, SITE_PORT if port is None else port), nl=False)
        except UnusableFolder as error:
            stop(str(error))
        return
    from pipelines import logs
    from pipelines.serve.app import serve as serve_site

    logs.configure(logging.WARNING)

    # A shell that runs it in the background lets it end without the interrupt.
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as until_stopped:
        if candidate:
            folder = until_stopped.enter_context(_preview(folder, setting("store", store)))
        else:
            refuse_unpublished(folder)
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
        stop("no candidate waits; see hubpacks candidates, and build one with hubpacks run --candidate")
    typer.echo(f"candidate {waiting.id}", err=True)
    return previewed(public, waiting.id)


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

    settings, now = alerting.read_settings(), datetime.now(UTC)
    line = opened_line(registry, store, publish, None, address, reads_only=dry_run or test)
    if (dry_run or test) and not settings.is_sending:
        stop("the settings name neither smtp nor webhook: see [alerts] in docs/operators.md")
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
        texts = (f"To: {one.to}\nSubject: {one.subject}\n\n{one.body}" for one in planned)
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


@app.command(epilog="Example: hubpacks metrics --output /var/lib/prometheus/node-exporter/hubpacks.prom")
def metrics(
    registry: RegistryFlag = None,
    store: StoreFlag = None,
    publish: PublishFlag = None,
    *,
    output: Annotated[Path | None, typer.Option(help="File to write in one step, instead of printing.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve on this port until Ctrl-C; 0 picks a free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the default is this machine only.")] = "127.0.0.1",
) -> None:
    """Print metrics in Prometheus' text format, or serve them."""
    from pipelines.alerts import read_settings
    from pipelines.files import write_bytes
    from pipelines.metrics import serve as serve_metrics
    from pipelines.metrics import text

    settings = read_settings()

    def opened() -> Line:
        return opened_line(registry, store, publish, reads_only=True)

    if port is None:
        told = text(opened, settings)
        if output is None:
            sys.stdout.write(told.decode())
        else:
            write_bytes(output, told)
        return
    if output is not None:
        stop("--output and --port: choose one")
    if store_address(store) is not None:
        stop("--port: this store is in an object store; have a timer write --output instead")
    opened()  # what is wrong is told now, and not to whoever asks first
    with contextlib.suppress(KeyboardInterrupt):
        serve_metrics(opened, settings, host, port, lambda address: typer.echo(f"{address} (Ctrl-C stops)"))
    typer.echo("stopped")


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
