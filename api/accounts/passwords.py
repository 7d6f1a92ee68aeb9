"""Passwords: bcrypt hashes, the 72-byte limit, rehash when the work factor rises (91).

bcrypt reads 72 bytes and no more. Until its release 5.0.0 it cut a longer password without a word, and
since then it raises ValueError; here such a password is refused before it gets there.
Sources: https://flask-bcrypt.readthedocs.io/en/1.0.1/ and
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from functools import cache

from flask import current_app

from api.accounts.permissions import Role
from api.demonstrations import demonstrates
from api.extensions import bcrypt
from api.sentences import Sentence

MINIMUM_CHARACTERS = 10
MAXIMUM_BYTES = 72
#: zxcvbn's scale from 0 (guessed at once) to 4; 2 resists a thousand guesses a day for years.
MINIMUM_SCORE = 2
#: What zxcvbn says of a password that is easily guessed, so that it is among the texts to translate.
WARNINGS = (
    Sentence("Straight rows of keys are easy to guess"),
    Sentence("Short keyboard patterns are easy to guess"),
    Sentence('Repeats like "aaa" are easy to guess'),
    Sentence('Repeats like "abcabcabc" are only slightly harder to guess than "abc"'),
    Sentence('Sequences like "abc" or "6543" are easy to guess'),
    Sentence("Recent years are easy to guess"),
    Sentence("Dates are often easy to guess"),
    Sentence("This is a top-10 common password"),
    Sentence("This is a top-100 common password"),
    Sentence("This is a very common password"),
    Sentence("This is similar to a commonly used password"),
    Sentence("A word by itself is easy to guess"),
    Sentence("Names and surnames by themselves are easy to guess"),
    Sentence("Common names and surnames are easy to guess"),
)


def faults_of(password: str, *known: str | None) -> list[str]:
    """Return every reason why a password is refused.

    :param known: what an attacker would try first: the user's name and address.
    """
    faults: list[str] = []
    if len(password) < MINIMUM_CHARACTERS:
        faults.append(Sentence("Shorter than %(count)s characters.", count=MINIMUM_CHARACTERS))
    size = len(password.encode())
    if size > MAXIMUM_BYTES:
        faults.append(
            Sentence(
                "Is %(size)s bytes of UTF-8; bcrypt takes %(most)s at most.",
                size=size,
                most=MAXIMUM_BYTES,
            )
        )
    if not demo_passwords_hold() and password in _DEMO:
        faults.append(Sentence("Is printed in the source code."))
    if not faults:
        # Its lists of words are read when it is imported: for new passwords, not for every start.
        from zxcvbn import zxcvbn

        words = [part for word in known if word for part in (word, word.partition("@")[0])]
        estimate = zxcvbn(password, user_inputs=words)
        if estimate["score"] < MINIMUM_SCORE:
            warning = estimate["feedback"]["warning"].rstrip(".")
            faults.append(
                Sentence("Too easy to guess: %(why)s.", why=Sentence(warning))
                if warning
                else Sentence("Too easy to guess.")
            )
    return faults


@demonstrates(
    91,
    at="POST v1.sign_ins",
    test="tests/accounts/test_passwords.py::test_a_hash_carries_its_factor",
)
def hashed(password: str) -> str:
    """Return the bcrypt hash of a password by the factor of the settings."""
    made: str = bcrypt.generate_password_hash(password, _rounds()).decode()
    return made


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one behind a hash, in the same time whether or not there is one.

    An unknown user's password is checked against a hash that nothing matches: otherwise the quick
    refusal would tell a stranger which names exist.
    """
    printed = password in _DEMO and not demo_passwords_hold()
    if printed or len(password.encode()) > MAXIMUM_BYTES:
        password, stored = "", None
    found = bool(bcrypt.check_password_hash(stored or _nobody(_rounds()), password))
    return found and stored is not None


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made with a lower factor than is asked for today."""
    return int(stored.split("$")[2]) < _rounds()


def demo_password(role: Role) -> str:
    """Return the password of a role's demo account, which everybody may know."""
    return f"demo-{role.value}-password"


_DEMO = frozenset(map(demo_password, Role))


def demo_passwords_hold() -> bool:
    """Tell whether a demo password opens anything: in development only."""
    return bool(current_app.config["APP_ENV"] == "development")


def _rounds() -> int:
    return int(current_app.config["BCRYPT_LOG_ROUNDS"])


@cache
def _nobody(rounds: int) -> str:
    made: str = bcrypt.generate_password_hash("nobody's password", rounds).decode()
    return made
