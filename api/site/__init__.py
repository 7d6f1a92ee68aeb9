"""The HTML side: pages for people who look before they call, the site's door (69, 99), the panel (70, 95)."""

from flask import Flask

from api.site import account, admin, assets, context, desk, door, jobs, moments, practice, words
from api.site.pages import blueprint

account.add_routes(blueprint)
desk.add_routes(blueprint)
practice.add_routes(blueprint)
jobs.add_routes(blueprint)


def init_app(app: Flask) -> None:
    """Add the site to an application: its pages, the door by Flask-Security, the panel by Flask-Admin."""
    assets.init_app(app)
    moments.init_app(app)
    words.init_app(app)
    context.init_app(app)
    app.register_blueprint(blueprint)
    if app.config["APP_ENV"] != "production" and app.config["MAIL_URL"] is None:
        app.add_url_rule("/outbox", "site.outbox", account.outbox)
    jobs.init_app(app)
    door.init_app(app)
    admin.init_app(app)


__all__ = ["blueprint", "init_app"]
