"""The second factor: TOTP codes that are good once, and recovery codes that are (99).

Flask-Security checks a TOTP code against the clock alone, so that one which somebody looked over the
user's shoulder for is good again until its time is over; RFC 6238 forbids that. It leaves the counter
of the last code to a subclass, and here that is a column which only grows. Secrets are kept
encrypted. Recovery codes are kept as digests: they can be shown once, when they are made.
Sources: https://www.rfc-editor.org/rfc/rfc6238#section-5.2 and
https://flask-security.readthedocs.io/en/stable/api.html#flask_security.Totp
"""

import hmac
from hashlib import sha256
from typing import Any

from flask import current_app
from flask_security import MfRecoveryCodesUtil, Totp
from markupsafe import Markup
from passlib.exc import UsedTokenError
from passlib.totp import TOTP
from sqlalchemy import or_, update

from api.demonstrations import demonstrates
from api.extensions import db
from api.models import User

ISSUER = "Flask question bank"
#: Seconds that a clock may be wrong: the code before and the one after are taken too.
WINDOW = 30


def keys() -> list[str]:
    """Return the keys that decrypt, the one that encrypts first.

    Without `TOTP_KEYS` they are derived from the signing keys, so that a new `SECRET_KEY` needs the
    former one in `SECRET_KEY_FALLBACKS` for as long as secrets are encrypted with it.
    """
    config = current_app.config
    if config["TOTP_KEYS"]:
        return list(config["TOTP_KEYS"])
    signing = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
    return [hmac.digest(key.encode(), b"second factor", "sha256").hex() for key in signing]


def secrets() -> dict[str, str]:
    """Return the keys by the names under which encrypted secrets refer to them."""
    return {sha256(key.encode()).hexdigest()[:12]: key for key in keys()}


@demonstrates(
    99,
    at="POST v1.sign_ins",
    test="tests/accounts/test_second_factor.py::test_a_code_is_good_once",
)
class OneTimeCodes(Totp):
    """Flask-Security's TOTP, with the replay protection that it leaves to a subclass."""

    def __init__(self, secrets: dict[str, str], issuer: str) -> None:
        """Encrypt with the first of the secrets: by itself passlib would take the greatest name."""
        self._totp = TOTP.using(issuer=issuer, secrets=secrets, default_tag=next(iter(secrets)))

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        """Tell whether a code is good, and use it up; what is not six digits is not."""
        digits = "".join(str(token).split())
        if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
            return False
        found = super().verify_totp(digits, totp_secret, user, window)
        if found and user.tf_totp_secret == totp_secret:
            self._encrypt_anew(user)
        return found

    def _encrypt_anew(self, user: User) -> None:
        """Encrypt a secret with the present key where a former one did."""
        totp = self._totp.from_source(user.tf_totp_secret)
        if totp.changed:
            user.tf_totp_secret = totp.to_json(encrypt=True)
            db.session.commit()

    def get_last_counter(self, user: Any) -> int | None:
        """Return the counter of the last code that was used."""
        counter: int | None = user.tf_last_counter
        return counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Use a code up. Raises UsedTokenError if another request just did.

        Compared and set in one statement: of several requests with one code, one gets in.
        """
        used = db.session.execute(
            update(User)
            .where(
                User.id == user.id,
                or_(User.tf_last_counter.is_(None), User.tf_last_counter < tmatch.counter),
            )
            .values(tf_last_counter=tmatch.counter)
            .returning(User.id)
            .execution_options(synchronize_session=False)
        ).first()
        db.session.commit()
        if used is None:
            raise UsedTokenError

    def generate_qrcode(self, username: str, totp: str) -> str:
        """Draw the secret as an SVG element to stand in the page: its policy allows no data: images."""
        import qrcode  # it brings Pillow and lxml, for a page that a user sees once
        from qrcode.image.svg import SvgPathImage

        drawn = qrcode.make(self.get_totp_uri(username, totp), image_factory=SvgPathImage)
        return Markup(drawn.to_string(encoding="unicode"))  # noqa: S704  # made here, of squares


def _digest(key: str, code: str) -> str:
    plain = "".join(code.split()).lower()
    return hmac.new(key.encode(), b"recovery code " + plain.encode(), sha256).hexdigest()


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes as digests, each good once. Two requests with one code: one gets in."""

    def create_recovery_codes(self, user: Any) -> list[str]:
        """Make new codes in place of those before; they are shown now and never again."""
        number: int = current_app.config["SECURITY_MULTI_FACTOR_RECOVERY_CODES_N"]
        codes: list[str] = one_time_codes().generate_recovery_codes(number)
        user.mf_recovery_codes = [_digest(keys()[0], code) for code in codes]
        db.session.commit()
        return codes

    def get_recovery_codes(self, user: Any) -> list[str]:
        """Return none: what is kept cannot be read back."""
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Tell whether a code is good, and use it up.

        Flask-Security takes the code away in a second step, between which and this one another
        request could use it too; so this is both steps.
        """
        held: list[str] = user.mf_recovery_codes or []
        offered = {_digest(key, code) for key in keys()}
        found = next((kept for kept in held if kept in offered), None)
        if found is None:
            return False
        taken = db.session.execute(
            update(User)
            .where(User.id == user.id, User.mf_recovery_codes == held)
            .values(mf_recovery_codes=[kept for kept in held if kept != found])
            .returning(User.id)
            .execution_options(synchronize_session=False)
        ).first()
        db.session.commit()
        return taken is not None

    def delete_recovery_code(self, user: Any, code: str) -> bool:
        """Do nothing: the check has used it up."""
        return True


def one_time_codes() -> OneTimeCodes:
    """Return the application's TOTP factory."""
    made: OneTimeCodes | None = current_app.extensions.get("one_time_codes")
    if made is None:
        made = current_app.extensions["one_time_codes"] = OneTimeCodes(secrets(), ISSUER)
    return made


def is_on(user: User) -> bool:
    """Tell whether a user's sign-in takes a code as well."""
    return bool(user.tf_primary_method and user.tf_totp_secret)


def passes(user: User, code: str) -> bool:
    """Tell whether this is a code of the user's authenticator or a recovery code; it is used up."""
    if one_time_codes().verify_totp(code, user.tf_totp_secret or "", user, WINDOW):
        return True
    return RecoveryCodes(current_app).check_recovery_code(user, code)


def turn_off(user: User) -> None:
    """Let a user's sign-in do with the password again."""
    user.tf_primary_method = user.tf_totp_secret = user.mf_recovery_codes = None
    db.session.commit()
