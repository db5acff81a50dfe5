# SPDX-License-Identifier: Apache-2.0
"""A customer's URL cannot make us call our own network, and what we call is what we checked."""

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aion.events import guard, transport
from aion.events.guard import UrlRefused, address_of, is_public, target_of
from aion.events.models import WebhookDelivery
from aion.events.services.deliveries import deliver_due
from tests.worlds import NOW, Tenant


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "//hooks.example/",
        "hooks.example",
        "",
        "https://",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://hooks.example/#fragment",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://hooks.example:port/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX-Injected: 1",
        "https://hooks.example\\@127.0.0.1/",
        "https://hôte.example/",
        "https://[::1/",
        "https://" + "a" * 500,
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://localhost/",
        "https://localhost./",
        "https://api.localhost/",
        "https://db.internal/",
    ],
)
def test_an_address_that_is_not_public_https_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        target_of(url)


@pytest.mark.parametrize(
    "url", ["https://hooks.example/a?b=c", "https://93.184.215.14:8443/", "https://[2606:4700::1]/"]
)
def test_a_public_https_address_is_taken(url: str) -> None:
    assert target_of(url).secure


@pytest.mark.parametrize(
    "answers", [["10.0.0.5"], ["127.0.0.1"], ["169.254.169.254"], ["::1"], ["93.184.215.14", "192.168.0.1"]]
)
def test_a_name_that_resolves_to_anything_private_is_refused_when_it_is_called(
    mine: Tenant, endpoint_of: Any, delivery_of: Any, monkeypatch: Any, answers: list[str]
) -> None:
    """Also when only one of several answers is private: DNS that mixes them is an attack."""
    monkeypatch.setattr(
        guard.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (answer, 443)) for answer in answers]
    )
    monkeypatch.setattr(transport, "_connection", lambda *_: pytest.fail("nothing may be connected to"))
    endpoint, _ = endpoint_of(mine, "https://rebind.example/")
    delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    assert WebhookDelivery.objects.get().last_error == "The name resolves to an address that is not public."


def test_a_name_that_does_not_resolve_is_a_failed_attempt(
    mine: Tenant, endpoint_of: Any, delivery_of: Any, monkeypatch: Any
) -> None:
    def nothing(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(guard.socket, "getaddrinfo", nothing)
    endpoint, _ = endpoint_of(mine)
    delivery_of(mine, endpoint)
    deliver_due(at=NOW)
    assert WebhookDelivery.objects.get().last_error == "The name cannot be resolved."


def test_the_name_is_resolved_once_so_that_a_second_answer_cannot_lead_elsewhere(
    settings: Any, monkeypatch: Any
) -> None:
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]

    monkeypatch.setattr(guard.socket, "getaddrinfo", resolve)
    target = target_of("https://rebind.example/")
    connection = transport._connection(target, address_of(target))
    assert (asked, connection.host, connection.server_hostname) == (  # type: ignore[attr-defined]
        ["rebind.example"],
        "93.184.215.14",
        "rebind.example",
    )


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("fec0::1", False),
    ],
)
def test_public_is_what_the_registries_say(address: str, public: bool) -> None:
    assert is_public(address) is public


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("name", "status"), [("hooks.example", 200), ("other.example", None)], ids=["right", "wrong"])
def test_tls_is_checked_against_the_name_though_the_address_is_called(
    settings: Any, tmp_path: Path, monkeypatch: Any, name: str, status: int | None
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    pem = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, given, _context: asked.append(given)
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        raw, _ = listener.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as secure:
                # All of it: closing with unread bytes resets the connection under the answer.
                while not b"".join(seen).endswith(b"{}") and (part := secure.recv(65536)):
                    seen.append(part)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    monkeypatch.setattr(transport, "address_of", lambda _target: "127.0.0.1")
    answer = transport.post(url=f"https://hooks.example:{port}/in", headers={}, body=b"{}")
    thread.join(5)
    listener.close()
    assert (answer.status, asked) == (status, ["hooks.example"])
    if status:
        assert f"Host: hooks.example:{port}".encode() in b"".join(seen)
    else:
        assert (b"".join(seen), answer.error) == (b"", "TLS: CERTIFICATE_VERIFY_FAILED")
