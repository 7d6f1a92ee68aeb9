"""The application factory: `create_app` reads like a table of contents."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import make_url
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from api import cli, database, demonstrations, logs, mail, restx, site, v1, v2, versions
from api.access import bearer, identity, site_sessions
from api.extensions import bcrypt, cache, db, limiter
from api.http import (
    caching,
    conditional,
    converters,
    cors,
    errors,
    front,
    hooks,
    idempotency,
    languages,
    limits,
    parsing,
    redis,
    rules,
    sessions,
)
from api.http.json import ORJSONProvider
from api.jobs import application as jobs
from api.v1 import domain_errors

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# What a web server has no use for, or only some requests have; what it shows counts all the same.
demonstrations.also_in("api.realtime.handlers", "api.http.redis_sessions")


def create_app(settings: config.Settings | None = None) -> Flask:
    """Make an application.

    :param settings: valid settings; by default those of the environment and `.env`.
    Raises config.ConfigurationError naming every faulty setting.
    """
    settings = settings or config.load()
    app = Flask(__name__, static_folder=None)
    app.json = ORJSONProvider(app)
    app.config.from_object(settings)
    app.extensions["settings"] = settings
    logs.init_app(app)

    front.init_app(app)  # first, so that it is offered what all others have finished
    hooks.init_app(app)  # then, so that it begins first and finishes last
    _bind_extensions(app, settings)
    bearer.init_app(app)
    site_sessions.init_app(app)
    sessions.init_app(app)
    identity.init_app(app)
    languages.init_app(app)
    mail.init_app(app)
    cors.init_app(app)
    rules.init_app(app)
    converters.init_app(app)
    parsing.init_app(app)
    caching.init_app(app)
    limits.init_app(app)
    conditional.init_app(app)
    errors.init_app(app)
    domain_errors.init_app(app)
    jobs.init_app(app, {"expired-idempotency-keys": idempotency.sweep})

    app.register_blueprint(v1.blueprint)
    app.register_blueprint(v2.blueprint)
    app.register_blueprint(versions.blueprint)
    restx.init_app(app)
    site.init_app(app)
    cli.init_app(app)
    _mount(app, settings)
    return app


def _bind_extensions(app: Flask, settings: config.Settings) -> None:
    """Bind the extensions, each to the back end that the settings choose."""
    url_of_redis = settings.REDIS_URL
    options = redis.options() if url_of_redis else {}
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(str(url), settings.THREADS)
    db.init_app(app)
    with app.app_context():
        database.tune_sqlite(db.engine)
        hooks.count_statements(db.engine)
    app.config |= {
        "CACHE_TYPE": "RedisCache" if url_of_redis else "SimpleCache",
        "CACHE_REDIS_URL": url_of_redis,
        "CACHE_OPTIONS": options,
        "CACHE_KEY_PREFIX": "question-bank:",
        "CACHE_DEFAULT_TIMEOUT": settings.CACHE_TIMEOUT,
        "RATELIMIT_STORAGE_URI": re.sub("^unix:", "redis+unix:", url_of_redis)
        if url_of_redis
        else "process://",
        "RATELIMIT_STORAGE_OPTIONS": options,
        # While Redis is away each process counts for itself: a limit must not become an outage.
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": bool(url_of_redis),
        "RATELIMIT_KEY_PREFIX": "",
        "RATELIMIT_HEADERS_ENABLED": False,
    }
    cache.init_app(app)
    limiter.init_app(app)
    bcrypt.init_app(app)


def _mount(app: Flask, settings: config.Settings) -> None:
    """Believe as many proxies as are there, and serve everything a second time under the alias."""
    inner: WSGIApplication = app.wsgi_app
    if alias := settings.MOUNT_ALIAS:
        inner = DispatcherMiddleware(inner, {alias: inner})
    inner = front.put_before(app, inner)
    if hops := settings.TRUSTED_PROXIES:  # outermost: it sets the script name, the mount adds to it
        inner = ProxyFix(inner, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)
    app.wsgi_app = inner  # type: ignore[method-assign,assignment]  # Flask's documented way to add middleware
