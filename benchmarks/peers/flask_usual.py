"""The usual Flask stack: Flask-RESTful, Flask-SQLAlchemy, marshmallow, Flask-CORS, Flask-Limiter.

As https://flask-restful.readthedocs.io/en/latest/quickstart.html,
https://flask-sqlalchemy.readthedocs.io/en/stable/pagination/ and
https://marshmallow.readthedocs.io/en/stable/quickstart.html write it; `cached` as
https://flask-caching.readthedocs.io/en/latest/#caching-view-functions does.
"""

from typing import Any

from flask import Flask, Response, request
from flask_caching import Cache
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_restful import Api, Resource
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
from shape import DATABASE, PER_PAGE, envelope, moment
from sqlalchemy.orm import selectinload
from tables import Base, Question, our_page, tune, tuned_page

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{DATABASE}"
app.config["CACHE_TYPE"] = "SimpleCache"
db = SQLAlchemy(model_class=Base)
db.init_app(app)
with app.app_context():
    tune(db.engine)
CORS(app)
cache = Cache(app)
Limiter(get_remote_address, app=app, default_limits=["1000000000 per minute"])
api = Api(app)


class TopicSchema(Schema):
    """A topic, as far as a question names it."""

    slug = fields.String()


class QuestionSchema(Schema):
    """A question in a list."""

    number = fields.Integer()
    prompt = fields.String()
    technique = fields.String()
    topics = fields.Pluck(TopicSchema, "slug", many=True)
    difficulty = fields.String()
    created_at = fields.Function(lambda question: moment(question.created_at))
    updated_at = fields.Function(lambda question: moment(question.updated_at))
    links = fields.Dict()


questions_schema = QuestionSchema(many=True)


class Documented(Resource):
    """The list as the documentation of its parts writes it."""

    def get(self) -> dict[str, Any]:
        """Answer one page."""
        statement = (
            db.select(Question).options(selectinload(Question.topics)).order_by(Question.number)
        )
        page = db.paginate(statement, per_page=PER_PAGE)
        items = questions_schema.dump(page.items)
        return envelope(items, request.query_string.decode(), page.page, page.total or 0)


class Cached(Documented):
    """The same, kept by Flask-Caching on the view."""

    @cache.cached(timeout=60, query_string=True)
    def get(self) -> dict[str, Any]:
        """Answer one page."""
        return super().get()


class Tuned(Resource):
    """Core select, orjson."""

    def get(self) -> Response:
        """Answer one page."""
        query, page = request.query_string.decode(), request.args.get("page", 1, int)
        return Response(tuned_page(db.engine, query, page), mimetype="application/json")


class Ours(Resource):
    """Given our own statement."""

    def get(self) -> Response:
        """Answer one page."""
        query, page = request.query_string.decode(), request.args.get("page", 1, int)
        return Response(our_page(db.engine, query, page), mimetype="application/json")


for resource in (Documented, Cached, Tuned, Ours):
    api.add_resource(resource, f"/{resource.__name__.lower()}/questions")


@app.get("/ready")
def ready() -> str:
    """Tell that the server answers."""
    return "ready"
