"""What Lighthouse says of five types of page of the sample release, as ``hubpacks serve`` serves it, on a telephone as
slow as Lighthouse makes one: performance, accessibility, best practices and what search engines ask for, 0 to 100.

Performance depends on what else the machine does, so the best of a few goes counts; what is below 98 is told, and why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.settings import DEFAULTS
from tests.browser import CHROMIUM
from tests.feeds import NOW
from tests.judges.apart import NODE_MODULES

PROGRAM = NODE_MODULES / "lighthouse" / "cli" / "index.js"
PAGES = {
    "start": "en/index.html",
    "record": "en/records/api-application-programming-interface.html",
    "pack": "en/packs/sector-local-government.html",
    "benchmark": "en/benchmarks/interop-baseline-v1-decision-maker.html",
    "search": "en/search.html?q=data",
}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
REACH = 98
GOES = 3
ADDRESS = "https://packs.hubpacks.example/"
"""Where readers are told that they find the release: without an address no page names its languages in full."""
_MOST_SECONDS = 240


def sample(folder: Path) -> Path:
    """The public folder of one run over the sample hubs, kept in ``folder``."""
    from pipelines.line import open_line
    from pipelines.releasing import run

    public = folder / "public"
    if not (public / "latest.json").exists():
        run(open_line(DEFAULTS["registry"], folder / "store", public, address=ADDRESS), NOW, lambda _stage, _what: None)
    return public


@contextmanager
def served(public: Path) -> Iterator[str]:
    """Where ``hubpacks serve`` serves ``public`` for as long as the block lasts."""
    command = [str(Path(sys.executable).with_name("hubpacks")), "serve", "--publish", str(public), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().split()[0].rstrip("/")
        finally:
            running.terminate()


def judged(address: str, report: Path) -> dict[str, Any]:
    """Lighthouse's report on a page. Now and then it misses the beginning of a page, and is asked once more."""
    flags = "--headless=new --no-sandbox --disable-gpu"
    command = ["node", PROGRAM, address, "--quiet", "--output=json", f"--output-path={report}"]
    command += [f"--chrome-flags={flags}", f"--only-categories={','.join(CATEGORIES)}"]
    said = ""
    for _ in range(GOES):
        done = subprocess.run(
            [str(one) for one in command],
            env=os.environ | {"CHROME_PATH": str(CHROMIUM)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
        said = done.stderr[-1000:]
        if done.returncode == 0 and not (told := json.loads(report.read_text(encoding="utf-8"))).get("runtimeError"):
            return dict(told)
    raise RuntimeError(f"Lighthouse cannot judge {address}: {said}")


def scores(report: Mapping[str, Any]) -> dict[str, int]:
    """The scores of a report by category, of 100."""
    return {name: round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES}


def reasons(report: Mapping[str, Any], category: str) -> list[str]:
    """What costs points in a category: each audit with its score and figure."""
    audits = report["audits"]
    weighed = [one["id"] for one in report["categories"][category]["auditRefs"] if one["weight"]]
    found = [audits[id] for id in weighed if audits[id]["score"] is not None and audits[id]["score"] < 1]
    return [f"{a['id']} {a['score']:.2f} {a.get('displayValue', '')}".strip() for a in found]


def main(folder: Path = Path("build/bench/lighthouse")) -> None:
    """Print the scores of each page, and why one is under ``REACH``."""
    if not PROGRAM.exists():
        raise SystemExit(f"{PROGRAM} is missing: run 'make build/judges/.made', as 'make test' does")
    folder.mkdir(parents=True, exist_ok=True)
    public = sample(folder)
    release = json.loads((public / "latest.json").read_text(encoding="utf-8"))["release"]
    print(f"| page | {' | '.join(CATEGORIES)} |\n|---|{'--:|' * len(CATEGORIES)}")
    wrong = []
    with served(public) as address:
        for name, path in PAGES.items():
            best: dict[str, int] = {}
            for _ in range(GOES):
                report = judged(f"{address}/releases/{release}/{path}", folder / "report.json")
                best = {key: max(score, best.get(key, 0)) for key, score in scores(report).items()}
                low = {key: reasons(report, key) for key, score in best.items() if score < REACH}
                if not low:
                    break
            print(f"| {name} | {' | '.join(str(best[key]) for key in CATEGORIES)} |", flush=True)
            wrong += [f"{name}, {key}: {', '.join(why)}" for key, why in low.items()]
    print(f"\nUnder {REACH}: {'; '.join(wrong) or 'nothing'}. Load of the machine {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
