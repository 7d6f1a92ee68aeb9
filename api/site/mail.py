"""Mail by Flask-Mailman: into a folder by default, by SMTP with the setting `MAIL_URL` (99).

By SMTP it goes out once the response is sent: otherwise the time that it takes, or a mail server that
fails, would tell a stranger which addresses have an account.
Source: https://waynerv.github.io/flask-mailman/
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

from flask import Flask, Response, after_this_request, current_app
from flask_mailman import EmailMultiAlternatives, Mail
from flask_security import MailUtil

log = logging.getLogger(__name__)

#: What the file back end writes after each message.
_END = b"\n" + b"-" * 79 + b"\n"
TIMEOUT_SECONDS = 10


class Mails(MailUtil):
    """Sends what Flask-Security has to say."""

    def send_mail(  # noqa: PLR0917  # Flask-Security's signature
        self,
        template: str,
        subject: str,
        recipient: Any,
        sender: Any,
        body: str | None,
        html: str | None,
        **kwargs: Any,
    ) -> None:
        """Send a message; none to an account without an address."""
        if not recipient:
            return
        config = current_app.config
        if config["MAIL_URL"] is None:
            _deliver(lambda: self._keep(subject, body, str(sender), recipient))
            return
        connection = Mail().get_connection()
        message = _message(subject, body, str(sender), recipient, connection)
        context = current_app.app_context()  # the request's has ended by then

        def send() -> None:
            # By itself a connection stays open where STARTTLS fails.
            with context, closing(connection):
                message.send()

        def afterwards(response: Response) -> Response:
            response.call_on_close(lambda: _deliver(send))
            return response

        after_this_request(afterwards)

    @staticmethod
    def _keep(subject: str, body: str | None, sender: str, recipient: str) -> None:
        # Others on the machine have no business with links that open accounts.
        folder = Path(current_app.config["MAIL_OUTBOX"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _message(subject, body, sender, recipient, Mail().get_connection()).send()


def _message(
    subject: str, body: str | None, sender: str, recipient: str, connection: Any
) -> EmailMultiAlternatives:
    _, address = parseaddr(sender)
    # By itself the id would name the machine, and ask the DNS for that.
    headers = {"Message-ID": make_msgid(domain=address.rpartition("@")[2])}
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
    """Choose the back end that the settings name."""
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
