"""Events as they reach clients: by room, in order, once; through kills, and past what was trimmed."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

import config
from api import events
from api.bank import editing, storing
from api.jobs import sweeping
from api.models import Event
from api.models.types import now
from api.realtime.client import Watcher
from tests.accounts.tools import an_editor, new_device
from tests.conftest import Settings
from tests.jobs.tools import new_import, questions, worker
from tests.realtime.tools import PATIENCE, Realtime, listening, realtime
from tests.test_events import newest, note, told, transaction
from tests.v1.tools import sqlite_only, wait_for


@pytest.fixture
def process(settings: Settings) -> Iterator[Realtime]:
    with realtime(settings) as started:
        yield started


def change(app: Flask, number: int, answer: str) -> None:
    with app.app_context():
        editing.patch(number, {"answer": answer}, an_editor(app), lambda _: None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Let a watcher run beside the block, and end it cleanly."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            watcher.run()
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        watcher.stopped.set()
        thread.join(20)
    assert not failed
    assert not thread.is_alive()


def test_a_change_reaches_the_rooms_that_it_belongs_to_and_no_other(
    app: Flask, process: Realtime
) -> None:
    """One client for each room; another one, in every room, hears each event once."""
    with (
        listening(process.url) as bank,
        listening(process.url) as topic,
        listening(process.url) as question,
        listening(process.url) as other,
        listening(process.url) as everywhere,
        listening(process.url) as nowhere,
    ):
        bank.join("bank")
        topic.join("topic:async")
        question.join("question:80")
        other.join("topic:uploads", "question:51")
        everywhere.join("bank", "topic:async", "question:80", "question:51")
        change(app, 80, "First.")
        change(app, 51, "Second.")
        for ear, heard in (
            (bank, [[80], [51]]),
            (everywhere, [[80], [51]]),
            (topic, [[80]]),
            (question, [[80]]),
            (other, [[51]]),
        ):
            assert [ear.next()["questions"] for _ in heard] == heard
        for ear in (bank, topic, question, other, everywhere, nowhere):
            ear.call("leave", {"rooms": ["bank"]})  # answered after whatever was sent before
            assert ear.is_silent()
        topic.join("topic:async", after=0)
        assert topic.next()["kind"] == "question.created"  # from before it joined the first time
        assert topic.is_silent()


@sqlite_only
def test_rooms_that_are_joined_later_tell_nothing_twice(app: Flask, process: Realtime) -> None:
    with listening(process.url) as ear:
        assert ear.join("question:80", after=0) | {"start": 0} == {
            "rooms": ["question:80"],
            "position": 1,
            "replayed": 1,
            "reset": False,
            "start": 0,
        }
        change(app, 80, "First.")
        change(app, 51, "Second.")
        answer = ear.join("bank", after=1)
        assert (answer["position"], answer["replayed"]) == (3, 1)
        assert [ear.next()["id"] for _ in range(3)] == [1, 2, 3]
        ear.call("leave", {"rooms": ["bank"]})
        change(app, 51, "Third.")
        change(app, 80, "Fourth.")
        assert ear.next()["id"] == 5
        assert ear.is_silent()


def test_nothing_is_lost_or_doubled_when_everything_breaks(app: Flask, process: Realtime) -> None:
    """A writer that does not pause, three clients, and a process that is killed again and again."""
    rooms = (("bank",), ("topic:async", "question:51"), ("question:52",))
    heard: list[list[int]] = [[] for _ in rooms]
    notes: list[str] = []

    def watcher(names: tuple[str, ...], own: list[int]) -> Watcher:
        return Watcher(
            process.url, names, lambda event: own.append(event["id"]), notes.append, after=1
        )

    watchers = [watcher(names, own) for names, own in zip(rooms, heard, strict=True)]
    written, stop = [0], threading.Event()

    def write() -> None:
        numbers = random.Random(7)
        while not stop.is_set():
            change(app, numbers.choice((51, 52, 80, 93)), f"Number {written[0]}.")
            written[0] += 1

    def await_changes(count: int) -> None:
        enough = written[0] + count
        wait_for(lambda: written[0] >= enough, PATIENCE)

    def await_news() -> None:
        lengths = [len(own) for own in heard]
        wait_for(lambda: all(len(own) > n for own, n in zip(heard, lengths, strict=True)), PATIENCE)

    writer = threading.Thread(target=write)
    with watching(watchers[0]), watching(watchers[1]), watching(watchers[2]):
        writer.start()
        try:
            for _ in range(2):
                await_changes(40)
                await_news()
                process.kill()
                await_changes(5)
                process.start()
        finally:
            stop.set()
            writer.join(20)
        last = newest(app)
        expected = [
            [row.position for row in told(app, 1) if events.rooms_of(row) & set(names)]
            for names in rooms
        ]
        assert len(expected[0]) == last - 1 == written[0]
        wait_for(
            lambda: all(own and own[-1] == e[-1] for own, e in zip(heard, expected, strict=True))
        )
    assert heard == expected
    assert any("broke" in words or "no connection" in words for words in notes)


def test_an_event_of_a_long_transaction_comes_when_it_is_committed(
    app: Flask, process: Realtime, backend: str
) -> None:
    with listening(process.url) as ear:
        ear.join("bank")
        with app.app_context(), storing.writing() as connection:
            events.record(connection, "test.long", questions=[51])
            if backend == "postgresql":  # a writer that does not need the bank is not held up
                note(app, "test.short", questions=[52])
                assert ear.next()["kind"] == "test.short"
            ear.call("leave", {"rooms": ["question:1"]})
            assert ear.is_silent()
        assert ear.next()["kind"] == "test.long"


@sqlite_only
def test_who_comes_back_too_late_is_told_to_read_anew(app: Flask, settings: Settings) -> None:
    change(app, 51, "One.")
    change(app, 51, "Two.")
    with transaction(app) as connection:
        old = now() - timedelta(days=8)
        connection.execute(update(Event).where(Event.position <= 2).values(at=old))
    with app.app_context():
        assert sweeping.run("old-events") == 2
    with realtime(settings) as process:
        follow_from_too_far_back(app, process)


def follow_from_too_far_back(app: Flask, process: Realtime) -> None:
    with listening(process.url) as ear:
        answer = ear.join("bank", after=1)
        assert answer["reset"] is True
        assert (answer["position"], answer["replayed"], answer["start"]) == (3, 0, 2)
        change(app, 51, "Three.")
        assert ear.next()["id"] == 4
    with listening(process.url) as ear:
        assert ear.join("bank", after=2)["replayed"] == 2
    with listening(process.url) as ear:
        assert ear.join("bank", after=5)["reset"] is True  # it never came to that


@sqlite_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_open_sockets_do_not_keep_the_process_from_ending(
    process: Realtime, number: signal.Signals
) -> None:
    with listening(process.url) as ear:
        ear.join("bank")
        status, said = process.stop(number)
        assert status == 0
        assert "SIGKILL" not in said
        assert "Traceback" not in said
        wait_for(lambda: not ear.client.connected, PATIENCE)


# --- flask bank watch ---


def watch(settings: Settings, process: Realtime, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "bank", "watch", *arguments],
        cwd=config.ROOT,
        env={**os.environ, **settings, "REALTIME_PORT": str(process.port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_watch_follows_an_import_while_a_worker_does_it(
    app: Flask, settings: Settings, backend: str, request: pytest.FixtureRequest
) -> None:
    """On PostgreSQL the worker is told by Redis, on SQLite by a file."""
    if backend == "postgresql":
        settings = {**settings, "REDIS_URL": request.getfixturevalue("redis_url")}
    ada = new_device(app, "ada")
    job = new_import(app, questions(1000, 300))
    with realtime(settings) as process:
        command = watch(
            settings, process, "--room", f"job:{job}", "--after", "0", "--token", ada.access
        )
        assert command.stdout is not None
        assert command.stderr is not None
        try:
            heard = [json.loads(command.stdout.readline())]
            assert heard[0]["kind"] == "job.queued"
            assert command.stderr.readline().startswith(f"watching job:{job} from event ")
            with worker(settings, "--pool", "solo"):
                while heard[-1]["kind"] not in {"job.succeeded", "job.failed"}:
                    heard.append(json.loads(command.stdout.readline()))
            command.send_signal(signal.SIGINT)
            assert command.communicate(timeout=PATIENCE)[0] == ""
        finally:
            command.kill()
            command.communicate()
    kept = [events.represent(row) for row in told(app) if row.job_id == job]
    assert heard == kept
    assert [each["kind"] for each in heard[:2]] == ["job.queued", "job.running"]
    assert heard[-1]["data"]["result"]["created"] == 300
    phases = [each["data"]["phase"] for each in heard if each["kind"] == "job.progress"]
    expected = ["reading", "checking"]  # while SQLite is being written to, nothing can be told
    if backend == "postgresql":
        expected.append("writing")
    assert list(dict.fromkeys(phases)) == expected


@sqlite_only
def test_watch_prints_events_survives_a_kill_and_ends_with_ctrl_c(
    app: Flask, settings: Settings, process: Realtime
) -> None:
    command = watch(settings, process, "--room", "question:51", "--after", "0")
    assert command.stdout is not None
    assert command.stderr is not None
    try:
        assert '"kind": "question.created"' in command.stdout.readline()
        assert command.stderr.readline() == "watching question:51 from event 1 on\n"
        process.kill()
        assert "connection" in command.stderr.readline()
        change(app, 52, "Not this one.")
        change(app, 51, "This one.")
        process.start()
        assert '"id": 3' in command.stdout.readline()
        command.send_signal(signal.SIGINT)
        out, _ = command.communicate(timeout=PATIENCE)
    finally:
        command.kill()
        command.communicate()
    assert (command.returncode, out) == (0, "")
