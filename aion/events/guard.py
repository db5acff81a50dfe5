# SPDX-License-Identifier: Apache-2.0
"""Where a webhook may go: https to public addresses. A customer's URL must not reach our own network."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy

from aion.errors import Rejected

MAX_URL = 500
LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".localdomain", ".home.arpa")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRefused(Rejected):
    """We do not call this address."""

    code, title = "webhook_url_refused", gettext_lazy("We do not call this address")


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL: ``host`` is the name for Host, SNI and certificate, ``path`` has the query."""

    secure: bool
    host: str
    port: int
    netloc: str
    path: str


def target_of(url: str) -> Target:
    """Parse ``url`` without asking the network. Raises UrlRefused with what is wrong."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlRefused(
            gettext("Use at most %(max_url)s plain ASCII characters; encode others.") % {"max_url": MAX_URL},
            field="url",
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise UrlRefused(gettext("This is no valid address."), field="url") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOKS_ALLOW_PRIVATE):
        raise UrlRefused(gettext("The address must start with https://."), field="url")
    if not host or "%" in host or parts.username is not None or parts.password is not None:
        raise UrlRefused(gettext("The address needs a host name, and no user or password."), field="url")
    if parts.fragment or port == 0:
        raise UrlRefused(gettext("The address must have no fragment and a port above 0."), field="url")
    _refuse_literals(host)
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), parts.netloc, path)


def address_of(target: Target) -> str:
    """Resolve the host and return the one address to connect to.

    Raises UrlRefused when any of its addresses is not public, OSError when it has none.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        # One private answer beside a public one is an attack, not a mistake to work around.
        if not settings.WEBHOOKS_ALLOW_PRIVATE and not is_public(address):
            raise UrlRefused(gettext("The name resolves to an address that is not public."), field="url")
    if not addresses:
        raise OSError("The name has no address.")
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether ``address`` is a public unicast address, also behind the ways to write IPv4 in IPv6."""
    ip: Address = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local or ip.sixtofour is not None or ip.teredo is not None:
            return False
        inner = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None)
        if inner is not None:
            ip = inner
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local)


def _refuse_literals(host: str) -> None:
    if settings.WEBHOOKS_ALLOW_PRIVATE:
        return
    name = host.lower()
    if name == LOCAL_NAMES[0] or name.endswith(LOCAL_NAMES[1:]):
        raise UrlRefused(gettext("This name is not public."), field="url")
    try:
        literal = str(ipaddress.ip_address(name))
    except ValueError:
        try:
            # 127.1, 0x7f000001 and 2130706433 are loopback to the resolver.
            literal = socket.inet_ntoa(socket.inet_aton(name))
        except OSError:
            return
    if not is_public(literal):
        raise UrlRefused(gettext("This address is not public."), field="url")
