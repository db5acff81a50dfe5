# SPDX-License-Identifier: Apache-2.0
"""One HTTP POST to a customer's receiver: the checked address, no redirects, bounded in time and size."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from aion.events.guard import Target, UrlRefused, address_of, target_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 15.0
EXCERPT_BYTES = 500
USER_AGENT = "AION-Webhooks/1.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or an error that says why there is none."""

    status: int | None
    error: str
    excerpt: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        """Tell whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def post(*, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send ``body`` and return the answer; what a receiver does wrong is an Answer, never an exception."""
    began = time.monotonic()
    status, error, excerpt = None, "", ""
    try:
        status, excerpt = _exchange(target_of(url), headers, body)
        if 300 <= status < 400:
            error = "Redirects are not followed."
        elif not 200 <= status < 300:
            error = f"The receiver answered {status}."
    except UrlRefused as refused:
        error = refused.detail
    except ssl.SSLError as broken:
        error = f"TLS: {broken.reason or broken}"
    except (TimeoutError, urllib3.exceptions.TimeoutError):
        error = "The receiver did not answer in time."
    except socket.gaierror:
        error = "The name cannot be resolved."
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as broken:
        error = f"The connection failed: {type(broken).__name__}."
    return Answer(status, error[:300], excerpt, int((time.monotonic() - began) * 1000))


def _exchange(target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    connection = _connection(target, address_of(target))
    late = threading.Event()
    watchdog = threading.Timer(TOTAL_SECONDS, _abort, (connection, late))
    watchdog.daemon = True
    try:
        connection.connect()
        # Time-outs of a socket count anew with each byte: a receiver that drips is cut off by the clock.
        watchdog.start()
        if connection.sock is not None:
            connection.sock.settimeout(READ_SECONDS)
        connection.request(
            "POST",
            target.path,
            body=body,
            headers={
                "Host": target.netloc,
                "User-Agent": USER_AGENT,
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                **headers,
            },
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        return response.status, _excerpt(response)
    except Exception as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        watchdog.cancel()
        connection.close()


def _connection(target: Target, address: str) -> HTTPConnection:
    if not target.secure:
        return HTTPConnection(address, target.port, timeout=CONNECT_SECONDS)
    # Connected to the address that was checked, so that a second DNS answer cannot lead elsewhere (DNS rebinding).
    return HTTPSConnection(
        address,
        target.port,
        timeout=CONNECT_SECONDS,
        server_hostname=target.host,
        ssl_context=ssl.create_default_context(),
    )


def _excerpt(response: urllib3.BaseHTTPResponse) -> str:
    """Return the answer's beginning; a body that breaks off changes nothing about the status."""
    raw = b""
    with contextlib.suppress(urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError):
        raw = response.read(EXCERPT_BYTES) or b""
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")[:EXCERPT_BYTES]


def _abort(connection: HTTPConnection, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError, AttributeError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
