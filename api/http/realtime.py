"""Where the real-time process is (93): a second address, as Granian's WSGI carries no WebSocket."""

from urllib.parse import urlsplit

from flask import current_app, request

import config

#: The path of Socket.IO's handshakes.
PATH = "/socket.io/"


def own_url(settings: config.Settings) -> str:
    """Return the address as it is known on the machine itself."""
    host = settings.REALTIME_HOST
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    host = f"[{host}]" if ":" in host else host
    return settings.REALTIME_URL or f"http://{host}:{settings.REALTIME_PORT}"


def url_for_client() -> str:
    """Return the address for whoever sent the request: on the host that they asked, unless
    `REALTIME_URL` names another.
    """
    settings: config.Settings = current_app.extensions["settings"]
    parts = urlsplit(request.host_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return settings.REALTIME_URL or f"{parts.scheme}://{host}:{settings.REALTIME_PORT}"
