"""The floor under publishing: bare Jinja and bare writing of as many files and bytes as the newest release has, each
digested once. ``python -m tests.bench.writing FOLDER WORK``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from jinja2 import Environment

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>{{ title }}</title></head>
<body>{% for line in lines %}{{ line }}
{% endfor %}</body></html>
"""


def main(folder: Path, work: Path) -> None:
    """Write what the newest release in ``folder`` has once more into ``work``."""
    newest = max((folder / "public" / "releases").glob("2*"))
    template = Environment(autoescape=True).from_string(PAGE)
    files = size = 0
    for path in sorted(path for path in newest.rglob("*") if path.is_file()):
        data = path.read_bytes()
        target = work / path.relative_to(newest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".html":
            data = template.render(title=path.stem, lines=data.decode().splitlines()).encode()
        target.write_bytes(data)
        hashlib.sha256(data).hexdigest()
        files, size = files + 1, size + len(data)
    print(json.dumps({"files": files, "bytes": size}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
