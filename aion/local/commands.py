# SPDX-License-Identifier: Apache-2.0
"""What the Makefile calls: demo, replay, manage, run, stop."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aion.local import postgres
from aion.local.layout import ROOT, STATE, Group, LocalError, UsageError, current_group, mark_current
from aion.local.supervisor import (
    POLL_SECONDS,
    Supervisor,
    manage,
    require_port,
    start_sandbox,
    start_services,
    start_site,
    start_watcher,
    start_web,
    start_workers,
)

HELIOS = ROOT / "marketplace" / "seed" / "helios_earth_vc_hourly.csv"
BAD_FILE = 2


def say(text: str) -> None:
    """Tell the person what happens; standard output is left to answers."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _status(group: Group) -> dict[str, Any]:
    path = group.directory / "status.json"
    if not path.exists():
        return {}
    status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return status


def supervisor_alive(group: Group) -> bool:
    """Tell whether the group's supervisor runs."""
    status = _status(group)
    if not status or status["phase"] in {"stopped", "failed"}:
        return False
    try:
        os.kill(status["pid"], 0)
        words = Path(f"/proc/{status['pid']}/cmdline")
        return not words.exists() or b"aion.local" in words.read_bytes()
    except OSError:
        return False


@contextlib.contextmanager
def _alone(group: Group, *, refusal: str = "") -> Iterator[None]:
    """Let one command at a time run on a group's data; the next one waits and says so.

    Raises LocalError with ``refusal`` instead of waiting, where there is one.
    """
    with (group.directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if refusal:
                raise LocalError(refusal) from None
            say(f"Another command uses .aion/{group.name}: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    def ask_to_stop(*_: Any) -> None:
        supervisor.stopping = True

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def supervise(name: str) -> int:
    """Run the demo's group until it is told to stop. It is started detached by ``demo``."""
    group = Group(name).load()
    supervisor = Supervisor(group)
    with _signals(supervisor):
        try:
            start_services(supervisor)
            supervisor.run_once("migrating the database", manage("migrate", "--no-input", "--verbosity", "0"))
            _collect_static(supervisor)
            start_site(supervisor)
            start_sandbox(supervisor)
            supervisor.run_once("seeding the consortium and its people", manage("seed_demo"))
            start_workers(supervisor)
            start_watcher(supervisor)
            start_web(supervisor)
            supervisor.phase = "running"
            supervisor.write_status()
            while not supervisor.stopping:
                supervisor.step()
                time.sleep(POLL_SECONDS)
        except LocalError as error:
            supervisor.stop()
            supervisor.phase = "failed"
            supervisor.write_status()
            say(str(error))
            return 1
        finally:
            if supervisor.phase != "failed":
                supervisor.stop()
    return 0


def _collect_static(supervisor: Supervisor) -> None:
    """Collect static files once per state of the lock and of static/."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    stamp = STATE / "static.stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest.hexdigest():
        return
    supervisor.run_once("collecting static files", manage("collectstatic", "--no-input", "--clear", "--verbosity", "0"))
    stamp.write_text(digest.hexdigest(), encoding="utf-8")


def demo(arguments: list[str]) -> int:
    """Start the portal with everything it needs, replay the Helios month, print figures and accounts."""
    _check_options("demo", arguments, {"--no-replay", "--no-history"})
    group = Group("demo").load()
    with _alone(group):
        mark_current("demo")
        if supervisor_alive(group):
            say("The demo's services run already; using them.")
        else:
            # The children of a killed supervisor are told to end by the kernel, and take a moment.
            was_killed = _status(group).get("phase", "stopped") not in {"stopped", "failed"}
            require_port(int(group.values["web_port"]), patience=10.0 if was_killed else 0.0)
            _spawn_supervisor(group)
        _await_running(group)
        say(f"Portal: {group.environment()['AION_BASE_URL']}")
        steps = {"--no-replay": ["replay_trace", str(HELIOS)], "--no-history": ["seed_history"], "": ["demo_accounts"]}
        for refusal, step in steps.items():
            code = 0 if refusal in arguments else _while_running(group, step)
            if code:
                return code
    say("The portal keeps running; `make stop` stops it, `make demo` starts it again on the same data.")
    return 0


def _check_options(command: str, arguments: list[str], known: set[str]) -> list[str]:
    """Return what is no option. Raises UsageError for an option that ``command`` does not have."""
    unknown = sorted({word for word in arguments if word.startswith("-")} - known)
    if unknown:
        raise UsageError(f"{' '.join(unknown)} is not an option of {command}: use {' or '.join(sorted(known))}.")
    return [word for word in arguments if not word.startswith("-")]


def _while_running(group: Group, step: list[str]) -> int:
    """Run a management command and return its exit code; 1 as soon as the services are stopped under it."""
    process = subprocess.Popen(manage(*step), cwd=ROOT, env=group.environment(), stdin=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            if not supervisor_alive(group):
                say("The demo was stopped meanwhile; `make demo` goes on where it was.")
                return 1
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _spawn_supervisor(group: Group) -> None:
    log = (group.directory / "logs" / "supervisor.log").open("wb")
    (group.directory / "status.json").unlink(missing_ok=True)
    subprocess.Popen(
        [sys.executable, "-m", "aion.local", "supervise", group.name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _await_running(group: Group) -> None:
    deadline, shown = time.monotonic() + 300, ""
    while True:
        phase = _status(group).get("phase", "starting")
        if phase != shown and phase not in {"running", "failed"}:
            say(f"  {phase} …")
            shown = phase
        if phase == "running":
            return
        if phase == "failed" or time.monotonic() > deadline:
            log = (group.directory / "logs" / "supervisor.log").read_text(encoding="utf-8", errors="replace")
            raise LocalError(log.strip()[-1500:] or "The demo's services did not start: see .aion/demo/logs.")
        time.sleep(POLL_SECONDS)


def replay(arguments: list[str]) -> int:
    """Replay a trace on a database of its own; resume an unfinished one of the same content."""
    files = _check_options("replay", arguments, {"--fresh", "--json"})
    if len(files) > 1:
        raise UsageError(f"A replay takes one file, not {len(files)}: name it with make replay FILE=…")
    path = Path(files[0]).resolve() if files else HELIOS
    group = Group("replay").load()
    json_flag = ["--json"] if "--json" in arguments else []
    checked = subprocess.run(
        manage("replay_trace", str(path), "--check", *json_flag),
        cwd=ROOT,
        env=group.environment(),
        check=False,
    )
    if checked.returncode:
        return checked.returncode
    with _alone(group, refusal="A replay is running already: wait for it, or stop it with Ctrl-C where it runs."):
        return _replay_file(group, path, fresh="--fresh" in arguments, json_flag=json_flag)


def _replay_file(group: Group, path: Path, *, fresh: bool, json_flag: list[str]) -> int:
    mark_current("replay")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    record = group.directory / "run.json"
    earlier = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    fresh = fresh or earlier.get("digest") != digest or earlier.get("finished", True)
    supervisor = Supervisor(group)
    with _signals(supervisor):
        try:
            return _replay(supervisor, path, record, digest, fresh=fresh, json_flag=json_flag)
        finally:
            supervisor.stop()


def _replay(supervisor: Supervisor, path: Path, record: Path, digest: str, *, fresh: bool, json_flag: list[str]) -> int:
    group = supervisor.group
    say("Starting fresh." if fresh else "Going on with the unfinished replay of this file.")
    start_services(supervisor)
    if fresh:
        postgres.drop_database(group.database_url())
        postgres.ensure_database(group.database_url())
        shutil.rmtree(group.directory / "site", ignore_errors=True)
        shutil.rmtree(group.directory / "sandbox", ignore_errors=True)
    supervisor.run_once("migrating the database", manage("migrate", "--no-input", "--verbosity", "0"))
    record.write_text(json.dumps({"digest": digest, "finished": False}), encoding="utf-8")
    start_site(supervisor)
    if group.own_payments:
        start_sandbox(supervisor)
    start_workers(supervisor)
    supervisor.phase = "running"
    supervisor.write_status()
    driver = subprocess.Popen(
        manage("replay_trace", str(path), *json_flag),
        cwd=ROOT,
        env=group.environment(),
        stdin=subprocess.DEVNULL,
    )
    while driver.poll() is None:
        supervisor.step()
        if supervisor.stopping:
            driver.terminate()
            driver.wait()
            say("Stopped. The same command goes on where it stopped.")
            return 130
        time.sleep(POLL_SECONDS)
    if driver.returncode == 0:
        record.write_text(json.dumps({"digest": digest, "finished": True}), encoding="utf-8")
    return driver.returncode if driver.returncode in {0, BAD_FILE} else 1


def manage_command(arguments: list[str]) -> int:
    """Run a management command in the environment of the group that ran last."""
    return _run(current_group(), manage(*arguments))


def run(arguments: list[str]) -> int:
    """Run any command with the services of the group ``test``: for tests and checks."""
    return _run("test", arguments, durable=False)


def bench(arguments: list[str]) -> int:
    """Run any command with the services of the group ``bench``, which waits for the disk as production does."""
    return _run("bench", arguments)


def _run(name: str, argv: list[str], *, durable: bool = True) -> int:
    group = Group(name).load()
    if name != "test" and supervisor_alive(group):
        return subprocess.run(argv, cwd=ROOT, env=group.environment(), check=False).returncode
    supervisor = Supervisor(group)
    with _signals(supervisor), _alone(group):
        try:
            start_services(supervisor, durable=durable)
            if group.own_payments:
                start_sandbox(supervisor)
            supervisor.phase = "running"
            supervisor.write_status()
            process = subprocess.Popen(argv, cwd=ROOT, env=group.environment())
            while process.poll() is None:
                supervisor.step()
                if supervisor.stopping:
                    process.terminate()
                    process.wait()
                time.sleep(POLL_SECONDS / 4)
            return process.returncode if process.returncode >= 0 else 128 - process.returncode
        finally:
            supervisor.stop()


def stop(arguments: list[str]) -> int:
    """Stop the demo's services; the data stays."""
    if arguments:
        raise UsageError("stop takes no option.")
    group = Group("demo")
    if not group.directory.exists() or not supervisor_alive(group):
        say("The demo does not run.")
        return 0
    os.kill(_status(group)["pid"], signal.SIGTERM)
    deadline = time.monotonic() + 90
    while supervisor_alive(group):
        if time.monotonic() > deadline:
            raise LocalError("The demo does not stop: see .aion/demo/logs.")
        time.sleep(POLL_SECONDS)
    say(f"Stopped. The data stays in {group.directory}.")
    return 0
