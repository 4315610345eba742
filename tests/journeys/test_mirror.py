"""``hubpacks mirror`` as a process, up to a reader who verifies it over HTTP. `make soak` kills it more often."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.publish.pointers import POINTERS
from tests import commands
from tests.feeds import a_case_study, register, write_feed
from tests.mirrors import FIRST, SECOND, SECRET, Door, a_door, kill_mirrors, published, two_releases
from tests.servers import BUCKET

TARGET = f"s3://{BUCKET}/packs"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path / "door", is_open=True) as opened:
        yield opened


def hubpacks(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return commands.hubpacks(Path.cwd(), *arguments, environment=os.environ | environment)


@pytest.fixture
def public(sample_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_folder / "public", tmp_path / "public", symlinks=True))


def test_a_sample_release_goes_up_and_is_verified_where_readers_find_it(public: Path, door: Door) -> None:
    where = ("--publish", str(public), "--endpoint", door.address, "--secret", SECRET)
    done = hubpacks("mirror", TARGET, *where)
    assert (done.returncode, done.stderr) == (0, "")
    number = len(published(public))
    assert f"{number:,} files sent" in done.stdout
    (key,) = public.glob("releases/*/keys/minisign.pub")
    verified = hubpacks("verify", door.site(), "--json", "--key", str(key))
    told = json.loads(verified.stdout)
    assert (verified.returncode, told["problems"]) == (0, [])
    assert told["address"] == f"{door.site()}/releases/{told['release']}/"
    assert told["files"] == number - len(POINTERS)
    again = hubpacks("mirror", TARGET, *where, "--json")
    assert json.loads(again.stdout) | {"seconds": 0} == {
        "target": TARGET,
        "release": told["release"],
        "releases": 1,
        "uploaded": 0,
        "uploaded_bytes": 0,
        "unchanged": number,
        "deleted": 0,
        "seconds": 0,
    }


def test_whenever_a_mirror_is_killed_readers_see_one_whole_release(door: Door, tmp_path: Path) -> None:
    seen = kill_mirrors(door, two_releases(tmp_path), 3, random.Random(27))
    assert set(seen) == {FIRST, SECOND}


def test_a_run_mirrors_at_its_end_and_goes_on_where_the_last_one_could_not(door: Door, tmp_path: Path) -> None:
    register(tmp_path, id="one")
    write_feed(tmp_path / "feeds" / "one", [a_case_study()])
    folders = [f"--{name}={tmp_path / name}" for name in ("registry", "store", "publish")]
    settings = {"HUBPACKS_MIRROR": TARGET, "HUBPACKS_MIRROR_SECRET": SECRET}
    failed = hubpacks("run", *folders, "--json", **settings, HUBPACKS_MIRROR_ENDPOINT="http://127.0.0.1:9")
    assert failed.returncode == 1
    assert "published, but not mirrored: s3://feeds/packs: http://127.0.0.1:9 cannot be reached" in failed.stderr
    assert json.loads(failed.stdout)["mirror"] is None
    done = hubpacks("run", *folders, "--json", **settings, HUBPACKS_MIRROR_ENDPOINT=door.address)
    told = json.loads(done.stdout)
    assert (done.returncode, told["is_new"]) == (0, False)
    assert told["mirror"]["uploaded"] == len(published(tmp_path / "publish"))
    assert door.held() == set(published(tmp_path / "publish"))
    said = hubpacks("run", *folders, **settings, HUBPACKS_MIRROR_ENDPOINT=door.address)
    assert f"{TARGET}: release {told['release']}; 0 files sent" in said.stdout


def test_what_is_taken_down_is_taken_down_in_the_mirror(door: Door, tmp_path: Path) -> None:
    register(tmp_path, id="one")
    write_feed(tmp_path / "feeds" / "one", [a_case_study(id=name, title=f"Study of {name}") for name in ("a", "b")])
    folders = [f"--{name}={tmp_path / name}" for name in ("registry", "store", "publish")]
    settings = {"HUBPACKS_MIRROR": TARGET, "HUBPACKS_MIRROR_SECRET": SECRET, "HUBPACKS_MIRROR_ENDPOINT": door.address}
    assert hubpacks("run", *folders, **settings).returncode == 0
    before = door.held()
    done = hubpacks("withdraw", "one/a", "--takedown", "--reason", "It named someone", *folders, "--json", **settings)
    assert (done.returncode, done.stderr.count("hubpacks:")) == (0, 0), done.stderr
    assert json.loads(done.stdout)["mirror"]["deleted"] > 0
    assert [key for key in before - door.held() if key.endswith("study-of-a.html")]
    assert door.held() == set(published(tmp_path / "publish"))


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "name a place in an object store"),
        (["packs"], 2, "such as s3://my-bucket/packs"),
        (["s3://nosuch/packs", "--secret", SECRET], 2, "there is no bucket nosuch"),
        ([TARGET, "--secret", "NO_SUCH_NAME"], 2, "NO_SUCH_NAME must hold an access key"),
        ([TARGET, "--secret", SECRET, "--publish", "nowhere"], 2, "nothing is published here yet"),
        (["s3://feeds/of-another", "--secret", SECRET], 1, "shows release 2031-01-01.01"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_its_mend(public, door, arguments, code, complaint) -> None:
    door.client.put_object(Bucket=BUCKET, Key="of-another/latest.json", Body=b'{"release": "2031-01-01.01"}')
    done = hubpacks("mirror", "--publish", str(public), "--endpoint", door.address, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("hubpacks: ")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_settings_file_may_name_it_all(public, door, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = {"publish": public, "mirror": TARGET, "mirror_endpoint": door.address, "mirror_secret": SECRET}
    Path("hubpacks.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in lines.items()))
    done = hubpacks("mirror")
    assert (done.returncode, done.stderr) == (0, "")
    assert door.held() == set(published(public))
