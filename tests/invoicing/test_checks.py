# SPDX-License-Identifier: Apache-2.0
"""The checking process: one for many documents, and a clean error for each way in which it can fail."""

import os
import signal
import sys
from pathlib import Path

import pytest

from billing.invoicing import terms
from billing.invoicing.checks.client import CheckCrashed, Checker, CheckGarbled, CheckTimedOut
from billing.invoicing.services.contents import content_of
from tests.invoicing.scenes import AT, FRENCH, ask_for, make_buyer

ECHO = "import sys, json\nfor line in sys.stdin:\n    asked = json.loads(line)\n    "


def fake(answer: str, **patience: float) -> Checker:
    """Return a checker whose worker runs ``answer`` for each request."""
    return Checker(command=[sys.executable, "-c", ECHO + answer], **patience)


def says(text: str) -> str:
    return f"print({text}, flush=True)"


def test_one_process_checks_many_documents_of_both_syntaxes_and_sees_what_is_wrong(db: None, checker: Checker) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    rendered = terms.render(content_of(document, number="AION-2026-000001", issued_on=AT.date()))
    checker.check("cii", rendered["cii"])
    before = checker.pid
    for _ in range(3):
        for syntax, xml in rendered.items():
            assert checker.check(syntax, xml).broken() == ()
            wrong = checker.check(syntax, xml.replace(b">1200.00<", b">1201.00<", 1))
            assert "BR-CO-15" in {one.rule for one in wrong.broken()}
    assert checker.pid == before


def test_the_process_is_execd_with_one_thread_and_knows_no_django(db: None, checker: Checker) -> None:
    document = ask_for(make_buyer(FRENCH).organisation)
    checker.check("cii", terms.render(content_of(document, number="A-1", issued_on=AT.date()))["cii"])
    folder = Path(f"/proc/{checker.pid}")
    assert folder.joinpath("cmdline").read_bytes().split(b"\0")[1:3] == [b"-m", b"billing.invoicing.checks"]
    loaded = folder.joinpath("maps").read_text()
    assert "saxonc" in loaded
    assert "psycopg" not in loaded


def test_a_document_that_no_rule_looks_at_fails(checker: Checker) -> None:
    with pytest.raises(CheckGarbled, match="No rule"):
        checker.check("ubl", b"<nothing/>")


def test_what_is_no_xml_is_a_clean_error_and_the_next_document_is_checked(db: None, checker: Checker) -> None:
    with pytest.raises(CheckGarbled, match="could not be read"):
        checker.check("cii", b"<broken")
    document = ask_for(make_buyer(FRENCH).organisation)
    rendered = terms.render(content_of(document, number="AION-2026-000001", issued_on=AT.date()))
    assert checker.check("cii", rendered["cii"]).broken() == ()


def test_a_process_that_does_not_answer_in_time_is_ended() -> None:
    slow = fake("import time; time.sleep(60)", first=0.3)
    with pytest.raises(CheckTimedOut):
        slow.check("cii", b"<a/>")
    assert slow.pid is None


def test_half_a_line_without_end_is_a_time_out_too() -> None:
    drip = fake("print('{', end='', flush=True); import time; time.sleep(60)", first=0.3)
    with pytest.raises(CheckTimedOut):
        drip.check("cii", b"<a/>")


@pytest.mark.parametrize("command", [["true"], ["false"], [sys.executable, "-c", "import os; os.abort()"]])
def test_a_process_that_ends_is_a_crash(command: list[str]) -> None:
    with pytest.raises(CheckCrashed):
        Checker(command=command, first=10).check("cii", b"<a/>")


def test_a_process_that_is_killed_is_started_again_for_the_next_document() -> None:
    good = fake(says("json.dumps({'id': asked['id'], 'sets': [{'name': 'x', 'fired': 1, 'failed': []}]})"), first=20)
    good.check("cii", b"<a/>")
    first = good.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    try:
        good.check("cii", b"<a/>")
    except CheckCrashed:
        good.check("cii", b"<a/>")
    assert good.pid not in {None, first}
    good.close()


@pytest.mark.parametrize(
    "answer",
    [
        "'not json'",
        "'[]'",
        "'{}'",
        "json.dumps({'id': 0, 'sets': []})",
        "json.dumps({'id': asked['id'], 'sets': []})",
        "json.dumps({'id': asked['id'], 'sets': [{'name': 'EN16931', 'fired': 0, 'failed': []}]})",
        "json.dumps({'id': asked['id'], 'sets': [{'name': 'EN16931', 'fired': 3}]})",
        "json.dumps({'id': asked['id'], 'error': 'no'})",
    ],
)
def test_an_answer_that_is_none_is_never_taken_for_a_pass(answer: str) -> None:
    checker = fake(says(answer), first=20)
    with pytest.raises(CheckGarbled):
        checker.check("cii", b"<a/>")
    assert checker.pid is None
