"""A document and an address in, one signed POST to another program out, or a `Failure`. Which row it is for is others'.

Signed as Standard Webhooks says: `webhook-id` (the same on every try), `webhook-timestamp`, and `webhook-signature`,
`v1,` with the base64 of HMAC-SHA256 over id, timestamp and body, joined by dots. No redirect is followed, nothing of
the answer is kept but its status, and an answer that takes more than ten seconds is none.

An address comes from configuration, but whom its name leads to, others decide: private addresses, of this machine or
its network, are refused unless `WEBHOOK_PRIVATE` allows them, and the connection goes to the very address that was
checked.
"""

import base64
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from time import time
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.crypto import salted_hmac

from routing.retry import Failure, PermanentFailure

PREFIX = "whsec_"
CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0
GONE = 410


@dataclass(frozen=True, slots=True)
class Call:
    """`delivery` is the id of the row; `address` an http or https URL; `body` JSON."""

    delivery: int
    address: str
    body: bytes


class Unreachable(Failure):
    """There is no answer at the address, so the next call would only wait for the same."""


def send(call: Call) -> None:
    """Post the document. Raises Unreachable, Failure or PermanentFailure."""
    url = _split(call.address)
    headers = _headers(call, int(time()))
    path = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    with _connection(url) as connection:
        try:
            connection.request("POST", path, call.body, headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable("webhook_not_answered", type(error).__name__) from error
    _judge(answer.status, answer.getheader("Retry-After", ""))


def origin(address: str) -> str:
    """Scheme, host and port: what is down together."""
    url = urlsplit(address)
    return f"{url.scheme}://{url.netloc}"


def secret() -> str:
    """What receivers check signatures with, as Standard Webhooks writes it."""
    return PREFIX + base64.b64encode(_key()).decode()


def _key() -> bytes:
    """WEBHOOK_SECRET, else one made from SECRET_KEY."""
    given = settings.WEBHOOK_SECRET
    if given.startswith(PREFIX):
        return base64.b64decode(given.removeprefix(PREFIX))
    return given.encode() or salted_hmac("revroute.webhooks", "", algorithm="sha256").digest()


def _headers(call: Call, timestamp: int) -> dict[str, str]:
    id = f"delivery-{call.delivery}"
    signed = b".".join((id.encode(), str(timestamp).encode(), call.body))
    digest = base64.b64encode(hmac.digest(_key(), signed, "sha256")).decode()
    return {
        "Content-Type": "application/json", "User-Agent": "RevRoute", "webhook-id": id,
        "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{digest}",
    }  # fmt: skip


def _split(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PermanentFailure("webhook_address_unusable", "an address begins with http:// or https://")
    return url


def _addresses(url: SplitResult) -> list[str]:
    """The network addresses of the host. Raises PermanentFailure where one is private, because then all may be."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Unreachable("webhook_host_unknown", type(error).__name__) from error
    if not settings.WEBHOOK_PRIVATE and any(not _is_public(address) for address in found):
        raise PermanentFailure("webhook_address_private", "WEBHOOK_PRIVATE=1 would allow it")
    return found


def _is_public(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


@contextmanager
def _connection(url: SplitResult) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut after ten seconds, however slowly the other side talks."""
    port = url.port or (443 if url.scheme == "https" else 80)
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, port, timeout=CONNECT_SECONDS)
    line = _connect(_addresses(url), port)
    try:
        if url.scheme == "https":
            line = ssl.create_default_context().wrap_socket(line, server_hostname=url.hostname)
    except (OSError, ValueError) as error:
        line.close()
        raise Unreachable("webhook_not_secure", type(error).__name__) from error
    connection.sock = line
    cut = threading.Timer(WHOLE_SECONDS, line.close)
    cut.daemon = True
    cut.start()
    try:
        yield connection
    finally:
        cut.cancel()
        connection.close()


def _connect(addresses: list[str], port: int) -> socket.socket:
    error: OSError | None = None
    for address in addresses[:2]:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError as failed:
            error = failed
    raise Unreachable("webhook_unreachable", type(error).__name__)


def _judge(status: int, after: str) -> None:
    """Only what the receiver says is gone, and what is elsewhere now, is no use to try again."""
    if 200 <= status < 300:
        return
    if status == GONE or 300 <= status < 400:
        raise PermanentFailure("webhook_gone" if status == GONE else "webhook_redirects", str(status))
    wait = timedelta(seconds=int(after)) if after.isdecimal() and len(after) < 7 else None
    raise Failure("webhook_refused", str(status), wait)
