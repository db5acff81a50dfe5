# SPDX-License-Identifier: Apache-2.0
"""The replay's hands on the site itself: its clock, its fleet and the true start and end of every pod."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 120.0


class SiteGone(Exception):
    """The site did not come back within two minutes."""


class SiteControl:
    """The controls of one simulated cluster. Every call is idempotent and repeated until the site answers."""

    def __init__(self, url: str) -> None:
        """Take the cluster's address, such as http://127.0.0.1:9000/clusters/replay."""
        parts = urlsplit(url)
        self.host, self.port, self.prefix = (
            parts.hostname or "127.0.0.1",
            parts.port or 80,
            parts.path.rstrip("/"),
        )
        self._connection: http.client.HTTPConnection | None = None

    def call(self, control: str, **body: Any) -> dict[str, Any]:
        """Call a control. Raises SiteGone, or ValueError when the site refuses."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = 0.1
        while True:
            try:
                return self._once(control, body)
            except (OSError, http.client.HTTPException) as error:
                self._connection = None
                if time.monotonic() > deadline:
                    raise SiteGone(f"The simulated site at port {self.port} does not answer.") from error
                time.sleep(pause)  # the supervisor restarts it; there is nothing to wait on but the socket
                pause = min(2.0, pause * 2)

    def _once(self, control: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        payload = json.dumps(body)
        self._connection.request(
            "POST", f"{self.prefix}/simulator/{control}", payload, {"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        raw = response.read()
        if response.status >= 400:
            raise ValueError(f"The site refused {control}: {raw[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(raw)
        return answer
