"""Every setting of the application: typed, validated at start, from one environment variable each.

Technique (questions 60, 76 and 100): a frozen dataclass per environment. `Settings` declares every
setting once, with its type, its parser and one line of help; `Development`, `Testing` and
`Production` add nothing but the defaults in which they differ. `load` reads environment variables
over ``.env`` over those defaults, and either returns settings that are all valid or raises one
`ConfigurationError` that names every fault at once.

Rules for every value:

- White space around a value is not part of it, and an empty value counts as not set: it is what
  Compose files and CI pass for a variable that nobody filled in.
- Where "nothing" is a meaning of its own (a list, ``REDIS_URL``, ``MOUNT_ALIAS``) the word ``none``
  says it.
- Whatever is secret is never shown: not in a fault, not in `describe`, not in ``repr(settings)``.

Source: The Twelve-Factor App, III. Config, https://12factor.net/config and Flask, Configuration
Handling, https://flask.palletsprojects.com/en/stable/config/
"""

from __future__ import annotations

import dataclasses
import difflib
import io
import ipaddress
import os
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeAlias,
    TypedDict,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import quote, urlsplit

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Variable, parse_variables
from email_validator import EmailNotValidError, validate_email
from limits import parse as parse_rate
from marshmallow import ValidationError, fields, validate
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent
"""The project's folder, from which relative paths count whatever the working directory is."""

REDACTED = "…redacted…"
DEVELOPMENT_KEY = "the-development-key-is-printed-in-the-source-code"
TESTING_KEY = "the-testing-key-is-printed-in-the-source-code-too"
MINIMUM_KEY_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key is at least as long as the hash, 256 bits."""

MAXIMUM_LENGTH = 4096
"""Characters in one value: a bound, like the next, on the work that parsing can cost."""
MAXIMUM_ITEMS = 100
"""Items in one list."""

Environment: TypeAlias = Literal["development", "testing", "production"]
Source: TypeAlias = Literal["environment", ".env", "default", "code"]
Shown: TypeAlias = str | int | float | bool | list[str] | None


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the configuration; no value of a secret is ever in it."""

    setting: str
    """The setting, or ``.env`` when the file itself is at fault."""
    detail: str
    """A sentence: what is wrong, and what is allowed."""
    source: Source
    """Where the value came from; ``default`` when there is none."""

    def __str__(self) -> str:
        if self.source == "default" or self.setting == ".env":
            return self.detail
        where = ".env" if self.source == ".env" else "the environment"
        return f"{self.detail} (from {where})"


class ConfigurationError(Exception):
    """The configuration has faults: all of them, one to a line, in the message and in `faults`."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        return "\n".join([f"The configuration has {count}:", *map(str, self.faults)])


# --- Parsers -------------------------------------------------------------------------------------
# Each returns a marshmallow field. A message continues the sentence that begins with the setting
# ("PORT='http' is not …"), and `allowed` ends it.


@dataclass(frozen=True)
class Setting:
    """What there is to know about a setting besides its value."""

    parser: fields.Field[Any]
    help: str
    secret: bool = False
    hint: str = ""

    @property
    def type(self) -> str:
        """Name of the type: boolean, choice, integer, list, number, path, string or url."""
        return str(self.parser.metadata["type"])

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        return str(self.parser.metadata["allowed"])

    def read(self, text: str) -> Any:
        """Return the value that `text` stands for.

        :raises ValidationError: with the reason, or for a list with the reasons by index.
        """
        if len(text) > MAXIMUM_LENGTH:
            raise ValidationError(f"is longer than {MAXIMUM_LENGTH} characters")
        if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            # Bytes that are not UTF-8 reach os.environ as lone surrogates (PEP 383).
            raise ValidationError("is not UTF-8 text")
        if control := re.search(r"[\x00-\x1f\x7f-\x9f]", text):
            raise ValidationError(f"contains the control character U+{ord(control[0]):04X}")
        return self.parser.deserialize(text)


def _about(kind: str, allowed: str) -> dict[str, str]:
    return {"type": kind, "allowed": allowed}


def _whole_number(minimum: int, maximum: int) -> fields.Integer:
    def digits(text: str) -> str:
        # int() alone would also take 1_000 and ٣.
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise ValidationError("is not a whole number")
        return text

    return fields.Integer(
        pre_load=digits,
        validate=validate.Range(minimum, maximum, error="is out of range"),
        metadata=_about("integer", f"a whole number from {minimum} to {maximum}"),
    )


def _number(minimum: float, maximum: float) -> fields.Float:
    def decimal(text: str) -> str:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?", text):
            raise ValidationError("is not a number")
        return text

    return fields.Float(
        pre_load=decimal,
        validate=validate.Range(minimum, maximum, error="is out of range"),
        metadata=_about("number", f"a number from {minimum:g} to {maximum:g}"),
    )


def _switch() -> fields.Boolean:
    return fields.Boolean(
        pre_load=str.lower,
        truthy={"true", "yes", "on", "1"},
        falsy={"false", "no", "off", "0"},
        error_messages={"invalid": "is neither true nor false"},
        metadata=_about("boolean", "true or false (or yes/no, on/off, 1/0)"),
    )


def _choice(*names: str) -> fields.String:
    return fields.String(
        pre_load=str.upper if names[0].isupper() else str.lower,
        validate=validate.OneOf(names, error="is unknown"),
        metadata=_about("choice", ", ".join(names[:-1]) + f" or {names[-1]}"),
    )


def _text(
    parse: Callable[[str], str | None], allowed: str, kind: str = "string"
) -> fields.Field[Any]:
    """Return a field for text that `parse` checks and normalises, or refuses with its reason."""
    return fields.String(post_load=parse, metadata=_about(kind, allowed))


def _list(inner: fields.Field[Any], *, nothing: str = "or none") -> fields.Field[Any]:
    """Return a field for a comma-separated list, read as a tuple without repetitions."""

    def split(text: str) -> list[str]:
        if text.lower() == "none":
            return []
        items = [item.strip() for item in text.split(",")]
        if "" in items:
            raise ValidationError("has an empty item")
        if len(items) > MAXIMUM_ITEMS:
            raise ValidationError(f"has more than {MAXIMUM_ITEMS} items")
        return items

    allowed = f"a comma-separated list, {nothing}; each item: {inner.metadata['allowed']}"
    return fields.List(
        inner,
        pre_load=split,
        post_load=lambda items: tuple(dict.fromkeys(items)),
        metadata=_about("list", allowed),
    )


def _or_none(nothing: str | None, parse: Callable[[str], str]) -> Callable[[str], str | None]:
    return lambda text: nothing if text.lower() == "none" else parse(text)


_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _host_name(text: str) -> str:
    """Return a host name or IPv4 address in lower case, an international name in its IDNA form.

    Names are compared with what clients send, and browsers send this form.
    Source: RFC 1123 section 2.1 and RFC 5891, https://www.rfc-editor.org/rfc/rfc5891
    """
    try:
        name = text.lower().encode("idna").decode("ascii") if len(text) <= 253 else ""
    except UnicodeError:
        name = ""
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValidationError("is not a host name")
    if re.fullmatch(r"[0-9.]+", name):
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            raise ValidationError("is neither a host name nor an IPv4 address") from None
    return name


def _address(text: str) -> str:
    """Return what can be resolved or bound: an IP address or a host name.

    The underscore is no part of a host name, but Compose gives services such names.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        _host_name(text.replace("_", "-").removesuffix("."))
        return text


def _trusted_host(text: str) -> str:
    """Return a name for ``TRUSTED_HOSTS``, by the rules that Werkzeug compares hosts with.

    It cuts a name at the first colon and matches a leading dot as a suffix.
    Source: `werkzeug.sansio.utils.host_is_trusted`,
    https://werkzeug.palletsprojects.com/en/stable/wsgi/
    """
    if "*" in text:
        raise ValidationError("has a wildcard: a leading dot means every subdomain")
    if ":" in text:
        raise ValidationError("has a colon: hosts are compared without port, IPv6 never matches")
    return "." + _host_name(text[1:]) if text.startswith(".") else _host_name(text)


def _origin(text: str) -> str:
    """Return a web origin as browsers write it: in lower case, without the scheme's own port.

    Source: RFC 6454 section 6.2, https://www.rfc-editor.org/rfc/rfc6454#section-6.2, and why a
    wildcard cannot be: https://fetch.spec.whatwg.org/#cors-protocol-and-credentials
    """
    if "*" in text:
        raise ValidationError(
            "is refused: credentials are allowed, so any site could act for its visitors"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValidationError("is not an origin") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError("is not an origin")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or text[-1] in "?#:":
        raise ValidationError("is not just scheme, host and port")
    if port == 0:
        raise ValidationError("has a port out of range")
    own = {"http": 80, "https": 443}[parts.scheme]
    # An IPv6 address fails here: its brackets would make Flask-CORS take it for a pattern.
    origin = f"{parts.scheme}://{_host_name(parts.hostname)}"
    return origin if port in (None, own) else f"{origin}:{port}"


def _mount_path(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9_~-]+)+", text):
        raise ValidationError("is not such a path")
    if text.split("/")[1] == "api":
        raise ValidationError("would hide the API's own addresses")
    return text


def _rate_limit(text: str) -> str:
    """Return a rate limit in the notation of the library that will apply it.

    Source: limits, https://limits.readthedocs.io/en/stable/quickstart.html#rate-limit-string-notation
    """
    text = " ".join(text.split())
    try:
        # One at a time: the expression behind parse_many takes exponential time over a long list
        # that is wrong at its end, and `check` reads what strangers send.
        parsed = [parse_rate(part) for part in re.split("[,;|]", text)]
    except ValueError:
        parsed = []
    # The library reads "per 0 minutes" as "per minute".
    if not parsed or re.search(r"(/|per) ?0+ ?[a-z]", text, re.IGNORECASE):
        raise ValidationError("is not a rate limit")
    for limit in parsed:
        if not 1 <= limit.amount <= 1_000_000_000 or limit.get_expiry() > 366 * 86_400:
            raise ValidationError("is out of range")
    return text


_DATABASE = (
    "sqlite:///path/to/file or postgresql://user:password@host:5432/database, "
    "with @ : / in user and password percent-encoded"
)


def _database_url(text: str) -> str:
    """Return the URL with the driver that this application uses and an absolute SQLite path.

    Source: https://docs.sqlalchemy.org/en/21/core/engines.html#database-urls
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValidationError("is not a database URL") from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        url = _sqlite(url)
    elif url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        # The one @ ends the password. Another would have cut it in two, and the rest of it would
        # be shown as the host or the database.
        if text.count("@") > (url.username is not None):
            raise ValidationError("has an @ that is not percent-encoded")
        url = _postgresql(url)
    else:
        raise ValidationError("names another database or driver than sqlite and postgresql")
    return url.render_as_string(hide_password=False)


def _sqlite(url: URL) -> URL:
    if url.host or url.username:
        raise ValidationError("names a host; a SQLite URL has three slashes before the path")
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:") or {"mode", "uri"} & set(url.query):
        raise ValidationError("names no file; every process needs to open the same one")
    return url.set(drivername="sqlite", database=os.path.normpath(ROOT / path))


def _postgresql(url: URL) -> URL:
    if url.host is None and "host" not in url.query:
        raise ValidationError("names no host")
    if url.host is not None:
        try:
            _address(url.host)
        except ValidationError:
            raise ValidationError("has a host that is neither a name nor an address") from None
    if url.port is not None and not 1 <= url.port <= 65535:
        raise ValidationError("has a port out of range")
    if not url.database:
        raise ValidationError("names no database")
    return url.set(drivername="postgresql+psycopg")


def _folder(text: str) -> str:
    """Return the absolute path of a folder that holds none of the files which are served."""
    path = Path(os.path.normpath(ROOT / text))
    if path.is_file():
        raise ValidationError("is a file")
    if path == ROOT or path.is_relative_to(ROOT / "api") or path == Path(path.anchor):
        raise ValidationError("is a folder of the code or of the whole system")
    return str(path)


def _redis_url(text: str) -> str:
    """Return the URL, if redis-py will take it.

    Source: https://redis.readthedocs.io/en/stable/connections.html
    """
    # The last @ ends the password. A / or ? before it cuts the password in two, and its first part
    # would be shown as the host.
    if "#" in text or re.search(r"://[^/?]*[/?].*@", text):
        raise ValidationError("has an @ / ? or # that is not percent-encoded")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("is not a Redis URL") from None
    if parts.scheme == "unix":
        if host or not re.fullmatch(r"/.+", parts.path):
            raise ValidationError("is not the absolute path of a socket")
    elif parts.scheme in ("redis", "rediss"):
        try:
            _address(host or "")
        except ValidationError:
            raise ValidationError("has a host that is neither a name nor an address") from None
        if port == 0 or not re.fullmatch(r"/?|/[0-9]{1,5}", parts.path):
            raise ValidationError("has a port or a database number that cannot be")
    else:
        raise ValidationError("has another scheme than redis, rediss and unix")
    # Imported here: without REDIS_URL no process has a use for the client.
    from redis import ConnectionPool

    try:
        ConnectionPool.from_url(text)  # Connects to nothing yet.
    except ValueError:
        raise ValidationError("has an option that the Redis client refuses") from None
    return text


def _mail_url(text: str) -> str:
    """Return the URL of a mail server, if it can be one.

    `smtp` begins in the clear and goes on by STARTTLS where a name is given (RFC 3207); `smtps` is
    TLS from the first byte (RFC 8314).
    """
    if text.count("@") > 1 or "#" in text or re.search(r"://[^/?]*[/?].*@", text):
        raise ValidationError("has an @ / ? or # that is not percent-encoded")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("is not a URL") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise ValidationError("has another scheme than smtp and smtps")
    if port == 0 or parts.path not in ("", "/") or parts.query:
        raise ValidationError("has a port that cannot be, a path or options")
    if bool(parts.username) != bool(parts.password):
        raise ValidationError("has a user without a password, or the other way round")
    try:
        _address(host or "")
    except ValidationError:
        raise ValidationError("has a host that is neither a name nor an address") from None
    return text


def _mailbox(text: str) -> str:
    """Return an address to send from, with or without a name before it (RFC 5322, section 3.4)."""
    parts = re.fullmatch(r'(?:([^<>@,;"\\]*[^<>@,;"\\ ]) *<([^<>]+)>|([^<>]+))', text)
    address = (parts[2] or parts[3]) if parts else ""
    if not re.fullmatch(r"[A-Za-z0-9._+-]+@localhost", address):
        try:
            found = validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            raise ValidationError("is not an e-mail address") from None
        address = found.ascii_email or found.normalized
    return f"{parts[1]} <{address}>" if parts and parts[1] else address


_KEY_HINT = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
_RATE = (
    "a limit such as 600 per minute or 10/second, several separated by ; "
    "(1 or more, in a year or less)"
)


_FOLDER = _text(
    _folder, "a folder outside the code (a relative path counts from the project)", "path"
)


def _in_instance(name: str) -> str:
    return str(ROOT / "instance" / name)


def _sqlite_default(name: str) -> str:
    path = _in_instance(name)
    return URL.create("sqlite", database=path).render_as_string(hide_password=False)


# --- The settings --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Every setting, with the defaults that all environments share.

    An instance is what ``app.config.from_object`` takes: its upper-case attributes, the derived
    ones included. Make one with `load`; the constructors take values as they are, unchecked.
    """

    # Debug mode is Flask's own switch, `flask --debug`. A default would only hide it.
    TESTING: ClassVar[bool] = False
    SESSION_COOKIE_SAMESITE: ClassVar[str] = "Lax"

    APP_ENV: Annotated[
        Environment,
        Setting(_choice(*get_args(Environment)), "Which of the three sets of defaults holds."),
    ] = field(init=False)
    HOST: Annotated[
        str, Setting(_text(_address, "a host name or an IP address"), "Address to listen on.")
    ] = "127.0.0.1"
    PORT: Annotated[int, Setting(_whole_number(1, 65535), "TCP port to listen on.")] = 5000
    WORKERS: Annotated[int, Setting(_whole_number(1, 64), "Processes that serve requests.")] = 1
    THREADS: Annotated[
        int, Setting(_whole_number(1, 256), "Threads in each process that serve requests.")
    ] = 4
    REALTIME_HOST: Annotated[
        str,
        Setting(
            _text(_address, "a host name or an IP address"),
            "Address on which the real-time process listens.",
        ),
    ] = "127.0.0.1"
    REALTIME_PORT: Annotated[
        int, Setting(_whole_number(1, 65535), "TCP port on which the real-time process listens.")
    ] = 5001
    REALTIME_URL: Annotated[
        str | None,
        Setting(
            _text(
                _or_none(None, _origin),
                "scheme://host or scheme://host:port, http or https, no path, or none",
                "url",
            ),
            "Where clients reach the real-time process; none: REALTIME_PORT of the host they asked.",
        ),
    ] = None
    REALTIME_CONNECTIONS: Annotated[
        int,
        Setting(_whole_number(1, 4096), "Sockets that the real-time process holds, a thread each."),
    ] = 200
    REALTIME_CONNECTIONS_PER_ADDRESS: Annotated[
        int, Setting(_whole_number(1, 4096), "Sockets that one address may hold at once.")
    ] = 20
    EVENTS_KEPT_DAYS: Annotated[
        int, Setting(_whole_number(1, 365), "Days after which events are trimmed from the outbox.")
    ] = 7
    SECRET_KEY: Annotated[
        str,
        Setting(
            _text(str, f"text, in production of {MINIMUM_KEY_BYTES} bytes or more"),
            "Key that signs sessions and tokens.",
            secret=True,
            hint=_KEY_HINT,
        ),
    ]
    SECRET_KEY_FALLBACKS: Annotated[
        tuple[str, ...],
        Setting(
            _list(_text(str, f"text, in production of {MINIMUM_KEY_BYTES} bytes or more")),
            "Former keys that still verify what they signed; for changing SECRET_KEY.",
            secret=True,
            hint=_KEY_HINT,
        ),
    ] = ()
    DATABASE_URL: Annotated[
        str,
        Setting(
            _text(_database_url, _DATABASE, "url"),
            "SQLite file (a relative path counts from the project's folder) or PostgreSQL.",
            secret=True,
        ),
    ] = _sqlite_default("bank.sqlite3")
    DATABASE_AUTO_UPGRADE: Annotated[
        bool, Setting(_switch(), "Whether a start migrates the database to the newest revision.")
    ] = True
    REDIS_URL: Annotated[
        str | None,
        Setting(
            _text(
                _or_none(None, _redis_url),
                "redis://user:password@host:6379/0, rediss://… or unix:///path, or none",
                "url",
            ),
            "Redis for what processes share; without it each process keeps its own.",
            secret=True,
        ),
    ] = None
    CACHE_ENABLED: Annotated[bool, Setting(_switch(), "Whether reads are cached.")] = True
    CACHE_TIMEOUT: Annotated[
        int, Setting(_whole_number(1, 86_400), "Seconds after which a cached read expires.")
    ] = 300
    CACHE_THRESHOLD: Annotated[
        int, Setting(_whole_number(1, 1_000_000), "Entries that the cache in a process may hold.")
    ] = 1000
    RESPONSE_CACHE_BYTES: Annotated[
        int,
        Setting(
            _whole_number(0, 1024**3),
            "Bytes that whole answers may take which a process keeps in front of Flask; 0: none.",
        ),
    ] = 32 * 1024**2
    RATELIMIT_ENABLED: Annotated[bool, Setting(_switch(), "Whether rate limits apply.")] = True
    RATELIMIT_READS: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Reads that one client may make.")
    ] = "600 per minute"
    RATELIMIT_SEARCH: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Full-text searches that one client may make.")
    ] = "120 per minute"
    RATELIMIT_REHEARSALS: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Rehearsals that one client may run.")
    ] = "10 per minute"
    RATELIMIT_WRITES: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Writes that one client may make.")
    ] = "60 per minute"
    RATELIMIT_UPLOADS: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Uploads that one client may make.")
    ] = "30 per minute"
    RATELIMIT_PREVIEWS: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Previews of a text that one client may ask for.")
    ] = "120 per minute"
    RATELIMIT_SIGN_INS: Annotated[
        str, Setting(_text(_rate_limit, _RATE), "Sign-ins and registrations from one address.")
    ] = "60 per minute"
    RATELIMIT_GUESSES: Annotated[
        str,
        Setting(
            _text(_rate_limit, _RATE),
            "Wrong passwords for one account: from all strangers together, from each known device.",
        ),
    ] = "10 per 15 minutes"
    RATELIMIT_MAILS: Annotated[
        str,
        Setting(
            _text(_rate_limit, _RATE),
            "Mails of one kind to one address, and changes of address by one account.",
        ),
    ] = "10 per hour"
    BCRYPT_LOG_ROUNDS: Annotated[
        int, Setting(_whole_number(4, 18), "Work factor of password hashes; each step doubles it.")
    ] = 12
    ACCESS_TOKEN_SECONDS: Annotated[
        int, Setting(_whole_number(10, 86_400), "Seconds for which an access token is good.")
    ] = 900
    REFRESH_TOKEN_DAYS: Annotated[
        int, Setting(_whole_number(1, 365), "Days for which a device stays signed in unused.")
    ] = 30
    SESSION_STORAGE: Annotated[
        Literal["server", "cookie"],
        Setting(
            _choice("server", "cookie"),
            "Where the site keeps sessions: on the server (Redis, or else files), or signed in the "
            "cookie, where none can be revoked.",
        ),
    ] = "server"
    SESSION_FOLDER: Annotated[
        str,
        Setting(
            _FOLDER,
            "Folder of the sessions that are kept in files, which is so without Redis.",
            secret=True,  # a folder of this machine is nobody else's business
        ),
    ] = _in_instance("sessions")
    PRACTICE_SECONDS: Annotated[
        int,
        Setting(
            _whole_number(10, 2_592_000),
            "Seconds after its last change for which a practice round is kept.",
        ),
    ] = 86_400
    IDEMPOTENCY_HOURS: Annotated[
        int, Setting(_whole_number(1, 720), "Hours for which an answer is kept under its key.")
    ] = 24
    IDEMPOTENCY_KEY_REQUIRED: Annotated[
        bool, Setting(_switch(), "Whether a POST that creates must carry an Idempotency-Key.")
    ] = False
    FRESH_SECONDS: Annotated[
        int,
        Setting(
            _whole_number(10, 86_400), "Seconds for which a session counts as one just signed in."
        ),
    ] = 900
    TOTP_KEYS: Annotated[
        tuple[str, ...],
        Setting(
            _list(
                _text(str, f"text, in production of {MINIMUM_KEY_BYTES} bytes or more"),
                nothing="or none to derive them from SECRET_KEY",
            ),
            "Keys that encrypt the secrets of second factors: the first encrypts, all decrypt.",
            secret=True,
            hint=_KEY_HINT,
        ),
    ] = ()
    MAIL_URL: Annotated[
        str | None,
        Setting(
            _text(
                _or_none(None, _mail_url),
                "smtp://user:password@host:587, smtps://… or none",
                "url",
            ),
            "Mail server; without it mail is written to the folder MAIL_OUTBOX.",
            secret=True,
        ),
    ] = None
    MAIL_OUTBOX: Annotated[
        str,
        Setting(
            _FOLDER,
            "Where mail is kept that is not sent.",
            secret=True,
        ),
    ] = _in_instance("outbox")
    MAIL_SENDER: Annotated[
        str,
        Setting(
            _text(_mailbox, "an address such as Question bank <no-reply@bank.example.org>"),
            "Sender of mail.",
        ),
    ] = "Question bank <no-reply@localhost>"
    CORS_ORIGINS: Annotated[
        tuple[str, ...],
        Setting(
            _list(_text(_origin, "scheme://host or scheme://host:port, http or https, no path")),
            "Web origins whose pages may call the API with credentials.",
        ),
    ] = ()
    TRUSTED_PROXIES: Annotated[
        int,
        Setting(_whole_number(0, 10), "Reverse proxies in front whose X-Forwarded headers count."),
    ] = 0
    MOUNT_ALIAS: Annotated[
        str,
        Setting(
            _text(
                _or_none("", _mount_path),
                "a path such as /mounted (letters, digits, _ ~ -; no / at the end), or none",
            ),
            "Path under which the whole application is served a second time.",
        ),
    ] = ""
    MAX_CONTENT_LENGTH: Annotated[
        int, Setting(_whole_number(1, 1024**3), "Bytes that a request's body may have.")
    ] = 1024**2
    ATTACHMENT_BYTES: Annotated[
        int,
        Setting(
            _whole_number(1, 1024**3),
            "Bytes that the body of an upload may have, framing included.",
        ),
    ] = 5 * 1024**2
    ATTACHMENT_PIXELS: Annotated[
        int,
        Setting(
            _whole_number(1, 80_000_000),
            "Pixels that an uploaded picture may have, its frames together.",
        ),
    ] = 16_000_000
    ATTACHMENTS_QUOTA: Annotated[
        int, Setting(_whole_number(0, 1024**4), "Bytes that one user's attachments may take.")
    ] = 50 * 1024**2
    ATTACHMENTS_FOLDER: Annotated[
        str,
        Setting(_FOLDER, "Folder in which attachments are kept; all nodes share it.", secret=True),
    ] = _in_instance("attachments")
    IMPORT_MAX_BYTES: Annotated[
        int, Setting(_whole_number(1, 1024**3), "Bytes that a file to be imported may have.")
    ] = 32 * 1024**2
    ASSETS_FOLDER: Annotated[
        str,
        Setting(
            _FOLDER, "Folder in which the site's style sheets and scripts are built.", secret=True
        ),
    ] = _in_instance("assets")
    JOBS_FOLDER: Annotated[
        str,
        Setting(
            _FOLDER,
            "Folder for the files of jobs, and for their messages where there is no Redis.",
            secret=True,
        ),
    ] = _in_instance("jobs")
    JOB_WORKERS: Annotated[int, Setting(_whole_number(1, 64), "Processes that do jobs.")] = 2
    JOB_LEASE_SECONDS: Annotated[
        float,
        Setting(
            _number(0.5, 3600), "Seconds after which a job of a worker that died is taken over."
        ),
    ] = 30.0
    JOB_SWEEP_SECONDS: Annotated[
        float,
        Setting(_number(0.1, 3600), "Seconds between two looks for jobs that nobody is doing."),
    ] = 5.0
    JOB_RETENTION_DAYS: Annotated[
        int, Setting(_whole_number(1, 365), "Days for which a job that ended is kept.")
    ] = 7
    LOG_LEVEL: Annotated[
        str,
        Setting(
            _choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
            "Least severity of what is logged.",
        ),
    ] = "INFO"
    LOG_FORMAT: Annotated[
        str, Setting(_choice("text", "json"), "Form of a log line: for people or for machines.")
    ] = "text"
    PREFERRED_URL_SCHEME: Annotated[
        str,
        Setting(
            _choice("http", "https"),
            "Scheme of links made outside a request; https also makes cookies Secure.",
        ),
    ] = "http"
    TRUSTED_HOSTS: Annotated[
        tuple[str, ...],
        Setting(
            _list(
                _text(_trusted_host, "bank.example.org, or .example.org with its subdomains too"),
                nothing="or, except in production, none",
            ),
            "Host names that requests may be addressed to; none checks nothing.",
        ),
    ]
    READINESS_TIMEOUT: Annotated[
        float, Setting(_number(0.05, 30), "Seconds that each readiness check may take.")
    ] = 1.0

    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)
    """Where `load` found each value that is not a default. Lower case: not for ``app.config``."""

    @property
    def SQLALCHEMY_DATABASE_URI(self) -> str:  # noqa: N802 - names of keys are upper case
        """`DATABASE_URL`, under the key that Flask-SQLAlchemy reads."""
        return self.DATABASE_URL

    @property
    def SESSION_COOKIE_SECURE(self) -> bool:  # noqa: N802 - names of keys are upper case
        """Whether browsers return cookies over HTTPS alone."""
        return self.PREFERRED_URL_SCHEME == "https"

    def __repr__(self) -> str:
        shown = ", ".join(f"{item['name']}={item['value']!r}" for item in describe(self))
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Development(Settings):
    """Runs from a fresh clone with nothing set."""

    APP_ENV: Environment = field(init=False, default="development")
    SECRET_KEY: str = DEVELOPMENT_KEY
    TRUSTED_HOSTS: tuple[str, ...] = ()
    CORS_ORIGINS: tuple[str, ...] = ("http://localhost:5173", "http://127.0.0.1:5173")
    MOUNT_ALIAS: str = "/mounted"


@dataclass(frozen=True, kw_only=True, repr=False)
class Testing(Development):
    """As development, on a database file of its own, so that no test meets real rows."""

    TESTING: ClassVar[bool] = True

    APP_ENV: Environment = field(init=False, default="testing")
    SECRET_KEY: str = TESTING_KEY
    DATABASE_URL: str = _sqlite_default("testing.sqlite3")
    ATTACHMENTS_FOLDER: str = _in_instance("testing-attachments")
    ASSETS_FOLDER: str = _in_instance("testing-assets")
    JOBS_FOLDER: str = _in_instance("testing-jobs")
    SESSION_FOLDER: str = _in_instance("testing-sessions")
    BCRYPT_LOG_ROUNDS: int = 4


@dataclass(frozen=True, kw_only=True, repr=False)
class Production(Settings):
    """Refuses to start on anything that is only safe on the developer's own machine."""

    APP_ENV: Environment = field(init=False, default="production")
    DATABASE_AUTO_UPGRADE: bool = False
    LOG_FORMAT: str = "json"
    PREFERRED_URL_SCHEME: str = "https"

    @staticmethod
    def refusals(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield (setting, reason) for each of these values that is well-formed and yet unsafe."""
        if "SECRET_KEY" in values and (reason := _weakness(values["SECRET_KEY"])):
            yield "SECRET_KEY", f"SECRET_KEY {reason}"
        # A former key verifies as well as the present one: a guessable one forges sessions too.
        for index, key in enumerate(values.get("SECRET_KEY_FALLBACKS", ()), start=1):
            if reason := _weakness(key):
                yield "SECRET_KEY_FALLBACKS", f"SECRET_KEY_FALLBACKS item {index} {reason}"
        for index, key in enumerate(values.get("TOTP_KEYS", ()), start=1):
            if reason := _weakness(key):
                yield "TOTP_KEYS", f"TOTP_KEYS item {index} {reason}"
        if values.get("TRUSTED_HOSTS") == ():
            yield "TRUSTED_HOSTS", "TRUSTED_HOSTS is none: any Host header would be believed"


def _weakness(key: str) -> str | None:
    if key in (DEVELOPMENT_KEY, TESTING_KEY):
        return "is a well-known key, printed in the source code"
    size = len(key.encode())
    return f"is {size} bytes long, under {MINIMUM_KEY_BYTES}" if size < MINIMUM_KEY_BYTES else None


ENVIRONMENTS: Mapping[str, type[Settings]] = {
    "development": Development,
    "testing": Testing,
    "production": Production,
}

SETTINGS: Mapping[str, Setting] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Settings, include_extras=True).items()
    if get_origin(hint) is Annotated
}
"""What is known of each setting, by name, in the order of the class."""


# --- Reading -------------------------------------------------------------------------------------


class _Given(NamedTuple):
    text: str
    source: Source


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Return the settings of the environment that ``APP_ENV`` names.

    :param environ: variables to read, by default those of the process. Never changed.
    :param dotenv: file with ``NAME=value`` lines that count where `environ` says nothing; it may be
        missing. ``None`` reads no file.
    :raises ConfigurationError: naming every fault of every setting.
    """
    environ = os.environ if environ is None else environ
    filed, faults = _read_dotenv(dotenv, environ) if dotenv is not None else ({}, [])
    given: dict[str, _Given] = {}
    for name in SETTINGS:
        if text := environ.get(name, "").strip():
            given[name] = _Given(text, _source_of(name, text, environ, filed))
        elif text := filed.get(name, "").strip():
            given[name] = _Given(text, ".env")
    chosen, values, found = _validate(given, environ)
    if faults or found or chosen is None:
        raise ConfigurationError(faults + found)
    del values["APP_ENV"]
    return chosen(**values, sources={name: item.source for name, item in given.items()})


def check(environ: Mapping[str, str]) -> list[Fault]:
    """Return every fault that production would find in these settings, and in nothing else.

    :param environ: settings by name. Other names are faults: this is no process's environment,
        where most variables are somebody else's.
    """
    faults = []
    for name in sorted(environ.keys() - SETTINGS.keys() - {"FLASK_DEBUG"}):
        near = _near_miss(name)
        question = f"; did you mean {near}?" if near else ""
        faults.append(Fault(name, f"{_quoted(name)} is no setting{question}", "environment"))
    given = {
        name: _Given(text, "environment")
        for name in SETTINGS
        if (text := environ.get(name, "").strip())
    }
    asked = given.get("APP_ENV", _Given("production", "default"))
    if asked.text.lower() != "production":
        detail = f"APP_ENV={_quoted(asked.text)} is not what is checked here; allowed: production"
        faults.append(Fault("APP_ENV", detail, asked.source))
    given["APP_ENV"] = _Given("production", "default")
    return faults + _validate(given, environ)[2]


def _validate(
    given: Mapping[str, _Given], environ: Mapping[str, str]
) -> tuple[type[Settings] | None, dict[str, Any], list[Fault]]:
    """Return the class that ``APP_ENV`` names, the valid values and every fault."""
    values: dict[str, Any] = {"APP_ENV": "development"}
    faults: list[Fault] = []
    for name, item in given.items():
        try:
            values[name] = SETTINGS[name].read(item.text)
        except ValidationError as error:
            faults += _faults(name, item, error)
    if any(fault.setting == "APP_ENV" for fault in faults):
        # Which environment is meant is unknown, and with it what is required.
        return None, values, faults
    chosen = ENVIRONMENTS[values["APP_ENV"]]
    for needed in dataclasses.fields(chosen):
        if needed.name in SETTINGS and needed.default is MISSING and needed.name not in given:
            reason = f"{needed.name} is not set, and {values['APP_ENV']} has no default for it"
            faults.append(_fault(needed.name, reason, "default"))
    if chosen is Production:
        for name, reason in Production.refusals(values):
            faults.append(_fault(name, reason, given[name].source))
        if _is_on(environ.get("FLASK_DEBUG", "")):
            detail = "FLASK_DEBUG is on: its debugger runs code for whoever reaches it; allowed: 0"
            faults.append(Fault("FLASK_DEBUG", detail, "environment"))
    order = list(SETTINGS)
    faults.sort(key=lambda fault: order.index(fault.setting) if fault.setting in order else -1)
    return chosen, values, faults


def _is_on(flag: str) -> bool:
    """Read ``FLASK_DEBUG`` as `flask.helpers.get_debug_flag` does."""
    return bool(flag) and flag.lower() not in ("0", "false", "no")


def _fault(name: str, reason: str, source: Source, allowed: str | None = None) -> Fault:
    setting = SETTINGS[name]
    hint = f"; {setting.hint}" if setting.hint else ""
    return Fault(name, f"{reason}; allowed: {allowed or setting.allowed}{hint}", source)


def _faults(name: str, given: _Given, error: ValidationError) -> Iterator[Fault]:
    """Yield one fault for each message that marshmallow raised; a list has them by index."""
    setting = SETTINGS[name]
    if isinstance(setting.parser, fields.List) and isinstance(error.messages, dict):
        items = given.text.split(",")
        allowed = setting.parser.inner.metadata["allowed"]
        for index, reasons in error.messages.items():
            item = "" if setting.secret else f" {_quoted(items[index].strip())}"
            for reason in reasons:
                detail = f"{name} item {index + 1}{item} {reason}"
                yield _fault(name, detail, given.source, allowed)
    else:
        value = "" if setting.secret else f"={_quoted(given.text)}"
        for reason in error.messages:
            yield _fault(name, f"{name}{value} {reason}", given.source)


_shortened = reprlib.Repr()
_shortened.maxstring = 60


def _quoted(text: str) -> str:
    """Return `text` in quotes, cut to 60 characters, nothing in it able to act on a terminal."""
    return _shortened.repr(text)


def _near_miss(name: str) -> str | None:
    near = difflib.get_close_matches(name.upper(), SETTINGS, n=1, cutoff=0.85)
    return near[0] if near else None


def _source_of(
    name: str, text: str, environ: Mapping[str, str], filed: Mapping[str, str]
) -> Source:
    # The `flask` command copies .env into its environment before anything of ours runs, so there
    # the same value in both is taken to come from the file:
    # https://flask.palletsprojects.com/en/stable/cli/#environment-variables-from-dotenv
    copied = environ.get("FLASK_RUN_FROM_CLI") == "true" and filed.get(name, "").strip() == text
    return ".env" if copied else "environment"


def _read_dotenv(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, str], list[Fault]]:
    """Return the variables of a ``.env`` file and what is wrong with it; a missing one has none."""
    if path.is_dir():  # A virtual environment may have that name; Flask passes over it as well.
        return {}, []
    try:
        return _parse_dotenv(path.read_text(encoding="utf-8"), path.name, environ)
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError as error:
        return {}, [Fault(".env", f"{path.name} is not UTF-8 text (byte {error.start})", ".env")]
    except OSError as error:
        return {}, [Fault(".env", f"{path.name} cannot be read: {error.strerror}", ".env")]


def _parse_dotenv(
    text: str, file: str, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[Fault]]:
    """Return the variables that the lines of a ``.env`` file set, and what is wrong with them.

    `dotenv.dotenv_values` skips a broken line with no more than a warning in the log and expands an
    unknown ``${NAME}`` to nothing, so its parser is used here, one step below. A line is never
    quoted: what stands on a broken one may be the secret.

    Source: https://github.com/theskumar/python-dotenv#file-format
    """
    values: dict[str, str] = {}
    faults: list[Fault] = []
    bindings = list(parse_stream(io.StringIO(text)))
    # Only lines above and the environment count for ${NAME}. A name that stands further down does
    # not, though the `flask` command may already have copied it into the environment.
    named = {binding.key for binding in bindings}
    known = {name: value for name, value in environ.items() if name not in named}
    for binding in bindings:
        name, value = binding.key, binding.value
        where = f"{file} line {_line_number(binding)}"
        if binding.error:
            detail = f"{where} cannot be read; allowed: NAME=value, with quotes closed"
            faults.append(Fault(".env", detail, ".env"))
        elif name is None:
            continue
        elif value is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            detail = f"{where} does not begin with NAME=; allowed: NAME=value"
            faults.append(Fault(".env", detail, ".env"))
        else:
            atoms = list(parse_variables(value))
            if name not in SETTINGS:
                faults += _misnamed(name, where)
            elif any(
                isinstance(atom, Variable) and atom.default is None and atom.name not in known
                for atom in atoms
            ):
                detail = (
                    f"{name} refers with ${{…}} to a variable that is set neither above it nor in "
                    "the environment; allowed: ${NAME} of one that is, or ${NAME:-default}"
                )
                faults.append(Fault(name, detail, ".env"))
            values[name] = known[name] = "".join(atom.resolve(known) for atom in atoms)
    return values, faults


def _misnamed(name: str, where: str) -> Iterator[Fault]:
    """Yield a fault if a name is so close to a setting's that it was meant to be that."""
    near = None if name.startswith("FLASK_") else _near_miss(name)
    if near and SETTINGS[near].secret:
        # The name is not quoted: a forgotten "=" makes the secret a part of it.
        yield Fault(".env", f"{where} sets no setting; did you mean {near}?", ".env")
    elif near:
        yield Fault(name, f"{name} is no setting; did you mean {near}?", ".env")


def _line_number(binding: Binding) -> int:
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))


# --- Showing -------------------------------------------------------------------------------------


class Description(TypedDict):
    """A setting as `describe` shows it."""

    name: str
    value: Shown
    default: Shown
    source: Source
    type: str
    allowed: str
    help: str
    secret: bool


class Comparison(TypedDict):
    """The defaults of one setting in the three environments; ``None`` where it must be set."""

    setting: str
    development: Shown
    testing: Shown
    production: Shown


def describe(settings: Settings) -> list[Description]:
    """Return every setting with its value and where that came from, secrets redacted.

    ``source`` is ``code`` for a value that was passed to a constructor.
    """
    defaults = _defaults(type(settings))
    described: list[Description] = []
    for name, setting in SETTINGS.items():
        value, default = getattr(settings, name), defaults.get(name)
        assumed: Source = "default" if value == default else "code"
        described.append(
            {
                "name": name,
                "value": _shown(setting, value),
                "default": _shown(setting, default),
                "source": settings.sources.get(name, assumed),
                "type": setting.type,
                "allowed": setting.allowed,
                "help": setting.help,
                "secret": setting.secret,
            }
        )
    return described


def environments() -> list[Comparison]:
    """Return the settings whose defaults can be seen to differ between the environments.

    Secrets are redacted, and a row that would be nothing else is left out: the folders, for instance.
    """
    development, testing, production = (_defaults(cls) for cls in ENVIRONMENTS.values())
    rows: list[Comparison] = [
        {
            "setting": name,
            "development": _shown(setting, development.get(name)),
            "testing": _shown(setting, testing.get(name)),
            "production": _shown(setting, production.get(name)),
        }
        for name, setting in SETTINGS.items()
    ]
    return [row for row in rows if not row["development"] == row["testing"] == row["production"]]


def _defaults(cls: type[Settings]) -> dict[str, Any]:
    return {
        item.name: item.default
        for item in dataclasses.fields(cls)
        if item.name in SETTINGS and item.default is not MISSING
    }


def _shown(setting: Setting, value: Any) -> Shown:
    """Return a value as JSON can carry it and anyone may see it."""
    if isinstance(value, tuple):
        return [REDACTED if setting.secret else item for item in value]
    if setting.secret and value is not None:
        return _redacted_url(value) if setting.type == "url" else REDACTED
    shown: Shown = value
    return shown


def _redacted_url(url: str) -> str:
    """Return a URL without user, password and options, and without the folders of this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return REDACTED
    if not parts.scheme or "@" in parts.path + parts.query + parts.fragment:
        return REDACTED  # Not as `load` leaves URLs, so that any part may be one of the password.
    _, credentials, host = parts.netloc.rpartition("@")
    path = parts.path
    if parts.scheme == "sqlite":
        file = Path(make_url(url).database or "")
        inside = file.is_relative_to(ROOT)
        path = f"/{quote(str(file.relative_to(ROOT)))}" if inside else f"//{REDACTED}/{file.name}"
    return (
        f"{parts.scheme}://{REDACTED + '@' if credentials else ''}{host}{path}"
        f"{'?' + REDACTED if parts.query else ''}"
    )
