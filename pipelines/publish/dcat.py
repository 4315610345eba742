"""The catalogue in DCAT-AP 3.0.1, as JSON-LD: for harvesters of open data. What is said, see ``catalogue``.

Series, catalogue and publisher have addresses that stay from release to release; data sets and distributions have those
of their release. Everything that is named is described in the same file, so that nobody has to ask any other site.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubs.contract.vocabularies import vocabulary
from pipelines.publish import strings
from pipelines.publish.catalogue import RELEASE, Catalogue, File, Offer, Publisher, Words, permalink

NAME = "dcat.jsonld"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "spdx": "http://spdx.org/rdf/terms#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

Node = dict[str, Any]

_EU = "http://publications.europa.eu/resource/authority"
_MEDIA_TYPES = "http://www.iana.org/assignments/media-types"
_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
_PUBLIC, _KINGDOM, _IRREGULAR = f"{_EU}/access-right/PUBLIC", f"{_EU}/country/GBR", f"{_EU}/frequency/IRREG"
_GOVERNMENT = f"{_EU}/data-theme/GOVE"
_LANGUAGES = {"en": f"{_EU}/language/ENG", "cy": f"{_EU}/language/CYM"}
_EU_LICENCES = {
    "OGL-UK-3.0": "OGL_3_0",
    "CC-BY-4.0": "CC_BY_4_0",
    "CC-BY-SA-4.0": "CC_BYSA_4_0",
    "CC0-1.0": "CC0",
    "Apache-2.0": "APACHE_2_0",
}
"""What the European Union's table calls our licences; the others are named by their own addresses."""


def document(catalogue: Catalogue) -> Node:
    """The whole as JSON-LD. The same catalogue gives the same."""
    nodes = [_catalog(catalogue), _agent(catalogue), _contact(catalogue)]
    for offer in catalogue.offers:
        nodes += [_series(catalogue, offer), _dataset(catalogue, offer)]
        nodes += [_distribution(catalogue, offer, file) for file in offer.files]
    return {"@context": CONTEXT, "@graph": [*nodes, *_named(catalogue)]}


def _catalog(catalogue: Catalogue) -> Node:
    return {
        "@id": f"{catalogue.address}#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _texts(_both("metadata.catalogue")),
        "dct:description": _texts(_both("home.description")),
        "dct:publisher": _ref(_publisher(catalogue)),
        "dct:license": _ref(_licence("OGL-UK-3.0")),
        "dct:language": [_ref(iri) for iri in _LANGUAGES.values()],
        "dct:spatial": _ref(_KINGDOM),
        "dct:modified": _moment(catalogue.published),
        "foaf:homepage": _ref(catalogue.address),
        "dcat:contactPoint": _ref(_contact_id(catalogue)),
        "dcat:dataset": [_ref(_id(catalogue, offer)) for offer in catalogue.offers],
    }


def _series(catalogue: Catalogue, offer: Offer) -> Node:
    """What stays of an offer from release to release."""
    title = _both("metadata.releases") if offer.id == RELEASE else offer.title
    return {
        "@id": _series_id(catalogue, offer),
        "@type": "dcat:DatasetSeries",
        "dct:title": _texts(title),
        "dct:description": _texts(offer.description),
        "dct:publisher": _ref(_publisher(catalogue)),
        "dct:modified": _moment(catalogue.published),
        "dct:accrualPeriodicity": _ref(_IRREGULAR),
        "dct:spatial": _ref(_KINGDOM),
        "dcat:contactPoint": _ref(_contact_id(catalogue)),
    }


def _dataset(catalogue: Catalogue, offer: Offer) -> Node:
    node: Node = {
        "@id": _id(catalogue, offer),
        "@type": "dcat:Dataset",
        "dct:title": _texts(offer.title),
        "dct:description": _texts(offer.description),
        "dct:identifier": _id(catalogue, offer),
        "dct:publisher": _ref(_publisher(catalogue)),
        "dct:issued": _moment(catalogue.published),
        "dct:modified": _moment(catalogue.published),
        "dcat:version": catalogue.release,
        "dcat:inSeries": _ref(_series_id(catalogue, offer)),
        "dcat:landingPage": [_ref(page) for page in _pages(catalogue, offer)],
        "dct:accessRights": _ref(_PUBLIC),
        "dct:accrualPeriodicity": _ref(_IRREGULAR),
        "dct:language": [_ref(iri) for iri in _LANGUAGES.values()],
        "dct:spatial": _ref(_KINGDOM),
        "dcat:theme": _ref(_GOVERNMENT),
        "dcat:keyword": [text for words in offer.keywords for text in _texts(words)],
        "dcat:contactPoint": _ref(_contact_id(catalogue)),
        "dcat:distribution": [_ref(_file_id(catalogue, file)) for file in offer.files],
    }
    if offer.id == RELEASE:
        node["dct:hasPart"] = [_ref(_id(catalogue, part)) for part in catalogue.offers[1:]]
        if catalogue.previous:
            node["dcat:prev"] = _ref(permalink(catalogue.address, catalogue.previous))
    if covered := offer.covers:
        first, last = covered
        period = {"dcat:startDate": _day(first.isoformat()), "dcat:endDate": _day(last.isoformat())}
        node["dct:temporal"] = {"@type": "dct:PeriodOfTime", **period}
    return node


def _distribution(catalogue: Catalogue, offer: Offer, file: File) -> Node:
    told = file.format
    node: Node = {
        "@id": _file_id(catalogue, file),
        "@type": "dcat:Distribution",
        "dct:title": _texts({language: f"{text} ({told.name})" for language, text in offer.title.items()}),
        "dct:description": file.path,
        "dcat:accessURL": _ref(_pages(catalogue, offer)[0]),
        "dcat:downloadURL": _ref(f"{catalogue.base}{file.path}"),
        "dct:issued": _moment(catalogue.published),
        "dcat:byteSize": {"@value": str(file.bytes), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": _ref(_SHA256),
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }
    # A distribution has one licence at most; where records have several, it has to be said in words.
    if len(offer.licences) == 1:
        node["dct:license"] = _ref(_licence(offer.licences[0]))
    else:
        node["dct:rights"] = _ref(_rights_id(catalogue, offer))
    if told.eu:
        node["dct:format"] = _ref(f"{_EU}/file-type/{told.eu}")
    if told.is_registered:
        node["dcat:mediaType"] = _ref(f"{_MEDIA_TYPES}/{told.media_type}")
    if file.language:
        node["dct:language"] = _ref(_LANGUAGES[file.language])
    return node


def _agent(catalogue: Catalogue) -> Node:
    name = _texts(catalogue.publisher.name)
    return {"@id": _publisher(catalogue), "@type": ["foaf:Agent", "foaf:Organization"], "foaf:name": name}


def _contact(catalogue: Catalogue) -> Node:
    told: Publisher = catalogue.publisher
    return {
        "@id": _contact_id(catalogue),
        "@type": ["vcard:Kind", "vcard:Organization"],
        "vcard:fn": _texts(told.contact),
        "vcard:hasEmail": _ref(f"mailto:{told.email}"),
    }


def _named(catalogue: Catalogue) -> Iterator[Node]:
    """What the graph names of other vocabularies, with its type."""
    formats = {file.format.media_type: file.format for offer in catalogue.offers for file in offer.files}
    types = {
        _KINGDOM: "dct:Location",
        _PUBLIC: "dct:RightsStatement",
        _IRREGULAR: "dct:Frequency",
        _SHA256: "spdx:ChecksumAlgorithm",
        **dict.fromkeys(_LANGUAGES.values(), "dct:LinguisticSystem"),
        **{f"{_MEDIA_TYPES}/{told.media_type}": "dct:MediaType" for told in formats.values() if told.is_registered},
        **{f"{_EU}/file-type/{told.eu}": "dct:MediaTypeOrExtent" for told in formats.values() if told.eu},
        catalogue.address: "foaf:Document",
        **{page: "foaf:Document" for offer in catalogue.offers for page in _pages(catalogue, offer)},
    }
    for iri, kind in sorted(types.items()):
        yield {"@id": iri, "@type": kind}
    if catalogue.previous:
        yield {"@id": permalink(catalogue.address, catalogue.previous), "@type": "rdfs:Resource"}
    for id in sorted({licence for offer in catalogue.offers for licence in offer.licences}):
        label = vocabulary("licences")[id]
        same = {"rdfs:seeAlso": _ref(label.address)} if label.address and id in _EU_LICENCES else {}
        title = _texts({"en": label.en, "cy": label.cy})
        yield {"@id": _licence(id), "@type": "dct:LicenseDocument", "dct:title": title, **same}
    for offer in catalogue.offers:
        if len(offer.licences) > 1:
            yield {
                "@id": _rights_id(catalogue, offer),
                "@type": "dct:RightsStatement",
                "rdfs:label": _texts(_both("metadata.rights", list=", ".join(offer.licences))),
                "rdfs:seeAlso": [_ref(_licence(id)) for id in offer.licences],
            }
    yield {
        "@id": _GOVERNMENT,
        "@type": "skos:Concept",
        "skos:prefLabel": _texts(_both("metadata.theme")),
        "skos:inScheme": _ref(f"{_EU}/data-theme"),
    }
    yield {"@id": f"{_EU}/data-theme", "@type": "skos:ConceptScheme", "dct:title": _texts(_both("metadata.themes"))}


def _id(catalogue: Catalogue, offer: Offer) -> str:
    return catalogue.base if offer.id == RELEASE else f"{catalogue.base}#{offer.id}"


def _series_id(catalogue: Catalogue, offer: Offer) -> str:
    return f"{catalogue.address}#series-{offer.id}"


def _file_id(catalogue: Catalogue, file: File) -> str:
    return f"{catalogue.base}{file.path}#distribution"


def _rights_id(catalogue: Catalogue, offer: Offer) -> str:
    return f"{catalogue.base}#{offer.id}-rights"


def _publisher(catalogue: Catalogue) -> str:
    return f"{catalogue.address}#publisher"


def _contact_id(catalogue: Catalogue) -> str:
    return f"{catalogue.address}#contact"


def _licence(id: str) -> str:
    own = vocabulary("licences")[id].address
    return f"{_EU}/licence/{_EU_LICENCES[id]}" if id in _EU_LICENCES else own or id


def _pages(catalogue: Catalogue, offer: Offer) -> list[str]:
    return [f"{catalogue.base}{offer.page.format(language=language)}" for language in strings.LANGUAGES]


def _both(key: str, **values: object) -> Words:
    return {language: strings.text(key, language, **values) for language in strings.LANGUAGES}


def _texts(words: Words) -> list[Node]:
    return [{"@value": words[language], "@language": language} for language in strings.LANGUAGES]


def _ref(iri: str) -> Node:
    return {"@id": iri}


def _day(text: str) -> Node:
    return {"@value": text, "@type": "xsd:date"}


def _moment(text: str) -> Node:
    return {"@value": text, "@type": "xsd:dateTime"}
