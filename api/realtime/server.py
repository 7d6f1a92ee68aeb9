"""The real-time process: Flask-SocketIO around the application, on gunicorn's threads (93).

One worker: Engine.IO's connections live in a process's memory, and gunicorn does not send a client back
to the worker that knows it. One thread for each open socket. What is not Socket.IO is answered by the
application as on any other port: health checks, and the pages that problem types lead to.
Sources: https://flask-socketio.readthedocs.io/en/latest/deployment.html and
https://docs.gunicorn.org/en/stable/settings.html
"""

import logging
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import engineio
from flask import Flask
from flask_socketio import SocketIO
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from api.http.realtime import PATH
from api.realtime.guard import MESSAGE_BYTES, Guard, TextPacket, TextSocket, origin_allowed
from api.realtime.handlers import Live
from api.realtime.hub import Hub

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

#: Threads for what is no socket: health checks, and refusals when all sockets are taken.
SPARE_THREADS = 8
#: Seconds that open sockets get to close when the process is told to end.
GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SocketsOf:
    """What the hub needs of Flask-SocketIO."""

    socketio: SocketIO

    def emit(self, event: str, data: Any, *, to: str) -> None:
        """Queue an event for one connection."""
        self.socketio.emit(event, data, to=to)

    def disconnect(self, sid: str) -> None:
        """End a connection, after what is queued for it."""
        self.socketio.server.disconnect(sid)

    def environ(self, sid: str) -> dict[str, Any] | None:
        """Return the WSGI environment of a connection's handshake."""
        found: dict[str, Any] | None = self.socketio.server.get_environ(sid)
        return found


def mount(app: Flask) -> tuple["WSGIApplication", Hub]:
    """Put Socket.IO beside an application: what to serve, and the hub that is to be started."""
    settings: config.Settings = app.extensions["settings"]
    plain = app.wsgi_app
    socketio = SocketIO(
        app,
        async_mode="threading",  # named: Eventlet would be preferred if it were installed
        async_handlers=False,  # a client's calls one after another, and no thread for each
        manage_session=False,  # sessions are the server's; a copy would outlive a sign-out
        cors_allowed_origins=origin_allowed(settings.CORS_ORIGINS, settings.PORT),
        max_http_buffer_size=MESSAGE_BYTES,
        serializer=TextPacket,
    )
    _harden(socketio.server.eio)
    hub = Hub(app, SocketsOf(socketio))
    live = Live("/")
    live.hub = hub
    socketio.on_namespace(live)

    sockets: WSGIApplication = Guard(
        app.wsgi_app,
        settings.REALTIME_CONNECTIONS,
        settings.REALTIME_CONNECTIONS_PER_ADDRESS,
        settings.TRUSTED_HOSTS,
    )
    if hops := settings.TRUSTED_PROXIES:
        sockets = ProxyFix(sockets, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)
    app.wsgi_app = plain  # type: ignore[method-assign]  # which has its own ProxyFix already

    def either(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        chosen: WSGIApplication = sockets if f"{path}/".startswith(PATH) else app
        return chosen(environ, start_response)

    return either, hub


def _harden(engine: engineio.Server) -> None:
    """Close three gaps of Engine.IO. One is `TextSocket`'s. To a message that Socket.IO cannot read it
    answers by a traceback in the log, as often as one is sent: here that ends the connection. And where
    it ends one, it waits until the client has fetched all that is queued: for ever, if it polls no more.
    """
    engine._async = engine._async | {"websocket": TextSocket}
    receive = engine.handlers["message"]

    def received(connection: str, data: Any) -> None:
        try:
            receive(connection, data)
        except Exception as error:  # our own handlers let none out
            log.info("a message that is none: %s", type(error).__name__)
            disconnect(connection)

    def disconnect(connection: str) -> None:
        try:
            engine._get_socket(connection).close(wait=False, reason=engine.reason.SERVER_DISCONNECT)
        except KeyError:
            log.debug("%s has ended already", connection)

    engine.on("message", received)
    engine.disconnect = disconnect


class RealtimeServer(BaseApplication):
    """gunicorn with its settings from ours."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._hub: Hub | None = None
        super().__init__()

    def load_config(self) -> None:
        """Translate the settings."""
        settings: config.Settings = self._app.extensions["settings"]
        host = (
            f"[{settings.REALTIME_HOST}]"
            if ":" in settings.REALTIME_HOST
            else settings.REALTIME_HOST
        )
        for name, value in {
            "bind": f"{host}:{settings.REALTIME_PORT}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": settings.REALTIME_CONNECTIONS + SPARE_THREADS,
            "worker_connections": settings.REALTIME_CONNECTIONS + 10 * SPARE_THREADS,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "question-bank-realtime",
            "post_worker_init": self._started,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        """Return what to serve. Called in the worker, so that it has connections of its own."""
        application, self._hub = mount(self._app)
        return application

    def _started(self, worker: Worker) -> None:
        """Start the tail; let Ctrl+C, too, end open sockets first, whose threads are waited for."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, worker.handle_exit)
        if self._hub is not None:
            self._hub.start(lambda: bool(worker.alive))
