"""The release as an RO-Crate 1.2: for archives and researchers who keep a release as one folder.

Folders of packs and benchmarks are data sets, each data file is a file with size and digest. Names are in English with
the Welsh one beside them. What is said, see ``catalogue``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hubs.contract.vocabularies import vocabulary
from pipelines.publish.catalogue import Catalogue, File, Offer

NAME = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.2/context"
PROFILE = "https://w3id.org/ro/crate/1.2"

Node = dict[str, Any]

_PUBLISHER = "#publisher"
_CONTACT = "#contact"


def document(catalogue: Catalogue) -> Node:
    """The crate's metadata. The same catalogue gives the same."""
    about = {"@id": NAME, "@type": "CreativeWork", "conformsTo": {"@id": PROFILE}, "about": {"@id": "./"}}
    whole, *parts = catalogue.offers
    nodes = [about, _root(catalogue, whole, parts), *(_part(catalogue, part) for part in parts)]
    nodes += [_file(catalogue, offer, file) for offer in catalogue.offers for file in offer.files]
    nodes += [_organisation(catalogue, hub) for hub in whole.hubs]
    nodes += [_licence(id) for id in whole.licences]
    return {"@context": CONTEXT, "@graph": [*nodes, *_publisher(catalogue)]}


def _root(catalogue: Catalogue, whole: Offer, parts: list[Offer]) -> Node:
    node = _dataset(catalogue, whole, "./", [*({"@id": _folder(part)} for part in parts if part.files)])
    node |= {
        "version": catalogue.release,
        "identifier": catalogue.base,
        "url": catalogue.base,
        "inLanguage": ["en", "cy"],
    }
    node |= {"author": _ids([_PUBLISHER, *map(_hub, whole.hubs)]), "spatialCoverage": {"@id": "#united-kingdom"}}
    return node


def _part(catalogue: Catalogue, part: Offer) -> Node:
    node = _dataset(catalogue, part, _folder(part), [])
    return node if "author" in node else node | {"author": {"@id": _PUBLISHER}}


def _dataset(catalogue: Catalogue, offer: Offer, id: str, parts: list[Node]) -> Node:
    node = {
        "@id": id,
        "@type": "Dataset",
        "name": offer.title["en"],
        "alternateName": offer.title["cy"],
        "description": offer.description["en"],
        "datePublished": catalogue.published,
        **_licensed(catalogue, offer, is_root=id == "./"),
        "publisher": {"@id": _PUBLISHER},
        "keywords": ", ".join(words["en"] for words in offer.keywords),
        "hasPart": [*parts, *({"@id": file.path} for file in offer.files)],
    }
    if offer.hubs:
        node["author"] = _ids(map(_hub, offer.hubs))
    if covered := offer.covers:
        node["temporalCoverage"] = "/".join(day.isoformat() for day in covered)
    return node


def _file(catalogue: Catalogue, offer: Offer, file: File) -> Node:
    node: Node = {
        "@id": file.path,
        "@type": "File",
        "name": f"{offer.title['en']} ({file.format.name})",
        "description": f"{file.path}: {offer.description['en']}",
        "encodingFormat": file.format.media_type,
        "contentSize": str(file.bytes),
        "sha256": file.sha256,
        **_licensed(catalogue, offer),
    }
    return node | ({"inLanguage": file.language} if file.language else {})


def _organisation(catalogue: Catalogue, hub: str) -> Node:
    names = catalogue.hubs.get(hub, {"en": hub, "cy": hub})
    node = {"@id": _hub(hub), "@type": "Organization", "name": names["en"], "alternateName": names["cy"]}
    return node | {"url": f"{catalogue.base}en/coverage.html#hub-{hub}"}


def _publisher(catalogue: Catalogue) -> list[Node]:
    told = catalogue.publisher
    contact = {
        "@id": _CONTACT,
        "@type": "ContactPoint",
        "name": told.contact["en"],
        "contactType": "customer service",
        "email": told.email,
    }
    agent = {
        "@id": _PUBLISHER,
        "@type": "Organization",
        "name": told.name["en"],
        "url": catalogue.address,
        "contactPoint": {"@id": _CONTACT},
    }
    return [agent, contact, {"@id": "#united-kingdom", "@type": "Place", "name": "United Kingdom"}]


def _licence(id: str) -> Node:
    term = vocabulary("licences")[id]
    return {"@id": _address(id), "@type": "CreativeWork", "name": term.en, "alternateName": term.cy, "identifier": id}


def _licensed(catalogue: Catalogue, offer: Offer, *, is_root: bool = False) -> Node:
    """The licences of an offer, or of a file of it; what says nothing has those of the whole."""
    if not is_root and offer.licences == catalogue.offers[0].licences:
        return {}
    return {"license": _ids(map(_address, offer.licences))}


def _ids(found: Iterable[str]) -> Node | list[Node]:
    """References to nodes; a single one without a list around it, as the format has it."""
    nodes = [{"@id": id} for id in found]
    return nodes[0] if len(nodes) == 1 else nodes


def _address(id: str) -> str:
    return vocabulary("licences")[id].address or f"#{id}"


def _hub(id: str) -> str:
    return f"#hub-{id}"


def _folder(part: Offer) -> str:
    return f"{part.files[0].path.rpartition('/')[0]}/" if part.files else f"#{part.id}"
