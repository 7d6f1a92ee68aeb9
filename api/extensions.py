"""The extension objects, unbound: `create_app` binds them (the application-factory pattern)."""

from hashlib import sha256
from threading import Lock
from time import time
from typing import Any

from flask import current_app, request
from flask_bcrypt import Bcrypt
from flask_caching import Cache
from flask_cors import CORS
from flask_jwt_extended import JWTManager
from flask_limiter import ApplicationLimit, Limiter
from flask_principal import Principal
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Every constraint gets a name, so that a migration can drop it again.

    Source: https://alembic.sqlalchemy.org/en/latest/naming.html
    """

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RememberingJWTManager(JWTManager):
    """Verifies an access token once, and knows it again while it has not expired (53).

    To parse it, check its signature and judge its claims took a third of what finding out the caller
    takes. What can change before it expires, whether its device is still signed in, is asked of the
    database on every request all the same. Kept are digests, of the keys too, so that no token stands in
    memory and a change of the keys forgets all.
    """

    #: How many tokens are known at once; the one that was verified first goes first.
    MOST = 1000

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[bytes, dict[str, Any]] = {}
        self._turn = Lock()

    def _decode_jwt_from_config(
        self, encoded_token: str, csrf_value: Any = None, allow_expired: bool = False
    ) -> dict[str, Any]:
        """Return the claims of a token. Raises what PyJWT and the extension raise for one that is bad."""
        config = current_app.config
        keys = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
        digest = sha256("\0".join([encoded_token, *keys]).encode(errors="replace")).digest()
        known = self._known.get(digest)
        if known and known["exp"] > time() and csrf_value is None and not allow_expired:
            return dict(known)
        claims: dict[str, Any] = super()._decode_jwt_from_config(
            encoded_token, csrf_value, allow_expired
        )
        if claims["type"] == "access" and "exp" in claims and not allow_expired:
            with self._turn:
                self._known.pop(digest, None)
                self._known[digest] = dict(claims)
                while len(self._known) > self.MOST:
                    del self._known[next(iter(self._known))]
        return claims


class ReadsLimiter(Limiter):
    """Counts what only reads by the application's own limit, and the rest by the views' limits alone (71).

    Flask-Limiter would gather and judge every limit twice, before the view and in its decorator, though
    the application has but one, of reads.
    """

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        if not in_middleware or request.method in {"GET", "HEAD"}:
            super()._check_request_limit(callable_name, in_middleware)


db = SQLAlchemy(model_class=Base)
cache = Cache()
cors = CORS()
bcrypt = Bcrypt()
jwt = RememberingJWTManager()
principal = Principal(use_sessions=False)
limiter = ReadsLimiter(
    key_func=lambda: str(current_app.extensions["rate_limit_key"]()),
    application_limits=[
        ApplicationLimit(
            lambda: str(current_app.config["RATELIMIT_READS"]),
            scope="reads",
        )
    ],
)


@limiter.request_filter
def _preflights_are_free() -> bool:
    """A browser sends a preflight unasked; charging the reader for it would halve the quota."""
    return request.method == "OPTIONS"
