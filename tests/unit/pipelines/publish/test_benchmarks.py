"""Where groups stand: what pages of dimensions are told, and that sentences claim no more than the tables do."""

from __future__ import annotations

import html
import pickle
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from hubs.instruments import instruments
from pipelines.disclose.derived import BENCHMARKS, DISTRIBUTIONS
from pipelines.edition import Pack
from pipelines.publish import benchmarks, views
from pipelines.publish.benchmarks import Benchmark, Benchmarks
from pipelines.publish.pages import Page
from pipelines.publish.site import Site
from tests.builders import INSTRUMENT, a_benchmark_table, an_edition, benchmark_rows, distribution_rows

AUDIENCE = "decision_maker"


@cache
def told_rows(period: str, n: int) -> tuple[dict[str, Any], ...]:
    """The rows of builders, which take a while, worked out once."""
    return tuple(benchmark_rows(period, n))


def a_view(edition: Any) -> views.BenchmarkView:
    return next(view for view in views.benchmark_views(edition) if view.audience == AUDIENCE)


def a_site(change: Any = None) -> Site:
    """A site of benchmarks of which ``change`` has changed each row of the last period."""
    told = [change(dict(row)) if change else row for row in told_rows("2026-Q3", 45)]
    return Site(an_edition(benchmarks=a_benchmark_table([*told_rows("2026-Q2", 40), *told])), {}, {})


def the_page(site: Site, dimension: str, language: str = "en") -> Page:
    path = f"{language}/{a_view(site.edition).dimension_path(dimension)}"
    return next(page for page in site.pages() if page.path == path)


def text_of(site: Site, dimension: str, language: str = "en") -> str:
    """What the page says, without markup."""
    shown = re.sub(r"<[^>]+>", " ", site.render(the_page(site, dimension, language)))
    return " ".join(html.unescape(shown).split())


def test_every_dimension_has_a_page_for_each_audience_in_both_languages() -> None:
    site = a_site()
    pages = [page for page in site.pages() if page.template == "benchmark_dimension.html"]
    dimensions = instruments()[INSTRUMENT].dimensions
    assert len({page.path for page in pages}) == 2 * 2 * len(dimensions)
    assert {page.alternate for page in pages} == {page.path for page in pages}


def test_a_dimension_has_its_groups_and_those_that_are_withheld() -> None:
    edition = an_edition()
    view = a_view(edition)
    shown = Benchmarks(edition).dimension(view, "legal")
    assert shown.national.row["n"] == 45
    assert [row.row["period"] for row in shown.periods] == ["2026-Q2", "2026-Q3"]
    by_sector = next(group for group in shown.groups if group.breakdown == "sector")
    assert [one.group for one in by_sector.told] == [{"sector": "local_government"}]
    assert {name: [one.group for one in found] for name, found in by_sector.rolled_up.items()} == {
        "total": [{"sector": "health"}]
    }
    assert by_sector.rows[-1] is shown.national
    assert by_sector.spread is None
    assert shown.all_groups.told[0].address == "dimension=legal+sector=local_government"


def test_the_benchmarks_of_one_term_leaves_out_dimensions_in_which_it_is_withheld() -> None:
    edition = an_edition()
    found = Benchmarks(edition)
    assert [*found.of_term(a_view(edition), "sector", "local_government")] == [*a_view(edition).dimensions]
    assert found.of_term(a_view(edition), "sector", "health") == {}


def test_parts_lie_end_to_end_and_are_the_whole() -> None:
    levels = {str(level): {"level": str(level), "count": count} for level, count in enumerate((0, 10, 25, 5, 0, 0))}
    one = Benchmark({"breakdown": "total", "dimension": "legal", "n": 40, "status": ""}, levels)
    assert [(told["level"], start, length) for told, start, length in one.parts()] == [
        ("1", 0, 0.25),
        ("2", 0.25, 0.625),
        ("3", 0.875, 0.125),
    ]
    assert (one.part_of("2"), one.has_bars) == (0.625, True)
    levels["0"]["count"] = None
    assert not one.has_bars


CLAIMS = {
    ("en", "better"): "Better than all organisations: Local government.",
    ("en", "worse"): "Worse than all organisations: Local government.",
    ("cy", "better"): "Gwell na phob sefydliad: Llywodraeth leol.",
    ("cy", "worse"): "Gwaeth na phob sefydliad: Llywodraeth leol.",
}


@pytest.mark.parametrize(("language", "word"), CLAIMS)
def test_a_difference_is_claimed_where_the_table_does(language: str, word: str) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | ({"comparison": word} if row["sector"] == "local_government" else {})

    told = text_of(a_site(change), "legal", language)
    assert CLAIMS[language, word] in told
    other = {"better": "worse", "worse": "better"}[word]
    assert CLAIMS[language, other] not in told


def test_no_difference_is_claimed_where_the_limits_do_not_allow_it() -> None:
    told = text_of(a_site(), "legal")
    assert "No group is clearly better or worse than all organisations" in told
    assert not re.search(r"(Better|Worse) than all organisations:", told)

    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"comparison": None}

    assert "No group is large enough to be compared with all organisations" in text_of(a_site(change), "legal")


@pytest.mark.parametrize(
    ("q1", "q3", "said"),
    [
        (2.0, 2.0, "Half of all organisations or more are at level 2"),
        (1.0, 2.0, "Half of all organisations or more are at level 1 or 2"),
        (0.5, 2.0, "Half of all organisations or more are between level 0.5 and level 2"),
        (None, None, "There are too few organisations to say where the middle half is"),
    ],
)
def test_the_middle_half_is_said_in_words(q1: float | None, q3: float | None, said: str) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"q1": q1, "q3": q3}

    assert f"{said}." in text_of(a_site(change), "legal")


def test_a_sentence_names_three_groups_and_says_that_there_are_others() -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | ({"comparison": "better"} if row["n"] and row["breakdown"] != "total" else {})

    told = text_of(a_site(change), "legal")
    assert "Better than all organisations: Local government; Council; 50 to 249 staff and others." in told


def test_levels_that_are_told_two_together_are_drawn_and_named_so() -> None:
    rows = [row | {"median": None, "q1": None, "q3": None} for row in told_rows("2026-Q3", 45)]
    pairs = []
    for row in distribution_rows(rows):
        if row["level"] in ("0", "2", "4"):
            low = int(row["level"])
            name = f"{low}-{low + 1}"
            pairs.append(row | {"level": name, "count": 15, "share": 0.333})
    edition = an_edition(
        benchmarks=pa.Table.from_pylist(rows, BENCHMARKS), distributions=pa.Table.from_pylist(pairs, DISTRIBUTIONS)
    )
    site = Site(edition, {}, {})
    assert "Levels 2 and 3 together" in text_of(site, "legal")
    assert 'data-level="2-3" data-figures="share">33%' in site.render(the_page(site, "legal"))


def test_a_level_that_is_not_told_apart_is_marked_and_explained_and_not_drawn() -> None:
    rows = [*told_rows("2026-Q3", 45)]
    levels = [
        row | ({"count": None, "share": None, "status": "[low]"} if row["level"] == "0" else {})
        for row in distribution_rows(rows)
    ]
    edition = an_edition(
        benchmarks=pa.Table.from_pylist(rows, BENCHMARKS), distributions=pa.Table.from_pylist(levels, DISTRIBUTIONS)
    )
    site = Site(edition, {}, {})
    drawn = site.render(the_page(site, "legal"))
    assert 'class="hp-part"' not in drawn.replace('aria-hidden="true"><rect class="hp-part"', "")
    assert "[low] 0 or 5 organisations, not told apart" in text_of(site, "legal")


def test_a_key_explains_the_markers_of_its_table_and_no_others() -> None:
    site = a_site()
    shown = site.told.dimension(a_view(site.edition), "legal")
    marks = {group.breakdown: benchmarks.marks_of_medians(group.rows) for group in shown.groups}
    assert marks == {"sector": [], "organisation_type": [], "size_band": [], "region": ["[u]", "[x]"]}
    region = site.render(the_page(site, "legal")).partition('id="by-region"')[2].partition("</section>")[0]
    table, _, key = region.partition('class="hp-key"')
    assert {*re.findall(r"\[\w+\]", table.partition("<table")[2])} == {"[u]", "[x]"}
    assert re.findall(r"<dt>(\[\w+\])</dt>", key.partition("</dl>")[0]) == ["[u]", "[x]"]


def test_trends_that_are_not_told_say_why() -> None:
    edition = an_edition(benchmarks=a_benchmark_table([*told_rows("2026-Q3", 45)]))
    shown = Benchmarks(edition).dimension(a_view(edition), "legal")
    assert benchmarks.marks_of_trends([shown.national]) == ["[z]"]
    assert not any(group.has_trends for group in shown.groups)
    assert "Since" not in text_of(Site(edition, {}, {}), "legal")


def test_a_spread_is_told_of_two_groups_or_more_beside_all() -> None:
    def row(share: float | None, **group: str) -> Benchmark:
        breakdown = "sector" if group else "total"
        return Benchmark({"breakdown": breakdown, "dimension": "legal", "share_ge_3": share, "n": 40, **group})

    low, high, none = row(0.2, sector="health"), row(0.5, sector="housing"), row(None, sector="justice")
    group = benchmarks.Group("sector", (none, high, low), (), row(0.4))
    assert group.spread == (low, high)
    assert benchmarks.Group("sector", (none, high), (), row(0.4)).spread is None
    assert benchmarks.Group("sector", (high, low), (), row(None)).spread is None


def test_the_explorer_knows_every_wave_and_what_things_are_called() -> None:
    site = a_site()
    told = benchmarks.for_explorer(site.edition, site.benchmarks, "cy", "../cy/")
    (view,) = (view for view in told["views"] if view["audience"] == AUDIENCE)
    assert view["periods"] == ["2026-Q2", "2026-Q3"]
    assert view["dimensions"][1] == {
        "id": "legal",
        "label": "Cyfreithiol",
        "address": "../cy/benchmarks/interop-baseline-v1-decision-maker/legal.html",
    }
    assert view["levels"][0] == "Heb ddechrau"


def test_a_pack_of_a_sector_that_is_withheld_says_so_in_both_languages() -> None:
    health = Pack("sector-health", "sectors", "health", "Health", "Iechyd", ())
    edition = an_edition(packs=(health,))
    site = Site(edition, defaultdict(int), {})
    told = {page.language: site.render(page) for page in site.pages() if page.template == "pack.html"}
    assert told["en"].count("The figures of this sector are confidential [c]") == 2
    assert told["cy"].count("Mae ffigurau&#39;r sector hwn yn gyfrinachol [c]") == 2
    assert "hp-range" not in told["en"]


_RENDERS = """
import pickle, sys
from pipelines.publish.site import Site
site = Site(pickle.load(sys.stdin.buffer), {}, {})
shown = [site.render(page) for page in site.pages() if page.template.startswith("benchmark")]
print(len(shown), "pandas" in sys.modules)
"""


def test_pages_of_benchmarks_import_no_pandas() -> None:
    edition = pickle.dumps(a_site().edition)
    done = subprocess.run([sys.executable, "-c", _RENDERS], input=edition, capture_output=True, check=False)
    number, has_pandas = done.stdout.decode().split()
    assert (int(number) > 10, has_pandas) == (True, "False"), done.stderr.decode()


def test_rows_are_had_by_the_whole_of_a_text() -> None:
    texts = ["a.b", "acb", "a.b.c", "xa.b", "a.b\n", None, "a|b"]
    table = pa.table({"text": texts, "other": ["1", "1", "1", "1", "1", "1", "1"]})
    assert views.having(table, text="a.b", other="1")["text"].to_pylist() == ["a.b"]
    assert views.having(table, text="a.b", other="").num_rows == 0
    assert views.having(table, text="a|b")["text"].to_pylist() == ["a|b"]
