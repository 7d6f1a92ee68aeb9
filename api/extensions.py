"""The extension objects, unbound: `create_app` binds them (the application-factory pattern)."""

from flask import current_app, request
from flask_bcrypt import Bcrypt
from flask_caching import Cache
from flask_cors import CORS
from flask_jwt_extended import JWTManager
from flask_limiter import ApplicationLimit, Limiter
from flask_migrate import Migrate
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


db = SQLAlchemy(model_class=Base)
migrate = Migrate(db=db, directory="migrations", render_as_batch=True)
cache = Cache()
cors = CORS()
bcrypt = Bcrypt()
jwt = JWTManager()
principal = Principal(use_sessions=False)
limiter = Limiter(
    key_func=lambda: str(current_app.extensions["rate_limit_key"]()),
    application_limits=[
        ApplicationLimit(
            lambda: str(current_app.config["RATELIMIT_READS"]),
            scope="reads",
            exempt_when=lambda: request.method not in {"GET", "HEAD"},
        )
    ],
)


@limiter.request_filter
def _preflights_are_free() -> bool:
    """A browser sends a preflight unasked; charging the reader for it would halve the quota."""
    return request.method == "OPTIONS"
