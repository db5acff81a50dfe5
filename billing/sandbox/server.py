# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge: the API under ``/v1/``, the pages that payers see, the controls under ``/_sandbox/``."""

import json
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from billing.sandbox import clockwork
from billing.sandbox.api import Answer, Api
from billing.sandbox.control import Control
from billing.sandbox.delivery import Deliverer
from billing.sandbox.errors import ApiError, Invalid
from billing.sandbox.pages import Pages
from billing.sandbox.store import Store
from billing.sandbox.world import World

MOST_BYTES = 1_000_000
TICK_SECONDS = 0.5


class Sandbox(ThreadingHTTPServer):
    """The whole sandbox on one port of this machine; its threads die with the process."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, *, port: int, webhook: str, secret: str, key: str, state: Path | None) -> None:
        """Bind the port and read the state; ``serve_forever`` serves."""
        self._ended = threading.Event()
        self._closing: list[Callable[[], None]] = [self._ended.set]  # a port that is taken closes what never began
        super().__init__(("127.0.0.1", port), Handler)
        self.base_url = f"http://127.0.0.1:{self.server_address[1]}"
        store = Store(state)
        self.world = World(store, self.base_url)
        self.api = Api(self.world, key)
        self.deliverer = Deliverer(store, webhook, secret)
        self.control = Control(self.world, self.deliverer)
        self.pages = Pages(self.world)
        self._closing += [self.api.pause.set, self.deliverer.stop]
        threading.Thread(target=self._keep_time, name="clock", daemon=True).start()

    def _keep_time(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            if clockwork.is_due(self.world):
                clockwork.run_due(self.world)

    def server_close(self) -> None:
        """Give the port back and end the threads."""
        for act in self._closing:
            act()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Sandbox

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        """Serve."""
        self._serve()

    do_POST = do_DELETE = do_PUT = do_PATCH = do_GET

    def _serve(self) -> None:
        try:
            self._send(self._answer())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self) -> Answer:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MOST_BYTES:
            self.close_connection = True
            return _json(413, Invalid("The body is too large.").body())
        body = self.rfile.read(length) if length else b""
        path = urlsplit(self.path).path
        try:
            if path.startswith("/v1/"):
                return self.server.api.answer(self.command, self.path, self.headers, body)
            if path.startswith("/_sandbox/"):
                return _json(200, self.server.control.answer(path, _object(body)))
            return self.server.pages.answer(self.command, self.path, self.headers, body)
        except ApiError as error:
            return _json(error.status, error.body())
        except Exception:  # noqa: BLE001 - a fault of the sandbox is an answer 500, as of a real server
            sys.stderr.write(traceback.format_exc())
            told = {"message": "An unknown error occurred: see the log of the sandbox.", "type": "api_error"}
            return _json(500, {"error": told})

    def _send(self, answer: Answer) -> None:
        if answer.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | answer.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise Invalid(f"The body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Invalid("A JSON object is needed.")
    return value


def _json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value, indent=2).encode())
