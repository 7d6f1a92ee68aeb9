"""Tables: typed SQLAlchemy 2 models, one file per aggregate."""

from api.models.account import RoleRow, SignIn, User, UserRole, folded
from api.models.attachment import Attachment
from api.models.data_version import DataVersion
from api.models.draft import Draft
from api.models.event import Event
from api.models.idempotency import IdempotencyKey, KeyState
from api.models.job import Job, JobKind, JobState
from api.models.question import (
    Difficulty,
    Question,
    QuestionGrant,
    QuestionRevision,
    QuestionTopic,
    Reference,
    Topic,
)
from api.models.scratch import ScratchDocument

__all__ = [
    "Attachment",
    "DataVersion",
    "Difficulty",
    "Draft",
    "Event",
    "IdempotencyKey",
    "Job",
    "JobKind",
    "JobState",
    "KeyState",
    "Question",
    "QuestionGrant",
    "QuestionRevision",
    "QuestionTopic",
    "Reference",
    "RoleRow",
    "ScratchDocument",
    "SignIn",
    "Topic",
    "User",
    "UserRole",
    "folded",
]
