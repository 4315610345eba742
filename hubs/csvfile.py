"""CSV files that lie beside a registration: read whole, and refused with every problem by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

MAX_BYTES = 32_000_000
PROBLEMS_NAMED = 10

Row = dict[str, str]


class UnusableCsv(ValueError):
    """The file cannot be used. The message says in which line and why, a line a problem."""


def read_csv(
    path: Path, needed: Sequence[str], problems: Callable[[Row], Iterable[str]], *, instead: str = ""
) -> tuple[list[str], list[Row]]:
    """The columns of the file, and its rows; what a short row lacks is empty. ``needed`` are columns that it must have,
    ``problems`` says what is wrong with a row, ``instead`` what to do with a file that is too large.

    Raises UnusableCsv.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableCsv(f"has more than {MAX_BYTES:,} bytes{instead}")
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), restval="")
        named = list(reader.fieldnames or [])
        rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise UnusableCsv(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableCsv("is not a CSV file in UTF-8") from error
    if missing := [name for name in needed if name not in named]:
        raise UnusableCsv(f"has no column {', '.join(missing)}")
    wrong = [f"line {line}: {problem}" for line, row in rows for problem in problems(row)]
    if wrong:
        raise UnusableCsv("\n".join(_named(wrong)))
    return named, [row for _, row in rows]


def _named(wrong: Sequence[str]) -> Iterator[str]:
    yield from wrong[:PROBLEMS_NAMED]
    if len(wrong) > PROBLEMS_NAMED:
        yield f"and {len(wrong) - PROBLEMS_NAMED:,} more"
