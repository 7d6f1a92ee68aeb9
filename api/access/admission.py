"""Between the right password and a sign-in, at either door: confirmation, the second factor (99).

Both doors ask here, so that neither is a way around the other. Wrong codes are counted by user: who
knows a password and guesses at the code from many addresses is stopped all the same, and it is only
who knows the password that can stop the user so.
"""

from api.access import bearer
from api.accounts import second_factor
from api.http.limits import count_guess, forgive_guess
from api.models import User


def passes(user: User, code: str) -> bool:
    """Tell whether a code is the user's, and use it up. Raises Problem (429) after too many wrong ones."""
    whose = f"code:{user.id}"
    count_guess(whose, "codes for this account")
    good = second_factor.passes(user, code)
    if good:
        forgive_guess(whose)
    return good


def admit(user: User, code: str | None) -> None:
    """Let a user in who gave the right password. Raises Problem: 401 that says what else it takes.

    :param code: from the authenticator, or a recovery code; None where none was sent.
    """
    if user.must_confirm:
        raise bearer.refusal(
            "confirmation-needed",
            "Follow the link in the mail that was sent on registration.",
            None,
        )
    if not second_factor.is_on(user):
        return
    if code is None:
        raise bearer.refusal(
            "code-needed", "This account has a second factor: send its code as well.", None
        )
    if not passes(user, code):
        raise bearer.refusal(
            "code-needed", "This code is wrong, or was used before; wait for the next one.", None
        )
