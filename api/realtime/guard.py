"""What is refused before Socket.IO sees it: strange origins, too many sockets, big messages (93).

A browser sends cookies with a WebSocket handshake to whichever site a page asks it to, and no
same-origin rule keeps the page from reading on: the `Origin` must be checked by the server.
Source: https://www.rfc-editor.org/rfc/rfc6455#section-10.2
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from socketio.packet import BINARY_ACK, BINARY_EVENT, Packet
from werkzeug.exceptions import SecurityError
from werkzeug.wsgi import get_host

from api.http.problems import CATALOGUE, MEDIA_TYPE
from api.http.realtime import PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MESSAGE_BYTES = 64 * 1024
"""What one message of a client may have; it has but rooms to name."""


def origin_allowed(origins: Iterable[str], port: int) -> Callable[[str | None, Any], bool]:
    """Make the check of a handshake's `Origin`, for Engine.IO.

    :param origins: the other origins whose pages may connect: those that may call the API.
    :param port: the web server's. Its pages are of another origin than this process, and yet ours.

    Programs send no `Origin`; a browser always does, and cannot be made to lie about it.
    """
    listed = frozenset(origins)

    def allowed(origin: str | None, environ: dict[str, Any]) -> bool:
        if not origin or origin in listed:
            return True
        try:
            there, here = urlsplit(origin), urlsplit(f"//{environ.get('HTTP_HOST', '')}")
            ports = {here.port, port}
            return (
                there.scheme == environ["wsgi.url_scheme"]
                and there.hostname == here.hostname
                and there.port in ports
            )
        except ValueError:  # no port that could be one
            return False

    return allowed


class TextPacket(Packet):
    """Socket.IO packets without attachments: their number is the sender's word, and all are kept."""

    def decode(self, encoded_packet: str) -> int:
        """Read a packet. Raises ValueError for one that announces attachments: the connection ends."""
        count: int = super().decode(encoded_packet)
        if self.packet_type in {BINARY_EVENT, BINARY_ACK}:
            raise ValueError("binary packets are not taken here")
        return count


class TextSocket(SimpleWebSocketWSGI):
    """Engine.IO's WebSocket, reading text of a bounded length that begins as a packet does.

    Engine.IO by itself measures a message once it has it whole, however big it is, and lets one that is
    no packet end in an exception, for which gunicorn writes an HTTP error into the open socket.
    """

    def __init__(self, handler: Any, server: Any) -> None:
        super().__init__(handler, server, max_message_size=MESSAGE_BYTES)

    def wait(self) -> str | None:
        """Return the next message; None, the end, also for one that is no packet."""
        message = super().wait()
        is_packet = isinstance(message, str) and message[:1] in set("0123456")
        return message if is_packet else None


class Guard:
    """WSGI middleware that counts requests in progress: a WebSocket is one for as long as it is open,
    and so is a poll that waits for events.
    """

    def __init__(
        self,
        inner: "WSGIApplication",
        most: int,
        most_per_address: int,
        trusted_hosts: Collection[str] = (),
    ) -> None:
        """Let at most so many requests at once through to `inner`, and so many of one address.

        :param trusted_hosts: the names that a request may be addressed to; none checks nothing.
        """
        self._inner = inner
        self._trusted_hosts = trusted_hosts
        self._most = most
        self._most_per_address = most_per_address
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass a request on, or answer 400, 429 or 503."""
        if self._trusted_hosts:
            try:
                get_host(environ, self._trusted_hosts)
            except SecurityError:
                # A name of somebody else's that leads here would pass for the same origin as itself.
                detail = "The request is addressed to a host that is not served here."
                return self._refused("malformed-request", detail, start_response)
        address = str(environ.get("REMOTE_ADDR", ""))
        with self._lock:
            if self._open[address] >= self._most_per_address:
                detail = f"One address may hold {self._most_per_address} connections at once."
                return self._refused("too-many-requests", detail, start_response)
            if self._open.total() >= self._most:
                detail = "Every connection that this process can hold is taken."
                return self._refused("service-unavailable", detail, start_response)
            self._open[address] += 1
        try:
            # Refusals are problem objects here, also where a browser would take a page.
            return list(self._inner(environ | {"HTTP_ACCEPT": MEDIA_TYPE}, start_response))
        finally:
            with self._lock:
                self._open[address] -= 1
                if not self._open[address]:
                    del self._open[address]

    def _refused(self, slug: str, detail: str, start_response: "StartResponse") -> Iterable[bytes]:
        kind = CATALOGUE[slug]
        problem = {
            "type": f"/api/v1/problems/{slug}",
            "title": str(kind.title),
            "status": kind.status,
            "detail": detail,
            "instance": PATH,
        }
        body = json.dumps(problem).encode() + b"\n"
        headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
        if kind.status != 400:
            headers.append(("Retry-After", "5"))
        start_response(f"{kind.status} {HTTPStatus(kind.status).phrase}", headers)
        return [body]
