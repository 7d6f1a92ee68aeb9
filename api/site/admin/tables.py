"""What every table of the panel has: forms with CSRF tokens, bounded lists, safe exports (70, 95).

The defaults of `ModelView` are open: no CSRF token, every column in the list, rows created, edited and
deleted past the application's own functions, cells exported that a spreadsheet takes for formulas, a
500 for a key or a filter that is no number. Here a table shows what it names, and can do nothing
until a subclass says how.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any

from flask import Response, flash, request
from flask_admin.base import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_admin.model.filters import BaseFilter
from flask_admin.tools import iterdecode
from flask_babel import force_locale, lazy_gettext
from marshmallow import ValidationError
from sqlalchemy import Integer, inspect
from sqlalchemy.orm import Query
from werkzeug.utils import secure_filename

from api.accounts.users import AccountError, LastAdministratorError, UserUnknownError
from api.bank.storing import BankWriteError
from api.demonstrations import demonstrates
from api.extensions import db
from api.http.languages import N_
from api.http.limits import writes
from api.jobs.queue import JobConflictError
from api.site import words
from api.site.admin.access import Guarded

TESTS = "tests/site/test_admin.py"


def moment(_view: Any, value: datetime, _name: str) -> str:
    """Write a time as the API does."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")


def joined(_view: Any, values: list[Any], _name: str) -> str:
    """Write a list in one cell."""
    return ", ".join(map(str, values))


#: What Flask-Admin makes of the columns' names, marked for translators.
COLUMNS = (
    N_("Active"), N_("Address"), N_("Answer"), N_("Attempt"), N_("Author"), N_("Confirmed At"),
    N_("Created At"), N_("Description"), N_("Difficulty"), N_("Done"), N_("Door"), N_("Due At"),
    N_("Edited At"), N_("Email"), N_("Error"), N_("Expires At"), N_("Filename"), N_("Finished At"),
    N_("Granted At"), N_("Height"), N_("In Practice"), N_("Kind"), N_("Media Type"), N_("Name"),
    N_("Number"), N_("Pages"), N_("Parameters"), N_("Phase"), N_("Prompt"), N_("References"),
    N_("Refused"), N_("Result"), N_("Revoked At"), N_("Roles"), N_("Rotated At"), N_("Second Factor"),
    N_("Size"), N_("Slug"), N_("Started At"), N_("State"), N_("Technique"), N_("Title"), N_("Topics"),
    N_("Total"), N_("Try It"), N_("Updated At"), N_("Url"), N_("User Agent"), N_("Username"),
    N_("Width"), N_("Worker"),
)  # fmt: skip
#: Rows of one export.
MAX_ROWS = 5_000
#: The largest whole number that a column holds.
LARGEST = 2**31 - 1
#: How values are shown, and how they are exported; None stays None there.
SHOWN = {**ModelView.column_type_formatters, datetime: moment}
EXPORTED = {datetime: moment, list: joined}
#: What the domain raises for what a person asked, as against a fault of the program.
REFUSALS = (
    LookupError, ValidationError, AccountError, UserUnknownError, LastAdministratorError,
    BankWriteError, JobConflictError,
)  # fmt: skip


def said(error: Exception) -> str:
    """Say in a line why something was refused."""
    if isinstance(error, ValidationError) and isinstance(error.messages, dict):
        return "; ".join(f"{name} {_first(told)}" for name, told in error.messages.items())
    return str(error).removeprefix("'").removesuffix("'")


def _first(told: Any) -> str:
    while isinstance(told, dict | list):
        told = next(iter(told.values() if isinstance(told, dict) else told))
    return str(told)


@demonstrates(
    95,
    at="GET admin_questions.export",
    test=f"{TESTS}::test_an_exported_cell_is_no_formula",
)
def no_formula(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _fits(value: str) -> bool:
    digits = value.strip().removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 11 and int(digits) <= LARGEST


@demonstrates(
    70, at="POST admin_users.edit_view", test=f"{TESTS}::test_nothing_changes_without_a_token"
)
class TableView(Guarded, ModelView):
    """A table that can be read, searched, filtered, sorted and exported."""

    form_base_class = SecureForm  # of deletions and actions, too
    can_create = False
    can_edit = False
    can_delete = False
    can_export = True
    can_view_details = True
    can_set_page_size = True
    page_size = 20
    named_filter_urls = True  # flt1_topic_equals=admin, and not flt1_32=admin
    page_size_options = (20, 50, 100)
    column_auto_select_related = False  # `loads` says what
    export_types = ("csv", "json")
    export_max_rows = MAX_ROWS
    list_template = "admin/panel/list.html"
    create_template = "admin/panel/create.html"
    edit_template = "admin/panel/edit.html"
    details_template = "admin/panel/details.html"
    column_type_formatters = SHOWN
    column_type_formatters_detail = SHOWN
    column_type_formatters_export = EXPORTED
    # Left out, these two are all columns of a table, those that nobody should see included.
    column_details_list: Sequence[str] | None = None
    column_export_list: Sequence[str] | None = None
    _urls: list[Any]  # Flask-Admin's: address, view, methods
    #: Relationships that a row shows, loaded with it.
    loads: Sequence[Any] = ()

    def __init__(self, model: Any, name: str, *, endpoint: str, url: str) -> None:
        self.column_details_list = self.column_details_list or self.column_list
        self.column_export_list = self.column_export_list or self.column_list
        super().__init__(model, db, name=name, endpoint=endpoint, url=url)

    def create_blueprint(self, admin: Admin) -> Any:
        """Make routes only for what the table can do; the package makes all of them for every table."""
        can = {
            "create_view": self.can_create,
            "edit_view": self.can_edit,
            "delete_view": self.can_delete,
            "ajax_lookup": False,
            "ajax_update": False,
        }
        declared: Any = type(self)
        self._urls = [each for each in declared._urls if can.get(each[1], True)]
        return super().create_blueprint(admin)

    def _prettify_name(self, name: str) -> Any:
        """Name a column in the reader's language: a word of `COLUMNS`."""
        return lazy_gettext(super()._prettify_name(name))

    #: The package looks for a name of its own where it labels the fields of a form.
    prettify_name = _prettify_name

    def get_filter_arg(self, index: int, flt: Any) -> Any:
        """Name a filter in an address, which is the same in every language.

        The package makes it of the words that it shows, and looks it up among those it began with.
        """
        with force_locale("en"):
            return super().get_filter_arg(index, flt)

    def search_placeholder(self) -> str:
        """Name what is searched."""
        return words.listed(
            [str(self.get_column_name(name)) for name in self.column_searchable_list]
        )

    # --- Reading, whatever stands in the address ---

    def get_query(self) -> Query[Any]:
        """Select the rows with what they show."""
        query: Query[Any] = super().get_query()
        return query.options(*self.loads)

    def get_one(self, id: Any) -> Any:
        """Return the row of a key, or None: also for a key that no row can have."""
        keys = iterdecode(id) if isinstance(id, str) else tuple(id)
        columns = inspect(self.model).primary_key
        if len(keys) != len(columns):
            return None
        values: list[Any] = []
        for key, column in zip(keys, columns, strict=True):
            if isinstance(column.type, Integer):
                if not _fits(key):
                    return None
                values.append(int(key))
            else:
                values.append(key)
        return db.session.get(self.model, tuple(values), options=self.loads, populate_existing=True)

    def _get_list_extra_args(self) -> Any:
        """Read the list's address; a page that no list has is the first one."""
        args = super()._get_list_extra_args()
        if not 0 <= args.page <= LARGEST // max(self.page_size_options):
            args.page = 0
        return args

    @demonstrates(
        95,
        at="GET admin_questions.index_view",
        test=f"{TESTS}::test_search_filters_and_sorting_narrow_the_list",
    )
    def get_filters(self) -> list[BaseFilter] | None:
        """Make the filters, each of which refuses a value that its column would fail on."""
        found: list[BaseFilter] | None = super().get_filters()
        for each in found or []:
            each.validate = _validator(each)
            each.name = lazy_gettext(str(each.name))  # the package's own are no longer lazy
        return found

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int, list[Any]]:
        """Return the number of rows and those of one page; a page after the last is the last."""
        count, found = super().get_list(*args, **kwargs)
        size = kwargs.get("page_size") or self.page_size
        if not found and count and args[0] and size:
            last = ceil(count / size) - 1
            count, found = super().get_list(last, *args[1:], **kwargs)
        return count, found

    # --- Exporting ---

    @demonstrates(
        95,
        at="GET admin_questions.export",
        test=f"{TESTS}::test_what_is_filtered_is_exported_as_csv_and_json",
    )
    def _export_csv(self, return_url: str) -> Response:
        """Export as CSV, as it was searched, filtered and sorted; no cell of it is a formula."""
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(title for _, title in self._export_columns)
        writer.writerows(map(no_formula, row) for row in self._cells())
        return self._attachment(written.getvalue(), "csv", "text/csv")

    def _export_tablib(self, export_type: str, return_url: str) -> Response:
        """Export as JSON: the one other type there is, for which the package wants Tablib."""
        names = [name for name, _ in self._export_columns]
        items = [dict(zip(names, row, strict=True)) for row in self._cells()]
        text = json.dumps({"items": items}, ensure_ascii=False, indent=1) + "\n"
        return self._attachment(text, "json", "application/json")

    def _cells(self) -> Iterator[list[Any]]:
        _, rows = self._export_data()
        for row in rows:
            yield [self.get_export_value(row, name) for name, _ in self._export_columns]

    def _attachment(self, text: str, kind: str, media_type: str) -> Response:
        name = secure_filename(self.get_export_name(kind))
        disposition = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(text, mimetype=media_type, headers=disposition)

    # --- Changing ---

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        """Ask the lock, then count a change against the quota of changes."""
        refused = super()._handle_view(name, **kwargs)
        if refused is None and request.method == "POST":
            _count_change()
        return refused

    def attempt(self, change: Callable[[], Any], done: str = "") -> bool:
        """Make a change by the domain, and tell how it went. Returns whether it was made."""
        try:
            change()
        except REFUSALS as error:
            db.session.rollback()
            flash(said(error), "error")
            return False
        if done:
            flash(done, "success")
        return True

    def in_bulk(self, ids: Iterable[str], change: Callable[[Any], Any], done: str) -> None:
        """Make a change to every ticked row, and tell how many took it and why others did not.

        :param done: a sentence with `{}` for the number.
        """
        made = 0
        for key in ids:
            row = self.get_one(key)
            if row is not None:
                made += self.attempt(partial(change, row))
        flash(done.format(made), "success" if made else "info")


@writes
def _count_change() -> None:
    """Count one change. Raises RateLimitExceeded (429)."""


def _validator(found: BaseFilter) -> Callable[[str], bool]:
    """Return what tells whether a filter takes a value: its own judgement, and the column's."""
    judge = type(found).validate

    def validate(value: str) -> bool:
        if "\0" in value or not judge(found, value):
            return False
        if isinstance(getattr(found.column, "type", None), Integer):
            return all(_fits(part) for part in value.split(",") if part.strip())
        return True

    return validate
