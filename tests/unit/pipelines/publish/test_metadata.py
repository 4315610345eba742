from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubs.contract.vocabularies import vocabulary
from pipelines.files import digests_in
from pipelines.publish import ReleaseRefused, build_release, verify_release
from pipelines.publish.bill import BILL
from pipelines.publish.catalogue import FORMATS, WRITTEN, days_of, read
from pipelines.publish.citation import in_words, of_pack
from pipelines.publish.dcat import CONTEXT
from pipelines.publish.errata import ERRATA
from pipelines.publish.metadata import write_metadata, wrong_metadata
from pipelines.publish.release import MEDIA_TYPES
from tests.builders import a_case_study, a_library, a_question, an_edition, reseal, the_least_edition

SITE = "https://packs.example.org/interop/"
BASE = f"{SITE}releases/2026-11-23.01/"
HOSTILE = '</script><!-- <b> "quoted" \\ =cmd() \u202eright to left\u202c \U0001f600 \u2028 ' + "long" * 30


def json_in(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def nodes(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    found = json_in(folder, name)["@graph"]
    assert len({node["@id"] for node in found}) == len(found)
    return {node["@id"]: node for node in found}


def of_type(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [node for node in nodes(folder, "dcat.jsonld").values() if node["@type"] == kind]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("metadata") / "r"
    library = dict(an_edition().library) | a_library(
        a_case_study("shared", title=HOSTILE, licence="CC-BY-4.0"), a_question("why", question=HOSTILE)
    )
    packs = [replace(pack, records=(*pack.records, "vale/shared")) for pack in an_edition().packs[:1]]
    build_release(an_edition(address=SITE, library=library, packs=(*packs, *an_edition().packs[1:])), folder)
    return folder


@pytest.fixture
def changed(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "changed"))


def test_a_release_with_metadata_verifies(built: Path) -> None:
    assert verify_release(built) == []


def test_every_data_file_is_described_with_its_size_digest_and_address(built: Path) -> None:
    manifest = {file["path"]: file for file in json_in(built, "release.json")["files"]}
    data = {name for name in manifest if Path(name).suffix in FORMATS and not name.startswith(("keys/", "schemas/"))}
    data -= {*WRITTEN, ERRATA, BILL}
    told = {node["dcat:downloadURL"]["@id"].removeprefix(BASE): node for node in of_type(built, "dcat:Distribution")}
    crate = {id: node for id, node in nodes(built, "ro-crate-metadata.json").items() if node["@type"] == "File"}
    assert set(told) == set(crate) == data
    for name in data:
        assert told[name]["dcat:byteSize"]["@value"] == crate[name]["contentSize"] == str(manifest[name]["bytes"])
        assert told[name]["spdx:checksum"]["spdx:checksumValue"]["@value"] == manifest[name]["sha256"]
        assert crate[name]["sha256"] == manifest[name]["sha256"]
        assert crate[name]["encodingFormat"] == manifest[name]["media_type"]
    addresses = json_in(built, "uk-metadata.json")["distribution"]
    assert {address.removeprefix(BASE) for address in addresses} == data


def test_media_types_are_those_of_the_manifest() -> None:
    for suffix in FORMATS.keys() & MEDIA_TYPES.keys():
        assert FORMATS[suffix].media_type == MEDIA_TYPES[suffix]


def test_a_file_of_a_new_kind_comes_in_by_its_suffix(changed: Path) -> None:
    new = changed / "packs/national/pack.cy.pdf"
    new.write_bytes(b"%PDF-")
    write_metadata(changed, SITE)
    told = nodes(changed, "dcat.jsonld")[f"{BASE}packs/national/pack.cy.pdf#distribution"]
    assert told["dcat:mediaType"]["@id"].endswith("application/pdf")
    assert told["dct:language"]["@id"].endswith("CYM")
    assert nodes(changed, "ro-crate-metadata.json")["packs/national/pack.cy.pdf"]["inLanguage"] == "cy"


def test_the_same_folder_gives_the_same_bytes_whatever_was_there(changed: Path) -> None:
    before = {name: (changed / name).read_bytes() for name in WRITTEN}
    for name in WRITTEN[1:]:
        (changed / name).unlink()
    (changed / WRITTEN[0]).write_text("old")
    (changed / "index.html").unlink()
    (changed / "release.json").unlink()
    write_metadata(changed, SITE)
    assert {name: (changed / name).read_bytes() for name in WRITTEN} == before


def test_everything_that_dcat_names_is_described_and_every_name_belongs_to_the_context(built: Path) -> None:
    known = nodes(built, "dcat.jsonld")
    outside = ("https://www.nationalarchives.gov.uk/", "https://creativecommons.org/", "mailto:")

    def check(value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                check(one)
        elif isinstance(value, dict):
            if set(value) == {"@id"} and not value["@id"].startswith(outside):
                assert value["@id"] in known or value["@id"].startswith(f"{BASE}"), value
            for key, one in value.items():
                assert key.startswith("@") or key.partition(":")[0] in CONTEXT, key
                check(one)

    for node in known.values():
        check(node)


def test_texts_are_in_both_languages(built: Path) -> None:
    for kind in ("dcat:Catalog", "dcat:DatasetSeries", "dcat:Dataset"):
        found = of_type(built, kind)
        assert found
        for node in found:
            for name in ("dct:title", "dct:description"):
                assert {text["@language"] for text in node[name]} == {"en", "cy"}, node["@id"]


def test_series_stay_and_a_release_names_the_one_before_it(tmp_path: Path) -> None:
    build_release(the_least_edition(address=SITE, id="2026-11-01.01"), tmp_path / "before")
    after = the_least_edition(address=SITE, previous="2026-11-01.01")
    build_release(after, tmp_path / "r", previous=tmp_path / "before")
    series = [{node["@id"] for node in of_type(tmp_path / name, "dcat:DatasetSeries")} for name in ("before", "r")]
    assert f"{SITE}#series-pack-national" in series[0] & series[1]
    assert nodes(tmp_path / "r", "dcat.jsonld")[BASE]["dcat:prev"]["@id"] == f"{SITE}releases/2026-11-01.01/"
    assert "dcat:prev" not in nodes(tmp_path / "before", "dcat.jsonld")[f"{SITE}releases/2026-11-01.01/"]


def test_the_time_that_figures_are_about_is_told(built: Path) -> None:
    told = nodes(built, "dcat.jsonld")[f"{BASE}#benchmarks"]["dct:temporal"]
    assert [told[f"dcat:{end}Date"]["@value"] for end in ("start", "end")] == ["2026-04-01", "2026-09-30"]
    assert "dct:temporal" not in nodes(built, "dcat.jsonld")[f"{BASE}#pack-national"]


@pytest.mark.parametrize(
    ("period", "days"),
    [("2026", ("2026-01-01", "2026-12-31")), ("2024-Q1", ("2024-01-01", "2024-03-31")), ("soon", None), ("0000", None)],
)
def test_a_period_is_days(period: str, days: tuple[str, str] | None) -> None:
    found = days_of(period)
    assert (found and tuple(day.isoformat() for day in found)) == days


def test_a_pack_of_several_licences_says_all_and_a_distribution_of_one_names_it(built: Path) -> None:
    pack = json_in(built, "packs/national/pack.json")
    assert pack["licences"] == ["CC-BY-4.0", "OGL-UK-3.0"]
    known = nodes(built, "dcat.jsonld")
    mixed = known[f"{BASE}packs/national/pack.json#distribution"]
    assert "dct:license" not in mixed
    assert len(known[mixed["dct:rights"]["@id"]]["rdfs:seeAlso"]) == 2
    one = known[f"{BASE}packs/sector-transport/pack.json#distribution"]
    assert one["dct:license"]["@id"].endswith("/licence/OGL_3_0")
    crate = nodes(built, "ro-crate-metadata.json")
    assert "license" not in crate["packs/national/pack.json"]
    assert len(crate["./"]["license"]) == 2
    assert crate["packs/sector-transport/pack.json"]["license"]["@id"] == vocabulary("licences")["OGL-UK-3.0"].address


def test_the_uk_record_has_what_the_model_requires_and_nothing_else(built: Path) -> None:
    record = json_in(built, "uk-metadata.json")
    required = "updateFrequency accessRights contactPoint creator description identifier licence modified publisher "
    required += "securityClassification title type version"
    optional = "alternativeTitle summary keyword theme issued distribution"
    assert {*required.split()} <= set(record) == {*required.split(), *optional.split()}
    assert len(record["summary"]) <= 250
    assert record["identifier"] == BASE


def test_the_crate_says_which_version_it_is_of_and_holds_every_node_that_it_names(built: Path) -> None:
    data = json_in(built, "ro-crate-metadata.json")
    assert data["@context"] == "https://w3id.org/ro/crate/1.2/context"
    known = nodes(built, "ro-crate-metadata.json")
    assert known["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    named = [ref["@id"] for node in known.values() for value in node.values() for ref in _references(value)]
    assert {*named} - known.keys() == {"https://w3id.org/ro/crate/1.2"}
    parts = [ref["@id"] for node in known.values() for ref in _references(node.get("hasPart", []))]
    assert {id for id, node in known.items() if node["@type"] == "File"} <= {*parts}


def _references(value: Any) -> list[dict[str, str]]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict) and "@id" in one]


def test_the_citation_file_names_this_release(built: Path) -> None:
    cited = yaml.safe_load((built / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["cff-version"], cited["type"], cited["license"]) == ("1.2.0", "dataset", "OGL-UK-3.0")
    assert (cited["version"], cited["url"]) == ("2026-11-23.01", BASE)
    assert str(cited["date-released"]) == "2026-11-23"


def test_a_pack_says_how_to_cite_it_as_its_page_does(built: Path) -> None:
    line = json_in(built, "packs/sector-transport/pack.json")["citation"]
    assert line["en"] == (
        "Sample Wales hub: Transport. hubpacks release 2026-11-23.01, 23 November 2026. "
        f"Licence: Open Government Licence v3.0. {BASE}en/packs/sector-transport.html"
    )
    for language, text in line.items():
        assert text in (built / language / "packs/sector-transport.html").read_text(encoding="utf-8")


def test_a_pack_says_anew_whose_it_is_when_a_record_has_gone(built: Path) -> None:
    pack = json_in(built, "packs/national/pack.json")
    pack["records"] = [record for record in pack["records"] if record["hub"] == "cymru"]
    told = of_pack(pack, {"cymru": {"en": "Wales", "cy": "Cymru"}}, SITE)
    assert told["licences"] == ["OGL-UK-3.0"]
    assert told["citation"]["cy"].startswith("Cymru: Pecyn cenedlaethol. Datganiad hubpacks 2026-11-23.01, 23 Tachwedd")


@pytest.mark.parametrize(("title", "shown"), [("Who owns it?", "it? "), ("Stop.", "Stop. "), ("Packs", "Packs. ")])
def test_a_citation_has_one_stop_after_the_title(title: str, shown: str) -> None:
    more = {"release": "r", "published": date(2026, 1, 2), "licences": ["L"], "link": "https://x.example/"}
    assert f"{shown}hubpacks release r, 2 January 2026" in in_words(title, ["A hub"], language="en", **more)


def test_a_citation_names_a_few_hubs_and_counts_the_rest() -> None:
    more = {"release": "r", "published": date(2026, 1, 2), "licences": ["L"], "link": "https://x.example/"}
    assert in_words("T", [*"abcdefg"], language="en", **more).startswith("a, b, c, d, e and 2 more hubs: T.")
    assert in_words("T", [], language="en", **more).startswith("hubpacks: T.")


# What does not fit is found.


def _in_graph(kind: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda data: change(next(node for node in data["@graph"] if node["@type"] == kind))


def _dcat(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Callable[[dict[str, Any]], Any]]:
    return "dcat.jsonld", _in_graph("dcat:Distribution", change)


def _crate(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Callable[[dict[str, Any]], Any]]:
    return "ro-crate-metadata.json", _in_graph("File", change)


LIES: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "dcat: size": (*_dcat(lambda node: node["dcat:byteSize"].update({"@value": "1"})), r"audit\.json has \d+ bytes"),
    "dcat: digest": (
        *_dcat(lambda node: node["spdx:checksum"]["spdx:checksumValue"].update({"@value": "0" * 64})),
        r"the digest of audit\.json is another",
    ),
    "dcat: no such file": (
        *_dcat(lambda node: node.update({"dcat:downloadURL": {"@id": f"{BASE}gone.csv"}})),
        r"no such file: gone\.csv",
    ),
    "dcat: elsewhere": (
        *_dcat(lambda node: node.update({"dcat:downloadURL": {"@id": "https://else.example/a.csv"}})),
        r"no such file: https://else\.example/a\.csv",
    ),
    "dcat: outside": (
        *_dcat(lambda node: node.update({"dcat:downloadURL": {"@id": f"{BASE}../latest.json"}})),
        r"no such file: \.\./latest\.json",
    ),
    "dcat: left out": (
        *_dcat(lambda node: node.update({"@type": "dcat:Resource"})),
        r"dcat\.jsonld: audit\.json is left out",
    ),
    "dcat: of another release": (
        "dcat.jsonld",
        _in_graph("dcat:Dataset", lambda node: node.update({"@id": f"{SITE}releases/2026-11-01.01/"})),
        "is of another release",
    ),
    "crate: size": (*_crate(lambda node: node.update({"contentSize": "1"})), r"audit\.json has \d+ bytes, not 1"),
    "crate: digest": (*_crate(lambda node: node.update({"sha256": "0" * 64})), r"the digest of audit\.json is another"),
    "crate: no such file": (*_crate(lambda node: node.update({"@id": "gone.csv"})), r"no such file: gone\.csv"),
    "crate: left out": (*_crate(lambda node: node.update({"@type": "Thing"})), r"crate.*: audit\.json is left out"),
    "uk: no such file": (
        "uk-metadata.json",
        lambda data: data["distribution"].append(f"{BASE}gone.csv"),
        r"uk-metadata\.json: no such file: gone\.csv",
    ),
    "uk: another release": (
        "uk-metadata.json",
        lambda data: data.update({"version": "1"}),
        r"uk-metadata\.json: of another release",
    ),
    "pack: licences": (
        "packs/national/pack.json",
        lambda data: data.update({"licences": ["OGL-UK-3.0"]}),
        "licences are not those of its records",
    ),
    "pack: no open licence": (
        "packs/national/pack.json",
        lambda data: data["records"][0].update({"licence": "All rights reserved"}),
        "is under no open licence: All rights reserved",
    ),
    "not a graph": ("dcat.jsonld", lambda data: data.update({"@graph": 7}), "metadata cannot be checked"),
}


@pytest.mark.parametrize("lie", LIES)
def test_metadata_that_do_not_fit_the_folder_are_found(changed: Path, lie: str) -> None:
    name, plant, problem = LIES[lie]
    data = json_in(changed, name)
    plant(data)
    (changed / name).write_text(json.dumps(data), encoding="utf-8")
    found = wrong_metadata(changed, digests_in(changed))
    assert any(re.search(problem, told) for told in found), found


def test_a_citation_of_another_release_is_found(changed: Path) -> None:
    path = changed / "CITATION.cff"
    path.write_text(path.read_text().replace("2026-11-23.01", "2026-11-01.01"))
    assert "CITATION.cff: of another release" in verify_release(changed)


@pytest.mark.parametrize("name", WRITTEN)
def test_metadata_that_are_missing_are_found(changed: Path, name: str) -> None:
    (changed / name).unlink()
    assert f"metadata cannot be checked: {name}: No such file or directory" in verify_release(changed)


def test_a_release_of_an_older_version_has_no_metadata_to_check(changed: Path) -> None:
    manifest = json_in(changed, "release.json")
    del manifest["address"]
    (changed / "release.json").write_text(json.dumps(manifest))
    for name in WRITTEN:
        (changed / name).unlink()
    assert wrong_metadata(changed, digests_in(changed)) == []


# A record without an open licence never leaves.


def test_a_record_without_an_open_licence_is_never_built_whatever_was_said_before(tmp_path: Path) -> None:
    entry = a_case_study("closed")
    closed = entry.record.document.model_copy(update={"licence": "All rights reserved"})
    library = a_library(replace(entry, record=replace(entry.record, document=closed)))
    with pytest.raises(ReleaseRefused, match="vale/closed is under no open licence: All rights reserved"):
        build_release(an_edition(library=library, packs=()), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_record_without_an_open_licence_does_not_verify_however_well_it_is_sealed(changed: Path) -> None:
    name = "packs/sector-transport/pack.json"
    pack = json_in(changed, name)
    pack["records"][0]["licence"] = "NC"
    (changed / name).write_text(json.dumps(pack))
    reseal(changed, name)
    assert any("is under no open licence: NC" in problem for problem in verify_release(changed))


def test_the_address_goes_with_the_release(built: Path) -> None:
    assert json_in(built, "release.json")["address"] == SITE
    assert read(built, SITE).base == BASE
