"""JSON that strangers wrote."""

import time

import pytest

from hubs.jsonfile import UnreadableJson, parse_json


def test_a_repeated_key_is_named_at_once_however_many_there_are() -> None:
    keys = ",".join(f'"{number}": 0' for number in range(50_000))
    began = time.process_time()
    with pytest.raises(UnreadableJson, match="'last' appears twice"):
        parse_json(f'{{{keys}, "last": 0, "last": 1}}')
    assert time.process_time() - began < 5  # every key against every other takes minutes
