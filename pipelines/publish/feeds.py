"""The releases as JSON Feed 1.1, beside the Atom feed of the same content (``templates/feed.xml``)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from pipelines.edition import Published
from pipelines.publish import strings


def entry_id(release: str | None = None) -> str:
    """The id of the feed, or of the entry of a release: the same in both feeds, and wherever the site moves."""
    path = "hubpacks/releases" if release is None else f"hubpacks/releases/{release}"
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, path)}"


def json_feed(releases: Sequence[Published]) -> dict[str, Any]:
    """The feed of ``releases``, newest first, at the address that the newest of them says."""
    site = releases[0].site
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": strings.text("metadata.releases", "en"),
        "description": strings.text("home.description", "en"),
        "home_page_url": site,
        "feed_url": f"{site}feed.json",
        "language": "en-GB",
        "authors": [{"name": "hubpacks", "url": site}],
        "items": [_item(release, site) for release in releases],
    }


def _item(release: Published, site: str) -> dict[str, Any]:
    until = f" up to {release.period}" if release.period else ""
    return {
        "id": entry_id(release.id),
        "url": f"{site}{release.address}index.html",
        "title": f"Release {release.id}",
        "content_text": f"Packs and benchmarks{until}.",
        "date_published": release.published,
        "attachments": [{"url": f"{site}{release.address}release.json", "mime_type": "application/json"}],
    }
