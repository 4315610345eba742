"""What pip-audit has told, in lines: ``audited.py FILE``.

Ends in 1 when a weakness is known, in 2 when it could not ask about everything, as where a mirror has no advisories:
what nobody was asked about is not without weakness.
"""

import json
import sys
from pathlib import Path


def main(path: str) -> int:
    """The status to end with."""
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        return 2
    skipped = [one["name"] for one in told if "skip_reason" in one]
    found = [(one, each) for one in told for each in one.get("vulns", ())]
    for one, each in found:
        mended = ", ".join(each["fix_versions"]) or "no version yet"
        sys.stdout.write(f"{one['name']} {one['version']} {each['id']} mended in {mended}\n")
    if skipped:
        sys.stderr.write(f"{len(skipped)} of {len(told)} packages could not be asked about, as {skipped[0]}\n")
    return 1 if found else 2 if skipped or not told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
