"""What a server is told stays out of all that is said of it, whichever connector saw it."""

import json

import pytest

from hubs.instruments import instruments
from pipelines.check import check
from pipelines.pull.base import MAX_DETAIL_CHARACTERS, PullFailed, hidden
from tests.faults import reply, scripted
from tests.feeds import NOW, registration
from tests.remotes import SECRET, Remote, attempt

TOKEN = "s3cret-T0ken"
PAGED = {"paging": {"records": "/records", "next": "/next"}}
SENT_BACK = {
    "a path of the manifest": ({"resources": [{"path": f"../{TOKEN}"}]}, {}),
    "a pattern": ({"resources": [{"path": f"{TOKEN}*"}]}, {}),
    "a file that is not there": ({"resources": [{"path": TOKEN}]}, {}),
    "a hash": ({"hubpacks": {"hashes": {TOKEN: 1}}}, {}),
    "a next page": ({"records": [], "next": f"http://{TOKEN}.example/"}, PAGED),
    "a key that comes twice": (f'{{"{TOKEN}": 1, "{TOKEN}": 2}}', PAGED),
}


@pytest.mark.parametrize(("said", "changes"), SENT_BACK.values(), ids=SENT_BACK)
def test_a_secret_that_a_server_sends_back_is_not_logged_or_shown(tmp_path, monkeypatch, said, changes) -> None:
    monkeypatch.setenv(SECRET, TOKEN)
    body = (said if isinstance(said, str) else json.dumps(said)).encode()
    with scripted(datapackage_json=reply(body)) as (address, _):
        changes = {"private_address": True, "secret": SECRET} | changes
        there = Remote(f"{address}/datapackage.json", tmp_path, changes)
        told = attempt(tmp_path, there)["detail"]
        (tmp_path / "scratch").mkdir()
        refusal = check(there.address, registration(**changes), instruments(), NOW, tmp_path / "scratch").refusal
    for words in (told, str(refusal)):
        assert ("s3cret" in words.lower(), "…" in words) == (False, True)


def test_a_secret_is_hidden_before_the_rest_is_cut_off(monkeypatch) -> None:
    monkeypatch.setenv(SECRET, f"name:{TOKEN}")
    long = "x" * (MAX_DETAIL_CHARACTERS - 5)
    assert PullFailed("not_a_feed", f"{long}{TOKEN}").told(registration(secret=SECRET)) == f"{long}…"


def test_a_secret_is_hidden_in_every_form_that_an_address_has_of_it() -> None:
    told = "https://hub.example/a/+?key=a%2F%2B and https://hub.example/a/%2B"
    assert hidden(told, "a/+") == "https://hub.example/…?key=… and https://hub.example/…"
