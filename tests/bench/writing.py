"""The floor under packs: for each format the writer of its library called bare, with the same contents, in one process.
What it writes is at hand as Python has it. ``python -m tests.bench.writing FOLDER WORK``.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CONTENTS = "contents.pickle"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>{{ title }}</title></head>
<body>{% for line in lines %}{{ line }}
{% endfor %}</body></html>
"""


@dataclass(frozen=True)
class Contents:
    """What a pack's files say. ``rows`` are those of the table with its head; ``pages`` are lines, by file;
    ``documents`` what Typst is given, by file; ``packed`` the members of zips, by file, and how each is compressed.
    """

    pack: str
    data: dict[str, Any]
    rows: list[list[str]]
    pages: dict[str, list[str]]
    documents: dict[str, dict[str, Any]]
    packed: dict[str, list[tuple[str, bytes, int]]]


def main(folder: Path, work: Path) -> dict[str, Any]:
    """Write the packs of what is in ``folder`` into ``work``; their number and bytes."""
    from jinja2 import Environment

    from tests.bench.packing import told

    template = Environment(autoescape=True).from_string(PAGE)
    for one in pickle.loads((folder / CONTENTS).read_bytes()):
        place = work / "packs" / one.pack
        place.mkdir(parents=True)
        (place / "pack.json").write_text(json.dumps(one.data, ensure_ascii=False, indent=1), encoding="utf-8")
        with (place / "records.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(one.rows)
        with (place / "records.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in one.data["records"])
        _write_xlsx(place / "pack.xlsx", one.rows)
        for name, lines in one.pages.items():
            (place / name).write_text(template.render(title=name, lines=lines), encoding="utf-8")
        for name, inputs in one.documents.items():
            (place / name).write_bytes(_pdf(inputs))
        for name, members in one.packed.items():
            with zipfile.ZipFile(place / name, "w") as file:
                for member, content, how in members:
                    file.writestr(member, content, how)
    return told(work)


def _write_xlsx(path: Path, rows: list[list[str]]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, [cell[:32_767] for cell in row])


def _pdf(inputs: dict[str, Any]) -> bytes:
    """Set by Typst, and saved as small as the product's."""
    import pikepdf

    from pipelines.publish.pdf import bind

    set_pages = bind._compiler().compile(
        bind._TEMPLATE.read_bytes(),
        format="pdf",
        pdf_standards=list(bind.STANDARDS),
        sys_inputs=inputs,
        timestamp=datetime(2026, 11, 23, tzinfo=UTC),
    )
    result = io.BytesIO()
    with pikepdf.open(io.BytesIO(set_pages)) as pdf:
        pdf.save(result, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return result.getvalue()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
