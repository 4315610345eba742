"""What others' judges say of a whole release, and that each still judges: of a damaged copy it says something."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from tests.browser import markup_problems
from tests.judges import apart, bills, catalogues, data, files, pages
from tests.judges.pdf import problems_of

Damage = Callable[[bytes], bytes]
TABLES = ("benchmarks", "distributions", "trends")


@dataclass(frozen=True)
class Judge:
    """``asked`` of a public folder gives problems. ``breaks`` does so much harm to ``file`` that ``says`` is in one."""

    asked: Callable[[Path], list[str]]
    file: str
    breaks: Damage
    says: str
    of_damage: Callable[[Path], list[str]] | None = None
    """Asked of the damaged copy instead, where the whole release would take long."""


def release_of(public: Path) -> Path:
    (release,) = (public / "releases").glob("2*")
    return release


def of_release(judge: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
    return lambda public: judge(release_of(public))


def replaced(old: str, new: str) -> Damage:
    def damage(content: bytes) -> bytes:
        assert old.encode() in content, old
        return content.replace(old.encode(), new.encode(), 1)

    return damage


def in_json(change: Callable[[Any], object]) -> Damage:
    def damage(content: bytes) -> bytes:
        told = json.loads(content)
        change(told)
        return json.dumps(told, ensure_ascii=False).encode()

    return damage


def node(graph: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in graph["@graph"] if one["@type"] == kind)


def packs_by_size(public: Path) -> list[Path]:
    """The folders of all packs, the one with the fewest words first."""
    found = (release_of(public) / "packs").glob("*/records.jsonl")
    return [path.parent for path in sorted(found, key=lambda path: (path.stat().st_size, path.parent.name))]


def all_pages(public: Path) -> list[Path]:
    return sorted(public.rglob("*.html"))


def pdfs(public: Path) -> list[Path]:
    """PDFs of the pack with the least and of that with the most, the one in Welsh, the other in English."""
    packs = packs_by_size(public)
    return [packs[0] / "pack.cy.pdf", packs[-1] / "pack.pdf"]


def pdf_rules(paths: list[Path]) -> list[str]:
    return [f"{path}: {problem}" for path, problems in problems_of(paths).items() for problem in problems]


def described_tables(public: Path) -> list[Path]:
    release = release_of(public)
    packs = packs_by_size(public)
    return [
        *(release / "benchmarks" / f"{table}.csv-metadata.json" for table in TABLES),
        *(pack / "records.csv-metadata.json" for pack in (packs[0], packs[-1])),
    ]


def opened_by(program: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
    """What ``program`` finds in the tables of benchmarks."""
    return lambda public: [
        f"{table}: {problem}" for table in TABLES for problem in program(release_of(public) / "benchmarks" / table)
    ]


def in_office(suffix: str) -> Callable[[Path], list[str]]:
    """What LibreOffice shows otherwise than CSV: changes between periods, and the records of the largest pack."""

    def problems(public: Path) -> list[str]:
        benchmarks, pack = release_of(public) / "benchmarks", packs_by_size(public)[-1]
        return [
            *files.office_problems(benchmarks / f"trends{suffix}", "trends", benchmarks / "trends.csv"),
            *files.office_problems(pack / f"pack{suffix}", "records", pack / "records.csv"),
        ]

    return problems


def office_on_trends(public: Path) -> list[str]:
    benchmarks = release_of(public) / "benchmarks"
    return files.office_problems(benchmarks / "trends.ods", "trends", benchmarks / "trends.csv")


def without_tags(content: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(content)) as document:
        del document.Root.StructTreeRoot, document.Root.MarkInfo, document.Root.Metadata
        document.save(out := io.BytesIO())
    return out.getvalue()


def without_licence(crate: dict[str, Any]) -> None:
    """The root alone, which has no licence."""
    crate["@graph"] = [one for one in crate["@graph"] if one["@id"] in ("ro-crate-metadata.json", "./")]
    del crate["@graph"][1]["license"], crate["@graph"][1]["hasPart"]


def judged_alone(public: Path) -> list[str]:
    """The crate's description without its files, which takes a tenth of the time."""
    alone = public / "crate-alone"
    alone.mkdir()
    shutil.copy(release_of(public) / "ro-crate-metadata.json", alone)
    problems = catalogues.crate_problems(alone)
    shutil.rmtree(alone)
    return problems


RELEASE = "releases/*/"
START = f"{RELEASE}en/index.html"
TRENDS = f"{RELEASE}benchmarks/trends.csv"
A_LETTER_IN_A_NUMBER = replaced(",405,", ",4O5,")

JUDGES = {
    "qpdf": Judge(
        lambda public: files.pdf_structure_problems(sorted(public.rglob("pack*.pdf"))[::8]),
        f"{RELEASE}packs/sector-justice/pack.pdf",
        lambda content: content[: len(content) // 2],
        "xref",
        of_damage=lambda public: files.pdf_structure_problems([release_of(public) / "packs/sector-justice/pack.pdf"]),
    ),
    "veraPDF": Judge(
        lambda public: pdf_rules(pdfs(public)),
        f"{RELEASE}packs/sector-justice/pack.pdf",
        without_tags,
        "ua1",
        of_damage=lambda public: pdf_rules([release_of(public) / "packs/sector-justice/pack.pdf"]),
    ),
    "Nu": Judge(
        lambda public: markup_problems(all_pages(public)),
        START,
        replaced("</main>", "<p id=main-content></main>"),
        "Duplicate ID",
        of_damage=lambda public: markup_problems([release_of(public) / "en/index.html"]),
    ),
    "linkinator": Judge(
        pages.link_problems, START, replaced('href="../en/data.html"', 'href="../en/date.html"'), "date.html"
    ),
    "schema.org": Judge(
        lambda public: pages.schema_org_problems(all_pages(public)),
        f"{RELEASE}en/benchmarks/index.html",
        replaced('"license"', '"licence"'),
        "no such property: licence",
    ),
    "frictionless": Judge(of_release(data.data_package_problems), TRENDS, A_LETTER_IN_A_NUMBER, "4O5"),
    "Data Package 2.0": Judge(
        of_release(data.data_package_profile_problems),
        f"{RELEASE}datapackage.json",
        in_json(lambda package: package["resources"][0].pop("path")),
        "resources[0]",
    ),
    "CSVW": Judge(
        lambda public: data.csvw_problems(described_tables(public)),
        TRENDS,
        A_LETTER_IN_A_NUMBER,
        "trends.csv-metadata.json: not valid",
    ),
    "DCAT-AP": Judge(
        of_release(catalogues.dcat_problems),
        f"{RELEASE}dcat.jsonld",
        in_json(lambda graph: node(graph, "dcat:Dataset").pop("dct:title")),
        "http://purl.org/dc/terms/title",
    ),
    "RO-Crate": Judge(
        of_release(catalogues.crate_problems),
        f"{RELEASE}ro-crate-metadata.json",
        in_json(without_licence),
        "license",
        of_damage=judged_alone,
    ),
    "CycloneDX": Judge(
        of_release(bills.bill_problems),
        f"{RELEASE}sbom.cdx.json",
        in_json(lambda told: told["components"][0].update(type="thing")),
        "components.0.type: 'thing' is not one of",
    ),
    "UK model": Judge(
        of_release(catalogues.uk_problems),
        f"{RELEASE}uk-metadata.json",
        in_json(lambda record: record.update(accessRights="PERHAPS")),
        "PERHAPS",
    ),
    "harvester": Judge(
        of_release(catalogues.harvest_problems),
        f"{RELEASE}benchmarks/trends.parquet",
        lambda content: content + b"0",
        "another file is at",
    ),
    "Atom": Judge(
        lambda public: files.atom_problems(public / "feed.xml"),
        "feed.xml",
        lambda content: re.sub(rb"<published>(.+?)[+]00:00<", rb"<published>\1<", content),
        "published",
    ),
    "sha256sum": Judge(of_release(files.sum_problems), TRENDS, A_LETTER_IN_A_NUMBER, "benchmarks/trends.csv: FAILED"),
    "DuckDB": Judge(
        opened_by(files.duckdb_problems),
        f"{RELEASE}benchmarks/trends.jsonl",
        lambda content: content.partition(b"\n")[2],
        "rows, in CSV",
    ),
    "pandas": Judge(
        opened_by(files.pandas_problems),
        f"{RELEASE}benchmarks/trends.parquet",
        lambda content: content[:1000],
        "trends: .parquet",
    ),
    "JSON": Judge(
        lambda public: files.json_problems([*public.rglob("*.json"), *public.rglob("*.jsonld")]),
        f"{RELEASE}coverage.json",
        replaced("{", '{"release": NaN,'),
        "NaN is no JSON",
    ),
    "LibreOffice, ODS": Judge(
        in_office(".ods"), TRENDS, replaced(",405,", ",406,"), "'405'", of_damage=office_on_trends
    ),
    "LibreOffice, XLSX": Judge(
        in_office(".xlsx"), f"{RELEASE}packs/national/pack.xlsx", lambda content: content[:999], "no sheet records"
    ),
}


@pytest.fixture(scope="module")
def damaged(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that is published, for damages that are mended again."""
    return Path(shutil.copytree(sample_folder / "public", tmp_path_factory.mktemp("damaged") / "public", symlinks=True))


@contextmanager
def harm(public: Path, judge: Judge) -> Iterator[None]:
    """Do a judge's damage for as long as the block lasts. The package tells the new digest, so that a judge has to look
    at what is in the file.
    """
    (path,) = public.glob(judge.file)
    package = release_of(public) / "datapackage.json"
    kept = {one: one.read_bytes() for one in (path, package)}
    path.write_bytes(judge.breaks(kept[path]))
    assert path.read_bytes() != kept[path]
    if path != package:
        old, new = (hashlib.sha256(content).hexdigest() for content in (kept[path], path.read_bytes()))
        package.write_bytes(kept[package].replace(old.encode(), new.encode()))
    yield
    for one, content in kept.items():
        one.write_bytes(content)


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_finds_nothing_in_the_release(name: str, sample_folder: Path) -> None:
    assert JUDGES[name].asked(sample_folder / "public") == []


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_finds_what_is_wrong_in_a_damaged_copy(name: str, damaged: Path) -> None:
    judge = JUDGES[name]
    with harm(damaged, judge):
        found = (judge.of_damage or judge.asked)(damaged)
    assert any(judge.says in problem for problem in found), found


def test_readers_tools_take_the_signatures_and_refuse_them_of_other_sums(sample_release: Path, damaged: Path) -> None:
    assert files.signature_problems(sample_release) == []
    sums = release_of(damaged) / "SHA256SUMS"
    kept = sums.read_bytes()
    sums.write_bytes(kept.replace(b"0", b"1", 1))
    found = files.signature_problems(release_of(damaged))
    sums.write_bytes(kept)
    assert {problem.partition(":")[0] for problem in found} == {"minisign", "ssh-keygen", "openssl"}


def test_a_judge_that_is_missing_or_looks_at_nothing_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match="looked at nothing"):
        data.csvw_problems([])
    with pytest.raises(AssertionError, match="the judge itself failed"):
        catalogues.dcat_problems(tmp_path)
    monkeypatch.setattr(apart, "PYTHON", tmp_path / "python")
    with pytest.raises(AssertionError, match="run 'make build/judges/"):
        data.csvw_problems([tmp_path])
