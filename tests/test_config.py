"""Configuration: precedence, every fault at once, refusals of production, and no secret ever shown.

Technique (questions 60, 76 and 100): `config.load` takes its environment as an argument, so that no
test has to change the environment of the process; a property test tries what no example thinks of.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.sansio.utils import host_is_trusted

import config
from api.cli.config import config_cli
from config import REDACTED, ConfigurationError, Development, Fault, Production

KEY = "k7Tn2rXw9QeLm4VbYc8HsZ1uJd6GpAf3"  # 32 bytes
PRODUCTION = {"APP_ENV": "production", "SECRET_KEY": KEY, "TRUSTED_HOSTS": "bank.example.org"}


def load(**environ: str) -> config.Settings:
    return config.load(environ, dotenv=None)


def faults(environ: Mapping[str, str], dotenv: Path | None = None) -> list[Fault]:
    with pytest.raises(ConfigurationError) as caught:
        config.load(environ, dotenv)
    return caught.value.faults


def only_fault(environ: Mapping[str, str], dotenv: Path | None = None) -> Fault:
    [fault] = faults(environ, dotenv)
    return fault


def described(settings: config.Settings, name: str) -> config.Description:
    return next(item for item in config.describe(settings) if item["name"] == name)


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


# --- Environments and their defaults ---


def test_nothing_set_is_development() -> None:
    loaded = load()
    assert isinstance(loaded, Development)
    assert loaded.APP_ENV == "development"
    assert (loaded.HOST, loaded.PORT, loaded.WORKERS, loaded.THREADS) == ("127.0.0.1", 5000, 1, 4)
    assert loaded.CORS_ORIGINS == ("http://localhost:5173", "http://127.0.0.1:5173")
    assert loaded.MOUNT_ALIAS == "/mounted"
    assert loaded.LOG_FORMAT == "text"
    assert loaded.DATABASE_AUTO_UPGRADE is True
    assert loaded.TRUSTED_HOSTS == ()
    assert loaded.SESSION_COOKIE_SECURE is False
    assert loaded.RATELIMIT_SIGN_INS == "60 per minute"
    assert loaded.RATELIMIT_GUESSES == "10 per 15 minutes"
    assert loaded.RATELIMIT_MAILS == "10 per hour"
    assert loaded.RATELIMIT_UPLOADS == "30 per minute"
    assert loaded.RATELIMIT_PREVIEWS == "120 per minute"
    assert (loaded.ATTACHMENT_BYTES, loaded.ATTACHMENTS_QUOTA) == (5 * 1024**2, 50 * 1024**2)
    assert loaded.ATTACHMENT_PIXELS == 16_000_000
    assert f"{Path(config.__file__).parent}/instance/attachments" == loaded.ATTACHMENTS_FOLDER
    assert loaded.BCRYPT_LOG_ROUNDS == 12
    assert (loaded.ACCESS_TOKEN_SECONDS, loaded.REFRESH_TOKEN_DAYS) == (900, 30)
    assert (loaded.SESSION_STORAGE, loaded.PRACTICE_SECONDS) == ("server", 86_400)
    assert (loaded.IDEMPOTENCY_HOURS, loaded.IDEMPOTENCY_KEY_REQUIRED) == (24, False)
    assert (loaded.REALTIME_HOST, loaded.REALTIME_PORT) == ("127.0.0.1", 5001)
    assert loaded.REALTIME_URL is None
    assert (loaded.REALTIME_CONNECTIONS, loaded.REALTIME_CONNECTIONS_PER_ADDRESS) == (200, 20)
    assert loaded.EVENTS_KEPT_DAYS == 7
    assert (loaded.JOB_WORKERS, loaded.JOB_LEASE_SECONDS, loaded.JOB_SWEEP_SECONDS) == (
        2,
        30.0,
        5.0,
    )
    assert (loaded.JOB_RETENTION_DAYS, loaded.IMPORT_MAX_BYTES) == (7, 32 * 1024**2)
    assert Path(config.__file__).parent / "instance/jobs" == Path(loaded.JOBS_FOLDER)
    assert load(APP_ENV="testing").JOBS_FOLDER != loaded.JOBS_FOLDER


def test_the_default_database_is_an_absolute_path_beside_config_py() -> None:
    root = Path(config.__file__).parent
    assert load().DATABASE_URL.startswith("sqlite:////")
    assert load().DATABASE_URL.endswith("/instance/bank.sqlite3")
    assert f"sqlite:///{root}/instance/bank.sqlite3" == load().DATABASE_URL


def test_testing_never_touches_the_database_of_development() -> None:
    loaded = load(APP_ENV="testing")
    assert isinstance(loaded, config.Testing)
    assert loaded.DATABASE_URL != load().DATABASE_URL
    assert ":memory:" not in loaded.DATABASE_URL


def test_only_testing_is_testing() -> None:
    assert config.Testing.TESTING is True
    assert Development.TESTING is False
    assert Production.TESTING is False


def test_only_testing_hashes_passwords_quickly() -> None:
    # A factor below 10 is what OWASP advises against; tests hash no password that anybody has.
    assert load(APP_ENV="testing").BCRYPT_LOG_ROUNDS == 4
    assert load().BCRYPT_LOG_ROUNDS == load(**PRODUCTION).BCRYPT_LOG_ROUNDS == 12


def test_production_has_defaults_of_its_own() -> None:
    loaded = load(**PRODUCTION)
    assert isinstance(loaded, Production)
    assert loaded.DATABASE_AUTO_UPGRADE is False
    assert loaded.CORS_ORIGINS == ()
    assert loaded.MOUNT_ALIAS == ""
    assert loaded.LOG_FORMAT == "json"
    assert loaded.PREFERRED_URL_SCHEME == "https"
    assert loaded.SESSION_COOKIE_SECURE is True
    assert loaded.DATABASE_URL == load().DATABASE_URL


def test_every_setting_says_its_type_what_is_allowed_and_what_it_is_for() -> None:
    types = {"boolean", "choice", "integer", "list", "number", "path", "string", "url"}
    for name, setting in config.SETTINGS.items():
        assert name.isupper()
        assert setting.type in types
        assert setting.allowed
        assert setting.help.endswith(".")
        assert "\n" not in setting.help


@pytest.mark.parametrize("cls", config.ENVIRONMENTS.values())
def test_every_default_is_a_value_that_its_own_parser_allows(cls: type[config.Settings]) -> None:
    for item in dataclasses.fields(cls):
        if item.name in config.SETTINGS and item.default is not dataclasses.MISSING:
            default = item.default
            text = ",".join(default) if isinstance(default, tuple) else str(default)
            assert config.SETTINGS[item.name].read(text or "none") == default


def test_settings_do_not_change_after_loading() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().PORT = 1  # type: ignore[misc] # that it fails is the point


# --- Precedence ---


def test_environment_wins_over_dotenv_and_dotenv_over_default(dotenv: Path) -> None:
    dotenv.write_text("PORT=6000\nHOST=0.0.0.0\n")
    loaded = config.load({"PORT": "7000"}, dotenv)
    assert (loaded.PORT, loaded.HOST, loaded.THREADS) == (7000, "0.0.0.0", 4)  # noqa: S104 - a value
    assert described(loaded, "PORT")["source"] == "environment"
    assert described(loaded, "HOST")["source"] == ".env"
    assert described(loaded, "THREADS")["source"] == "default"


def test_app_env_may_stand_in_dotenv(dotenv: Path) -> None:
    dotenv.write_text("APP_ENV=testing\n")
    assert isinstance(config.load({}, dotenv), config.Testing)
    assert isinstance(config.load({"APP_ENV": "development"}, dotenv), Development)


def test_by_default_the_process_environment_and_the_dotenv_here_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in config.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    Path(".env").write_text("PORT=6000\n")
    monkeypatch.setenv("HOST", "localhost")
    before = dict(os.environ)
    loaded = config.load()
    assert (loaded.HOST, loaded.PORT) == ("localhost", 6000)
    assert dict(os.environ) == before


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_value_counts_as_not_set(empty: str, dotenv: Path) -> None:
    dotenv.write_text("PORT=6000\nTHREADS=\n")
    loaded = config.load({"PORT": empty, "HOST": empty}, dotenv)
    assert (loaded.PORT, loaded.HOST, loaded.THREADS) == (6000, "127.0.0.1", 4)
    assert described(loaded, "HOST")["source"] == "default"


def test_the_word_none_means_nothing_where_nothing_is_a_value(dotenv: Path) -> None:
    dotenv.write_text("REDIS_URL=redis://localhost\n")
    loaded = config.load(
        {
            "REDIS_URL": "none",
            "CORS_ORIGINS": "None",
            "MOUNT_ALIAS": "none",
            "SECRET_KEY_FALLBACKS": "none",
            "TRUSTED_HOSTS": "none",
        },
        dotenv,
    )
    assert loaded.REDIS_URL is None
    assert loaded.MOUNT_ALIAS == ""
    assert loaded.CORS_ORIGINS == loaded.SECRET_KEY_FALLBACKS == loaded.TRUSTED_HOSTS == ()
    assert described(loaded, "REDIS_URL")["source"] == "environment"


def test_what_the_flask_command_copied_from_dotenv_still_counts_as_from_there(dotenv: Path) -> None:
    dotenv.write_text("PORT=6000\nHOST=localhost\n")
    copied = {"FLASK_RUN_FROM_CLI": "true", "PORT": "6000", "HOST": "0.0.0.0"}  # noqa: S104 - a value
    loaded = config.load(copied, dotenv)
    assert described(loaded, "PORT")["source"] == ".env"
    assert described(loaded, "HOST")["source"] == "environment"
    del copied["FLASK_RUN_FROM_CLI"]
    assert described(config.load(copied, dotenv), "PORT")["source"] == "environment"


# --- Values ---


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("APP_ENV", " Testing ", "testing"),
        ("HOST", "::1", "::1"),
        ("HOST", "my_service", "my_service"),
        ("HOST", "bank.example.org.", "bank.example.org."),
        ("PORT", " 65535 ", 65535),
        ("PORT", "0080", 80),
        ("REALTIME_HOST", "::1", "::1"),
        ("REALTIME_PORT", "6001", 6001),
        ("REALTIME_URL", "HTTPS://Live.Example.org:443", "https://live.example.org"),
        ("REALTIME_URL", "none", None),
        ("REALTIME_CONNECTIONS", "4096", 4096),
        ("REALTIME_CONNECTIONS_PER_ADDRESS", "1", 1),
        ("EVENTS_KEPT_DAYS", "365", 365),
        ("TRUSTED_PROXIES", "0", 0),
        ("CACHE_ENABLED", "Off", False),
        ("CACHE_ENABLED", "YES", True),
        ("RESPONSE_CACHE_BYTES", "0", 0),
        ("RATELIMIT_ENABLED", "0", False),
        ("RATELIMIT_READS", "10/second;  100  per 5 minutes", "10/second; 100 per 5 minutes"),
        ("RATELIMIT_SIGN_INS", "5/minute;  20 per hour", "5/minute; 20 per hour"),
        ("RATELIMIT_GUESSES", "5/minute;  20 per hour", "5/minute; 20 per hour"),
        ("BCRYPT_LOG_ROUNDS", "4", 4),
        ("BCRYPT_LOG_ROUNDS", "18", 18),
        ("RATELIMIT_UPLOADS", "5/minute;  20 per hour", "5/minute; 20 per hour"),
        ("RATELIMIT_PREVIEWS", "5/minute;  20 per hour", "5/minute; 20 per hour"),
        ("ATTACHMENT_BYTES", "1", 1),
        ("ATTACHMENT_BYTES", str(1024**3), 1024**3),
        ("ATTACHMENT_PIXELS", "80000000", 80_000_000),
        ("ATTACHMENTS_QUOTA", "0", 0),
        ("ATTACHMENTS_FOLDER", "/srv/files/../kept/", "/srv/kept"),
        ("ATTACHMENTS_FOLDER", "kept", f"{config.ROOT}/kept"),
        ("ACCESS_TOKEN_SECONDS", "10", 10),
        ("ACCESS_TOKEN_SECONDS", "86400", 86_400),
        ("REFRESH_TOKEN_DAYS", "1", 1),
        ("REFRESH_TOKEN_DAYS", "365", 365),
        ("SESSION_STORAGE", "Cookie", "cookie"),
        ("SESSION_FOLDER", "/var/lib/bank/sessions/", "/var/lib/bank/sessions"),
        ("PRACTICE_SECONDS", "10", 10),
        ("PRACTICE_SECONDS", "2592000", 2_592_000),
        ("FRESH_SECONDS", "10", 10),
        ("FRESH_SECONDS", "86400", 86_400),
        ("TOTP_KEYS", "one, two", ("one", "two")),
        ("TOTP_KEYS", "none", ()),
        ("MAIL_URL", "smtp://u:p%40ss@mail:587", "smtp://u:p%40ss@mail:587"),
        ("MAIL_URL", "smtps://mail.example.org", "smtps://mail.example.org"),
        ("MAIL_URL", "none", None),
        ("MAIL_OUTBOX", "/var/spool/bank", "/var/spool/bank"),
        ("MAIL_OUTBOX", "mails", str(config.ROOT / "mails")),
        ("MAIL_SENDER", "no-reply@example.org", "no-reply@example.org"),
        ("MAIL_SENDER", "The bank <a@bücher.example>", "The bank <a@xn--bcher-kva.example>"),
        ("MAIL_SENDER", "root@localhost", "root@localhost"),
        ("JOB_WORKERS", "64", 64),
        ("JOB_LEASE_SECONDS", "0.5", 0.5),
        ("JOB_SWEEP_SECONDS", "0.1", 0.1),
        ("JOB_RETENTION_DAYS", "365", 365),
        ("IMPORT_MAX_BYTES", "1", 1),
        ("JOBS_FOLDER", "/var/lib/bank/../jobs", "/var/lib/jobs"),
        ("ASSETS_FOLDER", "/var/lib/bank/assets/", "/var/lib/bank/assets"),
        ("JOBS_FOLDER", "instance", str(config.ROOT / "instance")),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_FORMAT", "JSON", "json"),
        ("READINESS_TIMEOUT", "0.05", 0.05),
        ("READINESS_TIMEOUT", "30", 30.0),
        ("MOUNT_ALIAS", "/a/b-c", "/a/b-c"),
        ("SECRET_KEY_FALLBACKS", "one, two ,one", ("one", "two")),
        ("CORS_ORIGINS", "HTTPS://App.Example.org:443", ("https://app.example.org",)),
        ("CORS_ORIGINS", "http://a.org:8080", ("http://a.org:8080",)),
        ("CORS_ORIGINS", "https://bücher.example", ("https://xn--bcher-kva.example",)),
        (
            "TRUSTED_HOSTS",
            "Example.org, .Bücher.example",
            ("example.org", ".xn--bcher-kva.example"),
        ),
        ("REDIS_URL", "rediss://user:p%40ss@cache:6380/1", "rediss://user:p%40ss@cache:6380/1"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("DATABASE_URL", "sqlite:////data/bank.db", "sqlite:////data/bank.db"),
        ("DATABASE_URL", "postgres://u:p@db/bank", "postgresql+psycopg://u:p@db/bank"),
        ("DATABASE_URL", "postgresql://u@[::1]:5432/b", "postgresql+psycopg://u@[::1]:5432/b"),
        ("DATABASE_URL", "postgresql://u:p%40s@db/b", "postgresql+psycopg://u:p%40s@db/b"),
        (
            "DATABASE_URL",
            "postgresql://postgres:@/postgres?host=/run/postgresql",
            "postgresql+psycopg://postgres:@/postgres?host=%2Frun%2Fpostgresql",
        ),
    ],
)
def test_a_value_is_read_as(name: str, text: str, value: object) -> None:
    assert getattr(load(**{name: text}), name) == value


def test_a_relative_folder_counts_from_the_project_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    root = Path(config.__file__).parent
    assert str(root / "instance" / "sessions") == load().SESSION_FOLDER
    loaded = load(SESSION_FOLDER="data/sessions")
    assert str(root / "data" / "sessions") == loaded.SESSION_FOLDER
    assert described(loaded, "SESSION_FOLDER")["value"] == REDACTED


def test_a_relative_sqlite_path_counts_from_the_project_not_from_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    root = Path(config.__file__).parent
    loaded = load(DATABASE_URL="sqlite:///data/bank.db")
    assert f"sqlite:///{root}/data/bank.db" == loaded.DATABASE_URL


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("APP_ENV", "prod", "is unknown; allowed: development, testing or production"),
        ("HOST", "a b", "is not a host name"),
        ("HOST", "256.1.1.1", "neither a host name nor an IPv4 address"),
        ("HOST", "http://localhost", "is not a host name"),
        ("PORT", "http", "is not a whole number; allowed: a whole number from 1 to 65535"),
        ("PORT", "0", "is out of range"),
        ("PORT", "-1", "is out of range"),
        ("PORT", "65536", "is out of range"),
        ("PORT", "80.0", "is not a whole number"),
        ("PORT", "8_0", "is not a whole number"),
        ("PORT", "٨٠", "is not a whole number"),
        ("PORT", "9" * 4000, "is out of range"),
        ("PORT", "9" * 5000, "is longer than 4096 characters"),
        ("WORKERS", "65", "is out of range"),
        ("THREADS", "257", "is out of range"),
        ("TRUSTED_PROXIES", "11", "is out of range"),
        ("CACHE_TIMEOUT", "0", "is out of range"),
        ("RESPONSE_CACHE_BYTES", "-1", "is out of range"),
        ("RESPONSE_CACHE_BYTES", "off", "is not a whole number"),
        ("RATELIMIT_SIGN_INS", "seldom", "is not a rate limit"),
        ("RATELIMIT_GUESSES", "none", "is not a rate limit"),
        ("RATELIMIT_MAILS", "many", "is not a rate limit"),
        ("RATELIMIT_SIGN_INS", "0/minute", "is out of range"),
        ("BCRYPT_LOG_ROUNDS", "3", "is out of range; allowed: a whole number from 4 to 18"),
        ("BCRYPT_LOG_ROUNDS", "19", "is out of range"),
        ("BCRYPT_LOG_ROUNDS", "12.5", "is not a whole number"),
        ("ACCESS_TOKEN_SECONDS", "9", "is out of range; allowed: a whole number from 10 to 86400"),
        ("ACCESS_TOKEN_SECONDS", "86401", "is out of range"),
        ("ACCESS_TOKEN_SECONDS", "15m", "is not a whole number"),
        ("REFRESH_TOKEN_DAYS", "0", "is out of range; allowed: a whole number from 1 to 365"),
        ("REFRESH_TOKEN_DAYS", "366", "is out of range"),
        ("SESSION_STORAGE", "redis", "is unknown; allowed: server or cookie"),
        ("PRACTICE_SECONDS", "9", "is out of range; allowed: a whole number from 10 to 2592000"),
        ("PRACTICE_SECONDS", "2592001", "is out of range"),
        ("MAX_CONTENT_LENGTH", "1 MiB", "is not a whole number"),
        ("ATTACHMENT_BYTES", "0", "is out of range"),
        ("ATTACHMENT_BYTES", "5 MB", "is not a whole number"),
        (
            "ATTACHMENT_PIXELS",
            "80000001",
            "is out of range; allowed: a whole number from 1 to 80000000",
        ),
        ("ATTACHMENTS_QUOTA", "-1", "is out of range"),
        ("ATTACHMENTS_FOLDER", ".", "is a folder of the code or of the whole system"),
        ("ATTACHMENTS_FOLDER", "api/site/templates", "is a folder of the code"),
        ("ATTACHMENTS_FOLDER", "kept/../api/x", "is a folder of the code"),
        ("ATTACHMENTS_FOLDER", "/", "is a folder of the code or of the whole system"),
        ("JOB_WORKERS", "0", "is out of range; allowed: a whole number from 1 to 64"),
        ("JOB_LEASE_SECONDS", "0.4", "is out of range; allowed: a number from 0.5 to 3600"),
        ("JOB_SWEEP_SECONDS", "soon", "is not a number"),
        ("JOB_RETENTION_DAYS", "366", "is out of range"),
        ("IMPORT_MAX_BYTES", "0", "is out of range"),
        ("JOBS_FOLDER", "config.py", "is a file; allowed: a folder"),
        ("ASSETS_FOLDER", "api/site/sources", "is a folder of the code"),
        ("CACHE_ENABLED", "maybe", "is neither true nor false"),
        ("LOG_LEVEL", "loud", "is unknown; allowed: DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("PREFERRED_URL_SCHEME", "ftp", "is unknown; allowed: http or https"),
        ("READINESS_TIMEOUT", "nan", "is not a number"),
        ("READINESS_TIMEOUT", "inf", "is not a number"),
        ("READINESS_TIMEOUT", "1e0", "is not a number"),
        ("READINESS_TIMEOUT", "0.04", "is out of range; allowed: a number from 0.05 to 30"),
        ("RATELIMIT_READS", "many", "is not a rate limit; allowed: a limit such as 600 per minute"),
        ("RATELIMIT_READS", "600", "is not a rate limit"),
        ("RATELIMIT_READS", "600 per fortnight", "is not a rate limit"),
        ("RATELIMIT_READS", "600 per 0 minutes", "is not a rate limit"),
        ("RATELIMIT_READS", "0 per minute", "is out of range"),
        ("RATELIMIT_READS", "1 per 2 years", "is out of range"),
        ("RATELIMIT_READS", "9" * 90 + "/minute", "is out of range"),
        ("RATELIMIT_READS", "1 per minute" + " " * 3000 + "x", "is not a rate limit"),
        ("RATELIMIT_READS", "1 per 1 day;" * 300, "is not a rate limit"),
        ("CORS_ORIGINS", "*", "is refused: credentials are allowed"),
        ("CORS_ORIGINS", "https://*.example.org", "is refused: credentials are allowed"),
        ("CORS_ORIGINS", "null", "is not an origin"),
        ("REALTIME_URL", "wss://live.example.org", "is not an origin"),
        ("REALTIME_URL", "https://example.org/live", "is not just scheme, host and port"),
        ("EVENTS_KEPT_DAYS", "0", "is out of range"),
        ("CORS_ORIGINS", "example.org", "is not an origin"),
        ("CORS_ORIGINS", "ftp://example.org", "is not an origin"),
        ("CORS_ORIGINS", "https://example.org/", "is not just scheme, host and port"),
        ("CORS_ORIGINS", "https://example.org?", "is not just scheme, host and port"),
        ("CORS_ORIGINS", "https://user@example.org", "is not just scheme, host and port"),
        ("CORS_ORIGINS", "https://example.org:0", "has a port out of range"),
        ("CORS_ORIGINS", "https://example.org:99999", "is not an origin"),
        ("CORS_ORIGINS", "http://[::1]:5173", "is not a host name"),
        ("CORS_ORIGINS", "https://a.org,,https://b.org", "has an empty item"),
        ("CORS_ORIGINS", ",".join(["http://a.org"] * 101), "has more than 100 items"),
        ("TRUSTED_HOSTS", "*", "has a wildcard: a leading dot means every subdomain"),
        ("TRUSTED_HOSTS", "*.example.org", "has a wildcard"),
        ("TRUSTED_HOSTS", "example.org:443", "has a colon: hosts are compared without port"),
        ("TRUSTED_HOSTS", "[::1]", "has a colon"),
        ("TRUSTED_HOSTS", ".", "is not a host name"),
        ("TRUSTED_HOSTS", "under_score.org", "is not a host name"),
        ("TRUSTED_HOSTS", "https://example.org", "has a colon"),
        ("MOUNT_ALIAS", "mounted", "is not such a path; allowed: a path such as /mounted"),
        ("MOUNT_ALIAS", "/", "is not such a path"),
        ("MOUNT_ALIAS", "/mounted/", "is not such a path"),
        ("MOUNT_ALIAS", "/../x", "is not such a path"),
        ("MOUNT_ALIAS", "/api", "would hide the API's own addresses"),
        ("REDIS_URL", "localhost:6379", "has another scheme than redis, rediss and unix"),
        ("REDIS_URL", "redis://", "has a host that is neither a name nor an address"),
        ("REDIS_URL", "redis://h:0", "has a port or a database number that cannot be"),
        ("REDIS_URL", "redis://h:x", "is not a Redis URL"),
        ("REDIS_URL", "redis://h/first", "has a port or a database number that cannot be"),
        ("REDIS_URL", "redis://:a#b@h", "has an @ / ? or # that is not percent-encoded"),
        ("REDIS_URL", "redis://:a/b@h", "has an @ / ? or # that is not percent-encoded"),
        ("REDIS_URL", "redis://:a@b/c@h", "has an @ / ? or # that is not percent-encoded"),
        (
            "REDIS_URL",
            "redis://h?socket_timeout=soon",
            "has an option that the Redis client refuses",
        ),
        ("REDIS_URL", "unix://run/redis.sock", "is not the absolute path of a socket"),
        ("DATABASE_URL", "bank.db", "is not a database URL"),
        ("DATABASE_URL", "mysql://h/db", "names another database or driver"),
        ("DATABASE_URL", "postgresql+psycopg2://h/db", "names another database or driver"),
        ("DATABASE_URL", "sqlite://", "names no file"),
        ("DATABASE_URL", "sqlite:///:memory:", "names no file"),
        ("DATABASE_URL", "sqlite:///file:bank?mode=memory&uri=true", "names no file"),
        ("DATABASE_URL", "sqlite://bank.db", "has three slashes before the path"),
        ("DATABASE_URL", "postgresql:///bank", "names no host"),
        ("DATABASE_URL", "postgresql://h:99999/bank", "has a port out of range"),
        ("DATABASE_URL", "postgresql://h:x/bank", "is not a database URL"),
        ("DATABASE_URL", "postgresql://a b/bank", "has a host that is neither a name nor an"),
        ("DATABASE_URL", "postgresql://h", "names no database"),
        ("DATABASE_URL", "postgresql://u:p@x@h/b", "has an @ that is not percent-encoded"),
        ("FRESH_SECONDS", "9", "is out of range; allowed: a whole number from 10 to 86400"),
        ("TOTP_KEYS", "one,,two", "has an empty item"),
        ("MAIL_URL", "mail.example.org", "has another scheme than smtp and smtps"),
        ("MAIL_URL", "imap://mail", "has another scheme than smtp and smtps"),
        ("MAIL_URL", "smtp://", "has a host that is neither a name nor an address"),
        ("MAIL_URL", "smtp://mail:0", "has a port that cannot be, a path or options"),
        ("MAIL_URL", "smtp://mail:x", "is not a URL"),
        ("MAIL_URL", "smtp://mail/box", "has a port that cannot be, a path or options"),
        ("MAIL_URL", "smtp://user@mail", "has a user without a password"),
        ("MAIL_URL", "smtp://u:p@x@mail", "has an @ / ? or # that is not percent-encoded"),
        ("MAIL_SENDER", "bank", "is not an e-mail address"),
        ("MAIL_SENDER", "a@b@c.org", "is not an e-mail address"),
        ("MAIL_SENDER", "A, B <a@example.org>", "is not an e-mail address"),
        ("SECRET_KEY", "a\0b", "contains the control character U+0000"),
        ("PORT", "80\0", "contains the control character U+0000"),
        ("HOST", "a\x1b[31mb", "contains the control character U+001B"),
        ("SECRET_KEY", os.fsdecode(b"\xff\xfe"), "is not UTF-8 text"),
        ("HOST", os.fsdecode(b"caf\xe9"), "is not UTF-8 text"),
    ],
    ids=lambda value: value[:40],
)
def test_a_fault_says_what_is_wrong(name: str, text: str, reason: str) -> None:
    fault = only_fault({name: text})
    assert fault.setting == name
    assert fault.source == "environment"
    assert reason in fault.detail
    assert fault.detail.startswith(name)
    assert "; allowed: " in fault.detail
    assert len(fault.detail) < 400  # a huge value does not make a huge message
    assert str(fault).isprintable()


def test_every_fault_of_every_setting_is_named_at_once_in_order_one_to_a_line() -> None:
    wrong = {"THREADS": "0", "PORT": "http", "CORS_ORIGINS": "*,https://ok.org,x", "LOG_LEVEL": "x"}
    with pytest.raises(ConfigurationError) as caught:
        config.load(wrong, None)
    found = [fault.setting for fault in caught.value.faults]
    assert found == ["PORT", "THREADS", "CORS_ORIGINS", "CORS_ORIGINS", "LOG_LEVEL"]
    lines = str(caught.value).splitlines()
    assert lines[0] == "The configuration has 5 faults:"
    assert lines[1:] == [str(fault) for fault in caught.value.faults]
    assert "CORS_ORIGINS item 1 '*' " in lines[3]
    assert "CORS_ORIGINS item 3 'x' " in lines[4]
    assert lines[1].endswith("(from the environment)")


def test_faults_of_the_file_and_of_the_environment_come_together(dotenv: Path) -> None:
    dotenv.write_text("THREADS=0\n")
    found = faults({"PORT": "http"}, dotenv)
    assert [(fault.setting, fault.source) for fault in found] == [
        ("PORT", "environment"),
        ("THREADS", ".env"),
    ]
    assert str(found[1]).endswith("(from .env)")


def test_a_value_that_the_environment_overrides_is_not_judged(dotenv: Path) -> None:
    dotenv.write_text("PORT=http\n")
    assert config.load({"PORT": "80"}, dotenv).PORT == 80


def test_an_unknown_environment_still_has_the_other_faults_named() -> None:
    assert [f.setting for f in faults({"APP_ENV": "prod", "PORT": "x"})] == ["APP_ENV", "PORT"]


def test_the_error_survives_pickling() -> None:
    error = ConfigurationError([Fault("PORT", "PORT is wrong", "environment")])
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    assert copy.faults == error.faults
    assert str(copy) == "The configuration has 1 fault:\nPORT is wrong (from the environment)"


# --- Production ---


def test_production_demands_a_key_and_hosts_and_says_how_to_make_a_key() -> None:
    found = faults({"APP_ENV": "production"})
    assert [(fault.setting, fault.source) for fault in found] == [
        ("SECRET_KEY", "default"),
        ("TRUSTED_HOSTS", "default"),
    ]
    assert 'python -c "import secrets; print(secrets.token_urlsafe(48))"' in found[0].detail
    assert "production has no default for it" in found[0].detail


@pytest.mark.parametrize("key", [config.DEVELOPMENT_KEY, config.TESTING_KEY])
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "TOTP_KEYS"])
def test_production_refuses_a_well_known_key_also_as_a_former_one(name: str, key: str) -> None:
    fault = only_fault(PRODUCTION | {name: key})
    assert fault.setting == name
    assert "well-known" in fault.detail
    assert key not in str(fault)


@pytest.mark.parametrize(
    ("key", "size"), [("x" * 31, 31), ("ü" * 15, 30)], ids=["ASCII", "two bytes a letter"]
)
def test_production_counts_the_bytes_of_a_key(key: str, size: int) -> None:
    for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "TOTP_KEYS"):
        assert f"is {size} bytes long, under 32" in only_fault(PRODUCTION | {name: key}).detail
    assert load(**PRODUCTION | {"SECRET_KEY": "ü" * 16}).SECRET_KEY == "ü" * 16


def test_production_names_which_former_key_is_weak() -> None:
    found = faults(PRODUCTION | {"SECRET_KEY_FALLBACKS": f"{KEY},short,{config.TESTING_KEY}"})
    assert ["item 2" in found[0].detail, "item 3" in found[1].detail] == [True, True]


def test_production_refuses_to_believe_any_host() -> None:
    fault = only_fault(PRODUCTION | {"TRUSTED_HOSTS": "none"})
    assert "any Host header would be believed" in fault.detail


@pytest.mark.parametrize("flag", ["1", "true", "on"])
def test_production_refuses_the_debugger(flag: str) -> None:
    assert only_fault(PRODUCTION | {"FLASK_DEBUG": flag}).setting == "FLASK_DEBUG"
    assert load(**PRODUCTION | {"FLASK_DEBUG": "0"})
    assert load(FLASK_DEBUG=flag)


def test_production_accepts_sqlite_and_a_short_key_is_fine_elsewhere() -> None:
    assert load(**PRODUCTION).DATABASE_URL.startswith("sqlite:")
    assert load(SECRET_KEY="dev").SECRET_KEY == "dev"


# --- The .env file ---


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("\ufeffPORT=6000\n", 6000),
        ("# PORT=1\r\nexport PORT='6000' # said twice\r\n", 6000),
        ("PORT=1\nPORT=6000", 6000),
        ("BASE=60\nPORT=${BASE}00\n", 6000),
        ("PORT=${OUTSIDE}\n", 6000),
        ("PORT=${MISSING:-6000}\n", 6000),
        ("# nothing\n\n", 5000),
    ],
    ids=["BOM", "CRLF, export, quotes", "last wins", "above", "environment", "default", "comment"],
)
def test_a_dotenv_file_may_be_written_as(text: str, port: int, dotenv: Path) -> None:
    dotenv.write_bytes(text.encode())
    assert port == config.load({"OUTSIDE": "6000"}, dotenv).PORT


def test_a_missing_dotenv_file_and_a_folder_of_that_name_set_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert config.load({}, tmp_path / ".env") == config.load({}, tmp_path / "missing") == load()


def test_a_dotenv_file_that_is_not_utf8_is_a_fault(dotenv: Path) -> None:
    dotenv.write_bytes("PORT=6000".encode("utf-16"))
    assert only_fault({}, dotenv) == Fault(".env", ".env is not UTF-8 text (byte 0)", ".env")


def test_a_dotenv_file_that_cannot_be_read_is_a_fault(dotenv: Path) -> None:
    dotenv.symlink_to(dotenv)
    assert ".env cannot be read: " in only_fault({}, dotenv).detail


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("SECRET_KEY hunter2", "cannot be read"),
        ("SECRET_KEY='hunter2", "cannot be read"),
        ("hunter2", "does not begin with NAME="),
        ("SECRET_KEY:hunter2", "does not begin with NAME="),
        ("SECRET_KEY:hunter2==", "does not begin with NAME="),
        ("SECRET_KEYhun=ter2", "sets no setting; did you mean SECRET_KEY?"),
    ],
)
def test_a_broken_line_is_named_by_number_and_never_quoted(
    broken: str, reason: str, dotenv: Path
) -> None:
    dotenv.write_text(f"# a comment\n\nPORT=80\n\n{broken}\n")
    fault = only_fault({}, dotenv)
    assert f".env line 5 {reason}" in fault.detail
    assert fault.setting == ".env"
    assert "hun" not in str(fault)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("RATELMIT_READS", "RATELIMIT_READS"),
        ("RATE_LIMIT_WRITES", "RATELIMIT_WRITES"),
        ("WORKER", "WORKERS"),
        ("log_level", "LOG_LEVEL"),
        ("TRUSTED_HOST", "TRUSTED_HOSTS"),
        ("CORS_ORIGIN", "CORS_ORIGINS"),
    ],
)
def test_a_near_miss_in_dotenv_is_a_fault(written: str, meant: str, dotenv: Path) -> None:
    dotenv.write_text(f"{written}=1\n")
    assert only_fault({}, dotenv) == Fault(
        written, f"{written} is no setting; did you mean {meant}?", ".env"
    )


@pytest.mark.parametrize("written", ["DATABASE_URI", "REDIS_URI", "SECRETKEY"])
def test_a_near_miss_of_a_secret_is_a_fault_too(written: str, dotenv: Path) -> None:
    dotenv.write_text(f"{written}=1\n")
    assert ".env line 1 sets no setting; did you mean " in only_fault({}, dotenv).detail


def test_variables_of_other_programs_are_left_alone(dotenv: Path) -> None:
    others = ["FLASK_DEBUG", "FLASK_APP", "HOSTNAME", "DB_HOST", "MAIL_PORT", "POSTGRES_PASSWORD"]
    others += ["COMPOSE_PROJECT_NAME", "PYTHONPATH", "APP_NAME", "NODE_ENV", "LOG_FILE", "SORT"]
    dotenv.write_text("".join(f"{name}=${{UNKNOWN}}\n" for name in others))
    assert config.load(dict.fromkeys(others, "x") | {"PORTS": "1"}, dotenv) == load()


@pytest.mark.parametrize(
    "text",
    [
        "SECRET_KEY=a${hunter2}b\n",
        "SECRET_KEY=${LATER}\nLATER=hunter2\n",
        "SECRET_KEY=${SECRET_KEY}\n",
    ],
    ids=["unknown", "below", "itself"],
)
def test_a_reference_to_nothing_is_a_fault_instead_of_a_shorter_secret(
    text: str, dotenv: Path
) -> None:
    dotenv.write_text(text)
    # The `flask` command may have copied the whole file into the environment before.
    for environ in ({}, {"LATER": "hunter2"}):
        fault = only_fault(environ, dotenv)
        assert "refers with ${…} to a variable that is set neither above it nor in" in fault.detail
        assert "hunter2" not in str(fault)


def test_a_control_character_in_dotenv_is_a_fault(dotenv: Path) -> None:
    dotenv.write_text("SECRET_KEY=hunter2\0\n")
    fault = only_fault({}, dotenv)
    assert "SECRET_KEY contains the control character U+0000" in fault.detail
    assert fault.source == ".env"


# --- What Flask and Werkzeug make of it ---


def test_flask_takes_every_setting_and_the_derived_keys_from_the_object() -> None:
    app = Flask(__name__)
    loaded = load(**PRODUCTION)
    app.config.from_object(loaded)
    for name in config.SETTINGS:
        assert app.config[name] == getattr(loaded, name)
    assert app.config["SQLALCHEMY_DATABASE_URI"] == loaded.DATABASE_URL
    assert app.config["SESSION_COOKIE_SECURE"] is True
    assert app.config["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert app.testing is False
    assert app.debug is False


def test_sessions_signed_with_a_former_key_are_still_read() -> None:
    app = Flask(__name__)
    app.config.from_object(load(SECRET_KEY="old"))
    signed = app.session_interface.get_signing_serializer(app).dumps({"round": 1})  # type: ignore[attr-defined] # the default interface has it
    app.config.from_object(load(SECRET_KEY="new", SECRET_KEY_FALLBACKS="older,old"))
    assert app.session_interface.get_signing_serializer(app).loads(signed) == {"round": 1}  # type: ignore[attr-defined] # as above


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("bank.example.org", 200),
        ("bank.example.org:8443", 200),
        ("a.example.net", 200),
        ("example.net", 200),
        ("evil.example", 400),
        ("evilexample.net", 400),
    ],
)
def test_trusted_hosts_are_what_flask_compares_with(host: str, status: int) -> None:
    app = Flask(__name__)
    app.config.from_object(load(**PRODUCTION | {"TRUSTED_HOSTS": "Bank.example.org,.example.net"}))
    app.add_url_rule("/", view_func=lambda: "here")
    assert app.test_client().get("/", headers={"Host": host}).status_code == status


def test_no_trusted_hosts_means_no_check() -> None:
    assert host_is_trusted("anything.example", load().TRUSTED_HOSTS)


# --- Describing ---


def test_describe_names_every_setting_in_a_form_that_json_carries() -> None:
    items = config.describe(load())
    assert [item["name"] for item in items] == list(config.SETTINGS)
    assert json.loads(json.dumps(items)) == items
    assert described(load(PORT="80"), "PORT") == {
        "name": "PORT",
        "value": 80,
        "default": 5000,
        "source": "environment",
        "type": "integer",
        "allowed": "a whole number from 1 to 65535",
        "help": "TCP port to listen on.",
        "secret": False,
    }
    assert described(load(), "CORS_ORIGINS")["value"] == list(load().CORS_ORIGINS)


def test_describe_tells_a_value_that_was_passed_in_code() -> None:
    changed = dataclasses.replace(load(HOST="localhost"), PORT=1)
    assert described(changed, "PORT")["source"] == "code"
    assert described(changed, "HOST")["source"] == "environment"
    assert described(config.Testing(), "PORT")["source"] == "default"


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("SECRET_KEY", "hunter2", REDACTED),
        ("SECRET_KEY_FALLBACKS", "hunter2,hunter3", [REDACTED, REDACTED]),
        ("DATABASE_URL", "sqlite:///data/bank.db", "sqlite:///data/bank.db"),
        ("DATABASE_URL", "sqlite:////home/hunter2/b.db", f"sqlite:////{REDACTED}/b.db"),
        ("DATABASE_URL", "sqlite:///../hunter2/b.db?x=1", f"sqlite:////{REDACTED}/b.db?{REDACTED}"),
        ("DATABASE_URL", "postgres://db:5432/bank", "postgresql+psycopg://db:5432/bank"),
        (
            "DATABASE_URL",
            "postgres://hunter2:hunter3@db:5432/bank?password=hunter4",
            f"postgresql+psycopg://{REDACTED}@db:5432/bank?{REDACTED}",
        ),
        ("JOBS_FOLDER", "/home/hunter2/jobs", REDACTED),
        ("SESSION_FOLDER", "/home/hunter2/sessions", REDACTED),
        ("ATTACHMENTS_FOLDER", "/home/hunter2/attachments", REDACTED),
        ("REDIS_URL", "redis://:hunter2@cache:6379/1", f"redis://{REDACTED}@cache:6379/1"),
        ("REDIS_URL", "redis://cache?password=hunter2", f"redis://cache?{REDACTED}"),
        ("REDIS_URL", "unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("TOTP_KEYS", "hunter2,hunter3", [REDACTED, REDACTED]),
        ("MAIL_URL", "smtp://hunter2:hunter3@mail:587", f"smtp://{REDACTED}@mail:587"),
        ("MAIL_OUTBOX", "/home/hunter2/mails", REDACTED),
    ],
)
def test_a_secret_is_shown_without_what_makes_it_one(name: str, text: str, shown: object) -> None:
    loaded = load(**{name: text})
    assert described(loaded, name)["value"] == shown
    assert "hunter" not in repr(loaded) + str(loaded) + json.dumps(config.describe(loaded))


@pytest.mark.parametrize("name", config.SETTINGS)
def test_the_mark_alone_keeps_a_value_out_of_a_fault(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = {name: dataclasses.replace(config.SETTINGS[name], secret=True)}
    monkeypatch.setattr(config, "SETTINGS", {**config.SETTINGS, **marked})
    assert "hunter2" not in str(faults({name: "\0hunter2"})[0])
    for fault in config.check(PRODUCTION | {name: "hunter2 @"}):
        assert "hunter2" not in fault.detail or name == "APP_ENV"


@pytest.mark.parametrize("url", ["postgresql://u:hunt/er2@h/d", "redis://[hunter2", "hunter2"])
def test_a_url_that_was_never_checked_is_not_shown_at_all(url: str) -> None:
    unchecked = config.Testing(DATABASE_URL=url, REDIS_URL=url)
    assert described(unchecked, "DATABASE_URL")["value"] == REDACTED
    assert described(unchecked, "REDIS_URL")["value"] == REDACTED


@pytest.mark.parametrize("cls", [Development, config.Testing])
def test_no_class_shows_its_secret_when_printed(cls: type[Development]) -> None:
    assert config.DEVELOPMENT_KEY not in repr(cls())
    assert config.TESTING_KEY not in repr(cls())
    assert REDACTED in repr(cls())


def test_environments_lists_what_differs_and_shows_no_key() -> None:
    rows = config.environments()
    by_name = {row["setting"]: row for row in rows}
    assert by_name["LOG_FORMAT"] == {
        "setting": "LOG_FORMAT",
        "development": "text",
        "testing": "text",
        "production": "json",
    }
    assert by_name["SECRET_KEY"]["development"] == REDACTED
    assert by_name["SECRET_KEY"]["production"] is None
    assert "PORT" not in by_name
    assert "JOBS_FOLDER" not in by_name  # differs, and may be shown of none
    for row in rows:
        assert not row["development"] == row["testing"] == row["production"]


def test_check_finds_what_production_would_refuse() -> None:
    assert config.check(PRODUCTION) == []
    assert config.check({"SECRET_KEY": KEY, "TRUSTED_HOSTS": "bank.example.org"}) == []
    found = config.check({"PORT": "x", "SECRET_KEY": "dev", "FLASK_DEBUG": "1"})
    assert [fault.setting for fault in found] == [
        "FLASK_DEBUG",
        "PORT",
        "SECRET_KEY",
        "TRUSTED_HOSTS",
    ]


@pytest.mark.parametrize("name", ["development", "testing", "prod"])
def test_check_is_about_production_whatever_app_env_says(name: str) -> None:
    [fault] = config.check(PRODUCTION | {"APP_ENV": name})
    assert fault.setting == "APP_ENV"
    assert fault.detail.endswith("allowed: production")
    assert len(config.check({"APP_ENV": name})) == 3


def test_check_refuses_names_that_are_no_settings() -> None:
    found = config.check(PRODUCTION | {"RATELMIT_READS": "1", "EVIL\x1b": "2"})
    assert [fault.detail for fault in found] == [
        r"'EVIL\x1b' is no setting",
        "'RATELMIT_READS' is no setting; did you mean RATELIMIT_READS?",
    ]


def test_check_reads_nothing_but_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    assert config.check(PRODUCTION) == []


# --- No secret, whatever it is made of ---

MARK = "Zq7x"
NASTY = st.text("abc01@:/?#%[]&=+,;$'\"\\{} \n\0\t.-_é𝔘\ud800", max_size=8)
SECRET = st.tuples(NASTY, NASTY, NASTY).map(MARK.join)


def secret_environments(secret: str, other: str) -> Iterator[dict[str, str]]:
    for app_env in ("development", "production", "prod"):
        yield {
            "APP_ENV": app_env,
            "SECRET_KEY": secret,
            "SECRET_KEY_FALLBACKS": f"{other},{secret}",
        }
        for user, password in ((secret, other), (other, secret), ("u", secret), ("", secret)):
            yield {
                "APP_ENV": app_env,
                "DATABASE_URL": f"postgresql://{user}:{password}@db:5432/bank",
                "REDIS_URL": f"redis://{user}:{password}@cache:6379/0",
                "MAIL_URL": f"smtp://{user}:{password}@mail",
                "TOTP_KEYS": f"{user},{password}",
            }
            yield {
                "DATABASE_URL": f"postgres://db/bank?user={user}&password={password}",
                "REDIS_URL": f"unix://{user}:{password}@/run/redis.sock?password={password}",
            }


def outputs(environ: dict[str, str], dotenv: Path | None) -> Iterator[str]:
    yield from (str(fault) + repr(fault) for fault in config.check(environ))
    try:
        loaded = config.load(environ, dotenv)
    except ConfigurationError as error:
        yield str(error) + repr(error) + json.dumps([dataclasses.asdict(f) for f in error.faults])
        while error.__cause__ or (error.__context__ and not error.__suppress_context__):
            raise AssertionError("a cause would print another message") from error
    else:
        yield str(loaded) + repr(loaded) + json.dumps(config.describe(loaded), ensure_ascii=False)


@given(secret=SECRET, other=st.one_of(SECRET, st.just("x")))
@example(secret=f"a@{MARK}/d?x", other="x")
@example(secret=f"{MARK}/d?x", other="x")
@example(secret=f"1/{MARK}", other="x")
@example(secret=f"'{MARK}\n{MARK}=", other="x")
@settings(max_examples=150, deadline=None)
def test_no_secret_is_ever_shown(
    secret: str, other: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for environ in secret_environments(secret, other):
        for shown in outputs(environ, None):
            assert MARK not in shown
    file = tmp_path_factory.getbasetemp() / "secrets.env"
    for line in (f"SECRET_KEY={secret}", f"SECRET_KEY {secret}", f"SECRET_KEY{secret}", secret):
        file.write_bytes(f"{line}\n".encode(errors="surrogatepass"))
        for shown in outputs({}, file):
            assert MARK not in shown


# --- flask config ---


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of its own to run in, and a process environment that sets nothing."""
    monkeypatch.chdir(tmp_path)
    for name in (*config.SETTINGS, "FLASK_DEBUG", "FLASK_RUN_FROM_CLI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_config_show_prints_a_table_with_sources(here: Path) -> None:
    (here / ".env").write_text("SECRET_KEY=hunter2\nCORS_ORIGINS=none\n")
    result = CliRunner().invoke(config_cli, ["show"], env={"CACHE_ENABLED": "no"})
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert list(rows) == ["SETTING", *config.SETTINGS]
    assert rows["SECRET_KEY"] == [REDACTED, ".env"]
    assert rows["CORS_ORIGINS"] == ["none", ".env"]
    assert rows["CACHE_ENABLED"] == ["false", "environment"]
    assert rows["PORT"] == ["5000", "default"]
    assert "hunter2" not in result.output


def test_config_show_prints_json_for_other_programs(here: Path) -> None:
    result = CliRunner().invoke(config_cli, ["show", "--format", "json"], env={"PORT": "80"})
    assert result.exit_code == 0
    assert json.loads(result.stdout) == config.describe(load(PORT="80"))


@pytest.mark.usefixtures("here")
def test_config_show_names_the_faults_when_there_are_some() -> None:
    result = CliRunner().invoke(config_cli, ["show"], env={"PORT": "x", "THREADS": "x"})
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "PORT='x'" in result.stderr
    assert "THREADS='x'" in result.stderr


@pytest.mark.usefixtures("here")
def test_config_check_says_ok_or_every_fault() -> None:
    assert CliRunner().invoke(config_cli, ["check"]).stdout == "ok\n"
    result = CliRunner().invoke(config_cli, ["check"], env={"PORT": "x", "APP_ENV": "production"})
    assert result.exit_code == 1
    assert [line.split("=")[0].split()[0] for line in result.stdout.splitlines()[1:]] == [
        "PORT",
        "SECRET_KEY",
        "TRUSTED_HOSTS",
    ]


def flask(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    root = Path(config.__file__).parent
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(root / "wsgi.py"), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_flask_config_check_works_though_the_application_cannot_start(tmp_path: Path) -> None:
    result = flask("config", "check", cwd=tmp_path, APP_ENV="production", PORT="http")
    assert result.returncode == 1
    said = result.stdout + result.stderr
    assert "PORT='http' is not a whole number" in said
    assert "SECRET_KEY is not set" in said
    assert "Traceback" not in said


def test_flask_config_check_says_ok_when_the_application_can_start(tmp_path: Path) -> None:
    result = flask("config", "check", cwd=tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/bank.db")
    assert (result.returncode, result.stdout) == (0, "ok\n"), result.stderr


def test_flask_config_show_tells_dotenv_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"PORT=6000\nDATABASE_URL=sqlite:///{tmp_path}/bank.db\n")
    result = flask("config", "show", "--format", "json", cwd=tmp_path, HOST="localhost")
    assert result.returncode == 0, result.stderr
    sources: dict[str, Any] = {item["name"]: item["source"] for item in json.loads(result.stdout)}
    assert (sources["PORT"], sources["HOST"], sources["THREADS"]) == (
        ".env",
        "environment",
        "default",
    )


def test_the_application_refuses_to_start_with_every_fault_and_no_traceback(tmp_path: Path) -> None:
    result = flask("routes", cwd=tmp_path, APP_ENV="production", PORT="http")
    assert result.returncode == 1
    assert "PORT='http' is not a whole number" in result.stderr
    assert "SECRET_KEY is not set" in result.stderr
    assert "Traceback" not in result.stderr
