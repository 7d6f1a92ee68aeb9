"""What a start imports: only what most requests use."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Settings
from tests.v1.tools import sqlite_only

ROOT = Path(__file__).resolve().parents[1]

#: Packages for some requests, or for other commands than `flask serve`. Each was a part of every start.
LATE = {
    "alembic",  # only where migrations are missing
    "celery.app", "kombu",  # jobs
    "engineio", "gunicorn", "requests", "socketio",  # real time
    "markdown_it", "pygments",  # answers and code on pages
    "lxml", "pikepdf", "qrcode",  # uploads, and the picture of a second factor
    "psycopg", "redis", "sqlalchemy.dialects.postgresql",  # other back ends than the embedded ones
    "rich", "honcho",  # other commands
    "zxcvbn",  # new passwords
}  # fmt: skip
STARTED = """
import json, sys
import wsgi
assert "v1.questions" in wsgi.app.view_functions
print(json.dumps(sorted(sys.modules)))
"""


@sqlite_only
def test_a_start_leaves_out_what_few_requests_need(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", STARTED],
        cwd=ROOT,
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT), "FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout))
    assert "sqlalchemy" in imported
    assert sorted(LATE & imported) == []
