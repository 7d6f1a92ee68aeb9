"""Flask-RESTX on gunicorn.

As https://flask-restx.readthedocs.io/en/latest/example.html and its page on marshalling write it;
`cached` by Flask-Caching as in `flask_usual`.
"""

from typing import Any

from flask import Flask, request
from flask_caching import Cache
from flask_cors import CORS
from flask_restx import Api, Resource, fields
from flask_sqlalchemy import SQLAlchemy
from shape import DATABASE, PER_PAGE, links_around, moment, page_of
from sqlalchemy.orm import selectinload
from tables import Base, Question

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{DATABASE}"
app.config["CACHE_TYPE"] = "SimpleCache"
app.config["RESTX_MASK_SWAGGER"] = False
db = SQLAlchemy(model_class=Base)
db.init_app(app)
CORS(app)
cache = Cache(app)
api = Api(app)

question = api.model(
    "Question",
    {
        "number": fields.Integer,
        "prompt": fields.String,
        "technique": fields.String,
        "topics": fields.List(fields.String(attribute="slug")),
        "difficulty": fields.String,
        "created_at": fields.String(attribute=lambda each: moment(each.created_at)),
        "updated_at": fields.String(attribute=lambda each: moment(each.updated_at)),
        "links": fields.Raw,
    },
)
collection = api.model(
    "Collection",
    {"items": fields.List(fields.Nested(question)), "page": fields.Raw, "links": fields.Raw},
)


@api.route("/documented/questions")
class Documented(Resource):
    """The list as the documentation writes it."""

    @api.marshal_with(collection)
    def get(self) -> dict[str, Any]:
        """Answer one page."""
        statement = (
            db.select(Question).options(selectinload(Question.topics)).order_by(Question.number)
        )
        page = db.paginate(statement, per_page=PER_PAGE)
        return {
            "items": page.items,
            "page": page_of(page.page, page.total or 0),
            "links": links_around(request.query_string.decode(), page.page, page.total or 0),
        }


@api.route("/cached/questions")
class Cached(Documented):
    """The same, kept by Flask-Caching on the view."""

    @cache.cached(timeout=60, query_string=True)
    def get(self) -> dict[str, Any]:
        """Answer one page."""
        return super().get()


@app.get("/ready")
def ready() -> str:
    """Tell that the server answers."""
    return "ready"
