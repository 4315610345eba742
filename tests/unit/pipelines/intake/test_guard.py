"""Rates: so many at once, one more after a while, each client for itself, and no memory without end."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from pipelines.intake import guard
from pipelines.intake.guard import Rate, client_of
from pipelines.intake.problems import Refused


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_so_many_at_once_one_more_comes_with_time() -> None:
    clock = Clock()
    rate = Rate(2, 10, clock)
    rate.take("a")
    rate.take("a")
    with pytest.raises(Refused) as refused:
        rate.take("a")
    assert (refused.value.code, refused.value.retry_seconds) == ("too_many_requests", 11)
    rate.take("b")
    clock.now += 10
    rate.take("a")
    with pytest.raises(Refused):
        rate.require("a")
    clock.now += 1_000_000
    for _ in range(2):
        rate.take("a")
    with pytest.raises(Refused):
        rate.take("a")


def test_to_ask_whether_one_may_costs_nothing() -> None:
    rate = Rate(1, 10, Clock())
    for _ in range(5):
        rate.require("a")
    rate.take("a")


def test_only_the_newest_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_CLIENTS", 3)
    rate = Rate(1, 10, Clock())
    for client in "abcd":
        rate.take(client)
    rate.take("a")  # forgotten, so new
    with pytest.raises(Refused):
        rate.take("d")


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_or_the_network_of_one_customer(address: str, client: str) -> None:
    assert client_of(Request({"type": "http", "client": (address, 1), "headers": []})) == client
