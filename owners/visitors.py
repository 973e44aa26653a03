"""A request in, the network address of whoever sent it out; headers count only as far as proxies are trusted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

SUBSCRIBER_BITS = 64
"""Of an IPv6 address: whoever has one such network has all its addresses, and is one visitor."""


def address_of(request: HttpRequest) -> str:
    """The sender's address as text; empty where the server knows none.

    Each trusted proxy (TRUSTED_PROXIES) adds whom it was asked by at the end of X-Forwarded-For; what stands before
    those was written by the sender. Where the header is shorter or no address, whoever is connected counts.
    """
    connected = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXIES
    if not count:
        return connected
    named = request.headers.get("X-Forwarded-For", "").split(",")
    found = _address(named[-count]) if len(named) >= count else None
    return str(found) if found else connected


def visitor_of(request: HttpRequest) -> str | None:
    """The address under which attempts are counted: of IPv6, its network; None where there is none."""
    found = _address(address_of(request))
    if found is None or isinstance(found, IPv4Address):
        return str(found) if found else None
    return str(ip_network((found, SUBSCRIBER_BITS), strict=False).network_address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address of `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
