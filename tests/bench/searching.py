"""What a reader waits for: the first page, and the search over 10,000 records in two languages, in Debian's Chromium,
beside a search through the bare texts that looks for each word of a question in each of them, in the same browser, in
turn. ``python -m tests.bench.searching FOLDER``.

The records are made up: words as frequent as words are (Zipf), out of 30,000 a language, in texts as long as those of
real hubs.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.publish import build_release
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.search import SEARCH, write_search
from pipelines.publish.strings import LANGUAGES
from tests.bench.measure import Case, Reach, Way, empty, ours
from tests.browser import chromium
from tests.builders import an_edition
from tests.websites import published

REACH_MS = 50.0
RECORDS = 10_530
"""Of which each language shows 10,000: one in twenty is the translation of another."""
ROUNDS = 5
TEXT_WORDS = {"case_study": 900, "faq": 180, "term": 35, "signpost": 30, "requirement": 260}
SHARES = {"case_study": 0.4, "faq": 0.35, "term": 0.08, "signpost": 0.05, "requirement": 0.12}
WORDS = 30_000
_ENGLISH = "con ter pro sys tem ing sup ply re port stan dard da ta ser vice man age ment net work cord pol cy"
_WELSH = "gwas an aeth cyf le us rhyng wei thre du saf on au dar par wr cym ru dat ag or pol isi tref niad lly"
SYLLABLES = {"en": _ENGLISH.split(), "cy": _WELSH.split()}
KNOWN = {
    "en": ["interoperability", "standard", "supplier", "contract", "data", "procurement", "interface", "identifier"],
    "cy": ["gwasanaeth", "safonau", "cyflenwr", "contract", "data", "caffael", "rhyngwyneb", "trwydded"],
}
MUTATED = {"gwasanaeth": "wasanaeth", "caffael": "gaffael", "cyflenwr": "gyflenwr", "trwydded": "drwydded"}
QUESTIONS = {
    "en": [
        *("interoperability", "data", "open data standard", "st", "da", "interface supplier contract", "identif"),
        *("interoprability", "procurment", "standrad suplier", "what data standard should our supplier use", "zzxqy"),
        *("gwasanaeth", "wasanaeth", "con", "re", "contract exit interface", "identifier data sup"),
    ],
    "cy": [
        *("gwasanaeth", "wasanaeth", "ngwasanaeth", "cyflenwr", "gyflenwr", "trwydded", "drwydded", "caffael data"),
        *("gwasaneth", "rhyngwyneb", "ryngwyneb", "safonau data", "sa", "cy", "data", "zzxqy", "standard", "interface"),
    ],
}

LINEAR = """
texts => {
  const folded = texts.map((text) => text.normalize("NFKD").replace(/\\p{M}/gu, "").toLowerCase());
  window.linear = (question) => {
    const words = hubpacks.search.wordsOf(question);
    const found = [];
    folded.forEach((text, place) => { if (words.every((word) => text.includes(word))) found.push(place); });
    return found;
  };
}
"""
MEASURE = """
([questions, rounds]) => {
  const ways = { index: (question) => window.index.find(question), linear: window.linear };
  const spent = { index: [], linear: [] };
  for (let round = 0; round < rounds; round++) {
    for (const question of questions) {
      for (const [way, answer] of Object.entries(ways)) {
        const started = performance.now();
        answer(question);
        spent[way].push(performance.now() - started);
      }
    }
  }
  return spent;
}
"""
LOAD = """
async (language) => {
  const started = performance.now();
  window.index = new hubpacks.search.Index(await hubpacks.load("search." + language, "search/" + language + ".js"));
  return performance.now() - started;
}
"""
PAGE = """<!DOCTYPE html><html lang="en" data-root=""><title>Search</title><main></main>
<script src="site.js"></script><script src="search_index.js"></script></html>
"""


def vocabulary(language: str, rng: np.random.Generator) -> list[str]:
    """Words, the most frequent first: those that are asked for stand among the first."""
    found: dict[str, None] = {}
    while len(found) < WORDS:
        found["".join(rng.choice(SYLLABLES[language], int(rng.integers(1, 5))))] = None
    words = list(found)
    for place, word in enumerate(KNOWN[language]):
        words.insert(12 + 9 * place, word)
        if word in MUTATED:
            words.insert(15 + 9 * place, MUTATED[word])
    return words[:WORDS]


def the_rows(number: int, seed: int = 7) -> list[dict[str, Any]]:
    """Rows of ``pack.json``, a tenth of them in Welsh, half of those beside an English text."""
    rng = np.random.default_rng(seed)
    words = {language: np.array(vocabulary(language, rng)) for language in LANGUAGES}
    shares = 1 / (np.arange(WORDS) + 2.7)
    shares /= shares.sum()
    kinds = rng.choice(list(SHARES), number, p=list(SHARES.values()))
    rows = []
    for place, kind in enumerate(kinds):
        language = "cy" if place % 10 == 0 else "en"
        length = max(12, int(rng.gamma(2.0, TEXT_WORDS[kind] / 2)))
        text = " ".join(words[language][rng.choice(WORDS, length, p=shares)])
        title = " ".join(words[language][rng.choice(WORDS, int(rng.integers(2, 11)), p=shares)]).capitalize()
        translation = {"en": f"vale/r{place + 1}"} if place % 20 == 0 and place + 1 < number else {}
        translation = {"cy": f"vale/r{place - 1}"} if place % 20 == 1 else translation
        rows.append(_row(place, str(kind), title, text) | {"language": language, "translations": translation})
    return rows


def _row(number: int, kind: str, title: str, text: str) -> dict[str, Any]:
    none = dict.fromkeys(("organisations", "standards_used", "publisher", "term_source", "evaluation", "verification"))
    return none | {
        "id": f"vale/r{number}",
        "slug": f"r{number}",
        "kind": kind,
        "title": None if kind == "faq" else title,
        "question": title if kind == "faq" else None,
        "term": title if kind == "term" else None,
        "summary": text[:180],
        "text": text,
        "evaluation": text[:400] if kind == "requirement" else None,
        "verification": text[-400:] if kind == "requirement" else None,
        "sectors": [("health", "transport", "local_government", "education")[number % 4]],
        "technology_types": [("api", "cloud", "open_data")[number % 3]],
        "licence": "OGL-UK-3.0",
        "published": f"20{20 + number % 7}-0{1 + number % 9}-15",
        "updated": None,
        "hub": "vale",
    }


def prepare(folder: Path, number: int) -> list[dict[str, Any]]:
    """What is searched, and a page that loads it, in ``folder``; the rows that it was made of."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "packs/national").mkdir(parents=True)
    rows = the_rows(number)
    titles = {"en": "National pack", "cy": "Pecyn cenedlaethol"}
    (folder / "packs/national/pack.json").write_text(json.dumps({"title": titles, "records": rows}), encoding="utf-8")
    hubs = [{"id": "vale", "name": {"en": "Sample Vale hub", "cy": "Hwb Sample Vale"}}]
    (folder / "coverage.json").write_text(json.dumps({"release": "2026-11-23.01", "hubs": hubs}), encoding="utf-8")
    write_search(folder)
    for name in ("site.js", "search_index.js"):
        shutil.copyfile(TEMPLATES / "static" / name, folder / name)
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    return rows


def measure(folder: Path, rows: list[dict[str, Any]], language: str, rounds: int = ROUNDS) -> dict[str, float]:
    """Bytes, milliseconds and ratios of one language."""
    script = (folder / SEARCH / f"{language}.js").read_bytes()
    texts = [" ".join(filter(None, (row["title"], row["question"], row["text"]))) for row in rows]
    with published(folder) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        load = page.evaluate(LOAD, language)
        page.evaluate(LINEAR, texts)
        page.evaluate(MEASURE, [QUESTIONS[language], 1])  # a browser compiles what runs often
        spent = page.evaluate(MEASURE, [QUESTIONS[language], rounds])
        count = page.evaluate("window.index.count")
    index, linear = spent["index"], spent["linear"]
    return {
        "records": count,
        "raw": len(script),
        "gzip": len(gzip.compress(script, 6, mtime=0)),
        "load": load,
        "median": float(np.median(index)),
        "p95": float(np.percentile(index, 95)),
        "worst": max(index),
        "linear": float(np.median(linear)),
        "ratio": float(np.median(index) / np.median(linear)),
        "ratio_p95": float(np.percentile(index, 95) / np.percentile(linear, 95)),
    }


def first_page(release: Path) -> dict[str, float]:
    """Kilobytes of the page that readers come to first with all that it loads: as files, and as a server sends them."""
    page = (release / "en/index.html").read_bytes()
    loaded = re.findall(r'<(?:link rel="(?:stylesheet|icon)"[^>]*href|script src)="([^"]+)"', page.decode())
    if not loaded:
        raise AssertionError("the first page loads nothing")
    files = [page, *((release / "en" / path).read_bytes() for path in loaded)]
    sent = sum(len(gzip.compress(data, 6, mtime=0)) for data in files)
    return {"files": len(files), "page_kb": sent / 1_000, "page_raw_kb": sum(map(len, files)) / 1_000}


def cases(folder: Path) -> Iterator[Case]:
    """What a reader waits for: the first page of a release, and answers over 10,000 records a language."""
    if not (folder / "release/SHA256SUMS").exists():
        empty(folder)
        build_release(an_edition(), folder / "release")
    way = Way("hubpacks", ours("searching", folder))
    reaches = (Reach(way.label, "", 100, "page_kb"), Reach(way.label, "", REACH_MS, "p95_ms"))
    yield Case(f"the first page; a search over {RECORDS:,} records", (way,), reaches, warm_ups=0)


def main(folder: Path) -> dict[str, Any]:
    """The figures of the first page, and of answers in the language in which they take longer."""
    rows = prepare(folder / "searched", RECORDS)
    told = {language: measure(folder / "searched", rows, language) for language in LANGUAGES}
    slower = max(told.values(), key=lambda one: one["p95"])
    figures = {f"{name}_ms": slower[name] for name in ("load", "median", "p95", "worst", "linear")}
    return first_page(folder / "release") | figures | {"index_mb": slower["raw"] / 1e6}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
