"""What pip-audit has told, in lines: ``audited.py FILE``. Ends in 1 when a weakness is known, in 2 when it could not ask
about everything, as where a mirror answers no advisories: what nobody was asked about is not without weakness.
"""

import json
import sys


def main(path: str) -> int:
    """The status to end with."""
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)["dependencies"]
    except (OSError, ValueError, KeyError):
        return 2
    skipped = [one["name"] for one in told if "skip_reason" in one]
    found = [(one, each) for one in told for each in one.get("vulns", ())]
    for one, each in found:
        print(one["name"], one["version"], each["id"], "mended in", ", ".join(each["fix_versions"]) or "no version yet")
    if skipped:
        print(f"{len(skipped)} of {len(told)} packages could not be asked about, as {skipped[0]}", file=sys.stderr)
    return 1 if found else 2 if skipped or not told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
