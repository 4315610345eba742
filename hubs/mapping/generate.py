"""The reference page of everything that a registration may say, made from the models that check it.

``python -m hubs.mapping.generate`` writes it; a test says when it lags behind the models. Only wording lives here:
what an option does is decided in ``spec`` and applied in ``fields`` and ``columns``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hubs.contract.vocabularies import SCHEMES, vocabulary
from hubs.mapping import spec
from hubs.registration import Breaker, Contact, Name, Paging, Registration

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "mapping.md"
_NOTICE = "Generated from the models of the code by `make schemas`; a test fails when it lags behind."

_SECTIONS: tuple[tuple[type[BaseModel], str], ...] = (
    (Registration, "Registration"),
    (Name, "Name"),
    (Contact, "Contact"),
    (Paging, "Paging"),
    (Breaker, "Breaker"),
    (spec.SkipRule, "Skipped files"),
    (spec.MarkdownSource, "Source with `reader: markdown`"),
    (spec.FaqPageSource, "Source with `reader: faq_page`"),
    (spec.RowsSource, "Source with `reader: rows`"),
    (spec.TableSource, "Source with `reader: table`"),
    (spec.Expect, "What is expected"),
    (spec.Rule, "Rule for a field"),
    (spec.SkipWhen, "Skipped records"),
    (spec.Body, "Tidying a text"),
    (spec.Join, "Joining files"),
    (spec.ColumnRule, "Rule for a column"),
    (spec.Lookup, "Looking up in another table"),
    (spec.DropRows, "Dropped rows"),
    (spec.Wide, "A row a respondent"),
    (spec.Scale, "Scale of answers"),
    (spec.WideQuestion, "Question in a column"),
)
"""Every model and the heading of its section, in reading order."""

_PATTERN = (
    f"A regular expression of at most {spec.MAX_PATTERN_CHARACTERS} characters, tried on the first "
    f"{spec.MAX_MATCHED_CHARACTERS} characters. One that begins with `^` may repeat three times (`*`, `+` or `{{}}`), "
    "any other twice; what stands at its very end does not count."
)
_GLOB = "`*` stays inside a folder, `**` between slashes stands for any number of folders."

_MEANINGS = {
    ("Registration", "id"): "Short name of the hub. The file is called after it, and it never changes.",
    ("Registration", "name"): "Name of the hub, as readers see it.",
    ("Registration", "owner"): "Who answers for the content.",
    ("Registration", "data_contact"): "Who answers for the feed.",
    ("Registration", "contract"): "Version of the contract that the hub follows.",
    ("Registration", "cadence"): "How often something new may be expected.",
    ("Name", "en"): "In English.",
    ("Name", "cy"): "In Welsh. Without it Welsh pages show the English name.",
    ("Contact", "role"): "Name of the post.",
    ("Contact", "email"): "Its mailbox.",
    ("SkipRule", "glob"): f"Patterns of file names, relative to the feed. {_GLOB}",
    ("SkipRule", "reason"): "Why. The report shows it.",
    ("source", "name"): "What messages call the source. Without it they show the patterns.",
    ("source", "kind"): "Kind of record that the files hold.",
    ("source", "glob"): f"Patterns of the files to read, relative to the feed. {_GLOB} The first source takes a file.",
    ("source", "exclude"): "Patterns of files to leave to other sources.",
    ("source", "expect"): "What the source looks like. When it no longer does, the feed is held.",
    ("source", "fields"): "Rules by field of the kind. Without a rule a field is the key of its own name.",
    ("source", "skip_when"): "Conditions under which a record is left out.",
    ("source", "body"): "How texts are tidied.",
    ("source", "reader"): "Chooses this reader.",
    ("source", "join"): "Makes one record of several files of a folder.",
    ("source", "sheet"): "Name of the sheet, if the file is a workbook. Above stands what happens without it.",
    ("source", "header_row"): "Number of the row that names the columns. Data start on the next.",
    ("source", "columns"): "Rules by column of the kind. Without a rule a column is the one of its own name.",
    ("source", "wide"): "Says that a row is a respondent, and which columns are questions.",
    ("source", "drop_rows"): "Rows to leave out.",
    ("Expect", "files_min"): "Fewest files.",
    ("Expect", "files_max"): "Most files.",
    ("Rule", "constant"): "The same value for every record.",
    ("Rule", "from"): (
        "Where to look, other than in a key: the first heading, the first telling paragraph, the section under a "
        "heading (`under`), the whole body, the file's name without its ending, its folder's name, the place in the "
        "file (a heading, a row), or the day of the file's last commit."
    ),
    ("Rule", "keywords"): "Term to the words that stand for it in the heading or the summary.",
    ("Rule", "match"): f"Keeps the part that matches, or its first group. {_PATTERN}",
    ("SkipWhen", "key"): "Key or column to look at.",
    ("SkipWhen", "matches"): f"Pattern in the value of `key`; without `key`, in the place or file name. {_PATTERN}",
    ("SkipWhen", "reason"): "Why. The report shows it.",
    ("Body", "first_heading"): "What to do with a heading that opens the text: readers see the title above it.",
    ("Body", "simple_html"): "Whether text that is plain HTML becomes Markdown.",
    ("ColumnRule", "constant"): "The same value for every row.",
    ("ColumnRule", "from"): "Takes the value from the file's name, its folder's name or the number of the row.",
    ("ColumnRule", "match"): f"Keeps the part that matches, or its first group. {_PATTERN}",
    ("ColumnRule", "lookup"): "Finds the value in another table.",
    ("ColumnRule", "map"): "Their value to ours, whatever its capitals.",
    ("Lookup", "file"): "The other table, by its path in the feed.",
    ("DropRows", "column"): "Column of the file to look at.",
    ("DropRows", "in"): "Drops rows with one of these values.",
    ("DropRows", "not_in"): "Drops rows with any other value.",
    ("DropRows", "reason"): "Why. The report shows it.",
    ("Wide", "scales"): "Scales by a name of your own.",
    ("Wide", "questions"): "Columns by the instrument's question id.",
    ("WideQuestion", "scale"): "Name of the scale of its answers.",
    ("Scale", "map"): "Their answer to `0`, `1`, `2`, `3`, `4`, `5` or `na`.",
    ("Scale", "bins"): "Lower edges of levels 1, 2, …; below the first is level 0.",
    ("Scale", "unmapped"): "An answer not mapped: pass it on to be judged, or leave it out with a note.",
}
"""What an option does, where its model does not say so itself. ``source`` stands for every kind of source."""

_NOTES = {
    "RowsSource": "Without `sheet`, every sheet is read that is named after the kind, or after no kind at all.",
    "TableSource": "Without `sheet`, the first sheet is read.",
    "Rule": (
        "A name in place of a rule stands for `key`. A list of rules is tried in order, and the first that finds a "
        "value wins."
    ),
    "ColumnRule": "A name in place of a rule stands for `column`.",
}


def generated() -> dict[Path, str]:
    """The text of the page by its path."""
    return {PAGE: mapping_page()}


def mapping_page() -> str:
    """Every option of a registration, a table a model."""
    lines = ["# Registration and mapping", "", _NOTICE, ""]
    lines += ["The guide to them, with examples, is [docs/hubs.md](../hubs.md).", ""]
    lines += ["Where a list may stand, one value stands for a list of one.", ""]
    for model, heading in _SECTIONS:
        lines += [f"## {heading}", "", *_about(model), *_table(model), ""]
    return "\n".join(lines)


def _about(model: type[BaseModel]) -> Iterator[str]:
    summary = " ".join((model.__doc__ or "").split()).replace("``", "`")
    yield f"{summary} {_NOTES.get(model.__name__, '')}".strip()
    yield ""


def _table(model: type[BaseModel]) -> Iterator[str]:
    yield "| option | takes | without it | what it does |"
    yield "|---|---|---|---|"
    schema = model.model_json_schema()
    for name, option in schema["properties"].items():
        without = "needed" if name in schema.get("required", ()) else _default(option)
        cells = [f"`{name}`", _takes(option), without, _meaning(model, name, option)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _meaning(model: type[BaseModel], name: str, option: dict[str, Any]) -> str:
    """What an option does. Raises KeyError for one that nobody has described."""
    owner = "source" if model.__name__.endswith("Source") else model.__name__
    text = _MEANINGS.get((owner, name)) or option.get("description")
    if not text:
        raise KeyError(f"{owner}.{name}: say what it does")
    return str(text)


def _default(option: dict[str, Any]) -> str:
    value = option.get("default")
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" and isinstance(value, str | int | float) else "–"


def _takes(option: dict[str, Any]) -> str:
    """What may stand in an option, in words, from its JSON Schema."""
    if "anyOf" in option:
        return _any_of([way for way in option["anyOf"] if way.get("type") != "null" and way.get("maxItems") != 0])
    if "$ref" in option:
        return _link(option["$ref"])
    if "oneOf" in option:
        return " or ".join(_link(way["$ref"]) for way in option["oneOf"])
    if "const" in option:
        return f"`{option['const']}`"
    if "enum" in option:
        return _one_of(option["enum"])
    match option["type"]:
        case "array":
            return f"a list of {_takes(option['items'])}"
        case "object":
            return f"names, each with {_takes(option['additionalProperties'])}"
        case plain:
            return {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[plain]


def _any_of(ways: list[dict[str, Any]]) -> str:
    """Several ways of saying the same thing. A list of what may also stand alone is not spelt out again."""
    alone = [way for way in ways if way.get("type") != "array"]
    words = [_takes(way) for way in alone if way.get("type") != "integer" or {"type": "number"} not in alone]
    for way in ways:
        if way.get("type") == "array":
            inside = way["items"].get("anyOf", [way["items"]])
            is_same = all(item in alone or item == {"type": "null"} for item in inside)
            words.append("a list of these" if alone and is_same else _takes(way))
    return " or ".join(words)


def _one_of(values: list[str]) -> str:
    for scheme in SCHEMES:
        words = vocabulary(scheme)
        if values == list(words.terms):
            anchor = f"{words.label_en} {scheme}".lower().replace(" ", "-")
            return f"a term of [{scheme}](contract.md#{anchor})"
    return " or ".join(f"`{value}`" for value in values)


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    heading = next(heading for model, heading in _SECTIONS if model.__name__ == name)
    anchor = heading.replace("`", "").replace(":", "").lower().replace(" ", "-")
    return f"[{heading[0].lower()}{heading[1:]}](#{anchor})"


def main() -> None:
    """Write the page."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
