"""The desk: pages for writing, editing and publishing questions, for those who may (73, 86).

They stand on the domain that the API stands on, ask for its permissions by its decorators and judge
what is typed by its schema. `form` reads what was typed, `states` tells what somebody else changed
meanwhile, `differences` shows it, `keeping` loses no text to a refusal; the other modules are views.
"""

from flask import Blueprint

from api.site.desk import drafts, grants, history, preview, questions


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages to the site; reading a page and sending its form are a view each."""
    number, draft = "/questions/<int(max=2147483647):number>", "/drafts/<uuid:draft>"
    revision = f"{number}/revisions/<int(max=2147483647):revision>"
    for method, rule, view in (
        ("GET", "/questions/new", drafts.new_question),
        ("POST", "/questions/new", drafts.create_draft),
        ("GET", "/drafts", drafts.draft_list),
        ("GET", f"{draft}/edit", drafts.edit_draft),
        ("POST", f"{draft}/edit", drafts.save_draft),
        ("POST", f"{draft}/publication", drafts.publish_draft),
        ("GET", f"{draft}/deletion", drafts.confirm_draft_deletion),
        ("POST", f"{draft}/deletion", drafts.delete_draft),
        ("GET", f"{number}/edit", questions.edit_question),
        ("POST", f"{number}/edit", questions.save_question),
        ("GET", f"{number}/deletion", questions.confirm_deletion),
        ("POST", f"{number}/deletion", questions.delete_question),
        ("GET", f"{number}/withdrawal", questions.confirm_withdrawal),
        ("POST", f"{number}/withdrawal", questions.withdraw_question),
        ("GET", f"{number}/revisions", history.revisions),
        ("GET", revision, history.revision),
        ("POST", f"{revision}/restoration", history.restore_revision),
        ("POST", f"{number}/grants", grants.give_grant),
        ("POST", f"{number}/grants/<username>/revocation", grants.take_grant),
        ("POST", "/preview", preview.preview),
        ("POST", f"{number}/preview", preview.preview_question),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=[method])
