# SPDX-License-Identifier: Apache-2.0
"""VIES is asked by a task: over real HTTP, a bounded number of times, and whatever goes wrong is an answer."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from billing.invoicing import tasks
from billing.invoicing.models import ViesAnswer
from billing.invoicing.services import vies as service
from billing.invoicing.states import NumberState
from billing.invoicing.vies.offline import OfflineVies
from billing.invoicing.vies.rest import TRIES, RestVies
from tests.invoicing.scenes import AT, AUSTRIAN, FRENCH, GERMAN, make_buyer

NUMBER = GERMAN.vat_number
VALID = {
    "countryCode": "DE", "vatNumber": "136695976", "valid": True, "requestIdentifier": "WAPIAAAAY1b2c3d4",
    "requestDate": "2026-11-28", "name": "LINDEN GMBH", "address": "---",
}  # fmt: skip


class Service:
    """The Commission's service, answering what a test put there."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[dict[str, Any]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append({"path": self.path, **body})
                status, answer = service.answers.pop(0) if len(service.answers) > 1 else service.answers[0]
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/rest-api"

    def adapter(self) -> RestVies:
        return RestVies(url=self.url, requester="FR59991888777", pause=0)


@pytest.fixture
def remote() -> Iterator[Service]:
    one = Service()
    threading.Thread(target=one.server.serve_forever, daemon=True).start()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_a_confirmed_number_comes_with_its_consultation_number_and_we_say_who_asks(remote: Service) -> None:
    remote.answers = [(200, VALID)]
    answer = remote.adapter().ask(NUMBER)
    assert (answer.state, answer.source, answer.consultation, answer.name) == (
        NumberState.VALID, "vies", "WAPIAAAAY1b2c3d4", "LINDEN GMBH",
    )  # fmt: skip
    assert remote.asked == [
        {"path": "/rest-api/check-vat-number", "countryCode": "DE", "vatNumber": "136695976",
         "requesterMemberStateCode": "FR", "requesterNumber": "59991888777"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((200, {**VALID, "valid": False}), NumberState.INVALID),
        ((400, {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]}), NumberState.INVALID),
        ((200, {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}), NumberState.UNAVAILABLE),
        ((200, {"valid": "yes"}), NumberState.UNAVAILABLE),
        ((200, b"<html>"), NumberState.UNAVAILABLE),
        ((200, []), NumberState.UNAVAILABLE),
        ((302, {}), NumberState.UNAVAILABLE),
    ],
)
def test_what_is_no_clear_yes_or_no_confirms_nothing(
    remote: Service, answer: tuple[int, Any], state: NumberState
) -> None:
    remote.answers = [answer]
    assert remote.adapter().ask(NUMBER).state == state
    assert len(remote.asked) == 1


def test_a_busy_service_is_asked_again_and_no_more_than_a_few_times(remote: Service) -> None:
    remote.answers = [(503, {}), (200, VALID)]
    assert remote.adapter().ask(NUMBER).state == NumberState.VALID
    remote.answers = [(503, {})]
    assert remote.adapter().ask(NUMBER).state == NumberState.UNAVAILABLE
    assert len(remote.asked) == 2 + TRIES


def test_a_service_that_is_away_is_unavailable() -> None:
    assert RestVies(url="http://127.0.0.1:9", requester="FR59991888777", pause=0).ask(NUMBER).state == "unavailable"


def test_the_offline_twin_says_that_it_is_one_and_answers_alike_each_time() -> None:
    first, second = OfflineVies().ask(NUMBER), OfflineVies().ask(NUMBER)
    assert first == second
    assert (first.state, first.source, first.consultation[:8]) == ("valid", "offline", "OFFLINE-")
    assert OfflineVies().ask("DE136695977").state == "invalid"


def test_the_task_asks_of_foreign_numbers_without_a_fresh_answer_and_of_no_others(db: None) -> None:
    make_buyer(GERMAN, confirmed=False)
    make_buyer(FRENCH, confirmed=False)
    make_buyer(AUSTRIAN)
    assert service.ask_due(at=AT, vies=OfflineVies()) == 1
    assert ViesAnswer.objects.get().number == NUMBER
    assert service.ask_due(at=AT + timedelta(days=27), vies=OfflineVies()) == 0
    assert service.ask_due(at=AT + timedelta(days=28), vies=OfflineVies()) == 1


def test_what_could_not_be_had_is_asked_again_after_an_hour(db: None) -> None:
    make_buyer(GERMAN, confirmed=False)
    away = RestVies(url="http://127.0.0.1:9", requester="FR59991888777", pause=0)
    assert service.ask_due(at=AT, vies=away) == 1
    assert service.ask_due(at=AT + timedelta(minutes=59), vies=OfflineVies()) == 0
    assert service.ask_due(at=AT + timedelta(hours=1), vies=OfflineVies()) == 1
    assert ViesAnswer.objects.first().state == "valid"


def test_one_number_is_asked_of_only_where_an_organisation_has_it(db: None) -> None:
    assert tasks.ask_vies(number=NUMBER, later="ignored") == 0
    make_buyer(GERMAN, confirmed=False)
    assert [tasks.ask_vies(number=NUMBER), tasks.ask_vies(number=NUMBER)] == [1, 0]
    assert ViesAnswer.objects.count() == 1


def test_the_settings_choose_who_is_asked(db: None, settings: Any) -> None:
    assert isinstance(service.adapter(at=AT), OfflineVies)
    settings.VIES = "rest"
    assert isinstance(service.adapter(at=AT), RestVies)
