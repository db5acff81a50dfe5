# SPDX-License-Identifier: Apache-2.0
"""A payment sandbox of a test's own: a real server on a free port, a receiver of webhooks, and the official SDK.

@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox() as sandbox:
        yield sandbox
"""

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import stripe

from billing.sandbox.server import Sandbox

KEY = "sk_test_of_a_test"
SECRET = "whsec_of_a_test_0123456789"


@dataclass
class Received:
    """One webhook as it came in."""

    body: bytes
    signature: str
    status: int

    @property
    def event(self) -> stripe.Event:
        """Return the event. Raises SignatureVerificationError when somebody else sent it."""
        event: stripe.Event = stripe.Webhook.construct_event(self.body, self.signature, SECRET)
        return event


class Receiver:
    """Keeps every webhook; ``answer`` decides the status of each, 200 unless told otherwise."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self.answer: Callable[[bytes], int] = lambda body: 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answer(body)
                # Before the answer: who has it may look at once.
                with receiver.arrived:
                    receiver.received.append(Received(body, self.headers["Stripe-Signature"], status))
                    receiver.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/stripe"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()

    def types(self) -> list[str]:
        """Return the types of what was accepted, in the order of arrival."""
        return [json.loads(one.body)["type"] for one in self.received if one.status == 200]

    def wait_for(self, count: int, seconds: float = 20.0) -> list[Received]:
        """Wait until ``count`` webhooks have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, seconds), self.types()
            return list(self.received)


def client_of(base_url: str, key: str = KEY, **options: Any) -> stripe.StripeClient:
    """Return the official client of a sandbox; it makes each call once unless told otherwise."""
    options.setdefault("max_network_retries", 0)
    return stripe.StripeClient(key, base_addresses={"api": base_url}, **options)


def control(base_url: str, name: str, **body: Any) -> Any:
    """Ask a control and return its answer. Raises AssertionError when it refuses."""
    status, _, answer = exchange(base_url, "POST", f"/_sandbox/{name}", json.dumps(body).encode())
    assert status == 200, answer
    return json.loads(answer)


def exchange(
    base_url: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Make one request without any client's help; header names come back in lower case."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def post_form(base_url: str, path: str, **fields: str) -> tuple[int, str]:
    """Send a page's form, as a browser does, and return the status and where it leads."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answered, _ = exchange(base_url, "POST", path, urlencode(fields).encode(), headers)
    return status, answered.get("location", "")


@dataclass
class RunningSandbox:
    """A sandbox that runs, with its receiver and its client."""

    server: Sandbox
    receiver: Receiver
    base_url: str
    client: stripe.StripeClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = client_of(self.base_url)

    @property
    def v1(self) -> Any:
        """Return the services of the SDK; untyped, for tests pass what its types forbid."""
        return self.client.v1

    def control(self, name: str, **body: Any) -> Any:
        """Ask a control."""
        return control(self.base_url, name, **body)

    def delivered(self, seconds: float = 20.0) -> list[str]:
        """Wait until every webhook has been delivered and return the types in the order of arrival."""
        assert self.control("deliveries/wait", seconds=seconds) == {"left": 0}
        return self.receiver.types()


@contextlib.contextmanager
def running_sandbox(state: Path | None = None, webhook: str = "") -> Iterator[RunningSandbox]:
    """Run a sandbox in this process; its webhooks go to a receiver of its own unless ``webhook`` names another."""
    receiver = Receiver()
    server = Sandbox(port=0, webhook=webhook or receiver.url, secret=SECRET, key=KEY, state=state)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield RunningSandbox(server, receiver, server.base_url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
        receiver.close()
