"""The panel's jobs: what runs, what failed and why; cancelled and tried again in bulk (70)."""

from collections.abc import Sequence

from flask_admin.actions import action
from flask_admin.contrib.sqla.filters import FilterEqual
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import joinedload

from api.jobs import queue
from api.models import Job, JobKind, JobState
from api.site.admin.tables import TableView


class JobView(TableView):
    """Jobs. Their states follow rules of their own, so no row is edited."""

    loads = (joinedload(Job.user),)
    column_list = (
        "kind", "state", "user.username", "phase", "done", "total", "refused",
        "attempt", "created_at", "finished_at",
    )  # fmt: skip
    column_details_list = (
        *column_list,
        "started_at",
        "due_at",
        "worker",
        "error",
        "parameters",
        "result",
    )
    column_labels = {"user.username": lazy_gettext("User")}  # noqa: RUF012  # Flask-Admin reads it off the class
    column_default_sort = ("created_at", True)
    column_sortable_list = ("kind", "state", "user.username", "created_at", "finished_at")
    column_searchable_list = ("user.username", "error")
    column_filters = (
        FilterEqual(Job.kind, lazy_gettext("Kind"), [(kind.value, kind.value) for kind in JobKind]),
        FilterEqual(
            Job.state, lazy_gettext("State"), [(state.value, state.value) for state in JobState]
        ),
        "user.username",
    )

    @action("cancel", lazy_gettext("Cancel"), lazy_gettext("Cancel the selected jobs?"))
    def cancel(self, ids: Sequence[str]) -> None:
        """Cancel the ticked jobs."""
        self.in_bulk(ids, queue.cancel, gettext("{} cancelled."))

    @action(
        "retry",
        lazy_gettext("Try again"),
        lazy_gettext("Put the selected jobs back into the queue?"),
    )
    def retry(self, ids: Sequence[str]) -> None:
        """Put the ticked jobs back into the queue."""
        self.in_bulk(ids, queue.retry, gettext("{} back in the queue."))
