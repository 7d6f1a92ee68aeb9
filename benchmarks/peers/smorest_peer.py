"""flask-smorest on gunicorn.

As https://flask-smorest.readthedocs.io/en/latest/quickstart.html writes it; `cached` by Flask-Caching
as in `flask_usual`.
"""

from typing import Any

from flask import Flask, request
from flask.views import MethodView
from flask_caching import Cache
from flask_cors import CORS
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
from shape import DATABASE, PER_PAGE, links_around, moment, page_of
from sqlalchemy.orm import selectinload
from tables import Base, Question

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{DATABASE}"
app.config["CACHE_TYPE"] = "SimpleCache"
app.config["API_TITLE"] = "Bank"
app.config["API_VERSION"] = "v1"
app.config["OPENAPI_VERSION"] = "3.0.2"
db = SQLAlchemy(model_class=Base)
db.init_app(app)
CORS(app)
cache = Cache(app)
api = Api(app)
blueprint = Blueprint("questions", __name__)


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


class PageSchema(Schema):
    """A page of the list."""

    items = fields.List(fields.Nested(QuestionSchema))
    page = fields.Dict()
    links = fields.Dict()


def read_page() -> dict[str, Any]:
    """Read one page with the ORM."""
    statement = db.select(Question).options(selectinload(Question.topics)).order_by(Question.number)
    page = db.paginate(statement, per_page=PER_PAGE)
    return {
        "items": page.items,
        "page": page_of(page.page, page.total or 0),
        "links": links_around(request.query_string.decode(), page.page, page.total or 0),
    }


@blueprint.route("/documented/questions")
class Documented(MethodView):
    """The list as the documentation writes it."""

    @blueprint.response(200, PageSchema)
    def get(self) -> dict[str, Any]:
        """Answer one page."""
        return read_page()


@blueprint.route("/cached/questions")
class Cached(MethodView):
    """The same, kept by Flask-Caching on the view."""

    @cache.cached(timeout=60, query_string=True)
    @blueprint.response(200, PageSchema)
    def get(self) -> dict[str, Any]:
        """Answer one page."""
        return read_page()


api.register_blueprint(blueprint)


@app.get("/ready")
def ready() -> str:
    """Tell that the server answers."""
    return "ready"
