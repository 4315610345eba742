"""Alerts in words: what a tired operator reads, and what a hub reads in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubs.contract.findings import CODES, Who
from pipelines.alerts import ALERTS, Condition, Settings
from pipelines.alerts.deciding import Known, News
from pipelines.alerts.words import WIDTH, body, document, letter, subject, texts
from tests.feeds import NOW, registration

HELD = Condition("feed_held", "vale", NOW, "vale", ("feed_shrank",), {"records_before": 1_200, "records_lost": 700})
STALE = Condition("hub_stale", "hill", NOW, "hill", (), {"cadence": "weekly", "days_without_news": 20})
EXPIRING = Condition("hub_expiring", "vale", NOW, "vale", (), {"carried_until": "2026-10-31"})
LOW = Condition("disk_low", "store", NOW, None, (), {"free_bytes": 1_000, "wanted_bytes": 5_000})
OVER = Known("feed_held", "dale", "dale", NOW - timedelta(days=9), NOW)


def news(
    *new: Condition, over: tuple[Known, ...] = (), lasts: tuple[Condition, ...] = (), is_list: bool = False
) -> News:
    return News(new, over, lasts, is_list)


def test_a_message_to_the_operator() -> None:
    told = news(HELD, LOW, over=(OVER,), lasts=(STALE,), is_list=True)
    assert subject(told) == "hubpacks: 2 new (feed_held vale, disk_low store), 1 over, 1 still so"
    assert (
        body(told, "https://packs.example.org/", NOW, Settings())
        == """\
hubpacks at https://packs.example.org/, 1 October 2026, 09:30 UTC

NEW

Feed held (feed_held, feed_shrank)
  Much of what the hub's last good feed had is missing.
  - vale, since 1 October 2026: records before 1,200, records lost 700
  What to do: Ask the hub. If it is meant: hubpacks confirm vale --reason WHY;
  more: hubpacks status vale

Disk low (disk_low)
  There is little room left where the store or the public folder is. A run
  that finds none publishes nothing.
  - store, since 1 October 2026: free bytes 1,000, wanted bytes 5,000
  What to do: Make room, or move the folder to a larger disk. What is
  published stays meanwhile.

OVER
  - Feed held (feed_held), dale, which began on 22 September 2026

STILL SO

Hub stale (hub_stale)
  The hub has sent nothing new for twice its cadence. What it sent last stays
  published.
  - hill, since 1 October 2026: cadence weekly, days without news 20
  What to do: Ask the hub whether it has news. If it has less often, set
  another cadence in its registration.

hubpacks alerts lists all that is wrong now. What each code means stands in
docs/operators.md, under Alerts.
What is new comes at once, the second time on a day after 60 minutes at least,
and then more rarely. What lasts comes again every 7 days.
"""
    )


def test_what_lasts_is_only_counted_between_two_lists() -> None:
    told = body(news(LOW, lasts=(HELD, STALE)), "https://packs.example.org/", NOW, Settings())
    assert "2 more last, of which you know: feed_held vale, hub_stale hill." in told
    assert "STILL SO" not in told


def test_a_letter_to_a_hub_in_both_languages() -> None:
    one = registration(id="vale", name={"en": "Vale hub", "cy": "Hwb y Fro"})
    head, text = letter(news(HELD, EXPIRING), one)
    assert head == "hubpacks: your newest feed is not used / ni ddefnyddir eich porthiant diweddaraf"
    english, welsh = text.split(f"\n\n{'-' * WIDTH}\n\n")
    assert (
        english
        == """\
This is about the feed of Vale hub. A program wrote it.

New: Your newest feed is not used
  Since 1 October 2026. Much of what the hub's last good feed had is missing.
  Of 1,200 records that are in use, 700 are missing. What you sent last that
  was good stays published, if there is any.
  What to do: If that is meant, give CCS the reason, and they let it through.
  Otherwise publish the whole feed again.

New: Your last good feed will be dropped
  Since 1 October 2026. It is carried forward because no newer one can be
  used, and is published no longer after 31 October 2026.
  What to do: Mend your feed before that day.

To see every finding, run hubpacks check with your feed, or ask us for the
report.
You hear of this again when it is over, and from time to time while it lasts.
If you need help, answer this message."""
    )
    assert welsh.startswith("Mae hyn am borthiant Hwb y Fro. Rhaglen a'i hysgrifennodd.")
    assert "O'r 1,200 cofnod sydd mewn defnydd, mae 700 ar goll." in " ".join(welsh.split())
    assert "Ers 1 Hydref 2026." in welsh


def test_a_hub_reads_its_own_language_first() -> None:
    _, text = letter(news(STALE), registration(language="cy"))
    assert text.startswith("Mae hyn am")
    _, english = letter(news(STALE), registration(name={"en": "Hub one"}))
    assert "Mae hyn" not in english


def test_every_text_is_there_in_both_languages() -> None:
    words = texts()
    assert words.unfinished == ()
    for code, alert in ALERTS.items():
        if alert.is_for_hub:
            for language in ("en", "cy"):
                told = news(Condition(code, "one", NOW, "one", (), {"carried_until": "2026-10-31"}), over=(OVER,))
                assert letter(told, registration(language=language))
    for code, finding in CODES.items():
        if finding.scope == "feed" and (finding.who is not Who.CCS or code == "hub_gone"):
            assert words.texts[f"finding.{code}.why"]["en"] == finding.why
            if code not in ("hub_gone", "hopeless_feed"):  # who reads a letter has no list below it
                assert words.texts[f"finding.{code}.mend"]["en"] == finding.mend


@pytest.mark.parametrize("code", ALERTS)
def test_the_table_reads_well(code: str) -> None:
    alert = ALERTS[code]
    assert alert.means.endswith(".")
    assert alert.mend.endswith(".")
    assert alert.title == alert.title.strip().capitalize()


def test_documents_are_bounded() -> None:
    many = tuple(Condition("hub_stale", f"hub-{n}", NOW, f"hub-{n}") for n in range(1_000))
    told = document(news(*many), "https://packs.example.org/", NOW, "x")
    assert (told["counts"]["new"], len(told["new"]), told["lasts"]) == (1_000, 500, [])
