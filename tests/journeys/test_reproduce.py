"""The same feeds and code give the same bytes, whoever builds, where and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.feeds import a_case_study, a_faq, answers_of, register, write_feed
from tests.journeys.test_run import hubpacks
from tests.reproduce import OTHER, Differs, compare


def a_world(folder: Path, *hubs: str) -> tuple[Path, Path]:
    for number, hub in enumerate(hubs):
        register(folder, id=hub)
        records = [a_case_study(body=f"Of {hub}."), a_case_study(id="same", body="The same.")]
        write_feed(folder / "feeds" / hub, records, [a_faq()], answers=answers_of(20, 1 + 100 * number))
    return folder / "registry", folder / "feeds"


def test_every_file_is_the_same_under_another_clock_zone_locale_order_mask_and_folder(tmp_path: Path) -> None:
    assert compare(*a_world(tmp_path, "one", "two", "three")) > 100


def test_a_release_of_another_moment_is_another(tmp_path: Path) -> None:
    later = replace(OTHER, environment={**OTHER.environment, "SOURCE_DATE_EPOCH": "1795824060"})
    with pytest.raises(Differs, match=r"files differ: .*\.json"):
        compare(*a_world(tmp_path, "one"), other=later)


def test_a_moment_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_world(tmp_path, "one")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    done = hubpacks(tmp_path, "run", "--registry", "registry")
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "hubpacks: SOURCE_DATE_EPOCH=yesterday: write whole seconds since 1970, or leave it out",
    )
