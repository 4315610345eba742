"""The docs are followed to the letter: each file they show is written, each command run, each name looked up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from assets.definitions import build_defs
from assets.resources import LineResource
from hubs.contract.findings import CODES, Code
from pipelines.alerts import ALERTS, Settings
from pipelines.cli import app
from pipelines.edition import State
from pipelines.logs import EVENTS
from pipelines.metrics import MEASURES
from pipelines.publish.writers import BENCHMARKS, DISTRIBUTIONS, TRENDS, records
from pipelines.settings import (
    COUNTING,
    DEFAULTS,
    KEY_FILE,
    MIRROR,
    MIRROR_ENDPOINT,
    MIRROR_SECRET,
    PLACES,
    SPARK_MASTER,
)

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").glob("*.md"))
FOLLOWED = [README, *GUIDES]
"""What leads people through commands."""
WRITTEN_BY_HAND = [*sorted(ROOT.glob("*.md")), *GUIDES, *sorted((ROOT / "docs" / "adr").glob("*.md"))]
PAGES = [*WRITTEN_BY_HAND, *sorted((ROOT / "docs" / "reference").glob("*.md")), ROOT / "hubs" / "samples" / "README.md"]
MOST_README_LINES = 60
LONGEST_SECONDS = 600

NOT_RUN = {
    ("README.md", "make run", "make sets up the checkout that the tests run in"),
    ("operators.md", "hubpacks serve --port 8000", "a server never ends"),
    ("operators.md", "make dev", "a server never ends"),
    ("operators.md", "hubpacks serve --candidate", "a server never ends"),
    ("operators.md", "HUBPACKS_ADDRESS=https://packs.example.org/ hubpacks run", "it would make another release"),
    ("operators.md", "hubpacks intake --port 8001", "a server never ends"),
    ("operators.md", "hubpacks metrics --port 9464", "a server never ends"),
    ("operators.md", "hubpacks alerts --test\nhubpacks alerts --dry-run", "there has to be a mail server"),
    (
        "operators.md",
        'export PACKS_KEY="$(cat /run/secrets/packs-key)"\n'
        "hubpacks mirror s3://my-bucket/packs --endpoint https://minio.example.org --secret PACKS_KEY",
        "a bucket has to be there, and its key",
    ),
    (
        "operators.md",
        'export BACKUP_KEY="$(cat /run/secrets/backup-key)"\n'
        "hubpacks backup s3://my-bucket/backup --endpoint https://minio.example.org --secret BACKUP_KEY --keep 30",
        "a bucket has to be there, and its key",
    ),
    (
        "operators.md",
        'export HUBPACKS_STORE=s3://my-bucket/store STORE_KEY="$(cat /run/secrets/store-key)"\n'
        "export HUBPACKS_STORE_ENDPOINT=https://minio.example.org HUBPACKS_STORE_SECRET=STORE_KEY\n"
        "hubpacks run --mirror s3://my-bucket/packs",
        "a bucket has to be there, and its key",
    ),
    (
        "readers.md",
        "hubpacks verify https://packs.example.org --key the-key-i-trust.pub\n"
        "hubpacks verify https://packs.example.org/releases/2026-11-23.01/ --json",
        "the site is made up",
    ),
    (
        "hubs.md",
        "read -rs HUBPACKS_TOKEN && export HUBPACKS_TOKEN\nhubpacks submit guide/parks --to https://intake.example.org",
        "an intake has to be running, and its operator has the token",
    ),
}
"""The commands that nobody tries here, and why. All others are run."""
OF_MACHINES = ("it changes the machine", "it takes two machines", "it needs a cluster")
"""Why whole sets of commands are not tried; ``test_cluster`` starts the same programs with the files of ``deploy``."""

_BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_SNAKE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")


@dataclass(frozen=True)
class Block:
    """One fenced block. ``mark`` is the comment right before it, such as ``file: a/b.md``; empty without one."""

    mark: str
    language: str
    body: str

    @property
    def exit_code(self) -> int:
        """How its commands are said to end."""
        found = re.match(r"exit (\d+): .", self.mark)
        return int(found[1]) if found else 0


def blocks(page: Path) -> list[Block]:
    return [Block(*(part or "" for part in found)) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> str:
    """What the page gives to type: its shell blocks and its code between backticks."""
    shell = [block.body for block in blocks(page) if block.language in ("sh", "text")]
    return "\n".join([*shell, *_CODE.findall(prose(page))])


def test_operators_are_told_what_to_do_about_each_code_that_stops_a_feed() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    section = guide.partition("### When a feed is not used")[2].partition("###")[0]
    theirs = {code for code, about in CODES.items() if about.scope == "feed" and about.operator != Code.operator}
    assert theirs
    assert not [code for code in theirs if f"`{code}`" not in section]


def follow(page: Path, folder: Path) -> None:
    """Do in ``folder``, which stands for a checkout, what ``page`` says, from top to bottom."""
    if not (folder / "hubs").exists():
        (folder / "hubs").symlink_to(ROOT / "hubs")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("HUBPACKS_")}
    settings["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{settings['PATH']}"
    printed = ""
    for block in blocks(page):
        if block.mark.startswith("file: "):
            path = folder / block.mark.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.mark.startswith("output"):
            assert block.body.strip() in printed, f"{page.name}: the output is another\n{printed}"
        elif block.language == "sh" and not block.mark.startswith("not run: "):
            done = subprocess.run(
                ["/bin/bash", "-euo", "pipefail", "-c", block.body],
                cwd=folder,
                env=settings,
                capture_output=True,
                text=True,
                check=False,
                timeout=LONGEST_SECONDS,
            )
            printed = done.stdout
            assert done.returncode == block.exit_code, f"{page.name}:\n{block.body}\n{done.stdout}\n{done.stderr}"


def remember_figures(sample_folder: Path, store: Path) -> None:
    """Let the first run into ``store`` find how the figures of the sample hubs are told, so as not to round and attack
    them again. It is a cache, which changes no byte.
    """
    store.mkdir(parents=True)
    shutil.copy(sample_folder / "store/told.parquet", store)


@pytest.fixture(scope="module")
def newcomer(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has followed the README."""
    folder = tmp_path_factory.mktemp("newcomer")
    remember_figures(sample_folder, folder / "store")
    follow(README, folder)
    return folder


def test_the_readme_leads_to_a_release(newcomer: Path) -> None:
    assert (newcomer / "public" / "index.html").exists()
    assert len(list((newcomer / "public" / "releases").glob("*/release.json"))) == 1


def test_the_guide_for_readers_works_on_that_release(newcomer: Path) -> None:
    follow(ROOT / "docs" / "readers.md", newcomer)


def test_the_guide_for_hubs_leads_to_an_accepted_feed(tmp_path: Path) -> None:
    follow(ROOT / "docs" / "hubs.md", tmp_path)
    (release,) = (tmp_path / "guide/public/releases").glob("*/packs/national/records.jsonl")
    assert len(release.read_text(encoding="utf-8").splitlines()) == 5


def test_the_guide_for_operators_can_be_followed(sample_folder: Path, tmp_path: Path) -> None:
    remember_figures(sample_folder, tmp_path / "data/store")
    follow(ROOT / "docs" / "operators.md", tmp_path)
    assert (tmp_path / "data" / "public" / "latest.json").exists()
    assert not (tmp_path / "public").exists()


def test_every_guide_is_followed_by_a_test() -> None:
    without_commands = {"performance.md", "threat-model.md"}
    assert {page.name for page in GUIDES} == {"hubs.md", "operators.md", "readers.md", *without_commands}
    assert not [block for name in without_commands for block in blocks(ROOT / "docs" / name)]


def test_only_these_commands_are_not_run() -> None:
    found = {
        (page.name, block.body.strip(), block.mark.removeprefix("not run: "))
        for page in FOLLOWED
        for block in blocks(page)
        if block.mark.startswith("not run")
    }
    of_machines = {told for told in found if told[2] in OF_MACHINES}
    assert {page for page, _, _ in of_machines} == {"operators.md"}
    assert found - of_machines == NOT_RUN


def test_every_mark_means_something_and_stands_before_a_block() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        marks = [block.mark for block in blocks(page) if block.mark]
        assert text.count("<!--") == len(marks), f"{page.name}: a mark without a block"
        for mark in marks:
            assert re.match(r"(file|not run|exit \d+): .|output of the command above$", mark), f"{page.name}: {mark}"


def test_the_readme_fits_on_a_screen() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES


# Links.


def anchors(page: Path) -> set[str]:
    """The places in a page that a link may lead to, called as Git's web sites call them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def lost_links(page: Path) -> Iterator[str]:
    for address in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", address):
            continue
        name, _, anchor = unquote(address).partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield address


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert list(lost_links(page)) == []


def test_a_lost_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b`\n\n[here](#a-b) [there](#nowhere) [file](gone.md) [web](https://hub.example/)\n")
    assert list(lost_links(page)) == ["#nowhere", "gone.md"]


# Names.


def cli_commands() -> set[str]:
    root = typer.main.get_command(app)
    names = set()
    for name, command in root.commands.items():
        names |= {f"{name} {inner}" for inner in getattr(command, "commands", {})} or {name}
    return names


def make_targets() -> set[str]:
    found = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return set(found[1].split())


def test_every_command_in_the_docs_exists_and_every_command_is_in_the_docs() -> None:
    known, named = cli_commands(), set()
    for page in WRITTEN_BY_HAND:
        for first, second in re.findall(r"(?m)^hubpacks ([a-z]+)(?: ([a-z]+))?", commands(page)):
            name = next((name for name in (f"{first} {second}", first) if name in known), None)
            assert name, f"{page.name}: hubpacks {first} {second}"
            named.add(name)
    assert named == known


def test_every_make_target_in_the_docs_exists_and_every_target_is_in_the_docs() -> None:
    named = {name for page in WRITTEN_BY_HAND for name in re.findall(r"(?m)^make ([a-z]+)", commands(page))}
    assert named == make_targets()


def test_every_setting_is_in_the_guide_for_operators() -> None:
    text = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    for name in DEFAULTS:
        assert f"`{name}`" in text or f"| {name} |" in text
        assert f"`--{name}`" in text
        assert f"`HUBPACKS_{name.upper()}`" in text
    for name in (MIRROR, MIRROR_ENDPOINT, MIRROR_SECRET, COUNTING, SPARK_MASTER):
        assert f"| `{name}` |" in text
        assert f"`HUBPACKS_{name.upper()}`" in text
    for name in PLACES:
        assert f"`{name}`" in text
        assert f"`HUBPACKS_{name.upper()}`" in text
    for setting in (KEY_FILE, "--key", f"HUBPACKS_{KEY_FILE.upper()}", "HUBPACKS_SIGNING_KEY"):
        assert f"`{setting}`" in text


def test_every_alert_setting_event_and_metric_is_in_the_guide_for_operators() -> None:
    text = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    plain = text.replace("`", "")
    for code, alert in ALERTS.items():
        assert f"| {code} | {alert.weight.value} | {alert.means} | {alert.mend} |" in plain, code
    for name, (told, labels) in MEASURES.items():
        assert f"| {name} | {', '.join(labels) or 'none'} | {told} |" in plain, name
    for name, told in EVENTS.items():
        assert f"| `{name}` | {told} |" in text, name
    settings = {field.alias or name for name, field in Settings.model_fields.items()}
    rows = {name for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in _CODE.findall(row)}
    assert settings <= rows, settings - rows


def test_every_state_is_explained_to_hubs_and_operators() -> None:
    for page in (ROOT / "docs" / "hubs.md", ROOT / "docs" / "operators.md"):
        for state in State:
            assert f"| {state.value.replace('_', ' ')} |" in prose(page), f"{page.name}: {state}"


def test_every_column_is_explained_to_readers() -> None:
    explained = set(_CODE.findall(prose(ROOT / "docs" / "readers.md")))
    assert {*records().names, *BENCHMARKS.names, *DISTRIBUTIONS.names, *TRENDS.names} <= explained


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_every_job_schedule_and_check_is_explained_to_operators(tmp_path: Path) -> None:
    folders = {"store": str(tmp_path / "store"), "publish": str(tmp_path / "public")}
    repository = build_defs(LineResource(registry=str(DEFAULTS["registry"]), **folders)).get_repository_def()
    jobs = {name for name in repository.job_names if not name.startswith("__")}
    schedules = {schedule.name for schedule in repository.schedule_defs}
    checks = {key.name for key in repository.asset_graph.asset_check_keys}
    explained = set(_CODE.findall(prose(ROOT / "docs" / "operators.md")))
    sensors = {sensor.name for sensor in repository.sensor_defs}
    assert {"pull", "candidate", "release", "approve", "refuse", "confirm_feed", "withdraw", "mirror"} <= jobs
    assert jobs | schedules | sensors | checks <= explained


def test_every_name_between_backticks_is_a_name_of_the_code() -> None:
    rooms = ("hubs", "pipelines", "assets", "tests", "deploy")
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".yaml")]
    words = {word for path in files for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {*records().names, *BENCHMARKS.names}  # some are put together
    for page in WRITTEN_BY_HAND:
        named = {name for name in _CODE.findall(prose(page)) if _SNAKE.fullmatch(name)}
        assert named <= words, f"{page.name}: {named - words}"


def test_findings_that_the_docs_name_exist() -> None:
    shown = [block.body for page in FOLLOWED for block in blocks(page) if block.language == "text"]
    named = {code for text in shown for code in re.findall(r"(?:ERROR|WARNING|NOTE) (\w+)", text)}
    assert named
    assert named <= set(CODES)
    reference = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    assert all(f"| `{code}` |" in reference for code in CODES)
