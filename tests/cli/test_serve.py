"""`flask serve`: what it leaves to its workers."""

from typing import Any

import pytest
from granian import Granian
from sqlalchemy import QueuePool

from api.extensions import db
from tests.cli.test_user import DEVELOPMENT
from tests.conftest import MakeApp


def test_when_workers_are_forked_no_connection_is_open_that_they_would_share(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connections: list[int] = []

    def serve(_server: Any) -> None:
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        open_connections.append(pool.checkedin() + pool.checkedout())

    monkeypatch.setattr(Granian, "serve", serve)
    app = make_app(**DEVELOPMENT)
    with app.app_context():
        db.session.connection()  # what the commands before it may have left open
        result = app.test_cli_runner().invoke(args=["serve"])
    assert (result.exit_code, open_connections) == (0, [0]), result.output
