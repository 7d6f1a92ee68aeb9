"""The folder: random names, for the owner alone, whole or not at all."""

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from flask import Flask

from api.attachments import files
from api.attachments.refusals import AttachmentDamagedError
from tests.v1.tools import sqlite_only

pytestmark = sqlite_only


def everything(app: Flask) -> list[Path]:
    folder = Path(app.config["ATTACHMENTS_FOLDER"])
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_lies_under_a_random_name_for_its_owner_alone(app: Flask) -> None:
    with app.app_context():
        names = {files.write(b"same bytes") for _ in range(5)}
        paths = [files.path_of(name) for name in names]
    assert len(names) == 5
    assert sorted(everything(app)) == sorted(paths)
    for path in paths:
        assert path.suffix == ""
        assert path.read_bytes() == b"same bytes"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(app.config["ATTACHMENTS_FOLDER"]).stat().st_mode) == 0o700


def test_no_route_leads_into_the_folder(app: Flask) -> None:
    served = {
        Path(str(where)).resolve()
        for each in (app, *app.blueprints.values())
        if (where := each.static_folder)
    }
    folder = Path(app.config["ATTACHMENTS_FOLDER"]).resolve()
    assert served
    assert not any(folder.is_relative_to(each) or each.is_relative_to(folder) for each in served)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "a" * 31, "A" * 32, "a" * 32 + "\n", "incoming"]
)
def test_a_name_that_is_not_ours_leads_nowhere(app: Flask, name: str) -> None:
    with app.app_context(), pytest.raises(ValueError, match="not a stored name"):
        files.path_of(name)


def test_a_full_disk_leaves_nothing_behind(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with app.app_context(), pytest.raises(OSError, match="No space"):
        files.write(b"x")
    assert everything(app) == []


def test_a_changed_or_missing_file_is_noticed(app: Flask) -> None:
    with app.app_context():
        name = files.write(b"good")
        checksum = files.digest(b"good")
        assert files.verified(name, checksum).read_bytes() == b"good"
        files.path_of(name).write_bytes(b"evil")
        with pytest.raises(AttachmentDamagedError, match="not what was stored"):
            files.verified(name, checksum)
        files.remove(name)
        files.remove(name)  # twice does no harm
        with pytest.raises(AttachmentDamagedError, match="cannot be read"):
            files.verified(name, checksum)
