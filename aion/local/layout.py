# SPDX-License-Identifier: Apache-2.0
"""Where a group keeps its data, and the environment its processes get."""

import hashlib
import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

ROOT = Path(__file__).resolve().parent.parent.parent
STATE = Path(os.environ.get("AION_LOCAL_STATE") or ROOT / ".aion")
CURRENT = STATE / "current"


class LocalError(Exception):
    """Something a person must do first; the message says what."""

    code = 1


class UsageError(LocalError):
    """The command itself makes no sense as it was typed."""

    code = 2


@dataclass
class Group:
    """One group of local processes on its own data: ``demo``, ``replay`` or ``test``."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Return the folder of the group's data and logs."""
        return STATE / self.name

    @property
    def sockets(self) -> Path:
        """Return a short path for Unix sockets, which may have about 100 characters at the most."""
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:10]
        return Path("/tmp") / f"aion-{os.getuid()}-{digest}"

    @property
    def own_database(self) -> bool:
        """Tell whether the group runs its own PostgreSQL."""
        return "DATABASE_URL" not in os.environ

    @property
    def own_broker(self) -> bool:
        """Tell whether the group runs its own broker."""
        return "AION_BROKER_URL" not in os.environ

    @property
    def own_payments(self) -> bool:
        """Tell whether the group runs a payment sandbox: the demo does, another when AION_PAYMENT_SANDBOX asks."""
        return self.name == "demo" or os.environ.get("AION_PAYMENT_SANDBOX") == "yes"

    @property
    def webhook_url(self) -> str:
        """Return where the payment sandbox tells the portal what happened."""
        return f"http://127.0.0.1:{self.values.get('web_port', 8000)}/webhooks/stripe"

    def load(self) -> "Group":
        """Read the group's secret and ports, choosing them the first time. Raises UsageError for a bad environment."""
        _check_environment()
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "logs").mkdir(exist_ok=True)
        self.sockets.mkdir(mode=0o755, parents=True, exist_ok=True)
        path = self.directory / "settings.json"
        if path.exists():
            self.values = json.loads(path.read_text(encoding="utf-8"))
        self.values.setdefault("secret", secrets.token_urlsafe(48))
        self.values.setdefault("site_port", free_port())
        if self.own_payments:
            self.values.setdefault("sandbox_port", free_port())
            self.values.setdefault("stripe_key", f"sk_test_{secrets.token_urlsafe(24)}")
            self.values.setdefault("stripe_webhook_secret", f"whsec_{secrets.token_urlsafe(32)}")
        if self.name == "demo":
            self.values["web_port"] = int(os.environ.get("AION_PORT") or self.values.get("web_port") or 8000)
        self.save()
        return self

    def save(self) -> None:
        """Keep the group's values, readable by its owner only."""
        path = self.directory / "settings.json"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")  # two commands may start at once, or one be killed here
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(self.values), encoding="utf-8")
        temporary.replace(path)

    def database_url(self, database: str = "aion") -> str:
        """Return the address of the group's database."""
        if self.own_database:
            return f"postgresql://aion@/{database}?host={self.sockets}"
        given = os.environ["DATABASE_URL"]
        if self.name != "replay":
            return given
        parts: dict[str, Any] = dict(conninfo_to_dict(given))
        parts["dbname"] = f"{parts.get('dbname', 'aion')}_replay"
        return make_conninfo(**parts)

    def broker_url(self) -> str:
        """Return the address of the group's broker."""
        return f"redis+socket://{self.sockets}/broker.sock" if self.own_broker else os.environ["AION_BROKER_URL"]

    def environment(self) -> dict[str, str]:
        """Return the environment of every process of the group."""
        port = self.values.get("web_port", 8000)
        values = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url(),
            "AION_BROKER_URL": self.broker_url(),
            "AION_QUEUE": f"aion-{self.name}",
            "AION_SECRET_KEY": self.values["secret"],
            "AION_SITE_URL": f"http://127.0.0.1:{self.values['site_port']}",
            "AION_VIRTUAL_CLOCK": "yes",
            "AION_WEBHOOKS_ALLOW_PRIVATE": "yes",
            "AION_BASE_URL": f"http://localhost:{port}",  # passkeys belong to a name; browsers give an address none
            "AION_LOCAL_MAILBOX": str(self.directory / "mail"),
            "AION_STATIC_ROOT": str(STATE / "static"),
            "AION_MEDIA_ROOT": str(self.directory / "media"),
            "AION_LOG_LEVEL": os.environ.get("AION_LOG_LEVEL", "WARNING"),
        }
        if self.own_payments:
            values |= {
                "AION_STRIPE_API_BASE": f"http://127.0.0.1:{self.values['sandbox_port']}",
                "AION_STRIPE_SECRET_KEY": self.values["stripe_key"],
                "AION_STRIPE_WEBHOOK_SECRET": self.values["stripe_webhook_secret"],
            }
        for inherited in ("MAKEFLAGS", "DJANGO_SETTINGS_MODULE"):
            values.pop(inherited, None)
        return values


def _check_environment() -> None:
    """Refuse before anything is written. Raises UsageError."""
    port = os.environ.get("AION_PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise UsageError(f"AION_PORT must be a port from 1 to 65535, not {port!r}.")
    if "DATABASE_URL" not in os.environ:
        return
    try:
        parts = conninfo_to_dict(os.environ["DATABASE_URL"])
    except ProgrammingError as error:
        raise UsageError(f"DATABASE_URL is not a PostgreSQL address: {str(error).strip()}.") from error
    if not parts.get("dbname"):
        raise UsageError("DATABASE_URL names no database: postgresql://user@host/DATABASE.")


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_taken(port: int) -> bool:
    """Tell whether something listens on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def current_group() -> str:
    """Return the group that ran last: `make manage` speaks to that one. AION_GROUP overrides."""
    if os.environ.get("AION_GROUP"):
        return os.environ["AION_GROUP"]
    return CURRENT.read_text(encoding="utf-8").strip() if CURRENT.exists() else "demo"


def mark_current(name: str) -> None:
    """Remember which group ran last."""
    STATE.mkdir(exist_ok=True)
    CURRENT.write_text(name, encoding="utf-8")
