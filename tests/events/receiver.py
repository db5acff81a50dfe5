# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks over real HTTP, with every way of behaving badly, and an independent check of signatures."""

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def verifies(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify as the Standard Webhooks specification says, sharing no line with the product."""
    key = base64.b64decode(secret[len("whsec_") :])
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    for given in headers["webhook-signature"].split(" "):
        version, _, signature = given.partition(",")
        if version == "v1" and hmac.compare_digest(signature, expected):
            return True
    return False


@dataclass
class Receiver:
    """What arrived, and how to answer."""

    url: str = ""
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving(**fields: Any) -> Iterator[Receiver]:
    """Serve a receiver on loopback."""
    receiver = Receiver(**fields)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?a=1"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def read_request(connection: socket.socket) -> None:
    """Read all of a request: closing over bytes that were not read resets the connection instead of ending it."""
    with connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        stream.read(length)


@contextmanager
def talking(answer: bytes | None, *, drip: bool = False) -> Iterator[str]:
    """Serve raw bytes and close; None says nothing until the caller goes away, ``drip`` a byte at a time."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            read_request(connection)
            try:
                if answer is None:
                    stop.wait(30)
                elif drip:
                    for byte in answer:
                        connection.sendall(bytes([byte]))
                        if stop.wait(0.1):
                            return
                else:
                    connection.sendall(answer)
            except OSError:
                return

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stop.set()
        listener.close()
