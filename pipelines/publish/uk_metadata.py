"""The release in the UK cross-government metadata exchange model: one record for the data marketplace.

The model is closed: it knows no other property, only organisations of its own list, and one data set a record. So the
release is one data set here, its data files are distributions, and a text is English. What is said, see ``catalogue``.
"""

from __future__ import annotations

from typing import Any

from hubs.contract.vocabularies import vocabulary
from pipelines.publish.catalogue import OWN_LICENCE, Catalogue

NAME = "uk-metadata.json"
SUMMARY_CHARACTERS = 250
_THEME = "https://www.data.gov.uk/search?filters%5Btopic%5D=Government"


def document(catalogue: Catalogue) -> dict[str, Any]:
    """The record of the release. A licence of single records stands with them: the model has room for one."""
    whole, told = catalogue.offers[0], catalogue.publisher
    return {
        "identifier": catalogue.base,
        "type": "dcat:Dataset",
        "title": whole.title["en"],
        "alternativeTitle": [whole.title["cy"]],
        "summary": whole.description["en"][:SUMMARY_CHARACTERS],
        "description": whole.description["en"],
        "keyword": sorted({words["en"] for offer in catalogue.offers for words in offer.keywords}),
        "theme": [_THEME],
        "licence": vocabulary("licences")[OWN_LICENCE].address,
        "version": catalogue.release,
        "accessRights": "OPEN",
        "securityClassification": "OFFICIAL",
        "issued": catalogue.day,
        "modified": catalogue.day,
        "contactPoint": {"contactName": told.contact["en"], "email": told.email},
        "creator": [told.organisation],
        "publisher": told.organisation,
        "updateFrequency": "freq:irregular",
        "distribution": [f"{catalogue.base}{file.path}" for offer in catalogue.offers for file in offer.files],
    }
