# SPDX-License-Identifier: Apache-2.0
"""A real process that is killed: what was answered is there again, what was not delivered is delivered."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aion.local.layout import free_port, port_is_taken
from billing.sandbox.store import Store
from tests.sandbox.scenes import DAY, GOOD_IBAN, session_params
from tests.sandbox.server import KEY, SECRET, Receiver, client_of, control

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(port: int, webhook: str, state: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the sandbox as the demo does, until it is killed or the test ends."""
    argv = [sys.executable, "-m", "billing.sandbox", "--port", str(port), "--webhook", webhook, "--state", str(state)]
    env = os.environ | {"AION_STRIPE_SECRET_KEY": KEY, "AION_STRIPE_WEBHOOK_SECRET": SECRET}
    running = subprocess.Popen(argv, cwd=ROOT, env=env)
    pause = threading.Event()
    try:
        while not port_is_taken(port):
            assert running.poll() is None
            pause.wait(0.05)
        yield running
    finally:
        running.kill()
        running.wait()


def test_after_a_kill_everything_answered_is_there_and_the_rest_is_delivered(tmp_path: Path) -> None:
    receiver, port = Receiver(), free_port()
    base, options = f"http://127.0.0.1:{port}", {"idempotency_key": "session-1"}
    client = client_of(base)
    with process(port, receiver.url, tmp_path) as running:
        control(base, "webhooks", paused=True)
        control(base, "clock", advance=DAY)
        params = session_params(client_reference_id="order-1")
        session = client.v1.checkout.sessions.create(params, options)  # type: ignore[arg-type]
        control(base, "pay", session=session.id, iban=GOOD_IBAN)
        control(base, "faults", path="refunds", fault="cut", times=3)
        before = [event.id for event in client.v1.events.list().data]
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert receiver.received == []
    with process(port, receiver.url, tmp_path):
        replayed = client.v1.checkout.sessions.create(params, options)  # type: ignore[arg-type]
        assert replayed.last_response is not None
        assert (replayed.id, replayed.last_response.headers["Idempotent-Replayed"]) == (session.id, "true")
        again = client.v1.checkout.sessions.retrieve(session.id)
        assert (again.status, again.payment_status, again.client_reference_id) == ("complete", "unpaid", "order-1")
        assert [event.id for event in client.v1.events.list().data] == before
        assert control(base, "clock")["offset"] == DAY
        assert control(base, "faults")["faults"][0]["times"] == 3
        control(base, "webhooks", paused=False)
        assert {one.event.id for one in receiver.wait_for(len(before))} == set(before)
        assert control(base, "clock", advance=5 * DAY)["done"] == 1
        assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    receiver.close()


def test_a_torn_last_line_is_dropped_and_the_journal_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(3):
        with store.transaction():
            store.add("customer", {"id": f"cus_{number}"})
    journal = tmp_path / "journal"
    journal.write_bytes(journal.read_bytes()[:-5])
    again = Store(tmp_path)
    assert list(again.objects["customer"]) == ["cus_0", "cus_1"]
    with again.transaction():
        again.add("customer", {"id": "cus_3"})
    assert list(Store(tmp_path).objects["customer"]) == ["cus_0", "cus_1", "cus_3"]
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.add("customer", {"id": "cus_1", "name": "A"})
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.edit("customer", "cus_1")["name"] = "B"
        store.add("customer", {"id": "cus_2"})
        store.set_value("clock_offset", 1 // 0)
    assert (store.objects, Store(tmp_path).objects) == ({"customer": {"cus_1": {"id": "cus_1", "name": "A"}}},) * 2


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    with process(port, "http://127.0.0.1:9/", tmp_path / "one"):
        argv = [sys.executable, "-m", "billing.sandbox", "--port", str(port), "--webhook", "http://127.0.0.1:9/"]
        argv += ["--secret", SECRET, "--state", str(tmp_path / "two")]
        second = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr) == (
        1, f"The payment sandbox cannot listen on port {port}: Address already in use.\n",
    )  # fmt: skip
    assert not (tmp_path / "two").exists()
