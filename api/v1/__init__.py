"""Version 1 of the API: the route table. One file per resource."""

from flask import Blueprint

from api.accounts.permissions import Role
from api.http.restful import Api
from api.v1.attachments import AttachmentFile, AttachmentItem, AttachmentList, OwnAttachments
from api.v1.batch import Batch
from api.v1.configuration import Configuration, ConfigurationCheck, ConfigurationEnvironments
from api.v1.contract import contract_json, contract_yaml
from api.v1.drafts import DraftItem, DraftList, Publication
from api.v1.errors import ErrorCause, ErrorCauses
from api.v1.events import EventList
from api.v1.grants import GrantItem, GrantList
from api.v1.health import live, ready
from api.v1.identity import CallerIdentity
from api.v1.index import Index
from api.v1.jobs import (
    ExportList,
    ImportList,
    JobCancellation,
    JobFile,
    JobItem,
    JobList,
    JobRetryList,
)
from api.v1.json import json_form
from api.v1.limits import StrategyLimit
from api.v1.loading import LoadingStrategy
from api.v1.pages import PageCost
from api.v1.practice import (
    KeyRotation,
    PracticeCard,
    PracticeGrade,
    PracticeReveal,
    PracticeRound,
)
from api.v1.preferences import PreferencesResource
from api.v1.problems import ProblemItem, ProblemList
from api.v1.questions import DemonstrationList, QuestionItem, QuestionList
from api.v1.random import RandomQuestion, RandomQuestionByWebargs
from api.v1.revisions import Restoration, RevisionItem, RevisionList
from api.v1.schema import CreateAll, MigrationRehearsal, SchemaState
from api.v1.scratch import Scratch
from api.v1.sign_ins import Refresh, SignInItem, SignInList
from api.v1.techniques import TechniqueList
from api.v1.topics import TopicItem, TopicList
from api.v1.users import Me, Password, UserList, UserRoleItem

QUESTION = "/questions/<int(max=2147483647):number>"
REVISION = f"{QUESTION}/revisions/<int(max=2147483647):revision>"
ROLES = ", ".join(role.value for role in Role)

blueprint = Blueprint("v1", __name__, url_prefix="/api/v1")
api = Api(blueprint)

api.add_resource(Index, "/", endpoint="index")
api.add_resource(QuestionList, "/questions", endpoint="questions")
api.add_resource(Batch, "/questions/batch", endpoint="batch")
api.add_resource(QuestionItem, QUESTION, endpoint="question")
api.add_resource(DemonstrationList, f"{QUESTION}/demonstrations", endpoint="demonstrations")
api.add_resource(GrantList, f"{QUESTION}/grants", endpoint="grants")
api.add_resource(GrantItem, f"{QUESTION}/grants/<username>", endpoint="grant")
api.add_resource(RevisionList, f"{QUESTION}/revisions", endpoint="revisions")
api.add_resource(RevisionItem, REVISION, endpoint="revision")
api.add_resource(Restoration, f"{REVISION}/restoration", endpoint="restoration")
api.add_resource(DraftList, "/drafts", endpoint="drafts")
api.add_resource(DraftItem, "/drafts/<uuid:draft>", endpoint="draft")
api.add_resource(Publication, "/drafts/<uuid:draft>/publication", endpoint="publication")
api.add_resource(RandomQuestion, "/questions/random", endpoint="random")
api.add_resource(RandomQuestionByWebargs, "/questions/random/webargs", endpoint="random_webargs")
api.add_resource(
    AttachmentList,
    "/questions/<int(max=2147483647):number>/attachments",
    endpoint="attachments",
)
api.add_resource(AttachmentItem, "/attachments/<uuid:attachment>", endpoint="attachment")
api.add_resource(AttachmentFile, "/attachments/<uuid:attachment>/file", endpoint="attachment_file")
api.add_resource(TopicList, "/topics", endpoint="topics")
api.add_resource(TopicItem, "/topics/<slug:slug>", endpoint="topic")
api.add_resource(EventList, "/events", endpoint="events")
api.add_resource(TechniqueList, "/techniques", endpoint="techniques")
api.add_resource(ProblemList, "/problems", endpoint="problems")
api.add_resource(ProblemItem, "/problems/<slug:slug>", endpoint="problem")
api.add_resource(ErrorCauses, "/errors", endpoint="errors")
api.add_resource(ErrorCause, "/errors/<slug:cause>", endpoint="error")
api.add_resource(StrategyLimit, "/limits/<slug:strategy>", endpoint="limit")
api.add_resource(LoadingStrategy, "/loading/<slug:strategy>", endpoint="loading")
api.add_resource(PageCost, "/pages/cost", endpoint="page_cost")
api.add_resource(SchemaState, "/schema", endpoint="schema")
api.add_resource(CreateAll, "/schema/create-all", endpoint="create_all")
api.add_resource(MigrationRehearsal, "/schema/rehearsal", endpoint="rehearsal")
api.add_resource(Configuration, "/configuration", endpoint="configuration")
api.add_resource(ConfigurationEnvironments, "/configuration/environments", endpoint="environments")
api.add_resource(ConfigurationCheck, "/configuration/check", endpoint="configuration_check")
api.add_resource(Scratch, "/scratch/<slug:key>", endpoint="scratch")
api.add_resource(PreferencesResource, "/preferences", endpoint="preferences")
api.add_resource(PracticeRound, "/practice/round", endpoint="practice_round")
CARD = "/practice/round/cards/<int(max=2147483647):position>"
api.add_resource(PracticeCard, CARD, endpoint="practice_card")
api.add_resource(PracticeReveal, f"{CARD}/reveal", endpoint="practice_reveal")
api.add_resource(PracticeGrade, f"{CARD}/grade", endpoint="practice_grade")
api.add_resource(KeyRotation, "/practice/key-rotation", endpoint="key_rotation")
api.add_resource(SignInList, "/sign-ins", endpoint="sign_ins")
api.add_resource(SignInItem, "/sign-ins/<uuid:sid>", endpoint="sign_in")
api.add_resource(Refresh, "/sign-ins/refresh", endpoint="refresh")
api.add_resource(UserList, "/users", endpoint="users")
api.add_resource(
    UserRoleItem,
    f"/users/<username>/roles/<any({ROLES}):role>",
    endpoint="user_role",
)
api.add_resource(Me, "/me", endpoint="me")
api.add_resource(Password, "/me/password", endpoint="password")
api.add_resource(OwnAttachments, "/me/attachments", endpoint="own_attachments")
api.add_resource(ImportList, "/imports", endpoint="imports")
api.add_resource(ExportList, "/exports", endpoint="exports")
api.add_resource(JobList, "/jobs", endpoint="jobs")
api.add_resource(JobItem, "/jobs/<uuid:jid>", endpoint="job")
api.add_resource(JobCancellation, "/jobs/<uuid:jid>/cancellation", endpoint="job_cancellation")
api.add_resource(JobRetryList, "/jobs/<uuid:jid>/retries", endpoint="job_retries")
api.add_resource(JobFile, "/jobs/<uuid:jid>/file", endpoint="job_file")
api.add_resource(CallerIdentity, "/identity", endpoint="identity")

# Plain Flask views: Flask-RESTful cannot run `async def`, and these show what Flask does alone.
blueprint.add_url_rule("/health/live", view_func=live, endpoint="live")
blueprint.add_url_rule("/health/ready", view_func=ready, endpoint="ready")
blueprint.add_url_rule("/json/<slug:form>", view_func=json_form, endpoint="json")
blueprint.add_url_rule("/openapi.yaml", view_func=contract_yaml, endpoint="openapi_yaml")
blueprint.add_url_rule("/openapi.json", view_func=contract_json, endpoint="openapi_json")
