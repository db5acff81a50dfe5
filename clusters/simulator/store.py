# SPDX-License-Identifier: Apache-2.0
"""The simulated etcd: one lock, one resourceVersion, an event ring for watches, a journal that survives kill -9."""

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from clusters.simulator.resources import Resource

Key = tuple[str, str, str]  # plural, namespace, name
Object = dict[str, Any]
RING = 20_000


def stamp(at: datetime) -> str:
    """Return a time as the API writes it."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


class Store:
    """All objects of one cluster. Callers hold ``lock``."""

    def __init__(self, journal: Path | None) -> None:
        """Open the store, replaying the journal if there is one; a torn last line is dropped."""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects: dict[Key, Object] = {}
        self.raw: dict[Key, bytes] = {}
        self.by_kind: dict[str, dict[Key, None]] = {}
        self.ring: deque[tuple[int, str, Key, bytes, Object]] = deque(maxlen=RING)
        self.version = 1
        self.clock = datetime.now(UTC)
        self.oldest = 0
        self.side: dict[str, Any] = {}
        self._file: IO[bytes] | None = None
        if journal is not None:
            journal.parent.mkdir(parents=True, exist_ok=True)
            self._load(journal)
            self._file = journal.open("ab")

    def _load(self, journal: Path) -> None:
        if not journal.exists():
            return
        good = 0
        with journal.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                good += len(line)
                self._replay(entry)
        with journal.open("ab") as file:
            file.truncate(good)
        self.oldest = self.version

    def _replay(self, entry: dict[str, Any]) -> None:
        self.clock = datetime.fromtimestamp(entry["t"], UTC)
        self.version = max(self.version, entry.get("v", 0))
        if "side" in entry:
            self.side.update(entry["side"])
        elif "key" in entry:
            key: Key = tuple(entry["key"])
            if entry["obj"] is None:
                self._forget(key)
            else:
                self._remember(key, entry["obj"])

    def _remember(self, key: Key, obj: Object) -> bytes:
        raw = json.dumps(obj, separators=(",", ":")).encode()
        self.objects[key], self.raw[key] = obj, raw
        self.by_kind.setdefault(key[0], {})[key] = None
        return raw

    def _forget(self, key: Key) -> None:
        self.objects.pop(key, None)
        self.raw.pop(key, None)
        self.by_kind.get(key[0], {}).pop(key, None)

    def _write(self, entry: dict[str, Any], raw: bytes | None = None) -> None:
        if self._file is None:
            return
        head = json.dumps({"t": self.clock.timestamp(), "v": self.version, **entry}, separators=(",", ":")).encode()
        self._file.write(head[:-1] + b',"obj":' + raw + b"}\n" if raw is not None else head + b"\n")

    def flush(self) -> None:
        """Hand what was written to the operating system; called before an answer leaves."""
        if self._file is not None:
            self._file.flush()

    def remember_side(self, **values: Any) -> None:
        """Keep something that is not an object (scripts, the clock's mode)."""
        self.side.update(values)
        self._write({"side": values})

    def tick(self, at: datetime) -> None:
        """Move the clock; it never goes back."""
        self.clock = max(self.clock, at)

    def mark_clock(self) -> None:
        """Journal the clock itself."""
        self._write({"key": ["", "", ""], "obj": None})

    def put(self, resource: Resource, obj: Object, *, event: str) -> Object:
        """Store an object under a new resourceVersion and tell the watchers."""
        meta = obj["metadata"]
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        key = (resource.plural, meta.get("namespace", ""), meta["name"])
        raw = self._remember(key, obj)
        self._write({"key": key}, raw)
        self._emit(event, key, raw, obj)
        return obj

    def create(self, resource: Resource, obj: Object) -> Object:
        """Give an object its identity and store it."""
        meta = obj.setdefault("metadata", {})
        meta.setdefault("uid", str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", stamp(self.clock))
        meta.setdefault("generation", 1)
        obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
        return self.put(resource, obj, event="ADDED")

    def update(self, resource: Resource, obj: Object) -> Object:
        """Store a changed object."""
        return self.put(resource, obj, event="MODIFIED")

    def remove(self, key: Key) -> None:
        """Delete an object for good."""
        obj = self.objects.get(key)
        if obj is None:
            return
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        raw = json.dumps(obj, separators=(",", ":")).encode()
        self._forget(key)
        self._write({"key": key, "obj": None})
        self._emit("DELETED", key, raw, obj)

    def _emit(self, event: str, key: Key, raw: bytes, obj: Object) -> None:
        if len(self.ring) == RING:
            self.oldest = self.ring[0][0]
        self.ring.append((self.version, event, key, raw, obj))
        self.changed.notify_all()

    def expire_history(self) -> None:
        """Forget all events, so that a watch from an old version is answered 410."""
        self.ring.clear()
        self.version += 1
        self.oldest = self.version
        self.changed.notify_all()

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        """Return one object."""
        return self.objects.get((plural, namespace, name))

    def keys(self, plural: str, namespace: str | None = None) -> Iterator[Key]:
        """Return the keys of a kind, of one namespace or of all."""
        for key in list(self.by_kind.get(plural, {})):
            if namespace is None or key[1] == namespace:
                yield key

    def select(self, plural: str, keep: Callable[[Object], bool] = lambda _: True) -> list[Object]:
        """Return the objects of a kind that ``keep`` accepts."""
        return [self.objects[key] for key in self.keys(plural) if keep(self.objects[key])]
