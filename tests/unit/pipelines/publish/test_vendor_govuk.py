from __future__ import annotations

from pipelines.publish.vendor_govuk import without_brand

CSS = (
    '@charset "UTF-8";:root{--govuk-x:1px}/*! licensed face */@font-face{font-family:GDS Transport;src:url(/a.woff2)}'
    ".govuk-body{font-family:GDS Transport,arial,sans-serif}.govuk-button,.govuk-link:not(.a,.b){color:red}"
    ".govuk-footer__crown{display:block}@media print{.govuk-tabs{color:red}}@media print{.govuk-body{color:#000}}"
    ".govuk-table__header{margin:0}.govuk-header{margin:0}/*# sourceMappingURL=x.map */"
)


def test_brand_and_unused_rules_go_and_the_rest_stays() -> None:
    assert without_brand(CSS) == (
        ":root{--govuk-x:1px}.govuk-body{font-family:var(--hp-font,arial,sans-serif)}"
        ".govuk-link:not(.a,.b){color:red}@media print{.govuk-body{color:#000}}.govuk-table__header{margin:0}\n"
    )
