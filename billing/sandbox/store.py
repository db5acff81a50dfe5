# SPDX-License-Identifier: Apache-2.0
"""What the sandbox remembers: one lock, one journal line per transaction, which kill -9 leaves whole or not at all."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Object = dict[str, Any]
Key = tuple[str, str]  # kind, id


class Store:
    """All objects, and a few named values (``side``). Changes are made inside ``transaction`` only."""

    def __init__(self, folder: Path | None) -> None:
        """Open the store, replaying the journal if there is one; a torn last line is dropped."""
        self.lock = threading.RLock()
        self.objects: dict[str, dict[str, Object]] = {}
        self.side: dict[str, Any] = {}
        self._changed: dict[Key, Object] = {}
        self._changed_side: dict[str, Any] = {}
        self._depth = 0
        self._file: IO[bytes] | None = None
        self.after_commit: list[Callable[[], None]] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            journal = folder / "journal"
            self._load(journal)
            self._compact(journal)
            self._file = journal.open("ab")

    def _load(self, journal: Path) -> None:
        if not journal.exists():
            return
        with journal.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                self.side.update(entry.get("side", {}))
                for kind, obj in entry["objects"]:
                    self.objects.setdefault(kind, {})[obj["id"]] = obj

    def _compact(self, journal: Path) -> None:
        """Write each object once: a journal has every state of each."""
        temporary = journal.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(_line({"side": self.side, "objects": []}))
            for kind, by_id in self.objects.items():
                for obj in by_id.values():
                    file.write(_line({"objects": [[kind, obj]]}))
        temporary.replace(journal)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what is changed inside, all at once and before an answer can leave; a refusal undoes it."""
        try:
            with self.lock:
                self._depth += 1
                try:
                    yield
                except BaseException as error:
                    if not getattr(error, "keeps_changes", False):
                        self._forget_changes()
                    raise
                finally:
                    self._depth -= 1
                    if self._depth == 0:
                        self._commit()
        finally:
            for act in self.after_commit:
                act()

    def _forget_changes(self) -> None:
        self._changed, self._changed_side = {}, {}

    def _commit(self) -> None:
        if not self._changed and not self._changed_side:
            return
        if self._file is not None:
            objects = [[kind, obj] for (kind, _), obj in self._changed.items()]
            self._file.write(_line({"side": self._changed_side, "objects": objects}))
            self._file.flush()
        for (kind, identity), obj in self._changed.items():
            self.objects.setdefault(kind, {})[identity] = obj
        self.side.update(self._changed_side)
        self._forget_changes()

    def get(self, kind: str, identity: str) -> Object | None:
        """Return an object to read; who wants to change it takes ``edit``."""
        return self._changed.get((kind, identity)) or self.objects.get(kind, {}).get(identity)

    def edit(self, kind: str, identity: str) -> Object:
        """Return a copy of an object that becomes the object when the transaction ends."""
        key = (kind, identity)
        if key not in self._changed:
            self._changed[key] = copy.deepcopy(self.objects[kind][identity])
        return self._changed[key]

    def add(self, kind: str, obj: Object) -> Object:
        """Keep a new object."""
        self._changed[kind, obj["id"]] = obj
        return obj

    def newest(self, kind: str) -> Iterator[Object]:
        """Return the objects of a kind, the newest first."""
        known = self.objects.get(kind, {})
        fresh = [obj for (name, identity), obj in self._changed.items() if name == kind and identity not in known]
        yield from reversed(fresh)
        for identity in reversed(known):
            yield self._changed.get((kind, identity)) or known[identity]

    def value(self, name: str, default: Any) -> Any:
        """Return a copy of a named value."""
        return copy.deepcopy(self._changed_side.get(name, self.side.get(name, default)))

    def set_value(self, name: str, value: Any) -> None:
        """Keep a named value."""
        self._changed_side[name] = value


def _line(entry: Any) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
