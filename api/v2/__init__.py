"""Version 2 of the API: what v1 could not change without breaking its clients (75)."""

from flask import Blueprint

from api.http.restful import Api
from api.v2.questions import QuestionSlice

blueprint = Blueprint("v2", __name__, url_prefix="/api/v2")
api = Api(blueprint)

api.add_resource(QuestionSlice, "/questions", endpoint="questions")
