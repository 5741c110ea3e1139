"""The master passwords of DocumentDB clusters: kept as salted hashes, checked by `POST /_prod_infra/docdb/login`.

The rules are those of https://docs.aws.amazon.com/documentdb/latest/developerguide/API_CreateDBCluster.html.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from moto.rds import exceptions

SHORTEST, LONGEST = 8, 100
REFUSED = frozenset('/"@ ')


def check(password: str) -> None:
    """Raise AWS's InvalidParameterValue for a password that can't be; it never repeats the password."""
    problem = ""
    if not password:
        raise exceptions.InvalidParameterValue(
            "The parameter MasterUserPassword must be provided and must not be blank."
        )
    if len(password) < SHORTEST:
        problem = f"it is shorter than {SHORTEST} characters."
    elif len(password) > LONGEST:
        problem = f"it is longer than {LONGEST} characters."
    elif not (password.isascii() and password.isprintable()) or REFUSED & set(password):
        problem = "Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
    if problem:
        raise exceptions.InvalidParameterValue(
            f"The parameter MasterUserPassword is not a valid password because {problem}"
        )


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1)


@dataclass(frozen=True)
class Password:
    """A password from a time on, without the password itself.

    Attributes:
        since: epoch seconds.
    """

    since: float
    _salt: bytes = field(repr=False)
    _hash: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str) -> Password:
        """Return what to keep of a password that counts from now on."""
        salt = secrets.token_bytes(16)
        return cls(time.time(), salt, _digest(password, salt))

    def matches(self, password: str) -> bool:
        """Return whether it is this one."""
        return hmac.compare_digest(self._hash, _digest(password, self._salt))
