# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge: routes, watches, fault switches and the site's own controls under ``/simulator/``.

Several clusters live in one process: ``/clusters/NAME/api/v1/…``; the paths without prefix are the default one.
"""

import json
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from clusters.simulator.api import Api, ApiError
from clusters.simulator.resources import RESOURCES, Resource
from clusters.simulator.store import Key, Store

PREFIX = re.compile(r"^/clusters/([a-z0-9-]+)(/.*)$")
ROUTE = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?$"
)


class Faults:
    """What goes wrong on purpose, until it is used up or switched off; ``spare`` requests are served before errors."""

    def __init__(self) -> None:
        """Start healthy."""
        self.errors = 0
        self.spare = 0
        self.status = 500
        self.hang_seconds = 0.0
        self.drop_watches = False
        self.duplicate_events = False
        self.cuts = 0

    def set(self, values: dict[str, Any]) -> None:
        """Set switches by name."""
        for name, value in values.items():
            setattr(self, name, value)


class Clusters:
    """All clusters of the process."""

    def __init__(self, state_dir: Path | None) -> None:
        """Open every cluster whose journal is in ``state_dir``."""
        self.state_dir = state_dir
        self.by_name: dict[str, Api] = {}
        self.faults = Faults()
        self.lock = threading.Lock()
        for journal in sorted(state_dir.glob("*.journal")) if state_dir else []:
            self.get(journal.stem)

    def get(self, name: str) -> Api:
        """Return a cluster, made on first use."""
        with self.lock:
            if name not in self.by_name:
                journal = self.state_dir / f"{name}.journal" if self.state_dir else None
                self.by_name[name] = Api(Store(journal))
            return self.by_name[name]

    def tick(self) -> None:
        """Move every cluster that runs on real time."""
        for api in list(self.by_name.values()):
            with api.store.lock:
                due = api.controllers.next_due()
                if not api.controllers.virtual and due is not None and due <= time.time():
                    api.controllers.advance(datetime.now(UTC))
                    api.store.flush()


def make_handler(clusters: Clusters) -> type[BaseHTTPRequestHandler]:
    """Return the request handler bound to ``clusters``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        api: Api

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

        def do_GET(self) -> None:
            """Serve."""
            self._serve("GET")

        do_POST = do_PUT = do_PATCH = do_DELETE = lambda self: self._serve(self.command)

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Return the site's own time: clients take it for the truth."""
            api = getattr(self, "api", None)
            if timestamp is None and api is not None and api.controllers.virtual:
                return format_datetime(api.store.clock.replace(microsecond=0), usegmt=True)
            return super().date_time_string(timestamp)

        def _serve(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length) if length else b""
            parts = urlsplit(self.path)
            path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
            found = PREFIX.match(path)
            name, path = (found[1], found[2]) if found else ("default", path)
            self.api = clusters.get(name)
            try:
                body = json.loads(raw) if raw else {}
                if path.startswith("/simulator/"):
                    self._answer(200, _control(clusters, self.api, path, body))
                    return
                self._misbehave()
                self._route(method, path, query, body)
            except ApiError as error:
                self._answer(error.code, error.body())
            except ValueError as error:
                self._answer(400, ApiError(400, "BadRequest", str(error)).body())
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            except Exception as error:  # noqa: BLE001 - a fault of the simulator is an answer 500, as of a real server
                sys.stderr.write(traceback.format_exc())
                self._answer(500, ApiError(500, "InternalError", f"{type(error).__name__}: {error}").body())

        def _misbehave(self) -> None:
            faults = clusters.faults
            if faults.hang_seconds:
                threading.Event().wait(faults.hang_seconds)
            if faults.spare > 0:
                faults.spare -= 1
            elif faults.errors > 0:
                faults.errors -= 1
                reason = "TooManyRequests" if faults.status == 429 else "InternalError"
                raise ApiError(faults.status, reason, "the simulated site fails on purpose")

        def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> None:
            if path in {"/version", "/readyz", "/healthz", "/livez"}:
                version = {
                    "major": "1",
                    "minor": "36",
                    "gitVersion": "v1.36.0-aion-simulated",
                    "platform": "simulated",
                }
                self._answer(200, json.dumps(version if path == "/version" else "ok").encode())
                return
            match = ROUTE.match(path)
            if match is None:
                raise ApiError(404, "NotFound", "the server could not find the requested resource")
            resource = RESOURCES.get(
                ("", "v1", match["plural"]) if match["core"] else (match["group"], match["version"], match["plural"])
            )
            if resource is None:
                raise ApiError(404, "NotFound", "the server could not find the requested resource")
            if query.get("watch") in {"true", "1"}:
                self._watch(resource, match["namespace"], query)
                return
            api = self.api
            with api.store.lock:
                if not api.controllers.virtual:
                    api.store.tick(datetime.now(UTC))
                status, payload = self._dispatch(method, resource, match.groupdict(), query, body)
                api.store.flush()
            self._answer(status, payload)

        def _dispatch(
            self,
            method: str,
            resource: Resource,
            target: dict[str, str | None],
            query: dict[str, str],
            body: Any,
        ) -> tuple[int, bytes]:
            api, namespace, name = self.api, target["namespace"] or "", target["name"]
            if name is None:
                if method == "GET":
                    return 200, api.list_page(resource, target["namespace"], query)
                if method == "POST":
                    return 201, _dump(api.create(resource, namespace, body, query))
                if method == "DELETE":
                    api.delete_collection(resource, namespace, query)
                    return 200, _dump({"kind": "Status", "apiVersion": "v1", "status": "Success"})
                raise ApiError(405, "MethodNotAllowed", method)
            sub = target["sub"] or ""
            if method == "GET":
                return 200, _dump(api.one(resource, namespace, name))
            if method == "PUT":
                return 200, _dump(api.replace(resource, namespace, name, body, query))
            if method == "PATCH":
                kind = self.headers.get("Content-Type") or ""
                return 200, _dump(api.patch(resource, (namespace, name, sub), body, kind, query))
            if method == "DELETE":
                return 200, _dump(api.delete(resource, namespace, name, {**query, **(body or {})}))
            if method == "POST" and sub == "binding":
                key: Key = (resource.plural, namespace, name)
                api.controllers.bind(key, api.one(resource, namespace, name), body["target"]["name"])
                return 201, _dump({"kind": "Status", "apiVersion": "v1", "status": "Success"})
            raise ApiError(405, "MethodNotAllowed", method)

        def _watch(self, resource: Resource, namespace: str | None, query: dict[str, str]) -> None:
            store, seconds = self.api.store, float(query.get("timeoutSeconds") or 300)
            deadline, since = time.monotonic() + seconds, int(query.get("resourceVersion") or 0)
            faults, cuts, gone = clusters.faults, clusters.faults.cuts, False
            with store.lock:
                if since and since < store.oldest:
                    raise _expired(since, store.oldest)
                since = since or store.version
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while time.monotonic() < deadline and not gone and not faults.drop_watches and faults.cuts == cuts:
                with store.changed:
                    events = self._events_after(resource, namespace, query, since)
                    if not events and since >= store.oldest:
                        store.changed.wait(min(1.0, max(0.01, deadline - time.monotonic())))
                        events = self._events_after(resource, namespace, query, since)
                    if since < store.oldest:
                        # An answer that has begun cannot be a 410 any more: a real server says so in the stream.
                        status = _expired(since, store.oldest).body()
                        events, gone = [b'{"type":"ERROR","object":' + status + b"}"], True
                    since = max(since, store.version)
                for event in events:
                    self._chunk(event)
                    if faults.duplicate_events:
                        self._chunk(event)
            dropped = faults.drop_watches or faults.cuts != cuts
            if query.get("allowWatchBookmarks") == "true" and not dropped and not gone:
                mark = {
                    "kind": resource.kind,
                    "apiVersion": resource.api_version,
                    "metadata": {"resourceVersion": str(since)},
                }
                self._chunk(_dump({"type": "BOOKMARK", "object": mark}))
            if dropped:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.wfile.write(b"0\r\n\r\n")

        def _events_after(
            self, resource: Resource, namespace: str | None, query: dict[str, str], since: int
        ) -> list[bytes]:
            events = []
            for version, event, key, raw, _ in reversed(self.api.store.ring):
                if version <= since:
                    break
                if key[0] != resource.plural or (namespace is not None and key[1] != namespace):
                    continue
                labels = query.get("labelSelector", "")
                if labels and not _labelled(raw, labels):
                    continue
                events.append(b'{"type":"' + event.encode() + b'","object":' + raw + b"}")
            return events[::-1]

        def _chunk(self, data: bytes) -> None:
            line = data + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()

        def _answer(self, status: int, payload: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _expired(since: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {since} ({oldest})")


def _labelled(raw: bytes, selector: str) -> bool:
    from clusters.simulator.patches import labels_match

    return labels_match(json.loads(raw)["metadata"].get("labels") or {}, selector)


def _set_clock(api: Api, body: dict[str, Any]) -> None:
    virtual = body.get("virtual")
    api.store.remember_side(virtual=bool(virtual))
    if virtual:
        wanted = datetime.fromtimestamp(float(virtual), UTC)
        if not api.store.side.get("begun"):
            api.store.clock = wanted
            api.store.remember_side(begun=True)
        api.store.tick(wanted)
    else:
        api.controllers.advance(datetime.now(UTC))


def _cut_watches(clusters: Clusters, api: Api) -> None:
    """Hang up on every watch that is open now; the next ones are served."""
    clusters.faults.cuts += 1
    api.store.changed.notify_all()


def _add_scripts(api: Api, body: dict[str, Any]) -> None:
    """Add scripts by the workload's name; null takes one away, so that a later workload of that name is its own."""
    scripts = {**(api.store.side.get("scripts") or {}), **body["scripts"]}
    api.store.remember_side(scripts={name: script for name, script in scripts.items() if script is not None})


def _control(clusters: Clusters, api: Api, path: str, body: dict[str, Any]) -> bytes:
    """Answer the controls of the site itself: fleet, clock, scripts and faults."""
    actions: dict[str, Callable[[], None]] = {
        "/simulator/fleet": lambda: api.load_fleet(body["nodes"]),
        "/simulator/clock": lambda: _set_clock(api, body),
        "/simulator/advance": lambda: api.controllers.advance(datetime.fromtimestamp(float(body["to"]), UTC)),
        "/simulator/scripts": lambda: _add_scripts(api, body),
        "/simulator/faults": lambda: clusters.faults.set(body),
        "/simulator/lose-node": lambda: api.controllers.lose_node(body["name"]),
        "/simulator/expire-history": api.store.expire_history,
        "/simulator/cut-watches": lambda: _cut_watches(clusters, api),
        "/simulator/force-delete": lambda: api.controllers.force_delete(("pods", body["namespace"], body["name"])),
        "/simulator/status": lambda: None,
    }
    if path not in actions:
        raise ApiError(404, "NotFound", "no such control")
    with api.store.lock:
        try:
            actions[path]()
        except KeyError as error:
            raise ApiError(422, "Invalid", f"missing or unknown: {error}") from error
        api.store.flush()
        status = {
            "now": api.store.clock.timestamp(),
            "virtual": api.controllers.virtual,
            "jobs": len(api.store.by_kind.get("jobs", {})),
            "pods": len(api.store.by_kind.get("pods", {})),
            "nodes": len(api.store.by_kind.get("nodes", {})),
        }
    return _dump(status)


class Server(ThreadingHTTPServer):
    """Threads that die with the process."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


def serve(*, port: int, state_dir: Path | None) -> tuple[Server, Clusters]:
    """Return a bound server and its clusters, with the thread that moves real time; the caller serves."""
    clusters = Clusters(state_dir)
    server = Server(("127.0.0.1", port), make_handler(clusters))

    def keep_time() -> None:
        pause = threading.Event()
        while not pause.wait(0.2):
            clusters.tick()

    threading.Thread(target=keep_time, name="clock", daemon=True).start()
    return server, clusters
