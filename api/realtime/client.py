"""The other end of a socket: follows rooms, comes back after every break, misses nothing (93).

python-socketio can reconnect by itself; what it cannot know is where to go on. So each new connection
joins the rooms anew and names the last position seen.
Source: https://python-socketio.readthedocs.io/en/stable/client.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import engineio
import socketio
from socketio.exceptions import ConnectionError as NoConnectionError
from socketio.exceptions import DisconnectedError
from socketio.exceptions import TimeoutError as NoAnswerError

WAIT_SECONDS = 0.5
"""Between two attempts to connect."""
ANSWER_SECONDS = 10.0


class RefusedError(Exception):
    """The server does not let this client in, or not into a room; its problem object says why."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or "The server refuses.")
        self.problem = problem

    @property
    def is_passing(self) -> bool:
        """Tell whether the same may be granted later."""
        return int(self.problem.get("status", 0)) >= 429


class _InOrder(engineio.Client):
    """Hands messages on where they are read. As it comes, each one gets a thread of its own, and of two
    that arrive together the second may be handled first.
    """

    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        return super()._trigger_event(event, *args, **{**kwargs, "run_async": False})


class Client(socketio.Client):
    """A Socket.IO client that handles events in the order in which they were sent."""

    def _engineio_client_class(self) -> type[_InOrder]:
        return _InOrder


@dataclass(slots=True)
class Watcher:
    """Follows rooms until told to stop.

    `after` is the position up to which everything has been seen: None starts at the present.
    `event` gets each event once and in order; `note` is told in words how the connection fares.
    """

    url: str
    rooms: Sequence[str]
    event: Callable[[dict[str, Any]], None]
    note: Callable[[str], None] = lambda _: None
    after: int | None = None
    token: str | None = None
    stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        """Follow. Raises RefusedError where trying again would not help."""
        told = ""
        while not self.stopped.is_set():
            try:
                self._follow()
                told = ""
            except (NoConnectionError, NoAnswerError, DisconnectedError):
                words = f"no connection to {self.url}; trying again until there is one"
            except RefusedError as error:
                if not error.is_passing:
                    raise
                words = f"{error} Trying again."
            else:
                words = "the connection broke; taking it up again"
            if self.stopped.wait(WAIT_SECONDS):
                break
            if words != told:
                self.note(words)
            told = words

    def _follow(self) -> None:
        """Connect, join, and hand on events until the connection ends."""
        client = Client(reconnection=False, handle_sigint=False)
        refused: list[dict[str, Any]] = []
        client.on("event", self._take)
        client.on("ended", refused.append)
        client.on("connect_error", lambda said: refused.append(_problem_in(said)))
        try:
            client.connect(
                self.url,
                auth={"token": self.token} if self.token else None,
                transports=["websocket"],
                wait_timeout=ANSWER_SECONDS,
            )
            self._join(client)
            while client.connected and not self.stopped.wait(0.05):
                pass
        except NoConnectionError:
            if any(refused):
                raise RefusedError(refused[0]) from None
            raise
        finally:
            client.disconnect()
        if any(refused):
            raise RefusedError(refused[0])

    def _join(self, client: Client) -> None:
        """Join the rooms from where on nothing has been seen; the replay comes before the answer."""
        wanted: dict[str, Any] = {"rooms": list(self.rooms)}
        if self.after is not None:
            wanted["after"] = self.after
        answer = client.call("join", wanted, timeout=ANSWER_SECONDS)
        if "rooms" not in answer:
            raise RefusedError(answer)
        if answer["reset"]:
            self.note("events were missed: the outbox no longer reaches back so far")
        if answer["reset"] or self.after is None:
            self.after = answer["position"]
        self.note(f"watching {', '.join(answer['rooms'])} from event {answer['position']} on")

    def _take(self, event: dict[str, Any]) -> None:
        self.event(event)
        self.after = event["id"]


def _problem_in(said: Any) -> dict[str, Any]:
    """Return the problem object in what python-socketio tells of a refusal; empty for anything else."""
    data = said.get("data") if isinstance(said, dict) else None
    return data if isinstance(data, dict) else {}
