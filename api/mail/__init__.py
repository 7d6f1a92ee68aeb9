"""Mail by Flask-Mailman: into a folder by default, by SMTP with the setting `MAIL_URL` (99).

A mail is a template below `templates/mail`: its subject, an empty line and its text, in the language
of whoever gets it. By SMTP it goes out once the response is sent: otherwise the time that it takes, or
a mail server that fails, would tell a stranger which addresses have an account.
Sources: https://waynerv.github.io/flask-mailman/ and https://python-babel.github.io/flask-babel/
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    current_app,
    render_template,
)
from flask_babel import force_locale
from flask_mailman import EmailMultiAlternatives, Mail

from api.http.limits import mail_may_go

log = logging.getLogger(__name__)

#: What the file back end writes after each message.
_END = b"\n" + b"-" * 79 + b"\n"
TIMEOUT_SECONDS = 10


def send(template: str, recipient: str, language: str | None, quota: str, **context: Any) -> None:
    """Send the mail of a template, unless its recipient has had too many: that is logged, and not told
    to whoever asked, for it could be about somebody else's mail.

    :param template: the name of a file in `templates/mail`, without its ending.
    :param language: the recipient's, as in `User.language`; English where it is not known.
    :param quota: the name of the quota at the recipient (`RATELIMIT_MAILS`). Mails of which one or
        the other is sent, depending on what nobody is to know, share one.
    :param context: what the template needs.
    """
    if not mail_may_go(recipient, quota):
        log.warning("a mail of the kind %s was withheld: its recipient had too many", quota)
        return
    with force_locale(language or "en"):
        text = render_template(f"mail/{template}.txt", **context)
    subject, _, body = text.partition("\n\n")
    if current_app.config["MAIL_URL"] is None:
        _deliver(lambda: _keep(subject, body, recipient))
        return
    connection = Mail().get_connection()
    message = _message(subject, body, recipient, connection)
    application = current_app.app_context()  # the request's has ended by then

    def dispatch() -> None:
        # By itself a connection stays open where STARTTLS fails.
        with application, closing(connection):
            message.send()

    def afterwards(response: Response) -> Response:
        response.call_on_close(lambda: _deliver(dispatch))
        return response

    after_this_request(afterwards)


def _keep(subject: str, body: str, recipient: str) -> None:
    # Others on the machine have no business with links that open accounts.
    folder = Path(current_app.config["MAIL_OUTBOX"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _message(subject, body, recipient, Mail().get_connection()).send()


def _message(subject: str, body: str, recipient: str, connection: Any) -> EmailMultiAlternatives:
    sender = current_app.config["MAIL_SENDER"]
    # By itself the id would name the machine, and ask the DNS for that.
    headers = {"Message-ID": make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])}
    return EmailMultiAlternatives(
        subject, body, sender, [recipient], connection=connection, headers=headers
    )


def _deliver(send: Callable[[], None]) -> None:
    """Send, or log that it failed: whoever asked for the mail is not told of it."""
    try:
        send()
    except OSError:  # what smtplib raises, the network and the disk
        log.exception("mail was not sent")


def outbox() -> Iterator[dict[str, str]]:
    """Read the mails in the folder, the newest first."""
    folder = Path(current_app.config["MAIL_OUTBOX"])
    files = folder.glob("*.log") if folder.is_dir() else ()
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True)[:50]:
        raw = path.read_bytes().removesuffix(_END)
        message: EmailMessage = message_from_bytes(raw, policy=policy.default)
        yield {
            "to": str(message["to"]),
            "subject": str(message["subject"]),
            "date": str(message["date"]),
            "text": message.get_content().replace("\r\n", "\n"),
        }


def init_app(app: Flask) -> None:
    """Choose the back end that the settings name, and find the templates."""
    url = urlsplit(app.config["MAIL_URL"] or "")
    app.config |= {
        "MAIL_BACKEND": "smtp" if app.config["MAIL_URL"] else "file",
        "MAIL_FILE_PATH": app.config["MAIL_OUTBOX"],
        "MAIL_SERVER": url.hostname,
        "MAIL_PORT": url.port or (465 if url.scheme == "smtps" else 587),
        "MAIL_USERNAME": unquote(url.username) if url.username else None,
        "MAIL_PASSWORD": unquote(url.password) if url.password else None,
        "MAIL_USE_SSL": url.scheme == "smtps",
        # A password never goes out in the clear.
        "MAIL_USE_TLS": url.scheme == "smtp" and bool(url.username),
        "MAIL_TIMEOUT": TIMEOUT_SECONDS,
        "MAIL_DEFAULT_SENDER": app.config["MAIL_SENDER"],
    }
    Mail(app)
    # A blueprint without routes: the way in which Flask takes templates from more than one folder.
    app.register_blueprint(Blueprint("mail", __name__, template_folder="templates"))
