"""Takes the npm package ``govuk-frontend`` into ``templates/vendor``, without the brand of GOV.UK.

Run by hand, once a version of that package:

    python -m pipelines.publish.vendor_govuk node_modules/govuk-frontend

Left out: the typeface (licensed for GOV.UK alone), crest and crown, the source map's address, and the rules of
components that the site does not use, which are more than half of the bytes that every reader would load. What forms
need goes into a style sheet of its own, for the intake.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "templates" / "vendor"
UNUSED = (
    *("accordion", "button", "character-count", "checkboxes", "cookie-banner", "date-input", "error-message"),
    *("error-summary", "exit-this-page", "fieldset", "file-upload", "form-group", "header", "input", "label"),
    *("notification-banner", "pagination", "panel", "password-input", "phase-banner", "radios", "select", "tabs"),
    *("task-list", "textarea", "warning-text", "back-link", "hint", "footer__crown", "footer__copyright-logo"),
    *("footer__licence-logo", "back-to-top", "generic-header", "service-navigation__toggle"),
    *("summary-list", "summary-card", "inset-text", "logo-dot", "drop-zone", "link-image"),
)
FORMS = (
    *("button", "error-message", "error-summary", "file-upload", "form-group", "hint", "input", "inset-text", "label"),
    *("select", "summary-list", "warning-text"),
)
_UNUSED_SELECTOR = re.compile(rf"\.govuk-(?:{'|'.join(UNUSED)})(?![a-z])")
_FORM_SELECTOR = re.compile(rf"\.govuk-(?:{'|'.join(FORMS)})(?![a-z])")
_OVERRIDE = re.compile(r"\.govuk-\\!-")
_KEPT_OVERRIDES = re.compile(r"\.govuk-\\!-(?:font-weight|display-none-print)")


def without_brand(css: str) -> str:
    """``css`` of govuk-frontend without brand, unused components and outside addresses."""
    return "".join(_kept(_plain(css), lambda selector: not _is_unused(selector))) + "\n"


def for_forms(css: str) -> str:
    """What forms need of ``css`` beyond that."""
    return "".join(_kept(_plain(css), lambda selector: bool(_FORM_SELECTOR.search(selector)))) + "\n"


def _plain(css: str) -> str:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL).replace('@charset "UTF-8";', "")
    return css.replace("GDS Transport,arial,sans-serif", "var(--hp-font,arial,sans-serif)").strip()


def _kept(css: str, is_wanted: Callable[[str], bool]) -> Iterator[str]:
    for head, body in _rules(css):
        if head.startswith("@font-face"):
            continue
        if head.startswith(("@media", "@supports")):
            inner = "".join(_kept(body, is_wanted))
            if inner:
                yield f"{head}{{{inner}}}"
            continue
        selectors = [s for s in _selectors(head) if is_wanted(s)]
        if selectors:
            yield f"{','.join(selectors)}{{{body}}}"


def _is_unused(selector: str) -> bool:
    is_override = _OVERRIDE.search(selector) and not _KEPT_OVERRIDES.search(selector)
    return bool(is_override or _UNUSED_SELECTOR.search(selector))


def _selectors(head: str) -> list[str]:
    """The selectors of a rule. Commas inside brackets (``:not(a,b)``) part nothing."""
    return re.split(r",(?![^(]*\))", head)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """The rules of one level of minified CSS, as (what stands before the brace, what stands inside)."""
    start = depth = opened = 0
    for place, character in enumerate(css):
        if character == "{":
            if depth == 0:
                opened = place
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : place]
                start = place + 1


def main(source: Path) -> None:
    """Write the style sheets in ``templates/vendor/govuk-frontend-<version>`` from the npm package at ``source``."""
    version = json.loads((source / "package.json").read_text(encoding="utf-8"))["version"]
    folder = VENDOR / f"govuk-frontend-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    css = (source / "dist" / "govuk" / "govuk-frontend.min.css").read_text(encoding="utf-8")
    (folder / "govuk-frontend.css").write_text(without_brand(css), encoding="utf-8")
    (folder / "govuk-forms.css").write_text(for_forms(css), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
