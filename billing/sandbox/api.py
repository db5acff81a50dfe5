# SPDX-License-Identifier: Apache-2.0
"""One request of the API, without HTTP: the key, the version, idempotency, faults, and then the resource."""

import base64
import binascii
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from billing.sandbox import params, resources
from billing.sandbox.errors import ApiError, IdempotencyConflict, Invalid, KeyInUse, ServerFault, Unauthorised
from billing.sandbox.world import API_VERSION, Request, World


@dataclass
class Answer:
    """What is sent back; ``cut`` means that the connection breaks instead."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class Api:
    """The API of one account."""

    def __init__(self, world: World, key: str) -> None:
        """Serve ``world`` to who has ``key``."""
        self.world, self.key = world, key
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self.pause = threading.Event()

    def answer(self, method: str, address: str, headers: Message, body: bytes) -> Answer:
        """Answer a request; what is refused is an answer too."""
        request_id = self.world.new_id("event", "req_")
        version, key = headers.get("Stripe-Version", API_VERSION), headers.get("Idempotency-Key", "")
        common = {"Request-Id": request_id, "Stripe-Version": version}
        if key:
            common["Idempotency-Key"] = key
        try:
            self._admit(headers, version)
            parts = urlsplit(address)
            text = parts.query if method == "GET" else body.decode("utf-8")
            with self._alone(key if method == "POST" else ""):
                answer = self._once(method, parts.path, text, Request(request_id, key or None))
        except UnicodeDecodeError:
            answer = _refusal(Invalid("The body is not UTF-8."), request_id)
        except ApiError as error:
            answer = _refusal(error, request_id)
        answer.headers = common | answer.headers
        return answer

    def _admit(self, headers: Message, version: str) -> None:
        """Refuse a stranger, and a version whose shapes the sandbox does not know."""
        scheme, _, word = headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            try:
                word = base64.b64decode(word, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                word = ""
        if not word:
            message = "You did not provide an API key. Provide it in the Authorization header, using Bearer auth."
            raise Unauthorised(message)
        if word != self.key:
            raise Unauthorised(f"Invalid API Key provided: {word[:8]}{'*' * 8}{word[-4:]}")
        if version != API_VERSION:
            raise Invalid(f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION}.")

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Let one request of a key run at a time. Raises KeyInUse for the second one."""
        if not key:
            yield
            return
        if len(key) > 255:
            raise Invalid("An idempotency key has at most 255 characters.")
        with self._guard:
            if key in self._running:
                message = (
                    "There is currently another in-progress request using this Idempotent Key. Please try again later."
                )
                raise KeyInUse(message, code="idempotency_key_in_use")
            self._running.add(key)
        try:
            yield
        finally:
            with self._guard:
                self._running.discard(key)

    def _once(self, method: str, path: str, text: str, request: Request) -> Answer:
        """Answer from memory, or run the request and remember its answer in the same transaction."""
        key = request.idempotency_key if method == "POST" else None
        given = params.decode(text)
        fingerprint = hashlib.sha256(json.dumps([method, path, given], sort_keys=True).encode()).hexdigest()
        known = self.world.store.get("_idempotency", key) if key else None
        if known is not None:
            if known["fingerprint"] != fingerprint:
                message = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request."
                )
                raise IdempotencyConflict(message)
            replayed = {"Idempotent-Replayed": "true", "Original-Request": known["request"]}
            return Answer(known["status"], known["body"].encode(), replayed)
        fault = self._take_fault(method, path)
        if fault and not fault["effect"]:
            return self._misbehave(fault)
        answer = self._run(method, path, given, fingerprint, request)
        return self._misbehave(fault) if fault else answer

    def _run(self, method: str, path: str, given: params.Params, fingerprint: str, request: Request) -> Answer:
        world, key = self.world, request.idempotency_key
        with world.store.lock:
            world.request = request
            try:
                with world.store.transaction():
                    answer = Answer(200, _dump(resources.serve(world, method, path, given)))
                    if key and method == "POST":
                        self._remember(key, fingerprint, answer, request)
            except ApiError as error:
                answer = _refusal(error, request.id or "")
                if key and method == "POST" and error.remembered:
                    with world.store.transaction():
                        self._remember(key, fingerprint, answer, request)
            finally:
                world.request = Request()
        return answer

    def _remember(self, key: str, fingerprint: str, answer: Answer, request: Request) -> None:
        record = {"id": key, "fingerprint": fingerprint, "status": answer.status, "body": answer.body.decode()}
        self.world.store.add("_idempotency", record | {"request": request.id})

    def _take_fault(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the first fault that means this call, used once."""
        store = self.world.store
        with store.transaction():
            faults = store.value("api_faults", [])
            for fault in faults:
                if re.search(fault["path"], path) and fault["method"] in {"", method}:
                    fault["times"] -= 1
                    store.set_value("api_faults", [one for one in faults if one["times"] > 0])
                    return dict(fault)
        return None

    def _misbehave(self, fault: dict[str, Any]) -> Answer:
        if fault["fault"] == "hang":
            self.pause.wait(fault["seconds"])
        if fault["fault"] in {"cut", "hang"}:
            return Answer(0, b"", cut=True)
        error = ServerFault("The sandbox fails on purpose.")
        error.status = fault["status"]
        return _refusal(error, "")


def _refusal(error: ApiError, request_id: str) -> Answer:
    body = error.body()
    body["error"]["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
    return Answer(error.status, _dump(body))


def _dump(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
